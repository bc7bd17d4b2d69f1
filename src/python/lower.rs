//! Makes the owned syntax tree from the tree of ruff's parser, which is dropped.
//!
//! In: a file's text. Out: a [`Module`]; what is no Python becomes an error and a hole. Recursion is bounded by
//! [`Limit::Nesting`]: deeper nodes become holes with an error. The parser goes on behind an error and may mis-scope what
//! follows, so a function that ends behind the first error is marked broken.
//!
//! ruff's parser makes a typed tree, so nothing is looked up by name: with it 2,500 revisions are read in an eighth of the time that
//! tree-sitter and the walk over its nodes took (measured), and all of `check` takes 40 % less CPU.

mod expressions;
mod statements;
mod strings;

use ruff_python_ast::PySourceType;
use ruff_python_ast::token::{TokenKind, Tokens};
use ruff_python_parser::{Mode, ParseError, lexer, parse_unchecked_source};
use ruff_text_size::{Ranged, TextRange, TextSize};
use smol_str::SmolStr;

use super::syntax::{
    Comment, Expression, ExpressionId, ExpressionKind, FunctionDefinition, FunctionId, Module,
    SyntaxError,
};
use crate::limits::Limit;
use crate::source::{FileId, Span};

/// More errors than this say nothing new.
const ERRORS: usize = 20;

/// Brackets and operators in each other that the parser is asked to follow: it takes about two kilobytes of stack for each,
/// and makes its stack grow.
const DEEPEST: usize = 50_000;

/// About how many tokens a text has: words, and signs that are no blanks. Those in texts and comments are counted too.
fn tokens(text: &str) -> u64 {
    let most = Limit::ModuleTokens.get();
    // bytes bound tokens from above: most files are short
    if text.len() as u64 <= most {
        return 0;
    }
    let mut count = 0;
    let mut inside = false;
    for byte in text.bytes() {
        let word = byte.is_ascii_alphanumeric() || byte == b'_' || !byte.is_ascii();
        count += u64::from((word && !inside) || !(word || byte.is_ascii_whitespace()));
        inside = word;
    }
    count
}

/// Whether an expression may nest deeper than the parser is asked to follow. Each token of it might be an operator or a
/// bracket, those behind a comma nest as deeply as the bracket around them.
fn is_too_deep(text: &str) -> bool {
    // bytes bound depth from above: most files are short
    if text.len() <= DEEPEST {
        return false;
    }
    let mut lexer = lexer::lex(text, Mode::Module);
    let mut outer = Vec::new();
    let mut depth = 0;
    loop {
        match lexer.next_token() {
            TokenKind::EndOfFile => return false,
            TokenKind::Lpar | TokenKind::Lsqb | TokenKind::Lbrace => {
                depth += 1;
                outer.push(depth);
            }
            TokenKind::Rpar | TokenKind::Rsqb | TokenKind::Rbrace => {
                depth = outer.pop().unwrap_or_default();
            }
            TokenKind::Comma | TokenKind::Newline | TokenKind::Semi => {
                depth = outer.last().copied().unwrap_or_default();
            }
            TokenKind::String | TokenKind::Comment | TokenKind::NonLogicalNewline => {}
            _ => depth += 1,
        }
        if depth > DEEPEST {
            return true;
        }
    }
}

/// The bound that keeps a text from being parsed.
fn unparsed(text: &str) -> Option<Limit> {
    if tokens(text) > Limit::ModuleTokens.get() {
        return Some(Limit::ModuleTokens);
    }
    is_too_deep(text).then_some(Limit::Nesting)
}

/// Parses a file; never fails: what is no Python becomes an error and a hole.
pub fn parse(file: FileId, text: &str) -> Module {
    let mut module = Module {
        file,
        errors: Vec::new(),
        expressions: Vec::with_capacity(text.len() / 12),
        functions: Vec::new(),
        body: Vec::new(),
        comments: Vec::new(),
    };
    if let Some(limit) = unparsed(text) {
        module.errors.push(SyntaxError {
            span: Span::new(0, text.find('\n').unwrap_or(text.len()) as u32),
            message: limit.met(),
        });
        return module;
    }
    let parsed = parse_unchecked_source(text, PySourceType::Python);
    let mut lowerer = Lowerer {
        text,
        tokens: parsed.tokens(),
        failed: parsed.errors(),
        module,
        depth: 0,
        nesting: Limit::Nesting.get(),
        functions: Vec::new(),
        end: 0,
    };
    lowerer.comments();
    for error in parsed.errors() {
        lowerer.error(span(error.location), &message(error));
    }
    lowerer.module.body = lowerer.block(parsed.suite());
    let mut module = lowerer.module;
    // kept as long as the analysis runs
    module.expressions.shrink_to_fit();
    module.functions.shrink_to_fit();
    module.comments.shrink_to_fit();
    module.errors.sort_by_key(|error| error.span);
    if let Some(first) = module.errors.first() {
        let start = first.span.start;
        for function in &mut module.functions {
            // one that an error ends stands before it: a bracket that stays open is told where the line ends
            function.broken = function.span.end >= start;
        }
    }
    module
}

