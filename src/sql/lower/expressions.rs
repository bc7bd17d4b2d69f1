//! Expressions.

use pg_query::protobuf::{
    AConst, AExpr, AExprKind, AIndirection, BoolExpr, BoolExprType, BoolTestType, CaseExpr,
    ColumnRef, FuncCall, MinMaxOp, NullTestType, SqlValueFunctionOp, SubLink, SubLinkType, a_const,
};
use pg_query::{Node, NodeEnum};
use smol_str::SmolStr;

use super::names::{dotted, list, string, strings};
use super::{Context, query, types};
use crate::postgres::{Datum, Expr, Query};
use crate::unknown::{FRESH, HOLE};

/// Longest chain of infix operators (`a || b || c ...`) that is kept: it nests to the left.
const MAX_CHAIN: usize = 400;

fn unknown(what: &str) -> Expr {
    Expr::Unknown(SmolStr::new(what))
}

fn too_deep() -> Expr {
    unknown("nested too deeply")
}

/// An expression that must be there.
pub(super) fn required(context: &Context<'_>, node: Option<&Node>) -> Expr {
    optional(context, node).unwrap_or_else(|| unknown("a missing expression"))
}

/// An expression that may be absent.
pub(super) fn optional(context: &Context<'_>, node: Option<&Node>) -> Option<Expr> {
    Some(expression(context, node?))
}

/// Each member of a list.
pub(super) fn all(context: &Context<'_>, nodes: &[Node]) -> Vec<Expr> {
    nodes.iter().map(|node| expression(context, node)).collect()
}

pub(super) fn boxed(context: &Context<'_>, node: Option<&Node>) -> Box<Expr> {
    Box::new(required(context, node))
}

/// Lowers one expression.
pub(super) fn expression(context: &Context<'_>, node: &Node) -> Expr {
    let Some(node) = &node.node else {
        return unknown("a missing expression");
    };
    context
        .deeper(|| lower(context, node))
        .unwrap_or_else(too_deep)
}

fn lower(context: &Context<'_>, node: &NodeEnum) -> Expr {
    match node {
        NodeEnum::AConst(constant) => self::constant(context, constant),
        NodeEnum::Integer(value) => Expr::Value(Datum::Int(i64::from(value.ival))),
        NodeEnum::Float(value) => Expr::Value(number(&value.fval)),
        NodeEnum::String(value) => Expr::text(&value.sval),
        NodeEnum::Boolean(value) => Expr::Value(Datum::Bool(value.boolval)),
        NodeEnum::ParamRef(parameter) => Expr::Parameter(
            context
                .parameter(parameter.location)
                .unwrap_or_else(|| SmolStr::new(parameter.number.to_string())),
        ),
        NodeEnum::ColumnRef(column) => column_reference(column),
        NodeEnum::TypeCast(cast) => Expr::Cast {
            value: boxed(context, cast.arg.as_deref()),
            type_name: Box::new(types::type_of(cast.type_name.as_ref())),
        },
        NodeEnum::CollateClause(clause) => required(context, clause.arg.as_deref()),
        NodeEnum::AExpr(operation) => self::operation(context, operation),
        NodeEnum::BoolExpr(expression) => boolean(context, expression),
        NodeEnum::NullTest(test) => Expr::IsNull {
            value: boxed(context, test.arg.as_deref()),
            negated: test.nulltesttype() == NullTestType::IsNotNull,
        },
        NodeEnum::BooleanTest(test) => {
            boolean_test(required(context, test.arg.as_deref()), test.booltesttype())
        }
        NodeEnum::SubLink(link) => sublink(context, link),
        NodeEnum::FuncCall(call) => function_call(context, call),
        // which parameter it is for is not worked out
        NodeEnum::NamedArgExpr(_) => Expr::Unknown("an argument by name".into()),
        NodeEnum::CoalesceExpr(call) => Expr::call("coalesce", all(context, &call.args)),
        NodeEnum::MinMaxExpr(call) => {
            let name = if call.op() == MinMaxOp::IsLeast {
                "least"
            } else {
                "greatest"
            };
            Expr::call(name, all(context, &call.args))
        }
        NodeEnum::SqlvalueFunction(function) => Expr::call(value_function(function.op()), vec![]),
        NodeEnum::CaseExpr(case) => self::case(context, case),
        NodeEnum::AArrayExpr(array) => Expr::Array(all(context, &array.elements)),
        NodeEnum::RowExpr(row) => Expr::Row(all(context, &row.args)),
        NodeEnum::List(list) => Expr::Row(all(context, &list.items)),
        NodeEnum::AIndirection(indirection) => self::indirection(context, indirection),
        NodeEnum::SetToDefault(_) => Expr::Default,
        NodeEnum::GroupingFunc(call) => Expr::call("grouping", all(context, &call.args)),
        NodeEnum::MergeSupportFunc(_) => Expr::call("merge_action", vec![]),
        NodeEnum::MultiAssignRef(reference) => required(context, reference.source.as_deref()),
        NodeEnum::SelectStmt(select) => Expr::Subquery(Box::new(query::select(context, select))),
        other => unknown(what_is(other)),
    }
}

