//! Statements, function and class definitions.

use ruff_python_ast::token::TokenKind;
use ruff_python_ast::{
    Alias, ExceptHandler, Expr, Identifier, Pattern as RuffPattern, Stmt, StmtClassDef,
    StmtFunctionDef, StmtIf, StmtImportFrom, StmtMatch, StmtTry, StmtWith,
};
use ruff_text_size::Ranged;
use smol_str::SmolStr;

use super::expressions::binary_operator;
use super::{FunctionFacts, Lowerer, span};
use crate::python::syntax::{
    Block, Case, ClassDefinition, ExpressionId, ExpressionKind, FunctionBody, FunctionDefinition,
    FunctionId, Handler, ImportedModule, ImportedName, Pattern, Statement, StatementKind, WithItem,
};
use crate::source::Span;

fn name(node: &Identifier) -> SmolStr {
    SmolStr::new(node.as_str())
}

fn names(nodes: &[Identifier]) -> Vec<SmolStr> {
    nodes.iter().map(name).collect()
}

impl Lowerer<'_> {
    /// The statements of a block or module.
    pub(super) fn block(&mut self, nodes: &[Stmt]) -> Block {
        let (Some(first), Some(last)) = (nodes.first(), nodes.last()) else {
            return Vec::new();
        };
        if !self.enter(Span::new(span(first).start, span(last).end)) {
            return Vec::new();
        }
        let block: Block = nodes.iter().map(|node| self.statement(node)).collect();
        self.depth -= 1;
        let column = self.column(first.start());
        let end = block.last().map_or(0, |last| last.span.end);
        self.end = self.end_with_comments(end, column.saturating_sub(1));
        block
    }

    fn span_of(&self, id: ExpressionId) -> Span {
        self.module.expression(id).span
    }

    fn statement(&mut self, node: &Stmt) -> Statement {
        let mut place = span(node);
        let mut header = place;
        let kind = match node {
            Stmt::FunctionDef(function) => {
                let decorators = function.decorator_list.iter();
                let decorators = self.all(decorators.map(|decorator| &decorator.expression));
                let (function, span) = self.function(function);
                header = span;
                StatementKind::Function {
                    function,
                    decorators,
                }
            }
            Stmt::ClassDef(class) => {
                let class = self.class(class);
                header = class.name_span;
                StatementKind::Class(Box::new(class))
            }
            Stmt::If(branch) => self.branch(branch, &mut header),
            Stmt::For(each) => {
                let target = self.expression(&each.target);
                let iterable = self.expression(&each.iter);
                header = self.span_of(iterable);
                StatementKind::For {
                    target,
                    iterable,
                    body: self.block(&each.body),
                    otherwise: self.block(&each.orelse),
                }
            }
            Stmt::While(repeat) => {
                let condition = self.expression(&repeat.test);
                header = self.span_of(condition);
                StatementKind::While {
                    condition,
                    body: self.block(&repeat.body),
                    otherwise: self.block(&repeat.orelse),
                }
            }
            Stmt::With(with) => {
                header.end = self.end_of_items(with);
                self.with(with)
            }
            Stmt::Try(attempt) => {
                header = Span::new(place.start, place.start + 3);
                self.attempt(attempt)
            }
            Stmt::Match(choice) => self.choice(choice, &mut header),
            simple => {
                self.end = place.end;
                if self.has_failed(simple) {
                    StatementKind::Hole
                } else {
                    self.simple(simple)
                }
            }
        };
        // of a compound one its last block's
        place.end = place.end.max(self.end);
        Statement {
            span: place,
            header,
            kind,
        }
    }

    fn simple(&mut self, node: &Stmt) -> StatementKind {
        match node {
            Stmt::Expr(statement) => StatementKind::Expression(self.expression(&statement.value)),
            Stmt::Assign(assign) => StatementKind::Assign {
                targets: self.all(&assign.targets),
                value: self.expression(&assign.value),
            },
            Stmt::AugAssign(assign) => StatementKind::AugmentedAssign {
                target: self.expression(&assign.target),
                operator: binary_operator(assign.op),
                value: self.expression(&assign.value),
            },
            Stmt::AnnAssign(assign) => {
                let target = self.expression(&assign.target);
                let value = self.maybe(assign.value.as_deref());
                StatementKind::AnnotatedAssign {
                    target,
                    annotation: Some(self.expression(&assign.annotation)),
                    value,
                }
            }
            Stmt::Return(statement) => {
                StatementKind::Return(self.maybe(statement.value.as_deref()))
            }
            Stmt::Raise(raise) => StatementKind::Raise {
                exception: self.maybe(raise.exc.as_deref()),
                cause: self.maybe(raise.cause.as_deref()),
            },
            Stmt::Assert(assert) => StatementKind::Assert {
                condition: self.expression(&assert.test),
                message: self.maybe(assert.msg.as_deref()),
            },
            Stmt::Delete(delete) => StatementKind::Delete(self.all(&delete.targets)),
            Stmt::Pass(_) => StatementKind::Pass,
            Stmt::Break(_) => StatementKind::Break,
            Stmt::Continue(_) => StatementKind::Continue,
            Stmt::Import(import) => {
                let modules = import.names.iter().map(|alias| ImportedModule {
                    module: name(&alias.name),
                    alias: alias.asname.as_ref().map(name),
                });
                StatementKind::Import(modules.collect())
            }
            Stmt::ImportFrom(import) => import_from(import),
            Stmt::Global(global) => {
                let names = names(&global.names);
                if let Some(facts) = self.functions.last_mut() {
                    facts.globals.extend(names.iter().cloned());
                }
                StatementKind::Global(names)
            }
            Stmt::Nonlocal(nonlocal) => {
                let names = names(&nonlocal.names);
                if let Some(facts) = self.functions.last_mut() {
                    facts.nonlocals.extend(names.iter().cloned());
                }
                StatementKind::Nonlocal(names)
            }
            Stmt::TypeAlias(alias) => match &*alias.name {
                Expr::Name(name) => StatementKind::TypeAlias(SmolStr::new(name.id.as_str())),
                _ => StatementKind::Hole,
            },
            _ => StatementKind::Hole,
        }
    }

    fn branch(&mut self, node: &StmtIf, header: &mut Span) -> StatementKind {
        let condition = self.expression(&node.test);
        *header = self.span_of(condition);
        let mut branches = vec![(condition, self.block(&node.body))];
        let mut otherwise = Vec::new();
        for clause in &node.elif_else_clauses {
            match &clause.test {
                Some(test) => branches.push((self.expression(test), self.block(&clause.body))),
                None => otherwise = self.block(&clause.body),
            }
        }
        StatementKind::If {
            branches,
            otherwise,
        }
    }

    fn function(&mut self, node: &StmtFunctionDef) -> (FunctionId, Span) {
        let parameters = self.parameters(&node.parameters);
        self.functions.push(FunctionFacts::default());
        let body = self.block(&node.body);
        let facts = self.functions.pop().unwrap_or_default();
        let start = match node.decorator_list.last() {
            Some(decorator) => self.start_behind(decorator.end()),
            None => node.start(),
        };
        let returned = node.returns.as_deref();
        let signature = returned.map_or(node.parameters.end(), Ranged::end);
        let header_end = self
            .tokens
            .after(signature)
            .iter()
            .find(|token| token.kind() == TokenKind::Colon)
            .map_or(signature, Ranged::end);
        let header = Span::new(start.to_u32(), header_end.to_u32());
        let end = self.end_with_comments(self.end.max(span(node).end), self.column(start));
        let id = self.push_function(FunctionDefinition {
            name: name(&node.name),
            name_span: span(&node.name),
            header,
            span: Span::new(header.start, end),
            parameters,
            body: FunctionBody::Block(body),
            generator: facts.generator,
            is_async: node.is_async,
            globals: facts.globals,
            nonlocals: facts.nonlocals,
            broken: false,
        });
        (id, header)
    }

    fn class(&mut self, node: &StmtClassDef) -> ClassDefinition {
        let decorators = node.decorator_list.iter();
        let decorators = self.all(decorators.map(|decorator| &decorator.expression));
        let bases = node.arguments.as_deref();
        ClassDefinition {
            name: name(&node.name),
            name_span: span(&node.name),
            bases: bases.map_or_else(Vec::new, |bases| self.arguments(bases)),
            decorators,
            body: self.block(&node.body),
        }
    }

    /// Where the items of a `with` end, with the bracket around them.
    fn end_of_items(&self, node: &StmtWith) -> u32 {
        let mut end = node.items.last().map_or(node.start(), Ranged::end);
        for token in self.tokens.after(end) {
            match token.kind() {
                TokenKind::Colon => break,
                kind if kind.is_trivia() => {}
                _ => end = token.end(),
            }
        }
        end.to_u32()
    }

    fn with(&mut self, node: &StmtWith) -> StatementKind {
        let mut items = Vec::with_capacity(node.items.len());
        for item in &node.items {
            items.push(WithItem {
                value: self.expression(&item.context_expr),
                target: self.maybe(item.optional_vars.as_deref()),
            });
        }
        StatementKind::With {
            items,
            body: self.block(&node.body),
        }
    }

    fn attempt(&mut self, node: &StmtTry) -> StatementKind {
        let body = self.block(&node.body);
        let mut handlers = Vec::with_capacity(node.handlers.len());
        for handler in &node.handlers {
            let ExceptHandler::ExceptHandler(handler) = handler;
            let class = self.maybe(handler.type_.as_deref());
            let body = self.block(&handler.body);
            handlers.push(Handler {
                class,
                name: handler.name.as_ref().map(name),
                body,
                span: Span::new(span(handler).start, self.end),
            });
        }
        StatementKind::Try {
            body,
            handlers,
            otherwise: self.block(&node.orelse),
            finally: self.block(&node.finalbody),
        }
    }

    fn choice(&mut self, node: &StmtMatch, header: &mut Span) -> StatementKind {
        let subject = self.expression(&node.subject);
        *header = self.span_of(subject);
        let mut cases = Vec::with_capacity(node.cases.len());
        for case in &node.cases {
            cases.push(Case {
                pattern: self.pattern(&case.pattern),
                guard: self.maybe(case.guard.as_deref()),
                body: self.block(&case.body),
            });
        }
        StatementKind::Match { subject, cases }
    }

    fn pattern(&mut self, node: &RuffPattern) -> Pattern {
        if !self.enter(span(node)) {
            return Pattern::Unsupported(Vec::new());
        }
        let pattern = self.pattern_inner(node);
        self.depth -= 1;
        pattern
    }

    fn pattern_inner(&mut self, node: &RuffPattern) -> Pattern {
        match node {
            RuffPattern::MatchValue(value) => Pattern::Value(self.expression(&value.value)),
            RuffPattern::MatchSingleton(singleton) => {
                let kind = match singleton.value {
                    ruff_python_ast::Singleton::None => ExpressionKind::None,
                    ruff_python_ast::Singleton::True => ExpressionKind::Bool(true),
                    ruff_python_ast::Singleton::False => ExpressionKind::Bool(false),
                };
                Pattern::Value(self.add(span(node), kind))
            }
            RuffPattern::MatchOr(either) => Pattern::Or(
                either
                    .patterns
                    .iter()
                    .map(|part| self.pattern(part))
                    .collect(),
            ),
            RuffPattern::MatchAs(named) => match (&named.pattern, &named.name) {
                (Some(inner), Some(alias)) => {
                    Pattern::As(Box::new(self.pattern(inner)), name(alias))
                }
                (None, Some(alias)) => Pattern::Capture(name(alias)),
                _ => Pattern::Wildcard,
            },
            RuffPattern::MatchSequence(_)
            | RuffPattern::MatchMapping(_)
            | RuffPattern::MatchClass(_)
            | RuffPattern::MatchStar(_) => {
                let mut names = Vec::new();
                self.captured(node, &mut names);
                Pattern::Unsupported(names)
            }
        }
    }

    /// The names that a pattern binds.
    fn captured(&mut self, node: &RuffPattern, names: &mut Vec<SmolStr>) {
        if !self.enter(span(node)) {
            return;
        }
        match node {
            RuffPattern::MatchValue(_) | RuffPattern::MatchSingleton(_) => {}
            RuffPattern::MatchSequence(sequence) => {
                for part in &sequence.patterns {
                    self.captured(part, names);
                }
            }
            RuffPattern::MatchMapping(mapping) => {
                for part in &mapping.patterns {
                    self.captured(part, names);
                }
                names.extend(mapping.rest.as_ref().map(name));
            }
            RuffPattern::MatchClass(class) => {
                for part in &class.arguments.patterns {
                    self.captured(part, names);
                }
                for keyword in &class.arguments.keywords {
                    self.captured(&keyword.pattern, names);
                }
            }
            RuffPattern::MatchStar(star) => names.extend(star.name.as_ref().map(name)),
            RuffPattern::MatchAs(named) => {
                if let Some(inner) = &named.pattern {
                    self.captured(inner, names);
                }
                names.extend(named.name.as_ref().map(name));
            }
            // all parts bind the same names
            RuffPattern::MatchOr(either) => {
                if let Some(first) = either.patterns.first() {
                    self.captured(first, names);
                }
            }
        }
        self.depth -= 1;
    }
}

fn import_from(node: &StmtImportFrom) -> StatementKind {
    let module = node.module.as_ref().map(name).unwrap_or_default();
    if module == "__future__" && node.level == 0 {
        return StatementKind::Pass;
    }
    let is_star = |alias: &Alias| alias.name.as_str() == "*";
    let imported = node.names.iter().filter(|alias| !is_star(alias));
    StatementKind::FromImport {
        level: node.level,
        module,
        names: imported
            .map(|alias| ImportedName {
                name: name(&alias.name),
                alias: alias.asname.as_ref().map(name),
            })
            .collect(),
        star: node.names.iter().any(is_star),
    }
}
