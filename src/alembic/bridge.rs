//! The doors to the other half of the room: the connection, the texts and the Core constructs.
//!
//! Schema and operations need of them only what is here.

use super::arguments;
use super::object::Interp;
use crate::postgres::Expr;
use crate::python::{Arguments, Eval, Value};
use crate::trace::Origin;

/// `op.get_bind()`: the connection of the run.
pub fn bind(interp: &mut Interp) -> Value {
    arguments::unsupported(interp, "the connection")
}

/// `sa.inspect(connection)`.
pub fn inspector(interp: &mut Interp) -> Eval<Value> {
    Ok(arguments::unsupported(interp, "an inspector"))
}

/// Executes a text or construct on the connection.
pub fn execute(
    interp: &mut Interp,
    executable: &Value,
    parameters: Option<&Value>,
    origin: Origin,
) -> Eval<Value> {
    let _ = (executable, parameters, origin);
    Ok(arguments::unsupported(interp, "execute"))
}

/// The SQL text of a `sa.text(...)`, `literal_column(...)` object.
pub fn text(value: &Value) -> Option<String> {
    let _ = value;
    None
}

/// A Core expression or plain value as the server's expression; literal values become literals.
pub fn expression(interp: &mut Interp, value: &Value) -> Eval<Expr> {
    let _ = (interp, value);
    Ok(Expr::Unknown("expression".into()))
}

/// `table.select()`, `table.insert()`, `table.update()`, `table.delete()`.
pub fn table_method(
    interp: &mut Interp,
    table: &Value,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let _ = (table, arguments);
    Ok(arguments::unsupported(interp, method))
}

/// An attribute or method that every column expression has: `in_`, `is_`, `desc`, `label`.
pub fn element_attribute(interp: &mut Interp, element: &Value, name: &str) -> Eval<Option<Value>> {
    let _ = (interp, element, name);
    Ok(None)
}

/// An infix operator with a column on one side.
pub fn operator(
    interp: &mut Interp,
    element: &Value,
    operator: crate::python::HostOperator,
    other: &Value,
    reflected: bool,
) -> Eval<Option<Value>> {
    let _ = (interp, element, operator, other, reflected);
    Ok(None)
}

/// A prefix operator before a column.
pub fn unary(interp: &mut Interp, element: &Value, operator: &str) -> Eval<Option<Value>> {
    let _ = (interp, element, operator);
    Ok(None)
}

/// `column[index]`.
pub fn element_item(interp: &mut Interp, element: &Value, index: &Value) -> Eval<Value> {
    let _ = (element, index);
    Ok(arguments::unsupported(interp, "column[...]"))
}

/// A server's expression as a Core expression.
pub fn expression_value(interp: &mut Interp, expression: Expr) -> Eval<Value> {
    let _ = expression;
    Ok(arguments::unsupported(interp, "expression"))
}

/// Fills in the columns and constraints of `Table(..., autoload_with=connection)`.
pub fn reflect_table(interp: &mut Interp, table: &Value) -> Eval<()> {
    let _ = (interp, table);
    Ok(())
}

/// `metadata.reflect(...)`.
pub fn reflect_metadata(interp: &mut Interp, metadata: &Value, arguments: &Arguments) -> Eval<()> {
    let _ = (interp, metadata, arguments);
    Ok(())
}

/// A string given to `op.execute`, as `sa.text(...)` would make it.
pub fn text_clause(interp: &mut Interp, value: &Value) -> Eval<Value> {
    let _ = interp;
    Ok(value.clone())
}

/// A value bound to a column in INSERT.
pub fn bound_value(interp: &mut Interp, column: Option<&Value>, value: &Value) -> Eval<Expr> {
    let _ = column;
    expression(interp, value)
}

/// Headers of the `with` statements of the revision's file that are open, innermost first.
pub fn with_sites(interp: &Interp) -> Vec<crate::source::Site> {
    let _ = interp;
    Vec::new()
}
