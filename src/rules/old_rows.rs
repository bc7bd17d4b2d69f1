//! What a run does to rows that were there before it: the facts on which the data rules stand.
//!
//! The simulated database has the rows that revisions insert and no others; a real one is full. So this walks over a
//! trace and keeps what the run has made, filled and emptied so far, and tells the statements that an empty table lets
//! pass and a full one may not.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::{rollback, words};
use crate::postgres::catalog::compare::expressions_alike;
use crate::postgres::catalog::{Catalog, QualifiedName, Relation, TypeKind};
use crate::postgres::expression::{Expr, FromItem, Query, QueryBody, children, subquery};
use crate::postgres::name::Name;
use crate::postgres::statement::{
    AlterTableCommand, Block, ColumnDefinition, ConflictAction, ConstraintDefinition,
    ConstraintKind, CreateIndex, PlStatement, Statement,
};
use crate::postgres::{Datum, Outcome, TypeName};
use crate::trace::{Event, Trace};

/// A statement that an empty table lets pass and a full one may refuse.
pub(super) struct Risk<'a> {
    pub(super) event: &'a Event,
    pub(super) table: QualifiedName,
    pub(super) what: What,
    /// It fails on every table that has rows enough; else only where a row is as the new rule forbids.
    pub(super) certain: bool,
}

/// What may be refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum What {
    /// A column that may not be NULL and gets no value.
    AddNotNull(SmolStr),
    /// NULLs of a column that is there.
    SetNotNull(SmolStr),
    /// Duplicates.
    Unique(Vec<SmolStr>),
    /// NULLs or duplicates.
    PrimaryKey(Vec<SmolStr>),
    /// Rows that break a condition, by the constraint's name.
    Check(Option<SmolStr>),
    /// Rows that refer to nothing: columns and the table referred to.
    ForeignKey(Vec<SmolStr>, Name),
    /// Rows that exclude each other.
    Exclude,
}

/// What every old row has in a column that the run adds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// NULL.
    Null,
    /// The same value in all rows.
    Constant,
    /// A value of its own in each row.
    Distinct,
    /// What can't be known.
    Unknown,
}

/// A column of a table.
type ColumnName = (QualifiedName, SmolStr);

/// Tables by name, then schema: a file may make thousands.
#[derive(Default)]
struct Made(BTreeMap<SmolStr, BTreeSet<SmolStr>>);

impl Made {
    fn insert(&mut self, table: QualifiedName) {
        self.0.entry(table.name).or_default().insert(table.schema);
    }

    fn remove(&mut self, table: &QualifiedName) -> bool {
        self.0
            .get_mut(&table.name)
            .is_some_and(|schemas| schemas.remove(&table.schema))
    }

    fn contains(&self, table: &QualifiedName) -> bool {
        self.0
            .get(&table.name)
            .is_some_and(|schemas| schemas.contains(&table.schema))
    }

    /// The first of a name, by schema.
    fn named(&self, name: &SmolStr) -> Option<QualifiedName> {
        let schema = self.0.get(name)?.first()?;
        Some(QualifiedName {
            schema: schema.clone(),
            name: name.clone(),
        })
    }
}

/// What a run has done so far.
pub(super) struct Progress<'a> {
    before: &'a Catalog,
    /// Tables that it made.
    made: Made,
    /// Names that it gave to tables that were there, with the old ones.
    renamed: BTreeMap<QualifiedName, QualifiedName>,
    /// Names that it gave to columns, with the old ones.
    renamed_columns: BTreeMap<ColumnName, SmolStr>,
    /// Tables without a row now.
    emptied: BTreeSet<QualifiedName>,
    /// Tables from which it deleted, or whose rows it looked at first: its author has thought of them.
    looked_after: BTreeSet<QualifiedName>,
    /// Columns that it wrote.
    filled: BTreeSet<ColumnName>,
    /// Columns that it added.
    added: BTreeMap<ColumnName, Value>,
    /// Something ran whose effect on rows is not known.
    opaque: bool,
}

