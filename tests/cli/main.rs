//! The program itself, as its users meet it: exit codes, formats, positions, the same bytes each time, hostile input.

mod baseline;
#[path = "../common/mod.rs"]
mod common;
mod config;
mod environment;
mod formats;
mod since;

use std::collections::BTreeSet;
use std::fs;
use std::io::Read;
use std::process::{Command, Stdio};

use common::{
    assert_exit, findings, foreshot, stderr, stdout, temporary_folder, write, write_project,
};
use serde_json::Value;

/// All rules, as the program lists them.
fn rules() -> Vec<String> {
    let output = foreshot(common::root(), &["rules"]);
    let listed = stdout(&output);
    listed
        .lines()
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        // about foreshot itself: it needs no long page
        .filter(|rule| rule != "internal-error")
        .collect()
}

const FORMATS: [&str; 10] = [
    "text",
    "concise",
    "github",
    "gitlab",
    "json",
    "json-lines",
    "junit",
    "markdown",
    "rdjson",
    "sarif",
];

const CLEAN: &str = r#"
import sqlalchemy as sa
from alembic import op

revision = "a"
down_revision = None


def upgrade():
    op.create_table("t", sa.Column("id", sa.Integer, primary_key=True), if_not_exists=True)


def downgrade():
    op.drop_table("t", if_exists=True)
"#;

const UNGUARDED: &str = r#"
import sqlalchemy as sa
from alembic import op

revision = "a"
down_revision = None


def upgrade():
    op.create_table("t", sa.Column("id", sa.Integer, primary_key=True))


def downgrade():
    op.drop_table("t", if_exists=True)
"#;

fn project(text: &str) -> common::folder::TemporaryFolder {
    let folder = temporary_folder();
    write_project(folder.path());
    write(folder.path(), "alembic/versions/a.py", text);
    folder
}

#[test]
fn exit_codes() {
    assert_exit(&foreshot(project(CLEAN).path(), &["check"]), 0);
    assert_exit(&foreshot(project(UNGUARDED).path(), &["check"]), 1);
    assert_exit(&foreshot(project(CLEAN).path(), &["check", "nowhere"]), 2);
    assert_exit(
        &foreshot(project(CLEAN).path(), &["check", "--no-such-flag"]),
        2,
    );
    assert_exit(&foreshot(project(CLEAN).path(), &["--version"]), 0);
    assert_exit(&foreshot(project(CLEAN).path(), &["--help"]), 0);
    assert_exit(&foreshot(project(UNGUARDED).path(), &["trace"]), 0);
    assert_exit(
        &foreshot(project(CLEAN).path(), &["explain", "missing-guard"]),
        0,
    );
    assert_exit(
        &foreshot(project(CLEAN).path(), &["explain", "no-such-rule"]),
        2,
    );
}

#[test]
fn a_missing_path_is_named_in_one_sentence() {
    let output = foreshot(project(CLEAN).path(), &["check", "nowhere"]);
    assert_exit(&output, 2);
    assert!(stdout(&output).is_empty(), "{}", stdout(&output));
    assert!(stderr(&output).contains("nowhere"), "{}", stderr(&output));
}

