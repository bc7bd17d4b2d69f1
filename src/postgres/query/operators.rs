//! Operators on values, with NULL, fresh and unknown kept apart.
//!
//! A fresh value is equal to nothing, so `=` with one is false; how it compares otherwise can't be known.

use std::cmp::Ordering;
use std::sync::Arc;

use crate::postgres::expression::Datum;

/// A value's text form; `None` for what has none or is not known.
pub(crate) fn text_of(value: &Datum) -> Option<String> {
    match value {
        Datum::Text(text) => Some(text.to_string()),
        Datum::Int(number) => Some(number.to_string()),
        Datum::Float(number) => Some(number.to_string()),
        Datum::Bool(value) => Some(if *value { "true" } else { "false" }.to_owned()),
        Datum::Array(items) => {
            let parts: Option<Vec<String>> = items.iter().map(array_element).collect();
            Some(format!("{{{}}}", parts?.join(",")))
        }
        Datum::Null | Datum::Fresh | Datum::Stored | Datum::Unknown => None,
    }
}

fn array_element(item: &Datum) -> Option<String> {
    if *item == Datum::Null {
        return Some("NULL".to_owned());
    }
    let text = text_of(item)?;
    let quote = text.is_empty()
        || text.eq_ignore_ascii_case("null")
        || text.chars().any(|character| {
            character.is_whitespace() || matches!(character, '{' | '}' | ',' | '"' | '\\')
        });
    Some(if quote && !matches!(item, Datum::Array(_)) {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    } else {
        text
    })
}

/// Whether two values are equal; `None` if NULL or unknown.
pub(crate) fn equal(left: &Datum, right: &Datum) -> Option<bool> {
    match (left, right) {
        (Datum::Null | Datum::Unknown, _) | (_, Datum::Null | Datum::Unknown) => None,
        // it may be the same one, read twice
        (Datum::Fresh, Datum::Fresh) | (Datum::Stored, _) | (_, Datum::Stored) => None,
        (Datum::Fresh, _) | (_, Datum::Fresh) => Some(false),
        _ => compare(left, right).map(|order| order == Ordering::Equal),
    }
}

/// How two known values compare; `None` where that can't be said.
pub(crate) fn compare(left: &Datum, right: &Datum) -> Option<Ordering> {
    match (left, right) {
        (Datum::Int(left), Datum::Int(right)) => Some(left.cmp(right)),
        (Datum::Int(left), Datum::Float(right)) => (*left as f64).partial_cmp(right),
        (Datum::Float(left), Datum::Int(right)) => left.partial_cmp(&(*right as f64)),
        (Datum::Float(left), Datum::Float(right)) => left.partial_cmp(right),
        (Datum::Bool(left), Datum::Bool(right)) => Some(left.cmp(right)),
        (Datum::Text(left), Datum::Text(right)) => Some(left.cmp(right)),
        (Datum::Text(text), Datum::Int(_) | Datum::Float(_)) => compare(&number_in(text)?, right),
        (Datum::Int(_) | Datum::Float(_), Datum::Text(text)) => compare(left, &number_in(text)?),
        (Datum::Text(text), Datum::Bool(right)) => {
            super::cast::parse_bool(text).map(|left| left.cmp(right))
        }
        (Datum::Bool(left), Datum::Text(text)) => {
            super::cast::parse_bool(text).map(|right| left.cmp(&right))
        }
        (Datum::Array(left), Datum::Array(right)) => compare_arrays(left, right),
        (Datum::Array(left), Datum::Text(text)) => compare_arrays(left, &super::parse_array(text)?),
        (Datum::Text(text), Datum::Array(right)) => {
            compare_arrays(&super::parse_array(text)?, right)
        }
        _ => None,
    }
}

/// Whether values, NULLs aside, are of one kind and so have an order among all of them.
pub(crate) fn have_an_order<'a>(values: impl Iterator<Item = &'a Datum>) -> bool {
    let mut kind = None;
    for value in values {
        let own = match value {
            Datum::Null => continue,
            Datum::Int(_) => 0,
            // beside integers too large for it, a float has no order
            Datum::Float(number) if !number.is_nan() => 1,
            Datum::Text(_) => 2,
            Datum::Bool(_) => 3,
            _ => return false,
        };
        if *kind.get_or_insert(own) != own {
            return false;
        }
    }
    true
}

