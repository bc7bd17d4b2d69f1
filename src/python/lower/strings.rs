//! String literals: prefixes, escapes, f-strings, literals in a row.

use std::sync::Arc;

use tree_sitter::Node;

use super::node::Asked;
use super::{Lowerer, children, span};
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
    pub(super) fn string(&mut self, node: Node<'_>) -> ExpressionId {
        let mut literal = Literal::default();
        if node.kind_name() == "concatenated_string" {
            for child in children(node) {
                self.literal(child, &mut literal);
            }
        } else {
            self.literal(node, &mut literal);
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

    fn literal(&mut self, node: Node<'_>, into: &mut Literal) {
        let mut cursor = node.walk();
        let parts: Vec<Node<'_>> = node.children(&mut cursor).collect();
        let (Some(first), Some(last)) = (parts.first(), parts.last()) else {
            return;
        };
        if first.kind_name() != "string_start" {
            return;
        }
        let prefix = self.slice(*first).to_ascii_lowercase();
        let raw = prefix.contains('r');
        let formatted = prefix.contains('f') || prefix.contains('t');
        into.count += 1;
        into.is_bytes |= prefix.contains('b');
        let start = first.end_byte();
        let end = if last.kind_name() == "string_end" {
            last.start_byte()
        } else {
            node.end_byte()
        };
        let mut position = start;
        let mut unchanged = true;
        for part in &parts {
            if part.kind_name() != "interpolation" {
                continue;
            }
            unchanged = false;
            self.piece(position, part.start_byte(), raw, true, into);
            self.interpolation(*part, into);
            position = part.end_byte();
        }
        unchanged &= self.piece(position, end, raw, formatted, into);
        into.plain = (unchanged && !into.is_bytes && into.count == 1)
            .then(|| Span::new(start as u32, end as u32));
    }

    /// Decodes a part of a literal; whether it stayed as it stands.
    fn piece(
        &mut self,
        start: usize,
        end: usize,
        raw: bool,
        formatted: bool,
        into: &mut Literal,
    ) -> bool {
        let text = self.text.get(start..end).unwrap_or_default();
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

    fn interpolation(&mut self, node: Node<'_>, into: &mut Literal) {
        let Some(expression) = node.field("expression") else {
            into.text.push(HOLE);
            return;
        };
        // `{x=}` shows its own source first
        let mut cursor = node.walk();
        if let Some(equals) = node
            .children(&mut cursor)
            .find(|child| child.kind_name() == "=")
        {
            let source = self
                .text
                .get(expression.start_byte()..equals.end_byte())
                .unwrap_or_default();
            into.text.push_str(source);
        }
        let conversion = node
            .field("type_conversion")
            .and_then(|node| self.slice(node).chars().nth(1));
        let format = node
            .field("format_specifier")
            .map(|node| self.format_specifier(node))
            .unwrap_or_default();
        let value = self.expression(expression);
        into.flush();
        into.parts.push(Part::Value {
            value,
            conversion,
            format,
        });
    }

    fn format_specifier(&mut self, node: Node<'_>) -> Vec<Part> {
        let mut parts = Vec::new();
        // the specifier begins with its colon
        let mut position = node.start_byte() + 1;
        if !self.enter(node) {
            return parts;
        }
        for child in children(node) {
            if !matches!(child.kind_name(), "format_expression" | "interpolation") {
                continue;
            }
            if let Some(text) = self.text.get(position..child.start_byte())
                && !text.is_empty()
            {
                parts.push(Part::Text(text.into()));
            }
            if let Some(expression) = child.field("expression") {
                let value = self.expression(expression);
                parts.push(Part::Value {
                    value,
                    conversion: None,
                    format: Vec::new(),
                });
            }
            position = child.end_byte();
        }
        self.depth -= 1;
        if let Some(text) = self.text.get(position..node.end_byte())
            && !text.is_empty()
        {
            parts.push(Part::Text(Arc::from(text)));
        }
        parts
    }
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
