//! DROP of everything that is no relation: types, schemas, functions, triggers, policies, extensions, named kinds.

use smol_str::SmolStr;

use crate::postgres::catalog::{Presence, QualifiedName};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::{Drop, DropTarget};
use crate::postgres::{ServerError, Session, SqlState};

use super::{Effect, Failure, function, named, resolve, schema, types};

/// One target of a DROP.
pub(crate) fn drop_one(session: &mut Session, statement: &Drop, target: &DropTarget) -> Effect {
    match statement.kind {
        ObjectKind::Type | ObjectKind::Domain => types::drop(session, statement, target),
        ObjectKind::Schema => schema::drop(session, statement, target),
        ObjectKind::Function
        | ObjectKind::Procedure
        | ObjectKind::Routine
        | ObjectKind::Aggregate => function::drop(session, statement, target),
        ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => {
            member(session, statement, target)
        }
        ObjectKind::Extension => named::drop_extension(session, statement, target),
        _ => named::drop(session, statement, target),
    }
}

/// Triggers, policies and rules: IF EXISTS tolerates a missing table too.
fn member(session: &mut Session, statement: &Drop, target: &DropTarget) -> Effect {
    let kind = statement.kind;
    let Some(name) = &target.member else {
        return Ok(());
    };
    resolve::known_plain(name)?;
    let table = if statement.if_exists {
        match resolve::guarded(session, &target.name)? {
            Some(table) => table,
            None => return Ok(()),
        }
    } else {
        resolve::relation(session, &target.name, ObjectKind::Table)?
    };
    let Some(relation) = session.catalog.relation(&table) else {
        return Ok(());
    };
    let there = match kind {
        ObjectKind::Trigger => relation.trigger(name).is_some(),
        ObjectKind::Policy => relation.policy(name).is_some(),
        _ => relation.rules.contains(name),
    };
    let key = table.member(kind, name);
    if !there {
        if statement.if_exists {
            return Ok(());
        }
        if relation.columns_open && !session.catalog.gone.contains(&key) {
            session.call.assumed.push(key.clone());
            session.change(key);
            return Ok(());
        }
        return Err(Failure::Error(
            ServerError::new(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "{} \"{name}\" for {} \"{}\" does not exist",
                    kind.noun(),
                    if kind == ObjectKind::Rule {
                        "relation"
                    } else {
                        "table"
                    },
                    table.name
                ),
            )
            .about(key),
        ));
    }
    if session.catalog.maybe.remove(&key).is_some() && !statement.if_exists {
        session.doubt(format!("{key} may or may not be there"));
    }
    match kind {
        ObjectKind::Trigger => remove_trigger(session, &table, name),
        ObjectKind::Policy => remove_policy(session, &table, name),
        _ => {
            if let Some(relation) = session.catalog.relation_mut(&table) {
                relation.rules.retain(|known| known != name);
            }
            session.change(key);
        }
    }
    Ok(())
}

/// Takes a trigger off its table.
pub(crate) fn remove_trigger(session: &mut Session, table: &QualifiedName, name: &str) {
    if let Some(relation) = session.catalog.relation_mut(table) {
        relation.triggers.retain(|known| known.name != name);
    }
    session.change(table.member(ObjectKind::Trigger, name));
}

/// Takes a policy off its table.
pub(crate) fn remove_policy(session: &mut Session, table: &QualifiedName, name: &str) {
    if let Some(relation) = session.catalog.relation_mut(table) {
        relation.policies.retain(|known| known.name != name);
    }
    session.change(table.member(ObjectKind::Policy, name));
}

/// What is known by name and stands on a relation that goes: statistics go, publications lose a member.
pub(crate) fn forget_members(session: &mut Session, table: &QualifiedName) {
    if session.catalog.named.is_empty() {
        return;
    }
    let touched: Vec<ObjectKey> = session
        .catalog
        .named
        .iter()
        .filter(|(_, known)| known.relations.contains(table))
        .map(|(key, _)| key.clone())
        .collect();
    for key in touched {
        if key.kind == ObjectKind::Statistics {
            session.catalog.named.remove(&key);
            session.change(key);
            continue;
        }
        if let Some(known) = session.catalog.named.get_mut(&key) {
            let known = std::sync::Arc::make_mut(known);
            known.relations.retain(|relation| relation != table);
            known
                .members
                .remove(&SmolStr::new(format!("{}.{}", table.schema, table.name)));
        }
    }
}

/// Whether the presence of an object is doubtful; notes it unless the statement is guarded.
pub(crate) fn note_doubt(
    session: &mut Session,
    presence: Presence,
    key: &ObjectKey,
    guarded: bool,
) {
    if presence == Presence::Maybe && !guarded {
        session.doubt(format!("{key} may or may not be there"));
    }
}
