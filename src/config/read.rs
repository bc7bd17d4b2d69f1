//! TOML to [`Config`]: every key is known or refused with its line and the nearest name that would be right.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::{
    ALL, Config, ConfigError, Driver, FileLevels, Level, Loader, Origin, PackageVersion, Patterns,
    SqlSettings, keys, postgres_version,
};
use crate::files::{join, normalize};
use crate::limits::{BOUNDS, Limit};
use crate::scripts::{FORMATS, Format, Sending};
use crate::source::SourceFile;

const SQL_KEYS: [&str; 4] = ["path", "format", "transaction", "rerunnable"];

type Found<'a> = Spanned<DeValue<'a>>;

/// Reads the file of a path that another extends; the error is what is wrong with that.
type Extend<'a> = &'a mut dyn FnMut(&Utf8Path) -> Result<Config, String>;

struct Reader<'a> {
    path: &'a Utf8Path,
    text: &'a str,
    /// The file's folder, seen from the project's root.
    folder: Utf8PathBuf,
    /// What rules, tags and `all` may be called.
    rules: Vec<&'a str>,
}

impl Reader<'_> {
    fn error(&self, offset: usize, message: impl Into<String>) -> ConfigError {
        ConfigError {
            file: self.path.to_owned(),
            line: self.line(offset),
            message: message.into(),
        }
    }

    fn line(&self, offset: usize) -> u32 {
        SourceFile::new(self.path, self.text).line(offset as u32)
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

    fn unknown_rule(&self, offset: usize, name: &str) -> ConfigError {
        let guess = suggestion(name, &self.rules);
        self.error(offset, format!("unknown rule or tag `{name}`{guess}"))
    }

    fn rules(&self, key: &str, value: &Found<'_>) -> Result<Vec<String>, ConfigError> {
        let names = self.strings(key, value)?;
        for (place, name) in names.iter().enumerate() {
            if !self.rules.contains(&name.as_str()) {
                let at = match value.get_ref() {
                    DeValue::Array(items) => items.get(place).map(|item| item.span().start),
                    _ => None,
                };
                return Err(self.unknown_rule(at.unwrap_or(value.span().start), name));
            }
        }
        Ok(names)
    }

    /// A path of the file, seen from the project's root.
    fn inside(&self, key: &str, value: &Found<'_>) -> Result<Utf8PathBuf, ConfigError> {
        match value.get_ref().as_str() {
            Some(path) => self.join(key, value, path),
            None => Err(self.wrong(key, value, "a path")),
        }
    }

    fn join(&self, key: &str, value: &Found<'_>, path: &str) -> Result<Utf8PathBuf, ConfigError> {
        normalize(&join(&self.folder, path)).ok_or_else(|| {
            self.error(
                value.span().start,
                format!("`{key}`: `{path}` leads out of the project"),
            )
        })
    }

    fn patterns(&self, value: &Found<'_>, lines: Vec<String>) -> Result<Patterns, ConfigError> {
        Patterns::new(&self.folder, lines)
            .map_err(|message| self.error(value.span().start, message))
    }
}

/// Reads a configuration; `None` where a `pyproject.toml` has no `[tool.foreshot]`.
pub(super) fn parse(
    loader: &Loader<'_>,
    path: &Utf8Path,
    text: &str,
    extend: Extend<'_>,
) -> Result<Option<Config>, ConfigError> {
    let mut rules: Vec<&str> = loader.rules.iter().map(|rule| rule.id).collect();
    rules.extend(loader.rules.iter().flat_map(|rule| rule.tags));
    rules.push(ALL);
    rules.sort_unstable();
    rules.dedup();
    let reader = Reader {
        path,
        text,
        folder: loader.in_project(path.parent().unwrap_or(Utf8Path::new(""))),
        rules,
    };
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
        return read_table(&reader, section_table, extend).map(Some);
    }
    read_table(&reader, table, extend).map(Some)
}

fn get<'a, 'i>(table: &'a DeTable<'i>, name: &str) -> Option<&'a Found<'i>> {
    table
        .iter()
        .find(|(key, _)| key.get_ref() == name)
        .map(|(_, value)| value)
}

/// The entries of a table in the order of the file, so that the first mistake is the one that is told.
fn in_order<'a, 'i>(table: &'a DeTable<'i>) -> Vec<(&'a str, usize, &'a Found<'i>)> {
    let mut entries: Vec<_> = table
        .iter()
        .map(|(key, value)| (key.get_ref().as_ref(), key.span().start, value))
        .collect();
    entries.sort_by_key(|(_, offset, _)| *offset);
    entries
}

