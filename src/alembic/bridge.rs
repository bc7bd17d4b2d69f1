//! The doors to the other half of the room: the connection, the texts and the Core constructs.
//!
//! Schema and operations need of them only what is here.

use super::core::{Element, convert, dml, operators, table};
use super::object::{self, Interp};
use super::text::TextClause;
use super::{connection, core, inspector as inspection, reflection};
use crate::postgres::expression::FromItem;
use crate::postgres::{Expr, Name};
use crate::python::{Arguments, Eval, Value};
use crate::trace::Origin;

/// `op.get_bind()`: the connection of the run.
pub fn bind(interp: &mut Interp) -> Value {
    connection::bind(interp)
}

/// `sa.inspect(connection)`.
pub fn inspector(interp: &mut Interp) -> Eval<Value> {
    Ok(inspection::of_connection(interp, false))
}

/// Executes a text or construct on the connection.
pub fn execute(
    interp: &mut Interp,
    executable: &Value,
    parameters: Option<&Value>,
    origin: Origin,
) -> Eval<Value> {
    connection::execute(interp, executable, parameters, origin)
}

/// The SQL text of a `sa.text(...)` object.
pub fn text(value: &Value) -> Option<String> {
    object::get::<TextClause>(value).map(|clause| clause.text().to_owned())
}

/// A Core expression or plain value as the server's expression; literal values become literals.
pub fn expression(interp: &mut Interp, value: &Value) -> Eval<Expr> {
    core::expression(interp, value)
}

/// Whether a column expression sorts downwards.
pub fn is_descending(value: &Value) -> bool {
    let ordering = object::get::<Element>(value).and_then(|element| element.ordering);
    ordering.is_some_and(|ordering| ordering.descending)
}

/// The table of which a column expression is.
pub fn table_of_expression(value: &Value) -> Option<Name> {
    let element = object::get::<Element>(value)?;
    element
        .sources
        .iter()
        .find_map(|source| match &source.item {
            FromItem::Table { name, .. } => Some(name.clone()),
            _ => None,
        })
}

/// `table.select()`, `table.insert()`, `table.update()`, `table.delete()`.
pub fn table_method(
    interp: &mut Interp,
    table: &Value,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    table::table_method(interp, table, method, arguments)
}

/// An attribute or method that every column expression has: `in_`, `is_`, `desc`, `label`.
pub fn element_attribute(interp: &mut Interp, element: &Value, name: &str) -> Eval<Option<Value>> {
    if let Some(found) = operators::attribute(interp, element, name)? {
        return Ok(Some(found));
    }
    Ok(operators::bound(element, name))
}

/// An infix operator with a column on one side.
pub fn operator(
    interp: &mut Interp,
    element: &Value,
    operator: crate::python::HostOperator,
    other: &Value,
    reflected: bool,
) -> Eval<Option<Value>> {
    operators::binary(interp, element, operator, other, reflected)
}

/// A prefix operator before a column.
pub fn unary(interp: &mut Interp, element: &Value, operator: &str) -> Eval<Option<Value>> {
    operators::unary(interp, element, operator)
}

/// `column[index]`.
pub fn element_item(interp: &mut Interp, element: &Value, index: &Value) -> Eval<Value> {
    operators::subscript(interp, element, index)
}

/// A server's expression as a Core expression.
pub fn expression_value(interp: &mut Interp, expression: Expr) -> Eval<Value> {
    let _ = interp;
    Ok(Element::new(expression).value())
}

/// Fills in the columns and constraints of `Table(..., autoload_with=connection)`.
pub fn reflect_table(interp: &mut Interp, table: &Value) -> Eval<()> {
    reflection::reflect_table(interp, table)
}

/// `metadata.reflect(...)`.
pub fn reflect_metadata(interp: &mut Interp, metadata: &Value, arguments: &Arguments) -> Eval<()> {
    reflection::reflect_metadata(interp, metadata, arguments)
}

/// A string given to `op.execute`, as `sa.text(...)` would make it.
pub fn text_clause(interp: &mut Interp, value: &Value) -> Eval<Value> {
    let _ = interp;
    Ok(match value {
        Value::Str(text) => object::value(TextClause::new(text.clone())),
        other => other.clone(),
    })
}

/// A value bound to a column in INSERT.
pub fn bound_value(interp: &mut Interp, column: Option<&Value>, value: &Value) -> Eval<Expr> {
    convert::bound_value(interp, column, value)
}

/// The value of a column that a row does not give: its default of Python's side, called if it is a function.
pub fn default_value(interp: &mut Interp, default: &Value) -> Eval<Value> {
    dml::default_value(interp, default)
}

/// Headers of the `with` statements of the revision's file that are open, innermost first.
pub fn with_sites(interp: &Interp) -> Vec<crate::source::Site> {
    interp.with_sites(interp.host.revision_file)
}
