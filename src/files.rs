//! The one way in which foreshot reads: a read-only view of a project, jailed to its root.
//!
//! Paths are relative to the root, with `/`, without `.` and `..`. The disk is one view; memory (tests, fixes in
//! progress, an editor's buffers) and a git revision are others.

mod decode;
mod disk;
#[cfg(test)]
#[path = "../tests/common/folder.rs"]
mod folder;
mod memory;
mod overlay;
mod root;

use std::cmp::Ordering;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};

pub use decode::{Decoded, decode};
pub use disk::Disk;
pub use memory::Memory;
pub use overlay::Overlay;
pub use root::{Placed, place, place_below};

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It lies, once its links are resolved, outside the project root.
    #[error("`{0}` lies outside the project root and is not read")]
    Outside(Utf8PathBuf),
    /// There is none, or it is a folder, a pipe, a device.
    #[error("`{0}` is not there or no file")]
    NoFile(Utf8PathBuf),
    /// It is longer than the bound on file size.
    #[error("`{path}` has {size} bytes, more than the {limit} that are read")]
    TooLarge {
        /// The file.
        path: Utf8PathBuf,
        /// Its size in bytes.
        size: u64,
        /// The bound in bytes.
        limit: u64,
    },
    /// The system's own error.
    #[error("`{path}` can't be read: {message}")]
    Io {
        /// The file.
        path: Utf8PathBuf,
        /// The system's words.
        message: String,
    },
}

/// A read-only view of a project.
pub trait Files: Send + Sync {
    /// The bytes of a file; `Ok(None)` where there is none (or it is a folder, a pipe, a device).
    fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError>;
    /// Whether a regular file stands there, inside the root once links are resolved.
    fn is_file(&self, path: &Utf8Path) -> bool;
    /// Whether a folder stands there.
    fn is_dir(&self, path: &Utf8Path) -> bool;
    /// All files below a folder, sorted; `.gitignore` and hidden folders are honoured unless `everything`.
    fn walk(&self, folder: &Utf8Path, everything: bool) -> Vec<Utf8PathBuf>;
    /// The path of what stands there once links are resolved; the path itself where there are none. `None`: nothing
    /// stands there, or it lies outside the root.
    fn resolve(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        let path = normalize(path)?;
        (self.is_file(&path) || self.is_dir(&path)).then_some(path)
    }
}

/// A relative path without `.` and `..`; `None` where it leaves the root or is absolute. The root itself is the empty
/// path.
pub fn normalize(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut parts: Vec<&str> = Vec::new();
    for component in path.components() {
        match component {
            Utf8Component::Normal(part) => parts.push(part),
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                parts.pop()?;
            }
            Utf8Component::RootDir | Utf8Component::Prefix(_) => return None,
        }
    }
    Some(Utf8PathBuf::from(parts.join("/")))
}

/// Whether `path` is `folder` or lies below it; the empty folder holds everything.
pub fn within(path: &Utf8Path, folder: &Utf8Path) -> bool {
    folder.as_str().is_empty() || path.starts_with(folder)
}

/// The order of paths, part by part as [`Utf8Path`]'s own, for plain ones ([`normalize`]): a separator comes before all
/// else. Found in the bytes, without taking each path apart.
pub fn path_order(one: &Utf8Path, other: &Utf8Path) -> Ordering {
    let (one, other) = (one.as_str().as_bytes(), other.as_str().as_bytes());
    let shared = one.iter().zip(other).take_while(|(a, b)| a == b).count();
    let rank = |bytes: &[u8]| match bytes.get(shared) {
        None => 0,
        Some(b'/') => 1,
        Some(byte) => 2 + usize::from(*byte),
    };
    rank(one).cmp(&rank(other))
}

/// `folder/name`, where the empty folder is the root.
pub fn join(folder: &Utf8Path, name: &str) -> Utf8PathBuf {
    if folder.as_str().is_empty() {
        Utf8PathBuf::from(name)
    } else {
        folder.join(name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_made_plain_and_never_leave() {
        let plain = |path: &str| normalize(Utf8Path::new(path)).map(Utf8PathBuf::into_string);
        assert_eq!(plain("./a//b/../c"), Some("a/c".into()));
        assert_eq!(plain("."), Some(String::new()));
        assert_eq!(plain("a/../.."), None);
        assert_eq!(plain("/etc/passwd"), None);
    }

    #[test]
    fn the_order_of_paths_is_that_of_their_parts() {
        let paths = [
            "", "a", "a/b", "a/b/c", "a/b.c", "a-b", "a-b/c", "a.py", "ab", "b",
        ];
        for one in paths.map(Utf8Path::new) {
            for other in paths.map(Utf8Path::new) {
                assert_eq!(path_order(one, other), one.cmp(other), "{one} {other}");
            }
        }
    }

    #[test]
    fn a_folder_holds_itself_and_what_is_below_but_no_namesake() {
        assert!(within(Utf8Path::new("a/b"), Utf8Path::new("a")));
        assert!(within(Utf8Path::new("a"), Utf8Path::new("a")));
        assert!(within(Utf8Path::new("a"), Utf8Path::new("")));
        assert!(!within(Utf8Path::new("ab"), Utf8Path::new("a")));
    }
}
