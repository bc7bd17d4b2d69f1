//! `json.dumps` and `json.loads`.

use indexmap::IndexMap;

use super::containers::dict_of;
use super::text::float;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, as_int};
use crate::python::value::{Key, Value};
use crate::unknown::{FRESH, HOLE, has_hole};

/// How deep values are written and read.
const DEPTH: u32 = 60;

/// `json.loads(text)`.
pub(crate) fn loads<H: Host>(interpreter: &mut Interpreter<H>, text: &Value) -> Eval<Value> {
    let text = match text {
        Value::Str(text) => text.text.to_string(),
        Value::Bytes(bytes) => String::from_utf8_lossy(bytes).into_owned(),
        Value::Unknown(unknown) => return Ok(Value::unknown(unknown.then(" in json.loads()"))),
        _ => return Ok(interpreter.unsupported("json.loads()")),
    };
    if has_hole(&text) {
        return Ok(Value::unknown(interpreter.hole_in(&text)));
    }
    match serde_json::from_str::<serde_json::Value>(&text) {
        Ok(value) => Ok(from_json(&value)),
        Err(error) => Err(interpreter.error("JSONDecodeError", &error.to_string())),
    }
}

/// The value of a JSON text; `None`: it is none, or a part of it is not known.
pub(crate) fn value(text: &str) -> Option<Value> {
    if has_hole(text) {
        return None;
    }
    serde_json::from_str(text)
        .ok()
        .map(|value| from_json(&value))
}

fn from_json(value: &serde_json::Value) -> Value {
    match value {
        serde_json::Value::Null => Value::None,
        serde_json::Value::Bool(value) => Value::Bool(*value),
        serde_json::Value::Number(number) => match number.as_i64() {
            Some(value) => Value::Int(value),
            None => Value::Float(number.as_f64().unwrap_or(f64::NAN)),
        },
        serde_json::Value::String(text) => Value::str(text.as_str()),
        serde_json::Value::Array(items) => Value::list(items.iter().map(from_json).collect()),
        serde_json::Value::Object(entries) => {
            let entries: IndexMap<Key, Value> = entries
                .iter()
                .map(|(key, value)| (Key::Str(key.as_str().into()), from_json(value)))
                .collect();
            dict_of(entries)
        }
    }
}

/// `json.dumps(value)`.
pub(crate) fn dumps<H: Host>(
    interpreter: &mut Interpreter<H>,
    arguments: &Arguments,
) -> Eval<Value> {
    let value = arguments.positional.first().cloned().unwrap_or(Value::None);
    if let Value::Unknown(_) = value {
        return Ok(Value::str(HOLE.to_string()));
    }
    let indent = match arguments.named("indent") {
        Some(Value::Str(text)) => Some(text.text.to_string()),
        Some(value) => as_int(value).map(|width| " ".repeat(width.clamp(0, 40) as usize)),
        None => None,
    };
    let sorted = match arguments.named("sort_keys") {
        Some(value) => interpreter.truth(value)?,
        None => false,
    };
    let compact = matches!(arguments.named("separators"), Some(Value::Tuple(parts))
        if parts.first().and_then(Value::as_str) == Some(","));
    let ascii = match arguments.named("ensure_ascii") {
        Some(value) => interpreter.truth(value)?,
        None => true,
    };
    let mut writer = Writer {
        out: String::new(),
        indent,
        sorted,
        compact,
        ascii,
    };
    write(interpreter, &mut writer, &value, 0)?;
    Ok(Value::str(writer.out))
}

struct Writer {
    out: String,
    indent: Option<String>,
    sorted: bool,
    compact: bool,
    ascii: bool,
}

impl Writer {
    fn line(&mut self, depth: u32) {
        if let Some(indent) = &self.indent {
            self.out.push('\n');
            for _ in 0..depth {
                self.out.push_str(indent);
            }
        }
    }

