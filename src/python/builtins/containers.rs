//! Lists, tuples, sets, dicts: items, slices, operators.

use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;

use super::exceptions::class;
use crate::python::host::{Eval, Host};
use crate::python::interpreter::{Interpreter, as_int, contains_key, instance};
use crate::python::syntax::BinaryOperator;
use crate::python::value::{Key, Scope, Value};
use crate::unknown::{HOLE, Unknown, has_hole, is_fresh};

pub(crate) fn empty_dict() -> Value {
    dict_of(IndexMap::new())
}

pub(crate) fn dict_of(entries: IndexMap<Key, Value>) -> Value {
    Value::Dict(Rc::new(RefCell::new(entries)))
}

pub(crate) fn set_of<H: Host>(interpreter: &mut Interpreter<H>, items: Vec<Value>) -> Eval<Value> {
    let mut entries = IndexMap::with_capacity(items.len());
    for item in items {
        let key = interpreter.key(&item)?;
        entries.entry(key).or_insert(item);
    }
    Ok(Value::Set(Rc::new(RefCell::new(entries))))
}

/// The names of a scope as a dict, as `globals()` gives it; it is a copy.
pub(crate) fn scope_dict(scope: &Rc<Scope>) -> Value {
    let entries = scope
        .names
        .borrow()
        .iter()
        .map(|(name, value)| (Key::Str(name.as_str().into()), value.clone()))
        .collect();
    dict_of(entries)
}

pub(crate) fn slice_object(parts: Vec<Value>) -> Value {
    let mut parts = parts.into_iter();
    instance(
        &class("slice"),
        vec![
            ("start", parts.next().unwrap_or(Value::None)),
            ("stop", parts.next().unwrap_or(Value::None)),
            ("step", parts.next().unwrap_or(Value::None)),
        ],
    )
}

/// The entries of a mapping or of pairs, for `dict(x)` and `**x`.
pub(crate) fn pairs<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
) -> Eval<Result<IndexMap<Key, Value>, Unknown>> {
    if let Value::Dict(entries) = value {
        return Ok(Ok(entries.borrow().clone()));
    }
    // a mapping of the host or of the project has `keys`
    if matches!(value, Value::Host(_) | Value::Instance(_))
        && let Some(keys) = interpreter.attribute_or_none(value, "keys")?
    {
        let keys = interpreter.call(&keys, crate::python::Arguments::default())?;
        let keys = match interpreter.items(&keys)? {
            Ok(keys) => keys,
            Err(unknown) => return Ok(Err(unknown)),
        };
        let mut entries = IndexMap::new();
        for key in keys {
            let item = interpreter.item(value, &key)?;
            entries.insert(interpreter.key(&key)?, item);
        }
        return Ok(Ok(entries));
    }
    let items = match interpreter.items(value)? {
        Ok(items) => items,
        Err(unknown) => return Ok(Err(unknown)),
    };
    let mut entries = IndexMap::with_capacity(items.len());
    for item in items {
        match interpreter.items(&item)? {
            Ok(pair) => {
                let [key, value] = pair.as_slice() else {
                    return Err(interpreter.error(
                        "ValueError",
                        "dictionary update sequence element has not length 2",
                    ));
                };
                entries.insert(interpreter.key(key)?, value.clone());
            }
            Err(unknown) => return Ok(Err(unknown)),
        }
    }
    Ok(Ok(entries))
}

