//! Schemas: CREATE, DROP, RENAME, and SET SCHEMA of other objects.

use smol_str::SmolStr;

use crate::postgres::catalog::{Presence, QualifiedName, Relation, RelationKind};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::{Drop, DropTarget, Rename, Statement};
use crate::postgres::{Name, Parameters, ServerError, Session, SqlState, TypeName};

use super::{Effect, Failure, drop as dropping, fail, function, named, rename, resolve, sequence};

/// CREATE SCHEMA with its elements.
pub(crate) fn create(
    session: &mut Session,
    name: &SmolStr,
    if_not_exists: bool,
    elements: &[Statement],
    parameters: &Parameters,
) -> Effect {
    resolve::known_plain(name)?;
    let key = ObjectKey::new(ObjectKind::Schema, name);
    match session.catalog.schema(name) {
        Some(Presence::Maybe) if !if_not_exists => {
            session.doubt(format!("{key} may already be there"));
        }
        Some(Presence::Maybe) => {}
        Some(_) if if_not_exists => return Ok(()),
        Some(_) => {
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::DUPLICATE_SCHEMA,
                    format!("schema \"{name}\" already exists"),
                )
                .about(key),
            ));
        }
        None if name.starts_with("pg_") => {
            return fail(
                SqlState::RESERVED_NAME,
                format!("unacceptable schema name \"{name}\""),
            );
        }
        None => {}
    }
    session
        .catalog
        .schemas
        .insert(name.clone(), Presence::Certain);
    session.change(key);
    // elements without a schema of their own go into the new one
    let path = session.search_path.clone();
    session.search_path = std::iter::once(name).chain(path.iter()).cloned().collect();
    let mut done = Ok(());
    for element in elements {
        done = super::run(session, element, parameters);
        if done.is_err() {
            break;
        }
    }
    session.search_path = path;
    done
}

/// DROP SCHEMA.
pub(crate) fn drop(session: &mut Session, statement: &Drop, target: &DropTarget) -> Effect {
    let name = target.name.name.clone();
    resolve::known_plain(&name)?;
    let key = ObjectKey::new(ObjectKind::Schema, &name);
    match session.catalog.schemas.get(&name).copied() {
        None if statement.if_exists => return Ok(()),
        None if session.catalog.open && !session.catalog.gone.contains(&key) => {
            session.call.assumed.push(key.clone());
            session.change(key);
            return Ok(());
        }
        None => {
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::INVALID_SCHEMA_NAME,
                    format!("schema \"{name}\" does not exist"),
                )
                .about(key),
            ));
        }
        Some(Presence::Maybe) if !statement.if_exists => {
            session.doubt(format!("{key} may or may not be there"));
        }
        Some(_) => {}
    }
    let relations: Vec<Relation> = session
        .catalog
        .relations_in(&name)
        .map(|relation| Relation::clone(relation))
        .collect();
    let types: Vec<QualifiedName> = session
        .catalog
        .types_in(&name)
        .map(|found| found.name.clone())
        .collect();
    let functions: Vec<QualifiedName> = session
        .catalog
        .functions
        .keys()
        .filter(|function| function.schema == name)
        .cloned()
        .collect();
    if !statement.cascade {
        let what = format!("schema {name}");
        let certain = relations
            .iter()
            .find(|relation| relation.presence != Presence::Maybe);
        if let Some(relation) = certain {
            return dropping::depended_on(&what, relation.key());
        }
        if let Some(found) = types.first() {
            return dropping::depended_on(&what, found.key(ObjectKind::Type));
        }
        if let Some(found) = functions.first() {
            return dropping::depended_on(&what, found.key(ObjectKind::Function));
        }
        if let Some(relation) = relations.first() {
            session.doubt(format!("{} may or may not be there", relation.key()));
        }
    }
    for relation in relations {
        if session.catalog.relation(&relation.name).is_none() {
            continue;
        }
        if relation.kind != RelationKind::Index {
            dropping::check_dependents(session, &relation, true, &[])?;
        }
        dropping::remove_relation(session, &relation.name);
    }
    for found in types {
        super::types::release(session, &found, &format!("type {}", found.name), true)?;
        session.catalog.types.remove(&found);
        session.change(found.key(ObjectKind::Type));
    }
    for found in functions {
        session.catalog.functions.remove(&found);
        session.change(found.key(ObjectKind::Function));
    }
    let extensions: Vec<SmolStr> = session
        .catalog
        .extensions
        .iter()
        .filter(|(_, schema)| **schema == name)
        .map(|(extension, _)| extension.clone())
        .collect();
    for extension in extensions {
        session.catalog.extensions.remove(&extension);
        session.change(ObjectKey::new(ObjectKind::Extension, &extension));
    }
    session.catalog.schemas.remove(&name);
    session.change(key);
    Ok(())
}

