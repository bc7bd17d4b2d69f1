//! What Python brings itself: functions, types, modules, and the attributes of values.
//!
//! A function or type is named by its qualified name ([`Value::Builtin`]). Objects of Python's own that need more than
//! that (dates, UUIDs, paths, iterators) are instances of classes without a site.

pub(crate) mod collections;
pub(crate) mod containers;
pub(crate) mod contexts;
pub(crate) mod dataclasses;
pub(crate) mod dates;
pub(crate) mod digests;
pub(crate) mod enums;
pub(crate) mod exceptions;
pub(crate) mod files;
pub(crate) mod format;
pub(crate) mod functions;
pub(crate) mod iterators;
pub(crate) mod json;
pub(crate) mod library;
pub(crate) mod loading;
pub(crate) mod patterns;
pub(crate) mod stdlib;
pub(crate) mod template;
pub(crate) mod text;

use std::cmp::Ordering;
use std::rc::Rc;

pub(crate) use functions::call;
pub(crate) use stdlib::lookup;

use super::host::{Arguments, Eval, Host};
use super::interpreter::{Interpreter, as_int, instance};
use super::syntax::BinaryOperator;
use super::value::{Class, Decoration, Instance, Key, Value};
use crate::unknown::{FRESH, HOLE, Reason, Unknown};

/// The type's name in messages.
pub(crate) fn type_name(value: &Value) -> &str {
    match value {
        Value::None => "NoneType",
        Value::Ellipsis => "ellipsis",
        Value::Bool(_) => "bool",
        Value::Int(_) => "int",
        Value::Float(_) => "float",
        Value::Str(_) => "str",
        Value::Bytes(_) => "bytes",
        Value::List(_) => "list",
        Value::Tuple(_) => "tuple",
        Value::Set(_) => "set",
        Value::Dict(_) => "dict",
        Value::Function(_) => "function",
        Value::Method { .. } | Value::BuiltinMethod { .. } => "method",
        Value::Builtin(_) => "builtin_function_or_method",
        Value::Class(_) => "type",
        Value::Instance(instance) => &instance.class.name,
        Value::Module(_) => "module",
        Value::Super { .. } => "super",
        Value::Host(host) => host.0.type_name(),
        Value::Fresh(what) => what,
        Value::Unknown(unknown) => &unknown.what,
    }
}

/// A short text of a value for the description of an unknown.
pub(crate) fn describe(value: &Value, out: &mut String) {
    match value {
        Value::None => out.push_str("None"),
        Value::Bool(value) => out.push_str(if *value { "True" } else { "False" }),
        Value::Int(value) => out.push_str(&value.to_string()),
        Value::Float(value) => out.push_str(&value.to_string()),
        Value::Str(text) => {
            out.push('"');
            for character in text.text.chars().take(40) {
                match character {
                    HOLE | FRESH => out.push('…'),
                    '\n' => out.push(' '),
                    other => out.push(other),
                }
            }
            out.push('"');
        }
        Value::Unknown(unknown) => out.extend(unknown.what.chars().take(60)),
        Value::Class(class) => out.push_str(&class.name),
        Value::Function(function) => out.push_str(&function.name),
        Value::Instance(instance) => {
            let attributes = instance.attributes.borrow();
            match attributes.get("name").and_then(Value::as_str) {
                Some(name) => out.push_str(&format!("{}.{name}", instance.class.name)),
                None => out.push_str(&instance.class.name),
            }
        }
        other => out.push_str(type_name(other)),
    }
}

/// Whether a value is an object of the host or holds one.
pub(crate) fn touches_host(value: &Value, depth: u32) -> bool {
    if depth > 3 {
        return false;
    }
    match value {
        Value::Host(_) => true,
        Value::List(items) => items
            .borrow()
            .iter()
            .take(50)
            .any(|item| touches_host(item, depth + 1)),
        Value::Tuple(items) => items
            .iter()
            .take(50)
            .any(|item| touches_host(item, depth + 1)),
        Value::Dict(items) | Value::Set(items) => items
            .borrow()
            .values()
            .take(50)
            .any(|item| touches_host(item, depth + 1)),
        Value::Method { receiver, .. } => touches_host(receiver, depth + 1),
        Value::Instance(instance) => {
            instance.class.host_base().is_some()
                || instance
                    .attributes
                    .borrow()
                    .values()
                    .any(|item| touches_host(item, depth + 1))
        }
        _ => false,
    }
}

