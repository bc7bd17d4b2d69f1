//! What a guard asks: the condition under which a call has something to do, as Python and as the facts behind it.
//!
//! In: a call that goes wrong on a second run, as an event and as written. Out: an [`Ask`]. Names are taken from the
//! call's own arguments, so that a call in a loop or a helper asks about the table of that moment.

use crate::postgres::catalog::QualifiedName;
use crate::postgres::statement::{ConstraintKind, Statement};
use crate::postgres::{Name, ObjectKey, ObjectKind, SqlState};
use crate::python::syntax::{ExpressionId, ExpressionKind};
use crate::replay::Replayed;
use crate::rules::second_run::{Fault, FaultKind};
use crate::rules::words;
use crate::source::Span;
use crate::trace::Origin;

use super::code::{Call, Code, Place};
use super::names::{
    batch_table, call_is_literal, column_name, literal_text, name_text, named_table,
    table_argument, unwrapped,
};

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
    let own = fault.event.innermost == fault.event.site;
    if own
        && let Origin::Operation { name, batch } = &fault.event.origin
        && let Some(asked) = operation(code, replayed, place, fault, name, *batch)
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
            .and_then(words::table)
            .is_some_and(|table| *table == create.name)
    })
}

fn operation(
    code: &Code<'_>,
    replayed: &Replayed,
    place: &Place<'_>,
    fault: &Fault<'_>,
    name: &str,
    batch: bool,
) -> Option<Asked> {
    let statement = place.statement()?;
    let call = code.call(statement.span, name)?;
    if call.spreads() {
        return None;
    }
    let made = fault.event.statements.first()?;
    let shift = usize::from(!batch);
    let on = |index: usize, names: &[&str]| -> Option<TableText> {
        if batch {
            batch_table(code, place, &call)
        } else {
            table_argument(code, &call, index, names, "schema")
        }
    };
    let server_name = words::table(made).map(|name| qualified(replayed, name));
    let asked = |ask: Ask, keys: Vec<ObjectKey>| Asked {
        ask,
        keys,
        edits: Vec::new(),
    };
    let table_key = |name: &QualifiedName| name.key(ObjectKind::Table);
    let part_keys = |kind: ObjectKind, member: &str| -> Vec<ObjectKey> {
        server_name
            .iter()
            .flat_map(|table| [table_key(table), table.member(kind, member)])
            .collect()
    };
    // a table that the revision itself removes: its parts can't be asked for on a second run
    if name != "create_table"
        && let Some(table) = table_of(code, place, &call, name, batch)
        && let Some(server) = &server_name
        && !replayed.after.relations.contains_key(server)
        && replayed.before.relations.contains_key(server)
        && name != "rename_table"
    {
        let ask = Ask::Table {
            table,
            present: true,
        };
        return Some(asked(ask, vec![table_key(server)]));
    }
    match name {
        "create_table" | "drop_table" => {
            let table = on(0, &["table_name"])?;
            let key = server_name.iter().map(table_key).collect();
            let present = name == "drop_table";
            Some(asked(Ask::Table { table, present }, key))
        }
        "add_column" | "drop_column" => {
            let present = name == "drop_column";
            let table = on(0, &["table_name"])?;
            let name = if present {
                name_text(code, call.argument(shift, &["column_name"])?)?
            } else {
                column_name(code, call.argument(shift, &["column"])?)?
            };
            let server = words::columns(made).first().map(ToString::to_string);
            let keys = part_keys(ObjectKind::Column, &server.unwrap_or_default());
            let ask = Ask::Part {
                listing: Listing::Columns,
                table,
                name,
                present,
            };
            Some(asked(ask, keys))
        }
        "alter_column" => {
            let table = on(0, &["table_name"])?;
            let old = name_text(code, call.argument(shift, &["column_name"])?)?;
            let server = server_name.clone()?;
            match call.keyword("new_column_name") {
                Some(new) => {
                    let new = name_text(code, new)?;
                    Some(asked(
                        Ask::RenamedColumn { table, old, new },
                        vec![table_key(&server)],
                    ))
                }
                None => {
                    let ask = Ask::Part {
                        listing: Listing::Columns,
                        table,
                        name: old,
                        present: true,
                    };
                    // only where the column is gone: anything else is no matter of being there
                    matches!(fault.kind, FaultKind::Fails(error) if error.sqlstate == SqlState::UNDEFINED_COLUMN)
                        .then(|| asked(ask, vec![table_key(&server)]))
                }
            }
        }
        "rename_table" => {
            let old = table_argument(code, &call, 0, &["old_table_name"], "schema")?;
            let new = table_argument(code, &call, 1, &["new_table_name"], "schema")?;
            let keys = server_name.iter().map(table_key).collect();
            Some(asked(Ask::RenamedTable { old, new }, keys))
        }
        "create_index" | "drop_index" => index(code, replayed, place, fault, &call, name, batch),
        "drop_constraint" => {
            let table = on(1, &["table_name"])?;
            let name = name_text(code, call.argument(0, &["constraint_name"])?)?;
            let server = server_name.clone()?;
            let Statement::AlterTable(alter) = made else {
                return None;
            };
            let constraint = alter.commands.iter().find_map(|command| match command {
                crate::postgres::statement::AlterTableCommand::DropConstraint { name, .. } => {
                    Some(name.clone())
                }
                _ => None,
            })?;
            let kind = dropped_kind(replayed, &server, &constraint, fault);
            let keys = part_keys(ObjectKind::Constraint, &constraint);
            let listing = match kind? {
                Dropped::PrimaryKey => {
                    let ask = Ask::PrimaryKey {
                        table,
                        present: true,
                    };
                    return Some(asked(ask, keys));
                }
                Dropped::Listed(listing) => listing,
            };
            let ask = Ask::Part {
                listing,
                table,
                name,
                present: true,
            };
            Some(asked(ask, keys))
        }
        "create_unique_constraint"
        | "create_foreign_key"
        | "create_check_constraint"
        | "create_exclude_constraint"
        | "create_primary_key" => constraint(code, replayed, place, fault, &call, name, batch),
        _ => None,
    }
}

