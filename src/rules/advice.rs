//! The guard to use: by operation, by statement, and never an argument that the project's Alembic lacks.

use super::second_run::FaultKind;
use super::words;
use crate::config::{Config, PackageVersion};
use crate::postgres::name::{Name, Quoted};
use crate::postgres::statement::{AlterTableCommand, ConstraintKind, Statement};
use crate::postgres::{ObjectKind, SqlState};
use crate::trace::{Event, Origin};

/// What to do so that a call may run twice.
pub(super) fn guard(event: &Event, kind: FaultKind<'_>, config: &Config) -> Option<String> {
    let statement = event.statements.first()?;
    if let Statement::Query(_) | Statement::Update(_) | Statement::Delete(_) = statement {
        if event.origin == Origin::Script {
            return Some(
                "run it only where what it needs is still there: in a `DO` block that asks the catalog first"
                    .to_owned(),
            );
        }
        return Some(
            "run it only where what it needs is still there: ask the inspector first, or leave early once the revision's last change is made"
                .to_owned(),
        );
    }
    if let FaultKind::Changes = kind
        && let Some(advice) = name_it(statement, event.origin == Origin::Script)
    {
        return Some(advice);
    }
    match &event.origin {
        Origin::Operation { name, batch } => operation(name, *batch, statement, config),
        Origin::Schema(_) => Some("pass `checkfirst=True`".to_owned()),
        Origin::Text | Origin::Construct | Origin::Orm | Origin::Script => text(statement, kind),
    }
}

/// How to hold an operation together with others that have nothing to do where it has not.
pub(super) fn of_whole(event: &Event) -> Option<String> {
    let (Origin::Operation { .. }, Some(statement)) = (&event.origin, event.statements.first())
    else {
        return None;
    };
    let condition = condition(statement)?;
    Some(format!("put all of it under `if {condition}:`"))
}

/// A thing without a name can't be guarded: PostgreSQL makes up the next name.
fn name_it(statement: &Statement, is_script: bool) -> Option<String> {
    let (table, method) = match statement {
        Statement::AlterTable(alter) => {
            let constraint = alter.commands.iter().find_map(|command| match command {
                AlterTableCommand::AddConstraint(constraint) if constraint.name.is_none() => {
                    Some(constraint)
                }
                _ => None,
            })?;
            (&alter.name, listing(&constraint.kind)?)
        }
        Statement::CreateIndex(index) if index.name.is_none() => (&index.table, "get_indexes"),
        _ => return None,
    };
    if is_script {
        return Some(match statement {
            Statement::CreateIndex(_) => "give it a name and write `IF NOT EXISTS`".to_owned(),
            _ => "give it a name, and drop that name before it with `DROP CONSTRAINT IF EXISTS`"
                .to_owned(),
        });
    }
    Some(format!(
        "give it a name, and make it only where `inspector.{method}({})` does not list that name",
        table_name(table)
    ))
}

/// The Inspector's method that lists constraints of a kind by name.
fn listing(kind: &ConstraintKind) -> Option<&'static str> {
    match kind {
        ConstraintKind::Unique { .. } => Some("get_unique_constraints"),
        ConstraintKind::ForeignKey { .. } => Some("get_foreign_keys"),
        ConstraintKind::Check(_) => Some("get_check_constraints"),
        ConstraintKind::Exclude { .. } => Some("get_indexes"),
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::NotNull { .. } => None,
    }
}

/// Since which Alembic an operation has an argument that guards it, and its name.
pub(super) fn native(operation: &str, batch: bool) -> Option<(&'static str, PackageVersion)> {
    match operation {
        "create_table" => Some(("if_not_exists", PackageVersion(1, 13, 3))),
        "drop_table" => Some(("if_exists", PackageVersion(1, 13, 3))),
        "add_column" => Some(("if_not_exists", PackageVersion(1, 16, 0))),
        "drop_column" => Some(("if_exists", PackageVersion(1, 16, 0))),
        "create_index" => Some(("if_not_exists", PackageVersion(1, 11, 2))),
        "drop_index" => Some(("if_exists", PackageVersion(1, 11, 2))),
        // the batch form refuses the argument in every version
        "drop_constraint" if !batch => Some(("if_exists", PackageVersion(1, 16, 0))),
        _ => None,
    }
}

