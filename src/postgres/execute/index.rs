//! Indexes: CREATE INDEX, REINDEX, CLUSTER, and what constraints and partitions need of them.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::limits::Limit;
use crate::postgres::catalog::{
    Constraint, Index, Presence, QualifiedName, Relation, RelationKind, builtin,
};
use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::query::column_name;
use crate::postgres::statement::{ConstraintDefinition, ConstraintKind, CreateIndex, IndexElement};
use crate::postgres::{Datum, Expr, Name, ServerError, Session, SqlState};

use super::{Effect, Failure, constraint, data, expressions, fail, fail_about, names, resolve};

/// What the server says of an element that is not immutable.
pub(super) const MUTABLE_ELEMENT: &str = "functions in index expression must be marked IMMUTABLE";

/// What the server says of a predicate that is not immutable.
pub(super) const MUTABLE_FILTER: &str = "functions in index predicate must be marked IMMUTABLE";

/// CREATE INDEX.
pub(crate) fn create(session: &mut Session, create: &CreateIndex) -> Effect {
    if let Some(name) = &create.name {
        resolve::known_plain(name)?;
    }
    let table = resolve::relation(session, &create.table, ObjectKind::Table)?;
    room(session, &table)?;
    check_kind(session, &table, create)?;
    check_access_method(session, &create.method)?;
    let mut columns: Vec<SmolStr> = Vec::new();
    for element in &create.elements {
        if let Expr::Column { name, .. } = &element.value
            && resolve::is_system_column(name)
        {
            return fail(
                SqlState::FEATURE_NOT_SUPPORTED,
                "index creation on system columns is not supported",
            );
        }
        expressions::refuse_beyond_row(session, &element.value, "index expression")?;
        expressions::check_in_table(session, &table, &element.value, true)?;
        data::check_immutable(session, &table, &element.value, MUTABLE_ELEMENT)?;
        columns.extend(constraint::used_columns(session, &table, &element.value));
    }
    for column in &create.include {
        resolve::column_or(session, &table, column, || {
            format!("column \"{column}\" does not exist")
        })?;
        columns.push(column.clone());
    }
    if let Some(filter) = &create.filter {
        expressions::refuse_beyond_row(session, filter, "index predicate")?;
        expressions::check_in_table(session, &table, filter, true)?;
        data::check_boolean(session, &table, filter, "WHERE")?;
        data::check_immutable(session, &table, filter, MUTABLE_FILTER)?;
        columns.extend(constraint::used_columns(session, &table, filter));
    }
    check_operator_classes(session, &table, &create.method, &create.elements)?;
    if create.unique {
        let plain = plain_columns(&create.elements);
        check_partition_columns(session, &table, &plain, "UNIQUE")?;
    }
    let name = match &create.name {
        Some(name) => {
            let qualified = QualifiedName {
                schema: table.schema.clone(),
                name: name.clone(),
            };
            if let Some(key) = resolve::occupied_relation(session, &qualified) {
                if create.if_not_exists {
                    return Ok(());
                }
                return Err(resolve::duplicate_relation(&qualified, key));
            }
            name.clone()
        }
        None => chosen_name(session, &table, &create.elements, &create.include),
    };
    let index = Index {
        name,
        unique: create.unique,
        primary: false,
        method: if create.method.is_empty() {
            SmolStr::new_static("btree")
        } else {
            create.method.clone()
        },
        elements: create.elements.clone(),
        include: create.include.clone(),
        filter: create.filter.clone(),
        nulls_not_distinct: create.nulls_not_distinct,
        constraint: None,
        valid: true,
        columns,
        presence: Presence::Certain,
    };
    let attached = attach(session, &table, index.clone());
    if attached.is_err() && create.concurrently {
        session.call.left_behind = Some((table.clone(), index.clone()));
    }
    attached?;
    if !create.only {
        for child in super::alter_table::children(session, &table) {
            let is_partition = session
                .catalog
                .relation(&child)
                .is_some_and(|relation| relation.partition_of.is_some());
            if is_partition {
                copy(session, &child, &index)?;
            }
        }
    }
    Ok(())
}

