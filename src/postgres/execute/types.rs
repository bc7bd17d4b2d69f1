//! Types: CREATE TYPE and DOMAIN, composite attributes, ALTER DOMAIN, DROP TYPE with what uses them.

use std::sync::Arc;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::postgres::catalog::{
    Column, Constraint, List, Presence, QualifiedName, Relation, Type, TypeKind,
};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{
    AttributeCommand, ConstraintDefinition, ConstraintKind, CreateType, DomainCommand, Drop,
    DropTarget, TypeDefinition,
};
use crate::postgres::transaction::MadeType;
use crate::postgres::{Name, ServerError, Session, SqlState, TypeName};

use super::{
    Effect, Failure, alter_table, drop as dropping, drop_kinds, expressions, fail, names, resolve,
    table,
};

/// CREATE TYPE, CREATE DOMAIN.
pub(crate) fn create(session: &mut Session, create: &CreateType) -> Effect {
    let name = resolve::new_name(session, &create.name, false)?;
    let shell = session
        .catalog
        .types
        .get(&name)
        .is_some_and(|found| found.definition == TypeKind::Shell);
    let fills_shell = shell
        && matches!(
            create.definition,
            TypeDefinition::Base | TypeDefinition::Range { .. }
        );
    if !fills_shell && let Some(key) = resolve::occupied_type(session, &name) {
        return Err(resolve::duplicate_type(&name, key));
    }
    if matches!(create.definition, TypeDefinition::Composite { .. })
        && let Some(key) = resolve::occupied_relation(session, &name)
    {
        return Err(resolve::duplicate_relation(&name, key));
    }
    let definition = define(session, &name, &create.definition)?;
    let key = name.key(ObjectKind::Type);
    session.catalog.types.insert(
        name.clone(),
        Arc::new(Type {
            name: name.clone(),
            definition,
            presence: Presence::Certain,
        }),
    );
    let nested = session.transaction.is_nested();
    session.transaction.made_types.insert(
        name,
        MadeType {
            nested,
            updated: false,
        },
    );
    session.change(key);
    Ok(())
}

fn define(
    session: &mut Session,
    name: &QualifiedName,
    definition: &TypeDefinition,
) -> Effect<TypeKind> {
    Ok(match definition {
        TypeDefinition::Enum { labels } => {
            let mut seen = FxHashSet::default();
            for label in labels {
                if label.len() > crate::postgres::name::MAX_IDENTIFIER {
                    return fail(
                        SqlState::INVALID_NAME,
                        format!("invalid enum label \"{label}\""),
                    );
                }
                if !seen.insert(label) && !crate::unknown::has_hole(label) {
                    return fail(
                        SqlState::UNIQUE_VIOLATION,
                        "duplicate key value violates unique constraint \"pg_enum_typid_label_index\"",
                    );
                }
            }
            if labels.iter().any(|label| crate::unknown::has_hole(label)) {
                TypeKind::Open
            } else {
                TypeKind::Enum {
                    labels: labels.iter().cloned().collect(),
                }
            }
        }
        TypeDefinition::Composite { attributes } => {
            let mut columns = List::new();
            for attribute in attributes {
                columns.push(table::new_column(session, attribute)?);
            }
            TypeKind::Composite {
                attributes: columns,
            }
        }
        TypeDefinition::Range { subtype } => TypeKind::Range {
            subtype: resolve::type_name(session, subtype)?,
        },
        TypeDefinition::Shell => TypeKind::Shell,
        TypeDefinition::Base => TypeKind::Base,
        TypeDefinition::Domain {
            base,
            not_null,
            default,
            constraints,
        } => {
            let base = resolve::type_name(session, base)?;
            if let Some(default) = default {
                expressions::check_default(session, &name.name, default, &base)?;
            }
            let mut made: List<Constraint> = List::new();
            let mut required = *not_null;
            for constraint in constraints {
                if matches!(constraint.kind, ConstraintKind::NotNull { .. }) {
                    required = true;
                    continue;
                }
                check_domain_expression(session, constraint, &base)?;
                made.push(domain_constraint(session, name, constraint, &made));
            }
            TypeKind::Domain {
                base,
                not_null: required,
                default: default.clone(),
                constraints: made,
            }
        }
    })
}

