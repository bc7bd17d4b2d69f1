//! What foreshot has to say: one model that every report reads.

use std::borrow::Borrow;

use crate::config::Level;
use crate::source::{Site, SourceMap};

/// How bad it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// Advice.
    Note,
    /// Harms later.
    Warning,
    /// Will fail or lose data.
    Error,
}

impl Severity {
    /// `error`, `warning` or `note`, as every format writes it.
    pub fn word(self) -> &'static str {
        match self {
            Self::Note => "note",
            Self::Warning => "warning",
            Self::Error => "error",
        }
    }
}

/// How the label begins that shows what the first run did to make the second one fail.
pub const FIRST_RUN: &str = "the first run";

/// A second place that explains the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// Where; may be in another file.
    pub site: Site,
    /// What is there (lower case, no full stop).
    pub message: String,
}

/// What a reader of a fix could lose by it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Applicability {
    /// Nothing: the first run does what it did.
    Safe,
    /// It may change what the migration does, or lose data: a person has to look.
    Unsafe,
}

/// Some text of a file replaced by another.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Edit {
    /// What is replaced, in bytes; empty to insert.
    pub site: Site,
    /// What stands there instead.
    pub replacement: String,
}

/// A repair of a finding: edits that belong together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Fix {
    /// What it does (lower case, no full stop): `guard it with the inspector`.
    pub message: String,
    /// What could be lost by it.
    pub applicability: Applicability,
    /// Its edits, sorted, none overlapping another.
    pub edits: Vec<Edit>,
}

/// One finding.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Diagnostic {
    /// The rule's id: `missing-guard`.
    pub rule: &'static str,
    /// Its severity, after levels.
    pub severity: Severity,
    /// The place: short, one line where possible, in the revision's own file.
    pub site: Site,
    /// First the consequence and when it bites; lower case, no full stop, backticks around identifiers.
    pub message: String,
    /// The remedy, in the same form.
    pub help: Option<String>,
    /// Related places, in the order in which they help.
    pub labels: Vec<Label>,
    /// Further facts, each a line.
    pub notes: Vec<String>,
    /// The revision that it belongs to, if any.
    pub revision: Option<String>,
    /// How it can be repaired by a program, if it can.
    pub fix: Option<Fix>,
}

impl Diagnostic {
    /// A diagnostic of the least that one needs; the rest is set on its fields.
    pub fn new(
        rule: &'static str,
        severity: Severity,
        site: Site,
        message: impl Into<String>,
    ) -> Self {
        Self {
            rule,
            severity,
            site,
            message: message.into(),
            help: None,
            labels: Vec::new(),
            notes: Vec::new(),
            revision: None,
            fix: None,
        }
    }
}

/// What a rule is, as lists and reports show it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct RuleInfo {
    /// Its id: `missing-guard`.
    pub id: &'static str,
    /// One sentence (lower case, no full stop).
    pub summary: &'static str,
    /// What it looks at: `rerun`, `rollback`, `transaction`.
    pub tags: &'static [&'static str],
    /// Its group in lists.
    pub category: &'static str,
    /// Its level unless the config says another.
    pub default_level: Level,
    /// Its page.
    pub markdown: &'static str,
}

/// Edits of one file in the order in which they are done, each once. Insertions at one place keep their order, and come before
/// what replaces the text behind them.
pub(crate) fn in_order<E: Borrow<Edit>>(mut edits: Vec<E>) -> Vec<E> {
    // only edits of the same bytes can be equal, and those stand together now
    edits.sort_by_key(|edit| {
        let span = edit.borrow().site.span;
        (span.start, span.end)
    });
    let mut unique: Vec<E> = Vec::with_capacity(edits.len());
    for edit in edits {
        let own = edit.borrow();
        let mut beside = unique
            .iter()
            .rev()
            .map(Borrow::borrow)
            .take_while(|other| other.site.span == own.site.span);
        if !beside.any(|other| other == own) {
            unique.push(edit);
        }
    }
    unique
}

/// Puts diagnostics in the order of every report: by path, place, rule and message.
pub fn sort(diagnostics: &mut [Diagnostic], sources: &SourceMap) {
    // file numbers depend on which thread came first: only the path may order what is printed
    diagnostics.sort_by_cached_key(|diagnostic| {
        let file = sources.file(diagnostic.site.file);
        (
            file.path().to_owned(),
            diagnostic.site.span,
            diagnostic.rule,
            diagnostic.message.clone(),
        )
    });
}
