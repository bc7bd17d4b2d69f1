//! What a downgrade gives back and what not: the catalog before the upgrade against the catalog after the downgrade. The
//! facts on which the rollback rules stand.

use std::collections::{BTreeMap, BTreeSet};

use smol_str::SmolStr;

use crate::postgres::catalog::compare;
use crate::postgres::catalog::{Relation, TypeKind};
use crate::postgres::name::ObjectKind;
use crate::postgres::{Catalog, ObjectKey, Outcome, ServerError, SqlState, Statement};
use crate::replay::{Downgrade, Replayed};
use crate::source::Site;
use crate::trace::{Event, Trace};
use crate::unknown::Reason;

/// What became of a thing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Fate {
    /// The upgrade (or the downgrade) makes it and the downgrade leaves it.
    Stays,
    /// The upgrade removes it and the downgrade does not bring it back.
    Missing,
    /// The upgrade changes it and the downgrade leaves it changed, or otherwise than it was.
    Changed,
    /// The upgrade leaves it alone and the downgrade removes it.
    Lost,
    /// The upgrade leaves it alone and the downgrade changes it.
    Altered,
}

/// One thing that is not after the downgrade what it was before the upgrade.
#[derive(Clone, Debug)]
pub(super) struct Difference {
    pub(super) key: ObjectKey,
    pub(super) fate: Fate,
}

/// Errors of a run that are certain: none that the migration catches itself (with a savepoint or, to its harm, without one),
/// none that only data or what is not modelled leads to.
pub(super) fn errors(trace: &Trace) -> impl Iterator<Item = (&Event, &ServerError)> {
    trace
        .events
        .iter()
        .filter(|event| event.swallowed.is_none() && is_certain(event))
        .filter_map(|event| Some((event, event.failure()?)))
}

/// Whether a call is made for certain, or by a setting that is the same in all runs.
pub(super) fn is_certain(event: &Event) -> bool {
    matches!(event.conditional, None | Some(Reason::Environment))
}

/// Whether the first run and the downgrade are there to be compared: both run, and the upgrade succeeds. On a real server
/// there is no downgrade of an upgrade that failed.
pub(super) fn has_downgrade(replayed: &Replayed) -> bool {
    replayed.revision.downgrade == Downgrade::Present
        && !replayed.downgrade.missing_function
        && !replayed.downgrade.broke_off
        && !replayed.first.missing_function
        && !replayed.first.broke_off
        && replayed.first.raised.is_none()
        && errors(&replayed.first).next().is_none()
}

/// Whether the downgrade comes to its end, as far as is known: with an error or an exception all of it is rolled back.
pub(super) fn completes(replayed: &Replayed) -> bool {
    has_downgrade(replayed)
        && replayed.downgrade.raised.is_none()
        && errors(&replayed.downgrade).next().is_none()
}

/// Whether models outside of the revisions made the thing's table: they had not got it when older databases were made of
/// them, so that it is this revision's to make and to drop.
pub(super) fn is_of_models(replayed: &Replayed, key: &ObjectKey) -> bool {
    let table = replayed.before.table_of(key);
    table.is_some_and(|table| replayed.before.modelled.contains(&table.name))
}

/// What calls whose effect on the schema is not known may have changed.
#[derive(Default)]
struct Opaque {
    tables: BTreeSet<SmolStr>,
    /// An index whose name or table is not known.
    indexes: bool,
}

impl Opaque {
    /// What calls of some runs may have changed; `None`: anything.
    fn of(traces: [&Trace; 2]) -> Option<Self> {
        let mut opaque = Self::default();
        let events = traces.into_iter().flat_map(|trace| &trace.events);
        let unknown = events.filter(|event| matches!(event.outcome, Outcome::Unknown(_)));
        for statement in unknown.flat_map(|event| event.statements.iter()) {
            match statement {
                Statement::Query(_)
                | Statement::Insert(_)
                | Statement::Update(_)
                | Statement::Delete(_) => {}
                Statement::Rename(_) => return None,
                Statement::Drop(drop) if drop.cascade => return None,
                Statement::Drop(drop) if drop.kind == ObjectKind::Index => opaque.indexes = true,
                _ => {
                    let table = statement.table()?;
                    if crate::unknown::has_hole(&table.name) {
                        return None;
                    }
                    opaque.tables.insert(table.name.clone());
                }
            }
        }
        Some(opaque)
    }

