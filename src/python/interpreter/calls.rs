//! Functions: making, decorating, binding arguments, running.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;
use smol_str::SmolStr;

use super::attributes::DECORATOR;
use super::with::Collect;
use super::{Context, Flow, Frame, Interpreter, YieldSink};
use crate::limits::Limit;
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::syntax::{FunctionBody, FunctionDefinition, FunctionId, ParameterKind};
use crate::python::value::{Decoration, Function, Key, Scope, Value};
use crate::source::{FileId, Site};
use crate::unknown::{Reason, Unknown};

/// How deep a function may call itself with something unknown.
const UNKNOWN_RECURSION: usize = 12;

/// How often functions may call themselves with something unknown in a run: one that does so in three places is called three
/// times as often with each level.
const UNKNOWN_RECURSIONS: u32 = 1_000;

impl<H: Host> Interpreter<H> {
    pub(crate) fn make_function(
        &mut self,
        context: &Context<'_, H>,
        id: FunctionId,
    ) -> Eval<Value> {
        let definition = context.module.function(id);
        let mut defaults = Vec::new();
        for parameter in &definition.parameters {
            if let Some(default) = parameter.default {
                let value = self.expression(context, default)?;
                defaults.push((parameter.name.clone(), value));
            }
        }
        // a class body is no scope for the functions in it
        let scope = match (&context.scope.parent, context.class_body) {
            (Some(parent), true) => parent.clone(),
            _ => context.scope.clone(),
        };
        Ok(Value::Function(Rc::new(Function {
            name: definition.name.clone(),
            file: context.module.file,
            definition: id,
            syntax: context.module.clone(),
            defaults,
            scope,
            attributes: RefCell::default(),
            class: RefCell::default(),
            decorated: Decoration::None,
        })))
    }

    pub(crate) fn decorate(&mut self, decorator: &Value, value: Value) -> Eval<Value> {
        let decoration = match decorator {
            Value::Builtin("staticmethod") => Decoration::Static,
            Value::Builtin("classmethod") => Decoration::Class,
            Value::Builtin("property" | "functools.cached_property" | "abc.abstractproperty") => {
                Decoration::Property
            }
            Value::Builtin("contextlib.contextmanager" | "contextlib.asynccontextmanager") => {
                Decoration::ContextManager
            }
            // what an unknown decorator makes of a function or class is most often the same with something around
            Value::Unknown(_) => {
                if let Value::Function(function) = &value {
                    let mut attributes = function.attributes.borrow_mut();
                    attributes.insert(DECORATOR.into(), decorator.clone());
                }
                return Ok(value);
            }
            _ => {
                let arguments = Arguments {
                    positional: vec![value],
                    ..Arguments::default()
                };
                return self.call_value(decorator, arguments);
            }
        };
        Ok(redecorated(&value, decoration))
    }

    pub(crate) fn call_value(&mut self, callee: &Value, arguments: Arguments) -> Eval<Value> {
        match callee {
            Value::Function(function) => self.call_function(function, arguments),
            Value::Method { receiver, function } => {
                let mut arguments = arguments;
                arguments.positional.insert(0, (**receiver).clone());
                self.nested(|interpreter| interpreter.call_value(function, arguments))
            }
            Value::BuiltinMethod { receiver, name } => {
                self.call_method_of_builtin(receiver, name, arguments)
            }
            Value::Builtin(name) => {
                let sources = self.growing(&arguments);
                let made =
                    self.nested(|interpreter| builtins::call(interpreter, name, arguments))?;
                self.inherit_growth(&made, &sources);
                Ok(made)
            }
            Value::Class(class) => {
                self.nested(|interpreter| interpreter.instantiate(class, arguments))
            }
            Value::Instance(instance) => {
                if let Some(result) = builtins::call_instance(self, instance, &arguments)? {
                    return Ok(result);
                }
                match self.find_attribute(callee, "__call__")? {
                    Some(call) => {
                        self.nested(|interpreter| interpreter.call_value(&call, arguments))
                    }
                    None => Err(self.not_callable(callee)),
                }
            }
            Value::Host(host) => {
                if self.frames.is_empty() {
                    return H::call(self, host, arguments);
                }
                self.nested(|interpreter| H::call(interpreter, host, arguments))
            }
            Value::Unknown(unknown) => self.call_unknown(unknown, &arguments, false),
            Value::Fresh(_) => Ok(self.unsupported("a call of a fresh value")),
            _ => Err(self.not_callable(callee)),
        }
    }

