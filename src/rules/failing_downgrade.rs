//! `failing-downgrade`: a statement of the downgrade fails on the schema that the upgrade leaves.

use super::rollback;
use super::{Check, Context, Rule, claims, refusals};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::trace::{Raised, Run};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "failing-downgrade",
        summary: "a statement of the downgrade fails on the schema that the upgrade leaves",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/failing-downgrade.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    if !rollback::has_downgrade(replayed) {
        return Vec::new();
    }
    // what fails for a cause that has a rule of its own is told there: an enum type that the upgrade left, a transaction block
    let mut errors = rollback::errors(&replayed.downgrade)
        .filter(|(event, _)| !claims::is_claimed(context, Run::Downgrade, event));
    if let Some((event, error)) = errors.next() {
        return vec![refusals::refused(
            context,
            &RULE,
            Run::Downgrade,
            event,
            error,
            errors,
        )];
    }
    replayed
        .downgrade
        .raised
        .as_ref()
        .filter(|raised| !raised.explicit && is_exception(raised) && !is_told_elsewhere(raised))
        .map(|raised| refusals::raises(context, &RULE, Run::Downgrade, raised))
        .into_iter()
        .collect()
}

/// Whether it is an exception by name, and not the end of the run at a bound or at something unknown.
fn is_exception(raised: &Raised) -> bool {
    !raised.class.is_empty() && raised.class.chars().all(char::is_alphanumeric)
}

/// Exceptions that are a rule of their own.
fn is_told_elsewhere(raised: &Raised) -> bool {
    super::drop_constraint_without_name::is_it(raised)
        || super::argument_needs_newer_alembic::is_it(raised)
        // a name that nothing defines is told of the file
        || raised.class == "NameError"
        || super::bind_parameter_in_literal::is_it(raised)
}
