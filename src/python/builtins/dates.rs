//! `datetime`, `date`, `time`, `timedelta`: constants are kept with their text, clocks are fresh.

use std::rc::Rc;

use super::exceptions::class;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, as_float, as_int, instance};
use crate::python::syntax::BinaryOperator;
use crate::python::value::{Instance, Value};

const PARTS: [&str; 7] = [
    "year",
    "month",
    "day",
    "hour",
    "minute",
    "second",
    "microsecond",
];

/// Days since 1970-01-01 of a date of the Gregorian calendar.
fn days(year: i64, month: i64, day: i64) -> i64 {
    let year = if month <= 2 { year - 1 } else { year };
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    let day_of_year = (153 * ((month + 9) % 12) + 2) / 5 + day - 1;
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The date of a number of days since 1970-01-01.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let day_of_era = shifted.rem_euclid(146_097);
    let year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36_524 - day_of_era / 146_096) / 365;
    let day_of_year = day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let month_shifted = (5 * day_of_year + 2) / 153;
    let day = day_of_year - (153 * month_shifted + 2) / 5 + 1;
    let month = if month_shifted < 10 {
        month_shifted + 3
    } else {
        month_shifted - 9
    };
    let year = year_of_era + era * 400 + i64::from(month <= 2);
    (year, month, day)
}

/// A `datetime` (or `date`, `time`) with its ISO text.
fn moment(kind: &str, parts: [i64; 7], zone: &Value) -> Value {
    let [year, month, day, hour, minute, second, micro] = parts;
    let date = format!("{year:04}-{month:02}-{day:02}");
    let mut time = format!("{hour:02}:{minute:02}:{second:02}");
    if micro != 0 {
        time.push_str(&format!(".{micro:06}"));
    }
    let aware = !zone.is_none();
    let text = match kind {
        "date" => date,
        "time" => time,
        _ => format!("{date} {time}{}", if aware { "+00:00" } else { "" }),
    };
    let mut attributes: Vec<(&str, Value)> = PARTS
        .iter()
        .zip(parts)
        .map(|(name, part)| (*name, Value::Int(part)))
        .collect();
    attributes.push(("tzinfo", zone.clone()));
    attributes.push(("text", Value::str(text)));
    instance(&class(kind), attributes)
}

/// `datetime(...)`, `date(...)`, `time(...)`.
pub(crate) fn construct<H: Host>(
    interpreter: &mut Interpreter<H>,
    kind: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let names: &[&str] = if kind == "time" { &PARTS[3..] } else { &PARTS };
    let mut parts = [1, 1, 1, 0, 0, 0, 0];
    let offset = PARTS.len() - names.len();
    for (position, name) in names.iter().enumerate() {
        match arguments.get(position, name) {
            None => {}
            Some(value) => match as_int(value) {
                Some(number) => parts[offset + position] = number,
                None => return Ok(interpreter.unsupported(kind)),
            },
        }
    }
    let [year, month, day, hour, minute, second, _] = parts;
    let valid = (1..=9999).contains(&year)
        && (1..=12).contains(&month)
        && (1..=31).contains(&day)
        && (0..24).contains(&hour)
        && (0..60).contains(&minute)
        && (0..60).contains(&second);
    if !valid {
        return Err(interpreter.error("ValueError", "date or time is out of range"));
    }
    let zone = arguments.get(7, "tzinfo").cloned().unwrap_or(Value::None);
    Ok(moment(kind, parts, &zone))
}

/// `timedelta(...)`.
pub(crate) fn delta<H: Host>(
    interpreter: &mut Interpreter<H>,
    arguments: &Arguments,
) -> Value {
    let units = [
        ("days", 86_400.0),
        ("seconds", 1.0),
        ("microseconds", 1e-6),
        ("milliseconds", 1e-3),
        ("minutes", 60.0),
        ("hours", 3600.0),
        ("weeks", 604_800.0),
    ];
    let mut seconds = 0.0;
    for (position, (name, unit)) in units.iter().enumerate() {
        if let Some(value) = arguments.get(position, name) {
            match as_float(value) {
                Some(number) => seconds += number * unit,
                None => return interpreter.unsupported("timedelta()"),
            }
        }
    }
    delta_of(seconds)
}

