//! What can be done to a column expression: operators, and the methods of SQLAlchemy's ColumnOperators.
//!
//! `schema::Column` and [`Element`] share these functions.

use smol_str::SmolStr;

use super::convert::{convert, flatten, is_type, merge_sources};
use super::select::{SelectObject, Subquery};
use super::{Converted, Element, Ordering, type_name};
use crate::alembic::object::{self, Interp};
use crate::postgres::expression::Query;
use crate::postgres::{Datum, Expr, TypeName};
use crate::python::{Arguments, Eval, HostOperator, Value};
use crate::unknown::Reason;

/// Methods of a column expression.
pub const METHODS: &[&str] = &[
    "in_",
    "notin_",
    "not_in",
    "is_",
    "isnot",
    "is_not",
    "is_distinct_from",
    "isnot_distinct_from",
    "is_not_distinct_from",
    "like",
    "ilike",
    "notlike",
    "not_like",
    "notilike",
    "not_ilike",
    "startswith",
    "endswith",
    "contains",
    "icontains",
    "istartswith",
    "iendswith",
    "between",
    "label",
    "cast",
    "op",
    "bool_op",
    "concat",
    "asc",
    "desc",
    "nullsfirst",
    "nulls_first",
    "nullslast",
    "nulls_last",
    "any_",
    "all_",
    "any",
    "all",
    "collate",
    "distinct",
    "match",
    "regexp_match",
    "regexp_replace",
    "over",
    "filter",
    "within_group",
    "self_group",
    "compile",
    "has_key",
    "has_all",
    "has_any",
    "contained_by",
    "overlap",
    "as_string",
    "as_integer",
    "as_boolean",
    "as_float",
    "as_numeric",
    "as_json",
    "unique_params",
    "params",
    "alias",
    "select",
    "scalar_subquery",
    "as_scalar",
    "table_valued",
    "column_valued",
    "where",
    "correlate",
    "select_from",
    "bitwise_and",
    "bitwise_or",
    "type_coerce",
    "operate",
    "compare",
    "get_children",
];

/// Data attributes of a column expression that are more than its name.
pub fn attribute(interp: &mut Interp, this: &Value, name: &str) -> Eval<Option<Value>> {
    Ok(match name {
        "name" | "key" => super::convert::column_name(this).map(|name| Value::str(name.as_str())),
        "astext" => Some(as_text(interp, this)?),
        "comparator" | "expression" | "element" | "__clause_element__" => {
            (name != "__clause_element__").then(|| this.clone())
        }
        "c" | "columns" if object::get::<Element>(this).is_some() => {
            Some(interp.unknown(Reason::Unsupported, "columns of a function"))
        }
        _ => None,
    })
}

/// A method of a column expression as a value.
pub fn bound(this: &Value, name: &str) -> Option<Value> {
    let name = METHODS.iter().find(|known| **known == name)?;
    Some(object::value(ElementMethod {
        this: this.clone(),
        name,
    }))
}

/// A method of a column expression that is not an [`Element`].
#[derive(Debug)]
struct ElementMethod {
    this: Value,
    name: &'static str,
}

impl object::Object for ElementMethod {
    fn type_name(&self) -> &'static str {
        "method"
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn call(
        &self,
        interp: &mut Interp,
        _: &crate::python::HostRef,
        arguments: Arguments,
    ) -> Eval<Value> {
        method(interp, &self.this, self.name, &arguments)
    }
}

/// `value -> key` becomes `value ->> key`.
fn as_text(interp: &mut Interp, this: &Value) -> Eval<Value> {
    let converted = convert(interp, this)?;
    Ok(Element::of(text_accessor(converted)).value())
}

fn text_accessor(mut converted: Converted) -> Converted {
    if let Expr::Binary { operator, .. } = &mut converted.expr {
        if operator == "->" {
            *operator = SmolStr::new_static("->>");
        } else if operator == "#>" {
            *operator = SmolStr::new_static("#>>");
        }
    }
    converted
}