/// What a node is that is not modelled.
fn what_is(node: &NodeEnum) -> &'static str {
    match node {
        NodeEnum::XmlExpr(_) | NodeEnum::XmlSerialize(_) => "an XML expression",
        NodeEnum::JsonObjectConstructor(_)
        | NodeEnum::JsonArrayConstructor(_)
        | NodeEnum::JsonArrayQueryConstructor(_)
        | NodeEnum::JsonObjectAgg(_)
        | NodeEnum::JsonArrayAgg(_)
        | NodeEnum::JsonFuncExpr(_)
        | NodeEnum::JsonParseExpr(_)
        | NodeEnum::JsonScalarExpr(_)
        | NodeEnum::JsonSerializeExpr(_)
        | NodeEnum::JsonIsPredicate(_) => "an SQL/JSON expression",
        NodeEnum::CurrentOfExpr(_) => "WHERE CURRENT OF",
        NodeEnum::GroupingSet(_) => "a grouping set",
        _ => "an expression that is not modelled",
    }
}

fn constant(context: &Context<'_>, constant: &AConst) -> Expr {
    if let Some(name) = context.parameter(constant.location) {
        return Expr::Parameter(name);
    }
    if constant.isnull {
        return Expr::Value(Datum::Null);
    }
    match &constant.val {
        Some(a_const::Val::Ival(value)) => Expr::Value(Datum::Int(i64::from(value.ival))),
        Some(a_const::Val::Fval(value)) => Expr::Value(number(&value.fval)),
        Some(a_const::Val::Boolval(value)) => Expr::Value(Datum::Bool(value.boolval)),
        Some(a_const::Val::Sval(value)) => Expr::text(&value.sval),
        // `b'101'`, `x'1f'`: what it is as another type is not that of a string
        Some(a_const::Val::Bsval(_)) => Expr::Unknown("a string of bits".into()),
        None => Expr::Value(Datum::Null),
    }
}

/// A number; the parser's scanner calls every one past 32 bits a float.
pub(in crate::sql) fn number(text: &str) -> Datum {
    let plain = text.replace('_', "");
    if let Ok(whole) = plain.parse::<i64>() {
        return Datum::Int(whole);
    }
    let lower = plain.to_ascii_lowercase();
    let radix = [("0x", 16), ("0o", 8), ("0b", 2)];
    for (prefix, base) in radix {
        if let Some(digits) = lower.strip_prefix(prefix) {
            return i64::from_str_radix(digits, base).map_or(Datum::Unknown, Datum::Int);
        }
    }
    plain
        .parse::<f64>()
        .map_or_else(|_| Datum::text(text), Datum::Float)
}

fn column_reference(column: &ColumnRef) -> Expr {
    let mut parts = strings(&column.fields);
    let star = column
        .fields
        .last()
        .is_some_and(|field| matches!(field.node, Some(NodeEnum::AStar(_))));
    if star {
        return Expr::Star { qualifier: parts };
    }
    let Some(name) = parts.pop() else {
        return unknown("a column without a name");
    };
    // a hole that is the whole identifier stands for a value at least as often as for a column
    if parts.is_empty() && name.chars().all(|character| character == HOLE) {
        return Expr::Value(Datum::Unknown);
    }
    if parts.is_empty() && name.chars().all(|character| character == FRESH) {
        return Expr::Value(Datum::Fresh);
    }
    Expr::Column {
        qualifier: parts,
        name,
    }
}

fn operator_name(nodes: &[Node]) -> SmolStr {
    SmolStr::new(nodes.last().and_then(string).unwrap_or_default())
}

