//! The free functions of SQLAlchemy's expression language: `func.x()`, `and_`, `case`, `cast`, `exists`, `bindparam`.

use std::any::Any;

use smol_str::SmolStr;

use super::convert::{convert, flatten, merge_sources};
use super::operators::{self, conjunction, disjunction, negate};
use super::select::SelectObject;
use super::{Element, Source};
use crate::alembic::object::{self, Interp, Object, function};
use crate::postgres::{Datum, Expr, Name};
use crate::python::{Arguments, Eval, HostRef, Value};
use crate::unknown::Reason;

/// Names of this file.
pub fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "func" => object::value(FunctionName { path: Vec::new() }),
        "and_" => function("and_", |interp, arguments| {
            junction(interp, &arguments, true)
        }),
        "or_" => function("or_", |interp, arguments| {
            junction(interp, &arguments, false)
        }),
        "not_" => function("not_", |interp, arguments| {
            let converted = argument(interp, &arguments)?;
            Ok(Element {
                expr: negate(converted.expr.clone()),
                ..Element::of(converted)
            }
            .value())
        }),
        "null" => function("null", |_, _| Ok(constant(Datum::Null))),
        "true" => function("true", |_, _| Ok(constant(Datum::Bool(true)))),
        "false" => function("false", |_, _| Ok(constant(Datum::Bool(false)))),
        "literal" => function("literal", |interp, arguments| {
            Ok(Element::of(argument(interp, &arguments)?).value())
        }),
        "literal_column" => function("literal_column", literal_column),
        "bindparam" => function("bindparam", bind_parameter),
        "case" => function("case", case),
        "cast" | "try_cast" => function("cast", |interp, arguments| {
            let converted = argument(interp, &arguments)?;
            let type_value = arguments.get(1, "type_").cloned();
            operators::cast(interp, converted, type_value.as_ref())
        }),
        "type_coerce" => function("type_coerce", |interp, arguments| {
            Ok(Element::of(argument(interp, &arguments)?).value())
        }),
        "distinct" => function("distinct", |interp, arguments| {
            let converted = argument(interp, &arguments)?;
            let expr = Expr::call("distinct", vec![converted.expr.clone()]);
            Ok(Element {
                expr,
                ..Element::of(converted)
            }
            .value())
        }),
        "asc" => function("asc", |interp, arguments| {
            by_method(interp, &arguments, "asc")
        }),
        "desc" => function("desc", |interp, arguments| {
            by_method(interp, &arguments, "desc")
        }),
        "nullslast" | "nulls_last" => function("nulls_last", |interp, arguments| {
            by_method(interp, &arguments, "nulls_last")
        }),
        "nullsfirst" | "nulls_first" => function("nulls_first", |interp, arguments| {
            by_method(interp, &arguments, "nulls_first")
        }),
        "extract" => function("extract", |interp, arguments| {
            let Some(value) = arguments.get(1, "expr").cloned() else {
                return Ok(constant(Datum::Unknown));
            };
            let field = arguments
                .get(0, "field")
                .and_then(Value::as_str)
                .unwrap_or("epoch");
            let field = Expr::text(field);
            let converted = convert(interp, &value)?;
            let expr = Expr::call("extract", vec![field, converted.expr.clone()]);
            Ok(Element {
                expr,
                ..Element::of(converted)
            }
            .value())
        }),
        "tuple_" => function("tuple_", |interp, arguments| {
            let (sources, parts) = all(interp, &arguments.positional)?;
            Ok(element(sources, Expr::Row(parts)))
        }),
        "array" => function("array", |interp, arguments| {
            let items = flatten(interp, &arguments.positional)?;
            let (sources, parts) = all(interp, &items)?;
            Ok(element(sources, Expr::Array(parts)))
        }),
        "any_" => function("any_", |interp, arguments| {
            quantified(interp, &arguments, "any")
        }),
        "all_" => function("all_", |interp, arguments| {
            quantified(interp, &arguments, "all")
        }),
        "exists" => function("exists", exists),
        "between" => function("between", |interp, mut arguments| {
            if arguments.positional.is_empty() {
                return Ok(constant(Datum::Unknown));
            }
            let value = arguments.positional.remove(0);
            operators::method(interp, &value, "between", &arguments)
        }),
        "collate" | "over" | "within_group" | "funcfilter" => {
            function("collate", |interp, arguments| {
                Ok(Element::of(argument(interp, &arguments)?).value())
            })
        }
        "label" => function("label", |interp, arguments| {
            let Some(value) = arguments.get(1, "element").cloned() else {
                return Ok(constant(Datum::Unknown));
            };
            let converted = convert(interp, &value)?;
            let label = arguments
                .get(0, "name")
                .and_then(super::convert::column_name);
            Ok(Element {
                label,
                ..Element::of(converted)
            }
            .value())
        }),
        "quoted_name" => function("quoted_name", |_, arguments| {
            Ok(arguments.positional.first().cloned().unwrap_or(Value::None))
        }),
        _ => return None,
    })
}

