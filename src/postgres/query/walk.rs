//! Walks over expressions: which columns a query mentions, which parts an expression has.

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::postgres::expression::{Expr, FromItem, Query, QueryBody, children, subquery};
use crate::postgres::statement::Statement;

/// Names of all columns that a query mentions, at any depth; `None` if some `*` means all of them.
pub(crate) fn used_columns(query: &Query) -> Option<FxHashSet<SmolStr>> {
    let mut used = FxHashSet::default();
    in_query(query, false, &mut used).then_some(used)
}

fn in_query(query: &Query, only_existence: bool, used: &mut FxHashSet<SmolStr>) -> bool {
    for member in &query.with {
        match &*member.statement {
            Statement::Query(inner) => {
                if !in_query(inner, false, used) {
                    return false;
                }
            }
            _ => return false,
        }
    }
    let tail = query
        .order_by
        .iter()
        .map(|order| &order.value)
        .chain(&query.limit)
        .chain(&query.offset);
    for expression in tail {
        if !in_expression(expression, used) {
            return false;
        }
    }
    match &query.body {
        QueryBody::Select(select) => {
            let targets = select.targets.iter().map(|target| &target.value);
            let targets_known = targets
                .filter(|value| !(only_existence && matches!(value, Expr::Star { .. })))
                .all(|value| in_expression(value, used));
            targets_known
                && select.from.iter().all(|item| in_from(item, used))
                && select
                    .filter
                    .iter()
                    .chain(&select.group_by)
                    .chain(&select.having)
                    .all(|value| in_expression(value, used))
        }
        QueryBody::Values(rows) => rows
            .iter()
            .flatten()
            .all(|value| in_expression(value, used)),
        QueryBody::Set { left, right, .. } => {
            in_query(left, only_existence, used) && in_query(right, only_existence, used)
        }
    }
}

fn in_from(item: &FromItem, used: &mut FxHashSet<SmolStr>) -> bool {
    match item {
        // renamed columns are mentioned by other names than the table's
        FromItem::Table { columns, .. } => columns.is_empty(),
        FromItem::Query { query, .. } => in_query(query, false, used),
        FromItem::Function { call, .. } => in_expression(call, used),
        FromItem::Join {
            left,
            right,
            on,
            using,
            natural,
            ..
        } => {
            used.extend(using.iter().cloned());
            !natural
                && in_from(left, used)
                && in_from(right, used)
                && on.iter().all(|on| in_expression(on, used))
        }
    }
}

fn in_expression(expression: &Expr, used: &mut FxHashSet<SmolStr>) -> bool {
    match expression {
        Expr::Star { .. } => return false,
        Expr::Column { name, .. } => {
            used.insert(name.clone());
        }
        _ => {}
    }
    if let Some(query) = subquery(expression)
        && !in_query(query, matches!(expression, Expr::Exists(_)), used)
    {
        return false;
    }
    children(expression)
        .into_iter()
        .all(|child| in_expression(child, used))
}
