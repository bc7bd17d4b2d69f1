//! Reflection: `Table("t", metadata, autoload_with=connection)` and `MetaData.reflect`.
//!
//! In: the catalog. Out: Column objects in a Table of the model.

use std::cell::RefCell;

use smol_str::SmolStr;

use super::inspector::{self, Found};
use super::naming::GivenName;
use super::object::{self, Interp};
use super::schema::constraint::{Constraint, ConstraintData, Shape};
use super::schema::index::{Index, IndexData};
use super::schema::metadata::MetaData;
use super::schema::{Column, ColumnData, Table, TableData};
use crate::postgres::catalog::{self, Presence, Relation, RelationKind};
use crate::postgres::statement::ConstraintKind;
use crate::postgres::{Catalog, Name, TypeName};
use crate::python::{Arguments, Eval, Value};

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
            data.reflected_foreign_keys = constraints(&name, &found, foreign_key);
            data.reflected_uniques = constraints(&name, &found, unique);
            let is_key = |known: &&catalog::Constraint| {
                matches!(known.definition.kind, ConstraintKind::PrimaryKey { .. })
            };
            let key = found.constraints.iter().find(is_key);
            data.reflected_key = key.map(|key| key.name.clone());
            data.reflected_indexes = indexes(&name, &found, &data.columns);
            Ok(())
        }
        Found::Unknown => {
            object.data.borrow_mut().incomplete = true;
            Ok(())
        }
        _ => {
            inspector::expect(interp, name.schema.as_deref(), &name.name)?;
            object.data.borrow_mut().incomplete = true;
            Ok(())
        }
    }
}

/// The constraints of a kind that a table has, as constraints of the model.
fn constraints(
    table: &Name,
    relation: &Relation,
    shape: fn(&catalog::Constraint) -> Option<Shape>,
) -> Vec<Value> {
    let made = relation.constraints.iter().filter_map(|constraint| {
        Some(Constraint::value(ConstraintData {
            name: GivenName::Final(constraint.name.clone()),
            shape: shape(constraint)?,
            table: Some(table.clone()),
            deferrable: constraint.definition.deferrable,
            initially_deferred: constraint.definition.initially_deferred,
            ..ConstraintData::default()
        }))
    });
    made.collect()
}

/// The indexes that a table has beside those of its constraints.
fn indexes(table: &Name, relation: &Relation, known: &[Value]) -> Vec<Value> {
    let column_of = |wanted: &SmolStr| {
        Column::find(known, wanted)
            .cloned()
            .unwrap_or_else(|| Value::str(wanted.as_str()))
    };
    let own = |index: &&catalog::Index| !index.primary && index.constraint.is_none();
    let made = relation.indexes.iter().filter(own).map(|index| {
        let columns = index.columns.iter();
        object::value(Index {
            data: RefCell::new(IndexData {
                name: GivenName::Final(index.name.clone()),
                table: Some(table.clone()),
                expressions: columns.map(column_of).collect(),
                unique: index.unique,
                ..IndexData::default()
            }),
        })
    });
    made.collect()
}

fn unique(constraint: &catalog::Constraint) -> Option<Shape> {
    let ConstraintKind::Unique {
        nulls_not_distinct, ..
    } = &constraint.definition.kind
    else {
        return None;
    };
    Some(Shape::Unique {
        columns: constraint.columns.clone(),
        nulls_not_distinct: *nulls_not_distinct,
        include: Vec::new(),
    })
}

fn foreign_key(constraint: &catalog::Constraint) -> Option<Shape> {
    let ConstraintKind::ForeignKey {
        columns,
        table,
        referenced,
        on_delete,
        on_update,
    } = &constraint.definition.kind
    else {
        return None;
    };
    Some(Shape::ForeignKey {
        columns: if columns.is_empty() {
            constraint.columns.clone()
        } else {
            columns.clone()
        },
        table: table.clone(),
        referenced: referenced.clone(),
        on_delete: *on_delete,
        on_update: *on_update,
        use_alter: false,
    })
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

/// `MetaData.reflect(bind=..., only=..., schema=...)`: adds the tables that are there and not in the metadata yet.
pub fn reflect_metadata(interp: &mut Interp, metadata: &Value, arguments: &Arguments) -> Eval<()> {
    let Some(collection) = object::get::<MetaData>(metadata) else {
        return Ok(());
    };
    let schema = arguments
        .get(1, "schema")
        .and_then(Value::as_str)
        .map(str::to_owned)
        .or_else(|| collection.schema.borrow().as_ref().map(ToString::to_string));
    let only = match arguments.get(3, "only").cloned() {
        Some(only @ (Value::List(_) | Value::Tuple(_) | Value::Set(_))) => {
            interp.items(&only)?.ok()
        }
        _ => None,
    };
    let names = match only {
        Some(names) => names
            .iter()
            .filter_map(|name| name.as_str().map(str::to_owned))
            .collect(),
        None => match table_names(interp, schema.as_deref())? {
            Some(names) => names,
            None => {
                *collection.incomplete.borrow_mut() = true;
                certain_names(interp, schema.as_deref())
            }
        },
    };
    *collection.reflected.borrow_mut() = true;
    for name in names {
        let name = Name::qualified(schema.as_deref(), name);
        if collection.table(&name).is_none() {
            let table = object::value(Table::of(TableData {
                name: name.clone(),
                metadata: Some(metadata.clone()),
                ..TableData::default()
            }));
            // reflecting everything can meet nothing that is missing; `only` names what it wants
            reflect_table(interp, &table)?;
            collection.add(&name, table);
        }
    }
    Ok(())
}

/// A table that a migration takes out of what it reflected although no revision makes it; `None`: it is not there.
pub(super) fn expected_table(
    interp: &mut Interp,
    metadata: &Value,
    key: &str,
) -> Eval<Option<Value>> {
    let name = match key.split_once('.') {
        Some((schema, name)) => Name::qualified(Some(schema), name),
        None => Name::new(key),
    };
    if inspector::expect(interp, name.schema.as_deref(), &name.name).is_err() {
        return Ok(None);
    }
    let table = object::value(Table::of(TableData {
        name: name.clone(),
        metadata: Some(metadata.clone()),
        incomplete: true,
        ..TableData::default()
    }));
    if let Some(collection) = object::get::<MetaData>(metadata) {
        collection.add(&name, table.clone());
    }
    Ok(Some(table))
}

/// Tables of the default schema that are there for sure.
fn certain_names(interp: &Interp, schema: Option<&str>) -> Vec<String> {
    interp
        .host
        .session
        .catalog
        .relations
        .values()
        .filter(|relation| {
            relation.name.schema == schema.unwrap_or("public")
                && matches!(
                    relation.kind,
                    RelationKind::Table | RelationKind::PartitionedTable
                )
                && relation.presence != Presence::Maybe
        })
        .map(|relation| relation.name.name.to_string())
        .collect()
}

/// The names that `MetaData.reflect` reads; `None`: the world is open and they can't be known.
fn table_names(interp: &mut Interp, schema: Option<&str>) -> Eval<Option<Vec<String>>> {
    let inspector = inspector::of_connection(interp, false);
    let method = interp.attribute(&inspector, "get_table_names")?;
    let arguments = Arguments {
        positional: schema.map(Value::str).into_iter().collect(),
        ..Arguments::default()
    };
    let names = interp.call(&method, arguments)?;
    let names = interp.items(&names)?;
    Ok(names.ok().map(|items| {
        items
            .iter()
            .filter_map(|item| item.as_str().map(str::to_owned))
            .collect()
    }))
}