fn operation(context: &Context<'_>, operation: &AExpr) -> Expr {
    let operator = operator_name(&operation.name);
    let left = operation.lexpr.as_deref();
    let right = operation.rexpr.as_deref();
    match operation.kind() {
        AExprKind::AexprOp if left.is_some() => chain(context, operation),
        AExprKind::AexprOp => unary(operator, required(context, right)),
        AExprKind::AexprOpAny | AExprKind::AexprOpAll => Expr::Quantified {
            value: boxed(context, left),
            operator,
            array: boxed(context, right),
            all: operation.kind() == AExprKind::AexprOpAll,
        },
        AExprKind::AexprDistinct => binary(context, "IS DISTINCT FROM", left, right),
        AExprKind::AexprNotDistinct => binary(context, "IS NOT DISTINCT FROM", left, right),
        AExprKind::AexprNullif => Expr::call(
            "nullif",
            vec![required(context, left), required(context, right)],
        ),
        AExprKind::AexprIn => Expr::In {
            value: boxed(context, left),
            list: right
                .map(|node| all(context, list(node)))
                .unwrap_or_default(),
            negated: operator == "<>",
        },
        AExprKind::AexprLike | AExprKind::AexprIlike | AExprKind::AexprSimilar => {
            binary(context, &operator, left, right)
        }
        AExprKind::AexprBetween | AExprKind::AexprNotBetween => {
            let bounds = right.map(list).unwrap_or_default();
            Expr::Between {
                value: boxed(context, left),
                low: boxed(context, bounds.first()),
                high: boxed(context, bounds.get(1)),
                negated: operation.kind() == AExprKind::AexprNotBetween,
            }
        }
        _ => unknown("BETWEEN SYMMETRIC"),
    }
}

/// A prefix operator; the sign of a number is the number's.
pub(in crate::sql) fn unary(operator: SmolStr, value: Expr) -> Expr {
    match (operator.as_str(), value) {
        ("-", Expr::Value(Datum::Int(value))) if value != i64::MIN => {
            Expr::Value(Datum::Int(-value))
        }
        ("-", Expr::Value(Datum::Float(value))) => Expr::Value(Datum::Float(-value)),
        (_, value) => Expr::Unary {
            operator,
            value: Box::new(value),
        },
    }
}

fn binary(
    context: &Context<'_>,
    operator: &str,
    left: Option<&Node>,
    right: Option<&Node>,
) -> Expr {
    Expr::Binary {
        operator: SmolStr::new(operator),
        left: boxed(context, left),
        right: boxed(context, right),
    }
}

/// Infix operators associate to the left: a long chain is walked, not recursed into.
fn chain<'a>(context: &Context<'_>, last: &'a AExpr) -> Expr {
    let mut links: Vec<(SmolStr, Option<&'a Node>)> = Vec::new();
    let mut current = last;
    let first = loop {
        links.push((operator_name(&current.name), current.rexpr.as_deref()));
        let left = current.lexpr.as_deref();
        match left.and_then(|node| node.node.as_ref()) {
            Some(NodeEnum::AExpr(inner))
                if inner.kind() == AExprKind::AexprOp && inner.lexpr.is_some() =>
            {
                current = inner;
            }
            _ => break left,
        }
    };
    if links.len() > MAX_CHAIN {
        return too_deep();
    }
    let mut value = required(context, first);
    for (operator, right) in links.into_iter().rev() {
        value = Expr::Binary {
            operator,
            left: Box::new(value),
            right: boxed(context, right),
        };
    }
    value
}

fn boolean(context: &Context<'_>, expression: &BoolExpr) -> Expr {
    match expression.boolop() {
        BoolExprType::AndExpr => Expr::And(all(context, &expression.args)),
        BoolExprType::OrExpr => Expr::Or(all(context, &expression.args)),
        _ => negation(required(context, expression.args.first())),
    }
}

/// `NOT (x IN (SELECT ...))` is how the parser writes NOT IN.
fn negation(value: Expr) -> Expr {
    match value {
        Expr::InQuery {
            value,
            query,
            negated: false,
        } => Expr::InQuery {
            value,
            query,
            negated: true,
        },
        other => Expr::Not(Box::new(other)),
    }
}

fn boolean_test(value: Expr, test: BoolTestType) -> Expr {
    let value = Box::new(value);
    match test {
        BoolTestType::IsUnknown | BoolTestType::IsNotUnknown => Expr::IsNull {
            value,
            negated: test == BoolTestType::IsNotUnknown,
        },
        _ => Expr::IsBool {
            value,
            expected: matches!(test, BoolTestType::IsTrue | BoolTestType::IsNotTrue),
            negated: matches!(test, BoolTestType::IsNotTrue | BoolTestType::IsNotFalse),
        },
    }
}

fn sublink(context: &Context<'_>, link: &SubLink) -> Expr {
    let Some(query) = subquery(context, link.subselect.as_deref()) else {
        return unknown("a subquery that is no query");
    };
    let operator = operator_name(&link.oper_name);
    match link.sub_link_type() {
        SubLinkType::ExistsSublink => Expr::Exists(query),
        SubLinkType::ExprSublink | SubLinkType::MultiexprSublink => Expr::Subquery(query),
        SubLinkType::ArraySublink => Expr::ArrayQuery(query),
        SubLinkType::AnySublink if operator.is_empty() || operator == "=" => Expr::InQuery {
            value: boxed(context, link.testexpr.as_deref()),
            query,
            negated: false,
        },
        SubLinkType::AnySublink | SubLinkType::AllSublink => Expr::Quantified {
            value: boxed(context, link.testexpr.as_deref()),
            operator,
            array: Box::new(Expr::ArrayQuery(query)),
            all: link.sub_link_type() == SubLinkType::AllSublink,
        },
        _ => unknown("a subquery of an unusual kind"),
    }
}

