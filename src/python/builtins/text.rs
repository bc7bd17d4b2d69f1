//! `str` and `repr`, and the methods of strings. Holes stay holes: what depends on an unknown part is unknown.

use std::rc::Rc;

use super::enums;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, as_int, contains_text};
use crate::python::value::{Key, Value};
use crate::unknown::{FRESH, HOLE, has_hole, is_fresh};

/// How deep containers are printed.
const DEPTH: u32 = 12;

/// `str(value)`, with a hole where it is not known.
pub(crate) fn to_string<H: Host>(interpreter: &mut Interpreter<H>, value: &Value) -> Eval<Rc<str>> {
    Ok(match value {
        Value::Str(text) => text.text.clone(),
        Value::Unknown(unknown) => {
            interpreter.note_hole(unknown);
            HOLE.to_string().into()
        }
        Value::Fresh(_) => FRESH.to_string().into(),
        Value::Host(host) => {
            let host = host.clone();
            match H::string(interpreter, &host)? {
                Some(text) => text,
                None => HOLE.to_string().into(),
            }
        }
        Value::Instance(instance) => {
            if instance.class.site.is_some()
                && !enums::is_enum(&instance.class)
                && instance.class.lookup("__str__").is_none()
                && instance.class.lookup("__repr__").is_none()
                && !instance.class.is_subclass_of("BaseException")
                && let Some(host) = instance.class.host_base()
            {
                let _ = host;
                return Ok(HOLE.to_string().into());
            }
            for name in ["__str__", "__repr__"] {
                if instance.class.lookup(name).is_some()
                    && let Some(method) = interpreter.attribute_or_none(value, name)?
                {
                    let result = interpreter.call(&method, Arguments::default())?;
                    if let Value::Str(text) = result {
                        return Ok(text.text);
                    }
                    return Ok(HOLE.to_string().into());
                }
            }
            let mut out = String::new();
            instance_text(interpreter, instance, &mut out, false, 0)?;
            out.into()
        }
        _ => {
            let mut out = String::new();
            write_repr(interpreter, value, &mut out, 0)?;
            out.into()
        }
    })
}

/// `repr(value)`.
pub(crate) fn repr<H: Host>(interpreter: &mut Interpreter<H>, value: &Value) -> Eval<String> {
    let mut out = String::new();
    write_repr(interpreter, value, &mut out, 0)?;
    Ok(out)
}

fn instance_text<H: Host>(
    interpreter: &mut Interpreter<H>,
    instance: &Rc<crate::python::Instance>,
    out: &mut String,
    quoted: bool,
    depth: u32,
) -> Eval<()> {
    let attributes = instance.attributes.borrow().clone();
    let class = &instance.class;
    if enums::is_enum(class) {
        let name = attributes
            .get("name")
            .and_then(Value::as_str)
            .unwrap_or_default();
        if enums::prints_value(class)
            && let Some(value) = attributes.get("value")
        {
            let text = to_string(interpreter, value)?;
            out.push_str(&text);
        } else {
            out.push_str(&format!("{}.{name}", class.name));
        }
        return Ok(());
    }
    if class.is_subclass_of("BaseException") {
        let arguments = match attributes.get("args") {
            Some(Value::Tuple(arguments)) => arguments.to_vec(),
            _ => Vec::new(),
        };
        match arguments.as_slice() {
            [] => {}
            [single] => out.push_str(&to_string(interpreter, single)?),
            _ => write_repr(interpreter, &Value::tuple(arguments), out, depth + 1)?,
        }
        return Ok(());
    }
    if let Some(text) = attributes.get("text").and_then(Value::as_str)
        && class.site.is_none()
    {
        if quoted {
            out.push_str(&format!("{}('{text}')", class.name));
        } else {
            out.push_str(text);
        }
        return Ok(());
    }
    if let Some(inner) = super::backing(instance) {
        return write_repr(interpreter, &inner, out, depth + 1);
    }
    if class.name == "range" {
        let (start, stop, _) = super::iterators::range_parts(instance);
        out.push_str(&format!("range({start}, {stop})"));
        return Ok(());
    }
    // an address: different in every process
    out.push_str(&format!("<{} object at {FRESH}>", class.name));
    Ok(())
}

