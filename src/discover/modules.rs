//! The project's own modules, found on disk under the import roots as Python would find them, parsed once.
//!
//! Shared by all threads: what a name means depends on the roots alone, never on who asks first.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashSet;

use crate::files::{Files, decode, join, normalize};
use crate::python::interpreter::Modules;
use crate::python::syntax;
use crate::source::{FileId, SourceFile, SourceMap};

/// Frameworks that foreshot models. A project's folder of migrations is often called `alembic`, and Python prefers the
/// installed package to a folder that is none.
const MODELLED: [&str; 2] = ["alembic", "sqlalchemy"];

/// Where a dotted name leads.
#[derive(Clone)]
enum Found {
    /// A file, and the folder for its submodules if it is a package.
    File(Utf8PathBuf, Option<Utf8PathBuf>),
    /// PEP 420: folders without `__init__.py`.
    Namespace(Vec<Utf8PathBuf>),
}

/// The modules of one database's import roots.
pub struct ProjectModules {
    files: Arc<dyn Files>,
    sources: Arc<SourceMap>,
    roots: Vec<Utf8PathBuf>,
    loaded: RwLock<Loaded>,
    known: RwLock<Known>,
    /// Files that an import led to, each with the files in which one stands.
    imported: RwLock<HashMap<Utf8PathBuf, FxHashSet<FileId>>>,
}

/// What was looked up before: a project's files do not change while it is analysed, and each import of each run of each
/// revision asks anew.
#[derive(Default)]
struct Known {
    /// Where dotted names lead, those that lead nowhere included.
    names: HashMap<String, Option<Found>>,
    /// Packages of files.
    packages: HashMap<FileId, Option<String>>,
}

#[derive(Default)]
struct Loaded {
    by_path: HashMap<Utf8PathBuf, Arc<syntax::Module>>,
    paths: HashMap<FileId, Utf8PathBuf>,
}

impl ProjectModules {
    /// Modules under some roots, in order; files are added to `sources` when they are first needed.
    pub fn new(files: Arc<dyn Files>, sources: Arc<SourceMap>, roots: Vec<Utf8PathBuf>) -> Self {
        Self {
            files,
            sources,
            roots,
            loaded: RwLock::default(),
            known: RwLock::default(),
            imported: RwLock::default(),
        }
    }

    /// The same modules for files of which some have another text: all that is loaded but those.
    #[must_use]
    pub fn revised(
        &self,
        files: Arc<dyn Files>,
        sources: Arc<SourceMap>,
        changed: &[Utf8PathBuf],
    ) -> Self {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        let kept = |path: &Utf8PathBuf| !changed.contains(path);
        Self {
            files,
            sources,
            roots: self.roots.clone(),
            loaded: RwLock::new(Loaded {
                by_path: loaded
                    .by_path
                    .iter()
                    .filter(|(path, _)| kept(path))
                    .map(|(path, module)| (path.clone(), module.clone()))
                    .collect(),
                paths: loaded.paths.clone(),
            }),
            known: RwLock::new(Known {
                names: known.names.clone(),
                packages: known.packages.clone(),
            }),
            imported: RwLock::default(),
        }
    }

    fn note_import(&self, path: &Utf8Path, from: FileId) {
        let imported = self.imported.read().unwrap_or_else(PoisonError::into_inner);
        let is_known = imported
            .get(path)
            .is_some_and(|known| known.contains(&from));
        drop(imported);
        if !is_known {
            let mut imported = self
                .imported
                .write()
                .unwrap_or_else(PoisonError::into_inner);
            imported.entry(path.to_owned()).or_default().insert(from);
        }
    }

    /// The files whose imports led to one of these, by themselves or by what they import.
    pub fn leading_to(&self, paths: &[Utf8PathBuf]) -> FxHashSet<Utf8PathBuf> {
        let imported = self.imported.read().unwrap_or_else(PoisonError::into_inner);
        let mut found = FxHashSet::default();
        let mut waiting = paths.to_vec();
        while let Some(path) = waiting.pop() {
            let importers = imported.get(&path).into_iter().flatten();
            for importer in importers.map(|file| self.path(*file)) {
                if found.insert(importer.clone()) {
                    waiting.push(importer);
                }
            }
        }
        found
    }

    /// The parsed module of a file; `None` where it can't be read. Revisions and `env.py` come in by this door too, so
    /// that a file has one number.
    pub fn load(&self, path: &Utf8Path) -> Option<Arc<syntax::Module>> {
        let path = normalize(path)?;
        if let Some(known) = self.known(&path) {
            return Some(known);
        }
        let bytes = self.files.read(&path).ok()??;
        Some(self.parse(path, decode(&bytes).text))
    }

