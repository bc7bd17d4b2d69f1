//! Executes every page of `rules/` and every corner case of `tests/cases/`.
//!
//! The format. Under `## Flagged` and `## Not flagged`, an *example* is a row of fences with nothing but blank lines between; a line of prose
//! or a heading ends it. Its fences, by their info string:
//!
//! - `python given`: an earlier revision, which makes the schema that the example stands on; several follow each other.
//! - `python file=PATH`: another file of the project (a helper module, say).
//! - `python base`, `python tip`: a file of the branch `main`, where the change began and after it; with `gone`, a file that the change deletes.
//!   Without `file=`, the judged revision's. The check is then one `--since main`.
//! - `toml file=foreshot.toml`: the project's configuration.
//! - `python`: the revision that is judged, exactly one. Without a line `revision =` the imports of `op`, `sa` and
//!   `postgresql` and the identifiers stand before it; without `def downgrade`, and on the pages of all rules but
//!   `missing-downgrade`, one that raises stands after it. `also=RULE` names another rule that reports too, `level=note` asserts the severity.
//! - `sql`: a SQL file that is judged instead, exactly one; `sql given`: an earlier one; `sql down`: its way down. They are a plain folder
//!   (`migrations/`), sent statement by statement as psql does, unless the judged fence says `transaction=file` (a transaction of
//!   the tool's) or `transaction=call` (the file as one string), or holds a tool's marks (`-- +goose Up`). `rerunnable` asks for a second run.
//! - `text`: the exact diagnostics of the judged revision, written by `UPDATE_EXPECT=1 cargo test --test rules`.
//!
//! - `diff`: the exact fix of the judged revision, without the two lines that name the file; `diff unsafe` what `--unsafe-fixes` makes of it.
//!
//! The heading is the assertion. Flagged: the page's rule reports the judged revision, and no other rule does (failures: Missing, Noisy). Not
//! flagged: the page's rule is silent (Noisy). A `text` fence that differs is Wrong. That all this is also true on a real
//! PostgreSQL is shown by `tests/agreement.rs` (`make agreement`); `server=` on the judged fence is for that.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::path::PathBuf;

use common::Example;

/// The report with one line feed at its end, or nothing.
fn diagnostics(text: &str) -> String {
    let text = text.trim_end();
    if text.is_empty() {
        String::new()
    } else {
        format!("{text}\n")
    }
}

/// New text for lines of a page: the first, one past the last, the text.
type Update = (usize, usize, String);

/// What is wrong with an example, each a line; and the texts that its `text` and `diff` fences should have, where they differ.
fn check(example: &Example) -> (Vec<String>, Vec<Update>) {
    let mut failures = Vec::new();
    let Some(judged) = example.judged() else {
        return (vec!["Wrong: no revision to judge".to_owned()], Vec::new());
    };
    let folder = common::temporary_folder();
    example.write(folder.path());
    let since = example.since();
    let output = common::foreshot(
        folder.path(),
        &[
            &["check", example.judged_path(), "--output-format", "concise"],
            since,
        ]
        .concat(),
    );
    let printed = common::stdout(&output);
    if !matches!(output.status.code(), Some(0 | 1)) {
        let message = common::stderr(&output);
        return (
            vec![format!("Wrong: {:?}: {message}{printed}", output.status)],
            Vec::new(),
        );
    }
    let findings = common::findings(&printed);
    let ours: Vec<_> = findings
        .iter()
        .filter(|finding| finding.rule == example.rule)
        .collect();
    if example.flagged && ours.is_empty() {
        failures.push(format!("Missing: {} says nothing\n{printed}", example.rule));
    }
    if !example.flagged && !ours.is_empty() {
        failures.push(format!("Noisy: {ours:#?}"));
    }
    let allowed: Vec<&str> = judged.value("also").unwrap_or("").split(',').collect();
    for other in findings
        .iter()
        .filter(|finding| finding.rule != example.rule)
    {
        if example.flagged && !allowed.contains(&other.rule.as_str()) {
            failures.push(format!("Noisy: another rule: {other:?}"));
        }
    }
    for rule in allowed.iter().filter(|rule| !rule.is_empty()) {
        if !findings.iter().any(|finding| finding.rule == *rule) {
            failures.push(format!("Missing: {rule}, which the fence names"));
        }
    }
    if let Some(level) = judged.value("level") {
        for finding in ours.iter().filter(|finding| finding.severity != level) {
            failures.push(format!("Wrong: {} instead of {level}", finding.severity));
        }
    }
    let mut updates = Vec::new();
    if let Some(expected) = example.expected() {
        let output = common::foreshot(
            folder.path(),
            &[&["check", "--quiet", example.judged_path()], since].concat(),
        );
        let text = diagnostics(&common::stdout(&output));
        if text != expected.text {
            failures.push(format!("Wrong: expected\n{}\ngot\n{text}", expected.text));
            updates.push((expected.first, expected.last, text));
        }
    }
    if let Some(expected) = example.fixed() {
        let mut arguments = vec!["check", "--diff", example.judged_path()];
        if expected.has("unsafe") {
            arguments.push("--unsafe-fixes");
        }
        let output = common::foreshot(folder.path(), &arguments);
        let printed = common::stdout(&output);
        let text: String = printed.split_inclusive('\n').skip(2).collect();
        if text != expected.text {
            failures.push(format!("Wrong: expected\n{}\ngot\n{text}", expected.text));
            updates.push((expected.first, expected.last, text));
        }
    }
    (failures, updates)
}

