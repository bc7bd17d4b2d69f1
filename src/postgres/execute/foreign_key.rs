//! Foreign keys: made, checked against the key that they need, and what relies on a key when it goes.
//!
//! The server looks in this order: the constraint's name, the referenced table, columns on both sides, a unique key
//! without predicate, types that an equality operator joins.

use smol_str::SmolStr;

use crate::postgres::catalog::{Constraint, Index, Presence, QualifiedName, Relation, TypeKind};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{ConstraintDefinition, ConstraintKind, ReferentialAction};
use crate::postgres::{Expr, Name, ServerError, Session, SqlState, TypeName};

use super::constraint::{free_name, record, remove};
use super::{Effect, Failure, alter_table, data, fail, names, resolve};

/// A foreign key to make.
pub(crate) struct ForeignKeyRequest<'a> {
    pub(crate) columns: Vec<SmolStr>,
    pub(crate) table: &'a Name,
    pub(crate) referenced: &'a [SmolStr],
    pub(crate) on_delete: ReferentialAction,
    pub(crate) on_update: ReferentialAction,
}

/// Adds a foreign key.
pub(crate) fn add(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ConstraintDefinition,
    request: &ForeignKeyRequest<'_>,
) -> Effect {
    if let Some(name) = &definition.name {
        free_name(session, table, name)?;
    }
    let target = resolve::relation(session, request.table, ObjectKind::Table)?;
    let is_table = session
        .catalog
        .relation(&target)
        .is_some_and(|relation| relation.kind.is_table());
    if !is_table {
        return resolve::wrong_kind(
            &target,
            format!("referenced relation \"{}\" is not a table", target.name),
        );
    }
    for column in &request.columns {
        resolve::column_or(session, table, column, || missing_in_foreign_key(column))?;
    }
    let referenced = referenced_columns(session, &target, request)?;
    if referenced.len() != request.columns.len() && !referenced.is_empty() {
        return fail(
            SqlState::INVALID_FOREIGN_KEY,
            "number of referencing and referenced columns for foreign key disagree",
        );
    }
    let name = match &definition.name {
        Some(name) => name.clone(),
        None => {
            // before 12 only the first column gave the name
            let all = if session.version.0 < 12 {
                &request.columns[..request.columns.len().min(1)]
            } else {
                &request.columns[..]
            };
            let addition = names::addition(all.iter().map(SmolStr::as_str));
            names::constraint(
                session,
                &table.schema,
                &table.name,
                Some(&addition),
                "fkey",
                &[],
            )
        }
    };
    check_types(
        session,
        table,
        &target,
        &request.columns,
        &referenced,
        &name,
    )?;
    let mut filled = definition.clone();
    filled.kind = ConstraintKind::ForeignKey {
        columns: request.columns.clone(),
        table: Name {
            schema: Some(target.schema.clone()),
            name: target.name.clone(),
        },
        referenced,
        on_delete: request.on_delete,
        on_update: request.on_update,
    };
    record(
        session,
        table,
        name.clone(),
        filled,
        Some(target),
        request.columns.clone(),
    );
    hand_down_to_partitions(session, table, &name);
    if definition.not_valid {
        return Ok(());
    }
    data::check_rows(session, table, &name)
}

/// The partitions of a table get its foreign key too, down to the last.
fn hand_down_to_partitions(session: &mut Session, table: &QualifiedName, name: &str) {
    let key = session
        .catalog
        .relation(table)
        .and_then(|relation| relation.constraint(name))
        .cloned();
    let Some(key) = key else {
        return;
    };
    for child in alter_table::children(session, table) {
        let is_partition = session
            .catalog
            .relation(&child)
            .is_some_and(|relation| relation.partition_of.is_some());
        if is_partition {
            hand_down(session, &child, key.clone());
            hand_down_to_partitions(session, &child, name);
        }
    }
}

/// Gives a partition a foreign key of the table that it is of, unless it has the same already.
pub(crate) fn hand_down(session: &mut Session, partition: &QualifiedName, mut key: Constraint) {
    let Some(relation) = session.catalog.relation(partition) else {
        return;
    };
    let mut known = relation.constraints.iter();
    if known.any(|known| known.definition.kind == key.definition.kind) {
        return;
    }
    if relation.constraint(&key.name).is_some() {
        let columns = names::addition(key.columns.iter().map(SmolStr::as_str));
        let QualifiedName { schema, name } = partition;
        key.name = names::constraint(session, schema, name, Some(&columns), "fkey", &[]);
    }
    session.change(partition.member(ObjectKind::Constraint, &key.name));
    if let Some(relation) = session.catalog.relation_mut(partition) {
        relation.constraints.push(key);
    }
}

