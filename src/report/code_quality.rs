//! GitLab's code quality report: Code Climate's issues, as far as GitLab reads them.

use std::io::{self, Write};

use serde_json::json;

use super::harmless::{Each, pretty};
use super::{Report, Style, place, sentences};
use crate::diagnostic::Severity;
use crate::fingerprint::Fingerprints;

pub(super) fn write(report: &Report<'_>, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    // GitLab takes issues with one fingerprint for one
    let ids = Fingerprints::new(report.sources).ids(report.diagnostics);
    let issues = || {
        let identified = report.diagnostics.iter().zip(&ids);
        identified.map(|(diagnostic, id)| {
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
    };
    pretty(out, &Each(issues))
}

pub(super) fn failed(_why: &str) -> String {
    "[]\n".to_owned()
}
