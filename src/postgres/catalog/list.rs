//! A short list that copies share: the columns, constraints and indexes of a table.
//!
//! A copy of the list costs one pointer; a change to a shared list copies its pointers, and of its items only those that
//! are changed. An empty list holds nothing. (`imbl::Vector` keeps room for 64 items once it has one: 20 KB a table.)

use std::fmt;
use std::ops::{Index, IndexMut};
use std::sync::Arc;

/// A list whose copies share its items until they change.
pub struct List<T>(Option<Arc<Vec<Arc<T>>>>);

impl<T> List<T> {
    /// An empty list.
    pub const fn new() -> Self {
        Self(None)
    }

    fn items(&self) -> &[Arc<T>] {
        self.0.as_deref().map_or(&[], Vec::as_slice)
    }

    fn items_mut(&mut self) -> &mut Vec<Arc<T>> {
        Arc::make_mut(self.0.get_or_insert_default())
    }

    /// How many items there are.
    pub fn len(&self) -> usize {
        self.items().len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.items().is_empty()
    }

    /// The items in order.
    pub fn iter(&self) -> Iter<'_, T> {
        Iter(self.items().iter())
    }

    /// The item at a place.
    pub fn get(&self, index: usize) -> Option<&T> {
        self.items().get(index).map(|item| &**item)
    }

    /// Puts an item at the end.
    pub fn push(&mut self, item: T) {
        self.items_mut().push(Arc::new(item));
    }

    /// Puts an item at a place.
    pub fn insert(&mut self, index: usize, item: T) {
        self.items_mut().insert(index, Arc::new(item));
    }

    /// Takes the item at a place out.
    pub fn remove(&mut self, index: usize) {
        self.items_mut().remove(index);
    }

    /// Keeps only what fits; a list that loses nothing stays shared.
    pub fn retain(&mut self, mut keep: impl FnMut(&T) -> bool) {
        let kept: Vec<bool> = self.iter().map(&mut keep).collect();
        if kept.contains(&false) {
            let mut kept = kept.into_iter();
            self.items_mut().retain(|_| kept.next().unwrap_or(true));
        }
    }

    /// Whether both share everything.
    pub fn ptr_eq(&self, other: &Self) -> bool {
        match (&self.0, &other.0) {
            (Some(own), Some(other)) => Arc::ptr_eq(own, other),
            (None, None) => true,
            _ => false,
        }
    }
}

impl<T: Clone> List<T> {
    /// All items, to be changed: each that is shared is copied.
    pub fn iter_mut(&mut self) -> impl Iterator<Item = &mut T> {
        let items = if self.is_empty() {
            &mut []
        } else {
            self.items_mut().as_mut_slice()
        };
        items.iter_mut().map(Arc::make_mut)
    }

    /// The items that fit, to be changed; the others stay shared.
    pub fn matching_mut(&mut self, fits: impl Fn(&T) -> bool) -> impl Iterator<Item = &mut T> {
        let items = if self.iter().any(&fits) {
            self.items_mut().as_mut_slice()
        } else {
            &mut []
        };
        items
            .iter_mut()
            .filter(move |item| fits(item))
            .map(Arc::make_mut)
    }
}

impl<T: PartialEq> List<T> {
    /// Whether an item is in it.
    pub fn contains(&self, item: &T) -> bool {
        self.iter().any(|own| own == item)
    }
}

impl<T> Clone for List<T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self::new()
    }
}

impl<T: PartialEq> PartialEq for List<T> {
    fn eq(&self, other: &Self) -> bool {
        // equal to itself is what shared items are: none holds a number that is not (`Datum::Float` of NaN is text)
        self.ptr_eq(other) || self.items() == other.items()
    }
}

impl<T: fmt::Debug> fmt::Debug for List<T> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.debug_list().entries(self).finish()
    }
}

impl<T> FromIterator<T> for List<T> {
    fn from_iter<I: IntoIterator<Item = T>>(items: I) -> Self {
        let items: Vec<Arc<T>> = items.into_iter().map(Arc::new).collect();
        Self((!items.is_empty()).then(|| Arc::new(items)))
    }
}

impl<T> Index<usize> for List<T> {
    type Output = T;

    fn index(&self, index: usize) -> &T {
        &self.items()[index]
    }
}

impl<T: Clone> IndexMut<usize> for List<T> {
    fn index_mut(&mut self, index: usize) -> &mut T {
        Arc::make_mut(&mut self.items_mut()[index])
    }
}

impl<'a, T> IntoIterator for &'a List<T> {
    type Item = &'a T;
    type IntoIter = Iter<'a, T>;

    fn into_iter(self) -> Iter<'a, T> {
        self.iter()
    }
}

/// The items of a [`List`] in order.
pub struct Iter<'a, T>(std::slice::Iter<'a, Arc<T>>);

impl<'a, T> Iterator for Iter<'a, T> {
    type Item = &'a T;

    fn next(&mut self) -> Option<&'a T> {
        self.0.next().map(|item| &**item)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        self.0.size_hint()
    }
}

impl<T> DoubleEndedIterator for Iter<'_, T> {
    fn next_back(&mut self) -> Option<Self::Item> {
        self.0.next_back().map(|item| &**item)
    }
}

impl<T> ExactSizeIterator for Iter<'_, T> {}

impl<T> Clone for Iter<'_, T> {
    fn clone(&self) -> Self {
        Self(self.0.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_change_to_a_copy_leaves_the_original_and_shares_the_rest() {
        let original: List<String> = ["a", "b", "c"].map(str::to_owned).into_iter().collect();
        let mut copy = original.clone();
        assert!(copy.ptr_eq(&original));
        copy.retain(|_| true);
        assert_eq!(copy.matching_mut(|item| item == "x").count(), 0);
        assert!(copy.ptr_eq(&original), "nothing was changed");
        for item in copy.matching_mut(|item| item == "b") {
            item.push('!');
        }
        copy.push("d".to_owned());
        assert_eq!(copy.iter().collect::<Vec<_>>(), ["a", "b!", "c", "d"]);
        assert_eq!(original.iter().collect::<Vec<_>>(), ["a", "b", "c"]);
        assert!(std::ptr::eq(&raw const copy[0], &raw const original[0]));
        copy.retain(|item| item != "a");
        copy.remove(0);
        copy.insert(0, "z".to_owned());
        assert_eq!(
            copy,
            ["z", "c", "d"].map(str::to_owned).into_iter().collect()
        );
        assert_ne!(copy, original);
        assert!(List::<String>::new().is_empty());
    }
}
