//! `guard-of-another-object`: the guard asks whether something else is there.

use super::guards::{self, Verdict};
use super::{Check, Context, Rule, label, missing_guard, second_run};
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
    let mut found = Vec::new();
    let made = second_run::made_by_first_run(context.replayed);
    for cause in missing_guard::schema_causes(context) {
        let fault = cause.faults[0];
        let Verdict::AnotherObject(guard, question) = guards::verdict(&fault) else {
            continue;
        };
        let message = format!(
            "{}: its guard asks {}, which says nothing of {}",
            missing_guard::message(&fault),
            guards::asked(question, guard),
            guards::object(&fault, question, guard)
        );
        let mut diagnostic = missing_guard::report(context, &RULE, &cause, &made, message);
        let here = label(guard.site, "this asks for another object");
        diagnostic.labels.insert(0, here);
        found.push(diagnostic);
    }
    found
}
