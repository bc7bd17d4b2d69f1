//! `metadata.create_all` and `drop_all`, in the order in which SQLAlchemy's `SchemaGenerator` and `SchemaDropper` go through a
//! MetaData: types, sequences, tables, and last the keys of tables that refer to each other; the other way round for the drop.

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::constraint::{self, ConstraintData, Shape};
use super::events;
use super::generated::{self, Sequence};
use super::metadata::{MetaData, alter, data_of, key_of};
use super::table::{self, Making};
use super::{TableData, build};
use crate::alembic::exceptions;
use crate::alembic::object::{self, Interp};
use crate::alembic::types::enumeration::{self, Enumeration};
use crate::postgres::statement::AlterTableCommand;
use crate::postgres::{Name, Statement};
use crate::python::{Eval, Value};

/// A table of a MetaData with what the order of tables depends on.
struct Member {
    key: SmolStr,
    table: Value,
    data: TableData,
    /// Its foreign keys, each with the key of the table to which it refers.
    foreign_keys: Vec<(ConstraintData, SmolStr)>,
}

/// Tables in order, and of the foreign keys those that are made behind or dropped before all of them.
struct Sorted {
    members: Vec<Member>,
    /// Tables whose keys all stand apart.
    in_circles: FxHashSet<SmolStr>,
    /// Those at the end wait for each other.
    is_whole: bool,
}

impl Sorted {
    /// Whether a key stands apart from its table.
    fn parts(&self, member: &Member, key: &ConstraintData) -> bool {
        is_late(key) || self.in_circles.contains(&member.key)
    }
}

/// `use_alter`.
fn is_late(key: &ConstraintData) -> bool {
    matches!(
        key.shape,
        Shape::ForeignKey {
            use_alter: true,
            ..
        }
    )
}

fn members(interp: &mut Interp, tables: &[Value]) -> Eval<Vec<Member>> {
    let mut found = Vec::new();
    for table in tables {
        let Some(data) = data_of(table) else {
            continue;
        };
        let shape = build::table_shape(interp, &data)?;
        let keys = shape.constraints.into_iter().filter_map(|key| {
            let Shape::ForeignKey { table, .. } = &key.shape else {
                return None;
            };
            let target = key_of(table);
            Some((key, target))
        });
        found.push(Member {
            key: key_of(&data.name),
            table: table.clone(),
            foreign_keys: keys.collect(),
            data,
        });
    }
    Ok(found)
}

/// Members in SQLAlchemy's order (`topological.sort`): all whose parents are done, then the next; and those that are left, in circles or
/// behind one.
fn levels(
    mut waiting: Vec<Member>,
    parents: &FxHashMap<SmolStr, FxHashSet<SmolStr>>,
) -> (Vec<Member>, Vec<Member>) {
    let mut sorted = Vec::new();
    let mut left: FxHashSet<SmolStr> = waiting.iter().map(|member| member.key.clone()).collect();
    loop {
        let is_ready = |member: &Member| {
            parents
                .get(&member.key)
                .is_none_or(|parents| parents.is_disjoint(&left))
        };
        let (ready, rest): (Vec<Member>, Vec<Member>) = waiting.into_iter().partition(is_ready);
        if ready.is_empty() {
            return (sorted, rest);
        }
        for member in &ready {
            left.remove(&member.key);
        }
        sorted.extend(ready);
        waiting = rest;
    }
}

/// The tables to which a member's keys refer, but for the keys that stand apart.
fn parents_of(
    members: &[Member],
    in_circles: &FxHashSet<SmolStr>,
) -> FxHashMap<SmolStr, FxHashSet<SmolStr>> {
    let known: FxHashSet<&SmolStr> = members.iter().map(|member| &member.key).collect();
    let mut parents: FxHashMap<SmolStr, FxHashSet<SmolStr>> = FxHashMap::default();
    for member in members {
        if in_circles.contains(&member.key) {
            continue;
        }
        let targets = member.foreign_keys.iter().filter(|(key, target)| {
            !is_late(key) && *target != member.key && known.contains(target)
        });
        let targets = targets.map(|(_, target)| target.clone()).collect();
        parents.insert(member.key.clone(), targets);
    }
    parents
}

/// The members that are in circles, or on the way from one to another: what is left where all that no other waits for is taken away
/// (`members` are those that wait for each other).
fn circles(
    members: &[Member],
    parents: &FxHashMap<SmolStr, FxHashSet<SmolStr>>,
) -> FxHashSet<SmolStr> {
    let mut left: FxHashSet<SmolStr> = members.iter().map(|member| member.key.clone()).collect();
    let mut children: FxHashMap<&SmolStr, usize> = FxHashMap::default();
    for parent in members
        .iter()
        .filter_map(|one| parents.get(&one.key))
        .flatten()
    {
        *children.entry(parent).or_default() += 1;
    }
    let keys = members.iter().map(|member| &member.key);
    let mut free: Vec<&SmolStr> = keys.filter(|key| !children.contains_key(key)).collect();
    while let Some(key) = free.pop() {
        left.remove(key);
        for parent in parents.get(key).into_iter().flatten() {
            if let Some(count) = children.get_mut(parent) {
                *count -= 1;
                if *count == 0 {
                    free.push(parent);
                }
            }
        }
    }
    left
}

