//! The formats: how each tool names and orders its files, and how it sends them to the server.
//!
//! The facts are from each tool's documentation or source; `docs/sql-files.md` names them.

/// A migration tool's kind of SQL files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Format {
    /// One file a step, in the order of the names.
    Plain,
    /// dbmate: `-- migrate:up`, `-- migrate:down`.
    Dbmate,
    /// diesel: folders with `up.sql` and `down.sql`.
    Diesel,
    /// Drizzle: `0000_name.sql` beside a `meta/_journal.json`, `--> statement-breakpoint`.
    Drizzle,
    /// Flyway: `V1__name.sql`, `U1__name.sql`, `R__name.sql`.
    Flyway,
    /// golang-migrate: `1_name.up.sql`, `1_name.down.sql`.
    GolangMigrate,
    /// goose: `-- +goose Up`, `-- +goose Down`.
    Goose,
    /// Hasura: folders with `up.sql` and `down.sql` below a `config.yaml`.
    Hasura,
    /// Liquibase's formatted SQL: `--changeset author:id`, `--rollback`.
    Liquibase,
    /// node-pg-migrate: `-- Up Migration`, `-- Down Migration`.
    NodePgMigrate,
    /// prisma: folders with `migration.sql`.
    Prisma,
    /// rambler: `-- rambler up`, `-- rambler down`.
    Rambler,
    /// sql-migrate: `-- +migrate Up`, `-- +migrate Down`.
    SqlMigrate,
    /// sqlx: `1_name.sql`, or `1_name.up.sql` and `1_name.down.sql`.
    Sqlx,
    /// Supabase: `supabase/migrations/20240131000000_name.sql`.
    Supabase,
    /// tern: `---- create above / drop below ----`.
    Tern,
    /// yoyo: `name.sql` and `name.rollback.sql`, with `-- depends:` and `-- transactional:`.
    Yoyo,
}

/// How the text of one direction reaches the server.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Inside a transaction that the tool opens and commits.
    Block,
    /// As one string without a transaction of the tool's: the server makes one of it where it holds several statements
    /// (manual, 55.2.2.1 "Multiple Statements in a Simple Query").
    OneCall,
    /// Statement by statement, each committed by itself.
    Each,
}

/// What is known of a format.
#[derive(Clone, Copy, Debug)]
pub struct Facts {
    /// The format.
    pub format: Format,
    /// Its name in the configuration.
    pub name: &'static str,
    /// How a file is sent unless it says otherwise.
    pub sending: Sending,
    /// How a file is sent that asks for no transaction.
    pub without_transaction: Sending,
    /// All files that wait are sent in one transaction: what to do so that one is committed before the next, for advice.
    pub one_transaction: Option<&'static str>,
    /// What to write so that a file runs outside of a transaction, for advice.
    pub opt_out: Option<&'static str>,
}