/// The dict that a `defaultdict` or `Counter` keeps.
pub(crate) fn backing(instance: &Instance) -> Option<Value> {
    if instance.class.site.is_some()
        || !matches!(instance.class.name.as_str(), "defaultdict" | "Counter")
    {
        return None;
    }
    instance.attributes.borrow().get("data").cloned()
}

/// Whether a value is of a type of Python's own.
pub(crate) fn is_of_type(value: &Value, name: &str) -> bool {
    let of_class = |wanted: &str| matches!(value, Value::Instance(instance) if instance.class.is_subclass_of(wanted));
    let mixin = |wanted: &str| match value {
        Value::Instance(instance) => {
            has_builtin_base(&instance.class, wanted)
                || match enums::mixin_value(instance) {
                    Some(Value::Str(_)) => wanted == "str",
                    Some(Value::Int(_)) => wanted == "int",
                    _ => false,
                }
        }
        _ => false,
    };
    match name {
        "object" => true,
        "str" => matches!(value, Value::Str(_)) || mixin("str"),
        "int" => matches!(value, Value::Int(_) | Value::Bool(_)) || mixin("int"),
        "bool" => matches!(value, Value::Bool(_)),
        "float" => matches!(value, Value::Float(_)),
        "bytes" => matches!(value, Value::Bytes(_)),
        "list" => matches!(value, Value::List(_)) || mixin("list"),
        "tuple" => matches!(value, Value::Tuple(_)) || of_class("NamedTuple"),
        "set" | "frozenset" => matches!(value, Value::Set(_)),
        "dict" | "collections.OrderedDict" => {
            matches!(value, Value::Dict(_))
                || of_class("defaultdict")
                || of_class("Counter")
                || mixin("dict")
        }
        "type" => matches!(value, Value::Class(_) | Value::Builtin(_)),
        "_NoneType" => value.is_none(),
        "datetime.datetime" => of_class("datetime") || matches!(value, Value::Fresh("now")),
        "datetime.date" => of_class("date") || matches!(value, Value::Fresh("now" | "today")),
        "datetime.timedelta" => of_class("timedelta"),
        "uuid.UUID" => of_class("UUID") || matches!(value, Value::Fresh("uuid")),
        "pathlib.Path" | "pathlib.PurePath" => of_class("Path"),
        "decimal.Decimal" => of_class("Decimal"),
        _ => false,
    }
}

fn has_builtin_base(class: &Class, wanted: &str) -> bool {
    class.bases.iter().any(|base| match base {
        Value::Builtin(name) => *name == wanted,
        Value::Class(base) => has_builtin_base(base, wanted),
        _ => false,
    })
}

/// The bases of a class: of Python's own types only those stay that matter.
pub(crate) fn class_bases(bases: Vec<Value>) -> Vec<Value> {
    bases
        .into_iter()
        .filter(|base| match base {
            Value::Builtin(name) => !matches!(*name, "object" | "abc.ABC"),
            Value::Instance(instance) => instance.class.name != "_Type",
            _ => true,
        })
        .collect()
}

/// Attributes of a function or type of Python's own.
pub(crate) fn builtin_attribute(builtin: &'static str, name: &str) -> Option<Value> {
    if let Some(found) = stdlib::qualified(&format!("{builtin}.{name}")) {
        return Some(found);
    }
    match name {
        "__name__" | "__qualname__" => {
            Some(Value::str(builtin.rsplit('.').next().unwrap_or(builtin)))
        }
        "__module__" => Some(Value::str("builtins")),
        "__doc__" => Some(Value::None),
        // `_Type`-like subscripts and calls on types: `dict.get`, `str.lower` as functions
        _ => {
            let known = match builtin {
                "str" => text::METHODS.contains(&name),
                "dict" | "collections.OrderedDict" => collections::DICT.contains(&name),
                "list" => collections::LIST.contains(&name),
                "set" | "frozenset" => collections::SET.contains(&name),
                _ => false,
            };
            if known {
                return Some(Value::BuiltinMethod {
                    receiver: Box::new(Value::Builtin(builtin)),
                    name: name.into(),
                });
            }
            let plain = matches!(
                builtin,
                "str" | "dict" | "list" | "set" | "int" | "tuple" | "len" | "print"
            );
            if plain {
                return None;
            }
            Some(Value::unknown(Unknown::new(
                Reason::Unsupported,
                format!("{builtin}.{name}"),
            )))
        }
    }
}

