//! `failing-downgrade`: a statement of the downgrade fails on the schema that the upgrade leaves.

use super::rollback;
use super::{Check, Context, Rule, claims, label, second_run, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::name::Quoted;
use crate::postgres::statement::{AlterTableCommand, Statement};
use crate::postgres::{ObjectKey, ObjectKind, ServerError, SqlState};
use crate::trace::{Event, Raised, Run, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "failing-downgrade",
        summary: "a statement of the downgrade fails on the schema that the upgrade leaves",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/failing-downgrade.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    if !rollback::has_downgrade(replayed) {
        return Vec::new();
    }
    // what fails for a cause that has a rule of its own is told there: an enum type that the upgrade left, a transaction block
    let mut errors = rollback::errors(&replayed.downgrade)
        .filter(|(event, _)| !claims::is_claimed(context, Run::Downgrade, event));
    if let Some((event, error)) = errors.next() {
        return vec![refused(context, event, error, errors)];
    }
    replayed
        .downgrade
        .raised
        .as_ref()
        .filter(|raised| !raised.explicit && is_exception(raised) && !is_told_elsewhere(raised))
        .map(|raised| raises(context, raised))
        .into_iter()
        .collect()
}

/// Whether it is an exception by name, and not the end of the run at a bound or at something unknown.
fn is_exception(raised: &Raised) -> bool {
    !raised.class.is_empty() && raised.class.chars().all(char::is_alphanumeric)
}

/// Exceptions that are a rule of their own.
fn is_told_elsewhere(raised: &Raised) -> bool {
    super::drop_constraint_without_name::is_it(raised)
        || super::argument_needs_newer_alembic::is_it(raised)
        // a name that nothing defines is told of the file
        || raised.class == "NameError"
        || super::bind_parameter_in_literal::is_it(raised)
}

fn raises(context: &Context<'_>, raised: &Raised) -> Diagnostic {
    let site = raised
        .site
        .unwrap_or_else(|| rollback::place(context.replayed));
    let mut message = format!(
        "`alembic downgrade` stops here and undoes nothing: {}",
        raised.class
    );
    if !raised.message.is_empty() {
        message.push_str(": ");
        message.push_str(&shortened(&raised.message));
    }
    let mut diagnostic = context.diagnostic(&RULE, site, message);
    diagnostic.help = Some(
        match raised.class.as_str() {
            "ObjectNotExecutableError" => {
                "wrap the string in `sa.text(...)`, or use `op.execute(...)`"
            }
            "NoSuchTableError" | "NoSuchColumnError" => {
                "ask only for what the upgrade leaves, under the name that it has then"
            }
            _ => "run `alembic upgrade head` and `alembic downgrade -1` once before the release",
        }
        .to_owned(),
    );
    diagnostic
}

/// A message on one line, cut where it grows long: SQLAlchemy puts whole statements into its own.
fn shortened(message: &str) -> String {
    const LONGEST: usize = 100;
    let words: Vec<&str> = message.split_whitespace().collect();
    let line = words.join(" ");
    match line.char_indices().nth(LONGEST) {
        Some((end, _)) => format!("{}...", &line[..end]),
        None => line,
    }
}

fn refused<'a>(
    context: &Context<'_>,
    event: &Event,
    error: &ServerError,
    others: impl Iterator<Item = (&'a Event, &'a ServerError)>,
) -> Diagnostic {
    let message = format!(
        "`alembic downgrade` stops here and undoes nothing: {} fails ({}: {})",
        words::call(event),
        error.sqlstate,
        error.message
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(remedy(context, event, error));
    if let Some(key) = &error.object {
        let removed = removed_before(&context.replayed.downgrade, event, key);
        let made = second_run::makers(context.replayed).get(key).copied();
        if let Some(removed) = removed {
            diagnostic.labels.push(label(
                removed.site,
                format!(
                    "{} goes here already, with {}",
                    words::named(key),
                    words::call(removed)
                ),
            ));
        } else if let Some(made) = made.filter(|made| *made != event.site) {
            diagnostic.labels.push(label(
                made,
                format!("the upgrade makes or removes {} here", words::named(key)),
            ));
        }
    }
    if event.innermost != event.site {
        diagnostic
            .labels
            .push(label(event.innermost, "the statement is issued here"));
    }
    let mut places = vec![event.site];
    let mut more = 0;
    for (other, error) in others {
        more += 1;
        if !places.contains(&other.site) {
            places.push(other.site);
            diagnostic.labels.push(label(
                other.site,
                format!("{} fails too ({})", words::call(other), error.sqlstate),
            ));
        }
    }
    if more >= places.len() {
        diagnostic
            .notes
            .push(format!("{more} more calls of the downgrade fail"));
    }
    diagnostic
}

/// The earlier call of a run that took a thing away which a later one does not find.
fn removed_before<'a>(trace: &'a Trace, event: &Event, key: &ObjectKey) -> Option<&'a Event> {
    trace
        .events
        .iter()
        .take_while(|earlier| !std::ptr::eq(*earlier, event))
        .filter(|earlier| earlier.changes.contains(key))
        .last()
}

