//! Calls of functions and procedures that statements made: what their bodies do is done.
//!
//! A body is executed where it writes (SQL other than a query, or dynamic SQL that gives no rows); what it gives back is
//! not worked out.

use std::cell::RefCell;
use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::catalog::Function;
use crate::postgres::expression::{FromItem, QueryBody, Select};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{Block, PlStatement};
use crate::postgres::{Datum, Expr, Name, Parameters, Query, Session, SqlState, Statement};

use super::{Effect, Failure, data, do_block, fail, resolve};

/// How deeply routines may call each other.
const MAX_DEPTH: usize = 16;

/// CALL.
pub(crate) fn call(
    session: &mut Session,
    name: &Name,
    arguments: &[Expr],
    parameters: &Parameters,
) -> Effect {
    resolve::known(name)?;
    let Some((_, all)) = session.catalog.find_functions(&session.search_path, name) else {
        if session.catalog.open || super::is_system(name) {
            return Err(Failure::Unknown(
                format!("procedure `{name}` was never heard of").into(),
            ));
        }
        return fail(
            SqlState::UNDEFINED_FUNCTION,
            format!("procedure {}() does not exist", resolve::shown(name)),
        );
    };
    let callable = |kind| matches!(kind, ObjectKind::Procedure | ObjectKind::Routine);
    if !all.iter().any(|function| callable(function.kind)) {
        return fail(
            SqlState::WRONG_OBJECT_TYPE,
            format!("{}() is not a procedure", resolve::shown(name)),
        );
    }
    let block =
        chosen(all, arguments.len()).and_then(|found| Some((body(session, &found)?, found)));
    let Some((block, found)) = block else {
        return Err(Failure::Unknown(
            format!("the body of procedure `{name}` is not executed").into(),
        ));
    };
    execute(session, &block, &found, arguments, parameters)
}

/// What a query does beside giving rows: `SELECT f(...)`, `SELECT * FROM f(...)` of a function whose body writes.
pub(crate) fn after_select(
    session: &mut Session,
    query: &Query,
    parameters: &Parameters,
) -> Effect {
    let Some((name, arguments)) = called(query) else {
        return Ok(());
    };
    let Some((_, all)) = session.catalog.find_functions(&session.search_path, name) else {
        return Ok(());
    };
    let Some(found) = chosen(all, arguments.len()) else {
        return Ok(());
    };
    let Some(block) = body(session, &found) else {
        return Ok(());
    };
    if !writes(session, &block, 0) {
        return Ok(());
    }
    let (result, row_count) = (session.call.result.clone(), session.call.row_count);
    execute(session, &block, &found, arguments, parameters)?;
    session.call.result = result;
    session.call.row_count = row_count;
    Ok(())
}

/// The one call that a query is.
fn called(query: &Query) -> Option<(&Name, &[Expr])> {
    let QueryBody::Select(select) = &query.body else {
        return None;
    };
    if !query.with.is_empty() {
        return None;
    }
    let value = match &**select {
        Select {
            targets,
            from,
            filter: None,
            ..
        } if from.is_empty() => match targets.as_slice() {
            [target] => &target.value,
            _ => return None,
        },
        Select {
            from, filter: None, ..
        } => match from.as_slice() {
            [FromItem::Function { call, .. }] => call,
            _ => return None,
        },
        _ => return None,
    };
    match value {
        Expr::Call {
            name, arguments, ..
        } => Some((name, arguments)),
        _ => None,
    }
}

/// The overload that so many arguments mean, where only one can be meant.
fn chosen(all: &Arc<Vec<Function>>, count: usize) -> Option<Function> {
    let mut fitting = all.iter().filter(|function| {
        let most = function.arguments.len();
        (most.saturating_sub(function.defaults)..=most).contains(&count)
    });
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Some(only.clone()),
        _ => None,
    }
}

/// A body's text, and what was read of it.
type Body = (Arc<str>, Option<Arc<Block>>);

thread_local! {
    /// The last one that was read: a trigger's is asked for with each row.
    static LAST: RefCell<Option<Body>> = const { RefCell::new(None) };
}

