//! Whether a thing of one catalog is the same in another, as a person would say: by what it does, not by how it was written.
//!
//! [`Catalog::describe`] tells any difference of definitions; here a constraint may have been named by its author or by
//! the server, and what is not known of an expression differs from nothing.

use super::{Catalog, Column, Constraint, Index, Presence, QualifiedName, Relation};
use crate::postgres::expression::{Expr, TypeName, children};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::ConstraintKind;
use crate::unknown;

impl Catalog {
    /// Whether everything in both is equal. Quick where one was made from the other: what is shared is not looked at.
    pub fn is_same(&self, other: &Self) -> bool {
        let flags = |one: &Self| (one.open, one.cut, one.unread, one.unsettled);
        flags(self) == flags(other)
            && self.numbers_lost == other.numbers_lost
            && self.doubted == other.doubted
            && self.nameless == other.nameless
            && self.relations.is_same(&other.relations)
            && (self.schemas.ptr_eq(&other.schemas) || self.schemas == other.schemas)
            && (self.types.ptr_eq(&other.types) || self.types == other.types)
            && (self.functions.ptr_eq(&other.functions) || self.functions == other.functions)
            && (self.extensions.ptr_eq(&other.extensions) || self.extensions == other.extensions)
            && (self.named.ptr_eq(&other.named) || self.named == other.named)
            && (self.comments.ptr_eq(&other.comments) || self.comments == other.comments)
            && (self.maybe.ptr_eq(&other.maybe) || self.maybe == other.maybe)
            && (self.gone.ptr_eq(&other.gone) || self.gone == other.gone)
    }

    /// Whether a thing is there for certain (`Some(true)`), not there (`Some(false)`), or in some worlds only (`None`).
    pub fn presence_of(&self, key: &ObjectKey) -> Option<bool> {
        if self.maybe.contains(key) {
            return None;
        }
        if self.definition(key).is_none() {
            return Some(false);
        }
        let doubtful = match key.kind {
            ObjectKind::Column => self
                .member_of(&key.name)
                .and_then(|(relation, member)| relation.column(member))
                .map(|column| column.presence),
            ObjectKind::Constraint => self
                .member_of(&key.name)
                .and_then(|(relation, member)| relation.constraint(member))
                .map(|constraint| constraint.presence),
            ObjectKind::Index => self.index_of(&key.name).map(|(_, index)| index.presence),
            ObjectKind::Schema => self.schemas.get(&key.name).copied(),
            ObjectKind::Type | ObjectKind::Domain => key
                .name
                .split_once('.')
                .and_then(|(schema, name)| self.types.get(&QualifiedName::new(schema, name)))
                .map(|found| found.presence),
            _ => None,
        };
        let relation = self
            .table_of(key)
            .map_or(Presence::Certain, |relation| relation.presence);
        match (doubtful, relation) {
            (Some(Presence::Maybe), _) | (_, Presence::Maybe) => None,
            _ => Some(true),
        }
    }

    /// The relation that a thing is, or is a part of: the table of a column, constraint, index, trigger or policy.
    pub fn table_of(&self, key: &ObjectKey) -> Option<&Relation> {
        match key.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Rows => self
                .relation_of(&key.name, 1)
                .map(|(relation, _)| &**relation),
            ObjectKind::Index => self.index_of(&key.name).map(|(relation, _)| relation),
            ObjectKind::Column
            | ObjectKind::Constraint
            | ObjectKind::Trigger
            | ObjectKind::Policy
            | ObjectKind::Rule => self.member_of(&key.name).map(|(relation, _)| relation),
            _ => None,
        }
    }

    /// Whether a thing that both catalogs have does the same in both.
    pub fn is_alike(&self, other: &Self, key: &ObjectKey) -> bool {
        if self.definition(key) == other.definition(key) {
            return true;
        }
        let member = |catalog: &Self| {
            let (relation, member) = catalog.member_of(&key.name)?;
            Some((relation.clone(), member.to_owned()))
        };
        match key.kind {
            ObjectKind::Column => match (member(self), member(other)) {
                (Some((one, name)), Some((two, _))) => match (one.column(&name), two.column(&name))
                {
                    (Some(one), Some(two)) => columns_alike(one, two),
                    _ => false,
                },
                _ => false,
            },
            ObjectKind::Constraint => match (member(self), member(other)) {
                (Some((one, name)), Some((two, _))) => {
                    match (one.constraint(&name), two.constraint(&name)) {
                        (Some(one), Some(two)) => constraints_alike(one, two),
                        _ => false,
                    }
                }
                _ => false,
            },
            ObjectKind::Index => match (self.index_of(&key.name), other.index_of(&key.name)) {
                (Some((_, one)), Some((_, two))) => indexes_alike(one, two),
                _ => false,
            },
            _ => false,
        }
    }

    fn member_of<'a>(&self, name: &'a str) -> Option<(&Relation, &'a str)> {
        let (relation, member) = self.relation_of(name, 2)?;
        Some((&**relation, member))
    }

    /// The table of an index, and what it is there.
    pub fn index_of(&self, name: &str) -> Option<(&Relation, &Index)> {
        let (own, _) = self.relation_of(name, 1)?;
        let table: &Relation = self.relations.get(own.index_of.as_ref()?)?;
        Some((table, table.index(&own.name.name)?))
    }
}

/// Whether two types are the same, as far as they are known.
pub fn types_alike(one: &TypeName, two: &TypeName) -> bool {
    let is_open = |name: &TypeName| {
        name.name.is_unknown()
            || name.name.name == "unknown"
            || name.modifiers.iter().any(|part| unknown::has_hole(part))
    };
    one == two || is_open(one) || is_open(two)
}

