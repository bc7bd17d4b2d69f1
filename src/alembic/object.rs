//! What every modelled object of Alembic and SQLAlchemy is made of, and the interpreter's host that asks them.
//!
//! An object answers what it knows; what it does not know is an unknown value that says so, never an error that the real
//! one would not raise.

use std::any::Any;
use std::fmt;
use std::rc::Rc;

use smol_str::SmolStr;

use super::environment::Environment;
use super::inspector::listing;
use crate::python::interpreter::Grounds;
use crate::python::{
    Arguments, Class, Eval, Host, HostObject, HostOperator, HostRef, Interpreter, Raise, Truth,
    Value,
};
use crate::source::Site;
use crate::unknown::{Reason, Unknown};

/// The interpreter with its world.
pub type Interp = Interpreter<Environment>;

/// An object of Alembic's or SQLAlchemy's.
#[allow(unused_variables)]
pub trait Object: Any + fmt::Debug {
    /// Class name as Python shows it.
    fn type_name(&self) -> &'static str;
    /// For downcasting.
    fn as_any(&self) -> &dyn Any;
    /// Names of the methods that [`Object::invoke`] knows.
    fn methods(&self) -> &'static [&'static str] {
        &[]
    }
    /// Calls a method; only ever called with a name of [`Object::methods`].
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        Ok(Value::None)
    }
    /// A data attribute; `None`: perhaps a method, else unknown to the model.
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(None)
    }
    /// Whether the model knows all attributes, so that a missing one is an AttributeError; else it is unknown.
    fn is_closed(&self) -> bool {
        false
    }
    /// `this.name = value`.
    fn set_attribute(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        name: &str,
        value: Value,
    ) -> Eval<()> {
        Ok(())
    }
    /// `this(arguments)`.
    fn call(&self, interp: &mut Interp, this: &HostRef, arguments: Arguments) -> Eval<Value> {
        Err(interp.error(
            "TypeError",
            &format!("'{}' object is not callable", self.type_name()),
        ))
    }
    /// `this[index]`.
    fn item(&self, interp: &mut Interp, this: &HostRef, index: &Value) -> Eval<Value> {
        Ok(interp.unknown(Reason::Unsupported, &format!("{}[...]", self.type_name())))
    }
    /// `this[index] = value`.
    fn set_item(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        index: &Value,
        value: Value,
    ) -> Eval<()> {
        Ok(())
    }
    /// `for x in this`: a list, or an unknown.
    fn iterate(&self, interp: &mut Interp, this: &HostRef) -> Eval<Value> {
        Ok(interp.unknown(Reason::Unsupported, &format!("iter({})", self.type_name())))
    }
    /// `item in this`.
    fn contains(&self, interp: &mut Interp, this: &HostRef, item: &Value) -> Eval<Truth> {
        let items = self.iterate(interp, this)?;
        match interp.items(&items)? {
            Ok(items) => {
                for candidate in &items {
                    if interp.equal(candidate, item) == Some(true) {
                        return Ok(Truth::Known(true));
                    }
                }
                Ok(Truth::Known(false))
            }
            Err(unknown) => Ok(Truth::Unknown(unknown)),
        }
    }
    /// An operator with this object on the left (`reflected`: on the right).
    fn operator(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        operator: HostOperator,
        other: &Value,
        reflected: bool,
    ) -> Eval<Option<Value>> {
        Ok(None)
    }
    /// `-this`, `~this`.
    fn unary(&self, interp: &mut Interp, this: &HostRef, operator: &str) -> Eval<Option<Value>> {
        Ok(None)
    }
    /// `bool(this)`.
    fn truth(&self, interp: &mut Interp, this: &HostRef) -> Eval<Truth> {
        Ok(Truth::Known(true))
    }
    /// `len(this)`.
    fn length(&self, interp: &mut Interp, this: &HostRef) -> Eval<Option<usize>> {
        Ok(None)
    }
    /// Its size, where a `for` loop over it notices that it changes.
    fn live_size(&self) -> Option<usize> {
        None
    }
    /// `str(this)`.
    fn string(&self, interp: &mut Interp, this: &HostRef) -> Eval<Option<Rc<str>>> {
        Ok(None)
    }
    /// `with this as x`.
    fn enter(&self, interp: &mut Interp, this: &HostRef) -> Eval<Value> {
        Ok(Value::Host(this.clone()))
    }
    /// The end of the `with`; true suppresses the exception.
    fn exit(&self, interp: &mut Interp, this: &HostRef, raised: Option<&Raise>) -> Eval<bool> {
        Ok(false)
    }
    /// `isinstance(value, this)`, where this object stands for a class.
    fn is_instance(&self, interp: &mut Interp, value: &Value) -> Eval<Truth> {
        Ok(Truth::Unknown(Unknown::new(
            Reason::Unsupported,
            format!("isinstance(..., {})", self.type_name()),
        )))
    }
    /// A class of the project derives from this object.
    fn class_defined(
        &self,
        interp: &mut Interp,
        class: &Rc<Class>,
        keywords: &[(SmolStr, Value)],
    ) -> Eval<()> {
        Ok(())
    }
    /// A class that derives from this object is called; `None`: as any Python class.
    fn instantiate(
        &self,
        interp: &mut Interp,
        class: &Rc<Class>,
        arguments: &Arguments,
    ) -> Eval<Option<Value>> {
        Ok(None)
    }
    /// An attribute that neither an instance nor its class has, where the class derives from this object.
    fn inherited(
        &self,
        interp: &mut Interp,
        receiver: &Value,
        class: &Rc<Class>,
        name: &str,
    ) -> Eval<Option<Value>> {
        Ok(None)
    }
}

