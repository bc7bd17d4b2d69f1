//! String literals: prefixes, escapes, f-strings, literals in a row.

use ruff_python_ast::{
    AnyStringFlags, Expr, FStringPart, InterpolatedElement, InterpolatedStringElement,
    InterpolatedStringElements, InterpolatedStringFormatSpec, StringFlags,
};
use ruff_text_size::{Ranged, TextRange, TextSize};

use super::{Lowerer, span};
use crate::python::syntax::{ExpressionId, ExpressionKind, Part};
use crate::source::Span;
use crate::unknown::HOLE;

/// What one or more literals in a row hold.
#[derive(Default)]
struct Literal {
    parts: Vec<Part>,
    text: String,
    bytes: Vec<u8>,
    is_bytes: bool,
    /// The contents' span, while there is one plain literal without escapes.
    plain: Option<Span>,
    count: u32,
}

impl Literal {
    fn flush(&mut self) {
        if !self.text.is_empty() {
            let text = std::mem::take(&mut self.text);
            self.parts.push(Part::Text(text.into()));
        }
    }
}

impl Lowerer<'_> {
    pub(super) fn string(&mut self, node: &Expr) -> ExpressionId {
        let mut literal = Literal::default();
        match node {
            Expr::StringLiteral(text) => {
                for part in &text.value {
                    self.plain(part.range, part.flags.as_any_string_flags(), &mut literal);
                }
            }
            Expr::BytesLiteral(bytes) => {
                for part in &bytes.value {
                    self.plain(part.range, part.flags.as_any_string_flags(), &mut literal);
                }
            }
            Expr::FString(text) => {
                for part in &text.value {
                    match part {
                        FStringPart::Literal(part) => {
                            self.plain(part.range, part.flags.as_any_string_flags(), &mut literal);
                        }
                        FStringPart::FString(part) => {
                            let flags = part.flags.as_any_string_flags();
                            self.formatted(part.range, flags, &part.elements, &mut literal);
                        }
                    }
                }
            }
            Expr::TString(text) => {
                for part in &text.value {
                    let flags = part.flags.as_any_string_flags();
                    self.formatted(part.range, flags, &part.elements, &mut literal);
                }
            }
            _ => {}
        }
        let kind = if literal.is_bytes {
            ExpressionKind::Bytes(literal.bytes.into())
        } else if literal.parts.is_empty() {
            ExpressionKind::Str {
                text: literal.text.into(),
                literal: literal.plain.filter(|_| literal.count == 1),
            }
        } else {
            literal.flush();
            ExpressionKind::Joined(literal.parts)
        };
        self.add(span(node), kind)
    }

    fn plain(&mut self, literal: TextRange, flags: AnyStringFlags, into: &mut Literal) {
        into.count += 1;
        into.is_bytes |= flags.is_byte_string();
        let contents = contents(literal, flags);
        let unchanged = self.piece(contents, flags.is_raw_string(), false, into);
        into.plain = (unchanged && into.count == 1).then(|| span(contents));
    }

    fn formatted(
        &mut self,
        literal: TextRange,
        flags: AnyStringFlags,
        elements: &InterpolatedStringElements,
        into: &mut Literal,
    ) {
        into.count += 1;
        let contents = contents(literal, flags);
        let raw = flags.is_raw_string();
        let mut position = contents.start();
        let mut unchanged = true;
        for element in elements {
            let InterpolatedStringElement::Interpolation(value) = element else {
                continue;
            };
            unchanged = false;
            self.piece(between(position, value.start()), raw, true, into);
            self.interpolation(value, into);
            position = value.end();
        }
        unchanged &= self.piece(between(position, contents.end()), raw, true, into);
        into.plain = (unchanged && into.count == 1).then(|| span(contents));
    }

    /// Decodes a part of a literal; whether it stayed as it stands.
    fn piece(&mut self, range: TextRange, raw: bool, formatted: bool, into: &mut Literal) -> bool {
        let text = self.slice(range);
        if into.is_bytes {
            decode_bytes(text, raw, &mut into.bytes);
            return false;
        }
        let special = |byte: u8| {
            byte == b'\r' || (byte == b'\\' && !raw) || (formatted && matches!(byte, b'{' | b'}'))
        };
        if !text.bytes().any(special) {
            into.text.push_str(text);
            return true;
        }
        decode(text, raw, formatted, &mut into.text);
        false
    }

    fn interpolation(&mut self, node: &InterpolatedElement, into: &mut Literal) {
        // `{x=}` shows its own source first
        if let Some(source) = &node.debug_text {
            into.text.push_str(source.as_str());
        }
        let format = node.format_spec.as_deref();
        let format = format.map_or_else(Vec::new, |format| self.format_specifier(format));
        let value = self.expression(&node.expression);
        into.flush();
        into.parts.push(Part::Value {
            value,
            conversion: node.conversion.to_char(),
            format,
        });
    }

    fn format_specifier(&mut self, node: &InterpolatedStringFormatSpec) -> Vec<Part> {
        let mut parts = Vec::new();
        if !self.enter(span(node)) {
            return parts;
        }
        let mut position = node.start();
        for element in &node.elements {
            let InterpolatedStringElement::Interpolation(value) = element else {
                continue;
            };
            parts.extend(self.format_text(position, value.start()));
            parts.push(Part::Value {
                value: self.expression(&value.expression),
                conversion: None,
                format: Vec::new(),
            });
            position = value.end();
        }
        self.depth -= 1;
        parts.extend(self.format_text(position, node.end()));
        parts
    }

    fn format_text(&self, start: TextSize, end: TextSize) -> Option<Part> {
        let text = self.slice(between(start, end));
        (!text.is_empty()).then(|| Part::Text(text.into()))
    }
}

