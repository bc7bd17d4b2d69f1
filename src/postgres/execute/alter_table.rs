//! ALTER TABLE: its commands in the server's order of passes (drops first, then types, columns, constraints...).
//!
//! Columns are in `alter_column`'s part below the dispatch; constraints in `constraint`; partitions and inheritance at
//! the end. Renames, owners and SET SCHEMA are statements of their own.

use smol_str::SmolStr;

use crate::postgres::catalog::{Column, Presence, QualifiedName, Relation, RelationKind};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{AlterTable, AlterTableCommand, ColumnDefinition, ConstraintKind};
use crate::postgres::{Name, ServerError, Session, SqlState, TypeName, Version};

use super::constraint::Origin;
use super::{
    Effect, Failure, alter_column, constraint, data, drop, expressions, fail, foreign_key, index,
    resolve, sequence, table,
};

/// ALTER TABLE and its kin.
pub(crate) fn alter(session: &mut Session, alter: &AlterTable) -> Effect {
    if alter.if_exists && resolve::guarded(session, &alter.name)?.is_none() {
        return Ok(());
    }
    let name = resolve::relation(session, &alter.name, alter.kind)?;
    check_kind(session, alter, &name)?;
    // expressions of USING are read before any command runs, on the table as it is
    for one in &alter.commands {
        if let AlterTableCommand::AlterType {
            column,
            using: Some(using),
            ..
        } = one
        {
            resolve::column(session, &name, column)?;
            expressions::refuse_beyond_row(session, using, "transform expression")?;
            expressions::check_in_table(session, &name, using, true)?;
        }
    }
    if matches!(alter.commands.as_slice(), [one] if pass(one, session.version) != 0) {
        return command(session, &name, &alter.commands[0]);
    }
    let mut ordered: Vec<&AlterTableCommand> = alter.commands.iter().collect();
    ordered.sort_by_key(|one| pass(one, session.version));
    for one in ordered {
        command(session, &name, one)?;
    }
    Ok(())
}

/// The pass of `ATController` in which a command runs.
fn pass(command: &AlterTableCommand, version: Version) -> u8 {
    match command {
        AlterTableCommand::DropColumn { .. }
        | AlterTableCommand::DropConstraint { .. }
        | AlterTableCommand::DropNotNull { .. }
        | AlterTableCommand::DropExpression { .. }
        | AlterTableCommand::DropIdentity { .. }
        | AlterTableCommand::SetDefault { default: None, .. } => 0,
        AlterTableCommand::AlterType { .. } => 1,
        AlterTableCommand::AddColumn { .. } => 2,
        AlterTableCommand::SetExpression { .. } => 3,
        AlterTableCommand::AddConstraint(definition) => match definition.kind {
            // with all other constraints behind keys since 13
            ConstraintKind::Check(_) if version.0 >= 13 => 7,
            ConstraintKind::Check(_) | ConstraintKind::NotNull { .. } => 4,
            ConstraintKind::Unique { .. }
            | ConstraintKind::PrimaryKey { .. }
            | ConstraintKind::Exclude { .. } => 6,
            ConstraintKind::ForeignKey { .. } => 7,
        },
        AlterTableCommand::SetNotNull { .. } => 5,
        AlterTableCommand::SetDefault { .. } | AlterTableCommand::AddIdentity { .. } => 7,
        _ => 8,
    }
}

fn check_kind(session: &Session, alter: &AlterTable, name: &QualifiedName) -> Effect {
    let Some(relation) = session.catalog.relation(name) else {
        return Ok(());
    };
    if relation.presence == Presence::Assumed {
        return Ok(());
    }
    let kind = relation.kind;
    let wrong = match alter.kind {
        ObjectKind::View => kind != RelationKind::View,
        ObjectKind::MaterializedView => kind != RelationKind::MaterializedView,
        ObjectKind::Sequence => kind != RelationKind::Sequence,
        ObjectKind::Index => kind != RelationKind::Index,
        ObjectKind::ForeignTable => kind != RelationKind::ForeignTable,
        _ => false,
    };
    if wrong {
        let article = if alter.kind == ObjectKind::Index {
            "an"
        } else {
            "a"
        };
        return resolve::wrong_kind(
            name,
            format!("\"{}\" is not {article} {}", name.name, alter.kind.noun()),
        );
    }
    let needs_table = alter.commands.iter().any(|command| {
        matches!(
            command,
            AlterTableCommand::AddColumn { .. }
                | AlterTableCommand::DropColumn { .. }
                | AlterTableCommand::AlterType { .. }
                | AlterTableCommand::AddConstraint(_)
                | AlterTableCommand::DropConstraint { .. }
                | AlterTableCommand::SetNotNull { .. }
                | AlterTableCommand::DropNotNull { .. }
                | AlterTableCommand::RowSecurity { .. }
        )
    });
    if needs_table && !kind.is_table() {
        return resolve::wrong_kind(name, format!("\"{}\" is not a table", name.name));
    }
    Ok(())
}

