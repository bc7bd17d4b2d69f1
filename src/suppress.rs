//! `# foreshot: ignore[rule, rule] reason`: findings that somebody has looked at and accepts.
//!
//! At the end of a line the comment is about that line (about the whole statement where it stands at its end), alone on a
//! line about the statement below; `# foreshot: file-ignore[rule] reason` is about the file. In SQL the same stands after
//! `--`; in SQL inside Python it is about the whole Python statement. A reason is required unless the configuration says
//! otherwise. A comment that is malformed, names no rule or suppresses nothing is a finding itself, so
//! that no comment silences more than it says.

mod comments;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use indexmap::IndexMap;
use rustc_hash::{FxBuildHasher, FxHashMap};

use crate::config::nearest;
use crate::diagnostic::{Diagnostic, Severity};
use crate::source::{FileId, Site, SourceFile, SourceMap, Span};
use comments::{Comment, Language};

pub(crate) use comments::Scanned;

/// Id of the diagnostics about suppressions themselves.
pub const RULE: &str = "suppression";

/// The page of that rule.
pub const PAGE: &str = include_str!("../rules/suppression.md");

/// A suppression as written.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Suppression {
    rules: Vec<(String, Span)>,
    /// First and last line that it is about; `None`: the file.
    lines: Option<(u32, u32)>,
    span: Span,
}

/// What is left, and how many findings comments took away.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Applied {
    /// The findings that stay, and those about suppressions.
    pub diagnostics: Vec<Diagnostic>,
    /// How many were suppressed.
    pub count: usize,
}

/// Takes out what comments suppress. `judges` says of a file's path, and whether its text is that of before
/// ([`SourceMap::is_past`]), whether its comments are judged themselves; `rules` are all ids; `require_reason`: a comment
/// that does not say why is a finding and accepts nothing.
pub fn apply(
    diagnostics: Vec<Diagnostic>,
    sources: &SourceMap,
    judges: impl Fn(&Utf8Path, bool) -> bool,
    rules: &[&str],
    require_reason: bool,
) -> Applied {
    // a file may have come in twice, for two databases: its path is what counts, and whether its text is that of today
    let key = |id: FileId| {
        (
            sources.file(id).path().as_str().to_owned(),
            sources.is_past(id),
        )
    };
    let mut files: IndexMap<(String, bool), FileId, FxBuildHasher> = IndexMap::default();
    let numbers = (0..sources.len() as u32).map(FileId);
    for id in numbers.filter(|id| !sources.is_superseded(*id)) {
        files.entry(key(id)).or_insert(id);
    }
    let mut applied = Applied::default();
    let mut by_file: FxHashMap<(String, bool), Vec<Diagnostic>> = FxHashMap::default();
    for diagnostic in diagnostics {
        let key = key(diagnostic.site.file);
        by_file.entry(key).or_default().push(diagnostic);
    }
    for (key, id) in files {
        let found = by_file.remove(&key).unwrap_or_default();
        let own = judges(Utf8Path::new(&key.0), key.1);
        if found.is_empty() && !own {
            continue;
        }
        let file = sources.file(id);
        let (suppressions, mut problems) = read(&file, id, rules, require_reason);
        let mut used: BTreeSet<(usize, usize)> = BTreeSet::new();
        applied.diagnostics.reserve(found.len());
        for diagnostic in found {
            let line = file.line(diagnostic.site.span.start);
            let hits = covering(&suppressions, diagnostic.rule, line);
            if hits.is_empty() {
                applied.diagnostics.push(diagnostic);
            } else {
                used.extend(hits);
                applied.count += 1;
            }
        }
        if own {
            problems.extend(unused(&suppressions, &used, rules, id));
            applied.diagnostics.extend(problems);
        }
    }
    applied
}

