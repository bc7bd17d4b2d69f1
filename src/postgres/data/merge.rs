//! MERGE: which clause acts on which row, and the rows afterwards.
//!
//! All clauses see the table as it was before the statement. The rows of the table are asked one by one; those of the source
//! that match none are inserted as `INSERT ... SELECT ... WHERE NOT EXISTS` would.

use std::sync::Arc;

use smol_str::SmolStr;

use super::delete::{follow, follow_update};
use super::insert::{self, check_assignments, forget_rows_behind};
use super::keys::{in_order, keep};
use super::target::{self, Target, has_hooks};
use super::update::{assigned, check_keys, check_rows, matches};
use super::{Effect, Members, members};
use crate::postgres::catalog::{Catalog, Relation, RelationKind, Row, trigger_events};
use crate::postgres::expression::{Datum, Expr, FromItem, Select, Target as Output};
use crate::postgres::query::{
    Context, Environment, Frame, Scope, Table, check_condition, check_from_over, check_with,
    run_from_over, run_with,
};
use crate::postgres::statement::{
    Insert, InsertSource, Merge, MergeAction, MergeClause, MergeRows,
};
use crate::postgres::{ServerError, SqlState, Version};

/// Executes a MERGE (15 and later); `outer` are results of WITH members around it.
pub(crate) fn run(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    statement: &Merge,
    outer: &[(SmolStr, std::rc::Rc<Table>)],
) -> Result<Effect, ServerError> {
    if environment.version < Version(15) {
        return Err(ServerError::new(
            SqlState::SYNTAX_ERROR,
            "syntax error at or near \"MERGE\"",
        ));
    }
    let mut effect = Effect::default();
    let done: Members = members(catalog, environment, &statement.with, outer, &mut effect)?;
    let before = catalog.clone();
    let context = Context::new(&before, environment);
    context.tables.borrow_mut().extend(done);
    check_with(&statement.with, None, &context)?;
    run_with(&statement.with, None, &context)?;
    let target = target(statement, &context)?;
    let scopes = Scopes::of(statement, &target, &context)?;
    check_clauses(statement, &target, &scopes, &context)?;
    match &target {
        Target::Table(relation) => {
            let touches = touches(relation, statement, &scopes, &context)?;
            let known: Members = context.tables.borrow().clone();
            for place in 0..statement.clauses.len() {
                let Some(insert) = insertion(statement, place, relation) else {
                    continue;
                };
                effect.take_in(insert::run(catalog, environment, &insert, &known)?);
            }
            write(
                catalog,
                relation,
                statement,
                &touches,
                &mut effect,
                &context,
            )?;
        }
        Target::View(view) => forget_rows_behind(view, catalog),
        Target::Opaque(_) => {}
    }
    if !statement.returning.is_empty() {
        effect.returning = Some(Table::unknown(Vec::new(), true));
    }
    let assumed = context.assumed.take();
    drop(context);
    target::assume(catalog, &assumed);
    effect.assumed.extend(assumed);
    Ok(effect)
}

/// The table, or 0A000 for what MERGE does not write: views before 17, tables with rules, all that is no table.
fn target(statement: &Merge, context: &Context<'_>) -> Result<Target, ServerError> {
    let refused = || {
        ServerError::new(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!(
                "cannot execute MERGE on relation \"{}\"",
                statement.table.name
            ),
        )
    };
    let found = match target::find(&statement.table, context) {
        Err(error) if error.sqlstate == SqlState::WRONG_OBJECT_TYPE => return Err(refused()),
        found => found?,
    };
    match &found {
        Target::Table(relation)
            if !relation.rules.is_empty() || relation.kind == RelationKind::ForeignTable =>
        {
            Err(refused())
        }
        Target::View(_) if context.environment.version < Version(17) => Err(refused()),
        _ => Ok(found),
    }
}

/// What the expressions of a MERGE see.
struct Scopes {
    /// The table and the source.
    both: Scope,
    /// The table alone.
    target: Scope,
}

impl Scopes {
    fn of(statement: &Merge, target: &Target, context: &Context<'_>) -> Result<Self, ServerError> {
        let own = target::source(target, statement.alias.as_deref());
        let both = check_from_over(&own, std::slice::from_ref(&statement.source), context)?;
        Ok(Self {
            both,
            target: target::scope(target, statement.alias.as_deref()),
        })
    }
}

