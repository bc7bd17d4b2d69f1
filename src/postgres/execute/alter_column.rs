//! ALTER TABLE ... ALTER COLUMN: types, defaults, NOT NULL, identity, generated columns.

use smol_str::SmolStr;

use crate::postgres::catalog::casts::{CastContext, Casts};
use crate::postgres::catalog::{Column, Presence, QualifiedName, Relation, builtin, lookup};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{AlterTableCommand, ConstraintKind, Identity};
use crate::postgres::{Datum, Expr, ServerError, Session, SqlState, TypeName};

use super::{
    Effect, Failure, alter_table, constraint, data, drop, expressions, fail, foreign_key, resolve,
    retype, sequence, table, trigger_policy,
};

/// One command on a column.
pub(crate) fn alter(
    session: &mut Session,
    table: &QualifiedName,
    command: &AlterTableCommand,
) -> Effect {
    match command {
        AlterTableCommand::AlterType {
            column,
            type_name,
            using,
        } => alter_type(session, table, column, type_name, using.as_deref()),
        AlterTableCommand::SetDefault { column, default } => {
            set_default(session, table, column, default.as_deref())
        }
        AlterTableCommand::SetNotNull { column } => set_not_null(session, table, column),
        AlterTableCommand::DropNotNull { column } => drop_not_null(session, table, column),
        AlterTableCommand::SetExpression { column, value } => {
            resolve::column(session, table, column)?;
            expressions::check_in_table(session, table, value, true)?;
            not_generated(session, table, column)?;
            edit(session, table, column, |found| {
                if let Some((expression, _)) = &mut found.generated {
                    expression.clone_from(value);
                }
            });
            Ok(())
        }
        AlterTableCommand::DropExpression { column, if_exists } => {
            resolve::column(session, table, column)?;
            if let Err(error) = not_generated(session, table, column) {
                return if *if_exists { Ok(()) } else { Err(error) };
            }
            edit(session, table, column, |found| found.generated = None);
            Ok(())
        }
        AlterTableCommand::AddIdentity {
            column,
            identity,
            first_number,
        } => add_identity(session, table, column, *identity, *first_number),
        AlterTableCommand::SetIdentity {
            column,
            identity,
            renumbers,
        } => {
            resolve::column(session, table, column)?;
            if !is_identity(session, table, column) {
                return no_identity(table, column);
            }
            if *renumbers {
                for owned in sequence::owned(session, table, Some(column)) {
                    sequence::start(session, &owned, None);
                }
            }
            if let Some(identity) = identity {
                edit(session, table, column, |found| {
                    found.identity = Some(*identity);
                });
            }
            session.change(table.member(ObjectKind::Column, column));
            Ok(())
        }
        AlterTableCommand::DropIdentity { column, if_exists } => {
            resolve::column(session, table, column)?;
            if !is_identity(session, table, column) {
                return if *if_exists {
                    Ok(())
                } else {
                    no_identity(table, column)
                };
            }
            for owned in sequence::owned(session, table, Some(column)) {
                session.catalog.relations.remove(&owned);
                session.change(owned.key(ObjectKind::Sequence));
            }
            edit(session, table, column, |found| found.identity = None);
            Ok(())
        }
        AlterTableCommand::ColumnOption { column, .. } => resolve::column(session, table, column),
        _ => Ok(()),
    }
}

fn edit(session: &mut Session, table: &QualifiedName, column: &str, change: impl Fn(&mut Column)) {
    if let Some(relation) = session.catalog.relation_mut(table) {
        for found in relation.columns.matching_mut(|known| known.name == column) {
            change(found);
        }
    }
    session.change(table.member(ObjectKind::Column, column));
}

fn find(session: &Session, table: &QualifiedName, column: &str) -> Option<Column> {
    session.catalog.relation(table)?.column(column).cloned()
}

fn is_identity(session: &Session, table: &QualifiedName, column: &str) -> bool {
    find(session, table, column).is_some_and(|found| found.identity.is_some())
}

fn no_identity(table: &QualifiedName, column: &str) -> Effect {
    fail(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "column \"{column}\" of relation \"{}\" is not an identity column",
            table.name
        ),
    )
}