/// Whether a table may get one more constraint or index within the bounds.
pub(super) fn room(session: &Session, table: &QualifiedName) -> Effect {
    let most = Limit::TableParts.count();
    let is_full = session.catalog.relation(table).is_some_and(|relation| {
        relation.indexes.len() >= most || relation.constraints.len() >= most
    });
    if is_full {
        return Err(Failure::Unknown(Limit::TableParts.met().into()));
    }
    Ok(())
}

fn check_kind(session: &Session, table: &QualifiedName, create: &CreateIndex) -> Effect {
    let Some(relation) = session.catalog.relation(table) else {
        return Ok(());
    };
    match relation.kind {
        RelationKind::Table | RelationKind::MaterializedView => Ok(()),
        RelationKind::PartitionedTable if create.concurrently => fail(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!(
                "cannot create index on partitioned table \"{}\" concurrently",
                table.name
            ),
        ),
        RelationKind::PartitionedTable => Ok(()),
        _ => resolve::wrong_kind(
            table,
            format!("cannot create index on relation \"{}\"", table.name),
        ),
    }
}

/// 0A000: a key of a partitioned table holds in each partition alone, so it must have the columns that tell them apart.
pub(crate) fn check_partition_columns(
    session: &Session,
    table: &QualifiedName,
    columns: &[SmolStr],
    what: &str,
) -> Effect {
    let Some(relation) = session.catalog.relation(table) else {
        return Ok(());
    };
    if relation.kind != RelationKind::PartitionedTable {
        return Ok(());
    }
    for key in &relation.partition_key {
        if relation.column(key).is_none() {
            // an expression: no key can have it
            if key == "(expression)" {
                return fail(
                    SqlState::FEATURE_NOT_SUPPORTED,
                    format!("unsupported {what} constraint with partition key definition"),
                );
            }
            continue;
        }
        if !columns.contains(key) {
            return fail(
                SqlState::FEATURE_NOT_SUPPORTED,
                "unique constraint on partitioned table must include all partitioning columns",
            );
        }
    }
    Ok(())
}

fn check_access_method(session: &Session, method: &str) -> Effect {
    let Some(extension) = builtin::extension_of_access_method(method) else {
        return Ok(());
    };
    if extension.is_empty() || session.catalog.open || session.catalog.has_extension(extension) {
        return Ok(());
    }
    fail_about(
        SqlState::UNDEFINED_OBJECT,
        format!("access method \"{method}\" does not exist"),
        ObjectKind::AccessMethod,
        method,
    )
}

/// What the server says of operator classes: missing ones (42704), ones for another type (42804), types without one.
pub(crate) fn check_operator_classes(
    session: &Session,
    table: &QualifiedName,
    method: &str,
    elements: &[IndexElement],
) -> Effect {
    for element in elements {
        let type_name = match &element.value {
            Expr::Column { name, .. } => session
                .catalog
                .relation(table)
                .and_then(|relation| relation.column(name))
                .map(|column| column.type_name.clone()),
            _ => None,
        };
        if let Some(class) = &element.operator_class {
            check_operator_class(session, method, class, type_name.as_ref())?;
            continue;
        }
        let Some(type_name) = type_name else { continue };
        if has_no_default_class(session, method, &type_name) {
            let shown = crate::postgres::catalog::lookup::display_type_name(&type_name);
            return fail_about(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "data type {shown} has no default operator class for access method \"{method}\""
                ),
                ObjectKind::OperatorClass,
                &format!("{method} for {shown}"),
            );
        }
    }
    Ok(())
}

fn check_operator_class(
    session: &Session,
    method: &str,
    class: &str,
    type_name: Option<&crate::postgres::TypeName>,
) -> Effect {
    let plain = class.rsplit('.').next().unwrap_or(class);
    if let Some(extension) = builtin::extension_of_operator_class(plain)
        && !session.catalog.open
        && !session.catalog.has_extension(extension)
    {
        return fail_about(
            SqlState::UNDEFINED_OBJECT,
            format!("operator class \"{class}\" does not exist for access method \"{method}\""),
            ObjectKind::OperatorClass,
            class,
        );
    }
    let Some(type_name) = type_name.filter(|type_name| !type_name.array) else {
        return Ok(());
    };
    let accepts: &[&str] = match plain {
        "text_pattern_ops"
        | "varchar_pattern_ops"
        | "bpchar_pattern_ops"
        | "gin_trgm_ops"
        | "gist_trgm_ops"
        | "text_ops"
        | "varchar_ops" => &["text", "varchar", "bpchar", "name"],
        "jsonb_path_ops" | "jsonb_ops" => &["jsonb"],
        _ => return Ok(()),
    };
    let name = type_name.name.name.as_str();
    if !builtin::is_builtin_type(name) || accepts.contains(&name) || name == "unknown" {
        return Ok(());
    }
    fail(
        SqlState::DATATYPE_MISMATCH,
        format!(
            "operator class \"{class}\" does not accept data type {}",
            builtin::display_type(name)
        ),
    )
}

