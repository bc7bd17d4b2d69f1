//! How a project guards, and how long its lines are: measured, not asked.

use crate::config::PackageVersion;
use crate::files::{Files, decode};
use crate::python::syntax::{Argument, ExpressionKind, Module};

use super::code;

/// How a project's own revisions guard, and how they are formatted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Style {
    /// Alembic's own arguments (`if_not_exists=True`) rather than the Inspector.
    pub native: bool,
    /// Longest line, where the project's formatter is told.
    pub line_length: Option<usize>,
}

impl Style {
    /// Measures some revisions: what most of their guards are. Without any, Alembic's own arguments where the version in
    /// force has them all.
    pub fn measure<'a>(
        modules: impl Iterator<Item = &'a Module>,
        alembic: PackageVersion,
        line_length: Option<usize>,
    ) -> Self {
        let (mut native, mut asked) = (0, 0);
        for module in modules {
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
        let native = if native == asked {
            alembic >= PackageVersion(1, 16, 0)
        } else {
            native > asked
        };
        Self {
            native,
            line_length,
        }
    }
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
