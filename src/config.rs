//! What the user may set: one struct for `foreshot.toml`, `[tool.foreshot]` and flags. Every default is here.

use std::collections::BTreeMap;

use crate::diagnostic::Severity;
use crate::postgres::Version;

/// A version of a Python package: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageVersion(pub u16, pub u16, pub u16);

/// The level of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not reported.
    Off,
    /// Reported with this severity.
    At(Severity),
}

/// Everything that can be set, with its value in force.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Level of a rule by its id; a rule that is not here has its own default.
    pub levels: BTreeMap<String, Level>,
    /// Major version of the server.
    pub postgres_version: Version,
    /// Alembic's version.
    pub alembic_version: PackageVersion,
    /// SQLAlchemy's version.
    pub sqlalchemy_version: PackageVersion,
    /// Whether each revision of a command has a transaction of its own; `None`: as `env.py` says.
    pub transaction_per_migration: Option<bool>,
    /// Released heads: these revisions and their ancestors are replayed, not reported.
    pub start_after: Vec<String>,
    /// Whether a docstring, a comment or a `raise` makes a missing downgrade a choice.
    pub accept_explained_downgrade: bool,
}

impl Default for Config {
    fn default() -> Self {
        Self {
            levels: BTreeMap::new(),
            postgres_version: Version::default(),
            alembic_version: PackageVersion(1, 20, 1),
            sqlalchemy_version: PackageVersion(2, 0, 58),
            transaction_per_migration: None,
            start_after: Vec::new(),
            accept_explained_downgrade: true,
        }
    }
}
