//! Functions of the server: which exist (42883), and the values of those that guards use.

use std::sync::OnceLock;

use rustc_hash::{FxHashMap, FxHashSet};

use super::evaluate::{LARGEST_ARGUMENT, evaluate};
use super::operators::{binary, compare, equal, have_an_order, regex, text_of};
use super::scope::Frame;
use super::types::type_of;
use super::{Context, cast, enums, render, sequences, signatures, system};
use crate::postgres::catalog::{QualifiedName, TypeKind};
use crate::postgres::expression::{Datum, Expr};
use crate::postgres::name::{Name, ObjectKind, Quoted};
use crate::postgres::{ServerError, SqlState, Version};
use crate::unknown;

/// Names of all functions of `pg_catalog` and `information_schema` (PostgreSQL 11 to 18) but for those that only the
/// server itself calls, and of the forms that the grammar makes functions of.
static BUILTIN: &str = include_str!("builtin_functions.txt");

/// Functions of contributed extensions: `name extension`.
static EXTENSION: &str = include_str!("extension_functions.txt");

/// Whether a function comes with the server.
pub(crate) fn is_builtin(name: &str) -> bool {
    static NAMES: OnceLock<FxHashSet<&'static str>> = OnceLock::new();
    NAMES
        .get_or_init(|| BUILTIN.lines().map(str::trim).collect())
        .contains(name)
}

pub(crate) fn extension_of(name: &str) -> Option<&'static str> {
    static NAMES: OnceLock<FxHashMap<&'static str, &'static str>> = OnceLock::new();
    NAMES
        .get_or_init(|| {
            EXTENSION
                .lines()
                .filter_map(|line| line.split_once(' '))
                .collect()
        })
        .get(name)
        .copied()
}

/// 42883 for a function that does not exist.
pub(crate) fn check_call(
    name: &Name,
    arguments: &[Expr],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let catalog = context.catalog;
    if name.is_unknown() {
        return Ok(());
    }
    let made = catalog
        .functions
        .keys()
        .any(|known| known.name == name.name);
    // a cast in the form of a call, a whole row
    let made_type = context.made_type(name);
    let type_form = arguments.len() == 1
        && (system::types::is_builtin(&name.name) || made_type.is_some())
        // the constructor of a range
        || made_type.is_some_and(|made| matches!(made.definition, TypeKind::Range { .. }));
    if made || type_form {
        return Ok(());
    }
    let builtin = matches!(name.schema.as_deref(), None | Some("pg_catalog"))
        && is_builtin(&name.name)
        // part of the server since 13, of pgcrypto before
        && !(name.name == "gen_random_uuid" && context.environment.version < Version(13));
    if builtin {
        return signatures::check_function(name, arguments, frame, context);
    }
    if catalog.open {
        return Ok(());
    }
    match extension_of(&name.name) {
        Some(extension) if catalog.extensions.contains_key(extension) => return Ok(()),
        Some(_) => {}
        // an extension other than those listed may have brought it, or whoever made the tables that no revision makes
        None if !extensions_are_listed(context) || catalog.has_more() => {
            return Ok(());
        }
        None => {}
    }
    if catalog
        .maybe
        .iter()
        .any(|key| matches!(key.kind, ObjectKind::Function | ObjectKind::Extension))
    {
        return Ok(());
    }
    Err(ServerError::new(
        SqlState::UNDEFINED_FUNCTION,
        format!(
            "function {name}({}) does not exist",
            arguments
                .iter()
                .map(|_| "unknown")
                .collect::<Vec<_>>()
                .join(", ")
        ),
    )
    .about(context.qualify(name).key(ObjectKind::Function)))
}

/// Whether the functions of all installed extensions are known.
pub(crate) fn extensions_are_listed(context: &Context<'_>) -> bool {
    context
        .catalog
        .extensions
        .keys()
        .all(|known| is_listed(known))
}

fn is_listed(extension: &str) -> bool {
    extension == "plpgsql"
        || EXTENSION
            .lines()
            .filter_map(|line| line.split_once(' '))
            .any(|(_, known)| known == extension)
}

