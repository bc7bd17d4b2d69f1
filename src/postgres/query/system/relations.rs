//! `pg_class` and what hangs on relations: columns, indexes, constraints, triggers, policies, and the views over them.

use std::sync::Arc;

use smol_str::SmolStr;

use super::super::render;
use super::{Scan, attribute_number, attribute_numbers, is_certain, oid, text, types};
use crate::postgres::catalog::{Column, Constraint, Index, Relation, RelationKind, TypeKind};
use crate::postgres::expression::{Datum, Expr};
use crate::postgres::statement::{ConstraintKind, Identity, ReferentialAction};

/// Fills a scan of one of these tables; `None`: it is none of them.
pub(super) fn scan(table: &str, scan: &mut Scan<'_, '_>) -> Option<bool> {
    Some(match table {
        "pg_class" => classes(scan),
        "pg_attribute" => attributes(scan),
        "pg_attrdef" => defaults(scan),
        "pg_index" => indexes(scan),
        "pg_indexes" => index_view(scan),
        "pg_constraint" => constraints(scan),
        "pg_trigger" => triggers(scan),
        "pg_policy" => policies(scan),
        "pg_policies" => policy_view(scan),
        "pg_tables" => tables(scan),
        "pg_views" => views(scan, "viewname", RelationKind::View),
        "pg_matviews" => views(scan, "matviewname", RelationKind::MaterializedView),
        "pg_sequences" => sequences(scan),
        "pg_sequence" => sequence_catalog(scan),
        "pg_inherits" => inheritance(scan),
        "pg_partitioned_table" => partitioned(scan),
        "pg_stat_user_tables" | "pg_stat_all_tables" | "pg_statio_user_tables" => statistics(scan),
        "pg_stat_user_indexes" | "pg_stat_all_indexes" => index_statistics(scan),
        "pg_rules" => rules(scan),
        _ => return None,
    })
}

fn schema_oid(relation: &Relation) -> Datum {
    Datum::Int(oid::schema(&relation.name.schema))
}

fn relkind(kind: RelationKind) -> &'static str {
    match kind {
        RelationKind::Table => "r",
        RelationKind::PartitionedTable => "p",
        RelationKind::ForeignTable => "f",
        RelationKind::View => "v",
        RelationKind::MaterializedView => "m",
        RelationKind::Sequence => "S",
        RelationKind::Index => "i",
    }
}

pub(super) fn has_columns(kind: RelationKind) -> bool {
    !matches!(kind, RelationKind::Sequence | RelationKind::Index)
}

fn classes(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(None, Some("relname"), Some("oid"));
    for relation in &relations {
        if !scan.allows_oid("relnamespace", oid::schema(&relation.name.schema))
            || !scan.allows("relname", &relation.name.name)
        {
            continue;
        }
        scan.row(is_certain(relation.presence), |column| {
            class(relation, column)
        });
    }
    complete
}

fn class(relation: &Relation, column: &str) -> Datum {
    let open = relation.columns_open;
    match column {
        "oid" | "relfilenode" => Datum::Int(oid::relation(&relation.name)),
        "relname" => Datum::text(&relation.name.name),
        "relnamespace" => schema_oid(relation),
        "reltype" => Datum::Int(oid::made_type(&relation.name)),
        "relkind" => {
            let partitioned_index = relation.kind == RelationKind::Index && open;
            if partitioned_index {
                Datum::Unknown
            } else {
                Datum::text(relkind(relation.kind))
            }
        }
        "relnatts" if !open => Datum::Int(relation.columns.len() as i64),
        "relhasindex" if !open => Datum::Bool(!relation.indexes.is_empty()),
        "relhastriggers" => {
            let keys = relation.constraints.iter().any(|constraint| {
                matches!(
                    constraint.definition.kind,
                    ConstraintKind::ForeignKey { .. }
                )
            });
            if !relation.triggers.is_empty() || keys {
                Datum::Bool(true)
            } else {
                Datum::Unknown
            }
        }
        "relrowsecurity" => Datum::Bool(relation.row_security),
        "relispartition" => Datum::Bool(relation.partition_of.is_some()),
        "relpersistence" => Datum::text(if relation.name.schema == "pg_temp" {
            "t"
        } else if relation.unlogged {
            "u"
        } else {
            "p"
        }),
        "relispopulated" => Datum::Bool(true),
        "relisshared" => Datum::Bool(false),
        "relhasoids" => Datum::Bool(false),
        _ => Datum::Unknown,
    }
}

