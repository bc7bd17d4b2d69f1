//! Methods of lists, tuples, sets and dicts.

use std::cell::RefCell;
use std::cmp::Ordering;
use std::rc::Rc;

use indexmap::IndexMap;

use super::containers::{binary, dict_of, pairs, set_of};
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, as_int, contains_key};
use crate::python::syntax::BinaryOperator;
use crate::python::value::{Key, Value};

/// Names of the methods of lists.
pub(crate) const LIST: &[&str] = &[
    "append",
    "appendleft",
    "clear",
    "copy",
    "count",
    "extend",
    "index",
    "insert",
    "pop",
    "popleft",
    "remove",
    "reverse",
    "sort",
    "__len__",
    "__contains__",
    "__iter__",
    "__getitem__",
];
/// Names of the methods of tuples.
pub(crate) const TUPLE: &[&str] = &[
    "count",
    "index",
    "__len__",
    "__contains__",
    "__iter__",
    "__getitem__",
];
/// Names of the methods of sets.
pub(crate) const SET: &[&str] = &[
    "add",
    "clear",
    "copy",
    "difference",
    "difference_update",
    "discard",
    "intersection",
    "intersection_update",
    "isdisjoint",
    "issubset",
    "issuperset",
    "pop",
    "remove",
    "symmetric_difference",
    "symmetric_difference_update",
    "union",
    "update",
    "__len__",
    "__contains__",
    "__iter__",
];
/// Names of the methods of dicts.
pub(crate) const DICT: &[&str] = &[
    "clear",
    "copy",
    "fromkeys",
    "get",
    "items",
    "keys",
    "pop",
    "popitem",
    "setdefault",
    "update",
    "values",
    "move_to_end",
    "most_common",
    "elements",
    "__len__",
    "__contains__",
    "__iter__",
    "__getitem__",
    "__setitem__",
];

/// A method of a list.
pub(crate) fn list<H: Host>(
    interpreter: &mut Interpreter<H>,
    receiver: &Value,
    items: &Rc<RefCell<Vec<Value>>>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let first = arguments.positional.first().cloned();
    Ok(match (name, first) {
        ("append", Some(value)) => {
            let length = items.borrow().len();
            interpreter.check_length(length)?;
            items.borrow_mut().push(value);
            Value::None
        }
        ("appendleft", Some(value)) => {
            items.borrow_mut().insert(0, value);
            Value::None
        }
        ("extend", Some(value)) => {
            match interpreter.items(&value)? {
                Ok(new) => {
                    let length = items.borrow().len();
                    interpreter.check_length(length + new.len())?;
                    items.borrow_mut().extend(new);
                }
                // some items more, how many is not known: one stands for them
                Err(unknown) => items
                    .borrow_mut()
                    .push(Value::unknown(unknown.then("[...]"))),
            }
            Value::None
        }
        ("insert", Some(at)) => {
            let length = items.borrow().len() as i64;
            let at = as_int(&at).unwrap_or(length);
            let at = if at < 0 { at + length } else { at }.clamp(0, length);
            if let Some(value) = arguments.positional.get(1) {
                items.borrow_mut().insert(at as usize, value.clone());
            }
            Value::None
        }
        ("pop", at) => {
            let length = items.borrow().len() as i64;
            let at = at.as_ref().map_or(Some(-1), as_int);
            let Some(at) = at else {
                return Ok(interpreter.unsupported("list.pop()"));
            };
            let at = if at < 0 {
                at.saturating_add(length)
            } else {
                at
            };
            if at < 0 || at >= length {
                let message = if length == 0 {
                    "pop from empty list"
                } else {
                    "pop index out of range"
                };
                return Err(interpreter.error("IndexError", message));
            }
            items.borrow_mut().remove(at as usize)
        }
        ("popleft", _) => {
            if items.borrow().is_empty() {
                return Err(interpreter.error("IndexError", "pop from an empty deque"));
            }
            items.borrow_mut().remove(0)
        }
        ("remove", Some(value)) => {
            let at = position(interpreter, &items.borrow().clone(), &value);
            match at {
                Some(at) => {
                    items.borrow_mut().remove(at);
                }
                None => {
                    return Err(interpreter.error("ValueError", "list.remove(x): x not in list"));
                }
            }
            Value::None
        }
        ("clear", _) => {
            let old = std::mem::take(&mut *items.borrow_mut());
            drop(old);
            Value::None
        }
        ("copy", _) => Value::list(items.borrow().clone()),
        ("reverse", _) => {
            items.borrow_mut().reverse();
            Value::None
        }
        ("sort", _) => {
            let unsorted = items.borrow().clone();
            let sorted = sort(interpreter, unsorted, arguments)?;
            *items.borrow_mut() = sorted;
            Value::None
        }
        _ => {
            let sequence = items.borrow().clone();
            return shared(interpreter, receiver, &sequence, name, arguments);
        }
    })
}

