//! Runs the syntax tree against a [`Host`].
//!
//! In: parsed modules. Out: effects on the host, and values. What is not known flows on as an unknown value with its
//! reason; bounds on steps, turns, depth and sizes end a run with a [`Raise`] that no handler catches, after a gap.
//! The submodules hold statements, expressions, operators, calls, classes, imports and `with`.

mod annotations;
mod attributes;
mod calls;
mod classes;
mod equality;
mod expressions;
mod growth;
mod handlers;
mod imports;
mod iteration;
mod listing;
mod operators;
mod provenance;
mod statements;
pub(crate) mod usual;
mod with;

pub use annotations::LazyAnnotation;
pub(crate) use iteration::has_unknown_base;

use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::builtins;
use super::host::{Arguments, Eval, Host, Raise, Truth};
use super::syntax;
use super::value::{Class, Function, Instance, Key, Module, Scope, Value};
use crate::limits::Limit;
use crate::source::{FileId, Site, Span};
use crate::unknown::{Reason, Unknown};

pub(crate) use equality::{as_float, as_int, contains_key, contains_text, is_subclass};
pub use provenance::Grounds;
pub(crate) use with::YieldSink;

/// Finds and parses modules of the project; shared by all threads.
pub trait Modules: Send + Sync {
    /// The module of a dotted name, as an import in `from` would find it under the project's import roots: a file
    /// `a/b.py` or a package `a/b/__init__.py`. `None`: not of the project.
    fn find(&self, name: &str, from: FileId) -> Option<Arc<syntax::Module>>;
    /// The module of a file, by its path relative to the project root, that `from` loads by itself. `None`: not of the project.
    fn at(&self, path: &str, from: FileId) -> Option<Arc<syntax::Module>>;
    /// Dotted name of the package that a file belongs to, for relative imports.
    fn package_of(&self, file: FileId) -> Option<String>;
    /// The bytes of a file of the project that a migration reads itself (`Path(__file__).parent / "x.sql"`), by its
    /// path relative to the project root.
    fn read(&self, path: &str) -> Option<Vec<u8>>;
    /// All files below a folder of the project, by paths relative to it, sorted; hidden ones and those that `.gitignore`
    /// names are left out. `None`: no such folder.
    fn list(&self, folder: &str) -> Option<Vec<String>>;
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
            steps: Limit::Steps.get(),
            turns: u32::try_from(Limit::LoopTurns.get()).unwrap_or(u32::MAX),
            depth: u32::try_from(Limit::CallDepth.get()).unwrap_or(u32::MAX),
            size: Limit::ValueSize.count(),
        }
    }
}

/// How deep expressions and statements of all frames together may nest: what a stack of 32 MiB holds.
const NESTING: u32 = 4_000;

/// From this size in bytes on values count for what all large values of a run may take together.
const LARGE: usize = 1 << 10;

/// That sum, in values of the largest size.
const LARGE_VALUES: usize = 96;

/// What an item of a container counts for, in bytes.
const ITEM: usize = 16;

/// Turns of a `while` in which conditions were not known: past them its end is taken to depend on those.
const UNKNOWN_TURNS: u32 = 64;

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
    pub(crate) conditional: Vec<growth::Doubt>,
    pub(crate) state: State,
}

