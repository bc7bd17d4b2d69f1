//! Folders of SQL files: those that the configuration names, those that a tool's names and marks give away, and files
//! that somebody named.

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashSet;

use super::{Database, Finder, SqlFiles, name_of};
use crate::config::SqlSettings;
use crate::files::within;
use crate::scripts::{self, Folder, Names};

impl Finder<'_> {
    /// Adds the folders of SQL files at or below a path, or the one that holds it.
    pub(super) fn sql(&mut self, path: &Utf8Path, is_folder: bool, chosen: &mut Vec<Database>) {
        let named = !path.as_str().is_empty();
        let is_sql = path.extension() == Some("sql");
        if !is_folder && !is_sql {
            return;
        }
        let mut taken: FxHashSet<Utf8PathBuf> = FxHashSet::default();
        for settings in &self.options.sql {
            let concerned = within(&settings.path, path) || within(path, &settings.path);
            if concerned && let Some(database) = self.configured_sql(settings) {
                taken.extend(database.revision_files.iter().cloned());
                chosen.push(database);
            }
        }
        // SQL files below a script directory are what its revisions read, unless a folder of them is named
        let alembic: Vec<Utf8PathBuf> = chosen
            .iter()
            .filter(|database| database.sql.is_none())
            .flat_map(|database| {
                let above = database.script_location.iter();
                above.chain(&database.version_locations).cloned()
            })
            .filter(|folder| !folder.as_str().is_empty())
            .filter(|folder| !(is_folder && folder.as_path() != path && within(path, folder)))
            .collect();
        let mut below = if is_folder {
            self.walk(path)
        } else {
            self.around(path)
        };
        below.retain(|file| {
            let ours = file.extension() == Some("sql") && !taken.contains(file);
            ours && !alembic.iter().any(|folder| within(file, folder))
        });
        let sureness = if named { Names::Named } else { Names::Sure };
        let mut known = taken;
        for folder in scripts::recognize(self.files, &below, sureness) {
            if !is_folder && !folder.files.iter().any(|file| file == path) {
                continue;
            }
            for other in &folder.others {
                if other != path {
                    self.note(Some(other), "its name is none of a migration: not analysed");
                }
            }
            known.extend(folder.files.iter().cloned());
            chosen.push(database(folder, None, false));
        }
        let nothing = chosen
            .iter()
            .all(|database| database.revision_files.is_empty());
        let loose: Vec<Utf8PathBuf> = below
            .into_iter()
            .filter(|file| !known.contains(file))
            .filter(|file| is_folder || file == path)
            .collect();
        // a file that was named, or the files of a folder that was named and holds nothing else
        if named && !loose.is_empty() && (is_sql && !known.contains(path) || is_folder && nothing) {
            let folder = if is_folder {
                path
            } else {
                path.parent().unwrap_or(Utf8Path::new(""))
            };
            let folder = scripts::fragment(folder.to_owned(), loose);
            chosen.push(database(folder, None, true));
        }
    }

    /// The files that a file's tool would run with it: those beside it, or beside its folder.
    fn around(&self, path: &Utf8Path) -> Vec<Utf8PathBuf> {
        let folder = path.parent().unwrap_or(Utf8Path::new(""));
        let nested = matches!(
            path.file_name(),
            Some("up.sql" | "down.sql" | "migration.sql")
        );
        let from = if nested {
            folder.parent().unwrap_or(folder)
        } else {
            folder
        };
        let depth = if nested { 2 } else { 1 };
        self.walk(from)
            .into_iter()
            .filter(|file| {
                file.strip_prefix(from)
                    .is_ok_and(|rest| rest.components().count() == depth)
            })
            .collect()
    }

    fn configured_sql(&mut self, settings: &SqlSettings) -> Option<Database> {
        let files: Vec<Utf8PathBuf> = if self.files.is_file(&settings.path) {
            vec![settings.path.clone()]
        } else {
            self.walk(&settings.path)
                .into_iter()
                .filter(|file| file.extension() == Some("sql"))
                .collect()
        };
        if files.is_empty() {
            self.note(
                Some(&settings.path),
                "`[[sql]]` names it, and it holds no SQL file",
            );
            return None;
        }
        let recognized = scripts::recognize(self.files, &files, Names::Named);
        let format = settings.format.unwrap_or_else(|| {
            recognized
                .first()
                .map_or(scripts::Format::Plain, |folder| folder.format)
        });
        let folder = Folder {
            path: settings.path.clone(),
            format,
            files,
            others: Vec::new(),
        };
        Some(database(folder, Some(settings), false))
    }
}

fn database(folder: Folder, settings: Option<&SqlSettings>, fragment: bool) -> Database {
    Database {
        name: name_of(std::slice::from_ref(&folder.path), None),
        version_locations: vec![folder.path],
        revision_files: folder.files,
        sql: Some(SqlFiles {
            format: folder.format,
            sending: settings.and_then(|settings| settings.transaction),
            rerunnable: settings.and_then(|settings| settings.rerunnable),
            fragment,
        }),
        ..Database::default()
    }
}
