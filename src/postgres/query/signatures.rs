//! Which argument types the server's own functions and operators take: 42883 where none of them takes what is given. The usual
//! failure of a second run: `USING to_date(c, 'YYYY')` of a column that is a date by now.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;

use super::Context;
use super::cast::{Kind, check_literal, kind_of_type};
use super::check::{casts, no_operator};
use super::render::type_text;
use super::scope::Frame;
use super::types::{Type, type_of};
use crate::postgres::catalog::casts::CastContext;
use crate::postgres::expression::{Datum, Expr, TypeName};
use crate::postgres::name::{Name, ObjectKind};
use crate::postgres::{ServerError, SqlState};

/// Argument types by name, of functions that migrations call; made by `scripts/builtin-signatures.py`.
static FUNCTIONS: &str = include_str!("builtin_signatures.txt");

/// Operand types by symbol.
static OPERATORS: &str = include_str!("builtin_operators.txt");

type Table = FxHashMap<&'static str, Vec<Vec<&'static str>>>;

fn read(text: &'static str) -> Table {
    text.lines()
        .filter(|line| !line.starts_with("# "))
        .filter_map(|line| line.split_once(' '))
        .map(|(name, all)| {
            let all = all.split(' ').map(|one| one.split(',').collect());
            (name, all.collect())
        })
        .collect()
}

fn functions() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| read(FUNCTIONS))
}

fn operators() -> &'static Table {
    static TABLE: OnceLock<Table> = OnceLock::new();
    TABLE.get_or_init(|| read(OPERATORS))
}

/// 42883 for a call of one of the server's functions that takes none of these arguments.
pub(super) fn check_function(
    name: &Name,
    arguments: &[Expr],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let Some(all) = functions().get(name.name.as_str()) else {
        return Ok(());
    };
    let given: Vec<Type> = arguments
        .iter()
        .map(|argument| type_of(argument, frame, context))
        .collect();
    if all.iter().any(|types| fits(types, &given, context)) {
        return Ok(());
    }
    let message = format!(
        "function {name}({}) does not exist",
        shown(&given).join(", ")
    );
    Err(ServerError::new(SqlState::UNDEFINED_FUNCTION, message)
        .about(context.qualify(name).key(ObjectKind::Function)))
}

/// 42883 for one of the server's operators between types that it does not stand between.
pub(super) fn check_operator(
    operator: &str,
    left: &Expr,
    right: &Expr,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let Some(all) = operators().get(operator) else {
        return Ok(());
    };
    let given = [
        type_of(left, frame, context),
        type_of(right, frame, context),
    ];
    check_literals(operator, [left, right], &given, context)?;
    // two literals are texts, or whatever else stands nearest
    let literals = given.iter().all(|side| *side == Type::Literal);
    if literals
        || has_own_operators(context)
        || all.iter().any(|types| fits(types, &given, context))
    {
        return Ok(());
    }
    let sides = shown(&given);
    Err(no_operator(&sides[0], operator, &sides[1]))
}

/// 22P02, 22007 for a literal beside a value whose type it takes: an array where it is joined to one, a number beside a number, a
/// time where one is taken from a time.
fn check_literals(
    operator: &str,
    sides: [&Expr; 2],
    given: &[Type; 2],
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let (([Type::Named(known), Type::Literal], [_, Expr::Value(Datum::Text(literal))])
    | ([Type::Literal, Type::Named(known)], [Expr::Value(Datum::Text(literal)), _])) =
        (given, sides)
    else {
        return Ok(());
    };
    let name = known.name.name.as_str();
    let takes = match operator {
        "||" => known.array,
        "+" | "*" | "/" | "%" => {
            matches!(name, "int2" | "int4" | "int8" | "numeric") && !known.array
        }
        "-" => {
            matches!(
                name,
                "int2" | "int4" | "int8" | "numeric" | "timestamp" | "timestamptz"
            ) && !known.array
        }
        _ => false,
    };
    if takes && !has_own_operators(context) {
        check_literal(known, literal, context)?;
    }
    Ok(())
}

/// Whether a comparison is certain not to stand between two types.
pub(super) fn never_compares(
    operator: &str,
    left: &TypeName,
    right: &TypeName,
    context: &Context<'_>,
) -> bool {
    let symbol = match operator {
        "!=" => "<>",
        "IS DISTINCT FROM" | "IS NOT DISTINCT FROM" => "=",
        other => other,
    };
    let is_clear = |side: &TypeName| is_plain(side, context);
    let Some(all) = operators().get(symbol) else {
        return false;
    };
    let given = [left, right].map(|side| Type::Named(side.clone()));
    is_clear(left)
        && is_clear(right)
        && !has_own_operators(context)
        && !all.iter().any(|types| fits(types, &given, context))
}

