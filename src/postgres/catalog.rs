//! The catalog: everything that a database holds, as one persistent value.
//!
//! A copy costs nothing: maps are shared until they change (`imbl`), and so are the things in them (`Arc`). Tables,
//! views, sequences and indexes share one name space, as in `pg_class`; types and relations meet in `pg_type`.
//! How statements change it is left to `execute`; reading it with SELECT to `query`.

use std::cmp::Ordering;
use std::sync::Arc;

use imbl::{OrdMap, OrdSet, Vector};
use smol_str::SmolStr;

use super::expression::{Datum, Expr, Query, TypeName};
use super::name::{ObjectKey, ObjectKind};
use super::statement::{ConstraintDefinition, ConstraintKind, Identity, IndexElement, Returns};

pub mod builtin;
pub(crate) mod casts;
pub mod compare;
mod describe;
pub(crate) mod known;
mod list;
pub mod lookup;
mod merge;
mod relations;

pub use list::List;
pub use relations::Relations;

/// A fully qualified name: schema and name. The schema of temporary objects is `pg_temp`.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct QualifiedName {
    /// The schema.
    pub schema: SmolStr,
    /// The name in it.
    pub name: SmolStr,
}

impl Ord for QualifiedName {
    fn cmp(&self, other: &Self) -> Ordering {
        // nearly all are of one schema, so the name decides
        let names = self.name.as_bytes().cmp(other.name.as_bytes());
        names.then_with(|| self.schema.as_bytes().cmp(other.schema.as_bytes()))
    }
}

impl PartialOrd for QualifiedName {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl QualifiedName {
    /// A name in a schema.
    pub fn new(schema: &str, name: &str) -> Self {
        Self {
            schema: SmolStr::new(schema),
            name: SmolStr::new(name),
        }
    }

    /// Whether a type that is written with its schema has this name.
    pub fn is_of(&self, type_name: &TypeName) -> bool {
        type_name.name.name == self.name && type_name.name.schema.as_ref() == Some(&self.schema)
    }

    /// The key of the object of a kind that has this name.
    pub fn key(&self, kind: ObjectKind) -> ObjectKey {
        ObjectKey::new(kind, [self.schema.as_str(), &self.name].join("."))
    }

    /// The key of a member (column, constraint, trigger, policy) of the relation of this name.
    pub fn member(&self, kind: ObjectKind, member: &str) -> ObjectKey {
        ObjectKey::new(kind, [self.schema.as_str(), &self.name, member].join("."))
    }
}

/// How sure it is that an object is there.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum Presence {
    /// It is there.
    #[default]
    Certain,
    /// Some worlds have it, others not.
    Maybe,
    /// A statement used it directly, so it must be there, but nothing is known of what it holds (open world).
    Assumed,
}

/// Everything that a database holds.
#[derive(Clone, Debug)]
pub struct Catalog {
    /// Schemas by name; `public`, `pg_catalog` and `information_schema` are always there at first.
    pub schemas: OrdMap<SmolStr, Presence>,
    /// Tables, views, sequences, indexes, composite types' relations.
    pub relations: Relations,
    /// Types made by CREATE TYPE and CREATE DOMAIN (not the row types of tables).
    pub types: OrdMap<QualifiedName, Arc<Type>>,
    /// Functions, procedures and aggregates: all overloads of a name.
    pub functions: OrdMap<QualifiedName, Arc<Vec<Function>>>,
    /// Installed extensions, with the schema of their objects.
    pub extensions: OrdMap<SmolStr, SmolStr>,
    /// Roles, publications, statistics, collations, casts...: kinds known by name only.
    pub named: OrdMap<ObjectKey, Arc<Named>>,
    /// Comments by what they are on.
    pub comments: OrdMap<ObjectKey, Arc<str>>,
    /// Objects that some worlds have and others not, or that were removed in some worlds only.
    pub maybe: OrdSet<ObjectKey>,
    /// What a statement removed, and so is known not to be there: things of the whole cluster (roles), and in an open
    /// world everything.
    pub gone: OrdSet<ObjectKey>,
    /// Tables that a revision made from models of the application (`create_all`): on a database of an earlier day they are what
    /// the models were then.
    pub modelled: OrdSet<QualifiedName>,
    /// Names of tables that an earlier revision was to make or change and could not: what it did to them elsewhere is not known.
    pub doubted: OrdSet<SmolStr>,
    /// A revision did not come to its end here, as it did wherever later ones were applied: what it made behind that point is
    /// missing.
    pub cut: bool,
    /// A statement ran that could not be read: what is not known to be there may have been made by it.
    pub unread: bool,
    /// It was one of the revision that runs: what its other statements miss may be what it made.
    pub unsettled: bool,
    /// Names, with their known parts, of relations that were made and whose whole name is not known.
    pub nameless: OrdSet<SmolStr>,
    /// Open world: an object never heard of may exist.
    pub open: bool,
    /// How often statements ran that may have used any sequence: numbers noted before are not known any more.
    pub numbers_lost: u32,
}

