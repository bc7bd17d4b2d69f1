//! The tables of `pg_catalog` and `information_schema`, worked out from the catalog when a query reads them.
//!
//! In: the table and the values that its columns must have. Out: rows, a superset of those asked for, and whether there
//! can be others: in an open world what was never heard of may be there, unless it was asked for by a name that is known.

mod catalogs;
mod information_schema;
pub(crate) mod oid;
mod relations;
pub(crate) mod types;

use std::rc::Rc;
use std::sync::{Arc, OnceLock};

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::join::Wanted;
use super::{Context, OutputColumn, Table, TableRow};
use crate::postgres::catalog::{Constraint, Presence, QualifiedName, Relation, RelationKind};
use crate::postgres::expression::{Datum, TypeName};
use crate::postgres::name::{Name, ObjectKind};

/// The database's name: not known, but all that guards ask is whether two mentions of it are the same.
pub(crate) const DATABASE: &str = "postgres";

/// Columns of all tables of both schemas, as PostgreSQL 15 has them: `schema.table column column...`.
static COLUMNS: &str = include_str!("columns.txt");

/// A table of the server's own.
pub(crate) struct SystemTable {
    pub(crate) schema: &'static str,
    pub(crate) name: &'static str,
    columns: Vec<&'static str>,
}

impl SystemTable {
    /// Its columns.
    pub(crate) fn columns(&self) -> Rc<[OutputColumn]> {
        self.columns
            .iter()
            .map(|column| OutputColumn::new(SmolStr::new_static(column), type_of_column(column)))
            .collect()
    }
}

/// Types matter only where they decide how a value is read: arrays that count from 0.
fn type_of_column(column: &str) -> Option<TypeName> {
    matches!(
        column,
        "indkey" | "indoption" | "indclass" | "indcollation" | "tgattr"
    )
    .then(|| TypeName::new("int2vector"))
}

/// Columns by which a scan is narrowed.
pub(crate) fn is_selective(column: &str) -> bool {
    matches!(
        column,
        "table_name"
            | "column_name"
            | "constraint_name"
            | "relname"
            | "attname"
            | "attrelid"
            | "conname"
            | "conrelid"
            | "indrelid"
            | "indexrelid"
            | "indexname"
            | "tablename"
            | "viewname"
            | "matviewname"
            | "typname"
            | "enumlabel"
            | "enumtypid"
            | "tgname"
            | "tgrelid"
            | "polname"
            | "policyname"
            | "polrelid"
            | "proname"
            | "extname"
            | "oid"
            | "nspname"
            | "rolname"
            | "sequencename"
            | "sequence_name"
            | "trigger_name"
            | "routine_name"
            | "schema_name"
    )
}

/// Tables by name; `information_schema` and `pg_catalog` share no name.
fn tables() -> &'static FxHashMap<&'static str, SystemTable> {
    static TABLES: OnceLock<FxHashMap<&'static str, SystemTable>> = OnceLock::new();
    TABLES.get_or_init(|| {
        COLUMNS
            .lines()
            .filter_map(|line| {
                let mut words = line.split(' ');
                let (schema, name) = words.next()?.split_once('.')?;
                let table = SystemTable {
                    schema,
                    name,
                    columns: words.collect(),
                };
                Some((name, table))
            })
            .collect()
    })
}

/// The system table that a name means.
pub(crate) fn find(name: &Name) -> Option<&'static SystemTable> {
    let schema = name.schema.as_deref().unwrap_or("pg_catalog");
    tables()
        .get(name.name.as_str())
        .filter(|table| table.schema == schema)
}

/// The name of a system table by its oid.
pub(crate) fn name_of_table(oid: i64) -> Option<String> {
    tables()
        .values()
        .find(|table| oid::relation(&QualifiedName::new(table.schema, table.name)) == oid)
        .map(|table| {
            if table.schema == "pg_catalog" {
                table.name.to_owned()
            } else {
                format!("{}.{}", table.schema, table.name)
            }
        })
}

