//! Statements that may not run in a transaction block: 25001, by major (measured; manual, each command's notes).

use crate::postgres::catalog::RelationKind;
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{AlterTableCommand, Statement};
use crate::postgres::{Name, Session, SqlState};

use super::{Effect, fail};

/// Fails with 25001 where the statement may not run in the block that is open.
pub(crate) fn check(session: &Session, statement: &Statement) -> Effect {
    if !session.in_block() {
        return Ok(());
    }
    let Some(what) = forbidden(session, statement) else {
        return Ok(());
    };
    refuse(session, what)
}

/// The error itself: worded by whether a function, or a block, is around.
pub(crate) fn refuse<T>(session: &Session, what: &str) -> Effect<T> {
    let how = if session.call.depth > 0 {
        "cannot be executed from a function"
    } else {
        "cannot run inside a transaction block"
    };
    fail(SqlState::ACTIVE_SQL_TRANSACTION, format!("{what} {how}"))
}

fn forbidden(session: &Session, statement: &Statement) -> Option<&'static str> {
    let major = session.version.0;
    match statement {
        Statement::CreateIndex(create) if create.concurrently => Some("CREATE INDEX CONCURRENTLY"),
        Statement::Drop(drop) => match drop.kind {
            ObjectKind::Index if drop.concurrently => Some("DROP INDEX CONCURRENTLY"),
            ObjectKind::Database => Some("DROP DATABASE"),
            ObjectKind::Tablespace => Some("DROP TABLESPACE"),
            _ => None,
        },
        Statement::CreateNamed(create) => match create.kind {
            ObjectKind::Database => Some("CREATE DATABASE"),
            ObjectKind::Tablespace => Some("CREATE TABLESPACE"),
            ObjectKind::Subscription if create.makes_slot => {
                Some("CREATE SUBSCRIPTION ... WITH (create_slot = true)")
            }
            _ => None,
        },
        Statement::Reindex {
            kind,
            name,
            concurrently,
        } => {
            if *concurrently {
                return Some("REINDEX CONCURRENTLY");
            }
            match kind {
                ObjectKind::Schema => Some("REINDEX SCHEMA"),
                ObjectKind::Database => Some("REINDEX DATABASE"),
                ObjectKind::Table if major >= 14 && is_partitioned(session, name.as_ref()) => {
                    Some("REINDEX TABLE")
                }
                ObjectKind::Index if major >= 14 && is_partitioned(session, name.as_ref()) => {
                    Some("REINDEX INDEX")
                }
                ObjectKind::Table | ObjectKind::Index => None,
                _ => Some("REINDEX SYSTEM"),
            }
        }
        Statement::Vacuum {
            analyze_only: false,
            ..
        } => Some("VACUUM"),
        Statement::Cluster { table: None, .. } => Some("CLUSTER"),
        Statement::Cluster { table, .. }
            if major >= 15 && is_partitioned(session, table.as_ref()) =>
        {
            Some("CLUSTER")
        }
        Statement::AlterTable(alter) => alter.commands.iter().find_map(|command| match command {
            AlterTableCommand::DetachPartition {
                concurrently: true, ..
            } => Some("ALTER TABLE ... DETACH CONCURRENTLY"),
            _ => None,
        }),
        Statement::Other { tag, .. } => match tag.as_str() {
            "ALTER SYSTEM" => Some("ALTER SYSTEM"),
            "DISCARD ALL" => Some("DISCARD ALL"),
            "ALTER DATABASE SET TABLESPACE" => Some("ALTER DATABASE SET TABLESPACE"),
            _ => None,
        },
        _ => None,
    }
}

fn is_partitioned(session: &Session, name: Option<&Name>) -> bool {
    let Some(relation) =
        name.and_then(|name| session.catalog.find_relation(&session.search_path, name))
    else {
        return false;
    };
    if relation.kind == RelationKind::PartitionedTable {
        return true;
    }
    relation
        .index_of
        .as_ref()
        .and_then(|table| session.catalog.relation(table))
        .is_some_and(|table| table.kind == RelationKind::PartitionedTable)
}
