//! `enum.Enum`: members, lookups, mixins.

use std::cell::RefCell;
use std::rc::Rc;

use crate::python::value::{Class, Instance, Key, Value};

/// Whether a class is an enumeration.
pub(crate) fn is_enum(class: &Class) -> bool {
    // a class of the project may have the name too
    let own = class.site.is_none() && class.name == "Enum";
    own || class
        .bases
        .iter()
        .any(|base| matches!(base, Value::Class(base) if is_enum(base)))
}

/// Makes the members of an enumeration from the names that its body assigned.
pub(crate) fn make_members(class: &Rc<Class>) {
    if !is_enum(class) {
        return;
    }
    let names: Vec<_> = class
        .namespace
        .borrow()
        .iter()
        .filter(|(name, value)| {
            !name.starts_with('_')
                && !matches!(
                    value,
                    Value::Function(_) | Value::Class(_) | Value::Method { .. }
                )
        })
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    let mut members: Vec<Value> = Vec::with_capacity(names.len());
    let lower = class.is_subclass_of("StrEnum");
    for (position, (name, value)) in names.into_iter().enumerate() {
        let value = match value {
            Value::Instance(instance) if instance.class.name == "auto" => {
                if lower {
                    Value::str(name.to_lowercase())
                } else {
                    Value::Int(position as i64 + 1)
                }
            }
            other => other,
        };
        // a second name of the same value is an alias
        let same = members.iter().find(|member| {
            matches!(member, Value::Instance(member)
                if plain_equal(member.attributes.borrow().get("value"), &value))
        });
        let member = match same {
            Some(member) => member.clone(),
            None => {
                let attributes = [
                    ("name".into(), Value::str(name.as_str())),
                    ("value".into(), value.clone()),
                    ("_name_".into(), Value::str(name.as_str())),
                    ("_value_".into(), value),
                ];
                let member = Value::Instance(Rc::new(Instance {
                    class: class.clone(),
                    attributes: RefCell::new(attributes.into_iter().collect()),
                }));
                members.push(member.clone());
                member
            }
        };
        class.namespace.borrow_mut().insert(name, member);
    }
    class
        .namespace
        .borrow_mut()
        .insert("_member_list_".into(), Value::list(members));
}

fn plain_equal(left: Option<&Value>, right: &Value) -> bool {
    match (left, right) {
        (Some(Value::Str(left)), Value::Str(right)) => left.text == right.text,
        (Some(Value::Int(left)), Value::Int(right)) => left == right,
        _ => false,
    }
}

/// The members in order; `None`: no enumeration.
pub(crate) fn members(class: &Class) -> Option<Vec<Value>> {
    if !is_enum(class) {
        return None;
    }
    match class.namespace.borrow().get("_member_list_") {
        Some(Value::List(members)) => Some(members.borrow().clone()),
        _ => Some(Vec::new()),
    }
}

/// `Color["RED"]`.
pub(crate) fn by_name(class: &Class, name: &Value) -> Option<Value> {
    if !is_enum(class) {
        return None;
    }
    let name = name.as_str()?;
    match class.namespace.borrow().get(name) {
        Some(member @ Value::Instance(_)) => Some(member.clone()),
        _ => None,
    }
}

/// `Color.__members__`.
pub(crate) fn members_dict(class: &Class) -> Value {
    let entries = class
        .namespace
        .borrow()
        .iter()
        .filter(|(_, value)| {
            matches!(value, Value::Instance(instance)
                if instance.attributes.borrow().contains_key("_value_"))
        })
        .map(|(name, value)| (Key::Str(name.as_str().into()), value.clone()))
        .collect();
    super::containers::dict_of(entries)
}

/// What a member of an enumeration with a `str` or `int` mixin is.
pub(crate) fn mixin_value(instance: &Instance) -> Option<Value> {
    if !is_enum(&instance.class) || !has_mixin(&instance.class) {
        return None;
    }
    instance.attributes.borrow().get("_value_").cloned()
}

fn has_mixin(class: &Class) -> bool {
    class.bases.iter().any(|base| match base {
        Value::Builtin("str" | "int" | "float") => true,
        Value::Class(base) => has_mixin(base),
        _ => false,
    })
}

/// Whether `str(member)` is its value (`StrEnum`, `IntEnum`) and not `Class.NAME`.
pub(crate) fn prints_value(class: &Class) -> bool {
    class.is_subclass_of("StrEnum")
        || class.is_subclass_of("IntEnum")
        || class.is_subclass_of("IntFlag")
}
