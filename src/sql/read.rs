//! From text to the parser's tree and on to statements: refusals, holes, stack. The commonest forms need no tree (`quick`).
//!
//! A statement with many tokens is read on a thread with a large stack of its own, since the tree's decoder recurses
//! as deeply as the text nests; what comes out is bounded in depth.

use std::sync::Arc;

use pg_query::protobuf::RawStmt;
use smol_str::SmolStr;

use super::lexer::{self, Token, TokenKind};
use super::lower::{self, Context};
use super::partial::{self, has_open_hole};
use super::placeholders::{self, Form, Placeholder, Readable};
use super::split::{self, Piece};
use super::{Parsed, Placeholders, quick, template};
use crate::limits::Limit;
use crate::postgres::expression::QueryBody;
use crate::postgres::statement::{CreateIndex, IndexElement};
use crate::postgres::{Expr, Statement, TypeName};
use crate::source::Span;
use crate::timings::{Phase, measure};

/// Past this many tokens a text might nest deeper than a default thread's 2 MiB can hold (about 900 levels do not fit).
const TOKENS_ON_SMALL_STACK: usize = 400;

/// A refused statement of more tokens is not looked through for others.
const MAX_RECOVERED: usize = 20_000;

/// Enough for 20,000 levels, more than the parser itself accepts; what is not touched takes no memory. How much a level takes
/// is the compiler's choice: a build for working needed more than 64 MiB for 3,000 levels of `CASE` one day.
const LARGE_STACK: usize = 256 << 20;

/// Why the parser gave no tree.
enum Refusal {
    /// The server would refuse it too.
    Syntax(String),
    /// It can't be said what the server would do.
    Unreadable(Arc<str>),
}

/// All statements of a text.
pub(super) fn statements(text: &str, style: Placeholders) -> Vec<Parsed> {
    let found = placeholders::find(text, style, 1);
    let is_file = style == Placeholders::Template;
    let most = Limit::Statements.count();
    let mut parsed: Vec<Parsed> = Vec::new();
    let mut is_full = false;
    let mut next = 0;
    let mut read = |piece: Piece, tokens: &[Token]| {
        if parsed.len() >= most {
            if !std::mem::replace(&mut is_full, true) {
                parsed.push(Parsed {
                    statement: Statement::Unreadable {
                        why: Limit::Statements.met().into(),
                        data: false,
                    },
                    span: Span::new(piece.start as u32, text.len() as u32),
                });
            }
            return;
        }
        next += found[next..].partition_point(|placeholder| placeholder.start < piece.start);
        let behind = found[next..].partition_point(|placeholder| placeholder.end <= piece.end);
        let own = &found[next..next + behind];
        next += behind;
        match read_piece(text, piece, tokens, style, own) {
            Ok(statements) => {
                let span = Span::new(piece.start as u32, piece.end as u32);
                let all = statements.into_iter();
                parsed.extend(all.map(|statement| Parsed { statement, span }));
            }
            Err(refused) if is_file && !piece.meta_command => {
                parsed.extend(recovered(text, piece, own, *refused));
            }
            Err(statement) => {
                let span = Span::new(piece.start as u32, piece.end as u32);
                parsed.push(Parsed {
                    statement: *statement,
                    span,
                });
            }
        }
    };
    if is_file && !found.is_empty() {
        split::each_in_file(&template::masked(text, &found), &mut read);
    } else if is_file {
        split::each_in_file(text, &mut read);
    } else {
        split::each(text, &mut read);
    }
    parsed.shrink_to_fit();
    parsed
}

