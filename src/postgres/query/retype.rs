//! An expression of DDL as the server keeps it: each literal has the type that it was read with. When a column's type changes, the
//! server writes the expressions over it out and reads them again (`ATPostAlterTypeParse`), so `status = 'live'` of an enum comes
//! back as `status = 'live'::old_enum`, whatever the column is by then.

use super::Context;
use super::cast::{Kind, kind_of_type};
use super::scope::Frame;
use super::types::{Type, type_of};
use crate::postgres::expression::{Datum, Expr, TypeName};

/// An expression with the types of its literals, by the types that its columns have now. Of a literal only the type is kept.
/// `None`: how the server reads it is not modelled.
pub(crate) fn typed(expression: &Expr, frame: &Frame<'_>, context: &Context<'_>) -> Option<Expr> {
    let typed_all = |all: &[Expr]| -> Option<Vec<Expr>> {
        all.iter().map(|one| typed(one, frame, context)).collect()
    };
    let boxed = |one: &Expr| typed(one, frame, context).map(Box::new);
    Some(match expression {
        Expr::Column { .. } | Expr::Value(_) => expression.clone(),
        Expr::And(all) => Expr::And(typed_all(all)?),
        Expr::Or(all) => Expr::Or(typed_all(all)?),
        Expr::Not(value) => Expr::Not(boxed(value)?),
        Expr::IsNull { value, negated } => Expr::IsNull {
            value: boxed(value)?,
            negated: *negated,
        },
        Expr::IsBool {
            value,
            expected,
            negated,
        } => Expr::IsBool {
            value: boxed(value)?,
            expected: *expected,
            negated: *negated,
        },
        Expr::Cast { value, type_name } => {
            let of_literal = matches!(**value, Expr::Value(Datum::Text(_)));
            Expr::Cast {
                value: if of_literal {
                    Box::new(LITERAL)
                } else {
                    boxed(value)?
                },
                type_name: type_name.clone(),
            }
        }
        Expr::Unary { operator, value } => Expr::Unary {
            operator: operator.clone(),
            value: boxed(value)?,
        },
        Expr::Binary {
            operator,
            left,
            right,
        } => {
            let sides = operands(operator, left, right, frame, context)?;
            let [left, right] = <[Expr; 2]>::try_from(sides).ok()?;
            Expr::Binary {
                operator: operator.clone(),
                left: Box::new(left),
                right: Box::new(right),
            }
        }
        Expr::Between {
            value,
            low,
            high,
            negated,
        } => {
            let all = [&**value, &**low, &**high];
            let [value, low, high] = <[Expr; 3]>::try_from(together(&all, frame, context)?).ok()?;
            Expr::Between {
                value: Box::new(value),
                low: Box::new(low),
                high: Box::new(high),
                negated: *negated,
            }
        }
        Expr::In {
            value,
            list,
            negated,
        } => is_in(value, list, *negated, frame, context)?,
        Expr::Quantified {
            value,
            operator,
            array,
            all: false,
        } if operator == "=" => is_in(value, &elements(array)?, false, frame, context)?,
        Expr::Call {
            name, arguments, ..
        } if name.schema.is_none() => call(&name.name, arguments, frame, context)?,
        _ => return None,
    })
}

/// A literal, of which only the type will be said.
const LITERAL: Expr = Expr::Value(Datum::Null);

/// What stands in `ARRAY['a', 'b']` or `ARRAY['a', 'b']::type[]`.
fn elements(array: &Expr) -> Option<Vec<Expr>> {
    match array {
        Expr::Array(items) => Some(items.clone()),
        Expr::Cast { value, type_name } if type_name.array => {
            let type_name = TypeName {
                array: false,
                ..(**type_name).clone()
            };
            let items = elements(value)?.into_iter();
            Some(items.map(|item| cast(item, &type_name)).collect())
        }
        _ => None,
    }
}

