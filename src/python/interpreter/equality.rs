//! Equality, order, membership and `isinstance`.

use std::cmp::Ordering;
use std::rc::Rc;

use super::Interpreter;
use super::iteration::{has_unknown_base, identity};
use super::listing;
use super::usual;
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host, HostOperator, Truth};
use crate::python::syntax::Comparison;
use crate::python::value::{Class, Key, Value};
use crate::unknown::{HOLE, STORED, Unknown, has_hole, is_fresh};

/// How deep containers are compared.
const DEPTH: u32 = 40;

impl<H: Host> Interpreter<H> {
    /// `left == right` without asking the host to build an expression; `None`: unknown.
    pub(crate) fn equal_values(&mut self, left: &Value, right: &Value, depth: u32) -> Option<bool> {
        // shared parts may be met exponentially often: the next step of the run says that the bound was hit
        self.state.steps += 1;
        if depth > DEPTH || self.state.steps > self.limits.steps {
            return None;
        }
        match (left, right) {
            (Value::Unknown(_), _) | (_, Value::Unknown(_)) => None,
            (Value::Fresh(STORED), Value::None) | (Value::None, Value::Fresh(STORED)) => {
                Some(false)
            }
            (Value::Fresh(STORED), _) | (_, Value::Fresh(STORED)) => None,
            (Value::Fresh(_), _) | (_, Value::Fresh(_)) => Some(false),
            (Value::None, Value::None) | (Value::Ellipsis, Value::Ellipsis) => Some(true),
            (Value::Str(left), Value::Str(right)) => equal_text(&left.text, &right.text),
            (Value::Bytes(left), Value::Bytes(right)) => Some(left == right),
            (
                Value::Bool(_) | Value::Int(_) | Value::Float(_),
                Value::Bool(_) | Value::Int(_) | Value::Float(_),
            ) => Some(compare_numbers(left, right) == Some(Ordering::Equal)),
            (Value::Tuple(left), Value::Tuple(right)) => {
                self.equal_sequences(&left.clone(), &right.clone(), depth)
            }
            (Value::List(left), Value::List(right)) => {
                if Rc::ptr_eq(left, right) {
                    return Some(true);
                }
                let (left, right) = (left.borrow().clone(), right.borrow().clone());
                self.equal_sequences(&left, &right, depth)
            }
            (Value::Set(left), Value::Set(right)) => {
                let (left, right) = (left.borrow(), right.borrow());
                if left.keys().chain(right.keys()).any(key_has_hole) {
                    return None;
                }
                Some(left.len() == right.len() && left.keys().all(|key| right.contains_key(key)))
            }
            (Value::Dict(left), Value::Dict(right)) => {
                if Rc::ptr_eq(left, right) {
                    return Some(true);
                }
                let (left, right) = (left.borrow().clone(), right.borrow().clone());
                if left.keys().chain(right.keys()).any(key_has_hole) {
                    return None;
                }
                if left.len() != right.len() {
                    return Some(false);
                }
                let mut known = true;
                for (key, value) in &left {
                    let Some(other) = right.get(key) else {
                        return Some(false);
                    };
                    match self.equal_values(value, other, depth + 1) {
                        Some(true) => {}
                        Some(false) => return Some(false),
                        None => known = false,
                    }
                }
                known.then_some(true)
            }
            (Value::Host(left), Value::Host(right)) if left.is(right) => Some(true),
            (Value::Host(_), _) | (_, Value::Host(_)) => {
                match H::operator(self, HostOperator::Equal, left, right) {
                    Ok(Some(Value::Bool(equal))) => Some(equal),
                    Ok(None) => Some(false),
                    _ => None,
                }
            }
            (Value::Instance(one), Value::Instance(other)) if Rc::ptr_eq(one, other) => Some(true),
            (Value::Instance(instance), other) | (other, Value::Instance(instance)) => {
                if let Some(value) = builtins::enums::mixin_value(instance) {
                    return self.equal_values(&value, other, depth + 1);
                }
                if let Some(equal) = builtins::equal_instances(instance, other) {
                    return Some(equal);
                }
                if instance.class.lookup("__eq__").is_some() {
                    let method = self.find_attribute(left, "__eq__").ok()??;
                    let arguments = Arguments {
                        positional: vec![right.clone()],
                        ..Arguments::default()
                    };
                    let result = self.call_value(&method, arguments).ok()?;
                    return match self.truth_of(&result).ok()? {
                        Truth::Known(truth) => Some(truth),
                        Truth::Unknown(_) => None,
                    };
                }
                Some(false)
            }
            (Value::Builtin(left), Value::Builtin(right)) => Some(left == right),
            (
                Value::Class(_) | Value::Function(_) | Value::Module(_) | Value::Method { .. },
                Value::Class(_) | Value::Function(_) | Value::Module(_) | Value::Method { .. },
            ) => Some(identity(left) == identity(right)),
            _ => Some(false),
        }
    }