/// Whether a call drops things.
fn takes_away(event: &Event) -> bool {
    event.statements.iter().any(|statement| match statement {
        Statement::Drop(_) => true,
        Statement::AlterTable(alter) => alter.commands.iter().any(|command| {
            matches!(
                command,
                AlterTableCommand::DropColumn { .. } | AlterTableCommand::DropConstraint { .. }
            )
        }),
        _ => false,
    })
}

/// Whether a call makes things that stand on others.
fn makes(event: &Event) -> bool {
    event.statements.iter().any(|statement| match statement {
        Statement::CreateTable(_) | Statement::CreateView(_) => true,
        Statement::AlterTable(alter) => alter
            .commands
            .iter()
            .any(|command| matches!(command, AlterTableCommand::AddConstraint(_))),
        _ => false,
    })
}

fn remedy(context: &Context<'_>, event: &Event, error: &ServerError) -> String {
    if let Some(key) = &error.object
        && removed_before(&context.replayed.downgrade, event, key).is_some()
    {
        return "leave it out, or put it before what takes it along".to_owned();
    }
    if error.sqlstate == SqlState::UNDEFINED_OBJECT
        && let Some(advice) = constraint_names(context, event)
    {
        return advice;
    }
    let missing = error.object.as_ref().map(|key| key.kind);
    match error.sqlstate {
        SqlState::UNDEFINED_OBJECT if missing == Some(ObjectKind::Type) && !takes_away(event) => {
            "make the type before it is used, or use one that PostgreSQL has".to_owned()
        }
        SqlState::UNDEFINED_FUNCTION if !takes_away(event) => {
            "make the function before it is used".to_owned()
        }
        SqlState::UNDEFINED_TABLE if makes(event) => {
            "make what it stands on first: undo the upgrade's changes in reverse order".to_owned()
        }
        SqlState::UNDEFINED_TABLE
        | SqlState::UNDEFINED_COLUMN
        | SqlState::UNDEFINED_OBJECT
        | SqlState::UNDEFINED_FUNCTION
        | SqlState::INVALID_SCHEMA_NAME => {
            "drop only what the upgrade makes, once and under the name that it has then".to_owned()
        }
        SqlState::DUPLICATE_TABLE
        | SqlState::DUPLICATE_COLUMN
        | SqlState::DUPLICATE_OBJECT
        | SqlState::DUPLICATE_SCHEMA
        | SqlState::DUPLICATE_FUNCTION => {
            "make again only what the upgrade removes: it is still there".to_owned()
        }
        SqlState::DEPENDENT_OBJECTS_STILL_EXIST => {
            "drop what depends on it first: undo the upgrade's changes in reverse order".to_owned()
        }
        _ => "undo the upgrade's changes in reverse order, each with what its schema allows"
            .to_owned(),
    }
}

/// The names that a table's constraints have, where the downgrade names another.
fn constraint_names(context: &Context<'_>, event: &Event) -> Option<String> {
    let Some(Statement::AlterTable(alter)) = event.statements.first() else {
        return None;
    };
    if !matches!(
        alter.commands.first(),
        Some(AlterTableCommand::DropConstraint { .. })
    ) {
        return None;
    }
    let table = words::relation(&context.replayed.after, &alter.name)?;
    let names: Vec<String> = table
        .constraints
        .iter()
        .map(|constraint| format!("`{}`", Quoted(&constraint.name)))
        .collect();
    if names.is_empty() {
        return Some(format!(
            "`{}` has no constraint after the upgrade: leave the call out",
            alter.name
        ));
    }
    Some(format!(
        "use the name that it has: the constraints of `{}` are {}",
        alter.name,
        words::list_of(&names, 6)
    ))
}
