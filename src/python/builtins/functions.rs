//! Functions and types that Python code names without an import; the rest goes to [`super::library`].

use std::rc::Rc;

use indexmap::IndexMap;

use super::containers::{dict_of, pairs, set_of};
use super::exceptions::class;
use super::iterators::{iterator, range};
use super::text::{repr, to_string};
use super::{collections, files, format, library};
use crate::python::host::{Arguments, Eval, Host, Truth};
use crate::python::interpreter::{Interpreter, as_float, as_int, instance, is_subclass};
use crate::python::value::{Key, Value};
use crate::unknown::{FRESH, HOLE, Reason, Usual, has_hole};

fn one(value: Value) -> Arguments {
    Arguments {
        positional: vec![value],
        ..Arguments::default()
    }
}

/// The items of the first argument; an unknown one ends the call with the unknown.
macro_rules! items_of {
    ($interpreter:expr, $value:expr) => {
        match $interpreter.items($value)? {
            Ok(items) => items,
            Err(unknown) => return Ok(Value::unknown(unknown)),
        }
    };
}

/// Calls a function or type of Python's own.
pub(crate) fn call<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: &'static str,
    arguments: Arguments,
) -> Eval<Value> {
    if name.contains('.') {
        return library::call(interpreter, name, arguments);
    }
    let first = arguments.positional.first().cloned();
    let second = arguments.positional.get(1).cloned();
    Ok(match (name, first) {
        ("_identity" | "staticmethod" | "classmethod" | "property", Some(value)) => {
            let decorator = Value::Builtin(name);
            if name == "_identity" {
                value
            } else {
                interpreter.decorate(&decorator, value)?
            }
        }
        ("_decorator", _) => Value::Builtin("_identity"),
        ("print" | "_nothing" | "breakpoint", _) => Value::None,
        ("len", Some(value)) => length(interpreter, &value)?,
        ("str", None) => Value::str(""),
        ("str", Some(Value::Bytes(bytes))) if second.is_some() => {
            Value::str(String::from_utf8_lossy(&bytes).into_owned())
        }
        ("str", Some(value)) => Value::str(to_string(interpreter, &value)?),
        ("repr" | "ascii", Some(value)) => Value::str(repr(interpreter, &value)?),
        ("format", Some(value)) => {
            let specifier = match &second {
                Some(text) => to_string(interpreter, text)?,
                None => "".into(),
            };
            Value::str(format::apply(interpreter, &value, &specifier)?)
        }
        ("int", None) => Value::Int(0),
        ("int", Some(value)) => {
            let answer = integer(interpreter, &value, arguments.get(1, "base"))?;
            interpreter.usual_integer(&value, answer)
        }
        ("float", None) => Value::Float(0.0),
        ("float", Some(value)) => real(interpreter, &value)?,
        ("bool", None) => Value::Bool(false),
        ("bool", Some(value)) => match interpreter.truth_of(&value)? {
            Truth::Known(truth) => Value::Bool(truth),
            Truth::Unknown(unknown) => Value::unknown(unknown),
        },
        ("bytes" | "bytearray", Some(Value::Str(text))) => {
            if has_hole(&text.text) {
                return Ok(interpreter.unsupported("bytes of an unknown text"));
            }
            Value::Bytes(text.text.as_bytes().into())
        }
        ("bytes" | "bytearray", Some(value @ Value::Bytes(_))) => value,
        ("bytes" | "bytearray", None) => Value::Bytes(Rc::from([])),
        ("list", None) => Value::list(Vec::new()),
        ("tuple", None) => Value::tuple(Vec::new()),
        ("set" | "frozenset", None) => set_of(interpreter, Vec::new())?,
        ("list", Some(value)) => Value::list(items_of!(interpreter, &value)),
        ("tuple", Some(value)) => Value::tuple(items_of!(interpreter, &value)),
        ("set" | "frozenset", Some(value)) => {
            let items = items_of!(interpreter, &value);
            set_of(interpreter, items)?
        }
        ("dict", first) => return make_dict(interpreter, first.as_ref(), &arguments),
        ("range", Some(value)) => {
            let parts: Vec<Option<i64>> = arguments.positional.iter().map(as_int).collect();
            match parts.as_slice() {
                [Some(stop)] => range(0, *stop, 1),
                [Some(start), Some(stop)] => range(*start, *stop, 1),
                [Some(start), Some(stop), Some(step)] if *step != 0 => range(*start, *stop, *step),
                _ => match arguments
                    .positional
                    .iter()
                    .find(|part| matches!(part, Value::Unknown(_)))
                {
                    Some(Value::Unknown(unknown)) => Value::unknown(unknown.then(" in range()")),
                    _ if matches!(value, Value::Instance(_) | Value::Fresh(_)) => {
                        interpreter.unsupported("range()")
                    }
                    _ => {
                        return Err(interpreter.error(
                            "TypeError",
                            "range() needs integers, and a step that is not zero",
                        ));
                    }
                },
            }
        }
        ("enumerate", Some(value)) => {
            let start = arguments.get(1, "start").and_then(as_int).unwrap_or(0);
            let items = items_of!(interpreter, &value);
            iterator(
                items
                    .into_iter()
                    .enumerate()
                    .map(|(position, item)| {
                        Value::tuple(vec![
                            Value::Int(start.saturating_add(position as i64)),
                            item,
                        ])
                    })
                    .collect(),
            )
        }
        ("zip", _) => return zip(interpreter, &arguments),
        ("map", Some(function)) => {
            let mut columns = Vec::new();
            for iterable in arguments.positional.get(1..).unwrap_or_default() {
                columns.push(items_of!(interpreter, iterable));
            }
            let rows = columns.iter().map(Vec::len).min().unwrap_or(0);
            let mut results = Vec::with_capacity(rows);
            for row in 0..rows {
                let positional = columns
                    .iter()
                    .filter_map(|column| column.get(row))
                    .cloned()
                    .collect();
                let row = Arguments {
                    positional,
                    ..Arguments::default()
                };
                results.push(interpreter.call(&function, row)?);
            }
            iterator(results)
        }
        ("filter", Some(function)) => {
            let value = second.unwrap_or(Value::None);
            let mut kept = Vec::new();
            for item in items_of!(interpreter, &value) {
                let test = if function.is_none() {
                    item.clone()
                } else {
                    interpreter.call(&function, one(item.clone()))?
                };
                if interpreter.truth(&test)? {
                    kept.push(item);
                }
            }
            iterator(kept)
        }
        ("sorted", Some(value)) => {
            let items = items_of!(interpreter, &value);
            Value::list(collections::sort(interpreter, items, &arguments)?)
        }
        ("reversed", Some(value)) => {
            let mut items = items_of!(interpreter, &value);
            items.reverse();
            iterator(items)
        }
        ("min" | "max", Some(_)) => return extreme(interpreter, name == "max", &arguments),
        ("sum", Some(value)) => {
            let items = items_of!(interpreter, &value);
            let mut total = arguments.get(1, "start").cloned().unwrap_or(Value::Int(0));
            for item in items {
                total = interpreter.binary(
                    crate::python::syntax::BinaryOperator::Add,
                    &total,
                    &item,
                )?;
            }
            total
        }
        ("all", Some(Value::Unknown(unknown))) => Value::unknown(unknown.then(" all")),
        ("any" | "all", Some(value)) => {
            let wanted = name == "any";
            let mut hidden = None;
            for item in items_of!(interpreter, &value) {
                match interpreter.truth_of(&item)? {
                    Truth::Known(truth) if truth == wanted => return Ok(Value::Bool(wanted)),
                    Truth::Known(_) => {}
                    Truth::Unknown(unknown) => hidden = Some(unknown),
                }
            }
            match hidden {
                Some(unknown) => Value::unknown(unknown),
                None => Value::Bool(!wanted),
            }
        }
        ("abs", Some(value)) => match (&value, as_int(&value)) {
            (_, Some(number)) => number
                .checked_abs()
                .map_or_else(|| interpreter.unsupported("abs()"), Value::Int),
            (Value::Float(number), _) => Value::Float(number.abs()),
            _ => interpreter.unsupported("abs()"),
        },
        ("round", Some(value)) => {
            let digits = arguments.get(1, "ndigits").and_then(as_int);
            match (as_int(&value), as_float(&value), digits) {
                (Some(number), _, _) => Value::Int(number),
                (_, Some(number), None) => Value::Int(round_half_even(number) as i64),
                (_, Some(number), Some(digits)) => {
                    let scale = 10_f64.powi(digits.clamp(-300, 300) as i32);
                    Value::Float(round_half_even(number * scale) / scale)
                }
                _ => interpreter.unsupported("round()"),
            }
        }
        ("divmod", Some(value)) => {
            use crate::python::syntax::BinaryOperator::{FloorDivide, Modulo};
            let divisor = second.unwrap_or(Value::None);
            let quotient = interpreter.binary(FloorDivide, &value, &divisor)?;
            let rest = interpreter.binary(Modulo, &value, &divisor)?;
            Value::tuple(vec![quotient, rest])
        }
        ("pow", Some(value)) => {
            use crate::python::syntax::BinaryOperator::Power;
            interpreter.binary(Power, &value, &second.unwrap_or(Value::None))?
        }
        ("isinstance", Some(value)) => {
            let class = second.unwrap_or(Value::None);
            match interpreter.is_instance(&value, &class)? {
                Truth::Known(truth) => Value::Bool(truth),
                Truth::Unknown(unknown) => Value::unknown(unknown),
            }
        }
        ("issubclass", Some(value)) => issubclass(interpreter, &value, second.as_ref()),
        ("type", Some(value)) if arguments.positional.len() == 1 => {
            let class = match &value {
                Value::Host(_) => interpreter.find_attribute(&value, "__class__")?,
                _ => None,
            };
            class.unwrap_or_else(|| type_of(&value))
        }
        ("type", Some(_)) => interpreter.unsupported("type() with three arguments"),
        ("iter", Some(value)) => match &value {
            Value::Instance(instance) if instance.class.name == "generator" => value,
            _ => iterator(items_of!(interpreter, &value)),
        },
        ("next", Some(value)) => match &value {
            Value::Unknown(unknown) => Value::unknown(unknown.so(" next", false)),
            Value::Host(_) => {
                let items = items_of!(interpreter, &value);
                match (items.into_iter().next(), second) {
                    (Some(item), _) | (None, Some(item)) => item,
                    (None, None) => return Err(interpreter.error("StopIteration", "")),
                }
            }
            _ => match (super::iterators::next(interpreter, &value)?, second) {
                (Some(item), _) | (None, Some(item)) => item,
                (None, None) => return Err(interpreter.error("StopIteration", "")),
            },
        },
        ("getattr", Some(object)) => {
            let Some(name) = second.as_ref().and_then(Value::as_str) else {
                return Ok(interpreter.unsupported("getattr()"));
            };
            if has_hole(name) {
                return Ok(interpreter.unsupported("an attribute of unknown name"));
            }
            let name = name.to_owned();
            match (
                interpreter.attribute_or_none(&object, &name),
                arguments.positional.get(2),
            ) {
                (Ok(Some(value)), _) => value,
                (Ok(None), Some(default)) => default.clone(),
                (Ok(None), None) => interpreter.attribute(&object, &name)?,
                (Err(raised), Some(default)) if !raised.bound => default.clone(),
                (Err(raised), _) => return Err(raised),
            }
        }
        ("hasattr", Some(object)) => {
            let Some(name) = second.as_ref().and_then(Value::as_str) else {
                return Ok(interpreter.unsupported("hasattr()"));
            };
            if let Value::Unknown(unknown) = &object {
                return Ok(Value::unknown(unknown.then(&format!(" has {name}"))));
            }
            let name = name.to_owned();
            Value::Bool(interpreter.attribute_or_none(&object, &name)?.is_some())
        }
        ("setattr", Some(object)) => {
            if let (Some(Value::Str(name)), Some(value)) = (second, arguments.positional.get(2)) {
                interpreter.set_attribute(&object, &name.text, value.clone())?;
            }
            Value::None
        }
        ("delattr", Some(Value::Instance(instance))) => {
            if let Some(name) = second.as_ref().and_then(Value::as_str) {
                instance.attributes.borrow_mut().shift_remove(name);
            }
            Value::None
        }
        ("callable", Some(value)) => match &value {
            Value::Unknown(unknown) => Value::unknown(unknown.then(" is callable")),
            Value::Function(_)
            | Value::Method { .. }
            | Value::BuiltinMethod { .. }
            | Value::Builtin(_)
            | Value::Class(_)
            | Value::Host(_) => Value::Bool(true),
            Value::Instance(instance) => Value::Bool(instance.class.lookup("__call__").is_some()),
            _ => Value::Bool(false),
        },
        ("id", _) => Value::Fresh("id"),
        ("hash", Some(value)) => {
            interpreter.key(&value)?;
            Value::Fresh("hash")
        }
        ("input", _) => interpreter.unknown(Reason::Environment, "input()"),
        ("vars", Some(object)) => interpreter.attribute(&object, "__dict__")?,
        ("dir", Some(object)) => directory(interpreter, &object),
        ("ord", Some(Value::Str(text))) => match text.text.chars().next() {
            Some(HOLE | FRESH) => interpreter.unsupported("ord()"),
            Some(character) => Value::Int(i64::from(character as u32)),
            None => return Err(interpreter.error("TypeError", "ord() expected a character")),
        },
        ("chr", Some(Value::Int(code))) => {
            match u32::try_from(code).ok().and_then(char::from_u32) {
                Some(character) => Value::str(character.to_string()),
                None => return Err(interpreter.error("ValueError", "chr() arg not in range")),
            }
        }
        ("hex", Some(Value::Int(value))) => {
            Value::str(based(value, "0x", |value| format!("{value:x}")))
        }
        ("oct", Some(Value::Int(value))) => {
            Value::str(based(value, "0o", |value| format!("{value:o}")))
        }
        ("bin", Some(Value::Int(value))) => {
            Value::str(based(value, "0b", |value| format!("{value:b}")))
        }
        ("object", _) => instance(&class("object"), Vec::new()),
        ("slice", _) => {
            let mut parts = arguments.positional.clone();
            if parts.len() == 1 {
                parts.insert(0, Value::None);
            }
            super::containers::slice_object(parts)
        }
        ("super", Some(Value::Class(class))) => match second {
            Some(receiver) => Value::Super {
                class,
                receiver: Box::new(receiver),
            },
            None => interpreter.unsupported("super()"),
        },
        ("open", Some(path)) => return files::open(interpreter, &path, &arguments),
        ("exit" | "quit", _) => return Err(interpreter.error("SystemExit", "")),
        ("__import__", Some(Value::Str(module))) => {
            let from = interpreter
                .site()
                .map_or(crate::source::FileId(0), |site| site.file);
            interpreter.import_module(&module.text, from)?
        }
        ("exec" | "eval" | "compile", _) => {
            H::gap(interpreter, format!("`{name}` of text is not analysed"));
            interpreter.unsupported(&format!("{name}()"))
        }
        (_, Some(Value::Unknown(unknown))) => {
            Value::unknown(unknown.then(&format!(" in {name}()")))
        }
        _ => interpreter.unsupported(&format!("{name}()")),
    })
}

