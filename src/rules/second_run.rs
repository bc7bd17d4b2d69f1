//! What the second run did that it should not: the facts on which the rerun rules stand.

use rustc_hash::{FxHashMap, FxHashSet};

use super::Context;
use crate::diagnostic::Severity;
use crate::postgres::{ObjectKey, Outcome, ServerError, Statement};
use crate::replay::Replayed;
use crate::source::Site;
use crate::trace::{Event, Trace};
use crate::unknown::Reason;

/// A call of the second run that fails or changes something again.
#[derive(Clone, Copy)]
pub(crate) struct Fault<'a> {
    pub(crate) event: &'a Event,
    pub(crate) kind: FaultKind<'a>,
}

/// How it goes wrong.
#[derive(Clone, Copy)]
pub(crate) enum FaultKind<'a> {
    /// The server refuses it.
    Fails(&'a ServerError),
    /// It succeeds, and something is there once more, or is different.
    Changes,
}

/// All calls of the second run that go wrong for certain, in order.
///
/// A call that failed in the first run too, in the same way, is no matter of running twice, nor is one that failed there
/// and works now: what it makes is made once. What runs only because of data is never certain.
pub(crate) fn faults(replayed: &Replayed) -> Vec<Fault<'_>> {
    let failed = Failures::of(&replayed.first);
    replayed
        .rerun
        .events
        .iter()
        .filter(|event| matches!(event.conditional, None | Some(Reason::Environment)))
        .filter_map(|event| match &event.outcome {
            Outcome::Error(error) if !event.handled => {
                let again = failed.have(event, Some(error));
                (!again).then_some(Fault {
                    event,
                    kind: FaultKind::Fails(error),
                })
            }
            Outcome::Ok if event.changed == Some(true) => {
                let late = failed.have(event, None);
                (!late).then_some(Fault {
                    event,
                    kind: FaultKind::Changes,
                })
            }
            _ => None,
        })
        .collect()
}

/// How bad it is that a migration can't run twice: what it promises decides.
///
/// Alembic's must, unless the project says otherwise. A tool of SQL files runs each once, so there it is advice, but for
/// files that the project wants to be rerunnable, and those that a failure can leave half applied.
pub(super) fn severity(context: &Context<'_>) -> Severity {
    let must = match context.replayed.revision.script() {
        Some(script) => script.rerunnable,
        None => context.config.rerunnable.unwrap_or(true),
    };
    if must {
        Severity::Error
    } else {
        Severity::Note
    }
}

/// The calls of a run that failed, by their places and texts: a loop may make 100,000 of one place.
pub(super) struct Failures<'a>(FxHashMap<(Site, String), Vec<&'a Event>>);

impl<'a> Failures<'a> {
    /// Of a run.
    pub(super) fn of(run: &'a Trace) -> Self {
        let mut found: FxHashMap<_, Vec<&Event>> = FxHashMap::default();
        let all = run.events.iter();
        for event in all.filter(|event| matches!(event.outcome, Outcome::Error(_))) {
            let alike = found.entry(key(event)).or_default();
            let is_known = |known: &&Event| known.outcome == event.outcome && known.is_same(event);
            if !alike.iter().any(is_known) {
                alike.push(event);
            }
        }
        Self(found)
    }

    /// Whether the same call is among them: failed in the same way, or, without an error to compare, in any.
    pub(super) fn have(&self, event: &Event, error: Option<&ServerError>) -> bool {
        if self.0.is_empty() {
            return false;
        }
        let mut alike = self.0.get(&key(event)).into_iter().flatten();
        alike.any(|before| {
            matches!(&before.outcome, Outcome::Error(known)
                if error.is_none_or(|error| known.sqlstate == error.sqlstate))
                && before.is_same(event)
        })
    }
}

fn key(event: &Event) -> (Site, String) {
    let texts: Vec<String> = event.statements.iter().map(ToString::to_string).collect();
    (event.site, texts.join(";"))
}

/// Whether a fault is about rows: a statement on rows that changes them again, or that meets its own rows. One that fails
/// since the schema is another now is about the schema.
pub(crate) fn is_data(fault: &Fault<'_>) -> bool {
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

/// Where the first run made, altered or removed each of some things first.
pub(super) fn makers<'a>(
    replayed: &'a Replayed,
    asked: impl Iterator<Item = &'a ObjectKey>,
) -> FxHashMap<&'a ObjectKey, Site> {
    let asked: FxHashSet<&ObjectKey> = asked.collect();
    let mut made = FxHashMap::default();
    for event in &replayed.first.events {
        for key in event.changes.iter().filter(|key| asked.contains(key)) {
            made.entry(key).or_insert(event.site);
        }
    }
    made
}
