//! Unique keys, foreign keys and CHECK constraints against the rows that are known.

use std::cell::RefCell;
use std::sync::Arc;

use imbl::Vector;
use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use crate::postgres::catalog::{Catalog, Column, Constraint, Index, List, Relation, Row};
use crate::postgres::expression::{Datum, Expr};
use crate::postgres::name::ObjectKind;
use crate::postgres::query::{
    Context, Environment, Frame, Scope, equal, evaluate, is_true, source_of_relation, text_of,
};
use crate::postgres::statement::{Assignment, ConstraintKind};
use crate::postgres::{ServerError, SqlState};

/// From so many rows of one statement on, keys are looked up by hash.
const HASH_FROM: usize = 8;

/// From so many known rows on, what a statement has hashed is kept for the next: a dump inserts row after row.
const KEEP_FROM: usize = 32;

thread_local! {
    static KEPT: RefCell<Option<Kept>> = const { RefCell::new(None) };
}

/// The hashed keys of the rows that the last INSERT left, and what they were made of.
struct Kept {
    rows: Vector<Arc<Row>>,
    indexes: List<Index>,
    columns: List<Column>,
    hashed: Vec<Hashed>,
}

/// Notes that an UPDATE has set columns of a table's rows: what is kept of keys without any of them is of the new rows too.
pub(crate) fn carry_over(before: &Relation, after: &Relation, assignments: &[Assignment]) {
    let is_changed = |index: &Index| index.unique && is_set(&index.columns, assignments);
    if before.indexes.iter().any(is_changed)
        || before.columns.iter().any(|one| one.generated.is_some())
    {
        return;
    }
    KEPT.with_borrow_mut(|kept| {
        if let Some(kept) = kept.as_mut().filter(|kept| kept.is_of(before)) {
            kept.rows = after.rows.known.clone();
        }
    });
}

/// Whether assignments set any of some columns.
pub(super) fn is_set(columns: &[SmolStr], assignments: &[Assignment]) -> bool {
    let mut set = assignments.iter();
    set.any(|assignment| columns.contains(&assignment.column))
}

impl Kept {
    fn is_of(&self, relation: &Relation) -> bool {
        self.rows.ptr_eq(&relation.rows.known)
            && self.indexes.ptr_eq(&relation.indexes)
            && self.columns.ptr_eq(&relation.columns)
    }
}

/// What is known of a new row's conflict with rows that are there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Conflict {
    /// With this one of the known rows.
    With(usize),
    /// Not with a known row.
    None,
    /// Values that are not known may be the same.
    Maybe,
    /// All that is known is the same, and the rest was read from rows on both sides.
    Likely,
}

/// A unique index of a table, made ready for looking up.
pub(crate) struct UniqueKey {
    pub(crate) index: Index,
    /// Served by a constraint that is checked later.
    pub(crate) deferrable: bool,
    /// Checked only at the end of the transaction.
    deferred: bool,
    hashed: Option<Hashed>,
}

#[derive(Default)]
struct Hashed {
    rows: FxHashMap<String, usize>,
    /// Rows with a value that is not known.
    loose: Vec<usize>,
}

/// The values of an index's elements in a row; `None`: the row is not in the index, `Err`: not known whether it is.
type KeyOf = Result<Option<Vec<Datum>>, ()>;

/// A table's unique keys.
pub(crate) struct Keys {
    pub(crate) all: Vec<UniqueKey>,
    scope: Scope,
    /// How many rows it is of.
    rows: usize,
}

