//! What tables can do beside being made: `insert()`, `select()`, `join()`, `alias()`.
//!
//! `schema::Table` and `schema::Column` hand their methods and operators to this file and to [`super::operators`].

use std::cell::RefCell;

use smol_str::SmolStr;

use super::dml::{self, Kind};
use super::select::{SelectObject, join};
use crate::alembic::object::{self, Interp};
use crate::alembic::schema::{Column, Table};
use crate::postgres::expression::JoinKind;
use crate::python::{Arguments, Eval, Value};
use crate::unknown::Reason;

/// A method of a Table.
pub fn table_method(
    interp: &mut Interp,
    table: &Value,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let table = table.clone();
    match method {
        "insert" => dml::start(interp, table, Kind::Insert, arguments),
        "update" => dml::start(interp, table, Kind::Update, arguments),
        "delete" => dml::start(interp, table, Kind::Delete, arguments),
        "select" => {
            let mut select = SelectObject::of_targets(interp, &[table])?;
            if let Some(filter) = arguments.get(0, "whereclause").cloned() {
                select.add_filter(interp, &filter)?;
            }
            Ok(object::value(select))
        }
        "alias" => {
            let name = arguments
                .get(0, "name")
                .and_then(Value::as_str)
                .map(SmolStr::new);
            Ok(alias(&table, name))
        }
        "join" => join(interp, &table, arguments, JoinKind::Inner),
        "outerjoin" => join(interp, &table, arguments, JoinKind::Left),
        _ => Ok(interp.unknown(Reason::Unsupported, &format!("table.{method}()"))),
    }
}

/// A table under another name in queries.
pub fn alias(table: &Value, name: Option<SmolStr>) -> Value {
    let Some(original) = object::get::<Table>(table) else {
        return table.clone();
    };
    let mut data = original.data.borrow().clone();
    let name = name.unwrap_or_else(|| SmolStr::new(format!("{}_1", data.name.name)));
    data.alias = Some(name.clone());
    data.columns = data
        .columns
        .iter()
        .map(|column| match object::get::<Column>(column) {
            Some(column) => {
                let mut column = column.data.borrow().clone();
                column.alias = Some(name.clone());
                object::value(Column {
                    data: RefCell::new(column),
                })
            }
            None => column.clone(),
        })
        .collect();
    object::value(Table::of(data))
}
