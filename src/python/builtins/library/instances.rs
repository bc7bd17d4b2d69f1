//! Methods of what the standard library makes: dates, paths, hashes, patterns, bytes.

use std::rc::Rc;

use super::{keyword_dict, replaced};
use crate::python::builtins::containers::dict_of;
use crate::python::builtins::{
    collections, dates, digests, files, functions, loading, patterns, template,
};
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, as_int};
use crate::python::syntax::BinaryOperator;
use crate::python::value::{Instance, Key, Value};
use crate::unknown::{FRESH, Reason, Usual};

/// A method of bytes.
pub(crate) fn bytes_method<H: Host>(
    interpreter: &mut Interpreter<H>,
    bytes: &[u8],
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let _ = arguments;
    Ok(match name {
        "decode" => match std::str::from_utf8(bytes) {
            Ok(text) => Value::str(text),
            Err(_) => return Err(interpreter.error("UnicodeDecodeError", "invalid start byte")),
        },
        "hex" => Value::str(digests::hex(bytes)),
        "strip" => Value::Bytes(bytes.trim_ascii().into()),
        _ => interpreter.unsupported(&format!("bytes.{name}()")),
    })
}

/// A method of an instance of Python's own.
pub(crate) fn instance_method<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let receiver = Value::Instance(found.clone());
    let first = arguments.positional.first().cloned();
    let attribute = |name: &str| found.attributes.borrow().get(name).cloned();
    match name {
        "__init__" => {
            if found.class.is_subclass_of("BaseException") {
                found
                    .attributes
                    .borrow_mut()
                    .insert("args".into(), Value::tuple(arguments.positional.clone()));
            }
            return Ok(Value::None);
        }
        "__str__" | "__repr__" if found.class.lookup(name).is_none() => {
            return Ok(Value::str(interpreter.string(&receiver)?));
        }
        "__getattribute__" => {
            let name = first.as_ref().and_then(Value::as_str).unwrap_or_default();
            return own_attribute(interpreter, &receiver, name);
        }
        "__setattr__" => {
            if let (Some(Value::Str(name)), Some(value)) = (first, arguments.positional.get(1)) {
                interpreter.set_attribute(&receiver, &name.text, value.clone())?;
            }
            return Ok(Value::None);
        }
        "with_traceback" => return Ok(receiver),
        "_asdict" => {
            let entries = found
                .attributes
                .borrow()
                .iter()
                .map(|(name, value)| (Key::Str(name.as_str().into()), value.clone()))
                .collect();
            return Ok(dict_of(entries));
        }
        "_replace" => return Ok(replaced(found, arguments)),
        "__enter__" => return interpreter.enter_manager(&receiver),
        "__exit__" => {
            interpreter.exit_manager(&receiver, None)?;
            return Ok(Value::None);
        }
        _ => {}
    }
    if found.class.site.is_some() {
        return Ok(Value::None);
    }
    Ok(match (found.class.name.as_str(), name) {
        ("generator", "__iter__") => receiver,
        ("generator", "__next__" | "send") => {
            match crate::python::builtins::iterators::next(interpreter, &receiver)? {
                Some(item) => item,
                None => return Err(interpreter.error("StopIteration", "")),
            }
        }
        ("generator", _) => Value::None,
        ("_Environment", "get" | "pop" | "setdefault") => functions::environment(
            interpreter,
            first.as_ref(),
            functions::default_of(arguments),
        ),
        ("_Environment", "__contains__") => {
            let mut what = String::new();
            if let Some(name) = &first {
                crate::python::builtins::describe(name, &mut what);
            }
            what.push_str(" in os.environ");
            let unknown = interpreter.unknown_at(Reason::Environment, &what);
            Value::unknown(unknown.usually(Some(Usual::Bool(false))))
        }
        ("_Environment", _) => functions::environment(interpreter, None, None),
        ("Path", _) => return files::path_method(interpreter, found, name, arguments),
        ("SourceFileLoader", _) => return loading::loader_method(interpreter, found, name),
        ("Template", _) => return template::method(interpreter, found, name, arguments),
        ("datetime" | "date" | "time" | "timedelta", _) => {
            match dates::method(interpreter, found, name, arguments) {
                Some(value) => value,
                None => interpreter.unsupported(&format!("datetime.{name}()")),
            }
        }
        ("_Hash", "update") => {
            let old = attribute("data").unwrap_or(Value::Bytes(Rc::from([])));
            let data =
                interpreter.binary(BinaryOperator::Add, &old, &first.unwrap_or(Value::None))?;
            found.attributes.borrow_mut().insert("data".into(), data);
            Value::None
        }
        ("_Hash", "hexdigest" | "digest") => {
            let algorithm = attribute("name");
            let algorithm = algorithm
                .as_ref()
                .and_then(Value::as_str)
                .unwrap_or_default();
            match attribute("data") {
                Some(Value::Bytes(data)) => match digests::digest(algorithm, &data) {
                    Some(bytes) if name == "digest" => Value::Bytes(bytes.into()),
                    Some(bytes) => Value::str(digests::hex(&bytes)),
                    None => interpreter.unsupported("a digest"),
                },
                Some(Value::Fresh(_)) => Value::str(FRESH.to_string()),
                _ => Value::str(crate::unknown::HOLE.to_string()),
            }
        }
        ("_Pattern", _) => {
            let mut all = arguments.clone();
            all.positional.insert(0, receiver);
            return patterns::call(interpreter, name, &all);
        }
        ("_Match", _) => return patterns::match_method(interpreter, found, name, arguments),
        ("StringIO", "read" | "getvalue") => attribute("text").unwrap_or(Value::None),
        ("StringIO", "readlines" | "__iter__") => Value::list(items_of!(interpreter, &receiver)),
        ("StringIO", "write") => {
            let old = attribute("text").unwrap_or_else(|| Value::str(""));
            let text =
                interpreter.binary(BinaryOperator::Add, &old, &first.unwrap_or(Value::None))?;
            found.attributes.borrow_mut().insert("text".into(), text);
            Value::None
        }
        ("StringIO", "close" | "seek" | "flush") => Value::None,
        ("ExitStack", "enter_context") => {
            let manager = first.unwrap_or(Value::None);
            let value = interpreter.enter_manager(&manager)?;
            if let Some(Value::List(stack)) = attribute("stack") {
                stack.borrow_mut().push(manager);
            }
            value
        }
        ("ExitStack", "callback") => {
            if let (Some(Value::List(stack)), Some(callee)) = (attribute("stack"), first) {
                let rest = arguments.positional.get(1..).unwrap_or_default().to_vec();
                stack.borrow_mut().push(Value::tuple(vec![
                    callee,
                    Value::tuple(rest),
                    keyword_dict(arguments),
                ]));
            }
            Value::None
        }
        ("ExitStack", "push") => {
            if let (Some(Value::List(stack)), Some(manager)) = (attribute("stack"), first) {
                stack.borrow_mut().push(manager);
            }
            Value::None
        }
        ("ExitStack", "close" | "pop_all") => {
            interpreter.exit_manager(&receiver, None)?;
            Value::None
        }
        ("Counter", "most_common") => {
            let Some(Value::Dict(entries)) = attribute("data") else {
                return Ok(interpreter.unsupported("most_common()"));
            };
            let mut pairs: Vec<(Key, Value)> = entries
                .borrow()
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            pairs.sort_by_key(|(_, count)| std::cmp::Reverse(as_int(count).unwrap_or(0)));
            if let Some(limit) = first.as_ref().and_then(as_int) {
                pairs.truncate(limit.max(0) as usize);
            }
            let rows = pairs
                .into_iter()
                .map(|(key, count)| Value::tuple(vec![interpreter.key_value(&key), count]))
                .collect();
            Value::list(rows)
        }
        ("range", "index" | "count") => {
            let items = items_of!(interpreter, &receiver);
            return collections::shared(interpreter, &receiver, &items, name, arguments);
        }
        (kind, _) => interpreter.unsupported(&format!("{kind}.{name}()")),
    })
}

/// An attribute as `object.__getattribute__` finds it: past a hook of the class of that name.
pub(super) fn own_attribute<H: Host>(
    interpreter: &mut Interpreter<H>,
    object: &Value,
    name: &str,
) -> Eval<Value> {
    let Value::Instance(instance) = object else {
        return interpreter.attribute(object, name);
    };
    if let Some(found) = instance.attributes.borrow().get(name) {
        return Ok(found.clone());
    }
    if instance.class.lookup(name).is_some() || name == "__dict__" || name == "__class__" {
        return interpreter.attribute(object, name);
    }
    let message = format!("'{}' object has no attribute '{name}'", instance.class.name);
    Err(interpreter.error("AttributeError", &message))
}
