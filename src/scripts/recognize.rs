//! Which files are migrations, of which format, and in which order.
//!
//! In: paths of a project, and a look into some of them. Out: folders with their format, and the migrations of each in
//! the order in which their tool runs them.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::{Format, directives};
use crate::files::{Files, decode, join};

/// A folder of migrations.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Folder {
    /// The folder; for formats with a folder a migration the one that holds those.
    pub path: Utf8PathBuf,
    /// Whose it is.
    pub format: Format,
    /// Its SQL files, sorted.
    pub files: Vec<Utf8PathBuf>,
    /// SQL files beside them that the tool would not take, sorted.
    pub others: Vec<Utf8PathBuf>,
}

/// How surely files must look like migrations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Names {
    /// A tool's own names or marks, or numbered files in a folder called after migrations.
    Sure,
    /// Somebody named the folder: numbered files wherever they are.
    Named,
}

/// The files of one migration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Migration {
    /// What names it: the file's name without its ending, or the folder's.
    pub id: String,
    /// The file with the up part.
    pub up: Utf8PathBuf,
    /// The file with the down part, where that is another.
    pub down: Option<Utf8PathBuf>,
    /// The tool runs it again whenever it changes.
    pub repeatable: bool,
}

/// How many files of a folder are looked into for a tool's marks.
const LOOKED_INTO: usize = 3;

/// Finds the folders of migrations among files.
pub fn recognize(files: &dyn Files, paths: &[Utf8PathBuf], names: Names) -> Vec<Folder> {
    let mut folders: BTreeMap<Utf8PathBuf, Vec<&Utf8PathBuf>> = BTreeMap::new();
    let mut nested: BTreeMap<(Utf8PathBuf, Format), Vec<Utf8PathBuf>> = BTreeMap::new();
    for path in paths {
        if path.extension() != Some("sql") {
            continue;
        }
        let folder = path.parent().unwrap_or(Utf8Path::new(""));
        match nested_format(files, path, folder) {
            Some(format) => {
                let above = folder.parent().unwrap_or(Utf8Path::new("")).to_owned();
                nested
                    .entry((above, format))
                    .or_default()
                    .push(path.clone());
            }
            None => folders.entry(folder.to_owned()).or_default().push(path),
        }
    }
    let mut found: Vec<Folder> = nested
        .into_iter()
        .map(|((path, format), mut files)| {
            files.sort();
            Folder {
                path,
                format,
                files,
                others: Vec::new(),
            }
        })
        .collect();
    for (path, own) in folders {
        found.extend(flat(files, path, &own, names));
    }
    found.sort_by(|one, other| (&one.path, one.format).cmp(&(&other.path, other.format)));
    found
}

/// A file of a format that has a folder a migration.
fn nested_format(files: &dyn Files, path: &Utf8Path, folder: &Utf8Path) -> Option<Format> {
    let numbered = folder
        .file_name()
        .is_some_and(|name| name.starts_with(|first: char| first.is_ascii_digit()));
    match path.file_name()? {
        "up.sql" | "down.sql" if numbered && is_of_hasura(files, folder) => Some(Format::Hasura),
        "up.sql" | "down.sql" => Some(Format::Diesel),
        "migration.sql" if numbered => Some(Format::Prisma),
        _ => None,
    }
}

/// Whether a project of Hasura's is above a folder: its `config.yaml` names where the metadata are.
fn is_of_hasura(files: &dyn Files, folder: &Utf8Path) -> bool {
    folder
        .ancestors()
        .take(5)
        .map(|above| join(above, "config.yaml"))
        .find(|config| files.is_file(config))
        .is_some_and(|config| text(files, &config).contains("metadata_directory"))
}

