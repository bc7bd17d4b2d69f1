//! The rules: they judge traces, catalogs and the revision graph, never syntax.
//!
//! A rule is a file here, a page in `rules/` and a line in [`RULES`]. In: a [`Context`], one revision with its runs. Out:
//! diagnostics at the rule's own severity; levels, suppressions and selection come after.

mod advice;
mod enum_value_in_transaction;
mod missing_downgrade;
mod missing_guard;
mod non_idempotent_insert;
mod second_run;
mod words;

use crate::config::{Config, Level};
use crate::diagnostic::{Diagnostic, Label, RuleInfo, Severity};
use crate::replay::Replayed;
use crate::source::Site;

/// What a rule sees.
pub struct Context<'a> {
    /// The revision and its runs.
    pub replayed: &'a Replayed,
    /// What the user set.
    pub config: &'a Config,
}

/// A rule: data and a function.
pub struct Rule {
    /// What lists and reports show of it; its default level is the severity of its findings unless one is milder.
    pub info: RuleInfo,
    /// Judges one revision.
    pub check: fn(&Context<'_>) -> Vec<Diagnostic>,
}

/// All rules, sorted by id.
pub static RULES: &[Rule] = &[
    enum_value_in_transaction::RULE,
    missing_downgrade::RULE,
    missing_guard::RULE,
    non_idempotent_insert::RULE,
];

/// Judges one revision by all rules.
pub fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    RULES
        .iter()
        .flat_map(|rule| (rule.check)(context))
        .collect()
}

impl Context<'_> {
    /// A diagnostic of a rule about this revision.
    fn diagnostic(&self, rule: &Rule, site: Site, message: String) -> Diagnostic {
        Diagnostic {
            rule: rule.info.id,
            severity: match rule.info.default_level {
                Level::At(severity) => severity,
                Level::Off => Severity::Note,
            },
            site,
            message,
            help: None,
            labels: Vec::new(),
            notes: Vec::new(),
            revision: Some(self.replayed.revision.id.to_string()),
        }
    }
}

fn label(site: Site, message: impl Into<String>) -> Label {
    Label {
        site,
        message: message.into(),
    }
}
