//! Infix and prefix operators.

use std::rc::Rc;

use super::Interpreter;
use super::equality::{as_float, as_int};
use crate::python::builtins;
use crate::python::host::{Arguments, Eval, Host, HostOperator};
use crate::python::syntax::{BinaryOperator, UnaryOperator};
use crate::python::value::Value;

fn host_operator(operator: BinaryOperator) -> HostOperator {
    match operator {
        BinaryOperator::Add => HostOperator::Add,
        BinaryOperator::Subtract => HostOperator::Subtract,
        BinaryOperator::Multiply => HostOperator::Multiply,
        BinaryOperator::Divide => HostOperator::Divide,
        BinaryOperator::FloorDivide => HostOperator::FloorDivide,
        BinaryOperator::Modulo => HostOperator::Modulo,
        BinaryOperator::Power => HostOperator::Power,
        BinaryOperator::And => HostOperator::And,
        BinaryOperator::Or => HostOperator::Or,
        BinaryOperator::Xor => HostOperator::Xor,
        BinaryOperator::LeftShift => HostOperator::LeftShift,
        BinaryOperator::RightShift => HostOperator::RightShift,
        BinaryOperator::MatrixMultiply => HostOperator::MatrixMultiply,
    }
}

fn symbol(operator: BinaryOperator) -> &'static str {
    match operator {
        BinaryOperator::Add => "+",
        BinaryOperator::Subtract => "-",
        BinaryOperator::Multiply => "*",
        BinaryOperator::Divide => "/",
        BinaryOperator::FloorDivide => "//",
        BinaryOperator::Modulo => "%",
        BinaryOperator::Power => "**",
        BinaryOperator::And => "&",
        BinaryOperator::Or => "|",
        BinaryOperator::Xor => "^",
        BinaryOperator::LeftShift => "<<",
        BinaryOperator::RightShift => ">>",
        BinaryOperator::MatrixMultiply => "@",
    }
}

fn methods(operator: BinaryOperator) -> (&'static str, &'static str) {
    match operator {
        BinaryOperator::Add => ("__add__", "__radd__"),
        BinaryOperator::Subtract => ("__sub__", "__rsub__"),
        BinaryOperator::Multiply => ("__mul__", "__rmul__"),
        BinaryOperator::Divide => ("__truediv__", "__rtruediv__"),
        BinaryOperator::FloorDivide => ("__floordiv__", "__rfloordiv__"),
        BinaryOperator::Modulo => ("__mod__", "__rmod__"),
        BinaryOperator::Power => ("__pow__", "__rpow__"),
        BinaryOperator::And => ("__and__", "__rand__"),
        BinaryOperator::Or => ("__or__", "__ror__"),
        BinaryOperator::Xor => ("__xor__", "__rxor__"),
        BinaryOperator::LeftShift => ("__lshift__", "__rlshift__"),
        BinaryOperator::RightShift => ("__rshift__", "__rrshift__"),
        BinaryOperator::MatrixMultiply => ("__matmul__", "__rmatmul__"),
    }
}

