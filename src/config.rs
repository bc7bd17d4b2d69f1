//! What the user may set: one struct for `foreshot.toml`, `[tool.foreshot]` and flags. Every default is here.

mod driver;
mod keys;
mod read;
mod selection;

pub use driver::{Driver, Sources};
pub use keys::{KEYS, Key, Kind, schema};
pub(crate) use read::nearest;
pub use selection::{ALL, FileLevels, Patterns};

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::str::FromStr;

use camino::{Utf8Path, Utf8PathBuf};

use crate::diagnostic::{RuleInfo, Severity};
use crate::files::{FileError, Files, decode, join};
use crate::limits::Limits;
use crate::postgres::Version;
use crate::scripts::{Format, Sending};

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

/// The level of a rule; a higher one is more severe.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
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

impl fmt::Display for Level {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(match self {
            Self::Off => "off",
            Self::At(severity) => severity.word(),
        })
    }
}

/// Everything that can be set, with its value in force. In files the keys are these names with `-`. Paths are relative to
/// the project's root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Level of a rule by its id or a tag; a rule that is not here has its own default.
    pub levels: BTreeMap<String, Level>,
    /// The same for some files; the last that says something of a rule wins.
    pub per_file_levels: Vec<FileLevels>,
    /// Rules and tags that are reported; none: all that are on by default.
    pub select: Vec<String>,
    /// Rules and tags that are not reported.
    pub ignore: Vec<String>,
    /// Files on which nothing is reported.
    pub exclude: Patterns,
    /// What is checked where no path is named.
    pub database: Vec<Utf8PathBuf>,
    /// An SQL file with the schema on which the first revision stands.
    pub initial_schema: Option<Utf8PathBuf>,
    /// Whether migrations must survive a second run; `None`: Alembic's must.
    pub rerunnable: Option<bool>,
    /// Whether a suppression has to say why.
    pub require_reason: bool,
    /// The file of findings that are accepted for now.
    pub baseline: Option<Utf8PathBuf>,
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
    /// Whether each revision of a command has a transaction of its own; `None`: as `env.py` says.
    pub transaction_per_migration: Option<bool>,
    /// Released heads: these revisions and their ancestors are replayed, not reported.
    pub start_after: Vec<String>,
    /// Whether a docstring, a comment or a `raise` makes a missing downgrade a choice.
    pub accept_explained_downgrade: bool,
    /// Bounds.
    pub limits: Limits,
    /// Folders of SQL files, in the order of the file.
    pub sql: Vec<SqlSettings>,
    /// Where a value comes from, by its key (`levels.missing-guard`); what is not here is a default.
    pub origins: BTreeMap<String, Origin>,
}

/// An entry `[[sql]]`: a folder of SQL files.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlSettings {
    /// The folder, or one file, relative to the project's root.
    pub path: Utf8PathBuf,
    /// Whose format it is; `None`: told from the files.
    pub format: Option<Format>,
    /// How the files are sent; `None`: as their tool does.
    pub transaction: Option<Sending>,
    /// Whether they must run twice; `None`: as the key of the whole says.
    pub rerunnable: Option<bool>,
}

/// Where a value comes from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// A line of a file.
    File(Utf8PathBuf, u32),
    /// The command line.
    CommandLine,
}

impl fmt::Display for Origin {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path, line) => write!(formatter, "{path}:{line}"),
            Self::CommandLine => formatter.write_str("command line"),
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            levels: BTreeMap::new(),
            per_file_levels: Vec::new(),
            select: Vec::new(),
            ignore: Vec::new(),
            exclude: Patterns::default(),
            database: Vec::new(),
            initial_schema: None,
            rerunnable: None,
            require_reason: true,
            baseline: None,
            postgres_version: Version::default(),
            alembic_version: PackageVersion(1, 20, 1),
            sqlalchemy_version: PackageVersion(2, 0, 58),
            driver: Driver::default(),
            sources: Sources::default(),
            transaction_per_migration: None,
            start_after: Vec::new(),
            accept_explained_downgrade: true,
            limits: Limits::default(),
            origins: BTreeMap::new(),
            sql: Vec::new(),
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
    pub select: Option<Vec<String>>,
    pub ignore: Option<Vec<String>>,
}

impl Config {
    /// The same with what the command line says.
    #[must_use]
    pub fn with(mut self, overrides: &Overrides) -> Self {
        if let Some(version) = overrides.postgres_version {
            self.postgres_version = version;
            self.told("postgres-version");
            self.sources.postgres = Some("--postgres-version".to_owned());
        }
        if let Some(version) = overrides.alembic_version {
            self.alembic_version = version;
            self.told("alembic-version");
            self.sources.alembic = Some("--alembic-version".to_owned());
        }
        if let Some(version) = overrides.sqlalchemy_version {
            self.sqlalchemy_version = version;
            self.told("sqlalchemy-version");
            self.sources.sqlalchemy = Some("--sqlalchemy-version".to_owned());
        }
        if let Some(driver) = overrides.driver {
            self.driver = driver;
            self.told("driver");
            self.sources.driver = Some("--driver".to_owned());
        }
        if overrides.transaction_per_migration.is_some() {
            self.transaction_per_migration = overrides.transaction_per_migration;
            self.told("transaction-per-migration");
        }
        if let Some(start_after) = &overrides.start_after {
            self.start_after.clone_from(start_after);
            self.told("start-after");
        }
        if let Some(accept) = overrides.accept_explained_downgrade {
            self.accept_explained_downgrade = accept;
            self.told("accept-explained-downgrade");
        }
        if let Some(select) = &overrides.select {
            self.select.clone_from(select);
            self.told("select");
        }
        if let Some(ignore) = &overrides.ignore {
            self.ignore.clone_from(ignore);
            self.told("ignore");
        }
        for (rule, level) in &overrides.levels {
            self.levels.insert(rule.clone(), *level);
            self.told(&format!("levels.{rule}"));
        }
        self
    }

