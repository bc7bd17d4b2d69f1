//! The order in which the items of FROM are joined: what each condition needs, and which item the known values narrow most.

use smol_str::SmolStr;

use super::{common_columns, source_of_table};
use crate::postgres::expression::{Expr, FromItem, JoinKind, Query, QueryBody};
use crate::postgres::expression::{children, subquery};
use crate::postgres::query::scope::{Scope, position};
use crate::postgres::query::{Context, system};

/// One FROM item as it takes part in the join.
pub(super) struct Step<'e> {
    /// Its source, for items that are one.
    pub(super) source: usize,
    pub(super) item: &'e FromItem,
    /// LEFT JOIN: its conditions; it keeps its place in the order.
    pub(super) optional: Option<Vec<&'e Expr>>,
}

/// A condition with the sources that it needs, as bits.
pub(super) struct Condition<'e> {
    pub(super) expression: &'e Expr,
    pub(super) needs: u64,
    pub(super) done: bool,
}

pub(super) struct Plan<'e> {
    pub(super) steps: Vec<Step<'e>>,
    pub(super) conditions: Vec<&'e Expr>,
    /// USING: pairs of sources that share a column.
    pub(super) shared: Vec<(usize, usize, SmolStr)>,
    /// A join that the plan has no form for.
    pub(super) unsupported: bool,
}

pub(super) fn flatten<'e>(item: &'e FromItem, scope: &Scope, plan: &mut Plan<'e>) {
    match item {
        FromItem::Join {
            kind,
            left,
            right,
            on,
            using,
            natural,
        } => {
            let start = plan.steps.len();
            match kind {
                JoinKind::Inner | JoinKind::Cross => {
                    flatten(left, scope, plan);
                    let middle = plan.steps.len();
                    flatten(right, scope, plan);
                    if let Some(on) = on {
                        conjuncts(on, &mut plan.conditions);
                    }
                    let columns =
                        joined_columns(using, *natural, start, middle, plan.steps.len(), scope);
                    share(&columns, start, middle, plan.steps.len(), scope, plan);
                }
                JoinKind::Left => {
                    flatten(left, scope, plan);
                    let middle = plan.steps.len();
                    flatten(right, scope, plan);
                    let columns =
                        joined_columns(using, *natural, start, middle, plan.steps.len(), scope);
                    share(&columns, start, middle, plan.steps.len(), scope, plan);
                    let mut parts = Vec::new();
                    if let Some(on) = on {
                        conjuncts(on, &mut parts);
                    }
                    // the right side as one item; a join of joins there has no form here
                    if plan.steps.len() == middle + 1 {
                        plan.steps[middle].optional = Some(parts);
                    } else {
                        plan.unsupported = true;
                    }
                }
                JoinKind::Right | JoinKind::Full => {
                    flatten(left, scope, plan);
                    flatten(right, scope, plan);
                    plan.unsupported = true;
                }
            }
        }
        _ => {
            let source = plan.steps.len();
            plan.steps.push(Step {
                source,
                item,
                optional: None,
            });
        }
    }
}

fn joined_columns(
    using: &[SmolStr],
    natural: bool,
    start: usize,
    middle: usize,
    end: usize,
    scope: &Scope,
) -> Vec<SmolStr> {
    if natural {
        common_columns(&scope.sources[start..middle], &scope.sources[middle..end])
    } else {
        using.to_vec()
    }
}

fn share(
    columns: &[SmolStr],
    start: usize,
    middle: usize,
    end: usize,
    scope: &Scope,
    plan: &mut Plan<'_>,
) {
    for column in columns {
        let find = |range: std::ops::Range<usize>| {
            range.into_iter().find(|index| {
                scope.sources[*index]
                    .columns
                    .iter()
                    .any(|known| known.name == *column)
            })
        };
        match (find(start..middle), find(middle..end)) {
            (Some(left), Some(right)) => plan.shared.push((left, right, column.clone())),
            _ => plan.unsupported = true,
        }
    }
}

/// The parts of a conjunction.
pub(crate) fn conjuncts<'e>(expression: &'e Expr, into: &mut Vec<&'e Expr>) {
    match expression {
        Expr::And(parts) => {
            for part in parts {
                conjuncts(part, into);
            }
        }
        other => into.push(other),
    }
}

/// The sources that an expression needs, as bits; more than it needs where that is hard to say.
pub(super) fn needs(expression: &Expr, scope: &Scope, context: &Context<'_>) -> u64 {
    let mut bits = 0;
    collect_needs(expression, scope, &[], context, &mut bits);
    bits
}

