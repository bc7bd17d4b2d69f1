//! `path:line:col: severity[rule]: message`, one line each, for editors and problem matchers.

use std::io::{self, Write};

use super::{Report, Style, clean, last_line, place, statistics};
use crate::diagnostic::Diagnostic;
use crate::source::SourceMap;

pub(super) fn write(report: &Report<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    for diagnostic in report.diagnostics {
        writeln!(out, "{}", line(report.sources, diagnostic))?;
    }
    out.write_all(statistics(report, style).as_bytes())?;
    if !style.quiet {
        writeln!(out, "{}", last_line(report))?;
    }
    Ok(())
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
