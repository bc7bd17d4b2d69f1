//! Imports: Python's own modules, the host's, the project's; whatever else is unknown.
//!
//! A name of a module that is not the host's is resolved when it is first used: executing the modules of an application
//! costs much, and most of what a revision imports it hardly touches.

use std::any::Any;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use super::{Context, Interpreter};
use crate::limits::Limit;
use crate::python::builtins;
use crate::python::host::{Eval, Host};
use crate::python::syntax::{self, ImportedModule, ImportedName};
use crate::python::value::{HostObject, Module, Scope, Value};
use crate::source::{FileId, Span};
use crate::unknown::{Reason, Unknown};

/// Steps that modules may take which are read only for the models in them: each run reads them again.
const MODEL_STEPS: u64 = 50_000;

/// A name that was imported and not yet used.
#[derive(Debug)]
struct LazyImport {
    from: FileId,
    module: SmolStr,
    /// `None`: the module itself.
    name: Option<SmolStr>,
}

impl HostObject for LazyImport {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn type_name(&self) -> &'static str {
        "import"
    }
}

impl<H: Host> Interpreter<H> {
    pub(crate) fn load_module(
        &mut self,
        syntax: &Arc<syntax::Module>,
        name: &str,
    ) -> Eval<Rc<Module>> {
        if let Some(module) = self.state.loaded.modules.get(&syntax.file) {
            return Ok(module.clone());
        }
        let scope = Rc::new(Scope::default());
        let path = self.modules.path_of(syntax.file);
        {
            let mut names = scope.names.borrow_mut();
            // about one a statement
            names.reserve(syntax.body.len() + 4);
            names.insert("__name__".into(), Value::str(name));
            let package = self.modules.package_of(syntax.file).unwrap_or_default();
            names.insert("__package__".into(), Value::str(package));
            if path.ends_with("__init__.py") {
                let folder = self.unsupported("the folder of a package");
                names.insert("__path__".into(), Value::list(vec![folder]));
            }
            for special in ["__spec__", "__loader__", "__cached__"] {
                names.insert(special.into(), self.unsupported(special));
            }
            names.insert("__debug__".into(), Value::Bool(true));
            names.insert("__file__".into(), Value::str(path));
            let docstring = syntax.docstring().map(|(text, _)| Value::str(text));
            names.insert("__doc__".into(), docstring.unwrap_or(Value::None));
        }
        let module = Rc::new(Module {
            name: name.into(),
            file: Some(syntax.file),
            scope: scope.clone(),
        });
        self.state
            .loaded
            .modules
            .insert(syntax.file, module.clone());
        self.state.imported.insert(name.into());
        if self.frames.len() >= self.limits.depth as usize {
            return Err(self.bound(Limit::CallDepth));
        }
        let context = Context {
            module: syntax,
            scope: scope.clone(),
            home: scope.clone(),
            globals: scope,
            function: None,
            definition: None,
            class_body: false,
            yields: None,
        };
        let site = context.site(Span::default());
        // an import inside an unknown loop still executes its module as a whole
        let conditional = std::mem::take(&mut self.conditional);
        self.state.loading.push(syntax.file);
        let result = self.in_frame("<module>".into(), site, site, |interpreter| {
            interpreter.block(&context, &syntax.body)
        });
        self.conditional = conditional;
        self.state.loading.retain(|file| *file != syntax.file);
        result?;
        self.state.loaded.complete.insert(syntax.file);
        Ok(module)
    }

    /// Executes a module that another one imports. What it raises is no failure of that one: a program whose modules can't
    /// be imported never comes to run its migrations, so something in them is not understood here. What the module defines
    /// before that holds, the rest is unknown. That goes for a bound on one loop or on calls as well.
    pub(crate) fn load_imported(
        &mut self,
        syntax: &Arc<syntax::Module>,
        name: &str,
    ) -> Eval<Value> {
        match self.load_module(syntax, name) {
            Ok(module) => Ok(Value::Module(module)),
            Err(raise) if raise.bound && !self.is_local(&raise) => Err(raise),
            Err(raise) => {
                let class = match &raise.exception {
                    Value::Instance(instance) => instance.class.name.to_string(),
                    _ if raise.bound => "a limit".to_owned(),
                    _ => "an exception".to_owned(),
                };
                H::gap(
                    self,
                    format!(
                        "loading `{name}` ends with {class}: what it defines behind that is not known"
                    ),
                );
                let loaded = self.state.loaded.modules.get(&syntax.file).cloned();
                Ok(loaded.map_or_else(|| self.unsupported(name), Value::Module))
            }
        }
    }

    /// Whether a module of the project has not been executed to its end: it may define more than it does by now.
    pub(crate) fn is_incomplete(&self, module: &Module) -> bool {
        module
            .file
            .is_some_and(|file| !self.state.loaded.complete.contains(&file))
    }

