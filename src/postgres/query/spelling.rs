//! Values that can be written in more than one way: a day, a moment, JSON, padded text. They are kept as the server prints them
//! where that is known; two that are written differently are different only then.

use std::fmt::Write as _;

use serde_json::Value;

use super::cast::{Kind, kind_of_type};
use super::types::type_of;
use super::{Context, Frame};
use crate::postgres::catalog::TypeKind;
use crate::postgres::expression::{Datum, Expr, TypeName};

/// Whether texts that differ may be one value of a type.
fn has_spellings(type_name: &TypeName, context: &Context<'_>) -> bool {
    if type_name.array || kind_of_type(type_name, context) == Kind::Enum {
        return false;
    }
    if let Some(made) = context.made_type(&type_name.name) {
        return match &made.definition {
            TypeKind::Domain { base, .. } if base != type_name => has_spellings(base, context),
            TypeKind::Enum { .. } => false,
            _ => true,
        };
    }
    !matches!(
        type_name.name.name.as_str(),
        "text"
            | "varchar"
            | "name"
            | "char"
            | "uuid"
            | "unknown"
            | "regclass"
            | "regtype"
            | "regnamespace"
            | "regproc"
            | "regprocedure"
    )
}

/// Whether two values that are compared may be equal though they are written differently.
pub(super) fn may_be_one(
    sides: [(&Expr, &Datum); 2],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> bool {
    let [(left, Datum::Text(one)), (right, Datum::Text(two))] = sides else {
        return false;
    };
    if one == two {
        return false;
    }
    let typed = [left, right].map(|side| type_of(side, frame, context));
    let mut names = typed.iter().filter_map(|side| side.named());
    let Some(type_name) = names.find(|name| has_spellings(name, context)) else {
        return false;
    };
    match (printed(type_name, one), printed(type_name, two)) {
        (Some(one), Some(two)) => one == two || !is_exact(type_name, [&one, &two]),
        _ => true,
    }
}

/// Whether values that the server prints differently are different.
fn is_exact(type_name: &TypeName, texts: [&str; 2]) -> bool {
    // 1.0 and 1 are one number
    let has_fraction = |text: &str| text.contains(['.', 'e', 'E']);
    type_name.name.name != "jsonb" || !texts.into_iter().any(has_fraction)
}

/// How the server prints a value of a type that is written so; `None` where that is not worked out.
pub(super) fn printed(type_name: &TypeName, text: &str) -> Option<String> {
    match type_name.name.name.as_str() {
        "date" => day(text.trim()),
        "timestamp" => moment(text.trim()),
        "jsonb" => {
            let value = serde_json::from_str(text).ok()?;
            let mut out = String::with_capacity(text.len());
            json(&value, &mut out);
            Some(out)
        }
        "bpchar" => Some(text.trim_end_matches(' ').to_owned()),
        _ => None,
    }
}

/// A day, from `2020-1-2` or `20200102`.
fn day(text: &str) -> Option<String> {
    let is_digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let parts: Vec<&str> = text.split('-').collect();
    let (year, month, date) = match parts.as_slice() {
        [all] if all.len() == 8 && is_digits(all) => (&all[..4], &all[4..6], &all[6..]),
        [year, month, date] if year.len() == 4 && month.len() <= 2 && date.len() <= 2 => {
            (*year, *month, *date)
        }
        _ => return None,
    };
    [year, month, date]
        .into_iter()
        .all(is_digits)
        .then(|| format!("{year}-{month:0>2}-{date:0>2}"))
}

/// A moment without a zone.
fn moment(text: &str) -> Option<String> {
    let (date, time) = text.split_once([' ', 'T']).unwrap_or((text, "00:00:00"));
    let date = day(date)?;
    let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
    let parts: Vec<&str> = clock.split(':').collect();
    let (hour, minute, second) = match parts.as_slice() {
        [hour, minute] => (*hour, *minute, "00"),
        [hour, minute, second] => (*hour, *minute, *second),
        _ => return None,
    };
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    let is_clock = [hour, minute, second]
        .into_iter()
        .all(|part| matches!(part.len(), 1 | 2) && is_number(part));
    if !is_clock || !is_number(fraction) || fraction.len() > 6 {
        return None;
    }
    let mut out = format!("{date} {hour:0>2}:{minute:0>2}:{second:0>2}");
    let fraction = fraction.trim_end_matches('0');
    if !fraction.is_empty() {
        let _ = write!(out, ".{fraction}");
    }
    Some(out)
}

/// `jsonb` as the server prints it: keys by their length, then their bytes.
fn json(value: &Value, out: &mut String) {
    match value {
        Value::Array(items) => {
            out.push('[');
            for (place, item) in items.iter().enumerate() {
                out.push_str(if place > 0 { ", " } else { "" });
                json(item, out);
            }
            out.push(']');
        }
        Value::Object(fields) => {
            let mut fields: Vec<_> = fields.iter().collect();
            fields.sort_by_key(|(key, _)| (key.len(), key.as_str()));
            out.push('{');
            for (place, (key, value)) in fields.into_iter().enumerate() {
                out.push_str(if place > 0 { ", " } else { "" });
                let _ = write!(out, "{}: ", Value::from(key.as_str()));
                json(value, out);
            }
            out.push('}');
        }
        other => {
            let _ = write!(out, "{other}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_kept_as_the_server_prints_them() {
        for (type_name, text, expected) in [
            ("date", "2020-1-2", Some("2020-01-02")),
            ("date", " 20200102 ", Some("2020-01-02")),
            ("date", "Jan 2, 2020", None),
            ("date", "today", None),
            ("timestamp", "2020-01-02", Some("2020-01-02 00:00:00")),
            ("timestamp", "2020-1-2T3:04", Some("2020-01-02 03:04:00")),
            (
                "timestamp",
                "2020-01-02 03:04:05.120",
                Some("2020-01-02 03:04:05.12"),
            ),
            ("timestamp", "2020-01-02 03:04:05+00", None),
            (
                "jsonb",
                r#"{"bb": [1,2], "a":{"c": null}, "b":"x"}"#,
                Some(r#"{"a": {"c": null}, "b": "x", "bb": [1, 2]}"#),
            ),
            ("jsonb", "{", None),
            ("bpchar", "ab  ", Some("ab")),
            ("interval", "1 day", None),
        ] {
            assert_eq!(
                printed(&TypeName::new(type_name), text).as_deref(),
                expected,
                "{type_name} {text}"
            );
        }
    }
}
