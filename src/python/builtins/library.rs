//! Functions, types and objects of Python's own modules.

/// The items of a value; an unknown one ends the call with the unknown.
macro_rules! items_of {
    ($interpreter:expr, $value:expr) => {
        match $interpreter.items($value)? {
            Ok(items) => items,
            Err(unknown) => return Ok(Value::unknown(unknown)),
        }
    };
}

mod classes;
mod instances;
mod itertools;

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;

use super::containers::{dict_of, pairs};
use super::exceptions::class;
use super::files::{join_text, normalise, path, text_of};
use super::iterators::iterator;
use super::{dates, digests, enums, files, functions, json, loading, patterns};
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, as_float, as_int, instance};
use crate::python::syntax::BinaryOperator;
use crate::python::value::{Instance, Key, Value};
use crate::unknown::{Reason, has_hole, is_fresh};

pub(crate) use classes::{functional_enum, named_tuple};
use instances::own_attribute;
pub(crate) use instances::{bytes_method, instance_method};
use itertools::itertools;

fn positional(values: Vec<Value>) -> Arguments {
    Arguments {
        positional: values,
        ..Arguments::default()
    }
}

/// Calls a function or type of a module, by its qualified name.
pub(crate) fn call<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: &'static str,
    arguments: Arguments,
) -> Eval<Value> {
    let (module, rest) = name.split_once('.').unwrap_or((name, ""));
    match module {
        "datetime" => return datetime(interpreter, rest, &arguments),
        "itertools" => return itertools(interpreter, rest, &arguments),
        "os" => return os(interpreter, rest, &arguments),
        "importlib" | "pkgutil" | "runpy" | "imp" => {
            return loading::call(interpreter, name, &arguments);
        }
        "glob" if matches!(rest, "glob" | "iglob") => {
            let pattern = arguments.positional.first().and_then(Value::as_str);
            let found = pattern.and_then(|pattern| files::glob(interpreter, pattern));
            return Ok(match found {
                Some(names) => Value::list(names.into_iter().map(Value::str).collect()),
                None => interpreter.unknown(Reason::Data, "glob.glob()"),
            });
        }
        "re" => return patterns::call(interpreter, rest, &arguments),
        "uuid" => return uuid(interpreter, rest, &arguments),
        "math" => return math(interpreter, rest, &arguments),
        "random" | "secrets" => {
            return Ok(match rest {
                "shuffle" | "seed" => Value::None,
                _ => Value::Fresh("a random value"),
            });
        }
        _ => {}
    }
    let first = arguments.positional.first().cloned();
    let second = arguments.positional.get(1).cloned();
    Ok(match (name, first) {
        (
            "abc.abstractmethod"
            | "functools.cache"
            | "functools.total_ordering"
            | "enum.unique"
            | "typing.final"
            | "typing.override"
            | "typing.overload"
            | "typing.runtime_checkable"
            | "typing.no_type_check"
            | "functools.singledispatch"
            | "asyncio.run"
            | "sys.intern"
            | "types.MappingProxyType"
            | "os.fspath",
            Some(value),
        ) => value,
        ("functools.lru_cache", Some(value @ (Value::Function(_) | Value::Method { .. }))) => value,
        ("functools.lru_cache" | "functools.wraps", _) => Value::Builtin("_identity"),
        ("functools.partial", Some(function)) => instance(
            &class("functools.partial"),
            vec![
                ("function", function),
                (
                    "args",
                    Value::tuple(arguments.positional.get(1..).unwrap_or_default().to_vec()),
                ),
                ("kwargs", keyword_dict(&arguments)),
            ],
        ),
        ("functools.reduce", Some(function)) => {
            let iterable = second.unwrap_or(Value::None);
            let mut items = items_of!(interpreter, &iterable).into_iter();
            let mut total = match arguments
                .positional
                .get(2)
                .cloned()
                .or_else(|| items.next())
            {
                Some(start) => start,
                None => {
                    return Err(interpreter.error("TypeError", "reduce() of empty iterable"));
                }
            };
            for item in items {
                total = interpreter.call(&function, positional(vec![total, item]))?;
            }
            total
        }
        ("contextlib.suppress", _) => instance(
            &class("suppress"),
            vec![("value", Value::tuple(arguments.positional.clone()))],
        ),
        ("contextlib.nullcontext", value) => instance(
            &class("nullcontext"),
            vec![("value", value.unwrap_or(Value::None))],
        ),
        ("contextlib.closing", Some(value)) => instance(&class("closing"), vec![("value", value)]),
        ("contextlib.ExitStack", _) => instance(
            &class("ExitStack"),
            vec![("stack", Value::list(Vec::new()))],
        ),
        ("collections.OrderedDict", _) => return functions::call(interpreter, "dict", arguments),
        ("collections.ChainMap", _) => {
            let mut merged = IndexMap::new();
            for mapping in arguments.positional.iter().rev() {
                if let Ok(entries) = pairs(interpreter, mapping)? {
                    merged.extend(entries);
                }
            }
            dict_of(merged)
        }
        ("collections.deque", value) => match value {
            Some(value) => Value::list(items_of!(interpreter, &value)),
            None => Value::list(Vec::new()),
        },
        ("collections.defaultdict", factory) => {
            let mut rest = arguments.clone();
            if !rest.positional.is_empty() {
                rest.positional.remove(0);
            }
            let data = functions::call(interpreter, "dict", rest)?;
            instance(
                &class("defaultdict"),
                vec![("factory", factory.unwrap_or(Value::None)), ("data", data)],
            )
        }
        ("collections.Counter", value) => {
            let mut counts: IndexMap<Key, Value> = IndexMap::new();
            match value {
                Some(Value::Dict(entries)) => counts = entries.borrow().clone(),
                Some(value) => {
                    for item in items_of!(interpreter, &value) {
                        let key = interpreter.key(&item)?;
                        let count = counts.get(&key).and_then(as_int).unwrap_or(0);
                        counts.insert(key, Value::Int(count + 1));
                    }
                }
                None => {}
            }
            instance(&class("Counter"), vec![("data", dict_of(counts))])
        }
        ("collections.namedtuple", _) => return named_tuple(interpreter, &arguments),
        ("copy.copy", Some(value)) => copy(&value, 0),
        ("copy.deepcopy", Some(value)) => copy(&value, 12),
        ("dataclasses.dataclass", Some(value)) => {
            if let Value::Class(class) = &value {
                class
                    .namespace
                    .borrow_mut()
                    .insert("__dataclass_fields__".into(), Value::Bool(true));
            }
            value
        }
        ("dataclasses.dataclass", None) => Value::Builtin("dataclasses.dataclass"),
        ("dataclasses.field", _) => {
            let named = ["default", "default_factory"];
            let attributes = named
                .iter()
                .filter_map(|name| Some((*name, arguments.named(name)?.clone())))
                .collect();
            instance(&class("Field"), attributes)
        }
        ("dataclasses.asdict", Some(Value::Instance(found))) => {
            let entries = found
                .attributes
                .borrow()
                .iter()
                .map(|(name, value)| (Key::Str(name.as_str().into()), value.clone()))
                .collect();
            dict_of(entries)
        }
        ("dataclasses.astuple", Some(Value::Instance(found))) => {
            Value::tuple(found.attributes.borrow().values().cloned().collect())
        }
        ("dataclasses.replace", Some(Value::Instance(found))) => replaced(&found, &arguments),
        ("decimal.Decimal", Some(value)) => match &value {
            Value::Unknown(_) => value,
            _ => {
                let text = interpreter.string(&value)?;
                instance(&class("Decimal"), vec![("text", Value::str(text))])
            }
        },
        ("enum.auto", _) => instance(&class("auto"), Vec::new()),
        ("hashlib.new", Some(Value::Str(algorithm))) => digests::hash_object(
            &algorithm.text,
            second.unwrap_or(Value::Bytes(Rc::from([]))),
        ),
        ("hashlib.md5" | "hashlib.sha1" | "hashlib.sha256" | "hashlib.sha512", data) => {
            digests::hash_object(
                name.trim_start_matches("hashlib."),
                data.unwrap_or(Value::Bytes(Rc::from([]))),
            )
        }
        ("io.StringIO" | "io.BytesIO", value) => instance(
            &class("StringIO"),
            vec![("text", value.unwrap_or_else(|| Value::str("")))],
        ),
        ("json.dumps", _) => return json::dumps(interpreter, &arguments),
        ("json.loads", Some(text)) => return json::loads(interpreter, &text),
        ("json.load", Some(file)) => {
            let read = interpreter.attribute(&file, "read")?;
            let text = interpreter.call(&read, Arguments::default())?;
            return json::loads(interpreter, &text);
        }
        ("csv.reader" | "csv.DictReader", Some(file)) => {
            return csv(interpreter, &file, &arguments, name == "csv.DictReader");
        }
        ("operator.itemgetter" | "operator.attrgetter" | "operator.methodcaller", Some(_)) => {
            instance(
                &class("_Getter"),
                vec![
                    ("kind", Value::str(name)),
                    ("keys", Value::tuple(arguments.positional.clone())),
                ],
            )
        }
        ("operator.add", Some(left)) => {
            interpreter.binary(BinaryOperator::Add, &left, &second.unwrap_or(Value::None))?
        }
        ("operator.mul", Some(left)) => interpreter.binary(
            BinaryOperator::Multiply,
            &left,
            &second.unwrap_or(Value::None),
        )?,
        ("operator.or_", Some(left)) => {
            interpreter.binary(BinaryOperator::Or, &left, &second.unwrap_or(Value::None))?
        }
        ("operator.and_", Some(left)) => {
            interpreter.binary(BinaryOperator::And, &left, &second.unwrap_or(Value::None))?
        }
        ("pathlib.Path" | "pathlib.PurePath" | "pathlib.PosixPath", _) => {
            let mut text = String::new();
            for part in &arguments.positional {
                match text_of(part) {
                    Some(part) => text = join_text(&text, &part),
                    None => return Ok(interpreter.unsupported("Path()")),
                }
            }
            path(if text.is_empty() { "." } else { &text })
        }
        ("pathlib.Path.cwd", _) => path("."),
        ("sys.exit", value) => {
            let message = match value {
                Some(value) => interpreter.string(&value)?,
                None => "".into(),
            };
            return Err(interpreter.error("SystemExit", &message));
        }
        ("string.Template", Some(template)) => {
            instance(&class("Template"), vec![("template", template)])
        }
        ("textwrap.dedent", Some(Value::Str(text))) => Value::str(dedent(&text.text)),
        ("textwrap.indent", Some(Value::Str(text))) => {
            let prefix = match arguments.get(1, "prefix").and_then(Value::as_str) {
                Some(prefix) => prefix.to_owned(),
                None => String::new(),
            };
            let indented: String = text
                .text
                .split_inclusive('\n')
                .map(|line| {
                    if line.trim().is_empty() {
                        line.to_owned()
                    } else {
                        format!("{prefix}{line}")
                    }
                })
                .collect();
            Value::str(indented)
        }
        (
            "time.time" | "time.time_ns" | "time.monotonic" | "time.perf_counter" | "time.strftime",
            _,
        ) => Value::Fresh("now"),
        ("time.sleep" | "asyncio.sleep", _) => Value::None,
        ("types.SimpleNamespace", _) => {
            let found = instance(&class("SimpleNamespace"), Vec::new());
            if let Value::Instance(found) = &found {
                for (name, value) in &arguments.keyword {
                    found
                        .attributes
                        .borrow_mut()
                        .insert(name.clone(), value.clone());
                }
            }
            found
        }
        ("typing.cast", _) => second.unwrap_or(Value::None),
        ("typing.NewType", _) => Value::Builtin("_identity"),
        (
            "typing.TypeVar" | "typing.ParamSpec" | "typing.get_type_hints" | "typing.get_args",
            _,
        ) => instance(&class("_Type"), Vec::new()),
        ("dict.fromkeys", Some(keys)) => {
            let value = second.unwrap_or(Value::None);
            let mut entries = IndexMap::new();
            for key in items_of!(interpreter, &keys) {
                entries.insert(interpreter.key(&key)?, value.clone());
            }
            dict_of(entries)
        }
        ("str.maketrans", _) => functions::make_translation(interpreter, &arguments)?,
        ("str.join" | "str.lower" | "str.upper" | "str.strip" | "str.format", Some(receiver)) => {
            let mut rest = arguments.clone();
            rest.positional.remove(0);
            let method = interpreter.attribute(&receiver, name.trim_start_matches("str."))?;
            interpreter.call(&method, rest)?
        }
        ("object.__getattribute__", Some(object)) => {
            let name = arguments.positional.get(1).and_then(Value::as_str);
            own_attribute(interpreter, &object, name.unwrap_or_default())?
        }
        ("object.__setattr__", Some(object)) => {
            if let (Some(Value::Str(name)), Some(value)) = (second, arguments.positional.get(2)) {
                interpreter.set_attribute(&object, &name.text, value.clone())?;
            }
            Value::None
        }
        ("object.__new__", Some(Value::Class(class))) => instance(&class, Vec::new()),
        ("base64.b64encode" | "base64.b64decode" | "binascii.hexlify", Some(value)) => {
            match (name, &value) {
                ("binascii.hexlify", Value::Bytes(bytes)) => {
                    Value::Bytes(digests::hex(bytes).into_bytes().into())
                }
                _ => interpreter.unsupported(name),
            }
        }
        (_, Some(Value::Unknown(unknown))) => {
            Value::unknown(unknown.then(&format!(" in {name}()")))
        }
        _ => interpreter.unsupported(&format!("{name}()")),
    })
}

