//! From names to objects: search path, what is missing, what is assumed in an open world, what is doubtful.
//!
//! A *direct* use of an object never heard of is an error in a closed world; in an open one the object is assumed. Use
//! of an object that only some worlds have makes the outcome unknown, and from then on it is there.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::catalog::{
    Column, Presence, QualifiedName, Relation, RelationKind, Type, TypeKind, builtin, lookup,
};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::{Name, ServerError, Session, SqlState, TypeName};
use crate::unknown;

use super::{Effect, Failure, fail};

/// Refuses a name with a part that is not known.
pub(crate) fn known(name: &Name) -> Effect {
    if name.is_unknown() {
        return Err(Failure::Unknown(
            format!("the name `{name}` is not known").into(),
        ));
    }
    Ok(())
}

/// Refuses a plain name with a part that is not known.
pub(crate) fn known_plain(name: &str) -> Effect {
    if unknown::has_hole(name) {
        let shown = name.replace(unknown::HOLE, "{?}");
        return Err(Failure::Unknown(
            format!("the name `{shown}` is not known").into(),
        ));
    }
    Ok(())
}

/// A name as messages show it: `s.t`, unquoted.
pub(crate) fn shown(name: &Name) -> String {
    match &name.schema {
        Some(schema) => format!("{schema}.{}", name.name),
        None => name.name.to_string(),
    }
}

/// The schema of a name that is used: 3F000 where it is missing.
pub(crate) fn schema(session: &mut Session, name: &str) -> Effect {
    known_plain(name)?;
    match session.catalog.schema(name) {
        Some(Presence::Certain | Presence::Assumed) => Ok(()),
        Some(Presence::Maybe) => {
            session.doubt(format!("schema `{name}` may or may not be there"));
            session
                .catalog
                .schemas
                .insert(SmolStr::new(name), Presence::Certain);
            Ok(())
        }
        None if session.assumes_relation(ObjectKind::Schema)
            && !session
                .catalog
                .gone
                .contains(&ObjectKey::new(ObjectKind::Schema, name)) =>
        {
            let name = SmolStr::new(name);
            session
                .call
                .assumed
                .push(ObjectKey::new(ObjectKind::Schema, &name));
            session.catalog.schemas.insert(name, Presence::Assumed);
            Ok(())
        }
        None => Err(Failure::Error(
            ServerError::new(
                SqlState::INVALID_SCHEMA_NAME,
                format!("schema \"{name}\" does not exist"),
            )
            .about(ObjectKey::new(ObjectKind::Schema, name)),
        )),
    }
}

/// The schema that an unqualified new name goes to: the first of the path that is there.
pub(crate) fn creation_schema(session: &Session) -> Effect<SmolStr> {
    for schema in session.search_path.iter() {
        if session.catalog.schema(schema).is_some() {
            return Ok(schema.clone());
        }
    }
    if session.catalog.open
        && let Some(first) = session.search_path.iter().find(|name| *name != "$user")
    {
        return Ok(first.clone());
    }
    fail(
        SqlState::INVALID_SCHEMA_NAME,
        "no schema has been selected to create in",
    )
}

/// The qualified name of something to make.
pub(crate) fn new_name(
    session: &mut Session,
    name: &Name,
    temporary: bool,
) -> Effect<QualifiedName> {
    known(name)?;
    let schema = if temporary {
        if let Some(written) = &name.schema
            && !written.starts_with("pg_temp")
        {
            schema(session, written)?;
            return fail(
                SqlState::INVALID_TABLE_DEFINITION,
                "cannot create temporary relation in non-temporary schema",
            );
        }
        SmolStr::new_static(lookup::TEMPORARY_SCHEMA)
    } else if let Some(written) = &name.schema {
        schema(session, written)?;
        written.clone()
    } else {
        creation_schema(session)?
    };
    Ok(QualifiedName {
        schema,
        name: name.name.clone(),
    })
}

/// The key of what already stands in `pg_class` under a name; a doubtful relation is removed, with a doubt noted.
pub(crate) fn occupied_relation(session: &mut Session, name: &QualifiedName) -> Option<ObjectKey> {
    if let Some(found) = session.catalog.relation(name) {
        let key = found.key();
        if found.presence == Presence::Maybe {
            session.doubt(format!("{key} may already be there"));
            super::drop::remove_relation(session, name);
            return None;
        }
        return Some(key);
    }
    let composite = session
        .catalog
        .types
        .get(name)
        .filter(|found| matches!(found.definition, TypeKind::Composite { .. }));
    composite.map(|_| name.key(ObjectKind::Type))
}

