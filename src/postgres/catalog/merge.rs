//! Two worlds become one: what both have alike stays, what differs becomes doubtful.

use std::sync::Arc;

use imbl::OrdMap;
use smol_str::SmolStr;

use super::{
    Catalog, Column, List, Presence, QualifiedName, Relation, Rows, Type, TypeKind, is_same,
};
use crate::postgres::name::{ObjectKey, ObjectKind};

impl Catalog {
    /// The catalog of a database that is either `a` or `b`. Shared parts cost nothing.
    #[must_use]
    pub fn merge(a: &Self, b: &Self) -> Self {
        let mut merged = a.clone();
        merged.open = a.open || b.open;
        merged.cut = a.cut || b.cut;
        if a.numbers_lost != b.numbers_lost {
            merged.numbers_lost = a.numbers_lost.max(b.numbers_lost) + 1;
        }
        merged.unread = a.unread || b.unread;
        merged.unsettled = a.unsettled || b.unsettled;
        merged.maybe = a.maybe.clone().union(b.maybe.clone());
        merged.nameless = a.nameless.clone().union(b.nameless.clone());
        merged.modelled = a.modelled.clone().union(b.modelled.clone());
        merged.doubted = a.doubted.clone().union(b.doubted.clone());
        merged.gone = a.gone.clone().intersection(b.gone.clone());
        merge_schemas(&mut merged, b);
        merge_relations(&mut merged, a, b);
        merge_types(&mut merged, a, b);
        merge_functions(&mut merged, b);
        merge_plain(&mut merged.extensions, &b.extensions, |name| {
            merged
                .maybe
                .insert(ObjectKey::new(ObjectKind::Extension, name));
        });
        merge_plain(&mut merged.named, &b.named, |key| {
            merged.maybe.insert(key.clone());
        });
        merge_plain(&mut merged.comments, &b.comments, |_| {});
        merged
    }
}

fn merge_schemas(merged: &mut Catalog, b: &Catalog) {
    if merged.schemas.ptr_eq(&b.schemas) {
        return;
    }
    let mut schemas = OrdMap::new();
    for (name, presence) in &merged.schemas {
        let other = b.schemas.get(name);
        let both = if other == Some(presence) {
            *presence
        } else {
            Presence::Maybe
        };
        schemas.insert(name.clone(), both);
    }
    for name in b.schemas.keys() {
        if !merged.schemas.contains_key(name) {
            schemas.insert(name.clone(), Presence::Maybe);
        }
    }
    merged.schemas = schemas;
}

fn merge_relations(merged: &mut Catalog, a: &Catalog, b: &Catalog) {
    if a.relations.ptr_eq(&b.relations) {
        return;
    }
    for relation in a.relations.unordered() {
        let both = match b.relations.get(&relation.name) {
            Some(other) if is_same(relation, other) => continue,
            Some(other) => {
                doubt_members(merged, relation, other);
                merge_relation(relation, other)
            }
            None => doubtful(relation),
        };
        merged.relations.insert(Arc::new(both));
    }
    for relation in b.relations.unordered() {
        if !a.relations.contains_key(&relation.name) {
            let doubtful = Arc::new(doubtful(relation));
            merged.relations.insert(doubtful);
        }
    }
}

/// Triggers, policies and rules carry no doubt of their own: their keys are noted.
fn doubt_members(merged: &mut Catalog, a: &Relation, b: &Relation) {
    let names = |relation: &Relation, kind: ObjectKind| -> Vec<SmolStr> {
        match kind {
            ObjectKind::Trigger => relation
                .triggers
                .iter()
                .map(|trigger| trigger.name.clone())
                .collect(),
            ObjectKind::Policy => relation
                .policies
                .iter()
                .map(|policy| policy.name.clone())
                .collect(),
            _ => relation.rules.iter().cloned().collect(),
        }
    };
    for kind in [ObjectKind::Trigger, ObjectKind::Policy, ObjectKind::Rule] {
        let ours = names(a, kind);
        let theirs = names(b, kind);
        let differ = ours
            .iter()
            .filter(|name| !theirs.contains(name))
            .chain(theirs.iter().filter(|name| !ours.contains(name)));
        for name in differ {
            merged.maybe.insert(a.name.member(kind, name));
        }
    }
}

fn doubtful(relation: &Relation) -> Relation {
    let mut copy = relation.clone();
    copy.presence = Presence::Maybe;
    copy
}

fn merge_relation(a: &Relation, b: &Relation) -> Relation {
    let mut both = a.clone();
    if a.presence != b.presence {
        both.presence = if a.presence == Presence::Maybe || b.presence == Presence::Maybe {
            Presence::Maybe
        } else {
            Presence::Assumed
        };
    }
    both.columns_open = a.columns_open || b.columns_open;
    both.columns = merge_columns(&a.columns, &b.columns);
    merge_vector(
        &mut both.constraints,
        &b.constraints,
        |x, y| x.name == y.name,
        |x| x.presence = Presence::Maybe,
    );
    merge_vector(
        &mut both.indexes,
        &b.indexes,
        |x, y| x.name == y.name,
        |x| x.presence = Presence::Maybe,
    );
    // what either world has is kept: their keys are in `Catalog::maybe`
    merge_vector(
        &mut both.triggers,
        &b.triggers,
        |x, y| x.name == y.name,
        |_| {},
    );
    merge_vector(
        &mut both.policies,
        &b.policies,
        |x, y| x.name == y.name,
        |_| {},
    );
    merge_vector(&mut both.rules, &b.rules, |x, y| x == y, |_| {});
    if a.rows != b.rows {
        both.rows = Rows {
            known: a
                .rows
                .known
                .iter()
                .filter(|row| b.rows.known.contains(row))
                .cloned()
                .collect(),
            others: true,
        };
    }
    if a.next_value != b.next_value {
        both.next_value = None;
    }
    if a.first_number != b.first_number {
        both.first_number = None;
    }
    if a.query != b.query {
        both.columns_open = true;
    }
    both.depends_on = a.depends_on.clone().union(b.depends_on.clone());
    both
}