    fn equal_sequences(&mut self, left: &[Value], right: &[Value], depth: u32) -> Option<bool> {
        if left.len() != right.len() {
            return Some(false);
        }
        let mut known = true;
        for (left, right) in left.iter().zip(right) {
            match self.equal_values(left, right, depth + 1) {
                Some(true) => {}
                Some(false) => return Some(false),
                None => known = false,
            }
        }
        known.then_some(true)
    }

    /// `left OPERATOR right` of a comparison.
    pub(crate) fn compare(
        &mut self,
        comparison: Comparison,
        left: &Value,
        right: &Value,
    ) -> Eval<Value> {
        let answer = self.compare_known(comparison, left, right)?;
        if usual::is_usual(left) || usual::is_usual(right) {
            return self.usual_comparison(comparison, (left, right), answer);
        }
        Ok(answer)
    }

    fn compare_known(
        &mut self,
        comparison: Comparison,
        left: &Value,
        right: &Value,
    ) -> Eval<Value> {
        if !matches!(comparison, Comparison::Is | Comparison::IsNot) {
            self.state.provenance.compared(left, right);
        }
        let operator = match comparison {
            Comparison::In | Comparison::NotIn => {
                let negated = comparison == Comparison::NotIn;
                return Ok(match self.contains(right, left)? {
                    Truth::Known(truth) => Value::Bool(truth != negated),
                    Truth::Unknown(unknown) => {
                        let word = if negated { " not in" } else { " in" };
                        Value::unknown(unknown.so(word, negated))
                    }
                });
            }
            Comparison::Is | Comparison::IsNot => {
                let negated = comparison == Comparison::IsNot;
                return Ok(match self.identical(left, right) {
                    Some(same) => Value::Bool(same != negated),
                    None => match (left, right) {
                        // what a search found, or None
                        (Value::Unknown(found), Value::None) => {
                            let word = if negated { " is not None" } else { " is None" };
                            Value::unknown(found.so(word, !negated))
                        }
                        _ => self.unknown_of(left, right, " is "),
                    },
                });
            }
            Comparison::Equal => HostOperator::Equal,
            Comparison::NotEqual => HostOperator::NotEqual,
            Comparison::Less => HostOperator::Less,
            Comparison::LessEqual => HostOperator::LessEqual,
            Comparison::Greater => HostOperator::Greater,
            Comparison::GreaterEqual => HostOperator::GreaterEqual,
        };
        if (matches!(left, Value::Host(_)) || matches!(right, Value::Host(_)))
            && let Some(value) = H::operator(self, operator, left, right)?
        {
            return Ok(value);
        }
        if matches!(comparison, Comparison::Equal | Comparison::NotEqual) {
            let negated = comparison == Comparison::NotEqual;
            return Ok(match self.equal_values(left, right, 0) {
                Some(equal) => Value::Bool(equal != negated),
                None => {
                    let word = if negated { " != " } else { " == " };
                    let answer = self.unknown_of(left, right, word);
                    listing::equality(left, right, negated, answer)
                }
            });
        }
        let Some(order) = self.order(left, right, 0)? else {
            return Ok(self.unknown_of(left, right, " < "));
        };
        Ok(Value::Bool(match comparison {
            Comparison::Less => order.is_lt(),
            Comparison::LessEqual => order.is_le(),
            Comparison::Greater => order.is_gt(),
            _ => order.is_ge(),
        }))
    }

    /// The unknown that a comparison of these gives.
    pub(crate) fn unknown_of(&mut self, left: &Value, right: &Value, word: &str) -> Value {
        for (value, other, before) in [(left, right, false), (right, left, true)] {
            if let Value::Unknown(unknown) = value {
                let mut suffix = String::from(word);
                builtins::describe(other, &mut suffix);
                let _ = before;
                return Value::unknown(unknown.then(&suffix));
            }
        }
        let mut what = String::new();
        builtins::describe(left, &mut what);
        what.push_str(word);
        builtins::describe(right, &mut what);
        self.unsupported(&what)
    }

