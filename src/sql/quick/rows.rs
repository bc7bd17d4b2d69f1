//! INSERT of values, UPDATE and DELETE of one table.

use smol_str::SmolStr;

use super::cursor::{Certain, Cursor};
use super::expressions;
use crate::postgres::Statement;
use crate::postgres::statement::{
    Assignment, ConflictAction, ConflictTarget, Delete, Insert, InsertSource, OnConflict, Update,
};
use crate::postgres::{Expr, Name};

/// Behind `INSERT`.
pub(super) fn insert(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    cursor.must("into")?;
    let table = cursor.name()?;
    let columns = cursor.columns_if_any()?;
    cursor.must("values")?;
    let rows = cursor.list(|cursor| cursor.in_parentheses(expressions::value))?;
    Some(Statement::Insert(Box::new(Insert {
        with: Vec::new(),
        table,
        columns,
        in_parts: Vec::new(),
        source: InsertSource::Values(rows),
        on_conflict: on_conflict(cursor)?,
        overriding: false,
        returning: Vec::new(),
    })))
}

/// The clause, where there is one.
fn on_conflict(cursor: &mut Cursor<'_>) -> Certain<Option<OnConflict>> {
    if !cursor.words(&["on", "conflict"])? {
        return Some(None);
    }
    let target = if cursor.is_at_symbol("(") {
        let columns = cursor.columns()?;
        Some(ConflictTarget::Elements {
            elements: columns.iter().map(|column| Expr::column(column)).collect(),
            filter: None,
        })
    } else if cursor.words(&["on", "constraint"])? {
        Some(ConflictTarget::Constraint(cursor.identifier()?))
    } else {
        None
    };
    cursor.must("do")?;
    let action = if cursor.word("nothing") {
        ConflictAction::Nothing
    } else {
        cursor.must("update")?;
        cursor.must("set")?;
        ConflictAction::Update {
            assignments: cursor.list(assignment)?,
            filter: expressions::behind(cursor, "where")?,
        }
    };
    Some(Some(OnConflict { target, action }))
}

/// Behind `UPDATE`.
pub(super) fn update(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    let table = cursor.name()?;
    cursor.must("set")?;
    let assignments = cursor.list(assignment)?;
    Some(Statement::Update(Box::new(Update {
        with: Vec::new(),
        table,
        alias: None,
        assignments,
        from: Vec::new(),
        filter: expressions::behind(cursor, "where")?,
        returning: Vec::new(),
    })))
}

/// Behind `DELETE`.
pub(super) fn delete(cursor: &mut Cursor<'_>) -> Certain<Statement> {
    cursor.must("from")?;
    let table: Name = cursor.name()?;
    Some(Statement::Delete(Box::new(Delete {
        with: Vec::new(),
        table,
        alias: None,
        using: Vec::new(),
        filter: expressions::behind(cursor, "where")?,
        returning: Vec::new(),
    })))
}

fn assignment(cursor: &mut Cursor<'_>) -> Certain<Assignment> {
    let column: SmolStr = cursor.identifier()?;
    cursor.must_symbol("=")?;
    Some(Assignment {
        column,
        value: expressions::value(cursor)?,
    })
}
