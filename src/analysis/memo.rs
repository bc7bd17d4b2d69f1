//! What analyses of nearly the same files share, so that a fix in progress costs what it can influence and no more.
//!
//! A file whose text was read before keeps its number, its syntax and its revision. A revision that was judged before, from
//! the same catalog and with the same requests, is not replayed again: its findings and the catalog after it are remembered.
//! A revision that imports a changed text, itself or through others, is not remembered: it may depend on it.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashSet;

use super::{Judged, Loaded};
use crate::alembic::env::EnvironmentFacts;
use crate::alembic::revision::Facts;
use crate::discover::ProjectModules;
use crate::fix::{Attempts, Request};
use crate::history;
use crate::postgres::Catalog;
use crate::python::syntax;
use crate::replay::{Effort, Revision};
use crate::source::{FileId, SourceFile, SourceMap};
use crate::trace::Gap;

/// How many states of a revision are remembered: what was kept so far, and trials.
const STATES: usize = 4;

/// The texts that a file has had.
type Texts = Vec<(FileId, Arc<SourceFile>)>;

/// The memory of one database.
#[derive(Default)]
pub struct Memo {
    files: Mutex<HashMap<Utf8PathBuf, Texts>>,
    parsed: Mutex<HashMap<FileId, (Arc<syntax::Module>, Facts)>>,
    revisions: Mutex<HashMap<FileId, Arc<Revision>>>,
    judged: Mutex<HashMap<usize, Vec<State>>>,
    /// How much was simulated, in all analyses.
    pub effort: Arc<Effort>,
    /// Of the first analysis: the application's modules, which no fix changes.
    pub(super) modules: OnceLock<Arc<ProjectModules>>,
    /// What `env.py` says.
    pub(super) environment: OnceLock<EnvironmentFacts>,
    /// The schema before the first revision, the revisions that it holds, and what is wrong with it.
    pub(super) initial: OnceLock<(Catalog, BTreeSet<history::Index>, Vec<Gap>)>,
}

/// A revision that was judged.
struct State {
    files: Vec<FileId>,
    attempts: Attempts,
    before: Catalog,
    after: Catalog,
    judged: Arc<Judged>,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Memo {
    /// The number of a file of this text; other texts that it had are no longer those of `sources`.
    pub(super) fn file(
        &self,
        path: &Utf8Path,
        text: String,
        sources: &SourceMap,
    ) -> (FileId, Arc<SourceFile>) {
        let mut files = lock(&self.files);
        let known = files.entry(path.to_owned()).or_default();
        let found = known.iter().find(|(_, file)| **file.text() == *text);
        let found = found.cloned().unwrap_or_else(|| {
            let file = Arc::new(SourceFile::new(path, text));
            let added = (sources.add(file.clone()), file);
            known.push(added.clone());
            added
        });
        for (other, _) in known.iter().filter(|(other, _)| *other != found.0) {
            sources.supersede(*other);
        }
        sources.restore(found.0);
        found
    }

    /// The syntax of a file, if it was parsed.
    pub(super) fn parsed(&self, file: FileId) -> Option<(Arc<syntax::Module>, Facts)> {
        lock(&self.parsed).get(&file).cloned()
    }

    /// Remembers the syntax of a file.
    pub(super) fn remember_parsed(&self, module: &Arc<syntax::Module>, facts: &Facts) {
        lock(&self.parsed).insert(module.file, (module.clone(), facts.clone()));
    }

    /// The revision of a file.
    pub(super) fn revision(&self, file: FileId) -> Option<Arc<Revision>> {
        lock(&self.revisions).get(&file).cloned()
    }

    /// Remembers the revision of a file.
    pub(super) fn remember_revision(&self, revision: &Arc<Revision>) {
        lock(&self.revisions).insert(revision.file, revision.clone());
    }

    /// Paths of files that have had several texts.
    pub(super) fn changed(&self) -> Vec<Utf8PathBuf> {
        let files = lock(&self.files);
        let changed = files.iter().filter(|(_, texts)| texts.len() > 1);
        changed.map(|(path, _)| path.clone()).collect()
    }

    /// What came of a revision from a catalog, and the catalog after it.
    fn recall(
        &self,
        index: usize,
        revision: &Revision,
        before: &Catalog,
        attempts: &Attempts,
    ) -> Option<(Catalog, Arc<Judged>)> {
        let mut judged = lock(&self.judged);
        let states = judged.get_mut(&index)?;
        let files = files_of(revision);
        let place = states.iter().position(|state| {
            state.files == files && state.attempts == *attempts && state.before.is_same(before)
        })?;
        // the last that was asked for is the last to be forgotten
        let state = states.remove(place);
        let found = (state.after.clone(), state.judged.clone());
        states.push(state);
        Some(found)
    }

    /// The catalog itself, or one that is the same and that those behind it started from.
    fn settled(&self, index: usize, after: Catalog) -> Catalog {
        let judged = lock(&self.judged);
        let states = judged.get(&index).into_iter().flatten();
        let mut same = states.filter(|state| state.after.is_same(&after));
        same.next().map_or(after, |state| state.after.clone())
    }

    /// Remembers what came of a revision.
    pub(super) fn remember(
        &self,
        revision: &Revision,
        attempts: Attempts,
        (before, after): (Catalog, Catalog),
        judged: Arc<Judged>,
    ) {
        let mut all = lock(&self.judged);
        let states = all.entry(judged.index).or_default();
        if states.len() >= STATES {
            states.remove(0);
        }
        states.push(State {
            files: files_of(revision),
            attempts,
            before,
            after,
            judged,
        });
    }
}

/// The files of a revision: that of its way down may be another.
fn files_of(revision: &Revision) -> Vec<FileId> {
    let down = revision.downgrade_place.map(|site| site.file);
    std::iter::once(revision.file).chain(down).collect()
}

/// What was tried before at the findings of a revision.
pub(super) fn attempts_at(
    revision: &Revision,
    attempts: &Attempts,
    sources: &SourceMap,
) -> Attempts {
    let file = sources.file(revision.file);
    let own = attempts
        .iter()
        .filter(|(target, _)| target.path == file.path());
    own.map(|(target, times)| (target.clone(), *times))
        .collect::<BTreeMap<_, _>>()
}

/// What may be recalled of a loaded database: only where fixes are tried, which analyse it many times.
pub(super) struct Memory<'a> {
    memo: &'a Memo,
    loaded: &'a Loaded,
    fixes: &'a Request,
    /// Files whose imports lead to a text that changed: nothing is taken from it for them.
    stale: FxHashSet<Utf8PathBuf>,
    /// Nothing is taken from it at all: `env.py` is such a file, or one SQL file is all there is.
    fresh: bool,
}

