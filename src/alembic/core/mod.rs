//! SQLAlchemy Core: expressions, SELECT, INSERT, UPDATE, DELETE as objects that become statements.
//!
//! In: Python values. Out: [`Expr`] and [`crate::postgres::Statement`]. What can't be read is [`Expr::Unknown`], never
//! dropped. Constructs are generative, as SQLAlchemy's are: each method gives a new object.

pub mod convert;
pub mod dml;
pub mod functions;
pub mod operators;
pub mod select;
pub mod substitute;
pub mod table;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::rc::Rc;

use smol_str::SmolStr;

use super::object::{self, Interp, Object};
use crate::postgres::Expr;
use crate::postgres::expression::{CommonTable, FromItem, TypeName};
use crate::python::{Arguments, Eval, HostOperator, HostRef, Value};
use crate::unknown::Reason;

pub use convert::{Converted, convert, expression};

/// A member of FROM that an expression brings with it, and the CTEs that it needs.
#[derive(Clone, Debug, PartialEq)]
pub struct Source {
    /// The member of FROM.
    pub item: FromItem,
    /// CTEs that stand before the whole statement.
    pub with: Vec<CommonTable>,
}

/// How an expression sorts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Ordering {
    /// DESC.
    pub descending: bool,
    /// NULLS FIRST or LAST, where written.
    pub nulls_first: Option<bool>,
}

/// A column expression: SQLAlchemy's ColumnElement.
#[derive(Clone, Debug)]
pub struct Element {
    /// The expression.
    pub expr: Expr,
    /// Its label.
    pub label: Option<SmolStr>,
    /// What must stand in FROM for it.
    pub sources: Vec<Source>,
    /// How it sorts in ORDER BY.
    pub ordering: Option<Ordering>,
}

impl Element {
    /// An expression that needs nothing in FROM.
    pub fn new(expr: Expr) -> Self {
        Self {
            expr,
            label: None,
            sources: Vec::new(),
            ordering: None,
        }
    }

    /// An expression of what was converted.
    pub fn of(converted: Converted) -> Self {
        Self {
            expr: converted.expr,
            label: converted.label,
            sources: converted.sources,
            ordering: converted.ordering,
        }
    }

    /// The name under which a row has its value.
    pub fn name(&self) -> Option<SmolStr> {
        if let Some(label) = &self.label {
            return Some(label.clone());
        }
        match &self.expr {
            Expr::Column { name, .. } => Some(name.clone()),
            Expr::Call { name, .. } => Some(name.name.clone()),
            _ => None,
        }
    }

    /// The element as a value.
    pub fn value(mut self) -> Value {
        self.expr = substitute::bounded(self.expr);
        object::value(self)
    }
}

impl Object for Element {
    fn type_name(&self) -> &'static str {
        match &self.expr {
            _ if self.label.is_some() => "Label",
            Expr::Column { .. } => "ColumnClause",
            Expr::Call { .. } => "Function",
            Expr::Parameter(_) => "BindParameter",
            _ => "ColumnElement",
        }
    }
    fn as_any(&self) -> &dyn Any {
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
    fn item(&self, interp: &mut Interp, this: &HostRef, index: &Value) -> Eval<Value> {
        operators::subscript(interp, &Value::Host(this.clone()), index)
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
    fn unary(&self, interp: &mut Interp, this: &HostRef, operator: &str) -> Eval<Option<Value>> {
        operators::unary(interp, &Value::Host(this.clone()), operator)
    }
    fn string(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<Rc<str>>> {
        Ok(self
            .name()
            .filter(|_| self.label.is_none())
            .map(|name| name.as_str().into()))
    }
}

/// A class of SQLAlchemy's that a migration only names: for `isinstance` and annotations.
#[derive(Debug)]
pub struct Marker {
    name: &'static str,
    /// [`Object::type_name`]s of its instances.
    instances: &'static [&'static str],
}

impl Object for Marker {
    fn type_name(&self) -> &'static str {
        "type"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "__name__").then(|| Value::str(self.name)))
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, _: Arguments) -> Eval<Value> {
        Ok(interp.unknown(Reason::Unsupported, &format!("{}(...)", self.name)))
    }
    fn item(&self, _: &mut Interp, this: &HostRef, _: &Value) -> Eval<Value> {
        Ok(Value::Host(this.clone()))
    }
    fn is_instance(&self, _: &mut Interp, value: &Value) -> Eval<crate::python::Truth> {
        Ok(crate::python::Truth::Known(matches!(
            value,
            Value::Host(host) if self.instances.contains(&host.0.type_name())
        )))
    }
}

