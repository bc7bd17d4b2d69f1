//! What an `execute` gives back: SQLAlchemy's Result and Row.
//!
//! In: the server's answer. Out: known rows where they are known, else unknown values with the reason. Reading past the
//! end, `one()` and `scalar_one()` raise as SQLAlchemy's do.

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::rc::Rc;

use smol_str::SmolStr;

use super::object::{self, Interp, Object};
use super::{exceptions, literal};
use crate::config::Driver;
use crate::postgres::expression::{FromItem, QueryBody};
use crate::postgres::{Answer, Datum, Expr, Outcome, Query, ResultSet, Statement};
use crate::python::{Arguments, Eval, HostOperator, HostRef, Raise, Truth, Value};
use crate::unknown::{Reason, Unknown};

/// What a result's items are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// Rows.
    Rows,
    /// The value of one column (`scalars()`), or an ORM object.
    Scalars,
    /// Rows as mappings.
    Mappings,
}

/// Rows of a result, as far as they are known.
#[derive(Clone, Debug)]
pub enum Rows {
    /// All of them, each its values.
    Known(Vec<Vec<Value>>),
    /// Not known, and why.
    Unknown(Unknown),
    /// Any number of rows that nothing tells apart.
    Like {
        /// One that stands for all of them.
        row: Vec<Value>,
        /// At least one is there.
        some: bool,
        /// Why no more is known.
        why: Unknown,
    },
}

/// A result: SQLAlchemy's CursorResult, ScalarResult, MappingResult; psycopg2's cursor reads from it too.
#[derive(Debug)]
pub struct ResultObject {
    columns: Rc<[SmolStr]>,
    rows: Rc<Rows>,
    /// How many rows were read; shared with the `scalars()` and `mappings()` made of it.
    position: Rc<Cell<usize>>,
    shape: Shape,
    index: usize,
    row_count: Option<u64>,
    returns_rows: bool,
    /// The statement failed and Python goes on: reading is no error.
    lenient: bool,
    closed: Rc<Cell<bool>>,
    inserted_key: RefCell<Option<Value>>,
}

/// A result of what the server answered to `statements`; `is_text`: they were SQL text, so that nobody knows the types of columns.
pub fn of_answer(
    interp: &mut Interp,
    answer: &Answer,
    statements: &[Statement],
    is_text: bool,
) -> ResultObject {
    let (columns, rows, returns_rows) = match (&answer.outcome, &answer.result) {
        (Outcome::Ok, Some(set)) => (
            set.columns.clone(),
            rows_of(interp, set, statements, is_text),
            true,
        ),
        (Outcome::Unknown(why), result) => {
            let columns = result
                .as_ref()
                .map_or_else(Vec::new, |set| set.columns.clone());
            let what = format!("result of a statement ({why})");
            let unknown = Unknown::new(reason_of(statements), what);
            (columns, Rows::Unknown(located(interp, unknown)), true)
        }
        // a query whose rows the server model does not give
        (Outcome::Ok, None)
            if matches!(
                statements.last(),
                Some(Statement::Query(_) | Statement::Show { .. })
            ) =>
        {
            let unknown = Unknown::new(reason_of(statements), describe(statements));
            (Vec::new(), Rows::Unknown(located(interp, unknown)), true)
        }
        _ => (Vec::new(), Rows::Known(Vec::new()), false),
    };
    ResultObject {
        columns: columns.into(),
        rows: Rc::new(rows),
        position: Rc::new(Cell::new(0)),
        shape: Shape::Rows,
        index: 0,
        row_count: match answer.outcome {
            Outcome::Error(_) => Some(0),
            _ => answer.row_count,
        },
        returns_rows,
        lenient: !matches!(answer.outcome, Outcome::Ok) && !returns_rows,
        closed: Rc::new(Cell::new(false)),
        inserted_key: RefCell::new(None),
    }
}

/// A result of known or unknown rows that the model made itself.
pub fn of_rows(columns: Vec<SmolStr>, rows: Rows, shape: Shape) -> ResultObject {
    ResultObject {
        columns: columns.into(),
        rows: Rc::new(rows),
        position: Rc::new(Cell::new(0)),
        shape,
        index: 0,
        row_count: None,
        returns_rows: true,
        lenient: false,
        closed: Rc::new(Cell::new(false)),
        inserted_key: RefCell::new(None),
    }
}