fn command(session: &mut Session, name: &QualifiedName, command: &AlterTableCommand) -> Effect {
    let altered = |session: &mut Session| {
        if let Some(key) = session
            .catalog
            .relation(name)
            .map(|relation| relation.key())
        {
            session.change(key);
        }
    };
    match command {
        AlterTableCommand::AddColumn {
            column,
            if_not_exists,
        } => add_column(session, name, column, *if_not_exists),
        AlterTableCommand::DropColumn {
            name: column,
            if_exists,
            cascade,
        } => drop_column(session, name, column, *if_exists, *cascade),
        AlterTableCommand::AddConstraint(definition) => {
            constraint::add(session, name, definition, None, Origin::Alter)
        }
        AlterTableCommand::DropConstraint {
            name: constraint_name,
            if_exists,
            cascade,
        } => constraint::drop(session, name, constraint_name, *if_exists, *cascade),
        AlterTableCommand::ValidateConstraint { name: wanted } => {
            validate(session, name, wanted, |definition| {
                definition.not_valid = false;
            })?;
            data::check_rows(session, name, wanted)
        }
        AlterTableCommand::AlterConstraint {
            name: wanted,
            deferrable,
            initially_deferred,
        } => validate(session, name, wanted, |definition| {
            definition.deferrable = *deferrable;
            definition.initially_deferred = *initially_deferred;
        }),
        AlterTableCommand::AttachPartition { partition, bound } => {
            attach(session, name, partition, bound)
        }
        AlterTableCommand::DetachPartition { partition, .. } => detach(session, name, partition),
        AlterTableCommand::Inherit { parent } => inherit(session, name, parent),
        AlterTableCommand::NoInherit { parent } => no_inherit(session, name, parent),
        AlterTableCommand::Owner { role } => {
            super::named::role(session, role)?;
            altered(session);
            Ok(())
        }
        AlterTableCommand::Trigger {
            name: trigger,
            enable,
        } => enable_trigger(session, name, trigger.as_deref(), *enable),
        AlterTableCommand::Rule { name: rule, .. } => {
            let found = session.catalog.relation(name).is_some_and(|relation| {
                relation.columns_open || relation.rules.iter().any(|known| known == rule)
            });
            if found {
                return Ok(());
            }
            fail(
                SqlState::UNDEFINED_OBJECT,
                format!(
                    "rule \"{rule}\" for relation \"{}\" does not exist",
                    name.name
                ),
            )
        }
        AlterTableCommand::RowSecurity { enable, force: _ } => {
            if let (Some(enable), Some(relation)) = (enable, session.catalog.relation_mut(name)) {
                relation.row_security = *enable;
            }
            altered(session);
            Ok(())
        }
        AlterTableCommand::ReplicaIdentity { index } => match index {
            Some(wanted) => {
                resolve::known_plain(wanted)?;
                index::need_index(session, name, wanted)
            }
            None => Ok(()),
        },
        AlterTableCommand::SetLogged { logged } => {
            if let Some(relation) = session.catalog.relation_mut(name) {
                relation.unlogged = !logged;
            }
            altered(session);
            Ok(())
        }
        AlterTableCommand::ClusterOn { index: wanted } => {
            resolve::known_plain(wanted)?;
            index::need_index(session, name, wanted)
        }
        AlterTableCommand::Option { .. } => {
            altered(session);
            Ok(())
        }
        _ => alter_column::alter(session, name, command),
    }
}

/// Tables that inherit from a table, or are its partitions.
pub(crate) fn children(session: &Session, table: &QualifiedName) -> Vec<QualifiedName> {
    session
        .catalog
        .relations
        .mentioning(table)
        .filter(|relation| {
            relation
                .partition_of
                .as_deref()
                .is_some_and(|(parent, _)| parent == table)
                || relation.inherits.contains(table)
        })
        .map(|relation| relation.name.clone())
        .collect()
}

