//! `missing-guard`: a statement of `upgrade()` fails, or makes a duplicate, when it runs again.

use rustc_hash::{FxHashMap, FxHashSet};

use super::guards::{self, Verdict};
use super::second_run::{self, Fault, FaultKind};
use super::{
    Check, Context, Rule, advice, claims, issued_elsewhere, label, stale_inspector, words,
};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, FIRST_RUN, RuleInfo, Severity};
use crate::postgres::statement::{AlterTableCommand, Statement};
use crate::postgres::{Catalog, Name, ObjectKey, ObjectKind, ServerError, SqlState};
use crate::source::Site;
use crate::trace::Run;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "missing-guard",
        summary: "a statement of `upgrade()` fails, or makes a duplicate, when it runs again",
        tags: &["rerun"],
        category: "rerun",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/missing-guard.md"),
    },
    check: Check::Revision(check),
};

/// When a second run happens, though Alembic never repeats an applied revision.
pub(super) const WHEN: &str = "a restored, stamped or hand-fixed database, or a retry";

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let bare = |cause: &&Cause<'_>| guards::verdict(&cause.faults[0]) == Verdict::NoGuard;
    let causes: Vec<&Cause<'_>> = context.schema_causes().iter().filter(bare).collect();
    let made = second_run::makers(context.replayed, in_the_way(causes.iter().copied()));
    causes
        .into_iter()
        .map(|cause| report(context, &RULE, cause, &made, message(&cause.faults[0])))
        .collect()
}

/// Faults that one guard would cure: the first is the cause.
pub(crate) struct Cause<'a> {
    pub(crate) faults: Vec<Fault<'a>>,
    /// It drops a table or column, and the others drop parts of that beside it.
    with_parts: bool,
}

/// The causes of what goes wrong with the schema when the upgrade runs again; what a stale Inspector did in the first run
/// shows there and is no cause of its own, nor is what runs without the guard that Alembic ignores.
pub(super) fn schema_causes<'a>(context: &Context<'a>) -> Vec<Cause<'a>> {
    let stale = stale_inspector::guards(context.replayed);
    let faults: Vec<Fault<'_>> = second_run::faults(context.replayed)
        .into_iter()
        .filter(|fault| !second_run::is_data(fault) && fault.event.ignored().is_none())
        .filter(|fault| !claims::is_claimed(context, Run::Rerun, fault.event))
        .filter(|fault| {
            let mut guards = fault.event.guards().iter();
            !guards.any(|guard| stale.contains(&guard.site))
        })
        .collect();
    gather_drops(causes(&faults), &context.replayed.before)
}

/// What the server says is there already, or missing, where a cause begins.
pub(super) fn in_the_way<'a: 'c, 'c>(
    causes: impl Iterator<Item = &'c Cause<'a>>,
) -> impl Iterator<Item = &'a ObjectKey> {
    causes.filter_map(|cause| match cause.faults[0].kind {
        FaultKind::Fails(error) => error.object.as_ref(),
        FaultKind::Changes => None,
    })
}

/// Puts the drops of a table's indexes, constraints and columns to the drop of the table, and those of a column's to that
/// of the column: the one guard that asks for the whole would hold them too.
fn gather_drops<'a>(causes: Vec<Cause<'a>>, before: &Catalog) -> Vec<Cause<'a>> {
    let wholes: Vec<(usize, ObjectKey)> = causes
        .iter()
        .enumerate()
        .filter_map(|(number, cause)| match cause.faults.as_slice() {
            [only] => Some((number, dropped_whole(only, before)?)),
            _ => None,
        })
        .collect();
    if wholes.is_empty() {
        return causes;
    }
    let mut kept: Vec<Cause<'a>> = Vec::new();
    let mut places: FxHashMap<usize, usize> = FxHashMap::default();
    let mut parts: Vec<(usize, Cause<'a>)> = Vec::new();
    for (number, cause) in causes.into_iter().enumerate() {
        let whole = wholes.iter().find(|(other, whole)| {
            *other != number
                && cause
                    .faults
                    .iter()
                    .all(|fault| goes_with(fault, whole, before))
        });
        if let Some((whole, _)) = whole {
            parts.push((*whole, cause));
        } else {
            places.insert(number, kept.len());
            kept.push(cause);
        }
    }
    for (whole, part) in parts {
        match places.get(&whole) {
            Some(place) => {
                kept[*place].faults.extend(part.faults);
                kept[*place].with_parts = true;
            }
            // the column goes with its table
            None => kept.push(part),
        }
    }
    kept
}

