//! Views, materialized views, and tables made from queries.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::catalog::{Column, Presence, Relation, RelationKind};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{CreateTableAs, CreateView};
use crate::postgres::{Name, Query, Session, SqlState, TypeName};

use super::analyze::{self, Analysis};
use super::{Effect, fail, resolve};

fn fill(relation: &mut Relation, analysis: Analysis, names: &[SmolStr], views: bool) -> Effect {
    match analysis.columns {
        Some(columns) => {
            if names.len() > columns.len() {
                return if views {
                    fail(
                        SqlState::SYNTAX_ERROR,
                        "CREATE VIEW specifies more column names than columns",
                    )
                } else {
                    fail(
                        SqlState::SYNTAX_ERROR,
                        "too many column names were specified",
                    )
                };
            }
            for (at, column) in columns.into_iter().enumerate() {
                let name = names.get(at).cloned().unwrap_or(column.name);
                if relation.column(&name).is_some() {
                    return fail(
                        SqlState::DUPLICATE_COLUMN,
                        format!("column \"{name}\" specified more than once"),
                    );
                }
                relation.columns.push(Column {
                    name,
                    type_name: column.type_name.unwrap_or_else(|| TypeName::new("unknown")),
                    not_null: false,
                    default: None,
                    default_type: None,
                    identity: None,
                    generated: None,
                    presence: Presence::Certain,
                });
            }
        }
        None => relation.columns_open = true,
    }
    if views {
        relation.depends_on = analysis.depends_on;
    }
    Ok(())
}

/// CREATE VIEW.
pub(crate) fn create(session: &mut Session, create: &CreateView) -> Effect {
    let name = resolve::new_name(session, &create.name, create.temporary)?;
    let analysis = analyze::query(session, &create.query)?;
    let mut relation = Relation::new(name.clone(), RelationKind::View);
    fill(&mut relation, analysis, &create.columns, true)?;
    relation.query = Some(Arc::new(create.query.clone()));
    let existing = session.catalog.relation(&name).cloned();
    if let Some(existing) = existing
        && create.or_replace
    {
        if existing.kind != RelationKind::View && existing.presence == Presence::Certain {
            return resolve::wrong_kind(&name, format!("\"{}\" is not a view", name.name));
        }
        check_replacement(&existing, &relation)?;
        relation.triggers = existing.triggers.clone();
        relation.rules = existing.rules.clone();
        session.change(relation.key());
        session.catalog.relations.insert(Arc::new(relation));
        return Ok(());
    }
    insert(session, relation)
}

fn insert(session: &mut Session, relation: Relation) -> Effect {
    let name = &relation.name;
    if let Some(key) = resolve::occupied_relation(session, name) {
        return Err(resolve::duplicate_relation(name, key));
    }
    if let Some(key) = resolve::occupied_type(session, name) {
        return Err(resolve::duplicate_type(name, key));
    }
    session.change(relation.key());
    session.catalog.relations.insert(Arc::new(relation));
    Ok(())
}

/// 42P16: OR REPLACE may only add columns at the end.
fn check_replacement(old: &Relation, new: &Relation) -> Effect {
    if old.columns_open || new.columns_open {
        return Ok(());
    }
    if new.columns.len() < old.columns.len() {
        return fail(
            SqlState::INVALID_TABLE_DEFINITION,
            "cannot drop columns from view",
        );
    }
    for (old, new) in old.columns.iter().zip(&new.columns) {
        if old.name != new.name {
            return fail(
                SqlState::INVALID_TABLE_DEFINITION,
                format!(
                    "cannot change name of view column \"{}\" to \"{}\"",
                    old.name, new.name
                ),
            );
        }
        let known = |column: &Column| column.type_name.name.name != "unknown";
        if known(old)
            && known(new)
            && (old.type_name.name.name != new.type_name.name.name
                || old.type_name.array != new.type_name.array)
        {
            return fail(
                SqlState::INVALID_TABLE_DEFINITION,
                format!(
                    "cannot change data type of view column \"{}\" from {} to {}",
                    old.name,
                    crate::postgres::catalog::lookup::display_type_name(&old.type_name),
                    crate::postgres::catalog::lookup::display_type_name(&new.type_name)
                ),
            );
        }
    }
    Ok(())
}

/// CREATE TABLE AS, CREATE MATERIALIZED VIEW.
pub(crate) fn create_table_as(session: &mut Session, create: &CreateTableAs) -> Effect {
    let name = resolve::new_name(session, &create.name, create.temporary)?;
    // the query is analyzed before the name is looked at, IF NOT EXISTS or not
    let analysis = analyze::query(session, &create.query)?;
    if create.if_not_exists && resolve::occupied_relation(session, &name).is_some() {
        return Ok(());
    }
    let kind = if create.materialized_view {
        RelationKind::MaterializedView
    } else {
        RelationKind::Table
    };
    let mut relation = Relation::new(name.clone(), kind);
    fill(
        &mut relation,
        analysis,
        &create.columns,
        create.materialized_view,
    )?;
    relation.rows.others = create.with_data;
    if create.materialized_view {
        relation.query = Some(Arc::new(create.query.clone()));
    }
    insert(session, relation)
}

/// SELECT ... INTO.
pub(crate) fn select_into(session: &mut Session, into: &Name, query: &Query) -> Effect {
    let name = resolve::new_name(session, into, false)?;
    let analysis = analyze::query(session, query)?;
    let mut relation = Relation::new(name.clone(), RelationKind::Table);
    fill(&mut relation, analysis, &[], false)?;
    relation.rows.others = true;
    insert(session, relation)
}

/// REFRESH MATERIALIZED VIEW.
pub(crate) fn refresh(session: &mut Session, name: &Name) -> Effect {
    let name = resolve::relation(session, name, ObjectKind::MaterializedView)?;
    let Some(relation) = session.catalog.relation(&name) else {
        return Ok(());
    };
    if relation.kind != RelationKind::MaterializedView && relation.presence == Presence::Certain {
        return fail(
            SqlState::FEATURE_NOT_SUPPORTED,
            format!("\"{}\" is not a materialized view", name.name),
        );
    }
    Ok(())
}