fn round_half_even(value: f64) -> f64 {
    let rounded = value.round();
    if (value - value.trunc()).abs() == 0.5 && rounded % 2.0 != 0.0 {
        rounded - value.signum()
    } else {
        rounded
    }
}

fn based(value: i64, prefix: &str, digits: impl Fn(u64) -> String) -> String {
    let sign = if value < 0 { "-" } else { "" };
    format!("{sign}{prefix}{}", digits(value.unsigned_abs()))
}

fn length<H: Host>(interpreter: &mut Interpreter<H>, value: &Value) -> Eval<Value> {
    if let Some(unknown) = interpreter.may_be_empty(value) {
        return Ok(Value::unknown(unknown.then(" in len()")));
    }
    Ok(match value {
        Value::Unknown(unknown) => Value::unknown(unknown.then(" in len()")),
        Value::Str(text) => {
            if text.text.contains([HOLE, FRESH]) {
                return Ok(Value::unknown(interpreter.hole_in(&text.text)));
            }
            Value::Int(text.text.chars().count() as i64)
        }
        Value::Host(host) => {
            let host = host.clone();
            match H::length(interpreter, &host)? {
                Some(length) => Value::Int(length as i64),
                None => match interpreter.items(value)? {
                    Ok(items) => Value::Int(items.len() as i64),
                    Err(unknown) => Value::unknown(unknown.then(" in len()")),
                },
            }
        }
        Value::Instance(instance) => {
            if let Some(length) = super::instance_length(instance) {
                return Ok(Value::Int(length as i64));
            }
            let method = interpreter.attribute(value, "__len__")?;
            interpreter.call(&method, Arguments::default())?
        }
        Value::None | Value::Int(_) | Value::Bool(_) | Value::Float(_) => {
            let message = format!("object of type '{}' has no len()", super::type_name(value));
            return Err(interpreter.error("TypeError", &message));
        }
        Value::Set(entries) | Value::Dict(entries) => Value::Int(entries.borrow().len() as i64),
        _ => match interpreter.items(value)? {
            Ok(items) => Value::Int(items.len() as i64),
            Err(unknown) => Value::unknown(unknown.then(" in len()")),
        },
    })
}

