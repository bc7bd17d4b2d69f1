//! Reports: one file a format, one line a format in [`FORMATS`].
//!
//! In: sorted diagnostics and what was analysed. Out: text, written as it is made. The same report gives the same bytes, whatever the number of
//! threads. Lines and columns begin at 1; columns count code points.

mod code_quality;
mod concise;
mod excerpt;
mod github;
mod harmless;
mod json;
mod junit;
mod markdown;
mod rdjson;
mod sarif;
mod secret;
mod text;
pub mod trace;

use std::collections::BTreeMap;
use std::io::{self, Write};

use camino::Utf8Path;

use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::discover::Note;
use crate::source::{Position, Site, SourceMap, Span};
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
    /// Findings that the baseline accepts.
    pub baselined: usize,
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
    /// What distinguishes this run from others over the same commit (`services/billing`), where several are merged.
    pub category: Option<&'a str>,
    /// What the change that is judged is compared with, where it is with something.
    pub since: Option<&'a str>,
}

impl Report<'_> {
    /// How many diagnostics have a severity.
    pub fn count(&self, severity: Severity) -> usize {
        self.diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity == severity)
            .count()
    }

    /// The diagnostics, the most severe first.
    fn by_severity(&self) -> Vec<&Diagnostic> {
        let mut sorted: Vec<&Diagnostic> = self.diagnostics.iter().collect();
        sorted.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity));
        sorted
    }

    /// How many findings each rule has, the most first.
    fn by_rule(&self) -> Vec<(&'static str, usize)> {
        let mut counts: BTreeMap<&'static str, usize> = BTreeMap::new();
        for diagnostic in self.diagnostics {
            *counts.entry(diagnostic.rule).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(rule, count)| (std::cmp::Reverse(*count), *rule));
        counts
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
    /// How many findings each rule has.
    pub statistics: bool,
}

/// An output format.
#[derive(Clone, Copy, Debug)]
pub struct Format {
    /// Its name on the command line.
    pub name: &'static str,
    /// What it is for.
    pub summary: &'static str,
    /// Writes the whole report, piece by piece: it may be longer than there is room for.
    pub write: fn(&Report<'_>, Style, &mut dyn Write) -> io::Result<()>,
    /// Gives what programs can read where there is no report, and why there is none; nothing for people, who read the
    /// sentence elsewhere.
    pub failed: fn(&str) -> String,
}

/// All formats; the first is the default.
pub static FORMATS: &[Format] = &[
    Format {
        name: "text",
        summary: "for people: the source line with its labels",
        write: text::write,
        failed: nothing,
    },
    Format {
        name: "concise",
        summary: "one line a finding: path:line:col: severity[rule]: message",
        write: concise::write,
        failed: nothing,
    },
    Format {
        name: "github",
        summary: "workflow commands: annotations of GitHub Actions",
        write: github::write,
        failed: github::failed,
    },
    Format {
        name: "gitlab",
        summary: "code quality report of GitLab (Code Climate)",
        write: code_quality::write,
        failed: code_quality::failed,
    },
    Format {
        name: "json",
        summary: "foreshot's own, versioned",
        write: json::write,
        failed: json::failed,
    },
    Format {
        name: "json-lines",
        summary: "the findings of json, one a line",
        write: json::write_lines,
        failed: json::failed_lines,
    },
    Format {
        name: "junit",
        summary: "JUnit's XML",
        write: junit::write,
        failed: junit::failed,
    },
    Format {
        name: "markdown",
        summary: "a table for a job summary or a comment on a pull request",
        write: markdown::write,
        failed: markdown::failed,
    },
    Format {
        name: "rdjson",
        summary: "reviewdog, with suggestions",
        write: rdjson::write,
        failed: rdjson::failed,
    },
    Format {
        name: "sarif",
        summary: "SARIF 2.1.0, for code scanning",
        write: sarif::write,
        failed: sarif::failed,
    },
];

fn nothing(_why: &str) -> String {
    String::new()
}

/// The format of a name.
pub fn format(name: &str) -> Option<&'static Format> {
    FORMATS.iter().find(|format| format.name == name)
}

/// All that is to be said on a finding, on one line each: message, notes, remedy.
fn sentences(diagnostic: &Diagnostic) -> Vec<String> {
    let mut lines = vec![clean(&diagnostic.message)];
    lines.extend(
        diagnostic
            .notes
            .iter()
            .map(|note| format!("note: {}", clean(note))),
    );
    lines.extend(
        diagnostic
            .help
            .iter()
            .map(|help| format!("help: {}", clean(help))),
    );
    lines
}

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

/// What of a site stands on its first line: a review shows an alert only where all its lines are part of the change.
fn first_line(sources: &SourceMap, site: Site) -> Site {
    let file = sources.file(site.file);
    let end = file
        .line_span(file.line(site.span.start))
        .map_or(site.span.end, |line| line.end.min(site.span.end));
    Site {
        span: Span::new(site.span.start, end.max(site.span.start)),
        ..site
    }
}

fn slashes(path: &Utf8Path) -> String {
    if cfg!(windows) {
        path.as_str().replace('\\', "/")
    } else {
        path.to_string()
    }
}

/// Whether a text has a URL with a password in it.
pub(crate) fn holds_password(text: &str) -> bool {
    matches!(secret::covered(text), std::borrow::Cow::Owned(_))
}

/// A message without what could move a cursor or start a line of its own: names come from the files that are judged.
pub(crate) fn clean(text: &str) -> String {
    let text = secret::covered(text);
    let is_plain = |byte: u8| byte == b' ' || byte.is_ascii_graphic();
    if text.bytes().all(is_plain) && !text.contains("##[") {
        return text.into_owned();
    }
    text.chars()
        .map(|character| match character {
            '\n' | '\r' | '\t' | '\u{2028}' | '\u{2029}' => ' ',
            other if is_harmful(other) => '\u{FFFD}',
            other => other,
        })
        .collect::<String>()
        .replace(unknown::HOLE, "{?}")
        .replace(unknown::FRESH, "{new}")
        // a command to the runner of GitHub Actions, wherever in a line it stands
        .replace("##[", "##(")
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

/// What stands under the findings, for people: how many each rule has.
fn statistics(report: &Report<'_>, style: Style) -> String {
    use std::fmt::Write;
    let mut out = String::new();
    if style.statistics {
        for (rule, count) in report.by_rule() {
            let _ = writeln!(out, "{count:>6}  {rule}");
        }
    }
    out
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
    if summary.baselined > 0 {
        found.push(format!("{} in the baseline", summary.baselined));
    }
    if summary.known > 0 {
        found.push(format!(
            "{} already there before{}",
            summary.known,
            report
                .since
                .map_or(String::new(), |name| format!(" ({})", clean(name)))
        ));
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
