//! Maintenance, transactions, settings, and what remains.

use pg_query::protobuf::{
    DiscardMode, LockStmt, ReindexObjectType, ReindexStmt, TransactionStmt, TransactionStmtKind,
    VacuumStmt, VariableSetKind, VariableSetStmt,
};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::Context;
use super::names::{option_is_on, relation, relation_of, relations, role, some, value_text};
use super::objects::option_texts;
use crate::postgres::name::truncate;
use crate::postgres::statement::TransactionStatement;
use crate::postgres::{Name, ObjectKind, Statement};

/// Every statement that no other subject has.
pub(super) fn statement(_: &Context<'_>, node: &NodeEnum) -> Statement {
    match node {
        NodeEnum::RefreshMatViewStmt(refresh) => Statement::RefreshMaterializedView {
            name: relation_of(refresh.relation.as_ref()),
            concurrently: refresh.concurrent,
            with_data: !refresh.skip_data,
        },
        NodeEnum::ReindexStmt(node) => reindex(node),
        NodeEnum::ClusterStmt(cluster) => Statement::Cluster {
            table: cluster.relation.as_ref().map(relation),
            index: some(&cluster.indexname).map(truncate),
        },
        NodeEnum::VacuumStmt(node) => vacuum(node),
        NodeEnum::LockStmt(node) => lock(node),
        NodeEnum::TransactionStmt(node) => Statement::Transaction(transaction(node)),
        NodeEnum::VariableSetStmt(node) => set(node),
        NodeEnum::VariableShowStmt(show) => Statement::Show {
            name: show.name.to_lowercase().into(),
        },
        other => {
            let (tag, object) = tagged(other);
            Statement::Other {
                tag: SmolStr::new(tag),
                object,
            }
        }
    }
}

fn reindex(node: &ReindexStmt) -> Statement {
    let kind = match node.kind() {
        ReindexObjectType::ReindexObjectIndex => ObjectKind::Index,
        ReindexObjectType::ReindexObjectSchema => ObjectKind::Schema,
        ReindexObjectType::ReindexObjectSystem | ReindexObjectType::ReindexObjectDatabase => {
            ObjectKind::Database
        }
        _ => ObjectKind::Table,
    };
    Statement::Reindex {
        kind,
        name: node
            .relation
            .as_ref()
            .map(relation)
            .or_else(|| some(&node.name).map(Name::new)),
        concurrently: option_is_on(&node.params, "concurrently"),
    }
}

fn vacuum(node: &VacuumStmt) -> Statement {
    Statement::Vacuum {
        analyze_only: !node.is_vacuumcmd,
        tables: node
            .rels
            .iter()
            .filter_map(|table| match table.node.as_ref()? {
                NodeEnum::VacuumRelation(table) => table.relation.as_ref().map(relation),
                _ => None,
            })
            .collect(),
    }
}

/// Lock modes are numbered as in the server's lockdefs.h.
fn lock(node: &LockStmt) -> Statement {
    let mode = match node.mode {
        1 => "ACCESS SHARE",
        2 => "ROW SHARE",
        3 => "ROW EXCLUSIVE",
        4 => "SHARE UPDATE EXCLUSIVE",
        5 => "SHARE",
        6 => "SHARE ROW EXCLUSIVE",
        7 => "EXCLUSIVE",
        _ => "ACCESS EXCLUSIVE",
    };
    Statement::Lock {
        tables: relations(&node.relations),
        mode: SmolStr::new(mode),
    }
}

fn transaction(node: &TransactionStmt) -> TransactionStatement {
    let savepoint = || truncate(&node.savepoint_name);
    match node.kind() {
        TransactionStmtKind::TransStmtCommit => TransactionStatement::Commit,
        TransactionStmtKind::TransStmtRollback => TransactionStatement::Rollback,
        TransactionStmtKind::TransStmtSavepoint => TransactionStatement::Savepoint(savepoint()),
        TransactionStmtKind::TransStmtRelease => TransactionStatement::Release(savepoint()),
        TransactionStmtKind::TransStmtRollbackTo => TransactionStatement::RollbackTo(savepoint()),
        TransactionStmtKind::TransStmtPrepare
        | TransactionStmtKind::TransStmtCommitPrepared
        | TransactionStmtKind::TransStmtRollbackPrepared => TransactionStatement::Prepared,
        _ => TransactionStatement::Begin,
    }
}

