//! INSERT: columns, values, defaults, keys.

use std::sync::Arc;

use smol_str::SmolStr;

use super::conflict::{
    Verdict, arbiters, check_conflict, names_alias, update_conflicting, verdict,
};
use super::keys::{Keys, check_constraints, check_references, generated_start, in_order, keep};
use super::target::{self, Target, has_hooks, missing_column};
use super::{Effect, Members, members};
use crate::limits::Limit;
use crate::postgres::catalog::trigger_events;
use crate::postgres::catalog::{Catalog, Column, QualifiedName, Relation, RelationKind, Row};
use crate::postgres::expression::{Datum, Expr, Query, QueryBody, TypeName};
use crate::postgres::name::ObjectKind;
use crate::postgres::query::{
    Context, Environment, Frame, Output, Scope, Table, TableRow, Type, cast, check,
    check_assignable, check_assignment, check_query, check_targets, check_with, evaluate,
    refuse_over_rows, run_query, run_with, sequence_named, type_of,
};
use crate::postgres::statement::{
    Assignment, ConflictAction, Identity, Insert, InsertSource, OnConflict,
};
use crate::postgres::{ServerError, SqlState};

/// Executes an INSERT; `outer` are results of WITH members around it.
pub(crate) fn run(
    catalog: &mut Catalog,
    environment: &Environment<'_>,
    statement: &Insert,
    outer: &[(SmolStr, std::rc::Rc<Table>)],
) -> Result<Effect, ServerError> {
    let mut effect = Effect::default();
    let done: Members = members(catalog, environment, &statement.with, outer, &mut effect)?;
    // what the statement reads is the catalog as it was before it
    let before = catalog.clone();
    let mut context = Context::new(&before, environment);
    context.guards_insert = true;
    context.tables.borrow_mut().extend(done);
    check_with(&statement.with, None, &context)?;
    run_with(&statement.with, None, &context)?;
    let target = target::find(&statement.table, &context)?;
    let columns = target_columns(statement, &target)?;
    check_source(statement, &columns, &target, &context)?;
    let rows = source_rows(statement, &columns, &target, &context)?;
    if let Some(conflict) = &statement.on_conflict {
        check_conflict(conflict, &target, &context)?;
    }
    let scope = target::scope(&target, None);
    let frame = Frame::new(&scope, &[]);
    let returning = match check_targets(&statement.returning, &frame, &context) {
        Err(error) if names_alias(&error) => Output {
            columns: Vec::new(),
            open: true,
        },
        other => other?,
    };
    let mut inserted = Vec::new();
    let mut exact = rows.complete;
    match &target {
        Target::Table(relation) => {
            let written = write_rows(relation, statement, rows, &context)?;
            exact &= written.exact;
            effect.doubt = effect.doubt.or(written.doubt);
            effect.row_count = exact.then_some(written.touched);
            effect.writes_row = written.is_certain;
            if written.count_changed {
                effect.rows_changed(&relation.name);
            }
            inserted = written.returned;
            catalog.relations.insert(Arc::new(written.relation));
        }
        Target::View(view) => {
            exact = false;
            forget_rows_behind(view, catalog);
            environment.numbers.forget();
        }
        Target::Opaque(_) => {
            exact = false;
            environment.numbers.forget();
        }
    }
    if returning.open && returning.columns.is_empty() {
        effect.returning = Some(Table::unknown(Vec::new(), true));
    } else if !statement.returning.is_empty() {
        let mut table = Table {
            columns: returning.columns,
            open: returning.open,
            rows: Vec::new(),
            complete: exact,
        };
        for row in &inserted {
            let frame = Frame::new(&scope, row);
            table.rows.push(TableRow {
                values: returned_values(&statement.returning, &frame, &context)?,
                certain: true,
            });
        }
        effect.returning = Some(table);
    }
    let assumed = context.assumed.take();
    drop(context);
    target::assume(catalog, &assumed);
    effect.assumed.extend(assumed);
    Ok(effect)
}