fn has_no_default_class(
    session: &Session,
    method: &str,
    type_name: &crate::postgres::TypeName,
) -> bool {
    let name = type_name.name.name.as_str();
    let of_catalog = session
        .catalog
        .find_type(&session.search_path, &type_name.name)
        .is_some();
    if of_catalog || name == "unknown" {
        return false;
    }
    let without_order = builtin::is_without_order(name);
    match method {
        "" | "btree" if type_name.array => without_order,
        "" | "btree" => without_order,
        "hash" if !type_name.array => without_order,
        "gin" => {
            !type_name.array
                && builtin::is_builtin_type(name)
                && !matches!(name, "jsonb" | "tsvector")
        }
        // `btree_gist` has those of what is ordered, `intarray` of arrays
        "gist" => {
            let adds = if type_name.array {
                "intarray"
            } else {
                "btree_gist"
            };
            let has_own = matches!(
                name,
                "point" | "tsvector" | "tsquery" | "polygon" | "box" | "circle"
            ) || name.ends_with("range");
            (type_name.array || !has_own)
                && builtin::is_builtin_type(name)
                && !session.catalog.open
                && !session.catalog.has_more()
                && !session.catalog.extensions.contains_key(adds)
        }
        _ => false,
    }
}

/// The name that the server makes for an index without one.
fn chosen_name(
    session: &Session,
    table: &QualifiedName,
    elements: &[IndexElement],
    include: &[SmolStr],
) -> SmolStr {
    let parts = element_names(elements, include);
    let addition = names::addition(parts.iter().map(SmolStr::as_str));
    names::relation(
        session,
        &table.schema,
        &table.name,
        Some(&addition),
        "idx",
        false,
    )
}

/// The elements of an index that are columns.
pub(crate) fn plain_columns(elements: &[IndexElement]) -> Vec<SmolStr> {
    elements
        .iter()
        .filter_map(|element| match &element.value {
            Expr::Column { name, .. } => Some(name.clone()),
            _ => None,
        })
        .collect()
}

/// Names of an index's columns, as `ChooseIndexColumnNames` makes them: each once, with numbers.
pub(crate) fn element_names(elements: &[IndexElement], include: &[SmolStr]) -> Vec<SmolStr> {
    let mut chosen: Vec<SmolStr> = Vec::new();
    let written = elements
        .iter()
        .map(|element| column_name(&element.value).unwrap_or_else(|| SmolStr::new_static("expr")));
    for name in written.chain(include.iter().cloned()) {
        let mut candidate = name.clone();
        let mut number = 0;
        while chosen.contains(&candidate) {
            number += 1;
            candidate = SmolStr::new(format!("{name}{number}"));
        }
        chosen.push(candidate);
    }
    chosen
}

/// 42P07 where a relation of this name is there.
pub(crate) fn free_name(session: &mut Session, table: &QualifiedName, name: &str) -> Effect {
    let qualified = QualifiedName {
        schema: table.schema.clone(),
        name: SmolStr::new(name),
    };
    match resolve::occupied_relation(session, &qualified) {
        Some(key) => Err(resolve::duplicate_relation(&qualified, key)),
        None => Ok(()),
    }
}

/// Puts an index on a table, with its relation; 23505 where rows that are known clash.
pub(crate) fn attach(session: &mut Session, table: &QualifiedName, index: Index) -> Effect {
    if index.unique {
        check_rows(session, table, &index)?;
    }
    let key = put(session, table, index);
    session.change(key);
    Ok(())
}

/// Puts an index on a table, with its relation; gives its key.
fn put(session: &mut Session, table: &QualifiedName, index: Index) -> ObjectKey {
    let name = QualifiedName {
        schema: table.schema.clone(),
        name: index.name.clone(),
    };
    let mut relation = Relation::new(name, RelationKind::Index);
    relation.index_of = Some(table.clone());
    let key = relation.key();
    session.catalog.relations.insert(Arc::new(relation));
    if let Some(relation) = session.catalog.relation_mut(table) {
        relation.indexes.push(index);
    }
    key
}

