//! Text from values: f-strings, `str.format`, `%`. Unknown values become holes.

use super::text::{float, repr, to_string};
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Context, Interpreter, as_float, as_int};
use crate::python::syntax::Part;
use crate::python::value::{Key, Value};
use crate::unknown::{FRESH, HOLE, has_hole, is_fresh};

impl<H: Host> Interpreter<H> {
    /// The text of an f-string.
    pub(crate) fn joined(&mut self, context: &Context<'_, H>, parts: &[Part]) -> Eval<String> {
        let mut out = String::new();
        for part in parts {
            match part {
                Part::Text(text) => out.push_str(text),
                Part::Value {
                    value,
                    conversion,
                    format,
                } => {
                    let mut value = self.expression(context, *value)?;
                    match conversion {
                        Some('r' | 'a') => value = Value::str(repr(self, &value)?),
                        Some(_) => value = Value::str(to_string(self, &value)?),
                        None => {}
                    }
                    if format.is_empty() {
                        let text = to_string(self, &value)?;
                        out.push_str(&text);
                    } else {
                        self.enter()?;
                        let specifier = self.joined(context, format);
                        self.leave();
                        let text = apply(self, &value, &specifier?)?;
                        out.push_str(&text);
                    }
                }
            }
            self.check_size(out.len())?;
        }
        Ok(out)
    }
}

/// A format specifier, taken apart (library/string.html, "Format Specification Mini-Language").
#[derive(Default)]
struct Specifier {
    fill: Option<char>,
    align: Option<char>,
    sign: Option<char>,
    alternate: bool,
    width: usize,
    grouping: Option<char>,
    precision: Option<usize>,
    kind: Option<char>,
}

fn specifier(text: &str) -> Specifier {
    let mut parsed = Specifier::default();
    let characters: Vec<char> = text.chars().collect();
    let mut at = 0;
    let is_align = |character: Option<&char>| matches!(character, Some('<' | '>' | '^' | '='));
    if is_align(characters.get(1)) {
        parsed.fill = characters.first().copied();
        parsed.align = characters.get(1).copied();
        at = 2;
    } else if is_align(characters.first()) {
        parsed.align = characters.first().copied();
        at = 1;
    }
    if let Some(sign @ ('+' | '-' | ' ')) = characters.get(at) {
        parsed.sign = Some(*sign);
        at += 1;
    }
    if characters.get(at) == Some(&'#') {
        parsed.alternate = true;
        at += 1;
    }
    if characters.get(at) == Some(&'0') {
        parsed.fill.get_or_insert('0');
        parsed.align.get_or_insert('=');
        at += 1;
    }
    let number = |at: &mut usize| {
        let mut value: usize = 0;
        while let Some(digit) = characters.get(*at).and_then(|digit| digit.to_digit(10)) {
            value = value.saturating_mul(10).saturating_add(digit as usize);
            *at += 1;
        }
        value
    };
    parsed.width = number(&mut at);
    if let Some(grouping @ (',' | '_')) = characters.get(at) {
        parsed.grouping = Some(*grouping);
        at += 1;
    }
    if characters.get(at) == Some(&'.') {
        at += 1;
        parsed.precision = Some(number(&mut at));
    }
    parsed.kind = characters.get(at).copied();
    parsed
}

/// `format(value, specifier)`.
pub(crate) fn apply<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
    text: &str,
) -> Eval<String> {
    if text.is_empty() {
        return Ok(to_string(interpreter, value)?.to_string());
    }
    match value {
        Value::Unknown(unknown) => {
            interpreter.note_hole(unknown);
            return Ok(HOLE.to_string());
        }
        Value::Fresh(_) => return Ok(FRESH.to_string()),
        Value::Instance(instance) => {
            if let Some(formatted) = super::dates::strftime_of(instance, text) {
                return Ok(formatted);
            }
            if instance.class.site.is_some() && instance.class.lookup("__format__").is_some() {
                return Ok(HOLE.to_string());
            }
        }
        _ => {}
    }
    if has_hole(text) {
        return Ok(HOLE.to_string());
    }
    let parsed = specifier(text);
    interpreter.check_size(parsed.width.max(parsed.precision.unwrap_or(0)))?;
    let number = !matches!(value, Value::Str(_)) && as_float(value).is_some();
    let body = if number {
        number_text(value, &parsed)
    } else {
        let text = to_string(interpreter, value)?;
        if has_hole(&text) || is_fresh(&text) {
            return Ok(text.to_string());
        }
        match parsed.precision {
            Some(precision) => text.chars().take(precision).collect(),
            None => text.to_string(),
        }
    };
    Ok(pad(&body, &parsed, number))
}