/// A result of a statement whose outcome can't be known at all.
pub fn unknown(interp: &Interp, reason: Reason, what: &str) -> ResultObject {
    let unknown = located(interp, Unknown::new(reason, what));
    of_rows(Vec::new(), Rows::Unknown(unknown), Shape::Rows)
}

fn located(interp: &Interp, unknown: Unknown) -> Unknown {
    match interp.frames().last() {
        Some(frame) => unknown.at(frame.site),
        None => unknown,
    }
}

fn rows_of(interp: &Interp, set: &ResultSet, statements: &[Statement], is_text: bool) -> Rows {
    let reads_json = !is_text || interp.host.settings.driver != Driver::Asyncpg;
    let reason = reason_of(statements);
    match &set.rows {
        Some(rows) => Rows::Known(
            rows.iter()
                .map(|row| {
                    row.iter()
                        .enumerate()
                        .map(|(index, datum)| {
                            let what = set.columns.get(index).map_or("column", SmolStr::as_str);
                            match datum {
                                Datum::Text(text)
                                    if reads_json && set.json.get(index) == Some(&true) =>
                                {
                                    json_value(text, reason, what)
                                }
                                _ => literal::value(datum, reason, what),
                            }
                        })
                        .collect()
                })
                .collect(),
        ),
        None => {
            let why = located(interp, Unknown::new(reason, describe(statements)));
            if !set.some {
                return Rows::Unknown(why);
            }
            let values = set.columns.iter();
            let values = values.map(|name| Value::unknown(why.then(&format!("[...].{name}"))));
            Rows::Like {
                row: values.collect(),
                some: true,
                why,
            }
        }
    }
}

/// A document of `json` or `jsonb`: Psycopg reads it, and where a construct knows the column's type, SQLAlchemy does.
fn json_value(text: &str, reason: Reason, what: &str) -> Value {
    let read = crate::python::json_value(text);
    read.unwrap_or_else(|| Value::unknown(Unknown::new(reason, what)))
}

fn describe(statements: &[Statement]) -> String {
    let mut tables = Vec::new();
    if let Some(Statement::Query(query)) = statements.last() {
        query_tables(query, &mut tables);
    }
    if tables.is_empty() {
        "rows of a query".to_owned()
    } else {
        format!("rows of {}", tables.join(", "))
    }
}

/// Why rows of a query are not known: a query of nothing but the system catalogs depends on the open world, one of the
/// server's own functions on its settings, any other on data.
fn reason_of(statements: &[Statement]) -> Reason {
    let Some(Statement::Query(query)) = statements.last() else {
        return Reason::Data;
    };
    let mut tables = Vec::new();
    query_tables(query, &mut tables);
    if tables.is_empty() {
        return function_reason(query);
    }
    let of_catalog = tables
        .iter()
        .all(|table| table.starts_with("pg_") || table.starts_with("information_schema."));
    if of_catalog {
        Reason::Catalog
    } else {
        Reason::Data
    }
}

fn function_reason(query: &Query) -> Reason {
    let QueryBody::Select(select) = &query.body else {
        return Reason::Data;
    };
    let text = format!("{:?}", select.targets);
    if text.contains("\"to_reg") {
        return Reason::Catalog;
    }
    let settings = [
        "\"version\"",
        "\"current_setting\"",
        "\"current_database\"",
        "\"current_user\"",
        "\"current_schema\"",
    ];
    if settings.iter().any(|name| text.contains(name)) {
        return Reason::Environment;
    }
    Reason::Data
}

fn query_tables(query: &Query, tables: &mut Vec<String>) {
    match &query.body {
        QueryBody::Select(select) => {
            for item in &select.from {
                item_tables(item, tables);
            }
        }
        QueryBody::Set { left, right, .. } => {
            query_tables(left, tables);
            query_tables(right, tables);
        }
        QueryBody::Values(_) => {}
    }
    // an EXISTS in the targets is what the query asks
    if let QueryBody::Select(select) = &query.body {
        for target in &select.targets {
            if let Expr::Exists(inner) | Expr::Subquery(inner) = &target.value {
                query_tables(inner, tables);
            }
        }
    }
}

