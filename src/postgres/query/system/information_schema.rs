//! The views of `information_schema`.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::render;
use super::relations::{constraint_letter, has_columns, is_not_null, key_columns};
use super::{DATABASE, Scan, is_certain, text, types};
use crate::postgres::catalog::{Column, Constraint, Relation, RelationKind, TypeKind};
use crate::postgres::expression::{Datum, TypeName};
use crate::postgres::name::{Name, ObjectKind};
use crate::postgres::statement::{ConstraintKind, Identity};

/// Fills a scan of a view; `None`: not modelled, so nothing is known of its rows.
pub(super) fn scan(view: &str, scan: &mut Scan<'_, '_>) -> Option<bool> {
    Some(match view {
        "tables" => tables(scan),
        "columns" => columns(scan),
        "views" => views(scan),
        "sequences" => sequences(scan),
        "schemata" => schemata(scan),
        "table_constraints" => table_constraints(scan),
        "key_column_usage" => key_column_usage(scan),
        "constraint_column_usage" => constraint_column_usage(scan),
        "constraint_table_usage" => constraint_table_usage(scan),
        "referential_constraints" => referential_constraints(scan),
        "check_constraints" => check_constraints(scan),
        "triggers" => triggers(scan),
        "routines" => routines(scan),
        "domains" => domains(scan),
        _ => return None,
    })
}

fn yes(value: bool) -> Datum {
    Datum::text(if value { "YES" } else { "NO" })
}

fn shown_schema(relation: &Relation) -> Datum {
    // the number in a temporary schema's name is the session's
    if relation.name.schema == "pg_temp" {
        return Datum::Unknown;
    }
    Datum::text(&relation.name.schema)
}

