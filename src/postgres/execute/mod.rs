//! Statements executed: each changes the session's catalog or fails as the server does.
//!
//! In: one [`Statement`]. Out: `Ok` with the changes noted in [`Session::call`], or a [`Failure`]; a failing statement
//! may leave half of its effects behind, which the session undoes. One file a subject.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::catalog::lookup;
use crate::postgres::statement::{Statement, TransactionStatement};
use crate::postgres::{Name, ObjectKey, ObjectKind, Parameters, ServerError, Session, SqlState};

pub mod alter_column;
pub mod alter_table;
pub mod analyze;
pub mod block;
pub mod constraint;
mod data;
mod do_block;
pub mod drop;
mod drop_kinds;
pub mod enums;
pub mod expressions;
mod fire;
pub mod foreign_key;
pub mod function;
pub mod index;
mod learn;
pub mod named;
pub mod names;
pub(crate) mod possible;
pub mod rename;
pub mod resolve;
mod retype;
mod routine;
pub mod schema;
pub mod sequence;
pub mod table;
pub mod trigger_policy;
pub mod types;
pub mod versions;
pub mod view;

#[cfg(test)]
mod tests;

/// Why a statement did not succeed.
#[derive(Clone, Debug, PartialEq)]
pub enum Failure {
    /// The server refuses it.
    Error(ServerError),
    /// What the server says can't be known: why (lower case, no full stop).
    Unknown(Arc<str>),
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        Self::Error(error)
    }
}

/// What executing gives.
pub type Effect<T = ()> = Result<T, Failure>;

/// An error, as a failure.
pub(crate) fn fail<T>(sqlstate: SqlState, message: impl Into<String>) -> Effect<T> {
    Err(Failure::Error(ServerError::new(sqlstate, message)))
}

/// The same, naming what is missing.
pub(crate) fn fail_about<T>(
    sqlstate: SqlState,
    message: impl Into<String>,
    kind: ObjectKind,
    name: &str,
) -> Effect<T> {
    let error = ServerError::new(sqlstate, message).about(ObjectKey::new(kind, name));
    Err(Failure::Error(error))
}

