//! The measured tables of `tests/facts/` against the simulated server.
//!
//! Each row says what a statement, or an operation of Alembic, does when it is executed a second time on certain major versions. Rows on which
//! foreshot does not agree stand in `facts/uncovered.txt` (`sql 12  reason`), where a row that agrees may not stand.
//! `UPDATE_EXPECT=1 cargo test --test facts` writes that file anew.

mod common;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::ops::RangeInclusive;
use std::sync::Arc;

use foreshot::postgres::catalog::Rows;
use foreshot::postgres::session::Parameters;
use foreshot::postgres::{
    Catalog, Datum, ObjectKey, ObjectKind, Outcome, Session, Statement, Version,
};
use foreshot::scripts::{self, Format, Reading, Refusal, Why};
use foreshot::source::FileId;
use serde_json::Value;

/// What a second execution comes to.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Verdict {
    NoOp,
    SequenceOnly,
    Changes,
    Fails(String),
    FirstRunFails(String),
    Unknown(String),
}

impl Verdict {
    /// The table's words for it; data that changes and duplicates are both changes.
    fn read(verdict: &str, sqlstate: &str) -> Self {
        match verdict {
            "no-op" => Self::NoOp,
            "sequence-advances-only" => Self::SequenceOnly,
            "fails" => Self::Fails(sqlstate.to_owned()),
            "first-run-fails" => Self::FirstRunFails(sqlstate.to_owned()),
            _ => Self::Changes,
        }
    }

    /// Whether the simulated server's answer is the measured one. An advanced sequence alone may pass for no change.
    fn agrees(&self, measured: &Self) -> bool {
        self == measured || (*measured == Self::SequenceOnly && *self == Self::NoOp)
    }
}

fn facts(name: &str) -> String {
    fs::read_to_string(common::root().join("tests/facts").join(name)).expect("a file of facts")
}

/// The rows of a table, with their numbers from 1 (the header is row 0).
fn rows(name: &str) -> Vec<(usize, Vec<String>)> {
    facts(name)
        .lines()
        .enumerate()
        .skip(1)
        .filter(|(_, line)| !line.is_empty())
        .map(|(number, line)| (number, line.split('\t').map(str::to_owned).collect()))
        .collect()
}

/// `11-13,18` as numbers.
fn majors(text: &str) -> Vec<u16> {
    text.split(',')
        .flat_map(|part| -> RangeInclusive<u16> {
            let (first, last) = part.split_once('-').unwrap_or((part, part));
            first.parse().expect("a major")..=last.parse().expect("a major")
        })
        .collect()
}

/// Reads a text as a SQL file is read.
fn parse(text: &str) -> Vec<Statement> {
    let refused = |message: &str| {
        vec![Statement::SyntaxError {
            message: message.into(),
        }]
    };
    match scripts::read(Format::Plain, FileId(0), text, None, Version::default()) {
        Reading::Read { script, refusals } => match refusals.first() {
            Some(Refusal {
                why: Why::Syntax(message),
                ..
            }) => refused(message),
            Some(other) => panic!("{other:?}"),
            None => script
                .up
                .calls
                .iter()
                .flat_map(|call| call.statements.iter().cloned())
                .collect(),
        },
        Reading::Foreign(server) => refused(server),
    }
}

/// Executes a string as one driver call.
fn execute(session: &mut Session, text: &str) -> (Outcome, Vec<ObjectKey>) {
    let answer = session.execute(&parse(text), &Parameters::default());
    (answer.outcome, answer.changes)
}

/// A connection whose database holds the schema; what of it could not be made.
fn set_up(version: Version, script: &str) -> (Session, Vec<String>) {
    let mut session = Session::new(Catalog::default(), version, parse);
    let mut failures = Vec::new();
    for statement in parse(script) {
        let answer = session.execute(std::slice::from_ref(&statement), &Parameters::default());
        if answer.outcome != Outcome::Ok {
            failures.push(format!("{version:?}: {:?}: {statement:?}", answer.outcome));
        }
    }
    (session, failures)
}

