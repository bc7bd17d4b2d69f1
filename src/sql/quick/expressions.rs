//! Expressions: literals, columns, calls, casts and the operators that conditions are made of, by the grammar's precedence
//! (manual, section 4.1.6).

use smol_str::SmolStr;

use super::cursor::{Certain, Cursor};
use super::types;
use crate::postgres::{Datum, Expr, Name};
use crate::sql::lower;

/// Deeper ones are left to the parser, which has its own bound.
const MAX_DEPTH: u8 = 24;

/// Longer chains of operators are left to the parser too.
const MAX_CHAIN: usize = 64;

/// Takes an expression (the grammar's `a_expr`).
pub(super) fn expression(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    deeper(cursor, disjunction)
}

/// Takes the expression behind a keyword, if that comes next.
pub(super) fn behind(cursor: &mut Cursor<'_>, word: &str) -> Certain<Option<Expr>> {
    if !cursor.word(word) {
        return Some(None);
    }
    expression(cursor).map(Some)
}

/// Takes a value of a DEFAULT clause, behind which constraints may follow: no operators.
pub(super) fn plain(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    deeper(cursor, sign)
}

/// Takes a value of INSERT or UPDATE.
pub(super) fn value(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    if cursor.word("default") {
        return Some(Expr::Default);
    }
    expression(cursor)
}

/// Takes a function call: what an index may be on without parentheses.
pub(super) fn call(cursor: &mut Cursor<'_>, name: Name) -> Certain<Expr> {
    cursor.must_symbol("(")?;
    let (arguments, star) = if cursor.symbol("*") {
        (Vec::new(), true)
    } else if cursor.is_at_symbol(")") {
        (Vec::new(), false)
    } else {
        (cursor.list(expression)?, false)
    };
    cursor.must_symbol(")")?;
    Some(Expr::Call {
        name: Box::new(name),
        arguments,
        star,
        distinct: false,
        filter: None,
        window: false,
    })
}