/// A constant as an element.
pub fn constant(datum: Datum) -> Value {
    Element::new(Expr::Value(datum)).value()
}

fn element(sources: Vec<Source>, expr: Expr) -> Value {
    Element {
        sources,
        ..Element::new(expr)
    }
    .value()
}

fn argument(interp: &mut Interp, arguments: &Arguments) -> Eval<super::Converted> {
    let first = arguments
        .positional
        .first()
        .or_else(|| arguments.keyword.first().map(|(_, value)| value))
        .cloned()
        .unwrap_or(Value::None);
    convert(interp, &first)
}

fn by_method(interp: &mut Interp, arguments: &Arguments, method: &str) -> Eval<Value> {
    let first = arguments.positional.first().cloned().unwrap_or(Value::None);
    // order_by("x") and desc("x") name an output column
    let first = match first.as_str() {
        Some(name) => Element::new(Expr::column(name)).value(),
        None => first,
    };
    operators::method(interp, &first, method, &Arguments::default())
}

/// All values as expressions, with what they need in FROM.
pub fn all(interp: &mut Interp, values: &[Value]) -> Eval<(Vec<Source>, Vec<Expr>)> {
    let mut sources = Vec::new();
    let mut parts = Vec::with_capacity(values.len());
    for value in values {
        let converted = convert(interp, value)?;
        merge_sources(&mut sources, converted.sources);
        parts.push(converted.expr);
    }
    Ok((sources, parts))
}

fn junction(interp: &mut Interp, arguments: &Arguments, and: bool) -> Eval<Value> {
    let (sources, parts) = all(interp, &arguments.positional)?;
    if parts.is_empty() {
        return Ok(constant(Datum::Bool(true)));
    }
    let expr = if and {
        conjunction(parts)
    } else {
        disjunction(parts)
    };
    Ok(element(sources, expr))
}

fn literal_column(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let Some(text) = arguments.get(0, "text").and_then(Value::as_str) else {
        return Ok(interp.unknown(Reason::Unsupported, "literal_column(...)"));
    };
    Ok(Element::new(super::convert::parse_text(text)).value())
}

fn bind_parameter(_: &mut Interp, arguments: Arguments) -> Eval<Value> {
    Ok(object::value(crate::alembic::text::BindParameter::of(
        &arguments,
    )))
}

