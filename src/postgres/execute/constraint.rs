//! Constraints of tables: made, named, checked and dropped.
//!
//! Unique, primary key and exclusion constraints have an index of their own name, so they meet relations (42P07);
//! checks and foreign keys meet only the constraints of their table (42710).

use smol_str::SmolStr;

use crate::postgres::catalog::{Constraint, Index, Presence, QualifiedName, RelationKind};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{ConstraintDefinition, ConstraintKind, IndexElement};
use crate::postgres::{Expr, ServerError, Session, SqlState};

use super::foreign_key::{self, ForeignKeyRequest};
use super::{Effect, Failure, data, expressions, fail, index, names, resolve, table};

/// Where a constraint is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// In CREATE TABLE.
    NewTable,
    /// In ALTER TABLE.
    Alter,
}

/// Adds a constraint to a table that is there; `column`: it stands beside that column.
pub(crate) fn add(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ConstraintDefinition,
    column: Option<&str>,
    origin: Origin,
) -> Effect {
    if let Some(name) = &definition.name {
        resolve::known_plain(name)?;
    }
    index::room(session, table)?;
    let own = |columns: &[SmolStr]| -> Vec<SmolStr> {
        if columns.is_empty() {
            column.map(SmolStr::new).into_iter().collect()
        } else {
            columns.to_vec()
        }
    };
    match &definition.kind {
        ConstraintKind::Check(expression) => check(session, table, definition, expression),
        ConstraintKind::NotNull { column: named } => {
            let named = if named.is_empty() {
                column.unwrap_or_default()
            } else {
                named
            };
            if origin == Origin::NewTable && column.is_some() {
                // the column carries it already
                return Ok(());
            }
            not_null(session, table, definition, named)
        }
        ConstraintKind::Unique {
            columns,
            include,
            nulls_not_distinct,
            using_index,
        } => {
            let request = KeyRequest {
                columns: own(columns),
                include: include.clone(),
                nulls_not_distinct: *nulls_not_distinct,
                using_index: using_index.clone(),
                primary: false,
            };
            key(session, table, definition, &request)
        }
        ConstraintKind::PrimaryKey {
            columns,
            include,
            using_index,
        } => {
            let request = KeyRequest {
                columns: own(columns),
                include: include.clone(),
                nulls_not_distinct: false,
                using_index: using_index.clone(),
                primary: true,
            };
            key(session, table, definition, &request)
        }
        ConstraintKind::ForeignKey {
            columns,
            table: referenced_table,
            referenced,
            on_delete,
            on_update,
        } => {
            let request = ForeignKeyRequest {
                columns: own(columns),
                table: referenced_table,
                referenced,
                on_delete: *on_delete,
                on_update: *on_update,
            };
            foreign_key::add(session, table, definition, &request)
        }
        ConstraintKind::Exclude {
            elements,
            method,
            filter,
        } => exclude(
            session,
            table,
            definition,
            elements,
            method,
            filter.as_deref(),
        ),
    }
}

/// 42710 where the table has a constraint of this name; a doubtful one is removed, with a doubt noted.
pub(crate) fn free_name(session: &mut Session, table: &QualifiedName, name: &str) -> Effect {
    let Some(found) = session
        .catalog
        .relation(table)
        .and_then(|relation| relation.constraint(name))
    else {
        return Ok(());
    };
    let key = table.member(ObjectKind::Constraint, name);
    if found.presence == Presence::Maybe {
        session.doubt(format!("{key} may already be there"));
        remove(session, table, name);
        return Ok(());
    }
    Err(Failure::Error(
        ServerError::new(
            SqlState::DUPLICATE_OBJECT,
            format!(
                "constraint \"{name}\" for relation \"{}\" already exists",
                table.name
            ),
        )
        .about(key),
    ))
}

/// Puts a constraint on its table; nothing is checked.
pub(crate) fn record(
    session: &mut Session,
    table: &QualifiedName,
    name: SmolStr,
    definition: ConstraintDefinition,
    references: Option<QualifiedName>,
    columns: Vec<SmolStr>,
) {
    session.change(table.member(ObjectKind::Constraint, &name));
    if let Some(relation) = session.catalog.relation_mut(table) {
        relation.constraints.push(Constraint {
            name,
            definition,
            references,
            columns,
            presence: Presence::Certain,
        });
    }
}