    fn known(&self, path: &Utf8Path) -> Option<Arc<syntax::Module>> {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        loaded.by_path.get(path).cloned()
    }

    fn parse(&self, path: Utf8PathBuf, text: String) -> Arc<syntax::Module> {
        // parsing under the lock keeps a file to one number; a parse is short and most modules are revisions, which are
        // loaded by different threads before any import is met
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        if let Some(known) = loaded.by_path.get(&path) {
            return known.clone();
        }
        let text: Arc<str> = text.into();
        let file = self
            .sources
            .add(Arc::new(SourceFile::new(path.clone(), text.clone())));
        let module = Arc::new(syntax::parse(file, &text));
        loaded.paths.insert(file, path.clone());
        loaded.by_path.insert(path, module.clone());
        module
    }

    /// The texts of the modules.
    pub(crate) fn sources(&self) -> &SourceMap {
        &self.sources
    }

    /// Adds modules that were parsed elsewhere (revisions, in parallel).
    pub fn insert(&self, module: Arc<syntax::Module>) {
        let path = self.sources.file(module.file).path().to_owned();
        let mut loaded = self.loaded.write().unwrap_or_else(PoisonError::into_inner);
        loaded.paths.insert(module.file, path.clone());
        loaded.by_path.entry(path).or_insert(module);
    }

    fn locate(&self, name: &str) -> Option<Found> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(found) = known.names.get(name) {
            return found.clone();
        }
        drop(known);
        let found = self.look_for(name);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.names.insert(name.to_owned(), found.clone());
        found
    }

    fn look_for(&self, name: &str) -> Option<Found> {
        let mut parts = name.split('.').peekable();
        if parts.peek().is_some_and(|first| MODELLED.contains(first)) {
            return None;
        }
        let mut folders = self.roots.clone();
        while let Some(part) = parts.next() {
            if part.is_empty() || part.contains(['/', '\\', '\0']) {
                return None;
            }
            match (self.step(&folders, part)?, parts.peek()) {
                (found, None) => return Some(found),
                (Found::File(_, Some(package)), Some(_)) => folders = vec![package],
                (Found::File(_, None), Some(_)) => return None,
                (Found::Namespace(portions), Some(_)) => folders = portions,
            }
        }
        None
    }

    /// One part of a dotted name: a package or a module in any of the folders wins over a mere folder in all of them.
    fn step(&self, folders: &[Utf8PathBuf], part: &str) -> Option<Found> {
        let mut portions = Vec::new();
        for folder in folders {
            let inner = join(folder, part);
            let package = inner.join("__init__.py");
            if self.files.is_file(&package) {
                return Some(Found::File(package, Some(inner)));
            }
            let module = join(folder, &format!("{part}.py"));
            if self.files.is_file(&module) {
                return Some(Found::File(module, None));
            }
            if self.files.is_dir(&inner) {
                portions.push(inner);
            }
        }
        (!portions.is_empty()).then_some(Found::Namespace(portions))
    }

    fn path(&self, file: FileId) -> Utf8PathBuf {
        let loaded = self.loaded.read().unwrap_or_else(PoisonError::into_inner);
        match loaded.paths.get(&file) {
            Some(path) => path.clone(),
            None => self.sources.file(file).path().to_owned(),
        }
    }

    fn find_package(&self, file: FileId) -> Option<String> {
        let path = self.path(file);
        let folder = if self.files.is_dir(&path) {
            path.as_path()
        } else {
            path.parent()?
        };
        let top = folder.ancestors().find(|above| {
            above.as_str().is_empty() || !self.files.is_file(&join(above, "__init__.py"))
        })?;
        // a folder that is no package is one by its place under the import roots: the deepest root that holds it
        let base = if top == folder && !folder.as_str().is_empty() {
            self.roots
                .iter()
                .filter(|root| *root != folder && crate::files::within(folder, root))
                .max_by_key(|root| root.as_str().len())?
                .as_path()
        } else {
            self.roots
                .iter()
                .filter(|root| crate::files::within(top, root))
                .max_by_key(|root| root.as_str().len())
                .map_or(top, Utf8PathBuf::as_path)
        };
        let inside = folder.strip_prefix(base).ok()?;
        let parts: Vec<&str> = inside.components().map(|part| part.as_str()).collect();
        (!parts.is_empty()).then(|| parts.join("."))
    }
}

