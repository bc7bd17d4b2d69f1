//! `drop-constraint-without-name`: `drop_constraint(None, ...)`, as autogenerate leaves it, can't be executed.

use super::rollback;
use super::{Check, Context, Rule};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::trace::{Raised, Run, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "drop-constraint-without-name",
        summary: "`drop_constraint` gets no name, and raises",
        tags: &["rollback"],
        category: "rollback",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/drop-constraint-without-name.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    [
        (Run::First, &replayed.first, "upgrade"),
        (Run::Downgrade, &replayed.downgrade, "downgrade"),
    ]
    .into_iter()
    .filter(|(run, ..)| *run == Run::First || rollback::has_downgrade(replayed))
    .filter_map(|(_, trace, command)| report(context, trace, command))
    .collect()
}

/// Whether an exception is the refusal of a DROP CONSTRAINT without a name.
pub(super) fn is_it(raised: &Raised) -> bool {
    raised.class == "CompileError" && raised.message.contains("DROP CONSTRAINT")
}

fn report(context: &Context<'_>, trace: &Trace, command: &str) -> Option<Diagnostic> {
    let raised = trace.raised.as_ref().filter(|raised| is_it(raised))?;
    let site = raised.site?;
    let message = format!(
        "`alembic {command}` stops here with CompileError: a constraint without a name can't be dropped"
    );
    let mut diagnostic = context.diagnostic(&RULE, site, message);
    diagnostic.help = Some(
        "pass the name that the constraint has in the database; give it one where it is made, or set a naming convention in `env.py` before that"
            .to_owned(),
    );
    Some(diagnostic)
}