/// Checks names and types of what is asked and set; those of the rows that are inserted are checked with the insertion.
fn check_clauses(
    statement: &Merge,
    target: &Target,
    scopes: &Scopes,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    check_condition(&statement.on, &Frame::new(&scopes.both, &[]), context)?;
    for clause in &statement.clauses {
        let scope = match clause.rows {
            MergeRows::Matched => &scopes.both,
            MergeRows::OfTarget => &scopes.target,
            MergeRows::OfSource => continue,
        };
        let frame = Frame::new(scope, &[]);
        if let Some(condition) = &clause.condition {
            check_condition(condition, &frame, context)?;
        }
        if let MergeAction::Update(assignments) = &clause.action {
            check_assignments(assignments, target, &frame, context)?;
        }
    }
    Ok(())
}

/// What becomes of a row of the table that is known.
enum Touch {
    Kept,
    /// By the clause of this place.
    Updated(Row, usize),
    Removed,
    /// Values that are not known decide, or a trigger.
    Unclear,
}

/// What becomes of each known row: the first clause that is for it acts.
fn touches(
    relation: &Relation,
    statement: &Merge,
    scopes: &Scopes,
    context: &Context<'_>,
) -> Result<Vec<Touch>, ServerError> {
    let events = trigger_events::UPDATE | trigger_events::DELETE;
    let hooks = has_hooks(relation, events, context.environment);
    let unmatched = nothing_in(statement.source.clone(), &statement.on);
    let asked: Vec<(usize, &MergeClause, Expr)> = statement
        .clauses
        .iter()
        .enumerate()
        .filter(|(_, clause)| clause.rows != MergeRows::OfSource)
        .map(|(place, clause)| {
            let joined = match clause.rows {
                MergeRows::Matched => statement.on.clone(),
                _ => unmatched.clone(),
            };
            let parts = [joined].into_iter().chain(clause.condition.clone());
            (place, clause, Expr::And(parts.collect()))
        })
        .collect();
    let mut found = Vec::with_capacity(relation.rows.known.len());
    for row in &relation.rows.known {
        let mut touch = Touch::Kept;
        for (place, clause, filter) in &asked {
            let (from, scope): (&[FromItem], _) = match clause.rows {
                MergeRows::Matched => (std::slice::from_ref(&statement.source), &scopes.both),
                _ => (&[], &scopes.target),
            };
            let (verdict, values) = matches(relation, row, from, Some(filter), scope, context)?;
            if verdict == Some(false) {
                continue;
            }
            touch = match &clause.action {
                _ if verdict.is_none() => Touch::Unclear,
                MergeAction::Nothing | MergeAction::Insert { .. } => Touch::Kept,
                MergeAction::Update(_) | MergeAction::Delete if hooks => Touch::Unclear,
                MergeAction::Delete => {
                    check_once(relation, row, from, filter, scope, context)?;
                    Touch::Removed
                }
                MergeAction::Update(assignments) => {
                    check_once(relation, row, from, filter, scope, context)?;
                    let frame = Frame::new(scope, &values);
                    let row = assigned(relation, row, assignments, Some(&frame), context)?;
                    Touch::Updated(row, *place)
                }
            };
            break;
        }
        found.push(touch);
    }
    Ok(found)
}

/// 21000 where two rows of the source certainly match one of the table.
fn check_once(
    relation: &Relation,
    row: &Row,
    from: &[FromItem],
    filter: &Expr,
    scope: &Scope,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    if from.is_empty() {
        return Ok(());
    }
    let own = in_order(relation, row);
    let joined = run_from_over(scope, &own, from, Some(filter), context)?;
    if joined.rows.iter().filter(|row| row.certain).count() < 2 {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::CARDINALITY_VIOLATION,
        "MERGE command cannot affect row a second time",
    ))
}

/// `NOT EXISTS (SELECT FROM item WHERE on)`.
fn nothing_in(item: FromItem, on: &Expr) -> Expr {
    let select = Select {
        from: vec![item],
        filter: Some(on.clone()),
        ..Select::default()
    };
    Expr::Not(Box::new(Expr::Exists(Box::new(select.into()))))
}