/// Executes one statement.
pub fn run(session: &mut Session, statement: &Statement, parameters: &Parameters) -> Effect {
    block::check(session, statement)?;
    let made = match statement {
        Statement::CreateTable(create) => Some(&create.name),
        Statement::CreateTableAs(create) => Some(&create.name),
        Statement::CreateView(create) => Some(&create.name),
        _ => None,
    };
    if let Some(name) = made.filter(|name| name.is_unknown()) {
        session.catalog.nameless.insert(name.name.clone());
        session.doubt(format!("the name `{name}` is not known"));
        return Ok(());
    }
    match statement {
        Statement::CreateTable(create) => table::create(session, create),
        Statement::CreateTableAs(create) => view::create_table_as(session, create),
        Statement::AlterTable(alter) => alter_table::alter(session, alter),
        Statement::CreateIndex(create) => index::create(session, create),
        Statement::CreateType(create) => types::create(session, create),
        Statement::AlterEnum(alter) => enums::alter(session, alter),
        Statement::AlterCompositeType { name, commands } => {
            types::alter_composite(session, name, commands)
        }
        Statement::AlterDomain { name, command } => types::alter_domain(session, name, command),
        Statement::CreateSchema {
            name,
            if_not_exists,
            elements,
        } => schema::create(session, name, *if_not_exists, elements, parameters),
        Statement::CreateSequence(create) => sequence::create(session, create),
        Statement::AlterSequence {
            name,
            if_exists,
            options,
        } => sequence::alter(session, name, *if_exists, options),
        Statement::CreateView(create) => view::create(session, create),
        Statement::CreateFunction(create) => function::create(session, create),
        Statement::CreateTrigger(create) => trigger_policy::create_trigger(session, create),
        Statement::CreatePolicy {
            name,
            table,
            using,
            check,
        } => {
            trigger_policy::create_policy(session, name, table, using.as_deref(), check.as_deref())
        }
        Statement::AlterPolicy { name, table } => {
            trigger_policy::alter_policy(session, name, table)
        }
        Statement::CreateRule {
            name,
            table,
            or_replace,
        } => trigger_policy::create_rule(session, name, table, *or_replace),
        Statement::CreateExtension {
            name,
            if_not_exists,
            schema,
            cascade: _,
        } => named::create_extension(session, name, *if_not_exists, schema.as_deref()),
        Statement::CreateNamed(create) => named::create(session, create),
        Statement::AlterNamed {
            kind,
            name,
            if_exists,
            action,
        } => named::alter(session, *kind, name, *if_exists, action),
        Statement::Drop(drop) => drop::drop(session, drop),
        Statement::Rename(rename) => rename::rename(session, rename),
        Statement::SetSchema {
            kind,
            name,
            arguments,
            if_exists,
            schema,
        } => schema::set_schema(
            session,
            *kind,
            name,
            arguments.as_deref(),
            *if_exists,
            schema,
        ),
        Statement::Owner {
            kind,
            name,
            arguments,
            role,
        } => named::owner(session, *kind, name, arguments.as_deref(), role),
        Statement::Comment {
            kind,
            name,
            member,
            text,
        } => named::comment(session, *kind, name, member.as_deref(), text.as_ref()),
        Statement::Grant {
            kind,
            names,
            grantees,
            grant: _,
        } => named::grant(session, *kind, names, grantees),
        Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_)
        | Statement::Truncate { .. } => data::write(session, statement, parameters),
        Statement::Query(query) => {
            data::select(session, query, parameters)?;
            routine::after_select(session, query, parameters)
        }
        Statement::Copy { table, from } => match table {
            Some(table) => data::copy(session, table, *from, parameters),
            None => Ok(()),
        },
        Statement::RefreshMaterializedView { name, .. } => view::refresh(session, name),
        Statement::Reindex { kind, name, .. } => match name {
            Some(name) => index::reindex(session, *kind, name),
            None => Ok(()),
        },
        Statement::Cluster { table, index } => {
            index::cluster(session, table.as_ref(), index.as_deref())
        }
        Statement::Vacuum { tables, .. } => {
            for table in tables {
                resolve::relation_in_query(session, table)?;
            }
            Ok(())
        }
        Statement::Lock { tables, .. } => {
            if !session.in_block() {
                return Err(Session::error_outside_block("LOCK TABLE"));
            }
            for table in tables {
                resolve::relation(session, table, ObjectKind::Table)?;
            }
            Ok(())
        }
        Statement::Transaction(control) => transaction(session, control),
        Statement::Set {
            name,
            values,
            local,
            reset,
        } => {
            if name == "search_path" {
                let path: Arc<[SmolStr]> = if *reset || values.as_slice() == ["default"] {
                    Arc::new([SmolStr::new_static("public")])
                } else {
                    values.as_slice().into()
                };
                session.set_search_path(path, *local);
            }
            Ok(())
        }
        Statement::Show { .. } => Ok(()),
        Statement::Do(block) => do_block::run(session, block, parameters),
        Statement::Call { name, arguments } => routine::call(session, name, arguments, parameters),
        Statement::Other { tag, .. } => {
            if tag == "SECURITY LABEL" {
                return fail(
                    SqlState::INVALID_PARAMETER_VALUE,
                    "no security label providers have been loaded",
                );
            }
            Ok(())
        }
        Statement::SyntaxError { message } => fail(SqlState::SYNTAX_ERROR, &**message),
        Statement::Unreadable { why, data } => {
            if *data {
                session.forget_numbers();
            } else {
                session.note_unread();
            }
            session.doubt(why.clone());
            Ok(())
        }
        Statement::Partial { head, why } => {
            run(session, head, parameters)?;
            possible::open(session, head);
            session.doubt(why.clone());
            Ok(())
        }
    }
}

fn transaction(session: &mut Session, control: &TransactionStatement) -> Effect {
    if session.call.depth > 0 {
        return fail(
            SqlState::INVALID_TRANSACTION_TERMINATION,
            "invalid transaction termination",
        );
    }
    match control {
        TransactionStatement::Begin => {
            session.begin();
            session.transaction.implicit = false;
        }
        TransactionStatement::Commit => session.commit(),
        TransactionStatement::Rollback => session.rollback(),
        TransactionStatement::Prepared => {}
        TransactionStatement::Savepoint(name) => {
            if !session.has_savepoints() {
                return Err(Session::error_outside_block("SAVEPOINT"));
            }
            session.push_savepoint(Some(name.clone()));
        }
        TransactionStatement::Release(name) => {
            let at = savepoint(session, name, "RELEASE SAVEPOINT")?;
            session.transaction.savepoints.truncate(at);
        }
        TransactionStatement::RollbackTo(name) => {
            let at = savepoint(session, name, "ROLLBACK TO SAVEPOINT")?;
            session.transaction.savepoints.truncate(at + 1);
            if let Some(savepoint) = session.transaction.savepoints.last().cloned() {
                session.transaction.aborted = savepoint.aborted;
                session.go_back(savepoint.state);
            }
        }
    }
    Ok(())
}

fn savepoint(session: &Session, name: &str, what: &str) -> Effect<usize> {
    if !session.has_savepoints() {
        return Err(Session::error_outside_block(what));
    }
    let found = session
        .transaction
        .savepoints
        .iter()
        .rposition(|savepoint| savepoint.name.as_deref() == Some(name));
    match found {
        Some(at) => Ok(at),
        None => fail(
            SqlState::INVALID_SAVEPOINT,
            format!("savepoint \"{name}\" does not exist"),
        ),
    }
}

/// Whether a name is one of the system's, which statements may use without the catalog knowing it.
pub(crate) fn is_system(name: &Name) -> bool {
    lookup::is_system_relation(name)
}
