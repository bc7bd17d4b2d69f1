//! Statements that the newest grammar reads and an older server refuses: 42601 by major, measured.

use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{
    AlterTableCommand, ColumnDefinition, ConstraintDefinition, ConstraintKind, CreateTable,
    MergeRows, Statement,
};
use crate::postgres::{ServerError, SqlState, Version};

/// The error with which the server's parser refuses a text, if any of its statements is refused.
pub fn refused(statements: &[Statement], version: Version) -> Option<ServerError> {
    statements
        .iter()
        .find_map(|statement| refused_one(statement, version.0))
}

// wrapped, so that every arm of the tables below is one value
#[allow(clippy::unnecessary_wraps)]
fn syntax(near: &str) -> Option<ServerError> {
    Some(ServerError::new(
        SqlState::SYNTAX_ERROR,
        format!("syntax error at or near \"{near}\""),
    ))
}

fn refused_one(statement: &Statement, major: u16) -> Option<ServerError> {
    match statement {
        Statement::SyntaxError { message } => {
            // a form that the grammar names only to refuse it, since 17
            let named_to_refuse = message.contains("cannot include schema elements")
                || (major >= 17 && message.contains("is not implemented"));
            let state = if named_to_refuse {
                SqlState::FEATURE_NOT_SUPPORTED
            } else {
                SqlState::SYNTAX_ERROR
            };
            Some(ServerError::new(state, &**message))
        }
        Statement::CreateTrigger(create) if create.or_replace && major < 14 => syntax("trigger"),
        Statement::CreateTrigger(create) if create.or_replace && create.constraint => {
            Some(ServerError::new(
                SqlState::FEATURE_NOT_SUPPORTED,
                "CREATE OR REPLACE CONSTRAINT TRIGGER is not supported",
            ))
        }
        Statement::CreateFunction(create)
            if create.or_replace && create.kind == ObjectKind::Aggregate && major < 12 =>
        {
            syntax("aggregate")
        }
        Statement::CreateNamed(create)
            if create.kind == ObjectKind::Statistics && create.name.is_none() && major < 16 =>
        {
            syntax("on")
        }
        Statement::CreateIndex(create) if create.nulls_not_distinct && major < 15 => {
            syntax("nulls")
        }
        Statement::Merge(_) if major < 15 => syntax("merge"),
        Statement::Merge(merge) if !merge.returning.is_empty() && major < 17 => syntax("returning"),
        Statement::Merge(merge)
            if major < 17
                && merge
                    .clauses
                    .iter()
                    .any(|clause| clause.rows == MergeRows::OfTarget) =>
        {
            syntax("by")
        }
        Statement::Reindex {
            concurrently: true, ..
        } if major < 12 => syntax("concurrently"),
        Statement::CreateTable(create) => table(create, major),
        Statement::AlterTable(alter) => alter
            .commands
            .iter()
            .find_map(|command| alter_command(command, major)),
        Statement::CreateSchema { elements, .. } => elements
            .iter()
            .find_map(|element| refused_one(element, major)),
        _ => None,
    }
}

fn table(create: &CreateTable, major: u16) -> Option<ServerError> {
    create
        .columns
        .iter()
        .find_map(|definition| column(definition, major))
        .or_else(|| {
            create
                .constraints
                .iter()
                .find_map(|definition| constraint(definition, major, true))
        })
}

fn column(definition: &ColumnDefinition, major: u16) -> Option<ServerError> {
    if let Some(generated) = &definition.generated {
        if major < 12 {
            return syntax("(");
        }
        if !generated.stored && major < 18 {
            return syntax(")");
        }
    }
    definition
        .constraints
        .iter()
        .find_map(|inner| constraint(inner, major, false))
}

fn constraint(
    definition: &ConstraintDefinition,
    major: u16,
    of_table: bool,
) -> Option<ServerError> {
    match &definition.kind {
        ConstraintKind::Unique {
            nulls_not_distinct: true,
            ..
        } if major < 15 => syntax("nulls"),
        // beside a column a named NOT NULL is as old as SQL
        ConstraintKind::NotNull { .. } if of_table && major < 18 => syntax("not"),
        _ => None,
    }
}

fn alter_command(command: &AlterTableCommand, major: u16) -> Option<ServerError> {
    match command {
        AlterTableCommand::AddColumn {
            column: definition, ..
        } => column(definition, major),
        AlterTableCommand::AddConstraint(definition) => constraint(definition, major, true),
        AlterTableCommand::ColumnOption { what, .. }
            if major < 14 && what.to_ascii_lowercase().contains("compression") =>
        {
            syntax("compression")
        }
        AlterTableCommand::DetachPartition {
            concurrently: true, ..
        } if major < 14 => syntax("concurrently"),
        AlterTableCommand::DropExpression { .. } if major < 13 => syntax("expression"),
        AlterTableCommand::SetExpression { .. } if major < 17 => syntax("expression"),
        _ => None,
    }
}
