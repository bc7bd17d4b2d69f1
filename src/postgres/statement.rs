//! Statements: what the simulated server executes.
//!
//! A closed set, one variant a form that behaves in its own way. Built from text by `sql` and from operations by
//! `alembic`; names are folded, defaults made plain. What PostgreSQL 18's grammar has and no variant tells apart goes
//! into [`Statement::Other`] with its command tag, so that nothing is dropped.

mod data;

use std::sync::Arc;

use smol_str::SmolStr;

use super::expression::{Expr, Query, TypeName};
use super::name::{Name, ObjectKind};

pub use data::{
    Assignment, Block, ConflictAction, ConflictTarget, Declaration, Delete, Handler, Insert,
    InsertSource, Merge, MergeAction, MergeClause, MergeRows, OnConflict, PlStatement, Update,
};

/// One SQL statement.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum Statement {
    CreateTable(Box<CreateTable>),
    CreateTableAs(Box<CreateTableAs>),
    AlterTable(Box<AlterTable>),
    CreateIndex(Box<CreateIndex>),
    CreateType(Box<CreateType>),
    AlterEnum(Box<AlterEnum>),
    /// `ALTER TYPE t ADD/DROP/ALTER ATTRIBUTE`.
    AlterCompositeType {
        name: Name,
        commands: Vec<AttributeCommand>,
    },
    AlterDomain {
        name: Name,
        command: Box<DomainCommand>,
    },
    CreateSchema {
        name: SmolStr,
        if_not_exists: bool,
        elements: Vec<Statement>,
    },
    CreateSequence(Box<CreateSequence>),
    AlterSequence {
        name: Name,
        if_exists: bool,
        options: Box<SequenceOptions>,
    },
    CreateView(Box<CreateView>),
    CreateFunction(Box<CreateFunction>),
    CreateTrigger(Box<CreateTrigger>),
    CreatePolicy {
        name: SmolStr,
        table: Name,
        using: Option<Box<Expr>>,
        check: Option<Box<Expr>>,
    },
    AlterPolicy {
        name: SmolStr,
        table: Name,
    },
    CreateRule {
        name: SmolStr,
        table: Name,
        or_replace: bool,
    },
    CreateExtension {
        name: SmolStr,
        if_not_exists: bool,
        schema: Option<SmolStr>,
        cascade: bool,
    },
    /// CREATE of a kind whose only behaviour is its name: role, publication, statistics, collation, cast, operator...
    CreateNamed(CreateNamed),
    /// `ALTER kind name ...` that changes no name: owner, options, update; `member` is what ADD/DROP names.
    AlterNamed {
        kind: ObjectKind,
        name: Name,
        if_exists: bool,
        action: NamedAction,
    },
    Drop(Box<Drop>),
    Rename(Box<Rename>),
    SetSchema {
        kind: ObjectKind,
        name: Name,
        arguments: Option<Vec<TypeName>>,
        if_exists: bool,
        schema: SmolStr,
    },
    Owner {
        kind: ObjectKind,
        name: Name,
        arguments: Option<Vec<TypeName>>,
        role: SmolStr,
    },
    Comment {
        kind: ObjectKind,
        name: Name,
        member: Option<SmolStr>,
        text: Option<Arc<str>>,
    },
    /// GRANT and REVOKE of privileges on objects, of roles, and default privileges.
    Grant {
        kind: Option<ObjectKind>,
        names: Vec<Name>,
        grantees: Vec<SmolStr>,
        grant: bool,
    },
    Insert(Box<Insert>),
    Update(Box<Update>),
    Delete(Box<Delete>),
    Merge(Box<Merge>),
    Query(Box<Query>),
    /// `COPY t FROM/TO`.
    Copy {
        table: Option<Name>,
        from: bool,
    },
    Truncate {
        tables: Vec<Name>,
        restart_identity: bool,
        cascade: bool,
    },
    RefreshMaterializedView {
        name: Name,
        concurrently: bool,
        with_data: bool,
    },
    Reindex {
        kind: ObjectKind,
        name: Option<Name>,
        concurrently: bool,
    },
    Cluster {
        table: Option<Name>,
        index: Option<SmolStr>,
    },
    Vacuum {
        analyze_only: bool,
        tables: Vec<Name>,
    },
    Lock {
        tables: Vec<Name>,
        mode: SmolStr,
    },
    Transaction(TransactionStatement),
    Set {
        name: SmolStr,
        values: Vec<SmolStr>,
        local: bool,
        reset: bool,
    },
    Show {
        name: SmolStr,
    },
    Do(Arc<Block>),
    Call {
        name: Name,
        arguments: Vec<Expr>,
    },
    /// LISTEN, NOTIFY, DISCARD, ALTER SYSTEM, PREPARE, EXPLAIN...: `tag` is the command as one writes it, upper case.
    Other {
        tag: SmolStr,
        object: Option<Name>,
    },
    /// A statement that the parser refuses: the server's message, with SQLSTATE 42601.
    SyntaxError {
        message: Arc<str>,
    },
    /// A statement that could not be read for another reason (a hole in the text where no name may stand, a bound).
    Unreadable {
        why: Arc<str>,
        /// It is known to change rows alone, or nothing.
        data: bool,
    },
    /// A statement of which only the head could be read (`CREATE TABLE t (` and a hole): `head` is the least that it does.
    Partial {
        head: Box<Statement>,
        why: Arc<str>,
    },
}

