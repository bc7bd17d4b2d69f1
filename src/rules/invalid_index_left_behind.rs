//! `invalid-index-left-behind`: an index built CONCURRENTLY that a retry takes for built though its build failed.

use super::{Check, Context, Rule, issued_elsewhere, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::name::Quoted;
use crate::postgres::statement::CreateIndex;
use crate::postgres::{ObjectKind, Outcome, Statement};
use crate::replay::Replayed;
use crate::trace::{Event, Origin};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "invalid-index-left-behind",
        summary: "a failed `CREATE INDEX CONCURRENTLY` leaves an invalid index, which the retry takes for built",
        tags: &["transaction"],
        category: "transaction",
        default_level: Level::At(Severity::Warning),
        markdown: include_str!("../../rules/invalid-index-left-behind.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    if asks_for_validity(replayed) {
        return Vec::new();
    }
    let mut found: Vec<(Diagnostic, usize)> = Vec::new();
    for event in &replayed.first.events {
        let Some((index, name)) = built(event) else {
            continue;
        };
        if !is_skipped(replayed, name) {
            continue;
        }
        match found
            .iter_mut()
            .find(|(diagnostic, _)| diagnostic.site == event.site)
        {
            Some((_, count)) => *count += 1,
            None => found.push((report(context, event, index, name), 0)),
        }
    }
    found
        .into_iter()
        .map(|(mut diagnostic, others)| {
            if others > 0 {
                diagnostic
                    .notes
                    .push(format!("{} indexes are built at this place", others + 1));
            }
            diagnostic
        })
        .collect()
}

/// The index with a name that a call builds concurrently.
fn built(event: &Event) -> Option<(&CreateIndex, &str)> {
    if !matches!(event.outcome, Outcome::Ok) {
        return None;
    }
    event
        .statements
        .iter()
        .find_map(|statement| match statement {
            Statement::CreateIndex(index) if index.concurrently => {
                Some((&**index, index.name.as_deref()?))
            }
            _ => None,
        })
}

/// Whether a second run leaves an index of that name as it is: it neither builds, drops nor rebuilds it, nor fails on it.
fn is_skipped(replayed: &Replayed, name: &str) -> bool {
    !replayed.rerun.events.iter().any(|event| {
        let touches = event.changes.iter().any(|key| {
            key.kind == ObjectKind::Index && words::last_part(key) == name
        });
        let fails_on = matches!(event.outcome, Outcome::Error(_) | Outcome::Unknown(_))
            && event.statements.iter().any(
                |statement| matches!(statement, Statement::CreateIndex(index) if index.name.as_deref() == Some(name)),
            );
        let rebuilds = event
            .statements
            .iter()
            .any(|statement| matches!(statement, Statement::Reindex { .. }));
        touches || fails_on || rebuilds
    })
}

/// Whether the migration looks at `pg_index.indisvalid`, to drop what a failed build left.
fn asks_for_validity(replayed: &Replayed) -> bool {
    let asks = |event: &Event| {
        event
            .text()
            .as_ref()
            .is_some_and(|text| text.contains("indisvalid"))
    };
    replayed
        .first
        .events
        .iter()
        .chain(&replayed.rerun.events)
        .any(asks)
}

fn report(context: &Context<'_>, event: &Event, index: &CreateIndex, name: &str) -> Diagnostic {
    let skips = if index.if_not_exists {
        "`IF NOT EXISTS` asks for the name only"
    } else {
        "the guard asks for the name only"
    };
    let unique = if index.unique {
        " (on duplicate rows, say)"
    } else {
        ""
    };
    let message = format!(
        "if this build fails{unique} or is cancelled, it leaves the invalid index `{name}` behind, and the retry skips it as built: {skips}, so queries never use the index though every write pays for it"
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    let drop = format!("DROP INDEX CONCURRENTLY IF EXISTS {}", Quoted(name));
    diagnostic.help = Some(match event.origin {
        Origin::Text => format!("run `{drop}` before it, in an `op.execute` of its own"),
        Origin::Script => format!("run `{drop}` before it"),
        _ => format!("run `op.execute('{drop}')` before it, inside the same block"),
    });
    diagnostic.labels.extend(issued_elsewhere(event));
    diagnostic
}