/// What is wrong, as our messages begin: in lower case, but for names.
fn message(error: &ParseError) -> String {
    let text = error.error.to_string();
    let mut characters = text.chars();
    match (characters.next(), characters.clone().next()) {
        (Some(first), Some(second)) if second.is_lowercase() => {
            first.to_lowercase().chain(characters).collect()
        }
        _ => text,
    }
}

/// What is collected of the function that is being lowered.
#[derive(Default)]
struct FunctionFacts {
    generator: bool,
    globals: Vec<SmolStr>,
    nonlocals: Vec<SmolStr>,
}

struct Lowerer<'a> {
    text: &'a str,
    tokens: &'a Tokens,
    failed: &'a [ParseError],
    module: Module,
    depth: u32,
    nesting: u64,
    functions: Vec<FunctionFacts>,
    /// Where the statement or block that was lowered last ends, with the comments that belong to it.
    end: u32,
}

/// The place of a node.
fn span(node: impl Ranged) -> Span {
    Span::new(node.start().to_u32(), node.end().to_u32())
}

impl<'a> Lowerer<'a> {
    fn slice(&self, range: TextRange) -> &'a str {
        self.text.get(range.to_std_range()).unwrap_or_default()
    }

    fn error(&mut self, span: Span, message: &str) {
        if self.module.errors.len() < ERRORS {
            self.module.errors.push(SyntaxError {
                span,
                message: message.to_owned(),
            });
        }
    }

    /// Whether the parser found something wrong inside of a node, or right behind it.
    fn has_failed(&self, node: &impl Ranged) -> bool {
        let place = node.range();
        self.failed.iter().any(|error| {
            error.location.start() <= place.end() && error.location.end() >= place.start()
        })
    }

    fn add(&mut self, span: Span, kind: ExpressionKind) -> ExpressionId {
        self.module.expressions.push(Expression { span, kind });
        ExpressionId(self.module.expressions.len() as u32 - 1)
    }

    fn hole(&mut self, span: Span) -> ExpressionId {
        self.add(span, ExpressionKind::Hole)
    }

    fn comments(&mut self) {
        for token in self.tokens {
            if token.kind() == TokenKind::Comment {
                self.module.comments.push(Comment {
                    span: span(token.range()),
                    text: self.slice(token.range()).into(),
                });
            }
        }
    }

    /// The first token behind a place that is neither a comment nor the end of a line.
    fn start_behind(&self, offset: TextSize) -> TextSize {
        let mut tokens = self.tokens.after(offset).iter();
        tokens
            .find(|token| !token.kind().is_trivia() && token.kind() != TokenKind::Newline)
            .map_or(offset, Ranged::start)
    }

    fn push_function(&mut self, definition: FunctionDefinition) -> FunctionId {
        self.module.functions.push(definition);
        FunctionId(self.module.functions.len() as u32 - 1)
    }

    /// Whether one more level may be entered; the caller leaves it again with `depth -= 1`.
    fn enter(&mut self, place: Span) -> bool {
        if u64::from(self.depth) >= self.nesting {
            self.error(place, &Limit::Nesting.met());
            return false;
        }
        self.depth += 1;
        true
    }

    /// How far from the beginning of its line a place stands.
    fn column(&self, place: TextSize) -> usize {
        let before = self.text.get(..place.to_usize()).unwrap_or_default();
        before.len() - before.rfind('\n').map_or(0, |at| at + 1)
    }

    /// The end of a block or definition with the comments that belong to it: behind its last statement, and on the lines
    /// below that are indented deeper than `column`.
    fn end_with_comments(&self, end: u32, column: usize) -> u32 {
        let mut end = end as usize;
        let mut first = true;
        let mut offset = end;
        while let Some(rest) = self.text.get(offset..) {
            let length = rest.find('\n').map_or(rest.len(), |at| at + 1);
            let line = &rest[..length];
            let trimmed = line.trim();
            let indent = line.len() - line.trim_start().len();
            let belongs = trimmed.starts_with('#') && (first || indent > column);
            if belongs {
                end = offset + line.trim_end().len();
            } else if !trimmed.is_empty() {
                break;
            }
            first = false;
            offset += length;
            if length == 0 || offset >= self.text.len() {
                break;
            }
        }
        end as u32
    }
}