/// Whether the database has operators that are not the server's: made by a statement or by an extension.
fn has_own_operators(context: &Context<'_>) -> bool {
    let catalog = context.catalog;
    let mut extensions = catalog.extensions.keys();
    let mut named = catalog.named.keys();
    catalog.has_more()
        || catalog.open
        || extensions.any(|extension| extension != "plpgsql")
        || named.any(|key| key.kind == ObjectKind::Operator)
}

fn shown(given: &[Type]) -> Vec<String> {
    given
        .iter()
        .map(|side| match side {
            Type::Named(name) => type_text(name),
            Type::Literal | Type::Unknown => "unknown".to_owned(),
        })
        .collect()
}

fn fits(types: &[&str], given: &[Type], context: &Context<'_>) -> bool {
    if types.len() != given.len() {
        return false;
    }
    // the families of types that give way to each other came with 14, and took `||` from those that don't
    let is_of_version = match types {
        [one, two] if one.starts_with("anycompatible") || two.starts_with("anycompatible") => {
            context.environment.version.0 >= 14
        }
        ["anyarray", "anyelement"] | ["anyelement", "anyarray"] => {
            context.environment.version.0 < 14
        }
        _ => true,
    };
    let is_array = |side: usize| given[side].named().is_some_and(|name| name.array);
    let go_together = match types {
        ["anyarray", "anyarray"] => are_alike(given, context),
        ["anycompatiblearray", "anycompatiblearray"] => give_way(given, context),
        // no array has arrays as its elements
        ["anycompatible", "anycompatiblearray"] => !is_array(0) && give_way(given, context),
        ["anycompatiblearray", "anycompatible"] => !is_array(1) && give_way(given, context),
        ["anyelement", "anyarray"] => !is_array(0) && are_alike(given, context),
        ["anyarray", "anyelement"] => !is_array(1) && are_alike(given, context),
        _ => true,
    };
    is_of_version
        && go_together
        && types.iter().zip(given).all(|(wanted, given)| match given {
            Type::Named(given) => takes(wanted, given, context),
            Type::Literal | Type::Unknown => true,
        })
}

/// Whether the elements of one side may become those of the other by themselves.
fn give_way(given: &[Type], context: &Context<'_>) -> bool {
    let [Type::Named(left), Type::Named(right)] = given else {
        return true;
    };
    let element = |side: &TypeName| TypeName {
        array: false,
        ..side.clone()
    };
    let becomes = |from: &TypeName, to: &TypeName| {
        let can = casts(context).can(&element(from), &element(to), CastContext::Implicit);
        can != Some(false)
    };
    are_alike(given, context) || becomes(left, right) || becomes(right, left)
}

/// Whether two sides may have elements of one type.
fn are_alike(given: &[Type], context: &Context<'_>) -> bool {
    match given {
        [Type::Named(left), Type::Named(right)] => {
            left.name.name == right.name.name
                || ![left, right].iter().all(|side| is_plain(side, context))
        }
        _ => true,
    }
}

/// Whether an argument of a type may be given where another is wanted.
fn takes(wanted: &str, given: &TypeName, context: &Context<'_>) -> bool {
    let name = given.name.name.as_str();
    if name == "unknown" {
        return true;
    }
    match wanted {
        // that of `oidvector`: no other array becomes one
        "oid[]" => name.starts_with("oid"),
        "anyenum" => kind_of_type(given, context) == Kind::Enum,
        "any" | "anyelement" | "anycompatible" => true,
        "anynonarray" | "anycompatiblenonarray" => !given.array,
        // of a type that is not the server's more may be true
        "anyarray" | "anycompatiblearray" => given.array || !is_plain(given, context),
        "anyrange" | "anycompatiblerange" | "anymultirange" | "anycompatiblemultirange" => {
            name.ends_with("range") || !is_plain(given, context)
        }
        _ => {
            let (name, array) = match wanted.strip_suffix("[]") {
                Some(element) => (element, true),
                None => (wanted, false),
            };
            let wanted = TypeName {
                array,
                ..TypeName::new(name)
            };
            match casts(context).can(given, &wanted, CastContext::Implicit) {
                Some(can) => can,
                // nothing becomes a type like `pg_lsn` or `record` by itself
                None => wanted.name == given.name || !is_plain(given, context),
            }
        }
    }
}

/// Whether a type is one of values that hold no others: an enum, or one of the server's own.
fn is_plain(given: &TypeName, context: &Context<'_>) -> bool {
    let text = TypeName::new("text");
    let name = given.name.name.as_str();
    let element = TypeName {
        array: false,
        ..given.clone()
    };
    if kind_of_type(&element, context) == Kind::Enum {
        return true;
    }
    // the server's own types can all be cast to text, where that is known
    casts(context).can(given, &text, CastContext::Explicit) == Some(true)
        && !matches!(name, "int2vector" | "oidvector" | "record")
        && (given.name.schema.is_none() || given.name.schema.as_deref() == Some("pg_catalog"))
}