fn number_in(text: &str) -> Option<Datum> {
    let text = text.trim();
    match text.parse::<i64>() {
        Ok(number) => Some(Datum::Int(number)),
        Err(_) => text.parse::<f64>().ok().map(Datum::Float),
    }
}

fn compare_arrays(left: &[Datum], right: &[Datum]) -> Option<Ordering> {
    for (left, right) in left.iter().zip(right) {
        match compare(left, right)? {
            Ordering::Equal => {}
            order => return Some(order),
        }
    }
    Some(left.len().cmp(&right.len()))
}

fn truth(value: Option<bool>) -> Datum {
    value.map_or(Datum::Unknown, Datum::Bool)
}

/// Applies an infix operator.
pub(crate) fn binary(operator: &str, left: &Datum, right: &Datum) -> Datum {
    match operator {
        "IS DISTINCT FROM" => return truth(distinct(left, right)),
        "IS NOT DISTINCT FROM" => return truth(distinct(left, right).map(|value| !value)),
        _ => {}
    }
    if *left == Datum::Null || *right == Datum::Null {
        return Datum::Null;
    }
    let known = |side: &Datum| !matches!(side, Datum::Stored | Datum::Unknown);
    if !known(left) || !known(right) {
        return Datum::Unknown;
    }
    let fresh = *left == Datum::Fresh || *right == Datum::Fresh;
    match operator {
        "=" => truth(equal(left, right)),
        "<>" | "!=" => truth(equal(left, right).map(|value| !value)),
        "<" | ">" | "<=" | ">=" => order(operator, left, right),
        "+" | "-" | "*" | "/" | "%" | "^" if fresh => Datum::Fresh,
        "+" | "-" | "*" | "/" | "%" => arithmetic(operator, left, right),
        "||" if fresh => Datum::Fresh,
        "||" => concatenate(left, right),
        _ if fresh => Datum::Unknown,
        "~~" => truth(like(left, right, false)),
        "!~~" => truth(like(left, right, false).map(|value| !value)),
        "~~*" => truth(like(left, right, true)),
        "!~~*" => truth(like(left, right, true).map(|value| !value)),
        "~" => truth(matches(left, right, false)),
        "!~" => truth(matches(left, right, false).map(|value| !value)),
        "~*" => truth(matches(left, right, true)),
        "!~*" => truth(matches(left, right, true).map(|value| !value)),
        "->" => json_get(left, right, false),
        "->>" => json_get(left, right, true),
        "?" => json_has(left, right),
        "@>" => contains(left, right),
        "<@" => contains(right, left),
        "&&" => overlaps(left, right),
        "^@" => match (text_of(left), text_of(right)) {
            (Some(left), Some(right)) => Datum::Bool(left.starts_with(&right)),
            _ => Datum::Unknown,
        },
        _ => Datum::Unknown,
    }
}

fn distinct(left: &Datum, right: &Datum) -> Option<bool> {
    match (left, right) {
        (Datum::Null, Datum::Null) => Some(false),
        (Datum::Unknown, _) | (_, Datum::Unknown) => None,
        (Datum::Null, _) | (_, Datum::Null) => Some(true),
        _ => equal(left, right).map(|value| !value),
    }
}

fn order(operator: &str, left: &Datum, right: &Datum) -> Datum {
    // a collation orders text, and the text form orders no date
    let sortable =
        |value: &Datum| matches!(value, Datum::Int(_) | Datum::Float(_) | Datum::Bool(_));
    if !sortable(left) && !sortable(right) && left != right {
        return Datum::Unknown;
    }
    let Some(ordering) = compare(left, right) else {
        return Datum::Unknown;
    };
    Datum::Bool(match operator {
        "<" => ordering == Ordering::Less,
        ">" => ordering == Ordering::Greater,
        "<=" => ordering != Ordering::Greater,
        _ => ordering != Ordering::Less,
    })
}

