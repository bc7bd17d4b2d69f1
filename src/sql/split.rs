//! A text into its statements, each with its bytes.
//!
//! Everything that is neither blank nor comment belongs to exactly one piece. A semicolon ends a statement unless it
//! stands in a string, between the parentheses of CREATE RULE or in a BEGIN ATOMIC body; in a broken statement with an
//! unclosed parenthesis it still does, so that the next statement is seen.

use super::lexer::{self, Token, TokenKind};

/// One statement of a text: byte offsets, without semicolon.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Piece {
    pub(crate) start: usize,
    pub(crate) end: usize,
    /// End of what is SQL: rows of a COPY are not.
    pub(crate) sql_end: usize,
    /// How many tokens it has: a bound of how deeply it nests.
    pub(crate) tokens: usize,
    /// A line for psql (`\connect`), which no server sees.
    pub(crate) meta_command: bool,
}

/// The statements of a text, in order.
#[cfg(test)]
pub(crate) fn split(text: &str) -> Vec<Piece> {
    let mut found = Vec::new();
    each(text, &mut |piece, _| found.push(piece));
    found
}

/// Shows each statement of a text, in order, with its tokens: none where more belongs to it than they.
pub(crate) fn each(text: &str, visit: &mut dyn FnMut(Piece, &[Token])) {
    let open = pieces(text, 0, false, visit).tokens;
    if let Some(mut last) = piece_of(&open) {
        // a comment that is never closed is refused with the statement before it
        let behind = &text[last.end..];
        if behind.contains("/*") && lexer::unclosed_at_end(behind).is_some() {
            last.end = text.len();
            last.sql_end = last.end;
            visit(last, &[]);
        } else {
            visit(last, &open);
        }
    }
}

/// The same of a file: psql's commands end a statement too (`\gexec`), and a quote or a comment that is never closed hides only
/// what stands before the next line that begins as a statement does.
pub(crate) fn each_in_file(text: &str, visit: &mut dyn FnMut(Piece, &[Token])) {
    let mut from = 0;
    for _ in 0..MAX_RESUMED {
        let open = pieces(text, from, true, visit);
        let last = piece_of(&open.tokens);
        // the last token may be what is not closed, else a comment behind it
        let look = match last {
            Some(last) if last.end == text.len() => last.start,
            _ => open.end,
        };
        let Some(at) = lexer::unclosed_at_end(&text[look..]).map(|at| look + at) else {
            if let Some(last) = last {
                visit(last, &open.tokens);
            }
            return;
        };
        let resume = next_head(text, at);
        let end = text[..resume.unwrap_or(text.len())].trim_end().len();
        let alone = Piece {
            start: at,
            end,
            sql_end: end,
            tokens: 1,
            meta_command: false,
        };
        match last {
            Some(last) if last.end >= at => visit(
                Piece {
                    start: last.start,
                    tokens: last.tokens,
                    ..alone
                },
                &[],
            ),
            last => {
                if let Some(last) = last {
                    visit(last, &open.tokens);
                }
                visit(alone, &[]);
            }
        }
        match resume {
            Some(at) => from = at,
            None => return,
        }
    }
}

/// How many unclosed quotes of a file are gone past.
const MAX_RESUMED: usize = 8;

/// The next line behind an offset that begins as a statement does.
fn next_head(text: &str, at: usize) -> Option<usize> {
    let mut start = at;
    loop {
        start = line_end(text, start) + 1;
        let line = text.get(start..)?;
        let word = line
            .find(|c: char| !c.is_ascii_alphabetic())
            .map_or(line, |end| &line[..end]);
        if HEADS.iter().any(|head| word.eq_ignore_ascii_case(head)) {
            return Some(start);
        }
    }
}

/// Words that begin a statement and, at the beginning of a line, hardly anything else.
const HEADS: [&str; 13] = [
    "alter", "begin", "comment", "commit", "create", "delete", "do", "drop", "grant", "insert",
    "revoke", "truncate", "update",
];

