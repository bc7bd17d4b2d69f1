//! The text that EXECUTE runs: `||`, `format`, `quote_ident` and the like on what is known.
//!
//! A part that is not known becomes a hole ([`crate::unknown::HOLE`]), so that the rest still tells what the statement
//! does (manual, sections 9.4.1 and 41.5.4).

use crate::postgres::Datum;
use crate::postgres::name::is_reserved;
use crate::unknown::{FRESH, HOLE};

/// A value as text: holes for what is not known; `None` is NULL.
pub(super) fn text_of(value: &Datum) -> Option<String> {
    Some(match value {
        Datum::Null => return None,
        Datum::Bool(value) => if *value { "t" } else { "f" }.to_owned(),
        Datum::Int(value) => value.to_string(),
        Datum::Float(value) => value.to_string(),
        Datum::Text(text) => text.to_string(),
        Datum::Fresh => FRESH.to_string(),
        Datum::Array(_) | Datum::Stored | Datum::Unknown => HOLE.to_string(),
    })
}

/// The functions that make SQL text. `None`: not one of them, or not with these arguments. The text may hold holes:
/// it is text all the same, unlike what [`Datum::text`] makes of it.
pub(super) fn call(name: &str, arguments: &[Datum]) -> Option<Datum> {
    let first = arguments.first().map(text_of);
    let made = match (name, first) {
        ("quote_ident", Some(text)) => text.map(|text| quote_identifier(&text)),
        ("quote_literal", Some(text)) => text.map(|text| quote_literal(&text)),
        ("quote_nullable", Some(text)) => {
            Some(text.map_or_else(|| "NULL".to_owned(), |text| quote_literal(&text)))
        }
        ("concat", _) => Some(arguments.iter().filter_map(text_of).collect()),
        ("format", Some(None)) => None,
        ("format", Some(Some(format))) => Some(formatted(&format, &arguments[1..])?),
        _ => return None,
    };
    Some(made.map_or(Datum::Null, |text| Datum::Text(text.into())))
}

/// An identifier quoted where it must be.
fn quote_identifier(text: &str) -> String {
    let plain = text.chars().enumerate().all(|(index, character)| {
        character.is_ascii_lowercase()
            || character == '_'
            || character == HOLE
            || character == FRESH
            || (index > 0 && character.is_ascii_digit())
    });
    if plain && !text.is_empty() && !is_reserved(text) {
        return text.to_owned();
    }
    format!("\"{}\"", text.replace('"', "\"\""))
}

fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

/// `format(text, ...)`: `%s`, `%I`, `%L`, `%%`, `%n$s`, widths ignored. `None` where the server refuses it.
fn formatted(format: &str, arguments: &[Datum]) -> Option<String> {
    let mut made = String::new();
    let mut next = 0_usize;
    let mut characters = format.chars().peekable();
    while let Some(character) = characters.next() {
        if character != '%' {
            made.push(character);
            continue;
        }
        let mut digits = String::new();
        while let Some(digit) = characters.next_if(|c| c.is_ascii_digit() || *c == '-') {
            digits.push(digit);
        }
        if characters.next_if_eq(&'$').is_some() {
            next = digits.parse::<usize>().ok()?.checked_sub(1)?;
            while characters
                .next_if(|c| c.is_ascii_digit() || *c == '-')
                .is_some()
            {}
        }
        let kind = characters.next()?;
        if kind == '%' {
            made.push('%');
            continue;
        }
        if made.len() > super::LONGEST {
            return None;
        }
        let value = text_of(arguments.get(next)?);
        next += 1;
        match (kind, value) {
            ('s', value) => made.push_str(&value.unwrap_or_default()),
            ('I', Some(value)) => made.push_str(&quote_identifier(&value)),
            ('L', Some(value)) => made.push_str(&quote_literal(&value)),
            ('L', None) => made.push_str("NULL"),
            _ => return None,
        }
    }
    Some(made)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(value: &str) -> Datum {
        Datum::Text(value.into())
    }

    #[test]
    fn format_as_the_server_does() {
        let made = |arguments: &[Datum]| call("format", arguments).and_then(|made| text_of(&made));
        assert_eq!(
            made(&[
                text("drop %s %I.%I = %L %% %1$s"),
                text("x"),
                text("a"),
                text("B c"),
                text("it's")
            ]),
            Some("drop x a.\"B c\" = 'it''s' % x".to_owned())
        );
        assert_eq!(made(&[text("%I"), Datum::Null]), None);
        assert_eq!(
            made(&[text("%s|%L"), Datum::Null, Datum::Null]),
            Some("|NULL".to_owned())
        );
        assert_eq!(made(&[text("%s %s"), text("a")]), None);
        assert_eq!(
            made(&[text("drop table %I"), Datum::Unknown]),
            Some(format!("drop table {HOLE}"))
        );
        assert_eq!(made(&[text("%s"), text("a"), text("b")]), Some("a".into()));
    }

    #[test]
    fn quoting() {
        assert_eq!(quote_identifier("order"), "\"order\"");
        assert_eq!(quote_identifier("a\"b"), "\"a\"\"b\"");
        assert_eq!(quote_literal("a\\b"), "E'a\\\\b'");
        assert_eq!(call("upper", &[text("a")]), None);
    }
}
