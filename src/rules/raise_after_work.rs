//! `raise-after-work`: the downgrade does its work and then raises, so that all of it is rolled back.

use super::rollback;
use super::{Check, Context, Rule, label, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::{Outcome, Statement, TransactionMode};
use crate::trace::Event;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "raise-after-work",
        summary: "the downgrade does its work and then raises, so that all of it is rolled back",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/raise-after-work.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    if !rollback::has_downgrade(replayed) || rollback::errors(&replayed.downgrade).next().is_some()
    {
        return Vec::new();
    }
    let Some(raised) = replayed
        .downgrade
        .raised
        .as_ref()
        .filter(|raised| raised.explicit)
    else {
        return Vec::new();
    };
    let work: Vec<&Event> = replayed
        .downgrade
        .events
        .iter()
        .filter(|event| rollback::is_certain(event) && is_work(event))
        .collect();
    let Some(first) = work.first() else {
        return Vec::new();
    };
    let site = raised.site.unwrap_or_else(|| rollback::place(replayed));
    let committed = work
        .iter()
        .any(|event| event.mode == TransactionMode::Autocommit);
    let message = if committed {
        format!(
            "`alembic downgrade` stops here with {}: what `downgrade()` did in the transaction is rolled back, what it did in autocommit stays, and the version too",
            raised.class
        )
    } else {
        format!(
            "`alembic downgrade` stops here with {}, and all that `downgrade()` did before is rolled back",
            raised.class
        )
    };
    let mut diagnostic = context.diagnostic(&RULE, site, message);
    diagnostic.help = Some(
        "raise before any work, where the downgrade is not wanted, or take the `raise` out"
            .to_owned(),
    );
    diagnostic.labels.push(label(
        first.site,
        format!("its work begins here, with {}", words::call(first)),
    ));
    vec![diagnostic]
}

/// Whether a call changes something.
fn is_work(event: &Event) -> bool {
    matches!(event.outcome, Outcome::Ok)
        && event.statements.iter().any(|statement| {
            !matches!(
                statement,
                Statement::Query(_)
                    | Statement::Set { .. }
                    | Statement::Show { .. }
                    | Statement::Lock { .. }
                    | Statement::Transaction(_)
            )
        })
}
