//! `sa.Table` and `sa.table`: made of their arguments, asked for their columns, created and dropped.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use indexmap::IndexMap;
use smol_str::SmolStr;

use super::build::{self, Creation};
use super::constraint::{Constraint, ForeignKey, Shape};
use super::events;
use super::generated::{Sequence, relation_exists};
use super::index::Index;
use super::metadata::MetaData;
use super::{Column, Table, TableData};
use crate::alembic::arguments::{hole, items_of, name_of};
use crate::alembic::bridge;
use crate::alembic::environment::{DriverCall, Environment};
use crate::alembic::exceptions;
use crate::alembic::naming::GivenName;
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::types::enumeration::{self, Enumeration, TableCreation};
use crate::postgres::statement::{Drop, DropTarget};
use crate::postgres::{Name, ObjectKind, Statement};
use crate::python::{Arguments, Eval, HostRef, Key, Truth, Value};
use crate::unknown::Reason;

pub(super) fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "Table" => object::function("Table", table),
        "table" | "TableClause" => object::function("Table", light_table),
        _ => return None,
    })
}

/// The parts of a table from positional items: columns, constraints, indexes; lists among them are not spread.
pub fn collect(data: &mut TableData, items: &[Value]) {
    for item in items {
        if let Some(column) = object::get::<Column>(item) {
            // a column of another table is copied, as Alembic does
            if column.data.borrow().table.is_some() {
                let mut copy = column.data.borrow().clone();
                copy.table = Some(data.name.clone());
                copy.indexes.clear();
                replace_column(data, &Column::value(copy));
                continue;
            }
            column.data.borrow_mut().table = Some(data.name.clone());
            replace_column(data, item);
        } else if object::get::<Constraint>(item).is_some() {
            data.constraints.push(item.clone());
        } else if object::get::<Index>(item).is_some() {
            data.indexes.push(item.clone());
        } else if !item.is_none() {
            data.incomplete = true;
        }
    }
}

/// The indexes that were made of a table's columns after it was defined.
pub(super) fn indexes_of_columns(data: &TableData) -> Vec<Value> {
    data.columns
        .iter()
        .filter_map(object::get::<Column>)
        .flat_map(|column| column.data.borrow().indexes.clone())
        .collect()
}

/// A column of the same name replaces the one before, as `append_column` does.
fn replace_column(data: &mut TableData, item: &Value) {
    let name = |value: &Value| build::column_data(value).map(|column| column.name);
    let own = name(item);
    match data.columns.iter().position(|known| name(known) == own) {
        Some(position)
            if own
                .as_deref()
                .is_some_and(|name| !crate::unknown::has_hole(name)) =>
        {
            data.columns[position] = item.clone();
        }
        _ => data.columns.push(item.clone()),
    }
}

fn table(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let name = match arguments.get(0, "name").cloned() {
        Some(name) => name_of(interp, &name)?.unwrap_or_else(hole),
        None => hole(),
    };
    let metadata = arguments.get(1, "metadata").cloned();
    let mut schema = match arguments.named("schema").cloned() {
        Some(schema) => name_of(interp, &schema)?,
        None => None,
    };
    if schema.is_none()
        && arguments.named("schema").is_none()
        && let Some(metadata) = &metadata
    {
        schema = super::metadata_schema(metadata);
    }
    let name = Name::qualified(schema.as_deref(), name);
    let items = arguments.positional.get(2..).unwrap_or_default().to_vec();
    let extend = match arguments
        .named("extend_existing")
        .or_else(|| arguments.named("keep_existing"))
        .cloned()
    {
        Some(flag) => interp.truth(&flag)?,
        None => false,
    };
    let known = metadata
        .as_ref()
        .and_then(object::get::<MetaData>)
        .and_then(|metadata| metadata.table(&name));
    let value = match known {
        Some(known) => {
            if !items.is_empty() && !extend {
                let message = format!(
                    "Table '{name}' is already defined for this MetaData instance.  Specify 'extend_existing=True' to redefine options and columns on an existing Table object."
                );
                return Err(exceptions::raise(interp, "InvalidRequestError", &message));
            }
            known
        }
        None => object::value(Table::of(TableData {
            name: name.clone(),
            metadata: metadata.clone(),
            ..TableData::default()
        })),
    };
    let Some(made) = object::get::<Table>(&value) else {
        return Ok(value);
    };
    let autoload = arguments
        .named("autoload_with")
        .or_else(|| arguments.named("autoload"))
        .is_some_and(|value| !matches!(value, Value::None | Value::Bool(false)));
    if autoload {
        bridge::reflect_table(interp, &value)?;
    }
    if !extend && !autoload {
        refuse_twice(interp, &name, &items)?;
    }
    {
        let mut data = made.data.borrow_mut();
        collect(&mut data, &items);
        data.incomplete |= arguments.incomplete;
    }
    options(interp, made, &arguments.keyword)?;
    if let Some(metadata) = metadata.as_ref().and_then(object::get::<MetaData>) {
        metadata.add(&name, value.clone());
    }
    Ok(value)
}

