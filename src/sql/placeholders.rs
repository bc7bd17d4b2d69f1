//! Bind parameters of SQLAlchemy and psycopg in a statement, made readable for the parser.
//!
//! In: the text of one statement. Out: the text with each parameter as `$1` (or as a string where only a literal may
//! stand), and which offset is which parameter, so that lowering gives back its name.

use smol_str::SmolStr;

use super::Placeholders;
use super::lexer::{self, Token};
use super::split::in_string;
use super::template;
use crate::unknown::HOLE;

/// A parameter in the text as written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Placeholder {
    /// Byte offsets of the whole placeholder.
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// Its name; `None` for an escape (`%%`, `\:`), which stands for `literal`.
    pub(crate) name: Option<SmolStr>,
    pub(crate) literal: &'static str,
}

/// How a parameter is shown to the parser.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// `$1`: everywhere an expression may stand.
    Number,
    /// A string: where the grammar wants a literal (`SET x = :v`, `COMMENT ... IS :v`), as psycopg2 sends it.
    Text,
}

/// A statement made readable.
#[derive(Clone, Debug, Default)]
pub(crate) struct Readable {
    pub(crate) text: String,
    /// Offset in `text` and name of each parameter, ascending.
    pub(crate) parameters: Vec<(usize, SmolStr)>,
}

/// The placeholders of a text, in order. `%s` are numbered from `first`.
pub(crate) fn find(text: &str, style: Placeholders, first: usize) -> Vec<Placeholder> {
    match style {
        Placeholders::None => Vec::new(),
        Placeholders::Named => named(text),
        Placeholders::Format => format(text, first),
        Placeholders::Template => template::find(text),
    }
}

/// SQLAlchemy's `(?<![:\w\\]):(\w+)(?![:\w])`, and its escape `\:`.
fn named(text: &str) -> Vec<Placeholder> {
    let mut found = Vec::new();
    let mut characters = text.char_indices().peekable();
    let mut previous: Option<char> = None;
    while let Some((start, character)) = characters.next() {
        let before = previous.replace(character);
        if character == '\\' && characters.peek().is_some_and(|(_, next)| *next == ':') {
            found.push(Placeholder {
                start,
                end: start + 2,
                name: None,
                literal: ":",
            });
            continue;
        }
        if character != ':' || before.is_some_and(|c| c == ':' || c == '\\' || is_word(c)) {
            continue;
        }
        let rest = &text[start + 1..];
        let name = &rest[..rest.find(|c: char| !is_word(c)).unwrap_or(rest.len())];
        // `:ab::text` is none (to older releases it is `:a`: the upgrade fails either way)
        if name.is_empty() || rest[name.len()..].starts_with(':') {
            continue;
        }
        found.push(Placeholder {
            start,
            end: start + 1 + name.len(),
            name: Some(SmolStr::new(name)),
            literal: "",
        });
    }
    found
}

/// Python's `\w` for text.
fn is_word(character: char) -> bool {
    character.is_alphanumeric() || character == '_'
}

/// `%s`, `%(name)s` and psycopg 3's `%b`, `%t`; `%%` is a percent sign.
fn format(text: &str, first: usize) -> Vec<Placeholder> {
    let mut found = Vec::new();
    let mut number = first;
    let mut at = 0;
    while let Some(offset) = text[at..].find('%') {
        let start = at + offset;
        let rest = &text[start + 1..];
        at = start + 1;
        if rest.starts_with('%') {
            at = start + 2;
            found.push(Placeholder {
                start,
                end: at,
                name: None,
                literal: "%",
            });
        } else if rest.starts_with(['s', 'b', 't']) {
            at = start + 2;
            found.push(Placeholder {
                start,
                end: at,
                name: Some(SmolStr::new(number.to_string())),
                literal: "",
            });
            number += 1;
        } else if let Some(inner) = rest.strip_prefix('(')
            && let Some(close) = inner.find(')')
            && inner[close + 1..].starts_with(['s', 'b', 't'])
        {
            at = start + 2 + close + 2;
            found.push(Placeholder {
                start,
                end: at,
                name: Some(SmolStr::new(&inner[..close])),
                literal: "",
            });
        }
    }
    found
}

