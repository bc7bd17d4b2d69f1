//! The repair of `missing-downgrade`: a `downgrade()` that undoes what the simulator saw the upgrade do, in reverse order.
//!
//! Written from the events of the first run and the catalog before it, never from the source: loops and helpers are
//! unrolled. Where anything can't be undone for certain there is no proposal. What would lose rows or values is marked with a
//! comment, and the fix is offered as unsafe.

use std::collections::BTreeSet;

use super::ask::qualified;
use super::code::Code;
use super::{Facts, again, setup};
use crate::diagnostic::{Applicability, Diagnostic, Fix};
use crate::postgres::catalog::QualifiedName;
use crate::postgres::name::Quoted;
use crate::postgres::statement::{
    AlterTable, AlterTableCommand, ConstraintKind, Statement, TypeDefinition,
};
use crate::postgres::{Name, ObjectKind, Outcome};
use crate::python::syntax::{ExpressionKind, StatementKind};
use crate::replay::Downgrade;
use crate::source::Span;

/// What undoes one statement.
struct Undone {
    /// Python statements, one a line, without indentation.
    lines: Vec<String>,
    /// What is lost by it, said in a comment.
    loses: Option<String>,
}

/// The proposal for a finding.
pub(super) fn fix(facts: &Facts<'_>, _: &Diagnostic, attempt: usize) -> Option<Fix> {
    (attempt == 0).then(|| proposal(facts))?
}

fn proposal(facts: &Facts<'_>) -> Option<Fix> {
    let first = &facts.replayed.first;
    let certain = first.raised.is_none()
        && first.gaps.is_empty()
        && first.conditions.is_empty()
        && first
            .events
            .iter()
            .all(|event| event.conditional.is_none() && matches!(event.outcome, Outcome::Ok));
    if !certain {
        return None;
    }
    let writer = Writer {
        facts,
        made: made(facts),
    };
    let mut lines: Vec<String> = Vec::new();
    let mut loses = false;
    for event in first.events.iter().rev() {
        for statement in event.statements.iter().rev() {
            let undone = writer.undo(statement)?;
            if let Some(lost) = undone.loses {
                loses = true;
                lines.push(format!("# {lost}"));
            }
            for line in undone.lines {
                if !lines.contains(&line) {
                    lines.push(line);
                }
            }
        }
    }
    if lines.iter().all(|line| line.starts_with('#')) {
        return None;
    }
    let edits = written(facts, &lines)?;
    let applicability = if loses {
        Applicability::Unsafe
    } else {
        Applicability::Safe
    };
    facts.fix(
        "write the `downgrade()` that undoes the upgrade",
        applicability,
        edits,
    )
}

/// Tables that the upgrade makes: all that is on them goes with them.
fn made(facts: &Facts<'_>) -> BTreeSet<QualifiedName> {
    facts
        .replayed
        .first
        .events
        .iter()
        .flat_map(|event| event.statements.iter())
        .filter_map(|statement| match statement {
            Statement::CreateTable(create) => Some(qualified(facts.replayed, &create.name)),
            _ => None,
        })
        .collect()
}

struct Writer<'a, 'b> {
    facts: &'a Facts<'b>,
    made: BTreeSet<QualifiedName>,
}

