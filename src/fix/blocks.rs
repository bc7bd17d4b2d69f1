//! Repairs of statements that must be committed before what follows, or run outside a transaction block: a block of their own
//! that commits, at the start of the function where nothing stands before it that it would commit, else in place.

use super::code::{Code, Place};
use super::{Facts, fix_of, guards, layout, setup};
use crate::diagnostic::{Applicability, Diagnostic, Fix};
use crate::postgres::Statement;
use crate::python::syntax::{ExpressionKind, StatementKind};
use crate::source::Span;

const HEADER: &str = "with op.get_context().autocommit_block():";

/// `statement-forbidden-in-transaction`: the statement in a block of its own.
pub(super) fn forbidden(facts: &Facts<'_>, diagnostic: &Diagnostic, attempt: usize) -> Option<Fix> {
    let code = facts.code;
    let place = code.place(diagnostic.site.span.start)?;
    let statement = place.statement()?;
    let events: Vec<_> = [&facts.replayed.first, &facts.replayed.downgrade]
        .into_iter()
        .flat_map(|trace| &trace.events)
        .filter(|event| event.site.span.start == statement.span.start)
        .collect();
    // a batch executes later than its calls stand
    let alone = !events.is_empty()
        && events
            .iter()
            .all(|event| event.is_direct() && event.statements.iter().all(stands_alone));
    // an index may need what is made before it; a value of an enum type needs its type alone
    let adds = events.iter().flat_map(|event| event.statements.iter());
    let values = adds
        .into_iter()
        .all(|one| matches!(one, Statement::AlterEnum(_)));
    alone.then(|| proposal(code, &place, values, attempt))?
}

/// `enum-value-used-before-commit`: the statement that adds the value, where this file holds it, in a block of its own.
pub(super) fn used_before_commit(
    code: &Code<'_>,
    diagnostic: &Diagnostic,
    attempt: usize,
) -> Option<Fix> {
    let file = diagnostic.site.file;
    let mut labels = diagnostic.labels.iter();
    let added =
        labels.find(|label| label.site.file == file && label.message.ends_with("adds it here"))?;
    let place = code.place(added.site.span.start)?;
    proposal(code, &place, true, attempt)
}

/// `partial-commit`: the block at the start, before what it would commit.
pub(super) fn partial(facts: &Facts<'_>, diagnostic: &Diagnostic, attempt: usize) -> Option<Fix> {
    let code = facts.code;
    let place = code.place(diagnostic.site.span.start)?;
    let block = matches!(place.statement()?.kind, StatementKind::With { .. });
    if attempt > 0 || !block || place.chain.len() != 1 {
        return None;
    }
    let edits = moved(code, &place, None)?;
    let message = "begin with the block, so that it commits nothing else";
    fix_of(diagnostic.site.file, message, Applicability::Unsafe, edits)
}

fn proposal(code: &Code<'_>, place: &Place<'_>, may_move: bool, attempt: usize) -> Option<Fix> {
    let first = may_move.then(|| moved(code, place, Some(HEADER))).flatten();
    let (edits, message) = match (attempt, first) {
        (0, Some(edits)) => (edits, "run it first, in an `autocommit_block()`"),
        (0, None) | (1, Some(_)) => (
            in_place(code, place)?,
            "run it in an `autocommit_block()`, which commits what comes before it",
        ),
        _ => return None,
    };
    let mut edits = edits;
    edits.extend(setup::import_of_op(code));
    fix_of(code.module.file, message, Applicability::Unsafe, edits)
}

fn in_place(code: &Code<'_>, place: &Place<'_>) -> Option<Vec<(Span, String)>> {
    let (block, index) = *place.chain.last()?;
    let unit = code.unit(place.function);
    Some(vec![code.under(block, index..=index, HEADER, unit, &[])?])
}

/// The outermost statement of a place at the start of its function, under a header where it needs one; `None` where it
/// stands there already, or reads what is set before it.
fn moved(code: &Code<'_>, place: &Place<'_>, header: Option<&str>) -> Option<Vec<(Span, String)>> {
    let (body, index) = *place.chain.first()?;
    let is_text = |kind: &StatementKind| match kind {
        StatementKind::Expression(id) => {
            matches!(code.module.expression(*id).kind, ExpressionKind::Str { .. })
        }
        _ => false,
    };
    let first = usize::from(is_text(&body.first()?.kind));
    let statement = body.get(index)?;
    if index <= first || !code.has_own_lines(statement) || !code.has_own_lines(&body[first]) {
        return None;
    }
    let set = guards::assigned_names(code, &body[..index]);
    if set.iter().any(|name| code.mentions(statement.span, name)) {
        return None;
    }
    let start = with_comments(code, statement.span.start);
    let end = code.line_end(statement.span.end);
    let lines = code.slice(Span::new(start, end));
    let indent = code.indent(statement.span.start)?;
    let unit = code.unit(place.function);
    let text = match header {
        Some(header) => {
            let deeper = layout::deeper(lines, lines, unit, code.limit);
            format!("{indent}{header}\n{deeper}\n")
        }
        None => format!("{lines}\n"),
    };
    let at = with_comments(code, body[first].span.start);
    let after = code.next_line(end);
    // the statement was the last of its lines: the line end before it goes with it
    let gone = if after == end {
        Span::new(start.saturating_sub(code.newline.len() as u32), end)
    } else {
        Span::new(start, after)
    };
    Some(vec![
        (Span::new(at, at), code.with_line_ends(&text)),
        (gone, String::new()),
    ])
}

/// The start of the line of an offset, or of the comments right above it.
fn with_comments(code: &Code<'_>, offset: u32) -> u32 {
    let mut start = code.line_start(offset);
    while start > 0 {
        let above = code.line_start(start - code.newline.len() as u32);
        let line = code.slice(Span::new(above, start));
        if !line.trim_start().starts_with('#') {
            break;
        }
        start = above;
    }
    start
}

/// Whether a statement is one for which a block of its own is meant.
fn stands_alone(statement: &Statement) -> bool {
    match statement {
        Statement::AlterEnum(alter) => alter.rename_from.is_none(),
        Statement::CreateIndex(index) => index.concurrently,
        Statement::Drop(drop) => drop.concurrently,
        Statement::Reindex { .. } | Statement::Vacuum { .. } => true,
        _ => false,
    }
}
