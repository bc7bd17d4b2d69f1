//! What can be told of an expression without rows: which columns it reads, whether it gives each row another value, whether one
//! condition follows from another.

use smol_str::SmolStr;

use crate::postgres::catalog::compare::expressions_alike;
use crate::postgres::expression::{Expr, children, subquery};
use crate::postgres::{Datum, TypeName};

pub(super) fn is_serial(type_name: &TypeName) -> bool {
    matches!(
        type_name.name.name.as_str(),
        "serial" | "bigserial" | "smallserial" | "serial4" | "serial8" | "serial2"
    )
}

/// Whether each row gets a value of its own from an expression.
pub(super) fn is_distinct(expression: &Expr) -> bool {
    match strip(expression) {
        Expr::Value(Datum::Fresh) => true,
        Expr::Call { name, .. } => matches!(
            name.name.as_str(),
            "nextval"
                | "gen_random_uuid"
                | "uuid_generate_v1"
                | "uuid_generate_v1mc"
                | "uuid_generate_v4"
                | "uuidv4"
                | "uuidv7"
                | "random"
                | "clock_timestamp"
        ),
        other => children(other).into_iter().any(is_distinct),
    }
}

/// An expression without its casts.
pub(in crate::rules) fn strip(expression: &Expr) -> &Expr {
    match expression {
        Expr::Cast { value, .. } => strip(value),
        other => other,
    }
}

/// The columns that an expression reads, each once; a subquery adds none.
pub(in crate::rules) fn columns_of(expression: &Expr, columns: &mut Vec<SmolStr>) {
    if let Expr::Column { name, .. } = expression
        && !columns.contains(name)
    {
        columns.push(name.clone());
    }
    for child in children(expression) {
        columns_of(child, columns);
    }
}

/// Whether a part of an expression is not known.
pub(super) fn is_doubtful(expression: &Expr) -> bool {
    matches!(expression, Expr::Unknown(_) | Expr::Value(Datum::Unknown))
        || children(expression).into_iter().any(is_doubtful)
}

/// Whether an expression, or a part of it, asks a subquery.
pub(in crate::rules) fn asks(expression: &Expr) -> bool {
    subquery(expression).is_some() || children(expression).into_iter().any(asks)
}

/// The conditions that all must hold for one to hold.
pub(super) fn conjuncts(condition: &Expr) -> Vec<&Expr> {
    match condition {
        Expr::And(parts) => parts.iter().flat_map(conjuncts).collect(),
        other => vec![other],
    }
}

/// Whether a condition is `column IS NOT NULL`, alone or beside others.
pub(super) fn demands_value(check: &Expr, column: &str) -> bool {
    match strip(check) {
        Expr::IsNull {
            value,
            negated: true,
        } => matches!(strip(value), Expr::Column { name, .. } if name == column),
        Expr::And(parts) => parts.iter().any(|part| demands_value(part, column)),
        _ => false,
    }
}

/// Whether every row that one condition lets pass passes another: they are alike, or the other lists more values, or rules out
/// fewer.
pub(super) fn implies(old: &Expr, new: &Expr) -> bool {
    if expressions_alike(old, new) {
        return true;
    }
    if let (Some((column, values)), Some((other, fewer))) = (ruled_out(old), ruled_out(new)) {
        return column == other && fewer.iter().all(|value| values.contains(value));
    }
    match (listed(old), listed(new)) {
        (Some((column, values)), Some((other, more))) => {
            column == other && values.iter().all(|value| more.contains(value))
        }
        _ => false,
    }
}

fn column(value: &Expr) -> Option<&SmolStr> {
    match strip(value) {
        Expr::Column { name, .. } => Some(name),
        _ => None,
    }
}

fn literal(value: &Expr) -> Option<&Datum> {
    match strip(value) {
        Expr::Value(datum) if *datum != Datum::Unknown => Some(datum),
        _ => None,
    }
}

/// The column and the values of `column <> ...` or `column NOT IN (...)`.
fn ruled_out(check: &Expr) -> Option<(&SmolStr, Vec<&Datum>)> {
    match strip(check) {
        Expr::In {
            value,
            list,
            negated: true,
        } => Some((
            column(value)?,
            list.iter().map(literal).collect::<Option<_>>()?,
        )),
        Expr::Binary {
            operator,
            left,
            right,
        } if operator == "<>" || operator == "!=" => Some((column(left)?, vec![literal(right)?])),
        _ => None,
    }
}

/// Whether a condition holds for no row that has a value in a column.
pub(super) fn fails_for(condition: &Expr, name: &SmolStr, value: &Datum) -> bool {
    let is_it = |expression: &Expr| column(expression) == Some(name);
    let truth = match value {
        Datum::Bool(truth) => Some(*truth),
        Datum::Text(text) => match &**text {
            "true" | "t" => Some(true),
            "false" | "f" => Some(false),
            _ => None,
        },
        _ => None,
    };
    match strip(condition) {
        own @ Expr::Column { .. } => is_it(own) && truth == Some(false),
        Expr::Not(inner) => is_it(inner) && truth == Some(true),
        Expr::IsNull {
            value: inner,
            negated,
        } => is_it(inner) && (*value == Datum::Null) == *negated,
        Expr::Binary {
            operator,
            left,
            right,
        } if operator == "=" && is_it(left) => literal(right).is_some_and(|other| {
            let same_kind = std::mem::discriminant(other) == std::mem::discriminant(value);
            same_kind && other != value
        }),
        _ => false,
    }
}

/// The column and the values of `column IN (...)`, however it is spelled.
fn listed(check: &Expr) -> Option<(&SmolStr, Vec<&Datum>)> {
    match strip(check) {
        Expr::In {
            value,
            list,
            negated: false,
        } => Some((
            column(value)?,
            list.iter().map(literal).collect::<Option<_>>()?,
        )),
        Expr::Quantified {
            value,
            operator,
            array,
            all: false,
        } if operator == "=" => match strip(array) {
            Expr::Array(items) => Some((
                column(value)?,
                items.iter().map(literal).collect::<Option<_>>()?,
            )),
            _ => None,
        },
        Expr::Or(parts) => {
            let mut all = Vec::new();
            let mut of = None;
            for part in parts {
                let (name, values) = listed(part)?;
                if of.is_some_and(|known| known != name) {
                    return None;
                }
                of = Some(name);
                all.extend(values);
            }
            Some((of?, all))
        }
        Expr::Binary {
            operator,
            left,
            right,
        } if operator == "=" => Some((column(left)?, vec![literal(right)?])),
        _ => None,
    }
}