fn pad(body: &str, parsed: &Specifier, number: bool) -> String {
    let missing = parsed.width.saturating_sub(body.chars().count());
    let fill = |count: usize| parsed.fill.unwrap_or(' ').to_string().repeat(count);
    match parsed.align.unwrap_or(if number { '>' } else { '<' }) {
        '<' => format!("{body}{}", fill(missing)),
        '^' => format!("{}{body}{}", fill(missing / 2), fill(missing - missing / 2)),
        '=' if number => match body.strip_prefix(['-', '+', ' ']) {
            Some(digits) => format!("{}{}{digits}", &body[..1], fill(missing)),
            None => format!("{}{body}", fill(missing)),
        },
        _ => format!("{}{body}", fill(missing)),
    }
}

fn number_text(value: &Value, parsed: &Specifier) -> String {
    let real = as_float(value).unwrap_or(0.0);
    let integer = as_int(value);
    let precision = parsed.precision.unwrap_or(6).min(300);
    let magnitude = match (parsed.kind, integer) {
        (Some('x'), Some(value)) => prefixed(parsed, "0x", &format!("{:x}", value.unsigned_abs())),
        (Some('X'), Some(value)) => prefixed(parsed, "0X", &format!("{:X}", value.unsigned_abs())),
        (Some('o'), Some(value)) => prefixed(parsed, "0o", &format!("{:o}", value.unsigned_abs())),
        (Some('b'), Some(value)) => prefixed(parsed, "0b", &format!("{:b}", value.unsigned_abs())),
        (Some('c'), Some(value)) => {
            return u32::try_from(value)
                .ok()
                .and_then(char::from_u32)
                .map(String::from)
                .unwrap_or_default();
        }
        (Some('f' | 'F'), _) => format!("{:.precision$}", real.abs()),
        (Some('%'), _) => format!("{:.precision$}%", (real * 100.0).abs()),
        (Some('e' | 'E'), _) => {
            let text = format!("{:.precision$e}", real.abs());
            let (mantissa, exponent) = text.split_once('e').unwrap_or((&text, "0"));
            let (sign, digits) = match exponent.strip_prefix('-') {
                Some(digits) => ('-', digits),
                None => ('+', exponent),
            };
            format!("{mantissa}e{sign}{digits:0>2}")
        }
        (_, Some(value)) => match value.checked_abs() {
            Some(value) => value.to_string(),
            None => value.to_string().trim_start_matches('-').to_owned(),
        },
        (_, None) => match parsed.precision {
            Some(precision) => {
                let digits = precision.max(1);
                let text = format!("{:.*}", digits.saturating_sub(1).min(300), real.abs());
                text.trim_end_matches('0').trim_end_matches('.').to_owned()
            }
            None => float(real.abs()),
        },
    };
    let grouped = match parsed.grouping {
        Some(mark) => group(&magnitude, mark),
        None => magnitude,
    };
    let sign = if real < 0.0 {
        "-"
    } else {
        match parsed.sign {
            Some('+') => "+",
            Some(' ') => " ",
            _ => "",
        }
    };
    format!("{sign}{grouped}")
}

fn prefixed(parsed: &Specifier, prefix: &str, digits: &str) -> String {
    if parsed.alternate {
        format!("{prefix}{digits}")
    } else {
        digits.to_owned()
    }
}