/// Puts an index on a table of which nothing is known but its name.
pub(crate) fn assume(session: &mut Session, table: &QualifiedName, name: &str) {
    let index = Index {
        name: SmolStr::new(name),
        unique: false,
        primary: false,
        method: SmolStr::new_static("btree"),
        elements: Vec::new(),
        include: Vec::new(),
        filter: None,
        nulls_not_distinct: false,
        constraint: None,
        valid: true,
        columns: Vec::new(),
        presence: Presence::Assumed,
    };
    put(session, table, index);
}

/// Keeps the invalid index of a CREATE INDEX CONCURRENTLY that failed.
pub(crate) fn leave_invalid(session: &mut Session, table: &QualifiedName, mut index: Index) {
    index.valid = false;
    put(session, table, index);
}

fn check_rows(session: &Session, table: &QualifiedName, index: &Index) -> Effect {
    let Some(relation) = session.catalog.relation(table) else {
        return Ok(());
    };
    if relation.rows.known.len() < 2 || index.filter.is_some() {
        return Ok(());
    }
    let mut columns = Vec::new();
    for element in &index.elements {
        match &element.value {
            Expr::Column { name, .. } => columns.push(name.clone()),
            _ => return Ok(()),
        }
    }
    let mut seen: Vec<Vec<&Datum>> = Vec::new();
    for row in &relation.rows.known {
        let key: Vec<&Datum> = columns.iter().map(|column| row.get(column)).collect();
        let comparable = key
            .iter()
            .all(|value| value.is_known() && !matches!(value, Datum::Null | Datum::Float(_)));
        if !comparable {
            continue;
        }
        if seen.contains(&key) {
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::UNIQUE_VIOLATION,
                    format!("could not create unique index \"{}\"", index.name),
                )
                .about(table.key(ObjectKind::Rows)),
            ));
        }
        seen.push(key);
    }
    Ok(())
}

/// Takes an index off its table, with its relation; nothing is checked.
pub(crate) fn remove(session: &mut Session, table: &QualifiedName, name: &str) {
    if let Some(relation) = session.catalog.relation_mut(table) {
        relation.indexes.retain(|known| known.name != name);
    }
    let qualified = QualifiedName {
        schema: table.schema.clone(),
        name: SmolStr::new(name),
    };
    session.catalog.relations.remove(&qualified);
    session.change(qualified.key(ObjectKind::Index));
}

/// 42704 for an index that is not there.
pub(crate) fn missing(table: &QualifiedName, name: &str) -> Failure {
    let key = QualifiedName {
        schema: table.schema.clone(),
        name: SmolStr::new(name),
    }
    .key(ObjectKind::Index);
    Failure::Error(
        ServerError::new(
            SqlState::UNDEFINED_OBJECT,
            format!("index \"{name}\" does not exist"),
        )
        .about(key),
    )
}

/// Copies all indexes of a table, with their constraints, to another: LIKE INCLUDING INDEXES, partitions.
pub(crate) fn copy_all(
    session: &mut Session,
    source: &QualifiedName,
    target: &QualifiedName,
) -> Effect {
    let indexes: Vec<Index> = session
        .catalog
        .relation(source)
        .map(|relation| relation.indexes.iter().cloned().collect())
        .unwrap_or_default();
    for index in indexes {
        copy(session, target, &index)?;
    }
    Ok(())
}

