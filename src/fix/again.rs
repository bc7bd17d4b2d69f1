//! Statements that make again what a catalog held: a constraint, an index, a table with both.
//!
//! What can't be made again as it was for certain (triggers, policies, partitions) has no statement.

use std::collections::BTreeSet;

use smol_str::SmolStr;

use super::ask::qualified;
use crate::postgres::catalog::{
    Catalog, Column, Constraint, QualifiedName, Relation, RelationKind,
};
use crate::postgres::expression::TypeName;
use crate::postgres::statement::{
    AlterTableCommand, ColumnDefinition, ConstraintDefinition, ConstraintKind, CreateIndex,
    CreateTable, Generated, Statement,
};
use crate::postgres::{Name, ObjectKind};
use crate::replay::Replayed;

/// A constraint as it has to be written to come back under its own name.
pub(super) fn constraint(constraint: &Constraint) -> ConstraintDefinition {
    let mut definition = constraint.definition.clone();
    definition.name = Some(constraint.name.clone());
    if let (ConstraintKind::ForeignKey { table, .. }, Some(references)) =
        (&mut definition.kind, &constraint.references)
    {
        *table = written(references);
    }
    definition
}

/// The statement that makes an index again; `None` for one that a constraint makes.
pub(super) fn index(catalog: &Catalog, name: &QualifiedName) -> Option<Statement> {
    let relations = &catalog.relations;
    let table: &Relation = relations.get(relations.get(name)?.index_of.as_ref()?)?;
    let index = table.index(&name.name)?;
    if index.constraint.is_some() {
        return None;
    }
    Some(Statement::CreateIndex(Box::new(CreateIndex {
        name: Some(index.name.clone()),
        table: written(&table.name),
        unique: index.unique,
        concurrently: false,
        if_not_exists: false,
        only: false,
        method: index.method.clone(),
        elements: index.elements.clone(),
        include: index.include.clone(),
        filter: index.filter.clone(),
        nulls_not_distinct: index.nulls_not_distinct,
    })))
}

/// The statements that make a table again that the first run drops, without what the run takes off it before: that is
/// undone by itself.
pub(super) fn table(replayed: &Replayed, name: &QualifiedName) -> Option<Vec<Statement>> {
    let before = &replayed.before;
    let relation = before.relations.get(name)?;
    let plain = relation.kind == RelationKind::Table
        && !relation.columns_open
        && relation.triggers.is_empty()
        && relation.policies.is_empty()
        && relation.rules.is_empty()
        && !relation.row_security
        && relation.partition_of.is_none()
        && relation.inherits.is_empty();
    if !plain {
        return None;
    }
    let gone = taken_off(replayed, name);
    let columns = relation
        .columns
        .iter()
        .filter(|column| !gone.contains(&column.name))
        .map(|one| column(before, relation, one));
    let constraints = relation
        .constraints
        .iter()
        .filter(|one| !gone.contains(&one.name))
        .filter(|one| !matches!(one.definition.kind, ConstraintKind::NotNull { .. }))
        .map(constraint);
    let create = CreateTable {
        name: written(name),
        unlogged: relation.unlogged,
        columns: columns.collect(),
        constraints: constraints.collect(),
        ..CreateTable::default()
    };
    let mut statements = vec![Statement::CreateTable(Box::new(create))];
    for one in &relation.indexes {
        if one.constraint.is_none() && !gone.contains(&one.name) {
            statements.push(index(before, &QualifiedName::new(&name.schema, &one.name))?);
        }
    }
    Some(statements)
}

/// Names of the parts of a table that the first run drops one by one.
fn taken_off(replayed: &Replayed, table: &QualifiedName) -> BTreeSet<SmolStr> {
    let mut gone = BTreeSet::new();
    let events = &replayed.first.events;
    for statement in events.iter().flat_map(|event| event.statements.iter()) {
        match statement {
            Statement::AlterTable(alter) if qualified(replayed, &alter.name) == *table => {
                gone.extend(alter.commands.iter().filter_map(|command| match command {
                    AlterTableCommand::DropConstraint { name, .. }
                    | AlterTableCommand::DropColumn { name, .. } => Some(name.clone()),
                    _ => None,
                }));
            }
            Statement::Drop(drop) if drop.kind == ObjectKind::Index => {
                gone.extend(drop.targets.iter().map(|target| target.name.name.clone()));
            }
            _ => {}
        }
    }
    gone
}

/// A column as it has to be written: a serial one as such, since its sequence went with it.
pub(super) fn column(catalog: &Catalog, table: &Relation, column: &Column) -> ColumnDefinition {
    let owns = catalog.owned_sequence(&table.name, &column.name).is_some();
    let serial = match column.type_name.name.name.as_str() {
        "int4" | "integer" | "int" => Some("serial"),
        "int8" | "bigint" => Some("bigserial"),
        "int2" | "smallint" => Some("smallserial"),
        _ => None,
    };
    let serial = serial.filter(|_| owns && column.identity.is_none());
    ColumnDefinition {
        name: column.name.clone(),
        type_name: serial.map_or_else(|| column.type_name.clone(), TypeName::new),
        not_null: column.not_null,
        default: column.default.clone().filter(|_| serial.is_none()),
        identity: column.identity,
        first_number: None,
        generated: column
            .generated
            .clone()
            .map(|(value, stored)| Generated { value, stored }),
        constraints: Vec::new(),
    }
}

/// A name as it is written where `public` is where names are looked for.
fn written(name: &QualifiedName) -> Name {
    let schema = (name.schema != "public").then_some(name.schema.as_str());
    Name::qualified(schema, &name.name)
}