fn keyword_dict(arguments: &Arguments) -> Value {
    dict_of(
        arguments
            .keyword
            .iter()
            .map(|(name, value)| (Key::Str(name.as_str().into()), value.clone()))
            .collect(),
    )
}

fn replaced(found: &Rc<Instance>, arguments: &Arguments) -> Value {
    let mut attributes = found.attributes.borrow().clone();
    for (name, value) in &arguments.keyword {
        attributes.insert(name.clone(), value.clone());
    }
    Value::Instance(Rc::new(Instance {
        class: found.class.clone(),
        attributes: RefCell::new(attributes),
    }))
}

fn copy(value: &Value, depth: u32) -> Value {
    let inner = |value: &Value| {
        if depth > 0 {
            copy(value, depth - 1)
        } else {
            value.clone()
        }
    };
    match value {
        Value::List(items) => Value::list(items.borrow().iter().map(inner).collect()),
        Value::Dict(entries) => dict_of(
            entries
                .borrow()
                .iter()
                .map(|(key, value)| (key.clone(), inner(value)))
                .collect(),
        ),
        Value::Set(entries) => Value::Set(Rc::new(RefCell::new(entries.borrow().clone()))),
        Value::Tuple(items) => Value::tuple(items.iter().map(inner).collect()),
        Value::Instance(found) if !enums::is_enum(&found.class) => {
            Value::Instance(Rc::new(Instance {
                class: found.class.clone(),
                attributes: RefCell::new(
                    found
                        .attributes
                        .borrow()
                        .iter()
                        .map(|(name, value)| (name.clone(), inner(value)))
                        .collect(),
                ),
            }))
        }
        other => other.clone(),
    }
}

