//! Expressions.

use ruff_python_ast::{
    ArgOrKeyword, Arguments, BoolOp, CmpOp, Comprehension as RuffComprehension, Expr, ExprBinOp,
    ExprLambda, ExprSubscript, Number, Operator, Parameters, UnaryOp,
};
use ruff_text_size::Ranged;
use smol_str::SmolStr;

use super::{FunctionFacts, Lowerer, span};
use crate::python::syntax::{
    Argument, BinaryOperator, Clause, Comparison, Comprehension, ComprehensionKind, DictItem,
    ExpressionId, ExpressionKind, FunctionBody, FunctionDefinition, Parameter, ParameterKind,
    UnaryOperator,
};

pub(super) fn binary_operator(operator: Operator) -> BinaryOperator {
    match operator {
        Operator::Add => BinaryOperator::Add,
        Operator::Sub => BinaryOperator::Subtract,
        Operator::Mult => BinaryOperator::Multiply,
        Operator::MatMult => BinaryOperator::MatrixMultiply,
        Operator::Div => BinaryOperator::Divide,
        Operator::Mod => BinaryOperator::Modulo,
        Operator::Pow => BinaryOperator::Power,
        Operator::LShift => BinaryOperator::LeftShift,
        Operator::RShift => BinaryOperator::RightShift,
        Operator::BitOr => BinaryOperator::Or,
        Operator::BitXor => BinaryOperator::Xor,
        Operator::BitAnd => BinaryOperator::And,
        Operator::FloorDiv => BinaryOperator::FloorDivide,
    }
}

fn comparison(operator: CmpOp) -> Comparison {
    match operator {
        CmpOp::Eq => Comparison::Equal,
        CmpOp::NotEq => Comparison::NotEqual,
        CmpOp::Lt => Comparison::Less,
        CmpOp::LtE => Comparison::LessEqual,
        CmpOp::Gt => Comparison::Greater,
        CmpOp::GtE => Comparison::GreaterEqual,
        CmpOp::Is => Comparison::Is,
        CmpOp::IsNot => Comparison::IsNot,
        CmpOp::In => Comparison::In,
        CmpOp::NotIn => Comparison::NotIn,
    }
}

fn unary_operator(operator: UnaryOp) -> UnaryOperator {
    match operator {
        UnaryOp::Invert => UnaryOperator::Invert,
        UnaryOp::Not => UnaryOperator::Not,
        UnaryOp::UAdd => UnaryOperator::Plus,
        UnaryOp::USub => UnaryOperator::Minus,
    }
}

fn number(number: &Number) -> ExpressionKind {
    match number {
        Number::Int(value) => value
            .as_i64()
            .map_or(ExpressionKind::Hole, ExpressionKind::Int),
        Number::Float(value) => ExpressionKind::Float(*value),
        Number::Complex { .. } => ExpressionKind::Hole,
    }
}

