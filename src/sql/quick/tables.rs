//! CREATE TABLE, its columns and constraints, ALTER TABLE, CREATE INDEX, and DROP of relations.

use smol_str::SmolStr;

use super::cursor::{Certain, Cursor};
use super::{expressions, types};
use crate::postgres::statement::{
    AlterTable, AlterTableCommand, ColumnDefinition, ConstraintDefinition, ConstraintKind,
    CreateIndex, CreateTable, Drop, DropTarget, IndexElement, ReferentialAction, Rename,
};
use crate::postgres::{Expr, Name, ObjectKind, Statement};

/// Behind `CREATE TABLE`.
pub(super) fn create_table(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    let mut table = CreateTable {
        if_not_exists: cursor.words(&["if", "not", "exists"])?,
        name: cursor.name()?,
        ..CreateTable::default()
    };
    cursor.must_symbol("(")?;
    loop {
        if begins_constraint(cursor) {
            table.constraints.push(constraint(cursor)?);
        } else {
            table.columns.push(column(cursor)?);
        }
        if !cursor.symbol(",") {
            break;
        }
    }
    cursor.must_symbol(")")?;
    table.columns.shrink_to_fit();
    table.constraints.shrink_to_fit();
    Some(Statement::CreateTable(Box::new(table)))
}

fn begins_constraint(cursor: &Cursor<'_>) -> bool {
    ["constraint", "primary", "unique", "check", "foreign"]
        .iter()
        .any(|word| cursor.is_at(word))
}

fn column(cursor: &mut Cursor<'_>) -> Certain<ColumnDefinition> {
    let name = cursor.identifier()?;
    let mut column = ColumnDefinition::new(&name, types::type_name(cursor)?);
    while column_constraint(cursor, &mut column)? {}
    // mostly one, in room for four
    column.constraints.shrink_to_fit();
    Some(column)
}

/// Takes what stands beside a column; whether there was something.
fn column_constraint(cursor: &mut Cursor<'_>, column: &mut ColumnDefinition) -> Certain<bool> {
    if cursor.word("not") {
        cursor.must("null")?;
        column.not_null = true;
    } else if cursor.word("null") {
        // what is not said otherwise
    } else if cursor.word("default") {
        column.default = Some(Box::new(expressions::plain(cursor)?));
    } else {
        let name = constraint_name(cursor)?;
        let Some(kind) = column_constraint_kind(cursor)? else {
            return name.is_none().then_some(false);
        };
        let constraint = ConstraintDefinition::new(name.as_deref(), kind);
        column.constraints.push(constraint);
    }
    Some(true)
}

/// The name behind CONSTRAINT; none where there is no such word.
fn constraint_name(cursor: &mut Cursor<'_>) -> Certain<Option<SmolStr>> {
    if !cursor.word("constraint") {
        return Some(None);
    }
    cursor.identifier().map(Some)
}

fn column_constraint_kind(cursor: &mut Cursor<'_>) -> Certain<Option<ConstraintKind>> {
    Some(Some(if cursor.words(&["primary", "key"])? {
        primary_key(Vec::new())
    } else if cursor.word("unique") {
        unique(Vec::new())
    } else if cursor.word("check") {
        check(cursor)?
    } else if cursor.is_at("references") {
        references(cursor, Vec::new())?
    } else {
        return Some(None);
    }))
}

fn primary_key(columns: Vec<SmolStr>) -> ConstraintKind {
    ConstraintKind::PrimaryKey {
        columns,
        include: Vec::new(),
        using_index: None,
    }
}

fn unique(columns: Vec<SmolStr>) -> ConstraintKind {
    ConstraintKind::Unique {
        columns,
        include: Vec::new(),
        nulls_not_distinct: false,
        using_index: None,
    }
}

/// Behind `CHECK`.
fn check(cursor: &mut Cursor<'_>) -> Certain<ConstraintKind> {
    cursor.must_symbol("(")?;
    let condition = expressions::expression(cursor)?;
    cursor.must_symbol(")")?;
    Some(ConstraintKind::Check(Box::new(condition)))
}

