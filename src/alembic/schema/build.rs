//! Schema objects to statements: columns, tables with their types, indexes and comments, in SQLAlchemy's order.

use std::collections::BTreeMap;
use std::sync::Arc;

use smol_str::SmolStr;

use super::constraint::{self, Constraint, ConstraintData, ForeignKey, Shape};
use super::generated::{Generated, Sequence, ServerDefault};
use super::index::{self, Index, IndexData};
use super::table::indexes_of_columns;
use super::{Column, ColumnData, TableData, metadata};
use crate::alembic::arguments::name_of;
use crate::alembic::naming::GivenName;
use crate::alembic::object::{self, Interp};
use crate::alembic::types::enumeration::{self, TableCreation};
use crate::alembic::{bridge, exceptions, types};
use crate::postgres::statement::{ColumnDefinition, ConstraintDefinition, CreateTable};
use crate::postgres::{Expr, Name, ObjectKind, Statement, TypeName};
use crate::python::{Eval, Value};
use crate::sql;

/// Names by which constraints are made, where they are not the run's own.
pub type Convention<'a> = Option<&'a BTreeMap<String, String>>;

/// An SQL text, construct or plain value where SQLAlchemy takes an expression.
pub fn sql_expression(interp: &mut Interp, value: &Value) -> Eval<Expr> {
    if let Some(text) = bridge::text(value) {
        return Ok(sql::parse_expression(&text));
    }
    match value {
        Value::Str(text) => Ok(sql::parse_expression(&text.text)),
        Value::Unknown(unknown) => Ok(Expr::Unknown(SmolStr::new(&*unknown.what))),
        other => bridge::expression(interp, other),
    }
}

/// A server default: strings are literals, texts and constructs SQL; `None` where the server is given none.
pub fn server_default(interp: &mut Interp, value: &Value) -> Eval<Option<Expr>> {
    if let Some(default) = object::get::<ServerDefault>(value) {
        return match &default.0 {
            Some(value) => server_default(interp, &value.clone()),
            None => Ok(None),
        };
    }
    if object::get::<Generated>(value).is_some() {
        return Ok(None);
    }
    if let Some(sequence) = object::get::<Sequence>(value) {
        return Ok(Some(Expr::call(
            "nextval",
            vec![Expr::text(&sequence.name.to_string())],
        )));
    }
    if let Some(text) = bridge::text(value) {
        return Ok(Some(sql::parse_expression(&text)));
    }
    match value {
        Value::None => Ok(None),
        Value::Str(text) => Ok(Some(Expr::text(&text.text))),
        Value::Unknown(unknown) => Ok(Some(Expr::Unknown(SmolStr::new(&*unknown.what)))),
        Value::Bool(_) | Value::Int(_) | Value::Float(_) | Value::Dict(_) | Value::List(_) => {
            Err(exceptions::raise(
                interp,
                "ArgumentError",
                "Argument 'arg' is expected to be one of type '<class 'str'>' or '<class 'sqlalchemy.sql.elements.ClauseElement'>' or '<class 'sqlalchemy.sql.elements.TextClause'>'",
            ))
        }
        Value::Instance(_) => match interp.attribute_or_none(value, "value")? {
            Some(Value::Str(text)) => Ok(Some(Expr::text(&text.text))),
            _ => Ok(Some(Expr::Unknown("server_default".into()))),
        },
        other => bridge::expression(interp, other).map(Some),
    }
}

/// The column behind a value, if it is one.
pub fn column_data(value: &Value) -> Option<ColumnData> {
    object::get::<Column>(value).map(|column| column.data.borrow().clone())
}

/// Whether SQLAlchemy counts a type among the numbers that count up by themselves.
fn counts_up(type_name: &TypeName) -> bool {
    !type_name.array
        && type_name.name.schema.is_none()
        && matches!(
            type_name.name.name.as_str(),
            "int2" | "int4" | "int8" | "numeric" | "float4" | "float8"
        )
}