fn check_domain_expression(
    session: &mut Session,
    constraint: &ConstraintDefinition,
    base: &TypeName,
) -> Effect {
    let ConstraintKind::Check(expression) = &constraint.kind else {
        return Ok(());
    };
    expressions::refuse_beyond_row(session, expression, "check constraint")?;
    let columns = [(SmolStr::new_static("value"), base.clone())];
    let scope = expressions::Scope {
        table: None,
        columns: &columns,
        open: true,
    };
    expressions::check(session, &scope, expression)
}

fn domain_constraint(
    session: &Session,
    domain: &QualifiedName,
    definition: &ConstraintDefinition,
    others: &List<Constraint>,
) -> Constraint {
    let name = definition.name.clone().unwrap_or_else(|| {
        let taken: Vec<SmolStr> = others.iter().map(|other| other.name.clone()).collect();
        names::constraint(session, &domain.schema, &domain.name, None, "check", &taken)
    });
    Constraint {
        name,
        definition: definition.clone(),
        references: None,
        columns: Vec::new(),
        presence: Presence::Certain,
    }
}

/// ALTER TYPE on a composite type.
pub(crate) fn alter_composite(
    session: &mut Session,
    name: &Name,
    commands: &[AttributeCommand],
) -> Effect {
    // the server looks for the type's relation
    let name = resolve::made_type(session, name).map_err(|failure| match failure {
        Failure::Error(error) if error.sqlstate == SqlState::UNDEFINED_OBJECT => {
            Failure::Error(ServerError {
                sqlstate: SqlState::UNDEFINED_TABLE,
                message: format!("relation \"{}\" does not exist", resolve::shown(name)),
                ..error
            })
        }
        other => other,
    })?;
    let mut attributes = match session
        .catalog
        .types
        .get(&name)
        .map(|found| &found.definition)
    {
        Some(TypeKind::Composite { attributes }) => attributes.clone(),
        Some(TypeKind::Open) => {
            session.change(name.key(ObjectKind::Type));
            return Ok(());
        }
        _ => {
            return resolve::wrong_kind(
                &name,
                format!("\"{}\" is not a composite type", name.name),
            );
        }
    };
    for command in commands {
        alter_attribute(session, &name, &mut attributes, command)?;
    }
    if let Some(found) = session.catalog.type_mut(&name) {
        found.definition = TypeKind::Composite { attributes };
    }
    session.change(name.key(ObjectKind::Type));
    Ok(())
}

fn alter_attribute(
    session: &mut Session,
    owner: &QualifiedName,
    attributes: &mut List<Column>,
    command: &AttributeCommand,
) -> Effect {
    let position = |attributes: &List<Column>, name: &str| {
        attributes
            .iter()
            .position(|attribute| attribute.name == name)
    };
    let missing = |name: &str| {
        fail(
            SqlState::UNDEFINED_COLUMN,
            format!(
                "column \"{name}\" of relation \"{}\" does not exist",
                owner.name
            ),
        )
    };
    match command {
        AttributeCommand::Add(definition) => {
            let column = table::new_column(session, definition)?;
            if position(attributes, &definition.name).is_some() {
                return fail(
                    SqlState::DUPLICATE_COLUMN,
                    format!(
                        "column \"{}\" of relation \"{}\" already exists",
                        definition.name, owner.name
                    ),
                );
            }
            attributes.push(column);
        }
        AttributeCommand::Drop { name, if_exists } => match position(attributes, name) {
            Some(at) => {
                attributes.remove(at);
            }
            None if *if_exists => {}
            None => return missing(name),
        },
        AttributeCommand::AlterType { name, type_name } => {
            let resolved = resolve::type_name(session, type_name)?;
            let Some(at) = position(attributes, name) else {
                return missing(name);
            };
            attributes[at].type_name = resolved;
        }
    }
    Ok(())
}

