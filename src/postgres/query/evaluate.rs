//! Expressions to values over a row.
//!
//! Never a guess: what depends on data that is not known, or on a construct that is not modelled, is
//! [`Datum::Unknown`]. An error is the server's refusal at run time (a cast that fails).

use super::aggregate;
use super::operators::{binary, equal};
use super::scope::{Found, Frame, find};
use super::types::type_of;
use super::{Context, cast, functions, select, spelling};
use crate::postgres::ServerError;
use crate::postgres::expression::{Datum, Expr};

/// Whether a condition lets a row through: `None` if that can't be known.
pub(crate) fn is_true(value: &Datum) -> Option<bool> {
    match value {
        Datum::Bool(value) => Some(*value),
        Datum::Null => Some(false),
        Datum::Text(text) => super::cast::parse_bool(text),
        _ => None,
    }
}

/// Evaluates an expression over a frame's row.
pub(crate) fn evaluate(
    expression: &Expr,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    let value = computed(expression, frame, context)?;
    // what is only read was bounded when it was made
    let is_read = matches!(
        expression,
        Expr::Value(_) | Expr::Parameter(_) | Expr::Column { .. }
    );
    Ok(if is_read || is_small(&value) {
        value
    } else {
        Datum::Unknown
    })
}

/// Largest value that is computed: bytes of a text, items of an array with those in its items. In a loop a value may double each
/// time, and an array hold itself twice; nothing that a migration decides hangs on a larger one.
const LARGEST: usize = 10_000;

/// Largest text that a function takes.
pub(super) const LARGEST_ARGUMENT: usize = 100_000;

fn is_small(value: &Datum) -> bool {
    fn fits(value: &Datum, left: &mut usize) -> bool {
        let Some(rest) = left.checked_sub(1) else {
            return false;
        };
        *left = rest;
        match value {
            Datum::Array(items) => items.iter().all(|item| fits(item, left)),
            Datum::Text(text) => match left.checked_sub(text.len()) {
                Some(rest) => {
                    *left = rest;
                    true
                }
                None => false,
            },
            _ => true,
        }
    }
    match value {
        Datum::Text(text) => text.len() <= LARGEST,
        Datum::Array(_) => fits(value, &mut LARGEST.clone()),
        _ => true,
    }
}

