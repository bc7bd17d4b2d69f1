//! What every run did: JSON Lines for machines, a table for a person who is about to approve a migration.

mod table;

use serde::Serialize;

use super::{harmless, slashes};
use crate::postgres::{Outcome, Statement, TransactionMode};
use crate::source::{Site, SourceMap};
use crate::trace::{Event, Origin, Run};
use crate::unknown::{FRESH, HOLE, Reason};

pub use crate::trace::TracedRun;
pub use table::table;

/// One event as JSON.
#[derive(Serialize)]
struct Object<'a> {
    file: &'a str,
    revision: &'a str,
    run: &'static str,
    /// First line of the innermost statement in the revision's own file, from 1.
    line: u32,
    end_line: u32,
    /// Lines of the calls in that file, innermost first.
    stack: Vec<u32>,
    statement: String,
    outcome: &'static str,
    sqlstate: Option<&'static str>,
    /// Rerun only: what it altered is different once the rerun is over.
    changed: Option<bool>,
    transaction: &'static str,
    aborted: bool,
    handled: bool,
    /// Why the outcome is not known, or whether it executes.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<String>,
    /// It executes only if something unknown says so.
    #[serde(skip_serializing_if = "Option::is_none")]
    conditional: Option<&'static str>,
    /// What comes of it if it executes, where only that is not known: `ok` or the SQLSTATE.
    #[serde(skip_serializing_if = "Option::is_none")]
    if_executed: Option<&'static str>,
}

/// One JSON object an event, in the order of the runs.
pub fn json_lines(runs: &[TracedRun], sources: &SourceMap) -> String {
    let mut out = Vec::new();
    for traced in runs {
        let path = slashes(sources.file(traced.file).path());
        for event in &traced.trace.events {
            let (line, end_line) = lines(sources, event.site);
            let object = Object {
                file: &path,
                revision: &traced.revision,
                run: run_word(traced.run, event),
                line,
                end_line,
                stack: event
                    .stack()
                    .iter()
                    .map(|site| lines(sources, *site).0)
                    .collect(),
                statement: statement_text(event, sources),
                outcome: if is_open(event) {
                    "unknown"
                } else {
                    outcome_word(&event.outcome)
                },
                sqlstate: match &event.outcome {
                    Outcome::Error(error) if !is_open(event) => Some(error.sqlstate.code()),
                    _ => None,
                },
                changed: changed(traced.run, event),
                transaction: match event.mode {
                    TransactionMode::Block => "block",
                    TransactionMode::Autocommit => "autocommit",
                },
                aborted: event.aborted,
                handled: event.handled,
                reason: reason(event, sources),
                conditional: event.conditional.map(reason_word),
                if_executed: if_executed(event),
            };
            // writing into memory can't fail
            let _ = harmless::line(&mut out, &object);
        }
    }
    String::from_utf8(out).unwrap_or_default()
}

/// Why the outcome of a conditional event is not known.
const DOUBT: &str = "whether it executes depends on what is not known";

/// Why an outcome is not known: what the server could not say, and the construct by which it is so, with its place.
pub(super) fn reason(event: &Event, sources: &SourceMap) -> Option<String> {
    let why = match &event.outcome {
        Outcome::Unknown(why) => shown(why),
        _ if is_doubtful(event) => DOUBT.to_owned(),
        _ => return None,
    };
    let Some(doubt) = &event.doubt else {
        return Some(why);
    };
    let place = match doubt.site {
        Some(site) if site.file == event.site.file => format!(" (line {})", lines(sources, site).0),
        Some(site) => {
            let path = slashes(sources.file(site.file).path());
            format!(" ({path}:{})", lines(sources, site).0)
        }
        None => String::new(),
    };
    Some(format!("{why}: `{}`{place}", shown(&doubt.what)))
}

/// What comes of an event that may not happen.
fn if_executed(event: &Event) -> Option<&'static str> {
    match &event.outcome {
        _ if !is_open(event) => None,
        Outcome::Ok => Some("ok"),
        Outcome::Error(error) => Some(error.sqlstate.code()),
        Outcome::Unknown(_) => None,
    }
}

/// Whether an event may not happen at all. Settings and flags have one value in all runs: what they guard is judged. A query
/// that is answered leaves the database as it would be without it.
fn is_doubtful(event: &Event) -> bool {
    let is_read = matches!(event.outcome, Outcome::Ok)
        && event.changes.is_empty()
        && event
            .statements
            .iter()
            .all(|statement| matches!(statement, Statement::Query(_)));
    event
        .conditional
        .is_some_and(|reason| reason != Reason::Environment)
        && !is_read
}

/// Whether an event executes only where a table has rows that no revision is known to have inserted.
fn wants_rows(event: &Event) -> bool {
    is_doubtful(event) && event.conditional == Some(Reason::Data)
}

/// Whether it is not known if an event happens, for another reason than rows.
fn is_open(event: &Event) -> bool {
    is_doubtful(event) && !wants_rows(event)
}

/// The run of an event. The four runs go from an empty database and know the rows that revisions insert; what executes only
/// where there are others (the body of a loop over a table's rows) stands beside them, with the answer that it would get.
fn run_word(run: Run, event: &Event) -> &'static str {
    match run {
        _ if !wants_rows(event) => run.word(),
        Run::First => "first-with-rows",
        Run::Rerun => "rerun-with-rows",
        Run::Downgrade => "downgrade-with-rows",
        Run::Reupgrade => "reupgrade-with-rows",
    }
}

/// What refused statements alter is known: nothing.
fn changed(run: Run, event: &Event) -> Option<bool> {
    match (run, &event.outcome) {
        (Run::Rerun, Outcome::Error(_)) => Some(event.changed.unwrap_or(false)),
        (Run::Rerun, _) => event.changed,
        _ => None,
    }
}

/// First and last line of a site.
fn lines(sources: &SourceMap, site: Site) -> (u32, u32) {
    let file = sources.file(site.file);
    let first = file.line(site.span.start);
    let last = file.line(site.span.end.saturating_sub(1).max(site.span.start));
    (first, last)
}

/// The SQL as written, else as the statements say it.
fn statement_text(event: &Event, sources: &SourceMap) -> String {
    match (event.text(), event.literal) {
        (Some(text), _) => shown(text.trim()),
        (None, Some(whole)) if event.origin == Origin::Script => {
            let file = sources.file(whole.file);
            let text = file.text().get(whole.span.range()).unwrap_or_default();
            // a NUL is read as a blank
            shown(&text.trim().replace('\0', " "))
        }
        _ => {
            let statements: Vec<String> =
                event.statements.iter().map(ToString::to_string).collect();
            shown(&statements.join("; "))
        }
    }
}

fn shown(text: &str) -> String {
    super::secret::covered(text)
        .replace(HOLE, "{?}")
        .replace(FRESH, "{new}")
}

fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Error(_) => "error",
        Outcome::Unknown(_) => "unknown",
    }
}

fn reason_word(reason: Reason) -> &'static str {
    match reason {
        Reason::Environment => "environment",
        Reason::Data => "data",
        Reason::Catalog => "catalog",
        Reason::Unsupported => "unsupported",
        Reason::Bound => "bound",
    }
}

#[cfg(test)]
mod tests;