/// 42P07, naming what is in the way.
pub(crate) fn duplicate_relation(name: &QualifiedName, key: ObjectKey) -> Failure {
    Failure::Error(
        ServerError::new(
            SqlState::DUPLICATE_TABLE,
            format!("relation \"{}\" already exists", name.name),
        )
        .about(key),
    )
}

/// The key of what already stands in `pg_type` under a name; a doubtful type is removed, with a doubt noted.
pub(crate) fn occupied_type(session: &mut Session, name: &QualifiedName) -> Option<ObjectKey> {
    if let Some(found) = session.catalog.types.get(name) {
        let key = name.key(ObjectKind::Type);
        if found.presence == Presence::Maybe {
            session.doubt(format!("{key} may already be there"));
            session.catalog.types.remove(name);
            return None;
        }
        return Some(key);
    }
    let found = session.catalog.relation(name)?;
    if !found.kind.has_row_type() {
        return None;
    }
    if found.presence == Presence::Maybe {
        let key = found.key();
        session.doubt(format!("{key} may already be there"));
        return None;
    }
    Some(found.key())
}

/// 42710 for a type.
pub(crate) fn duplicate_type(name: &QualifiedName, key: ObjectKey) -> Failure {
    Failure::Error(
        ServerError::new(
            SqlState::DUPLICATE_OBJECT,
            format!("type \"{}\" already exists", name.name),
        )
        .about(key),
    )
}

/// Makes a doubtful relation certain, with a doubt noted.
pub(crate) fn settle(session: &mut Session, name: &QualifiedName) {
    let Some(relation) = session.catalog.relation(name) else {
        return;
    };
    if relation.presence != Presence::Maybe {
        return;
    }
    let key = relation.key();
    session.doubt(format!("{key} may or may not be there"));
    if let Some(relation) = session.catalog.relation_mut(name) {
        relation.presence = Presence::Certain;
    }
}

/// A relation looked for under IF EXISTS; a doubtful one counts as there, and nothing is noted.
pub(crate) fn guarded(session: &Session, name: &Name) -> Effect<Option<QualifiedName>> {
    known(name)?;
    Ok(session
        .catalog
        .find_relation(&session.search_path, name)
        .map(|relation| relation.name.clone()))
}

/// A relation used directly by DDL: 3F000 or 42P01 where it is missing.
pub(crate) fn relation(
    session: &mut Session,
    name: &Name,
    kind: ObjectKind,
) -> Effect<QualifiedName> {
    relation_or(session, name, kind, |name| {
        ServerError::new(
            SqlState::UNDEFINED_TABLE,
            format!("relation \"{}\" does not exist", shown(name)),
        )
    })
}

/// A relation used directly; `missing` words the error.
pub(crate) fn relation_or(
    session: &mut Session,
    name: &Name,
    kind: ObjectKind,
    missing: impl Fn(&Name) -> ServerError,
) -> Effect<QualifiedName> {
    known(name)?;
    if let Some(found) = session.catalog.find_relation(&session.search_path, name) {
        let qualified = found.name.clone();
        settle(session, &qualified);
        return Ok(qualified);
    }
    if super::is_system(name) {
        return Err(Failure::Unknown(
            format!("the system's relation `{name}` is not modelled").into(),
        ));
    }
    if let Some(written) = &name.schema {
        schema(session, written)?;
    }
    let key = missing_key(session, name, kind);
    if !session.may_be_there(kind, &key, &name.name) {
        return Err(Failure::Error(missing(name).about(key)));
    }
    assume_relation(session, name, kind)
}

/// The key under which a missing relation would stand.
pub(crate) fn missing_key(session: &Session, name: &Name, kind: ObjectKind) -> ObjectKey {
    let schema = name.schema.clone().unwrap_or_else(|| {
        session
            .search_path
            .iter()
            .find(|schema| session.catalog.schema(schema).is_some())
            .cloned()
            .unwrap_or_else(|| SmolStr::new_static("public"))
    });
    QualifiedName {
        schema,
        name: name.name.clone(),
    }
    .key(kind)
}

