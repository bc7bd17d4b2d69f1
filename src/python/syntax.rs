//! The owned syntax tree: made by [`parse`] from the parser's tree, which is dropped.
//!
//! Expressions live in one arena a module and are named by [`ExpressionId`]; statements own their blocks; functions and
//! lambdas are numbered. Every node keeps its span. Nesting is bounded by the lowering, so that walking the tree by
//! recursion is safe.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::source::{FileId, Span};

pub use super::lower::parse;

/// Number of a function definition or lambda in its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct FunctionId(pub u32);

/// Number of an expression in its module.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct ExpressionId(pub u32);

/// A parsed module.
#[derive(Debug)]
pub struct Module {
    /// Its file.
    pub file: FileId,
    /// Places that are no Python, in order; functions behind the first are not judged.
    pub errors: Vec<SyntaxError>,
    /// All expressions.
    pub expressions: Vec<Expression>,
    /// All functions and lambdas.
    pub functions: Vec<FunctionDefinition>,
    /// The statements of the module.
    pub body: Block,
    /// All comments, in order.
    pub comments: Vec<Comment>,
}

/// A comment with its text, `#` included.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Comment {
    /// Where.
    pub span: Span,
    /// The text from `#` to the end of the line.
    pub text: Box<str>,
}

/// A place that is no Python.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SyntaxError {
    /// Where.
    pub span: Span,
    /// What (lower case, no full stop).
    pub message: String,
}

/// Statements in order.
pub type Block = Vec<Statement>;

/// A statement.
#[derive(Debug)]
pub struct Statement {
    /// The whole statement.
    pub span: Span,
    /// A simple statement whole; of a compound one its header expression, of a `with` the header from the keyword on.
    pub header: Span,
    /// What it is.
    pub kind: StatementKind,
}

/// The kinds of statements.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum StatementKind {
    Expression(ExpressionId),
    Assign {
        targets: Vec<ExpressionId>,
        value: ExpressionId,
    },
    AugmentedAssign {
        target: ExpressionId,
        operator: BinaryOperator,
        value: ExpressionId,
    },
    AnnotatedAssign {
        target: ExpressionId,
        annotation: Option<ExpressionId>,
        value: Option<ExpressionId>,
    },
    Function {
        function: FunctionId,
        decorators: Vec<ExpressionId>,
    },
    Class(Box<ClassDefinition>),
    If {
        branches: Vec<(ExpressionId, Block)>,
        otherwise: Block,
    },
    For {
        target: ExpressionId,
        iterable: ExpressionId,
        body: Block,
        otherwise: Block,
    },
    While {
        condition: ExpressionId,
        body: Block,
        otherwise: Block,
    },
    With {
        items: Vec<WithItem>,
        body: Block,
    },
    Try {
        body: Block,
        handlers: Vec<Handler>,
        otherwise: Block,
        finally: Block,
    },
    Return(Option<ExpressionId>),
    Raise {
        exception: Option<ExpressionId>,
        cause: Option<ExpressionId>,
    },
    Assert {
        condition: ExpressionId,
        message: Option<ExpressionId>,
    },
    Delete(Vec<ExpressionId>),
    Pass,
    Break,
    Continue,
    Import(Vec<ImportedModule>),
    FromImport {
        /// Number of leading dots.
        level: u32,
        module: SmolStr,
        names: Vec<ImportedName>,
        star: bool,
    },
    Global(Vec<SmolStr>),
    Nonlocal(Vec<SmolStr>),
    Match {
        subject: ExpressionId,
        cases: Vec<Case>,
    },
    /// `type X = ...`.
    TypeAlias(SmolStr),
    /// What is no Python, or nests too deep.
    Hole,
}

/// One item of a `with` header.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct WithItem {
    pub value: ExpressionId,
    pub target: Option<ExpressionId>,
}

/// An `except` clause.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Handler {
    pub class: Option<ExpressionId>,
    pub name: Option<SmolStr>,
    pub body: Block,
    pub span: Span,
}

/// A `case` clause.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Case {
    pub pattern: Pattern,
    pub guard: Option<ExpressionId>,
    pub body: Block,
}

/// A pattern, as far as it is modelled.
#[derive(Debug)]
pub enum Pattern {
    /// `_`.
    Wildcard,
    /// A name that is bound.
    Capture(SmolStr),
    /// A literal or dotted name.
    Value(ExpressionId),
    /// `a | b`.
    Or(Vec<Pattern>),
    /// `pattern as name`.
    As(Box<Pattern>, SmolStr),
    /// Sequences, mappings, classes: whether they match is not known; the names that they bind.
    Unsupported(Vec<SmolStr>),
}

