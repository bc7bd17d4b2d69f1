//! INSERT, UPDATE and DELETE as SQLAlchemy constructs.

use std::any::Any;
use std::rc::Rc;

use smol_str::SmolStr;

use super::convert::{
    bound_value, column_name, column_of_attribute, convert, flatten, merge_sources,
};
use super::operators::{conjunction, query_of};
use super::select::common_tables;
use super::{Element, Source, substitute};
use crate::alembic::object::{self, Interp, Object, function};
use crate::alembic::schema::{Column, Table};
use crate::alembic::{exceptions, literal, orm};
use crate::postgres::expression::{FromItem, QueryBody, Target};
use crate::postgres::statement::{
    Assignment, ConflictAction, ConflictTarget, Delete, Insert, InsertSource, OnConflict, Update,
};
use crate::postgres::{Datum, Expr, Name, Query, Statement};
use crate::python::{Arguments, Class, Eval, HostRef, Value};
use crate::unknown::Reason;

/// Names of this file.
pub fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "insert" => function("Insert", |interp, arguments| {
            of_call(interp, &arguments, Kind::Insert)
        }),
        "update" => function("Update", |interp, arguments| {
            of_call(interp, &arguments, Kind::Update)
        }),
        "delete" => function("Delete", |interp, arguments| {
            of_call(interp, &arguments, Kind::Delete)
        }),
        _ => return None,
    })
}

/// Which of the three statements.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Kind {
    Insert,
    Update,
    Delete,
}

/// One row of values: column key and value.
type Row = Vec<(SmolStr, Value)>;

/// `insert(t)`, `update(t)`, `delete(t)` with their clauses.
#[derive(Clone, Debug)]
pub struct Change {
    kind: Kind,
    /// The Table.
    table: Value,
    /// The model, where that is what it was made for: values may be named by its attributes.
    model: Option<Rc<Class>>,
    rows: Vec<Row>,
    /// Values were given that can't be read.
    unknown_values: bool,
    from_select: Option<(Vec<SmolStr>, Value)>,
    includes_defaults: bool,
    filter: Vec<Expr>,
    sources: Vec<Source>,
    returning: Vec<Target>,
    on_conflict: Option<OnConflict>,
}

fn of_call(interp: &mut Interp, arguments: &Arguments, kind: Kind) -> Eval<Value> {
    let Some(subject) = arguments.get(0, "table").cloned() else {
        return Err(interp.error(
            "TypeError",
            "missing 1 required positional argument: 'table'",
        ));
    };
    let Some(table) = orm::table_of(&subject) else {
        return Ok(interp.unknown(Reason::Unsupported, "a table that can't be read"));
    };
    let mut rest = arguments.clone();
    if !rest.positional.is_empty() {
        rest.positional.remove(0);
    }
    begin(interp, Change::new(kind, table).of_model(&subject), &rest)
}

/// `table.insert(values)`, `table.update(whereclause, values)`, `table.delete(whereclause)`.
pub fn start(interp: &mut Interp, table: Value, kind: Kind, arguments: &Arguments) -> Eval<Value> {
    begin(interp, Change::new(kind, table), arguments)
}

fn begin(interp: &mut Interp, mut change: Change, arguments: &Arguments) -> Eval<Value> {
    let (filter, values) = match change.kind {
        Kind::Insert => (None, arguments.get(0, "values")),
        Kind::Update => (arguments.get(0, "whereclause"), arguments.get(1, "values")),
        Kind::Delete => (arguments.get(0, "whereclause"), None),
    };
    if let Some(filter) = filter.cloned() {
        change.add_filter(interp, &filter)?;
    }
    if let Some(values) = values.cloned() {
        change.add_values(interp, &values)?;
    }
    Ok(object::value(change))
}

impl Change {
    /// A statement without clauses.
    pub fn new(kind: Kind, table: Value) -> Self {
        Self {
            kind,
            table,
            model: None,
            rows: Vec::new(),
            unknown_values: false,
            from_select: None,
            includes_defaults: true,
            filter: Vec::new(),
            sources: Vec::new(),
            returning: Vec::new(),
            on_conflict: None,
        }
    }

