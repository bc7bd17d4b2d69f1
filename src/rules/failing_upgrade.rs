//! `failing-upgrade`: a statement of the upgrade fails on the schema that the earlier revisions leave.

use super::{Check, Context, Rule, claims, refusals, rollback};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{Name, ObjectKey, ObjectKind, Outcome, ServerError, SqlState};
use crate::trace::{Event, Raised, Run};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "failing-upgrade",
        summary: "a statement of the upgrade fails on the schema that the earlier revisions leave",
        tags: &["upgrade"],
        category: "upgrade",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/failing-upgrade.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    // what is no SQL in a SQL file is told of the file, and its tool may send the rest otherwise
    if replayed.revision.script().is_some() {
        return Vec::new();
    }
    let mut errors =
        rollback::errors(&replayed.first).filter(|(event, error)| is_own(context, event, error));
    if let Some((event, error)) = errors.next() {
        return vec![refusals::refused(
            context,
            &RULE,
            Run::First,
            event,
            error,
            errors,
        )];
    }
    // behind an error that is told elsewhere, or that an earlier revision led to, Python may go on with what is not there
    let failed = |event: &Event| matches!(event.outcome, Outcome::Error(_)) && !event.handled;
    if replayed.first.events.iter().any(failed) {
        return Vec::new();
    }
    replayed
        .first
        .raised
        .as_ref()
        .filter(|raised| is_refusal(raised))
        .map(|raised| refusals::raises(context, &RULE, Run::First, raised))
        .into_iter()
        .collect()
}

/// Whether an error is sure, and neither a consequence of an earlier revision's nor told by a rule that knows more of it.
fn is_own(context: &Context<'_>, event: &Event, error: &ServerError) -> bool {
    let before = &context.replayed.before;
    let misses = matches!(
        error.sqlstate,
        SqlState::UNDEFINED_TABLE
            | SqlState::UNDEFINED_COLUMN
            | SqlState::UNDEFINED_OBJECT
            | SqlState::UNDEFINED_FUNCTION
    );
    // an earlier revision that breaks off makes more on the databases that have got this far
    if misses && (before.cut || before.open) {
        return false;
    }
    let constraint = |key: &ObjectKey| key.kind == ObjectKind::Constraint;
    if misses && context.names_unknown && error.object.as_ref().is_none_or(constraint) {
        return false;
    }
    let is_doubted = |table: &Name| before.doubted.contains(&table.name);
    !event.tables().any(is_doubted) && !claims::is_told(context, event)
}

/// What SQLAlchemy refuses whatever the database holds.
fn is_refusal(raised: &Raised) -> bool {
    !raised.explicit
        && matches!(
            raised.class.as_str(),
            "ObjectNotExecutableError" | "CompileError"
        )
}