/// The one host object that the interpreter sees: a box around an [`Object`].
#[derive(Debug)]
pub struct Thing(Box<dyn Object>);

impl HostObject for Thing {
    fn as_any(&self) -> &dyn Any {
        self
    }

    fn type_name(&self) -> &'static str {
        self.0.type_name()
    }
}

/// A value of an object.
pub fn value(object: impl Object) -> Value {
    Value::host(Thing(Box::new(object)))
}

/// The object behind a host reference, as a concrete type.
pub fn downcast<T: 'static>(host: &HostRef) -> Option<&T> {
    host.downcast::<Thing>()?.0.as_any().downcast_ref()
}

/// The object behind a value, as a concrete type.
pub fn get<T: 'static>(value: &Value) -> Option<&T> {
    match value {
        Value::Host(host) => downcast(host),
        _ => None,
    }
}

fn object(host: &HostRef) -> Option<&dyn Object> {
    host.downcast::<Thing>().map(|thing| &*thing.0)
}

/// A function of the model: `sa.Column`, `sa.text`. Also stands for a class where Python has one.
pub struct NativeFunction {
    /// Its name, and the [`Object::type_name`] of what it makes where it stands for a class.
    pub name: &'static str,
    /// Its body.
    pub body: fn(&mut Interp, Arguments) -> Eval<Value>,
}

impl fmt::Debug for NativeFunction {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name)
    }
}

/// A value of a native function.
pub fn function(name: &'static str, body: fn(&mut Interp, Arguments) -> Eval<Value>) -> Value {
    value(NativeFunction { name, body })
}

impl Object for NativeFunction {
    fn type_name(&self) -> &'static str {
        self.name
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "__name__").then(|| Value::str(self.name)))
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        (self.body)(interp, arguments)
    }
    fn is_instance(&self, _: &mut Interp, value: &Value) -> Eval<Truth> {
        Ok(Truth::Known(
            matches!(value, Value::Host(host) if host.0.type_name() == self.name),
        ))
    }
    fn instantiate(
        &self,
        interp: &mut Interp,
        _: &Rc<Class>,
        arguments: &Arguments,
    ) -> Eval<Option<Value>> {
        (self.body)(interp, arguments.clone()).map(Some)
    }
}