impl Statement {
    /// The table that a statement works on, as written.
    pub fn table(&self) -> Option<&Name> {
        match self {
            Self::CreateTable(create) => Some(&create.name),
            Self::CreateTableAs(create) => Some(&create.name),
            Self::AlterTable(alter) => Some(&alter.name),
            Self::CreateIndex(index) => Some(&index.table),
            Self::CreateTrigger(trigger) => Some(&trigger.table),
            Self::CreatePolicy { table, .. } | Self::CreateRule { table, .. } => Some(table),
            Self::Insert(insert) => Some(&insert.table),
            Self::Update(update) => Some(&update.table),
            Self::Delete(delete) => Some(&delete.table),
            Self::Drop(drop)
                if matches!(
                    drop.kind,
                    ObjectKind::Table | ObjectKind::Trigger | ObjectKind::Policy | ObjectKind::Rule
                ) =>
            {
                drop.targets.first().map(|target| &target.name)
            }
            Self::Rename(rename)
                if matches!(
                    rename.kind,
                    ObjectKind::Table | ObjectKind::Column | ObjectKind::Constraint
                ) =>
            {
                Some(&rename.name)
            }
            _ => None,
        }
    }

    /// Whether it has an `IF EXISTS` or `IF NOT EXISTS` of its own.
    pub fn is_guarded(&self) -> bool {
        match self {
            Self::CreateTable(create) => create.if_not_exists,
            Self::CreateIndex(create) => create.if_not_exists,
            Self::Drop(drop) => drop.if_exists,
            Self::AlterTable(alter) => alter.commands.iter().any(|command| {
                matches!(
                    command,
                    AlterTableCommand::AddColumn {
                        if_not_exists: true,
                        ..
                    } | AlterTableCommand::DropColumn {
                        if_exists: true,
                        ..
                    } | AlterTableCommand::DropConstraint {
                        if_exists: true,
                        ..
                    }
                )
            }),
            _ => false,
        }
    }
}

/// CREATE TABLE, foreign and partition tables included.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct CreateTable {
    pub name: Name,
    pub if_not_exists: bool,
    pub temporary: bool,
    pub unlogged: bool,
    pub columns: Vec<ColumnDefinition>,
    pub constraints: Vec<ConstraintDefinition>,
    /// `LIKE other INCLUDING ...`.
    pub like: Vec<LikeClause>,
    pub inherits: Vec<Name>,
    /// `PARTITION OF parent`.
    pub partition_of: Option<Name>,
    /// Bound of a partition as text; `DEFAULT` for the default partition.
    pub partition_bound: Option<SmolStr>,
    /// `PARTITION BY`: the key's columns.
    pub partition_by: Option<Vec<SmolStr>>,
    /// The server of a foreign table.
    pub foreign_server: Option<SmolStr>,
    pub on_commit_drop: bool,
    pub of_type: Option<Name>,
}

/// `LIKE other INCLUDING ...` in CREATE TABLE.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct LikeClause {
    pub table: Name,
    pub indexes: bool,
    pub constraints: bool,
    pub defaults: bool,
    pub identity: bool,
}

/// A column with the constraints written beside it.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct ColumnDefinition {
    pub name: SmolStr,
    /// `serial`, `bigserial`, `smallserial` stay as written: the executor makes their sequence.
    pub type_name: TypeName,
    pub not_null: bool,
    pub default: Option<Box<Expr>>,
    pub identity: Option<Identity>,
    /// The number that its sequence gives first, where it has one: [`SequenceOptions::first_number`].
    pub first_number: Option<i64>,
    pub generated: Option<Generated>,
    pub constraints: Vec<ConstraintDefinition>,
}

