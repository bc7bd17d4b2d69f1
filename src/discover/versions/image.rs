//! The server's major version from the names of images: `postgres:15-alpine`, `postgis/postgis:16-3.4`,
//! `pgvector/pgvector:pg16`, `timescale/timescaledb-ha:pg16.2-ts2.14`.

use camino::Utf8Path;

use super::{Told, told};
use crate::postgres::Version;

/// The oldest server that a compose file or Dockerfile starts: what runs there must run on it.
pub(super) fn server(path: &Utf8Path, text: &str) -> Option<Told<Version>> {
    let mut oldest: Option<(Version, usize)> = None;
    for (index, line) in text.lines().enumerate() {
        let Some(version) = image(line).and_then(major) else {
            continue;
        };
        if oldest.is_none_or(|(known, _)| version < known) {
            oldest = Some((version, index + 1));
        }
    }
    oldest.map(|(version, line)| told(version, path, line))
}

/// The image that a line names: `image: "postgres:15"`, `FROM postgres:15 AS db`.
fn image(line: &str) -> Option<&str> {
    let line = line.trim_start();
    let line = line.strip_prefix("- ").unwrap_or(line).trim_start();
    let (key, rest) = line.split_once([':', ' ', '\t'])?;
    let rest = match key {
        "image" | "\"image\"" => rest.trim(),
        _ if key.eq_ignore_ascii_case("from") => rest
            .split_whitespace()
            .find(|word| !word.starts_with("--"))?,
        _ => return None,
    };
    let rest = rest.split(" #").next().unwrap_or(rest).trim();
    Some(rest.trim_matches(['"', '\'']))
}

/// Repositories whose tag begins with the server's version.
const BY_NUMBER: [&str; 4] = ["postgres", "postgresql", "postgis", "postgres-ssl"];

/// The major version of an image that is a PostgreSQL server.
fn major(image: &str) -> Option<Version> {
    let image = with_defaults(image);
    let image = image.split('@').next().unwrap_or_default();
    let name = image.rsplit('/').next().unwrap_or_default();
    let (repository, tag) = name.split_once(':')?;
    let is_server = BY_NUMBER.contains(&repository)
        || repository.starts_with("timescaledb")
        || repository.starts_with("postgresql-")
        || matches!(
            repository,
            "pgvector" | "citus" | "paradedb" | "pgvecto-rs" | "pgroonga"
        );
    if !is_server {
        return None;
    }
    // `pg16` anywhere in the tag; else the number that it begins with, where that is the server's
    let after_pg = tag
        .match_indices("pg")
        .find_map(|(at, _)| number(&tag[at + 2..]));
    let leading = || {
        BY_NUMBER
            .contains(&repository)
            .then(|| number(tag))
            .flatten()
    };
    let version = Version(after_pg.or_else(leading)?);
    (Version::OLDEST..=Version::NEWEST)
        .contains(&version)
        .then_some(version)
}

/// Digits that a text begins with.
fn number(text: &str) -> Option<u16> {
    let text = text.strip_prefix('v').unwrap_or(text);
    let digits = text
        .find(|character: char| !character.is_ascii_digit())
        .unwrap_or(text.len());
    text[..digits].parse().ok()
}

/// `${NAME:-15}` is 15, as it is where nothing sets it; a name without a default is nothing.
fn with_defaults(image: &str) -> String {
    let mut out = String::new();
    let mut rest = image;
    while let Some((before, after)) = rest.split_once("${") {
        out.push_str(before);
        let (inner, behind) = after.split_once('}').unwrap_or((after, ""));
        if let Some((_, default)) = inner.split_once(":-").or_else(|| inner.split_once('-')) {
            out.push_str(default);
        }
        rest = behind;
    }
    out.push_str(rest);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_of_servers_and_others() {
        let of = |image: &str| major(image).map(|version| version.0);
        assert_eq!(of("postgres:15-alpine"), Some(15));
        assert_eq!(of("docker.io/library/postgres:16.2"), Some(16));
        assert_eq!(of("postgis/postgis:16-3.4"), Some(16));
        assert_eq!(of("pgvector/pgvector:pg17"), Some(17));
        assert_eq!(of("pgvector/pgvector:0.8.0-pg16"), Some(16));
        assert_eq!(of("timescale/timescaledb:2.14.2-pg14"), Some(14));
        assert_eq!(of("timescale/timescaledb-ha:pg16.2-ts2.14"), Some(16));
        assert_eq!(of("bitnami/postgresql:15.4.0"), Some(15));
        assert_eq!(of("citusdata/citus:12.1"), None);
        assert_eq!(of("postgres:${PG_VERSION:-13}-alpine"), Some(13));
        assert_eq!(of("postgres@sha256:abc"), None);
        assert_eq!(of("postgres:latest"), None);
        assert_eq!(of("postgres:9.6"), None);
        assert_eq!(of("prom/postgres-exporter:v0.15"), None);
        assert_eq!(of("redis:7"), None);
    }

    #[test]
    fn the_oldest_of_a_file_with_its_line() {
        let text = "services:\n  db:\n    image: \"postgres:16\" # new\n  old:\n    image: postgres:14\n  r:\n    image: redis:7\n";
        let found = server(Utf8Path::new("compose.yaml"), text).expect("a server");
        assert_eq!(
            (found.value, found.source.as_str()),
            (Version(14), "`compose.yaml`, line 5")
        );
        let docker = server(
            Utf8Path::new("Dockerfile"),
            "FROM --platform=linux/amd64 postgres:12 AS db\n",
        );
        assert_eq!(docker.map(|found| found.value), Some(Version(12)));
    }
}