fn read_table(
    reader: &Reader<'_>,
    table: &DeTable<'_>,
    extend: Extend<'_>,
) -> Result<Config, ConfigError> {
    let mut config = match get(table, "extend") {
        Some(value) => read_extended(reader, value, extend)?,
        None => Config::default(),
    };
    for (name, offset, value) in in_order(table) {
        let source = || Some(format!("`{}`", reader.path));
        match name {
            "accept-explained-downgrade" => {
                config.accept_explained_downgrade = reader.boolean(name, value)?;
            }
            "alembic-version" => {
                config.alembic_version =
                    reader.version(name, value, str::parse::<PackageVersion>)?;
                config.sources.alembic = source();
            }
            "baseline" => config.baseline = Some(reader.inside(name, value)?),
            "database" => {
                config.database = reader
                    .strings(name, value)?
                    .iter()
                    .map(|path| reader.join(name, value, path))
                    .collect::<Result<_, _>>()?;
            }
            "exclude" => {
                config.exclude = reader.patterns(value, reader.strings(name, value)?)?;
            }
            "extend" => {}
            "ignore" => config.ignore = reader.rules(name, value)?,
            "levels" => {
                for (rule, line, level) in read_levels(reader, name, value)? {
                    let origin = Origin::File(reader.path.to_owned(), line);
                    config.origins.insert(format!("levels.{rule}"), origin);
                    config.levels.insert(rule, level);
                }
            }
            "limits" => {
                for (limit, line, number) in read_limits(reader, value)? {
                    let origin = Origin::File(reader.path.to_owned(), line);
                    let key = limit.bound().key;
                    config.origins.insert(format!("limits.{key}"), origin);
                    config.limits.set(limit, number);
                }
            }
            "per-file-levels" => config
                .per_file_levels
                .extend(read_file_levels(reader, value)?),
            "postgres-version" => {
                config.postgres_version = reader.version(name, value, postgres_version)?;
                config.sources.postgres = source();
            }
            "require-reason" => config.require_reason = reader.boolean(name, value)?,
            "rerunnable" => config.rerunnable = Some(reader.boolean(name, value)?),
            "select" => config.select = reader.rules(name, value)?,
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
            "start-after" => config.start_after = reader.strings(name, value)?,
            "transaction-per-migration" => {
                config.transaction_per_migration = Some(reader.boolean(name, value)?);
            }
            "sql" => config.sql = read_sql(reader, value)?,
            unknown => {
                let guess = suggestion(unknown, &keys::names());
                return Err(reader.error(offset, format!("unknown key `{unknown}`{guess}")));
            }
        }
        let origin = Origin::File(reader.path.to_owned(), reader.line(offset));
        config.origins.insert(name.to_owned(), origin);
    }
    Ok(config)
}

fn read_extended(
    reader: &Reader<'_>,
    value: &Found<'_>,
    extend: Extend<'_>,
) -> Result<Config, ConfigError> {
    let Some(written) = value.get_ref().as_str() else {
        return Err(reader.wrong("extend", value, "a path"));
    };
    let folder = reader.path.parent().unwrap_or(Utf8Path::new(""));
    let path = normalize(&join(folder, written))
        .ok_or_else(|| reader.error(value.span().start, "`extend` leads out of the project"))?;
    extend(&path)
        .map_err(|message| reader.error(value.span().start, format!("`extend`: {message}")))
}

/// Rule or tag, line and level of each entry.
fn read_levels(
    reader: &Reader<'_>,
    key: &str,
    value: &Found<'_>,
) -> Result<Vec<(String, u32, Level)>, ConfigError> {
    let Some(table) = value.get_ref().as_table() else {
        return Err(reader.wrong(key, value, "a table of rules or tags and levels"));
    };
    let mut levels = Vec::new();
    for (rule, offset, value) in in_order(table) {
        if rule == ALL || !reader.rules.contains(&rule) {
            return Err(reader.unknown_rule(offset, rule));
        }
        let Some(text) = value.get_ref().as_str() else {
            return Err(reader.wrong(&format!("{key}.{rule}"), value, "a level in quotes"));
        };
        let level: Level = text
            .parse()
            .map_err(|message: String| reader.error(value.span().start, message))?;
        levels.push((rule.to_owned(), reader.line(offset), level));
    }
    Ok(levels)
}

