//! Casts: what a value becomes as another type, and what the server refuses to read as one.

use std::sync::Arc;

use super::{Context, Table, render, spelling, system};
use crate::postgres::catalog::builtin;
use crate::postgres::catalog::{QualifiedName, TypeKind};
use crate::postgres::expression::{Datum, TypeName};
use crate::postgres::name::{Name, ObjectKind, Quoted};
use crate::postgres::{ServerError, SqlState};
use crate::unknown;

use super::operators::text_of;

/// Families of types that compare and convert among themselves only.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Number,
    Text,
    Boolean,
    Time,
    Uuid,
    Enum,
    /// Anything else, or not known.
    Other,
}

/// The family of a type; a domain is in that of its base.
pub(crate) fn kind_of_type(type_name: &TypeName, context: &Context<'_>) -> Kind {
    if type_name.array {
        return Kind::Other;
    }
    if type_name.name.schema.is_none() {
        match type_name.name.name.as_str() {
            "int2" | "int4" | "int8" | "float4" | "float8" | "numeric" => return Kind::Number,
            "text" | "varchar" | "bpchar" | "name" => return Kind::Text,
            "bool" => return Kind::Boolean,
            "date" | "timestamp" | "timestamptz" => return Kind::Time,
            "uuid" => return Kind::Uuid,
            _ => {}
        }
    }
    match context
        .made_type(&type_name.name)
        .map(|known| &known.definition)
    {
        Some(TypeKind::Enum { .. }) => Kind::Enum,
        Some(TypeKind::Domain { base, .. }) if base != type_name => kind_of_type(base, context),
        _ => Kind::Other,
    }
}

/// 42704 for a type that does not exist.
pub(crate) fn check_type(type_name: &TypeName, context: &Context<'_>) -> Result<(), ServerError> {
    let name = &type_name.name;
    // array types by their internal names
    let plain = name.name.strip_prefix('_').unwrap_or(&name.name);
    let known = system::types::is_builtin(plain)
        || builtin::is_builtin_type(plain)
        || context.made_type(&Name::new(plain)).is_some()
        || context.catalog.open
        || name.is_unknown()
        || context.made_type(name).is_some()
        || context.relation(name).is_some()
        || context.may_exist(name)
        // an extension may have made it
        || context.catalog.extensions.len() > 1
        || matches!(name.schema.as_deref(), Some("pg_catalog" | "information_schema"));
    if known {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::UNDEFINED_OBJECT,
        format!("type \"{name}\" does not exist"),
    )
    .about(context.qualify(name).key(ObjectKind::Type)))
}

fn invalid(type_text: &str, text: &str) -> ServerError {
    ServerError::new(
        SqlState::INVALID_TEXT_REPRESENTATION,
        format!("invalid input syntax for type {type_text}: \"{text}\""),
    )
}

/// Whether a text says how long: `30 days`.
fn is_duration(text: &str) -> bool {
    let mut words = text.split_ascii_whitespace().enumerate();
    words.all(|(place, word)| {
        if place % 2 == 0 {
            word.parse::<i64>().is_ok()
        } else {
            matches!(
                word.trim_end_matches('s'),
                "year" | "month" | "week" | "day" | "hour" | "minute" | "second"
            )
        }
    }) && text.contains(|character: char| character.is_ascii_alphabetic())
}

/// Whether a text may be a point in time: one without any digit must be a word that stands for one.
fn may_be_time(text: &str) -> bool {
    if is_duration(text) {
        return false;
    }
    text.contains(|character: char| character.is_ascii_digit())
        || text
            .split(|c: char| !c.is_ascii_alphabetic() && !matches!(c, '+' | '-'))
            .any(|word| {
                matches!(
                    word.to_ascii_lowercase().as_str(),
                    "now"
                        | "today"
                        | "tomorrow"
                        | "yesterday"
                        | "epoch"
                        | "infinity"
                        | "+infinity"
                        | "-infinity"
                        | "allballs"
                )
            })
}