fn item_tables(item: &FromItem, tables: &mut Vec<String>) {
    match item {
        FromItem::Table { name, .. } => {
            let name = match &name.schema {
                Some(schema) if schema != "pg_catalog" => format!("{schema}.{}", name.name),
                _ => name.name.to_string(),
            };
            if !tables.contains(&name) {
                tables.push(name);
            }
        }
        FromItem::Query { query, .. } => query_tables(query, tables),
        FromItem::Join { left, right, .. } => {
            item_tables(left, tables);
            item_tables(right, tables);
        }
        FromItem::Function { .. } => {}
    }
}

impl ResultObject {
    /// Says what `inserted_primary_key` is.
    pub fn set_inserted_key(&self, key: Value) {
        *self.inserted_key.borrow_mut() = Some(key);
    }

    /// The same objects, each in a row of its own.
    #[must_use]
    pub fn in_rows(mut self, name: SmolStr) -> Self {
        self.columns = vec![name].into();
        self.shape = Shape::Rows;
        self
    }

    /// Whether at least one row is there, of rows that are not known one by one.
    pub fn has_some(&self) -> bool {
        matches!(&*self.rows, Rows::Like { some: true, .. })
    }

    /// Names of its columns.
    pub fn columns(&self) -> &[SmolStr] {
        &self.columns
    }

    /// Whether it has rows to read.
    pub fn returns_rows(&self) -> bool {
        self.returns_rows
    }

    /// The row count as Python gets it.
    pub fn row_count(&self) -> Value {
        let counted = match (&*self.rows, self.row_count) {
            (_, Some(count)) => i64::try_from(count).ok(),
            (Rows::Known(rows), None) if self.returns_rows => i64::try_from(rows.len()).ok(),
            _ => None,
        };
        counted.map_or_else(
            || Value::unknown(Unknown::new(Reason::Data, "rowcount")),
            Value::Int,
        )
    }

    fn view(&self, shape: Shape, index: usize) -> Self {
        Self {
            columns: self.columns.clone(),
            rows: self.rows.clone(),
            position: self.position.clone(),
            shape,
            index,
            row_count: self.row_count,
            returns_rows: self.returns_rows,
            lenient: self.lenient,
            closed: self.closed.clone(),
            inserted_key: RefCell::new(None),
        }
    }

    fn present(&self, row: &[Value]) -> Value {
        match self.shape {
            Shape::Scalars => row.get(self.index).cloned().unwrap_or(Value::None),
            Shape::Rows => self.row(row, false),
            Shape::Mappings => self.row(row, true),
        }
    }

    fn row(&self, row: &[Value], mapping: bool) -> Value {
        object::value(Row {
            columns: self.columns.clone(),
            values: row.into(),
            mapping,
        })
    }

    fn check_open(&self, interp: &mut Interp) -> Eval<()> {
        if self.returns_rows || self.lenient {
            return Ok(());
        }
        Err(exceptions::raise(
            interp,
            "ResourceClosedError",
            "This result object does not return rows. It has been closed automatically.",
        ))
    }

    /// Reads up to `count` rows (`None`: all that are left), as values of its shape.
    pub fn take(
        &self,
        interp: &mut Interp,
        count: Option<usize>,
    ) -> Eval<Result<Vec<Value>, Unknown>> {
        self.check_open(interp)?;
        let rows = match &*self.rows {
            Rows::Known(rows) => rows,
            Rows::Unknown(why) | Rows::Like { why, .. } => return Ok(Err(why.clone())),
        };
        let start = self.position.get().min(rows.len());
        let end = count.map_or(rows.len(), |count| {
            start.saturating_add(count).min(rows.len())
        });
        self.position.set(end);
        Ok(Ok(rows[start..end]
            .iter()
            .map(|row| self.present(row))
            .collect()))
    }

    /// Up to `count` of the rows that are left, as Python gets them.
    pub fn list(&self, interp: &mut Interp, count: Option<usize>) -> Eval<Value> {
        Ok(match self.take(interp, count)? {
            Ok(items) => Value::list(items),
            Err(unknown) => match &*self.rows {
                // rows that are no objects are as unknown as their number
                Rows::Like { row, .. } if matches!(row.as_slice(), [Value::Instance(_)]) => {
                    let rows = Value::list(vec![self.present(row)]);
                    interp.mark_growth(&rows, unknown);
                    rows
                }
                _ => Value::unknown(unknown),
            },
        })
    }

