//! `op.bulk_insert`.

use smol_str::SmolStr;

use super::Effect;
use crate::alembic::arguments::{Bound, hole, items_of};
use crate::alembic::bridge;
use crate::alembic::object::{self, Interp};
use crate::alembic::schema::{ColumnData, Table, TableData, build};
use crate::postgres::statement::{Insert, InsertSource};
use crate::postgres::{Expr, Name, Statement};
use crate::python::{Eval, Key, Value};

pub(super) fn bulk_insert(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let table = bound.given("table").cloned().unwrap_or(Value::None);
    let rows = bound.given("rows").cloned().unwrap_or(Value::None);
    let data = object::get::<Table>(&table).map(|table| table.data.borrow().clone());
    let data = data.unwrap_or_else(|| TableData {
        name: Name::new(hole()),
        incomplete: true,
        ..TableData::default()
    });
    if !matches!(rows, Value::List(_) | Value::Unknown(_)) {
        return Err(interp.error("TypeError", "List expected"));
    }
    // without rows nothing is executed
    let doubt = match &rows {
        Value::Unknown(unknown) => Some((**unknown).clone()),
        rows => interp.may_be_empty(rows).cloned(),
    };
    let (rows, incomplete) = items_of(interp, &rows)?;
    if incomplete {
        return Ok(Effect {
            doubt,
            ..Effect::of(vec![unknown_rows(&data)])
        });
    }
    let Some(first) = rows.first() else {
        return Ok(Effect::of(Vec::new()));
    };
    if !matches!(first, Value::Dict(_) | Value::Unknown(_)) {
        return Err(interp.error("TypeError", "List of dictionaries expected"));
    }
    let columns: Vec<(ColumnData, Value)> = data
        .columns
        .iter()
        .filter_map(|value| Some((build::column_data(value)?, value.clone())))
        .collect();
    let at_once = match bound.given("multiinsert").cloned() {
        Some(flag) => interp.truth(&flag)?,
        None => true,
    };
    let groups: Vec<Vec<Value>> = if at_once {
        vec![rows]
    } else {
        rows.into_iter().map(|row| vec![row]).collect()
    };
    let mut statements = Vec::new();
    for group in groups {
        statements.push(insert(interp, &data, &columns, &group)?);
    }
    Ok(Effect {
        doubt,
        ..Effect::of(statements)
    })
}

/// One INSERT of rows that have the columns of the first one, in the table's order, and Python-side defaults.
fn insert(
    interp: &mut Interp,
    data: &TableData,
    columns: &[(ColumnData, Value)],
    rows: &[Value],
) -> Eval<Statement> {
    // the key of a row, the name of the column, the column where it is declared with its default
    type Used<'a> = (SmolStr, SmolStr, Option<(&'a Value, Option<Value>)>);
    let given: Vec<SmolStr> = rows.first().map(keys).unwrap_or_default();
    let mut used: Vec<Used<'_>> = Vec::new();
    for (column, object) in columns {
        let key = column.key.as_ref().unwrap_or(&column.name);
        let default = column.own_default(interp)?;
        if given.contains(key) || default.is_some() {
            used.push((key.clone(), column.name.clone(), Some((object, default))));
        }
    }
    // keys that are no columns are left out, where the columns are known
    let open = data.incomplete || columns.is_empty();
    for key in given.iter().filter(|_| open) {
        if !used.iter().any(|(known, ..)| known == key) {
            used.push((key.clone(), key.clone(), None));
        }
    }
    let mut values = Vec::with_capacity(rows.len());
    for row in rows {
        let mut expressions = Vec::with_capacity(used.len());
        for (key, _, column) in &used {
            let object = column.as_ref().map(|(object, _)| *object);
            let value = match item(row, key) {
                Some(value) => value,
                None => match column.as_ref().and_then(|(_, default)| default.as_ref()) {
                    Some(default) => bridge::default_value(interp, default)?,
                    None => {
                        expressions.push(Expr::Unknown(key.clone()));
                        continue;
                    }
                },
            };
            expressions.push(bridge::bound_value(interp, object, &value)?);
        }
        values.push(expressions);
    }
    Ok(Statement::Insert(Box::new(Insert {
        with: Vec::new(),
        table: data.name.clone(),
        columns: used.into_iter().map(|(_, name, _)| name).collect(),
        in_parts: Vec::new(),
        source: InsertSource::Values(values),
        on_conflict: None,
        overriding: false,
        returning: Vec::new(),
    })))
}

fn keys(row: &Value) -> Vec<SmolStr> {
    let Value::Dict(dict) = row else {
        return Vec::new();
    };
    dict.borrow()
        .keys()
        .filter_map(|key| match key {
            Key::Str(text) => Some(SmolStr::new(&**text)),
            _ => None,
        })
        .collect()
}

fn item(row: &Value, key: &str) -> Option<Value> {
    let Value::Dict(dict) = row else { return None };
    dict.borrow().get(&Key::Str(key.into())).cloned()
}

/// An INSERT of rows that are not known: one row of unknown values stands for them.
fn unknown_rows(data: &TableData) -> Statement {
    let columns: Vec<SmolStr> = data
        .columns
        .iter()
        .filter_map(|value| Some(build::column_data(value)?.name))
        .collect();
    let row = columns
        .iter()
        .map(|column| Expr::Unknown(column.clone()))
        .collect();
    Statement::Insert(Box::new(Insert {
        with: Vec::new(),
        table: data.name.clone(),
        columns,
        in_parts: Vec::new(),
        source: InsertSource::Values(vec![row]),
        on_conflict: None,
        overriding: false,
        returning: Vec::new(),
    }))
}