fn attributes(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, known) = scan.relations(None, None, Some("attrelid"));
    let mut complete = known;
    for relation in &relations {
        if !has_columns(relation.kind) {
            continue;
        }
        let mut found = false;
        for (index, column) in relation.columns.iter().enumerate() {
            if !scan.allows("attname", &column.name) {
                continue;
            }
            found = true;
            let certain = is_certain(relation.presence) && is_certain(column.presence);
            let context = scan.context;
            scan.row(certain, |name| match name {
                "attrelid" => Datum::Int(oid::relation(&relation.name)),
                "attname" => Datum::text(&column.name),
                "attnum" => Datum::Int(index as i64 + 1),
                "atttypid" => types::oid_of_type(&column.type_name, context)
                    .map_or(Datum::Unknown, Datum::Int),
                "atttypmod" => modifier(column),
                "attnotnull" => Datum::Bool(is_not_null(relation, column)),
                "atthasdef" => Datum::Bool(column.default.is_some() || column.generated.is_some()),
                "attidentity" => Datum::text(match column.identity {
                    Some(Identity::Always) => "a",
                    Some(Identity::ByDefault) => "d",
                    None => "",
                }),
                "attgenerated" => Datum::text(match &column.generated {
                    Some((_, true)) => "s",
                    Some((_, false)) => "v",
                    None => "",
                }),
                "attisdropped" => Datum::Bool(false),
                "attislocal" => Datum::Bool(true),
                "attndims" => Datum::Int(i64::from(column.type_name.array)),
                _ => Datum::Unknown,
            });
        }
        complete &= !relation.columns_open || (found && scan.wanted("attname").is_some());
    }
    complete
}

fn modifier(column: &Column) -> Datum {
    let first = column
        .type_name
        .modifiers
        .first()
        .and_then(|modifier| modifier.parse::<i64>().ok());
    match (column.type_name.name.name.as_str(), first) {
        ("varchar" | "bpchar", Some(length)) => Datum::Int(length + 4),
        ("numeric", Some(precision)) => {
            let scale = column
                .type_name
                .modifiers
                .get(1)
                .and_then(|scale| scale.parse::<i64>().ok())
                .unwrap_or(0);
            Datum::Int((precision << 16 | scale) + 4)
        }
        (_, Some(precision)) => Datum::Int(precision),
        (_, None) => Datum::Int(-1),
    }
}

pub(super) fn is_not_null(relation: &Relation, column: &Column) -> bool {
    column.not_null
        || column.identity.is_some()
        || relation
            .primary_key()
            .is_some_and(|key| key.contains(&column.name))
}

fn defaults(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, known) = scan.relations(None, None, Some("adrelid"));
    for relation in &relations {
        for (index, column) in relation.columns.iter().enumerate() {
            let Some(default) = &column.default else {
                continue;
            };
            scan.row(is_certain(relation.presence), |name| match name {
                "oid" => Datum::Int(oid::member("default", &relation.name, &column.name)),
                "adrelid" => Datum::Int(oid::relation(&relation.name)),
                "adnum" => Datum::Int(index as i64 + 1),
                "adbin" | "adsrc" => text(render::default_text(default, &column.type_name)),
                _ => Datum::Unknown,
            });
        }
    }
    scan.members_known(&relations, known, "adnum")
}

