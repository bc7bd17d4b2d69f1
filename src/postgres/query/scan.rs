//! Rows of one FROM item: WITH members, system tables, tables and views of the user's, functions.
//!
//! Of a table of the user's only rows that statements put there are known; there can be others unless the table was made
//! in this run, or a unique key was asked for by values that a known row has.

use super::evaluate::evaluate;
use super::join::Wanted;
use super::scope::Frame;
use super::{Context, Resolved, Table, TableRow, select, system};
use crate::postgres::ServerError;
use crate::postgres::catalog::{Relation, RelationKind};
use crate::postgres::expression::{Datum, Expr, FromItem};

pub(super) fn scan(
    item: &FromItem,
    source: usize,
    wanted: &Wanted,
    frame: &Frame<'_>,
    outer: Option<&Frame<'_>>,
    context: &Context<'_>,
) -> Result<Table, ServerError> {
    match item {
        FromItem::Table { name, .. } => match context.resolve(name)? {
            Resolved::Table(table) => Ok((*table).clone()),
            Resolved::System(table) => Ok(system::scan(table, wanted, context)),
            Resolved::Relation(relation) => Ok(scan_relation(&relation, wanted, context)),
            Resolved::Open(_) => Ok(Table::unknown(Vec::new(), true)),
        },
        FromItem::Query { query, lateral, .. } => {
            select::run_query(query, if *lateral { Some(frame) } else { outer }, context)
        }
        FromItem::Function { call, .. } => {
            let width = frame.scope.sources[source].columns.len();
            function_rows(call, width, frame, context)
        }
        FromItem::Join { .. } => Ok(Table::unknown(Vec::new(), true)),
    }
}

/// What a view counts for in the depth of a query.
const VIEW_DEPTH: usize = 16;

/// Rows of a table of the user's: those that are known, and whether there can be others.
fn scan_relation(relation: &Relation, wanted: &Wanted, context: &Context<'_>) -> Table {
    match relation.kind {
        RelationKind::View => {
            // a view gives what its query gives, within reason
            if let Some(query) = &relation.query
                && let Some(_depth) = context.enter()
            {
                // names of system columns that only the view mentions
                let view = Context::new(context.catalog, context.environment);
                // a view that names another twice doubles the work: they may nest a dozen deep
                view.depth.set(context.depth.get() + VIEW_DEPTH);
                return select::run_query(query, None, &view)
                    .unwrap_or_else(|_| Table::unknown(Vec::new(), true));
            }
            return Table::unknown(Vec::new(), true);
        }
        RelationKind::Table => {}
        _ => return Table::unknown(Vec::new(), true),
    }
    if !context.works(relation.rows.known.len()) {
        return Table::unknown(Vec::new(), true);
    }
    let has_children = !relation.inherits.is_empty();
    let mut complete = (context.environment.fresh)(&relation.name)
        && !relation.rows.others
        && !relation.columns_open
        && !has_children;
    let mut rows = Vec::with_capacity(relation.rows.known.len());
    for row in &relation.rows.known {
        let excluded = wanted.iter().any(|(column, values)| {
            values
                .iter()
                .all(|value| super::operators::equal(row.get(column), value) == Some(false))
        });
        if excluded {
            continue;
        }
        rows.push(TableRow {
            values: relation
                .columns
                .iter()
                .map(|column| stored(row.get(&column.name)))
                .collect(),
            certain: true,
        });
    }
    complete |= finds_all(relation, wanted);
    // whoever guards an INSERT by what he inserts means the first run to insert it
    complete |= context.in_guard() && !relation.rows.others && !relation.columns_open;
    Table {
        columns: Vec::new(),
        open: false,
        rows,
        complete,
    }
}

/// A value as it is read from a row: what was new when it was written is the same each time it is read.
fn stored(value: &Datum) -> Datum {
    match value {
        Datum::Fresh => Datum::Stored,
        other => other.clone(),
    }
}

/// Whether the wanted values are those of a unique key, and a known row has them: then there is no other.
fn finds_all(relation: &Relation, wanted: &Wanted) -> bool {
    relation.indexes.iter().any(|index| {
        let unique = index.unique && index.valid && index.filter.is_none();
        let mut key = Vec::new();
        for element in &index.elements {
            let Expr::Column { name, .. } = &element.value else {
                return false;
            };
            let Some((_, values)) = wanted
                .iter()
                .find(|(column, values)| column == name && values.len() == 1)
            else {
                return false;
            };
            key.push((name, &values[0]));
        }
        unique
            && !key.is_empty()
            && relation.rows.known.iter().any(|row| {
                key.iter().all(|(name, value)| {
                    super::operators::equal(row.get(name), value) == Some(true)
                })
            })
    })
}

/// Rows of a function in FROM.
fn function_rows(
    call: &Expr,
    width: usize,
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Table, ServerError> {
    let Expr::Call {
        name, arguments, ..
    } = call
    else {
        return Ok(Table::unknown(Vec::new(), true));
    };
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        values.push(evaluate(argument, frame, context)?);
    }
    let columns: Option<Vec<Vec<Datum>>> = match (name.name.as_str(), values.as_slice()) {
        ("unnest", _) => values.iter().map(array_items).collect(),
        ("generate_series", [Datum::Int(low), Datum::Int(high)]) => (high.saturating_sub(*low)
            < 10_000)
            .then(|| vec![(*low..=*high).map(Datum::Int).collect()]),
        ("generate_subscripts", [array, Datum::Int(1)]) => {
            array_items(array).map(|items| vec![(1..=items.len() as i64).map(Datum::Int).collect()])
        }
        ("jsonb_array_elements_text" | "json_array_elements_text", [Datum::Text(text)]) => {
            match serde_json::from_str(text) {
                Ok(serde_json::Value::Array(items)) => Some(vec![
                    items
                        .iter()
                        .map(|item| match item {
                            serde_json::Value::String(text) => Datum::text(text),
                            other => Datum::text(&other.to_string()),
                        })
                        .collect(),
                ]),
                _ => None,
            }
        }
        ("string_to_table", [Datum::Text(text), Datum::Text(separator)])
            if !separator.is_empty() =>
        {
            Some(vec![text.split(&**separator).map(Datum::text).collect()])
        }
        _ => None,
    };
    let Some(columns) = columns else {
        return Ok(Table::unknown(Vec::new(), true));
    };
    let height = columns.iter().map(Vec::len).max().unwrap_or(0);
    let rows = (0..height)
        .map(|index| {
            let mut values: Vec<Datum> = columns
                .iter()
                .map(|column| column.get(index).cloned().unwrap_or(Datum::Null))
                .collect();
            // WITH ORDINALITY
            if width == values.len() + 1 {
                values.push(Datum::Int(index as i64 + 1));
            }
            TableRow {
                values,
                certain: true,
            }
        })
        .collect();
    Ok(Table {
        columns: Vec::new(),
        open: false,
        rows,
        complete: true,
    })
}

fn array_items(value: &Datum) -> Option<Vec<Datum>> {
    match value {
        Datum::Array(items) => Some(items.to_vec()),
        Datum::Text(text) => super::parse_array(text),
        Datum::Null => Some(Vec::new()),
        _ => None,
    }
}