fn tables(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(Some("table_schema"), Some("table_name"), None);
    for relation in &relations {
        // materialized views are in no view of this schema
        let kind = match relation.kind {
            RelationKind::Table | RelationKind::PartitionedTable => {
                if relation.name.schema == "pg_temp" {
                    "LOCAL TEMPORARY"
                } else {
                    "BASE TABLE"
                }
            }
            RelationKind::View => "VIEW",
            RelationKind::ForeignTable => "FOREIGN",
            _ => continue,
        };
        if !scan.allows("table_type", kind) {
            continue;
        }
        scan.row(is_certain(relation.presence), |column| match column {
            "table_catalog" => Datum::text(DATABASE),
            "table_schema" => shown_schema(relation),
            "table_name" => Datum::text(&relation.name.name),
            "table_type" => Datum::text(kind),
            "is_insertable_into" => match relation.kind {
                RelationKind::View => Datum::Unknown,
                _ => yes(true),
            },
            "is_typed" => yes(false),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn columns(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, known) = scan.relations(Some("table_schema"), Some("table_name"), None);
    let mut complete = known;
    for relation in &relations {
        if !has_columns(relation.kind) || relation.kind == RelationKind::MaterializedView {
            continue;
        }
        let mut found = false;
        for (index, column) in relation.columns.iter().enumerate() {
            if !scan.allows("column_name", &column.name) {
                continue;
            }
            found = true;
            let certain = is_certain(relation.presence) && is_certain(column.presence);
            let context = scan.context;
            scan.row(certain, |name| match name {
                "table_catalog" | "udt_catalog" => Datum::text(DATABASE),
                "table_schema" => shown_schema(relation),
                "table_name" => Datum::text(&relation.name.name),
                "column_name" => Datum::text(&column.name),
                "ordinal_position" => Datum::Int(index as i64 + 1),
                "column_default" => match &column.default {
                    None => Datum::Null,
                    Some(default) => text(render::default_text(default, &column.type_name)),
                },
                "is_nullable" => yes(!is_not_null(relation, column)),
                "is_identity" => yes(column.identity.is_some()),
                "identity_generation" => match column.identity {
                    Some(Identity::Always) => Datum::text("ALWAYS"),
                    Some(Identity::ByDefault) => Datum::text("BY DEFAULT"),
                    None => Datum::Null,
                },
                "is_generated" => Datum::text(if column.generated.is_some() {
                    "ALWAYS"
                } else {
                    "NEVER"
                }),
                "is_updatable" => match relation.kind {
                    RelationKind::Table | RelationKind::PartitionedTable => yes(true),
                    _ => Datum::Unknown,
                },
                other => type_facts(other, column, context),
            });
        }
        complete &= !relation.columns_open || (found && scan.wanted("column_name").is_some());
    }
    complete
}

/// A domain's base type; any other type is itself.
fn base_type(type_name: &TypeName, context: &super::super::Context<'_>) -> TypeName {
    if !type_name.array
        && let Some(made) = context.made_type(&type_name.name)
        && let TypeKind::Domain { base, .. } = &made.definition
    {
        return base.clone();
    }
    type_name.clone()
}

fn type_facts(fact: &str, column: &Column, context: &super::super::Context<'_>) -> Datum {
    let base = base_type(&column.type_name, context);
    let name = base.name.name.as_str();
    let builtin = types::is_builtin(name) && base.name.schema.is_none();
    let first = base.modifiers.first().and_then(|modifier| modifier.parse().ok());
    match fact {
        "data_type" => Datum::text(if base.array {
            "ARRAY"
        } else if builtin {
            types::printed(name).unwrap_or("USER-DEFINED")
        } else {
            "USER-DEFINED"
        }),
        "udt_name" if base.array => Datum::text(&format!("_{name}")),
        "udt_name" => Datum::text(name),
        "udt_schema" if builtin => Datum::text("pg_catalog"),
        "udt_schema" => match (&base.name.schema, context.made_type(&base.name)) {
            (Some(schema), _) => Datum::text(schema),
            (None, Some(made)) => Datum::text(&made.name.schema),
            (None, None) => Datum::Unknown,
        },
        "domain_name" => {
            if base == column.type_name {
                Datum::Null
            } else {
                Datum::text(&column.type_name.name.name)
            }
        }
        "character_maximum_length" => match name {
            "varchar" | "bpchar" | "bit" | "varbit" if !base.array => {
                first.map_or(Datum::Null, Datum::Int)
            }
            _ => Datum::Null,
        },
        "numeric_precision" => match name {
            _ if base.array => Datum::Null,
            "int2" => Datum::Int(16),
            "int4" => Datum::Int(32),
            "int8" => Datum::Int(64),
            "float4" => Datum::Int(24),
            "float8" => Datum::Int(53),
            "numeric" => first.map_or(Datum::Null, Datum::Int),
            _ => Datum::Null,
        },
        "numeric_scale" => match name {
            _ if base.array => Datum::Null,
            "int2" | "int4" | "int8" => Datum::Int(0),
            "numeric" if first.is_some() => Datum::Int(
                base.modifiers
                    .get(1)
                    .and_then(|scale| scale.parse().ok())
                    .unwrap_or(0),
            ),
            _ => Datum::Null,
        },
        "datetime_precision" => match name {
            _ if base.array => Datum::Null,
            "timestamp" | "timestamptz" | "time" | "timetz" | "interval" => {
                Datum::Int(first.unwrap_or(6))
            }
            "date" => Datum::Int(0),
            _ => Datum::Null,
        },
        "collation_name" | "character_set_name" => Datum::Null,
        _ => Datum::Unknown,
    }
}

fn views(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(Some("table_schema"), Some("table_name"), None);
    for relation in &relations {
        if relation.kind != RelationKind::View {
            continue;
        }
        scan.row(is_certain(relation.presence), |column| match column {
            "table_catalog" => Datum::text(DATABASE),
            "table_schema" => shown_schema(relation),
            "table_name" => Datum::text(&relation.name.name),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn sequences(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(Some("sequence_schema"), Some("sequence_name"), None);
    for relation in &relations {
        if relation.kind != RelationKind::Sequence {
            continue;
        }
        scan.row(is_certain(relation.presence), |column| match column {
            "sequence_catalog" => Datum::text(DATABASE),
            "sequence_schema" => shown_schema(relation),
            "sequence_name" => Datum::text(&relation.name.name),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn schemata(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    let mut found = false;
    for (name, presence) in &context.catalog.schemas {
        if !scan.allows("schema_name", name) {
            continue;
        }
        found = true;
        scan.row(is_certain(*presence), |column| match column {
            "catalog_name" => Datum::text(DATABASE),
            "schema_name" => Datum::text(name),
            _ => Datum::Unknown,
        });
    }
    !context.catalog.open || (found && scan.wanted("schema_name").is_some())
}

/// Calls a function for each constraint that the scan may want.
fn each_constraint(
    scan: &mut Scan<'_, '_>,
    schema: &str,
    table: Option<&str>,
    mut act: impl FnMut(&mut Scan<'_, '_>, &Arc<Relation>, &Constraint, bool),
) -> bool {
    let (relations, known) = scan.relations(Some(schema), table, None);
    for relation in &relations {
        for constraint in &relation.constraints {
            if !scan.allows("constraint_name", &constraint.name) {
                continue;
            }
            let certain = is_certain(relation.presence) && is_certain(constraint.presence);
            act(scan, relation, constraint, certain);
        }
    }
    scan.members_known(&relations, known, "constraint_name")
}

fn common(column: &str, relation: &Relation, constraint: &Constraint) -> Datum {
    match column {
        "constraint_catalog" | "table_catalog" => Datum::text(DATABASE),
        "constraint_schema" | "table_schema" => shown_schema(relation),
        "constraint_name" => Datum::text(&constraint.name),
        "table_name" => Datum::text(&relation.name.name),
        _ => Datum::Unknown,
    }
}

fn table_constraints(scan: &mut Scan<'_, '_>) -> bool {
    let mut not_null = Vec::new();
    let complete = each_constraint(
        scan,
        "table_schema",
        Some("table_name"),
        |scan, relation, constraint, certain| {
            let kind = match constraint_letter(&constraint.definition.kind) {
                "c" | "n" => "CHECK",
                "u" => "UNIQUE",
                "p" => "PRIMARY KEY",
                "f" => "FOREIGN KEY",
                // exclusion constraints are in no view of this schema
                _ => return,
            };
            if !scan.allows("constraint_type", kind) {
                return;
            }
            scan.row(certain, |column| match column {
                "constraint_type" => Datum::text(kind),
                "is_deferrable" => yes(constraint.definition.deferrable),
                "initially_deferred" => yes(constraint.definition.initially_deferred),
                "enforced" => yes(true),
                "nulls_distinct" => match &constraint.definition.kind {
                    ConstraintKind::Unique {
                        nulls_not_distinct, ..
                    } => yes(!nulls_not_distinct),
                    _ => Datum::Null,
                },
                other => common(other, relation, constraint),
            });
        },
    );
    // NOT NULL stands here as a CHECK under a made-up name of numbers (before 18)
    if scan.wanted("constraint_name").is_none() && scan.allows("constraint_type", "CHECK") {
        let (relations, _) = scan.relations(Some("table_schema"), Some("table_name"), None);
        for relation in &relations {
            if matches!(relation.kind, RelationKind::Table | RelationKind::PartitionedTable) {
                let columns = relation
                    .columns
                    .iter()
                    .filter(|column| is_not_null(relation, column))
                    .count();
                not_null.extend(std::iter::repeat_n(Arc::clone(relation), columns));
            }
        }
        for relation in not_null {
            scan.row(is_certain(relation.presence), |column| match column {
                "constraint_type" => Datum::text("CHECK"),
                "constraint_catalog" | "table_catalog" => Datum::text(DATABASE),
                "constraint_schema" | "table_schema" => shown_schema(&relation),
                "table_name" => Datum::text(&relation.name.name),
                "is_deferrable" | "initially_deferred" => yes(false),
                // it holds oids: no name of a migration's is equal to it
                "constraint_name" => Datum::Fresh,
                _ => Datum::Unknown,
            });
        }
    }
    complete
}

fn key_column_usage(scan: &mut Scan<'_, '_>) -> bool {
    each_constraint(
        scan,
        "table_schema",
        Some("table_name"),
        |scan, relation, constraint, certain| {
            let foreign = match &constraint.definition.kind {
                ConstraintKind::ForeignKey { .. } => true,
                ConstraintKind::Unique { .. } | ConstraintKind::PrimaryKey { .. } => false,
                _ => return,
            };
            for (index, key) in key_columns(constraint).iter().enumerate() {
                if !scan.allows("column_name", key) {
                    continue;
                }
                scan.row(certain, |column| match column {
                    "column_name" => Datum::text(key),
                    "ordinal_position" => Datum::Int(index as i64 + 1),
                    "position_in_unique_constraint" if foreign => Datum::Int(index as i64 + 1),
                    "position_in_unique_constraint" => Datum::Null,
                    other => common(other, relation, constraint),
                });
            }
        },
    )
}

/// The table and columns that a constraint uses: those referenced, for a foreign key.
fn used_by(relation: &Relation, constraint: &Constraint) -> Option<(SmolStr, SmolStr, Vec<SmolStr>)> {
    match &constraint.definition.kind {
        ConstraintKind::ForeignKey { referenced, .. } => {
            let target = constraint.references.as_ref()?;
            Some((target.schema.clone(), target.name.clone(), referenced.clone()))
        }
        ConstraintKind::Exclude { .. } => None,
        _ => Some((
            relation.name.schema.clone(),
            relation.name.name.clone(),
            key_columns(constraint).to_vec(),
        )),
    }
}

fn constraint_column_usage(scan: &mut Scan<'_, '_>) -> bool {
    each_constraint(
        scan,
        "constraint_schema",
        None,
        |scan, relation, constraint, certain| {
            let Some((schema, table, columns)) = used_by(relation, constraint) else {
                return;
            };
            if !scan.allows("table_name", &table) {
                return;
            }
            for used in &columns {
                if !scan.allows("column_name", used) {
                    continue;
                }
                scan.row(certain, |column| match column {
                    "table_schema" => Datum::text(&schema),
                    "table_name" => Datum::text(&table),
                    "column_name" => Datum::text(used),
                    other => common(other, relation, constraint),
                });
            }
        },
    )
}

fn constraint_table_usage(scan: &mut Scan<'_, '_>) -> bool {
    each_constraint(
        scan,
        "constraint_schema",
        None,
        |scan, relation, constraint, certain| {
            if matches!(constraint.definition.kind, ConstraintKind::Check(_)) {
                return;
            }
            let Some((schema, table, _)) = used_by(relation, constraint) else {
                return;
            };
            scan.row(certain, |column| match column {
                "table_schema" => Datum::text(&schema),
                "table_name" => Datum::text(&table),
                other => common(other, relation, constraint),
            });
        },
    )
}

fn referential_constraints(scan: &mut Scan<'_, '_>) -> bool {
    each_constraint(
        scan,
        "constraint_schema",
        None,
        |scan, relation, constraint, certain| {
            let ConstraintKind::ForeignKey {
                referenced,
                on_delete,
                on_update,
                ..
            } = &constraint.definition.kind
            else {
                return;
            };
            let context = scan.context;
            let target = constraint
                .references
                .as_ref()
                .and_then(|name| context.catalog.relations.get(name));
            let unique = target.and_then(|target| {
                target.constraints.iter().find(|candidate| {
                    matches!(
                        candidate.definition.kind,
                        ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. }
                    ) && key_columns(candidate) == referenced.as_slice()
                })
            });
            scan.row(certain, |column| match column {
                "unique_constraint_catalog" => Datum::text(DATABASE),
                "unique_constraint_schema" => target.map_or(Datum::Unknown, |target| {
                    shown_schema(target)
                }),
                "unique_constraint_name" => text(unique.map(|unique| unique.name.as_str())),
                "match_option" => Datum::text("NONE"),
                "update_rule" => Datum::text(render::action_text(*on_update)),
                "delete_rule" => Datum::text(render::action_text(*on_delete)),
                other => common(other, relation, constraint),
            });
        },
    )
}

fn check_constraints(scan: &mut Scan<'_, '_>) -> bool {
    each_constraint(
        scan,
        "constraint_schema",
        None,
        |scan, relation, constraint, certain| {
            if !matches!(constraint.definition.kind, ConstraintKind::Check(_)) {
                return;
            }
            scan.row(certain, |column| match column {
                "check_clause" => Datum::Unknown,
                other => common(other, relation, constraint),
            });
        },
    )
}

fn triggers(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, known) =
        scan.relations(Some("event_object_schema"), Some("event_object_table"), None);
    for relation in &relations {
        for trigger in &relation.triggers {
            if !scan.allows("trigger_name", &trigger.name) {
                continue;
            }
            scan.row(is_certain(relation.presence), |column| match column {
                "trigger_catalog" | "event_object_catalog" => Datum::text(DATABASE),
                "trigger_schema" | "event_object_schema" => shown_schema(relation),
                "event_object_table" => Datum::text(&relation.name.name),
                "trigger_name" => Datum::text(&trigger.name),
                "action_statement" => {
                    Datum::text(&format!("EXECUTE FUNCTION {}()", trigger.function.name))
                }
                _ => Datum::Unknown,
            });
        }
    }
    scan.members_known(&relations, known, "trigger_name")
}

fn routines(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    let mut found = false;
    for (name, overloads) in &context.catalog.functions {
        if !scan.allows("routine_name", &name.name) || !scan.allows("routine_schema", &name.schema) {
            continue;
        }
        for function in overloads.iter() {
            found = true;
            scan.row(is_certain(function.presence), |column| match column {
                "routine_catalog" | "specific_catalog" => Datum::text(DATABASE),
                "routine_schema" | "specific_schema" => Datum::text(&name.schema),
                "routine_name" => Datum::text(&name.name),
                "routine_type" => Datum::text(match function.kind {
                    ObjectKind::Procedure => "PROCEDURE",
                    _ => "FUNCTION",
                }),
                "routine_definition" => Datum::text(&function.body),
                _ => Datum::Unknown,
            });
        }
    }
    let named = scan.wanted("routine_name").is_some() || scan.wanted("routine_schema").is_some();
    (named && !context.catalog.open) || (scan.wanted("routine_name").is_some() && found)
}

fn domains(scan: &mut Scan<'_, '_>) -> bool {
    let context = scan.context;
    for made in context.catalog.types.values() {
        if !matches!(made.definition, TypeKind::Domain { .. })
            || !scan.allows("domain_name", &made.name.name)
        {
            continue;
        }
        scan.row(is_certain(made.presence), |column| match column {
            "domain_catalog" => Datum::text(DATABASE),
            "domain_schema" => Datum::text(&made.name.schema),
            "domain_name" => Datum::text(&made.name.name),
            _ => Datum::Unknown,
        });
    }
    let maybe = scan.wanted("domain_name").is_some_and(|names| {
        names.iter().any(|name| match name {
            Datum::Text(name) => context.may_exist(&Name::new(&**name)),
            _ => false,
        })
    });
    !context.catalog.open && !maybe
}
