//! A cheap look at a file: is it a revision, which one, and after which? Only for grouping; the revision graph itself is
//! made from the syntax tree.

use std::sync::LazyLock;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::iter::{IntoParallelIterator, ParallelIterator};
use regex::Regex;
use rustc_hash::FxHashMap;

use crate::files::{Files, decode};

/// What the text says at the start of its lines.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Scan {
    pub(super) revision: Option<String>,
    /// What `down_revision` and `depends_on` name.
    pub(super) parents: Vec<String>,
    /// Assigns `down_revision` at module level.
    pub(super) is_revision: bool,
}

static REVISION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"(?m)^revision\b[^=\n]*=\s*[rRuU]?["']([^"'\n]+)["']"#).ok());
static DOWN: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^(?:\w+[ \t]*=[ \t]*)*down_revision\b[^=\n]*=[ \t]*").ok());
static DEPENDS: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^depends_on\b[^=\n]*=[ \t]*").ok());
static ANY_REVISION: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r"(?m)^revision\b[^=\n]*=").ok());
static LITERAL: LazyLock<Option<Regex>> =
    LazyLock::new(|| Regex::new(r#"["']([^"'\n]+)["']"#).ok());

/// Looks at a text.
pub(super) fn scan(text: &str) -> Scan {
    let find = |expression: &LazyLock<Option<Regex>>| {
        let found = expression.as_ref()?.captures(text)?;
        Some(found.get(1)?.as_str().to_owned())
    };
    let down = DOWN.as_ref().and_then(|expression| expression.find(text));
    let depends = DEPENDS
        .as_ref()
        .and_then(|expression| expression.find(text));
    let parents = [down, depends]
        .into_iter()
        .flatten()
        .flat_map(|found| literals(&text[found.end()..]))
        .collect();
    let assigns = ANY_REVISION
        .as_ref()
        .is_some_and(|expression| expression.is_match(text));
    Scan {
        revision: find(&REVISION),
        parents,
        is_revision: down.is_some() && assigns,
    }
}

/// The literals of a value: of a list or tuple to its end, else of the line.
fn literals(value: &str) -> Vec<String> {
    let end = if value.starts_with(['(', '[']) {
        value.find([')', ']'])
    } else {
        value.find(['\n', '#'])
    };
    let value = &value[..end.unwrap_or(value.len())];
    LITERAL
        .as_ref()
        .map(|literal| {
            literal
                .captures_iter(value)
                .map(|found| found[1].to_owned())
                .collect()
        })
        .unwrap_or_default()
}

/// Looks at files, each once.
#[derive(Default)]
pub(super) struct Scans {
    seen: FxHashMap<Utf8PathBuf, Scan>,
}

fn look(files: &dyn Files, path: &Utf8Path) -> Scan {
    match files.read(path) {
        Ok(bytes) => scan(&decode(&bytes.unwrap_or_default()).text),
        // it may be one: why it can't be read is reported by the one who reads it for good
        Err(_) => Scan {
            is_revision: true,
            ..Scan::default()
        },
    }
}

impl Scans {
    pub(super) fn of(&mut self, files: &dyn Files, path: &Utf8Path) -> &Scan {
        self.seen
            .entry(path.to_owned())
            .or_insert_with(|| look(files, path))
    }

    /// Looks at many at once, on all threads.
    pub(super) fn prepare<'a>(
        &mut self,
        files: &dyn Files,
        paths: impl Iterator<Item = &'a Utf8PathBuf>,
    ) {
        let new: Vec<&Utf8PathBuf> = paths
            .filter(|path| !self.seen.contains_key(*path))
            .collect();
        let found: Vec<(Utf8PathBuf, Scan)> = new
            .into_par_iter()
            .map(|path| (path.clone(), look(files, path)))
            .collect();
        self.seen.extend(found);
    }
}

/// Whether Alembic would load a file of a version location by its name: `(?!\.\#|__init__)(.*\.py)$`.
pub(super) fn is_loaded_name(path: &Utf8Path) -> bool {
    path.file_name().is_some_and(|name| {
        path.extension() == Some("py") && !name.starts_with(".#") && !name.starts_with("__init__")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn assignments_in_all_their_forms() {
        let found =
            scan("revision: str = 'b'\ndown_revision: Union[str, None] = \"a\"  # after 'z'\n");
        assert_eq!(found.revision.as_deref(), Some("b"));
        assert_eq!(found.parents, ["a"]);
        assert!(found.is_revision);
        let merge = scan("revision = 'm'\r\ndown_revision = (\n    'x',\n    'y',\n)\r\n");
        assert_eq!(merge.parents, ["x", "y"]);
        assert_eq!(
            scan("revision = 'b'\ndown_revision = None\ndepends_on = 'x'\n").parents,
            ["x"]
        );
        assert!(scan("revision = 'b'\ndown_revision = None\n").is_revision);
        assert!(!scan("def f():\n    down_revision = None\n    revision = 1").is_revision);
        assert!(!scan("down_revision_of = 1\nrevision = 2").is_revision);
    }
}