fn delta_of(seconds: f64) -> Value {
    let whole = seconds.floor() as i64;
    let day = whole.div_euclid(86_400);
    let rest = whole.rem_euclid(86_400);
    let clock = format!("{}:{:02}:{:02}", rest / 3600, rest / 60 % 60, rest % 60);
    let text = match day {
        0 => clock,
        1 | -1 => format!("{day} day, {clock}"),
        _ => format!("{day} days, {clock}"),
    };
    instance(
        &class("timedelta"),
        vec![
            ("days", Value::Int(day)),
            ("seconds", Value::Int(rest)),
            ("total", Value::Float(seconds)),
            ("text", Value::str(text)),
        ],
    )
}

fn parts_of(instance: &Instance) -> Option<[i64; 7]> {
    let attributes = instance.attributes.borrow();
    let mut parts = [0; 7];
    for (slot, name) in parts.iter_mut().zip(PARTS) {
        *slot = as_int(attributes.get(name)?)?;
    }
    Some(parts)
}

fn seconds_of(parts: [i64; 7]) -> f64 {
    let [year, month, day, hour, minute, second, micro] = parts;
    (days(year, month, day) * 86_400 + hour * 3600 + minute * 60 + second) as f64
        + micro as f64 / 1e6
}

fn from_seconds(seconds: f64) -> [i64; 7] {
    let whole = seconds.floor();
    let micro = ((seconds - whole) * 1e6).round() as i64;
    let whole = whole as i64;
    let (year, month, day) = civil(whole.div_euclid(86_400));
    let rest = whole.rem_euclid(86_400);
    [
        year,
        month,
        day,
        rest / 3600,
        rest / 60 % 60,
        rest % 60,
        micro,
    ]
}

/// `+` and `-` of moments and durations.
pub(crate) fn operator(operator: BinaryOperator, left: &Value, right: &Value) -> Option<Value> {
    let (Value::Instance(one), Value::Instance(other)) = (left, right) else {
        return None;
    };
    let total = |instance: &Instance| instance.attributes.borrow().get("total").and_then(as_float);
    let sign = match operator {
        BinaryOperator::Add => 1.0,
        BinaryOperator::Subtract => -1.0,
        _ => return None,
    };
    match (parts_of(one), parts_of(other), total(one), total(other)) {
        (Some(parts), None, _, Some(seconds)) => {
            let zone = one.attributes.borrow().get("tzinfo").cloned();
            let sum = from_seconds(seconds_of(parts) + sign * seconds);
            Some(moment(&one.class.name, sum, &zone.unwrap_or(Value::None)))
        }
        (Some(one), Some(other), _, _) if sign < 0.0 => {
            Some(delta_of(seconds_of(one) - seconds_of(other)))
        }
        (None, None, Some(one), Some(other)) => Some(delta_of(one + sign * other)),
        _ => None,
    }
}

/// A method of a moment or duration; `None`: it has none of the name.
pub(crate) fn method<H: Host>(
    interpreter: &mut Interpreter<H>,
    instance: &Rc<Instance>,
    name: &str,
    arguments: &Arguments,
) -> Option<Value> {
    let attribute = |name: &str| instance.attributes.borrow().get(name).cloned();
    let zone = attribute("tzinfo").unwrap_or(Value::None);
    let parts = parts_of(instance);
    Some(match name {
        "isoformat" => {
            let text = attribute("text")?;
            let separator = arguments.get(0, "sep").and_then(Value::as_str).unwrap_or("T");
            Value::str(text.as_str()?.replacen(' ', separator, 1))
        }
        "strftime" => {
            let format = arguments.positional.first()?.as_str()?.to_owned();
            match strftime_of(instance, &format) {
                Some(text) => Value::str(text),
                None => interpreter.unsupported("strftime()"),
            }
        }
        "total_seconds" => attribute("total")?,
        "timestamp" => Value::Float(seconds_of(parts?)),
        "date" => moment("date", parts?, &Value::None),
        "time" => moment("time", parts?, &Value::None),
        "replace" => {
            let mut parts = parts?;
            for (slot, name) in parts.iter_mut().zip(PARTS) {
                if let Some(value) = arguments.named(name) {
                    *slot = as_int(value)?;
                }
            }
            let zone = arguments.named("tzinfo").cloned().unwrap_or(zone);
            moment(&instance.class.name, parts, &zone)
        }
        "astimezone" => moment(&instance.class.name, parts?, &Value::Builtin("datetime.timezone.utc")),
        "weekday" | "isoweekday" => {
            let [year, month, day, ..] = parts?;
            let weekday = (days(year, month, day) + 3).rem_euclid(7);
            Value::Int(weekday + i64::from(name == "isoweekday"))
        }
        "toordinal" => {
            let [year, month, day, ..] = parts?;
            Value::Int(days(year, month, day) + 719_163)
        }
        _ => return None,
    })
}