    /// A value of a scope, resolved if it was imported and not yet used.
    pub(crate) fn resolve(&mut self, scope: &Rc<Scope>, name: &str, value: Value) -> Eval<Value> {
        let Value::Host(host) = &value else {
            return Ok(value);
        };
        let Some(lazy) = host.downcast::<LazyImport>() else {
            return Ok(value);
        };
        let place = (Rc::as_ptr(scope) as usize, SmolStr::new(name));
        if self.state.resolving.contains(&place) {
            // a circle of imports: Python would find the name not yet bound
            return Ok(self.unsupported(name));
        }
        self.state.resolving.push(place);
        let resolved = self.resolve_import(lazy);
        self.state.resolving.pop();
        let resolved = resolved?;
        scope
            .names
            .borrow_mut()
            .insert(name.into(), resolved.clone());
        Ok(resolved)
    }

    fn resolve_import(&mut self, lazy: &LazyImport) -> Eval<Value> {
        let module = self.import_module(&lazy.module, lazy.from)?;
        let Some(name) = &lazy.name else {
            return Ok(module);
        };
        self.name_of_module(&module, &lazy.module, name, lazy.from)
    }

    fn name_of_module(
        &mut self,
        module: &Value,
        module_name: &str,
        name: &str,
        from: FileId,
    ) -> Eval<Value> {
        if let Value::Unknown(unknown) = module {
            return Ok(Value::unknown(unknown.then(&format!(".{name}"))));
        }
        if !imports_itself(module, module_name, name)
            && let Some(value) = self.find_attribute(module, name)?
        {
            return Ok(value);
        }
        let full = format!("{module_name}.{name}");
        if self.is_module(&full, from) {
            return self.import_module(&full, from);
        }
        // names are resolved when they are used, so that a circle of imports may be met where Python meets none
        let is_complete = matches!(module, Value::Module(module)
            if module.file.is_some_and(|file| !self.state.loading.contains(&file)));
        if is_complete {
            return Err(self.error(
                "ImportError",
                &format!("cannot import name '{name}' from '{module_name}'"),
            ));
        }
        Ok(self.unsupported(&full))
    }

    fn is_module(&mut self, name: &str, from: FileId) -> bool {
        builtins::stdlib::is_module(name)
            || self.host_module(name).is_some()
            || self.modules.find(name, from).is_some()
    }

    fn host_module(&mut self, name: &str) -> Option<Value> {
        if let Some(known) = self.state.imports.get(name) {
            return known.clone();
        }
        let value = H::import(self, name);
        self.state.imports.insert(name.into(), value.clone());
        value
    }

    /// A module by its dotted name.
    pub(crate) fn import_module(&mut self, name: &str, from: FileId) -> Eval<Value> {
        if builtins::stdlib::is_module(name) {
            return Ok(builtins::stdlib::module(name));
        }
        if let Some(value) = self.host_module(name) {
            return Ok(value);
        }
        if let Some(syntax) = self.modules.find(name, from) {
            return self.load_imported(&syntax, name);
        }
        // a folder without `__init__.py`, of which something deeper was imported
        let prefix = format!("{name}.");
        let namespace: Vec<SmolStr> = self
            .state
            .imported
            .iter()
            .filter(|imported| imported.starts_with(&prefix))
            .cloned()
            .collect();
        if namespace.iter().any(|deeper| self.is_module(deeper, from)) {
            return Ok(Value::Module(Rc::new(Module {
                name: name.into(),
                file: None,
                scope: Rc::new(Scope::default()),
            })));
        }
        Ok(Value::unknown(Unknown::new(Reason::Environment, name)))
    }

    /// A submodule of a module, for `a.b` where `a` does not define `b`.
    pub(crate) fn submodule(&mut self, module: &Module, name: &str) -> Eval<Option<Value>> {
        let full = format!("{}.{name}", module.name);
        let from = module
            .file
            .or_else(|| self.frames.last().map(|frame| frame.file))
            .unwrap_or(FileId(0));
        if builtins::stdlib::is_module(&module.name) {
            return Ok(None);
        }
        let prefix = format!("{full}.");
        let namespace = self
            .state
            .imported
            .iter()
            .any(|imported| *imported == full || imported.starts_with(&prefix));
        if namespace || self.is_module(&full, from) {
            return self.import_module(&full, from).map(Some);
        }
        Ok(None)
    }

    pub(crate) fn import_statement(
        &mut self,
        context: &Context<'_, H>,
        imported: &ImportedModule,
    ) -> Eval<()> {
        let from = context.module.file;
        self.state.imported.insert(imported.module.clone());
        let top = imported.module.split('.').next().unwrap_or_default();
        let (name, module) = match &imported.alias {
            Some(alias) => (alias.clone(), imported.module.as_str()),
            None => (SmolStr::new(top), top),
        };
        let value = self.lazy(from, module, None)?;
        self.bind(context, &name, value);
        Ok(())
    }