/// `index.as_float()`: the text of the element, cast.
fn as_type(interp: &mut Interp, this: &Value, method: &str, arguments: &Arguments) -> Eval<Value> {
    let converted = text_accessor(convert(interp, this)?);
    let mut type_name = TypeName::new(match method {
        "as_string" => "varchar",
        "as_integer" => "int4",
        "as_boolean" => "bool",
        "as_float" => "float8",
        _ => "numeric",
    });
    if method == "as_numeric" {
        for (position, name) in ["precision", "scale"].into_iter().enumerate() {
            if let Some(Value::Int(number)) = arguments.get(position, name) {
                type_name.modifiers.push(number.to_string().into());
            }
        }
    }
    let expr = Expr::Cast {
        value: Box::new(converted.expr),
        type_name: Box::new(type_name),
    };
    Ok(wrap(converted.sources, expr))
}

/// A path into JSON as PostgreSQL writes it: `{a, b}`.
fn json_path(interp: &mut Interp, parts: &[Value]) -> Eval<Expr> {
    let mut path = String::from("{");
    for (position, part) in parts.iter().enumerate() {
        if position > 0 {
            path.push_str(", ");
        }
        path.push_str(&interp.string(part)?);
    }
    path.push('}');
    Ok(Expr::Value(Datum::Text(path.into())))
}

/// `this[index]`: JSON access or an array's element.
pub fn subscript(interp: &mut Interp, this: &Value, index: &Value) -> Eval<Value> {
    let converted = convert(interp, this)?;
    if is_type(this, &["ARRAY"]) {
        let index = super::expression(interp, index)?;
        return Ok(wrap(
            converted.sources,
            Expr::Subscript {
                value: Box::new(converted.expr),
                indexes: vec![index],
            },
        ));
    }
    let path = match index {
        Value::Tuple(parts) => Some(parts.to_vec()),
        Value::List(parts) => Some(parts.borrow().clone()),
        _ => None,
    };
    let (operator, index) = match path {
        Some(parts) => ("#>", json_path(interp, &parts)?),
        None => ("->", super::expression(interp, index)?),
    };
    Ok(wrap(
        converted.sources,
        binary_expr(operator, converted.expr, index),
    ))
}

fn wrap(sources: Vec<super::Source>, expr: Expr) -> Value {
    Element {
        expr,
        label: None,
        sources,
        ordering: None,
    }
    .value()
}

/// `left operator right`.
pub fn binary_expr(operator: &str, left: Expr, right: Expr) -> Expr {
    Expr::Binary {
        operator: SmolStr::new(operator),
        left: Box::new(left),
        right: Box::new(right),
    }
}

fn is_null(expr: &Expr) -> bool {
    matches!(expr, Expr::Value(Datum::Null))
}

/// An infix operator of which `this` is one side.
pub fn binary(
    interp: &mut Interp,
    this: &Value,
    operator: HostOperator,
    other: &Value,
    reflected: bool,
) -> Eval<Option<Value>> {
    let mine = convert(interp, this)?;
    let theirs = comparison_side(interp, this, other)?;
    let textual = is_textual(this) || is_textual(other) || other.as_str().is_some();
    let mut sources = mine.sources;
    merge_sources(&mut sources, theirs.sources);
    let (left, right) = if reflected {
        (theirs.expr, mine.expr)
    } else {
        (mine.expr, theirs.expr)
    };
    let expr = match operator {
        HostOperator::Equal | HostOperator::NotEqual => {
            equality(left, right, operator == HostOperator::NotEqual)
        }
        HostOperator::And => conjunction(vec![left, right]),
        HostOperator::Or => disjunction(vec![left, right]),
        other => match symbol(other, textual) {
            Some(symbol) => binary_expr(symbol, left, right),
            None => return Ok(None),
        },
    };
    Ok(Some(wrap(sources, expr)))
}

fn comparison_side(interp: &mut Interp, this: &Value, other: &Value) -> Eval<Converted> {
    // None is NULL here whatever the column's type makes of it as a value (JSON: `'null'`)
    if object::get::<super::super::schema::Column>(this).is_some()
        && !matches!(other, Value::Host(_) | Value::None)
    {
        return Ok(Converted::plain(super::convert::bound_value(
            interp,
            Some(this),
            other,
        )?));
    }
    convert(interp, other)
}