/// Refuses a literal that can't be read as a type.
pub(crate) fn check_literal(
    type_name: &TypeName,
    text: &str,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    if unknown::has_hole(text) || unknown::is_fresh(text) {
        return Ok(());
    }
    if type_name.array {
        let trimmed = text.trim();
        // bounds may stand before the braces: `[1:2]={a,b}`
        let bounds = trimmed
            .strip_prefix('[')
            .and_then(|rest| rest.trim_start().chars().next());
        let has_bounds = bounds.is_some_and(|first| matches!(first, '0'..='9' | '-' | '+'));
        if trimmed.starts_with('{') || has_bounds {
            return Ok(());
        }
        return Err(ServerError::new(
            SqlState::INVALID_TEXT_REPRESENTATION,
            format!("malformed array literal: \"{text}\""),
        ));
    }
    if type_name.name.schema.is_none() {
        let trimmed = text.trim();
        match type_name.name.name.as_str() {
            "int2" | "int4" | "int8" => return check_integer(&type_name.name.name, trimmed, text),
            "float4" | "float8" | "numeric" => {
                return if parse_number(trimmed).is_some() {
                    Ok(())
                } else {
                    Err(invalid(render::type_text(type_name).as_str(), text))
                };
            }
            "bool" => {
                return if parse_bool(trimmed).is_some() {
                    Ok(())
                } else {
                    Err(invalid("boolean", text))
                };
            }
            "uuid" => {
                return if canonical_uuid(trimmed).is_some() {
                    Ok(())
                } else {
                    Err(invalid("uuid", text))
                };
            }
            "varchar" | "bpchar" => return check_length(type_name, text),
            "date" | "timestamp" | "timestamptz" if !may_be_time(trimmed) => {
                return Err(ServerError::new(
                    SqlState::INVALID_DATETIME_FORMAT,
                    format!(
                        "invalid input syntax for type {}: \"{text}\"",
                        render::type_text(type_name)
                    ),
                ));
            }
            "json" | "jsonb" => {
                return match serde_json::from_str::<serde_json::Value>(text) {
                    // the server reads what nests deeper than is read here
                    Err(error)
                        if text.len() <= 100_000
                            && !error.to_string().starts_with("recursion limit") =>
                    {
                        Err(invalid(&type_name.name.name, text)).or_else(tolerate_numbers(text))
                    }
                    _ => Ok(()),
                };
            }
            "regclass" => return to_regclass(text, context).map(|_| ()),
            "regtype" => return check_type(&parse_type(text), context),
            _ => {}
        }
    }
    match context
        .made_type(&type_name.name)
        .map(|known| &known.definition)
    {
        Some(TypeKind::Enum { .. }) => (context.environment.enum_use)(type_name, text),
        Some(TypeKind::Domain { base, .. }) if base != type_name => {
            check_literal(base, text, context)
        }
        _ => Ok(()),
    }
}

/// JSON numbers out of the range of a double are no error on the server.
fn tolerate_numbers(text: &str) -> impl FnOnce(ServerError) -> Result<(), ServerError> + '_ {
    move |error| {
        let exotic = text
            .as_bytes()
            .windows(2)
            .any(|pair| pair[0].is_ascii_digit() && matches!(pair[1], b'e' | b'E'));
        if exotic { Ok(()) } else { Err(error) }
    }
}

fn check_integer(name: &str, trimmed: &str, text: &str) -> Result<(), ServerError> {
    let type_text = match name {
        "int2" => "smallint",
        "int4" => "integer",
        _ => "bigint",
    };
    let digits = trimmed.strip_prefix(['-', '+']).unwrap_or(trimmed);
    // hexadecimal, octal, binary and underscores are read from version 16 on
    let exotic = digits.starts_with('0') && digits.len() > 1 || digits.contains('_');
    if exotic && !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Ok(());
    }
    if digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(invalid(type_text, text));
    }
    let fits = trimmed.parse::<i64>().is_ok_and(|value| match name {
        "int2" => i16::try_from(value).is_ok(),
        "int4" => i32::try_from(value).is_ok(),
        _ => true,
    });
    if fits {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
        format!("value \"{text}\" is out of range for type {type_text}"),
    ))
}