    /// The value at once where that costs nothing, else a promise of it.
    fn lazy(&mut self, from: FileId, module: &str, name: Option<&str>) -> Eval<Value> {
        let own = builtins::stdlib::is_module(module);
        if own || self.host_module(module).is_some() {
            let value = self.import_module(module, from)?;
            return match name {
                Some(name) => self.name_of_module(&value, module, name, from),
                None => Ok(value),
            };
        }
        Ok(Value::host(LazyImport {
            from,
            module: module.into(),
            name: name.map(SmolStr::new),
        }))
    }

    pub(crate) fn import_names(
        &mut self,
        context: &Context<'_, H>,
        level: u32,
        module: &str,
        names: &[ImportedName],
        star: bool,
    ) -> Eval<()> {
        let from = context.module.file;
        let absolute = self.absolute(from, level, module);
        self.state.imported.insert(absolute.as_str().into());
        if star {
            return self.import_star(context, &absolute, from);
        }
        for imported in names {
            let value = self.lazy(from, &absolute, Some(&imported.name))?;
            if matches!(&value, Value::Host(host) if host.downcast::<LazyImport>().is_some()) {
                let member = format!("{absolute}.{}", imported.name);
                self.state.members.insert(member.into());
            }
            let name = imported.alias.as_ref().unwrap_or(&imported.name);
            self.bind(context, name, value);
        }
        Ok(())
    }

    /// Loads the modules of the project that were imported and not used, and what those import: a program runs them for
    /// what they do by themselves, which is to define models. Says whether all were read to their end.
    pub fn load_imports(&mut self, from: FileId) -> Eval<bool> {
        let mut met: FxHashSet<SmolStr> = FxHashSet::default();
        let mut whole = true;
        let most = self.state.steps + MODEL_STEPS;
        loop {
            let waiting = self.state.imported.iter().chain(&self.state.members);
            // a package is run before what is in it
            let mut names: Vec<SmolStr> = waiting
                .flat_map(|name| {
                    let packages = name.match_indices('.').map(|(at, _)| &name[..at]);
                    packages.chain([name.as_str()]).map(SmolStr::new)
                })
                .filter(|name| !met.contains(name))
                .collect();
            if names.is_empty() {
                return Ok(whole);
            }
            // in an order that hashing does not change
            names.sort();
            names.dedup();
            for name in names {
                if self.state.steps > most {
                    let what = "more modules are imported than are read for the models in them";
                    H::gap(self, what.to_owned());
                    return Ok(whole);
                }
                let found = self.modules.find(&name, from);
                if let Some(syntax) = found
                    && self.host_module(&name).is_none()
                    && !builtins::stdlib::is_module(&name)
                {
                    self.load_imported(&syntax, &name)?;
                    whole &= self.state.loaded.complete.contains(&syntax.file)
                        || self.state.loading.contains(&syntax.file);
                }
                met.insert(name);
            }
        }
    }

    fn absolute(&self, from: FileId, level: u32, module: &str) -> String {
        if level == 0 {
            return module.to_owned();
        }
        let package = self.modules.package_of(from).unwrap_or_default();
        let mut parts: Vec<&str> = package.split('.').filter(|part| !part.is_empty()).collect();
        for _ in 1..level {
            parts.pop();
        }
        parts.extend(module.split('.').filter(|part| !part.is_empty()));
        parts.join(".")
    }

    fn import_star(&mut self, context: &Context<'_, H>, module: &str, from: FileId) -> Eval<()> {
        let value = self.import_module(module, from)?;
        let Value::Module(found) = &value else {
            self.bind(context, &"*".into(), value);
            return Ok(());
        };
        let listed = found.scope.names.borrow().get("__all__").cloned();
        let names: Vec<SmolStr> = match listed {
            Some(listed) => match self.iterate(&listed)? {
                Ok(items) => items
                    .iter()
                    .filter_map(|item| item.as_str().map(SmolStr::new))
                    .collect(),
                Err(_) => Vec::new(),
            },
            None => found
                .scope
                .names
                .borrow()
                .keys()
                .filter(|name| !name.starts_with('_'))
                .cloned()
                .collect(),
        };
        for name in names {
            let raw = found.scope.names.borrow().get(&name).cloned();
            let value = match raw {
                Some(value) => value,
                None => self.name_of_module(&value, module, &name, from)?,
            };
            self.bind(context, &name, value);
        }
        if found.file.is_none() {
            // a module of Python's own or of the host: not all of its names are listed
            let rest = self.unsupported(module);
            self.bind(context, &"*".into(), rest);
        }
        Ok(())
    }
}

/// Whether a module's name stands for an import of that very name (`from a import b` in `a/__init__.py`): then the
/// submodule is meant.
fn imports_itself(module: &Value, module_name: &str, name: &str) -> bool {
    let Value::Module(module) = module else {
        return false;
    };
    let names = module.scope.names.borrow();
    let Some(Value::Host(host)) = names.get(name) else {
        return false;
    };
    host.downcast::<LazyImport>()
        .is_some_and(|lazy| lazy.module == module_name && lazy.name.as_deref() == Some(name))
}
