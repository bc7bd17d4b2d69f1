//! Walks over expressions and statements: bound values put in place, enclosing tables taken out of subqueries.

use smol_str::SmolStr;

use crate::postgres::expression::{FromItem, QueryBody, Select, Target};
use crate::postgres::statement::{ConflictAction, InsertSource};
use crate::postgres::{Datum, Expr, Query, Statement};

/// Calls `visit` on each expression of `expr`, innermost first.
pub fn walk(expr: &mut Expr, visit: &mut dyn FnMut(&mut Expr)) {
    match expr {
        Expr::Value(_)
        | Expr::Parameter(_)
        | Expr::Column { .. }
        | Expr::Star { .. }
        | Expr::Default
        | Expr::Unknown(_) => {}
        Expr::Cast { value, .. }
        | Expr::Unary { value, .. }
        | Expr::IsNull { value, .. }
        | Expr::IsBool { value, .. }
        | Expr::Field { value, .. }
        | Expr::Not(value) => walk(value, visit),
        Expr::Binary { left, right, .. } => {
            walk(left, visit);
            walk(right, visit);
        }
        Expr::And(parts) | Expr::Or(parts) | Expr::Array(parts) | Expr::Row(parts) => {
            walk_all(parts, visit);
        }
        Expr::In { value, list, .. } => {
            walk(value, visit);
            walk_all(list, visit);
        }
        Expr::InQuery { value, query, .. } => {
            walk(value, visit);
            walk_query(query, visit);
        }
        Expr::Between {
            value, low, high, ..
        } => {
            walk(value, visit);
            walk(low, visit);
            walk(high, visit);
        }
        Expr::Quantified { value, array, .. } => {
            walk(value, visit);
            walk(array, visit);
        }
        Expr::Call {
            arguments, filter, ..
        } => {
            walk_all(arguments, visit);
            if let Some(filter) = filter {
                walk(filter, visit);
            }
        }
        Expr::Case {
            operand,
            arms,
            otherwise,
        } => {
            for part in operand.iter_mut().chain(otherwise.iter_mut()) {
                walk(part, visit);
            }
            for (condition, result) in arms {
                walk(condition, visit);
                walk(result, visit);
            }
        }
        Expr::Exists(query) | Expr::Subquery(query) | Expr::ArrayQuery(query) => {
            walk_query(query, visit);
        }
        Expr::Subscript { value, indexes } => {
            walk(value, visit);
            walk_all(indexes, visit);
        }
    }
    visit(expr);
}

fn walk_all(parts: &mut [Expr], visit: &mut dyn FnMut(&mut Expr)) {
    for part in parts {
        walk(part, visit);
    }
}

/// Calls `visit` on each expression of a query.
pub fn walk_query(query: &mut Query, visit: &mut dyn FnMut(&mut Expr)) {
    for table in &mut query.with {
        walk_statement(&mut table.statement, visit);
    }
    match &mut query.body {
        QueryBody::Select(select) => walk_select(select, visit),
        QueryBody::Values(rows) => rows.iter_mut().for_each(|row| walk_all(row, visit)),
        QueryBody::Set { left, right, .. } => {
            walk_query(left, visit);
            walk_query(right, visit);
        }
    }
    for order in &mut query.order_by {
        walk(&mut order.value, visit);
    }
    for part in query.limit.iter_mut().chain(query.offset.iter_mut()) {
        walk(part, visit);
    }
}

fn walk_select(select: &mut Select, visit: &mut dyn FnMut(&mut Expr)) {
    for target in &mut select.targets {
        walk(&mut target.value, visit);
    }
    for item in &mut select.from {
        walk_item(item, visit);
    }
    for part in select.filter.iter_mut().chain(select.having.iter_mut()) {
        walk(part, visit);
    }
    walk_all(&mut select.group_by, visit);
}