fn write_repr<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
    out: &mut String,
    depth: u32,
) -> Eval<()> {
    if depth > DEPTH {
        out.push(HOLE);
        return Ok(());
    }
    interpreter.check_size(out.len())?;
    match value {
        Value::None => out.push_str("None"),
        Value::Ellipsis => out.push_str("Ellipsis"),
        Value::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&float(*value)),
        Value::Str(text) => quote(&text.text, out),
        Value::Bytes(bytes) => {
            out.push('b');
            let text: String = bytes
                .iter()
                .map(|byte| {
                    if byte.is_ascii_graphic() || *byte == b' ' {
                        char::from(*byte).to_string()
                    } else {
                        format!("\\x{byte:02x}")
                    }
                })
                .collect();
            out.push('\'');
            out.push_str(&text);
            out.push('\'');
        }
        Value::List(items) => {
            let items = items.borrow().clone();
            sequence(interpreter, &items, "[", "]", out, depth)?;
        }
        Value::Tuple(items) => {
            let close = if items.len() == 1 { ",)" } else { ")" };
            sequence(interpreter, items, "(", close, out, depth)?;
        }
        Value::Set(items) => {
            let items: Vec<Value> = items.borrow().values().cloned().collect();
            if items.is_empty() {
                out.push_str("set()");
            } else {
                sequence(interpreter, &items, "{", "}", out, depth)?;
            }
        }
        Value::Dict(entries) => {
            let entries: Vec<(Key, Value)> = entries
                .borrow()
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            out.push('{');
            for (position, (key, value)) in entries.iter().enumerate() {
                if position > 0 {
                    out.push_str(", ");
                }
                let key = interpreter.key_value(key);
                write_repr(interpreter, &key, out, depth + 1)?;
                out.push_str(": ");
                write_repr(interpreter, value, out, depth + 1)?;
            }
            out.push('}');
        }
        Value::Class(class) => out.push_str(&format!("<class '{}'>", class.name)),
        Value::Builtin(name) => out.push_str(&format!("<class '{name}'>")),
        Value::Function(function) => {
            out.push_str(&format!("<function {} at {FRESH}>", function.name));
        }
        Value::Module(module) => out.push_str(&format!("<module '{}'>", module.name)),
        Value::Instance(instance) => {
            if instance.class.lookup("__repr__").is_some()
                && let Some(method) = interpreter.attribute_or_none(value, "__repr__")?
            {
                let result = interpreter.call(&method, Arguments::default())?;
                out.push_str(&to_string(interpreter, &result)?);
            } else if enums::is_enum(&instance.class) {
                let attributes = instance.attributes.borrow().clone();
                let name = attributes
                    .get("name")
                    .and_then(Value::as_str)
                    .unwrap_or_default();
                out.push_str(&format!("<{}.{name}: ", instance.class.name));
                if let Some(value) = attributes.get("value") {
                    write_repr(interpreter, value, out, depth + 1)?;
                }
                out.push('>');
            } else if instance.class.is_subclass_of("BaseException") {
                out.push_str(&instance.class.name);
                let arguments = instance.attributes.borrow().get("args").cloned();
                if let Some(Value::Tuple(arguments)) = arguments {
                    sequence(interpreter, &arguments, "(", ")", out, depth)?;
                }
            } else {
                instance_text(interpreter, instance, out, true, depth)?;
            }
        }
        Value::Unknown(unknown) => {
            interpreter.note_hole(unknown);
            out.push(HOLE);
        }
        Value::Fresh(_) => out.push(FRESH),
        Value::Host(_) => out.push_str(&to_string(interpreter, value)?),
        Value::Method { .. } | Value::BuiltinMethod { .. } | Value::Super { .. } => {
            out.push_str(&format!("<method at {FRESH}>"));
        }
    }
    Ok(())
}

fn sequence<H: Host>(
    interpreter: &mut Interpreter<H>,
    items: &[Value],
    open: &str,
    close: &str,
    out: &mut String,
    depth: u32,
) -> Eval<()> {
    out.push_str(open);
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push_str(", ");
        }
        write_repr(interpreter, item, out, depth + 1)?;
    }
    out.push_str(close);
    Ok(())
}