/// Tables below a table, however deep: each once.
pub(crate) fn descendants(session: &Session, table: &QualifiedName) -> Vec<QualifiedName> {
    let mut all = children(session, table);
    let mut next = 0;
    while let Some(child) = all.get(next).cloned() {
        next += 1;
        for below in children(session, &child) {
            if !all.contains(&below) && below != *table {
                all.push(below);
            }
        }
    }
    all
}

/// The tables that a table inherits from, or is a partition of.
pub(crate) fn parents(relation: &Relation) -> impl Iterator<Item = &QualifiedName> {
    relation
        .inherits
        .iter()
        .chain(relation.partition_of.as_deref().map(|(parent, _)| parent))
}

/// Whether a column of a table is one of its parent's too: it can be dropped and renamed there alone.
pub(crate) fn is_inherited(session: &Session, relation: &Relation, column: &str) -> bool {
    parents(relation).any(|parent| {
        session
            .catalog
            .relation(parent)
            .is_some_and(|parent| parent.column(column).is_some())
    })
}

/// 42P16.
pub(crate) fn inherited<T>(what: &str, name: &str) -> Effect<T> {
    fail(
        SqlState::INVALID_TABLE_DEFINITION,
        format!("cannot {what} \"{name}\""),
    )
}

/// Sets or clears NOT NULL of a column; nothing is checked.
pub(crate) fn set_not_null_flag(
    session: &mut Session,
    table: &QualifiedName,
    column: &str,
    not_null: bool,
) {
    let mut changed = false;
    if let Some(relation) = session.catalog.relation_mut(table) {
        let differs = |found: &Column| found.name == column && found.not_null != not_null;
        for found in relation.columns.matching_mut(differs) {
            found.not_null = not_null;
            changed = true;
        }
    }
    if changed {
        session.change(table.member(ObjectKind::Column, column));
    }
}

/// Refuses a column's name that is taken (42701); one that may be is free from here on, and the outcome is not known.
pub(crate) fn make_room(session: &mut Session, table: &QualifiedName, column: &SmolStr) -> Effect {
    let taken = session
        .catalog
        .relation(table)
        .and_then(|relation| relation.column(column))
        .map(|column| column.presence);
    let key = table.member(ObjectKind::Column, column);
    match taken {
        Some(Presence::Maybe) => {
            session.doubt(format!("{key} may already be there"));
            if let Some(relation) = session.catalog.relation_mut(table) {
                relation.columns.retain(|known| known.name != *column);
            }
            Ok(())
        }
        Some(_) => {
            let message = format!(
                "column \"{column}\" of relation \"{}\" already exists",
                table.name
            );
            let error = ServerError::new(SqlState::DUPLICATE_COLUMN, message);
            Err(Failure::Error(error.about(key)))
        }
        None => Ok(()),
    }
}

fn add_column(
    session: &mut Session,
    name: &QualifiedName,
    definition: &ColumnDefinition,
    if_not_exists: bool,
) -> Effect {
    resolve::known_plain(&definition.name)?;
    let existing = session
        .catalog
        .relation(name)
        .and_then(|relation| relation.column(&definition.name))
        .map(|column| column.presence);
    let key = name.member(ObjectKind::Column, &definition.name);
    match existing {
        Some(Presence::Maybe) if if_not_exists => {
            resolve::set_column_presence(session, name, &definition.name, Presence::Certain);
            return Ok(());
        }
        Some(_) if if_not_exists => {
            if session.version.0 < 13 {
                add_again(session, name, definition)?;
            }
            return Ok(());
        }
        _ => {}
    }
    let column = table::new_column(session, definition)?;
    check_not_itself(name, &column.type_name)?;
    if existing.is_none() && resolve::is_system_column(&definition.name) {
        return fail(
            SqlState::DUPLICATE_COLUMN,
            format!(
                "column name \"{}\" conflicts with a system column name",
                definition.name
            ),
        );
    }
    make_room(session, name, &definition.name)?;
    check_not_null_rows(session, name, definition, &column)?;
    for child in descendants(session, name) {
        if let Some(relation) = session.catalog.relation_mut(&child)
            && relation.column(&definition.name).is_none()
        {
            relation.columns.push(column.clone());
        }
    }
    if let Some(relation) = session.catalog.relation_mut(name) {
        relation.columns.push(column);
    }
    session.change(key);
    table::finish_column(session, name, definition)?;
    for table in descendants(session, name).iter().chain([name]) {
        data::fill(session, table, definition)?;
    }
    add_inline(session, name, definition)
}