/// `import a.b as c`.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct ImportedModule {
    pub module: SmolStr,
    pub alias: Option<SmolStr>,
}

/// `from ... import name as alias`.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct ImportedName {
    pub name: SmolStr,
    pub alias: Option<SmolStr>,
}

/// A class statement.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct ClassDefinition {
    pub name: SmolStr,
    pub name_span: Span,
    pub bases: Vec<Argument>,
    pub decorators: Vec<ExpressionId>,
    pub body: Block,
}

/// An expression.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Expression {
    pub span: Span,
    pub kind: ExpressionKind,
}

/// The kinds of expressions.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum ExpressionKind {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str {
        text: Arc<str>,
        /// Span of the contents: one plain literal without escapes.
        literal: Option<Span>,
    },
    Bytes(Arc<[u8]>),
    /// An f-string, or literals in a row of which one is.
    Joined(Vec<Part>),
    Name(SmolStr),
    Attribute {
        value: ExpressionId,
        name: SmolStr,
    },
    Subscript {
        value: ExpressionId,
        index: ExpressionId,
    },
    Slice {
        lower: Option<ExpressionId>,
        upper: Option<ExpressionId>,
        step: Option<ExpressionId>,
    },
    Call {
        callee: ExpressionId,
        arguments: Vec<Argument>,
    },
    /// Operators of one level, from left to right: long chains nest only once.
    Binary {
        first: ExpressionId,
        rest: Vec<(BinaryOperator, ExpressionId)>,
    },
    Unary {
        operator: UnaryOperator,
        operand: ExpressionId,
    },
    /// `and` (else `or`) of two or more.
    Boolean {
        and: bool,
        operands: Vec<ExpressionId>,
    },
    Compare {
        first: ExpressionId,
        rest: Vec<(Comparison, ExpressionId)>,
    },
    Conditional {
        condition: ExpressionId,
        then: ExpressionId,
        otherwise: ExpressionId,
    },
    Lambda(FunctionId),
    List(Vec<ExpressionId>),
    Tuple(Vec<ExpressionId>),
    Set(Vec<ExpressionId>),
    Dict(Vec<DictItem>),
    Comprehension(Box<Comprehension>),
    Walrus {
        name: SmolStr,
        value: ExpressionId,
    },
    Starred(ExpressionId),
    Await(ExpressionId),
    Yield(Option<ExpressionId>),
    YieldFrom(ExpressionId),
    /// What is no Python, nests too deep, or is not modelled (big and imaginary numbers).
    Hole,
}

/// A part of an f-string.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Part {
    Text(Arc<str>),
    Value {
        value: ExpressionId,
        /// `r`, `s`, `a`.
        conversion: Option<char>,
        format: Vec<Part>,
    },
}

/// An argument of a call.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Argument {
    Positional(ExpressionId),
    Keyword(SmolStr, ExpressionId),
    Spread(ExpressionId),
    SpreadKeywords(ExpressionId),
}

/// An item of a dict display.
#[derive(Clone, Copy, Debug)]
#[allow(missing_docs)]
pub enum DictItem {
    Pair(ExpressionId, ExpressionId),
    Spread(ExpressionId),
}

/// What a comprehension makes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ComprehensionKind {
    List,
    Set,
    Dict,
    Generator,
}

/// A comprehension or generator expression.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Comprehension {
    pub kind: ComprehensionKind,
    /// The element; of a dict its key.
    pub element: ExpressionId,
    /// Of a dict its value.
    pub value: Option<ExpressionId>,
    pub clauses: Vec<Clause>,
}

/// A clause of a comprehension.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum Clause {
    For {
        target: ExpressionId,
        iterable: ExpressionId,
    },
    If(ExpressionId),
}

/// Infix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum BinaryOperator {
    Add,
    Subtract,
    Multiply,
    Divide,
    FloorDivide,
    Modulo,
    Power,
    And,
    Or,
    Xor,
    LeftShift,
    RightShift,
    MatrixMultiply,
}

/// Prefix operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum UnaryOperator {
    Not,
    Minus,
    Plus,
    Invert,
}

/// Comparison operators.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Comparison {
    Equal,
    NotEqual,
    Less,
    LessEqual,
    Greater,
    GreaterEqual,
    In,
    NotIn,
    Is,
    IsNot,
}