#[test]
fn an_unknown_key_of_the_configuration_is_refused_in_one_sentence() {
    let folder = project(CLEAN);
    write(
        folder.path(),
        "foreshot.toml",
        "postgres-verison = \"15\"\n",
    );
    let output = foreshot(folder.path(), &["check"]);
    assert_exit(&output, 2);
    let message = stderr(&output);
    assert!(message.contains("postgres-verison"), "{message}");
    assert!(message.contains("foreshot.toml"), "{message}");

    let folder = project(CLEAN);
    write(
        folder.path(),
        "pyproject.toml",
        "[tool.foreshot]\nno-such-key = 1\n",
    );
    let output = foreshot(folder.path(), &["check"]);
    assert_exit(&output, 2);
    assert!(
        stderr(&output).contains("no-such-key"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn levels_are_set_in_the_configuration() {
    let folder = project(UNGUARDED);
    write(
        folder.path(),
        "foreshot.toml",
        "[levels]\nmissing-guard = \"off\"\n",
    );
    assert_exit(&foreshot(folder.path(), &["check"]), 0);
    write(
        folder.path(),
        "foreshot.toml",
        "[levels]\nmissing-guard = \"note\"\n",
    );
    let output = foreshot(folder.path(), &["check", "--output-format", "concise"]);
    // notes are advice: they fail no build
    assert_exit(&output, 0);
    assert_eq!(findings(&stdout(&output))[0].severity, "note");
}

#[test]
fn a_comment_silences_one_rule_on_its_line() {
    let silenced = UNGUARDED.replace(
        "primary_key=True))\n",
        "primary_key=True))  # foreshot: ignore[missing-guard] the first revision\n",
    );
    assert_ne!(silenced, UNGUARDED);
    assert_exit(&foreshot(project(&silenced).path(), &["check"]), 0);
    let other = silenced.replace("[missing-guard]", "[missing-downgrade]");
    let output = foreshot(
        project(&other).path(),
        &["check", "--output-format", "concise"],
    );
    assert_exit(&output, 1);
    let found = findings(&stdout(&output));
    assert!(found.iter().any(|finding| finding.rule == "missing-guard"));
}

#[test]
fn only_named_files_are_reported_and_all_are_replayed() {
    let folder = project(UNGUARDED);
    write(
        folder.path(),
        "alembic/versions/b.py",
        "from alembic import op\nrevision = 'b'\ndown_revision = 'a'\n\n\ndef upgrade():\n    op.execute(\"DROP TABLE t\")\n\n\ndef downgrade():\n    raise RuntimeError('gone')\n",
    );
    let output = foreshot(
        folder.path(),
        &[
            "check",
            "alembic/versions/b.py",
            "--output-format",
            "concise",
        ],
    );
    assert_exit(&output, 1);
    let found = findings(&stdout(&output));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!(found[0].path, "alembic/versions/b.py");
    assert_eq!((found[0].line, found[0].column), (7, 5));
    assert!(found[0].message.contains("42P01"), "{}", found[0].message);
}

#[test]
fn positions_count_code_points_from_one() {
    // line 7: a tab, 17 code points up to the space after the semicolon (28 bytes of them), then the call
    let text = "\"\"\"Größe 📦\"\"\"\r\n\
                revision = \"a\"\r\n\
                down_revision = None\r\n\
                from alembic import op; import sqlalchemy as sa\r\n\
                \r\n\
                def upgrade():\r\n\
                \tname = \"größe📦\"; op.create_table(name, sa.Column(\"id\", sa.Integer))\r\n\
                \top.execute(\"CREATE INDEX ö ON größe📦 (id)\")\r\n\
                \r\n\
                def downgrade():\r\n\
                \traise RuntimeError(\"ß\")\r\n";
    let folder = project(text);
    let output = foreshot(folder.path(), &["check", "--output-format", "concise"]);
    assert_exit(&output, 1);
    let found = findings(&stdout(&output));
    let first = found
        .iter()
        .find(|finding| finding.rule == "missing-guard")
        .expect("a finding");
    assert_eq!(first.path, "alembic/versions/a.py");
    assert_eq!((first.line, first.column), (7, 19), "{found:#?}");

    let output = foreshot(folder.path(), &["check", "--output-format", "sarif"]);
    let log: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let result = log["runs"][0]["results"]
        .as_array()
        .expect("results")
        .iter()
        .find(|result| result["ruleId"] == "missing-guard")
        .expect("a result");
    let region = &result["locations"][0]["physicalLocation"]["region"];
    assert_eq!(region["startLine"], 7);
    assert_eq!(region["startColumn"], 19);

    let output = foreshot(folder.path(), &["trace", "--format", "json"]);
    let lines: Vec<u64> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).expect("JSON"))
        .filter(|event| event["run"] == "first")
        .filter_map(|event| event["line"].as_u64())
        .collect();
    assert_eq!(lines, [7, 8]);
}

#[test]
fn sarif_is_valid_and_lists_every_rule() {
    let output = foreshot(
        common::root(),
        &["check", "examples/shop", "--output-format", "sarif"],
    );
    assert_exit(&output, 1);
    let log: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let folder = common::root().join("tests/schema");
    let schema = fs::read_dir(&folder)
        .expect("the folder of the schema")
        .map(|entry| entry.expect("an entry").path())
        .find(|path| {
            path.extension()
                .is_some_and(|extension| extension == "json")
        })
        .expect("the schema");
    let schema: Value =
        serde_json::from_str(&fs::read_to_string(schema).expect("the schema")).expect("JSON");
    let errors = common::schema::errors(&schema, &log);
    assert!(errors.is_empty(), "{errors:#?}");

    assert_eq!(log["version"], "2.1.0");
    let run = &log["runs"][0];
    let rules = run["tool"]["driver"]["rules"].as_array().expect("rules");
    let ids: BTreeSet<&str> = rules
        .iter()
        .filter_map(|rule| rule["id"].as_str())
        .collect();
    let all = self::rules();
    for rule in &all {
        assert!(ids.contains(rule.as_str()), "{rule} is not listed: {ids:?}");
    }
    for rule in rules {
        assert!(
            rule["help"]["markdown"]
                .as_str()
                .is_some_and(|text| text.len() > 200)
                || !all.iter().any(|id| rule["id"] == **id),
            "{}: no help",
            rule["id"]
        );
    }
    let results = run["results"].as_array().expect("results");
    assert!(!results.is_empty());
    for result in results {
        assert_eq!(result["locations"].as_array().map(Vec::len), Some(1));
        let place = &result["locations"][0]["physicalLocation"];
        let uri = place["artifactLocation"]["uri"].as_str().expect("a URI");
        assert!(
            !uri.starts_with('/') && !uri.contains('\\') && !uri.contains("://"),
            "{uri} is not relative"
        );
        assert!(
            place["region"]["startLine"]
                .as_u64()
                .is_some_and(|line| line >= 1)
        );
        assert!(
            place["region"]["startColumn"]
                .as_u64()
                .is_none_or(|column| column >= 1)
        );
        let index = result["ruleIndex"].as_u64().map(|index| index as usize);
        if let Some(index) = index {
            assert_eq!(rules[index]["id"], result["ruleId"]);
        }
    }
}

#[test]
fn tags_of_the_rules() {
    let output = foreshot(
        common::root(),
        &["check", "examples/shop", "--output-format", "sarif"],
    );
    let log: Value = serde_json::from_str(&stdout(&output)).expect("JSON");
    let rules = log["runs"][0]["tool"]["driver"]["rules"]
        .as_array()
        .expect("rules");
    for (id, tag) in [
        ("missing-guard", "rerun"),
        ("non-idempotent-insert", "rerun"),
        ("enum-value-used-before-commit", "transaction"),
        ("missing-downgrade", "rollback"),
    ] {
        let rule = rules
            .iter()
            .find(|rule| rule["id"] == id)
            .expect("the rule");
        let tags = rule["properties"]["tags"].as_array().expect("tags");
        assert!(tags.iter().any(|found| found == tag), "{id}: {tags:?}");
    }
}

#[test]
fn json_is_versioned_and_agrees_with_concise() {
    let json = foreshot(
        common::root(),
        &["check", "examples/shop", "--output-format", "json"],
    );
    let concise = foreshot(
        common::root(),
        &["check", "examples/shop", "--output-format", "concise"],
    );
    let report: Value = serde_json::from_str(&stdout(&json)).expect("JSON");
    assert!(!report["version"].is_null(), "no version");
    let diagnostics = report["diagnostics"].as_array().expect("diagnostics");
    assert_eq!(diagnostics.len(), findings(&stdout(&concise)).len());
    for diagnostic in diagnostics {
        assert!(diagnostic["rule"].is_string());
        assert!(diagnostic["message"].is_string());
    }
}

#[test]
fn the_text_report_shows_the_line_and_ends_with_what_was_analysed() {
    let output = foreshot(common::root(), &["check", "examples/shop"]);
    assert_exit(&output, 1);
    let text = stdout(&output);
    assert!(text.contains("op.create_table("), "{text}");
    assert!(text.contains("help:"), "{text}");
    let last = text.trim_end().lines().next_back().unwrap_or_default();
    assert!(last.contains("14 revisions"), "{last}");
}

#[test]
fn the_same_bytes_for_any_number_of_threads() {
    for format in FORMATS {
        let mut outputs = Vec::new();
        for jobs in ["1", "4"] {
            let output = foreshot(
                common::root(),
                &[
                    "check",
                    "examples/shop",
                    "--output-format",
                    format,
                    "--jobs",
                    jobs,
                ],
            );
            assert_exit(&output, 1);
            outputs.push(stdout(&output));
        }
        assert!(outputs[0] == outputs[1], "{format}: the output differs");
    }
    let traces: Vec<String> = ["1", "4", "4"]
        .iter()
        .map(|jobs| {
            stdout(&foreshot(
                common::root(),
                &["trace", "examples/shop", "--format", "json", "--jobs", jobs],
            ))
        })
        .collect();
    assert!(traces.iter().all(|trace| *trace == traces[0]));
}

#[test]
fn a_trace_has_the_fields_that_it_promises() {
    let output = foreshot(
        common::root(),
        &[
            "trace",
            "examples/shop",
            "--format",
            "json",
            "--revision",
            "20250114_catalog",
        ],
    );
    assert_exit(&output, 0);
    let events: Vec<Value> = stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();
    assert!(!events.is_empty());
    for event in &events {
        assert_eq!(event["revision"], "20250114_catalog");
        for key in [
            "file",
            "revision",
            "run",
            "line",
            "end_line",
            "stack",
            "statement",
            "outcome",
            "sqlstate",
            "changed",
            "transaction",
            "aborted",
            "handled",
        ] {
            assert!(event.get(key).is_some(), "no {key} in {event}");
        }
        let run = event["run"].as_str().unwrap_or_default();
        let run = run.strip_suffix("-with-rows").unwrap_or(run);
        assert!(["first", "rerun", "downgrade", "reupgrade"].contains(&run));
        assert_eq!(event["changed"].is_null(), run != "rerun");
    }
    let output = foreshot(common::root(), &["trace", "examples/shop"]);
    assert_exit(&output, 0);
    assert!(stdout(&output).contains("42P07"));
}

#[test]
fn a_broken_file_hides_no_other() {
    let folder = project(UNGUARDED);
    write(
        folder.path(),
        "alembic/versions/b.py",
        "revision = 'b'\ndown_revision = 'a'\n\n\ndef upgrade():\n    op.create_table('u', (\n\n\ndef downgrade(:\n",
    );
    let output = foreshot(folder.path(), &["check", "--output-format", "concise"]);
    let text = stdout(&output);
    assert!(
        findings(&text)
            .iter()
            .any(|finding| finding.path.ends_with("a.py") && finding.rule == "missing-guard"),
        "{text}"
    );
    assert!(
        text.contains("b.py") || stderr(&output).contains("b.py"),
        "the broken file is passed over in silence"
    );
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let mut child = Command::new(env!("CARGO_BIN_EXE_foreshot"))
        .args(["trace", "examples/shop", "--format", "json"])
        .current_dir(common::root())
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    drop(child.stdout.take());
    let mut message = String::new();
    if let Some(mut stream) = child.stderr.take() {
        stream.read_to_string(&mut message).expect("standard error");
    }
    child.wait().expect("the binary ends");
    assert!(!message.contains("panicked"), "{message}");
}

/// Each example, cut at many places: one project an example, whose revisions are its prefixes.
#[test]
fn truncated_examples_never_panic() {
    let mut texts: Vec<String> = common::all_examples()
        .iter()
        .filter_map(|example| Some(example.judged()?.text.clone()))
        .collect();
    let shop = common::root().join("examples/shop/alembic/versions");
    for entry in fs::read_dir(shop).expect("the example's revisions") {
        let path = entry.expect("an entry").path();
        if path.extension().is_some_and(|extension| extension == "py") {
            texts.push(fs::read_to_string(path).expect("a revision"));
        }
    }
    for chunk in texts.chunks(8) {
        let folder = temporary_folder();
        write_project(folder.path());
        for (which, text) in chunk.iter().enumerate() {
            let step = (text.len() / 40).max(1);
            let cuts = text
                .char_indices()
                .map(|(offset, _)| offset)
                .filter(|offset| offset % step == 0);
            for (number, cut) in cuts.enumerate() {
                let name = format!("r{which}_{number}");
                let head = format!(
                    "from alembic import op\nimport sqlalchemy as sa\nfrom sqlalchemy.dialects import postgresql\n\
                     revision = '{name}'\ndown_revision = None\n\n"
                );
                let body = text[..cut].replace("revision =", "other =");
                write(
                    folder.path(),
                    &format!("alembic/versions/{name}.py"),
                    &(head + &body),
                );
            }
        }
        let output = foreshot(folder.path(), &["check", "--output-format", "concise"]);
        let said = stdout(&output) + &stderr(&output);
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{:?}\n{said}",
            output.status
        );
        assert!(!said.contains("panic"), "{said}");
    }
}

#[test]
fn the_schema_check_says_what_is_wrong() {
    let schema = serde_json::json!({
        "type": "object", "required": ["a"], "additionalProperties": false,
        "properties": {"a": {"$ref": "#/definitions/a"}, "b": {"enum": ["x"]}, "c": {"minimum": 1}},
        "definitions": {"a": {"type": "array", "minItems": 1, "uniqueItems": true, "items": {"type": "string"}}},
    });
    let wrong = |document: Value| common::schema::errors(&schema, &document).len();
    assert_eq!(
        wrong(serde_json::json!({"a": ["one"], "b": "x", "c": 1})),
        0
    );
    assert_eq!(wrong(serde_json::json!({"b": "y", "c": 0, "d": 1})), 4);
    assert_eq!(wrong(serde_json::json!({"a": []})), 1);
    assert_eq!(wrong(serde_json::json!({"a": [1, "x", "x"]})), 2);
    let unheard = serde_json::json!({"propertyNames": {}});
    assert_eq!(common::schema::errors(&unheard, &Value::Null).len(), 1);
}