fn group(text: &str, mark: char) -> String {
    let (whole, rest) = match text.find(|character: char| !character.is_ascii_digit()) {
        Some(at) => text.split_at(at),
        None => (text, ""),
    };
    let mut out = String::with_capacity(text.len() + text.len() / 3);
    for (position, digit) in whole.chars().enumerate() {
        if position > 0 && (whole.len() - position) % 3 == 0 {
            out.push(mark);
        }
        out.push(digit);
    }
    out.push_str(rest);
    out
}

/// `text.format(...)`.
pub(crate) fn format_method<H: Host>(
    interpreter: &mut Interpreter<H>,
    text: &str,
    arguments: &Arguments,
) -> Eval<String> {
    let mut next = 0;
    format_fields(interpreter, text, arguments, &mut next, 0)
}

fn format_fields<H: Host>(
    interpreter: &mut Interpreter<H>,
    text: &str,
    arguments: &Arguments,
    next: &mut usize,
    depth: u32,
) -> Eval<String> {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(['{', '}']) {
        out.push_str(&rest[..at]);
        let brace = rest.as_bytes()[at];
        let after = &rest[at + 1..];
        if after.as_bytes().first() == Some(&brace) {
            out.push(char::from(brace));
            rest = &after[1..];
            continue;
        }
        if brace == b'}' {
            return Err(interpreter.error("ValueError", "Single '}' encountered in format string"));
        }
        let Some(end) = closing(after) else {
            return Err(interpreter.error("ValueError", "Single '{' encountered in format string"));
        };
        let field = &after[..end];
        rest = &after[end + 1..];
        let (field, format) = field.split_once(':').unwrap_or((field, ""));
        let (name, conversion) = field.split_once('!').unwrap_or((field, ""));
        let mut value = field_value(interpreter, name, arguments, next)?;
        match conversion {
            "" => {}
            "r" | "a" => value = Value::str(repr(interpreter, &value)?),
            _ => value = Value::str(to_string(interpreter, &value)?),
        }
        let format = if format.contains('{') && depth < 2 {
            format_fields(interpreter, format, arguments, next, depth + 1)?
        } else {
            format.to_owned()
        };
        out.push_str(&apply(interpreter, &value, &format)?);
        interpreter.check_size(out.len())?;
    }
    out.push_str(rest);
    Ok(out)
}

fn closing(text: &str) -> Option<usize> {
    let mut depth = 0_u32;
    for (at, byte) in text.bytes().enumerate() {
        match byte {
            b'{' => depth += 1,
            b'}' if depth == 0 => return Some(at),
            b'}' => depth -= 1,
            _ => {}
        }
    }
    None
}

fn field_value<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: &str,
    arguments: &Arguments,
    next: &mut usize,
) -> Eval<Value> {
    let end = name.find(['.', '[']).unwrap_or(name.len());
    let (first, mut path) = name.split_at(end);
    let found = if first.is_empty() {
        *next += 1;
        arguments.positional.get(*next - 1)
    } else if let Ok(position) = first.parse::<usize>() {
        arguments.positional.get(position)
    } else {
        arguments.named(first)
    };
    let mut value = match found {
        Some(value) => value.clone(),
        None if arguments.incomplete => return Ok(interpreter.unsupported("a format field")),
        None if first.is_empty() || first.parse::<usize>().is_ok() => {
            return Err(interpreter.error(
                "IndexError",
                "Replacement index out of range for positional args tuple",
            ));
        }
        None => return Err(interpreter.error("KeyError", &format!("'{first}'"))),
    };
    while !path.is_empty() {
        if let Some(rest) = path.strip_prefix('.') {
            let end = rest.find(['.', '[']).unwrap_or(rest.len());
            value = interpreter.attribute(&value, &rest[..end])?;
            path = &rest[end..];
        } else {
            let rest = path.strip_prefix('[').unwrap_or(path);
            let end = rest.find(']').unwrap_or(rest.len());
            let index = match rest[..end].parse::<i64>() {
                Ok(index) => Value::Int(index),
                Err(_) => Value::str(&rest[..end]),
            };
            value = interpreter.item(&value, &index)?;
            path = rest.get(end + 1..).unwrap_or_default();
        }
    }
    Ok(value)
}