/// `textwrap.dedent`.
fn dedent(text: &str) -> String {
    let mut margin: Option<&str> = None;
    for line in text.split('\n') {
        if line.trim().is_empty() {
            continue;
        }
        let indent = &line[..line.len() - line.trim_start_matches([' ', '\t']).len()];
        margin = Some(match margin {
            None => indent,
            Some(margin) => {
                let common = margin
                    .bytes()
                    .zip(indent.bytes())
                    .take_while(|(one, other)| one == other)
                    .count();
                &margin[..common]
            }
        });
    }
    let margin = margin.unwrap_or("");
    let lines: Vec<&str> = text
        .split('\n')
        .map(|line| {
            if line.trim().is_empty() {
                ""
            } else {
                line.strip_prefix(margin).unwrap_or(line)
            }
        })
        .collect();
    lines.join("\n")
}

fn datetime<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let first = arguments.positional.first().cloned();
    Ok(match name {
        "datetime.now" | "datetime.utcnow" | "datetime.today" => Value::Fresh("now"),
        "date.today" => Value::Fresh("today"),
        "datetime" | "date" | "time" => return dates::construct(interpreter, name, arguments),
        "timedelta" => dates::delta(interpreter, arguments),
        "timezone" => Value::Builtin("datetime.timezone.utc"),
        "datetime.fromtimestamp" | "datetime.utcfromtimestamp" => {
            match first.as_ref().and_then(as_float) {
                Some(seconds) => {
                    let zone = arguments.get(1, "tz").cloned().unwrap_or(Value::None);
                    dates::from_timestamp(seconds, &zone)
                }
                None => interpreter.unsupported("datetime.fromtimestamp()"),
            }
        }
        "datetime.combine" => {
            let time = arguments.positional.get(1).cloned().unwrap_or(Value::None);
            match first.and_then(|date| dates::combine(&date, &time)) {
                Some(value) => value,
                None => interpreter.unsupported("datetime.combine()"),
            }
        }
        "datetime.fromisoformat" | "datetime.strptime" | "date.fromisoformat" => {
            let kind = if name.starts_with("date.") {
                "date"
            } else {
                "datetime"
            };
            match first
                .as_ref()
                .and_then(Value::as_str)
                .map(|text| dates::parse(kind, text))
            {
                Some(Some(value)) => value,
                _ => interpreter.unsupported(&format!("datetime.{name}()")),
            }
        }
        _ => interpreter.unsupported(&format!("datetime.{name}()")),
    })
}

