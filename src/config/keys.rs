//! The keys of a configuration file: one table from which come the reader's list, the JSON schema, `foreshot init` and
//! `foreshot config`.

use serde_json::{Map, Value, json};

use crate::diagnostic::RuleInfo;
use crate::limits::BOUNDS;
use crate::scripts::FORMATS;

/// What may stand as a key's value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A version, as text or number.
    Version,
    /// The name of a driver.
    Driver,
    /// A path.
    Path,
    /// Text, or a list of texts.
    Strings,
    /// Ids of rules and tags.
    Rules,
    /// A table of rule or tag and level.
    Levels,
    /// A table of bound and number.
    Limits,
    /// A table of pattern and such a table.
    LevelsByFile,
    /// A list of tables, one a folder of SQL files.
    SqlFolders,
}

/// A key.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// Its name.
    pub name: &'static str,
    /// What may stand there.
    pub kind: Kind,
    /// What it means: a sentence (lower case, no full stop).
    pub meaning: &'static str,
    /// What holds without it, as TOML or in words.
    pub default: &'static str,
    /// An example of a value, as TOML.
    pub example: &'static str,
}

/// All keys, sorted.
pub static KEYS: &[Key] = &[
    Key {
        name: "accept-explained-downgrade",
        kind: Kind::Boolean,
        meaning: "whether a docstring, a comment or a `raise` makes an empty downgrade a choice",
        default: "true",
        example: "false",
    },
    Key {
        name: "alembic-version",
        kind: Kind::Version,
        meaning: "which arguments exist, and since when they work",
        default: "the newest that is known",
        example: "\"1.13.3\"",
    },
    Key {
        name: "baseline",
        kind: Kind::Path,
        meaning: "a file of findings that are accepted for now, as `--write-baseline` writes it",
        default: "none",
        example: "\"foreshot-baseline.json\"",
    },
    Key {
        name: "database",
        kind: Kind::Strings,
        meaning: "folders of the project's databases: what is checked where the command line names no path",
        default: "the working folder",
        example: "[\"services/billing\", \"services/users\"]",
    },
    Key {
        name: "driver",
        kind: Kind::Driver,
        meaning: "the driver of the connection: what several statements in one text and a COMMIT in it come to",
        default: "as the project's files say, else psycopg2",
        example: "\"asyncpg\"",
    },
    Key {
        name: "exclude",
        kind: Kind::Strings,
        meaning: "files on which nothing is reported (they are replayed all the same), as in .gitignore",
        default: "none",
        example: "[\"tests/fixtures/\"]",
    },
    Key {
        name: "extend",
        kind: Kind::Path,
        meaning: "a configuration file to begin with, inside the project; what stands here wins",
        default: "none",
        example: "\"shared/foreshot.toml\"",
    },
    Key {
        name: "ignore",
        kind: Kind::Rules,
        meaning: "rules and tags that are not reported",
        default: "none",
        example: "[\"missing-downgrade\"]",
    },
    Key {
        name: "initial-schema",
        kind: Kind::Path,
        meaning: "an SQL file with the schema on which the first revision stands",
        default: "none",
        example: "\"schema.sql\"",
    },
    Key {
        name: "levels",
        kind: Kind::Levels,
        meaning: "levels of rules and tags: off, note, warning or error",
        default: "each rule's own",
        example: "{ missing-downgrade = \"note\", rerun = \"error\" }",
    },
    Key {
        name: "limits",
        kind: Kind::Limits,
        meaning: "how much of an input is taken in: each of the bounds below",
        default: "each bound's own",
        example: "{ loop-turns = 100000 }",
    },
    Key {
        name: "per-file-levels",
        kind: Kind::LevelsByFile,
        meaning: "levels for some files, by patterns as in .gitignore",
        default: "none",
        example: "{ \"**/versions/2019*\" = { rerun = \"off\" } }",
    },
    Key {
        name: "postgres-version",
        kind: Kind::Version,
        meaning: "major version of the server, 11 to 18",
        default: "17",
        example: "15",
    },
    Key {
        name: "require-reason",
        kind: Kind::Boolean,
        meaning: "whether a comment that accepts a finding has to say why",
        default: "true",
        example: "false",
    },
    Key {
        name: "rerunnable",
        kind: Kind::Boolean,
        meaning: "whether migrations must survive a second run",
        default: "true for Alembic's revisions, false for SQL files",
        example: "false",
    },
    Key {
        name: "select",
        kind: Kind::Rules,
        meaning: "rules and tags that are reported, and no others",
        default: "all that are on by default",
        example: "[\"rerun\", \"rollback\"]",
    },
    Key {
        name: "sql",
        kind: Kind::SqlFolders,
        meaning: "folders of SQL files: path, format, transaction, rerunnable",
        default: "told from the files",
        example: "[{ path = \"db/migrations\", format = \"goose\" }]",
    },
    Key {
        name: "sqlalchemy-version",
        kind: Kind::Version,
        meaning: "what an Inspector remembers, what an Enum emits",
        default: "the newest that is known",
        example: "\"1.4.54\"",
    },
    Key {
        name: "start-after",
        kind: Kind::Strings,
        meaning: "released heads: these revisions and their ancestors are replayed, not reported",
        default: "none",
        example: "[\"3f2a9c1b7d10\"]",
    },
    Key {
        name: "transaction-per-migration",
        kind: Kind::Boolean,
        meaning: "whether each revision of a command has a transaction of its own",
        default: "as env.py says",
        example: "true",
    },
];