fn assume_relation(session: &mut Session, name: &Name, kind: ObjectKind) -> Effect<QualifiedName> {
    let schema = match &name.schema {
        Some(schema) => schema.clone(),
        None => creation_schema(session)?,
    };
    let qualified = QualifiedName {
        schema,
        name: name.name.clone(),
    };
    let relation_kind = match kind {
        ObjectKind::View => RelationKind::View,
        ObjectKind::MaterializedView => RelationKind::MaterializedView,
        ObjectKind::Sequence => RelationKind::Sequence,
        ObjectKind::Index => RelationKind::Index,
        ObjectKind::ForeignTable => RelationKind::ForeignTable,
        _ => RelationKind::Table,
    };
    insert_assumed(session, qualified.clone(), relation_kind);
    Ok(qualified)
}

/// Tables that a statement used which was undone since something else of it is not known: it needs them all the same.
pub(crate) fn assume_again(session: &mut Session, used: &[ObjectKey]) {
    for key in used.iter().filter(|key| key.kind == ObjectKind::Table) {
        let Some((schema, name)) = key.name.split_once('.') else {
            continue;
        };
        let qualified = QualifiedName::new(schema, name);
        if session.catalog.relation(&qualified).is_none() {
            insert_assumed(session, qualified, RelationKind::Table);
        }
    }
}

pub(crate) fn insert_assumed(session: &mut Session, name: QualifiedName, kind: RelationKind) {
    let mut relation = Relation::new(name, kind);
    relation.presence = Presence::Assumed;
    relation.open();
    session.call.assumed.push(relation.key());
    session.catalog.relations.insert(Arc::new(relation));
}

/// A relation named in a query or written by one: 42P01 even where its schema is missing. `None`: a system relation.
pub(crate) fn relation_in_query(
    session: &mut Session,
    name: &Name,
) -> Effect<Option<QualifiedName>> {
    known(name)?;
    if session
        .catalog
        .find_relation(&session.search_path, name)
        .is_none()
    {
        if super::is_system(name) {
            return Ok(None);
        }
        let missing_schema = name
            .schema
            .as_ref()
            .is_some_and(|schema| session.catalog.schema(schema).is_none());
        if missing_schema && !session.assumes_relation(ObjectKind::Table) {
            let key = missing_key(session, name, ObjectKind::Table);
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::UNDEFINED_TABLE,
                    format!("relation \"{}\" does not exist", shown(name)),
                )
                .about(key),
            ));
        }
    }
    relation(session, name, ObjectKind::Table).map(Some)
}

/// A column of a relation used directly: 42703 where it is missing.
pub(crate) fn column(session: &mut Session, table: &QualifiedName, column: &str) -> Effect {
    column_or(session, table, column, || {
        format!(
            "column \"{column}\" of relation \"{}\" does not exist",
            table.name
        )
    })
}

/// A column used directly; `message` words the error.
pub(crate) fn column_or(
    session: &mut Session,
    table: &QualifiedName,
    column: &str,
    message: impl Fn() -> String,
) -> Effect {
    known_plain(column)?;
    let Some(relation) = session.catalog.relation(table) else {
        return Ok(());
    };
    match relation.column(column).map(|found| found.presence) {
        Some(Presence::Certain | Presence::Assumed) => return Ok(()),
        Some(Presence::Maybe) => {
            let key = table.member(ObjectKind::Column, column);
            session.doubt(format!("{key} may or may not be there"));
            set_column_presence(session, table, column, Presence::Certain);
            return Ok(());
        }
        None => {}
    }
    if is_system_column(column) {
        return Ok(());
    }
    let key = table.member(ObjectKind::Column, column);
    if !relation.columns_open || session.catalog.gone.contains(&key) {
        return Err(Failure::Error(
            ServerError::new(SqlState::UNDEFINED_COLUMN, message()).about(key),
        ));
    }
    session.call.assumed.push(key);
    if let Some(relation) = session.catalog.relation_mut(table) {
        relation.columns.push(Column {
            name: SmolStr::new(column),
            type_name: TypeName::new("unknown"),
            not_null: false,
            default: None,
            default_type: None,
            identity: None,
            generated: None,
            presence: Presence::Assumed,
        });
    }
    Ok(())
}

pub(crate) fn set_column_presence(
    session: &mut Session,
    table: &QualifiedName,
    column: &str,
    presence: Presence,
) {
    if let Some(relation) = session.catalog.relation_mut(table) {
        for found in relation.columns.matching_mut(|known| known.name == column) {
            found.presence = presence;
        }
    }
}

/// Whether every table has a column of this name without declaring it.
pub(crate) fn is_system_column(name: &str) -> bool {
    matches!(
        name,
        "ctid" | "xmin" | "xmax" | "cmin" | "cmax" | "tableoid"
    )
}

