//! `missing-guard`: a statement of `upgrade()` fails, or makes a duplicate, when it runs again.

use super::guards::{self, Verdict};
use super::second_run::{self, Fault, FaultKind};
use super::{Check, Context, Rule, advice, claims, label, stale_inspector, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, FIRST_RUN, RuleInfo, Severity};
use crate::postgres::statement::{AlterTableCommand, Statement};
use crate::postgres::{ObjectKind, ServerError, SqlState};
use crate::source::Site;
use crate::trace::Run;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "missing-guard",
        summary: "a statement of `upgrade()` fails, or makes a duplicate, when it runs again",
        tags: &["rerun"],
        category: "rerun",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/missing-guard.md"),
    },
    check: Check::Revision(check),
};

/// When a second run happens, though Alembic never repeats an applied revision.
pub(super) const WHEN: &str = "a restored, stamped or hand-fixed database, or a retry";

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    schema_causes(context)
        .iter()
        .filter(|cause| guards::verdict(&cause.faults[0]) == Verdict::NoGuard)
        .map(|cause| report(context, &RULE, cause, message(&cause.faults[0])))
        .collect()
}

/// Faults that one guard would cure: the first is the cause.
pub(crate) struct Cause<'a> {
    pub(crate) faults: Vec<Fault<'a>>,
}

/// The causes of what goes wrong with the schema when the upgrade runs again; what a stale Inspector did in the first run
/// shows there and is no cause of its own, nor is what runs without the guard that Alembic ignores.
pub(crate) fn schema_causes<'a>(context: &'a Context<'_>) -> Vec<Cause<'a>> {
    let stale = stale_inspector::guards(context.replayed);
    let faults: Vec<Fault<'_>> = second_run::faults(context.replayed)
        .into_iter()
        .filter(|fault| !second_run::is_data(fault) && fault.event.ignored.is_none())
        .filter(|fault| !claims::is_claimed(context, Run::Rerun, fault.event))
        .filter(|fault| {
            let mut guards = fault.event.guards.iter();
            !guards.any(|guard| stale.contains(&guard.site))
        })
        .collect();
    causes(&faults)
}

/// Groups faults by cause: one place (a loop, a helper), one table made here with all that is put on it, one column with
/// its constraints and indexes.
fn causes<'a>(faults: &[Fault<'a>]) -> Vec<Cause<'a>> {
    let mut causes: Vec<Cause<'a>> = Vec::new();
    for fault in faults {
        match causes.iter_mut().find(|cause| cause.explains(fault)) {
            Some(cause) => cause.faults.push(*fault),
            None => causes.push(Cause {
                faults: vec![*fault],
            }),
        }
    }
    causes
}

impl Cause<'_> {
    fn explains(&self, fault: &Fault<'_>) -> bool {
        self.faults[0].event.site == fault.event.site
            || self.faults.iter().any(|known| covers(known, fault))
    }
}

/// Whether a guard of `known` would naturally hold `fault` too.
fn covers(known: &Fault<'_>, fault: &Fault<'_>) -> bool {
    let (Some(made), Some(later)) = (
        known.event.statements.first(),
        fault.event.statements.first(),
    ) else {
        return false;
    };
    let Some(table) = words::table(later) else {
        return false;
    };
    match made {
        Statement::CreateTable(create) => create.name == *table,
        Statement::AlterTable(alter) if alter.name == *table => {
            let added: Vec<&str> = alter
                .commands
                .iter()
                .filter_map(|command| match command {
                    AlterTableCommand::AddColumn { column, .. } => Some(column.name.as_str()),
                    _ => None,
                })
                .collect();
            // the column itself once more is a cause of its own
            !matches!(later, Statement::AlterTable(alter) if adds_column(alter.commands.first()))
                && words::columns(later)
                    .iter()
                    .any(|column| added.contains(column))
        }
        _ => false,
    }
}

fn adds_column(command: Option<&AlterTableCommand>) -> bool {
    matches!(command, Some(AlterTableCommand::AddColumn { .. }))
}

