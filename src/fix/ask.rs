//! What a guard asks: the condition under which a call has something to do, as Python and as the facts behind it.
//!
//! In: a call that goes wrong on a second run, as an event and as written. Out: an [`Ask`]. Names are taken from the
//! call's own arguments, so that a call in a loop or a helper asks about the table of that moment.

mod operation;

use crate::postgres::catalog::QualifiedName;
use crate::postgres::statement::{ConstraintKind, Statement};
use crate::postgres::{Name, ObjectKey, ObjectKind, SqlState};
use crate::replay::Replayed;
use crate::rules::second_run::{Fault, FaultKind};
use crate::source::Span;
use crate::trace::Origin;

use super::code::{Code, Place};
use super::names::named_table;

use operation::Operation;

/// A table as the source names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct TableText {
    /// The expression of its name.
    pub(super) name: String,
    /// The expression of its schema.
    pub(super) schema: Option<String>,
    /// The name itself, where it is a literal.
    pub(super) literal: Option<String>,
}

impl TableText {
    /// The arguments of an Inspector's method.
    pub(super) fn arguments(&self) -> String {
        match &self.schema {
            Some(schema) => format!("{}, schema={schema}", self.name),
            None => self.name.clone(),
        }
    }
}

/// A list that the Inspector gives of a table's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Listing {
    Columns,
    Indexes,
    Unique,
    ForeignKeys,
    Checks,
}

impl Listing {
    /// The Inspector's method.
    pub(super) fn method(self) -> &'static str {
        match self {
            Self::Columns => "get_columns",
            Self::Indexes => "get_indexes",
            Self::Unique => "get_unique_constraints",
            Self::ForeignKeys => "get_foreign_keys",
            Self::Checks => "get_check_constraints",
        }
    }

    /// What a set of its names is called.
    pub(super) fn variable(self) -> &'static str {
        match self {
            Self::Columns => "columns",
            Self::Indexes => "indexes",
            Self::Unique => "unique_constraints",
            Self::ForeignKeys => "foreign_keys",
            Self::Checks => "check_constraints",
        }
    }

    /// What one item of it is called.
    pub(super) fn item(self) -> &'static str {
        match self {
            Self::Columns => "column",
            Self::Indexes => "index",
            Self::Unique | Self::Checks => "constraint",
            Self::ForeignKeys => "key",
        }
    }
}

/// What a guard asks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Ask {
    /// Whether a table is there.
    Table { table: TableText, present: bool },
    /// Whether a table has a part of that name.
    Part {
        listing: Listing,
        table: TableText,
        name: String,
        present: bool,
    },
    /// Whether a table has a primary key.
    PrimaryKey { table: TableText, present: bool },
    /// Whether the first column is there and the second is not.
    RenamedColumn {
        table: TableText,
        old: String,
        new: String,
    },
    /// Whether the first table is there and the second is not.
    RenamedTable { old: TableText, new: TableText },
    /// Whether a sequence is there.
    Sequence { table: TableText, present: bool },
}

/// An [`Ask`] with what the answer hangs on, and edits of the call that it needs.
#[derive(Clone, Debug)]
pub(super) struct Asked {
    pub(super) ask: Ask,
    /// Things whose change makes an earlier answer stale.
    pub(super) keys: Vec<ObjectKey>,
    /// Edits inside the call: a name that it must have.
    pub(super) edits: Vec<(Span, String)>,
}

