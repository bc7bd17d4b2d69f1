//! INSERT, UPDATE, DELETE, MERGE, COPY, TRUNCATE.

use pg_query::protobuf::{
    CmdType, DeleteStmt, DropBehavior, InsertStmt, MergeMatchKind, MergeStmt, MergeWhenClause,
    OnConflictAction, OnConflictClause, OverridingKind, ReturningClause, SelectStmt, SetOperation,
    UpdateStmt,
};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::names::{relation_of, relations};
use super::{Context, create_table, expressions, query};
use crate::postgres::expression::{FromItem, QueryBody, Target};
use crate::postgres::name::truncate;
use crate::postgres::statement::{
    Assignment, ConflictAction, ConflictTarget, Delete, Insert, InsertSource, Merge, MergeAction,
    MergeClause, MergeRows, OnConflict, Update,
};
use crate::postgres::{Expr, Statement};

/// Statements of this subject.
pub(super) fn statement(context: &Context<'_>, node: &NodeEnum) -> Option<Statement> {
    Some(match node {
        NodeEnum::InsertStmt(node) => Statement::Insert(Box::new(insert(context, node))),
        NodeEnum::UpdateStmt(node) => Statement::Update(Box::new(update(context, node))),
        NodeEnum::DeleteStmt(node) => Statement::Delete(Box::new(delete(context, node))),
        NodeEnum::MergeStmt(node) => Statement::Merge(Box::new(merge(context, node))),
        NodeEnum::CopyStmt(node) => Statement::Copy {
            table: node
                .relation
                .as_ref()
                .map(|relation| relation_of(Some(relation))),
            from: node.is_from,
        },
        NodeEnum::TruncateStmt(node) => Statement::Truncate {
            tables: relations(&node.relations),
            restart_identity: node.restart_seqs,
            cascade: node.behavior() == DropBehavior::DropCascade,
        },
        _ => return None,
    })
}

fn returning(context: &Context<'_>, clause: Option<&ReturningClause>) -> Vec<Target> {
    clause
        .map(|clause| query::targets(context, &clause.exprs))
        .unwrap_or_default()
}

