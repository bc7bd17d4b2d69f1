//! `swallowed-error-in-transaction`: `try`/`except` around a statement that fails in Alembic's transaction, without a
//! savepoint.

use super::second_run::{self, FaultKind};
use super::{
    Check, Context, Rule, advice, issued_elsewhere, label, missing_guard,
    statement_forbidden_in_transaction, words,
};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{Outcome, ServerError};
use crate::source::Site;
use crate::trace::{Event, Run};
use crate::unknown::Reason;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "swallowed-error-in-transaction",
        summary: "`except` catches a statement's error, but the transaction is aborted and the next statement fails",
        tags: &["transaction", "rerun"],
        category: "transaction",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/swallowed-error-in-transaction.md"),
    },
    check: Check::Revision(check),
};

const SAVEPOINT: &str =
    "give the attempt a savepoint, `with op.get_bind().begin_nested():` inside the `try`";

/// A failing call whose error a handler swallows.
struct Swallowed<'a> {
    event: &'a Event,
    error: &'a ServerError,
    run: Run,
    handler: Site,
}

/// Whether this rule reports a call, in place of the rules on second runs.
pub(super) fn claims(event: &Event, context: &Context<'_>) -> bool {
    event.swallowed.is_some()
        && statement_forbidden_in_transaction::refused(event).is_none()
        && !context.transactions.autocommit
        && RULE.is_on(context.config)
}

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if context.transactions.autocommit {
        return Vec::new();
    }
    let mut all: Vec<Swallowed<'_>> = Vec::new();
    for run in [Run::First, Run::Rerun, Run::Downgrade, Run::Reupgrade] {
        for found in swallowed(context, run) {
            if !all
                .iter()
                .any(|known| known.event.stack() == found.event.stack())
            {
                all.push(found);
            }
        }
    }
    let mut causes: Vec<Vec<Swallowed<'_>>> = Vec::new();
    for found in all {
        let same = |cause: &&mut Vec<Swallowed<'_>>| {
            cause[0].handler == found.handler && cause[0].run == found.run
        };
        match causes.iter_mut().find(same) {
            Some(cause) => cause.push(found),
            None => causes.push(vec![found]),
        }
    }
    causes.iter().map(|cause| report(context, cause)).collect()
}

fn swallowed<'a>(context: &'a Context<'_>, run: Run) -> Vec<Swallowed<'a>> {
    let pick = |event: &'a Event| {
        let Outcome::Error(error) = &event.outcome else {
            return None;
        };
        // what is refused for the block around it has its own rule
        if statement_forbidden_in_transaction::refused(event).is_some() {
            return None;
        }
        Some(Swallowed {
            event,
            error,
            run,
            handler: *event.swallowed.clone()?,
        })
    };
    if run == Run::Rerun {
        return second_run::faults(context.replayed)
            .into_iter()
            .filter_map(|fault| pick(fault.event))
            .collect();
    }
    context
        .replayed
        .trace(run)
        .events
        .iter()
        .filter(|event| matches!(event.conditional, None | Some(Reason::Environment)))
        .filter_map(pick)
        .collect()
}

fn report(context: &Context<'_>, cause: &[Swallowed<'_>]) -> Diagnostic {
    let first = &cause[0];
    let fault = second_run::Fault {
        event: first.event,
        kind: FaultKind::Fails(first.error),
    };
    let call = words::call(first.event);
    let bites = match first.run {
        Run::First => format!("each time ({})", first.error.sqlstate),
        Run::Downgrade => format!("each time in the downgrade ({})", first.error.sqlstate),
        Run::Reupgrade => format!(
            "in the upgrade that follows a downgrade ({})",
            first.error.sqlstate
        ),
        Run::Rerun => format!(
            "{} ({}: {})",
            missing_guard::circumstance(&fault, first.error),
            first.error.sqlstate,
            missing_guard::WHEN
        ),
    };
    let message = format!(
        "{call} fails {bites}, and catching that does not help: the transaction is aborted, so the next statement fails (25P02), be it Alembic's own `UPDATE alembic_version`"
    );
    let mut diagnostic = context.diagnostic(&RULE, first.event.site, message);
    diagnostic.help = Some(
        match advice::guard(first.event, fault.kind, context.config) {
            Some(guard) if first.run == Run::Rerun => format!("{guard}, or {SAVEPOINT}"),
            _ => SAVEPOINT.to_owned(),
        },
    );
    diagnostic
        .labels
        .push(label(first.handler, "it is caught here, too late"));
    diagnostic.labels.extend(issued_elsewhere(first.event));
    let mut places = vec![first.event.site];
    for other in &cause[1..] {
        if !places.contains(&other.event.site) {
            places.push(other.event.site);
            diagnostic.labels.push(label(
                other.event.site,
                format!("{} is not reached then", words::call(other.event)),
            ));
        }
    }
    diagnostic
}
