//! Which files: Alembic's environments under the paths that were asked for, and the revisions of each.
//!
//! In: a read-only view of the project and paths. Out: databases, sorted, each with its revision files and import
//! roots, and notes on what is part of none. Only file names, Alembic's configuration and the starts of lines are
//! looked at here; nothing is interpreted.

mod dialects;
mod group;
mod ini;
mod modules;
mod scan;
mod settings;
mod sql;
pub mod versions;

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashSet;

use crate::config::SqlSettings;
use crate::files::{Files, join, normalize, path_order, within};
use crate::merge::Naming;
use crate::scripts::{Format, Sending};

pub use modules::ProjectModules;
use scan::{Scans, is_loaded_name};
use settings::Settings;

/// What was asked for beside the paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// Section of the ini (`-n`).
    pub name: Option<String>,
    /// The working folder, relative to the root.
    pub working_folder: Utf8PathBuf,
    /// Folders of SQL files that the configuration names, relative to the root.
    pub sql: Vec<SqlSettings>,
}

/// One database: a script directory with its revisions in one graph.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Database {
    /// For messages: the folder of its revisions.
    pub name: String,
    /// The folder of `env.py`.
    pub script_location: Option<Utf8PathBuf>,
    /// `env.py` itself.
    pub env_py: Option<Utf8PathBuf>,
    /// The file that configures it.
    pub ini: Option<Utf8PathBuf>,
    /// The section of that file.
    pub section: Option<String>,
    /// Options of that section by name; `None`: the value can't be known.
    pub options: BTreeMap<String, Option<String>>,
    /// The database URL that its configuration gives.
    pub url: Option<String>,
    /// How its revisions' files are named.
    pub naming: Naming,
    /// Folders of its revisions.
    pub version_locations: Vec<Utf8PathBuf>,
    /// Its revisions, sorted by path.
    pub revision_files: Vec<Utf8PathBuf>,
    /// Folders where imports look, in order.
    pub import_roots: Vec<Utf8PathBuf>,
    /// The files to report on; `None`: all. The others are replayed only.
    pub report_only: Option<BTreeSet<Utf8PathBuf>>,
    /// SQL files, not Alembic's revisions: how they are read.
    pub sql: Option<SqlFiles>,
}

/// How the SQL files of a database are read.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SqlFiles {
    /// Whose they are.
    pub format: Format,
    /// How they are sent, where the configuration says so.
    pub sending: Option<Sending>,
    /// Whether they may run twice, where the configuration says so.
    pub rerunnable: Option<bool>,
    /// What was there before them is not known: single files that somebody named.
    pub fragment: bool,
}

/// Something that a reader should know about what was found (or not analysed).
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Note {
    /// What it is about.
    pub path: Option<Utf8PathBuf>,
    /// Lower case, no full stop.
    pub message: String,
}

/// What there is to analyse.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Discovery {
    /// Sorted by name.
    pub databases: Vec<Database>,
    /// Sorted.
    pub notes: Vec<Note>,
}

/// Why there is nothing to analyse.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum DiscoverError {
    /// A named path that does not exist.
    #[error("there is no file or folder `{0}`")]
    Missing(Utf8PathBuf),
    /// A named path without migrations.
    #[error(
        "no migrations found in `{0}`: name the folder of your revisions, the one with `alembic.ini`, or that of your SQL files \
         (a revision is a Python file that assigns `revision` and `down_revision` at module level)"
    )]
    Nothing(Utf8PathBuf),
    /// No configuration has the section of `-n`.
    #[error("no `alembic.ini` in reach of `{path}` has a section `[{name}]`: see `-n`/`--name`")]
    NoSection {
        /// The path asked for.
        path: Utf8PathBuf,
        /// The section.
        name: String,
    },
}

/// Finds the databases of some paths, relative to the root (the empty path is the root).
pub fn discover(
    files: &dyn Files,
    paths: &[Utf8PathBuf],
    options: &Options,
) -> Result<Discovery, DiscoverError> {
    let mut finder = Finder {
        files,
        options,
        scans: Scans::default(),
        databases: Vec::new(),
        notes: BTreeSet::new(),
    };
    let root = [Utf8PathBuf::new()];
    let paths = if paths.is_empty() { &root } else { paths };
    let mut asked = Vec::with_capacity(paths.len());
    for path in paths {
        let resolved = match files.resolve(path) {
            Some(resolved) => resolved,
            None if path.as_str().is_empty() => Utf8PathBuf::new(),
            None => return Err(DiscoverError::Missing(path.clone())),
        };
        finder.path(&resolved)?;
        asked.push(resolved);
    }
    let mut databases = Vec::new();
    for database in std::mem::take(&mut finder.databases) {
        if database.sql.is_some() {
            databases.push(database);
        } else {
            databases.extend(group::split(files, &mut finder.scans, database));
        }
    }
    finder
        .notes
        .extend(dialects::leave_others(&mut databases, &asked));
    for database in &mut databases {
        database.report_only = report_only(database, &asked);
    }
    databases.sort_by(|a, b| (&a.name, &a.ini).cmp(&(&b.name, &b.ini)));
    Ok(Discovery {
        databases,
        notes: finder.notes.into_iter().collect(),
    })
}