/// The values of RETURNING for a row.
pub(super) fn returned_values(
    targets: &[crate::postgres::expression::Target],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Vec<Datum>, ServerError> {
    let mut values = Vec::new();
    for target in targets {
        if matches!(target.value, Expr::Star { .. }) {
            values.extend(frame.row.iter().cloned());
        } else {
            values.push(evaluate(&target.value, frame, context)?);
        }
    }
    Ok(values)
}

/// Rows of the tables behind a view are no longer known one by one.
pub(super) fn forget_rows_behind(view: &Relation, catalog: &mut Catalog) {
    let tables: Vec<QualifiedName> = view
        .depends_on
        .iter()
        .filter_map(|key| {
            let (schema, name) = key.name.split_once('.')?;
            Some(QualifiedName::new(schema, name))
        })
        .collect();
    for name in tables {
        if let Some(relation) = catalog.relations.get(&name)
            && relation.kind == RelationKind::Table
        {
            let mut relation = (**relation).clone();
            relation.rows.others = true;
            catalog.relations.insert(Arc::new(relation));
        }
    }
}

/// The columns that get values; empty where they are not known.
fn target_columns(statement: &Insert, target: &Target) -> Result<Vec<Option<Column>>, ServerError> {
    let (Target::Table(relation) | Target::View(relation)) = target else {
        return Ok(statement.columns.iter().map(|_| None).collect());
    };
    if statement.columns.is_empty() {
        return Ok(relation.columns.iter().cloned().map(Some).collect());
    }
    let mut seen: Vec<&SmolStr> = Vec::with_capacity(statement.columns.len());
    let mut columns = Vec::with_capacity(statement.columns.len());
    for name in &statement.columns {
        let in_parts = statement.in_parts.contains(name);
        if seen.contains(&name) && !in_parts {
            return Err(ServerError::new(
                SqlState::DUPLICATE_COLUMN,
                format!("column \"{name}\" specified more than once"),
            ));
        }
        seen.push(name);
        match relation.column(name) {
            Some(column) => columns.push((!in_parts).then(|| column.clone())),
            None if relation.may_have_more() || crate::unknown::has_hole(name) => {
                columns.push(None);
            }
            None => {
                return Err(missing_column(name, &relation.name.name)
                    .about(relation.name.member(ObjectKind::Column, name)));
            }
        }
    }
    Ok(columns)
}

fn columns_known(statement: &Insert, target: &Target) -> bool {
    !statement.columns.is_empty()
        || match target {
            Target::Table(relation) | Target::View(relation) => !relation.columns_open,
            Target::Opaque(_) => false,
        }
}

fn check_width(
    width: usize,
    statement: &Insert,
    columns: &[Option<Column>],
    target: &Target,
) -> Result<(), ServerError> {
    if !columns_known(statement, target) {
        return Ok(());
    }
    if width > columns.len() {
        return Err(ServerError::new(
            SqlState::SYNTAX_ERROR,
            "INSERT has more expressions than target columns",
        ));
    }
    if width < columns.len() && !statement.columns.is_empty() {
        return Err(ServerError::new(
            SqlState::SYNTAX_ERROR,
            "INSERT has more target columns than expressions",
        ));
    }
    Ok(())
}

/// Checks names, literals and types of what is inserted.
fn check_source(
    statement: &Insert,
    columns: &[Option<Column>],
    target: &Target,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let scope = Scope::default();
    let frame = Frame::new(&scope, &[]);
    match &statement.source {
        InsertSource::DefaultValues => Ok(()),
        InsertSource::Values(rows) => {
            let width = rows.first().map_or(0, Vec::len);
            if rows.iter().any(|row| row.len() != width) {
                return Err(ServerError::new(
                    SqlState::SYNTAX_ERROR,
                    "VALUES lists must all be the same length",
                ));
            }
            check_width(width, statement, columns, target)?;
            for row in rows {
                for (value, column) in row
                    .iter()
                    .zip(columns.iter().chain(std::iter::repeat(&None)))
                {
                    if *value == Expr::Default {
                        continue;
                    }
                    check(value, &frame, context)?;
                    let Some(column) = column else { continue };
                    check_generated(column, statement.overriding)?;
                    check_assignment(&column.name, &column.type_name, value, &frame, context)?;
                }
            }
            Ok(())
        }
        InsertSource::Query(query) => {
            let output = check_query(query, None, context)?;
            if output.open {
                return Ok(());
            }
            check_width(output.columns.len(), statement, columns, target)?;
            for (index, column) in columns.iter().enumerate().take(output.columns.len()) {
                let Some(column) = column else { continue };
                check_generated(column, statement.overriding)?;
                check_query_column(
                    query,
                    index,
                    column,
                    output.columns[index].type_name.as_ref(),
                    context,
                )?;
            }
            Ok(())
        }
    }
}

fn check_generated(column: &Column, overriding: bool) -> Result<(), ServerError> {
    let refused =
        column.generated.is_some() || (column.identity == Some(Identity::Always) && !overriding);
    if !refused {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::GENERATED_ALWAYS,
        format!(
            "cannot insert a non-DEFAULT value into column \"{}\"",
            column.name
        ),
    ))
}

