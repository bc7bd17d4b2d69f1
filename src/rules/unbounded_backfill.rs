//! `unbounded-backfill`: a table that was there is rewritten row by row in the transaction that changes the schema.

use super::old_rows::{self, Progress};
use super::{Check, Context, Rule, label, rollback, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::catalog::QualifiedName;
use crate::postgres::expression::Expr;
use crate::postgres::statement::{AlterTable, AlterTableCommand, Statement};
use crate::postgres::{Datum, ObjectKind, Outcome, TransactionMode};
use crate::source::Site;
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "unbounded-backfill",
        summary: "an UPDATE or DELETE of a whole table runs in the transaction that changes the schema, under its locks",
        tags: &["data"],
        category: "data",
        default_level: Level::At(Severity::Warning),
        markdown: include_str!("../../rules/unbounded-backfill.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let mut progress = Progress::new(&replayed.before);
    // what has been locked so that nobody else reads or writes it
    let mut locked: Vec<(QualifiedName, &Event)> = Vec::new();
    // a revision's backfills are one cause: they stand in the revision that changes the schema
    let mut found: Option<Diagnostic> = None;
    let mut places: Vec<Site> = Vec::new();
    for event in &replayed.first.events {
        if matches!(event.outcome, Outcome::Error(_)) {
            continue;
        }
        for statement in old_rows::flat(&event.statements) {
            if let Some((table, verb)) = whole_table(&progress, statement)
                && event.mode == TransactionMode::Block
                && rollback::is_certain(event)
                && let Some((_, lock)) = locked.iter().find(|(known, lock)| {
                    // a commit gives the locks back
                    *known == table && lock.transaction == event.transaction
                })
                && !places.contains(&event.site)
            {
                places.push(event.site);
                match &mut found {
                    None => found = Some(report(context, event, lock, &table, verb)),
                    Some(first) => first.labels.push(label(
                        event.site,
                        format!(
                            "{} {verb} every row of `{}` so too",
                            words::call(event),
                            table.name
                        ),
                    )),
                }
            }
            if event.mode == TransactionMode::Block
                && let Some(table) = exclusively_locked(&progress, statement)
            {
                locked.push((table, event));
            }
            progress.note(statement);
        }
    }
    found.into_iter().collect()
}

/// The table of which a statement writes every row, if it was there before, and what it does to them.
fn whole_table(
    progress: &Progress<'_>,
    statement: &Statement,
) -> Option<(QualifiedName, &'static str)> {
    let (name, filter, verb) = match statement {
        Statement::Update(update) if update.from.is_empty() => {
            (&update.table, &update.filter, "writes")
        }
        Statement::Delete(delete) if delete.using.is_empty() => {
            (&delete.table, &delete.filter, "deletes")
        }
        _ => return None,
    };
    let table = progress.table(name);
    let whole = filter
        .as_ref()
        .is_none_or(|filter| lets_all_pass(progress, &table, filter));
    (whole && progress.is_older(&table)).then_some((table, verb))
}

/// Whether a condition holds for every row: `true`, or that a column is NULL which the run has just added.
fn lets_all_pass(progress: &Progress<'_>, table: &QualifiedName, filter: &Expr) -> bool {
    match old_rows::strip(filter) {
        Expr::Value(Datum::Bool(true)) => true,
        Expr::Binary {
            operator,
            left,
            right,
        } => operator == "=" && left == right && matches!(**left, Expr::Value(_)),
        Expr::IsNull {
            value,
            negated: false,
        } => {
            matches!(old_rows::strip(value), Expr::Column { name, .. } if progress.is_empty(table, name))
        }
        Expr::And(parts) => parts
            .iter()
            .all(|part| lets_all_pass(progress, table, part)),
        _ => false,
    }
}

/// The table that a statement locks in ACCESS EXCLUSIVE mode, so that even reads wait (measured: `tests/facts`).
fn exclusively_locked(progress: &Progress<'_>, statement: &Statement) -> Option<QualifiedName> {
    let name = match statement {
        Statement::AlterTable(alter) if excludes_readers(alter) => &alter.name,
        Statement::Rename(rename)
            if matches!(
                rename.kind,
                ObjectKind::Table | ObjectKind::Column | ObjectKind::Constraint
            ) =>
        {
            &rename.name
        }
        _ => return None,
    };
    Some(progress.table(name))
}

fn excludes_readers(alter: &AlterTable) -> bool {
    use crate::postgres::statement::ConstraintKind;
    alter.kind == ObjectKind::Table
        && alter.commands.iter().any(|command| match command {
            AlterTableCommand::AddConstraint(constraint) => {
                !matches!(constraint.kind, ConstraintKind::ForeignKey { .. })
            }
            AlterTableCommand::ValidateConstraint { .. }
            | AlterTableCommand::ColumnOption { .. }
            | AlterTableCommand::AttachPartition { .. }
            | AlterTableCommand::Trigger { .. }
            | AlterTableCommand::ClusterOn { .. }
            | AlterTableCommand::Option { .. } => false,
            _ => true,
        })
}

fn report(
    context: &Context<'_>,
    event: &Event,
    lock: &Event,
    table: &QualifiedName,
    verb: &str,
) -> Diagnostic {
    let message = format!(
        "{} {verb} every row of `{}` while nobody else can read or write it: the transaction holds the ACCESS EXCLUSIVE lock of {} until it commits",
        words::call(event),
        table.name,
        words::call(lock)
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(remedy(event).to_owned());
    if lock.site != event.site {
        diagnostic.labels.push(label(
            lock.site,
            format!("{} takes the lock here", words::call(lock)),
        ));
    }
    diagnostic
}

/// A default gives old rows only what is the same for all.
fn remedy(event: &Event) -> &'static str {
    let constant = |statement: &Statement| {
        matches!(statement, Statement::Update(update)
            if update.assignments.iter().all(|assignment| matches!(old_rows::strip(&assignment.value), Expr::Value(_))))
    };
    let statements = old_rows::flat(&event.statements);
    let mut all = statements.iter();
    if all.any(|statement| matches!(statement, Statement::Delete(_))) {
        return "delete in a revision of its own, in batches that commit (`autocommit_block()`)";
    }
    if statements.into_iter().any(constant) {
        "let a `server_default` give old rows their value, which rewrites nothing, or fill the column in a revision of its own, in batches that commit (`autocommit_block()`)"
    } else {
        "fill it in a revision of its own, in batches that commit (`autocommit_block()`)"
    }
}
