//! The table: a row a statement, a column a run.
//!
//! Statements of the first run, the rerun and the reupgrade share rows, since all three are `upgrade()`: what stands at
//! one place and says the same is one row, whichever runs reach it.

use std::collections::BTreeSet;
use std::fmt::Write;

use super::{TracedRun, lines, statement_text};
use crate::postgres::{Outcome, TransactionMode};
use crate::report::{clean, counted, slashes};
use crate::source::{Site, SourceMap};
use crate::trace::{Event, Run, Trace};

/// Widest statement that is shown.
const STATEMENT: usize = 84;

/// The marks that the legend explains.
const LEGEND: [(&str, &str); 6] = [
    (
        "12a",
        "outside of a transaction block: it commits by itself",
    ),
    (
        "changes",
        "succeeds, and leaves something different from after the first run",
    ),
    ("?", "not known"),
    (
        "(42P07)",
        "fails inside a savepoint of the migration's own, whose handler goes on",
    ),
    (
        "!",
        "after an error of the same transaction: a real server refuses it with 25P02",
    ),
    ("~", "executes only if something unknown says so"),
];

struct Row {
    site: Site,
    statement: String,
    cells: Vec<Option<String>>,
    autocommit: bool,
}

/// A cell is coloured by what it says.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Tone {
    Plain,
    Good,
    Bad,
    Odd,
}

/// What all runs of all revisions did, for people.
pub fn table(runs: &[TracedRun], sources: &SourceMap, colour: bool) -> String {
    let mut out = String::new();
    let mut used: BTreeSet<&'static str> = BTreeSet::new();
    let mut start = 0;
    while start < runs.len() {
        let first = &runs[start];
        let same = |run: &TracedRun| {
            run.file == first.file && run.index == first.index && run.revision == first.revision
        };
        let end = runs[start..]
            .iter()
            .position(|run| !same(run))
            .map_or(runs.len(), |length| start + length);
        revision(&mut out, &runs[start..end], sources, colour, &mut used);
        start = end;
    }
    if runs.is_empty() {
        out.push_str("no revisions\n");
    }
    for (mark, meaning) in LEGEND.iter().filter(|(mark, _)| used.contains(mark)) {
        let _ = writeln!(out, "{mark:8} {meaning}");
    }
    out
}

fn revision(
    out: &mut String,
    runs: &[TracedRun],
    sources: &SourceMap,
    colour: bool,
    used: &mut BTreeSet<&'static str>,
) {
    let of = |run: Run| {
        runs.iter()
            .find(|traced| traced.run == run)
            .map(|traced| &traced.trace)
    };
    let path = slashes(sources.file(runs[0].file).path());
    let bold = if colour {
        ("\x1b[1m", "\x1b[0m")
    } else {
        ("", "")
    };
    let _ = writeln!(
        out,
        "{}revision {}{}  {}",
        bold.0,
        clean(&runs[0].revision),
        bold.1,
        clean(&path)
    );
    let upgrades: Vec<(Run, &Trace)> = [Run::First, Run::Rerun, Run::Reupgrade]
        .into_iter()
        .filter_map(|run| Some((run, of(run)?)))
        .filter(|(run, trace)| *run == Run::First || !trace.missing_function)
        .collect();
    section(out, "upgrade", &upgrades, sources, colour, used);
    if let Some(trace) = of(Run::Downgrade) {
        if trace.missing_function {
            out.push_str("  downgrade: there is none\n");
        } else {
            section(
                out,
                "downgrade",
                &[(Run::Downgrade, trace)],
                sources,
                colour,
                used,
            );
        }
    }
    for traced in runs {
        remarks(out, traced.run, &traced.trace, sources);
    }
    out.push('\n');
}

fn section(
    out: &mut String,
    title: &str,
    runs: &[(Run, &Trace)],
    sources: &SourceMap,
    colour: bool,
    used: &mut BTreeSet<&'static str>,
) {
    let rows = rows(runs, sources, used);
    if rows.is_empty() {
        if !runs.is_empty() {
            let _ = writeln!(out, "  {title}: no statements");
        }
        return;
    }
    let _ = write!(out, "  {title:>6}  {:STATEMENT$}", "");
    for (run, _) in runs {
        let _ = write!(out, "  {:<9}", run.word());
    }
    trim_line(out);
    for row in &rows {
        let statement = cut(&clean(&row.statement));
        let mark = if row.autocommit { 'a' } else { ' ' };
        let (line, _) = lines(sources, row.site);
        let _ = write!(
            out,
            "  {line:>6}{mark} {statement}{:pad$}",
            "",
            pad = STATEMENT - statement.chars().count()
        );
        for cell in &row.cells {
            let text = cell.as_deref().unwrap_or("-");
            let _ = write!(
                out,
                "  {}{:pad$}",
                tinted(text, colour),
                "",
                pad = 9_usize.saturating_sub(text.chars().count())
            );
        }
        trim_line(out);
    }
}

fn trim_line(out: &mut String) {
    out.truncate(out.trim_end_matches(' ').len());
    out.push('\n');
}

