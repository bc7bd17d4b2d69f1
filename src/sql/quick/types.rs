//! Types, canonical as `lower::types` makes them.

use smol_str::SmolStr;

use super::cursor::{Certain, Cursor};
use crate::postgres::{Name, TypeName};
use crate::sql::lower;

/// Takes a type.
pub(super) fn type_name(cursor: &mut Cursor<'_>) -> Certain<TypeName> {
    let mut found = match keyword(cursor)? {
        Some(found) => found,
        None => TypeName {
            name: generic(cursor)?,
            modifiers: Vec::new(),
            array: false,
        },
    };
    while cursor.symbol("[") {
        cursor.must_symbol("]")?;
        found.array = true;
    }
    Some(found)
}

/// A type that the grammar has no word for: also one of an extension or of the user's own.
fn generic(cursor: &mut Cursor<'_>) -> Certain<Name> {
    let name = cursor.name()?;
    Some(match name.schema.as_deref() {
        None => Name::new(lower::alias(&name.name)),
        Some("pg_catalog") => Name::new(&name.name),
        Some(_) => name,
    })
}

/// A type that has words of its own in the grammar; none if no such word comes.
fn keyword(cursor: &mut Cursor<'_>) -> Certain<Option<TypeName>> {
    const PLAIN: [(&str, &str); 7] = [
        ("bigint", "int8"),
        ("boolean", "bool"),
        ("int", "int4"),
        ("integer", "int4"),
        ("json", "json"),
        ("real", "float4"),
        ("smallint", "int2"),
    ];
    let plain = PLAIN.iter().find(|(word, _)| cursor.word(word));
    if let Some((_, name)) = plain {
        return Some(Some(TypeName::new(name)));
    }
    if cursor.words(&["double", "precision"])? {
        return Some(Some(TypeName::new("float8")));
    }
    if cursor.word("varchar") {
        return characters(cursor, "varchar").map(Some);
    }
    if cursor.word("character") || cursor.word("char") {
        let name = if cursor.word("varying") {
            "varchar"
        } else {
            "bpchar"
        };
        return characters(cursor, name).map(Some);
    }
    if cursor.word("numeric") || cursor.word("decimal") {
        return with_modifiers(cursor, "numeric").map(Some);
    }
    if cursor.word("timestamp") {
        return with_zone(cursor, "timestamp", "timestamptz").map(Some);
    }
    if cursor.word("time") {
        return with_zone(cursor, "time", "timetz").map(Some);
    }
    Some(None)
}

/// `varchar(n)`; a `char` without a length has one.
fn characters(cursor: &mut Cursor<'_>, name: &str) -> Certain<TypeName> {
    let mut found = with_modifiers(cursor, name)?;
    match found.modifiers.len() {
        0 if name == "bpchar" => found.modifiers.push("1".into()),
        0 | 1 => {}
        _ => return None,
    }
    Some(found)
}

fn with_modifiers(cursor: &mut Cursor<'_>, name: &str) -> Certain<TypeName> {
    let mut found = TypeName::new(name);
    if cursor.is_at_symbol("(") {
        found.modifiers = cursor.in_parentheses(modifier)?;
    }
    Some(found)
}

fn modifier(cursor: &mut Cursor<'_>) -> Certain<SmolStr> {
    let digits = cursor.number()?;
    (digits.len() < 10 && !digits.contains('.')).then(|| SmolStr::new(digits))
}

fn with_zone(cursor: &mut Cursor<'_>, without: &str, with: &str) -> Certain<TypeName> {
    let mut found = with_modifiers(cursor, without)?;
    if found.modifiers.len() > 1 {
        return None;
    }
    if cursor.words(&["with", "time", "zone"])? {
        found.name = Name::new(with);
    } else {
        cursor.words(&["without", "time", "zone"])?;
    }
    Some(found)
}
