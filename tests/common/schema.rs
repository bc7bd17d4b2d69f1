//! A JSON document against a JSON schema (draft 7), for the keywords that SARIF's schema uses.
//!
//! A keyword that is not known here is an error, so that nothing goes unchecked in silence. A validator from outside would change the features of
//! crates under PostgreSQL's parser, which would then be built twice.

// each test binary uses a part of it, and has it as a private module
#![allow(dead_code, unreachable_pub)]

use regex::Regex;
use serde_json::{Map, Value};

/// What is wrong with a document, each with its place; nothing where it is valid.
pub fn errors(schema: &Value, document: &Value) -> Vec<String> {
    let mut found = Vec::new();
    Check { root: schema }.value(schema, document, "", &mut found);
    found
}

struct Check<'a> {
    root: &'a Value,
}

impl Check<'_> {
    fn value(&self, schema: &Value, value: &Value, place: &str, found: &mut Vec<String>) {
        let Some(keywords) = schema.as_object() else {
            if schema == &Value::Bool(false) {
                found.push(format!("{place}: not allowed here"));
            }
            return;
        };
        // draft 7: what stands beside a reference is ignored
        if let Some(reference) = keywords.get("$ref").and_then(Value::as_str) {
            match self.root.pointer(reference.trim_start_matches('#')) {
                Some(target) => self.value(target, value, place, found),
                None => found.push(format!("{place}: the schema has no {reference}")),
            }
            return;
        }
        for (keyword, expected) in keywords {
            self.keyword(keywords, keyword, expected, value, place, found);
        }
    }

    fn keyword(
        &self,
        keywords: &Map<String, Value>,
        keyword: &str,
        expected: &Value,
        value: &Value,
        place: &str,
        found: &mut Vec<String>,
    ) {
        let valid = match keyword {
            "$schema" | "$id" | "title" | "description" | "default" | "definitions" => true,
            "type" => is_type(expected, value),
            "enum" => expected
                .as_array()
                .is_some_and(|allowed| allowed.contains(value)),
            "minimum" => compare(value, expected, |value, bound| value >= bound),
            "maximum" => compare(value, expected, |value, bound| value <= bound),
            "minItems" => value
                .as_array()
                .is_none_or(|items| items.len() as u64 >= expected.as_u64().unwrap_or(0)),
            "uniqueItems" => {
                expected != &Value::Bool(true)
                    || value.as_array().is_none_or(|items| {
                        (1..items.len()).all(|index| !items[..index].contains(&items[index]))
                    })
            }
            "pattern" => value.as_str().is_none_or(|text| {
                let pattern = Regex::new(expected.as_str().expect("a pattern"));
                pattern.expect("a pattern").is_match(text)
            }),
            "format" => value
                .as_str()
                .is_none_or(|text| has_format(expected.as_str().unwrap_or_default(), text)),
            "required" => {
                for name in expected.as_array().into_iter().flatten() {
                    let name = name.as_str().expect("a name");
                    if value
                        .as_object()
                        .is_some_and(|object| !object.contains_key(name))
                    {
                        found.push(format!("{place}: {name} is missing"));
                    }
                }
                true
            }
            "properties" => {
                for (name, schema) in expected.as_object().into_iter().flatten() {
                    if let Some(inner) = value.get(name) {
                        self.value(schema, inner, &format!("{place}/{name}"), found);
                    }
                }
                true
            }
            "additionalProperties" => {
                let known = keywords.get("properties").and_then(Value::as_object);
                for (name, inner) in value.as_object().into_iter().flatten() {
                    if !known.is_some_and(|known| known.contains_key(name)) {
                        self.value(expected, inner, &format!("{place}/{name}"), found);
                    }
                }
                true
            }
            "items" => {
                for (index, inner) in value.as_array().into_iter().flatten().enumerate() {
                    self.value(expected, inner, &format!("{place}/{index}"), found);
                }
                true
            }
            "anyOf" => self.matching(expected, value) > 0,
            "oneOf" => self.matching(expected, value) == 1,
            _ => {
                found.push(format!(
                    "{place}: the schema says {keyword}, which is not checked"
                ));
                true
            }
        };
        if !valid {
            found.push(format!("{place}: {value} against {keyword} {expected}"));
        }
    }

    fn matching(&self, schemas: &Value, value: &Value) -> usize {
        let schemas = schemas.as_array().map_or(&[][..], Vec::as_slice);
        schemas
            .iter()
            .filter(|schema| {
                let mut found = Vec::new();
                self.value(schema, value, "", &mut found);
                found.is_empty()
            })
            .count()
    }
}

fn is_type(expected: &Value, value: &Value) -> bool {
    if let Some(several) = expected.as_array() {
        return several.iter().any(|one| is_type(one, value));
    }
    match expected.as_str().unwrap_or_default() {
        "object" => value.is_object(),
        "array" => value.is_array(),
        "string" => value.is_string(),
        "boolean" => value.is_boolean(),
        "integer" => value.is_i64() || value.is_u64(),
        "number" => value.is_number(),
        _ => value.is_null(),
    }
}

fn compare(value: &Value, bound: &Value, holds: impl Fn(f64, f64) -> bool) -> bool {
    match (value.as_f64(), bound.as_f64()) {
        (Some(value), Some(bound)) => holds(value, bound),
        _ => true,
    }
}

fn has_format(format: &str, text: &str) -> bool {
    let plain = !text.is_empty()
        && text
            .bytes()
            .all(|byte| byte.is_ascii_graphic() && !br#"<>"\^`{|}"#.contains(&byte));
    match format {
        "uri" => {
            plain
                && text
                    .split_once(':')
                    .is_some_and(|(scheme, _)| !scheme.is_empty())
        }
        // a colon in the first segment would make it a scheme
        "uri-reference" => {
            plain
                && text.split('/').next().is_some_and(|first| {
                    first.split_once(':').is_none_or(|(scheme, _)| {
                        scheme.starts_with(|letter: char| letter.is_ascii_alphabetic())
                    })
                })
        }
        _ => text.len() >= "2026-01-01T00:00:00Z".len(),
    }
}