/// Rows of some runs, in the order of the first; what only a later run does stands behind what it did before that.
fn rows(
    runs: &[(Run, &Trace)],
    sources: &SourceMap,
    used: &mut BTreeSet<&'static str>,
) -> Vec<Row> {
    let mut rows: Vec<Row> = Vec::new();
    for (column, (run, trace)) in runs.iter().enumerate() {
        let mut after = 0;
        for event in &trace.events {
            let statement = statement_text(event, sources);
            let same = |row: &Row| {
                row.cells[column].is_none() && row.site == event.site && row.statement == statement
            };
            // runs go the same way: the row is near where the last one was
            let found = rows[after..]
                .iter()
                .position(same)
                .map(|offset| after + offset)
                .or_else(|| rows[..after].iter().position(same));
            let autocommit = event.mode == TransactionMode::Autocommit;
            if autocommit {
                used.insert("12a");
            }
            let place = found.unwrap_or_else(|| {
                rows.insert(
                    after,
                    Row {
                        site: event.site,
                        statement,
                        cells: vec![None; runs.len()],
                        autocommit,
                    },
                );
                after
            });
            rows[place].cells[column] = Some(cell(*run, event, used));
            after = place + 1;
        }
    }
    rows
}

fn cell(run: Run, event: &Event, used: &mut BTreeSet<&'static str>) -> String {
    let mut text = match &event.outcome {
        Outcome::Ok if run == Run::Rerun && event.changed == Some(true) => {
            used.insert("changes");
            "changes".to_owned()
        }
        Outcome::Ok => "ok".to_owned(),
        Outcome::Error(error) if event.handled => {
            used.insert("(42P07)");
            format!("({})", error.sqlstate)
        }
        Outcome::Error(error) => error.sqlstate.to_string(),
        Outcome::Unknown(_) => {
            used.insert("?");
            "?".to_owned()
        }
    };
    if event.aborted {
        used.insert("!");
        text.push('!');
    }
    if event.conditional.is_some() {
        used.insert("~");
        text.push('~');
    }
    text
}

fn tinted(text: &str, colour: bool) -> String {
    let tone = match text.chars().next() {
        Some('o') => Tone::Good,
        Some('-') | None => Tone::Plain,
        Some('?' | '(') => Tone::Odd,
        Some(_) => Tone::Bad,
    };
    let code = match tone {
        _ if !colour => return text.to_owned(),
        Tone::Plain => "2",
        Tone::Good => "32",
        Tone::Bad => "31",
        Tone::Odd => "33",
    };
    format!("\x1b[{code}m{text}\x1b[0m")
}

/// A statement on one line of a bounded width, its blanks made single.
fn cut(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let line = words.join(" ");
    if line.chars().count() <= STATEMENT {
        return line;
    }
    line.chars().take(STATEMENT - 1).chain(['…']).collect()
}

/// What a run could not do: why outcomes are not known, what ended it, what was not analysed.
fn remarks(out: &mut String, run: Run, trace: &Trace, sources: &SourceMap) {
    let word = run.word();
    let mut whys: Vec<(u32, String)> = trace
        .events
        .iter()
        .filter_map(|event| {
            let why = super::reason(event, sources)?;
            Some((lines(sources, event.site).0, clean(&why)))
        })
        .collect();
    whys.sort();
    whys.dedup();
    for (line, why) in whys {
        let _ = writeln!(out, "  {word}: line {line} is not known: {why}");
    }
    for (line, error) in errors(run, trace, sources) {
        let _ = writeln!(out, "  {word}: line {line} fails: {error}");
    }
    if let Some(raised) = &trace.raised {
        let place = raised.site.map_or(String::new(), |site| {
            format!(" at line {}", lines(sources, site).0)
        });
        let _ = writeln!(
            out,
            "  {word}: ends with {}{place}: {}",
            clean(&raised.class),
            clean(&raised.message)
        );
    }
    // the other runs meet the same gaps
    if matches!(run, Run::First | Run::Downgrade) {
        let mut gaps: Vec<String> = trace
            .gaps
            .iter()
            .map(|gap| match gap.site {
                Some(site) => {
                    let path = slashes(sources.file(site.file).path());
                    format!(
                        "{}:{}: {}",
                        clean(&path),
                        lines(sources, site).0,
                        clean(&gap.what)
                    )
                }
                None => clean(&gap.what),
            })
            .collect();
        gaps.sort();
        gaps.dedup();
        for condition in &trace.conditions {
            let line = condition.site.map_or(0, |site| lines(sources, site).0);
            let what = clean(&condition.what);
            let _ = writeln!(
                out,
                "  {word}: line {line}: a condition on `{what}` is not known"
            );
        }
        for gap in gaps.iter().take(10) {
            let _ = writeln!(out, "  {word}: not analysed: {gap}");
        }
        if gaps.len() > 10 {
            let _ = writeln!(
                out,
                "  {word}: not analysed: {}",
                counted(gaps.len() - 10, "more place")
            );
        }
    }
}

/// The server's words for failures: of the first run and the downgrade, where a failure is no matter of course.
fn errors(run: Run, trace: &Trace, sources: &SourceMap) -> Vec<(u32, String)> {
    if !matches!(run, Run::First | Run::Downgrade) {
        return Vec::new();
    }
    trace
        .events
        .iter()
        .filter_map(|event| {
            let error = event.failure()?;
            let words = format!("{} ({})", clean(&error.message), error.sqlstate);
            Some((lines(sources, event.site).0, words))
        })
        .collect()
}