impl<H: Host> Interpreter<H> {
    pub(crate) fn binary(
        &mut self,
        operator: BinaryOperator,
        left: &Value,
        right: &Value,
    ) -> Eval<Value> {
        // `"..." % anything` is text, whatever stands on the right
        if operator == BinaryOperator::Modulo
            && let Value::Str(format) = left
        {
            return builtins::format::percent(self, &format.text, right).map(Value::str);
        }
        if matches!(left, Value::Host(_)) || matches!(right, Value::Host(_)) {
            if let Some(value) = H::operator(self, host_operator(operator), left, right)? {
                return Ok(value);
            }
            if !matches!(left, Value::Unknown(_)) && !matches!(right, Value::Unknown(_)) {
                return Ok(self.unknown_of(left, right, symbol(operator)));
            }
        }
        if let Some(value) = arithmetic(operator, left, right) {
            return match value {
                Ok(value) => Ok(value),
                Err(Trouble::ZeroDivision) => {
                    Err(self.error("ZeroDivisionError", "division by zero"))
                }
                Err(Trouble::TooBig) => Ok(self.unsupported("a number of more than 64 bits")),
            };
        }
        match (operator, left, right) {
            (BinaryOperator::Add, Value::Str(one), Value::Str(other)) => {
                self.check_size(one.text.len() + other.text.len())?;
                let mut text = String::with_capacity(one.text.len() + other.text.len());
                text.push_str(&one.text);
                text.push_str(&other.text);
                return Ok(Value::str(text));
            }
            (BinaryOperator::Add, Value::Str(_), Value::Unknown(_) | Value::Fresh(_))
            | (BinaryOperator::Add, Value::Unknown(_) | Value::Fresh(_), Value::Str(_)) => {
                let mut text = self.string(left)?.to_string();
                text.push_str(&self.string(right)?);
                return Ok(Value::str(text));
            }
            _ => {}
        }
        if matches!(left, Value::Unknown(_)) || matches!(right, Value::Unknown(_)) {
            return Ok(self.unknown_of(left, right, symbol(operator)));
        }
        if matches!(left, Value::Fresh(_)) || matches!(right, Value::Fresh(_)) {
            return Ok(Value::Fresh("a value computed from a fresh one"));
        }
        if let Some(value) = builtins::containers::binary(self, operator, left, right)? {
            return Ok(value);
        }
        if let Some(value) = builtins::instance_operator(self, operator, left, right)? {
            return Ok(value);
        }
        let (method, reflected) = methods(operator);
        for (receiver, argument, name) in [(left, right, method), (right, left, reflected)] {
            if let Value::Instance(instance) = receiver
                && instance.class.lookup(name).is_some()
                && let Some(method) = self.find_attribute(receiver, name)?
            {
                let arguments = Arguments {
                    positional: vec![argument.clone()],
                    ..Arguments::default()
                };
                return self.call_value(&method, arguments);
            }
        }
        // `int | None`: a type, which only annotations need
        if operator == BinaryOperator::Or
            && matches!(left, Value::Class(_) | Value::Builtin(_) | Value::None)
        {
            return Ok(left.clone());
        }
        if matches!(left, Value::Instance(_)) || matches!(right, Value::Instance(_)) {
            return Ok(self.unknown_of(left, right, symbol(operator)));
        }
        Err(self.error(
            "TypeError",
            &format!(
                "unsupported operand type(s) for {}: '{}' and '{}'",
                symbol(operator),
                builtins::type_name(left),
                builtins::type_name(right)
            ),
        ))
    }

    pub(crate) fn unary(&mut self, operator: UnaryOperator, value: &Value) -> Eval<Value> {
        let word = match operator {
            UnaryOperator::Minus => "-",
            UnaryOperator::Plus => "+",
            UnaryOperator::Invert => "~",
            UnaryOperator::Not => "not ",
        };
        Ok(match (operator, value) {
            (_, Value::Host(host)) => {
                let host = host.clone();
                match H::unary(self, word, &host)? {
                    Some(value) => value,
                    None => self.unsupported(word),
                }
            }
            (_, Value::Unknown(unknown)) => {
                let mut unknown = (**unknown).clone();
                unknown.what = Rc::from(format!("{word}{}", unknown.what));
                Value::unknown(unknown)
            }
            (_, Value::Fresh(_)) => value.clone(),
            (UnaryOperator::Minus, Value::Float(value)) => Value::Float(-value),
            (UnaryOperator::Plus, Value::Float(value)) => Value::Float(*value),
            _ => {
                let Some(number) = as_int(value) else {
                    if matches!(value, Value::Instance(_)) {
                        return Ok(self.unsupported(word));
                    }
                    return Err(self.error(
                        "TypeError",
                        &format!(
                            "bad operand type for unary {word}: '{}'",
                            builtins::type_name(value)
                        ),
                    ));
                };
                let result = match operator {
                    UnaryOperator::Minus => number.checked_neg(),
                    UnaryOperator::Invert => Some(!number),
                    _ => Some(number),
                };
                result.map_or_else(|| self.unsupported("a big number"), Value::Int)
            }
        })
    }
}

