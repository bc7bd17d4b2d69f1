//! foreshot's own JSON: structs of its own, apart from the model, so that the model may change and the format not.

use serde::Serialize;
use serde_json::{Map, Value};

use super::{Report, Style, clean, escaped, place, pretty};
use crate::diagnostic::{Applicability, Diagnostic, Fix, Severity};
use crate::fingerprint::Fingerprints;
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

pub(super) fn render(report: &Report<'_>, _style: Style) -> String {
    let summary = &report.summary;
    pretty(&Document {
        version: VERSION,
        tool: tool(),
        diagnostics: findings(report),
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
    })
}

pub(super) fn failed(why: &str) -> String {
    pretty(&Document {
        version: VERSION,
        tool: tool(),
        diagnostics: Vec::new(),
        notes: Vec::new(),
        summary: Totals::default(),
        error: Some(clean(why)),
    })
}

pub(super) fn render_lines(report: &Report<'_>, _style: Style) -> String {
    let mut out = String::new();
    for finding in findings(report) {
        // text and numbers only: this can't fail
        out.push_str(&escaped(
            serde_json::to_string(&finding).unwrap_or_default(),
        ));
        out.push('\n');
    }
    out
}

pub(super) fn failed_lines(why: &str) -> String {
    format!("{}\n", serde_json::json!({"error": clean(why)}))
}

fn findings(report: &Report<'_>) -> Vec<Finding> {
    let ids = Fingerprints::new(report.sources).ids(report.diagnostics);
    report
        .diagnostics
        .iter()
        .zip(ids)
        .map(|(diagnostic, id)| finding(report.sources, diagnostic, id))
        .collect()
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