impl Keys {
    /// The unique keys of a table of which `rows` more rows will be asked.
    pub(crate) fn new(relation: &Relation, rows: usize, context: &Context<'_>) -> Self {
        let scope = Scope::of(source_of_relation(relation));
        let mut keys: Vec<UniqueKey> = relation
            .indexes
            .iter()
            .filter(|index| index.unique && index.valid)
            .map(|index| {
                let constraint = index
                    .constraint
                    .as_ref()
                    .and_then(|name| relation.constraint(name))
                    .map(|constraint| &constraint.definition);
                UniqueKey {
                    index: index.clone(),
                    deferrable: constraint.is_some_and(|definition| definition.deferrable),
                    deferred: constraint.is_some_and(|definition| definition.initially_deferred),
                    hashed: None,
                }
            })
            .collect();
        let known = &relation.rows.known;
        if rows >= HASH_FROM || (rows > 0 && known.len() >= KEEP_FROM) {
            let kept = KEPT.with_borrow_mut(Option::take);
            let kept = kept.filter(|kept| kept.is_of(relation));
            let mut kept = kept.map_or_else(Vec::new, |kept| kept.hashed).into_iter();
            for key in &mut keys {
                key.hashed = kept.next().or_else(|| {
                    let mut hashed = Hashed::default();
                    for (place, row) in known.iter().enumerate() {
                        let value = key_of(&key.index, relation, row, &scope, context);
                        hashed.add(&value, place);
                    }
                    Some(hashed)
                });
            }
        }
        Self {
            all: keys,
            scope,
            rows: relation.rows.known.len(),
        }
    }

    /// Keeps what is hashed for the next statement on a table, if it is of exactly its rows. The value of an expression may
    /// depend on more than the row, so its keys are made anew.
    pub(crate) fn keep(self, relation: &Relation) {
        let rows = &relation.rows.known;
        let fits = self.rows == rows.len() && self.all.iter().all(|key| is_plain(&key.index));
        if rows.len() < KEEP_FROM || !fits {
            return;
        }
        let hashed: Option<Vec<Hashed>> = self.all.into_iter().map(|key| key.hashed).collect();
        KEPT.set(hashed.map(|hashed| Kept {
            rows: rows.clone(),
            indexes: relation.indexes.clone(),
            columns: relation.columns.clone(),
            hashed,
        }));
    }

    /// Whether a row conflicts with a known one under a key.
    pub(crate) fn conflict(
        &self,
        key: usize,
        relation: &Relation,
        row: &Row,
        except: Option<usize>,
        context: &Context<'_>,
    ) -> Conflict {
        let Some(unique) = self.all.get(key) else {
            return Conflict::None;
        };
        let own = key_of(&unique.index, relation, row, &self.scope, context);
        let (values, sure) = match own {
            Ok(None) => return Conflict::None,
            Ok(Some(values)) => (values, true),
            Err(()) => return Conflict::Maybe,
        };
        let refers = values.contains(&Datum::Stored);
        let values = only_rows(values, &unique.index, relation, context);
        if let Some(hashed) = unique.hashed.as_ref().filter(|_| !refers)
            && let Some(text) = text_key(&values)
        {
            if let Some(place) = hashed.rows.get(&text)
                && Some(*place) != except
            {
                return Conflict::With(*place);
            }
            return if hashed.loose.is_empty() {
                Conflict::None
            } else {
                Conflict::Maybe
            };
        }
        let mut result = Conflict::None;
        for (place, other) in relation.rows.known.iter().enumerate() {
            if Some(place) == except {
                continue;
            }
            match key_of(&unique.index, relation, other, &self.scope, context) {
                Ok(None) => {}
                Err(()) => result = Conflict::Maybe,
                Ok(Some(theirs)) => {
                    let theirs = only_rows(theirs, &unique.index, relation, context);
                    match same(&values, &theirs) {
                        Some(true) if sure => return Conflict::With(place),
                        Some(false) => {}
                        _ if refers && is_alike(&values, &theirs) => return Conflict::Likely,
                        _ => result = Conflict::Maybe,
                    }
                }
            }
        }
        result
    }

    /// Notes a row that was inserted at a place.
    pub(crate) fn add(
        &mut self,
        relation: &Relation,
        row: &Row,
        place: usize,
        context: &Context<'_>,
    ) {
        self.rows += 1;
        for key in &mut self.all {
            if key.hashed.is_some() {
                let value = key_of(&key.index, relation, row, &self.scope, context);
                if let Some(hashed) = &mut key.hashed {
                    hashed.add(&value, place);
                }
            }
        }
    }

