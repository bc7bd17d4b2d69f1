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
        .find(|again| again.is_same(event));
    again.is_none_or(|again| matches!(again.outcome, Outcome::Ok) && again.changes.is_empty())
}

/// Things that were there before, so that the upgrade left them alone: known from the revisions, one finding a revision.
fn known(context: &Context<'_>) -> Option<Diagnostic> {
    let replayed = context.replayed;
    let lost: Vec<(ObjectKey, &Event)> = context
        .differences()
        .iter()
        .filter(|one| {
            one.fate == Fate::Lost
                && makes_again(replayed, &one.key)
                && !rollback::is_of_models(replayed, &one.key)
        })
        .filter_map(|one| {
            let event = rollback::touched_by(&replayed.downgrade, &one.key)?;
            Some((one.key.clone(), event))
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
    let (it, data_of) = if names.len() == 1 {
        ("it", " with its data")
    } else {
        ("them", " with their data")
    };
    let message = format!(
        "`downgrade()` drops {}{}, made by an earlier revision: the upgrade's guard leaves {it} alone",
        words::list(&names),
        if data { data_of } else { "" },
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    if !data {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic.help = Some(
        "where every database has it from the earlier revision, take it out of this one, downgrade included; where older databases lack it, let the downgrade leave it alone"
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

/// Things that may have been there before: a note a revision.
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
            if !is_judged(key.kind) || restored.presence_of(key) != Some(false) {
                continue;
            }
            let Some(made) = replayed.first.events.iter().find(|made| {
                matches!(made.outcome, Outcome::Ok)
                    && made.changes.contains(key)
                    && made
                        .statements
                        .iter()
                        .any(|statement| makes(statement, key.kind))
            }) else {
                continue;
            };
            if may_be_skipped(replayed, made) {
                dropped.push((event, made, key.clone()));
            }
        }
    }
    // what goes with its table or column is told with that; data come first
    let keys: Vec<ObjectKey> = dropped.iter().map(|(.., key)| key.clone()).collect();
    dropped.retain(|(.., key)| {
        may_be_older(replayed, key)
            && !rollback::is_of_models(replayed, key)
            && !keys.iter().any(|whole| is_part(replayed, key, whole))
    });
    dropped.sort_by_key(|(.., key)| !holds_data(key.kind));
    let (event, made, first) = dropped.first()?;
    let mut names: Vec<String> = dropped.iter().map(|(.., key)| words::named(key)).collect();
    names.dedup();
    let (was, it, its) = if names.len() == 1 {
        ("it was", "it", " with its data")
    } else {
        ("they were", "them", " with their data")
    };
    let message = format!(
        "`downgrade()` drops {}{}, also where {was} there before and the upgrade's guard skipped {it}",
        words::list(&names),
        if holds_data(first.kind) { its } else { "" },
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

/// Things that are a loss of their own. What holds no data can be made again, but whatever stands on it is without it until
/// then.
fn is_judged(kind: ObjectKind) -> bool {
    holds_data(kind)
        || matches!(
            kind,
            ObjectKind::Index | ObjectKind::Constraint | ObjectKind::Type | ObjectKind::View
        )
}

/// Whether a thing may have been there before: not on a table that the upgrade makes.
fn may_be_older(replayed: &Replayed, key: &ObjectKey) -> bool {
    let table = replayed.after.table_of(key);
    table.is_none_or(|table| table.key() == *key || replayed.before.relation(&table.name).is_some())
}

/// Whether a thing goes with another one: a part of a table that is dropped, the index of a constraint, an index or a
/// constraint on a column that is dropped.
fn is_part(replayed: &Replayed, one: &ObjectKey, whole: &ObjectKey) -> bool {
    if one == whole {
        return false;
    }
    let Some(table) = replayed.after.table_of(one) else {
        return false;
    };
    let own = words::last_part(one);
    let constraint = match one.kind {
        ObjectKind::Constraint => table.constraint(own),
        ObjectKind::Index => table
            .index(own)
            .and_then(|index| index.constraint.as_ref())
            .and_then(|name| table.constraint(name)),
        _ => None,
    };
    match whole.kind {
        ObjectKind::Table | ObjectKind::View => one.kind != whole.kind && table.key() == *whole,
        ObjectKind::Constraint => {
            one.kind == ObjectKind::Index
                && constraint.is_some_and(|constraint| {
                    table.name.member(ObjectKind::Constraint, &constraint.name) == *whole
                })
        }
        ObjectKind::Column => {
            let columns = match (constraint, one.kind) {
                (Some(constraint), _) => Some(&constraint.columns),
                (None, ObjectKind::Index) => table.index(own).map(|index| &index.columns),
                _ => None,
            };
            columns.is_some_and(|columns| {
                columns
                    .iter()
                    .any(|column| table.name.member(ObjectKind::Column, column) == *whole)
            })
        }
        _ => false,
    }
}

/// Whether a statement makes things of a kind, and does not move them.
fn makes(statement: &Statement, kind: ObjectKind) -> bool {
    let adds = |wanted: fn(&AlterTableCommand) -> bool| matches!(statement, Statement::AlterTable(alter) if alter.commands.iter().any(wanted));
    match kind {
        ObjectKind::Column => {
            adds(|command| matches!(command, AlterTableCommand::AddColumn { .. }))
        }
        ObjectKind::Constraint => {
            adds(|command| matches!(command, AlterTableCommand::AddConstraint(_)))
        }
        ObjectKind::Index => matches!(statement, Statement::CreateIndex(_)),
        ObjectKind::Type => matches!(statement, Statement::CreateType(_)),
        ObjectKind::View => matches!(statement, Statement::CreateView(_)),
        ObjectKind::Schema => matches!(statement, Statement::CreateSchema { .. }),
        ObjectKind::Sequence => matches!(statement, Statement::CreateSequence(_)),
        _ => matches!(
            statement,
            Statement::CreateTable(_) | Statement::CreateTableAs(_)
        ),
    }
}

/// Whether a drop has a guard of its own, a condition or a clause: its author has thought of databases that differ.
fn asks_itself(event: &Event) -> bool {
    event.checks_first()
        || !event.guards().is_empty()
        || event.statements.iter().all(|statement| match statement {
            Statement::Drop(drop) => drop.if_exists,
            Statement::AlterTable(alter) => alter.commands.iter().all(|command| {
                matches!(
                    command,
                    AlterTableCommand::DropColumn {
                        if_exists: true,
                        ..
                    } | AlterTableCommand::DropConstraint {
                        if_exists: true,
                        ..
                    }
                )
            }),
            _ => false,
        })
}
