//! Expressions.

use tree_sitter::Node;

use super::node::Asked;
use super::{FunctionFacts, Lowerer, children, span};
use crate::python::syntax::{
    Argument, BinaryOperator, Clause, Comparison, Comprehension, ComprehensionKind, DictItem,
    ExpressionId, ExpressionKind, FunctionBody, FunctionDefinition, Parameter, ParameterKind,
    UnaryOperator,
};

pub(super) fn binary_operator(text: &str) -> Option<BinaryOperator> {
    Some(match text {
        "+" => BinaryOperator::Add,
        "-" => BinaryOperator::Subtract,
        "*" => BinaryOperator::Multiply,
        "/" => BinaryOperator::Divide,
        "//" => BinaryOperator::FloorDivide,
        "%" => BinaryOperator::Modulo,
        "**" => BinaryOperator::Power,
        "&" => BinaryOperator::And,
        "|" => BinaryOperator::Or,
        "^" => BinaryOperator::Xor,
        "<<" => BinaryOperator::LeftShift,
        ">>" => BinaryOperator::RightShift,
        "@" => BinaryOperator::MatrixMultiply,
        _ => return None,
    })
}

fn is_and(node: Node<'_>) -> bool {
    node.field("operator")
        .is_some_and(|word| word.kind_name() == "and")
}

fn comparison(kind: &str) -> Option<Comparison> {
    Some(match kind {
        "==" => Comparison::Equal,
        "!=" | "<>" => Comparison::NotEqual,
        "<" => Comparison::Less,
        "<=" => Comparison::LessEqual,
        ">" => Comparison::Greater,
        ">=" => Comparison::GreaterEqual,
        "in" => Comparison::In,
        "not in" => Comparison::NotIn,
        "is" => Comparison::Is,
        "is not" => Comparison::IsNot,
        _ => return None,
    })
}

