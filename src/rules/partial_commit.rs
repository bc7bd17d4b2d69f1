//! `partial-commit`: `autocommit_block()` commits work of the same revision that can't be done twice.

use super::second_run::{self, Fault, FaultKind};
use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::trace::{Boundary, BoundaryKind};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "partial-commit",
        summary: "`autocommit_block()` commits earlier work of the revision that a retry can't repeat",
        tags: &["transaction"],
        category: "transaction",
        default_level: Level::At(Severity::Warning),
        markdown: include_str!("../../rules/partial-commit.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    // where each statement commits by itself, a block changes nothing
    if context.transactions.autocommit {
        return Vec::new();
    }
    let faults = second_run::faults(context.replayed);
    let mut found = Vec::new();
    // the retry is a second run: what of it comes before the block meets what the block had committed
    for boundary in &context.replayed.rerun.boundaries {
        if boundary.kind != BoundaryKind::AutocommitBlock {
            continue;
        }
        let committed: Vec<&Fault<'_>> = faults
            .iter()
            .filter(|fault| fault.event.transaction == boundary.transaction)
            .collect();
        if let [first, rest @ ..] = committed.as_slice() {
            found.push(report(context, boundary, first, rest));
        }
    }
    found
}

fn report(
    context: &Context<'_>,
    boundary: &Boundary,
    first: &Fault<'_>,
    rest: &[&Fault<'_>],
) -> Diagnostic {
    let others = match rest.len() {
        0 => String::new(),
        1 => " and one more statement".to_owned(),
        more => format!(" and {more} more statements"),
    };
    let message = format!(
        "a failure in this block or after it leaves the revision half applied and not recorded: entering it commits {}{others}, which the retry {}",
        words::call(first.event),
        consequence(first)
    );
    let mut diagnostic = context.diagnostic(&RULE, boundary.site, message);
    diagnostic.help = Some(
        "begin the revision with the block or give it a revision of its own; else guard what comes before it"
            .to_owned(),
    );
    let mut places = vec![boundary.site];
    for fault in std::iter::once(&first).chain(rest) {
        if !places.contains(&fault.event.site) {
            places.push(fault.event.site);
            diagnostic.labels.push(label(
                fault.event.site,
                format!("committed by the block, and the retry {}", met(fault)),
            ));
        }
    }
    diagnostic
}

/// The same with the statement as "it".
fn met(fault: &Fault<'_>) -> String {
    match fault.kind {
        FaultKind::Fails(error) => format!("fails on it ({})", error.sqlstate),
        FaultKind::Changes => "does it again".to_owned(),
    }
}

fn consequence(fault: &Fault<'_>) -> String {
    match fault.kind {
        FaultKind::Fails(error) => format!("fails on ({})", error.sqlstate),
        FaultKind::Changes => "does again".to_owned(),
    }
}