fn arithmetic(operator: &str, left: &Datum, right: &Datum) -> Datum {
    let number = |value: &Datum| match value {
        Datum::Text(text) => number_in(text),
        Datum::Int(_) | Datum::Float(_) => Some(value.clone()),
        _ => None,
    };
    let (Some(left), Some(right)) = (number(left), number(right)) else {
        return Datum::Unknown;
    };
    if let (Datum::Int(left), Datum::Int(right)) = (&left, &right) {
        let result = match operator {
            "+" => left.checked_add(*right),
            "-" => left.checked_sub(*right),
            "*" => left.checked_mul(*right),
            "/" => left.checked_div(*right),
            _ => left.checked_rem(*right),
        };
        return result.map_or(Datum::Unknown, Datum::Int);
    }
    let float = |value: &Datum| match value {
        Datum::Int(number) => *number as f64,
        Datum::Float(number) => *number,
        _ => f64::NAN,
    };
    let (left, right) = (float(&left), float(&right));
    let result = match operator {
        "+" => left + right,
        "-" => left - right,
        "*" => left * right,
        "/" if right != 0.0 => left / right,
        _ => return Datum::Unknown,
    };
    if result.is_finite() {
        Datum::Float(result)
    } else {
        Datum::Unknown
    }
}

fn concatenate(left: &Datum, right: &Datum) -> Datum {
    match (left, right) {
        (Datum::Array(left), Datum::Array(right)) => {
            Datum::Array(left.iter().chain(right.iter()).cloned().collect())
        }
        (Datum::Array(left), item) => Datum::Array(
            left.iter()
                .chain(std::iter::once(item))
                .cloned()
                .collect::<Arc<[Datum]>>(),
        ),
        (item, Datum::Array(right)) => Datum::Array(
            std::iter::once(item)
                .chain(right.iter())
                .cloned()
                .collect::<Arc<[Datum]>>(),
        ),
        _ => match (text_of(left), text_of(right)) {
            (Some(left), Some(right)) if left.len() + right.len() < 1_000_000 => {
                // JSON objects are merged, not joined
                if left.starts_with(['{', '[']) && right.starts_with(['{', '[']) {
                    return Datum::Unknown;
                }
                Datum::text(&(left + &right))
            }
            _ => Datum::Unknown,
        },
    }
}

fn like(value: &Datum, pattern: &Datum, fold: bool) -> Option<bool> {
    let (mut value, mut pattern) = (text_of(value)?, text_of(pattern)?);
    if fold {
        value = value.to_lowercase();
        pattern = pattern.to_lowercase();
    }
    let value: Vec<char> = value.chars().collect();
    let pattern = like_parts(&pattern);
    Some(like_matches(&value, &pattern))
}

#[derive(PartialEq)]
enum LikePart {
    Any,
    One,
    Exactly(char),
}

fn like_parts(pattern: &str) -> Vec<LikePart> {
    let mut parts = Vec::new();
    let mut characters = pattern.chars();
    while let Some(character) = characters.next() {
        parts.push(match character {
            '%' => LikePart::Any,
            '_' => LikePart::One,
            '\\' => LikePart::Exactly(characters.next().unwrap_or('\\')),
            other => LikePart::Exactly(other),
        });
    }
    parts
}

/// Greedy matching with one point of return: linear but for the last `%`.
fn like_matches(value: &[char], pattern: &[LikePart]) -> bool {
    let (mut at, mut part) = (0, 0);
    let mut back: Option<(usize, usize)> = None;
    while at < value.len() {
        match pattern.get(part) {
            Some(LikePart::Any) => {
                back = Some((part, at));
                part += 1;
            }
            Some(LikePart::One) => {
                at += 1;
                part += 1;
            }
            Some(LikePart::Exactly(character)) if *character == value[at] => {
                at += 1;
                part += 1;
            }
            _ => match back {
                Some((any, start)) => {
                    part = any + 1;
                    at = start + 1;
                    back = Some((any, start + 1));
                }
                None => return false,
            },
        }
    }
    pattern[part..].iter().all(|rest| *rest == LikePart::Any)
}

fn matches(value: &Datum, pattern: &Datum, fold: bool) -> Option<bool> {
    let (value, pattern) = (text_of(value)?, text_of(pattern)?);
    Some(regex(&pattern, fold)?.is_match(&value))
}

