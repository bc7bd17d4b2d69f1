//! Functions, procedures and aggregates: overloads, replacement, DROP and CALL.

use std::sync::Arc;

use crate::postgres::catalog::{Function, Presence, QualifiedName, lookup};
use crate::postgres::expression::children;
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::{ConstraintKind, CreateFunction, Drop, DropTarget, Returns};
use crate::postgres::{Expr, Name, ServerError, Session, SqlState, TypeName};
use smol_str::SmolStr;

use super::{Effect, Failure, drop as dropping, fail, resolve};

/// The key of one overload: `public.f(integer)`.
pub(crate) fn key(name: &QualifiedName, kind: ObjectKind, arguments: &[TypeName]) -> ObjectKey {
    ObjectKey::new(
        kind,
        format!(
            "{}.{}({}",
            name.schema,
            name.name,
            lookup::signature(arguments)
        ),
    )
}

/// Whether two types of arguments or results are the same to the server: modifiers don't count.
fn same_type(a: &TypeName, b: &TypeName) -> bool {
    element(a) == element(b)
        && (a.name.schema == b.name.schema || a.name.schema.is_none() || b.name.schema.is_none())
}

/// The name of a type, or of an array's elements, and whether it is one: `_text` is `text[]` by its internal name.
fn element(type_name: &TypeName) -> (&str, bool) {
    let name = type_name.name.name.as_str();
    match name.strip_prefix('_') {
        Some(element) if !type_name.array => (element, true),
        _ => (name, type_name.array),
    }
}

fn same_arguments(a: &[TypeName], b: &[TypeName]) -> bool {
    a.len() == b.len() && a.iter().zip(b).all(|(a, b)| same_type(a, b))
}

/// CREATE FUNCTION, PROCEDURE, AGGREGATE.
pub(crate) fn create(session: &mut Session, create: &CreateFunction) -> Effect {
    let name = resolve::new_name(session, &create.name, false)?;
    let mut arguments = Vec::with_capacity(create.arguments.len());
    for argument in &create.arguments {
        arguments.push(argument_type(session, argument)?);
    }
    let returns = returned(session, create)?;
    let mut all = session
        .catalog
        .functions
        .get(&name)
        .map(|all| Vec::clone(all))
        .unwrap_or_default();
    let made = Function {
        kind: create.kind,
        arguments,
        argument_names: create.argument_names.clone(),
        defaults: create.defaults,
        returns,
        language: create.language.clone(),
        body: create.body.clone(),
        presence: Presence::Certain,
    };
    let key = key(&name, create.kind, &made.arguments);
    let existing = all
        .iter()
        .position(|known| same_arguments(&known.arguments, &made.arguments));
    if let Some(at) = existing {
        let known = all[at].clone();
        if known.presence == Presence::Maybe {
            if !create.or_replace {
                session.doubt(format!("{key} may already be there"));
            }
        } else if !create.or_replace {
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::DUPLICATE_FUNCTION,
                    format!(
                        "function \"{}\" already exists with same argument types",
                        name.name
                    ),
                )
                .about(key),
            ));
        } else {
            check_replacement(&name, &made, &known)?;
        }
        all[at] = made;
    } else {
        // hardly any has overloads: room for more is not kept
        all.reserve_exact(1);
        all.push(made);
    }
    session.catalog.functions.insert(name, Arc::new(all));
    session.change(key);
    Ok(())
}

/// An argument's type; a set of another's rows or an unknown name of an argument is left as written.
fn argument_type(session: &mut Session, written: &TypeName) -> Effect<TypeName> {
    if written.name.is_unknown() {
        return Ok(written.clone());
    }
    if let Some(column) = written.name.name.strip_suffix("%type") {
        return column_type(session, column);
    }
    resolve::type_name(session, written)
}

