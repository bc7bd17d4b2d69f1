//! `initial-schema`: a dump (`pg_dump`, with or without data) as the schema that the first revision finds.
//!
//! In: the dump's text. Out: the catalog that it makes, the revisions that it says are applied, and what of it could not
//! be taken in. The schema is closed: what the dump does not make is not there.

use camino::Utf8Path;

use crate::alembic::run::dynamic_sql;
use crate::postgres::{Catalog, Outcome, Parameters, Session, Statement, Version};
use crate::source::SourceFile;
use crate::sql::{self, Placeholders};
use crate::trace::Gap;

/// What a dump holds.
pub(super) struct InitialSchema {
    /// The schema.
    pub(super) catalog: Catalog,
    /// Revisions in its version table.
    pub(super) applied: Vec<String>,
    /// What could not be taken in.
    pub(super) gaps: Vec<Gap>,
}

/// Reads a dump; `version_table` is the name of the table of applied revisions.
pub(super) fn read(
    path: &Utf8Path,
    text: &str,
    version: Version,
    version_table: &str,
) -> InitialSchema {
    let mut session = Session::new(Catalog::default(), version, dynamic_sql);
    let file = SourceFile::new(path, text);
    let mut gaps = Vec::new();
    for parsed in sql::parse(text, Placeholders::None).iter() {
        // rows are no part of the schema
        if matches!(parsed.statement, Statement::Copy { .. }) {
            continue;
        }
        let answer = session.execute(
            std::slice::from_ref(&parsed.statement),
            &Parameters::default(),
        );
        let why = match answer.outcome {
            Outcome::Ok => continue,
            Outcome::Error(error) => format!("{} ({})", error.message, error.sqlstate),
            Outcome::Unknown(why) => why.to_string(),
        };
        let line = file.line(parsed.span.start);
        gaps.push(Gap {
            site: None,
            what: format!("`{path}`, line {line} of the initial schema is left out: {why}"),
        });
    }
    let mut catalog = session.catalog;
    catalog.open = false;
    // its rows are not read
    catalog.forget_numbers();
    InitialSchema {
        catalog,
        applied: applied(text, version_table),
        gaps,
    }
}

/// The rows of the version table, as COPY or INSERT has them.
fn applied(text: &str, version_table: &str) -> Vec<String> {
    let mut found = Vec::new();
    let mut in_copy = false;
    for line in text.lines() {
        if in_copy {
            if line == "\\." {
                in_copy = false;
            } else {
                found.push(line.trim().to_owned());
            }
            continue;
        }
        let Some((verb, rest)) = line.split_once(' ') else {
            continue;
        };
        let rest = rest.strip_prefix("INTO ").unwrap_or(rest);
        let name = rest.split([' ', '(']).next().unwrap_or_default();
        let name = name.rsplit('.').next().unwrap_or_default();
        if name.trim_matches('"') != version_table {
            continue;
        }
        match verb {
            "COPY" => in_copy = line.trim_end().ends_with("FROM stdin;"),
            "INSERT" => {
                let values = rest.split_once("VALUES").map_or("", |(_, values)| values);
                found.extend(values.split('\'').skip(1).step_by(2).map(str::to_owned));
            }
            _ => {}
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    const DUMP: &str = include_str!("../../tests/common/dump.sql");

    #[test]
    fn a_dump_with_data_is_a_closed_schema() {
        let read = read(
            Utf8Path::new("schema.sql"),
            DUMP,
            Version(15),
            "alembic_version",
        );
        assert_eq!(read.gaps, []);
        assert_eq!(read.applied, ["a1b2c3d4e5f6"]);
        assert!(!read.catalog.open);
        let session = |text: &str| {
            let mut session = Session::new(read.catalog.clone(), Version(15), dynamic_sql);
            let statements = dynamic_sql(text);
            match session.execute(&statements, &Parameters::default()).outcome {
                Outcome::Ok => "ok".to_owned(),
                Outcome::Error(error) => error.sqlstate.to_string(),
                Outcome::Unknown(why) => why.to_string(),
            }
        };
        assert_eq!(session("CREATE TABLE public.users (id int)"), "42P07");
        assert_eq!(session("CREATE TYPE public.mood AS ENUM ('x')"), "42710");
        assert_eq!(session("ALTER TABLE users ADD COLUMN email text"), "42701");
        assert_eq!(
            session("CREATE INDEX ix_users_email ON users (id)"),
            "42P07"
        );
        assert_eq!(
            session("ALTER TABLE users ADD CONSTRAINT users_pkey CHECK (id > 0)"),
            "42710"
        );
        assert_eq!(session("DROP TABLE users"), "2BP01");
        assert_eq!(session("SELECT 1 FROM nothing"), "42P01");
        assert_eq!(session("CREATE SEQUENCE users_id_seq"), "42P07");
    }

    #[test]
    fn what_is_left_out_is_said() {
        let read = read(
            Utf8Path::new("s.sql"),
            "CREATE TABLE t (id int);\n\nCREATE TABLE t (id int);\n",
            Version(15),
            "v",
        );
        assert_eq!(
            read.gaps[0].what,
            "`s.sql`, line 3 of the initial schema is left out: relation \"t\" already exists (42P07)"
        );
    }
}