fn references(cursor: &mut Cursor<'_>, columns: Vec<SmolStr>) -> Certain<ConstraintKind> {
    cursor.must("references")?;
    let table = cursor.name()?;
    let referenced = cursor.columns_if_any()?;
    let (mut on_delete, mut on_update) = (None, None);
    while cursor.word("on") {
        let when = if cursor.word("delete") {
            &mut on_delete
        } else {
            cursor.must("update")?;
            &mut on_update
        };
        if when.replace(action(cursor)?).is_some() {
            return None;
        }
    }
    Some(ConstraintKind::ForeignKey {
        columns,
        table,
        referenced,
        on_delete: on_delete.unwrap_or_default(),
        on_update: on_update.unwrap_or_default(),
    })
}

fn action(cursor: &mut Cursor<'_>) -> Certain<ReferentialAction> {
    if cursor.word("cascade") {
        return Some(ReferentialAction::Cascade);
    }
    if cursor.word("restrict") {
        return Some(ReferentialAction::Restrict);
    }
    if cursor.words(&["no", "action"])? {
        return Some(ReferentialAction::NoAction);
    }
    cursor.must("set")?;
    if cursor.word("null") {
        return Some(ReferentialAction::SetNull);
    }
    cursor.must("default")?;
    Some(ReferentialAction::SetDefault)
}

/// A constraint of a table.
fn constraint(cursor: &mut Cursor<'_>) -> Certain<ConstraintDefinition> {
    let name = constraint_name(cursor)?;
    let kind = if cursor.words(&["primary", "key"])? {
        primary_key(cursor.columns()?)
    } else if cursor.word("unique") {
        unique(cursor.columns()?)
    } else if cursor.word("check") {
        check(cursor)?
    } else {
        cursor.must("foreign")?;
        cursor.must("key")?;
        let columns = cursor.columns()?;
        references(cursor, columns)?
    };
    let validated_at_once = matches!(
        kind,
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. }
    );
    let mut definition = ConstraintDefinition::new(name.as_deref(), kind);
    if !validated_at_once {
        definition.not_valid = cursor.words(&["not", "valid"])?;
    }
    Some(definition)
}

/// Behind `ALTER TABLE`.
pub(super) fn alter(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    let if_exists = cursor.words(&["if", "exists"])?;
    let only = cursor.word("only");
    let name = cursor.name()?;
    if cursor.word("rename") {
        return rename(cursor, name, if_exists);
    }
    Some(Statement::AlterTable(Box::new(AlterTable {
        kind: ObjectKind::Table,
        name,
        if_exists,
        only,
        commands: cursor.list(command)?,
    })))
}

/// Behind `ALTER TABLE name RENAME`.
fn rename(cursor: &mut Cursor<'_>, name: Name, if_exists: bool) -> Certain<Statement> {
    let (kind, member) = if cursor.word("constraint") {
        (ObjectKind::Constraint, Some(cursor.identifier()?))
    } else if cursor.word("column") {
        (ObjectKind::Column, Some(cursor.identifier()?))
    } else if cursor.is_at("to") {
        (ObjectKind::Table, None)
    } else {
        (ObjectKind::Column, Some(cursor.identifier()?))
    };
    cursor.must("to")?;
    Some(Statement::Rename(Box::new(Rename {
        kind,
        name,
        member,
        arguments: None,
        new_name: cursor.identifier()?,
        if_exists,
    })))
}

fn command(cursor: &mut Cursor<'_>) -> Certain<AlterTableCommand> {
    if cursor.word("add") {
        if begins_constraint(cursor) {
            return constraint(cursor)
                .map(Box::new)
                .map(AlterTableCommand::AddConstraint);
        }
        cursor.must("column")?;
        return Some(AlterTableCommand::AddColumn {
            if_not_exists: cursor.words(&["if", "not", "exists"])?,
            column: Box::new(column(cursor)?),
        });
    }
    if cursor.word("drop") {
        return drop_member(cursor);
    }
    if cursor.words(&["validate", "constraint"])? {
        let name = cursor.identifier()?;
        return Some(AlterTableCommand::ValidateConstraint { name });
    }
    cursor.must("alter")?;
    cursor.word("column");
    alter_column(cursor)
}

