//! What is remembered by text: bounded in bytes of text, and all forgotten past that.

use std::borrow::Borrow;
use std::hash::Hash;

use rustc_hash::FxHashMap;

/// What an entry takes beside its text, about.
const ENTRY: usize = 64;

/// Values by key.
pub(super) struct Remembered<K, V> {
    known: FxHashMap<K, V>,
    bytes: usize,
    most: usize,
}

impl<K: Eq + Hash, V: Clone> Remembered<K, V> {
    /// Nothing yet, and at most the values of so many bytes of text.
    pub(super) fn new(most: usize) -> Self {
        Self {
            known: FxHashMap::default(),
            bytes: 0,
            most,
        }
    }

    /// The value of a key.
    pub(super) fn get<Q: Eq + Hash + ?Sized>(&self, key: &Q) -> Option<V>
    where
        K: Borrow<Q>,
    {
        self.known.get(key).cloned()
    }

    /// Remembers the value of a key whose text has this length.
    pub(super) fn insert(&mut self, key: K, value: V, length: usize) {
        self.bytes += length + ENTRY;
        if self.bytes > self.most {
            self.known.clear();
            self.bytes = length + ENTRY;
        }
        self.known.insert(key, value);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn past_the_bound_all_but_the_newest_is_forgotten() {
        let mut remembered: Remembered<Box<str>, u8> = Remembered::new(2 * (ENTRY + 10));
        remembered.insert("a".into(), 1, 10);
        remembered.insert("b".into(), 2, 10);
        assert_eq!(
            (remembered.get("a"), remembered.get("b")),
            (Some(1), Some(2))
        );
        remembered.insert("c".into(), 3, 1);
        assert_eq!((remembered.get("a"), remembered.get("b")), (None, None));
        assert_eq!(remembered.get("c"), Some(3));
    }
}
