//! Which major version's grammar has a form: older ones answer 42601.
//!
//! The parser is PostgreSQL 18's; the facts are measured (see `tests/facts/`) and from the release notes. Forms that
//! lowering does not keep apart (MATERIALIZED of WITH, SQL/JSON) are not seen here.

use crate::postgres::expression::{FromItem, QueryBody};
use crate::postgres::statement::{
    AlterTableCommand, ColumnDefinition, ConstraintDefinition, ConstraintKind,
};
use crate::postgres::{ObjectKind, Query, Statement, Version};

/// The oldest major whose grammar has this statement; [`Version::OLDEST`] for what all have.
pub fn since(statement: &Statement) -> Version {
    let major = match statement {
        Statement::Merge(_) => 15,
        Statement::CreateTrigger(trigger) if trigger.or_replace => 14,
        Statement::CreateFunction(function) => {
            if function.or_replace && function.kind == ObjectKind::Aggregate {
                12
            } else if function
                .body
                .trim_start()
                .get(..12)
                .is_some_and(|start| start.eq_ignore_ascii_case("begin atomic"))
            {
                14
            } else {
                11
            }
        }
        Statement::CreateNamed(created)
            if created.kind == ObjectKind::Statistics && created.name.is_none() =>
        {
            16
        }
        Statement::Reindex { concurrently, .. } if *concurrently => 12,
        Statement::Reindex { name: None, .. } => 16,
        Statement::CreateTable(table) => newest(
            table
                .columns
                .iter()
                .map(column)
                .chain(table.constraints.iter().map(constraint)),
        ),
        Statement::CreateIndex(index) if index.nulls_not_distinct => 15,
        Statement::AlterTable(alter) => newest(alter.commands.iter().map(command)),
        Statement::Query(found) => query(found),
        Statement::CreateTableAs(create) => query(&create.query),
        Statement::CreateView(create) => query(&create.query),
        Statement::CreateSchema { elements, .. } => {
            newest(elements.iter().map(|element| since(element).0))
        }
        _ => 11,
    };
    Version(major)
}

fn newest(majors: impl Iterator<Item = u16>) -> u16 {
    majors.max().unwrap_or(Version::OLDEST.0)
}

fn column(column: &ColumnDefinition) -> u16 {
    let generated = match &column.generated {
        Some(generated) if generated.stored => 12,
        Some(_) => 18,
        None => 11,
    };
    // a named NOT NULL beside its column is older than the one of a table
    let constraints = column
        .constraints
        .iter()
        .filter(|constraint| !matches!(constraint.kind, ConstraintKind::NotNull { .. }));
    newest(constraints.map(constraint)).max(generated)
}

fn constraint(constraint: &ConstraintDefinition) -> u16 {
    match &constraint.kind {
        ConstraintKind::NotNull { .. } => 18,
        ConstraintKind::Unique {
            nulls_not_distinct: true,
            ..
        } => 15,
        _ => 11,
    }
}

fn command(command: &AlterTableCommand) -> u16 {
    match command {
        AlterTableCommand::AddColumn { column, .. } => self::column(column),
        AlterTableCommand::AddConstraint(definition) => constraint(definition),
        AlterTableCommand::DropExpression { .. } => 13,
        AlterTableCommand::SetExpression { .. } => 17,
        AlterTableCommand::ColumnOption { what, .. } if what == "SET COMPRESSION" => 14,
        AlterTableCommand::DetachPartition { concurrently, .. } if *concurrently => 14,
        AlterTableCommand::Option { what } if what == "SET ACCESS METHOD" => 15,
        _ => 11,
    }
}

/// A subquery in FROM needs an alias before 16.
fn query(query: &Query) -> u16 {
    let with = newest(query.with.iter().map(|table| since(&table.statement).0));
    let body = match &query.body {
        QueryBody::Select(select) => newest(select.from.iter().map(from_item)),
        QueryBody::Values(_) => 11,
        QueryBody::Set { left, right, .. } => self::query(left).max(self::query(right)),
    };
    with.max(body)
}

fn from_item(item: &FromItem) -> u16 {
    match item {
        FromItem::Query {
            query: inner,
            alias,
            ..
        } => {
            let own = if alias.is_none() { 16 } else { 11 };
            query(inner).max(own)
        }
        FromItem::Join { left, right, .. } => from_item(left).max(from_item(right)),
        FromItem::Table { .. } | FromItem::Function { .. } => 11,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grammars_by_major() {
        let cases = [
            ("create table t (a int)", 11),
            (
                "create or replace trigger n before update on t for each row execute procedure f()",
                14,
            ),
            (
                "create or replace constraint trigger n after update on t for each row execute procedure f()",
                14,
            ),
            (
                "create or replace aggregate n(int) (sfunc=int4pl, stype=int)",
                12,
            ),
            ("create statistics on c,m from t", 16),
            ("alter table t add constraint nn not null c", 18),
            ("alter table t add not null c", 18),
            ("alter table t alter column s set compression pglz", 14),
            ("alter table part detach partition part1 concurrently", 14),
            (
                "merge into r using (values(7)) v(id) on r.id=v.id when not matched then insert values (v.id)",
                15,
            ),
            ("reindex table concurrently t", 12),
            ("alter table g alter column b drop expression", 13),
            ("alter table g alter column b set expression as (a*3)", 17),
            (
                "create table t (a int, b int generated always as (a) stored)",
                12,
            ),
            (
                "create table t (a int, b int generated always as (a) virtual)",
                18,
            ),
            ("create unique index i on t (a) nulls not distinct", 15),
            ("select * from (select 1)", 16),
            ("select * from (select 1) x", 11),
        ];
        for (text, major) in cases {
            let parsed = super::super::statements(text);
            assert_eq!(parsed.len(), 1, "{text}");
            assert_eq!(since(&parsed[0]), Version(major), "{text}: {parsed:?}");
        }
    }
}
