//! ON CONFLICT: the keys that it watches, whether a row meets one, and what becomes of the row that it meets.

use std::sync::Arc;

use super::insert::{check_assignments, default_value, set};
use super::keys::{Conflict, Keys, in_order};
use super::target::{self, Target};
use crate::postgres::catalog::{Relation, Row};
use crate::postgres::expression::{Datum, Expr};
use crate::postgres::name::ObjectKind;
use crate::postgres::query::{
    Context, Frame, Scope, Source, cast, check, check_condition, equal, evaluate, is_true,
};
use crate::postgres::statement::{
    Assignment, ConflictAction, ConflictTarget, ConstraintKind, OnConflict,
};
use crate::postgres::{ServerError, SqlState};

/// Whether a name may be the target's alias (`INSERT INTO t AS x`), which the statement does not keep.
pub(super) fn names_alias(error: &ServerError) -> bool {
    error.sqlstate == SqlState::UNDEFINED_TABLE && error.object.is_none()
}

fn unless_alias(result: Result<(), ServerError>) -> Result<(), ServerError> {
    match result {
        Err(error) if names_alias(&error) => Ok(()),
        other => other,
    }
}

pub(super) enum Verdict {
    Inserted,
    /// It conflicts with this known row, and ON CONFLICT deals with it.
    Skipped(usize),
    /// It violates this key.
    Refused(usize),
    /// Values that are not known decide.
    Unclear,
}

pub(super) fn verdict(
    relation: &Relation,
    row: &Row,
    keys: &Keys,
    arbiters: Option<&[usize]>,
    context: &Context<'_>,
) -> Verdict {
    let mut unclear = false;
    for key in arbiters.into_iter().flatten() {
        match keys.conflict(*key, relation, row, None, context) {
            Conflict::With(place) => return Verdict::Skipped(place),
            Conflict::Maybe | Conflict::Likely => unclear = true,
            Conflict::None => {}
        }
    }
    if unclear {
        return Verdict::Unclear;
    }
    for key in 0..keys.all.len() {
        if arbiters.is_some_and(|arbiters| arbiters.contains(&key)) {
            continue;
        }
        match keys.conflict(key, relation, row, None, context) {
            Conflict::With(_) => return Verdict::Refused(key),
            Conflict::Likely => return Verdict::Unclear,
            Conflict::Maybe | Conflict::None => {}
        }
    }
    Verdict::Inserted
}

pub(super) fn update_conflicting(
    relation: &Relation,
    place: usize,
    excluded: &Row,
    assignments: &[Assignment],
    filter: Option<&Expr>,
    context: &Context<'_>,
) -> Result<Row, ServerError> {
    let Some(existing) = relation.rows.known.get(place) else {
        return Ok(Row::default());
    };
    let mut row = (**existing).clone();
    let scope = conflict_scope(&Target::Table(Arc::new(relation.clone())));
    let mut values = in_order(relation, existing);
    values.extend(in_order(relation, excluded));
    let frame = Frame::new(&scope, &values);
    let taken = match filter {
        None => Some(true),
        Some(filter) => is_true(&evaluate(filter, &frame, context).unwrap_or(Datum::Unknown)),
    };
    if taken == Some(false) {
        return Ok(row);
    }
    for assignment in assignments {
        let value = match (&assignment.value, relation.column(&assignment.column)) {
            _ if taken.is_none() => Datum::Unknown,
            (Expr::Default, Some(column)) => default_value(relation, column, context)?,
            (value, Some(column)) => cast(
                evaluate(value, &frame, context).unwrap_or(Datum::Unknown),
                None,
                &column.type_name,
                context,
            )?,
            (_, None) => Datum::Unknown,
        };
        set(&mut row, &assignment.column, value);
    }
    Ok(row)
}

/// The target and the row that was to be inserted.
fn conflict_scope(target: &Target) -> Scope {
    let mut scope = target::scope(target, None);
    let excluded = target::source(target, Some("excluded"));
    scope.push(Source {
        schema: None,
        ..excluded
    });
    scope
}

