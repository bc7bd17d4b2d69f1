//! `string.Template`: `$name` and `${name}`.

use std::rc::Rc;

use super::containers::pairs;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::Interpreter;
use crate::python::value::{Instance, Key, Value};
use crate::unknown::HOLE;

/// A method of a Template.
pub(crate) fn method<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let template = found.attributes.borrow().get("template").cloned();
    let (Some(Value::Str(template)), "substitute" | "safe_substitute") = (template, name) else {
        return Ok(interpreter.unsupported(&format!("string.Template.{name}()")));
    };
    let mut values: Vec<(String, Value)> = Vec::new();
    for (key, value) in &arguments.keyword {
        values.push((key.to_string(), value.clone()));
    }
    let mut is_open = arguments.incomplete;
    if let Some(mapping) = arguments.positional.first() {
        match pairs(interpreter, mapping)? {
            Ok(entries) => values.extend(entries.into_iter().filter_map(|(key, value)| {
                let Key::Str(key) = key else {
                    return None;
                };
                Some((key.to_string(), value))
            })),
            Err(_) => is_open = true,
        }
    }
    let mut text = String::new();
    for piece in pieces(&template.text) {
        let wanted = match piece {
            Piece::Text(plain) => {
                text.push_str(plain);
                continue;
            }
            Piece::Name { name, written } => (name, written),
        };
        match values.iter().find(|(known, _)| known == wanted.0) {
            Some((_, value)) => text.push_str(&interpreter.string(&value.clone())?),
            None if is_open => text.push(HOLE),
            None if name == "safe_substitute" => text.push_str(wanted.1),
            None => return Err(interpreter.error("KeyError", &format!("'{}'", wanted.0))),
        }
    }
    Ok(Value::str(text))
}

enum Piece<'t> {
    Text(&'t str),
    Name { name: &'t str, written: &'t str },
}

/// A template's pieces; a `$` that begins no name is left as it is.
fn pieces(template: &str) -> Vec<Piece<'_>> {
    let mut found = Vec::new();
    let mut rest = template;
    while let Some(at) = rest.find('$') {
        found.push(Piece::Text(&rest[..at]));
        let after = &rest[at + 1..];
        if let Some(behind) = after.strip_prefix('$') {
            found.push(Piece::Text("$"));
            rest = behind;
            continue;
        }
        let braced = after.starts_with('{');
        let start = &after[usize::from(braced)..];
        let end = start
            .find(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .unwrap_or(start.len());
        let name = &start[..end];
        let is_name = !name.is_empty() && !name.starts_with(|letter: char| letter.is_ascii_digit());
        let closed = !braced || start[end..].starts_with('}');
        if !is_name || !closed {
            found.push(Piece::Text("$"));
            rest = after;
            continue;
        }
        let length = 1 + end + 2 * usize::from(braced);
        found.push(Piece::Name {
            name,
            written: &rest[at..at + length],
        });
        rest = &rest[at + length..];
    }
    found.push(Piece::Text(rest));
    found
}
