//! `metadata.tables`: the tables of a MetaData by name.
//!
//! What reflection did not find and a migration takes out all the same (`meta.tables["users"]`) is a use as direct as
//! `Table("users", meta, autoload_with=bind)`: a table that was never heard of is taken to be there.

use std::any::Any;

use super::metadata::MetaData;
use super::table;
use crate::alembic::arguments::name_of;
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::reflection;
use crate::python::value::HostRef;
use crate::python::{Arguments, Eval, Truth, Value};
use crate::unknown::Reason;

/// The mapping of a MetaData.
#[derive(Debug)]
pub(super) struct Tables(pub(super) HostRef);

impl Tables {
    fn metadata(&self) -> Option<&MetaData> {
        object::downcast::<MetaData>(&self.0)
    }

    /// What is in it now.
    fn snapshot(&self) -> Value {
        self.metadata().map_or(Value::None, |metadata| {
            table::tables_dict(&metadata.tables.borrow())
        })
    }

    fn find(&self, interp: &mut Interp, key: &Value) -> Eval<Option<Value>> {
        let name = name_of(interp, key)?.unwrap_or_default();
        Ok(self
            .metadata()
            .and_then(|metadata| metadata.tables.borrow().get(&name).cloned()))
    }

    /// Whether there may be more tables in it than are known.
    fn is_incomplete(&self) -> bool {
        self.metadata()
            .is_some_and(|metadata| *metadata.incomplete.borrow())
    }
}

impl Object for Tables {
    fn type_name(&self) -> &'static str {
        "FacadeDict"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["get"]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        _: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let Some(key) = arguments.positional.first() else {
            return Ok(Value::None);
        };
        Ok(match self.find(interp, key)? {
            Some(found) => found,
            None if self.is_incomplete() => interp.unknown(Reason::Catalog, "metadata.tables"),
            None => arguments.positional.get(1).cloned().unwrap_or(Value::None),
        })
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if name == "get" {
            return Ok(None);
        }
        interp.attribute_or_none(&self.snapshot(), name)
    }
    fn item(&self, interp: &mut Interp, _: &HostRef, index: &Value) -> Eval<Value> {
        if let Some(found) = self.find(interp, index)? {
            return Ok(found);
        }
        let name = name_of(interp, index)?.unwrap_or_default();
        if let Some(metadata) = self.metadata()
            && *metadata.reflected.borrow()
            && !crate::unknown::has_hole(&name)
            && let Some(made) =
                reflection::expected_table(interp, &Value::Host(self.0.clone()), &name)?
        {
            return Ok(made);
        }
        if self.is_incomplete() {
            return Ok(interp.unknown(Reason::Catalog, "metadata.tables"));
        }
        let shown = format!("'{name}'");
        Err(interp.error("KeyError", &shown))
    }
    fn iterate(&self, _: &mut Interp, _: &HostRef) -> Eval<Value> {
        Ok(self.snapshot())
    }
    fn contains(&self, interp: &mut Interp, _: &HostRef, item: &Value) -> Eval<Truth> {
        if self.find(interp, item)?.is_some() {
            return Ok(Truth::Known(true));
        }
        if self.is_incomplete() {
            let unknown = interp.unknown_at(Reason::Catalog, "metadata.tables");
            return Ok(Truth::Unknown(unknown));
        }
        Ok(Truth::Known(false))
    }
    fn truth(&self, interp: &mut Interp, this: &HostRef) -> Eval<Truth> {
        let length = self.length(interp, this)?;
        Ok(Truth::Known(length.is_some_and(|length| length > 0)))
    }
    fn length(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<usize>> {
        Ok(self
            .metadata()
            .map(|metadata| metadata.tables.borrow().len()))
    }
}
