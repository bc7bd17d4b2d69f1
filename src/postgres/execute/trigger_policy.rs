//! Triggers, policies and rules of tables.

use smol_str::SmolStr;

use imbl::OrdSet;

use crate::postgres::catalog::{Policy, QualifiedName, Trigger, builtin};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::CreateTrigger;
use crate::postgres::{Expr, Name, ServerError, Session, SqlState};

use super::{Effect, Failure, analyze, data, drop, drop_kinds, expressions, fail, resolve};

/// CREATE TRIGGER.
pub(crate) fn create_trigger(session: &mut Session, create: &CreateTrigger) -> Effect {
    resolve::known_plain(&create.name)?;
    let table = resolve::relation(session, &create.table, ObjectKind::Table)?;
    for column in &create.columns {
        resolve::column(session, &table, column)?;
    }
    for column in &create.condition {
        resolve::column_or(session, &table, column, || {
            format!("column \"{column}\" does not exist")
        })?;
    }
    let function = trigger_function(session, &create.function)?;
    let existing = session
        .catalog
        .relation(&table)
        .and_then(|relation| relation.trigger(&create.name).cloned());
    let key = table.member(ObjectKind::Trigger, &create.name);
    if let Some(existing) = existing {
        if session.catalog.maybe.remove(&key).is_some() {
            if !create.or_replace {
                session.doubt(format!("{key} may already be there"));
            }
        } else if !create.or_replace {
            // before 14 the name of a constraint trigger was found taken only by the catalog's own index
            let error = if create.constraint && session.version.0 < 14 {
                ServerError::new(
                    SqlState::UNIQUE_VIOLATION,
                    "duplicate key value violates unique constraint \"pg_trigger_tgrelid_tgname_index\"",
                )
            } else {
                ServerError::new(
                    SqlState::DUPLICATE_OBJECT,
                    format!(
                        "trigger \"{}\" for relation \"{}\" already exists",
                        create.name, table.name
                    ),
                )
            };
            return Err(Failure::Error(error.about(key)));
        } else if existing.constraint {
            return fail(
                SqlState::DUPLICATE_OBJECT,
                format!(
                    "trigger \"{}\" for relation \"{}\" is a constraint trigger",
                    create.name, table.name
                ),
            );
        }
    }
    if let Some(relation) = session.catalog.relation_mut(&table) {
        relation.triggers.retain(|known| known.name != create.name);
        relation.triggers.push(Trigger {
            name: create.name.clone(),
            function,
            constraint: create.constraint,
            enabled: true,
            columns: create.columns.clone(),
            condition: create.condition.clone(),
            always: create.always,
            events: create.events,
        });
    }
    session.change(key);
    Ok(())
}

/// The function of a trigger: it takes no arguments. 42883 where it is missing.
fn trigger_function(session: &mut Session, name: &Name) -> Effect<QualifiedName> {
    resolve::known(name)?;
    if let Some((found, all)) = session.catalog.find_functions(&session.search_path, name)
        && all.iter().any(|function| function.arguments.is_empty())
    {
        return Ok(found);
    }
    let schema = name
        .schema
        .clone()
        .or_else(|| resolve::creation_schema(session).ok())
        .unwrap_or_else(|| SmolStr::new_static("public"));
    let qualified = QualifiedName {
        schema,
        name: name.name.clone(),
    };
    let brought = is_builtin(&name.name)
        || (name.name == "moddatetime" && session.catalog.has_extension("moddatetime"))
        || builtin::extension_of_function(&name.name, session.version.0)
            .is_some_and(|extension| session.catalog.has_extension(extension));
    if brought || session.catalog.open {
        if !brought {
            session
                .call
                .assumed
                .push(super::function::key(&qualified, ObjectKind::Function, &[]));
        }
        return Ok(qualified);
    }
    Err(Failure::Error(
        ServerError::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("function {}() does not exist", resolve::shown(name)),
        )
        .about(super::function::key(&qualified, ObjectKind::Function, &[])),
    ))
}

fn is_builtin(name: &str) -> bool {
    matches!(
        name,
        "tsvector_update_trigger"
            | "tsvector_update_trigger_column"
            | "suppress_redundant_updates_trigger"
            | "lo_manage"
    )
}