/// The next number of a sequence.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NextNumber {
    /// The number.
    pub number: i64,
    /// [`Catalog::numbers_lost`] when it was noted.
    pub noted: u32,
}

impl Default for Catalog {
    /// A database just created, in a closed world.
    fn default() -> Self {
        let mut schemas = OrdMap::new();
        for schema in ["public", "pg_catalog", "information_schema"] {
            schemas.insert(SmolStr::new(schema), Presence::Certain);
        }
        let mut extensions = OrdMap::new();
        extensions.insert(SmolStr::new("plpgsql"), SmolStr::new("pg_catalog"));
        Self {
            schemas,
            relations: Relations::default(),
            types: OrdMap::new(),
            functions: OrdMap::new(),
            extensions,
            named: OrdMap::new(),
            comments: OrdMap::new(),
            maybe: OrdSet::new(),
            gone: OrdSet::new(),
            nameless: OrdSet::new(),
            modelled: OrdSet::new(),
            doubted: OrdSet::new(),
            cut: false,
            unread: false,
            unsettled: false,
            open: false,
            numbers_lost: 0,
        }
    }
}

/// What a relation is: `pg_class.relkind`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[allow(missing_docs)]
pub enum RelationKind {
    Table,
    PartitionedTable,
    ForeignTable,
    View,
    MaterializedView,
    Sequence,
    Index,
}

/// A relation with all that hangs on it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Relation {
    pub name: QualifiedName,
    pub kind: RelationKind,
    pub presence: Presence,
    /// Nothing is known of its columns: any may exist beside those listed.
    pub columns_open: bool,
    pub columns: List<Column>,
    pub constraints: List<Constraint>,
    /// Indexes of a table or materialized view; each has a relation of its own too ([`Relation::index_of`]).
    pub indexes: List<Index>,
    pub triggers: List<Trigger>,
    pub policies: List<Policy>,
    pub rules: List<SmolStr>,
    pub row_security: bool,
    pub unlogged: bool,
    /// Parent and bound of a partition.
    pub partition_of: Option<Box<(QualifiedName, SmolStr)>>,
    pub partition_key: Vec<SmolStr>,
    pub inherits: List<QualifiedName>,
    /// Definition of a view or materialized view.
    pub query: Option<Arc<Query>>,
    /// Relations, columns and functions that the view uses: these can't be dropped without CASCADE (2BP01).
    pub depends_on: OrdSet<ObjectKey>,
    /// Rows that are known.
    pub rows: Rows,
    /// The table of an index.
    pub index_of: Option<QualifiedName>,
    /// Owner column of a sequence (`OWNED BY`, serial, identity).
    pub owned_by: Option<Box<(QualifiedName, SmolStr)>>,
    /// A sequence's next number, where known: [`Catalog::next_number`].
    pub next_value: Option<NextNumber>,
    /// The number that a sequence starts with, where known.
    pub first_number: Option<i64>,
}

impl Relation {
    /// A policy by name.
    pub fn policy(&self, name: &str) -> Option<&Policy> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// From now on it may have any columns and rows beside those that are known.
    pub fn open(&mut self) {
        self.columns_open = true;
        self.rows.others = true;
    }

    /// A relation with nothing in it.
    pub fn new(name: QualifiedName, kind: RelationKind) -> Self {
        Self {
            name,
            kind,
            presence: Presence::Certain,
            columns_open: false,
            columns: List::new(),
            constraints: List::new(),
            indexes: List::new(),
            triggers: List::new(),
            policies: List::new(),
            rules: List::new(),
            row_security: false,
            unlogged: false,
            partition_of: None,
            partition_key: Vec::new(),
            inherits: List::new(),
            query: None,
            depends_on: OrdSet::new(),
            rows: Rows::default(),
            index_of: None,
            owned_by: None,
            next_value: None,
            first_number: None,
        }
    }

