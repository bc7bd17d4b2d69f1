//! `re`: a linear-time engine, and one that goes back (with a limit) for look-around and back references. What both refuse, and
//! what takes more steps than the limit, gives unknown results.

use std::rc::Rc;

use fancy_regex::{Regex, RegexBuilder};

use super::exceptions::class;
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, as_int, instance};
use crate::python::value::{Instance, Value};
use crate::unknown::{HOLE, has_hole, is_fresh};

type Captures<'t> = fancy_regex::Captures<'t, str>;

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

/// Steps of one search that goes back.
const STEPS: usize = 100_000;

fn build(pattern: &str, flags: i64, anchored: &str) -> Option<Regex> {
    // Python's own spelling
    let pattern = pattern.replace("\\Z", "\\z");
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
        .delegate_size_limit(1 << 20)
        .backtrack_limit(STEPS)
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
    let text = arguments
        .get(text_at, "string")
        .cloned()
        .unwrap_or(Value::None);
    let extra = arguments
        .get(flags_at, "flags")
        .and_then(as_int)
        .unwrap_or(0);
    let hidden = |interpreter: &mut Interpreter<H>| {
        if name == "sub" {
            Value::str(HOLE.to_string())
        } else {
            match &text {
                Value::Unknown(unknown) => {
                    Value::unknown(unknown.then(&format!(" in re.{name}()")))
                }
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
    let limit = match name {
        "match" | "fullmatch" | "search" => 1,
        "sub" | "subn" => count(arguments, 3, "count"),
        "split" => count(arguments, 2, "maxsplit"),
        _ => usize::MAX,
    };
    let found: Result<Vec<Captures>, _> = regex.captures_iter(&*subject).take(limit).collect();
    let Ok(found) = found else {
        return Ok(hidden(interpreter));
    };
    let mut matches = found
        .iter()
        .map(|captures| match_object(&regex, captures, &subject));
    Ok(match name {
        "match" | "fullmatch" | "search" => matches.next().unwrap_or(Value::None),
        "finditer" => super::iterators::iterator(matches.collect()),
        "findall" => Value::list(found.iter().map(all_of).collect()),
        "split" => Value::list(split(&found, &subject)),
        "sub" | "subn" => {
            let replacement = arguments.get(1, "repl").cloned().unwrap_or(Value::None);
            let text = substitute(interpreter, &regex, &found, &subject, &replacement)?;
            if name == "sub" {
                Value::str(text)
            } else {
                Value::tuple(vec![Value::str(text), Value::Int(found.len() as i64)])
            }
        }
        _ => interpreter.unsupported(&format!("re.{name}()")),
    })
}

/// How many matches an argument asks for: all, where it is 0.
fn count(arguments: &Arguments, at: usize, name: &str) -> usize {
    let count = arguments.get(at, name).and_then(as_int).unwrap_or(0);
    match usize::try_from(count) {
        Ok(0) => usize::MAX,
        Ok(count) => count,
        Err(_) => 0,
    }
}

/// What `findall` gives for a match: its text, or its groups.
fn all_of(captures: &Captures<'_>) -> Value {
    let text = |at: usize| Value::str(captures.get(at).map_or("", |found| found.as_str()));
    match captures.len() {
        1 => text(0),
        2 => text(1),
        count => Value::tuple((1..count).map(text).collect()),
    }
}

/// The text between the matches, and the groups of each.
fn split(found: &[Captures<'_>], subject: &str) -> Vec<Value> {
    let mut parts = Vec::new();
    let mut last = 0;
    for captures in found {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        parts.push(Value::str(&subject[last..whole.start()]));
        let groups = (1..captures.len()).map(|at| captures.get(at));
        parts.extend(
            groups.map(|group| group.map_or(Value::None, |group| Value::str(group.as_str()))),
        );
        last = whole.end();
    }
    parts.push(Value::str(&subject[last..]));
    parts
}

fn substitute<H: Host>(
    interpreter: &mut Interpreter<H>,
    regex: &Regex,
    found: &[Captures<'_>],
    subject: &Rc<str>,
    replacement: &Value,
) -> Eval<String> {
    let mut out = String::with_capacity(subject.len());
    let mut last = 0;
    for captures in found {
        let Some(whole) = captures.get(0) else {
            continue;
        };
        out.push_str(&subject[last..whole.start()]);
        match replacement {
            Value::Str(template) => expand(&template.text, captures, &mut out),
            Value::Unknown(_) => out.push(HOLE),
            callable => {
                let positional = vec![match_object(regex, captures, subject)];
                let arguments = Arguments {
                    positional,
                    ..Arguments::default()
                };
                let result = interpreter.call(callable, arguments)?;
                out.push_str(&interpreter.string(&result)?);
            }
        }
        last = whole.end();
        interpreter.check_size(out.len())?;
    }
    out.push_str(&subject[last..]);
    Ok(out)
}

/// Python's replacement templates: `\1`, `\g<name>`.
fn expand(template: &str, captures: &Captures<'_>, out: &mut String) {
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

fn match_object(regex: &Regex, captures: &Captures<'_>, subject: &Rc<str>) -> Value {
    let groups = captures
        .iter()
        .map(|group| group.map_or(Value::None, |found| Value::str(found.as_str())))
        .collect();
    let names = regex
        .capture_names()
        .map(|name| name.map_or(Value::None, Value::str))
        .collect();
    let spans = (0..captures.len())
        .map(|at| match captures.get(at) {
            Some(found) => Value::tuple(vec![
                Value::Int(found.start() as i64),
                Value::Int(found.end() as i64),
            ]),
            None => Value::None,
        })
        .collect();
    instance(
        &class("_Match"),
        vec![
            ("groups_", Value::tuple(groups)),
            ("names_", Value::tuple(names)),
            ("spans_", Value::tuple(spans)),
            ("string", Value::str(subject.clone())),
        ],
    )
}

/// `match[index]`, by number or name.
pub(crate) fn group<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    index: &Value,
) -> Eval<Value> {
    of_group(interpreter, found, "groups_", index)
}

/// What one of a match's lists has for a group.
fn of_group<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    list: &str,
    index: &Value,
) -> Eval<Value> {
    let attributes = found.attributes.borrow().clone();
    let (Some(Value::Tuple(items)), Some(Value::Tuple(names))) =
        (attributes.get(list), attributes.get("names_"))
    else {
        return Ok(interpreter.unsupported("a match"));
    };
    let position = match index {
        Value::Str(name) => names
            .iter()
            .position(|candidate| candidate.as_str() == Some(&name.text)),
        other => as_int(other).and_then(|number| usize::try_from(number).ok()),
    };
    match position.and_then(|position| items.get(position)) {
        Some(item) => Ok(item.clone()),
        None => Err(interpreter.error("IndexError", "no such group")),
    }
}

/// Where a group begins and ends, in characters; -1 where it took no part.
fn span<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    arguments: &Arguments,
) -> Eval<(i64, i64)> {
    let whole = Value::Int(0);
    let index = arguments.positional.first().unwrap_or(&whole);
    let Value::Tuple(bytes) = of_group(interpreter, found, "spans_", index)? else {
        return Ok((-1, -1));
    };
    let attributes = found.attributes.borrow();
    let subject = attributes.get("string").and_then(Value::as_str);
    let characters = |at: usize| {
        let byte = bytes.get(at).and_then(as_int)? as usize;
        Some(subject?.get(..byte)?.chars().count() as i64)
    };
    Ok((
        characters(0).unwrap_or_default(),
        characters(1).unwrap_or_default(),
    ))
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
        "start" => Value::Int(span(interpreter, found, arguments)?.0),
        "end" => Value::Int(span(interpreter, found, arguments)?.1),
        "span" => {
            let (start, end) = span(interpreter, found, arguments)?;
            Value::tuple(vec![Value::Int(start), Value::Int(end)])
        }
        _ => interpreter.unsupported(&format!("match.{name}()")),
    })
}
