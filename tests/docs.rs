//! The documentation is what the program is: the rules' index is generated from the pages, and every command of the pages runs.
//!
//! `UPDATE_EXPECT=1 cargo test --test docs` writes what is generated: `docs/rules.md`, `docs/configuration.md`, `docs/rules/*.md`, and the parts of
//! `docs/SUMMARY.md` and `README.md` between `<!-- rules -->` and `<!-- /rules -->`.

mod common;

use std::collections::BTreeMap;
use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use foreshot::limits::grouped;

use common::{copy_folder, root, stderr, stdout, temporary_folder};

/// A rule as its page and `foreshot rules` tell.
struct Page {
    id: String,
    level: String,
    summary: String,
}

/// All rules, sorted by id: `foreshot rules` prints `id  level  summary` lines.
fn pages() -> Vec<Page> {
    let output = common::foreshot(root(), &["rules"]);
    stdout(&output)
        .lines()
        .filter_map(|line| {
            let mut words = line.splitn(2, ' ');
            let id = words.next()?.to_owned();
            let (level, summary) = words.next()?.trim_start().split_once(' ')?;
            Some(Page {
                id,
                level: level.to_owned(),
                summary: summary.trim().to_owned(),
            })
        })
        .filter(|page| {
            root()
                .join("rules")
                .join(format!("{}.md", page.id))
                .is_file()
        })
        .collect()
}

/// `text` with what stands between the markers replaced.
fn between(text: &str, generated: &str) -> String {
    let (start, end) = ("<!-- rules -->\n", "<!-- /rules -->");
    let (before, rest) = text.split_once(start).expect("a start marker");
    let (_, after) = rest.split_once(end).expect("an end marker");
    format!("{before}{start}{generated}{end}{after}")
}

/// The reference of the configuration, from the table of keys that the reader itself goes by.
fn configuration() -> String {
    let mut page = "# Configuration\n\n`foreshot.toml`, `.foreshot.toml`, or `[tool.foreshot]` in `pyproject.toml`: the nearest above what is \
         checked. What is unknown is refused with its\nline and the nearest name that would be right. `foreshot config` shows what is in force and where \
         each value comes from; `foreshot config --schema`\nprints the JSON schema, which is `foreshot.schema.json` of the repository.\n\n\
         | key | meaning | default | example |\n| --- | --- | --- | --- |\n"
        .to_owned();
    for key in foreshot::config::KEYS {
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | `{}` |",
            key.name, key.meaning, key.default, key.example
        );
    }
    page.push_str(
        "\n## Bounds\n\nForeshot takes in what a stranger wrote, so all that may grow is bounded. The keys of the table `limits`; what a bound cuts off is a \
         finding of [`limit-reached`](rules/limit-reached.md).\n\n| key | bounds | default | at most |\n| --- | --- | --- | --- |\n",
    );
    for bound in &foreshot::limits::BOUNDS {
        let most = if bound.most == u64::MAX {
            "any number".to_owned()
        } else {
            grouped(bound.most)
        };
        let _ = writeln!(
            page,
            "| `{}` | {} | {} | {most} |",
            bound.key,
            bound.meaning,
            grouped(bound.default)
        );
    }
    page
}

/// Every generated file with its text.
fn generated() -> BTreeMap<PathBuf, String> {
    let pages = pages();
    let mut files = BTreeMap::new();
    let table = |link: &dyn Fn(&str) -> String| {
        let mut table = "| rule | level | finds |\n| --- | --- | --- |\n".to_owned();
        for page in &pages {
            let summary = page.summary.replace('|', "\\|");
            let _ = writeln!(
                table,
                "| [`{}`]({}) | {} | {summary} |",
                page.id,
                link(&page.id),
                page.level
            );
        }
        table
    };
    let index = table(&|id| format!("rules/{id}.md"));
    files.insert(
        "docs/rules.md".into(),
        format!("# Rules\n\nThe level is the default; each can be set in the [configuration](configuration.md).\n\n{index}"),
    );
    files.insert("docs/configuration.md".into(), configuration());
    let mut summary = String::new();
    for page in &pages {
        let _ = writeln!(summary, "  - [{0}](rules/{0}.md)", page.id);
        files.insert(
            format!("docs/rules/{}.md", page.id).into(),
            format!("{{{{#include ../../rules/{}.md}}}}\n", page.id),
        );
    }
    for (path, text) in [
        ("docs/SUMMARY.md", summary),
        ("README.md", table(&|id| format!("rules/{id}.md"))),
    ] {
        let current = fs::read_to_string(root().join(path)).expect("a page");
        files.insert(path.into(), between(&current, &text));
    }
    files
}