fn check_length(type_name: &TypeName, text: &str) -> Result<(), ServerError> {
    let Some(limit) = type_name
        .modifiers
        .first()
        .and_then(|modifier| modifier.parse::<usize>().ok())
    else {
        return Ok(());
    };
    // blanks past the end are cut without a word
    if text.trim_end_matches(' ').chars().count() <= limit {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::STRING_DATA_RIGHT_TRUNCATION,
        format!(
            "value too long for type {}({limit})",
            render::type_text_plain(type_name)
        ),
    ))
}

fn parse_number(text: &str) -> Option<f64> {
    match text.to_ascii_lowercase().as_str() {
        "nan" => Some(f64::NAN),
        "infinity" | "inf" | "+infinity" => Some(f64::INFINITY),
        "-infinity" | "-inf" => Some(f64::NEG_INFINITY),
        other => other.replace('_', "").parse().ok(),
    }
}

/// A boolean as the server reads it: any unambiguous prefix.
pub(crate) fn parse_bool(text: &str) -> Option<bool> {
    let lower = text.trim().to_ascii_lowercase();
    if lower.is_empty() {
        return None;
    }
    if lower == "1" || lower == "on" || "true".starts_with(&lower) || "yes".starts_with(&lower) {
        return Some(true);
    }
    let off = lower == "0"
        || (lower.len() >= 2 && "off".starts_with(&lower))
        || "false".starts_with(&lower)
        || "no".starts_with(&lower);
    off.then_some(false)
}

/// A UUID in the form in which the server prints it.
pub(crate) fn canonical_uuid(text: &str) -> Option<String> {
    let inner = text
        .strip_prefix('{')
        .and_then(|inner| inner.strip_suffix('}'))
        .unwrap_or(text);
    let digits: String = inner
        .chars()
        .filter(|character| *character != '-')
        .map(|character| character.to_ascii_lowercase())
        .collect();
    if digits.len() != 32 || !digits.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    Some(format!(
        "{}-{}-{}-{}-{}",
        &digits[..8],
        &digits[8..12],
        &digits[12..16],
        &digits[16..20],
        &digits[20..]
    ))
}

/// A name of a type as text: `public.mood`, `character varying(20)[]`, `integer`.
pub(crate) fn parse_type(text: &str) -> TypeName {
    let trimmed = text.trim();
    let (base, array) = match trimmed.strip_suffix("[]") {
        Some(base) => (base.trim(), true),
        None => (trimmed, false),
    };
    let (base, modifiers) = match base.split_once('(') {
        Some((name, rest)) => (
            name.trim(),
            rest.trim_end_matches(')')
                .split(',')
                .map(|part| part.trim().into())
                .collect(),
        ),
        None => (base, Vec::new()),
    };
    let mut name = parse_name(base);
    if name.schema.as_deref() == Some("pg_catalog") {
        name.schema = None;
    }
    if name.schema.is_none()
        && let Some(canonical) = system::types::canonical(&name.name)
    {
        name = Name::new(canonical);
    }
    TypeName {
        name,
        modifiers,
        array,
    }
}

/// A name as text: `t`, `public.t`, `"T"`; unquoted parts are folded.
pub(crate) fn parse_name(text: &str) -> Name {
    let mut parts: Vec<String> = vec![String::new()];
    let mut quoted = false;
    let mut characters = text.trim().chars().peekable();
    while let Some(character) = characters.next() {
        let Some(last) = parts.last_mut() else { break };
        match character {
            '"' if quoted && characters.peek() == Some(&'"') => {
                characters.next();
                last.push('"');
            }
            '"' => quoted = !quoted,
            '.' if !quoted => parts.push(String::new()),
            other if quoted => last.push(other),
            other => last.extend(other.to_lowercase()),
        }
    }
    let name = parts.pop().unwrap_or_default();
    let schema = parts.pop();
    Name::qualified(schema.as_deref(), name)
}

/// The oid of a relation by its name, or 42P01 (3F000 is worded so too).
pub(crate) fn to_regclass(text: &str, context: &Context<'_>) -> Result<Datum, ServerError> {
    if let Ok(oid) = text.trim().parse::<i64>() {
        return Ok(Datum::Int(oid));
    }
    let name = parse_name(text);
    match find_class(&name, context) {
        Some(value) => Ok(value),
        None => Err(ServerError::new(
            SqlState::UNDEFINED_TABLE,
            format!("relation \"{text}\" does not exist"),
        )
        .about(context.qualify(&name).key(ObjectKind::Table))),
    }
}

