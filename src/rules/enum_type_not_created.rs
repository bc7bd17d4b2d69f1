//! `enum-type-not-created`: a column of an enum type that nothing has created.

use super::{Check, CommandContext, Rule, label, words};
use crate::config::{Config, Level};
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{Outcome, ServerError, SqlState};
use crate::replay::window::{Seen, implicit_type};
use crate::trace::{EnumType, Event, Origin};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "enum-type-not-created",
        summary: "a column has an enum type that nothing creates: only `create_table` creates it, once per command",
        tags: &["enum"],
        category: "enum",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/enum-type-not-created.md"),
    },
    check: Check::Command(check),
};

fn check(context: &CommandContext<'_>) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    let mut add = |diagnostic: Diagnostic| {
        if !found
            .iter()
            .any(|known| known.site == diagnostic.site && known.message == diagnostic.message)
        {
            found.push(diagnostic);
        }
    };
    for one in context.seen.iter().filter(|one| one.is_judged()) {
        for event in &one.events {
            if let Some((missing, error)) = missing(event).filter(|_| one.is_certain(event)) {
                add(report(one, event, missing, error));
            }
        }
        let empty = context.windows.empty.as_ref();
        let Some(trace) = empty.and_then(|runs| runs.get(&one.index)) else {
            continue;
        };
        for event in &trace.events {
            let own = one
                .events
                .iter()
                .any(|known| known.stack() == event.stack() && self::missing(known).is_some());
            if let Some((missing, error)) = missing(event).filter(|_| !own && one.is_certain(event))
                && let Some(diagnostic) = report_remembered(context, one, event, missing, error)
            {
                add(diagnostic);
            }
        }
    }
    found
}

/// Whether this rule reports a call that fails, in place of the rule on what fails in the upgrade.
pub(super) fn claims(event: &Event, config: &Config) -> bool {
    missing(event).is_some() && RULE.is_on(config)
}

/// The enum type of the operation's own that the server does not find.
fn missing(event: &Event) -> Option<(&EnumType, &ServerError)> {
    let Outcome::Error(error) = &event.outcome else {
        return None;
    };
    if error.sqlstate != SqlState::UNDEFINED_OBJECT || event.handled {
        return None;
    }
    let key = error.object.as_ref()?;
    let found = event
        .enums()
        .iter()
        .find(|known| known.name.name == words::last_part(key))?;
    Some((found, error))
}

fn report(seen: &Seen, event: &Event, missing: &EnumType, error: &ServerError) -> Diagnostic {
    let name = &missing.name;
    let makes_table =
        matches!(&event.origin, Origin::Operation { name, .. } if *name == "create_table");
    let (why, remedy) = match (makes_table, missing.create_type_off, missing.metadata) {
        (true, true, _) => (
            "`create_type=False` keeps it from being created, and nothing else creates it",
            format!(
                "create it before: `postgresql.ENUM(..., name=\"{name}\").create(op.get_bind(), checkfirst=True)`"
            ),
        ),
        (true, false, true) => (
            "it belongs to a MetaData, for which `create_table` leaves the type to `create_all()`",
            "leave `metadata=` out in a migration".to_owned(),
        ),
        _ => (
            "only `create_table` creates the type of an enum column",
            format!(
                "create it before: `{}(..., name=\"{name}\").create(op.get_bind(), checkfirst=True)`",
                if missing.postgres {
                    "postgresql.ENUM"
                } else {
                    "sa.Enum"
                }
            ),
        ),
    };
    let message = format!(
        "{} fails each time ({}): nothing has created the enum type `{name}`; {why}",
        words::call(event),
        error.sqlstate
    );
    let mut diagnostic = super::about_seen(&RULE, seen, event.site, message);
    diagnostic.help = Some(remedy);
    diagnostic
}

/// The type was dropped since the command made it, and SQLAlchemy takes it for made.
fn report_remembered(
    context: &CommandContext<'_>,
    seen: &Seen,
    event: &Event,
    missing: &EnumType,
    error: &ServerError,
) -> Option<Diagnostic> {
    let name = &missing.name;
    let creates = |event: &Event| implicit_type(event) == Some(name);
    // alone the revision does create it
    seen.events.iter().find(|event| creates(event))?;
    let (maker, made) = context.seen[..seen.index].iter().find_map(|one| {
        let made = one.events.iter().find(|event| creates(event))?;
        Some((one, made))
    })?;
    let message = format!(
        "{} fails where one command runs `{}` too, from an empty database say ({}): SQLAlchemy creates an enum type once per command, and `{name}` was dropped since",
        words::call(event),
        maker.revision.id,
        error.sqlstate
    );
    let mut diagnostic = super::about_seen(&RULE, seen, event.site, message);
    diagnostic.help = Some(format!(
        "give the column a `postgresql.ENUM(..., name=\"{name}\", create_type=False)` and create the type before with `.create(op.get_bind(), checkfirst=True)`"
    ));
    diagnostic.labels.push(label(
        made.site,
        "this is where the command creates it, once",
    ));
    Some(diagnostic)
}
