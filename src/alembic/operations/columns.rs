//! Operations on columns.

use smol_str::SmolStr;

use super::{Effect, guard, since, table_name};
use crate::alembic::arguments::{Bound, name_of, unexpected_keyword};
use crate::alembic::object::{self, Interp};
use crate::alembic::schema::build;
use crate::alembic::schema::constraint::{self, ConstraintData, Shape};
use crate::alembic::schema::generated::Generated;
use crate::alembic::schema::metadata::alter;
use crate::alembic::schema::{ColumnData, server_default};
use crate::alembic::types::enumeration;
use crate::alembic::{exceptions, types};
use crate::postgres::statement::{
    AlterTableCommand, ColumnDefinition, ConstraintDefinition, ConstraintKind, Rename,
};
use crate::postgres::{Name, ObjectKind, Statement};
use crate::python::{Eval, Value};

pub(super) fn add_column(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    for (keyword, major, minor, patch) in [
        ("if_not_exists", 1, 16, 0),
        ("inline_references", 1, 18, 2),
        ("inline_primary_key", 1, 18, 4),
    ] {
        if bound.given(keyword).is_some() && !since(interp, major, minor, patch) {
            return Err(unexpected_keyword(interp, "add_column", keyword));
        }
    }
    let table = table_name(interp, bound, "table_name", "schema")?;
    let value = bound.given("column").cloned().unwrap_or(Value::None);
    let Some(mut column) = build::column_data(&value) else {
        return unknown_column(interp, &table, &value);
    };
    column.table = Some(table.clone());
    let if_not_exists = guard(interp, bound, "if_not_exists")?;
    let inline_references = guard(interp, bound, "inline_references")?;
    let inline_key = guard(interp, bound, "inline_primary_key")? && column.primary_key;
    let constraints = build::column_constraints(interp, &column, &table)?;
    build::refuse_untyped(interp, &table, &column, &constraints)?;
    let key = if column.primary_key {
        vec![column.name.clone()]
    } else {
        Vec::new()
    };
    let serial = build::serial_column(interp, &[column.clone()], &key, &constraints)?.is_some();
    let mut definition = build::column_definition(interp, &column, serial)?;
    if inline_key {
        definition.constraints.push(ConstraintDefinition::new(
            None,
            ConstraintKind::PrimaryKey {
                columns: Vec::new(),
                include: Vec::new(),
                using_index: None,
            },
        ));
    }
    let keys = constraints
        .iter()
        .filter(|constraint| matches!(constraint.shape, Shape::ForeignKey { .. }))
        .count();
    let inline = |constraint: &ConstraintData| {
        inline_references && keys == 1 && matches!(constraint.shape, Shape::ForeignKey { .. })
    };
    let mut later = Vec::new();
    for data in &constraints {
        let mut made = constraint::definition(interp, data, Some(&table), None)?;
        if inline(data) {
            // written without its name
            made.name = None;
            definition.constraints.push(made);
        } else {
            later.push(alter(
                &table,
                AlterTableCommand::AddConstraint(Box::new(made)),
            ));
        }
    }
    let mut statements = vec![add_statement(&table, definition, if_not_exists)];
    statements.append(&mut later);
    if let Some(index) = build::column_index(&column, &table) {
        statements.push(index.create_statement(interp, &table, false, None)?);
    }
    statements.extend(build::spatial_index(interp, &column, &table)?);
    if let Some(comment) = &column.comment {
        statements.push(build::comment_statement(
            interp,
            &table,
            Some(column.name.clone()),
            comment,
        )?);
    }
    let enums = enumeration::told(interp, column.type_.as_ref(), table.schema.as_ref())?;
    Ok(Effect {
        enums: enums.into_iter().collect(),
        ..Effect::of(statements)
    })
}

fn add_statement(table: &Name, column: ColumnDefinition, if_not_exists: bool) -> Statement {
    alter(
        table,
        AlterTableCommand::AddColumn {
            column: Box::new(column),
            if_not_exists,
        },
    )
}

/// A column that can't be known is added under a name that can't be known; another value is a mistake of the project's.
fn unknown_column(interp: &mut Interp, table: &Name, value: &Value) -> Eval<Effect> {
    if !matches!(value, Value::Unknown(_)) {
        return Err(interp.error(
            "AttributeError",
            "'NoneType' object has no attribute 'table'",
        ));
    }
    let column = ColumnData {
        name: crate::alembic::arguments::hole(),
        ..ColumnData::default()
    };
    let definition = build::column_definition(interp, &column, false)?;
    Ok(Effect::of(vec![add_statement(table, definition, false)]))
}

pub(super) fn drop_column(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let table = table_name(interp, bound, "table_name", "schema")?;
    let name = bound.required_name(interp, "column_name")?;
    let if_exists = guard(interp, bound, "if_exists")? && since(interp, 1, 16, 0);
    Ok(Effect::of(vec![alter(
        &table,
        AlterTableCommand::DropColumn {
            name: crate::postgres::name::truncate(&name),
            if_exists,
            cascade: false,
        },
    )]))
}

