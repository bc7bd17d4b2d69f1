//! Paths and files of the project: read only, never anything outside.

use std::collections::BTreeSet;
use std::rc::Rc;

use globset::GlobBuilder;

use super::exceptions::class;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, instance};
use crate::python::value::{Instance, Value};
use crate::unknown::{Reason, has_hole};

/// A path without `.` and `..`.
pub(crate) fn normalise(path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    for part in path.split('/') {
        match part {
            "" | "." => {}
            ".." => {
                if parts.last().is_some_and(|last| *last != "..") {
                    parts.pop();
                } else {
                    parts.push("..");
                }
            }
            other => parts.push(other),
        }
    }
    parts.join("/")
}

/// `os.path.join` of two.
pub(crate) fn join_text(base: &str, part: &str) -> String {
    if part.starts_with('/') || base.is_empty() {
        return part.to_owned();
    }
    format!("{}/{part}", base.trim_end_matches('/'))
}

/// A `Path`.
pub(crate) fn path(text: &str) -> Value {
    instance(&class("Path"), vec![("text", Value::str(text))])
}

/// The text of a path, a `Path` or a string.
pub(crate) fn text_of(value: &Value) -> Option<Rc<str>> {
    match value {
        Value::Str(text) => Some(text.text.clone()),
        Value::Instance(instance) if instance.class.name == "Path" => {
            match instance.attributes.borrow().get("text") {
                Some(Value::Str(text)) => Some(text.text.clone()),
                _ => None,
            }
        }
        _ => None,
    }
}

/// `path / part`; `None`: neither is a path.
pub(crate) fn join(left: &Value, right: &Value) -> Option<Value> {
    let is_path =
        |value: &Value| matches!(value, Value::Instance(found) if found.class.name == "Path");
    if !is_path(left) && !is_path(right) {
        return None;
    }
    Some(path(&join_text(&text_of(left)?, &text_of(right)?)))
}

/// The bytes of a file of the project.
pub(crate) fn read<H: Host>(interpreter: &Interpreter<H>, path: &str) -> Option<Vec<u8>> {
    if has_hole(path) {
        return None;
    }
    interpreter.modules.read(&normalise(path))
}

/// What a folder of the project holds that matches a pattern, by paths relative to it, sorted: files, and the folders that
/// they are in. Python gives them in no certain order.
pub(crate) fn matching<H: Host>(
    interpreter: &Interpreter<H>,
    folder: &str,
    pattern: &str,
) -> Option<Vec<String>> {
    if has_hole(folder) || has_hole(pattern) || pattern.starts_with('/') {
        return None;
    }
    let matcher = GlobBuilder::new(pattern)
        .literal_separator(true)
        .backslash_escape(false)
        .build()
        .ok()?
        .compile_matcher();
    let files = interpreter.modules.list(&normalise(folder))?;
    let mut found = BTreeSet::new();
    for file in &files {
        for (end, _) in file.match_indices('/') {
            found.insert(&file[..end]);
        }
        found.insert(file);
    }
    let matched = found.into_iter().filter(|name| matcher.is_match(name));
    Some(matched.map(str::to_owned).collect())
}

/// `glob.glob(pattern)`: the folder is what stands before the first part with a wildcard.
pub(crate) fn glob<H: Host>(interpreter: &Interpreter<H>, pattern: &str) -> Option<Vec<String>> {
    let wild = pattern.find(['*', '?', '['])?;
    let (folder, rest) = match pattern[..wild].rfind('/') {
        Some(slash) => (&pattern[..slash], &pattern[slash + 1..]),
        None => ("", pattern),
    };
    let names = matching(interpreter, folder, rest)?;
    Some(names.iter().map(|name| join_text(folder, name)).collect())
}

/// `open(path)` for reading.
pub(crate) fn open<H: Host>(
    interpreter: &mut Interpreter<H>,
    path: &Value,
    arguments: &Arguments,
) -> Eval<Value> {
    let mode = arguments
        .get(1, "mode")
        .and_then(Value::as_str)
        .unwrap_or("r");
    let binary = mode.contains('b');
    if mode.contains(['w', 'a', 'x', '+']) {
        return Ok(super::stdlib::harmless());
    }
    let Some(text) = text_of(path) else {
        return Ok(interpreter.unsupported("a file of unknown name"));
    };
    match read(interpreter, &text) {
        Some(bytes) => Ok(file(&bytes, binary)),
        None => Ok(interpreter.unsupported(&format!("the file `{text}`"))),
    }
}

