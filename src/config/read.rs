//! TOML to [`Config`]: every key is known or refused with its line and the nearest name that would be right.

use camino::{Utf8Path, Utf8PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{Config, ConfigError, Driver, Level, PackageVersion, postgres_version};
use crate::files::normalize;
use crate::source::SourceFile;

const KEYS: [&str; 9] = [
    "levels",
    "postgres-version",
    "alembic-version",
    "sqlalchemy-version",
    "driver",
    "initial-schema",
    "transaction-per-migration",
    "start-after",
    "accept-explained-downgrade",
];

type Found<'a> = Spanned<DeValue<'a>>;

struct Reader<'a> {
    path: &'a Utf8Path,
    text: &'a str,
}

impl Reader<'_> {
    fn error(&self, offset: usize, message: impl Into<String>) -> ConfigError {
        ConfigError {
            file: self.path.to_owned(),
            line: SourceFile::new(self.path, self.text).line(offset as u32),
            message: message.into(),
        }
    }

    fn wrong(&self, key: &str, value: &Found<'_>, wanted: &str) -> ConfigError {
        let found = value.get_ref().type_str();
        self.error(
            value.span().start,
            format!("`{key}` must be {wanted}, not {found}"),
        )
    }

    fn boolean(&self, key: &str, value: &Found<'_>) -> Result<bool, ConfigError> {
        value
            .get_ref()
            .as_bool()
            .ok_or_else(|| self.wrong(key, value, "`true` or `false`"))
    }

    /// A version: text, or a number (which is read as it is written).
    fn version<T>(
        &self,
        key: &str,
        value: &Found<'_>,
        read: impl Fn(&str) -> Result<T, String>,
    ) -> Result<T, ConfigError> {
        let written = match value.get_ref() {
            DeValue::String(text) => text.to_string(),
            DeValue::Integer(number) => number.as_str().to_owned(),
            DeValue::Float(number) => number.as_str().to_owned(),
            _ => return Err(self.wrong(key, value, "a version")),
        };
        read(&written)
            .map_err(|message| self.error(value.span().start, format!("`{key}`: {message}")))
    }

    /// A path relative to the folder of the configuration, as one relative to the root.
    fn beside(&self, file: &str, value: &Found<'_>) -> Result<Utf8PathBuf, ConfigError> {
        let folder = self.path.parent().unwrap_or(Utf8Path::new(""));
        normalize(&folder.join(file)).ok_or_else(|| {
            self.error(
                value.span().start,
                format!("`{file}` lies outside the project root"),
            )
        })
    }

    fn strings(&self, key: &str, value: &Found<'_>) -> Result<Vec<String>, ConfigError> {
        let wrong = |value: &Found<'_>| self.wrong(key, value, "a string or a list of strings");
        match value.get_ref() {
            DeValue::String(text) => Ok(vec![text.to_string()]),
            DeValue::Array(items) => items
                .iter()
                .map(|item| {
                    item.get_ref()
                        .as_str()
                        .map(ToOwned::to_owned)
                        .ok_or_else(|| wrong(item))
                })
                .collect(),
            _ => Err(wrong(value)),
        }
    }
}

/// Reads a configuration; `None` where a `pyproject.toml` has no `[tool.foreshot]`.
pub(super) fn parse(
    path: &Utf8Path,
    text: &str,
    rules: &[&str],
) -> Result<Option<Config>, ConfigError> {
    let reader = Reader { path, text };
    let whole = DeTable::parse(text).map_err(|error| {
        let offset = error.span().map_or(0, |span| span.start);
        reader.error(
            offset,
            format!("this is no TOML: {}", error.message().replace('\n', ", ")),
        )
    })?;
    let table = whole.get_ref();
    if path.file_name() == Some("pyproject.toml") {
        let inner = get(table, "tool").and_then(|tool| get(tool.get_ref().as_table()?, "foreshot"));
        let Some(section) = inner else {
            return Ok(None);
        };
        let Some(section_table) = section.get_ref().as_table() else {
            return Err(reader.wrong("tool.foreshot", section, "a table"));
        };
        return read_table(&reader, section_table, rules).map(Some);
    }
    read_table(&reader, table, rules).map(Some)
}

fn get<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a Found<'i>> {
    table
        .iter()
        .find(|(key, _)| key.get_ref() == name)
        .map(|(_, value)| value)
}

fn read_table(
    reader: &Reader<'_>,
    table: &DeTable<'_>,
    rules: &[&str],
) -> Result<Config, ConfigError> {
    let mut config = Config::default();
    // in the order of the file, so that the first mistake is the one that is told
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let name: &str = key.get_ref();
        let source = || Some(format!("`{}`", reader.path));
        match name {
            "levels" => read_levels(reader, value, rules, &mut config)?,
            "postgres-version" => {
                config.postgres_version = reader.version(name, value, postgres_version)?;
                config.sources.postgres = source();
            }
            "alembic-version" => {
                config.alembic_version =
                    reader.version(name, value, str::parse::<PackageVersion>)?;
                config.sources.alembic = source();
            }
            "sqlalchemy-version" => {
                config.sqlalchemy_version =
                    reader.version(name, value, str::parse::<PackageVersion>)?;
                config.sources.sqlalchemy = source();
            }
            "driver" => {
                config.driver = reader.version(name, value, str::parse::<Driver>)?;
                config.sources.driver = source();
            }
            "initial-schema" => {
                let Some(file) = value.get_ref().as_str() else {
                    return Err(reader.wrong(name, value, "a file's path"));
                };
                config.initial_schema = Some(reader.beside(file, value)?);
            }
            "transaction-per-migration" => {
                config.transaction_per_migration = Some(reader.boolean(name, value)?);
            }
            "start-after" => config.start_after = reader.strings(name, value)?,
            "accept-explained-downgrade" => {
                config.accept_explained_downgrade = reader.boolean(name, value)?;
            }
            unknown => {
                let message = format!("unknown key `{unknown}`{}", suggestion(unknown, &KEYS));
                return Err(reader.error(key.span().start, message));
            }
        }
    }
    Ok(config)
}

