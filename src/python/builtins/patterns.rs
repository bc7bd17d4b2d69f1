//! `re`, through a linear-time engine: patterns that it refuses (look-around, back references) give unknown results.

use std::rc::Rc;

use regex::{Regex, RegexBuilder};

use super::exceptions::class;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, as_int, instance};
use crate::python::value::{Instance, Value};
use crate::unknown::{HOLE, has_hole, is_fresh};

/// The pattern and flags of an argument that is a text or a compiled pattern.
fn pattern_of(value: &Value) -> Option<(String, i64)> {
    match value {
        Value::Str(text) if !has_hole(&text.text) => Some((text.text.to_string(), 0)),
        Value::Instance(instance) if instance.class.name == "_Pattern" => {
            let attributes = instance.attributes.borrow();
            let text = attributes.get("pattern")?.as_str()?.to_owned();
            if has_hole(&text) {
                return None;
            }
            Some((text, attributes.get("flags").and_then(as_int).unwrap_or(0)))
        }
        _ => None,
    }
}

fn build(pattern: &str, flags: i64, anchored: &str) -> Option<Regex> {
    // Python's own spellings
    let pattern = pattern.replace("(?P=", "(?P_").replace("\\Z", "\\z");
    let pattern = match anchored {
        "match" => format!("\\A(?:{pattern})"),
        "fullmatch" => format!("\\A(?:{pattern})\\z"),
        _ => pattern,
    };
    RegexBuilder::new(&pattern)
        .case_insensitive(flags & 2 != 0)
        .multi_line(flags & 8 != 0)
        .dot_matches_new_line(flags & 16 != 0)
        .ignore_whitespace(flags & 64 != 0)
        .size_limit(1 << 20)
        .build()
        .ok()
}

/// `re.NAME(...)`.
pub(crate) fn call<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    if name == "escape" {
        let text = arguments.positional.first().and_then(Value::as_str);
        return Ok(match text {
            Some(text) => {
                let mut out = String::with_capacity(text.len());
                for character in text.chars() {
                    if character.is_ascii_punctuation() && character != '_'
                        || character.is_ascii_whitespace()
                    {
                        out.push('\\');
                    }
                    out.push(character);
                }
                Value::str(out)
            }
            None => interpreter.unsupported("re.escape()"),
        });
    }
    let pattern = arguments.get(0, "pattern").cloned().unwrap_or(Value::None);
    if name == "compile" {
        let flags = arguments.get(1, "flags").cloned().unwrap_or(Value::Int(0));
        let text = interpreter.string(&pattern)?;
        return Ok(instance(
            &class("_Pattern"),
            vec![("pattern", Value::str(text)), ("flags", flags)],
        ));
    }
    let replaces = matches!(name, "sub" | "subn");
    let (text_at, flags_at) = match name {
        "sub" | "subn" => (2, 4),
        "split" => (1, 3),
        _ => (1, 2),
    };
    let text = arguments.get(text_at, "string").cloned().unwrap_or(Value::None);
    let extra = arguments.get(flags_at, "flags").and_then(as_int).unwrap_or(0);
    let hidden = |interpreter: &mut Interpreter<H>| {
        if name == "sub" {
            Value::str(HOLE.to_string())
        } else {
            match &text {
                Value::Unknown(unknown) => Value::unknown(unknown.then(&format!(" in re.{name}()"))),
                _ => interpreter.unsupported(&format!("re.{name}()")),
            }
        }
    };
    let Value::Str(subject) = &text else {
        return Ok(hidden(interpreter));
    };
    let subject = subject.text.clone();
    let Some((source, flags)) = pattern_of(&pattern) else {
        return Ok(hidden(interpreter));
    };
    let Some(regex) = build(&source, flags | extra, name) else {
        return Ok(hidden(interpreter));
    };
    if !replaces && (has_hole(&subject) || is_fresh(&subject)) {
        return Ok(hidden(interpreter));
    }
    Ok(match name {
        "match" | "fullmatch" | "search" => match regex.captures(&subject) {
            Some(captures) => match_object(&regex, &captures),
            None => Value::None,
        },
        "findall" => Value::list(
            regex
                .captures_iter(&subject)
                .map(|captures| {
                    let text = |at: usize| {
                        Value::str(captures.get(at).map_or("", |found| found.as_str()))
                    };
                    match captures.len() {
                        1 => text(0),
                        2 => text(1),
                        count => Value::tuple((1..count).map(text).collect()),
                    }
                })
                .collect(),
        ),
        "finditer" => super::iterators::iterator(
            regex
                .captures_iter(&subject)
                .map(|captures| match_object(&regex, &captures))
                .collect(),
        ),
        "split" => Value::list(regex.split(&subject).map(Value::str).collect()),
        "sub" | "subn" => {
            let replacement = arguments.get(1, "repl").cloned().unwrap_or(Value::None);
            let limit = arguments.get(3, "count").and_then(as_int).unwrap_or(0).max(0) as usize;
            let (text, count) = substitute(interpreter, &regex, &subject, &replacement, limit)?;
            if name == "sub" {
                Value::str(text)
            } else {
                Value::tuple(vec![Value::str(text), Value::Int(count)])
            }
        }
        _ => interpreter.unsupported(&format!("re.{name}()")),
    })
}

