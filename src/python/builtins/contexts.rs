//! Context managers of Python's own: `contextlib`, files.

use std::rc::Rc;

use super::exceptions::class;
use crate::python::host::{Arguments, Eval, Host, Raise};
use crate::python::interpreter::{Interpreter, instance};
use crate::python::value::{Function, Key, Value};

/// The object that calling a `@contextmanager` function gives.
pub(crate) fn generator_manager(function: &Rc<Function>, arguments: Arguments) -> Value {
    let keyword = arguments
        .keyword
        .into_iter()
        .map(|(name, value)| (Key::Str(name.as_str().into()), value))
        .collect();
    instance(
        &class("_GeneratorContextManager"),
        vec![
            ("function", Value::Function(function.clone())),
            ("args", Value::tuple(arguments.positional)),
            ("kwargs", super::containers::dict_of(keyword)),
        ],
    )
}

/// The function and arguments of such an object.
pub(crate) fn generator_call<H: Host>(
    interpreter: &mut Interpreter<H>,
    manager: &Value,
) -> Eval<Option<(Rc<Function>, Arguments)>> {
    let Value::Instance(found) = manager else {
        return Ok(None);
    };
    let attributes = found.attributes.borrow().clone();
    let Some(Value::Function(function)) = attributes.get("function").cloned() else {
        return Ok(None);
    };
    let mut arguments = Arguments::default();
    if let Some(positional) = attributes.get("args")
        && let Ok(items) = interpreter.items(positional)?
    {
        arguments.positional = items;
    }
    if let Some(Value::Dict(keyword)) = attributes.get("kwargs") {
        for (key, value) in keyword.borrow().iter() {
            if let Key::Str(name) = key {
                arguments.keyword.push((name.as_ref().into(), value.clone()));
            }
        }
    }
    Ok(Some((function, arguments)))
}

/// `__enter__` of a manager of Python's own; `None`: it is none.
pub(crate) fn enter<H: Host>(
    interpreter: &mut Interpreter<H>,
    manager: &Value,
) -> Eval<Option<Value>> {
    let Value::Instance(found) = manager else {
        return Ok(None);
    };
    if found.class.site.is_some() {
        return Ok(None);
    }
    let attribute = |name: &str| found.attributes.borrow().get(name).cloned();
    Ok(match found.class.name.as_str() {
        "suppress" => Some(Value::None),
        "nullcontext" | "closing" => Some(attribute("value").unwrap_or(Value::None)),
        "ExitStack" | "StringIO" | "_Harmless" | "Path" => Some(manager.clone()),
        "_GeneratorContextManager" => {
            let what = "a context manager that is entered by hand";
            H::gap(interpreter, what.to_owned());
            Some(interpreter.unsupported(what))
        }
        _ => None,
    })
}

/// `__exit__` of a manager of Python's own: whether it suppresses the exception; `None`: it is none.
pub(crate) fn exit<H: Host>(
    interpreter: &mut Interpreter<H>,
    manager: &Value,
    raised: Option<&Raise>,
) -> Eval<Option<bool>> {
    let Value::Instance(found) = manager else {
        return Ok(None);
    };
    if found.class.site.is_some() {
        return Ok(None);
    }
    Ok(match found.class.name.as_str() {
        "suppress" => {
            let classes = found.attributes.borrow().get("value").cloned();
            Some(match (raised, classes) {
                (Some(raised), Some(classes)) => {
                    interpreter.catches(&raised.exception, &classes)?
                }
                _ => false,
            })
        }
        "ExitStack" => {
            let stack = found.attributes.borrow().get("stack").cloned();
            let mut suppressed = false;
            if let Some(Value::List(stack)) = stack {
                loop {
                    let Some(entry) = stack.borrow_mut().pop() else {
                        break;
                    };
                    let pending = raised.filter(|_| !suppressed);
                    if let Value::Tuple(call) = &entry {
                        if let [callee, positional, keyword] = &call[..] {
                            let mut arguments = Arguments::default();
                            if let Ok(items) = interpreter.items(positional)? {
                                arguments.positional = items;
                            }
                            if let Value::Dict(keyword) = keyword {
                                for (key, value) in keyword.borrow().iter() {
                                    if let Key::Str(name) = key {
                                        arguments
                                            .keyword
                                            .push((name.as_ref().into(), value.clone()));
                                    }
                                }
                            }
                            interpreter.call(callee, arguments)?;
                        }
                    } else {
                        suppressed |= interpreter.exit_manager(&entry, pending)?;
                    }
                }
            }
            Some(suppressed && raised.is_some())
        }
        "nullcontext" | "closing" | "StringIO" | "_Harmless" | "Path"
        | "_GeneratorContextManager" => Some(false),
        _ => None,
    })
}
