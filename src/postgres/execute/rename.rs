//! RENAME of everything, carried along to all that refers to the old name.

mod column;
mod types;

use std::sync::Arc;

use imbl::OrdSet;
use smol_str::SmolStr;

use crate::postgres::catalog::{Presence, QualifiedName, Relation, RelationKind, Type, TypeKind};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::{ConstraintKind, Rename};
use crate::postgres::{Name, ServerError, Session, SqlState, TypeName};

use super::{Effect, Failure, named, resolve, schema};

use column::swap;
pub(crate) use types::{move_function, move_type};

/// RENAME of any kind.
pub(crate) fn rename(session: &mut Session, rename: &Rename) -> Effect {
    resolve::known_plain(&rename.new_name)?;
    if let Some(member) = &rename.member {
        resolve::known_plain(member)?;
    }
    match rename.kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Index
        | ObjectKind::Sequence => relation(session, rename),
        ObjectKind::Column => column::column_of(session, rename),
        ObjectKind::Constraint => constraint_of(session, rename),
        ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => member(session, rename),
        ObjectKind::Type | ObjectKind::Domain => types::type_of(session, rename),
        ObjectKind::Schema => schema::rename(session, rename),
        ObjectKind::Function
        | ObjectKind::Procedure
        | ObjectKind::Routine
        | ObjectKind::Aggregate => types::function_of(session, rename),
        _ => named::rename(session, rename),
    }
}

/// A relation whose old name is not known: from here on the new one may be there, and nothing is known of it.
fn may_be_named(session: &mut Session, rename: &Rename) -> Effect {
    let schema = match &rename.name.schema {
        Some(schema) => schema.clone(),
        None => resolve::creation_schema(session)?,
    };
    let name = QualifiedName {
        schema,
        name: rename.new_name.clone(),
    };
    if session.catalog.relation(&name).is_none() {
        let key = name.key(ObjectKind::Table);
        session.catalog.gone.remove(&key);
        let mut relation = Relation::new(name, RelationKind::Table);
        relation.presence = Presence::Maybe;
        relation.open();
        session.catalog.relations.insert(Arc::new(relation));
    }
    session.doubt(format!("the name `{}` is not known", rename.name));
    Ok(())
}

fn relation(session: &mut Session, rename: &Rename) -> Effect {
    let is_plain =
        matches!(rename.kind, ObjectKind::Table) && resolve::known_plain(&rename.new_name).is_ok();
    if is_plain && resolve::known(&rename.name).is_err() {
        return may_be_named(session, rename);
    }
    if rename.if_exists && resolve::guarded(session, &rename.name)?.is_none() {
        return Ok(());
    }
    let old = resolve::relation(session, &rename.name, rename.kind)?;
    let Some(found) = session.catalog.relation(&old).cloned() else {
        return Ok(());
    };
    let wrong = found.presence != Presence::Assumed
        && match rename.kind {
            ObjectKind::View => found.kind != RelationKind::View,
            ObjectKind::MaterializedView => found.kind != RelationKind::MaterializedView,
            ObjectKind::Sequence => found.kind != RelationKind::Sequence,
            // ALTER INDEX ... RENAME takes any relation
            _ => false,
        };
    if wrong {
        return resolve::wrong_kind(
            &old,
            format!("\"{}\" is not a {}", old.name, rename.kind.noun()),
        );
    }
    let new = QualifiedName {
        schema: old.schema.clone(),
        name: rename.new_name.clone(),
    };
    if let Some(key) = resolve::occupied_relation(session, &new) {
        return Err(resolve::duplicate_relation(&new, key));
    }
    if found.kind.has_row_type()
        && let Some(key) = resolve::occupied_type(session, &new)
    {
        return Err(resolve::duplicate_type(&new, key));
    }
    if found.kind == RelationKind::Index
        && let Some(table) = &found.index_of
    {
        rename_index(session, table, &old.name, &new.name);
        return Ok(());
    }
    move_relation(session, &old, &new);
    Ok(())
}