/// The oid of a relation by its name: unknown where it may exist, `None` where it does not.
pub(crate) fn find_class(name: &Name, context: &Context<'_>) -> Option<Datum> {
    if name.is_unknown() {
        return Some(Datum::Unknown);
    }
    if let Some(table) = system::find(name) {
        return Some(Datum::Int(system::oid::relation(&QualifiedName::new(
            table.schema,
            table.name,
        ))));
    }
    if let Some(relation) = context.relation(name) {
        let maybe = relation.presence == crate::postgres::catalog::Presence::Maybe;
        return Some(if maybe {
            Datum::Unknown
        } else {
            Datum::Int(system::oid::relation(&relation.name))
        });
    }
    (context.catalog.open || context.may_exist(name)).then_some(Datum::Unknown)
}

/// The oid of a type by its name: unknown where it may exist, `None` where it does not.
pub(crate) fn find_type(type_name: &TypeName, context: &Context<'_>) -> Option<Datum> {
    if let Some(oid) = system::types::oid_of_type(type_name, context) {
        return Some(Datum::Int(oid));
    }
    (context.catalog.open || type_name.name.is_unknown() || context.may_exist(&type_name.name))
        .then_some(Datum::Unknown)
}

/// The value of a type that holds an oid, as the server prints it: a name.
pub(crate) fn reg_to_text(
    value: Datum,
    type_name: Option<&TypeName>,
    context: &Context<'_>,
) -> Datum {
    let Some(type_name) = type_name else {
        return value;
    };
    if let Datum::Array(items) = &value
        && type_name.name.name.starts_with("reg")
    {
        return Datum::Array(
            items
                .iter()
                .map(|item| reg_to_text(item.clone(), Some(type_name), context))
                .collect(),
        );
    }
    let Datum::Int(oid) = value else {
        return value;
    };
    let text = match type_name.name.name.as_str() {
        "regclass" => match context.relation_by_oid(oid) {
            Some(relation) => Some(render::visible_name(&relation.name, context)),
            None => system::name_of_table(oid),
        },
        "regtype" => system::types::text_of_oid(oid, context),
        "regnamespace" => context
            .catalog
            .schemas
            .keys()
            .find(|schema| system::oid::schema(schema) == oid)
            .map(|schema| Quoted(schema).to_string()),
        "regproc" | "regprocedure" => context
            .catalog
            .functions
            .keys()
            .find(|name| system::oid::function(name, 0) == oid)
            .map(|name| render::visible_name(name, context)),
        _ => return value,
    };
    text.map_or(Datum::Unknown, |text| Datum::Text(text.into()))
}

/// The result with oids of `reg` types printed as names.
pub(crate) fn reg_types_to_text(mut table: Table, context: &Context<'_>) -> Table {
    for (index, column) in table.columns.iter().enumerate() {
        let Some(type_name) = &column.type_name else {
            continue;
        };
        if !type_name.name.name.starts_with("reg") {
            continue;
        }
        for row in &mut table.rows {
            if let Some(value) = row.values.get_mut(index) {
                *value = reg_to_text(value.clone(), Some(type_name), context);
            }
        }
    }
    table
}

/// Reads an array's text form, elements as text.
pub(crate) fn parse_array(text: &str) -> Option<Vec<Datum>> {
    let inner = text.trim().strip_prefix('{')?.strip_suffix('}')?;
    let mut items = Vec::new();
    if inner.trim().is_empty() {
        return Some(items);
    }
    let mut current = String::new();
    let (mut quoted, mut was_quoted) = (false, false);
    let mut characters = inner.chars();
    let mut finish = |current: &mut String, was_quoted: &mut bool| {
        let text = std::mem::take(current);
        let bare = !std::mem::take(was_quoted);
        items.push(if bare && text.trim().eq_ignore_ascii_case("null") {
            Datum::Null
        } else if bare {
            Datum::text(text.trim())
        } else {
            Datum::text(&text)
        });
    };
    while let Some(character) = characters.next() {
        match character {
            '\\' => current.extend(characters.next()),
            '"' => {
                quoted = !quoted;
                was_quoted = true;
            }
            ',' if !quoted => finish(&mut current, &mut was_quoted),
            // arrays of arrays are not modelled
            '{' | '}' if !quoted => return None,
            other => current.push(other),
        }
    }
    finish(&mut current, &mut was_quoted);
    Some(items)
}