/// Tables that have an index that may be wanted, with that index.
fn tables_with_indexes(
    scan: &Scan<'_, '_>,
    table_oid: Option<&str>,
    index_oid: Option<&str>,
    table_name: Option<&str>,
    index_name: Option<&str>,
    schema: Option<&str>,
) -> (Vec<(Arc<Relation>, Index)>, bool) {
    let by_index = index_oid.is_some_and(|column| scan.wanted(column).is_some())
        || index_name.is_some_and(|column| scan.wanted(column).is_some());
    let mut pairs = Vec::new();
    if by_index {
        let (indexes, complete) = scan.relations(schema, index_name, index_oid);
        for relation in indexes {
            let table = relation
                .index_of
                .as_ref()
                .and_then(|table| scan.context.catalog.relations.get(table));
            let Some(table) = table else { continue };
            if let Some(index) = table
                .indexes
                .iter()
                .find(|index| index.name == relation.name.name)
            {
                pairs.push((Arc::clone(table), index.clone()));
            }
        }
        return (pairs, complete);
    }
    let (tables, known) = scan.relations(schema, table_name, table_oid);
    for table in &tables {
        for index in &table.indexes {
            pairs.push((Arc::clone(table), index.clone()));
        }
    }
    let complete = scan.members_known(&tables, known, "indexname");
    (pairs, complete)
}

fn index_oid(table: &Relation, index: &Index) -> i64 {
    oid::relation(&crate::postgres::catalog::QualifiedName::new(
        &table.name.schema,
        &index.name,
    ))
}

fn indexes(scan: &mut Scan<'_, '_>) -> bool {
    let (pairs, complete) =
        tables_with_indexes(scan, Some("indrelid"), Some("indexrelid"), None, None, None);
    for (table, index) in &pairs {
        let number = index_oid(table, index);
        if !scan.allows_oid("indexrelid", number)
            || !scan.allows_oid("indrelid", oid::relation(&table.name))
        {
            continue;
        }
        let certain = is_certain(table.presence) && is_certain(index.presence);
        scan.row(certain, |name| match name {
            "indexrelid" => Datum::Int(number),
            "indrelid" => Datum::Int(oid::relation(&table.name)),
            "indnatts" => Datum::Int((index.elements.len() + index.include.len()) as i64),
            "indnkeyatts" => Datum::Int(index.elements.len() as i64),
            "indisunique" => Datum::Bool(index.unique),
            "indnullsnotdistinct" => Datum::Bool(index.nulls_not_distinct),
            "indisprimary" => Datum::Bool(index.primary),
            "indisvalid" => Datum::Bool(index.valid),
            "indisready" | "indislive" => Datum::Bool(true),
            "indisexclusion" | "indisclustered" | "indisreplident" => Datum::Unknown,
            "indkey" => index_key(table, index),
            "indpred" => {
                if index.filter.is_some() {
                    Datum::text("?")
                } else {
                    Datum::Null
                }
            }
            "indexprs" => {
                let plain = index
                    .elements
                    .iter()
                    .all(|element| matches!(element.value, Expr::Column { .. }));
                if plain { Datum::Null } else { Datum::text("?") }
            }
            _ => Datum::Unknown,
        });
    }
    complete
}

fn index_key(table: &Relation, index: &Index) -> Datum {
    let elements = index.elements.iter().map(|element| match &element.value {
        Expr::Column { name, .. } => attribute_number(table, name),
        // an expression
        _ => Datum::Int(0),
    });
    let include = index
        .include
        .iter()
        .map(|column| attribute_number(table, column));
    Datum::Array(elements.chain(include).collect())
}