/// Renames an index with its constraint; nothing is checked.
pub(crate) fn rename_index(session: &mut Session, table: &QualifiedName, old: &str, new: &str) {
    let new = SmolStr::new(new);
    let mut renamed_constraint = false;
    if let Some(relation) = session.catalog.relation_mut(table) {
        for index in relation.indexes.matching_mut(|known| known.name == old) {
            index.name = new.clone();
            if index.constraint.as_deref() == Some(old) {
                index.constraint = Some(new.clone());
                renamed_constraint = true;
            }
        }
        if renamed_constraint {
            for known in relation.constraints.matching_mut(|known| known.name == old) {
                known.name = new.clone();
            }
        }
    }
    let from = QualifiedName {
        schema: table.schema.clone(),
        name: SmolStr::new(old),
    };
    let to = QualifiedName {
        schema: table.schema.clone(),
        name: new.clone(),
    };
    if let Some(relation) = session.catalog.relations.remove(&from) {
        let mut moved = Relation::clone(&relation);
        moved.name = to.clone();
        session.catalog.relations.insert(Arc::new(moved));
    }
    session.change(from.key(ObjectKind::Index));
    session.change(to.key(ObjectKind::Index));
    if renamed_constraint {
        session.change(table.member(ObjectKind::Constraint, old));
        session.change(table.member(ObjectKind::Constraint, &new));
    }
}

/// Gives a relation another name (or schema), with everything that refers to it.
pub(crate) fn move_relation(session: &mut Session, old: &QualifiedName, new: &QualifiedName) {
    let Some(relation) = session.catalog.relations.remove(old) else {
        return;
    };
    let old_key = relation.key();
    let mut moved = Relation::clone(&relation);
    moved.name = new.clone();
    let new_key = moved.key();
    session.catalog.relations.insert(Arc::new(moved));
    session.change(old_key.clone());
    session.change(new_key.clone());
    let others: Vec<QualifiedName> = session
        .catalog
        .relations
        .mentioning(old)
        .filter(|other| refers_to(other, old, &old_key))
        .map(|other| other.name.clone())
        .collect();
    let own = relation.indexes.iter().map(|index| QualifiedName {
        schema: old.schema.clone(),
        name: index.name.clone(),
    });
    for other in others.into_iter().chain(own) {
        if let Some(other) = session.catalog.relation_mut(&other) {
            repoint(other, old, new, &old_key, &new_key);
        }
    }
    repoint_types(session, old, new);
    types::repoint_functions(session, old, new);
    repoint_comments(session, old, new, &old_key, new_key);
    for pending in &mut session.transaction.drop_on_commit {
        if pending == old {
            *pending = new.clone();
        }
    }
}

fn refers_to(other: &Relation, old: &QualifiedName, old_key: &ObjectKey) -> bool {
    other
        .owned_by
        .as_deref()
        .is_some_and(|(table, _)| table == old)
        || other
            .partition_of
            .as_deref()
            .is_some_and(|(table, _)| table == old)
        || other.inherits.contains(old)
        || other
            .constraints
            .iter()
            .any(|known| known.references.as_ref() == Some(old))
        || uses(&other.depends_on, old, old_key)
        || other
            .policies
            .iter()
            .any(|policy| uses(&policy.depends_on, old, old_key))
}

fn uses(keys: &OrdSet<ObjectKey>, old: &QualifiedName, old_key: &ObjectKey) -> bool {
    keys.contains(old_key) || keys.iter().any(|key| is_member_of(key, old))
}

fn is_member_of(key: &ObjectKey, owner: &QualifiedName) -> bool {
    key.kind == ObjectKind::Column
        && key
            .name
            .strip_prefix(owner.schema.as_str())
            .and_then(|rest| rest.strip_prefix('.'))
            .and_then(|rest| rest.strip_prefix(owner.name.as_str()))
            .is_some_and(|rest| rest.starts_with('.'))
}