/// Attributes of plain values: their methods.
pub(crate) fn value_attribute(value: &Value, name: &str) -> Option<Value> {
    let known = match value {
        Value::Str(_) => text::METHODS.contains(&name),
        Value::List(_) => collections::LIST.contains(&name),
        Value::Tuple(_) => collections::TUPLE.contains(&name),
        Value::Set(_) => collections::SET.contains(&name),
        Value::Dict(_) => collections::DICT.contains(&name),
        Value::Bytes(_) => matches!(
            name,
            "decode" | "hex" | "startswith" | "endswith" | "strip" | "split"
        ),
        Value::Int(_) | Value::Bool(_) => {
            match name {
                "real" | "numerator" => return Some(value.clone()),
                "imag" => return Some(Value::Int(0)),
                "denominator" => return Some(Value::Int(1)),
                _ => {}
            }
            matches!(name, "bit_length" | "to_bytes" | "conjugate" | "is_integer")
        }
        Value::Float(_) => matches!(name, "is_integer" | "hex" | "as_integer_ratio"),
        _ => false,
    };
    if known || name == "__init__" {
        return Some(Value::BuiltinMethod {
            receiver: Box::new(value.clone()),
            name: name.into(),
        });
    }
    match name {
        "__class__" => Some(functions::type_of(value)),
        "__doc__" => Some(Value::None),
        _ => None,
    }
}

/// Attributes of the instances that are of Python's own classes.
pub(crate) fn instance_attribute<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
    instance: &Rc<Instance>,
    name: &str,
) -> Eval<Option<Value>> {
    let bound = || {
        Some(Value::BuiltinMethod {
            receiver: Box::new(value.clone()),
            name: name.into(),
        })
    };
    if let Some(inner) = backing(instance) {
        return Ok(if name == "most_common" || name == "elements" {
            bound()
        } else {
            value_attribute(&inner, name)
        });
    }
    if instance.class.is_subclass_of("NamedTuple") && matches!(name, "_asdict" | "_replace") {
        return Ok(bound());
    }
    if instance.class.is_subclass_of("BaseException") {
        return Ok(match name {
            "with_traceback" | "add_note" => bound(),
            "__cause__" | "__context__" | "__traceback__" => Some(Value::None),
            "message" | "msg" | "code" | "errno" | "orig" | "pgcode"
                if instance.class.site.is_none() =>
            {
                None
            }
            _ => None,
        });
    }
    // a member of an enumeration is also what it is mixed with
    if let Some(inner) = enums::mixin_value(instance)
        && let Some(found) = value_attribute(&inner, name)
    {
        return Ok(Some(found));
    }
    if instance.class.site.is_some() {
        return Ok(None);
    }
    Ok(match (instance.class.name.as_str(), name) {
        ("_Harmless", "name" | "__name__") => Some(Value::str("")),
        ("_Harmless", _) => Some(value.clone()),
        ("_Type", "__name__") => instance.attributes.borrow().get("name").cloned(),
        ("_Type", _) => Some(value.clone()),
        (
            "_Environment",
            "get" | "keys" | "items" | "copy" | "setdefault" | "pop" | "__contains__",
        ) => bound(),
        ("_Environment", _) => Some(interpreter.unknown(Reason::Environment, "os.environ")),
        ("generator", "__iter__" | "__next__" | "send" | "close" | "throw") => bound(),
        ("Path", _) => files::path_attribute(interpreter, instance, name).or_else(bound),
        ("timedelta" | "datetime" | "date" | "time", "max" | "min") => None,
        (
            "_Hash" | "_Pattern" | "_Match" | "StringIO" | "ExitStack" | "datetime" | "date"
            | "time" | "timedelta" | "UUID" | "Decimal" | "suppress" | "nullcontext"
            | "functools.partial" | "SourceFileLoader" | "Template",
            _,
        ) => {
            if name.starts_with("__") && !matches!(name, "__enter__" | "__exit__" | "__str__") {
                None
            } else {
                bound()
            }
        }
        ("range", "start" | "stop" | "step" | "index" | "count") => bound(),
        _ => None,
    })
}