impl ColumnDefinition {
    /// A nullable column without default or constraints.
    pub fn new(name: &str, type_name: TypeName) -> Self {
        Self {
            name: super::name::truncate(name),
            type_name,
            not_null: false,
            default: None,
            identity: None,
            first_number: Some(1),
            generated: None,
            constraints: Vec::new(),
        }
    }
}

/// GENERATED ... AS IDENTITY.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Identity {
    Always,
    ByDefault,
}

/// GENERATED ALWAYS AS (...).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Generated {
    pub value: Box<Expr>,
    pub stored: bool,
}

/// A constraint of a table, column or domain.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct ConstraintDefinition {
    pub name: Option<SmolStr>,
    pub kind: ConstraintKind,
    pub deferrable: bool,
    pub initially_deferred: bool,
    pub not_valid: bool,
    pub no_inherit: bool,
}

impl ConstraintDefinition {
    /// A valid, immediate constraint.
    pub fn new(name: Option<&str>, kind: ConstraintKind) -> Self {
        Self {
            name: name.map(super::name::truncate),
            kind,
            deferrable: false,
            initially_deferred: false,
            not_valid: false,
            no_inherit: false,
        }
    }
}

/// What a constraint demands.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum ConstraintKind {
    Check(Box<Expr>),
    /// Named NOT NULL (18), or a domain's.
    NotNull {
        column: SmolStr,
    },
    /// Empty `columns` on a column constraint mean that column.
    Unique {
        columns: Vec<SmolStr>,
        include: Vec<SmolStr>,
        nulls_not_distinct: bool,
        using_index: Option<SmolStr>,
    },
    PrimaryKey {
        columns: Vec<SmolStr>,
        include: Vec<SmolStr>,
        using_index: Option<SmolStr>,
    },
    ForeignKey {
        columns: Vec<SmolStr>,
        table: Name,
        /// Empty: the primary key of `table`.
        referenced: Vec<SmolStr>,
        on_delete: ReferentialAction,
        on_update: ReferentialAction,
    },
    Exclude {
        elements: Vec<IndexElement>,
        method: SmolStr,
        filter: Option<Box<Expr>>,
    },
}

/// ON DELETE, ON UPDATE.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum ReferentialAction {
    #[default]
    NoAction,
    Restrict,
    Cascade,
    SetNull,
    SetDefault,
}

/// CREATE TABLE AS, SELECT INTO (as a query), CREATE MATERIALIZED VIEW.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CreateTableAs {
    pub name: Name,
    pub if_not_exists: bool,
    pub temporary: bool,
    pub materialized_view: bool,
    pub columns: Vec<SmolStr>,
    pub query: Query,
    pub with_data: bool,
}

/// ALTER TABLE (also INDEX, VIEW, SEQUENCE, FOREIGN TABLE, MATERIALIZED VIEW through its grammar).
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct AlterTable {
    pub kind: ObjectKind,
    pub name: Name,
    pub if_exists: bool,
    pub only: bool,
    pub commands: Vec<AlterTableCommand>,
}

/// One command of ALTER TABLE.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum AlterTableCommand {
    AddColumn {
        column: Box<ColumnDefinition>,
        if_not_exists: bool,
    },
    DropColumn {
        name: SmolStr,
        if_exists: bool,
        cascade: bool,
    },
    AlterType {
        column: SmolStr,
        type_name: TypeName,
        using: Option<Box<Expr>>,
    },
    /// `None` is DROP DEFAULT.
    SetDefault {
        column: SmolStr,
        default: Option<Box<Expr>>,
    },
    SetNotNull {
        column: SmolStr,
    },
    DropNotNull {
        column: SmolStr,
    },
    SetExpression {
        column: SmolStr,
        value: Box<Expr>,
    },
    DropExpression {
        column: SmolStr,
        if_exists: bool,
    },
    AddIdentity {
        column: SmolStr,
        identity: Identity,
        /// [`SequenceOptions::first_number`].
        first_number: Option<i64>,
    },
    SetIdentity {
        column: SmolStr,
        /// `SET GENERATED`: ALWAYS or BY DEFAULT.
        identity: Option<Identity>,
        /// Options of its sequence are set too.
        renumbers: bool,
    },
    DropIdentity {
        column: SmolStr,
        if_exists: bool,
    },
    /// SET STATISTICS, STORAGE, COMPRESSION, (options): needs the column, changes nothing that is modelled.
    ColumnOption {
        column: SmolStr,
        what: SmolStr,
    },
    AddConstraint(Box<ConstraintDefinition>),
    DropConstraint {
        name: SmolStr,
        if_exists: bool,
        cascade: bool,
    },
    ValidateConstraint {
        name: SmolStr,
    },
    AlterConstraint {
        name: SmolStr,
        deferrable: bool,
        initially_deferred: bool,
    },
    AttachPartition {
        partition: Name,
        bound: SmolStr,
    },
    DetachPartition {
        partition: Name,
        concurrently: bool,
    },
    Inherit {
        parent: Name,
    },
    NoInherit {
        parent: Name,
    },
    Owner {
        role: SmolStr,
    },
    /// `name` is `None` for ALL and USER.
    Trigger {
        name: Option<SmolStr>,
        enable: bool,
    },
    Rule {
        name: SmolStr,
        enable: bool,
    },
    RowSecurity {
        enable: Option<bool>,
        force: Option<bool>,
    },
    ReplicaIdentity {
        index: Option<SmolStr>,
    },
    SetLogged {
        logged: bool,
    },
    ClusterOn {
        index: SmolStr,
    },
    /// SET (options), SET TABLESPACE, SET WITHOUT...: changes nothing that is modelled.
    Option {
        what: SmolStr,
    },
}