/// The files of a database that the paths ask for, or `None` for all of them.
fn report_only(database: &Database, asked: &[Utf8PathBuf]) -> Option<BTreeSet<Utf8PathBuf>> {
    if asked.iter().any(|path| path.as_str().is_empty()) {
        return None;
    }
    let wanted: BTreeSet<Utf8PathBuf> = database
        .revision_files
        .iter()
        .filter(|file| asked.iter().any(|path| within(file, path)))
        .cloned()
        .collect();
    // a path that holds the configuration and not the revisions (`foreshot check config/`) asks for the whole
    let by_configuration = database
        .ini
        .as_ref()
        .is_some_and(|ini| asked.iter().any(|path| within(ini, path)));
    let all =
        wanted.len() == database.revision_files.len() || (wanted.is_empty() && by_configuration);
    (!all).then_some(wanted)
}

struct Finder<'a> {
    files: &'a dyn Files,
    options: &'a Options,
    scans: Scans,
    databases: Vec<Database>,
    notes: BTreeSet<Note>,
}

impl Finder<'_> {
    fn path(&mut self, path: &Utf8Path) -> Result<(), DiscoverError> {
        let is_folder = path.as_str().is_empty() || self.files.is_dir(path);
        let below = if is_folder {
            self.walk(path)
        } else {
            vec![path.to_owned()]
        };
        let configured = self.configured(path, &below, is_folder);
        if let Some(name) = &self.options.name
            && configured.is_empty()
        {
            return Err(DiscoverError::NoSection {
                path: path.to_owned(),
                name: name.clone(),
            });
        }
        let mut chosen: Vec<Database> = Vec::new();
        for settings in &configured {
            let Some(database) = self.database(settings) else {
                continue;
            };
            let by_configuration = within(&settings.file, path);
            if by_configuration || concerns(&database, path) {
                for problem in &settings.problems {
                    self.note(Some(&settings.file), problem);
                }
                // several inis may configure one script directory, each with another URL
                if !chosen
                    .iter()
                    .any(|other| other.version_locations == database.version_locations)
                {
                    chosen.push(database);
                }
            }
        }
        let candidates: Vec<Utf8PathBuf> = if is_folder {
            below
        } else {
            self.walk(path.parent().unwrap_or(Utf8Path::new("")))
                .into_iter()
                .filter(|file| file.parent() == path.parent())
                .collect()
        };
        self.strays(path, &mut chosen, candidates);
        self.sql(path, is_folder, &mut chosen);
        if !chosen
            .iter()
            .any(|database| !database.revision_files.is_empty())
        {
            // a helper or env.py that was named (a hook names whatever changed) asks for nothing more
            let may_belong = matches!(path.extension(), Some("py" | "sql"));
            if !is_folder && chosen.is_empty() && may_belong {
                self.note(
                    Some(path),
                    "is no migration: nothing is reported on it (what uses it is, where that is named)",
                );
            } else if is_folder || chosen.is_empty() {
                return Err(DiscoverError::Nothing(if path.as_str().is_empty() {
                    ".".into()
                } else {
                    path.to_owned()
                }));
            }
        }
        for database in chosen {
            let known = self.databases.iter().any(|other| {
                other.version_locations == database.version_locations && other.sql == database.sql
            });
            if !known && !database.revision_files.is_empty() {
                self.databases.push(database);
            }
        }
        Ok(())
    }

    fn note(&mut self, path: Option<&Utf8Path>, message: impl Into<String>) {
        self.notes.insert(Note {
            path: path.map(ToOwned::to_owned),
            message: message.into(),
        });
    }

    /// The files below a folder; one that `.gitignore` hides altogether was named on purpose.
    fn walk(&self, folder: &Utf8Path) -> Vec<Utf8PathBuf> {
        let found = self.files.walk(folder, false);
        if found.is_empty() && !folder.as_str().is_empty() {
            return self.files.walk(folder, true);
        }
        found
    }

    /// Alembic environments configured at, below or above a path, in order of their files.
    fn configured(
        &mut self,
        path: &Utf8Path,
        below: &[Utf8PathBuf],
        is_folder: bool,
    ) -> Vec<Settings> {
        let mut files: BTreeSet<Utf8PathBuf> = below
            .iter()
            .filter(|file| {
                settings::is_configuration(file) || (!is_folder && file.extension() == Some("ini"))
            })
            .cloned()
            .collect();
        for folder in path.ancestors().chain([Utf8Path::new("")]) {
            for name in ["alembic.ini", "pyproject.toml"] {
                let file = join(folder, name);
                if self.files.is_file(&file) {
                    files.insert(file);
                }
            }
        }
        for file in &files {
            if let Err(error) = self.files.read(file) {
                self.note(None, format!("not read: {error}"));
            }
        }
        let name = self.options.name.as_deref();
        files
            .iter()
            // pyproject.toml beside an ini only completes it
            .filter(|file| {
                file.file_name() != Some("pyproject.toml")
                    || !files.contains(&join(
                        file.parent().unwrap_or(Utf8Path::new("")),
                        "alembic.ini",
                    ))
            })
            .flat_map(|file| settings::read(self.files, file, name))
            .collect()
    }

    fn package_roots(&self) -> Vec<Utf8PathBuf> {
        let working_folder = &self.options.working_folder;
        vec![
            working_folder.clone(),
            join(working_folder, "src"),
            Utf8PathBuf::new(),
            "src".into(),
        ]
    }

    /// The database of a configuration; `None` where its folders don't exist.
    fn database(&mut self, settings: &Settings) -> Option<Database> {
        let packages = self.package_roots();
        let find = |value: &str| {
            settings::resolve(
                self.files,
                settings,
                value,
                &self.options.working_folder,
                &packages,
            )
        };
        let script_location = match &settings.script_location {
            Some(value) => find(value),
            // Flask-Migrate names none: it is the folder of the ini
            None => self
                .files
                .is_file(&join(&settings.here, "env.py"))
                .then(|| settings.here.clone()),
        };
        let locations: Vec<Utf8PathBuf> = match &settings.version_locations {
            Some(values) => values.iter().filter_map(|value| find(value)).collect(),
            None => script_location
                .iter()
                .map(|folder| join(folder, "versions"))
                .filter(|folder| self.files.is_dir(folder))
                .filter_map(|folder| self.files.resolve(&folder))
                .collect(),
        };
        let leaves = |value: &&String| {
            let plain = value.trim_start_matches('\u{1}').trim_start_matches('/');
            value.starts_with('/') || normalize(&settings.here.join(plain)).is_none()
        };
        let missed: Vec<String> = settings
            .version_locations
            .iter()
            .flatten()
            .filter(|value| find(value).is_none())
            .map(|value| ("version_locations", value))
            .chain(
                settings
                    .prepend_sys_path
                    .iter()
                    .filter(leaves)
                    .filter(|value| find(value).is_none())
                    .map(|value| ("prepend_sys_path", value)),
            )
            .map(|(option, value)| {
                let shown = value.replace('\u{1}', "%(here)s");
                format!("its `{option}` `{shown}` is no folder of this project: not read")
            })
            .collect();
        for message in missed {
            self.note(Some(&settings.file), message);
        }
        if locations.is_empty() && script_location.is_none() {
            if let Some(value) = &settings.script_location {
                let shown = value.replace('\u{1}', "%(here)s");
                self.note(
                    Some(&settings.file),
                    format!(
                        "its `script_location` `{shown}` is no folder of this project: not analysed"
                    ),
                );
            }
            return None;
        }
        let mut revision_files: Vec<Utf8PathBuf> = Vec::new();
        for location in &locations {
            let mut loaded = self.files.walk(location, false);
            loaded.retain(|file| {
                let direct = file.parent() == Some(location.as_path());
                is_loaded_name(file) && (settings.recursive || direct)
            });
            self.scans.prepare(self.files, loaded.iter());
            for file in loaded {
                if self.scans.of(self.files, &file).is_revision {
                    revision_files.push(file);
                } else {
                    self.note(
                        Some(&file),
                        "assigns no `revision` and `down_revision`: part of no root",
                    );
                }
            }
        }
        // one location may lie below another
        revision_files.sort_unstable_by(|one, other| path_order(one, other));
        revision_files.dedup();
        let prepended = settings
            .prepend_sys_path
            .iter()
            .filter_map(|value| find(value))
            .collect();
        Some(self.complete(Database {
            name: name_of(&locations, script_location.as_ref()),
            env_py: self.env_py(script_location.as_deref()),
            script_location,
            ini: Some(settings.file.clone()),
            section: Some(settings.section.clone()),
            options: settings.options.clone(),
            url: settings.url.clone(),
            naming: settings.naming.clone(),
            version_locations: locations,
            revision_files,
            import_roots: prepended,
            report_only: None,
            sql: None,
        }))
    }

    fn env_py(&self, script_location: Option<&Utf8Path>) -> Option<Utf8PathBuf> {
        let path = join(script_location?, "env.py");
        self.files.is_file(&path).then_some(path)
    }

    /// Fills in the import roots after those that are configured: the ini's folder, the working folder, the root, `src`,
    /// and the first folder above the revisions that is no package.
    fn complete(&self, mut database: Database) -> Database {
        let mut roots = std::mem::take(&mut database.import_roots);
        if let Some(ini) = &database.ini {
            roots.push(ini.parent().unwrap_or(Utf8Path::new("")).to_owned());
        }
        let packages = self.package_roots();
        roots.extend(
            packages
                .into_iter()
                .filter(|folder| folder.as_str().is_empty() || self.files.is_dir(folder)),
        );
        for start in database
            .version_locations
            .iter()
            .chain(&database.script_location)
        {
            let package_free = start
                .ancestors()
                .find(|folder| !self.files.is_file(&join(folder, "__init__.py")));
            roots.extend(package_free.map(ToOwned::to_owned));
        }
        for root in roots {
            if !database.import_roots.contains(&root) {
                database.import_roots.push(root);
            }
        }
        database
    }

    /// Revisions that no configuration loads: databases of their own, parts of one that `env.py` or the command line
    /// adds, or one note a folder.
    fn strays(
        &mut self,
        path: &Utf8Path,
        chosen: &mut Vec<Database>,
        candidates: Vec<Utf8PathBuf>,
    ) {
        let known: FxHashSet<&str> = chosen
            .iter()
            .flat_map(|database| &database.revision_files)
            .map(|file| file.as_str())
            .collect();
        let mut loose = candidates;
        loose.retain(|file| is_loaded_name(file) && !known.contains(file.as_str()));
        self.scans.prepare(self.files, loose.iter());
        loose.retain(|file| self.scans.of(self.files, file).is_revision);
        let configured = chosen
            .iter()
            .any(|database| !database.revision_files.is_empty());
        let groups = group::by_folder(self.files, &mut self.scans, loose);
        let alone = groups.len() == 1;
        for folders in groups {
            let adopter = chosen.iter_mut().find(|database| {
                group::adopts(self.files, &mut self.scans, database, &folders, alone)
            });
            if let Some(database) = adopter {
                group::adopt(database, &folders);
                continue;
            }
            let script_location = self.script_location_above(&folders.common);
            let own_environment = script_location.as_ref().is_some_and(|found| {
                !chosen
                    .iter()
                    .any(|database| database.script_location.as_ref() == Some(found))
            });
            let named = !path.as_str().is_empty()
                && folders.folders.iter().any(|folder| within(path, folder));
            if configured && !own_environment && !named {
                for folder in &folders.folders {
                    let count = folders
                        .files
                        .iter()
                        .filter(|file| file.parent() == Some(folder))
                        .count();
                    let some = if count == 1 {
                        "a revision"
                    } else {
                        "revisions"
                    };
                    self.note(
                        Some(folder),
                        format!("holds {some} that no Alembic configuration loads ({count}): part of no root, not analysed"),
                    );
                }
                continue;
            }
            let configuration = chosen.iter().find(|known| {
                script_location.is_some() && known.script_location == script_location
            });
            let database = Database {
                name: name_of(&folders.folders, script_location.as_ref()),
                env_py: self.env_py(script_location.as_deref()),
                ini: configuration.and_then(|known| known.ini.clone()),
                section: configuration.and_then(|known| known.section.clone()),
                options: configuration.map_or_else(BTreeMap::new, |known| known.options.clone()),
                script_location,
                version_locations: folders.folders,
                revision_files: folders.files,
                ..Database::default()
            };
            let database = self.complete(database);
            chosen.push(database);
        }
    }

    /// The nearest folder with an Alembic `env.py`, at most three above.
    fn script_location_above(&self, folder: &Utf8Path) -> Option<Utf8PathBuf> {
        folder
            .ancestors()
            .take(4)
            .find(|above| {
                let env_py = join(above, "env.py");
                let bytes = self.files.read(&env_py).ok().flatten().unwrap_or_default();
                let text = String::from_utf8_lossy(&bytes);
                text.contains("alembic") || text.contains("run_migrations")
            })
            .map(ToOwned::to_owned)
    }
}

/// Whether a path that was named asks for a database: it holds a part of it, or is a part.
fn concerns(database: &Database, path: &Utf8Path) -> bool {
    database
        .version_locations
        .iter()
        .chain(&database.script_location)
        .any(|folder| within(folder, path) || within(path, folder))
}

fn name_of(locations: &[Utf8PathBuf], script_location: Option<&Utf8PathBuf>) -> String {
    let name = match (locations, script_location) {
        ([single], _) => single.as_str(),
        (_, Some(script)) => script.as_str(),
        ([first, ..], None) => first.as_str(),
        ([], None) => "",
    };
    if name.is_empty() {
        ".".to_owned()
    } else {
        name.to_owned()
    }
}

#[cfg(test)]
mod tests;
