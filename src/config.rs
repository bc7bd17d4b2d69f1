//! What the user may set: one struct for `foreshot.toml`, `[tool.foreshot]` and flags. Every default is here.

mod driver;
mod read;

pub use driver::{Driver, Sources};
pub(crate) use read::nearest;

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};

use crate::diagnostic::Severity;
use crate::files::{Files, decode, join};
use crate::postgres::Version;

/// A version of a Python package: major, minor, patch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PackageVersion(pub u16, pub u16, pub u16);

impl fmt::Display for PackageVersion {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}.{}.{}", self.0, self.1, self.2)
    }
}

impl FromStr for PackageVersion {
    type Err = String;

    /// Reads `2.0.58`, `2.0`, `2`; a suffix of a pre-release (`2.1.0b1`, `2.1.0.post1`) is passed over.
    fn from_str(text: &str) -> Result<Self, String> {
        let wrong = || format!("`{text}` is no version such as `2.0.58` or `2.0`");
        let mut numbers = [0_u16; 3];
        for (index, part) in text.trim().split('.').take(numbers.len()).enumerate() {
            let digits = part
                .find(|character: char| !character.is_ascii_digit())
                .unwrap_or(part.len());
            if digits == 0 && index == 0 {
                return Err(wrong());
            }
            let suffix = &part[digits..];
            if !suffix
                .chars()
                .all(|character| character.is_ascii_alphanumeric())
            {
                return Err(wrong());
            }
            if digits > 0 {
                numbers[index] = part[..digits].parse().map_err(|_| wrong())?;
            }
            if !suffix.is_empty() || digits == 0 {
                break;
            }
        }
        Ok(Self(numbers[0], numbers[1], numbers[2]))
    }
}

/// Reads a major version of the server: `15`, also `15.4`; 11 to 18.
pub fn postgres_version(text: &str) -> Result<Version, String> {
    let major = text.trim().split('.').next().unwrap_or_default();
    let range = format!("{} to {}", Version::OLDEST.0, Version::NEWEST.0);
    let minor_is_number = text
        .trim()
        .split('.')
        .skip(1)
        .all(|part| part.parse::<u16>().is_ok());
    match major.parse::<u16>() {
        Ok(number)
            if minor_is_number && (Version::OLDEST.0..=Version::NEWEST.0).contains(&number) =>
        {
            Ok(Version(number))
        }
        Ok(_) if minor_is_number => Err(format!(
            "PostgreSQL {text} is not simulated: give a major version, {range}"
        )),
        _ => Err(format!(
            "`{text}` is no major version of PostgreSQL ({range})"
        )),
    }
}

/// The level of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Level {
    /// Not reported.
    Off,
    /// Reported with this severity.
    At(Severity),
}

impl FromStr for Level {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        match text {
            "off" => Ok(Self::Off),
            "note" => Ok(Self::At(Severity::Note)),
            "warning" => Ok(Self::At(Severity::Warning)),
            "error" => Ok(Self::At(Severity::Error)),
            _ => Err(format!(
                "`{text}` is no level: `off`, `note`, `warning` or `error`"
            )),
        }
    }
}

/// Everything that can be set, with its value in force. In files the keys are these names with `-`.
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
    /// The driver.
    pub driver: Driver,
    /// Where the versions and the driver in force come from.
    pub sources: Sources,
    /// A dump of the schema that the first revision finds, relative to the root.
    pub initial_schema: Option<Utf8PathBuf>,
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
            driver: Driver::default(),
            sources: Sources::default(),
            initial_schema: None,
            transaction_per_migration: None,
            start_after: Vec::new(),
            accept_explained_downgrade: true,
        }
    }
}

/// What a command line sets; it wins over a file.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Overrides {
    pub postgres_version: Option<Version>,
    pub alembic_version: Option<PackageVersion>,
    pub sqlalchemy_version: Option<PackageVersion>,
    pub driver: Option<Driver>,
    pub transaction_per_migration: Option<bool>,
    pub start_after: Option<Vec<String>>,
    pub accept_explained_downgrade: Option<bool>,
    pub levels: Vec<(String, Level)>,
}