/// CREATE INDEX.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CreateIndex {
    /// `None`: the server makes a name.
    pub name: Option<SmolStr>,
    pub table: Name,
    pub unique: bool,
    pub concurrently: bool,
    pub if_not_exists: bool,
    pub only: bool,
    pub method: SmolStr,
    pub elements: Vec<IndexElement>,
    pub include: Vec<SmolStr>,
    pub filter: Option<Box<Expr>>,
    pub nulls_not_distinct: bool,
}

/// One element of an index or exclusion constraint.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct IndexElement {
    /// A plain column is `Expr::Column`.
    pub value: Expr,
    pub operator_class: Option<SmolStr>,
    pub descending: bool,
    /// Operator of an exclusion constraint.
    pub with_operator: Option<SmolStr>,
}

/// CREATE TYPE and CREATE DOMAIN.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CreateType {
    pub name: Name,
    pub definition: TypeDefinition,
}

/// What kind of type is made.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TypeDefinition {
    Enum {
        labels: Vec<SmolStr>,
    },
    Composite {
        attributes: Vec<ColumnDefinition>,
    },
    Range {
        subtype: TypeName,
    },
    Shell,
    Base,
    Domain {
        base: TypeName,
        not_null: bool,
        default: Option<Box<Expr>>,
        constraints: Vec<ConstraintDefinition>,
    },
}

/// `ALTER TYPE ... ADD VALUE` or `RENAME VALUE`.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct AlterEnum {
    pub name: Name,
    /// The label to add, or the label to rename it to.
    pub label: SmolStr,
    /// RENAME VALUE: the old label.
    pub rename_from: Option<SmolStr>,
    pub if_not_exists: bool,
    /// BEFORE (true) or AFTER (false) a neighbour.
    pub neighbour: Option<(bool, SmolStr)>,
}

/// One command of `ALTER TYPE` on a composite type.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum AttributeCommand {
    Add(Box<ColumnDefinition>),
    Drop { name: SmolStr, if_exists: bool },
    AlterType { name: SmolStr, type_name: TypeName },
}

/// The command of ALTER DOMAIN.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum DomainCommand {
    AddConstraint(ConstraintDefinition),
    DropConstraint {
        name: SmolStr,
        if_exists: bool,
        cascade: bool,
    },
    ValidateConstraint {
        name: SmolStr,
    },
    SetNotNull(bool),
    SetDefault(Option<Expr>),
}

/// CREATE SEQUENCE.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CreateSequence {
    pub name: Name,
    pub if_not_exists: bool,
    pub temporary: bool,
    pub options: SequenceOptions,
}

/// Options of a sequence that the simulation uses.
#[derive(Clone, Debug, Default, PartialEq)]
#[allow(missing_docs)]
pub struct SequenceOptions {
    /// `OWNED BY table.column`; `Some(None)` is OWNED BY NONE.
    pub owned_by: Option<Option<(Name, SmolStr)>>,
    pub restart: bool,
    pub start: Option<i64>,
    pub increment: Option<i64>,
    /// Other options, by which its first number may be another or its numbers not go up by one: MINVALUE, CYCLE, CACHE.
    pub irregular: bool,
}

impl SequenceOptions {
    /// The number that a sequence of these options gives first, where its numbers go up by one.
    pub fn first_number(&self) -> Option<i64> {
        let is_regular = !self.irregular && self.increment.unwrap_or(1) == 1;
        is_regular.then(|| self.start.unwrap_or(1))
    }
}

