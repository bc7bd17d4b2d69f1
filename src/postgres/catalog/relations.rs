//! The relations of a catalog, with what is asked of them by something else than their name.
//!
//! A chain of 100,000 revisions must not look through 100,000 tables at each statement. So four things are noted beside the
//! map: who ever had a constraint of a name, who ever mentioned whom (foreign keys, partitions, owned sequences, views, column
//! types, triggers), who was ever only assumed to be there, and who was temporary in this session. The first two are flat sets of
//! pairs, which cost one entry a pair; within a session all only grow and are *supersets*: what is not in them is certainly
//! not there, what is in them is looked up. Reading is that of the map itself ([`Deref`]).

use std::cmp::Ordering;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use equivalent::{Comparable, Equivalent};
use imbl::{OrdMap, OrdSet, Vector};
use rustc_hash::FxHasher;
use smol_str::SmolStr;

use super::lookup::TEMPORARY_SCHEMA;
use super::{Presence, QualifiedName, Relation};
use crate::postgres::name::ObjectKey;

/// Digests of names, each with the name of a relation, which is the map's own.
type Pairs = OrdSet<(u64, Arc<QualifiedName>)>;

/// A relation's name by its digest: most steps of a look-up, which is the commonest of all, compare two numbers.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    digest: u64,
    name: Arc<QualifiedName>,
}

/// The key of a name that is looked for.
struct Wanted<'a> {
    digest: u64,
    name: &'a QualifiedName,
}

impl<'a> Wanted<'a> {
    fn new(name: &'a QualifiedName) -> Self {
        Self {
            digest: digest(name),
            name,
        }
    }
}

impl Equivalent<Key> for Wanted<'_> {
    fn equivalent(&self, key: &Key) -> bool {
        self.digest == key.digest && *self.name == *key.name
    }
}

impl Comparable<Key> for Wanted<'_> {
    fn compare(&self, key: &Key) -> Ordering {
        let digests = self.digest.cmp(&key.digest);
        digests.then_with(|| self.name.cmp(&key.name))
    }
}

/// All relations by name.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    map: OrdMap<Key, Arc<Relation>>,
    /// Their names in order.
    names: OrdSet<Arc<QualifiedName>>,
    /// Names that constraints have or had, by digest, each with the relation.
    constraints: Pairs,
    /// Names of relations, types and functions, by digest, each with a relation that mentions or mentioned it.
    mentions: Pairs,
    /// Those that are or were only assumed to be there.
    assumed: OrdSet<QualifiedName>,
    /// Those that are or were of this session only.
    temporary: OrdSet<QualifiedName>,
    /// Handed out to be changed and not yet noted again, each as it was.
    touched: Vector<(QualifiedName, Arc<Relation>)>,
}

impl Relations {
    /// The relation of a name.
    pub fn get(&self, name: &QualifiedName) -> Option<&Arc<Relation>> {
        self.map.get(&Wanted::new(name))
    }

    /// Whether there is a relation of a name.
    pub fn contains_key(&self, name: &QualifiedName) -> bool {
        self.map.contains_key(&Wanted::new(name))
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.map.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.map.is_empty()
    }

    /// All names, in order.
    pub fn keys(&self) -> impl Iterator<Item = &Arc<QualifiedName>> {
        self.names.iter()
    }

