//! `enum-value-used-before-commit`: a new enum value is used in the transaction that adds it, by the same revision or by a
//! later one of the same command.

use super::{Check, CommandContext, Rule, label, words};
use crate::config::{Config, Level};
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{ObjectKey, Outcome, ServerError, SqlState};
use crate::replay::window::{Runs, Seen, adds_value};
use crate::trace::{Event, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "enum-value-used-before-commit",
        summary: "a new enum value is used before the transaction that adds it is committed, in the same or a later revision",
        tags: &["transaction", "enum"],
        category: "transaction",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/enum-value-used-before-commit.md"),
    },
    check: Check::Command(check),
};

const REMEDY: &str = "add the value inside `with op.get_context().autocommit_block():`, which commits it before it is used (and commits what the revision did before it)";

/// A use that the server refuses, with the place that adds the value.
struct Use<'a> {
    /// The revision that uses it.
    seen: &'a Seen,
    event: &'a Event,
    error: &'a ServerError,
    /// The revision that adds it, and where.
    added: Option<(&'a Seen, &'a Event)>,
}

fn check(context: &CommandContext<'_>) -> Vec<Diagnostic> {
    if context.transactions.autocommit {
        return Vec::new();
    }
    let mut uses = own_uses(context.seen);
    if let Some(runs) = &context.windows.deployed {
        uses.extend(later_uses(context.seen, runs));
    }
    let mut causes: Vec<Vec<Use<'_>>> = Vec::new();
    for found in uses.into_iter().filter(|found| found.seen.is_judged()) {
        let place = |one: &Use<'_>| one.added.map_or(one.event.site, |(_, event)| event.site);
        match causes.iter_mut().find(|cause| {
            cause[0].seen.index == found.seen.index && place(&cause[0]) == place(&found)
        }) {
            Some(cause) => cause.push(found),
            None => causes.push(vec![found]),
        }
    }
    causes.iter().map(|cause| report(context, cause)).collect()
}

/// Whether this rule reports a call that fails, in place of the rule on what fails in the upgrade.
pub(super) fn claims(event: &Event, config: &Config) -> bool {
    refused(event).is_some() && RULE.is_on(config)
}

fn refused(event: &Event) -> Option<&ServerError> {
    match &event.outcome {
        Outcome::Error(error) if error.sqlstate == SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE => {
            Some(error)
        }
        _ => None,
    }
}

/// Uses in the revision that adds the value: its own first run shows them.
fn own_uses(seen: &[Seen]) -> Vec<Use<'_>> {
    let mut uses = Vec::new();
    for one in seen {
        for (place, event) in one.events.iter().enumerate() {
            let Some(error) = refused(event) else {
                continue;
            };
            let added = one.events[..=place]
                .iter()
                .rev()
                .find(|before| adds(before, error));
            uses.push(Use {
                seen: one,
                event,
                error,
                added: added.map(|event| (one, event)),
            });
        }
    }
    uses
}

/// Uses in later revisions, which the command shows and the revision's own run does not.
fn later_uses<'a>(seen: &'a [Seen], runs: &'a Runs) -> Vec<Use<'a>> {
    let mut uses = Vec::new();
    for one in seen {
        let Some(trace) = runs.get(&one.index) else {
            continue;
        };
        for event in &trace.events {
            let Some(error) = refused(event) else {
                continue;
            };
            let own = one
                .events
                .iter()
                .any(|known| known.stack() == event.stack() && refused(known).is_some());
            if own || event.handled || !one.is_certain(event) {
                continue;
            }
            let added = seen[..one.index].iter().rev().find_map(|earlier| {
                let trace: &Trace = runs.get(&earlier.index)?;
                let found = trace.events.iter().rev().find(|event| adds(event, error))?;
                earlier.is_certain(found).then_some((earlier, found))
            });
            if added.is_some() {
                uses.push(Use {
                    seen: one,
                    event,
                    error,
                    added,
                });
            }
        }
    }
    uses
}

/// Whether a call adds the value that an error is about.
fn adds(event: &Event, error: &ServerError) -> bool {
    let Some(key) = &error.object else {
        return false;
    };
    let in_one_string = refused(event).is_some() && event.statements.len() > 1;
    adds_value(event) && (event.changes.contains(key) || in_one_string)
}

/// The value, and the type that it belongs to, as messages name them.
fn named(key: &ObjectKey) -> (&str, &str) {
    let name = key.name.strip_prefix("public.").unwrap_or(&key.name);
    match name.rsplit_once('.') {
        Some((type_name, value)) => (type_name, value),
        None => ("", name),
    }
}

fn report(context: &CommandContext<'_>, cause: &[Use<'_>]) -> Diagnostic {
    let first = &cause[0];
    let (type_name, value) = first.error.object.as_ref().map_or(("", ""), named);
    let sqlstate = first.error.sqlstate;
    let earlier = first
        .added
        .filter(|(adder, _)| adder.index != first.seen.index);
    let message = match earlier {
        Some((adder, _)) => format!(
            "the upgrade of a deployed database fails here ({sqlstate}) where one command runs `{}` too: that adds the value `{value}` of `{type_name}`, and nothing commits it before it is used",
            adder.revision.id
        ),
        None => format!(
            "the upgrade fails here ({sqlstate}) on every database where the type `{type_name}` is already there: its new value `{value}` is used before the transaction that adds it is committed"
        ),
    };
    let mut diagnostic = super::about_seen(&RULE, first.seen, first.event.site, message);
    let mut help = REMEDY.to_owned();
    if earlier.is_some() {
        help.push_str(", or set `transaction_per_migration=True` in `env.py`");
    }
    diagnostic.help = Some(help);
    if let Some((_, event)) = first.added
        && event.site != first.event.site
    {
        diagnostic.labels.push(label(
            event.site,
            format!("{} adds it here", words::call(event)),
        ));
    }
    for other in &cause[1..] {
        let shown = label(
            other.event.site,
            format!("{} uses it too", words::call(other.event)),
        );
        if other.event.site != first.event.site && !diagnostic.labels.contains(&shown) {
            diagnostic.labels.push(shown);
        }
    }
    diagnostic.notes.extend(from_empty(context, first));
    diagnostic
}

/// What the same command does on an empty database, where that is something else: a test on one then shows nothing.
fn from_empty(context: &CommandContext<'_>, found: &Use<'_>) -> Option<String> {
    let trace = context.windows.empty.as_ref()?.get(&found.seen.index)?;
    let again = trace
        .events
        .iter()
        .filter(|event| event.is_same(found.event));
    let mut outcomes = again
        .map(|event| matches!(event.outcome, Outcome::Ok))
        .peekable();
    outcomes.peek()?;
    outcomes.all(|passes| passes).then(|| {
        format!(
            "from an empty database PostgreSQL {} lets it pass, since the type is new in the same transaction: a test on a fresh database does not show it",
            context.config.postgres_version.0
        )
    })
}
