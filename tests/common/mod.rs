//! What all tests share: the binary in a scrubbed environment, projects on disk, and the pages' examples.

// each test binary uses a part of it, and has it as a private module
#![allow(dead_code, unreachable_pub)]

pub mod folder;
pub mod schema;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// The repository's root.
pub fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Runs the binary in `folder` with nothing of the environment but `PATH`.
pub fn foreshot(folder: &Path, arguments: &[&str]) -> Output {
    foreshot_with(folder, arguments, &[])
}

/// Runs the binary in `folder` with nothing of the environment but `PATH` and some variables.
pub fn foreshot_with(folder: &Path, arguments: &[&str], environment: &[(&str, &str)]) -> Output {
    Command::new(env!("CARGO_BIN_EXE_foreshot"))
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs(environment.iter().copied())
        .output()
        .expect("the binary starts")
}

/// What the program wrote to standard output.
pub fn stdout(output: &Output) -> String {
    String::from_utf8(output.stdout.clone()).expect("UTF-8 on standard output")
}

/// What the program wrote to standard error.
pub fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Fails with all that the program said unless it ended with `code`.
#[track_caller]
pub fn assert_exit(output: &Output, code: i32) {
    assert_eq!(
        output.status.code(),
        Some(code),
        "exit code\n--- stdout\n{}\n--- stderr\n{}",
        stdout(output),
        stderr(output)
    );
}

/// Writes a file and the folders above it.
pub fn write(folder: &Path, path: &str, text: &str) {
    let path = folder.join(path);
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent).expect("a folder for the file");
    }
    fs::write(path, text).expect("the file is written");
}

/// Runs git in a folder, untouched by the user's configuration.
pub fn git(folder: &Path, arguments: &[&str]) {
    let output = Command::new("git")
        .args(arguments)
        .current_dir(folder)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .envs([
            ("GIT_CONFIG_NOSYSTEM", "1"),
            ("GIT_AUTHOR_NAME", "A"),
            ("GIT_AUTHOR_EMAIL", "a@example.org"),
            ("GIT_COMMITTER_NAME", "A"),
            ("GIT_COMMITTER_EMAIL", "a@example.org"),
        ])
        .output()
        .expect("git starts");
    assert!(
        output.status.success(),
        "git {arguments:?}: {}",
        stderr(&output)
    );
}

/// Commits all files of a repository.
fn commit(folder: &Path) {
    git(folder, &["add", "--all"]);
    git(
        folder,
        &["commit", "--quiet", "--allow-empty", "--message", "x"],
    );
}

/// Copies a folder with all that is in it.
pub fn copy_folder(from: &Path, to: &Path) {
    fs::create_dir_all(to).expect("the folder's copy");
    for entry in fs::read_dir(from).expect("the folder to copy") {
        let entry = entry.expect("an entry of the folder");
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            if entry.file_name() != "__pycache__" {
                copy_folder(&entry.path(), &target);
            }
        } else {
            fs::copy(entry.path(), target).expect("the file's copy");
        }
    }
}

/// A folder of its own in the temporary folder, removed when dropped.
pub fn temporary_folder() -> folder::TemporaryFolder {
    folder::TemporaryFolder::new()
}

/// Writes an Alembic project without revisions.
pub fn write_project(folder: &Path) {
    write(
        folder,
        "alembic.ini",
        "[alembic]\nscript_location = %(here)s/alembic\nprepend_sys_path = .\n",
    );
    write(
        folder,
        "alembic/env.py",
        "from alembic import context\n\ncontext.run_migrations()\n",
    );
    fs::create_dir_all(folder.join("alembic/versions")).expect("the folder of the revisions");
}

/// A line of the `concise` format, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// The path as printed.
    pub path: String,
    /// From 1.
    pub line: u32,
    /// From 1, in code points.
    pub column: u32,
    /// `error`, `warning` or `note`.
    pub severity: String,
    /// The rule's id.
    pub rule: String,
    /// The rest.
    pub message: String,
}

/// The findings in the output of `--format concise`; lines of another form are left out.
pub fn findings(text: &str) -> Vec<Finding> {
    text.lines().filter_map(finding).collect()
}

fn finding(line: &str) -> Option<Finding> {
    let mut parts = line.splitn(4, ':');
    let path = parts.next()?.to_owned();
    let number = parts.next()?.parse().ok()?;
    let column = parts.next()?.parse().ok()?;
    let (severity, rest) = parts.next()?.trim_start().split_once('[')?;
    let (rule, message) = rest.split_once("]:")?;
    Some(Finding {
        path,
        line: number,
        column,
        severity: severity.to_owned(),
        rule: rule.to_owned(),
        message: message.trim().to_owned(),
    })
}