/// The texts of the files with a comment above each of some findings, by path.
pub fn with_comments(
    diagnostics: &[Diagnostic],
    sources: &SourceMap,
    reason: &str,
) -> BTreeMap<Utf8PathBuf, Arc<str>> {
    let mut wanted: BTreeMap<(Utf8PathBuf, u32), BTreeSet<&str>> = BTreeMap::new();
    let mut files: BTreeMap<Utf8PathBuf, FileId> = BTreeMap::new();
    for diagnostic in diagnostics {
        let file = sources.file(diagnostic.site.file);
        let line = file.line(diagnostic.site.span.start);
        files.insert(file.path().to_owned(), diagnostic.site.file);
        wanted
            .entry((file.path().to_owned(), line))
            .or_default()
            .insert(diagnostic.rule);
    }
    // a reason is one line, and begins no other comment
    let reason = reason.split_whitespace().collect::<Vec<_>>().join(" ");
    let mut texts = BTreeMap::new();
    for (path, id) in files {
        let file = sources.file(id);
        let sign = match language(&path) {
            Language::Sql => "--",
            Language::Python => "#",
        };
        let end = if file.text().contains("\r\n") {
            "\r\n"
        } else {
            "\n"
        };
        let mut text = file.text().to_string();
        let lines = wanted.iter().filter(|((of, _), _)| *of == path);
        // from the last line to the first, so that offsets stay
        for ((_, line), rules) in lines.rev() {
            let (Some(start), Some(content)) = (file.line_start(*line), file.line_text(*line))
            else {
                continue;
            };
            let indent = &content[..content.len() - content.trim_start().len()];
            let rules: Vec<&str> = rules.iter().copied().collect();
            let comment = format!(
                "{indent}{sign} foreshot: ignore[{}] {reason}{end}",
                rules.join(", ")
            );
            text.insert_str(start as usize, &comment);
        }
        texts.insert(path, text.into());
    }
    texts
}

/// The suppressions, and the rules in them, that cover a rule's finding on a line.
fn covering(suppressions: &[Suppression], rule: &str, line: u32) -> Vec<(usize, usize)> {
    let mut hits = Vec::new();
    for (index, suppression) in suppressions.iter().enumerate() {
        let there = suppression
            .lines
            .is_none_or(|(first, last)| (first..=last).contains(&line));
        if !there {
            continue;
        }
        hits.extend(
            suppression
                .rules
                .iter()
                .enumerate()
                .filter(|(_, (name, _))| name == rule)
                .map(|(number, _)| (index, number)),
        );
    }
    hits
}

fn unused(
    suppressions: &[Suppression],
    used: &BTreeSet<(usize, usize)>,
    rules: &[&str],
    file: FileId,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for (index, suppression) in suppressions.iter().enumerate() {
        for (number, (rule, span)) in suppression.rules.iter().enumerate() {
            if !used.contains(&(index, number)) && rules.contains(&rule.as_str()) {
                found.push(problem(
                    file,
                    *span,
                    format!("this suppresses nothing: there is no finding of `{rule}` here"),
                    "remove the comment",
                ));
            }
        }
    }
    found
}

fn problem(file: FileId, span: Span, message: String, help: impl Into<String>) -> Diagnostic {
    Diagnostic {
        rule: RULE,
        severity: Severity::Warning,
        site: Site { file, span },
        message,
        help: Some(help.into()),
        labels: Vec::new(),
        notes: Vec::new(),
        revision: None,
        fix: None,
    }
}

/// The suppressions of a file, and what is wrong with them.
fn read(
    file: &SourceFile,
    id: FileId,
    rules: &[&str],
    require_reason: bool,
) -> (Vec<Suppression>, Vec<Diagnostic>) {
    // most files have none: no need to look for comments
    if !file.text().contains("foreshot:") {
        return (Vec::new(), Vec::new());
    }
    let scanned = scan_file(file);
    let mut suppressions = Vec::new();
    let mut problems = Vec::new();
    for comment in &scanned.comments {
        let text = &file.text()[comment.span.range()];
        let Some(offset) = directive(text) else {
            continue;
        };
        let start = comment.span.start + offset as u32;
        match parse(&text[offset..], start, require_reason) {
            Ok(parsed) => {
                for (rule, span) in &parsed.rules {
                    if !rules.contains(&rule.as_str()) {
                        let help = match nearest(rule, rules) {
                            Some(name) => format!("did you mean `{name}`?"),
                            None => "`foreshot rules` lists them".to_owned(),
                        };
                        problems.push(problem(
                            id,
                            *span,
                            format!("there is no rule `{rule}`"),
                            help,
                        ));
                    }
                }
                suppressions.push(Suppression {
                    lines: (!parsed.whole_file).then(|| lines_of(comment, &scanned)),
                    rules: parsed.rules,
                    span: comment.span,
                });
            }
            Err(message) => problems.push(problem(
                id,
                comment.span,
                message,
                "write `foreshot: ignore[rule] reason` or `foreshot: file-ignore[rule] reason`",
            )),
        }
    }
    (suppressions, problems)
}

