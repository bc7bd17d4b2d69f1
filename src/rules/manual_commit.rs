//! `manual-commit`: a migration that ends Alembic's own transaction with COMMIT, ROLLBACK, `commit()` or `rollback()`.

use super::{Check, Context, Rule, label};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::TransactionStatement;
use crate::postgres::{Outcome, Statement, TransactionMode};
use crate::source::Site;
use crate::trace::{BoundaryKind, Run, Trace};

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
            found.push(report_begin(context, &begins));
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

fn report_begin(context: &Context<'_>, sites: &[Site]) -> Diagnostic {
    let message =
        "`BEGIN` does nothing here but raise a warning: Alembic's transaction is open already"
            .to_owned();
    let mut diagnostic = context.diagnostic(&RULE, sites[0], message);
    diagnostic.severity = Severity::Note;
    diagnostic.help = Some("leave it out".to_owned());
    for site in &sites[1..] {
        diagnostic.labels.push(label(*site, "and here"));
    }
    diagnostic
}
