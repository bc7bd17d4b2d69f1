//! For people: the source line, labels for what led to it, the remedy.

use std::io::{self, Write};

use codespan_reporting::diagnostic::{Diagnostic as Rendered, Label, Severity as Shown};
use codespan_reporting::term;
use codespan_reporting::term::termcolor::Buffer;
use rayon::prelude::*;

use super::excerpt::Excerpts;
use super::{Report, Style, clean, counted, last_line, statistics};
use crate::diagnostic::{Diagnostic, Severity};

/// More labels than this hide the first ones; the machine formats have all.
const MAX_LABELS: usize = 4;

/// So many diagnostics at a time are rendered by one thread.
const CHUNK: usize = 64;

/// So many times that are laid out before they are written: enough for all threads, and little to hold.
const BATCH: usize = 32;

pub(super) fn write(report: &Report<'_>, style: Style, out: &mut dyn Write) -> io::Result<()> {
    // laying out excerpts takes longer than judging many a file, and each stands for itself
    for batch in report.diagnostics.chunks(CHUNK * BATCH) {
        let parts: Vec<Buffer> = batch
            .par_chunks(CHUNK)
            .map(|diagnostics| written(style, |out| write_diagnostics(out, report, diagnostics)))
            .collect();
        for part in parts {
            out.write_all(part.as_slice())?;
        }
    }
    let rest = written(style, |out| write_rest(out, report, style));
    out.write_all(rest.as_slice())
}

fn written(style: Style, write: impl FnOnce(&mut Buffer)) -> Buffer {
    let mut out = if style.colour {
        Buffer::ansi()
    } else {
        Buffer::no_color()
    };
    write(&mut out);
    out
}

fn write_diagnostics(out: &mut Buffer, report: &Report<'_>, diagnostics: &[Diagnostic]) {
    let config = term::Config {
        // gaps between shown lines are gaps: no line of context is there to be read
        start_context_lines: 0,
        end_context_lines: 0,
        before_label_lines: 0,
        after_label_lines: 0,
        ..term::Config::default()
    };
    // writing into memory can't fail, and a diagnostic that codespan refuses is shown on one line
    for diagnostic in diagnostics {
        let sites = std::iter::once(diagnostic.site)
            .chain(diagnostic.labels.iter().map(|label| label.site));
        let excerpts = Excerpts::new(report.sources, sites);
        let rendered = translate(diagnostic, &excerpts);
        if term::emit_to_write_style(out, &config, &excerpts, &rendered).is_err() {
            let _ = writeln!(
                out,
                "{}[{}]: {}\n",
                diagnostic.severity.word(),
                diagnostic.rule,
                rendered.message
            );
        }
    }
}

/// What stands below the diagnostics: counts, notes, the summary.
fn write_rest(out: &mut Buffer, report: &Report<'_>, style: Style) {
    let _ = out.write_all(statistics(report, style).as_bytes());
    if style.quiet {
        return;
    }
    if !report.notes.is_empty() {
        for note in report
            .notes
            .iter()
            .take(if style.verbose { usize::MAX } else { 5 })
        {
            match &note.path {
                Some(path) => {
                    let _ = writeln!(
                        out,
                        "note: {}: {}",
                        clean(path.as_str()),
                        clean(&note.message)
                    );
                }
                None => {
                    let _ = writeln!(out, "note: {}", clean(&note.message));
                }
            }
        }
        if !style.verbose && report.notes.len() > 5 {
            let _ = writeln!(
                out,
                "note: {} (see `-v`)",
                counted(report.notes.len() - 5, "more note")
            );
        }
        let _ = writeln!(out);
    }
    if !style.statistics
        && let Some(crowd) = crowd(report)
    {
        let _ = writeln!(out, "{crowd}");
    }
    let _ = writeln!(out, "{}", last_line(report));
}

/// From so many findings on, one rule's can hide those of the others.
const CROWD: usize = 20;

/// Where most findings are of one rule, how many the others have: they stand among them.
fn crowd(report: &Report<'_>) -> Option<String> {
    let counts = report.by_rule();
    let [(most, count), others @ ..] = counts.as_slice() else {
        return None;
    };
    let all = report.diagnostics.len();
    if all < CROWD || count * 2 <= all || others.is_empty() {
        return None;
    }
    let mut others: Vec<String> = others
        .iter()
        .map(|(rule, count)| format!("{count} {rule}"))
        .collect();
    let shown = 8;
    if others.len() > shown {
        let left = others.len() - shown;
        others.truncate(shown);
        others.push(format!("{} more", counted(left, "rule")));
    }
    Some(format!(
        "{count} {most}; among them {} (`--ignore {most}` shows these alone)",
        others.join(", ")
    ))
}

fn translate(diagnostic: &Diagnostic, excerpts: &Excerpts<'_>) -> Rendered<crate::source::FileId> {
    let severity = match diagnostic.severity {
        Severity::Error => Shown::Error,
        Severity::Warning => Shown::Warning,
        Severity::Note => Shown::Note,
    };
    let mut labels = Vec::new();
    if let Some(range) = excerpts.range(diagnostic.site) {
        labels.push(Label::primary(diagnostic.site.file, range));
    }
    for label in diagnostic.labels.iter().take(MAX_LABELS) {
        if let Some(range) = excerpts.range(label.site) {
            labels
                .push(Label::secondary(label.site.file, range).with_message(clean(&label.message)));
        }
    }
    let mut notes: Vec<String> = diagnostic.notes.iter().map(|note| clean(note)).collect();
    if diagnostic.labels.len() > MAX_LABELS {
        notes.push(format!(
            "and {}",
            counted(diagnostic.labels.len() - MAX_LABELS, "more place")
        ));
    }
    if let Some(help) = &diagnostic.help {
        notes.push(format!("help: {}", clean(help)));
    }
    Rendered::new(severity)
        .with_code(diagnostic.rule)
        .with_message(clean(&diagnostic.message))
        .with_labels(labels)
        .with_notes(notes)
}
