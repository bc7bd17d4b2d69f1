//! Iterators: what generators, `iter`, `map`, `zip` give. All items are there at once; what was taken is counted.

use std::rc::Rc;

use super::exceptions::class;
use crate::limits::Limit;
use crate::python::host::{Eval, Host};
use crate::python::interpreter::{Interpreter, instance};
use crate::python::value::{Instance, Value};
use crate::unknown::Unknown;

/// An iterator over items.
pub(crate) fn iterator(items: Vec<Value>) -> Value {
    instance(
        &class("generator"),
        vec![("items", Value::list(items)), ("position", Value::Int(0))],
    )
}

/// The items that are left in an iterator or other iterable of Python's own, which are then taken; `None`: none of those.
pub(crate) fn items<H: Host>(
    interpreter: &mut Interpreter<H>,
    instance: &Rc<Instance>,
) -> Eval<Option<Result<Vec<Value>, Unknown>>> {
    let name = instance.class.name.as_str();
    if instance.class.site.is_none() {
        match name {
            "generator" => {
                let mut attributes = instance.attributes.borrow_mut();
                let taken = match attributes.get("position") {
                    Some(Value::Int(position)) => *position as usize,
                    _ => 0,
                };
                let items = match attributes.get("items") {
                    Some(Value::List(items)) => {
                        items.borrow().get(taken..).unwrap_or_default().to_vec()
                    }
                    _ => Vec::new(),
                };
                attributes.insert("position".into(), Value::Int((taken + items.len()) as i64));
                return Ok(Some(Ok(items)));
            }
            "range" => return range_items(interpreter, instance).map(|items| Some(Ok(items))),
            "count" => {
                // without an end: as many as a loop may take
                return Ok(Some(Err(interpreter.unknown_at(
                    crate::unknown::Reason::Unsupported,
                    "itertools.count()",
                ))));
            }
            "StringIO" => {
                let text = instance.attributes.borrow().get("text").cloned();
                let Some(Value::Str(text)) = text else {
                    return Ok(Some(Ok(Vec::new())));
                };
                let lines = text.text.split_inclusive('\n').map(Value::str).collect();
                return Ok(Some(Ok(lines)));
            }
            _ => {}
        }
    }
    if let Some(inner) = super::backing(instance) {
        return interpreter.items(&inner).map(Some);
    }
    if let Some(inner) = super::enums::mixin_value(instance) {
        return interpreter.items(&inner).map(Some);
    }
    if instance.class.site.is_none() && instance.class.name == "_Harmless" {
        return Ok(Some(Ok(Vec::new())));
    }
    if let Some(fields) = super::dataclasses::tuple_fields(&instance.class) {
        let attributes = instance.attributes.borrow();
        let items = fields
            .iter()
            .map(|field| attributes.get(field).cloned().unwrap_or(Value::None))
            .collect();
        return Ok(Some(Ok(items)));
    }
    Ok(None)
}

/// The next item of an iterator; `Ok(None)`: it has ended.
pub(crate) fn next<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
) -> Eval<Option<Value>> {
    let Value::Instance(found) = value else {
        return Ok(None);
    };
    if found.class.name == "count" {
        let mut attributes = found.attributes.borrow_mut();
        let number = |value: Option<&Value>, default| match value {
            Some(Value::Int(value)) => *value,
            _ => default,
        };
        let current = number(attributes.get("start"), 0);
        let step = number(attributes.get("step"), 1);
        attributes.insert("start".into(), Value::Int(current.saturating_add(step)));
        return Ok(Some(Value::Int(current)));
    }
    if found.class.name == "generator" {
        let mut attributes = found.attributes.borrow_mut();
        let taken = match attributes.get("position") {
            Some(Value::Int(position)) => *position as usize,
            _ => 0,
        };
        let item = match attributes.get("items") {
            Some(Value::List(items)) => items.borrow().get(taken).cloned(),
            _ => None,
        };
        if item.is_some() {
            attributes.insert("position".into(), Value::Int(taken as i64 + 1));
        }
        return Ok(item);
    }
    let next = interpreter.attribute(value, "__next__")?;
    match interpreter.call(&next, crate::python::Arguments::default()) {
        Ok(item) => Ok(Some(item)),
        Err(raised)
            if !raised.bound
                && matches!(&raised.exception, Value::Instance(instance)
                    if instance.class.is_subclass_of("StopIteration")) =>
        {
            Ok(None)
        }
        Err(raised) => Err(raised),
    }
}

/// `range(start, stop, step)`.
pub(crate) fn range(start: i64, stop: i64, step: i64) -> Value {
    instance(
        &class("range"),
        vec![
            ("start", Value::Int(start)),
            ("stop", Value::Int(stop)),
            ("step", Value::Int(step)),
        ],
    )
}

/// Start, stop, step.
pub(crate) fn range_parts(instance: &Instance) -> (i64, i64, i64) {
    let attributes = instance.attributes.borrow();
    let part = |name: &str, default| match attributes.get(name) {
        Some(Value::Int(value)) => *value,
        _ => default,
    };
    (part("start", 0), part("stop", 0), part("step", 1))
}

/// How many numbers a range has.
pub(crate) fn range_length(instance: &Instance) -> u64 {
    let (start, stop, step) = range_parts(instance);
    let distance = if step > 0 {
        i128::from(stop) - i128::from(start)
    } else {
        i128::from(start) - i128::from(stop)
    };
    if distance <= 0 || step == 0 {
        return 0;
    }
    let step = i128::from(step).abs();
    u64::try_from((distance + step - 1) / step).unwrap_or(u64::MAX)
}

fn range_items<H: Host>(interpreter: &mut Interpreter<H>, instance: &Instance) -> Eval<Vec<Value>> {
    let length = range_length(instance);
    // a list of numbers is cheaper than the turns of a loop over it
    if length > Limit::LoopTurns.get().saturating_mul(50) {
        return Err(interpreter.bound(Limit::LoopTurns));
    }
    let (start, _, step) = range_parts(instance);
    Ok((0..length as i64)
        .map(|position| Value::Int(start.saturating_add(position.saturating_mul(step))))
        .collect())
}