#[test]
fn every_example_says_what_its_heading_says() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut report = String::new();
    let mut updates: BTreeMap<PathBuf, Vec<Update>> = BTreeMap::new();
    let examples = common::all_examples();
    let mut failed = 0;
    for example in &examples {
        let (mut failures, texts) = check(example);
        if update && !texts.is_empty() {
            failures.retain(|failure| !failure.starts_with("Wrong: expected"));
            updates
                .entry(example.page.clone())
                .or_default()
                .extend(texts);
        }
        if failures.is_empty() {
            continue;
        }
        failed += 1;
        let page = example
            .page
            .strip_prefix(common::root())
            .unwrap_or(&example.page);
        let _ = writeln!(
            report,
            "{}:{}: {}",
            page.display(),
            example.line(),
            example.title
        );
        for failure in failures {
            let _ = writeln!(report, "    {}", failure.trim_end().replace('\n', "\n    "));
        }
    }
    for (page, edits) in updates {
        rewrite(&page, edits);
    }
    assert!(examples.len() > 100, "the pages were not found");
    assert!(
        failed == 0,
        "{failed} of {} examples\n{report}",
        examples.len()
    );
}

/// Puts new text between the lines of fences, from the last to the first so that the others keep their places.
fn rewrite(page: &PathBuf, mut edits: Vec<Update>) {
    let text = fs::read_to_string(page).expect("the page");
    let mut lines: Vec<String> = text.lines().map(str::to_owned).collect();
    edits.sort_by_key(|edit| std::cmp::Reverse(edit.0));
    for (first, last, text) in edits {
        lines.splice(first..last, text.lines().map(str::to_owned));
    }
    fs::write(page, lines.join("\n") + "\n").expect("the page is written");
}

#[test]
fn every_page_has_its_parts() {
    for (page, rule) in common::pages() {
        let text = fs::read_to_string(&page).expect("the page");
        let where_ = page.display();
        let examples = common::examples(&page, &rule);
        assert!(
            text.starts_with(&format!("# {rule}")),
            "{where_}: the title is the rule's id"
        );
        for example in &examples {
            assert!(
                example.judged().is_some(),
                "{where_}: no revision to judge after {:?}",
                example.title
            );
        }
        // no text shows how foreshot itself fails
        if rule != "internal-error"
            && page
                .parent()
                .is_some_and(|parent| parent.ends_with("rules"))
        {
            for heading in [
                "## Why it matters",
                "## What to do instead",
                "## Flagged",
                "## Not flagged",
            ] {
                assert!(
                    text.lines().any(|line| line == heading),
                    "{where_}: no {heading}"
                );
            }
            assert!(
                examples.iter().any(|example| example.expected().is_some()),
                "{where_}: no rendered diagnostic"
            );
        }
        for example in examples.iter().filter(|example| !example.flagged) {
            assert!(
                example.expected().is_none(),
                "{where_}: a diagnostic under Not flagged"
            );
        }
    }
}

#[test]
fn every_rule_of_the_program_has_its_page_and_the_other_way_round() {
    let output = common::foreshot(common::root(), &["rules"]);
    common::assert_exit(&output, 0);
    let listed: BTreeSet<String> = common::stdout(&output)
        .lines()
        .filter_map(|line| Some(line.split_whitespace().next()?.to_owned()))
        .collect();
    let mut with_page = BTreeSet::new();
    for (page, rule) in common::pages() {
        if !page
            .parent()
            .is_some_and(|parent| parent.ends_with("rules"))
        {
            continue;
        }
        let output = common::foreshot(common::root(), &["explain", &rule]);
        common::assert_exit(&output, 0);
        let text = fs::read_to_string(&page).expect("the page");
        let first = text.lines().nth(2).unwrap_or_default();
        assert!(
            common::stdout(&output).contains(first),
            "explain {rule} does not print its page"
        );
        with_page.insert(rule);
    }
    assert_eq!(listed, with_page);
}
