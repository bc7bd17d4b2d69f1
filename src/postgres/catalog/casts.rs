//! Which types' values can become another's: `pg_cast`, and the rules beside it (`find_coercion_pathway` in the server's
//! `parse_coerce.c`): text takes and gives everything, arrays go by their elements, a domain by its base.

use std::sync::OnceLock;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::{Catalog, Type, TypeKind, builtin};
use crate::postgres::name::ObjectKind;
use crate::postgres::{TypeName, Version};

/// Where a value is converted; each allows what those before it allow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum CastContext {
    /// Anywhere in an expression.
    Implicit,
    /// To a column: INSERT, UPDATE, defaults, ALTER COLUMN TYPE.
    Assignment,
    /// `CAST(x AS t)`, `x::t`.
    Explicit,
}

/// `source target context versions` of each cast between built-in types, as `pg_cast` of PostgreSQL 11 to 18 has them.
static CASTS: &str = include_str!("builtin_casts.txt");

/// Source and target of a cast.
type Pair = (&'static str, &'static str);

/// Where a cast is used, and the first and last version that has it.
type Row = (CastContext, u16, u16);

type Rows = FxHashMap<Pair, Row>;

fn rows() -> &'static Rows {
    static READ: OnceLock<Rows> = OnceLock::new();
    READ.get_or_init(|| CASTS.lines().filter_map(row).collect())
}

fn row(line: &'static str) -> Option<(Pair, Row)> {
    let mut words = line.split(' ');
    let pair = (words.next()?, words.next()?);
    let context = match words.next()? {
        "i" => CastContext::Implicit,
        "a" => CastContext::Assignment,
        _ => CastContext::Explicit,
    };
    let (first, last) = words
        .next()
        .and_then(|versions| versions.split_once('-'))
        .unwrap_or_default();
    let versions = (first.parse().unwrap_or(0), last.parse().unwrap_or(u16::MAX));
    Some((pair, (context, versions.0, versions.1)))
}

/// The casts of a database, its types found as a search path has them.
pub(crate) struct Casts<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) version: Version,
    pub(crate) search_path: &'a [SmolStr],
}

/// What the rules ask of a type.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Family<'a> {
    /// One of the server's own, by its name.
    Builtin(&'a str),
    /// A type of a statement that has no casts but those by text.
    Made(&'a Type),
}

impl<'a> Casts<'a> {
    /// Whether a value of one type can become another where it stands; `None` where that is not known.
    pub(crate) fn can(&self, from: &TypeName, to: &TypeName, context: CastContext) -> Option<bool> {
        let from_array = from.array || from.name.name.starts_with('_');
        let to_array = to.array || to.name.name.starts_with('_');
        if from_array || to_array {
            return self.can_array(from, to, context);
        }
        let (source, target) = (self.family(from, 0)?, self.family(to, 0)?);
        if source == target {
            return Some(true);
        }
        if let (Family::Builtin(source), Family::Builtin(target)) = (source, target) {
            let found = rows().get(&(source, target));
            let now = found.filter(|(_, first, last)| (*first..=*last).contains(&self.version.0));
            if let Some((needed, ..)) = now {
                return Some(context >= *needed);
            }
        }
        if by_text(is_text(source), is_text(target), context) {
            return Some(true);
        }
        self.unless_made()
    }

    fn can_array(&self, from: &TypeName, to: &TypeName, context: CastContext) -> Option<bool> {
        let element = |name: &TypeName| TypeName {
            array: false,
            ..name.clone()
        };
        match (from.array, to.array) {
            (true, true) => self.can(&element(from), &element(to), context),
            // the name of an array type, as `pg_type` has it
            _ if from.name.name.starts_with('_') || to.name.name.starts_with('_') => None,
            (is_array, _) => {
                let other = self.family(if is_array { to } else { from }, 0)?;
                let text = (is_text(other) && !is_array, is_text(other) && is_array);
                if by_text(text.0, text.1, context) {
                    return Some(true);
                }
                // `int2vector` and the like are arrays of their own
                if matches!(
                    other,
                    Family::Builtin("int2vector" | "oidvector" | "record")
                ) {
                    return None;
                }
                self.unless_made()
            }
        }
    }

    /// No built-in way: but a statement may have made one.
    fn unless_made(&self) -> Option<bool> {
        let catalog = self.catalog;
        let made = catalog
            .named
            .keys()
            .chain(&catalog.maybe)
            .any(|key| key.kind == ObjectKind::Cast);
        (!made).then_some(false)
    }

    fn family<'b>(&self, name: &'b TypeName, depth: u8) -> Option<Family<'b>>
    where
        'a: 'b,
    {
        let plain = name.name.name.as_str();
        if matches!(name.name.schema.as_deref(), None | Some("pg_catalog"))
            && builtin::is_builtin_type(plain)
        {
            return is_ordinary(plain).then_some(Family::Builtin(plain));
        }
        let found = self.catalog.find_type(self.search_path, &name.name)?;
        match &found.definition {
            TypeKind::Enum { .. } | TypeKind::Range { .. } => Some(Family::Made(found)),
            TypeKind::Domain { base, .. } if depth < 8 && !base.array => {
                self.family(base, depth + 1)
            }
            _ => None,
        }
    }
}

