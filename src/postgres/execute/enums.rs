//! Enum types: ALTER TYPE ADD VALUE and RENAME VALUE, and what a literal of an enum is told.
//!
//! A label added in a transaction to a type that was committed before may not be used in it (55P04, 12 and later;
//! measured): the session keeps the set of such labels.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::catalog::{Column, List, QualifiedName, TypeKind};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::AlterEnum;
use crate::postgres::{
    Datum, Expr, Name, ServerError, Session, SqlState, TransactionMode, TypeName,
};
use crate::unknown;

use super::{Effect, Failure, block, fail, resolve};

/// Longest enum label in bytes (`NAMEDATALEN - 1`).
const MAX_LABEL: usize = 63;

/// ALTER TYPE ... ADD VALUE, RENAME VALUE.
pub(crate) fn alter(session: &mut Session, alter: &AlterEnum) -> Effect {
    let name = resolve::made_type(session, &alter.name)?;
    let labels = match session
        .catalog
        .types
        .get(&name)
        .map(|found| &found.definition)
    {
        Some(TypeKind::Enum { labels }) => Some(labels.clone()),
        Some(TypeKind::Open) => None,
        _ => {
            return resolve::wrong_kind(&name, format!("{} is not an enum", name.name));
        }
    };
    if unknown::has_hole(&alter.label) {
        return Err(Failure::Unknown(
            format!("the new label of enum `{}` is not known", alter.name).into(),
        ));
    }
    match &alter.rename_from {
        Some(from) => rename_label(session, &name, labels, from, &alter.label),
        None => add_label(session, &name, labels, alter),
    }
}

fn rename_label(
    session: &mut Session,
    name: &QualifiedName,
    labels: Option<List<SmolStr>>,
    from: &SmolStr,
    to: &SmolStr,
) -> Effect {
    let Some(mut labels) = labels else {
        session.change(name.key(ObjectKind::Type));
        return Ok(());
    };
    let Some(at) = labels.iter().position(|label| label == from) else {
        return fail(
            SqlState::INVALID_PARAMETER_VALUE,
            format!("\"{from}\" is not an existing enum label"),
        );
    };
    if labels.contains(to) {
        return Err(duplicate_label(name, to));
    }
    labels[at] = to.clone();
    set_labels(session, name, labels);
    rename_values(session, name, from, to);
    let unsafe_labels = &mut session.transaction.unsafe_labels;
    if unsafe_labels
        .remove(&(name.clone(), from.clone()))
        .is_some()
    {
        unsafe_labels.insert((name.clone(), to.clone()));
    }
    session.change(name.key(ObjectKind::Type));
    session.change(name.member(ObjectKind::EnumLabel, from));
    session.change(name.member(ObjectKind::EnumLabel, to));
    Ok(())
}

/// Rows and defaults hold a label by its number: they show its new name.
fn rename_values(session: &mut Session, name: &QualifiedName, from: &SmolStr, to: &SmolStr) {
    let old = Datum::text(from);
    let mentioning = session.catalog.relations.mentioning(name);
    let relations: Vec<QualifiedName> = mentioning.map(|found| found.name.clone()).collect();
    for relation in relations {
        let Some(relation) = session.catalog.relations.get_mut(&relation) else {
            continue;
        };
        let mut renamed = Vec::new();
        let is_of = |column: &Column| name.is_of(&column.type_name) && !column.type_name.array;
        for column in relation.columns.matching_mut(is_of) {
            renamed.push(column.name.clone());
            let value = match column.default.as_deref_mut() {
                Some(Expr::Cast { value, .. }) => &mut **value,
                Some(value) => value,
                None => continue,
            };
            if *value == Expr::Value(old.clone()) {
                *value = Expr::text(to);
            }
        }
        for row in &mut relation.rows.known {
            let holds =
                |(column, value): &(SmolStr, Datum)| renamed.contains(column) && *value == old;
            if !row.values.iter().any(holds) {
                continue;
            }
            for (column, value) in &mut Arc::make_mut(row).values {
                if renamed.contains(column) && *value == old {
                    *value = Datum::text(to);
                }
            }
        }
    }
}

fn duplicate_label(name: &QualifiedName, label: &str) -> Failure {
    Failure::Error(
        ServerError::new(
            SqlState::DUPLICATE_OBJECT,
            format!("enum label \"{label}\" already exists"),
        )
        .about(name.member(ObjectKind::EnumLabel, label)),
    )
}

