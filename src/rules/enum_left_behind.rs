//! `enum-left-behind`: dropping a table or column leaves the enum type that `create_table` made beside it, and will make
//! again.

use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::catalog::TypeKind;
use crate::postgres::{Catalog, Name, ObjectKey, Outcome, SqlState, Statement};
use crate::replay::Replayed;
use crate::source::Site;
use crate::trace::{Event, Origin, Run};
use crate::unknown::Reason;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "enum-left-behind",
        summary: "the type of an enum column outlives its table, so that creating the table again fails",
        tags: &["enum", "rollback"],
        category: "enum",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/enum-left-behind.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let mut found = gather(
        context,
        replayed
            .reupgrade
            .events
            .iter()
            .filter(|event| is_left_behind(replayed, event)),
        |event| {
            dropped_in(
                &replayed.downgrade.events,
                users(&replayed.first.events, event),
            )
        },
        by_downgrade,
    );
    found.extend(gather(
        context,
        replayed
            .downgrade
            .events
            .iter()
            .filter(|event| is_left_by_upgrade(replayed, event)),
        |event| event.site.into(),
        by_upgrade,
    ));
    found
}

/// Whether this rule reports a call of a run, in place of the rules on what fails in it.
pub(super) fn claims(event: &Event, context: &Context<'_>, run: Run) -> bool {
    RULE.is_on(context.config)
        && match run {
            Run::Reupgrade => is_left_behind(context.replayed, event),
            Run::Downgrade => is_left_by_upgrade(context.replayed, event),
            Run::First | Run::Rerun => false,
        }
}

/// Whether a call of the upgrade that follows the downgrade fails since the first upgrade made an enum type that the
/// downgrade, which did its work, left behind.
fn is_left_behind(replayed: &Replayed, event: &Event) -> bool {
    let Some(key) = duplicate_type(event) else {
        return false;
    };
    let made = replayed
        .first
        .events
        .iter()
        .any(|first| first.changes.contains(key) && matches!(first.outcome, Outcome::Ok));
    let worked = replayed
        .downgrade
        .events
        .iter()
        .any(|event| !event.changes.is_empty());
    made && worked
        && replayed.downgrade.raised.is_none()
        && !is_there(&replayed.before, key)
        && replayed
            .restored
            .as_ref()
            .is_some_and(|restored| is_there(restored, key))
}

/// Whether a call of the downgrade fails since the upgrade dropped the last user of an enum type and not the type.
fn is_left_by_upgrade(replayed: &Replayed, event: &Event) -> bool {
    duplicate_type(event).is_some_and(|key| {
        is_there(&replayed.before, key)
            && is_there(&replayed.after, key)
            && replayed
                .first
                .events
                .iter()
                .any(|first| first.statements.iter().any(drops))
    })
}

fn duplicate_type(event: &Event) -> Option<&ObjectKey> {
    let certain = matches!(event.conditional, None | Some(Reason::Environment));
    let creates = matches!(event.statements.first(), Some(Statement::CreateType(_)));
    match &event.outcome {
        Outcome::Error(error)
            if creates
                && certain
                && !event.handled
                && error.sqlstate == SqlState::DUPLICATE_OBJECT =>
        {
            error.object.as_ref()
        }
        _ => None,
    }
}

fn is_there(catalog: &Catalog, key: &ObjectKey) -> bool {
    catalog.types.iter().any(|(name, found)| {
        name.key(key.kind) == *key && matches!(found.definition, TypeKind::Enum { .. })
    })
}

fn drops(statement: &Statement) -> bool {
    use crate::postgres::statement::AlterTableCommand;
    match statement {
        Statement::Drop(_) => true,
        Statement::AlterTable(alter) => alter
            .commands
            .iter()
            .any(|command| matches!(command, AlterTableCommand::DropColumn { .. })),
        _ => false,
    }
}

fn type_name(event: &Event) -> Option<&Name> {
    match event.statements.first() {
        Some(Statement::CreateType(create)) => Some(&create.name),
        _ => None,
    }
}

