//! `incomplete-downgrade`: the downgrade ends well, and the schema is not what it was before the upgrade.

use std::collections::{BTreeMap, BTreeSet};

use super::rollback::{self, Difference, Fate};
use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::query::render::type_text;
use crate::postgres::statement::Statement;
use crate::postgres::{ObjectKey, ObjectKind, ServerError, TypeName};
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
    let all = context.differences();
    let left: Vec<&Difference> = all
        .iter()
        .filter(|one| is_reported(replayed, one, all))
        .collect();
    if left.is_empty() {
        return Vec::new();
    }
    vec![report(context, &left, all)]
}

fn is_reported(replayed: &Replayed, one: &Difference, all: &[Difference]) -> bool {
    match one.fate {
        Fate::Stays => {
            !is_shared(replayed, one)
                && !may_have_been_there(replayed, one)
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

/// A thing that the upgrade takes away first, should it be there, and that the downgrade makes again: no revision is known to
/// have made it, but its author knows of one that was there.
fn may_have_been_there(replayed: &Replayed, one: &Difference) -> bool {
    let name = words::last_part(&one.key);
    let made = |event: &&Event| event.changes.contains(&one.key);
    let mut before = replayed
        .first
        .events
        .iter()
        .take_while(|event| !made(event));
    let asked = before.any(|event| {
        event.statements.iter().any(|statement| {
            matches!(statement, Statement::Drop(drop) if drop.if_exists
                && drop.kind == one.key.kind
                && drop.targets.iter().any(|target| target.name.name == name))
        })
    });
    asked && rollback::touched_by(&replayed.downgrade, &one.key).is_some()
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
                None if fate == Fate::Changed => {
                    let how = how_changed(replayed, &one.key);
                    how.map_or_else(
                        || words::named(&one.key),
                        |how| format!("{} ({how})", words::named(&one.key)),
                    )
                }
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

/// What a column is otherwise than before.
fn how_changed(replayed: &Replayed, key: &ObjectKey) -> Option<String> {
    if key.kind != ObjectKind::Column {
        return None;
    }
    let name = words::last_part(key);
    let was = replayed.before.table_of(key)?.column(name)?;
    let restored = replayed.restored.as_ref()?;
    let is = restored.table_of(key)?.column(name)?;
    let mut parts = Vec::new();
    if was.type_name != is.type_name {
        parts.push(format!(
            "{} instead of {}",
            type_with_length(&is.type_name),
            type_with_length(&was.type_name)
        ));
    }
    if was.not_null != is.not_null {
        let now = if is.not_null { "NOT NULL" } else { "nullable" };
        parts.push(now.to_owned());
    }
    if was.default != is.default {
        parts.push(
            match (&was.default, &is.default) {
                (Some(_), None) => "without its default",
                (None, Some(_)) => "with a default",
                _ => "with another default",
            }
            .to_owned(),
        );
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn type_with_length(kind: &TypeName) -> String {
    let name = type_text(kind);
    if kind.modifiers.is_empty() {
        return name;
    }
    let lengths: Vec<String> = kind.modifiers.iter().map(ToString::to_string).collect();
    format!("{name}({})", lengths.join(", "))
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