/// Evaluates a call.
pub(crate) fn call(
    name: &Name,
    arguments: &[Expr],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    if !matches!(
        name.schema.as_deref(),
        None | Some("pg_catalog" | "information_schema")
    ) {
        return Ok(Datum::Unknown);
    }
    let function = name.name.as_str();
    match function {
        // these look at no more arguments than they need
        "coalesce" => {
            for argument in arguments {
                match evaluate(argument, frame, context)? {
                    Datum::Null => {}
                    value => return Ok(value),
                }
            }
            return Ok(Datum::Null);
        }
        "to_regclass" | "to_regtype" | "to_regproc" | "to_regnamespace" => {
            return to_reg(function, arguments, frame, context);
        }
        _ => {}
    }
    // the bound of a range; `lower` of a text is meant below
    let of_range = |argument: &Expr| {
        let known = super::types::type_of(argument, frame, context);
        known
            .named()
            .is_some_and(|name| name.name.name.ends_with("range"))
    };
    if matches!(function, "lower" | "upper") && arguments.iter().any(of_range) {
        return Ok(Datum::Unknown);
    }
    let mut values = Vec::with_capacity(arguments.len());
    for argument in arguments {
        values.push(match evaluate(argument, frame, context)? {
            Datum::Stored => Datum::Unknown,
            value => value,
        });
    }
    if let Some(value) = enums::of_call(function, arguments, &values, context) {
        return Ok(value);
    }
    if let Some(value) = of_session(function, &values, context) {
        return Ok(value);
    }
    if is_fresh(function) {
        return Ok(Datum::Fresh);
    }
    if let Some(value) = of_many(function, &values) {
        return Ok(value);
    }
    if let Some(value) = of_catalog(function, arguments, &values, frame, context) {
        return Ok(value);
    }
    // all that follow are strict
    if values.contains(&Datum::Null) {
        return Ok(if is_builtin(function) && is_strict(function) {
            Datum::Null
        } else {
            Datum::Unknown
        });
    }
    if values.contains(&Datum::Unknown) {
        return Ok(Datum::Unknown);
    }
    if values.contains(&Datum::Fresh) {
        return Ok(if is_strict(function) {
            Datum::Fresh
        } else {
            Datum::Unknown
        });
    }
    let is_large =
        |value: &Datum| matches!(value, Datum::Text(text) if text.len() > LARGEST_ARGUMENT);
    if values.iter().any(is_large) {
        return Ok(Datum::Unknown);
    }
    Ok(of_text(function, &values)
        .or_else(|| of_array(function, &values))
        .unwrap_or(Datum::Unknown))
}

/// Functions whose value is new each time, or in each transaction.
pub(super) fn is_fresh(function: &str) -> bool {
    matches!(
        function,
        "now"
            | "current_timestamp"
            | "current_time"
            | "localtimestamp"
            | "localtime"
            | "clock_timestamp"
            | "statement_timestamp"
            | "transaction_timestamp"
            | "timeofday"
            | "gen_random_uuid"
            | "uuidv4"
            | "uuidv7"
            | "uuid_generate_v1"
            | "uuid_generate_v1mc"
            | "uuid_generate_v4"
            | "gen_random_bytes"
            | "gen_salt"
            | "random"
            | "random_normal"
            | "nextval"
            | "txid_current"
            | "pg_current_xact_id"
    )
}

/// Functions that are NULL for a NULL and new for a fresh argument.
fn is_strict(function: &str) -> bool {
    matches!(
        function,
        "lower"
            | "upper"
            | "initcap"
            | "length"
            | "char_length"
            | "replace"
            | "substring"
            | "substr"
            | "split_part"
            | "left"
            | "right"
            | "trim"
            | "btrim"
            | "ltrim"
            | "rtrim"
            | "md5"
            | "quote_ident"
            | "quote_literal"
            | "regexp_replace"
            | "strpos"
            | "position"
            | "to_char"
            | "date_trunc"
            | "encode"
            | "digest"
            | "crypt"
            | "extract"
            | "date_part"
            | "timezone"
            | "abs"
            | "reverse"
            | "repeat"
            | "lpad"
            | "rpad"
    )
}

