//! DELETE and TRUNCATE: which of the known rows go, and what foreign keys say to it.

use std::sync::Arc;

use smol_str::SmolStr;

use super::equalities::Equalities;
use super::insert::{forget_rows_behind, returned_values};
use super::target::{self, Target, has_hooks};
use super::update::{all_known, matches};
use super::{DataAnswer, Effect, Members, attempt, members};
use crate::postgres::catalog::trigger_events;
use crate::postgres::catalog::{Catalog, QualifiedName, Relation, Row};
use crate::postgres::expression::Datum;
use crate::postgres::name::{Name, ObjectKind};
use crate::postgres::query::{
    Context, Environment, Frame, Table, TableRow, check_condition, check_from_over, check_targets,
    check_with, equal, refuse_over_rows, run_with,
};
use crate::postgres::statement::{ConstraintKind, Delete, ReferentialAction};
use crate::postgres::{ServerError, SqlState};

/// How many foreign keys a deletion is followed along.
const MAX_CASCADES: usize = 16;

/// Executes a DELETE; `outer` are results of WITH members around it.
pub(crate) fn run(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    statement: &Delete,
    outer: &[(SmolStr, std::rc::Rc<Table>)],
) -> Result<Effect, ServerError> {
    let mut effect = Effect::default();
    let done: Members = members(catalog, environment, &statement.with, outer, &mut effect)?;
    let before = catalog.clone();
    let context = Context::new(&before, environment);
    context.tables.borrow_mut().extend(done);
    check_with(&statement.with, None, &context)?;
    run_with(&statement.with, None, &context)?;
    let target = target::find(&statement.table, &context)?;
    let own = target::source(&target, statement.alias.as_deref());
    let scope = check_from_over(&own, &statement.using, &context)?;
    let frame = Frame::new(&scope, &[]);
    if let Some(filter) = &statement.filter {
        check_condition(filter, &frame, &context)?;
        refuse_over_rows(filter, "WHERE", &context)?;
    }
    let returning = check_targets(&statement.returning, &frame, &context)?;
    let mut returned = Vec::new();
    let mut exact = false;
    match &target {
        Target::Table(relation) => {
            let mut changed = (**relation).clone();
            changed.rows.known.clear();
            let mut gone = Vec::new();
            exact = all_known(relation, &context);
            let hooks = has_hooks(relation, trigger_events::DELETE, environment);
            let filter = statement.filter.as_ref();
            let asked = Equalities::of(relation, &statement.using, filter, environment);
            for row in &relation.rows.known {
                if asked.exclude(row) {
                    changed.rows.known.push_back(Arc::clone(row));
                    continue;
                }
                let (verdict, values) =
                    matches(relation, row, &statement.using, filter, &scope, &context)?;
                effect.writes_row |= verdict == Some(true);
                match verdict {
                    Some(false) => changed.rows.known.push_back(Arc::clone(row)),
                    Some(true) if !hooks => {
                        let frame = Frame::new(&scope, &values);
                        returned.push(TableRow {
                            values: returned_values(&statement.returning, &frame, &context)?,
                            certain: true,
                        });
                        gone.push(Arc::clone(row));
                    }
                    _ => {
                        changed.rows.others = true;
                        exact = false;
                    }
                }
            }
            let everything = statement.filter.is_none() && statement.using.is_empty() && !hooks;
            if everything {
                changed.rows.others = false;
            }
            effect.row_count = exact.then_some(gone.len() as u64);
            if !gone.is_empty() {
                effect.rows_changed(&relation.name);
            }
            catalog.relations.insert(Arc::new(changed));
            follow(catalog, relation, &gone, everything, &mut effect, 0)?;
        }
        Target::View(view) => forget_rows_behind(view, catalog),
        Target::Opaque(_) => {}
    }
    if !statement.returning.is_empty() {
        effect.returning = Some(Table {
            columns: returning.columns,
            open: returning.open,
            rows: returned,
            complete: exact,
        });
    }
    let assumed = context.assumed.take();
    drop(context);
    target::assume(catalog, &assumed);
    effect.assumed.extend(assumed);
    Ok(effect)
}

/// A foreign key that points to a table.
struct Reference {
    table: QualifiedName,
    constraint: SmolStr,
    columns: Vec<SmolStr>,
    referenced: Vec<SmolStr>,
    action: ReferentialAction,
    on_update: ReferentialAction,
    deferred: bool,
    /// All rows are known to obey it.
    valid: bool,
}

