//! `empty-revision`: a revision that does nothing, without a word why.

use super::{Check, HistoryContext, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::replay::Downgrade;

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "empty-revision",
        summary: "a revision does nothing, without a word why",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Note),
        markdown: include_str!("../../rules/empty-revision.md"),
    },
    check: Check::History(check),
};

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let graph = context.graph;
    let mut found = Vec::new();
    for (index, described) in graph.revisions().iter().enumerate() {
        let own = &described.identifiers;
        // merges join, labels and dependencies mark, and a base without content is where a project starts to migrate
        let has_purpose = own.down_revisions.len() != 1
            || !own.branch_labels.is_empty()
            || own.branch_labels_computed
            || !own.depends_on.is_empty();
        let Some(revision) = context.revision(index) else {
            continue;
        };
        let empty = revision.facts.upgrade_empty
            && matches!(revision.downgrade, Downgrade::Absent | Downgrade::Empty);
        if has_purpose || !empty || revision.upgrade_explained || revision.facts.says_empty {
            continue;
        }
        let message = format!(
            "`{}` does nothing: `upgrade()` and `downgrade()` are empty, and nothing says why",
            own.revision
        );
        let mut diagnostic = context.diagnostic(&RULE, index, revision.place, message);
        diagnostic.help = Some(
            "write what it is for, or leave it out while nobody has run it (autogenerate may have found no difference)"
                .to_owned(),
        );
        found.push(diagnostic);
    }
    found
}
