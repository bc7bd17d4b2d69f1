//! `nextval`, `setval` and their like: the sequence that they name, and what becomes of its numbers.

use super::Context;
use super::cast::{check_literal, parse_name};
use super::evaluate::evaluate;
use super::scope::{Frame, Scope};
use crate::postgres::ServerError;
use crate::postgres::catalog::{QualifiedName, RelationKind};
use crate::postgres::expression::{Datum, Expr, TypeName};

/// The name of a relation that a function takes as a `regclass` is looked up before anything runs; its numbers are used up.
pub(super) fn check(
    function: &str,
    arguments: &[Expr],
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let ("nextval" | "currval" | "setval", Some(first)) = (function, arguments.first()) else {
        return Ok(());
    };
    if let Expr::Value(Datum::Text(text)) = first {
        check_literal(&TypeName::new("regclass"), text, context)?;
    }
    if function != "currval" {
        // how often it is called is not counted
        match sequence_named(first, context) {
            Some(sequence) => context.environment.numbers.set(sequence, None),
            None => context.environment.numbers.forget(),
        }
    }
    Ok(())
}

/// The sequence that the first argument of `nextval` and its like names.
pub(crate) fn sequence_named(argument: &Expr, context: &Context<'_>) -> Option<QualifiedName> {
    let mut argument = argument;
    while let Expr::Cast { value, .. } = argument {
        argument = value;
    }
    let scope = Scope::default();
    let named = evaluate(argument, &Frame::new(&scope, &[]), context).ok()?;
    let Datum::Text(text) = named else {
        return None;
    };
    let relation = context.relation(&parse_name(&text))?;
    (relation.kind == RelationKind::Sequence).then(|| relation.name.clone())
}

/// What `setval` does to its sequence.
pub(super) fn set_number(
    arguments: &[Expr],
    value: &Datum,
    called: &[Datum],
    context: &Context<'_>,
) {
    let first = arguments.first();
    let Some(sequence) = first.and_then(|first| sequence_named(first, context)) else {
        return;
    };
    let next = match (value, called) {
        // nothing is done for NULL
        (Datum::Null, _) => context.catalog.next_number(&sequence),
        (Datum::Int(value), [] | [Datum::Bool(true)]) => value.checked_add(1),
        (Datum::Int(value), [Datum::Bool(false)]) => Some(*value),
        _ => None,
    };
    context.environment.numbers.set(sequence, next);
}
