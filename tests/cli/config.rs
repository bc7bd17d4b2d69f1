//! Configuration: what is in force, what is refused, the schema, `foreshot init`.

use std::fs;
use std::path::Path;

use super::common::{
    assert_exit, findings, foreshot, root, schema, stderr, stdout, temporary_folder, write,
    write_project,
};
use super::{CLEAN, UNGUARDED, project};
use serde_json::{Value, json};

/// Runs `check` and gives the rules of its findings.
fn rules(folder: &Path, arguments: &[&str]) -> Vec<String> {
    let mut all = vec!["check", "--output-format", "concise"];
    all.extend(arguments);
    let output = foreshot(folder, &all);
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{}",
        stderr(&output)
    );
    findings(&stdout(&output))
        .into_iter()
        .map(|finding| finding.rule)
        .collect()
}

#[test]
fn rules_are_chosen_by_id_and_by_tag() {
    let text = UNGUARDED.replace("    op.drop_table(\"t\", if_exists=True)\n", "    pass\n");
    let folder = project(&text);
    let folder = folder.path();
    assert_eq!(rules(folder, &[]), ["missing-guard", "missing-downgrade"]);
    assert_eq!(rules(folder, &["--select", "rerun"]), ["missing-guard"]);
    assert_eq!(rules(folder, &["--ignore", "rerun"]), ["missing-downgrade"]);
    assert_eq!(
        rules(folder, &["--level", "rollback=off"]),
        ["missing-guard"]
    );
    let output = foreshot(folder, &["check", "--select", "rerum"]);
    assert_exit(&output, 2);
    assert!(
        stderr(&output).contains("did you mean `rerun`?"),
        "{}",
        stderr(&output)
    );

    write(
        folder,
        "foreshot.toml",
        "ignore = [\"missing-downgrade\"]\n[per-file-levels.\"**/versions/a*.py\"]\nrerun = \"note\"\n",
    );
    assert_eq!(rules(folder, &[]), ["missing-guard"]);
    assert_exit(&foreshot(folder, &["check"]), 0);
    assert_exit(&foreshot(folder, &["check", "--fail-on", "note"]), 1);
}

#[test]
fn excluded_files_are_replayed_and_not_reported() {
    let folder = project(UNGUARDED);
    let folder = folder.path();
    write(
        folder,
        "alembic/versions/b.py",
        "from alembic import op\nrevision = 'b'\ndown_revision = 'a'\n\n\ndef upgrade():\n    op.execute(\"DROP TABLE t\")\n\n\n\
         def downgrade():\n    raise RuntimeError('gone')\n",
    );
    write(
        folder,
        "foreshot.toml",
        "exclude = [\"/alembic/versions/a.py\"]\n",
    );
    let output = foreshot(folder, &["check", "--output-format", "concise"]);
    let found = findings(&stdout(&output));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].path, "alembic/versions/b.py");
    // named on purpose, unless a hook says that it names whatever there is
    assert_eq!(rules(folder, &["alembic/versions/a.py"]), ["missing-guard"]);
    let forced = ["alembic/versions/a.py", "--force-exclude"];
    assert_eq!(rules(folder, &forced), Vec::<String>::new());
    write(folder, "foreshot.toml", "exclude = [\"versions/\"]\n");
    assert_eq!(rules(folder, &[]), Vec::<String>::new());
}

#[test]
fn the_nearest_file_to_what_is_checked_counts_and_may_extend() {
    let folder = temporary_folder();
    for service in ["one", "two"] {
        write_project(&folder.path().join(service));
        let text = UNGUARDED.replace("\"t\"", &format!("\"{service}\""));
        write(
            folder.path(),
            &format!("{service}/alembic/versions/a.py"),
            &text,
        );
    }
    write(folder.path(), ".git/HEAD", "");
    write(
        folder.path(),
        "foreshot.toml",
        "select = [\"rollback\"]\ndatabase = [\"two\"]\n",
    );
    write(
        folder.path(),
        "one/foreshot.toml",
        "extend = \"../foreshot.toml\"\nselect = [\"rerun\"]\n",
    );
    assert_eq!(rules(folder.path(), &["one"]), ["missing-guard"]);
    assert_eq!(rules(folder.path(), &["two"]), Vec::<String>::new());
    let output = foreshot(folder.path(), &["check", "--output-format", "json"]);
    let report: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    assert_eq!(report["summary"]["databases"], 1);

    // a file may not reach out of the project, unless a person names it
    let outside = temporary_folder();
    write(outside.path(), "base.toml", "select = [\"rollback\"]\n");
    write(outside.path(), "named.toml", "extend = \"base.toml\"\n");
    let path = outside.path().join("named.toml");
    let path = path.to_str().expect("UTF-8");
    assert_eq!(
        rules(folder.path(), &["one", "--config", path]),
        Vec::<String>::new()
    );
    write(
        folder.path(),
        "one/foreshot.toml",
        &format!("extend = \"{path}\"\n"),
    );
    let output = foreshot(folder.path(), &["check", "one"]);
    assert_exit(&output, 2);
    assert_eq!(
        stderr(&output),
        "foreshot: one/foreshot.toml:1: `extend` leads out of the project\n"
    );
}