/// Attributes of every class.
pub(crate) fn class_attribute<H: Host>(
    interpreter: &mut Interpreter<H>,
    class: &Rc<Class>,
    name: &str,
) -> Option<Value> {
    if enums::is_enum(class) && name == "__members__" {
        return Some(enums::members_dict(class));
    }
    if name == "_fields" {
        let fields = dataclasses::tuple_fields(class)?;
        return Some(Value::tuple(
            fields
                .iter()
                .map(|field| Value::str(field.as_str()))
                .collect(),
        ));
    }
    let _ = interpreter;
    Some(match name {
        "__name__" | "__qualname__" => Value::str(class.name.as_str()),
        "__module__" => Value::str("__main__"),
        "__doc__" => Value::None,
        "__bases__" => Value::tuple(class.bases.clone()),
        "__mro__" => {
            let mut order = vec![Value::Class(class.clone())];
            order.extend(class.bases.iter().cloned());
            Value::tuple(order)
        }
        "__dict__" => {
            let entries = class
                .namespace
                .borrow()
                .iter()
                .map(|(name, value)| (Key::Str(name.as_str().into()), value.clone()))
                .collect();
            containers::dict_of(entries)
        }
        "__annotations__" => containers::empty_dict(),
        "__init__" | "__new__" | "__init_subclass__" | "mro" | "__subclasses__" | "_make" => {
            Value::BuiltinMethod {
                receiver: Box::new(Value::Class(class.clone())),
                name: name.into(),
            }
        }
        _ => return None,
    })
}

/// `Annotated[int, ...]`: a type of its own, with what was said of it.
fn annotated(type_: &Rc<Instance>, index: &Value) -> Option<Value> {
    let name = type_.attributes.borrow().get("name").cloned()?;
    let (Some("Annotated"), Value::Tuple(parts)) = (name.as_str(), index) else {
        return None;
    };
    let (origin, metadata) = parts.split_first()?;
    let attributes = vec![
        ("name", name.clone()),
        ("__origin__", origin.clone()),
        ("__metadata__", Value::tuple(metadata.to_vec())),
    ];
    Some(crate::python::interpreter::instance(
        &type_.class,
        attributes,
    ))
}

/// `instance[index]` of an instance of Python's own; `None`: it has no items.
pub(crate) fn instance_item<H: Host>(
    interpreter: &mut Interpreter<H>,
    instance: &Rc<Instance>,
    index: &Value,
) -> Eval<Option<Value>> {
    if let Some(Value::Dict(entries)) = backing(instance) {
        let key = interpreter.key(index)?;
        let found = entries.borrow().get(&key).cloned();
        if let Some(found) = found {
            return Ok(Some(found));
        }
        if instance.class.name == "Counter" {
            return Ok(Some(Value::Int(0)));
        }
        let factory = instance.attributes.borrow().get("factory").cloned();
        return match factory {
            Some(factory) if !factory.is_none() => {
                let value = interpreter.call(&factory, Arguments::default())?;
                entries.borrow_mut().insert(key, value.clone());
                Ok(Some(value))
            }
            _ => {
                let text = text::repr(interpreter, index)?;
                Err(interpreter.error("KeyError", &text))
            }
        };
    }
    if let Some(fields) = dataclasses::tuple_fields(&instance.class) {
        let items: Vec<Value> = {
            let attributes = instance.attributes.borrow();
            fields
                .iter()
                .map(|field| attributes.get(field).cloned().unwrap_or(Value::None))
                .collect()
        };
        return containers::item(interpreter, &Value::tuple(items), index);
    }
    if let Some(inner) = enums::mixin_value(instance) {
        return containers::item(interpreter, &inner, index);
    }
    if instance.class.site.is_some() {
        return Ok(None);
    }
    Ok(match instance.class.name.as_str() {
        "_Type" => {
            Some(annotated(instance, index).unwrap_or_else(|| Value::Instance(instance.clone())))
        }
        "_Harmless" => Some(Value::Instance(instance.clone())),
        "_Environment" => Some(functions::environment(interpreter, Some(index), None)),
        "_Match" => Some(patterns::group(interpreter, instance, index)?),
        "range" => {
            let items = match iterators::items(interpreter, instance)? {
                Some(Ok(items)) => items,
                _ => Vec::new(),
            };
            containers::item(interpreter, &Value::list(items), index)?
        }
        _ => None,
    })
}