fn is_textual(value: &Value) -> bool {
    is_type(
        value,
        &[
            "String",
            "Text",
            "VARCHAR",
            "TEXT",
            "Unicode",
            "UnicodeText",
            "CHAR",
        ],
    )
}

fn symbol(operator: HostOperator, textual: bool) -> Option<&'static str> {
    Some(match operator {
        HostOperator::Less => "<",
        HostOperator::LessEqual => "<=",
        HostOperator::Greater => ">",
        HostOperator::GreaterEqual => ">=",
        HostOperator::Add if textual => "||",
        HostOperator::Add => "+",
        HostOperator::Subtract => "-",
        HostOperator::Multiply => "*",
        HostOperator::Divide | HostOperator::FloorDivide => "/",
        HostOperator::Modulo => "%",
        HostOperator::LeftShift => "<<",
        HostOperator::RightShift => ">>",
        _ => return None,
    })
}

fn equality(left: Expr, right: Expr, negated: bool) -> Expr {
    if is_null(&right) {
        return Expr::IsNull {
            value: Box::new(left),
            negated,
        };
    }
    if is_null(&left) {
        return Expr::IsNull {
            value: Box::new(right),
            negated,
        };
    }
    binary_expr(if negated { "<>" } else { "=" }, left, right)
}

/// All of them, flat; a single one as it is.
pub fn conjunction(mut parts: Vec<Expr>) -> Expr {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    let mut flat = Vec::with_capacity(parts.len());
    for part in parts {
        match part {
            Expr::And(inner) => flat.extend(inner),
            other => flat.push(other),
        }
    }
    Expr::And(flat)
}

/// Any of them, flat; a single one as it is.
pub fn disjunction(mut parts: Vec<Expr>) -> Expr {
    if parts.len() == 1
        && let Some(only) = parts.pop()
    {
        return only;
    }
    Expr::Or(parts)
}

/// `-this`, `~this`.
pub fn unary(interp: &mut Interp, this: &Value, operator: &str) -> Eval<Option<Value>> {
    let converted = convert(interp, this)?;
    let expr = match operator {
        "~" | "not" => negate(converted.expr),
        _ => Expr::Unary {
            operator: SmolStr::new(operator),
            value: Box::new(converted.expr),
        },
    };
    Ok(Some(wrap(converted.sources, expr)))
}

/// `NOT expr`, folded into the operator where SQLAlchemy folds it.
pub fn negate(expr: Expr) -> Expr {
    match expr {
        Expr::IsNull { value, negated } => Expr::IsNull {
            value,
            negated: !negated,
        },
        Expr::In {
            value,
            list,
            negated,
        } => Expr::In {
            value,
            list,
            negated: !negated,
        },
        Expr::InQuery {
            value,
            query,
            negated,
        } => Expr::InQuery {
            value,
            query,
            negated: !negated,
        },
        Expr::Not(inner) => *inner,
        other => Expr::Not(Box::new(other)),
    }
}

/// The query behind a SELECT, a subquery or a scalar subquery.
pub fn query_of(interp: &mut Interp, value: &Value) -> Eval<Option<Query>> {
    if let Some(select) = object::get::<SelectObject>(value) {
        return Ok(Some(select.query()));
    }
    if let Some(subquery) = object::get::<Subquery>(value) {
        return Ok(Some(subquery.query()));
    }
    if let Some(clause) = object::get::<crate::alembic::text::TextClause>(value) {
        return Ok(clause.query());
    }
    if let Some(query) = object::get::<crate::alembic::orm::query::OrmQuery>(value) {
        return Ok(Some(query.select.query()));
    }
    Ok(match convert(interp, value)?.expr {
        Expr::Subquery(query) => Some(*query),
        _ => None,
    })
}

