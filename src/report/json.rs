//! foreshot's own JSON: structs of its own, apart from the model, so that the model may change and the format not.

use serde::Serialize;

use super::{Report, Style, place};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Site, SourceMap};

/// Version of the format: a field more keeps it, anything else raises it.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document {
    version: u32,
    tool: Tool,
    diagnostics: Vec<Finding>,
    notes: Vec<Note>,
    summary: Totals,
}

#[derive(Serialize)]
struct Tool {
    name: &'static str,
    version: &'static str,
}

#[derive(Serialize)]
struct Finding {
    rule: &'static str,
    severity: &'static str,
    revision: Option<String>,
    message: String,
    help: Option<String>,
    notes: Vec<String>,
    #[serde(flatten)]
    location: Location,
    related: Vec<Related>,
}

/// Lines and columns from 1, columns in code points; the end is one past the last character.
#[derive(Serialize)]
struct Location {
    path: String,
    line: u32,
    column: u32,
    end_line: u32,
    end_column: u32,
}

#[derive(Serialize)]
struct Related {
    message: String,
    #[serde(flatten)]
    location: Location,
}

#[derive(Serialize)]
struct Note {
    path: Option<String>,
    message: String,
}

#[derive(Serialize)]
struct Totals {
    errors: usize,
    warnings: usize,
    notes: usize,
    suppressed: usize,
    databases: usize,
    revisions: usize,
    statements: usize,
    unknown_statements: usize,
    unknown_conditions: usize,
    gaps: usize,
    failures: usize,
}

pub(super) fn render(report: &Report<'_>, _style: Style) -> String {
    let summary = &report.summary;
    let document = Document {
        version: VERSION,
        tool: Tool {
            name: env!("CARGO_PKG_NAME"),
            version: env!("CARGO_PKG_VERSION"),
        },
        diagnostics: report
            .diagnostics
            .iter()
            .map(|diagnostic| finding(report.sources, diagnostic))
            .collect(),
        notes: report
            .notes
            .iter()
            .map(|note| Note {
                path: note.path.as_ref().map(ToString::to_string),
                message: note.message.clone(),
            })
            .collect(),
        summary: Totals {
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            notes: report.count(Severity::Note),
            suppressed: summary.suppressed,
            databases: summary.databases,
            revisions: summary.revisions,
            statements: summary.statements,
            unknown_statements: summary.unknown_statements,
            unknown_conditions: summary.unknown_conditions,
            gaps: summary.gaps,
            failures: summary.failures,
        },
    };
    // text and numbers only: this can't fail
    let mut out = serde_json::to_string_pretty(&document).unwrap_or_default();
    out.push('\n');
    out
}

fn finding(sources: &SourceMap, diagnostic: &Diagnostic) -> Finding {
    Finding {
        rule: diagnostic.rule,
        severity: diagnostic.severity.word(),
        revision: diagnostic.revision.clone(),
        message: shown(&diagnostic.message),
        help: diagnostic.help.as_deref().map(shown),
        notes: diagnostic.notes.iter().map(|note| shown(note)).collect(),
        location: location(sources, diagnostic.site),
        related: diagnostic
            .labels
            .iter()
            .map(|label| Related {
                message: shown(&label.message),
                location: location(sources, label.site),
            })
            .collect(),
    }
}

/// JSON may hold any character; only our own marks are spelled out.
fn shown(text: &str) -> String {
    text.replace(crate::unknown::HOLE, "{?}")
        .replace(crate::unknown::FRESH, "{new}")
}

fn location(sources: &SourceMap, site: Site) -> Location {
    let place = place(sources, site);
    Location {
        path: place.path,
        line: place.start.line,
        column: place.start.column,
        end_line: place.end.line,
        end_column: place.end.column,
    }
}
