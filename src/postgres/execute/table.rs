//! CREATE TABLE, and the columns that it and ALTER TABLE ADD COLUMN make.
//!
//! The order of the checks is the server's: types, parents, duplicate columns and keys come before the name itself;
//! expressions and foreign keys after it.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::catalog::{Column, Constraint, QualifiedName, Relation, RelationKind};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{
    ColumnDefinition, ConstraintDefinition, ConstraintKind, CreateTable, LikeClause,
};
use crate::postgres::{Datum, Expr, Name, ServerError, Session, SqlState, TypeName};

use super::constraint::{self, Origin};
use super::{Effect, Failure, expressions, fail, foreign_key, index, resolve, sequence};

/// CREATE TABLE in all its forms.
pub(crate) fn create(session: &mut Session, create: &CreateTable) -> Effect {
    let name = resolve::new_name(session, &create.name, create.temporary)?;
    if create.if_not_exists && resolve::occupied_relation(session, &name).is_some() {
        return Ok(());
    }
    let kind = match () {
        () if create.foreign_server.is_some() => RelationKind::ForeignTable,
        () if create.partition_by.is_some() => RelationKind::PartitionedTable,
        () => RelationKind::Table,
    };
    let mut relation = Relation::new(name.clone(), kind);
    relation.unlogged = create.unlogged;
    relation.partition_key = create.partition_by.clone().unwrap_or_default();
    if let Some(server) = &create.foreign_server {
        super::named::need(session, ObjectKind::Server, server)?;
    }
    if create.columns.len() > MAX_COLUMNS {
        return fail(
            SqlState::TOO_MANY_COLUMNS,
            format!("tables can have at most {MAX_COLUMNS} columns"),
        );
    }
    let mut plan = Plan::default();
    inherit(session, create, &mut relation, &mut plan)?;
    if let Some(of_type) = &create.of_type {
        typed(session, of_type, &mut relation)?;
    }
    for definition in &create.columns {
        own_column(session, create, &mut relation, definition, &mut plan)?;
    }
    for like in &create.like {
        copy_like(session, create, &mut relation, like, &mut plan)?;
    }
    check_keys(session, create, &relation, &plan)?;
    check_partition_key(&relation)?;
    if let Some(key) = resolve::occupied_relation(session, &name) {
        return Err(resolve::duplicate_relation(&name, key));
    }
    if let Some(key) = resolve::occupied_type(session, &name) {
        return Err(resolve::duplicate_type(&name, key));
    }
    let key = relation.key();
    session.change(key);
    for column in &relation.columns {
        session.change(name.member(ObjectKind::Column, &column.name));
    }
    session.catalog.relations.insert(Arc::new(relation));
    if create.on_commit_drop {
        session.transaction.drop_on_commit.push(name.clone());
    }
    finish_columns(session, &name, &create.columns)?;
    add_constraints(session, &name, create, &plan)?;
    if let Some((parent, _)) = &plan.partition_of {
        clone_from_parent(session, &name, &parent.clone())?;
    }
    Ok(())
}

/// What CREATE TABLE adds once the table is there.
#[derive(Default)]
struct Plan {
    /// CHECK constraints that come from parents or LIKE.
    checks: Vec<Constraint>,
    /// LIKE ... INCLUDING INDEXES, IDENTITY.
    indexes_of: Vec<QualifiedName>,
    partition_of: Option<(QualifiedName, SmolStr)>,
}

fn inherit(
    session: &mut Session,
    create: &CreateTable,
    relation: &mut Relation,
    plan: &mut Plan,
) -> Effect {
    for parent in &create.inherits {
        let parent = resolve::relation(session, parent, ObjectKind::Table)?;
        if let Some(found) = session.catalog.relation(&parent) {
            if found.kind == RelationKind::PartitionedTable {
                return resolve::wrong_kind(
                    &parent,
                    format!("cannot inherit from partitioned table \"{}\"", parent.name),
                );
            }
            if found.partition_of.is_some() {
                return resolve::wrong_kind(
                    &parent,
                    format!("cannot inherit from partition \"{}\"", parent.name),
                );
            }
        }
        copy_parent(session, &parent, relation, plan)?;
        relation.inherits.push(parent);
    }
    let Some(parent) = &create.partition_of else {
        return Ok(());
    };
    let parent = resolve::relation(session, parent, ObjectKind::Table)?;
    let bound = create.partition_bound.clone().unwrap_or_default();
    check_partition(session, &parent, &relation.name, &bound)?;
    relation.partition_of = Some(Box::new((parent.clone(), bound.clone())));
    copy_parent(session, &parent, relation, plan)?;
    plan.partition_of = Some((parent, bound));
    Ok(())
}