fn check(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ConstraintDefinition,
    expression: &Expr,
) -> Effect {
    expressions::refuse_beyond_row(session, expression, "check constraint")?;
    expressions::check_in_table(session, table, expression, true)?;
    data::check_boolean(session, table, expression, "CHECK")?;
    let columns = used_columns(session, table, expression);
    let name = match &definition.name {
        Some(name) if is_inherited_check(session, table, name, expression) => return Ok(()),
        Some(name) => {
            free_name(session, table, name)?;
            name.clone()
        }
        None => {
            let single = match columns.as_slice() {
                [one] => Some(one.as_str()),
                _ => None,
            };
            names::constraint(session, &table.schema, &table.name, single, "check", &[])
        }
    };
    for child in children(session, table) {
        if let Some(relation) = session.catalog.relation_mut(&child)
            && relation.constraint(&name).is_none()
            && !definition.no_inherit
        {
            relation.constraints.push(Constraint {
                name: name.clone(),
                definition: definition.clone(),
                references: None,
                columns: columns.clone(),
                presence: Presence::Certain,
            });
        }
    }
    record(
        session,
        table,
        name.clone(),
        definition.clone(),
        None,
        columns,
    );
    if definition.not_valid {
        return Ok(());
    }
    data::check_rows(session, table, &name)
}

/// Whether a child has the constraint from its parent already: the server merges the two.
fn is_inherited_check(
    session: &Session,
    table: &QualifiedName,
    name: &str,
    expression: &Expr,
) -> bool {
    let same = |table: &QualifiedName| {
        session
            .catalog
            .relation(table)
            .and_then(|relation| relation.constraint(name))
            .is_some_and(|known| matches!(&known.definition.kind, ConstraintKind::Check(own) if **own == *expression))
    };
    let Some(relation) = session.catalog.relation(table) else {
        return false;
    };
    let mut parents = relation
        .inherits
        .iter()
        .chain(relation.partition_of.as_deref().map(|(parent, _)| parent));
    same(table) && parents.any(same)
}

/// Columns of a table that an expression uses.
pub(crate) fn used_columns(
    session: &Session,
    table: &QualifiedName,
    expression: &Expr,
) -> Vec<SmolStr> {
    let Some(relation) = session.catalog.relation(table) else {
        return Vec::new();
    };
    expressions::columns_used(expression)
        .into_iter()
        .filter(|name| relation.column(name).is_some())
        .collect()
}

fn children(session: &Session, table: &QualifiedName) -> Vec<QualifiedName> {
    let Some(relation) = session.catalog.relation(table) else {
        return Vec::new();
    };
    // only tables that others hang on are worth a scan
    if relation.kind != RelationKind::PartitionedTable && relation.kind != RelationKind::Table {
        return Vec::new();
    }
    super::alter_table::children(session, table)
}

fn not_null(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ConstraintDefinition,
    column: &str,
) -> Effect {
    resolve::column(session, table, column)?;
    let existing = session.catalog.relation(table).and_then(|relation| {
        relation
            .constraints
            .iter()
            .find(|known| {
                matches!(&known.definition.kind, ConstraintKind::NotNull { column: of } if of == column)
            })
            .map(|known| known.name.clone())
    });
    if let Some(existing) = existing {
        if definition
            .name
            .as_ref()
            .is_none_or(|name| *name == existing)
        {
            return Ok(());
        }
        return fail(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!(
                "cannot create not-null constraint \"{}\" on column \"{column}\" of table \"{}\"",
                definition.name.as_deref().unwrap_or_default(),
                table.name
            ),
        );
    }
    if let Some(name) = &definition.name {
        free_name(session, table, name)?;
    }
    if !definition.not_valid {
        super::alter_column::refuse_nulls(session, table, column)?;
    }
    super::alter_table::set_not_null_flag(session, table, column, true);
    record_not_null(session, table, column, definition.name.clone());
    Ok(())
}

