//! Comments and statements of a file by a scan of its tokens: what stands in a string is no comment.
//!
//! A scan, not a parse: it needs no valid syntax and never fails.

use crate::source::{SourceFile, Span};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Language {
    Python,
    Sql,
}

/// A comment to the end of its line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Comment {
    /// From the comment sign to the end of the line.
    pub(crate) span: Span,
    pub(super) line: u32,
    /// Nothing else stands on its line.
    pub(super) alone: bool,
    /// A bracket is open, or a SQL statement not yet ended.
    pub(super) inside: bool,
    /// It is one of SQL in a string of Python.
    pub(super) in_string: bool,
}

#[derive(Debug, Default)]
pub(crate) struct Scanned {
    pub(crate) comments: Vec<Comment>,
    /// First and last line of each logical line (Python) or statement (SQL), in order.
    pub(crate) statements: Vec<(u32, u32)>,
}

struct Scanner<'a> {
    file: &'a SourceFile,
    bytes: &'a [u8],
    at: usize,
    scanned: Scanned,
    /// Offset of the first token of the statement that is open.
    open: Option<usize>,
    depth: u32,
}

pub(super) fn scan(file: &SourceFile, language: Language) -> Scanned {
    let text = file.text().clone();
    let mut scanner = Scanner {
        file,
        bytes: text.as_bytes(),
        at: 0,
        scanned: Scanned::default(),
        open: None,
        depth: 0,
    };
    match language {
        Language::Python => scanner.python(),
        Language::Sql => scanner.sql(),
    }
    scanner.close(scanner.bytes.len());
    scanner.scanned
}