/// The parts of a slice object, as they are for a sequence of a length.
fn slice_indices(index: &Value, length: usize) -> Option<Result<(Vec<usize>, bool), ()>> {
    let Value::Instance(found) = index else {
        return None;
    };
    if found.class.name != "slice" {
        return None;
    }
    let attributes = found.attributes.borrow();
    let part = |name: &str| match attributes.get(name) {
        None | Some(Value::None) => Ok(None),
        Some(value) => as_int(value).map(Some).ok_or(()),
    };
    let (Ok(start), Ok(stop), Ok(step)) = (part("start"), part("stop"), part("step")) else {
        return Some(Err(()));
    };
    let length = length as i64;
    let step = step.unwrap_or(1);
    if step == 0 {
        return Some(Err(()));
    }
    let clamp = |value: i64, low: i64, high: i64| {
        let value = if value < 0 {
            value.saturating_add(length)
        } else {
            value
        };
        value.clamp(low, high)
    };
    let mut positions = Vec::new();
    if step > 0 {
        let mut at = start.map_or(0, |start| clamp(start, 0, length));
        let stop = stop.map_or(length, |stop| clamp(stop, 0, length));
        while at < stop {
            positions.push(at as usize);
            at = at.saturating_add(step);
        }
    } else {
        let mut at = start.map_or(length - 1, |start| clamp(start, -1, length - 1));
        let stop = stop.map_or(-1, |stop| clamp(stop, -1, length - 1));
        while at > stop {
            positions.push(at as usize);
            at = at.saturating_add(step);
        }
    }
    Some(Ok((positions, step == 1)))
}

fn position<H: Host>(
    interpreter: &mut Interpreter<H>,
    index: &Value,
    length: usize,
    what: &str,
) -> Eval<Option<usize>> {
    let Some(index) = as_int(index) else {
        if matches!(index, Value::Unknown(_) | Value::Fresh(_)) {
            return Ok(None);
        }
        let message = format!("{what} indices must be integers or slices");
        return Err(interpreter.error("TypeError", &message));
    };
    let at = if index < 0 {
        index.saturating_add(length as i64)
    } else {
        index
    };
    if at < 0 || at >= length as i64 {
        let message = format!("{what} index out of range");
        return Err(interpreter.error("IndexError", &message));
    }
    Ok(Some(at as usize))
}

/// `value[index]` of a value of Python's own; `None`: it has no items.
pub(crate) fn item<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
    index: &Value,
) -> Eval<Option<Value>> {
    let sequence = match value {
        Value::List(items) => items.borrow().clone(),
        Value::Tuple(items) => items.to_vec(),
        Value::Dict(entries) => {
            let key = match index {
                Value::Unknown(unknown) => {
                    return Ok(Some(Value::unknown(unknown.then(" as a key"))));
                }
                _ => interpreter.key(index)?,
            };
            let found = entries.borrow().get(&key).cloned();
            if let Some(found) = found {
                let name = index.as_str().unwrap_or_default();
                return interpreter_resolve(interpreter, entries, &key, name, found).map(Some);
            }
            let known = contains_key(&entries.borrow(), &key);
            if known.is_none() {
                return Ok(Some(interpreter.unsupported("an item of a dict")));
            }
            if let Some(unknown) = interpreter.missing_in(value) {
                return Ok(Some(unknown));
            }
            let text = super::text::repr(interpreter, index)?;
            return Err(interpreter.error("KeyError", &text));
        }
        Value::Str(text) => return text_item(interpreter, &text.text, index).map(Some),
        Value::Bytes(bytes) => {
            if let Some(Ok((positions, _))) = slice_indices(index, bytes.len()) {
                let part: Vec<u8> = positions
                    .iter()
                    .filter_map(|at| bytes.get(*at))
                    .copied()
                    .collect();
                return Ok(Some(Value::Bytes(part.into())));
            }
            let at = position(interpreter, index, bytes.len(), "bytes")?;
            return Ok(Some(match at.and_then(|at| bytes.get(at)) {
                Some(byte) => Value::Int(i64::from(*byte)),
                None => interpreter.unsupported("a byte"),
            }));
        }
        _ => return Ok(None),
    };
    match slice_indices(index, sequence.len()) {
        Some(Ok((positions, _))) => {
            let part: Vec<Value> = positions
                .iter()
                .filter_map(|at| sequence.get(*at))
                .cloned()
                .collect();
            return Ok(Some(match value {
                Value::Tuple(_) => Value::tuple(part),
                _ => Value::list(part),
            }));
        }
        Some(Err(())) => return Ok(Some(interpreter.unsupported("a slice"))),
        None => {}
    }
    let what = if matches!(value, Value::Tuple(_)) {
        "tuple"
    } else {
        "list"
    };
    let at = position(interpreter, index, sequence.len(), what)?;
    Ok(Some(match at.and_then(|at| sequence.get(at)) {
        Some(item) => item.clone(),
        None => match index {
            Value::Unknown(unknown) => Value::unknown(unknown.then(" as an index")),
            _ => interpreter.unsupported("an item of a list"),
        },
    }))
}