/// A type used directly: 42704 where it is missing. Types of the catalog come back with their schema.
pub(crate) fn type_name(session: &mut Session, written: &TypeName) -> Effect<TypeName> {
    // a type that foreshot can't name: the migration was written against a server that has it
    if written.name.is_unknown() {
        return Ok(written.clone());
    }
    let found = session
        .catalog
        .find_type(&session.search_path, &written.name)
        .map(|found| (found.name.clone(), found.presence));
    if let Some((name, presence)) = found {
        if presence == Presence::Maybe {
            let key = name.key(ObjectKind::Type);
            session.doubt(format!("{key} may or may not be there"));
            if let Some(found) = session.catalog.type_mut(&name) {
                found.presence = Presence::Certain;
            }
        }
        return Ok(resolved(written, &name));
    }
    let plain = written.name.name.as_str();
    if written
        .name
        .schema
        .as_deref()
        .is_none_or(|schema| schema == "pg_catalog")
        && (builtin::is_builtin_type(plain) || plain.starts_with("pg_"))
    {
        let mut canonical = written.clone();
        canonical.name = Name::new(builtin::canonical_type(plain));
        check_modifiers(&canonical)?;
        return Ok(canonical);
    }
    if written.name.schema.as_deref() == Some("information_schema")
        && matches!(
            plain,
            "cardinal_number" | "character_data" | "sql_identifier" | "time_stamp" | "yes_or_no"
        )
    {
        return Ok(written.clone());
    }
    if let Some(relation) = session
        .catalog
        .find_relation(&session.search_path, &written.name)
        && relation.kind.has_row_type()
    {
        return Ok(resolved(written, &relation.name.clone()));
    }
    // `t%ROWTYPE`, `_int4`: array types by their internal names
    if let Some(element) = plain.strip_prefix('_')
        && (builtin::is_builtin_type(element)
            || session
                .catalog
                .find_type(&session.search_path, &Name::new(element))
                .is_some())
    {
        return Ok(written.clone());
    }
    if let Some(extension) = builtin::extension_of_type(plain) {
        if session.catalog.has_extension(extension) {
            let key = ObjectKey::new(ObjectKind::Extension, extension);
            if session.catalog.maybe.contains(&key) {
                session.doubt(format!("{key} may or may not be there"));
            }
            return Ok(written.clone());
        }
        if session.catalog.open {
            return Ok(written.clone());
        }
        return Err(missing_type(session, written));
    }
    if let Some(schema_name) = &written.name.schema
        && schema_name != "pg_catalog"
    {
        schema(session, schema_name)?;
    }
    let key = missing_key(session, &written.name, ObjectKind::Type);
    if session.catalog.gone.contains(&key) {
        return Err(missing_type(session, written));
    }
    if !session.catalog.open {
        // an extension that is not a well-known one may bring any type
        let unknown_extension = session
            .catalog
            .extensions
            .keys()
            .find(|name| !is_known_extension(name));
        if let Some(extension) = unknown_extension {
            return Err(Failure::Unknown(
                format!(
                    "type `{}` may come with extension `{extension}`",
                    written.name
                )
                .into(),
            ));
        }
        return Err(missing_type(session, written));
    }
    let name = assume_type(session, &written.name)?;
    Ok(resolved(written, &name))
}

/// Takes a type of which nothing is known to be there.
fn assume_type(session: &mut Session, written: &Name) -> Effect<QualifiedName> {
    let schema = match &written.schema {
        Some(schema) => schema.clone(),
        None => creation_schema(session)?,
    };
    let name = QualifiedName {
        schema,
        name: written.name.clone(),
    };
    session.call.assumed.push(name.key(ObjectKind::Type));
    session.catalog.types.insert(
        name.clone(),
        Arc::new(Type {
            name: name.clone(),
            definition: TypeKind::Open,
            presence: Presence::Assumed,
        }),
    );
    Ok(name)
}