fn integer<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
    base: Option<&Value>,
) -> Eval<Value> {
    Ok(match value {
        Value::Int(value) => Value::Int(*value),
        Value::Bool(value) => Value::Int(i64::from(*value)),
        Value::Float(value) => Value::Int(*value as i64),
        Value::Str(text) => {
            let text = &text.text;
            if has_hole(text) {
                return Ok(Value::unknown(interpreter.hole_in(text)));
            }
            let base = base.and_then(as_int).unwrap_or(10);
            let digits = text.trim().replace('_', "");
            let digits = match base {
                16 => digits.trim_start_matches("0x").to_owned(),
                8 => digits.trim_start_matches("0o").to_owned(),
                2 => digits.trim_start_matches("0b").to_owned(),
                _ => digits,
            };
            let parsed = u32::try_from(base)
                .ok()
                .filter(|base| (2..=36).contains(base))
                .map(|base| i64::from_str_radix(&digits, base));
            match parsed {
                Some(Ok(number)) => Value::Int(number),
                Some(Err(error))
                    if matches!(
                        error.kind(),
                        std::num::IntErrorKind::PosOverflow | std::num::IntErrorKind::NegOverflow
                    ) =>
                {
                    interpreter.unsupported("a number of more than 64 bits")
                }
                _ => {
                    let text = repr(interpreter, value)?;
                    let message = format!("invalid literal for int() with base {base}: {text}");
                    return Err(interpreter.error("ValueError", &message));
                }
            }
        }
        Value::Unknown(unknown) => Value::unknown(unknown.then(" as int")),
        Value::Fresh(what) => Value::Fresh(what),
        Value::Instance(instance) => match super::enums::mixin_value(instance) {
            Some(value) => return integer(interpreter, &value, base),
            None => interpreter.unsupported("int()"),
        },
        Value::None | Value::List(_) | Value::Dict(_) => {
            return Err(interpreter.error(
                "TypeError",
                "int() argument must be a string or a real number",
            ));
        }
        _ => interpreter.unsupported("int()"),
    })
}

