//! What a statement leaves: tables made, columns filled, rows emptied, names changed.

use smol_str::SmolStr;

use super::{ColumnName, Progress, is_unreadable, strip};
use crate::postgres::Datum;
use crate::postgres::catalog::{QualifiedName, Relation};
use crate::postgres::expression::{Expr, FromItem, Query, QueryBody};
use crate::postgres::statement::{
    AlterTableCommand, ConflictAction, Insert, InsertSource, Statement,
};

impl<'a> Progress<'a> {
    /// Takes a statement into account.
    pub(in crate::rules) fn note(&mut self, statement: &'a Statement) {
        match statement {
            Statement::CreateTable(create) => {
                let table = if create.temporary {
                    QualifiedName::new("pg_temp", &create.name.name)
                } else {
                    self.table(&create.name)
                };
                // IF NOT EXISTS leaves one that is there as it is
                if !(create.if_not_exists && self.before.relation(&table).is_some()) {
                    self.made.insert(table);
                }
            }
            Statement::CreateTableAs(create) => {
                let table = self.table(&create.name);
                self.made.insert(table);
            }
            Statement::AlterTable(alter) => {
                let table = self.table(&alter.name);
                for command in &alter.commands {
                    self.note_command(&table, command);
                }
            }
            Statement::Rename(rename) => self.note_rename(rename),
            Statement::Update(update) => {
                let table = self.table(&update.table);
                for assignment in &update.assignments {
                    self.filled
                        .insert((table.clone(), assignment.column.clone()));
                }
            }
            Statement::Insert(insert) => {
                let table = self.table(&insert.table);
                self.emptied.remove(&table);
                if let InsertSource::Values(_) = insert.source {
                    self.inserted.push((table.clone(), insert));
                }
                if let Some(ConflictAction::Update { assignments, .. }) =
                    insert.on_conflict.as_ref().map(|conflict| &conflict.action)
                {
                    for assignment in assignments {
                        self.filled
                            .insert((table.clone(), assignment.column.clone()));
                    }
                }
            }
            Statement::Delete(delete) => {
                let table = self.table(&delete.table);
                if delete.filter.is_none() && delete.using.is_empty() {
                    self.emptied.insert(table);
                } else {
                    self.looked_after.insert(table);
                }
            }
            Statement::Merge(merge) => {
                let table = self.table(&merge.table);
                self.looked_after.insert(table);
            }
            Statement::Truncate { tables, .. } => {
                for table in tables {
                    let table = self.table(table);
                    self.emptied.insert(table);
                }
            }
            Statement::Query(query) => self.note_query(query),
            Statement::Do(block) if is_unreadable(block) => self.opaque = true,
            Statement::Call { .. } | Statement::Unreadable { .. } | Statement::Partial { .. } => {
                self.opaque = true;
            }
            _ => {}
        }
    }

    /// Whether a table has a row with a value in a column, as far as literals tell.
    pub(super) fn has_value(&self, table: &QualifiedName, column: &SmolStr, value: &Datum) -> bool {
        self.inserted
            .iter()
            .any(|(of, insert)| of == table && adds(insert, column, value))
            || (!self.emptied.contains(table)
                && self.old(table).is_some_and(|old| {
                    let name = self.old_column(table, column);
                    old.rows.known.iter().any(|row| row.get(name) == value)
                }))
    }

    /// Whether a key refers from a new column with one value in all rows to a row that is there with it.
    pub(super) fn refers_to_seed(
        &self,
        table: &QualifiedName,
        columns: &[SmolStr],
        target: &QualifiedName,
        referred: &[SmolStr],
    ) -> bool {
        let [column] = columns else {
            return false;
        };
        let name = (table.clone(), column.clone());
        let Some(value) = self
            .defaults
            .get(&name)
            .filter(|_| !self.filled.contains(&name))
        else {
            return false;
        };
        let public = self.old(target).and_then(Relation::primary_key);
        let key = match (referred, public) {
            ([one], _) => one.clone(),
            ([], Some([one])) => one.clone(),
            _ => return false,
        };
        self.has_value(target, &key, value)
    }

