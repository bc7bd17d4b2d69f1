//! Any Python or SQLAlchemy value as an expression.

use std::rc::Rc;

use smol_str::SmolStr;

use super::select::{SelectObject, Subquery};
use super::{Element, Ordering, Source};
use crate::alembic::object::{self, Interp};
use crate::alembic::schema::{Column, ColumnData, Table, TableData};
use crate::alembic::text::TextClause;
use crate::alembic::types::{SqlType, enumeration};
use crate::alembic::{literal, orm};
use crate::postgres::expression::FromItem;
use crate::postgres::statement::Statement;
use crate::postgres::{Datum, Expr};
use crate::python::{Class, Eval, Value};
use crate::sql::{self, Placeholders};

/// An expression with all that a statement needs around it.
#[derive(Clone, Debug)]
pub struct Converted {
    /// The expression.
    pub expr: Expr,
    /// Its label.
    pub label: Option<SmolStr>,
    /// What must stand in FROM for it.
    pub sources: Vec<Source>,
    /// How it sorts.
    pub ordering: Option<Ordering>,
}

impl Converted {
    /// An expression that needs nothing around it.
    pub fn plain(expr: Expr) -> Self {
        Self {
            expr,
            label: None,
            sources: Vec::new(),
            ordering: None,
        }
    }
}

/// Any value as an expression.
pub fn expression(interp: &mut Interp, value: &Value) -> Eval<Expr> {
    Ok(convert(interp, value)?.expr)
}

/// Any value as an expression with what it needs in FROM.
pub fn convert(interp: &mut Interp, value: &Value) -> Eval<Converted> {
    if let Some(element) = object::get::<Element>(value) {
        return Ok(Converted {
            expr: element.expr.clone(),
            label: element.label.clone(),
            sources: element.sources.clone(),
            ordering: element.ordering,
        });
    }
    if let Some(column) = object::get::<Column>(value) {
        return Ok(of_column(&column.data.borrow()));
    }
    if let Some(clause) = object::get::<TextClause>(value) {
        return Ok(Converted::plain(clause.expression()));
    }
    if let Some(select) = object::get::<SelectObject>(value) {
        return Ok(Converted::plain(Expr::Subquery(Box::new(select.query()))));
    }
    if let Some(subquery) = object::get::<Subquery>(value) {
        return Ok(Converted::plain(Expr::Subquery(Box::new(subquery.query()))));
    }
    if let Some(table) = orm::table_of(value) {
        return Ok(of_table(&table));
    }
    if let Value::Host(_) = value {
        // `None` in a comparison arrives as null(), a class with __clause_element__ as its column: both are objects
        let clause = interp.attribute_or_none(value, "__clause_element__")?;
        if let Some(clause @ Value::Host(_)) = clause
            && object::get::<Column>(&clause).is_some()
        {
            return convert(interp, &clause);
        }
        return Ok(Converted::plain(Expr::Unknown(SmolStr::new(describe(
            value,
        )))));
    }
    if let Value::Dict(_) = value {
        let text = literal::json_text(interp, value);
        return Ok(Converted::plain(Expr::Value(Datum::text(&text))));
    }
    let datum = literal::datum(interp, value);
    Ok(Converted::plain(Expr::Value(datum)))
}

fn describe(value: &Value) -> &'static str {
    match value {
        Value::Host(host) => host.0.type_name(),
        _ => "value",
    }
}

/// The value of a column of a type: what SQLAlchemy's type makes of a Python value before it is bound.
pub fn bound_value(interp: &mut Interp, column: Option<&Value>, value: &Value) -> Eval<Expr> {
    if let (Some(name), Some(column)) = (literal::enum_member_name(value), column)
        && is_type(column, &["Enum", "ENUM"])
    {
        let label = enum_label(interp, column, value)?;
        return expression(interp, &label.unwrap_or(name));
    }
    if let Some(column) = column.filter(|column| is_type(column, JSON)) {
        let is_plain = matches!(
            value,
            Value::List(_) | Value::Tuple(_) | Value::Str(_) | Value::Bool(_) | Value::Int(_)
        );
        if is_plain || (value.is_none() && has_null(column)) {
            let text = literal::json_text(interp, value);
            return Ok(Expr::Value(Datum::text(&text)));
        }
    }
    expression(interp, value)
}

/// The label of an enum's member, which `values_callable` may have given it; `None`: it is none of the column's enum.
fn enum_label(interp: &mut Interp, column: &Value, member: &Value) -> Eval<Option<Value>> {
    let type_ = object::get::<Column>(column).and_then(|column| column.data.borrow().type_.clone());
    let Some(type_) = type_ else {
        return Ok(None);
    };
    let label = enumeration::label_of(interp, &type_, member)?;
    Ok(label.map(|label| Value::str(label.as_str())))
}

