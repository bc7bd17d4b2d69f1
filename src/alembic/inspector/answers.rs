//! The answers of an Inspector's methods.

use smol_str::SmolStr;

use super::constraints;
use super::find::{Found, Seen, has_doubt, relation, seen, visible};
use super::listing::{self, Subject};
use super::{expect, no_such_table};
use crate::alembic::literal;
use crate::alembic::object::Interp;
use crate::postgres::catalog::{Presence, QualifiedName, Relation, RelationKind, TypeKind};
use crate::postgres::{Catalog, Datum, Expr, ObjectKind, TypeName};
use crate::python::{Arguments, Eval, Value};
use crate::unknown::{HOLE, Part, Reason};

/// An unknown of the open world.
pub(super) fn open(interp: &Interp, what: &str) -> Value {
    interp.unknown(Reason::Catalog, what)
}

/// An answer about a table whose name is not known.
pub(super) fn unknown_argument(
    interp: &mut Interp,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let reason = arguments
        .positional
        .iter()
        .find_map(|value| match value {
            Value::Unknown(unknown) => Some(unknown.reason),
            _ => None,
        })
        .unwrap_or(Reason::Unsupported);
    Ok(interp.unknown(reason, &format!("inspector.{method}(...)")))
}

fn text(arguments: &Arguments, position: usize, name: &str) -> Option<String> {
    arguments
        .get(position, name)
        .and_then(Value::as_str)
        .map(str::to_owned)
}

/// What the server answers now.
pub(super) fn answer(
    interp: &mut Interp,
    separate: bool,
    method: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let seen = seen(interp, separate);
    let catalog = &seen.catalog;
    match method {
        "has_table" => has_table(interp, &seen, arguments),
        "get_table_names"
        | "get_view_names"
        | "get_materialized_view_names"
        | "get_temp_table_names"
        | "get_temp_view_names"
        | "get_foreign_table_names"
        | "get_sequence_names" => names(interp, &seen, method, arguments),
        "get_schema_names" => Ok(if catalog.open {
            open(interp, "get_schema_names()")
        } else {
            Value::list(
                catalog
                    .schemas
                    .keys()
                    .filter(|schema| *schema != "pg_catalog")
                    .map(|schema| Value::str(schema.as_str()))
                    .collect(),
            )
        }),
        "has_schema" => Ok(has_schema(interp, catalog, arguments)),
        "has_sequence" => {
            let name = text(arguments, 0, "sequence_name").unwrap_or_default();
            let schema = text(arguments, 1, "schema");
            Ok(match relation(interp, catalog, schema.as_deref(), &name) {
                Found::Known(found) => Value::Bool(found.kind == RelationKind::Sequence),
                Found::Absent => Value::Bool(false),
                Found::Unknown => {
                    let subject = relations(interp, schema, &[RelationKind::Sequence]);
                    listing::unknown(
                        interp,
                        "has_sequence(...)",
                        &seen,
                        subject,
                        listing::has(&name),
                    )
                }
            })
        }
        "has_index" => has_index(interp, &seen, arguments),
        "get_enums" => enums(interp, catalog, arguments),
        "get_columns"
        | "get_indexes"
        | "get_unique_constraints"
        | "get_foreign_keys"
        | "get_pk_constraint"
        | "get_check_constraints"
        | "get_table_comment"
        | "get_table_options"
        | "get_primary_keys" => of_table(interp, &seen, method, arguments),
        _ => Ok(interp.unknown(Reason::Unsupported, &format!("inspector.{method}(...)"))),
    }
}

/// Relations of a schema, or of the one in which a name without a schema is looked up first.
fn relations(interp: &Interp, schema: Option<String>, kinds: &'static [RelationKind]) -> Subject {
    Subject::Relations(schema_of(interp, schema), kinds)
}

fn schema_of(interp: &Interp, schema: Option<String>) -> String {
    let first = || {
        visible(interp)
            .into_iter()
            .find(|schema| schema != "pg_temp")
    };
    schema.or_else(first).unwrap_or_default()
}

