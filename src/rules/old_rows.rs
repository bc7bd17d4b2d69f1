//! What a run does to rows that were there before it: the facts on which the data rules stand.
//!
//! The simulated database has the rows that revisions insert and no others; a real one is full. So this walks over a
//! trace and keeps what the run has made, filled and emptied so far, and tells the statements that an empty table lets
//! pass and a full one may not.

mod expressions;
mod note;
mod statements;

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use super::{rollback, words};
use crate::postgres::catalog::{Catalog, Presence, QualifiedName, Relation, TypeKind};
use crate::postgres::expression::Expr;
use crate::postgres::name::Name;
use crate::postgres::statement::{
    AlterTableCommand, ColumnDefinition, ConstraintDefinition, ConstraintKind, CreateIndex, Insert,
    Statement,
};
use crate::postgres::{Datum, Outcome, TypeName};
use crate::trace::{Event, Trace};

pub(super) use expressions::{asks, columns_of, strip};
pub(super) use statements::flat;

use expressions::{
    conjuncts, demands_value, fails_for, implies, is_distinct, is_doubtful, is_serial,
};
use statements::is_unreadable;

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
    /// Duplicates of expressions, as they are written.
    UniqueOf(Vec<String>),
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
struct Made(BTreeSet<QualifiedName>);

impl Made {
    fn insert(&mut self, table: QualifiedName) {
        self.0.insert(table);
    }

    fn remove(&mut self, table: &QualifiedName) -> bool {
        self.0.remove(table)
    }

    fn contains(&self, table: &QualifiedName) -> bool {
        self.0.contains(table)
    }

    /// The first of a name, by schema.
    fn named(&self, name: &SmolStr) -> Option<QualifiedName> {
        let mut behind = self.0.range(QualifiedName::new("", name)..);
        behind.next().filter(|table| table.name == *name).cloned()
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
    /// Columns whose values it read from the whole table: where it looks for duplicates in Python, say.
    read: BTreeSet<ColumnName>,
    /// Columns that it wrote.
    filled: BTreeSet<ColumnName>,
    /// Columns that it added.
    added: BTreeMap<ColumnName, Value>,
    /// What old rows have in a column that it added with a literal as its default.
    defaults: BTreeMap<ColumnName, Datum>,
    /// What it inserted by values, and the tables.
    inserted: Vec<(QualifiedName, &'a Insert)>,
    /// Something ran whose effect on rows is not known.
    opaque: bool,
}

/// All risks of a run, in order. Without those of statements that are not made for certain, of statements that fail as it is
/// and of those that change nothing.
pub(super) fn risks<'a>(trace: &'a Trace, before: &'a Catalog) -> Vec<Risk<'a>> {
    let mut progress = Progress::new(before);
    let mut found = Vec::new();
    for event in &trace.events {
        if matches!(event.outcome, Outcome::Error(_)) {
            continue;
        }
        // behind an error the server refuses whatever comes: nothing is known of what a repaired revision finds
        let judged = !event.aborted
            && rollback::is_certain(event)
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
            read: BTreeSet::new(),
            filled: BTreeSet::new(),
            added: BTreeMap::new(),
            defaults: BTreeMap::new(),
            inserted: Vec::new(),
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

    /// Whether revisions made the table, so that its keys are known. Of one that is only used, a key may rule out whatever a
    /// new one forbids.
    fn is_known(&self, table: &QualifiedName) -> bool {
        self.old(table)
            .is_some_and(|old| old.presence != Presence::Assumed && !old.columns_open)
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

    fn is_read(&self, table: &QualifiedName, column: &SmolStr) -> bool {
        self.read.contains(&(table.clone(), column.clone()))
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
                    .filter(|(_, certain)| *certain || self.is_known(&table))
                    .map(|(what, certain)| (table.clone(), what, certain))
                    .collect()
            }
            Statement::CreateIndex(index) if index.unique => {
                let table = self.table(&index.table);
                if !self.is_older(&table) || self.emptied.contains(&table) {
                    return Vec::new();
                }
                self.unique_index(&table, index)
                    .filter(|(_, certain)| *certain || self.is_known(&table))
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
        match column.default.as_deref() {
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
                    .is_some_and(|default| **default != Expr::Value(Datum::Null))
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
            } => self.unique(table, columns, *nulls_not_distinct, None, What::Unique),
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
                self.unique(table, columns, true, None, What::PrimaryKey)
            }
            ConstraintKind::Check(check) => self.check(table, constraint, check),
            ConstraintKind::ForeignKey {
                columns,
                table: referred,
                referenced,
                ..
            } => self.foreign_key(table, columns, referred, referenced),
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
        let filter = index.filter.as_deref();
        let nulls_count = index.nulls_not_distinct;
        let (what, certain) = self.unique(table, &columns, nulls_count, filter, What::Unique)?;
        if plain {
            return Some((what, certain && filter.is_none()));
        }
        let elements = index
            .elements
            .iter()
            .map(|element| element.value.to_string());
        Some((What::UniqueOf(elements.collect()), false))
    }

    fn unique(
        &self,
        table: &QualifiedName,
        columns: &[SmolStr],
        nulls_count: bool,
        filter: Option<&Expr>,
        what: fn(Vec<SmolStr>) -> What,
    ) -> Option<(What, bool)> {
        if columns.is_empty()
            || self.opaque
            || self.looked_after.contains(table)
            || columns.iter().any(|column| self.is_filled(table, column))
            || columns.iter().all(|column| self.is_read(table, column))
            || self.is_unique_already(table, columns, filter)
            || filter.is_some_and(|filter| self.passes_over(table, filter))
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

    /// Whether a condition holds for no row that was there before, by what these have in the columns that the run added.
    fn passes_over(&self, table: &QualifiedName, filter: &Expr) -> bool {
        conjuncts(filter).iter().any(|part| {
            let mut columns = Vec::new();
            columns_of(part, &mut columns);
            columns.iter().any(|column| {
                let name = (table.clone(), column.clone());
                let value = match self.added.get(&name) {
                    Some(Value::Null) => Some(&Datum::Null),
                    _ => self.defaults.get(&name),
                };
                !self.is_filled(table, column)
                    && value.is_some_and(|value| fails_for(part, column, value))
            })
        })
    }

    /// Whether an older key over some of the columns rules duplicates out, or a column numbers its rows.
    fn is_unique_already(
        &self,
        table: &QualifiedName,
        columns: &[SmolStr],
        filter: Option<&Expr>,
    ) -> bool {
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
                // a partial one holds for the rows that the new one looks at
                && index.filter.as_ref().is_none_or(|old| {
                    filter.is_some_and(|filter| {
                        conjuncts(old).iter().all(|part| {
                            conjuncts(filter).iter().any(|own| implies(own, part))
                        })
                    })
                })
                && index.elements.iter().all(|element| match &element.value {
                    Expr::Column { name, .. } => names.contains(&name),
                    _ => false,
                })
        });
        by_key
            || names.iter().any(|name| {
                old.column(name).is_some_and(|column| {
                    column.identity.is_some() || column.default.as_deref().is_some_and(is_distinct)
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
        referenced: &[SmolStr],
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
        if self.refers_to_seed(table, columns, &target, referenced) {
            return None;
        }
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
}
