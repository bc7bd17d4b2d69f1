//! foreshot's own JSON: structs of its own, apart from the model, so that the model may change and the format not.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use super::harmless::{Each, line, pretty, pretty_text};
use super::{Report, Style, clean, place};
use crate::diagnostic::{Applicability, Diagnostic, Fix, Severity};
use crate::fingerprint::Fingerprints;
use crate::source::{Site, SourceMap};

/// Version of the format: a field more keeps it, anything else raises it.
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Document<F> {
    version: u32,
    tool: Tool,
    diagnostics: F,
    notes: Vec<Note>,
    summary: Totals,
    /// Why there is no report.
    #[serde(skip_serializing_if = "Option::is_none")]
    error: Option<String>,
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
    /// Stays when lines move.
    fingerprint: String,
    fix: Option<Repair>,
}

#[derive(Serialize)]
struct Repair {
    message: String,
    /// `safe` or `unsafe`.
    applicability: &'static str,
    edits: Vec<Edit>,
}

#[derive(Serialize)]
struct Edit {
    #[serde(flatten)]
    location: Location,
    replacement: String,
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

#[derive(Default, Serialize)]
struct Totals {
    errors: usize,
    warnings: usize,
    notes: usize,
    suppressed: usize,
    baselined: usize,
    known: usize,
    databases: usize,
    revisions: usize,
    statements: usize,
    unknown_statements: usize,
    unknown_conditions: usize,
    gaps: usize,
    failures: usize,
    /// Findings by rule.
    rules: Map<String, Value>,
}

fn tool() -> Tool {
    Tool {
        name: env!("CARGO_PKG_NAME"),
        version: env!("CARGO_PKG_VERSION"),
    }
}

pub(super) fn write(report: &Report<'_>, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let ids = Fingerprints::new(report.sources).ids(report.diagnostics);
    let summary = &report.summary;
    let document = Document {
        version: VERSION,
        tool: tool(),
        diagnostics: Each(|| findings(report, &ids)),
        notes: report
            .notes
            .iter()
            .map(|note| Note {
                path: note.path.as_ref().map(ToString::to_string),
                message: clean(&note.message),
            })
            .collect(),
        summary: Totals {
            errors: report.count(Severity::Error),
            warnings: report.count(Severity::Warning),
            notes: report.count(Severity::Note),
            suppressed: summary.suppressed,
            baselined: summary.baselined,
            known: summary.known,
            databases: summary.databases,
            revisions: summary.revisions,
            statements: summary.statements,
            unknown_statements: summary.unknown_statements,
            unknown_conditions: summary.unknown_conditions,
            gaps: summary.gaps,
            failures: summary.failures,
            rules: report
                .by_rule()
                .into_iter()
                .map(|(rule, count)| (rule.to_owned(), Value::from(count)))
                .collect(),
        },
        error: None,
    };
    pretty(out, &document)
}

pub(super) fn failed(why: &str) -> String {
    pretty_text(&Document {
        version: VERSION,
        tool: tool(),
        diagnostics: [(); 0],
        notes: Vec::new(),
        summary: Totals::default(),
        error: Some(clean(why)),
    })
}

pub(super) fn write_lines(
    report: &Report<'_>,
    _style: Style,
    out: &mut dyn Write,
) -> io::Result<()> {
    let ids = Fingerprints::new(report.sources).ids(report.diagnostics);
    findings(report, &ids).try_for_each(|finding| line(out, &finding))
}

pub(super) fn failed_lines(why: &str) -> String {
    format!("{}\n", serde_json::json!({"error": clean(why)}))
}

fn findings(report: &Report<'_>, ids: &[String]) -> impl Iterator<Item = Finding> {
    let identified = report.diagnostics.iter().zip(ids);
    identified.map(|(diagnostic, id)| finding(report.sources, diagnostic, id.clone()))
}

fn finding(sources: &SourceMap, diagnostic: &Diagnostic, fingerprint: String) -> Finding {
    Finding {
        rule: diagnostic.rule,
        severity: diagnostic.severity.word(),
        revision: diagnostic.revision.clone(),
        message: clean(&diagnostic.message),
        help: diagnostic.help.as_deref().map(clean),
        notes: diagnostic.notes.iter().map(|note| clean(note)).collect(),
        location: location(sources, diagnostic.site),
        related: diagnostic
            .labels
            .iter()
            .map(|label| Related {
                message: clean(&label.message),
                location: location(sources, label.site),
            })
            .collect(),
        fingerprint,
        fix: diagnostic.fix.as_ref().map(|fix| repair(sources, fix)),
    }
}

fn repair(sources: &SourceMap, fix: &Fix) -> Repair {
    Repair {
        message: clean(&fix.message),
        applicability: match fix.applicability {
            Applicability::Safe => "safe",
            Applicability::Unsafe => "unsafe",
        },
        edits: fix
            .edits
            .iter()
            .map(|edit| Edit {
                location: location(sources, edit.site),
                replacement: edit.replacement.clone(),
            })
            .collect(),
    }
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
