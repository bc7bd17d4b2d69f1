//! `incomplete-downgrade`: the downgrade ends well, and the schema is not what it was before the upgrade.

use std::collections::{BTreeMap, BTreeSet};

use super::rollback::{self, Difference, Fate};
use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::Statement;
use crate::postgres::{ObjectKey, ObjectKind, ServerError};
use crate::replay::Replayed;
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "incomplete-downgrade",
        summary: "the downgrade succeeds and leaves behind, or does not bring back, what the upgrade changed",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/incomplete-downgrade.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    if super::missing_downgrade::executes_nothing(&replayed.downgrade) {
        // the whole of it is missing: another rule's finding, or the author's choice
        return Vec::new();
    }
    let all = rollback::differences(replayed);
    let left: Vec<&Difference> = all
        .iter()
        .filter(|one| is_reported(replayed, one, &all))
        .collect();
    if left.is_empty() {
        return Vec::new();
    }
    vec![report(context, &left, &all)]
}

fn is_reported(replayed: &Replayed, one: &Difference, all: &[Difference]) -> bool {
    match one.fate {
        Fate::Stays => {
            !is_shared(replayed, one)
                // told with what it stands for
                && !all.iter().any(|missing| {
                    missing.fate == Fate::Missing
                        && rollback::replaced_by(replayed, missing, all)
                            .is_some_and(|by| by.key == one.key)
                })
        }
        Fate::Missing => !super::lossy_downgrade::loses_what_was_renamed(replayed, one),
        Fate::Changed => true,
        Fate::Lost | Fate::Altered => false,
    }
}

/// Things that revisions share, made only where they are not there: nobody knows whose they are, and so they may stay.
fn is_shared(replayed: &Replayed, one: &Difference) -> bool {
    if !matches!(
        one.key.kind,
        ObjectKind::Extension | ObjectKind::Schema | ObjectKind::Role
    ) {
        return false;
    }
    rollback::touched_by(&replayed.first, &one.key).is_some_and(|event| {
        super::guard_asymmetry::may_be_skipped(replayed, event)
            || event.statements.iter().all(|statement| {
                matches!(
                    statement,
                    Statement::CreateExtension {
                        if_not_exists: true,
                        ..
                    } | Statement::CreateSchema {
                        if_not_exists: true,
                        ..
                    } | Statement::Do(_)
                )
            })
    })
}

fn report(context: &Context<'_>, left: &[&Difference], all: &[Difference]) -> Diagnostic {
    let replayed = context.replayed;
    let failure = rollback::reupgrade_errors(replayed).next();
    let consequence = match failure {
        Some((event, error)) => format!(
            ": the next upgrade fails at {} ({})",
            words::call(event),
            error.sqlstate
        ),
        None => String::new(),
    };
    let message = format!(
        "`alembic downgrade` reports success and {}{consequence}",
        what(replayed, left, all)
    );
    let mut diagnostic = context.diagnostic(&RULE, rollback::place(replayed), message);
    if failure.is_none() {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic.help = Some(remedy(left));
    add_places(&mut diagnostic, replayed, left, failure);
    diagnostic
}

/// What is otherwise than before, in one sentence.
fn what(replayed: &Replayed, left: &[&Difference], all: &[Difference]) -> String {
    let of = |fate: Fate| -> Vec<String> {
        left.iter()
            .filter(|one| one.fate == fate)
            .map(|one| match rollback::replaced_by(replayed, one, all) {
                Some(by) => format!(
                    "{} (it makes `{}` instead)",
                    words::named(&one.key),
                    words::last_part(&by.key)
                ),
                None => words::named(&one.key),
            })
            .collect()
    };
    let parts: Vec<String> = [
        (Fate::Stays, "leaves ", " behind"),
        (Fate::Missing, "does not bring back ", ""),
        (Fate::Changed, "leaves ", " changed"),
    ]
    .into_iter()
    .filter_map(|(fate, before, after)| {
        let names = of(fate);
        (!names.is_empty()).then(|| format!("{before}{}{after}", words::list(&names)))
    })
    .collect();
    match parts.as_slice() {
        [first, second, third] => format!("{first}, {second} and {third}"),
        _ => parts.join(" and "),
    }
}

fn remedy(left: &[&Difference]) -> String {
    let has = |fate: Fate| left.iter().any(|one| one.fate == fate);
    let mut verbs = Vec::new();
    if has(Fate::Stays) {
        verbs.push("drop what the upgrade makes");
    }
    if has(Fate::Missing) {
        verbs.push("make again, under its old name, what it drops");
    }
    if has(Fate::Changed) {
        verbs.push("change back what it alters");
    }
    format!(
        "in `downgrade()`, {}, in the reverse order of the upgrade",
        verbs.join(" and ")
    )
}

/// The places of the upgrade that are not undone, and the one at which the next upgrade fails.
fn add_places(
    diagnostic: &mut Diagnostic,
    replayed: &Replayed,
    left: &[&Difference],
    failure: Option<(&Event, &ServerError)>,
) {
    let events = &replayed.first.events;
    // the last event of each key
    let touched: BTreeMap<&ObjectKey, &Event> = events
        .iter()
        .flat_map(|event| event.changes.iter().map(move |key| (key, event)))
        .collect();
    let mut places = BTreeSet::new();
    for one in left {
        let Some(event) = touched.get(&one.key) else {
            continue;
        };
        if !places.insert(event.site) {
            continue;
        }
        let again = match failure {
            Some((failing, error)) if failing.site == event.site => {
                format!(", and fails in the next upgrade ({})", error.sqlstate)
            }
            _ => String::new(),
        };
        diagnostic.labels.push(label(
            event.site,
            format!("{} is not undone{again}", words::call(event)),
        ));
    }
    if let Some((failing, error)) = failure
        && !places.contains(&failing.site)
    {
        diagnostic.labels.push(label(
            failing.site,
            format!(
                "{} fails in the next upgrade ({})",
                words::call(failing),
                error.sqlstate
            ),
        ));
    }
}