    fn identical(&mut self, left: &Value, right: &Value) -> Option<bool> {
        match (left, right) {
            (Value::Unknown(one), Value::Unknown(other)) if Rc::ptr_eq(one, other) => Some(true),
            (Value::Unknown(_), _) | (_, Value::Unknown(_)) => None,
            (Value::None, Value::None) | (Value::Ellipsis, Value::Ellipsis) => Some(true),
            (Value::None, _) | (_, Value::None) => Some(false),
            (Value::Bool(left), Value::Bool(right)) => Some(left == right),
            (Value::Host(left), Value::Host(right)) => Some(left.is(right)),
            (Value::Int(_) | Value::Str(_) | Value::Builtin(_), _) => {
                self.equal_values(left, right, 0)
            }
            _ => Some(
                std::mem::discriminant(left) == std::mem::discriminant(right)
                    && identity(left) == identity(right),
            ),
        }
    }

    /// How two values are ordered; `None`: unknown.
    pub(crate) fn order(
        &mut self,
        left: &Value,
        right: &Value,
        depth: u32,
    ) -> Eval<Option<Ordering>> {
        if depth > DEPTH {
            return Ok(None);
        }
        Ok(match (left, right) {
            (Value::Unknown(_) | Value::Fresh(_), _) | (_, Value::Unknown(_) | Value::Fresh(_)) => {
                None
            }
            (Value::Str(left), Value::Str(right)) => {
                let hidden = [left, right]
                    .iter()
                    .any(|string| has_hole(&string.text) || is_fresh(&string.text));
                (!hidden).then(|| left.text.cmp(&right.text))
            }
            (Value::Bytes(left), Value::Bytes(right)) => Some(left.cmp(right)),
            (Value::Tuple(left), Value::Tuple(right)) => {
                let (left, right) = (left.clone(), right.clone());
                return self.order_sequences(&left, &right, depth);
            }
            (Value::List(left), Value::List(right)) => {
                let (left, right) = (left.borrow().clone(), right.borrow().clone());
                return self.order_sequences(&left, &right, depth);
            }
            (Value::Set(one), Value::Set(other)) => {
                let (one, other) = (one.borrow(), other.borrow());
                let within = one.keys().all(|key| other.contains_key(key));
                let around = other.keys().all(|key| one.contains_key(key));
                match (within, around) {
                    (true, true) => Some(Ordering::Equal),
                    (true, false) => Some(Ordering::Less),
                    (false, true) => Some(Ordering::Greater),
                    (false, false) => None,
                }
            }
            (Value::Instance(one), Value::Instance(_)) => {
                if let Some(order) = builtins::order_instances(left, right) {
                    return Ok(Some(order));
                }
                if one.class.lookup("__lt__").is_none() {
                    return Ok(None);
                }
                let Some(method) = self.find_attribute(left, "__lt__")? else {
                    return Ok(None);
                };
                let arguments = Arguments {
                    positional: vec![right.clone()],
                    ..Arguments::default()
                };
                let less = self.call_value(&method, arguments)?;
                if self.truth(&less)? {
                    Some(Ordering::Less)
                } else {
                    Some(Ordering::Greater)
                }
            }
            (Value::Instance(_) | Value::Host(_), _) | (_, Value::Instance(_) | Value::Host(_)) => {
                None
            }
            _ => match compare_numbers(left, right) {
                Some(order) => Some(order),
                None if is_number(left) && is_number(right) => None,
                None => {
                    let message = format!(
                        "'<' not supported between instances of '{}' and '{}'",
                        builtins::type_name(left),
                        builtins::type_name(right)
                    );
                    return Err(self.error("TypeError", &message));
                }
            },
        })
    }

    fn order_sequences(
        &mut self,
        left: &[Value],
        right: &[Value],
        depth: u32,
    ) -> Eval<Option<Ordering>> {
        for (one, other) in left.iter().zip(right) {
            match self.equal_values(one, other, depth + 1) {
                Some(true) => {}
                Some(false) => return self.order(one, other, depth + 1),
                None => return Ok(None),
            }
        }
        Ok(Some(left.len().cmp(&right.len())))
    }