/// 42P16: a table's rows can't hold rows of the table.
pub(crate) fn check_not_itself(table: &QualifiedName, type_name: &TypeName) -> Effect {
    if table.is_of(type_name) {
        return fail(
            SqlState::INVALID_TABLE_DEFINITION,
            format!(
                "composite type {} cannot be made a member of itself",
                table.name
            ),
        );
    }
    Ok(())
}

/// Before 13, ADD COLUMN IF NOT EXISTS of a column that is there still makes its sequence and constraints.
fn add_again(session: &mut Session, name: &QualifiedName, definition: &ColumnDefinition) -> Effect {
    if table::is_serial(&definition.type_name) || definition.identity.is_some() {
        let column = &definition.name;
        sequence::create_owned(session, name, column, Some(column), definition.first_number);
    }
    add_inline(session, name, definition)
}

fn add_inline(
    session: &mut Session,
    name: &QualifiedName,
    definition: &ColumnDefinition,
) -> Effect {
    for inner in &definition.constraints {
        constraint::add(
            session,
            name,
            inner,
            Some(&definition.name),
            Origin::NewTable,
        )?;
    }
    Ok(())
}

/// 23502: rows that are known have no value for a new column without a default.
fn check_not_null_rows(
    session: &Session,
    name: &QualifiedName,
    definition: &ColumnDefinition,
    column: &crate::postgres::catalog::Column,
) -> Effect {
    let filled = column.default.is_some()
        || column.identity.is_some()
        || column.generated.is_some()
        || table::is_serial(&definition.type_name);
    let has_rows = session
        .catalog
        .relation(name)
        .is_some_and(|relation| !relation.rows.known.is_empty());
    if !column.not_null || filled || !has_rows {
        return Ok(());
    }
    Err(alter_column::contains_nulls(name, &definition.name))
}

fn drop_column(
    session: &mut Session,
    name: &QualifiedName,
    column: &SmolStr,
    if_exists: bool,
    cascade: bool,
) -> Effect {
    resolve::known_plain(column)?;
    let Some(relation) = session.catalog.relation(name).cloned() else {
        return Ok(());
    };
    let Some(found) = relation.column(column) else {
        if if_exists {
            return Ok(());
        }
        // in an open table it must have been there
        resolve::column(session, name, column)?;
        remove_column(session, name, column);
        return Ok(());
    };
    if found.presence == Presence::Maybe && !if_exists {
        let key = name.member(ObjectKind::Column, column);
        session.doubt(format!("{key} may or may not be there"));
    }
    if is_inherited(session, &relation, column) {
        return inherited("drop inherited column", column);
    }
    if relation.partition_key.contains(column) {
        return fail(
            SqlState::INVALID_TABLE_DEFINITION,
            format!(
                "cannot drop column \"{column}\" because it is part of the partition key of relation \"{}\"",
                name.name
            ),
        );
    }
    drop_column_dependents(session, &relation, column, cascade)?;
    for child in descendants(session, name) {
        remove_column(session, &child, column);
    }
    remove_column(session, name, column);
    Ok(())
}

fn drop_column_dependents(
    session: &mut Session,
    relation: &Relation,
    column: &SmolStr,
    cascade: bool,
) -> Effect {
    let name = &relation.name;
    let what = format!("column {column} of table {}", name.name);
    let key = name.member(ObjectKind::Column, column);
    for view in drop::views_on(session, &key) {
        if !cascade {
            return drop::depended_on(&what, view.key());
        }
        drop::cascade_view(session, &view);
    }
    for other in &relation.columns {
        let uses = other.generated.as_ref().is_some_and(|(expression, _)| {
            super::expressions::columns_used(expression).contains(column)
        });
        if uses && other.name != *column {
            if !cascade {
                return drop::depended_on(&what, name.member(ObjectKind::Column, &other.name));
            }
            remove_column(session, name, &other.name);
        }
    }
    super::trigger_policy::release_policies(session, &key, &what, cascade, &[])?;
    for trigger in &relation.triggers {
        if trigger.uses(column) {
            if !cascade {
                return drop::depended_on(&what, name.member(ObjectKind::Trigger, &trigger.name));
            }
            super::drop_kinds::remove_trigger(session, name, &trigger.name);
        }
    }
    let keys: Vec<SmolStr> = relation
        .indexes
        .iter()
        .filter(|index| index.columns.contains(column))
        .map(|index| index.name.clone())
        .collect();
    for index in keys {
        foreign_key::drop_dependents(session, name, &index, cascade)?;
    }
    Ok(())
}