#[test]
fn the_index_of_rules_is_generated() {
    let update = std::env::var_os("UPDATE_EXPECT").is_some();
    let mut stale = Vec::new();
    for (path, text) in generated() {
        let target = root().join(&path);
        if fs::read_to_string(&target).ok().as_deref() == Some(&text) {
            continue;
        }
        if update {
            fs::create_dir_all(target.parent().expect("a folder")).expect("its folder");
            fs::write(&target, text).expect("the page is written");
        } else {
            stale.push(path);
        }
    }
    assert!(
        stale.is_empty(),
        "run with UPDATE_EXPECT=1 to write {stale:?}"
    );
    let known = generated();
    for entry in fs::read_dir(root().join("docs/rules")).expect("the folder of pages") {
        let path = Path::new("docs/rules").join(entry.expect("an entry").file_name());
        assert!(
            known.contains_key(&path),
            "{} is of no rule",
            path.display()
        );
    }
}

/// Commands that other checks run: `make test` (and so `.ci/run`) or `scripts/integrations.sh`.
const RUN_ELSEWHERE: [&str; 4] = ["pip install foreshot", "make ", "bash .ci/run", "cargo "];

/// The commands of a page's `sh` fences.
fn commands(text: &str) -> Vec<String> {
    let mut commands = Vec::new();
    let mut inside = false;
    for line in text.lines() {
        if line.starts_with("```") {
            inside = line == "```sh";
        } else if inside && !line.trim().is_empty() {
            let command = line.split(" # ").next().unwrap_or(line).trim();
            commands.push(command.to_owned());
        }
    }
    commands
}

fn git(folder: &Path, arguments: &[&str]) -> Output {
    Command::new("git")
        .args([
            "-c",
            "user.name=t",
            "-c",
            "user.email=t@example.org",
            "-c",
            "init.defaultBranch=main",
        ])
        .args(arguments)
        .current_dir(folder)
        .env("GIT_CONFIG_GLOBAL", "/dev/null")
        .env("GIT_CONFIG_NOSYSTEM", "1")
        .output()
        .expect("git starts")
}

#[test]
fn every_command_runs() {
    let mut pages: Vec<PathBuf> = fs::read_dir(root().join("docs"))
        .expect("the folder of pages")
        .map(|entry| entry.expect("an entry").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    pages.push(root().join("README.md"));
    pages.sort();
    let mut count = 0;
    for page in pages {
        // a page's commands build on each other: one project a page
        let folder = temporary_folder();
        copy_folder(&root().join("examples/shop"), folder.path());
        for arguments in [
            &["init", "-q"][..],
            &["add", "-A"],
            &["commit", "-qm", "start"],
        ] {
            assert!(git(folder.path(), arguments).status.success());
        }
        for command in commands(&fs::read_to_string(&page).expect("a page")) {
            if RUN_ELSEWHERE.iter().any(|other| command.starts_with(other)) {
                continue;
            }
            count += 1;
            let name = page.file_name().expect("a name").to_string_lossy();
            let words = command.strip_prefix("foreshot ");
            assert!(words.is_some(), "{name}: `{command}` is run by nothing");
            let path = format!(
                "{}:{}",
                Path::new(env!("CARGO_BIN_EXE_foreshot"))
                    .parent()
                    .expect("its folder")
                    .display(),
                std::env::var("PATH").expect("PATH")
            );
            let output = Command::new("sh")
                .args(["-c", &command])
                .current_dir(folder.path())
                .env_clear()
                .env("PATH", path)
                .stdin(Stdio::null())
                .output()
                .expect("a shell");
            let code = output.status.code();
            assert!(
                matches!(code, Some(0 | 1)),
                "{name}: `{command}` ends with {code:?}: {}",
                stderr(&output)
            );
        }
    }
    assert!(count > 10, "{count} commands");
}