/// ALTER DOMAIN.
pub(crate) fn alter_domain(session: &mut Session, name: &Name, command: &DomainCommand) -> Effect {
    let name = resolve::made_type(session, name)?;
    session.change(name.key(ObjectKind::Type));
    let Some(Type { definition, .. }) = session.catalog.types.get(&name).map(|found| &**found)
    else {
        return resolve::wrong_kind(&name, format!("{} is not a domain", name.name));
    };
    let TypeKind::Domain {
        mut base,
        mut not_null,
        mut default,
        mut constraints,
    } = definition.clone()
    else {
        if *definition == TypeKind::Open {
            return Ok(());
        }
        return resolve::wrong_kind(&name, format!("{} is not a domain", name.name));
    };
    let absent = |wanted: &str| {
        Err(Failure::Error(
            ServerError::new(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "constraint \"{wanted}\" of domain \"{}\" does not exist",
                    name.name
                ),
            )
            .about(name.member(ObjectKind::Constraint, wanted)),
        ))
    };
    match command {
        DomainCommand::AddConstraint(added) => {
            if let ConstraintKind::NotNull { .. } = added.kind {
                not_null = true;
            } else {
                if let Some(written) = &added.name
                    && constraints.iter().any(|known| known.name == *written)
                {
                    return Err(Failure::Error(
                        ServerError::new(
                            SqlState::DUPLICATE_OBJECT,
                            format!(
                                "constraint \"{written}\" for domain \"{}\" already exists",
                                name.name
                            ),
                        )
                        .about(name.member(ObjectKind::Constraint, written)),
                    ));
                }
                check_domain_expression(session, added, &base)?;
                let made = domain_constraint(session, &name, added, &constraints);
                session.change(name.member(ObjectKind::Constraint, &made.name));
                constraints.push(made);
            }
        }
        DomainCommand::DropConstraint {
            name: wanted,
            if_exists,
            ..
        } => {
            let before = constraints.len();
            constraints.retain(|known| known.name != *wanted);
            if constraints.len() == before && !if_exists {
                return absent(wanted);
            }
            session.change(name.member(ObjectKind::Constraint, wanted));
        }
        DomainCommand::ValidateConstraint { name: wanted } => {
            if !constraints.iter().any(|known| known.name == *wanted) {
                return absent(wanted);
            }
        }
        DomainCommand::SetNotNull(value) => not_null = *value,
        DomainCommand::SetDefault(value) => {
            if let Some(value) = value {
                expressions::check_default(session, &name.name, value, &base)?;
            }
            default = value.clone().map(Box::new);
        }
    }
    if let Some(found) = session.catalog.type_mut(&name) {
        // the type of the base never changes
        base = base.clone();
        found.definition = TypeKind::Domain {
            base,
            not_null,
            default,
            constraints,
        };
    }
    Ok(())
}

/// DROP TYPE, DROP DOMAIN.
pub(crate) fn drop(session: &mut Session, statement: &Drop, target: &DropTarget) -> Effect {
    resolve::known(&target.name)?;
    let found = session
        .catalog
        .find_type(&session.search_path, &target.name)
        .cloned();
    let Some(found) = found else {
        if statement.if_exists {
            return Ok(());
        }
        let key = resolve::missing_key(session, &target.name, ObjectKind::Type);
        if session.assumes_relation(ObjectKind::Type) && !session.catalog.gone.contains(&key) {
            session.call.assumed.push(key.clone());
            session.change(key);
            return Ok(());
        }
        if let Some(written) = &target.name.schema {
            resolve::schema(session, written)?;
        }
        return Err(Failure::Error(
            ServerError::new(
                SqlState::UNDEFINED_OBJECT,
                format!("type \"{}\" does not exist", resolve::shown(&target.name)),
            )
            .about(key),
        ));
    };
    if statement.kind == ObjectKind::Domain
        && !matches!(found.definition, TypeKind::Domain { .. } | TypeKind::Open)
    {
        return resolve::wrong_kind(
            &found.name,
            format!("\"{}\" is not a domain", found.name.name),
        );
    }
    let key = found.name.key(ObjectKind::Type);
    drop_kinds::note_doubt(session, found.presence, &key, statement.if_exists);
    let what = format!("type {}", found.name.name);
    release(session, &found.name, &what, statement.cascade)?;
    session.catalog.types.remove(&found.name);
    session.catalog.comments.remove(&key);
    session.transaction.made_types.remove(&found.name);
    session.change(key);
    Ok(())
}

