//! Triggers that fire for a row that is certainly written: what the first statements of their functions certainly fail on.
//!
//! A function is followed only as far as it runs in one line; what it changes in the row is not known ([`crate::postgres::data`]).

use std::sync::Arc;

use crate::postgres::catalog::{QualifiedName, Relation, Trigger, trigger_events};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{PlStatement, Statement};
use crate::postgres::{ServerError, Session, SqlState};

use super::{Effect, Failure, routine};

/// Most statements of a function that are looked at, with each row anew.
const MOST: usize = 50;

/// Refuses a statement whose triggers fail for each row, in the order of their names as they fire.
pub(super) fn check(session: &Session, table: &QualifiedName, statement: &Statement) -> Effect {
    let Some(relation) = session.catalog.relation(table) else {
        return Ok(());
    };
    let event = match statement {
        Statement::Insert(_) => trigger_events::INSERT,
        Statement::Update(_) => trigger_events::UPDATE,
        Statement::Delete(_) => trigger_events::DELETE,
        _ => return Ok(()),
    };
    let mut triggers: Vec<&Trigger> = relation
        .triggers
        .iter()
        .filter(|trigger| trigger.enabled && trigger.always && trigger.events & event != 0)
        .filter(|trigger| !trigger.constraint && concerns(trigger, statement))
        .collect();
    triggers.sort_by(|one, other| one.name.cmp(&other.name));
    triggers
        .into_iter()
        .try_for_each(|trigger| run(session, relation, trigger))
}

/// Whether a statement sets a column of UPDATE OF.
fn concerns(trigger: &Trigger, statement: &Statement) -> bool {
    match statement {
        Statement::Update(update) if !trigger.columns.is_empty() => update
            .assignments
            .iter()
            .any(|assignment| trigger.columns.contains(&assignment.column)),
        _ => true,
    }
}

fn run(session: &Session, relation: &Arc<Relation>, trigger: &Trigger) -> Effect {
    let function = session.catalog.functions.get(&trigger.function);
    let Some([function]) = function.map(|all| all.as_slice()) else {
        return Ok(());
    };
    let Some(block) = routine::body(session, function) else {
        return Ok(());
    };
    if !block.handlers.is_empty() {
        return Ok(());
    }
    for statement in block.body.iter().take(MOST) {
        match statement {
            PlStatement::Assign { target, .. } => {
                let field = target.strip_prefix("new.");
                if let Some(field) = field.filter(|field| lacks(relation, field)) {
                    let message = format!("record \"new\" has no field \"{field}\"");
                    return Err(Failure::Error(
                        ServerError::new(SqlState::UNDEFINED_COLUMN, message)
                            .about(relation.name.member(ObjectKind::Column, field)),
                    ));
                }
            }
            PlStatement::Raise {
                level,
                condition: None,
                message,
            } if level == "exception" => {
                let error = ServerError::new(SqlState::RAISE_EXCEPTION, message.to_string());
                return Err(Failure::Error(error));
            }
            PlStatement::Null | PlStatement::Raise { .. } => {}
            // it may leave here
            _ => break,
        }
    }
    Ok(())
}

fn lacks(relation: &Relation, field: &str) -> bool {
    relation.column(field).is_none()
        && !crate::unknown::has_hole(field)
        && !relation.may_have_more()
}
