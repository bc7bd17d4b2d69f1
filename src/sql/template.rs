//! Holes that a templating tool, psql or a driver fills before a SQL file reaches the server.
//!
//! In: a file's text. Out: the bytes of each hole and what the parser may read in its place; offsets stay those of the
//! file. What a hole will hold is not known, so neither is what the statement does by it.

use super::lexer::{self, Token, TokenKind};
use super::placeholders::Placeholder;
use crate::unknown::HOLE;

/// Read in the place of a hole where a name or an expression stands.
const NAME: &str = "\u{F8FF}";
/// Read in the place of psql's `:'name'`.
const STRING: &str = "'\u{F8FF}'";
/// Read in the place of psql's `:"name"`.
const QUOTED: &str = "\"\u{F8FF}\"";

/// The holes of a text, in order.
pub(super) fn find(text: &str) -> Vec<Placeholder> {
    debug_assert!(NAME.starts_with(HOLE));
    // most files have none, and `::` is in many: the cheap question first
    let braces = text.contains("{{") || text.contains("{%") || text.contains("${");
    let signs = text.contains("%s") || text.contains("%(");
    let colons = text.match_indices(':').any(|(at, _)| {
        let next = text.as_bytes().get(at + 1);
        next.is_some_and(|next| !matches!(next, b':' | b'=' | b' ' | b'\n'))
    });
    let extension = text.contains("@ext");
    if !braces && !signs && !colons && !extension {
        return Vec::new();
    }
    let mut found = Vec::new();
    if braces {
        found.extend(in_braces(text));
    }
    if extension {
        found.extend(of_extensions(text));
        found.sort_by_key(|hole: &Placeholder| hole.start);
    }
    if signs || colons {
        found.extend(of_drivers(text, &found, signs));
    }
    found.sort_by_key(|hole: &Placeholder| hole.start);
    found
}

fn hole(start: usize, end: usize, literal: &'static str) -> Placeholder {
    Placeholder {
        start,
        end,
        name: None,
        literal,
    }
}

/// `{{ name }}`, `${name}`, and the tags `{% if ... %}`, wherever they stand.
fn in_braces(text: &str) -> Vec<Placeholder> {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(offset) = text[at..].find('{') {
        let start = at + offset;
        let rest = &text[start..];
        at = start + 1;
        let before = text[..start].chars().next_back();
        let (from, end, literal) = if rest.starts_with("{{") {
            let Some(length) = rest.find("}}") else {
                continue;
            };
            // an array literal ('{{1,2},{3,4}}') has braces and commas of its own
            let inner = &rest[2..length];
            if !is_expression(inner) {
                continue;
            }
            (start, start + length + 2, NAME)
        } else if rest.starts_with("{%") {
            let Some(length) = rest.find("%}") else {
                continue;
            };
            (start, start + length + 2, " ")
        } else if before == Some('$') {
            let name = rest[1..]
                .find(|c: char| !(c.is_alphanumeric() || "_.:-".contains(c)))
                .unwrap_or(0);
            let dollars = text[..start].ends_with("$$");
            if dollars || name == 0 || !rest[1 + name..].starts_with('}') {
                continue;
            }
            (start - 1, start + name + 2, NAME)
        } else {
            continue;
        };
        found.push(hole(from, end, literal));
        at = end;
    }
    found
}

/// What CREATE EXTENSION fills into an extension's script, wherever it stands: `@extschema@`, `@extowner@`, and from
/// PostgreSQL 16 on `@extschema:name@`.
fn of_extensions(text: &str) -> Vec<Placeholder> {
    let places = text.match_indices("@ext");
    let holes = places.filter_map(|(start, _)| {
        let rest = &text[start + 1..];
        let length = rest.find('@')?;
        let is_one = match &rest[..length] {
            "extschema" | "extowner" => true,
            other => other
                .strip_prefix("extschema:")
                .is_some_and(|name| !name.is_empty() && !name.contains(char::is_whitespace)),
        };
        is_one.then(|| hole(start, start + length + 2, NAME))
    });
    holes.collect()
}

/// Whether the inside of `{{ }}` is an expression of a template: it begins with a name and has no bare comma.
fn is_expression(inner: &str) -> bool {
    let inner = inner.trim_matches(|c: char| c == '-' || c.is_whitespace());
    let mut depth = 0_u32;
    for character in inner.chars() {
        match character {
            '(' | '[' => depth += 1,
            ')' | ']' => depth = depth.saturating_sub(1),
            '{' | '}' | ';' => return false,
            ',' if depth == 0 => return false,
            _ => {}
        }
    }
    inner.starts_with(|c: char| c.is_alphabetic() || c == '_' || c == '.')
}