/// Notes the NOT NULL constraint of a column (18 and later), unless there is one.
pub(crate) fn record_not_null(
    session: &mut Session,
    table: &QualifiedName,
    column: &str,
    name: Option<SmolStr>,
) {
    if session.version.0 < 18 {
        return;
    }
    let there = session.catalog.relation(table).is_some_and(|relation| {
        relation.constraints.iter().any(|known| {
            matches!(&known.definition.kind, ConstraintKind::NotNull { column: of } if of == column)
        })
    });
    if there {
        return;
    }
    let name = name.unwrap_or_else(|| {
        names::constraint(
            session,
            &table.schema,
            &table.name,
            Some(column),
            "not_null",
            &[],
        )
    });
    let kind = ConstraintKind::NotNull {
        column: SmolStr::new(column),
    };
    record(
        session,
        table,
        name.clone(),
        ConstraintDefinition::new(Some(&name), kind),
        None,
        vec![SmolStr::new(column)],
    );
}

struct KeyRequest {
    columns: Vec<SmolStr>,
    include: Vec<SmolStr>,
    nulls_not_distinct: bool,
    using_index: Option<SmolStr>,
    primary: bool,
}

fn key(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ConstraintDefinition,
    request: &KeyRequest,
) -> Effect {
    if let Some(using) = &request.using_index {
        return key_using_index(session, table, definition, request, using);
    }
    if request.primary {
        check_no_primary_key(session, table)?;
    }
    for column in request.columns.iter().chain(&request.include) {
        resolve::column_or(session, table, column, || {
            format!("column \"{column}\" named in key does not exist")
        })?;
    }
    let elements: Vec<IndexElement> = request
        .columns
        .iter()
        .map(|column| IndexElement {
            value: Expr::column(column),
            operator_class: None,
            descending: false,
            with_operator: None,
        })
        .collect();
    index::check_operator_classes(session, table, "btree", &elements)?;
    let what = if request.primary {
        "PRIMARY KEY"
    } else {
        "UNIQUE"
    };
    index::check_partition_columns(session, table, &request.columns, what)?;
    let name = match &definition.name {
        Some(name) => {
            index::free_name(session, table, name)?;
            free_name(session, table, name)?;
            name.clone()
        }
        None if request.primary => {
            names::relation(session, &table.schema, &table.name, None, "pkey", true)
        }
        None => {
            let addition = names::addition(
                request
                    .columns
                    .iter()
                    .chain(&request.include)
                    .map(SmolStr::as_str),
            );
            names::relation(
                session,
                &table.schema,
                &table.name,
                Some(&addition),
                "key",
                true,
            )
        }
    };
    let mut columns = request.columns.clone();
    columns.extend(request.include.iter().cloned());
    index::attach(
        session,
        table,
        Index {
            name: name.clone(),
            unique: true,
            primary: request.primary,
            method: SmolStr::new_static("btree"),
            elements,
            include: request.include.clone(),
            filter: None,
            nulls_not_distinct: request.nulls_not_distinct,
            constraint: Some(name.clone()),
            valid: true,
            columns: columns.clone(),
            presence: Presence::Certain,
        },
    )?;
    if request.primary {
        for column in &request.columns {
            super::alter_column::refuse_nulls(session, table, column)?;
            super::alter_table::set_not_null_flag(session, table, column, true);
            record_not_null(session, table, column, None);
        }
    }
    record_key(session, table, definition, request, name, columns);
    Ok(())
}

fn record_key(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ConstraintDefinition,
    request: &KeyRequest,
    name: SmolStr,
    columns: Vec<SmolStr>,
) {
    let mut filled = definition.clone();
    filled.kind = if request.primary {
        ConstraintKind::PrimaryKey {
            columns: request.columns.clone(),
            include: request.include.clone(),
            using_index: None,
        }
    } else {
        ConstraintKind::Unique {
            columns: request.columns.clone(),
            include: request.include.clone(),
            nulls_not_distinct: request.nulls_not_distinct,
            using_index: None,
        }
    };
    record(session, table, name, filled, None, columns);
}

