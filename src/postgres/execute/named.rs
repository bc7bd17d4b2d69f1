//! Kinds that the simulation knows by name only, extensions, comments, owners and grants.
//!
//! Roles are cluster-wide: one never heard of may well be there, so what needs it is unknown.

use std::sync::Arc;

use imbl::OrdSet;
use smol_str::SmolStr;

use crate::postgres::catalog::{Named, QualifiedName, TypeKind, builtin};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::{CreateNamed, Drop, DropTarget, NamedAction, Rename};
use crate::postgres::{Name, ServerError, Session, SqlState, TypeName};

use super::{Effect, Failure, function, names, resolve};

/// Whether objects of a kind live in schemas.
fn in_schema(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Statistics
            | ObjectKind::Collation
            | ObjectKind::Conversion
            | ObjectKind::TextSearchConfiguration
            | ObjectKind::TextSearchDictionary
            | ObjectKind::TextSearchParser
            | ObjectKind::TextSearchTemplate
            | ObjectKind::OperatorClass
            | ObjectKind::OperatorFamily
            | ObjectKind::Operator
    )
}

fn key_of(session: &Session, kind: ObjectKind, name: &Name) -> ObjectKey {
    if !in_schema(kind) {
        return ObjectKey::new(kind, resolve::shown(name));
    }
    if let Some(schema) = &name.schema {
        return ObjectKey::new(kind, format!("{schema}.{}", name.name));
    }
    for schema in session.search_path.iter() {
        let key = ObjectKey::new(kind, format!("{schema}.{}", name.name));
        if session.catalog.named.contains_key(&key) {
            return key;
        }
    }
    let schema =
        resolve::creation_schema(session).unwrap_or_else(|_| SmolStr::new_static("public"));
    ObjectKey::new(kind, format!("{schema}.{}", name.name))
}

fn duplicate(session: &Session, kind: ObjectKind, name: &Name, key: &ObjectKey) -> ServerError {
    let shown = &name.name;
    let (state, message) = match kind {
        ObjectKind::Database => (
            SqlState::DUPLICATE_DATABASE,
            format!("database \"{shown}\" already exists"),
        ),
        ObjectKind::Operator => (
            SqlState::DUPLICATE_FUNCTION,
            format!(
                "operator {} already exists",
                shown.split('(').next().unwrap_or(shown).trim()
            ),
        ),
        ObjectKind::TextSearchConfiguration => (
            SqlState::UNIQUE_VIOLATION,
            "duplicate key value violates unique constraint \"pg_ts_config_cfgname_index\"".into(),
        ),
        ObjectKind::TextSearchDictionary => (
            SqlState::UNIQUE_VIOLATION,
            "duplicate key value violates unique constraint \"pg_ts_dict_dictname_index\"".into(),
        ),
        ObjectKind::Language if session.version.0 >= 13 => (
            SqlState::DUPLICATE_OBJECT,
            format!("extension \"{shown}\" already exists"),
        ),
        ObjectKind::Cast => (
            SqlState::DUPLICATE_OBJECT,
            format!("cast {shown} already exists"),
        ),
        _ => (
            SqlState::DUPLICATE_OBJECT,
            format!("{} \"{shown}\" already exists", kind.noun()),
        ),
    };
    ServerError::new(state, message).about(key.clone())
}

fn missing(kind: ObjectKind, name: &str, key: &ObjectKey) -> ServerError {
    let (state, message) = match kind {
        ObjectKind::Database => (
            SqlState::INVALID_CATALOG_NAME,
            format!("database \"{name}\" does not exist"),
        ),
        ObjectKind::Operator => (
            SqlState::UNDEFINED_FUNCTION,
            format!("operator does not exist: {name}"),
        ),
        ObjectKind::Cast => (
            SqlState::UNDEFINED_OBJECT,
            format!("cast {name} does not exist"),
        ),
        ObjectKind::Collation => (
            SqlState::UNDEFINED_OBJECT,
            format!("collation \"{name}\" for encoding \"UTF8\" does not exist"),
        ),
        _ => (
            SqlState::UNDEFINED_OBJECT,
            format!("{} \"{name}\" does not exist", kind.noun()),
        ),
    };
    ServerError::new(state, message).about(key.clone())
}

