//! Python values as the driver sends them, and the server's values as Python gets them.
//!
//! In: a Python value. Out: a [`Datum`] (and back). What is not known stays unknown; what is new each time stays fresh.

use std::fmt::Write;
use std::rc::Rc;

use super::object::Interp;
use crate::postgres::Datum;
use crate::python::{Instance, Key, Value};
use crate::unknown::{self, HOLE, Reason, Unknown};

/// Deepest nesting of a value that is looked into.
const DEPTH: usize = 40;

/// A Python value as a bound parameter.
pub fn datum(interp: &mut Interp, value: &Value) -> Datum {
    datum_at(interp, value, 0)
}

fn datum_at(interp: &mut Interp, value: &Value, depth: usize) -> Datum {
    if depth > DEPTH {
        return Datum::Unknown;
    }
    match value {
        Value::None => Datum::Null,
        Value::Bool(known) => Datum::Bool(*known),
        Value::Int(known) => Datum::Int(*known),
        Value::Float(known) => Datum::Float(*known),
        Value::Str(string) => Datum::text(&string.text),
        Value::Bytes(bytes) => bytes_text(bytes),
        Value::List(items) => {
            let items = items.borrow().clone();
            array(interp, &items, depth)
        }
        Value::Tuple(items) => array(interp, items, depth),
        Value::Set(items) => {
            let items: Vec<Value> = items.borrow().values().cloned().collect();
            array(interp, &items, depth)
        }
        Value::Dict(_) => Datum::text(&json_text(interp, value)),
        Value::Fresh(what) => fresh(what),
        Value::Instance(instance) => instance_datum(interp, value, instance, depth),
        _ => Datum::Unknown,
    }
}

/// A value of Python's that is new each time, or was when a row was written.
pub fn fresh(what: &str) -> Datum {
    if what == unknown::STORED {
        Datum::Stored
    } else {
        Datum::Fresh
    }
}

fn array(interp: &mut Interp, items: &[Value], depth: usize) -> Datum {
    Datum::Array(
        items
            .iter()
            .map(|item| datum_at(interp, item, depth + 1))
            .collect(),
    )
}

fn bytes_text(bytes: &[u8]) -> Datum {
    let mut text = String::with_capacity(2 + bytes.len() * 2);
    text.push_str("\\x");
    for byte in bytes {
        let _ = write!(text, "{byte:02x}");
    }
    Datum::text(&text)
}

/// Classes of Python's own whose text is what the driver sends.
const TEXTUAL: &[&str] = &[
    "date",
    "datetime",
    "time",
    "timedelta",
    "Decimal",
    "UUID",
    "Fraction",
    "IPv4Address",
    "IPv6Address",
    "Path",
    "PosixPath",
];

fn instance_datum(
    interp: &mut Interp,
    value: &Value,
    instance: &Rc<Instance>,
    depth: usize,
) -> Datum {
    let class = &instance.class;
    if class.is_subclass_of("Enum") || class.is_subclass_of("IntEnum") {
        // a string or integer enum is its value to a driver; SQLAlchemy's Enum type asks for the name instead
        let is_plain = class.is_subclass_of("str")
            || class.is_subclass_of("StrEnum")
            || class.is_subclass_of("int")
            || class.is_subclass_of("IntEnum")
            || mixes_in_builtin(class);
        let attribute = if is_plain { "value" } else { "name" };
        let member = instance
            .attributes
            .borrow()
            .get(attribute)
            .or(instance.attributes.borrow().get("_value_"))
            .cloned();
        return member.map_or(Datum::Unknown, |member| {
            datum_at(interp, &member, depth + 1)
        });
    }
    if TEXTUAL.iter().any(|name| class.is_subclass_of(name)) {
        return match interp.string(value) {
            Ok(text) => Datum::text(&text),
            Err(_) => Datum::Unknown,
        };
    }
    Datum::Unknown
}

fn mixes_in_builtin(class: &crate::python::Class) -> bool {
    class.bases.iter().any(|base| match base {
        Value::Builtin(name) => matches!(*name, "str" | "int"),
        Value::Class(class) => mixes_in_builtin(class),
        _ => false,
    })
}

/// The name of an enum member: what SQLAlchemy's Enum type sends.
pub fn enum_member_name(value: &Value) -> Option<Value> {
    let Value::Instance(instance) = value else {
        return None;
    };
    if !instance.class.is_subclass_of("Enum") && !instance.class.is_subclass_of("IntEnum") {
        return None;
    }
    let attributes = instance.attributes.borrow();
    attributes
        .get("name")
        .or_else(|| attributes.get("_name_"))
        .cloned()
}