fn set(node: &VariableSetStmt) -> Statement {
    let kind = node.kind();
    let values = if kind == VariableSetKind::VarSetMulti {
        option_texts(&node.args)
    } else {
        node.args.iter().map(value).collect()
    };
    Statement::Set {
        name: some(&node.name).unwrap_or("all").to_lowercase().into(),
        values,
        local: node.is_local,
        reset: matches!(
            kind,
            VariableSetKind::VarReset
                | VariableSetKind::VarResetAll
                | VariableSetKind::VarSetDefault
        ),
    }
}

/// A value of SET; one that is no plain value (an interval) is empty.
fn value(node: &Node) -> SmolStr {
    value_text(node).unwrap_or_default()
}

/// The command of a statement that has no variant, and the object that it names.
fn tagged(node: &NodeEnum) -> (&'static str, Option<Name>) {
    match node {
        NodeEnum::SecLabelStmt(label) => (
            "SECURITY LABEL",
            label
                .object
                .as_deref()
                .map(|object| super::names::object(object).0),
        ),
        NodeEnum::AlterSystemStmt(_) => ("ALTER SYSTEM", None),
        NodeEnum::AlterRoleSetStmt(_) => ("ALTER ROLE", None),
        NodeEnum::AlterTableMoveAllStmt(_) => ("ALTER TABLE ALL", None),
        NodeEnum::ImportForeignSchemaStmt(import) => (
            "IMPORT FOREIGN SCHEMA",
            Some(Name::new(&import.server_name)),
        ),
        NodeEnum::DropOwnedStmt(_) => ("DROP OWNED", None),
        NodeEnum::ReassignOwnedStmt(reassign) => (
            "REASSIGN OWNED",
            Some(Name::new(role(reassign.newrole.as_ref()))),
        ),
        NodeEnum::ExplainStmt(_) => ("EXPLAIN", None),
        NodeEnum::PrepareStmt(prepare) => ("PREPARE", Some(Name::new(&prepare.name))),
        NodeEnum::ExecuteStmt(execute) => ("EXECUTE", Some(Name::new(&execute.name))),
        NodeEnum::DeallocateStmt(deallocate) => {
            ("DEALLOCATE", some(&deallocate.name).map(Name::new))
        }
        NodeEnum::ListenStmt(listen) => ("LISTEN", Some(Name::new(&listen.conditionname))),
        NodeEnum::UnlistenStmt(listen) => ("UNLISTEN", some(&listen.conditionname).map(Name::new)),
        NodeEnum::NotifyStmt(notify) => ("NOTIFY", Some(Name::new(&notify.conditionname))),
        NodeEnum::DiscardStmt(discard) if discard.target() == DiscardMode::DiscardAll => {
            ("DISCARD ALL", None)
        }
        NodeEnum::DiscardStmt(_) => ("DISCARD", None),
        NodeEnum::CheckPointStmt(_) => ("CHECKPOINT", None),
        NodeEnum::LoadStmt(_) => ("LOAD", None),
        NodeEnum::ConstraintsSetStmt(_) => ("SET CONSTRAINTS", None),
        NodeEnum::DeclareCursorStmt(cursor) => {
            ("DECLARE CURSOR", Some(Name::new(&cursor.portalname)))
        }
        NodeEnum::ClosePortalStmt(cursor) => ("CLOSE", some(&cursor.portalname).map(Name::new)),
        NodeEnum::FetchStmt(fetch) => {
            let tag = if fetch.ismove { "MOVE" } else { "FETCH" };
            (tag, Some(Name::new(&fetch.portalname)))
        }
        NodeEnum::CommentStmt(_) => ("COMMENT", None),
        NodeEnum::RenameStmt(_) => ("ALTER ... RENAME", None),
        NodeEnum::AlterOwnerStmt(_) => ("ALTER ... OWNER TO", None),
        NodeEnum::AlterObjectSchemaStmt(_) => ("ALTER ... SET SCHEMA", None),
        NodeEnum::DropStmt(_) => ("DROP", None),
        NodeEnum::ReturnStmt(_) => ("RETURN", None),
        _ => ("a statement that is not modelled", None),
    }
}