    /// The same for a model, if the value is one.
    #[must_use]
    pub fn of_model(mut self, value: &Value) -> Self {
        if let Value::Class(class) = value {
            self.model = Some(class.clone());
        }
        self
    }

    /// Its kind.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    fn name(&self) -> Name {
        object::get::<Table>(&self.table)
            .map(|table| table.data.borrow().name.clone())
            .unwrap_or_default()
    }

    fn alias(&self) -> Option<SmolStr> {
        object::get::<Table>(&self.table).and_then(|table| table.data.borrow().alias.clone())
    }

    /// The column objects of its table.
    fn columns(&self) -> Vec<Value> {
        object::get::<Table>(&self.table)
            .map(|table| table.data.borrow().columns.clone())
            .unwrap_or_default()
    }

    /// Adds a condition.
    pub fn add_filter(&mut self, interp: &mut Interp, value: &Value) -> Eval<()> {
        if value.is_none() {
            return Ok(());
        }
        let converted = convert(interp, value)?;
        merge_sources(&mut self.sources, converted.sources);
        self.filter.push(converted.expr);
        Ok(())
    }

    /// Adds conditions and what they need in FROM, converted already.
    pub fn restrict(&mut self, filter: Vec<Expr>, sources: Vec<Source>) {
        self.filter.extend(filter);
        merge_sources(&mut self.sources, sources);
    }

    /// `.values(...)`: a dict, a list of dicts or tuples, one tuple.
    pub fn add_values(&mut self, interp: &mut Interp, values: &Value) -> Eval<()> {
        match values {
            Value::None => {}
            Value::Dict(_) => match row_of(interp, values) {
                Some(row) => self.merge_row(row),
                None => self.unknown_values = true,
            },
            Value::List(_) | Value::Tuple(_) => {
                let Ok(items) = interp.items(values)? else {
                    self.unknown_values = true;
                    return Ok(());
                };
                let names = self.column_keys();
                let is_row = !items.iter().any(|item| {
                    matches!(
                        item,
                        Value::Dict(_) | Value::Tuple(_) | Value::List(_) | Value::Unknown(_)
                    )
                });
                if is_row && self.kind == Kind::Insert {
                    let row = names.into_iter().zip(items).collect();
                    self.rows.push(row);
                    return Ok(());
                }
                for item in items {
                    match &item {
                        Value::Dict(_) => match row_of(interp, &item) {
                            Some(row) => self.rows.push(row),
                            None => self.unknown_values = true,
                        },
                        Value::Tuple(_) | Value::List(_) => match interp.items(&item)? {
                            // update().values([(column, value)]) is ordered_values' form
                            Ok(pair) if self.kind == Kind::Update => {
                                if let [key, value] = pair.as_slice()
                                    && let Some(key) = column_name(key)
                                {
                                    self.merge_row(vec![(key, value.clone())]);
                                }
                            }
                            Ok(values) => {
                                self.rows.push(names.iter().cloned().zip(values).collect());
                            }
                            Err(_) => self.unknown_values = true,
                        },
                        _ => self.unknown_values = true,
                    }
                }
            }
            _ => self.unknown_values = true,
        }
        Ok(())
    }

    fn merge_row(&mut self, row: Row) {
        let Some(first) = self.rows.first_mut() else {
            self.rows.push(row);
            return;
        };
        for (key, value) in row {
            match first.iter_mut().find(|(known, _)| *known == key) {
                Some((_, slot)) => *slot = value,
                None => first.push((key, value)),
            }
        }
    }

    fn column_keys(&self) -> Vec<SmolStr> {
        self.columns()
            .iter()
            .filter_map(|column| {
                let column = object::get::<Column>(column)?;
                let data = column.data.borrow();
                Some(data.key.clone().unwrap_or_else(|| data.name.clone()))
            })
            .collect()
    }

    /// The column of a key, or of an attribute of the model.
    fn column_of(&self, key: &str) -> Option<Value> {
        let named = |key: &str| {
            self.columns().into_iter().find(|column| {
                object::get::<Column>(column).is_some_and(|column| {
                    let data = column.data.borrow();
                    data.key.as_deref() == Some(key) || data.name == key
                })
            })
        };
        named(key).or_else(|| named(&column_of_attribute(self.model.as_ref()?, key)?))
    }

    fn column_name_of(&self, key: &str) -> SmolStr {
        self.column_of(key)
            .as_ref()
            .and_then(column_name)
            .unwrap_or_else(|| SmolStr::new(key))
    }

    /// Whether the table is wholly known and has no column of a key.
    fn lacks(&self, key: &str) -> bool {
        let known = object::get::<Table>(&self.table).is_some_and(|table| {
            let data = table.data.borrow();
            !data.incomplete && !data.columns.is_empty()
        });
        known && self.column_of(key).is_none() && !crate::unknown::has_hole(key)
    }

    /// Whether a key of `values()` names a column that the table, wholly known, does not have: SQLAlchemy's CompileError.
    fn check_keys(&self, interp: &mut Interp, row: &Row) -> Eval<()> {
        for (key, _) in row {
            if self.lacks(key) {
                return Err(exceptions::raise(
                    interp,
                    "CompileError",
                    &format!("Unconsumed column names: {key}"),
                ));
            }
        }
        Ok(())
    }

    /// The statement, with rows given to `execute`.
    pub fn statement(&self, interp: &mut Interp, parameters: &[Row]) -> Eval<Statement> {
        match self.kind {
            Kind::Insert => self.insert(interp, parameters),
            Kind::Update => self.update(interp, parameters.first()),
            Kind::Delete => {
                let (with, using) = self.more_sources();
                Ok(Statement::Delete(Box::new(Delete {
                    with,
                    table: self.name(),
                    alias: self.alias(),
                    using,
                    filter: self.correlated_filter(),
                    returning: self.returning.clone(),
                })))
            }
        }
    }

    fn own_source(&self) -> FromItem {
        FromItem::Table {
            name: self.name(),
            alias: self.alias(),
            columns: Vec::new(),
        }
    }

    fn more_sources(&self) -> (Vec<crate::postgres::expression::CommonTable>, Vec<FromItem>) {
        let own = self.own_source();
        let items = self
            .sources
            .iter()
            .map(|source| source.item.clone())
            .filter(|item| *item != own)
            .collect();
        (common_tables(&self.sources), items)
    }

    fn correlated_filter(&self) -> Option<Expr> {
        if self.filter.is_empty() {
            return None;
        }
        let mut filter = conjunction(self.filter.clone());
        substitute::correlate(&mut filter, &[self.own_source()]);
        Some(filter)
    }

    fn update(&self, interp: &mut Interp, parameters: Option<&Row>) -> Eval<Statement> {
        let mut row = self.rows.first().cloned().unwrap_or_default();
        for (key, value) in parameters.into_iter().flatten() {
            // a parameter that names a column sets it; others are bind parameters
            if self.column_of(key).is_some() && !row.iter().any(|(known, _)| known == key) {
                row.push((key.clone(), value.clone()));
            }
        }
        self.check_keys(interp, &row)?;
        let mut sources = self.sources.clone();
        let mut assignments = Vec::with_capacity(row.len());
        for (key, value) in &row {
            let column = self.column_of(key);
            let mut expr = if let Value::Host(_) = value {
                let converted = convert(interp, value)?;
                merge_sources(&mut sources, converted.sources);
                converted.expr
            } else {
                bound_value(interp, column.as_ref(), value)?
            };
            substitute::correlate(&mut expr, &[self.own_source()]);
            assignments.push(Assignment {
                column: self.column_name_of(key),
                value: expr,
            });
        }
        let whole = Self {
            sources,
            ..self.clone()
        };
        let (with, from) = whole.more_sources();
        if self.unknown_values && assignments.is_empty() {
            return Ok(Statement::Unreadable {
                why: "values of an UPDATE that can't be known".into(),
                data: true,
            });
        }
        Ok(Statement::Update(Box::new(Update {
            with,
            table: self.name(),
            alias: self.alias(),
            assignments,
            from,
            filter: self.correlated_filter(),
            returning: self.returning.clone(),
        })))
    }

    fn insert(&self, interp: &mut Interp, parameters: &[Row]) -> Eval<Statement> {
        if let Some((columns, select)) = &self.from_select {
            let query = query_of(interp, select)?;
            let Some(query) = query else {
                return Ok(Statement::Unreadable {
                    why: "the SELECT of an INSERT that can't be read".into(),
                    data: true,
                });
            };
            return self.insert_query(interp, columns.clone(), query);
        }
        let mut rows = self.rows.clone();
        if let Some(first) = rows.first() {
            self.check_keys(interp, first)?;
        }
        if !parameters.is_empty() {
            let base = rows.first().cloned().unwrap_or_default();
            rows = parameters
                .iter()
                .map(|row| {
                    let mut merged = base.clone();
                    // what is given to `execute` and is no column is left out
                    for (key, value) in row.iter().filter(|(key, _)| !self.lacks(key)) {
                        match merged.iter_mut().find(|(known, _)| known == key) {
                            Some((_, slot)) => *slot = value.clone(),
                            None => merged.push((key.clone(), value.clone())),
                        }
                    }
                    merged
                })
                .collect();
        }
        if rows.is_empty() && self.unknown_values {
            return Ok(Statement::Unreadable {
                why: "rows of an INSERT that can't be known".into(),
                data: true,
            });
        }
        if rows.is_empty() {
            rows.push(Row::new());
        }
        let first = rows[0].clone();
        let mut keys: Vec<SmolStr> = first.iter().map(|(key, _)| key.clone()).collect();
        let defaults = self.defaults(interp, &keys)?;
        keys.extend(defaults.iter().map(|(key, _)| key.clone()));
        if keys.is_empty() {
            return Ok(self.insert_of(Vec::new(), InsertSource::DefaultValues));
        }
        let mut values = Vec::with_capacity(rows.len());
        for row in &rows {
            let mut exprs = Vec::with_capacity(keys.len());
            for key in &keys {
                let given = row
                    .iter()
                    .find(|(known, _)| known == key)
                    .map(|(_, value)| value.clone());
                let value = match given {
                    Some(value) => value,
                    None => match defaults.iter().find(|(known, _)| known == key) {
                        Some((_, default)) => default_value(interp, default)?,
                        None => interp.unknown(Reason::Data, key),
                    },
                };
                exprs.push(bound_value(interp, self.column_of(key).as_ref(), &value)?);
            }
            values.push(exprs);
        }
        let columns = keys.iter().map(|key| self.column_name_of(key)).collect();
        Ok(self.insert_of(columns, InsertSource::Values(values)))
    }

    /// INSERT ... SELECT: what has a default of Python's side and is not named is selected too.
    fn insert_query(
        &self,
        interp: &mut Interp,
        mut columns: Vec<SmolStr>,
        mut query: Query,
    ) -> Eval<Statement> {
        if let QueryBody::Select(select) = &mut query.body
            && self.includes_defaults
        {
            for (key, default) in self.defaults(interp, &columns)? {
                let value = default_value(interp, &default)?;
                select.targets.push(Target {
                    value: bound_value(interp, self.column_of(&key).as_ref(), &value)?,
                    alias: None,
                });
                columns.push(self.column_name_of(&key));
            }
        }
        Ok(self.insert_of(columns, InsertSource::Query(Box::new(query))))
    }

    fn insert_of(&self, columns: Vec<SmolStr>, source: InsertSource) -> Statement {
        Statement::Insert(Box::new(Insert {
            with: common_tables(&self.sources),
            table: self.name(),
            columns,
            in_parts: Vec::new(),
            source,
            on_conflict: self.on_conflict.clone(),
            overriding: false,
            returning: self.returning.clone(),
        }))
    }

    /// Columns that are not given and have a default of Python's side or a sequence, by key.
    fn defaults(&self, interp: &mut Interp, given: &[SmolStr]) -> Eval<Vec<(SmolStr, Value)>> {
        let given: Vec<SmolStr> = given.iter().map(|key| self.column_name_of(key)).collect();
        let mut found = Vec::new();
        for column in self.columns() {
            let Some(column) = object::get::<Column>(&column) else {
                continue;
            };
            let data = column.data.borrow();
            if given.contains(&data.name) {
                continue;
            }
            if let Some(default) = data.own_default(interp)? {
                found.push((
                    data.key.clone().unwrap_or_else(|| data.name.clone()),
                    default,
                ));
            }
        }
        Ok(found)
    }

    fn returning(&mut self, interp: &mut Interp, columns: &[Value]) -> Eval<()> {
        for column in flatten(interp, columns)? {
            if orm::table_of(&column).is_some() {
                self.returning.push(Target {
                    value: Expr::Star {
                        qualifier: Vec::new(),
                    },
                    alias: None,
                });
                continue;
            }
            let converted = convert(interp, &column)?;
            self.returning.push(Target {
                value: converted.expr,
                alias: converted.label,
            });
        }
        Ok(())
    }

    fn conflict_target(interp: &mut Interp, arguments: &Arguments) -> Eval<Option<ConflictTarget>> {
        if let Some(constraint) = arguments.named("constraint").or_else(|| {
            arguments
                .positional
                .first()
                .filter(|value| value.as_str().is_some())
        }) {
            let name = match constraint.as_str() {
                Some(name) => SmolStr::new(name),
                None => match interp.attribute_or_none(&constraint.clone(), "name")? {
                    Some(name) => SmolStr::new(name.as_str().unwrap_or("\u{F8FF}")),
                    None => SmolStr::new_static("\u{F8FF}"),
                },
            };
            return Ok(Some(ConflictTarget::Constraint(name)));
        }
        let Some(elements) = arguments.get(1, "index_elements").cloned() else {
            return Ok(None);
        };
        if elements.is_none() {
            return Ok(None);
        }
        let mut exprs = Vec::new();
        for element in flatten(interp, std::slice::from_ref(&elements))? {
            exprs.push(match column_name(&element) {
                Some(name) => Expr::column(&name),
                None => super::expression(interp, &element)?,
            });
        }
        let filter = match arguments.named("index_where").cloned() {
            Some(filter) if !filter.is_none() => Some(super::expression(interp, &filter)?),
            _ => None,
        };
        Ok(Some(ConflictTarget::Elements {
            elements: exprs,
            filter,
        }))
    }

    fn on_conflict(
        &mut self,
        interp: &mut Interp,
        method: &str,
        arguments: &Arguments,
    ) -> Eval<()> {
        let target = Self::conflict_target(interp, arguments)?;
        let action = if method == "on_conflict_do_nothing" {
            ConflictAction::Nothing
        } else {
            let mut assignments = Vec::new();
            let set = arguments.get(2, "set_").cloned().unwrap_or(Value::None);
            match row_of(interp, &set) {
                Some(row) => {
                    for (key, value) in row {
                        let expr = bound_value(interp, self.column_of(&key).as_ref(), &value)?;
                        assignments.push(Assignment {
                            column: self.column_name_of(&key),
                            value: expr,
                        });
                    }
                }
                None => assignments.push(Assignment {
                    column: SmolStr::new_static("\u{F8FF}"),
                    value: Expr::Value(Datum::Unknown),
                }),
            }
            let filter = match arguments.named("where").cloned() {
                Some(filter) if !filter.is_none() => Some(super::expression(interp, &filter)?),
                _ => None,
            };
            ConflictAction::Update {
                assignments,
                filter,
            }
        };
        self.on_conflict = Some(OnConflict { target, action });
        Ok(())
    }
}