/// A method of an object as a value, whether or not [`Object::methods`] lists it.
pub fn bound_method(receiver: &HostRef, name: &str) -> Value {
    value(BoundMethod {
        receiver: receiver.clone(),
        name: SmolStr::new(name),
    })
}

/// The one object of a run under a key, made when it is first asked for: identity matters for `is`.
pub fn once(interp: &mut Interp, key: &str, make: impl FnOnce() -> Value) -> Value {
    if let Some(known) = interp.host.memo.get(key) {
        return known.clone();
    }
    let value = make();
    interp.host.memo.insert(key.to_owned(), value.clone());
    value
}

/// A method bound to its object.
#[derive(Debug)]
struct BoundMethod {
    receiver: HostRef,
    name: SmolStr,
}

impl Object for BoundMethod {
    fn type_name(&self) -> &'static str {
        "method"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "__name__").then(|| Value::str(self.name.as_str())))
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        match object(&self.receiver) {
            Some(receiver) => receiver.invoke(interp, &self.receiver, &self.name, arguments),
            None => Ok(Value::None),
        }
    }
}

impl Host for Environment {
    fn import(_: &mut Interp, module: &str) -> Option<Value> {
        super::modules::import(module)
    }

    fn attribute(interp: &mut Interp, host: &HostRef, name: &str) -> Eval<Option<Value>> {
        let Some(object) = object(host) else {
            return Ok(None);
        };
        if let Some(found) = object.attribute(interp, host, name)? {
            return Ok(Some(found));
        }
        if object.methods().contains(&name) {
            return Ok(Some(value(BoundMethod {
                receiver: host.clone(),
                name: SmolStr::new(name),
            })));
        }
        if name == "__class__" {
            return Ok(Some(
                interp.unknown(Reason::Unsupported, object.type_name()),
            ));
        }
        if object.is_closed() || (name.starts_with("__") && name.ends_with("__")) {
            return Ok(None);
        }
        let what = format!("{}.{name}", object.type_name());
        Ok(Some(interp.unknown(Reason::Unsupported, &what)))
    }

    fn set_attribute(interp: &mut Interp, host: &HostRef, name: &str, value: Value) -> Eval<()> {
        object(host).map_or(Ok(()), |object| {
            object.set_attribute(interp, host, name, value)
        })
    }

    fn call(interp: &mut Interp, host: &HostRef, arguments: Arguments) -> Eval<Value> {
        object(host).map_or(Ok(Value::None), |object| {
            object.call(interp, host, arguments)
        })
    }

    fn item(interp: &mut Interp, host: &HostRef, index: &Value) -> Eval<Value> {
        object(host).map_or(Ok(Value::None), |object| object.item(interp, host, index))
    }

    fn set_item(interp: &mut Interp, host: &HostRef, index: &Value, value: Value) -> Eval<()> {
        object(host).map_or(Ok(()), |object| object.set_item(interp, host, index, value))
    }

    fn iterate(interp: &mut Interp, host: &HostRef) -> Eval<Value> {
        object(host).map_or(Ok(Value::None), |object| object.iterate(interp, host))
    }

    fn contains(interp: &mut Interp, host: &HostRef, item: &Value) -> Eval<Truth> {
        object(host).map_or(Ok(Truth::Known(false)), |object| {
            object.contains(interp, host, item)
        })
    }

    fn operator(
        interp: &mut Interp,
        operator: HostOperator,
        left: &Value,
        right: &Value,
    ) -> Eval<Option<Value>> {
        if let Value::Host(host) = left
            && let Some(object) = object(host)
            && let Some(result) = object.operator(interp, host, operator, right, false)?
        {
            return Ok(Some(result));
        }
        if let Value::Host(host) = right
            && let Some(object) = object(host)
        {
            return object.operator(interp, host, operator, left, true);
        }
        Ok(None)
    }

    fn unary(interp: &mut Interp, operator: &str, host: &HostRef) -> Eval<Option<Value>> {
        object(host).map_or(Ok(None), |object| object.unary(interp, host, operator))
    }