/// What stands between the quotes of a literal.
fn contents(literal: TextRange, flags: AnyStringFlags) -> TextRange {
    between(
        literal.start() + flags.opener_len(),
        literal.end() - flags.closer_len(),
    )
}

/// From one place to another; nothing where they are in each other's way.
fn between(start: TextSize, end: TextSize) -> TextRange {
    TextRange::new(start, end.max(start))
}

fn decode(text: &str, raw: bool, formatted: bool, out: &mut String) {
    let mut rest = text;
    while let Some(character) = rest.chars().next() {
        rest = &rest[character.len_utf8()..];
        match character {
            '\r' => {
                rest = rest.strip_prefix('\n').unwrap_or(rest);
                out.push('\n');
            }
            '{' | '}' if formatted => {
                rest = rest.strip_prefix(character).unwrap_or(rest);
                out.push(character);
            }
            '\\' if !raw => rest = escape(rest, out),
            _ => out.push(character),
        }
    }
}

/// Decodes what follows a backslash; gives the rest.
fn escape<'a>(rest: &'a str, out: &mut String) -> &'a str {
    let Some(character) = rest.chars().next() else {
        out.push('\\');
        return rest;
    };
    let after = &rest[character.len_utf8()..];
    let simple = match character {
        '\n' => return after,
        '\r' => return after.strip_prefix('\n').unwrap_or(after),
        'n' => '\n',
        't' => '\t',
        'r' => '\r',
        'a' => '\u{7}',
        'b' => '\u{8}',
        'f' => '\u{c}',
        'v' => '\u{b}',
        '\\' | '\'' | '"' => character,
        '0'..='7' => {
            let length = rest
                .bytes()
                .take(3)
                .take_while(|byte| (b'0'..=b'7').contains(byte))
                .count();
            let code = u32::from_str_radix(&rest[..length], 8).unwrap_or(0);
            out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            return &rest[length..];
        }
        'x' | 'u' | 'U' => {
            let length = match character {
                'x' => 2,
                'u' => 4,
                _ => 8,
            };
            let code = after
                .get(..length)
                .and_then(|digits| u32::from_str_radix(digits, 16).ok());
            let Some(code) = code else {
                out.push('\\');
                return rest;
            };
            out.push(char::from_u32(code).unwrap_or('\u{fffd}'));
            return &after[length..];
        }
        'N' if after.starts_with('{') => {
            out.push(HOLE);
            return after.find('}').map_or("", |end| &after[end + 1..]);
        }
        _ => {
            out.push('\\');
            character
        }
    };
    out.push(simple);
    after
}

fn decode_bytes(text: &str, raw: bool, out: &mut Vec<u8>) {
    if raw || !text.contains('\\') {
        out.extend_from_slice(text.as_bytes());
        return;
    }
    let mut decoded = String::new();
    decode(text, false, false, &mut decoded);
    // `\xff` is one byte in bytes
    for character in decoded.chars() {
        match u8::try_from(character as u32) {
            Ok(byte) => out.push(byte),
            Err(_) => out.extend_from_slice(character.to_string().as_bytes()),
        }
    }
}
