//! reviewdog's diagnostic format. Its columns count bytes, from 1.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, json};

use super::harmless::{Each, pretty, pretty_text};
use super::{Report, Style, clean, sentences, slashes};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{Site, SourceFile, SourceMap};

#[derive(Serialize)]
struct Document<F> {
    source: Source,
    diagnostics: F,
}

#[derive(Serialize)]
struct Source {
    name: &'static str,
}

pub(super) fn write(report: &Report<'_>, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let found = || {
        let all = report.diagnostics.iter();
        all.map(|diagnostic| finding(report.sources, diagnostic))
    };
    pretty(out, &document(Each(found)))
}

pub(super) fn failed(_why: &str) -> String {
    pretty_text(&document([(); 0]))
}

fn document<F: Serialize>(diagnostics: F) -> Document<F> {
    Document {
        source: Source { name: "foreshot" },
        diagnostics,
    }
}

fn finding(sources: &SourceMap, diagnostic: &Diagnostic) -> Value {
    let mut made = json!({
        "message": sentences(diagnostic).join("\n"),
        "location": location(sources, diagnostic.site),
        "severity": match diagnostic.severity {
            Severity::Error => "ERROR",
            Severity::Warning => "WARNING",
            Severity::Note => "INFO",
        },
        "code": {"value": diagnostic.rule},
    });
    if !diagnostic.labels.is_empty() {
        let related = diagnostic.labels.iter().map(|label| {
            json!({
                "message": clean(&label.message),
                "location": location(sources, label.site),
            })
        });
        made["related_locations"] = related.collect();
    }
    if let Some(fix) = &diagnostic.fix
        && let [edit] = fix.edits.as_slice()
        && edit.site.file == diagnostic.site.file
    {
        // each suggestion is applied by itself: edits that belong together are none
        made["suggestions"] = json!([{
            "range": range(&sources.file(edit.site.file), edit.site),
            "text": edit.replacement,
        }]);
    }
    made
}

fn location(sources: &SourceMap, site: Site) -> Value {
    let file = sources.file(site.file);
    json!({
        "path": slashes(file.path()),
        "range": range(&file, site),
    })
}

fn range(file: &SourceFile, site: Site) -> Value {
    let position = |offset: u32| {
        let offset = offset.min(file.text().len() as u32);
        let line = file.line(offset);
        let column = offset - file.line_start(line).unwrap_or(offset) + 1;
        json!({"line": line, "column": column})
    };
    json!({
        "start": position(site.span.start),
        "end": position(site.span.end.max(site.span.start)),
    })
}
