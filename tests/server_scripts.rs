//! Executes folders of SQL scripts on the simulated server, one after the other, and prints the answer to each statement: for the comparison with a
//! real server in `tests/agreement/regression.py`.
//!
//! As `foreshot trace` does, but the first run alone, in a closed world: nothing is assumed to be there that no script made.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::process::ExitCode;

use foreshot::files::decode;
use foreshot::postgres::{Catalog, Outcome, Version};
use foreshot::scripts::{self, Format, Reading};
use foreshot::source::{FileId, SourceFile};
use serde_json::json;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let (Some(version), Some(folder)) = (arguments.next(), arguments.next()) else {
        eprintln!("usage: server_scripts MAJOR FOLDER");
        return ExitCode::from(2);
    };
    let version = Version(version.parse().expect("a major version"));
    let mut files: Vec<_> = std::fs::read_dir(&folder)
        .expect("a folder")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|end| end == "sql"))
        .collect();
    files.sort();
    // as deep as the analysis' own threads
    let run = std::thread::Builder::new()
        .stack_size(64 << 20)
        .spawn(move || {
            let mut catalog = Catalog::default();
            for path in files {
                let before = catalog.clone();
                catalog = catch_unwind(AssertUnwindSafe(|| script(&path, catalog, version)))
                    .unwrap_or(before);
            }
        });
    match run.map(std::thread::JoinHandle::join) {
        Ok(Ok(())) => ExitCode::SUCCESS,
        _ => ExitCode::FAILURE,
    }
}

/// Runs one script and prints what came of it; gives the catalog that it leaves.
fn script(path: &Path, catalog: Catalog, version: Version) -> Catalog {
    let name = path
        .file_name()
        .and_then(|name| name.to_str())
        .expect("a name");
    let text = decode(&std::fs::read(path).expect("a file")).text;
    let file = SourceFile::new(camino::Utf8PathBuf::from(name), text);
    let started = std::time::Instant::now();
    let line = |offset: u32| file.line(offset);
    // where a client that reads line by line sends it
    let end = |offset: u32| {
        line(
            file.text()[offset as usize..]
                .find(';')
                .map_or(offset, |more| offset + more as u32),
        )
    };
    let print = |value: serde_json::Value| println!("{value}");
    let reading = scripts::read(Format::Plain, FileId(0), file.text(), None, version);
    let Reading::Read { script, refusals } = reading else {
        print(json!({"file": name, "foreign": true}));
        return catalog;
    };
    for refusal in refusals {
        print(
            json!({"file": name, "line": line(refusal.site.span.start), "end_line": end(refusal.site.span.end),
            "statement": &file.text()[refusal.site.span.range()], "outcome": "error", "sqlstate": "42601", "reason": refusal.message, "refused": true}),
        );
    }
    for gap in &script.up.gaps {
        print(
            json!({"file": name, "line": gap.site.map(|site| line(site.span.start)), "gap": gap.what}),
        );
    }
    let output = scripts::run(Some(&script.up), catalog, version, false);
    for event in &output.trace.events {
        let whole = event
            .literal
            .map(|literal| literal.span)
            .unwrap_or_default();
        let (outcome, sqlstate, reason) = match &event.outcome {
            Outcome::Ok => ("ok", None, String::new()),
            Outcome::Error(error) => (
                "error",
                Some(error.sqlstate.code()),
                error.message.to_string(),
            ),
            Outcome::Unknown(why) => ("unknown", None, why.to_string()),
        };
        print(
            json!({"file": name, "line": line(whole.start), "end_line": end(whole.end), "statement": &file.text()[whole.range()],
            "kind": format!("{:?}", event.statements.first()).chars().take(60).collect::<String>(),
            "outcome": outcome, "sqlstate": sqlstate, "reason": reason, "aborted": event.aborted}),
        );
    }
    print(
        json!({"file": name, "seconds": started.elapsed().as_secs_f64(), "statements": script.up.calls.len()}),
    );
    output.catalog
}
