//! foreshot's trace of the example project against what a real PostgreSQL did with it.
//!
//! `demo/shop.truth.jsonl` holds the answers of PostgreSQL 15 (Alembic 1.20.1, SQLAlchemy 2.0.58, psycopg2): one object a statement, made by
//! running each revision of `examples/shop` four times with every statement under a savepoint of its own. `changed` (rerun) says that
//! the catalog or the number of rows differs once the whole rerun is over, and that the statement is a cause of it.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;

use serde_json::Value;

/// An answer at a place: `ok`, `changed`, a SQLSTATE, or `unknown`.
type Answers = BTreeMap<(String, String, u64), String>;

fn truth() -> Vec<Value> {
    fs::read_to_string(common::root().join("tests/demo/shop.truth.jsonl"))
        .expect("the server's answers")
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect()
}

fn text(event: &Value, key: &str) -> String {
    event[key].as_str().unwrap_or_default().to_owned()
}

fn file_name(event: &Value) -> String {
    text(event, "file")
        .rsplit('/')
        .next()
        .unwrap_or_default()
        .to_owned()
}

fn quiet(statement: &str) -> bool {
    let statement = statement.trim_start().to_ascii_lowercase();
    ["select", "set ", "show"]
        .iter()
        .any(|word| statement.starts_with(word))
}

/// The answer of a place that several statements share: the first error, else a change, else `ok`.
fn merge(answers: &mut Answers, key: (String, String, u64), answer: &str) {
    let kept = answers.entry(key).or_insert_with(|| "ok".to_owned());
    if (kept == "ok" && answer != "ok")
        || (kept == "changed" && answer != "ok" && answer != "changed")
    {
        answer.clone_into(kept);
    }
}

#[test]
fn the_trace_of_the_example_is_what_postgres_did() {
    let output = common::foreshot(
        common::root(),
        &[
            "trace",
            "examples/shop",
            "--format",
            "json",
            "--postgres-version",
            "15",
        ],
    );
    common::assert_exit(&output, 0);
    let trace: Vec<Value> = common::stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect();

    let mut wanted = Answers::new();
    let mut places: BTreeMap<(String, String, u64), BTreeSet<u64>> = BTreeMap::new();
    for event in truth() {
        let line = event["line"].as_u64().expect("a line");
        let key = (file_name(&event), text(&event, "run"), line);
        let answer = match (event["ok"].as_bool(), event["changed"].as_bool()) {
            (Some(false), _) => text(&event, "sqlstate"),
            (_, Some(true)) => "changed".to_owned(),
            _ => "ok".to_owned(),
        };
        let lines = places.entry(key.clone()).or_default();
        lines.insert(line);
        lines.extend(
            event["stack"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64),
        );
        merge(&mut wanted, key, &answer);
    }

    let mut got = Answers::new();
    let mut report = String::new();
    for event in trace
        .iter()
        .filter(|event| !quiet(&text(event, "statement")))
    {
        let (file, run) = (file_name(event), text(event, "run"));
        let line = event["line"].as_u64().expect("a line");
        let mut lines: Vec<u64> = vec![line];
        lines.extend(
            event["stack"]
                .as_array()
                .into_iter()
                .flatten()
                .filter_map(Value::as_u64),
        );
        let place = lines
            .iter()
            .map(|line| (file.clone(), run.clone(), *line))
            .find(|key| wanted.contains_key(key));
        let Some(place) = place else {
            let _ = writeln!(
                report,
                "ghost    {run:10}{file}:{line}  {}",
                text(event, "statement")
            );
            continue;
        };
        let answer = match text(event, "outcome").as_str() {
            "error" => text(event, "sqlstate"),
            "ok" if event["changed"].as_bool() == Some(true) => "changed".to_owned(),
            other => other.to_owned(),
        };
        merge(&mut got, place, &answer);
    }
    for (key, want) in &wanted {
        let have = got.get(key).map_or("absent", String::as_str);
        if have != want {
            let (file, run, line) = key;
            let _ = writeln!(
                report,
                "differs  {run:10}{file}:{line}  postgres {want}  foreshot {have}"
            );
        }
    }
    assert!(wanted.len() > 100, "the server's answers are incomplete");
    assert!(report.is_empty(), "\n{report}");
}

#[test]
fn every_promise_of_the_example_is_kept() {
    let output = common::foreshot(
        common::root(),
        &["check", "examples/shop", "--output-format", "concise"],
    );
    common::assert_exit(&output, 1);
    let found: BTreeSet<(String, String, u32)> = common::findings(&common::stdout(&output))
        .into_iter()
        .map(|finding| {
            let file = finding.path.rsplit('/').next().unwrap_or_default();
            (
                file.trim_end_matches(".py").to_owned(),
                finding.rule,
                finding.line,
            )
        })
        .collect();
    let wanted: BTreeSet<(String, String, u32)> = [
        ("20250114_catalog", "missing-guard", 17),
        ("20250114_catalog", "missing-guard", 26),
        ("20250114_catalog", "missing-guard", 34),
        ("20250203_orders", "guard-asymmetry", 43),
        ("20250402_currencies", "non-idempotent-insert", 37),
        ("20250203_orders", "enum-left-behind", 44),
        (
            "20250512_order_on_hold",
            "enum-value-used-before-commit",
            17,
        ),
        ("20250701_seed_settings", "guard-asymmetry", 49),
        ("20250701_seed_settings", "non-idempotent-insert", 36),
        ("20250908_customer_contact", "missing-downgrade", 27),
        ("20251007_shipping", "unnamed-constraint", 25),
        ("20251201_drop_legacy", "missing-guard", 19),
    ]
    .into_iter()
    .map(|(file, rule, line)| (file.to_owned(), rule.to_owned(), line))
    .collect();
    let missing: Vec<_> = wanted.difference(&found).collect();
    let noisy: Vec<_> = found.difference(&wanted).collect();
    assert!(
        missing.is_empty() && noisy.is_empty(),
        "Missing: {missing:#?}\nNoisy: {noisy:#?}"
    );
}

/// The report in the README is what the program prints; `UPDATE_EXPECT=1` writes it anew.
#[test]
fn the_readme_shows_real_diagnostics() {
    let output = common::foreshot(
        &common::root().join("examples/shop"),
        &[
            "check",
            "--quiet",
            "alembic/versions/20250512_order_on_hold.py",
            "alembic/versions/20250701_seed_settings.py",
        ],
    );
    common::assert_exit(&output, 1);
    let path = common::root().join("README.md");
    let readme = fs::read_to_string(&path).expect("the README");
    let (open, close) = ("<!-- diagnostic -->\n", "<!-- /diagnostic -->");
    let (before, rest) = readme.split_once(open).expect("the first mark");
    let (shown, after) = rest.split_once(close).expect("the second mark");
    let wanted = format!("```text\n{}\n```\n", common::stdout(&output).trim_end());
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        fs::write(&path, format!("{before}{open}{wanted}{close}{after}")).expect("the README");
        return;
    }
    assert_eq!(shown, wanted, "the README shows another report");
}