fn repoint(
    other: &mut Relation,
    old: &QualifiedName,
    new: &QualifiedName,
    old_key: &ObjectKey,
    new_key: &ObjectKey,
) {
    if other.index_of.as_ref() == Some(old) {
        other.index_of = Some(new.clone());
    }
    if let Some((table, _)) = other.owned_by.as_deref_mut()
        && table == old
    {
        *table = new.clone();
    }
    if let Some((table, _)) = other.partition_of.as_deref_mut()
        && table == old
    {
        *table = new.clone();
    }
    for parent in other.inherits.matching_mut(|known| known == old) {
        *parent = new.clone();
    }
    for known in other.constraints.iter_mut() {
        if known.references.as_ref() == Some(old) {
            known.references = Some(new.clone());
            if let ConstraintKind::ForeignKey { table, .. } = &mut known.definition.kind {
                *table = Name {
                    schema: Some(new.schema.clone()),
                    name: new.name.clone(),
                };
            }
        }
    }
    repoint_keys(&mut other.depends_on, old, new, (old_key, new_key));
    for policy in other
        .policies
        .matching_mut(|policy| uses(&policy.depends_on, old, old_key))
    {
        repoint_keys(&mut policy.depends_on, old, new, (old_key, new_key));
    }
}

fn repoint_keys(
    keys: &mut OrdSet<ObjectKey>,
    old: &QualifiedName,
    new: &QualifiedName,
    (old_key, new_key): (&ObjectKey, &ObjectKey),
) {
    for key in keys.clone() {
        if key == *old_key {
            keys.remove(&key);
            keys.insert(new_key.clone());
        } else if is_member_of(&key, old) {
            let length = old.schema.len() + old.name.len() + 2;
            let column = key.name.get(length..).unwrap_or_default().to_string();
            keys.remove(&key);
            keys.insert(new.member(ObjectKind::Column, &column));
        }
    }
}

/// Columns of a row type that has another name now.
fn repoint_types(session: &mut Session, old: &QualifiedName, new: &QualifiedName) {
    let uses = |type_name: &TypeName| old.is_of(type_name);
    let holders: Vec<QualifiedName> = session
        .catalog
        .relations
        .mentioning(old)
        .filter(|relation| {
            relation
                .columns
                .iter()
                .any(|column| uses(&column.type_name))
        })
        .map(|relation| relation.name.clone())
        .collect();
    let renamed = Name {
        schema: Some(new.schema.clone()),
        name: new.name.clone(),
    };
    for holder in holders {
        if let Some(relation) = session.catalog.relation_mut(&holder) {
            for column in relation
                .columns
                .matching_mut(|column| uses(&column.type_name))
            {
                column.type_name.name = renamed.clone();
            }
        }
    }
}

fn repoint_comments(
    session: &mut Session,
    old: &QualifiedName,
    new: &QualifiedName,
    old_key: &ObjectKey,
    new_key: ObjectKey,
) {
    if session.catalog.comments.is_empty() {
        return;
    }
    if let Some(text) = session.catalog.comments.remove(old_key) {
        session.catalog.comments.insert(new_key, text);
    }
    let members: Vec<ObjectKey> = session
        .catalog
        .comments
        .keys()
        .filter(|key| is_member_of(key, old))
        .cloned()
        .collect();
    for key in members {
        let length = old.schema.len() + old.name.len() + 2;
        let column = key.name.get(length..).unwrap_or_default().to_string();
        if let Some(text) = session.catalog.comments.remove(&key) {
            session
                .catalog
                .comments
                .insert(new.member(ObjectKind::Column, &column), text);
        }
    }
}

