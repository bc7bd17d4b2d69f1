//! Which attributes of a model's object were set: one that never was is None to Python, is left to its default in an INSERT, and is no
//! part of what `Session.merge()` copies.

use std::any::Any;
use std::rc::Rc;

use smol_str::SmolStr;

use crate::alembic::object::{self, Object};
use crate::python::{Arguments, Instance, Value};

/// The attribute in which SQLAlchemy keeps it.
pub(super) const STATE: &str = "_sa_instance_state";

/// What the constructor was given.
#[derive(Debug)]
struct State {
    given: Vec<SmolStr>,
}

impl Object for State {
    fn type_name(&self) -> &'static str {
        "InstanceState"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The state of an object that is made with these arguments.
pub(super) fn of(arguments: &Arguments) -> Value {
    let given = arguments.keyword.iter().map(|(name, _)| name.clone());
    object::value(State {
        given: given.collect(),
    })
}

/// Whether an attribute was set; to None by the constructor's arguments only, as far as that is known.
pub(super) fn is_set(instance: &Rc<Instance>, name: &str) -> bool {
    let attributes = instance.attributes.borrow();
    let state = attributes.get(STATE).and_then(object::get::<State>);
    match (attributes.get(name), state) {
        (None, _) => false,
        (Some(Value::None), Some(state)) => state.given.iter().any(|given| given == name),
        (Some(_), _) => true,
    }
}