fn has_table(interp: &mut Interp, seen: &Seen, arguments: &Arguments) -> Eval<Value> {
    let catalog = &seen.catalog;
    let Some(name) = text(arguments, 0, "table_name") else {
        return Ok(interp.unknown(Reason::Unsupported, "has_table(...)"));
    };
    let schema = text(arguments, 1, "schema");
    let is_new = interp.host.settings.sqlalchemy.0 >= 2;
    Ok(match relation(interp, catalog, schema.as_deref(), &name) {
        // 1.4 asks pg_class for any relation of the name: an index will do
        Found::Known(found) => Value::Bool(
            !is_new || !matches!(found.kind, RelationKind::Index | RelationKind::Sequence),
        ),
        Found::Absent => Value::Bool(false),
        Found::Unknown => {
            let subject = relations(interp, schema, &[]);
            let what = format!("has_table('{name}')");
            listing::unknown(interp, &what, seen, subject, listing::has(&name))
        }
    })
}

fn has_schema(interp: &mut Interp, catalog: &Catalog, arguments: &Arguments) -> Value {
    let Some(name) = text(arguments, 0, "schema_name") else {
        return interp.unknown(Reason::Unsupported, "has_schema(...)");
    };
    match catalog.schemas.get(name.as_str()) {
        Some(Presence::Maybe) => open(interp, "has_schema(...)"),
        Some(_) => Value::Bool(true),
        None if catalog.open => open(interp, "has_schema(...)"),
        None => Value::Bool(false),
    }
}

fn has_index(interp: &mut Interp, seen: &Seen, arguments: &Arguments) -> Eval<Value> {
    let catalog = &seen.catalog;
    let table = text(arguments, 0, "table_name").unwrap_or_default();
    let index = text(arguments, 1, "index_name").unwrap_or_default();
    let schema = text(arguments, 2, "schema");
    Ok(match relation(interp, catalog, schema.as_deref(), &table) {
        Found::Known(found) => {
            let known = found.index(&index);
            match known.filter(|known| !known.primary) {
                Some(known) if known.presence != Presence::Maybe => Value::Bool(true),
                None if !found.columns_open => Value::Bool(false),
                _ => {
                    let subject = Subject::Members(found.name.clone(), ObjectKind::Index);
                    let has = listing::has(&index);
                    listing::unknown(interp, "has_index(...)", seen, subject, has)
                }
            }
        }
        Found::Absent => Value::Bool(false),
        Found::Unknown => open(interp, "has_index(...)"),
    })
}

fn names(interp: &mut Interp, seen: &Seen, method: &str, arguments: &Arguments) -> Eval<Value> {
    use RelationKind as Kind;
    let catalog = &seen.catalog;
    let is_new = interp.host.settings.sqlalchemy.0 >= 2;
    let (kinds, object_kind): (&'static [Kind], ObjectKind) = match method {
        "get_table_names" => (&[Kind::Table, Kind::PartitionedTable], ObjectKind::Table),
        "get_temp_table_names" => (&[Kind::Table, Kind::PartitionedTable], ObjectKind::Table),
        // 1.4 lists materialized views among the views
        "get_view_names" if !is_new => (&[Kind::View, Kind::MaterializedView], ObjectKind::View),
        "get_view_names" | "get_temp_view_names" => (&[Kind::View], ObjectKind::View),
        "get_materialized_view_names" => (&[Kind::MaterializedView], ObjectKind::MaterializedView),
        "get_foreign_table_names" => (&[Kind::ForeignTable], ObjectKind::ForeignTable),
        _ => (&[Kind::Sequence], ObjectKind::Sequence),
    };
    let temporary = method.starts_with("get_temp");
    let written = text(arguments, 0, "schema");
    let schemas = match &written {
        Some(schema) => vec![schema.clone()],
        None if temporary => vec!["pg_temp".to_owned()],
        None if is_new => visible(interp)
            .into_iter()
            .filter(|schema| schema != "pg_temp")
            .collect(),
        None => vec!["public".to_owned()],
    };
    let unknown = |interp: &mut Interp| {
        let subject = relations(interp, written.clone(), kinds);
        listing::unknown(interp, &format!("{method}()"), seen, subject, Part::Names)
    };
    if has_doubt(catalog, object_kind, &schemas) {
        return Ok(unknown(interp));
    }
    let mut found = Vec::new();
    for schema in &schemas {
        for relation in catalog.relations.values() {
            if relation.name.schema != *schema || !kinds.contains(&relation.kind) {
                continue;
            }
            if relation.presence == Presence::Maybe {
                return Ok(unknown(interp));
            }
            // a name that an earlier schema of the path has hides this one
            if !found.contains(&relation.name.name) {
                found.push(relation.name.name.clone());
            }
        }
    }
    Ok(Value::list(
        found.iter().map(|name| Value::str(name.as_str())).collect(),
    ))
}

