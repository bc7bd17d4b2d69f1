//! Digests of definitions, to see what differs between two catalogs, thing by thing.

use std::fmt::Debug;
use std::hash::Hasher;
use std::sync::Arc;

use rustc_hash::FxHasher;

use super::{Catalog, Constraint, QualifiedName, Relation, RelationKind, TypeKind};
use crate::digest::add_shown;
use crate::postgres::name::{ObjectKey, ObjectKind};

impl Catalog {
    /// A digest of a thing's definition, to see whether it differs between two catalogs; `None`: it is not there.
    ///
    /// For [`ObjectKind::Rows`] the digest of what is known of the rows: their number and values count. A relation's
    /// digest leaves out its columns, constraints, indexes and triggers: they have keys of their own.
    pub fn describe(&self, key: &ObjectKey) -> Option<u64> {
        match key.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence => self.relation_of(&key.name, 1).map(|(relation, _)| {
                digest(&(
                    relation.kind,
                    relation.row_security,
                    relation.unlogged,
                    &relation.partition_of,
                    &relation.partition_key,
                    &relation.inherits,
                    &relation.query,
                    &relation.owned_by,
                    self.maybe.contains(key),
                ))
            }),
            ObjectKind::Index => {
                let (relation, _) = self.relation_of(&key.name, 1)?;
                let table = self.relations.get(relation.index_of.as_ref()?)?;
                let index = table.index(&relation.name.name)?;
                Some(digest(&(&table.name, index)))
            }
            ObjectKind::Column => {
                let (relation, member) = self.relation_of(&key.name, 2)?;
                relation.column(member).map(digest)
            }
            ObjectKind::Constraint => {
                if let Some((relation, member)) = self.relation_of(&key.name, 2)
                    && let Some(constraint) = relation.constraint(member)
                {
                    return Some(constraint_digest(constraint));
                }
                self.domain_constraint(&key.name)
            }
            ObjectKind::Trigger => {
                let (relation, member) = self.relation_of(&key.name, 2)?;
                relation.trigger(member).map(digest)
            }
            ObjectKind::Policy => {
                let (relation, member) = self.relation_of(&key.name, 2)?;
                relation
                    .policies
                    .iter()
                    .any(|policy| policy == member)
                    .then(|| digest(member))
            }
            ObjectKind::Rule => {
                let (relation, member) = self.relation_of(&key.name, 2)?;
                relation
                    .rules
                    .iter()
                    .any(|rule| rule == member)
                    .then(|| digest(member))
            }
            ObjectKind::Rows => {
                let (relation, _) = self.relation_of(&key.name, 1)?;
                Some(digest(&relation.rows))
            }
            ObjectKind::Sequences => {
                let (relation, _) = self.relation_of(&key.name, 1)?;
                Some(digest(&relation.next_value))
            }
            ObjectKind::Type | ObjectKind::Domain => {
                let name = split(&key.name)?;
                self.types.get(&name).map(|found| digest(&found.definition))
            }
            ObjectKind::EnumLabel => {
                let (owner, label) = key.name.as_str().rsplit_once('.')?;
                let found = self.types.get(&split(owner)?)?;
                match &found.definition {
                    TypeKind::Enum { labels } => labels
                        .iter()
                        .any(|known| known == label)
                        .then(|| digest(label)),
                    _ => None,
                }
            }
            ObjectKind::Schema => self.schemas.get(&key.name).map(digest),
            ObjectKind::Function
            | ObjectKind::Procedure
            | ObjectKind::Routine
            | ObjectKind::Aggregate => self.function_digest(&key.name),
            ObjectKind::Extension => self.extensions.get(&key.name).map(digest),
            ObjectKind::Comment => commented(&key.name)
                .find_map(|target| self.comments.get(&target))
                .map(digest),
            _ => self.named.get(key).map(digest),
        }
    }

    /// Whether a thing is another in another catalog, or is in one of them only. What both share is not looked at.
    pub fn differs(&self, other: &Self, key: &ObjectKey) -> bool {
        let parts = match key.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Sequences
            | ObjectKind::Rows => 1,
            ObjectKind::Column
            | ObjectKind::Constraint
            | ObjectKind::Trigger
            | ObjectKind::Policy
            | ObjectKind::Rule => 2,
            _ => return self.describe(key) != other.describe(key),
        };
        let (own, others) = (
            self.relation_of(&key.name, parts),
            other.relation_of(&key.name, parts),
        );
        if let (Some((own, member)), Some((others, _))) = (own, others) {
            if Arc::ptr_eq(own, others) && self.maybe.contains(key) == other.maybe.contains(key) {
                return false;
            }
            match key.kind {
                ObjectKind::Column => return own.column(member) != others.column(member),
                ObjectKind::Trigger => return own.trigger(member) != others.trigger(member),
                ObjectKind::Rows => return own.rows != others.rows,
                _ => {}
            }
        }
        self.describe(key) != other.describe(key)
    }

    /// Whether a thing is there.
    pub fn contains(&self, key: &ObjectKey) -> bool {
        match key.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence
            | ObjectKind::Index
            | ObjectKind::Rows => self.relation_of(&key.name, 1).is_some(),
            ObjectKind::Column => self
                .relation_of(&key.name, 2)
                .is_some_and(|(relation, member)| relation.column(member).is_some()),
            _ => self.describe(key).is_some(),
        }
    }

    /// Whether a relation of this name, of any kind, was removed by a statement.
    pub(crate) fn is_relation_gone(&self, name: &str) -> bool {
        !self.gone.is_empty()
            && [
                ObjectKind::Table,
                ObjectKind::View,
                ObjectKind::MaterializedView,
                ObjectKind::ForeignTable,
                ObjectKind::Sequence,
                ObjectKind::Index,
            ]
            .into_iter()
            .any(|kind| self.gone.contains(&ObjectKey::new(kind, name)))
    }

    /// Whether an overload of the function of this name was removed, and none is left.
    pub(crate) fn is_function_gone(&self, name: &str) -> bool {
        let start = format!("{name}(");
        self.gone.iter().any(|key| key.name.starts_with(&start))
    }

    /// The relation whose name is the first `parts` parts of a dotted name, and the rest.
    pub(super) fn relation_of<'a>(
        &self,
        name: &'a str,
        parts: usize,
    ) -> Option<(&Arc<Relation>, &'a str)> {
        // names may hold dots: every split is tried, the first that finds something is meant
        let dots: Vec<usize> = name.match_indices('.').map(|(at, _)| at).collect();
        if parts == 1 {
            return dots.iter().find_map(|dot| {
                let qualified = QualifiedName::new(&name[..*dot], &name[dot + 1..]);
                self.relations
                    .get(&qualified)
                    .map(|relation| (relation, ""))
            });
        }
        for (index, first) in dots.iter().enumerate() {
            for second in &dots[index + 1..] {
                let qualified = QualifiedName::new(&name[..*first], &name[first + 1..*second]);
                if let Some(relation) = self.relations.get(&qualified) {
                    return Some((relation, &name[second + 1..]));
                }
            }
        }
        None
    }

    fn domain_constraint(&self, name: &str) -> Option<u64> {
        let (owner, member) = name.rsplit_once('.')?;
        let found = self.types.get(&split(owner)?)?;
        match &found.definition {
            TypeKind::Domain { constraints, .. } => constraints
                .iter()
                .find(|constraint| constraint.name == member)
                .map(constraint_digest),
            _ => None,
        }
    }

    fn function_digest(&self, name: &str) -> Option<u64> {
        let (path, signature) = name.split_once('(')?;
        let overloads = self.functions.get(&split(path)?)?;
        overloads
            .iter()
            .find(|function| super::lookup::signature(&function.arguments) == signature)
            .map(digest)
    }
}

