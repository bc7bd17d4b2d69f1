//! The columns of a model: which attributes of its class and of its mixins are columns, and in which order a table has them.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::annotated;
use super::model::{is_mapped, resolve};
use crate::alembic::object::{self, Interp};
use crate::alembic::schema::Column;
use crate::config::PackageVersion;
use crate::python::{Class, Eval, Value};

/// An attribute of a model that may be a column.
pub(super) struct Member {
    name: SmolStr,
    /// `None`: it is only annotated.
    pub(super) value: Option<Value>,
    /// Of the model's own class, and not of a mixin.
    own: bool,
}

/// Attributes of a class that may be columns, in the order in which SQLAlchemy puts them into a table: since 2.0 the class's own before
/// its mixins', earlier as they were made. Mapped bases keep theirs.
pub(super) fn members(
    interp: &Interp,
    class: &Rc<Class>,
    shared: Option<&Rc<Class>>,
) -> Vec<Member> {
    let mut found = Vec::new();
    if interp.host.settings.sqlalchemy >= PackageVersion(2, 0, 0) {
        add_members(class, true, &mut found, false);
        if let Some(shared) = shared {
            add_members(shared, false, &mut found, false);
        }
    } else {
        if let Some(shared) = shared {
            add_members(shared, false, &mut found, true);
        }
        add_members(class, true, &mut found, true);
    }
    found
}

fn add_members(class: &Rc<Class>, own: bool, into: &mut Vec<Member>, bases_first: bool) {
    let bases = |into: &mut Vec<Member>| {
        for base in &class.bases {
            if let Value::Class(base) = base
                && !is_mapped(base)
            {
                add_members(base, false, into, bases_first);
            }
        }
    };
    if bases_first {
        bases(into);
    }
    let namespace = class.namespace.borrow();
    let assigned: Vec<SmolStr> = namespace.keys().cloned().collect();
    for name in merged(&assigned, &annotated::own_names(class)) {
        let value = namespace.get(&name).cloned();
        if bases_first {
            into.retain(|known| known.name != name);
        } else if into.iter().any(|known| known.name == name) {
            continue;
        }
        into.push(Member { name, value, own });
    }
    drop(namespace);
    if !bases_first {
        bases(into);
    }
}

/// Two lists of names as one that keeps the order of both as far as it can be (`util.merge_lists_w_ordering`).
fn merged(assigned: &[SmolStr], annotated: &[SmolStr]) -> Vec<SmolStr> {
    let mut both: FxHashSet<&SmolStr> = {
        let known: FxHashSet<&SmolStr> = assigned.iter().collect();
        annotated
            .iter()
            .filter(|name| known.contains(name))
            .collect()
    };
    let (mut current, mut other) = (assigned.iter(), annotated.iter());
    let mut result = Vec::with_capacity(assigned.len() + annotated.len());
    loop {
        match current.next() {
            Some(name) if both.remove(name) => std::mem::swap(&mut current, &mut other),
            Some(name) => result.push(name.clone()),
            None => {
                result.extend(other.cloned());
                return result;
            }
        }
    }
}

/// The columns among the members of a class, copied where they are a mixin's, filled in from their annotations.
pub(super) fn columns_among(
    interp: &mut Interp,
    class: &Rc<Class>,
    found: Vec<Member>,
) -> Eval<Vec<Value>> {
    let mut columns = Vec::new();
    let annotations = annotated::of_class(class);
    for Member { name, value, own } in found {
        let (value, own) = match (value, annotations.get(&name)) {
            (Some(value), _) => (resolve(interp, class, value)?, own),
            (None, Some(annotation)) => (annotated::bare_column(interp, class, annotation)?, true),
            (None, None) => continue,
        };
        let Some(column) = object::get::<Column>(&value) else {
            continue;
        };
        // a mixin's column is copied for each model
        let value = if own {
            value.clone()
        } else {
            object::value(Column {
                data: RefCell::new(column.data.borrow().clone()),
            })
        };
        if let Some(column) = object::get::<Column>(&value) {
            let mut data = column.data.borrow_mut();
            if data.name.is_empty() {
                data.name = name.clone();
            }
        }
        if let Some(annotation) = annotations.get(&name) {
            annotated::fill_in(interp, class, &value, annotation)?;
        }
        class.namespace.borrow_mut().insert(name, value.clone());
        columns.push(value);
    }
    columns.sort_by_key(|value| {
        object::get::<Column>(value).map_or(0, |column| column.data.borrow().sort_order)
    });
    Ok(columns)
}
