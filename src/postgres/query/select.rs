//! Executes a query: WITH, WHERE, grouping, DISTINCT, set operations, ORDER BY, LIMIT.
//!
//! Works on a query that `check` has let through. Every row says whether it is certain, and the result whether there
//! may be more rows: what follows from rows that are not known is never made up.

use std::cmp::Ordering;
use std::rc::Rc;

use smol_str::SmolStr;

use super::aggregate::has_aggregate;
use super::check::{check_query, check_targets, is_declared, rename, star};
use super::evaluate::{evaluate, is_true};
use super::operators::{compare, equal, have_an_order};
use super::scope::{Frame, Group, Scope};
use super::{Context, OutputColumn, Table, TableRow, cast, join};
use crate::limits::Limit;
use crate::postgres::ServerError;
use crate::postgres::expression::{
    CommonTable, Datum, Expr, Query, QueryBody, Select, SetOperator,
};
use crate::postgres::statement::Statement;

/// Executes a query.
pub(crate) fn run_query(
    query: &Query,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Table, ServerError> {
    let Some(_depth) = context.enter() else {
        return Ok(Table::unknown(Vec::new(), true));
    };
    let mark = context.tables.borrow().len();
    let result =
        run_with(&query.with, outer, context).and_then(|()| run_body(query, outer, context));
    context.tables.borrow_mut().truncate(mark);
    result
}

/// Executes the members of WITH and makes their results known by name.
pub(crate) fn run_with(
    members: &[CommonTable],
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    for member in members {
        let table = match &*member.statement {
            Statement::Query(inner) => {
                let recursive = member.recursive && matches!(inner.body, QueryBody::Set { .. });
                if recursive {
                    recursive_member(&member.name, inner, outer, context)?
                } else {
                    run_query(inner, outer, context)?
                }
            }
            _ if is_declared(&member.name, context) => continue,
            _ => Table::unknown(Vec::new(), true),
        };
        let columns = rename(table.columns, &member.columns);
        let table = Rc::new(Table { columns, ..table });
        context
            .tables
            .borrow_mut()
            .push((member.name.clone(), table));
    }
    Ok(())
}

fn recursive_member(
    name: &SmolStr,
    query: &Query,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Table, ServerError> {
    let QueryBody::Set { left, .. } = &query.body else {
        return Ok(Table::unknown(Vec::new(), true));
    };
    let first = run_query(left, outer, context)?;
    // with nothing to start from nothing follows
    if first.exists() == Some(false) {
        return Ok(first);
    }
    let _ = name;
    Ok(Table {
        complete: false,
        ..first
    })
}

fn run_body(
    query: &Query,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Table, ServerError> {
    let empty = Scope::default();
    let mut table = match &query.body {
        QueryBody::Select(select) => run_select(select, query, outer, context)?,
        QueryBody::Values(rows) => {
            let frame = Frame::inside(&empty, &[], outer);
            let columns = check_query_columns(query, outer, context)?;
            let mut result = Vec::with_capacity(rows.len());
            for row in rows {
                let values: Result<Vec<Datum>, ServerError> = row
                    .iter()
                    .map(|value| evaluate(value, &frame, context))
                    .collect();
                result.push(TableRow {
                    values: values?,
                    certain: true,
                });
            }
            let mut table = Table {
                columns,
                open: false,
                rows: result,
                complete: true,
            };
            order_by_output(&mut table, query);
            table
        }
        QueryBody::Set {
            operator,
            all,
            left,
            right,
        } => {
            let left = run_query(left, outer, context)?;
            // `INSERT ... SELECT ... EXCEPT SELECT ...` is a guard
            let guard = *operator == SetOperator::Except;
            let right = context.as_guard(guard, || run_query(right, outer, context))?;
            let mut table = combine(*operator, *all, left, right);
            order_by_output(&mut table, query);
            table
        }
    };
    limit(&mut table, query, outer, context)?;
    Ok(table)
}

fn check_query_columns(
    query: &Query,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Vec<OutputColumn>, ServerError> {
    Ok(check_query(query, outer, context)?.columns)
}

fn run_select(
    select: &Select,
    query: &Query,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Table, ServerError> {
    let joined = join::run_from(&select.from, select.filter.as_ref(), outer, context)?;
    let scope = &joined.scope;
    let names = check_targets(&select.targets, &Frame::inside(scope, &[], outer), context)?;
    let grouped = !select.group_by.is_empty()
        || select.having.is_some()
        || select
            .targets
            .iter()
            .any(|target| has_aggregate(&target.value));
    let mut open = names.open;
    let mut rows: Vec<(Vec<Datum>, TableRow)> = Vec::new();
    let mut complete = joined.complete;
    if joined.rows.len() > Limit::QueryRows.count() {
        return Ok(Table::unknown(names.columns, open));
    }
    if grouped {
        let groups = group(select, &joined, outer, context)?;
        // a query without GROUP BY has one row whatever there is
        if select.group_by.is_empty() {
            complete = true;
        }
        for (members, exact, certain) in groups {
            let first = members.first().map_or(&[][..], |row| &row.values[..]);
            let frame = Frame {
                group: Some(Group {
                    rows: &members,
                    exact,
                }),
                ..Frame::inside(scope, first, outer)
            };
            let mut certain = certain;
            if let Some(having) = &select.having {
                match is_true(&evaluate(having, &frame, context)?) {
                    Some(true) => {}
                    Some(false) => continue,
                    None => certain = false,
                }
            }
            rows.push(output_row(
                select,
                query,
                &frame,
                &names.columns,
                certain,
                context,
            )?);
        }
    } else {
        for row in &joined.rows {
            let frame = Frame::inside(scope, &row.values, outer);
            rows.push(output_row(
                select,
                query,
                &frame,
                &names.columns,
                row.certain,
                context,
            )?);
        }
    }
    if has_set_returning(select) {
        rows = expand(rows);
    }
    sort(&mut rows, query);
    let mut table = Table {
        columns: names.columns,
        open: false,
        rows: rows.into_iter().map(|(_, row)| row).collect(),
        complete,
    };
    if select.distinct {
        deduplicate(&mut table);
    }
    // nothing is hidden where there is no row
    open &= !(table.complete && table.rows.is_empty());
    table.open = open;
    Ok(table)
}

type GroupRows = (Vec<TableRow>, bool, bool);

fn group(
    select: &Select,
    joined: &join::Joined,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Vec<GroupRows>, ServerError> {
    let exact = joined.complete && joined.rows.iter().all(|row| row.certain);
    if select.group_by.is_empty() {
        return Ok(vec![(joined.rows.clone(), exact, true)]);
    }
    let mut groups: Vec<(Vec<Datum>, Vec<TableRow>)> = Vec::new();
    let mut blurred = false;
    for row in &joined.rows {
        let frame = Frame::inside(&joined.scope, &row.values, outer);
        let mut key = Vec::with_capacity(select.group_by.len());
        for expression in &select.group_by {
            key.push(evaluate(group_key(expression, select), &frame, context)?);
        }
        blurred |= key.contains(&Datum::Unknown);
        match groups.iter_mut().find(|(known, _)| same_key(known, &key)) {
            Some((_, members)) => members.push(row.clone()),
            None => groups.push((key, vec![row.clone()])),
        }
    }
    Ok(groups
        .into_iter()
        .map(|(_, members)| {
            let certain = !blurred && members.iter().any(|row| row.certain);
            (members, exact && !blurred, certain)
        })
        .collect())
}

fn same_key(left: &[Datum], right: &[Datum]) -> bool {
    left.iter().zip(right).all(|(left, right)| {
        left == right && !matches!(left, Datum::Fresh | Datum::Stored)
            || equal(left, right) == Some(true)
    })
}

/// GROUP BY and ORDER BY may name an output column or give its position.
fn group_key<'e>(expression: &'e Expr, select: &'e Select) -> &'e Expr {
    match expression {
        Expr::Value(Datum::Int(position)) => usize::try_from(position - 1)
            .ok()
            .and_then(|index| select.targets.get(index))
            .map_or(expression, |target| &target.value),
        Expr::Column { qualifier, name } if qualifier.is_empty() => select
            .targets
            .iter()
            .find(|target| target.alias.as_ref() == Some(name))
            .map_or(expression, |target| &target.value),
        other => other,
    }
}

fn output_row(
    select: &Select,
    query: &Query,
    frame: &Frame<'_>,
    columns: &[OutputColumn],
    certain: bool,
    context: &Context<'_>,
) -> Result<(Vec<Datum>, TableRow), ServerError> {
    let mut values = Vec::with_capacity(columns.len());
    for target in &select.targets {
        if let Expr::Star { qualifier } = &target.value {
            let (positions, _) = star(qualifier, frame.scope)?;
            values.extend(positions.into_iter().map(|(source, column)| {
                let place = frame.scope.sources[source].offset + column;
                frame.row.get(place).cloned().unwrap_or(Datum::Unknown)
            }));
            continue;
        }
        values.push(items_of(&target.value, frame, context)?);
    }
    let mut keys = Vec::with_capacity(query.order_by.len());
    for order in &query.order_by {
        let output = match &order.value {
            Expr::Value(Datum::Int(position)) => usize::try_from(position - 1).ok(),
            Expr::Column { qualifier, name } if qualifier.is_empty() => {
                columns.iter().position(|column| column.name == *name)
            }
            _ => None,
        };
        keys.push(match output.and_then(|index| values.get(index)) {
            Some(value) => value.clone(),
            None => evaluate(&order.value, frame, context)?,
        });
    }
    Ok((keys, TableRow { values, certain }))
}

fn has_set_returning(select: &Select) -> bool {
    select
        .targets
        .iter()
        .any(|target| is_set_returning(&target.value))
}

fn is_set_returning(value: &Expr) -> bool {
    match value {
        Expr::Call { name, .. } => matches!(
            name.name.as_str(),
            "unnest"
                | "generate_series"
                | "regexp_split_to_table"
                | "jsonb_array_elements"
                | "json_array_elements"
                | "jsonb_array_elements_text"
                | "jsonb_object_keys"
        ),
        Expr::Cast { value, .. } => is_set_returning(value),
        _ => false,
    }
}

/// The value of a target, of one that gives rows (`unnest(...)`, also under a cast) the array of its items.
fn items_of(value: &Expr, frame: &Frame<'_>, context: &Context<'_>) -> Result<Datum, ServerError> {
    match value {
        Expr::Call {
            name, arguments, ..
        } if name.name == "unnest" => match arguments.as_slice() {
            [array] => evaluate(array, frame, context),
            _ => Ok(Datum::Unknown),
        },
        Expr::Cast { value, type_name } if is_set_returning(value) => {
            let Datum::Array(items) = items_of(value, frame, context)? else {
                return Ok(Datum::Unknown);
            };
            let cast = |item: &Datum| cast::cast(item.clone(), None, type_name, context);
            Ok(Datum::Array(
                items.iter().map(cast).collect::<Result<_, _>>()?,
            ))
        }
        _ => evaluate(value, frame, context),
    }
}

/// Rows of a target list that holds `unnest(...)`: its arrays become rows; what is not known makes the row uncertain.
fn expand(rows: Vec<(Vec<Datum>, TableRow)>) -> Vec<(Vec<Datum>, TableRow)> {
    let mut result = Vec::new();
    for (keys, row) in rows {
        let height = row
            .values
            .iter()
            .filter_map(|value| match value {
                Datum::Array(items) => Some(items.len()),
                _ => None,
            })
            .max();
        let Some(height) = height else {
            result.push((
                keys,
                TableRow {
                    certain: false,
                    ..row
                },
            ));
            continue;
        };
        for index in 0..height {
            let values = row
                .values
                .iter()
                .map(|value| match value {
                    Datum::Array(items) => items.get(index).cloned().unwrap_or(Datum::Null),
                    other => other.clone(),
                })
                .collect();
            result.push((
                keys.clone(),
                TableRow {
                    values,
                    certain: row.certain,
                },
            ));
        }
    }
    result
}

fn sort(rows: &mut [(Vec<Datum>, TableRow)], query: &Query) {
    if query.order_by.is_empty() {
        return;
    }
    // rows stay as they are where values that are not known, or of several kinds, decide
    let ordered = (0..query.order_by.len())
        .take_while(|index| have_an_order(rows.iter().map(|(keys, _)| &keys[*index])))
        .count();
    rows.sort_by(|(left, _), (right, _)| {
        for (index, order) in query.order_by.iter().enumerate().take(ordered) {
            let ordering = order_of(
                &left[index],
                &right[index],
                order.descending,
                order.nulls_first,
            );
            if ordering != Ordering::Equal {
                return ordering;
            }
        }
        Ordering::Equal
    });
}

fn order_of(left: &Datum, right: &Datum, descending: bool, nulls_first: Option<bool>) -> Ordering {
    let nulls_first = nulls_first.unwrap_or(descending);
    match (left == &Datum::Null, right == &Datum::Null) {
        (true, true) => return Ordering::Equal,
        (true, false) if nulls_first => return Ordering::Less,
        (true, false) => return Ordering::Greater,
        (false, true) if nulls_first => return Ordering::Greater,
        (false, true) => return Ordering::Less,
        (false, false) => {}
    }
    let order = compare(left, right).unwrap_or(Ordering::Equal);
    if descending { order.reverse() } else { order }
}

/// ORDER BY of VALUES and set operations goes by output columns only.
fn order_by_output(table: &mut Table, query: &Query) {
    if query.order_by.is_empty() {
        return;
    }
    let places: Vec<Option<usize>> = query
        .order_by
        .iter()
        .map(|order| match &order.value {
            Expr::Value(Datum::Int(position)) => usize::try_from(position - 1).ok(),
            Expr::Column { name, .. } => {
                table.columns.iter().position(|column| column.name == *name)
            }
            _ => None,
        })
        .collect();
    let mut keyed: Vec<(Vec<Datum>, TableRow)> = std::mem::take(&mut table.rows)
        .into_iter()
        .map(|row| {
            let key = places
                .iter()
                .map(|place| {
                    place
                        .and_then(|place| row.values.get(place).cloned())
                        .unwrap_or(Datum::Unknown)
                })
                .collect();
            (key, row)
        })
        .collect();
    sort(&mut keyed, query);
    table.rows = keyed.into_iter().map(|(_, row)| row).collect();
}

/// Removes duplicates; rows that only may be equal stay, as uncertain ones.
pub(crate) fn deduplicate(table: &mut Table) {
    let mut kept: Vec<TableRow> = Vec::with_capacity(table.rows.len());
    for mut row in std::mem::take(&mut table.rows) {
        let mut duplicate = false;
        for other in &mut kept {
            match same_row(&other.values, &row.values) {
                Some(true) => {
                    other.certain |= row.certain;
                    duplicate = true;
                    break;
                }
                Some(false) => {}
                None => row.certain = false,
            }
        }
        if !duplicate {
            kept.push(row);
        }
    }
    table.rows = kept;
}

/// Whether two rows are the same, NULLs being equal.
fn same_row(left: &[Datum], right: &[Datum]) -> Option<bool> {
    let mut result = Some(true);
    for (left, right) in left.iter().zip(right) {
        if (left == &Datum::Null) != (right == &Datum::Null)
            && *left != Datum::Unknown
            && *right != Datum::Unknown
        {
            return Some(false);
        }
        if left == &Datum::Null && right == &Datum::Null {
            continue;
        }
        match equal(left, right) {
            Some(true) => {}
            Some(false) => return Some(false),
            None => result = None,
        }
    }
    result
}

fn combine(operator: SetOperator, all: bool, left: Table, right: Table) -> Table {
    let columns = left.columns;
    let open = left.open || right.open;
    let mut table = match operator {
        SetOperator::Union => Table {
            columns,
            open,
            complete: left.complete && right.complete,
            rows: left.rows.into_iter().chain(right.rows).collect(),
        },
        SetOperator::Intersect | SetOperator::Except => {
            let keep_if_found = operator == SetOperator::Intersect;
            let mut rows = Vec::new();
            for mut row in left.rows {
                // certainly there, certainly not, or not known
                let mut found = right.complete.then_some(false);
                for other in &right.rows {
                    match same_row(&row.values, &other.values) {
                        Some(true) if other.certain => {
                            found = Some(true);
                            break;
                        }
                        Some(false) => {}
                        _ => found = None,
                    }
                }
                match found {
                    Some(found) if found != keep_if_found => continue,
                    Some(_) => {}
                    None => row.certain = false,
                }
                rows.push(row);
            }
            Table {
                columns,
                open,
                rows,
                complete: left.complete,
            }
        }
    };
    if !all {
        deduplicate(&mut table);
    }
    table
}

fn limit(
    table: &mut Table,
    query: &Query,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let scope = Scope::default();
    let frame = Frame::inside(&scope, &[], outer);
    let skip = match &query.offset {
        None => 0,
        Some(offset) => match evaluate(offset, &frame, context)? {
            Datum::Int(count) => usize::try_from(count).unwrap_or(0),
            Datum::Null => 0,
            _ => usize::MAX,
        },
    };
    let take = match &query.limit {
        None => usize::MAX,
        Some(limit) => match evaluate(limit, &frame, context)? {
            Datum::Int(count) => usize::try_from(count).unwrap_or(0),
            Datum::Null => usize::MAX,
            _ => {
                // how many is not known
                for row in &mut table.rows {
                    row.certain = false;
                }
                return Ok(());
            }
        },
    };
    if skip == usize::MAX {
        for row in &mut table.rows {
            row.certain = false;
        }
        return Ok(());
    }
    if skip == 0 && take == usize::MAX {
        return Ok(());
    }
    let exact = table.complete && table.rows.iter().all(|row| row.certain);
    if !exact {
        // which rows are left is not known, but that one is left is
        if take == 0 {
            table.rows.clear();
            table.complete = true;
        } else if skip > 0 {
            for row in &mut table.rows {
                row.certain = false;
            }
        }
        return Ok(());
    }
    let rows = std::mem::take(&mut table.rows);
    table.rows = rows.into_iter().skip(skip).take(take).collect();
    Ok(())
}
