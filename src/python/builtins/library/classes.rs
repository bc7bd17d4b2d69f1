//! Classes that calls make: `namedtuple`, `Enum('E', ...)`.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;

use crate::python::builtins::enums;
use crate::python::builtins::exceptions::class;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::Interpreter;
use crate::python::value::{Class, Key, Value};

/// `namedtuple("Name", "a b")`.
pub(crate) fn named_tuple<H: Host>(
    interpreter: &mut Interpreter<H>,
    arguments: &Arguments,
) -> Eval<Value> {
    let name = arguments
        .positional
        .first()
        .and_then(Value::as_str)
        .unwrap_or("namedtuple")
        .to_owned();
    let given = arguments
        .get(1, "field_names")
        .cloned()
        .unwrap_or(Value::None);
    let fields: Vec<Value> = match &given {
        Value::Str(text) => text
            .text
            .split([',', ' ', '\n', '\t'])
            .filter(|field| !field.is_empty())
            .map(Value::str)
            .collect(),
        other => items_of!(interpreter, other)
            .into_iter()
            .map(|field| match field {
                Value::Tuple(pair) => pair.first().cloned().unwrap_or(Value::None),
                other => other,
            })
            .collect(),
    };
    let made = Class {
        name: name.as_str().into(),
        bases: vec![Value::Class(class("NamedTuple"))],
        namespace: RefCell::default(),
        site: interpreter.site(),
    };
    if let Some(defaults) = arguments.named("defaults") {
        let defaults = items_of!(interpreter, defaults);
        for (field, default) in fields.iter().rev().zip(defaults.into_iter().rev()) {
            if let Some(field) = field.as_str() {
                made.namespace.borrow_mut().insert(field.into(), default);
            }
        }
    }
    made.namespace
        .borrow_mut()
        .insert("_fields".into(), Value::tuple(fields));
    Ok(Value::Class(Rc::new(made)))
}

/// `Enum("Name", "A B")`.
pub(crate) fn functional_enum<H: Host>(
    interpreter: &mut Interpreter<H>,
    base: &Rc<Class>,
    arguments: &Arguments,
) -> Eval<Value> {
    let name = match arguments.positional.first() {
        Some(name) => interpreter.string(name)?,
        None => "Enum".into(),
    };
    let names = arguments.get(1, "names").cloned().unwrap_or(Value::None);
    let mut namespace = IndexMap::new();
    let listed = match &names {
        Value::Str(text) => text
            .text
            .split([',', ' '])
            .filter(|name| !name.is_empty())
            .map(Value::str)
            .collect(),
        Value::Dict(entries) => {
            for (key, value) in entries.borrow().iter() {
                if let Key::Str(name) = key {
                    namespace.insert(name.as_ref().into(), value.clone());
                }
            }
            Vec::new()
        }
        other => items_of!(interpreter, other),
    };
    for (position, member) in listed.into_iter().enumerate() {
        match &member {
            Value::Str(name) => {
                namespace.insert(name.text.as_ref().into(), Value::Int(position as i64 + 1));
            }
            Value::Tuple(pair) => {
                if let [Value::Str(name), value] = &pair[..] {
                    namespace.insert(name.text.as_ref().into(), value.clone());
                }
            }
            _ => {}
        }
    }
    let mut bases = vec![Value::Class(base.clone())];
    bases.extend(arguments.named("type").cloned());
    let made = Rc::new(Class {
        name: name.as_ref().into(),
        bases,
        namespace: RefCell::new(namespace),
        // of the project, though no class statement made it
        site: Some(interpreter.site().unwrap_or(crate::source::Site {
            file: crate::source::FileId(0),
            span: crate::source::Span::default(),
        })),
    });
    enums::make_members(&made);
    Ok(Value::Class(made))
}