    fn comma(&mut self) {
        let tight = self.compact || self.indent.is_some();
        self.out.push_str(if tight { "," } else { ", " });
    }

    fn string(&mut self, text: &str) {
        self.out.push('"');
        for character in text.chars() {
            match character {
                '"' => self.out.push_str("\\\""),
                '\\' => self.out.push_str("\\\\"),
                '\n' => self.out.push_str("\\n"),
                '\r' => self.out.push_str("\\r"),
                '\t' => self.out.push_str("\\t"),
                HOLE | FRESH => self.out.push(character),
                other if other.is_control() || (self.ascii && !other.is_ascii()) => {
                    let mut units = [0; 2];
                    for unit in other.encode_utf16(&mut units) {
                        self.out.push_str(&format!("\\u{unit:04x}"));
                    }
                }
                other => self.out.push(other),
            }
        }
        self.out.push('"');
    }
}

fn write<H: Host>(
    interpreter: &mut Interpreter<H>,
    writer: &mut Writer,
    value: &Value,
    depth: u32,
) -> Eval<()> {
    if depth > DEPTH {
        return Err(interpreter.error("ValueError", "Circular reference detected"));
    }
    interpreter.check_size(writer.out.len())?;
    match value {
        Value::None => writer.out.push_str("null"),
        Value::Bool(value) => writer.out.push_str(if *value { "true" } else { "false" }),
        Value::Int(value) => writer.out.push_str(&value.to_string()),
        Value::Float(value) => writer.out.push_str(&float(*value)),
        Value::Str(text) => writer.string(&text.text),
        Value::List(_) | Value::Tuple(_) => {
            let items = interpreter.items(value)?.unwrap_or_default();
            writer.out.push('[');
            for (position, item) in items.iter().enumerate() {
                if position > 0 {
                    writer.comma();
                }
                writer.line(depth + 1);
                write(interpreter, writer, item, depth + 1)?;
            }
            if !items.is_empty() {
                writer.line(depth);
            }
            writer.out.push(']');
        }
        Value::Dict(entries) => {
            let mut pairs: Vec<(Key, Value)> = entries
                .borrow()
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            if writer.sorted {
                pairs.sort_by(|(left, _), (right, _)| match (left, right) {
                    (Key::Str(left), Key::Str(right)) => left.cmp(right),
                    _ => std::cmp::Ordering::Equal,
                });
            }
            writer.out.push('{');
            for (position, (key, value)) in pairs.iter().enumerate() {
                if position > 0 {
                    writer.comma();
                }
                writer.line(depth + 1);
                let text = match key {
                    Key::None => "null".to_owned(),
                    Key::Str(text) => text.to_string(),
                    other => {
                        let key = interpreter.key_value(other);
                        interpreter.string(&key)?.to_string()
                    }
                };
                writer.string(&text);
                writer.out.push_str(if writer.compact { ":" } else { ": " });
                write(interpreter, writer, value, depth + 1)?;
            }
            if !pairs.is_empty() {
                writer.line(depth);
            }
            writer.out.push('}');
        }
        Value::Unknown(_) => writer.out.push(HOLE),
        Value::Fresh(_) => writer.string(&FRESH.to_string()),
        Value::Instance(instance) => match super::enums::mixin_value(instance) {
            Some(inner) => write(interpreter, writer, &inner, depth + 1)?,
            None => match super::backing(instance) {
                Some(inner) => write(interpreter, writer, &inner, depth + 1)?,
                None => {
                    let message = format!(
                        "Object of type {} is not JSON serializable",
                        instance.class.name
                    );
                    return Err(interpreter.error("TypeError", &message));
                }
            },
        },
        Value::Host(_) => writer.out.push(HOLE),
        other => {
            let message = format!(
                "Object of type {} is not JSON serializable",
                super::type_name(other)
            );
            return Err(interpreter.error("TypeError", &message));
        }
    }
    Ok(())
}