/// Bound, line and number of each entry.
fn read_limits(
    reader: &Reader<'_>,
    value: &Found<'_>,
) -> Result<Vec<(Limit, u32, u64)>, ConfigError> {
    let Some(table) = value.get_ref().as_table() else {
        return Err(reader.wrong("limits", value, "a table of bounds and numbers"));
    };
    let mut found = Vec::new();
    for (name, offset, value) in in_order(table) {
        let Some(bound) = BOUNDS.iter().find(|bound| bound.key == name) else {
            let known: Vec<&str> = BOUNDS.iter().map(|bound| bound.key).collect();
            let guess = suggestion(name, &known);
            return Err(reader.error(offset, format!("unknown bound `limits.{name}`{guess}")));
        };
        let DeValue::Integer(written) = value.get_ref() else {
            return Err(reader.wrong(&format!("limits.{name}"), value, "a number"));
        };
        let number = u64::from_str_radix(&written.as_str().replace('_', ""), written.radix())
            .ok()
            .filter(|number| (1..=bound.most).contains(number));
        let Some(number) = number else {
            let most = bound.most;
            return Err(reader.error(
                value.span().start,
                format!("`limits.{name}` must be from 1 to {most}"),
            ));
        };
        found.push((bound.limit, reader.line(offset), number));
    }
    Ok(found)
}

fn read_file_levels(
    reader: &Reader<'_>,
    value: &Found<'_>,
) -> Result<Vec<FileLevels>, ConfigError> {
    let Some(table) = value.get_ref().as_table() else {
        let wanted = "a table of patterns, each with a table of rules or tags and levels";
        return Err(reader.wrong("per-file-levels", value, wanted));
    };
    let mut found = Vec::new();
    for (pattern, _, value) in in_order(table) {
        let levels = read_levels(reader, &format!("per-file-levels.\"{pattern}\""), value)?;
        let levels: BTreeMap<String, Level> = levels
            .into_iter()
            .map(|(rule, _, level)| (rule, level))
            .collect();
        found.push(FileLevels {
            files: reader.patterns(value, vec![pattern.to_owned()])?,
            levels,
        });
    }
    Ok(found)
}

/// Entries `[[sql]]`; their paths are relative to the folder of the file.
fn read_sql(reader: &Reader<'_>, value: &Found<'_>) -> Result<Vec<SqlSettings>, ConfigError> {
    let entries = value
        .get_ref()
        .as_array()
        .ok_or_else(|| reader.wrong("sql", value, "a list of tables `[[sql]]`"))?;
    entries
        .iter()
        .map(|entry| read_sql_entry(reader, entry))
        .collect()
}