/// Behind `DROP` in ALTER TABLE.
fn drop_member(cursor: &mut Cursor<'_>) -> Certain<AlterTableCommand> {
    let is_constraint = cursor.word("constraint");
    if !is_constraint {
        cursor.must("column")?;
    }
    let if_exists = cursor.words(&["if", "exists"])?;
    let name = cursor.identifier()?;
    let cascade = cascades(cursor);
    Some(if is_constraint {
        AlterTableCommand::DropConstraint {
            name,
            if_exists,
            cascade,
        }
    } else {
        AlterTableCommand::DropColumn {
            name,
            if_exists,
            cascade,
        }
    })
}

/// Takes CASCADE or RESTRICT.
fn cascades(cursor: &mut Cursor<'_>) -> bool {
    let cascade = cursor.word("cascade");
    if !cascade {
        cursor.word("restrict");
    }
    cascade
}

/// Behind `ALTER COLUMN`.
fn alter_column(cursor: &mut Cursor<'_>) -> Certain<AlterTableCommand> {
    let column = cursor.identifier()?;
    if cursor.word("type") {
        return alter_type(cursor, column);
    }
    if cursor.word("drop") {
        if cursor.word("default") {
            let default = None;
            return Some(AlterTableCommand::SetDefault { column, default });
        }
        cursor.must("not")?;
        cursor.must("null")?;
        return Some(AlterTableCommand::DropNotNull { column });
    }
    cursor.must("set")?;
    if cursor.words(&["data", "type"])? {
        return alter_type(cursor, column);
    }
    if cursor.word("default") {
        let default = Some(Box::new(expressions::expression(cursor)?));
        return Some(AlterTableCommand::SetDefault { column, default });
    }
    cursor.must("not")?;
    cursor.must("null")?;
    Some(AlterTableCommand::SetNotNull { column })
}

/// Behind `TYPE`.
fn alter_type(cursor: &mut Cursor<'_>, column: SmolStr) -> Certain<AlterTableCommand> {
    Some(AlterTableCommand::AlterType {
        column,
        type_name: types::type_name(cursor)?,
        using: expressions::behind(cursor, "using")?.map(Box::new),
    })
}

/// Behind `CREATE [UNIQUE] INDEX`.
pub(super) fn create_index(cursor: &mut Cursor<'_>, unique: bool) -> Certain<Statement> {
    let concurrently = cursor.word("concurrently");
    let if_not_exists = cursor.words(&["if", "not", "exists"])?;
    let name = if cursor.is_at("on") && !if_not_exists {
        None
    } else {
        Some(cursor.identifier()?)
    };
    cursor.must("on")?;
    let only = cursor.word("only");
    let table = cursor.name()?;
    let method = if cursor.word("using") {
        cursor.identifier()?
    } else {
        SmolStr::new_static("btree")
    };
    let elements = cursor.in_parentheses(index_element)?;
    let filter = expressions::behind(cursor, "where")?.map(Box::new);
    Some(Statement::CreateIndex(Box::new(CreateIndex {
        name,
        table,
        unique,
        concurrently,
        if_not_exists,
        only,
        method,
        elements,
        include: Vec::new(),
        filter,
        nulls_not_distinct: false,
    })))
}

fn index_element(cursor: &mut Cursor<'_>) -> Certain<IndexElement> {
    let name = cursor.identifier()?;
    let value = if cursor.is_at_symbol("(") {
        expressions::call(cursor, Name { schema: None, name })?
    } else {
        Expr::column(&name)
    };
    let descending = cursor.word("desc");
    if !descending {
        cursor.word("asc");
    }
    Some(IndexElement {
        value,
        operator_class: None,
        descending,
        with_operator: None,
    })
}

/// Behind `DROP`.
pub(super) fn drop(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    const KINDS: [(&str, ObjectKind); 4] = [
        ("table", ObjectKind::Table),
        ("index", ObjectKind::Index),
        ("view", ObjectKind::View),
        ("sequence", ObjectKind::Sequence),
    ];
    let (_, kind) = KINDS.iter().find(|(word, _)| cursor.word(word))?;
    let concurrently = *kind == ObjectKind::Index && cursor.word("concurrently");
    let if_exists = cursor.words(&["if", "exists"])?;
    let targets = cursor.list(|cursor| {
        Some(DropTarget {
            name: cursor.name()?,
            member: None,
            arguments: None,
        })
    })?;
    Some(Statement::Drop(Box::new(Drop {
        kind: *kind,
        targets,
        if_exists,
        cascade: cascades(cursor),
        concurrently,
    })))
}
