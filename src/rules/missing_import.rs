//! `missing-import`: a name is read that the file neither defines nor imports.

use super::{Check, HistoryContext, Rule, label};
use crate::config::Level;
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::source::Site;

/// Its id.
pub(crate) const ID: &str = "missing-import";

pub(super) const RULE: Rule = Rule {
    info: RuleInfo {
        id: ID,
        summary: "a revision uses a name that it neither defines nor imports, mostly a type that autogenerate wrote",
        tags: &["history"],
        category: "history",
        default_level: Level::At(Severity::Error),
        markdown: include_str!("../../rules/missing-import.md"),
    },
    check: Check::History(check),
};

/// Where the names come from that autogenerate writes without their import.
const WELL_KNOWN: &[(&str, &str)] = &[
    ("advanced_alchemy", "import advanced_alchemy.types"),
    ("citext", "from citext import CIText"),
    ("enum", "import enum"),
    (
        "fastapi_users_db_sqlalchemy",
        "import fastapi_users_db_sqlalchemy",
    ),
    ("geoalchemy2", "import geoalchemy2"),
    ("mysql", "from sqlalchemy.dialects import mysql"),
    ("pgvector", "import pgvector.sqlalchemy"),
    ("postgresql", "from sqlalchemy.dialects import postgresql"),
    ("sa", "import sqlalchemy as sa"),
    ("sqlalchemy", "import sqlalchemy"),
    ("sqlalchemy_utils", "import sqlalchemy_utils"),
    ("sqlmodel", "import sqlmodel"),
    ("sqlite", "from sqlalchemy.dialects import sqlite"),
    ("Text", "from sqlalchemy import Text"),
    ("op", "from alembic import op"),
];

/// The import of a well-known name.
pub(crate) fn well_known(name: &str) -> Option<&'static str> {
    let mut known = WELL_KNOWN.iter();
    known
        .find(|(one, _)| *one == name)
        .map(|(_, import)| *import)
}

fn check(context: &HistoryContext<'_>) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    for index in 0..context.graph.revisions().len() {
        let Some(revision) = context.revision(index) else {
            continue;
        };
        let mut seen: Vec<&str> = Vec::new();
        for (name, span) in &revision.facts.undefined {
            if seen.contains(&name.as_str()) {
                continue;
            }
            seen.push(name);
            let site = Site {
                file: revision.file,
                span: *span,
            };
            let message = format!(
                "the revision stops here (`NameError: name '{name}' is not defined`): nothing in the file defines or imports it"
            );
            let mut diagnostic = context.diagnostic(&RULE, index, site, message);
            diagnostic.help = Some(match well_known(name) {
                Some(import) => format!(
                    "add `{import}` at the top, and to `script.py.mako`, so that the next revision has it too"
                ),
                None => "import or define it at the top of the file".to_owned(),
            });
            let more = revision.facts.undefined.iter();
            for (_, other) in more.filter(|(other, at)| other == name && at != span) {
                let site = Site {
                    file: revision.file,
                    span: *other,
                };
                diagnostic.labels.push(label(site, "and here"));
            }
            found.push(diagnostic);
        }
    }
    found
}
