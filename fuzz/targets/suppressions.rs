//! Suppressing comments: read in any text, and written above findings so that the text stays readable and the findings are gone.
//!
//! The first line of an input is the file's path.
#![no_main]

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::Utf8Path;
use foreshot::diagnostic::{Diagnostic, Severity};
use foreshot::rules::RULES;
use foreshot::source::{FileId, Site, SourceFile, SourceMap, Span};
use foreshot::suppress;
use foreshot_fuzz::{mutate, project, text};
use libfuzzer_sys::{fuzz_mutator, fuzz_target};

const RULE: &str = "missing-guard";

fn finding(file: FileId, span: Span) -> Diagnostic {
    Diagnostic {
        rule: RULE,
        severity: Severity::Error,
        site: Site { file, span },
        message: "x".to_owned(),
        help: None,
        labels: Vec::new(),
        notes: Vec::new(),
        revision: None,
        fix: None,
    }
}

/// Where rules report: the statements of the file.
fn places(path: &Utf8Path, text: &str) -> Vec<Span> {
    if path.extension() == Some("sql") {
        let parsed = foreshot::sql::parse_file(text);
        return parsed.iter().map(|one| one.span).collect();
    }
    let module = foreshot::python::syntax::parse(FileId(0), text);
    let expressions = module.expressions.iter();
    expressions.map(|one| one.span).step_by(5).collect()
}

fuzz_target!(|data: &[u8]| {
    let text = text(data);
    let (name, text) = text.split_once('\n').unwrap_or(("a.py", &text));
    let path = Utf8Path::new(if name.ends_with(".sql") { "a.sql" } else { "a.py" });
    let ids: Vec<&str> = RULES.iter().map(|rule| rule.info.id).collect();
    let sources = SourceMap::default();
    let id = sources.add(Arc::new(SourceFile::new(path, text)));
    let spans = places(path, text);
    let all: Vec<Diagnostic> = spans.iter().map(|span| finding(id, *span)).collect();
    for require_reason in [false, true] {
        let applied = suppress::apply(all.clone(), &sources, |_, _| true, &ids, require_reason);
        let kept = applied.diagnostics.iter().filter(|one| one.rule == RULE);
        assert_eq!(kept.count() + applied.count, all.len(), "a finding is lost");
    }
    if !project::is_readable(path, text) {
        return;
    }
    // one comment: the text is read as before, and what it is about is gone
    let file = sources.file(id);
    let lines: BTreeSet<u32> = spans.iter().map(|span| file.line(span.start)).collect();
    let Some(one) = all.get(text.len() % all.len().max(1)) else {
        return;
    };
    let texts = suppress::with_comments(std::slice::from_ref(one), &sources, "because");
    for (path, new) in texts {
        assert!(project::is_readable(&path, &new), "a comment breaks the text:\n{new}");
        let again = places(&path, &new);
        assert_eq!(again.len(), spans.len(), "a comment changes the text:\n{new}");
    }
    assert!(!lines.is_empty());
});

fuzz_mutator!(|data: &mut [u8], size: usize, max_size: usize, seed: u32| {
    mutate::mutate("suppressions", data, size, max_size, seed)
});
