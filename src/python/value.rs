//! Python values, as far as migrations need them.
//!
//! Values stay on one thread. Text may hold unknown parts ([`crate::unknown`]); whole unknown values say why.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;
use smol_str::SmolStr;

use super::syntax::FunctionId;
use crate::source::{FileId, Site};
use crate::unknown::Unknown;

/// A string with, where it is one plain literal, the place of its contents.
#[derive(Clone, Debug)]
pub struct Str {
    /// The text; unknown parts are [`crate::unknown::HOLE`], fresh ones [`crate::unknown::FRESH`].
    pub text: Rc<str>,
    /// Where its contents stand, byte for byte: one plain literal without escapes.
    pub literal: Option<Site>,
}

/// A Python value.
#[derive(Clone, Debug)]
#[allow(missing_docs)]
pub enum Value {
    None,
    Ellipsis,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(Str),
    Bytes(Rc<[u8]>),
    List(Rc<RefCell<Vec<Value>>>),
    Tuple(Rc<[Value]>),
    Set(Rc<RefCell<IndexMap<Key, Value>>>),
    Dict(Rc<RefCell<IndexMap<Key, Value>>>),
    /// A function or lambda of the project.
    Function(Rc<Function>),
    /// A method bound to its receiver (of a Python class of the project).
    Method {
        receiver: Box<Value>,
        function: Box<Value>,
    },
    /// A method of a built-in type bound to its receiver: `"a".join`.
    BuiltinMethod {
        receiver: Box<Value>,
        name: SmolStr,
    },
    /// A built-in function or type: `len`, `str`, `datetime.now`, by its qualified name.
    Builtin(&'static str),
    Class(Rc<Class>),
    Instance(Rc<Instance>),
    Module(Rc<Module>),
    /// `super()` of a class for a receiver.
    Super {
        class: Rc<Class>,
        receiver: Box<Value>,
    },
    /// An object of the world outside Python: Alembic's, SQLAlchemy's.
    Host(HostRef),
    /// New on each run: `uuid4()`, `datetime.now()`; equal to nothing. The word says what it is.
    Fresh(&'static str),
    Unknown(Rc<Unknown>),
}

/// A hashable value as a key of a dict or member of a set.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum Key {
    None,
    /// `True` and `1` are one key, as in Python.
    Int(i64),
    Float(u64),
    Str(Rc<str>),
    Bytes(Rc<[u8]>),
    Tuple(Rc<[Key]>),
    /// By identity: classes, functions, instances, host objects; unknown values are keys of their own.
    Identity(usize),
}

/// A function of the project.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Function {
    pub name: SmolStr,
    pub file: FileId,
    pub definition: FunctionId,
    pub syntax: std::sync::Arc<super::syntax::Module>,
    pub defaults: Vec<(SmolStr, Value)>,
    pub scope: Rc<Scope>,
    /// Attributes set on it.
    pub attributes: RefCell<IndexMap<SmolStr, Value>>,
    /// The class whose body defines it, for `super()`.
    pub class: RefCell<Option<Rc<Class>>>,
    pub decorated: Decoration,
}

/// What kind of callable a decorator of Python's own made.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Decoration {
    #[default]
    None,
    Static,
    Class,
    Property,
    /// `@contextlib.contextmanager`.
    ContextManager,
}

/// Names of one scope; lookups go to the parent.
#[derive(Debug, Default)]
#[allow(missing_docs)]
pub struct Scope {
    pub names: RefCell<IndexMap<SmolStr, Value, rustc_hash::FxBuildHasher>>,
    pub parent: Option<Rc<Scope>>,
    /// Names whose values come from questions to the host, with the part of the interpreter's log that says which.
    pub origins: RefCell<Vec<(SmolStr, Origin)>>,
}

/// A part of the log of questions and comparisons: from its first entry to before its last.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Origin {
    pub first: u32,
    pub last: u32,
}

/// A class: of the project, of Python (exceptions, Enum), or made by the host.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Class {
    pub name: SmolStr,
    /// Bases in order: classes, host objects, unknown values.
    pub bases: Vec<Value>,
    pub namespace: RefCell<IndexMap<SmolStr, Value>>,
    /// Where it was defined, if in the project.
    pub site: Option<Site>,
}

impl Class {
    /// Whether this class or one of its bases has the name; enough for exceptions and marker classes.
    pub fn is_subclass_of(&self, name: &str) -> bool {
        self.name == name
            || self
                .bases
                .iter()
                .any(|base| matches!(base, Value::Class(class) if class.is_subclass_of(name)))
    }

    /// An attribute of the class or its bases, depth first.
    pub fn lookup(&self, name: &str) -> Option<Value> {
        if let Some(value) = self.namespace.borrow().get(name) {
            return Some(value.clone());
        }
        self.bases.iter().find_map(|base| match base {
            Value::Class(class) => class.lookup(name),
            _ => None,
        })
    }

    /// The first base, at any depth, that is an object of the host.
    pub fn host_base(&self) -> Option<HostRef> {
        self.bases.iter().find_map(|base| match base {
            Value::Host(host) => Some(host.clone()),
            Value::Class(class) => class.host_base(),
            _ => None,
        })
    }
}

/// An instance of a class.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Instance {
    pub class: Rc<Class>,
    pub attributes: RefCell<IndexMap<SmolStr, Value>>,
}

/// A module.
#[derive(Debug)]
#[allow(missing_docs)]
pub struct Module {
    /// Dotted name.
    pub name: SmolStr,
    /// Its file, if it is of the project.
    pub file: Option<FileId>,
    pub scope: Rc<Scope>,
}

/// What an object of the host must be able to do.
pub trait HostObject: Any + std::fmt::Debug {
    /// For downcasting.
    fn as_any(&self) -> &dyn Any;
    /// The type's name in messages.
    fn type_name(&self) -> &'static str;
}

/// A shared object of the host.
#[derive(Clone, Debug)]
pub struct HostRef(pub Rc<dyn HostObject>);

impl HostRef {
    /// The object as a concrete type.
    pub fn downcast<T: 'static>(&self) -> Option<&T> {
        self.0.as_any().downcast_ref()
    }

    /// Whether both are the same object.
    pub fn is(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.0, &other.0)
    }
}

impl Value {
    /// A string without a place.
    pub fn str(text: impl Into<Rc<str>>) -> Self {
        Self::Str(Str {
            text: text.into(),
            literal: None,
        })
    }

    /// A new list.
    pub fn list(items: Vec<Value>) -> Self {
        Self::List(Rc::new(RefCell::new(items)))
    }

    /// A new tuple.
    pub fn tuple(items: Vec<Value>) -> Self {
        Self::Tuple(items.into())
    }

    /// An object of the host.
    pub fn host(object: impl HostObject) -> Self {
        Self::Host(HostRef(Rc::new(object)))
    }

    /// An unknown value.
    pub fn unknown(unknown: Unknown) -> Self {
        Self::Unknown(Rc::new(unknown))
    }

    /// The text of a string value.
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(string) => Some(&string.text),
            _ => None,
        }
    }

    /// Whether it is `None`.
    pub fn is_none(&self) -> bool {
        matches!(self, Self::None)
    }

    /// The object as a concrete host type.
    pub fn as_host<T: 'static>(&self) -> Option<&T> {
        match self {
            Self::Host(host) => host.downcast(),
            _ => None,
        }
    }
}