    /// Whether it may have columns by other names than those listed: nothing more is known, or of one not its whole name.
    pub fn may_have_more(&self) -> bool {
        let mut columns = self.columns.iter();
        self.columns_open || columns.any(|column| crate::unknown::has_hole(&column.name))
    }

    /// A column by name.
    pub fn column(&self, name: &str) -> Option<&Column> {
        self.columns.iter().find(|column| column.name == name)
    }

    /// A constraint by name.
    pub fn constraint(&self, name: &str) -> Option<&Constraint> {
        self.constraints
            .iter()
            .find(|constraint| constraint.name == name)
    }

    /// The columns of the primary key.
    pub fn primary_key(&self) -> Option<&[SmolStr]> {
        self.constraints
            .iter()
            .find_map(|constraint| match &constraint.definition.kind {
                ConstraintKind::PrimaryKey { columns, .. } => Some(columns.as_slice()),
                _ => None,
            })
    }

    /// An index by name.
    pub fn index(&self, name: &str) -> Option<&Index> {
        self.indexes.iter().find(|index| index.name == name)
    }

    /// A trigger by name.
    pub fn trigger(&self, name: &str) -> Option<&Trigger> {
        self.triggers.iter().find(|trigger| trigger.name == name)
    }

    /// Its unique constraints, duplicates included, in the order of their making.
    pub fn unique_constraints(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().filter(|constraint| {
            matches!(constraint.definition.kind, ConstraintKind::Unique { .. })
        })
    }

    /// Its foreign keys.
    pub fn foreign_keys(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints.iter().filter(|constraint| {
            matches!(
                constraint.definition.kind,
                ConstraintKind::ForeignKey { .. }
            )
        })
    }

    /// Its CHECK constraints.
    pub fn check_constraints(&self) -> impl Iterator<Item = &Constraint> {
        self.constraints
            .iter()
            .filter(|constraint| matches!(constraint.definition.kind, ConstraintKind::Check(_)))
    }

    /// The key of this relation.
    pub fn key(&self) -> ObjectKey {
        self.name.key(self.kind.object_kind())
    }
}

impl RelationKind {
    /// The kind that keys and messages use.
    pub fn object_kind(self) -> ObjectKind {
        match self {
            Self::Table | Self::PartitionedTable => ObjectKind::Table,
            Self::ForeignTable => ObjectKind::ForeignTable,
            Self::View => ObjectKind::View,
            Self::MaterializedView => ObjectKind::MaterializedView,
            Self::Sequence => ObjectKind::Sequence,
            Self::Index => ObjectKind::Index,
        }
    }

    /// Whether it holds rows that statements may write: tables of any kind.
    pub fn is_table(self) -> bool {
        matches!(
            self,
            Self::Table | Self::PartitionedTable | Self::ForeignTable
        )
    }

    /// Whether a type of its rows stands in `pg_type`.
    pub fn has_row_type(self) -> bool {
        !matches!(self, Self::Sequence | Self::Index)
    }
}

/// A column.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Column {
    pub name: SmolStr,
    /// Resolved: a type of the catalog has its schema in `name.schema`; serial types are their integer type.
    pub type_name: TypeName,
    pub not_null: bool,
    pub default: Option<Box<Expr>>,
    /// The type of the default's own value, where the column has had another type since it was set: casts that the server put
    /// around it are taken off when the type changes again.
    pub default_type: Option<Box<TypeName>>,
    pub identity: Option<Identity>,
    /// Generated column's expression; true if stored.
    pub generated: Option<(Box<Expr>, bool)>,
    pub presence: Presence,
}

impl Column {
    /// Whether it takes its values from a sequence.
    pub fn is_numbered(&self) -> bool {
        let default = self.default.as_deref();
        self.identity.is_some()
            || matches!(default, Some(Expr::Call { name, .. }) if name.name == "nextval")
    }
}

/// A constraint of a table or domain, with its final name.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Constraint {
    pub name: SmolStr,
    /// Columns are filled in, `referenced` too; `name` inside is the name as written.
    pub definition: ConstraintDefinition,
    /// The referenced table of a foreign key.
    pub references: Option<QualifiedName>,
    /// Columns that it needs: dropped with any of them.
    pub columns: Vec<SmolStr>,
    pub presence: Presence,
}