/// A statement that was refused may be several, one of which lacks its semicolon (or a quote that should end it): what
/// begins a line as a statement does, and can be read, is read. What can't be is one refusal.
fn recovered(text: &str, piece: Piece, own: &[Placeholder], refused: Statement) -> Vec<Parsed> {
    let span = |piece: Piece| Span::new(piece.start as u32, piece.end as u32);
    let whole = |statement| {
        vec![Parsed {
            statement,
            span: span(piece),
        }]
    };
    if piece.tokens > MAX_RECOVERED || !matches!(refused, Statement::SyntaxError { .. }) {
        return whole(refused);
    }
    let parts = split::at_statement_heads(text, piece);
    if parts.len() < 2 {
        return whole(refused);
    }
    let mut found: Vec<Parsed> = Vec::new();
    let mut last_failed = false;
    let mut any = false;
    for part in parts {
        let within: Vec<Placeholder> = own
            .iter()
            .filter(|hole| hole.start >= part.start && hole.end <= part.end)
            .cloned()
            .collect();
        match read_piece(text, part, &[], Placeholders::Template, &within) {
            Ok(statements) => {
                any = true;
                last_failed = false;
                found.extend(statements.into_iter().map(|statement| Parsed {
                    statement,
                    span: span(part),
                }));
            }
            // what follows a part that failed may be its rest
            Err(_) if last_failed => {
                if let Some(last) = found.last_mut() {
                    last.span.end = part.end as u32;
                }
            }
            Err(statement) => {
                last_failed = true;
                found.push(Parsed {
                    statement: *statement,
                    span: span(part),
                });
            }
        }
    }
    if !any {
        return whole(refused);
    }
    let told = |parsed: &Parsed| matches!(parsed.statement, Statement::SyntaxError { .. });
    if !found.iter().any(told)
        && let Some(first) = found.first()
    {
        // each is well formed: the semicolon between them is what is missing
        let span = first.span;
        found.insert(
            1,
            Parsed {
                statement: Statement::SyntaxError {
                    message: "no semicolon ends the statement, and the next begins".into(),
                },
                span,
            },
        );
    }
    found
}

/// The statements of a piece; `tokens` are its own, where it is nothing but them.
fn read_piece(
    text: &str,
    piece: Piece,
    tokens: &[Token],
    style: Placeholders,
    placeholders: &[Placeholder],
) -> Result<Vec<Statement>, Box<Statement>> {
    let statement = text.get(piece.start..piece.sql_end).unwrap_or_default();
    if piece.meta_command && matches!(style, Placeholders::None | Placeholders::Template) {
        let tag = statement.split_whitespace().next().unwrap_or_default();
        return Ok(vec![Statement::Other {
            tag: SmolStr::new(tag),
            object: None,
        }]);
    }
    if placeholders.is_empty()
        && piece.tokens <= Limit::Tokens.count()
        && let Some(known) = measure(Phase::Parse, || quick::statement(text, tokens))
    {
        // with debug assertions, each test and each fuzzed text asks the parser too
        debug_assert_eq!(
            single(statement.to_owned()).as_ref(),
            Some(&known),
            "{statement}"
        );
        return Ok(vec![known]);
    }
    let readable = placeholders::readable(statement, placeholders, piece.start, Form::Number);
    let refusal = match read(&readable, piece.tokens) {
        Ok(statements) => {
            let refused =
                |statement: &Statement| matches!(statement, Statement::SyntaxError { .. });
            let body_not_known = style == Placeholders::Template
                && statements.iter().any(refused)
                && has_hole_in_body(statement);
            return Ok(if body_not_known {
                vec![Statement::Unreadable {
                    why: "a part of the statement is not known".into(),
                    data: false,
                }]
            } else {
                statements
            });
        }
        Err(refusal) => refusal,
    };
    if !readable.parameters.is_empty() {
        let literal = placeholders::readable(statement, placeholders, piece.start, Form::Text);
        if let Ok(statements) = read(&literal, piece.tokens) {
            return Ok(statements);
        }
    }
    if matches!(refusal, Refusal::Syntax(_)) && has_open_hole(&readable.text) {
        return Ok(partial::read(&readable.text));
    }
    Err(Box::new(match refusal {
        Refusal::Unreadable(why) => Statement::Unreadable {
            data: partial::changes_rows(statement),
            why,
        },
        Refusal::Syntax(message) => {
            // the file's own text may have no hole where what is read in its place has one
            let holes = style == Placeholders::Template && !placeholders.is_empty();
            let shown = if holes { &readable.text } else { statement };
            syntax_error(shown, message, piece.tokens)
        }
    }))
}

