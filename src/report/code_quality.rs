//! GitLab's code quality report: Code Climate's issues, as far as GitLab reads them.

use serde_json::{Value, json};

use super::{Report, Style, place, pretty, sentences};
use crate::diagnostic::Severity;
use crate::fingerprint::Fingerprints;

pub(super) fn render(report: &Report<'_>, _style: Style) -> String {
    // GitLab takes issues with one fingerprint for one
    let ids = Fingerprints::new(report.sources).ids(report.diagnostics);
    let issues: Vec<Value> = report
        .diagnostics
        .iter()
        .zip(ids)
        .map(|(diagnostic, id)| {
            let place = place(report.sources, diagnostic.site);
            json!({
                "description": sentences(diagnostic).join("\n"),
                "check_name": diagnostic.rule,
                "fingerprint": id,
                "severity": match diagnostic.severity {
                    Severity::Error => "critical",
                    Severity::Warning => "major",
                    Severity::Note => "info",
                },
                "location": {
                    "path": place.path,
                    "lines": {"begin": place.start.line, "end": place.end.line},
                },
            })
        })
        .collect();
    pretty(&issues)
}

pub(super) fn failed(_why: &str) -> String {
    "[]\n".to_owned()
}