    fn next(&self, interp: &mut Interp, suffix: &str) -> Eval<Value> {
        Ok(match self.take(interp, Some(1))? {
            Ok(items) => items.into_iter().next().unwrap_or(Value::None),
            Err(unknown) => match &*self.rows {
                Rows::Like {
                    row, some: true, ..
                } if self.position.replace(1) == 0 => self.present(row),
                _ => Value::unknown(unknown.then(suffix)),
            },
        })
    }

    fn only(&self, interp: &mut Interp, required: bool, scalar: bool) -> Eval<Value> {
        let view = if scalar {
            self.view(Shape::Scalars, self.index)
        } else {
            self.view(self.shape, self.index)
        };
        let items = match view.take(interp, None)? {
            Ok(items) => items,
            Err(unknown) => {
                return Ok(match &*self.rows {
                    Rows::Like { row, .. } if required => view.present(row),
                    _ => Value::unknown(unknown.then(".one()")),
                });
            }
        };
        let mut items = items.into_iter();
        match (items.next(), items.next()) {
            (Some(item), None) => Ok(item),
            (None, _) if required => Err(exceptions::raise(
                interp,
                "NoResultFound",
                "No row was found when one was required",
            )),
            (None, _) => Ok(Value::None),
            _ => Err(exceptions::raise(
                interp,
                "MultipleResultsFound",
                "Multiple rows were found when one or none was required",
            )),
        }
    }

    fn column_index(&self, argument: Option<&Value>) -> usize {
        match argument {
            Some(Value::Int(index)) => usize::try_from(*index).unwrap_or(0),
            Some(Value::Str(name)) => self
                .columns
                .iter()
                .position(|column| *column == *name.text)
                .unwrap_or(0),
            _ => 0,
        }
    }
}

impl Object for ResultObject {
    fn type_name(&self) -> &'static str {
        match self.shape {
            Shape::Rows => "CursorResult",
            Shape::Scalars => "ScalarResult",
            Shape::Mappings => "MappingResult",
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "fetchall",
            "all",
            "fetchone",
            "first",
            "one",
            "one_or_none",
            "scalar",
            "scalar_one",
            "scalar_one_or_none",
            "scalars",
            "mappings",
            "fetchmany",
            "keys",
            "partitions",
            "yield_per",
            "unique",
            "close",
            "freeze",
            "columns",
            "tuples",
            "next",
            "__next__",
            "merge",
            "last_inserted_params",
            "execution_options",
        ]
    }
    fn attribute(&self, _: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "rowcount" => Some(self.row_count()),
            "returns_rows" => Some(Value::Bool(self.returns_rows)),
            "closed" => Some(Value::Bool(self.closed.get() || !self.returns_rows)),
            "is_insert" => Some(Value::Bool(self.inserted_key.borrow().is_some())),
            "lastrowid" => Some(Value::unknown(Unknown::new(Reason::Data, "lastrowid"))),
            "inserted_primary_key" => {
                Some(self.inserted_key.borrow().clone().unwrap_or_else(|| {
                    Value::unknown(Unknown::new(Reason::Data, "inserted_primary_key"))
                }))
            }
            "cursor" => Some(Value::Host(this.clone())),
            _ => None,
        })
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "fetchall" | "all" => self.list(interp, None),
            "fetchmany" => {
                let count = match arguments.get(0, "size") {
                    Some(Value::Int(count)) => usize::try_from(*count).unwrap_or(0),
                    _ => 1,
                };
                self.list(interp, Some(count))
            }
            "fetchone" | "next" | "__next__" => self.next(interp, ".fetchone()"),
            "first" => {
                let first = self.next(interp, ".first()")?;
                self.position.set(usize::MAX);
                self.closed.set(true);
                Ok(first)
            }
            "one" => self.only(interp, true, false),
            "one_or_none" => self.only(interp, false, false),
            "scalar_one" => self.only(interp, true, true),
            "scalar_one_or_none" => self.only(interp, false, true),
            "scalar" => {
                let first = self
                    .view(Shape::Scalars, self.index)
                    .next(interp, ".scalar()")?;
                self.position.set(usize::MAX);
                self.closed.set(true);
                Ok(first)
            }
            "scalars" => {
                self.check_open(interp)?;
                let index = self.column_index(arguments.get(0, "index"));
                Ok(object::value(self.view(Shape::Scalars, index)))
            }
            "mappings" => {
                self.check_open(interp)?;
                Ok(object::value(self.view(Shape::Mappings, 0)))
            }
            "keys" => {
                if self.columns.is_empty() && matches!(*self.rows, Rows::Unknown(_)) {
                    return Ok(interp.unknown(Reason::Unsupported, "keys()"));
                }
                Ok(Value::list(
                    self.columns
                        .iter()
                        .map(|name| Value::str(name.as_str()))
                        .collect(),
                ))
            }
            "partitions" => {
                let size = match arguments.get(0, "size") {
                    Some(Value::Int(size)) => usize::try_from(*size).unwrap_or(1).max(1),
                    _ => usize::MAX,
                };
                Ok(match self.take(interp, None)? {
                    Ok(items) => Value::list(
                        items
                            .chunks(size)
                            .map(|part| Value::list(part.to_vec()))
                            .collect(),
                    ),
                    Err(unknown) => Value::unknown(unknown.then(".partitions()")),
                })
            }
            "close" => {
                self.closed.set(true);
                Ok(Value::None)
            }
            "columns" | "last_inserted_params" | "freeze" | "merge" => {
                Ok(interp.unknown(Reason::Unsupported, &format!("Result.{method}()")))
            }
            _ => Ok(Value::Host(this.clone())),
        }
    }
    fn iterate(&self, interp: &mut Interp, _: &HostRef) -> Eval<Value> {
        self.list(interp, None)
    }
    fn enter(&self, _: &mut Interp, this: &HostRef) -> Eval<Value> {
        Ok(Value::Host(this.clone()))
    }
    fn exit(&self, _: &mut Interp, _: &HostRef, _: Option<&Raise>) -> Eval<bool> {
        self.closed.set(true);
        Ok(false)
    }
}

