//! pydantic's `Field(...)`: what an attribute of settings is where nothing else sets it.

use super::object::{Interp, function};
use crate::python::{Arguments, Eval, Value};
use crate::unknown::Reason;

/// The package; of it, what is not here is not known.
pub(super) const PACKAGE: &str = "pydantic";

pub(super) fn lookup(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if !module.starts_with(PACKAGE) {
        return None;
    }
    Some(match name {
        "Field" => function("Field", field),
        "PrivateAttr" => function("PrivateAttr", field),
        _ => interp.unknown(Reason::Environment, &format!("{module}.{name}")),
    })
}

/// The default of a field; one without has a value that the environment gives.
fn field(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    match arguments.get(0, "default") {
        Some(Value::Ellipsis) | None => {}
        Some(default) => return Ok(default.clone()),
    }
    match arguments.named("default_factory") {
        Some(factory) => {
            let factory = factory.clone();
            interp.call(&factory, Arguments::default())
        }
        None => Ok(interp.unknown(Reason::Environment, "a field without a default")),
    }
}
