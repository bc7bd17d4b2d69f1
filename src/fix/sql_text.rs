//! The guard that SQL itself has, put into a Python literal: `IF [NOT] EXISTS`, `OR REPLACE`, `ON CONFLICT DO NOTHING`, and a
//! `DO` block that accepts the one error where PostgreSQL has no clause.
//!
//! Only a plain literal without escapes keeps exact offsets, so only that is edited.

use super::Facts;
use crate::postgres::statement::{AlterTableCommand, ConstraintKind, Statement};
use crate::postgres::{ObjectKind, Version};
use crate::rules::second_run::Fault;
use crate::source::{Site, Span};
use crate::sql::{self, Placeholders, Token, TokenKind};

/// An edit of a text, by bytes in it.
type Local = (usize, usize, String);

/// The edits of the literal that the calls of a place execute; `None` where it is no literal, or has no guard to be given.
pub(super) fn edits(facts: &Facts<'_>, faults: &[Fault<'_>]) -> Option<Vec<(Span, String)>> {
    let (literal, text, placeholders) = literal(facts, faults)?;
    let parameters = placeholders == Placeholders::Named;
    let mut found = Vec::new();
    // a file's statements are many, and each is met once
    for parsed in sql::parse_once(text, placeholders) {
        let at = parsed.span.start as usize;
        let own = text.get(parsed.span.range())?;
        let rewrite = Rewrite {
            text: own,
            tokens: sql::tokens(own),
            version: facts.config.postgres_version,
            parameters,
        };
        for (start, end, replacement) in rewrite.statement(&parsed.statement).unwrap_or_default() {
            let start = literal.span.start + (at + start) as u32;
            let end = literal.span.start + (at + end) as u32;
            found.push((Span::new(start, end), replacement));
        }
    }
    (!found.is_empty()).then_some(found)
}

/// The one literal of the revision's own file that the calls of a place execute, its text, and what stands in it for values.
pub(super) fn literal<'a>(
    facts: &Facts<'a>,
    faults: &[Fault<'_>],
) -> Option<(Site, &'a str, Placeholders)> {
    let literal = faults.first()?.event.literal?;
    let same = faults
        .iter()
        .all(|fault| fault.event.literal == Some(literal));
    if !same || literal.file != facts.replayed.revision.file {
        return None;
    }
    let text = facts.code.slice(literal.span);
    let placeholders = if sql::named_parameters(text).is_empty() {
        Placeholders::None
    } else {
        Placeholders::Named
    };
    Some((literal, text, placeholders))
}

struct Rewrite<'a> {
    text: &'a str,
    tokens: Vec<Token>,
    version: Version,
    /// It has bind parameters, which do not reach into a `DO` block.
    parameters: bool,
}

