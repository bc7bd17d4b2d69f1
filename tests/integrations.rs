//! What other programs read: problem matchers, hooks, versions (the action: `action.rs`). The tools themselves (pre-commit, prek, the linters, pip) are run by
//! `scripts/integrations.sh`.

mod common;

use std::fs;

use common::{
    assert_exit, copy_folder, findings, foreshot, root, stdout, temporary_folder, write,
    write_project,
};
use regex::Regex;
use serde_json::Value;

const VERSION: &str = env!("CARGO_PKG_VERSION");

fn text(path: &str) -> String {
    fs::read_to_string(root().join(path)).expect("a file of the repository")
}

#[test]
fn the_version_is_the_same_everywhere() {
    assert!(text("action/install.sh").contains(&format!("\nRELEASED={VERSION}\n")));
    let hook = text("pre-commit/pyproject.toml");
    assert!(hook.contains(&format!("version = \"{VERSION}\"")));
    assert!(hook.contains(&format!("dependencies = [\"foreshot=={VERSION}\"]")));
    assert!(text("pre-commit/README.md").contains(&format!("rev: v{VERSION}")));
}

/// The one pattern of a matcher's JSON.
fn pattern(matcher: &Value) -> Regex {
    let pattern = match &matcher["pattern"] {
        Value::Array(patterns) => &patterns[0],
        one => one,
    };
    let groups = ["file", "line", "column", "severity", "code", "message"];
    for (index, group) in groups.iter().enumerate() {
        assert_eq!(pattern[group], index + 1, "{group}");
    }
    Regex::new(pattern["regexp"].as_str().expect("a pattern")).expect("a regular expression")
}

fn matchers() -> [Regex; 2] {
    let github: Value = serde_json::from_str(&text(".github/foreshot-matcher.json")).expect("JSON");
    let page = text("docs/editors.md");
    let json = page.split("```json\n").nth(1).expect("tasks.json");
    let json = json.split("```").next().expect("its end");
    let code: Value = serde_json::from_str(json).expect("JSON");
    [
        pattern(&github["problemMatcher"][0]),
        pattern(&code["tasks"][0]["problemMatcher"]),
    ]
}

#[test]
fn matchers_read_what_concise_prints() {
    let folder = temporary_folder();
    write_project(folder.path());
    let revision = "revision = 'a'\ndown_revision = None\nfrom alembic import op\n\n\
                    def upgrade():\n    op.execute(\"CREATE TABLE \\\"a]: b:1\\\" (x int[])\")\n\ndef downgrade():\n    pass\n";
    write(
        folder.path(),
        "alembic/versions/with space/a [1].py",
        revision,
    );
    let ini = "[alembic]\nscript_location = alembic\nversion_locations = alembic/versions/with space\npath_separator = newline\n";
    write(folder.path(), "alembic.ini", ini);
    let output = foreshot(folder.path(), &["check", "--output-format", "concise"]);
    assert_exit(&output, 1);
    let printed = stdout(&output);
    let expected = findings(&printed);
    assert_eq!(expected.len(), 2, "{printed}");
    assert!(expected[0].message.contains("a]: b:1"), "{printed}");
    for matcher in matchers() {
        for drive in ["", "C:\\work\\"] {
            let mut seen = 0;
            for line in printed.lines() {
                let line = format!("{drive}{line}");
                let Some(found) = matcher.captures(&line) else {
                    continue;
                };
                let finding = &expected[seen];
                assert_eq!(&found[1], format!("{drive}{}", finding.path));
                assert_eq!(found[2], finding.line.to_string());
                assert_eq!(found[3], finding.column.to_string());
                assert_eq!(found[4], finding.severity);
                assert_eq!(found[5], finding.rule);
                assert_eq!(found[6], finding.message);
                seen += 1;
            }
            // the last line, which counts, is no finding
            assert_eq!(seen, expected.len(), "{printed}");
        }
    }
}

#[test]
fn hooks_see_migrations_and_nothing_else() {
    let own = text(".pre-commit-hooks.yaml");
    let mirror = text("pre-commit/.pre-commit-hooks.yaml");
    let files: Vec<&str> = own
        .lines()
        .chain(mirror.lines())
        .filter_map(|line| line.trim().strip_prefix("files: "))
        .collect();
    assert_eq!(files.len(), 3);
    for expression in files {
        let expression = Regex::new(expression).expect("a regular expression");
        for yes in [
            "alembic/versions/a.py",
            "alembic/env.py",
            "src/app/migrations/0001_start.sql",
            "migrations/20240101_a/up.sql",
            "db/migration/V1__start.sql",
            "app/db/migration_utils.py",
            "versions/a.py",
        ] {
            assert!(expression.is_match(yes), "{yes}");
        }
        for no in [
            "app/models.py",
            "conversions/a.py",
            "README.md",
            "app/alembics.py",
        ] {
            assert!(!expression.is_match(no), "{no}");
        }
    }
    assert!(
        !own.contains("language: python"),
        "it would build the parser on each machine"
    );
}

#[test]
fn a_copy_of_the_example_is_what_the_hook_names() {
    let folder = temporary_folder();
    copy_folder(&root().join("examples/shop"), folder.path());
    let named = ["check", "app/db/migration_utils.py", "alembic/env.py"];
    assert_exit(&foreshot(folder.path(), &named), 0);
}
