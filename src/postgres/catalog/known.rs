//! Whether a thing is there, as far as that is known: what questions about the catalog are answered from.

use super::{Catalog, Presence, QualifiedName, Relation, RelationKind};
use crate::postgres::name::ObjectKind;

/// Kinds of relations, as keys name them.
pub(super) const RELATIONS: [ObjectKind; 6] = [
    ObjectKind::Table,
    ObjectKind::View,
    ObjectKind::MaterializedView,
    ObjectKind::ForeignTable,
    ObjectKind::Sequence,
    ObjectKind::Index,
];

impl Catalog {
    /// Whether a relation is there; one of `kinds`, unless that is empty. `None`: not known.
    pub fn has_relation(&self, name: &QualifiedName, kinds: &[RelationKind]) -> Option<bool> {
        let is_doubtful = RELATIONS
            .iter()
            .any(|kind| self.maybe.contains(&name.key(*kind)));
        match self.relations.get(name) {
            Some(relation) if relation.presence == Presence::Maybe || is_doubtful => None,
            Some(relation) => Some(kinds.is_empty() || kinds.contains(&relation.kind)),
            None if is_doubtful => None,
            None if self.is_relation_gone(&name.key(ObjectKind::Table).name) => Some(false),
            None => (!self.may_have_made(&name.name)).then_some(false),
        }
    }

    /// Whether there may be a relation of a name that was never heard of: the world is open, or one was made whose name is not
    /// known and could be this.
    pub fn may_have_made(&self, name: &str) -> bool {
        self.open || self.nameless.iter().any(|made| fits(made, name))
    }

    /// Whether a table has a column, an index or a constraint. `None`: not known.
    pub fn has_member(&self, table: &QualifiedName, kind: ObjectKind, name: &str) -> Option<bool> {
        let relation = self.relations.get(table)?;
        match member_presence(relation, kind, name) {
            Some(Presence::Maybe) => None,
            Some(_) => Some(true),
            None if self.gone.contains(&member_key(table, kind, name)) => Some(false),
            None => (!relation.columns_open).then_some(false),
        }
    }
}

/// Whether a name may be one of which only the parts around its holes are known.
fn fits(made: &str, name: &str) -> bool {
    let mut parts = made.split(crate::unknown::HOLE);
    let first = parts.next().unwrap_or_default();
    let Some(mut rest) = name.strip_prefix(first) else {
        return false;
    };
    let mut parts = parts.peekable();
    while let Some(part) = parts.next() {
        if parts.peek().is_none() {
            return rest.ends_with(part);
        }
        let Some(at) = rest.find(part) else {
            return false;
        };
        rest = &rest[at + part.len()..];
    }
    rest.is_empty()
}

/// How sure it is that a relation has a column, an index or a constraint; `None`: it was never heard of.
pub(crate) fn member_presence(
    relation: &Relation,
    kind: ObjectKind,
    name: &str,
) -> Option<Presence> {
    match kind {
        ObjectKind::Column => relation.column(name).map(|column| column.presence),
        ObjectKind::Index => relation.index(name).map(|index| index.presence),
        _ => {
            let mut all = relation.constraints.iter();
            let found = all.find(|constraint| constraint.name == name);
            found.map(|constraint| constraint.presence)
        }
    }
}

/// The key of a column, an index or a constraint of a table.
pub(crate) fn member_key(
    table: &QualifiedName,
    kind: ObjectKind,
    name: &str,
) -> crate::postgres::ObjectKey {
    match kind {
        // an index stands beside its table
        ObjectKind::Index => QualifiedName::new(&table.schema, name).key(kind),
        _ => table.member(kind, name),
    }
}
