//! What the server checks in an expression of DDL: columns, types, functions of extensions, literals of enums.
//!
//! Types are inferred only as far as literals of enums need them: columns, casts and what unifies with them.

use smol_str::SmolStr;

use crate::postgres::catalog::{Presence, QualifiedName, builtin, lookup};
use crate::postgres::expression::{children, subquery};
use crate::postgres::name::ObjectKind;
use crate::postgres::{Datum, Expr, ServerError, Session, SqlState, TypeName};

use super::{Effect, Failure, data, fail, fail_about, resolve};

/// The relation whose columns an expression may name; `None`: none (a DEFAULT).
pub(crate) struct Scope<'a> {
    /// The relation.
    pub(crate) table: Option<&'a QualifiedName>,
    /// Columns that are about to be there: of a table that is being made.
    pub(crate) columns: &'a [(SmolStr, TypeName)],
    /// Any other column may be there too.
    pub(crate) open: bool,
}

impl Scope<'_> {
    /// No columns at all.
    pub(crate) const EMPTY: Scope<'static> = Scope {
        table: None,
        columns: &[],
        open: false,
    };
}

/// A scope with the columns of a relation that is there.
pub(crate) fn columns_of(
    session: &Session,
    table: &QualifiedName,
) -> (Vec<(SmolStr, TypeName)>, bool) {
    session.catalog.relation(table).map_or_else(
        || (Vec::new(), true),
        |relation| {
            (
                relation
                    .columns
                    .iter()
                    .map(|column| (column.name.clone(), column.type_name.clone()))
                    .collect(),
                relation.columns_open,
            )
        },
    )
}

/// Refuses what can't be worked out from one row where a definition holds an expression: subqueries (0A000), aggregates (42803),
/// window functions (42P20), functions that return sets (0A000); `place` says where.
pub(crate) fn refuse_beyond_row(session: &mut Session, expression: &Expr, place: &str) -> Effect {
    refuse_subquery(expression, place)?;
    data::refuse_over_rows(session, expression, &format!("{place}s"))
}

fn refuse_subquery(expression: &Expr, place: &str) -> Effect {
    let has_one = subquery(expression).is_some();
    if has_one {
        return fail(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("cannot use subquery in {place}"),
        );
    }
    children(expression)
        .into_iter()
        .try_for_each(|child| refuse_subquery(child, place))
}

/// Checks an expression against a relation that is there; columns that must exist are assumed in an open one.
pub(crate) fn check_in_table(
    session: &mut Session,
    table: &QualifiedName,
    expression: &Expr,
    plain_message: bool,
) -> Effect {
    if is_certain_column(session, table, expression) {
        return Ok(());
    }
    for name in columns_used(expression) {
        let whole_row = name == table.name
            && session
                .catalog
                .relation(table)
                .is_some_and(|relation| relation.column(&name).is_none());
        if whole_row {
            continue;
        }
        resolve::column_or(session, table, &name, || {
            if plain_message {
                format!("column \"{name}\" does not exist")
            } else {
                format!(
                    "column \"{name}\" of relation \"{}\" does not exist",
                    table.name
                )
            }
        })?;
    }
    let (columns, open) = columns_of(session, table);
    check(
        session,
        &Scope {
            table: Some(table),
            columns: &columns,
            open,
        },
        expression,
    )?;
    super::data::check_over(session, table, expression)
}

/// Whether an expression is a column that the relation certainly has: nothing is left to check, and most elements of indexes are.
fn is_certain_column(session: &Session, table: &QualifiedName, expression: &Expr) -> bool {
    let Expr::Column { qualifier, name } = expression else {
        return false;
    };
    let column = session
        .catalog
        .relation(table)
        .and_then(|relation| relation.column(name));
    qualifier.is_empty() && column.is_some_and(|column| column.presence == Presence::Certain)
}