/// What exists on every server without a statement making it.
fn is_builtin(kind: ObjectKind, name: &str) -> bool {
    match kind {
        ObjectKind::Role => {
            matches!(
                name,
                "postgres" | "public" | "current_user" | "session_user" | "current_role"
            ) || name.starts_with("pg_")
        }
        ObjectKind::Language => matches!(name, "plpgsql" | "sql" | "c" | "internal"),
        ObjectKind::Tablespace => matches!(name, "pg_default" | "pg_global"),
        ObjectKind::Database => matches!(name, "postgres" | "template0" | "template1"),
        ObjectKind::AccessMethod => builtin::extension_of_access_method(name) == Some(""),
        ObjectKind::Collation => matches!(name, "C" | "POSIX" | "default" | "ucs_basic"),
        ObjectKind::TextSearchConfiguration | ObjectKind::TextSearchDictionary => name == "simple",
        _ => false,
    }
}

/// Whether objects of a kind are made outside of migrations too, for the whole cluster.
fn is_cluster_wide(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Role | ObjectKind::Database | ObjectKind::Tablespace | ObjectKind::Subscription
    )
}

/// CREATE of a kind known by name only.
pub(crate) fn create(session: &mut Session, create: &CreateNamed) -> Effect {
    let mut relations = Vec::new();
    for relation in &create.relations {
        let name = resolve::relation(session, relation, ObjectKind::Table)?;
        for column in &create.columns {
            resolve::column_or(session, &name, column, || {
                format!("column \"{column}\" does not exist")
            })?;
        }
        relations.push(name);
    }
    let name = match &create.name {
        Some(name) => {
            resolve::known(name)?;
            name.clone()
        }
        None => statistics_name(session, create, relations.first()),
    };
    if create.kind == ObjectKind::Tablespace {
        return Err(Failure::Unknown(
            "the directory of a tablespace is not known".into(),
        ));
    }
    let key = key_of(session, create.kind, &name);
    let taken = session.catalog.named.contains_key(&key) || is_builtin(create.kind, &name.name);
    if taken {
        if session.catalog.maybe.remove(&key).is_some() {
            if !create.if_not_exists && !create.or_replace {
                session.doubt(format!("{key} may already be there"));
            }
        } else if create.if_not_exists || create.or_replace {
            return Ok(());
        } else {
            return Err(Failure::Error(duplicate(session, create.kind, &name, &key)));
        }
    }
    let members = if create.kind == ObjectKind::Publication {
        relations.iter().map(member_name).collect()
    } else {
        OrdSet::new()
    };
    session.catalog.gone.remove(&key);
    session
        .catalog
        .named
        .insert(key.clone(), Arc::new(Named { members, relations }));
    session.change(key);
    Ok(())
}

fn member_name(name: &QualifiedName) -> SmolStr {
    SmolStr::new(format!("{}.{}", name.schema, name.name))
}

/// `t_c_m_stat`, as the server names statistics without a name.
fn statistics_name(session: &Session, create: &CreateNamed, table: Option<&QualifiedName>) -> Name {
    let schema = table.map_or_else(
        || SmolStr::new_static("public"),
        |table| table.schema.clone(),
    );
    let addition = names::addition(create.columns.iter().map(SmolStr::as_str));
    let base = table.map_or("", |table| table.name.as_str());
    let mut number = 0;
    loop {
        let label = if number == 0 {
            "stat".to_string()
        } else {
            format!("stat{number}")
        };
        let candidate = names::make(base, Some(&addition), &label);
        let key = ObjectKey::new(create.kind, format!("{schema}.{candidate}"));
        if !session.catalog.named.contains_key(&key) {
            return Name {
                schema: Some(schema),
                name: candidate,
            };
        }
        number += 1;
    }
}