fn of_session(function: &str, values: &[Datum], context: &Context<'_>) -> Option<Datum> {
    let environment = context.environment;
    Some(match (function, values) {
        ("current_database" | "current_catalog", []) => Datum::text(system::DATABASE),
        ("current_schema", []) => {
            match environment.search_path.iter().find(|schema| {
                context.catalog.schemas.contains_key(*schema) || context.catalog.open
            }) {
                Some(schema) => Datum::text(schema),
                None => Datum::Null,
            }
        }
        ("current_schemas", [with_system]) => {
            let own = environment
                .search_path
                .iter()
                .filter(|schema| context.catalog.schemas.contains_key(*schema))
                .map(|schema| Datum::text(schema));
            match with_system {
                Datum::Bool(true) => Datum::Array(
                    std::iter::once(Datum::text("pg_catalog"))
                        .chain(own)
                        .collect(),
                ),
                Datum::Bool(false) => Datum::Array(own.collect()),
                _ => Datum::Unknown,
            }
        }
        ("version", []) => Datum::text(&format!("PostgreSQL {}.0", environment.version.0)),
        ("current_setting", [Datum::Text(name), ..]) => match &**name {
            "server_version_num" => Datum::text(&format!("{}0000", environment.version.0)),
            "server_version" => Datum::text(&format!("{}.0", environment.version.0)),
            "server_encoding" | "client_encoding" => Datum::text("UTF8"),
            "search_path" => Datum::text(&environment.search_path.join(", ")),
            _ => Datum::Unknown,
        },
        (
            "pg_table_is_visible" | "pg_type_is_visible" | "pg_function_is_visible",
            [Datum::Int(oid)],
        ) => is_visible(function, *oid, context),
        ("pg_is_in_recovery", []) => Datum::Bool(false),
        ("pg_backend_pid", []) => Datum::Fresh,
        _ => return None,
    })
}

fn is_visible(function: &str, oid: i64, context: &Context<'_>) -> Datum {
    let schema = match function {
        "pg_table_is_visible" => context
            .relation_by_oid(oid)
            .map(|relation| relation.name.schema.clone()),
        "pg_type_is_visible" => context
            .catalog
            .types
            .keys()
            .find(|name| system::oid::made_type(name) == oid)
            .map(|name| name.schema.clone()),
        _ => context
            .catalog
            .functions
            .keys()
            .find(|name| system::oid::function(name, 0) == oid)
            .map(|name| name.schema.clone()),
    };
    match schema {
        Some(schema) => Datum::Bool(context.path().any(|known| known == schema)),
        // a builtin, which is always visible
        None => Datum::Bool(true),
    }
}

fn of_many(function: &str, values: &[Datum]) -> Option<Datum> {
    Some(match (function, values) {
        ("nullif", [left, right]) => match equal(left, right) {
            Some(true) => Datum::Null,
            Some(false) => left.clone(),
            None if *left == Datum::Unknown || *right == Datum::Unknown => Datum::Unknown,
            None => left.clone(),
        },
        ("greatest" | "least", _) => {
            let operator = if function == "greatest" { ">" } else { "<" };
            let mut best = Datum::Null;
            for value in values.iter().filter(|value| **value != Datum::Null) {
                best = if best == Datum::Null {
                    value.clone()
                } else {
                    match binary(operator, value, &best) {
                        Datum::Bool(true) => value.clone(),
                        Datum::Bool(false) => best,
                        _ => return Some(Datum::Unknown),
                    }
                };
            }
            best
        }
        ("concat" | "concat_ws", _) => concatenated(function, values)?,
        ("format", [Datum::Text(pattern), rest @ ..]) => format_text(pattern, rest),
        ("array_remove", [Datum::Array(items), wanted]) => {
            let kept: Option<Vec<Datum>> = items
                .iter()
                .map(|item| Some((item, equal(item, wanted)?)))
                .collect::<Option<Vec<_>>>()
                .map(|pairs| {
                    pairs
                        .into_iter()
                        .filter(|(_, same)| !same)
                        .map(|(item, _)| item.clone())
                        .collect()
                });
            kept.map_or(Datum::Unknown, |kept| Datum::Array(kept.into()))
        }
        ("array_position", [Datum::Array(items), wanted]) => {
            let mut found = Datum::Null;
            for (index, item) in items.iter().enumerate() {
                match equal(item, wanted) {
                    Some(true) => {
                        found = Datum::Int(index as i64 + 1);
                        break;
                    }
                    Some(false) => {}
                    None => return Some(Datum::Unknown),
                }
            }
            found
        }
        _ => return None,
    })
}

