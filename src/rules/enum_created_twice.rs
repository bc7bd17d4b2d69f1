//! `enum-created-twice`: `create_table` creates the type of an enum column that is already there.

use super::{Check, CommandContext, Rule, enum_create_type_ignored, label, words};
use crate::config::{Config, Level};
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{ObjectKey, Outcome, ServerError, SqlState};
use crate::replay::window::{Seen, implicit_type};
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "enum-created-twice",
        summary: "`create_table` creates an enum type that is already there",
        tags: &["enum"],
        category: "enum",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/enum-created-twice.md"),
    },
    check: Check::Command(check),
};

fn check(context: &CommandContext<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for one in context.seen.iter().filter(|one| one.is_judged()) {
        for (place, event) in one.events.iter().enumerate() {
            let Some(error) = refused(event).filter(|_| one.is_certain(event)) else {
                continue;
            };
            let diagnostic = report(context, one, place, event, error);
            match found.iter_mut().find(|known| known.site == event.site) {
                // a loop over tables, two columns of a table
                Some(known) if known.message == diagnostic.message => {}
                _ => found.push(diagnostic),
            }
        }
    }
    found
}

/// Whether this rule reports a call that fails, in place of the rule on what fails in the upgrade.
pub(super) fn claims(event: &Event, config: &Config) -> bool {
    refused(event).is_some() && RULE.is_on(config)
}

fn refused(event: &Event) -> Option<&ServerError> {
    let implicit = implicit_type(event).is_some() && !enum_create_type_ignored::is_ignored(event);
    match &event.outcome {
        Outcome::Error(error)
            if implicit && error.sqlstate == SqlState::DUPLICATE_OBJECT && !event.handled =>
        {
            Some(error)
        }
        _ => None,
    }
}

fn report(
    context: &CommandContext<'_>,
    seen: &Seen,
    place: usize,
    event: &Event,
    error: &ServerError,
) -> Diagnostic {
    let name = implicit_type(event)
        .map(ToString::to_string)
        .unwrap_or_default();
    let call = words::call(event);
    let sqlstate = error.sqlstate;
    let made = |event: &&Event| {
        error
            .object
            .as_ref()
            .is_some_and(|key: &ObjectKey| event.changes.contains(key))
    };
    let own = seen.events[..place].iter().rev().find(made);
    let earlier = context.seen[..seen.index]
        .iter()
        .rev()
        .find_map(|one| Some((one, one.events.iter().rev().find(made)?)));
    let passes = own.is_none() && passes_in_one_command(context, seen, event);
    let message = match (own, earlier) {
        (Some(_), _) => format!(
            "{call} fails each time ({sqlstate}): it creates the enum type `{name}` too, which this revision has already made"
        ),
        (None, Some((one, _))) => format!(
            "{call} fails on every database that has had `{}` ({sqlstate}): it creates the enum type `{name}` too, which that revision made",
            one.revision.id
        ),
        (None, None) => format!(
            "{call} fails ({sqlstate}): it creates the enum type `{name}` too, which is already there"
        ),
    };
    let mut diagnostic = super::about_seen(&RULE, seen, event.site, message);
    diagnostic.help = Some(format!(
        "give the column a `postgresql.ENUM(..., name=\"{name}\", create_type=False)`; where the type may be missing, create it before with `.create(op.get_bind(), checkfirst=True)`"
    ));
    if let Some(maker) = own.or(earlier.map(|(_, event)| event)) {
        diagnostic.labels.push(label(
            maker.site,
            format!("{} made the type here", words::call(maker)),
        ));
    }
    if passes {
        diagnostic.notes.push(
            "where one command runs both, from an empty database say, it passes, since SQLAlchemy creates an enum type once per command: a test on a fresh database does not show it"
                .to_owned(),
        );
    }
    diagnostic
}

/// Whether the command on an empty database leaves the CREATE TYPE out.
fn passes_in_one_command(context: &CommandContext<'_>, seen: &Seen, event: &Event) -> bool {
    let Some(trace) = context
        .windows
        .empty
        .as_ref()
        .and_then(|runs| runs.get(&seen.index))
    else {
        return false;
    };
    let again: Vec<&Event> = trace
        .events
        .iter()
        .filter(|other| other.stack() == event.stack())
        .collect();
    !again.is_empty()
        && again
            .iter()
            .all(|other| matches!(other.outcome, Outcome::Ok))
}