pub(super) fn alter_column(interp: &mut Interp, bound: &Bound) -> Eval<Effect> {
    let table = table_name(interp, bound, "table_name", "schema")?;
    let column = bound.required_name(interp, "column_name")?;
    let using = bound.keyword("postgresql_using").cloned();
    let type_ = bound.get("type_").cloned();
    if using.is_some() && type_.is_none() {
        return Err(exceptions::raise(
            interp,
            "CommandError",
            "postgresql_using must be used with the type_ parameter",
        ));
    }
    let mut commands = Vec::new();
    if let (Some(existing), Some(_)) = (bound.get("existing_type").cloned(), &type_) {
        for data in type_constraints(interp, &table, &column, &existing)? {
            if let Some(name) = constraint::final_name(interp, &data, Some(&table), None)? {
                commands.push(alter(
                    &table,
                    AlterTableCommand::DropConstraint {
                        name,
                        if_exists: false,
                        cascade: false,
                    },
                ));
            }
        }
    }
    if let Some(type_) = &type_ {
        let using = match &using {
            Some(using) => Some(build::sql_expression(interp, using)?),
            None => None,
        };
        let command = AlterTableCommand::AlterType {
            column: column.clone(),
            type_name: types::type_name(interp, type_)?,
            using: using.map(Box::new),
        };
        commands.push(alter(&table, command));
    }
    if let Some(nullable) = bound.get("nullable").cloned() {
        let column = column.clone();
        let command = if interp.truth(&nullable)? {
            AlterTableCommand::DropNotNull { column }
        } else {
            AlterTableCommand::SetNotNull { column }
        };
        commands.push(alter(&table, command));
    }
    if let Some(default) = bound.given("server_default").cloned()
        && !matches!(default, Value::Bool(false))
    {
        let existing = bound.get("existing_server_default").cloned();
        let command = default_command(interp, &column, &default, existing.as_ref())?;
        commands.push(alter(&table, command));
    }
    if let Some(comment) = bound.given("comment").cloned()
        && !matches!(comment, Value::Bool(false))
    {
        commands.push(build::comment_statement(
            interp,
            &table,
            Some(column.clone()),
            &comment,
        )?);
    }
    let new_name = bound
        .get("new_column_name")
        .or_else(|| bound.keyword("name"))
        .cloned();
    if let Some(new_name) = new_name
        && let Some(new_name) = name_of(interp, &new_name)?
    {
        commands.push(Statement::Rename(Box::new(Rename {
            kind: ObjectKind::Column,
            name: table.clone(),
            member: Some(column.clone()),
            arguments: None,
            new_name: crate::postgres::name::truncate(&new_name),
            if_exists: false,
        })));
    }
    if let Some(type_) = &type_ {
        for data in type_constraints(interp, &table, &column, type_)? {
            let definition = constraint::definition(interp, &data, Some(&table), None)?;
            commands.push(alter(
                &table,
                AlterTableCommand::AddConstraint(Box::new(definition)),
            ));
        }
    }
    let enums = enumeration::told(interp, type_.as_ref(), table.schema.as_ref())?;
    Ok(Effect {
        enums: enums.into_iter().collect(),
        ..Effect::of(commands)
    })
}

/// CHECK constraints that a type brings with it (an enum without a native type).
fn type_constraints(
    interp: &mut Interp,
    table: &Name,
    column: &SmolStr,
    type_: &Value,
) -> Eval<Vec<ConstraintData>> {
    let column = ColumnData {
        name: column.clone(),
        type_: Some(type_.clone()),
        ..ColumnData::default()
    };
    build::column_constraints(interp, &column, table)
}

fn default_command(
    interp: &mut Interp,
    column: &SmolStr,
    default: &Value,
    existing: Option<&Value>,
) -> Eval<AlterTableCommand> {
    let column = column.clone();
    let generated = |value: Option<&Value>| match value.and_then(object::get::<Generated>) {
        Some(Generated::Identity { kind, options }) => {
            (Some((*kind, options.first_number())), false)
        }
        Some(Generated::Computed { .. }) => (None, true),
        None => (None, false),
    };
    let (identity, computed) = generated(Some(default));
    let (was_identity, was_computed) = generated(existing);
    if computed || was_computed {
        return Err(exceptions::raise(
            interp,
            "CompileError",
            "Adding or removing a \"computed\" construct, e.g. GENERATED ALWAYS AS, to or from an existing column is not supported.",
        ));
    }
    Ok(match (identity, was_identity) {
        (Some((identity, _)), Some(_)) => AlterTableCommand::SetIdentity {
            column,
            identity: Some(identity),
            renumbers: true,
        },
        (Some((identity, first_number)), None) => AlterTableCommand::AddIdentity {
            column,
            identity,
            first_number,
        },
        (None, Some(_)) => AlterTableCommand::DropIdentity {
            column,
            if_exists: false,
        },
        (None, None) => AlterTableCommand::SetDefault {
            column,
            default: server_default(interp, default)?.map(Box::new),
        },
    })
}
