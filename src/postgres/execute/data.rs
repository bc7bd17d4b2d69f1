//! The doors to rows: statements that read or write them, and expressions that stand alone.

use std::sync::Arc;

use crate::postgres::catalog::{Presence, QualifiedName, Relation};
use crate::postgres::data::{self, DataAnswer};
use crate::postgres::expression::{FromItem, QueryBody};
use crate::postgres::numbers::Numbers;
use crate::postgres::query::{self, Environment};
use crate::postgres::statement::{ColumnDefinition, Statement};
use crate::postgres::{
    Catalog, Datum, Expr, Name, Outcome, Parameters, Query, ServerError, Session, TypeName,
};

use super::{Effect, Failure, fire, resolve, sequence, view};

/// Executes something that sees rows: [`in_environment`], and the numbers that it takes of sequences are taken.
fn executing<T>(
    session: &mut Session,
    parameters: &Parameters,
    run: impl FnOnce(&mut Catalog, &Environment<'_>) -> T,
) -> T {
    let numbers = Numbers::default();
    let result = in_environment(session, parameters, &numbers, run);
    session.call.taken.take_in(numbers, &mut session.catalog);
    result
}

/// Checks something that sees rows.
fn checking<T>(session: &mut Session, run: impl FnOnce(&mut Catalog, &Environment<'_>) -> T) -> T {
    in_environment(session, &Parameters::default(), &Numbers::default(), run)
}

/// Runs something that sees rows, in the environment of the session; what it changes is the catalog that it is given.
fn in_environment<T>(
    session: &mut Session,
    parameters: &Parameters,
    numbers: &Numbers,
    run: impl FnOnce(&mut Catalog, &Environment<'_>) -> T,
) -> T {
    let mut catalog = session.catalog.clone();
    let variables = Parameters::default();
    let is_fresh = |name: &QualifiedName| !session.initial.relations.contains_key(name);
    let enum_use = |name: &TypeName, label: &str| session.check_enum_use(name, label);
    let environment = Environment {
        version: session.version,
        search_path: &session.search_path,
        parameters,
        variables: &variables,
        fresh: &is_fresh,
        enum_use: &enum_use,
        work: &session.query_work,
        numbers,
    };
    let result = run(&mut catalog, &environment);
    session.catalog = catalog;
    result
}

/// Checks something of a table in the environment of the session; of one that is not there, there is nothing to check.
fn over(
    session: &mut Session,
    table: &QualifiedName,
    check: impl FnOnce(&Catalog, &Environment<'_>, &Relation) -> Result<(), ServerError>,
) -> Effect {
    let Some(relation) = session.catalog.relation(table).cloned() else {
        return Ok(());
    };
    checking(session, |catalog, environment| {
        check(catalog, environment, &relation)
    })
    .map_err(Failure::Error)
}

/// Checks an expression over the columns of a table as a query would: the types of what it compares and chooses from.
pub(super) fn check_over(
    session: &mut Session,
    table: &QualifiedName,
    expression: &Expr,
) -> Effect {
    over(session, table, |catalog, environment, relation| {
        query::check_over(catalog, environment, relation, expression)
    })
}

/// Refuses a condition over a table that is certain to be no boolean.
pub(super) fn check_boolean(
    session: &mut Session,
    table: &QualifiedName,
    condition: &Expr,
    clause: &str,
) -> Effect {
    over(session, table, |catalog, environment, relation| {
        query::check_boolean(catalog, environment, relation, condition, clause)
    })
}

/// The columns that a query gives, and whether there may be more; what the server refuses in it.
pub(super) fn output_columns(
    session: &mut Session,
    query: &Query,
) -> Effect<(Vec<query::OutputColumn>, bool)> {
    checking(session, |catalog, environment| {
        query::output_columns(catalog, environment, query)
    })
    .map_err(Failure::Error)
}

/// Refuses what goes over rows where there is one: [`query::refuse_over_rows`].
pub(super) fn refuse_over_rows(session: &mut Session, expression: &Expr, place: &str) -> Effect {
    if query::may_go_over_rows(expression) {
        checking(session, |catalog, environment| {
            let context = query::Context::new(catalog, environment);
            query::refuse_over_rows(expression, place, &context)
        })
        .map_err(Failure::Error)?;
    }
    Ok(())
}

/// The type of an expression over the columns of a relation, where it is known and no literal's.
pub(super) fn type_over(
    session: &mut Session,
    relation: &Relation,
    expression: &Expr,
) -> Option<TypeName> {
    checking(session, |catalog, environment| {
        query::type_over(catalog, environment, relation, expression)
    })
}

/// Checks the known rows of a table against one of its constraints.
pub(super) fn check_rows(session: &mut Session, table: &QualifiedName, name: &str) -> Effect {
    let has_rows = |relation: &Arc<Relation>| !relation.rows.known.is_empty();
    if !session.catalog.relation(table).is_some_and(has_rows) {
        return Ok(());
    }
    over(
        session,
        table,
        |catalog, environment, relation| match relation.constraint(name) {
            Some(constraint) if constraint.presence == Presence::Certain => {
                data::check_rows(relation, constraint, catalog, environment)
            }
            _ => Ok(()),
        },
    )
}

/// An expression over the columns of a relation as the server keeps it: with the types of its literals.
pub(super) fn typed_over(
    session: &mut Session,
    relation: &Relation,
    expression: &Expr,
) -> Option<Expr> {
    checking(session, |catalog, environment| {
        query::typed_over(catalog, environment, relation, expression)
    })
}

/// Refuses an expression over a table that is certain not to be immutable; `message` is what the server says.
pub(super) fn check_immutable(
    session: &mut Session,
    table: &QualifiedName,
    expression: &Expr,
    message: &str,
) -> Effect {
    if matches!(expression, Expr::Column { .. }) {
        return Ok(());
    }
    over(session, table, |catalog, environment, relation| {
        query::check_immutable(catalog, environment, relation, expression, message)
    })
}

/// Checks the literal of a DEFAULT against the column's type; the type of what else a default is.
pub(super) fn check_default(
    session: &mut Session,
    type_name: &TypeName,
    default: &Expr,
) -> Effect<Option<TypeName>> {
    checking(session, |catalog, environment| {
        query::check_default(catalog, environment, type_name, default)
    })
    .map_err(Failure::Error)
}

/// So many values are written into the known rows of a table by a new column; more stay unknown.
const MOST_VALUES: usize = 20_000;

/// Gives the known rows of a table what they have in a new column: its default, or NULL. An error is the default's.
pub(super) fn fill(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ColumnDefinition,
) -> Effect {
    let Some(relation) = session.catalog.relation(table).cloned() else {
        return Ok(());
    };
    let column = definition.name.as_str();
    if relation.rows.known.is_empty() && definition.default.is_none() {
        return Ok(());
    }
    let value = checking(session, |catalog, environment| {
        data::value_in_rows(catalog, environment, &relation, column)
    })
    .map_err(Failure::Error)?;
    let values = relation.rows.known.len() * relation.columns.len();
    if values == 0 || values > MOST_VALUES || value == Datum::Unknown {
        return Ok(());
    }
    if let Some(relation) = session.catalog.relation_mut(table) {
        data::set_in_rows(relation, column, &value);
    }
    Ok(())
}

/// Notes what a statement did in the running call.
fn settle(session: &mut Session, answer: DataAnswer) -> Effect {
    match answer.outcome {
        Outcome::Error(error) => return Err(Failure::Error(*error)),
        Outcome::Unknown(why) => session.doubt(why),
        Outcome::Ok => {}
    }
    for key in answer.changes {
        session.change(key);
    }
    for key in answer.assumed {
        if !session.call.assumed.contains(&key) {
            session.call.assumed.push(key);
        }
    }
    session.call.result = answer.result;
    session.call.row_count = answer.row_count;
    Ok(())
}

/// INSERT, UPDATE, DELETE, MERGE, TRUNCATE.
pub(super) fn write(
    session: &mut Session,
    statement: &Statement,
    parameters: &Parameters,
) -> Effect {
    for table in targets(statement) {
        // assumes it where it was never heard of; an error is the statement's own, in its own order
        if session.assumes && resolve::relation_in_query(session, table).is_err() {
            break;
        }
    }
    let answer = executing(
        session,
        parameters,
        |catalog, environment| match statement {
            Statement::Insert(insert) => Some(data::insert(catalog, environment, insert)),
            Statement::Update(update) => Some(data::update(catalog, environment, update)),
            Statement::Delete(delete) => Some(data::delete(catalog, environment, delete)),
            Statement::Merge(merge) => Some(data::merge(catalog, environment, merge)),
            Statement::Truncate {
                tables, cascade, ..
            } => Some(data::truncate(catalog, environment, tables, *cascade)),
            _ => None,
        },
    );
    let Some(answer) = answer else {
        return Ok(());
    };
    let writes_row = answer.writes_row;
    settle(session, answer)?;
    if writes_row && let [table] = targets(statement) {
        let found = session.catalog.find_relation(&session.search_path, table);
        if let Some(table) = found.map(|relation| relation.name.clone()) {
            fire::check(session, &table, statement)?;
        }
    }
    if let Statement::Truncate {
        tables,
        restart_identity: true,
        ..
    } = statement
    {
        restart(session, tables)?;
    }
    Ok(())
}

/// Starts the sequences of tables anew.
fn restart(session: &mut Session, tables: &[Name]) -> Effect {
    for table in tables {
        let Some(table) = resolve::relation_in_query(session, table)? else {
            continue;
        };
        for owned in sequence::owned(session, &table, None) {
            sequence::restart(session, &owned);
        }
    }
    Ok(())
}

/// The tables that a statement writes.
fn targets(statement: &Statement) -> &[Name] {
    use std::slice::from_ref;
    match statement {
        Statement::Insert(insert) => from_ref(&insert.table),
        Statement::Update(update) => from_ref(&update.table),
        Statement::Delete(delete) => from_ref(&delete.table),
        Statement::Merge(merge) => from_ref(&merge.table),
        Statement::Truncate { tables, .. } => tables,
        _ => &[],
    }
}

/// COPY of a table.
pub(super) fn copy(
    session: &mut Session,
    table: &Name,
    from: bool,
    parameters: &Parameters,
) -> Effect {
    let answer = executing(session, parameters, |catalog, environment| {
        data::copy(catalog, environment, Some(table), from)
    });
    settle(session, answer)
}

/// A query run for its rows, or for the table that SELECT INTO makes.
pub(super) fn select(session: &mut Session, query: &Query, parameters: &Parameters) -> Effect {
    if let Some(into) = &query.into {
        return view::select_into(session, into, query);
    }
    if session.assumes && !session.is_asking {
        let mut tables = Vec::new();
        if let QueryBody::Select(select) = &query.body {
            for item in &select.from {
                tables_of(item, &mut tables);
            }
        }
        for table in tables {
            let is_member =
                table.schema.is_none() && query.with.iter().any(|member| member.name == table.name);
            // an error is the statement's own, in its own order
            if !is_member && resolve::relation_in_query(session, table).is_err() {
                break;
            }
        }
    }
    let answer = executing(session, parameters, |catalog, environment| {
        data::select(catalog, environment, query)
    });
    settle(session, answer)
}

/// The tables that a FROM item names itself, those of subqueries apart.
fn tables_of<'a>(item: &'a FromItem, tables: &mut Vec<&'a Name>) {
    match item {
        FromItem::Table { name, .. } => tables.push(name),
        FromItem::Join { left, right, .. } => {
            tables_of(left, tables);
            tables_of(right, tables);
        }
        FromItem::Query { .. } | FromItem::Function { .. } => {}
    }
}

/// What an expression over the columns of a table is for each of its known rows.
pub(super) fn values_of_rows(
    session: &mut Session,
    table: &QualifiedName,
    expression: &Expr,
) -> Vec<Datum> {
    checking(session, |catalog, environment| {
        data::values_of_rows(catalog, environment, table, expression)
    })
}

/// The value of an expression that stands alone.
pub(super) fn evaluate(
    session: &mut Session,
    expression: &Expr,
    parameters: &Parameters,
) -> Result<Datum, ServerError> {
    executing(session, parameters, |catalog, environment| {
        query::evaluate_alone(catalog, environment, expression)
    })
}
