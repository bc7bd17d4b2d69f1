//! The ORM: declarative models become Tables, sessions send what their objects need.

mod annotated;
mod automap;
pub mod flask;
mod mapper;
mod members;
pub mod model;
mod mutable;
pub mod query;
mod registry;
mod relationships;
pub mod session;
mod sqlmodel;
mod state;
#[cfg(test)]
mod tests;
mod validators;

use smol_str::SmolStr;

use super::object::{self, Interp, function};
use super::schema::Table;
use crate::python::{Arguments, Eval, Value};
use crate::unknown::Reason;

pub use model::AliasedClass;

/// Names of `sqlalchemy.orm` and `sqlalchemy.ext`.
pub fn lookup(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if !super::modules::is_sqlalchemy(module) {
        return flask::lookup(module, name);
    }
    sqlmodel::lookup(interp, module, name)
        .or_else(|| mutable::lookup(module, name))
        .or_else(|| model::lookup(name))
        .or_else(|| session::lookup(name))
        .or_else(|| validators::lookup(name))
        .or_else(|| loader(name))
}

/// Loader options and relationships: they change no statement that is modelled.
fn loader(name: &str) -> Option<Value> {
    const IGNORED: &[&str] = &[
        "relationship",
        "backref",
        "joinedload",
        "selectinload",
        "subqueryload",
        "lazyload",
        "load_only",
        "defer",
        "undefer",
        "noload",
        "raiseload",
        "contains_eager",
        "foreign",
        "remote",
        "configure_mappers",
        "reconstructor",
        "deferred",
        "column_property",
        "composite",
        "dynamic_loader",
        "association_proxy",
        "with_polymorphic",
        "object_session",
        "viewonly",
        "synonym",
        "attribute_mapped_collection",
    ];
    IGNORED.iter().find(|known| **known == name).map(|name| {
        function(name, |interp, _| {
            Ok(interp.unknown(Reason::Unsupported, "an ORM construct"))
        })
    })
}

/// The Table behind a Table, a model, an instance of one, or an alias of one.
pub fn table_of(value: &Value) -> Option<Value> {
    match value {
        Value::Host(_) if object::get::<Table>(value).is_some() => Some(value.clone()),
        Value::Host(_) => object::get::<AliasedClass>(value).map(|alias| alias.table.clone()),
        Value::Class(class) => class
            .lookup("__table__")
            .filter(|table| object::get::<Table>(table).is_some()),
        Value::Instance(instance) => table_of(&Value::Class(instance.class.clone())),
        _ => None,
    }
}

/// Calls a name of a module of the model: what another area makes.
pub fn make(interp: &mut Interp, module: &str, name: &str, arguments: Arguments) -> Eval<Value> {
    let Some(module) = super::modules::import(module) else {
        return Ok(interp.unknown(Reason::Unsupported, name));
    };
    let callee = interp.attribute(&module, name)?;
    interp.call(&callee, arguments)
}

/// Keys of a table's columns with the column objects, in order.
pub fn columns_of(table: &Value) -> Vec<(SmolStr, Value)> {
    let Some(table) = object::get::<Table>(table) else {
        return Vec::new();
    };
    table
        .data
        .borrow()
        .columns
        .iter()
        .filter_map(|column| {
            let data = object::get::<super::schema::Column>(column)?.data.borrow();
            let key = data.key.clone().unwrap_or_else(|| data.name.clone());
            Some((key, column.clone()))
        })
        .collect()
}
