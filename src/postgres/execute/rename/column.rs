//! RENAME COLUMN and RENAME ATTRIBUTE, carried along to keys, indexes, views and triggers.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::catalog::{List, QualifiedName, Type, TypeKind};
use crate::postgres::execute::{Effect, alter_table, expressions, resolve};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{ConstraintKind, Rename};
use crate::postgres::{Expr, Session, SqlState};

pub(super) fn column_of(session: &mut Session, rename: &Rename) -> Effect {
    let Some(old) = &rename.member else {
        return Ok(());
    };
    if rename.if_exists && resolve::guarded(session, &rename.name)?.is_none() {
        return Ok(());
    }
    // ALTER TYPE ... RENAME ATTRIBUTE
    let composite = session
        .catalog
        .find_type(&session.search_path, &rename.name)
        .filter(|found| matches!(found.definition, TypeKind::Composite { .. }))
        .map(|found| found.name.clone());
    if let Some(name) = composite {
        return attribute(session, &name, old, &rename.new_name);
    }
    let table = resolve::relation(session, &rename.name, ObjectKind::Table)?;
    resolve::column_or(session, &table, old, || {
        format!("column \"{old}\" does not exist")
    })?;
    alter_table::make_room(session, &table, &rename.new_name)?;
    if let Some(relation) = session.catalog.relation(&table)
        && alter_table::is_inherited(session, relation, old)
    {
        return alter_table::inherited("rename inherited column", old);
    }
    for child in alter_table::descendants(session, &table) {
        rename_column(session, &child, old, &rename.new_name);
    }
    rename_column(session, &table, old, &rename.new_name);
    Ok(())
}

fn attribute(session: &mut Session, name: &QualifiedName, old: &str, new: &SmolStr) -> Effect {
    let Some(Type {
        definition: TypeKind::Composite { attributes },
        ..
    }) = session.catalog.type_mut(name)
    else {
        return Ok(());
    };
    let there = attributes.iter().any(|attribute| attribute.name == old);
    if there && attributes.iter().any(|attribute| attribute.name == *new) {
        return crate::postgres::execute::fail(
            SqlState::DUPLICATE_COLUMN,
            format!(
                "column \"{new}\" of relation \"{}\" already exists",
                name.name
            ),
        );
    }
    let mut found = false;
    for attribute in attributes.iter_mut() {
        if attribute.name == old {
            attribute.name = new.clone();
            found = true;
        }
    }
    if !found {
        return crate::postgres::execute::fail(
            SqlState::UNDEFINED_COLUMN,
            format!("column \"{old}\" does not exist"),
        );
    }
    session.change(name.key(ObjectKind::Type));
    Ok(())
}

/// Renames a column with all that names it; nothing is checked.
fn rename_column(session: &mut Session, table: &QualifiedName, old: &str, new: &SmolStr) {
    let in_list = |list: &mut Vec<SmolStr>| {
        for name in list {
            if name == old {
                *name = new.clone();
            }
        }
    };
    let in_expression = |expression: &mut Expr| {
        expressions::walk_mut(expression, &mut |inner| {
            if let Expr::Column { name, .. } = inner
                && name == old
            {
                *name = new.clone();
            }
        });
    };
    if let Some(relation) = session.catalog.relation_mut(table) {
        for column in relation.columns.matching_mut(|known| known.name == old) {
            column.name = new.clone();
        }
        for column in relation
            .columns
            .matching_mut(|known| known.generated.is_some())
        {
            if let Some((expression, _)) = &mut column.generated {
                in_expression(expression);
            }
        }
        for known in relation.constraints.iter_mut() {
            in_list(&mut known.columns);
            rename_in_constraint(&mut known.definition.kind, &in_list, &in_expression);
            if known.references.as_ref() == Some(table)
                && let ConstraintKind::ForeignKey { referenced, .. } = &mut known.definition.kind
            {
                in_list(referenced);
            }
        }
        for index in relation.indexes.iter_mut() {
            in_list(&mut index.columns);
            in_list(&mut index.include);
            for element in &mut index.elements {
                in_expression(&mut element.value);
            }
            if let Some(filter) = &mut index.filter {
                in_expression(filter);
            }
        }
        for trigger in relation.triggers.iter_mut() {
            in_list(&mut trigger.columns);
            in_list(&mut trigger.condition);
        }
        in_list(&mut relation.partition_key);
        for row in &mut relation.rows.known {
            if row.values.iter().any(|(name, _)| name == old) {
                for (name, _) in &mut Arc::make_mut(row).values {
                    if name == old {
                        *name = new.clone();
                    }
                }
            }
        }
    }
    rename_column_elsewhere(session, table, old, new);
    let old_key = table.member(ObjectKind::Column, old);
    let new_key = table.member(ObjectKind::Column, new);
    if let Some(text) = session.catalog.comments.remove(&old_key) {
        session.catalog.comments.insert(new_key.clone(), text);
    }
    session.change(old_key);
    session.change(new_key);
}