fn references(catalog: &Catalog, to: &QualifiedName) -> Vec<Reference> {
    let mut found = Vec::new();
    for relation in catalog.relations.mentioning(to) {
        for constraint in &relation.constraints {
            if constraint.references.as_ref() != Some(to) {
                continue;
            }
            if let ConstraintKind::ForeignKey {
                columns,
                referenced,
                on_delete,
                on_update,
                ..
            } = &constraint.definition.kind
            {
                found.push(Reference {
                    table: relation.name.clone(),
                    constraint: constraint.name.clone(),
                    columns: columns.clone(),
                    referenced: referenced.clone(),
                    action: *on_delete,
                    on_update: *on_update,
                    deferred: constraint.definition.initially_deferred,
                    valid: !constraint.definition.not_valid,
                });
            }
        }
    }
    found
}

/// What foreign keys do when rows are deleted: 23503, or rows that go or change with them.
pub(super) fn follow(
    catalog: &mut Catalog,
    relation: &Relation,
    gone: &[Arc<Row>],
    everything: bool,
    effect: &mut Effect,
    depth: usize,
) -> Result<(), ServerError> {
    if depth > MAX_CASCADES || (gone.is_empty() && !everything) {
        return Ok(());
    }
    for reference in references(catalog, &relation.name) {
        let Some(child) = catalog.relations.get(&reference.table).cloned() else {
            continue;
        };
        let mut changed = (*child).clone();
        changed.rows.known.clear();
        let mut removed = Vec::new();
        let left = catalog.relations.get(&relation.name).cloned();
        for row in &child.rows.known {
            let verdict = points_to(row, &reference, gone).or_else(|| {
                let left = left.as_deref()?;
                points_nowhere_else(row, &reference, left).then_some(true)
            });
            match verdict {
                Some(false) => changed.rows.known.push_back(Arc::clone(row)),
                verdict => match reference.action {
                    ReferentialAction::Cascade if verdict == Some(true) => {
                        removed.push(Arc::clone(row));
                    }
                    ReferentialAction::Cascade => changed.rows.others = true,
                    ReferentialAction::SetNull | ReferentialAction::SetDefault => {
                        let mut updated = (**row).clone();
                        for column in &reference.columns {
                            let value = if verdict == Some(true)
                                && reference.action == ReferentialAction::SetNull
                            {
                                Datum::Null
                            } else {
                                Datum::Unknown
                            };
                            super::insert::set(&mut updated, column, value);
                        }
                        changed.rows.known.push_back(Arc::new(updated));
                    }
                    ReferentialAction::NoAction | ReferentialAction::Restrict => {
                        if verdict == Some(true) && !reference.deferred {
                            return Err(still_referenced(relation, &reference));
                        }
                        changed.rows.known.push_back(Arc::clone(row));
                    }
                },
            }
        }
        if everything && reference.action == ReferentialAction::Cascade {
            // rows that are not known may be left: those that point nowhere
            changed.rows.others = child.rows.others;
        }
        if !removed.is_empty() {
            effect.rows_changed(&reference.table);
        }
        catalog.relations.insert(Arc::new(changed));
        if depth < MAX_CASCADES && !removed.is_empty() {
            follow(catalog, &child, &removed, false, effect, depth + 1)?;
        }
    }
    Ok(())
}

/// What foreign keys do when referenced columns of rows change: 23503, or rows that change with them. `before` and `after`
/// have the same rows in the same places.
pub(super) fn follow_update(
    catalog: &mut Catalog,
    before: &Relation,
    after: &Relation,
) -> Result<(), ServerError> {
    for reference in references(catalog, &before.name) {
        // rows that refer to others of their own table change with them, in no order that is known
        let child = match catalog.relations.get(&reference.table) {
            Some(child) if child.name != before.name => child.clone(),
            _ => continue,
        };
        let differs = |old: &Row, new: &Row| {
            reference
                .referenced
                .iter()
                .any(|column| equal(old.get(column), new.get(column)) == Some(false))
        };
        let moved: Vec<(Arc<Row>, Arc<Row>)> = before
            .rows
            .known
            .iter()
            .zip(&after.rows.known)
            .filter(|(old, new)| differs(old, new))
            .map(|(old, new)| (old.clone(), new.clone()))
            .collect();
        if moved.is_empty() {
            continue;
        }
        let mut changed = (*child).clone();
        for (place, row) in child.rows.known.iter().enumerate() {
            let found = moved.iter().find(|(old, _)| {
                points_to(row, &reference, std::slice::from_ref(old)) == Some(true)
            });
            let Some((_, new)) = found else { continue };
            let mut updated = (**row).clone();
            for (column, referenced) in reference.columns.iter().zip(&reference.referenced) {
                let value = match reference.on_update {
                    ReferentialAction::Cascade => new.get(referenced).clone(),
                    ReferentialAction::SetNull => Datum::Null,
                    ReferentialAction::SetDefault => Datum::Unknown,
                    ReferentialAction::NoAction | ReferentialAction::Restrict => {
                        // another row may have the value now
                        let still = after.rows.others
                            || points_to(
                                row,
                                &reference,
                                &after.rows.known.iter().cloned().collect::<Vec<_>>(),
                            ) != Some(false);
                        if reference.deferred || still {
                            break;
                        }
                        return Err(still_referenced(before, &reference));
                    }
                };
                super::insert::set(&mut updated, column, value);
            }
            changed.rows.known.set(place, Arc::new(updated));
        }
        catalog.relations.insert(Arc::new(changed));
    }
    Ok(())
}