/// The errors of a built-in type's modifiers: those it doesn't take (42601), lengths and precisions out of range.
fn check_modifiers(written: &TypeName) -> Effect {
    if written.modifiers.is_empty() {
        return Ok(());
    }
    let name = written.name.name.as_str();
    let refuse =
        |sqlstate, message: String| Err(Failure::Error(ServerError::new(sqlstate, message)));
    let (limit, what) = match name {
        "varchar" | "bpchar" => (10_485_760, "length"),
        "bit" | "varbit" => (83_886_080, "length"),
        "numeric" => (1000, "precision"),
        "time" | "timetz" | "timestamp" | "timestamptz" | "interval" => return Ok(()),
        _ => {
            return refuse(
                SqlState::SYNTAX_ERROR,
                format!("type modifier is not allowed for type \"{name}\""),
            );
        }
    };
    let Some(value) = written
        .modifiers
        .first()
        .and_then(|modifier| modifier.parse::<i64>().ok())
    else {
        return Ok(());
    };
    if i32::try_from(value).is_err() {
        // the grammar takes an integer for these
        if name != "numeric" {
            return refuse(
                SqlState::SYNTAX_ERROR,
                format!("syntax error at or near \"{value}\""),
            );
        }
        return refuse(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            format!("value \"{value}\" is out of range for type integer"),
        );
    }
    if (1..=limit).contains(&value) {
        return Ok(());
    }
    let shown = if name == "bpchar" { "char" } else { name };
    let message = match (what, value) {
        ("precision", _) => format!("NUMERIC precision {value} must be between 1 and 1000"),
        (_, ..1) => format!("length for type {shown} must be at least 1"),
        _ => format!("length for type {shown} cannot exceed {limit}"),
    };
    refuse(SqlState::INVALID_PARAMETER_VALUE, message)
}

pub(crate) fn missing_type(session: &Session, written: &TypeName) -> Failure {
    let mut text = shown(&written.name);
    if written.array {
        text.push_str("[]");
    }
    Failure::Error(
        ServerError::new(
            SqlState::UNDEFINED_OBJECT,
            format!("type \"{text}\" does not exist"),
        )
        .about(missing_key(session, &written.name, ObjectKind::Type)),
    )
}

fn resolved(written: &TypeName, name: &QualifiedName) -> TypeName {
    TypeName {
        name: Name {
            schema: Some(name.schema.clone()),
            name: name.name.clone(),
        },
        modifiers: written.modifiers.clone(),
        array: written.array,
    }
}

/// Extensions whose types are all in [`builtin::extension_of_type`], or that have none.
fn is_known_extension(name: &str) -> bool {
    matches!(
        name,
        "plpgsql"
            | "uuid-ossp"
            | "pgcrypto"
            | "pg_trgm"
            | "unaccent"
            | "btree_gin"
            | "btree_gist"
            | "citext"
            | "hstore"
            | "ltree"
            | "cube"
            | "earthdistance"
            | "seg"
            | "isn"
            | "lo"
            | "intarray"
            | "fuzzystrmatch"
            | "tablefunc"
            | "pg_stat_statements"
            | "postgres_fdw"
            | "file_fdw"
            | "dblink"
            | "vector"
            | "postgis"
            | "postgis_raster"
            | "postgis_topology"
            | "pg_cron"
            | "bloom"
            | "pgstattuple"
            | "pageinspect"
            | "pg_buffercache"
            | "pgrowlocks"
            | "amcheck"
            | "moddatetime"
            | "tcn"
            | "semver"
            | "age"
            | "roaringbitmap"
    )
}

/// A type made by a statement, used directly by one that changes or drops it.
pub(crate) fn made_type(session: &mut Session, name: &Name) -> Effect<QualifiedName> {
    known(name)?;
    let plain = TypeName {
        name: name.clone(),
        modifiers: Vec::new(),
        array: false,
    };
    let resolved = match type_name(session, &plain) {
        // what is altered is there; that a column can have it is not taken for granted
        Err(Failure::Error(error))
            if error.sqlstate == SqlState::UNDEFINED_OBJECT
                && session.assumes_relation(ObjectKind::Type)
                && !is_gone(session, name, ObjectKind::Type) =>
        {
            return assume_type(session, name);
        }
        resolved => resolved?,
    };
    let schema = resolved
        .name
        .schema
        .unwrap_or_else(|| SmolStr::new_static("pg_catalog"));
    Ok(QualifiedName {
        schema,
        name: resolved.name.name,
    })
}

/// Whether an object that is not there was removed.
fn is_gone(session: &Session, name: &Name, kind: ObjectKind) -> bool {
    session
        .catalog
        .gone
        .contains(&missing_key(session, name, kind))
}

/// The error for a relation of the wrong kind (42809).
pub(crate) fn wrong_kind<T>(name: &QualifiedName, message: impl Into<String>) -> Effect<T> {
    Err(Failure::Error(
        ServerError::new(SqlState::WRONG_OBJECT_TYPE, message).about(name.key(ObjectKind::Table)),
    ))
}