/// `sort_tables_and_constraints`: the keys of tables that refer to each other stand apart, unless `may_part` says of a table that its
/// can't.
fn sort(members: Vec<Member>, mut may_part: impl FnMut(&Member) -> Eval<bool>) -> Eval<Sorted> {
    let mut in_circles = FxHashSet::default();
    let parents = parents_of(&members, &in_circles);
    let (mut members, mut rest) = levels(members, &parents);
    if !rest.is_empty() {
        let met = circles(&rest, &parents);
        for member in rest.iter().filter(|member| met.contains(&member.key)) {
            if may_part(member)? {
                in_circles.insert(member.key.clone());
            }
        }
        members.extend(rest);
        let parents = parents_of(&members, &in_circles);
        (members, rest) = levels(members, &parents);
    }
    let is_whole = rest.is_empty();
    members.extend(rest);
    Ok(Sorted {
        members,
        in_circles,
        is_whole,
    })
}

impl MetaData {
    /// Its tables by name, those first that others refer to: `metadata.sorted_tables`.
    pub(super) fn sorted(&self, interp: &mut Interp) -> Eval<Vec<Value>> {
        let mut named: Vec<(SmolStr, Value)> = {
            let tables = self.tables.borrow();
            let all = tables.iter();
            all.map(|(key, table)| (key.clone(), table.clone()))
                .collect()
        };
        named.sort_by(|one, two| one.0.cmp(&two.0));
        let tables: Vec<Value> = named.into_iter().map(|(_, table)| table).collect();
        let members = members(interp, &tables)?;
        // a circle is a warning there, and its keys are passed over
        let sorted = sort(members, |_| Ok(true))?.members;
        Ok(sorted.into_iter().map(|member| member.table).collect())
    }

    /// The members that are chosen and are there, or are not.
    fn chosen(
        &self,
        interp: &mut Interp,
        chosen: Option<&[Name]>,
        is_wanted: impl Fn(&Interp, &Name) -> bool,
    ) -> Eval<Vec<Member>> {
        let tables: Vec<Value> = self.tables.borrow().values().cloned().collect();
        let mut found = members(interp, &tables)?;
        found.retain(|member| {
            let name = &member.data.name;
            chosen.is_none_or(|chosen| chosen.contains(name)) && is_wanted(interp, name)
        });
        Ok(found)
    }

    /// The enum types of all its tables, each once, whichever tables are chosen.
    fn types(&self, interp: &mut Interp) -> Eval<Vec<Enumeration>> {
        let tables: Vec<Value> = self.tables.borrow().values().cloned().collect();
        let mut found: Vec<(Name, Enumeration)> = Vec::new();
        for data in tables.iter().filter_map(data_of) {
            for one in table::enumerations(interp, &data)? {
                let name = one.qualified(interp)?;
                if !found.iter().any(|(known, _)| *known == name) {
                    found.push((name, one));
                }
            }
        }
        Ok(found.into_iter().map(|(_, one)| one).collect())
    }

    /// Its sequences: those of its columns, and those that are its own.
    fn all_sequences(&self) -> (Vec<Value>, Vec<Value>) {
        let tables: Vec<Value> = self.tables.borrow().values().cloned().collect();
        let of_columns: Vec<Value> = tables
            .iter()
            .filter_map(data_of)
            .flat_map(|data| table::sequences(&data))
            .collect();
        let name = |value: &Value| object::get::<Sequence>(value).map(|one| one.name.clone());
        let mut own = self.sequences.borrow().clone();
        own.retain(|own| !of_columns.iter().any(|other| name(other) == name(own)));
        (own, of_columns)
    }

