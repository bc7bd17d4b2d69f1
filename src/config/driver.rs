//! Drivers of PostgreSQL, as far as they decide what comes of a migration.

use std::fmt;
use std::str::FromStr;

use super::PackageVersion;

/// The program that speaks to the server: SQL text passes through it, and it ends transactions in its own way.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Driver {
    /// psycopg 2: text goes to the server as it is; after a COMMIT in the text each statement commits by itself.
    #[default]
    Psycopg2,
    /// psycopg 3: several statements only without parameters; a transaction is opened again after a COMMIT in the text.
    Psycopg,
    /// asyncpg: every text is prepared, so it holds one statement.
    Asyncpg,
    /// pg8000.
    Pg8000,
}

impl Driver {
    /// The package's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Psycopg2 => "psycopg2",
            Self::Psycopg => "psycopg",
            Self::Asyncpg => "asyncpg",
            Self::Pg8000 => "pg8000",
        }
    }

    /// The driver of a distribution, by its normal name: `psycopg2-binary`.
    pub fn of_distribution(name: &str) -> Option<Self> {
        Some(match name {
            "psycopg2" | "psycopg2-binary" | "psycopg2cffi" => Self::Psycopg2,
            "psycopg" | "psycopg-binary" | "psycopg-c" => Self::Psycopg,
            "asyncpg" => Self::Asyncpg,
            "pg8000" => Self::Pg8000,
            _ => return None,
        })
    }

    /// The driver that a database URL names (`postgresql+asyncpg://`); `postgresql://` is the dialect's own default.
    pub fn of_url(url: &str, sqlalchemy: PackageVersion) -> Option<Self> {
        let scheme = url.trim().split_once("://")?.0;
        let (dialect, driver) = scheme.split_once('+').unwrap_or((scheme, ""));
        if !matches!(dialect, "postgresql" | "postgres") {
            return None;
        }
        match driver {
            // SQLAlchemy 2.1 made psycopg 3 the default
            "" if sqlalchemy >= PackageVersion(2, 1, 0) => Some(Self::Psycopg),
            "" => Some(Self::Psycopg2),
            "psycopg_async" => Some(Self::Psycopg),
            other => Self::of_distribution(other),
        }
    }
}

impl fmt::Display for Driver {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(self.name())
    }
}

impl FromStr for Driver {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::of_distribution(&text.trim().to_lowercase().replace('_', "-")).ok_or_else(|| {
            format!("`{text}` is no driver: `psycopg2`, `psycopg` (3), `asyncpg` or `pg8000`")
        })
    }
}

/// Where each version in force comes from, for people (`` `uv.lock`, line 12 ``, `--postgres-version`); `None`: it is
/// foreshot's own default.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
#[allow(missing_docs)]
pub struct Sources {
    pub postgres: Option<String>,
    pub alembic: Option<String>,
    pub sqlalchemy: Option<String>,
    pub driver: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_tells_its_driver() {
        let newer = PackageVersion(2, 1, 0);
        let older = PackageVersion(2, 0, 58);
        let of = Driver::of_url;
        assert_eq!(
            of("postgresql+asyncpg://u@h/d", older),
            Some(Driver::Asyncpg)
        );
        assert_eq!(of("postgresql+psycopg2://", older), Some(Driver::Psycopg2));
        assert_eq!(of("postgresql://u@h/d", older), Some(Driver::Psycopg2));
        assert_eq!(of("postgresql://u@h/d", newer), Some(Driver::Psycopg));
        assert_eq!(of("driver://user:pass@localhost/dbname", older), None);
        assert_eq!(of("sqlite:///x.db", older), None);
        assert_eq!("psycopg2_binary".parse::<Driver>(), Ok(Driver::Psycopg2));
        assert!("mysqlclient".parse::<Driver>().is_err());
    }
}