fn check_no_primary_key(session: &mut Session, table: &QualifiedName) -> Effect {
    let found = session.catalog.relation(table).and_then(|relation| {
        relation
            .constraints
            .iter()
            .find(|known| matches!(known.definition.kind, ConstraintKind::PrimaryKey { .. }))
            .map(|known| (known.name.clone(), known.presence))
    });
    match found {
        None => Ok(()),
        Some((name, Presence::Maybe)) => {
            let key = table.member(ObjectKind::Constraint, &name);
            session.doubt(format!("{key} may already be there"));
            remove(session, table, &name);
            Ok(())
        }
        Some(_) => table::multiple_primary_keys(table),
    }
}

fn key_using_index(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ConstraintDefinition,
    request: &KeyRequest,
    using: &SmolStr,
) -> Effect {
    resolve::known_plain(using)?;
    let found = session
        .catalog
        .relation(table)
        .and_then(|relation| relation.index(using).cloned());
    let Some(index) = found else {
        if session.catalog.open {
            return Err(Failure::Unknown(
                format!("index `{using}` was never heard of").into(),
            ));
        }
        return Err(index::missing(table, using));
    };
    if index.constraint.is_some() {
        return fail(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("index \"{using}\" is already associated with a constraint"),
        );
    }
    if request.primary {
        check_no_primary_key(session, table)?;
    }
    if !index.valid {
        return fail(
            SqlState::OBJECT_NOT_IN_PREREQUISITE_STATE,
            format!("index \"{using}\" is not valid"),
        );
    }
    if !index.unique {
        return resolve::wrong_kind(table, format!("\"{using}\" is not a unique index"));
    }
    let name = definition.name.clone().unwrap_or_else(|| using.clone());
    if name != *using {
        // the index takes the constraint's name
        index::free_name(session, table, &name)?;
        super::rename::rename_index(session, table, using, &name);
    }
    free_name(session, table, &name)?;
    let columns = index::plain_columns(&index.elements);
    if let Some(relation) = session.catalog.relation_mut(table) {
        for known in relation.indexes.matching_mut(|known| known.name == name) {
            known.constraint = Some(name.clone());
            known.primary = request.primary;
        }
    }
    if request.primary {
        for column in &columns {
            super::alter_column::refuse_nulls(session, table, column)?;
            super::alter_table::set_not_null_flag(session, table, column, true);
            record_not_null(session, table, column, None);
        }
    }
    let filled = KeyRequest {
        columns: columns.clone(),
        include: index.include.clone(),
        nulls_not_distinct: index.nulls_not_distinct,
        using_index: None,
        primary: request.primary,
    };
    record_key(session, table, definition, &filled, name, columns);
    Ok(())
}

fn exclude(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ConstraintDefinition,
    elements: &[IndexElement],
    method: &str,
    filter: Option<&Expr>,
) -> Effect {
    let mut columns = Vec::new();
    for element in elements {
        expressions::check_in_table(session, table, &element.value, true)?;
        columns.extend(used_columns(session, table, &element.value));
    }
    index::check_operator_classes(session, table, method, elements)?;
    if let Some(filter) = filter {
        expressions::refuse_beyond_row(session, filter, "index predicate")?;
        expressions::check_in_table(session, table, filter, true)?;
        columns.extend(used_columns(session, table, filter));
    }
    let name = match &definition.name {
        Some(name) => {
            index::free_name(session, table, name)?;
            free_name(session, table, name)?;
            name.clone()
        }
        None => {
            let parts = index::element_names(elements, &[]);
            let addition = names::addition(parts.iter().map(SmolStr::as_str));
            names::relation(
                session,
                &table.schema,
                &table.name,
                Some(&addition),
                "excl",
                true,
            )
        }
    };
    index::attach(
        session,
        table,
        Index {
            name: name.clone(),
            unique: false,
            primary: false,
            method: SmolStr::new(method),
            elements: elements.to_vec(),
            include: Vec::new(),
            filter: filter.cloned().map(Box::new),
            nulls_not_distinct: false,
            constraint: Some(name.clone()),
            valid: true,
            columns: columns.clone(),
            presence: Presence::Certain,
        },
    )?;
    record(session, table, name, definition.clone(), None, columns);
    Ok(())
}

