//! `failing-upgrade`: a statement of the upgrade fails on the schema that the earlier revisions leave.

use super::{Check, Context, Rule, claims, refusals, rollback, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::catalog::builtin;
use crate::postgres::{Name, ObjectKey, ObjectKind, ServerError, SqlState};
use crate::scripts::Format;
use crate::trace::{Event, Raised, Run};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "failing-upgrade",
        summary: "a statement of the upgrade fails on the schema that the earlier revisions leave",
        tags: &["upgrade"],
        category: "upgrade",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/failing-upgrade.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let mut errors = rollback::errors(&replayed.first).peekable();
    // behind a refusal that another rule tells, nothing is reached
    let is_stopped = errors
        .peek()
        .is_some_and(|(event, _)| claims::is_told(context, event));
    let mut errors = errors.filter(|(event, error)| is_own(context, event, error));
    if let Some((event, error)) = errors.next().filter(|_| !is_stopped) {
        let mut refused = refusals::refused(context, &RULE, Run::First, event, error, errors);
        // no tool says in which order plain files run, or that all of them do
        let script = replayed.revision.script();
        if script.is_some_and(|script| script.format == Format::Plain) {
            refused.severity = Severity::Warning;
        }
        return vec![refused];
    }
    // behind an error that is told elsewhere, or that an earlier revision led to, Python may go on with what is not there
    let failed = |event: &Event| event.failure().is_some();
    if replayed.first.events.iter().any(failed) {
        return Vec::new();
    }
    let first = &replayed.first;
    let told = first
        .raised
        .as_ref()
        .filter(|raised| is_refusal(raised) || (first.conditions.is_empty() && is_certain(raised)));
    let told = told.map(|raised| {
        let mut told = refusals::raises(context, &RULE, Run::First, raised);
        // that it may be meant so, or that a model of Python errs, is not ruled out
        if !is_refusal(raised) {
            told.severity = Severity::Warning;
        }
        told
    });
    told.into_iter().collect()
}

/// Whether an exception ends every first run: no bound of foreshot's own, none that hangs on what is installed or that the
/// application raises, and none that another rule tells (`missing-import`, `bind-parameter-in-literal`,
/// `argument-needs-newer-alembic`).
fn is_certain(raised: &Raised) -> bool {
    let is_exception = raised
        .class
        .chars()
        .all(|letter| letter.is_alphanumeric() || letter == '_');
    let told = match raised.class.as_str() {
        "NameError"
        | "UnboundLocalError"
        | "ImportError"
        | "ModuleNotFoundError"
        | "StatementError" => true,
        "TypeError" => {
            raised.message == "dict is not a sequence"
                || raised.message.contains("unexpected keyword argument")
        }
        _ => false,
    };
    is_exception && !told && !raised.elsewhere
}

/// Whether an error is sure, and neither a consequence of an earlier revision's nor told by a rule that knows more of it.
fn is_own(context: &Context<'_>, event: &Event, error: &ServerError) -> bool {
    let before = &context.replayed.before;
    let misses = error.misses_object();
    // what is no SQL in a SQL file is told of the file, and what none of them makes may come from elsewhere
    let is_column = error.sqlstate == SqlState::UNDEFINED_COLUMN;
    if context.replayed.revision.script().is_some()
        && (error.sqlstate == SqlState::SYNTAX_ERROR || (misses && !is_column))
    {
        return false;
    }
    // an earlier revision that breaks off makes more on the databases that have got this far
    if misses && (before.cut || before.open || may_be_of_extension(context, error)) {
        return false;
    }
    // Alembic may run the revisions of other branches after this one
    if context.replayed.revision.beside_others && (misses || error.sqlstate.says_duplicate()) {
        return false;
    }
    let constraint = |key: &ObjectKey| key.kind == ObjectKind::Constraint;
    if misses && context.names_unknown && error.object.as_ref().is_none_or(constraint) {
        return false;
    }
    let is_doubted = |name: &Name| before.doubted.contains(&name.name);
    let is_left_out = error
        .object
        .as_ref()
        .is_some_and(|key| before.doubted.contains(words::last_part(key)));
    !is_left_out && !event.tables().any(is_doubted) && !claims::is_told(context, event)
}

/// Whether what is missing belongs to a well-known extension: who runs the server may have made that, or a template database.
fn may_be_of_extension(context: &Context<'_>, error: &ServerError) -> bool {
    let Some(key) = &error.object else {
        return false;
    };
    let name = words::last_part(key);
    match key.kind {
        ObjectKind::Type => builtin::extension_of_type(name).is_some(),
        ObjectKind::Function => {
            builtin::extension_of_function(name, context.config.postgres_version.0).is_some()
        }
        ObjectKind::OperatorClass | ObjectKind::AccessMethod => true,
        _ => false,
    }
}

/// What SQLAlchemy refuses whatever the database holds.
fn is_refusal(raised: &Raised) -> bool {
    !raised.explicit
        && matches!(
            raised.class.as_str(),
            "ObjectNotExecutableError" | "CompileError" | "DuplicateColumnError"
        )
}
