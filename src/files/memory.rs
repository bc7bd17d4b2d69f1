//! Files in memory: tests, fixes in progress, an editor's buffers.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};

use super::{FileError, Files, normalize, within};

/// A project that exists only in memory.
#[derive(Clone, Debug, Default)]
pub struct Memory {
    files: BTreeMap<Utf8PathBuf, Vec<u8>>,
}

impl Memory {
    /// No files.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds or replaces a file; a path that leaves the root is not taken.
    #[must_use]
    pub fn with(mut self, path: &str, content: impl Into<Vec<u8>>) -> Self {
        if let Some(path) = normalize(Utf8Path::new(path)) {
            self.files.insert(path, content.into());
        }
        self
    }
}

impl Files for Memory {
    fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
        let plain = normalize(path).ok_or_else(|| FileError::Outside(path.to_owned()))?;
        Ok(self.files.get(&plain).cloned())
    }

    fn is_file(&self, path: &Utf8Path) -> bool {
        normalize(path).is_some_and(|path| self.files.contains_key(&path))
    }

    fn is_dir(&self, path: &Utf8Path) -> bool {
        normalize(path).is_some_and(|path| {
            self.files
                .keys()
                .any(|file| *file != path && within(file, &path))
        })
    }

    fn walk(&self, folder: &Utf8Path, everything: bool) -> Vec<Utf8PathBuf> {
        let Some(folder) = normalize(folder) else {
            return Vec::new();
        };
        let hidden = |file: &Utf8Path| {
            file.strip_prefix(&folder)
                .is_ok_and(|rest| rest.components().any(|part| part.as_str().starts_with('.')))
        };
        self.files
            .keys()
            .filter(|file| within(file, &folder) && (everything || !hidden(file)))
            .cloned()
            .collect()
    }
}