fn missing_in_foreign_key(column: &str) -> String {
    format!("column \"{column}\" referenced in foreign key constraint does not exist")
}

fn referenced_columns(
    session: &mut Session,
    target: &QualifiedName,
    request: &ForeignKeyRequest<'_>,
) -> Effect<Vec<SmolStr>> {
    if request.referenced.is_empty() {
        let Some(relation) = session.catalog.relation(target) else {
            return Ok(Vec::new());
        };
        if let Some(columns) = relation.primary_key() {
            return Ok(columns.to_vec());
        }
        if relation.columns_open {
            return Ok(Vec::new());
        }
        return fail(
            SqlState::UNDEFINED_OBJECT,
            format!(
                "there is no primary key for referenced table \"{}\"",
                target.name
            ),
        );
    }
    for column in request.referenced {
        resolve::column_or(session, target, column, || missing_in_foreign_key(column))?;
    }
    let Some(relation) = session.catalog.relation(target) else {
        return Ok(request.referenced.to_vec());
    };
    match matching_key(relation, request.referenced) {
        Match::Certain => {}
        Match::Maybe(name) => {
            let key = target.key(ObjectKind::Table);
            session.doubt(format!("the unique key `{name}` of {key} may be missing"));
        }
        Match::None if relation.columns_open => {}
        Match::None => {
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::INVALID_FOREIGN_KEY,
                    format!(
                        "there is no unique constraint matching given keys for referenced table \"{}\"",
                        target.name
                    ),
                )
                .about(target.key(ObjectKind::Table)),
            ));
        }
    }
    Ok(request.referenced.to_vec())
}

enum Match {
    Certain,
    Maybe(SmolStr),
    None,
}

/// Whether a unique index without predicate and expressions has just these columns, in any order.
fn matching_key(relation: &Relation, wanted: &[SmolStr]) -> Match {
    let mut doubtful = None;
    for index in &relation.indexes {
        if !is_key(index, wanted) {
            continue;
        }
        if index.presence != Presence::Maybe {
            return Match::Certain;
        }
        doubtful = Some(index.name.clone());
    }
    doubtful.map_or(Match::None, Match::Maybe)
}

fn is_key(index: &Index, wanted: &[SmolStr]) -> bool {
    index.unique
        && index.valid
        && index.filter.is_none()
        && index.elements.len() == wanted.len()
        && index.elements.iter().all(
            |element| matches!(&element.value, Expr::Column { name, .. } if wanted.contains(name)),
        )
}

fn check_types(
    session: &Session,
    table: &QualifiedName,
    target: &QualifiedName,
    columns: &[SmolStr],
    referenced: &[SmolStr],
    name: &str,
) -> Effect {
    let type_of = |table: &QualifiedName, column: &SmolStr| -> Option<TypeName> {
        session
            .catalog
            .relation(table)?
            .column(column)
            .map(|found| found.type_name.clone())
    };
    for (column, other) in columns.iter().zip(referenced) {
        let (Some(own), Some(key)) = (type_of(table, column), type_of(target, other)) else {
            continue;
        };
        if !may_reference(session, &own, &key) {
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::DATATYPE_MISMATCH,
                    format!("foreign key constraint \"{name}\" cannot be implemented"),
                )
                .about(table.member(ObjectKind::Column, column)),
            ));
        }
    }
    Ok(())
}

/// Families of types within which an equality operator is found; `None`: not known.
fn family(session: &Session, type_name: &TypeName) -> Option<&'static str> {
    if type_name.array {
        return Some("array");
    }
    Some(match type_name.name.name.as_str() {
        "int2" | "int4" | "int8" => "integer",
        "numeric" => "numeric",
        "float4" | "float8" => "float",
        "text" | "varchar" | "bpchar" | "name" => "text",
        "uuid" => "uuid",
        "bool" => "bool",
        "date" | "timestamp" | "timestamptz" => "datetime",
        "inet" | "cidr" => "network",
        "bit" | "varbit" => "bits",
        "bytea" => "bytea",
        "jsonb" => "jsonb",
        "macaddr" => "macaddr",
        "interval" => "interval",
        "money" => "money",
        _ => {
            let found = session
                .catalog
                .find_type(&session.search_path, &type_name.name)?;
            match found.definition {
                TypeKind::Enum { .. } => "enum",
                _ => return None,
            }
        }
    })
}

