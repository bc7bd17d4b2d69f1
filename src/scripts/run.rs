//! One run of one direction of a SQL migration: its statements executed on a catalog, and what came of it.

use std::collections::{BTreeMap, BTreeSet};

use super::{Part, Sending};
use crate::postgres::statement::TransactionStatement;
use crate::postgres::{Catalog, Parameters, Session, Statement, TransactionMode, Version};
use crate::sql;
use crate::trace::{Boundary, BoundaryKind, Event, Gap, RunOutput, Trace};

/// What a statement does to the transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Control {
    Begin,
    End,
}

/// Whether a call begins or ends a transaction.
pub(super) fn control(statements: &[Statement]) -> Option<Control> {
    match statements.first()? {
        Statement::Transaction(TransactionStatement::Begin) => Some(Control::Begin),
        Statement::Transaction(TransactionStatement::Commit | TransactionStatement::Rollback) => {
            Some(Control::End)
        }
        _ => None,
    }
}

/// Whether a call leaves anything behind that a second attempt meets.
pub(super) fn leaves_something(statements: &[Statement]) -> bool {
    !statements.iter().all(|statement| {
        matches!(
            statement,
            Statement::Set { .. }
                | Statement::Show { .. }
                | Statement::Query(_)
                | Statement::Lock { .. }
                | Statement::Transaction(_)
                | Statement::Vacuum { .. }
                | Statement::Comment { .. }
        )
    })
}

/// Whether a failure of a call leaves half of it behind.
pub(super) fn is_concurrent(statements: &[Statement]) -> bool {
    matches!(
        statements.first(),
        Some(Statement::CreateIndex(index)) if index.concurrently
    )
}

/// Runs a part on a catalog; `None` where the direction does not exist. `assumes`: tables that no migration made and that
/// are used directly are taken to be there ([`Session::assumes`]).
pub fn run(part: Option<&Part>, catalog: Catalog, version: Version, assumes: bool) -> RunOutput {
    let Some(part) = part else {
        return output(
            Trace {
                missing_function: true,
                ..Trace::default()
            },
            catalog,
        );
    };
    let mut session = Session::new(catalog, version, sql::statements);
    session.assumes = assumes;
    if part.sending == Sending::Block {
        session.begin();
    }
    let mut trace = execute(part, &mut session);
    finish(&mut session, part, &mut trace);
    trace.has_assumed = session.has_assumed();
    output(trace, session.catalog)
}

/// The files of one command, where a tool sends all that wait in one transaction.
#[derive(Default)]
pub struct Command {
    /// Its connection, with the transaction that is open.
    session: Option<Session>,
}

impl Command {
    /// Runs the next file's part; the catalog is that before the first.
    pub fn run(&mut self, part: &Part, catalog: &Catalog, version: Version) -> RunOutput {
        let session = self.session.get_or_insert_with(|| {
            let mut session = Session::new(catalog.clone(), version, sql::statements);
            session.assumes = true;
            // what a file ends by its own COMMIT is not begun again
            session.begin();
            session
        });
        let trace = execute(part, session);
        output(trace, session.catalog.clone())
    }

    /// What was made so far counts as committed by an earlier command: types are no longer new.
    pub fn forget_made(&mut self) {
        if let Some(session) = &mut self.session {
            session.forget_made_types();
        }
    }
}

/// Executes the calls of a part, and leaves its transaction as they do.
fn execute(part: &Part, session: &mut Session) -> Trace {
    let implicit = part.sending == Sending::OneCall && part.calls.len() > 1;
    let mut trace = Trace {
        events: Vec::with_capacity(part.calls.len()),
        gaps: part.gaps.clone(),
        ..Trace::default()
    };
    let mut transaction = 0;
    for call in &part.calls {
        if implicit {
            // each statement of a string of several opens an implicit block where none is open
            session.begin_implicit();
        }
        let answer = session.execute(&call.statements, &Parameters::default());
        for key in &answer.assumed {
            let gap = Gap {
                site: Some(call.site),
                what: format!(
                    "no migration makes the {key}: it is taken to be there, its parts are not known"
                ),
            };
            trace.gaps.push(gap);
            trace.presumed.push(key.clone());
        }
        let mode = answer.mode;
        trace.events.push(Event {
            call: call.clone(),
            outcome: answer.outcome,
            changes: answer.changes.into(),
            changed: None,
            mode,
            aborted: answer.aborted,
            handled: false,
            swallowed: None,
            transaction,
            conditional: None,
            doubt: None,
        });
        let ends = control(&call.statements) == Some(Control::End);
        if ends && part.sending == Sending::Block && mode == TransactionMode::Block {
            trace.boundaries.push(Boundary {
                site: call.site,
                kind: ended_by(&call.statements),
                transaction,
            });
        }
        // what is committed by itself is a transaction of its own
        transaction += usize::from(ends || mode == TransactionMode::Autocommit);
    }
    trace
}

