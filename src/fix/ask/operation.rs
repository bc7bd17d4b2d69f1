//! What to ask before a call of `op` or of a batch, read from the call's own arguments.

use super::{Ask, Asked, Listing, TableText, qualified};
use crate::fix::code::{Call, Code, Place};
use crate::fix::names::{
    batch_table, call_is_literal, column_name, literal_text, name_text, named_table,
    table_argument, unwrapped,
};
use crate::postgres::catalog::QualifiedName;
use crate::postgres::statement::{AlterTableCommand, ConstraintKind, Statement};
use crate::postgres::{ObjectKey, ObjectKind, SqlState};
use crate::python::syntax::{ExpressionId, ExpressionKind};
use crate::replay::Replayed;
use crate::rules::second_run::{Fault, FaultKind};
use crate::rules::words;
use crate::source::Span;

/// A call that goes wrong on a second run, as written and as executed.
pub(super) struct Operation<'a> {
    code: &'a Code<'a>,
    replayed: &'a Replayed,
    place: &'a Place<'a>,
    fault: &'a Fault<'a>,
    /// `create_index`.
    name: &'a str,
    /// Whether it is a batch's, which has the table.
    batch: bool,
    call: Call<'a>,
    made: &'a Statement,
    /// The table as the server names it.
    server: Option<QualifiedName>,
}