/// A piece cut where a line begins as a statement does.
pub(crate) fn at_statement_heads(text: &str, piece: Piece) -> Vec<Piece> {
    let mut parts: Vec<Piece> = Vec::new();
    let mut at = piece.start;
    while let Some(token) = lexer::next(text, at).filter(|token| token.start < piece.end) {
        at = token.end;
        let line = text[..token.start].rfind('\n').map_or(0, |end| end + 1);
        let begins_line = text[line..token.start].trim().is_empty();
        let is_head = HEADS.iter().any(|head| token.is_word(text, head));
        match parts.last_mut() {
            Some(part) if !(is_head && begins_line) => {
                part.end = token.end.min(piece.end);
                part.sql_end = part.end;
                part.tokens += 1;
            }
            _ => parts.push(Piece {
                start: token.start,
                end: token.end.min(piece.end),
                sql_end: token.end.min(piece.end),
                tokens: 1,
                meta_command: false,
            }),
        }
    }
    parts
}

/// What no semicolon ends.
struct Open {
    tokens: Vec<Token>,
    /// Where the text's last token ends.
    end: usize,
}

/// Shows each statement behind an offset that a semicolon or a command of psql's ends.
fn pieces(text: &str, from: usize, is_file: bool, visit: &mut dyn FnMut(Piece, &[Token])) -> Open {
    let mut current: Vec<Token> = Vec::new();
    let mut nesting = Nesting::default();
    let mut at = from;
    while let Some(token) = lexer::next(text, at) {
        at = token.end;
        if (current.is_empty() || is_file) && token.text(text) == "\\" {
            if let Some(piece) = piece_of(&current) {
                visit(piece, &current);
            }
            current.clear();
            nesting = Nesting::default();
            at = line_end(text, token.start);
            let command = text[token.start..at].to_ascii_lowercase();
            if command.starts_with("\\copy")
                && command.contains("from stdin")
                && let Some(end) = rows_end(text, at)
            {
                // rows of psql's own COPY
                at = end;
            }
            let end = text[..at].trim_end().len();
            let command = Piece {
                start: token.start,
                end,
                sql_end: end,
                tokens: 1,
                meta_command: true,
            };
            visit(command, &[]);
        } else if token.is(text, ";") && nesting.ends_statement() {
            if let Some(mut piece) = piece_of(&current) {
                if let Some(end) = copy_data_end(text, &current, token.end) {
                    // rows of COPY FROM STDIN in a dump belong to the statement
                    piece.end = end;
                    at = end;
                }
                visit(piece, &current);
            }
            current.clear();
            nesting = Nesting::default();
        } else {
            nesting.read(text, &current, token);
            current.push(token);
        }
    }
    Open {
        tokens: current,
        end: at,
    }
}

fn piece_of(tokens: &[Token]) -> Option<Piece> {
    let (first, last) = (tokens.first()?, tokens.last()?);
    Some(Piece {
        start: first.start,
        end: last.end,
        sql_end: last.end,
        tokens: tokens.len(),
        meta_command: false,
    })
}

/// What a semicolon may stand in without ending the statement.
#[derive(Default)]
struct Nesting {
    /// Only counted in CREATE RULE.
    parentheses: usize,
    /// BEGIN ATOMIC and the CASEs in it.
    blocks: usize,
    kind: Kind,
}

#[derive(Clone, Copy, Default, PartialEq, Eq)]
enum Kind {
    #[default]
    Unknown,
    Plain,
    Rule,
    Routine,
}

impl Nesting {
    fn ends_statement(&self) -> bool {
        self.parentheses == 0 && self.blocks == 0
    }

    fn read(&mut self, text: &str, before: &[Token], token: Token) {
        if self.kind == Kind::Unknown {
            self.kind = kind(text, before, token);
        }
        match self.kind {
            Kind::Rule if token.is(text, "(") => self.parentheses += 1,
            Kind::Rule if token.is(text, ")") => {
                self.parentheses = self.parentheses.saturating_sub(1);
            }
            Kind::Routine
                if token.is_word(text, "atomic")
                    && before
                        .last()
                        .is_some_and(|last| last.is_word(text, "begin")) =>
            {
                self.blocks += 1;
            }
            Kind::Routine if self.blocks > 0 && token.is_word(text, "case") => self.blocks += 1,
            Kind::Routine if token.is_word(text, "end") => {
                self.blocks = self.blocks.saturating_sub(1);
            }
            _ => {}
        }
    }
}