/// An index of a table.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Index {
    pub name: SmolStr,
    pub unique: bool,
    pub primary: bool,
    pub method: SmolStr,
    pub elements: Vec<IndexElement>,
    pub include: Vec<SmolStr>,
    pub filter: Option<Box<Expr>>,
    pub nulls_not_distinct: bool,
    /// The constraint that it serves.
    pub constraint: Option<SmolStr>,
    /// False after a failed CREATE INDEX CONCURRENTLY.
    pub valid: bool,
    /// Columns that it needs, expressions and predicate included: dropped with any of them.
    pub columns: Vec<SmolStr>,
    pub presence: Presence,
}

/// A trigger of a table.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Trigger {
    pub name: SmolStr,
    pub function: QualifiedName,
    pub constraint: bool,
    pub enabled: bool,
    /// Columns of UPDATE OF.
    pub columns: Vec<SmolStr>,
    /// Columns of its table in WHEN.
    pub condition: Vec<SmolStr>,
    /// It fires for each row, without a WHEN.
    pub always: bool,
    /// On what it fires: bits of [`trigger_events`].
    pub events: u8,
}

impl Trigger {
    /// Whether its definition names a column of its table.
    pub fn uses(&self, column: &str) -> bool {
        self.columns
            .iter()
            .chain(&self.condition)
            .any(|used| used == column)
    }
}

/// A row security policy.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Policy {
    pub name: SmolStr,
    /// What its expressions name: columns of its table, other relations and functions.
    pub depends_on: OrdSet<ObjectKey>,
}

/// What a trigger fires on, numbered as `pg_trigger.tgtype` does.
pub mod trigger_events {
    /// INSERT.
    pub const INSERT: u8 = 4;
    /// DELETE.
    pub const DELETE: u8 = 8;
    /// UPDATE.
    pub const UPDATE: u8 = 16;
    /// All that write rows.
    pub const ALL: u8 = INSERT | DELETE | UPDATE;
}

/// What is known of a table's rows.
#[derive(Clone, Debug, Default)]
pub struct Rows {
    /// Rows inserted by values that are known, in order.
    pub known: Vector<Arc<Row>>,
    /// Rows were inserted that are not known one by one.
    pub others: bool,
}

impl PartialEq for Rows {
    fn eq(&self, other: &Self) -> bool {
        self.others == other.others
            && self.known.len() == other.known.len()
            && (self.known.ptr_eq(&other.known)
                || self
                    .known
                    .iter()
                    .zip(&other.known)
                    .all(|(one, two)| is_same(one, two)))
    }
}

/// Whether two things that catalogs share are the same: what is one is not looked at.
fn is_same<T: PartialEq>(one: &Arc<T>, two: &Arc<T>) -> bool {
    Arc::ptr_eq(one, two) || one == two
}

/// A row: values by column; a column that is missing here is not known.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Row {
    /// The known values.
    pub values: Vec<(SmolStr, Datum)>,
}

impl Row {
    /// A column's value.
    pub fn get(&self, column: &str) -> &Datum {
        self.values
            .iter()
            .find(|(name, _)| name == column)
            .map_or(&Datum::Unknown, |(_, value)| value)
    }
}

/// A type made by a statement.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Type {
    pub name: QualifiedName,
    pub definition: TypeKind,
    pub presence: Presence,
}

/// What a type is: `pg_type.typtype`.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TypeKind {
    Enum {
        labels: List<SmolStr>,
    },
    Composite {
        attributes: List<Column>,
    },
    Range {
        subtype: TypeName,
    },
    Domain {
        base: TypeName,
        not_null: bool,
        default: Option<Box<Expr>>,
        constraints: List<Constraint>,
    },
    Shell,
    Base,
    /// Assumed: nothing known.
    Open,
}

/// A function, procedure or aggregate.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Function {
    pub kind: ObjectKind,
    pub arguments: Vec<TypeName>,
    pub argument_names: Vec<SmolStr>,
    pub defaults: usize,
    /// Resolved, as arguments are.
    pub returns: Returns,
    pub language: SmolStr,
    pub body: Arc<str>,
    pub presence: Presence,
}

/// An object known by its name, with members that ALTER may add and drop.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct Named {
    pub members: OrdSet<SmolStr>,
    /// Relations that it depends on.
    pub relations: Vec<QualifiedName>,
}
