//! `--baseline` and `--write-baseline`.

use std::fs;
use std::path::Path;
use std::process::Output;

use super::common::{assert_exit, findings, foreshot, stderr, stdout, write};
use super::{UNGUARDED, project};

const FILE: &str = "alembic/versions/a.py";

fn with_baseline(folder: &Path, more: &[&str]) -> Output {
    let mut arguments = vec![
        "check",
        "--baseline",
        "base.json",
        "--output-format",
        "concise",
    ];
    arguments.extend(more);
    foreshot(folder, &arguments)
}

#[test]
fn old_findings_are_accepted_wherever_they_move_and_new_ones_are_not() {
    let folder = project(UNGUARDED);
    let folder = folder.path();
    let output = with_baseline(folder, &[]);
    assert_exit(&output, 2);
    assert!(stderr(&output).contains("`--write-baseline` makes it"));
    let output = with_baseline(folder, &["--write-baseline"]);
    assert_exit(&output, 0);
    assert_eq!(stdout(&output), "");
    assert_eq!(
        stderr(&output),
        "1 finding is in the baseline `base.json`\n"
    );
    let text = fs::read_to_string(folder.join("base.json")).expect("written");
    assert!(
        text.contains("\"file\":\"alembic/versions/a.py\""),
        "{text}"
    );

    write(folder, FILE, &format!("# one\n# two\n{UNGUARDED}"));
    let output = with_baseline(folder, &[]);
    assert_exit(&output, 0);
    assert!(
        stdout(&output).contains("1 in the baseline"),
        "{}",
        stdout(&output)
    );

    let more = UNGUARDED.replace(
        "    op.create_table(",
        "    op.create_table(\"new\", sa.Column(\"id\", sa.Integer))\n    op.create_table(",
    );
    write(folder, FILE, &more);
    let output = with_baseline(folder, &[]);
    assert_exit(&output, 1);
    let found = findings(&stdout(&output));
    let new = found
        .iter()
        .filter(|finding| finding.rule == "missing-guard");
    assert_eq!(new.count(), 1, "{found:#?}");
    // nothing is left over of a temporary file
    let names = fs::read_dir(folder).expect("the folder");
    assert!(
        names
            .flatten()
            .all(|entry| !entry.file_name().to_string_lossy().contains("tmp"))
    );
}

#[test]
fn what_accepts_nothing_any_more_is_told_with_its_line() {
    let folder = project(UNGUARDED);
    let folder = folder.path();
    assert_exit(&with_baseline(folder, &["--write-baseline"]), 0);
    write(folder, FILE, super::CLEAN);
    let output = with_baseline(folder, &[]);
    assert_exit(&output, 1);
    let found = findings(&stdout(&output));
    assert_eq!(found.len(), 1, "{found:#?}");
    assert_eq!((found[0].path.as_str(), found[0].line), ("base.json", 4));
    assert_eq!(found[0].rule, "suppression");
    // a look at another file says nothing of it
    write(
        folder,
        "alembic/versions/b.py",
        "revision = 'b'\ndown_revision = 'a'\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    raise RuntimeError('x')\n",
    );
    assert_exit(&with_baseline(folder, &["alembic/versions/b.py"]), 0);
    assert_exit(&with_baseline(folder, &["--write-baseline"]), 0);
    assert_exit(&with_baseline(folder, &[]), 0);
}

#[test]
fn a_file_that_is_no_baseline_is_refused() {
    let folder = project(UNGUARDED);
    write(
        folder.path(),
        "base.json",
        "{\"version\": 7, \"findings\": []}",
    );
    let output = with_baseline(folder.path(), &[]);
    assert_exit(&output, 2);
    assert_eq!(stderr(&output).lines().count(), 1);
    assert_eq!(stdout(&output), "");
    write(folder.path(), "foreshot.toml", "baseline = \"base.json\"\n");
    assert_exit(&foreshot(folder.path(), &["check"]), 2);
    assert_exit(&foreshot(folder.path(), &["check", "--write-baseline"]), 0);
    assert_exit(&foreshot(folder.path(), &["check"]), 0);
}
