//! `path:line:col: severity[rule]: message`, one line each, for editors and problem matchers.

use std::fmt::Write;

use super::{Report, Style, clean, last_line, place, statistics};
use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;

pub(super) fn render(report: &Report<'_>, style: Style) -> String {
    let mut out = String::new();
    for diagnostic in report.diagnostics {
        let _ = writeln!(out, "{}", line(report.sources, diagnostic));
    }
    out.push_str(&statistics(report, style));
    if !style.quiet {
        let _ = writeln!(out, "{}", last_line(report));
    }
    out
}

/// One finding on one line.
pub(super) fn line(sources: &SourceMap, diagnostic: &Diagnostic) -> String {
    let place = place(sources, diagnostic.site);
    let mut path = clean(&place.path);
    // at the start of a line it would be a command to the runner of GitHub Actions
    if path.trim_start().starts_with("::") {
        path.insert_str(0, "./");
    }
    format!(
        "{path}:{}:{}: {}[{}]: {}",
        place.start.line,
        place.start.column,
        diagnostic.severity.word(),
        diagnostic.rule,
        clean(&diagnostic.message),
    )
}
