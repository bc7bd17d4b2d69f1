//! `enum-value-in-transaction`: `ALTER TYPE ... ADD VALUE` in a transaction block that can't have it, or can't use it.

use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::AlterEnum;
use crate::postgres::{Outcome, ServerError, SqlState, Statement, TransactionMode};
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "enum-value-in-transaction",
        summary: "`ALTER TYPE ... ADD VALUE` runs in a transaction block that can't have it, or uses the value before a commit",
        tags: &["transaction"],
        category: "transaction",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/enum-value-in-transaction.md"),
    },
    check: Check::Revision(check),
};

const REMEDY: &str = "run it inside `with op.get_context().autocommit_block():`, which commits it before the value is used (and commits what the revision did before it)";

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let mut added: Vec<(&Event, &AlterEnum)> = Vec::new();
    for event in &context.replayed.first.events {
        let adds = event
            .statements
            .iter()
            .find_map(|statement| match statement {
                Statement::AlterEnum(alter) if alter.rename_from.is_none() => Some(alter),
                _ => None,
            });
        match (&event.outcome, adds) {
            (Outcome::Error(error), Some(_))
                if error.sqlstate == SqlState::ACTIVE_SQL_TRANSACTION =>
            {
                found.push(refused(context, event, error));
            }
            (Outcome::Error(error), _)
                if error.sqlstate == SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE =>
            {
                found.push(used(context, event, error, &added));
            }
            (_, Some(alter)) if event.mode == TransactionMode::Block => added.push((event, alter)),
            _ => {}
        }
    }
    dedup(found)
}

/// Before PostgreSQL 12 the statement itself is refused.
fn refused(context: &Context<'_>, event: &Event, error: &ServerError) -> Diagnostic {
    let message = format!(
        "{} fails each time on PostgreSQL {}, which has no `ADD VALUE` in a transaction block ({})",
        words::call(event),
        context.config.postgres_version.0,
        error.sqlstate,
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(REMEDY.to_owned());
    diagnostic
}

/// From 12 on, what uses the value before the commit is refused.
fn used(
    context: &Context<'_>,
    event: &Event,
    error: &ServerError,
    added: &[(&Event, &AlterEnum)],
) -> Diagnostic {
    let value = error
        .object
        .as_ref()
        .map(words::last_part)
        .or_else(|| error.message.split('"').nth(1))
        .unwrap_or_default();
    let cause = added
        .iter()
        .rev()
        .find(|(_, alter)| alter.label == value)
        .or(added.last());
    let (site, name) = cause.map_or((event.site, String::new()), |(event, alter)| {
        (event.site, format!("`{}`", alter.name))
    });
    let message = format!(
        "the upgrade fails on every database where the type {name} is already there ({}: its new value `{value}` is used before the transaction that adds it is committed)",
        error.sqlstate,
    );
    let mut diagnostic = context.diagnostic(&RULE, site, message);
    diagnostic.help = Some(REMEDY.to_owned());
    diagnostic.labels.push(label(
        event.site,
        format!("{} uses it here", words::call(event)),
    ));
    diagnostic
}

/// One finding a place; the uses gather as its labels.
fn dedup(found: Vec<Diagnostic>) -> Vec<Diagnostic> {
    let mut kept: Vec<Diagnostic> = Vec::new();
    for diagnostic in found {
        match kept.iter_mut().find(|known| known.site == diagnostic.site) {
            Some(known) => {
                for label in diagnostic.labels {
                    if !known.labels.contains(&label) {
                        known.labels.push(label);
                    }
                }
            }
            None => kept.push(diagnostic),
        }
    }
    kept
}