fn second_run(session: &Session, statement: &str) -> Verdict {
    let mut session = session.clone();
    match execute(&mut session, statement).0 {
        Outcome::Ok => {}
        Outcome::Error(error) => return Verdict::FirstRunFails(error.sqlstate.code().to_owned()),
        Outcome::Unknown(why) => return Verdict::Unknown(why.to_string()),
    }
    let before = session.catalog.clone();
    let (outcome, changes) = execute(&mut session, statement);
    match outcome {
        Outcome::Ok => {}
        Outcome::Error(error) => return Verdict::Fails(error.sqlstate.code().to_owned()),
        Outcome::Unknown(why) => return Verdict::Unknown(why.to_string()),
    }
    let different: Vec<_> = changes
        .iter()
        .filter(|key| before.describe(key) != session.catalog.describe(key))
        .collect();
    if values_differ(&before, &session.catalog) {
        return Verdict::Changes;
    }
    if different.is_empty() {
        return Verdict::NoOp;
    }
    // a sequence that was there before and is there still has advanced; one more is a change like any other
    let advanced = |key: &ObjectKey| {
        matches!(key.kind, ObjectKind::Sequence | ObjectKind::Sequences)
            && before.describe(key).is_some()
            && session.catalog.describe(key).is_some()
    };
    if different.iter().all(|key| advanced(key)) {
        return Verdict::SequenceOnly;
    }
    Verdict::Changes
}

/// Whether a row that was there has other values.
fn values_differ(before: &Catalog, after: &Catalog) -> bool {
    after.relations.values().any(|relation| {
        before.relation(&relation.name).is_some_and(|known| {
            known.rows.known.len() == relation.rows.known.len()
                && (known.rows != relation.rows || renewed(&known.rows, &relation.rows))
        })
    })
}

/// Whether a row was written again with a value that is new each time it is made.
fn renewed(before: &Rows, after: &Rows) -> bool {
    before.known.iter().zip(&after.known).any(|(old, new)| {
        let fresh = new.values.iter().any(|(_, value)| *value == Datum::Fresh);
        fresh && !Arc::ptr_eq(old, new)
    })
}

fn in_transaction(session: &Session, statement: &str) -> String {
    let mut session = session.clone();
    session.begin();
    match execute(&mut session, statement).0 {
        Outcome::Ok => "yes".to_owned(),
        Outcome::Error(error) => format!("no: {}", error.sqlstate),
        Outcome::Unknown(why) => format!("unknown: {why}"),
    }
}

/// Differences by row, each with the reason; `sql 12`, `ops 3`.
type Differences = BTreeMap<(String, usize), String>;

fn note(differences: &mut Differences, table: &str, row: usize, text: &str) {
    let line = differences.entry((table.to_owned(), row)).or_default();
    if line.is_empty() {
        *line = text.replace('\n', " ");
    }
}

fn sql_differences(setup_failures: &mut Vec<String>) -> (usize, Differences) {
    let mut differences = Differences::new();
    let mut statements = BTreeMap::new();
    for (_, row) in rows("rerun-sql.statements.tsv") {
        let number: usize = row[0].parse().expect("a row's number");
        let before = row.get(2).cloned().unwrap_or_default();
        statements.insert(number, (row[1].clone(), before));
    }
    let script = facts("rerun-sql.setup.sql");
    let mut sessions = BTreeMap::new();
    for major in 11..=18 {
        let (session, failures) = set_up(Version(major), &script);
        setup_failures.extend(failures);
        sessions.insert(major, session);
    }
    let table = rows("rerun-sql.tsv");
    for (number, row) in &table {
        let (statement, before) = statements
            .get(number)
            .cloned()
            .unwrap_or_else(|| (row[1].clone(), String::new()));
        let measured = Verdict::read(&row[2], &row[3]);
        // "no: 25001 message"
        let allowed: String = if row[5] == "yes" {
            "yes".to_owned()
        } else {
            row[5]
                .split_whitespace()
                .take(2)
                .collect::<Vec<_>>()
                .join(" ")
        };
        for major in majors(&row[6]) {
            let mut session = sessions[&major].clone();
            if !before.is_empty() {
                let outcome = execute(&mut session, &before).0;
                if outcome != Outcome::Ok {
                    let text = format!("{major}: before it: {outcome:?}");
                    note(&mut differences, "sql", *number, &text);
                    continue;
                }
            }
            let verdict = second_run(&session, &statement);
            if !verdict.agrees(&measured) {
                let text = format!("{major}: measured {measured:?}, got {verdict:?}: {statement}");
                note(&mut differences, "sql", *number, &text);
            }
            let transaction = in_transaction(&session, &statement);
            if transaction != allowed {
                let text = format!(
                    "{major}: in a transaction: measured {allowed}, got {transaction}: {statement}"
                );
                note(&mut differences, "sql", *number, &text);
            }
        }
    }
    (table.len(), differences)
}

