//! `enum-create-type-ignored`: `create_type=False` on the generic `sa.Enum`, which SQLAlchemy passes over before 2.1.

use super::{Check, Context, Rule, words};
use crate::config::{Config, Level};
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{Outcome, SqlState};
use crate::replay::window::implicit_type;
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "enum-create-type-ignored",
        summary: "`create_type=False` on the generic `sa.Enum` does nothing before SQLAlchemy 2.1",
        tags: &["enum", "rerun"],
        category: "enum",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/enum-create-type-ignored.md"),
    },
    check: Check::Revision(check),
};

/// Whether a call creates a type that its column says not to create.
pub(super) fn is_ignored(event: &Event) -> bool {
    implicit_type(event).is_some_and(|name| {
        event
            .enums()
            .iter()
            .any(|known| known.name == *name && known.create_type_off && !known.postgres)
    })
}

/// Whether this rule reports a call, in place of the rules on second runs.
pub(super) fn claims(event: &Event, config: &Config) -> bool {
    is_ignored(event) && RULE.is_on(config)
}

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for event in context
        .replayed
        .first
        .events
        .iter()
        .filter(|event| is_ignored(event))
    {
        let Some(name) = implicit_type(event) else {
            continue;
        };
        let (message, severity) = match &event.outcome {
            Outcome::Error(error) if error.sqlstate == SqlState::DUPLICATE_OBJECT => (
                format!(
                    "{} fails ({}): it creates the type `{name}`, which is already there, in spite of `create_type=False`, which `sa.Enum` ignores before SQLAlchemy 2.1",
                    words::call(event),
                    error.sqlstate
                ),
                Severity::Error,
            ),
            Outcome::Ok => (
                format!(
                    "{} creates the type `{name}` in spite of `create_type=False`, which `sa.Enum` ignores before SQLAlchemy 2.1: it fails where the type is already there (42710)",
                    words::call(event)
                ),
                Severity::Warning,
            ),
            _ => continue,
        };
        if found
            .iter()
            .any(|known| known.site == event.site && known.message == message)
        {
            continue;
        }
        let mut diagnostic = context.diagnostic(&RULE, event.site, message);
        diagnostic.severity = severity;
        diagnostic.help = Some(format!(
            "use `postgresql.ENUM(..., name=\"{name}\", create_type=False)`, which honours it"
        ));
        found.push(diagnostic);
    }
    found
}