/// The column of a primary key that becomes SERIAL, as `Table._autoincrement_column` finds it.
pub fn serial_column(
    interp: &mut Interp,
    columns: &[ColumnData],
    key: &[SmolStr],
    constraints: &[ConstraintData],
) -> Eval<Option<SmolStr>> {
    let members: Vec<&ColumnData> = columns
        .iter()
        .filter(|column| key.contains(&column.name))
        .collect();
    if let [column] = members.as_slice() {
        if column.autoincrement == Some(true) {
            return Ok(Some(column.name.clone()));
        }
        if column.autoincrement == Some(false)
            || column.default.is_some()
            || column.server_default.is_some()
        {
            return Ok(None);
        }
        let refers = constraints.iter().any(|constraint| {
            matches!(constraint.shape, Shape::ForeignKey { .. })
                && constraint.shape.columns().contains(&column.name)
        });
        if refers {
            return Ok(None);
        }
        let Some(type_) = &column.type_ else {
            return Ok(None);
        };
        let type_name = types::type_name(interp, type_)?;
        return Ok(counts_up(&type_name).then(|| column.name.clone()));
    }
    Ok(members
        .iter()
        .find(|column| column.autoincrement == Some(true))
        .map(|column| column.name.clone()))
}

/// Refuses a column without a type, as SQLAlchemy does when it writes it. A foreign key lends the type of a column of the same
/// table only: of others an operation knows the name.
pub fn refuse_untyped(
    interp: &mut Interp,
    table: &Name,
    column: &ColumnData,
    constraints: &[ConstraintData],
) -> Eval<()> {
    let lends = constraints.iter().any(|constraint| {
        matches!(&constraint.shape, Shape::ForeignKey { columns, table: target, .. }
            if columns.contains(&column.name) && target.name == table.name)
    });
    // what is not known to be something else may be the type
    let is_open =
        !column.items.iter().all(super::column::is_item) || crate::unknown::has_hole(&column.name);
    if column.type_.is_some() || lends || is_open {
        return Ok(());
    }
    let message = format!(
        "(in table '{}', column '{}'): Can't generate DDL for NullType(); did you forget to specify a type on this Column?",
        table.name, column.name
    );
    Err(exceptions::raise(interp, "CompileError", &message))
}

/// A column as CREATE TABLE and ADD COLUMN write it. `serial`: it counts up by itself.
pub fn column_definition(
    interp: &mut Interp,
    column: &ColumnData,
    serial: bool,
) -> Eval<ColumnDefinition> {
    let generated = column
        .items
        .iter()
        .chain(&column.server_default)
        .find(|item| object::get::<Generated>(item).is_some())
        .cloned();
    let generated = generated
        .as_ref()
        .and_then(|item| object::get::<Generated>(item));
    let identity = match generated {
        Some(Generated::Identity { kind, options }) => Some((*kind, options.first_number())),
        _ => None,
    };
    let type_name = match &column.type_ {
        Some(type_) => {
            let mut type_name = types::type_name(interp, type_)?;
            let schema = column
                .table
                .as_ref()
                .and_then(|table| table.schema.as_ref());
            let enumeration = enumeration::of_column(interp, type_, schema)?;
            if let Some(own) = enumeration.filter(|own| own.native && own.inherit_schema) {
                type_name.name.schema = own.schema;
            }
            type_name
        }
        None => TypeName::new(&crate::alembic::arguments::hole()),
    };
    let mut definition = ColumnDefinition::new(&column.name, type_name);
    definition.not_null = !column.is_nullable() && identity.is_none();
    if serial && identity.is_none() && !has_sequence_default(column) {
        definition.type_name = TypeName::new(match definition.type_name.name.name.as_str() {
            "int8" => "bigserial",
            "int2" => "smallserial",
            _ => "serial",
        });
    } else if let Some(default) = &column.server_default {
        definition.default = server_default(interp, default)?.map(Box::new);
    } else if let Some(item) = column
        .items
        .iter()
        .find(|item| object::get::<ServerDefault>(item).is_some())
    {
        definition.default = server_default(interp, item)?.map(Box::new);
    }
    if let Some((kind, first_number)) = identity {
        definition.identity = Some(kind);
        definition.first_number = first_number;
    }
    if let Some(generated) = generated {
        definition.generated = generated.computed(interp)?;
    }
    for item in &column.items {
        if let Some(check) = object::get::<Constraint>(item) {
            let data = check.data.borrow().clone();
            let made = constraint::definition(interp, &data, column.table.as_ref(), None)?;
            definition.constraints.push(made);
        }
    }
    Ok(definition)
}