/// A method that lists and tuples share.
pub(crate) fn shared<H: Host>(
    interpreter: &mut Interpreter<H>,
    receiver: &Value,
    items: &[Value],
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let first = arguments.positional.first().cloned().unwrap_or(Value::None);
    Ok(match name {
        "count" => {
            let mut count = 0;
            for item in items {
                match interpreter.equal(item, &first) {
                    Some(true) => count += 1,
                    Some(false) => {}
                    None => return Ok(interpreter.unsupported(".count()")),
                }
            }
            Value::Int(count)
        }
        "index" => match position(interpreter, items, &first) {
            Some(at) => Value::Int(at as i64),
            None => return Err(interpreter.error("ValueError", "is not in list")),
        },
        "__len__" => Value::Int(items.len() as i64),
        "__contains__" => truth_value(interpreter.contains(receiver, &first)?),
        "__iter__" => super::iterators::iterator(items.to_vec()),
        "__getitem__" => return interpreter.item(receiver, &first),
        _ => interpreter.unsupported(&format!(".{name}()")),
    })
}

fn truth_value(truth: crate::python::Truth) -> Value {
    match truth {
        crate::python::Truth::Known(truth) => Value::Bool(truth),
        crate::python::Truth::Unknown(unknown) => Value::unknown(unknown),
    }
}

fn position<H: Host>(
    interpreter: &mut Interpreter<H>,
    items: &[Value],
    value: &Value,
) -> Option<usize> {
    items
        .iter()
        .position(|item| interpreter.equal(item, value) == Some(true))
}

/// Items in order, by `key` and `reverse`; those whose order is not known stay as they stand.
pub(crate) fn sort<H: Host>(
    interpreter: &mut Interpreter<H>,
    items: Vec<Value>,
    arguments: &Arguments,
) -> Eval<Vec<Value>> {
    let key = arguments.named("key").filter(|key| !key.is_none()).cloned();
    let reverse = match arguments.named("reverse") {
        Some(reverse) => interpreter.truth(reverse)?,
        None => false,
    };
    let mut keyed = Vec::with_capacity(items.len());
    for item in items {
        let by = match &key {
            Some(key) => interpreter.call(
                key,
                Arguments {
                    positional: vec![item.clone()],
                    ..Arguments::default()
                },
            )?,
            None => item.clone(),
        };
        keyed.push((by, item));
    }
    let mut failed = None;
    let mut sorted: Vec<(Value, Value)> = Vec::new();
    // a merge sort of our own: the standard one may panic on an order that is not total, which user code can make
    merge_sort(&mut keyed, &mut sorted, &mut |left, right| {
        if failed.is_some() {
            return Ordering::Equal;
        }
        match interpreter.order(left, right, 0) {
            Ok(order) => {
                let order = order.unwrap_or(Ordering::Equal);
                if reverse { order.reverse() } else { order }
            }
            Err(raised) => {
                failed = Some(raised);
                Ordering::Equal
            }
        }
    });
    match failed {
        Some(raised) => Err(raised),
        None => Ok(keyed.into_iter().map(|(_, item)| item).collect()),
    }
}

