//! Truth, iteration and keys.

use std::rc::Rc;

use super::Interpreter;
use crate::limits::Limit;
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host, Truth};
use crate::python::value::{Key, Value};
use crate::unknown::{Unknown, has_hole, is_fresh};

impl<H: Host> Interpreter<H> {
    pub(crate) fn truth_of(&mut self, value: &Value) -> Eval<Truth> {
        if let Some(unknown) = self.may_be_empty(value) {
            return Ok(Truth::Unknown(unknown.clone()));
        }
        Ok(Truth::Known(match value {
            Value::None => false,
            Value::Bool(value) => *value,
            Value::Int(value) => *value != 0,
            Value::Float(value) => *value != 0.0,
            Value::Str(string) => {
                let text = &*string.text;
                // a text that is one hole may be empty
                if has_hole(text) && text.chars().all(|part| part == crate::unknown::HOLE) {
                    return Ok(Truth::Unknown(self.hole_in(text)));
                }
                !text.is_empty()
            }
            Value::Bytes(bytes) => !bytes.is_empty(),
            Value::List(items) => !items.borrow().is_empty(),
            Value::Tuple(items) => !items.is_empty(),
            Value::Set(items) => !items.borrow().is_empty(),
            Value::Dict(items) => !items.borrow().is_empty(),
            Value::Unknown(unknown) => return Ok(self.truth_of_unknown(unknown)),
            Value::Host(host) => {
                let host = host.clone();
                return H::truth(self, &host);
            }
            Value::Instance(instance) => {
                if let Some(length) = builtins::instance_length(instance) {
                    return Ok(Truth::Known(length != 0));
                }
                for name in ["__bool__", "__len__"] {
                    if instance.class.lookup(name).is_some()
                        && let Some(method) = self.find_attribute(value, name)?
                    {
                        let result = self.call_value(&method, Arguments::default())?;
                        self.enter()?;
                        let truth = self.truth_of(&result);
                        self.leave();
                        return truth;
                    }
                }
                true
            }
            _ => true,
        }))
    }

    pub(crate) fn hole_in(&self, text: &str) -> Unknown {
        let mut what = String::new();
        builtins::describe(&Value::str(text), &mut what);
        self.unknown_at(crate::unknown::Reason::Unsupported, &what)
    }

    /// The items of any iterable, or the unknown that hides them.
    pub(crate) fn iterate(&mut self, value: &Value) -> Eval<Result<Vec<Value>, Unknown>> {
        Ok(Ok(match value {
            Value::List(items) => items.borrow().clone(),
            Value::Tuple(items) => items.to_vec(),
            Value::Set(items) => items.borrow().values().cloned().collect(),
            Value::Dict(items) => {
                let keys: Vec<Key> = items.borrow().keys().cloned().collect();
                keys.iter().map(|key| self.key_value(key)).collect()
            }
            Value::Str(string) => {
                if has_hole(&string.text) || is_fresh(&string.text) {
                    return Ok(Err(self.hole_in(&string.text)));
                }
                string
                    .text
                    .chars()
                    .map(|character| Value::str(character.to_string()))
                    .collect()
            }
            Value::Bytes(bytes) => bytes
                .iter()
                .map(|byte| Value::Int(i64::from(*byte)))
                .collect(),
            Value::Unknown(unknown) => return Ok(Err((**unknown).clone())),
            Value::Host(host) => {
                let host = host.clone();
                let items = H::iterate(self, &host)?;
                if let Value::Host(_) = items {
                    return Ok(Err(self.unknown_at(
                        crate::unknown::Reason::Unsupported,
                        host.0.type_name(),
                    )));
                }
                self.inherit_growth(value, [&items]);
                self.enter()?;
                let result = self.iterate(&items);
                self.leave();
                return result;
            }
            Value::Fresh(what) => {
                return Ok(Err(
                    self.unknown_at(crate::unknown::Reason::Unsupported, what)
                ));
            }
            Value::Class(class) => match builtins::enums::members(class) {
                Some(members) => members,
                None if class.lookup("__members__").is_none() && !has_unknown_base(class) => {
                    return Err(self.not_iterable(value));
                }
                None => {
                    return Ok(Err(
                        self.unknown_at(crate::unknown::Reason::Unsupported, &class.name)
                    ));
                }
            },
            Value::Instance(instance) => {
                let instance = instance.clone();
                if let Some(items) = builtins::iterators::items(self, &instance)? {
                    return Ok(items);
                }
                let Some(method) = self.find_attribute(value, "__iter__")? else {
                    return Err(self.not_iterable(value));
                };
                let iterator = self.call_value(&method, Arguments::default())?;
                // an object that is its own iterator is stepped until it ends
                if let Value::Instance(same) = &iterator
                    && Rc::ptr_eq(same, &instance)
                {
                    return self.step_through(value);
                }
                self.enter()?;
                let result = self.iterate(&iterator);
                self.leave();
                return result;
            }
            _ => return Err(self.not_iterable(value)),
        }))
    }