/// Checks ON CONFLICT: names, literals, and whether its target means a unique index at all.
pub(super) fn check_conflict(
    conflict: &OnConflict,
    target: &Target,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    if let ConflictAction::Update {
        assignments,
        filter,
    } = &conflict.action
    {
        if conflict.target.is_none() {
            return Err(ServerError::new(
                SqlState::SYNTAX_ERROR,
                "ON CONFLICT DO UPDATE requires inference specification or constraint name",
            ));
        }
        // both have the same columns: an unqualified one is ambiguous (42702), as on the server
        let scope = conflict_scope(target);
        let frame = Frame::new(&scope, &[]);
        unless_alias(check_assignments(assignments, target, &frame, context))?;
        if let Some(filter) = filter {
            unless_alias(check_condition(filter, &frame, context))?;
        }
    }
    if let Some(ConflictTarget::Elements { elements, filter }) = &conflict.target {
        let scope = target::scope(target, None);
        let frame = Frame::new(&scope, &[]);
        for element in elements {
            check(element, &frame, context)?;
        }
        if let Some(filter) = filter {
            unless_alias(check_condition(filter, &frame, context))?;
        }
    }
    if let Target::Table(relation) = target {
        let keys = Keys::new(relation, 0, context);
        find_arbiters(conflict, relation, &keys)?;
    }
    Ok(())
}

/// The unique keys that ON CONFLICT watches, or 42P10, 42704, 55000.
pub(super) fn arbiters(
    conflict: &OnConflict,
    relation: &Relation,
    keys: &Keys,
) -> Result<Vec<usize>, ServerError> {
    let found = find_arbiters(conflict, relation, keys)?;
    if found.iter().any(|key| keys.all[*key].deferrable) {
        return Err(ServerError::new(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            "ON CONFLICT does not support deferrable unique constraints/exclusion constraints as arbiters",
        ));
    }
    Ok(found)
}

fn find_arbiters(
    conflict: &OnConflict,
    relation: &Relation,
    keys: &Keys,
) -> Result<Vec<usize>, ServerError> {
    let all = || (0..keys.all.len()).collect();
    match &conflict.target {
        None => Ok(all()),
        Some(ConflictTarget::Constraint(name)) => {
            let found = keys
                .all
                .iter()
                .position(|key| key.index.constraint.as_ref() == Some(name));
            match found {
                Some(key) => Ok(vec![key]),
                None if relation.columns_open || crate::unknown::has_hole(name) => Ok(all()),
                None if relation.constraint(name).is_some() => {
                    let exclusion = relation.constraint(name).is_some_and(|constraint| {
                        matches!(
                            constraint.definition.kind,
                            ConstraintKind::Exclude { .. }
                                | ConstraintKind::Unique { .. }
                                | ConstraintKind::PrimaryKey { .. }
                        )
                    });
                    if exclusion {
                        return Ok(Vec::new());
                    }
                    Err(ServerError::new(
                        SqlState::WRONG_OBJECT_TYPE,
                        "constraint in ON CONFLICT clause has no associated index",
                    ))
                }
                None => Err(ServerError::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!(
                        "constraint \"{name}\" for table \"{}\" does not exist",
                        relation.name.name
                    ),
                )
                .about(relation.name.member(ObjectKind::Constraint, name))),
            }
        }
        Some(ConflictTarget::Elements { elements, filter }) => {
            let found: Vec<usize> = keys
                .all
                .iter()
                .enumerate()
                .filter(|(_, key)| {
                    same_elements(
                        elements,
                        key.index.elements.iter().map(|element| &element.value),
                    ) && implied(key.index.filter.as_deref(), filter.as_ref())
                })
                .map(|(place, _)| place)
                .collect();
            if found.is_empty() && !relation.columns_open {
                return Err(ServerError::new(
                    SqlState::INVALID_COLUMN_REFERENCE,
                    "there is no unique or exclusion constraint matching the ON CONFLICT specification",
                )
                .about(relation.name.key(ObjectKind::Table)));
            }
            Ok(found)
        }
    }
}

