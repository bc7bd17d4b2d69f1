//! `check --fix` as its users meet it: what is written, what is left alone, and that it comes to rest.

mod common;

use std::fs;

use common::{
    JUDGED, assert_exit, foreshot, git, stderr, stdout, temporary_folder, write, write_project,
};

const BASE: &str = "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = \"a\"\ndown_revision = None\n\n\n\
    def upgrade():\n    op.create_table(\"t\", sa.Column(\"id\", sa.Integer), if_not_exists=True)\n\n\n\
    def downgrade():\n    op.drop_table(\"t\", if_exists=True)\n";

fn second(upgrade: &str) -> String {
    format!(
        "import sqlalchemy as sa\nfrom alembic import op\n\nrevision = \"b\"\ndown_revision = \"a\"\n\n\n\
         def upgrade():\n{upgrade}\n\n\ndef downgrade():\n    raise NotImplementedError(\"the column stays\")\n"
    )
}

const ADDED: &str = "    op.add_column(\"t\", sa.Column(\"c\", sa.Integer))";

fn project(text: &str) -> common::folder::TemporaryFolder {
    let folder = temporary_folder();
    write_project(folder.path());
    write(folder.path(), "alembic/versions/a.py", BASE);
    write(folder.path(), "alembic/versions/b.py", text);
    folder
}

fn read(folder: &common::folder::TemporaryFolder, path: &str) -> String {
    fs::read_to_string(folder.path().join(path)).expect("the file")
}

#[test]
fn a_fix_is_written_and_the_rest_is_reported() {
    let folder = project(&second(ADDED));
    let output = foreshot(folder.path(), &["check", "--fix"]);
    assert_exit(&output, 0);
    assert!(
        stderr(&output).contains("fixed 1 finding in 1 file"),
        "{}",
        stderr(&output)
    );
    assert!(
        read(&folder, "alembic/versions/b.py").contains(
            "    op.add_column(\"t\", sa.Column(\"c\", sa.Integer), if_not_exists=True)\n"
        )
    );
    assert_eq!(read(&folder, "alembic/versions/a.py"), BASE);
    let again = foreshot(folder.path(), &["check", "--fix"]);
    assert_exit(&again, 0);
    assert!(stderr(&again).contains("fixed 0 findings in 0 files"));
}

#[test]
fn a_diff_writes_nothing_and_says_so_by_its_status() {
    let text = second(ADDED);
    let folder = project(&text);
    let output = foreshot(folder.path(), &["check", "--diff"]);
    assert_exit(&output, 1);
    assert_eq!(
        stdout(&output),
        "--- a/alembic/versions/b.py\n+++ b/alembic/versions/b.py\n@@ -6,7 +6,7 @@\n \n \n def upgrade():\n\
         -    op.add_column(\"t\", sa.Column(\"c\", sa.Integer))\n\
         +    op.add_column(\"t\", sa.Column(\"c\", sa.Integer), if_not_exists=True)\n \n \n def downgrade():\n"
    );
    assert_eq!(read(&folder, "alembic/versions/b.py"), text);
    assert_exit(&foreshot(folder.path(), &["check", "--fix-only"]), 0);
    assert_exit(&foreshot(folder.path(), &["check", "--diff"]), 0);
}

#[test]
fn a_repair_that_takes_too_long_ends_and_says_so() {
    // what the loop makes is refused, and tried in parts
    let text = second(
        "    while True:\n        op.execute(\"CREATE INDEX IF NOT EXISTS ix ON t (id)\")\n        op.execute(\"INSERT INTO t (id) VALUES (1)\")\n\
         \x20       op.add_column(\"t\", sa.Column(\"c\", sa.Integer))\n        op.create_table(\"u\", sa.Column(\"id\", sa.Integer))",
    );
    let folder = project(&text);
    let configure = |steps: &str| {
        let limits = format!("[limits]\nloop-turns = 20\nrepair-steps = {steps}\n");
        write(folder.path(), "foreshot.toml", &limits);
        let output = foreshot(folder.path(), &["check", "--diff", "--unsafe-fixes"]);
        stderr(&output).contains("the repair ended early, fixes may be left")
    };
    assert!(configure("1"));
    assert!(!configure("100000000"));
}

#[test]
fn only_the_rules_that_are_asked_for() {
    let folder = project(&second(ADDED));
    let output = foreshot(
        folder.path(),
        &["check", "--diff", "--rule", "non-idempotent-insert"],
    );
    assert_exit(&output, 0);
    let output = foreshot(
        folder.path(),
        &["check", "--diff", "--rule", "missing-gaurd"],
    );
    assert_exit(&output, 2);
    assert!(
        stderr(&output).contains("did you mean `missing-guard`?"),
        "{}",
        stderr(&output)
    );
}