fn deeper(
    cursor: &mut Cursor<'_>,
    read: impl FnOnce(&mut Cursor<'_>) -> Certain<Expr>,
) -> Certain<Expr> {
    if cursor.depth >= MAX_DEPTH {
        return None;
    }
    cursor.depth += 1;
    let found = read(cursor);
    cursor.depth -= 1;
    found
}

fn disjunction(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    let (first, rest) = operands(cursor, "or", conjunction)?;
    Some(match first {
        only if rest.is_empty() => only,
        Expr::Or(parts) => Expr::Or(parts.into_iter().chain(rest).collect()),
        other => Expr::Or(std::iter::once(other).chain(rest).collect()),
    })
}

fn conjunction(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    let (first, rest) = operands(cursor, "and", negation)?;
    Some(match first {
        only if rest.is_empty() => only,
        Expr::And(parts) => Expr::And(parts.into_iter().chain(rest).collect()),
        other => Expr::And(std::iter::once(other).chain(rest).collect()),
    })
}

/// What stands between words of one kind: the first, which the grammar joins with the others even out of parentheses, and those.
fn operands(
    cursor: &mut Cursor<'_>,
    word: &str,
    operand: impl Fn(&mut Cursor<'_>) -> Certain<Expr>,
) -> Certain<(Expr, Vec<Expr>)> {
    let first = operand(cursor)?;
    let mut rest = Vec::new();
    while cursor.word(word) {
        if rest.len() >= MAX_CHAIN {
            return None;
        }
        rest.push(operand(cursor)?);
    }
    Some((first, rest))
}

fn negation(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    if !cursor.word("not") {
        return test(cursor);
    }
    // `NOT (x IN (SELECT ...))` is another form, and no query is read here
    let value = deeper(cursor, negation)?;
    Some(Expr::Not(Box::new(value)))
}

/// `IS [NOT] NULL`, `IS [NOT] TRUE`, `IS [NOT] FALSE`.
fn test(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    let value = comparison(cursor)?;
    if !cursor.word("is") {
        return Some(value);
    }
    let value = Box::new(value);
    let negated = cursor.word("not");
    let found = if cursor.word("null") {
        Expr::IsNull { value, negated }
    } else {
        let expected = cursor.word("true");
        if !expected {
            cursor.must("false")?;
        }
        Expr::IsBool {
            value,
            expected,
            negated,
        }
    };
    (!cursor.is_at("is")).then_some(found)
}

fn comparison(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    const OPERATORS: [&str; 7] = ["=", "<>", "!=", "<", ">", "<=", ">="];
    let left = membership(cursor)?;
    let Some(operator) = cursor.operator(&OPERATORS) else {
        return Some(left);
    };
    let operator = if operator == "!=" { "<>" } else { operator };
    let right = membership(cursor)?;
    // it has no associativity: two in a row are refused
    let again = cursor.operator(&OPERATORS).is_some();
    (!again).then(|| binary(operator, left, right))
}

/// `[NOT] IN (...)`, `[NOT] LIKE`, `[NOT] ILIKE`.
fn membership(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    let value = concatenation(cursor)?;
    let negated = cursor.word("not");
    let found = if cursor.word("in") {
        Expr::In {
            value: Box::new(value),
            list: cursor.in_parentheses(expression)?,
            negated,
        }
    } else if cursor.word("like") {
        let operator = if negated { "!~~" } else { "~~" };
        binary(operator, value, concatenation(cursor)?)
    } else if cursor.word("ilike") {
        let operator = if negated { "!~~*" } else { "~~*" };
        binary(operator, value, concatenation(cursor)?)
    } else if negated {
        return None;
    } else {
        return Some(value);
    };
    let again = ["not", "in", "like", "ilike"]
        .iter()
        .any(|word| cursor.is_at(word));
    (!again).then_some(found)
}

fn concatenation(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    chain(cursor, &["||"], sum)
}

fn sum(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    chain(cursor, &["+", "-"], product)
}

fn product(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    chain(cursor, &["*", "/"], sign)
}

/// Operators of one precedence, which associate to the left.
fn chain(
    cursor: &mut Cursor<'_>,
    operators: &[&'static str],
    mut operand: impl FnMut(&mut Cursor<'_>) -> Certain<Expr>,
) -> Certain<Expr> {
    let mut value = operand(cursor)?;
    for _ in 0..MAX_CHAIN {
        let Some(operator) = cursor.operator(operators) else {
            return Some(value);
        };
        value = binary(operator, value, operand(cursor)?);
    }
    None
}

fn binary(operator: &str, left: Expr, right: Expr) -> Expr {
    Expr::Binary {
        operator: SmolStr::new(operator),
        left: Box::new(left),
        right: Box::new(right),
    }
}

fn sign(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    if cursor.symbol("-") {
        let value = deeper(cursor, sign)?;
        return Some(lower::unary("-".into(), value));
    }
    let mut value = primary(cursor)?;
    for _ in 0..MAX_CHAIN {
        if !cursor.symbol("::") {
            return Some(value);
        }
        value = Expr::Cast {
            value: Box::new(value),
            type_name: Box::new(types::type_name(cursor)?),
        };
    }
    None
}

fn primary(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    if let Some(digits) = cursor.number() {
        return Some(Expr::Value(lower::number(digits)));
    }
    if let Some(text) = cursor.string() {
        return Some(Expr::text(&text));
    }
    if cursor.symbol("(") {
        let inner = expression(cursor)?;
        cursor.must_symbol(")")?;
        return (!cursor.is_at_symbol(".")).then_some(inner);
    }
    if let Some(word) = keyword(cursor) {
        return Some(word);
    }
    if cursor.word("coalesce") {
        return Some(Expr::call("coalesce", cursor.in_parentheses(expression)?));
    }
    named(cursor)
}

/// A literal or a function that is a word of the grammar.
fn keyword(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    if cursor.word("null") {
        return Some(Expr::Value(Datum::Null));
    }
    for (word, value) in [("true", true), ("false", false)] {
        if cursor.word(word) {
            return Some(Expr::Value(Datum::Bool(value)));
        }
    }
    ["current_timestamp", "current_date"]
        .iter()
        .find(|function| cursor.word(function))
        .map(|function| Expr::call(function, Vec::new()))
}

/// A column or a call.
fn named(cursor: &mut Cursor<'_>) -> Certain<Expr> {
    let mut qualifier = Vec::new();
    let mut name = cursor.identifier()?;
    while cursor.symbol(".") {
        if qualifier.len() == 2 {
            return None;
        }
        qualifier.push(std::mem::replace(&mut name, cursor.identifier()?));
    }
    if !cursor.is_at_symbol("(") {
        return (!cursor.is_at_symbol("[")).then_some(Expr::Column { qualifier, name });
    }
    if qualifier.len() > 1 {
        return None;
    }
    let schema = qualifier.pop().filter(|schema| schema != "pg_catalog");
    call(cursor, Name { schema, name })
}