/// A value as another type.
pub(crate) fn cast(
    value: Datum,
    from: Option<&TypeName>,
    to: &TypeName,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    // what is no text may be cast by a function and not by what is written: `money` to `numeric`
    let is_other = |from: &TypeName| {
        !matches!(
            from.name.name.as_str(),
            "text" | "varchar" | "bpchar" | "name" | "char" | "unknown"
        )
    };
    match cast_written(value, from, to, context) {
        Err(error)
            if error.sqlstate == SqlState::INVALID_TEXT_REPRESENTATION
                && from.is_some_and(is_other) =>
        {
            Ok(Datum::Unknown)
        }
        result => result,
    }
}

fn cast_written(
    value: Datum,
    from: Option<&TypeName>,
    to: &TypeName,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    match value {
        Datum::Null | Datum::Stored | Datum::Unknown => return Ok(value),
        // a day, an hour is not new each time, but no literal is equal to it either
        Datum::Fresh => return Ok(value),
        _ => {}
    }
    if to.array {
        return cast_array(value, to, context);
    }
    if to.name.schema.is_some() {
        return cast_to_made(value, to, context);
    }
    match to.name.name.as_str() {
        "text" | "varchar" | "bpchar" | "name" | "char" => {
            let value = reg_to_text(value, from, context);
            let Some(text) = text_of(&value) else {
                return Ok(Datum::Unknown);
            };
            Ok(Datum::text(&cut(&text, to)))
        }
        "int2" | "int4" | "int8" | "oid" => Ok(to_integer(&value, to)?),
        "float4" | "float8" | "numeric" => to_number(value, to).and_then(|number| {
            if to.modifiers.is_empty() {
                Ok(number)
            } else {
                to_scale(&number, to)
            }
        }),
        "bool" => match &value {
            Datum::Bool(_) => Ok(value),
            Datum::Int(number) => Ok(Datum::Bool(*number != 0)),
            Datum::Text(text) => parse_bool(text)
                .map(Datum::Bool)
                .ok_or_else(|| invalid("boolean", text)),
            _ => Ok(Datum::Unknown),
        },
        "uuid" => match &value {
            Datum::Text(text) => canonical_uuid(text.trim())
                .map(|text| Datum::Text(text.into()))
                .ok_or_else(|| invalid("uuid", text)),
            _ => Ok(Datum::Unknown),
        },
        "regclass" => match &value {
            Datum::Text(text) => to_regclass(text, context),
            _ => Ok(value),
        },
        "regtype" => match &value {
            Datum::Text(text) => {
                let type_name = parse_type(text);
                find_type(&type_name, context).map_or_else(
                    || check_type(&type_name, context).map(|()| Datum::Unknown),
                    Ok,
                )
            }
            _ => Ok(value),
        },
        "regnamespace" => match &value {
            Datum::Text(text) => Ok(Datum::Int(system::oid::schema(&parse_name(text).name))),
            _ => Ok(value),
        },
        "regproc" | "regprocedure" => match &value {
            Datum::Int(_) => Ok(value),
            _ => Ok(Datum::Unknown),
        },
        _ => match &value {
            Datum::Text(text) => match spelling::printed(to, text) {
                Some(printed) => Ok(Datum::Text(printed.into())),
                None => cast_to_made(value, to, context),
            },
            _ => cast_to_made(value, to, context),
        },
    }
}

/// A number, whole where it is written so.
fn to_number(value: Datum, to: &TypeName) -> Result<Datum, ServerError> {
    match &value {
        Datum::Int(_) | Datum::Float(_) => Ok(value),
        Datum::Text(text) => match text.trim().parse::<i64>() {
            Ok(whole) => Ok(Datum::Int(whole)),
            Err(_) => parse_number(text.trim())
                .map(Datum::Float)
                .ok_or_else(|| invalid(&render::type_text(&TypeName::new(&to.name.name)), text)),
        },
        _ => Ok(Datum::Unknown),
    }
}

