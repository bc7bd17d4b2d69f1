//! Statements, function and class definitions.

use smol_str::SmolStr;
use tree_sitter::Node;

use super::node::Asked;
use super::{FunctionFacts, Lowerer, children, span};
use crate::python::syntax::{
    Block, Case, ClassDefinition, ExpressionId, ExpressionKind, FunctionBody, FunctionDefinition,
    FunctionId, Handler, ImportedModule, ImportedName, Pattern, Statement, StatementKind, WithItem,
};
use crate::source::Span;

impl Lowerer<'_> {
    /// The statements of a block or module.
    pub(super) fn block(&mut self, node: Node<'_>) -> Block {
        if !self.enter(node) {
            return Vec::new();
        }
        let children = children(node);
        let mut block = Vec::with_capacity(children.len());
        for child in children {
            let outer = std::mem::replace(&mut self.statement, span(child));
            let statement = self.statement_of(child);
            self.statement = outer;
            block.push(statement);
        }
        self.depth -= 1;
        block
    }

    fn body(&mut self, node: Node<'_>, field: &str) -> Block {
        node.field(field)
            .map(|body| self.block(body))
            .unwrap_or_default()
    }

    fn required(&mut self, node: Node<'_>, field: &str) -> ExpressionId {
        match node.field(field) {
            Some(child) => self.expression(child),
            None => self.hole(span(node)),
        }
    }

    fn span_of(&self, id: ExpressionId) -> Span {
        self.module.expression(id).span
    }

    /// One expression, or several with commas between them.
    fn tuple_or_single(&mut self, node: Node<'_>) -> Option<ExpressionId> {
        let mut items = self.all(node);
        match items.len() {
            0 => None,
            1 if !self.slice(node).trim_end().ends_with(',') => items.pop(),
            _ => Some(self.add(span(node), ExpressionKind::Tuple(items))),
        }
    }

    fn statement_of(&mut self, node: Node<'_>) -> Statement {
        let place = span(node);
        let mut header = place;
        let kind = match node.kind_name() {
            "expression_statement" => self.expression_statement(node),
            "return_statement" => {
                let value = children(node).first().map(|value| self.expression(*value));
                StatementKind::Return(value)
            }
            "pass_statement" => StatementKind::Pass,
            "break_statement" => StatementKind::Break,
            "continue_statement" => StatementKind::Continue,
            "raise_statement" => {
                let cause = node.field("cause");
                let exception = children(node)
                    .into_iter()
                    .find(|child| Some(*child) != cause)
                    .map(|child| self.expression(child));
                let cause = cause.map(|cause| self.expression(cause));
                StatementKind::Raise { exception, cause }
            }
            "assert_statement" => {
                let mut parts = self.all(node).into_iter();
                match parts.next() {
                    Some(condition) => StatementKind::Assert {
                        condition,
                        message: parts.next(),
                    },
                    None => StatementKind::Hole,
                }
            }
            "delete_statement" => {
                let mut targets = Vec::new();
                for child in children(node) {
                    if child.kind_name() == "expression_list" {
                        targets.extend(self.all(child));
                    } else {
                        targets.push(self.expression(child));
                    }
                }
                StatementKind::Delete(targets)
            }
            "global_statement" => {
                let names = self.names(node);
                if let Some(facts) = self.functions.last_mut() {
                    facts.globals.extend(names.iter().cloned());
                }
                StatementKind::Global(names)
            }
            "nonlocal_statement" => {
                let names = self.names(node);
                if let Some(facts) = self.functions.last_mut() {
                    facts.nonlocals.extend(names.iter().cloned());
                }
                StatementKind::Nonlocal(names)
            }
            "import_statement" => self.import(node),
            "import_from_statement" => self.import_from(node),
            "future_import_statement" => StatementKind::Pass,
            "type_alias_statement" => {
                let name = node
                    .field("left")
                    .map(|left| self.name(left))
                    .unwrap_or_default();
                StatementKind::TypeAlias(name.split('[').next().unwrap_or_default().into())
            }
            "function_definition" => {
                let (function, span) = self.function(node);
                header = span;
                StatementKind::Function {
                    function,
                    decorators: Vec::new(),
                }
            }
            "class_definition" => {
                let class = self.class(node, Vec::new());
                header = class.name_span;
                StatementKind::Class(Box::new(class))
            }
            "decorated_definition" => {
                let decorators: Vec<ExpressionId> = children(node)
                    .into_iter()
                    .filter(|child| child.kind_name() == "decorator")
                    .filter_map(|child| children(child).first().copied())
                    .map(|inner| self.expression(inner))
                    .collect();
                match node.field("definition") {
                    Some(definition) if definition.kind_name() == "class_definition" => {
                        let class = self.class(definition, decorators);
                        header = class.name_span;
                        StatementKind::Class(Box::new(class))
                    }
                    Some(definition) => {
                        let (function, span) = self.function(definition);
                        header = span;
                        StatementKind::Function {
                            function,
                            decorators,
                        }
                    }
                    None => StatementKind::Hole,
                }
            }
            "if_statement" => {
                let condition = self.required(node, "condition");
                header = self.span_of(condition);
                let mut branches = vec![(condition, self.body(node, "consequence"))];
                let mut otherwise = Vec::new();
                let mut cursor = node.walk();
                let alternatives: Vec<Node<'_>> = node
                    .children_by_field_name("alternative", &mut cursor)
                    .collect();
                for alternative in alternatives {
                    if alternative.kind_name() == "elif_clause" {
                        let condition = self.required(alternative, "condition");
                        branches.push((condition, self.body(alternative, "consequence")));
                    } else {
                        otherwise = self.body(alternative, "body");
                    }
                }
                StatementKind::If {
                    branches,
                    otherwise,
                }
            }
            "for_statement" => {
                let target = self.required(node, "left");
                let iterable = self.required(node, "right");
                header = self.span_of(iterable);
                StatementKind::For {
                    target,
                    iterable,
                    body: self.body(node, "body"),
                    otherwise: self.otherwise(node),
                }
            }
            "while_statement" => {
                let condition = self.required(node, "condition");
                header = self.span_of(condition);
                StatementKind::While {
                    condition,
                    body: self.body(node, "body"),
                    otherwise: self.otherwise(node),
                }
            }
            "with_statement" => self.with(node, &mut header),
            "try_statement" => {
                header = Span::new(place.start, place.start + 3);
                self.try_statement(node)
            }
            "match_statement" => self.match_statement(node, &mut header),
            _ => {
                if node.is_error() {
                    // what could be recovered inside an error is not where it seems to be
                    StatementKind::Hole
                } else if !node.has_error() && !node.kind_name().ends_with("_statement") {
                    StatementKind::Expression(self.expression(node))
                } else {
                    StatementKind::Hole
                }
            }
        };
        Statement {
            span: place,
            header,
            kind,
        }
    }

    fn names(&mut self, node: Node<'_>) -> Vec<SmolStr> {
        children(node)
            .into_iter()
            .map(|child| self.name(child))
            .collect()
    }

    fn otherwise(&mut self, node: Node<'_>) -> Block {
        match node.field("alternative") {
            Some(clause) => self.body(clause, "body"),
            None => Vec::new(),
        }
    }

    fn expression_statement(&mut self, node: Node<'_>) -> StatementKind {
        let parts = children(node);
        match parts.as_slice() {
            [single] if single.kind_name() == "assignment" => self.assignment(*single),
            [single] if single.kind_name() == "augmented_assignment" => self.augmented(*single),
            _ => match self.tuple_or_single(node) {
                Some(value) => StatementKind::Expression(value),
                None => StatementKind::Hole,
            },
        }
    }

    fn augmented(&mut self, node: Node<'_>) -> StatementKind {
        let operator = node.field("operator").and_then(|operator| {
            super::expressions::binary_operator(operator.kind_name().trim_end_matches('='))
        });
        let target = self.required(node, "left");
        let value = self.required(node, "right");
        match operator {
            Some(operator) => StatementKind::AugmentedAssign {
                target,
                operator,
                value,
            },
            None => StatementKind::Hole,
        }
    }

    fn assignment(&mut self, node: Node<'_>) -> StatementKind {
        let Some(left) = node.field("left") else {
            return StatementKind::Hole;
        };
        let target = self.expression(left);
        if let Some(annotation) = node.field("type") {
            let value = node.field("right").map(|right| self.expression(right));
            return StatementKind::AnnotatedAssign {
                target,
                annotation: Some(self.expression(annotation)),
                value,
            };
        }
        let mut targets = vec![target];
        let mut right = node.field("right");
        while let Some(next) = right
            && next.kind_name() == "assignment"
        {
            if let Some(left) = next.field("left") {
                let target = self.expression(left);
                targets.push(target);
            }
            right = next.field("right");
        }
        let Some(right) = right else {
            return StatementKind::Hole;
        };
        let value = self.expression(right);
        StatementKind::Assign { targets, value }
    }

    fn import(&mut self, node: Node<'_>) -> StatementKind {
        let modules = children(node)
            .into_iter()
            .map(|child| {
                let (module, alias) = self.imported(child);
                ImportedModule { module, alias }
            })
            .collect();
        StatementKind::Import(modules)
    }

    fn imported(&mut self, node: Node<'_>) -> (SmolStr, Option<SmolStr>) {
        if node.kind_name() != "aliased_import" {
            return (self.name(node), None);
        }
        let name = node
            .field("name")
            .map(|name| self.name(name))
            .unwrap_or_default();
        let alias = node.field("alias").map(|alias| self.name(alias));
        (name, alias)
    }

    fn import_from(&mut self, node: Node<'_>) -> StatementKind {
        let module_node = node.field("module_name");
        let text = module_node.map(|node| self.slice(node)).unwrap_or_default();
        let compact: String = text
            .chars()
            .filter(|character| !character.is_whitespace())
            .collect();
        let module = compact.trim_start_matches('.');
        let level = (compact.len() - module.len()) as u32;
        let mut names = Vec::new();
        let mut star = false;
        for child in children(node) {
            if Some(child) == module_node {
                continue;
            }
            if child.kind_name() == "wildcard_import" {
                star = true;
                continue;
            }
            let (name, alias) = self.imported(child);
            names.push(ImportedName { name, alias });
        }
        StatementKind::FromImport {
            level,
            module: module.into(),
            names,
            star,
        }
    }

    fn function(&mut self, node: Node<'_>) -> (FunctionId, Span) {
        let name_node = node.field("name");
        let parameters = node
            .field("parameters")
            .map(|parameters| self.parameters(parameters))
            .unwrap_or_default();
        let body_node = node.field("body");
        self.functions.push(FunctionFacts::default());
        let body = body_node.map(|body| self.block(body)).unwrap_or_default();
        let facts = self.functions.pop().unwrap_or_default();
        let header_end = {
            let mut cursor = node.walk();
            node.children(&mut cursor)
                .find(|child| child.kind_name() == ":")
                .map_or(node.start_byte() + 3, |colon| colon.end_byte())
        };
        let header = Span::new(node.start_byte() as u32, header_end as u32);
        let end = self.end_with_comments(node.end_byte(), node.start_position().column);
        let id = self.push_function(FunctionDefinition {
            name: name_node.map(|name| self.name(name)).unwrap_or_default(),
            name_span: name_node.map_or(header, span),
            header,
            span: Span::new(header.start, end),
            parameters,
            body: FunctionBody::Block(body),
            generator: facts.generator,
            is_async: node
                .child(0)
                .is_some_and(|child| child.kind_name() == "async"),
            globals: facts.globals,
            nonlocals: facts.nonlocals,
            broken: false,
        });
        (id, header)
    }

    fn class(&mut self, node: Node<'_>, decorators: Vec<ExpressionId>) -> ClassDefinition {
        let name_node = node.field("name");
        let bases = node
            .field("superclasses")
            .map(|bases| self.arguments(bases))
            .unwrap_or_default();
        ClassDefinition {
            name: name_node.map(|name| self.name(name)).unwrap_or_default(),
            name_span: name_node.map_or(span(node), span),
            bases,
            decorators,
            body: self.body(node, "body"),
        }
    }

    fn with(&mut self, node: Node<'_>, header: &mut Span) -> StatementKind {
        let mut items = Vec::new();
        let body = node.field("body");
        for clause in children(node) {
            if clause.kind_name() != "with_clause" {
                continue;
            }
            header.end = clause.end_byte() as u32;
            for item in children(clause) {
                let value = item.field("value").unwrap_or(item);
                // `with (a as b, c as d):` reads as a tuple of patterns
                let parts = match value.kind_name() {
                    "tuple" if self.has_as(value) => children(value),
                    "parenthesized_expression" if self.has_as(value) => children(value),
                    _ => vec![value],
                };
                for part in parts {
                    items.push(self.with_item(part));
                }
            }
        }
        StatementKind::With {
            items,
            body: body.map(|body| self.block(body)).unwrap_or_default(),
        }
    }

    fn has_as(&self, node: Node<'_>) -> bool {
        children(node)
            .iter()
            .any(|child| child.kind_name() == "as_pattern")
    }

    fn with_item(&mut self, node: Node<'_>) -> WithItem {
        if node.kind_name() != "as_pattern" {
            return WithItem {
                value: self.expression(node),
                target: None,
            };
        }
        let alias = node.field("alias");
        let value = match children(node).first() {
            Some(value) => self.expression(*value),
            None => self.hole(span(node)),
        };
        WithItem {
            value,
            target: alias.map(|alias| self.expression(alias)),
        }
    }

    fn try_statement(&mut self, node: Node<'_>) -> StatementKind {
        let body = self.body(node, "body");
        let mut handlers = Vec::new();
        let mut otherwise = Vec::new();
        let mut finally = Vec::new();
        for child in children(node) {
            match child.kind_name() {
                "except_clause" | "except_group_clause" => {
                    let handler = self.handler(child);
                    handlers.push(handler);
                }
                "else_clause" => otherwise = self.body(child, "body"),
                "finally_clause" => {
                    if let Some(block) = children(child).last() {
                        finally = self.block(*block);
                    }
                }
                _ => {}
            }
        }
        StatementKind::Try {
            body,
            handlers,
            otherwise,
            finally,
        }
    }

    fn handler(&mut self, node: Node<'_>) -> Handler {
        let mut class = None;
        let mut name = None;
        let mut body = Vec::new();
        let alias = node.field("alias");
        if let Some(alias) = alias {
            name = Some(self.name(alias));
        }
        let mut classes = Vec::new();
        for child in children(node) {
            match child.kind_name() {
                "block" => body = self.block(child),
                _ if Some(child) == alias => {}
                "as_pattern" => {
                    if let Some(alias) = child.field("alias") {
                        name = Some(self.name(alias));
                    }
                    if let Some(value) = children(child).first() {
                        classes.push(self.expression(*value));
                    }
                }
                _ => classes.push(self.expression(child)),
            }
        }
        if classes.len() > 1 {
            let tuple = self.add(span(node), ExpressionKind::Tuple(classes));
            class = Some(tuple);
        } else if let Some(single) = classes.pop() {
            class = Some(single);
        }
        Handler {
            class,
            name,
            body,
            span: span(node),
        }
    }

    fn match_statement(&mut self, node: Node<'_>, header: &mut Span) -> StatementKind {
        let mut cursor = node.walk();
        let subjects: Vec<Node<'_>> = node
            .children_by_field_name("subject", &mut cursor)
            .filter(Node::is_named)
            .collect();
        let subject = match subjects.as_slice() {
            [single] => self.expression(*single),
            several => {
                let items = several.iter().map(|node| self.expression(*node)).collect();
                self.add(span(node), ExpressionKind::Tuple(items))
            }
        };
        *header = self.span_of(subject);
        let mut cases = Vec::new();
        let clauses = node.field("body").map(children).unwrap_or_default();
        for clause in clauses {
            if clause.kind_name() != "case_clause" {
                continue;
            }
            let patterns: Vec<Node<'_>> = children(clause)
                .into_iter()
                .filter(|child| child.kind_name() == "case_pattern")
                .collect();
            let pattern = match patterns.as_slice() {
                [single] => self.pattern(*single),
                _ => Pattern::Unsupported(Vec::new()),
            };
            let guard = clause
                .field("guard")
                .and_then(|guard| children(guard).first().copied())
                .map(|guard| self.expression(guard));
            let body = self.body(clause, "consequence");
            cases.push(Case {
                pattern,
                guard,
                body,
            });
        }
        StatementKind::Match { subject, cases }
    }

    fn pattern(&mut self, node: Node<'_>) -> Pattern {
        if !self.enter(node) {
            return Pattern::Unsupported(Vec::new());
        }
        let pattern = self.pattern_inner(node);
        self.depth -= 1;
        pattern
    }

    fn pattern_inner(&mut self, node: Node<'_>) -> Pattern {
        match node.kind_name() {
            "case_pattern" => match children(node).first() {
                Some(inner) => self.pattern(*inner),
                None if self.slice(node).trim() == "_" => Pattern::Wildcard,
                None => Pattern::Value(self.expression(node)),
            },
            "dotted_name" | "identifier" => {
                let text = self.slice(node);
                if text == "_" {
                    Pattern::Wildcard
                } else if text.contains('.') {
                    Pattern::Value(self.expression(node))
                } else {
                    Pattern::Capture(text.into())
                }
            }
            "union_pattern" => {
                let parts = children(node);
                Pattern::Or(parts.into_iter().map(|part| self.pattern(part)).collect())
            }
            "as_pattern" => {
                let parts = children(node);
                match parts.as_slice() {
                    [inner, name] => Pattern::As(Box::new(self.pattern(*inner)), self.name(*name)),
                    _ => Pattern::Unsupported(Vec::new()),
                }
            }
            "string" | "concatenated_string" | "integer" | "float" | "true" | "false" | "none" => {
                Pattern::Value(self.expression(node))
            }
            _ => {
                let mut names = Vec::new();
                self.captured(node, &mut names);
                Pattern::Unsupported(names)
            }
        }
    }

    fn captured(&mut self, node: Node<'_>, names: &mut Vec<SmolStr>) {
        if !self.enter(node) {
            return;
        }
        for child in children(node) {
            if matches!(child.kind_name(), "identifier" | "dotted_name") {
                let text = self.slice(child);
                if !text.contains('.') {
                    names.push(text.into());
                }
            } else {
                self.captured(child, names);
            }
        }
        self.depth -= 1;
    }
}