    fn note_command(&mut self, table: &QualifiedName, command: &AlterTableCommand) {
        match command {
            AlterTableCommand::AddColumn { column, .. } => {
                let name = (table.clone(), column.name.clone());
                if let Some(Expr::Value(default)) = column.default.as_deref().map(strip) {
                    self.defaults.insert(name.clone(), default.clone());
                }
                let value = self.value_of(column);
                self.added.insert(name, value);
            }
            AlterTableCommand::AlterType {
                column,
                using: Some(using),
                ..
            } if !matches!(strip(using), Expr::Column { .. }) => {
                self.filled.insert((table.clone(), column.clone()));
            }
            _ => {}
        }
    }

    fn note_rename(&mut self, rename: &crate::postgres::statement::Rename) {
        use crate::postgres::ObjectKind;
        let table = self.table(&rename.name);
        match (rename.kind, &rename.member) {
            (ObjectKind::Table, None) => {
                let now = QualifiedName::new(&table.schema, &rename.new_name);
                self.carry(&table, &now);
                if self.made.remove(&table) {
                    self.made.insert(now);
                } else {
                    let old = self.renamed.remove(&table).unwrap_or(table);
                    self.made.remove(&now);
                    self.renamed.insert(now, old);
                }
            }
            (ObjectKind::Column, Some(column)) => {
                let now = (table.clone(), rename.new_name.clone());
                let was = (table, column.clone());
                if let Some(value) = self.added.remove(&was) {
                    self.added.insert(now.clone(), value);
                }
                if self.filled.remove(&was) {
                    self.filled.insert(now.clone());
                }
                let old = self
                    .renamed_columns
                    .remove(&was)
                    .unwrap_or_else(|| column.clone());
                self.renamed_columns.insert(now, old);
            }
            _ => {}
        }
    }

    /// Keeps what is known of a table when it gets another name.
    fn carry(&mut self, was: &QualifiedName, now: &QualifiedName) {
        for tables in [&mut self.emptied, &mut self.looked_after] {
            tables.remove(now);
            if tables.remove(was) {
                tables.insert(now.clone());
            }
        }
        let moved = |(table, column): ColumnName| {
            let table = if table == *was { now.clone() } else { table };
            (table, column)
        };
        self.filled = std::mem::take(&mut self.filled)
            .into_iter()
            .map(moved)
            .collect();
        self.added = std::mem::take(&mut self.added)
            .into_iter()
            .map(|(name, value)| (moved(name), value))
            .collect();
        self.defaults = std::mem::take(&mut self.defaults)
            .into_iter()
            .map(|(name, value)| (moved(name), value))
            .collect();
        self.renamed_columns = std::mem::take(&mut self.renamed_columns)
            .into_iter()
            .map(|(name, value)| (moved(name), value))
            .collect();
    }

    /// A query that looks for rows of a kind is a look at the data before the step; one that calls a function of the
    /// database may do anything.
    fn note_query(&mut self, query: &Query) {
        let QueryBody::Select(select) = &query.body else {
            return;
        };
        if select.from.is_empty()
            && select.targets.iter().any(|target| {
                matches!(&target.value, Expr::Call { name, .. }
                    if self.before.functions.keys().any(|known| known.name == name.name))
            })
        {
            self.opaque = true;
        }
        if select.filter.is_some() || !select.group_by.is_empty() || select.having.is_some() {
            for item in &select.from {
                self.note_from(item);
            }
        } else if let [FromItem::Table { name, .. }] = select.from.as_slice() {
            let table = self.table(name);
            for target in &select.targets {
                if let Expr::Column { name, .. } = &target.value {
                    self.read.insert((table.clone(), name.clone()));
                }
            }
        }
    }

    fn note_from(&mut self, item: &FromItem) {
        match item {
            FromItem::Table { name, .. } => {
                let table = self.table(name);
                self.looked_after.insert(table);
            }
            FromItem::Join { left, right, .. } => {
                self.note_from(left);
                self.note_from(right);
            }
            FromItem::Query { query, .. } => self.note_query(query),
            FromItem::Function { .. } => {}
        }
    }
}

/// Whether an INSERT with a list of columns adds a literal in one of them.
fn adds(insert: &Insert, column: &SmolStr, value: &Datum) -> bool {
    let InsertSource::Values(rows) = &insert.source else {
        return false;
    };
    let is_it = |(name, own): (&SmolStr, &Expr)| {
        name == column && matches!(strip(own), Expr::Value(datum) if datum == value)
    };
    rows.iter()
        .any(|row| insert.columns.iter().zip(row).any(is_it))
}
