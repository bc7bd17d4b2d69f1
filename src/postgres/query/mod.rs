//! Reading: queries over the simulated catalog and over the rows that are known.
//!
//! In: a [`Query`] with the catalog and the [`Environment`] of the call. Out: the server's refusal (a missing table or
//! column, a label that the enum does not have), or rows, each with whether it is certain, and whether there can be no
//! more of them. Nothing is ever changed here; data-modifying members of WITH are executed by `data` beforehand.

mod aggregate;
mod cast;
mod check;
mod enums;
mod evaluate;
mod functions;
mod grouping;
mod join;
mod operators;
pub(crate) mod render;
mod retype;
mod scan;
mod scope;
mod select;
mod sequences;
mod sets;
mod signatures;
mod spelling;
mod system;
#[cfg(test)]
pub(crate) mod tests;
mod types;
mod volatility;
mod walk;

use std::cell::RefCell;
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};
use smol_str::SmolStr;

use super::catalog::{self, Catalog, QualifiedName, Relation};
use super::expression::{Datum, Expr, Query, TypeName};
use super::name::{Name, ObjectKey, ObjectKind};
use super::numbers::Numbers;
use super::session::{Parameters, ResultSet};
use super::{ServerError, SqlState, Version};
use crate::limits::Limit;

pub(crate) use cast::{cast, check_literal, parse_array};
pub use check::output_columns;
pub(crate) use check::{
    Output, check, check_assignable, check_assignment, check_condition, check_query, check_targets,
    check_with, column_name, rename,
};
pub(crate) use evaluate::{evaluate, is_true};
pub(crate) use grouping::{may_go_over_rows, refuse_over_rows};
pub(crate) use join::{check_from_over, check_named, run_from_over, source_of_relation};
pub(crate) use operators::{equal, text_of};
pub(crate) use scope::{Frame, Scope, Source};
pub(crate) use select::{run_query, run_with};
pub(crate) use sequences::sequence_named;
pub(crate) use types::{Type, type_of};

/// How deep subqueries and expressions may nest before the answer is unknown: input is hostile, the stack is not endless.
pub(crate) const MAX_DEPTH: usize = 200;

/// What a call brings along beside its statements.
#[derive(Clone, Copy)]
pub struct Environment<'a> {
    /// The server's version.
    pub version: Version,
    /// Schemas in which unqualified names are looked up.
    pub search_path: &'a [SmolStr],
    /// Values of bind parameters.
    pub parameters: &'a Parameters,
    /// PL/pgSQL variables by name; a record's field as `record.field`.
    pub variables: &'a Parameters,
    /// Whether a table was made in this very run, so that no row can be in it that no statement put there.
    pub fresh: &'a dyn Fn(&QualifiedName) -> bool,
    /// Refuses a label that an enum lacks (22P02) or may not use yet (55P04).
    pub enum_use: &'a dyn Fn(&TypeName, &str) -> Result<(), ServerError>,
    /// Rows that the queries of this connection have looked at so far.
    pub work: &'a std::cell::Cell<usize>,
    /// Numbers that the statement takes of sequences.
    pub numbers: &'a Numbers,
}

/// A column of a query's output or of a FROM item.
#[derive(Clone, Debug, PartialEq)]
pub struct OutputColumn {
    /// Its name.
    pub name: SmolStr,
    /// Its type, where known.
    pub type_name: Option<TypeName>,
}

impl OutputColumn {
    pub(crate) fn new(name: impl Into<SmolStr>, type_name: Option<TypeName>) -> Self {
        Self {
            name: name.into(),
            type_name,
        }
    }

    fn is_json(&self) -> bool {
        let known = self.type_name.as_ref();
        known.is_some_and(|known| {
            !known.array && matches!(known.name.name.as_str(), "json" | "jsonb")
        })
    }
}

/// A row of a result.
#[derive(Clone, Debug, PartialEq)]
pub struct TableRow {
    /// Its values, as many as there are columns.
    pub values: Vec<Datum>,
    /// False if it may not be there.
    pub certain: bool,
}

/// A query's result, with what is not known of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Table {
    /// Its columns.
    pub columns: Vec<OutputColumn>,
    /// There may be more columns (an open table under `*`).
    pub open: bool,
    /// The rows.
    pub rows: Vec<TableRow>,
    /// False if there may be more rows than these.
    pub complete: bool,
}

impl Table {
    /// A result of which nothing is known but its columns.
    pub(crate) fn unknown(columns: Vec<OutputColumn>, open: bool) -> Self {
        Self {
            columns,
            open,
            rows: Vec::new(),
            complete: false,
        }
    }

    /// Whether a row is there; `None` if that can't be known.
    pub fn exists(&self) -> Option<bool> {
        if self.rows.iter().any(|row| row.certain) {
            return Some(true);
        }
        (self.complete && self.rows.is_empty()).then_some(false)
    }