impl Writer<'_, '_> {
    fn code(&self) -> &Code<'_> {
        self.facts.code
    }

    fn literal(&self, text: &str) -> String {
        self.code().literal(text)
    }

    /// `, schema="s"` where a name has one.
    fn schema(&self, name: &Name, keyword: &str) -> String {
        name.schema.as_ref().map_or(String::new(), |schema| {
            format!(", {keyword}={}", self.literal(schema))
        })
    }

    fn execute(&self, statement: &Statement) -> Option<String> {
        let sql = statement.to_string();
        // what is shortened for people, and what is not known, can't be executed; a colon would be a parameter
        let whole =
            !sql.contains(['…', '\n', '\\']) && !sql.contains("...") && !sql.contains("{?}");
        (whole && crate::sql::named_parameters(&sql).is_empty())
            .then(|| format!("op.execute({})", self.literal(&sql)))
    }

    fn undo(&self, statement: &Statement) -> Option<Undone> {
        let done = |lines: Vec<String>| Some(Undone { lines, loses: None });
        let nothing = || done(Vec::new());
        match statement {
            Statement::CreateTable(create) if !create.temporary => done(vec![format!(
                "op.drop_table({}{})",
                self.literal(&create.name.name),
                self.schema(&create.name, "schema")
            )])
            .map(|undone| Undone {
                loses: Some(format!("drops the rows of {}", create.name)),
                ..undone
            }),
            Statement::CreateType(create) => match create.definition {
                TypeDefinition::Enum { .. } => done(vec![self.drop_enum(&create.name)?]),
                _ => None,
            },
            Statement::CreateIndex(index) => {
                if self
                    .made
                    .contains(&qualified(self.facts.replayed, &index.table))
                {
                    return nothing();
                }
                let name = index.name.as_ref()?;
                done(vec![format!(
                    "op.drop_index({}, table_name={}{})",
                    self.literal(name),
                    self.literal(&index.table.name),
                    self.schema(&index.table, "schema")
                )])
            }
            Statement::AlterTable(alter) => self.undo_alter(alter),
            Statement::Rename(rename) => match (rename.kind, &rename.member) {
                (ObjectKind::Table, None) => done(vec![format!(
                    "op.rename_table({}, {}{})",
                    self.literal(&rename.new_name),
                    self.literal(&rename.name.name),
                    self.schema(&rename.name, "schema")
                )]),
                (ObjectKind::Column, Some(column)) => {
                    if self
                        .made
                        .contains(&qualified(self.facts.replayed, &rename.name))
                    {
                        return nothing();
                    }
                    done(vec![format!(
                        "op.alter_column({}, {}, new_column_name={}{})",
                        self.literal(&rename.name.name),
                        self.literal(&rename.new_name),
                        self.literal(column),
                        self.schema(&rename.name, "schema")
                    )])
                }
                (ObjectKind::Index | ObjectKind::Sequence, None) => {
                    let mut back = (**rename).clone();
                    back.new_name = rename.name.name.clone();
                    back.name.name = rename.new_name.clone();
                    done(vec![self.execute(&Statement::Rename(Box::new(back)))?])
                }
                _ => None,
            },
            Statement::Drop(drop) => {
                if drop.targets.len() != 1 {
                    return None;
                }
                match drop.kind {
                    ObjectKind::Index => {
                        let name = qualified(self.facts.replayed, &drop.targets[0].name);
                        let index = again::index(&self.facts.replayed.before, &name)?;
                        done(vec![self.execute(&index)?])
                    }
                    ObjectKind::Table => {
                        let name = qualified(self.facts.replayed, &drop.targets[0].name);
                        let statements = again::table(self.facts.replayed, &name)?;
                        let lines: Option<Vec<String>> =
                            statements.iter().map(|one| self.execute(one)).collect();
                        Some(Undone {
                            lines: lines?,
                            loses: Some(format!(
                                "the rows of {} are not brought back",
                                drop.targets[0].name
                            )),
                        })
                    }
                    _ => None,
                }
            }
            Statement::Query(_) | Statement::Set { .. } | Statement::Comment { .. } => nothing(),
            _ => None,
        }
    }

    fn drop_enum(&self, name: &Name) -> Option<String> {
        let sqlalchemy = setup::imported_module(self.code(), "sqlalchemy")?;
        Some(format!(
            "{sqlalchemy}.Enum(name={}{}).drop(op.get_bind(), checkfirst=True)",
            self.literal(&name.name),
            self.schema(name, "schema")
        ))
    }

    fn undo_alter(&self, alter: &AlterTable) -> Option<Undone> {
        let table = qualified(self.facts.replayed, &alter.name);
        if self.made.contains(&table) {
            return Some(Undone {
                lines: Vec::new(),
                loses: None,
            });
        }
        let named = self.literal(&alter.name.name);
        let schema = self.schema(&alter.name, "schema");
        let before = self.facts.replayed.before.relations.get(&table)?;
        let mut lines = Vec::new();
        let mut loses = None;
        for command in alter.commands.iter().rev() {
            match command {
                AlterTableCommand::AddColumn { column, .. } => {
                    lines.push(format!(
                        "op.drop_column({named}, {}{schema})",
                        self.literal(&column.name)
                    ));
                    loses = Some(format!(
                        "drops the values of {}.{}",
                        alter.name,
                        Quoted(&column.name)
                    ));
                }
                AlterTableCommand::AddConstraint(constraint) => {
                    let name = constraint.name.as_ref()?;
                    let kind = match constraint.kind {
                        ConstraintKind::Unique { .. } => "unique",
                        ConstraintKind::ForeignKey { .. } => "foreignkey",
                        ConstraintKind::Check(_) => "check",
                        ConstraintKind::PrimaryKey { .. } => "primary",
                        _ => return None,
                    };
                    lines.push(format!(
                        "op.drop_constraint({}, {named}, type_={}{schema})",
                        self.literal(name),
                        self.literal(kind)
                    ));
                }
                AlterTableCommand::DropConstraint { name, .. } => {
                    let constraint = before.constraint(name)?;
                    lines.push(self.again(
                        alter,
                        AlterTableCommand::AddConstraint(Box::new(again::constraint(constraint))),
                    )?);
                }
                AlterTableCommand::DropColumn { name, .. } => {
                    // what went with the column would have to come back too
                    let alone = !before
                        .constraints
                        .iter()
                        .any(|one| one.columns.contains(name))
                        && !before.indexes.iter().any(|one| one.columns.contains(name));
                    let column = before.column(name).filter(|_| alone)?;
                    lines.push(self.again(
                        alter,
                        AlterTableCommand::AddColumn {
                            column: Box::new(again::column(
                                &self.facts.replayed.before,
                                before,
                                column,
                            )),
                            if_not_exists: false,
                        },
                    )?);
                    loses = Some(format!(
                        "the values of {}.{} are not brought back",
                        alter.name,
                        Quoted(name)
                    ));
                }
                AlterTableCommand::SetNotNull { column }
                | AlterTableCommand::DropNotNull { column } => {
                    let nullable = !before.column(column)?.not_null;
                    let nullable = if nullable { "True" } else { "False" };
                    lines.push(format!(
                        "op.alter_column({named}, {}, nullable={nullable}{schema})",
                        self.literal(column)
                    ));
                }
                AlterTableCommand::SetDefault { column, .. } => {
                    let default = before.column(column)?.default.clone();
                    lines.push(self.again(
                        alter,
                        AlterTableCommand::SetDefault {
                            column: column.clone(),
                            default,
                        },
                    )?);
                }
                AlterTableCommand::AlterType {
                    column,
                    using: None,
                    ..
                } => {
                    let old = before.column(column)?;
                    lines.push(self.again(
                        alter,
                        AlterTableCommand::AlterType {
                            column: column.clone(),
                            type_name: old.type_name.clone(),
                            using: None,
                        },
                    )?);
                    loses = Some(format!(
                        "values of {}.{} that the old type can't hold stop it",
                        alter.name,
                        Quoted(column)
                    ));
                }
                _ => return None,
            }
        }
        Some(Undone { lines, loses })
    }

    fn again(&self, alter: &AlterTable, command: AlterTableCommand) -> Option<String> {
        self.execute(&Statement::AlterTable(Box::new(AlterTable {
            kind: alter.kind,
            name: alter.name.clone(),
            if_exists: false,
            only: false,
            commands: vec![command],
        })))
    }
}

