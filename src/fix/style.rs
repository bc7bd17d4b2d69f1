//! How a project guards, and how long its lines are: measured, not asked.

use std::sync::Arc;

use crate::config::PackageVersion;
use crate::files::{Files, decode};
use crate::python::interpreter::Modules;
use crate::python::syntax::{Argument, ExpressionKind, Module};

use super::helpers::{self, Helper};
use super::{code, layout};

/// How a project's own revisions guard, and how they are formatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Alembic's own arguments (`if_not_exists=True`) rather than the Inspector.
    pub native: bool,
    /// The project's own predicates, where most of its guards use them.
    pub helpers: Vec<Helper>,
    /// Longest line, where the project's formatter is told.
    pub line_length: Option<usize>,
}

impl Style {
    /// Measures some revisions: what most of their guards are. Without any, Alembic's own arguments where the version in
    /// force has them all.
    pub fn measure<'a>(
        revisions: impl Iterator<Item = (&'a Module, Arc<str>)> + Clone,
        modules: &dyn Modules,
        alembic: PackageVersion,
        line_length: Option<usize>,
    ) -> Self {
        let (mut native, mut asked) = (0, 0);
        let mut texts = Vec::new();
        for (module, text) in revisions.clone() {
            texts.push(text);
            for expression in &module.expressions {
                let ExpressionKind::Call { callee, arguments } = &expression.kind else {
                    continue;
                };
                match code::last_name(module, *callee) {
                    Some(
                        "has_table"
                        | "get_table_names"
                        | "get_columns"
                        | "get_indexes"
                        | "get_unique_constraints"
                        | "get_foreign_keys"
                        | "get_check_constraints",
                    ) => asked += 1,
                    Some(name) if is_guarded(name) => {
                        native += usize::from(arguments.iter().any(|argument| {
                            matches!(argument, Argument::Keyword(word, _) if word == "if_not_exists" || word == "if_exists")
                        }));
                    }
                    _ => {}
                }
            }
        }
        let all = revisions.map(|(module, _)| module);
        let helpers = helpers::measure(all, modules, asked.max(native));
        let native = if !helpers.is_empty() {
            false
        } else if native == asked {
            alembic >= PackageVersion(1, 16, 0)
        } else {
            native > asked
        };
        Self {
            native,
            helpers,
            line_length: line_length.or_else(|| measured_length(&texts)),
        }
    }
}

/// The line length with which most texts are as a formatter leaves them; `None` where none is. Of several the most usual.
fn measured_length(texts: &[Arc<str>]) -> Option<usize> {
    let misfits = |limit: usize| {
        let texts = texts.iter();
        texts
            .filter(|text| layout::misfits(text, limit) > 0)
            .count()
    };
    let usual = [88, 79, 80, 100, 120];
    let best = usual
        .into_iter()
        .map(|limit| (misfits(limit), limit))
        .reduce(|best, other| if other.0 < best.0 { other } else { best });
    best.filter(|(files, _)| files * 8 <= texts.len())
        .map(|(_, limit)| limit)
}

fn is_guarded(operation: &str) -> bool {
    matches!(
        operation,
        "create_table"
            | "drop_table"
            | "add_column"
            | "drop_column"
            | "create_index"
            | "drop_index"
    )
}

/// The line length that a project's formatter is told: ruff, else black.
pub fn line_length(files: &dyn Files) -> Option<usize> {
    let read = |path: &str| -> Option<toml::Value> {
        let bytes = files.read(path.into()).ok()??;
        toml::from_str(&decode(&bytes).text).ok()
    };
    let number = |value: &toml::Value, keys: &[&str]| -> Option<usize> {
        let mut at = value;
        for key in keys {
            at = at.get(key)?;
        }
        usize::try_from(at.as_integer()?).ok()
    };
    let ruff = ["ruff.toml", ".ruff.toml"]
        .iter()
        .find_map(|path| number(&read(path)?, &["line-length"]));
    let project = read("pyproject.toml");
    let told = |keys: &[&str]| number(project.as_ref()?, keys);
    ruff.or_else(|| told(&["tool", "ruff", "line-length"]))
        .or_else(|| told(&["tool", "black", "line-length"]))
        .filter(|length| (40..=400).contains(length))
}
