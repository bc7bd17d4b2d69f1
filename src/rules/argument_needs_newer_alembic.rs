//! `argument-needs-newer-alembic`: `if_exists` or `if_not_exists` where Alembic refuses it or renders nothing of it.

use super::{Check, Context, Rule, advice, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::source::Site;
use crate::trace::{Event, Origin, Raised, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "argument-needs-newer-alembic",
        summary: "`if_exists` or `if_not_exists` is given to an operation of an Alembic that refuses or ignores it",
        tags: &["rerun"],
        category: "rerun",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/argument-needs-newer-alembic.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let mut found = Vec::new();
    for (trace, function) in [
        (&replayed.first, "upgrade"),
        (&replayed.downgrade, "downgrade"),
    ] {
        found.extend(refused(context, trace, function));
        let mut places: Vec<Site> = Vec::new();
        for event in &trace.events {
            if let Some(argument) = event.ignored()
                && !places.contains(&event.site)
            {
                places.push(event.site);
                found.push(ignored(context, event, argument));
            }
        }
    }
    found
}

/// Whether an exception is the refusal of an argument that would guard a call.
pub(super) fn is_it(raised: &Raised) -> bool {
    let is_guard = raised.message.contains("'if_exists'")
        || raised.message.contains("'if_not_exists'")
        || raised.message.ends_with("for if_exists");
    is_guard && matches!(raised.class.as_str(), "TypeError" | "NotImplementedError")
}

/// The run ends where Alembic has no such parameter.
fn refused(context: &Context<'_>, trace: &Trace, function: &str) -> Option<Diagnostic> {
    let raised = trace.raised.as_ref().filter(|raised| is_it(raised))?;
    let message = format!(
        "`{function}()` stops here with Alembic {} (`{}: {}`)",
        context.config.alembic_version, raised.class, raised.message
    );
    let mut diagnostic = context.diagnostic(&RULE, raised.site?, message);
    diagnostic.help = Some(remedy(&raised.message));
    Some(diagnostic)
}

fn ignored(context: &Context<'_>, event: &Event, argument: &str) -> Diagnostic {
    let message = format!(
        "{} runs without a guard: Alembic {} takes `{argument}` here and ignores it",
        words::call(event),
        context.config.alembic_version
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    let name = match &event.origin {
        Origin::Operation { name, .. } => name,
        _ => "",
    };
    diagnostic.help = Some(remedy(name));
    diagnostic
}

/// Since when an operation has the argument.
fn remedy(text: &str) -> String {
    let operations = [
        "create_table",
        "drop_table",
        "add_column",
        "drop_column",
        "create_index",
        "drop_index",
        "drop_constraint",
    ];
    let since = operations
        .iter()
        .find(|operation| text.contains(*operation))
        .and_then(|operation| advice::native(operation, text.contains("BatchOperations")));
    match since {
        Some((argument, version)) => format!(
            "`{argument}` came with Alembic {version}: require that version, or ask the inspector instead"
        ),
        None => "no Alembic has this argument here: ask the inspector instead".to_owned(),
    }
}