    fn covers(&self, catalogs: &[&Catalog], key: &ObjectKey) -> bool {
        let mut tables = catalogs.iter().filter_map(|catalog| catalog.table_of(key));
        (self.indexes && key.kind == ObjectKind::Index)
            || tables.any(|table| self.tables.contains(&table.name.name))
    }
}

/// Everything that is not what it was, each thing once and none that is a part of another one here. Empty where the
/// downgrade does not come to its end; without what calls may have changed of which not all is known.
pub(super) fn differences(replayed: &Replayed) -> Vec<Difference> {
    let Some(restored) = &replayed.restored else {
        return Vec::new();
    };
    if !completes(replayed) {
        return Vec::new();
    }
    let Some(opaque) = Opaque::of([&replayed.first, &replayed.downgrade]) else {
        return Vec::new();
    };
    let catalogs = [&replayed.before, &replayed.after, restored];
    let keys: BTreeSet<&ObjectKey> = [&replayed.first, &replayed.downgrade]
        .into_iter()
        .flat_map(|trace| &trace.events)
        .flat_map(|event| &event.changes)
        .collect();
    let found: Vec<Difference> = keys
        .into_iter()
        .filter(|key| is_compared(replayed, restored, key) && !opaque.covers(&catalogs, key))
        .filter_map(|key| {
            Some(Difference {
                key: key.clone(),
                fate: fate(replayed, restored, key)?,
            })
        })
        .collect();
    let fates: BTreeMap<&ObjectKey, Fate> = found.iter().map(|one| (&one.key, one.fate)).collect();
    found
        .iter()
        .filter(|one| !is_part(replayed, restored, one, &fates))
        .cloned()
        .collect()
}

/// Whether a thing counts: rows, values of sequences and comments are no schema, what an enum type keeps is another
/// rule's, and what comes and goes with something else is told there.
fn is_compared(replayed: &Replayed, restored: &Catalog, key: &ObjectKey) -> bool {
    let catalogs = [&replayed.before, &replayed.after, restored];
    match key.kind {
        ObjectKind::Rows
        | ObjectKind::Sequences
        | ObjectKind::Comment
        | ObjectKind::Settings
        | ObjectKind::EnumLabel => false,
        // a type that is dropped for good and not made again counts; one that stays is `enum-left-behind`
        ObjectKind::Type => {
            !is_enum(restored, key) || replayed.before.presence_of(key) == Some(false)
        }
        // an index that serves a constraint is told with it
        ObjectKind::Index => !catalogs.iter().any(|catalog| {
            catalog
                .index_of(&key.name)
                .is_some_and(|(_, index)| index.constraint.is_some())
        }),
        // a sequence that a column owns goes with the column
        ObjectKind::Sequence => !catalogs.iter().any(|catalog| {
            catalog
                .table_of(key)
                .is_some_and(|sequence| sequence.owned_by.is_some())
        }),
        _ => !key.name.starts_with("pg_temp."),
    }
}

/// Whether a key is an enum type of a catalog.
pub(super) fn is_enum(catalog: &Catalog, key: &ObjectKey) -> bool {
    key.kind == ObjectKind::Type
        && key.name.split_once('.').is_some_and(|(schema, name)| {
            let name = crate::postgres::catalog::QualifiedName::new(schema, name);
            catalog
                .types
                .get(&name)
                .is_some_and(|found| matches!(found.definition, TypeKind::Enum { .. }))
        })
}

fn fate(replayed: &Replayed, restored: &Catalog, key: &ObjectKey) -> Option<Fate> {
    let (before, after) = (&replayed.before, &replayed.after);
    // what no revision makes was there before the upgrade that uses it; what it was like is not known
    if replayed.first.presumed.contains(key) {
        return (!restored.presence_of(key)? && !after.presence_of(key)?).then_some(Fate::Missing);
    }
    // what only the downgrade makes: of a table that no revision makes, or of one whose maker is not followed to its end,
    // it may well have been there
    let from_elsewhere = || {
        let table = restored.table_of(key).map(Relation::key);
        let used = table.is_some_and(|table| replayed.first.presumed.contains(&table));
        (used || before.cut) && touched_by(&replayed.first, key).is_none()
    };
    let untouched = || Some(after.presence_of(key)? && before.is_alike(after, key));
    match (before.presence_of(key)?, restored.presence_of(key)?) {
        (false, false) => None,
        (false, true) if is_enum(restored, key) || from_elsewhere() => None,
        (false, true) => Some(Fate::Stays),
        (true, false) if untouched()? => Some(Fate::Lost),
        (true, false) => Some(Fate::Missing),
        (true, true) if before.is_alike(restored, key) => None,
        (true, true) if untouched()? => Some(Fate::Altered),
        (true, true) => Some(Fate::Changed),
    }
}

