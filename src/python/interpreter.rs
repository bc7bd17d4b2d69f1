//! Runs the syntax tree. (Interface that other rooms build on; the body is in the submodules.)

use std::sync::Arc;

use smol_str::SmolStr;

use super::host::{Arguments, Eval, Host, Raise};
use super::syntax;
use super::value::{Class, Module, Value};
use crate::source::{FileId, Site};
use crate::unknown::{Reason, Unknown};

/// Finds and parses modules of the project; shared by all threads.
pub trait Modules: Send + Sync {
    /// The module of a dotted name, as an import in `from` would find it under the project's import roots: a file
    /// `a/b.py` or a package `a/b/__init__.py`. `None`: not of the project.
    fn find(&self, name: &str, from: FileId) -> Option<Arc<syntax::Module>>;
    /// Dotted name of the package that a file belongs to, for relative imports.
    fn package_of(&self, file: FileId) -> Option<String>;
    /// The bytes of a file of the project that a migration reads itself (`Path(__file__).parent / "x.sql"`), by its
    /// path relative to the project root.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// A file's path relative to the project root.
    fn path_of(&self, file: FileId) -> String;
}

/// Bounds of one run.
#[derive(Clone, Copy, Debug)]
pub struct Limits {
    /// Steps (expressions and statements evaluated).
    pub steps: u64,
    /// Turns of one loop.
    pub turns: u32,
    /// Depth of calls.
    pub depth: u32,
    /// Bytes of one string, items of one container.
    pub size: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            steps: 2_000_000,
            turns: 20_000,
            depth: 120,
            size: 4 << 20,
        }
    }
}

/// One frame of the call stack: where it stands now.
#[derive(Clone, Debug)]
pub struct Frame {
    /// The function's name; `<module>` for module code.
    pub name: SmolStr,
    /// The file.
    pub file: FileId,
    /// The statement that is being executed: a simple statement whole, of a compound one only its header expression.
    pub site: Site,
    /// The call expression that is being evaluated.
    pub call: Site,
}

/// An interpreter with its world.
pub struct Interpreter<H: Host> {
    /// The world.
    pub host: H,
    pub(crate) modules: Arc<dyn Modules>,
    pub(crate) limits: Limits,
    pub(crate) frames: Vec<Frame>,
    pub(crate) conditional: Vec<Reason>,
}

impl<H: Host> Interpreter<H> {
    /// An interpreter that has run nothing yet.
    pub fn new(host: H, modules: Arc<dyn Modules>, limits: Limits) -> Self {
        Self {
            host,
            modules,
            limits,
            frames: Vec::new(),
            conditional: Vec::new(),
        }
    }

    /// Executes a module's code as `import` would and gives the module; each module is executed once per interpreter.
    pub fn load(&mut self, module: &Arc<syntax::Module>, name: &str) -> Eval<Value> {
        let _ = (module, name);
        unimplemented!()
    }

    /// Calls any callable value.
    pub fn call(&mut self, callee: &Value, arguments: Arguments) -> Eval<Value> {
        let _ = (callee, arguments);
        unimplemented!()
    }

    /// `value.name`, AttributeError where there is none.
    pub fn attribute(&mut self, value: &Value, name: &str) -> Eval<Value> {
        let _ = (value, name);
        unimplemented!()
    }

    /// `value.name`, `None` where there is none.
    pub fn attribute_or_none(&mut self, value: &Value, name: &str) -> Eval<Option<Value>> {
        let _ = (value, name);
        unimplemented!()
    }

    /// The items of any iterable, or the unknown that hides them.
    pub fn items(&mut self, value: &Value) -> Eval<Result<Vec<Value>, Unknown>> {
        let _ = value;
        unimplemented!()
    }

    /// `bool(value)`; an unknown one is decided by [`Host::decide`].
    pub fn truth(&mut self, value: &Value) -> Eval<bool> {
        let _ = value;
        unimplemented!()
    }

    /// `left == right`; `None`: unknown.
    pub fn equal(&mut self, left: &Value, right: &Value) -> Option<bool> {
        let _ = (left, right);
        unimplemented!()
    }

    /// `str(value)`, with a hole where it is not known.
    pub fn string(&mut self, value: &Value) -> Eval<std::rc::Rc<str>> {
        let _ = value;
        unimplemented!()
    }

    /// An exception of a built-in class (`ValueError`) to be returned as `Err`.
    pub fn error(&self, class: &str, message: &str) -> Box<Raise> {
        let _ = (class, message);
        unimplemented!()
    }

    /// An exception of a class that the host made with [`exception_class`].
    pub fn raise(&self, class: &std::rc::Rc<Class>, message: &str) -> Box<Raise> {
        let _ = (class, message);
        unimplemented!()
    }

    /// Unknown value that says where it arose.
    pub fn unknown(&self, reason: Reason, what: &str) -> Value {
        let _ = (reason, what);
        unimplemented!()
    }

    /// The frames, outermost first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Sites of the statements being executed in frames of a file, innermost first.
    pub fn stack_in(&self, file: FileId) -> Vec<Site> {
        let _ = file;
        unimplemented!()
    }

    /// Why what is executed now may not execute on a real server: the body of a loop over unknown items.
    pub fn conditional(&self) -> Option<Reason> {
        self.conditional.last().copied()
    }
}

/// An exception class for the host's modules: `exception_class("OperationalError", &[&dbapi_error])`; with no bases,
/// `Exception` is the base.
pub fn exception_class(name: &str, bases: &[&std::rc::Rc<Class>]) -> std::rc::Rc<Class> {
    let _ = (name, bases);
    unimplemented!()
}

/// A module for the host's imports, with these names.
pub fn host_module(name: &str, names: Vec<(&str, Value)>) -> Value {
    let _: (&str, Vec<(&str, Value)>, Option<Module>) = (name, names, None);
    unimplemented!()
}
