//! How messages name calls and things.

use smol_str::SmolStr;

use crate::postgres::name::{Name, Quoted};
use crate::postgres::query::render::type_text;
use crate::postgres::statement::{AlterTableCommand, ConstraintKind, Statement};
use crate::postgres::{ObjectKey, ObjectKind, TypeName};
use crate::trace::{Event, Origin};

/// A call as its author knows it, in backticks: `` `create_table tickets` ``, `` `CREATE TYPE mood` ``.
pub(crate) fn call(event: &Event) -> String {
    let Some(statement) = event.statements.first() else {
        return NAMELESS.to_owned();
    };
    let subject = subject(statement).unwrap_or_default();
    match &event.origin {
        Origin::Operation { name, .. } => {
            // an operation may make several statements: an implicit type, an index
            if implicit(name, statement) {
                format!("`{name}`")
            } else {
                join(name, &subject)
            }
        }
        Origin::Schema(name) => join(name, &subject),
        Origin::Orm => format!("the ORM's `{}`", join_plain(&head(statement), &subject)),
        Origin::Text | Origin::Construct | Origin::Script => join(&head(statement), &subject),
    }
}

fn join(verb: &str, subject: &str) -> String {
    if verb == NAMELESS {
        return verb.to_owned();
    }
    ["`", &join_plain(verb, subject), "`"].concat()
}

fn join_plain(verb: &str, subject: &str) -> String {
    if subject.is_empty() {
        verb.to_owned()
    } else {
        [verb, " ", subject].concat()
    }
}

/// Whether the call is one of an operation that makes a thing beside what it is named after: a column's type or index.
pub(crate) fn makes_beside(event: &Event) -> bool {
    match (&event.origin, event.statements.first()) {
        (Origin::Operation { name, .. }, Some(statement)) => implicit(name, statement),
        _ => false,
    }
}

fn implicit(operation: &str, statement: &Statement) -> bool {
    matches!(operation, "create_table" | "add_column")
        && matches!(
            statement,
            Statement::CreateType(_) | Statement::CreateIndex(_)
        )
}

/// What has no words of its own, a text that is no SQL say.
const NAMELESS: &str = "the statement";

/// The words with which a statement begins, upper case.
pub(crate) fn head(statement: &Statement) -> String {
    match statement {
        Statement::CreateTable(_) | Statement::CreateTableAs(_) => "CREATE TABLE".into(),
        Statement::AlterTable(alter) => match alter.commands.first() {
            Some(AlterTableCommand::AddColumn { .. }) => "ADD COLUMN".into(),
            Some(AlterTableCommand::DropColumn { .. }) => "DROP COLUMN".into(),
            Some(AlterTableCommand::AddConstraint(_)) => "ADD CONSTRAINT".into(),
            Some(AlterTableCommand::DropConstraint { .. }) => "DROP CONSTRAINT".into(),
            _ => "ALTER TABLE".into(),
        },
        Statement::CreateIndex(index) if index.unique => "CREATE UNIQUE INDEX".into(),
        Statement::CreateIndex(_) => "CREATE INDEX".into(),
        Statement::CreateType(_) => "CREATE TYPE".into(),
        Statement::AlterEnum(alter) if alter.rename_from.is_some() => "RENAME VALUE".into(),
        Statement::AlterEnum(_) => "ADD VALUE".into(),
        Statement::AlterCompositeType { .. } => "ALTER TYPE".into(),
        Statement::AlterDomain { .. } => "ALTER DOMAIN".into(),
        Statement::CreateSchema { .. } => "CREATE SCHEMA".into(),
        Statement::CreateSequence(_) => "CREATE SEQUENCE".into(),
        Statement::AlterSequence { .. } => "ALTER SEQUENCE".into(),
        Statement::CreateView(_) => "CREATE VIEW".into(),
        Statement::CreateFunction(function) => {
            format!("CREATE {}", function.kind.noun().to_uppercase())
        }
        Statement::CreateTrigger(_) => "CREATE TRIGGER".into(),
        Statement::CreatePolicy { .. } => "CREATE POLICY".into(),
        Statement::CreateRule { .. } => "CREATE RULE".into(),
        Statement::CreateExtension { .. } => "CREATE EXTENSION".into(),
        Statement::CreateNamed(named) => format!("CREATE {}", named.kind.noun().to_uppercase()),
        Statement::Drop(drop) => format!("DROP {}", drop.kind.noun().to_uppercase()),
        Statement::Rename(rename) => format!("RENAME {}", rename.kind.noun().to_uppercase()),
        Statement::SetSchema { .. } => "SET SCHEMA".into(),
        Statement::Insert(_) => "INSERT INTO".into(),
        Statement::Update(_) => "UPDATE".into(),
        Statement::Delete(_) => "DELETE FROM".into(),
        Statement::Merge(_) => "MERGE INTO".into(),
        Statement::Query(_) => "SELECT".into(),
        Statement::Do(_) => "DO".into(),
        Statement::Other { tag, .. } => tag.to_string(),
        _ => NAMELESS.into(),
    }
}

