//! Writing rows: INSERT, UPDATE, DELETE, MERGE, TRUNCATE, COPY.
//!
//! In: a statement, the catalog that it changes and the [`Environment`] of the call. Out: a [`DataAnswer`]. Only what is
//! certain is an error: a row that is known may conflict, one that is not known never does. What is known of a table's
//! rows afterwards is no more than what follows from the statements.

mod conflict;
mod copy;
mod delete;
mod equalities;
mod insert;
mod keys;
mod merge;
mod target;
#[cfg(test)]
mod tests;
mod update;

use std::rc::Rc;

use smol_str::SmolStr;

use super::ServerError;
use super::catalog::{Catalog, QualifiedName, Relation, Row};
use super::expression::{CommonTable, Datum, Expr, Query};
use super::name::{ObjectKey, ObjectKind};
use super::query::{self, Context, Environment, Frame, Scope, Table};
use super::session::{Outcome, ResultSet};
use super::statement::{Delete, Insert, Merge, Statement, Update};

pub(crate) use keys::check_rows;

pub use copy::copy;
pub use delete::truncate;

/// What came of a statement that writes rows.
#[derive(Clone, Debug, PartialEq)]
pub struct DataAnswer {
    /// Whether it succeeded.
    pub outcome: Outcome,
    /// The rows of tables whose number certainly changed.
    pub changes: Vec<ObjectKey>,
    /// What RETURNING gives.
    pub result: Option<ResultSet>,
    /// Rows touched, where known.
    pub row_count: Option<u64>,
    /// Relations that were used and never heard of, in an open world: the catalog now assumes them.
    pub assumed: Vec<ObjectKey>,
    /// A row of its target is certainly written, so that triggers fire.
    pub writes_row: bool,
}

/// What a statement did, inside.
#[derive(Debug, Default)]
pub(crate) struct Effect {
    pub(crate) changes: Vec<ObjectKey>,
    pub(crate) returning: Option<Table>,
    pub(crate) row_count: Option<u64>,
    pub(crate) assumed: Vec<QualifiedName>,
    /// Why it may have been refused.
    pub(crate) doubt: Option<&'static str>,
    /// A row of the target is certainly written.
    pub(crate) writes_row: bool,
}

impl Effect {
    pub(crate) fn rows_changed(&mut self, table: &QualifiedName) {
        let key = table.key(ObjectKind::Rows);
        if !self.changes.contains(&key) {
            self.changes.push(key);
        }
    }

    /// Takes in what a statement inside this one did; what that one returns is the caller's.
    pub(crate) fn take_in(&mut self, inner: Effect) -> Option<Table> {
        for key in inner.changes {
            if !self.changes.contains(&key) {
                self.changes.push(key);
            }
        }
        self.assumed.extend(inner.assumed);
        self.doubt = self.doubt.or(inner.doubt);
        inner.returning
    }
}

/// Runs a statement on the catalog, which stays as it was if the server refuses.
fn attempt(
    catalog: &mut Catalog,
    act: impl FnOnce(&mut Catalog) -> Result<Effect, ServerError>,
) -> DataAnswer {
    let before = catalog.clone();
    match act(catalog) {
        Ok(effect) => DataAnswer {
            outcome: effect
                .doubt
                .map_or(Outcome::Ok, |why| Outcome::Unknown(why.into())),
            changes: effect.changes,
            result: effect.returning.map(Table::into_result_set),
            row_count: effect.row_count,
            writes_row: effect.writes_row,
            assumed: effect
                .assumed
                .iter()
                .map(|name| name.key(ObjectKind::Table))
                .collect(),
        },
        Err(error) => {
            *catalog = before;
            DataAnswer {
                outcome: Outcome::Error(Box::new(error)),
                changes: Vec::new(),
                result: None,
                row_count: None,
                assumed: Vec::new(),
                writes_row: false,
            }
        }
    }
}

/// Executes an INSERT.
pub fn insert(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    statement: &Insert,
) -> DataAnswer {
    attempt(catalog, |catalog| {
        insert::run(catalog, environment, statement, &[])
    })
}

/// Executes an UPDATE.
pub fn update(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    statement: &Update,
) -> DataAnswer {
    attempt(catalog, |catalog| {
        update::run(catalog, environment, statement, &[])
    })
}

/// Executes a DELETE.
pub fn delete(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    statement: &Delete,
) -> DataAnswer {
    attempt(catalog, |catalog| {
        delete::run(catalog, environment, statement, &[])
    })
}

/// Executes a MERGE.
pub fn merge(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    statement: &Merge,
) -> DataAnswer {
    attempt(catalog, |catalog| {
        merge::run(catalog, environment, statement, &[])
    })
}