/// `globals()["x"]` may be an import that was not used yet.
fn interpreter_resolve<H: Host>(
    interpreter: &mut Interpreter<H>,
    entries: &Rc<RefCell<IndexMap<Key, Value>>>,
    key: &Key,
    name: &str,
    found: Value,
) -> Eval<Value> {
    if !matches!(found, Value::Host(_)) {
        return Ok(found);
    }
    let scope = Rc::new(Scope::default());
    let resolved = interpreter.resolve(&scope, name, found)?;
    if !scope.names.borrow().is_empty() {
        entries.borrow_mut().insert(key.clone(), resolved.clone());
    }
    Ok(resolved)
}

fn text_item<H: Host>(interpreter: &mut Interpreter<H>, text: &str, index: &Value) -> Eval<Value> {
    if has_hole(text) || is_fresh(text) {
        let first = text
            .find([HOLE, crate::unknown::FRESH])
            .unwrap_or(text.len());
        let known = text[..first].chars().count();
        // what lies before the hole is known
        if let Some(Ok((positions, true))) = slice_indices(index, known)
            && let Value::Instance(slice) = index
        {
            let stop = slice.attributes.borrow().get("stop").and_then(as_int);
            let start = slice.attributes.borrow().get("start").and_then(as_int);
            if stop.is_some_and(|stop| stop >= 0 && stop as usize <= known)
                && start.unwrap_or(0) >= 0
            {
                let characters: Vec<char> = text.chars().collect();
                let part: String = positions
                    .iter()
                    .filter_map(|at| characters.get(*at))
                    .collect();
                return Ok(Value::str(part));
            }
            if start.unwrap_or(0) == 0 && stop.is_none_or(|stop| stop >= known as i64) {
                let mark = if is_fresh(text) {
                    crate::unknown::FRESH
                } else {
                    HOLE
                };
                return Ok(Value::str(format!("{}{mark}", &text[..first])));
            }
        }
        let mark = if is_fresh(text) {
            crate::unknown::FRESH
        } else {
            HOLE
        };
        return Ok(Value::str(mark.to_string()));
    }
    let length = text.chars().count();
    match slice_indices(index, length) {
        Some(Ok((positions, true))) => {
            let start = positions.first().copied().unwrap_or(0);
            let part: String = text.chars().skip(start).take(positions.len()).collect();
            return Ok(Value::str(part));
        }
        Some(Ok((positions, false))) => {
            let characters: Vec<char> = text.chars().collect();
            let part: String = positions
                .iter()
                .filter_map(|at| characters.get(*at))
                .collect();
            return Ok(Value::str(part));
        }
        Some(Err(())) => return Ok(Value::str(HOLE.to_string())),
        None => {}
    }
    let at = position(interpreter, index, length, "string")?;
    Ok(match at.and_then(|at| text.chars().nth(at)) {
        Some(character) => Value::str(character.to_string()),
        None => Value::str(HOLE.to_string()),
    })
}