fn copy_parent(
    session: &Session,
    parent: &QualifiedName,
    relation: &mut Relation,
    plan: &mut Plan,
) -> Effect {
    let Some(from) = session.catalog.relation(parent) else {
        return Ok(());
    };
    relation.columns_open |= from.columns_open;
    for column in &from.columns {
        match relation.column(&column.name) {
            None => {
                let mut copy = column.clone();
                // identity is the parent's own; partitions have it since 17
                if relation.partition_of.is_none() || session.version.0 < 17 {
                    copy.identity = None;
                }
                relation.columns.push(copy);
            }
            Some(known) if conflict(&known.type_name, &column.type_name) => {
                return type_conflict("inherited column", &column.name);
            }
            Some(_) => {
                let of_parent = relation
                    .columns
                    .matching_mut(|known| known.name == column.name);
                for known in of_parent {
                    known.not_null |= column.not_null;
                }
            }
        }
    }
    for constraint in from.check_constraints() {
        let known = plan
            .checks
            .iter()
            .any(|known| known.name == constraint.name);
        if !constraint.definition.no_inherit && !known {
            plan.checks.push(constraint.clone());
        }
    }
    Ok(())
}

/// What the server demands of the parent of a partition.
pub(crate) fn check_partition(
    session: &Session,
    parent: &QualifiedName,
    partition: &QualifiedName,
    bound: &str,
) -> Effect {
    let Some(relation) = session.catalog.relation(parent) else {
        return Ok(());
    };
    if relation.kind != RelationKind::PartitionedTable && !relation.columns_open {
        return resolve::wrong_kind(parent, format!("\"{}\" is not partitioned", parent.name));
    }
    let same = |text: &str| {
        text.chars()
            .filter(|character| !character.is_whitespace())
            .flat_map(char::to_lowercase)
            .collect::<String>()
    };
    let wanted = same(bound);
    if wanted.is_empty() || crate::unknown::has_hole(bound) {
        return Ok(());
    }
    let clash = session.catalog.relations.mentioning(parent).find(|other| {
        other.name != *partition
            && other
                .partition_of
                .as_deref()
                .is_some_and(|(owner, known)| owner == parent && same(known) == wanted)
    });
    match clash {
        // the same bound twice overlaps for certain; other overlaps are not computed
        Some(other) if wanted == "default" => Err(Failure::Error(
            ServerError::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!(
                    "partition \"{}\" conflicts with existing default partition \"{}\"",
                    partition.name, other.name.name
                ),
            )
            .about(other.key()),
        )),
        Some(other) => Err(Failure::Error(
            ServerError::new(
                SqlState::INVALID_OBJECT_DEFINITION,
                format!(
                    "partition \"{}\" would overlap partition \"{}\"",
                    partition.name, other.name.name
                ),
            )
            .about(other.key()),
        )),
        None => Ok(()),
    }
}