/// An object of a named kind that is used: 42704 where it is missing.
pub(crate) fn need(session: &mut Session, kind: ObjectKind, name: &str) -> Effect {
    let name = match name.split_once('.') {
        Some((schema, rest)) if in_schema(kind) => Name::qualified(Some(schema), rest),
        _ => Name::new(name),
    };
    lookup(session, kind, &name).map(|_| ())
}

fn lookup(session: &mut Session, kind: ObjectKind, name: &Name) -> Effect<ObjectKey> {
    resolve::known(name)?;
    let key = key_of(session, kind, name);
    if session.catalog.named.contains_key(&key) {
        if session.catalog.maybe.remove(&key).is_some() {
            session.doubt(format!("{key} may or may not be there"));
        }
        return Ok(key);
    }
    if is_builtin(kind, &name.name) {
        return Ok(key);
    }
    if session.catalog.gone.contains(&key) {
        return Err(Failure::Error(missing(kind, &resolve::shown(name), &key)));
    }
    if is_cluster_wide(kind) && kind != ObjectKind::Database {
        return Err(Failure::Unknown(
            format!("{key} is not made by migrations").into(),
        ));
    }
    if session.catalog.open {
        session.call.assumed.push(key.clone());
        session
            .catalog
            .named
            .insert(key.clone(), Arc::new(Named::default()));
        return Ok(key);
    }
    Err(Failure::Error(missing(kind, &resolve::shown(name), &key)))
}

/// `ALTER kind name ...` without a new name.
pub(crate) fn alter(
    session: &mut Session,
    kind: ObjectKind,
    name: &Name,
    if_exists: bool,
    action: &NamedAction,
) -> Effect {
    match kind {
        ObjectKind::Extension => {
            need_extension(session, &name.name)?;
            session.change(ObjectKey::new(ObjectKind::Extension, &name.name));
            return Ok(());
        }
        ObjectKind::Function
        | ObjectKind::Procedure
        | ObjectKind::Routine
        | ObjectKind::Aggregate => return function::find(session, kind, name, None).map(|_| ()),
        ObjectKind::Schema => return resolve::schema(session, &name.name),
        ObjectKind::Type | ObjectKind::Domain => {
            return resolve::made_type(session, name).map(|_| ());
        }
        ObjectKind::Table
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::ForeignTable
        | ObjectKind::Sequence
        | ObjectKind::Index => {
            if if_exists && resolve::guarded(session, name)?.is_none() {
                return Ok(());
            }
            return resolve::relation(session, name, kind).map(|_| ());
        }
        // settings of a database that is connected to: it is there
        ObjectKind::Database => return Ok(()),
        _ => {}
    }
    let key = key_of(session, kind, name);
    if if_exists && !session.catalog.named.contains_key(&key) {
        return Ok(());
    }
    let key = lookup(session, kind, name)?;
    let mut known = session
        .catalog
        .named
        .get(&key)
        .map(|known| Named::clone(known))
        .unwrap_or_default();
    match action {
        NamedAction::Options => {}
        NamedAction::Add(members) => {
            for member in members {
                let member = member_key(session, kind, member)?;
                if known.members.contains(&member) {
                    return Err(Failure::Error(
                        duplicate_member(kind, &member, name).about(key),
                    ));
                }
                known.members.insert(member);
            }
        }
        NamedAction::DropMembers(members) => {
            for member in members {
                let member = member_key(session, kind, member)?;
                if known.members.remove(&member).is_none() && !session.catalog.open {
                    return Err(Failure::Error(missing_member(kind, &member).about(key)));
                }
            }
        }
        NamedAction::SetMembers(members) => {
            known.members = OrdSet::new();
            for member in members {
                let member = member_key(session, kind, member)?;
                known.members.insert(member);
            }
        }
    }
    if !is_builtin(kind, &name.name) {
        session.catalog.named.insert(key.clone(), Arc::new(known));
    }
    session.change(key);
    Ok(())
}