impl Lowerer<'_> {
    pub(super) fn expression(&mut self, node: &Expr) -> ExpressionId {
        if !self.enter(span(node)) {
            return self.hole(span(node));
        }
        let id = self.expression_inner(node);
        self.depth -= 1;
        id
    }

    pub(super) fn maybe(&mut self, node: Option<&Expr>) -> Option<ExpressionId> {
        node.map(|node| self.expression(node))
    }

    pub(super) fn all<'a>(
        &mut self,
        nodes: impl IntoIterator<Item = &'a Expr>,
    ) -> Vec<ExpressionId> {
        nodes
            .into_iter()
            .map(|node| self.expression(node))
            .collect()
    }

    fn expression_inner(&mut self, node: &Expr) -> ExpressionId {
        let place = span(node);
        let kind = match node {
            Expr::Name(name) if name.is_invalid() => ExpressionKind::Hole,
            Expr::Name(name) => ExpressionKind::Name(SmolStr::new(name.id.as_str())),
            Expr::StringLiteral(_)
            | Expr::BytesLiteral(_)
            | Expr::FString(_)
            | Expr::TString(_) => return self.string(node),
            Expr::NoneLiteral(_) => ExpressionKind::None,
            Expr::BooleanLiteral(literal) => ExpressionKind::Bool(literal.value),
            Expr::EllipsisLiteral(_) => ExpressionKind::Ellipsis,
            Expr::NumberLiteral(literal) => number(&literal.value),
            Expr::Attribute(attribute) => ExpressionKind::Attribute {
                value: self.expression(&attribute.value),
                name: SmolStr::new(attribute.attr.as_str()),
            },
            Expr::Call(call) => ExpressionKind::Call {
                callee: self.expression(&call.func),
                arguments: self.arguments(&call.arguments),
            },
            Expr::Subscript(subscript) => self.subscript(subscript),
            Expr::Slice(slice) => ExpressionKind::Slice {
                lower: self.maybe(slice.lower.as_deref()),
                upper: self.maybe(slice.upper.as_deref()),
                step: self.maybe(slice.step.as_deref()),
            },
            Expr::BinOp(binary) => self.binary(binary),
            Expr::UnaryOp(unary) => ExpressionKind::Unary {
                operator: unary_operator(unary.op),
                operand: self.expression(&unary.operand),
            },
            Expr::BoolOp(boolean) => ExpressionKind::Boolean {
                and: boolean.op == BoolOp::And,
                operands: self.all(&boolean.values),
            },
            Expr::Compare(compare) => {
                let first = self.expression(&compare.left);
                let rest = compare.ops.iter().zip(&compare.comparators);
                ExpressionKind::Compare {
                    first,
                    rest: rest
                        .map(|(operator, operand)| {
                            (comparison(*operator), self.expression(operand))
                        })
                        .collect(),
                }
            }
            Expr::If(conditional) => ExpressionKind::Conditional {
                then: self.expression(&conditional.body),
                condition: self.expression(&conditional.test),
                otherwise: self.expression(&conditional.orelse),
            },
            Expr::Named(named) => match &*named.target {
                Expr::Name(name) => ExpressionKind::Walrus {
                    name: SmolStr::new(name.id.as_str()),
                    value: self.expression(&named.value),
                },
                _ => ExpressionKind::Hole,
            },
            Expr::Lambda(lambda) => self.lambda(lambda),
            Expr::List(list) => ExpressionKind::List(self.all(&list.elts)),
            Expr::Tuple(tuple) => ExpressionKind::Tuple(self.all(&tuple.elts)),
            Expr::Set(set) => ExpressionKind::Set(self.all(&set.elts)),
            Expr::Dict(dict) => {
                let items = dict.items.iter().map(|item| match &item.key {
                    Some(key) => DictItem::Pair(self.expression(key), self.expression(&item.value)),
                    None => DictItem::Spread(self.expression(&item.value)),
                });
                ExpressionKind::Dict(items.collect())
            }
            Expr::ListComp(list) => self.comprehension(
                ComprehensionKind::List,
                Some(&list.elt),
                None,
                &list.generators,
            ),
            Expr::SetComp(set) => self.comprehension(
                ComprehensionKind::Set,
                Some(&set.elt),
                None,
                &set.generators,
            ),
            Expr::DictComp(dict) => self.comprehension(
                ComprehensionKind::Dict,
                dict.key.as_deref(),
                Some(&dict.value),
                &dict.generators,
            ),
            Expr::Generator(generator) => self.comprehension(
                ComprehensionKind::Generator,
                Some(&generator.elt),
                None,
                &generator.generators,
            ),
            Expr::Starred(starred) => ExpressionKind::Starred(self.expression(&starred.value)),
            Expr::Await(awaited) => ExpressionKind::Await(self.expression(&awaited.value)),
            Expr::Yield(yielded) => {
                self.yields();
                ExpressionKind::Yield(self.maybe(yielded.value.as_deref()))
            }
            Expr::YieldFrom(yielded) => {
                self.yields();
                ExpressionKind::YieldFrom(self.expression(&yielded.value))
            }
            Expr::IpyEscapeCommand(_) => ExpressionKind::Hole,
        };
        self.add(place, kind)
    }

    fn yields(&mut self) {
        if let Some(facts) = self.functions.last_mut() {
            facts.generator = true;
        }
    }

    pub(super) fn arguments(&mut self, arguments: &Arguments) -> Vec<Argument> {
        let mut found = Vec::with_capacity(arguments.len());
        for argument in arguments.iter_source_order() {
            found.push(match argument {
                ArgOrKeyword::Arg(Expr::Starred(starred)) => {
                    Argument::Spread(self.expression(&starred.value))
                }
                ArgOrKeyword::Arg(value @ Expr::Generator(generator))
                    if !generator.parenthesized =>
                {
                    let id = self.expression(value);
                    // its brackets are those of the call
                    self.module.expressions[id.0 as usize].span = span(arguments);
                    Argument::Positional(id)
                }
                ArgOrKeyword::Arg(value) => Argument::Positional(self.expression(value)),
                ArgOrKeyword::Keyword(keyword) => {
                    let value = self.expression(&keyword.value);
                    match &keyword.arg {
                        Some(name) => Argument::Keyword(SmolStr::new(name.as_str()), value),
                        None => Argument::SpreadKeywords(value),
                    }
                }
            });
        }
        found
    }

    fn subscript(&mut self, node: &ExprSubscript) -> ExpressionKind {
        let value = self.expression(&node.value);
        let index = match &*node.slice {
            // `x[a,]` and `x[a, b]`
            Expr::Tuple(tuple) if !tuple.parenthesized => {
                let items = self.all(&tuple.elts);
                self.add(span(node), ExpressionKind::Tuple(items))
            }
            single => self.expression(single),
        };
        ExpressionKind::Subscript { value, index }
    }

    /// Chains such as `a + b + c` nest to the left, one node an operator: unrolled without recursion.
    fn binary(&mut self, node: &ExprBinOp) -> ExpressionKind {
        let mut spine = vec![(node.op, &*node.right)];
        let mut first = &*node.left;
        // a left side in parentheses is an operand of its own: it begins behind its bracket
        while let Expr::BinOp(left) = first
            && left.start() == node.start()
        {
            spine.push((left.op, &left.right));
            first = &left.left;
        }
        let first = self.expression(first);
        let rest = spine.into_iter().rev();
        ExpressionKind::Binary {
            first,
            rest: rest
                .map(|(operator, right)| (binary_operator(operator), self.expression(right)))
                .collect(),
        }
    }

    fn comprehension(
        &mut self,
        kind: ComprehensionKind,
        element: Option<&Expr>,
        value: Option<&Expr>,
        generators: &[RuffComprehension],
    ) -> ExpressionKind {
        // `{**a for a in b}` is of a Python to come
        let Some(element) = element else {
            return ExpressionKind::Hole;
        };
        let element = self.expression(element);
        let value = self.maybe(value);
        let mut clauses = Vec::with_capacity(generators.len());
        for generator in generators {
            clauses.push(Clause::For {
                target: self.expression(&generator.target),
                iterable: self.expression(&generator.iter),
            });
            for condition in &generator.ifs {
                clauses.push(Clause::If(self.expression(condition)));
            }
        }
        ExpressionKind::Comprehension(Box::new(Comprehension {
            kind,
            element,
            value,
            clauses,
        }))
    }

    fn lambda(&mut self, node: &ExprLambda) -> ExpressionKind {
        let parameters = node.parameters.as_deref();
        let parameters = parameters.map_or_else(Vec::new, |parameters| self.parameters(parameters));
        self.functions.push(FunctionFacts::default());
        let body = self.expression(&node.body);
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

    pub(super) fn parameters(&mut self, node: &Parameters) -> Vec<Parameter> {
        let positional = (&node.posonlyargs, ParameterKind::PositionalOnly);
        let normal = (&node.args, ParameterKind::Normal);
        let keyword = (&node.kwonlyargs, ParameterKind::KeywordOnly);
        let mut parameters = Vec::with_capacity(node.len());
        for (own, kind) in [positional, normal, keyword] {
            if kind == ParameterKind::KeywordOnly
                && let Some(rest) = &node.vararg
            {
                parameters.push(Parameter {
                    name: SmolStr::new(rest.name.as_str()),
                    kind: ParameterKind::Args,
                    default: None,
                });
            }
            for parameter in own {
                parameters.push(Parameter {
                    name: SmolStr::new(parameter.parameter.name.as_str()),
                    kind,
                    default: self.maybe(parameter.default.as_deref()),
                });
            }
        }
        if let Some(rest) = &node.kwarg {
            parameters.push(Parameter {
                name: SmolStr::new(rest.name.as_str()),
                kind: ParameterKind::Kwargs,
                default: None,
            });
        }
        parameters
    }
}