fn read_sql_entry(reader: &Reader<'_>, entry: &Found<'_>) -> Result<SqlSettings, ConfigError> {
    let Some(table) = entry.get_ref().as_table() else {
        return Err(reader.wrong("sql", entry, "a list of tables `[[sql]]`"));
    };
    let mut path = None;
    let mut settings = SqlSettings {
        path: Utf8PathBuf::new(),
        format: None,
        transaction: None,
        rerunnable: None,
    };
    let mut entries: Vec<_> = table.iter().collect();
    entries.sort_by_key(|(key, _)| key.span().start);
    for (key, value) in entries {
        let name: &str = key.get_ref();
        let text = || {
            let text = value.get_ref().as_str();
            text.ok_or_else(|| reader.wrong(&format!("sql.{name}"), value, "a string"))
        };
        match name {
            "path" => {
                let folder = reader.path.parent().unwrap_or(Utf8Path::new(""));
                let inside = normalize(&join(folder, text()?)).ok_or_else(|| {
                    let message = "`sql.path` leads out of the project".to_owned();
                    reader.error(value.span().start, message)
                })?;
                path = Some(inside);
            }
            "format" => {
                let name = text()?;
                settings.format = Some(Format::named(name).ok_or_else(|| {
                    let known: Vec<&str> = FORMATS.iter().map(|facts| facts.name).collect();
                    let guess = suggestion(name, &known);
                    let message = format!("`sql.format`: there is no format `{name}`{guess}");
                    reader.error(value.span().start, message)
                })?);
            }
            "transaction" => {
                let name = text()?;
                settings.transaction = Some(Sending::named(name).ok_or_else(|| {
                    let message = format!(
                        "`sql.transaction`: `{name}` is none of `file` (one transaction a file), `call` (the file as one string) \
                         and `statement` (each by itself)"
                    );
                    reader.error(value.span().start, message)
                })?);
            }
            "rerunnable" => settings.rerunnable = Some(reader.boolean("sql.rerunnable", value)?),
            unknown => {
                let message = format!(
                    "unknown key `sql.{unknown}`{}",
                    suggestion(unknown, &SQL_KEYS)
                );
                return Err(reader.error(key.span().start, message));
            }
        }
    }
    settings.path = path.ok_or_else(|| {
        reader.error(
            entry.span().start,
            "`[[sql]]` needs a `path`: the folder of the files",
        )
    })?;
    Ok(settings)
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
    use crate::diagnostic::{RuleInfo, Severity};
    use crate::files::Memory;
    use crate::postgres::Version;

    const RULES: [RuleInfo; 2] = [
        RuleInfo {
            id: "missing-downgrade",
            summary: "",
            tags: &["rollback"],
            category: "",
            default_level: Level::At(Severity::Warning),
            markdown: "",
        },
        RuleInfo {
            id: "missing-guard",
            summary: "",
            tags: &["rerun"],
            category: "",
            default_level: Level::At(Severity::Error),
            markdown: "",
        },
    ];

    fn read(text: &str) -> Result<Config, ConfigError> {
        let files = Memory::new();
        let loader = Loader {
            files: &files,
            root: Utf8Path::new(""),
            rules: &RULES,
        };
        let path = Utf8Path::new("foreshot.toml");
        parse(&loader, path, text, &mut |_| Ok(Config::default())).map(Option::unwrap_or_default)
    }

    fn refusal(text: &str) -> String {
        read(text).expect_err("refused").to_string()
    }

    #[test]
    fn every_key() {
        let config = read(
            "postgres-version = 15\nalembic-version = \"1.13\"\nsqlalchemy-version = 2.0\n\
             driver = 'asyncpg'\ninitial-schema = 'db/schema.sql'\ntransaction-per-migration = true\nstart-after = ['a', 'b']\naccept-explained-downgrade = false\n\
             [levels]\nmissing-guard = 'off'\nrollback = 'note'\n",
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
        assert_eq!(config.levels["missing-guard"], Level::Off);
        assert_eq!(config.levels["rollback"], Level::At(Severity::Note));
        assert_eq!(
            config.origins["levels.missing-guard"],
            Origin::File("foreshot.toml".into(), 10)
        );
        // the table of keys and the reader are about the same keys
        for key in keys::KEYS {
            let text = format!("{} = {}\n", key.name, key.example);
            let config = read(&text).unwrap_or_else(|error| panic!("{text}{error}"));
            let plain = Config {
                origins: BTreeMap::new(),
                ..config.clone()
            };
            assert!(plain != Config::default() || key.name == "extend", "{text}");
            assert!(config.origins.contains_key(key.name), "{text}");
        }
        assert!(keys::KEYS.is_sorted_by_key(|key| key.name));
    }

    #[test]
    fn mistakes_are_told_with_their_line_and_the_nearest_name() {
        assert_eq!(
            refusal("# x\npostgres_version = 15\n"),
            "foreshot.toml:2: unknown key `postgres_version`: did you mean `postgres-version`?"
        );
        assert_eq!(
            refusal("[levels]\nmissing-gard = 'off'\n"),
            "foreshot.toml:2: unknown rule or tag `missing-gard`: did you mean `missing-guard`?"
        );
        assert_eq!(
            refusal("[levels]\n\nmissing-guard = 'fatal'\n"),
            "foreshot.toml:3: `fatal` is no level: `off`, `note`, `warning` or `error`"
        );
        assert_eq!(
            refusal("transaction-per-migration = 1\n"),
            "foreshot.toml:1: `transaction-per-migration` must be `true` or `false`, not integer"
        );
        assert_eq!(
            refusal("select = [\n  'rerun',\n  'rollbak',\n]\n"),
            "foreshot.toml:3: unknown rule or tag `rollbak`: did you mean `rollback`?"
        );
        assert_eq!(
            refusal("[per-file-levels]\n'old/' = { rerum = 'off' }\n"),
            "foreshot.toml:2: unknown rule or tag `rerum`: did you mean `rerun`?"
        );
        assert_eq!(
            refusal("baseline = '../x.json'\n"),
            "foreshot.toml:1: `baseline`: `../x.json` leads out of the project"
        );
        assert_eq!(
            refusal("[limits]\nloop-turn = 5\n"),
            "foreshot.toml:2: unknown bound `limits.loop-turn`: did you mean `loop-turns`?"
        );
        assert_eq!(
            refusal("[limits]\nnesting = 1_000\n"),
            "foreshot.toml:2: `limits.nesting` must be from 1 to 220"
        );
        assert!(refusal("limits.steps = -1\n").contains("must be from 1"));
        assert!(refusal("limits.steps = 'many'\n").contains("must be a number, not string"));
        assert!(refusal("exclude = ['[z-a]']\n").contains("`[z-a]` is no pattern"));
        assert!(refusal("postgres-version = 9\n").contains("11 to 18"));
        assert!(refusal("a = 1\nb = [\n").starts_with("foreshot.toml:"));
        assert!(refusal("zzz = 1\n").contains("known are `accept-explained-downgrade`"));
    }
}