/// A publication's member is a relation, which must be there.
fn member_key(session: &mut Session, kind: ObjectKind, member: &SmolStr) -> Effect<SmolStr> {
    if kind != ObjectKind::Publication {
        return Ok(member.clone());
    }
    let name = match member.split_once('.') {
        Some((schema, name)) => Name::qualified(Some(schema), name),
        None => Name::new(member),
    };
    let found = resolve::relation(session, &name, ObjectKind::Table)?;
    Ok(member_name(&found))
}

fn plain(member: &str) -> &str {
    member.rsplit('.').next().unwrap_or(member)
}

fn duplicate_member(kind: ObjectKind, member: &str, owner: &Name) -> ServerError {
    let message = if kind == ObjectKind::Publication {
        format!(
            "relation \"{}\" is already member of publication \"{}\"",
            plain(member),
            owner.name
        )
    } else {
        format!("option \"{member}\" provided more than once")
    };
    ServerError::new(SqlState::DUPLICATE_OBJECT, message)
}

fn missing_member(kind: ObjectKind, member: &str) -> ServerError {
    let message = if kind == ObjectKind::Publication {
        format!(
            "relation \"{}\" is not part of the publication",
            plain(member)
        )
    } else {
        format!("option \"{member}\" not found")
    };
    ServerError::new(SqlState::UNDEFINED_OBJECT, message)
}

/// DROP of a named kind.
pub(crate) fn drop(session: &mut Session, statement: &Drop, target: &DropTarget) -> Effect {
    resolve::known(&target.name)?;
    let kind = statement.kind;
    let key = key_of(session, kind, &target.name);
    if session.catalog.named.remove(&key).is_some() {
        if session.catalog.maybe.remove(&key).is_some() && !statement.if_exists {
            session.doubt(format!("{key} may or may not be there"));
        }
        session.catalog.comments.remove(&key);
        if is_cluster_wide(kind) {
            session.catalog.gone.insert(key.clone());
        }
        if kind == ObjectKind::ForeignDataWrapper && statement.cascade {
            drop_servers(session);
        }
        session.change(key);
        return Ok(());
    }
    if statement.if_exists {
        return Ok(());
    }
    let heard_of = session.catalog.gone.contains(&key);
    if kind == ObjectKind::Database && !heard_of {
        // used directly, so it was there: now it is not
        session.catalog.gone.insert(key.clone());
        session.call.assumed.push(key.clone());
        session.change(key);
        return Ok(());
    }
    if is_cluster_wide(kind) && kind != ObjectKind::Tablespace && !heard_of {
        return Err(Failure::Unknown(
            format!("{key} is not made by migrations").into(),
        ));
    }
    if session.catalog.open && !heard_of {
        session.call.assumed.push(key.clone());
        session.change(key);
        return Ok(());
    }
    Err(Failure::Error(missing(
        kind,
        &resolve::shown(&target.name),
        &key,
    )))
}

/// Which server belongs to which wrapper is not kept: with CASCADE all go.
fn drop_servers(session: &mut Session) {
    let keys: Vec<ObjectKey> = session
        .catalog
        .named
        .keys()
        .filter(|key| matches!(key.kind, ObjectKind::Server | ObjectKind::UserMapping))
        .cloned()
        .collect();
    for key in keys {
        session.catalog.named.remove(&key);
        session.change(key);
    }
}