fn os<H: Host>(interpreter: &mut Interpreter<H>, name: &str, arguments: &Arguments) -> Eval<Value> {
    let first = arguments.positional.first().cloned();
    let text = first
        .as_ref()
        .and_then(text_of)
        .filter(|text| !has_hole(text));
    let split = |text: &str| match text.rsplit_once('/') {
        Some((folder, file)) => (folder.to_owned(), file.to_owned()),
        None => (String::new(), text.to_owned()),
    };
    Ok(match (name, text) {
        ("getenv", _) => functions::environment(
            interpreter,
            first.as_ref(),
            functions::default_of(arguments),
        ),
        ("getcwd", _) => Value::str(""),
        ("getpid" | "urandom", _) => Value::Fresh("a value of the process"),
        ("listdir", Some(text)) if let Some(names) = files::matching(interpreter, &text, "*") => {
            Value::list(names.into_iter().map(Value::str).collect())
        }
        // what a folder holds may be another each time, as the rows of a table may
        ("listdir" | "scandir" | "walk", _) => {
            interpreter.unknown(Reason::Data, &format!("os.{name}()"))
        }
        ("path.join", Some(text)) => {
            let mut joined = text.to_string();
            for part in arguments.positional.get(1..).unwrap_or_default() {
                let part = interpreter.string(part)?;
                joined = join_text(&joined, &part);
            }
            Value::str(joined)
        }
        ("path.dirname", Some(text)) => Value::str(split(&text).0),
        ("path.basename", Some(text)) => Value::str(split(&text).1),
        ("path.split", Some(text)) => {
            let (folder, file) = split(&text);
            Value::tuple(vec![Value::str(folder), Value::str(file)])
        }
        ("path.splitext", Some(text)) => {
            let slash = text.rfind('/').map_or(0, |at| at + 1);
            let at = text[slash..]
                .rfind('.')
                .filter(|at| *at > 0)
                .map_or(text.len(), |at| slash + at);
            Value::tuple(vec![Value::str(&text[..at]), Value::str(&text[at..])])
        }
        ("path.abspath" | "path.realpath" | "path.normpath" | "path.expanduser", Some(text)) => {
            Value::str(normalise(&text))
        }
        ("path.exists" | "path.isfile", Some(text)) => {
            if files::read(interpreter, &text).is_some() {
                Value::Bool(true)
            } else {
                interpreter.unknown(Reason::Environment, &format!("whether `{text}` exists"))
            }
        }
        _ => interpreter.unknown(Reason::Environment, &format!("os.{name}()")),
    })
}