/// The table or column that was there before, and that a call without a guard drops.
fn dropped_whole(fault: &Fault<'_>, before: &Catalog) -> Option<ObjectKey> {
    // a clause of a text holds that statement alone
    if !fault.event.guards().is_empty() || advice::of_whole(fault.event).is_none() {
        return None;
    }
    match fault.event.statements.as_ref() {
        [Statement::Drop(drop)] if drop.kind == ObjectKind::Table => {
            match drop.targets.as_slice() {
                [only] => Some(words::relation(before, &only.name)?.key()),
                _ => None,
            }
        }
        [Statement::AlterTable(alter)] => match alter.commands.as_slice() {
            [AlterTableCommand::DropColumn { name, .. }] => {
                let table = words::relation(before, &alter.name)?;
                Some(table.name.member(ObjectKind::Column, name))
            }
            _ => None,
        },
        _ => None,
    }
}

/// Whether a call without a guard drops a part of a table or column: an index, a constraint, of a table a column too.
fn goes_with(fault: &Fault<'_>, whole: &ObjectKey, before: &Catalog) -> bool {
    if !fault.event.guards().is_empty() {
        return false;
    }
    let Some(table) = before.table_of(whole) else {
        return false;
    };
    let is_its = |name: &Name| {
        words::relation(before, name).is_some_and(|relation| relation.name == table.name)
    };
    let columns = match fault.event.statements.as_ref() {
        [Statement::Drop(drop)] if drop.kind == ObjectKind::Index => {
            match drop.targets.as_slice() {
                [only] => table.index(&only.name.name).map(|index| &index.columns),
                _ => None,
            }
        }
        [Statement::AlterTable(alter)] if is_its(&alter.name) => match alter.commands.as_slice() {
            [AlterTableCommand::DropConstraint { name, .. }] => {
                table.constraint(name).map(|found| &found.columns)
            }
            [AlterTableCommand::DropColumn { .. }] => return whole.kind == ObjectKind::Table,
            _ => None,
        },
        _ => None,
    };
    columns.is_some_and(|columns| {
        whole.kind == ObjectKind::Table
            || columns
                .iter()
                .any(|column| table.name.member(ObjectKind::Column, column) == *whole)
    })
}

/// Groups faults by cause: one place (a loop, a helper), one table made here with all that is put on it, one column with
/// its constraints and indexes.
fn causes<'a>(faults: &[Fault<'a>]) -> Vec<Cause<'a>> {
    let mut causes: Vec<Cause<'a>> = Vec::new();
    let mut by_site: FxHashMap<Site, usize> = FxHashMap::default();
    // what may cover others, by the table that it makes or alters
    let mut by_table: FxHashMap<&Name, Vec<(usize, Fault<'a>)>> = FxHashMap::default();
    for fault in faults {
        let statement = fault.event.statements.first();
        let covering = statement
            .and_then(Statement::table)
            .and_then(|table| by_table.get(table))
            .and_then(|known| known.iter().find(|(_, known)| covers(known, fault)))
            .map(|(cause, _)| *cause);
        let same_site = by_site.get(&fault.event.site).copied();
        let cause = match (covering, same_site) {
            (Some(one), Some(other)) => one.min(other),
            (Some(one), None) | (None, Some(one)) => one,
            (None, None) => {
                by_site.insert(fault.event.site, causes.len());
                causes.push(Cause {
                    faults: Vec::new(),
                    with_parts: false,
                });
                causes.len() - 1
            }
        };
        causes[cause].faults.push(*fault);
        let made = match statement {
            Some(Statement::CreateTable(create)) => Some(&create.name),
            Some(Statement::AlterTable(alter)) if adds_column(alter.commands.first()) => {
                Some(&alter.name)
            }
            _ => None,
        };
        if let Some(table) = made {
            by_table.entry(table).or_default().push((cause, *fault));
        }
    }
    causes
}

/// Whether a guard of `known` would naturally hold `fault` too.
fn covers(known: &Fault<'_>, fault: &Fault<'_>) -> bool {
    let (Some(made), Some(later)) = (
        known.event.statements.first(),
        fault.event.statements.first(),
    ) else {
        return false;
    };
    let Some(table) = later.table() else {
        return false;
    };
    match made {
        Statement::CreateTable(create) => create.name == *table,
        Statement::AlterTable(alter) if alter.name == *table => {
            let added: Vec<&str> = alter
                .commands
                .iter()
                .filter_map(|command| match command {
                    AlterTableCommand::AddColumn { column, .. } => Some(column.name.as_str()),
                    _ => None,
                })
                .collect();
            // the column itself once more is a cause of its own
            !matches!(later, Statement::AlterTable(alter) if adds_column(alter.commands.first()))
                && words::columns(later)
                    .iter()
                    .any(|column| added.contains(column))
        }
        _ => false,
    }
}