impl Modules for ProjectModules {
    fn find(&self, name: &str, from: FileId) -> Option<Arc<syntax::Module>> {
        match self.locate(name)? {
            Found::File(path, _) => {
                self.note_import(&path, from);
                self.load(&path)
            }
            Found::Namespace(portions) => {
                let first = portions.into_iter().next()?;
                // an empty body; the name of the folder stands for a file that is not there
                Some(
                    self.known(&first)
                        .unwrap_or_else(|| self.parse(first, String::new())),
                )
            }
        }
    }

    fn at(&self, path: &str, from: FileId) -> Option<Arc<syntax::Module>> {
        let path = Utf8Path::new(path);
        let found = self.load(path)?;
        self.note_import(path, from);
        Some(found)
    }

    fn package_of(&self, file: FileId) -> Option<String> {
        let known = self.known.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(package) = known.packages.get(&file) {
            return package.clone();
        }
        drop(known);
        let package = self.find_package(file);
        let mut known = self.known.write().unwrap_or_else(PoisonError::into_inner);
        known.packages.insert(file, package.clone());
        package
    }

    fn read(&self, path: &str) -> Option<Vec<u8>> {
        self.files.read(Utf8Path::new(path)).ok().flatten()
    }

    fn list(&self, folder: &str) -> Option<Vec<String>> {
        let folder = Utf8Path::new(folder);
        if !self.files.is_dir(folder) {
            return None;
        }
        let below = self.files.walk(folder, false);
        let names = below.iter().filter_map(|path| {
            let inner = path.strip_prefix(folder).ok()?;
            Some(inner.as_str().to_owned())
        });
        Some(names.collect())
    }

    fn path_of(&self, file: FileId) -> String {
        self.path(file).into_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Memory;

    fn modules(files: Memory, roots: &[&str]) -> (ProjectModules, FileId) {
        let sources = Arc::new(SourceMap::default());
        let roots = roots.iter().map(Utf8PathBuf::from).collect();
        let modules = ProjectModules::new(Arc::new(files), sources, roots);
        let from = modules
            .load(Utf8Path::new("db/versions/a.py"))
            .expect("there")
            .file;
        (modules, from)
    }

    #[test]
    fn packages_modules_and_namespaces() {
        let files = Memory::new()
            .with("db/versions/a.py", "")
            .with("db/__init__.py", "")
            .with("db/tools.py", "")
            .with("src/app/deep/helpers.py", "")
            .with("alembic/env.py", "");
        let (modules, from) = modules(files, &["", "src"]);
        let path = |name: &str| {
            modules
                .find(name, from)
                .map(|module| modules.path_of(module.file))
        };
        assert_eq!(path("db").as_deref(), Some("db/__init__.py"));
        assert_eq!(path("db.tools").as_deref(), Some("db/tools.py"));
        assert_eq!(
            path("app.deep.helpers").as_deref(),
            Some("src/app/deep/helpers.py")
        );
        assert_eq!(path("app.deep").as_deref(), Some("src/app/deep"));
        assert_eq!(path("db.tools.more"), None);
        assert_eq!(path("alembic"), None);
        assert_eq!(path("..x"), None);
        let once = modules.find("db.tools", from).expect("there").file;
        assert_eq!(modules.find("db.tools", from).expect("there").file, once);
    }

    #[test]
    fn who_imports_a_file_is_known_over_others() {
        let files = Memory::new()
            .with("db/versions/a.py", "")
            .with("db/tools.py", "")
            .with("db/names.py", "");
        let (modules, from) = modules(files, &[""]);
        let tools = modules.find("db.tools", from).expect("there").file;
        modules.find("db.names", tools);
        let leading_to = |path: &str| {
            let mut found: Vec<String> = modules
                .leading_to(&[path.into()])
                .into_iter()
                .map(Utf8PathBuf::into_string)
                .collect();
            found.sort();
            found
        };
        assert_eq!(
            leading_to("db/names.py"),
            ["db/tools.py", "db/versions/a.py"]
        );
        assert_eq!(leading_to("db/tools.py"), ["db/versions/a.py"]);
        assert_eq!(leading_to("db/versions/a.py"), [""; 0]);
    }

    #[test]
    fn packages_for_relative_imports() {
        let files = Memory::new()
            .with("db/versions/a.py", "")
            .with("db/__init__.py", "")
            .with("db/versions/__init__.py", "")
            .with("src/app/x.py", "");
        let (modules, from) = modules(files, &["", "src"]);
        assert_eq!(modules.package_of(from).as_deref(), Some("db.versions"));
        let x = modules.find("app.x", from).expect("there").file;
        assert_eq!(modules.package_of(x).as_deref(), Some("app"));
        let db = modules.find("db", from).expect("there").file;
        assert_eq!(modules.package_of(db).as_deref(), Some("db"));
    }
}