/// A column whose default is a sequence of its own is no SERIAL.
fn has_sequence_default(column: &ColumnData) -> bool {
    column
        .items
        .iter()
        .chain(&column.default)
        .filter_map(object::get::<Sequence>)
        .any(|sequence| !sequence.optional)
}

/// The constraints that a column's `ForeignKey` objects, `unique` flag and type make.
pub fn column_constraints(
    interp: &mut Interp,
    column: &ColumnData,
    table: &Name,
) -> Eval<Vec<ConstraintData>> {
    let mut made = Vec::new();
    for item in &column.items {
        let Some(key) = object::get::<ForeignKey>(item) else {
            continue;
        };
        let mut data = key.data.borrow().clone();
        if let Shape::ForeignKey {
            columns,
            referenced,
            ..
        } = &mut data.shape
        {
            *columns = vec![column.name.clone()];
            if referenced.is_empty() {
                referenced.push(column.name.clone());
            }
        }
        made.push(data);
    }
    if column.unique && !column.index {
        made.push(ConstraintData {
            shape: Shape::Unique {
                columns: vec![column.name.clone()],
                include: Vec::new(),
                nulls_not_distinct: false,
            },
            ..ConstraintData::default()
        });
    }
    if let Some(type_) = &column.type_
        && let Some(enumeration) = enumeration::of_column(interp, type_, table.schema.as_ref())?
        && let Some(check) = enumeration::check_of(&enumeration, &column.name)
    {
        made.push(ConstraintData {
            name: match &enumeration.name {
                Some(name) => GivenName::Plain(name.clone()),
                None => GivenName::None,
            },
            shape: Shape::Check {
                condition: bridge::expression_value(interp, check)?,
            },
            ..ConstraintData::default()
        });
    }
    Ok(made)
}

/// The index that a column's `index` flag makes.
pub fn column_index(column: &ColumnData, table: &Name) -> Option<IndexData> {
    column.index.then(|| IndexData {
        name: GivenName::None,
        table: Some(table.clone()),
        expressions: vec![Value::str(column.name.as_str())],
        unique: column.unique,
        ..IndexData::default()
    })
}

/// All of a table, ready to be written.
#[derive(Clone, Debug, Default)]
pub struct TableShape {
    /// Its columns; those of the primary key know it.
    pub columns: Vec<ColumnData>,
    /// The primary key first, then the others in the order in which they were made.
    pub constraints: Vec<ConstraintData>,
    /// Its indexes.
    pub indexes: Vec<IndexData>,
}

/// Collects what the table's columns and objects make.
pub fn table_shape(interp: &mut Interp, table: &TableData) -> Eval<TableShape> {
    let mut shape = TableShape {
        columns: table.columns.iter().filter_map(column_data).collect(),
        ..TableShape::default()
    };
    for column in &mut shape.columns {
        if column.type_.is_none() {
            column.type_ = metadata::lent_type(table, column);
        }
    }
    let mut key = None;
    for value in &table.constraints {
        let Some(constraint) = object::get::<Constraint>(value) else {
            continue;
        };
        let data = constraint.data.borrow().clone();
        if data.elsewhere.get() {
            continue;
        }
        if matches!(data.shape, Shape::PrimaryKey { .. }) {
            key = Some(data);
        } else {
            shape.constraints.push(data);
        }
    }
    let flagged: Vec<SmolStr> = shape
        .columns
        .iter()
        .filter(|column| column.primary_key)
        .map(|column| column.name.clone())
        .collect();
    let mut key = match key {
        Some(key) => Some(key),
        None if !flagged.is_empty() => Some(ConstraintData::default()),
        None => None,
    };
    if let Some(data) = &mut key {
        let (mut columns, include) = match &data.shape {
            Shape::PrimaryKey { columns, include } => (columns.clone(), include.clone()),
            _ => (Vec::new(), Vec::new()),
        };
        if columns.is_empty() {
            columns = flagged;
        }
        data.shape = Shape::PrimaryKey { columns, include };
    }
    let mut of_columns = Vec::new();
    for column in &mut shape.columns {
        if let Some(key) = &key
            && key.shape.columns().contains(&column.name)
        {
            column.primary_key = true;
        }
        column.table = Some(table.name.clone());
        of_columns.extend(column_constraints(interp, column, &table.name)?);
        shape.indexes.extend(column_index(column, &table.name));
    }
    of_columns.append(&mut shape.constraints);
    // an empty key is written by nobody
    let key = key.filter(|key| !key.shape.columns().is_empty());
    shape.constraints = key.into_iter().chain(of_columns).collect();
    let outside = match &table.metadata {
        Some(_) => index::loose(interp, &table.name),
        None => Vec::new(),
    };
    let of_columns = indexes_of_columns(table);
    for value in table.indexes.iter().chain(&of_columns).chain(&outside) {
        if let Some(index) = object::get::<Index>(value) {
            let mut data = index.data.borrow().clone();
            data.table = Some(table.name.clone());
            if !data.elsewhere.get() {
                shape.indexes.push(data);
            }
        }
    }
    Ok(shape)
}