fn not_generated(session: &Session, table: &QualifiedName, column: &str) -> Effect {
    if find(session, table, column).is_some_and(|found| found.generated.is_some()) {
        return Ok(());
    }
    let what = if session.version.0 >= 18 {
        "a generated column"
    } else {
        "a stored generated column"
    };
    fail(
        SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
        format!(
            "column \"{column}\" of relation \"{}\" is not {what}",
            table.name
        ),
    )
}

fn set_default(
    session: &mut Session,
    table: &QualifiedName,
    column: &SmolStr,
    default: Option<&Expr>,
) -> Effect {
    resolve::column(session, table, column)?;
    let Some(found) = find(session, table, column) else {
        return Ok(());
    };
    if found.identity.is_some() {
        return fail(
            SqlState::SYNTAX_ERROR,
            format!(
                "column \"{column}\" of relation \"{}\" is an identity column",
                table.name
            ),
        );
    }
    if found.generated.is_some() {
        return fail(
            SqlState::SYNTAX_ERROR,
            format!(
                "column \"{column}\" of relation \"{}\" is a generated column",
                table.name
            ),
        );
    }
    if let Some(default) = default {
        expressions::check_default(session, column, default, &found.type_name)?;
    }
    // a default of NULL is none
    let kept = default.filter(|value| !matches!(value, Expr::Value(Datum::Null)));
    edit(session, table, column, |found| {
        found.default = kept.cloned().map(Box::new);
        found.default_type = None;
    });
    Ok(())
}

/// 23502 where a known row has NULL in a column that may have it so far.
pub(crate) fn refuse_nulls(session: &Session, table: &QualifiedName, column: &str) -> Effect {
    let has_nulls = session.catalog.relation(table).is_some_and(|relation| {
        let may_have = relation
            .column(column)
            .is_some_and(|found| !found.not_null && found.presence == Presence::Certain);
        let mut rows = relation.rows.known.iter();
        may_have && rows.any(|row| matches!(row.get(column), Datum::Null))
    });
    if !has_nulls {
        return Ok(());
    }
    Err(contains_nulls(table, column))
}

/// 23502: rows that are there have NULL where none may be.
pub(crate) fn contains_nulls(table: &QualifiedName, column: &str) -> Failure {
    let message = format!(
        "column \"{column}\" of relation \"{}\" contains null values",
        table.name
    );
    let error = ServerError::new(SqlState::NOT_NULL_VIOLATION, message);
    Failure::Error(error.about(table.key(ObjectKind::Rows)))
}

fn set_not_null(session: &mut Session, table: &QualifiedName, column: &SmolStr) -> Effect {
    resolve::column(session, table, column)?;
    refuse_nulls(session, table, column)?;
    alter_table::set_not_null_flag(session, table, column, true);
    constraint::record_not_null(session, table, column, None);
    session.change(table.member(ObjectKind::Column, column));
    Ok(())
}

fn drop_not_null(session: &mut Session, table: &QualifiedName, column: &SmolStr) -> Effect {
    resolve::column(session, table, column)?;
    let in_key = session
        .catalog
        .relation(table)
        .and_then(|relation| relation.primary_key().map(|key| key.contains(column)))
        .unwrap_or(false);
    if in_key {
        return fail(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("column \"{column}\" is in a primary key"),
        );
    }
    if is_identity(session, table, column) {
        return fail(
            SqlState::SYNTAX_ERROR,
            format!(
                "column \"{column}\" of relation \"{}\" is an identity column",
                table.name
            ),
        );
    }
    alter_table::set_not_null_flag(session, table, column, false);
    session.change(table.member(ObjectKind::Column, column));
    let named = session.catalog.relation(table).and_then(|relation| {
        relation
            .constraints
            .iter()
            .find(|known| {
                matches!(&known.definition.kind, ConstraintKind::NotNull { column: of } if of == column)
            })
            .map(|known| known.name.clone())
    });
    if let Some(named) = named {
        constraint::remove(session, table, &named);
    }
    Ok(())
}