/// A function definition or lambda.
#[derive(Debug)]
pub struct FunctionDefinition {
    /// Its name; `<lambda>`.
    pub name: SmolStr,
    /// The name after `def`.
    pub name_span: Span,
    /// From `def` (or `async`) to the colon, decorators apart.
    pub header: Span,
    /// The whole definition, decorators apart.
    pub span: Span,
    /// Its parameters in order.
    pub parameters: Vec<Parameter>,
    /// What it executes.
    pub body: FunctionBody,
    /// It yields.
    pub generator: bool,
    /// It is `async`.
    pub is_async: bool,
    /// Names declared `global` in it.
    pub globals: Vec<SmolStr>,
    /// Names declared `nonlocal` in it.
    pub nonlocals: Vec<SmolStr>,
    /// It holds a syntax error or stands behind one, so that what it does is not known.
    pub broken: bool,
}

/// Statements of a function, or the expression of a lambda.
#[derive(Debug)]
#[allow(missing_docs)]
pub enum FunctionBody {
    Block(Block),
    Expression(ExpressionId),
}

/// How arguments reach a parameter.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ParameterKind {
    PositionalOnly,
    Normal,
    KeywordOnly,
    Args,
    Kwargs,
}

/// A parameter.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Parameter {
    pub name: SmolStr,
    pub kind: ParameterKind,
    pub default: Option<ExpressionId>,
}

/// A constant that a module assigns at its top level.
#[derive(Clone, Debug, PartialEq)]
pub struct Constant {
    /// The value's place.
    pub span: Span,
    /// The place of the name that is assigned.
    pub name_span: Span,
    /// The value.
    pub kind: ConstantKind,
}

/// The value of a [`Constant`].
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ConstantKind {
    None,
    Str(SmolStr),
    Bool(bool),
    Int(i64),
    Tuple(Vec<Constant>),
    List(Vec<Constant>),
    /// Something that must be executed to be known.
    Other,
}

impl Constant {
    /// The strings that it holds: one, or those of a tuple or list; `None` if a part of it is something else.
    pub fn strings(&self) -> Option<Vec<(SmolStr, Span)>> {
        match &self.kind {
            ConstantKind::None => Some(Vec::new()),
            ConstantKind::Str(text) => Some(vec![(text.clone(), self.span)]),
            ConstantKind::Tuple(items) | ConstantKind::List(items) => items
                .iter()
                .map(|item| match &item.kind {
                    ConstantKind::Str(text) => Some((text.clone(), item.span)),
                    _ => None,
                })
                .collect(),
            _ => None,
        }
    }
}

impl Module {
    /// An expression by its number.
    pub fn expression(&self, id: ExpressionId) -> &Expression {
        &self.expressions[id.0 as usize]
    }

    /// A function by its number.
    pub fn function(&self, id: FunctionId) -> &FunctionDefinition {
        &self.functions[id.0 as usize]
    }

    /// The last function of a name that the module defines at its top level (also under a top-level `if` or `try`).
    pub fn top_level_function(&self, name: &str) -> Option<&FunctionDefinition> {
        self.top_level_function_in(&self.body, name)
    }

