//! The one way in which foreshot reads: a read-only view of a project, jailed to its root.
//!
//! Paths are relative to the root, with `/`, without `.` and `..`. The disk is one view; memory (tests, fixes in
//! progress, an editor's buffers) and a git revision are others.

use camino::{Utf8Path, Utf8PathBuf};

/// Why a file could not be read.
#[derive(Debug, thiserror::Error)]
pub enum FileError {
    /// It lies, once its links are resolved, outside the project root.
    #[error("`{0}` lies outside the project root and is not read")]
    Outside(Utf8PathBuf),
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
}
