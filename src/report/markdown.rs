//! A table for a job summary or a comment on a pull request.
//!
//! The first line is a mark by which a comment is found again. A comment holds 65,536 characters: past that, findings are
//! only counted.

use std::fmt::Write as _;
use std::io::{self, Write};

use super::{Report, Style, clean, counted, last_line, place};
use crate::diagnostic::Severity;

/// How long the table may get, in characters.
const LIMIT: usize = 60_000;

const MARK: &str = "<!-- foreshot -->\n";

pub(super) fn write(report: &Report<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    out.write_all(table(report, style).as_bytes())
}

fn table(report: &Report<'_>, style: Style) -> String {
    let mut out = format!("{MARK}### foreshot\n\n");
    let mut left = 0;
    if !report.diagnostics.is_empty() {
        out.push_str("| | place | finding |\n| --- | --- | --- |\n");
    }
    let mut length = out.chars().count();
    for diagnostic in report.by_severity() {
        let place = place(report.sources, diagnostic.site);
        let sign = match diagnostic.severity {
            Severity::Error => "error",
            Severity::Warning => "warning",
            Severity::Note => "note",
        };
        let help = diagnostic
            .help
            .as_deref()
            .map_or(String::new(), |help| format!("<br>help: {}", inline(help)));
        let row = format!(
            "| {sign} | {} | {} ({}){help} |\n",
            code(&format!("{}:{}", place.path, place.start.line)),
            inline(&diagnostic.message),
            code(diagnostic.rule),
        );
        length += row.chars().count();
        if left > 0 || length > LIMIT {
            left += 1;
        } else {
            out.push_str(&row);
        }
    }
    if left > 0 {
        let _ = writeln!(
            out,
            "\n{} for which there is no room here.",
            counted(left, "more finding")
        );
    }
    if style.statistics && !report.diagnostics.is_empty() {
        out.push_str("\n| rule | findings |\n| --- | --- |\n");
        for (rule, count) in report.by_rule() {
            let _ = writeln!(out, "| {} | {count} |", code(rule));
        }
    }
    let _ = writeln!(out, "\n{}", inline(&last_line(report)));
    out
}

pub(super) fn failed(why: &str) -> String {
    format!(
        "{MARK}### foreshot\n\nforeshot could not run: {}\n",
        inline(why)
    )
}

/// A message: what stands between backticks is code, everything else plain text.
fn inline(text: &str) -> String {
    let text = clean(text);
    let mut out = String::new();
    let parts: Vec<&str> = text.split('`').collect();
    for (index, part) in parts.iter().enumerate() {
        // a last backtick without its end is none
        if index % 2 == 1 && index + 1 < parts.len() {
            out.push_str(&code(part));
        } else {
            out.push_str(&plain(part));
        }
    }
    out
}

/// Code, in which nothing is markup: entities for HTML, backslashes for Markdown.
fn code(text: &str) -> String {
    format!("<code>{}</code>", escape(&clean(text)))
}

fn plain(text: &str) -> String {
    // no person is called, no issue and no page is linked by a name in a migration
    escape(text)
        .replace('@', "@\u{200B}")
        .replace("://", ":\u{200B}//")
        .replace('#', "#\u{200B}")
}

fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '\\' | '`' | '*' | '_' | '[' | ']' | '|' | '~' | '!' | '$' => {
                out.push('\\');
                out.push(character);
            }
            other => out.push(other),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_make_no_markup() {
        assert_eq!(
            inline("`a|b` <img> ![x](http://y) @me #1 `open"),
            "<code>a\\|b</code> &lt;img&gt; \\!\\[x\\](http:\u{200B}//y) @\u{200B}me #\u{200B}1 open"
        );
    }
}