fn adds_column(command: Option<&AlterTableCommand>) -> bool {
    matches!(command, Some(AlterTableCommand::AddColumn { .. }))
}

/// The diagnostic of a cause, with what follows from it as labels; `made` says where the first run made things.
pub(super) fn report(
    context: &Context<'_>,
    rule: &Rule,
    cause: &Cause<'_>,
    made: &FxHashMap<&ObjectKey, Site>,
    message: String,
) -> Diagnostic {
    let fault = cause.faults[0];
    let site = fault.event.site;
    let mut diagnostic = context.diagnostic(rule, site, message);
    diagnostic.severity = second_run::severity(context);
    diagnostic.help = if cause.with_parts {
        advice::of_whole(fault.event)
    } else {
        advice::guard(fault.event, fault.kind, context.config)
    };
    if let FaultKind::Fails(error) = fault.kind
        && let Some(key) = &error.object
        && let Some(made) = made.get(key).copied()
        && made != site
    {
        diagnostic.labels.push(label(
            made,
            format!("{FIRST_RUN} made or removed the {key} here"),
        ));
    }
    diagnostic.labels.extend(issued_elsewhere(fault.event));
    add_others(&mut diagnostic, cause, site);
    diagnostic
}

/// The other faults of a cause: each place once as a label, all of them as a count.
pub(super) fn add_others(diagnostic: &mut Diagnostic, cause: &Cause<'_>, site: Site) {
    let mut places = FxHashSet::from_iter([site]);
    for other in &cause.faults[1..] {
        if places.insert(other.event.site) {
            diagnostic
                .labels
                .push(label(other.event.site, consequence(other)));
        }
    }
    diagnostic.labels.shrink_to_fit();
    // a label a place says it all, unless one place makes several calls
    let others = cause.faults.len() - 1;
    if others >= places.len() {
        let plural = if others == 1 {
            "call fails or repeats"
        } else {
            "calls fail or repeat"
        };
        diagnostic
            .notes
            .push(format!("{others} more {plural} for the same cause"));
    }
}

/// What goes wrong when it runs again, and when that is.
pub(super) fn message(fault: &Fault<'_>) -> String {
    let call = words::call(fault.event);
    match fault.kind {
        FaultKind::Fails(error) => format!(
            "{call} fails {} ({}: {WHEN})",
            circumstance(fault, error),
            error.sqlstate
        ),
        FaultKind::Changes => format!(
            "{call} {} each time it runs, without an error ({WHEN})",
            repetition(fault)
        ),
    }
}

fn consequence(fault: &Fault<'_>) -> String {
    let call = words::call(fault.event);
    match fault.kind {
        FaultKind::Fails(error) => format!("{call} fails too ({})", error.sqlstate),
        FaultKind::Changes => format!("{call} {} again", repetition(fault)),
    }
}

/// In which state of the database the statement fails.
pub(super) fn circumstance(fault: &Fault<'_>, error: &ServerError) -> String {
    let object = error.object.as_ref();
    let made = if words::makes_beside(fault.event) {
        ", which it makes too,"
    } else {
        ""
    };
    let named = |fallback: &str| {
        object.map_or_else(
            || fallback.to_owned(),
            |key| format!("the {} `{}`{made}", key.kind.noun(), words::last_part(key)),
        )
    };
    match error.sqlstate {
        SqlState::DUPLICATE_TABLE
        | SqlState::DUPLICATE_OBJECT
        | SqlState::DUPLICATE_COLUMN
        | SqlState::DUPLICATE_SCHEMA
        | SqlState::DUPLICATE_FUNCTION
        | SqlState::DUPLICATE_DATABASE => format!("where {} is already there", named("it")),
        SqlState::UNDEFINED_TABLE
        | SqlState::UNDEFINED_COLUMN
        | SqlState::UNDEFINED_OBJECT
        | SqlState::UNDEFINED_FUNCTION
        | SqlState::INVALID_SCHEMA_NAME
            if object.is_some() =>
        {
            format!("where {} is already gone", named("it"))
        }
        SqlState::INVALID_TABLE_DEFINITION => {
            "where the table already has a primary key".to_owned()
        }
        _ => format!("when it runs again: {}", error.message),
    }
}

/// What a statement does once more.
fn repetition(fault: &Fault<'_>) -> String {
    // a constraint brings its index along: it is the constraint that its author wrote
    let kind = [
        ObjectKind::Constraint,
        ObjectKind::Index,
        ObjectKind::Sequence,
    ]
    .into_iter()
    .find(|kind| fault.event.changes.iter().any(|key| key.kind == *kind));
    match kind {
        Some(kind) => format!("makes one more {}", kind.noun()),
        None => "changes the schema again".to_owned(),
    }
}
