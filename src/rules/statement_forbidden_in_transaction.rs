//! `statement-forbidden-in-transaction`: what the server refuses in a transaction block, which is where Alembic runs a
//! revision.

use super::{Check, Context, Rule, issued_elsewhere, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{Outcome, ServerError, SqlState, Statement, TransactionMode};
use crate::trace::{Event, Run, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "statement-forbidden-in-transaction",
        summary: "the server refuses the statement in a transaction block, and Alembic runs a revision in one",
        tags: &["transaction"],
        category: "transaction",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/statement-forbidden-in-transaction.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    // a second run of the upgrade may go ways that the first does not
    for run in [Run::First, Run::Rerun, Run::Reupgrade, Run::Downgrade] {
        for event in &context.replayed.trace(run).events {
            if let Some(error) = refused(event)
                && !found.iter().any(|known| known.site == event.site)
                && is_reported(context, event, run)
            {
                found.push(report(context, event, error, run));
            }
        }
    }
    found
}

/// Whether this rule reports a call of a run, in place of the rules on what fails in it.
pub(super) fn claims(event: &Event, context: &Context<'_>, run: Run) -> bool {
    refused(event).is_some() && is_reported(context, event, run) && RULE.is_on(context.config)
}

fn is_reported(context: &Context<'_>, event: &Event, run: Run) -> bool {
    let second = matches!(run, Run::Rerun | Run::Reupgrade);
    forbids(context, event) && !(second && passed(&context.replayed.first, event))
}

/// Whether a transaction is around the call: Alembic's, or its own where `env.py` lets each statement commit by itself.
fn forbids(context: &Context<'_>, event: &Event) -> bool {
    !context.transactions.autocommit || is_in_do(event) || event.statements.len() > 1
}

fn is_in_do(event: &Event) -> bool {
    event
        .statements
        .iter()
        .any(|statement| matches!(statement, Statement::Do(_)))
}

/// Whether the same call passed in the first run, so that it is the second that makes the difference: up to PostgreSQL 11
/// a new value of a type that the transaction itself made.
fn passed(first: &Trace, event: &Event) -> bool {
    first
        .events
        .iter()
        .any(|before| before.stack() == event.stack() && matches!(before.outcome, Outcome::Ok))
}

/// The server's refusal of a statement because of the transaction block around it.
pub(super) fn refused(event: &Event) -> Option<&ServerError> {
    match &event.outcome {
        Outcome::Error(error)
            if error.sqlstate == SqlState::ACTIVE_SQL_TRANSACTION && !event.handled =>
        {
            Some(error)
        }
        _ => None,
    }
}

fn report(context: &Context<'_>, event: &Event, error: &ServerError, run: Run) -> Diagnostic {
    let command = [
        " cannot run inside a transaction block",
        " cannot be executed from a function",
    ]
    .iter()
    .find_map(|end| error.message.strip_suffix(end))
    .unwrap_or(&error.message);
    let in_do = is_in_do(event);
    let alone = event.mode == TransactionMode::Autocommit || context.transactions.autocommit;
    let in_string = alone && event.statements.len() > 1;
    let around = if in_do {
        "inside a `DO` block, which is always part of a transaction"
    } else if in_string {
        "beside other statements in one string, which the server runs as one transaction"
    } else {
        "in a transaction block, and Alembic runs a revision in one"
    };
    let server = context.config.postgres_version.0;
    let (what, bites) = match added_type(event) {
        Some(type_name) => (
            format!("PostgreSQL {server} refuses `ALTER TYPE ... ADD VALUE`"),
            format!("on every database where the type `{type_name}` is already there"),
        ),
        None => (
            format!("the server refuses `{command}`"),
            "each time".to_owned(),
        ),
    };
    let message = format!(
        "{} fails {bites} ({}): {what} {around}",
        words::call(event),
        error.sqlstate
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(remedy(in_do, in_string, run));
    diagnostic.labels.extend(issued_elsewhere(event));
    diagnostic
}

fn remedy(in_do: bool, in_string: bool, run: Run) -> String {
    let block = "`with op.get_context().autocommit_block():`";
    if in_string {
        return "give it an `op.execute` of its own".to_owned();
    }
    if in_do {
        return format!("write it as a statement of its own, inside {block}");
    }
    let before = if run == Run::Downgrade {
        "the downgrade"
    } else {
        "the revision"
    };
    format!("run it inside {block}; what {before} did before the block is committed then")
}

/// The type to which the call adds a value.
fn added_type(event: &Event) -> Option<String> {
    event
        .statements
        .iter()
        .find_map(|statement| match statement {
            Statement::AlterEnum(alter) if alter.rename_from.is_none() => {
                Some(alter.name.to_string())
            }
            _ => None,
        })
}