    /// Notes that a row that was there at a place is another now.
    pub(crate) fn replace(
        &mut self,
        relation: &Relation,
        (old, new): (&Row, &Row),
        place: usize,
        context: &Context<'_>,
    ) {
        for key in &mut self.all {
            let of = |row| key_of(&key.index, relation, row, &self.scope, context);
            let (old, new) = (of(old), of(new));
            if let Some(hashed) = &mut key.hashed {
                hashed.remove(&old, place);
                hashed.add(&new, place);
            }
        }
    }

    /// The error of a conflict under a key; `None` where the server looks only at the end of the transaction.
    pub(crate) fn error(&self, key: usize, relation: &Relation) -> Option<ServerError> {
        let unique = self.all.get(key).filter(|unique| !unique.deferred)?;
        let kind = if unique.index.constraint.is_some() {
            relation
                .name
                .member(ObjectKind::Constraint, &unique.index.name)
        } else {
            crate::postgres::catalog::QualifiedName::new(&relation.name.schema, &unique.index.name)
                .key(ObjectKind::Index)
        };
        Some(
            ServerError::new(
                SqlState::UNIQUE_VIOLATION,
                format!(
                    "duplicate key value violates unique constraint \"{}\"",
                    unique.index.name
                ),
            )
            .about(kind),
        )
    }
}

impl Hashed {
    fn remove(&mut self, value: &KeyOf, place: usize) {
        if let Ok(Some(values)) = value
            && let Some(text) = text_key(values)
            && self.rows.get(&text) == Some(&place)
        {
            self.rows.remove(&text);
        }
        self.loose.retain(|loose| *loose != place);
    }

    fn add(&mut self, value: &KeyOf, place: usize) {
        match value {
            Ok(None) => {}
            Err(()) => self.loose.push(place),
            Ok(Some(values)) => match text_key(values) {
                Some(text) => {
                    self.rows.insert(text, place);
                }
                // a fresh value is like no other
                None if values.contains(&Datum::Fresh) => {}
                None => self.loose.push(place),
            },
        }
    }
}

fn text_key(values: &[Datum]) -> Option<String> {
    let mut key = String::new();
    for value in values {
        match value {
            Datum::Null => key.push('\u{0}'),
            value => key.push_str(&text_of(value)?),
        }
        key.push('\u{1f}');
    }
    Some(key)
}

/// Whether two keys are the same, NULLs being so only where the index says so (else the row has no key).
fn same(left: &[Datum], right: &[Datum]) -> Option<bool> {
    let mut result = Some(true);
    for (left, right) in left.iter().zip(right) {
        let equal = match (left, right) {
            (Datum::Null, Datum::Null) => Some(true),
            (Datum::Null, Datum::Unknown) | (Datum::Unknown, Datum::Null) => None,
            (Datum::Null, _) | (_, Datum::Null) => Some(false),
            // two values that were new each time they were made
            (Datum::Fresh, Datum::Fresh) => Some(false),
            _ => equal(left, right),
        };
        match equal {
            Some(true) => {}
            Some(false) => return Some(false),
            None => result = None,
        }
    }
    result
}

/// Whether two keys are the same but for values that both were read from rows.
fn is_alike(left: &[Datum], right: &[Datum]) -> bool {
    left.iter().zip(right).all(|(left, right)| {
        (left, right) == (&Datum::Stored, &Datum::Stored) || equal(left, right) == Some(true)
    })
}

/// A key in which the value of a foreign key is a known one where the table that it refers to has one row alone: which value it is
/// does not matter.
fn only_rows(
    mut values: Vec<Datum>,
    index: &Index,
    relation: &Relation,
    context: &Context<'_>,
) -> Vec<Datum> {
    for (value, element) in values.iter_mut().zip(&index.elements) {
        if *value == Datum::Stored
            && let Expr::Column { name, .. } = &element.value
            && refers_to_one_row(relation, name, context)
        {
            *value = Datum::Text("the only row".into());
        }
    }
    values
}