impl<'a> Memory<'a> {
    pub(super) fn of(loaded: &'a Loaded) -> Option<Self> {
        // what is judged again of a file alone is another text
        let alone = loaded.revisions.len() == 1 && loaded.revisions[0].script().is_some();
        let changed = loaded.memo.changed();
        let known = loaded.memo.modules.get();
        let stale = known.map(|known| known.leading_to(&changed));
        let mut memory = Self {
            memo: &loaded.memo,
            loaded,
            fixes: loaded.fixes.as_ref()?,
            stale: stale.unwrap_or_default(),
            fresh: alone,
        };
        let env_py = loaded.env_py.as_ref().map(|module| module.file);
        memory.fresh |= env_py.is_some_and(|file| memory.is_stale(file));
        Some(memory)
    }

    fn is_stale(&self, file: FileId) -> bool {
        // mostly there is none
        !self.stale.is_empty() && self.stale.contains(self.fixes.sources.file(file).path())
    }

    /// Whether something may be taken from it, or put into it, for a revision.
    fn covers(&self, revision: &Revision) -> bool {
        !self.fresh
            && !files_of(revision)
                .into_iter()
                .any(|file| self.is_stale(file))
    }

    pub(super) fn settled(&self, index: usize, after: Catalog) -> Catalog {
        self.memo.settled(index, after)
    }

    /// What a revision hands on to the one behind it where each is judged apart.
    pub(super) fn handed_on(&self, index: usize) -> Option<Catalog> {
        self.fixes.apart.as_ref()?.get(index).cloned()
    }

    fn attempts(&self, revision: &Revision) -> Attempts {
        attempts_at(revision, &self.fixes.attempts, &self.fixes.sources)
    }

    pub(super) fn recall(&self, index: usize, before: &Catalog) -> Option<(Catalog, Arc<Judged>)> {
        let revision = &self.loaded.revisions[index];
        if !self.covers(revision) {
            return None;
        }
        let attempts = self.attempts(revision);
        self.memo.recall(index, revision, before, &attempts)
    }

    pub(super) fn remember(
        &self,
        revision: &Revision,
        catalogs: (Catalog, Catalog),
        one: &Arc<Judged>,
    ) {
        if self.covers(revision) {
            let attempts = self.attempts(revision);
            self.memo
                .remember(revision, attempts, catalogs, one.clone());
        }
    }
}
