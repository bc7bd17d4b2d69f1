//! The doors from operations and schema constructs to the connection, the texts and the Core constructs.
//!
//! Schema and operations need of them only what is here.

use super::core::{Element, convert, operators, table};
use super::object::{self, Interp};
use super::text::TextClause;
use super::{connection, inspector, reflection};
use crate::postgres::Expr;
use crate::python::{Arguments, Eval, Value};
use crate::trace::Origin;

pub use convert::{bound_value, expression};
pub use reflection::reflect_table;

/// `op.get_bind()`: the connection of the run.
pub fn bind(interp: &mut Interp) -> Value {
    connection::bind(interp)
}

/// `sa.inspect(connection)`.
pub fn inspector(interp: &mut Interp) -> Eval<Value> {
    Ok(inspector::of_connection(interp, false))
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

/// The SQL text of a `sa.text(...)`, `literal_column(...)` object.
pub fn text(value: &Value) -> Option<String> {
    convert::text_of(value).map(|text| text.to_string())
}

/// `table.select()`, `table.insert()`, `table.update()`, `table.delete()`.
pub fn table_method(
    interp: &mut Interp,
    table: &Value,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    match table {
        Value::Host(this) => table::table_method(interp, this, method, arguments),
        _ => Ok(super::arguments::unsupported(interp, method)),
    }
}

/// An attribute that every column expression has.
pub fn element_attribute(interp: &mut Interp, element: &Value, name: &str) -> Eval<Option<Value>> {
    operators::attribute(interp, element, name)
}

/// A method that every column expression has: `in_`, `is_`, `desc`, `label`.
pub fn element_method(
    interp: &mut Interp,
    element: &Value,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    operators::method(interp, element, method, arguments)
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
pub fn expression_value(_: &mut Interp, expression: Expr) -> Eval<Value> {
    Ok(object::value(Element::new(expression)))
}

/// `metadata.reflect(...)`: every table, or those of `only`.
pub fn reflect_metadata(interp: &mut Interp, metadata: &Value, arguments: &Arguments) -> Eval<()> {
    reflection::reflect_metadata(interp, metadata, arguments)
}

/// A string given to `op.execute`, as `sa.text(...)` would make it.
pub fn text_clause(_: &mut Interp, value: &Value) -> Eval<Value> {
    Ok(match value {
        Value::Str(text) => object::value(TextClause::new(text.clone())),
        other => other.clone(),
    })
}

/// Headers of the `with` statements of the revision's file that are open, innermost first.
pub fn with_sites(interp: &Interp) -> Vec<crate::source::Site> {
    interp.with_sites(interp.host.revision_file)
}
