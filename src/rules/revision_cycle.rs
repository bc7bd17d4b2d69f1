//! `revision-cycle`: revisions are their own ancestors.

use super::{Check, HistoryContext, Rule, label};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::Problem;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "revision-cycle",
        summary: "revisions follow each other in a circle",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/revision-cycle.md"),
    },
    check: Check::History(check),
};

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for problem in context.graph.problems() {
        let Problem::Cycle { members } = problem else {
            continue;
        };
        let reported = members.iter().find(|member| context.is_reported(**member));
        let Some(here) = reported.or(members.first()).copied() else {
            continue;
        };
        let ids: Vec<String> = members
            .iter()
            .take(5)
            .map(|member| format!("`{}`", context.id(*member)))
            .collect();
        let message = if members.len() == 1 {
            format!(
                "Alembic loads no revision at all (\"Self-loop is detected\"): {} follows itself",
                ids[0]
            )
        } else {
            let more = if members.len() > ids.len() {
                ", ..."
            } else {
                ""
            };
            format!(
                "Alembic loads no revision at all (\"Cycle is detected\"): {}{more} follow each other in a circle",
                ids.join(", ")
            )
        };
        let mut diagnostic = context.diagnostic(&RULE, here, context.parent_place(here), message);
        diagnostic.help = Some(
            "let one of them follow what came before the circle, mostly the one that was edited last".to_owned(),
        );
        for other in members.iter().filter(|member| **member != here).take(8) {
            let what = format!("`{}` is part of it", context.id(*other));
            diagnostic
                .labels
                .push(label(context.parent_place(*other), what));
        }
        found.push(diagnostic);
    }
    found
}