/// Checks an expression: columns, casts, enum literals, functions.
pub(crate) fn check(session: &mut Session, scope: &Scope<'_>, expression: &Expr) -> Effect {
    match expression {
        Expr::Column { qualifier, name } => check_column(session, scope, qualifier, name),
        Expr::Cast { value, type_name } => {
            let resolved = resolve::type_name(session, type_name)?;
            check_literal(session, value, &resolved)?;
            check(session, scope, value)
        }
        Expr::Binary {
            operator,
            left,
            right,
        } => {
            if is_comparison(operator) {
                unify(session, scope, &[left, right])?;
            }
            check(session, scope, left)?;
            check(session, scope, right)
        }
        Expr::In { value, list, .. } => {
            let mut all: Vec<&Expr> = vec![value];
            all.extend(list.iter());
            unify(session, scope, &all)?;
            check_all(session, scope, &all)
        }
        Expr::Between {
            value, low, high, ..
        } => {
            unify(session, scope, &[value, low, high])?;
            check_all(session, scope, &[value, low, high])
        }
        Expr::Quantified { value, array, .. } => {
            if let Expr::Array(elements) = array.as_ref() {
                let mut all: Vec<&Expr> = vec![value];
                all.extend(elements.iter());
                unify(session, scope, &all)?;
            }
            check_all(session, scope, &[value, array])
        }
        Expr::Case {
            operand,
            arms,
            otherwise,
        } => {
            if let Some(operand) = operand {
                let mut all: Vec<&Expr> = vec![operand];
                all.extend(arms.iter().map(|(when, _)| when));
                unify(session, scope, &all)?;
            }
            if operand.is_none() {
                for (when, _) in arms {
                    check_condition(scope, when)?;
                }
            }
            let mut results: Vec<&Expr> = arms.iter().map(|(_, then)| then).collect();
            results.extend(otherwise.as_deref());
            unify(session, scope, &results)?;
            for child in children(expression) {
                check(session, scope, child)?;
            }
            Ok(())
        }
        Expr::Call {
            name, arguments, ..
        } => {
            if matches!(
                name.name.as_str(),
                "coalesce" | "greatest" | "least" | "nullif"
            ) {
                unify(session, scope, &arguments.iter().collect::<Vec<_>>())?;
            }
            check_function(session, name)?;
            check_arguments(scope, name, arguments)?;
            for argument in arguments {
                check(session, scope, argument)?;
            }
            Ok(())
        }
        _ => {
            for child in children(expression) {
                check(session, scope, child)?;
            }
            Ok(())
        }
    }
}

fn check_all(session: &mut Session, scope: &Scope<'_>, all: &[&Expr]) -> Effect {
    for expression in all {
        check(session, scope, expression)?;
    }
    Ok(())
}

fn check_column(
    session: &mut Session,
    scope: &Scope<'_>,
    qualifier: &[SmolStr],
    name: &str,
) -> Effect {
    resolve::known_plain(name)?;
    if scope.open
        || scope.columns.iter().any(|(known, _)| known == name)
        || resolve::is_system_column(name)
        || (name == "value" && scope.table.is_none())
    {
        return Ok(());
    }
    // `t` as a whole row, or a qualifier that is not the table: left to the server
    if let Some(table) = scope.table
        && (table.name == name
            || qualifier
                .last()
                .is_some_and(|written| *written != table.name))
    {
        return Ok(());
    }
    if scope.table.is_none() && scope.columns.is_empty() {
        return fail(
            SqlState::FEATURE_NOT_SUPPORTED,
            "cannot use column reference in DEFAULT expression",
        );
    }
    let error = ServerError::new(
        SqlState::UNDEFINED_COLUMN,
        format!("column \"{name}\" does not exist"),
    );
    let error = match scope.table {
        Some(table) => error.about(table.member(ObjectKind::Column, name)),
        None => error,
    };
    let _ = session;
    Err(Failure::Error(error))
}