/// What to ask before the call of a fault at a place.
pub(super) fn asked(
    code: &Code<'_>,
    replayed: &Replayed,
    place: &Place<'_>,
    faults: &[Fault<'_>],
) -> Option<Asked> {
    let fault = faults.first()?;
    let own = fault.event.is_direct();
    if own
        && let Origin::Operation { name, batch } = &fault.event.origin
        && let Some(operation) = Operation::new(code, replayed, place, fault, (name, *batch))
        && let Some(asked) = operation.asked()
    {
        return Some(asked);
    }
    // what is not to be read from the call is read from what it did: only where it does one thing, once
    if !place.is_straight() {
        return None;
    }
    let asked = by_statement(code, replayed, fault)?;
    let others = faults[1..]
        .iter()
        .filter_map(|other| by_statement(code, replayed, other));
    let mut same = true;
    for other in others {
        same &= other.ask == asked.ask || covered(faults);
    }
    same.then_some(asked)
}

/// Whether the first of some faults makes a table and the others are about that table.
fn covered(faults: &[Fault<'_>]) -> bool {
    let Some(Statement::CreateTable(create)) =
        faults.first().and_then(|one| one.event.statements.first())
    else {
        return false;
    };
    faults[1..].iter().all(|other| {
        other
            .event
            .statements
            .first()
            .and_then(Statement::table)
            .is_some_and(|table| *table == create.name)
    })
}

/// The name as the server would resolve it, in the schemas that the revision sees.
pub(super) fn qualified(replayed: &Replayed, name: &Name) -> QualifiedName {
    if let Some(schema) = &name.schema {
        return QualifiedName::new(schema, &name.name);
    }
    let public = QualifiedName::new("public", &name.name);
    let catalogs = [&replayed.after, &replayed.before];
    let there = catalogs.map(|catalog| catalog.relations.contains_key(&public));
    if there.contains(&true) {
        return public;
    }
    let elsewhere = catalogs
        .into_iter()
        .find_map(|catalog| catalog.relations.named(&name.name).next());
    elsewhere.map_or(public, |found| found.name.clone())
}

/// What to ask, from what the server said alone: the thing that is gone, or already there.
fn by_statement(code: &Code<'_>, replayed: &Replayed, fault: &Fault<'_>) -> Option<Asked> {
    let FaultKind::Fails(error) = fault.kind else {
        return None;
    };
    let statement = fault.event.statements.first()?;
    let asked = |ask, keys| Asked {
        ask,
        keys,
        edits: Vec::new(),
    };
    if let Statement::CreateTable(create) = statement {
        let server = qualified(replayed, &create.name);
        let ask = Ask::Table {
            table: named_table(code, &server),
            present: false,
        };
        return Some(asked(ask, vec![server.key(ObjectKind::Table)]));
    }
    let object = error.object.as_ref()?;
    let present = match error.sqlstate {
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN | SqlState::UNDEFINED_OBJECT => true,
        SqlState::DUPLICATE_TABLE | SqlState::DUPLICATE_OBJECT | SqlState::DUPLICATE_COLUMN => {
            false
        }
        _ => return None,
    };
    let parts: Vec<&str> = object.name.split('.').collect();
    let keys = vec![object.clone()];
    match (object.kind, parts.as_slice()) {
        (ObjectKind::Table | ObjectKind::View, [schema, name]) => {
            let table = named_table(code, &QualifiedName::new(schema, name));
            Some(asked(Ask::Table { table, present }, keys))
        }
        (ObjectKind::Sequence, [schema, name]) => {
            let table = named_table(code, &QualifiedName::new(schema, name));
            Some(asked(Ask::Sequence { table, present }, keys))
        }
        (ObjectKind::Column, [schema, table, column]) => {
            let table = QualifiedName::new(schema, table);
            if present && !replayed.after.relations.contains_key(&table) {
                let ask = Ask::Table {
                    table: named_table(code, &table),
                    present,
                };
                return Some(asked(ask, keys));
            }
            let ask = Ask::Part {
                listing: Listing::Columns,
                table: named_table(code, &table),
                name: code.literal(column),
                present,
            };
            Some(asked(
                ask,
                vec![object.clone(), table.key(ObjectKind::Table)],
            ))
        }
        (ObjectKind::Index, [schema, name]) => {
            let index = QualifiedName::new(schema, name);
            let relation = replayed
                .before
                .relations
                .get(&index)
                .or_else(|| replayed.after.relations.get(&index))?;
            let table = relation.index_of.clone()?;
            let ask = Ask::Part {
                listing: Listing::Indexes,
                table: named_table(code, &table),
                name: code.literal(name),
                present,
            };
            Some(asked(
                ask,
                vec![object.clone(), table.key(ObjectKind::Table)],
            ))
        }
        (ObjectKind::Constraint, [schema, table, name]) => {
            let table = QualifiedName::new(schema, table);
            let catalog = if present {
                &replayed.before
            } else {
                &replayed.after
            };
            let relation = catalog.relations.get(&table)?;
            let listing = match &relation.constraint(name)?.definition.kind {
                ConstraintKind::Unique { .. } => Listing::Unique,
                ConstraintKind::ForeignKey { .. } => Listing::ForeignKeys,
                ConstraintKind::Check(_) => Listing::Checks,
                _ => return None,
            };
            let ask = Ask::Part {
                listing,
                table: named_table(code, &table),
                name: code.literal(name),
                present,
            };
            Some(asked(
                ask,
                vec![object.clone(), table.key(ObjectKind::Table)],
            ))
        }
        _ => None,
    }
}
