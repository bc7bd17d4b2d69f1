//! Expressions that are certain to give another value another day: an index, its predicate and a generated column refuse them
//! (42P17). By the volatility of the server's own functions and casts in `pg_proc`; what is not listed is taken to be immutable.

use super::Context;
use super::cast::{Kind, kind_of_type};
use super::check::is_comparison;
use super::functions::is_fresh;
use super::scope::Frame;
use super::types::{Type, type_of};
use crate::postgres::expression::{Expr, TypeName, children};

/// Whether an expression, or a part of it, is stable or volatile for certain.
pub(crate) fn is_mutable(expression: &Expr, frame: &Frame<'_>, context: &Context<'_>) -> bool {
    let name_of = |value: &Expr| match type_of(value, frame, context) {
        Type::Named(name) if !name.array => Some(name.name.name),
        _ => None,
    };
    let own = match expression {
        Expr::Call {
            name, arguments, ..
        } if name.schema.is_none() => {
            let first = arguments.first().and_then(name_of);
            let second = arguments.get(1).and_then(name_of);
            is_mutable_call(
                &name.name,
                arguments.len(),
                first.as_deref(),
                second.as_deref(),
            ) && !has_own(&name.name, context)
        }
        Expr::Cast { value, type_name } if !type_name.array => {
            let from = type_of(value, frame, context);
            from.named()
                .is_some_and(|from| is_mutable_to(from, type_name, context))
        }
        // what is no text is cast to it
        Expr::Binary {
            operator,
            left,
            right,
        } if operator == "||" => [left, right].into_iter().any(|side| {
            let own = type_of(side, frame, context);
            own.named()
                .is_some_and(|from| is_mutable_to(from, &TypeName::new("text"), context))
        }),
        Expr::Binary {
            operator,
            left,
            right,
        } if is_comparison(operator) => {
            let sides = (name_of(left), name_of(right));
            matches!(sides, (Some(left), Some(right)) if compares_by_zone(&left, &right))
        }
        Expr::Between {
            value, low, high, ..
        } => name_of(value).is_some_and(|value| {
            let mut bounds = [name_of(low), name_of(high)].into_iter().flatten();
            bounds.any(|bound| compares_by_zone(&value, &bound))
        }),
        _ => false,
    };
    own || children(expression)
        .into_iter()
        .any(|child| is_mutable(child, frame, context))
}

/// Whether the database has a function of this name, which may be the one that is meant.
fn has_own(name: &str, context: &Context<'_>) -> bool {
    let mut functions = context.catalog.functions.keys();
    functions.any(|function| function.name == name)
}

fn is_mutable_call(name: &str, count: usize, first: Option<&str>, second: Option<&str>) -> bool {
    match name {
        _ if is_fresh(name) => true,
        "current_date" | "current_user" | "session_user" | "current_setting" | "concat"
        | "concat_ws" | "format" | "to_char" | "to_date" | "array_to_string" | "to_json"
        | "to_jsonb" | "row_to_json" => true,
        "to_timestamp" => count == 2,
        // the configuration is a setting of the session's
        "to_tsvector"
        | "to_tsquery"
        | "plainto_tsquery"
        | "phraseto_tsquery"
        | "websearch_to_tsquery" => count == 1,
        "date_trunc" | "date_part" | "extract" => second == Some("timestamptz"),
        "date" => first == Some("timestamptz"),
        "age" => count == 1 || first == Some("timestamptz"),
        _ => false,
    }
}

/// Whether a cast is certain to be stable at most.
fn is_mutable_to(from: &TypeName, to: &TypeName, context: &Context<'_>) -> bool {
    let is_label = |name: &TypeName| kind_of_type(name, context) == Kind::Enum;
    // labels can be renamed
    is_label(from) != is_label(to)
        || (!from.array && is_mutable_cast(&from.name.name, &to.name.name))
}

/// Moments with a time zone against ones without: which comes first hangs on the session's.
fn compares_by_zone(one: &str, other: &str) -> bool {
    let is_local = |name: &str| matches!(name, "date" | "timestamp");
    (one == "timestamptz" && is_local(other)) || (other == "timestamptz" && is_local(one))
}

/// Casts that hang on the session's time zone or date style.
fn is_mutable_cast(from: &str, to: &str) -> bool {
    let is_moment = |name: &str| matches!(name, "date" | "timestamp" | "timestamptz");
    let is_time = |name: &str| is_moment(name) || matches!(name, "time" | "timetz");
    let is_text = |name: &str| matches!(name, "text" | "varchar" | "bpchar");
    (from == "timestamptz" && (is_time(to) && to != "timestamptz"))
        || (to == "timestamptz" && is_moment(from) && from != "timestamptz")
        || (is_moment(from) && is_text(to))
        || (is_text(from) && is_time(to))
}