/// Classes that are only named, with the type names of their instances.
const MARKERS: &[(&str, &[&str])] = &[
    ("Connection", &["Connection"]),
    ("Engine", &["Engine"]),
    ("Connectable", &["Connection", "Engine"]),
    ("AsyncConnection", &[]),
    ("AsyncEngine", &[]),
    ("AsyncSession", &[]),
    ("Result", &["CursorResult"]),
    ("CursorResult", &["CursorResult"]),
    ("ResultProxy", &["CursorResult"]),
    ("LegacyCursorResult", &["CursorResult"]),
    ("ScalarResult", &["ScalarResult"]),
    ("Row", &["Row"]),
    ("RowProxy", &["Row"]),
    ("LegacyRow", &["Row"]),
    ("RowMapping", &["RowMapping"]),
    ("Select", &["Select"]),
    ("Insert", &["Insert"]),
    ("Update", &["Update"]),
    ("Delete", &["Delete"]),
    ("TextClause", &["TextClause"]),
    ("ColumnElement", COLUMN_ELEMENTS),
    ("ClauseElement", CLAUSES),
    ("Executable", CLAUSES),
    ("BindParameter", &["BindParameter"]),
    ("Dialect", &["PGDialect_psycopg2"]),
    ("PGDialect", &["PGDialect_psycopg2"]),
    ("PGDialect_psycopg2", &["PGDialect_psycopg2"]),
    ("DefaultDialect", &["PGDialect_psycopg2"]),
    ("SQLiteDialect", &[]),
    ("MySQLDialect", &[]),
    ("MSDialect", &[]),
    ("OracleDialect", &[]),
    ("Query", &["Query"]),
    ("Transaction", &["NestedTransaction", "RootTransaction"]),
    ("InstrumentedAttribute", &["Column"]),
];

/// The class of a name of `MARKERS`.
pub fn marker(name: &str) -> Value {
    MARKERS
        .iter()
        .find(|(known, _)| *known == name)
        .map_or(Value::None, |(name, instances)| {
            object::value(Marker { name, instances })
        })
}

const COLUMN_ELEMENTS: &[&str] = &[
    "Label",
    "ColumnClause",
    "Function",
    "BindParameter",
    "ColumnElement",
    "Column",
];

const CLAUSES: &[&str] = &[
    "Label",
    "ColumnClause",
    "Function",
    "BindParameter",
    "ColumnElement",
    "Column",
    "Select",
    "Insert",
    "Update",
    "Delete",
    "TextClause",
];

/// Names of `sqlalchemy` and its submodules that belong to Core's expression language.
pub fn lookup(_: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if !super::modules::is_sqlalchemy(module) {
        return None;
    }
    functions::lookup(name)
        .or_else(|| select::lookup(name))
        .or_else(|| dml::lookup(name))
        .or_else(|| {
            let (name, instances) = MARKERS.iter().find(|(known, _)| *known == name)?;
            Some(object::value(Marker { name, instances }))
        })
}

/// The PostgreSQL type that a SQLAlchemy type (object or class) means; `None` where it can't be read.
pub fn type_name(interp: &mut Interp, value: &Value) -> Eval<Option<TypeName>> {
    let is_type = matches!(value, Value::Host(_) | Value::Class(_) | Value::Instance(_));
    if !is_type {
        return Ok(None);
    }
    let name = super::types::type_name(interp, value)?;
    Ok((!name.name.is_unknown()).then_some(name))
}
