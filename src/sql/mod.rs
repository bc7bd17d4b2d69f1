//! SQL text to statements, through PostgreSQL's own parser (pg_query).
//!
//! In: text of one or more statements. Out: [`Parsed`] statements in order, each with its place in the text. One that
//! the parser refuses becomes [`Statement::SyntaxError`] and hides no other. Holes ([`crate::unknown::HOLE`]) may stand
//! where an identifier, a literal's content or an expression may stand.

use std::sync::{Arc, LazyLock, Mutex, MutexGuard, PoisonError};

use crate::postgres::statement::{Block, IndexElement};
use crate::postgres::{Expr, Statement, TypeName};
use crate::source::Span;

mod lexer;
mod lower;
mod partial;
mod placeholders;
mod plpgsql;
mod quick;
mod read;
mod remembered;
mod split;
mod template;

pub(crate) use lexer::{Token, TokenKind, tokens};
use remembered::Remembered;

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
    /// SQLAlchemy's `text()`: `:name`, by its rule `(?<![:\w\\]):(\w+)(?![:\w])`, quotes notwithstanding; `\:` is a colon.
    Named,
    /// psycopg's `%s`, `%(name)s`; `%%` is a percent sign.
    Format,
    /// A file's: what templating tools, psql and drivers fill in (`template.rs`), and psql's commands anywhere.
    Template,
}

/// Bytes of text that parses are remembered for: past it, all are forgotten.
const CACHE_BYTES: usize = 4 << 20;

/// The same for the expressions and types that operations are given as text: the same few, four times a revision.
const SNIPPET_BYTES: usize = 256 << 10;

/// What is remembered is so for all threads: the first run of a revision is on one, its other three mostly on another.
type Shared<K, V> = LazyLock<Mutex<Remembered<K, V>>>;

static PARSES: Shared<(Placeholders, Arc<str>), Arc<[Parsed]>> =
    LazyLock::new(|| Mutex::new(Remembered::new(CACHE_BYTES)));
static EXPRESSIONS: Shared<Box<str>, Expr> =
    LazyLock::new(|| Mutex::new(Remembered::new(SNIPPET_BYTES)));
static TYPES: Shared<Box<str>, TypeName> =
    LazyLock::new(|| Mutex::new(Remembered::new(SNIPPET_BYTES)));

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What a snippet reads as: equal texts are read once.
fn snippet<T: Clone>(
    known: &Mutex<Remembered<Box<str>, T>>,
    text: &str,
    read: impl FnOnce(&str) -> T,
) -> T {
    if let Some(found) = locked(known).get(text) {
        return found;
    }
    let found = read(text);
    locked(known).insert(text.into(), found.clone(), text.len());
    found
}

/// The names of SQLAlchemy's bind parameters in a text, in order of appearance, each once. One that stands inside a
/// string literal is a parameter too, as it is for SQLAlchemy.
pub fn named_parameters(text: &str) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for placeholder in placeholders::find(text, Placeholders::Named, 1) {
        if let Some(name) = placeholder.name
            && !names.iter().any(|known| *known == name)
        {
            names.push(name.to_string());
        }
    }
    names
}

/// Reads a text; equal texts are read once.
pub fn parse(text: &str, placeholders: Placeholders) -> Arc<[Parsed]> {
    let key = (placeholders, Arc::<str>::from(text));
    if let Some(known) = locked(&PARSES).get(&key) {
        return known;
    }
    let parsed: Arc<[Parsed]> = read::statements(text, placeholders).into();
    locked(&PARSES).insert(key, parsed.clone(), text.len());
    parsed
}

/// Reads a text that is not met again: nothing is remembered of it.
pub fn parse_once(text: &str, placeholders: Placeholders) -> Vec<Parsed> {
    read::statements(text, placeholders)
}

/// Reads a file. What psql takes for itself is [`Statement::Other`] with a tag that begins with a backslash.
pub fn parse_file(text: &str) -> Vec<Parsed> {
    read::statements(text, Placeholders::Template)
}

/// The tokens of a text that are no strings and no quoted names.
pub fn outside_of_strings(text: &str) -> impl Iterator<Item = &str> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let token = lexer::next(text, at)?;
        at = token.end;
        Some(token)
    })
    .filter(|token| {
        !matches!(
            token.kind,
            lexer::TokenKind::String | lexer::TokenKind::Quoted
        )
    })
    .map(|token| token.text(text))
}

/// The statements of a text without placeholders: what EXECUTE in PL/pgSQL runs
/// (a [`crate::postgres::session::Parser`]).
pub fn statements(text: &str) -> Vec<Statement> {
    parse(text, Placeholders::None)
        .iter()
        .map(|parsed| parsed.statement.clone())
        .collect()
}

/// Reads one expression: a default, a CHECK condition, a predicate. What is none gives [`Expr::Unknown`].
pub fn parse_expression(text: &str) -> Expr {
    snippet(&EXPRESSIONS, text, read::expression)
}

/// Reads the body of a PL/pgSQL function or DO; one that can't be read says why in the block.
pub fn parse_block(text: &str) -> Block {
    plpgsql::block(text)
}

/// Reads one element of an index as CREATE INDEX has it: `lower(name) text_ops DESC`.
pub fn parse_index_element(text: &str) -> Option<IndexElement> {
    read::index_element(text)
}

/// Reads a type's text, such as `VARCHAR(50)`, `timestamp with time zone` or `geometry(POINT,4326)`; what the grammar
/// refuses is a type of that name.
pub fn parse_type(text: &str) -> TypeName {
    snippet(&TYPES, text, read::type_name)
}

#[cfg(test)]
mod tests;
