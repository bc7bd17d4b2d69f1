//! Folders that stand beside each other, one a dialect: those of other dialects never run on PostgreSQL.

use std::collections::BTreeSet;

use camino::{Utf8Path, Utf8PathBuf};

use super::{Database, Note};
use crate::files::within;

/// Words of a folder's name that say PostgreSQL.
const OURS: [&str; 4] = ["pg", "postgres", "postgresql", "psql"];

/// Words of a folder's name that say another dialect.
const OTHERS: [&str; 8] = [
    "mariadb",
    "mssql",
    "mysql",
    "oracle",
    "snowflake",
    "sqlite",
    "sqlite3",
    "sqlserver",
];

/// Leaves away the databases of other dialects whose folder has one of PostgreSQL beside it, unless one was named
/// itself. Gives what to say of them.
pub(super) fn leave_others(databases: &mut Vec<Database>, asked: &[Utf8PathBuf]) -> Vec<Note> {
    let ours: BTreeSet<Utf8PathBuf> = databases
        .iter()
        .flat_map(|database| &database.version_locations)
        .filter(|folder| is_named(folder, &OURS))
        .map(|folder| parent(folder).to_owned())
        .collect();
    let mut notes = Vec::new();
    databases.retain(|database| {
        let folders = &database.version_locations;
        let is_other = |folder: &Utf8PathBuf| {
            is_named(folder, &OTHERS)
                && ours.contains(parent(folder))
                && !asked.iter().any(|path| within(path, folder))
        };
        if folders.is_empty() || !folders.iter().all(is_other) {
            return true;
        }
        notes.extend(folders.iter().map(|folder| Note {
            path: Some(folder.clone()),
            message: "is for another dialect by its name, and PostgreSQL's folder stands beside it: not analysed (name the folder to have it analysed)".to_owned(),
        }));
        false
    });
    notes
}

fn parent(folder: &Utf8Path) -> &Utf8Path {
    folder.parent().unwrap_or(Utf8Path::new(""))
}

fn is_named(folder: &Utf8Path, words: &[&str]) -> bool {
    let name = folder.file_name().unwrap_or_default().to_ascii_lowercase();
    name.split(['-', '_', '.'])
        .any(|word| words.contains(&word))
}