/// Checks one output column of `INSERT ... SELECT` against the column that it fills.
fn check_query_column(
    query: &Query,
    index: usize,
    column: &Column,
    from: Option<&TypeName>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    match &query.body {
        QueryBody::Select(select) => {
            let plain = select
                .targets
                .iter()
                .all(|target| !matches!(target.value, Expr::Star { .. }));
            let Some(target) = select.targets.get(index).filter(|_| plain) else {
                return Ok(());
            };
            // literals only: types of columns need the query's own scope
            let scope = Scope::default();
            let frame = Frame::new(&scope, &[]);
            match type_of(&target.value, &frame, context) {
                Type::Literal => check_assignment(
                    &column.name,
                    &column.type_name,
                    &target.value,
                    &frame,
                    context,
                ),
                _ => match from {
                    Some(from) => check_assignable(&column.name, &column.type_name, from, context),
                    None => Ok(()),
                },
            }
        }
        QueryBody::Values(_) | QueryBody::Set { .. } => Ok(()),
    }
}

/// Values to insert: per row and target column; `None` is DEFAULT.
struct Rows {
    rows: Vec<(Vec<Option<Datum>>, bool)>,
    complete: bool,
}

fn source_rows(
    statement: &Insert,
    columns: &[Option<Column>],
    target: &Target,
    context: &Context<'_>,
) -> Result<Rows, ServerError> {
    let _ = (columns, target);
    match &statement.source {
        InsertSource::DefaultValues => Ok(Rows {
            rows: vec![(Vec::new(), true)],
            complete: true,
        }),
        InsertSource::Values(rows) => {
            let scope = Scope::default();
            let frame = Frame::new(&scope, &[]);
            let mut result = Vec::with_capacity(rows.len());
            for row in rows {
                let mut values = Vec::with_capacity(row.len());
                for value in row {
                    values.push(match value {
                        Expr::Default => None,
                        value => Some(evaluate(value, &frame, context)?),
                    });
                }
                result.push((values, true));
            }
            Ok(Rows {
                rows: result,
                complete: true,
            })
        }
        InsertSource::Query(query) => {
            let table = run_query(query, None, context)?;
            Ok(Rows {
                complete: table.complete && !table.open,
                rows: table
                    .rows
                    .into_iter()
                    .map(|row| (row.values.into_iter().map(Some).collect(), row.certain))
                    .collect(),
            })
        }
    }
}

struct Written {
    relation: Relation,
    /// Values of the rows that RETURNING gives, in the order of the columns.
    returned: Vec<Vec<Datum>>,
    touched: u64,
    count_changed: bool,
    /// A row is certainly inserted.
    is_certain: bool,
    /// Exactly these rows were touched.
    exact: bool,
    /// Why it may have been refused.
    doubt: Option<&'static str>,
}