fn constraint_of(session: &mut Session, rename: &Rename) -> Effect {
    let Some(old) = &rename.member else {
        return Ok(());
    };
    if rename.if_exists && resolve::guarded(session, &rename.name)?.is_none() {
        return Ok(());
    }
    let domain = session
        .catalog
        .find_type(&session.search_path, &rename.name)
        .map(|found| found.name.clone());
    if let Some(name) = domain
        && session
            .catalog
            .find_relation(&session.search_path, &rename.name)
            .is_none()
    {
        if let Some(Type {
            definition: TypeKind::Domain { constraints, .. },
            ..
        }) = session.catalog.type_mut(&name)
        {
            for known in constraints.iter_mut() {
                if known.name == *old {
                    known.name = rename.new_name.clone();
                }
            }
        }
        session.change(name.key(ObjectKind::Type));
        return Ok(());
    }
    let table = resolve::relation(session, &rename.name, ObjectKind::Table)?;
    let Some(relation) = session.catalog.relation(&table).cloned() else {
        return Ok(());
    };
    let Some(found) = relation.constraint(old) else {
        let key = table.member(ObjectKind::Constraint, old);
        if relation.columns_open && !session.catalog.gone.contains(&key) {
            session.call.assumed.push(key.clone());
            session.change(key);
            return Ok(());
        }
        return Err(Failure::Error(
            ServerError::new(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "constraint \"{old}\" for table \"{}\" does not exist",
                    table.name
                ),
            )
            .about(table.member(ObjectKind::Constraint, old)),
        ));
    };
    let key = table.member(ObjectKind::Constraint, old);
    if found.presence == Presence::Maybe {
        session.doubt(format!("{key} may or may not be there"));
    }
    let indexed = relation
        .indexes
        .iter()
        .any(|index| index.constraint.as_ref() == Some(old));
    if indexed {
        let new = QualifiedName {
            schema: table.schema.clone(),
            name: rename.new_name.clone(),
        };
        if let Some(taken) = resolve::occupied_relation(session, &new) {
            return Err(resolve::duplicate_relation(&new, taken));
        }
        rename_index(session, &table, old, &rename.new_name);
        return Ok(());
    }
    if relation.constraint(&rename.new_name).is_some() {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::DUPLICATE_OBJECT,
                format!(
                    "constraint \"{}\" for relation \"{}\" already exists",
                    rename.new_name, table.name
                ),
            )
            .about(table.member(ObjectKind::Constraint, &rename.new_name)),
        ));
    }
    if let Some(relation) = session.catalog.relation_mut(&table) {
        for known in relation
            .constraints
            .matching_mut(|known| known.name == *old)
        {
            known.name = rename.new_name.clone();
        }
    }
    session.change(key);
    session.change(table.member(ObjectKind::Constraint, &rename.new_name));
    Ok(())
}

fn member(session: &mut Session, rename: &Rename) -> Effect {
    let Some(old) = &rename.member else {
        return Ok(());
    };
    let table = resolve::relation(session, &rename.name, ObjectKind::Table)?;
    let Some(relation) = session.catalog.relation(&table).cloned() else {
        return Ok(());
    };
    let has = |name: &SmolStr| match rename.kind {
        ObjectKind::Trigger => relation.trigger(name).is_some(),
        ObjectKind::Policy => relation.policy(name).is_some(),
        _ => relation.rules.contains(name),
    };
    let duplicate = || {
        Err(Failure::Error(
            ServerError::new(
                SqlState::DUPLICATE_OBJECT,
                format!(
                    "{} \"{}\" for {} \"{}\" already exists",
                    rename.kind.noun(),
                    rename.new_name,
                    if rename.kind == ObjectKind::Policy {
                        "table"
                    } else {
                        "relation"
                    },
                    table.name
                ),
            )
            .about(table.member(rename.kind, &rename.new_name)),
        ))
    };
    // policies, and triggers before 15, look for the new name first
    let new_first = rename.kind == ObjectKind::Policy
        || (rename.kind == ObjectKind::Trigger && session.version.0 < 15);
    if new_first && has(&rename.new_name) {
        return duplicate();
    }
    if !has(old) && !relation.columns_open {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "{} \"{old}\" for {} \"{}\" does not exist",
                    rename.kind.noun(),
                    if rename.kind == ObjectKind::Rule {
                        "relation"
                    } else {
                        "table"
                    },
                    table.name
                ),
            )
            .about(table.member(rename.kind, old)),
        ));
    }
    if has(&rename.new_name) {
        return duplicate();
    }
    if let Some(relation) = session.catalog.relation_mut(&table) {
        match rename.kind {
            ObjectKind::Trigger => {
                for trigger in relation.triggers.matching_mut(|known| known.name == *old) {
                    trigger.name = rename.new_name.clone();
                }
            }
            ObjectKind::Policy => {
                for policy in relation.policies.matching_mut(|known| known.name == *old) {
                    policy.name = rename.new_name.clone();
                }
            }
            _ => swap(&mut relation.rules, old, &rename.new_name),
        }
    }
    session.change(table.member(rename.kind, old));
    session.change(table.member(rename.kind, &rename.new_name));
    Ok(())
}
