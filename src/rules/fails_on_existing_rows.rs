//! `fails-on-existing-rows`: what passes on an empty table and fails, or may fail, on a full one.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::old_rows::{self, Risk, What};
use super::{Check, Context, Rule, issued_elsewhere, label, rollback, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::SqlState;
use crate::postgres::catalog::QualifiedName;
use crate::postgres::name::{Name, Quoted};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "fails-on-existing-rows",
        summary: "a step passes on an empty table and fails, or may fail, on one that has rows",
        tags: &["data"],
        category: "data",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/fails-on-existing-rows.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let mut found = grouped(
        context,
        old_rows::risks(&replayed.first, &replayed.before),
        "",
    );
    if rollback::has_downgrade(replayed) {
        // what a downgrade may meet is the price of going back; what it is sure to meet makes it useless
        let certain = old_rows::risks(&replayed.downgrade, &replayed.after)
            .into_iter()
            .filter(|risk| risk.certain)
            .collect();
        found.extend(grouped(context, certain, " in `downgrade()`"));
    }
    found
}

/// One finding a place and level: a loop or helper that does the same to many tables is one cause, and so are two keys over the
/// same columns.
fn grouped(context: &Context<'_>, risks: Vec<Risk<'_>>, run: &str) -> Vec<Diagnostic> {
    let mut groups: Vec<Vec<Risk<'_>>> = Vec::new();
    for risk in risks {
        match groups.iter_mut().find(|group| {
            group[0].certain == risk.certain
                && (group[0].event.site == risk.event.site || is_same_key(&group[0], &risk))
        }) {
            Some(group) => group.push(risk),
            None => groups.push(vec![risk]),
        }
    }
    groups
        .iter()
        .map(|group| report(context, group, run))
        .collect()
}

fn report(context: &Context<'_>, group: &[Risk<'_>], run: &str) -> Diagnostic {
    let risk = &group[0];
    let mut diagnostic = context.diagnostic(&RULE, risk.event.site, message(risk, run));
    if !risk.certain {
        diagnostic.severity = Severity::Warning;
    }
    diagnostic.help = Some(remedy(risk));
    diagnostic.labels.extend(issued_elsewhere(risk.event));
    let verb = if risk.certain { "fail" } else { "may fail" };
    let (here, elsewhere): (Vec<_>, Vec<_>) = group[1..]
        .iter()
        .partition(|other| other.event.site == risk.event.site);
    match here.len() {
        0 => {}
        1 => diagnostic.notes.push(format!(
            "one more step from this place {} for the same cause",
            if risk.certain { "fails" } else { "may fail" }
        )),
        more => diagnostic.notes.push(format!(
            "{more} more steps from this place {verb} for the same cause"
        )),
    }
    for other in elsewhere {
        let call = words::call(other.event);
        diagnostic.labels.push(label(
            other.event.site,
            format!("{call} asks the same of the rows"),
        ));
    }
    diagnostic
}

/// Whether two keys are over the same columns of a table.
fn is_same_key(one: &Risk<'_>, two: &Risk<'_>) -> bool {
    fn key(risk: &Risk<'_>) -> Option<BTreeSet<SmolStr>> {
        match &risk.what {
            What::Unique(columns) | What::PrimaryKey(columns) => {
                Some(columns.iter().cloned().collect())
            }
            _ => None,
        }
    }
    one.table == two.table && key(one).is_some() && key(one) == key(two)
}

/// A table as its author writes it.
fn shown(table: &QualifiedName) -> String {
    let schema = (table.schema != "public").then_some(table.schema.as_str());
    Name::qualified(schema, &table.name).to_string()
}

fn listed(columns: &[SmolStr]) -> String {
    columns
        .iter()
        .map(|column| Quoted(column).to_string())
        .collect::<Vec<_>>()
        .join(", ")
}

