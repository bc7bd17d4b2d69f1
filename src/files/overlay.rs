//! A view with some files replaced: standard input, fixes in progress.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{FileError, Files, normalize, within};

/// Another view, but for some files, which have other contents; one that was not there is there.
#[derive(Clone)]
pub struct Overlay {
    under: Arc<dyn Files>,
    replaced: BTreeMap<Utf8PathBuf, Arc<[u8]>>,
}

impl Overlay {
    /// The same as another view.
    pub fn new(under: Arc<dyn Files>) -> Self {
        Self {
            under,
            replaced: BTreeMap::new(),
        }
    }

    /// Gives a file other contents.
    #[must_use]
    pub fn with(mut self, path: &Utf8Path, content: impl Into<Arc<[u8]>>) -> Self {
        if let Some(path) = normalize(path) {
            self.replaced.insert(path, content.into());
        }
        self
    }

    fn content(&self, path: &Utf8Path) -> Option<&Arc<[u8]>> {
        self.replaced.get(&normalize(path)?)
    }
}

impl Files for Overlay {
    fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
        match self.content(path) {
            Some(content) => Ok(Some(content.to_vec())),
            None => self.under.read(path),
        }
    }

    fn is_file(&self, path: &Utf8Path) -> bool {
        self.content(path).is_some() || self.under.is_file(path)
    }

    fn is_dir(&self, path: &Utf8Path) -> bool {
        self.under.is_dir(path)
    }

    fn walk(&self, folder: &Utf8Path, everything: bool) -> Vec<Utf8PathBuf> {
        let mut found = self.under.walk(folder, everything);
        let more = self.replaced.keys().filter(|path| within(path, folder));
        for path in more {
            if let Err(place) = found.binary_search(path) {
                found.insert(place, path.clone());
            }
        }
        found
    }

    fn resolve(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        if self.content(path).is_some() {
            return normalize(path);
        }
        self.under.resolve(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Memory;

    #[test]
    fn a_file_may_be_replaced_or_new() {
        let under = Memory::new()
            .with("a/1.sql", "one")
            .with("a/3.sql", "three");
        let view = Overlay::new(Arc::new(under))
            .with(Utf8Path::new("a/1.sql"), *b"other")
            .with(Utf8Path::new("a/2.sql"), *b"new");
        let read = |path: &str| view.read(Utf8Path::new(path)).expect("read");
        assert_eq!(read("a/1.sql").as_deref(), Some(b"other".as_slice()));
        assert_eq!(read("a/3.sql").as_deref(), Some(b"three".as_slice()));
        assert_eq!(
            view.walk(Utf8Path::new("a"), false),
            ["a/1.sql", "a/2.sql", "a/3.sql"]
        );
        assert!(view.is_file(Utf8Path::new("a/2.sql")));
    }
}