/// Since 2.0 a table refuses a second column of a name; before, the later one was taken.
pub fn refuse_twice(interp: &mut Interp, table: &Name, items: &[Value]) -> Eval<()> {
    if interp.host.settings.sqlalchemy.0 < 2 {
        return Ok(());
    }
    let mut names: Vec<SmolStr> = Vec::new();
    for column in items.iter().filter_map(build::column_data) {
        let name = column.name;
        if names.contains(&name) && !name.is_empty() && !crate::unknown::has_hole(&name) {
            let message = format!(
                "A column with name '{name}' is already present in table '{}'. Specify replace_existing=True to Table.append_column() to replace an existing column.",
                table.name
            );
            return Err(exceptions::raise(interp, "DuplicateColumnError", &message));
        }
        names.push(name);
    }
    Ok(())
}

fn options(interp: &mut Interp, table: &Table, keywords: &[(SmolStr, Value)]) -> Eval<()> {
    for (keyword, value) in keywords {
        match keyword.as_str() {
            "comment" => {
                table.data.borrow_mut().comment = Some(value.clone()).filter(|v| !v.is_none());
            }
            "prefixes" => {
                let (prefixes, _) = items_of(interp, value)?;
                for prefix in &prefixes {
                    let prefix = name_of(interp, prefix)?.unwrap_or_default();
                    table.data.borrow_mut().prefixes.push(prefix);
                }
            }
            _ => {}
        }
    }
    Ok(())
}

/// A table object of a name, columns and options, as operations make it.
pub fn make(
    interp: &mut Interp,
    name: Name,
    items: &[Value],
    keywords: &[(SmolStr, Value)],
) -> Eval<Value> {
    let mut data = TableData {
        name,
        ..TableData::default()
    };
    collect(&mut data, items);
    let table = Table::of(data);
    options(interp, &table, keywords)?;
    Ok(object::value(table))
}

/// `table(name, *columns, schema=None)`.
fn light_table(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let name = match arguments.get(0, "name").cloned() {
        Some(name) => name_of(interp, &name)?.unwrap_or_else(hole),
        None => hole(),
    };
    let schema = match arguments.named("schema").cloned() {
        Some(schema) => name_of(interp, &schema)?,
        None => None,
    };
    let items = arguments.positional.get(1..).unwrap_or_default();
    let value = make(interp, Name::qualified(schema.as_deref(), name), items, &[])?;
    if let Some(table) = object::get::<Table>(&value) {
        table.data.borrow_mut().incomplete |= arguments.incomplete;
    }
    Ok(value)
}

/// `DROP TABLE`.
pub fn drop_statement(name: &Name, if_exists: bool) -> Statement {
    Statement::Drop(Box::new(Drop {
        kind: ObjectKind::Table,
        targets: vec![DropTarget {
            name: name.clone(),
            member: None,
            arguments: None,
        }],
        if_exists,
        cascade: false,
        concurrently: false,
    }))
}

