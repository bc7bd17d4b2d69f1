//! `conflict-target-missing`: `ON CONFLICT (columns)` names columns that no unique index covers.

use super::rollback;
use super::{Check, Context, Rule, issued_elsewhere, words};
use crate::config::{Config, Level};
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::catalog::Relation;
use crate::postgres::expression::Expr;
use crate::postgres::statement::{ConflictTarget, Insert, Statement};
use crate::postgres::{Catalog, Outcome, ServerError, SqlState};
use crate::trace::{Event, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "conflict-target-missing",
        summary: "`ON CONFLICT` names columns that no unique index covers: 42P10 on every run",
        tags: &["data"],
        category: "data",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/conflict-target-missing.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let mut found = judge(context, &replayed.first, &replayed.after);
    if let (true, Some(restored)) = (rollback::has_downgrade(replayed), &replayed.restored) {
        found.extend(judge(context, &replayed.downgrade, restored));
    }
    found
}

fn judge(context: &Context<'_>, trace: &Trace, catalog: &Catalog) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for (event, error) in rollback::errors(trace) {
        if let Some(insert) = refused(event, error)
            && !found.iter().any(|known| known.site == event.site)
        {
            found.push(report(context, event, error, insert, catalog));
        }
    }
    found
}

/// Whether this rule reports a call that fails, in place of the rule on what fails in the upgrade.
pub(super) fn claims(event: &Event, config: &Config) -> bool {
    matches!(&event.outcome, Outcome::Error(error) if refused(event, error).is_some())
        && RULE.is_on(config)
}

/// The INSERT of a call that failed since its conflict target means no index that may decide a conflict.
fn refused<'a>(event: &'a Event, error: &ServerError) -> Option<&'a Insert> {
    if !matches!(
        error.sqlstate,
        SqlState::INVALID_COLUMN_REFERENCE | SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE
    ) {
        return None;
    }
    event
        .statements
        .iter()
        .find_map(|statement| match statement {
            Statement::Insert(insert) if insert.on_conflict.is_some() => Some(&**insert),
            _ => None,
        })
}

fn report(
    context: &Context<'_>,
    event: &Event,
    error: &ServerError,
    insert: &Insert,
    catalog: &Catalog,
) -> Diagnostic {
    let deferrable = error.sqlstate == SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE;
    let because = if deferrable {
        "a deferrable constraint can't decide a conflict".to_owned()
    } else {
        format!(
            "no unique index of `{}` covers {}",
            insert.table,
            target(insert)
        )
    };
    let message = format!(
        "{} fails on every database ({}): {because}",
        words::call(event),
        error.sqlstate
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    let table = words::relation(catalog, &insert.table);
    diagnostic.help = Some(remedy(insert, table, deferrable));
    diagnostic.labels.extend(issued_elsewhere(event));
    diagnostic
}

/// What stands behind ON CONFLICT.
fn target(insert: &Insert) -> String {
    match insert
        .on_conflict
        .as_ref()
        .and_then(|conflict| conflict.target.as_ref())
    {
        Some(ConflictTarget::Elements { elements, .. }) => {
            let names: Vec<&str> = elements
                .iter()
                .map(|element| match element {
                    Expr::Column { name, .. } => name.as_str(),
                    _ => "an expression",
                })
                .collect();
            format!("exactly `({})`", names.join(", "))
        }
        Some(ConflictTarget::Constraint(name)) => format!("the constraint `{name}`"),
        None => "it".to_owned(),
    }
}

fn remedy(insert: &Insert, table: Option<&Relation>, deferrable: bool) -> String {
    if deferrable {
        return "name the columns of another, immediate unique key, or insert with `SELECT ... WHERE NOT EXISTS (...)`".to_owned();
    }
    let keys: Vec<(String, bool)> = table
        .into_iter()
        .flat_map(|table| &table.indexes)
        .filter(|index| index.unique)
        .map(|index| (index.columns.join(", "), index.filter.is_some()))
        .collect();
    let wanted = target(insert);
    if keys
        .iter()
        .any(|(columns, partial)| *partial && wanted == format!("exactly `({columns})`"))
    {
        return "the unique index is partial: repeat its condition, `ON CONFLICT (...) WHERE ...`"
            .to_owned();
    }
    let whole: Vec<String> = keys
        .iter()
        .filter(|(_, partial)| !partial)
        .map(|(columns, _)| format!("`({columns})`"))
        .collect();
    if whole.is_empty() {
        return "make a unique constraint on these columns before it".to_owned();
    }
    format!(
        "name a key that the table has, {}, or make a unique constraint on these columns before it",
        words::list(&whole)
    )
}