/// Whether the body of a function has holes of its own: psql leaves them, a tool that fills in texts does not.
fn has_hole_in_body(statement: &str) -> bool {
    lexer::tokens(statement)
        .iter()
        .filter(|token| token.kind == TokenKind::String)
        .filter_map(|token| {
            let text = token.text(statement);
            let tag = text
                .find('$')
                .filter(|at| *at == 0)
                .and(text.get(1..)?.find('$'))?;
            text.get(tag + 2..text.len().checked_sub(tag + 2)?)
        })
        .any(|body| !template::find(body).is_empty())
}

/// What a refusal means.
fn syntax_error(statement: &str, message: String, tokens: usize) -> Statement {
    // the grammar has this form only to refuse it (0A000): the executor answers for it
    if message.contains("CREATE OR REPLACE CONSTRAINT TRIGGER")
        && let Some(trigger) = constraint_trigger(statement, tokens)
    {
        return trigger;
    }
    Statement::SyntaxError {
        message: message.into(),
    }
}

fn constraint_trigger(statement: &str, tokens: usize) -> Option<Statement> {
    let words = lexer::tokens(statement);
    let (or, replace) = (words.get(1)?, words.get(2)?);
    let text = format!(
        "{}{}",
        statement.get(..or.start)?,
        statement.get(replace.end..)?
    );
    let readable = Readable {
        text,
        parameters: Vec::new(),
    };
    match read(&readable, tokens).ok()?.pop()? {
        Statement::CreateTrigger(mut trigger) => {
            trigger.or_replace = true;
            Some(Statement::CreateTrigger(trigger))
        }
        _ => None,
    }
}

fn read(readable: &Readable, tokens: usize) -> Result<Vec<Statement>, Refusal> {
    // a tree takes about 400 bytes a token
    if tokens > Limit::Tokens.count() {
        return Err(Refusal::Unreadable(Limit::Tokens.met().into()));
    }
    with_stack(tokens, || {
        measure(Phase::Parse, || {
            let trees = trees(&readable.text)?;
            let context = Context::new(&readable.text, &readable.parameters);
            Ok(trees
                .iter()
                .map(|tree| lower::statement(&context, tree.stmt.as_deref()))
                .collect())
        })
    })
}

fn with_stack<T: Send>(
    tokens: usize,
    job: impl FnOnce() -> Result<T, Refusal> + Send,
) -> Result<T, Refusal> {
    if tokens <= TOKENS_ON_SMALL_STACK {
        return job();
    }
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(LARGE_STACK)
            .spawn_scoped(scope, job)
            .map_or_else(
                |_| {
                    Err(Refusal::Unreadable(
                        "no thread could be started to parse it".into(),
                    ))
                },
                // a failure of foreshot's own goes on to who tells of it
                |thread| {
                    thread
                        .join()
                        .unwrap_or_else(|panic| std::panic::resume_unwind(panic))
                },
            )
    })
}

fn trees(text: &str) -> Result<Vec<RawStmt>, Refusal> {
    match pg_query::parse(text, 0) {
        Ok(parsed) => Ok(parsed.protobuf.stmts),
        Err(pg_query::Error::Parse(message)) => Err(parser_refusal(message)),
        Err(pg_query::Error::Conversion(_)) => {
            Err(Refusal::Unreadable("it holds a NUL character".into()))
        }
        Err(error) => Err(Refusal::Unreadable(error.to_string().into())),
    }
}