/// Columns of another type whose defaults are values of this one: their own was this when they were set.
fn defaults_of(session: &Session, name: &QualifiedName) -> Vec<(QualifiedName, SmolStr)> {
    let of_type = |column: &&Column| {
        let default = column.default_type.as_deref();
        default.is_some_and(|default| name.is_of(default)) && !name.is_of(&column.type_name)
    };
    let relations = session.catalog.relations.mentioning(name);
    relations
        .flat_map(|relation| {
            let columns = relation.columns.iter().filter(of_type);
            columns.map(|column| (relation.name.clone(), column.name.clone()))
        })
        .collect()
}

/// Columns, types and functions that use a type: 2BP01, or dropped with CASCADE.
pub(crate) fn release(
    session: &mut Session,
    name: &QualifiedName,
    what: &str,
    cascade: bool,
) -> Effect {
    let uses = |type_name: &TypeName| name.is_of(type_name);
    let mut columns: Vec<(QualifiedName, SmolStr)> = Vec::new();
    for relation in session.catalog.relations.mentioning(name) {
        for column in &relation.columns {
            if uses(&column.type_name) && column.presence != Presence::Maybe {
                columns.push((relation.name.clone(), column.name.clone()));
            }
        }
    }
    let defaults = defaults_of(session, name);
    if let Some((table, column)) = columns.iter().chain(&defaults).next()
        && !cascade
    {
        return dropping::depended_on(what, table.member(ObjectKind::Column, column));
    }
    let types: Vec<QualifiedName> = session
        .catalog
        .types
        .values()
        .filter(|found| found.name != *name)
        .filter(|found| match &found.definition {
            TypeKind::Domain { base, .. } => uses(base),
            TypeKind::Range { subtype } => uses(subtype),
            TypeKind::Composite { attributes } => attributes
                .iter()
                .any(|attribute| uses(&attribute.type_name)),
            _ => false,
        })
        .map(|found| found.name.clone())
        .collect();
    if let Some(other) = types.first()
        && !cascade
    {
        return dropping::depended_on(what, other.key(ObjectKind::Type));
    }
    release_functions(session, name, what, cascade)?;
    for (table, column) in columns {
        alter_table::remove_column(session, &table, &column);
    }
    for (table, column) in defaults {
        if let Some(relation) = session.catalog.relation_mut(&table) {
            for found in relation.columns.matching_mut(|found| found.name == column) {
                found.default = None;
                found.default_type = None;
            }
        }
    }
    for other in types {
        // gone first, so that types in a circle end
        session.catalog.types.remove(&other);
        release(session, &other, what, true)?;
        session.change(other.key(ObjectKind::Type));
    }
    Ok(())
}

/// Whether the row type of a relation that goes is used by columns elsewhere.
pub(crate) fn check_row_type(session: &mut Session, found: &Relation, cascade: bool) -> Effect {
    let user = session
        .catalog
        .relations
        .mentioning(&found.name)
        .find_map(|relation| {
            relation
                .columns
                .iter()
                .find(|column| {
                    found.name.is_of(&column.type_name)
                        && !session.catalog.types.contains_key(&found.name)
                })
                .map(|column| (relation.name.clone(), column.name.clone()))
        });
    let what = format!("{} {}", found.key().kind.noun(), found.name.name);
    if let Some((table, column)) = user {
        if !cascade {
            return dropping::depended_on(&what, table.member(ObjectKind::Column, &column));
        }
        alter_table::remove_column(session, &table, &column);
    }
    if session.catalog.types.contains_key(&found.name) {
        return Ok(());
    }
    release_functions(session, &found.name, &what, cascade)
}

/// Functions that take or give back a type: 2BP01, or dropped with CASCADE.
fn release_functions(
    session: &mut Session,
    name: &QualifiedName,
    what: &str,
    cascade: bool,
) -> Effect {
    let functions = session.catalog.functions_with(name);
    if let Some(function) = functions.first()
        && !cascade
    {
        return dropping::depended_on(what, function.key(ObjectKind::Function));
    }
    for function in functions {
        session.catalog.functions.remove(&function);
        session.change(function.key(ObjectKind::Function));
    }
    Ok(())
}
