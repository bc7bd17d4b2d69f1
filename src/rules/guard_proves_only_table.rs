//! `guard-proves-only-table`: the guard of a column, index or constraint asks for its table.

use super::guards::{self, Verdict};
use super::{Check, Context, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "guard-proves-only-table",
        summary: "the guard of a column, index or constraint asks for the table that it belongs to",
        tags: &["rerun"],
        category: "rerun",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/guard-proves-only-table.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    guards::report(
        context,
        &RULE,
        |verdict| match verdict {
            Verdict::OnlyTable(guard, question) => Some((guard, question)),
            _ => None,
        },
        "which proves the table, not",
        "this asks for the table only",
    )
}