    /// `create_all`.
    pub(super) fn create_all(
        &self,
        interp: &mut Interp,
        this: &Value,
        chosen: Option<&[Name]>,
        checkfirst: bool,
    ) -> Eval<()> {
        const ORIGIN: &str = "MetaData.create_all";
        let is_missing =
            |interp: &Interp, name: &Name| !checkfirst || !generated::relation_exists(interp, name);
        let members = self.chosen(interp, chosen, is_missing)?;
        let sorted = sort(members, |_| Ok(true))?;
        let tables: Vec<Value> = sorted.members.iter().map(|one| one.table.clone()).collect();
        let mut made_types = Vec::new();
        for enumeration in self.types(interp)? {
            let name = enumeration.qualified(interp)?;
            if !checkfirst || !enumeration::exists(&interp.host.session, &name) {
                let statement = enumeration.create_statement(interp)?;
                table::run(interp, ORIGIN, vec![statement], checkfirst)?;
            }
            made_types.push(name);
        }
        events::fire(interp, this, "before_create", Some(&tables), checkfirst)?;
        for sequence in &self.all_sequences().0 {
            table::run_sequence(interp, ORIGIN, sequence, true, checkfirst)?;
        }
        let mut late = Vec::new();
        for member in &sorted.members {
            let making = Making {
                origin: ORIGIN,
                checkfirst,
                without_keys: sorted.in_circles.contains(&member.key),
            };
            table::create(interp, &member.table, &making, &mut made_types)?;
            self.note_model(interp, &member.data.name);
            for (key, _) in &member.foreign_keys {
                if sorted.parts(member, key) {
                    let definition = definition(interp, member, key)?;
                    let add = AlterTableCommand::AddConstraint(Box::new(definition));
                    late.push(alter(&member.data.name, add));
                }
            }
        }
        table::run(interp, ORIGIN, late, checkfirst)?;
        events::fire(interp, this, "after_create", Some(&tables), checkfirst)
    }

    /// `drop_all`.
    pub(super) fn drop_all(
        &self,
        interp: &mut Interp,
        this: &Value,
        chosen: Option<&[Name]>,
        checkfirst: bool,
    ) -> Eval<()> {
        const ORIGIN: &str = "MetaData.drop_all";
        let is_there = |interp: &Interp, name: &Name| {
            let open = interp.host.session.catalog.open;
            !checkfirst || open || generated::relation_exists(interp, name)
        };
        let members = self.chosen(interp, chosen, is_there)?;
        let mut sorted = sort(members, |member| has_names(interp, member))?;
        if !sorted.is_whole {
            return Err(unsortable(interp, &sorted.members));
        }
        sorted.members.reverse();
        let tables: Vec<Value> = sorted.members.iter().map(|one| one.table.clone()).collect();
        events::fire(interp, this, "before_drop", Some(&tables), checkfirst)?;
        for statement in dropped_keys(interp, &sorted)? {
            table::run(interp, ORIGIN, vec![statement], checkfirst)?;
        }
        for member in &sorted.members {
            table::drop(interp, &member.table, ORIGIN, checkfirst)?;
        }
        let (own, of_columns) = self.all_sequences();
        for sequence in own.iter().chain(&of_columns) {
            table::run_sequence(interp, ORIGIN, sequence, false, checkfirst)?;
        }
        for enumeration in self.types(interp)? {
            let statement = enumeration::drop_call(interp, &enumeration, checkfirst)?;
            table::run(interp, ORIGIN, statement.into_iter().collect(), checkfirst)?;
        }
        events::fire(interp, this, "after_drop", Some(&tables), checkfirst)
    }
}

fn definition(
    interp: &mut Interp,
    member: &Member,
    key: &ConstraintData,
) -> Eval<crate::postgres::statement::ConstraintDefinition> {
    let convention = table::convention_of(&member.data);
    constraint::definition(interp, key, Some(&member.data.name), convention.as_ref())
}

/// Whether all keys of a table have names, by which they can be dropped.
fn has_names(interp: &mut Interp, member: &Member) -> Eval<bool> {
    for (key, _) in &member.foreign_keys {
        if definition(interp, member, key)?.name.is_none() {
            return Ok(false);
        }
    }
    Ok(true)
}

/// DROP CONSTRAINT of the keys that stand apart.
fn dropped_keys(interp: &mut Interp, sorted: &Sorted) -> Eval<Vec<Statement>> {
    let mut statements = Vec::new();
    for member in &sorted.members {
        for (key, _) in &member.foreign_keys {
            if !sorted.parts(member, key) {
                continue;
            }
            let Some(name) = definition(interp, member, key)?.name else {
                let message = "Can't emit DROP CONSTRAINT for constraint ForeignKeyConstraint(); it has no name";
                return Err(exceptions::raise(interp, "CompileError", message));
            };
            let drop = AlterTableCommand::DropConstraint {
                name,
                if_exists: false,
                cascade: false,
            };
            statements.push(alter(&member.data.name, drop));
        }
    }
    Ok(statements)
}

fn unsortable(interp: &mut Interp, members: &[Member]) -> Box<crate::python::Raise> {
    let mut names: Vec<&str> = members.iter().map(|member| &*member.key).collect();
    names.sort_unstable();
    let message = format!(
        "Can't sort tables for DROP; an unresolvable foreign key dependency exists between tables: {}. Please ensure that the ForeignKey and ForeignKeyConstraint objects involved in the cycle have names so that they can be dropped using DROP CONSTRAINT.",
        names.join(", ")
    );
    exceptions::raise(interp, "CircularDependencyError", &message)
}