fn substitute<H: Host>(
    interpreter: &mut Interpreter<H>,
    regex: &Regex,
    subject: &str,
    replacement: &Value,
    limit: usize,
) -> Eval<(String, i64)> {
    let mut out = String::with_capacity(subject.len());
    let mut last = 0;
    let mut count = 0;
    for captures in regex.captures_iter(subject) {
        if limit > 0 && count as usize >= limit {
            break;
        }
        let Some(whole) = captures.get(0) else {
            continue;
        };
        out.push_str(&subject[last..whole.start()]);
        match replacement {
            Value::Str(template) => expand(&template.text, &captures, &mut out),
            Value::Unknown(_) => out.push(HOLE),
            callable => {
                let found = match_object(regex, &captures);
                let result = interpreter.call(
                    callable,
                    Arguments {
                        positional: vec![found],
                        ..Arguments::default()
                    },
                )?;
                out.push_str(&interpreter.string(&result)?);
            }
        }
        last = whole.end();
        count += 1;
        interpreter.check_size(out.len())?;
    }
    out.push_str(&subject[last..]);
    Ok((out, count))
}

/// Python's replacement templates: `\1`, `\g<name>`.
fn expand(template: &str, captures: &regex::Captures<'_>, out: &mut String) {
    let mut rest = template;
    while let Some(at) = rest.find('\\') {
        out.push_str(&rest[..at]);
        rest = &rest[at + 1..];
        if let Some(after) = rest.strip_prefix("g<")
            && let Some(end) = after.find('>')
        {
            let name = &after[..end];
            let group = match name.parse::<usize>() {
                Ok(number) => captures.get(number),
                Err(_) => captures.name(name),
            };
            out.push_str(group.map_or("", |found| found.as_str()));
            rest = &after[end + 1..];
            continue;
        }
        let Some(character) = rest.chars().next() else {
            out.push('\\');
            return;
        };
        rest = &rest[character.len_utf8()..];
        match character {
            '0'..='9' => {
                let number = character.to_digit(10).unwrap_or(0) as usize;
                out.push_str(captures.get(number).map_or("", |found| found.as_str()));
            }
            'n' => out.push('\n'),
            't' => out.push('\t'),
            other => out.push(other),
        }
    }
    out.push_str(rest);
}

fn match_object(regex: &Regex, captures: &regex::Captures<'_>) -> Value {
    let groups = captures
        .iter()
        .map(|group| group.map_or(Value::None, |found| Value::str(found.as_str())))
        .collect();
    let names = regex
        .capture_names()
        .map(|name| name.map_or(Value::None, Value::str))
        .collect();
    let (start, end) = captures
        .get(0)
        .map_or((0, 0), |whole| (whole.start(), whole.end()));
    instance(
        &class("_Match"),
        vec![
            ("groups_", Value::tuple(groups)),
            ("names_", Value::tuple(names)),
            ("start_", Value::Int(start as i64)),
            ("end_", Value::Int(end as i64)),
        ],
    )
}

/// `match[index]`, by number or name.
pub(crate) fn group<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    index: &Value,
) -> Eval<Value> {
    let attributes = found.attributes.borrow().clone();
    let (Some(Value::Tuple(groups)), Some(Value::Tuple(names))) =
        (attributes.get("groups_"), attributes.get("names_"))
    else {
        return Ok(interpreter.unsupported("a match"));
    };
    let position = match index {
        Value::Str(name) => names
            .iter()
            .position(|candidate| candidate.as_str() == Some(&name.text)),
        other => as_int(other).and_then(|number| usize::try_from(number).ok()),
    };
    match position.and_then(|position| groups.get(position)) {
        Some(group) => Ok(group.clone()),
        None => Err(interpreter.error("IndexError", "no such group")),
    }
}

/// A method of a match.
pub(crate) fn match_method<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let attributes = found.attributes.borrow().clone();
    let tuple = |name: &str| match attributes.get(name) {
        Some(Value::Tuple(items)) => items.to_vec(),
        _ => Vec::new(),
    };
    Ok(match name {
        "group" => match arguments.positional.as_slice() {
            [] => return group(interpreter, found, &Value::Int(0)),
            [single] => return group(interpreter, found, single),
            several => {
                let mut groups = Vec::new();
                for index in several {
                    groups.push(group(interpreter, found, index)?);
                }
                Value::tuple(groups)
            }
        },
        "groups" => Value::tuple(tuple("groups_").into_iter().skip(1).collect()),
        "groupdict" => {
            let entries = tuple("names_")
                .into_iter()
                .zip(tuple("groups_"))
                .filter_map(|(name, group)| {
                    let name = name.as_str()?.into();
                    Some((crate::python::Key::Str(name), group))
                })
                .collect();
            super::containers::dict_of(entries)
        }
        "start" | "end" if arguments.positional.is_empty() => attributes
            .get(if name == "start" { "start_" } else { "end_" })
            .cloned()
            .unwrap_or(Value::None),
        _ => interpreter.unsupported(&format!("match.{name}()")),
    })
}