fn merge_sort(
    items: &mut Vec<(Value, Value)>,
    buffer: &mut Vec<(Value, Value)>,
    compare: &mut dyn FnMut(&Value, &Value) -> Ordering,
) {
    let length = items.len();
    let mut width = 1;
    while width < length {
        buffer.clear();
        let mut start = 0;
        while start < length {
            let middle = (start + width).min(length);
            let end = (start + 2 * width).min(length);
            let (mut left, mut right) = (start, middle);
            while left < middle || right < end {
                let take_left = right >= end
                    || left < middle
                        && compare(&items[left].0, &items[right].0) != Ordering::Greater;
                let at = if take_left { &mut left } else { &mut right };
                buffer.push(items[*at].clone());
                *at += 1;
            }
            start = end;
        }
        std::mem::swap(items, buffer);
        width *= 2;
    }
}

/// A method of a set.
pub(crate) fn set<H: Host>(
    interpreter: &mut Interpreter<H>,
    receiver: &Value,
    entries: &Rc<RefCell<IndexMap<Key, Value>>>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let first = arguments.positional.first().cloned();
    let operator = match name {
        "union" | "update" => Some(BinaryOperator::Or),
        "intersection" | "intersection_update" => Some(BinaryOperator::And),
        "difference" | "difference_update" => Some(BinaryOperator::Subtract),
        "symmetric_difference" | "symmetric_difference_update" => Some(BinaryOperator::Xor),
        _ => None,
    };
    if let Some(operator) = operator {
        let mut result = Value::Set(Rc::new(RefCell::new(entries.borrow().clone())));
        for other in &arguments.positional {
            let other = match interpreter.items(other)? {
                Ok(items) => set_of(interpreter, items)?,
                Err(unknown) => return Ok(Value::unknown(unknown.then(&format!(" in .{name}()")))),
            };
            result = match binary(interpreter, operator, &result, &other)? {
                Some(result) => result,
                None => return Ok(interpreter.unsupported(name)),
            };
        }
        if !name.ends_with("update") {
            return Ok(result);
        }
        if let Value::Set(result) = &result {
            let result = result.borrow().clone();
            *entries.borrow_mut() = result;
        }
        return Ok(Value::None);
    }
    Ok(match (name, first) {
        ("add", Some(value)) => {
            let key = interpreter.key(&value)?;
            entries.borrow_mut().entry(key).or_insert(value);
            Value::None
        }
        ("discard", Some(value)) => {
            let key = interpreter.key(&value)?;
            entries.borrow_mut().shift_remove(&key);
            Value::None
        }
        ("remove", Some(value)) => {
            let key = interpreter.key(&value)?;
            if entries.borrow_mut().shift_remove(&key).is_none() {
                let text = super::text::repr(interpreter, &value)?;
                return Err(interpreter.error("KeyError", &text));
            }
            Value::None
        }
        ("pop", _) => match entries.borrow_mut().shift_remove_index(0) {
            Some((_, value)) => value,
            None => return Err(interpreter.error("KeyError", "'pop from an empty set'")),
        },
        ("clear", _) => {
            entries.borrow_mut().clear();
            Value::None
        }
        ("copy", _) => Value::Set(Rc::new(RefCell::new(entries.borrow().clone()))),
        ("issubset" | "issuperset" | "isdisjoint", Some(other)) => {
            let other = match interpreter.items(&other)? {
                Ok(items) => set_of(interpreter, items)?,
                Err(unknown) => return Ok(Value::unknown(unknown.then(&format!(" in .{name}()")))),
            };
            let Value::Set(other) = other else {
                return Ok(interpreter.unsupported(name));
            };
            let (one, other) = (entries.borrow(), other.borrow());
            let within = |inner: &IndexMap<Key, Value>, outer: &IndexMap<Key, Value>| {
                let mut known = true;
                for key in inner.keys() {
                    match contains_key(outer, key) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => known = false,
                    }
                }
                known.then_some(true)
            };
            let result = match name {
                "issubset" => within(&one, &other),
                "issuperset" => within(&other, &one),
                _ => {
                    let mut result = Some(true);
                    for key in one.keys() {
                        match contains_key(&other, key) {
                            Some(true) => {
                                result = Some(false);
                                break;
                            }
                            Some(false) => {}
                            None => result = None,
                        }
                    }
                    result
                }
            };
            match result {
                Some(result) => Value::Bool(result),
                None => interpreter.unsupported(name),
            }
        }
        _ => {
            let items: Vec<Value> = entries.borrow().values().cloned().collect();
            return shared(interpreter, receiver, &items, name, arguments);
        }
    })
}