fn operation(name: &str, batch: bool, statement: &Statement, config: &Config) -> Option<String> {
    if let Statement::CreateType(create) = statement {
        let type_name = &create.name;
        return Some(format!(
            "give the column a `postgresql.ENUM(..., name=\"{type_name}\", create_type=False)` and create the type before it with `.create(op.get_bind(), checkfirst=True)`; `if_not_exists=True` does not cover the type"
        ));
    }
    let native = native(name, batch)
        .filter(|(_, since)| config.alembic_version >= *since && covered(statement))
        .map(|(argument, since)| {
            let PackageVersion(major, minor, patch) = since;
            format!("pass `{argument}=True` (Alembic {major}.{minor}.{patch} or later)")
        });
    match (condition(statement), native) {
        (Some(condition), Some(native)) => {
            Some(format!("guard it with `if {condition}:`, or {native}"))
        }
        (Some(condition), None) => Some(format!("guard it with `if {condition}:`")),
        (None, Some(native)) => Some(native),
        (None, None) => as_text(statement),
    }
}

/// What SQLAlchemy's Inspector can't ask for in a line, PostgreSQL can.
fn as_text(statement: &Statement) -> Option<String> {
    match statement {
        Statement::Drop(drop) => {
            let target = drop.targets.first()?;
            Some(format!(
                "write `op.execute('DROP {} IF EXISTS {}')`",
                drop.kind.noun().to_uppercase(),
                target.name
            ))
        }
        Statement::AlterTable(alter) => match alter.commands.first()? {
            AlterTableCommand::DropConstraint { name, .. } => Some(format!(
                "write `op.execute('ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}')`",
                alter.name,
                Quoted(name)
            )),
            _ => None,
        },
        _ => None,
    }
}

/// Whether the native argument guards all that the statement does.
fn covered(statement: &Statement) -> bool {
    match statement {
        Statement::AlterTable(alter) => alter.commands.len() == 1,
        _ => true,
    }
}

fn table_name(name: &Name) -> String {
    match &name.schema {
        Some(schema) => format!("\"{}\", schema=\"{schema}\"", name.name),
        None => format!("\"{}\"", name.name),
    }
}

/// The Python condition under which an operation has something to do.
fn condition(statement: &Statement) -> Option<String> {
    let columns = |table: &Name| {
        format!(
            "{{c[\"name\"] for c in inspector.get_columns({})}}",
            table_name(table)
        )
    };
    match statement {
        Statement::CreateTable(create) => Some(format!(
            "not inspector.has_table({})",
            table_name(&create.name)
        )),
        Statement::CreateIndex(index) => {
            let name = index.name.as_deref()?;
            Some(format!(
                "\"{name}\" not in {{i[\"name\"] for i in inspector.get_indexes({})}}",
                table_name(&index.table)
            ))
        }
        Statement::Drop(drop) => {
            let target = drop.targets.first()?;
            match drop.kind {
                ObjectKind::Table => {
                    Some(format!("inspector.has_table({})", table_name(&target.name)))
                }
                _ => None,
            }
        }
        Statement::Rename(rename) => match (rename.kind, &rename.member) {
            (ObjectKind::Table, _) => Some(format!(
                "inspector.has_table({}) and not inspector.has_table(\"{}\")",
                table_name(&rename.name),
                rename.new_name
            )),
            (ObjectKind::Column, Some(column)) => {
                Some(format!("\"{column}\" in {}", columns(&rename.name)))
            }
            _ => None,
        },
        Statement::AlterTable(alter) => alter
            .commands
            .first()
            .and_then(|command| command_condition(&alter.name, command, &columns(&alter.name))),
        _ => None,
    }
}

