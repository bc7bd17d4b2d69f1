//! Attributes and items.

use std::rc::Rc;

use super::Interpreter;
use super::iteration::has_unknown_base;
use super::listing;
use super::usual;
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::value::{Class, Decoration, Instance, Key, Value};
use crate::unknown::Reason;

/// The attribute of a function in which a decorator that is not known (`@hybrid_property`) is remembered.
pub(super) const DECORATOR: &str = "<decorator>";

impl<H: Host> Interpreter<H> {
    pub(crate) fn find_attribute(&mut self, value: &Value, name: &str) -> Eval<Option<Value>> {
        match value {
            Value::Unknown(unknown) => Ok(Some(match H::unknown_attribute(self, name) {
                Some(known) => known,
                None => {
                    let answer = listing::field(unknown, &format!(".{name}"), name);
                    Value::unknown(usual::attribute(unknown, name, answer))
                }
            })),
            Value::Host(host) => {
                let host = host.clone();
                let found = H::attribute(self, &host, name)?;
                // `Base.__init__(self)` of a class of the model, as `super().__init__()`
                let special = matches!(name, "__init__" | "__init_subclass__" | "__setattr__");
                Ok(found.or_else(|| special.then(|| bound(&Value::None, name))))
            }
            Value::Module(module) => {
                let found = module.scope.names.borrow().get(name).cloned();
                if let Some(found) = found {
                    return self.resolve(&module.scope, name, found).map(Some);
                }
                if let Some(found) = builtins::stdlib::attribute(self, &module.name, name) {
                    return Ok(Some(found));
                }
                if name == "__name__" {
                    return Ok(Some(Value::str(module.name.as_str())));
                }
                if name == "__dict__" {
                    return Ok(Some(builtins::containers::scope_dict(&module.scope)));
                }
                if let Some(found) = self.submodule(module, name)? {
                    return Ok(Some(found));
                }
                let star = module.scope.names.borrow().get("*").cloned();
                if let Some(Value::Unknown(unknown)) = star {
                    return Ok(Some(Value::unknown(unknown.then(&format!(".{name}")))));
                }
                if let Some(getattr) = {
                    let names = module.scope.names.borrow();
                    names.get("__getattr__").cloned()
                } {
                    let arguments = Arguments {
                        positional: vec![Value::str(name)],
                        ..Arguments::default()
                    };
                    return self.call_value(&getattr, arguments).map(Some);
                }
                let more = self.is_incomplete(module);
                Ok(more.then(|| self.unsupported(&format!("{}.{name}", module.name))))
            }
            Value::Instance(instance) => self.instance_attribute(value, instance, name),
            Value::Class(class) => self.class_attribute(value, class, name),
            Value::Super { class, receiver } => self.super_attribute(class, receiver, name),
            Value::Function(function) => {
                if let Some(found) = function.attributes.borrow().get(name) {
                    return Ok(Some(found.clone()));
                }
                Ok(match name {
                    "__name__" | "__qualname__" => Some(Value::str(function.name.as_str())),
                    "__doc__" => {
                        let definition = function.syntax.function(function.definition);
                        let text = function.syntax.function_docstring(definition);
                        Some(text.map_or(Value::None, |(text, _)| Value::str(text)))
                    }
                    "__module__" => function
                        .scope
                        .names
                        .borrow()
                        .get("__name__")
                        .cloned()
                        .or(Some(Value::None)),
                    "__dict__" | "__annotations__" => Some(builtins::containers::empty_dict()),
                    "__wrapped__" => Some(value.clone()),
                    "setter" | "getter" | "deleter" | "cache_clear" | "fget" | "__call__"
                    | "__get__" => Some(bound(value, name)),
                    // what the decorator made of it may have the attribute
                    _ if function.attributes.borrow().contains_key(DECORATOR) => {
                        Some(self.unsupported(&format!("{}.{name}", function.name)))
                    }
                    _ => None,
                })
            }
            Value::Method { receiver, function } => match name {
                "__self__" => Ok(Some((**receiver).clone())),
                "__func__" => Ok(Some((**function).clone())),
                _ => {
                    let function = (**function).clone();
                    self.find_attribute(&function, name)
                }
            },
            Value::Builtin(builtin) => Ok(builtins::builtin_attribute(builtin, name)),
            Value::Fresh("uuid") if matches!(name, "hex" | "urn") => {
                Ok(Some(Value::str(crate::unknown::FRESH.to_string())))
            }
            Value::Fresh(_) => Ok(Some(bound(value, name))),
            _ => Ok(builtins::value_attribute(value, name)),
        }
    }