fn merge_columns(a: &List<Column>, b: &List<Column>) -> List<Column> {
    let mut columns = a.clone();
    merge_vector(
        &mut columns,
        b,
        |x, y| x.name == y.name,
        |x| x.presence = Presence::Maybe,
    );
    // a column that both have, but defined differently, is there for certain
    for column in columns.iter_mut() {
        let certain = |list: &List<Column>| {
            list.iter()
                .any(|other| other.name == column.name && other.presence == Presence::Certain)
        };
        if certain(a) && certain(b) {
            column.presence = Presence::Certain;
        }
    }
    columns
}

fn merge_vector<T: Clone + PartialEq>(
    a: &mut List<T>,
    b: &List<T>,
    same: impl Fn(&T, &T) -> bool,
    doubt: impl Fn(&mut T),
) {
    for item in a.iter_mut() {
        if !b.iter().any(|other| other == item) {
            doubt(item);
        }
    }
    let missing: Vec<T> = b
        .iter()
        .filter(|other| !a.iter().any(|item| same(item, other)))
        .cloned()
        .collect();
    for mut item in missing {
        doubt(&mut item);
        a.push(item);
    }
}

fn merge_types(merged: &mut Catalog, a: &Catalog, b: &Catalog) {
    if a.types.ptr_eq(&b.types) {
        return;
    }
    let insert = |merged: &mut Catalog, name: &QualifiedName, found: Type| {
        merged.types.insert(name.clone(), Arc::new(found));
    };
    for (name, found) in &a.types {
        match b.types.get(name) {
            Some(other) if is_same(found, other) => {}
            Some(other) => {
                let definition = match (&found.definition, &other.definition) {
                    (same, definition) if same == definition => same.clone(),
                    // which labels it has is not known: any may be
                    _ => TypeKind::Open,
                };
                let presence =
                    if found.presence == Presence::Maybe || other.presence == Presence::Maybe {
                        Presence::Maybe
                    } else {
                        found.presence
                    };
                let both = Type {
                    name: name.clone(),
                    definition,
                    presence,
                };
                insert(merged, name, both);
            }
            None => {
                let mut copy = Type::clone(found);
                copy.presence = Presence::Maybe;
                insert(merged, name, copy);
            }
        }
    }
    for (name, found) in &b.types {
        if !a.types.contains_key(name) {
            let mut copy = Type::clone(found);
            copy.presence = Presence::Maybe;
            insert(merged, name, copy);
        }
    }
}

fn merge_functions(merged: &mut Catalog, b: &Catalog) {
    if merged.functions.ptr_eq(&b.functions) {
        return;
    }
    let names: Vec<QualifiedName> = merged
        .functions
        .keys()
        .chain(b.functions.keys())
        .cloned()
        .collect();
    for name in names {
        let ours = merged.functions.get(&name).cloned().unwrap_or_default();
        let theirs = b.functions.get(&name).cloned().unwrap_or_default();
        if Arc::ptr_eq(&ours, &theirs) || ours == theirs {
            continue;
        }
        let mut all = Vec::clone(&ours);
        for function in &mut all {
            let other = theirs
                .iter()
                .find(|other| other.arguments == function.arguments);
            if other.is_none_or(|other| other.presence != function.presence) {
                function.presence = Presence::Maybe;
            }
        }
        for function in theirs.iter() {
            if !all
                .iter()
                .any(|known| known.arguments == function.arguments)
            {
                let mut copy = function.clone();
                copy.presence = Presence::Maybe;
                all.push(copy);
            }
        }
        merged.functions.insert(name, Arc::new(all));
    }
}

fn merge_plain<K: Ord + Clone, V: Clone + PartialEq>(
    ours: &mut OrdMap<K, V>,
    theirs: &OrdMap<K, V>,
    mut doubt: impl FnMut(&K),
) {
    if ours.ptr_eq(theirs) {
        return;
    }
    for key in ours.keys() {
        if !theirs.contains_key(key) {
            doubt(key);
        }
    }
    let missing: Vec<(K, V)> = theirs
        .iter()
        .filter(|(key, _)| !ours.contains_key(*key))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect();
    for (key, value) in missing {
        doubt(&key);
        ours.insert(key, value);
    }
}

impl Catalog {
    /// Whether both hold the same; shared parts are not looked at.
    pub fn same_as(&self, other: &Self) -> bool {
        fn equal<K: Ord, V: PartialEq + ?Sized>(
            one: &OrdMap<K, Arc<V>>,
            two: &OrdMap<K, Arc<V>>,
        ) -> bool {
            one.len() == two.len() && one.diff(two).next().is_none()
        }
        self.open == other.open
            && self.schemas == other.schemas
            && self.extensions == other.extensions
            && self.maybe == other.maybe
            && self.relations.is_same(&other.relations)
            && equal(&self.types, &other.types)
            && equal(&self.functions, &other.functions)
            && equal(&self.named, &other.named)
    }

    /// Whether no statement can tell one from the other: [`Self::same_as`], and comments and what is known to be gone too.
    pub fn is_identical_to(&self, other: &Self) -> bool {
        self.same_as(other)
            && self.comments.len() == other.comments.len()
            && self.comments.diff(&other.comments).next().is_none()
            && self.gone.len() == other.gone.len()
            && self.gone.diff(&other.gone).next().is_none()
            && self.numbers_lost == other.numbers_lost
    }
}