/// `case((cond, value), else_=)`, 1.4's `case([(cond, value)])`, and `case({key: value}, value=x)`.
fn case(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let mut sources = Vec::new();
    let mut arms = Vec::new();
    let mut pairs = Vec::new();
    for argument in &arguments.positional {
        match argument {
            Value::List(_) => {
                if let Ok(items) = interp.items(argument)? {
                    pairs.extend(items);
                }
            }
            Value::Dict(entries) => {
                for (key, value) in entries.borrow().iter() {
                    let key = crate::alembic::literal::key_value(interp, key);
                    pairs.push(Value::tuple(vec![key, value.clone()]));
                }
            }
            other => pairs.push(other.clone()),
        }
    }
    let operand = match arguments.named("value") {
        Some(value) if !value.is_none() => {
            let converted = convert(interp, &value.clone())?;
            merge_sources(&mut sources, converted.sources);
            Some(Box::new(converted.expr))
        }
        _ => None,
    };
    for pair in &pairs {
        let parts = match pair {
            Value::Unknown(_) => Err(()),
            pair => interp.items(pair)?.map_err(|_| ()),
        };
        let Ok([condition, result]) = parts.as_deref() else {
            arms.push((Expr::Unknown("WHEN".into()), Expr::Value(Datum::Unknown)));
            continue;
        };
        let condition = convert(interp, condition)?;
        let result = convert(interp, result)?;
        merge_sources(&mut sources, condition.sources);
        merge_sources(&mut sources, result.sources);
        arms.push((condition.expr, result.expr));
    }
    let otherwise = match arguments.named("else_") {
        Some(value) => {
            let converted = convert(interp, &value.clone())?;
            merge_sources(&mut sources, converted.sources);
            Some(Box::new(converted.expr))
        }
        None => None,
    };
    Ok(element(
        sources,
        Expr::Case {
            operand,
            arms,
            otherwise,
        },
    ))
}

/// `any_(array)`: stands on the right of `=`.
fn quantified(interp: &mut Interp, arguments: &Arguments, what: &str) -> Eval<Value> {
    let converted = argument(interp, arguments)?;
    let expr = Expr::call(what, vec![converted.expr.clone()]);
    Ok(Element {
        expr,
        ..Element::of(converted)
    }
    .value())
}

/// `exists(select)`, `exists().where(...)`.
fn exists(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    if let [only] = arguments.positional.as_slice()
        && let Some(query) = operators::query_of(interp, only)?
    {
        return Ok(Element::new(Expr::Exists(Box::new(query))).value());
    }
    let targets = flatten(interp, &arguments.positional)?;
    let mut select = SelectObject::of_targets(interp, &targets)?;
    if targets.is_empty() {
        select
            .parts
            .targets
            .push(crate::postgres::expression::Target {
                value: Expr::Star {
                    qualifier: Vec::new(),
                },
                alias: None,
            });
    }
    Ok(Element::new(Expr::Exists(Box::new(select.query()))).value())
}

/// `func`, `func.lower`, `func.schema.f`: called, it is a function call.
#[derive(Debug)]
struct FunctionName {
    path: Vec<SmolStr>,
}

impl Object for FunctionName {
    fn type_name(&self) -> &'static str {
        "_FunctionGenerator"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if name.starts_with("__") {
            return Ok(None);
        }
        let mut path = self.path.clone();
        // a trailing underscore keeps Python's own words free: func.left_
        path.push(SmolStr::new(name.strip_suffix('_').unwrap_or(name)));
        Ok(Some(object::value(Self { path })))
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        let Some((name, schema)) = self.path.split_last() else {
            return Err(interp.error("TypeError", "'_FunctionGenerator' object is not callable"));
        };
        let lower = name.to_ascii_lowercase();
        let (sources, mut parts) = all(interp, &arguments.positional)?;
        if lower == "cast"
            && let [value, type_value] = arguments.positional.as_slice()
        {
            let converted = convert(interp, value)?;
            return operators::cast(interp, converted, Some(&type_value.clone()));
        }
        // count(distinct(x))
        let mut distinct = false;
        if let [
            Expr::Call {
                name, arguments, ..
            },
        ] = parts.as_slice()
            && name.name == "distinct"
        {
            distinct = true;
            let inner = arguments.clone();
            parts = inner;
        }
        let star = lower == "count" && parts.is_empty();
        if let [Expr::Star { .. }] = parts.as_slice() {
            parts.clear();
        }
        Ok(element(
            sources,
            Expr::Call {
                name: Box::new(Name::qualified(schema.last().map(SmolStr::as_str), &lower)),
                star: star || (lower == "count" && parts.is_empty()),
                arguments: parts,
                distinct,
                filter: None,
                window: false,
            },
        ))
    }
}