/// `instance[index] = value`; whether the instance is of Python's own and took it.
pub(crate) fn set_instance_item<H: Host>(
    interpreter: &mut Interpreter<H>,
    instance: &Rc<Instance>,
    index: &Value,
    value: &Value,
) -> Eval<bool> {
    if let Some(inner) = backing(instance) {
        containers::set_item(interpreter, &inner, index, value.clone())?;
        return Ok(true);
    }
    Ok(instance.class.site.is_none() && instance.class.name == "_Environment")
}

/// The length of an instance of Python's own.
pub(crate) fn instance_length(instance: &Instance) -> Option<usize> {
    if let Some(Value::Dict(entries)) = backing(instance) {
        return Some(entries.borrow().len());
    }
    if let Some(fields) = dataclasses::tuple_fields(&instance.class) {
        return Some(fields.len());
    }
    if instance.class.site.is_none() && instance.class.name == "range" {
        return usize::try_from(iterators::range_length(instance)).ok();
    }
    match enums::mixin_value(instance) {
        Some(Value::Str(text)) => Some(text.text.chars().count()),
        Some(Value::Int(value)) => Some(usize::from(value != 0)),
        _ => None,
    }
}

/// The number that stands for an instance that is equal by value, as a key.
pub(crate) fn value_key(value: &Value) -> Option<usize> {
    use std::hash::{Hash, Hasher};
    let Value::Instance(instance) = value else {
        return None;
    };
    if instance.class.site.is_some() {
        return None;
    }
    let attributes = instance.attributes.borrow();
    let text = attributes.get("text").and_then(Value::as_str)?;
    let mut hasher = rustc_hash::FxHasher::default();
    (instance.class.name.as_str(), text).hash(&mut hasher);
    Some(hasher.finish() as usize | 1)
}

/// Whether instances of Python's own are equal; `None`: these are no such.
pub(crate) fn equal_instances(instance: &Instance, other: &Value) -> Option<bool> {
    if let Some(Value::Dict(entries)) = backing(instance) {
        if let Value::Dict(other) = other {
            return Some(entries.borrow().keys().eq(other.borrow().keys()));
        }
        return None;
    }
    let Value::Instance(other) = other else {
        return None;
    };
    if instance.class.site.is_some() || other.class.site.is_some() {
        return None;
    }
    let left = instance.attributes.borrow();
    let right = other.attributes.borrow();
    let left_text = left.get("text").and_then(Value::as_str)?;
    let right_text = right.get("text").and_then(Value::as_str)?;
    Some(instance.class.name == other.class.name && left_text == right_text)
}

/// How instances of Python's own are ordered.
pub(crate) fn order_instances(left: &Value, right: &Value) -> Option<Ordering> {
    let (Value::Instance(left), Value::Instance(right)) = (left, right) else {
        return None;
    };
    if left.class.site.is_some() || right.class.site.is_some() {
        return None;
    }
    let (left, right) = (left.attributes.borrow(), right.attributes.borrow());
    if let (Some(Value::Float(left)), Some(Value::Float(right))) =
        (left.get("total"), right.get("total"))
    {
        return left.partial_cmp(right);
    }
    let left = left.get("text").and_then(Value::as_str)?;
    let right = right.get("text").and_then(Value::as_str)?;
    Some(left.cmp(right))
}

