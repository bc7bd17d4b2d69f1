//! Small pieces of PL/pgSQL text: names, literals, types, expressions; and the errors inside a block.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::statement::{Block, PlStatement};
use crate::postgres::{Expr, Statement};
use crate::sql::{lexer, read};
use crate::unknown::HOLE;

/// The first statement of a block that the parser refuses: the server compiles a whole body before it runs any of it.
pub(in crate::sql) fn syntax_error(block: &Block) -> Option<Arc<str>> {
    let mut found = None;
    block.each(&mut |statement| {
        if let PlStatement::Sql {
            statement: Statement::SyntaxError { message },
            ..
        } = statement
        {
            found.get_or_insert_with(|| message.clone());
        }
    });
    found
}

/// Whether a word is all hole: it may stand for any number of statements.
pub(super) fn is_hole(word: &str) -> bool {
    word.chars().all(|character| character == HOLE)
}

pub(super) fn starts_a_query(text: &str) -> bool {
    let first = lexer::next(text, 0).map_or("", |token| token.text(text));
    ["select", "with", "values", "("]
        .iter()
        .any(|word| first.eq_ignore_ascii_case(word))
}

/// An identifier as the server folds it.
pub(super) fn fold(text: &str) -> SmolStr {
    match text
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'))
    {
        Some(quoted) => quoted.replace("\"\"", "\"").into(),
        None => text.to_ascii_lowercase().into(),
    }
}

/// The content of a string literal; what is no literal stays as it is.
pub(super) fn literal(text: &str) -> SmolStr {
    let text = text.trim();
    if let Some((_, body)) = lexer::dollar_body(text) {
        return body.into();
    }
    let text = text.strip_prefix(['E', 'e']).unwrap_or(text);
    text.strip_prefix('\'')
        .and_then(|rest| rest.strip_suffix('\''))
        .map_or_else(|| text.into(), |body| body.replace("''", "'").into())
}

/// A declared type: canonical, or as written where it is PL/pgSQL's own (`t%ROWTYPE`).
pub(super) fn declared_type(text: &str) -> SmolStr {
    let plain = text.trim();
    if plain.contains('%') || plain.to_ascii_lowercase().contains("cursor") {
        return plain.to_ascii_lowercase().into();
    }
    read::type_text(plain).into()
}

/// An expression of PL/pgSQL: `count(*) FROM t` is one too.
pub(super) fn expression(text: &str) -> Expr {
    read::plpgsql_expression(text)
}

/// `operand IN (values)`.
pub(super) fn one_of(operand: &Expr, values: Expr) -> Expr {
    let list = match values {
        Expr::Row(list) => list,
        other => vec![other],
    };
    Expr::In {
        value: Box::new(operand.clone()),
        list,
        negated: false,
    }
}
