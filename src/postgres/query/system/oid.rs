//! Object identifiers: the same object has the same number in every table of one catalog and in every run.
//!
//! Numbers of the server's own types and schemas are the real ones; all others come from the object's name.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::postgres::catalog::QualifiedName;

fn hashed(class: &str, value: impl Hash) -> i64 {
    let mut hasher = FxHasher::default();
    class.hash(&mut hasher);
    value.hash(&mut hasher);
    // wide enough that no two objects of a real catalog meet, and above all numbers of the server's own
    ((hasher.finish() >> 16) | (1 << 40)) as i64
}

pub(crate) fn relation(name: &QualifiedName) -> i64 {
    hashed("relation", name)
}

pub(crate) fn made_type(name: &QualifiedName) -> i64 {
    hashed("type", name)
}

pub(crate) fn array_type(element: i64) -> i64 {
    hashed("array", element)
}

pub(crate) fn function(name: &QualifiedName, overload: usize) -> i64 {
    hashed("function", (name, overload))
}

pub(crate) fn constraint(table: &QualifiedName, name: &str) -> i64 {
    hashed("constraint", (table, name))
}

pub(crate) fn member(class: &str, owner: &QualifiedName, name: &str) -> i64 {
    hashed(class, (owner, name))
}

pub(crate) fn named(class: &str, name: &str) -> i64 {
    hashed(class, name)
}

pub(crate) fn schema(name: &str) -> i64 {
    match name {
        "pg_catalog" => 11,
        "public" => 2200,
        other => hashed("schema", other),
    }
}
