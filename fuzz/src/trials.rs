//! What each fuzz target tries with an input; a panic is a find. `tests/fuzz_seeds.rs` tries them with the seeds.

use std::collections::BTreeSet;
use std::sync::Arc;

use camino::Utf8Path;
use foreshot::config::Loader;
use foreshot::diagnostic::{Diagnostic, Severity};
use foreshot::discover::versions::Finder;
use foreshot::discover::{self, Options};
use foreshot::files::Memory;
use foreshot::fix::Attempts;
use foreshot::repair::{self, Texts, Trial, Wanted};
use foreshot::rules::RULES;
use foreshot::source::{FileId, Site, SourceFile, SourceMap, Span};
use foreshot::suppress;

use crate::project::{self, text};

/// A target's name, and what it does with an input.
pub type Target = (&'static str, fn(&[u8]));

/// The targets by name, in the order of the files in `targets/`.
pub const TRIALS: [Target; 5] = [
    ("config", config),
    ("fixes", fixes),
    ("python", python),
    ("sql", sql),
    ("suppressions", suppressions),
];

/// Reading and interpreting: an Alembic project through all four runs, all rules, all formats.
pub fn python(data: &[u8]) {
    let Some(project) = project::Project::open(project::python(&text(data))) else {
        return;
    };
    project::report(&project.analyse());
}

/// Reading and executing SQL: a folder of SQL files through all runs, all rules, all formats.
pub fn sql(data: &[u8]) {
    let Some(project) = project::Project::open(project::sql(&text(data))) else {
        return;
    };
    project::report(&project.analyse());
}

const REVISION: &str = "from alembic import op\nrevision = 'a'\ndown_revision = None\n\n\ndef upgrade():\n    op.drop_table('t')\n";

/// Configuration: `foreshot.toml`, `pyproject.toml`, `alembic.ini` as a stranger writes them, and a project configured by them.
pub fn config(data: &[u8]) {
    let text = text(data);
    let rules = project::rules();
    for name in [
        "foreshot.toml",
        "pyproject.toml",
        "alembic.ini",
        "setup.cfg",
        "requirements.txt",
    ] {
        let mut memory = Memory::new()
            .with("alembic/env.py", "from alembic import context\n")
            .with("alembic/versions/a.py", REVISION)
            .with("migrations/V1__a.sql", "create table t (a int);\n")
            .with("requirements.txt", "alembic\n");
        for (path, text) in project::files(&text, name) {
            memory = memory.with(&path, text);
        }
        let loader = Loader {
            files: &memory,
            root: Utf8Path::new(""),
            rules: &rules,
        };
        if let Err(error) = loader.nearest(Utf8Path::new("")) {
            assert!(!error.message.is_empty() && error.line > 0);
        }
        let _ = discover::discover(&memory, &[], &Options::default());
        let _ = Finder::new(&memory).versions(Utf8Path::new("alembic"));
        if let Some(project) = project::Project::open(memory) {
            project.analyse();
        }
    }
}

/// Fixes: what is accepted still parses, cures its finding and is at rest: a second repair finds nothing more to do.
pub fn fixes(data: &[u8]) {
    let Some(project) = project::Project::open(project::python(&text(data))) else {
        return;
    };
    let analyse = |trial: Trial<'_>| project.round(trial);
    let as_it_is = |texts: &Texts| {
        analyse(Trial {
            texts,
            attempts: &Attempts::new(),
            apart: None,
        })
    };
    for unsafe_too in [false, true] {
        let wanted = Wanted {
            unsafe_too,
            ..Wanted::default()
        };
        let first = as_it_is(&Texts::new());
        if !first.diagnostics.iter().any(|one| one.fix.is_some()) {
            return;
        }
        let before = first.diagnostics.len();
        let repaired = repair::repair(first, &analyse, &wanted, &|_| true);
        for (path, new) in &repaired.texts {
            let old = project.text(path);
            assert!(
                project::is_readable(path, new) || !project::is_readable(path, &old),
                "a fix breaks `{path}`:\n{new}"
            );
        }
        assert_eq!(repaired.fixed.is_empty(), repaired.texts.is_empty());
        // behind the NameError of a missing import nothing was judged before
        let reads_on = |one: &repair::Fixed| one.target.rule == "missing-import";
        if !repaired.fixed.iter().any(reads_on) {
            assert!(repaired.last.diagnostics.len() <= before + repaired.fixed.len());
        }
        project::report(&as_it_is(&repaired.texts));
    }
}

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

/// Suppressing comments: read in any text, and written above findings so that the text stays readable and the findings are gone.
///
/// The first line of an input is the file's path.
pub fn suppressions(data: &[u8]) {
    let text = text(data);
    let (name, text) = text.split_once('\n').unwrap_or(("a.py", &text));
    let is_sql = Utf8Path::new(name).extension() == Some("sql");
    let path = Utf8Path::new(if is_sql { "a.sql" } else { "a.py" });
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
        assert!(
            project::is_readable(&path, &new),
            "a comment breaks the text:\n{new}"
        );
        let again = places(&path, &new);
        assert_eq!(
            again.len(),
            spans.len(),
            "a comment changes the text:\n{new}"
        );
    }
    assert!(!lines.is_empty());
}
