//! What a name of a column can mean: the FROM items of a query, those of the queries around it, PL/pgSQL variables.

use std::rc::Rc;

use smol_str::SmolStr;

use super::{Context, OutputColumn, TableRow};
use crate::postgres::expression::Datum;
use crate::postgres::name::Quoted;
use crate::postgres::{ServerError, SqlState};
use crate::unknown;

/// One FROM item.
#[derive(Clone, Debug)]
pub(crate) struct Source {
    pub(crate) alias: SmolStr,
    pub(crate) schema: Option<SmolStr>,
    pub(crate) columns: Rc<[OutputColumn]>,
    /// Any other column may exist.
    pub(crate) open: bool,
    /// Place of its first column in a row.
    pub(crate) offset: usize,
}

/// The FROM items of one query, in order.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub(crate) sources: Vec<Source>,
    /// Columns of JOIN ... USING: one column, though more than one source has it.
    pub(crate) merged: Vec<SmolStr>,
}

impl Scope {
    /// A scope of one source.
    pub(crate) fn of(source: Source) -> Self {
        Self {
            sources: vec![source],
            merged: Vec::new(),
        }
    }

    pub(crate) fn width(&self) -> usize {
        self.sources
            .last()
            .map_or(0, |source| source.offset + source.columns.len())
    }

    /// Adds a source behind the others.
    pub(crate) fn push(&mut self, mut source: Source) {
        source.offset = self.width();
        self.sources.push(source);
    }
}

/// A scope with a row, or without one while names are checked.
#[derive(Clone, Copy)]
pub(crate) struct Frame<'a> {
    pub(crate) scope: &'a Scope,
    pub(crate) row: &'a [Datum],
    pub(crate) outer: Option<&'a Frame<'a>>,
    /// The rows over which aggregates go.
    pub(crate) group: Option<Group<'a>>,
}

/// The rows of a group.
#[derive(Clone, Copy)]
pub(crate) struct Group<'a> {
    pub(crate) rows: &'a [TableRow],
    /// Exactly these rows.
    pub(crate) exact: bool,
}

impl<'a> Frame<'a> {
    pub(crate) fn new(scope: &'a Scope, row: &'a [Datum]) -> Self {
        Self {
            scope,
            row,
            outer: None,
            group: None,
        }
    }

    pub(crate) fn inside(scope: &'a Scope, row: &'a [Datum], outer: Option<&'a Frame<'a>>) -> Self {
        Self {
            scope,
            row,
            outer,
            group: None,
        }
    }
}

/// What a column reference means.
pub(crate) enum Found<'a> {
    /// A column: its type and its value (unknown while there is no row).
    Column {
        column: &'a OutputColumn,
        value: &'a Datum,
    },
    /// A PL/pgSQL variable.
    Variable(&'a Datum),
    /// Something of an open table, a whole row: nothing is known of its value.
    Open,
}

/// Index of the source and of the column in a scope; `Err` is ambiguity.
pub(crate) fn position(
    scope: &Scope,
    qualifier: &[SmolStr],
    name: &str,
) -> Result<Option<(usize, usize)>, ServerError> {
    let mut found = None;
    for (index, source) in scope.sources.iter().enumerate() {
        if !matches(source, qualifier) {
            continue;
        }
        let Some(column) = source.columns.iter().position(|column| column.name == name) else {
            continue;
        };
        if found.is_none() {
            found = Some((index, column));
            continue;
        }
        if !scope.merged.iter().any(|merged| merged == name) {
            return Err(ServerError::new(
                SqlState::AMBIGUOUS_COLUMN,
                format!("column reference \"{name}\" is ambiguous"),
            ));
        }
    }
    Ok(found)
}

fn matches(source: &Source, qualifier: &[SmolStr]) -> bool {
    match qualifier {
        [] => true,
        [alias] => source.alias == *alias,
        [.., schema, alias] => {
            source.alias == *alias && source.schema.as_deref().is_none_or(|own| own == schema)
        }
    }
}

/// Finds what a column reference means, or 42703, 42702, 42P01.
pub(crate) fn find<'a>(
    frame: &Frame<'a>,
    qualifier: &[SmolStr],
    name: &str,
    context: &Context<'a>,
) -> Result<Found<'a>, ServerError> {
    if unknown::has_hole(name) || qualifier.iter().any(|part| unknown::has_hole(part)) {
        return Ok(Found::Open);
    }
    let mut qualifier_known = false;
    let mut current = Some(frame);
    while let Some(frame) = current {
        if let Some((source, column)) = position(frame.scope, qualifier, name)? {
            let source = &frame.scope.sources[source];
            return Ok(Found::Column {
                column: &source.columns[column],
                value: frame
                    .row
                    .get(source.offset + column)
                    .unwrap_or(&Datum::Unknown),
            });
        }
        let mut candidates = frame
            .scope
            .sources
            .iter()
            .filter(|source| matches(source, qualifier));
        if candidates.any(|source| source.open || is_system_column(name)) {
            return Ok(Found::Open);
        }
        if !qualifier.is_empty() && frame.scope.sources.iter().any(|source| matches(source, qualifier)) {
            qualifier_known = true;
            break;
        }
        // a whole row by the name of its table, or a composite's field written `(t).c` without its parentheses
        if qualifier.is_empty() && frame.scope.sources.iter().any(|source| source.alias == name) {
            return Ok(Found::Open);
        }
        current = frame.outer;
    }
    if let Some(value) = variable(qualifier, name, context) {
        return Ok(Found::Variable(value));
    }
    Err(missing(qualifier, name, qualifier_known))
}

fn variable<'a>(qualifier: &[SmolStr], name: &str, context: &Context<'a>) -> Option<&'a Datum> {
    let variables = context.environment.variables;
    match qualifier {
        [] => variables.get(name),
        [record] => variables.get(&format!("{record}.{name}")).or_else(|| {
            // a record of which nothing is known
            variables.get(record).map(|_| &Datum::Unknown)
        }),
        _ => None,
    }
}

fn is_system_column(name: &str) -> bool {
    matches!(name, "ctid" | "xmin" | "xmax" | "cmin" | "cmax" | "tableoid")
}

fn missing(qualifier: &[SmolStr], name: &str, qualifier_known: bool) -> ServerError {
    match qualifier.last() {
        Some(table) if !qualifier_known => ServerError::new(
            SqlState::UNDEFINED_TABLE,
            format!("missing FROM-clause entry for table \"{table}\""),
        ),
        Some(table) => ServerError::new(
            SqlState::UNDEFINED_COLUMN,
            format!("column {}.{} does not exist", Quoted(table), Quoted(name)),
        ),
        None => ServerError::new(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{name}\" does not exist"),
        ),
    }
}