/// The migrations that lie side by side in a folder.
fn flat(
    files: &dyn Files,
    path: Utf8PathBuf,
    own: &[&Utf8PathBuf],
    names: Names,
) -> Option<Folder> {
    let name = |file: &Utf8Path| file.file_name().unwrap_or_default().to_owned();
    let numbered: Vec<&Utf8PathBuf> = own
        .iter()
        .copied()
        .filter(|file| is_numbered(&name(file)))
        .collect();
    let has = |test: fn(&str) -> bool| own.iter().any(|file| test(&name(file)));
    let format = if !numbered.is_empty() && files.is_file(&join(&path, "meta/_journal.json")) {
        Format::Drizzle
    } else if has(is_flyway_version) {
        Format::Flyway
    } else if let Some(format) = numbered
        .iter()
        .take(LOOKED_INTO)
        .find_map(|file| directives::format_of(&text(files, file)))
    {
        format
    } else if has(|name| name.ends_with(".up.sql")) {
        if uses_sqlx(files, &path) {
            Format::Sqlx
        } else {
            Format::GolangMigrate
        }
    } else if own
        .iter()
        .filter(|file| !is_numbered(&name(file)))
        .take(LOOKED_INTO)
        .any(|file| directives::is_liquibase(&text(files, file)))
    {
        Format::Liquibase
    } else if !numbered.is_empty() && (names == Names::Named || is_called_after_migrations(&path)) {
        if uses_sqlx(files, &path) {
            Format::Sqlx
        } else if is_of_supabase(&path) {
            Format::Supabase
        } else if beside(files, &path, "tern.conf") {
            Format::Tern
        } else if beside(files, &path, "yoyo.ini") {
            Format::Yoyo
        } else {
            Format::Plain
        }
    } else {
        return None;
    };
    let taken = |file: &Utf8Path| match format {
        Format::Flyway => flyway(&name(file)).is_some(),
        // by their first line, whatever their names
        Format::Liquibase => true,
        Format::GolangMigrate => {
            name(file).ends_with(".up.sql") || name(file).ends_with(".down.sql")
        }
        _ => is_numbered(&name(file)),
    };
    let (mut mine, mut others): (Vec<Utf8PathBuf>, Vec<Utf8PathBuf>) = own
        .iter()
        .map(|file| (*file).clone())
        .partition(|file| taken(file));
    mine.sort();
    others.sort();
    Some(Folder {
        path,
        format,
        files: mine,
        others,
    })
}

/// Files that somebody named and that are no folder of migrations: taken as they are, in the order of their names.
pub fn fragment(path: Utf8PathBuf, mut files: Vec<Utf8PathBuf>) -> Folder {
    files.sort();
    Folder {
        path,
        format: Format::Plain,
        files,
        others: Vec::new(),
    }
}

fn text(files: &dyn Files, path: &Utf8Path) -> String {
    // what can't be read is reported by the one who reads it for good
    decode(&files.read(path).ok().flatten().unwrap_or_default()).text
}

/// `001_name.sql`, `20240131120000-name.sql`, `1.name.sql`, `42.sql`.
fn is_numbered(name: &str) -> bool {
    let rest = name.trim_start_matches(|c: char| c.is_ascii_digit());
    rest.len() < name.len() && rest.starts_with(['_', '-', '.', ' '])
}

fn is_called_after_migrations(path: &Utf8Path) -> bool {
    path.components()
        .any(|part| part.as_str().to_ascii_lowercase().contains("migrat"))
}

fn is_flyway_version(name: &str) -> bool {
    flyway(name).is_some_and(|(kind, _)| kind == 'V')
}

/// The kind (`V`, `U`, `R`) and the version or description of a name of Flyway's.
fn flyway(name: &str) -> Option<(char, &str)> {
    let stem = name.strip_suffix(".sql")?;
    let kind = stem.chars().next()?;
    let (version, description) = stem.get(1..)?.split_once("__")?;
    match kind {
        'V' | 'U' => {
            let plain = version
                .chars()
                .all(|c| c.is_ascii_digit() || c == '.' || c == '_');
            (plain && version.starts_with(|c: char| c.is_ascii_digit())).then_some((kind, version))
        }
        'R' => version.is_empty().then_some((kind, description)),
        _ => None,
    }
}

fn is_of_supabase(path: &Utf8Path) -> bool {
    let mut last = path.components().rev().map(|part| part.as_str().to_owned());
    last.next().as_deref() == Some("migrations") && last.next().as_deref() == Some("supabase")
}

/// Whether a tool's configuration lies in a folder or in the one above.
fn beside(files: &dyn Files, path: &Utf8Path, name: &str) -> bool {
    path.ancestors()
        .take(2)
        .any(|folder| files.is_file(&join(folder, name)))
}

/// Whether the crate above a folder has sqlx.
fn uses_sqlx(files: &dyn Files, folder: &Utf8Path) -> bool {
    folder
        .ancestors()
        .map(|above| join(above, "Cargo.toml"))
        .find(|manifest| files.is_file(manifest))
        .is_some_and(|manifest| text(files, &manifest).contains("sqlx"))
}

/// The migrations of some files, in the order in which the tool of their format runs them.
pub fn migrations(format: Format, files: &[Utf8PathBuf]) -> Vec<Migration> {
    let mut found: BTreeMap<Key, Migration> = BTreeMap::new();
    let mut downs: Vec<(Key, &Utf8PathBuf)> = Vec::new();
    for file in files {
        let (key, id, direction) = place(format, file);
        match direction {
            Direction::Up { repeatable } => {
                let migration = Migration {
                    id,
                    up: file.clone(),
                    down: None,
                    repeatable,
                };
                found.insert(key, migration);
            }
            Direction::Down => downs.push((key, file)),
        }
    }
    for (key, file) in downs {
        // Flyway pairs by the version alone
        let paired = found.iter_mut().find(|(up, _)| {
            **up == key
                || format == Format::Flyway && (up.group, &up.parts) == (key.group, &key.parts)
        });
        if let Some((_, migration)) = paired {
            migration.down = Some(file.clone());
        }
    }
    let mut migrations: Vec<Migration> = found.into_values().collect();
    tell_equal_ids_apart(&mut migrations);
    migrations
}