#[test]
fn line_ends_byte_order_mark_and_permissions_stay() {
    let text = format!(
        "\u{feff}{}",
        second(&ADDED.replace("\"t\"", "\n        \"t\""))
    )
    .replace('\n', "\r\n");
    let folder = project(&text);
    let path = folder.path().join("alembic/versions/b.py");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        fs::set_permissions(&path, fs::Permissions::from_mode(0o640)).expect("permissions");
    }
    assert_exit(
        &foreshot(
            folder.path(),
            &["check", "--fix", "--alembic-version", "1.15"],
        ),
        0,
    );
    let fixed = fs::read_to_string(&path).expect("the file");
    assert!(fixed.starts_with("\u{feff}import"), "{fixed:?}");
    assert!(
        fixed.contains(
            "    if \"c\" not in columns:\r\n        op.add_column(\r\n            \"t\""
        ),
        "{fixed}"
    );
    assert!(!fixed.replace("\r\n", "").contains('\n'), "{fixed:?}");
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt;
        let mode = fs::metadata(&path).expect("the file").permissions().mode();
        assert_eq!(mode & 0o777, 0o640);
    }
    let left: Vec<_> = fs::read_dir(folder.path().join("alembic/versions"))
        .expect("the folder")
        .map(|entry| entry.expect("an entry").file_name())
        .collect();
    assert_eq!(left.len(), 2, "{left:?}");
}

#[cfg(unix)]
#[test]
fn a_link_is_written_through_inside_the_project_alone() {
    let folder = project(&second(ADDED));
    let inside = folder.path().join("alembic/versions/b.py");
    let target = folder.path().join("elsewhere.txt");
    fs::rename(&inside, &target).expect("moved");
    std::os::unix::fs::symlink("../../elsewhere.txt", &inside).expect("a link");
    assert_exit(&foreshot(folder.path(), &["check", "--fix"]), 0);
    assert!(
        fs::symlink_metadata(&inside)
            .expect("the link")
            .is_symlink()
    );
    assert!(
        fs::read_to_string(&target)
            .expect("the target")
            .contains("if_not_exists=True)\n\n\ndef downgrade")
    );
}

#[test]
fn a_file_in_another_encoding_is_left_alone() {
    let folder = project("");
    let text = second(&format!("    # caf\u{e9}\n{ADDED}"));
    let bytes: Vec<u8> = text.chars().map(|one| one as u8).collect();
    let path = folder.path().join("alembic/versions/b.py");
    fs::write(&path, &bytes).expect("written");
    assert_exit(&foreshot(folder.path(), &["check", "--fix"]), 1);
    assert_eq!(fs::read(&path).expect("the file"), bytes);
}

#[test]
fn released_revisions_are_never_touched() {
    let folder = project(&second(ADDED));
    let arguments = ["check", "--diff", "--start-after", "b"];
    assert_exit(&foreshot(folder.path(), &arguments), 0);
}

#[test]
fn what_was_there_before_a_change_is_never_touched() {
    let folder = project(&second(ADDED));
    git(folder.path(), &["init", "-q", "-b", "main"]);
    git(folder.path(), &["add", "-A"]);
    git(folder.path(), &["commit", "-q", "-m", "released"]);
    let third = second(&ADDED.replace("\"c\"", "\"d\""))
        .replace("\"b\"", "\"c\"")
        .replace("\"a\"", "\"b\"");
    write(folder.path(), "alembic/versions/c.py", &third);
    // released, and edited all the same: it has findings, and stays as it is
    let edited = second(&format!("{ADDED}\n{}", ADDED.replace("\"c\"", "\"e\"")));
    write(folder.path(), "alembic/versions/b.py", &edited);
    let arguments = ["check", "--fix-only", "--since", "main"];
    assert_exit(&foreshot(folder.path(), &arguments), 0);
    assert_eq!(read(&folder, "alembic/versions/b.py"), edited);
    assert!(read(&folder, "alembic/versions/c.py").contains("if_not_exists=True"));
}

#[cfg(unix)]
#[test]
fn a_link_out_of_the_project_is_not_followed() {
    let outside = temporary_folder();
    let text = second(ADDED);
    write(outside.path(), "b.py", &text);
    let folder = project(&text);
    let link = folder.path().join("alembic/versions/b.py");
    fs::remove_file(&link).expect("removed");
    std::os::unix::fs::symlink(outside.path().join("b.py"), &link).expect("a link");
    foreshot(folder.path(), &["check", "--fix"]);
    assert_eq!(
        fs::read_to_string(outside.path().join("b.py")).expect("there"),
        text
    );
    assert!(fs::symlink_metadata(&link).expect("the link").is_symlink());
}

#[test]
fn a_comment_with_a_reason_is_put_above_each_finding() {
    let folder = project(&second(ADDED));
    let arguments = ["check", "--add-ignore", "applied everywhere by hand"];
    let output = foreshot(folder.path(), &arguments);
    assert_exit(&output, 0);
    assert!(
        stderr(&output).contains("1 finding commented in 1 file"),
        "{}",
        stderr(&output)
    );
    let text = read(&folder, "alembic/versions/b.py");
    assert!(
        text.contains(
            "    # foreshot: ignore[missing-guard] applied everywhere by hand\n    op.add_column("
        ),
        "{text}"
    );
    assert_exit(&foreshot(folder.path(), &["check"]), 0);
    assert_eq!(read(&folder, "alembic/versions/a.py"), BASE);
}