/// A row: a tuple with names, or a mapping.
#[derive(Debug)]
pub struct Row {
    /// Names of its values.
    pub columns: Rc<[SmolStr]>,
    /// Its values.
    pub values: Rc<[Value]>,
    /// Read by key only: `result.mappings()`, `row._mapping`.
    pub mapping: bool,
}

impl Row {
    fn by_name(&self, name: &str) -> Option<Value> {
        let index = self.columns.iter().position(|column| column == name)?;
        self.values.get(index).cloned()
    }

    fn entries(&self) -> Vec<(&str, Value)> {
        self.columns
            .iter()
            .map(SmolStr::as_str)
            .zip(self.values.iter().cloned())
            .collect()
    }

    fn sibling(&self, mapping: bool) -> Value {
        object::value(Self {
            columns: self.columns.clone(),
            values: self.values.clone(),
            mapping,
        })
    }

    fn by_position(&self, interp: &mut Interp, index: i64) -> Eval<Value> {
        let length = self.values.len() as i64;
        let position = if index < 0 { index + length } else { index };
        usize::try_from(position)
            .ok()
            .and_then(|position| self.values.get(position).cloned())
            .ok_or_else(|| interp.error("IndexError", "tuple index out of range"))
    }
}

/// The name by which a key (a text, a column) picks a value of a row.
fn key_name(value: &Value) -> Option<SmolStr> {
    if let Some(text) = value.as_str() {
        return Some(SmolStr::new(text));
    }
    if let Some(column) = object::get::<super::schema::Column>(value) {
        return Some(column.data.borrow().name.clone());
    }
    object::get::<super::core::Element>(value).and_then(super::core::Element::name)
}