fn real<H: Host>(interpreter: &mut Interpreter<H>, value: &Value) -> Eval<Value> {
    if let Some(number) = as_float(value) {
        return Ok(Value::Float(number));
    }
    Ok(match value {
        Value::Str(text) if !has_hole(&text.text) => {
            match text.text.trim().to_ascii_lowercase().parse::<f64>() {
                Ok(number) => Value::Float(number),
                Err(_) => {
                    return Err(
                        interpreter.error("ValueError", "could not convert string to float")
                    );
                }
            }
        }
        Value::Unknown(unknown) => Value::unknown(unknown.then(" as float")),
        Value::None => {
            return Err(interpreter.error(
                "TypeError",
                "float() argument must be a string or a real number, not 'NoneType'",
            ));
        }
        _ => interpreter.unsupported("float()"),
    })
}

fn make_dict<H: Host>(
    interpreter: &mut Interpreter<H>,
    first: Option<&Value>,
    arguments: &Arguments,
) -> Eval<Value> {
    let mut entries = match first {
        Some(value) => match pairs(interpreter, value)? {
            Ok(entries) => entries,
            Err(unknown) => return Ok(Value::unknown(unknown)),
        },
        None => IndexMap::new(),
    };
    if arguments.incomplete {
        return Ok(interpreter.unsupported("dict() of unknown arguments"));
    }
    for (name, value) in &arguments.keyword {
        entries.insert(Key::Str(name.as_str().into()), value.clone());
    }
    Ok(dict_of(entries))
}

