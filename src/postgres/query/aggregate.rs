//! Aggregates over the rows of a group.

use std::cmp::Ordering;

use super::Context;
use super::evaluate::{LARGEST_ARGUMENT, evaluate as evaluate_expression, is_true};
use super::operators::{binary, compare, equal, text_of};
use super::scope::{Frame, Group};
use crate::postgres::ServerError;
use crate::postgres::expression::{Datum, Expr};
use crate::postgres::expression::{children, subquery};

/// An aggregate call.
pub(crate) struct Aggregate<'e> {
    pub(crate) name: &'e str,
    pub(crate) arguments: &'e [Expr],
    pub(crate) star: bool,
    pub(crate) distinct: bool,
    pub(crate) filter: Option<&'e Expr>,
}

/// Whether a function is an aggregate.
pub(crate) fn is_aggregate(name: &str) -> bool {
    matches!(
        name,
        "count"
            | "sum"
            | "min"
            | "max"
            | "avg"
            | "array_agg"
            | "string_agg"
            | "bool_or"
            | "bool_and"
            | "every"
            | "json_agg"
            | "jsonb_agg"
            | "json_object_agg"
            | "jsonb_object_agg"
            | "any_value"
            | "stddev"
            | "variance"
            | "percentile_cont"
            | "percentile_disc"
            | "mode"
            | "bit_or"
            | "bit_and"
            | "bit_xor"
            | "corr"
            | "covar_pop"
            | "covar_samp"
            | "json_agg_strict"
            | "json_object_agg_strict"
            | "json_object_agg_unique"
            | "json_object_agg_unique_strict"
            | "jsonb_agg_strict"
            | "jsonb_object_agg_strict"
            | "jsonb_object_agg_unique"
            | "jsonb_object_agg_unique_strict"
            | "range_agg"
            | "range_intersect_agg"
            | "regr_avgx"
            | "regr_avgy"
            | "regr_count"
            | "regr_intercept"
            | "regr_r2"
            | "regr_slope"
            | "regr_sxx"
            | "regr_sxy"
            | "regr_syy"
            | "stddev_pop"
            | "stddev_samp"
            | "var_pop"
            | "var_samp"
            | "xmlagg"
    )
}

/// Whether an expression holds an aggregate of its own query.
pub(crate) fn has_aggregate(expression: &Expr) -> bool {
    if let Expr::Call { name, window, .. } = expression
        && !window
        && is_aggregate(&name.name)
    {
        return true;
    }
    if subquery(expression).is_some() && !matches!(expression, Expr::InQuery { .. }) {
        return false;
    }
    children(expression).into_iter().any(has_aggregate)
}

/// Evaluates an aggregate over a group.
pub(crate) fn evaluate(
    call: &Aggregate<'_>,
    group: Group<'_>,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    let mut exact = group.exact;
    let mut values = Vec::with_capacity(group.rows.len());
    for row in group.rows {
        let frame = Frame {
            row: &row.values,
            group: None,
            ..*frame
        };
        let mut certain = row.certain;
        if let Some(filter) = call.filter {
            match is_true(&evaluate_expression(filter, &frame, context)?) {
                Some(true) => {}
                Some(false) => continue,
                None => certain = false,
            }
        }
        exact &= certain;
        let value = match call.arguments.first() {
            Some(argument) if !call.star => evaluate_expression(argument, &frame, context)?,
            _ => Datum::Bool(true),
        };
        // a row that is surely there decides these whatever else there is
        match (call.name, is_true(&value)) {
            ("bool_or", Some(true)) if certain => return Ok(Datum::Bool(true)),
            ("bool_and" | "every", Some(false)) if certain && value != Datum::Null => {
                return Ok(Datum::Bool(false));
            }
            _ => {}
        }
        values.push(value);
    }
    if !exact {
        return Ok(Datum::Unknown);
    }
    let keeps_null = call.star || matches!(call.name, "array_agg" | "json_agg" | "jsonb_agg");
    if !keeps_null {
        values.retain(|value| *value != Datum::Null);
    }
    if call.distinct {
        let Some(kept) = without_duplicates(values) else {
            return Ok(Datum::Unknown);
        };
        values = kept;
    }
    if call.name == "count" {
        // whether an unknown value is NULL is not known
        if !call.star && values.contains(&Datum::Unknown) {
            return Ok(Datum::Unknown);
        }
        return Ok(Datum::Int(values.len() as i64));
    }
    if values.is_empty() {
        return Ok(Datum::Null);
    }
    if call.name == "array_agg" {
        return Ok(Datum::Array(values.into()));
    }
    if values.contains(&Datum::Unknown) {
        return Ok(Datum::Unknown);
    }
    match call.name {
        "min" => Ok(extreme(values, Ordering::Less)),
        "max" => Ok(extreme(values, Ordering::Greater)),
        "any_value" => Ok(values.into_iter().next().unwrap_or(Datum::Null)),
        "sum" => {
            let mut values = values.into_iter();
            let first = values.next().unwrap_or(Datum::Null);
            Ok(values.fold(first, |sum, value| binary("+", &sum, &value)))
        }
        "bool_or" => Ok(Datum::Bool(false)),
        "bool_and" | "every" => Ok(Datum::Bool(true)),
        "string_agg" => {
            let frame = Frame {
                group: None,
                ..*frame
            };
            let separator = match call.arguments.get(1) {
                Some(separator) => evaluate_expression(separator, &frame, context)?,
                None => return Ok(Datum::Unknown),
            };
            let separator = text_of(&separator).unwrap_or_default();
            let length = |value: &Datum| match value {
                Datum::Text(text) => text.len() + separator.len(),
                _ => separator.len(),
            };
            if values.iter().map(length).sum::<usize>() > LARGEST_ARGUMENT {
                return Ok(Datum::Unknown);
            }
            let texts: Option<Vec<String>> = values.iter().map(text_of).collect();
            Ok(texts.map_or(Datum::Unknown, |texts| Datum::text(&texts.join(&separator))))
        }
        _ => Ok(Datum::Unknown),
    }
}

fn extreme(values: Vec<Datum>, wanted: Ordering) -> Datum {
    let mut values = values.into_iter();
    let mut best = values.next().unwrap_or(Datum::Null);
    for value in values {
        match compare(&value, &best) {
            Some(order) if order == wanted => best = value,
            Some(_) => {}
            None => return Datum::Unknown,
        }
    }
    best
}

/// The values without duplicates; `None` if that can't be known.
fn without_duplicates(values: Vec<Datum>) -> Option<Vec<Datum>> {
    let mut kept: Vec<Datum> = Vec::with_capacity(values.len());
    for value in values {
        let mut found = false;
        for other in &kept {
            if *other == Datum::Null || value == Datum::Null {
                found |= *other == value;
            } else {
                found |= equal(other, &value)?;
            }
        }
        if !found {
            kept.push(value);
        }
    }
    Some(kept)
}