/// Executes a query, with the data-modifying members of its WITH.
///
/// `SELECT ... INTO` makes a table, which is left to the caller: it reads `result` and the query's columns.
pub fn select(catalog: &mut Catalog, environment: &Environment<'_>, query: &Query) -> DataAnswer {
    attempt(catalog, |catalog| {
        let mut effect = Effect::default();
        let members = members(catalog, environment, &query.with, &[], &mut effect)?;
        let answer = query::select_with(catalog, environment, query, &members);
        let table = answer.table?;
        target::assume(catalog, &answer.assumed);
        effect.assumed.extend(answer.assumed);
        effect.row_count = table.is_exact().then_some(table.rows.len() as u64);
        effect.returning = Some(table);
        Ok(effect)
    })
}

/// What an expression over the columns of a table is for each of its known rows.
pub(crate) fn values_of_rows(
    catalog: &Catalog,
    environment: &Environment<'_>,
    table: &QualifiedName,
    expression: &Expr,
) -> Vec<Datum> {
    let Some(relation) = catalog.relation(table) else {
        return Vec::new();
    };
    let context = Context::new(catalog, environment);
    let scope = Scope::of(query::source_of_relation(relation));
    relation
        .rows
        .known
        .iter()
        .map(|row| {
            let values = keys::in_order(relation, row);
            query::evaluate(expression, &Frame::new(&scope, &values), &context)
                .unwrap_or(Datum::Unknown)
        })
        .collect()
}

/// What the rows that are there get in a column that is new: its default, NULL, or a value that is not known.
pub(crate) fn value_in_rows(
    catalog: &Catalog,
    environment: &Environment<'_>,
    relation: &Relation,
    column: &str,
) -> Result<Datum, ServerError> {
    let context = Context::new(catalog, environment);
    let Some(column) = relation.column(column) else {
        return Ok(Datum::Unknown);
    };
    if column.is_numbered() {
        return Ok(Datum::Unknown);
    }
    if let Some(Expr::Value(Datum::Text(text))) = column.default.as_deref() {
        query::check_literal(&column.type_name, text, &context)?;
    }
    let value = insert::default_value(relation, column, &context)?;
    Ok(if value.is_known() || value == Datum::Null {
        value
    } else {
        Datum::Unknown
    })
}

/// Sets a column of all known rows.
pub(crate) fn set_in_rows(relation: &mut Relation, column: &str, value: &Datum) {
    let column = SmolStr::new(column);
    relation.rows.known = relation
        .rows
        .known
        .iter()
        .map(|row| {
            let mut row = Row::clone(row);
            insert::set(&mut row, &column, value.clone());
            keys::keep(row)
        })
        .collect();
}

/// Forgets what known rows have in a column.
pub(crate) fn forget_in_rows(relation: &mut Relation, column: &str) {
    let has = |row: &Row| row.values.iter().any(|(name, _)| name == column);
    if !relation.rows.known.iter().any(|row| has(row)) {
        return;
    }
    let without = |row: &std::sync::Arc<Row>| {
        let mut row = Row::clone(row);
        row.values.retain(|(name, _)| name != column);
        keys::keep(row)
    };
    relation.rows.known = relation.rows.known.iter().map(without).collect();
}

/// Results of WITH members by name.
pub(crate) type Members = Vec<(SmolStr, Rc<Table>)>;

/// Executes the data-modifying members of a WITH clause, in order.
pub(crate) fn members(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    with: &[CommonTable],
    outer: &[(SmolStr, Rc<Table>)],
    effect: &mut Effect,
) -> Result<Members, ServerError> {
    let mut done: Members = outer.to_vec();
    if with
        .iter()
        .all(|member| matches!(*member.statement, Statement::Query(_)))
    {
        return Ok(done);
    }
    for member in with {
        let inner = match &*member.statement {
            Statement::Query(query) => {
                // those before it are seen by those after it
                let table = query::select_with(catalog, environment, query, &done).table?;
                done.push((member.name.clone(), Rc::new(rename(table, member))));
                continue;
            }
            Statement::Insert(statement) => insert::run(catalog, environment, statement, &done)?,
            Statement::Update(statement) => update::run(catalog, environment, statement, &done)?,
            Statement::Delete(statement) => delete::run(catalog, environment, statement, &done)?,
            Statement::Merge(statement) => merge::run(catalog, environment, statement, &done)?,
            _ => continue,
        };
        if let Some(table) = effect.take_in(inner) {
            done.push((member.name.clone(), Rc::new(rename(table, member))));
        }
    }
    Ok(done)
}

fn rename(table: Table, member: &CommonTable) -> Table {
    Table {
        columns: query::rename(table.columns, &member.columns),
        ..table
    }
}