fn computed(
    expression: &Expr,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    let Some(_depth) = context.enter() else {
        return Ok(Datum::Unknown);
    };
    let of = |expression: &Expr| evaluate(expression, frame, context);
    match expression {
        Expr::Value(value) => Ok(value.clone()),
        Expr::Parameter(name) => Ok(context
            .environment
            .parameters
            .get(name)
            .cloned()
            .unwrap_or(Datum::Unknown)),
        Expr::Column { qualifier, name } => Ok(match find(frame, qualifier, name, context)? {
            Found::Column { value, .. } | Found::Variable(value) => value.clone(),
            Found::Open => Datum::Unknown,
        }),
        Expr::Cast { value, type_name } => {
            let from = type_of(value, frame, context);
            let json = from
                .named()
                .is_some_and(|from| matches!(from.name.name.as_str(), "json" | "jsonb"));
            let same = matches!(
                type_name.name.name.as_str(),
                "json" | "jsonb" | "text" | "varchar"
            );
            if json && !same {
                // by the value inside, not by its text
                of(value)?;
                return Ok(Datum::Unknown);
            }
            cast::cast(of(value)?, from.named(), type_name, context)
        }
        Expr::Unary { operator, value } => Ok(unary(operator, &of(value)?)),
        Expr::Binary {
            operator,
            left,
            right,
        } => {
            let (left_value, right_value) = (of(left)?, of(right)?);
            if super::check::is_comparison(operator) {
                let sides = [(&**left, left_value), (&**right, right_value)];
                return compared(operator, sides, frame, context);
            }
            let (left_value, right_value) =
                meet(left, left_value, right, right_value, frame, context)?;
            // a constant divisor: any other may stand behind a condition that keeps zero out
            if matches!(operator.as_str(), "/" | "%")
                && matches!(left_value, Datum::Int(_) | Datum::Float(_))
                && matches!(&**right, Expr::Value(Datum::Int(0)))
            {
                return Err(ServerError::new(
                    crate::postgres::SqlState::DIVISION_BY_ZERO,
                    "division by zero",
                ));
            }
            Ok(binary(operator, &left_value, &right_value))
        }
        Expr::And(parts) => logic(parts, true, frame, context),
        Expr::Or(parts) => logic(parts, false, frame, context),
        Expr::Not(value) => Ok(negate(of(value)?)),
        Expr::IsNull { value, negated } => Ok(match of(value)? {
            Datum::Unknown => Datum::Unknown,
            value => Datum::Bool((value == Datum::Null) != *negated),
        }),
        Expr::IsBool {
            value,
            expected,
            negated,
        } => Ok(match of(value)? {
            Datum::Null => Datum::Bool(*negated),
            value => match is_true(&value) {
                Some(value) => Datum::Bool((value == *expected) != *negated),
                None => Datum::Unknown,
            },
        }),
        Expr::In {
            value,
            list,
            negated,
        } => {
            let mut candidates = Vec::with_capacity(list.len());
            let wanted = of(value)?;
            for item in list {
                match of(item)? {
                    // a list bound to an expanding parameter
                    Datum::Array(items) if !matches!(wanted, Datum::Array(_)) => {
                        candidates.extend(items.iter().cloned());
                    }
                    other => {
                        let sides = [(&**value, wanted.clone()), (item, other)];
                        let met = comparable(sides, frame, context)?;
                        candidates.push(met.map_or(Datum::Unknown, |(_, other)| other));
                    }
                }
            }
            Ok(among(&wanted, &candidates, *negated))
        }
        Expr::InQuery {
            value,
            query,
            negated,
        } => in_query(value, query, *negated, frame, context),
        Expr::Between {
            value,
            low,
            high,
            negated,
        } => {
            let own = of(value)?;
            let beside = |operator: &str, bound: &Expr| {
                let sides = [(&**value, own.clone()), (bound, of(bound)?)];
                compared(operator, sides, frame, context)
            };
            let (above, below) = (beside(">=", low)?, beside("<=", high)?);
            let both = conjunction([above, below].into_iter(), true);
            Ok(if *negated { negate(both) } else { both })
        }
        Expr::Quantified {
            value,
            operator,
            array,
            all,
        } => quantified(value, operator, array, *all, frame, context),
        Expr::Call {
            name,
            arguments,
            star,
            distinct,
            filter,
            window,
        } => {
            if *window {
                return Ok(Datum::Unknown);
            }
            if let Some(group) = frame.group
                && aggregate::is_aggregate(&name.name)
            {
                let call = aggregate::Aggregate {
                    name: &name.name,
                    arguments,
                    star: *star,
                    distinct: *distinct,
                    filter: filter.as_deref(),
                };
                return aggregate::evaluate(&call, group, frame, context);
            }
            functions::call(name, arguments, frame, context)
        }
        Expr::Case {
            operand,
            arms,
            otherwise,
        } => case(
            operand.as_deref(),
            arms,
            otherwise.as_deref(),
            frame,
            context,
        ),
        Expr::Array(items) => {
            let values: Result<Vec<Datum>, ServerError> = items.iter().map(of).collect();
            Ok(Datum::Array(values?.into()))
        }
        Expr::Row(items) => {
            let values: Result<Vec<Datum>, ServerError> = items.iter().map(of).collect();
            Ok(Datum::Array(values?.into()))
        }
        Expr::Exists(query) => {
            let table =
                context.as_guard(true, || select::run_query(query, Some(frame), context))?;
            Ok(table.exists().map_or(Datum::Unknown, Datum::Bool))
        }
        Expr::Subquery(query) => {
            let table =
                context.as_guard(false, || select::run_query(query, Some(frame), context))?;
            if !table.is_exact() {
                return Ok(Datum::Unknown);
            }
            match table.rows.as_slice() {
                [] => Ok(Datum::Null),
                [row] => Ok(row.values.first().cloned().unwrap_or(Datum::Unknown)),
                _ => Err(ServerError::new(
                    crate::postgres::SqlState::CARDINALITY_VIOLATION,
                    "more than one row returned by a subquery used as an expression",
                )),
            }
        }
        Expr::ArrayQuery(query) => {
            let table = select::run_query(query, Some(frame), context)?;
            if !table.is_exact() {
                return Ok(Datum::Unknown);
            }
            let mut items = Vec::with_capacity(table.rows.len());
            for row in table.rows {
                items.push(row.values.into_iter().next().unwrap_or(Datum::Unknown));
            }
            Ok(Datum::Array(items.into()))
        }
        Expr::Subscript { value, indexes } => subscript(value, indexes, frame, context),
        Expr::Star { .. } | Expr::Field { .. } | Expr::Default | Expr::Unknown(_) => {
            Ok(Datum::Unknown)
        }
    }
}