/// One fence of a page.
#[derive(Clone, Debug, Default)]
pub struct Fence {
    /// The words after the backquotes.
    pub info: Vec<String>,
    /// Its text.
    pub text: String,
    /// Index of the first line of its text in the page's lines.
    pub first: usize,
    /// Index of the line of its closing backquotes.
    pub last: usize,
}

impl Fence {
    /// Whether the info string has this word.
    pub fn has(&self, word: &str) -> bool {
        self.info.iter().any(|found| found == word)
    }

    /// The value of `key=value` in the info string.
    pub fn value(&self, key: &str) -> Option<&str> {
        self.info
            .iter()
            .find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }
}

/// One example: fences that follow each other with nothing but blank lines between.
#[derive(Clone, Debug)]
pub struct Example {
    /// The page it stands on.
    pub page: PathBuf,
    /// The rule's id.
    pub rule: String,
    /// Whether it stands under `## Flagged`.
    pub flagged: bool,
    /// The line of prose before it.
    pub title: String,
    /// Its fences.
    pub fences: Vec<Fence>,
}

impl Example {
    /// Line of the judged fence, from 1.
    pub fn line(&self) -> usize {
        self.judged().map_or(0, |fence| fence.first + 1)
    }

    /// The revision that is judged: the fence of Python or SQL that is neither `given` nor `down` nor a `file`.
    pub fn judged(&self) -> Option<&Fence> {
        self.fences.iter().find(|fence| {
            (fence.has("python") || fence.has("sql"))
                && !["given", "base", "tip", "down"]
                    .iter()
                    .any(|word| fence.has(word))
                && fence.value("file").is_none()
        })
    }

    /// Whether it shows a change against a base branch: the arguments that name it.
    pub fn since(&self) -> &'static [&'static str] {
        let compared = |fence: &Fence| fence.has("base") || fence.has("tip");
        if self.fences.iter().any(compared) {
            &["--since", "main"]
        } else {
            &[]
        }
    }

    /// Whether a SQL file is judged, not a revision of Alembic's.
    pub fn is_sql(&self) -> bool {
        self.judged().is_some_and(|fence| fence.has("sql"))
    }

    /// Where the judged revision stands in the project.
    pub fn judged_path(&self) -> &'static str {
        if self.is_sql() { JUDGED_SQL } else { JUDGED }
    }

    /// The fence with the exact diagnostics, where there is one.
    pub fn expected(&self) -> Option<&Fence> {
        self.fences.iter().find(|fence| fence.has("text"))
    }

    /// Puts the project on disk. The judged revision is at [`Example::judged_path`].
    pub fn write(&self, folder: &Path) {
        if self.is_sql() {
            self.write_sql(folder);
            return;
        }
        write_project(folder);
        if !self.since().is_empty() {
            self.write_branches(folder);
        }
        let mut parent: Option<String> = None;
        let mut given = 0;
        for fence in &self.fences {
            if fence.has("base") || fence.has("tip") {
                continue;
            }
            if let Some(path) = fence.value("file") {
                write(folder, path, &fence.text);
            } else if fence.has("given") {
                given += 1;
                let name = format!("given{given}");
                let text = self.revision(&fence.text, &name, parent.as_deref());
                write(folder, &format!("alembic/versions/{name}.py"), &text);
                parent = Some(name);
            }
        }
        if let Some(fence) = self.judged() {
            let text = self.revision(&fence.text, "example", parent.as_deref());
            write(folder, JUDGED, &text);
        }
    }

    /// Makes a repository whose branch `main` has the fences `base`, then those `tip` too, and leaves the working folder
    /// where both are not committed yet or only the first.
    fn write_branches(&self, folder: &Path) {
        let put = |word: &str| {
            for fence in self.fences.iter().filter(|fence| fence.has(word)) {
                let path = fence.value("file").unwrap_or(JUDGED);
                write(folder, path, &fence.text);
            }
        };
        git(folder, &["init", "--quiet", "--initial-branch=main"]);
        put("base");
        commit(folder);
        git(folder, &["branch", "change"]);
        if self.fences.iter().any(|fence| fence.has("tip")) {
            put("tip");
            commit(folder);
        }
        git(folder, &["checkout", "--quiet", "change"]);
        for fence in self.fences.iter().filter(|fence| fence.has("gone")) {
            let path = folder.join(fence.value("file").unwrap_or(JUDGED));
            fs::remove_file(path).expect("the file that the change deletes");
        }
    }

    /// SQL files of a plain folder; the words of the judged fence that say how they are sent become configuration.
    fn write_sql(&self, folder: &Path) {
        let mut given = 0;
        for fence in &self.fences {
            if let Some(path) = fence.value("file") {
                write(folder, path, &fence.text);
            } else if fence.has("given") {
                given += 1;
                write(
                    folder,
                    &format!("migrations/{given:03}_given.sql"),
                    &fence.text,
                );
            } else if fence.has("down") {
                let path = JUDGED_SQL.replace(".sql", ".down.sql");
                write(folder, &path, &fence.text);
            }
        }
        let Some(fence) = self.judged() else {
            return;
        };
        write(folder, JUDGED_SQL, &fence.text);
        let transaction = fence
            .value("transaction")
            .map(|word| format!("transaction = \"{word}\"\n"));
        let rerunnable = fence
            .has("rerunnable")
            .then(|| "rerunnable = true\n".to_owned());
        let entry: String = transaction.into_iter().chain(rerunnable).collect();
        if !entry.is_empty() {
            let entry = format!("[[sql]]\npath = \"migrations\"\n{entry}");
            write(folder, "foreshot.toml", &entry);
        }
    }

    /// What stands in a revision's file: the fence, with what it leaves out.
    fn revision(&self, fence: &str, name: &str, parent: Option<&str>) -> String {
        let mut text = String::new();
        if !fence
            .lines()
            .any(|line| line.starts_with("revision =") || line.starts_with("revision:"))
        {
            let parent = parent.map_or_else(|| "None".to_owned(), |name| format!("'{name}'"));
            text = format!(
                "from alembic import op\nimport sqlalchemy as sa\nfrom sqlalchemy.dialects import postgresql\n\n\
                 revision = '{name}'\ndown_revision = {parent}\n\n"
            );
        }
        text.push_str(fence);
        let has_downgrade = fence.lines().any(|line| line.starts_with("def downgrade"));
        if self.rule != "missing-downgrade" && !has_downgrade {
            text.push_str(
                "\n\ndef downgrade():\n    raise NotImplementedError(\"not part of this example\")\n",
            );
        }
        text
    }
}