/// The diagnostic of a cause, with what follows from it as labels.
pub(super) fn report(
    context: &Context<'_>,
    rule: &Rule,
    cause: &Cause<'_>,
    message: String,
) -> Diagnostic {
    let fault = cause.faults[0];
    let site = fault.event.site;
    let mut diagnostic = context.diagnostic(rule, site, message);
    diagnostic.help = advice::guard(fault.event, fault.kind, context.config);
    if let FaultKind::Fails(error) = fault.kind
        && let Some(key) = &error.object
        && let Some(made) = second_run::made_by_first_run(context.replayed, key)
        && made != site
    {
        diagnostic.labels.push(label(
            made,
            format!("{FIRST_RUN} made or removed the {key} here"),
        ));
    }
    if fault.event.innermost != site {
        diagnostic
            .labels
            .push(label(fault.event.innermost, "the statement is issued here"));
    }
    add_others(&mut diagnostic, cause, site);
    diagnostic
}

/// The other faults of a cause: each place once as a label, all of them as a count.
pub(super) fn add_others(diagnostic: &mut Diagnostic, cause: &Cause<'_>, site: Site) {
    let mut places = vec![site];
    for other in &cause.faults[1..] {
        if !places.contains(&other.event.site) {
            places.push(other.event.site);
            diagnostic
                .labels
                .push(label(other.event.site, consequence(other)));
        }
    }
    // a label a place says it all, unless one place makes several calls
    let others = cause.faults.len() - 1;
    if others >= places.len() {
        let plural = if others == 1 {
            "call fails or repeats"
        } else {
            "calls fail or repeat"
        };
        diagnostic
            .notes
            .push(format!("{others} more {plural} for the same cause"));
    }
}

/// What goes wrong when it runs again, and when that is.
pub(super) fn message(fault: &Fault<'_>) -> String {
    let call = words::call(fault.event);
    match fault.kind {
        FaultKind::Fails(error) => format!(
            "{call} fails {} ({}: {WHEN})",
            circumstance(fault, error),
            error.sqlstate
        ),
        FaultKind::Changes => format!(
            "{call} {} each time it runs, without an error ({WHEN})",
            repetition(fault)
        ),
    }
}

fn consequence(fault: &Fault<'_>) -> String {
    let call = words::call(fault.event);
    match fault.kind {
        FaultKind::Fails(error) => format!("{call} fails too ({})", error.sqlstate),
        FaultKind::Changes => format!("{call} {} again", repetition(fault)),
    }
}

/// In which state of the database the statement fails.
pub(super) fn circumstance(fault: &Fault<'_>, error: &ServerError) -> String {
    let object = error.object.as_ref();
    let made = if words::makes_beside(fault.event) {
        ", which it makes too,"
    } else {
        ""
    };
    let named = |fallback: &str| {
        object.map_or_else(
            || fallback.to_owned(),
            |key| format!("the {} `{}`{made}", key.kind.noun(), words::last_part(key)),
        )
    };
    match error.sqlstate {
        SqlState::DUPLICATE_TABLE
        | SqlState::DUPLICATE_OBJECT
        | SqlState::DUPLICATE_COLUMN
        | SqlState::DUPLICATE_SCHEMA
        | SqlState::DUPLICATE_FUNCTION
        | SqlState::DUPLICATE_DATABASE => format!("where {} is already there", named("it")),
        SqlState::UNDEFINED_TABLE
        | SqlState::UNDEFINED_COLUMN
        | SqlState::UNDEFINED_OBJECT
        | SqlState::UNDEFINED_FUNCTION
        | SqlState::INVALID_SCHEMA_NAME
            if object.is_some() =>
        {
            format!("where {} is already gone", named("it"))
        }
        SqlState::INVALID_TABLE_DEFINITION => {
            "where the table already has a primary key".to_owned()
        }
        _ => format!("when it runs again: {}", error.message),
    }
}

/// What a statement does once more.
fn repetition(fault: &Fault<'_>) -> String {
    // a constraint brings its index along: it is the constraint that its author wrote
    let kind = [
        ObjectKind::Constraint,
        ObjectKind::Index,
        ObjectKind::Sequence,
    ]
    .into_iter()
    .find(|kind| fault.event.changes.iter().any(|key| key.kind == *kind));
    match kind {
        Some(kind) => format!("makes one more {}", kind.noun()),
        None => "changes the schema again".to_owned(),
    }
}