/// The comments and statements of a file.
pub(crate) fn scan_file(file: &SourceFile) -> Scanned {
    comments::scan(file, language(file.path()))
}

fn language(path: &Utf8Path) -> Language {
    if path.extension() == Some("sql") {
        Language::Sql
    } else {
        Language::Python
    }
}

/// Offset of `foreshot:` in a comment, where it begins it or follows another comment sign (`# noqa  # foreshot: ...`).
fn directive(comment: &str) -> Option<usize> {
    comment
        .match_indices("foreshot:")
        .map(|(at, _)| at)
        .find(|at| comment[..*at].trim_end().ends_with(['#', '-']))
}

struct Parsed {
    rules: Vec<(String, Span)>,
    whole_file: bool,
}

/// Reads `foreshot: ignore[a, b] reason`; `start` is its place in the file.
fn parse(text: &str, start: u32, require_reason: bool) -> Result<Parsed, String> {
    let after = text["foreshot:".len()..].trim_start();
    let whole_file = after.starts_with("file-ignore");
    let rest = after
        .strip_prefix("file-ignore")
        .or_else(|| after.strip_prefix("ignore"))
        .ok_or("this `foreshot:` comment is neither `ignore[...]` nor `file-ignore[...]`")?;
    let inside = rest
        .trim_start()
        .strip_prefix('[')
        .ok_or("this suppression names no rule in brackets")?;
    let (list, reason) = inside
        .split_once(']')
        .ok_or("the list of rules of this suppression has no end `]`")?;
    let list_start = start + (text.len() - inside.len()) as u32;
    let mut rules = Vec::new();
    let mut at = list_start;
    for part in list.split(',') {
        let name = part.trim();
        let begin = at + (part.len() - part.trim_start().len()) as u32;
        at += part.len() as u32 + 1;
        if name.is_empty() {
            return Err("this suppression names no rule, or an empty one".to_owned());
        }
        rules.push((name.to_owned(), Span::new(begin, begin + name.len() as u32)));
    }
    let reason = reason.trim_start_matches([' ', '\t', ':', '-', '–', '—']);
    if require_reason && !reason.chars().any(char::is_alphanumeric) {
        return Err("this suppression gives no reason".to_owned());
    }
    Ok(Parsed { rules, whole_file })
}

/// The lines that a comment is about.
fn lines_of(comment: &Comment, scanned: &comments::Scanned) -> (u32, u32) {
    if comment.in_string {
        // a finding about SQL stands at the call that sends it
        let around = scanned
            .statements
            .iter()
            .find(|(first, last)| (*first..=*last).contains(&comment.line));
        return around.copied().unwrap_or((comment.line, comment.line));
    }
    if comment.alone {
        let below = scanned
            .statements
            .iter()
            .find(|(first, _)| *first > comment.line);
        // inside brackets there is no statement below, but a line
        let next = comment.line + 1;
        return match below {
            _ if comment.inside => (next, next),
            Some(lines) => *lines,
            None => (next, next),
        };
    }
    scanned
        .statements
        .iter()
        .find(|(_, last)| *last == comment.line && !comment.inside)
        .copied()
        .unwrap_or((comment.line, comment.line))
}

#[cfg(test)]
mod tests;
