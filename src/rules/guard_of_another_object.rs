//! `guard-of-another-object`: the guard asks whether something else is there.

use super::guards::{self, Verdict};
use super::{Check, Context, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "guard-of-another-object",
        summary: "the guard of a statement asks for another table, column, index or schema than the statement makes or drops",
        tags: &["rerun"],
        category: "rerun",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/guard-of-another-object.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    guards::report(
        context,
        &RULE,
        |verdict| match verdict {
            Verdict::AnotherObject(guard, question) => Some((guard, question)),
            _ => None,
        },
        "which says nothing of",
        "this asks for another object",
    )
}