/// What the interpreter remembers between statements.
#[derive(Default)]
pub(crate) struct State {
    pub(crate) steps: u64,
    /// How often functions called themselves with something unknown.
    pub(crate) recursions: u32,
    pub(crate) nesting: u32,
    /// Bytes of all large values that were made.
    pub(crate) large: usize,
    pub(crate) loaded: Loaded,
    /// Modules of the host and unknown ones, by dotted name.
    pub(crate) imports: FxHashMap<SmolStr, Option<Value>>,
    /// Dotted names that were imported, to know namespace packages.
    pub(crate) imported: FxHashSet<SmolStr>,
    /// Names that were imported from modules, with those: some are modules.
    pub(crate) members: FxHashSet<SmolStr>,
    /// Names whose imports are being resolved: scope and name.
    pub(crate) resolving: Vec<(usize, SmolStr)>,
    /// How many unknown conditions were met.
    pub(crate) asked: u64,
    /// Unknown conditions are presumed true and not put to the host.
    pub(crate) presuming: bool,
    /// The condition of an `if` is evaluated whose branch ends the loop that it stands in.
    pub(crate) searching: bool,
    /// The host's list in which the last search found what it looked for.
    pub(crate) found: Option<u32>,
    /// `sys.path`, once it was asked for.
    pub(crate) search_path: Option<Value>,
    /// What keys by identity stand for.
    pub(crate) identities: FxHashMap<usize, Value>,
    /// Headers of the `with` statements whose bodies are being executed, outermost first.
    pub(crate) withs: Vec<Site>,
    /// Handlers of the `try` statements whose bodies are being executed, outermost first.
    pub(crate) guards: Vec<handlers::Guard>,
    /// Exceptions that handlers are handling, outermost first.
    pub(crate) handling: Vec<Value>,
    /// Frames that the last exception has left, innermost first, and which exception it was.
    pub(crate) unwound: (usize, Vec<Site>),
    pub(crate) fresh: usize,
    /// Where the truth of conditions comes from.
    pub(crate) provenance: provenance::Provenance,
    pub(crate) holes: Holes,
    /// Modules that are being executed, outermost first.
    pub(crate) loading: Vec<FileId>,
    /// How many doubts there were.
    pub(crate) doubts: u64,
    /// Containers that grew in doubt, by address.
    pub(crate) grown: FxHashMap<usize, growth::Growth>,
    /// What `globals()` gave, with the scope of its module.
    pub(crate) given_scopes: Vec<(Value, Rc<Scope>)>,
}

/// What unknown values became holes of texts.
#[derive(Default)]
pub(crate) struct Holes {
    /// The last.
    last: Option<Unknown>,
    /// Texts with holes that expressions gave, each with what was put in it.
    texts: FxHashMap<Rc<str>, Unknown>,
}

impl Holes {
    pub(crate) fn any(&self) -> bool {
        self.last.is_some()
    }
}

/// Most texts with holes that are remembered.
const HOLED_TEXTS: usize = 256;

/// Modules that were executed. Functions hold their scope and scopes their functions: the circle is broken on drop.
#[derive(Default)]
pub(crate) struct Loaded {
    pub(crate) modules: FxHashMap<FileId, Rc<Module>>,
    /// Those that were executed to their end.
    pub(crate) complete: FxHashSet<FileId>,
}

impl Drop for Loaded {
    fn drop(&mut self) {
        for module in self.modules.values() {
            let names = std::mem::take(&mut *module.scope.names.borrow_mut());
            drop(names);
        }
    }
}

/// Where code is being executed: its module, scope and function.
pub(crate) struct Context<'a, H: Host> {
    pub(crate) module: &'a Arc<syntax::Module>,
    pub(crate) scope: Rc<Scope>,
    /// The scope of the function, class or module, where `:=` in a comprehension binds.
    pub(crate) home: Rc<Scope>,
    pub(crate) globals: Rc<Scope>,
    pub(crate) function: Option<&'a Rc<Function>>,
    pub(crate) definition: Option<&'a syntax::FunctionDefinition>,
    pub(crate) class_body: bool,
    pub(crate) yields: Option<&'a dyn YieldSink<H>>,
}

impl<H: Host> Context<'_, H> {
    pub(crate) fn site(&self, span: Span) -> Site {
        Site {
            file: self.module.file,
            span,
        }
    }

    pub(crate) fn with_scope(&self, scope: Rc<Scope>) -> Self {
        Self {
            module: self.module,
            scope,
            home: self.home.clone(),
            globals: self.globals.clone(),
            function: self.function,
            definition: self.definition,
            class_body: self.class_body,
            yields: self.yields,
        }
    }
}