fn add_identity(
    session: &mut Session,
    table: &QualifiedName,
    column: &SmolStr,
    identity: Identity,
    first_number: Option<i64>,
) -> Effect {
    resolve::column(session, table, column)?;
    let Some(found) = find(session, table, column) else {
        return Ok(());
    };
    let refuse = |what: &str| {
        fail(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("column \"{column}\" of relation \"{}\" {what}", table.name),
        )
    };
    let name = found.type_name.name.name.as_str();
    if builtin::is_builtin_type(name) && !matches!(name, "int2" | "int4" | "int8" | "unknown") {
        return fail(
            SqlState::INVALID_PARAMETER_VALUE,
            "identity column type must be smallint, integer, or bigint",
        );
    }
    if !found.not_null && name != "unknown" {
        return refuse("must be declared NOT NULL before identity can be added");
    }
    if found.identity.is_some() {
        return refuse("is already an identity column");
    }
    if found.default.is_some() {
        return refuse("already has a default value");
    }
    sequence::create_owned(session, table, column, Some(column), first_number);
    edit(session, table, column, |found| {
        found.identity = Some(identity);
    });
    Ok(())
}

fn alter_type(
    session: &mut Session,
    table: &QualifiedName,
    column: &SmolStr,
    written: &TypeName,
    using: Option<&Expr>,
) -> Effect {
    resolve::column(session, table, column)?;
    if table::is_serial(written) {
        // only CREATE TABLE and ADD COLUMN know these words
        return Err(resolve::missing_type(session, written));
    }
    let type_name = resolve::type_name(session, written)?;
    alter_table::check_not_itself(table, &type_name)?;
    let Some(relation) = session.catalog.relation(table).cloned() else {
        return Ok(());
    };
    let Some(found) = relation.column(column).cloned() else {
        return Ok(());
    };
    if relation.partition_key.contains(column) {
        return fail(
            SqlState::INVALID_TABLE_DEFINITION,
            format!(
                "cannot alter column \"{column}\" because it is part of the partition key of relation \"{}\"",
                table.name
            ),
        );
    }
    let shown = lookup::display_type_name(&type_name);
    match using {
        // its names are checked before any command of the statement runs
        Some(using) => check_using(session, &relation, column, using, &type_name)?,
        None => {
            if !assignable(session, &found.type_name, &type_name) {
                return Err(Failure::Error(
                    ServerError::new(
                        SqlState::DATATYPE_MISMATCH,
                        format!("column \"{column}\" cannot be cast automatically to type {shown}"),
                    )
                    .about(table.member(ObjectKind::Column, column)),
                ));
            }
        }
    }
    check_users(session, &relation, column)?;
    let default_type = own_default_type(session, &found);
    if let Some(own) = &default_type
        && !assignable(session, own, &type_name)
    {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "default for column \"{column}\" cannot be cast automatically to type {shown}"
                ),
            )
            .about(table.member(ObjectKind::Column, column)),
        ));
    }
    if let Some(Expr::Value(Datum::Text(text))) = found.default.as_deref() {
        session.check_enum_use(&type_name, text)?;
    }
    check_rows(session, &relation, column, &type_name, using)?;
    foreign_key::check_new_type(session, &relation, column, &type_name)?;
    let kept = retype::Expressions::over(session, &relation, column);
    // by the old type, as the expression sees it
    let computed = using.map(|using| data::values_of_rows(session, table, using));
    for child in alter_table::descendants(session, table) {
        if let Some(relation) = session.catalog.relation_mut(&child) {
            for known in relation.columns.matching_mut(|known| known.name == *column) {
                known.type_name = type_name.clone();
            }
        }
    }
    // only what can't be told from the default as it is written
    let remembered = default_type.filter(|own| {
        let written = found.default.as_deref();
        written.is_some_and(|default| written_default_type(session, default, &type_name) != *own)
    });
    edit(session, table, column, |known| {
        known.type_name = type_name.clone();
        known.default_type = remembered.clone().map(Box::new);
    });
    kept.check(session, table)?;
    retype::check_indexes(session, table, &relation, column)?;
    if let Some(values) = computed {
        set_values(session, table, column, values);
    }
    Ok(())
}

/// 42804 for an expression of USING whose type a column of the new one can't be given.
fn check_using(
    session: &mut Session,
    relation: &Relation,
    column: &str,
    using: &Expr,
    type_name: &TypeName,
) -> Effect {
    let Some(own) = data::type_over(session, relation, using) else {
        return Ok(());
    };
    if assignable(session, &own, type_name) {
        return Ok(());
    }
    let shown = lookup::display_type_name(type_name);
    fail(
        SqlState::DATATYPE_MISMATCH,
        format!(
            "result of USING clause for column \"{column}\" cannot be cast automatically to type {shown}"
        ),
    )
}