fn concatenated(function: &str, values: &[Datum]) -> Option<Datum> {
    if values.contains(&Datum::Unknown) {
        return Some(Datum::Unknown);
    }
    if values.contains(&Datum::Fresh) {
        return Some(Datum::Fresh);
    }
    let (separator, parts) = if function == "concat_ws" {
        let (first, rest) = values.split_first()?;
        if *first == Datum::Null {
            return Some(Datum::Null);
        }
        (text_of(first)?, rest)
    } else {
        (String::new(), values)
    };
    let texts: Option<Vec<String>> = parts
        .iter()
        .filter(|part| **part != Datum::Null)
        .map(boolean_as_letter)
        .collect();
    Some(Datum::text(&texts?.join(&separator)))
}

/// `concat` and `format` print what a type's output function prints: `t`, not `true`.
fn boolean_as_letter(value: &Datum) -> Option<String> {
    match value {
        Datum::Bool(value) => Some(if *value { "t" } else { "f" }.to_owned()),
        other => text_of(other),
    }
}

/// `format('ALTER TABLE %I ...', name)`: an unknown argument leaves a hole, so that the rest stays known.
fn format_text(pattern: &str, values: &[Datum]) -> Datum {
    let mut result = String::with_capacity(pattern.len());
    let mut characters = pattern.chars().peekable();
    let mut next = 0;
    while let Some(character) = characters.next() {
        if character != '%' {
            result.push(character);
            continue;
        }
        let mut digits = String::new();
        while let Some(digit) = characters.peek().filter(|next| next.is_ascii_digit()) {
            digits.push(*digit);
            characters.next();
        }
        if characters.peek() == Some(&'$') {
            characters.next();
            next = digits.parse::<usize>().unwrap_or(1).saturating_sub(1);
        }
        let Some(kind) = characters.next() else {
            return Datum::Unknown;
        };
        if kind == '%' {
            result.push('%');
            continue;
        }
        let Some(value) = values.get(next) else {
            return Datum::Unknown;
        };
        next += 1;
        match formatted(kind, value) {
            Some(text) => result.push_str(&text),
            None => return Datum::Unknown,
        }
    }
    // holes stay: EXECUTE reads them as unknown names
    Datum::Text(result.into())
}

fn formatted(kind: char, value: &Datum) -> Option<String> {
    let text = match value {
        Datum::Null if kind == 'L' => return Some("NULL".to_owned()),
        Datum::Null if kind == 's' => String::new(),
        Datum::Null => return None,
        Datum::Unknown => unknown::HOLE.to_string(),
        Datum::Fresh => unknown::FRESH.to_string(),
        other => boolean_as_letter(other)?,
    };
    Some(match kind {
        's' => text,
        'I' => quote_ident(&text),
        'L' => quote_literal(&text),
        _ => return None,
    })
}

fn quote_ident(text: &str) -> String {
    let plain = text.chars().enumerate().all(|(index, character)| {
        character.is_ascii_lowercase()
            || character == '_'
            || character == unknown::HOLE
            || (index > 0 && character.is_ascii_digit())
    });
    if plain && !text.is_empty() && !render::is_reserved(text) {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('"', "\"\""))
    }
}

fn quote_literal(text: &str) -> String {
    let quoted = text.replace('\'', "''");
    if quoted.contains('\\') {
        format!("E'{}'", quoted.replace('\\', "\\\\"))
    } else {
        format!("'{quoted}'")
    }
}