/// Removes a constraint with its index; nothing is checked.
pub(crate) fn remove(session: &mut Session, table: &QualifiedName, name: &str) {
    let Some(relation) = session.catalog.relation_mut(table) else {
        return;
    };
    relation.constraints.retain(|known| known.name != name);
    let has_index = relation
        .indexes
        .iter()
        .any(|known| known.constraint.as_deref() == Some(name));
    session.change(table.member(ObjectKind::Constraint, name));
    if has_index {
        index::remove(session, table, name);
    }
}

/// DROP CONSTRAINT.
pub(crate) fn drop(
    session: &mut Session,
    table: &QualifiedName,
    name: &str,
    if_exists: bool,
    cascade: bool,
) -> Effect {
    resolve::known_plain(name)?;
    let found = session
        .catalog
        .relation(table)
        .and_then(|relation| relation.constraint(name).cloned());
    let Some(found) = found else {
        if if_exists {
            return Ok(());
        }
        let open = session
            .catalog
            .relation(table)
            .is_some_and(|relation| relation.columns_open);
        let key = table.member(ObjectKind::Constraint, name);
        if open && !session.catalog.gone.contains(&key) {
            session.call.assumed.push(key.clone());
            session.change(key);
            return Ok(());
        }
        return Err(missing(table, name));
    };
    if found.presence == Presence::Maybe && !if_exists {
        let key = table.member(ObjectKind::Constraint, name);
        session.doubt(format!("{key} may or may not be there"));
    }
    if comes_from_parent(session, table, &found) {
        return super::alter_table::inherited(
            "drop inherited constraint",
            &format!("{name}\" of relation \"{}", table.name),
        );
    }
    if let ConstraintKind::NotNull { column } = &found.definition.kind {
        super::alter_table::set_not_null_flag(session, table, column, false);
    }
    let keys = matches!(
        found.definition.kind,
        ConstraintKind::PrimaryKey { .. } | ConstraintKind::Unique { .. }
    );
    if keys {
        foreign_key::drop_dependents(session, table, name, cascade)?;
    }
    remove(session, table, name);
    for child in children(session, table) {
        let inherited = session
            .catalog
            .relation(&child)
            .is_some_and(|relation| relation.constraint(name).is_some());
        if inherited {
            remove(session, &child, name);
        }
    }
    Ok(())
}

/// Whether a parent has a constraint too: a CHECK by its name, keys and foreign keys of partitions by what they are over.
fn comes_from_parent(session: &Session, table: &QualifiedName, found: &Constraint) -> bool {
    let Some(relation) = session.catalog.relation(table) else {
        return false;
    };
    let mut parents = super::alter_table::parents(relation);
    parents.any(|parent| {
        let Some(parent) = session.catalog.relation(parent) else {
            return false;
        };
        let partition = relation
            .partition_of
            .as_deref()
            .is_some_and(|(owner, _)| *owner == parent.name);
        parent.constraints.iter().any(|known| {
            match (&known.definition.kind, &found.definition.kind) {
                (ConstraintKind::Check(_), ConstraintKind::Check(_)) => {
                    known.name == found.name && !known.definition.no_inherit
                }
                (
                    ConstraintKind::PrimaryKey { columns, .. },
                    ConstraintKind::PrimaryKey { columns: own, .. },
                )
                | (
                    ConstraintKind::Unique { columns, .. },
                    ConstraintKind::Unique { columns: own, .. },
                ) => partition && columns == own,
                (
                    ConstraintKind::ForeignKey { columns, .. },
                    ConstraintKind::ForeignKey { columns: own, .. },
                ) => {
                    // one of another name may be the partition's own, beside that of its parent
                    let is_it =
                        known.name == found.name || relation.constraint(&known.name).is_none();
                    partition && columns == own && known.references == found.references && is_it
                }
                _ => false,
            }
        })
    })
}

/// 42704.
pub(crate) fn missing(table: &QualifiedName, name: &str) -> Failure {
    Failure::Error(
        ServerError::new(
            SqlState::UNDEFINED_OBJECT,
            format!(
                "constraint \"{name}\" of relation \"{}\" does not exist",
                table.name
            ),
        )
        .about(table.member(ObjectKind::Constraint, name)),
    )
}
