//! A view with some files replaced: fixes in progress.

use std::collections::BTreeMap;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::{FileError, Files, normalize};

/// Another view, but for some files, which have other contents.
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

    /// Gives a file that is there other contents.
    #[must_use]
    pub fn with(mut self, path: &Utf8Path, content: impl Into<Arc<[u8]>>) -> Self {
        if let Some(path) = normalize(path) {
            self.replaced.insert(path, content.into());
        }
        self
    }
}

impl Files for Overlay {
    fn read(&self, path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
        match normalize(path).and_then(|path| self.replaced.get(&path)) {
            Some(content) => Ok(Some(content.to_vec())),
            None => self.under.read(path),
        }
    }

    fn is_file(&self, path: &Utf8Path) -> bool {
        self.under.is_file(path)
    }

    fn is_dir(&self, path: &Utf8Path) -> bool {
        self.under.is_dir(path)
    }

    fn walk(&self, folder: &Utf8Path, everything: bool) -> Vec<Utf8PathBuf> {
        self.under.walk(folder, everything)
    }

    fn resolve(&self, path: &Utf8Path) -> Option<Utf8PathBuf> {
        self.under.resolve(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Memory;

    #[test]
    fn a_replaced_file_is_read_and_the_others_are_as_they_are() {
        let under = Memory::new().with("a.py", "1").with("b.py", "2");
        let over = Overlay::new(Arc::new(under)).with("./a.py".into(), "3".as_bytes());
        assert_eq!(over.read("a.py".into()).expect("read"), Some(b"3".to_vec()));
        assert_eq!(over.read("b.py".into()).expect("read"), Some(b"2".to_vec()));
        assert_eq!(over.read("c.py".into()).expect("read"), None);
    }
}