/// One scan: what is asked, and the rows found so far.
pub(crate) struct Scan<'a, 'c> {
    pub(crate) context: &'a Context<'c>,
    table: &'static SystemTable,
    wanted: &'a Wanted,
    rows: Vec<TableRow>,
}

impl<'a> Scan<'a, '_> {
    /// The values that a column must have, where that is known.
    pub(crate) fn wanted(&self, column: &str) -> Option<&'a [Datum]> {
        self.wanted
            .iter()
            .find(|(name, _)| name == column)
            .map(|(_, values)| values.as_slice())
    }

    /// Whether a column may have a text.
    pub(crate) fn allows(&self, column: &str, text: &str) -> bool {
        // a name with a hole may be any
        crate::unknown::has_hole(text)
            || self.wanted(column).is_none_or(|values| {
                values
                    .iter()
                    .any(|value| matches!(value, Datum::Text(known) if **known == *text))
            })
    }

    /// Whether a column may have a number.
    pub(crate) fn allows_oid(&self, column: &str, oid: i64) -> bool {
        self.wanted(column).is_none_or(|values| {
            values.iter().any(|value| match value {
                Datum::Int(known) => *known == oid,
                Datum::Text(text) => text.parse() == Ok(oid),
                _ => false,
            })
        })
    }

    /// Adds a row; `value` gives the value of a column by its name.
    pub(crate) fn row(&mut self, certain: bool, value: impl Fn(&str) -> Datum) {
        let values = self
            .table
            .columns
            .iter()
            .map(|column| {
                if self.context.uses(column) {
                    value(column)
                } else {
                    Datum::Unknown
                }
            })
            .collect();
        self.rows.push(TableRow { values, certain });
    }

    /// Relations whose names, schemas and oids may be those that columns of this table must have, and whether all of
    /// them are known.
    pub(crate) fn relations(
        &self,
        schema: Option<&str>,
        name: Option<&str>,
        oid: Option<&str>,
    ) -> (Vec<Arc<Relation>>, bool) {
        let catalog = self.context.catalog;
        let closed = !catalog.open;
        if let Some(oids) = oid.and_then(|column| self.wanted(column)) {
            let found: Vec<Arc<Relation>> = oids
                .iter()
                .filter_map(|value| match value {
                    Datum::Int(oid) => self.context.relation_by_oid(*oid).cloned(),
                    Datum::Text(text) => self.context.relation_by_oid(text.parse().ok()?).cloned(),
                    _ => None,
                })
                .collect();
            let all = !found.is_empty() && found.len() >= oids.len();
            let nothing = oids.iter().all(|value| *value == Datum::Null);
            return (found, closed || all || nothing);
        }
        if let Some(names) = name.and_then(|column| self.wanted(column)) {
            return self.relations_by_name(names, schema.and_then(|column| self.wanted(column)));
        }
        let schemas = schema.and_then(|column| self.wanted(column));
        let found = catalog
            .relations
            .values()
            .filter(|relation| {
                schemas.is_none_or(|schemas| {
                    schemas
                        .iter()
                        .any(|value| matches!(value, Datum::Text(text) if **text == *relation.name.schema))
                })
            })
            .cloned()
            .collect();
        (found, closed && !self.some_maybe())
    }

    fn relations_by_name(
        &self,
        names: &[Datum],
        schemas: Option<&[Datum]>,
    ) -> (Vec<Arc<Relation>>, bool) {
        let catalog = self.context.catalog;
        let mut found = Vec::new();
        let mut complete = true;
        for value in names {
            let Datum::Text(name) = value else { continue };
            let mut any = false;
            let mut look = |schema: &str| {
                let qualified = QualifiedName::new(schema, name);
                if let Some(relation) = catalog.relations.get(&qualified) {
                    found.push(Arc::clone(relation));
                    any = true;
                }
            };
            match schemas {
                Some(schemas) => {
                    for schema in schemas {
                        if let Datum::Text(schema) = schema {
                            look(schema);
                        }
                    }
                }
                None => {
                    for schema in catalog.schemas.keys() {
                        look(schema);
                    }
                    look("pg_temp");
                }
            }
            let unqualified = Name::new(&**name);
            let maybe = !any
                && match schemas {
                    Some(schemas) => schemas.iter().any(|schema| match schema {
                        Datum::Text(schema) => self
                            .context
                            .may_exist(&Name::qualified(Some(schema), &**name)),
                        _ => true,
                    }),
                    None => self.context.may_exist(&unqualified),
                };
            complete &= any || (!catalog.open && !maybe);
        }
        (found, complete)
    }

    fn some_maybe(&self) -> bool {
        self.context.catalog.maybe.iter().any(|key| {
            matches!(
                key.kind,
                ObjectKind::Table | ObjectKind::View | ObjectKind::MaterializedView
            )
        })
    }

    /// Whether a member that was not found (`found` rows so far) can be there, given the relations that were looked at.
    pub(crate) fn members_known(&self, relations: &[Arc<Relation>], known: bool, by: &str) -> bool {
        let named = self.wanted(by).is_some() && !self.rows.is_empty();
        named
            || (known
                && relations.iter().all(|relation| {
                    relation.presence != Presence::Assumed || !self.context.catalog.open
                }))
    }
}

