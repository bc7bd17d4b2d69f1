//! Repairs of `non-idempotent-insert`: `ON CONFLICT DO NOTHING`, in text or through `postgresql.insert`.

use super::code::Code;
use super::{Facts, layout, not_exists, setup, sql_text};
use crate::diagnostic::{Applicability, Diagnostic, Fix};
use crate::postgres::SqlState;
use crate::rules::second_run::FaultKind;
use crate::source::Span;
use crate::trace::Origin;

/// The rule whose findings these are.
pub(super) const RULE: &str = "non-idempotent-insert";

/// The proposal for a finding that follows some that were refused.
pub(super) fn fix(facts: &Facts<'_>, diagnostic: &Diagnostic, attempt: usize) -> Option<Fix> {
    fixes(facts, diagnostic).into_iter().nth(attempt)
}

fn fixes(facts: &Facts<'_>, diagnostic: &Diagnostic) -> Vec<Fix> {
    let faults = facts.rows_at.get(&diagnostic.site).map(Vec::as_slice);
    let Some(faults @ [first, ..]) = faults else {
        return Vec::new();
    };
    // only where a unique key stops the rows: else DO NOTHING never applies, and the rows themselves are looked for
    let stopped = faults.iter().all(|fault| {
        matches!(fault.kind, FaultKind::Fails(error) if error.sqlstate == SqlState::UNIQUE_VIOLATION)
    });
    if !stopped {
        let looked = not_exists::edits(facts, faults);
        let applicability = match &looked {
            Some(found) if found.whole => Applicability::Safe,
            _ => Applicability::Unsafe,
        };
        let edits = looked.map(|found| found.edits).unwrap_or_default();
        let edits = fitted(facts, diagnostic, edits);
        let fix = facts.fix("insert only what is not there", applicability, edits);
        return fix.into_iter().collect();
    }
    let mut found = Vec::new();
    if let Some(edits) = sql_text::edits(facts, faults) {
        let edits = fitted(facts, diagnostic, edits);
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

/// Edits of a statement that stands on one line, broken where they make it too long.
fn fitted(
    facts: &Facts<'_>,
    diagnostic: &Diagnostic,
    edits: Vec<(Span, String)>,
) -> Vec<(Span, String)> {
    let place = facts.code.place(diagnostic.site.span.start);
    match place
        .as_ref()
        .and_then(|place| Some((place.statement()?, place.function)))
    {
        Some((statement, function)) => facts.code.fitted(statement, function, edits),
        None => edits,
    }
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
    let insert = format!("{op}.execute({dialect}.insert({})", code.slice(table));
    let text = code.slice(rows);
    let line = format!("{insert}.values({text}).on_conflict_do_nothing())");
    let indent = code.indent(callee.start)?;
    let text = if !text.contains('\n') && indent.len() + line.len() <= code.limit {
        line
    } else {
        chained(code, &insert, rows, indent, code.unit(place.function))
    };
    edits.push((
        Span::new(callee.start, call.span.end),
        code.with_line_ends(&text),
    ));
    Some(edits)
}

/// The insert as a formatter lays out a chain of calls that does not fit on a line.
fn chained(code: &Code<'_>, insert: &str, rows: Span, indent: &str, unit: &str) -> String {
    let (open, rest) = insert.split_at(insert.find('(').map_or(0, |at| at + 1));
    let (one, two) = (format!("{indent}{unit}"), format!("{indent}{unit}{unit}"));
    // how deep the rows stood decides how far they are moved
    let line = code.line_start(rows.start);
    let before = &code.text[line as usize..];
    let own = before.len() - before.trim_start_matches([' ', '\t']).len();
    let steps = two.len().saturating_sub(own) / unit.len().max(1);
    let mut text = code.slice(rows).to_owned();
    if text.contains('\n') {
        for _ in 0..steps {
            text = layout::deeper(&text, &text, unit, usize::MAX);
        }
    }
    let text = text.trim_start();
    let flat = format!("{one}.values({text})");
    let values = if text.contains('\n') || flat.len() > code.limit {
        let rows = if text.contains('\n') {
            format!("{two}{text}")
        } else {
            layout::fit(&format!("{two}{text}"), unit, code.limit).join("\n")
        };
        format!("{one}.values(\n{rows}\n{one})")
    } else {
        flat
    };
    format!("{open}\n{one}{rest}\n{values}\n{one}.on_conflict_do_nothing()\n{indent})")
}