fn own_column(
    session: &mut Session,
    create: &CreateTable,
    relation: &mut Relation,
    definition: &ColumnDefinition,
    plan: &mut Plan,
) -> Effect {
    resolve::known_plain(&definition.name)?;
    let mut definition = definition.clone();
    if definition.type_name == TypeName::new("") {
        // `PARTITION OF t (c DEFAULT 1)`, `OF type (c PRIMARY KEY)`: options of a column that is there
        match relation.column(&definition.name) {
            Some(known) => definition.type_name = known.type_name.clone(),
            None if relation.columns_open => return Ok(()),
            None => {
                return fail(
                    SqlState::UNDEFINED_COLUMN,
                    format!("column \"{}\" does not exist", definition.name),
                );
            }
        }
    }
    let column = new_column(session, &definition)?;
    if let Some(at) = relation
        .columns
        .iter()
        .position(|known| known.name == definition.name)
    {
        let own = create
            .columns
            .iter()
            .filter(|other| other.name == definition.name)
            .count()
            > 1;
        let given =
            !create.inherits.is_empty() || plan.partition_of.is_some() || create.of_type.is_some();
        if own || !given {
            return duplicate_column_in(&definition.name);
        }
        // a column of its own merges with the parent's
        let merged = &mut relation.columns[at];
        if conflict(&merged.type_name, &column.type_name) {
            return type_conflict("column", &definition.name);
        }
        merged.not_null |= column.not_null;
        if column.default.is_some() {
            merged.default = column.default;
        }
        merged.identity = merged.identity.or(column.identity);
        if column.generated.is_some() {
            merged.generated = column.generated;
        }
        return Ok(());
    }
    relation.columns.push(column);
    Ok(())
}

/// `MaxHeapAttributeNumber`.
const MAX_COLUMNS: usize = 1600;

/// Whether a column that two definitions give has two types.
fn conflict(one: &TypeName, other: &TypeName) -> bool {
    let known = |name: &TypeName| !name.name.is_unknown() && name.name.name != "unknown";
    known(one)
        && known(other)
        && (one.name.name != other.name.name
            || one.array != other.array
            || one.modifiers != other.modifiers)
}

/// 42804.
fn type_conflict(what: &str, name: &str) -> Effect {
    fail(
        SqlState::DATATYPE_MISMATCH,
        format!("{what} \"{name}\" has a type conflict"),
    )
}

fn duplicate_column_in(name: &str) -> Effect {
    fail(
        SqlState::DUPLICATE_COLUMN,
        format!("column \"{name}\" specified more than once"),
    )
}

fn copy_like(
    session: &mut Session,
    create: &CreateTable,
    relation: &mut Relation,
    like: &LikeClause,
    plan: &mut Plan,
) -> Effect {
    let source = resolve::relation(session, &like.table, ObjectKind::Table)?;
    let Some(from) = session.catalog.relation(&source).cloned() else {
        return Ok(());
    };
    relation.columns_open |= from.columns_open;
    for column in &from.columns {
        if let Some(known) = relation.column(&column.name) {
            let own = create
                .columns
                .iter()
                .any(|definition| definition.name == column.name);
            if own || create.inherits.is_empty() {
                return duplicate_column_in(&column.name);
            }
            // a column of LIKE merges with the parent's, as one of its own does
            if conflict(&known.type_name, &column.type_name) {
                return type_conflict("column", &column.name);
            }
            continue;
        }
        let mut copy = column.clone();
        if !like.defaults {
            copy.default = None;
        }
        if like.identity && copy.identity.is_some() {
            // its options are copied too
            sequence::create_owned(session, &relation.name, &copy.name, Some(&copy.name), None);
        } else {
            copy.identity = None;
        }
        relation.columns.push(copy);
    }
    if like.constraints {
        plan.checks.extend(from.check_constraints().cloned());
    }
    if like.indexes {
        plan.indexes_of.push(source);
    }
    Ok(())
}

fn typed(session: &mut Session, of_type: &Name, relation: &mut Relation) -> Effect {
    let name = resolve::made_type(session, of_type)?;
    match session
        .catalog
        .types
        .get(&name)
        .map(|found| &found.definition)
    {
        Some(crate::postgres::catalog::TypeKind::Composite { attributes }) => {
            relation.columns = attributes.clone();
        }
        _ => relation.columns_open = true,
    }
    Ok(())
}

