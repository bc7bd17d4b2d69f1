//! What foreshot has to say: one model that every report reads.

use crate::source::Site;

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

/// A second place that explains the first.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Label {
    /// Where; may be in another file.
    pub site: Site,
    /// What is there (lower case, no full stop).
    pub message: String,
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
}
