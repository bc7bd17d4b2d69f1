//! The files of a commit, or of the index, as a read-only view of the project.
//!
//! As on disk: symbolic links are followed inside the root, `.gitignore` and hidden folders are honoured, long files are
//! refused.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use ignore::Match;
use ignore::gitignore::{Gitignore, GitignoreBuilder};

use super::batch::Object;
use crate::files::{FileError, Files, decode, join, normalize, within};
use crate::limits::Limit;

/// What stands at a path.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    File,
    Link,
}

impl Kind {
    /// By git's mode; submodules are other repositories.
    pub(super) fn of_mode(mode: &str) -> Option<Self> {
        match mode {
            "100644" | "100755" | "100664" => Some(Self::File),
            "120000" => Some(Self::Link),
            _ => None,
        }
    }
}

/// A file of the tree: what it is, and the object with its bytes.
#[derive(Clone, Debug)]
pub(super) struct Entry {
    kind: Kind,
    id: Box<str>,
}

impl Entry {
    pub(super) fn new(kind: Kind, id: &str) -> Self {
        Self {
            kind,
            id: id.into(),
        }
    }
}

type Blobs = Arc<dyn Fn(&str) -> Result<Object, String> + Send + Sync>;

/// As many links are followed on one path as Linux follows.
const MAX_LINKS: usize = 40;

/// The files of a commit or of the index.
pub struct Tree {
    entries: BTreeMap<Utf8PathBuf, Entry>,
    folders: BTreeSet<Utf8PathBuf>,
    blobs: Blobs,
}

impl Tree {
    pub(super) fn new(entries: BTreeMap<Utf8PathBuf, Entry>, blobs: Blobs) -> Self {
        let mut folders = BTreeSet::from([Utf8PathBuf::new()]);
        for path in entries.keys() {
            for folder in path.ancestors().skip(1) {
                if !folders.insert(folder.to_owned()) {
                    break;
                }
            }
        }
        Self {
            entries,
            folders,
            blobs,
        }
    }

    /// Where a path leads once links are resolved: a file or a folder of the tree. `Err`: outside the root.
    fn locate(&self, path: &Utf8Path) -> Result<Option<Utf8PathBuf>, FileError> {
        let outside = || FileError::Outside(path.to_owned());
        let plain = normalize(path).ok_or_else(outside)?;
        let mut todo: Vec<String> = parts(&plain);
        let mut at = Utf8PathBuf::new();
        let mut links = 0;
        while let Some(part) = todo.pop() {
            match part.as_str() {
                "." => continue,
                ".." => {
                    if !at.pop() {
                        return Err(outside());
                    }
                    continue;
                }
                _ => at = join(&at, &part),
            }
            let Some(entry) = self.entries.get(&at) else {
                if self.folders.contains(&at) {
                    continue;
                }
                return Ok(None);
            };
            if entry.kind == Kind::File {
                // nothing lies below a file
                return Ok(todo.is_empty().then_some(at));
            }
            links += 1;
            let Ok(Object::Bytes(target)) = (self.blobs)(&entry.id) else {
                return Ok(None);
            };
            let target = String::from_utf8(target).map_err(|_| outside())?;
            if links > MAX_LINKS {
                return Ok(None);
            }
            if target.starts_with('/') || target.contains('\\') || target.contains(':') {
                return Err(outside());
            }
            at.pop();
            todo.extend(parts(Utf8Path::new(&target)));
        }
        Ok(Some(at))
    }

    fn read_at(&self, shown: &Utf8Path, located: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
        let Some(entry) = self.entries.get(located) else {
            return Ok(None);
        };
        match (self.blobs)(&entry.id) {
            Ok(Object::Bytes(bytes)) => Ok(Some(bytes)),
            Ok(Object::TooLarge(size)) => Err(FileError::TooLarge {
                path: shown.to_owned(),
                size,
                limit: Limit::FileSize.get(),
            }),
            Err(message) => Err(FileError::Io {
                path: shown.to_owned(),
                message,
            }),
        }
    }

