//! `unnamed-constraint`: a constraint added without a name is there once more after each run.

use super::guards::{self, Verdict};
use super::missing_guard::{self, Cause, WHEN};
use super::second_run::{Fault, FaultKind};
use super::{Check, Context, Rule, issued_elsewhere, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::name::Quoted;
use crate::postgres::statement::{
    AlterTableCommand, ConstraintDefinition, ConstraintKind, Statement,
};
use crate::postgres::{Name, ObjectKind};
use crate::replay::Replayed;
use crate::trace::{Event, Origin};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "unnamed-constraint",
        summary: "a constraint is added without a name: a second run adds it once more, and only the server knows what to drop",
        tags: &["rollback", "rerun"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/unnamed-constraint.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    context
        .schema_causes()
        .iter()
        .filter(|cause| guards::verdict(&cause.faults[0]) == Verdict::Unnamed)
        .map(|cause| report(context, cause))
        .collect()
}

/// Whether a fault is a constraint without a name that a second run adds once more.
pub(super) fn is_it(fault: &Fault<'_>) -> bool {
    matches!(fault.kind, FaultKind::Changes) && unnamed(fault.event).is_some()
}

/// The constraint without a name that a call adds to a table that is there, and the table.
fn unnamed(event: &Event) -> Option<(&Name, &ConstraintDefinition)> {
    event.statements.iter().find_map(|statement| {
        let Statement::AlterTable(alter) = statement else {
            return None;
        };
        alter.commands.iter().find_map(|command| {
            let constraint = match command {
                AlterTableCommand::AddConstraint(constraint) => Some(&**constraint),
                AlterTableCommand::AddColumn { column, .. } => column.constraints.first(),
                _ => None,
            }?;
            constraint
                .name
                .is_none()
                .then_some((&alter.name, constraint))
        })
    })
}

fn report(context: &Context<'_>, cause: &Cause<'_>) -> Diagnostic {
    let event = cause.faults[0].event;
    let made = made_names(context.replayed, event);
    let name = match made.as_slice() {
        [] => String::new(),
        [first, ..] => format!(", `{}` the first time", Quoted(first)),
    };
    let message = format!(
        "{} adds one more constraint each time it runs, without an error ({WHEN}); what to drop only the server knows, since it makes up the name{name}",
        words::call(event),
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(remedy(event));
    diagnostic.labels.extend(issued_elsewhere(event));
    if let Some(drop) = dropped_by(context.replayed, &made) {
        diagnostic.labels.push(label(
            drop.site,
            "the downgrade drops the one that the first run made, and no other",
        ));
    }
    missing_guard::add_others(&mut diagnostic, cause, event.site);
    diagnostic
}

/// The names that the server made up in the first run of a call.
fn made_names<'a>(replayed: &'a Replayed, event: &Event) -> Vec<&'a str> {
    replayed
        .first
        .events
        .iter()
        .find(|first| first.is_same(event))
        .into_iter()
        .flat_map(|first| &first.changes)
        .filter(|key| key.kind == ObjectKind::Constraint)
        .map(words::last_part)
        .collect()
}

fn dropped_by<'a>(replayed: &'a Replayed, names: &[&str]) -> Option<&'a Event> {
    replayed.downgrade.events.iter().find(|event| {
        event
            .changes
            .iter()
            .any(|key| key.kind == ObjectKind::Constraint && names.contains(&words::last_part(key)))
    })
}

fn remedy(event: &Event) -> String {
    let Some((table, constraint)) = unnamed(event) else {
        return "give the constraint a name".to_owned();
    };
    let (prefix, columns, method) = match &constraint.kind {
        ConstraintKind::Unique { columns, .. } => {
            ("uq", columns.as_slice(), "get_unique_constraints")
        }
        ConstraintKind::ForeignKey { columns, .. } => {
            ("fk", columns.as_slice(), "get_foreign_keys")
        }
        ConstraintKind::Check(_) => ("ck", [].as_slice(), "get_check_constraints"),
        ConstraintKind::Exclude { .. } => ("ex", [].as_slice(), "get_indexes"),
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::NotNull { .. } => {
            return "give the constraint a name".to_owned();
        }
    };
    let name = std::iter::once(prefix)
        .chain([table.name.as_str()])
        .chain(columns.iter().map(smol_str::SmolStr::as_str))
        .collect::<Vec<_>>()
        .join("_")
        .replace(crate::unknown::HOLE, "");
    if event.origin == Origin::Script {
        return format!(
            "give it a name (`{name}`, say), and drop what has that name before it: `ALTER TABLE {} DROP CONSTRAINT IF EXISTS {}`",
            table,
            Quoted(&name)
        );
    }
    format!(
        "give it a name (`{name}`, say, or a naming convention in `env.py`), and add it only where `inspector.{method}(\"{}\")` does not list that name",
        table.name
    )
}