fn check_keys(session: &Session, create: &CreateTable, relation: &Relation, plan: &Plan) -> Effect {
    let mut primary = plan
        .indexes_of
        .iter()
        .filter_map(|source| session.catalog.relation(source)?.primary_key())
        .count();
    if primary > 1 {
        return multiple_primary_keys(&relation.name);
    }
    let of_columns = create.columns.iter().flat_map(|column| &column.constraints);
    for definition in of_columns.chain(&create.constraints) {
        let columns = match &definition.kind {
            ConstraintKind::PrimaryKey { columns, .. } => {
                primary += 1;
                columns
            }
            ConstraintKind::Unique { columns, .. } => columns,
            _ => continue,
        };
        if primary > 1 {
            return multiple_primary_keys(&relation.name);
        }
        for column in columns {
            if !relation.columns_open
                && relation.column(column).is_none()
                && !crate::unknown::has_hole(column)
            {
                return Err(Failure::Error(
                    ServerError::new(
                        SqlState::UNDEFINED_COLUMN,
                        format!("column \"{column}\" named in key does not exist"),
                    )
                    .about(relation.name.member(ObjectKind::Column, column)),
                ));
            }
        }
    }
    Ok(())
}

fn check_partition_key(relation: &Relation) -> Effect {
    for column in &relation.partition_key {
        if !column.is_empty()
            && !relation.columns_open
            && relation.column(column).is_none()
            && column
                .chars()
                .all(|character| character.is_alphanumeric() || character == '_')
        {
            return fail(
                SqlState::UNDEFINED_COLUMN,
                format!("column \"{column}\" named in partition key does not exist"),
            );
        }
    }
    Ok(())
}

/// 42P16.
pub(crate) fn multiple_primary_keys<T>(table: &QualifiedName) -> Effect<T> {
    fail(
        SqlState::INVALID_TABLE_DEFINITION,
        format!(
            "multiple primary keys for table \"{}\" are not allowed",
            table.name
        ),
    )
}

/// Whether a type as written is one of the serial ones.
pub(crate) fn is_serial(type_name: &TypeName) -> bool {
    type_name.name.schema.is_none()
        && !type_name.array
        && matches!(
            type_name.name.name.as_str(),
            "serial" | "bigserial" | "smallserial" | "serial2" | "serial4" | "serial8"
        )
}

/// The column of a definition, its type resolved; constraints and sequences come later.
pub(crate) fn new_column(session: &mut Session, definition: &ColumnDefinition) -> Effect<Column> {
    let type_name = resolve::type_name(session, &definition.type_name)?;
    check_column_type(definition, &type_name)?;
    let primary = definition
        .constraints
        .iter()
        .any(|inner| matches!(inner.kind, ConstraintKind::PrimaryKey { .. }));
    let named_not_null = definition
        .constraints
        .iter()
        .any(|inner| matches!(inner.kind, ConstraintKind::NotNull { .. }));
    Ok(Column {
        default_type: None,
        name: definition.name.clone(),
        type_name,
        not_null: definition.not_null
            || primary
            || named_not_null
            || is_serial(&definition.type_name)
            || definition.identity.is_some(),
        default: definition.default.clone(),
        identity: definition.identity,
        generated: definition
            .generated
            .as_ref()
            .map(|generated| (generated.value.clone(), generated.stored)),
        presence: crate::postgres::catalog::Presence::Certain,
    })
}

/// What the server says of a column's type and of what fills it.
fn check_column_type(definition: &ColumnDefinition, type_name: &TypeName) -> Effect {
    let name = &definition.name;
    let plain = type_name.name.name.as_str();
    let of_server = type_name.name.schema.is_none();
    if of_server && !type_name.array && is_pseudo_type(plain) {
        return fail(
            SqlState::INVALID_TABLE_DEFINITION,
            format!("column \"{name}\" has pseudo-type {plain}"),
        );
    }
    let both = match (
        &definition.default,
        definition.identity,
        &definition.generated,
    ) {
        (Some(_), Some(_), _) => Some("default and identity"),
        (Some(_), _, Some(_)) => Some("default and generation expression"),
        (_, Some(_), Some(_)) => Some("identity and generation expression"),
        _ => None,
    };
    if let Some(both) = both {
        return fail(
            SqlState::SYNTAX_ERROR,
            format!("both {both} specified for column \"{name}\""),
        );
    }
    let whole_number = matches!(plain, "int2" | "int4" | "int8") && !type_name.array;
    if definition.identity.is_some() && of_server && !whole_number && !type_name.name.is_unknown() {
        return fail(
            SqlState::INVALID_PARAMETER_VALUE,
            "identity column type must be smallint, integer, or bigint",
        );
    }
    Ok(())
}

