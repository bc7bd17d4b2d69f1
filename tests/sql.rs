//! SQL files through the program: formats, how they are sent, encodings, standard input, what can't be read.

mod common;

use std::io::Write as _;
use std::path::Path;
use std::process::{Command, Output, Stdio};

use common::Finding;
use serde_json::Value;

fn project(files: &[(&str, &str)]) -> common::folder::TemporaryFolder {
    let folder = common::temporary_folder();
    for (path, text) in files {
        common::write(folder.path(), path, text);
    }
    folder
}

fn check(folder: &Path, arguments: &[&str]) -> Vec<Finding> {
    let mut all = vec!["check", "--output-format", "concise"];
    all.extend(arguments);
    let output = common::foreshot(folder, &all);
    assert!(
        matches!(output.status.code(), Some(0 | 1)),
        "{}{}",
        common::stderr(&output),
        common::stdout(&output)
    );
    common::findings(&common::stdout(&output))
}

/// `path:line severity rule`, a line a finding.
fn told(findings: &[Finding]) -> Vec<String> {
    findings
        .iter()
        .map(|one| format!("{}:{} {} {}", one.path, one.line, one.severity, one.rule))
        .collect()
}

fn trace(folder: &Path, path: &str) -> Vec<Value> {
    let output = common::foreshot(folder, &["trace", "--format", "json", path]);
    common::assert_exit(&output, 0);
    common::stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect()
}

/// SQLSTATE or `ok` of each event of a run.
fn answers(events: &[Value], run: &str) -> Vec<String> {
    events
        .iter()
        .filter(|event| event["run"] == run)
        .map(|event| event["sqlstate"].as_str().unwrap_or("ok").to_owned())
        .collect()
}

const CONCURRENTLY: &str = "CREATE INDEX CONCURRENTLY i ON t (a);\n";
const TABLE: &str = "CREATE TABLE t (a int);\n";