/// Infix operators of instances of Python's own; `None`: not defined.
pub(crate) fn instance_operator<H: Host>(
    interpreter: &mut Interpreter<H>,
    operator: BinaryOperator,
    left: &Value,
    right: &Value,
) -> Eval<Option<Value>> {
    if let Some(value) = dates::operator(operator, left, right) {
        return Ok(Some(value));
    }
    if operator == BinaryOperator::Divide
        && let Some(value) = files::join(left, right)
    {
        return Ok(Some(value));
    }
    for (side, other, left_side) in [(left, right, true), (right, left, false)] {
        if let Value::Instance(found) = side {
            if let Some(inner) = enums::mixin_value(found) {
                let value = if left_side {
                    interpreter.binary(operator, &inner, other)?
                } else {
                    interpreter.binary(operator, other, &inner)?
                };
                return Ok(Some(value));
            }
            if found.class.site.is_none() && found.class.name == "_Type" {
                return Ok(Some(side.clone()));
            }
        }
    }
    Ok(None)
}

/// Calls an instance of Python's own; `None`: it is none, or can't be called.
pub(crate) fn call_instance<H: Host>(
    interpreter: &mut Interpreter<H>,
    instance: &Rc<Instance>,
    arguments: &Arguments,
) -> Eval<Option<Value>> {
    if instance.class.site.is_some() {
        return Ok(None);
    }
    let attribute = |name: &str| instance.attributes.borrow().get(name).cloned();
    Ok(match instance.class.name.as_str() {
        "_Harmless" | "_Type" => Some(Value::Instance(instance.clone())),
        "functools.partial" => {
            let callee = attribute("function").unwrap_or(Value::None);
            let mut all = Arguments::default();
            if let Some(Value::Tuple(first)) = attribute("args") {
                all.positional.extend(first.iter().cloned());
            }
            all.positional.extend(arguments.positional.iter().cloned());
            if let Some(Value::Dict(keyword)) = attribute("kwargs") {
                for (key, value) in keyword.borrow().iter() {
                    if let Key::Str(name) = key
                        && arguments.named(name).is_none()
                    {
                        all.keyword.push((name.as_ref().into(), value.clone()));
                    }
                }
            }
            all.keyword.extend(arguments.keyword.iter().cloned());
            Some(interpreter.call(&callee, all)?)
        }
        "_Getter" => Some(library::get(interpreter, instance, arguments)?),
        // a context manager used as a decorator
        "_GeneratorContextManager" => arguments.positional.first().cloned(),
        _ => None,
    })
}

/// Calling a class that is special; `None`: as any class.
pub(crate) fn make_instance<H: Host>(
    interpreter: &mut Interpreter<H>,
    class: &Rc<Class>,
    arguments: &Arguments,
) -> Eval<Option<Value>> {
    if enums::is_enum(class) {
        return enum_call(interpreter, class, arguments).map(Some);
    }
    if class.site.is_none() && class.name == "NamedTuple" {
        return library::named_tuple(interpreter, arguments).map(Some);
    }
    Ok(None)
}

fn enum_call<H: Host>(
    interpreter: &mut Interpreter<H>,
    class: &Rc<Class>,
    arguments: &Arguments,
) -> Eval<Value> {
    let members = enums::members(class).unwrap_or_default();
    if class.site.is_none() {
        return library::functional_enum(interpreter, class, arguments);
    }
    let Some(wanted) = arguments.positional.first() else {
        return Err(interpreter.error("TypeError", "missing value of an enumeration"));
    };
    if let Value::Unknown(unknown) = wanted {
        return Ok(Value::unknown(unknown.then(" as a member")));
    }
    for member in &members {
        let Value::Instance(found) = member else {
            continue;
        };
        let value = found.attributes.borrow().get("value").cloned();
        let same = matches!(wanted, Value::Instance(wanted) if Rc::ptr_eq(wanted, found));
        if same || value.is_some_and(|value| interpreter.equal(&value, wanted) == Some(true)) {
            return Ok(member.clone());
        }
    }
    let text = text::repr(interpreter, wanted)?;
    Err(interpreter.error(
        "ValueError",
        &format!("{text} is not a valid {}", class.name),
    ))
}