/// Types that no column may have.
fn is_pseudo_type(name: &str) -> bool {
    matches!(
        name,
        "any"
            | "anyarray"
            | "anycompatible"
            | "anyelement"
            | "anyenum"
            | "anynonarray"
            | "anyrange"
            | "cstring"
            | "event_trigger"
            | "internal"
            | "record"
            | "trigger"
            | "unknown"
            | "void"
    )
}

/// Sequences, defaults and generated expressions of columns that are there now.
pub(crate) fn finish_columns(
    session: &mut Session,
    table: &QualifiedName,
    definitions: &[ColumnDefinition],
) -> Effect {
    for definition in definitions {
        finish_column(session, table, definition)?;
    }
    Ok(())
}

/// The sequence, default and generated expression of one column.
pub(crate) fn finish_column(
    session: &mut Session,
    table: &QualifiedName,
    definition: &ColumnDefinition,
) -> Effect {
    let serial = is_serial(&definition.type_name);
    if serial || definition.identity.is_some() {
        let column = &definition.name;
        let has_rows =
            |relation: &Arc<Relation>| relation.rows.others || !relation.rows.known.is_empty();
        // each row that is there takes one
        let first_number = match session.catalog.relation(table) {
            Some(relation) if has_rows(relation) => None,
            _ => definition.first_number,
        };
        let made = sequence::create_owned(session, table, column, Some(column), first_number);
        if serial && let Some(relation) = session.catalog.relation_mut(table) {
            for column in relation
                .columns
                .matching_mut(|known| known.name == definition.name)
            {
                column.default = Some(Box::new(next_value(&made)));
            }
        }
    }
    if let Some(default) = &definition.default {
        let type_name = session
            .catalog
            .relation(table)
            .and_then(|relation| relation.column(&definition.name))
            .map(|column| column.type_name.clone());
        if let Some(type_name) = type_name {
            expressions::check_default(session, &definition.name, default, &type_name)?;
        }
    }
    if let Some(generated) = &definition.generated {
        expressions::refuse_beyond_row(session, &generated.value, "column generation expression")?;
        expressions::check_in_table(session, table, &generated.value, true)?;
        let message = "generation expression is not immutable";
        super::data::check_immutable(session, table, &generated.value, message)?;
    }
    if session.version.0 >= 18 {
        let not_null = session
            .catalog
            .relation(table)
            .and_then(|relation| relation.column(&definition.name))
            .is_some_and(|column| column.not_null);
        if not_null {
            let name = definition
                .constraints
                .iter()
                .find_map(|inner| match &inner.kind {
                    ConstraintKind::NotNull { .. } => inner.name.clone(),
                    _ => None,
                });
            constraint::record_not_null(session, table, &definition.name, name);
        }
    }
    Ok(())
}

/// `nextval('schema.sequence'::regclass)`.
fn next_value(name: &QualifiedName) -> Expr {
    let text = if name.schema == "public" {
        name.name.to_string()
    } else {
        format!("{}.{}", name.schema, name.name)
    };
    Expr::call(
        "nextval",
        vec![Expr::Cast {
            value: Box::new(Expr::Value(Datum::Text(text.into()))),
            type_name: Box::new(TypeName::new("regclass")),
        }],
    )
}

fn add_constraints(
    session: &mut Session,
    table: &QualifiedName,
    create: &CreateTable,
    plan: &Plan,
) -> Effect {
    for check in &plan.checks {
        if let Some(relation) = session.catalog.relation_mut(table)
            && relation.constraint(&check.name).is_none()
        {
            relation.constraints.push(check.clone());
            session.change(table.member(ObjectKind::Constraint, &check.name));
        }
    }
    // as the server does: checks, then keys with their indexes, then foreign keys
    for (definition, column) in written(create).filter(|(definition, _)| phase_of(definition) == 0)
    {
        constraint::add(session, table, definition, column, Origin::NewTable)?;
    }
    for definition in distinct_keys(create) {
        constraint::add(session, table, &definition, None, Origin::NewTable)?;
    }
    for (definition, column) in written(create).filter(|(definition, _)| phase_of(definition) == 2)
    {
        constraint::add(session, table, definition, column, Origin::NewTable)?;
    }
    for source in &plan.indexes_of {
        index::copy_all(session, source, table)?;
    }
    Ok(())
}