/// The text of a file, read in text mode.
pub(crate) fn decoded(bytes: &[u8]) -> Value {
    Value::str(String::from_utf8_lossy(bytes).replace("\r\n", "\n"))
}

/// An open file.
pub(crate) fn file(bytes: &[u8], binary: bool) -> Value {
    let contents = if binary {
        Value::Bytes(bytes.into())
    } else {
        decoded(bytes)
    };
    instance(&class("StringIO"), vec![("text", contents)])
}

fn parts(text: &str) -> (&str, &str) {
    match text.trim_end_matches('/').rsplit_once('/') {
        Some(("", name)) => ("/", name),
        Some(parts) => parts,
        None => (".", text),
    }
}

/// An attribute of a `Path` that is no method.
pub(crate) fn path_attribute<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    name: &str,
) -> Option<Value> {
    let text = text_of(&Value::Instance(found.clone()))?;
    let (parent, last) = parts(&text);
    Some(match name {
        "parent" => path(parent),
        "name" => Value::str(last),
        "stem" => Value::str(last.rsplit_once('.').map_or(last, |(stem, _)| stem)),
        "suffix" => Value::str(
            last.rsplit_once('.')
                .map_or(String::new(), |(_, suffix)| format!(".{suffix}")),
        ),
        "parents" => {
            let mut above = Vec::new();
            let mut current = text.to_string();
            for _ in 0..64 {
                let (parent, _) = parts(&current);
                let parent = parent.to_owned();
                above.push(path(&parent));
                if parent == "." || parent == "/" {
                    break;
                }
                current = parent;
            }
            // paths are those of the project: what is above it is not known
            if !text.starts_with('/') {
                above.pop();
                above.push(path("."));
                let outside =
                    interpreter.unknown(Reason::Environment, "a folder above the project");
                above.extend(std::iter::repeat_n(outside, 8));
            }
            Value::list(above)
        }
        "parts" => Value::tuple(text.split('/').map(Value::str).collect()),
        _ => return None,
    })
}

/// A method of a `Path`.
pub(crate) fn path_method<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let receiver = Value::Instance(found.clone());
    let text = text_of(&receiver).unwrap_or_default();
    Ok(match name {
        "read_text" | "read_bytes" => match read(interpreter, &text) {
            Some(bytes) if name == "read_bytes" => Value::Bytes(bytes.into()),
            Some(bytes) => decoded(&bytes),
            None => interpreter.unsupported(&format!("the file `{text}`")),
        },
        "open" => {
            let mut all = arguments.clone();
            all.positional.insert(0, receiver.clone());
            return open(interpreter, &receiver, &all);
        }
        "joinpath" => {
            let mut joined = text.to_string();
            for part in &arguments.positional {
                let part = text_of(part).unwrap_or_default();
                joined = join_text(&joined, &part);
            }
            path(&joined)
        }
        "resolve" | "absolute" | "expanduser" => path(&normalise(&text)),
        "with_name" => {
            let name = arguments
                .positional
                .first()
                .and_then(text_of)
                .unwrap_or_default();
            path(&join_text(parts(&text).0, &name))
        }
        "with_suffix" => {
            let suffix = arguments
                .positional
                .first()
                .and_then(text_of)
                .unwrap_or_default();
            let slash = text.rfind('/').map_or(0, |at| at + 1);
            let stem = text[slash..]
                .rfind('.')
                .map_or(&*text, |at| &text[..slash + at]);
            path(&format!("{stem}{suffix}"))
        }
        "exists" | "is_file" => {
            if read(interpreter, &text).is_some() {
                Value::Bool(true)
            } else {
                interpreter.unsupported(&format!("whether `{text}` exists"))
            }
        }
        "glob" | "rglob" | "iterdir" => {
            let pattern = match (name, arguments.positional.first().and_then(Value::as_str)) {
                ("iterdir", _) => Some("*".to_owned()),
                ("glob", Some(pattern)) => Some(pattern.to_owned()),
                (_, Some(pattern)) => Some(format!("**/{pattern}")),
                _ => None,
            };
            let found = pattern.and_then(|pattern| matching(interpreter, &text, &pattern));
            match found {
                Some(names) => {
                    let paths = names.iter().map(|name| path(&join_text(&text, name)));
                    Value::list(paths.collect())
                }
                None => interpreter.unknown(Reason::Data, &format!("Path.{name}()")),
            }
        }
        "as_posix" | "__str__" | "__fspath__" => Value::str(text),
        "__enter__" => receiver,
        _ => interpreter.unsupported(&format!("Path.{name}()")),
    })
}
