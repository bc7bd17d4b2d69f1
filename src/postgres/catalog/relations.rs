//! The relations of a catalog, with what is asked of them by something else than their name.
//!
//! A chain of 100,000 revisions must not look through 100,000 tables at each statement. So four things are noted beside the
//! map: who ever had a constraint of a name, who ever mentioned whom (foreign keys, partitions, owned sequences, views, column
//! types, triggers), who was ever only assumed to be there, and who was temporary in this session. Within a session
//! all only grow and are *supersets*: what is not in them is certainly not there, what is in them is looked up.

use std::hash::{Hash, Hasher};
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use rustc_hash::FxHasher;
use smol_str::SmolStr;

use super::lookup::TEMPORARY_SCHEMA;
use super::{Presence, QualifiedName, Relation, is_same};
use crate::postgres::name::ObjectKey;

/// Relations, by the digests of names that they have to do with.
type Owners = OrdMap<u64, Digests>;

/// The digests of some relations' names.
#[derive(Clone, Debug)]
enum Digests {
    /// Nearly always.
    One(u64),
    Many(Arc<OrdSet<u64>>),
}

/// All relations by name. Maps are keyed by the digests of names: a look-up is the commonest step of all, and numbers are compared,
/// and copied with a node, without a look at what they stand for.
#[derive(Clone, Debug, Default)]
pub struct Relations {
    map: OrdMap<u64, Bucket>,
    /// How many there are.
    count: usize,
    /// Names without their schemas, each with the relations that have or had it.
    names: Owners,
    /// Names that constraints have or had, each with the relation.
    constraints: Owners,
    /// Names of relations, types and functions, each with a relation that mentions or mentioned it.
    mentions: Owners,
    /// Those that are or were only assumed to be there.
    assumed: OrdSet<QualifiedName>,
    /// Those that are or were of this session only.
    temporary: OrdSet<QualifiedName>,
    /// Handed out to be changed and not yet noted again, each as it was.
    touched: Vector<Arc<Relation>>,
}

/// The relations whose names have one digest.
#[derive(Clone, Debug)]
enum Bucket {
    /// Nearly always.
    One(Arc<Relation>),
    Many(Vec<Arc<Relation>>),
}

impl PartialEq for Bucket {
    fn eq(&self, other: &Self) -> bool {
        let (ours, theirs) = (self.all(), other.all());
        ours.len() == theirs.len() && ours.iter().zip(theirs).all(|(one, two)| is_same(one, two))
    }
}

impl Bucket {
    fn all(&self) -> &[Arc<Relation>] {
        match self {
            Self::One(relation) => std::slice::from_ref(relation),
            Self::Many(relations) => relations,
        }
    }

    fn get_mut(&mut self, name: &QualifiedName) -> Option<&mut Arc<Relation>> {
        let all = match self {
            Self::One(relation) => std::slice::from_mut(relation),
            Self::Many(relations) => relations,
        };
        all.iter_mut().find(|relation| relation.name == *name)
    }

    /// The bucket with one relation more.
    fn with(&self, relation: Arc<Relation>) -> Self {
        let all = self.all().iter().cloned();
        Self::Many(all.chain([relation]).collect())
    }

    /// The bucket without a relation, if one is left.
    fn without(&self, name: &QualifiedName) -> Option<Self> {
        let others = self.all().iter().filter(|relation| relation.name != *name);
        let mut others: Vec<Arc<Relation>> = others.cloned().collect();
        match others.len() {
            0 => None,
            1 => others.pop().map(Self::One),
            _ => Some(Self::Many(others)),
        }
    }
}

impl Relations {
    /// The relation of a name.
    pub fn get(&self, name: &QualifiedName) -> Option<&Arc<Relation>> {
        self.find(&name.schema, &name.name)
    }

    /// The relation of a name in a schema.
    pub(super) fn find(&self, schema: &str, name: &str) -> Option<&Arc<Relation>> {
        let bucket = self.map.get(&digest(&(schema, name)))?;
        bucket
            .all()
            .iter()
            .find(|relation| relation.name.name == name && relation.name.schema == schema)
    }

