//! `lossy-downgrade`: the downgrade drops or alters what the upgrade did not make.

use std::collections::BTreeMap;

use super::rollback::{self, Difference, Fate};
use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::{AlterTableCommand, Statement};
use crate::postgres::{Catalog, Name, ObjectKey, ObjectKind, Outcome};
use crate::replay::Replayed;
use crate::source::Site;
use crate::trace::{Event, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "lossy-downgrade",
        summary: "the downgrade drops, empties or alters what the upgrade did not make",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/lossy-downgrade.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let mut by_place: BTreeMap<Site, (&Event, Vec<Difference>)> = BTreeMap::new();
    for one in context.differences() {
        let lost = match one.fate {
            Fate::Lost => !super::guard_asymmetry::makes_again(replayed, &one.key),
            // what the upgrade sets to what it is already, the downgrade may well set back
            Fate::Altered => rollback::touched_by(&replayed.first, &one.key).is_none(),
            Fate::Stays | Fate::Missing | Fate::Changed => false,
        };
        if let (true, Some(event)) = (lost, rollback::touched_by(&replayed.downgrade, &one.key)) {
            by_place
                .entry(event.site)
                .or_insert((event, Vec::new()))
                .1
                .push(one.clone());
        }
    }
    let renamed = renamed(replayed);
    by_place
        .values()
        .map(|(event, lost)| report(context, event, lost))
        .chain(renamed.iter().map(|lost| report_renamed(context, lost)))
        .chain(emptied(context))
        .collect()
}

/// A table or column that the upgrade renames and the downgrade drops.
struct Renamed<'a> {
    before: ObjectKey,
    after: ObjectKey,
    rename: &'a Event,
    drop: &'a Event,
}

fn renamed(replayed: &Replayed) -> Vec<Renamed<'_>> {
    if !rollback::completes(replayed) {
        return Vec::new();
    }
    replayed
        .first
        .events
        .iter()
        .filter(|event| matches!(event.outcome, Outcome::Ok))
        .filter_map(|event| {
            let [Statement::Rename(rename)] = &*event.statements else {
                return None;
            };
            let moved = |there: &Catalog, gone: &Catalog| {
                event
                    .changes
                    .iter()
                    .find(|key| {
                        key.kind == rename.kind
                            && matches!(key.kind, ObjectKind::Table | ObjectKind::Column)
                            && there.presence_of(key) == Some(true)
                            && gone.presence_of(key) == Some(false)
                    })
                    .cloned()
            };
            let before = moved(&replayed.before, &replayed.after)?;
            let after = moved(&replayed.after, &replayed.before)?;
            let drop = rollback::touched_by(&replayed.downgrade, &after)?;
            let drops = drop.statements.iter().any(|statement| match statement {
                Statement::Drop(_) => true,
                Statement::AlterTable(table) => table
                    .commands
                    .iter()
                    .any(|command| matches!(command, AlterTableCommand::DropColumn { .. })),
                _ => false,
            });
            drops.then_some(Renamed {
                before,
                after,
                rename: event,
                drop,
            })
        })
        .collect()
}

/// Whether the upgrade renames a table or column and the downgrade drops it under its new name.
pub(super) fn loses_what_was_renamed(replayed: &Replayed, one: &Difference) -> bool {
    renamed(replayed).iter().any(|lost| lost.before == one.key)
}

fn report_renamed(context: &Context<'_>, lost: &Renamed<'_>) -> Diagnostic {
    let message = format!(
        "{} in `downgrade()` drops what the upgrade only renamed: the data of {}, now `{}`, is gone",
        words::call(lost.drop),
        words::named(&lost.before),
        words::last_part(&lost.after)
    );
    let mut diagnostic = context.diagnostic(&RULE, lost.drop.site, message);
    diagnostic.help = Some("rename it back".to_owned());
    diagnostic.labels.push(label(
        lost.rename.site,
        format!("{} renames it", words::call(lost.rename)),
    ));
    diagnostic
}

/// Whether a thing holds data of its own.
pub(super) fn holds_data(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table | ObjectKind::Column | ObjectKind::Schema | ObjectKind::Sequence
    )
}