fn ended_by(statements: &[Statement]) -> BoundaryKind {
    match statements.first() {
        Some(Statement::Transaction(TransactionStatement::Rollback)) => BoundaryKind::RollbackText,
        _ => BoundaryKind::CommitText,
    }
}

/// The end of the connection: the tool commits its transaction, and one that the file leaves open is rolled back.
fn finish(session: &mut Session, part: &Part, trace: &mut Trace) {
    if session.mode() == TransactionMode::Autocommit {
        return;
    }
    if part.sending == Sending::Block || session.is_implicit() {
        session.commit();
        return;
    }
    session.rollback();
    let last_begin = part
        .calls
        .iter()
        .rev()
        .find(|call| control(&call.statements) == Some(Control::Begin));
    trace.gaps.push(Gap {
        site: last_begin.map(|call| call.site),
        what: "its transaction is never committed: what follows BEGIN is rolled back when the connection closes"
            .to_owned(),
    });
}

fn output(trace: Trace, catalog: Catalog) -> RunOutput {
    RunOutput {
        trace,
        catalog,
        undone: None,
        doubtful_rows: BTreeSet::new(),
        decisions: Vec::new(),
        settled: BTreeMap::new(),
        steps: 0,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::Outcome;
    use crate::scripts::{self, Format, Reading};
    use crate::source::FileId;

    fn failed(event: &Event) -> Option<&'static str> {
        match &event.outcome {
            Outcome::Error(error) => Some(error.sqlstate.code()),
            _ => None,
        }
    }

    fn answers(text: &str, sending: Sending) -> Vec<Option<&'static str>> {
        let Reading::Read { mut script, .. } =
            scripts::read(Format::Plain, FileId(0), text, None, Version(15))
        else {
            panic!("read");
        };
        script.up.sending = sending;
        run(Some(&script.up), Catalog::default(), Version(15), true)
            .trace
            .events
            .iter()
            .map(failed)
            .collect()
    }

    #[test]
    fn what_may_not_stand_in_a_transaction_depends_on_how_it_is_sent() {
        let two = "CREATE TABLE t (a int);\nCREATE INDEX CONCURRENTLY i ON t (a);\n";
        assert_eq!(answers(two, Sending::Each), [None, None]);
        assert_eq!(answers(two, Sending::Block), [None, Some("25001")]);
        assert_eq!(answers(two, Sending::OneCall), [None, Some("25001")]);
        assert_eq!(answers("VACUUM;", Sending::OneCall), [None]);
        assert_eq!(answers("VACUUM;", Sending::Block), [Some("25001")]);
    }

    #[test]
    fn the_files_own_transactions() {
        let text =
            "BEGIN;\nCREATE TABLE t (a int);\nCOMMIT;\nCREATE INDEX CONCURRENTLY i ON t (a);\n";
        assert_eq!(answers(text, Sending::Each), [None; 4]);
        assert_eq!(answers(text, Sending::Block), [None; 4]);
        // in one string, what follows COMMIT is a new implicit block
        assert_eq!(
            answers(text, Sending::OneCall),
            [None, None, None, Some("25001")]
        );
        let savepoint = "CREATE TABLE t (a int);\nSAVEPOINT s;\nROLLBACK TO s;\n";
        assert_eq!(answers(savepoint, Sending::Block), [None; 3]);
        assert_eq!(
            answers(savepoint, Sending::OneCall),
            [None, Some("25P01"), Some("25P01")]
        );
        assert_eq!(
            answers("LOCK TABLE pg_class;", Sending::Each),
            [Some("25P01")]
        );
    }
}
