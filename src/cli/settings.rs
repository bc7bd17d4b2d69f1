//! `foreshot config`: what is in force and where each value comes from, and the schema of the file.

use std::fmt::Write;

use super::{ConfigArguments, Failure, output, run};
use crate::config::{Config, KEYS, Origin, schema};
use crate::limits::BOUNDS;

pub(super) fn config(arguments: &ConfigArguments) -> Result<u8, Failure> {
    if arguments.schema {
        let mut text =
            serde_json::to_string_pretty(&schema(&run::rules())).map_err(|_| Failure::Internal)?;
        text.push('\n');
        output::print(&text)?;
        return Ok(0);
    }
    let (config, file) = run::configured(&arguments.input)?;
    let mut out = match file {
        Some(file) => format!("# {file}\n"),
        None => {
            "# no configuration file: all values are defaults or from the command line\n".to_owned()
        }
    };
    out.push_str(&in_force(&config));
    output::print(&out)?;
    Ok(0)
}

/// All keys as TOML that could stand in a file, with where each comes from.
fn in_force(config: &Config) -> String {
    let origin = |key: &str| {
        let origin = config.origins.get(key).map(Origin::to_string);
        origin.unwrap_or_else(|| "default".to_owned())
    };
    let mut out = String::new();
    let mut tables = String::new();
    for key in KEYS {
        match key.name {
            "levels" => {
                if !config.levels.is_empty() {
                    tables.push_str("\n[levels]\n");
                }
                for (rule, level) in &config.levels {
                    let from = origin(&format!("levels.{rule}"));
                    let _ = writeln!(tables, "{rule} = \"{level}\"  # {from}");
                }
            }
            "per-file-levels" => {
                for entry in &config.per_file_levels {
                    let pattern = entry.files.lines().join(" ");
                    let _ = writeln!(
                        tables,
                        "\n[per-file-levels.{}]  # {}",
                        quoted(&pattern),
                        origin(key.name)
                    );
                    for (rule, level) in &entry.levels {
                        let _ = writeln!(tables, "{rule} = \"{level}\"");
                    }
                }
            }
            "limits" => {
                tables.push_str("\n[limits]\n");
                for bound in &BOUNDS {
                    let from = origin(&format!("limits.{}", bound.key));
                    let number = config.limits.of(bound.limit);
                    let _ = writeln!(tables, "{} = {number}  # {from}", bound.key);
                }
            }
            // what it brought stands with its own file
            "extend" => {}
            name => {
                let from = origin(name);
                let _ = match value(config, name) {
                    Some(value) => writeln!(out, "{name} = {value}  # {from}"),
                    None => writeln!(out, "# {name}: {} (default)", key.default),
                };
            }
        }
    }
    out + &tables
}

/// The value of a key as TOML; `None` where it is not set and has no value by default.
fn value(config: &Config, key: &str) -> Option<String> {
    let list = |names: &[String]| {
        let names: Vec<String> = names.iter().map(|name| quoted(name)).collect();
        (!names.is_empty()).then(|| format!("[{}]", names.join(", ")))
    };
    let path = |path: &Option<camino::Utf8PathBuf>| path.as_ref().map(|path| quoted(path.as_str()));
    match key {
        "accept-explained-downgrade" => Some(config.accept_explained_downgrade.to_string()),
        "alembic-version" => Some(quoted(&config.alembic_version.to_string())),
        "baseline" => path(&config.baseline),
        "database" => {
            let names: Vec<String> = config.database.iter().map(ToString::to_string).collect();
            list(&names)
        }
        "driver" => Some(quoted(&config.driver.to_string())),
        "exclude" => list(config.exclude.lines()),
        "ignore" => list(&config.ignore),
        "initial-schema" => path(&config.initial_schema),
        "postgres-version" => Some(config.postgres_version.0.to_string()),
        "require-reason" => Some(config.require_reason.to_string()),
        "rerunnable" => config.rerunnable.map(|value| value.to_string()),
        "select" => list(&config.select),
        "sqlalchemy-version" => Some(quoted(&config.sqlalchemy_version.to_string())),
        "start-after" => list(&config.start_after),
        "transaction-per-migration" => config
            .transaction_per_migration
            .map(|value| value.to_string()),
        _ => None,
    }
}

/// Text as a TOML string: JSON's escapes are TOML's too.
fn quoted(text: &str) -> String {
    serde_json::to_string(text).unwrap_or_default()
}