fn walk_item(item: &mut FromItem, visit: &mut dyn FnMut(&mut Expr)) {
    match item {
        FromItem::Table { .. } => {}
        FromItem::Query { query, .. } => walk_query(query, visit),
        FromItem::Function { call, .. } => walk(call, visit),
        FromItem::Join {
            left, right, on, ..
        } => {
            walk_item(left, visit);
            walk_item(right, visit);
            if let Some(on) = on {
                walk(on, visit);
            }
        }
    }
}

/// Calls `visit` on each expression of a statement that reads or writes rows; others have none to bind.
pub fn walk_statement(statement: &mut Statement, visit: &mut dyn FnMut(&mut Expr)) {
    match statement {
        Statement::Query(query) => walk_query(query, visit),
        Statement::Insert(insert) => {
            match &mut insert.source {
                InsertSource::Values(rows) => rows.iter_mut().for_each(|row| walk_all(row, visit)),
                InsertSource::Query(query) => walk_query(query, visit),
                InsertSource::DefaultValues => {}
            }
            if let Some(conflict) = &mut insert.on_conflict
                && let ConflictAction::Update {
                    assignments,
                    filter,
                } = &mut conflict.action
            {
                for assignment in assignments {
                    walk(&mut assignment.value, visit);
                }
                if let Some(filter) = filter {
                    walk(filter, visit);
                }
            }
        }
        Statement::Update(update) => {
            for assignment in &mut update.assignments {
                walk(&mut assignment.value, visit);
            }
            update
                .from
                .iter_mut()
                .for_each(|item| walk_item(item, visit));
            if let Some(filter) = &mut update.filter {
                walk(filter, visit);
            }
        }
        Statement::Delete(delete) => {
            delete
                .using
                .iter_mut()
                .for_each(|item| walk_item(item, visit));
            if let Some(filter) = &mut delete.filter {
                walk(filter, visit);
            }
        }
        _ => {}
    }
}

/// Puts bound values in place of a statement's parameters; one without a value stays.
pub fn bind(statement: &mut Statement, value_of: &dyn Fn(&str) -> Option<Datum>) {
    walk_statement(statement, &mut |expr| {
        if let Expr::Parameter(name) = expr
            && let Some(datum) = value_of(name)
        {
            *expr = Expr::Value(datum);
        }
    });
}

/// Takes tables of the enclosing statement out of the FROM of its subqueries, as SQLAlchemy's auto-correlation does:
/// only where another member of FROM is left.
pub fn correlate(expr: &mut Expr, enclosing: &[FromItem]) {
    walk(expr, &mut |expr| match expr {
        Expr::Exists(query) | Expr::Subquery(query) => correlate_query(query, enclosing),
        Expr::InQuery { query, .. } => correlate_query(query, enclosing),
        _ => {}
    });
}

fn correlate_query(query: &mut Query, enclosing: &[FromItem]) {
    let QueryBody::Select(select) = &mut query.body else {
        return;
    };
    let left = select
        .from
        .iter()
        .filter(|item| !enclosing.contains(item))
        .count();
    if left > 0 {
        select.from.retain(|item| !enclosing.contains(item));
    }
}

/// Most parts of an expression or a query that is built. What is put together of itself, again and again, doubles each time, and shares nothing here.
const LARGEST: usize = 20_000;

/// An expression, unless it has more parts than can be followed.
pub fn bounded(mut expr: Expr) -> Expr {
    let mut parts = 0_usize;
    walk(&mut expr, &mut |_| parts += 1);
    if parts <= LARGEST {
        return expr;
    }
    Expr::Unknown(SmolStr::new_static("an expression of very many parts"))
}

/// A query, unless it has more parts than can be followed.
pub fn bounded_query(mut query: Query) -> Query {
    let mut parts = 0_usize;
    walk_query(&mut query, &mut |_| parts += 1);
    if parts <= LARGEST {
        return query;
    }
    let target = Target {
        value: Expr::Unknown(SmolStr::new_static("a query of very many parts")),
        alias: None,
    };
    Query::from(Select {
        targets: vec![target],
        ..Select::default()
    })
}
