//! `non-idempotent-insert`: an INSERT fails, or adds its rows again, when it runs a second time.

use std::collections::BTreeMap;

use super::missing_guard::{self, WHEN};
use super::second_run::{self, Fault, FaultKind};
use super::{Check, Context, Rule, claims, issued_elsewhere, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::{ConflictAction, Insert};
use crate::postgres::{SqlState, Statement};
use crate::source::Site;
use crate::trace::{Origin, Run};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "non-idempotent-insert",
        summary: "an INSERT fails, or adds its rows again, when it runs a second time",
        tags: &["rerun"],
        category: "rerun",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/non-idempotent-insert.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut by_place: BTreeMap<Site, Vec<Fault<'_>>> = BTreeMap::new();
    for fault in second_run::faults(context.replayed) {
        let told = is_told_elsewhere(context, &fault)
            || claims::is_claimed(context, Run::Rerun, fault.event);
        if second_run::is_data(&fault) && !told {
            by_place.entry(fault.event.site).or_default().push(fault);
        }
    }
    by_place
        .values()
        .map(|faults| report(context, faults))
        .collect()
}

/// A value that is computed from its old one is another rule's.
fn is_told_elsewhere(context: &Context<'_>, fault: &Fault<'_>) -> bool {
    matches!(fault.kind, FaultKind::Changes)
        && inserted(fault).is_none_or(|insert| insert.on_conflict.is_some())
        && super::old_rows::flat(&fault.event.statements)
            .into_iter()
            .any(|statement| super::relative_update::is_it(context, statement))
}

fn report(context: &Context<'_>, faults: &[Fault<'_>]) -> Diagnostic {
    let fault = faults[0];
    let call = words::call(fault.event);
    let insert = inserted(&fault);
    let message = match fault.kind {
        FaultKind::Fails(error) => {
            let circumstance = match error.sqlstate {
                SqlState::UNIQUE_VIOLATION | SqlState::EXCLUSION_VIOLATION => {
                    "where its rows are already there".to_owned()
                }
                _ => missing_guard::circumstance(&fault, error),
            };
            format!("{call} fails {circumstance} ({}: {WHEN})", error.sqlstate)
        }
        FaultKind::Changes if ignores_conflicts(insert) => format!(
            "{call} adds its rows again each time it runs: no unique key covers what it inserts, so `ON CONFLICT DO NOTHING` never applies ({WHEN})"
        ),
        FaultKind::Changes => {
            format!("{call} adds its rows again each time it runs, without an error ({WHEN})")
        }
    };
    let mut diagnostic = context.diagnostic(&RULE, fault.event.site, message);
    diagnostic.severity = second_run::severity(context);
    diagnostic.help = Some(remedy(&fault, insert));
    diagnostic.labels.extend(issued_elsewhere(fault.event));
    if faults.len() > 1 {
        diagnostic
            .notes
            .push(format!("{} calls from this place do so", faults.len()));
    }
    diagnostic
}

fn inserted<'a>(fault: &Fault<'a>) -> Option<&'a Insert> {
    fault
        .event
        .statements
        .iter()
        .find_map(|statement| match statement {
            Statement::Insert(insert) => Some(&**insert),
            _ => None,
        })
}

fn ignores_conflicts(insert: Option<&Insert>) -> bool {
    insert.is_some_and(|insert| {
        insert
            .on_conflict
            .as_ref()
            .is_some_and(|conflict| conflict.action == ConflictAction::Nothing)
    })
}

fn remedy(fault: &Fault<'_>, insert: Option<&Insert>) -> String {
    let fails = match fault.kind {
        FaultKind::Fails(error) if !second_run::is_violation(error) => {
            return "insert only where what it needs is still there: ask the inspector first, or leave early once the revision's last change is made".to_owned();
        }
        FaultKind::Fails(_) => true,
        FaultKind::Changes => false,
    };
    if ignores_conflicts(insert) {
        return "give the rows a fixed key (no `gen_random_uuid()`, no serial) that a unique constraint covers, or insert with `SELECT ... WHERE NOT EXISTS (...)`".to_owned();
    }
    match &fault.event.origin {
        Origin::Operation { name: "bulk_insert", .. } if fails => {
            "insert with `postgresql.insert(table).values(rows).on_conflict_do_nothing()`, or only the rows that a SELECT does not find".to_owned()
        }
        Origin::Construct | Origin::Orm if fails => {
            "use `postgresql.insert(...).on_conflict_do_nothing()`, or insert only what a SELECT does not find".to_owned()
        }
        _ if fails => "add `ON CONFLICT DO NOTHING`".to_owned(),
        _ => "name a natural key and a unique constraint on it and add `ON CONFLICT DO NOTHING`, or insert with `SELECT ... WHERE NOT EXISTS (...)`".to_owned(),
    }
}
