//! Enum support functions (manual, section 9.10), of the type that an argument is cast to.

use super::Context;
use crate::postgres::catalog::{Presence, TypeKind};
use crate::postgres::expression::{Datum, Expr};

/// The value of a call; `None`: no such function, or not known.
pub(super) fn of_call(
    function: &str,
    arguments: &[Expr],
    values: &[Datum],
    context: &Context<'_>,
) -> Option<Datum> {
    if !matches!(function, "enum_range" | "enum_first" | "enum_last") {
        return None;
    }
    let made = arguments.iter().find_map(|argument| match argument {
        Expr::Cast { type_name, .. } => context.made_type(&type_name.name),
        _ => None,
    })?;
    let TypeKind::Enum { labels } = &made.definition else {
        return None;
    };
    if made.presence == Presence::Maybe {
        return None;
    }
    let mut labels = labels.iter().map(|label| Datum::text(label));
    match (function, values) {
        ("enum_first", _) => labels.next(),
        ("enum_last", _) => labels.next_back(),
        (_, [_]) => Some(Datum::Array(labels.collect())),
        (_, [low, high]) if *low != Datum::Unknown && *high != Datum::Unknown => {
            let all: Vec<Datum> = labels.collect();
            let place = |value: &Datum| all.iter().position(|label| label == value);
            let first = place(low).unwrap_or(0);
            let end = place(high).map_or(all.len(), |at| at + 1);
            let between = all.get(first..end).unwrap_or_default();
            Some(Datum::Array(between.into()))
        }
        _ => None,
    }
}