/// Path of the judged revision in an example's project.
pub const JUDGED: &str = "alembic/versions/example.py";

/// Path of the judged SQL file in an example's project.
pub const JUDGED_SQL: &str = "migrations/100_example.sql";

/// The pages and the corner cases, each with its rule's id, in order.
pub fn pages() -> Vec<(PathBuf, String)> {
    let mut pages = Vec::new();
    for path in markdown(&root().join("rules")) {
        let rule = path.file_stem().unwrap_or_default().to_string_lossy();
        pages.push((path.clone(), rule.into_owned()));
    }
    let cases = root().join("tests/cases");
    let mut rules: Vec<PathBuf> = fs::read_dir(&cases)
        .expect("the folder of the cases")
        .map(|entry| entry.expect("an entry of the cases").path())
        .collect();
    rules.sort();
    for folder in rules {
        let rule = folder.file_name().unwrap_or_default().to_string_lossy();
        for path in markdown(&folder) {
            pages.push((path, rule.clone().into_owned()));
        }
    }
    pages
}

fn markdown(folder: &Path) -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = fs::read_dir(folder)
        .expect("a folder of pages")
        .map(|entry| entry.expect("an entry of the folder").path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
        .collect();
    paths.sort();
    paths
}

/// The examples of a page, in order.
pub fn examples(page: &Path, rule: &str) -> Vec<Example> {
    let text = fs::read_to_string(page).expect("the page");
    let mut found: Vec<Example> = Vec::new();
    let mut flagged = None;
    let mut title = String::new();
    let mut open: Option<Fence> = None;
    let mut joined = false;
    for (index, line) in text.lines().enumerate() {
        if let Some(mut fence) = open.take() {
            if line != "```" {
                fence.text.push_str(line);
                fence.text.push('\n');
                open = Some(fence);
                continue;
            }
            fence.last = index;
            let known = ["python", "sql", "toml", "text"]
                .iter()
                .any(|word| fence.has(word));
            let Some(flagged) = flagged.filter(|_| known) else {
                continue;
            };
            if !joined {
                found.push(Example {
                    page: page.to_owned(),
                    rule: rule.to_owned(),
                    flagged,
                    title: title.clone(),
                    fences: Vec::new(),
                });
                joined = true;
            }
            if let Some(example) = found.last_mut() {
                example.fences.push(fence);
            }
        } else if let Some(info) = line.strip_prefix("```") {
            open = Some(Fence {
                info: info.split_whitespace().map(str::to_owned).collect(),
                first: index + 1,
                ..Fence::default()
            });
        } else if line.starts_with('#') {
            joined = false;
            if line.starts_with("## ") {
                flagged = match line {
                    "## Flagged" => Some(true),
                    "## Not flagged" => Some(false),
                    _ => None,
                };
            }
        } else if !line.trim().is_empty() {
            joined = false;
            line.clone_into(&mut title);
        }
    }
    found
}

/// All examples of all pages.
pub fn all_examples() -> Vec<Example> {
    pages()
        .iter()
        .flat_map(|(page, rule)| examples(page, rule))
        .collect()
}