/// The convention of a table's own metadata.
pub fn convention_of(data: &TableData) -> Option<std::collections::BTreeMap<String, String>> {
    let metadata = data.metadata.as_ref().and_then(object::get::<MetaData>)?;
    Some(metadata.convention())
}

/// How a table is made by SQLAlchemy itself.
pub struct Making {
    /// The call that it comes of.
    pub origin: &'static str,
    /// Look first whether a thing is there.
    pub checkfirst: bool,
    /// Its foreign keys are made later.
    pub without_keys: bool,
}

/// Makes a table with its sequences, enum types, indexes and comments, and calls what listens to that.
pub fn create(
    interp: &mut Interp,
    table: &Value,
    making: &Making,
    made_types: &mut Vec<Name>,
) -> Eval<()> {
    let Some(found) = object::get::<Table>(table) else {
        return Ok(());
    };
    let checkfirst = making.checkfirst;
    events::fire(interp, table, "before_create", None, checkfirst)?;
    let data = found.data.borrow().clone();
    for sequence in sequences(&data) {
        run_sequence(interp, making.origin, &sequence, true, checkfirst)?;
    }
    let convention = convention_of(&data);
    let creation = Creation {
        by: TableCreation::Schema { checkfirst },
        if_not_exists: false,
        convention: convention.as_ref(),
        without_keys: making.without_keys,
        keywords: &[],
    };
    let statements = build::create_table(interp, &data, &creation, made_types)?;
    run(interp, making.origin, statements, checkfirst)?;
    events::fire(interp, table, "after_create", None, checkfirst)
}

/// Drops a table, and calls what listens to that.
pub fn drop(
    interp: &mut Interp,
    table: &Value,
    origin: &'static str,
    checkfirst: bool,
) -> Eval<()> {
    let Some(found) = object::get::<Table>(table) else {
        return Ok(());
    };
    events::fire(interp, table, "before_drop", None, checkfirst)?;
    let statement = drop_statement(&found.data.borrow().name, false);
    run(interp, origin, vec![statement], checkfirst)?;
    events::fire(interp, table, "after_drop", None, checkfirst)
}

/// `table.create(bind, checkfirst=...)`.
fn create_alone(
    interp: &mut Interp,
    table: &Value,
    data: &TableData,
    checkfirst: bool,
) -> Eval<()> {
    if checkfirst && relation_exists(interp, &data.name) {
        return Ok(());
    }
    let making = Making {
        origin: "Table.create",
        checkfirst,
        without_keys: false,
    };
    create(interp, table, &making, &mut Vec::new())?;
    let metadata = data.metadata.as_ref().and_then(object::get::<MetaData>);
    if let Some(metadata) = metadata {
        metadata.note_model(interp, &data.name);
    }
    Ok(())
}

/// `table.drop(bind, checkfirst=...)`: the table, its sequences, and up to SQLAlchemy 2.0 its enum types.
fn drop_alone(interp: &mut Interp, table: &Value, data: &TableData, checkfirst: bool) -> Eval<()> {
    const ORIGIN: &str = "Table.drop";
    if checkfirst && !relation_exists(interp, &data.name) && !interp.host.session.catalog.open {
        return Ok(());
    }
    drop(interp, table, ORIGIN, checkfirst)?;
    for sequence in sequences(data) {
        run_sequence(interp, ORIGIN, &sequence, false, checkfirst)?;
    }
    let mut statements = Vec::new();
    if interp.host.settings.sqlalchemy < crate::config::PackageVersion(2, 1, 0) {
        let own = enumerations(interp, data)?.into_iter();
        for enumeration in own.filter(|own| !own.metadata) {
            let statement = enumeration.drop_statement(interp)?;
            if !statements.contains(&statement) {
                statements.push(statement);
            }
        }
    }
    run(interp, ORIGIN, statements, checkfirst)
}

