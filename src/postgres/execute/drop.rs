//! DROP of relations: tables, views, indexes, sequences; what goes with them and what holds them back (2BP01).
//!
//! Types, schemas, functions and the rest are in `drop_kinds`.

use smol_str::SmolStr;

use crate::postgres::catalog::{Presence, QualifiedName, Relation, RelationKind};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::{Drop, DropTarget};
use crate::postgres::{Expr, Name, ServerError, Session, SqlState};

use super::{Effect, Failure, constraint, drop_kinds, foreign_key, resolve, sequence};

/// DROP of any kind.
pub(crate) fn drop(session: &mut Session, drop: &Drop) -> Effect {
    let named: Vec<Option<QualifiedName>> = drop
        .targets
        .iter()
        .map(|target| {
            session
                .catalog
                .find_relation(&session.search_path, &target.name)
                .map(|relation| relation.name.clone())
        })
        .collect();
    let all = with_partitions(session, named.iter().flatten().cloned().collect());
    for (target, named) in drop.targets.iter().zip(&named) {
        let went = named
            .as_ref()
            .is_some_and(|name| session.catalog.relation(name).is_none());
        if went {
            // with another that was named: a partition with its parent, a view with its table
            continue;
        }
        match drop.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Index
            | ObjectKind::Sequence => drop_relation(session, drop, target, &all)?,
            _ => drop_kinds::drop_one(session, drop, target)?,
        }
    }
    Ok(())
}

/// Tables with all their partitions, which go with them.
pub(crate) fn with_partitions(
    session: &Session,
    mut all: Vec<QualifiedName>,
) -> Vec<QualifiedName> {
    let mut next = 0;
    while let Some(table) = all.get(next).cloned() {
        next += 1;
        for child in super::alter_table::children(session, &table) {
            let partition = session
                .catalog
                .relation(&child)
                .is_some_and(|relation| relation.partition_of.is_some());
            if partition && !all.contains(&child) {
                all.push(child);
            }
        }
    }
    all
}

/// The error for an object that is not there, worded by its kind.
pub(crate) fn missing(
    session: &Session,
    kind: ObjectKind,
    name: &Name,
    sqlstate: SqlState,
) -> Failure {
    Failure::Error(
        ServerError::new(
            sqlstate,
            format!(
                "{} \"{}\" does not exist",
                kind.noun(),
                resolve::shown(name)
            ),
        )
        .about(resolve::missing_key(session, name, kind)),
    )
}

fn drop_relation(
    session: &mut Session,
    drop: &Drop,
    target: &DropTarget,
    all: &[QualifiedName],
) -> Effect {
    resolve::known(&target.name)?;
    let found = session
        .catalog
        .find_relation(&session.search_path, &target.name)
        .cloned();
    let Some(found) = found else {
        if drop.if_exists {
            return Ok(());
        }
        let state = if drop.kind == ObjectKind::Index {
            SqlState::UNDEFINED_OBJECT
        } else {
            SqlState::UNDEFINED_TABLE
        };
        let key = resolve::missing_key(session, &target.name, drop.kind);
        if !session.may_be_there(drop.kind, &key, &target.name.name) {
            if let Some(schema) = &target.name.schema {
                resolve::schema(session, schema)?;
            }
            return Err(missing(session, drop.kind, &target.name, state));
        }
        // it must have been there: now it is not
        session.call.assumed.push(key.clone());
        session.change(key);
        return Ok(());
    };
    check_wrong_kind(drop.kind, &found)?;
    if found.presence == Presence::Maybe && !drop.if_exists {
        session.doubt(format!("{} may or may not be there", found.key()));
    }
    match found.kind {
        RelationKind::Index => drop_index(session, &found, drop.cascade),
        RelationKind::Sequence => drop_sequence(session, &found, drop.cascade),
        _ => {
            check_dependents(session, &found, drop.cascade, all)?;
            remove_relation(session, &found.name);
            Ok(())
        }
    }
}

fn check_wrong_kind(wanted: ObjectKind, found: &Relation) -> Effect {
    let actual = found.kind.object_kind();
    if actual == wanted || found.presence == Presence::Assumed {
        return Ok(());
    }
    let article = if wanted == ObjectKind::Index {
        "an"
    } else {
        "a"
    };
    Err(Failure::Error(
        ServerError::new(
            SqlState::WRONG_OBJECT_TYPE,
            format!("\"{}\" is not {article} {}", found.name.name, wanted.noun()),
        )
        .about(found.key()),
    ))
}