impl Scanner<'_> {
    fn peek(&self, ahead: usize) -> u8 {
        self.bytes.get(self.at + ahead).copied().unwrap_or(0)
    }

    fn starts_with(&self, text: &[u8]) -> bool {
        self.bytes[self.at..].starts_with(text)
    }

    fn begin(&mut self) {
        if self.open.is_none() {
            self.open = Some(self.at);
        }
    }

    /// Ends the open statement, whose last token ends before `end`.
    fn close(&mut self, end: usize) {
        if let Some(start) = self.open.take() {
            let first = self.file.line(start as u32);
            let last = self.file.line((end.max(start + 1) - 1) as u32);
            self.scanned.statements.push((first, last));
        }
    }

    /// Reads a comment from here to the end of the line.
    fn comment(&mut self, inside: bool) {
        let start = self.at;
        while self.at < self.bytes.len() && !matches!(self.bytes[self.at], b'\n' | b'\r') {
            self.at += 1;
        }
        let line = self.file.line(start as u32);
        let line_start = self.file.line_start(line).unwrap_or(0) as usize;
        self.scanned.comments.push(Comment {
            span: Span::new(start as u32, self.at as u32),
            line,
            alone: self.bytes[line_start..start]
                .iter()
                .all(u8::is_ascii_whitespace),
            inside,
            in_string: false,
        });
    }

    /// The comments of SQL in a string of Python, as far as they speak to foreshot.
    fn comments_in_string(&mut self, start: usize) {
        let end = self.at.min(self.bytes.len());
        let text = &self.file.text()[start..end];
        if !text.contains("foreshot:") {
            return;
        }
        let mut from = start;
        for line in text.split_inclusive(['\n', '\r']) {
            if let Some(at) = line
                .find("--")
                .filter(|at| line[*at..].contains("foreshot:"))
            {
                let comment = line[at..].trim_end_matches(['\n', '\r', '"', '\'']);
                let begin = from + at;
                self.scanned.comments.push(Comment {
                    span: Span::new(begin as u32, (begin + comment.len()) as u32),
                    line: self.file.line(begin as u32),
                    alone: false,
                    inside: true,
                    in_string: true,
                });
            }
            from += line.len();
        }
    }

    fn python(&mut self) {
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'#' => self.comment(self.depth > 0),
                b'\n' | b'\r' => {
                    if self.depth == 0 {
                        self.close(self.at);
                    }
                    self.at += 1;
                }
                b' ' | b'\t' | b'\x0c' => self.at += 1,
                b'\\' => self.continuation(),
                b'\'' | b'"' => {
                    self.begin();
                    let formatted = self.formatted();
                    let start = self.at;
                    self.string(formatted, 0);
                    self.comments_in_string(start);
                }
                byte => {
                    self.begin();
                    match byte {
                        b'(' | b'[' | b'{' => self.depth += 1,
                        b')' | b']' | b'}' => self.depth = self.depth.saturating_sub(1),
                        _ => {}
                    }
                    self.at += 1;
                }
            }
        }
    }

    /// A backslash at the end of a line joins the next to it.
    fn continuation(&mut self) {
        self.begin();
        self.at += match (self.peek(1), self.peek(2)) {
            (b'\r', b'\n') => 3,
            (b'\n' | b'\r', _) => 2,
            _ => 1,
        };
    }

    /// Whether the letters before a quote make it an f-string.
    fn formatted(&self) -> bool {
        self.bytes[..self.at]
            .iter()
            .rev()
            .take(2)
            .take_while(|byte| byte.is_ascii_alphabetic())
            .any(|byte| matches!(byte, b'f' | b'F' | b't' | b'T'))
    }

    /// Skips a string from its first quote on; the fields of an f-string may hold strings in the same quotes.
    fn string(&mut self, formatted: bool, nesting: u32) {
        let quote = self.peek(0);
        let triple = self.peek(1) == quote && self.peek(2) == quote;
        self.at += if triple { 3 } else { 1 };
        while self.at < self.bytes.len() {
            let byte = self.peek(0);
            match byte {
                b'\\' => self.at += 2,
                b'\n' | b'\r' if !triple => return,
                b'{' if formatted && self.peek(1) == b'{' => self.at += 2,
                b'{' if formatted && nesting < 8 => self.field(triple, nesting),
                _ if byte == quote && !triple => {
                    self.at += 1;
                    return;
                }
                _ if byte == quote && self.peek(1) == quote && self.peek(2) == quote => {
                    self.at += 3;
                    return;
                }
                _ => self.at += 1,
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    /// Skips `{...}` of an f-string.
    fn field(&mut self, triple: bool, nesting: u32) {
        let mut depth = 0_u32;
        while self.at < self.bytes.len() {
            match self.peek(0) {
                b'{' | b'(' | b'[' => depth += 1,
                b'}' | b')' | b']' => {
                    depth = depth.saturating_sub(1);
                    if depth == 0 {
                        self.at += 1;
                        return;
                    }
                }
                b'\'' | b'"' => {
                    let formatted = self.formatted();
                    self.string(formatted, nesting + 1);
                    continue;
                }
                b'\n' | b'\r' if !triple => return,
                _ => {}
            }
            self.at += 1;
        }
    }

    fn sql(&mut self) {
        while self.at < self.bytes.len() {
            if self.starts_with(b"--") {
                self.comment(self.open.is_some());
            } else if self.starts_with(b"/*") {
                self.block_comment();
            } else {
                match self.peek(0) {
                    b' ' | b'\t' | b'\n' | b'\r' | b'\x0c' => self.at += 1,
                    b';' => {
                        self.begin();
                        self.at += 1;
                        self.close(self.at);
                    }
                    b'\'' => {
                        self.begin();
                        let escapes = self.at > 0 && matches!(self.bytes[self.at - 1], b'e' | b'E');
                        self.quoted(b'\'', escapes);
                    }
                    b'"' => {
                        self.begin();
                        self.quoted(b'"', false);
                    }
                    b'$' => {
                        self.begin();
                        self.dollar();
                    }
                    _ => {
                        self.begin();
                        self.at += 1;
                    }
                }
            }
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0_u32;
        while self.at < self.bytes.len() {
            if self.starts_with(b"/*") {
                depth += 1;
                self.at += 2;
            } else if self.starts_with(b"*/") {
                depth -= 1;
                self.at += 2;
                if depth == 0 {
                    return;
                }
            } else {
                self.at += 1;
            }
        }
    }

    fn quoted(&mut self, quote: u8, escapes: bool) {
        self.at += 1;
        while self.at < self.bytes.len() {
            let byte = self.peek(0);
            if escapes && byte == b'\\' {
                self.at += 2;
            } else if byte == quote {
                // a doubled quote ends one string and begins the next: the same in the end
                self.at += 1;
                return;
            } else {
                self.at += 1;
            }
        }
        self.at = self.at.min(self.bytes.len());
    }

    /// Skips `$tag$ ... $tag$`, or the dollar of a parameter.
    fn dollar(&mut self) {
        let rest = &self.bytes[self.at + 1..];
        let end = rest
            .iter()
            .position(|byte| !(byte.is_ascii_alphanumeric() || *byte == b'_' || *byte >= 0x80));
        let tagged =
            end.filter(|end| rest[*end] == b'$' && !rest.first().is_some_and(u8::is_ascii_digit));
        let inside_word = self.at > 0
            && (self.bytes[self.at - 1].is_ascii_alphanumeric() || self.bytes[self.at - 1] == b'_');
        let Some(end) = tagged.filter(|_| !inside_word) else {
            self.at += 1;
            return;
        };
        let tag = self.bytes[self.at..self.at + end + 2].to_vec();
        self.at += tag.len();
        while self.at < self.bytes.len() && !self.starts_with(&tag) {
            self.at += 1;
        }
        self.at = (self.at + tag.len()).min(self.bytes.len());
    }
}
