//! Operations on whole tables.

use super::{Effect, guard, since, table_name};
use crate::alembic::arguments::{Bound, hole};
use crate::alembic::object::{self, Interp};
use crate::alembic::schema::build::{self, Creation};
use crate::alembic::schema::{self, Table};
use crate::alembic::types::enumeration::{self, TableCreation};
use crate::postgres::statement::Rename;
use crate::postgres::{ObjectKind, Statement};
use crate::python::{Eval, Value};

pub(super) fn create_table(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let name = table_name(interp, bound, "table_name", "schema")?;
    schema::table::refuse_twice(interp, &name, &bound.rest)?;
    let value = schema::table::make(interp, name, &bound.rest, &bound.keywords)?;
    let data = match object::get::<Table>(&value) {
        Some(table) => {
            table.data.borrow_mut().incomplete |= bound.incomplete;
            table.data.borrow().clone()
        }
        None => return Ok(Effect::of(Vec::new())),
    };
    let if_not_exists = guard(interp, bound, "if_not_exists")? && since(interp, 1, 13, 3);
    let creation = Creation {
        by: TableCreation::Operation,
        if_not_exists,
        convention: None,
        without_keys: false,
        keywords: &bound.keywords,
    };
    if data.incomplete {
        let what = format!("the columns of table {} are not all known", data.name);
        <crate::alembic::Environment as crate::python::Host>::gap(interp, what);
    }
    let statements = build::create_table(interp, &data, &creation, &mut Vec::new())?;
    let mut enums = Vec::new();
    for column in data.columns.iter().filter_map(build::column_data) {
        enums.extend(enumeration::told(
            interp,
            column.type_.as_ref(),
            data.name.schema.as_ref(),
        )?);
    }
    Ok(Effect {
        statements,
        enums,
        value,
        doubt: None,
    })
}

pub(super) fn drop_table(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let name = table_name(interp, bound, "table_name", "schema")?;
    let if_exists = guard(interp, bound, "if_exists")? && since(interp, 1, 13, 3);
    Ok(Effect::of(vec![schema::table::drop_statement(
        &name, if_exists,
    )]))
}

pub(super) fn rename_table(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let name = table_name(interp, bound, "old_table_name", "schema")?;
    let new_name = bound.name(interp, "new_table_name")?.unwrap_or_else(hole);
    Ok(Effect::of(vec![Statement::Rename(Box::new(Rename {
        kind: ObjectKind::Table,
        name,
        member: None,
        arguments: None,
        new_name: crate::postgres::name::truncate(&new_name),
        if_exists: false,
    }))]))
}

pub(super) fn create_table_comment(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let name = table_name(interp, bound, "table_name", "schema")?;
    let comment = bound.given("comment").cloned().unwrap_or(Value::None);
    let statement = build::comment_statement(interp, &name, None, &comment)?;
    Ok(Effect::of(vec![statement]))
}

pub(super) fn drop_table_comment(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let name = table_name(interp, bound, "table_name", "schema")?;
    let statement = build::comment_statement(interp, &name, None, &Value::None)?;
    Ok(Effect::of(vec![statement]))
}