fn zip<H: Host>(interpreter: &mut Interpreter<H>, arguments: &Arguments) -> Eval<Value> {
    let mut columns = Vec::new();
    let mut counters = Vec::new();
    for (position, iterable) in arguments.positional.iter().enumerate() {
        if matches!(iterable, Value::Instance(instance) if instance.class.name == "count") {
            counters.push((position, iterable.clone()));
            columns.push(None);
        } else {
            columns.push(Some(items_of!(interpreter, iterable)));
        }
    }
    let rows = columns
        .iter()
        .flatten()
        .map(Vec::len)
        .min()
        .unwrap_or_default();
    for (position, counter) in counters {
        let mut items = Vec::with_capacity(rows);
        for _ in 0..rows {
            items.extend(super::iterators::next(interpreter, &counter)?);
        }
        if let Some(slot) = columns.get_mut(position) {
            *slot = Some(items);
        }
    }
    let rows = (0..rows)
        .map(|row| {
            Value::tuple(
                columns
                    .iter()
                    .flatten()
                    .filter_map(|column| column.get(row))
                    .cloned()
                    .collect(),
            )
        })
        .collect();
    Ok(iterator(rows))
}

fn extreme<H: Host>(
    interpreter: &mut Interpreter<H>,
    largest: bool,
    arguments: &Arguments,
) -> Eval<Value> {
    let items = match arguments.positional.as_slice() {
        [single] => items_of!(interpreter, single),
        several => several.to_vec(),
    };
    let key = arguments.named("key").filter(|key| !key.is_none()).cloned();
    let mut best: Option<(Value, Value)> = None;
    for item in items {
        let by = match &key {
            Some(key) => interpreter.call(key, one(item.clone()))?,
            None => item.clone(),
        };
        let better = match &best {
            None => true,
            Some((current, _)) => match interpreter.order(&by, current, 0)? {
                Some(order) if largest => order.is_gt(),
                Some(order) => order.is_lt(),
                None => return Ok(interpreter.unsupported("min() or max() of unknown values")),
            },
        };
        if better {
            best = Some((by, item));
        }
    }
    match (best, arguments.named("default")) {
        (Some((_, item)), _) => Ok(item),
        (None, Some(default)) => Ok(default.clone()),
        (None, None) => Err(interpreter.error("ValueError", "arg is an empty sequence")),
    }
}

