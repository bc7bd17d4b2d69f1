//! `stale-parent`: what a new revision follows, or the number that it has, is taken on the base branch by now.

use super::{Base, Check, HistoryContext, Rule, Side};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::Index;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "stale-parent",
        summary: "a new revision follows one that the base branch has gone on from, or has a number that is taken there",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/stale-parent.md"),
    },
    check: Check::History(check),
};

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let Some(base) = &context.base else {
        return Vec::new();
    };
    let graph = context.graph;
    let mut found = Vec::new();
    for index in graph.order() {
        let id = context.id(*index);
        // files that one tool runs by their names have no parents to go stale
        if base.fork.graph.find(id).is_some() || !context.is_alembic(*index) {
            continue;
        }
        // one that another branch has brought under the same id is that same revision, or one in its place
        if let Some(theirs) = base.tip.graph.find(id) {
            found.extend(id_taken(context, base, *index, theirs));
            continue;
        }
        let finding =
            parent_taken(context, base, *index).or_else(|| number_taken(context, base, *index));
        found.extend(finding);
    }
    found
}

/// Revisions that the base branch has and this change does not know.
fn is_news(context: &HistoryContext<'_>, base: &Base<'_>, theirs: Index) -> bool {
    let id = &base.tip.graph.revisions()[theirs].identifiers.revision;
    context.graph.find(id).is_none() && base.fork.graph.find(id).is_none()
}

fn id_of<'a>(side: &Side<'a>, index: Index) -> &'a str {
    &side.graph.revisions()[index].identifiers.revision
}

fn path(base: &Base<'_>, side: &Side<'_>, index: Index) -> String {
    let file = side.graph.revisions()[index].file;
    base.sources.file(file).path().to_string()
}

fn file_name(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

/// What it follows is followed by another revision on the base branch.
fn parent_taken(context: &HistoryContext<'_>, base: &Base<'_>, index: Index) -> Option<Diagnostic> {
    let own = &context.graph.revisions()[index].identifiers;
    let tip = &base.tip;
    // a merge closes heads, and a branch on purpose opens one
    if own.down_revisions.len() != 1 || context.graph.is_labelled(index) {
        return None;
    }
    let parent = own.down_revisions.first()?;
    let there = tip.graph.find(parent)?;
    let sibling = tip
        .graph
        .children(there)
        .iter()
        .copied()
        .find(|child| is_news(context, base, *child) && !tip.graph.is_labelled(*child))?;
    let message = format!(
        "once this is merged, `alembic upgrade head` refuses to run (\"Multiple head revisions are present\"): `{}` follows `{parent}`, and so does `{}` on `{}`",
        own.revision,
        id_of(tip, sibling),
        base.name
    );
    let mut diagnostic = context.diagnostic(&RULE, index, context.parent_place(index), message);
    let heads = tip.graph.effective_heads();
    let after: Vec<Index> = heads
        .into_iter()
        .filter(|head| tip.graph.ancestors_of([*head]).contains(&sibling))
        .collect();
    diagnostic.help = Some(match after.as_slice() {
        [head] => format!(
            "let it follow `{}`, the head of `{}`",
            id_of(tip, *head),
            base.name
        ),
        _ => format!("let it follow the head of `{}`", base.name),
    });
    diagnostic.notes.push(format!(
        "`{}` is in {}",
        id_of(tip, sibling),
        path(base, tip, sibling)
    ));
    Some(diagnostic)
}

/// Another revision has the same id there.
fn id_taken(
    context: &HistoryContext<'_>,
    base: &Base<'_>,
    index: Index,
    theirs: Index,
) -> Option<Diagnostic> {
    let substance = |side: &[std::sync::Arc<crate::replay::Revision>], id: &str| {
        let mut revisions = side.iter();
        revisions
            .find(|revision| revision.id == id)
            .map(|revision| revision.facts.substance)
    };
    let id = context.id(index);
    if substance(context.revisions, id) == substance(base.tip.revisions, id) {
        return None;
    }
    let message = format!(
        "once this is merged, Alembic runs only one of two revisions `{id}`: another has the id on `{}`",
        base.name
    );
    let mut diagnostic = context.diagnostic(&RULE, index, context.place(index), message);
    diagnostic.help = Some("give it another id, and let it follow the other one".to_owned());
    diagnostic
        .notes
        .push(format!("the other is in {}", path(base, &base.tip, theirs)));
    Some(diagnostic)
}

/// The number at the start of a file's name, where the project numbers its files.
fn number(name: &str) -> Option<&str> {
    let end = name.find(|character: char| !character.is_ascii_digit())?;
    let follows = name[end..].starts_with(['_', '-', '.']);
    (end > 1 && follows).then(|| &name[..end])
}

/// Another new revision has the same number at the start of its file's name.
fn number_taken(context: &HistoryContext<'_>, base: &Base<'_>, index: Index) -> Option<Diagnostic> {
    let file = context.graph.revisions()[index].file;
    let own_path = base.sources.file(file).path().to_string();
    let own = number(file_name(&own_path))?;
    // where old files share their numbers (years, say), a number is no name
    let mut seen = std::collections::BTreeSet::new();
    for old in 0..base.fork.graph.revisions().len() {
        let path = path(base, &base.fork, old);
        let number = number(file_name(&path)).map(str::to_owned);
        if number.is_some_and(|number| !seen.insert(number)) {
            return None;
        }
    }
    if seen.len() < 2 {
        return None;
    }
    let folder = |path: &str| path.rsplit_once('/').map(|(folder, _)| folder.to_owned());
    let theirs = (0..base.tip.graph.revisions().len()).find(|theirs| {
        let other = path(base, &base.tip, *theirs);
        is_news(context, base, *theirs)
            && number(file_name(&other)) == Some(own)
            && folder(&other) == folder(&own_path)
    })?;
    let message = format!(
        "once this is merged, two files have the number {own}: `{}` has it on `{}`",
        file_name(&path(base, &base.tip, theirs)),
        base.name
    );
    let mut diagnostic = context.diagnostic(&RULE, index, context.place(index), message);
    diagnostic.severity = Severity::Warning;
    diagnostic.help =
        Some("give the file the next number, and let it follow the other one".to_owned());
    Some(diagnostic)
}