/// How a statement ended.
#[derive(Debug)]
pub(crate) enum Flow {
    Normal,
    Break,
    Continue,
    Return(Value),
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
            state: State::default(),
        }
    }

    /// Executes a module's code as `import` would and gives the module; each module is executed once per interpreter.
    pub fn load(&mut self, module: &Arc<syntax::Module>, name: &str) -> Eval<Value> {
        self.load_module(module, name).map(Value::Module)
    }

    /// Calls any callable value.
    pub fn call(&mut self, callee: &Value, arguments: Arguments) -> Eval<Value> {
        self.call_value(callee, arguments)
    }

    /// `value.name`, AttributeError where there is none.
    pub fn attribute(&mut self, value: &Value, name: &str) -> Eval<Value> {
        if let Some(found) = self.attribute_or_none(value, name)? {
            return Ok(found);
        }
        let message = match value {
            Value::Module(module) => {
                format!("module '{}' has no attribute '{name}'", module.name)
            }
            Value::Class(class) => {
                format!("type object '{}' has no attribute '{name}'", class.name)
            }
            _ => format!(
                "'{}' object has no attribute '{name}'",
                builtins::type_name(value)
            ),
        };
        Err(self.error("AttributeError", &message))
    }

    /// `value.name`, `None` where there is none.
    pub fn attribute_or_none(&mut self, value: &Value, name: &str) -> Eval<Option<Value>> {
        self.find_attribute(value, name)
    }

    /// The items of any iterable, or the unknown that hides them.
    pub fn items(&mut self, value: &Value) -> Eval<Result<Vec<Value>, Unknown>> {
        self.iterate(value)
    }

    /// `bool(value)`; an unknown one is decided by [`Host::decide`].
    pub fn truth(&mut self, value: &Value) -> Eval<bool> {
        match self.truth_of(value)? {
            Truth::Known(truth) => Ok(truth),
            Truth::Unknown(unknown) => Ok(self.decide(&unknown)),
        }
    }

    /// `left == right`; `None`: unknown.
    pub fn equal(&mut self, left: &Value, right: &Value) -> Option<bool> {
        self.equal_values(left, right, 0)
    }

    /// `str(value)`, with a hole where it is not known.
    pub fn string(&mut self, value: &Value) -> Eval<Rc<str>> {
        builtins::text::to_string(self, value)
    }

    /// An exception of a built-in class (`ValueError`) to be returned as `Err`.
    #[allow(clippy::unused_self)]
    pub fn error(&self, class: &str, message: &str) -> Box<Raise> {
        raise_of(&builtins::exceptions::class(class), message)
    }

    /// An exception of a class that the host made with [`exception_class`].
    #[allow(clippy::unused_self)]
    pub fn raise(&self, class: &Rc<Class>, message: &str) -> Box<Raise> {
        raise_of(class, message)
    }

    /// Unknown value that says where it arose.
    pub fn unknown(&self, reason: Reason, what: &str) -> Value {
        Value::unknown(self.unknown_at(reason, what))
    }

    pub(crate) fn unknown_at(&self, reason: Reason, what: &str) -> Unknown {
        let unknown = Unknown::new(reason, what);
        match self.frames.last() {
            Some(frame) => unknown.at(frame.site),
            None => unknown,
        }
    }

    pub(crate) fn unsupported(&self, what: &str) -> Value {
        self.unknown(Reason::Unsupported, what)
    }

    /// The frames, outermost first.
    pub fn frames(&self) -> &[Frame] {
        &self.frames
    }

    /// Sites of the statements being executed in frames of a file, innermost first.
    pub fn stack_in(&self, file: FileId) -> Vec<Site> {
        let mut sites: Vec<Site> = self
            .frames
            .iter()
            .rev()
            .filter(|frame| frame.file == file)
            .map(|frame| frame.site)
            .collect();
        sites.dedup();
        sites
    }

    /// Sites of the headers of the `with` statements of a file whose bodies are being executed, innermost first.
    pub fn with_sites(&self, file: FileId) -> Vec<Site> {
        self.state
            .withs
            .iter()
            .rev()
            .filter(|site| site.file == file)
            .copied()
            .collect()
    }

    /// Where an exception that has left all frames arose: its innermost place in a file.
    pub fn raised_in(&self, raise: &Raise, file: FileId) -> Option<Site> {
        let (exception, sites) = &self.state.unwound;
        if *exception != identity(raise) {
            return None;
        }
        sites.iter().find(|site| site.file == file).copied()
    }

    /// Whether an exception that has left all frames arose in another file than one.
    pub fn raised_outside(&self, raise: &Raise, file: FileId) -> bool {
        let (exception, sites) = &self.state.unwound;
        *exception == identity(raise) && sites.first().is_some_and(|site| site.file != file)
    }

    /// An unknown condition: which way this world goes.
    pub(crate) fn decide(&mut self, unknown: &Unknown) -> bool {
        self.state.asked += 1;
        // settings have one value in all runs, so the host must always hear of them
        if self.state.presuming && unknown.reason != Reason::Environment {
            return true;
        }
        let taken = H::decide(self, unknown);
        self.note_found(unknown, taken);
        taken
    }

    /// Where the innermost frame stands.
    pub fn site(&self) -> Option<Site> {
        self.frames.last().map(|frame| frame.site)
    }

    /// Whether a module other than one is being loaded.
    pub fn loads_another_than(&self, file: FileId) -> bool {
        self.state.loading.iter().any(|loading| *loading != file)
    }

    /// Why what is executed now may not execute on a real server: the body of a loop over unknown items.
    pub fn conditional(&self) -> Option<&Unknown> {
        self.conditional.last().map(|doubt| &doubt.unknown)
    }

    /// An unknown value becomes a hole of a text.
    pub fn note_hole(&mut self, unknown: &Unknown) {
        let mut unknown = unknown.clone();
        if let Some(site) = self.site() {
            unknown = unknown.at(site);
        }
        self.state.holes.last = Some(unknown);
    }

    /// What stands behind the holes of a text: of the longest text with a hole that it holds.
    pub fn behind_hole(&self, text: &str) -> Option<&Unknown> {
        let holes = &self.state.holes;
        let held = holes
            .texts
            .iter()
            .filter(|(part, _)| text.contains(&***part));
        held.max_by_key(|(part, _)| (part.len(), *part))
            .map(|(_, unknown)| unknown)
    }

    /// Remembers what a text with holes was made of.
    pub(crate) fn remember_holes(&mut self, text: &Rc<str>) {
        let holes = &mut self.state.holes;
        let Some(last) = &holes.last else { return };
        if holes.texts.len() < HOLED_TEXTS
            && crate::unknown::has_hole(text)
            && !holes.texts.contains_key(text)
        {
            holes.texts.insert(text.clone(), last.clone());
        }
    }

    /// A value as a key of a dict; TypeError where it can't be one.
    pub fn key(&mut self, value: &Value) -> Eval<Key> {
        self.key_of(value)
    }

    /// The value that a key stands for.
    pub fn key_value(&self, key: &Key) -> Value {
        match key {
            Key::None => Value::None,
            Key::Int(value) => Value::Int(*value),
            Key::Float(bits) => Value::Float(f64::from_bits(*bits)),
            Key::Str(text) => Value::str(text.clone()),
            Key::Bytes(bytes) => Value::Bytes(bytes.clone()),
            Key::Tuple(keys) => Value::tuple(keys.iter().map(|key| self.key_value(key)).collect()),
            Key::Identity(identity) => match self.state.identities.get(identity) {
                Some(value) => value.clone(),
                None => self.unsupported("a key"),
            },
        }
    }

    /// Ends the run: a bound of foreshot's own was hit.
    pub(crate) fn bound(&mut self, limit: Limit) -> Box<Raise> {
        let met = limit.met();
        H::gap(self, met.clone());
        Box::new(Raise {
            exception: self.unknown(Reason::Bound, &met),
            bound: true,
            explicit: false,
        })
    }

    /// Whether a bound was hit that concerns only the loop or the calls that hit it: a program comes to an end there, and it
    /// is foreshot that does not, since something is not known. What a run may take together ends the run.
    pub(crate) fn is_local(&self, raise: &Raise) -> bool {
        let Value::Unknown(unknown) = &raise.exception else {
            return false;
        };
        let limits = [Limit::LoopTurns, Limit::CallDepth];
        raise.bound && limits.iter().any(|limit| *unknown.what == *limit.met())
    }

    pub(crate) fn tick(&mut self) -> Eval<()> {
        self.state.steps += 1;
        if self.state.steps <= self.limits.steps {
            return Ok(());
        }
        Err(self.bound(Limit::Steps))
    }

    /// One more level of nesting; left again with [`Self::leave`].
    pub(crate) fn enter(&mut self) -> Eval<()> {
        if self.state.nesting >= NESTING {
            return Err(self.bound(Limit::Nesting));
        }
        self.state.nesting += 1;
        self.tick()
    }

    pub(crate) fn leave(&mut self) {
        self.state.nesting = self.state.nesting.saturating_sub(1);
    }

    /// Refuses a size in bytes past the bound, and large values past what all of one run may take together.
    pub(crate) fn check_size(&mut self, size: usize) -> Eval<()> {
        if size > self.limits.size {
            return Err(self.bound(Limit::ValueSize));
        }
        if size >= LARGE {
            self.state.large = self.state.large.saturating_add(size);
            if self.state.large > self.limits.size.saturating_mul(LARGE_VALUES) {
                return Err(self.bound(Limit::ValueSize));
            }
        }
        Ok(())
    }

    /// Refuses a number of items past the bound.
    pub(crate) fn check_items(&mut self, items: usize) -> Eval<()> {
        self.check_size(items.saturating_mul(ITEM))
    }

    /// Refuses a container that grows in place past the bound.
    pub(crate) fn check_length(&mut self, items: usize) -> Eval<()> {
        if items.saturating_mul(ITEM) <= self.limits.size {
            return Ok(());
        }
        Err(self.bound(Limit::ValueSize))
    }

    pub(crate) fn set_site(&mut self, site: Site) {
        if let Some(frame) = self.frames.last_mut() {
            frame.site = site;
        }
    }
}

