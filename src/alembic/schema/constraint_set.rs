//! `table.constraints`: a set of the table's own, which grows and shrinks with it.

use std::any::Any;

use super::Table;
use super::constraint::Constraint;
use crate::alembic::object::{self, Interp, Object};
use crate::python::value::HostRef;
use crate::python::{Arguments, Eval, Value};

/// The set of a table.
#[derive(Debug)]
pub(super) struct ConstraintSet(pub(super) HostRef);

impl ConstraintSet {
    fn values(&self) -> Vec<Value> {
        object::downcast::<Table>(&self.0)
            .map(|table| {
                let data = table.data.borrow();
                [
                    data.reflected_foreign_keys.as_slice(),
                    data.reflected_uniques.as_slice(),
                    data.constraints.as_slice(),
                ]
                .concat()
            })
            .unwrap_or_default()
    }
}

impl Object for ConstraintSet {
    fn type_name(&self) -> &'static str {
        "set"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["add", "discard", "remove"]
    }
    fn invoke(
        &self,
        _: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        if let (Some(table), Some(wanted)) = (
            object::downcast::<Table>(&self.0),
            arguments.positional.first(),
        ) {
            let is_it = |value: &Value| match (value, wanted) {
                (Value::Host(one), Value::Host(two)) => std::rc::Rc::ptr_eq(&one.0, &two.0),
                _ => false,
            };
            let constraints = &mut table.data.borrow_mut().constraints;
            if method != "add" {
                constraints.retain(|value| !is_it(value));
            } else if !constraints.iter().any(is_it) {
                constraints.push(wanted.clone());
            }
        }
        Ok(Value::None)
    }
    fn iterate(&self, _: &mut Interp, _: &HostRef) -> Eval<Value> {
        let values = self.values();
        for constraint in values.iter().filter_map(object::get::<Constraint>) {
            constraint.belongs_to(&self.0);
        }
        Ok(Value::list(values))
    }
    fn length(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<usize>> {
        Ok(Some(self.values().len()))
    }
    fn live_size(&self) -> Option<usize> {
        Some(self.values().len())
    }
}