    /// Whether there is a relation of a name.
    pub fn contains_key(&self, name: &QualifiedName) -> bool {
        self.get(name).is_some()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.count
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.count == 0
    }

    /// All relations, in the order of their names.
    pub fn values(&self) -> impl Iterator<Item = &Arc<Relation>> {
        let mut all: Vec<&Arc<Relation>> = self.unordered().collect();
        all.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        all.into_iter()
    }

    /// All relations, for questions that one answers or all do: their order is no one's.
    pub fn unordered(&self) -> impl Iterator<Item = &Arc<Relation>> {
        self.map.values().flat_map(Bucket::all)
    }

    /// Puts a relation under its name.
    pub fn insert(&mut self, relation: Arc<Relation>) {
        let digest = digest(&relation.name);
        let known = self.get(&relation.name).cloned();
        self.note(digest, &relation, known.as_deref());
        if known.is_some() {
            let bucket = self.map.get_mut(&digest);
            if let Some(known) = bucket.and_then(|bucket| bucket.get_mut(&relation.name)) {
                *known = relation;
            }
            return;
        }
        let bucket = match self.map.get(&digest) {
            Some(bucket) => bucket.with(relation),
            None => Bucket::One(relation),
        };
        self.map.insert(digest, bucket);
        self.count += 1;
    }

    /// Whether both are one: nothing changed since one was copied from the other.
    pub(super) fn ptr_eq(&self, other: &Self) -> bool {
        self.map.ptr_eq(&other.map)
    }

    /// Whether the same relations are there; parts that are shared are not looked at.
    pub(super) fn is_same(&self, other: &Self) -> bool {
        self.len() == other.len() && self.map.diff(&other.map).next().is_none()
    }

    /// Takes out what is of this session only.
    pub fn remove_temporary(&mut self) {
        for name in std::mem::take(&mut self.temporary) {
            self.remove(&name);
        }
    }

    /// Takes a relation out.
    pub fn remove(&mut self, name: &QualifiedName) -> Option<Arc<Relation>> {
        let removed = self.get(name)?.clone();
        let digest = digest(name);
        let rest = self
            .map
            .get(&digest)
            .and_then(|bucket| bucket.without(name));
        match rest {
            Some(rest) => self.map.insert(digest, rest),
            None => self.map.remove(&digest),
        };
        self.count -= 1;
        Some(removed)
    }

    /// A relation to be changed, all but its name; a copy is made where it is shared.
    pub fn get_mut(&mut self, name: &QualifiedName) -> Option<&mut Relation> {
        let relation = self.map.get_mut(&digest(name))?.get_mut(name)?;
        // what the change adds is noted when it is over
        if self.touched.back().is_none_or(|last| last.name != *name) {
            self.touched.push_back(relation.clone());
        }
        Some(Arc::make_mut(relation))
    }

    /// Notes what the changes since the last call brought; called between statements, so that few names wait.
    pub fn settle(&mut self) {
        for before in std::mem::take(&mut self.touched) {
            if let Some(relation) = self.get(&before.name).cloned() {
                self.note(digest(&before.name), &relation, Some(&before));
            }
        }
    }

    /// Whether some relation is only assumed to be there.
    pub fn has_assumed(&self) -> bool {
        let is_assumed = |name: &QualifiedName| {
            let relation = self.get(name);
            relation.is_some_and(|relation| relation.presence == Presence::Assumed)
        };
        let touched = self.touched.iter().map(|before| &before.name);
        self.assumed.iter().chain(touched).any(is_assumed)
    }