fn write_rows(
    relation: &Arc<Relation>,
    statement: &Insert,
    rows: Rows,
    context: &Context<'_>,
) -> Result<Written, ServerError> {
    let mut keys = Keys::new(relation, rows.rows.len(), context);
    let written = write_with(&mut keys, relation, statement, rows, context);
    match &written {
        Ok(written) => keys.keep(&written.relation),
        Err(_) => keys.keep(relation),
    }
    written
}

fn write_with(
    keys: &mut Keys,
    relation: &Arc<Relation>,
    statement: &Insert,
    rows: Rows,
    context: &Context<'_>,
) -> Result<Written, ServerError> {
    let mut written = Written {
        relation: (**relation).clone(),
        returned: Vec::new(),
        touched: 0,
        count_changed: false,
        is_certain: false,
        exact: rows.complete,
        doubt: None,
    };
    let hooked = match &statement.on_conflict {
        Some(OnConflict {
            action: ConflictAction::Update { .. },
            ..
        }) => trigger_events::INSERT | trigger_events::UPDATE,
        _ => trigger_events::INSERT,
    };
    let hooks = has_hooks(relation, hooked, context.environment);
    written.relation.rows.others |= !rows.complete;
    check_partition(relation, !rows.rows.is_empty(), context)?;
    let arbiters = match &statement.on_conflict {
        Some(conflict) if !rows.rows.is_empty() => Some(arbiters(conflict, relation, keys)?),
        _ => None,
    };
    if !rows.complete {
        forget_numbers(relation, context);
    }
    let first_known = relation.rows.known.len();
    let mut referring = Vec::new();
    for (values, certain) in rows.rows {
        if !certain {
            forget_numbers(relation, context);
        }
        let row = match make_row(&written.relation, statement, values, hooks, context) {
            Ok(row) => row,
            Err(error) if certain => return Err(error),
            Err(_) => {
                written.exact = false;
                continue;
            }
        };
        let verdict = verdict(&written.relation, &row, keys, arbiters.as_deref(), context);
        match verdict {
            Verdict::Refused(key) => {
                if certain
                    && !hooks
                    && let Some(error) = keys.error(key, relation)
                {
                    return Err(error);
                }
                written.exact = false;
                continue;
            }
            Verdict::Skipped(conflicting) => {
                let Some(OnConflict {
                    action:
                        ConflictAction::Update {
                            assignments,
                            filter,
                        },
                    ..
                }) = &statement.on_conflict
                else {
                    continue;
                };
                if conflicting >= first_known && certain {
                    return Err(ServerError::new(
                        SqlState::CARDINALITY_VIOLATION,
                        "ON CONFLICT DO UPDATE command cannot affect row a second time",
                    ));
                }
                written.touched += 1;
                let updated = update_conflicting(
                    &written.relation,
                    conflicting,
                    &row,
                    assignments,
                    filter.as_ref(),
                    context,
                )?;
                written.returned.push(in_order(&written.relation, &updated));
                if let Some(before) = written.relation.rows.known.get(conflicting) {
                    keys.replace(relation, (before, &updated), conflicting, context);
                }
                written.relation.rows.known.set(conflicting, keep(updated));
                continue;
            }
            Verdict::Unclear => {
                if statement.on_conflict.is_none() {
                    written.doubt = Some(
                        "whether its key, which was read from a row, is there already is not known",
                    );
                }
                written.exact = false;
                written.relation.rows.others = true;
                continue;
            }
            Verdict::Inserted => {}
        }
        if certain && !hooks {
            check_constraints(relation, &row, context)?;
        }
        written.touched += 1;
        written.exact &= certain;
        written.count_changed |= certain;
        written.is_certain |= certain;
        written.returned.push(in_order(&written.relation, &row));
        if written.relation.rows.known.len() >= Limit::TableRows.count() {
            written.relation.rows.others = true;
            continue;
        }
        keys.add(relation, &row, written.relation.rows.known.len(), context);
        let row = keep(row);
        if certain && !hooks {
            referring.push(row.clone());
        }
        written.relation.rows.known.push_back(row);
    }
    for row in &referring {
        check_references(&written.relation, row, context.catalog, context.environment)?;
    }
    if !relation.rules.is_empty() {
        // a rule may send the rows elsewhere, or nowhere
        written.count_changed = false;
        written.is_certain = false;
        written.exact = false;
        written.relation.rows = relation.rows.clone();
        written.relation.rows.others = true;
    }
    Ok(written)
}