/// What a statement is about: a table, `table.column`, an index...
pub(crate) fn subject(statement: &Statement) -> Option<String> {
    let text = match statement {
        Statement::CreateTable(create) => create.name.to_string(),
        Statement::CreateTableAs(create) => create.name.to_string(),
        Statement::AlterTable(alter) => match alter.commands.first() {
            Some(command) => command_subject(&alter.name, command),
            None => alter.name.to_string(),
        },
        Statement::CreateIndex(index) => match &index.name {
            Some(name) => Quoted(name).to_string(),
            None => format!("on {}", index.table),
        },
        Statement::CreateType(create) => create.name.to_string(),
        Statement::AlterEnum(alter) => format!("{}.{}", alter.name, alter.label),
        Statement::AlterCompositeType { name, .. } | Statement::AlterDomain { name, .. } => {
            name.to_string()
        }
        Statement::CreateSchema { name, .. } | Statement::CreateExtension { name, .. } => {
            Quoted(name).to_string()
        }
        Statement::CreateSequence(create) => create.name.to_string(),
        Statement::AlterSequence { name, .. } => name.to_string(),
        Statement::CreateView(create) => create.name.to_string(),
        Statement::CreateFunction(create) => create.name.to_string(),
        Statement::CreateTrigger(create) => Quoted(&create.name).to_string(),
        Statement::CreatePolicy { name, .. } | Statement::CreateRule { name, .. } => {
            Quoted(name).to_string()
        }
        Statement::CreateNamed(create) => create.name.as_ref()?.to_string(),
        Statement::Drop(drop) => {
            let target = drop.targets.first()?;
            target.member.as_ref().map_or_else(
                || target.name.to_string(),
                |member| Quoted(member).to_string(),
            )
        }
        Statement::Rename(rename) => rename_subject(rename.member.as_deref(), &rename.name),
        Statement::SetSchema { name, .. } => name.to_string(),
        Statement::Insert(insert) => insert.table.to_string(),
        Statement::Update(update) => update.table.to_string(),
        Statement::Delete(delete) => delete.table.to_string(),
        Statement::Merge(merge) => merge.table.to_string(),
        _ => return None,
    };
    Some(text)
}

fn rename_subject(member: Option<&str>, name: &Name) -> String {
    member.map_or_else(
        || name.to_string(),
        |member| format!("{name}.{}", Quoted(member)),
    )
}

fn command_subject(table: &Name, command: &AlterTableCommand) -> String {
    if let AlterTableCommand::AddConstraint(constraint) = command
        && constraint.name.is_none()
    {
        return format!("on {table}");
    }
    let member = match command {
        AlterTableCommand::AddColumn { column, .. } => Some(&column.name),
        AlterTableCommand::DropColumn { name, .. }
        | AlterTableCommand::DropConstraint { name, .. }
        | AlterTableCommand::ValidateConstraint { name } => Some(name),
        AlterTableCommand::AddConstraint(constraint) => constraint.name.as_ref(),
        AlterTableCommand::AlterType { column, .. }
        | AlterTableCommand::SetDefault { column, .. }
        | AlterTableCommand::SetNotNull { column }
        | AlterTableCommand::DropNotNull { column }
        | AlterTableCommand::AddIdentity { column, .. }
        | AlterTableCommand::DropIdentity { column, .. } => Some(column),
        _ => None,
    };
    match member {
        Some(member) => format!("{table}.{}", Quoted(member)),
        None => table.to_string(),
    }
}