    fn instance_attribute(
        &mut self,
        value: &Value,
        instance: &Rc<Instance>,
        name: &str,
    ) -> Eval<Option<Value>> {
        if let Some(found) = instance.attributes.borrow().get(name) {
            return Ok(Some(found.clone()));
        }
        if let Some(found) = instance.class.lookup(name) {
            return self.bind_to(value, &instance.class, found).map(Some);
        }
        if let Some(found) = builtins::instance_attribute(self, value, instance, name)? {
            return Ok(Some(found));
        }
        match name {
            "__class__" => return Ok(Some(Value::Class(instance.class.clone()))),
            "__dict__" => {
                let entries = instance
                    .attributes
                    .borrow()
                    .iter()
                    .map(|(name, value)| (Key::Str(name.as_str().into()), value.clone()))
                    .collect();
                return Ok(Some(builtins::containers::dict_of(entries)));
            }
            "__doc__" => return Ok(Some(Value::None)),
            _ => {}
        }
        if instance.class.host_base().is_some() {
            return H::inherited(self, value, &instance.class, name);
        }
        if has_unknown_base(&instance.class) || has_foreign_base(&instance.class) {
            let what = format!("{}.{name}", instance.class.name);
            return Ok(Some(self.unsupported(&what)));
        }
        // `__getattribute__` would be asked first: what an object has itself, it mostly gives as it is
        for hook in ["__getattr__", "__getattribute__"] {
            if let Some(getattr) = instance.class.lookup(hook)
                && name != hook
            {
                let arguments = Arguments {
                    positional: vec![value.clone(), Value::str(name)],
                    ..Arguments::default()
                };
                return self.call_value(&getattr, arguments).map(Some);
            }
        }
        Ok(match name {
            "__init__" | "__init_subclass__" | "__setattr__" | "__post_init__" => {
                (name != "__post_init__").then(|| bound(value, name))
            }
            "__str__" | "__repr__" | "__eq__" | "__hash__" => Some(bound(value, name)),
            _ => None,
        })
    }

    fn class_attribute(
        &mut self,
        value: &Value,
        class: &Rc<Class>,
        name: &str,
    ) -> Eval<Option<Value>> {
        if let Some(found) = class.lookup(name) {
            return Ok(Some(match &found {
                Value::Function(function) if function.decorated == Decoration::Class => {
                    Value::Method {
                        receiver: Box::new(value.clone()),
                        function: Box::new(found),
                    }
                }
                _ => found,
            }));
        }
        if let Some(found) = builtins::class_attribute(self, class, name) {
            return Ok(Some(found));
        }
        if class.host_base().is_some() {
            return H::inherited(self, value, class, name);
        }
        if has_unknown_base(class) {
            let what = format!("{}.{name}", class.name);
            return Ok(Some(self.unsupported(&what)));
        }
        Ok(None)
    }

    fn super_attribute(
        &mut self,
        class: &Rc<Class>,
        receiver: &Value,
        name: &str,
    ) -> Eval<Option<Value>> {
        let mut hidden = false;
        for base in &class.bases {
            match base {
                Value::Class(base) => {
                    if let Some(found) = base.lookup(name) {
                        return self.bind_to(receiver, base, found).map(Some);
                    }
                    hidden |= has_unknown_base(base);
                }
                Value::Unknown(_) => hidden = true,
                _ => {}
            }
        }
        if class.host_base().is_some()
            && let Some(found) = H::inherited(self, receiver, class, name)?
        {
            return Ok(Some(found));
        }
        if let Value::Instance(instance) = receiver
            && let Some(found) = builtins::instance_attribute(self, receiver, instance, name)?
        {
            return Ok(Some(found));
        }
        if name.starts_with("__") {
            return Ok(Some(bound(receiver, name)));
        }
        if hidden || class.host_base().is_some() {
            return Ok(Some(self.unsupported(name)));
        }
        Ok(None)
    }

    /// What reading a class attribute through an instance gives.
    pub(crate) fn bind_to(
        &mut self,
        receiver: &Value,
        class: &Rc<Class>,
        found: Value,
    ) -> Eval<Value> {
        let Value::Function(function) = &found else {
            return Ok(found);
        };
        Ok(match function.decorated {
            Decoration::Static => found,
            // a static method without saying so
            Decoration::None if function.name == "__new__" => found,
            Decoration::Class => {
                let class = match receiver {
                    Value::Instance(instance) => Value::Class(instance.class.clone()),
                    Value::Class(_) => receiver.clone(),
                    _ => Value::Class(class.clone()),
                };
                Value::Method {
                    receiver: Box::new(class),
                    function: Box::new(found),
                }
            }
            Decoration::Property => {
                let arguments = Arguments {
                    positional: vec![receiver.clone()],
                    ..Arguments::default()
                };
                self.call_value(&found, arguments)?
            }
            Decoration::None | Decoration::ContextManager => Value::Method {
                receiver: Box::new(receiver.clone()),
                function: Box::new(found),
            },
        })
    }