#[test]
fn a_sql_file_is_repaired_in_its_own_text() {
    let folder = temporary_folder();
    write(folder.path(), "foreshot.toml", "rerunnable = true\n");
    write(
        folder.path(),
        "migrations/001_tickets.sql",
        "create table tickets (id int primary key);\n",
    );
    write(
        folder.path(),
        "migrations/002_state.sql",
        "CREATE TYPE ticket_state AS ENUM ('open');\nALTER TABLE tickets ADD COLUMN state ticket_state;\nINSERT INTO tickets VALUES (1, 'open');\n",
    );
    foreshot(folder.path(), &["check", "--fix-only", "migrations"]);
    assert_eq!(
        read(&folder, "migrations/001_tickets.sql"),
        "create table if not exists tickets (id int primary key);\n"
    );
    assert_eq!(
        read(&folder, "migrations/002_state.sql"),
        "DO $$ BEGIN CREATE TYPE ticket_state AS ENUM ('open'); EXCEPTION WHEN duplicate_object THEN NULL; END $$;\n\
         ALTER TABLE tickets ADD COLUMN IF NOT EXISTS state ticket_state;\nINSERT INTO tickets VALUES (1, 'open') ON CONFLICT DO NOTHING;\n"
    );
    assert_exit(
        &foreshot(folder.path(), &["check", "--diff", "migrations"]),
        0,
    );
}

#[test]
fn heads_are_joined_as_alembic_joins_them() {
    let folder = project(&second(ADDED));
    let other = second(&ADDED.replace("\"c\"", "\"d\"")).replace("\"b\"", "\"x\"");
    write(folder.path(), "alembic/versions/x.py", &other);
    write(
        folder.path(),
        "alembic/script.py.mako",
        "\"\"\"${message}\"\"\"\n\nrevision = ${repr(up_revision)}\ndown_revision = ${repr(down_revision)}\n\n\n\
         def upgrade():\n    ${upgrades if upgrades else \"pass\"}\n",
    );
    let arguments = ["merge-heads", "--message", "join", "--rev-id", "m1"];
    assert_exit(&foreshot(folder.path(), &arguments), 0);
    assert_eq!(
        read(&folder, "alembic/versions/m1_join.py"),
        "\"\"\"join\"\"\"\n\nrevision = 'm1'\ndown_revision = ('b', 'x')\n\n\ndef upgrade():\n    pass\n"
    );
    let graph = foreshot(folder.path(), &["graph"]);
    assert!(stdout(&graph).contains("heads: m1\n"), "{}", stdout(&graph));
    let again = foreshot(folder.path(), &["merge-heads"]);
    assert_exit(&again, 0);
    assert!(
        stderr(&again).contains("no heads to join"),
        "{}",
        stderr(&again)
    );
}

#[test]
fn what_is_stale_is_asked_anew() {
    let body = "    op.add_column(\"t\", sa.Column(\"c\", sa.Integer))\n    \
        op.drop_column(\"t\", \"c\")\n    \
        op.add_column(\"t\", sa.Column(\"c\", sa.Text))";
    let folder = project(&second(body));
    let output = foreshot(
        folder.path(),
        &["check", "--fix", "--alembic-version", "1.15"],
    );
    let fixed = read(&folder, "alembic/versions/b.py");
    assert_exit(&output, 0);
    assert!(fixed.contains("sa.inspect(op.get_bind())"), "{fixed}");
}

#[test]
fn every_example_comes_to_rest_and_compiles() {
    for example in common::all_examples() {
        if !example.flagged {
            continue;
        }
        let folder = temporary_folder();
        example.write(folder.path());
        let Ok(before) = fs::read_to_string(folder.path().join(JUDGED)) else {
            continue;
        };
        let arguments = ["check", "--fix-only", "--unsafe-fixes", JUDGED];
        let output = foreshot(folder.path(), &arguments);
        assert_exit(&output, 0);
        let after = fs::read_to_string(folder.path().join(JUDGED)).expect("the example");
        let place = format!("{}:{}", example.page.display(), example.line());
        let findings = |folder: &std::path::Path| {
            let output = foreshot(folder, &["check", JUDGED, "--output-format", "concise"]);
            common::findings(&stdout(&output))
        };
        if before == after {
            continue;
        }
        let left = findings(folder.path());
        assert!(
            !left.iter().any(|finding| finding.rule == "unreadable"),
            "{place}: no Python any more\n{after}"
        );
        let output = foreshot(
            folder.path(),
            &["check", "--diff", "--unsafe-fixes", JUDGED],
        );
        assert!(
            stdout(&output).is_empty(),
            "{place}: a second run changes more\n{}",
            stdout(&output)
        );
    }
}