/// `format % values`.
pub(crate) fn percent<H: Host>(
    interpreter: &mut Interpreter<H>,
    format: &str,
    values: &Value,
) -> Eval<String> {
    let positional: Vec<Value> = match values {
        Value::Tuple(items) => items.to_vec(),
        other => vec![other.clone()],
    };
    let mut taken = 0;
    let mut out = String::with_capacity(format.len());
    let mut rest = format;
    while let Some(at) = rest.find('%') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix('%') {
            out.push('%');
            rest = after;
            continue;
        }
        let mut value = None;
        if let Some(after) = rest.strip_prefix('(') {
            let end = after.find(')').unwrap_or(after.len());
            value = Some(named_value(interpreter, values, &after[..end])?);
            rest = after.get(end + 1..).unwrap_or_default();
        }
        let length = rest
            .find(|character: char| !"#0- +.*123456789".contains(character))
            .unwrap_or(rest.len());
        let flags = &rest[..length];
        rest = &rest[length..];
        let Some(kind) = rest.chars().next() else {
            return Err(interpreter.error("ValueError", "incomplete format"));
        };
        rest = &rest[kind.len_utf8()..];
        if kind == '%' {
            out.push('%');
            continue;
        }
        let value = match value {
            Some(value) => value,
            None => {
                taken += 1;
                match positional.get(taken - 1) {
                    Some(value) => value.clone(),
                    None => {
                        return Err(interpreter
                            .error("TypeError", "not enough arguments for format string"));
                    }
                }
            }
        };
        out.push_str(&percent_field(interpreter, &value, flags, kind)?);
        interpreter.check_size(out.len())?;
    }
    out.push_str(rest);
    if taken < positional.len() && matches!(values, Value::Tuple(_)) {
        return Err(interpreter.error(
            "TypeError",
            "not all arguments converted during string formatting",
        ));
    }
    Ok(out)
}

fn named_value<H: Host>(
    interpreter: &mut Interpreter<H>,
    values: &Value,
    name: &str,
) -> Eval<Value> {
    match values {
        Value::Dict(entries) => {
            let found = entries.borrow().get(&Key::Str(name.into())).cloned();
            match found {
                Some(value) => Ok(value),
                None => Err(interpreter.error("KeyError", &format!("'{name}'"))),
            }
        }
        other => interpreter.item(other, &Value::str(name)),
    }
}

fn percent_field<H: Host>(
    interpreter: &mut Interpreter<H>,
    value: &Value,
    flags: &str,
    kind: char,
) -> Eval<String> {
    let value = match (kind, value) {
        ('r' | 'a', _) => Value::str(repr(interpreter, value)?),
        ('s', _) => Value::str(to_string(interpreter, value)?),
        ('d' | 'i' | 'u', Value::Float(number)) => Value::Int(*number as i64),
        ('d' | 'i' | 'u' | 'x' | 'f', Value::Str(text)) if !has_hole(&text.text) => {
            let message = format!("%{kind} format: a real number is required, not str");
            return Err(interpreter.error("TypeError", &message));
        }
        _ => value.clone(),
    };
    let left = flags.contains('-');
    let mut text = String::new();
    let number = as_float(&value).is_some();
    text.push(if left || !number { '<' } else { '>' });
    if !left && !number {
        text.clear();
        text.push('>');
    }
    if flags.starts_with('0') && number && !left {
        text.clear();
        text.push_str("0=");
    }
    if flags.contains('+') {
        text.push('+');
    }
    if flags.contains('#') {
        text.push('#');
    }
    text.push_str(flags.trim_start_matches(|flag: char| "#0- +".contains(flag)));
    if number && matches!(kind, 'x' | 'X' | 'o' | 'f' | 'F' | 'e' | 'E' | 'g' | 'c') {
        text.push(kind);
    }
    apply(interpreter, &value, &text)
}
