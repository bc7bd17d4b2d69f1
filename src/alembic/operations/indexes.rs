//! Operations on indexes.

use super::{Effect, guard, since, sqlalchemy_2, table_name};
use crate::alembic::arguments::{Bound, hole, items_of};
use crate::alembic::environment::Environment;
use crate::alembic::naming;
use crate::alembic::object::Interp;
use crate::alembic::schema::index::IndexData;
use crate::postgres::Name;
use crate::python::{Eval, Host, Value};
use crate::unknown::has_hole;

/// Whether an index guard is in force; refused where Alembic knows it and SQLAlchemy does not.
fn index_guard(interp: &mut Interp, bound: &Bound, parameter: &str) -> Eval<bool> {
    if !guard(interp, bound, parameter)? || !since(interp, 1, 11, 2) {
        return Ok(false);
    }
    if !sqlalchemy_2(interp) && !since(interp, 1, 13, 0) {
        return Err(interp.error(
            "NotImplementedError",
            "SQLAlchemy 2.0 or higher is required for this guard",
        ));
    }
    Ok(true)
}

pub(super) fn create_index(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let table = table_name(interp, bound, "table_name", "schema")?;
    let columns = bound.given("columns").cloned().unwrap_or(Value::None);
    let (mut expressions, incomplete) = items_of(interp, &columns)?;
    if incomplete {
        expressions.push(Value::str(hole().as_str()));
    }
    let name = bound.given("index_name").cloned();
    let mut data = IndexData {
        name: naming::given(interp, name.as_ref())?,
        table: Some(table.clone()),
        expressions,
        unique: bound.flag(interp, "unique")?,
        ..IndexData::default()
    };
    data.options(interp, &bound.keywords)?;
    let if_not_exists = index_guard(interp, bound, "if_not_exists")?;
    let statement = data.create_statement(interp, &table, if_not_exists, None)?;
    Ok(Effect::of(vec![statement]))
}

pub(super) fn drop_index(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let name = bound.given("index_name").cloned();
    let table = match bound.get("table_name") {
        Some(_) => {
            let table = table_name(interp, bound, "table_name", "schema")?;
            expect(interp, &table, name.as_ref());
            table
        }
        None => {
            let schema = bound.name(interp, "schema")?;
            Name::qualified(schema.as_deref(), "no_table")
        }
    };
    let mut data = IndexData {
        name: naming::given(interp, name.as_ref())?,
        table: Some(table.clone()),
        // what Alembic puts where the columns are not known
        expressions: vec![Value::str("x")],
        ..IndexData::default()
    };
    data.options(interp, &bound.keywords)?;
    let if_exists = index_guard(interp, bound, "if_exists")?;
    let statement = data.drop_statement(interp, Some(&table), if_exists, None)?;
    Ok(Effect::of(vec![statement]))
}

/// Takes an index that is dropped to be there where no revision makes its table: it could not be dropped otherwise.
fn expect(interp: &mut Interp, table: &Name, index: Option<&Value>) {
    let index = index.and_then(Value::as_str);
    if let Some(index) = index.filter(|index| !has_hole(index))
        && interp.host.session.assume_index(table, index)
    {
        let what =
            format!("no revision makes the table {table}: its index {index} is taken to be there");
        <Environment as Host>::gap(interp, what);
    }
}
