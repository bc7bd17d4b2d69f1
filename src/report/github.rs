//! Workflow commands: annotations of GitHub Actions.
//!
//! A step shows ten annotations of each level and drops the rest in silence: so the most severe come first, and past ten of
//! a level a finding is a plain line of the log, and their number is told.

use std::io::{self, Write};

use super::{
    Report, Style, clean, concise, counted, first_line, last_line, place, sentences, statistics,
};
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::SourceMap;

/// Annotations of one level that a step shows.
const SHOWN: usize = 10;

pub(super) fn write(report: &Report<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut rest = Vec::new();
    let mut counts = [0_usize; 3];
    for diagnostic in report.by_severity() {
        let count = &mut counts[diagnostic.severity as usize];
        *count += 1;
        if *count <= SHOWN {
            writeln!(out, "{}", command(report.sources, diagnostic))?;
        } else {
            rest.push(diagnostic);
        }
    }
    if !rest.is_empty() {
        writeln!(
            out,
            "{} without an annotation, since a step shows {SHOWN} of each level:",
            counted(rest.len(), "more finding")
        )?;
        for diagnostic in rest {
            writeln!(out, "{}", concise::line(report.sources, diagnostic))?;
        }
    }
    out.write_all(statistics(report, style).as_bytes())?;
    if !style.quiet {
        writeln!(out, "{}", last_line(report))?;
    }
    Ok(())
}

pub(super) fn failed(why: &str) -> String {
    format!("::error title=foreshot::{}\n", data(&clean(why)))
}

fn command(sources: &SourceMap, diagnostic: &Diagnostic) -> String {
    let place = place(sources, first_line(sources, diagnostic.site));
    let level = match diagnostic.severity {
        Severity::Error => "error",
        Severity::Warning => "warning",
        Severity::Note => "notice",
    };
    let properties = format!(
        "file={},line={},endLine={},col={},endColumn={}",
        property(&clean(&place.path)),
        place.start.line,
        place.end.line,
        place.start.column,
        place.end.column
    );
    format!(
        "::{level} {properties},title={}::{}",
        property(&format!("foreshot: {}", diagnostic.rule)),
        data(&sentences(diagnostic).join("\n"))
    )
}

/// A message as the runner unescapes it.
fn data(text: &str) -> String {
    text.replace('%', "%25")
        .replace('\r', "%0D")
        .replace('\n', "%0A")
}

/// A property's value as the runner unescapes it.
fn property(text: &str) -> String {
    data(text).replace(':', "%3A").replace(',', "%2C")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_a_property_or_a_command() {
        assert_eq!(property("a:b,c%d\r\n"), "a%3Ab%2Cc%25d%0D%0A");
        assert_eq!(data("100%\n::error::x"), "100%25%0A::error::x");
    }
}