impl Rewrite<'_> {
    fn word(&self, index: usize) -> String {
        self.tokens
            .get(index)
            .filter(|token| token.kind == TokenKind::Word)
            .map(|token| token.text(self.text).to_ascii_uppercase())
            .unwrap_or_default()
    }

    /// Inserts words, in the case of the statement's own, before a token.
    fn insert(&self, before: usize, words: &str) -> Option<Vec<Local>> {
        let at = self.tokens.get(before)?.start;
        Some(vec![(at, at, format!("{} ", self.cased(words)))])
    }

    fn cased(&self, words: &str) -> String {
        let lower = self.tokens.first().is_some_and(|first| {
            first
                .text(self.text)
                .starts_with(|one: char| one.is_ascii_lowercase())
        });
        if lower {
            words.to_ascii_lowercase()
        } else {
            words.to_owned()
        }
    }

    /// The statement in a block that accepts some errors.
    fn block(&self, conditions: &[&str]) -> Option<Vec<Local>> {
        let quote = if self.text.contains("$$") {
            "$guard$"
        } else {
            "$$"
        };
        if self.parameters || self.text.contains("$guard$") {
            return None;
        }
        let last = self.tokens.last()?.end;
        let caught: Vec<String> = conditions.iter().map(|one| (*one).to_owned()).collect();
        let caught = caught.join(" OR ");
        let open = self.cased("DO");
        let begin = self.cased("BEGIN");
        Some(vec![
            (0, 0, format!("{open} {quote} {begin} ")),
            (
                last,
                last,
                format!(
                    "; {} {caught} {}; {} {quote}",
                    self.cased("EXCEPTION WHEN"),
                    self.cased("THEN NULL"),
                    self.cased("END")
                ),
            ),
        ])
    }

    fn statement(&self, statement: &Statement) -> Option<Vec<Local>> {
        match statement {
            Statement::CreateTable(create) if create.if_not_exists => None,
            Statement::CreateTableAs(create) if create.if_not_exists => None,
            Statement::CreateIndex(index) if index.if_not_exists || index.name.is_none() => None,
            Statement::CreateSequence(create) if create.if_not_exists => None,
            Statement::CreateSchema {
                if_not_exists: true,
                ..
            }
            | Statement::CreateExtension {
                if_not_exists: true,
                ..
            } => None,
            Statement::CreateTable(_)
            | Statement::CreateTableAs(_)
            | Statement::CreateIndex(_)
            | Statement::CreateSequence(_)
            | Statement::CreateSchema { .. }
            | Statement::CreateExtension { .. } => self.if_not_exists(),
            Statement::CreateView(create) if !create.or_replace => self.or_replace(),
            Statement::CreateFunction(create) if !create.or_replace => self.or_replace(),
            Statement::CreateRule {
                or_replace: false, ..
            } => self.or_replace(),
            Statement::CreateTrigger(trigger) if !trigger.or_replace => {
                // measured: OR REPLACE from 14 on, and never for a constraint trigger
                if self.version >= Version(14) && !trigger.constraint {
                    self.or_replace()
                } else {
                    self.block(&["duplicate_object"])
                }
            }
            Statement::CreatePolicy { .. } | Statement::CreateType(_) => {
                self.block(&["duplicate_object"])
            }
            Statement::CreateNamed(named) if !named.if_not_exists && !named.or_replace => {
                match named.kind {
                    ObjectKind::Statistics | ObjectKind::Collation | ObjectKind::Server => {
                        self.if_not_exists()
                    }
                    ObjectKind::Role
                    | ObjectKind::Publication
                    | ObjectKind::Cast
                    | ObjectKind::EventTrigger
                    | ObjectKind::ForeignDataWrapper => self.block(&["duplicate_object"]),
                    _ => None,
                }
            }
            Statement::AlterEnum(alter) if alter.rename_from.is_some() => {
                self.block(&["invalid_parameter_value"])
            }
            Statement::AlterEnum(alter) if !alter.if_not_exists => {
                let value = (0..self.tokens.len()).find(|index| self.word(*index) == "VALUE")?;
                self.insert(value + 1, "IF NOT EXISTS")
            }
            Statement::Drop(drop) if !drop.if_exists => {
                let words = match drop.kind {
                    ObjectKind::ForeignDataWrapper => 3,
                    kind => kind.noun().split(' ').count(),
                };
                let mut at = 1 + words;
                if self.word(at) == "CONCURRENTLY" {
                    at += 1;
                }
                self.insert(at, "IF EXISTS")
            }
            Statement::Rename(rename) if !rename.if_exists => match (rename.kind, &rename.member) {
                (
                    ObjectKind::Table
                    | ObjectKind::Index
                    | ObjectKind::View
                    | ObjectKind::Sequence
                    | ObjectKind::ForeignTable,
                    None,
                ) => {
                    let words = rename.kind.noun().split(' ').count();
                    self.insert(1 + words, "IF EXISTS")
                }
                (ObjectKind::MaterializedView, None) => self.insert(3, "IF EXISTS"),
                (ObjectKind::Column, Some(_)) => self.block(&["undefined_column"]),
                (ObjectKind::Type | ObjectKind::Constraint, _) => self.block(&["undefined_object"]),
                _ => None,
            },
            Statement::AlterTable(alter) => self.alter_table(alter),
            Statement::Insert(insert) if insert.on_conflict.is_none() => self.on_conflict(),
            _ => None,
        }
    }

    fn if_not_exists(&self) -> Option<Vec<Local>> {
        let mut at = 1;
        while matches!(
            self.word(at).as_str(),
            "GLOBAL"
                | "LOCAL"
                | "TEMP"
                | "TEMPORARY"
                | "UNLOGGED"
                | "UNIQUE"
                | "MATERIALIZED"
                | "FOREIGN"
        ) {
            at += 1;
        }
        at += 1;
        if self.word(at) == "CONCURRENTLY" {
            at += 1;
        }
        self.insert(at, "IF NOT EXISTS")
    }

    fn or_replace(&self) -> Option<Vec<Local>> {
        (self.word(0) == "CREATE").then_some(())?;
        self.insert(1, "OR REPLACE")
    }

    fn on_conflict(&self) -> Option<Vec<Local>> {
        let mut depth = 0_i32;
        let returning = self.tokens.iter().position(|token| {
            if token.is(self.text, "(") {
                depth += 1;
            } else if token.is(self.text, ")") {
                depth -= 1;
            }
            depth == 0 && token.is_word(self.text, "RETURNING")
        });
        match returning {
            Some(index) => self.insert(index, "ON CONFLICT DO NOTHING"),
            None => {
                let end = self.tokens.last()?.end;
                let words = self.cased("ON CONFLICT DO NOTHING");
                Some(vec![(end, end, format!(" {words}"))])
            }
        }
    }

    fn alter_table(&self, alter: &crate::postgres::statement::AlterTable) -> Option<Vec<Local>> {
        if let [AlterTableCommand::AddConstraint(constraint)] = alter.commands.as_slice() {
            // without a name there is no error to accept: it is made once more
            constraint.name.as_ref()?;
            return match constraint.kind {
                ConstraintKind::Unique { .. } | ConstraintKind::Exclude { .. } => {
                    self.block(&["duplicate_table", "duplicate_object"])
                }
                ConstraintKind::PrimaryKey { .. } => self.block(&["invalid_table_definition"]),
                ConstraintKind::Check(_)
                | ConstraintKind::ForeignKey { .. }
                | ConstraintKind::NotNull { .. } => self.block(&["duplicate_object"]),
            };
        }
        let starts = self.commands();
        if starts.len() != alter.commands.len() {
            return None;
        }
        let mut found = Vec::new();
        for (start, command) in starts.into_iter().zip(&alter.commands) {
            let (wanted, skip) = match command {
                AlterTableCommand::AddColumn {
                    if_not_exists: false,
                    ..
                } => ("IF NOT EXISTS", "COLUMN"),
                AlterTableCommand::DropColumn {
                    if_exists: false, ..
                } => ("IF EXISTS", "COLUMN"),
                AlterTableCommand::DropConstraint {
                    if_exists: false, ..
                } => ("IF EXISTS", "CONSTRAINT"),
                AlterTableCommand::AddConstraint(_) => return None,
                _ => continue,
            };
            let at = start + 1 + usize::from(self.word(start + 1) == skip);
            found.extend(self.insert(at, wanted)?);
        }
        (!found.is_empty()).then_some(found)
    }

    /// Where the commands of ALTER TABLE begin.
    fn commands(&self) -> Vec<usize> {
        let mut at = 2;
        if self.word(at) == "IF" {
            at += 2;
        }
        if self.word(at) == "ONLY" {
            at += 1;
        }
        at += 1;
        while self
            .tokens
            .get(at)
            .is_some_and(|token| token.is(self.text, "."))
        {
            at += 2;
        }
        if self
            .tokens
            .get(at)
            .is_some_and(|token| token.is(self.text, "*"))
        {
            at += 1;
        }
        let mut starts = vec![at];
        let mut depth = 0_i32;
        for index in at..self.tokens.len() {
            let token = self.tokens[index];
            if token.is(self.text, "(") || token.is(self.text, "[") {
                depth += 1;
            } else if token.is(self.text, ")") || token.is(self.text, "]") {
                depth -= 1;
            } else if token.is(self.text, ",") && depth == 0 {
                starts.push(index + 1);
            }
        }
        starts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rewritten(text: &str) -> String {
        let parsed = sql::parse(text, Placeholders::None);
        let rewrite = Rewrite {
            text,
            tokens: sql::tokens(text),
            version: Version(15),
            parameters: false,
        };
        let mut out = text.to_owned();
        let mut edits = rewrite.statement(&parsed[0].statement).unwrap_or_default();
        edits.reverse();
        for (start, end, replacement) in edits {
            out.replace_range(start..end, &replacement);
        }
        out
    }

    #[test]
    fn each_statement_has_its_own_guard() {
        for (text, expected) in [
            (
                "CREATE UNIQUE INDEX CONCURRENTLY ix ON t (a)",
                "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS ix ON t (a)",
            ),
            (
                "create table s.t (a int)",
                "create table if not exists s.t (a int)",
            ),
            (
                "CREATE MATERIALIZED VIEW v AS SELECT 1",
                "CREATE MATERIALIZED VIEW IF NOT EXISTS v AS SELECT 1",
            ),
            (
                "CREATE VIEW v AS SELECT 1",
                "CREATE OR REPLACE VIEW v AS SELECT 1",
            ),
            (
                "DROP MATERIALIZED VIEW v",
                "DROP MATERIALIZED VIEW IF EXISTS v",
            ),
            (
                "DROP INDEX CONCURRENTLY ix",
                "DROP INDEX CONCURRENTLY IF EXISTS ix",
            ),
            (
                "ALTER TABLE ONLY s.t ADD COLUMN a numeric(10, 2), ADD b int, DROP COLUMN c",
                "ALTER TABLE ONLY s.t ADD COLUMN IF NOT EXISTS a numeric(10, 2), ADD IF NOT EXISTS b int, DROP COLUMN IF EXISTS c",
            ),
            (
                "ALTER TABLE t DROP CONSTRAINT k",
                "ALTER TABLE t DROP CONSTRAINT IF EXISTS k",
            ),
            (
                "ALTER TABLE a RENAME TO b",
                "ALTER TABLE IF EXISTS a RENAME TO b",
            ),
            (
                "ALTER TYPE m ADD VALUE 'x' AFTER 'y'",
                "ALTER TYPE m ADD VALUE IF NOT EXISTS 'x' AFTER 'y'",
            ),
            (
                "INSERT INTO t VALUES (1) RETURNING a",
                "INSERT INTO t VALUES (1) ON CONFLICT DO NOTHING RETURNING a",
            ),
            (
                "INSERT INTO t (a) VALUES (1)",
                "INSERT INTO t (a) VALUES (1) ON CONFLICT DO NOTHING",
            ),
            (
                "CREATE TYPE m AS ENUM ('a')",
                "DO $$ BEGIN CREATE TYPE m AS ENUM ('a'); EXCEPTION WHEN duplicate_object THEN NULL; END $$",
            ),
            (
                "ALTER TABLE t ADD CONSTRAINT u UNIQUE (a)",
                "DO $$ BEGIN ALTER TABLE t ADD CONSTRAINT u UNIQUE (a); EXCEPTION WHEN duplicate_table OR duplicate_object THEN NULL; END $$",
            ),
        ] {
            assert_eq!(rewritten(text), expected);
        }
    }

    #[test]
    fn what_has_its_guard_and_what_has_no_name_stay() {
        for text in [
            "CREATE TABLE IF NOT EXISTS t (a int)",
            "CREATE INDEX ON t (a)",
            "ALTER TABLE t ADD CHECK (a > 0)",
            "UPDATE t SET a = 1",
        ] {
            assert_eq!(rewritten(text), text);
        }
    }
}