fn index_view(scan: &mut Scan<'_, '_>) -> bool {
    let (pairs, complete) = tables_with_indexes(
        scan,
        None,
        None,
        Some("tablename"),
        Some("indexname"),
        Some("schemaname"),
    );
    for (table, index) in &pairs {
        let wanted = scan.allows("indexname", &index.name)
            && scan.allows("tablename", &table.name.name)
            && scan.allows("schemaname", &table.name.schema);
        if !wanted {
            continue;
        }
        let certain = is_certain(table.presence) && is_certain(index.presence);
        scan.row(certain, |name| match name {
            "schemaname" => Datum::text(&table.name.schema),
            "tablename" => Datum::text(&table.name.name),
            "indexname" => Datum::text(&index.name),
            "tablespace" => Datum::Null,
            "indexdef" => text(render::index_definition(table, index)),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn action_letter(action: ReferentialAction) -> &'static str {
    match action {
        ReferentialAction::NoAction => "a",
        ReferentialAction::Restrict => "r",
        ReferentialAction::Cascade => "c",
        ReferentialAction::SetNull => "n",
        ReferentialAction::SetDefault => "d",
    }
}

fn constraints(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, known) = scan.relations(None, None, Some("conrelid"));
    for relation in &relations {
        if !scan.allows_oid("connamespace", oid::schema(&relation.name.schema)) {
            continue;
        }
        for constraint in &relation.constraints {
            let number = oid::constraint(&relation.name, &constraint.name);
            if !scan.allows("conname", &constraint.name) || !scan.allows_oid("oid", number) {
                continue;
            }
            let certain = is_certain(relation.presence) && is_certain(constraint.presence);
            let context = scan.context;
            scan.row(certain, |name| {
                constraint_column(relation, constraint, name, context)
            });
        }
    }
    if scan.wanted("conrelid").is_none() {
        domain_constraints(scan);
    }
    scan.members_known(&relations, known, "conname")
}

pub(super) fn constraint_letter(kind: &ConstraintKind) -> &'static str {
    match kind {
        ConstraintKind::Check(_) => "c",
        ConstraintKind::NotNull { .. } => "n",
        ConstraintKind::Unique { .. } => "u",
        ConstraintKind::PrimaryKey { .. } => "p",
        ConstraintKind::ForeignKey { .. } => "f",
        ConstraintKind::Exclude { .. } => "x",
    }
}

/// The columns that a constraint is on, in order.
pub(super) fn key_columns(constraint: &Constraint) -> &[SmolStr] {
    match &constraint.definition.kind {
        ConstraintKind::Unique { columns, .. }
        | ConstraintKind::PrimaryKey { columns, .. }
        | ConstraintKind::ForeignKey { columns, .. }
            if !columns.is_empty() =>
        {
            columns
        }
        _ => &constraint.columns,
    }
}

fn constraint_column(
    relation: &Relation,
    constraint: &Constraint,
    column: &str,
    context: &super::super::Context<'_>,
) -> Datum {
    let definition = &constraint.definition;
    let foreign = match &definition.kind {
        ConstraintKind::ForeignKey {
            referenced,
            on_delete,
            on_update,
            ..
        } => Some((referenced, *on_delete, *on_update)),
        _ => None,
    };
    match column {
        "oid" => Datum::Int(oid::constraint(&relation.name, &constraint.name)),
        "conname" => Datum::text(&constraint.name),
        "connamespace" => schema_oid(relation),
        "contype" => Datum::text(constraint_letter(&definition.kind)),
        "condeferrable" => Datum::Bool(definition.deferrable),
        "condeferred" => Datum::Bool(definition.initially_deferred),
        "convalidated" => Datum::Bool(!definition.not_valid),
        "conrelid" => Datum::Int(oid::relation(&relation.name)),
        "contypid" | "conparentid" => Datum::Int(0),
        "conindid" => relation
            .indexes
            .iter()
            .find(|index| index.constraint.as_ref() == Some(&constraint.name))
            .map_or(Datum::Int(0), |index| {
                Datum::Int(index_oid(relation, index))
            }),
        "confrelid" => match &constraint.references {
            Some(target) => Datum::Int(oid::relation(target)),
            None if foreign.is_some() => Datum::Unknown,
            None => Datum::Int(0),
        },
        "confdeltype" => Datum::text(foreign.map_or(" ", |(_, delete, _)| action_letter(delete))),
        "confupdtype" => Datum::text(foreign.map_or(" ", |(_, _, update)| action_letter(update))),
        "connoinherit" => Datum::Bool(definition.no_inherit),
        "conkey" => attribute_numbers(relation, key_columns(constraint)),
        "confkey" => match (foreign, &constraint.references) {
            (Some((referenced, ..)), Some(target)) => context
                .catalog
                .relations
                .get(target)
                .map_or(Datum::Unknown, |target| {
                    attribute_numbers(target, referenced)
                }),
            (Some(_), None) => Datum::Unknown,
            (None, _) => Datum::Null,
        },
        _ => Datum::Unknown,
    }
}

fn domain_constraints(scan: &mut Scan<'_, '_>) {
    let context = scan.context;
    for made in context.catalog.types.values() {
        let TypeKind::Domain { constraints, .. } = &made.definition else {
            continue;
        };
        for constraint in constraints {
            if !scan.allows("conname", &constraint.name) {
                continue;
            }
            scan.row(is_certain(made.presence), |name| match name {
                "conname" => Datum::text(&constraint.name),
                "contype" => Datum::text(constraint_letter(&constraint.definition.kind)),
                "contypid" => Datum::Int(oid::made_type(&made.name)),
                "conrelid" | "confrelid" => Datum::Int(0),
                "connamespace" => Datum::Int(oid::schema(&made.name.schema)),
                "convalidated" => Datum::Bool(!constraint.definition.not_valid),
                _ => Datum::Unknown,
            });
        }
    }
}

fn triggers(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, known) = scan.relations(None, None, Some("tgrelid"));
    for relation in &relations {
        for trigger in &relation.triggers {
            if !scan.allows("tgname", &trigger.name) {
                continue;
            }
            scan.row(is_certain(relation.presence), |name| match name {
                "oid" => Datum::Int(oid::member("trigger", &relation.name, &trigger.name)),
                "tgname" => Datum::text(&trigger.name),
                "tgrelid" => Datum::Int(oid::relation(&relation.name)),
                "tgfoid" => Datum::Int(oid::function(&trigger.function, 0)),
                "tgenabled" => Datum::text(if trigger.enabled { "O" } else { "D" }),
                "tgisinternal" => Datum::Bool(false),
                "tgattr" => attribute_numbers(relation, &trigger.columns),
                _ => Datum::Unknown,
            });
        }
    }
    scan.members_known(&relations, known, "tgname")
}