/// `strftime`; `None`: this is no moment, or a directive is not modelled.
pub(crate) fn strftime_of(instance: &Instance, format: &str) -> Option<String> {
    let [year, month, day, hour, minute, second, micro] = parts_of(instance)?;
    let mut out = String::new();
    let mut characters = format.chars();
    while let Some(character) = characters.next() {
        if character != '%' {
            out.push(character);
            continue;
        }
        let text = match characters.next()? {
            'Y' => format!("{year:04}"),
            'm' => format!("{month:02}"),
            'd' => format!("{day:02}"),
            'H' => format!("{hour:02}"),
            'M' => format!("{minute:02}"),
            'S' => format!("{second:02}"),
            'f' => format!("{micro:06}"),
            'y' => format!("{:02}", year % 100),
            'F' => format!("{year:04}-{month:02}-{day:02}"),
            'T' => format!("{hour:02}:{minute:02}:{second:02}"),
            'j' => format!("{:03}", days(year, month, day) - days(year, 1, 1) + 1),
            's' => format!("{}", seconds_of(parts_of(instance)?) as i64),
            '%' => "%".to_owned(),
            _ => return None,
        };
        out.push_str(&text);
    }
    Some(out)
}

/// `datetime.fromisoformat`, and `strptime` for texts in that form; `None`: not understood.
pub(crate) fn parse(kind: &str, text: &str) -> Option<Value> {
    let (date, time) = match text.find(['T', ' ']) {
        Some(at) => (&text[..at], &text[at + 1..]),
        None => (text, ""),
    };
    let mut parts = [1, 1, 1, 0, 0, 0, 0];
    let mut fields = date.split('-');
    for slot in parts.iter_mut().take(3) {
        *slot = fields.next()?.parse().ok()?;
    }
    if fields.next().is_some() {
        return None;
    }
    let aware = time.ends_with('Z') || time.ends_with("+00:00");
    let time = time.trim_end_matches('Z').trim_end_matches("+00:00");
    if !time.is_empty() {
        let (clock, fraction) = time.split_once('.').unwrap_or((time, ""));
        for (slot, field) in parts[3..6].iter_mut().zip(clock.split(':')) {
            *slot = field.parse().ok()?;
        }
        if !fraction.is_empty() {
            parts[6] = format!("{fraction:0<6}").get(..6)?.parse().ok()?;
        }
    }
    let zone = if aware {
        Value::Builtin("datetime.timezone.utc")
    } else {
        Value::None
    };
    Some(moment(kind, parts, &zone))
}

/// `datetime.fromtimestamp`.
pub(crate) fn from_timestamp(seconds: f64, zone: &Value) -> Value {
    moment("datetime", from_seconds(seconds.clamp(-6e10, 2.5e11)), zone)
}

/// `datetime.combine(date, time)`.
pub(crate) fn combine(date: &Value, time: &Value) -> Option<Value> {
    let (Value::Instance(date), Value::Instance(time)) = (date, time) else {
        return None;
    };
    let (mut parts, time) = (parts_of(date)?, parts_of(time)?);
    parts[3..].copy_from_slice(&time[3..]);
    Some(moment("datetime", parts, &Value::None))
}