    /// `item in container`.
    pub(crate) fn contains(&mut self, container: &Value, item: &Value) -> Eval<Truth> {
        match container {
            Value::Host(host) => {
                let host = host.clone();
                H::contains(self, &host, item)
            }
            Value::Unknown(unknown) => {
                let mut prefix = String::new();
                builtins::describe(item, &mut prefix);
                let answer = Unknown {
                    what: format!("{prefix} in {}", unknown.what).into(),
                    asked: None,
                    usual: None,
                    ..(**unknown).clone()
                };
                Ok(Truth::Unknown(listing::membership(unknown, answer, item)))
            }
            Value::Set(entries) | Value::Dict(entries) => {
                if let Value::Unknown(unknown) = item {
                    if entries.borrow().is_empty() {
                        return Ok(Truth::Known(false));
                    }
                    return Ok(Truth::Unknown((**unknown).clone()));
                }
                if matches!(item, Value::Fresh(_)) {
                    return Ok(Truth::Known(false));
                }
                let key = self.key_of(item)?;
                let entries = entries.borrow();
                Ok(match contains_key(&entries, &key) {
                    Some(found) => Truth::Known(found),
                    None => Truth::Unknown(self.hole_in(item.as_str().unwrap_or("a key"))),
                })
            }
            Value::Str(text) => match item {
                Value::Str(needle) => Ok(match contains_text(&text.text, &needle.text) {
                    Some(found) => Truth::Known(found),
                    None => Truth::Unknown(self.hole_in(&text.text)),
                }),
                Value::Unknown(unknown) => Ok(Truth::Unknown((**unknown).clone())),
                _ => Err(self.error("TypeError", "'in <string>' requires string as left operand")),
            },
            _ => {
                if let Value::Instance(instance) = container
                    && (instance.class.lookup("__contains__").is_some()
                        || instance.class.name == "_Environment")
                    && let Some(method) = self.find_attribute(container, "__contains__")?
                {
                    let arguments = Arguments {
                        positional: vec![item.clone()],
                        ..Arguments::default()
                    };
                    let result = self.call_value(&method, arguments)?;
                    return self.truth_of(&result);
                }
                let items = match self.iterate(container)? {
                    Ok(items) => items,
                    Err(unknown) => return Ok(Truth::Unknown(unknown)),
                };
                let mut known = true;
                for candidate in &items {
                    match self.equal_values(candidate, item, 0) {
                        Some(true) => return Ok(Truth::Known(true)),
                        Some(false) => {}
                        None => known = false,
                    }
                }
                if known {
                    return Ok(Truth::Known(false));
                }
                Ok(Truth::Unknown(match item {
                    Value::Unknown(unknown) => (**unknown).clone(),
                    _ => items
                        .iter()
                        .find_map(|candidate| match candidate {
                            Value::Unknown(unknown) => Some((**unknown).clone()),
                            _ => None,
                        })
                        .unwrap_or_else(|| self.hole_in(item.as_str().unwrap_or("an item"))),
                }))
            }
        }
    }

    /// `isinstance(value, class)`.
    pub(crate) fn is_instance(&mut self, value: &Value, class: &Value) -> Eval<Truth> {
        match class {
            Value::Tuple(classes) => {
                let mut hidden = None;
                for class in classes.iter() {
                    self.enter()?;
                    let truth = self.is_instance(value, class);
                    self.leave();
                    match truth? {
                        Truth::Known(true) => return Ok(Truth::Known(true)),
                        Truth::Known(false) => {}
                        Truth::Unknown(unknown) => hidden = Some(unknown),
                    }
                }
                Ok(hidden.map_or(Truth::Known(false), Truth::Unknown))
            }
            Value::Host(host) => {
                let host = host.clone();
                H::is_instance(self, value, &host)
            }
            Value::Unknown(unknown) => Ok(match value {
                // a plain value is never an instance of a class that is not Python's own
                Value::None | Value::Bool(_) | Value::Int(_) | Value::Str(_) => Truth::Known(false),
                _ => Truth::Unknown((**unknown).clone()),
            }),
            Value::Class(class) => Ok(match value {
                Value::Unknown(unknown) => {
                    Truth::Unknown(unknown.then(&format!(" is a {}", class.name)))
                }
                Value::Instance(instance) => {
                    if is_subclass(&instance.class, class) {
                        Truth::Known(true)
                    } else if has_unknown_base(&instance.class) {
                        Truth::Unknown(
                            self.unknown_at(crate::unknown::Reason::Unsupported, &class.name),
                        )
                    } else {
                        Truth::Known(false)
                    }
                }
                _ => Truth::Known(false),
            }),
            Value::Builtin(name) => Ok(match value {
                Value::Unknown(unknown) => Truth::Unknown(unknown.then(&format!(" is a {name}"))),
                _ => Truth::Known(builtins::is_of_type(value, name)),
            }),
            _ => Ok(Truth::Known(false)),
        }
    }
}