fn is_in(
    value: &Expr,
    items: &[Expr],
    negated: bool,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Option<Expr> {
    let mut all = vec![value];
    all.extend(items);
    let mut list = together(&all, frame, context)?;
    let value = Box::new(list.remove(0));
    Some(Expr::In {
        value,
        list,
        negated,
    })
}

/// The two sides of an operator.
fn operands(
    operator: &str,
    left: &Expr,
    right: &Expr,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Option<Vec<Expr>> {
    match operator {
        "="
        | "<>"
        | "!="
        | "<"
        | ">"
        | "<="
        | ">="
        | "IS DISTINCT FROM"
        | "IS NOT DISTINCT FROM"
        | "@>"
        | "<@"
        | "&&" => together(&[left, right], frame, context),
        "~~" | "!~~" | "~~*" | "!~~*" | "~" | "!~" | "~*" | "!~*" | "||" | "->>" | "#>>" | "?" => {
            Some(vec![
                as_text(left, frame, context)?,
                as_text(right, frame, context)?,
            ])
        }
        "+" | "-" | "*" | "/" | "%" => {
            // a text among them is an interval, a date, a number
            let is_literal = |side: &Expr| matches!(side, Expr::Value(Datum::Text(_)));
            if is_literal(left) || is_literal(right) {
                return None;
            }
            Some(vec![
                typed(left, frame, context)?,
                typed(right, frame, context)?,
            ])
        }
        _ => None,
    }
}

/// What the operators of text are given: texts are made of the types that have none of their own.
fn as_text(side: &Expr, frame: &Frame<'_>, context: &Context<'_>) -> Option<Expr> {
    let known = typed(side, frame, context)?;
    Some(match type_of(side, frame, context) {
        Type::Literal => cast(LITERAL, &TypeName::new("text")),
        Type::Named(name) if is_varchar(&name) => cast(known, &TypeName::new("text")),
        Type::Named(_) => known,
        Type::Unknown => return None,
    })
}

/// Expressions that take one type: literals that of the first that has one.
fn together(all: &[&Expr], frame: &Frame<'_>, context: &Context<'_>) -> Option<Vec<Expr>> {
    let types: Vec<Type> = all.iter().map(|one| type_of(one, frame, context)).collect();
    // beside something that is not known, what a literal is isn't either: it stays one
    let is_known = !types.contains(&Type::Unknown);
    let of_literals = types.iter().find_map(Type::named);
    if of_literals.is_some_and(|name| is_unclear(name, context)) {
        return None;
    }
    let text = TypeName::new("text");
    all.iter()
        .zip(&types)
        .map(|(one, own)| {
            let wanted = match own {
                Type::Unknown => None,
                Type::Literal => of_literals.filter(|_| is_known),
                Type::Named(name) => Some(name).filter(|name| is_varchar(name)),
            };
            let value = match own {
                Type::Literal => LITERAL,
                _ => typed(one, frame, context)?,
            };
            Some(match wanted {
                // varchar is compared as text
                Some(name) if is_varchar(name) => cast(value, &text),
                Some(name) => cast(value, name),
                None => value,
            })
        })
        .collect()
}

/// A domain, or a type of which nothing is known: what it is compared as is not known.
fn is_unclear(name: &TypeName, context: &Context<'_>) -> bool {
    let is_made = context.made_type(&name.name).is_some();
    name.name.name == "unknown" || (is_made && kind_of_type(name, context) != Kind::Enum)
}

fn is_varchar(name: &TypeName) -> bool {
    !name.array && name.name.schema.is_none() && name.name.name == "varchar"
}

fn cast(value: Expr, type_name: &TypeName) -> Expr {
    let type_name = TypeName {
        modifiers: Vec::new(),
        ..type_name.clone()
    };
    Expr::Cast {
        value: Box::new(value),
        type_name: Box::new(type_name),
    }
}

/// A call: what chooses among its arguments gives them one type, and no other function takes a varchar as it is.
fn call(name: &str, arguments: &[Expr], frame: &Frame<'_>, context: &Context<'_>) -> Option<Expr> {
    if !matches!(name, "coalesce" | "greatest" | "least" | "nullif") {
        let all: Option<Vec<Expr>> = arguments
            .iter()
            .map(|argument| match type_of(argument, frame, context) {
                Type::Literal => Some(argument.clone()),
                Type::Named(name) if is_varchar(&name) => as_text(argument, frame, context),
                _ => typed(argument, frame, context),
            })
            .collect();
        return Some(Expr::call(name, all?));
    }
    let types = arguments
        .iter()
        .map(|argument| type_of(argument, frame, context));
    let of_literals = types.clone().find_map(|own| own.named().cloned())?;
    if is_unclear(&of_literals, context) {
        return None;
    }
    let all: Option<Vec<Expr>> = arguments
        .iter()
        .zip(types)
        .map(|(argument, own)| match own {
            Type::Literal => Some(cast(LITERAL, &of_literals)),
            Type::Named(_) => typed(argument, frame, context),
            Type::Unknown => None,
        })
        .collect();
    Some(Expr::call(name, all?))
}