/// A dict's entries by column key; `None`: it is no dict with keys that can be read.
pub fn row_of(interp: &mut Interp, value: &Value) -> Option<Row> {
    let Value::Dict(entries) = value else {
        return None;
    };
    entries
        .borrow()
        .iter()
        .map(|(key, value)| {
            let key = literal::key_value(interp, key);
            Some((column_name(&key)?, value.clone()))
        })
        .collect()
}

/// What SQLAlchemy puts in a row for a column's default: a constant, an expression, or what a function returns.
pub fn default_value(interp: &mut Interp, default: &Value) -> Eval<Value> {
    let is_callable = match default {
        Value::Function(_)
        | Value::Method { .. }
        | Value::Builtin(_)
        | Value::BuiltinMethod { .. } => true,
        Value::Class(_) => true,
        Value::Host(_) => {
            object::get::<Element>(default).is_none()
                && object::get::<crate::alembic::object::NativeFunction>(default).is_some()
        }
        _ => false,
    };
    if !is_callable {
        return Ok(default.clone());
    }
    let called = interp.call(default, Arguments::default());
    match called {
        Ok(value) => Ok(value),
        Err(raised) if raised.bound => Err(raised),
        // a default may want the execution context
        Err(_) => Ok(interp.unknown(Reason::Unsupported, "default of a column")),
    }
}