/// RENAME of a named kind.
pub(crate) fn rename(session: &mut Session, statement: &Rename) -> Effect {
    if statement.kind == ObjectKind::Database
        && !session.catalog.named.contains_key(&key_of(
            session,
            ObjectKind::Database,
            &statement.name,
        ))
    {
        let key = key_of(session, ObjectKind::Database, &statement.name);
        return Err(Failure::Error(missing(
            ObjectKind::Database,
            &statement.name.name,
            &key,
        )));
    }
    let old = lookup(session, statement.kind, &statement.name)?;
    let new_name = Name {
        schema: old
            .name
            .split_once('.')
            .filter(|_| in_schema(statement.kind))
            .map(|(schema, _)| SmolStr::new(schema)),
        name: statement.new_name.clone(),
    };
    let new = key_of(session, statement.kind, &new_name);
    if session.catalog.named.contains_key(&new) {
        return Err(Failure::Error(duplicate(
            session,
            statement.kind,
            &new_name,
            &new,
        )));
    }
    if let Some(known) = session.catalog.named.remove(&old) {
        session.catalog.named.insert(new.clone(), known);
    }
    if is_cluster_wide(statement.kind) {
        session.catalog.gone.insert(old.clone());
        session.catalog.gone.remove(&new);
    }
    session.change(old);
    session.change(new);
    Ok(())
}

/// CREATE EXTENSION.
pub(crate) fn create_extension(
    session: &mut Session,
    name: &SmolStr,
    if_not_exists: bool,
    schema: Option<&str>,
) -> Effect {
    resolve::known_plain(name)?;
    let key = ObjectKey::new(ObjectKind::Extension, name);
    if session.catalog.extensions.contains_key(name) {
        let doubtful = session.catalog.maybe.remove(&key).is_some();
        if if_not_exists {
            return Ok(());
        }
        if doubtful {
            session.doubt(format!("{key} may already be there"));
            return Ok(());
        }
        return Err(Failure::Error(
            ServerError::new(
                SqlState::DUPLICATE_OBJECT,
                format!("extension \"{name}\" already exists"),
            )
            .about(key),
        ));
    }
    let target = match schema {
        Some(written) => {
            resolve::schema(session, written)?;
            SmolStr::new(written)
        }
        None => resolve::creation_schema(session)?,
    };
    session.catalog.extensions.insert(name.clone(), target);
    session.change(key);
    Ok(())
}

/// An extension that is used: 42704 where it is not installed.
pub(crate) fn need_extension(session: &mut Session, name: &SmolStr) -> Effect {
    resolve::known_plain(name)?;
    let key = ObjectKey::new(ObjectKind::Extension, name);
    if session.catalog.has_extension(name) {
        if session.catalog.maybe.remove(&key).is_some() {
            session.doubt(format!("{key} may or may not be there"));
        }
        return Ok(());
    }
    if session.catalog.open && !session.catalog.gone.contains(&key) {
        session.call.assumed.push(key);
        session
            .catalog
            .extensions
            .insert(name.clone(), SmolStr::new_static("public"));
        return Ok(());
    }
    Err(Failure::Error(
        ServerError::new(
            SqlState::UNDEFINED_OBJECT,
            format!("extension \"{name}\" does not exist"),
        )
        .about(key),
    ))
}

/// DROP EXTENSION: columns of its types hold it back.
pub(crate) fn drop_extension(
    session: &mut Session,
    statement: &Drop,
    target: &DropTarget,
) -> Effect {
    let name = target.name.name.clone();
    resolve::known_plain(&name)?;
    let key = ObjectKey::new(ObjectKind::Extension, &name);
    if statement.if_exists && !session.catalog.has_extension(&name) {
        return Ok(());
    }
    if statement.if_exists {
        session.catalog.maybe.remove(&key);
    }
    need_extension(session, &name)?;
    let mut users = Vec::new();
    for relation in session.catalog.relations.values() {
        for column in &relation.columns {
            if builtin::extension_of_type(&column.type_name.name.name) == Some(name.as_str()) {
                users.push((relation.name.clone(), column.name.clone()));
            }
        }
        for index in &relation.indexes {
            let needs = index.elements.iter().any(|element| {
                element.operator_class.as_deref().is_some_and(|class| {
                    builtin::extension_of_operator_class(class) == Some(name.as_str())
                })
            });
            if needs && !statement.cascade {
                return super::drop::depended_on(
                    &format!("extension {name}"),
                    relation.name.member(ObjectKind::Index, &index.name),
                );
            }
        }
    }
    if let Some((table, column)) = users.first()
        && !statement.cascade
    {
        return super::drop::depended_on(
            &format!("extension {name}"),
            table.member(ObjectKind::Column, column),
        );
    }
    for (table, column) in users {
        super::alter_table::remove_column(session, &table, &column);
    }
    session.catalog.extensions.remove(&name);
    session.change(key);
    Ok(())
}

