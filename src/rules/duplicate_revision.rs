//! `duplicate-revision`: two files have one revision id.

use super::{Check, HistoryContext, Rule, label};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::Problem;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "duplicate-revision",
        summary: "two files have one revision id",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/duplicate-revision.md"),
    },
    check: Check::History(check),
};

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let problems = context.graph.problems().iter();
    problems
        .filter_map(|problem| match problem {
            Problem::Duplicate {
                revision,
                first,
                second,
            } => {
                // in CI only what is in the change is shown: of the two, the one that is judged
                let (here, there) = if context.is_reported(*second) {
                    (*second, *first)
                } else {
                    (*first, *second)
                };
                let message = format!(
                    "Alembic runs only one of two files with the id `{revision}`, and the other never: it knows one revision an id"
                );
                let mut diagnostic =
                    context.diagnostic(&RULE, here, context.place(here), message);
                diagnostic.help = Some(
                    "give the newer one an id of its own, as `alembic revision` makes them, and let what follows it name that"
                        .to_owned(),
                );
                let there = context.place(there);
                diagnostic
                    .labels
                    .push(label(there, "this file has the id too"));
                Some(diagnostic)
            }
            _ => None,
        })
        .collect()
}
