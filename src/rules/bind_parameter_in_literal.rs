//! `bind-parameter-in-literal`: SQLAlchemy reads `:name` in a text as a bind parameter, inside quotes too.

use super::old_rows::strip;
use super::{Check, Context, Rule, rollback, words};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::postgres::statement::{InsertSource, Statement};
use crate::postgres::{Datum, Expr, Outcome, SqlState};
use crate::trace::{Event, Raised, Trace};

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
        .filter_map(|(trace, command)| {
            stopped(context, trace, command).or_else(|| cast(context, trace, command))
        })
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

/// The first name in a text that stands between a colon and two colons, and the type behind them: `:name::text`.
fn parameter_before_cast(text: &str) -> Option<(&str, &str)> {
    let is_word = |sign: char| sign.is_alphanumeric() || sign == '_';
    let mut at = 0;
    while let Some(found) = text[at..].find("::") {
        let colons = at + found;
        at = colons + 2;
        let before = &text[..colons];
        let start = before
            .char_indices()
            .rev()
            .find(|(_, sign)| !is_word(*sign))
            .map_or(0, |(index, sign)| index + sign.len_utf8());
        let opens = before[..start].strip_suffix(':').is_some_and(|rest| {
            !rest.ends_with(|sign: char| sign == ':' || sign == '\\' || is_word(sign))
        });
        if start < colons && opens {
            let rest = &text[at..];
            let end = rest.find(|sign| !is_word(sign)).unwrap_or(rest.len());
            return Some((&before[start..], &rest[..end]));
        }
    }
    None
}

/// The parameter before a cast that the server gets as it is written.
fn parameter_sent(event: &Event) -> Option<(&str, &str)> {
    let Outcome::Error(error) = &event.outcome else {
        return None;
    };
    let is_refused = error.sqlstate == SqlState::SYNTAX_ERROR;
    parameter_before_cast(event.text().filter(|_| is_refused)?)
}

/// Whether a call fails for a reason that this rule tells.
pub(super) fn claims(event: &Event) -> bool {
    parameter_sent(event).is_some()
}

/// A run with such a parameter in a statement that the server refuses.
fn cast(context: &Context<'_>, trace: &Trace, command: &str) -> Option<Diagnostic> {
    let (event, (name, type_name)) =
        rollback::errors(trace).find_map(|(event, _)| Some((event, parameter_sent(event)?)))?;
    let message = format!(
        "`alembic {command}` stops here (42601; StatementError with an older SQLAlchemy): `:{name}` is no bind parameter, since `::` follows it"
    );
    let mut diagnostic = context.diagnostic(&RULE, event.site, message);
    diagnostic.help = Some(format!("write `CAST(:{name} AS {type_name})`"));
    Some(diagnostic)
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
        let written = event
            .text()
            .as_ref()
            .is_some_and(|text| text.contains("%%"));
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