    /// `object.name = value`.
    pub(crate) fn set_attribute(&mut self, object: &Value, name: &str, value: Value) -> Eval<()> {
        match object {
            Value::Host(host) => {
                let host = host.clone();
                return H::set_attribute(self, &host, name, value);
            }
            Value::Instance(instance) => {
                let setter = match instance.class.lookup(name) {
                    Some(Value::Function(function))
                        if function.decorated == Decoration::Property =>
                    {
                        function.attributes.borrow().get("fset").cloned()
                    }
                    _ => None,
                };
                if let Some(setter) = setter {
                    let arguments = Arguments {
                        positional: vec![object.clone(), value],
                        ..Arguments::default()
                    };
                    self.call_value(&setter, arguments)?;
                    return Ok(());
                }
                let old = instance.attributes.borrow_mut().insert(name.into(), value);
                drop(old);
            }
            Value::Class(class) if class.site.is_some() => {
                let old = class.namespace.borrow_mut().insert(name.into(), value);
                drop(old);
            }
            Value::Function(function) => {
                let old = function.attributes.borrow_mut().insert(name.into(), value);
                drop(old);
            }
            Value::Module(module) => {
                let old = module.scope.names.borrow_mut().insert(name.into(), value);
                drop(old);
            }
            // an object of a session, it may be: what its change makes of the database is not known
            Value::Unknown(unknown) if unknown.reason == Reason::Data => {
                let what = format!("what setting `{name}` of {} changes", unknown.what);
                H::gap(self, what);
            }
            _ => {}
        }
        Ok(())
    }

    /// `object[index]`.
    pub(crate) fn item(&mut self, object: &Value, index: &Value) -> Eval<Value> {
        match object {
            Value::Host(host) => {
                let host = host.clone();
                H::item(self, &host, index)
            }
            Value::Unknown(unknown) => {
                let mut suffix = String::from("[");
                builtins::describe(index, &mut suffix);
                suffix.push(']');
                let name = index.as_str().unwrap_or_default();
                Ok(Value::unknown(listing::field(unknown, &suffix, name)))
            }
            Value::Class(class) => {
                if let Some(member) = builtins::enums::by_name(class, index) {
                    return Ok(member);
                }
                if builtins::enums::is_enum(class) {
                    let name = self.string(index)?;
                    return Err(self.error("KeyError", &name));
                }
                // `list[int]`, `Base[T]`: the class itself
                Ok(object.clone())
            }
            Value::Builtin(_) | Value::Function(_) => Ok(object.clone()),
            Value::Instance(instance) => {
                if let Some(found) = builtins::instance_item(self, instance, index)? {
                    return Ok(found);
                }
                if let Some(method) = self.find_attribute(object, "__getitem__")? {
                    let arguments = Arguments {
                        positional: vec![index.clone()],
                        ..Arguments::default()
                    };
                    return self.call_value(&method, arguments);
                }
                Err(self.not_subscriptable(object))
            }
            Value::Fresh(what) => Ok(Value::Fresh(what)),
            _ => match builtins::containers::item(self, object, index)? {
                Some(value) => Ok(value),
                None => Err(self.not_subscriptable(object)),
            },
        }
    }

    fn not_subscriptable(&mut self, object: &Value) -> Box<crate::python::Raise> {
        let message = format!(
            "'{}' object is not subscriptable",
            builtins::type_name(object)
        );
        self.error("TypeError", &message)
    }

    /// `object[index] = value`.
    pub(crate) fn set_item(&mut self, object: &Value, index: &Value, value: Value) -> Eval<()> {
        match object {
            Value::Host(host) => {
                let host = host.clone();
                H::set_item(self, &host, index, value)
            }
            Value::Instance(instance) => {
                if builtins::set_instance_item(self, instance, index, &value)? {
                    return Ok(());
                }
                if let Some(method) = self.find_attribute(object, "__setitem__")? {
                    let arguments = Arguments {
                        positional: vec![index.clone(), value],
                        ..Arguments::default()
                    };
                    self.call_value(&method, arguments)?;
                }
                Ok(())
            }
            _ => builtins::containers::set_item(self, object, index, value),
        }
    }
}

/// Whether a class inherits from one of Python's own that is not modelled attribute by attribute (`logging.Handler`).
fn has_foreign_base(class: &Class) -> bool {
    class.bases.iter().any(|base| match base {
        Value::Builtin(name) => !matches!(
            *name,
            "object" | "abc.ABC" | "typing.Generic" | "typing.Protocol" | "typing.NamedTuple"
        ),
        Value::Class(base) => has_foreign_base(base),
        // what stands for all of a module whose calls change nothing
        Value::Instance(_) => true,
        _ => false,
    })
}

/// A method of Python's own, bound to its receiver.
pub(crate) fn bound(receiver: &Value, name: &str) -> Value {
    Value::BuiltinMethod {
        receiver: Box::new(receiver.clone()),
        name: name.into(),
    }
}