/// The table of an operation, for the check that it is there at all.
fn table_of(
    code: &Code<'_>,
    place: &Place<'_>,
    call: &Call<'_>,
    operation: &str,
    batch: bool,
) -> Option<TableText> {
    if batch {
        return batch_table(code, place, call);
    }
    match operation {
        "drop_constraint"
        | "create_index"
        | "drop_index"
        | "create_unique_constraint"
        | "create_check_constraint"
        | "create_exclude_constraint"
        | "create_primary_key" => table_argument(code, call, 1, &["table_name"], "schema"),
        "create_foreign_key" => table_argument(code, call, 1, &["source_table"], "source_schema"),
        _ => table_argument(code, call, 0, &["table_name"], "schema"),
    }
}

fn index(
    code: &Code<'_>,
    replayed: &Replayed,
    place: &Place<'_>,
    fault: &Fault<'_>,
    call: &Call<'_>,
    name: &str,
    batch: bool,
) -> Option<Asked> {
    let present = name == "drop_index";
    let statement = fault.event.statements.first()?;
    let (server, own) = match statement {
        Statement::CreateIndex(create) => (qualified(replayed, &create.table), create.name.clone()),
        Statement::Drop(drop) => {
            let index = qualified(replayed, &drop.targets.first()?.name);
            let relation = replayed
                .before
                .relations
                .get(&index)
                .or_else(|| replayed.after.relations.get(&index));
            // one that the revision itself makes and drops is in neither
            let table = relation.and_then(|relation| relation.index_of.clone());
            (table?, Some(index.name))
        }
        _ => return None,
    };
    let written = if batch {
        batch_table(code, place, call)
    } else {
        table_argument(code, call, 1, &["table_name"], "schema")
    };
    let table = match written {
        Some(table) => table,
        // the name of an index alone says nothing of its table; the catalog does
        None if present && call_is_literal(code, call, 0, &["index_name"]) => {
            named_table(code, &server)
        }
        None => return None,
    };
    let (text, edits) = name_or_given(
        code,
        replayed,
        fault,
        call,
        call.argument(0, &["index_name"]),
        own.as_deref(),
    )?;
    let keys = vec![
        server.key(ObjectKind::Table),
        QualifiedName::new(&server.schema, own.as_deref().unwrap_or_default())
            .key(ObjectKind::Index),
    ];
    Some(Asked {
        ask: Ask::Part {
            listing: Listing::Indexes,
            table,
            name: text,
            present,
        },
        keys,
        edits,
    })
}