/// A number with as many digits as a type keeps: 22003 where there are more before the point.
fn to_scale(value: &Datum, to: &TypeName) -> Result<Datum, ServerError> {
    let number = match value {
        Datum::Int(number) => *number as f64,
        Datum::Float(number) => *number,
        _ => return Ok(Datum::Unknown),
    };
    let mut modifiers = to.modifiers.iter().map(|modifier| modifier.parse::<i32>());
    let (Some(Ok(precision)), scale) = (modifiers.next(), modifiers.next()) else {
        return Ok(Datum::Unknown);
    };
    let Ok(scale) = scale.unwrap_or(Ok(0)) else {
        return Ok(Datum::Unknown);
    };
    let scaled = number * 10_f64.powi(scale);
    // a half may be one only as it is written, and a large number is not exact here
    let is_clear = ((scaled - scaled.floor()) - 0.5).abs() > 1e-6 && scaled.abs() < 1e15;
    if !number.is_finite() || !is_clear {
        return Ok(Datum::Unknown);
    }
    let rounded = scaled.round();
    if rounded.abs() >= 10_f64.powi(precision) {
        return Err(ServerError::new(
            SqlState::NUMERIC_VALUE_OUT_OF_RANGE,
            "numeric field overflow",
        ));
    }
    if scale <= 0 {
        return Ok(Datum::Int((rounded / 10_f64.powi(scale)) as i64));
    }
    let value = rounded / 10_f64.powi(scale);
    Ok(if value.fract() == 0.0 {
        Datum::Int(value as i64)
    } else {
        Datum::Float(value)
    })
}

fn cast_to_made(value: Datum, to: &TypeName, context: &Context<'_>) -> Result<Datum, ServerError> {
    let Some(made) = context.made_type(&to.name) else {
        return Ok(value);
    };
    match &made.definition {
        TypeKind::Enum { .. } => {
            if let Datum::Text(text) = &value {
                (context.environment.enum_use)(to, text)?;
            }
            Ok(value)
        }
        TypeKind::Domain { base, .. } if base != to => cast(value, None, base, context),
        _ => Ok(value),
    }
}

fn cast_array(value: Datum, to: &TypeName, context: &Context<'_>) -> Result<Datum, ServerError> {
    let items: Arc<[Datum]> = match value {
        Datum::Array(items) => items,
        Datum::Text(text) => match parse_array(&text) {
            Some(items) => items.into(),
            None => return Ok(Datum::Unknown),
        },
        _ => return Ok(Datum::Unknown),
    };
    let element = TypeName {
        array: false,
        ..to.clone()
    };
    let cast_items: Result<Vec<Datum>, ServerError> = items
        .iter()
        .map(|item| cast(item.clone(), None, &element, context))
        .collect();
    Ok(Datum::Array(cast_items?.into()))
}

fn cut(text: &str, to: &TypeName) -> String {
    let limit = match to.name.name.as_str() {
        "name" => return crate::postgres::name::truncate(text).to_string(),
        "varchar" | "bpchar" => to
            .modifiers
            .first()
            .and_then(|modifier| modifier.parse::<usize>().ok()),
        _ => None,
    };
    match limit {
        Some(limit) => text.chars().take(limit).collect(),
        None => text.to_owned(),
    }
}

fn to_integer(value: &Datum, to: &TypeName) -> Result<Datum, ServerError> {
    match value {
        Datum::Int(number) => Ok(Datum::Int(*number)),
        Datum::Bool(value) => Ok(Datum::Int(i64::from(*value))),
        Datum::Float(number) if number.is_finite() && number.abs() < 9e15 => {
            Ok(Datum::Int(number.round_ties_even() as i64))
        }
        Datum::Text(text) => match text.trim().parse::<i64>() {
            Ok(number) => Ok(Datum::Int(number)),
            Err(_) => {
                check_integer(&to.name.name, text.trim(), text)?;
                Ok(Datum::Unknown)
            }
        },
        _ => Ok(Datum::Unknown),
    }
}