/// The answers of several driver calls in a row; after an error in a transaction block each is 25P02.
fn sequence_differences(setup_failures: &mut Vec<String>) -> (usize, Differences) {
    let mut differences = Differences::new();
    let script = facts("sequences.setup.sql");
    let table = rows("sequences.tsv");
    for (number, row) in &table {
        for major in majors(&row[3]) {
            let (mut session, failures) = set_up(Version(major), &script);
            setup_failures.extend(failures);
            let mut answers = Vec::new();
            for step in row[1].split(" ;; ") {
                let statements = parse(step);
                let ends = matches!(statements.first(), Some(Statement::Transaction(_)));
                let answer = session.execute(&statements, &Parameters::default());
                answers.push(match answer.outcome {
                    _ if answer.aborted && !ends => "25P02".to_owned(),
                    Outcome::Ok => "ok".to_owned(),
                    Outcome::Error(error) => error.sqlstate.code().to_owned(),
                    Outcome::Unknown(why) => format!("unknown ({why})"),
                });
            }
            let answers = answers.join(" ");
            if answers != row[2] {
                let text = format!("{major}: measured {}, got {answers}: {}", row[2], row[1]);
                note(&mut differences, "sequences", *number, &text);
            }
        }
    }
    (table.len(), differences)
}

/// Writes one project a row and replays them all at once.
fn operations(
    rows: &[&(usize, Vec<String>)],
    major: u16,
    alembic: &str,
    sqlalchemy: &str,
) -> Vec<Value> {
    let folder = common::temporary_folder();
    let setup = facts("rerun-ops.setup.sql");
    for (number, row) in rows {
        let project = folder.path().join(format!("row{number}"));
        common::write_project(&project);
        let before = row.get(10).map_or("", String::as_str);
        let first = format!(
            "from alembic import op\n\nrevision = 'setup'\ndown_revision = None\n\n\n\
             def upgrade():\n    op.execute(r\"\"\"{setup}\"\"\")\n    before = {before:?}\n    if before:\n        op.execute(before)\n\n\n\
             def downgrade():\n    raise RuntimeError('no way back')\n"
        );
        let second = format!(
            "import uuid\n\nimport sqlalchemy as sa\nfrom alembic import op\nfrom sqlalchemy.dialects import postgresql\n\n\
             revision = 'row'\ndown_revision = 'setup'\n\n\ndef upgrade():\n    {}\n\n\n\
             def downgrade():\n    raise RuntimeError('no way back')\n",
            row[9]
        );
        common::write(&project, "alembic/versions/setup.py", &first);
        common::write(&project, "alembic/versions/row.py", &second);
    }
    let major = major.to_string();
    let output = common::foreshot(
        folder.path(),
        &[
            "trace",
            "--format",
            "json",
            "--postgres-version",
            &major,
            "--alembic-version",
            alembic,
            "--sqlalchemy-version",
            sqlalchemy,
        ],
    );
    common::assert_exit(&output, 0);
    common::stdout(&output)
        .lines()
        .map(|line| serde_json::from_str(line).expect("an object a line"))
        .collect()
}

/// What the trace says of one row.
fn operation_verdict(events: &[&Value], measured: &Verdict) -> Verdict {
    let of_run = |run: &'static str| {
        events
            .iter()
            .filter(move |event| event["run"] == run)
            .filter(|event| {
                let statement = event["statement"].as_str().unwrap_or_default();
                !statement
                    .trim_start()
                    .to_ascii_lowercase()
                    .starts_with("select")
            })
    };
    let failed = |run| {
        of_run(run).find_map(|event| match event["outcome"].as_str() {
            Some("error") => event["sqlstate"].as_str().map(str::to_owned),
            _ => None,
        })
    };
    let unknown = |run| of_run(run).find(|event| event["outcome"] == "unknown");
    if let Some(state) = failed("first") {
        return Verdict::FirstRunFails(state);
    }
    // an error of Python is no statement's: it shows in that nothing was executed
    if let Verdict::FirstRunFails(class) = measured
        && class.ends_with("Error")
        && of_run("first").next().is_none()
    {
        return measured.clone();
    }
    if let Some(event) = unknown("first") {
        return Verdict::Unknown(event.to_string());
    }
    if let Some(state) = failed("rerun") {
        return Verdict::Fails(state);
    }
    if let Some(event) = unknown("rerun") {
        return Verdict::Unknown(event.to_string());
    }
    if of_run("rerun").any(|event| event["changed"] == true) {
        return Verdict::Changes;
    }
    Verdict::NoOp
}

