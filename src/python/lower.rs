//! Makes the owned syntax tree from a tree-sitter tree.
//!
//! In: a file's text. Out: a [`Module`]; what is no Python becomes an error and a hole. Recursion is bounded by
//! [`Limit::Nesting`]: deeper nodes become holes with an error. tree-sitter accepts broken files and mis-scopes what follows, so a
//! function that ends behind the first error is marked broken.

mod expressions;
mod node;
mod statements;
mod strings;

use std::cell::RefCell;

use smol_str::SmolStr;
use tree_sitter::{Node, Parser};

use node::Asked;

use super::syntax::{
    Comment, Expression, ExpressionId, ExpressionKind, FunctionDefinition, Module, SyntaxError,
};
use crate::limits::Limit;
use crate::source::{FileId, Span};

/// More errors than this say nothing new.
const ERRORS: usize = 20;

thread_local! {
    static PARSER: RefCell<Option<Parser>> = RefCell::new(python_parser());
}

fn python_parser() -> Option<Parser> {
    let mut parser = Parser::new();
    parser
        .set_language(&tree_sitter_python::LANGUAGE.into())
        .ok()?;
    Some(parser)
}

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

/// Parses a file; never fails: what is no Python becomes an error and a hole.
pub fn parse(file: FileId, text: &str) -> Module {
    let too_long = tokens(text) > Limit::ModuleTokens.get();
    let tree = PARSER.with(|parser| {
        if too_long {
            return None;
        }
        let mut parser = parser.borrow_mut();
        parser.as_mut().and_then(|parser| parser.parse(text, None))
    });
    let mut lowerer = Lowerer {
        text,
        module: Module {
            file,
            errors: Vec::new(),
            expressions: Vec::with_capacity(text.len() / 12),
            functions: Vec::new(),
            body: Vec::new(),
            comments: Vec::new(),
        },
        depth: 0,
        nesting: Limit::Nesting.get(),
        functions: Vec::new(),
        statement: Span::default(),
    };
    let Some(tree) = tree else {
        let why = if too_long {
            Limit::ModuleTokens.met()
        } else {
            "can't be parsed".to_owned()
        };
        lowerer.error(
            Span::new(0, text.find('\n').unwrap_or(text.len()) as u32),
            &why,
        );
        return lowerer.module;
    };
    let root = tree.root_node();
    lowerer.comments_and_errors(root);
    lowerer.module.body = lowerer.block(root);
    let mut module = lowerer.module;
    // kept as long as the analysis runs
    module.expressions.shrink_to_fit();
    module.functions.shrink_to_fit();
    module.comments.shrink_to_fit();
    module.errors.sort_by_key(|error| error.span);
    if let Some(first) = module.errors.first() {
        let start = first.span.start;
        for function in &mut module.functions {
            function.broken = function.span.end > start;
        }
    }
    module
}

/// Whether a word stands in a text by itself.
fn holds_word(text: &str, word: &str) -> bool {
    let in_word = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        !text[..at].ends_with(in_word) && !text[at + word.len()..].starts_with(in_word)
    })
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
    module: Module,
    depth: u32,
    nesting: u64,
    functions: Vec<FunctionFacts>,
    /// The innermost statement, where a missing part is reported.
    statement: Span,
}

fn span(node: Node<'_>) -> Span {
    Span::new(node.start_byte() as u32, node.end_byte() as u32)
}

/// Named children that are no comments.
fn children(node: Node<'_>) -> Vec<Node<'_>> {
    let mut cursor = node.walk();
    // exact, since what is made of them often takes their place
    let mut found = Vec::with_capacity(node.named_child_count());
    found.extend(
        node.named_children(&mut cursor)
            .filter(|child| !child.is_extra()),
    );
    found
}

impl<'a> Lowerer<'a> {
    fn slice(&self, node: Node<'_>) -> &'a str {
        self.text.get(node.byte_range()).unwrap_or_default()
    }

    fn name(&self, node: Node<'_>) -> SmolStr {
        SmolStr::new(self.slice(node))
    }

    fn error(&mut self, span: Span, message: &str) {
        if self.module.errors.len() < ERRORS {
            self.module.errors.push(SyntaxError {
                span,
                message: message.to_owned(),
            });
        }
    }

    fn add(&mut self, span: Span, kind: ExpressionKind) -> ExpressionId {
        self.module.expressions.push(Expression { span, kind });
        ExpressionId(self.module.expressions.len() as u32 - 1)
    }

    fn hole(&mut self, span: Span) -> ExpressionId {
        self.add(span, ExpressionKind::Hole)
    }

    /// Comments, errors, and constructs of Python 2 that the grammar takes.
    fn comments_and_errors(&mut self, root: Node<'_>) {
        let is_doubtful = root.has_error()
            || ["print", "exec"]
                .iter()
                .any(|word| holds_word(self.text, word));
        if is_doubtful {
            self.walk(root);
        } else {
            self.comments(root);
        }
    }

    /// The comments of a tree without errors: looked for where the text has a `#`, since few nodes are comments.
    fn comments(&mut self, root: Node<'_>) {
        let mut from = 0;
        while let Some(offset) = self.text[from..].find('#') {
            let at = from + offset;
            from = at + 1;
            let found = root.descendant_for_byte_range(at, at + 1);
            if let Some(node) = found.filter(|node| node.kind_name() == "comment") {
                self.module.comments.push(Comment {
                    span: span(node),
                    text: self.slice(node).into(),
                });
                from = node.end_byte();
            }
        }
    }

    /// Walks the whole tree once, without recursion.
    fn walk(&mut self, root: Node<'_>) {
        let mut cursor = root.walk();
        let mut enter = true;
        loop {
            if enter {
                let node = cursor.node();
                match node.kind_name() {
                    "comment" => self.module.comments.push(Comment {
                        span: span(node),
                        text: self.slice(node).into(),
                    }),
                    "print_statement" | "exec_statement" => {
                        self.error(span(node), "a statement of Python 2");
                    }
                    _ if node.is_error() => {
                        self.error(span(node), "a syntax error");
                    }
                    _ if node.is_missing() => {
                        let message = format!("expected `{}`", node.kind_name());
                        self.error(span(node), &message);
                    }
                    _ => {}
                }
                // strings hold no comments, and most of a migration is strings
                if (node.kind_name() != "string" || node.has_error()) && cursor.goto_first_child() {
                    continue;
                }
            }
            if cursor.goto_next_sibling() {
                enter = true;
                continue;
            }
            if !cursor.goto_parent() {
                break;
            }
            enter = false;
        }
    }

    fn push_function(&mut self, definition: FunctionDefinition) -> super::syntax::FunctionId {
        self.module.functions.push(definition);
        super::syntax::FunctionId(self.module.functions.len() as u32 - 1)
    }

    /// Whether one more level may be entered; the caller leaves it again with `depth -= 1`.
    fn enter(&mut self, node: Node<'_>) -> bool {
        if u64::from(self.depth) >= self.nesting {
            self.error(span(node), &Limit::Nesting.met());
            return false;
        }
        self.depth += 1;
        true
    }

    /// The end of a definition with the comments that belong to its body: behind its last statement, and on the lines
    /// below that are indented deeper than `column`.
    fn end_with_comments(&self, end: usize, column: usize) -> u32 {
        let mut end = end;
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