impl Object for Change {
    fn type_name(&self) -> &'static str {
        match self.kind {
            Kind::Insert => "Insert",
            Kind::Update => "Update",
            Kind::Delete => "Delete",
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "values",
            "where",
            "filter",
            "filter_by",
            "from_select",
            "returning",
            "return_defaults",
            "on_conflict_do_nothing",
            "on_conflict_do_update",
            "ordered_values",
            "execution_options",
            "prefix_with",
            "with_hint",
            "inline",
            "compile",
            "params",
            "correlate",
            "cte",
            "prefix",
            "on_duplicate_key_update",
        ]
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "excluded" => Some(object::value(Excluded)),
            "table" => Some(self.table.clone()),
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
        let mut next = self.clone();
        match method {
            "values" | "ordered_values" => {
                if method == "ordered_values" {
                    next.add_values(interp, &Value::list(arguments.positional.clone()))?;
                } else if let Some(values) = arguments.positional.first() {
                    next.add_values(interp, values)?;
                }
                if !arguments.keyword.is_empty() {
                    next.merge_row(arguments.keyword.clone());
                }
                if arguments.incomplete {
                    next.unknown_values = true;
                }
            }
            "where" | "filter" => {
                for condition in &arguments.positional {
                    next.add_filter(interp, condition)?;
                }
            }
            "filter_by" => {
                for (name, value) in &arguments.keyword {
                    let right = super::expression(interp, value)?;
                    let column = Expr::column(&self.column_name_of(name));
                    next.filter
                        .push(super::operators::binary_expr("=", column, right));
                }
            }
            "from_select" => {
                let names = match arguments.get(0, "names").cloned() {
                    Some(names) => flatten(interp, &[names])?,
                    None => Vec::new(),
                };
                let columns = names
                    .iter()
                    .filter_map(column_name)
                    .map(|name| self.column_name_of(&name))
                    .collect();
                let select = arguments.get(1, "select").cloned().unwrap_or(Value::None);
                next.from_select = Some((columns, select));
                if let Some(flag) = arguments.get(2, "include_defaults").cloned() {
                    next.includes_defaults = interp.truth(&flag)?;
                }
            }
            "returning" => next.returning(interp, &arguments.positional)?,
            "on_conflict_do_nothing" | "on_conflict_do_update" => {
                next.on_conflict(interp, method, &arguments)?;
            }
            "compile" | "cte" | "on_duplicate_key_update" => {
                return Ok(interp.unknown(Reason::Unsupported, &format!("{method}()")));
            }
            _ => return Ok(Value::Host(this.clone())),
        }
        Ok(object::value(next))
    }
    fn string(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<Rc<str>>> {
        Ok(None)
    }
}