/// Decided by the first words: `CREATE [OR REPLACE] RULE | FUNCTION | PROCEDURE`.
fn kind(text: &str, before: &[Token], token: Token) -> Kind {
    let Some(first) = before.first() else {
        return if token.is_word(text, "create") {
            Kind::Unknown
        } else {
            Kind::Plain
        };
    };
    if !first.is_word(text, "create") {
        return Kind::Plain;
    }
    if token.is_word(text, "or") || token.is_word(text, "replace") {
        return Kind::Unknown;
    }
    if token.is_word(text, "rule") {
        return Kind::Rule;
    }
    if token.is_word(text, "function") || token.is_word(text, "procedure") {
        return Kind::Routine;
    }
    Kind::Plain
}

fn line_end(text: &str, start: usize) -> usize {
    text[start..]
        .find('\n')
        .map_or(text.len(), |offset| start + offset)
}

/// Where the rows after `COPY ... FROM STDIN;` end, if rows follow up to a line `\.`.
fn copy_data_end(text: &str, statement: &[Token], after: usize) -> Option<usize> {
    if !statement.first()?.is_word(text, "copy") {
        return None;
    }
    statement
        .windows(2)
        .find(|pair| pair[0].is_word(text, "from") && pair[1].is_word(text, "stdin"))?;
    rows_end(text, line_end(text, after))
}

/// The end of the line `\.` behind a line's end.
fn rows_end(text: &str, line_end_before: usize) -> Option<usize> {
    let mut start = line_end_before;
    while start < text.len() {
        let end = line_end(text, start + 1);
        if text[start..end].trim() == "\\." {
            return Some(end);
        }
        start = end;
    }
    None
}

/// Whether a byte offset stands inside a string of the text.
pub(crate) fn in_string(tokens: &[Token], offset: usize) -> bool {
    let next = tokens.partition_point(|token| token.start <= offset);
    next.checked_sub(1)
        .and_then(|index| tokens.get(index))
        .is_some_and(|token| token.kind == TokenKind::String && offset < token.end)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cut(text: &str) -> Vec<&str> {
        split(text)
            .iter()
            .map(|piece| &text[piece.start..piece.end])
            .collect()
    }

    #[test]
    fn nothing_is_lost() {
        assert_eq!(
            cut("SELECT 1;\nSELEC 2;\n-- c\nSELECT 3;;\n"),
            ["SELECT 1", "SELEC 2", "SELECT 3"]
        );
        assert_eq!(
            cut("-- a\nselect 'x;' /* ; */; 'oops; b"),
            ["select 'x;'", "'oops; b"]
        );
        assert_eq!(cut(" -- only\n /* c */ ;"), [""; 0]);
    }

    #[test]
    fn a_broken_statement_hides_no_other() {
        assert_eq!(
            cut("CREATE TABLE t (a int; SELECT 1"),
            ["CREATE TABLE t (a int", "SELECT 1"]
        );
    }

    #[test]
    fn bodies_stay_whole() {
        let function = "create or replace function f() returns int begin atomic \
                        select case when true then 1 end; select 2; end";
        assert_eq!(
            cut(&format!("{function}; select 3")),
            [function, "select 3"]
        );
        let rule = "create rule r as on delete to t do also (select 1; select 2)";
        assert_eq!(
            cut(&format!("{rule};begin; commit")),
            [rule, "begin", "commit"]
        );
        let block = "do $$ begin perform 1; end $$";
        assert_eq!(cut(&format!("{block} ; select 3")), [block, "select 3"]);
    }

    #[test]
    fn dumps_with_rows_and_psql_lines() {
        assert_eq!(
            cut("\\connect x\ncopy t from stdin;\n1\tit's\n\\.\nselect 1;"),
            [
                "\\connect x",
                "copy t from stdin;\n1\tit's\n\\.",
                "select 1"
            ]
        );
    }
}
