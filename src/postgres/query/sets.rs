//! UNION, INTERSECT and EXCEPT: whether the columns of two queries go together.

use super::cast::{Kind, check_literal, kind_of_type};
use super::check::Output;
use super::{Context, render};
use crate::postgres::expression::{Datum, Expr, Query, QueryBody, SetOperator, Target, TypeName};
use crate::postgres::{ServerError, SqlState};

/// Refuses two queries whose columns don't go together.
pub(super) fn check(
    operator: SetOperator,
    queries: [&Query; 2],
    [left, right]: [&Output; 2],
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let shown = match operator {
        SetOperator::Union => "UNION",
        SetOperator::Intersect => "INTERSECT",
        SetOperator::Except => "EXCEPT",
    };
    if left.open || right.open {
        return Ok(());
    }
    if left.columns.len() != right.columns.len() {
        let message = format!("each {shown} query must have the same number of columns");
        return Err(ServerError::new(SqlState::SYNTAX_ERROR, message));
    }
    for (place, columns) in left.columns.iter().zip(&right.columns).enumerate() {
        let (Some(left), Some(right)) = (&columns.0.type_name, &columns.1.type_name) else {
            continue;
        };
        match queries.map(|query| target_at(query, place)) {
            [Some(Expr::Value(Datum::Text(text))), Some(_)] => check_literal(right, text, context)?,
            [Some(_), Some(Expr::Value(Datum::Text(text)))] => check_literal(left, text, context)?,
            [Some(Expr::Value(Datum::Null)), _] | [_, Some(Expr::Value(Datum::Null))] => {}
            [Some(_), Some(_)] => check_matched(shown, left, right, context)?,
            // a literal may be among what is not seen
            _ => {}
        }
    }
    Ok(())
}

/// The expression of a query's column, where it is a plain SELECT without `*` before it.
fn target_at(query: &Query, place: usize) -> Option<&Expr> {
    let QueryBody::Select(select) = &query.body else {
        return None;
    };
    let is_star = |target: &Target| matches!(target.value, Expr::Star { .. });
    let targets = select.targets.get(..=place)?;
    (!targets.iter().any(is_star)).then(|| &targets[place].value)
}

/// 42804 for two types that can't be columns of one set.
fn check_matched(
    shown: &str,
    left: &TypeName,
    right: &TypeName,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let kinds = [left, right].map(|side| kind_of_type(side, context));
    let is_clear = !kinds.contains(&Kind::Other) && !left.array && !right.array;
    if !is_clear || kinds[0] == kinds[1] {
        return Ok(());
    }
    let message = format!(
        "{shown} types {} and {} cannot be matched",
        render::type_text(left),
        render::type_text(right)
    );
    Err(ServerError::new(SqlState::DATATYPE_MISMATCH, message))
}
