//! Digests of definitions, to see what differs between two catalogs, thing by thing.

use std::fmt::Debug;
use std::hash::{DefaultHasher, Hasher};

use super::{Catalog, QualifiedName, Relation, RelationKind, TypeKind};
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
                    return Some(digest(constraint));
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
            ObjectKind::Comment => self
                .comments
                .iter()
                .find(|(target, _)| comment_name(target) == key.name)
                .map(|(_, text)| digest(text)),
            _ => self.named.get(key).map(digest),
        }
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
    ) -> Option<(&Relation, &'a str)> {
        // names may hold dots: every split is tried, the first that finds something is meant
        let dots: Vec<usize> = name.match_indices('.').map(|(at, _)| at).collect();
        if parts == 1 {
            return dots.iter().find_map(|dot| {
                let qualified = QualifiedName::new(&name[..*dot], &name[dot + 1..]);
                self.relations
                    .get(&qualified)
                    .map(|relation| (&**relation, ""))
            });
        }
        for (index, first) in dots.iter().enumerate() {
            for second in &dots[index + 1..] {
                let qualified = QualifiedName::new(&name[..*first], &name[first + 1..*second]);
                if let Some(relation) = self.relations.get(&qualified) {
                    return Some((&**relation, &name[second + 1..]));
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
                .map(digest),
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

/// The name of the key of the comment on a thing: its kind's noun and its name.
pub(crate) fn comment_name(target: &ObjectKey) -> String {
    format!("{} {}", target.kind.noun(), target.name)
}

fn split(name: &str) -> Option<QualifiedName> {
    let (schema, name) = name.split_once('.')?;
    Some(QualifiedName::new(schema, name))
}

fn digest<T: Debug + ?Sized>(value: &T) -> u64 {
    struct Sink(DefaultHasher);
    impl std::fmt::Write for Sink {
        fn write_str(&mut self, text: &str) -> std::fmt::Result {
            self.0.write(text.as_bytes());
            Ok(())
        }
    }
    let mut sink = Sink(DefaultHasher::new());
    // writing to a hasher can't fail
    let _ = std::fmt::Write::write_fmt(&mut sink, format_args!("{value:?}"));
    sink.0.finish()
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