    /// All relations, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.names.iter().filter_map(|name| self.get(name))
    }

    /// Puts a relation under a name.
    pub fn insert(&mut self, name: QualifiedName, relation: Arc<Relation>) {
        debug_assert_eq!(name, relation.name);
        let wanted = Wanted::new(&name);
        let key = match self.map.get_key_value(&wanted) {
            Some((key, _)) => key.clone(),
            None => {
                let digest = wanted.digest;
                let name = Arc::new(name);
                self.names.insert(name.clone());
                Key { digest, name }
            }
        };
        self.note(&key.name, &relation, None);
        self.map.insert(key, relation);
    }

    /// Whether both are one: nothing changed since one was copied from the other.
    pub(super) fn ptr_eq(&self, other: &Self) -> bool {
        self.map.ptr_eq(&other.map)
    }

    /// Whether the same relations are there; parts that are shared are not looked at.
    pub(super) fn equals(&self, other: &Self) -> bool {
        self.len() == other.len() && self.map.diff(&other.map).next().is_none()
    }

    /// Whether the same relations are there, found quickly where they are shared.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        if self.ptr_eq(other) {
            return true;
        }
        let equal = |one: &Arc<Relation>, two: &Arc<Relation>| Arc::ptr_eq(one, two) || one == two;
        self.len() == other.len()
            && self
                .map
                .iter()
                .zip(&other.map)
                .all(|((name, one), (same, two))| name == same && equal(one, two))
    }

    /// Takes out what is of this session only.
    pub fn remove_temporary(&mut self) {
        for name in std::mem::take(&mut self.temporary) {
            self.remove(&name);
        }
    }

    /// Takes a relation out.
    pub fn remove(&mut self, name: &QualifiedName) -> Option<Arc<Relation>> {
        let removed = self.map.remove(&Wanted::new(name))?;
        self.names.remove(name);
        Some(removed)
    }

    /// A relation to be changed; a copy is made where it is shared.
    pub fn get_mut(&mut self, name: &QualifiedName) -> Option<&mut Relation> {
        let relation = self.map.get_mut(&Wanted::new(name))?;
        // what the change adds is noted when it is over
        if self.touched.back().is_none_or(|(last, _)| last != name) {
            self.touched.push_back((name.clone(), relation.clone()));
        }
        Some(Arc::make_mut(relation))
    }

    /// Notes what the changes since the last call brought; called between statements, so that few names wait.
    pub fn settle(&mut self) {
        for (name, before) in std::mem::take(&mut self.touched) {
            let found = self.map.get_key_value(&Wanted::new(&name));
            let found = found.map(|(key, relation)| (key.name.clone(), relation.clone()));
            if let Some((name, relation)) = found {
                self.note(&name, &relation, Some(&before));
            }
        }
    }

    /// Whether some relation is only assumed to be there.
    pub fn has_assumed(&self) -> bool {
        let is_assumed = |name: &QualifiedName| {
            let relation = self.get(name);
            relation.is_some_and(|relation| relation.presence == Presence::Assumed)
        };
        let touched = self.touched.iter().map(|(name, _)| name);
        self.assumed.iter().chain(touched).any(is_assumed)
    }

    /// The relations of a name, one a schema at most.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Relation>> {
        let first = QualifiedName::new("", name);
        self.names
            .range(first.clone()..)
            .take_while(move |found| found.name == first.name)
            .filter_map(|found| self.get(found))
    }

    /// The relations that have a constraint of this name, in whatever schema.
    pub fn with_constraint(&self, name: &str) -> impl Iterator<Item = &Arc<Relation>> {
        let name = SmolStr::new(name);
        let known = paired(&self.constraints, digest(&name));
        self.candidates(known)
            .filter(move |relation| relation.constraint(&name).is_some())
    }

    /// The relations that may mention a relation, type or function, by name: no other does.
    pub fn mentioning(&self, name: &QualifiedName) -> impl Iterator<Item = &Arc<Relation>> {
        self.candidates(paired(&self.mentions, digest(name)))
    }

    /// What is noted and what still waits to be, each once, by name.
    fn candidates<'a>(
        &'a self,
        mut names: Vec<&'a QualifiedName>,
    ) -> impl Iterator<Item = &'a Arc<Relation>> {
        names.extend(self.touched.iter().map(|(name, _)| name));
        names.sort_unstable();
        names.dedup();
        names.into_iter().filter_map(|name| self.get(name))
    }

    /// The relations that may depend on a thing: the views that use a relation, column or function.
    pub fn depending_on(&self, key: &ObjectKey) -> impl Iterator<Item = &Arc<Relation>> {
        // all readings of a key are noted, so any finds it
        let reading = owners(&key.name).into_iter().next();
        reading
            .map(|name| self.mentioning(&name).collect::<Vec<_>>())
            .unwrap_or_default()
            .into_iter()
            .filter(|relation| relation.depends_on.contains(key))
    }

    /// Notes what a relation has, or what it has that it had not `before`.
    fn note(&mut self, name: &Arc<QualifiedName>, relation: &Relation, before: Option<&Relation>) {
        if name.schema == TEMPORARY_SCHEMA {
            add(&mut self.temporary, QualifiedName::clone(name));
        }
        if relation.presence == Presence::Assumed {
            add(&mut self.assumed, QualifiedName::clone(name));
        }
        let mut known = before.into_iter().flat_map(|before| &before.constraints);
        for constraint in &relation.constraints {
            // one that was added stands behind those that were there
            if known.next().is_none_or(|same| same.name != constraint.name) {
                let pair = (digest(&constraint.name), name.clone());
                add(&mut self.constraints, pair);
            }
        }
        let mentioned_now = mentioned(relation);
        if before.is_some_and(|before| mentioned(before) == mentioned_now) {
            return;
        }
        for mentioned in mentioned_now {
            add(&mut self.mentions, (digest(&mentioned), name.clone()));
        }
    }
}

/// Adds a pair that may be there: a set that does not change stays shared.
fn add<T: Ord + Clone>(pairs: &mut OrdSet<T>, pair: T) {
    if !pairs.contains(&pair) {
        pairs.insert(pair);
    }
}

/// A name as pairs have it. Two names of one digest only make more candidates.
fn digest(name: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    hasher.finish()
}