fn columns_alike(one: &Column, two: &Column) -> bool {
    types_alike(&one.type_name, &two.type_name)
        && one.not_null == two.not_null
        && one.identity.is_some() == two.identity.is_some()
        && one.generated.is_some() == two.generated.is_some()
        && match (&one.default, &two.default) {
            (Some(one), Some(two)) => expressions_alike(one, two),
            (None, None) => true,
            _ => false,
        }
}

/// Whether two constraints demand the same, whatever their names.
pub fn constraints_alike(one: &Constraint, two: &Constraint) -> bool {
    if one.definition.deferrable != two.definition.deferrable {
        return false;
    }
    match (&one.definition.kind, &two.definition.kind) {
        (ConstraintKind::Check(one), ConstraintKind::Check(two)) => expressions_alike(one, two),
        (
            ConstraintKind::ForeignKey {
                columns,
                referenced,
                on_delete,
                on_update,
                ..
            },
            ConstraintKind::ForeignKey {
                columns: other_columns,
                referenced: other_referenced,
                on_delete: other_delete,
                on_update: other_update,
                ..
            },
        ) => {
            columns == other_columns
                && referenced == other_referenced
                && on_delete == other_delete
                && on_update == other_update
                && one.references == two.references
        }
        (
            ConstraintKind::Unique { columns, .. } | ConstraintKind::PrimaryKey { columns, .. },
            ConstraintKind::Unique { columns: other, .. }
            | ConstraintKind::PrimaryKey { columns: other, .. },
        ) => {
            columns == other
                && std::mem::discriminant(&one.definition.kind)
                    == std::mem::discriminant(&two.definition.kind)
        }
        (one, two) => one == two,
    }
}

/// Whether two indexes are over the same.
pub fn indexes_alike(one: &Index, two: &Index) -> bool {
    one.unique == two.unique
        && one.method == two.method
        && one.valid == two.valid
        && one.elements.len() == two.elements.len()
        && one.elements.iter().zip(&two.elements).all(|(one, two)| {
            one.descending == two.descending && expressions_alike(&one.value, &two.value)
        })
        && match (&one.filter, &two.filter) {
            (Some(one), Some(two)) => expressions_alike(one, two),
            (None, None) => true,
            _ => false,
        }
}

/// Whether two expressions are the same but for casts and what is not known of them.
pub fn expressions_alike(one: &Expr, two: &Expr) -> bool {
    if is_unknown(one) || is_unknown(two) {
        return true;
    }
    match (one, two) {
        (Expr::Cast { value, .. }, other) | (other, Expr::Cast { value, .. }) => {
            expressions_alike(value, other)
        }
        (
            Expr::Column { name, .. },
            Expr::Column {
                name: other_name, ..
            },
        ) => name == other_name,
        (Expr::Value(one), Expr::Value(two)) => {
            one == two || datum_text(one).is_some_and(|text| Some(text) == datum_text(two))
        }
        _ => {
            let (ours, theirs) = (children(one), children(two));
            if ours.is_empty() && theirs.is_empty() {
                return one == two;
            }
            std::mem::discriminant(one) == std::mem::discriminant(two)
                && ours.len() == theirs.len()
                && same_word(one, two)
                && ours
                    .iter()
                    .zip(theirs)
                    .all(|(one, two)| expressions_alike(one, two))
        }
    }
}

/// The operator or function of two expressions of one kind.
fn same_word(one: &Expr, two: &Expr) -> bool {
    match (one, two) {
        (
            Expr::Unary { operator, .. },
            Expr::Unary {
                operator: other, ..
            },
        )
        | (
            Expr::Binary { operator, .. },
            Expr::Binary {
                operator: other, ..
            },
        ) => operator == other,
        (Expr::Call { name, .. }, Expr::Call { name: other, .. }) => name.name == other.name,
        (Expr::IsNull { negated, .. }, Expr::IsNull { negated: other, .. })
        | (Expr::In { negated, .. }, Expr::In { negated: other, .. }) => negated == other,
        _ => true,
    }
}

fn is_unknown(expression: &Expr) -> bool {
    matches!(
        expression,
        Expr::Unknown(_) | Expr::Value(crate::postgres::Datum::Unknown)
    )
}

/// A literal's text: `'0'` and `0` are one default.
fn datum_text(datum: &crate::postgres::Datum) -> Option<String> {
    use crate::postgres::Datum;
    match datum {
        Datum::Bool(value) => Some(value.to_string()),
        Datum::Int(value) => Some(value.to_string()),
        Datum::Float(value) => Some(value.to_string()),
        Datum::Text(text) => Some(text.to_string()),
        Datum::Null | Datum::Array(_) | Datum::Fresh | Datum::Stored | Datum::Unknown => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::unknown::HOLE;

    #[test]
    fn a_type_that_is_not_known_may_be_any() {
        let name = |text: &str| TypeName::new(text);
        assert!(types_alike(&name("jsonb"), &name("jsonb")));
        assert!(!types_alike(&name("jsonb"), &name("json")));
        assert!(types_alike(&name("jsonb"), &name(&HOLE.to_string())));
        let sized = |size: &str| TypeName {
            modifiers: vec![size.into()],
            ..name("varchar")
        };
        assert!(!types_alike(&sized("20"), &sized("50")));
        assert!(types_alike(&sized("20"), &sized(&HOLE.to_string())));
    }
}
