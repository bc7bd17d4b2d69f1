//! SQL text to statements, through PostgreSQL's own parser (pg_query).
//!
//! In: text of one or more statements. Out: [`Parsed`] statements in order, each with its place in the text. One that
//! the parser refuses becomes [`Statement::SyntaxError`] and hides no other. Holes ([`crate::unknown::HOLE`]) may stand
//! where an identifier, a literal's content or an expression may stand.

use std::sync::Arc;

use crate::postgres::Statement;
use crate::source::Span;

/// A statement and its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Parsed {
    /// The statement.
    pub statement: Statement,
    /// Where it stands in the text, without its semicolon, leading comments or blanks.
    pub span: Span,
}

/// How parameters are written in the text.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Placeholders {
    /// None but PostgreSQL's own `$1`: plain files, `exec_driver_sql` without parameters.
    None,
    /// SQLAlchemy's `text()`: `:name`, by its rule `(?<![:\w\\]):(\w+)(?!:)`, quotes notwithstanding; `\:` is a colon.
    Named,
    /// psycopg's `%s`, `%(name)s`; `%%` is a percent sign.
    Format,
}

/// The names of SQLAlchemy's bind parameters in a text, in order of appearance, each once.
pub fn named_parameters(text: &str) -> Vec<String> {
    let _ = text;
    Vec::new()
}

/// Reads a text; equal texts are read once per thread.
pub fn parse(text: &str, placeholders: Placeholders) -> Arc<[Parsed]> {
    let _ = (text, placeholders);
    Arc::new([])
}
