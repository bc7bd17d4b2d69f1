//! `Table`, `Column` and what hangs on them: SQLAlchemy's schema constructs, also the light `sa.table`, `sa.column`.

pub mod build;
pub mod column;
pub mod constraint;
mod constraint_set;
mod create_all;
pub mod ddl;
mod events;
pub mod generated;
pub mod index;
pub mod metadata;
pub mod table;
mod tables;
#[cfg(test)]
mod tests;

use std::cell::RefCell;

use smol_str::SmolStr;

use super::object::Interp;
use crate::postgres::name::Name;
use crate::python::Value;
pub use build::server_default;
pub use ddl::ddl_statements;
pub use metadata::metadata_schema;

/// Looks up the names of this area: schema constructs in `sqlalchemy`, `sqlalchemy.schema` and the like.
pub fn lookup(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if let Some(found) = events::lookup(module, name) {
        return Some(found);
    }
    if !(module == "sqlalchemy"
        || module.starts_with("sqlalchemy.schema")
        || module.starts_with("sqlalchemy.sql")
        || module.starts_with("sqlalchemy.dialects.postgresql"))
    {
        return None;
    }
    column::lookup(name)
        .or_else(|| table::lookup(name))
        .or_else(|| constraint::lookup(name))
        .or_else(|| index::lookup(name))
        .or_else(|| generated::lookup(name))
        .or_else(|| ddl::lookup(name))
        .or_else(|| metadata::lookup(interp, name))
}

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
    /// `mapped_column(sort_order=...)`: its place among the columns of a model.
    pub sort_order: i64,
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
    /// Indexes that were made of it when it stood in its table already: they are the table's, as SQLAlchemy has it.
    pub indexes: Vec<Value>,
}

impl ColumnData {
    /// Takes over what another column says and this one leaves open: that of `Annotated[int, mapped_column(...)]`.
    pub fn take_from(&mut self, other: Self) {
        self.type_ = self.type_.take().or(other.type_);
        self.nullable = self.nullable.or(other.nullable);
        self.primary_key |= other.primary_key;
        self.unique |= other.unique;
        self.index |= other.index;
        self.autoincrement = self.autoincrement.or(other.autoincrement);
        self.server_default = self.server_default.take().or(other.server_default);
        self.default = self.default.take().or(other.default);
        self.comment = self.comment.take().or(other.comment);
        if self.items.is_empty() {
            self.items = other.items;
        }
    }
}

/// `sa.Table`, `sa.table`.
#[derive(Debug, Default)]
pub struct Table {
    /// What it was made of.
    pub data: RefCell<TableData>,
    /// What is called before and behind its making and dropping.
    pub listeners: events::Listeners,
}

impl Table {
    /// A table of these parts.
    pub fn of(data: TableData) -> Self {
        Self {
            data: RefCell::new(data),
            listeners: RefCell::default(),
        }
    }
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
    /// Foreign keys that it was reflected with, as constraints.
    pub reflected_foreign_keys: Vec<Value>,
    /// Unique constraints that it was reflected with.
    pub reflected_uniques: Vec<Value>,
    /// The name of its primary key, as reflection found it.
    pub reflected_key: Option<SmolStr>,
    /// Indexes that it was reflected with, but for those of constraints.
    pub reflected_indexes: Vec<Value>,
    /// The MetaData that it belongs to.
    pub metadata: Option<Value>,
    pub comment: Option<Value>,
    pub alias: Option<SmolStr>,
    /// Columns are not all known (reflected in an open world, unknown arguments).
    pub incomplete: bool,
    /// `prefixes`, `info` and other keyword arguments that matter.
    pub prefixes: Vec<SmolStr>,
}