fn subquery(context: &Context<'_>, node: Option<&Node>) -> Option<Box<Query>> {
    match node?.node.as_ref()? {
        NodeEnum::SelectStmt(select) => Some(Box::new(query::select(context, select))),
        _ => None,
    }
}

/// A function call; also lent to CALL and FROM.
pub(super) fn function_call(context: &Context<'_>, call: &FuncCall) -> Expr {
    let mut arguments = all(context, &call.args);
    if call.agg_within_group {
        // ordered-set aggregates: what they order is what they aggregate
        arguments.extend(call.agg_order.iter().map(|node| sorted(context, node)));
    }
    let name = dotted(&call.funcname);
    if !call.agg_within_group && !call.agg_order.is_empty() && depends_on_order(&name.name) {
        // the order of its input is not kept: neither is its value known
        if let Some(first) = arguments.first_mut() {
            *first = unknown("the input of an ordered aggregate");
        }
    }
    Expr::Call {
        name: Box::new(name),
        arguments,
        star: call.agg_star,
        distinct: call.agg_distinct,
        filter: optional(context, call.agg_filter.as_deref()).map(Box::new),
        window: call.over.is_some(),
    }
}

/// Whether an aggregate gives another value for another order: those that collect.
fn depends_on_order(name: &str) -> bool {
    name.ends_with("_agg") || name.ends_with("xmlagg")
}

fn sorted(context: &Context<'_>, node: &Node) -> Expr {
    match &node.node {
        Some(NodeEnum::SortBy(sort)) => required(context, sort.node.as_deref()),
        _ => expression(context, node),
    }
}

fn value_function(function: SqlValueFunctionOp) -> &'static str {
    match function {
        SqlValueFunctionOp::SvfopCurrentDate => "current_date",
        SqlValueFunctionOp::SvfopCurrentTime | SqlValueFunctionOp::SvfopCurrentTimeN => {
            "current_time"
        }
        SqlValueFunctionOp::SvfopCurrentTimestamp | SqlValueFunctionOp::SvfopCurrentTimestampN => {
            "current_timestamp"
        }
        SqlValueFunctionOp::SvfopLocaltime | SqlValueFunctionOp::SvfopLocaltimeN => "localtime",
        SqlValueFunctionOp::SvfopLocaltimestamp | SqlValueFunctionOp::SvfopLocaltimestampN => {
            "localtimestamp"
        }
        SqlValueFunctionOp::SvfopCurrentRole => "current_role",
        SqlValueFunctionOp::SvfopUser => "user",
        SqlValueFunctionOp::SvfopSessionUser => "session_user",
        SqlValueFunctionOp::SvfopCurrentCatalog => "current_catalog",
        SqlValueFunctionOp::SvfopCurrentSchema => "current_schema",
        _ => "current_user",
    }
}

fn case(context: &Context<'_>, case: &CaseExpr) -> Expr {
    let arms = case
        .args
        .iter()
        .filter_map(|arm| match arm.node.as_ref()? {
            NodeEnum::CaseWhen(when) => Some((
                required(context, when.expr.as_deref()),
                required(context, when.result.as_deref()),
            )),
            _ => None,
        })
        .collect();
    Expr::Case {
        operand: optional(context, case.arg.as_deref()).map(Box::new),
        arms,
        otherwise: optional(context, case.defresult.as_deref()).map(Box::new),
    }
}

fn indirection(context: &Context<'_>, indirection: &AIndirection) -> Expr {
    let mut value = required(context, indirection.arg.as_deref());
    for (index, step) in indirection.indirection.iter().enumerate() {
        if index >= usize::from(super::MAX_DEPTH) {
            return too_deep();
        }
        value = match &step.node {
            Some(NodeEnum::String(name)) => Expr::Field {
                value: Box::new(value),
                name: SmolStr::new(&name.sval),
            },
            Some(NodeEnum::AIndices(indices)) => {
                let bounds = [indices.lidx.as_deref(), indices.uidx.as_deref()];
                Expr::Subscript {
                    value: Box::new(value),
                    indexes: bounds
                        .into_iter()
                        .flatten()
                        .map(|bound| expression(context, bound))
                        .collect(),
                }
            }
            _ => return unknown("all fields of a row"),
        };
    }
    value
}