/// Reads a system table.
pub(crate) fn scan(table: &'static SystemTable, wanted: &Wanted, context: &Context<'_>) -> Table {
    let mut scan = Scan {
        context,
        table,
        wanted,
        rows: Vec::new(),
    };
    let complete = match table.schema {
        "information_schema" => information_schema::scan(table.name, &mut scan),
        _ => {
            relations::scan(table.name, &mut scan).or_else(|| catalogs::scan(table.name, &mut scan))
        }
    };
    Table {
        columns: Vec::new(),
        open: false,
        rows: scan.rows,
        complete: complete.unwrap_or(false),
    }
}

/// Whether an object's presence is beyond doubt.
pub(crate) fn is_certain(presence: Presence) -> bool {
    presence != Presence::Maybe
}

/// The kind by which a relation's comments and changes are known.
pub(crate) fn object_kind(kind: RelationKind) -> ObjectKind {
    match kind {
        RelationKind::Table | RelationKind::PartitionedTable => ObjectKind::Table,
        RelationKind::ForeignTable => ObjectKind::ForeignTable,
        RelationKind::View => ObjectKind::View,
        RelationKind::MaterializedView => ObjectKind::MaterializedView,
        RelationKind::Sequence => ObjectKind::Sequence,
        RelationKind::Index => ObjectKind::Index,
    }
}

/// A constraint by its oid, with its table.
pub(crate) fn constraint_by_oid(
    oid: i64,
    context: &Context<'_>,
) -> Option<(Arc<Relation>, Constraint)> {
    context.catalog.relations.values().find_map(|relation| {
        let constraint = relation
            .constraints
            .iter()
            .find(|constraint| oid::constraint(&relation.name, &constraint.name) == oid)?;
        Some((Arc::clone(relation), constraint.clone()))
    })
}

/// Text, where it is known.
pub(crate) fn text(text: Option<impl AsRef<str>>) -> Datum {
    text.map_or(Datum::Unknown, |text| Datum::text(text.as_ref()))
}

/// The place of a column in its table, from 1.
pub(crate) fn attribute_number(relation: &Relation, column: &str) -> Datum {
    relation
        .columns
        .iter()
        .position(|known| known.name == column)
        .map_or(Datum::Unknown, |index| Datum::Int(index as i64 + 1))
}

/// Numbers of columns, as an array.
pub(crate) fn attribute_numbers<'n>(
    relation: &Relation,
    columns: impl IntoIterator<Item = &'n SmolStr>,
) -> Datum {
    Datum::Array(
        columns
            .into_iter()
            .map(|column| attribute_number(relation, column))
            .collect(),
    )
}
