//! Objects that refer to each other: what is given to a relationship is saved with its object, parents before children, and the
//! children take their parents' keys.

use std::rc::Rc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::{columns_of, model, table_of};
use crate::alembic::object::{self, Interp};
use crate::alembic::schema::constraint::{ForeignKey, Shape};
use crate::alembic::schema::{Column, Table};
use crate::postgres::Name;
use crate::python::{Instance, Value};
use crate::unknown::Reason;

/// Objects that are reached from one, itself included: a bound for graphs of any size.
const MOST: usize = 1_000;

/// The models' objects that an object's attributes hold, each alone or in a list.
fn held(instance: &Rc<Instance>) -> Vec<Rc<Instance>> {
    let mut found = Vec::new();
    let mut take = |value: &Value| {
        if let Value::Instance(other) = value
            && table_of(value).is_some()
        {
            found.push(other.clone());
        }
    };
    for value in instance.attributes.borrow().values() {
        match value {
            Value::List(items) => items.borrow().iter().for_each(&mut take),
            one => take(one),
        }
    }
    found
}

/// Which objects belong to which: children, by their addresses, with their parents.
#[derive(Default)]
pub(super) struct Links(FxHashMap<*const Instance, Vec<Rc<Instance>>>);

impl Links {
    /// Of objects and what they hold.
    pub(super) fn of(all: &[Rc<Instance>]) -> Self {
        let mut links = Self::default();
        for one in all {
            for other in held(one) {
                if !keys_to(one, &other).is_empty() {
                    links.add(one, &other);
                } else if !keys_to(&other, one).is_empty() {
                    links.add(&other, one);
                }
            }
        }
        links
    }

    fn add(&mut self, child: &Rc<Instance>, parent: &Rc<Instance>) {
        let parents = self.0.entry(Rc::as_ptr(child)).or_default();
        let is_known = parents.iter().any(|known| Rc::ptr_eq(known, parent));
        if !is_known && !Rc::ptr_eq(child, parent) {
            parents.push(parent.clone());
        }
    }

    /// Those to which an object belongs.
    pub(super) fn parents(&self, child: &Rc<Instance>) -> &[Rc<Instance>] {
        self.0.get(&Rc::as_ptr(child)).map_or(&[], Vec::as_slice)
    }

    /// Puts an object behind its parents.
    fn place(
        &self,
        one: &Rc<Instance>,
        met: &mut FxHashSet<*const Instance>,
        sorted: &mut Vec<Rc<Instance>>,
    ) {
        if !met.insert(Rc::as_ptr(one)) {
            return;
        }
        for parent in self.parents(one) {
            self.place(parent, met, sorted);
        }
        sorted.push(one.clone());
    }
}

/// An object with all that it brings into the session, in the order of their INSERTs.
pub(super) fn with_held(instance: &Rc<Instance>) -> Vec<Rc<Instance>> {
    let mut found = vec![instance.clone()];
    let mut met = FxHashSet::from_iter([Rc::as_ptr(instance)]);
    let mut next = 0;
    while let Some(one) = found.get(next).cloned() {
        for other in held(&one) {
            if found.len() < MOST && met.insert(Rc::as_ptr(&other)) {
                found.push(other);
            }
        }
        next += 1;
    }
    if found.len() == 1 {
        return found;
    }
    let links = Links::of(&found);
    let mut sorted = Vec::with_capacity(found.len());
    let mut placed = FxHashSet::default();
    for one in &found {
        links.place(one, &mut placed, &mut sorted);
    }
    sorted
}

/// The attributes of a child's foreign keys to its parent's table, each with the parent's attribute.
fn keys_to(child: &Rc<Instance>, parent: &Rc<Instance>) -> Vec<(SmolStr, SmolStr)> {
    let (Some(own), Some(target)) = (
        table_of(&Value::Instance(child.clone())),
        table_of(&Value::Instance(parent.clone())),
    ) else {
        return Vec::new();
    };
    let Some(target) = name_of(&target) else {
        return Vec::new();
    };
    let mut found = Vec::new();
    for (key, column) in columns_of(&own) {
        let Some(column) = object::get::<Column>(&column) else {
            continue;
        };
        let data = column.data.borrow();
        for reference in data.items.iter().filter_map(object::get::<ForeignKey>) {
            let reference = reference.data.borrow();
            if let Shape::ForeignKey {
                table, referenced, ..
            } = &reference.shape
                && table.name == target.name
                && let [referenced] = referenced.as_slice()
            {
                let own = model::attribute_of(&child.class, &key);
                found.push((own, model::attribute_of(&parent.class, referenced)));
            }
        }
    }
    found
}

fn name_of(table: &Value) -> Option<Name> {
    object::get::<Table>(table).map(|table| table.data.borrow().name.clone())
}

/// Gives an object the keys of those that it belongs to.
pub(super) fn fill_keys(interp: &mut Interp, child: &Rc<Instance>, links: &Links) {
    for parent in links.parents(child) {
        let keys = keys_to(child, parent);
        // which of several keys the relationship is about is said by it alone
        let is_clear = keys.len() == 1;
        for (own, of_parent) in keys {
            let known = child.attributes.borrow().get(&own).cloned();
            if known.is_some_and(|known| !known.is_none()) {
                continue;
            }
            let value = parent.attributes.borrow().get(&of_parent).cloned();
            let value = match value.filter(|value| is_clear && !value.is_none()) {
                Some(value) => value,
                None => interp.unknown(Reason::Data, &own),
            };
            child.attributes.borrow_mut().insert(own, value);
        }
    }
}
