//! `incomplete-downgrade`: the downgrade ends well, and the schema is not what it was before the upgrade.

use std::collections::{BTreeMap, BTreeSet};

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::rollback::{self, Difference, Fate};
use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::catalog::compare;
use crate::postgres::statement::{ConstraintKind, Statement};
use crate::postgres::{Catalog, ObjectKey, ObjectKind, ServerError};
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
    let instead: FxHashSet<&ObjectKey> = all
        .iter()
        .filter(|one| one.fate == Fate::Missing)
        .filter_map(|missing| rollback::replaced_by(replayed, missing, all))
        .map(|by| &by.key)
        .collect();
    let left: Vec<&Difference> = all
        .iter()
        .filter(|one| is_reported(replayed, one, &instead))
        .collect();
    if left.is_empty() {
        return Vec::new();
    }
    vec![report(context, &left, all)]
}

/// Whether a difference is told by itself; `instead`: what stands in the place of something that is missing.
fn is_reported(replayed: &Replayed, one: &Difference, instead: &FxHashSet<&ObjectKey>) -> bool {
    match one.fate {
        Fate::Stays => {
            !is_shared(replayed, one)
                && !may_have_been_there(replayed, one)
                // told with what it stands for
                && !instead.contains(&one.key)
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
    // hardly any is, and it is found sooner than what was asked before it was made
    if rollback::touched_by(&replayed.downgrade, &one.key).is_none() {
        return false;
    }
    let name = words::last_part(&one.key);
    let made = |event: &&Event| event.changes.contains(&one.key);
    let mut before = replayed
        .first
        .events
        .iter()
        .take_while(|event| !made(event));
    before.any(|event| {
        event.statements.iter().any(|statement| {
            matches!(statement, Statement::Drop(drop) if drop.if_exists
                && drop.kind == one.key.kind
                && drop.targets.iter().any(|target| target.name.name == name))
        })
    })
}

fn report(context: &Context<'_>, left: &[&Difference], all: &[Difference]) -> Diagnostic {
    let replayed = context.replayed;
    let touched = replayed.first.touched();
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
        what(replayed, left, all, &touched)
    );
    let mut diagnostic = context.diagnostic(&RULE, rollback::place(replayed), message);
    if failure.is_none() {
        diagnostic.severity = Severity::Warning;
    }
    // whatever the downgrade makes anew on a table that models outside of the revisions made: on a database of an earlier day
    // it may have been there
    if left
        .iter()
        .all(|one| is_of_downgrade(&touched, one) && rollback::is_of_models(replayed, &one.key))
    {
        diagnostic.severity = Severity::Note;
    }
    diagnostic.help = Some(remedy(left, &touched));
    add_places(&mut diagnostic, replayed, left, failure);
    diagnostic
}

/// Whether the downgrade alone makes a thing: it is not among what the upgrade has touched.
fn is_of_downgrade(touched: &FxHashSet<&ObjectKey>, one: &Difference) -> bool {
    one.fate == Fate::Stays && !touched.contains(&one.key)
}

/// What is otherwise than before, in one sentence.
fn what(
    replayed: &Replayed,
    left: &[&Difference],
    all: &[Difference],
    touched: &FxHashSet<&ObjectKey>,
) -> String {
    let of = |fate: Fate, of_downgrade: bool| -> Vec<String> {
        left.iter()
            .filter(|one| one.fate == fate && is_of_downgrade(touched, one) == of_downgrade)
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
        (Fate::Stays, false, "leaves ", " behind"),
        (
            Fate::Stays,
            true,
            "makes ",
            ", which was not there before the upgrade",
        ),
        (Fate::Missing, false, "does not bring back ", ""),
        (Fate::Changed, false, "leaves ", " changed"),
    ]
    .into_iter()
    .filter_map(|(fate, of_downgrade, before, after)| {
        let names = of(fate, of_downgrade);
        let after = if of_downgrade && names.len() > 1 {
            ", which were not there before the upgrade"
        } else {
            after
        };
        (!names.is_empty()).then(|| format!("{before}{}{after}", words::list(&names)))
    })
    .collect();
    match parts.as_slice() {
        [first @ .., last] if first.len() > 1 => format!("{} and {last}", first.join(", ")),
        _ => parts.join(" and "),
    }
}

/// What a thing is otherwise than before.
fn how_changed(replayed: &Replayed, key: &ObjectKey) -> Option<String> {
    let restored = replayed.restored.as_ref()?;
    let parts = match key.kind {
        ObjectKind::Column => column_changes(&replayed.before, restored, key)?,
        ObjectKind::Index => index_changes(&replayed.before, restored, key)?,
        ObjectKind::Constraint => constraint_changes(&replayed.before, restored, key)?,
        _ => return None,
    };
    (!parts.is_empty()).then(|| parts.join(", "))
}

fn column_changes(before: &Catalog, restored: &Catalog, key: &ObjectKey) -> Option<Vec<String>> {
    let name = words::last_part(key);
    let was = before.table_of(key)?.column(name)?;
    let is = restored.table_of(key)?.column(name)?;
    let mut parts = Vec::new();
    if !compare::types_alike(&was.type_name, &is.type_name) {
        parts.push(format!(
            "{} instead of {}",
            words::type_of(&is.type_name),
            words::type_of(&was.type_name)
        ));
    }
    if was.not_null != is.not_null {
        let now = if is.not_null { "NOT NULL" } else { "nullable" };
        parts.push(now.to_owned());
    }
    let default = match (&was.default, &is.default) {
        (Some(_), None) => Some("without its default"),
        (None, Some(_)) => Some("with a default"),
        (Some(was), Some(is)) if !compare::expressions_alike(was, is) => {
            Some("with another default")
        }
        _ => None,
    };
    if let Some(default) = default {
        parts.push(default.to_owned());
    }
    Some(parts)
}

fn index_changes(before: &Catalog, restored: &Catalog, key: &ObjectKey) -> Option<Vec<String>> {
    let name = words::last_part(key);
    let was = before.table_of(key)?.index(name)?;
    let is = restored.table_of(key)?.index(name)?;
    let mut parts = Vec::new();
    if was.unique != is.unique {
        parts.push(if is.unique { "unique" } else { "not unique" }.to_owned());
    }
    parts.extend(other_columns(&was.columns, &is.columns));
    if was.method != is.method {
        parts.push(format!("{} instead of {}", is.method, was.method));
    }
    match (&was.filter, &is.filter) {
        (Some(_), None) => parts.push("without its condition".to_owned()),
        (None, Some(_)) => parts.push("with a condition".to_owned()),
        _ => {}
    }
    Some(parts)
}

fn constraint_changes(
    before: &Catalog,
    restored: &Catalog,
    key: &ObjectKey,
) -> Option<Vec<String>> {
    let name = words::last_part(key);
    let was = before.table_of(key)?.constraint(name)?;
    let is = restored.table_of(key)?.constraint(name)?;
    let mut parts: Vec<String> = other_columns(&was.columns, &is.columns)
        .into_iter()
        .collect();
    if let (Some(was), Some(is)) = (&was.references, &is.references)
        && was != is
    {
        parts.push(format!("to `{}` instead of `{}`", is.name, was.name));
    }
    if let (
        ConstraintKind::ForeignKey {
            on_delete,
            on_update,
            ..
        },
        ConstraintKind::ForeignKey {
            on_delete: delete_now,
            on_update: update_now,
            ..
        },
    ) = (&was.definition.kind, &is.definition.kind)
    {
        if on_delete != delete_now {
            parts.push("with another ON DELETE".to_owned());
        }
        if on_update != update_now {
            parts.push("with another ON UPDATE".to_owned());
        }
    }
    if let (ConstraintKind::Check(was), ConstraintKind::Check(is)) =
        (&was.definition.kind, &is.definition.kind)
        && was != is
    {
        parts.push("with another condition".to_owned());
    }
    Some(parts)
}

fn other_columns(was: &[SmolStr], is: &[SmolStr]) -> Option<String> {
    let written = |columns: &[SmolStr]| format!("`({})`", columns.join(", "));
    (was != is).then(|| format!("on {} instead of {}", written(is), written(was)))
}

fn remedy(left: &[&Difference], touched: &FxHashSet<&ObjectKey>) -> String {
    if left.iter().all(|one| is_of_downgrade(touched, one)) {
        return "in `downgrade()`, make again only what the upgrade has taken away".to_owned();
    }
    let has = |fate: Fate| left.iter().any(|one| one.fate == fate);
    let mut verbs = Vec::new();
    if left
        .iter()
        .any(|one| one.fate == Fate::Stays && !is_of_downgrade(touched, one))
    {
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