fn insert(context: &Context<'_>, node: &InsertStmt) -> Insert {
    Insert {
        with: query::with(context, node.with_clause.as_ref()),
        table: relation_of(node.relation.as_ref()),
        columns: node
            .cols
            .iter()
            .filter_map(|column| match column.node.as_ref()? {
                NodeEnum::ResTarget(target) => Some(truncate(&target.name)),
                _ => None,
            })
            .collect(),
        in_parts: node
            .cols
            .iter()
            .filter_map(|column| match column.node.as_ref()? {
                NodeEnum::ResTarget(target) if !target.indirection.is_empty() => {
                    Some(truncate(&target.name))
                }
                _ => None,
            })
            .collect(),
        source: source(context, node.select_stmt.as_deref()),
        on_conflict: node
            .on_conflict_clause
            .as_deref()
            .map(|clause| on_conflict(context, clause)),
        overriding: overriding(node.r#override()),
        returning: returning(context, node.returning_clause.as_ref()),
    }
}

fn source(context: &Context<'_>, node: Option<&Node>) -> InsertSource {
    match node.and_then(|node| node.node.as_ref()) {
        None => InsertSource::DefaultValues,
        Some(NodeEnum::SelectStmt(select)) if is_plain_values(select) => {
            InsertSource::Values(query::rows(context, &select.values_lists))
        }
        Some(_) => InsertSource::Query(Box::new(query::query_of(context, node))),
    }
}

fn is_plain_values(select: &SelectStmt) -> bool {
    !select.values_lists.is_empty()
        && select.op() == SetOperation::SetopNone
        && select.sort_clause.is_empty()
        && select.limit_count.is_none()
        && select.limit_offset.is_none()
        && select.with_clause.is_none()
}

fn on_conflict(context: &Context<'_>, clause: &OnConflictClause) -> OnConflict {
    let target = clause.infer.as_deref().map(|infer| {
        if !infer.conname.is_empty() {
            return ConflictTarget::Constraint(truncate(&infer.conname));
        }
        ConflictTarget::Elements {
            elements: infer
                .index_elems
                .iter()
                .filter_map(|node| match node.node.as_ref()? {
                    NodeEnum::IndexElem(element) => {
                        Some(create_table::index_value(context, element))
                    }
                    _ => None,
                })
                .collect(),
            filter: expressions::optional(context, infer.where_clause.as_deref()),
        }
    });
    let action = if clause.action() == OnConflictAction::OnconflictUpdate {
        ConflictAction::Update {
            assignments: assignments(context, &clause.target_list),
            filter: expressions::optional(context, clause.where_clause.as_deref()),
        }
    } else {
        ConflictAction::Nothing
    };
    OnConflict { target, action }
}

/// SET: `(a, b) = (1, 2)` is taken apart; of `(a, b) = (SELECT x, y)` every column gets its own subquery.
fn assignments(context: &Context<'_>, nodes: &[Node]) -> Vec<Assignment> {
    nodes
        .iter()
        .filter_map(|node| match node.node.as_ref()? {
            NodeEnum::ResTarget(target) => Some(Assignment {
                column: truncate(&target.name),
                value: if target.indirection.is_empty() {
                    assigned(context, target.val.as_deref())
                } else {
                    Expr::Unknown("an assignment to a part of a column".into())
                },
            }),
            _ => None,
        })
        .collect()
}

fn assigned(context: &Context<'_>, node: Option<&Node>) -> Expr {
    let Some(NodeEnum::MultiAssignRef(reference)) = node.and_then(|node| node.node.as_ref()) else {
        return expressions::required(context, node);
    };
    let index = usize::try_from(reference.colno - 1).unwrap_or_default();
    match expressions::required(context, reference.source.as_deref()) {
        Expr::Row(values) => values
            .into_iter()
            .nth(index)
            .unwrap_or_else(|| Expr::Unknown("a missing value".into())),
        Expr::Subquery(query) => {
            let mut query = query;
            let QueryBody::Select(select) = &mut query.body else {
                return Expr::Unknown("a part of a row".into());
            };
            if index >= select.targets.len() {
                return Expr::Unknown("a part of a row".into());
            }
            // each column reads its own output column of the same subquery
            let target = select.targets.swap_remove(index);
            select.targets = vec![target];
            Expr::Subquery(query)
        }
        other => other,
    }
}

fn update(context: &Context<'_>, node: &UpdateStmt) -> Update {
    Update {
        with: query::with(context, node.with_clause.as_ref()),
        table: relation_of(node.relation.as_ref()),
        alias: alias(node.relation.as_ref()),
        assignments: assignments(context, &node.target_list),
        from: query::from(context, &node.from_clause),
        filter: expressions::optional(context, node.where_clause.as_deref()),
        returning: returning(context, node.returning_clause.as_ref()),
    }
}

fn alias(relation: Option<&pg_query::protobuf::RangeVar>) -> Option<SmolStr> {
    query::alias_name(relation?.alias.as_ref())
}

fn delete(context: &Context<'_>, node: &DeleteStmt) -> Delete {
    let alias = alias(node.relation.as_ref());
    let mut filter = expressions::optional(context, node.where_clause.as_deref());
    // `DELETE FROM t {where}`
    if alias.as_deref().is_some_and(query::is_hole) {
        filter = Some(query::with_hole(filter));
    }
    Delete {
        with: query::with(context, node.with_clause.as_ref()),
        table: relation_of(node.relation.as_ref()),
        alias,
        using: query::from(context, &node.using_clause),
        filter,
        returning: returning(context, node.returning_clause.as_ref()),
    }
}

fn merge(context: &Context<'_>, node: &MergeStmt) -> Merge {
    let clauses = node.merge_when_clauses.iter();
    Merge {
        with: query::with(context, node.with_clause.as_ref()),
        table: relation_of(node.relation.as_ref()),
        alias: alias(node.relation.as_ref()),
        source: node.source_relation.as_deref().map_or_else(
            || FromItem::Function {
                call: Expr::Unknown("a missing source".into()),
                alias: None,
                columns: Vec::new(),
            },
            |source| query::from_item(context, source),
        ),
        on: expressions::required(context, node.join_condition.as_deref()),
        clauses: clauses
            .filter_map(|clause| match &clause.node {
                Some(NodeEnum::MergeWhenClause(clause)) => Some(merge_clause(context, clause)),
                _ => None,
            })
            .collect(),
        returning: returning(context, node.returning_clause.as_ref()),
    }
}

fn merge_clause(context: &Context<'_>, node: &MergeWhenClause) -> MergeClause {
    MergeClause {
        rows: match node.match_kind() {
            MergeMatchKind::MergeWhenNotMatchedBySource => MergeRows::OfTarget,
            MergeMatchKind::MergeWhenNotMatchedByTarget => MergeRows::OfSource,
            MergeMatchKind::MergeWhenMatched | MergeMatchKind::Undefined => MergeRows::Matched,
        },
        condition: expressions::optional(context, node.condition.as_deref()),
        action: match node.command_type() {
            CmdType::CmdInsert => MergeAction::Insert {
                columns: node
                    .target_list
                    .iter()
                    .filter_map(|column| match column.node.as_ref()? {
                        NodeEnum::ResTarget(target) => Some(truncate(&target.name)),
                        _ => None,
                    })
                    .collect(),
                values: node
                    .values
                    .iter()
                    .map(|value| expressions::required(context, Some(value)))
                    .collect(),
                overriding: overriding(node.r#override()),
            },
            CmdType::CmdUpdate => MergeAction::Update(assignments(context, &node.target_list)),
            CmdType::CmdDelete => MergeAction::Delete,
            _ => MergeAction::Nothing,
        },
    }
}

fn overriding(kind: OverridingKind) -> bool {
    matches!(
        kind,
        OverridingKind::OverridingUserValue | OverridingKind::OverridingSystemValue
    )
}
