//! For tests: a revision's body on a catalog, and what came of it.

use std::sync::Arc;

use super::Settings;
use super::run::{RunInput, run};
use crate::config::PackageVersion;
use crate::postgres::{Catalog, Outcome, Version};
use crate::python::interpreter::{Limits, Modules};
use crate::python::syntax;
use crate::source::FileId;
use crate::trace::RunOutput;

struct NoModules;

impl Modules for NoModules {
    fn find(&self, _: &str, _: FileId) -> Option<Arc<syntax::Module>> {
        None
    }
    fn at(&self, _: &str, _: FileId) -> Option<Arc<syntax::Module>> {
        None
    }
    fn package_of(&self, _: FileId) -> Option<String> {
        None
    }
    fn read(&self, _: &str) -> Option<Vec<u8>> {
        None
    }

    fn list(&self, _: &str) -> Option<Vec<String>> {
        None
    }
    fn path_of(&self, _: FileId) -> String {
        String::new()
    }
}

const HEAD: &str = "import sqlalchemy as sa\nfrom sqlalchemy import orm\nfrom alembic import op\n\
                    from sqlalchemy.dialects import postgresql\n";

/// Runs module code and a body of `upgrade` with a SQLAlchemy version.
pub(super) fn replay(
    catalog: Catalog,
    module: &str,
    body: &str,
    sqlalchemy: PackageVersion,
) -> RunOutput {
    let indented = body
        .lines()
        .fold(String::new(), |text, line| text + "    " + line + "\n");
    let text = format!("{HEAD}\n{module}\n\ndef upgrade():\n{indented}");
    let settings = Settings {
        alembic: PackageVersion(1, 16, 0),
        sqlalchemy,
        driver: crate::config::Driver::Psycopg2,
        naming_convention: std::collections::BTreeMap::new(),
        version_schema: None,
        options: crate::alembic::configuration::Options::default(),
    };
    run_text(catalog, &text, settings)
}

/// Runs `upgrade` of a module's text.
pub(super) fn run_text(catalog: Catalog, text: &str, settings: Settings) -> RunOutput {
    run(RunInput {
        contrary: super::run::Contrary::default(),
        assumes: false,
        module: Arc::new(syntax::parse(FileId(0), text)),
        function: "upgrade",
        catalog,
        version: Version(16),
        settings: Arc::new(settings),
        modules: Arc::new(NoModules),
        script: Vec::new(),
        settled: std::collections::BTreeMap::new(),
        search_path: Arc::default(),
        environment: None,
        limits: Limits::default(),
    })
}

/// SQLAlchemy 2.0.
pub(super) const NEW: PackageVersion = PackageVersion(2, 0, 58);
/// SQLAlchemy 1.4.
pub(super) const OLD: PackageVersion = PackageVersion(1, 4, 54);

/// Runs a body on an empty database.
pub(super) fn upgrade(body: &str) -> RunOutput {
    replay(Catalog::default(), "", body, NEW)
}

/// Outcomes of all events: `ok`, a SQLSTATE, or `unknown: why`.
pub(super) fn outcomes(output: &RunOutput) -> Vec<String> {
    assert_eq!(output.trace.raised, None);
    output
        .trace
        .events
        .iter()
        .map(|event| match &event.outcome {
            Outcome::Ok => "ok".to_owned(),
            Outcome::Error(error) => error.sqlstate.code().to_owned(),
            Outcome::Unknown(why) => format!("unknown: {why}"),
        })
        .collect()
}

/// The exception that ended the run: class and message.
pub(super) fn raised(output: &RunOutput) -> String {
    output
        .trace
        .raised
        .as_ref()
        .map_or_else(String::new, |raised| {
            format!("{}: {}", raised.class, raised.message)
        })
}

/// The tables of `public`, by name: how bodies tell what they found.
pub(super) fn tables(output: &RunOutput) -> Vec<String> {
    assert_eq!(raised(output), "");
    output
        .catalog
        .relations
        .values()
        .filter(|relation| relation.name.schema == "public" && relation.kind.is_table())
        .map(|relation| relation.name.name.to_string())
        .collect()
}

/// Asserts a Python condition in a body: the run ends with an exception where it does not hold.
pub(super) fn holds(body: &str, version: PackageVersion) {
    let output = replay(Catalog::default(), "", body, version);
    assert_eq!(raised(&output), "", "{body}");
    assert!(
        output.decisions.is_empty(),
        "{body}: {:?}",
        output.decisions
    );
}