    fn truth(interp: &mut Interp, host: &HostRef) -> Eval<Truth> {
        object(host).map_or(Ok(Truth::Known(true)), |object| object.truth(interp, host))
    }

    fn length(interp: &mut Interp, host: &HostRef) -> Eval<Option<usize>> {
        object(host).map_or(Ok(None), |object| object.length(interp, host))
    }

    fn live_size(host: &HostRef) -> Option<usize> {
        object(host).and_then(Object::live_size)
    }

    fn string(interp: &mut Interp, host: &HostRef) -> Eval<Option<Rc<str>>> {
        object(host).map_or(Ok(None), |object| object.string(interp, host))
    }

    fn enter(interp: &mut Interp, host: &HostRef) -> Eval<Value> {
        object(host).map_or(Ok(Value::None), |object| object.enter(interp, host))
    }

    fn exit(interp: &mut Interp, host: &HostRef, raised: Option<&Raise>) -> Eval<bool> {
        object(host).map_or(Ok(false), |object| object.exit(interp, host, raised))
    }

    fn is_instance(interp: &mut Interp, value: &Value, class: &HostRef) -> Eval<Truth> {
        object(class).map_or(Ok(Truth::Known(false)), |object| {
            object.is_instance(interp, value)
        })
    }

    fn class_defined(
        interp: &mut Interp,
        class: &Rc<Class>,
        keywords: &[(SmolStr, Value)],
    ) -> Eval<()> {
        let Some(base) = class.host_base() else {
            return Ok(());
        };
        object(&base).map_or(Ok(()), |object| {
            object.class_defined(interp, class, keywords)
        })
    }

    fn instantiate(
        interp: &mut Interp,
        class: &Rc<Class>,
        arguments: &Arguments,
    ) -> Eval<Option<Value>> {
        let Some(base) = class.host_base() else {
            return Ok(None);
        };
        object(&base).map_or(Ok(None), |object| {
            object.instantiate(interp, class, arguments)
        })
    }

    fn inherited(
        interp: &mut Interp,
        receiver: &Value,
        class: &Rc<Class>,
        name: &str,
    ) -> Eval<Option<Value>> {
        let Some(base) = class.host_base() else {
            return Ok(None);
        };
        object(&base).map_or(Ok(None), |object| {
            object.inherited(interp, receiver, class, name)
        })
    }

    fn unknown_attribute(interp: &mut Interp, name: &str) -> Option<Value> {
        // whatever engine, connection or session an application makes, the run is one on PostgreSQL
        (name == "dialect").then(|| super::context::dialect(interp))
    }

    fn guard(
        interp: &mut Interp,
        site: Site,
        taken: bool,
        skips: bool,
        grounds: Grounds,
    ) -> (u32, bool) {
        interp.host.questions.decided(site, taken, skips, grounds)
    }

    fn unknown_call(
        interp: &mut Interp,
        unknown: &Unknown,
        arguments: &Arguments,
    ) -> Eval<Option<Value>> {
        super::env::unknown_call(interp, unknown, arguments)
    }

    fn names_thing(interp: &mut Interp, text: &str) -> bool {
        let mut named = interp.host.session.catalog.relations.named(text);
        named.next().is_some()
    }

    fn decide(interp: &mut Interp, unknown: &Unknown) -> bool {
        let site = interp.frames().last().map(|frame| frame.site);
        let own = interp.host.revision_file;
        let loading = interp.loads_another_than(own);
        let taken = interp.host.decisions.decide(unknown, site, loading);
        listing::learn(interp, unknown, taken);
        taken
    }

    fn has_member(interp: &mut Interp, number: u32, name: &str) -> Option<bool> {
        listing::has_member(interp, number, name)
    }

    fn gap(interp: &mut Interp, what: String) {
        let site = interp.stack_in(interp.host.revision_file).first().copied();
        interp.host.note_gap(site, what);
    }
}