/// CREATE VIEW.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CreateView {
    pub name: Name,
    pub or_replace: bool,
    pub temporary: bool,
    pub columns: Vec<SmolStr>,
    pub query: Query,
}

/// CREATE FUNCTION, PROCEDURE, AGGREGATE.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CreateFunction {
    pub kind: ObjectKind,
    pub name: Name,
    pub or_replace: bool,
    /// Input arguments only: they identify the function.
    pub arguments: Vec<TypeName>,
    pub argument_names: Vec<SmolStr>,
    /// How many trailing arguments have a default.
    pub defaults: usize,
    pub returns: Returns,
    pub language: SmolStr,
    pub body: Arc<str>,
}

/// What a function gives back; nothing where it is a procedure.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Returns {
    /// A set of it.
    pub set: bool,
    /// OUT and INOUT parameters, or the columns of RETURNS TABLE.
    pub columns: Vec<(SmolStr, TypeName)>,
    /// The type behind RETURNS, of an aggregate that of its state.
    pub type_name: Option<TypeName>,
}

impl Returns {
    /// A single value of a type.
    pub fn one(type_name: TypeName) -> Self {
        Self {
            type_name: Some(type_name),
            ..Self::default()
        }
    }

    /// All types that it names.
    pub fn types(&self) -> impl Iterator<Item = &TypeName> {
        self.columns
            .iter()
            .map(|(_, type_name)| type_name)
            .chain(&self.type_name)
    }

    /// The same, to be changed.
    pub fn types_mut(&mut self) -> impl Iterator<Item = &mut TypeName> {
        self.columns
            .iter_mut()
            .map(|(_, type_name)| type_name)
            .chain(&mut self.type_name)
    }
}

/// CREATE TRIGGER.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CreateTrigger {
    pub name: SmolStr,
    pub table: Name,
    pub or_replace: bool,
    pub constraint: bool,
    pub function: Name,
    /// Columns of UPDATE OF.
    pub columns: Vec<SmolStr>,
    /// Columns of the table in WHEN.
    pub condition: Vec<SmolStr>,
    /// It fires for each row, without a WHEN.
    pub always: bool,
    /// On what it fires: bits of [`super::catalog::trigger_events`].
    pub events: u8,
}

/// CREATE of a kind that the simulation knows by name only.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct CreateNamed {
    pub kind: ObjectKind,
    /// Full name; casts and operators with their argument types, user mappings with their server.
    /// `None`: the server makes a name (statistics, 16+).
    pub name: Option<Name>,
    pub if_not_exists: bool,
    pub or_replace: bool,
    /// A subscription that makes its slot on the publisher, which no transaction can take back.
    pub makes_slot: bool,
    /// Relations that it needs: tables of a publication, of statistics.
    pub relations: Vec<Name>,
    /// Columns of statistics.
    pub columns: Vec<SmolStr>,
}

/// What ALTER of a named object does.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum NamedAction {
    /// Changes nothing that is modelled.
    Options,
    /// Adds members (tables of a publication, options of a server): 42710 where one is there.
    Add(Vec<SmolStr>),
    /// Drops members: 42704 where one is missing.
    DropMembers(Vec<SmolStr>),
    /// Replaces the members.
    SetMembers(Vec<SmolStr>),
}

/// DROP of any kind.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Drop {
    pub kind: ObjectKind,
    pub targets: Vec<DropTarget>,
    pub if_exists: bool,
    pub cascade: bool,
    pub concurrently: bool,
}

/// One object of a DROP.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct DropTarget {
    /// For triggers, policies and rules the table; else the object. Casts, operators, user mappings: as in [`CreateNamed`].
    pub name: Name,
    /// For triggers, policies and rules the object's own name.
    pub member: Option<SmolStr>,
    /// Argument types of functions; `None`: not written.
    pub arguments: Option<Vec<TypeName>>,
}

/// RENAME of any kind.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub struct Rename {
    pub kind: ObjectKind,
    /// The relation for columns, constraints, triggers, policies, rules; else the object. A role or schema by plain name.
    pub name: Name,
    /// The column, constraint, trigger, policy or rule; an attribute of a composite type.
    pub member: Option<SmolStr>,
    pub arguments: Option<Vec<TypeName>>,
    pub new_name: SmolStr,
    pub if_exists: bool,
}

/// Transaction control.
#[derive(Clone, Debug, PartialEq)]
#[allow(missing_docs)]
pub enum TransactionStatement {
    Begin,
    Commit,
    Rollback,
    Savepoint(SmolStr),
    Release(SmolStr),
    RollbackTo(SmolStr),
    Prepared,
}
