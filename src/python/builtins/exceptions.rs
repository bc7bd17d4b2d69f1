//! Classes of Python's own: the exceptions, `Enum` and the like. One object a name and thread, so that identity holds.

use std::cell::RefCell;
use std::rc::Rc;

use rustc_hash::FxHashMap;

use crate::python::value::{Class, Value};

/// Exceptions and the base of each (library/exceptions.html, "Exception hierarchy").
const EXCEPTIONS: &[(&str, &str)] = &[
    ("BaseException", ""),
    ("Exception", "BaseException"),
    ("SystemExit", "BaseException"),
    ("KeyboardInterrupt", "BaseException"),
    ("GeneratorExit", "BaseException"),
    ("ArithmeticError", "Exception"),
    ("ZeroDivisionError", "ArithmeticError"),
    ("OverflowError", "ArithmeticError"),
    ("FloatingPointError", "ArithmeticError"),
    ("AssertionError", "Exception"),
    ("AttributeError", "Exception"),
    ("BufferError", "Exception"),
    ("EOFError", "Exception"),
    ("ImportError", "Exception"),
    ("ModuleNotFoundError", "ImportError"),
    ("LookupError", "Exception"),
    ("IndexError", "LookupError"),
    ("KeyError", "LookupError"),
    ("MemoryError", "Exception"),
    ("NameError", "Exception"),
    ("UnboundLocalError", "NameError"),
    ("OSError", "Exception"),
    ("FileNotFoundError", "OSError"),
    ("FileExistsError", "OSError"),
    ("PermissionError", "OSError"),
    ("NotADirectoryError", "OSError"),
    ("IsADirectoryError", "OSError"),
    ("ConnectionError", "OSError"),
    ("ConnectionRefusedError", "ConnectionError"),
    ("ConnectionResetError", "ConnectionError"),
    ("TimeoutError", "OSError"),
    ("ReferenceError", "Exception"),
    ("RuntimeError", "Exception"),
    ("NotImplementedError", "RuntimeError"),
    ("RecursionError", "RuntimeError"),
    ("StopIteration", "Exception"),
    ("StopAsyncIteration", "Exception"),
    ("SyntaxError", "Exception"),
    ("SystemError", "Exception"),
    ("TypeError", "Exception"),
    ("ValueError", "Exception"),
    ("UnicodeError", "ValueError"),
    ("UnicodeDecodeError", "UnicodeError"),
    ("UnicodeEncodeError", "UnicodeError"),
    ("Warning", "Exception"),
    ("UserWarning", "Warning"),
    ("DeprecationWarning", "Warning"),
    ("PendingDeprecationWarning", "Warning"),
    ("RuntimeWarning", "Warning"),
    ("FutureWarning", "Warning"),
    ("ResourceWarning", "Warning"),
    ("SyntaxWarning", "Warning"),
    ("ImportWarning", "Warning"),
    ("UnicodeWarning", "Warning"),
    ("BytesWarning", "Warning"),
    ("ExceptionGroup", "Exception"),
    ("BaseExceptionGroup", "BaseException"),
    ("JSONDecodeError", "ValueError"),
    ("InvalidOperation", "ArithmeticError"),
    ("BinasciiError", "ValueError"),
    ("PatternError", "Exception"),
];

thread_local! {
    static CLASSES: RefCell<FxHashMap<String, Rc<Class>>> = RefCell::default();
}

/// An exception class that Python code names without an import.
pub(crate) fn exception(name: &str) -> Option<Value> {
    if matches!(name, "IOError" | "EnvironmentError") {
        return Some(Value::Class(class("OSError")));
    }
    EXCEPTIONS
        .iter()
        .any(|(known, _)| *known == name)
        .then(|| Value::Class(class(name)))
}

/// A class of Python's own; one that is no exception has the bases that are known of it.
pub(crate) fn class(name: &str) -> Rc<Class> {
    let known = CLASSES.with(|classes| classes.borrow().get(name).cloned());
    if let Some(known) = known {
        return known;
    }
    let base = EXCEPTIONS
        .iter()
        .find(|(known, _)| *known == name)
        .map(|(_, base)| *base);
    let bases = match (base, name) {
        (Some(""), _) => Vec::new(),
        (Some(base), _) => vec![Value::Class(class(base))],
        (None, "IntEnum") => vec![Value::Builtin("int"), Value::Class(class("Enum"))],
        (None, "StrEnum") => vec![Value::Builtin("str"), Value::Class(class("Enum"))],
        (None, "Flag") => vec![Value::Class(class("Enum"))],
        (None, "IntFlag") => vec![Value::Builtin("int"), Value::Class(class("Flag"))],
        (None, "datetime") => vec![Value::Class(class("date"))],
        (None, "Counter" | "defaultdict" | "OrderedDict") => vec![Value::Builtin("dict")],
        _ => Vec::new(),
    };
    let made = Rc::new(Class {
        name: name.into(),
        bases,
        namespace: RefCell::default(),
        site: None,
    });
    CLASSES.with(|classes| classes.borrow_mut().insert(name.to_owned(), made.clone()));
    made
}
