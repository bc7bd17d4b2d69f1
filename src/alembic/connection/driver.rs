//! `exec_driver_sql`: the text goes to the driver as it is, with the driver's own placeholders.

use smol_str::SmolStr;

use super::{Bound, bound, call_text, empty_query, parameters_of};
use crate::alembic::core::substitute;
use crate::alembic::object::Interp;
use crate::alembic::{exceptions, literal};
use crate::config::Driver;
use crate::postgres::{Parameters, Statement};
use crate::python::{Eval, Raise, Str, Value};
use crate::sql::{self, Placeholders};
use crate::trace::Origin;

/// Executes text as the driver gets it: `%s` and `%(name)s` are parameters if `formatted`, whether or not there are any.
pub fn driver_sql(
    interp: &mut Interp,
    text: &Str,
    parameters: Option<&Value>,
    formatted: bool,
) -> Eval<Value> {
    let rows = bound(interp, parameters)?;
    // asyncpg's parameters are `$1`: a percent sign is none of its business
    let formatted = formatted && interp.host.settings.driver != Driver::Asyncpg;
    if formatted
        && matches!(rows, Bound::None | Bound::One(_) | Bound::Many(_))
        && let Some(raise) = stray_percent(interp, &text.text)
    {
        return Err(raise);
    }
    let placeholders = if formatted {
        Placeholders::Format
    } else {
        Placeholders::None
    };
    let parsed = sql::parse(&text.text, placeholders);
    let written: Vec<Statement> = parsed
        .iter()
        .map(|parsed| parsed.statement.clone())
        .collect();
    if written.is_empty() {
        return Err(empty_query(interp));
    }
    let rows: Vec<Parameters> = match rows {
        Bound::None | Bound::Unknown => Vec::new(),
        Bound::One(row) => vec![parameters_of(interp, &row)],
        Bound::Many(rows) => rows.iter().map(|row| parameters_of(interp, row)).collect(),
        Bound::Positional(items) => positional(interp, &items)?,
    };
    if let [_, _, ..] = rows.as_slice() {
        let mut statements = Vec::new();
        for row in &rows {
            for statement in &written {
                let mut statement = statement.clone();
                substitute::bind(&mut statement, &|name| row.get(name).cloned());
                statements.push(statement);
            }
        }
        return call_text(
            interp,
            text,
            Origin::Text,
            statements,
            Parameters::default(),
        );
    }
    let parameters = rows.into_iter().next().unwrap_or_default();
    call_text(interp, text, Origin::Text, written, parameters)
}

/// `(1, 2)` is one row, `[(1, 2), (3, 4)]` several; numbered from 1.
pub(super) fn positional(interp: &mut Interp, items: &[Value]) -> Eval<Vec<Parameters>> {
    let nested = items
        .iter()
        .all(|item| matches!(item, Value::Tuple(_) | Value::List(_)));
    if !nested {
        return Ok(vec![numbered(interp, items)]);
    }
    let mut rows = Vec::with_capacity(items.len());
    for item in items {
        if let Ok(values) = interp.items(item)? {
            rows.push(numbered(interp, &values));
        }
    }
    Ok(rows)
}

pub(super) fn numbered(interp: &mut Interp, items: &[Value]) -> Parameters {
    Parameters {
        values: items
            .iter()
            .enumerate()
            .map(|(index, item)| {
                (
                    SmolStr::new((index + 1).to_string()),
                    literal::datum(interp, item),
                )
            })
            .collect(),
    }
}

/// What a driver says to a percent sign that is no placeholder, in a text without values or with values by name (measured
/// with psycopg2 2.9, psycopg 3.3, pg8000 1.31).
pub(super) fn stray_percent(interp: &mut Interp, text: &str) -> Option<Box<Raise>> {
    match interp.host.settings.driver {
        Driver::Psycopg2 => has_stray_percent(text, |_| false)
            .then(|| interp.error("TypeError", "dict is not a sequence")),
        Driver::Psycopg => {
            has_stray_percent(text, |sign| matches!(sign, 's' | 'b' | 't')).then(|| {
                let message = "only '%s', '%b', '%t' are allowed as placeholders";
                exceptions::raise(interp, "ProgrammingError", message)
            })
        }
        // it looks outside of quotes only
        Driver::Pg8000 => has_stray_percent(&unquoted(text), |sign| sign == 's').then(|| {
            let message = "Only %s and %% are supported in the query.";
            exceptions::raise(interp, "InterfaceError", message)
        }),
        Driver::Asyncpg => None,
    }
}

/// A text without what stands in single quotes.
pub(super) fn unquoted(text: &str) -> String {
    text.split('\'').step_by(2).collect()
}

/// Whether a driver that takes these signs behind a percent sign for placeholders would not know what to do with one.
pub(super) fn has_stray_percent(text: &str, is_placeholder: impl Fn(char) -> bool) -> bool {
    let mut rest = text;
    while let Some(start) = rest.find('%') {
        rest = &rest[start + 1..];
        match rest.chars().next() {
            Some('%') => rest = &rest[1..],
            Some('(') => {}
            Some(sign) if is_placeholder(sign) => {}
            _ => return true,
        }
    }
    false
}