fn issubclass<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
    of: Option<&Value>,
) -> Value {
    let of = match of {
        Some(Value::Tuple(classes)) => classes.to_vec(),
        Some(single) => vec![single.clone()],
        None => Vec::new(),
    };
    let mut hidden = false;
    for of in &of {
        match (value, of) {
            (Value::Class(class), Value::Class(of)) if is_subclass(class, of) => {
                return Value::Bool(true);
            }
            (Value::Builtin(one), Value::Builtin(other)) if one == other => {
                return Value::Bool(true);
            }
            (Value::Class(class), Value::Builtin(name)) if super::has_builtin_base(class, name) => {
                return Value::Bool(true);
            }
            (Value::Unknown(_) | Value::Host(_), _) | (_, Value::Unknown(_) | Value::Host(_)) => {
                hidden = true;
            }
            _ => {}
        }
    }
    if hidden {
        return interpreter.unsupported("issubclass()");
    }
    Value::Bool(false)
}

/// `type(value)`.
pub(crate) fn type_of(value: &Value) -> Value {
    Value::Builtin(match value {
        Value::None => "_NoneType",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Str(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Set(_) => "set",
        Value::Dict(_) => "dict",
        Value::Instance(instance) => return Value::Class(instance.class.clone()),
        Value::Class(_) | Value::Builtin(_) => "type",
        Value::Unknown(unknown) => return Value::unknown(unknown.then(" type")),
        _ => "object",
    })
}

fn directory<H: Host>(interpreter: &mut Interpreter<H>, object: &Value) -> Value {
    let names: Vec<Value> = match object {
        Value::Module(module) => module
            .scope
            .names
            .borrow()
            .keys()
            .map(|name| Value::str(name.as_str()))
            .collect(),
        Value::Class(class) => class
            .namespace
            .borrow()
            .keys()
            .map(|name| Value::str(name.as_str()))
            .collect(),
        Value::Instance(instance) => instance
            .attributes
            .borrow()
            .keys()
            .chain(instance.class.namespace.borrow().keys())
            .map(|name| Value::str(name.as_str()))
            .collect(),
        _ => return interpreter.unsupported("dir()"),
    };
    Value::list(names)
}

/// An environment variable: not known, and the same in all runs.
pub(crate) fn environment<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: Option<&Value>,
    usual: Option<Usual>,
) -> Value {
    let what = match name.and_then(Value::as_str) {
        Some(name) => format!("os.environ[\"{name}\"]"),
        None => "os.environ".to_owned(),
    };
    let unknown = interpreter.unknown_at(Reason::Environment, &what);
    Value::unknown(unknown.usually(usual))
}

