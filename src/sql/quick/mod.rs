//! The commonest statements, read without PostgreSQL's parser: its tree comes as a message that is written and read node by
//! node, which takes several times as long as reading a `CREATE INDEX` by hand.
//!
//! In: the tokens of one statement without placeholders, and the text that they are of. Out: what `lower` makes of the parser's tree for it, or `None`: whatever
//! is not certain (another form, a keyword for a name, a character beyond ASCII outside of strings, a mistake) is left to
//! the parser. That both agree is tested on all statements of the examples and on thousands of mutilated ones, and asserted in
//! each build for working.

mod cursor;
mod expressions;
mod objects;
mod rows;
mod tables;
mod types;

use self::cursor::{Certain, Cursor};
use crate::postgres::{Expr, Statement};
use crate::sql::lexer::{self, Token};

/// Reads a statement, if it is one of the forms that are certain.
pub(super) fn statement(text: &str, tokens: &[Token]) -> Option<Statement> {
    let mut cursor = Cursor::new(text, tokens)?;
    let statement = any_statement(&mut cursor)?;
    cursor.is_at_end().then_some(statement)
}

/// Reads an expression, if it is of the forms that are certain.
pub(super) fn expression(text: &str) -> Option<Expr> {
    if text.contains("/*") {
        // it may be one that is never closed, which no token shows
        return None;
    }
    let tokens = lexer::tokens(text);
    let mut cursor = Cursor::new(text, &tokens)?;
    let expression = expressions::expression(&mut cursor)?;
    cursor.is_at_end().then_some(expression)
}

fn any_statement(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    if cursor.word("create") {
        return create(cursor);
    }
    if cursor.word("alter") {
        cursor.must("table")?;
        return tables::alter(cursor);
    }
    if cursor.word("insert") {
        return rows::insert(cursor);
    }
    if cursor.word("update") {
        return rows::update(cursor);
    }
    if cursor.word("delete") {
        return rows::delete(cursor);
    }
    if cursor.word("drop") {
        return tables::drop(cursor);
    }
    if cursor.word("comment") {
        return objects::comment(cursor);
    }
    objects::transaction(cursor)
}

fn create(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    if cursor.word("table") {
        return tables::create_table(cursor);
    }
    if cursor.word("unique") {
        cursor.must("index")?;
        return tables::create_index(cursor, true);
    }
    if cursor.word("index") {
        return tables::create_index(cursor, false);
    }
    if cursor.word("type") {
        return objects::create_enum(cursor);
    }
    let or_replace = cursor.words(&["or", "replace"])?;
    if cursor.word("trigger") {
        return objects::create_trigger(cursor, or_replace);
    }
    cursor.must("function")?;
    objects::create_function(cursor, or_replace)
}

#[cfg(test)]
mod tests;
