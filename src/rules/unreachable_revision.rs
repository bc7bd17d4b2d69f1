//! `unreachable-revision`: a revision that nothing leads to: a base of its own, without a label.

use super::{Check, HistoryContext, Rule, label};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::Index;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "unreachable-revision",
        summary: "no path leads to a revision from the base of the others, and no branch label says that this is meant",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/unreachable-revision.md"),
    },
    check: Check::History(check),
};

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let graph = context.graph;
    let components = graph.components();
    let main = components
        .iter()
        .max_by_key(|component| component.len())
        .cloned()
        .unwrap_or_default();
    let mut found = Vec::new();
    for component in components.iter().filter(|component| **component != main) {
        let own = |index: &Index| &graph.revisions()[*index].identifiers;
        let labelled = component.iter().any(|index| graph.is_labelled(*index));
        // one whose parent is missing, computed or itself is another rule's affair
        let is_base = |index: &&Index| {
            own(index).down_revisions.is_empty() && !own(index).down_revision_computed
        };
        let bases: Vec<&Index> = component.iter().filter(is_base).collect();
        let [base] = bases.as_slice() else {
            continue;
        };
        let starts = graph
            .roots()
            .iter()
            .filter(|root| component.contains(root))
            .count();
        if labelled || starts != 1 || !main.iter().any(|index| is_base(&index)) {
            continue;
        }
        found.push(report(context, **base, component, &main));
    }
    found
}

fn report(
    context: &HistoryContext<'_>,
    base: Index,
    component: &[Index],
    main: &[Index],
) -> Diagnostic {
    let many = match component.len() - 1 {
        0 => String::new(),
        1 => " with one that follows it".to_owned(),
        more => format!(" with {more} that follow it"),
    };
    let message = format!(
        "`alembic upgrade head` refuses to run, and no path leads from the other {} revisions to `{}`{many}: it follows nothing",
        main.len(),
        context.id(base)
    );
    let mut diagnostic = context.diagnostic(&RULE, base, context.parent_place(base), message);
    diagnostic.help = Some(
        "name the revision that it follows in `down_revision`; a tree of its own on purpose has `branch_labels`"
            .to_owned(),
    );
    let heads = context.graph.heads();
    if let Some(head) = heads.iter().find(|head| main.contains(head)) {
        let what = "the head of the others";
        diagnostic.labels.push(label(context.place(*head), what));
    }
    diagnostic
}