const JSON: &[&str] = &["JSON", "JSONB"];

/// Whether None is JSON's null in a column, and not SQL's.
pub fn has_null(column: &Value) -> bool {
    let none_as_null = object::get::<Column>(column).is_some_and(|column| {
        let data = column.data.borrow();
        let type_ = data.type_.as_ref().and_then(object::get::<SqlType>);
        let flag = type_.and_then(|type_| type_.arguments.get(0, "none_as_null").cloned());
        matches!(flag, Some(Value::Bool(true)))
    });
    is_type(column, JSON) && !none_as_null
}

/// Whether a column's type is an object or a class of one of these names.
pub fn is_type(column: &Value, names: &[&str]) -> bool {
    let Some(column) = object::get::<Column>(column) else {
        return false;
    };
    match &column.data.borrow().type_ {
        Some(Value::Host(host)) => names.contains(&host.0.type_name()),
        Some(Value::Class(class)) => names.iter().any(|name| class.is_subclass_of(name)),
        _ => false,
    }
}

/// A column as an expression, qualified by its table or alias.
pub fn of_column(data: &ColumnData) -> Converted {
    // of a class that is no model as far as can be seen
    if data.name.is_empty() {
        return Converted::plain(Expr::Unknown(SmolStr::new_static(
            "a column without a name",
        )));
    }
    let mut qualifier = Vec::new();
    let mut sources = Vec::new();
    if let Some(table) = &data.table {
        match &data.alias {
            Some(alias) => qualifier.push(alias.clone()),
            None => {
                qualifier.extend(table.schema.clone());
                qualifier.push(table.name.clone());
            }
        }
        sources.push(Source {
            item: FromItem::Table {
                name: table.clone(),
                alias: data.alias.clone(),
                columns: Vec::new(),
            },
            with: Vec::new(),
        });
    }
    Converted {
        expr: Expr::Column {
            qualifier,
            name: data.name.clone(),
        },
        label: None,
        sources,
        ordering: None,
    }
}

fn of_table(table: &Value) -> Converted {
    let Some(table) = object::get::<Table>(table) else {
        return Converted::plain(Expr::Unknown(SmolStr::new("table")));
    };
    let data = table.data.borrow();
    let qualifier = vec![data.alias.clone().unwrap_or_else(|| data.name.name.clone())];
    Converted {
        expr: Expr::Star { qualifier },
        label: None,
        sources: vec![source_of_table(&data)],
        ordering: None,
    }
}

/// A table as a member of FROM.
pub fn source_of_table(data: &TableData) -> Source {
    Source {
        item: FromItem::Table {
            name: data.name.clone(),
            alias: data.alias.clone(),
            columns: Vec::new(),
        },
        with: Vec::new(),
    }
}

/// Text as an expression: the SQL parser reads it as a target of SELECT.
pub fn parse_text(text: &str) -> Expr {
    let parsed = sql::parse(&format!("SELECT {text}"), Placeholders::Named);
    if let [parsed] = &*parsed
        && let Statement::Query(query) = &parsed.statement
        && let crate::postgres::expression::QueryBody::Select(select) = &query.body
        && let [target] = select.targets.as_slice()
    {
        return target.value.clone();
    }
    Expr::Unknown(SmolStr::new(text))
}

/// Adds sources that are not there yet.
pub fn merge_sources(into: &mut Vec<Source>, more: Vec<Source>) {
    for source in more {
        if !into.contains(&source) {
            into.push(source);
        }
    }
}

/// Arguments as a flat list: `f(a, b)` and `f([a, b])` alike.
pub fn flatten(interp: &mut Interp, values: &[Value]) -> Eval<Vec<Value>> {
    let mut flat = Vec::with_capacity(values.len());
    for value in values {
        match value {
            Value::List(_) | Value::Tuple(_) | Value::Set(_) => {
                if let Ok(items) = interp.items(value)? {
                    flat.extend(items);
                }
            }
            other => flat.push(other.clone()),
        }
    }
    Ok(flat)
}

/// The name of a column given as a text or as a column.
pub fn column_name(value: &Value) -> Option<SmolStr> {
    if let Some(text) = value.as_str() {
        return Some(SmolStr::new(text));
    }
    if let Some(column) = object::get::<Column>(value) {
        return Some(column.data.borrow().name.clone());
    }
    object::get::<Element>(value).and_then(Element::name)
}

/// The name of the column that an attribute of a model holds.
pub fn column_of_attribute(model: &Class, name: &str) -> Option<SmolStr> {
    let attribute = model.lookup(name)?;
    let column = object::get::<Column>(&attribute)?;
    Some(column.data.borrow().name.clone())
}

/// A text made of a value's text, for names.
pub fn text_of(value: &Value) -> Option<Rc<str>> {
    value.as_str().map(Rc::from)
}