/// Through the text of a value: to text where it is assigned, from text where it is written.
fn by_text(from_text: bool, to_text: bool, context: CastContext) -> bool {
    to_text && context >= CastContext::Assignment || from_text && context == CastContext::Explicit
}

/// Whether a type is of the string category.
fn is_text(family: Family<'_>) -> bool {
    matches!(
        family,
        Family::Builtin("text" | "varchar" | "bpchar" | "name")
    )
}

/// Whether a built-in type is one of values, to which the rules apply as they are: no pseudo-type, and none whose category
/// changed between versions.
fn is_ordinary(name: &str) -> bool {
    !(name == "char"
        || name == "unknown"
        || name == "void"
        || name == "record"
        || name == "cstring"
        || name == "internal"
        || name == "trigger"
        || name.starts_with("any")
        || name.starts_with("pg_")
        || name.contains("serial")
        || name.ends_with("_handler"))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn can(from: &str, to: &str, context: CastContext) -> Option<bool> {
        let type_name = |text: &str| {
            let plain = text.trim_end_matches("[]");
            TypeName {
                array: plain != text,
                ..TypeName::new(plain)
            }
        };
        Casts {
            catalog: &Catalog::default(),
            version: Version(17),
            search_path: &[],
        }
        .can(&type_name(from), &type_name(to), context)
    }

    #[test]
    fn as_the_server_has_them() {
        use CastContext::{Assignment, Explicit, Implicit};
        for (from, to, context, expected) in [
            ("int4", "bool", Assignment, Some(false)),
            ("int4", "bool", Explicit, Some(true)),
            ("int8", "bool", Explicit, Some(false)),
            ("bool", "numeric", Explicit, Some(false)),
            ("int4", "uuid", Explicit, Some(false)),
            ("int4", "text", Implicit, Some(false)),
            ("int4", "text", Assignment, Some(true)),
            ("text", "int4", Assignment, Some(false)),
            ("text", "int4", Explicit, Some(true)),
            ("jsonb", "int4", Explicit, Some(true)),
            ("text[]", "jsonb", Explicit, Some(false)),
            ("int4[]", "text[]", Assignment, Some(true)),
            ("int4[]", "text", Assignment, Some(true)),
            ("text", "int4[]", Explicit, Some(true)),
            ("int4", "int4[]", Explicit, Some(false)),
            ("int4", "bytea", Explicit, Some(false)),
            ("citext", "int4", Explicit, None),
        ] {
            assert_eq!(can(from, to, context), expected, "{from} {to} {context:?}");
        }
    }
}
