//! `sqlalchemy.ext.mutable`: classes that watch a value change. What they wrap stays the type that it is.

use std::any::Any;
use std::rc::Rc;

use crate::alembic::object::{self, Interp, Object};
use crate::python::{Arguments, Class, Eval, HostRef, Value};
use crate::unknown::Reason;

const CLASSES: &[&str] = &[
    "Mutable",
    "MutableBase",
    "MutableComposite",
    "MutableDict",
    "MutableList",
    "MutableSet",
];

/// Names of `sqlalchemy.ext.mutable`.
pub(super) fn lookup(module: &str, name: &str) -> Option<Value> {
    if module != "sqlalchemy.ext.mutable" {
        return None;
    }
    let name = CLASSES.iter().find(|known| **known == name)?;
    Some(object::value(MutableClass(name)))
}

#[derive(Debug)]
struct MutableClass(&'static str);

/// What the class and those that derive from it offer; `None`: the value itself is not modelled.
fn method(name: &str) -> Option<Value> {
    matches!(name, "as_mutable").then(|| {
        object::function("as_mutable", |interp, arguments| {
            Ok(match arguments.get(0, "sqltype") {
                Some(sqltype) => sqltype.clone(),
                None => interp.unknown(Reason::Unsupported, "as_mutable()"),
            })
        })
    })
}

impl Object for MutableClass {
    fn type_name(&self) -> &'static str {
        self.0
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(method(name))
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, _: Arguments) -> Eval<Value> {
        Ok(interp.unknown(Reason::Unsupported, &format!("{}(...)", self.0)))
    }
    fn instantiate(
        &self,
        interp: &mut Interp,
        class: &Rc<Class>,
        _: &Arguments,
    ) -> Eval<Option<Value>> {
        let what = format!("{}(...)", class.name);
        Ok(Some(interp.unknown(Reason::Unsupported, &what)))
    }
    fn inherited(
        &self,
        interp: &mut Interp,
        _: &Value,
        class: &Rc<Class>,
        name: &str,
    ) -> Eval<Option<Value>> {
        Ok(Some(method(name).unwrap_or_else(|| {
            interp.unknown(Reason::Unsupported, &format!("{}.{name}", class.name))
        })))
    }
}