impl Lowerer<'_> {
    /// An expression, or several with commas between them.
    pub(super) fn expression(&mut self, node: Node<'_>) -> ExpressionId {
        let mut node = node;
        // parentheses cost no depth
        while node.kind_name() == "parenthesized_expression" {
            match children(node).first() {
                Some(inner) => node = *inner,
                None => return self.hole(span(node)),
            }
        }
        if !self.enter(node) {
            return self.hole(span(node));
        }
        let id = self.expression_inner(node);
        self.depth -= 1;
        id
    }

    fn field(&mut self, node: Node<'_>, field: &str) -> ExpressionId {
        match node.field(field) {
            Some(child) => self.expression(child),
            None => self.hole(span(node)),
        }
    }

    pub(super) fn all(&mut self, node: Node<'_>) -> Vec<ExpressionId> {
        children(node)
            .into_iter()
            .map(|child| self.expression(child))
            .collect()
    }

    fn expression_inner(&mut self, node: Node<'_>) -> ExpressionId {
        let place = span(node);
        let kind = match node.kind_name() {
            "identifier" | "dotted_name" => return self.dotted(node),
            "string" | "concatenated_string" => return self.string(node),
            "none" => ExpressionKind::None,
            "true" => ExpressionKind::Bool(true),
            "false" => ExpressionKind::Bool(false),
            "ellipsis" => ExpressionKind::Ellipsis,
            "integer" => integer(self.slice(node)),
            "float" => self
                .slice(node)
                .replace('_', "")
                .parse()
                .map_or(ExpressionKind::Hole, ExpressionKind::Float),
            "attribute" => {
                let value = self.field(node, "object");
                let name = node
                    .field("attribute")
                    .map(|name| self.name(name))
                    .unwrap_or_default();
                ExpressionKind::Attribute { value, name }
            }
            "call" => {
                let callee = self.field(node, "function");
                let arguments = match node.field("arguments") {
                    Some(arguments) if arguments.kind_name() == "argument_list" => {
                        self.arguments(arguments)
                    }
                    Some(generator) => vec![Argument::Positional(self.expression(generator))],
                    None => Vec::new(),
                };
                ExpressionKind::Call { callee, arguments }
            }
            "subscript" => self.subscript(node),
            "slice" => self.slice_expression(node),
            "binary_operator" => return self.binary(node),
            "unary_operator" => {
                let operand = self.field(node, "argument");
                let operator = match node.field("operator").map(|node| node.kind_name()) {
                    Some("-") => UnaryOperator::Minus,
                    Some("~") => UnaryOperator::Invert,
                    _ => UnaryOperator::Plus,
                };
                ExpressionKind::Unary { operator, operand }
            }
            "not_operator" => ExpressionKind::Unary {
                operator: UnaryOperator::Not,
                operand: self.field(node, "argument"),
            },
            "boolean_operator" => return self.boolean(node),
            "comparison_operator" => self.comparison(node),
            "conditional_expression" => match children(node).as_slice() {
                [then, condition, otherwise] => ExpressionKind::Conditional {
                    then: self.expression(*then),
                    condition: self.expression(*condition),
                    otherwise: self.expression(*otherwise),
                },
                _ => ExpressionKind::Hole,
            },
            "named_expression" => ExpressionKind::Walrus {
                name: node
                    .field("name")
                    .map(|name| self.name(name))
                    .unwrap_or_default(),
                value: self.field(node, "value"),
            },
            "lambda" => self.lambda(node),
            "list" | "list_pattern" => ExpressionKind::List(self.all(node)),
            "tuple" | "tuple_pattern" | "expression_list" | "pattern_list" => {
                ExpressionKind::Tuple(self.all(node))
            }
            "set" => ExpressionKind::Set(self.all(node)),
            "dictionary" => self.dictionary(node),
            "list_comprehension" => self.comprehension(node, ComprehensionKind::List),
            "set_comprehension" => self.comprehension(node, ComprehensionKind::Set),
            "dictionary_comprehension" => self.comprehension(node, ComprehensionKind::Dict),
            "generator_expression" => self.comprehension(node, ComprehensionKind::Generator),
            "list_splat" | "list_splat_pattern" => match children(node).first() {
                Some(inner) => ExpressionKind::Starred(self.expression(*inner)),
                None => ExpressionKind::Hole,
            },
            "await" => match children(node).first() {
                Some(inner) => ExpressionKind::Await(self.expression(*inner)),
                None => ExpressionKind::Hole,
            },
            "yield" => self.yield_expression(node),
            // annotations: their text is an expression, a string, or several
            "type" | "as_pattern_target" | "case_pattern" => match children(node).first() {
                Some(inner) => return self.expression(*inner),
                None => ExpressionKind::Hole,
            },
            "generic_type" => self.generic_type(node),
            "union_type" => return self.binary_children(node),
            "member_type" => ExpressionKind::Hole,
            // a keyword that the grammar also takes for a name
            "print" | "exec" | "match" | "case" | "keyword_identifier" => {
                ExpressionKind::Name(self.name(node))
            }
            _ => ExpressionKind::Hole,
        };
        self.add(place, kind)
    }

    /// A name, or `a.b.c` of a pattern or decorator.
    fn dotted(&mut self, node: Node<'_>) -> ExpressionId {
        let place = span(node);
        let text = self.slice(node);
        let mut parts = text.split('.').map(str::trim);
        let first = parts.next().unwrap_or_default();
        let mut id = self.add(place, ExpressionKind::Name(first.into()));
        for name in parts.take(64) {
            let kind = ExpressionKind::Attribute {
                value: id,
                name: name.into(),
            };
            id = self.add(place, kind);
        }
        id
    }

    pub(super) fn arguments(&mut self, node: Node<'_>) -> Vec<Argument> {
        children(node)
            .into_iter()
            .map(|child| match child.kind_name() {
                "keyword_argument" => {
                    let name = child
                        .field("name")
                        .map(|name| self.name(name))
                        .unwrap_or_default();
                    Argument::Keyword(name, self.field(child, "value"))
                }
                "list_splat" => match children(child).first() {
                    Some(inner) => Argument::Spread(self.expression(*inner)),
                    None => Argument::Spread(self.hole(span(child))),
                },
                "dictionary_splat" => match children(child).first() {
                    Some(inner) => Argument::SpreadKeywords(self.expression(*inner)),
                    None => Argument::SpreadKeywords(self.hole(span(child))),
                },
                _ => Argument::Positional(self.expression(child)),
            })
            .collect()
    }

    fn subscript(&mut self, node: Node<'_>) -> ExpressionKind {
        let value = self.field(node, "value");
        let mut cursor = node.walk();
        let nodes: Vec<Node<'_>> = node
            .children_by_field_name("subscript", &mut cursor)
            .filter(Node::is_named)
            .collect();
        // `x[a,]` and `x[a, b]` are tuples
        let comma = {
            let mut cursor = node.walk();
            node.children(&mut cursor)
                .any(|child| child.kind_name() == ",")
        };
        let index = match nodes.as_slice() {
            [single] if !comma => self.expression(*single),
            _ => {
                let items = nodes.iter().map(|node| self.expression(*node)).collect();
                self.add(span(node), ExpressionKind::Tuple(items))
            }
        };
        ExpressionKind::Subscript { value, index }
    }

    fn slice_expression(&mut self, node: Node<'_>) -> ExpressionKind {
        let mut parts = [None, None, None];
        let mut at = 0;
        let mut cursor = node.walk();
        let nodes: Vec<Node<'_>> = node.children(&mut cursor).collect();
        for child in nodes {
            if child.kind_name() == ":" {
                at += 1;
            } else if child.is_named()
                && !child.is_extra()
                && let Some(part) = parts.get_mut(at)
            {
                *part = Some(self.expression(child));
            }
        }
        let [lower, upper, step] = parts;
        ExpressionKind::Slice { lower, upper, step }
    }

    /// Chains such as `a + b + c` nest to the left, one node an operator: unrolled without recursion.
    fn binary(&mut self, node: Node<'_>) -> ExpressionId {
        let place = span(node);
        let mut spine = Vec::new();
        let mut current = node;
        while current.kind_name() == "binary_operator" {
            let operator = current
                .field("operator")
                .and_then(|operator| binary_operator(operator.kind_name()));
            let (Some(operator), Some(left), Some(right)) =
                (operator, current.field("left"), current.field("right"))
            else {
                return self.hole(place);
            };
            spine.push((operator, right));
            current = left;
        }
        let first = self.expression(current);
        let rest = spine
            .into_iter()
            .rev()
            .map(|(operator, right)| (operator, self.expression(right)))
            .collect();
        self.add(place, ExpressionKind::Binary { first, rest })
    }

    fn binary_children(&mut self, node: Node<'_>) -> ExpressionId {
        let mut items = self.all(node).into_iter();
        let Some(first) = items.next() else {
            return self.hole(span(node));
        };
        let rest = items.map(|item| (BinaryOperator::Or, item)).collect();
        self.add(span(node), ExpressionKind::Binary { first, rest })
    }

    fn generic_type(&mut self, node: Node<'_>) -> ExpressionKind {
        let parts = children(node);
        let [name, parameters] = parts.as_slice() else {
            return ExpressionKind::Hole;
        };
        let value = self.expression(*name);
        let mut items = self.all(*parameters);
        let index = if items.len() == 1 {
            items.remove(0)
        } else {
            self.add(span(*parameters), ExpressionKind::Tuple(items))
        };
        ExpressionKind::Subscript { value, index }
    }

    fn boolean(&mut self, node: Node<'_>) -> ExpressionId {
        let place = span(node);
        let and = is_and(node);
        let mut spine = Vec::new();
        let mut current = node;
        while current.kind_name() == "boolean_operator" && is_and(current) == and {
            let (Some(left), Some(right)) = (current.field("left"), current.field("right")) else {
                return self.hole(place);
            };
            spine.push(right);
            current = left;
        }
        spine.push(current);
        let operands = spine
            .into_iter()
            .rev()
            .map(|operand| self.expression(operand))
            .collect();
        self.add(place, ExpressionKind::Boolean { and, operands })
    }

    fn comparison(&mut self, node: Node<'_>) -> ExpressionKind {
        let mut first = None;
        let mut rest = Vec::new();
        let mut pending = None;
        let mut cursor = node.walk();
        let nodes: Vec<Node<'_>> = node.children(&mut cursor).collect();
        for child in nodes {
            if child.is_extra() {
                continue;
            }
            if let Some(operator) = comparison(child.kind_name()) {
                pending = Some(operator);
                continue;
            }
            let operand = self.expression(child);
            match pending.take() {
                Some(operator) => rest.push((operator, operand)),
                None => first = Some(operand),
            }
        }
        match first {
            Some(first) if !rest.is_empty() => ExpressionKind::Compare { first, rest },
            _ => ExpressionKind::Hole,
        }
    }

    fn dictionary(&mut self, node: Node<'_>) -> ExpressionKind {
        let items = children(node)
            .into_iter()
            .map(|child| match child.kind_name() {
                "pair" => {
                    let key = self.field(child, "key");
                    DictItem::Pair(key, self.field(child, "value"))
                }
                _ => match children(child).first() {
                    Some(inner) => DictItem::Spread(self.expression(*inner)),
                    None => DictItem::Spread(self.hole(span(child))),
                },
            })
            .collect();
        ExpressionKind::Dict(items)
    }

    fn comprehension(&mut self, node: Node<'_>, kind: ComprehensionKind) -> ExpressionKind {
        let Some(body) = node.field("body") else {
            return ExpressionKind::Hole;
        };
        let (element, value) = if body.kind_name() == "pair" {
            let key = self.field(body, "key");
            (key, Some(self.field(body, "value")))
        } else {
            (self.expression(body), None)
        };
        let mut clauses = Vec::new();
        for child in children(node) {
            match child.kind_name() {
                "for_in_clause" => {
                    let target = self.field(child, "left");
                    let iterable = self.field(child, "right");
                    clauses.push(Clause::For { target, iterable });
                }
                "if_clause" => {
                    if let Some(condition) = children(child).first() {
                        clauses.push(Clause::If(self.expression(*condition)));
                    }
                }
                _ => {}
            }
        }
        ExpressionKind::Comprehension(Box::new(Comprehension {
            kind,
            element,
            value,
            clauses,
        }))
    }

    fn yield_expression(&mut self, node: Node<'_>) -> ExpressionKind {
        if let Some(facts) = self.functions.last_mut() {
            facts.generator = true;
        }
        let from = {
            let mut cursor = node.walk();
            node.children(&mut cursor)
                .any(|child| child.kind_name() == "from")
        };
        let value = children(node).first().map(|inner| self.expression(*inner));
        match value {
            Some(value) if from => ExpressionKind::YieldFrom(value),
            value => ExpressionKind::Yield(value),
        }
    }

    fn lambda(&mut self, node: Node<'_>) -> ExpressionKind {
        let parameters = node
            .field("parameters")
            .map(|parameters| self.parameters(parameters))
            .unwrap_or_default();
        self.functions.push(FunctionFacts::default());
        let body = self.field(node, "body");
        let facts = self.functions.pop().unwrap_or_default();
        let place = span(node);
        ExpressionKind::Lambda(self.push_function(FunctionDefinition {
            name: "<lambda>".into(),
            name_span: place,
            header: place,
            span: place,
            parameters,
            body: FunctionBody::Expression(body),
            generator: facts.generator,
            is_async: false,
            globals: Vec::new(),
            nonlocals: Vec::new(),
            broken: false,
        }))
    }

    pub(super) fn parameters(&mut self, node: Node<'_>) -> Vec<Parameter> {
        let mut parameters: Vec<Parameter> = Vec::new();
        let mut kind = ParameterKind::Normal;
        for child in children(node) {
            let mut default = None;
            let name = match child.kind_name() {
                "identifier" => child,
                "positional_separator" => {
                    for parameter in &mut parameters {
                        parameter.kind = ParameterKind::PositionalOnly;
                    }
                    continue;
                }
                "keyword_separator" => {
                    kind = ParameterKind::KeywordOnly;
                    continue;
                }
                "default_parameter" | "typed_default_parameter" => {
                    default = Some(self.field(child, "value"));
                    child.field("name").unwrap_or(child)
                }
                "typed_parameter" => children(child).first().copied().unwrap_or(child),
                _ => child,
            };
            let (name, own) = match name.kind_name() {
                "list_splat_pattern" | "dictionary_splat_pattern" => {
                    let own = if name.kind_name() == "list_splat_pattern" {
                        ParameterKind::Args
                    } else {
                        ParameterKind::Kwargs
                    };
                    (children(name).first().copied().unwrap_or(name), Some(own))
                }
                _ => (name, None),
            };
            parameters.push(Parameter {
                name: self.name(name),
                kind: own.unwrap_or(kind),
                default,
            });
            if own == Some(ParameterKind::Args) {
                kind = ParameterKind::KeywordOnly;
            }
        }
        parameters
    }
}

fn integer(text: &str) -> ExpressionKind {
    let text = text.replace('_', "");
    let (digits, radix) = match text.get(..2) {
        Some("0x" | "0X") => (&text[2..], 16),
        Some("0o" | "0O") => (&text[2..], 8),
        Some("0b" | "0B") => (&text[2..], 2),
        _ => (text.as_str(), 10),
    };
    i64::from_str_radix(digits, radix).map_or(ExpressionKind::Hole, ExpressionKind::Int)
}