/// 23514 where a partitioned table certainly has no partition for a row.
fn check_partition(
    relation: &Relation,
    inserts: bool,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    if !inserts || relation.kind != RelationKind::PartitionedTable || context.catalog.open {
        return Ok(());
    }
    let has_partition = context
        .catalog
        .relations
        .mentioning(&relation.name)
        .any(|other| {
            other
                .partition_of
                .as_deref()
                .is_some_and(|(parent, _)| *parent == relation.name)
        });
    if has_partition || !context.catalog.maybe.is_empty() {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::CHECK_VIOLATION,
        format!(
            "no partition of relation \"{}\" found for row",
            relation.name.name
        ),
    )
    .about(relation.name.key(ObjectKind::Table)))
}

fn make_row(
    relation: &Relation,
    statement: &Insert,
    mut values: Vec<Option<Datum>>,
    hooks: bool,
    context: &Context<'_>,
) -> Result<Row, ServerError> {
    let mut row = Row::default();
    row.values.reserve(relation.columns.len());
    let mut missing = None;
    for (index, column) in relation.columns.iter().enumerate() {
        let position = if statement.columns.is_empty() {
            (!matches!(statement.source, InsertSource::DefaultValues)).then_some(index)
        } else {
            statement
                .columns
                .iter()
                .position(|name| *name == column.name)
        };
        let given = position
            .and_then(|position| values.get_mut(position))
            .and_then(Option::take);
        let value = match given {
            Some(_) if statement.in_parts.contains(&column.name) => Datum::Unknown,
            Some(value) => cast(value, None, &column.type_name, context)?,
            None => default_value(relation, column, context)?,
        };
        // a trigger may fill it
        let value = if hooks && value == Datum::Null {
            Datum::Unknown
        } else {
            value
        };
        let primary = || {
            let key = relation.primary_key();
            column.generated.is_none() && key.is_some_and(|key| key.contains(&column.name))
        };
        if missing.is_none() && value == Datum::Null && (column.not_null || primary()) {
            missing = Some(column);
        }
        row.values.push((column.name.clone(), value));
    }
    // the server works out all values before it looks at any
    if let Some(column) = missing {
        return Err(not_null_error(relation, column));
    }
    if relation.columns_open {
        // columns that are known only from here
        for (position, name) in statement.columns.iter().enumerate() {
            if relation.column(name).is_none()
                && let Some(value) = values.get_mut(position).and_then(Option::take)
            {
                row.values.push((name.clone(), value));
            }
        }
    }
    fill_generated(relation, &mut row, context);
    Ok(row)
}

pub(super) fn fill_generated(relation: &Relation, row: &mut Row, context: &Context<'_>) {
    if relation
        .columns
        .iter()
        .all(|column| column.generated.is_none())
    {
        return;
    }
    let scope = Scope::of(crate::postgres::query::source_of_relation(relation));
    let values = in_order(relation, row);
    let frame = Frame::new(&scope, &values);
    for column in &relation.columns {
        let Some((expression, _)) = &column.generated else {
            continue;
        };
        let value = evaluate(expression, &frame, context).unwrap_or(Datum::Unknown);
        if let Some((_, place)) = row.values.iter_mut().find(|(name, _)| *name == column.name) {
            *place = value;
        }
    }
}

pub(super) fn not_null_error(relation: &Relation, column: &Column) -> ServerError {
    ServerError::new(
        SqlState::NOT_NULL_VIOLATION,
        format!(
            "null value in column \"{}\" of relation \"{}\" violates not-null constraint",
            column.name, relation.name.name
        ),
    )
    .about(relation.name.member(ObjectKind::Column, &column.name))
}