enum Trouble {
    ZeroDivision,
    TooBig,
}

/// Arithmetic of numbers; `None`: these are not both numbers.
fn arithmetic(
    operator: BinaryOperator,
    left: &Value,
    right: &Value,
) -> Option<Result<Value, Trouble>> {
    if let (Some(one), Some(other)) = (as_int(left), as_int(right)) {
        if let (Value::Bool(one), Value::Bool(other)) = (left, right) {
            match operator {
                BinaryOperator::And => return Some(Ok(Value::Bool(one & other))),
                BinaryOperator::Or => return Some(Ok(Value::Bool(one | other))),
                BinaryOperator::Xor => return Some(Ok(Value::Bool(one ^ other))),
                _ => {}
            }
        }
        return Some(integers(operator, one, other));
    }
    let (one, other) = (as_float(left)?, as_float(right)?);
    Some(match operator {
        BinaryOperator::Add => Ok(one + other),
        BinaryOperator::Subtract => Ok(one - other),
        BinaryOperator::Multiply => Ok(one * other),
        BinaryOperator::Power => Ok(one.powf(other)),
        BinaryOperator::Divide | BinaryOperator::FloorDivide | BinaryOperator::Modulo
            if other == 0.0 =>
        {
            Err(Trouble::ZeroDivision)
        }
        BinaryOperator::Divide => Ok(one / other),
        BinaryOperator::FloorDivide => Ok((one / other).floor()),
        BinaryOperator::Modulo => Ok(one - other * (one / other).floor()),
        _ => return None,
    }
    .map(Value::Float))
}

fn integers(operator: BinaryOperator, one: i64, other: i64) -> Result<Value, Trouble> {
    let result = match operator {
        BinaryOperator::Add => one.checked_add(other),
        BinaryOperator::Subtract => one.checked_sub(other),
        BinaryOperator::Multiply => one.checked_mul(other),
        BinaryOperator::Divide | BinaryOperator::FloorDivide | BinaryOperator::Modulo
            if other == 0 =>
        {
            return Err(Trouble::ZeroDivision);
        }
        BinaryOperator::Divide => return Ok(Value::Float(one as f64 / other as f64)),
        // Python rounds towards minus infinity, and the remainder has the divisor's sign
        BinaryOperator::FloorDivide => one.checked_div(other).map(|quotient| {
            if one % other != 0 && (one < 0) != (other < 0) {
                quotient - 1
            } else {
                quotient
            }
        }),
        BinaryOperator::Modulo => one.checked_rem(other).map(|rest| {
            if rest != 0 && (rest < 0) != (other < 0) {
                rest + other
            } else {
                rest
            }
        }),
        BinaryOperator::Power => match u32::try_from(other) {
            Ok(power) => one.checked_pow(power),
            Err(_) if other < 0 => return Ok(Value::Float((one as f64).powf(other as f64))),
            Err(_) => None,
        },
        BinaryOperator::And => Some(one & other),
        BinaryOperator::Or => Some(one | other),
        BinaryOperator::Xor => Some(one ^ other),
        BinaryOperator::LeftShift => u32::try_from(other)
            .ok()
            .filter(|shift| *shift < 62)
            .and_then(|shift| one.checked_mul(1_i64 << shift)),
        BinaryOperator::RightShift => u32::try_from(other)
            .ok()
            .map(|shift| one.checked_shr(shift).unwrap_or(if one < 0 { -1 } else { 0 })),
        BinaryOperator::MatrixMultiply => None,
    };
    result.map(Value::Int).ok_or(Trouble::TooBig)
}
