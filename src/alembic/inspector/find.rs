//! Looking a relation up as reflection does: exact names, visible schemas, and honest doubt.

use std::sync::Arc;

use crate::alembic::object::Interp;
use crate::postgres::Catalog;
use crate::postgres::catalog::{Presence, QualifiedName, Relation, RelationKind};
use crate::postgres::{ObjectKey, ObjectKind};

/// What a look-up finds.
#[derive(Clone, Debug)]
pub enum Found {
    /// It is there.
    Known(Arc<Relation>),
    /// It is not there.
    Absent,
    /// It may be there.
    Unknown,
}

/// What an Inspector sees.
#[derive(Clone, Debug)]
pub struct Seen {
    pub(super) catalog: Catalog,
    /// Through a connection of its own, which sees only what is committed.
    pub(super) separate: bool,
}

/// What an Inspector sees now; `separate`: of an engine.
pub(super) fn seen(interp: &Interp, separate: bool) -> Seen {
    let catalog = if separate {
        &interp.host.committed
    } else {
        &interp.host.session.catalog
    };
    Seen {
        catalog: catalog.clone(),
        separate,
    }
}

/// The schemas in which an unqualified name is looked up.
pub(super) fn visible(interp: &Interp) -> Vec<String> {
    let mut schemas = vec!["pg_temp".to_owned()];
    schemas.extend(
        interp
            .host
            .session
            .search_path
            .iter()
            .map(ToString::to_string),
    );
    schemas
}

/// The relation of a name; without a schema the first that is visible.
pub fn relation(interp: &Interp, catalog: &Catalog, schema: Option<&str>, name: &str) -> Found {
    if crate::unknown::has_hole(name) || schema.is_some_and(crate::unknown::has_hole) {
        return Found::Unknown;
    }
    let schemas = schema.map_or_else(|| visible(interp), |schema| vec![schema.to_owned()]);
    let mut doubt = false;
    for schema in &schemas {
        let qualified = QualifiedName::new(schema, name);
        if let Some(relation) = catalog.relations.get(&qualified) {
            if relation.presence == Presence::Maybe || is_doubtful(catalog, relation) {
                return Found::Unknown;
            }
            return Found::Known(relation.clone());
        }
        doubt |= KINDS
            .iter()
            .any(|kind| catalog.maybe.contains(&qualified.key(*kind)));
    }
    // what a statement dropped is not in the schema in which it stood
    let first = schemas.iter().find(|schema| *schema != "pg_temp");
    let gone = first.is_some_and(|schema| {
        catalog.has_relation(&QualifiedName::new(schema, name), &[]) == Some(false)
    });
    if doubt || (catalog.may_have_made(name) && !gone) {
        Found::Unknown
    } else {
        Found::Absent
    }
}

const KINDS: &[ObjectKind] = &[
    ObjectKind::Table,
    ObjectKind::View,
    ObjectKind::MaterializedView,
    ObjectKind::ForeignTable,
];

fn is_doubtful(catalog: &Catalog, relation: &Relation) -> bool {
    catalog
        .maybe
        .contains(&relation.name.key(object_kind(relation.kind)))
}

fn object_kind(kind: RelationKind) -> ObjectKind {
    match kind {
        RelationKind::Table | RelationKind::PartitionedTable => ObjectKind::Table,
        RelationKind::ForeignTable => ObjectKind::ForeignTable,
        RelationKind::View => ObjectKind::View,
        RelationKind::MaterializedView => ObjectKind::MaterializedView,
        RelationKind::Sequence => ObjectKind::Sequence,
        RelationKind::Index => ObjectKind::Index,
    }
}

/// Whether anything of a kind may exist that the catalog does not list in a schema.
pub(super) fn has_doubt(catalog: &Catalog, kind: ObjectKind, schemas: &[String]) -> bool {
    let in_schemas = |key: &ObjectKey| {
        schemas.iter().any(|schema| {
            key.name
                .strip_prefix(schema.as_str())
                .is_some_and(|rest| rest.starts_with('.'))
        })
    };
    catalog.open
        || !catalog.nameless.is_empty()
        || catalog
            .maybe
            .iter()
            .any(|key| key.kind == kind && in_schemas(key))
}
