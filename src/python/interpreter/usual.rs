//! Settings that nobody set: what is computed from a value that is not known is computed beside it from the value that it has
//! by default, so that the way that most databases went is followed first.

use std::rc::Rc;

use super::Interpreter;
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::syntax::Comparison;
use crate::python::value::Value;
use crate::unknown::{Unknown, Usual, has_hole, is_fresh};

/// A plain value; `None`: it is none.
pub(crate) fn of(value: &Value) -> Option<Usual> {
    Some(match value {
        Value::None => Usual::None,
        Value::Bool(value) => Usual::Bool(*value),
        Value::Int(value) => Usual::Int(*value),
        Value::Str(text) if !has_hole(&text.text) && !is_fresh(&text.text) => {
            Usual::Str(text.text.clone())
        }
        Value::Unknown(unknown) => unknown.usual.as_deref()?.clone(),
        _ => return None,
    })
}

/// The value by default where something is not known; else the value itself.
fn by_default(value: &Value) -> Option<Value> {
    match value {
        Value::Unknown(unknown) => unknown.usual.as_deref().and_then(value_of),
        other => Some(other.clone()),
    }
}

fn value_of(usual: &Usual) -> Option<Value> {
    Some(match usual {
        Usual::None => Value::None,
        Usual::Bool(value) => Value::Bool(*value),
        Usual::Int(value) => Value::Int(*value),
        Usual::Str(text) => Value::str(text.clone()),
        Usual::Empty => Value::Dict(Rc::default()),
        Usual::Method(..) => return None,
    })
}

/// `object.name` of an unknown.
pub(super) fn attribute(object: &Unknown, name: &str, answer: Unknown) -> Unknown {
    match &object.usual {
        Some(usual) if matches!(**usual, Usual::Str(_) | Usual::Empty) => {
            answer.usually(Some(Usual::Method(usual.clone(), name.into())))
        }
        _ => answer,
    }
}

/// Whether a comparison has an unknown with a default on one of its sides.
pub(super) fn is_usual(value: &Value) -> bool {
    matches!(value, Value::Unknown(unknown) if unknown.usual.is_some())
}

impl<H: Host> Interpreter<H> {
    /// `left OPERATOR right`, which is `answer` where it is not known.
    pub(super) fn usual_comparison(
        &mut self,
        comparison: Comparison,
        (left, right): (&Value, &Value),
        answer: Value,
    ) -> Eval<Value> {
        let Value::Unknown(unknown) = &answer else {
            return Ok(answer);
        };
        let (Some(left), Some(right)) = (by_default(left), by_default(right)) else {
            return Ok(answer);
        };
        let usual = self.compare(comparison, &left, &right)?;
        Ok(Value::unknown((**unknown).clone().usually(of(&usual))))
    }

    /// Calling a method of a value with a default.
    pub(super) fn usual_call(
        &mut self,
        method: &Unknown,
        arguments: &Arguments,
        answer: Unknown,
    ) -> Eval<Unknown> {
        let Some(Usual::Method(receiver, name)) = method.usual.as_deref() else {
            return Ok(answer);
        };
        let positional: Option<Vec<Value>> = arguments.positional.iter().map(by_default).collect();
        let (Some(receiver), Some(positional)) = (value_of(receiver), positional) else {
            return Ok(answer);
        };
        let arguments = Arguments {
            positional,
            ..arguments.clone()
        };
        let usual = builtins::call_method(self, &receiver, name, arguments);
        // what raises by default says nothing here: the caller goes on with what is not known
        Ok(answer.usually(usual.ok().as_ref().and_then(of)))
    }

    /// `int(given)`, which is `answer` where it is not known.
    pub(crate) fn usual_integer(&mut self, given: &Value, answer: Value) -> Value {
        let (Value::Unknown(unknown), true) = (&answer, is_usual(given)) else {
            return answer;
        };
        let usual = match by_default(given) {
            Some(Value::Str(text)) => text.text.trim().parse().ok().map(Usual::Int),
            Some(Value::Int(number)) => Some(Usual::Int(number)),
            _ => None,
        };
        Value::unknown((**unknown).clone().usually(usual))
    }
}
