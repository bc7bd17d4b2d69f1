//! Asks a real PostgreSQL: the examples of the pages, the measured tables, the example project, the public corpus.
//!
//! `cargo test` leaves it out, since it downloads a server and the Python packages (`test = false` in Cargo.toml); `make test` runs it. This side
//! writes the project of each example to disk, exactly as `tests/rules.rs` executes it, with a list of what each claims; `tests/agreement/` asks and
//! compares, in Python, since that is what runs migrations. `cargo test --test agreement -- --help` says what it can do.

mod common;

use std::fs;
use std::path::Path;
use std::process::{Command, ExitCode};

use serde_json::json;

/// Writes the project of each example into a folder of its own, and `examples.json` with what is known of it.
fn write_examples(folder: &Path) {
    let mut listed = Vec::new();
    for (number, example) in common::all_examples().iter().enumerate() {
        let project = folder.join(format!("{number:04}"));
        fs::create_dir_all(&project).expect("a folder for the example");
        example.write(&project);
        let config = example
            .fences
            .iter()
            .find(|fence| fence.value("file") == Some("foreshot.toml"))
            .map(|fence| toml::from_str::<serde_json::Value>(&fence.text).expect("TOML"));
        let page = example.page.strip_prefix(common::root());
        listed.push(json!({
            "page": page.unwrap_or(&example.page),
            "line": example.line(),
            "rule": example.rule,
            "flagged": example.flagged,
            "title": example.title,
            "folder": project,
            "judged": project.join(example.judged_path()),
            "config": config,
            "transaction": example.judged().and_then(|fence| fence.value("transaction")),
            // compared with a branch, which is not made here: what is said of it alone is not asked again
            "compared": !example.since().is_empty(),
            "needs": example.judged().and_then(|fence| fence.value("needs")),
            "server": example.judged().and_then(|fence| fence.value("server")),
        }));
    }
    let text = serde_json::to_string(&listed).expect("a list");
    fs::write(folder.join("examples.json"), text).expect("the list of the examples");
}

fn main() -> ExitCode {
    if std::env::var("FORESHOT_AGREEMENT").is_ok_and(|value| value == "skip") {
        eprintln!(
            "agreement: SKIPPED: FORESHOT_AGREEMENT=skip is set, so no server was asked whether the pages and the tables are true"
        );
        return ExitCode::SUCCESS;
    }
    let folder = common::temporary_folder();
    write_examples(folder.path());
    let status = Command::new("python3")
        .arg(common::root().join("tests/agreement"))
        .arg("--foreshot")
        .arg(env!("CARGO_BIN_EXE_foreshot"))
        .arg("--examples")
        .arg(folder.path())
        .args(std::env::args_os().skip(1))
        .status();
    match status {
        Ok(status) if status.success() => ExitCode::SUCCESS,
        Ok(_) => ExitCode::FAILURE,
        Err(error) => {
            eprintln!(
                "agreement: python3 does not start ({error}): install Python 3.9 or later, or set FORESHOT_AGREEMENT=skip to go without"
            );
            ExitCode::FAILURE
        }
    }
}
