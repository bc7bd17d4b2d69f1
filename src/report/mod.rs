//! Reports: one file a format, one line a format in [`FORMATS`].
//!
//! In: sorted diagnostics and what was analysed. Out: text. The same report gives the same bytes, whatever the number of
//! threads. Lines and columns begin at 1; columns count code points.

mod concise;
mod excerpt;
mod json;
mod sarif;
mod text;
pub mod trace;

use camino::Utf8Path;

use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::discover::Note;
use crate::source::{Position, Site, SourceMap};
use crate::unknown;

/// What was analysed, and what could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// Databases: graphs of revisions.
    pub databases: usize,
    /// Revisions replayed.
    pub revisions: usize,
    /// Statements executed in the first runs.
    pub statements: usize,
    /// Statements of the first runs whose outcome is not known.
    pub unknown_statements: usize,
    /// Conditions that are not known.
    pub unknown_conditions: usize,
    /// Other places that could not be analysed.
    pub gaps: usize,
    /// Diagnostics that comments suppress.
    pub suppressed: usize,
    /// Findings that are left out because they are older than the change that is judged.
    pub known: usize,
    /// Files on which foreshot itself failed: reported, and the run exits with 2.
    pub failures: usize,
}

/// Everything that a format may show.
#[derive(Clone, Copy, Debug)]
pub struct Report<'a> {
    /// In the order of [`crate::diagnostic::sort`].
    pub diagnostics: &'a [Diagnostic],
    /// The files that they are about.
    pub sources: &'a SourceMap,
    /// All rules, whether they found something or not.
    pub rules: &'a [RuleInfo],
    /// What was analysed.
    pub summary: Summary,
    /// What a reader should know about the input.
    pub notes: &'a [Note],
}

impl Report<'_> {
    /// How many diagnostics have a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }
}

/// How a person wants to read it; machine formats don't look.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Style {
    /// Colours and bold text.
    pub colour: bool,
    /// Diagnostics alone: no notes, no last line.
    pub quiet: bool,
    /// Notes on the input too.
    pub verbose: bool,
}

/// An output format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Gives the whole report.
    pub render: fn(&Report<'_>, Style) -> String,
}

/// All formats; the first is the default.
pub static FORMATS: &[Format] = &[
    Format {
        name: "text",
        summary: "for people: the source line with its labels",
        render: text::render,
    },
    Format {
        name: "concise",
        summary: "one line a finding: path:line:col: severity[rule]: message",
        render: concise::render,
    },
    Format {
        name: "json",
        summary: "foreshot's own, versioned",
        render: json::render,
    },
    Format {
        name: "sarif",
        summary: "SARIF 2.1.0, for code scanning",
        render: sarif::render,
    },
];

/// Both ends of a site: file's path, first position, the position one past the last.
struct Place {
    path: String,
    start: Position,
    end: Position,
}

fn place(sources: &SourceMap, site: Site) -> Place {
    let file = sources.file(site.file);
    let start = file.position(site.span.start);
    let end = file.position(site.span.end.max(site.span.start));
    Place {
        path: slashes(file.path()),
        start,
        end,
    }
}

fn slashes(path: &Utf8Path) -> String {
    if cfg!(windows) {
        path.as_str().replace('\\', "/")
    } else {
        path.to_string()
    }
}

/// A message without what could move a cursor or start a line of its own: names come from the files that are judged.
fn clean(text: &str) -> String {
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            other if is_harmful(other) => '\u{FFFD}',
            other => other,
        })
        .collect::<String>()
        .replace(unknown::HOLE, "{?}")
        .replace(unknown::FRESH, "{new}")
}

/// Control characters, and those that turn the direction of text around.
fn is_harmful(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// `1 revision`, `2 revisions`.
fn counted(count: usize, noun: &str) -> String {
    format!("{count} {noun}{}", if count == 1 { "" } else { "s" })
}

/// The last line for people: what was found, what was analysed, what could not be.
fn last_line(report: &Report<'_>) -> String {
    let summary = &report.summary;
    let mut found: Vec<String> = [Severity::Error, Severity::Warning, Severity::Note]
        .into_iter()
        .map(|severity| (report.count(severity), severity.word()))
        .filter(|(count, _)| *count > 0)
        .map(|(count, word)| counted(count, word))
        .collect();
    if found.is_empty() {
        found.push("no findings".to_owned());
    }
    if summary.suppressed > 0 {
        found.push(format!("{} suppressed", summary.suppressed));
    }
    if summary.known > 0 {
        found.push(format!("{} not new", summary.known));
    }
    let mut line = format!(
        "{}; analysed {} and {}",
        found.join(", "),
        counted(summary.revisions, "revision"),
        counted(summary.statements, "statement"),
    );
    if summary.databases > 1 {
        line += " of ";
        line += &counted(summary.databases, "database");
    }
    let missed: Vec<String> = [
        (summary.unknown_statements, "statement"),
        (summary.unknown_conditions, "unknown condition"),
        (summary.gaps, "other place"),
        (summary.failures, "file with an internal error"),
    ]
    .into_iter()
    .filter(|(count, _)| *count > 0)
    .map(|(count, noun)| match noun {
        "file with an internal error" if count > 1 => {
            format!("{count} files with an internal error")
        }
        noun => counted(count, noun),
    })
    .collect();
    if missed.is_empty() {
        line.push_str("; nothing was left out");
    } else {
        line += "; not analysed: ";
        line += &missed.join(", ");
    }
    line
}

#[cfg(test)]
mod tests;