impl Object for Row {
    fn type_name(&self) -> &'static str {
        if self.mapping { "RowMapping" } else { "Row" }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "_asdict", "keys", "values", "items", "get", "count", "index", "_tuple", "tuple",
        ]
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        match name {
            "_mapping" => return Ok(Some(self.sibling(true))),
            "_fields" => {
                return Ok(Some(Value::tuple(
                    self.columns
                        .iter()
                        .map(|column| Value::str(column.as_str()))
                        .collect(),
                )));
            }
            _ => {}
        }
        if !self.mapping
            && let Some(value) = self.by_name(name)
        {
            return Ok(Some(value));
        }
        if !self.mapping && !self.methods().contains(&name) && !name.starts_with("__") {
            return Err(interp.error(
                "AttributeError",
                &format!("Could not locate column in row for column '{name}'"),
            ));
        }
        Ok(None)
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let _ = &interp;
        Ok(match method {
            "_asdict" => literal::dict(self.entries()),
            "keys" => Value::list(
                self.columns
                    .iter()
                    .map(|column| Value::str(column.as_str()))
                    .collect(),
            ),
            "values" => Value::list(self.values.to_vec()),
            "items" => Value::list(
                self.entries()
                    .into_iter()
                    .map(|(name, value)| Value::tuple(vec![Value::str(name), value]))
                    .collect(),
            ),
            "get" => arguments
                .positional
                .first()
                .and_then(key_name)
                .and_then(|name| self.by_name(&name))
                .or_else(|| arguments.get(1, "default").cloned())
                .unwrap_or(Value::None),
            "tuple" | "_tuple" => Value::Tuple(self.values.clone()),
            _ => interp.unknown(Reason::Unsupported, &format!("Row.{method}()")),
        })
    }
    fn item(&self, interp: &mut Interp, _: &HostRef, index: &Value) -> Eval<Value> {
        match index {
            Value::Int(index) if !self.mapping => self.by_position(interp, *index),
            Value::Bool(index) if !self.mapping => self.by_position(interp, i64::from(*index)),
            Value::Unknown(unknown) => Ok(Value::unknown(unknown.then("[...]"))),
            _ => match key_name(index) {
                // SQLAlchemy 2.0 refuses row["x"]; 1.4 gives the value
                Some(_) if !self.mapping && interp.host.settings.sqlalchemy.0 >= 2 => Err(interp
                    .error(
                        "TypeError",
                        "tuple indices must be integers or slices, not str",
                    )),
                Some(name) => match self.by_name(&name) {
                    Some(value) => Ok(value),
                    None => Err(exceptions::raise(
                        interp,
                        "NoSuchColumnError",
                        &format!("Could not locate column in row for column '{name}'"),
                    )),
                },
                None => Ok(interp.unknown(Reason::Unsupported, "row[...]")),
            },
        }
    }
    fn iterate(&self, _: &mut Interp, _: &HostRef) -> Eval<Value> {
        if self.mapping {
            return Ok(Value::list(
                self.columns
                    .iter()
                    .map(|column| Value::str(column.as_str()))
                    .collect(),
            ));
        }
        Ok(Value::Tuple(self.values.clone()))
    }
    fn operator(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        operator: HostOperator,
        other: &Value,
        _: bool,
    ) -> Eval<Option<Value>> {
        let negated = match operator {
            HostOperator::Equal => false,
            HostOperator::NotEqual => true,
            _ => return Ok(None),
        };
        let other = match object::get::<Self>(other) {
            Some(row) => Value::Tuple(row.values.clone()),
            None => other.clone(),
        };
        let mine = if self.mapping {
            literal::dict(self.entries())
        } else {
            Value::Tuple(self.values.clone())
        };
        Ok(Some(match interp.equal(&mine, &other) {
            Some(equal) => Value::Bool(equal != negated),
            None => interp.unknown(Reason::Data, "row == ..."),
        }))
    }
    fn truth(&self, _: &mut Interp, _: &HostRef) -> Eval<Truth> {
        Ok(Truth::Known(!self.values.is_empty()))
    }
    fn length(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<usize>> {
        Ok(Some(self.values.len()))
    }
    fn contains(&self, interp: &mut Interp, _: &HostRef, item: &Value) -> Eval<Truth> {
        if self.mapping {
            return Ok(match key_name(item) {
                Some(name) => Truth::Known(self.columns.contains(&name)),
                None => Truth::Unknown(Unknown::new(Reason::Unsupported, "... in row")),
            });
        }
        let mut unsure = false;
        for value in self.values.iter() {
            match interp.equal(value, item) {
                Some(true) => return Ok(Truth::Known(true)),
                Some(false) => {}
                None => unsure = true,
            }
        }
        Ok(if unsure {
            Truth::Unknown(Unknown::new(Reason::Data, "... in row"))
        } else {
            Truth::Known(false)
        })
    }
}
