//! Which versions a project runs on, where the user did not say: from lock files, requirements, `pyproject.toml`, and the
//! images of compose files and Dockerfiles.
//!
//! In: a read-only view of the project and a folder. Out: [`Versions`], each with the file and line that tell it. The
//! nearest folder at or above the one asked for wins; in one folder a lock file wins over requirements, and those over
//! `pyproject.toml`. Nothing is resolved: a range gives the newest version that is known here to lie in it.

mod image;
mod python;

use std::cell::OnceCell;

use camino::{Utf8Path, Utf8PathBuf};

use crate::config::{Config, Driver, PackageVersion};
use crate::files::{Files, decode};
use crate::postgres::Version;

/// Something that a file tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Told<T> {
    /// What it is.
    pub value: T,
    /// Where it stands, for people: `` `uv.lock`, line 12 ``.
    pub source: String,
}

/// What a project's files tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Versions {
    /// The server.
    pub postgres: Option<Told<Version>>,
    /// Alembic.
    pub alembic: Option<Told<PackageVersion>>,
    /// SQLAlchemy.
    pub sqlalchemy: Option<Told<PackageVersion>>,
    /// The driver.
    pub driver: Option<Told<Driver>>,
}

impl Versions {
    /// Puts what is told where the user has not set anything.
    pub fn complete(self, config: &mut Config) {
        fn put<T>(value: &mut T, source: &mut Option<String>, told: Option<Told<T>>) {
            if let (None, Some(told)) = (&*source, told) {
                *value = told.value;
                *source = Some(told.source);
            }
        }
        let sources = &mut config.sources;
        put(
            &mut config.postgres_version,
            &mut sources.postgres,
            self.postgres,
        );
        put(
            &mut config.alembic_version,
            &mut sources.alembic,
            self.alembic,
        );
        put(
            &mut config.sqlalchemy_version,
            &mut sources.sqlalchemy,
            self.sqlalchemy,
        );
        put(&mut config.driver, &mut sources.driver, self.driver);
    }

    fn is_complete(&self) -> bool {
        self.postgres.is_some()
            && self.alembic.is_some()
            && self.sqlalchemy.is_some()
            && self.driver.is_some()
    }

    /// What is not told yet is taken from another.
    fn or(&mut self, other: Self) {
        self.postgres = self.postgres.take().or(other.postgres);
        self.alembic = self.alembic.take().or(other.alembic);
        self.sqlalchemy = self.sqlalchemy.take().or(other.sqlalchemy);
        self.driver = self.driver.take().or(other.driver);
    }
}

/// How a file tells versions, the surest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    /// `poetry.lock`, `uv.lock`, `pdm.lock`, `pylock.toml`.
    Lock,
    /// `Pipfile.lock`.
    PipfileLock,
    /// `requirements*.txt`, `constraints*.txt`.
    Requirements,
    /// `pyproject.toml`.
    Project,
    /// A compose file.
    Compose,
    /// A Dockerfile.
    Dockerfile,
}

fn kind(path: &Utf8Path) -> Option<Kind> {
    let name = path.file_name()?;
    let lower = name.to_ascii_lowercase();
    let is_text = matches!(path.extension(), Some("txt" | "in"));
    let is_yaml = matches!(path.extension(), Some("yml" | "yaml"));
    Some(match lower.as_str() {
        "poetry.lock" | "uv.lock" | "pdm.lock" | "pylock.toml" => Kind::Lock,
        "pipfile.lock" => Kind::PipfileLock,
        "pyproject.toml" => Kind::Project,
        _ if is_text && (lower.contains("requirements") || lower.contains("constraints")) => {
            Kind::Requirements
        }
        // requirements/base.txt
        _ if is_text && path.parent().and_then(Utf8Path::file_name) == Some("requirements") => {
            Kind::Requirements
        }
        _ if is_yaml && lower.contains("compose") => Kind::Compose,
        _ if lower.starts_with("dockerfile") || lower.ends_with(".dockerfile") => Kind::Dockerfile,
        _ => return None,
    })
}

/// Folders whose files tell of the folder that holds them.
const INNER: [&str; 6] = [
    "requirements",
    "docker",
    "deploy",
    "compose",
    "deployment",
    "dev",
];

/// Finds what files tell; the project is walked once.
pub struct Finder<'a> {
    files: &'a dyn Files,
    /// Each with the folder of which it tells, sorted.
    candidates: OnceCell<Vec<(Utf8PathBuf, Kind, Utf8PathBuf)>>,
}

impl<'a> Finder<'a> {
    /// A finder over a project that has looked at nothing yet.
    pub fn new(files: &'a dyn Files) -> Self {
        Self {
            files,
            candidates: OnceCell::new(),
        }
    }

    /// What the files at and above a folder tell, the nearest first.
    pub fn versions(&self, folder: &Utf8Path) -> Versions {
        let candidates = self.candidates.get_or_init(|| candidates(self.files));
        let mut found = Versions::default();
        for above in folder.ancestors() {
            for (_, kind, path) in candidates.iter().filter(|(tells, ..)| tells == above) {
                if found.is_complete() {
                    return found;
                }
                if let Ok(Some(bytes)) = self.files.read(path) {
                    found.or(read(*kind, path, &decode(&bytes).text));
                }
            }
        }
        found
    }
}

fn candidates(files: &dyn Files) -> Vec<(Utf8PathBuf, Kind, Utf8PathBuf)> {
    let mut found: Vec<(Utf8PathBuf, Kind, Utf8PathBuf)> = files
        .walk(Utf8Path::new(""), false)
        .into_iter()
        .filter_map(|path| {
            let kind = kind(&path)?;
            let folder = path.parent().unwrap_or(Utf8Path::new(""));
            let inner = folder.file_name().is_some_and(|name| INNER.contains(&name));
            let tells = if inner {
                folder.parent().unwrap_or(Utf8Path::new(""))
            } else {
                folder
            };
            Some((tells.to_owned(), kind, path))
        })
        .collect();
    // of files of one kind the one with the shortest name tells first: `requirements.txt` before `requirements-dev.txt`
    found.sort_by(|one, other| {
        let key = |(tells, kind, path): &(Utf8PathBuf, Kind, Utf8PathBuf)| {
            (tells.clone(), *kind, path.as_str().len(), path.clone())
        };
        key(one).cmp(&key(other))
    });
    found
}

fn read(kind: Kind, path: &Utf8Path, text: &str) -> Versions {
    match kind {
        Kind::Lock => python::lock(path, text),
        Kind::PipfileLock => python::pipfile_lock(path, text),
        Kind::Requirements => python::requirements(path, text),
        Kind::Project => python::project(path, text),
        Kind::Compose | Kind::Dockerfile => Versions {
            postgres: image::server(path, text),
            ..Versions::default()
        },
    }
}

fn told<T>(value: T, path: &Utf8Path, line: usize) -> Told<T> {
    Told {
        value,
        source: format!("`{path}`, line {line}"),
    }
}

/// The line of a byte offset, from 1.
fn line_of(text: &str, offset: usize) -> usize {
    let before = text.get(..offset.min(text.len())).unwrap_or(text);
    before.bytes().filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests;