/// All formats, sorted by name but for the plain one.
pub static FORMATS: &[Facts] = &[
    Facts {
        format: Format::Plain,
        name: "plain",
        sending: Sending::Each,
        without_transaction: Sending::Each,
        one_transaction: None,
        opt_out: None,
    },
    Facts {
        format: Format::Dbmate,
        name: "dbmate",
        sending: Sending::Block,
        without_transaction: Sending::OneCall,
        one_transaction: None,
        opt_out: Some("in a file of its own that begins with `-- migrate:up transaction:false`"),
    },
    Facts {
        format: Format::Diesel,
        name: "diesel",
        sending: Sending::Block,
        without_transaction: Sending::OneCall,
        one_transaction: None,
        opt_out: Some(
            "in a migration of its own with `run_in_transaction = false` in its `metadata.toml`",
        ),
    },
    Facts {
        format: Format::Drizzle,
        name: "drizzle",
        sending: Sending::Block,
        without_transaction: Sending::Block,
        one_transaction: Some(
            "apply that before the files that use it are there: drizzle sends all files that wait in one transaction",
        ),
        opt_out: None,
    },
    Facts {
        format: Format::Flyway,
        name: "flyway",
        sending: Sending::Block,
        without_transaction: Sending::Each,
        one_transaction: None,
        opt_out: Some(
            "in a migration of its own with `executeInTransaction=false` in its script configuration",
        ),
    },
    Facts {
        format: Format::GolangMigrate,
        name: "golang-migrate",
        sending: Sending::OneCall,
        without_transaction: Sending::OneCall,
        one_transaction: None,
        opt_out: Some("alone in a file of its own, without BEGIN"),
    },
    Facts {
        format: Format::Goose,
        name: "goose",
        sending: Sending::Block,
        without_transaction: Sending::Each,
        one_transaction: None,
        opt_out: Some("in a file of its own with `-- +goose NO TRANSACTION`"),
    },
    Facts {
        format: Format::Hasura,
        name: "hasura",
        sending: Sending::Block,
        without_transaction: Sending::Block,
        one_transaction: None,
        opt_out: None,
    },
    Facts {
        format: Format::Liquibase,
        name: "liquibase",
        sending: Sending::Block,
        without_transaction: Sending::Each,
        one_transaction: None,
        opt_out: Some("in a changeset of its own with `runInTransaction:false`"),
    },
    Facts {
        format: Format::NodePgMigrate,
        name: "node-pg-migrate",
        sending: Sending::Block,
        without_transaction: Sending::Block,
        one_transaction: Some("run node-pg-migrate with `--no-single-transaction`"),
        opt_out: Some("in a migration in JavaScript that calls `pgm.noTransaction()`"),
    },
    Facts {
        format: Format::Prisma,
        name: "prisma",
        sending: Sending::OneCall,
        without_transaction: Sending::OneCall,
        one_transaction: None,
        opt_out: Some("alone in a migration of its own"),
    },
    Facts {
        format: Format::Rambler,
        name: "rambler",
        sending: Sending::Each,
        without_transaction: Sending::Each,
        one_transaction: None,
        opt_out: None,
    },
    Facts {
        format: Format::SqlMigrate,
        name: "sql-migrate",
        sending: Sending::Block,
        without_transaction: Sending::Each,
        one_transaction: None,
        opt_out: Some("in a file of its own that begins with `-- +migrate Up notransaction`"),
    },
    Facts {
        format: Format::Sqlx,
        name: "sqlx",
        sending: Sending::Block,
        without_transaction: Sending::OneCall,
        one_transaction: None,
        opt_out: Some("in a file of its own that begins with `-- no-transaction`"),
    },
    Facts {
        format: Format::Supabase,
        name: "supabase",
        sending: Sending::OneCall,
        without_transaction: Sending::Each,
        one_transaction: None,
        opt_out: Some("in a migration of its own"),
    },
    Facts {
        format: Format::Tern,
        name: "tern",
        sending: Sending::Block,
        without_transaction: Sending::Each,
        one_transaction: None,
        opt_out: Some("in a file of its own with `---- tern: disable-tx ----`"),
    },
    Facts {
        format: Format::Yoyo,
        name: "yoyo",
        sending: Sending::Block,
        without_transaction: Sending::Each,
        one_transaction: None,
        opt_out: Some("in a file of its own that begins with `-- transactional: false`"),
    },
];

impl Format {
    /// What is known of it.
    pub fn facts(self) -> &'static Facts {
        FORMATS
            .iter()
            .find(|facts| facts.format == self)
            .unwrap_or(&FORMATS[0])
    }

    /// The format of a name in the configuration.
    pub fn named(name: &str) -> Option<Self> {
        FORMATS
            .iter()
            .find(|facts| facts.name == name)
            .map(|facts| facts.format)
    }
}

impl Sending {
    /// The word of the configuration (`transaction`).
    pub fn named(name: &str) -> Option<Self> {
        match name {
            "file" => Some(Self::Block),
            "call" => Some(Self::OneCall),
            "statement" => Some(Self::Each),
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_format_has_its_facts_and_its_name() {
        for facts in FORMATS {
            assert_eq!(facts.format.facts().name, facts.name);
            assert_eq!(Format::named(facts.name), Some(facts.format));
        }
        assert!(FORMATS[1..].is_sorted_by_key(|facts| facts.name));
        assert_eq!(Format::named("rails"), None);
    }
}