/// The enum types that a table's columns need and that SQLAlchemy makes.
pub fn enumerations(interp: &mut Interp, data: &TableData) -> Eval<Vec<Enumeration>> {
    let mut found = Vec::new();
    for column in data.columns.iter().filter_map(build::column_data) {
        if let Some(type_) = &column.type_ {
            let of = enumeration::of_column(interp, type_, data.name.schema.as_ref())?;
            found.extend(of.filter(|of| of.native && of.create_type));
        }
    }
    Ok(found)
}

/// The sequences that a table's columns take their values from.
pub fn sequences(data: &TableData) -> Vec<Value> {
    let columns = data.columns.iter().filter_map(build::column_data);
    columns
        .flat_map(|column| column.items.into_iter().chain(column.default))
        .filter(|item| object::get::<Sequence>(item).is_some())
        .collect()
}

/// Makes or drops a sequence, where SQLAlchemy needs it and `checkfirst` does not find it done.
pub fn run_sequence(
    interp: &mut Interp,
    origin: &'static str,
    sequence: &Value,
    create: bool,
    checkfirst: bool,
) -> Eval<()> {
    let Some(sequence) = object::get::<Sequence>(sequence).filter(|found| !found.optional) else {
        return Ok(());
    };
    let statement = sequence.statement(interp, create, checkfirst);
    run(interp, origin, statement.into_iter().collect(), checkfirst)
}

/// Executes statements that SQLAlchemy's own DDL makes, a driver call each.
pub fn run(
    interp: &mut Interp,
    origin: &'static str,
    statements: Vec<Statement>,
    checks_first: bool,
) -> Eval<()> {
    for statement in statements {
        let call = DriverCall::schema(origin, statement, checks_first);
        Environment::execute(interp, call)?;
    }
    Ok(())
}

impl Object for Table {
    fn type_name(&self) -> &'static str {
        "Table"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "create",
            "drop",
            "append_column",
            "append_constraint",
            "exists",
            "to_metadata",
            "tometadata",
            "select",
            "insert",
            "update",
            "delete",
            "count",
            "alias",
            "join",
            "outerjoin",
        ]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "create" | "drop" => {
                let checkfirst = match arguments.get(1, "checkfirst").cloned() {
                    Some(flag) => interp.truth(&flag)?,
                    None => false,
                };
                let data = self.data.borrow().clone();
                let table = Value::Host(this.clone());
                if method == "create" {
                    create_alone(interp, &table, &data, checkfirst)?;
                } else {
                    drop_alone(interp, &table, &data, checkfirst)?;
                }
                Ok(Value::None)
            }
            "append_column" | "append_constraint" => {
                collect(&mut self.data.borrow_mut(), &arguments.positional);
                Ok(Value::None)
            }
            "exists" => {
                let name = self.data.borrow().name.clone();
                Ok(Value::Bool(relation_exists(interp, &name)))
            }
            "to_metadata" | "tometadata" => {
                let metadata = arguments.get(0, "metadata").cloned();
                let mut data = self.data.borrow().clone();
                data.metadata.clone_from(&metadata);
                if let Some(name) = arguments.named("name").cloned() {
                    data.name.name = name_of(interp, &name)?.unwrap_or_else(hole);
                }
                if let Some(schema) = arguments.named("schema").cloned() {
                    data.name.schema = name_of(interp, &schema)?;
                }
                let name = data.name.clone();
                let copy = object::value(Table::of(data));
                if let Some(metadata) = metadata.as_ref().and_then(object::get::<MetaData>) {
                    metadata.add(&name, copy.clone());
                }
                Ok(copy)
            }
            _ => bridge::table_method(interp, &Value::Host(this.clone()), method, &arguments),
        }
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        let data = self.data.borrow();
        let list = |values: &[Value]| Value::list(values.to_vec());
        Ok(Some(match name {
            "name" | "key" => Value::str(data.name.name.as_str()),
            "fullname" => Value::str(match &data.name.schema {
                Some(schema) => format!("{schema}.{}", data.name.name),
                None => data.name.name.to_string(),
            }),
            "schema" => data
                .name
                .schema
                .as_ref()
                .map_or(Value::None, |schema| Value::str(schema.as_str())),
            "c" | "columns" => object::value(Columns(this.clone())),
            "constraints" => object::value(super::constraint_set::ConstraintSet(this.clone())),
            // which others a table has that no revision made is not known
            "indexes" if data.incomplete => interp.unknown(Reason::Catalog, "table.indexes"),
            "indexes" => {
                let made = indexes_of_columns(&data);
                list(&[data.indexes.as_slice(), &data.reflected_indexes, &made].concat())
            }
            "foreign_key_constraints" => list(&foreign_key_constraints(&data)),
            "foreign_keys" => list(&foreign_keys(&data)),
            "metadata" => data.metadata.clone().unwrap_or(Value::None),
            "comment" => data.comment.clone().unwrap_or(Value::None),
            "primary_key" => {
                let key = data.constraints.iter().find(|value| {
                    object::get::<Constraint>(value).is_some_and(|constraint| {
                        matches!(
                            constraint.data.borrow().shape,
                            super::constraint::Shape::PrimaryKey { .. }
                        )
                    })
                });
                let key = key.cloned().unwrap_or_else(|| primary_key(&data));
                if let Some(constraint) = object::get::<Constraint>(&key) {
                    constraint.belongs_to(this);
                }
                key
            }
            _ => return Ok(None),
        }))
    }
    fn string(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<Rc<str>>> {
        let data = self.data.borrow();
        Ok(Some(match &data.name.schema {
            Some(schema) => format!("{schema}.{}", data.name.name).into(),
            None => data.name.name.as_str().into(),
        }))
    }
}

