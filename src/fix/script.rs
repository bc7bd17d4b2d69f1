//! Repairs of SQL files: the guard that the statement itself has, or a `DO` block, in the file's own text.

use super::{Facts, guards, sql_text};
use crate::diagnostic::{Applicability, Diagnostic, Fix};
use crate::postgres::Statement;
use crate::scripts::Format;
use crate::source::{Site, Span};

/// The proposal for a finding on what goes wrong on a second run.
pub(super) fn fix(facts: &Facts<'_>, diagnostic: &Diagnostic, attempt: usize) -> Option<Fix> {
    let cause = &facts.causes[*facts.cause_at.get(&diagnostic.site)?];
    if attempt > 0 {
        return None;
    }
    let mut places: Vec<Site> = cause
        .faults
        .iter()
        .filter_map(|fault| fault.event.literal)
        .collect();
    places.dedup();
    let mut edits = Vec::new();
    for place in places {
        let here: Vec<_> = cause
            .faults
            .iter()
            .filter(|fault| fault.event.literal == Some(place))
            .copied()
            .collect();
        edits.extend(marked(facts, place.span, sql_text::edits(facts, &here)?));
    }
    let concurrent = cause
        .faults
        .iter()
        .flat_map(|fault| fault.event.statements.iter())
        .any(|statement| matches!(statement, Statement::CreateIndex(index) if index.concurrently));
    // an invalid index that a failed build left would be taken for the index
    let applicability = if concurrent {
        Applicability::Unsafe
    } else {
        Applicability::Safe
    };
    facts.fix(guards::IN_TEXT, applicability, edits)
}

/// Edits of a statement, with the marks that keep a tool from cutting a block at its semicolons.
fn marked(facts: &Facts<'_>, whole: Span, edits: Vec<(Span, String)>) -> Vec<(Span, String)> {
    let goose = facts
        .replayed
        .revision
        .script()
        .is_some_and(|script| script.format == Format::Goose);
    let block = edits.iter().any(|(_, text)| text.contains(';'));
    if !goose || !block {
        return edits;
    }
    let code = facts.code;
    let semicolon = code.text[whole.end as usize..].starts_with(';');
    let end = whole.end + u32::from(semicolon);
    let newline = code.newline;
    let open = (
        Span::new(whole.start, whole.start),
        format!("-- +goose StatementBegin{newline}"),
    );
    let close = (
        Span::new(end, end),
        format!("{newline}-- +goose StatementEnd"),
    );
    std::iter::once(open).chain(edits).chain([close]).collect()
}