/// Whether a difference is told with another one: a column of a table that stays, a key on a column that is gone, an index
/// that moved along.
fn is_part(
    replayed: &Replayed,
    restored: &Catalog,
    one: &Difference,
    fates: &BTreeMap<&ObjectKey, Fate>,
) -> bool {
    let lives = |fate: Fate| matches!(fate, Fate::Stays | Fate::Changed | Fate::Altered);
    let catalog = if lives(one.fate) {
        restored
    } else {
        &replayed.before
    };
    let Some(table) = catalog.table_of(&one.key) else {
        return false;
    };
    let whole = table.key();
    let is_relation = matches!(
        whole.kind,
        ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView
    );
    if is_relation
        && one.key.kind != whole.kind
        && fates
            .get(&whole)
            .is_some_and(|fate| matches!(fate, Fate::Stays | Fate::Missing | Fate::Lost))
    {
        return true;
    }
    let used = match one.key.kind {
        ObjectKind::Constraint => table
            .constraints
            .iter()
            .find(|constraint| {
                table.name.member(ObjectKind::Constraint, &constraint.name) == one.key
            })
            .map(|constraint| &constraint.columns),
        ObjectKind::Index => table
            .index(super::words::last_part(&one.key))
            .map(|index| &index.columns),
        _ => None,
    };
    used.is_some_and(|columns| {
        columns
            .iter()
            .any(|column| fates.contains_key(&table.name.member(ObjectKind::Column, column)))
    })
}

/// The thing of the same kind, on the same table, that the downgrade makes in the place of one that it does not bring back:
/// a constraint or index that is alike but for its name.
pub(super) fn replaced_by<'a>(
    replayed: &Replayed,
    missing: &Difference,
    all: &'a [Difference],
) -> Option<&'a Difference> {
    let restored = replayed.restored.as_ref()?;
    let table = replayed.before.table_of(&missing.key)?;
    let own = super::words::last_part(&missing.key);
    all.iter().find(|other| {
        if other.fate != Fate::Stays || other.key.kind != missing.key.kind {
            return false;
        }
        let Some(now) = restored.table_of(&other.key) else {
            return false;
        };
        let name = super::words::last_part(&other.key);
        now.name == table.name
            && match missing.key.kind {
                ObjectKind::Constraint => table
                    .constraint(own)
                    .zip(now.constraint(name))
                    .is_some_and(|(one, two)| compare::constraints_alike(one, two)),
                ObjectKind::Index => table
                    .index(own)
                    .zip(now.index(name))
                    .is_some_and(|(one, two)| compare::indexes_alike(one, two)),
                _ => false,
            }
    })
}

/// Where a run made, altered or removed a thing last.
pub(super) fn touched_by<'a>(trace: &'a Trace, key: &ObjectKey) -> Option<&'a Event> {
    trace
        .events
        .iter()
        .rev()
        .find(|event| event.changes.contains(key))
}

/// Errors of the upgrade after the downgrade that its first run did not have; without those at an enum type that is still
/// there, which have a rule of their own.
pub(super) fn reupgrade_errors(
    replayed: &Replayed,
) -> impl Iterator<Item = (&Event, &ServerError)> {
    new_errors(replayed).filter(move |(_, error)| {
        !replayed
            .restored
            .as_ref()
            .is_some_and(|restored| meets_enum(restored, error))
    })
}

/// All errors of the upgrade after the downgrade that its first run did not have.
pub(super) fn new_errors(replayed: &Replayed) -> impl Iterator<Item = (&Event, &ServerError)> {
    let failed = super::second_run::Failures::of(&replayed.first);
    errors(&replayed.reupgrade).filter(move |(event, error)| !failed.have(event, Some(error)))
}

/// Whether an error says that an enum type is there already.
fn meets_enum(catalog: &Catalog, error: &ServerError) -> bool {
    error.sqlstate == SqlState::DUPLICATE_OBJECT
        && error
            .object
            .as_ref()
            .is_some_and(|key| is_enum(catalog, key))
}

/// Where findings about the whole downgrade stand.
pub(super) fn place(replayed: &Replayed) -> Site {
    replayed
        .revision
        .downgrade_place
        .unwrap_or(replayed.revision.place)
}
