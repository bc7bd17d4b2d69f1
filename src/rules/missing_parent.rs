//! `missing-parent`: a revision follows one that no file is.

use super::{Check, HistoryContext, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::Problem;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "missing-parent",
        summary: "a revision follows one that no file is",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/missing-parent.md"),
    },
    check: Check::History(check),
};

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    context
        .graph
        .problems()
        .iter()
        .filter_map(|problem| report(context, problem))
        .collect()
}

fn report(context: &HistoryContext<'_>, problem: &Problem) -> Option<Diagnostic> {
    let (child, parent, dependency, ambiguous) = match problem {
        Problem::MissingParent {
            child,
            parent,
            dependency,
        } => (*child, parent, *dependency, false),
        Problem::Ambiguous { child, parent } => (*child, parent, true, true),
        Problem::Duplicate { .. } | Problem::Cycle { .. } => return None,
    };
    let own = &context.graph.revisions()[child].identifiers;
    let mut site = context.parent_place(child);
    if dependency && let Some(span) = own.depends_on_span {
        site.span = span;
    }
    let verb = if dependency { "depends on" } else { "follows" };
    let message = if ambiguous {
        format!(
            "Alembic loads no revision at all: several begin with `{parent}`, which `{}` {verb}",
            own.revision
        )
    } else {
        format!(
            "Alembic loads no revision at all (`KeyError: '{parent}'`): no file is the revision `{parent}`, which `{}` {verb}",
            own.revision
        )
    };
    let mut diagnostic = context.diagnostic(&RULE, child, site, message);
    diagnostic.help = Some(if ambiguous {
        "write the whole id".to_owned()
    } else {
        "add the file that is missing (a merge may have lost it), or name a revision that is there"
            .to_owned()
    });
    Some(diagnostic)
}