/// Takes a column out with its constraints, indexes and sequences; nothing is checked.
pub(crate) fn remove_column(session: &mut Session, name: &QualifiedName, column: &str) {
    let Some(relation) = session.catalog.relation(name).cloned() else {
        return;
    };
    for known in &relation.constraints {
        if known.columns.iter().any(|used| used == column) {
            constraint::remove(session, name, &known.name);
        }
    }
    for known in &relation.indexes {
        if known.columns.iter().any(|used| used == column) && known.constraint.is_none() {
            index::remove(session, name, &known.name);
        }
    }
    let own = relation
        .column(column)
        .is_some_and(|found| found.default.is_some() || found.identity.is_some());
    if own {
        for owned in sequence::owned(session, name, Some(column)) {
            session.catalog.relations.remove(&owned);
            session.change(owned.key(ObjectKind::Sequence));
        }
    }
    let key = name.member(ObjectKind::Column, column);
    if let Some(relation) = session.catalog.relation_mut(name) {
        relation.columns.retain(|known| known.name != column);
        // a column of this name that comes later has nothing of it
        crate::postgres::data::forget_in_rows(relation, column);
    }
    session.catalog.comments.remove(&key);
    session.change(key);
}

fn validate(
    session: &mut Session,
    name: &QualifiedName,
    wanted: &str,
    change: impl Fn(&mut crate::postgres::statement::ConstraintDefinition),
) -> Effect {
    resolve::known_plain(wanted)?;
    let key = name.member(ObjectKind::Constraint, wanted);
    let mut found = false;
    let mut open = false;
    if let Some(relation) = session.catalog.relation_mut(name) {
        open = relation.columns_open;
        for known in relation
            .constraints
            .matching_mut(|known| known.name == wanted)
        {
            change(&mut known.definition);
            found = true;
        }
    }
    if !found && !open {
        return Err(constraint::missing(name, wanted));
    }
    session.change(key);
    Ok(())
}

fn enable_trigger(
    session: &mut Session,
    name: &QualifiedName,
    trigger: Option<&str>,
    enable: bool,
) -> Effect {
    if let Some(trigger) = trigger {
        resolve::known_plain(trigger)?;
        let there = session
            .catalog
            .relation(name)
            .is_some_and(|relation| relation.columns_open || relation.trigger(trigger).is_some());
        if !there {
            return Err(Failure::Error(
                ServerError::new(
                    SqlState::UNDEFINED_OBJECT,
                    format!(
                        "trigger \"{trigger}\" for table \"{}\" does not exist",
                        name.name
                    ),
                )
                .about(name.member(ObjectKind::Trigger, trigger)),
            ));
        }
    }
    let mut changed = Vec::new();
    if let Some(relation) = session.catalog.relation_mut(name) {
        for known in relation.triggers.iter_mut() {
            if trigger.is_none_or(|wanted| wanted == known.name) {
                known.enabled = enable;
                changed.push(name.member(ObjectKind::Trigger, &known.name));
            }
        }
    }
    for key in changed {
        session.change(key);
    }
    Ok(())
}

fn attach(
    session: &mut Session,
    parent: &QualifiedName,
    partition: &Name,
    bound: &SmolStr,
) -> Effect {
    let partition = resolve::relation(session, partition, ObjectKind::Table)?;
    let Some(relation) = session.catalog.relation(&partition).cloned() else {
        return Ok(());
    };
    // ALTER INDEX parent ATTACH PARTITION child: the indexes are tied, nothing that is modelled changes
    if relation.kind == RelationKind::Index {
        return Ok(());
    }
    if session
        .catalog
        .relation(parent)
        .is_some_and(|found| found.kind != RelationKind::PartitionedTable && !found.columns_open)
    {
        return resolve::wrong_kind(
            parent,
            format!("\"{}\" is not a partitioned table", parent.name),
        );
    }
    if relation.partition_of.is_some() {
        return resolve::wrong_kind(
            &partition,
            format!("\"{}\" is already a partition", partition.name),
        );
    }
    check_circle(session, parent, &partition)?;
    table::check_partition(session, parent, &partition, bound)?;
    check_same_columns(session, parent, &relation)?;
    if let Some(found) = session.catalog.relation_mut(&partition) {
        found.partition_of = Some(Box::new((parent.clone(), bound.clone())));
    }
    session.change(partition.key(ObjectKind::Table));
    table::clone_from_parent(session, &partition, parent)
}