    pub(super) fn nested<T>(&mut self, run: impl FnOnce(&mut Self) -> Eval<T>) -> Eval<T> {
        self.enter()?;
        let result = run(self);
        self.leave();
        result
    }

    fn not_callable(&mut self, callee: &Value) -> Box<crate::python::Raise> {
        let message = format!("'{}' object is not callable", builtins::type_name(callee));
        self.error("TypeError", &message)
    }

    fn call_function(&mut self, function: &Rc<Function>, arguments: Arguments) -> Eval<Value> {
        if function.decorated == Decoration::ContextManager {
            return Ok(builtins::contexts::generator_manager(function, arguments));
        }
        let definition = function.syntax.function(function.definition);
        if !definition.generator {
            return self.run_function(function, arguments, None);
        }
        let collect = Collect::default();
        self.run_function(function, arguments, Some(&collect))?;
        Ok(builtins::iterators::iterator(collect.0.into_inner()))
    }

    /// A function that walks down something unknown (`isinstance(value, dict)` is presumed at each level) would never come
    /// to its end: from some depth on, what it gives is as unknown as what it is given.
    fn recurs_in_doubt(&mut self, function: &Function, arguments: &Arguments) -> Option<Unknown> {
        let keyword = arguments.keyword.iter().map(|(_, value)| value);
        let mut given = arguments.positional.iter().chain(keyword);
        let unknown = given.find_map(|value| match value {
            Value::Unknown(unknown) => Some(unknown),
            _ => None,
        })?;
        let file = function.syntax.file;
        let same = |frame: &&super::Frame| frame.file == file && frame.name == function.name;
        let depth = self.frames.iter().filter(same).count();
        if depth == 0 {
            return None;
        }
        self.state.recursions += 1;
        let ends = depth >= UNKNOWN_RECURSION || self.state.recursions > UNKNOWN_RECURSIONS;
        ends.then(|| (**unknown).clone())
    }

    /// Runs a function's body; what it yields goes to the sink.
    pub(crate) fn run_function(
        &mut self,
        function: &Rc<Function>,
        arguments: Arguments,
        sink: Option<&dyn YieldSink<H>>,
    ) -> Eval<Value> {
        if let Some(unknown) = self.recurs_in_doubt(function, &arguments) {
            let what = format!(" in {}()", function.name);
            return Ok(Value::unknown(unknown.then(&what)));
        }
        if self.frames.len() >= self.limits.depth as usize {
            return Err(self.bound(Limit::CallDepth));
        }
        let definition = function.syntax.function(function.definition);
        if definition.broken {
            let what = format!(
                "`{}` stands behind a syntax error and is not analysed",
                definition.name
            );
            H::gap(self, what.clone());
            return Ok(self.unsupported(&what));
        }
        let names = self.bind_arguments(function, definition, arguments)?;
        let scope = Rc::new(Scope {
            names: RefCell::new(names),
            parent: Some(function.scope.clone()),
            ..Scope::default()
        });
        let mut globals = function.scope.clone();
        while let Some(parent) = &globals.parent {
            globals = parent.clone();
        }
        let context = Context {
            module: &function.syntax,
            home: scope.clone(),
            scope,
            globals,
            function: Some(function),
            definition: Some(definition),
            class_body: false,
            yields: sink,
        };
        let site = context.site(definition.header);
        let call = self.frames.last().map_or(site, |frame| frame.call);
        let enters = self.enters_another_module(function.syntax.file);
        let result =
            self.in_frame(
                function.name.clone(),
                site,
                call,
                |interpreter| match &definition.body {
                    FunctionBody::Expression(id) => interpreter.expression(&context, *id),
                    FunctionBody::Block(block) => match interpreter.block(&context, block)? {
                        Flow::Return(value) => Ok(value),
                        _ => Ok(Value::None),
                    },
                },
            );
        match result {
            Err(raise) if enters && self.is_local(&raise) => {
                Ok(self.unknown(Reason::Bound, &format!("{}()", function.name)))
            }
            result => result,
        }
    }

    /// Whether the code that was started calls into another file: what comes to no end there leaves what follows here.
    fn enters_another_module(&self, file: FileId) -> bool {
        match (self.frames.first(), self.frames.last()) {
            (Some(first), Some(last)) => last.file == first.file && file != first.file,
            _ => false,
        }
    }