/// The parser's own limits are not the server's: deep nesting is refused there at another depth.
fn parser_refusal(message: String) -> Refusal {
    let limit = ["stack depth", "memory exhausted", "nested too deeply"];
    if limit.iter().any(|part| message.contains(part)) {
        return Refusal::Unreadable(Limit::Nesting.met().into());
    }
    Refusal::Syntax(message)
}

/// One statement made around a snippet, lowered from the parser's tree.
pub(super) fn single(text: String) -> Option<Statement> {
    let tokens = lexer::tokens(&text).len();
    let readable = Readable {
        text,
        parameters: Vec::new(),
    };
    let mut statements = read(&readable, tokens).ok()?;
    (statements.len() == 1).then(|| statements.pop())?
}

/// See [`super::parse_expression`].
pub(super) fn expression(text: &str) -> Expr {
    common_expression(text).unwrap_or_else(|| expression_by_parser(text))
}

/// An expression that needs no tree.
fn common_expression(text: &str) -> Option<Expr> {
    // a text has no more tokens than bytes: past the bound the parser refuses it
    if text.len() > Limit::Tokens.count() {
        return None;
    }
    let known = measure(Phase::Parse, || quick::expression(text))?;
    debug_assert_eq!(expression_by_parser(text), known, "{text}");
    Some(known)
}

/// The same from the parser's tree.
pub(super) fn expression_by_parser(text: &str) -> Expr {
    let unreadable = || Expr::Unknown(SmolStr::new("an expression that could not be read"));
    // the newline ends a comment in the snippet
    let Some(Statement::Query(query)) = single(format!("SELECT {text}\n")) else {
        return unreadable();
    };
    lower::query::only_target(*query).unwrap_or_else(unreadable)
}

/// An expression of PL/pgSQL, which may go on as a query does: `count(*) FROM t WHERE x`.
pub(super) fn plpgsql_expression(text: &str) -> Expr {
    if let Some(known) = common_expression(text) {
        return known;
    }
    let unreadable = || Expr::Unknown(SmolStr::new("an expression that could not be read"));
    let Some(Statement::Query(query)) = single(format!("SELECT {text}\n")) else {
        return unreadable();
    };
    let is_value = matches!(
        &query.body,
        QueryBody::Select(select) if select.targets.len() == 1
    );
    match lower::query::only_target((*query).clone()) {
        Some(value) => value,
        None if is_value => Expr::Subquery(query),
        None => unreadable(),
    }
}

/// A text that should be one statement.
pub(super) fn one_statement(text: &str) -> Statement {
    let mut parsed = statements(text, Placeholders::None);
    match (parsed.len(), parsed.pop()) {
        (1, Some(only)) => only.statement,
        _ => Statement::Unreadable {
            why: "not one statement".into(),
            data: false,
        },
    }
}

/// A type's canonical text.
pub(super) fn type_text(text: &str) -> String {
    lower::type_text(&type_name(text))
}

/// See [`super::parse_index_element`].
pub(super) fn index_element(text: &str) -> Option<IndexElement> {
    match single(format!("CREATE INDEX ON t ({text}\n)"))? {
        Statement::CreateIndex(index) => {
            let CreateIndex { mut elements, .. } = *index;
            (elements.len() == 1).then(|| elements.pop())?
        }
        _ => None,
    }
}

/// See [`super::parse_type`].
pub(super) fn type_name(text: &str) -> TypeName {
    let mut types = types(&format!("CREATE TABLE t (c {text}\n)"));
    if types.len() == 1
        && let Some(found) = types.pop()
    {
        return found;
    }
    TypeName::new(&text.trim().to_lowercase())
}

fn types(text: &str) -> Vec<TypeName> {
    match single(text.to_owned()) {
        Some(Statement::CreateTable(table)) => table
            .columns
            .into_iter()
            .map(|column| column.type_name)
            .collect(),
        _ => Vec::new(),
    }
}