fn membership(
    interp: &mut Interp,
    this: &Value,
    list: Option<&Value>,
    negated: bool,
) -> Eval<Value> {
    let mine = convert(interp, this)?;
    let mut sources = mine.sources;
    let value = Box::new(mine.expr);
    let Some(list) = list else {
        return Ok(wrap(sources, Expr::Unknown(SmolStr::new_static("IN"))));
    };
    if let Value::Host(_) = list {
        if let Some(query) = query_of(interp, list)? {
            let query = Box::new(query);
            return Ok(wrap(
                sources,
                Expr::InQuery {
                    value,
                    query,
                    negated,
                },
            ));
        }
        let converted = convert(interp, list)?;
        let list = match converted.expr {
            parameter @ Expr::Parameter(_) => vec![parameter],
            _ => vec![Expr::Value(Datum::Unknown)],
        };
        return Ok(wrap(
            sources,
            Expr::In {
                value,
                list,
                negated,
            },
        ));
    }
    let mut members = Vec::new();
    match interp.items(list)? {
        Ok(items) => {
            for item in &items {
                let side = comparison_side(interp, this, item)?;
                merge_sources(&mut sources, side.sources);
                members.push(side.expr);
            }
        }
        Err(_) => members.push(Expr::Value(Datum::Unknown)),
    }
    if members.is_empty() {
        return Ok(wrap(sources, Expr::Value(Datum::Bool(negated))));
    }
    Ok(wrap(
        sources,
        Expr::In {
            value,
            list: members,
            negated,
        },
    ))
}

/// A method of a column expression.
pub fn method(
    interp: &mut Interp,
    this: &Value,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let first = arguments.positional.first().cloned();
    let mine = convert(interp, this)?;
    match method {
        "in_" => return membership(interp, this, arguments.get(0, "other"), false),
        "notin_" | "not_in" => return membership(interp, this, arguments.get(0, "other"), true),
        "label" => {
            let name = arguments
                .get(0, "name")
                .and_then(super::convert::column_name);
            return Ok(Element {
                label: name,
                ..Element::of(mine)
            }
            .value());
        }
        "asc" | "desc" | "nullsfirst" | "nulls_first" | "nullslast" | "nulls_last" => {
            return Ok(ordered(mine, method));
        }
        "op" | "bool_op" => {
            let operator = first.as_ref().and_then(Value::as_str).unwrap_or("?");
            return Ok(object::value(CustomOperator {
                left: Element::of(mine),
                operator: SmolStr::new(operator.trim()),
            }));
        }
        "over" => return Ok(windowed(mine)),
        "self_group" | "unique_params" | "params" | "collate" | "within_group" | "operate"
        | "correlate" | "as_json" => return Ok(this.clone()),
        "cast" | "type_coerce" => {
            let type_value = arguments.get(0, "type_").cloned();
            return cast(interp, mine, type_value.as_ref());
        }
        "filter" => return filtered(interp, mine, &arguments.positional),
        "as_string" | "as_integer" | "as_boolean" | "as_float" | "as_numeric" => {
            return as_type(interp, this, method, arguments);
        }
        "select" => {
            return Ok(object::value(SelectObject::of_targets(
                interp,
                std::slice::from_ref(this),
            )?));
        }
        "where" | "select_from" | "scalar_subquery" | "as_scalar" => {
            return exists_clause(interp, mine, method, &arguments.positional);
        }
        "compile" | "alias" | "table_valued" | "column_valued" | "compare" | "get_children" => {
            return Ok(interp.unknown(Reason::Unsupported, &format!("{method}()")));
        }
        _ => {}
    }
    with_argument(interp, this, mine, method, arguments)
}

fn ordered(mine: Converted, method: &str) -> Value {
    let mut ordering = mine.ordering.unwrap_or(Ordering {
        descending: false,
        nulls_first: None,
    });
    match method {
        "desc" => ordering.descending = true,
        "nullsfirst" | "nulls_first" => ordering.nulls_first = Some(true),
        "nullslast" | "nulls_last" => ordering.nulls_first = Some(false),
        _ => ordering.descending = false,
    }
    Element {
        ordering: Some(ordering),
        ..Element::of(mine)
    }
    .value()
}

