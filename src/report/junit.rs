//! JUnit's XML: a suite a file, a case a finding; advice passes.

use std::collections::BTreeMap;
use std::io::{self, Write};

use super::{Report, Style, clean, place, sentences};
use crate::diagnostic::{Diagnostic, Severity};

const HEAD: &str = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n";

pub(super) fn write(report: &Report<'_>, _style: Style, out: &mut dyn Write) -> io::Result<()> {
    let mut suites: BTreeMap<String, Vec<&Diagnostic>> = BTreeMap::new();
    for diagnostic in report.diagnostics {
        let path = place(report.sources, diagnostic.site).path;
        suites.entry(path).or_default().push(diagnostic);
    }
    let failures = report.count(Severity::Error) + report.count(Severity::Warning);
    writeln!(
        out,
        "{HEAD}<testsuites name=\"foreshot\" tests=\"{}\" failures=\"{failures}\" errors=\"0\">",
        report.diagnostics.len().max(1)
    )?;
    if suites.is_empty() {
        // readers take a file without a case for a run that did not happen
        out.write_all(b"  <testsuite name=\"foreshot\" tests=\"1\" failures=\"0\" errors=\"0\">\n    <testcase name=\"no findings\" classname=\"foreshot\"/>\n  </testsuite>\n")?;
    }
    for (path, diagnostics) in suites {
        let failures = diagnostics
            .iter()
            .filter(|diagnostic| diagnostic.severity > Severity::Note)
            .count();
        writeln!(
            out,
            "  <testsuite name=\"{}\" tests=\"{}\" failures=\"{failures}\" errors=\"0\">",
            escape(&clean(&path)),
            diagnostics.len()
        )?;
        for diagnostic in diagnostics {
            out.write_all(case(report, &path, diagnostic).as_bytes())?;
        }
        out.write_all(b"  </testsuite>\n")?;
    }
    out.write_all(b"</testsuites>\n")
}

fn case(report: &Report<'_>, path: &str, diagnostic: &Diagnostic) -> String {
    let start = place(report.sources, diagnostic.site).start;
    let head = format!(
        "    <testcase name=\"{} ({}:{})\" classname=\"{}\" file=\"{}\" line=\"{}\">\n",
        diagnostic.rule,
        start.line,
        start.column,
        escape(&clean(path)),
        escape(&clean(path)),
        start.line
    );
    let body = escape(&sentences(diagnostic).join("\n"));
    let inner = match diagnostic.severity {
        Severity::Note => format!("      <system-out>{body}</system-out>\n"),
        other => format!(
            "      <failure type=\"{}\" message=\"{}\">{}:{}:{}: {body}</failure>\n",
            other.word(),
            escape(&clean(&diagnostic.message)),
            escape(&clean(path)),
            start.line,
            start.column,
        ),
    };
    format!("{head}{inner}    </testcase>\n")
}

pub(super) fn failed(why: &str) -> String {
    let why = escape(&clean(why));
    format!(
        "{HEAD}<testsuites name=\"foreshot\" tests=\"1\" failures=\"0\" errors=\"1\">\n  <testsuite name=\"foreshot\" tests=\"1\" failures=\"0\" errors=\"1\">\n    \
         <testcase name=\"foreshot\" classname=\"foreshot\">\n      <error type=\"error\" message=\"{why}\">{why}</error>\n    </testcase>\n  </testsuite>\n</testsuites>\n"
    )
}

/// Text as content or attribute; what XML 1.0 does not allow at all is replaced.
fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\n' => out.push('\n'),
            '\u{FFFE}' | '\u{FFFF}' => out.push('\u{FFFD}'),
            other if super::is_harmful(other) => out.push('\u{FFFD}'),
            other => out.push(other),
        }
    }
    // paths come here as they are; to the runner of GitHub Actions this would be a command
    out.replace("##[", "##(")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_ends_an_attribute_or_is_no_xml() {
        assert_eq!(
            escape("a<b>&\"c\"\u{1b}\u{0}\u{FFFF}é\n"),
            "a&lt;b&gt;&amp;&quot;c&quot;\u{FFFD}\u{FFFD}\u{FFFD}é\n"
        );
    }
}
