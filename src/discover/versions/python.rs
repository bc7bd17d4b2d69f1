//! Versions of Python packages: lock files (TOML and JSON), requirements, `pyproject.toml`.

use camino::Utf8Path;
use toml::{Table, Value};

use super::{Versions, line_of, told};
use crate::config::{Driver, PackageVersion};

/// Releases that a range is taken to mean, the newest first: each line's last. Ranges without a bound mean the first.
const SQLALCHEMY: [PackageVersion; 4] = [
    PackageVersion(2, 0, 58),
    PackageVersion(2, 1, 9),
    PackageVersion(1, 4, 54),
    PackageVersion(1, 3, 24),
];
/// See [`SQLALCHEMY`].
const ALEMBIC: [PackageVersion; 9] = [
    PackageVersion(1, 20, 1),
    PackageVersion(1, 16, 5),
    PackageVersion(1, 15, 2),
    PackageVersion(1, 14, 1),
    PackageVersion(1, 13, 3),
    PackageVersion(1, 12, 1),
    PackageVersion(1, 10, 4),
    PackageVersion(1, 7, 7),
    PackageVersion(1, 4, 3),
];

/// A package's name as indexes compare them: lower case, runs of `-`, `_` and `.` one `-` (PEP 503).
pub(super) fn normal(name: &str) -> String {
    let mut out = String::new();
    for character in name.trim().chars() {
        if matches!(character, '-' | '_' | '.') {
            if !out.ends_with('-') {
                out.push('-');
            }
        } else {
            out.push(character.to_ascii_lowercase());
        }
    }
    out
}

/// What a file says of packages, gathered.
struct Gathered<'a> {
    path: &'a Utf8Path,
    versions: Versions,
    /// Each with its line.
    drivers: Vec<(Driver, usize)>,
}

impl<'a> Gathered<'a> {
    fn new(path: &'a Utf8Path) -> Self {
        Self {
            path,
            versions: Versions::default(),
            drivers: Vec::new(),
        }
    }

    fn add(
        &mut self,
        name: &str,
        version: impl Fn(&[PackageVersion]) -> Option<PackageVersion>,
        line: usize,
    ) {
        let name = normal(name);
        match name.as_str() {
            "sqlalchemy" if self.versions.sqlalchemy.is_none() => {
                self.versions.sqlalchemy =
                    version(&SQLALCHEMY).map(|version| told(version, self.path, line));
            }
            "alembic" if self.versions.alembic.is_none() => {
                self.versions.alembic =
                    version(&ALEMBIC).map(|version| told(version, self.path, line));
            }
            _ => {
                if let Some(driver) = Driver::of_distribution(&name)
                    && !self.drivers.iter().any(|(known, _)| *known == driver)
                {
                    self.drivers.push((driver, line));
                }
            }
        }
    }

    /// Of several drivers none is known to be the one that migrations use.
    fn finish(mut self) -> Versions {
        if let [(driver, line)] = self.drivers.as_slice() {
            self.versions.driver = Some(told(*driver, self.path, *line));
        }
        self.versions
    }
}

/// `poetry.lock`, `uv.lock`, `pdm.lock`, `pylock.toml`: `[[package]]` (or `[[packages]]`) with `name` and `version`.
pub(super) fn lock(path: &Utf8Path, text: &str) -> Versions {
    let mut gathered = Gathered::new(path);
    // line by line: these files are large, and all write a key a line
    let mut name = None;
    let mut in_package = false;
    for (index, line) in text.lines().enumerate() {
        let line = line.trim();
        if line.starts_with('[') {
            in_package = matches!(line, "[[package]]" | "[[packages]]");
            name = None;
            continue;
        }
        if !in_package {
            continue;
        }
        let Some((key, value)) = line.split_once('=') else {
            continue;
        };
        let value = value.trim().trim_matches('"');
        match key.trim() {
            "name" => name = Some(value),
            "version" => {
                if let Some(name) = name {
                    gathered.add(name, |_| value.parse().ok(), index + 1);
                }
            }
            _ => {}
        }
    }
    gathered.finish()
}

/// `Pipfile.lock`.
pub(super) fn pipfile_lock(path: &Utf8Path, text: &str) -> Versions {
    let mut gathered = Gathered::new(path);
    let Ok(whole) = serde_json::from_str::<serde_json::Value>(text) else {
        return Versions::default();
    };
    for section in ["default", "develop"] {
        let Some(packages) = whole.get(section).and_then(serde_json::Value::as_object) else {
            continue;
        };
        for (name, package) in packages {
            let pinned = package
                .get("version")
                .and_then(serde_json::Value::as_str)
                .unwrap_or_default()
                .trim_start_matches('=');
            let line = line_of(text, text.find(&format!("\"{name}\"")).unwrap_or(0));
            gathered.add(name, |_| pinned.parse().ok(), line);
        }
    }
    gathered.finish()
}

/// A file of requirements, a line each.
pub(super) fn requirements(path: &Utf8Path, text: &str) -> Versions {
    let mut gathered = Gathered::new(path);
    for (index, line) in text.lines().enumerate() {
        let line = line.split(" #").next().unwrap_or(line).trim();
        if !line.starts_with(['#', '-']) {
            requirement(&mut gathered, line, index + 1);
        }
    }
    gathered.finish()
}

