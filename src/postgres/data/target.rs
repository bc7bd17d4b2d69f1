//! The table that a statement writes to.

use std::sync::Arc;

use crate::postgres::catalog::{Catalog, Presence, QualifiedName, Relation, RelationKind};
use crate::postgres::name::{Name, ObjectKind};
use crate::postgres::query::{Context, Environment, Resolved, Scope, Source, source_of_relation};
use crate::postgres::{ServerError, SqlState};

/// What a statement writes to.
pub(crate) enum Target {
    /// A table, partitioned or foreign ones included.
    Table(Arc<Relation>),
    /// A view: its rows are those of other tables.
    View(Arc<Relation>),
    /// A system table, or a table of which only the name is known and which the catalog will not hold.
    Opaque(QualifiedName),
}

/// Finds what a name means as the target of a write, or 42P01, 42809.
pub(crate) fn find(name: &Name, context: &Context<'_>) -> Result<Target, ServerError> {
    // WITH members hide no target
    let hidden = std::mem::take(&mut *context.tables.borrow_mut());
    let resolved = context.resolve(name);
    *context.tables.borrow_mut() = hidden;
    match resolved? {
        Resolved::Relation(relation) => match relation.kind {
            RelationKind::Table | RelationKind::PartitionedTable | RelationKind::ForeignTable => {
                Ok(Target::Table(relation))
            }
            RelationKind::View => Ok(Target::View(relation)),
            RelationKind::MaterializedView | RelationKind::Sequence | RelationKind::Index => {
                Err(ServerError::new(
                    SqlState::WRONG_OBJECT_TYPE,
                    format!("cannot change relation \"{}\"", name.name),
                )
                .about(relation.name.key(ObjectKind::Table)))
            }
        },
        Resolved::Open(qualified) => {
            if name.is_unknown() || !context.catalog.open {
                return Ok(Target::Opaque(qualified));
            }
            Ok(Target::Table(Arc::new(assumed(qualified))))
        }
        Resolved::System(table) => Ok(Target::Opaque(QualifiedName::new(table.schema, table.name))),
        Resolved::Table(_) => Ok(Target::Opaque(context.qualify(name))),
    }
}

/// A table that must be there, of which nothing is known.
fn assumed(name: QualifiedName) -> Relation {
    let mut relation = Relation::new(name, RelationKind::Table);
    relation.presence = Presence::Assumed;
    relation.columns_open = true;
    relation
}

/// Puts relations that were used and never heard of into the catalog.
pub(crate) fn assume(catalog: &mut Catalog, names: &[QualifiedName]) {
    for name in names {
        if !catalog.relations.contains_key(name) {
            catalog.relations.insert(Arc::new(assumed(name.clone())));
        }
    }
}

/// The target as a FROM item.
pub(crate) fn source(target: &Target, alias: Option<&str>) -> Source {
    let mut source = match target {
        Target::Table(relation) | Target::View(relation) => source_of_relation(relation),
        Target::Opaque(name) => Source {
            alias: name.name.clone(),
            schema: Some(name.schema.clone()),
            columns: Vec::new().into(),
            open: true,
            offset: 0,
        },
    };
    if let Some(alias) = alias {
        source.alias = alias.into();
        source.schema = None;
    }
    source
}

/// The target as a scope of one item.
pub(crate) fn scope(target: &Target, alias: Option<&str>) -> Scope {
    Scope::of(source(target, alias))
}

/// 42703 for a column that a target lacks.
pub(crate) fn missing_column(column: &str, table: &str) -> ServerError {
    ServerError::new(
        SqlState::UNDEFINED_COLUMN,
        format!("column \"{column}\" of relation \"{table}\" does not exist"),
    )
}

/// Whether the server may change what a statement writes: triggers on its events and rules can do anything, with any sequence.
pub(crate) fn has_hooks(relation: &Relation, events: u8, environment: &Environment<'_>) -> bool {
    let has_hooks = !relation.rules.is_empty()
        || relation
            .triggers
            .iter()
            .any(|trigger| trigger.enabled && !trigger.constraint && trigger.events & events != 0);
    if has_hooks {
        environment.numbers.forget();
    }
    has_hooks
}