/// Two files of different folders may have one name: the folder tells them apart.
fn tell_equal_ids_apart(migrations: &mut [Migration]) {
    let mut seen = BTreeSet::new();
    let twice: BTreeSet<String> = migrations
        .iter()
        .filter(|migration| !seen.insert(migration.id.clone()))
        .map(|migration| migration.id.clone())
        .collect();
    for migration in migrations {
        if twice.contains(&migration.id)
            && let Some(folder) = migration.up.parent().and_then(Utf8Path::file_name)
        {
            migration.id = format!("{folder}/{}", migration.id);
        }
    }
}

/// The version by which a tool knows a migration, where it knows it by less than its name.
pub fn version(format: Format, id: &str) -> Option<String> {
    let digits: String = id.chars().take_while(char::is_ascii_digit).collect();
    let number = || (!digits.is_empty()).then(|| digits.trim_start_matches('0').to_owned());
    match format {
        Format::Flyway => {
            let name = format!("{id}.sql");
            let (kind, version) = flyway(&name).filter(|(kind, _)| *kind == 'V')?;
            let parts = version
                .split(['.', '_'])
                .map(|part| part.trim_start_matches('0'));
            let mut parts: Vec<&str> = parts.collect();
            while parts.len() > 1 && parts.last() == Some(&"") {
                parts.pop();
            }
            Some(format!("{kind}{}", parts.join(".")))
        }
        Format::Dbmate
        | Format::GolangMigrate
        | Format::Goose
        | Format::Sqlx
        | Format::Supabase
        | Format::Tern => number(),
        Format::Plain
        | Format::Diesel
        | Format::Drizzle
        | Format::Hasura
        | Format::Liquibase
        | Format::NodePgMigrate
        | Format::Prisma
        | Format::Rambler
        | Format::SqlMigrate
        | Format::Yoyo => None,
    }
}

enum Direction {
    Up { repeatable: bool },
    Down,
}

/// What migrations are sorted by: parts that are numbers by their value, the path last.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Key {
    group: u8,
    parts: Vec<KeyPart>,
    stem: String,
}

#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum KeyPart {
    Number(u128),
    Text(String),
}

/// Where a file stands in the order, the id of its migration, and its direction.
fn place(format: Format, file: &Utf8Path) -> (Key, String, Direction) {
    let up = Direction::Up { repeatable: false };
    let name = file.file_name().unwrap_or_default();
    let folder = file.parent().unwrap_or(Utf8Path::new(""));
    let stem = name.strip_suffix(".sql").unwrap_or(name);
    let key = |group, parts, stem: &str| Key {
        group,
        parts,
        stem: stem.to_owned(),
    };
    match format {
        Format::Diesel | Format::Hasura | Format::Prisma => {
            let id = folder.file_name().unwrap_or_default();
            let direction = if name == "down.sql" {
                Direction::Down
            } else {
                up
            };
            let parts = vec![KeyPart::Text(id.to_owned())];
            (key(0, parts, folder.as_str()), id.to_owned(), direction)
        }
        Format::Flyway => match flyway(name) {
            Some(('R', description)) => (
                key(1, vec![KeyPart::Text(description.to_owned())], ""),
                stem.to_owned(),
                Direction::Up { repeatable: true },
            ),
            Some((kind, version)) => {
                let mut numbers: Vec<KeyPart> = version
                    .split(['.', '_'])
                    .map(|part| KeyPart::Number(part.parse().unwrap_or(u128::MAX)))
                    .collect();
                while numbers.len() > 1 && numbers.last() == Some(&KeyPart::Number(0)) {
                    numbers.pop();
                }
                let direction = if kind == 'U' { Direction::Down } else { up };
                (key(0, numbers, stem), stem.to_owned(), direction)
            }
            None => (key(2, Vec::new(), stem), stem.to_owned(), up),
        },
        Format::Dbmate | Format::Rambler => {
            let parts = vec![KeyPart::Text(name.to_owned())];
            (key(0, parts, file.as_str()), stem.to_owned(), up)
        }
        Format::Plain
        | Format::Drizzle
        | Format::GolangMigrate
        | Format::Goose
        | Format::Liquibase
        | Format::NodePgMigrate
        | Format::SqlMigrate
        | Format::Sqlx
        | Format::Supabase
        | Format::Tern
        | Format::Yoyo => {
            let down = [".down", ".undo", ".rollback"]
                .iter()
                .find_map(|ending| stem.strip_suffix(ending));
            let id = down.or_else(|| stem.strip_suffix(".up")).unwrap_or(stem);
            let direction = if down.is_some() { Direction::Down } else { up };
            let whole = join(folder, id);
            (
                key(0, natural(id), whole.as_str()),
                id.to_owned(),
                direction,
            )
        }
    }
}