/// How a table is to be made.
pub struct Creation<'a> {
    /// By whom, which decides about enum types.
    pub by: TableCreation,
    /// CREATE TABLE IF NOT EXISTS.
    pub if_not_exists: bool,
    /// The metadata's own naming convention.
    pub convention: Convention<'a>,
    /// Its foreign keys are made later.
    pub without_keys: bool,
    /// Further keyword arguments: `postgresql_partition_by`...
    pub keywords: &'a [(SmolStr, Value)],
}

/// Everything that making a table executes, a statement each: its enum types, the table, indexes, comments.
pub fn create_table(
    interp: &mut Interp,
    table: &TableData,
    creation: &Creation<'_>,
    made_types: &mut Vec<Name>,
) -> Eval<Vec<Statement>> {
    let shape = table_shape(interp, table)?;
    let mut statements = Vec::new();
    // another table of the same MetaData may lend a type
    if table.metadata.is_none() {
        for column in &shape.columns {
            refuse_untyped(interp, &table.name, column, &shape.constraints)?;
        }
    }
    for column in &shape.columns {
        let Some(type_) = &column.type_ else { continue };
        if let Some(enumeration) =
            enumeration::of_column(interp, type_, table.name.schema.as_ref())?
        {
            statements.extend(enumeration::before_table(
                interp,
                &enumeration,
                creation.by,
                made_types,
            )?);
        }
    }
    statements.push(table_statement(interp, table, &shape, creation)?);
    for index in &shape.indexes {
        statements.push(index.create_statement(interp, &table.name, false, creation.convention)?);
    }
    statements.extend(spatial_indexes(interp, &shape, &table.name)?);
    if let Some(comment) = &table.comment {
        statements.push(comment_statement(
            interp,
            &table.name,
            None,
            &comment.clone(),
        )?);
    }
    for column in &shape.columns {
        if let Some(comment) = &column.comment {
            statements.push(comment_statement(
                interp,
                &table.name,
                Some(column.name.clone()),
                comment,
            )?);
        }
    }
    Ok(statements)
}

/// geoalchemy2 makes an index for each of its columns unless told not to.
fn spatial_indexes(interp: &mut Interp, shape: &TableShape, table: &Name) -> Eval<Vec<Statement>> {
    let mut statements = Vec::new();
    for column in &shape.columns {
        statements.extend(spatial_index(interp, column, table)?);
    }
    Ok(statements)
}

/// The index that geoalchemy2 makes for a column: `idx_<table>_<column>`, GiST.
pub fn spatial_index(
    interp: &mut Interp,
    column: &ColumnData,
    table: &Name,
) -> Eval<Option<Statement>> {
    let Some(type_) = &column.type_ else {
        return Ok(None);
    };
    let made;
    let type_ = match object::get::<types::TypeClassObject>(type_) {
        Some(class) => {
            made = types::make(interp, class.0, crate::python::Arguments::default())?;
            &made
        }
        None => type_,
    };
    let Some(instance) = object::get::<types::SqlType>(type_) else {
        return Ok(None);
    };
    if !matches!(instance.class.form, types::classes::Form::Spatial(_)) {
        return Ok(None);
    }
    let wanted = match instance.arguments.named("spatial_index").cloned() {
        Some(flag) => interp.truth(&flag)?,
        None => true,
    };
    if !wanted {
        return Ok(None);
    }
    let index = IndexData {
        name: GivenName::Final(SmolStr::new(format!("idx_{}_{}", table.name, column.name))),
        table: Some(table.clone()),
        expressions: vec![Value::str(column.name.as_str())],
        method: Some(SmolStr::new("gist")),
        ..IndexData::default()
    };
    index.create_statement(interp, table, false, None).map(Some)
}