/// ALTER SCHEMA ... RENAME TO.
pub(crate) fn rename(session: &mut Session, statement: &Rename) -> Effect {
    let old = statement.name.name.clone();
    resolve::schema(session, &old)?;
    let new = statement.new_name.clone();
    if session.catalog.schema(&new).is_some() {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::DUPLICATE_SCHEMA,
                format!("schema \"{new}\" already exists"),
            )
            .about(ObjectKey::new(ObjectKind::Schema, &new)),
        ));
    }
    session.catalog.schemas.remove(&old);
    session
        .catalog
        .schemas
        .insert(new.clone(), Presence::Certain);
    let moved = |name: &QualifiedName| QualifiedName {
        schema: new.clone(),
        name: name.name.clone(),
    };
    let relations: Vec<QualifiedName> = session
        .catalog
        .relations_in(&old)
        .map(|relation| relation.name.clone())
        .collect();
    for name in relations {
        rename::move_relation(session, &name, &moved(&name));
    }
    let types: Vec<QualifiedName> = session
        .catalog
        .types_in(&old)
        .map(|found| found.name.clone())
        .collect();
    for name in types {
        rename::move_type(session, &name, &moved(&name));
    }
    let functions: Vec<QualifiedName> = session
        .catalog
        .functions
        .keys()
        .filter(|name| name.schema == old)
        .cloned()
        .collect();
    for name in functions {
        if let Some(all) = session.catalog.functions.remove(&name) {
            session.catalog.functions.insert(moved(&name), all);
        }
    }
    session.change(ObjectKey::new(ObjectKind::Schema, &old));
    session.change(ObjectKey::new(ObjectKind::Schema, &new));
    Ok(())
}

/// ALTER ... SET SCHEMA.
pub(crate) fn set_schema(
    session: &mut Session,
    kind: ObjectKind,
    name: &Name,
    arguments: Option<&[TypeName]>,
    if_exists: bool,
    target: &SmolStr,
) -> Effect {
    resolve::known_plain(target)?;
    match kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence => {
            if if_exists && resolve::guarded(session, name)?.is_none() {
                return Ok(());
            }
            let old = resolve::relation(session, name, kind)?;
            resolve::schema(session, target)?;
            relation(session, &old, target)
        }
        ObjectKind::Type | ObjectKind::Domain => {
            let old = resolve::made_type(session, name)?;
            resolve::schema(session, target)?;
            if old.schema == *target {
                return Ok(());
            }
            let new = QualifiedName {
                schema: target.clone(),
                name: old.name.clone(),
            };
            if let Some(key) = resolve::occupied_type(session, &new) {
                return Err(resolve::duplicate_type(&new, key));
            }
            rename::move_type(session, &old, &new);
            Ok(())
        }
        ObjectKind::Function
        | ObjectKind::Procedure
        | ObjectKind::Routine
        | ObjectKind::Aggregate => {
            let found = function::find(session, kind, name, arguments)?;
            resolve::schema(session, target)?;
            match found {
                Some((old, at)) if old.schema != *target => {
                    let new = QualifiedName {
                        schema: target.clone(),
                        name: old.name.clone(),
                    };
                    rename::move_function(session, &old, at, &new)
                }
                _ => Ok(()),
            }
        }
        ObjectKind::Extension => {
            named::need_extension(session, &name.name)?;
            resolve::schema(session, target)?;
            session
                .catalog
                .extensions
                .insert(name.name.clone(), target.clone());
            session.change(ObjectKey::new(ObjectKind::Extension, &name.name));
            Ok(())
        }
        _ => {
            named::need(session, kind, &resolve::shown(name))?;
            resolve::schema(session, target)
        }
    }
}

fn relation(session: &mut Session, old: &QualifiedName, target: &SmolStr) -> Effect {
    if old.schema == *target {
        return Ok(());
    }
    let moved = |name: &SmolStr| QualifiedName {
        schema: target.clone(),
        name: name.clone(),
    };
    let new = moved(&old.name);
    if let Some(key) = resolve::occupied_relation(session, &new) {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::DUPLICATE_TABLE,
                format!(
                    "relation \"{}\" already exists in schema \"{target}\"",
                    old.name
                ),
            )
            .about(key),
        ));
    }
    let indexes: Vec<SmolStr> = session
        .catalog
        .relation(old)
        .map(|relation| {
            relation
                .indexes
                .iter()
                .map(|index| index.name.clone())
                .collect()
        })
        .unwrap_or_default();
    let sequences = sequence::owned(session, old, None);
    rename::move_relation(session, old, &new);
    for index in indexes {
        let from = QualifiedName {
            schema: old.schema.clone(),
            name: index.clone(),
        };
        rename::move_relation(session, &from, &moved(&index));
    }
    for owned in sequences {
        let to = moved(&owned.name);
        rename::move_relation(session, &owned, &to);
    }
    Ok(())
}