fn windowed(mut mine: Converted) -> Value {
    if let Expr::Call { window, .. } = &mut mine.expr {
        *window = true;
    }
    Element::of(mine).value()
}

fn filtered(interp: &mut Interp, mut mine: Converted, conditions: &[Value]) -> Eval<Value> {
    let mut parts = Vec::new();
    for condition in conditions {
        let converted = convert(interp, condition)?;
        merge_sources(&mut mine.sources, converted.sources);
        parts.push(converted.expr);
    }
    if let Expr::Call { filter, .. } = &mut mine.expr
        && !parts.is_empty()
    {
        *filter = Some(Box::new(conjunction(parts)));
    }
    Ok(Element::of(mine).value())
}

/// `exists().where(...)`: adds to the query inside.
fn exists_clause(
    interp: &mut Interp,
    mut mine: Converted,
    method: &str,
    conditions: &[Value],
) -> Eval<Value> {
    let query = match &mut mine.expr {
        Expr::Exists(query) => query,
        Expr::Not(inner) => match inner.as_mut() {
            Expr::Exists(query) => query,
            _ => return Ok(Element::of(mine).value()),
        },
        _ => return Ok(Element::of(mine).value()),
    };
    let crate::postgres::expression::QueryBody::Select(select) = &mut query.body else {
        return Ok(Element::of(mine).value());
    };
    for condition in conditions {
        let converted = convert(interp, condition)?;
        for source in converted.sources {
            if !select.from.contains(&source.item) {
                select.from.push(source.item);
            }
        }
        if method == "where" {
            select.filter = Some(match select.filter.take() {
                Some(before) => conjunction(vec![before, converted.expr]),
                None => converted.expr,
            });
        }
    }
    Ok(Element::of(mine).value())
}

/// `CAST(value AS type)`; of a type that can't be read, an unknown expression.
pub fn cast(interp: &mut Interp, mine: Converted, type_value: Option<&Value>) -> Eval<Value> {
    let type_name = match type_value {
        Some(value) => type_name(interp, value)?,
        None => None,
    };
    let expr = match type_name {
        Some(type_name) => Expr::Cast {
            value: Box::new(mine.expr),
            type_name: Box::new(type_name),
        },
        None => Expr::Unknown(SmolStr::new_static("CAST")),
    };
    Ok(wrap(mine.sources, expr))
}

fn with_argument(
    interp: &mut Interp,
    this: &Value,
    mine: Converted,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let Some(other) = arguments
        .positional
        .first()
        .or_else(|| arguments.named("other"))
    else {
        return no_argument(interp, mine, method);
    };
    let side = comparison_side(interp, this, other)?;
    let mut sources = mine.sources.clone();
    merge_sources(&mut sources, side.sources);
    let (left, right) = (mine.expr, side.expr);
    let expr = match method {
        "is_" => identity(left, right, false),
        "isnot" | "is_not" => identity(left, right, true),
        "is_distinct_from" => binary_expr("IS DISTINCT FROM", left, right),
        "isnot_distinct_from" | "is_not_distinct_from" => {
            binary_expr("IS NOT DISTINCT FROM", left, right)
        }
        "like" => binary_expr("~~", left, right),
        "ilike" => binary_expr("~~*", left, right),
        "notlike" | "not_like" => binary_expr("!~~", left, right),
        "notilike" | "not_ilike" => binary_expr("!~~*", left, right),
        "startswith" => binary_expr("~~", left, affix("", &right, "%")),
        "endswith" => binary_expr("~~", left, affix("%", &right, "")),
        "istartswith" => binary_expr("~~*", left, affix("", &right, "%")),
        "iendswith" => binary_expr("~~*", left, affix("%", &right, "")),
        "icontains" => binary_expr("~~*", left, affix("%", &right, "%")),
        "contains"
            if is_type(
                this,
                &["ARRAY", "JSONB", "INT4RANGE", "TSTZRANGE", "HSTORE"],
            ) =>
        {
            binary_expr("@>", left, right)
        }
        "contains" => binary_expr("~~", left, affix("%", &right, "%")),
        "contained_by" => binary_expr("<@", left, right),
        "overlap" => binary_expr("&&", left, right),
        "has_key" => binary_expr("?", left, right),
        "has_all" => binary_expr("?&", left, right),
        "has_any" => binary_expr("?|", left, right),
        "concat" => binary_expr("||", left, right),
        "regexp_match" => binary_expr("~", left, right),
        "bitwise_and" => binary_expr("&", left, right),
        "bitwise_or" => binary_expr("|", left, right),
        "match" => binary_expr("@@", left, Expr::call("to_tsquery", vec![right])),
        "regexp_replace" => {
            let mut call = vec![left];
            for argument in flatten(interp, &arguments.positional)? {
                call.push(super::expression(interp, &argument)?);
            }
            Expr::call("regexp_replace", call)
        }
        "any" | "all" => Expr::Quantified {
            value: Box::new(right),
            operator: SmolStr::new_static("="),
            array: Box::new(left),
            all: method == "all",
        },
        "between" => {
            let high = match arguments.get(1, "cright") {
                Some(high) => convert(interp, &high.clone())?,
                None => Converted::plain(Expr::Value(Datum::Unknown)),
            };
            merge_sources(&mut sources, high.sources);
            Expr::Between {
                value: Box::new(left),
                low: Box::new(right),
                high: Box::new(high.expr),
                negated: false,
            }
        }
        other => Expr::Unknown(SmolStr::new(other)),
    };
    Ok(wrap(sources, expr))
}