fn points_to(row: &Row, reference: &Reference, gone: &[Arc<Row>]) -> Option<bool> {
    let mut result = Some(false);
    for parent in gone {
        let mut verdict = Some(true);
        for (column, referenced) in reference.columns.iter().zip(&reference.referenced) {
            let (own, theirs) = (row.get(column), parent.get(referenced));
            if *own == Datum::Null {
                return Some(false);
            }
            match equal(own, theirs) {
                Some(true) => {}
                Some(false) => {
                    verdict = Some(false);
                    break;
                }
                None => verdict = None,
            }
        }
        match verdict {
            Some(true) => return Some(true),
            Some(false) => {}
            None => result = None,
        }
    }
    result
}

/// Whether a row must have pointed to one that is gone: it points to something, and to nothing that is left. Which value it has need
/// not be known for that.
fn points_nowhere_else(row: &Row, reference: &Reference, left: &Relation) -> bool {
    let mut values = reference.columns.iter().map(|column| row.get(column));
    let points = values.all(|value| !matches!(value, Datum::Null | Datum::Unknown));
    let mut rows = left.rows.known.iter();
    points
        && reference.valid
        && !left.rows.others
        && rows.all(|other| points_to(row, reference, std::slice::from_ref(other)) == Some(false))
}

fn still_referenced(relation: &Relation, reference: &Reference) -> ServerError {
    ServerError::new(
        SqlState::FOREIGN_KEY_VIOLATION,
        format!(
            "update or delete on table \"{}\" violates foreign key constraint \"{}\" on table \"{}\"",
            relation.name.name, reference.constraint, reference.table.name
        ),
    )
    .about(reference.table.member(ObjectKind::Constraint, &reference.constraint))
}

/// Executes a TRUNCATE.
pub fn truncate(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    tables: &[Name],
    cascade: bool,
) -> DataAnswer {
    attempt(catalog, |catalog| {
        truncate_tables(catalog, environment, tables, cascade)
    })
}

fn truncate_tables(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    tables: &[Name],
    cascade: bool,
) -> Result<Effect, ServerError> {
    let before = catalog.clone();
    let context = Context::new(&before, environment);
    let mut names: Vec<QualifiedName> = Vec::new();
    for table in tables {
        match target::find(table, &context)? {
            Target::Table(relation) => names.push(relation.name.clone()),
            Target::View(view) => {
                return Err(ServerError::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("\"{}\" is not a table", view.name.name),
                )
                .about(view.name.key(ObjectKind::View)));
            }
            Target::Opaque(_) => {}
        }
    }
    let assumed = context.assumed.take();
    let mut effect = Effect::default();
    // partitions are emptied with their table
    let mut next = 0;
    while let Some(name) = names.get(next).cloned() {
        next += 1;
        for partition in before.relations.mentioning(&name) {
            let own = partition
                .partition_of
                .as_deref()
                .is_some_and(|(parent, _)| *parent == name);
            if own && !names.contains(&partition.name) {
                names.push(partition.name.clone());
            }
        }
    }
    let mut next = 0;
    while let Some(name) = names.get(next).cloned() {
        next += 1;
        for reference in references(&before, &name) {
            if names.contains(&reference.table) {
                continue;
            }
            if !cascade {
                return Err(ServerError::new(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    "cannot truncate a table referenced in a foreign key constraint",
                )
                .about(name.key(ObjectKind::Table)));
            }
            names.push(reference.table);
        }
    }
    target::assume(catalog, &assumed);
    for name in names {
        let Some(relation) = catalog.relations.get(&name) else {
            continue;
        };
        if !relation.rows.known.is_empty() {
            effect.rows_changed(&name);
        }
        let mut emptied = (**relation).clone();
        emptied.rows = crate::postgres::catalog::Rows::default();
        catalog.relations.insert(Arc::new(emptied));
    }
    effect.assumed = assumed;
    Ok(effect)
}
