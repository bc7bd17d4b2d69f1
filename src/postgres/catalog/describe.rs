//! What things are, to see what differs between two catalogs, thing by thing.

use std::fmt;
use std::hash::Hasher;
use std::sync::Arc;

use rustc_hash::FxHasher;
use smol_str::SmolStr;

use super::known::RELATIONS;
use super::{
    Catalog, Column, Constraint, Function, Index, List, Named, Presence, QualifiedName, Relation,
    RelationKind, Row, Rows, Trigger, TypeKind,
};
use crate::digest::add_shown;
use crate::postgres::expression::{Datum, Query};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::statement::ConstraintKind;

/// What a thing is, as far as two of it can differ: without its name, and without the parts that have keys of their own.
#[derive(Debug, PartialEq)]
pub(super) enum Definition<'a> {
    Relation {
        kind: RelationKind,
        row_security: bool,
        unlogged: bool,
        partition_of: Option<&'a (QualifiedName, SmolStr)>,
        partition_key: &'a [SmolStr],
        inherits: &'a List<QualifiedName>,
        query: Option<&'a Query>,
        owned_by: Option<&'a (QualifiedName, SmolStr)>,
        is_maybe: bool,
    },
    Index(&'a QualifiedName, &'a Index),
    Column(&'a Column),
    /// By the name that it has, whether that was written or made up.
    Constraint {
        kind: &'a ConstraintKind,
        deferrable: bool,
        initially_deferred: bool,
        not_valid: bool,
        no_inherit: bool,
        references: Option<&'a QualifiedName>,
        columns: &'a [SmolStr],
        presence: Presence,
    },
    Trigger(&'a Trigger),
    /// Known by its name only.
    Member,
    Rows(CountedRows<'a>),
    NextValue(Option<i64>),
    Type(&'a TypeKind),
    Schema(Presence),
    Function(&'a Function),
    /// The schema of its objects.
    Extension(&'a str),
    Comment(&'a str),
    Named(&'a Named),
}

/// Rows without the numbers that sequences gave them, in the table's own columns and in those that refer to such: a sequence counts
/// on, and the rows are what they were.
pub(super) struct CountedRows<'a> {
    rows: &'a Rows,
    numbered: Vec<&'a str>,
}

impl CountedRows<'_> {
    fn values<'r>(&'r self, row: &'r Row) -> impl Iterator<Item = &'r (SmolStr, Datum)> {
        let values = row.values.iter();
        values.filter(|(name, _)| !self.numbered.contains(&name.as_str()))
    }
}

impl PartialEq for CountedRows<'_> {
    fn eq(&self, other: &Self) -> bool {
        if self.rows == other.rows {
            return true;
        }
        let (ours, theirs) = (&self.rows.known, &other.rows.known);
        self.rows.others == other.rows.others
            && ours.len() == theirs.len()
            && ours
                .iter()
                .zip(theirs)
                .all(|(one, two)| self.values(one).eq(other.values(two)))
    }
}

impl fmt::Debug for CountedRows<'_> {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut list = formatter.debug_list();
        for row in &self.rows.known {
            list.entry(&self.values(row).collect::<Vec<_>>());
        }
        list.entry(&self.rows.others).finish()
    }
}

impl Catalog {
    fn counted_rows<'a>(&'a self, relation: &'a Relation) -> CountedRows<'a> {
        let own = relation
            .columns
            .iter()
            .filter(|column| column.is_numbered());
        let refers = relation.foreign_keys().filter_map(|key| {
            let ConstraintKind::ForeignKey { referenced, .. } = &key.definition.kind else {
                return None;
            };
            let ([column], [referenced]) = (key.columns.as_slice(), referenced.as_slice()) else {
                return None;
            };
            let parent = self.relations.get(key.references.as_ref()?)?;
            let is_numbered = parent.column(referenced)?.is_numbered();
            is_numbered.then_some(column.as_str())
        });
        CountedRows {
            rows: &relation.rows,
            numbered: own
                .map(|column| column.name.as_str())
                .chain(refers)
                .collect(),
        }
    }

    /// A digest of a thing's definition, to see whether it differs between two catalogs; `None`: it is not there.
    ///
    /// For [`ObjectKind::Rows`] the digest of what is known of the rows: their number and values count. A relation's
    /// digest leaves out its columns, constraints, indexes and triggers: they have keys of their own.
    pub fn describe(&self, key: &ObjectKey) -> Option<u64> {
        let definition = self.definition(key)?;
        let mut hasher = FxHasher::default();
        add_shown(&definition, &mut hasher);
        Some(hasher.finish())
    }

    /// Whether a thing is another in another catalog, or is in one of them only. What both share is not looked at.
    pub fn differs(&self, other: &Self, key: &ObjectKey) -> bool {
        if let Some(parts) = parts_of_owner(key.kind)
            && let Some((own, _)) = self.relation_of(&key.name, parts)
            && let Some((others, _)) = other.relation_of(&key.name, parts)
            && Arc::ptr_eq(own, others)
            && self.maybe.contains(key) == other.maybe.contains(key)
        {
            return false;
        }
        self.definition(key) != other.definition(key)
    }

    /// Whether a thing is there.
    pub fn contains(&self, key: &ObjectKey) -> bool {
        match key.kind {
            // whatever its table says of it
            ObjectKind::Index => self.relation_of(&key.name, 1).is_some(),
            _ => self.definition(key).is_some(),
        }
    }

    /// What a thing is.
    pub(super) fn definition(&self, key: &ObjectKey) -> Option<Definition<'_>> {
        let name = key.name.as_str();
        let whole = || self.relation_of(name, 1).map(|(relation, _)| relation);
        let part = || self.relation_of(name, 2);
        Some(match key.kind {
            ObjectKind::Table
            | ObjectKind::ForeignTable
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::Sequence => {
                let relation = whole()?;
                Definition::Relation {
                    kind: relation.kind,
                    row_security: relation.row_security,
                    unlogged: relation.unlogged,
                    partition_of: relation.partition_of.as_deref(),
                    partition_key: &relation.partition_key,
                    inherits: &relation.inherits,
                    query: relation.query.as_deref(),
                    owned_by: relation.owned_by.as_deref(),
                    is_maybe: self.maybe.contains(key),
                }
            }
            ObjectKind::Index => {
                let relation = whole()?;
                let table = self.relations.get(relation.index_of.as_ref()?)?;
                Definition::Index(&table.name, table.index(&relation.name.name)?)
            }
            ObjectKind::Column => {
                let (relation, member) = part()?;
                Definition::Column(relation.column(member)?)
            }
            ObjectKind::Constraint => {
                let of_relation = part().and_then(|(owner, member)| owner.constraint(member));
                of_constraint(of_relation.or_else(|| self.domain_constraint(name))?)
            }
            ObjectKind::Trigger => {
                let (relation, member) = part()?;
                Definition::Trigger(relation.trigger(member)?)
            }
            ObjectKind::Policy => {
                let (relation, member) = part()?;
                relation.policy(member).map(|_| Definition::Member)?
            }
            ObjectKind::Rule => {
                let (relation, member) = part()?;
                let mut rules = relation.rules.iter();
                rules
                    .any(|rule| rule == member)
                    .then_some(Definition::Member)?
            }
            ObjectKind::Rows => Definition::Rows(self.counted_rows(whole()?)),
            ObjectKind::Sequences => Definition::NextValue(self.next_number(&whole()?.name)),
            ObjectKind::Type | ObjectKind::Domain => {
                Definition::Type(&self.types.get(&split(name)?)?.definition)
            }
            ObjectKind::EnumLabel => {
                let (owner, label) = name.rsplit_once('.')?;
                let TypeKind::Enum { labels } = &self.types.get(&split(owner)?)?.definition else {
                    return None;
                };
                let mut labels = labels.iter();
                labels
                    .any(|known| known == label)
                    .then_some(Definition::Member)?
            }
            ObjectKind::Schema => Definition::Schema(*self.schemas.get(&key.name)?),
            ObjectKind::Function
            | ObjectKind::Procedure
            | ObjectKind::Routine
            | ObjectKind::Aggregate => Definition::Function(self.function(name)?),
            ObjectKind::Extension => Definition::Extension(self.extensions.get(&key.name)?),
            ObjectKind::Comment => {
                Definition::Comment(commented(name).find_map(|target| self.comments.get(&target))?)
            }
            _ => Definition::Named(self.named.get(key)?),
        })
    }

    /// Whether a relation of this name, of any kind, was removed by a statement.
    pub(crate) fn is_relation_gone(&self, name: &str) -> bool {
        !self.gone.is_empty()
            && RELATIONS
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
        let dots = |from: usize| {
            let found = name[from..].match_indices('.');
            found.map(move |(at, _)| from + at)
        };
        if parts == 1 {
            return dots(0).find_map(|dot| {
                let relation = self.relations.find(&name[..dot], &name[dot + 1..])?;
                Some((relation, ""))
            });
        }
        dots(0).find_map(|first| {
            dots(first + 1).find_map(|second| {
                let relation = self
                    .relations
                    .find(&name[..first], &name[first + 1..second])?;
                Some((relation, &name[second + 1..]))
            })
        })
    }

    fn domain_constraint(&self, name: &str) -> Option<&Constraint> {
        let (owner, member) = name.rsplit_once('.')?;
        let TypeKind::Domain { constraints, .. } = &self.types.get(&split(owner)?)?.definition
        else {
            return None;
        };
        constraints
            .iter()
            .find(|constraint| constraint.name == member)
    }

    fn function(&self, name: &str) -> Option<&Function> {
        let (path, signature) = name.split_once('(')?;
        let overloads = self.functions.get(&split(path)?)?;
        overloads
            .iter()
            .find(|function| super::lookup::signature(&function.arguments) == signature)
    }
}

/// How many parts of a key's name are of the relation, or of the part of one, that it stands for.
fn parts_of_owner(kind: ObjectKind) -> Option<usize> {
    match kind {
        ObjectKind::Table
        | ObjectKind::ForeignTable
        | ObjectKind::View
        | ObjectKind::MaterializedView
        | ObjectKind::Sequence
        | ObjectKind::Sequences
        | ObjectKind::Rows => Some(1),
        ObjectKind::Column
        | ObjectKind::Constraint
        | ObjectKind::Trigger
        | ObjectKind::Policy
        | ObjectKind::Rule => Some(2),
        _ => None,
    }
}

fn of_constraint(constraint: &Constraint) -> Definition<'_> {
    let definition = &constraint.definition;
    Definition::Constraint {
        kind: &definition.kind,
        deferrable: definition.deferrable,
        initially_deferred: definition.initially_deferred,
        not_valid: definition.not_valid,
        no_inherit: definition.no_inherit,
        references: constraint.references.as_ref(),
        columns: &constraint.columns,
        presence: constraint.presence,
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