/// The type that `t.c%TYPE` means when the function is made.
fn column_type(session: &mut Session, written: &str) -> Effect<TypeName> {
    let Some((table, column)) = written.rsplit_once('.') else {
        return resolve::type_name(session, &TypeName::new(written));
    };
    let table = dropping::text_name(table);
    let relation = resolve::relation(session, &table, ObjectKind::Table)?;
    resolve::column_or(session, &relation, column, || {
        format!(
            "column \"{column}\" of relation \"{}\" does not exist",
            relation.name
        )
    })?;
    Ok(session
        .catalog
        .relation(&relation)
        .and_then(|relation| relation.column(column))
        .map_or_else(
            || TypeName::new("unknown"),
            |column| column.type_name.clone(),
        ))
}

/// What a function gives back, its types resolved: 42704 where one is missing.
fn returned(session: &mut Session, create: &CreateFunction) -> Effect<Returns> {
    let mut returns = create.returns.clone();
    // of these languages a type that is missing is made, to be defined later
    if !matches!(create.language.as_str(), "c" | "internal") {
        for type_name in returns.types_mut() {
            *type_name = argument_type(session, type_name)?;
        }
    }
    Ok(returns)
}

/// What the server compares of results: one type, or the columns of a record.
fn result_of(function: &Function) -> (bool, Vec<(Option<&SmolStr>, &TypeName)>) {
    let returns = &function.returns;
    let columns = match returns.columns.as_slice() {
        // one OUT parameter is the same as RETURNS with its type
        [(_, only)] if function.kind != ObjectKind::Procedure => vec![(None, only)],
        [] => returns.type_name.iter().map(|one| (None, one)).collect(),
        columns => columns
            .iter()
            .map(|(name, one)| (Some(name), one))
            .collect(),
    };
    (returns.set, columns)
}

/// 42P13 where CREATE OR REPLACE changes what callers rely on (`ProcedureCreate`).
fn check_replacement(name: &QualifiedName, made: &Function, known: &Function) -> Effect {
    if known.kind != made.kind {
        return resolve::wrong_kind(
            name,
            format!("cannot change routine kind of \"{}\"", name.name),
        );
    }
    let ((old_set, old), (new_set, new)) = (result_of(known), result_of(made));
    let same = old_set == new_set
        && old.len() == new.len()
        && old
            .iter()
            .zip(&new)
            .all(|((old_name, old), (new_name, new))| old_name == new_name && same_type(old, new));
    let renamed = known
        .argument_names
        .iter()
        .enumerate()
        .find(|(at, old)| !old.is_empty() && made.argument_names.get(*at) != Some(*old));
    let why = if !same {
        "cannot change return type of existing function".to_owned()
    } else if let Some((_, old)) = renamed {
        format!("cannot change name of input parameter \"{old}\"")
    } else if made.defaults < known.defaults {
        "cannot remove parameter defaults from existing function".to_owned()
    } else {
        return Ok(());
    };
    let key = key(name, made.kind, &known.arguments);
    Err(Failure::Error(
        ServerError::new(SqlState::INVALID_FUNCTION_DEFINITION, why).about(key),
    ))
}

fn matches_kind(wanted: ObjectKind, known: ObjectKind) -> bool {
    wanted == ObjectKind::Routine || wanted == known
}

fn missing(kind: ObjectKind, name: &Name, arguments: Option<&[TypeName]>) -> ServerError {
    let noun = match kind {
        ObjectKind::Routine => "function",
        other => other.noun(),
    };
    match arguments {
        Some(arguments) => ServerError::new(
            SqlState::UNDEFINED_FUNCTION,
            format!(
                "{noun} {}({} does not exist",
                resolve::shown(name),
                lookup::signature(arguments)
            ),
        ),
        None => ServerError::new(
            SqlState::UNDEFINED_FUNCTION,
            format!("could not find a {noun} named \"{}\"", resolve::shown(name)),
        ),
    }
}