/// psql's `:name`, `:'name'`, `:"name"`, and a driver's `%s`, `%(name)s`, outside of strings and comments.
fn of_drivers(text: &str, braces: &[Placeholder], signs: bool) -> Vec<Placeholder> {
    let mut found = Vec::new();
    let mut brackets = 0_u32;
    let mut last: Option<Token> = None;
    let mut at = 0;
    while let Some(token) = lexer::next(text, at) {
        at = token.end;
        let next = braces.partition_point(|hole| hole.end <= token.start);
        let covered = braces
            .get(next)
            .is_some_and(|hole| hole.start <= token.start);
        if covered {
            at = braces[next].end.max(token.start + 1);
            last = None;
            continue;
        }
        let touches = |previous: Option<Token>| {
            previous.is_some_and(|previous| {
                previous.end == token.start
                    && (matches!(previous.kind, TokenKind::Word | TokenKind::Number)
                        || matches!(previous.text(text), ")" | "]" | ":"))
            })
        };
        match token.text(text) {
            "[" => brackets += 1,
            "]" => brackets = brackets.saturating_sub(1),
            ":" if brackets == 0 && !touches(last) && text[token.end..].starts_with("{?") => {
                // psql's question whether a variable is set
                if let Some(length) = text[token.end..].find('}') {
                    found.push(hole(token.start, token.end + length + 1, NAME));
                    at = token.end + length + 1;
                }
            }
            ":" if brackets == 0 && !touches(last) => {
                if let Some(name) = lexer::next(text, token.end)
                    && name.start == token.end
                {
                    let literal = match name.kind {
                        TokenKind::Word => Some(NAME),
                        TokenKind::String if name.text(text).starts_with('\'') => Some(STRING),
                        TokenKind::Quoted => Some(QUOTED),
                        _ => None,
                    };
                    if let Some(literal) = literal {
                        found.push(hole(token.start, name.end, literal));
                        at = name.end;
                    }
                }
            }
            "%" if signs && !touches(last) => {
                if let Some(end) = driver_end(text, token.end) {
                    found.push(hole(token.start, end, NAME));
                    at = end;
                }
            }
            _ => {}
        }
        last = Some(token);
    }
    found
}

/// End of `s` or `(name)s` behind a percent sign.
fn driver_end(text: &str, at: usize) -> Option<usize> {
    let rest = &text[at..];
    let end = if let Some(inner) = rest.strip_prefix('(') {
        let close = inner.find(|c: char| !(c.is_alphanumeric() || c == '_'))?;
        if !inner[close..].starts_with(")s") {
            return None;
        }
        at + 1 + close + 2
    } else if rest.starts_with('s') {
        at + 1
    } else {
        return None;
    };
    let goes_on = text[end..].starts_with(|c: char| c.is_alphanumeric() || c == '_');
    (!goes_on).then_some(end)
}

/// The text with every hole as as many bytes that end no statement and open no string, for splitting.
pub(super) fn masked(text: &str, holes: &[Placeholder]) -> String {
    let mut masked = String::with_capacity(text.len());
    let mut at = 0;
    for hole in holes {
        masked.push_str(text.get(at..hole.start).unwrap_or_default());
        let filler = if hole.literal == " " { " " } else { "x" };
        masked.push_str(&filler.repeat(hole.end - hole.start));
        at = hole.end;
    }
    masked.push_str(text.get(at..).unwrap_or_default());
    masked
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holes(text: &str) -> Vec<&str> {
        find(text)
            .iter()
            .map(|hole| &text[hole.start..hole.end])
            .collect()
    }

    #[test]
    fn what_tools_fill_in() {
        assert_eq!(
            holes("CREATE TABLE {{ schema }}.t_${env} (a :type); {% if x %}"),
            ["{{ schema }}", "${env}", ":type", "{% if x %}"]
        );
        assert_eq!(
            holes("SELECT :'a', :\"b\", %s, %(name)s, '${in_a_string}'"),
            [":'a'", ":\"b\"", "%s", "%(name)s", "${in_a_string}"]
        );
    }

    #[test]
    fn what_create_extension_fills_in() {
        assert_eq!(
            holes("ALTER TABLE @extschema@.t OWNER TO @extowner@; SELECT '@extschema:pgcrypto@.f'"),
            ["@extschema@", "@extowner@", "@extschema:pgcrypto@"]
        );
    }

    #[test]
    fn what_is_sql_of_its_own() {
        for text in [
            "SELECT '@external', a @extent @ b, 'x@extschema', 'a@extschema: b@c'",
            "SELECT '{{1,2},{3,4}}'::int[], a::text, b[1:n], f(x := 1)",
            "SELECT a %sum, format('%s', ':x'), 5 % 2 -- :x %s",
            "DO $$ BEGIN x := 1; END $$",
            "SELECT '{{a,b}}'::text[], '12:30:00'",
        ] {
            assert_eq!(holes(text), [""; 0], "{text}");
        }
    }

    #[test]
    fn masking_keeps_every_offset() {
        let text = "a {{ x['é'] }} b; {% c; %} d";
        let masked = masked(text, &find(text));
        assert_eq!(masked.len(), text.len());
        assert_eq!(masked.matches(';').count(), 1);
    }
}