fn to_reg(
    function: &str,
    arguments: &[Expr],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Result<Datum, ServerError> {
    let [argument] = arguments else {
        return Ok(Datum::Unknown);
    };
    let value = evaluate(argument, frame, context)?;
    let Datum::Text(text) = &value else {
        return Ok(value);
    };
    Ok(match function {
        "to_regclass" => cast::find_class(&cast::parse_name(text), context).unwrap_or(Datum::Null),
        "to_regtype" => cast::find_type(&cast::parse_type(text), context).unwrap_or(Datum::Null),
        "to_regnamespace" => {
            let name = cast::parse_name(text).name;
            if context.catalog.schemas.contains_key(&name) {
                Datum::Int(system::oid::schema(&name))
            } else if context.catalog.open {
                Datum::Unknown
            } else {
                Datum::Null
            }
        }
        _ => {
            let name = cast::parse_name(text);
            let found = match &name.schema {
                Some(schema) => Some(QualifiedName::new(schema, &name.name)),
                None => context
                    .path()
                    .map(|schema| QualifiedName::new(schema, &name.name))
                    .find(|name| context.catalog.functions.contains_key(name)),
            };
            match found.filter(|name| context.catalog.functions.contains_key(name)) {
                Some(name) => Datum::Int(system::oid::function(&name, 0)),
                None if context.catalog.open || is_builtin(&name.name) => Datum::Unknown,
                None => Datum::Null,
            }
        }
    })
}

/// Functions that print or read objects of the catalog.
fn of_catalog(
    function: &str,
    arguments: &[Expr],
    values: &[Datum],
    frame: &Frame<'_>,
    context: &Context<'_>,
) -> Option<Datum> {
    let text = |text: Option<String>| Some(text.map_or(Datum::Unknown, |text| Datum::text(&text)));
    match (function, values) {
        ("pg_get_constraintdef", [Datum::Int(oid), ..]) => text(
            system::constraint_by_oid(*oid, context).and_then(|(relation, constraint)| {
                render::constraint_definition(&relation, &constraint, context)
            }),
        ),
        ("pg_get_indexdef", [Datum::Int(oid)]) => text(
            context
                .relation_by_oid(*oid)
                .and_then(|relation| render::index_definition_of(relation, context)),
        ),
        ("format_type", [Datum::Int(oid), modifier]) => text(
            system::types::text_of_oid(*oid, context)
                .and_then(|text| with_modifier(&text, modifier)),
        ),
        ("pg_get_serial_sequence", [Datum::Text(table), Datum::Text(column)]) => {
            let name = cast::parse_name(table);
            match context.relation(&name) {
                Some(relation) => {
                    let sequence = context.catalog.owned_sequence(&relation.name, column);
                    Some(match sequence {
                        Some(sequence) => Datum::text(&format!(
                            "{}.{}",
                            Quoted(&sequence.name.schema),
                            Quoted(&sequence.name.name)
                        )),
                        None if relation.columns_open => Datum::Unknown,
                        None => Datum::Null,
                    })
                }
                None => Some(Datum::Unknown),
            }
        }
        ("pg_get_userbyid", [_]) => Some(Datum::Unknown),
        ("obj_description" | "col_description", [Datum::Int(oid), ..]) => {
            Some(description(function, *oid, values, context))
        }
        ("setval", [_, value, called @ ..]) => {
            sequences::set_number(arguments, value, called, context);
            Some(value.clone())
        }
        ("quote_literal" | "quote_nullable", [Datum::Int(_) | Datum::Float(_)]) => None,
        ("pg_typeof", [_]) => {
            let type_name = arguments
                .first()
                .map(|argument| type_of(argument, frame, context));
            Some(match type_name.as_ref().and_then(|known| known.named()) {
                Some(name) => cast::find_type(name, context).unwrap_or(Datum::Unknown),
                None => Datum::Unknown,
            })
        }
        _ => None,
    }
}

/// A type's printed name with its modifier, as `atttypmod` holds it.
fn with_modifier(text: &str, modifier: &Datum) -> Option<String> {
    let value = match modifier {
        Datum::Null | Datum::Int(-1) => return Some(text.to_owned()),
        Datum::Int(value) => *value,
        _ => return None,
    };
    let (base, array) = match text.strip_suffix("[]") {
        Some(base) => (base, "[]"),
        None => (text, ""),
    };
    let printed = match base {
        "character varying" | "character" => format!("{base}({})", value - 4),
        "numeric" => format!("numeric({},{})", (value - 4) >> 16, (value - 4) & 0xffff),
        "bit" | "bit varying" => format!("{base}({value})"),
        _ => match base.split_once(' ') {
            Some((first, rest)) if rest.ends_with("time zone") => {
                format!("{first}({value}) {rest}")
            }
            _ => return None,
        },
    };
    Some(printed + array)
}

fn description(function: &str, oid: i64, values: &[Datum], context: &Context<'_>) -> Datum {
    let Some(relation) = context.relation_by_oid(oid) else {
        return Datum::Unknown;
    };
    let key = if function == "obj_description" {
        relation.name.key(system::object_kind(relation.kind))
    } else {
        let column = match values.get(1) {
            Some(Datum::Int(number)) => usize::try_from(*number - 1)
                .ok()
                .and_then(|index| relation.columns.get(index)),
            _ => None,
        };
        match column {
            Some(column) => relation.name.member(ObjectKind::Column, &column.name),
            None => return Datum::Unknown,
        }
    };
    match context.catalog.comments.get(&key) {
        Some(comment) => Datum::text(comment),
        None if context.catalog.open => Datum::Unknown,
        None => Datum::Null,
    }
}

fn of_text(function: &str, values: &[Datum]) -> Option<Datum> {
    let texts: Option<Vec<String>> = values.iter().map(text_of).collect();
    let texts = texts?;
    let first = texts.first()?.as_str();
    let number = |index: usize| match values.get(index) {
        Some(Datum::Int(number)) => Some(*number),
        _ => None,
    };
    let string = |text: &str| Some(Datum::text(text));
    match (function, texts.len()) {
        ("lower", 1) => string(&first.to_lowercase()),
        ("upper", 1) => string(&first.to_uppercase()),
        ("length" | "char_length" | "character_length", 1) => {
            Some(Datum::Int(first.chars().count() as i64))
        }
        ("octet_length", 1) => Some(Datum::Int(first.len() as i64)),
        // each character may become as long as the other text is
        ("replace" | "regexp_replace", 3 | 4)
            if first.len().saturating_mul(texts[2].len()) > 10 * LARGEST_ARGUMENT =>
        {
            None
        }
        ("replace", 3) => string(&first.replace(&texts[1], &texts[2])),
        ("trim" | "btrim", 1) => string(first.trim_matches(' ')),
        ("ltrim", 1) => string(first.trim_start_matches(' ')),
        ("rtrim", 1) => string(first.trim_end_matches(' ')),
        ("trim" | "btrim", 2) => string(first.trim_matches(|letter| texts[1].contains(letter))),
        ("ltrim", 2) => string(first.trim_start_matches(|letter| texts[1].contains(letter))),
        ("rtrim", 2) => string(first.trim_end_matches(|letter| texts[1].contains(letter))),
        ("left", 2) => {
            let count = first.chars().count() as i64;
            let wanted = number(1)?;
            let wanted = if wanted < 0 {
                (count + wanted).max(0)
            } else {
                wanted
            };
            string(&first.chars().take(wanted as usize).collect::<String>())
        }
        ("right", 2) => {
            let count = first.chars().count() as i64;
            let wanted = number(1)?;
            let skip = if wanted < 0 {
                wanted.unsigned_abs()
            } else {
                (count - wanted).max(0) as u64
            };
            string(&first.chars().skip(skip as usize).collect::<String>())
        }
        ("substring" | "substr", 2 | 3) => {
            let from = number(1)?;
            let end = match texts.len() {
                3 => from.saturating_add(number(2)?),
                _ => i64::MAX,
            };
            let from = from.max(1);
            let length = end.saturating_sub(from).max(0);
            string(
                &first
                    .chars()
                    .skip((from - 1) as usize)
                    .take(length as usize)
                    .collect::<String>(),
            )
        }
        ("split_part", 3) => {
            let index = number(2)?;
            let parts: Vec<&str> = if texts[1].is_empty() {
                vec![first]
            } else {
                first.split(texts[1].as_str()).collect()
            };
            let index = if index < 0 {
                index + parts.len() as i64
            } else {
                index - 1
            };
            string(
                usize::try_from(index)
                    .ok()
                    .and_then(|index| parts.get(index))
                    .unwrap_or(&""),
            )
        }
        ("strpos", 2) => Some(character_position(first, &texts[1])),
        // the grammar turns `position(a in b)` into `position(b, a)`
        ("position", 2) => Some(character_position(first, &texts[1])),
        ("starts_with", 2) => Some(Datum::Bool(first.starts_with(&texts[1]))),
        ("md5", 1) => string(&format!("{:x}", md5::compute(first.as_bytes()))),
        ("quote_ident", 1) => string(&quote_ident(first)),
        ("quote_literal" | "quote_nullable", 1) => string(&quote_literal(first)),
        ("reverse", 1) => string(&first.chars().rev().collect::<String>()),
        ("repeat", 2) => {
            let count = usize::try_from(number(1)?.max(0)).ok()?;
            (first.len().saturating_mul(count) < 100_000).then(|| Datum::text(&first.repeat(count)))
        }
        ("initcap", 1) => string(&initcap(first)),
        ("regexp_replace", 3 | 4) => regexp_replace(&texts),
        ("to_json" | "to_jsonb", 1) if matches!(values[0], Datum::Int(_) | Datum::Bool(_)) => {
            string(first)
        }
        ("abs", 1) => match values[0] {
            Datum::Int(number) => number.checked_abs().map(Datum::Int),
            Datum::Float(number) => Some(Datum::Float(number.abs())),
            _ => None,
        },
        ("mod", 2) => Some(binary("%", &values[0], &values[1])),
        _ => None,
    }
}

fn character_position(text: &str, part: &str) -> Datum {
    Datum::Int(
        text.find(part)
            .map_or(0, |at| text[..at].chars().count() as i64 + 1),
    )
}

fn initcap(text: &str) -> String {
    let mut inside = false;
    text.chars()
        .flat_map(|character| {
            let changed: Vec<char> = if inside {
                character.to_lowercase().collect()
            } else {
                character.to_uppercase().collect()
            };
            inside = character.is_alphanumeric();
            changed
        })
        .collect()
}

fn regexp_replace(texts: &[String]) -> Option<Datum> {
    let flags = texts.get(3).map_or("", String::as_str);
    let pattern = regex(&texts[1], flags.contains('i'))?;
    // `\1` of the server is `${1}` of ours, a dollar sign stands for itself
    let mut replacement = String::new();
    let mut characters = texts[2].chars();
    while let Some(character) = characters.next() {
        match character {
            '$' => replacement.push_str("$$"),
            '\\' => match characters.next() {
                Some('&') => replacement.push_str("${0}"),
                Some(digit) if digit.is_ascii_digit() => {
                    replacement.push_str("${");
                    replacement.push(digit);
                    replacement.push('}');
                }
                other => replacement.extend(other),
            },
            other => replacement.push(other),
        }
    }
    let result = if flags.contains('g') {
        pattern.replace_all(&texts[0], replacement.as_str())
    } else {
        pattern.replace(&texts[0], replacement.as_str())
    };
    Some(Datum::text(&result))
}

fn of_array(function: &str, values: &[Datum]) -> Option<Datum> {
    let items = match values.first()? {
        Datum::Array(items) => items.to_vec(),
        Datum::Text(text) if function.starts_with("array") || function == "cardinality" => {
            super::parse_array(text)?
        }
        Datum::Text(text) if function == "string_to_array" => {
            let separator = text_of(values.get(1)?)?;
            let parts = text.split(separator.as_str()).map(Datum::text);
            return Some(Datum::Array(parts.collect()));
        }
        _ => return None,
    };
    match (function, values) {
        ("array_length", [_, Datum::Int(1)]) => Some(if items.is_empty() {
            Datum::Null
        } else {
            Datum::Int(items.len() as i64)
        }),
        ("array_upper", [_, Datum::Int(1)]) => Some(Datum::Int(items.len() as i64)),
        ("array_lower", [_, Datum::Int(1)]) => Some(Datum::Int(1)),
        ("cardinality", [_]) => Some(Datum::Int(items.len() as i64)),
        ("array_append", [_, item]) => Some(Datum::Array(
            items.iter().chain(std::iter::once(item)).cloned().collect(),
        )),
        ("array_cat", [whole, other]) => Some(binary("||", whole, other)),
        ("array_to_string", [_, Datum::Text(separator)]) => {
            let texts: Option<Vec<String>> = items
                .iter()
                .filter(|item| **item != Datum::Null)
                .map(text_of)
                .collect();
            Some(Datum::text(&texts?.join(separator)))
        }
        ("array_sort", [_]) => {
            let mut sorted = items;
            let comparable = have_an_order(sorted.iter()) && !sorted.contains(&Datum::Null);
            if !comparable {
                return None;
            }
            sorted.sort_by(|left, right| compare(left, right).unwrap_or(std::cmp::Ordering::Equal));
            Some(Datum::Array(sorted.into()))
        }
        _ => None,
    }
}
