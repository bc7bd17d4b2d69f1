//! `self-merge`: a merge joins a revision with itself or with its own ancestor.

use super::{Check, HistoryContext, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::Index;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "self-merge",
        summary: "a merge joins a revision with itself or with its own ancestor",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Warning),
        markdown: include_str!("../../rules/self-merge.md"),
    },
    check: Check::History(check),
};

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let graph = context.graph;
    let mut found = Vec::new();
    for (index, revision) in graph.revisions().iter().enumerate() {
        let names = &revision.identifiers.down_revisions;
        let twice = names
            .iter()
            .enumerate()
            .find(|(at, name)| names[..*at].contains(name));
        if let Some((_, name)) = twice {
            let message = format!(
                "the merge joins `{name}` with itself: another head was meant, and is still one"
            );
            found.push(report(context, index, message));
            continue;
        }
        let parents = graph.parents(index);
        if parents.len() < 2 || parents.contains(&index) {
            continue;
        }
        let above = |parent: &Index| graph.ancestors_of(graph.parents(*parent).iter().copied());
        let pair = parents.iter().find_map(|later| {
            let ancestors = above(later);
            let earlier = parents.iter().find(|other| ancestors.contains(other))?;
            Some((*earlier, *later))
        });
        if let Some((earlier, later)) = pair {
            let message = format!(
                "`alembic downgrade -1` fails here (\"Ambiguous walk\"): the merge joins `{}` with its own ancestor `{}`",
                context.id(later),
                context.id(earlier)
            );
            found.push(report(context, index, message));
        }
    }
    found
}

fn report(context: &HistoryContext<'_>, index: Index, message: String) -> Diagnostic {
    let mut diagnostic = context.diagnostic(&RULE, index, context.parent_place(index), message);
    diagnostic.help =
        Some("name each head once, and nothing that another of them already stands on".to_owned());
    diagnostic
}