fn enums(interp: &mut Interp, catalog: &Catalog, arguments: &Arguments) -> Eval<Value> {
    let schema = text(arguments, 0, "schema");
    let schemas = match schema.as_deref() {
        Some("*") => catalog.schemas.keys().map(ToString::to_string).collect(),
        Some(schema) => vec![schema.to_owned()],
        None => visible(interp),
    };
    if has_doubt(catalog, ObjectKind::Type, &schemas) {
        return Ok(open(interp, "get_enums()"));
    }
    let mut found = Vec::new();
    for (name, type_) in &catalog.types {
        let TypeKind::Enum { labels } = &type_.definition else {
            continue;
        };
        if !schemas.iter().any(|schema| name.schema == *schema) {
            continue;
        }
        if type_.presence == Presence::Maybe {
            return Ok(open(interp, "get_enums()"));
        }
        found.push(literal::dict(vec![
            ("name", Value::str(name.name.as_str())),
            ("schema", Value::str(name.schema.as_str())),
            (
                "visible",
                Value::Bool(visible(interp).iter().any(|schema| name.schema == *schema)),
            ),
            (
                "labels",
                Value::list(
                    labels
                        .iter()
                        .map(|label| Value::str(label.as_str()))
                        .collect(),
                ),
            ),
        ]));
    }
    Ok(Value::list(found))
}

/// The parts of a table of which not all are known.
fn members(
    interp: &mut Interp,
    seen: &Seen,
    method: &str,
    what: &str,
    table: QualifiedName,
) -> Value {
    let kind = match method {
        "get_columns" => ObjectKind::Column,
        "get_indexes" => ObjectKind::Index,
        "get_unique_constraints" | "get_foreign_keys" | "get_check_constraints" => {
            ObjectKind::Constraint
        }
        _ => return open(interp, what),
    };
    listing::unknown(
        interp,
        what,
        seen,
        Subject::Members(table, kind),
        Part::Records,
    )
}

fn of_table(interp: &mut Interp, seen: &Seen, method: &str, arguments: &Arguments) -> Eval<Value> {
    let catalog = &seen.catalog;
    let Some(name) = text(arguments, 0, "table_name") else {
        return Ok(interp.unknown(Reason::Unsupported, &format!("inspector.{method}(...)")));
    };
    let schema = text(arguments, 1, "schema");
    let what = format!("{method}('{name}')");
    let found = match relation(interp, catalog, schema.as_deref(), &name) {
        Found::Known(found) => found,
        Found::Absent => {
            expect(interp, schema.as_deref(), &name)?;
            // which is there now
            let seen = super::find::seen(interp, seen.separate);
            let table = QualifiedName::new(&schema_of(interp, schema), &name);
            return Ok(members(interp, &seen, method, &what, table));
        }
        Found::Unknown => {
            let table = QualifiedName::new(&schema_of(interp, schema), &name);
            return Ok(members(interp, seen, method, &what, table));
        }
    };
    if matches!(found.kind, RelationKind::Index | RelationKind::Sequence) {
        return Err(no_such_table(interp, &name));
    }
    if (found.columns_open && method != "get_table_comment") || is_unsure(&found) {
        return Ok(members(interp, seen, method, &what, found.name.clone()));
    }
    match method {
        "get_columns" => columns(interp, catalog, &found),
        "get_indexes" => Ok(constraints::indexes(interp, &found)),
        "get_unique_constraints" => Ok(constraints::unique(&found)),
        "get_foreign_keys" => Ok(constraints::foreign_keys(interp, &found, schema.as_deref())),
        "get_pk_constraint" => Ok(constraints::primary_key(interp, &found)),
        "get_primary_keys" => Ok(Value::list(
            found
                .primary_key()
                .unwrap_or_default()
                .iter()
                .map(|name| Value::str(name.as_str()))
                .collect(),
        )),
        "get_check_constraints" => Ok(constraints::checks(&found)),
        "get_table_comment" => {
            let key = found.name.key(ObjectKind::Table);
            let comment = catalog
                .comments
                .get(&key)
                .map_or(Value::None, |text| Value::str(text.as_ref()));
            Ok(literal::dict(vec![("text", comment)]))
        }
        _ => Ok(literal::dict(Vec::new())),
    }
}

