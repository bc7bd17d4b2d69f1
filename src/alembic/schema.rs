//! `Table`, `Column` and what hangs on them: SQLAlchemy's schema constructs, also the light `sa.table`, `sa.column`.

use std::cell::RefCell;

use smol_str::SmolStr;

use crate::postgres::name::Name;
use crate::python::{Arguments, Eval, HostOperator, HostRef, Value};

use super::core::{operators, table};
use super::object::{Interp, Object};

/// `sa.Column`, `sa.column`.
#[derive(Debug, Default)]
pub struct Column {
    /// What it was made of; a Table fills in its name.
    pub data: RefCell<ColumnData>,
}

/// The parts of a column.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct ColumnData {
    pub name: SmolStr,
    /// The attribute under which `table.c` has it, where it differs from the name.
    pub key: Option<SmolStr>,
    /// The SQLAlchemy type: an object, a class, or unknown; `None` where none was given.
    pub type_: Option<Value>,
    pub nullable: Option<bool>,
    pub primary_key: bool,
    pub unique: bool,
    pub index: bool,
    pub autoincrement: Option<bool>,
    pub server_default: Option<Value>,
    pub default: Option<Value>,
    pub comment: Option<Value>,
    /// ForeignKey, CheckConstraint, Computed, Identity, Sequence objects given as arguments.
    pub items: Vec<Value>,
    /// The table that it belongs to.
    pub table: Option<Name>,
    /// The alias of that table in a query, if it was aliased.
    pub alias: Option<SmolStr>,
}

/// `sa.Table`, `sa.table`.
#[derive(Debug, Default)]
pub struct Table {
    /// What it was made of.
    pub data: RefCell<TableData>,
}

/// The parts of a table.
#[derive(Clone, Debug, Default)]
#[allow(missing_docs)]
pub struct TableData {
    pub name: Name,
    /// Column objects in order.
    pub columns: Vec<Value>,
    /// Constraint objects.
    pub constraints: Vec<Value>,
    /// Index objects.
    pub indexes: Vec<Value>,
    /// The MetaData that it belongs to.
    pub metadata: Option<Value>,
    pub comment: Option<Value>,
    pub alias: Option<SmolStr>,
    /// Columns are not all known (reflected in an open world, unknown arguments).
    pub incomplete: bool,
    /// `prefixes`, `info` and other keyword arguments that matter.
    pub prefixes: Vec<SmolStr>,
}

impl Object for Column {
    fn type_name(&self) -> &'static str {
        "Column"
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        operators::METHODS
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        operators::attribute(interp, &Value::Host(this.clone()), name)
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        operators::method(interp, &Value::Host(this.clone()), method, &arguments)
    }
    fn operator(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        operator: HostOperator,
        other: &Value,
        reflected: bool,
    ) -> Eval<Option<Value>> {
        operators::binary(
            interp,
            &Value::Host(this.clone()),
            operator,
            other,
            reflected,
        )
    }
}

impl Object for Table {
    fn type_name(&self) -> &'static str {
        "Table"
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        table::TABLE_METHODS
    }
    fn attribute(&self, _: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(matches!(name, "c" | "columns").then(|| table::columns(this)))
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        table::table_method(interp, this, method, &arguments)
    }
}
