//! Seeds: the examples of the pages and the corner cases, the measured tables, configuration from the documentation.

use std::fmt::Write;
use std::fs;
use std::path::{Path, PathBuf};

use crate::project::{PYTHON, SQL};

/// A fence of a page.
struct Fence {
    info: Vec<String>,
    text: String,
}

impl Fence {
    fn has(&self, word: &str) -> bool {
        self.info.iter().any(|known| known == word)
    }

    fn value(&self, key: &str) -> Option<&str> {
        let mut values = self.info.iter();
        values.find_map(|word| word.strip_prefix(key)?.strip_prefix('='))
    }
}

/// The seeds of each target.
#[derive(Default)]
pub struct Seeds {
    /// Projects with Alembic's revisions.
    pub python: Vec<String>,
    /// Projects of SQL files.
    pub sql: Vec<String>,
    /// Configuration files.
    pub config: Vec<String>,
    /// Files with suppressing comments.
    pub suppressions: Vec<String>,
}

/// The project's folder: of the targets' crate, or of the program's own tests.
fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    if own.ends_with("fuzz") {
        own.parent().unwrap_or(own)
    } else {
        own
    }
}

/// All files below a folder, sorted.
fn walk(folder: &Path, found: &mut Vec<PathBuf>) {
    let Ok(entries) = fs::read_dir(folder) else {
        return;
    };
    let mut paths: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    paths.sort();
    for path in paths {
        if path.is_dir() {
            walk(&path, found);
        } else {
            found.push(path);
        }
    }
}

/// The rows of fences of a page: each row is an example.
fn examples(page: &str) -> Vec<Vec<Fence>> {
    let mut found: Vec<Vec<Fence>> = Vec::new();
    let mut open: Option<Fence> = None;
    let mut joined = false;
    for line in page.lines() {
        if let Some(mut fence) = open.take() {
            if line == "```" {
                if !joined {
                    found.push(Vec::new());
                    joined = true;
                }
                if let Some(row) = found.last_mut() {
                    row.push(fence);
                }
            } else {
                fence.text.push_str(line);
                fence.text.push('\n');
                open = Some(fence);
            }
        } else if let Some(info) = line.strip_prefix("```") {
            open = Some(Fence {
                info: info.split_whitespace().map(str::to_owned).collect(),
                text: String::new(),
            });
        } else if !line.trim().is_empty() {
            joined = false;
        }
    }
    found
}

/// An example as an input: the judged file first.
fn input(row: &[Fence]) -> Option<(bool, String)> {
    let judged = row.iter().find(|fence| {
        (fence.has("python") || fence.has("sql"))
            && !["given", "base", "tip", "down"]
                .iter()
                .any(|word| fence.has(word))
            && fence.value("file").is_none()
    })?;
    let is_sql = judged.has("sql");
    let mut text = judged.text.clone();
    let mut given = 0;
    let mut last = String::from("None");
    let mut others = String::new();
    for fence in row {
        if let Some(path) = fence.value("file") {
            let _ = write!(others, "### file: {path}\n{}", fence.text);
        } else if fence.has("given") && is_sql {
            given += 1;
            let _ = write!(
                others,
                "### file: migrations/{given:03}_given.sql\n{}",
                fence.text
            );
        } else if fence.has("given") {
            given += 1;
            let head = if fence.text.contains("revision =") {
                String::new()
            } else {
                format!(
                    "from alembic import op\nimport sqlalchemy as sa\nrevision = 'given{given}'\ndown_revision = {last}\n\n"
                )
            };
            last = format!("'given{given}'");
            let _ = write!(
                others,
                "### file: alembic/versions/given{given}.py\n{head}{}",
                fence.text
            );
        } else if fence.has("down") {
            let path = SQL.replace(".sql", ".down.sql");
            let _ = write!(others, "### file: {path}\n{}", fence.text);
        }
    }
    if !is_sql && !text.contains("revision =") && !text.contains("revision:") {
        text = format!(
            "from alembic import op\nimport sqlalchemy as sa\nfrom sqlalchemy.dialects import postgresql\n\n\
             revision = 'example'\ndown_revision = {last}\n\n{text}"
        );
    }
    Some((is_sql, text + &others))
}

/// The rows of a table of tabs, without the first.
fn rows(path: &str) -> Vec<Vec<String>> {
    let text = fs::read_to_string(root().join(path)).unwrap_or_default();
    text.lines()
        .skip(1)
        .map(|line| line.split('\t').map(str::to_owned).collect())
        .collect()
}

fn facts(seeds: &mut Seeds) {
    let setup =
        fs::read_to_string(root().join("tests/facts/rerun-sql.setup.sql")).unwrap_or_default();
    for row in rows("tests/facts/rerun-sql.tsv") {
        if let Some(statement) = row.get(1) {
            seeds.sql.push(format!("{statement};\n"));
            seeds.sql.push(format!(
                "{statement};\n### file: migrations/001_setup.sql\n{setup}"
            ));
        }
    }
    for row in rows("tests/facts/sequences.tsv") {
        if let Some(steps) = row.get(1) {
            seeds.sql.push(steps.replace(";;", ";\n") + ";\n");
        }
    }
    for row in rows("tests/facts/rerun-ops.tsv") {
        if let Some(body) = row.get(9) {
            let body = body.replace("\\n", "\n").replace('\n', "\n    ");
            seeds.python.push(format!(
                "def upgrade():\n    {body}\n\n\ndef downgrade():\n    {body}\n"
            ));
        }
    }
}

/// All seeds.
pub fn all() -> Seeds {
    let mut seeds = Seeds::default();
    let mut pages = Vec::new();
    for folder in ["rules", "tests/cases", "docs"] {
        walk(&root().join(folder), &mut pages);
    }
    pages.push(root().join("README.md"));
    for page in pages {
        let Ok(text) = fs::read_to_string(&page) else {
            continue;
        };
        for row in examples(&text) {
            for fence in &row {
                if fence.has("toml") || fence.has("ini") {
                    seeds.config.push(fence.text.clone());
                }
            }
            let Some((is_sql, text)) = input(&row) else {
                continue;
            };
            if text.contains("foreshot:") {
                let name = if is_sql { SQL } else { PYTHON };
                seeds.suppressions.push(format!("{name}\n{text}"));
            }
            if is_sql {
                seeds.sql.push(text);
            } else {
                seeds.python.push(text);
            }
        }
    }
    let mut demo = Vec::new();
    walk(&root().join("examples"), &mut demo);
    for path in demo {
        let text = fs::read_to_string(&path).unwrap_or_default();
        match path.extension().and_then(|extension| extension.to_str()) {
            Some("py") => seeds.python.push(text),
            Some("sql") => seeds.sql.push(text),
            Some("toml" | "ini") => seeds.config.push(text),
            _ => {}
        }
    }
    facts(&mut seeds);
    for text in seeds
        .sql
        .iter()
        .step_by(9)
        .chain(seeds.python.iter().step_by(9))
    {
        let (name, sign) = if text.contains("def upgrade") {
            (PYTHON, "#")
        } else {
            (SQL, "--")
        };
        seeds.suppressions.push(format!(
            "{name}\n{sign} foreshot: ignore[missing-guard] reason\n{text}{sign} foreshot: file-ignore[lossy-downgrade] why\n"
        ));
    }
    seeds
}

/// The seeds of a target.
pub fn of(target: &str) -> Vec<String> {
    let all = all();
    match target {
        "python" | "fixes" => all.python,
        "sql" => all.sql,
        "config" => all.config,
        "suppressions" => all.suppressions,
        _ => Vec::new(),
    }
}