/// The value as `json.dumps` writes it, with a hole where it is not known.
pub fn json_text(interp: &mut Interp, value: &Value) -> String {
    let mut text = String::new();
    write_json(interp, value, &mut text, 0);
    text
}

fn write_json(interp: &mut Interp, value: &Value, text: &mut String, depth: usize) {
    if depth > DEPTH {
        text.push(HOLE);
        return;
    }
    match value {
        Value::None => text.push_str("null"),
        Value::Bool(known) => text.push_str(if *known { "true" } else { "false" }),
        Value::Int(known) => {
            let _ = write!(text, "{known}");
        }
        Value::Float(known) => {
            let _ = write!(text, "{known:?}");
        }
        Value::Str(string) => write_json_string(&string.text, text),
        Value::List(items) => {
            let items = items.borrow().clone();
            write_json_array(interp, &items, text, depth);
        }
        Value::Tuple(items) => write_json_array(interp, items, text, depth),
        Value::Dict(entries) => {
            let entries: Vec<(Key, Value)> = entries
                .borrow()
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            text.push('{');
            for (index, (key, value)) in entries.iter().enumerate() {
                if index > 0 {
                    text.push_str(", ");
                }
                match key {
                    Key::Str(key) => write_json_string(key, text),
                    Key::Int(key) => {
                        let _ = write!(text, "\"{key}\"");
                    }
                    _ => text.push(HOLE),
                }
                text.push_str(": ");
                write_json(interp, value, text, depth + 1);
            }
            text.push('}');
        }
        Value::Fresh(_) => text.push(unknown::FRESH),
        _ => text.push(HOLE),
    }
}

fn write_json_array(interp: &mut Interp, items: &[Value], text: &mut String, depth: usize) {
    text.push('[');
    for (index, item) in items.iter().enumerate() {
        if index > 0 {
            text.push_str(", ");
        }
        write_json(interp, item, text, depth + 1);
    }
    text.push(']');
}

fn write_json_string(string: &str, text: &mut String) {
    text.push('"');
    for character in string.chars() {
        match character {
            '"' => text.push_str("\\\""),
            '\\' => text.push_str("\\\\"),
            '\n' => text.push_str("\\n"),
            '\r' => text.push_str("\\r"),
            '\t' => text.push_str("\\t"),
            unknown::HOLE | unknown::FRESH => text.push(character),
            plain if plain.is_ascii() && !plain.is_ascii_control() => text.push(plain),
            other => {
                let mut units = [0; 2];
                for unit in other.encode_utf16(&mut units) {
                    let _ = write!(text, "\\u{unit:04x}");
                }
            }
        }
    }
    text.push('"');
}

/// The server's value as Python gets it; `what` names it where it is not known.
pub fn value(datum: &Datum, reason: Reason, what: &str) -> Value {
    match datum {
        Datum::Null => Value::None,
        Datum::Bool(known) => Value::Bool(*known),
        Datum::Int(known) => Value::Int(*known),
        Datum::Float(known) => Value::Float(*known),
        Datum::Text(text) => Value::str(text.as_ref()),
        Datum::Array(items) => {
            Value::list(items.iter().map(|item| value(item, reason, what)).collect())
        }
        Datum::Fresh => Value::Fresh("value of the database"),
        Datum::Stored => Value::Fresh(unknown::STORED),
        Datum::Unknown => Value::unknown(Unknown::new(reason, what)),
    }
}

/// A dict with text keys.
pub fn dict(entries: Vec<(&str, Value)>) -> Value {
    Value::Dict(Rc::new(std::cell::RefCell::new(
        entries
            .into_iter()
            .map(|(key, value)| (Key::Str(Rc::from(key)), value))
            .collect(),
    )))
}

/// The entries of a dict by text key; `None`: it is no dict, or a key is no text.
pub fn text_entries(value: &Value) -> Option<Vec<(Rc<str>, Value)>> {
    let Value::Dict(entries) = value else {
        return None;
    };
    entries
        .borrow()
        .iter()
        .map(|(key, value)| match key {
            Key::Str(key) => Some((key.clone(), value.clone())),
            _ => None,
        })
        .collect()
}

/// A dict's key as a value.
pub fn key_value(interp: &Interp, key: &Key) -> Value {
    interp.key_value(key)
}