fn rename_in_constraint(
    kind: &mut ConstraintKind,
    in_list: &dyn Fn(&mut Vec<SmolStr>),
    in_expression: &dyn Fn(&mut Expr),
) {
    match kind {
        ConstraintKind::Check(expression) => in_expression(expression),
        ConstraintKind::NotNull { column } => {
            let mut one = vec![column.clone()];
            in_list(&mut one);
            if let Some(first) = one.pop() {
                *column = first;
            }
        }
        ConstraintKind::Unique {
            columns, include, ..
        }
        | ConstraintKind::PrimaryKey {
            columns, include, ..
        } => {
            in_list(columns);
            in_list(include);
        }
        ConstraintKind::ForeignKey { columns, .. } => in_list(columns),
        ConstraintKind::Exclude {
            elements, filter, ..
        } => {
            for element in elements {
                in_expression(&mut element.value);
            }
            if let Some(filter) = filter {
                in_expression(filter);
            }
        }
    }
}

/// Foreign keys of other tables, owned sequences and views that know the column.
fn rename_column_elsewhere(session: &mut Session, table: &QualifiedName, old: &str, new: &SmolStr) {
    let old_key = table.member(ObjectKind::Column, old);
    let new_key = table.member(ObjectKind::Column, new);
    let others: Vec<QualifiedName> = session
        .catalog
        .relations
        .mentioning(table)
        .filter(|other| {
            other.depends_on.contains(&old_key)
                || other
                    .policies
                    .iter()
                    .any(|policy| policy.depends_on.contains(&old_key))
                || other
                    .owned_by
                    .as_deref()
                    .is_some_and(|(owner, column)| owner == table && column == old)
                || (other.name != *table
                    && other
                        .constraints
                        .iter()
                        .any(|known| known.references.as_ref() == Some(table)))
        })
        .map(|other| other.name.clone())
        .collect();
    for name in others {
        let Some(other) = session.catalog.relation_mut(&name) else {
            continue;
        };
        if other.depends_on.remove(&old_key).is_some() {
            other.depends_on.insert(new_key.clone());
        }
        for policy in other
            .policies
            .matching_mut(|policy| policy.depends_on.contains(&old_key))
        {
            policy.depends_on.remove(&old_key);
            policy.depends_on.insert(new_key.clone());
        }
        if let Some((owner, column)) = other.owned_by.as_deref_mut()
            && owner == table
            && column == old
        {
            *column = new.clone();
        }
        for known in other.constraints.iter_mut() {
            if known.references.as_ref() != Some(table) {
                continue;
            }
            if let ConstraintKind::ForeignKey { referenced, .. } = &mut known.definition.kind {
                for column in referenced {
                    if column == old {
                        *column = new.clone();
                    }
                }
            }
        }
    }
}

pub(super) fn swap(names: &mut List<SmolStr>, old: &SmolStr, new: &SmolStr) {
    for name in names.iter_mut() {
        if name == old {
            *name = new.clone();
        }
    }
}