/// A literal that meets an oid of a `reg` type is read as a name.
fn meet(
    left: &Expr,
    left_value: Datum,
    right: &Expr,
    right_value: Datum,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(Datum, Datum), ServerError> {
    match (&left_value, &right_value) {
        (Datum::Int(_), Datum::Text(_)) => {
            let type_name = type_of(left, frame, context);
            match type_name.named() {
                Some(name) if name.name.name.starts_with("reg") => {
                    let right_value = cast::cast(right_value, None, name, context)?;
                    Ok((left_value, right_value))
                }
                _ => Ok((left_value, right_value)),
            }
        }
        (Datum::Text(_), Datum::Int(_)) => {
            let (right_value, left_value) =
                meet(right, right_value, left, left_value, frame, context)?;
            Ok((left_value, right_value))
        }
        _ => Ok((left_value, right_value)),
    }
}

/// Two values as they are compared ([`meet`]); `None` where what they are written as does not say how they compare.
fn comparable(
    [(left, left_value), (right, right_value)]: [(&Expr, Datum); 2],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Option<(Datum, Datum)>, ServerError> {
    let met = meet(left, left_value, right, right_value, frame, context)?;
    let sides = [(left, &met.0), (right, &met.1)];
    Ok((!spelling::may_be_one(sides, frame, context)).then_some(met))
}

/// What a comparison says.
fn compared(
    operator: &str,
    sides: [(&Expr, Datum); 2],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    let met = comparable(sides, frame, context)?;
    Ok(met.map_or(Datum::Unknown, |(left, right)| {
        binary(operator, &left, &right)
    }))
}

fn unary(operator: &str, value: &Datum) -> Datum {
    match (operator, value) {
        (_, Datum::Null) => Datum::Null,
        (_, Datum::Fresh) => Datum::Fresh,
        ("-", Datum::Int(number)) => number.checked_neg().map_or(Datum::Unknown, Datum::Int),
        ("-", Datum::Float(number)) => Datum::Float(-number),
        ("+", Datum::Int(_) | Datum::Float(_)) => value.clone(),
        ("@", Datum::Int(number)) => number.checked_abs().map_or(Datum::Unknown, Datum::Int),
        _ => Datum::Unknown,
    }
}

pub(crate) fn negate(value: Datum) -> Datum {
    match value {
        Datum::Null => Datum::Null,
        value => is_true(&value).map_or(Datum::Unknown, |value| Datum::Bool(!value)),
    }
}

/// AND (or OR) of values: the deciding value wins over NULL and unknown, unknown over NULL.
fn conjunction(values: impl Iterator<Item = Datum>, and: bool) -> Datum {
    let mut result = Datum::Bool(and);
    for value in values {
        match value {
            Datum::Null if result != Datum::Unknown => result = Datum::Null,
            Datum::Null => {}
            value => match is_true(&value) {
                Some(value) if value != and => return Datum::Bool(!and),
                Some(_) => {}
                None => result = Datum::Unknown,
            },
        }
    }
    result
}

fn logic(
    parts: &[Expr],
    and: bool,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    let mut result = Datum::Bool(and);
    for part in parts {
        let value = evaluate(part, frame, context)?;
        result = conjunction([result, value].into_iter(), and);
        if result == Datum::Bool(!and) {
            break;
        }
    }
    Ok(result)
}

fn among(wanted: &Datum, candidates: &[Datum], negated: bool) -> Datum {
    let found = conjunction(
        candidates
            .iter()
            .map(|candidate| binary("=", wanted, candidate)),
        false,
    );
    if negated { negate(found) } else { found }
}

fn in_query(
    value: &Expr,
    query: &crate::postgres::expression::Query,
    negated: bool,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    let wanted = evaluate(value, frame, context)?;
    let row = matches!(value, Expr::Row(_));
    let table = context.as_guard(true, || select::run_query(query, Some(frame), context))?;
    let mut found = Datum::Bool(false);
    for candidate in &table.rows {
        let candidate_value = if row {
            Datum::Array(candidate.values.clone().into())
        } else {
            candidate.values.first().cloned().unwrap_or(Datum::Unknown)
        };
        let mut same = binary("=", &wanted, &candidate_value);
        if !candidate.certain && same != Datum::Bool(false) {
            same = Datum::Unknown;
        }
        found = conjunction([found, same].into_iter(), false);
    }
    if !table.complete && found != Datum::Bool(true) {
        found = Datum::Unknown;
    }
    Ok(if negated { negate(found) } else { found })
}

fn quantified(
    value: &Expr,
    operator: &str,
    array: &Expr,
    all: bool,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    // `= ANY (SELECT ...)` comes as a query that stands for its rows
    if let Expr::Subquery(query) = array {
        let simple = matches!((operator, all), ("=", false) | ("<>", true));
        if simple {
            return in_query(value, query, all, frame, context);
        }
        return Ok(Datum::Unknown);
    }
    let wanted = evaluate(value, frame, context)?;
    let items = match evaluate(array, frame, context)? {
        Datum::Array(items) => items.to_vec(),
        Datum::Text(text) => match super::parse_array(&text) {
            Some(items) => items,
            None => return Ok(Datum::Unknown),
        },
        Datum::Null => return Ok(Datum::Null),
        _ => return Ok(Datum::Unknown),
    };
    Ok(conjunction(
        items.iter().map(|item| binary(operator, &wanted, item)),
        all,
    ))
}

fn case(
    operand: Option<&Expr>,
    arms: &[(Expr, Expr)],
    otherwise: Option<&Expr>,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    let operand = operand
        .map(|operand| evaluate(operand, frame, context))
        .transpose()?;
    for (when, then) in arms {
        let value = evaluate(when, frame, context)?;
        let taken = match &operand {
            Some(operand) if *operand == Datum::Unknown || value == Datum::Unknown => None,
            Some(operand) => Some(equal(operand, &value).unwrap_or(false)),
            None => is_true(&value),
        };
        match taken {
            Some(true) => return evaluate(then, frame, context),
            Some(false) => {}
            None => return Ok(Datum::Unknown),
        }
    }
    otherwise.map_or(Ok(Datum::Null), |value| evaluate(value, frame, context))
}

fn subscript(
    value: &Expr,
    indexes: &[Expr],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    // `int2vector` counts from 0, arrays from 1
    let base = i64::from(!type_of(value, frame, context).is("int2vector"));
    let items = match evaluate(value, frame, context)? {
        Datum::Array(items) => items,
        Datum::Null => return Ok(Datum::Null),
        _ => return Ok(Datum::Unknown),
    };
    let [index] = indexes else {
        return Ok(Datum::Unknown);
    };
    Ok(match evaluate(index, frame, context)? {
        Datum::Int(index) => usize::try_from(index.saturating_sub(base))
            .ok()
            .and_then(|index| items.get(index).cloned())
            .unwrap_or(Datum::Null),
        Datum::Null => Datum::Null,
        _ => Datum::Unknown,
    })
}
