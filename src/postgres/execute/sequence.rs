//! CREATE and ALTER SEQUENCE, and the sequences of serial and identity columns.

use std::sync::Arc;

use smol_str::SmolStr;

use crate::postgres::catalog::{QualifiedName, Relation, RelationKind};
use crate::postgres::name::ObjectKind;
use crate::postgres::statement::{CreateSequence, SequenceOptions};
use crate::postgres::{Name, Session};

use super::{Effect, names, resolve};

/// CREATE SEQUENCE.
pub(crate) fn create(session: &mut Session, create: &CreateSequence) -> Effect {
    let name = resolve::new_name(session, &create.name, create.temporary)?;
    if let Some(key) = resolve::occupied_relation(session, &name) {
        if create.if_not_exists {
            return Ok(());
        }
        return Err(resolve::duplicate_relation(&name, key));
    }
    let relation = Relation::new(name.clone(), RelationKind::Sequence);
    session.catalog.relations.insert(Arc::new(relation));
    start(session, &name, create.options.first_number());
    session.change(name.key(ObjectKind::Sequence));
    own(session, &name, &create.options)
}

/// ALTER SEQUENCE.
pub(crate) fn alter(
    session: &mut Session,
    name: &Name,
    if_exists: bool,
    options: &SequenceOptions,
) -> Effect {
    if if_exists && resolve::guarded(session, name)?.is_none() {
        return Ok(());
    }
    let name = resolve::relation(session, name, ObjectKind::Sequence)?;
    expect_sequence(session, &name)?;
    let is_renumbered = options.irregular || options.increment.is_some();
    if is_renumbered {
        start(session, &name, None);
    } else if options.restart {
        match options.start {
            Some(number) => set_next(session, &name, Some(number)),
            None => restart(session, &name),
        }
    } else if options.start.is_some()
        && let Some(relation) = session.catalog.relation_mut(&name)
    {
        relation.first_number = options.start;
    }
    session.change(name.key(ObjectKind::Sequence));
    own(session, &name, options)
}

fn expect_sequence(session: &Session, name: &QualifiedName) -> Effect {
    let is_sequence = session
        .catalog
        .relation(name)
        .is_some_and(|relation| relation.kind == RelationKind::Sequence);
    if !is_sequence {
        return resolve::wrong_kind(name, format!("\"{}\" is not a sequence", name.name));
    }
    Ok(())
}

fn own(session: &mut Session, name: &QualifiedName, options: &SequenceOptions) -> Effect {
    let Some(owner) = &options.owned_by else {
        return Ok(());
    };
    let owner = match owner {
        None => None,
        Some((table, column)) => {
            let table = resolve::relation(session, table, ObjectKind::Table)?;
            resolve::column(session, &table, column)?;
            Some((table, column.clone()))
        }
    };
    if let Some(relation) = session.catalog.relation_mut(name) {
        relation.owned_by = owner.map(Box::new);
    }
    Ok(())
}

/// Makes the sequence of a serial or identity column, `t_c_seq`.
pub(crate) fn create_owned(
    session: &mut Session,
    table: &QualifiedName,
    column: &str,
    owner: Option<&str>,
    first_number: Option<i64>,
) -> QualifiedName {
    let chosen = names::relation(
        session,
        &table.schema,
        &table.name,
        Some(column),
        "seq",
        false,
    );
    let name = QualifiedName {
        schema: table.schema.clone(),
        name: chosen,
    };
    let mut relation = Relation::new(name.clone(), RelationKind::Sequence);
    relation.owned_by = owner.map(|column| Box::new((table.clone(), SmolStr::new(column))));
    session.catalog.relations.insert(Arc::new(relation));
    start(session, &name, first_number);
    session.change(name.key(ObjectKind::Sequence));
    name
}

/// Sets the number that a sequence starts with.
pub(crate) fn start(session: &mut Session, name: &QualifiedName, number: Option<i64>) {
    if let Some(relation) = session.catalog.relation_mut(name) {
        relation.first_number = number;
    }
    set_next(session, name, number);
}

/// Starts a sequence anew.
pub(crate) fn restart(session: &mut Session, name: &QualifiedName) {
    let relation = session.catalog.relation(name);
    let first = relation.and_then(|relation| relation.first_number);
    set_next(session, name, first);
}

/// Sets the number that a sequence gives next, which a rollback takes back.
fn set_next(session: &mut Session, name: &QualifiedName, number: Option<i64>) {
    session.call.taken.remake(name);
    session.catalog.set_next_number(name, number);
}

/// The sequences that a column, or any column of a table, owns.
pub(crate) fn owned(
    session: &Session,
    table: &QualifiedName,
    column: Option<&str>,
) -> Vec<QualifiedName> {
    session
        .catalog
        .owned_sequences(table)
        .filter(|(owned, _)| column.is_none_or(|column| column == *owned))
        .map(|(_, sequence)| sequence.name.clone())
        .collect()
}