impl Config {
    /// The same with what the command line says.
    #[must_use]
    pub fn with(mut self, overrides: &Overrides) -> Self {
        if let Some(version) = overrides.postgres_version {
            self.postgres_version = version;
            self.sources.postgres = Some("--postgres-version".to_owned());
        }
        if let Some(version) = overrides.alembic_version {
            self.alembic_version = version;
            self.sources.alembic = Some("--alembic-version".to_owned());
        }
        if let Some(version) = overrides.sqlalchemy_version {
            self.sqlalchemy_version = version;
            self.sources.sqlalchemy = Some("--sqlalchemy-version".to_owned());
        }
        if let Some(driver) = overrides.driver {
            self.driver = driver;
            self.sources.driver = Some("--driver".to_owned());
        }
        if overrides.transaction_per_migration.is_some() {
            self.transaction_per_migration = overrides.transaction_per_migration;
        }
        if let Some(start_after) = &overrides.start_after {
            self.start_after.clone_from(start_after);
        }
        if let Some(accept) = overrides.accept_explained_downgrade {
            self.accept_explained_downgrade = accept;
        }
        self.levels.extend(overrides.levels.iter().cloned());
        self
    }

    /// The severity of a rule's diagnostics, from its default level; `None`: not reported.
    pub fn severity(&self, rule: &str, default: Level) -> Option<Severity> {
        match self.levels.get(rule).copied().unwrap_or(default) {
            Level::Off => None,
            Level::At(severity) => Some(severity),
        }
    }
}

/// What is wrong with a configuration file.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{file}:{line}: {message}")]
pub struct ConfigError {
    /// The file, relative to the root.
    pub file: Utf8PathBuf,
    /// Line from 1.
    pub line: u32,
    /// What is wrong and what would be right (lower case, no full stop).
    pub message: String,
}

/// Where a configuration may stand, the first of a folder wins.
const NAMES: [&str; 3] = ["foreshot.toml", ".foreshot.toml", "pyproject.toml"];

/// Finds and reads the configuration of a folder: the nearest at or above it, inside the root. Gives the defaults and no
/// path where there is none. `rules` are the ids that `levels` may name.
pub fn load(
    files: &dyn Files,
    folder: &Utf8Path,
    rules: &[&str],
) -> Result<(Config, Option<Utf8PathBuf>), ConfigError> {
    for above in folder.ancestors().chain([Utf8Path::new("")]) {
        for name in NAMES {
            let path = join(above, name);
            if files.is_file(&path)
                && let Some(config) = load_file(files, &path, rules)?
            {
                return Ok((config, Some(path)));
            }
        }
    }
    Ok((Config::default(), None))
}

/// Reads one configuration file; `None` where it is a `pyproject.toml` without `[tool.foreshot]`.
pub fn load_file(
    files: &dyn Files,
    path: &Utf8Path,
    rules: &[&str],
) -> Result<Option<Config>, ConfigError> {
    let failed = |message: String| ConfigError {
        file: path.to_owned(),
        line: 1,
        message,
    };
    let bytes = files
        .read(path)
        .map_err(|error| failed(error.to_string()))?
        .ok_or_else(|| failed("there is no such file".to_owned()))?;
    read::parse(path, &decode(&bytes).text, rules)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Memory;

    #[test]
    fn versions_as_people_write_them() {
        assert_eq!("2.0.58".parse(), Ok(PackageVersion(2, 0, 58)));
        assert_eq!("2.0".parse(), Ok(PackageVersion(2, 0, 0)));
        assert_eq!("2.1.0b1".parse(), Ok(PackageVersion(2, 1, 0)));
        assert_eq!("1.4.54.post1".parse(), Ok(PackageVersion(1, 4, 54)));
        assert!("two".parse::<PackageVersion>().is_err());
        assert!("2.0-x".parse::<PackageVersion>().is_err());
        assert_eq!(postgres_version("15.4"), Ok(Version(15)));
        assert!(postgres_version("9.6").is_err());
        assert!(postgres_version("x").is_err());
    }

    #[test]
    fn the_nearest_file_wins_and_flags_win_over_it() {
        let files = Memory::new()
            .with("pyproject.toml", "[tool.foreshot]\npostgres-version = 14\n")
            .with("a/pyproject.toml", "[project]\nname = 'x'\n")
            .with(
                "b/foreshot.toml",
                "postgres-version = '16'\nstart-after = 'abc'\n",
            )
            .with(
                "b/pyproject.toml",
                "[tool.foreshot]\npostgres-version = 13\n",
            );
        let at = |folder: &str| load(&files, Utf8Path::new(folder), &[]).expect("read");
        assert_eq!(at("a/versions").0.postgres_version, Version(14));
        let (config, path) = at("b");
        assert_eq!(
            (config.postgres_version, path),
            (Version(16), Some("b/foreshot.toml".into()))
        );
        assert_eq!(config.start_after, ["abc"]);
        let overrides = Overrides {
            postgres_version: Some(Version(11)),
            ..Overrides::default()
        };
        assert_eq!(config.with(&overrides).postgres_version, Version(11));
    }
}