fn copy(session: &mut Session, target: &QualifiedName, index: &Index) -> Effect {
    let same = session.catalog.relation(target).is_some_and(|relation| {
        relation.indexes.iter().any(|known| {
            known.elements == index.elements
                && known.unique == index.unique
                && known.primary == index.primary
                && known.filter == index.filter
                && known.constraint.is_some() == index.constraint.is_some()
        })
    });
    if same {
        return Ok(());
    }
    let mut copied = index.clone();
    if index.constraint.is_none() {
        copied.name = chosen_name(session, target, &index.elements, &index.include);
        return attach(session, target, copied);
    }
    let parts = element_names(&index.elements, &index.include);
    let addition = names::addition(parts.iter().map(SmolStr::as_str));
    let (second, label) = match (index.primary, index.unique) {
        (true, _) => (None, "pkey"),
        (false, true) => (Some(addition.as_str()), "key"),
        (false, false) => (Some(addition.as_str()), "excl"),
    };
    let name = names::relation(session, &target.schema, &target.name, second, label, true);
    copied.name = name.clone();
    copied.constraint = Some(name.clone());
    let columns = plain_columns(&index.elements);
    let kind = if index.primary {
        ConstraintKind::PrimaryKey {
            columns: columns.clone(),
            include: index.include.clone(),
            using_index: None,
        }
    } else if index.unique {
        ConstraintKind::Unique {
            columns: columns.clone(),
            include: index.include.clone(),
            nulls_not_distinct: index.nulls_not_distinct,
            using_index: None,
        }
    } else {
        ConstraintKind::Exclude {
            elements: index.elements.clone(),
            method: index.method.clone(),
            filter: index.filter.clone(),
        }
    };
    attach(session, target, copied)?;
    session.change(target.member(ObjectKind::Constraint, &name));
    if let Some(relation) = session.catalog.relation_mut(target) {
        if index.primary {
            for column in relation.columns.iter_mut() {
                column.not_null |= columns.contains(&column.name);
            }
        }
        relation.constraints.push(Constraint {
            definition: ConstraintDefinition::new(Some(&name), kind),
            name,
            references: None,
            columns: index.columns.clone(),
            presence: Presence::Certain,
        });
    }
    Ok(())
}

/// REINDEX TABLE, REINDEX INDEX.
pub(crate) fn reindex(session: &mut Session, kind: ObjectKind, name: &Name) -> Effect {
    match kind {
        ObjectKind::Table => {
            let found = resolve::relation(session, name, ObjectKind::Table)?;
            let is_table = session.catalog.relation(&found).is_some_and(|relation| {
                relation.kind.is_table() || relation.kind == RelationKind::MaterializedView
            });
            if !is_table {
                return resolve::wrong_kind(
                    &found,
                    format!("\"{}\" is not a table or materialized view", found.name),
                );
            }
            Ok(())
        }
        ObjectKind::Index => {
            let found = resolve::relation(session, name, ObjectKind::Index)?;
            let owner = session
                .catalog
                .relation(&found)
                .and_then(|relation| relation.index_of.clone());
            let is_index = session
                .catalog
                .relation(&found)
                .is_some_and(|relation| relation.kind == RelationKind::Index);
            if !is_index {
                return resolve::wrong_kind(&found, format!("\"{}\" is not an index", found.name));
            }
            if let Some(relation) = owner.and_then(|owner| session.catalog.relation_mut(&owner)) {
                for index in relation
                    .indexes
                    .matching_mut(|known| known.name == found.name)
                {
                    index.valid = true;
                }
            }
            Ok(())
        }
        ObjectKind::Schema => resolve::schema(session, &name.name),
        _ => Ok(()),
    }
}

/// CLUSTER.
pub(crate) fn cluster(session: &mut Session, table: Option<&Name>, index: Option<&str>) -> Effect {
    let Some(table) = table else { return Ok(()) };
    let table = resolve::relation(session, table, ObjectKind::Table)?;
    let partitioned = session
        .catalog
        .relation(&table)
        .is_some_and(|relation| relation.kind == RelationKind::PartitionedTable);
    if partitioned && session.version.0 < 15 {
        return fail(
            SqlState::FEATURE_NOT_SUPPORTED,
            "cannot cluster a partitioned table",
        );
    }
    let Some(index) = index else { return Ok(()) };
    need_index(session, &table, index)
}

/// An index of a table by name: 42704 where it is missing.
pub(crate) fn need_index(session: &Session, table: &QualifiedName, name: &str) -> Effect {
    let found = session
        .catalog
        .relation(table)
        .is_some_and(|relation| relation.columns_open || relation.index(name).is_some());
    if found {
        return Ok(());
    }
    Err(Failure::Error(
        ServerError::new(
            SqlState::UNDEFINED_OBJECT,
            format!(
                "index \"{name}\" for table \"{}\" does not exist",
                table.name
            ),
        )
        .about(
            QualifiedName {
                schema: table.schema.clone(),
                name: SmolStr::new(name),
            }
            .key(ObjectKind::Index),
        ),
    ))
}