    /// The files and folders that stand directly in a folder.
    fn list(&self, folder: &Utf8Path) -> (Vec<&Utf8PathBuf>, Vec<&Utf8PathBuf>) {
        let inside =
            |path: &&Utf8PathBuf| path.parent() == Some(folder) && !path.as_str().is_empty();
        let files = self
            .entries
            .range(folder.to_owned()..)
            .map(|(path, _)| path)
            .take_while(|path| within(path, folder))
            .filter(inside)
            .collect();
        let folders = self
            .folders
            .range(folder.to_owned()..)
            .take_while(|path| within(path, folder))
            .filter(inside)
            .collect();
        (files, folders)
    }

    fn descend(
        &self,
        folder: &Utf8Path,
        wanted: &Utf8Path,
        ignored: &mut Vec<Ignored>,
        found: &mut Vec<Utf8PathBuf>,
    ) {
        ignored.push(Ignored {
            own: self.patterns(folder, ".ignore"),
            git: self.patterns(folder, ".gitignore"),
        });
        let (files, folders) = self.list(folder);
        for file in files {
            let shown = |path: &Utf8Path| !is_hidden(path) && !hides(ignored, path, false);
            if within(file, wanted) && shown(file) {
                found.push(file.clone());
            }
        }
        for inner in folders {
            let on_the_way = within(inner, wanted) || within(wanted, inner);
            if on_the_way && !is_hidden(inner) && !hides(ignored, inner, true) {
                self.descend(inner, wanted, ignored, found);
            }
        }
        ignored.pop();
    }

    fn patterns(&self, folder: &Utf8Path, name: &str) -> Option<Gitignore> {
        let path = join(folder, name);
        let bytes = self.read_at(&path, &path).ok()??;
        let mut builder = GitignoreBuilder::new(Utf8Path::new("/").join(folder));
        for line in decode(&bytes).text.lines() {
            // a pattern that is none is passed over, as git does
            let _ = builder.add_line(None, line);
        }
        builder.build().ok()
    }
}

/// What the ignore files of one folder say.
struct Ignored {
    own: Option<Gitignore>,
    git: Option<Gitignore>,
}

/// Whether ignore files hide a path: the nearest that says anything decides, `.ignore` before `.gitignore`.
fn hides(levels: &[Ignored], path: &Utf8Path, is_folder: bool) -> bool {
    let absolute = Utf8Path::new("/").join(path);
    let decision = |pick: fn(&Ignored) -> Option<&Gitignore>| {
        levels
            .iter()
            .rev()
            .filter_map(pick)
            .map(|patterns| patterns.matched(&absolute, is_folder))
            .find(|found| !found.is_none())
            .map(|found| matches!(found, Match::Ignore(_)))
    };
    decision(|level| level.own.as_ref())
        .or_else(|| decision(|level| level.git.as_ref()))
        .unwrap_or(false)
}

fn is_hidden(path: &Utf8Path) -> bool {
    path.file_name().is_some_and(|name| name.starts_with('.'))
}

/// The parts of a path, the last first.
fn parts(path: &Utf8Path) -> Vec<String> {
    path.as_str()
        .split('/')
        .filter(|part| !part.is_empty())
        .rev()
        .map(str::to_owned)
        .collect()
}