/// Digits by their value, all else as it is.
fn natural(text: &str) -> Vec<KeyPart> {
    let mut parts = Vec::new();
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let digits = first.is_ascii_digit();
        let end = rest
            .find(|c: char| c.is_ascii_digit() != digits)
            .unwrap_or(rest.len());
        let (part, behind) = rest.split_at(end);
        parts.push(match part.parse() {
            Ok(number) if digits => KeyPart::Number(number),
            _ => KeyPart::Text(part.to_owned()),
        });
        rest = behind;
    }
    parts
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Memory;

    fn order(format: Format, names: &[&str]) -> Vec<String> {
        let files: Vec<Utf8PathBuf> = names.iter().map(Utf8PathBuf::from).collect();
        migrations(format, &files)
            .into_iter()
            .map(|migration| match migration.down {
                Some(_) => format!("{}+down", migration.id),
                None => migration.id,
            })
            .collect()
    }

    #[test]
    fn the_order_of_each_tool() {
        assert_eq!(
            order(Format::Plain, &["10_b.sql", "9_a.sql"]),
            ["9_a", "10_b"]
        );
        assert_eq!(
            order(
                Format::GolangMigrate,
                &[
                    "2_b.down.sql",
                    "2_b.up.sql",
                    "10_c.up.sql",
                    "3_lost.down.sql"
                ]
            ),
            ["2_b+down", "10_c"]
        );
        assert_eq!(
            order(
                Format::Flyway,
                &[
                    "R__views.sql",
                    "V10__x.sql",
                    "V1_2__b.sql",
                    "V1.10__c.sql",
                    "U1_2__b.sql",
                    "V2.0__d.sql"
                ]
            ),
            ["V1_2__b+down", "V1.10__c", "V2.0__d", "V10__x", "R__views"]
        );
        assert_eq!(
            order(
                Format::Diesel,
                &["m/2_b/up.sql", "m/10_a/up.sql", "m/2_b/down.sql"]
            ),
            ["10_a", "2_b+down"]
        );
        // dbmate sorts names as text
        assert_eq!(
            order(Format::Dbmate, &["9_a.sql", "10_b.sql"]),
            ["10_b", "9_a"]
        );
    }

    fn formats(files: &Memory, names: Names) -> Vec<(String, Format)> {
        let paths = files.walk(Utf8Path::new(""), false);
        recognize(files, &paths, names)
            .into_iter()
            .map(|folder| (folder.path.into_string(), folder.format))
            .collect()
    }

    #[test]
    fn formats_are_told_from_names_and_marks() {
        let files = Memory::new()
            .with("a/migrations/001_x.sql", "SELECT 1;")
            .with("a/migrations/seed.sql", "SELECT 1;")
            .with("b/1_x.up.sql", "")
            .with("c/V1__x.sql", "")
            .with("d/2024_x/up.sql", "")
            .with("e/20240101_x/migration.sql", "")
            .with("f/001_x.sql", "-- +goose Up\n")
            .with("g/001_x.sql", "-- migrate:up\n")
            .with("h/001_x.sql", "A;\n-- Down Migration\n")
            .with("i/Cargo.toml", "sqlx = \"0.8\"")
            .with("i/migrations/001_x.sql", "")
            .with("queries/001_x.sql", "SELECT 1;")
            .with("queries/y.sql", "SELECT 1;");
        let expected = [
            ("a/migrations", Format::Plain),
            ("b", Format::GolangMigrate),
            ("c", Format::Flyway),
            ("d", Format::Diesel),
            ("e", Format::Prisma),
            ("f", Format::Goose),
            ("g", Format::Dbmate),
            ("h", Format::NodePgMigrate),
            ("i/migrations", Format::Sqlx),
        ];
        let expected: Vec<_> = expected
            .iter()
            .map(|(path, format)| ((*path).to_owned(), *format))
            .collect();
        assert_eq!(formats(&files, Names::Sure), expected);
        assert_eq!(formats(&files, Names::Named).len(), expected.len() + 1);
        let paths = files.walk(Utf8Path::new("a"), false);
        let folder = &recognize(&files, &paths, Names::Sure)[0];
        assert_eq!(folder.others, ["a/migrations/seed.sql"]);
    }
}