/// The names of all keys.
pub(super) fn names() -> Vec<&'static str> {
    KEYS.iter().map(|key| key.name).collect()
}

/// The JSON schema of a configuration file: draft 7, which editors know.
pub fn schema(rules: &[RuleInfo]) -> Value {
    let mut tags: Vec<&str> = rules.iter().flat_map(|rule| rule.tags).copied().collect();
    tags.sort_unstable();
    tags.dedup();
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    let every: Vec<&str> = std::iter::once(super::ALL)
        .chain(ids.iter().copied())
        .chain(tags.iter().copied())
        .collect();
    let mut properties = Map::new();
    for key in KEYS {
        let mut value = schema_of(key.kind);
        if let Some(object) = value.as_object_mut() {
            object.insert(
                "description".to_owned(),
                json!(format!("{} [default: {}]", key.meaning, key.default)),
            );
        }
        properties.insert(key.name.to_owned(), value);
    }
    let named: Map<String, Value> = ids
        .iter()
        .chain(&tags)
        .map(|name| ((*name).to_owned(), json!({"$ref": "#/definitions/level"})))
        .collect();
    let bounds: Map<String, Value> = BOUNDS
        .iter()
        .map(|bound| {
            let description = format!("{} [default: {}]", bound.meaning, bound.default);
            let value = json!({
                "type": "integer",
                "minimum": 1,
                "maximum": bound.most,
                "description": description,
            });
            (bound.key.to_owned(), value)
        })
        .collect();
    json!({
        "$schema": "http://json-schema.org/draft-07/schema#",
        "title": "foreshot.toml",
        "description": "The configuration of foreshot; in pyproject.toml it is the table tool.foreshot",
        "type": "object",
        "properties": properties,
        "additionalProperties": false,
        "definitions": {
            "level": {"type": "string", "enum": ["off", "note", "warning", "error"]},
            "levels": {"type": "object", "properties": named, "additionalProperties": false},
            "limits": {"type": "object", "properties": bounds, "additionalProperties": false},
            "rule": {"type": "string", "enum": every},
            "strings": {"anyOf": [
                {"type": "string"},
                {"type": "array", "items": {"type": "string"}},
            ]},
            "version": {"anyOf": [{"type": "string"}, {"type": "number"}]},
        },
    })
}

fn schema_of(kind: Kind) -> Value {
    // a reference may have nothing beside it in draft 7: it stands in `anyOf`
    let reference = |name: &str| json!({"anyOf": [{"$ref": format!("#/definitions/{name}")}]});
    match kind {
        Kind::Boolean => json!({"type": "boolean"}),
        Kind::Path => json!({"type": "string"}),
        Kind::Driver => {
            json!({"type": "string", "enum": ["psycopg2", "psycopg", "asyncpg", "pg8000"]})
        }
        Kind::Version => reference("version"),
        Kind::Strings => reference("strings"),
        Kind::Levels => reference("levels"),
        Kind::Limits => reference("limits"),
        Kind::Rules => {
            json!({"anyOf": [
                {"$ref": "#/definitions/rule"},
                {"type": "array", "items": {"$ref": "#/definitions/rule"}},
            ]})
        }
        Kind::LevelsByFile => {
            json!({"type": "object", "additionalProperties": {"$ref": "#/definitions/levels"}})
        }
        Kind::SqlFolders => {
            let formats: Vec<&str> = FORMATS.iter().map(|format| format.name).collect();
            json!({"type": "array", "items": {
                "type": "object",
                "properties": {
                    "path": {"type": "string"},
                    "format": {"type": "string", "enum": formats},
                    "transaction": {"type": "string", "enum": ["file", "call", "statement"]},
                    "rerunnable": {"type": "boolean"},
                },
                "required": ["path"],
                "additionalProperties": false,
            }})
        }
    }
}