/// All risks of a run, in order. Without those of statements that are not made for certain, of statements that fail as it is
/// and of those that change nothing.
pub(super) fn risks<'a>(trace: &'a Trace, before: &Catalog) -> Vec<Risk<'a>> {
    let mut progress = Progress::new(before);
    let mut found = Vec::new();
    for event in &trace.events {
        if matches!(event.outcome, Outcome::Error(_)) {
            continue;
        }
        let judged = rollback::is_certain(event)
            && matches!(event.outcome, Outcome::Ok)
            && !event.changes.is_empty();
        for statement in flat(&event.statements) {
            if judged {
                let risks = progress.risks_of(statement);
                found.extend(risks.into_iter().map(|(table, what, certain)| Risk {
                    event,
                    table,
                    what,
                    certain,
                }));
            }
            progress.note(statement);
        }
    }
    found
}

/// Statements with those inside DO blocks and WITH, in the order in which they run.
pub(super) fn flat(statements: &[Statement]) -> Vec<&Statement> {
    let mut all = Vec::new();
    for statement in statements {
        let with = match statement {
            Statement::Insert(insert) => insert.with.as_slice(),
            Statement::Update(update) => update.with.as_slice(),
            Statement::Delete(delete) => delete.with.as_slice(),
            Statement::Query(query) => query.with.as_slice(),
            _ => [].as_slice(),
        };
        for member in with {
            all.extend(flat(std::slice::from_ref(&*member.statement)));
        }
        if let Statement::Do(block) = statement {
            block_statements(block, &mut all);
        }
        all.push(statement);
    }
    all
}

fn block_statements<'a>(block: &'a Block, all: &mut Vec<&'a Statement>) {
    pl_statements(&block.body, all);
    for handler in &block.handlers {
        pl_statements(&handler.body, all);
    }
}

fn pl_statements<'a>(statements: &'a [PlStatement], all: &mut Vec<&'a Statement>) {
    for statement in statements {
        match statement {
            PlStatement::Sql { statement, .. } => {
                all.extend(flat(std::slice::from_ref(statement)));
            }
            PlStatement::If { arms, otherwise } => {
                for (_, body) in arms {
                    pl_statements(body, all);
                }
                pl_statements(otherwise, all);
            }
            PlStatement::ForQuery { body, .. }
            | PlStatement::ForExecute { body, .. }
            | PlStatement::ForRange { body, .. }
            | PlStatement::ForEach { body, .. }
            | PlStatement::While { body, .. }
            | PlStatement::Loop { body } => pl_statements(body, all),
            PlStatement::Block(block) => block_statements(block, all),
            _ => {}
        }
    }
}

/// Whether a block does what can't be read: dynamic SQL, a body that is not understood.
fn is_unreadable(block: &Block) -> bool {
    fn any(statements: &[PlStatement]) -> bool {
        statements.iter().any(|statement| match statement {
            PlStatement::Execute { .. }
            | PlStatement::ForExecute { .. }
            | PlStatement::Perform(_)
            | PlStatement::Unknown(_) => true,
            PlStatement::If { arms, otherwise } => {
                arms.iter().any(|(_, body)| any(body)) || any(otherwise)
            }
            PlStatement::ForQuery { body, .. }
            | PlStatement::ForRange { body, .. }
            | PlStatement::ForEach { body, .. }
            | PlStatement::While { body, .. }
            | PlStatement::Loop { body } => any(body),
            PlStatement::Block(block) => is_unreadable(block),
            _ => false,
        })
    }
    block.unreadable.is_some() || any(&block.body)
}

impl<'a> Progress<'a> {
    /// A run that has done nothing yet.
    pub(super) fn new(before: &'a Catalog) -> Self {
        Self {
            before,
            made: Made::default(),
            renamed: BTreeMap::new(),
            renamed_columns: BTreeMap::new(),
            emptied: BTreeSet::new(),
            looked_after: BTreeSet::new(),
            filled: BTreeSet::new(),
            added: BTreeMap::new(),
            opaque: false,
        }
    }

    /// The table that a name means here.
    pub(super) fn table(&self, name: &Name) -> QualifiedName {
        if let Some(schema) = &name.schema {
            return QualifiedName::new(schema, &name.name);
        }
        let public = QualifiedName::new("public", &name.name);
        if self.made.contains(&public) || self.renamed.contains_key(&public) {
            return public;
        }
        if let Some(own) = self.made.named(&name.name) {
            return own;
        }
        words::relation(self.before, name).map_or(public, |found| found.name.clone())
    }