/// `CASE WHEN c`: the column must be boolean.
fn check_condition(scope: &Scope<'_>, when: &Expr) -> Effect {
    let Some(type_name) = type_of(scope, when) else {
        return Ok(());
    };
    let name = type_name.name.name.as_str();
    if !builtin::is_builtin_type(name) || name == "bool" || name == "unknown" {
        return Ok(());
    }
    fail(
        SqlState::DATATYPE_MISMATCH,
        format!(
            "argument of CASE/WHEN must be type boolean, not type {}",
            lookup::display_type_name(&type_name)
        ),
    )
}

/// Types that the first argument of a function may have, for functions often used to convert a column: another run
/// of the conversion meets the new type (42883).
fn accepted(function: &str, count: usize) -> Option<&'static [&'static str]> {
    const TEXT: &[&str] = &["text", "varchar", "bpchar", "name"];
    Some(match (function, count) {
        ("length" | "char_length" | "character_length", 1) => &[
            "text", "varchar", "bpchar", "name", "bytea", "bit", "varbit", "tsvector", "lseg",
            "path",
        ],
        (
            "lower" | "upper" | "initcap" | "trim" | "btrim" | "ltrim" | "rtrim" | "replace"
            | "split_part" | "regexp_replace" | "left" | "right" | "substr" | "string_to_array",
            _,
        ) => TEXT,
        ("to_timestamp", 1) => &["int2", "int4", "int8", "numeric", "float4", "float8"],
        ("to_timestamp" | "to_date", 2) => TEXT,
        _ => return None,
    })
}

fn check_arguments(scope: &Scope<'_>, name: &crate::postgres::Name, arguments: &[Expr]) -> Effect {
    let Some(accepted) = accepted(&name.name, arguments.len()) else {
        return Ok(());
    };
    let Some(type_name) = arguments
        .first()
        .and_then(|argument| type_of(scope, argument))
    else {
        return Ok(());
    };
    let plain = type_name.name.name.as_str();
    // ranges have a `lower` and an `upper` too; what is made by a statement may have casts of its own
    if accepted.contains(&plain)
        || !builtin::is_builtin_type(plain)
        || plain == "unknown"
        || plain == "bytea"
        || plain.ends_with("range")
    {
        return Ok(());
    }
    fail(
        SqlState::UNDEFINED_FUNCTION,
        format!(
            "function {}({}) does not exist",
            name.name,
            lookup::display_type_name(&type_name)
        ),
    )
}

fn check_function(session: &mut Session, name: &crate::postgres::Name) -> Effect {
    resolve::known(name)?;
    if session.catalog.open
        || session
            .catalog
            .find_functions(&session.search_path, name)
            .is_some()
    {
        return Ok(());
    }
    let Some(extension) = builtin::extension_of_function(&name.name, session.version.0) else {
        return Ok(());
    };
    if session.catalog.has_extension(extension) {
        return Ok(());
    }
    fail_about(
        SqlState::UNDEFINED_FUNCTION,
        format!("function {}() does not exist", resolve::shown(name)),
        ObjectKind::Function,
        &name.name,
    )
}

/// Checks the default of a column (or domain) of a type: 55P04 and 22P02 for enum literals, 42704, 42883, and 42804 where
/// no value of the expression's type can be assigned (`boolean DEFAULT 0`).
pub(crate) fn check_default(
    session: &mut Session,
    column: &str,
    default: &Expr,
    type_name: &TypeName,
) -> Effect {
    refuse_beyond_row(session, default, "DEFAULT expression")?;
    if !columns_used(default).is_empty() {
        return fail(
            SqlState::FEATURE_NOT_SUPPORTED,
            "cannot use column reference in DEFAULT expression",
        );
    }
    check_literal(session, default, type_name)?;
    let from = super::data::check_default(session, type_name, default)?;
    check(session, &Scope::EMPTY, default)?;
    match from {
        Some(from) if !super::alter_column::assignable(session, &from, type_name) => fail(
            SqlState::DATATYPE_MISMATCH,
            format!(
                "column \"{column}\" is of type {} but default expression is of type {}",
                lookup::display_type_name(type_name),
                lookup::display_type_name(&from)
            ),
        ),
        _ => Ok(()),
    }
}

