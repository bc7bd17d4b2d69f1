//! `missing-downgrade`: the upgrade changes something and the downgrade is absent or empty without a word.

use super::{Check, Context, Rule, rollback};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{ObjectKind, Outcome, Statement};
use crate::replay::{Downgrade, Replayed};
use crate::trace::{Event, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "missing-downgrade",
        summary: "the upgrade changes something and the downgrade is absent or empty, without a word why",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/missing-downgrade.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let revision = &context.replayed.revision;
    let accepted = context.config.accept_explained_downgrade;
    let Some(weight) = weight(context.replayed) else {
        return Vec::new();
    };
    let fails = rollback::new_errors(context.replayed).next().is_some();
    let stays = match weight {
        Weight::Schema if fails => "and the next upgrade runs into what is still there",
        Weight::Schema => "and the schema stays as the upgrade left it, whatever the version says",
        Weight::Labels => "and the new enum values stay",
        Weight::Data => "and the rows stay as the upgrade left them",
    };
    let what = match revision.downgrade {
        Downgrade::Absent => {
            "`alembic downgrade` stops here with an AttributeError: the revision has no `downgrade()`"
                .to_owned()
        }
        Downgrade::Empty => {
            format!("`alembic downgrade` reports success and undoes nothing: `downgrade()` is empty, {stays}")
        }
        Downgrade::Explained if !accepted => {
            format!("`alembic downgrade` reports success and undoes nothing: `downgrade()` is empty, {stays}")
        }
        Downgrade::Raises if !accepted => {
            "`alembic downgrade` stops here: `downgrade()` raises".to_owned()
        }
        Downgrade::Present if executes_nothing(&context.replayed.downgrade) => {
            if revision.downgrade_explained && accepted {
                return Vec::new();
            }
            format!("`alembic downgrade` reports success and undoes nothing: `downgrade()` changes nothing, {stays}")
        }
        Downgrade::Forward | Downgrade::Explained | Downgrade::Raises | Downgrade::Present => {
            return Vec::new();
        }
    };
    let site = revision.downgrade_place.unwrap_or(revision.place);
    let mut diagnostic = context.diagnostic(&RULE, site, what);
    let absent = revision.downgrade == Downgrade::Absent;
    diagnostic.help = Some(match weight {
        Weight::Schema if absent => {
            "write `downgrade()`: the upgrade's changes reversed, in reverse order; a project that never goes back turns this rule off"
        }
        Weight::Data if absent => {
            "write `downgrade()`: undo the change of the rows, or say in a docstring why it may stay"
        }
        Weight::Schema => {
            "reverse the upgrade's changes in reverse order, or say in a docstring why they stay"
        }
        Weight::Labels => {
            "PostgreSQL can't take a value out of an enum: say in a docstring why it may stay"
        }
        Weight::Data => "undo the change of the rows, or say in a docstring why it may stay",
    }.to_owned());
    if weight != Weight::Schema {
        diagnostic.severity = Severity::Note;
    } else if !fails && !matches!(revision.downgrade, Downgrade::Absent | Downgrade::Raises) {
        diagnostic.severity = Severity::Warning;
    }
    vec![diagnostic]
}

/// Whether a downgrade ran to its end and, whatever it asked, certainly changed nothing.
pub(super) fn executes_nothing(downgrade: &Trace) -> bool {
    let only_asks = |event: &Event| {
        event
            .statements
            .iter()
            .all(|statement| matches!(statement, Statement::Query(_) | Statement::Set { .. }))
    };
    !downgrade.missing_function
        && !downgrade.broke_off
        && downgrade.raised.is_none()
        && downgrade.gaps.is_empty()
        && downgrade.conditions.is_empty()
        && downgrade.events.iter().all(only_asks)
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