/// One overload, used directly: its name and place. `Ok(None)`: assumed in an open world.
pub(crate) fn find(
    session: &mut Session,
    kind: ObjectKind,
    name: &Name,
    arguments: Option<&[TypeName]>,
) -> Effect<Option<(QualifiedName, usize)>> {
    resolve::known(name)?;
    let mut found: Vec<(QualifiedName, usize)> = Vec::new();
    if let Some((qualified, all)) = session.catalog.find_functions(&session.search_path, name) {
        for (at, function) in all.iter().enumerate() {
            let same = arguments.is_none_or(|arguments| {
                same_arguments(
                    &function.arguments,
                    &arguments.iter().map(canonical).collect::<Vec<_>>(),
                )
            });
            if matches_kind(kind, function.kind) && same {
                found.push((qualified.clone(), at));
            }
        }
    }
    if found.len() > 1 {
        return fail(
            SqlState::AMBIGUOUS_FUNCTION,
            format!(
                "{} name \"{}\" is not unique",
                if kind == ObjectKind::Routine {
                    "function"
                } else {
                    kind.noun()
                },
                resolve::shown(name)
            ),
        );
    }
    if let Some(one) = found.pop() {
        return Ok(Some(one));
    }
    let plain = resolve::missing_key(session, name, kind);
    if session.catalog.open && !session.catalog.is_function_gone(&plain.name) {
        return Ok(None);
    }
    Err(Failure::Error(missing(kind, name, arguments).about(
        missing_function_key(session, name, kind, arguments),
    )))
}

fn canonical(written: &TypeName) -> TypeName {
    let mut canonical = written.clone();
    if canonical.name.schema.is_none() {
        canonical.name = Name::new(crate::postgres::catalog::builtin::canonical_type(
            &written.name.name,
        ));
    }
    canonical
}

fn missing_function_key(
    session: &Session,
    name: &Name,
    kind: ObjectKind,
    arguments: Option<&[TypeName]>,
) -> ObjectKey {
    let plain = resolve::missing_key(session, name, kind);
    match arguments {
        Some(arguments) => ObjectKey::new(
            kind,
            format!("{}({}", plain.name, lookup::signature(arguments)),
        ),
        None => plain,
    }
}

/// DROP FUNCTION and its kin.
pub(crate) fn drop(session: &mut Session, statement: &Drop, target: &DropTarget) -> Effect {
    let arguments = target.arguments.as_deref();
    if let Some(written) = arguments {
        for argument in written {
            // a missing argument type is as good as a missing function under IF EXISTS
            let plain = argument_type(session, argument);
            if plain.is_err() && statement.if_exists {
                return Ok(());
            }
            plain?;
        }
    }
    let found = match find(session, statement.kind, &target.name, arguments) {
        Ok(Some(found)) => found,
        Ok(None) => {
            if !statement.if_exists {
                let key = missing_function_key(session, &target.name, statement.kind, arguments);
                session.call.assumed.push(key.clone());
                session.change(key);
            }
            return Ok(());
        }
        Err(Failure::Error(error)) if statement.if_exists => {
            // before 12 an ambiguous name was only a notice
            let ambiguous =
                error.sqlstate == SqlState::AMBIGUOUS_FUNCTION && session.version.0 >= 12;
            return if ambiguous {
                Err(Failure::Error(error))
            } else {
                Ok(())
            };
        }
        Err(failure) => return Err(failure),
    };
    let (name, at) = found;
    let Some(all) = session.catalog.functions.get(&name).cloned() else {
        return Ok(());
    };
    let function = &all[at];
    let key = key(&name, function.kind, &function.arguments);
    if function.presence == Presence::Maybe && !statement.if_exists {
        session.doubt(format!("{key} may or may not be there"));
    }
    if function.arguments.is_empty() {
        release_triggers(session, &name, statement.cascade)?;
    }
    release_views(session, &name, &key, statement.cascade)?;
    if all.len() == 1 {
        // which of several a call means is not worked out
        release_expressions(session, &name, &key, statement.cascade)?;
    }
    remove(session, &name, at);
    session.change(key);
    Ok(())
}

fn remove(session: &mut Session, name: &QualifiedName, at: usize) {
    let Some(all) = session.catalog.functions.get_mut(name) else {
        return;
    };
    let all = Arc::make_mut(all);
    all.remove(at);
    if all.is_empty() {
        session.catalog.functions.remove(name);
    }
}

