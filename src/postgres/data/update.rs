//! UPDATE: names and types, and what is known of the rows afterwards.

use std::sync::Arc;

use smol_str::SmolStr;

use super::delete::follow_update;
use super::equalities::Equalities;
use super::insert::{
    check_assignments, default_value, fill_generated, forget_rows_behind, not_null_error,
    returned_values, set,
};
use super::keys::{
    Conflict, Keys, carry_over, check_constraints, check_references, in_order, is_set, keep,
};
use super::target::{self, Target, has_hooks};
use super::{Effect, Members, members};
use crate::postgres::ServerError;
use crate::postgres::catalog::trigger_events;
use crate::postgres::catalog::{Catalog, Relation, RelationKind, Row};
use crate::postgres::expression::{Datum, Expr, FromItem};
use crate::postgres::query::{
    Context, Environment, Frame, Scope, Table, TableRow, cast, check_condition, check_from_over,
    check_targets, check_with, evaluate, is_true, refuse_over_rows, run_from_over, run_with,
};
use crate::postgres::statement::{Assignment, Update};

/// Executes an UPDATE; `outer` are results of WITH members around it.
pub(crate) fn run(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    statement: &Update,
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
    let scope = check_from_over(&own, &statement.from, &context)?;
    let frame = Frame::new(&scope, &[]);
    check_assignments(&statement.assignments, &target, &frame, &context)?;
    if let Some(filter) = &statement.filter {
        check_condition(filter, &frame, &context)?;
        refuse_over_rows(filter, "WHERE", &context)?;
    }
    let returning = check_targets(&statement.returning, &frame, &context)?;
    let mut exact = false;
    let mut returned = Vec::new();
    match &target {
        Target::Table(relation) => {
            let (changed, rows, all_known) = update_rows(relation, statement, &scope, &context)?;
            exact = all_known;
            effect.row_count = all_known.then_some(rows.len() as u64);
            effect.writes_row = !rows.is_empty();
            for values in &rows {
                let frame = Frame::new(&scope, values);
                returned.push(TableRow {
                    values: returned_values(&statement.returning, &frame, &context)?,
                    certain: true,
                });
            }
            let changed = Arc::new(changed);
            catalog.relations.insert(changed.clone());
            follow_update(catalog, relation, &changed)?;
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

/// Whether a known row of the target matches, and the joined row that it matches by.
pub(super) fn matches(
    relation: &Relation,
    row: &Row,
    from: &[FromItem],
    filter: Option<&Expr>,
    scope: &Scope,
    context: &Context<'_>,
) -> Result<(Option<bool>, Vec<Datum>), ServerError> {
    let mut values = in_order(relation, row);
    if from.is_empty() {
        let frame = Frame::new(scope, &values);
        let verdict = match filter {
            None => Some(true),
            Some(filter) => is_true(&evaluate(filter, &frame, context)?),
        };
        return Ok((verdict, values));
    }
    let joined = run_from_over(scope, &values, from, filter, context)?;
    if let Some(found) = joined.rows.iter().find(|found| found.certain) {
        values.extend(found.values.iter().cloned());
        return Ok((Some(true), values));
    }
    let verdict = (joined.complete && joined.rows.is_empty()).then_some(false);
    Ok((verdict, values))
}

/// Whether all rows of a table are known.
pub(super) fn all_known(relation: &Relation, context: &Context<'_>) -> bool {
    relation.kind == RelationKind::Table
        && (context.environment.fresh)(&relation.name)
        && !relation.rows.others
        && !relation.columns_open
}

type Updated = (Relation, Vec<Vec<Datum>>, bool);

fn update_rows(
    relation: &Arc<Relation>,
    statement: &Update,
    scope: &Scope,
    context: &Context<'_>,
) -> Result<Updated, ServerError> {
    let mut changed = (**relation).clone();
    let mut touched = Vec::new();
    let mut places = Vec::new();
    let mut exact = all_known(relation, context);
    let hooks = has_hooks(relation, trigger_events::UPDATE, context.environment);
    let filter = statement.filter.as_ref();
    let asked = Equalities::of(relation, &statement.from, filter, context.environment);
    for (place, row) in relation.rows.known.iter().enumerate() {
        if asked.exclude(row) {
            continue;
        }
        let (verdict, values) = matches(relation, row, &statement.from, filter, scope, context)?;
        if verdict == Some(false) {
            continue;
        }
        let frame = Frame::new(scope, &values);
        let frame = (verdict == Some(true) && !hooks).then_some(&frame);
        let updated = assigned(relation, row, &statement.assignments, frame, context)?;
        if verdict == Some(true) {
            touched.push(in_order(relation, &updated));
            places.push(place);
        } else {
            exact = false;
        }
        changed.rows.known.set(place, keep(updated));
    }
    if !hooks {
        check_keys(&changed, &statement.assignments, &places, context)?;
        check_rows(&changed, &statement.assignments, &places, context)?;
    }
    carry_over(relation, &changed, &statement.assignments);
    Ok((changed, touched, exact))
}

/// A row after SET; without a frame to evaluate in, what is set is not known.
pub(super) fn assigned(
    relation: &Relation,
    row: &Row,
    assignments: &[Assignment],
    frame: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Row, ServerError> {
    let mut updated = row.clone();
    for assignment in assignments {
        let value = match (frame, relation.column(&assignment.column)) {
            (Some(frame), Some(column)) => {
                let value = match &assignment.value {
                    Expr::Default => default_value(relation, column, context)?,
                    value => cast(
                        evaluate(value, frame, context)?,
                        None,
                        &column.type_name,
                        context,
                    )?,
                };
                if value == Datum::Null && column.not_null {
                    return Err(not_null_error(relation, column));
                }
                value
            }
            _ => Datum::Unknown,
        };
        set(&mut updated, &assignment.column, value);
    }
    fill_generated(relation, &mut updated, context);
    Ok(updated)
}

/// 23514 and 23503 where a known row certainly breaks a CHECK constraint, or refers to nothing any more.
pub(super) fn check_rows(
    changed: &Relation,
    assignments: &[Assignment],
    places: &[usize],
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let mut keys = changed.foreign_keys();
    let refers = keys.any(|known| is_set(&known.columns, assignments));
    for row in places
        .iter()
        .filter_map(|place| changed.rows.known.get(*place))
    {
        check_constraints(changed, row, context)?;
        if refers {
            check_references(changed, row, context.catalog, context.environment)?;
        }
    }
    Ok(())
}

/// 23505 where two known rows certainly have the same key once the statement is over.
pub(super) fn check_keys(
    relation: &Relation,
    assignments: &[Assignment],
    places: &[usize],
    context: &Context<'_>,
) -> Result<(), ServerError> {
    if places.is_empty() {
        return Ok(());
    }
    let keys = Keys::new(relation, 0, context);
    for (number, key) in keys.all.iter().enumerate() {
        let assigned = is_set(&key.index.columns, assignments);
        // a large table: what it costs to compare all pairs is not worth it
        if !assigned || places.len().saturating_mul(relation.rows.known.len()) > 1_000_000 {
            continue;
        }
        for place in places {
            let Some(row) = relation.rows.known.get(*place) else {
                continue;
            };
            let conflict = keys.conflict(number, relation, row, Some(*place), context);
            if matches!(conflict, Conflict::With(_))
                && let Some(error) = keys.error(number, relation)
            {
                return Err(error);
            }
        }
    }
    Ok(())
}