/// `insert.excluded`: the row proposed for insertion.
#[derive(Debug)]
struct Excluded;

impl Excluded {
    fn column(name: &str) -> Value {
        Element::new(Expr::Column {
            qualifier: vec![SmolStr::new_static("excluded")],
            name: SmolStr::new(name),
        })
        .value()
    }
}

impl Object for Excluded {
    fn type_name(&self) -> &'static str {
        "ReadOnlyColumnCollection"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((!name.starts_with("__")).then(|| Self::column(name)))
    }
    fn item(&self, interp: &mut Interp, _: &HostRef, index: &Value) -> Eval<Value> {
        Ok(match column_name(index) {
            Some(name) => Self::column(&name),
            None => interp.unknown(Reason::Unsupported, "excluded[...]"),
        })
    }
}

/// An INSERT of rows (a list of dicts) into a table: what `op.bulk_insert` and an ORM flush send.
pub fn insert_rows(interp: &mut Interp, table: &Value, rows: &Value) -> Eval<Statement> {
    let own = orm::table_of(table).unwrap_or_else(|| table.clone());
    let mut change = Change::new(Kind::Insert, own).of_model(table);
    match rows {
        Value::List(_) | Value::Tuple(_) => change.add_values(interp, rows)?,
        Value::Dict(_) => change.add_values(interp, rows)?,
        _ => change.unknown_values = true,
    }
    change.statement(interp, &[])
}
