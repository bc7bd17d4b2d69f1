//! `missing-downgrade`: the upgrade changes something and the downgrade is absent or empty without a word.

use super::{Context, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{ObjectKind, Outcome, Statement};
use crate::replay::{Downgrade, Replayed};
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "missing-downgrade",
        summary: "the upgrade changes something and the downgrade is absent or empty, without a word why",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/missing-downgrade.md"),
    },
    check,
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let revision = &context.replayed.revision;
    let accepted = context.config.accept_explained_downgrade;
    let what = match revision.downgrade {
        Downgrade::Absent => {
            "`downgrade()` is missing: `alembic downgrade` stops here with an AttributeError"
        }
        Downgrade::Empty => {
            "`downgrade()` does nothing: `alembic downgrade` reports success and the schema stays, so the next upgrade meets it"
        }
        Downgrade::Explained if !accepted => {
            "`downgrade()` does nothing: `alembic downgrade` reports success and the schema stays"
        }
        Downgrade::Raises if !accepted => {
            "`downgrade()` raises: this revision can't be rolled back"
        }
        Downgrade::Explained | Downgrade::Raises | Downgrade::Present => return Vec::new(),
    };
    let Some(weight) = weight(context.replayed) else {
        return Vec::new();
    };
    let site = revision.downgrade_place.unwrap_or(revision.place);
    let mut diagnostic = context.diagnostic(&RULE, site, what.to_owned());
    match weight {
        Weight::Schema => {}
        Weight::Labels => {
            diagnostic.severity = Severity::Note;
            diagnostic.notes.push(
                "the upgrade only adds enum values, which PostgreSQL can't remove".to_owned(),
            );
        }
        Weight::Data => {
            diagnostic.severity = Severity::Note;
            diagnostic
                .notes
                .push("the upgrade only changes rows".to_owned());
        }
    }
    diagnostic.help = Some(
        "reverse the upgrade's changes in reverse order, or say in a docstring why they stay"
            .to_owned(),
    );
    vec![diagnostic]
}

/// What the upgrade changes, at its heaviest.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Weight {
    Data,
    Labels,
    Schema,
}

fn weight(replayed: &Replayed) -> Option<Weight> {
    replayed.first.events.iter().filter_map(event_weight).max()
}

fn event_weight(event: &Event) -> Option<Weight> {
    if !matches!(event.outcome, Outcome::Ok) {
        return None;
    }
    event
        .statements
        .iter()
        .filter_map(|statement| statement_weight(statement, event))
        .max()
}

fn statement_weight(statement: &Statement, event: &Event) -> Option<Weight> {
    match statement {
        Statement::AlterEnum(alter) if alter.rename_from.is_none() => Some(Weight::Labels),
        Statement::Insert(_)
        | Statement::Update(_)
        | Statement::Delete(_)
        | Statement::Merge(_) => Some(Weight::Data),
        Statement::Query(_) | Statement::Set { .. } | Statement::Transaction(_) => None,
        _ => event
            .changes
            .iter()
            .map(|key| {
                if key.kind == ObjectKind::Rows {
                    Weight::Data
                } else {
                    Weight::Schema
                }
            })
            .max(),
    }
}