/// Whether a class is another or inherits from it.
pub(crate) fn is_subclass(class: &Rc<Class>, of: &Rc<Class>) -> bool {
    Rc::ptr_eq(class, of)
        || class.bases.iter().any(|base| match base {
            Value::Class(base) => is_subclass(base, of),
            _ => false,
        })
}

fn is_number(value: &Value) -> bool {
    matches!(value, Value::Bool(_) | Value::Int(_) | Value::Float(_))
}

pub(crate) fn as_float(value: &Value) -> Option<f64> {
    match value {
        Value::Bool(value) => Some(f64::from(u8::from(*value))),
        Value::Int(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        _ => None,
    }
}

pub(crate) fn as_int(value: &Value) -> Option<i64> {
    match value {
        Value::Bool(value) => Some(i64::from(*value)),
        Value::Int(value) => Some(*value),
        _ => None,
    }
}

fn compare_numbers(left: &Value, right: &Value) -> Option<Ordering> {
    if let (Some(left), Some(right)) = (as_int(left), as_int(right)) {
        return Some(left.cmp(&right));
    }
    as_float(left)?.partial_cmp(&as_float(right)?)
}

fn key_has_hole(key: &Key) -> bool {
    match key {
        Key::Str(text) => has_hole(text),
        Key::Tuple(keys) => keys.iter().any(key_has_hole),
        _ => false,
    }
}

/// Whether a container has a key; `None`: a hole on either side may hide it.
pub(crate) fn contains_key<V>(entries: &indexmap::IndexMap<Key, V>, key: &Key) -> Option<bool> {
    if key_has_hole(key) {
        // the same holes may still stand for different texts
        let possible = entries.keys().any(|candidate| may_equal(candidate, key));
        return if possible { None } else { Some(false) };
    }
    if entries.contains_key(key) {
        return Some(true);
    }
    let hidden = entries
        .keys()
        .any(|candidate| key_has_hole(candidate) && may_equal(candidate, key));
    if hidden { None } else { Some(false) }
}

fn may_equal(left: &Key, right: &Key) -> bool {
    match (left, right) {
        (Key::Str(left), Key::Str(right)) => equal_text(left, right) != Some(false),
        (Key::Tuple(left), Key::Tuple(right)) => {
            left.len() == right.len()
                && left
                    .iter()
                    .zip(right.iter())
                    .all(|(left, right)| may_equal(left, right))
        }
        _ => left == right,
    }
}

/// Whether two texts are equal; `None`: their holes may make them so.
pub(crate) fn equal_text(left: &str, right: &str) -> Option<bool> {
    if is_fresh(left) || is_fresh(right) {
        return Some(false);
    }
    if !has_hole(left) && !has_hole(right) {
        return Some(left == right);
    }
    let (left_start, left_end) = ends(left);
    let (right_start, right_end) = ends(right);
    let starts = left_start.starts_with(right_start) || right_start.starts_with(left_start);
    let finishes = left_end.ends_with(right_end) || right_end.ends_with(left_end);
    if !starts || !finishes {
        return Some(false);
    }
    // the known parts of one are longer than the whole other
    let known = |text: &str| text.chars().filter(|part| *part != HOLE).count();
    if !has_hole(left) && known(right) > left.chars().count()
        || !has_hole(right) && known(left) > right.chars().count()
    {
        return Some(false);
    }
    None
}

/// The known text before the first hole and behind the last one; the whole text twice if there is none.
fn ends(text: &str) -> (&str, &str) {
    let first = text.find(HOLE).unwrap_or(text.len());
    let last = text.rfind(HOLE).map_or(0, |at| at + HOLE.len_utf8());
    (&text[..first], &text[last..])
}

/// Whether a text holds another; `None`: a hole may hide it.
pub(crate) fn contains_text(text: &str, needle: &str) -> Option<bool> {
    if is_fresh(needle) {
        return Some(false);
    }
    if has_hole(needle) {
        return None;
    }
    if text.contains(needle) {
        return Some(true);
    }
    if has_hole(text) { None } else { Some(false) }
}