fn policies(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, known) = scan.relations(None, None, Some("polrelid"));
    for relation in &relations {
        for policy in &relation.policies {
            if !scan.allows("polname", &policy.name) {
                continue;
            }
            scan.row(is_certain(relation.presence), |name| match name {
                "oid" => Datum::Int(oid::member("policy", &relation.name, &policy.name)),
                "polname" => Datum::text(&policy.name),
                "polrelid" => Datum::Int(oid::relation(&relation.name)),
                _ => Datum::Unknown,
            });
        }
    }
    scan.members_known(&relations, known, "polname")
}

fn policy_view(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, known) = scan.relations(Some("schemaname"), Some("tablename"), None);
    for relation in &relations {
        for policy in &relation.policies {
            if !scan.allows("policyname", &policy.name) {
                continue;
            }
            scan.row(is_certain(relation.presence), |name| match name {
                "schemaname" => Datum::text(&relation.name.schema),
                "tablename" => Datum::text(&relation.name.name),
                "policyname" => Datum::text(&policy.name),
                _ => Datum::Unknown,
            });
        }
    }
    scan.members_known(&relations, known, "policyname")
}

fn tables(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(Some("schemaname"), Some("tablename"), None);
    for relation in &relations {
        if !matches!(
            relation.kind,
            RelationKind::Table | RelationKind::PartitionedTable
        ) {
            continue;
        }
        scan.row(is_certain(relation.presence), |name| match name {
            "schemaname" => Datum::text(&relation.name.schema),
            "tablename" => Datum::text(&relation.name.name),
            "tablespace" => Datum::Null,
            "hasindexes" | "hastriggers" => class(
                relation,
                &format!("rel{}", name.replace("indexes", "index")),
            ),
            "rowsecurity" => Datum::Bool(relation.row_security),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn views(scan: &mut Scan<'_, '_>, name_column: &str, kind: RelationKind) -> bool {
    let (relations, complete) = scan.relations(Some("schemaname"), Some(name_column), None);
    for relation in relations.iter().filter(|relation| relation.kind == kind) {
        scan.row(is_certain(relation.presence), |name| match name {
            "schemaname" => Datum::text(&relation.name.schema),
            "viewname" | "matviewname" => Datum::text(&relation.name.name),
            "hasindexes" => Datum::Bool(!relation.indexes.is_empty()),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn sequences(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(Some("schemaname"), Some("sequencename"), None);
    for relation in &relations {
        if relation.kind != RelationKind::Sequence {
            continue;
        }
        scan.row(is_certain(relation.presence), |name| match name {
            "schemaname" => Datum::text(&relation.name.schema),
            "sequencename" => Datum::text(&relation.name.name),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn sequence_catalog(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(None, None, Some("seqrelid"));
    for relation in &relations {
        if relation.kind != RelationKind::Sequence {
            continue;
        }
        scan.row(is_certain(relation.presence), |name| match name {
            "seqrelid" => Datum::Int(oid::relation(&relation.name)),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn inheritance(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(None, None, Some("inhrelid"));
    for relation in &relations {
        let parents = relation
            .inherits
            .iter()
            .chain(relation.partition_of.as_deref().map(|(parent, _)| parent));
        for (index, parent) in parents.enumerate() {
            if !scan.allows_oid("inhparent", oid::relation(parent)) {
                continue;
            }
            scan.row(is_certain(relation.presence), |name| match name {
                "inhrelid" => Datum::Int(oid::relation(&relation.name)),
                "inhparent" => Datum::Int(oid::relation(parent)),
                "inhseqno" => Datum::Int(index as i64 + 1),
                _ => Datum::Unknown,
            });
        }
    }
    complete
}

fn partitioned(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(None, None, Some("partrelid"));
    for relation in &relations {
        if relation.kind != RelationKind::PartitionedTable {
            continue;
        }
        scan.row(is_certain(relation.presence), |name| match name {
            "partrelid" => Datum::Int(oid::relation(&relation.name)),
            "partnatts" => Datum::Int(relation.partition_key.len() as i64),
            "partattrs" => attribute_numbers(relation, &relation.partition_key),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn statistics(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, complete) = scan.relations(Some("schemaname"), Some("relname"), Some("relid"));
    for relation in &relations {
        if !matches!(
            relation.kind,
            RelationKind::Table | RelationKind::PartitionedTable | RelationKind::MaterializedView
        ) {
            continue;
        }
        scan.row(is_certain(relation.presence), |name| match name {
            "relid" => Datum::Int(oid::relation(&relation.name)),
            "schemaname" => Datum::text(&relation.name.schema),
            "relname" => Datum::text(&relation.name.name),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn index_statistics(scan: &mut Scan<'_, '_>) -> bool {
    let (pairs, complete) = tables_with_indexes(
        scan,
        Some("relid"),
        Some("indexrelid"),
        Some("relname"),
        Some("indexrelname"),
        Some("schemaname"),
    );
    for (table, index) in &pairs {
        scan.row(is_certain(table.presence), |name| match name {
            "relid" => Datum::Int(oid::relation(&table.name)),
            "indexrelid" => Datum::Int(index_oid(table, index)),
            "schemaname" => Datum::text(&table.name.schema),
            "relname" => Datum::text(&table.name.name),
            "indexrelname" => Datum::text(&index.name),
            _ => Datum::Unknown,
        });
    }
    complete
}

fn rules(scan: &mut Scan<'_, '_>) -> bool {
    let (relations, known) = scan.relations(Some("schemaname"), Some("tablename"), None);
    for relation in &relations {
        for rule in &relation.rules {
            scan.row(is_certain(relation.presence), |name| match name {
                "schemaname" => Datum::text(&relation.name.schema),
                "tablename" => Datum::text(&relation.name.name),
                "rulename" => Datum::text(rule),
                _ => Datum::Unknown,
            });
        }
    }
    scan.members_known(&relations, known, "rulename")
}