/// A method of a dict.
pub(crate) fn dict<H: Host>(
    interpreter: &mut Interpreter<H>,
    receiver: &Value,
    entries: &Rc<RefCell<IndexMap<Key, Value>>>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let first = arguments.positional.first().cloned();
    let second = arguments.positional.get(1).cloned();
    Ok(match (name, first) {
        ("keys" | "__iter__", _) => {
            let keys: Vec<Key> = entries.borrow().keys().cloned().collect();
            let items: Vec<Value> = keys.iter().map(|key| interpreter.key_value(key)).collect();
            // views are sets where that matters: `d.keys() - other`
            if name == "keys" {
                let set = keys.into_iter().zip(items).collect();
                return Ok(Value::Set(Rc::new(RefCell::new(set))));
            }
            super::iterators::iterator(items)
        }
        ("values", _) => Value::list(entries.borrow().values().cloned().collect()),
        ("items", _) => {
            let pairs: Vec<(Key, Value)> = entries
                .borrow()
                .iter()
                .map(|(key, value)| (key.clone(), value.clone()))
                .collect();
            Value::list(
                pairs
                    .into_iter()
                    .map(|(key, value)| Value::tuple(vec![interpreter.key_value(&key), value]))
                    .collect(),
            )
        }
        ("get" | "pop" | "setdefault", Some(Value::Unknown(unknown))) => {
            Value::unknown(unknown.then(" as a key"))
        }
        ("get", Some(key)) => {
            let key = interpreter.key(&key)?;
            let found = entries.borrow().get(&key).cloned();
            let known = contains_key(&entries.borrow(), &key);
            match (found, known) {
                (Some(found), _) => found,
                (None, None) => interpreter.unsupported("an item of a dict"),
                (None, _) => second
                    .or_else(|| arguments.named("default").cloned())
                    .unwrap_or(Value::None),
            }
        }
        ("pop", Some(key)) => {
            let found = {
                let key = interpreter.key(&key)?;
                entries.borrow_mut().shift_remove(&key)
            };
            match (found, second) {
                (Some(found), _) => found,
                (None, Some(default)) => default,
                (None, None) => {
                    let text = super::text::repr(interpreter, &key)?;
                    return Err(interpreter.error("KeyError", &text));
                }
            }
        }
        ("popitem", _) => {
            let last = entries.borrow_mut().pop();
            match last {
                Some((key, value)) => Value::tuple(vec![interpreter.key_value(&key), value]),
                None => {
                    return Err(interpreter.error("KeyError", "'popitem(): dictionary is empty'"));
                }
            }
        }
        ("setdefault", Some(key)) => {
            let key = interpreter.key(&key)?;
            let default = second.unwrap_or(Value::None);
            entries.borrow_mut().entry(key).or_insert(default).clone()
        }
        ("update", first) => {
            if let Some(other) = first {
                match pairs(interpreter, &other)? {
                    Ok(new) => entries.borrow_mut().extend(new),
                    Err(_) => {
                        H::gap(
                            interpreter,
                            "a dict is updated from something unknown".into(),
                        );
                    }
                }
            }
            for (name, value) in &arguments.keyword {
                entries
                    .borrow_mut()
                    .insert(Key::Str(name.as_str().into()), value.clone());
            }
            Value::None
        }
        ("clear", _) => {
            entries.borrow_mut().clear();
            Value::None
        }
        ("copy", _) => dict_of(entries.borrow().clone()),
        ("move_to_end", _) => Value::None,
        ("__len__", _) => Value::Int(entries.borrow().len() as i64),
        ("__contains__", Some(key)) => truth_value(interpreter.contains(receiver, &key)?),
        ("__getitem__", Some(key)) => return interpreter.item(receiver, &key),
        ("__setitem__", Some(key)) => {
            interpreter.set_item(receiver, &key, second.unwrap_or(Value::None))?;
            Value::None
        }
        _ => interpreter.unsupported(&format!("dict.{name}()")),
    })
}