fn command_condition(table: &Name, command: &AlterTableCommand, columns: &str) -> Option<String> {
    let listed = |name: &str, method: &str| {
        format!(
            "\"{name}\" not in {{c[\"name\"] for c in inspector.{method}({})}}",
            table_name(table)
        )
    };
    match command {
        AlterTableCommand::AddColumn { column, .. } => {
            Some(format!("\"{}\" not in {columns}", column.name))
        }
        AlterTableCommand::DropColumn { name, .. } => Some(format!("\"{name}\" in {columns}")),
        AlterTableCommand::AddConstraint(constraint) => {
            if let ConstraintKind::PrimaryKey { .. } = &constraint.kind {
                return Some(format!(
                    "not inspector.get_pk_constraint({})[\"constrained_columns\"]",
                    table_name(table)
                ));
            }
            let method = listing(&constraint.kind)?;
            constraint.name.as_deref().map(|name| listed(name, method))
        }
        _ => None,
    }
}

/// What PostgreSQL itself offers for a statement given as text.
fn text(statement: &Statement, kind: FaultKind<'_>) -> Option<String> {
    let handler = |condition: SqlState| {
        format!(
            "PostgreSQL has no `IF NOT EXISTS` for it: write it in a block that accepts the error, `DO $$ BEGIN (it) EXCEPTION WHEN {} THEN NULL; END $$`",
            condition.condition()
        )
    };
    let caught = match kind {
        FaultKind::Fails(error) => error.sqlstate,
        FaultKind::Changes => return None,
    };
    let advice = match statement {
        Statement::CreateIndex(index) if index.concurrently => {
            "write `CREATE INDEX CONCURRENTLY IF NOT EXISTS`, and drop an invalid index that a failed build left behind first: IF NOT EXISTS accepts it".to_owned()
        }
        Statement::CreateTable(_)
        | Statement::CreateTableAs(_)
        | Statement::CreateIndex(_)
        | Statement::CreateSchema { .. }
        | Statement::CreateSequence(_)
        | Statement::CreateExtension { .. } => format!("write `{} IF NOT EXISTS`", words::head(statement)),
        Statement::CreateView(_) | Statement::CreateFunction(_) | Statement::CreateRule { .. } => {
            format!("write `{}`", words::head(statement).replacen("CREATE", "CREATE OR REPLACE", 1))
        }
        Statement::CreateTrigger(_) => "write `CREATE OR REPLACE TRIGGER` (PostgreSQL 14 or later), or `DROP TRIGGER IF EXISTS` first".to_owned(),
        Statement::Do(_) => {
            let clause = if caught.says_duplicate() { "NOT EXISTS" } else { "EXISTS" };
            format!(
                "guard the statement in the block: write it with `IF {clause}` where it has that, ask the catalog for what it needs, or accept the error with `EXCEPTION WHEN {} THEN NULL`",
                caught.condition()
            )
        }
        Statement::CreatePolicy { .. } => "write `DROP POLICY IF EXISTS` before it".to_owned(),
        Statement::CreateType(_) | Statement::CreateNamed(_) => handler(caught),
        Statement::AlterEnum(alter) if alter.rename_from.is_none() => "write `ADD VALUE IF NOT EXISTS`".to_owned(),
        Statement::Drop(drop) => format!("write `DROP {} IF EXISTS`", drop.kind.noun().to_uppercase()),
        Statement::AlterTable(alter) => match alter.commands.first() {
            Some(AlterTableCommand::AddColumn { .. }) => "write `ADD COLUMN IF NOT EXISTS`".to_owned(),
            Some(AlterTableCommand::DropColumn { .. }) => "write `DROP COLUMN IF EXISTS`".to_owned(),
            Some(AlterTableCommand::DropConstraint { .. }) => "write `DROP CONSTRAINT IF EXISTS`".to_owned(),
            Some(AlterTableCommand::AddConstraint(_)) => handler(caught),
            _ => return None,
        },
        Statement::Rename(rename) => match rename.kind {
            ObjectKind::Table | ObjectKind::Index | ObjectKind::View | ObjectKind::Sequence => {
                format!("write `ALTER {} IF EXISTS`", rename.kind.noun().to_uppercase())
            }
            _ => "look the old name up in the catalog first, and rename only where it is there".to_owned(),
        },
        _ => return None,
    };
    Some(advice)
}
