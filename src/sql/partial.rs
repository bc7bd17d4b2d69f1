//! Statements with a hole where the grammar has no place for any name: what of them can be read all the same.
//!
//! With a hole outside of literals the text is not known, so a refusal may not be the server's. A hole may stand for a
//! literal (`ENUM ({?})`); else the head of the statement says what it is about.

use super::lexer::{self, Token, TokenKind};
use super::read;
use crate::postgres::Statement;
use crate::unknown::{self, HOLE};

/// Whether a hole stands where it could be any text: not inside a string or a quoted identifier.
pub(super) fn has_open_hole(statement: &str) -> bool {
    lexer::tokens(statement)
        .iter()
        .filter(|token| !matches!(token.kind, TokenKind::String | TokenKind::Quoted))
        .any(|token| {
            let text = token.text(statement);
            unknown::has_hole(text) || unknown::is_fresh(text)
        })
}

/// What can be read of a statement that the parser refuses for its holes.
pub(super) fn read(statement: &str) -> Vec<Statement> {
    if let Some(known) = read::single(with_literals(statement)) {
        return vec![known];
    }
    let why = "a part of the statement is not known".into();
    vec![match head(statement).and_then(read::single) {
        Some(head) => Statement::Partial {
            head: Box::new(head),
            why,
        },
        None => Statement::Unreadable {
            data: changes_rows(statement),
            why,
        },
    }]
}

/// Whether a statement is one that changes or reads rows alone, by its first word.
pub(super) fn changes_rows(statement: &str) -> bool {
    let first = lexer::next(statement, 0);
    let verbs = [
        "select", "insert", "update", "delete", "merge", "values", "copy",
    ];
    first.is_some_and(|word| verbs.iter().any(|verb| word.is_word(statement, verb)))
}

/// The statement with a literal in place of each word that is all hole.
fn with_literals(statement: &str) -> String {
    let mut made = String::with_capacity(statement.len() + 16);
    let mut at = 0;
    for token in lexer::tokens(statement) {
        let text = token.text(statement);
        if token.kind == TokenKind::Word && text.chars().all(|character| character == HOLE) {
            made.push_str(statement.get(at..token.start).unwrap_or_default());
            made.extend(['\'', HOLE, '\'']);
            at = token.end;
        }
    }
    made.push_str(statement.get(at..).unwrap_or_default());
    made
}

/// The shortest statement that begins as this one does, up to the name of what it is about.
fn head(statement: &str) -> Option<String> {
    let tokens = lexer::tokens(statement);
    let mut words = tokens.iter().copied().peekable();
    let is = |token: &Token, all: &[&str]| all.iter().any(|word| token.is_word(statement, word));
    let verb = words.next()?;
    let mut kind = words.next()?;
    while is(&kind, MODIFIERS) {
        kind = words.next()?;
    }
    while words.next_if(|token| is(token, BEFORE_NAME)).is_some() {}
    let mut name = words.next()?;
    while words.next_if(|token| token.is(statement, ".")).is_some() {
        name = words.next()?;
    }
    let text = statement.get(..name.end)?;
    if has_open_hole(text) || unknown::has_hole(text) {
        return None;
    }
    let rest = if is(&verb, &["create"]) {
        match kind.text(statement).to_ascii_lowercase().as_str() {
            "table" => " ()",
            "type" => &format!(" AS ENUM ('{HOLE}')"),
            "view" => " AS SELECT",
            "sequence" | "schema" | "extension" => "",
            _ => return None,
        }
    } else if is(&verb, &["alter"]) && is(&kind, &["table"]) {
        " SET (fillfactor = 100)"
    } else if is(&verb, &["drop"]) {
        ""
    } else {
        return None;
    };
    Some(format!("{text}{rest}"))
}

/// Words between the verb and the kind.
const MODIFIERS: &[&str] = &[
    "or",
    "replace",
    "global",
    "local",
    "temp",
    "temporary",
    "unlogged",
    "recursive",
    "materialized",
];

/// Words between the kind and the name.
const BEFORE_NAME: &[&str] = &["concurrently", "if", "not", "exists", "only"];
