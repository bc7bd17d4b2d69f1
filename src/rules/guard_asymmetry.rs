//! `guard-asymmetry`: the upgrade may leave out the making of a thing, and the downgrade drops it all the same.

use super::lossy_downgrade::holds_data;
use super::rollback::{self, Fate};
use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::{AlterTableCommand, Statement};
use crate::postgres::{ObjectKey, ObjectKind, Outcome};
use crate::replay::Replayed;
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "guard-asymmetry",
        summary: "the upgrade makes something only where it is not there, and the downgrade drops it all the same",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/guard-asymmetry.md"),
    },
    check: Check::Revision(check),
};

const REMEDY: &str = "drop only what the upgrade has made: remember it (in a comment on the thing, say), or leave the guard away where the thing can't be there before";

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    known(context)
        .or_else(|| possible(context))
        .into_iter()
        .collect()
}

/// Whether the upgrade after the downgrade makes a thing that the first one left alone: a guard kept it from it.
pub(super) fn makes_again(replayed: &Replayed, key: &ObjectKey) -> bool {
    rollback::touched_by(&replayed.reupgrade, key).is_some()
        && rollback::touched_by(&replayed.first, key).is_none()
}

/// Whether a call of the first run is left out, or does nothing, where its work is done already.
pub(super) fn may_be_skipped(replayed: &Replayed, event: &Event) -> bool {
    if replayed.rerun.broke_off || replayed.rerun.raised.is_some() {
        return false;
    }
    let again = replayed
        .rerun
        .events
        .iter()
        .find(|again| again.stack == event.stack && again.statements == event.statements);
    again.is_none_or(|again| matches!(again.outcome, Outcome::Ok) && again.changes.is_empty())
}

/// Things that were there before, so that the upgrade left them alone: known from the revisions, one finding a revision.
fn known(context: &Context<'_>) -> Option<Diagnostic> {
    let replayed = context.replayed;
    let lost: Vec<(ObjectKey, &Event)> = rollback::differences(replayed)
        .into_iter()
        .filter(|one| one.fate == Fate::Lost && makes_again(replayed, &one.key))
        .filter_map(|one| {
            let event = rollback::touched_by(&replayed.downgrade, &one.key)?;
            Some((one.key, event))
        })
        .collect();
    // what holds data is what matters
    let (first, event) = lost
        .iter()
        .find(|(key, _)| holds_data(key.kind))
        .or_else(|| lost.first())?;
    let names: Vec<String> = std::iter::once(first)
        .chain(lost.iter().map(|(key, _)| key).filter(|key| *key != first))
        .map(words::named)
        .collect();
    let data = holds_data(first.kind);
    let message = format!(
        "{} in `downgrade()` drops {}{} that an earlier revision made: the upgrade's guard leaves it alone",
        words::call(event),
        words::list(&names),
        if data { ", with the data," } else { "" },
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    if !data {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic.help = Some(
        "take it out of this revision, downgrade included: it belongs to the earlier one"
            .to_owned(),
    );
    let mut places = vec![event.site];
    for (key, drop) in &lost {
        if let Some(made) = rollback::touched_by(&replayed.reupgrade, key)
            && !places.contains(&made.site)
        {
            places.push(made.site);
            diagnostic.labels.push(label(
                made.site,
                format!("{} is skipped in the upgrade", words::call(made)),
            ));
        }
        if !places.contains(&drop.site) {
            places.push(drop.site);
            diagnostic
                .labels
                .push(label(drop.site, format!("and {}", words::call(drop))));
        }
    }
    Some(diagnostic)
}

/// Tables and columns that may have been there before: a note a revision.
fn possible(context: &Context<'_>) -> Option<Diagnostic> {
    let replayed = context.replayed;
    let restored = replayed.restored.as_ref()?;
    if !rollback::completes(replayed) {
        return None;
    }
    let mut dropped: Vec<(&Event, &Event, ObjectKey)> = Vec::new();
    let drops = replayed.downgrade.events.iter();
    for event in drops.filter(|event| event.conditional.is_none() && !asks_itself(event)) {
        for key in &event.changes {
            if !matches!(key.kind, ObjectKind::Table | ObjectKind::Column)
                || restored.presence_of(key) != Some(false)
            {
                continue;
            }
            let Some(made) = replayed.first.events.iter().find(|made| {
                matches!(made.outcome, Outcome::Ok) && made.changes.contains(key) && makes(made)
            }) else {
                continue;
            };
            if may_be_skipped(replayed, made) {
                dropped.push((event, made, key.clone()));
            }
        }
    }
    let tables: Vec<ObjectKey> = dropped
        .iter()
        .filter(|(.., key)| key.kind == ObjectKind::Table)
        .map(|(.., key)| key.clone())
        .collect();
    dropped.retain(|(.., key)| {
        key.kind == ObjectKind::Table
            || !tables
                .iter()
                .any(|table| key.name.starts_with(&format!("{}.", table.name)))
    });
    let (event, made, _) = dropped.first()?;
    let mut names: Vec<String> = dropped.iter().map(|(.., key)| words::named(key)).collect();
    names.dedup();
    let message = format!(
        "`downgrade()` drops {} with its data, also where it was there before and the upgrade's guard skipped it",
        words::list(&names)
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.severity = Severity::Note;
    diagnostic.help = Some(REMEDY.to_owned());
    diagnostic.labels.push(label(
        made.site,
        format!("{} is guarded", words::call(made)),
    ));
    Some(diagnostic)
}

/// Whether a call makes something, and does not move it.
fn makes(event: &Event) -> bool {
    event.statements.iter().any(|statement| {
        matches!(
            statement,
            Statement::CreateTable(_) | Statement::CreateTableAs(_)
        ) || matches!(statement, Statement::AlterTable(alter)
            if alter.commands.iter().any(|command| matches!(command, AlterTableCommand::AddColumn { .. })))
    })
}

/// Whether a drop has a guard of its own, a condition or a clause: its author has thought of databases that differ.
fn asks_itself(event: &Event) -> bool {
    !event.guards.is_empty()
        || event.statements.iter().all(|statement| match statement {
            Statement::Drop(drop) => drop.if_exists,
            Statement::AlterTable(alter) => alter.commands.iter().all(|command| {
                matches!(
                    command,
                    AlterTableCommand::DropColumn {
                        if_exists: true,
                        ..
                    }
                )
            }),
            _ => false,
        })
}