    fn step_through(&mut self, value: &Value) -> Eval<Result<Vec<Value>, Unknown>> {
        let Some(next) = self.find_attribute(value, "__next__")? else {
            return Err(self.not_iterable(value));
        };
        let mut items = Vec::new();
        loop {
            match self.call_value(&next, Arguments::default()) {
                Ok(item) => items.push(item),
                Err(raised) => {
                    let ended = matches!(&raised.exception, Value::Instance(instance)
                        if instance.class.is_subclass_of("StopIteration"));
                    if ended && !raised.bound {
                        return Ok(Ok(items));
                    }
                    return Err(raised);
                }
            }
            if items.len() > self.limits.turns as usize {
                return Err(self.bound(Limit::LoopTurns));
            }
        }
    }

    fn not_iterable(&mut self, value: &Value) -> Box<crate::python::Raise> {
        let message = format!("'{}' object is not iterable", builtins::type_name(value));
        self.error("TypeError", &message)
    }

    pub(crate) fn key_of(&mut self, value: &Value) -> Eval<Key> {
        Ok(match value {
            Value::None => Key::None,
            Value::Bool(value) => Key::Int(i64::from(*value)),
            Value::Int(value) => Key::Int(*value),
            Value::Float(value) if value.fract() == 0.0 && value.abs() < 9e15 => {
                Key::Int(*value as i64)
            }
            Value::Float(value) => Key::Float(value.to_bits()),
            Value::Str(string) if is_fresh(&string.text) => self.fresh_key(value),
            Value::Str(string) => Key::Str(string.text.clone()),
            Value::Bytes(bytes) => Key::Bytes(bytes.clone()),
            Value::Tuple(items) => {
                self.enter()?;
                let keys: Eval<Vec<Key>> = items.iter().map(|item| self.key_of(item)).collect();
                self.leave();
                Key::Tuple(keys?.into())
            }
            Value::List(_) | Value::Dict(_) => {
                let message = format!("unhashable type: '{}'", builtins::type_name(value));
                return Err(self.error("TypeError", &message));
            }
            Value::Fresh(_) => self.fresh_key(value),
            Value::Instance(instance) => match builtins::enums::mixin_value(instance) {
                Some(Value::Str(string)) => Key::Str(string.text),
                Some(Value::Int(value)) => Key::Int(value),
                _ => match builtins::value_key(value) {
                    Some(key) => self.remember(key, value),
                    None => self.remember(identity(value), value),
                },
            },
            Value::Builtin(name) => self.remember(name.as_ptr() as usize, value),
            _ => self.remember(identity(value), value),
        })
    }

    fn remember(&mut self, identity: usize, value: &Value) -> Key {
        self.state
            .identities
            .entry(identity)
            .or_insert_with(|| value.clone());
        Key::Identity(identity)
    }

    /// A key that no other equals.
    fn fresh_key(&mut self, value: &Value) -> Key {
        self.state.fresh += 1;
        // addresses are even: odd numbers are free
        let identity = usize::MAX - 2 * self.state.fresh;
        self.remember(identity | 1, value)
    }
}

pub(crate) fn has_unknown_base(class: &crate::python::Class) -> bool {
    class.bases.iter().any(|base| match base {
        Value::Unknown(_) => true,
        Value::Class(class) => has_unknown_base(class),
        _ => false,
    })
}

/// The address that stands for an object.
pub(crate) fn identity(value: &Value) -> usize {
    match value {
        Value::Function(function) => Rc::as_ptr(function) as usize,
        Value::Class(class) => Rc::as_ptr(class) as usize,
        Value::Instance(instance) => Rc::as_ptr(instance) as usize,
        Value::Module(module) => Rc::as_ptr(module) as usize,
        Value::Host(host) => Rc::as_ptr(&host.0).cast::<()>() as usize,
        Value::Unknown(unknown) => Rc::as_ptr(unknown) as usize,
        Value::List(items) => Rc::as_ptr(items) as usize,
        Value::Dict(items) | Value::Set(items) => Rc::as_ptr(items) as usize,
        Value::Method { function, receiver } => {
            identity(function) ^ identity(receiver).rotate_left(7)
        }
        Value::Builtin(name) => name.as_ptr() as usize,
        _ => 1,
    }
}
