//! `stale-inspector`: an Inspector answers from its cache, so that a guard decides by a schema that is no longer there.
//!
//! Shown by the first run done again with Inspectors that remember nothing: what runs only then is passed over, and what
//! fails only with the cache fails for it.

use std::collections::BTreeSet;

use super::{Check, Context, Rule, guards, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{Outcome, Statement};
use crate::replay::Replayed;
use crate::source::Site;
use crate::trace::{Event, Guard, Question, Subject, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "stale-inspector",
        summary: "a guard is decided by an answer that the Inspector has kept from before the schema changed",
        tags: &["first", "rerun"],
        category: "rerun",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/stale-inspector.md"),
    },
    check: Check::Revision(check),
};

/// What a stale answer leads to.
struct Fault<'a> {
    /// The guard that it decided.
    guard: &'a Guard,
    question: &'a Question,
    /// What is passed over, or fails.
    events: Vec<&'a Event>,
    /// It fails; else it is passed over.
    fails: bool,
}

/// Sites of the conditions that a stale answer decided wrongly in the first run.
pub(super) fn guards(replayed: &Replayed) -> BTreeSet<Site> {
    faults(replayed)
        .iter()
        .map(|fault| fault.guard.site)
        .collect()
}

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    faults(context.replayed)
        .iter()
        .map(|fault| report(context, fault))
        .collect()
}

fn faults(replayed: &Replayed) -> Vec<Fault<'_>> {
    let Some(fresh) = &replayed.fresh else {
        return Vec::new();
    };
    let first = &replayed.first;
    let mut faults: Vec<Fault<'_>> = Vec::new();
    let passed_over = fresh.events.iter().filter(|event| {
        does_something(event) && event.outcome == Outcome::Ok && !first.makes(event)
    });
    let failing = first.events.iter().filter(|event| {
        does_something(event) && event.failure().is_some() && !succeeds_or_fails_alike(fresh, event)
    });
    for (event, fails) in passed_over
        .map(|event| (event, false))
        .chain(failing.map(|event| (event, true)))
    {
        let Some((guard, question)) = stale_guard(first, event) else {
            continue;
        };
        match faults
            .iter_mut()
            .find(|fault| fault.guard.site == guard.site && fault.fails == fails)
        {
            Some(fault) => fault.events.push(event),
            None => faults.push(Fault {
                guard,
                question,
                events: vec![event],
                fails,
            }),
        }
    }
    faults
}

fn does_something(event: &Event) -> bool {
    event.conditional.is_none()
        && !event
            .statements
            .iter()
            .all(|statement| matches!(statement, Statement::Query(_) | Statement::Set { .. }))
}

/// Whether it goes the same way without the cache, so that the cache is no reason.
fn succeeds_or_fails_alike(fresh: &Trace, event: &Event) -> bool {
    fresh.events.iter().any(|known| {
        known.is_same(event)
            && matches!((&known.outcome, &event.outcome), (Outcome::Error(one), Outcome::Error(other)) if one.sqlstate == other.sqlstate)
    })
}

/// The innermost guard of an event that a stale answer decided in the first run.
fn stale_guard<'a>(first: &'a Trace, event: &Event) -> Option<(&'a Guard, &'a Question)> {
    event.guards().iter().rev().find_map(|guard| {
        first
            .guards
            .iter()
            .filter(|known| known.site == guard.site)
            .find_map(|known| {
                let question = known.questions.iter().find(|question| question.stale)?;
                Some((known.as_ref(), question.as_ref()))
            })
    })
}

fn report(context: &Context<'_>, fault: &Fault<'_>) -> Diagnostic {
    let event = fault.events[0];
    let call = words::call(event);
    let asked = guards::asked(fault.question, fault.guard);
    let message = match &event.outcome {
        Outcome::Error(error) if fault.fails => format!(
            "{call} fails in the first run ({}): its guard asks {asked}, and the Inspector still answers as before the schema changed",
            error.sqlstate
        ),
        _ => format!(
            "{call} never runs, and nobody is told: its guard asks {asked}, and the Inspector still answers as before the schema changed"
        ),
    };
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(
        "ask a new one (`sa.inspect(op.get_bind())`), or call `inspector.clear_cache()` after the change"
            .to_owned(),
    );
    if fault.guard.site != event.site {
        let here = "the answer comes from the Inspector's cache here";
        diagnostic.labels.push(label(fault.guard.site, here));
    }
    if let Some(site) = fault.question.site {
        diagnostic.labels.push(label(
            site,
            "it was asked first here, and is remembered since",
        ));
    }
    if let Some(site) = changed_at(&context.replayed.first, fault.question) {
        diagnostic
            .labels
            .push(label(site, "the schema changes here"));
    }
    add_others(&mut diagnostic, fault);
    diagnostic
}

fn add_others(diagnostic: &mut Diagnostic, fault: &Fault<'_>) {
    let mut places = vec![fault.events[0].site];
    for event in &fault.events[1..] {
        if places.contains(&event.site) {
            continue;
        }
        places.push(event.site);
        let what = if fault.fails {
            "fails too"
        } else {
            "never runs either"
        };
        diagnostic
            .labels
            .push(label(event.site, format!("{} {what}", words::call(event))));
    }
    let more = fault.events.len() - places.len();
    if more > 0 {
        diagnostic
            .notes
            .push(format!("{more} more calls for the same cause"));
    }
}

/// Where the first run changed what a question is about.
fn changed_at(first: &Trace, question: &Question) -> Option<Site> {
    let table = match &question.subject {
        Subject::Relations { name, .. } => name.as_ref(),
        Subject::Parts { table, .. } => Some(table),
        Subject::Others { .. } | Subject::Query { .. } => None,
    };
    let event = first.events.iter().find(|event| {
        event.outcome == Outcome::Ok
            && !event.changes.is_empty()
            && question.site.is_none_or(|site| event.site > site)
            && table.is_none_or(|table| {
                event
                    .changes
                    .iter()
                    .any(|key| key.name.split('.').any(|part| part == table))
            })
    })?;
    Some(event.site)
}
