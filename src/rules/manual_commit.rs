//! `manual-commit`: a migration that ends Alembic's own transaction with COMMIT, ROLLBACK, `commit()` or `rollback()`.

use super::{Check, Context, Rule, label};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::TransactionStatement;
use crate::postgres::{Outcome, Statement, TransactionMode};
use crate::scripts::{Part, Sending};
use crate::source::Site;
use crate::trace::{BoundaryKind, Event, Run, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "manual-commit",
        summary: "a migration ends the transaction that Alembic opened and keeps its books by",
        tags: &["transaction"],
        category: "transaction",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/manual-commit.md"),
    },
    check: Check::Revision(check),
};

const BLOCK: &str = "put what must be committed by itself inside `with op.get_context().autocommit_block():`, which commits and begins anew as Alembic expects it";

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    if let Some(script) = context.replayed.revision.script() {
        let up = of_part(context, Run::First, Some(&script.up));
        let down = of_part(context, Run::Downgrade, script.down.as_ref());
        return up.into_iter().chain(down).collect();
    }
    if context.transactions.autocommit {
        return Vec::new();
    }
    let mut found = Vec::new();
    for (run, command) in [(Run::First, "upgrade"), (Run::Downgrade, "downgrade")] {
        let trace = context.replayed.trace(run);
        let mut ends: Vec<(BoundaryKind, Vec<Site>)> = Vec::new();
        for boundary in &trace.boundaries {
            if boundary.kind == BoundaryKind::AutocommitBlock {
                continue;
            }
            match ends.iter_mut().find(|(kind, _)| *kind == boundary.kind) {
                Some((_, sites)) if sites.contains(&boundary.site) => {}
                Some((_, sites)) => sites.push(boundary.site),
                None => ends.push((boundary.kind, vec![boundary.site])),
            }
        }
        let begins = begins(trace);
        for (kind, sites) in &ends {
            found.push(report(context, *kind, sites, command));
        }
        if ends.is_empty() && !begins.is_empty() {
            found.push(report_begin(context, &begins, "Alembic's"));
        }
    }
    found
}

fn report(context: &Context<'_>, kind: BoundaryKind, sites: &[Site], command: &str) -> Diagnostic {
    let kept = context.transactions.committed_at_end;
    let refused = context.transactions.begun_by_context;
    let (message, severity) = match kind {
        BoundaryKind::Commit if refused => (
            format!(
                "`alembic {command}` fails at the next statement, with what came before kept and the revision not recorded: `commit()` ends the transaction of the `engine.begin()` in `env.py`, and SQLAlchemy refuses all that follows in there (InvalidRequestError)"
            ),
            Severity::Error,
        ),
        BoundaryKind::Rollback if refused => (
            format!(
                "`alembic {command}` fails at the next statement and keeps nothing: `rollback()` ends the transaction of the `engine.begin()` in `env.py`, and SQLAlchemy refuses all that follows in there (InvalidRequestError)"
            ),
            Severity::Error,
        ),
        BoundaryKind::Commit if kept => (
            format!(
                "a failure of `alembic {command}` after this `commit()` leaves the revision half applied and not recorded: it ends the transaction that Alembic commits at the end"
            ),
            Severity::Warning,
        ),
        BoundaryKind::Rollback if kept => (
            format!(
                "`rollback()` undoes all that `alembic {command}` did before it, earlier revisions of the same command included, and the revision is recorded as if it had been kept"
            ),
            Severity::Error,
        ),
        BoundaryKind::Commit => (
            format!(
                "`alembic {command}` reports success and keeps nothing that comes after this, not even which revision the database is at: `commit()` ends the transaction that Alembic commits at the end"
            ),
            Severity::Error,
        ),
        BoundaryKind::Rollback => (
            format!(
                "`alembic {command}` reports success and keeps nothing: `rollback()` undoes all that the command did before, and ends the transaction that Alembic commits at the end"
            ),
            Severity::Error,
        ),
        BoundaryKind::RollbackText => (
            format!(
                "`ROLLBACK` undoes all that `alembic {command}` did before it, earlier revisions of the same command included, and the revision is recorded as if it had been kept"
            ),
            Severity::Error,
        ),
        BoundaryKind::CommitText | BoundaryKind::AutocommitBlock => (
            "a failure after this `COMMIT` leaves the revision half applied and not recorded, and what runs in a transaction from here on depends on the driver (psycopg2: nothing, psycopg 3: all)"
                .to_owned(),
            Severity::Warning,
        ),
    };
    let mut diagnostic = context.diagnostic(&RULE, sites[0], message);
    diagnostic.severity = severity;
    diagnostic.help = Some(BLOCK.to_owned());
    for site in &sites[1..] {
        diagnostic.labels.push(label(*site, "and here"));
    }
    diagnostic
}