fn collect_needs(
    expression: &Expr,
    scope: &Scope,
    hidden: &[SmolStr],
    context: &Context<'_>,
    bits: &mut u64,
) {
    if let Expr::Column { qualifier, name } = expression {
        if qualifier.is_empty() && hidden.contains(name) {
            return;
        }
        match position(scope, qualifier, name) {
            Ok(Some((source, _))) => *bits |= 1 << source,
            _ => {
                for (index, source) in scope.sources.iter().enumerate() {
                    let named = qualifier
                        .last()
                        .map_or(source.alias == *name || source.open, |alias| {
                            *alias == source.alias
                        });
                    if named {
                        *bits |= 1 << index;
                    }
                }
            }
        }
    }
    if let Some(query) = subquery(expression) {
        query_needs(query, scope, hidden, context, bits);
    }
    for child in children(expression) {
        collect_needs(child, scope, hidden, context, bits);
    }
}

fn query_needs(
    query: &Query,
    scope: &Scope,
    hidden: &[SmolStr],
    context: &Context<'_>,
    bits: &mut u64,
) {
    let QueryBody::Select(select) = &query.body else {
        *bits = u64::MAX;
        return;
    };
    if !query.with.is_empty() {
        *bits = u64::MAX;
        return;
    }
    // unqualified names of the subquery's own tables hide those around it
    let mut hidden = hidden.to_vec();
    for item in &select.from {
        match item {
            FromItem::Table {
                name,
                alias,
                columns,
            } => {
                if let Ok(source) = source_of_table(name, alias.as_ref(), columns, context) {
                    hidden.extend(source.columns.iter().map(|column| column.name.clone()));
                }
            }
            _ => {
                *bits = u64::MAX;
                return;
            }
        }
    }
    let parts = select
        .targets
        .iter()
        .map(|target| &target.value)
        .chain(&select.filter)
        .chain(&select.group_by)
        .chain(&select.having)
        .chain(query.order_by.iter().map(|order| &order.value))
        .chain(&query.limit)
        .chain(&query.offset);
    for part in parts {
        collect_needs(part, scope, &hidden, context, bits);
    }
}

/// The next step: the one that the most known values narrow; LEFT JOINs wait for all that stand before them.
pub(super) fn choose(
    steps: &[Step<'_>],
    conditions: &[Condition<'_>],
    bound: u64,
    scope: &Scope,
    context: &Context<'_>,
) -> usize {
    let mut best = (0, -1_i32);
    for (index, step) in steps.iter().enumerate() {
        let waits = index > 0
            && (step.optional.is_some()
                || matches!(
                    step.item,
                    FromItem::Function { .. } | FromItem::Query { lateral: true, .. }
                ));
        if waits {
            continue;
        }
        let source = &scope.sources[step.source];
        let weight: i32 = conditions
            .iter()
            .filter(|condition| !condition.done)
            .filter_map(|condition| {
                equality(condition.expression, step.source, bound, scope, context)
            })
            .map(|(column, _)| {
                if source.schema.is_some() && system::is_selective(&column) {
                    10
                } else {
                    1
                }
            })
            .sum();
        if weight > best.1 {
            best = (index, weight);
        }
    }
    best.0
}

/// A condition that says which values a column of a source may have, by what is bound already.
pub(super) fn equality<'e>(
    condition: &'e Expr,
    source: usize,
    bound: u64,
    scope: &Scope,
    context: &Context<'_>,
) -> Option<(SmolStr, Vec<&'e Expr>)> {
    let own = |expression: &Expr| match expression {
        Expr::Column { qualifier, name } => match position(scope, qualifier, name) {
            Ok(Some((found, _))) if found == source => Some(name.clone()),
            _ => None,
        },
        // `relname::text = ...`
        Expr::Cast { value, type_name }
            if matches!(type_name.name.name.as_str(), "text" | "varchar") && !type_name.array =>
        {
            match &**value {
                Expr::Column { qualifier, name } => match position(scope, qualifier, name) {
                    Ok(Some((found, _)))
                        if found == source
                            && scope.sources[found].schema.is_some()
                            && !name.starts_with("conrelid") =>
                    {
                        Some(name.clone())
                    }
                    _ => None,
                },
                _ => None,
            }
        }
        _ => None,
    };
    let known = |expression: &Expr| {
        let all = (1_u64 << scope.sources.len().min(63)) - 1;
        needs(expression, scope, context) & all & !bound == 0
    };
    match condition {
        Expr::Binary {
            operator,
            left,
            right,
        } if operator == "=" => match (own(left), own(right)) {
            (Some(column), _) if known(right) => Some((column, vec![right])),
            (_, Some(column)) if known(left) => Some((column, vec![left])),
            _ => None,
        },
        Expr::In {
            value,
            list,
            negated: false,
        } => own(value)
            .filter(|_| list.iter().all(known))
            .map(|column| (column, list.iter().collect())),
        Expr::Quantified {
            value,
            operator,
            array,
            all: false,
        } if operator == "=" && !matches!(**array, Expr::Subquery(_)) => own(value)
            .filter(|_| known(array))
            .map(|column| (column, vec![&**array])),
        _ => None,
    }
}
