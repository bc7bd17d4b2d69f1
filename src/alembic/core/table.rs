//! What tables can do beside being made: `table.c`, `insert()`, `select()`, `alias()`.
//!
//! `schema::Table` and `schema::Column` hand their methods and operators to this file and to [`super::operators`].

use std::any::Any;
use std::cell::RefCell;

use smol_str::SmolStr;

use super::convert::column_name;
use super::dml::{self, Kind};
use super::select::{SelectObject, join};
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::schema::{Column, Table};
use crate::postgres::expression::JoinKind;
use crate::python::{Arguments, Eval, HostRef, Truth, Value};
use crate::unknown::{Reason, Unknown};

/// Names of this file.
pub fn lookup(name: &str) -> Option<Value> {
    let _ = name;
    None
}

/// Methods of a Table that this file knows.
pub const TABLE_METHODS: &[&str] = &[
    "insert",
    "update",
    "delete",
    "select",
    "alias",
    "join",
    "outerjoin",
    "count",
    "tablesample",
];

/// A method of a Table.
pub fn table_method(
    interp: &mut Interp,
    this: &HostRef,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let table = Value::Host(this.clone());
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
    object::value(Table {
        data: RefCell::new(data),
    })
}

/// `table.c`, `table.columns`.
pub fn columns(table: &HostRef) -> Value {
    object::value(Columns {
        table: table.clone(),
    })
}

/// The columns of a table by key.
#[derive(Debug)]
struct Columns {
    table: HostRef,
}

impl Columns {
    fn list(&self) -> Vec<Value> {
        object::downcast::<Table>(&self.table)
            .map(|table| table.data.borrow().columns.clone())
            .unwrap_or_default()
    }

    fn is_incomplete(&self) -> bool {
        object::downcast::<Table>(&self.table).is_none_or(|table| table.data.borrow().incomplete)
    }

    fn key(column: &Value) -> Option<SmolStr> {
        let column = object::get::<Column>(column)?;
        let data = column.data.borrow();
        Some(data.key.clone().unwrap_or_else(|| data.name.clone()))
    }

    fn find(&self, name: &str) -> Option<Value> {
        self.list()
            .into_iter()
            .find(|column| Self::key(column).as_deref() == Some(name))
    }

    /// A column that an incomplete table may have.
    fn assumed(&self, name: &str) -> Option<Value> {
        if !self.is_incomplete() {
            return None;
        }
        let table = object::downcast::<Table>(&self.table)?;
        let data = table.data.borrow();
        Some(object::value(Column {
            data: RefCell::new(crate::alembic::schema::ColumnData {
                name: SmolStr::new(name),
                table: Some(data.name.clone()),
                alias: data.alias.clone(),
                ..Default::default()
            }),
        }))
    }

    fn unknown(&self) -> Unknown {
        Unknown::new(Reason::Catalog, "columns of a table")
    }
}

impl Object for Columns {
    fn type_name(&self) -> &'static str {
        "ReadOnlyColumnCollection"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "keys",
            "values",
            "items",
            "get",
            "contains_column",
            "has_key",
        ]
    }
    fn is_closed(&self) -> bool {
        true
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if let Some(found) = self.find(name) {
            return Ok(Some(found));
        }
        if name.starts_with("__") || self.methods().contains(&name) {
            return Ok(None);
        }
        Ok(self.assumed(name))
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let text =
            |column: &Value| Self::key(column).map_or(Value::None, |key| Value::str(key.as_str()));
        let first = arguments.positional.first().cloned().unwrap_or(Value::None);
        match method {
            "get" => {
                let found = column_name(&first)
                    .and_then(|name| self.find(&name).or_else(|| self.assumed(&name)));
                Ok(found
                    .or_else(|| arguments.get(1, "default").cloned())
                    .unwrap_or(Value::None))
            }
            "contains_column" | "has_key" => Ok(match self.contains(interp, this, &first)? {
                Truth::Known(known) => Value::Bool(known),
                Truth::Unknown(unknown) => Value::unknown(unknown),
            }),
            _ if self.is_incomplete() => Ok(Value::unknown(self.unknown())),
            "keys" => Ok(Value::list(self.list().iter().map(text).collect())),
            "values" => Ok(Value::list(self.list())),
            _ => Ok(Value::list(
                self.list()
                    .into_iter()
                    .map(|column| Value::tuple(vec![text(&column), column]))
                    .collect(),
            )),
        }
    }
    fn item(&self, interp: &mut Interp, _: &HostRef, index: &Value) -> Eval<Value> {
        if let Value::Int(index) = index
            && let Some(column) = usize::try_from(*index)
                .ok()
                .and_then(|index| self.list().get(index).cloned())
        {
            return Ok(column);
        }
        let Some(name) = column_name(index) else {
            return Ok(interp.unknown(Reason::Unsupported, "columns[...]"));
        };
        match self.find(&name).or_else(|| self.assumed(&name)) {
            Some(column) => Ok(column),
            None => Err(interp.error("KeyError", &name)),
        }
    }
    fn iterate(&self, _: &mut Interp, _: &HostRef) -> Eval<Value> {
        if self.is_incomplete() {
            return Ok(Value::unknown(self.unknown()));
        }
        Ok(Value::list(self.list()))
    }
    fn contains(&self, _: &mut Interp, _: &HostRef, item: &Value) -> Eval<Truth> {
        let Some(name) = column_name(item) else {
            return Ok(Truth::Unknown(self.unknown()));
        };
        if self.find(&name).is_some() {
            return Ok(Truth::Known(true));
        }
        Ok(if self.is_incomplete() {
            Truth::Unknown(self.unknown())
        } else {
            Truth::Known(false)
        })
    }
    fn length(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<usize>> {
        Ok((!self.is_incomplete()).then(|| self.list().len()))
    }
}