    /// The relations of a name, one a schema at most, by schema.
    pub fn named<'a>(&'a self, name: &str) -> impl Iterator<Item = &'a Arc<Relation>> {
        let name = SmolStr::new(name);
        self.candidates(&self.names, digest(&name))
            .filter(move |relation| relation.name.name == name)
    }

    /// The relations that have a constraint of this name, in whatever schema.
    pub fn with_constraint(&self, name: &str) -> impl Iterator<Item = &Arc<Relation>> {
        let name = SmolStr::new(name);
        self.candidates(&self.constraints, digest(&name))
            .filter(move |relation| relation.constraint(&name).is_some())
    }

    /// The relations that may mention a relation, type or function, by name: no other does.
    pub fn mentioning(&self, name: &QualifiedName) -> impl Iterator<Item = &Arc<Relation>> {
        self.candidates(&self.mentions, digest(name))
    }

    /// The relations that are noted with a digest, and those that still wait to be noted, each once, by name.
    fn candidates(&self, owners: &Owners, name: u64) -> impl Iterator<Item = &Arc<Relation>> {
        let mut found: Vec<&Arc<Relation>> = Vec::new();
        let mut of_digest = |digest: &u64| {
            found.extend(self.map.get(digest).into_iter().flat_map(Bucket::all));
        };
        match owners.get(&name) {
            Some(Digests::One(digest)) => of_digest(digest),
            Some(Digests::Many(digests)) => digests.iter().for_each(of_digest),
            None => {}
        }
        let waiting = self.touched.iter().map(|before| &before.name);
        found.extend(waiting.filter_map(|name| self.get(name)));
        found.sort_unstable_by(|one, other| one.name.cmp(&other.name));
        found.dedup_by(|one, other| one.name == other.name);
        found.into_iter()
    }

    /// The relations that may depend on a thing: the views that use a relation, column or function.
    pub fn depending_on(&self, key: &ObjectKey) -> impl Iterator<Item = &Arc<Relation>> {
        let found = self.mentioning_key(key).into_iter();
        found.filter(|relation| relation.depends_on.contains(key))
    }

    /// The relations that may mention the thing of a key.
    fn mentioning_key(&self, key: &ObjectKey) -> Vec<&Arc<Relation>> {
        // all readings of a key are noted, so any finds it
        let reading = owners(&key.name).into_iter().next();
        reading
            .map(|name| self.mentioning(&name).collect())
            .unwrap_or_default()
    }

    /// The tables whose policies use a relation, column or function.
    pub fn with_policies_on(&self, key: &ObjectKey) -> impl Iterator<Item = &Arc<Relation>> {
        self.mentioning_key(key).into_iter().filter(|relation| {
            let mut policies = relation.policies.iter();
            policies.any(|policy| policy.depends_on.contains(key))
        })
    }

    /// Notes what a relation has, or what it has that it had not `before`.
    fn note(&mut self, own: u64, relation: &Relation, before: Option<&Relation>) {
        if relation.name.schema == TEMPORARY_SCHEMA {
            add(&mut self.temporary, relation.name.clone());
        }
        if relation.presence == Presence::Assumed {
            add(&mut self.assumed, relation.name.clone());
        }
        if before.is_none() {
            add_owner(&mut self.names, digest(&relation.name.name), own);
        }
        let mut known = before.into_iter().flat_map(|before| &before.constraints);
        for constraint in &relation.constraints {
            // one that was added stands behind those that were there
            if known.next().is_none_or(|same| same.name != constraint.name) {
                add_owner(&mut self.constraints, digest(&constraint.name), own);
            }
        }
        if before.is_some_and(|before| mentions_alike(relation, before)) {
            return;
        }
        let known = before.map(mentioned).unwrap_or_default();
        for mentioned in mentioned(relation) {
            if !known.contains(&mentioned) {
                add_owner(&mut self.mentions, mentioned, own);
            }
        }
    }
}

/// Adds what may be there: a set that does not change stays shared.
fn add<T: Ord + Clone>(set: &mut OrdSet<T>, one: T) {
    if !set.contains(&one) {
        set.insert(one);
    }
}

/// The same of a relation that a name has to do with.
fn add_owner(owners: &mut Owners, name: u64, owner: u64) {
    let others = match owners.get(&name) {
        None => {
            owners.insert(name, Digests::One(owner));
            return;
        }
        Some(Digests::One(known)) if *known == owner => return,
        Some(Digests::Many(known)) if known.contains(&owner) => return,
        Some(Digests::One(known)) => OrdSet::unit(*known),
        Some(Digests::Many(known)) => OrdSet::clone(known),
    };
    owners.insert(name, Digests::Many(Arc::new(others.update(owner))));
}