/// `COMMENT ON TABLE` or `COLUMN`.
pub fn comment_statement(
    interp: &mut Interp,
    table: &Name,
    column: Option<SmolStr>,
    comment: &Value,
) -> Eval<Statement> {
    Ok(Statement::Comment {
        kind: if column.is_some() {
            ObjectKind::Column
        } else {
            ObjectKind::Table
        },
        name: table.clone(),
        member: column,
        text: name_of(interp, comment)?.map(|text| Arc::from(text.as_str())),
    })
}

/// CREATE TABLE alone.
pub fn table_statement(
    interp: &mut Interp,
    table: &TableData,
    shape: &TableShape,
    creation: &Creation<'_>,
) -> Eval<Statement> {
    let mut create = CreateTable {
        name: table.name.clone(),
        if_not_exists: creation.if_not_exists,
        ..CreateTable::default()
    };
    for prefix in &table.prefixes {
        match prefix.to_ascii_uppercase().as_str() {
            "TEMPORARY" | "TEMP" | "LOCAL TEMPORARY" => create.temporary = true,
            "UNLOGGED" => create.unlogged = true,
            word if crate::unknown::has_hole(word) => {}
            // `CREATE IF NOT EXISTS TABLE` and the like: no PostgreSQL
            word => {
                let first = word.split_whitespace().next().unwrap_or_default();
                return Ok(Statement::SyntaxError {
                    message: format!("syntax error at or near \"{first}\"").into(),
                });
            }
        }
    }
    let key = shape
        .constraints
        .iter()
        .find(|constraint| matches!(constraint.shape, Shape::PrimaryKey { .. }))
        .map(|constraint| constraint.shape.columns().to_vec())
        .unwrap_or_default();
    let serial = serial_column(interp, &shape.columns, &key, &shape.constraints)?;
    for column in &shape.columns {
        let is_serial = serial.as_ref() == Some(&column.name);
        let definition = column_definition(interp, column, is_serial)?;
        create.columns.push(definition);
    }
    for constraint in &shape.constraints {
        if let Shape::ForeignKey { use_alter, .. } = constraint.shape
            && (use_alter || creation.without_keys)
        {
            continue;
        }
        let definition: ConstraintDefinition =
            constraint::definition(interp, constraint, Some(&table.name), creation.convention)?;
        create.constraints.push(definition);
    }
    for (keyword, value) in creation.keywords {
        table_option(interp, &mut create, keyword, value)?;
    }
    Ok(Statement::CreateTable(Box::new(create)))
}

fn table_option(
    interp: &mut Interp,
    create: &mut CreateTable,
    keyword: &str,
    value: &Value,
) -> Eval<()> {
    match keyword {
        "postgresql_partition_by" => {
            let text = name_of(interp, value)?.unwrap_or_default();
            let columns = text.split_once('(').map_or("", |(_, rest)| {
                rest.rsplit_once(')').map_or(rest, |(inner, _)| inner)
            });
            create.partition_by = Some(
                columns
                    .split(',')
                    .map(|column| SmolStr::new(column.trim().trim_matches('"')))
                    .collect(),
            );
        }
        "postgresql_inherits" => {
            create.inherits = match value {
                Value::Str(text) => vec![Name::new(&*text.text)],
                other => crate::alembic::arguments::column_names(interp, other)?
                    .iter()
                    .map(Name::new)
                    .collect(),
            };
        }
        "postgresql_on_commit" => {
            create.on_commit_drop =
                name_of(interp, value)?.is_some_and(|word| word.eq_ignore_ascii_case("drop"));
        }
        _ => {}
    }
    Ok(())
}