/// All constraints as written, each with the column beside which it stands.
fn written(create: &CreateTable) -> impl Iterator<Item = (&ConstraintDefinition, Option<&str>)> {
    let beside = create.columns.iter().flat_map(|column| {
        column
            .constraints
            .iter()
            .map(|definition| (definition, Some(column.name.as_str())))
    });
    beside.chain(
        create
            .constraints
            .iter()
            .map(|definition| (definition, None)),
    )
}

/// The keys of a new table, the primary key first. Of keys over the same columns the server makes one, which takes the
/// first name that any of them has (`transformIndexConstraints`).
fn distinct_keys(create: &CreateTable) -> Vec<ConstraintDefinition> {
    let mut keys: Vec<ConstraintDefinition> = written(create)
        .filter(|(definition, _)| phase_of(definition) == 1)
        .map(|(definition, column)| {
            let mut definition = definition.clone();
            if let (
                ConstraintKind::Unique { columns, .. } | ConstraintKind::PrimaryKey { columns, .. },
                Some(column),
            ) = (&mut definition.kind, column)
                && columns.is_empty()
            {
                columns.push(column.into());
            }
            definition
        })
        .collect();
    keys.sort_by_key(|key| !matches!(key.kind, ConstraintKind::PrimaryKey { .. }));
    let mut kept: Vec<ConstraintDefinition> = Vec::new();
    for key in keys {
        match kept.iter_mut().find(|known| same_index(known, &key)) {
            Some(known) => {
                if known.name.is_none() {
                    known.name = key.name;
                }
            }
            None => kept.push(key),
        }
    }
    kept
}

/// Whether two keys would have the same index. Two primary keys stay two, which is an error.
fn same_index(known: &ConstraintDefinition, key: &ConstraintDefinition) -> bool {
    let parts = |kind: &ConstraintKind| match kind {
        ConstraintKind::Unique {
            columns,
            include,
            nulls_not_distinct,
            using_index: None,
        } => Some((columns.clone(), include.clone(), *nulls_not_distinct)),
        ConstraintKind::PrimaryKey {
            columns,
            include,
            using_index: None,
        } => Some((columns.clone(), include.clone(), false)),
        _ => None,
    };
    let both_primary = matches!(known.kind, ConstraintKind::PrimaryKey { .. })
        && matches!(key.kind, ConstraintKind::PrimaryKey { .. });
    !both_primary
        && parts(&known.kind).is_some()
        && parts(&known.kind) == parts(&key.kind)
        && (known.deferrable, known.initially_deferred) == (key.deferrable, key.initially_deferred)
}

fn phase_of(definition: &ConstraintDefinition) -> u8 {
    match definition.kind {
        ConstraintKind::Check(_) | ConstraintKind::NotNull { .. } => 0,
        ConstraintKind::Unique { .. }
        | ConstraintKind::PrimaryKey { .. }
        | ConstraintKind::Exclude { .. } => 1,
        ConstraintKind::ForeignKey { .. } => 2,
    }
}

/// A partition gets the indexes, keys and foreign keys of its parent.
pub(crate) fn clone_from_parent(
    session: &mut Session,
    partition: &QualifiedName,
    parent: &QualifiedName,
) -> Effect {
    index::copy_all(session, parent, partition)?;
    let foreign_keys: Vec<Constraint> = session
        .catalog
        .relation(parent)
        .map(|relation| relation.foreign_keys().cloned().collect())
        .unwrap_or_default();
    for key in foreign_keys {
        foreign_key::hand_down(session, partition, key);
    }
    Ok(())
}