    /// Runs something in a frame of its own, which is gone afterwards, as are the levels that an exception left open.
    pub(crate) fn in_frame<T>(
        &mut self,
        name: SmolStr,
        site: Site,
        call: Site,
        run: impl FnOnce(&mut Self) -> Eval<T>,
    ) -> Eval<T> {
        let depth = self.frames.len();
        let nesting = self.state.nesting;
        self.frames.push(Frame {
            name,
            file: site.file,
            site,
            call,
        });
        let result = run(self);
        if let Err(raise) = &result
            && let Some(site) = self.frames.get(depth).map(|frame| frame.site)
        {
            let exception = super::identity(raise);
            if self.state.unwound.0 != exception {
                self.state.unwound = (exception, Vec::new());
            }
            self.state.unwound.1.push(site);
        }
        self.frames.truncate(depth);
        self.state.nesting = nesting;
        result
    }

    fn bind_arguments(
        &mut self,
        function: &Function,
        definition: &FunctionDefinition,
        arguments: Arguments,
    ) -> Eval<IndexMap<SmolStr, Value, rustc_hash::FxBuildHasher>> {
        let mut names: IndexMap<SmolStr, Value, rustc_hash::FxBuildHasher> = IndexMap::default();
        let mut positional = arguments.positional.into_iter();
        let mut keyword = arguments.keyword;
        let mut kwargs = None;
        let mut keyword_only = false;
        for parameter in &definition.parameters {
            match parameter.kind {
                ParameterKind::Args => {
                    let rest: Vec<Value> = positional.by_ref().collect();
                    names.insert(parameter.name.clone(), Value::tuple(rest));
                    keyword_only = true;
                    continue;
                }
                ParameterKind::Kwargs => {
                    kwargs = Some(parameter.name.clone());
                    continue;
                }
                ParameterKind::KeywordOnly => keyword_only = true,
                ParameterKind::Normal | ParameterKind::PositionalOnly => {}
            }
            let given = if keyword_only {
                None
            } else {
                positional.next()
            };
            let value = match given {
                Some(value) => value,
                None => {
                    let named = if parameter.kind == ParameterKind::PositionalOnly {
                        None
                    } else {
                        keyword
                            .iter()
                            .position(|(name, _)| *name == parameter.name)
                            .map(|at| keyword.remove(at).1)
                    };
                    let default = || {
                        function
                            .defaults
                            .iter()
                            .find(|(name, _)| *name == parameter.name)
                            .map(|(_, value)| value.clone())
                    };
                    match named {
                        Some(value) => value,
                        None if arguments.incomplete => {
                            self.unsupported(&format!("the argument `{}`", parameter.name))
                        }
                        None => match default() {
                            Some(value) => value,
                            None => {
                                let message = format!(
                                    "{}() missing 1 required argument: '{}'",
                                    definition.name, parameter.name
                                );
                                return Err(self.error("TypeError", &message));
                            }
                        },
                    }
                }
            };
            names.insert(parameter.name.clone(), value);
        }
        if positional.next().is_some() {
            let message = format!("{}() takes fewer positional arguments", definition.name);
            return Err(self.error("TypeError", &message));
        }
        match kwargs {
            Some(name) => {
                let entries = keyword
                    .into_iter()
                    .map(|(name, value)| (Key::Str(name.as_str().into()), value))
                    .collect();
                names.insert(name, builtins::containers::dict_of(entries));
            }
            None => {
                if let Some((name, _)) = keyword.first() {
                    let message = format!(
                        "{}() got an unexpected keyword argument '{name}'",
                        definition.name
                    );
                    return Err(self.error("TypeError", &message));
                }
            }
        }
        Ok(names)
    }
}

/// The same function with another decoration.
fn redecorated(value: &Value, decoration: Decoration) -> Value {
    let Value::Function(function) = value else {
        return value.clone();
    };
    Value::Function(Rc::new(Function {
        name: function.name.clone(),
        file: function.file,
        definition: function.definition,
        syntax: function.syntax.clone(),
        defaults: function.defaults.clone(),
        scope: function.scope.clone(),
        attributes: RefCell::new(function.attributes.borrow().clone()),
        class: RefCell::new(function.class.borrow().clone()),
        decorated: decoration,
    }))
}
