//! `@validates("name", ...)`: a model's function through which the values of attributes go when an object is made.

use std::any::Any;
use std::rc::Rc;

use smol_str::SmolStr;

use super::state;
use crate::alembic::object::{self, Interp, Object, function};
use crate::python::{Arguments, Eval, HostRef, Instance, Value};

/// `validates(...)`, still without its function.
#[derive(Debug)]
struct Decorator {
    names: Vec<SmolStr>,
}

impl Object for Decorator {
    fn type_name(&self) -> &'static str {
        "function"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(&self, _: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        let function = arguments.positional.first().cloned();
        Ok(object::value(Validator {
            names: self.names.clone(),
            function: function.unwrap_or(Value::None),
        }))
    }
}

/// A validator, where the class has its function.
#[derive(Debug)]
struct Validator {
    names: Vec<SmolStr>,
    function: Value,
}

impl Object for Validator {
    fn type_name(&self) -> &'static str {
        "function"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

pub(super) fn lookup(name: &str) -> Option<Value> {
    (name == "validates").then(|| {
        function("validates", |_, arguments| {
            let names = arguments.positional.iter();
            Ok(object::value(Decorator {
                names: names
                    .filter_map(|name| name.as_str().map(SmolStr::new))
                    .collect(),
            }))
        })
    })
}

/// Puts the values that a new object was given through the validators of its class.
pub(super) fn apply(interp: &mut Interp, instance: &Rc<Instance>) -> Eval<()> {
    let all: Vec<Value> = instance
        .class
        .namespace
        .borrow()
        .values()
        .cloned()
        .collect();
    for validator in all.iter().filter_map(object::get::<Validator>) {
        for name in &validator.names {
            let Some(value) = instance.attributes.borrow().get(name).cloned() else {
                continue;
            };
            if !state::is_set(instance, name) {
                continue;
            }
            let arguments = Arguments {
                positional: vec![
                    Value::Instance(instance.clone()),
                    Value::str(name.as_str()),
                    value,
                ],
                ..Arguments::default()
            };
            let valid = interp.call(&validator.function, arguments)?;
            instance.attributes.borrow_mut().insert(name.clone(), valid);
        }
    }
    Ok(())
}