/// 2BP01.
pub(crate) fn depended_on<T>(what: &str, dependent: ObjectKey) -> Effect<T> {
    Err(Failure::Error(
        ServerError::new(
            SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
            format!("cannot drop {what} because other objects depend on it"),
        )
        .about(dependent),
    ))
}

fn drop_index(session: &mut Session, found: &Relation, cascade: bool) -> Effect {
    let Some(table) = found.index_of.clone() else {
        session.catalog.relations.remove(&found.name);
        session.change(found.key());
        return Ok(());
    };
    let owner = session
        .catalog
        .relation(&table)
        .and_then(|relation| relation.index(&found.name.name))
        .and_then(|index| index.constraint.clone());
    if let Some(owner) = owner {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                format!(
                    "cannot drop index {} because constraint {owner} on table {} requires it",
                    found.name.name, table.name
                ),
            )
            .about(table.member(ObjectKind::Constraint, &owner)),
        ));
    }
    foreign_key::drop_dependents(session, &table, &found.name.name, cascade)?;
    super::index::remove(session, &table, &found.name.name);
    Ok(())
}

fn drop_sequence(session: &mut Session, found: &Relation, cascade: bool) -> Effect {
    let users = default_users(session, &found.name);
    if let Some((table, column)) = users.first()
        && !cascade
    {
        let identity = session
            .catalog
            .relation(table)
            .and_then(|relation| relation.column(column))
            .is_some_and(|column| column.identity.is_some());
        let key = table.member(ObjectKind::Column, column);
        if identity {
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!(
                        "cannot drop sequence {} because column {column} of table {} requires it",
                        found.name.name, table.name
                    ),
                )
                .about(key),
            ));
        }
        return depended_on(&format!("sequence {}", found.name.name), key);
    }
    for (table, column) in users {
        if let Some(relation) = session.catalog.relation_mut(&table) {
            for known in relation.columns.matching_mut(|known| known.name == column) {
                known.default = None;
            }
        }
        session.change(table.member(ObjectKind::Column, &column));
    }
    session.catalog.relations.remove(&found.name);
    session.change(found.key());
    Ok(())
}

/// Columns whose default draws from a sequence.
fn default_users(session: &Session, sequence: &QualifiedName) -> Vec<(QualifiedName, SmolStr)> {
    let mut users = Vec::new();
    for relation in session.catalog.relations.values() {
        if !relation.kind.is_table() {
            continue;
        }
        for column in &relation.columns {
            let owned = session
                .catalog
                .relation(sequence)
                .and_then(|found| found.owned_by.as_deref())
                .is_some_and(|(table, of)| *table == relation.name && *of == column.name);
            let draws = column
                .default
                .as_ref()
                .is_some_and(|default| draws_from(session, default, sequence));
            if draws || (owned && column.identity.is_some()) {
                users.push((relation.name.clone(), column.name.clone()));
            }
        }
    }
    users
}

fn draws_from(session: &Session, default: &Expr, sequence: &QualifiedName) -> bool {
    let text = match default {
        Expr::Call {
            name, arguments, ..
        } if name.name == "nextval" => match arguments.first() {
            Some(Expr::Value(crate::postgres::Datum::Text(text))) => text,
            // as text it is looked up each time: nothing depends on it
            Some(Expr::Cast { value, type_name }) if type_name.name.name != "text" => {
                match value.as_ref() {
                    Expr::Value(crate::postgres::Datum::Text(text)) => text,
                    _ => return false,
                }
            }
            _ => return false,
        },
        Expr::Cast { value, .. } => return draws_from(session, value, sequence),
        _ => return false,
    };
    let name = text_name(text);
    match session.catalog.find_relation(&session.search_path, &name) {
        Some(found) => found.name == *sequence,
        None => name.name == sequence.name,
    }
}

/// A name in a literal: `'"S".t'`.
pub(crate) fn text_name(text: &str) -> Name {
    let plain = |part: &str| part.trim().trim_matches('"').to_string();
    match text.split_once('.') {
        Some((schema, name)) => Name::qualified(Some(&plain(schema)), plain(name)),
        None => Name::new(plain(text)),
    }
}

