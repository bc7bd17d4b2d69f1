//! `multiple-heads`: several revisions are heads, and no branch label says that they are meant to be.

use super::{Check, HistoryContext, Rule, label};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::{Index, Problem};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "multiple-heads",
        summary: "several revisions are heads, and no branch label says that they are meant to be",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/multiple-heads.md"),
    },
    check: Check::History(check),
};

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let graph = context.graph;
    // a graph that Alembic does not load has no heads
    if graph.problems().iter().any(|problem| {
        matches!(
            problem,
            Problem::Cycle { .. } | Problem::MissingParent { .. }
        )
    }) {
        return Vec::new();
    }
    let joined = graph.heads_to_join();
    joined.iter().map(|heads| report(context, heads)).collect()
}

fn report(context: &HistoryContext<'_>, heads: &[Index]) -> Diagnostic {
    let place_in_order = |head: &Index| context.graph.order().iter().position(|at| at == head);
    let newest = |heads: &mut dyn Iterator<Item = Index>| heads.max_by_key(place_in_order);
    // in CI only what is in the change is shown
    let reported = newest(
        &mut heads
            .iter()
            .copied()
            .filter(|head| context.is_reported(*head)),
    );
    let here = reported
        .or_else(|| newest(&mut heads.iter().copied()))
        .unwrap_or_default();
    let others: Vec<Index> = heads.iter().copied().filter(|head| *head != here).collect();
    let ids: Vec<String> = others
        .iter()
        .take(4)
        .map(|head| format!("`{}`", context.id(*head)))
        .collect();
    let more = if others.len() > ids.len() {
        ", ..."
    } else {
        ""
    };
    let message = format!(
        "`alembic upgrade head` refuses to run (\"Multiple head revisions are present\"): `{}` is a head, and so {} {}{more}",
        context.id(here),
        if others.len() == 1 { "is" } else { "are" },
        ids.join(", ")
    );
    let mut diagnostic = context.diagnostic(&RULE, here, context.place(here), message);
    diagnostic.help = Some(
        "let this one follow the other head by its `down_revision`, or join them with `foreshot merge-heads`; a branch on purpose has `branch_labels`"
            .to_owned(),
    );
    for other in others.iter().take(8) {
        let what = "this is a head too";
        diagnostic.labels.push(label(context.place(*other), what));
    }
    if let Some(fork) = fork(context, here, &others) {
        diagnostic
            .labels
            .push(label(context.place(fork), "they part here"));
    }
    diagnostic
}

/// The last revision that a head and another have in common.
fn fork(context: &HistoryContext<'_>, here: Index, others: &[Index]) -> Option<Index> {
    let graph = context.graph;
    let own = graph.ancestors_of([here]);
    let theirs = graph.ancestors_of(others.first().copied());
    graph
        .order()
        .iter()
        .rev()
        .copied()
        .find(|index| own.contains(index) && theirs.contains(index))
}