fn message(risk: &Risk<'_>, run: &str) -> String {
    let call = words::call(risk.event);
    let table = shown(&risk.table);
    match &risk.what {
        What::AddNotNull(column) => format!(
            "{call}{run} fails on every database where `{table}` has a row ({}): `{}` may not be NULL and has no default; an empty table lets it pass",
            SqlState::NOT_NULL_VIOLATION,
            Quoted(column)
        ),
        What::SetNotNull(column) if risk.certain => format!(
            "{call}{run} fails on every database where `{table}` has a row ({}): `{}` is new and nothing fills it",
            SqlState::NOT_NULL_VIOLATION,
            Quoted(column)
        ),
        What::SetNotNull(column) => format!(
            "{call}{run} fails where a row of `{table}` has NULL in `{}` ({}): nothing here fills it first",
            Quoted(column),
            SqlState::NOT_NULL_VIOLATION
        ),
        What::PrimaryKey(columns) if risk.certain => format!(
            "{call}{run} fails on every database where `{table}` has a row ({}): the key `({})` is new and has no value in old rows",
            SqlState::NOT_NULL_VIOLATION,
            listed(columns)
        ),
        What::Unique(columns) if risk.certain => format!(
            "{call}{run} fails on every database where `{table}` has two rows ({}): all old rows get the same `({})`",
            SqlState::UNIQUE_VIOLATION,
            listed(columns)
        ),
        What::Unique(columns) | What::PrimaryKey(columns) => format!(
            "{call}{run} fails where two rows of `{table}` have the same `({})` ({}): no older key rules that out",
            listed(columns),
            SqlState::UNIQUE_VIOLATION
        ),
        What::UniqueOf(elements) => format!(
            "{call}{run} fails where two rows of `{table}` have the same `({})` ({}): no older key rules that out",
            elements.join(", "),
            SqlState::UNIQUE_VIOLATION
        ),
        What::Check(name) => format!(
            "{call}{run} fails where a row of `{table}` breaks {} ({}), and locks the table while it looks at all of them",
            name.as_ref()
                .map_or_else(|| "it".to_owned(), |name| format!("`{}`", Quoted(name))),
            SqlState::CHECK_VIOLATION
        ),
        What::ForeignKey(columns, referred) => format!(
            "{call}{run} fails where `({})` of a row of `{table}` is not in `{referred}` ({}): no older key rules that out",
            listed(columns),
            SqlState::FOREIGN_KEY_VIOLATION
        ),
        What::Exclude => format!(
            "{call}{run} fails where two rows of `{table}` exclude each other ({})",
            SqlState::EXCLUSION_VIOLATION
        ),
    }
}

fn remedy(risk: &Risk<'_>) -> String {
    match &risk.what {
        What::AddNotNull(_) => {
            "give it a `server_default`, or add it nullable, fill it, and set NOT NULL then"
                .to_owned()
        }
        What::SetNotNull(column) => format!(
            "fill it first: `UPDATE {} SET {} = ... WHERE {} IS NULL`",
            shown(&risk.table),
            Quoted(column),
            Quoted(column)
        ),
        What::PrimaryKey(_) if risk.certain => {
            "fill the column first, with a value of its own in each row (`GENERATED ALWAYS AS IDENTITY` does)".to_owned()
        }
        What::Unique(_) if risk.certain => {
            "give each row a value of its own before the key is made, or leave the column NULL"
                .to_owned()
        }
        What::Unique(_) | What::UniqueOf(_) | What::PrimaryKey(_) => {
            "merge or delete the duplicates first, in this revision or an earlier one".to_owned()
        }
        What::Check(_) => {
            "correct the rows first, or add it `NOT VALID` and `VALIDATE CONSTRAINT` in a later revision".to_owned()
        }
        What::ForeignKey(..) => {
            "delete or correct the rows that refer to nothing first, or add it `NOT VALID` and `VALIDATE CONSTRAINT` in a later revision".to_owned()
        }
        What::Exclude => "correct the rows first".to_owned(),
    }
}