/// A regular expression of the server's, where ours means the same.
pub(crate) fn regex(pattern: &str, fold: bool) -> Option<regex::Regex> {
    // word boundaries and class escapes of the server that ours lacks or reads in another way
    if [
        "\\m", "\\M", "\\y", "\\Y", "\\1", "[[:<:]]", "(?=", "(?!", "(?<", "***",
    ]
    .iter()
    .any(|form| pattern.contains(form))
    {
        return None;
    }
    regex::RegexBuilder::new(pattern)
        .case_insensitive(fold)
        .dot_matches_new_line(true)
        .size_limit(1 << 20)
        .build()
        .ok()
}

fn json_of(value: &Datum) -> Option<serde_json::Value> {
    match value {
        Datum::Text(text) if text.len() < 200_000 => serde_json::from_str(text).ok(),
        _ => None,
    }
}

fn json_get(value: &Datum, key: &Datum, as_text: bool) -> Datum {
    let Some(json) = json_of(value) else {
        return Datum::Unknown;
    };
    let member = match (&json, key) {
        (serde_json::Value::Array(items), Datum::Int(index)) => {
            let index = if *index < 0 {
                *index + items.len() as i64
            } else {
                *index
            };
            usize::try_from(index)
                .ok()
                .and_then(|index| items.get(index))
        }
        (serde_json::Value::Object(members), Datum::Text(name)) => members.get(&**name),
        _ => None,
    };
    match member {
        None => Datum::Null,
        Some(serde_json::Value::Null) if as_text => Datum::Null,
        Some(serde_json::Value::String(text)) if as_text => Datum::text(text),
        Some(other) => Datum::text(&other.to_string()),
    }
}

fn json_has(value: &Datum, key: &Datum) -> Datum {
    match (json_of(value), key) {
        (Some(serde_json::Value::Object(members)), Datum::Text(name)) => {
            Datum::Bool(members.contains_key(&**name))
        }
        (Some(serde_json::Value::Array(items)), Datum::Text(name)) => {
            Datum::Bool(items.iter().any(|item| item.as_str() == Some(name)))
        }
        _ => Datum::Unknown,
    }
}

fn elements(value: &Datum) -> Option<Vec<Datum>> {
    match value {
        Datum::Array(items) => Some(items.to_vec()),
        Datum::Text(text) => super::parse_array(text),
        _ => None,
    }
}

fn contains(whole: &Datum, part: &Datum) -> Datum {
    if let (Datum::Text(_), Some(whole), Some(part)) = (whole, json_of(whole), json_of(part)) {
        return Datum::Bool(json_contains(&whole, &part));
    }
    let (Some(whole), Some(part)) = (elements(whole), elements(part)) else {
        return Datum::Unknown;
    };
    let mut all = Some(true);
    for wanted in &part {
        match any_equal(&whole, wanted) {
            Some(true) => {}
            Some(false) => return Datum::Bool(false),
            None => all = None,
        }
    }
    truth(all)
}

fn json_contains(whole: &serde_json::Value, part: &serde_json::Value) -> bool {
    use serde_json::Value::{Array, Object};
    match (whole, part) {
        (Object(whole), Object(part)) => part.iter().all(|(name, wanted)| {
            whole
                .get(name)
                .is_some_and(|found| json_contains(found, wanted))
        }),
        (Array(whole), Array(part)) => part
            .iter()
            .all(|wanted| whole.iter().any(|found| json_contains(found, wanted))),
        (Array(whole), scalar) => whole.contains(scalar),
        _ => whole == part,
    }
}

fn overlaps(left: &Datum, right: &Datum) -> Datum {
    let (Some(left), Some(right)) = (elements(left), elements(right)) else {
        return Datum::Unknown;
    };
    let mut any = Some(false);
    for wanted in &right {
        match any_equal(&left, wanted) {
            Some(true) => return Datum::Bool(true),
            Some(false) => {}
            None => any = None,
        }
    }
    truth(any)
}

fn any_equal(items: &[Datum], wanted: &Datum) -> Option<bool> {
    let mut result = Some(false);
    for item in items {
        match equal(item, wanted) {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}