fn operation_differences() -> (usize, Differences) {
    let mut differences = Differences::new();
    let table = rows("rerun-ops.tsv");
    let stacks: BTreeSet<&str> = table.iter().map(|(_, row)| row[7].as_str()).collect();
    for stack in stacks {
        let (alembic, sqlalchemy) = stack.split_once('/').expect("two versions");
        let alembic = alembic.trim_start_matches("alembic ");
        let sqlalchemy = sqlalchemy.trim_start_matches("SA ");
        for major in 11..=18 {
            let here: Vec<&(usize, Vec<String>)> = table
                .iter()
                .filter(|(_, row)| row[7] == stack && majors(&row[6]).contains(&major))
                .collect();
            if here.is_empty() {
                continue;
            }
            let events = operations(&here, major, alembic, sqlalchemy);
            for (number, row) in here {
                let project = format!("row{number}/");
                let mine: Vec<&Value> = events
                    .iter()
                    .filter(|event| {
                        event["revision"] == "row"
                            && event["file"]
                                .as_str()
                                .is_some_and(|file| file.starts_with(&project))
                    })
                    .collect();
                let measured = Verdict::read(&row[2], &row[3]);
                let verdict = operation_verdict(&mine, &measured);
                // an empty `bulk_insert` executes nothing, nor does an ENUM that is there
                let nothing = mine.is_empty() && !matches!(measured, Verdict::FirstRunFails(_));
                if nothing && row[1] != "empty rows" {
                    let text = format!("{major} {stack}: not in the trace: {}", row[9]);
                    note(&mut differences, "ops", *number, &text);
                } else if !verdict.agrees(&measured) {
                    let text = format!(
                        "{major} {stack}: measured {measured:?}, got {verdict:?}: {}",
                        row[9]
                    );
                    note(&mut differences, "ops", *number, &text);
                }
            }
        }
    }
    (table.len(), differences)
}

fn listed() -> BTreeSet<(String, usize)> {
    facts("uncovered.txt")
        .lines()
        .filter(|line| !line.starts_with('#') && !line.trim().is_empty())
        .map(|line| {
            let mut words = line.split_whitespace();
            let table = words.next().unwrap_or_default().to_owned();
            let row = words.next().and_then(|word| word.parse().ok());
            (table, row.expect("a row's number"))
        })
        .collect()
}

#[test]
fn every_measured_row_agrees_or_is_listed() {
    let mut setup = Vec::new();
    let (sql_rows, mut differences) = sql_differences(&mut setup);
    let (sequences, of_sequences) = sequence_differences(&mut setup);
    differences.extend(of_sequences);
    let (operation_rows, of_operations) = operation_differences();
    differences.extend(of_operations);
    setup.sort();
    setup.dedup();
    if std::env::var_os("UPDATE_EXPECT").is_some() {
        let mut text = String::from(
            "# Rows of the measured tables on which foreshot does not agree: table, row, why.\n\
             # `UPDATE_EXPECT=1 cargo test --test facts` adds and removes rows and keeps the reasons written by hand.\n",
        );
        let known = facts("uncovered.txt");
        for ((table, row), reason) in &differences {
            let head = format!("{table} {row}  ");
            match known.lines().find(|line| line.starts_with(&head)) {
                Some(line) => text.extend([line, "\n"]),
                None => text.extend([&head, reason.as_str(), "\n"]),
            }
        }
        fs::write(common::root().join("tests/facts/uncovered.txt"), text).expect("the list");
        return;
    }
    let listed = listed();
    let mut report = String::new();
    for failure in &setup {
        let _ = writeln!(report, "setup  {failure}");
    }
    for ((table, row), reason) in &differences {
        if !listed.contains(&(table.clone(), *row)) {
            let _ = writeln!(report, "{table} {row}  {reason}");
        }
    }
    for (table, row) in &listed {
        if !differences.contains_key(&(table.clone(), *row)) {
            let _ = writeln!(
                report,
                "{table} {row}  agrees now: remove it from uncovered.txt"
            );
        }
    }
    let all = sql_rows + sequences + operation_rows;
    println!(
        "{} of {all} rows agree, {} are listed",
        all - differences.len(),
        listed.len()
    );
    assert!(report.is_empty(), "\n{report}");
}