fn release_triggers(session: &mut Session, name: &QualifiedName, cascade: bool) -> Effect {
    let mut users = Vec::new();
    for relation in session.catalog.relations.mentioning(name) {
        for trigger in &relation.triggers {
            if trigger.function == *name {
                users.push((relation.name.clone(), trigger.name.clone()));
            }
        }
    }
    for (table, trigger) in users {
        if !cascade {
            return dropping::depended_on(
                &format!("function {}()", name.name),
                table.member(ObjectKind::Trigger, &trigger),
            );
        }
        super::drop_kinds::remove_trigger(session, &table, &trigger);
    }
    Ok(())
}

/// Views and policies that call a function: 2BP01, or gone with CASCADE.
fn release_views(
    session: &mut Session,
    name: &QualifiedName,
    key: &ObjectKey,
    cascade: bool,
) -> Effect {
    // views note a function by its name: which overload they call is not worked out
    let noted = name.key(ObjectKind::Function);
    let single = session
        .catalog
        .functions
        .get(name)
        .is_some_and(|all| all.len() == 1);
    if !single {
        return Ok(());
    }
    let shown = key.name.strip_prefix("public.").unwrap_or(&key.name);
    let what = format!("function {shown}");
    for view in dropping::views_on(session, &noted) {
        if !cascade {
            return dropping::depended_on(&what, view.key());
        }
        dropping::cascade_view(session, &view);
    }
    super::trigger_policy::release_policies(session, &noted, &what, cascade, &[])
}

/// Defaults, generated columns, CHECK constraints and indexes that call a function: 2BP01, or gone with CASCADE.
fn release_expressions(
    session: &mut Session,
    name: &QualifiedName,
    key: &ObjectKey,
    cascade: bool,
) -> Effect {
    let calls = |expression: &Expr| {
        let mut found = false;
        walk(expression, &mut |inner| {
            if let Expr::Call { name: called, .. } = inner {
                found |= called.name == name.name
                    && called
                        .schema
                        .as_ref()
                        .is_none_or(|schema| *schema == name.schema);
            }
        });
        found
    };
    let mut users: Vec<(QualifiedName, User)> = Vec::new();
    for relation in session.catalog.relations.values() {
        let mut add = |user| users.push((relation.name.clone(), user));
        for column in &relation.columns {
            if column.default.as_deref().is_some_and(calls) {
                add(User::Default(column.name.clone()));
            }
            if column
                .generated
                .as_ref()
                .is_some_and(|(value, _)| calls(value))
            {
                add(User::Column(column.name.clone()));
            }
        }
        for known in relation.check_constraints() {
            if matches!(&known.definition.kind, ConstraintKind::Check(value) if calls(value)) {
                add(User::Check(known.name.clone()));
            }
        }
        for index in &relation.indexes {
            let in_elements = index.elements.iter().any(|element| calls(&element.value));
            if in_elements || index.filter.as_deref().is_some_and(calls) {
                add(User::Index(index.name.clone()));
            }
        }
    }
    if let (Some((table, user)), false) = (users.first(), cascade) {
        let dependent = match user {
            User::Default(column) | User::Column(column) => {
                table.member(ObjectKind::Column, column)
            }
            User::Check(constraint) => table.member(ObjectKind::Constraint, constraint),
            User::Index(index) => QualifiedName::new(&table.schema, index).key(ObjectKind::Index),
        };
        return dropping::depended_on(&format!("function {}", key.name), dependent);
    }
    for (table, user) in users {
        match user {
            User::Default(column) => {
                session.change(table.member(ObjectKind::Column, &column));
                if let Some(relation) = session.catalog.relation_mut(&table) {
                    for known in relation.columns.matching_mut(|known| known.name == column) {
                        known.default = None;
                    }
                }
            }
            User::Column(column) => super::alter_table::remove_column(session, &table, &column),
            User::Check(name) => super::constraint::remove(session, &table, &name),
            User::Index(index) => super::index::remove(session, &table, &index),
        }
    }
    Ok(())
}

/// What of a table calls a function.
enum User {
    Default(SmolStr),
    Column(SmolStr),
    Check(SmolStr),
    Index(SmolStr),
}

fn walk(expression: &Expr, visit: &mut dyn FnMut(&Expr)) {
    visit(expression);
    for child in children(expression) {
        walk(child, visit);
    }
}
