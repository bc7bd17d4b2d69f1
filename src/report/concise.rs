//! `path:line:col: severity[rule]: message`, one line each, for editors and problem matchers.

use std::fmt::Write;

use super::{Report, Style, clean, last_line, place};

pub(super) fn render(report: &Report<'_>, style: Style) -> String {
    let mut out = String::new();
    for diagnostic in report.diagnostics {
        let place = place(report.sources, diagnostic.site);
        let _ = writeln!(
            out,
            "{}:{}:{}: {}[{}]: {}",
            clean(&place.path),
            place.start.line,
            place.start.column,
            diagnostic.severity.word(),
            diagnostic.rule,
            clean(&diagnostic.message),
        );
    }
    if !style.quiet {
        let _ = writeln!(out, "{}", last_line(report));
    }
    out
}