    /// The table as it was before the run, under whatever name.
    fn old(&self, table: &QualifiedName) -> Option<&'a Relation> {
        let name = self.renamed.get(table).unwrap_or(table);
        self.before.relation(name).map(|relation| &**relation)
    }

    /// Whether a table was there before the run, so that it may have rows.
    pub(super) fn is_older(&self, table: &QualifiedName) -> bool {
        table.schema != "pg_temp"
            && !self.made.contains(table)
            && self.old(table).is_none_or(|old| old.kind.is_table())
    }

    /// Whether a column is NULL in every row: the run added it so, and has not written it yet.
    pub(super) fn is_empty(&self, table: &QualifiedName, column: &SmolStr) -> bool {
        self.value(table, column) == Some(Value::Null) && !self.is_filled(table, column)
    }

    /// Whether the run added a column.
    fn adds(&self, table: &QualifiedName, column: &str) -> bool {
        self.added
            .contains_key(&(table.clone(), SmolStr::new(column)))
    }

    fn old_column<'b>(&'b self, table: &QualifiedName, column: &'b SmolStr) -> &'b SmolStr {
        self.renamed_columns
            .get(&(table.clone(), column.clone()))
            .unwrap_or(column)
    }

    fn is_filled(&self, table: &QualifiedName, column: &SmolStr) -> bool {
        self.filled.contains(&(table.clone(), column.clone()))
    }

    fn value(&self, table: &QualifiedName, column: &SmolStr) -> Option<Value> {
        self.added.get(&(table.clone(), column.clone())).copied()
    }

    /// What a statement risks, if its tables have rows: table, what, whether for certain.
    fn risks_of(&self, statement: &Statement) -> Vec<(QualifiedName, What, bool)> {
        match statement {
            Statement::AlterTable(alter) => {
                let table = self.table(&alter.name);
                if !self.is_older(&table) || self.emptied.contains(&table) {
                    return Vec::new();
                }
                alter
                    .commands
                    .iter()
                    .filter_map(|command| self.command(&table, command))
                    .map(|(what, certain)| (table.clone(), what, certain))
                    .collect()
            }
            Statement::CreateIndex(index) if index.unique => {
                let table = self.table(&index.table);
                if !self.is_older(&table) || self.emptied.contains(&table) {
                    return Vec::new();
                }
                self.unique_index(&table, index)
                    .map(|(what, certain)| (table, what, certain))
                    .into_iter()
                    .collect()
            }
            _ => Vec::new(),
        }
    }

    fn command(&self, table: &QualifiedName, command: &AlterTableCommand) -> Option<(What, bool)> {
        match command {
            AlterTableCommand::AddColumn { column, .. } => self.add_column(table, column),
            AlterTableCommand::SetNotNull { column } => self.set_not_null(table, column),
            AlterTableCommand::AddConstraint(constraint) if !constraint.not_valid => {
                self.constraint(table, constraint)
            }
            _ => None,
        }
    }

    fn add_column(&self, table: &QualifiedName, column: &ColumnDefinition) -> Option<(What, bool)> {
        if self
            .old(table)
            .is_some_and(|old| old.column(&column.name).is_some())
        {
            return None;
        }
        let required = column.not_null
            || column.constraints.iter().any(|constraint| {
                matches!(
                    constraint.kind,
                    ConstraintKind::PrimaryKey { .. } | ConstraintKind::NotNull { .. }
                )
            });
        let value = self.value_of(column);
        if required && value == Value::Null {
            return Some((What::AddNotNull(column.name.clone()), true));
        }
        let unique = column
            .constraints
            .iter()
            .any(|constraint| matches!(constraint.kind, ConstraintKind::Unique { .. }));
        (unique && value == Value::Constant)
            .then(|| (What::Unique(vec![column.name.clone()]), true))
    }

    /// What old rows get in a column that is added.
    fn value_of(&self, column: &ColumnDefinition) -> Value {
        if column.identity.is_some() || is_serial(&column.type_name) {
            return Value::Distinct;
        }
        if column.generated.is_some() {
            return Value::Unknown;
        }
        match &column.default {
            None if self.has_default(&column.type_name) => Value::Unknown,
            None | Some(Expr::Value(Datum::Null)) => Value::Null,
            Some(Expr::Value(Datum::Unknown) | Expr::Unknown(_)) => Value::Unknown,
            Some(default) if is_distinct(default) => Value::Distinct,
            Some(_) => Value::Constant,
        }
    }

    /// Whether a type brings a default along, as a domain may.
    fn has_default(&self, type_name: &TypeName) -> bool {
        let public = [SmolStr::new_static("public")];
        self.before
            .find_type(&public, &type_name.name)
            .is_some_and(|found| {
                matches!(
                    found.definition,
                    TypeKind::Domain {
                        default: Some(_),
                        ..
                    } | TypeKind::Open
                )
            })
    }

    fn set_not_null(&self, table: &QualifiedName, column: &SmolStr) -> Option<(What, bool)> {
        let what = What::SetNotNull(column.clone());
        if self.is_filled(table, column) {
            return None;
        }
        match self.value(table, column) {
            Some(Value::Null) => return (!self.opaque).then_some((what, true)),
            Some(_) => return None,
            None => {}
        }
        if self.opaque || self.looked_after.contains(table) {
            return None;
        }
        (!self.never_null(table, column)).then_some((what, false))
    }

    /// Whether a column had no NULL before, as far as the revisions tell: it is a key, a default fills it, or a valid
    /// CHECK says so.
    fn never_null(&self, table: &QualifiedName, column: &SmolStr) -> bool {
        let Some(old) = self.old(table) else {
            return false;
        };
        let name = self.old_column(table, column);
        let by_itself = old.column(name).is_some_and(|found| {
            found.not_null
                || found.identity.is_some()
                || found.generated.is_some()
                || found
                    .default
                    .as_ref()
                    .is_some_and(|default| *default != Expr::Value(Datum::Null))
        });
        by_itself
            || old
                .primary_key()
                .is_some_and(|columns| columns.contains(name))
            || old.check_constraints().any(|constraint| {
                !constraint.definition.not_valid
                    && matches!(&constraint.definition.kind, ConstraintKind::Check(check) if demands_value(check, name))
            })
    }

    fn constraint(
        &self,
        table: &QualifiedName,
        constraint: &ConstraintDefinition,
    ) -> Option<(What, bool)> {
        match &constraint.kind {
            ConstraintKind::Unique {
                columns,
                using_index: None,
                nulls_not_distinct,
                ..
            } => self.unique(table, columns, *nulls_not_distinct, What::Unique),
            ConstraintKind::PrimaryKey {
                columns,
                using_index: None,
                ..
            } => {
                let null = columns.iter().any(|column| {
                    self.value(table, column) == Some(Value::Null) && !self.is_filled(table, column)
                });
                if null && !self.opaque {
                    return Some((What::PrimaryKey(columns.clone()), true));
                }
                self.unique(table, columns, true, What::PrimaryKey)
            }
            ConstraintKind::Check(check) => self.check(table, constraint, check),
            ConstraintKind::ForeignKey {
                columns,
                table: referred,
                ..
            } => self.foreign_key(table, columns, referred),
            ConstraintKind::Exclude { .. } => {
                let safe = self.opaque || self.looked_after.contains(table);
                (!safe).then_some((What::Exclude, false))
            }
            ConstraintKind::NotNull { column } => self.set_not_null(table, column),
            ConstraintKind::Unique { .. } | ConstraintKind::PrimaryKey { .. } => None,
        }
    }

    fn unique_index(&self, table: &QualifiedName, index: &CreateIndex) -> Option<(What, bool)> {
        let mut columns = Vec::new();
        for element in &index.elements {
            columns_of(&element.value, &mut columns);
        }
        let plain = index
            .elements
            .iter()
            .all(|element| matches!(element.value, Expr::Column { .. }));
        let (what, certain) =
            self.unique(table, &columns, index.nulls_not_distinct, What::Unique)?;
        Some((what, certain && plain && index.filter.is_none()))
    }

    fn unique(
        &self,
        table: &QualifiedName,
        columns: &[SmolStr],
        nulls_count: bool,
        what: fn(Vec<SmolStr>) -> What,
    ) -> Option<(What, bool)> {
        if columns.is_empty()
            || self.opaque
            || self.looked_after.contains(table)
            || columns.iter().any(|column| self.is_filled(table, column))
            || self.is_unique_already(table, columns)
        {
            return None;
        }
        let values: Vec<Option<Value>> = columns
            .iter()
            .map(|column| self.value(table, column))
            .collect();
        if values.iter().any(|value| {
            matches!(value, Some(Value::Distinct | Value::Unknown))
                || (*value == Some(Value::Null) && !nulls_count)
        }) {
            return None;
        }
        let certain = values
            .iter()
            .all(|value| matches!(value, Some(Value::Constant | Value::Null)));
        Some((what(columns.to_vec()), certain))
    }

    /// Whether an older key over some of the columns rules duplicates out, or a column numbers its rows.
    fn is_unique_already(&self, table: &QualifiedName, columns: &[SmolStr]) -> bool {
        let Some(old) = self.old(table) else {
            return false;
        };
        let names: Vec<&SmolStr> = columns
            .iter()
            .map(|column| self.old_column(table, column))
            .collect();
        let by_key = old.indexes.iter().any(|index| {
            index.unique
                && index.valid
                && index.filter.is_none()
                && index.elements.iter().all(|element| match &element.value {
                    Expr::Column { name, .. } => names.contains(&name),
                    _ => false,
                })
        });
        by_key
            || names.iter().any(|name| {
                old.column(name).is_some_and(|column| {
                    column.identity.is_some() || column.default.as_ref().is_some_and(is_distinct)
                })
            })
    }

    fn check(
        &self,
        table: &QualifiedName,
        constraint: &ConstraintDefinition,
        check: &Expr,
    ) -> Option<(What, bool)> {
        let mut columns = Vec::new();
        columns_of(check, &mut columns);
        if columns.is_empty()
            || is_doubtful(check)
            || self.opaque
            || self.looked_after.contains(table)
            || columns
                .iter()
                .any(|column| self.is_filled(table, column) || self.adds(table, column))
        {
            return None;
        }
        let implied = self.old(table).is_some_and(|old| {
            old.check_constraints().any(|known| {
                matches!(&known.definition.kind, ConstraintKind::Check(known) if implies(known, check))
            })
        });
        let trivial = columns.len() == 1
            && demands_value(check, &columns[0])
            && self.never_null(table, &columns[0]);
        (!implied && !trivial).then(|| (What::Check(constraint.name.clone()), false))
    }

    fn foreign_key(
        &self,
        table: &QualifiedName,
        columns: &[SmolStr],
        referred: &Name,
    ) -> Option<(What, bool)> {
        if self.opaque
            || self.looked_after.contains(table)
            || columns.iter().any(|column| {
                self.is_filled(table, column)
                    || matches!(
                        self.value(table, column),
                        Some(Value::Null | Value::Unknown)
                    )
            })
        {
            return None;
        }
        let target = self.table(referred);
        let target = self.renamed.get(&target).unwrap_or(&target);
        // a key that takes a constant along on both sides is as good as the older one without it
        let names: Vec<&SmolStr> = columns
            .iter()
            .filter(|column| self.value(table, column) != Some(Value::Constant))
            .map(|column| self.old_column(table, column))
            .collect();
        let known = self.old(table).is_some_and(|old| {
            old.foreign_keys().any(|key| {
                key.references.as_ref() == Some(target)
                    && matches!(&key.definition.kind, ConstraintKind::ForeignKey { columns, .. }
                        if columns.iter().collect::<Vec<_>>() == names)
            })
        });
        (!known).then(|| (What::ForeignKey(columns.to_vec(), referred.clone()), false))
    }

    /// Takes a statement into account.
    pub(super) fn note(&mut self, statement: &Statement) {
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
            Statement::Call { .. } | Statement::Unreadable { .. } => self.opaque = true,
            _ => {}
        }
    }

    fn note_command(&mut self, table: &QualifiedName, command: &AlterTableCommand) {
        match command {
            AlterTableCommand::AddColumn { column, .. } => {
                let value = self.value_of(column);
                self.added
                    .insert((table.clone(), column.name.clone()), value);
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

fn is_serial(type_name: &TypeName) -> bool {
    matches!(
        type_name.name.name.as_str(),
        "serial" | "bigserial" | "smallserial" | "serial4" | "serial8" | "serial2"
    )
}

/// Whether each row gets a value of its own from an expression.
fn is_distinct(expression: &Expr) -> bool {
    match strip(expression) {
        Expr::Value(Datum::Fresh) => true,
        Expr::Call { name, .. } => matches!(
            name.name.as_str(),
            "nextval"
                | "gen_random_uuid"
                | "uuid_generate_v1"
                | "uuid_generate_v1mc"
                | "uuid_generate_v4"
                | "uuidv4"
                | "uuidv7"
                | "random"
                | "clock_timestamp"
        ),
        other => children(other).into_iter().any(is_distinct),
    }
}

/// An expression without its casts.
pub(super) fn strip(expression: &Expr) -> &Expr {
    match expression {
        Expr::Cast { value, .. } => strip(value),
        other => other,
    }
}

/// The columns that an expression reads, each once; a subquery adds none.
pub(super) fn columns_of(expression: &Expr, columns: &mut Vec<SmolStr>) {
    if let Expr::Column { name, .. } = expression
        && !columns.contains(name)
    {
        columns.push(name.clone());
    }
    for child in children(expression) {
        columns_of(child, columns);
    }
}

/// Whether a part of an expression is not known.
fn is_doubtful(expression: &Expr) -> bool {
    matches!(expression, Expr::Unknown(_) | Expr::Value(Datum::Unknown))
        || children(expression).into_iter().any(is_doubtful)
}

/// Whether an expression, or a part of it, asks a subquery.
pub(super) fn asks(expression: &Expr) -> bool {
    subquery(expression).is_some() || children(expression).into_iter().any(asks)
}

/// Whether a condition is `column IS NOT NULL`, alone or beside others.
fn demands_value(check: &Expr, column: &str) -> bool {
    match strip(check) {
        Expr::IsNull {
            value,
            negated: true,
        } => matches!(strip(value), Expr::Column { name, .. } if name == column),
        Expr::And(parts) => parts.iter().any(|part| demands_value(part, column)),
        _ => false,
    }
}

/// Whether every row that an older condition lets pass passes the new one: they are alike, or the new one lists more values.
fn implies(old: &Expr, new: &Expr) -> bool {
    if expressions_alike(old, new) {
        return true;
    }
    match (listed(old), listed(new)) {
        (Some((column, values)), Some((other, more))) => {
            column == other && values.iter().all(|value| more.contains(value))
        }
        _ => false,
    }
}

/// The column and the values of `column IN (...)`, however it is spelled.
fn listed(check: &Expr) -> Option<(&SmolStr, Vec<&Datum>)> {
    fn column(value: &Expr) -> Option<&SmolStr> {
        match strip(value) {
            Expr::Column { name, .. } => Some(name),
            _ => None,
        }
    }
    fn literal(value: &Expr) -> Option<&Datum> {
        match strip(value) {
            Expr::Value(datum) if *datum != Datum::Unknown => Some(datum),
            _ => None,
        }
    }
    match strip(check) {
        Expr::In {
            value,
            list,
            negated: false,
        } => Some((
            column(value)?,
            list.iter().map(literal).collect::<Option<_>>()?,
        )),
        Expr::Quantified {
            value,
            operator,
            array,
            all: false,
        } if operator == "=" => match strip(array) {
            Expr::Array(items) => Some((
                column(value)?,
                items.iter().map(literal).collect::<Option<_>>()?,
            )),
            _ => None,
        },
        Expr::Or(parts) => {
            let mut all = Vec::new();
            let mut of = None;
            for part in parts {
                let (name, values) = listed(part)?;
                if of.is_some_and(|known| known != name) {
                    return None;
                }
                of = Some(name);
                all.extend(values);
            }
            Some((of?, all))
        }
        Expr::Binary {
            operator,
            left,
            right,
        } if operator == "=" => Some((column(left)?, vec![literal(right)?])),
        _ => None,
    }
}
