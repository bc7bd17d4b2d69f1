//! `foreshot init`: a configuration with today's heads as released, and, if asked, a hook and a workflow. Nothing is ever
//! overwritten.

use std::fmt::Write;

use camino::Utf8Path;

use super::{Failure, InitArguments, output, run};
use crate::config::{KEYS, Kind};

const CONFIG: &str = "foreshot.toml";
const HOOK: &str = ".pre-commit-config.yaml";
const WORKFLOW: &str = ".github/workflows/foreshot.yml";

pub(super) fn init(arguments: &InitArguments) -> Result<u8, Failure> {
    let project = run::open(&arguments.input)?;
    let mut heads: Vec<String> = Vec::new();
    for database in &project.databases {
        if let Some(graph) = run::graph(&project, database) {
            heads.extend(
                graph
                    .heads()
                    .into_iter()
                    .map(|head| graph.revisions()[head].identifiers.revision.clone()),
            );
        }
    }
    heads.sort();
    heads.dedup();
    let mut parts = Vec::new();
    match &project.config_file {
        Some(file) if !arguments.print => {
            output::say(&format!(
                "there is a configuration already: `{file}` is left as it is"
            ));
        }
        _ => parts.push((CONFIG, configuration(&heads))),
    }
    if arguments.hook {
        parts.push((HOOK, hook()));
    }
    if arguments.workflow {
        parts.push((WORKFLOW, workflow()));
    }
    for (name, text) in parts {
        if arguments.print {
            output::print(&format!("# {name}\n{text}\n"))?;
        } else {
            write(&project.working_folder.join(name), name, &text)?;
        }
    }
    if !arguments.print && !arguments.hook && !arguments.workflow {
        output::say(
            "`foreshot init --hook` adds a pre-commit hook, `--workflow` a workflow for GitHub Actions",
        );
    }
    Ok(0)
}

/// Makes a new file; one that is there stays, and the person gets the text to put into it.
fn write(path: &Utf8Path, name: &str, text: &str) -> Result<(), Failure> {
    let failed =
        |error: std::io::Error| Failure::Output(format!("`{name}` can't be written: {error}"));
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder).map_err(failed)?;
    }
    let made = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(path);
    match made {
        Ok(mut file) => {
            std::io::Write::write_all(&mut file, text.as_bytes()).map_err(failed)?;
            output::say(&format!("wrote `{name}`"));
            Ok(())
        }
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => {
            output::say(&format!(
                "`{name}` is there already and is left as it is: this belongs into it"
            ));
            output::print(text)
        }
        Err(error) => Err(failed(error)),
    }
}

fn configuration(heads: &[String]) -> String {
    let mut out = String::from(
        "# foreshot replays migrations on paper: `foreshot explain <rule>` says why it reports something.\n\n",
    );
    let quoted: Vec<String> = heads
        .iter()
        .map(|head| serde_json::to_string(head).unwrap_or_default())
        .collect();
    out.push_str("# The heads of today: these revisions and their ancestors are replayed, and no longer reported.\n");
    let _ = writeln!(out, "start-after = [{}]", quoted.join(", "));
    for key in KEYS {
        if ["start-after", "levels", "per-file-levels"].contains(&key.name) {
            continue;
        }
        let _ = write!(
            out,
            "\n# {} [default: {}]\n# {} = {}\n",
            key.meaning, key.default, key.name, key.example
        );
    }
    for key in KEYS.iter().filter(|key| key.kind == Kind::Levels) {
        let _ = write!(
            out,
            "\n# {} [default: {}]\n# [{}]\n# missing-downgrade = \"note\"\n",
            key.meaning, key.default, key.name
        );
    }
    out
}

fn hook() -> String {
    format!(
        "repos:\n  - repo: local\n    hooks:\n      - id: foreshot\n        name: foreshot\n        entry: foreshot check --force-exclude\n        \
         language: python\n        additional_dependencies: [\"foreshot=={}\"]\n        types_or: [python, sql]\n        \
         files: (^|/)(alembic|migrations?|versions)/\n        require_serial: true\n",
        env!("CARGO_PKG_VERSION")
    )
}

fn workflow() -> String {
    format!(
        "name: foreshot\non:\n  pull_request:\n  push:\n    branches: [main]\npermissions:\n  contents: read\njobs:\n  foreshot:\n    \
         runs-on: ubuntu-latest\n    steps:\n      - uses: actions/checkout@11bd71901bbe5b1630ceea73d27597364c9af683 # v4.2.2\n        \
         with:\n          fetch-depth: 0\n          persist-credentials: false\n      \
         - run: pipx run foreshot=={} check --since auto --output-format github\n",
        env!("CARGO_PKG_VERSION")
    )
}