/// What `os.getenv(name, default)` gives where the variable is not set.
pub(crate) fn default_of(arguments: &Arguments) -> Option<Usual> {
    match arguments.get(1, "default") {
        Some(default) => crate::python::interpreter::usual::of(default),
        None => Some(Usual::None),
    }
}

/// `str.maketrans(...)`.
pub(crate) fn make_translation<H: Host>(
    interpreter: &mut Interpreter<H>,
    arguments: &Arguments,
) -> Eval<Value> {
    let mut table = IndexMap::new();
    match arguments.positional.as_slice() {
        [mapping] => match pairs(interpreter, mapping)? {
            Ok(entries) => {
                for (key, value) in entries {
                    let key = match key {
                        Key::Str(text) => Key::Int(
                            text.chars()
                                .next()
                                .map_or(0, |first| i64::from(first as u32)),
                        ),
                        other => other,
                    };
                    table.insert(key, value);
                }
            }
            Err(unknown) => return Ok(Value::unknown(unknown)),
        },
        [Value::Str(from), Value::Str(to), rest @ ..] => {
            for (from, to) in from.text.chars().zip(to.text.chars()) {
                table.insert(
                    Key::Int(i64::from(from as u32)),
                    Value::Int(i64::from(to as u32)),
                );
            }
            if let Some(removed) = rest.first().and_then(Value::as_str) {
                for character in removed.chars() {
                    table.insert(Key::Int(i64::from(character as u32)), Value::None);
                }
            }
        }
        _ => return Ok(interpreter.unsupported("str.maketrans()")),
    }
    Ok(dict_of(table))
}