#[test]
fn config_shows_values_with_their_places() {
    let folder = project(CLEAN);
    write(
        folder.path(),
        "pyproject.toml",
        "[tool.foreshot]\npostgres-version = 15\n\n[tool.foreshot.levels]\nmissing-guard = \"note\"\n",
    );
    let output = foreshot(
        folder.path(),
        &[
            "config",
            "--sqlalchemy-version",
            "1.4.54",
            "--level",
            "rollback=off",
        ],
    );
    assert_exit(&output, 0);
    let text = stdout(&output);
    for line in [
        "# pyproject.toml",
        "postgres-version = 15  # pyproject.toml:2",
        "sqlalchemy-version = \"1.4.54\"  # command line",
        "require-reason = true  # default",
        "# baseline: none (default)",
        "missing-guard = \"note\"  # pyproject.toml:5",
        "rollback = \"off\"  # command line",
    ] {
        assert!(text.lines().any(|found| found == line), "{line}\n{text}");
    }
    // what is shown can be a file
    write(folder.path(), "foreshot.toml", &text);
    assert_exit(&foreshot(folder.path(), &["check"]), 0);
}

#[test]
fn the_schema_is_that_of_the_repository_and_holds() {
    let output = foreshot(root(), &["config", "--schema"]);
    assert_exit(&output, 0);
    let path = root().join("foreshot.schema.json");
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, stdout(&output)).expect("written");
    }
    let kept = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        kept == stdout(&output),
        "foreshot.schema.json is old: UPDATE_EXPECT=1 cargo test --test cli writes it anew"
    );
    let schema: Value = serde_json::from_str(&kept).expect("JSON");
    let errors = |document: &Value| schema::errors(&schema, document).len();
    let right = json!({
        "postgres-version": 15, "alembic-version": "1.13", "start-after": "a", "select": ["rerun"],
        "levels": {"missing-guard": "off"}, "per-file-levels": {"a/": {"rollback": "note"}},
    });
    assert_eq!(errors(&right), 0, "{:?}", schema::errors(&schema, &right));
    assert_eq!(errors(&json!({"postgres_version": 15})), 1);
    assert_eq!(errors(&json!({"levels": {"missing-gard": "off"}})), 1);
    assert_eq!(errors(&json!({"require-reason": "yes"})), 1);
}

#[test]
fn init_writes_what_is_not_there_and_nothing_else() {
    let folder = project(UNGUARDED);
    let folder = folder.path();
    assert_exit(&foreshot(folder, &["check"]), 1);
    let output = foreshot(folder, &["init", "--print", "--hook", "--workflow"]);
    assert_exit(&output, 0);
    assert!(!folder.join("foreshot.toml").exists());
    assert!(stdout(&output).contains("start-after = [\"a\"]"));
    let output = foreshot(folder, &["init", "--hook", "--workflow"]);
    assert_exit(&output, 0);
    assert_eq!(stdout(&output), "");
    assert_eq!(stderr(&output).lines().count(), 3, "{}", stderr(&output));
    // the old finding is released, and every key that is offered is one
    assert_exit(&foreshot(folder, &["check"]), 0);
    let text = fs::read_to_string(folder.join("foreshot.toml")).expect("written");
    let all: String = text
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(rest)
                if rest.contains(" = ")
                    && !rest.contains("extend")
                    && !rest.starts_with("missing-") =>
            {
                rest
            }
            _ => line,
        })
        .fold(String::new(), |all, line| all + line + "\n");
    write(folder, "all.toml", &all);
    let output = foreshot(folder, &["config", "--config", "all.toml"]);
    assert_exit(&output, 0);
    for file in [".pre-commit-config.yaml", ".github/workflows/foreshot.yml"] {
        assert!(folder.join(file).exists(), "{file}");
        write(folder, file, "mine\n");
    }
    let output = foreshot(folder, &["init", "--hook", "--workflow"]);
    assert_exit(&output, 0);
    assert!(stderr(&output).contains("left as it is"));
    assert!(stdout(&output).contains("foreshot check"));
    let kept = fs::read_to_string(folder.join(".pre-commit-config.yaml")).expect("there");
    assert_eq!(kept, "mine\n");
}

#[test]
fn a_reason_may_be_left_out_where_the_project_says_so() {
    let text = UNGUARDED.replace(
        "primary_key=True))\n",
        "primary_key=True))  # foreshot: ignore[missing-guard]\n",
    );
    let folder = project(&text);
    assert_eq!(rules(folder.path(), &[]).len(), 2);
    write(folder.path(), "foreshot.toml", "require-reason = false\n");
    assert_eq!(rules(folder.path(), &[]), Vec::<String>::new());
}