/// Columns of its table that a statement makes or builds on.
pub(crate) fn columns(statement: &Statement) -> Vec<&str> {
    match statement {
        Statement::CreateIndex(index) => index
            .elements
            .iter()
            .filter_map(|element| match &element.value {
                crate::postgres::Expr::Column { name, .. } => Some(name.as_str()),
                _ => None,
            })
            .collect(),
        Statement::AlterTable(alter) => alter.commands.iter().flat_map(command_columns).collect(),
        Statement::Comment {
            kind: ObjectKind::Column,
            member: Some(member),
            ..
        } => vec![member],
        _ => Vec::new(),
    }
}

fn command_columns(command: &AlterTableCommand) -> Vec<&str> {
    match command {
        AlterTableCommand::AddColumn { column, .. } => vec![&column.name],
        AlterTableCommand::DropColumn { name, .. } => vec![name],
        AlterTableCommand::AddConstraint(constraint) => match &constraint.kind {
            ConstraintKind::Unique { columns, .. }
            | ConstraintKind::PrimaryKey { columns, .. }
            | ConstraintKind::ForeignKey { columns, .. } => {
                columns.iter().map(SmolStr::as_str).collect()
            }
            _ => Vec::new(),
        },
        AlterTableCommand::AlterType { column, .. }
        | AlterTableCommand::SetDefault { column, .. } => vec![column],
        _ => Vec::new(),
    }
}

/// An object's own name, without its schema and table.
pub(crate) fn last_part(key: &ObjectKey) -> &str {
    key.name.rsplit('.').next().unwrap_or(&key.name)
}

/// A thing with its kind, its name in backticks: ``table `tickets` ``, ``column `tickets.title` ``.
pub(super) fn named(key: &ObjectKey) -> String {
    let name = key.name.strip_prefix("public.").unwrap_or(&key.name);
    format!(
        "{} `{}`",
        key.kind.noun(),
        name.replace(crate::unknown::HOLE, "{?}")
    )
}

/// Things as a sentence lists them: the first three by name, the others by number.
pub(super) fn list(items: &[String]) -> String {
    list_of(items, 3)
}

/// The same with another number of names.
pub(super) fn list_of(items: &[String], named: usize) -> String {
    match items {
        [] => String::new(),
        [only] => only.clone(),
        [first @ .., last] if items.len() <= named => format!("{} and {last}", first.join(", ")),
        _ => format!(
            "{} and {} more",
            items[..named].join(", "),
            items.len() - named
        ),
    }
}

/// The relation that a statement's name means: that of the schema written, of `public`, or the only one of that name.
pub(super) fn relation<'a>(
    catalog: &'a crate::postgres::Catalog,
    name: &Name,
) -> Option<&'a crate::postgres::catalog::Relation> {
    let public = [SmolStr::new_static("public")];
    if let Some(found) = catalog.find_relation(&public, name) {
        return Some(&**found);
    }
    if name.schema.is_some() {
        return None;
    }
    let mut of_that_name = catalog.relations.named(&name.name);
    match (of_that_name.next(), of_that_name.next()) {
        (Some(only), None) => Some(&**only),
        _ => None,
    }
}

/// A type with its length.
pub(super) fn type_of(kind: &TypeName) -> String {
    let name = type_text(kind);
    if kind.modifiers.is_empty() {
        return name;
    }
    let lengths: Vec<String> = kind.modifiers.iter().map(ToString::to_string).collect();
    format!("{name}({})", lengths.join(", "))
}
