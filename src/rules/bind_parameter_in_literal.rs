//! `bind-parameter-in-literal`: SQLAlchemy reads `:name` in a text as a bind parameter, inside quotes too.

use super::old_rows::strip;
use super::{Check, Context, Rule, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::{InsertSource, Statement};
use crate::postgres::{Datum, Expr, Outcome};
use crate::trace::{Raised, Trace};

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: "bind-parameter-in-literal",
        summary: "a colon in SQL text makes a bind parameter that gets no value, or a percent sign a placeholder",
        tags: &["data"],
        category: "data",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/bind-parameter-in-literal.md"),
    },
    check: Check::Revision(check),
};

fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    let replayed = context.replayed;
    let runs = [
        (&replayed.first, "upgrade"),
        (&replayed.downgrade, "downgrade"),
    ];
    runs.into_iter()
        .filter_map(|(trace, command)| stopped(context, trace, command))
        .chain(
            runs.into_iter()
                .flat_map(|(trace, _)| doubled(context, trace)),
        )
        .collect()
}

/// What the text holds that its author did not mean.
enum Trap<'a> {
    /// A colon and a word.
    Parameter(&'a str),
    /// A percent sign in a text that goes to the driver as it is, and the class of what that raises.
    Percent(&'a str),
}

/// What drivers raise where a text with a percent sign gets no values: psycopg2, psycopg 3, pg8000.
const OF_DRIVERS: [(&str, &str); 3] = [
    ("TypeError", "dict is not a sequence"),
    (
        "ProgrammingError",
        "only '%s', '%b', '%t' are allowed as placeholders",
    ),
    (
        "InterfaceError",
        "Only %s and %% are supported in the query.",
    ),
];

fn trap(raised: &Raised) -> Option<Trap<'_>> {
    match raised.class.as_str() {
        // where other values are given, one was forgotten: no trap
        "StatementError" => {
            let (_, rest) = raised
                .message
                .split_once("A value is required for bind parameter '")?;
            rest.strip_suffix('\'').map(Trap::Parameter)
        }
        class if !raised.explicit && OF_DRIVERS.contains(&(class, raised.message.as_str())) => {
            Some(Trap::Percent(class))
        }
        _ => None,
    }
}

/// Whether an exception is this rule's.
pub(super) fn is_it(raised: &Raised) -> bool {
    trap(raised).is_some()
}

/// A run that ends at such a text.
fn stopped(context: &Context<'_>, trace: &Trace, command: &str) -> Option<Diagnostic> {
    let raised = trace.raised.as_ref()?;
    let site = raised.site?;
    let (message, help) = match trap(raised)? {
        Trap::Parameter(name) => (
            format!(
                "`alembic {command}` stops here with StatementError: SQLAlchemy takes `:{name}` in the text for a bind parameter, and it gets no value"
            ),
            if name.starts_with(|first: char| first.is_ascii_digit()) {
                // no parameter can have such a name
                format!(
                    "put a space behind the colon, or write `\\:{name}` in a raw string: quotes do not protect it"
                )
            } else {
                format!(
                    "write `\\:{name}` in a raw string where the colon is meant (quotes do not protect it), or pass a value: `sa.text(...).bindparams({name}=...)`"
                )
            },
        ),
        Trap::Percent(class) => (
            format!(
                "`alembic {command}` stops here with {class}: `exec_driver_sql` hands the text to the driver, which takes `%` for a placeholder"
            ),
            "write `%%`, or use `op.execute(...)`, where a single `%` is right".to_owned(),
        ),
    };
    let mut diagnostic = context.diagnostic(&RULE, site, message);
    diagnostic.help = Some(help);
    Some(diagnostic)
}

/// `%%` in a value that `text()` sends as it is: two percent signs are stored.
fn doubled(context: &Context<'_>, trace: &Trace) -> Vec<Diagnostic> {
    let mut found: Vec<Diagnostic> = Vec::new();
    for event in &trace.events {
        let written = event.text.as_ref().is_some_and(|text| text.contains("%%"));
        if !written
            || !matches!(event.outcome, Outcome::Ok)
            || found.iter().any(|known| known.site == event.site)
            || !event.statements.iter().any(stores_doubled)
        {
            continue;
        }
        let message = format!(
            "{} stores two percent signs: in `op.execute` and `text()` a `%` needs no second one",
            words::call(event)
        );
        let mut diagnostic = context.diagnostic(&RULE, event.site, message);
        diagnostic.severity = Severity::Warning;
        diagnostic.help = Some("write `%`".to_owned());
        found.push(diagnostic);
    }
    found
}

/// Whether a statement writes a literal with a doubled percent sign into a row.
fn stores_doubled(statement: &Statement) -> bool {
    fn is(value: &Expr) -> bool {
        matches!(strip(value), Expr::Value(Datum::Text(text)) if text.contains("%%"))
    }
    match statement {
        Statement::Insert(insert) => match &insert.source {
            InsertSource::Values(rows) => rows.iter().flatten().any(is),
            _ => false,
        },
        Statement::Update(update) => update
            .assignments
            .iter()
            .any(|assignment| is(&assignment.value)),
        _ => false,
    }
}