/// The edits that put lines into `downgrade()`.
fn written(facts: &Facts<'_>, lines: &[String]) -> Option<Vec<(Span, String)>> {
    let code = facts.code;
    let module = code.module;
    let upgrade = module.top_level_function("upgrade")?;
    let unit = code.unit(upgrade);
    let fitted = |indent: &str| -> String {
        lines
            .iter()
            .flat_map(|line| {
                let line = format!("{indent}{line}");
                if line.trim_start().starts_with('#') {
                    vec![line]
                } else {
                    super::layout::fit(&line, unit, code.limit)
                }
            })
            .collect::<Vec<_>>()
            .join("\n")
    };
    let mut edits = Vec::new();
    if lines.iter().any(|line| line.contains("op."))
        && let Some(edit) = setup::import_of_op(code)
    {
        edits.push(edit);
    }
    match facts.replayed.revision.downgrade {
        Downgrade::Absent | Downgrade::Forward => {
            let returns = if code.slice(upgrade.header).contains("-> None") {
                " -> None"
            } else {
                ""
            };
            let end = code.text.trim_end().len() as u32;
            let rest = Span::new(end, code.text.len() as u32);
            let text = format!("\n\n\ndef downgrade(){returns}:\n{}\n", fitted(unit));
            edits.push((rest, code.with_line_ends(&text)));
        }
        Downgrade::Empty | Downgrade::Explained => {
            let function = module.top_level_function("downgrade")?;
            let body = setup::body(function);
            let empty: Vec<_> = body
                .iter()
                .filter(|statement| match &statement.kind {
                    StatementKind::Pass | StatementKind::Return(_) => true,
                    StatementKind::Expression(id) => {
                        matches!(module.expression(*id).kind, ExpressionKind::Ellipsis)
                    }
                    _ => false,
                })
                .collect();
            if let Some(first) = empty.first() {
                if empty.len() > 1 || !code.has_own_lines(first) {
                    return None;
                }
                let indent = code.indent(first.span.start)?;
                let at = code.line_start(first.span.start);
                let span = Span::new(at, first.span.end);
                edits.push((span, code.with_line_ends(&fitted(indent))));
            } else {
                let last = body.last()?;
                let indent = code.indent(last.span.start)?;
                let end = last.span.end;
                let text = format!("\n{}", fitted(indent));
                edits.push((Span::new(end, end), code.with_line_ends(&text)));
            }
        }
        Downgrade::Raises | Downgrade::Present => return None,
    }
    Some(edits)
}