fn raise_of(class: &Rc<Class>, message: &str) -> Box<Raise> {
    let exception = instance(
        class,
        vec![("args", Value::tuple(vec![Value::str(message)]))],
    );
    Box::new(Raise {
        exception,
        bound: false,
        explicit: false,
    })
}

/// An instance of a class with these attributes.
pub(crate) fn instance(class: &Rc<Class>, attributes: Vec<(&str, Value)>) -> Value {
    Value::Instance(Rc::new(Instance {
        class: class.clone(),
        attributes: std::cell::RefCell::new(
            attributes
                .into_iter()
                .map(|(name, value)| (SmolStr::new(name), value))
                .collect(),
        ),
    }))
}

/// An exception class for the host's modules: `exception_class("OperationalError", &[&dbapi_error])`; with no bases,
/// `Exception` is the base.
pub fn exception_class(name: &str, bases: &[&Rc<Class>]) -> Rc<Class> {
    let mut bases: Vec<Value> = bases
        .iter()
        .map(|base| Value::Class(Rc::clone(base)))
        .collect();
    if bases.is_empty() {
        bases.push(Value::Class(builtins::exceptions::class("Exception")));
    }
    Rc::new(Class {
        name: name.into(),
        bases,
        namespace: std::cell::RefCell::default(),
        site: None,
    })
}

/// A module for the host's imports, with these names.
pub fn host_module(name: &str, names: Vec<(&str, Value)>) -> Value {
    let scope = Scope {
        names: std::cell::RefCell::new(
            names
                .into_iter()
                .map(|(name, value)| (SmolStr::new(name), value))
                .collect(),
        ),
        ..Scope::default()
    };
    Value::Module(Rc::new(Module {
        name: name.into(),
        file: None,
        scope: Rc::new(scope),
    }))
}

/// What tells an exception on its way up from another.
pub(crate) fn identity(raise: &Raise) -> usize {
    match &raise.exception {
        Value::Instance(instance) => Rc::as_ptr(instance).cast::<()>() as usize,
        Value::Unknown(unknown) => Rc::as_ptr(unknown).cast::<()>() as usize,
        _ => 1,
    }
}
