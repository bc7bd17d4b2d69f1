//! What the second run did that it should not: the facts on which the rerun rules stand.

use crate::postgres::{ObjectKey, Outcome, ServerError, Statement};
use crate::replay::Replayed;
use crate::source::Site;
use crate::trace::{Event, Trace};
use crate::unknown::Reason;

/// A call of the second run that fails or changes something again.
#[derive(Clone, Copy)]
pub(super) struct Fault<'a> {
    pub(super) event: &'a Event,
    pub(super) kind: FaultKind<'a>,
}

/// How it goes wrong.
#[derive(Clone, Copy)]
pub(super) enum FaultKind<'a> {
    /// The server refuses it.
    Fails(&'a ServerError),
    /// It succeeds, and something is there once more, or is different.
    Changes,
}

/// All calls of the second run that go wrong for certain, in order.
///
/// A call that failed in the first run too, in the same way, is no matter of running twice, nor is one that failed there
/// and works now: what it makes is made once. What runs only because of data is never certain.
pub(super) fn faults(replayed: &Replayed) -> Vec<Fault<'_>> {
    replayed
        .rerun
        .events
        .iter()
        .filter(|event| matches!(event.conditional, None | Some(Reason::Environment)))
        .filter_map(|event| match &event.outcome {
            Outcome::Error(error) if !event.handled => {
                let again = failed_before(&replayed.first, event, Some(error));
                (!again).then_some(Fault {
                    event,
                    kind: FaultKind::Fails(error),
                })
            }
            Outcome::Ok if event.changed == Some(true) => {
                let late = failed_before(&replayed.first, event, None);
                (!late).then_some(Fault {
                    event,
                    kind: FaultKind::Changes,
                })
            }
            _ => None,
        })
        .collect()
}

/// Whether the same call failed in the first run: in the same way, or, without an error to compare, in any.
pub(super) fn failed_before(first: &Trace, event: &Event, error: Option<&ServerError>) -> bool {
    first.events.iter().any(|before| {
        before.stack == event.stack
            && matches!(&before.outcome, Outcome::Error(known) if error.is_none_or(|error| known.sqlstate == error.sqlstate))
            && before.statements == event.statements
    })
}

/// Whether a fault is about rows: a statement on rows that changes them again, or that meets its own rows. One that fails
/// since the schema is another now is about the schema.
pub(super) fn is_data(fault: &Fault<'_>) -> bool {
    let statements = &fault.event.statements;
    let inserts = statements.iter().any(|statement| {
        matches!(
            statement,
            Statement::Insert(_) | Statement::Merge(_) | Statement::Copy { .. }
        )
    });
    let rows_only = !statements.is_empty()
        && statements.iter().all(|statement| {
            matches!(
                statement,
                Statement::Insert(_)
                    | Statement::Update(_)
                    | Statement::Delete(_)
                    | Statement::Merge(_)
                    | Statement::Copy { .. }
                    | Statement::Truncate { .. }
                    | Statement::Query(_)
                    | Statement::Set { .. }
            )
        });
    match fault.kind {
        FaultKind::Fails(error) => rows_only && (inserts || is_violation(error)),
        FaultKind::Changes => rows_only,
    }
}

/// Class 23: a row breaks a constraint.
pub(super) fn is_violation(error: &ServerError) -> bool {
    error.sqlstate.code().starts_with("23")
}

/// Where the first run made a thing, if it did.
pub(super) fn made_by_first_run(replayed: &Replayed, key: &ObjectKey) -> Option<Site> {
    replayed
        .first
        .events
        .iter()
        .find(|event| event.changes.contains(key))
        .map(|event| event.site)
}