/// A role that a statement names: unknown where no statement made it.
pub(crate) fn role(session: &mut Session, name: &str) -> Effect {
    resolve::known_plain(name)?;
    let lower = name.to_ascii_lowercase();
    if is_builtin(ObjectKind::Role, &lower) {
        return Ok(());
    }
    need(session, ObjectKind::Role, name)
}

/// ALTER ... OWNER TO.
pub(crate) fn owner(
    session: &mut Session,
    kind: ObjectKind,
    name: &Name,
    arguments: Option<&[TypeName]>,
    new_owner: &str,
) -> Effect {
    match kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Index
        | ObjectKind::Sequence => {
            resolve::relation(session, name, kind)?;
        }
        ObjectKind::Type | ObjectKind::Domain => {
            let name = resolve::made_type(session, name)?;
            if let Some(made) = session.transaction.made_types.get_mut(&name) {
                made.updated = true;
            }
        }
        ObjectKind::Schema => resolve::schema(session, &name.name)?,
        ObjectKind::Function
        | ObjectKind::Procedure
        | ObjectKind::Routine
        | ObjectKind::Aggregate => {
            function::find(session, kind, name, arguments)?;
        }
        ObjectKind::Database | ObjectKind::Language => {}
        ObjectKind::Extension => need_extension(session, &name.name)?,
        _ => need(session, kind, &resolve::shown(name))?,
    }
    role(session, new_owner)
}

/// GRANT, REVOKE.
pub(crate) fn grant(
    session: &mut Session,
    kind: Option<ObjectKind>,
    objects: &[Name],
    grantees: &[SmolStr],
) -> Effect {
    for name in objects {
        match kind {
            Some(
                ObjectKind::Table
                | ObjectKind::View
                | ObjectKind::MaterializedView
                | ObjectKind::ForeignTable
                | ObjectKind::Sequence,
            ) if !super::is_system(name) => {
                resolve::relation(session, name, kind.unwrap_or(ObjectKind::Table))?;
            }
            Some(ObjectKind::Schema) => resolve::schema(session, &name.name)?,
            Some(ObjectKind::Type | ObjectKind::Domain) => {
                resolve::made_type(session, name)?;
            }
            Some(ObjectKind::Role) => role(session, &name.name)?,
            Some(kind @ (ObjectKind::Function | ObjectKind::Procedure | ObjectKind::Routine)) => {
                // arguments are not kept: one overload is enough
                match function::find(session, kind, name, None) {
                    Err(Failure::Error(error))
                        if error.sqlstate == SqlState::AMBIGUOUS_FUNCTION => {}
                    Err(Failure::Error(_)) => {
                        return Err(Failure::Unknown(
                            format!("function `{name}` was not made by a statement").into(),
                        ));
                    }
                    other => {
                        other?;
                    }
                }
            }
            _ => {}
        }
    }
    for grantee in grantees {
        role(session, grantee)?;
    }
    Ok(())
}

/// COMMENT ON.
pub(crate) fn comment(
    session: &mut Session,
    kind: ObjectKind,
    name: &Name,
    member: Option<&str>,
    text: Option<&Arc<str>>,
) -> Effect {
    let target = comment_target(session, kind, name, member)?;
    let Some(target) = target else { return Ok(()) };
    match text {
        Some(text) if !text.is_empty() => {
            session
                .catalog
                .comments
                .insert(target.clone(), text.clone());
        }
        _ => {
            session.catalog.comments.remove(&target);
        }
    }
    session.change(ObjectKey::new(
        ObjectKind::Comment,
        format!("{} {}", target.kind.noun(), target.name),
    ));
    Ok(())
}

