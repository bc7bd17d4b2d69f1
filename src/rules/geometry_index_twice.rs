//! `geometry-index-twice`: a spatial index is made that GeoAlchemy2 makes itself.

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::CreateIndex;
use crate::postgres::{Expr, Name, Outcome, Statement};
use crate::source::Site;
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "geometry-index-twice",
        summary: "a spatial index is made that GeoAlchemy2 makes itself",
        tags: &["first"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/geometry-index-twice.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    twice(&context.replayed.first.events)
        .into_iter()
        .map(|twice| report(context, &twice))
        .collect()
}

/// An index that was there.
struct Twice<'a> {
    event: &'a Event,
    /// The call that made the first.
    implicit: &'a Event,
    column: &'a str,
}

/// The calls that make an index which one before them made beside its table or column.
fn twice(events: &[Event]) -> Vec<Twice<'_>> {
    let mut made: FxHashMap<(&Name, &str), &Event> = FxHashMap::default();
    let mut found = Vec::new();
    for event in events {
        let Some((index, column)) = spatial(event) else {
            continue;
        };
        if !words::makes_beside(event) {
            let implicit = made.get(&(&index.table, column));
            found.extend(implicit.map(|implicit| Twice {
                event,
                implicit,
                column,
            }));
        } else if event.outcome == Outcome::Ok {
            made.entry((&index.table, column)).or_insert(event);
        }
    }
    found
}

/// Where the calls stand that this rule reports.
pub(super) fn places(events: &[Event]) -> FxHashSet<Site> {
    twice(events).iter().map(|twice| twice.event.site).collect()
}

/// Whether this rule reports a call that fails, in place of the rule on what fails in the upgrade.
pub(super) fn claims(event: &Event, context: &Context<'_>) -> bool {
    RULE.is_on(context.config)
        && matches!(event.outcome, Outcome::Error(_))
        && context.geometry_indexes().contains(&event.site)
}

/// A GiST index on one column.
fn spatial(event: &Event) -> Option<(&CreateIndex, &str)> {
    let Some(Statement::CreateIndex(index)) = event.statements.first() else {
        return None;
    };
    match index.elements.as_slice() {
        [only] if index.method == "gist" => match &only.value {
            Expr::Column { name, .. } => Some((index, name)),
            _ => None,
        },
        _ => None,
    }
}

fn report(context: &Context<'_>, twice: &Twice<'_>) -> Diagnostic {
    let Twice {
        event,
        implicit,
        column,
    } = *twice;
    let call = words::call(event);
    let fails = match &event.outcome {
        Outcome::Error(error) => Some(error.sqlstate),
        _ => None,
    };
    let message = match fails {
        Some(sqlstate) => format!(
            "{call} fails in the first run ({sqlstate}): GeoAlchemy2 has made the spatial index of `{column}` itself"
        ),
        None => format!(
            "{call} makes a second index like the one that GeoAlchemy2 has made of `{column}` itself: each write keeps both"
        ),
    };
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    if fails.is_none() {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic.help = Some(
        "leave it out, or give the column's type `spatial_index=False` (and let `env.py` use GeoAlchemy2's `alembic_helpers`)"
            .to_owned(),
    );
    diagnostic
        .labels
        .push(label(implicit.site, "the index is made with the column"));
    diagnostic
}