/// A literal that is coerced to a type.
pub(crate) fn check_literal(session: &Session, value: &Expr, type_name: &TypeName) -> Effect {
    if let Expr::Value(Datum::Text(text)) = value {
        session.check_enum_use(type_name, text)?;
    }
    Ok(())
}

fn unify(session: &Session, scope: &Scope<'_>, all: &[&Expr]) -> Effect {
    if !all
        .iter()
        .any(|expression| matches!(expression, Expr::Value(Datum::Text(_))))
    {
        return Ok(());
    }
    let Some(type_name) = all.iter().find_map(|expression| type_of(scope, expression)) else {
        return Ok(());
    };
    for expression in all {
        check_literal(session, expression, &type_name)?;
    }
    Ok(())
}

/// The type of an expression, where it is plain.
pub(crate) fn type_of(scope: &Scope<'_>, expression: &Expr) -> Option<TypeName> {
    match expression {
        Expr::Column { name, .. } => scope
            .columns
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, type_name)| type_name.clone()),
        Expr::Cast { type_name, .. } => Some((**type_name).clone()),
        Expr::Call {
            name, arguments, ..
        } if matches!(
            name.name.as_str(),
            "coalesce" | "greatest" | "least" | "nullif"
        ) =>
        {
            arguments
                .iter()
                .find_map(|argument| type_of(scope, argument))
        }
        _ => None,
    }
}

fn is_comparison(operator: &str) -> bool {
    matches!(
        operator,
        "=" | "<>" | "!=" | "<" | ">" | "<=" | ">=" | "IS DISTINCT FROM" | "IS NOT DISTINCT FROM"
    )
}

/// Names of the columns that an expression uses, each once, in order.
pub(crate) fn columns_used(expression: &Expr) -> Vec<SmolStr> {
    let mut names = Vec::new();
    collect_columns(expression, &mut names);
    names
}

fn collect_columns(expression: &Expr, names: &mut Vec<SmolStr>) {
    if let Expr::Column { name, .. } = expression
        && !names.contains(name)
    {
        names.push(name.clone());
    }
    for child in children(expression) {
        collect_columns(child, names);
    }
}

/// Changes every sub-expression in place, queries excepted.
pub(crate) fn walk_mut(expression: &mut Expr, change: &mut dyn FnMut(&mut Expr)) {
    change(expression);
    match expression {
        Expr::Cast { value, .. }
        | Expr::Unary { value, .. }
        | Expr::IsNull { value, .. }
        | Expr::IsBool { value, .. }
        | Expr::InQuery { value, .. }
        | Expr::Field { value, .. }
        | Expr::Not(value) => walk_mut(value, change),
        Expr::Binary { left, right, .. } => {
            walk_mut(left, change);
            walk_mut(right, change);
        }
        Expr::And(all) | Expr::Or(all) | Expr::Array(all) | Expr::Row(all) => {
            for inner in all {
                walk_mut(inner, change);
            }
        }
        Expr::In { value, list, .. } => {
            walk_mut(value, change);
            for inner in list {
                walk_mut(inner, change);
            }
        }
        Expr::Between {
            value, low, high, ..
        } => {
            walk_mut(value, change);
            walk_mut(low, change);
            walk_mut(high, change);
        }
        Expr::Quantified { value, array, .. } => {
            walk_mut(value, change);
            walk_mut(array, change);
        }
        Expr::Call {
            arguments, filter, ..
        } => {
            for inner in arguments {
                walk_mut(inner, change);
            }
            if let Some(filter) = filter {
                walk_mut(filter, change);
            }
        }
        Expr::Case {
            operand,
            arms,
            otherwise,
        } => {
            if let Some(operand) = operand {
                walk_mut(operand, change);
            }
            for (when, then) in arms {
                walk_mut(when, change);
                walk_mut(then, change);
            }
            if let Some(otherwise) = otherwise {
                walk_mut(otherwise, change);
            }
        }
        Expr::Subscript { value, indexes } => {
            walk_mut(value, change);
            for inner in indexes {
                walk_mut(inner, change);
            }
        }
        _ => {}
    }
}
