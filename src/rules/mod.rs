//! The rules: they judge traces, catalogs and the revision graph, never syntax.
//!
//! A rule is a file here, a page in `rules/` and a line in [`RULES`]. In: a [`Context`] (one revision with its runs) or a
//! [`HistoryContext`] (the revision graph), as its [`Check`] says. Out: diagnostics at the rule's own severity; levels,
//! suppressions and selection come after.

mod advice;
mod enum_value_in_transaction;
mod missing_downgrade;
pub(crate) mod missing_guard;
mod non_idempotent_insert;
pub(crate) mod second_run;
pub(crate) mod words;

use std::sync::Arc;

use crate::config::{Config, Level, PackageVersion};
use crate::diagnostic::{Diagnostic, Label, RuleInfo, Severity};
use crate::history::Graph;
use crate::replay::{Replayed, Revision};
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
    /// How it judges.
    pub check: Check,
}

/// What a rule looks at, and how it judges that.
#[derive(Clone, Copy)]
pub enum Check {
    /// One revision with its four runs.
    Revision(fn(&Context<'_>) -> Vec<Diagnostic>),
    /// The revision graph of a database: static, so it holds where the code can't be interpreted.
    History(fn(&HistoryContext<'_>) -> Vec<Diagnostic>),
}

/// What a rule on the revision graph sees.
pub struct HistoryContext<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// The revisions, in the linear order of the graph ([`Graph::order`]).
    pub revisions: &'a [Arc<Revision>],
    /// What the user set.
    pub config: &'a Config,
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
        .flat_map(|rule| match rule.check {
            Check::Revision(check) => check(context),
            Check::History(_) => Vec::new(),
        })
        .collect()
}

/// Judges the revision graph of a database by all rules.
pub fn check_history(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    RULES
        .iter()
        .flat_map(|rule| match rule.check {
            Check::History(check) => check(context),
            Check::Revision(_) => Vec::new(),
        })
        .collect()
}

impl Rule {
    /// The severity of its findings unless one is milder.
    fn severity(&self) -> Severity {
        match self.info.default_level {
            Level::At(severity) => severity,
            Level::Off => Severity::Note,
        }
    }
}

impl Context<'_> {
    /// A diagnostic of a rule about this revision.
    fn diagnostic(&self, rule: &Rule, site: Site, message: String) -> Diagnostic {
        Diagnostic {
            revision: Some(self.replayed.revision.id.to_string()),
            ..Diagnostic::new(rule.info.id, rule.severity(), site, message)
        }
    }
}

/// Since which Alembic an operation has an argument that guards it, and its name.
pub(crate) fn native_guard(operation: &str, batch: bool) -> Option<(&'static str, PackageVersion)> {
    advice::native(operation, batch)
}

fn label(site: Site, message: impl Into<String>) -> Label {
    Label {
        site,
        message: message.into(),
    }
}