/// `pyproject.toml`: `[project]` with its optional parts, dependency groups, and Poetry's tables.
pub(super) fn project(path: &Utf8Path, text: &str) -> Versions {
    let mut gathered = Gathered::new(path);
    let Ok(table) = text.parse::<Table>() else {
        return Versions::default();
    };
    let at = |table: &Table, keys: &[&str]| -> Option<Value> {
        let (first, rest) = keys.split_first()?;
        rest.iter()
            .try_fold(table.get(*first)?.clone(), |value, key| {
                value.get(key).cloned()
            })
    };
    let line = |needle: &str| line_of(text, text.find(needle).unwrap_or(0));
    let mut lists = vec![at(&table, &["project", "dependencies"])];
    for groups in [
        at(&table, &["project", "optional-dependencies"]),
        at(&table, &["dependency-groups"]),
    ] {
        if let Some(Value::Table(groups)) = groups {
            lists.extend(groups.into_iter().map(|(_, list)| Some(list)));
        }
    }
    for list in lists.into_iter().flatten() {
        for item in list.as_array().into_iter().flatten() {
            if let Some(text) = item.as_str() {
                requirement(&mut gathered, text, line(text));
            }
        }
    }
    let poetry = [
        at(&table, &["tool", "poetry", "dependencies"]),
        at(&table, &["tool", "poetry", "group", "dev", "dependencies"]),
        at(&table, &["tool", "poetry", "dev-dependencies"]),
    ];
    for dependencies in poetry.into_iter().flatten() {
        for (name, value) in dependencies.as_table().into_iter().flatten() {
            let wanted = match value {
                Value::Table(inner) => inner.get("version").and_then(Value::as_str),
                other => other.as_str(),
            };
            let wanted = wanted.unwrap_or("*").to_owned();
            let place = line(&format!("{name} ="));
            gathered.add(name, |known| within(&wanted, known), place);
        }
    }
    gathered.finish()
}

/// One requirement: `SQLAlchemy[asyncio]>=2.0,<2.1 ; python_version >= "3.9"`.
fn requirement(gathered: &mut Gathered<'_>, text: &str, line: usize) {
    let text = text.split(';').next().unwrap_or(text);
    let end = text
        .find(|character: char| !(character.is_ascii_alphanumeric() || "-_.".contains(character)))
        .unwrap_or(text.len());
    let (name, rest) = text.split_at(end);
    let rest = match rest.trim_start().strip_prefix('[') {
        Some(extras) => extras.split_once(']').map_or("", |(_, rest)| rest),
        None => rest,
    };
    let wanted = rest.trim().trim_matches(['(', ')']).to_owned();
    if !name.is_empty() && !wanted.starts_with('@') {
        gathered.add(name, |known| within(&wanted, known), line);
    }
}

/// The version that a specifier means: what it pins, else the first known release in the range; `None` where it does not
/// say anything.
fn within(specifier: &str, known: &[PackageVersion]) -> Option<PackageVersion> {
    let clauses: Vec<(&str, &str)> = specifier
        .split([',', ' '])
        .map(str::trim)
        .filter(|clause| !clause.is_empty() && *clause != "*")
        .map(|clause| {
            let end = clause
                .find(|character: char| !"<>=!~^".contains(character))
                .unwrap_or(clause.len());
            let (operator, version) = clause.split_at(end);
            (operator, version.trim())
        })
        .collect();
    if clauses.is_empty() {
        return None;
    }
    for (operator, version) in &clauses {
        let pins = matches!(*operator, "==" | "===" | "");
        if pins && !version.contains('*') && version.split('.').count() > 1 {
            return version.parse().ok();
        }
    }
    let fits = |candidate: PackageVersion| {
        clauses
            .iter()
            .all(|(operator, version)| satisfies(candidate, operator, version))
    };
    known
        .iter()
        .copied()
        .find(|candidate| fits(*candidate))
        .or_else(|| {
            // a lower bound above all that is known here, or a narrow range: its own beginning
            let bounds = clauses
                .iter()
                .filter(|(operator, _)| matches!(*operator, ">=" | "~=" | "^" | "==" | "~" | ""));
            bounds
                .filter_map(|(_, version)| version.trim_end_matches(".*").parse().ok())
                .find(|candidate| fits(*candidate))
        })
}

fn satisfies(candidate: PackageVersion, operator: &str, version: &str) -> bool {
    let wildcard = version.ends_with(".*");
    let version = version.trim_end_matches(".*");
    let Ok(bound) = version.parse::<PackageVersion>() else {
        return true;
    };
    let parts = version.split('.').count();
    // the first version that no longer begins like the bound
    let next = |kept: usize| match kept {
        0 | 1 => PackageVersion(bound.0 + 1, 0, 0),
        2 => PackageVersion(bound.0, bound.1 + 1, 0),
        _ => PackageVersion(bound.0, bound.1, bound.2 + 1),
    };
    let inside = |end: PackageVersion| candidate >= bound && candidate < end;
    match operator {
        "<" => candidate < bound,
        "<=" => candidate <= bound,
        ">" => candidate > bound,
        ">=" => candidate >= bound,
        "!=" if wildcard => !inside(next(parts)),
        "!=" => candidate != bound,
        "~=" => inside(next(parts.saturating_sub(1))),
        "~" => inside(next(parts.min(2))),
        "^" if bound.0 == 0 => inside(next(2)),
        "^" => inside(next(1)),
        _ => inside(next(parts)),
    }
}