fn refers_to_one_row(relation: &Relation, column: &str, context: &Context<'_>) -> bool {
    relation.foreign_keys().any(|key| {
        let parent = key.references.as_ref();
        let parent = parent.and_then(|name| context.catalog.relations.get(name));
        key.columns == [column]
            && parent.is_some_and(|parent| parent.rows.known.len() == 1 && !parent.rows.others)
    })
}

/// Whether an index is of columns of all rows.
fn is_plain(index: &Index) -> bool {
    let mut values = index.elements.iter().map(|element| &element.value);
    index.filter.is_none() && values.all(|value| matches!(value, Expr::Column { .. }))
}

fn key_of(
    index: &Index,
    relation: &Relation,
    row: &Row,
    scope: &Scope,
    context: &Context<'_>,
) -> KeyOf {
    let values: Vec<Datum> = if is_plain(index) {
        index
            .elements
            .iter()
            .map(|element| match &element.value {
                Expr::Column { name, .. } => row.get(name).clone(),
                _ => Datum::Unknown,
            })
            .collect()
    } else {
        let row = in_order(relation, row);
        let frame = Frame::new(scope, &row);
        if let Some(filter) = &index.filter {
            match evaluate(filter, &frame, context)
                .ok()
                .and_then(|value| is_true(&value))
            {
                Some(true) => {}
                Some(false) => return Ok(None),
                None => return Err(()),
            }
        }
        index
            .elements
            .iter()
            .map(|element| evaluate(&element.value, &frame, context).unwrap_or(Datum::Unknown))
            .collect()
    };
    // one value that equals nothing decides, whatever the others are
    if values.contains(&Datum::Fresh) {
        return Ok(Some(values));
    }
    if !index.nulls_not_distinct && values.contains(&Datum::Null) {
        return Ok(None);
    }
    Ok(Some(values))
}

/// A row's values in the order of the table's columns.
pub(crate) fn in_order(relation: &Relation, row: &Row) -> Vec<Datum> {
    relation
        .columns
        .iter()
        .map(|column| row.get(&column.name).clone())
        .collect()
}

/// 23514 where a CHECK constraint is certainly false.
pub(crate) fn check_constraints(
    relation: &Relation,
    row: &Row,
    context: &Context<'_>,
) -> Result<(), ServerError> {
    let mut prepared: Option<(Scope, Vec<Datum>)> = None;
    for constraint in &relation.constraints {
        let ConstraintKind::Check(condition) = &constraint.definition.kind else {
            continue;
        };
        let (scope, values) = prepared.get_or_insert_with(|| {
            (
                Scope::of(source_of_relation(relation)),
                in_order(relation, row),
            )
        });
        if is_false(condition, scope, values, context) {
            return Err(ServerError::new(
                SqlState::CHECK_VIOLATION,
                format!(
                    "new row for relation \"{}\" violates check constraint \"{}\"",
                    relation.name.name, constraint.name
                ),
            )
            .about(
                relation
                    .name
                    .member(ObjectKind::Constraint, &constraint.name),
            ));
        }
    }
    Ok(())
}

fn is_false(condition: &Expr, scope: &Scope, values: &[Datum], context: &Context<'_>) -> bool {
    let frame = Frame::new(scope, values);
    matches!(evaluate(condition, &frame, context), Ok(Datum::Bool(false)))
}

/// What the server says of a constraint that is added or validated where a row which is known violates it: 23514, 23503.
pub(crate) fn check_rows(
    relation: &Relation,
    constraint: &Constraint,
    catalog: &Catalog,
    environment: &Environment<'_>,
) -> Result<(), ServerError> {
    let rows = &relation.rows.known;
    match &constraint.definition.kind {
        ConstraintKind::ForeignKey { .. } => rows
            .iter()
            .try_for_each(|row| check_reference(relation, constraint, row, catalog, environment)),
        ConstraintKind::Check(condition) => {
            let context = Context::new(catalog, environment);
            let scope = Scope::of(source_of_relation(relation));
            let violates =
                |row: &Arc<Row>| is_false(condition, &scope, &in_order(relation, row), &context);
            if !rows.iter().any(violates) {
                return Ok(());
            }
            let message = format!(
                "check constraint \"{}\" of relation \"{}\" is violated by some row",
                constraint.name, relation.name.name
            );
            Err(ServerError::new(SqlState::CHECK_VIOLATION, message)
                .about(relation.name.key(ObjectKind::Rows)))
        }
        _ => Ok(()),
    }
}