/// What a clause inserts: the source's rows that match nothing, and that no clause before it is for.
fn insertion(statement: &Merge, place: usize, relation: &Relation) -> Option<Insert> {
    let (before, clause) = (
        statement.clauses.get(..place)?,
        statement.clauses.get(place)?,
    );
    let MergeAction::Insert {
        columns,
        values,
        overriding,
    } = &clause.action
    else {
        return None;
    };
    let own = FromItem::Table {
        name: statement.table.clone(),
        alias: statement.alias.clone(),
        columns: Vec::new(),
    };
    let taken = before
        .iter()
        .filter(|earlier| earlier.rows == MergeRows::OfSource)
        .map(|earlier| match &earlier.condition {
            Some(condition) => Expr::IsBool {
                value: Box::new(condition.clone()),
                expected: true,
                negated: true,
            },
            None => Expr::Value(Datum::Bool(false)),
        });
    let filter = [nothing_in(own, &statement.on)]
        .into_iter()
        .chain(taken)
        .chain(clause.condition.clone());
    let (columns, values) = without_defaults(columns, values, relation);
    let select = Select {
        targets: values
            .into_iter()
            .map(|value| Output { value, alias: None })
            .collect(),
        from: vec![statement.source.clone()],
        filter: Some(Expr::And(filter.collect())),
        ..Select::default()
    };
    Some(Insert {
        with: Vec::new(),
        table: statement.table.clone(),
        columns,
        in_parts: Vec::new(),
        source: InsertSource::Query(Box::new(select.into())),
        on_conflict: None,
        overriding: *overriding,
        returning: Vec::new(),
    })
}

/// Columns and values without those that get their DEFAULT, which a SELECT has no word for.
fn without_defaults(
    columns: &[SmolStr],
    values: &[Expr],
    relation: &Relation,
) -> (Vec<SmolStr>, Vec<Expr>) {
    if !values.contains(&Expr::Default) {
        return (columns.to_vec(), values.to_vec());
    }
    let all: Vec<SmolStr> = match columns {
        [] => relation
            .columns
            .iter()
            .map(|column| column.name.clone())
            .collect(),
        _ => columns.to_vec(),
    };
    all.into_iter()
        .zip(values.iter().cloned())
        .filter(|(_, value)| *value != Expr::Default)
        .unzip()
}

/// Writes what became of the known rows; the inserted ones stand behind them.
fn write(
    catalog: &mut Catalog,
    before: &Arc<Relation>,
    statement: &Merge,
    touches: &[Touch],
    effect: &mut Effect,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let Some(current) = catalog.relations.get(&before.name).cloned() else {
        return Ok(());
    };
    let mut changed = (*current).clone();
    changed.rows.known.clear();
    // for foreign keys: the same rows in the same places
    let mut in_place = (**before).clone();
    let mut gone = Vec::new();
    let mut updated = vec![Vec::new(); statement.clauses.len()];
    for (place, (row, touch)) in before.rows.known.iter().zip(touches).enumerate() {
        match touch {
            Touch::Kept => changed.rows.known.push_back(row.clone()),
            Touch::Updated(row, clause) => {
                let row = keep(row.clone());
                updated[*clause].push(changed.rows.known.len());
                in_place.rows.known.set(place, row.clone());
                changed.rows.known.push_back(row);
            }
            Touch::Removed => gone.push(row.clone()),
            Touch::Unclear => changed.rows.others = true,
        }
    }
    let inserted = current.rows.known.iter().skip(before.rows.known.len());
    changed.rows.known.extend(inserted.cloned());
    for (clause, places) in statement.clauses.iter().zip(&updated) {
        if let MergeAction::Update(assignments) = &clause.action {
            check_keys(&changed, assignments, places, context)?;
            check_rows(&changed, assignments, places, context)?;
        }
    }
    if !gone.is_empty() {
        effect.rows_changed(&before.name);
    }
    catalog.relations.insert(Arc::new(changed));
    follow_update(catalog, before, &in_place)?;
    follow(catalog, before, &gone, false, effect, 0)
}
