//! Dataclasses and named tuples: fields from annotations, instances from arguments.

use std::rc::Rc;

use smol_str::SmolStr;

use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::Interpreter;
use crate::python::value::{Class, Instance, Key, Value};

/// Names of the fields that a class annotates, those of its bases first.
fn annotated_fields(class: &Class) -> Vec<SmolStr> {
    let mut fields: Vec<SmolStr> = Vec::new();
    for base in class.bases.iter().rev() {
        if let Value::Class(base) = base {
            fields.extend(annotated_fields(base));
        }
    }
    if let Some(Value::Dict(annotations)) = class.namespace.borrow().get("__annotations__") {
        for key in annotations.borrow().keys() {
            if let Key::Str(name) = key
                && !fields.iter().any(|field| **field == **name)
            {
                fields.push(name.as_ref().into());
            }
        }
    }
    fields
}

/// Field names of a named tuple, in order; `None`: the class is none.
pub(crate) fn tuple_fields(class: &Class) -> Option<Vec<SmolStr>> {
    if !class.is_subclass_of("NamedTuple") {
        return None;
    }
    if let Some(Value::Tuple(names)) = class.lookup("_fields") {
        return Some(
            names
                .iter()
                .filter_map(|name| name.as_str().map(SmolStr::new))
                .collect(),
        );
    }
    Some(annotated_fields(class))
}

/// Fields that `__init__` of a dataclass or named tuple takes; `None`: the class is none.
pub(crate) fn fields(class: &Class) -> Option<Vec<SmolStr>> {
    if let Some(fields) = tuple_fields(class) {
        return Some(fields);
    }
    class
        .lookup("__dataclass_fields__")
        .map(|_| annotated_fields(class))
}

/// Gives a new instance the attributes that its arguments and the defaults say.
pub(crate) fn initialise<H: Host>(
    interpreter: &mut Interpreter<H>,
    instance: &Rc<Instance>,
    fields: &[SmolStr],
    arguments: &Arguments,
) -> Eval<()> {
    for (position, field) in fields.iter().enumerate() {
        let given = arguments.get(position, field).cloned();
        let value = match given {
            Some(value) => value,
            None if arguments.incomplete => interpreter.unsupported(field),
            None => match instance.class.lookup(field) {
                Some(default) => default_of(interpreter, &default)?,
                None => {
                    let message = format!(
                        "{}.__init__() missing 1 required argument: '{field}'",
                        instance.class.name
                    );
                    return Err(interpreter.error("TypeError", &message));
                }
            },
        };
        instance
            .attributes
            .borrow_mut()
            .insert(field.clone(), value);
    }
    if let Some(after) = instance.class.lookup("__post_init__") {
        let value = Value::Instance(instance.clone());
        let after = interpreter.bind_to(&value, &instance.class, after)?;
        interpreter.call(&after, Arguments::default())?;
    }
    Ok(())
}

/// `field(default=..., default_factory=...)`.
fn default_of<H: Host>(interpreter: &mut Interpreter<H>, default: &Value) -> Eval<Value> {
    let Value::Instance(field) = default else {
        return Ok(default.clone());
    };
    if field.class.name != "Field" {
        return Ok(default.clone());
    }
    let attributes = field.attributes.borrow().clone();
    if let Some(value) = attributes.get("default") {
        return Ok(value.clone());
    }
    match attributes.get("default_factory") {
        Some(factory) => interpreter.call(factory, Arguments::default()),
        None => Ok(Value::None),
    }
}