/// A routine's body; `None` where its language is another, or it can't be read.
pub(super) fn body(session: &Session, function: &Function) -> Option<Arc<Block>> {
    let last = LAST.with_borrow(|last| {
        let (text, block) = last.as_ref()?;
        Arc::ptr_eq(text, &function.body).then(|| block.clone())
    });
    if let Some(block) = last {
        return block;
    }
    let block = read(session, function);
    LAST.set(Some((function.body.clone(), block.clone())));
    block
}

fn read(session: &Session, function: &Function) -> Option<Arc<Block>> {
    match function.language.as_str() {
        "plpgsql" => {
            let text = format!("DO $foreshot$\n{}\n$foreshot$", function.body);
            match (session.parser)(&text).into_iter().next()? {
                Statement::Do(block) if block.unreadable.is_none() => Some(block),
                _ => None,
            }
        }
        "sql" => {
            let statements = (session.parser)(&function.body);
            let readable = statements.iter().all(|statement| {
                !matches!(
                    statement,
                    Statement::SyntaxError { .. }
                        | Statement::Unreadable { .. }
                        | Statement::Partial { .. }
                )
            });
            readable.then(|| {
                Arc::new(Block {
                    body: statements
                        .into_iter()
                        .map(|statement| match statement {
                            Statement::Query(query) => PlStatement::Perform(query),
                            statement => PlStatement::Sql {
                                statement,
                                into: Vec::new(),
                                strict: false,
                            },
                        })
                        .collect(),
                    ..Block::default()
                })
            })
        }
        _ => None,
    }
}

fn writes(session: &Session, block: &Block, depth: usize) -> bool {
    let mut found = false;
    block.each(&mut |statement| {
        found = found
            || match statement {
                PlStatement::Sql { statement, .. } => match statement {
                    Statement::Query(query) => query_writes(session, query, depth),
                    Statement::Set { .. } | Statement::Show { .. } => false,
                    _ => true,
                },
                PlStatement::Perform(query) => query_writes(session, query, depth),
                // with INTO it is a query
                PlStatement::Execute { into, .. } => into.is_empty(),
                _ => false,
            };
    });
    found
}

fn query_writes(session: &Session, query: &Query, depth: usize) -> bool {
    let Some((name, arguments)) = called(query) else {
        return false;
    };
    depth < MAX_DEPTH
        && session
            .catalog
            .find_functions(&session.search_path, name)
            .and_then(|(_, all)| chosen(all, arguments.len()))
            .and_then(|found| body(session, &found))
            .is_some_and(|block| writes(session, &block, depth + 1))
}

fn execute(
    session: &mut Session,
    block: &Arc<Block>,
    function: &Function,
    arguments: &[Expr],
    parameters: &Parameters,
) -> Effect {
    if session.call.depth >= MAX_DEPTH {
        return Err(Failure::Unknown(
            "routines call each other too deeply".into(),
        ));
    }
    let mut values = Vec::with_capacity(function.arguments.len());
    for argument in arguments {
        let value = data::evaluate(session, argument, parameters).map_err(Failure::Error)?;
        values.push(value);
    }
    // a default is not kept with its function
    values.resize(function.arguments.len().max(values.len()), Datum::Unknown);
    let own = Parameters {
        values: values
            .iter()
            .enumerate()
            .map(|(at, value)| (SmolStr::new((at + 1).to_string()), value.clone()))
            .collect(),
    };
    let named = function.argument_names.iter().cloned().zip(values);
    let mut variables: Vec<(SmolStr, Datum)> = named.filter(|(name, _)| !name.is_empty()).collect();
    let outputs = function.returns.columns.iter().map(|(name, _)| name);
    let outputs = outputs
        .filter(|name| !name.is_empty() && !variables.iter().any(|(known, _)| known == *name));
    let outputs: Vec<(SmolStr, Datum)> = outputs.map(|name| (name.clone(), Datum::Null)).collect();
    variables.extend(outputs);
    do_block::run_with(session, block, variables, &own)
}