/// Files, the folder, and whether the index can be built there.
type Case = (Vec<(&'static str, String)>, &'static str, bool);

#[test]
fn each_format_is_sent_as_its_tool_sends_it() {
    let two = format!("ALTER TABLE t ADD COLUMN b int;\n{CONCURRENTLY}");
    let goose = |marks: &str, body: &str| format!("{marks}-- +goose Up\n{body}");
    let dbmate = |option: &str, body: &str| format!("-- migrate:up{option}\n{body}");
    let cases: Vec<Case> = vec![
        (
            vec![
                ("m/001_t.sql", TABLE.to_owned()),
                ("m/002_i.sql", two.clone()),
            ],
            "m",
            true,
        ),
        (
            vec![
                ("m/1_t.up.sql", TABLE.to_owned()),
                ("m/2_i.up.sql", two.clone()),
            ],
            "m",
            false,
        ),
        (
            vec![
                ("m/1_t.up.sql", TABLE.to_owned()),
                ("m/2_i.up.sql", CONCURRENTLY.to_owned()),
            ],
            "m",
            true,
        ),
        (
            vec![
                ("m/001_t.sql", goose("", TABLE)),
                ("m/002_i.sql", goose("", CONCURRENTLY)),
            ],
            "m",
            false,
        ),
        (
            vec![
                ("m/001_t.sql", goose("", TABLE)),
                ("m/002_i.sql", goose("-- +goose NO TRANSACTION\n", &two)),
            ],
            "m",
            true,
        ),
        (
            vec![
                ("m/1_t.sql", dbmate("", TABLE)),
                ("m/2_i.sql", dbmate("", CONCURRENTLY)),
            ],
            "m",
            false,
        ),
        (
            vec![
                ("m/1_t.sql", dbmate("", TABLE)),
                ("m/2_i.sql", dbmate(" transaction:false", CONCURRENTLY)),
            ],
            "m",
            true,
        ),
        (
            vec![
                ("m/1_t.sql", dbmate("", TABLE)),
                ("m/2_i.sql", dbmate(" transaction:false", &two)),
            ],
            "m",
            false,
        ),
        (
            vec![
                ("m/1_t/up.sql", TABLE.to_owned()),
                ("m/2_i/up.sql", CONCURRENTLY.to_owned()),
            ],
            "m",
            false,
        ),
        (
            vec![
                ("m/1_t/up.sql", TABLE.to_owned()),
                ("m/2_i/up.sql", CONCURRENTLY.to_owned()),
                (
                    "m/2_i/metadata.toml",
                    "run_in_transaction = false\n".to_owned(),
                ),
            ],
            "m",
            true,
        ),
        (
            vec![
                ("m/V1__t.sql", TABLE.to_owned()),
                ("m/V2__i.sql", CONCURRENTLY.to_owned()),
            ],
            "m",
            true,
        ),
        (
            vec![
                ("m/V1__t.sql", TABLE.to_owned()),
                ("m/V2__i.sql", "VACUUM t;\n".to_owned()),
                (
                    "m/V2__i.sql.conf",
                    "executeInTransaction=false\n".to_owned(),
                ),
            ],
            "m",
            true,
        ),
        (
            vec![
                ("m/1_t/migration.sql", TABLE.to_owned()),
                ("m/2_i/migration.sql", two.clone()),
            ],
            "m",
            false,
        ),
        (
            vec![
                ("Cargo.toml", "[dependencies]\nsqlx = \"0.8\"\n".to_owned()),
                ("m/1_t.sql", TABLE.to_owned()),
                ("m/2_i.sql", format!("-- no-transaction\n{CONCURRENTLY}")),
            ],
            "m",
            true,
        ),
        (
            vec![
                ("Cargo.toml", "[dependencies]\nsqlx = \"0.8\"\n".to_owned()),
                ("m/1_t.sql", TABLE.to_owned()),
                ("m/2_i.sql", CONCURRENTLY.to_owned()),
            ],
            "m",
            false,
        ),
        (
            vec![
                (
                    "m/1_t.sql",
                    format!("-- Up Migration\n{TABLE}-- Down Migration\n"),
                ),
                (
                    "m/2_i.sql",
                    format!("-- Up Migration\n{CONCURRENTLY}-- Down Migration\n"),
                ),
            ],
            "m",
            false,
        ),
    ];
    for (files, path, possible) in cases {
        let files: Vec<(&str, &str)> = files.iter().map(|(path, text)| (*path, &**text)).collect();
        let folder = project(&files);
        let events = trace(folder.path(), path);
        let last = answers(&events, "first").pop().expect("an event");
        let expected = if possible { "ok" } else { "25001" };
        assert_eq!(last, expected, "{files:?}");
    }
}

#[test]
fn what_only_a_tools_one_transaction_shows() {
    const ENUM: &str = "CREATE TYPE mood AS ENUM ('a');\nCREATE TABLE t (m mood);\n";
    const ADD: &str = "ALTER TYPE mood ADD VALUE 'b';\n";
    const USE: &str = "INSERT INTO t VALUES ('b');\n";
    let marked = |text: &str| format!("-- Up Migration\n{text}-- Down Migration\nSELECT 1;\n");
    let names = ["m/0001_a.sql", "m/0002_b.sql", "m/0003_c.sql"];
    let found = |texts: [String; 3], journal: bool| {
        let mut files: Vec<(&str, &str)> = names
            .into_iter()
            .zip(texts.iter().map(String::as_str))
            .collect();
        files.extend(journal.then_some(("m/meta/_journal.json", "{}")));
        let folder = project(&files);
        let output = common::foreshot(
            folder.path(),
            &["check", "m", "--select", "enum-value-used-before-commit"],
        );
        common::stdout(&output)
    };
    let node = found([ENUM, ADD, USE].map(marked), false);
    assert!(node.contains("m/0003_c.sql:2:1"), "{node}");
    assert!(
        node.contains("`0002_b` too")
            && node.contains("or run node-pg-migrate with `--no-single-transaction`"),
        "{node}"
    );
    let drizzle = found([ENUM, ADD, USE].map(str::to_owned), true);
    assert!(drizzle.contains("m/0003_c.sql:1:1"), "{drizzle}");
    assert!(
        drizzle.contains(
            "add the value in a file of its own, and apply that before the files that use it are there"
        ),
        "{drizzle}"
    );
    // others commit with each file
    let goose = found(
        [ENUM, ADD, USE].map(|text| format!("-- +goose Up\n{text}")),
        false,
    );
    assert!(!goose.contains("enum-value-used-before-commit"), "{goose}");
    // what the same transaction makes is new
    let new = found(
        [TABLE, &format!("{ENUM}{ADD}"), USE].map(str::to_owned),
        true,
    );
    assert!(!new.contains("0002_b.sql"), "{new}");
}

#[test]
fn a_breakpoint_ends_a_statement() {
    let text = "CREATE TABLE t (a int)\n--> statement-breakpoint\nCREATE INDEX CONCURRENTLY i ON t (a);--> statement-breakpoint\n";
    let folder = project(&[
        ("drizzle/0000_t.sql", text),
        ("drizzle/meta/_journal.json", "{}"),
    ]);
    let events = trace(folder.path(), "drizzle");
    assert_eq!(answers(&events, "first"), ["ok", "25001"]);
}

/// Files of a project, the folder, what the last event of the first run answers, and of the downgrade.
type FormatCase = (
    Vec<(&'static str, &'static str)>,
    &'static str,
    &'static str,
    Option<&'static str>,
);

#[test]
fn the_marks_of_further_tools() {
    let cases: Vec<FormatCase> = vec![
        (
            vec![
                (
                    "m/1_t.sql",
                    "-- +migrate Up\nCREATE TABLE t (a int);\n-- +migrate Down\nDROP TABLE t;\n",
                ),
                (
                    "m/2_i.sql",
                    "-- +migrate Up notransaction\nSELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a);\n-- +migrate Down\nDROP INDEX j;\n",
                ),
            ],
            "m",
            "ok",
            Some("42704"),
        ),
        (
            vec![
                ("m/1_t.sql", "-- +migrate Up\nCREATE TABLE t (a int);\n"),
                (
                    "m/2_i.sql",
                    "-- +migrate Up\nCREATE INDEX CONCURRENTLY i ON t (a);\n",
                ),
            ],
            "m",
            "25001",
            None,
        ),
        (
            vec![(
                "m/001_t.sql",
                "CREATE TABLE t (a int);\n\n---- create above / drop below ----\n\nDROP TABLE u;\n",
            )],
            "m",
            "ok",
            Some("42P01"),
        ),
        (
            vec![
                ("tern.conf", ""),
                ("migrations/001_t.sql", "CREATE TABLE t (a int);\n"),
                (
                    "migrations/002_i.sql",
                    "---- tern: disable-tx ----\nSELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a);\n",
                ),
            ],
            ".",
            "ok",
            None,
        ),
        (
            vec![(
                "m/01_t.sql",
                "-- rambler up\nCREATE TABLE t (a int);\n-- rambler down\nDROP TABLE t;\n\
                 -- rambler up\nCREATE INDEX CONCURRENTLY i ON t (a);\n-- rambler down\nDROP INDEX i2;\n",
            )],
            "m",
            "ok",
            Some("42704"),
        ),
        (
            vec![
                ("m/0001.t.sql", "-- depends:\nCREATE TABLE t (a int);\n"),
                ("m/0001.t.rollback.sql", "DROP TABLE t;\n"),
                (
                    "m/0002.i.sql",
                    "-- depends: 0001.t\n-- transactional: false\nSELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a);\n",
                ),
                ("m/0002.i.rollback.sql", "DROP INDEX CONCURRENTLY i;\n"),
            ],
            "m",
            "ok",
            // its own file says nothing of a transaction
            Some("25001"),
        ),
        (
            vec![(
                "db/changelog.sql",
                "--liquibase formatted sql\n\n--changeset me:1\nCREATE TABLE t (a int);\n--rollback DROP TABLE t;\n\n\
                 --changeset me:2 runInTransaction:false\nSELECT 1;\nCREATE INDEX CONCURRENTLY i ON t (a);\n--rollback DROP INDEX\n--rollback   nothing;\n",
            )],
            "db",
            "ok",
            Some("42704"),
        ),
        (
            vec![(
                "db/changelog.sql",
                "--liquibase formatted sql\n--changeset me:1\nCREATE TABLE t (a int);\n--changeset me:2\nCREATE INDEX CONCURRENTLY i ON t (a);\n--rollback not required\n",
            )],
            "db",
            "25001",
            None,
        ),
        (
            vec![
                (
                    "supabase/migrations/20240101000000_t.sql",
                    "CREATE TABLE t (a int);\n",
                ),
                (
                    "supabase/migrations/20240102000000_s.sql",
                    "ALTER TABLE t ADD COLUMN b int;\nSAVEPOINT s;\n",
                ),
            ],
            ".",
            "25P01",
            None,
        ),
        (
            vec![
                (
                    "supabase/migrations/20240101000000_t.sql",
                    "CREATE TABLE t (a int);\n",
                ),
                (
                    "supabase/migrations/20240102000000_i.sql",
                    "ALTER TABLE t ADD COLUMN b int;\nCREATE INDEX CONCURRENTLY i ON t (b);\n",
                ),
            ],
            ".",
            "ok",
            None,
        ),
        (
            vec![
                ("config.yaml", "version: 3\nmetadata_directory: metadata\n"),
                ("migrations/default/1_t/up.sql", "CREATE TABLE t (a int);\n"),
                (
                    "migrations/default/2_i/up.sql",
                    "CREATE INDEX CONCURRENTLY i ON t (a);\n",
                ),
                ("migrations/default/2_i/down.sql", "DROP INDEX i;\n"),
            ],
            ".",
            "25001",
            Some("42704"),
        ),
    ];
    for (files, path, first, down) in cases {
        let folder = project(&files);
        let events = trace(folder.path(), path);
        assert_eq!(
            answers(&events, "first").last().map(String::as_str),
            Some(first),
            "{files:?}"
        );
        let downgrade = answers(&events, "downgrade");
        assert_eq!(downgrade.last().map(String::as_str), down, "{files:?}");
    }
}

#[test]
fn each_changeset_is_a_migration() {
    let folder = project(&[(
        "db/changelog.sql",
        "--liquibase formatted sql\n--changeset me:1\nCREATE TABLE t (a int);\n--changeset you:2 runOnChange:true\nCREATE TABLE u (a int);\n",
    )]);
    let events = trace(folder.path(), "db");
    let revisions: Vec<&str> = events
        .iter()
        .filter(|event| event["run"] == "first")
        .filter_map(|event| event["revision"].as_str())
        .collect();
    assert_eq!(revisions, ["changelog/me:1", "changelog/you:2"]);
    // what runs again whenever it changes must be able to
    assert_eq!(
        told(&check(folder.path(), &["db"])),
        [
            "db/changelog.sql:3 note missing-guard",
            "db/changelog.sql:5 error missing-guard"
        ]
    );
}

#[test]
fn versions_that_are_taken_twice_are_told() {
    let folder = project(&[
        ("f/V1__a.sql", "SELECT 1;\n"),
        ("f/V1.0__b.sql", "SELECT 2;\n"),
        ("f/V2__c.sql", "SELECT 2;\n"),
        ("f/U2__c.sql", "SELECT 2;\n"),
        ("g/1_a.up.sql", "SELECT 1;\n"),
        ("g/01_b.up.sql", "SELECT 2;\n"),
        ("g/2_lost.down.sql", "SELECT 2;\n"),
        // these tools know a migration by its whole name
        ("p/1_a.sql", "SELECT 1;\n"),
        ("p/1_b.sql", "SELECT 1;\n"),
    ]);
    assert_eq!(
        told(&check(folder.path(), &["f", "g", "p"])),
        [
            "f/V1__a.sql:1 error duplicate-revision",
            "g/01_b.up.sql:1 error duplicate-revision",
        ]
    );
    let verbose = common::foreshot(folder.path(), &["check", "g", "--verbose"]);
    let said = common::stdout(&verbose) + &common::stderr(&verbose);
    assert!(
        said.contains("`g/2_lost.down.sql`: the migration that it takes back is not there"),
        "{said}"
    );
}

#[test]
fn files_that_psql_brings_in_are_read() {
    let folder = project(&[
        (
            "m/001_a.sql",
            "\\ir parts/t.sql\nALTER TABLE t ADD COLUMN b int;\n\\i m/parts/u.sql\n\\i ../../outside.sql\n\\ir parts/nothing.sql\n",
        ),
        (
            "m/parts/t.sql",
            "CREATE TABLE t (a int);\n\\ir ../001_a.sql\n",
        ),
        (
            "m/parts/u.sql",
            "-- é\nCREAT TABLE u;\nALTER TABLE t DROP COLUMN nothing;\n",
        ),
    ]);
    let events = trace(folder.path(), "m");
    assert_eq!(answers(&events, "first"), ["ok", "ok", "42703"]);
    let text = common::stdout(&common::foreshot(
        folder.path(),
        &["check", "m", "--verbose", "--output-format", "concise"],
    ));
    assert!(
        text.contains("m/parts/u.sql:2:1: error[unreadable]"),
        "{text}"
    );
    let all = common::foreshot(folder.path(), &["check", "m", "--verbose"]);
    let said = common::stdout(&all) + &common::stderr(&all);
    for line in [
        "m/001_a.sql: line 4",
        "m/001_a.sql: line 5",
        "m/parts/t.sql: line 2",
    ] {
        assert!(said.contains(&format!("{line}: psql's")), "{line}\n{said}");
    }
}

#[test]
fn a_way_down_and_up_again() {
    let folder = project(&[
        (
            "db/1_t.up.sql",
            "CREATE TYPE mood AS ENUM ('a');\nCREATE TABLE t (m mood);\n",
        ),
        ("db/1_t.down.sql", "DROP TABLE t;\n"),
    ]);
    let events = trace(folder.path(), "db");
    assert_eq!(answers(&events, "first"), ["ok", "ok"]);
    assert_eq!(answers(&events, "rerun"), ["42710", "42P07"]);
    assert_eq!(answers(&events, "downgrade"), ["ok"]);
    // the type was never dropped
    assert_eq!(answers(&events, "reupgrade"), ["42710", "ok"]);
}

#[test]
fn levels_follow_the_promise() {
    let text = "CREATE TABLE t (a int);\nCREATE TABLE u (a int);\n";
    let level = |files: &[(&str, &str)]| {
        let folder = project(files);
        let found = check(folder.path(), &["m"]);
        assert!(!found.is_empty(), "{files:?}");
        found[0].severity.clone()
    };
    assert_eq!(level(&[("m/001_a.sql", text)]), "note");
    let entry = |keys: &str| format!("[[sql]]\npath = \"m\"\n{keys}\n");
    let rerunnable = entry("rerunnable = true");
    assert_eq!(
        level(&[("m/001_a.sql", text), ("foreshot.toml", &rerunnable)]),
        "error"
    );
    assert_eq!(
        level(&[
            ("m/001_a.sql", text),
            ("foreshot.toml", "rerunnable = true\n")
        ]),
        "error"
    );
    let statement = entry("transaction = \"statement\"");
    assert_eq!(
        level(&[("m/001_a.sql", text), ("foreshot.toml", &statement)]),
        "error"
    );
    let whole = entry("transaction = \"file\"");
    assert_eq!(
        level(&[("m/001_a.sql", text), ("foreshot.toml", &whole)]),
        "note"
    );
    let outside = format!("-- +goose NO TRANSACTION\n-- +goose Up\n{text}");
    assert_eq!(level(&[("m/001_a.sql", &outside)]), "error");
    let committed = "BEGIN;\nCREATE TABLE t (a int);\nCOMMIT;\nCREATE TABLE u (a int);\n";
    assert_eq!(level(&[("m/001_a.sql", committed)]), "error");
    assert_eq!(
        level(&[("m/V1__a.sql", "SELECT 1;\n"), ("m/R__a.sql", text)]),
        "error"
    );
}

#[test]
fn positions_counted_by_hand() {
    let folder = common::temporary_folder();
    let text = b"\xEF\xBB\xBF-- \xC3\xA9\r\n\tCREATE TABLE t (a int);\r\n/* \xC3\xBC */ CREAT TABLE u;\r\n";
    std::fs::create_dir_all(folder.path().join("m")).expect("a folder");
    std::fs::write(folder.path().join("m/001_a.sql"), text).expect("written");
    let found = check(folder.path(), &["m"]);
    let places: Vec<(u32, u32, &str)> = found
        .iter()
        .map(|one| (one.line, one.column, one.rule.as_str()))
        .collect();
    assert_eq!(places, [(2, 2, "missing-guard"), (3, 9, "unreadable")]);
}

#[test]
fn what_cannot_be_read_hides_nothing() {
    let folder = project(&[(
        "m/001_a.sql",
        "CREATE TABLE a (x int);\nCREAT TABLE b (x int);\nCREATE TABLE c (x int)\nCREATE TABLE d (x int);\n\
         INSERT INTO a VALUES ('it);\nCREATE TABLE e (x int);\n/* never closed\nCREATE TABLE f (x int);\n",
    )]);
    let found = check(folder.path(), &["m"]);
    assert_eq!(
        told(&found),
        [
            "m/001_a.sql:1 note missing-guard",
            "m/001_a.sql:2 error unreadable",
            "m/001_a.sql:3 note missing-guard",
            "m/001_a.sql:3 error unreadable",
            "m/001_a.sql:4 note missing-guard",
            "m/001_a.sql:5 error unreadable",
            "m/001_a.sql:6 note missing-guard",
            "m/001_a.sql:7 error unreadable",
            "m/001_a.sql:8 note missing-guard",
        ]
    );
}

#[test]
fn holes_in_bodies_are_no_mistakes() {
    let folder = project(&[(
        "m/001_f.sql",
        "CREATE FUNCTION f() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDATE :APP_SCHEMA.q SET a = 1; RETURN 1; END $$;\n\
         CREATE FUNCTION g() RETURNS int LANGUAGE plpgsql AS $$ BEGIN UPDAT q SET a = 1; RETURN 1; END $$;\n\
         COPY t FROM stdin;\n1\t'; DROP\n\\.\nSELECT 1;\n\\copy u from stdin\nit's; CREAT\n\\.\nSELECT 2;\n",
    )]);
    assert_eq!(
        told(&check(folder.path(), &["m"])),
        ["m/001_f.sql:2 error unreadable"]
    );
}

#[test]
fn odd_bytes_are_said() {
    let folder = common::temporary_folder();
    std::fs::create_dir_all(folder.path().join("m")).expect("a folder");
    let write = |name: &str, bytes: &[u8]| {
        std::fs::write(folder.path().join("m").join(name), bytes).expect("written");
    };
    write("001_latin.sql", b"COMMENT ON SCHEMA public IS '\xE9';\n");
    write("002_nul.sql", b"SELECT\0 1;\n");
    write("003_empty.sql", b"");
    write("004_utf16.sql", b"\xFF\xFES\0E\0L\0E\0C\0T\0 \x001\0;\0");
    write(
        "005_mysql.sql",
        b"CREATE TABLE `t` (a int) ENGINE=InnoDB;\n",
    );
    write(
        "006_sqlite.sql",
        b"PRAGMA foreign_keys = ON;\nCREATE TABLE t (a int);\n",
    );
    write("007_broken.sql", b"SELECT '\xff\xfe \xf0\x28\x8c\x28");
    let output = common::foreshot(folder.path(), &["check", "m", "--verbose"]);
    let text = common::stdout(&output);
    for said in [
        "001_latin.sql: line 1: not UTF-8 from byte 29 on: read as Latin-1",
        "002_nul.sql: line 1: it holds NUL bytes",
        "003_empty.sql: line 1: is empty",
        "004_utf16.sql: line 1: it is UTF-16",
        "005_mysql.sql: line 1: is written for MySQL: not analysed",
        "006_sqlite.sql: line 1: is written for SQLite: not analysed",
    ] {
        assert!(text.contains(said), "{said}\n{text}");
    }
    assert!(
        text.contains("error[unreadable]") && text.contains("007_broken.sql"),
        "{text}"
    );
}

fn with_input(folder: &Path, arguments: &[&str], input: &str) -> Output {
    let mut child = Command::new(env!("CARGO_BIN_EXE_foreshot"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the binary starts");
    child
        .stdin
        .take()
        .expect("a pipe")
        .write_all(input.as_bytes())
        .expect("the text is taken");
    child.wait_with_output().expect("the binary ends")
}

#[test]
fn standard_input_takes_the_place_of_a_file() {
    let folder = project(&[
        ("m/001_t.sql", TABLE),
        (
            "m/002_c.sql",
            "ALTER TABLE t ADD COLUMN IF NOT EXISTS b int;\n",
        ),
    ]);
    let concise = |extra: &[&str], input: &str| {
        let mut arguments = vec!["check", "-", "--output-format", "concise"];
        arguments.extend(extra);
        let output = with_input(folder.path(), &arguments, input);
        assert!(
            matches!(output.status.code(), Some(0 | 1)),
            "{}",
            common::stderr(&output)
        );
        told(&common::findings(&common::stdout(&output)))
    };
    let edited = "ALTER TABLE t ADD COLUMN c int;\n";
    assert_eq!(
        concise(&["--stdin-filename", "m/002_c.sql"], edited),
        ["m/002_c.sql:1 note missing-guard"]
    );
    // a file that is not saved yet
    assert_eq!(
        concise(&["--stdin-filename", "m/003_new.sql"], edited),
        ["m/003_new.sql:1 note missing-guard"]
    );
    assert_eq!(
        concise(&[], "CREATE TABLE x (a int);"),
        ["stdin.sql:1 note missing-guard"]
    );
    let refused = with_input(folder.path(), &["check", "-", "m"], "");
    common::assert_exit(&refused, 2);
}

#[test]
fn an_alembic_revision_may_read_its_sql_from_a_file() {
    let folder = common::temporary_folder();
    common::write_project(folder.path());
    common::write(
        folder.path(),
        "alembic/versions/a.py",
        "from pathlib import Path\n\nfrom alembic import op\n\nrevision = 'a'\ndown_revision = None\n\n\n\
         def upgrade():\n    op.execute(Path(__file__).with_suffix('.sql').read_text())\n\n\n\
         def downgrade():\n    raise RuntimeError('no way back')\n",
    );
    common::write(
        folder.path(),
        "alembic/versions/a.sql",
        "CREATE TABLE t (a int);\n",
    );
    for path in [".", "alembic", "alembic/versions"] {
        assert_eq!(
            told(&check(folder.path(), &[path])),
            ["alembic/versions/a.py:10 error missing-guard"]
        );
    }
    // a hook names whatever changed
    assert_eq!(
        told(&check(folder.path(), &["alembic/versions/a.sql"])),
        [""; 0]
    );
}

#[test]
fn mistakes_in_the_configuration_are_told() {
    let refusal = |text: &str| {
        let folder = project(&[("m/001_a.sql", TABLE), ("foreshot.toml", text)]);
        let output = common::foreshot(folder.path(), &["check"]);
        common::assert_exit(&output, 2);
        common::stderr(&output)
    };
    assert!(refusal("[[sql]]\nformat = \"goose\"\n").contains("needs a `path`"));
    assert!(
        refusal("[[sql]]\npath = \"m\"\nformat = \"gose\"\n").contains("did you mean `goose`?")
    );
    assert!(refusal("[[sql]]\npath = \"m\"\ntransaction = \"yes\"\n").contains("`file`"));
    assert!(
        refusal("[[sql]]\npath = \"m\"\nrerunable = true\n").contains("did you mean `rerunnable`?")
    );
    assert!(refusal("[[sql]]\npath = \"../m\"\n").contains("leads out of the project"));
}

#[test]
fn prefixes_of_a_file_never_break_it() {
    let text = "-- +goose Up\nCREATE TABLE t (a int DEFAULT '{{ x }}', b text);\nDO $$ BEGIN PERFORM ':v'; END $$;\n\
                COPY t FROM stdin;\n1\té\n\\.\n\\echo /* x\nINSERT INTO t VALUES (%s, :'v', E'\\'');\n-- +goose Down\nDROP TABLE t;\n";
    let folder = common::temporary_folder();
    for (number, (end, _)) in text.char_indices().enumerate() {
        let name = format!("m/{number:04}_a.sql");
        common::write(folder.path(), &name, &text[..end]);
    }
    let output = common::foreshot(folder.path(), &["check", "m", "--quiet"]);
    common::assert_exit(&output, 1);
    assert!(!common::stdout(&output).contains("internal-error"));
}
