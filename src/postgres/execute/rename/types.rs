//! RENAME and SET SCHEMA of types and functions, carried along to columns, signatures and triggers.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::catalog::{QualifiedName, Type, TypeKind};
use crate::postgres::execute::{Effect, Failure, function, resolve};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::Rename;
use crate::postgres::{Name, ServerError, Session, SqlState, TypeName};

use super::column::column_of;
use super::{constraint_of, repoint_types};

pub(super) fn type_of(session: &mut Session, rename: &Rename) -> Effect {
    // an attribute, or a constraint of a domain, may come under the type's kind
    if rename.member.is_some() {
        let composite = session
            .catalog
            .find_type(&session.search_path, &rename.name)
            .is_some_and(|found| matches!(found.definition, TypeKind::Composite { .. }));
        return if composite {
            column_of(session, rename)
        } else {
            constraint_of(session, rename)
        };
    }
    let old = resolve::made_type(session, &rename.name)?;
    let new = QualifiedName {
        schema: old.schema.clone(),
        name: rename.new_name.clone(),
    };
    if let Some(key) = resolve::occupied_type(session, &new) {
        return Err(resolve::duplicate_type(&new, key));
    }
    move_type(session, &old, &new);
    Ok(())
}

/// Gives a type another name (or schema), with everything that refers to it.
pub(crate) fn move_type(session: &mut Session, old: &QualifiedName, new: &QualifiedName) {
    let Some(found) = session.catalog.types.remove(old) else {
        return;
    };
    let mut moved = Type::clone(&found);
    moved.name = new.clone();
    session.catalog.types.insert(new.clone(), Arc::new(moved));
    repoint_types(session, old, new);
    repoint_functions(session, old, new);
    let renamed = Name {
        schema: Some(new.schema.clone()),
        name: new.name.clone(),
    };
    let uses = |type_name: &TypeName| old.is_of(type_name);
    let others: Vec<QualifiedName> = session.catalog.types.keys().cloned().collect();
    for other in others {
        let affected =
            session
                .catalog
                .types
                .get(&other)
                .is_some_and(|found| match &found.definition {
                    TypeKind::Domain { base, .. } => uses(base),
                    TypeKind::Range { subtype } => uses(subtype),
                    TypeKind::Composite { attributes } => attributes
                        .iter()
                        .any(|attribute| uses(&attribute.type_name)),
                    _ => false,
                });
        if !affected {
            continue;
        }
        match session
            .catalog
            .type_mut(&other)
            .map(|found| &mut found.definition)
        {
            Some(TypeKind::Domain { base, .. }) => base.name = renamed.clone(),
            Some(TypeKind::Range { subtype }) => subtype.name = renamed.clone(),
            Some(TypeKind::Composite { attributes }) => {
                for attribute in attributes.iter_mut() {
                    if uses(&attribute.type_name) {
                        attribute.type_name.name = renamed.clone();
                    }
                }
            }
            _ => {}
        }
    }
    if let Some(mut made) = session.transaction.made_types.remove(old) {
        made.updated = true;
        session.transaction.made_types.insert(new.clone(), made);
    }
    let labels: Vec<(QualifiedName, SmolStr)> = session
        .transaction
        .unsafe_labels
        .iter()
        .filter(|(owner, _)| owner == old)
        .cloned()
        .collect();
    for (owner, label) in labels {
        session
            .transaction
            .unsafe_labels
            .remove(&(owner, label.clone()));
        session
            .transaction
            .unsafe_labels
            .insert((new.clone(), label));
    }
    let old_key = old.key(ObjectKind::Type);
    if let Some(text) = session.catalog.comments.remove(&old_key) {
        session
            .catalog
            .comments
            .insert(new.key(ObjectKind::Type), text);
    }
    session.change(old_key);
    session.change(new.key(ObjectKind::Type));
}

/// The functions that take or give back a type, or a table's rows, know it by its new name.
pub(super) fn repoint_functions(session: &mut Session, old: &QualifiedName, new: &QualifiedName) {
    let uses = |type_name: &TypeName| old.is_of(type_name);
    let holders = session.catalog.functions_with(old);
    for holder in holders {
        if let Some(all) = session.catalog.functions.get_mut(&holder) {
            for function in Arc::make_mut(all) {
                let types = function.arguments.iter_mut();
                for type_name in types.chain(function.returns.types_mut()) {
                    if uses(type_name) {
                        type_name.name = Name {
                            schema: Some(new.schema.clone()),
                            name: new.name.clone(),
                        };
                    }
                }
            }
        }
    }
}

pub(super) fn function_of(session: &mut Session, rename: &Rename) -> Effect {
    let found = function::find(
        session,
        rename.kind,
        &rename.name,
        rename.arguments.as_deref(),
    )?;
    let Some((old, at)) = found else {
        return Ok(());
    };
    let new = QualifiedName {
        schema: old.schema.clone(),
        name: rename.new_name.clone(),
    };
    move_function(session, &old, at, &new)
}

/// Gives one overload another name or schema: 42723 where it is taken.
pub(crate) fn move_function(
    session: &mut Session,
    old: &QualifiedName,
    at: usize,
    new: &QualifiedName,
) -> Effect {
    let Some(all) = session.catalog.functions.get(old).cloned() else {
        return Ok(());
    };
    let Some(moved) = all.get(at).cloned() else {
        return Ok(());
    };
    let mut target = session
        .catalog
        .functions
        .get(new)
        .map(|all| Vec::clone(all))
        .unwrap_or_default();
    if target
        .iter()
        .any(|known| known.arguments == moved.arguments)
    {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::DUPLICATE_FUNCTION,
                format!(
                    "function {}() already exists in schema \"{}\"",
                    new.name, new.schema
                ),
            )
            .about(function::key(new, moved.kind, &moved.arguments)),
        ));
    }
    session.change(function::key(old, moved.kind, &moved.arguments));
    session.change(function::key(new, moved.kind, &moved.arguments));
    let only = all.len() == 1;
    let mut rest = Vec::clone(&all);
    rest.remove(at);
    if rest.is_empty() {
        session.catalog.functions.remove(old);
    } else {
        session
            .catalog
            .functions
            .insert(old.clone(), Arc::new(rest));
    }
    target.push(moved);
    session
        .catalog
        .functions
        .insert(new.clone(), Arc::new(target));
    if only {
        repoint_triggers(session, old, new);
    }
    Ok(())
}

fn repoint_triggers(session: &mut Session, old: &QualifiedName, new: &QualifiedName) {
    let holders: Vec<QualifiedName> = session
        .catalog
        .relations
        .mentioning(old)
        .filter(|relation| {
            relation
                .triggers
                .iter()
                .any(|trigger| trigger.function == *old)
        })
        .map(|relation| relation.name.clone())
        .collect();
    for holder in holders {
        if let Some(relation) = session.catalog.relation_mut(&holder) {
            for trigger in relation.triggers.iter_mut() {
                if trigger.function == *old {
                    trigger.function = new.clone();
                }
            }
        }
    }
}
