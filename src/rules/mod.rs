//! The rules: they judge traces, catalogs and the revision graph, never syntax.
//!
//! A rule is a file here, a page in `rules/` and a line in [`RULES`]. In: a [`Context`] (one revision with its runs) or a
//! [`HistoryContext`] (the revision graph), as its [`Check`] says. Out: diagnostics at the rule's own severity; levels,
//! suppressions and selection come after.

mod advice;
mod enum_value_in_transaction;
mod missing_downgrade;
mod missing_guard;
mod non_idempotent_insert;
mod second_run;
mod words;

use std::sync::Arc;

use crate::config::{Config, Level};
use crate::diagnostic::{Diagnostic, Label, RuleInfo, Severity};
use crate::history::Graph;
use crate::replay::{Replayed, Revision};
use crate::source::{Site, SourceMap};

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
    /// The database before the change that is judged, where `--since` names one and it was there.
    pub base: Option<Base<'a>>,
}

/// A database before the change that is judged: for rules that compare. Its files are in `sources`, marked as past
/// ([`SourceMap::is_past`]).
#[derive(Clone, Copy)]
pub struct Base<'a> {
    /// How the user calls the branch that the change goes to: `origin/main`.
    pub name: &'a str,
    /// Where the change began (the merge base): a revision here is released for it, and one that is not is new.
    pub fork: Side<'a>,
    /// What the branch is now: `fork`, or what others have brought since.
    pub tip: Side<'a>,
    /// The texts and paths of all files, today's too.
    pub sources: &'a SourceMap,
}

/// The revisions of a database at one commit.
#[derive(Clone, Copy)]
pub struct Side<'a> {
    /// The graph.
    pub graph: &'a Graph,
    /// The revisions, in its linear order.
    pub revisions: &'a [Arc<Revision>],
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

fn label(site: Site, message: impl Into<String>) -> Label {
    Label {
        site,
        message: message.into(),
    }
}
