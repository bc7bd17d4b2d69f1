//! The numbers that sequences give: no rollback takes them back.
//!
//! A sequence's next number stands in the catalog, where it is known. A statement takes numbers through [`Numbers`], which
//! outlives its failure; a connection keeps what was taken for when its catalog goes back to an earlier one.

use std::cell::{Cell, RefCell};

use rustc_hash::{FxHashMap, FxHashSet};

use super::catalog::{Catalog, QualifiedName};

/// What the running statement has taken so far.
#[derive(Debug, Default)]
pub struct Numbers {
    /// The next number of each sequence that it used; `None`: it is not known any more.
    next: RefCell<FxHashMap<QualifiedName, Option<i64>>>,
    /// It may have used any sequence.
    any: Cell<bool>,
}

impl Numbers {
    /// Takes the next number of a sequence of the catalog as it was before the statement; `None`: which it is is not known.
    pub(crate) fn take(&self, catalog: &Catalog, sequence: &QualifiedName) -> Option<i64> {
        let mut next = self.next.borrow_mut();
        let number = match next.get(sequence) {
            Some(number) => *number,
            None if self.any.get() => None,
            None => catalog.next_number(sequence),
        };
        let after = number.and_then(|number| number.checked_add(1));
        next.insert(sequence.clone(), after);
        number
    }

    /// Sets a sequence's next number.
    pub(crate) fn set(&self, sequence: QualifiedName, next: Option<i64>) {
        self.next.borrow_mut().insert(sequence, next);
    }

    /// Of no sequence is the next number known any more.
    pub(crate) fn forget(&self) {
        self.any.set(true);
        self.next.borrow_mut().clear();
    }
}

/// What was taken since a point that the catalog may go back to.
#[derive(Clone, Debug, Default)]
pub(crate) struct Taken {
    next: FxHashMap<QualifiedName, Option<i64>>,
    /// Sequences that were made or set anew, which going back undoes: what was taken of which is not kept apart.
    remade: FxHashSet<QualifiedName>,
    any: bool,
}

impl Taken {
    /// Takes in what a statement took, and notes it in the catalog.
    pub(crate) fn take_in(&mut self, numbers: Numbers, catalog: &mut Catalog) {
        if numbers.any.get() {
            self.forget();
            catalog.forget_numbers();
        }
        for (sequence, next) in numbers.next.into_inner() {
            catalog.set_next_number(&sequence, next);
            self.next.insert(sequence, next);
        }
    }

    /// Takes in what a call took.
    pub(crate) fn add(&mut self, call: Self) {
        if call.any {
            self.forget();
        }
        self.next.extend(call.next);
        self.remade.extend(call.remade);
    }

    /// Any sequence may have been used.
    pub(crate) fn forget(&mut self) {
        self.any = true;
        self.next.clear();
    }

    /// A sequence is made, or starts anew.
    pub(crate) fn remake(&mut self, sequence: &QualifiedName) {
        self.remade.insert(sequence.clone());
    }

    /// Notes in a catalog of earlier what was taken since.
    pub(crate) fn bring_back(&self, catalog: &mut Catalog) {
        if self.any {
            catalog.forget_numbers();
        }
        for (sequence, next) in &self.next {
            let is_same = !self.remade.contains(sequence);
            catalog.set_next_number(sequence, next.filter(|_| is_same));
        }
    }
}
