//! Names that the server makes for what has none: `t_pkey`, `t_c_key`, `t_c_idx`, `t_c_seq`.
//!
//! As `makeObjectName`, `ChooseRelationName` and `ChooseConstraintName` of the server do it: all parts fit into 63
//! bytes, the longer of the first two is cut first, never inside a character; a number follows until it is free.

use smol_str::SmolStr;

use crate::postgres::Session;
use crate::postgres::catalog::{QualifiedName, TypeKind};
use crate::postgres::name::MAX_IDENTIFIER;

/// `name1_name2_label`, cut to fit.
pub(crate) fn make(name1: &str, name2: Option<&str>, label: &str) -> SmolStr {
    let mut overhead = 0;
    if name2.is_some() {
        overhead += 1;
    }
    if !label.is_empty() {
        overhead += label.len() + 1;
    }
    let available = MAX_IDENTIFIER.saturating_sub(overhead);
    let mut length1 = name1.len();
    let mut length2 = name2.map_or(0, str::len);
    while length1 + length2 > available {
        if length1 > length2 {
            length1 -= 1;
        } else {
            length2 -= 1;
        }
    }
    let mut made = clip(name1, length1).to_string();
    if let Some(name2) = name2 {
        made.push('_');
        made.push_str(clip(name2, length2));
    }
    if !label.is_empty() {
        made.push('_');
        made.push_str(label);
    }
    SmolStr::new(made)
}

fn clip(text: &str, mut length: usize) -> &str {
    length = length.min(text.len());
    while !text.is_char_boundary(length) {
        length -= 1;
    }
    &text[..length]
}

/// The first free name: the label itself, then with 1, 2, ... Those below the last that was chosen are taken still, unless
/// something was dropped since: a loop that makes thousands of them does not go through all each time.
fn choose(
    session: &Session,
    schema: &str,
    (name1, name2, label): (&str, Option<&str>, &str),
    taken: impl Fn(&SmolStr) -> bool,
) -> SmolStr {
    let numbered = |number| match number {
        0 => make(name1, name2, label),
        _ => make(name1, name2, &format!("{label}{number}")),
    };
    let base = QualifiedName {
        schema: SmolStr::new(schema),
        name: numbered(0),
    };
    let mut number = session.numbers.borrow().get(&base).copied().unwrap_or(0);
    let mut candidate = numbered(number);
    while taken(&candidate) {
        number += 1;
        candidate = numbered(number);
    }
    session.numbers.borrow_mut().insert(base, number);
    candidate
}

/// A name for a relation (index, sequence): free among relations, and for constraints' indexes among the constraints
/// of the schema.
pub(crate) fn relation(
    session: &Session,
    schema: &str,
    name1: &str,
    name2: Option<&str>,
    label: &str,
    of_constraint: bool,
) -> SmolStr {
    choose(session, schema, (name1, name2, label), |candidate| {
        let name = QualifiedName {
            schema: SmolStr::new(schema),
            name: candidate.clone(),
        };
        session.catalog.relations.contains_key(&name)
            || matches!(
                session
                    .catalog
                    .types
                    .get(&name)
                    .map(|found| &found.definition),
                Some(TypeKind::Composite { .. })
            )
            || (of_constraint && constraint_in_schema(session, schema, candidate))
    })
}

/// A name for a constraint without an index: free among the constraints of the schema, and not in `others`.
pub(crate) fn constraint(
    session: &Session,
    schema: &str,
    name1: &str,
    name2: Option<&str>,
    label: &str,
    others: &[SmolStr],
) -> SmolStr {
    choose(session, schema, (name1, name2, label), |candidate| {
        others.contains(candidate) || constraint_in_schema(session, schema, candidate)
    })
}

fn constraint_in_schema(session: &Session, schema: &str, name: &str) -> bool {
    session
        .catalog
        .relations
        .with_constraint(name)
        .any(|relation| relation.name.schema == schema)
        || session.catalog.types_in(schema).any(|found| {
            matches!(&found.definition, TypeKind::Domain { constraints, .. }
                if constraints.iter().any(|constraint| constraint.name == name))
        })
}

/// Column names joined as `ChooseIndexNameAddition` and its kin do: up to 63 bytes.
pub(crate) fn addition<'a>(columns: impl Iterator<Item = &'a str>) -> String {
    let mut text = String::new();
    for column in columns {
        if !text.is_empty() {
            text.push('_');
        }
        text.push_str(column);
        if text.len() >= MAX_IDENTIFIER {
            break;
        }
    }
    clip(&text, MAX_IDENTIFIER).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_longer_part_is_cut_first() {
        let table = "a".repeat(50);
        let column = "b".repeat(30);
        let made = make(&table, Some(&column), "fkey");
        assert_eq!(made.len(), 63);
        // 57 bytes for both: 29 of the first, 28 of the second
        assert_eq!(
            made.as_str(),
            format!("{}_{}_fkey", "a".repeat(29), "b".repeat(28))
        );
        assert_eq!(make("t", None, "pkey"), "t_pkey");
    }

    #[test]
    fn a_character_is_never_cut() {
        let made = make(&"é".repeat(40), None, "pkey");
        assert!(made.len() <= 63);
        assert!(made.ends_with("é_pkey"));
    }
}