fn constraint(
    code: &Code<'_>,
    replayed: &Replayed,
    place: &Place<'_>,
    fault: &Fault<'_>,
    call: &Call<'_>,
    name: &str,
    batch: bool,
) -> Option<Asked> {
    let foreign = name == "create_foreign_key";
    let table = if batch {
        batch_table(code, place, call)?
    } else if foreign {
        table_argument(code, call, 1, &["source_table"], "source_schema")?
    } else {
        table_argument(code, call, 1, &["table_name"], "schema")?
    };
    let Statement::AlterTable(alter) = fault.event.statements.first()? else {
        return None;
    };
    let server = qualified(replayed, &alter.name);
    let own = alter.commands.iter().find_map(|command| match command {
        crate::postgres::statement::AlterTableCommand::AddConstraint(constraint) => {
            constraint.name.clone()
        }
        _ => None,
    });
    let table_key = server.key(ObjectKind::Table);
    if name == "create_primary_key" {
        return Some(Asked {
            ask: Ask::PrimaryKey {
                table,
                present: false,
            },
            keys: vec![table_key],
            edits: Vec::new(),
        });
    }
    let listing = match name {
        "create_unique_constraint" => Listing::Unique,
        "create_foreign_key" => Listing::ForeignKeys,
        "create_check_constraint" => Listing::Checks,
        // the Inspector knows of an exclusion constraint by its index alone
        _ => Listing::Indexes,
    };
    let (text, edits) = name_or_given(
        code,
        replayed,
        fault,
        call,
        call.argument(0, &["constraint_name"]),
        own.as_deref(),
    )?;
    let member = own.as_deref().unwrap_or_default();
    Some(Asked {
        ask: Ask::Part {
            listing,
            table,
            name: text,
            present: false,
        },
        keys: vec![table_key, server.member(ObjectKind::Constraint, member)],
        edits,
    })
}

/// The name of an index or constraint as text; one that the server would make up is written into the call.
fn name_or_given(
    code: &Code<'_>,
    replayed: &Replayed,
    fault: &Fault<'_>,
    call: &Call<'_>,
    argument: Option<ExpressionId>,
    own: Option<&str>,
) -> Option<(String, Vec<(Span, String)>)> {
    let written = argument.and_then(|id| name_text(code, id));
    let literal = argument.and_then(|id| literal_text(code, unwrapped(code, id)));
    if let (Some(literal), Some(own)) = (literal, own)
        && literal != own
    {
        // a naming convention makes another of it, or the server cuts it
        return Some((code.literal(own), Vec::new()));
    }
    if let Some(written) = written {
        return Some((written, Vec::new()));
    }
    if let Some(own) = own {
        // a naming convention made it: the call may go without
        return Some((code.literal(own), Vec::new()));
    }
    let made: Vec<&ObjectKey> = replayed
        .first
        .events
        .iter()
        .filter(|event| event.site == fault.event.site)
        .flat_map(|event| &event.changes)
        .filter(|key| matches!(key.kind, ObjectKind::Constraint | ObjectKind::Index))
        .collect();
    let first = words::last_part(made.first()?);
    if made.iter().any(|key| words::last_part(key) != first) {
        return None;
    }
    let literal = code.literal(first);
    let edit = match argument {
        Some(id) if matches!(code.module.expression(id).kind, ExpressionKind::None) => {
            (code.module.expression(id).span, literal.clone())
        }
        Some(_) => return None,
        None => {
            let keyword = if call.keyword("columns").is_some() || call.positional(0).is_none() {
                "constraint_name"
            } else {
                return None;
            };
            let open = code.module.expression(call.callee).span.end + 1;
            (Span::new(open, open), format!("{keyword}={literal}, "))
        }
    };
    Some((literal, vec![edit]))
}

enum Dropped {
    PrimaryKey,
    Listed(Listing),
}

/// What kind of constraint it is that is dropped, as the catalog knows it.
fn dropped_kind(
    replayed: &Replayed,
    table: &QualifiedName,
    name: &str,
    _fault: &Fault<'_>,
) -> Option<Dropped> {
    let relation = replayed.before.relations.get(table)?;
    match &relation.constraint(name)?.definition.kind {
        ConstraintKind::PrimaryKey { .. } => Some(Dropped::PrimaryKey),
        ConstraintKind::Unique { .. } => Some(Dropped::Listed(Listing::Unique)),
        ConstraintKind::ForeignKey { .. } => Some(Dropped::Listed(Listing::ForeignKeys)),
        ConstraintKind::Check(_) => Some(Dropped::Listed(Listing::Checks)),
        ConstraintKind::Exclude { .. } => Some(Dropped::Listed(Listing::Indexes)),
        ConstraintKind::NotNull { .. } => None,
    }
}

/// The name as the server would resolve it, in the schemas that the revision sees.
pub(super) fn qualified(replayed: &Replayed, name: &Name) -> QualifiedName {
    if let Some(schema) = &name.schema {
        return QualifiedName::new(schema, &name.name);
    }
    let there = [&replayed.before, &replayed.after]
        .into_iter()
        .flat_map(|catalog| catalog.relations.keys())
        .find(|found| found.name == name.name && found.schema == "public");
    there
        .cloned()
        .or_else(|| {
            [&replayed.after, &replayed.before]
                .into_iter()
                .flat_map(|catalog| catalog.relations.keys())
                .find(|found| found.name == name.name)
                .cloned()
        })
        .unwrap_or_else(|| QualifiedName::new("public", &name.name))
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