fn uuid<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let first = arguments.positional.first();
    Ok(match name {
        "uuid1" | "uuid4" | "uuid6" | "uuid7" => Value::Fresh("uuid"),
        "UUID" => {
            let given = first.or_else(|| arguments.named("hex"));
            match given {
                Some(Value::Str(text)) if has_hole(&text.text) => interpreter.unsupported("UUID()"),
                Some(Value::Str(text)) => match digests::parse_uuid(&text.text) {
                    Some(text) => digests::uuid_value(&text),
                    None => {
                        return Err(
                            interpreter.error("ValueError", "badly formed hexadecimal UUID string")
                        );
                    }
                },
                Some(value @ (Value::Unknown(_) | Value::Fresh(_))) => value.clone(),
                _ => match arguments.named("int").and_then(as_int) {
                    Some(number) => {
                        let text = digests::parse_uuid(&format!("{number:032x}"));
                        digests::uuid_value(&text.unwrap_or_default())
                    }
                    None => interpreter.unsupported("UUID()"),
                },
            }
        }
        "uuid3" | "uuid5" => {
            let namespace = match first {
                Some(value) => interpreter.string(value)?,
                None => "".into(),
            };
            let name_value = arguments.get(1, "name").cloned().unwrap_or(Value::None);
            if matches!(name_value, Value::Fresh(_)) || is_fresh(&namespace) {
                return Ok(Value::Fresh("uuid"));
            }
            let text = interpreter.string(&name_value)?;
            if is_fresh(&text) {
                return Ok(Value::Fresh("uuid"));
            }
            if has_hole(&text) || has_hole(&namespace) {
                return Ok(interpreter.unsupported("a UUID of an unknown name"));
            }
            let version = if name == "uuid3" { 3 } else { 5 };
            match digests::named_uuid(&namespace, text.as_bytes(), version) {
                Some(text) => digests::uuid_value(&text),
                None => interpreter.unsupported("uuid5()"),
            }
        }
        _ => interpreter.unsupported(&format!("uuid.{name}()")),
    })
}