fn read_levels(
    reader: &Reader<'_>,
    value: &Found<'_>,
    rules: &[&str],
    config: &mut Config,
) -> Result<(), ConfigError> {
    let Some(table) = value.get_ref().as_table() else {
        return Err(reader.wrong("levels", value, "a table of rule ids and levels"));
    };
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let rule: &str = key.get_ref();
        if !rules.contains(&rule) {
            let message = format!("unknown rule `{rule}`{}", suggestion(rule, rules));
            return Err(reader.error(key.span().start, message));
        }
        let Some(text) = value.get_ref().as_str() else {
            return Err(reader.wrong(&format!("levels.{rule}"), value, "a level in quotes"));
        };
        let level: Level = text
            .parse()
            .map_err(|message: String| reader.error(value.span().start, message))?;
        config.levels.insert(rule.to_owned(), level);
    }
    Ok(())
}

/// `: did you mean ...?`, or the list of what there is.
fn suggestion(wrong: &str, known: &[&str]) -> String {
    match nearest(wrong, known) {
        Some(name) => format!(": did you mean `{name}`?"),
        None if known.is_empty() => String::new(),
        None => format!(": known are `{}`", known.join("`, `")),
    }
}

/// The name that is most like another, if one is like it at all.
pub(crate) fn nearest<'a>(wrong: &str, known: &[&'a str]) -> Option<&'a str> {
    let plain = wrong.replace('_', "-").to_lowercase();
    known
        .iter()
        .map(|name| (distance(&plain, name), *name))
        .filter(|(distance, name)| *distance <= name.chars().count().max(3) / 3)
        .min()
        .map(|(_, name)| name)
}

/// Levenshtein's distance.
fn distance(one: &str, other: &str) -> usize {
    // names are short; a long key is not like any of them
    if one.len() > 80 {
        return usize::MAX;
    }
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (index, left) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = index + 1;
        for (column, right) in other.iter().enumerate() {
            let cost = diagonal + usize::from(left != *right);
            diagonal = row[column + 1];
            row[column + 1] = cost.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[other.len()]
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnostic::Severity;
    use crate::postgres::Version;

    fn read(text: &str) -> Result<Config, ConfigError> {
        let rules = ["missing-guard", "missing-downgrade"];
        parse(Utf8Path::new("foreshot.toml"), text, &rules).map(Option::unwrap_or_default)
    }

    fn refusal(text: &str) -> String {
        read(text).expect_err("refused").to_string()
    }

    #[test]
    fn every_key() {
        let config = read(
            "postgres-version = 15\nalembic-version = \"1.13\"\nsqlalchemy-version = 2.0\n\
             driver = 'asyncpg'\ninitial-schema = 'db/schema.sql'\ntransaction-per-migration = true\nstart-after = ['a', 'b']\naccept-explained-downgrade = false\n\
             [levels]\nmissing-guard = 'off'\nmissing-downgrade = 'note'\n",
        )
        .expect("well formed");
        assert_eq!(config.postgres_version, Version(15));
        assert_eq!(config.alembic_version, PackageVersion(1, 13, 0));
        assert_eq!(config.sqlalchemy_version, PackageVersion(2, 0, 0));
        assert_eq!(config.driver, Driver::Asyncpg);
        assert_eq!(config.sources.driver.as_deref(), Some("`foreshot.toml`"));
        assert_eq!(
            config.initial_schema.as_deref(),
            Some(Utf8Path::new("db/schema.sql"))
        );
        assert_eq!(config.transaction_per_migration, Some(true));
        assert_eq!(config.start_after, ["a", "b"]);
        assert!(!config.accept_explained_downgrade);
        assert_eq!(
            config.severity("missing-guard", Level::At(Severity::Error)),
            None
        );
        assert_eq!(
            config.severity("missing-downgrade", Level::Off),
            Some(Severity::Note)
        );
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_the_nearest_name() {
        assert_eq!(
            refusal("# x\npostgres_version = 15\n"),
            "foreshot.toml:2: unknown key `postgres_version`: did you mean `postgres-version`?"
        );
        assert_eq!(
            refusal("[levels]\nmissing-gard = 'off'\n"),
            "foreshot.toml:2: unknown rule `missing-gard`: did you mean `missing-guard`?"
        );
        assert_eq!(
            refusal("[levels]\n\nmissing-guard = 'fatal'\n"),
            "foreshot.toml:3: `fatal` is no level: `off`, `note`, `warning` or `error`"
        );
        assert_eq!(
            refusal("transaction-per-migration = 1\n"),
            "foreshot.toml:1: `transaction-per-migration` must be `true` or `false`, not integer"
        );
        assert!(refusal("postgres-version = 9\n").contains("11 to 18"));
        assert!(refusal("a = 1\nb = [\n").starts_with("foreshot.toml:"));
        assert!(refusal("zzz = 1\n").contains("known are `levels`"));
    }
}