/// The primary key that columns make, or that reflection found.
fn primary_key(data: &TableData) -> Value {
    let columns = data.columns.iter().filter_map(build::column_data);
    let key = columns.filter(|column| column.primary_key);
    let columns: Vec<SmolStr> = key.map(|column| column.name).collect();
    Constraint::value(super::constraint::ConstraintData {
        name: data
            .reflected_key
            .clone()
            .map_or_else(GivenName::default, GivenName::Final),
        shape: Shape::PrimaryKey {
            columns,
            include: Vec::new(),
        },
        table: Some(data.name.clone()),
        ..super::constraint::ConstraintData::default()
    })
}

/// Constraints of foreign keys, but for those beside columns.
fn foreign_key_constraints(data: &TableData) -> Vec<Value> {
    let is_foreign = |value: &&Value| {
        object::get::<Constraint>(value).is_some_and(|constraint| {
            matches!(constraint.data.borrow().shape, Shape::ForeignKey { .. })
        })
    };
    data.constraints
        .iter()
        .filter(is_foreign)
        .chain(&data.reflected_foreign_keys)
        .cloned()
        .collect()
}

/// `table.foreign_keys`: those beside columns, and one a column of each constraint.
fn foreign_keys(data: &TableData) -> Vec<Value> {
    let mut found: Vec<Value> = Vec::new();
    for column in data.columns.iter().filter_map(build::column_data) {
        let beside = column.items.iter();
        found.extend(
            beside
                .filter(|item| object::get::<ForeignKey>(item).is_some())
                .cloned(),
        );
    }
    for value in foreign_key_constraints(data) {
        if let Some(constraint) = object::get::<Constraint>(&value) {
            found.extend(super::constraint::foreign_keys_of(
                &constraint.data.borrow(),
            ));
        }
    }
    found
}

/// `table.c`.
#[derive(Debug)]
struct Columns(HostRef);

impl Columns {
    fn data(&self) -> TableData {
        object::downcast::<Table>(&self.0)
            .map(|table| table.data.borrow().clone())
            .unwrap_or_default()
    }

    fn find(&self, name: &str) -> Option<Value> {
        self.data().columns.into_iter().find(|value| {
            build::column_data(value)
                .is_some_and(|column| column.key.as_ref().unwrap_or(&column.name) == name)
        })
    }

    /// A column of a table of which not all columns are known.
    fn assumed(&self, name: &str) -> Option<Value> {
        let data = self.data();
        data.incomplete.then(|| {
            Column::value(super::ColumnData {
                name: SmolStr::new(name),
                table: Some(data.name),
                alias: data.alias,
                ..super::ColumnData::default()
            })
        })
    }
}