fn no_argument(interp: &mut Interp, mine: Converted, method: &str) -> Eval<Value> {
    let expr = match method {
        "distinct" => Expr::call("distinct", vec![mine.expr]),
        "any_" | "all_" => Expr::Unknown(SmolStr::new(method)),
        _ => return Ok(interp.unknown(Reason::Unsupported, &format!("{method}()"))),
    };
    Ok(wrap(mine.sources, expr))
}

fn identity(left: Expr, right: Expr, negated: bool) -> Expr {
    match right {
        Expr::Value(Datum::Bool(expected)) => Expr::IsBool {
            value: Box::new(left),
            expected,
            negated,
        },
        right => equality(left, right, negated),
    }
}

fn affix(before: &str, text: &Expr, after: &str) -> Expr {
    match text {
        Expr::Value(Datum::Text(text)) => Expr::text(&format!("{before}{text}{after}")),
        Expr::Value(datum) => Expr::Value(match datum {
            Datum::Fresh => Datum::Fresh,
            _ => Datum::Unknown,
        }),
        other => {
            let mut expr = other.clone();
            if !before.is_empty() {
                expr = binary_expr("||", Expr::text(before), expr);
            }
            if !after.is_empty() {
                expr = binary_expr("||", expr, Expr::text(after));
            }
            expr
        }
    }
}

/// `column.op("||")`, waiting for its right side.
#[derive(Debug)]
struct CustomOperator {
    left: Element,
    operator: SmolStr,
}

impl object::Object for CustomOperator {
    fn type_name(&self) -> &'static str {
        "custom_op"
    }
    fn as_any(&self) -> &dyn std::any::Any {
        self
    }
    fn call(
        &self,
        interp: &mut Interp,
        _: &crate::python::HostRef,
        arguments: Arguments,
    ) -> Eval<Value> {
        let Some(right) = arguments.positional.first() else {
            return Err(interp.error(
                "TypeError",
                "missing 1 required positional argument: 'other'",
            ));
        };
        let right = convert(interp, right)?;
        let mut sources = self.left.sources.clone();
        merge_sources(&mut sources, right.sources);
        let operator = match self.operator.to_ascii_uppercase().as_str() {
            "LIKE" => SmolStr::new_static("~~"),
            "ILIKE" => SmolStr::new_static("~~*"),
            _ => self.operator.clone(),
        };
        Ok(wrap(
            sources,
            binary_expr(&operator, self.left.expr.clone(), right.expr),
        ))
    }
}