/// 23503 where a referenced row is certainly missing: all rows of its table are known. `relation` is the table as it is once
/// the statement is over, since the server looks then: rows may refer to each other.
pub(crate) fn check_references(
    relation: &Relation,
    row: &Row,
    catalog: &Catalog,
    environment: &Environment<'_>,
) -> Result<(), ServerError> {
    relation
        .constraints
        .iter()
        .filter(|constraint| !constraint.definition.initially_deferred)
        .try_for_each(|constraint| check_reference(relation, constraint, row, catalog, environment))
}

fn check_reference(
    relation: &Relation,
    constraint: &Constraint,
    row: &Row,
    catalog: &Catalog,
    environment: &Environment<'_>,
) -> Result<(), ServerError> {
    let ConstraintKind::ForeignKey {
        columns,
        referenced,
        ..
    } = &constraint.definition.kind
    else {
        return Ok(());
    };
    let parent = match &constraint.references {
        Some(name) if *name == relation.name => Some(relation),
        Some(name) => catalog.relations.get(name).map(|parent| &**parent),
        None => None,
    };
    let all_known = |parent: &&Relation| {
        (environment.fresh)(&parent.name)
            && !parent.rows.others
            && !parent.columns_open
            && parent.partition_of.is_none()
            && parent.kind == crate::postgres::catalog::RelationKind::Table
    };
    let Some(parent) = parent.filter(all_known) else {
        return Ok(());
    };
    let values: Vec<&Datum> = columns.iter().map(|column| row.get(column)).collect();
    let known = |value: &&Datum| value.is_known() && **value != Datum::Null;
    if columns.len() != referenced.len() || columns.is_empty() || !values.iter().all(known) {
        return Ok(());
    }
    let absent = |candidate: &Row| {
        values.iter().zip(referenced).any(|(value, column)| {
            let theirs = candidate.get(column);
            equal(value, theirs) == Some(false)
                && *theirs != Datum::Fresh
                // which number a sequence gave is not known
                && is_generated(value) == is_generated(theirs)
        })
    };
    if parent.rows.known.iter().all(|row| absent(row)) {
        return Err(reference_error(relation, constraint));
    }
    Ok(())
}

fn reference_error(relation: &Relation, constraint: &Constraint) -> ServerError {
    ServerError::new(
        SqlState::FOREIGN_KEY_VIOLATION,
        format!(
            "insert or update on table \"{}\" violates foreign key constraint \"{}\"",
            relation.name.name, constraint.name
        ),
    )
    .about(
        relation
            .name
            .member(ObjectKind::Constraint, &constraint.name),
    )
}

/// The next number of a table's column that a sequence fills: above all that were given before.
///
/// What other rows of a real table took is not known, so the numbers start where no literal is.
pub(crate) fn generated_start(relation: &Relation, column: &str) -> i64 {
    // each is above all before it
    let mut newest_first = relation.rows.known.iter().rev();
    newest_first
        .find_map(|row| match row.get(column) {
            Datum::Int(number) if GENERATED.contains(number) => Some(*number + 1),
            _ => None,
        })
        .unwrap_or(GENERATED.start)
}

/// Numbers that stand for those of sequences: hardly a literal is so large, nor are there so many rows.
const GENERATED: std::ops::Range<i64> = (1 << 40)..(1 << 41);

/// Whether a value stands for one that a sequence gave.
fn is_generated(value: &Datum) -> bool {
    matches!(value, Datum::Int(number) if GENERATED.contains(number))
}

/// A row as it is kept.
pub(crate) fn keep(row: Row) -> Arc<Row> {
    Arc::new(row)
}
