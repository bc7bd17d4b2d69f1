//! A number for what an answer says, so that a later one can be compared with it though the program may have changed the
//! first since.

use std::hash::{Hash, Hasher};

use rustc_hash::FxHasher;

use crate::digest::add_shown;
use crate::python::Value;

/// Equal for values that say the same.
pub(super) fn digest(value: &Value) -> u64 {
    let mut hasher = FxHasher::default();
    add(value, &mut hasher);
    hasher.finish()
}

fn add(value: &Value, into: &mut FxHasher) {
    std::mem::discriminant(value).hash(into);
    match value {
        Value::None => {}
        Value::Bool(known) => known.hash(into),
        Value::Int(number) => number.hash(into),
        Value::Str(text) => text.text.hash(into),
        Value::List(members) => all(&members.borrow(), into),
        Value::Tuple(members) => all(members, into),
        Value::Dict(entries) => {
            let entries = entries.borrow();
            entries.len().hash(into);
            for (key, value) in entries.iter() {
                key.hash(into);
                add(value, into);
            }
        }
        // what reflection makes of types and what is not known differ as far as they are shown
        other => add_shown(other, into),
    }
}

fn all(members: &[Value], into: &mut FxHasher) {
    members.len().hash(into);
    for member in members {
        add(member, into);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_that_differ_anywhere_have_other_numbers() {
        let list =
            |members: &[&str]| Value::list(members.iter().map(|one| Value::str(*one)).collect());
        let values = [
            Value::None,
            Value::Bool(false),
            Value::Int(0),
            Value::str("a"),
            list(&[]),
            list(&["a"]),
            list(&["a", "b"]),
            list(&["b", "a"]),
            Value::list(vec![list(&["a"]), list(&["b"])]),
            Value::list(vec![list(&["a", "b"]), list(&[])]),
        ];
        for (place, one) in values.iter().enumerate() {
            for (other_place, other) in values.iter().enumerate() {
                assert_eq!(
                    digest(one) == digest(other),
                    place == other_place,
                    "{one:?} {other:?}"
                );
            }
        }
        assert_eq!(digest(&list(&["a", "b"])), digest(&list(&["a", "b"])));
    }
}