/// A domain's base, however deep.
fn base_type(session: &Session, type_name: &TypeName) -> TypeName {
    let mut base = type_name.clone();
    // domains of domains end, unless something is wrong with the catalog
    for _ in 0..32 {
        if base.array {
            break;
        }
        let next = session
            .catalog
            .find_type(&session.search_path, &base.name)
            .and_then(|found| match &found.definition {
                TypeKind::Domain { base, .. } => Some(base.clone()),
                _ => None,
            });
        match next {
            Some(next) => base = next,
            None => break,
        }
    }
    base
}

fn may_reference(session: &Session, own: &TypeName, key: &TypeName) -> bool {
    let (own, key) = (base_type(session, own), base_type(session, key));
    let (Some(own_family), Some(key_family)) = (family(session, &own), family(session, &key))
    else {
        return true;
    };
    match (own_family, key_family) {
        // each enum has an equality of its own; so have arrays, by their elements
        ("enum", "enum") => own.name.name == key.name.name,
        ("array", "array") => {
            let element = |of: &TypeName| TypeName {
                array: false,
                ..of.clone()
            };
            let (own, key) = (element(&own), element(&key));
            own.name.name == key.name.name
                || family(session, &own).is_none_or(|own| {
                    family(session, &key).is_none_or(|key| own == "text" && key == "text")
                })
        }
        ("integer", "numeric" | "float") | ("numeric", "float") => true,
        (own, key) => own == key,
    }
}

/// Foreign keys that rely on a key of a table alone: 2BP01, or dropped with CASCADE.
pub(crate) fn drop_dependents(
    session: &mut Session,
    table: &QualifiedName,
    name: &str,
    cascade: bool,
) -> Effect {
    let Some(relation) = session.catalog.relation(table).cloned() else {
        return Ok(());
    };
    let dependents = foreign_keys_to(session, table);
    for (other, constraint) in dependents {
        let ConstraintKind::ForeignKey { referenced, .. } = &constraint.definition.kind else {
            continue;
        };
        let first = relation
            .indexes
            .iter()
            .find(|index| is_key(index, referenced));
        // the foreign key holds on to the key that it found first: the primary key, else the oldest
        let chosen = relation
            .indexes
            .iter()
            .find(|index| index.primary && is_key(index, referenced))
            .or(first);
        if chosen.is_none_or(|index| index.name != name) {
            continue;
        }
        if !cascade {
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::DEPENDENT_OBJECTS_STILL_EXIST,
                    format!(
                        "cannot drop constraint {name} on table {} because other objects depend on it",
                        table.name
                    ),
                )
                .about(other.member(ObjectKind::Constraint, &constraint.name)),
            ));
        }
        remove(session, &other, &constraint.name);
    }
    Ok(())
}

/// All foreign keys that reference a table, its own included.
pub(crate) fn foreign_keys_to(
    session: &Session,
    table: &QualifiedName,
) -> Vec<(QualifiedName, Constraint)> {
    let mut found = Vec::new();
    for relation in session.catalog.relations.mentioning(table) {
        if !relation.kind.is_table() {
            continue;
        }
        for constraint in &relation.constraints {
            if constraint.references.as_ref() == Some(table) {
                found.push((relation.name.clone(), constraint.clone()));
            }
        }
    }
    found
}

/// Foreign keys, of a table and to it, once a column has another type (42804).
pub(crate) fn check_new_type(
    session: &Session,
    relation: &Relation,
    column: &str,
    type_name: &TypeName,
) -> Effect {
    let own = relation
        .foreign_keys()
        .map(|known| (relation.name.clone(), known.clone()));
    let to = foreign_keys_to(session, &relation.name)
        .into_iter()
        .filter(|(table, _)| *table != relation.name);
    for (table, known) in own.chain(to) {
        let ConstraintKind::ForeignKey {
            columns,
            referenced,
            ..
        } = &known.definition.kind
        else {
            continue;
        };
        let Some(target) = known
            .references
            .as_ref()
            .and_then(|target| session.catalog.relation(target))
        else {
            continue;
        };
        let Some(source) = session.catalog.relation(&table) else {
            continue;
        };
        for (from, to) in columns.iter().zip(referenced) {
            let altered_from = table == relation.name && from == column;
            let altered_to = target.name == relation.name && to == column;
            if altered_from == altered_to {
                continue;
            }
            let other = if altered_from {
                target.column(to)
            } else {
                source.column(from)
            };
            let Some(other) = other else { continue };
            let fits = if altered_from {
                may_reference(session, type_name, &other.type_name)
            } else {
                may_reference(session, &other.type_name, type_name)
            };
            if !fits {
                return Err(Failure::Error(
                    ServerError::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!(
                            "foreign key constraint \"{}\" cannot be implemented",
                            known.name
                        ),
                    )
                    .about(table.member(ObjectKind::Constraint, &known.name)),
                ));
            }
        }
    }
    Ok(())
}