impl Object for Columns {
    fn type_name(&self) -> &'static str {
        "ColumnCollection"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn is_closed(&self) -> bool {
        true
    }
    fn methods(&self) -> &'static [&'static str] {
        &["keys", "values", "items", "get", "contains_column"]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let data = self.data();
        if data.incomplete && method != "get" {
            return Ok(crate::alembic::arguments::unsupported(interp, "table.c"));
        }
        let key = |value: &Value| {
            let column = build::column_data(value).unwrap_or_default();
            Value::str(column.key.unwrap_or(column.name).as_str())
        };
        Ok(match method {
            "keys" => Value::list(data.columns.iter().map(key).collect()),
            "values" => Value::list(data.columns),
            "items" => Value::list(
                data.columns
                    .iter()
                    .map(|value| Value::tuple(vec![key(value), value.clone()]))
                    .collect(),
            ),
            "get" => {
                let name = match arguments.get(0, "key").cloned() {
                    Some(name) => name_of(interp, &name)?.unwrap_or_default(),
                    None => SmolStr::default(),
                };
                match self.find(&name).or_else(|| self.assumed(&name)) {
                    Some(column) => column,
                    None => arguments.get(1, "default").cloned().unwrap_or(Value::None),
                }
            }
            _ => {
                let wanted = arguments.positional.first().and_then(build::column_data);
                Value::Bool(wanted.is_some_and(|column| self.find(&column.name).is_some()))
            }
        })
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if let Some(found) = self.find(name) {
            return Ok(Some(found));
        }
        if self.methods().contains(&name) || name.starts_with("__") {
            return Ok(None);
        }
        Ok(self.assumed(name))
    }
    fn item(&self, interp: &mut Interp, _: &HostRef, index: &Value) -> Eval<Value> {
        if let Value::Int(position) = index {
            let columns = self.data().columns;
            return match usize::try_from(*position)
                .ok()
                .and_then(|at| columns.get(at))
            {
                Some(column) => Ok(column.clone()),
                None => Err(interp.error("IndexError", "list index out of range")),
            };
        }
        let Some(name) = name_of(interp, index)? else {
            return Err(interp.error("KeyError", "None"));
        };
        if crate::unknown::has_hole(&name) {
            return Ok(crate::alembic::arguments::unsupported(
                interp,
                "table.c[...]",
            ));
        }
        match self.find(&name).or_else(|| self.assumed(&name)) {
            Some(column) => Ok(column),
            None => Err(interp.error("KeyError", &name)),
        }
    }
    fn iterate(&self, interp: &mut Interp, _: &HostRef) -> Eval<Value> {
        let data = self.data();
        if data.incomplete {
            return Ok(crate::alembic::arguments::unsupported(interp, "table.c"));
        }
        Ok(Value::list(data.columns))
    }
    fn contains(&self, interp: &mut Interp, _: &HostRef, item: &Value) -> Eval<Truth> {
        let name = match build::column_data(item) {
            Some(column) => column.name,
            None => name_of(interp, item)?.unwrap_or_default(),
        };
        if self.find(&name).is_some() {
            return Ok(Truth::Known(true));
        }
        if self.data().incomplete || crate::unknown::has_hole(&name) {
            return Ok(Truth::Unknown(crate::unknown::Unknown::new(
                crate::unknown::Reason::Catalog,
                format!("{name} in table.c"),
            )));
        }
        Ok(Truth::Known(false))
    }
    fn length(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<usize>> {
        let data = self.data();
        Ok((!data.incomplete).then_some(data.columns.len()))
    }
}

/// `metadata.tables` as a dict value.
pub fn tables_dict(tables: &IndexMap<SmolStr, Value>) -> Value {
    let entries: IndexMap<Key, Value> = tables
        .iter()
        .map(|(name, table)| (Key::Str(Rc::from(name.as_str())), table.clone()))
        .collect();
    Value::Dict(Rc::new(RefCell::new(entries)))
}