/// A SQL file's own transaction where its tool has one, or where more follows behind it.
fn of_part(context: &Context<'_>, run: Run, part: Option<&Part>) -> Option<Diagnostic> {
    let sending = part?.sending;
    let trace = context.replayed.trace(run);
    let is_end = |event: &Event| {
        event.mode == TransactionMode::Block
            && event.statements.iter().any(|statement| {
                matches!(
                    statement,
                    Statement::Transaction(
                        TransactionStatement::Commit | TransactionStatement::Rollback
                    )
                )
            })
    };
    let at = trace.events.iter().position(is_end);
    let Some(at) = at.filter(|_| sending != Sending::Each) else {
        let begins = begins(trace);
        let is_open = sending == Sending::Block && !begins.is_empty();
        return is_open.then(|| report_begin(context, &begins, "its tool's"));
    };
    let end = &trace.events[at];
    // what the rest of the file does is in a transaction of its own
    let more = trace.events[at + 1..].iter().any(|later| {
        let is_control = |statement: &Statement| matches!(statement, Statement::Transaction(_));
        !later.statements.iter().all(is_control)
    });
    let undoes = matches!(
        end.statements.first(),
        Some(Statement::Transaction(TransactionStatement::Rollback))
    );
    let (message, severity, help) = match (sending, more) {
        (Sending::Block, _) if undoes => (
            "`ROLLBACK` undoes all that the migration did before it, and the migration is recorded as if it had been kept",
            Severity::Error,
            "leave it out: its tool rolls back what fails",
        ),
        (Sending::Block, true) => (
            "a failure after this `COMMIT` leaves the migration half applied and not recorded: it ends the transaction of its tool, and each statement from here on is committed by itself",
            Severity::Warning,
            BLOCK,
        ),
        (Sending::Block, false) => (
            "`COMMIT` ends the transaction in which its tool records the migration: if that fails, it is applied and not recorded",
            Severity::Note,
            "leave BEGIN and COMMIT out: its tool's transaction holds the migration",
        ),
        (_, true) if !undoes => (
            "a failure after this `COMMIT` leaves the first part of the migration applied",
            Severity::Warning,
            "put what follows in a file of its own, or in the same transaction",
        ),
        _ => return None,
    };
    let mut diagnostic = context.diagnostic(&RULE, end.site, message.to_owned());
    diagnostic.severity = severity;
    diagnostic.help = Some(help.to_owned());
    Some(diagnostic)
}

/// Where a migration begins a transaction in the one that is open.
fn begins(trace: &Trace) -> Vec<Site> {
    let mut sites = Vec::new();
    for event in &trace.events {
        let begins = event.statements.iter().any(|statement| {
            matches!(
                statement,
                Statement::Transaction(TransactionStatement::Begin)
            )
        });
        let ok = matches!(event.outcome, Outcome::Ok) && event.mode == TransactionMode::Block;
        if begins && ok && !sites.contains(&event.site) {
            sites.push(event.site);
        }
    }
    sites
}

fn report_begin(context: &Context<'_>, sites: &[Site], whose: &str) -> Diagnostic {
    let message = format!(
        "`BEGIN` does nothing here but raise a warning: {whose} transaction is open already"
    );
    let mut diagnostic = context.diagnostic(&RULE, sites[0], message);
    diagnostic.severity = Severity::Note;
    diagnostic.help = Some("leave it out".to_owned());
    for site in &sites[1..] {
        diagnostic.labels.push(label(*site, "and here"));
    }
    diagnostic
}