/// Whether some worlds have a part of the table and others not.
fn is_unsure(relation: &Relation) -> bool {
    relation
        .columns
        .iter()
        .any(|column| column.presence == Presence::Maybe)
        || relation
            .constraints
            .iter()
            .any(|constraint| constraint.presence == Presence::Maybe)
        || relation
            .indexes
            .iter()
            .any(|index| index.presence == Presence::Maybe)
}

fn columns(interp: &mut Interp, catalog: &Catalog, relation: &Relation) -> Eval<Value> {
    let mut found = Vec::with_capacity(relation.columns.len());
    for column in &relation.columns {
        let type_value = type_value(interp, catalog, &column.type_name)?;
        let is_generated = column.generated.is_some();
        let default = match &column.default {
            Some(default) if !is_generated => Value::str(default_text(default)),
            _ => Value::None,
        };
        let is_serial = matches!(column.default.as_deref(), Some(Expr::Call { name, .. }) if name.name == "nextval");
        let comment_key = relation.name.member(ObjectKind::Column, &column.name);
        let comment = catalog
            .comments
            .get(&comment_key)
            .map_or(Value::None, |text| Value::str(text.as_ref()));
        let mut entries = vec![
            ("name", Value::str(column.name.as_str())),
            ("type", type_value),
            (
                "nullable",
                Value::Bool(!column.not_null && column.identity.is_none()),
            ),
            ("default", default),
            (
                "autoincrement",
                Value::Bool(is_serial || column.identity.is_some()),
            ),
            ("comment", comment),
        ];
        if let Some((_, stored)) = &column.generated {
            entries.push((
                "computed",
                literal::dict(vec![
                    ("sqltext", Value::str(HOLE.to_string())),
                    ("persisted", Value::Bool(*stored)),
                ]),
            ));
        }
        if let Some(identity) = column.identity {
            entries.push((
                "identity",
                literal::dict(vec![(
                    "always",
                    Value::Bool(identity == crate::postgres::statement::Identity::Always),
                )]),
            ));
        }
        found.push(literal::dict(entries));
    }
    Ok(Value::list(found))
}

/// A column's default as reflection words it; a hole where the server's wording is not modelled.
fn default_text(expr: &Expr) -> String {
    match expr {
        Expr::Value(Datum::Int(known)) => known.to_string(),
        Expr::Value(Datum::Bool(known)) => known.to_string(),
        Expr::Value(Datum::Null) => "NULL".to_owned(),
        Expr::Call {
            name, arguments, ..
        } if arguments.is_empty() && name.schema.is_none() => match name.name.as_str() {
            "current_timestamp" => "CURRENT_TIMESTAMP".to_owned(),
            "current_date" => "CURRENT_DATE".to_owned(),
            other => format!("{other}()"),
        },
        Expr::Call { name, .. } => format!("{}({HOLE})", name.name),
        _ => HOLE.to_string(),
    }
}

/// The type object of a column.
pub fn type_value(interp: &mut Interp, catalog: &Catalog, type_name: &TypeName) -> Eval<Value> {
    let labels = labels_of(catalog, type_name);
    super::super::reflection::type_value(interp, type_name, labels.as_deref())
}

fn labels_of(catalog: &Catalog, type_name: &TypeName) -> Option<Vec<SmolStr>> {
    catalog.types.iter().find_map(|(name, type_)| {
        let matches = name.name == type_name.name.name
            && type_name
                .name
                .schema
                .as_ref()
                .is_none_or(|schema| *schema == name.schema);
        match &type_.definition {
            TypeKind::Enum { labels } if matches => Some(labels.iter().cloned().collect()),
            _ => None,
        }
    })
}