/// Views, foreign keys and partitions that hold a relation back: 2BP01, or dropped with CASCADE. `all` go together.
pub(crate) fn check_dependents(
    session: &mut Session,
    found: &Relation,
    cascade: bool,
    all: &[QualifiedName],
) -> Effect {
    let key = found.key();
    let what = format!("{} {}", key.kind.noun(), found.name.name);
    for (table, foreign) in foreign_key::foreign_keys_to(session, &found.name) {
        if table == found.name || all.contains(&table) {
            continue;
        }
        if !cascade {
            return depended_on(&what, table.member(ObjectKind::Constraint, &foreign.name));
        }
        constraint::remove(session, &table, &foreign.name);
    }
    for view in views_on(session, &key) {
        if all.contains(&view.name) {
            continue;
        }
        if !cascade {
            return depended_on(&what, view.key());
        }
        cascade_view(session, &view);
    }
    let goes: Vec<QualifiedName> = all.iter().chain([&found.name]).cloned().collect();
    super::trigger_policy::release_policies(session, &key, &what, cascade, &goes)?;
    for child in super::alter_table::children(session, &found.name) {
        let partition = session
            .catalog
            .relation(&child)
            .is_some_and(|relation| relation.partition_of.is_some());
        // partitions go with their parent; children of inheritance hold it back
        if !partition && !cascade && !all.contains(&child) {
            return depended_on(&what, child.key(ObjectKind::Table));
        }
        if let Some(relation) = session.catalog.relation(&child).cloned() {
            check_dependents(session, &relation, cascade, all)?;
            remove_relation(session, &child);
        }
    }
    super::types::check_row_type(session, found, cascade)?;
    Ok(())
}

/// Views that use a thing.
pub(crate) fn views_on(session: &Session, key: &ObjectKey) -> Vec<Relation> {
    session
        .catalog
        .relations
        .depending_on(key)
        .map(|relation| Relation::clone(relation))
        .collect()
}

/// Drops a view with all views on it.
pub(crate) fn cascade_view(session: &mut Session, view: &Relation) {
    let key = view.key();
    // gone first, so that views in a circle end
    remove_relation(session, &view.name);
    for next in views_on(session, &key) {
        cascade_view(session, &next);
    }
}

/// Takes a relation out of the catalog with all that is its own: columns, constraints, indexes, owned sequences,
/// triggers, comments. Nothing is checked.
pub(crate) fn remove_relation(session: &mut Session, name: &QualifiedName) {
    let Some(relation) = session.catalog.relations.remove(name) else {
        return;
    };
    session.change(relation.key());
    if relation.kind == RelationKind::Index {
        if let Some(table) = &relation.index_of
            && let Some(owner) = session.catalog.relation_mut(table)
        {
            owner.indexes.retain(|index| index.name != name.name);
        }
        return;
    }
    for column in &relation.columns {
        session.change(name.member(ObjectKind::Column, &column.name));
    }
    for known in &relation.constraints {
        session.change(name.member(ObjectKind::Constraint, &known.name));
    }
    for index in &relation.indexes {
        let qualified = QualifiedName {
            schema: name.schema.clone(),
            name: index.name.clone(),
        };
        session.change(qualified.key(ObjectKind::Index));
        session.catalog.relations.remove(&qualified);
    }
    for trigger in &relation.triggers {
        session.change(name.member(ObjectKind::Trigger, &trigger.name));
    }
    for policy in &relation.policies {
        session.change(name.member(ObjectKind::Policy, &policy.name));
    }
    if relation.kind.is_table() {
        for owned in sequence::owned(session, name, None) {
            session.catalog.relations.remove(&owned);
            session.change(owned.key(ObjectKind::Sequence));
        }
        drop_kinds::forget_members(session, name);
    }
    forget_comments(session, &relation);
}

fn forget_comments(session: &mut Session, relation: &Relation) {
    if session.catalog.comments.is_empty() {
        return;
    }
    session.catalog.comments.remove(&relation.key());
    for column in &relation.columns {
        let key = relation.name.member(ObjectKind::Column, &column.name);
        session.catalog.comments.remove(&key);
    }
}