/// `value[index] = item`.
pub(crate) fn set_item<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
    index: &Value,
    item: Value,
) -> Eval<()> {
    match value {
        Value::Dict(entries) => {
            interpreter.note_growth(value);
            let key = interpreter.key(index)?;
            let size = entries.borrow().len();
            interpreter.check_length(size)?;
            let old = entries.borrow_mut().insert(key, item);
            drop(old);
        }
        Value::List(items) => {
            let length = items.borrow().len();
            if let Some(slice) = slice_indices(index, length) {
                if let (Ok((positions, true)), Ok(new)) = (slice, interpreter.items(&item)?) {
                    let start = positions.first().copied().unwrap_or(0).min(length);
                    let end = start + positions.len();
                    let old: Vec<Value> = items.borrow_mut().splice(start..end, new).collect();
                    drop(old);
                }
                return Ok(());
            }
            if let Some(at) = position(interpreter, index, length, "list assignment")?
                && let Some(slot) = items.borrow_mut().get_mut(at)
            {
                *slot = item;
            }
        }
        Value::Tuple(_) | Value::Str(_) | Value::Int(_) | Value::None => {
            let message = format!(
                "'{}' object does not support item assignment",
                super::type_name(value)
            );
            return Err(interpreter.error("TypeError", &message));
        }
        _ => {}
    }
    Ok(())
}

/// `del value[index]`.
pub(crate) fn delete_item<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
    index: &Value,
) -> Eval<()> {
    match value {
        Value::Dict(entries) => {
            let key = interpreter.key(index)?;
            let removed = entries.borrow_mut().shift_remove(&key);
            if removed.is_none() && !matches!(index, Value::Unknown(_)) {
                let text = super::text::repr(interpreter, index)?;
                return Err(interpreter.error("KeyError", &text));
            }
        }
        Value::List(items) => {
            let length = items.borrow().len();
            if let Some(slice) = slice_indices(index, length) {
                if let Ok((mut positions, _)) = slice {
                    positions.sort_unstable();
                    for at in positions.into_iter().rev() {
                        items.borrow_mut().remove(at);
                    }
                }
                return Ok(());
            }
            if let Some(at) = position(interpreter, index, length, "list assignment")? {
                items.borrow_mut().remove(at);
            }
        }
        Value::Instance(found) if super::backing(found).is_some() => {
            if let Some(inner) = super::backing(found) {
                return delete_item(interpreter, &inner, index);
            }
        }
        Value::Instance(_) => {
            if let Some(method) = interpreter.attribute_or_none(value, "__delitem__")? {
                let arguments = crate::python::Arguments {
                    positional: vec![index.clone()],
                    ..crate::python::Arguments::default()
                };
                interpreter.call(&method, arguments)?;
            }
        }
        _ => {}
    }
    Ok(())
}

/// `left OPERATOR= right` of a container in place; whether it was one.
pub(crate) fn augment<H: Host>(
    interpreter: &mut Interpreter<H>,
    left: &Value,
    operator: BinaryOperator,
    right: &Value,
) -> Eval<bool> {
    if matches!(operator, BinaryOperator::Add | BinaryOperator::Or) {
        interpreter.note_growth(left);
    }
    match (operator, left) {
        (BinaryOperator::Add, Value::List(items)) => {
            let Ok(new) = interpreter.items(right)? else {
                return Ok(false);
            };
            interpreter.check_length(items.borrow().len() + new.len())?;
            items.borrow_mut().extend(new);
            Ok(true)
        }
        (BinaryOperator::Or, Value::Dict(entries)) => {
            let Ok(new) = pairs(interpreter, right)? else {
                return Ok(false);
            };
            entries.borrow_mut().extend(new);
            Ok(true)
        }
        (
            BinaryOperator::Or
            | BinaryOperator::And
            | BinaryOperator::Subtract
            | BinaryOperator::Xor,
            Value::Set(entries),
        ) => {
            let Some(Value::Set(result)) = binary(interpreter, operator, left, right)? else {
                return Ok(false);
            };
            let result = result.borrow().clone();
            *entries.borrow_mut() = result;
            Ok(true)
        }
        _ => Ok(false),
    }
}