    /// Whether exactly these rows are there.
    pub fn is_exact(&self) -> bool {
        self.complete && !self.open && self.rows.iter().all(|row| row.certain)
    }

    /// What a driver is given.
    pub fn into_result_set(self) -> ResultSet {
        let exact = self.is_exact();
        ResultSet {
            some: self.exists() == Some(true),
            json: self.columns.iter().map(OutputColumn::is_json).collect(),
            columns: self.columns.into_iter().map(|column| column.name).collect(),
            rows: exact.then(|| self.rows.into_iter().map(|row| row.values).collect()),
        }
    }
}

/// Everything that evaluation reads.
pub(crate) struct Context<'a> {
    pub(crate) catalog: &'a Catalog,
    pub(crate) environment: &'a Environment<'a>,
    /// Results of WITH members, the innermost last.
    pub(crate) tables: RefCell<Vec<(SmolStr, Rc<Table>)>>,
    /// Relations that were used and never heard of, in an open world.
    pub(crate) assumed: RefCell<Vec<QualifiedName>>,
    /// Names of columns that the statement mentions; `None` if it has a `*`.
    pub(crate) used: Option<FxHashSet<SmolStr>>,
    oids: RefCell<Option<FxHashMap<i64, QualifiedName>>>,
    pub(crate) depth: std::cell::Cell<usize>,
    /// The statement is an INSERT: what its EXISTS, NOT IN, EXCEPT and outer joins do not find among the known rows is
    /// taken as not there.
    pub(crate) guards_insert: bool,
    guard: std::cell::Cell<bool>,
}

/// How many times the bound on the rows of one query all queries of a run may look at.
const RUN_ROWS: usize = 500;

/// What a relation's name stands for.
pub(crate) enum Resolved {
    Table(Rc<Table>),
    Relation(Arc<Relation>),
    System(&'static system::SystemTable),
    /// It must be there, but nothing is known of it.
    Open(QualifiedName),
}

impl<'a> Context<'a> {
    pub(crate) fn new(catalog: &'a Catalog, environment: &'a Environment<'a>) -> Self {
        Self {
            catalog,
            environment,
            tables: RefCell::new(Vec::new()),
            assumed: RefCell::new(Vec::new()),
            used: None,
            oids: RefCell::new(None),
            depth: std::cell::Cell::new(0),
            guards_insert: false,
            guard: std::cell::Cell::new(false),
        }
    }

    /// Does something as a part of a guard, or not as one.
    pub(crate) fn as_guard<T>(&self, guard: bool, action: impl FnOnce() -> T) -> T {
        let before = self.guard.replace(guard);
        let result = action();
        self.guard.set(before);
        result
    }

    /// Whether some more rows may be looked at: subqueries in each other multiply, and a run is to end.
    pub(crate) fn works(&self, rows: usize) -> bool {
        let work = self.environment.work.get().saturating_add(rows);
        let bounded = work <= Limit::QueryRows.count().saturating_mul(RUN_ROWS);
        if bounded {
            self.environment.work.set(work);
        }
        bounded
    }

    pub(crate) fn is_guard(&self) -> bool {
        self.guard.get()
    }

    pub(crate) fn in_guard(&self) -> bool {
        self.guards_insert && self.guard.get()
    }

    /// The same reading of another query: only columns that the query mentions are worked out.
    pub(crate) fn for_query(
        catalog: &'a Catalog,
        environment: &'a Environment<'a>,
        query: &Query,
    ) -> Self {
        let mut context = Self::new(catalog, environment);
        context.used = walk::used_columns(query);
        context
    }

    pub(crate) fn uses(&self, column: &str) -> bool {
        self.used.as_ref().is_none_or(|used| used.contains(column))
    }

    /// Schemas in the order in which an unqualified relation is looked up, the system's own left out.
    pub(crate) fn path(&self) -> impl Iterator<Item = &str> {
        std::iter::once("pg_temp").chain(self.environment.search_path.iter().map(SmolStr::as_str))
    }

    /// A relation of the catalog that a name means, system tables and WITH members left out.
    pub(crate) fn relation(&self, name: &Name) -> Option<&Arc<Relation>> {
        match &name.schema {
            Some(schema) => self
                .catalog
                .relations
                .get(&QualifiedName::new(schema, &name.name)),
            None => self.path().find_map(|schema| {
                self.catalog
                    .relations
                    .get(&QualifiedName::new(schema, &name.name))
            }),
        }
    }

    /// A type of the catalog that a name means.
    pub(crate) fn made_type(&self, name: &Name) -> Option<&Arc<catalog::Type>> {
        match &name.schema {
            Some(schema) => self
                .catalog
                .types
                .get(&QualifiedName::new(schema, &name.name)),
            None => self.path().find_map(|schema| {
                self.catalog
                    .types
                    .get(&QualifiedName::new(schema, &name.name))
            }),
        }
    }

