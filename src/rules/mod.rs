//! The rules: they judge traces, catalogs and the revision graph, never syntax.
//!
//! A rule is a file here, a page in `rules/` and a line in [`RULES`]. In: a [`Context`] (one revision with its runs), a
//! [`HistoryContext`] (the revision graph) or a [`CommandContext`] (all revisions as one command), as its [`Check`] says. Out: diagnostics at the rule's own severity; levels,
//! suppressions and selection come after.

mod advice;
mod claims;
mod enum_create_type_ignored;
mod enum_created_twice;
mod enum_left_behind;
mod enum_type_not_created;
mod enum_value_used_before_commit;
mod invalid_index_left_behind;
mod manual_commit;
mod missing_downgrade;
mod missing_guard;
mod non_idempotent_insert;
mod partial_commit;
mod second_run;
mod statement_forbidden_in_transaction;
mod swallowed_error_in_transaction;
mod words;

use std::sync::Arc;

use crate::config::{Config, Level};
use crate::diagnostic::{Diagnostic, Label, RuleInfo, Severity};
use crate::history::Graph;
use crate::replay::window::{Seen, Windows};
use crate::replay::{Replayed, Revision, Transactions};
use crate::source::Site;

/// What a rule sees.
pub struct Context<'a> {
    /// The revision and its runs.
    pub replayed: &'a Replayed,
    /// What the user set.
    pub config: &'a Config,
    /// How `env.py` and the settings hold the transactions of a command.
    pub transactions: Transactions,
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
    /// All revisions as one command, for what crosses them.
    Command(fn(&CommandContext<'_>) -> Vec<Diagnostic>),
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

/// What a rule on a whole command sees.
pub struct CommandContext<'a> {
    /// What the first runs showed of things that can matter beyond their revision, in the linear order.
    pub seen: &'a [Seen],
    /// The commands that were replayed.
    pub windows: &'a Windows,
    /// What the user set.
    pub config: &'a Config,
    /// How `env.py` and the settings hold the transactions of a command.
    pub transactions: Transactions,
}

/// All rules, sorted by id.
pub static RULES: &[Rule] = &[
    enum_create_type_ignored::RULE,
    enum_created_twice::RULE,
    enum_left_behind::RULE,
    enum_type_not_created::RULE,
    enum_value_used_before_commit::RULE,
    invalid_index_left_behind::RULE,
    manual_commit::RULE,
    missing_downgrade::RULE,
    missing_guard::RULE,
    non_idempotent_insert::RULE,
    partial_commit::RULE,
    statement_forbidden_in_transaction::RULE,
    swallowed_error_in_transaction::RULE,
];

/// Judges one revision by all rules.
pub fn check(context: &Context<'_>) -> Vec<Diagnostic> {
    RULES
        .iter()
        .flat_map(|rule| match rule.check {
            Check::Revision(check) => check(context),
            Check::History(_) | Check::Command(_) => Vec::new(),
        })
        .collect()
}

/// Judges the revision graph of a database by all rules.
pub fn check_history(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    RULES
        .iter()
        .flat_map(|rule| match rule.check {
            Check::History(check) => check(context),
            Check::Revision(_) | Check::Command(_) => Vec::new(),
        })
        .collect()
}

/// Judges the revisions of a database as one command by all rules.
pub fn check_command(context: &CommandContext<'_>) -> Vec<Diagnostic> {
    RULES
        .iter()
        .flat_map(|rule| match rule.check {
            Check::Command(check) => check(context),
            Check::Revision(_) | Check::History(_) => Vec::new(),
        })
        .collect()
}

impl Rule {
    /// Whether its findings are reported: a rule that leaves a cause to it must take it over where they are not.
    fn is_on(&self, config: &Config) -> bool {
        config
            .levels
            .get(self.info.id)
            .unwrap_or(&self.info.default_level)
            != &Level::Off
    }

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

impl CommandContext<'_> {
    /// A diagnostic of a rule about one of the revisions.
    fn diagnostic(&self, rule: &Rule, seen: &Seen, site: Site, message: String) -> Diagnostic {
        Diagnostic {
            revision: Some(seen.revision.id.to_string()),
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