    fn told(&mut self, key: &str) {
        self.origins.insert(key.to_owned(), Origin::CommandLine);
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

/// Most files of which each extends the next.
const MOST_EXTENDED: usize = 16;

/// Reads configuration files.
#[derive(Clone, Copy)]
pub struct Loader<'a> {
    /// Where they are.
    pub files: &'a dyn Files,
    /// The project's root in there; empty where they are the project's own files. Outside of it only what the user names,
    /// and what that extends, is read.
    pub root: &'a Utf8Path,
    /// The rules that they may name.
    pub rules: &'a [RuleInfo],
}

/// A configuration and the file that it is from, where there is one.
pub type Loaded = (Config, Option<Utf8PathBuf>);

impl Loader<'_> {
    /// Finds and reads the configuration of a folder: the nearest at or above it. Gives the defaults and no path where there
    /// is none.
    pub fn nearest(&self, folder: &Utf8Path) -> Result<Loaded, ConfigError> {
        for above in folder.ancestors().chain([Utf8Path::new("")]) {
            for name in NAMES {
                let path = join(above, name);
                if self.files.is_file(&path)
                    && let Some(config) = self.file(&path)?
                {
                    return Ok((config, Some(path)));
                }
            }
        }
        Ok((Config::default(), None))
    }

    /// Reads one configuration file, and those that it extends; `None` where it is a `pyproject.toml` without
    /// `[tool.foreshot]`.
    pub fn file(&self, path: &Utf8Path) -> Result<Option<Config>, ConfigError> {
        self.extended(path, &mut BTreeSet::new())
    }

    fn extended(
        &self,
        path: &Utf8Path,
        seen: &mut BTreeSet<Utf8PathBuf>,
    ) -> Result<Option<Config>, ConfigError> {
        let failed = |message: String| ConfigError {
            file: path.to_owned(),
            line: 1,
            message,
        };
        let bytes = self
            .files
            .read(path)
            .map_err(|error| {
                failed(match error {
                    FileError::Io { message, .. } => format!("it can't be read: {message}"),
                    other => other.to_string(),
                })
            })?
            .ok_or_else(|| failed("there is no such file".to_owned()))?;
        seen.insert(path.to_owned());
        let text = decode(&bytes).text;
        read::parse(self, path, &text, &mut |parent| {
            if seen.contains(parent) {
                return Err("it extends itself".to_owned());
            }
            if seen.len() >= MOST_EXTENDED {
                return Err(format!(
                    "more than {MOST_EXTENDED} files extend each other: put what they say into fewer"
                ));
            }
            match self.files.read(parent) {
                Err(error) => return Err(error.to_string()),
                Ok(None) => return Err(format!("there is no file `{parent}`")),
                Ok(Some(_)) => {}
            }
            // what is wrong in there is told with its own file and line
            self.extended(parent, seen)
                .map(Option::unwrap_or_default)
                .map_err(|error| error.to_string())
        })
    }

    /// A folder of `files`, seen from the project's root; what lies outside counts as the root itself.
    fn in_project(&self, folder: &Utf8Path) -> Utf8PathBuf {
        folder
            .strip_prefix(self.root)
            .map(Utf8Path::to_owned)
            .unwrap_or_default()
    }
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
        let loader = Loader {
            files: &files,
            root: Utf8Path::new(""),
            rules: &[],
        };
        let at = |folder: &str| loader.nearest(Utf8Path::new(folder)).expect("read");
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

    #[test]
    fn a_file_may_extend_another_of_the_project() {
        let files = Memory::new()
            .with(
                "shared/base.toml",
                "postgres-version = 14\nrequire-reason = false\nexclude = ['x/']\n",
            )
            .with(
                "a/foreshot.toml",
                "extend = '../shared/base.toml'\npostgres-version = 16\n",
            )
            .with("b/foreshot.toml", "extend = '../../out.toml'\n")
            .with("c/foreshot.toml", "\nextend = 'foreshot.toml'\n")
            .with("d/foreshot.toml", "extend = '../e.toml'\n")
            .with("e.toml", "\nno-key = 1\n");
        let loader = Loader {
            files: &files,
            root: Utf8Path::new(""),
            rules: &[],
        };
        let at = |folder: &str| loader.nearest(Utf8Path::new(folder));
        let (config, _) = at("a").expect("read");
        assert_eq!(config.postgres_version, Version(16));
        assert!(!config.require_reason);
        assert_eq!(
            config.origins["require-reason"],
            Origin::File("shared/base.toml".into(), 2)
        );
        // patterns are about the folder of the file in which they stand
        assert!(config.exclude.mean(Utf8Path::new("shared/x/a.py")));
        assert!(!config.exclude.mean(Utf8Path::new("a/x/a.py")));
        let refusal = |folder: &str| at(folder).expect_err("refused").to_string();
        assert_eq!(
            refusal("b"),
            "b/foreshot.toml:1: `extend` leads out of the project"
        );
        assert_eq!(
            refusal("c"),
            "c/foreshot.toml:2: `extend`: it extends itself"
        );
        assert!(refusal("d").contains("e.toml:2: unknown key `no-key`"));
    }
}