fn math<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let Some(value) = arguments.positional.first().and_then(as_float) else {
        return Ok(interpreter.unsupported(&format!("math.{name}()")));
    };
    let second = arguments.positional.get(1).and_then(as_float);
    Ok(match name {
        "ceil" => Value::Int(value.ceil() as i64),
        "floor" => Value::Int(value.floor() as i64),
        "trunc" => Value::Int(value.trunc() as i64),
        "sqrt" if value >= 0.0 => Value::Float(value.sqrt()),
        "log" if value > 0.0 => Value::Float(second.map_or(value.ln(), |base| value.log(base))),
        "log2" if value > 0.0 => Value::Float(value.log2()),
        "log10" if value > 0.0 => Value::Float(value.log10()),
        "pow" => Value::Float(value.powf(second.unwrap_or(1.0))),
        "isnan" => Value::Bool(value.is_nan()),
        _ => interpreter.unsupported(&format!("math.{name}()")),
    })
}

fn csv<H: Host>(
    interpreter: &mut Interpreter<H>,
    file: &Value,
    arguments: &Arguments,
    named: bool,
) -> Eval<Value> {
    let delimiter = arguments
        .named("delimiter")
        .and_then(Value::as_str)
        .and_then(|text| text.chars().next())
        .unwrap_or(',');
    let mut rows = Vec::new();
    let mut text = String::new();
    for line in items_of!(interpreter, file) {
        text.push_str(&interpreter.string(&line)?);
        if !text.ends_with('\n') {
            text.push('\n');
        }
    }
    if has_hole(&text) {
        return Ok(interpreter.unsupported("rows of an unknown text"));
    }
    let mut row = Vec::new();
    let mut field = String::new();
    let mut quoted = false;
    let mut characters = text.chars().peekable();
    while let Some(character) = characters.next() {
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                field.push('"');
            }
            '"' => quoted = !quoted,
            '\n' if !quoted => {
                row.push(Value::str(std::mem::take(&mut field)));
                rows.push(std::mem::take(&mut row));
            }
            '\r' if !quoted => {}
            other if other == delimiter && !quoted => {
                row.push(Value::str(std::mem::take(&mut field)));
            }
            other => field.push(other),
        }
    }
    if !named {
        return Ok(iterator(rows.into_iter().map(Value::list).collect()));
    }
    let mut rows = rows.into_iter();
    let header = rows.next().unwrap_or_default();
    let mut dicts = Vec::new();
    for row in rows {
        let mut entries = IndexMap::new();
        for (name, value) in header.iter().zip(row) {
            entries.insert(interpreter.key(name)?, value);
        }
        dicts.push(dict_of(entries));
    }
    Ok(iterator(dicts))
}

/// Calls an `itemgetter`, `attrgetter` or `methodcaller`.
pub(crate) fn get<H: Host>(
    interpreter: &mut Interpreter<H>,
    getter: &Rc<Instance>,
    arguments: &Arguments,
) -> Eval<Value> {
    let attributes = getter.attributes.borrow().clone();
    let kind = attributes
        .get("kind")
        .and_then(Value::as_str)
        .unwrap_or_default();
    let keys = match attributes.get("keys") {
        Some(Value::Tuple(keys)) => keys.to_vec(),
        _ => Vec::new(),
    };
    let object = arguments.positional.first().cloned().unwrap_or(Value::None);
    if kind == "operator.methodcaller" {
        let name = keys
            .first()
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned();
        let method = interpreter.attribute(&object, &name)?;
        return interpreter.call(&method, positional(keys.into_iter().skip(1).collect()));
    }
    let mut found = Vec::with_capacity(keys.len());
    for key in &keys {
        found.push(if kind == "operator.itemgetter" {
            interpreter.item(&object, key)?
        } else {
            let mut value = object.clone();
            for name in key.as_str().unwrap_or_default().split('.') {
                value = interpreter.attribute(&value, name)?;
            }
            value
        });
    }
    Ok(if found.len() == 1 {
        found.remove(0)
    } else {
        Value::tuple(found)
    })
}