/// What the comment of a name may be on (the name is the thing's kind and its name): nouns may begin alike.
fn commented(name: &str) -> impl Iterator<Item = ObjectKey> {
    ObjectKind::ALL.into_iter().filter_map(move |kind| {
        let target = name.strip_prefix(kind.noun())?.strip_prefix(' ')?;
        Some(ObjectKey::new(kind, target))
    })
}

fn split(name: &str) -> Option<QualifiedName> {
    let (schema, name) = name.split_once('.')?;
    Some(QualifiedName::new(schema, name))
}

/// A constraint's digest by the name that it has, whether that was written or made up.
fn constraint_digest(constraint: &Constraint) -> u64 {
    let mut plain = constraint.clone();
    plain.definition.name = None;
    digest(&plain)
}

fn digest<T: Debug + ?Sized>(value: &T) -> u64 {
    let mut hasher = FxHasher::default();
    add_shown(value, &mut hasher);
    hasher.finish()
}

impl RelationKind {
    /// `pg_class.relkind`.
    pub fn relkind(self) -> char {
        match self {
            Self::Table => 'r',
            Self::PartitionedTable => 'p',
            Self::ForeignTable => 'f',
            Self::View => 'v',
            Self::MaterializedView => 'm',
            Self::Sequence => 'S',
            Self::Index => 'i',
        }
    }
}