/// A float as Python prints it.
pub(crate) fn float(value: f64) -> String {
    if value.is_nan() {
        return "nan".to_owned();
    }
    if value.is_infinite() {
        return if value > 0.0 { "inf" } else { "-inf" }.to_owned();
    }
    if value != 0.0 && (value.abs() >= 1e16 || value.abs() < 1e-4) {
        let text = format!("{value:e}");
        // Python writes at least two digits and a sign
        let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
        let (sign, digits) = match exponent.strip_prefix('-') {
            Some(digits) => ('-', digits),
            None => ('+', exponent),
        };
        return format!("{mantissa}e{sign}{digits:0>2}");
    }
    if value.fract() == 0.0 {
        return format!("{value:.1}");
    }
    value.to_string()
}

fn quote(text: &str, out: &mut String) {
    let mark = if text.contains('\'') && !text.contains('"') {
        '"'
    } else {
        '\''
    };
    out.push(mark);
    for character in text.chars() {
        match character {
            '\\' => out.push_str("\\\\"),
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            other if other == mark => {
                out.push('\\');
                out.push(other);
            }
            other => out.push(other),
        }
    }
    out.push(mark);
}

/// Names of the methods of `str`.
pub(crate) const METHODS: &[&str] = &[
    "capitalize",
    "casefold",
    "center",
    "count",
    "encode",
    "endswith",
    "expandtabs",
    "find",
    "format",
    "format_map",
    "index",
    "isalnum",
    "isalpha",
    "isascii",
    "isdecimal",
    "isdigit",
    "isidentifier",
    "islower",
    "isnumeric",
    "isprintable",
    "isspace",
    "istitle",
    "isupper",
    "join",
    "ljust",
    "lower",
    "lstrip",
    "maketrans",
    "partition",
    "removeprefix",
    "removesuffix",
    "replace",
    "rfind",
    "rindex",
    "rjust",
    "rpartition",
    "rsplit",
    "rstrip",
    "split",
    "splitlines",
    "startswith",
    "strip",
    "swapcase",
    "title",
    "translate",
    "upper",
    "zfill",
    "__len__",
    "__contains__",
    "__str__",
    "__add__",
    "__eq__",
];

fn hole() -> Value {
    Value::str(HOLE.to_string())
}

