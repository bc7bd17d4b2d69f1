//! `failing-reupgrade`: the upgrade after the downgrade fails, though the downgrade gave the schema back.

use super::rollback;
use super::{Check, Context, Rule, claims, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{ObjectKind, Outcome, ServerError, SqlState};
use crate::replay::Replayed;
use crate::trace::{Event, Run};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "failing-reupgrade",
        summary: "the upgrade fails when it runs again after its downgrade",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/failing-reupgrade.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    if !rollback::completes(replayed)
        || super::missing_downgrade::executes_nothing(&replayed.downgrade)
        || !context.differences().is_empty()
    {
        // what the downgrade leaves behind is the cause, and told as such
        return Vec::new();
    }
    let mut errors = rollback::reupgrade_errors(replayed)
        .filter(|(event, error)| !is_told_elsewhere(replayed, event, error))
        .filter(|(event, _)| !claims::is_claimed(context, Run::Reupgrade, event));
    let Some((event, error)) = errors.next() else {
        return Vec::new();
    };
    let mut diagnostic = report(context, event, error);
    let mut places = vec![event.site];
    for (other, error) in errors {
        if !places.contains(&other.site) {
            places.push(other.site);
            diagnostic.labels.push(label(
                other.site,
                format!("{} fails too ({})", words::call(other), error.sqlstate),
            ));
        }
    }
    vec![diagnostic]
}

/// A call that fails on any second run has a rule of its own.
fn is_told_elsewhere(replayed: &Replayed, event: &Event, error: &ServerError) -> bool {
    replayed.rerun.events.iter().any(|again| {
        again.is_same(event)
            && matches!(&again.outcome, Outcome::Error(known) if known.sqlstate == error.sqlstate)
    })
}

fn report(context: &Context<'_>, event: &Event, error: &ServerError) -> Diagnostic {
    let message = format!(
        "{} fails when the revision is upgraded again after its downgrade ({}: {})",
        words::call(event),
        error.sqlstate,
        error.message
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(remedy(error).to_owned());
    diagnostic.labels.push(label(
        rollback::place(context.replayed),
        "this downgrade ran before",
    ));
    diagnostic
}

fn remedy(error: &ServerError) -> &'static str {
    let label = error
        .object
        .as_ref()
        .is_some_and(|key| key.kind == ObjectKind::EnumLabel);
    match error.sqlstate {
        SqlState::UNIQUE_VIOLATION | SqlState::EXCLUSION_VIOLATION => {
            "delete the upgrade's rows in `downgrade()`, or insert with `ON CONFLICT DO NOTHING`"
        }
        _ if label => {
            "PostgreSQL keeps enum values: write `ADD VALUE IF NOT EXISTS`, or rename the value back in `downgrade()`"
        }
        _ => "undo in `downgrade()` what stands in the way, or guard the call",
    }
}