fn check_same_columns(session: &Session, parent: &QualifiedName, child: &Relation) -> Effect {
    let Some(parent) = session.catalog.relation(parent) else {
        return Ok(());
    };
    if parent.columns_open || child.columns_open {
        return Ok(());
    }
    for column in &child.columns {
        if parent.column(&column.name).is_none() {
            return fail(
                SqlState::DATATYPE_MISMATCH,
                format!(
                    "table \"{}\" contains column \"{}\" not found in parent \"{}\"",
                    child.name.name, column.name, parent.name.name
                ),
            );
        }
    }
    for column in &parent.columns {
        if child.column(&column.name).is_none() {
            return fail(
                SqlState::DATATYPE_MISMATCH,
                format!("child table is missing column \"{}\"", column.name),
            );
        }
    }
    Ok(())
}

fn detach(session: &mut Session, parent: &QualifiedName, partition: &Name) -> Effect {
    let partition = resolve::relation(session, partition, ObjectKind::Table)?;
    let found = session
        .catalog
        .relation(&partition)
        .is_some_and(|relation| {
            relation.presence == Presence::Assumed
                || relation
                    .partition_of
                    .as_deref()
                    .is_some_and(|(of, _)| of == parent)
        });
    if !found {
        return fail(
            SqlState::UNDEFINED_TABLE,
            format!(
                "relation \"{}\" is not a partition of relation \"{}\"",
                partition.name, parent.name
            ),
        );
    }
    if let Some(relation) = session.catalog.relation_mut(&partition) {
        relation.partition_of = None;
    }
    session.change(partition.key(ObjectKind::Table));
    Ok(())
}

fn inherit(session: &mut Session, name: &QualifiedName, parent: &Name) -> Effect {
    let parent = resolve::relation(session, parent, ObjectKind::Table)?;
    let Some(child) = session.catalog.relation(name).cloned() else {
        return Ok(());
    };
    if child.inherits.contains(&parent) {
        return fail(
            SqlState::DUPLICATE_TABLE,
            format!(
                "relation \"{}\" would be inherited from more than once",
                parent.name
            ),
        );
    }
    check_circle(session, &parent, name)?;
    if let Some(from) = session.catalog.relation(&parent)
        && !child.columns_open
    {
        for column in &from.columns {
            if child.column(&column.name).is_none() {
                return fail(
                    SqlState::DATATYPE_MISMATCH,
                    format!("child table is missing column \"{}\"", column.name),
                );
            }
        }
    }
    if let Some(from) = session.catalog.relation(&parent) {
        let mut checks = from.check_constraints();
        let missing = checks
            .find(|known| !known.definition.no_inherit && child.constraint(&known.name).is_none());
        if let Some(missing) = missing.filter(|_| !child.columns_open) {
            return fail(
                SqlState::DATATYPE_MISMATCH,
                format!("child table is missing constraint \"{}\"", missing.name),
            );
        }
    }
    if let Some(relation) = session.catalog.relation_mut(name) {
        relation.inherits.push(parent);
    }
    session.change(name.key(ObjectKind::Table));
    Ok(())
}

fn no_inherit(session: &mut Session, name: &QualifiedName, parent: &Name) -> Effect {
    let parent = resolve::relation(session, parent, ObjectKind::Table)?;
    let Some(relation) = session.catalog.relation_mut(name) else {
        return Ok(());
    };
    if !relation.inherits.contains(&parent) && !relation.columns_open {
        return fail(
            SqlState::UNDEFINED_TABLE,
            format!(
                "relation \"{}\" is not a parent of relation \"{}\"",
                parent.name, name.name
            ),
        );
    }
    relation.inherits.retain(|known| *known != parent);
    session.change(name.key(ObjectKind::Table));
    Ok(())
}

/// 42P07 where a table would come to be its own ancestor.
fn check_circle(session: &Session, parent: &QualifiedName, child: &QualifiedName) -> Effect {
    let mut ahead = vec![parent.clone()];
    let mut seen: Vec<QualifiedName> = Vec::new();
    while let Some(next) = ahead.pop() {
        if next == *child {
            return fail(
                SqlState::DUPLICATE_TABLE,
                "circular inheritance not allowed",
            );
        }
        if seen.contains(&next) {
            continue;
        }
        if let Some(relation) = session.catalog.relation(&next) {
            ahead.extend(relation.inherits.iter().cloned());
            ahead.extend(relation.partition_of.as_deref().map(|(of, _)| of.clone()));
        }
        seen.push(next);
    }
    Ok(())
}
