//! `duplicate-revision`: two files have one revision id.

use std::collections::BTreeMap;

use super::{Check, HistoryContext, Rule, label};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::{Index, Problem};
use crate::scripts;

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

/// Two SQL files with the version by which their tool knows a migration.
pub(super) fn of_scripts(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let mut first: BTreeMap<String, Index> = BTreeMap::new();
    let mut found = Vec::new();
    for (index, revision) in context.revisions.iter().enumerate() {
        let Some(script) = revision.script() else {
            continue;
        };
        // a folder's name stands before equal ids
        let id = revision.id.rsplit('/').next().unwrap_or(&revision.id);
        let Some(version) = scripts::version(script.format, id) else {
            continue;
        };
        let Some(other) = first.get(&version).copied() else {
            first.insert(version, index);
            continue;
        };
        let (here, there) = if context.is_reported(index) {
            (index, other)
        } else {
            (other, index)
        };
        let tool = script.format.facts().name;
        let message = format!(
            "{tool} knows a migration by its version, and this one's is taken: it refuses the folder, or runs one of the two and never the other"
        );
        let mut diagnostic = context.diagnostic(&RULE, here, context.place(here), message);
        diagnostic.help = Some("give the newer one a version of its own".to_owned());
        let there = context.place(there);
        diagnostic
            .labels
            .push(label(there, "this file has the version too"));
        found.push(diagnostic);
    }
    found
}