/// Replaces the placeholders that stand in one statement; `offset` is where `statement` begins in their text.
pub(crate) fn readable(
    statement: &str,
    placeholders: &[Placeholder],
    offset: usize,
    form: Form,
) -> Readable {
    let tokens = lexer::tokens(statement);
    let mut made = Readable::default();
    let mut at = 0;
    for placeholder in placeholders {
        let (Some(start), Some(end)) = (
            placeholder.start.checked_sub(offset),
            placeholder.end.checked_sub(offset),
        ) else {
            continue;
        };
        let Some(before) = statement.get(at..start) else {
            continue;
        };
        if end > statement.len() {
            break;
        }
        made.text.push_str(before);
        at = end;
        let Some(name) = &placeholder.name else {
            made.text.push_str(placeholder.literal);
            continue;
        };
        if in_string(&tokens, start) {
            // the driver puts a quoted value inside the string: what comes of it is not known
            made.text.push(HOLE);
            continue;
        }
        // `IN :x` is a list: SQLAlchemy expands it, psycopg2 writes a tuple with its parentheses
        let is_list = follows_in(&tokens, statement, start);
        if is_list {
            made.text.push('(');
        }
        made.parameters.push((made.text.len(), name.clone()));
        match form {
            Form::Number => made.text.push_str("$1 "),
            Form::Text => {
                made.text.push('\'');
                made.text.push(HOLE);
                made.text.push_str("' ");
            }
        }
        if is_list {
            made.text.push(')');
        }
    }
    made.text.push_str(statement.get(at..).unwrap_or_default());
    made
}

fn follows_in(tokens: &[Token], statement: &str, offset: usize) -> bool {
    let next = tokens.partition_point(|token| token.start < offset);
    next.checked_sub(1)
        .and_then(|index| tokens.get(index))
        .is_some_and(|token| token.is_word(statement, "in"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn names(text: &str) -> Vec<String> {
        super::super::named_parameters(text)
    }

    #[test]
    fn sqlalchemys_rule() {
        for breaks in ["':foo'", "'a :foo'", "{\"a\"::foo", "x=:foo", "(:foo)"] {
            let expected: &[&str] = if breaks.contains("::") { &[] } else { &["foo"] };
            assert_eq!(names(breaks), expected, "{breaks}");
        }
        assert_eq!(names("{\"a\":1, \"b\":true}"), ["1", "true"]);
        for safe in [
            "x::int",
            "12:30:00",
            "{\"a\": 1}",
            "{\"a\":\"b\"}",
            "http://x",
            "urn:isbn",
            "a[lo:hi]",
            "x := 5",
            "y:=1",
            "\\:foo",
        ] {
            assert_eq!(names(safe), [""; 0], "{safe}");
        }
        assert_eq!(names(":b, :a, :b"), ["b", "a"]);
        // with a cast glued to it, it is none: a known trap of text()
        assert!(names(":ab::text").is_empty());
        assert_eq!(names(":a::text"), [""; 0]);
    }

    #[test]
    fn format_placeholders() {
        let found = find("a %s '%%' %(x)s % 2 %", Placeholders::Format, 3);
        let names: Vec<Option<&str>> = found.iter().map(|p| p.name.as_deref()).collect();
        assert_eq!(names, [Some("3"), None, Some("x")]);
    }

    #[test]
    fn readable_text() {
        let text = "select :ab ::text, '\\:x'";
        let made = readable(text, &named(text), 0, Form::Number);
        assert_eq!(made.text, "select $1  ::text, ':x'");
        assert_eq!(made.parameters, [(7, SmolStr::new("ab"))]);
    }
}