    /// Where a new object of this name would go.
    pub(crate) fn qualify(&self, name: &Name) -> QualifiedName {
        let schema = name
            .schema
            .as_deref()
            .or_else(|| self.environment.search_path.first().map(SmolStr::as_str))
            .unwrap_or("public");
        QualifiedName::new(schema, &name.name)
    }

    /// Whether some worlds have an object of this name.
    pub(crate) fn may_exist(&self, name: &Name) -> bool {
        if name.is_unknown() {
            return true;
        }
        let kinds = [
            ObjectKind::Table,
            ObjectKind::View,
            ObjectKind::MaterializedView,
            ObjectKind::ForeignTable,
            ObjectKind::Type,
            ObjectKind::Domain,
            ObjectKind::Index,
            ObjectKind::Sequence,
        ];
        let has = |schema: &str| {
            let qualified = QualifiedName::new(schema, &name.name);
            kinds
                .iter()
                .any(|kind| self.catalog.maybe.contains(&qualified.key(*kind)))
        };
        !self.catalog.maybe.is_empty()
            && match &name.schema {
                Some(schema) => has(schema),
                None => self.path().any(has),
            }
    }

    /// What a name in FROM stands for, or 3F000 or 42P01.
    pub(crate) fn resolve(&self, name: &Name) -> Result<Resolved, ServerError> {
        if name.schema.is_none()
            && let Some((_, table)) = self
                .tables
                .borrow()
                .iter()
                .rev()
                .find(|(known, _)| *known == name.name)
        {
            return Ok(Resolved::Table(Rc::clone(table)));
        }
        if name.is_unknown() {
            return Ok(Resolved::Open(self.qualify(name)));
        }
        if let Some(relation) = self
            .catalog
            .relations
            .get(&QualifiedName::new("pg_temp", &name.name))
            .filter(|_| {
                name.schema
                    .as_deref()
                    .is_none_or(|schema| schema == "pg_temp")
            })
        {
            return Ok(Resolved::Relation(Arc::clone(relation)));
        }
        if let Some(table) = system::find(name) {
            return Ok(Resolved::System(table));
        }
        if let Some(relation) = self.relation(name) {
            return Ok(Resolved::Relation(Arc::clone(relation)));
        }
        let qualified = self.qualify(name);
        let system = matches!(
            name.schema.as_deref(),
            Some("pg_catalog" | "information_schema")
        );
        if !system && (self.catalog.open || self.may_exist(name)) {
            if self.catalog.open {
                let mut assumed = self.assumed.borrow_mut();
                if !assumed.contains(&qualified) {
                    assumed.push(qualified.clone());
                }
            }
            return Ok(Resolved::Open(qualified));
        }
        // unlike in DDL, the server words a missing schema as a missing relation here
        Err(ServerError::new(
            SqlState::UNDEFINED_TABLE,
            match &name.schema {
                Some(schema) => format!("relation \"{schema}.{}\" does not exist", name.name),
                None => format!("relation \"{}\" does not exist", name.name),
            },
        )
        .about(qualified.key(ObjectKind::Table)))
    }

    /// The relation that has an oid.
    pub(crate) fn relation_by_oid(&self, oid: i64) -> Option<&Arc<Relation>> {
        let mut oids = self.oids.borrow_mut();
        let oids = oids.get_or_insert_with(|| {
            self.catalog
                .relations
                .unordered()
                .map(|relation| (system::oid::relation(&relation.name), relation.name.clone()))
                .collect()
        });
        self.catalog.relations.get(oids.get(&oid)?)
    }

    /// Goes one level deeper, unless that is too deep.
    pub(crate) fn enter(&self) -> Option<Depth<'_>> {
        let depth = self.depth.get();
        if depth >= MAX_DEPTH {
            return None;
        }
        self.depth.set(depth + 1);
        Some(Depth(&self.depth))
    }
}

/// One level of nesting; left when it is dropped.
pub(crate) struct Depth<'a>(&'a std::cell::Cell<usize>);

impl Drop for Depth<'_> {
    fn drop(&mut self) {
        self.0.set(self.0.get().saturating_sub(1));
    }
}

/// What came of a query.
#[derive(Clone, Debug)]
pub struct QueryAnswer {
    /// The rows, or the server's refusal.
    pub table: Result<Table, ServerError>,
    /// Relations that were used and never heard of, in an open world: the caller puts them into the catalog.
    pub assumed: Vec<QualifiedName>,
}

impl QueryAnswer {
    /// Keys of the assumed relations.
    pub fn assumed_keys(&self) -> Vec<ObjectKey> {
        self.assumed
            .iter()
            .map(|name| name.key(ObjectKind::Table))
            .collect()
    }
}