/// The second halves of the pairs that begin with `first`.
fn paired(pairs: &Pairs, first: u64) -> Vec<&QualifiedName> {
    pairs
        .range((first, Arc::new(QualifiedName::new("", "")))..)
        .take_while(|(known, _)| *known == first)
        .map(|(_, name)| &**name)
        .collect()
}

/// Everything that a relation mentions by name.
fn mentioned(relation: &Relation) -> Vec<QualifiedName> {
    let mut names: Vec<QualifiedName> = Vec::new();
    names.extend(
        relation
            .constraints
            .iter()
            .filter_map(|constraint| constraint.references.clone()),
    );
    names.extend(relation.columns.iter().filter_map(|column| {
        let name = &column.type_name.name;
        let schema = name
            .schema
            .clone()
            .filter(|schema| schema != "pg_catalog")?;
        Some(QualifiedName {
            schema,
            name: name.name.clone(),
        })
    }));
    names.extend(
        relation
            .partition_of
            .as_deref()
            .map(|(parent, _)| parent.clone()),
    );
    names.extend(relation.inherits.iter().cloned());
    names.extend(relation.index_of.iter().cloned());
    names.extend(relation.owned_by.as_deref().map(|(owner, _)| owner.clone()));
    names.extend(
        relation
            .triggers
            .iter()
            .map(|trigger| trigger.function.clone()),
    );
    for key in &relation.depends_on {
        names.extend(owners(&key.name));
    }
    names
}

/// The relations that a key's name may be of or in: `a.b` and `a.b.c` are of `b` in `a`; names with dots in them make more readings.
fn owners(key: &str) -> Vec<QualifiedName> {
    let dots: Vec<usize> = key.match_indices('.').map(|(at, _)| at).collect();
    let mut names = Vec::new();
    for (number, first) in dots.iter().enumerate() {
        let ends = dots[number + 1..].iter().copied().chain([key.len()]);
        names.extend(ends.map(|end| QualifiedName::new(&key[..*first], &key[first + 1..end])));
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::postgres::catalog::RelationKind;
    use crate::postgres::name::ObjectKind;

    #[test]
    fn a_name_is_found_in_every_schema() {
        let mut relations = Relations::default();
        for (schema, name) in [("a", "t"), ("a", "u"), ("b", "s"), ("a!", "t"), ("c", "t")] {
            let name = QualifiedName::new(schema, name);
            let relation = Relation::new(name.clone(), RelationKind::Table);
            relations.insert(name, Arc::new(relation));
        }
        let schemas = |name: &str| -> Vec<String> {
            let found = relations.named(name);
            found.map(|one| one.name.schema.to_string()).collect()
        };
        assert_eq!(schemas("t"), ["a", "a!", "c"]);
        assert_eq!(schemas("s"), ["b"]);
        assert_eq!(schemas("x"), [""; 0]);
    }

    #[test]
    fn what_a_relation_mentions_is_found_before_and_after_settling() {
        let table = QualifiedName::new("public", "t");
        let view = QualifiedName::new("public", "v");
        let mut relations = Relations::default();
        relations.insert(
            view.clone(),
            Arc::new(Relation::new(view.clone(), RelationKind::View)),
        );
        assert_eq!(relations.mentioning(&table).count(), 0);
        let key = ObjectKey::new(ObjectKind::Column, "public.t.c");
        relations
            .get_mut(&view)
            .expect("the view")
            .depends_on
            .insert(key);
        assert_eq!(relations.mentioning(&table).count(), 1);
        relations.settle();
        assert_eq!(relations.mentioning(&table).count(), 1);
        relations.remove(&view);
        assert_eq!(relations.mentioning(&table).count(), 0);
    }

    #[test]
    fn what_was_assumed_and_no_longer_is_is_told() {
        let name = QualifiedName::new("public", "t");
        let mut relations = Relations::default();
        let mut table = Relation::new(name.clone(), RelationKind::Table);
        relations.insert(name.clone(), Arc::new(table.clone()));
        assert!(!relations.has_assumed());
        let presence = |relations: &mut Relations, presence| {
            relations.get_mut(&name).expect("the table").presence = presence;
        };
        presence(&mut relations, Presence::Assumed);
        assert!(relations.has_assumed());
        relations.settle();
        assert!(relations.has_assumed());
        presence(&mut relations, Presence::Certain);
        assert!(!relations.has_assumed());
        table.presence = Presence::Assumed;
        relations.insert(name.clone(), Arc::new(table));
        assert!(relations.has_assumed());
        relations.remove(&name);
        assert!(!relations.has_assumed());
    }

    #[test]
    fn a_key_with_dots_in_its_names_has_each_reading() {
        let names = owners("s.a.b");
        assert!(names.contains(&QualifiedName::new("s", "a")));
        assert!(names.contains(&QualifiedName::new("s", "a.b")));
        assert!(names.contains(&QualifiedName::new("s.a", "b")));
    }
}
