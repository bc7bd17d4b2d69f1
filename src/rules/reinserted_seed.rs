//! `reinserted-seed`: rows are deleted and inserted again, so that what was changed in them since is lost.

use std::cell::LazyCell;

use super::missing_guard::WHEN;
use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{ObjectKey, ObjectKind, Outcome, Statement};
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "reinserted-seed",
        summary: "rows are deleted and inserted again: a second run adds none, and takes away what was changed in them",
        tags: &["data"],
        category: "data",
        default_level: Level::At(Severity::Note),
        markdown: include_str!("../../rules/reinserted-seed.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    replaced(context)
        .into_iter()
        .map(|(insert, delete)| report(context, insert, delete))
        .collect()
}

/// Inserts of the second run before which it deletes the rows that the first one inserted, with the call that does: each
/// place once. They add nothing, and put back what was changed since.
fn replaced<'a>(context: &Context<'a>) -> Vec<(&'a Event, &'a Event)> {
    let replayed = context.replayed;
    // hardly any file asks
    let made = LazyCell::new(|| replayed.first.touched());
    let mut deleted: Vec<(&Event, &ObjectKey)> = Vec::new();
    let mut found: Vec<(&Event, &Event)> = Vec::new();
    for event in &replayed.rerun.events {
        if !matches!(event.outcome, Outcome::Ok) || event.conditional.is_some() {
            continue;
        }
        let rows = || {
            event
                .changes
                .iter()
                .filter(|key| key.kind == ObjectKind::Rows)
        };
        let is = |wanted: fn(&Statement) -> bool| event.statements.iter().any(wanted);
        if is(|statement| matches!(statement, Statement::Delete(_) | Statement::Truncate { .. })) {
            deleted.extend(rows().map(|key| (event, key)));
        } else if is(
            |statement| matches!(statement, Statement::Insert(insert) if insert.on_conflict.is_none()),
        ) && let Some((delete, _)) = deleted
            .iter()
            .find(|(_, key)| rows().any(|own| own == *key))
            && !made.contains(&table_key(event))
            && !found.iter().any(|(known, _)| known.site == event.site)
        {
            found.push((event, *delete));
        }
    }
    found
}

/// The key of the table that a call writes.
fn table_key(event: &Event) -> ObjectKey {
    let name = event
        .changes
        .iter()
        .find(|key| key.kind == ObjectKind::Rows)
        .map_or("", |key| key.name.as_str());
    ObjectKey::new(ObjectKind::Table, name)
}

fn report(context: &Context<'_>, insert: &Event, delete: &Event) -> Diagnostic {
    let message = format!(
        "{} puts its rows back each time it runs, and {} before it takes away what was changed in them since ({WHEN})",
        words::call(insert),
        words::call(delete)
    );
    let mut diagnostic = context.diagnostic(&RULE, insert.site, message);
    diagnostic.help =
        Some("insert with `ON CONFLICT DO NOTHING` instead of deleting first".to_owned());
    if delete.site != insert.site {
        diagnostic
            .labels
            .push(label(delete.site, "its rows are deleted here"));
    }
    diagnostic
}
