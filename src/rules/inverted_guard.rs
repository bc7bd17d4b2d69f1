//! `inverted-guard`: the guard lets a statement in where its work is done already, and passes over it where it is not.
//!
//! Shown by two runs more: one in which the guard is turned, and the upgrade as it is after that.

use std::collections::BTreeSet;

use super::{Check, Context, Rule, guards, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{Outcome, ServerError, SqlState};
use crate::source::Site;
use crate::trace::{Event, Guard, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "inverted-guard",
        summary: "the guard lets a statement run only where its work is already done",
        tags: &["first"],
        category: "rerun",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/inverted-guard.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let Some(turned) = &replayed.turned else {
        return Vec::new();
    };
    let mut reported: BTreeSet<Site> = BTreeSet::new();
    let mut found = Vec::new();
    for done in &turned.first.events {
        if done.outcome != Outcome::Ok || done.changes.is_empty() || replayed.first.makes(done) {
            continue;
        }
        let Some((event, error)) = failure_of(&turned.rerun, done) else {
            continue;
        };
        let Some(guard) = culprit(&replayed.first, event, error) else {
            continue;
        };
        if reported.insert(guard.site) {
            found.push(report(context, done, error, guard));
        }
    }
    found
}

/// The same call where its work is done: let in by its guard, and refused.
fn failure_of<'a>(rerun: &'a Trace, done: &Event) -> Option<(&'a Event, &'a ServerError)> {
    rerun.events.iter().find_map(|event| match &event.outcome {
        Outcome::Error(error)
            if !event.handled && event.conditional.is_none() && event.is_same(done) =>
        {
            Some((event, &**error))
        }
        _ => None,
    })
}

/// The guard that passed over it in the first run, lets it in now, and asks for the very object.
fn culprit<'a>(first: &Trace, event: &'a Event, error: &ServerError) -> Option<&'a Guard> {
    event
        .guards()
        .iter()
        .find(|guard| {
            first
                .guards
                .iter()
                .any(|skipped| skipped.skips && skipped.site == guard.site)
                && guards::asks_for(guard, event, error)
        })
        .map(AsRef::as_ref)
}

fn report(context: &Context<'_>, done: &Event, error: &ServerError, guard: &Guard) -> Diagnostic {
    let object = error.object.as_ref().map_or_else(
        || "it".to_owned(),
        |key| format!("the {} `{}`", key.kind.noun(), words::last_part(key)),
    );
    let (there, missing) = if matches!(
        error.sqlstate,
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN | SqlState::UNDEFINED_OBJECT
    ) {
        ("already gone", "still there")
    } else {
        ("already there", "missing")
    };
    let message = format!(
        "{} is passed over where {object} is {missing}, and fails where it is {there} ({}): its guard is the wrong way round",
        words::call(done),
        error.sqlstate
    );
    let mut diagnostic = context.diagnostic(&RULE, done.site, message);
    diagnostic.help = Some("turn the condition around".to_owned());
    diagnostic.labels.push(label(
        guard.site,
        format!("this lets it run only where {object} is {there}"),
    ));
    diagnostic
}