fn comment_target(
    session: &mut Session,
    kind: ObjectKind,
    name: &Name,
    member: Option<&str>,
) -> Effect<Option<ObjectKey>> {
    Ok(match kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Index
        | ObjectKind::Sequence => {
            let found = resolve::relation(session, name, kind)?;
            let actual = session
                .catalog
                .relation(&found)
                .map(|relation| (relation.key(), relation.presence));
            if let Some((key, presence)) = &actual
                && key.kind != kind
                && *presence != crate::postgres::catalog::Presence::Assumed
            {
                return resolve::wrong_kind(
                    &found,
                    format!("\"{}\" is not a {}", found.name, kind.noun()),
                );
            }
            actual.map(|(key, _)| key)
        }
        ObjectKind::Column => {
            let column = member.unwrap_or_default();
            let composite = session
                .catalog
                .find_type(&session.search_path, name)
                .is_some_and(|found| matches!(found.definition, TypeKind::Composite { .. }));
            if composite {
                return Ok(None);
            }
            let table = resolve::relation(session, name, ObjectKind::Table)?;
            resolve::column(session, &table, column)?;
            Some(table.member(ObjectKind::Column, column))
        }
        ObjectKind::Constraint | ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule => {
            let wanted = member.unwrap_or_default();
            resolve::known_plain(wanted)?;
            let domain = session
                .catalog
                .find_type(&session.search_path, name)
                .map(|found| found.name.clone());
            if let Some(domain) = domain
                && session
                    .catalog
                    .find_relation(&session.search_path, name)
                    .is_none()
            {
                return Ok(Some(domain.member(kind, wanted)));
            }
            let table = resolve::relation(session, name, ObjectKind::Table)?;
            member_target(session, kind, &table, wanted)?
        }
        ObjectKind::Type | ObjectKind::Domain => {
            Some(resolve::made_type(session, name)?.key(ObjectKind::Type))
        }
        ObjectKind::Schema => {
            resolve::schema(session, &name.name)?;
            Some(ObjectKey::new(kind, &name.name))
        }
        ObjectKind::Extension => {
            need_extension(session, &name.name)?;
            Some(ObjectKey::new(kind, &name.name))
        }
        ObjectKind::Function
        | ObjectKind::Procedure
        | ObjectKind::Routine
        | ObjectKind::Aggregate => match function::find(session, kind, name, None) {
            Err(Failure::Error(error)) if error.sqlstate == SqlState::AMBIGUOUS_FUNCTION => None,
            other => other?.map(|(found, _)| found.key(kind)),
        },
        ObjectKind::Database => None,
        _ => Some(lookup(session, kind, name)?),
    })
}

fn member_target(
    session: &mut Session,
    kind: ObjectKind,
    table: &QualifiedName,
    wanted: &str,
) -> Effect<Option<ObjectKey>> {
    let there = session.catalog.relation(table).is_some_and(|relation| {
        relation.columns_open
            || match kind {
                ObjectKind::Constraint => relation.constraint(wanted).is_some(),
                ObjectKind::Trigger => relation.trigger(wanted).is_some(),
                ObjectKind::Policy => relation.policy(wanted).is_some(),
                _ => relation.rules.iter().any(|known| known == wanted),
            }
    });
    if there {
        return Ok(Some(table.member(kind, wanted)));
    }
    Err(Failure::Error(
        ServerError::new(
            SqlState::UNDEFINED_OBJECT,
            format!(
                "{} \"{wanted}\" for table \"{}\" does not exist",
                kind.noun(),
                table.name
            ),
        )
        .about(table.member(kind, wanted)),
    ))
}