/// The type of a column's default without the cast to the column's type that the server put around it: of a literal the type
/// that the column had when it was set.
fn own_default_type(session: &mut Session, column: &Column) -> Option<TypeName> {
    let default = column.default.as_deref()?;
    let known = column.default_type.as_deref().cloned();
    known.or_else(|| Some(written_default_type(session, default, &column.type_name)))
}

/// The type of a default that is set for a column of a type.
fn written_default_type(session: &mut Session, default: &Expr, type_name: &TypeName) -> TypeName {
    let own = data::check_default(session, type_name, default);
    own.ok().flatten().unwrap_or_else(|| type_name.clone())
}

/// Values of known rows that become enum labels: 22P02 and 55P04 as for literals.
fn check_rows(
    session: &Session,
    relation: &Relation,
    column: &str,
    type_name: &TypeName,
    using: Option<&Expr>,
) -> Effect {
    // `USING c::text::e` and `USING c::e` keep the text; anything else computes it
    let keeps = match using {
        None => true,
        Some(expression) => strips_to(expression, column),
    };
    if !keeps {
        return Ok(());
    }
    for row in &relation.rows.known {
        if let Datum::Text(text) = row.get(column) {
            session.check_enum_use(type_name, text)?;
        }
    }
    Ok(())
}

fn strips_to(expression: &Expr, column: &str) -> bool {
    match expression {
        Expr::Cast { value, .. } => strips_to(value, column),
        Expr::Column { name, .. } => name == column,
        _ => false,
    }
}

/// Gives the known rows of a table other values in a column.
fn set_values(session: &mut Session, table: &QualifiedName, column: &str, values: Vec<Datum>) {
    if values.is_empty() {
        return;
    }
    if let Some(relation) = session.catalog.relation_mut(table) {
        for (row, value) in relation.rows.known.iter_mut().zip(values) {
            let row = std::sync::Arc::make_mut(row);
            row.values.retain(|(name, _)| name != column);
            if value != Datum::Unknown {
                row.values.push((SmolStr::new(column), value));
            }
        }
    }
    session.change(table.key(ObjectKind::Rows));
}

/// Views, triggers and generated columns that pin a column's type (0A000).
fn check_users(session: &Session, relation: &Relation, column: &str) -> Effect {
    let key = relation.name.member(ObjectKind::Column, column);
    if let Some(view) = drop::views_on(session, &key).first() {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "cannot alter type of a column used by a view or rule",
            )
            .about(view.key()),
        ));
    }
    if let Some(trigger) = relation
        .triggers
        .iter()
        .find(|trigger| trigger.uses(column))
    {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "cannot alter type of a column used in a trigger definition",
            )
            .about(relation.name.member(ObjectKind::Trigger, &trigger.name)),
        ));
    }
    if let Some((table, policy)) = trigger_policy::policies_on(session, &key).first() {
        return Err(Failure::Error(
            ServerError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "cannot alter type of a column used in a policy definition",
            )
            .about(table.member(ObjectKind::Policy, policy)),
        ));
    }
    let generated = relation.columns.iter().find(|other| {
        other.name != column
            && other.generated.as_ref().is_some_and(|(expression, _)| {
                expressions::columns_used(expression)
                    .iter()
                    .any(|used| used == column)
            })
    });
    if generated.is_some() {
        let state = if session.version.0 >= 15 {
            SqlState::FEATURE_NOT_SUPPORTED
        } else {
            SqlState::SYNTAX_ERROR
        };
        return fail(
            state,
            "cannot alter type of a column used by a generated column",
        );
    }
    Ok(())
}

/// Whether two names, each with its schema or as the search path finds it, are of one type.
fn is_same_type(session: &Session, one: &TypeName, other: &TypeName) -> bool {
    let found = |name: &TypeName| session.catalog.find_type(&session.search_path, &name.name);
    match (found(one), found(other)) {
        (Some(one), Some(other)) => one.name == other.name,
        _ => one.name == other.name,
    }
}

/// Whether a value of one type may be assigned to another without USING; what is not known may.
pub(crate) fn assignable(session: &Session, from: &TypeName, to: &TypeName) -> bool {
    if is_same_type(session, from, to) && from.array == to.array {
        return true;
    }
    let casts = Casts {
        catalog: &session.catalog,
        version: session.version,
        search_path: &session.search_path,
    };
    casts.can(from, to, CastContext::Assignment).unwrap_or(true)
}