/// `__init__` of a class that has none of its own.
pub(crate) fn initialise<H: Host>(
    interpreter: &mut Interpreter<H>,
    instance: &Rc<Instance>,
    arguments: &Arguments,
) -> Eval<()> {
    if let Some(fields) = dataclasses::fields(&instance.class) {
        return dataclasses::initialise(interpreter, instance, &fields, arguments);
    }
    // what a base that is not known takes is not known either
    for (name, value) in &arguments.keyword {
        instance
            .attributes
            .borrow_mut()
            .insert(name.clone(), value.clone());
    }
    Ok(())
}

/// Calls a method of a value of Python's own.
pub(crate) fn call_method<H: Host>(
    interpreter: &mut Interpreter<H>,
    receiver: &Value,
    name: &str,
    arguments: Arguments,
) -> Eval<Value> {
    match receiver {
        Value::Str(text) => text::method(interpreter, &text.text, name, &arguments),
        Value::List(items) => {
            collections::list(interpreter, receiver, &items.clone(), name, &arguments)
        }
        Value::Tuple(items) => {
            collections::shared(interpreter, receiver, &items.clone(), name, &arguments)
        }
        Value::Set(entries) => {
            collections::set(interpreter, receiver, &entries.clone(), name, &arguments)
        }
        Value::Dict(entries) => {
            collections::dict(interpreter, receiver, &entries.clone(), name, &arguments)
        }
        Value::Bytes(bytes) => library::bytes_method(interpreter, bytes, name, &arguments),
        Value::Int(value) => Ok(match name {
            "bit_length" => Value::Int(i64::from(64 - value.unsigned_abs().leading_zeros())),
            "is_integer" => Value::Bool(true),
            _ => interpreter.unsupported(&format!("int.{name}()")),
        }),
        Value::Float(value) => Ok(match name {
            "is_integer" => Value::Bool(value.fract() == 0.0),
            _ => interpreter.unsupported(&format!("float.{name}()")),
        }),
        // `str.lower(x)`: the first argument is the receiver
        Value::Builtin(_) => {
            let mut arguments = arguments;
            if arguments.positional.is_empty() {
                return Err(interpreter.error("TypeError", "a method needs an argument"));
            }
            let receiver = arguments.positional.remove(0);
            let method = interpreter.attribute(&receiver, name)?;
            interpreter.call(&method, arguments)
        }
        Value::Function(function) => Ok(match name {
            "setter" => {
                if let Some(setter @ Value::Function(_)) = arguments.positional.first()
                    && function.decorated == Decoration::Property
                {
                    function
                        .attributes
                        .borrow_mut()
                        .insert("fset".into(), setter.clone());
                }
                receiver.clone()
            }
            "getter" | "deleter" => receiver.clone(),
            "__call__" | "fget" => return interpreter.call(receiver, arguments),
            "__get__" => match arguments.positional.first() {
                Some(object) => Value::Method {
                    receiver: Box::new(object.clone()),
                    function: Box::new(receiver.clone()),
                },
                None => receiver.clone(),
            },
            _ => Value::None,
        }),
        Value::Fresh(what) => Ok(match name {
            "isoformat" | "strftime" | "hex" | "__str__" => Value::str(FRESH.to_string()),
            _ => Value::Fresh(what),
        }),
        Value::Class(class) => Ok(match name {
            "__subclasses__" => Value::list(Vec::new()),
            "__new__" => instance(class, Vec::new()),
            "_make" => {
                let items = match arguments.positional.first() {
                    Some(items) => interpreter.items(items)?.unwrap_or_default(),
                    None => Vec::new(),
                };
                return interpreter.call(
                    receiver,
                    Arguments {
                        positional: items,
                        ..Arguments::default()
                    },
                );
            }
            _ => Value::None,
        }),
        Value::Instance(found) => library::instance_method(interpreter, found, name, &arguments),
        _ => {
            let _ = as_int(receiver);
            Ok(interpreter.unsupported(&format!(".{name}()")))
        }
    }
}