/// Executes a query that changes nothing.
pub fn select(catalog: &Catalog, environment: &Environment<'_>, query: &Query) -> QueryAnswer {
    select_with(catalog, environment, query, &[])
}

/// Executes a query, with the results of WITH members that were executed beforehand.
pub fn select_with(
    catalog: &Catalog,
    environment: &Environment<'_>,
    query: &Query,
    members: &[(SmolStr, Rc<Table>)],
) -> QueryAnswer {
    let context = Context::for_query(catalog, environment, query);
    context.tables.borrow_mut().extend_from_slice(members);
    let table = check::check_query(query, None, &context)
        .and_then(|_| select::run_query(query, None, &context))
        .map(|table| cast::reg_types_to_text(table, &context));
    QueryAnswer {
        table,
        assumed: context.assumed.into_inner(),
    }
}

/// Checks an expression over the columns of a relation: names, literals, the types of what is compared and chosen from.
pub fn check_over(
    catalog: &Catalog,
    environment: &Environment<'_>,
    relation: &Relation,
    expression: &Expr,
) -> Result<(), ServerError> {
    let context = Context::new(catalog, environment);
    let scope = scope::Scope::of(source_of_relation(relation));
    check::check(expression, &Frame::new(&scope, &[]), &context)
}

/// Refuses a condition over the columns of a relation that is certain to be no boolean (42804); `clause` is where it stands, as the
/// server says it.
pub fn check_boolean(
    catalog: &Catalog,
    environment: &Environment<'_>,
    relation: &Relation,
    condition: &Expr,
    clause: &str,
) -> Result<(), ServerError> {
    let context = Context::new(catalog, environment);
    let scope = scope::Scope::of(source_of_relation(relation));
    check::check_boolean(clause, condition, &Frame::new(&scope, &[]), &context)
}

/// An expression over the columns of a relation with the types of its literals, as the server keeps it.
pub fn typed_over(
    catalog: &Catalog,
    environment: &Environment<'_>,
    relation: &Relation,
    expression: &Expr,
) -> Option<Expr> {
    let context = Context::new(catalog, environment);
    let scope = scope::Scope::of(source_of_relation(relation));
    retype::typed(expression, &Frame::new(&scope, &[]), &context)
}

/// The type of an expression over the columns of a relation, where it is known and no literal's.
pub fn type_over(
    catalog: &Catalog,
    environment: &Environment<'_>,
    relation: &Relation,
    expression: &Expr,
) -> Option<TypeName> {
    let context = Context::new(catalog, environment);
    let scope = scope::Scope::of(source_of_relation(relation));
    let known = type_of(expression, &Frame::new(&scope, &[]), &context);
    known.named().cloned()
}

/// Refuses an expression over a relation that is certain not to be immutable (42P17); `message` is what the server says.
pub fn check_immutable(
    catalog: &Catalog,
    environment: &Environment<'_>,
    relation: &Relation,
    expression: &Expr,
    message: &str,
) -> Result<(), ServerError> {
    let context = Context::new(catalog, environment);
    let scope = scope::Scope::of(source_of_relation(relation));
    if volatility::is_mutable(expression, &Frame::new(&scope, &[]), &context) {
        return Err(ServerError::new(
            SqlState::INVALID_OBJECT_DEFINITION,
            message,
        ));
    }
    Ok(())
}

/// Checks the literal of a DEFAULT against the column's type; what else a default is, gives its type where that is known.
pub fn check_default(
    catalog: &Catalog,
    environment: &Environment<'_>,
    type_name: &TypeName,
    default: &Expr,
) -> Result<Option<TypeName>, ServerError> {
    let context = Context::new(catalog, environment);
    if matches!(default, Expr::Value(Datum::Text(_))) {
        return check::check_value(type_name, default, &context).map(|()| None);
    }
    let scope = Scope::default();
    let frame = Frame::new(&scope, &[]);
    check::check(default, &frame, &context)?;
    let found = types::type_of(default, &frame, &context);
    Ok(found.named().cloned())
}

/// Evaluates an expression that stands alone: a PL/pgSQL condition, an argument of EXECUTE or CALL.
///
/// A value that depends on rows that are not known is [`Datum::Unknown`].
pub fn evaluate_alone(
    catalog: &Catalog,
    environment: &Environment<'_>,
    expression: &Expr,
) -> Result<Datum, ServerError> {
    let context = Context::new(catalog, environment);
    let scope = Scope::default();
    let frame = Frame::new(&scope, &[]);
    check::check(expression, &frame, &context)?;
    let value = evaluate(expression, &frame, &context)?;
    let type_name = types::type_of(expression, &frame, &context);
    Ok(cast::reg_to_text(value, type_name.named(), &context))
}