/// CREATE POLICY.
pub(crate) fn create_policy(
    session: &mut Session,
    name: &SmolStr,
    table: &Name,
    using: Option<&Expr>,
    check: Option<&Expr>,
) -> Effect {
    resolve::known_plain(name)?;
    let table = resolve::relation(session, table, ObjectKind::Table)?;
    for expression in using.into_iter().chain(check) {
        expressions::check_in_table(session, &table, expression, true)?;
    }
    let key = table.member(ObjectKind::Policy, name);
    let taken = session
        .catalog
        .relation(&table)
        .is_some_and(|relation| relation.policy(name).is_some());
    if taken {
        if session.catalog.maybe.remove(&key).is_some() {
            session.doubt(format!("{key} may already be there"));
            return Ok(());
        }
        return Err(Failure::Error(
            ServerError::new(
                SqlState::DUPLICATE_OBJECT,
                format!(
                    "policy \"{name}\" for table \"{}\" already exists",
                    table.name
                ),
            )
            .about(key),
        ));
    }
    let depends_on = dependencies(session, &table, using.into_iter().chain(check))?;
    for condition in using.into_iter().chain(check) {
        data::refuse_over_rows(session, condition, "policy expressions")?;
        data::check_boolean(session, &table, condition, "POLICY")?;
    }
    if let Some(relation) = session.catalog.relation_mut(&table) {
        relation.policies.push(Policy {
            name: name.clone(),
            depends_on,
        });
    }
    session.change(key);
    Ok(())
}

/// What the expressions of a policy name beside its table.
fn dependencies<'a>(
    session: &mut Session,
    table: &QualifiedName,
    expressions: impl Iterator<Item = &'a Expr>,
) -> Effect<OrdSet<ObjectKey>> {
    let mut all = OrdSet::new();
    for expression in expressions {
        match analyze::query(session, &analyze::over(table, expression)) {
            Ok(analysis) => all = all.union(analysis.depends_on),
            Err(Failure::Unknown(_)) => {}
            Err(error) => return Err(error),
        }
    }
    for kind in [ObjectKind::Table, ObjectKind::ForeignTable] {
        all.remove(&table.key(kind));
    }
    Ok(all)
}

/// The policies that use a thing, with their tables.
pub(crate) fn policies_on(session: &Session, key: &ObjectKey) -> Vec<(QualifiedName, SmolStr)> {
    let mut found = Vec::new();
    for relation in session.catalog.relations.with_policies_on(key) {
        for policy in &relation.policies {
            if policy.depends_on.contains(key) {
                found.push((relation.name.clone(), policy.name.clone()));
            }
        }
    }
    found
}

/// Drops the policies that use a thing: 2BP01, or gone with CASCADE. Those of its own table go with a table.
pub(crate) fn release_policies(
    session: &mut Session,
    key: &ObjectKey,
    what: &str,
    cascade: bool,
    goes: &[QualifiedName],
) -> Effect {
    for (table, policy) in policies_on(session, key) {
        if goes.contains(&table) {
            continue;
        }
        if !cascade {
            return drop::depended_on(what, table.member(ObjectKind::Policy, &policy));
        }
        drop_kinds::remove_policy(session, &table, &policy);
    }
    Ok(())
}

/// ALTER POLICY.
pub(crate) fn alter_policy(session: &mut Session, name: &SmolStr, table: &Name) -> Effect {
    resolve::known_plain(name)?;
    let table = resolve::relation(session, table, ObjectKind::Table)?;
    let there = session
        .catalog
        .relation(&table)
        .is_some_and(|relation| relation.columns_open || relation.policy(name).is_some());
    let key = table.member(ObjectKind::Policy, name);
    if !there {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "policy \"{name}\" for table \"{}\" does not exist",
                    table.name
                ),
            )
            .about(key),
        ));
    }
    if let Some(relation) = session.catalog.relation_mut(&table) {
        // other expressions may have taken the place of those that it had
        for policy in relation
            .policies
            .matching_mut(|policy| policy.name == *name)
        {
            policy.depends_on = OrdSet::new();
        }
    }
    session.change(key);
    Ok(())
}

/// CREATE RULE.
pub(crate) fn create_rule(
    session: &mut Session,
    name: &SmolStr,
    table: &Name,
    or_replace: bool,
) -> Effect {
    resolve::known_plain(name)?;
    let table = resolve::relation(session, table, ObjectKind::Table)?;
    let key = table.member(ObjectKind::Rule, name);
    let taken = session
        .catalog
        .relation(&table)
        .is_some_and(|relation| relation.rules.contains(name));
    if taken && !or_replace {
        if session.catalog.maybe.remove(&key).is_some() {
            session.doubt(format!("{key} may already be there"));
            return Ok(());
        }
        return Err(Failure::Error(
            ServerError::new(
                SqlState::DUPLICATE_OBJECT,
                format!(
                    "rule \"{name}\" for relation \"{}\" already exists",
                    table.name
                ),
            )
            .about(key),
        ));
    }
    if !taken && let Some(relation) = session.catalog.relation_mut(&table) {
        relation.rules.push(name.clone());
    }
    session.change(key);
    Ok(())
}
