//! Class statements and making instances.

use std::cell::RefCell;
use std::rc::Rc;

use smol_str::SmolStr;

use super::{Context, Interpreter};
use crate::limits::Limit;
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::syntax::{Argument, ClassDefinition};
use crate::python::value::{Class, Instance, Scope, Value};

impl<H: Host> Interpreter<H> {
    pub(crate) fn define_class(
        &mut self,
        context: &Context<'_, H>,
        definition: &ClassDefinition,
    ) -> Eval<Value> {
        let mut bases = Vec::new();
        let mut keywords = Vec::new();
        for base in &definition.bases {
            match base {
                Argument::Positional(id) => {
                    let value = self.expression(context, *id)?;
                    bases.push(value);
                }
                Argument::Keyword(name, id) => {
                    let value = self.expression(context, *id)?;
                    keywords.push((name.clone(), value));
                }
                Argument::Spread(id) | Argument::SpreadKeywords(id) => {
                    self.expression(context, *id)?;
                }
            }
        }
        let mut decorators = Vec::with_capacity(definition.decorators.len());
        for decorator in &definition.decorators {
            decorators.push(self.expression(context, *decorator)?);
        }
        let scope = Rc::new(Scope {
            names: RefCell::default(),
            parent: Some(context.scope.clone()),
            ..Scope::default()
        });
        let inner = Context {
            module: context.module,
            scope: scope.clone(),
            home: scope.clone(),
            globals: context.globals.clone(),
            function: context.function,
            definition: None,
            class_body: true,
            yields: None,
        };
        self.block(&inner, &definition.body)?;
        let names = std::mem::take(&mut *scope.names.borrow_mut());
        let mut ancestors = MAX_ANCESTORS;
        count_ancestors(&bases, &mut ancestors);
        if ancestors == 0 {
            return Err(self.bound(Limit::Nesting));
        }
        let class = Rc::new(Class {
            name: definition.name.clone(),
            bases: builtins::class_bases(bases),
            namespace: RefCell::new(names.into_iter().collect()),
            site: Some(context.site(definition.name_span)),
        });
        adopt(&class);
        builtins::enums::make_members(&class);
        self.initialise_members(&class)?;
        self.initialise_subclass(&class, &keywords)?;
        if class.host_base().is_some() {
            H::class_defined(self, &class, &keywords)?;
        }
        let mut value = Value::Class(class);
        for decorator in decorators.iter().rev() {
            value = self.decorate(decorator, value)?;
        }
        Ok(value)
    }

    /// `__init_subclass__` of a base of the project.
    fn initialise_subclass(
        &mut self,
        class: &Rc<Class>,
        keywords: &[(SmolStr, Value)],
    ) -> Eval<()> {
        let of_base = class.bases.iter().find_map(|base| match base {
            Value::Class(base) => base.lookup("__init_subclass__"),
            _ => None,
        });
        let Some(function @ Value::Function(_)) = of_base else {
            return Ok(());
        };
        let arguments = Arguments {
            positional: vec![Value::Class(class.clone())],
            keyword: keywords.to_vec(),
            incomplete: false,
        };
        self.call_value(&function, arguments)?;
        Ok(())
    }

    pub(crate) fn instantiate(&mut self, class: &Rc<Class>, arguments: Arguments) -> Eval<Value> {
        if class.host_base().is_some()
            && let Some(value) = H::instantiate(self, class, &arguments)?
        {
            return Ok(value);
        }
        if let Some(value) = builtins::make_instance(self, class, &arguments)? {
            return Ok(value);
        }
        let (instance, value) = match class.lookup("__new__") {
            Some(new @ Value::Function(_)) if class.host_base().is_none() => {
                let mut given = arguments.clone();
                given.positional.insert(0, Value::Class(class.clone()));
                match self.call_value(&new, given)? {
                    Value::Instance(made) if Rc::ptr_eq(&made.class, class) => {
                        (made.clone(), Value::Instance(made))
                    }
                    // Python leaves anything else as it is
                    other => return Ok(other),
                }
            }
            _ => {
                let made = Rc::new(Instance {
                    class: class.clone(),
                    attributes: RefCell::default(),
                });
                (made.clone(), Value::Instance(made))
            }
        };
        if class.is_subclass_of("BaseException") {
            instance
                .attributes
                .borrow_mut()
                .insert("args".into(), Value::tuple(arguments.positional.clone()));
        }
        match class.lookup("__init__") {
            Some(init) => {
                let init = self.bind_to(&value, class, init)?;
                self.call_value(&init, arguments)?;
            }
            None => builtins::initialise(self, &instance, &arguments)?,
        }
        Ok(value)
    }
}

impl<H: Host> Interpreter<H> {
    /// The `__new__` and `__init__` of an enumeration are called for each member, with its value taken apart.
    fn initialise_members(&mut self, class: &Rc<Class>) -> Eval<()> {
        let Some(members) = builtins::enums::members(class) else {
            return Ok(());
        };
        let (new, init) = (class.lookup("__new__"), class.lookup("__init__"));
        if new.is_none() && init.is_none() {
            return Ok(());
        }
        for member in members {
            let Value::Instance(instance) = &member else {
                continue;
            };
            let value = instance.attributes.borrow().get("_value_").cloned();
            let positional = match value {
                Some(Value::Tuple(items)) => items.to_vec(),
                Some(value) => vec![value],
                None => Vec::new(),
            };
            if let Some(new @ Value::Function(_)) = &new {
                let mut given = vec![Value::Class(class.clone())];
                given.extend(positional.iter().cloned());
                let arguments = Arguments {
                    positional: given,
                    ..Arguments::default()
                };
                if let Value::Instance(made) = self.call_value(new, arguments)? {
                    let made = made.attributes.borrow().clone();
                    let mut attributes = instance.attributes.borrow_mut();
                    if let Some(value) = made.get("_value_") {
                        attributes.insert("value".into(), value.clone());
                    }
                    attributes.extend(made);
                }
            }
            if let Some(init @ Value::Function(_)) = &init {
                let init = self.bind_to(&member, class, init.clone())?;
                let arguments = Arguments {
                    positional,
                    ..Arguments::default()
                };
                self.call_value(&init, arguments)?;
            }
        }
        Ok(())
    }
}

/// Tells the functions of a class body whose they are, for `super()`.
fn adopt(class: &Rc<Class>) {
    for value in class.namespace.borrow().values() {
        if let Value::Function(function) = value {
            let mut owner = function.class.borrow_mut();
            if owner.is_none() {
                *owner = Some(class.clone());
            }
            for accessor in function.attributes.borrow().values() {
                if let Value::Function(accessor) = accessor
                    && let Ok(mut owner) = accessor.class.try_borrow_mut()
                {
                    owner.get_or_insert_with(|| class.clone());
                }
            }
        }
    }
}

/// Most ways from a class to its ancestors: each is walked where an attribute is looked up.
const MAX_ANCESTORS: u32 = 4_000;

fn count_ancestors(bases: &[Value], left: &mut u32) {
    for base in bases {
        let Value::Class(class) = base else { continue };
        *left = left.saturating_sub(1);
        if *left == 0 {
            return;
        }
        count_ancestors(&class.bases, left);
    }
}
