//! `edited-released-revision`: a revision of the base branch was changed, re-pointed or deleted.

use std::sync::Arc;

use super::{Base, Check, HistoryContext, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::history::Index;
use crate::replay::Revision;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "edited-released-revision",
        summary: "a revision that is already on the base branch was changed, re-pointed or deleted",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/edited-released-revision.md"),
    },
    check: Check::History(check),
};

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let Some(base) = &context.base else {
        return Vec::new();
    };
    let mut found = Vec::new();
    let mut deleted: Vec<&Arc<Revision>> = Vec::new();
    for old in base.fork.revisions {
        if old.facts.substance == 0 {
            continue;
        }
        let Some(index) = context.graph.find(&old.id) else {
            // what the base branch has deleted itself is its own affair
            if base.tip.graph.find(&old.id).is_some() {
                deleted.push(old);
            }
            continue;
        };
        let Some(new) = context.revision(index) else {
            continue;
        };
        if new.facts.substance != old.facts.substance && !is_theirs(base, new) {
            found.push(edited(context, base, index, old, new));
        }
    }
    found.extend(lost(context, base, &deleted));
    found
}

/// Whether the base branch has made the same change.
fn is_theirs(base: &Base<'_>, new: &Revision) -> bool {
    base.tip
        .revisions
        .iter()
        .any(|theirs| theirs.id == new.id && theirs.facts.substance == new.facts.substance)
}

fn edited(
    context: &HistoryContext<'_>,
    base: &Base<'_>,
    index: Index,
    old: &Revision,
    new: &Revision,
) -> Diagnostic {
    if old.down_revisions != new.down_revisions {
        let name = |revision: &Revision| {
            let ids: Vec<String> = revision
                .down_revisions
                .iter()
                .map(|id| format!("`{id}`"))
                .collect();
            if ids.is_empty() {
                "nothing".to_owned()
            } else {
                ids.join(", ")
            }
        };
        let message = format!(
            "databases that have run `{}` never run what now comes before it: it is on `{}` already, where it follows {}, and here it follows {}",
            new.id,
            base.name,
            name(old),
            name(new)
        );
        let mut diagnostic = context.diagnostic(&RULE, index, context.parent_place(index), message);
        diagnostic.help =
            Some("leave it where it was, and let the new revision follow the head".to_owned());
        return diagnostic;
    }
    let message = format!(
        "databases that have run `{}` never see this change: it is on `{}` already",
        new.id, base.name
    );
    let mut diagnostic = context.diagnostic(&RULE, index, new.place, message);
    diagnostic.severity = Severity::Warning;
    diagnostic.help = Some(
        "undo it, and make the change in a new revision, with a guard for databases that are new"
            .to_owned(),
    );
    diagnostic
}

/// Revisions that are no more: one finding, at what stands in their place.
fn lost(
    context: &HistoryContext<'_>,
    base: &Base<'_>,
    deleted: &[&Arc<Revision>],
) -> Option<Diagnostic> {
    let first = deleted.first()?;
    let path = |file| base.sources.file(file).path().to_owned();
    // the file with another id, what follows its parent now, or the newest revision that there is
    let renamed = deleted.iter().find_map(|old| {
        let place = |index: &usize| path(context.graph.revisions()[*index].file) == path(old.file);
        let index = (0..context.graph.revisions().len()).find(place)?;
        Some((*old, index))
    });
    let (old, index, site) = match renamed {
        Some((old, index)) => (old, index, context.place(index)),
        None => {
            let follows = |index: &&Index| {
                let own = &context.graph.revisions()[**index].identifiers;
                deleted.iter().any(|old| {
                    own.down_revisions.iter().any(|parent| {
                        *parent == *old.id || old.down_revisions.iter().any(|id| id == parent)
                    })
                })
            };
            let order = context.graph.order();
            let index = *order.iter().find(follows).or(order.last())?;
            (*first, index, context.parent_place(index))
        }
    };
    let more = match deleted.len() {
        1 => String::new(),
        many => format!(" and {} more", many - 1),
    };
    let message = format!(
        "databases that stand at `{}`{more} can't be migrated any more (\"Can't locate revision identified by '{}'\"): it is on `{}`, and not here",
        old.id, old.id, base.name
    );
    let mut diagnostic = context.diagnostic(&RULE, index, site, message);
    diagnostic.help = Some(if renamed.is_some() {
        "keep the id".to_owned()
    } else {
        "bring the file back; undo what it did in a new revision".to_owned()
    });
    diagnostic
        .notes
        .push(format!("`{}` was in {}", old.id, path(old.file)));
    Some(diagnostic)
}
