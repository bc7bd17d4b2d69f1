use std::fmt;

use super::*;
use crate::files::Memory;

fn told_by(files: &Memory, folder: &str) -> Versions {
    Finder::new(files).versions(Utf8Path::new(folder))
}

fn shown(versions: &Versions) -> [String; 4] {
    fn one<T: fmt::Display>(told: Option<&Told<T>>) -> String {
        told.map_or_else(
            || "-".to_owned(),
            |told| format!("{} {}", told.value, told.source),
        )
    }
    [
        versions.postgres.as_ref().map_or_else(
            || "-".to_owned(),
            |told| format!("{} {}", told.value.0, told.source),
        ),
        one(versions.alembic.as_ref()),
        one(versions.sqlalchemy.as_ref()),
        one(versions.driver.as_ref()),
    ]
}

#[test]
fn locks_of_all_tools() {
    let package = "[[package]]\nname = \"SQLAlchemy\"\nversion = \"1.4.54\"\n\n[package.dependencies]\nversion = \"9\"\n\n\
        [[package]]\nname = \"alembic\"\nversion = \"1.13.1\"\n[[package]]\nname = \"psycopg2-binary\"\nversion = \"2.9\"\n";
    for name in ["poetry.lock", "uv.lock", "pdm.lock"] {
        let found = told_by(&Memory::new().with(name, package), "a/versions");
        assert_eq!(
            shown(&found),
            [
                "-".to_owned(),
                format!("1.13.1 `{name}`, line 10"),
                format!("1.4.54 `{name}`, line 3"),
                format!("psycopg2 `{name}`, line 13"),
            ]
        );
    }
    let pipfile = "{\n \"default\": {\n  \"sqlalchemy\": {\"version\": \"==2.0.30\"},\n  \"asyncpg\": {\"version\": \"==0.29\"}\n }\n}";
    let found = told_by(&Memory::new().with("Pipfile.lock", pipfile), "");
    assert_eq!(
        shown(&found),
        [
            "-",
            "-",
            "2.0.30 `Pipfile.lock`, line 3",
            "asyncpg `Pipfile.lock`, line 4"
        ]
    );
}

#[test]
fn requirements_pin_or_give_a_range() {
    let of = |line: &str| {
        let found = told_by(&Memory::new().with("requirements.txt", line), "");
        found.sqlalchemy.map(|told| told.value.to_string())
    };
    assert_eq!(of("sqlalchemy==2.0.30 \\\n"), Some("2.0.30".to_owned()));
    assert_eq!(
        of("SQLAlchemy[asyncio]>=1.4,<2.0 ; python_version > '3'"),
        Some("1.4.54".to_owned())
    );
    assert_eq!(of("sqlalchemy~=1.4.0"), Some("1.4.54".to_owned()));
    assert_eq!(of("sqlalchemy>=2"), Some("2.0.58".to_owned()));
    assert_eq!(of("sqlalchemy==1.3.*"), Some("1.3.24".to_owned()));
    assert_eq!(of("sqlalchemy>=2.1.10"), Some("2.1.10".to_owned()));
    assert_eq!(of("sqlalchemy"), None);
    assert_eq!(of("sqlalchemy-utils==0.41"), None);
    assert_eq!(of("# sqlalchemy==1.4.0"), None);
}

#[test]
fn the_nearest_and_surest_file_tells() {
    let files = Memory::new()
        .with("pyproject.toml", "[project]\ndependencies = [\n  'sqlalchemy<2',\n  'alembic',\n  'psycopg[binary]>=3',\n]\n")
        .with("uv.lock", "[[package]]\nname = \"sqlalchemy\"\nversion = \"1.4.50\"\n")
        .with("docker-compose.yml", "services:\n  db:\n    image: postgres:13\n")
        .with("services/a/pyproject.toml", "[tool.poetry.dependencies]\npython = '^3.11'\nalembic = '^1.12'\nasyncpg = '*'\n")
        .with("services/a/docker/compose.yaml", "services:\n  db:\n    image: postgis/postgis:16-3.4\n");
    assert_eq!(
        shown(&told_by(&files, "migrations/versions")),
        [
            "13 `docker-compose.yml`, line 3",
            "-",
            "1.4.50 `uv.lock`, line 3",
            "psycopg `pyproject.toml`, line 5"
        ]
    );
    assert_eq!(
        shown(&told_by(&files, "services/a/migrations")),
        [
            "16 `services/a/docker/compose.yaml`, line 3",
            "1.20.1 `services/a/pyproject.toml`, line 3",
            "1.4.50 `uv.lock`, line 3",
            "asyncpg `services/a/pyproject.toml`, line 4"
        ]
    );
}

#[test]
fn several_drivers_tell_nothing() {
    let both = "asyncpg==0.29\npsycopg2==2.9\n";
    let found = told_by(&Memory::new().with("requirements.txt", both), "");
    assert_eq!(found.driver, None);
}

#[test]
fn what_the_user_sets_stays() {
    let mut config = Config::default();
    config.sources.sqlalchemy = Some("--sqlalchemy-version".to_owned());
    let files = Memory::new().with("requirements.txt", "sqlalchemy==1.4.1\nalembic==1.8.0\n");
    told_by(&files, "").complete(&mut config);
    assert_eq!(config.sqlalchemy_version, PackageVersion(2, 0, 58));
    assert_eq!(config.alembic_version, PackageVersion(1, 8, 0));
    assert_eq!(
        config.sources.alembic.as_deref(),
        Some("`requirements.txt`, line 2")
    );
    assert_eq!(config.sources.postgres, None);
}