fn same_elements<'e>(elements: &[Expr], index: impl Iterator<Item = &'e Expr>) -> bool {
    let index: Vec<&Expr> = index.collect();
    elements
        .iter()
        .all(|element| index.iter().any(|other| same_element(element, other)))
        && index
            .iter()
            .all(|other| elements.iter().any(|element| same_element(element, other)))
}

fn same_element(left: &Expr, right: &Expr) -> bool {
    match (left, right) {
        (Expr::Column { name: left, .. }, Expr::Column { name: right, .. }) => left == right,
        _ => without_qualifiers(left) == without_qualifiers(right),
    }
}

/// An expression as an index holds it: columns without their table, literals without the cast that says nothing.
fn without_qualifiers(expression: &Expr) -> Expr {
    match expression {
        Expr::Column { name, .. } => Expr::column(name),
        Expr::Cast { value, type_name } if type_name.name.name == "text" => {
            match without_qualifiers(value) {
                literal @ Expr::Value(_) => literal,
                value => Expr::Cast {
                    value: Box::new(value),
                    type_name: type_name.clone(),
                },
            }
        }
        Expr::Call {
            name,
            arguments,
            star,
            distinct,
            filter,
            window,
        } => Expr::Call {
            name: name.clone(),
            arguments: arguments.iter().map(without_qualifiers).collect(),
            star: *star,
            distinct: *distinct,
            filter: filter.clone(),
            window: *window,
        },
        Expr::Binary {
            operator,
            left,
            right,
        } => Expr::Binary {
            operator: operator.clone(),
            left: Box::new(without_qualifiers(left)),
            right: Box::new(without_qualifiers(right)),
        },
        Expr::IsNull { value, negated } => Expr::IsNull {
            value: Box::new(without_qualifiers(value)),
            negated: *negated,
        },
        Expr::Not(value) => Expr::Not(Box::new(without_qualifiers(value))),
        Expr::And(parts) => Expr::And(parts.iter().map(without_qualifiers).collect()),
        Expr::Or(parts) => Expr::Or(parts.iter().map(without_qualifiers).collect()),
        other => other.clone(),
    }
}

/// Whether the predicate of a partial index follows from that of ON CONFLICT.
fn implied(index: Option<&Expr>, given: Option<&Expr>) -> bool {
    let Some(index) = index else {
        return true;
    };
    let Some(given) = given else {
        return false;
    };
    let index = without_qualifiers(index);
    let given = without_qualifiers(given);
    if index == given {
        return true;
    }
    let parts = |expression: &Expr| match expression {
        Expr::And(parts) => parts.clone(),
        other => vec![other.clone()],
    };
    let given = parts(&given);
    parts(&index).iter().all(|part| {
        given.contains(part)
            // `c IS NOT NULL` follows from any comparison of `c`
            || matches!(part, Expr::IsNull { value, negated: true }
                if given.iter().any(|other| matches!(other, Expr::Binary { left, right, operator }
                    if operator != "IS DISTINCT FROM" && operator != "IS NOT DISTINCT FROM"
                        && (left == value || right == value))))
            || same_truth(part, &given)
    })
}

/// `c`, `c = true` and `c IS TRUE` say the same.
fn same_truth(part: &Expr, given: &[Expr]) -> bool {
    let plain = |expression: &Expr| match expression {
        Expr::Binary {
            operator,
            left,
            right,
        } if operator == "=" => match &**right {
            Expr::Value(value) if equal(value, &Datum::Bool(true)) == Some(true) => {
                Some((**left).clone())
            }
            _ => None,
        },
        Expr::IsBool {
            value,
            expected: true,
            negated: false,
        } => Some((**value).clone()),
        Expr::Column { .. } => Some(expression.clone()),
        _ => None,
    };
    let Some(wanted) = plain(part) else {
        return false;
    };
    given
        .iter()
        .any(|other| plain(other).as_ref() == Some(&wanted))
}