/// A method of a string.
pub(crate) fn method<H: Host>(
    interpreter: &mut Interpreter<H>,
    text: &Rc<str>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let first = arguments.positional.first();
    let second = arguments.positional.get(1);
    match name {
        "format" => {
            return super::format::format_method(interpreter, text, arguments).map(Value::str);
        }
        "format_map" => {
            let mut named = Arguments::default();
            if let Some(mapping) = first
                && let Ok(entries) = super::containers::pairs(interpreter, mapping)?
            {
                for (key, value) in entries {
                    if let Key::Str(name) = key {
                        named.keyword.push((name.as_ref().into(), value));
                    }
                }
            }
            return super::format::format_method(interpreter, text, &named).map(Value::str);
        }
        "join" => return join(interpreter, text, first),
        "startswith" | "endswith" => {
            return starts_or_ends(interpreter, text, first, name == "startswith");
        }
        _ => {}
    }
    // an argument that is not known makes the result so
    if let Some(Value::Unknown(unknown)) = arguments
        .positional
        .iter()
        .find(|value| matches!(value, Value::Unknown(_)))
    {
        return Ok(match name {
            "replace" | "ljust" | "rjust" | "center" | "strip" | "lstrip" | "rstrip" | "zfill"
            | "removeprefix" | "removesuffix" => hole(),
            _ => Value::unknown(unknown.then(&format!(" in .{name}()"))),
        });
    }
    let hidden = has_hole(text) || is_fresh(text);
    let argument = |value: Option<&Value>| value.and_then(Value::as_str).map(str::to_owned);
    Ok(match name {
        "lower" | "casefold" => Value::str(text.to_lowercase()),
        "upper" => Value::str(text.to_uppercase()),
        "title" => Value::str(title(text)),
        "capitalize" => {
            let mut characters = text.chars();
            let start: String = characters
                .next()
                .map(|character| character.to_uppercase().collect())
                .unwrap_or_default();
            Value::str(start + &characters.as_str().to_lowercase())
        }
        "swapcase" => Value::str(
            text.chars()
                .map(|character| {
                    if character.is_uppercase() {
                        character.to_lowercase().to_string()
                    } else {
                        character.to_uppercase().to_string()
                    }
                })
                .collect::<String>(),
        ),
        "strip" | "lstrip" | "rstrip" => {
            let set = argument(first);
            let strips = |character: char| match &set {
                Some(set) => set.contains(character),
                None => character.is_whitespace(),
            };
            let stripped = match name {
                "strip" => text.trim_matches(strips),
                "lstrip" => text.trim_start_matches(strips),
                _ => text.trim_end_matches(strips),
            };
            Value::str(stripped)
        }
        "replace" => {
            let (Some(from), Some(to)) = (argument(first), argument(second)) else {
                return Ok(hole());
            };
            if has_hole(&from) || is_fresh(&from) {
                return Ok(hole());
            }
            let count = arguments
                .get(2, "count")
                .and_then(as_int)
                .and_then(|count| usize::try_from(count).ok());
            let times = text.matches(from.as_str()).count();
            let times = count.map_or(times, |count| count.min(times));
            interpreter.check_size(text.len().saturating_add(times.saturating_mul(to.len())))?;
            let replaced = match count {
                Some(count) => text.replacen(&from, &to, count),
                None => text.replace(&from, &to),
            };
            Value::str(replaced)
        }
        "removeprefix" => {
            let prefix = argument(first).unwrap_or_default();
            Value::str(text.strip_prefix(&*prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let suffix = argument(first).unwrap_or_default();
            Value::str(text.strip_suffix(&*suffix).unwrap_or(text))
        }
        "__str__" => Value::str(text.clone()),
        "encode" => {
            if hidden {
                return Ok(interpreter.unsupported("bytes of an unknown text"));
            }
            Value::Bytes(text.as_bytes().into())
        }
        "__contains__" => {
            let needle = argument(first).unwrap_or_default();
            match contains_text(text, &needle) {
                Some(found) => Value::Bool(found),
                None => Value::unknown(interpreter.hole_in(text)),
            }
        }
        "translate" => translate(interpreter, text, first)?,
        "maketrans" => super::functions::make_translation(interpreter, arguments)?,
        _ if hidden => match name {
            "ljust" | "rjust" | "center" | "zfill" | "expandtabs" => Value::str(text.clone()),
            "splitlines" | "split" | "rsplit" | "partition" | "rpartition" => {
                let mut unknown = interpreter.hole_in(text);
                unknown.what = format!("{}.{name}()", unknown.what).into();
                Value::unknown(unknown)
            }
            _ => Value::unknown(interpreter.hole_in(text)),
        },
        "__len__" => Value::Int(text.chars().count() as i64),
        "split" | "rsplit" => split(interpreter, text, arguments, name == "rsplit")?,
        "splitlines" => {
            let keep = match arguments.get(0, "keepends") {
                Some(keep) => interpreter.truth(keep)?,
                None => false,
            };
            let lines = text
                .split_inclusive('\n')
                .map(|line| {
                    if keep {
                        Value::str(line)
                    } else {
                        Value::str(line.trim_end_matches(['\n', '\r']))
                    }
                })
                .collect();
            Value::list(lines)
        }
        "partition" | "rpartition" => {
            let separator = argument(first).unwrap_or_default();
            let parts = if name == "partition" {
                text.split_once(&*separator)
            } else {
                text.rsplit_once(&*separator)
            };
            let parts = match parts {
                Some((before, after)) => [before, &separator, after],
                None if name == "partition" => [&**text, "", ""],
                None => ["", "", &**text],
            };
            Value::tuple(parts.into_iter().map(Value::str).collect())
        }
        "find" | "index" | "rfind" | "rindex" => {
            let needle = argument(first).unwrap_or_default();
            let found = if name.starts_with('r') {
                text.rfind(&*needle)
            } else {
                let start = second.and_then(as_int).unwrap_or(0).max(0) as usize;
                let offset = text
                    .char_indices()
                    .nth(start)
                    .map_or(text.len(), |(at, _)| at);
                text[offset..].find(&*needle).map(|at| at + offset)
            };
            match found {
                Some(at) => Value::Int(text[..at].chars().count() as i64),
                None if name.ends_with("index") => {
                    return Err(interpreter.error("ValueError", "substring not found"));
                }
                None => Value::Int(-1),
            }
        }
        "count" => {
            let needle = argument(first).unwrap_or_default();
            let count = if needle.is_empty() {
                text.chars().count() + 1
            } else {
                text.matches(&*needle).count()
            };
            Value::Int(count as i64)
        }
        "ljust" | "rjust" | "center" | "zfill" => {
            let width = first.and_then(as_int).unwrap_or(0).max(0) as usize;
            interpreter.check_size(width)?;
            let fill = argument(second)
                .and_then(|fill| fill.chars().next())
                .unwrap_or(if name == "zfill" { '0' } else { ' ' });
            let missing = width.saturating_sub(text.chars().count());
            let pad = |count: usize| fill.to_string().repeat(count);
            Value::str(match name {
                "ljust" => format!("{text}{}", pad(missing)),
                "center" => {
                    format!("{}{text}{}", pad(missing / 2), pad(missing - missing / 2))
                }
                "zfill" => match text.strip_prefix(['-', '+']) {
                    Some(digits) => format!("{}{}{digits}", &text[..1], pad(missing)),
                    None => format!("{}{text}", pad(missing)),
                },
                _ => format!("{}{text}", pad(missing)),
            })
        }
        "expandtabs" => Value::str(text.replace('\t', "        ")),
        "isdigit" | "isdecimal" | "isnumeric" => all(text, char::is_numeric),
        "isalpha" => all(text, char::is_alphabetic),
        "isalnum" => all(text, char::is_alphanumeric),
        "isspace" => all(text, char::is_whitespace),
        "isascii" => Value::Bool(text.is_ascii()),
        "isprintable" => Value::Bool(!text.chars().any(char::is_control)),
        "isupper" => Value::Bool(
            text.chars().any(char::is_uppercase) && !text.chars().any(char::is_lowercase),
        ),
        "islower" => Value::Bool(
            text.chars().any(char::is_lowercase) && !text.chars().any(char::is_uppercase),
        ),
        "istitle" => Value::Bool(**text == *title(text)),
        "isidentifier" => Value::Bool(
            text.chars()
                .next()
                .is_some_and(|first| first.is_alphabetic() || first == '_')
                && text
                    .chars()
                    .all(|character| character.is_alphanumeric() || character == '_'),
        ),
        _ => interpreter.unsupported(&format!("str.{name}()")),
    })
}

fn all(text: &str, test: impl Fn(char) -> bool) -> Value {
    Value::Bool(!text.is_empty() && text.chars().all(test))
}

fn title(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut inside = false;
    for character in text.chars() {
        if inside {
            out.extend(character.to_lowercase());
        } else {
            out.extend(character.to_uppercase());
        }
        inside = character.is_alphabetic();
    }
    out
}

fn join<H: Host>(
    interpreter: &mut Interpreter<H>,
    separator: &str,
    items: Option<&Value>,
) -> Eval<Value> {
    let Some(items) = items else {
        return Err(interpreter.error("TypeError", "str.join() takes exactly one argument"));
    };
    let Ok(items) = interpreter.items(items)? else {
        return Ok(hole());
    };
    let mut out = String::new();
    for (position, item) in items.iter().enumerate() {
        if position > 0 {
            out.push_str(separator);
        }
        match item {
            Value::Str(text) => out.push_str(&text.text),
            Value::Unknown(_) | Value::Fresh(_) | Value::Host(_) | Value::Instance(_) => {
                let text = to_string(interpreter, item)?;
                out.push_str(&text);
            }
            _ => {
                let message = format!(
                    "sequence item {position}: expected str instance, {} found",
                    super::type_name(item)
                );
                return Err(interpreter.error("TypeError", &message));
            }
        }
        interpreter.check_size(out.len())?;
    }
    Ok(Value::str(out))
}

fn starts_or_ends<H: Host>(
    interpreter: &mut Interpreter<H>,
    text: &str,
    affix: Option<&Value>,
    starts: bool,
) -> Eval<Value> {
    let affixes = match affix {
        Some(Value::Tuple(items)) => items.to_vec(),
        Some(Value::Unknown(unknown)) => return Ok(Value::Unknown(unknown.clone())),
        Some(single) => vec![single.clone()],
        None => Vec::new(),
    };
    let mut known = true;
    for affix in &affixes {
        let Some(affix) = affix.as_str() else {
            known = false;
            continue;
        };
        match has_affix(text, affix, starts) {
            Some(true) => return Ok(Value::Bool(true)),
            Some(false) => {}
            None => known = false,
        }
    }
    if known {
        return Ok(Value::Bool(false));
    }
    Ok(Value::unknown(interpreter.hole_in(text)))
}

fn has_affix(text: &str, affix: &str, starts: bool) -> Option<bool> {
    let mark = |part: char| part == HOLE || part == FRESH;
    let matches = |text: &mut dyn Iterator<Item = char>, affix: &mut dyn Iterator<Item = char>| {
        for wanted in affix {
            match text.next() {
                _ if mark(wanted) => return None,
                Some(found) if mark(found) => return None,
                Some(found) if found == wanted => {}
                _ => return Some(false),
            }
        }
        Some(true)
    };
    if starts {
        matches(&mut text.chars(), &mut affix.chars())
    } else {
        matches(&mut text.chars().rev(), &mut affix.chars().rev())
    }
}

fn split<H: Host>(
    interpreter: &mut Interpreter<H>,
    text: &str,
    arguments: &Arguments,
    from_right: bool,
) -> Eval<Value> {
    let limit = arguments
        .get(1, "maxsplit")
        .and_then(as_int)
        .and_then(|limit| usize::try_from(limit).ok());
    let parts: Vec<Value> = match arguments.get(0, "sep") {
        None | Some(Value::None) => match limit {
            None => text.split_whitespace().map(Value::str).collect(),
            Some(limit) => {
                let mut parts = Vec::new();
                let mut rest = text.trim_start();
                while parts.len() < limit
                    && let Some(at) = rest.find(char::is_whitespace)
                {
                    parts.push(Value::str(&rest[..at]));
                    rest = rest[at..].trim_start();
                }
                if !rest.is_empty() {
                    parts.push(Value::str(rest));
                }
                parts
            }
        },
        Some(separator) => {
            let Some(separator) = separator.as_str() else {
                return Ok(interpreter.unsupported("str.split()"));
            };
            if separator.is_empty() {
                return Err(interpreter.error("ValueError", "empty separator"));
            }
            match (limit, from_right) {
                (None, _) => text.split(separator).map(Value::str).collect(),
                (Some(limit), false) => text.splitn(limit + 1, separator).map(Value::str).collect(),
                (Some(limit), true) => {
                    let mut parts: Vec<Value> =
                        text.rsplitn(limit + 1, separator).map(Value::str).collect();
                    parts.reverse();
                    parts
                }
            }
        }
    };
    Ok(Value::list(parts))
}

fn translate<H: Host>(
    interpreter: &mut Interpreter<H>,
    text: &str,
    table: Option<&Value>,
) -> Eval<Value> {
    let Some(Value::Dict(table)) = table else {
        return Ok(hole());
    };
    let mut out = String::with_capacity(text.len());
    for character in text.chars() {
        let found = table
            .borrow()
            .get(&Key::Int(i64::from(character as u32)))
            .cloned();
        match found {
            None => out.push(character),
            Some(Value::None) => {}
            Some(Value::Int(code)) => {
                out.extend(u32::try_from(code).ok().and_then(char::from_u32));
            }
            Some(other) => {
                let text = to_string(interpreter, &other)?;
                out.push_str(&text);
            }
        }
    }
    Ok(Value::str(out))
}