fn report(context: &Context<'_>, event: &Event, lost: &[Difference]) -> Diagnostic {
    let call = words::call(event);
    let names: Vec<String> = lost.iter().map(|one| words::named(&one.key)).collect();
    let names = words::list(&names);
    let first = &lost[0];
    let guarded = super::guard_asymmetry::makes_again(context.replayed, &first.key);
    let (was, it, its, is) = if lost.len() == 1 {
        ("was", "it", "its", "it is not what it was")
    } else {
        ("were", "them", "their", "they are not what they were")
    };
    let message = match first.fate {
        Fate::Altered if guarded => format!(
            "{call} in `downgrade()` changes {names} also where the upgrade's guard leaves {it} alone, as on the schema of the earlier revisions: after `alembic downgrade` {is} before"
        ),
        Fate::Altered => format!(
            "{call} in `downgrade()` changes {names}, which the upgrade does not touch: after `alembic downgrade` {is} before"
        ),
        _ if holds_data(first.key.kind) => format!(
            "{call} in `downgrade()` drops {names} with {its} data, which {was} there before the upgrade and which the upgrade does not touch"
        ),
        _ => format!(
            "{call} in `downgrade()` drops {names}, which {was} there before the upgrade and which the upgrade does not touch"
        ),
    };
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    let harms = first.fate != Fate::Altered && lost.iter().any(|one| holds_data(one.key.kind));
    if !harms {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic.help = Some(
        match first.fate {
            Fate::Altered if guarded => {
                "ask in `downgrade()` too what the upgrade has done, or leave the guard away"
            }
            Fate::Altered => "change back only what the upgrade changes",
            _ => "undo only what the upgrade does",
        }
        .to_owned(),
    );
    diagnostic
}

/// DELETE and TRUNCATE of a whole table that was there before the upgrade.
fn emptied(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    if !rollback::completes(replayed) {
        return Vec::new();
    }
    let mut found: Vec<Diagnostic> = Vec::new();
    for event in &replayed.downgrade.events {
        if !rollback::is_certain(event) || matches!(event.outcome, Outcome::Error(_)) {
            continue;
        }
        for table in event.statements.iter().flat_map(emptied_tables) {
            if !is_older(replayed, table) || empties(&replayed.first, table) {
                continue;
            }
            if found.iter().any(|known| known.site == event.site) {
                continue;
            }
            let message = format!(
                "{} in `downgrade()` deletes all rows of `{table}`, those that the upgrade did not insert included",
                words::call(event)
            );
            let mut diagnostic = context.diagnostic(&RULE, event.site, message);
            diagnostic.help = Some(
                "delete only the upgrade's rows: `DELETE FROM ... WHERE` their key".to_owned(),
            );
            if let Some(insert) = replayed.first.events.iter().find(|event| {
                event.statements.iter().any(
                    |statement| matches!(statement, Statement::Insert(insert) if insert.table == *table),
                )
            }) {
                diagnostic
                    .labels
                    .push(label(insert.site, "the upgrade inserts these"));
            }
            found.push(diagnostic);
        }
    }
    found
}

/// Tables that a statement leaves without a row.
fn emptied_tables(statement: &Statement) -> Vec<&Name> {
    match statement {
        Statement::Delete(delete) if delete.filter.is_none() && delete.using.is_empty() => {
            vec![&delete.table]
        }
        Statement::Truncate { tables, .. } => tables.iter().collect(),
        _ => Vec::new(),
    }
}

fn empties(trace: &Trace, table: &Name) -> bool {
    trace
        .events
        .iter()
        .flat_map(|event| event.statements.iter())
        .any(|statement| emptied_tables(statement).contains(&table))
}

/// Whether a table was there before the upgrade and is there after the downgrade.
fn is_older(replayed: &Replayed, table: &Name) -> bool {
    let is_in = |catalog: &Catalog| {
        words::relation(catalog, table).is_some_and(|found| found.kind.is_table())
    };
    is_in(&replayed.before) && replayed.restored.as_ref().is_some_and(is_in)
}