    fn top_level_function_in<'a>(
        &'a self,
        block: &'a Block,
        name: &str,
    ) -> Option<&'a FunctionDefinition> {
        block
            .iter()
            .rev()
            .find_map(|statement| match &statement.kind {
                StatementKind::Function { function, .. } => {
                    let function = self.function(*function);
                    (function.name == name).then_some(function)
                }
                StatementKind::If {
                    branches,
                    otherwise,
                } => self.top_level_function_in(otherwise, name).or_else(|| {
                    branches
                        .iter()
                        .find_map(|(_, body)| self.top_level_function_in(body, name))
                }),
                StatementKind::Try { body, .. } => self.top_level_function_in(body, name),
                _ => None,
            })
    }

    /// The constant that the module assigns to a name at its top level, last assignment first; without running it.
    pub fn constant(&self, name: &str) -> Option<Constant> {
        self.body.iter().rev().find_map(|statement| {
            let (target, value) = match &statement.kind {
                StatementKind::Assign { targets, value } => {
                    let target = targets.iter().find(|id| self.is_name(**id, name))?;
                    (*target, *value)
                }
                StatementKind::AnnotatedAssign {
                    target,
                    value: Some(value),
                    ..
                } if self.is_name(*target, name) => (*target, *value),
                _ => return None,
            };
            Some(self.constant_of(value, self.expression(target).span))
        })
    }

    fn is_name(&self, id: ExpressionId, name: &str) -> bool {
        matches!(&self.expression(id).kind, ExpressionKind::Name(found) if found == name)
    }

    fn constant_of(&self, id: ExpressionId, name_span: Span) -> Constant {
        let expression = self.expression(id);
        let all = |items: &[ExpressionId]| -> Vec<Constant> {
            items
                .iter()
                .map(|item| self.constant_of(*item, name_span))
                .collect()
        };
        let kind = match &expression.kind {
            ExpressionKind::None => ConstantKind::None,
            ExpressionKind::Bool(value) => ConstantKind::Bool(*value),
            ExpressionKind::Int(value) => ConstantKind::Int(*value),
            ExpressionKind::Str { text, .. } => ConstantKind::Str(SmolStr::new(text)),
            ExpressionKind::Tuple(items) => ConstantKind::Tuple(all(items)),
            ExpressionKind::List(items) => ConstantKind::List(all(items)),
            ExpressionKind::Name(name) => {
                // `down_revision = revision_before`: one step, and never itself
                let found = self.constant_before(name, expression.span.start);
                found.map_or(ConstantKind::Other, |constant| constant.kind)
            }
            _ => ConstantKind::Other,
        };
        Constant {
            span: expression.span,
            name_span,
            kind,
        }
    }

    fn constant_before(&self, name: &str, offset: u32) -> Option<Constant> {
        self.body.iter().rev().find_map(|statement| {
            if statement.span.end > offset {
                return None;
            }
            match &statement.kind {
                StatementKind::Assign { targets, value }
                    if targets.iter().any(|id| self.is_name(*id, name)) =>
                {
                    let expression = self.expression(*value);
                    let kind = match &expression.kind {
                        ExpressionKind::None => ConstantKind::None,
                        ExpressionKind::Str { text, .. } => ConstantKind::Str(SmolStr::new(text)),
                        _ => ConstantKind::Other,
                    };
                    Some(Constant {
                        span: expression.span,
                        name_span: expression.span,
                        kind,
                    })
                }
                _ => None,
            }
        })
    }

    /// The docstring of the module.
    pub fn docstring(&self) -> Option<(&str, Span)> {
        self.docstring_of(&self.body)
    }

    /// The docstring of a function, with its place.
    pub fn function_docstring(&self, function: &FunctionDefinition) -> Option<(&str, Span)> {
        match &function.body {
            FunctionBody::Block(block) => self.docstring_of(block),
            FunctionBody::Expression(_) => None,
        }
    }

    fn docstring_of(&self, block: &Block) -> Option<(&str, Span)> {
        let first = block.first()?;
        let StatementKind::Expression(id) = first.kind else {
            return None;
        };
        match &self.expression(id).kind {
            ExpressionKind::Str { text, .. } => Some((text, first.span)),
            _ => None,
        }
    }

    /// Whether the body holds nothing but `pass`, strings, `...` and a bare `return` or `return None`.
    pub fn is_empty_function(&self, function: &FunctionDefinition) -> bool {
        let FunctionBody::Block(block) = &function.body else {
            return false;
        };
        !function.broken
            && block.iter().all(|statement| match &statement.kind {
                StatementKind::Pass | StatementKind::Return(None) => true,
                StatementKind::Return(Some(id)) => {
                    matches!(self.expression(*id).kind, ExpressionKind::None)
                }
                StatementKind::Expression(id) => matches!(
                    self.expression(*id).kind,
                    ExpressionKind::Str { .. } | ExpressionKind::Ellipsis
                ),
                _ => false,
            })
    }

    /// Whether the first statement behind a docstring is a `raise`.
    pub fn starts_with_raise(&self, function: &FunctionDefinition) -> bool {
        let FunctionBody::Block(block) = &function.body else {
            return false;
        };
        let skip = usize::from(self.docstring_of(block).is_some());
        matches!(
            block.get(skip).map(|statement| &statement.kind),
            Some(StatementKind::Raise { .. })
        )
    }

    /// The comments inside a span, and on its last line.
    pub fn comments_in(&self, span: Span) -> &[Comment] {
        let first = self
            .comments
            .partition_point(|comment| comment.span.start < span.start);
        let last = self
            .comments
            .partition_point(|comment| comment.span.start < span.end);
        self.comments.get(first..last).unwrap_or_default()
    }

    /// Whether the module has a place that is no Python.
    pub fn is_broken(&self) -> bool {
        !self.errors.is_empty()
    }
}