impl Files for Tree {
    fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
        match self.locate(path)? {
            Some(located) => self.read_at(path, &located),
            None => Ok(None),
        }
    }

    fn is_file(&self, path: &Utf8Path) -> bool {
        matches!(self.locate(path), Ok(Some(located)) if self.entries.contains_key(&located))
    }

    fn is_dir(&self, path: &Utf8Path) -> bool {
        matches!(self.locate(path), Ok(Some(located)) if self.folders.contains(&located))
    }

    fn walk(&self, folder: &Utf8Path, everything: bool) -> Vec<Utf8PathBuf> {
        let Some(folder) = normalize(folder) else {
            return Vec::new();
        };
        let mut found = Vec::new();
        if everything {
            let below = self
                .entries
                .range(folder.clone()..)
                .map(|(path, _)| path)
                .take_while(|path| within(path, &folder));
            found.extend(below.cloned());
        } else {
            self.descend(Utf8Path::new(""), &folder, &mut Vec::new(), &mut found);
        }
        // a link and its target are one file: it is listed once, under its own name
        let (links, mut files): (Vec<_>, Vec<_>) = found.into_iter().partition(|path| {
            self.entries
                .get(path)
                .is_some_and(|entry| entry.kind == Kind::Link)
        });
        let mut targets = BTreeSet::new();
        for link in links {
            if let Ok(Some(target)) = self.locate(&link)
                && self.entries.contains_key(&target)
                && targets.insert(target.clone())
                && !files.contains(&target)
            {
                files.push(link);
            }
        }
        files.sort();
        files
    }

    fn resolve(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        self.locate(path).ok()?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A tree whose objects' ids are their contents.
    fn tree(files: &[(&str, &str)]) -> Tree {
        let entries = files.iter().map(|(path, text)| {
            let (kind, id) = match text.strip_prefix("-> ") {
                Some(target) => (Kind::Link, target),
                None => (Kind::File, *text),
            };
            (Utf8PathBuf::from(*path), Entry::new(kind, id))
        });
        Tree::new(
            entries.collect(),
            Arc::new(|id| Ok(Object::Bytes(id.as_bytes().to_vec()))),
        )
    }

    fn walked(tree: &Tree, folder: &str, everything: bool) -> Vec<String> {
        tree.walk(Utf8Path::new(folder), everything)
            .into_iter()
            .map(Utf8PathBuf::into_string)
            .collect()
    }

    #[test]
    fn links_are_followed_inside_the_root_only() {
        let tree = tree(&[
            ("a/b.py", "text"),
            ("a/same.py", "-> b.py"),
            ("x/folder", "-> ../a"),
            ("x/out", "-> ../../etc/passwd"),
            ("x/root", "-> /etc/passwd"),
            ("x/loop", "-> loop"),
        ]);
        let read = |path: &str| tree.read(Utf8Path::new(path));
        assert_eq!(read("a/same.py").expect("read"), Some(b"text".to_vec()));
        assert_eq!(read("x/folder/b.py").expect("read"), Some(b"text".to_vec()));
        assert_eq!(
            tree.resolve(Utf8Path::new("x/folder/same.py")),
            Some("a/b.py".into())
        );
        assert!(matches!(read("x/out"), Err(FileError::Outside(_))));
        assert!(matches!(read("x/root"), Err(FileError::Outside(_))));
        assert!(matches!(read("../a/b.py"), Err(FileError::Outside(_))));
        assert_eq!(read("x/loop").expect("answered"), None);
        assert_eq!(read("a/b.py/c").expect("answered"), None);
        assert!(tree.is_dir(Utf8Path::new("")));
        assert!(tree.is_dir(Utf8Path::new("x/folder")));
        assert!(!tree.is_file(Utf8Path::new("x/folder")));
        assert_eq!(walked(&tree, "", false), ["a/b.py"]);
    }

    #[test]
    fn ignored_and_hidden_files_are_left_out_as_on_disk() {
        let tree = tree(&[
            (".gitignore", "old*.py\n/build\n"),
            ("v/.gitignore", "!old2.py\n"),
            ("v/.hidden/b.py", ""),
            ("v/a.py", ""),
            ("v/old1.py", ""),
            ("v/old2.py", ""),
            ("v/build/c.py", ""),
            ("build/c.py", ""),
            ("va/d.py", ""),
        ]);
        assert_eq!(
            walked(&tree, "v", false),
            ["v/a.py", "v/build/c.py", "v/old2.py"]
        );
        assert_eq!(walked(&tree, "build", false), Vec::<String>::new());
        assert_eq!(walked(&tree, "build", true), ["build/c.py"]);
        assert_eq!(walked(&tree, "v", true).len(), 6);
    }
}