fn add_label(
    session: &mut Session,
    name: &QualifiedName,
    labels: Option<List<SmolStr>>,
    alter: &AlterEnum,
) -> Effect {
    let made = session.transaction.made_types.get(name).copied();
    // the server before 12 accepts a type of the transaction's own that nothing has changed since
    let own = made.is_some_and(|made| !made.nested && !made.updated);
    if session.version.0 < 12 && session.in_block() && !own {
        return block::refuse(session, "ALTER TYPE ... ADD");
    }
    if alter.label.len() > MAX_LABEL {
        return fail(
            SqlState::INVALID_NAME,
            format!("invalid enum label \"{}\"", alter.label),
        );
    }
    let Some(mut labels) = labels else {
        session.change(name.key(ObjectKind::Type));
        session.change(name.member(ObjectKind::EnumLabel, &alter.label));
        mark_unsafe(
            session,
            name,
            &alter.label,
            made.is_some_and(|made| !made.nested),
        );
        return Ok(());
    };
    if labels.contains(&alter.label) {
        if alter.if_not_exists {
            return Ok(());
        }
        return Err(duplicate_label(name, &alter.label));
    }
    let at = match &alter.neighbour {
        None => labels.len(),
        Some((before, neighbour)) => {
            let Some(at) = labels.iter().position(|label| label == neighbour) else {
                return fail(
                    SqlState::INVALID_PARAMETER_VALUE,
                    format!("\"{neighbour}\" is not an existing enum label"),
                );
            };
            if *before { at } else { at + 1 }
        }
    };
    labels.insert(at, alter.label.clone());
    set_labels(session, name, labels);
    mark_unsafe(
        session,
        name,
        &alter.label,
        made.is_some_and(|made| !made.nested),
    );
    session.change(name.key(ObjectKind::Type));
    session.change(name.member(ObjectKind::EnumLabel, &alter.label));
    Ok(())
}

/// `safe_type`: the type was made in this very transaction, not in a subtransaction.
fn mark_unsafe(session: &mut Session, name: &QualifiedName, label: &SmolStr, safe_type: bool) {
    let major = session.version.0;
    let usable = major < 12 || (major >= 17 && safe_type);
    // in autocommit the label is committed with the call; several statements, or a DO block, are one transaction
    let alone = session.transaction.mode == TransactionMode::Autocommit && !session.in_block();
    if !usable && !alone {
        session
            .transaction
            .unsafe_labels
            .insert((name.clone(), label.clone()));
    }
}

fn set_labels(session: &mut Session, name: &QualifiedName, labels: List<SmolStr>) {
    if let Some(found) = session.catalog.type_mut(name) {
        found.definition = TypeKind::Enum { labels };
    }
}

/// See [`Session::check_enum_use`].
pub(crate) fn check_use(
    session: &Session,
    type_name: &TypeName,
    literal: &str,
) -> Result<(), ServerError> {
    if unknown::has_hole(literal) || unknown::is_fresh(literal) {
        return Ok(());
    }
    let Some((name, labels)) = enum_labels(session, &type_name.name, 0) else {
        return Ok(());
    };
    if type_name.array {
        let Some(inner) = literal
            .strip_prefix('{')
            .and_then(|rest| rest.strip_suffix('}'))
        else {
            return Ok(());
        };
        for element in inner.split(',').filter(|element| !element.is_empty()) {
            let element = element.trim().trim_matches('"');
            if !element.eq_ignore_ascii_case("null") {
                check_label(session, &name, &labels, element)?;
            }
        }
        return Ok(());
    }
    check_label(session, &name, &labels, literal)
}

fn check_label(
    session: &Session,
    name: &QualifiedName,
    labels: &List<SmolStr>,
    literal: &str,
) -> Result<(), ServerError> {
    let key = name.member(ObjectKind::EnumLabel, literal);
    if !labels.iter().any(|label| label == literal) {
        return Err(ServerError::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("invalid input value for enum {}: \"{literal}\"", name.name),
        )
        .about(key));
    }
    if session.is_unsafe_label(name, literal) {
        return Err(ServerError::new(
            SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE,
            format!(
                "unsafe use of new value \"{literal}\" of enum type {}",
                name.name
            ),
        )
        .about(key));
    }
    Ok(())
}

/// The labels of an enum type, or of the enum under a domain; a doubtful or open type gives none.
fn enum_labels(
    session: &Session,
    name: &Name,
    depth: usize,
) -> Option<(QualifiedName, List<SmolStr>)> {
    let found = session.catalog.find_type(&session.search_path, name)?;
    if found.presence == crate::postgres::catalog::Presence::Maybe {
        return None;
    }
    match &found.definition {
        TypeKind::Enum { labels } => Some((found.name.clone(), labels.clone())),
        TypeKind::Domain { base, .. } if depth < 8 => enum_labels(session, &base.name, depth + 1),
        _ => None,
    }
}