impl<'a> Operation<'a> {
    /// Finds the call in the source; `None` where it can't be read.
    pub(super) fn new(
        code: &'a Code<'a>,
        replayed: &'a Replayed,
        place: &'a Place<'a>,
        fault: &'a Fault<'a>,
        (name, batch): (&'a str, bool),
    ) -> Option<Self> {
        let call = code.call(place.statement()?.span, name)?;
        if call.spreads() {
            return None;
        }
        let made = fault.event.statements.first()?;
        Some(Self {
            code,
            replayed,
            place,
            fault,
            name,
            batch,
            call,
            made,
            server: made.table().map(|name| qualified(replayed, name)),
        })
    }

    /// What to ask.
    pub(super) fn asked(&self) -> Option<Asked> {
        if let Some(asked) = self.of_removed_table() {
            return Some(asked);
        }
        match self.name {
            "create_table" | "drop_table" => {
                let table = self.table(0, &["table_name"])?;
                let present = self.name == "drop_table";
                Some(asked(Ask::Table { table, present }, self.table_keys()))
            }
            "add_column" => {
                let name = column_name(self.code, self.after_table(&["column"])?)?;
                self.column(name, false)
            }
            "drop_column" => {
                let name = name_text(self.code, self.after_table(&["column_name"])?)?;
                self.column(name, true)
            }
            "alter_column" => self.altered_column(),
            "rename_table" => {
                let table = |index, names: &[&str]| {
                    table_argument(self.code, &self.call, index, names, "schema")
                };
                let old = table(0, &["old_table_name"])?;
                let new = table(1, &["new_table_name"])?;
                Some(asked(Ask::RenamedTable { old, new }, self.table_keys()))
            }
            "create_index" | "drop_index" => self.index(),
            "drop_constraint" => self.dropped_constraint(),
            "create_unique_constraint"
            | "create_foreign_key"
            | "create_check_constraint"
            | "create_exclude_constraint"
            | "create_primary_key" => self.constraint(),
            _ => None,
        }
    }

    /// A table that the revision itself removes: its parts can't be asked for on a second run.
    fn of_removed_table(&self) -> Option<Asked> {
        if matches!(self.name, "create_table" | "rename_table") {
            return None;
        }
        let server = self.server.as_ref()?;
        let removed = !self.replayed.after.relations.contains_key(server)
            && self.replayed.before.relations.contains_key(server);
        let ask = Ask::Table {
            table: removed.then(|| self.named_table()).flatten()?,
            present: true,
        };
        Some(asked(ask, vec![server.key(ObjectKind::Table)]))
    }

    /// The table of a call: a batch's, or an argument.
    fn table(&self, index: usize, names: &[&str]) -> Option<TableText> {
        if self.batch {
            return batch_table(self.code, self.place, &self.call);
        }
        table_argument(self.code, &self.call, index, names, "schema")
    }

    /// The table, where the operation has it.
    fn named_table(&self) -> Option<TableText> {
        match self.name {
            "drop_constraint"
            | "create_index"
            | "drop_index"
            | "create_unique_constraint"
            | "create_check_constraint"
            | "create_exclude_constraint"
            | "create_primary_key" => self.table(1, &["table_name"]),
            "create_foreign_key" if !self.batch => {
                let names = ["source_table"];
                table_argument(self.code, &self.call, 1, &names, "source_schema")
            }
            _ => self.table(0, &["table_name"]),
        }
    }

    /// The argument behind the table, which a batch's call is without.
    fn after_table(&self, names: &[&str]) -> Option<ExpressionId> {
        self.call.argument(usize::from(!self.batch), names)
    }

    fn table_keys(&self) -> Vec<ObjectKey> {
        let server = self.server.iter();
        server.map(|name| name.key(ObjectKind::Table)).collect()
    }

    fn part_keys(&self, kind: ObjectKind, member: &str) -> Vec<ObjectKey> {
        let parts = self.server.iter();
        self.table_keys()
            .into_iter()
            .chain(parts.map(|table| table.member(kind, member)))
            .collect()
    }

    fn column(&self, name: String, present: bool) -> Option<Asked> {
        let ask = Ask::Part {
            listing: Listing::Columns,
            table: self.table(0, &["table_name"])?,
            name,
            present,
        };
        let server = words::columns(self.made).first().map(ToString::to_string);
        let keys = self.part_keys(ObjectKind::Column, &server.unwrap_or_default());
        Some(asked(ask, keys))
    }

    fn altered_column(&self) -> Option<Asked> {
        let table = self.table(0, &["table_name"])?;
        let old = name_text(self.code, self.after_table(&["column_name"])?)?;
        let keys = vec![self.server.as_ref()?.key(ObjectKind::Table)];
        if let Some(new) = self.call.keyword("new_column_name") {
            let new = name_text(self.code, new)?;
            return Some(asked(Ask::RenamedColumn { table, old, new }, keys));
        }
        // only where the column is gone: anything else is no matter of being there
        let gone = matches!(self.fault.kind, FaultKind::Fails(error) if error.sqlstate == SqlState::UNDEFINED_COLUMN);
        let ask = Ask::Part {
            listing: Listing::Columns,
            table,
            name: old,
            present: true,
        };
        gone.then(|| asked(ask, keys))
    }

    fn dropped_constraint(&self) -> Option<Asked> {
        let table = self.table(1, &["table_name"])?;
        let argument = self.call.argument(0, &["constraint_name"])?;
        let name = name_text(self.code, argument)?;
        let Statement::AlterTable(alter) = self.made else {
            return None;
        };
        let constraint = alter.commands.iter().find_map(|command| match command {
            AlterTableCommand::DropConstraint { name, .. } => Some(name),
            _ => None,
        })?;
        let keys = self.part_keys(ObjectKind::Constraint, constraint);
        let present = true;
        let relation = self.replayed.before.relations.get(self.server.as_ref()?)?;
        let listing = match &relation.constraint(constraint)?.definition.kind {
            ConstraintKind::PrimaryKey { .. } => {
                return Some(asked(Ask::PrimaryKey { table, present }, keys));
            }
            ConstraintKind::Unique { .. } => Listing::Unique,
            ConstraintKind::ForeignKey { .. } => Listing::ForeignKeys,
            ConstraintKind::Check(_) => Listing::Checks,
            // the Inspector knows of an exclusion constraint by its index alone
            ConstraintKind::Exclude { .. } => Listing::Indexes,
            ConstraintKind::NotNull { .. } => return None,
        };
        let ask = Ask::Part {
            listing,
            table,
            name,
            present,
        };
        Some(asked(ask, keys))
    }

    fn index(&self) -> Option<Asked> {
        let present = self.name == "drop_index";
        let (server, own) = match self.made {
            Statement::CreateIndex(create) => (
                qualified(self.replayed, &create.table),
                create.name.as_deref().map(ToOwned::to_owned),
            ),
            Statement::Drop(drop) => {
                let index = qualified(self.replayed, &drop.targets.first()?.name);
                let before = self.replayed.before.relations.get(&index);
                let relation = before.or_else(|| self.replayed.after.relations.get(&index));
                // one that the revision itself makes and drops is in neither
                let table = relation.and_then(|relation| relation.index_of.clone());
                (table?, Some(index.name.to_string()))
            }
            _ => return None,
        };
        let table = match self.table(1, &["table_name"]) {
            Some(table) => table,
            // the name of an index alone says nothing of its table; the catalog does
            None if present && call_is_literal(self.code, &self.call, 0, &["index_name"]) => {
                named_table(self.code, &server)
            }
            None => return None,
        };
        let (text, edits) = self.name_or_given("index_name", own.as_deref())?;
        let own = QualifiedName::new(&server.schema, own.as_deref().unwrap_or_default());
        Some(Asked {
            ask: Ask::Part {
                listing: Listing::Indexes,
                table,
                name: text,
                present,
            },
            keys: vec![server.key(ObjectKind::Table), own.key(ObjectKind::Index)],
            edits,
        })
    }

    fn constraint(&self) -> Option<Asked> {
        let table = self.named_table()?;
        let Statement::AlterTable(alter) = self.made else {
            return None;
        };
        let server = qualified(self.replayed, &alter.name);
        let own = alter.commands.iter().find_map(|command| match command {
            AlterTableCommand::AddConstraint(constraint) => constraint.name.as_deref(),
            _ => None,
        });
        let table_key = server.key(ObjectKind::Table);
        let present = false;
        let listing = match self.name {
            "create_primary_key" => {
                let ask = Ask::PrimaryKey { table, present };
                return Some(asked(ask, vec![table_key]));
            }
            "create_unique_constraint" => Listing::Unique,
            "create_foreign_key" => Listing::ForeignKeys,
            "create_check_constraint" => Listing::Checks,
            _ => Listing::Indexes,
        };
        let (name, edits) = self.name_or_given("constraint_name", own)?;
        let member = server.member(ObjectKind::Constraint, own.unwrap_or_default());
        Some(Asked {
            ask: Ask::Part {
                listing,
                table,
                name,
                present,
            },
            keys: vec![table_key, member],
            edits,
        })
    }

    /// The name of an index or constraint as text; one that the server would make up is written into the call.
    fn name_or_given(
        &self,
        argument: &str,
        own: Option<&str>,
    ) -> Option<(String, Vec<(Span, String)>)> {
        let code = self.code;
        let argument = self.call.argument(0, &[argument]);
        let literal = argument.and_then(|id| literal_text(code, unwrapped(code, id)));
        if let (Some(literal), Some(own)) = (literal, own)
            && literal != own
        {
            // a naming convention makes another of it, or the server cuts it
            return Some((code.literal(own), Vec::new()));
        }
        if let Some(written) = argument.and_then(|id| name_text(code, id)) {
            return Some((written, Vec::new()));
        }
        if let Some(own) = own {
            // a naming convention made it: the call may go without
            return Some((code.literal(own), Vec::new()));
        }
        let literal = code.literal(self.made_up_name()?);
        let edit = match argument {
            Some(id) if matches!(code.module.expression(id).kind, ExpressionKind::None) => {
                (code.module.expression(id).span, literal.clone())
            }
            Some(_) => return None,
            None => {
                let named = self.call.keyword("columns").is_some();
                if !named && self.call.positional(0).is_some() {
                    return None;
                }
                let open = code.module.expression(self.call.callee).span.end + 1;
                let text = format!("constraint_name={literal}, ");
                (Span::new(open, open), text)
            }
        };
        Some((literal, vec![edit]))
    }

    /// The one name that the server gave to what the call made.
    fn made_up_name(&self) -> Option<&str> {
        let mut made = self
            .replayed
            .first
            .events
            .iter()
            .filter(|event| event.site == self.fault.event.site)
            .flat_map(|event| &event.changes)
            .filter(|key| matches!(key.kind, ObjectKind::Constraint | ObjectKind::Index))
            .map(words::last_part);
        let first = made.next()?;
        made.all(|other| other == first).then_some(first)
    }
}

fn asked(ask: Ask, keys: Vec<ObjectKey>) -> Asked {
    Asked {
        ask,
        keys,
        edits: Vec::new(),
    }
}
