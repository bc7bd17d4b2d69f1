//! Reflection: `Table("t", metadata, autoload_with=connection)` and `MetaData.reflect`.
//!
//! In: the catalog. Out: Column objects in a Table of the model.

use std::cell::RefCell;

use smol_str::SmolStr;

use super::inspector::{self, Found};
use super::object::{self, Interp};
use super::schema::{Column, ColumnData, Table, TableData};
use super::schema::metadata::MetaData;
use super::{connection, exceptions};
use crate::postgres::catalog::{Relation, RelationKind};
use crate::postgres::{Catalog, Name, TypeName};
use crate::python::{Arguments, Eval, Value};
use crate::unknown::Reason;

/// The type object of a type of the catalog.
pub fn type_value(
    interp: &mut Interp,
    type_name: &TypeName,
    labels: Option<&[SmolStr]>,
) -> Eval<Value> {
    super::types::reflected(interp, type_name, labels)
}

/// Fills in a Table's columns from the catalog, as `autoload_with` does: columns that were given stay. A table that is
/// not there is `NoSuchTableError`; one that may be there stays incomplete.
pub fn reflect_table(interp: &mut Interp, table: &Value) -> Eval<()> {
    let Some(object) = object::get::<Table>(table) else {
        return Ok(());
    };
    let name = object.data.borrow().name.clone();
    let catalog = interp.host.session.catalog.clone();
    match inspector::relation(interp, &catalog, name.schema.as_deref(), &name.name) {
        Found::Known(found)
            if !matches!(found.kind, RelationKind::Index | RelationKind::Sequence) =>
        {
            let columns = columns(interp, &catalog, &name, &found)?;
            let mut data = object.data.borrow_mut();
            data.incomplete |= found.columns_open;
            for column in columns {
                if !has_column(&data, &column) {
                    data.columns.push(column);
                }
            }
            Ok(())
        }
        Found::Unknown => {
            object.data.borrow_mut().incomplete = true;
            Ok(())
        }
        _ => Err(exceptions::raise(interp, "NoSuchTableError", &name.name)),
    }
}

fn has_column(data: &TableData, column: &Value) -> bool {
    let name = |value: &Value| {
        object::get::<Column>(value).map(|column| column.data.borrow().name.clone())
    };
    let wanted = name(column);
    data.columns.iter().any(|known| name(known) == wanted)
}

fn columns(
    interp: &mut Interp,
    catalog: &Catalog,
    table: &Name,
    relation: &Relation,
) -> Eval<Vec<Value>> {
    let key = relation.primary_key().unwrap_or_default().to_vec();
    let mut columns = Vec::with_capacity(relation.columns.len());
    for column in &relation.columns {
        let type_ = inspector::type_value(interp, catalog, &column.type_name)?;
        columns.push(object::value(Column {
            data: RefCell::new(ColumnData {
                name: column.name.clone(),
                type_: Some(type_),
                nullable: Some(!column.not_null),
                primary_key: key.contains(&column.name),
                table: Some(table.clone()),
                ..ColumnData::default()
            }),
        }));
    }
    Ok(columns)
}

/// A reflected Table of a relation.
pub fn table(interp: &mut Interp, name: Name, metadata: Option<Value>) -> Eval<Value> {
    let table = object::value(Table {
        data: RefCell::new(TableData {
            name,
            metadata,
            ..TableData::default()
        }),
    });
    reflect_table(interp, &table)?;
    Ok(table)
}

/// The names that `MetaData.reflect(schema=...)` reads; `None`: the world is open and they can't be known.
pub fn table_names(interp: &mut Interp, schema: Option<&str>) -> Eval<Option<Vec<String>>> {
    let _ = connection::bind(interp);
    let inspector = inspector::of_connection(interp, false);
    let method = interp.attribute(&inspector, "get_table_names")?;
    let arguments = crate::python::Arguments {
        positional: schema.map(Value::str).into_iter().collect(),
        ..Default::default()
    };
    let names = interp.call(&method, arguments)?;
    Ok(match interp.items(&names)? {
        Ok(items) => Some(
            items
                .iter()
                .filter_map(|item| item.as_str().map(str::to_owned))
                .collect(),
        ),
        Err(_) => None,
    })
}

/// `metadata.reflect(bind, schema, views, resolve_fks, only)`: adds a Table for every table, or for those of `only`.
pub fn reflect_metadata(interp: &mut Interp, metadata: &Value, arguments: &Arguments) -> Eval<()> {
    let Some(object) = object::get::<MetaData>(metadata) else {
        return Ok(());
    };
    let schema = arguments.get(1, "schema").and_then(Value::as_str).map(str::to_owned);
    let only = match arguments.get(4, "only").cloned() {
        Some(Value::None) | None => None,
        Some(names) => Some(strings(interp, &names)?),
    };
    let names = match only {
        Some(names) => names,
        None => table_names(interp, schema.as_deref())?.unwrap_or_default(),
    };
    for name in names {
        let name = Name::qualified(schema.as_deref(), &name);
        let reflected = table(interp, name.clone(), Some(metadata.clone()))?;
        object.add(&name, reflected);
    }
    Ok(())
}

fn strings(interp: &mut Interp, values: &Value) -> Eval<Vec<String>> {
    let items = interp.items(values)?.unwrap_or_default();
    Ok(items.iter().filter_map(|item| item.as_str().map(str::to_owned)).collect())
}
