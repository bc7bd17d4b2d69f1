//! Repairs of `non-idempotent-insert`: `ON CONFLICT DO NOTHING`, in text or through `postgresql.insert`.

use super::code::Code;
use super::{Facts, setup, sql_text};
use crate::diagnostic::{Applicability, Diagnostic, Fix};
use crate::postgres::SqlState;
use crate::rules::second_run::{self, Fault, FaultKind};
use crate::source::Span;
use crate::trace::Origin;

/// The proposal for a finding that follows some that were refused.
pub(super) fn fix(facts: &Facts<'_>, diagnostic: &Diagnostic, attempt: usize) -> Option<Fix> {
    fixes(facts, diagnostic).into_iter().nth(attempt)
}

fn fixes(facts: &Facts<'_>, diagnostic: &Diagnostic) -> Vec<Fix> {
    let faults: Vec<Fault<'_>> = second_run::faults(facts.replayed)
        .into_iter()
        .filter(|fault| second_run::is_data(fault) && fault.event.site == diagnostic.site)
        .collect();
    let Some(first) = faults.first() else {
        return Vec::new();
    };
    // only where a unique key stops the rows: else DO NOTHING never applies
    let stopped = faults.iter().all(|fault| {
        matches!(fault.kind, FaultKind::Fails(error) if error.sqlstate == SqlState::UNIQUE_VIOLATION)
    });
    if !stopped {
        return Vec::new();
    }
    let mut found = Vec::new();
    if let Some(edits) = sql_text::edits(facts, &faults) {
        found.extend(facts.fix("write `ON CONFLICT DO NOTHING`", Applicability::Safe, edits));
    }
    if let Origin::Operation {
        name: "bulk_insert",
        ..
    } = first.event.origin
        && let Some(edits) = bulk_insert(facts.code, diagnostic.site.span.start)
    {
        // a list of rows with different keys is one statement each for `bulk_insert`, and none for `values`
        found.extend(facts.fix(
            "insert with `on_conflict_do_nothing()`",
            Applicability::Unsafe,
            edits,
        ));
    }
    found
}

/// `op.bulk_insert(table, rows)` as an INSERT that passes over rows that are there.
fn bulk_insert(code: &Code<'_>, offset: u32) -> Option<Vec<(Span, String)>> {
    let place = code.place(offset)?;
    let statement = place.statement()?;
    let call = code.call(statement.span, "bulk_insert")?;
    if call.arguments.len() != 2 || call.spreads() {
        return None;
    }
    let table = code.module.expression(call.argument(0, &["table"])?).span;
    let rows = code.module.expression(call.argument(1, &["rows"])?).span;
    let callee = code.module.expression(call.callee).span;
    let op = code.slice(callee).strip_suffix(".bulk_insert")?;
    let (dialect, import) = setup::postgresql(code)?;
    let mut edits: Vec<(Span, String)> = import.into_iter().collect();
    let head = format!(
        "{op}.execute({dialect}.insert({}).values(",
        code.slice(table)
    );
    edits.push((Span::new(callee.start, rows.start), head));
    edits.push((
        Span::new(rows.end, call.span.end),
        ").on_conflict_do_nothing())".to_owned(),
    ));
    Some(edits)
}