/// The table that the call which made the type was about, where it is one with enum columns.
fn users<'a>(first: &'a [Event], failing: &Event) -> Option<&'a Name> {
    let name = type_name(failing)?;
    first
        .iter()
        .filter(|event| event.enums().iter().any(|known| known.name == *name))
        .find_map(|event| event.statements.first().and_then(Statement::table))
}

/// Where a run drops a table, or a column of it: the last such place, which is where the type could go too.
fn dropped_in(events: &[Event], table: Option<&Name>) -> Option<Site> {
    let table = table?;
    events
        .iter()
        .rev()
        .find(|event| {
            event
                .statements
                .iter()
                .any(|statement| drops(statement) && statement.table() == Some(table))
        })
        .map(|event| event.site)
}

/// One finding a place, for all types that are left there.
fn gather<'a>(
    context: &Context<'a>,
    failing: impl Iterator<Item = &'a Event>,
    place: impl Fn(&Event) -> Option<Site>,
    report: fn(&Context<'_>, Site, &[&Event]) -> Diagnostic,
) -> Vec<Diagnostic> {
    let revision = &context.replayed.revision;
    let mut causes: Vec<(Site, Vec<&Event>)> = Vec::new();
    for event in failing {
        let site = place(event)
            .or(revision.downgrade_place)
            .unwrap_or(revision.place);
        match causes.iter_mut().find(|(known, _)| *known == site) {
            Some((_, events)) => events.push(event),
            None => causes.push((site, vec![event])),
        }
    }
    causes
        .iter()
        .map(|(site, events)| report(context, *site, events))
        .collect()
}

/// `` type `a` ``, `` types `a`, `b` ``.
fn named(events: &[&Event]) -> String {
    let mut names: Vec<String> = Vec::new();
    for event in events {
        let name = format!(
            "`{}`",
            type_name(event)
                .map(ToString::to_string)
                .unwrap_or_default()
        );
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.as_slice() {
        [one] => format!("enum type {one}"),
        more => format!("enum types {}", words::list_of(more, 4)),
    }
}

fn by_downgrade(context: &Context<'_>, site: Site, events: &[&Event]) -> Diagnostic {
    let names = named(events);
    let message = format!(
        "the next `alembic upgrade` after this downgrade fails ({}): the downgrade leaves the {names}, which {} makes again",
        SqlState::DUPLICATE_OBJECT,
        words::call(events[0])
    );
    let mut diagnostic = context.diagnostic(&RULE, site, message);
    let mut drops: Vec<String> = Vec::new();
    for event in events {
        let name = type_name(event)
            .map(ToString::to_string)
            .unwrap_or_default();
        let drop = match event.origin {
            Origin::Text => format!("`op.execute('DROP TYPE IF EXISTS {name}')`"),
            Origin::Script => format!("`DROP TYPE IF EXISTS {name}`"),
            _ => format!("`sa.Enum(name=\"{name}\").drop(op.get_bind(), checkfirst=True)`"),
        };
        if !drops.contains(&drop) {
            drops.push(drop);
        }
    }
    let it = if drops.len() == 1 { "it" } else { "them" };
    diagnostic.help = Some(format!(
        "drop {it} too, behind what uses {it}: {}",
        words::list(&drops)
    ));
    let mut places = vec![site];
    for event in events {
        if !places.contains(&event.site) {
            places.push(event.site);
            diagnostic.labels.push(label(
                event.site,
                format!("the upgrade makes the {} here", named(&[event])),
            ));
        }
    }
    diagnostic
}

fn by_upgrade(context: &Context<'_>, site: Site, events: &[&Event]) -> Diagnostic {
    let names = named(events);
    let message = format!(
        "the downgrade fails here ({}): the upgrade dropped what used the {names} and left the type, and {} makes it again",
        SqlState::DUPLICATE_OBJECT,
        words::call(events[0])
    );
    let mut diagnostic = context.diagnostic(&RULE, site, message);
    diagnostic.help = Some(
        "drop the type in the upgrade too, or give the column here a `postgresql.ENUM(..., create_type=False)`"
            .to_owned(),
    );
    let user = users(&context.replayed.downgrade.events, events[0]);
    if let Some(dropped) = dropped_in(&context.replayed.first.events, user) {
        diagnostic
            .labels
            .push(label(dropped, "the upgrade drops its user here"));
    }
    diagnostic
}