/// The sequence that numbers a column.
fn sequence_of(
    relation: &Relation,
    column: &Column,
    context: &Context<'_>,
) -> Option<QualifiedName> {
    match column.default.as_deref() {
        Some(Expr::Call { arguments, .. }) => sequence_named(arguments.first()?, context),
        _ => {
            let sequence = context.catalog.owned_sequence(&relation.name, &column.name);
            sequence.map(|sequence| sequence.name.clone())
        }
    }
}

/// The next number of a column that a sequence fills: the sequence's where it is known, else one that stands for it. `None`: none fills it.
fn next_number(relation: &Relation, column: &Column, context: &Context<'_>) -> Option<i64> {
    column.is_numbered().then(|| {
        let sequence = sequence_of(relation, column, context);
        let numbers = context.environment.numbers;
        sequence
            .and_then(|sequence| numbers.take(context.catalog, &sequence))
            .unwrap_or_else(|| generated_start(relation, &column.name))
    })
}

/// How many numbers a table's sequences gave is not known any more.
pub(super) fn forget_numbers(relation: &Relation, context: &Context<'_>) {
    let numbered = relation
        .columns
        .iter()
        .filter(|column| column.is_numbered());
    for sequence in numbered.filter_map(|column| sequence_of(relation, column, context)) {
        context.environment.numbers.set(sequence, None);
    }
}

/// What a column gets that no value is given for.
pub(super) fn default_value(
    relation: &Relation,
    column: &Column,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    if column.generated.is_some() {
        // filled in once the others are known
        return Ok(Datum::Unknown);
    }
    if let Some(number) = next_number(relation, column, context) {
        return Ok(Datum::Int(number));
    }
    let Some(default) = &column.default else {
        // a domain has a default of its own
        let own = context
            .made_type(&column.type_name.name)
            .is_some_and(|made| {
                matches!(
                    made.definition,
                    crate::postgres::catalog::TypeKind::Domain {
                        default: Some(_),
                        ..
                    }
                )
            });
        return Ok(if own { Datum::Unknown } else { Datum::Null });
    };
    let scope = Scope::default();
    let frame = Frame::new(&scope, &[]);
    let value = evaluate(default, &frame, context)?;
    cast(value, None, &column.type_name, context)
}

/// Sets a column of a row.
pub(super) fn set(row: &mut Row, column: &SmolStr, value: Datum) {
    match row.values.iter_mut().find(|(name, _)| name == column) {
        Some((_, place)) => *place = value,
        None => row.values.push((column.clone(), value)),
    }
}

/// Checks the assignments of UPDATE or DO UPDATE.
pub(super) fn check_assignments(
    assignments: &[Assignment],
    target: &Target,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    for assignment in assignments {
        let column = match target {
            Target::Table(relation) | Target::View(relation) => {
                match relation.column(&assignment.column) {
                    Some(column) => Some(column),
                    None if relation.may_have_more()
                        || crate::unknown::has_hole(&assignment.column) =>
                    {
                        None
                    }
                    None => {
                        return Err(missing_column(&assignment.column, &relation.name.name)
                            .about(relation.name.member(ObjectKind::Column, &assignment.column)));
                    }
                }
            }
            Target::Opaque(_) => None,
        };
        if assignment.value == Expr::Default {
            continue;
        }
        check(&assignment.value, frame, context)?;
        refuse_over_rows(&assignment.value, "UPDATE", context)?;
        if let Some(column) = column {
            let refused = column.generated.is_some() || column.identity == Some(Identity::Always);
            if refused {
                return Err(ServerError::new(
                    SqlState::GENERATED_ALWAYS,
                    format!("column \"{}\" can only be updated to DEFAULT", column.name),
                ));
            }
            check_assignment(
                &column.name,
                &column.type_name,
                &assignment.value,
                frame,
                context,
            )?;
        }
    }
    Ok(())
}