/// Infix operators of containers and texts; `None`: not defined.
pub(crate) fn binary<H: Host>(
    interpreter: &mut Interpreter<H>,
    operator: BinaryOperator,
    left: &Value,
    right: &Value,
) -> Eval<Option<Value>> {
    Ok(Some(match (operator, left, right) {
        (BinaryOperator::Add, Value::List(one), Value::List(other)) => {
            let mut items = one.borrow().clone();
            items.extend(other.borrow().iter().cloned());
            interpreter.check_items(items.len())?;
            Value::list(items)
        }
        (BinaryOperator::Add, Value::Tuple(one), Value::Tuple(other)) => {
            let items: Vec<Value> = one.iter().chain(other.iter()).cloned().collect();
            interpreter.check_items(items.len())?;
            Value::tuple(items)
        }
        (BinaryOperator::Add, Value::Bytes(one), Value::Bytes(other)) => {
            let bytes: Vec<u8> = one.iter().chain(other.iter()).copied().collect();
            Value::Bytes(bytes.into())
        }
        (BinaryOperator::Multiply, sequence, count)
        | (BinaryOperator::Multiply, count, sequence)
            if matches!(
                sequence,
                Value::Str(_) | Value::List(_) | Value::Tuple(_) | Value::Bytes(_)
            ) && as_int(count).is_some() =>
        {
            let count = usize::try_from(as_int(count).unwrap_or(0)).unwrap_or(0);
            return repeat(interpreter, sequence, count).map(Some);
        }
        (_, Value::Set(one), Value::Set(other)) => {
            let (one, other) = (one.borrow(), other.borrow());
            let set: IndexMap<Key, Value> = match operator {
                BinaryOperator::Or => {
                    let mut set = one.clone();
                    for (key, value) in other.iter() {
                        set.entry(key.clone()).or_insert_with(|| value.clone());
                    }
                    set
                }
                BinaryOperator::And => select(&one, |key| other.contains_key(key)),
                BinaryOperator::Subtract => {
                    // a member that a hole of the other side may equal is not known to stay
                    let hidden = one.keys().any(|key| contains_key(&other, key).is_none());
                    if hidden {
                        return Ok(Some(interpreter.unsupported("a set with unknown members")));
                    }
                    select(&one, |key| !other.contains_key(key))
                }
                BinaryOperator::Xor => {
                    let mut set = select(&one, |key| !other.contains_key(key));
                    set.extend(select(&other, |key| !one.contains_key(key)));
                    set
                }
                _ => return Ok(None),
            };
            Value::Set(Rc::new(RefCell::new(set)))
        }
        (BinaryOperator::Or, Value::Dict(one), Value::Dict(other)) => {
            let mut entries = one.borrow().clone();
            entries.extend(
                other
                    .borrow()
                    .iter()
                    .map(|(key, value)| (key.clone(), value.clone())),
            );
            dict_of(entries)
        }
        _ => return Ok(None),
    }))
}

fn select(set: &IndexMap<Key, Value>, keep: impl Fn(&Key) -> bool) -> IndexMap<Key, Value> {
    set.iter()
        .filter(|(key, _)| keep(key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

fn repeat<H: Host>(
    interpreter: &mut Interpreter<H>,
    sequence: &Value,
    count: usize,
) -> Eval<Value> {
    let length = match sequence {
        Value::Str(text) => text.text.len(),
        Value::List(items) => items.borrow().len(),
        Value::Tuple(items) => items.len(),
        Value::Bytes(bytes) => bytes.len(),
        _ => 0,
    };
    let size = length.saturating_mul(count);
    if matches!(sequence, Value::List(_) | Value::Tuple(_)) {
        interpreter.check_items(size)?;
    } else {
        interpreter.check_size(size)?;
    }
    if length == 0 {
        return Ok(match sequence {
            Value::List(_) => Value::list(Vec::new()),
            other => other.clone(),
        });
    }
    let cycle = |items: &[Value]| -> Vec<Value> {
        items
            .iter()
            .cycle()
            .take(items.len() * count)
            .cloned()
            .collect()
    };
    Ok(match sequence {
        Value::Str(text) => Value::str(text.text.repeat(count)),
        Value::List(items) => Value::list(cycle(&items.borrow())),
        Value::Tuple(items) => Value::tuple(cycle(items)),
        Value::Bytes(bytes) => Value::Bytes(bytes.repeat(count).into()),
        other => other.clone(),
    })
}