fn digest(name: &impl Hash) -> u64 {
    let mut hasher = FxHasher::default();
    name.hash(&mut hasher);
    hasher.finish()
}

/// Whether all that mentions others is shared, as most changes leave it.
fn mentions_alike(one: &Relation, other: &Relation) -> bool {
    one.constraints.ptr_eq(&other.constraints)
        && one.columns.ptr_eq(&other.columns)
        && one.triggers.ptr_eq(&other.triggers)
        && one.policies.ptr_eq(&other.policies)
        && one.inherits.ptr_eq(&other.inherits)
        && one.depends_on.ptr_eq(&other.depends_on)
        && one.partition_of == other.partition_of
        && one.owned_by == other.owned_by
}

/// The digests of everything that a relation mentions by name, but for the table of an index: that has a list of its indexes.
fn mentioned(relation: &Relation) -> Vec<u64> {
    let mut names: Vec<u64> = Vec::new();
    let constraints = relation.constraints.iter();
    names.extend(constraints.filter_map(|constraint| constraint.references.as_ref().map(digest)));
    let types = relation.columns.iter().flat_map(|column| {
        let of_default = column.default_type.as_deref();
        std::iter::once(&column.type_name).chain(of_default)
    });
    names.extend(types.filter_map(|type_name| {
        let name = &type_name.name;
        let schema = name.schema.as_deref();
        let schema = schema.filter(|schema| *schema != "pg_catalog")?;
        Some(digest(&(schema, name.name.as_str())))
    }));
    let partition_of = relation.partition_of.as_deref();
    names.extend(partition_of.map(|(parent, _)| digest(parent)));
    names.extend(relation.inherits.iter().map(digest));
    let owned_by = relation.owned_by.as_deref();
    names.extend(owned_by.map(|(owner, _)| digest(owner)));
    let triggers = relation.triggers.iter();
    names.extend(triggers.map(|trigger| digest(&trigger.function)));
    let policies = relation.policies.iter();
    let used = policies.flat_map(|policy| &policy.depends_on);
    for key in relation.depends_on.iter().chain(used) {
        names.extend(owners(&key.name).iter().map(digest));
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
            relations.insert(Arc::new(relation));
        }
        let schemas = |name: &str| -> Vec<String> {
            let found = relations.named(name);
            found.map(|one| one.name.schema.to_string()).collect()
        };
        assert!(relations.find("a!", "t").is_some() && relations.find("b", "t").is_none());
        assert_eq!(schemas("t"), ["a", "a!", "c"]);
        assert_eq!(schemas("s"), ["b"]);
        assert_eq!(schemas("x"), [""; 0]);
    }

    #[test]
    fn relations_of_one_digest_are_told_apart() {
        let relation = |name: &str| {
            let name = QualifiedName::new("public", name);
            Arc::new(Relation::new(name, RelationKind::Table))
        };
        let (t, u) = (relation("t"), relation("u"));
        let mut both = Bucket::One(t.clone()).with(u.clone());
        assert!(both.get_mut(&u.name).is_some() && both.get_mut(&t.name).is_some());
        assert_eq!(both.without(&t.name), Some(Bucket::One(u.clone())));
        let three = both.with(relation("v"));
        assert_eq!(three.without(&t.name).map(|left| left.all().len()), Some(2));
        assert_eq!(Bucket::One(t.clone()).without(&t.name), None);
        assert_eq!(
            Bucket::One(t.clone()).without(&u.name),
            Some(Bucket::One(t))
        );
    }

    #[test]
    fn what_a_relation_mentions_is_found_before_and_after_settling() {
        let table = QualifiedName::new("public", "t");
        let view = QualifiedName::new("public", "v");
        let mut relations = Relations::default();
        relations.insert(Arc::new(Relation::new(view.clone(), RelationKind::View)));
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
        relations.insert(Arc::new(table.clone()));
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
        relations.insert(Arc::new(table));
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
