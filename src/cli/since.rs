//! `--since` and `--staged`: which files are today's, and what the project was before the change that is judged.

mod auto;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::Failure;
use crate::analysis::{self, Base, Loaded};
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Severity};
use crate::discover::versions::Finder;
use crate::discover::{self, Database, Note};
use crate::files::{Disk, Files};
use crate::fingerprint::{Fingerprint, Fingerprints};
use crate::git::{Commit, Repository};
use crate::source::SourceMap;

/// What is asked for.
#[derive(Clone, Debug, Default)]
pub(super) struct Views {
    /// A commit's name, or `auto`.
    pub(super) since: Option<String>,
    /// The index, not the working folder.
    pub(super) staged: bool,
}

/// The files before the change.
pub(super) struct Compared {
    /// How the user calls what the change goes to.
    name: String,
    /// Where the change began.
    fork: Arc<dyn Files>,
    /// What it goes to, where that has moved on.
    tip: Option<Arc<dyn Files>>,
}

/// Today's files, what they are compared with, and what a reader should know about that.
pub(super) type Resolved = (Arc<dyn Files>, Option<Compared>, Option<Note>);

/// Finds the files of both sides.
pub(super) fn views(root: &Utf8Path, wanted: &Views) -> Result<Resolved, Failure> {
    if wanted.since.is_none() && !wanted.staged {
        return Ok((Arc::new(Disk::new(root)?), None, None));
    }
    let repository = Repository::open(root)?;
    let files: Arc<dyn Files> = if wanted.staged {
        Arc::new(repository.index()?)
    } else {
        Arc::new(Disk::new(root)?)
    };
    let (name, tip) = match wanted.since.as_deref() {
        Some("auto") => match auto::reference(&repository, &|name| std::env::var(name).ok())? {
            auto::Reference::Commit { name, commit } => (name, commit),
            auto::Reference::Nothing(why) => {
                let compared = Compared {
                    name: why.to_owned(),
                    fork: Arc::new(repository.nothing()?),
                    tip: None,
                };
                let note = Note {
                    path: None,
                    message: format!("{why}: all findings are new"),
                };
                return Ok((files, Some(compared), Some(note)));
            }
        },
        Some(name) => (name.to_owned(), repository.commit(name)?),
        // what the commit will bring; the first one brings everything
        None => match repository.head()? {
            Some(head) => ("HEAD".to_owned(), head),
            None => {
                let compared = Compared {
                    name: "HEAD".to_owned(),
                    fork: Arc::new(repository.nothing()?),
                    tip: None,
                };
                return Ok((files, Some(compared), None));
            }
        },
    };
    let fork = repository.merge_base(&tip, &name)?;
    let compared = Compared {
        fork: tree(&repository, &fork)?,
        tip: if fork == tip {
            None
        } else {
            Some(tree(&repository, &tip)?)
        },
        name,
    };
    Ok((files, Some(compared), None))
}

fn tree(repository: &Repository, commit: &Commit) -> Result<Arc<dyn Files>, Failure> {
    Ok(Arc::new(repository.tree(commit)?))
}

/// The project before the change.
pub(super) struct Past {
    /// How the user calls what the change goes to.
    pub(super) name: String,
    databases: Vec<(Database, Base)>,
}

impl Past {
    /// Finds and reads what there was of the paths that are asked for.
    pub(super) fn load(
        compared: Compared,
        paths: &[Utf8PathBuf],
        options: &discover::Options,
        sources: &SourceMap,
        config: &Config,
    ) -> Self {
        let sources = Arc::new(sources.past());
        let read = |files: &Arc<dyn Files>| -> Vec<(Database, Loaded)> {
            let versions = Finder::new(files.as_ref());
            found(files.as_ref(), paths, options)
                .into_iter()
                .map(|database| {
                    let told = versions.versions(super::run::folder_of(&database));
                    let memo = Arc::default();
                    let loaded = analysis::load(&database, files, &sources, config, told, &memo);
                    (database, loaded)
                })
                .collect()
        };
        // the fork first: of two past texts of a file, the first is the one whose comments count
        let forks = read(&compared.fork);
        let mut tips = compared.tip.as_ref().map(read);
        let databases = forks
            .into_iter()
            .map(|(database, fork)| {
                let tip = tips.as_mut().and_then(|tips| {
                    let place = counterpart(&database, &fork, tips.iter().map(|(a, b)| (a, b)))?;
                    Some(tips.swap_remove(place).1)
                });
                let base = Base {
                    name: compared.name.clone(),
                    fork,
                    tip,
                    sources: sources.clone(),
                };
                (database, base)
            })
            .collect();
        Self {
            name: compared.name,
            databases,
        }
    }

    /// What a database of today was; `None`: it is new.
    pub(super) fn base(&self, database: &Database, loaded: &Loaded) -> Option<&Base> {
        let sides = self
            .databases
            .iter()
            .map(|(database, base)| (database, &base.fork));
        let place = counterpart(database, loaded, sides)?;
        self.databases.get(place).map(|(_, base)| base)
    }

    /// The files that were looked at where the change began.
    pub(super) fn files(&self) -> BTreeSet<Utf8PathBuf> {
        self.databases
            .iter()
            .flat_map(|(database, _)| database.revision_files.iter().cloned())
            .collect()
    }

    /// What the rules found before the change, at their own severities.
    pub(super) fn findings(&self) -> Vec<Diagnostic> {
        self.databases
            .iter()
            .flat_map(|(database, base)| {
                analysis::analyze(database, &base.fork, analysis::Request::default()).diagnostics
            })
            .collect()
    }
}

/// The databases under the paths as far as they were there; of a path that was not, the nearest folder above that was.
fn found(files: &dyn Files, paths: &[Utf8PathBuf], options: &discover::Options) -> Vec<Database> {
    let there: BTreeSet<Utf8PathBuf> = paths
        .iter()
        .map(|path| {
            path.ancestors()
                .find(|above| files.resolve(above).is_some())
                .map(ToOwned::to_owned)
                .unwrap_or_default()
        })
        .collect();
    let mut databases: Vec<Database> = Vec::new();
    for path in there {
        // nothing to compare with is no failure: all is new
        let Ok(discovery) = discover::discover(files, &[path], options) else {
            continue;
        };
        for mut database in discovery.databases {
            database.report_only = None;
            if !databases.contains(&database) {
                databases.push(database);
            }
        }
    }
    databases
}

/// Which of some databases is this one at another commit: that of the same folders, else the one with the most revisions in
/// common.
fn counterpart<'a>(
    database: &Database,
    loaded: &Loaded,
    others: impl Iterator<Item = (&'a Database, &'a Loaded)>,
) -> Option<usize> {
    let ids: BTreeSet<&str> = ids(loaded);
    others
        .enumerate()
        .map(|(place, (other, at))| {
            let same_place = other.name == database.name;
            let shared = self::ids(at).intersection(&ids).count();
            ((same_place, shared), place)
        })
        .filter(|((same_place, shared), _)| *same_place || *shared > 0)
        .max_by_key(|(score, place)| (*score, std::cmp::Reverse(*place)))
        .map(|(_, place)| place)
}

fn ids(loaded: &Loaded) -> BTreeSet<&str> {
    loaded
        .revisions
        .iter()
        .map(|revision| revision.id.as_str())
        .collect()
}

/// Findings that were not there before, and how many were. A finding counts as known where its rule, file and statement
/// were found before, or, in a file that has another name now, its rule, revision and statement; not where it has become
/// more severe.
pub(super) fn only_new(
    found: Vec<Diagnostic>,
    before: &[Diagnostic],
    sources: &SourceMap,
) -> (Vec<Diagnostic>, usize) {
    let mut fingerprints = Fingerprints::new(sources);
    let mut known: BTreeMap<Fingerprint, Vec<&Diagnostic>> = BTreeMap::new();
    for diagnostic in before {
        let fingerprint = fingerprints.of(diagnostic);
        known.entry(fingerprint).or_default().push(diagnostic);
    }
    for list in known.values_mut() {
        // the mildest last: taken last by what is as mild
        list.sort_by_key(|diagnostic| std::cmp::Reverse(diagnostic.severity));
    }
    let mut left = Vec::new();
    let mut count = 0;
    for diagnostic in found {
        let fingerprint = fingerprints.of(&diagnostic);
        // foreshot's own failures are never old news
        if diagnostic.rule != analysis::INTERNAL
            && known
                .get_mut(&fingerprint)
                .is_some_and(|list| take(list, diagnostic.severity))
        {
            count += 1;
        } else {
            left.push((fingerprint, diagnostic));
        }
    }
    let mut moved: BTreeMap<(String, String, String), Vec<&Diagnostic>> = BTreeMap::new();
    for (fingerprint, list) in known {
        for diagnostic in list {
            if let Some(revision) = &diagnostic.revision {
                let key = (
                    fingerprint.rule.clone(),
                    revision.clone(),
                    fingerprint.statement.clone(),
                );
                moved.entry(key).or_default().push(diagnostic);
            }
        }
    }
    let mut new = Vec::new();
    for (fingerprint, diagnostic) in left {
        let key = diagnostic
            .revision
            .clone()
            .map(|revision| (fingerprint.rule, revision, fingerprint.statement));
        let was_there = key.is_some_and(|key| {
            moved
                .get_mut(&key)
                .is_some_and(|list| take(list, diagnostic.severity))
        });
        if was_there {
            count += 1;
        } else {
            new.push(diagnostic);
        }
    }
    (new, count)
}

/// Takes one that was at least as severe.
fn take(list: &mut Vec<&Diagnostic>, severity: Severity) -> bool {
    let place = list.iter().position(|known| known.severity >= severity);
    place.map(|place| list.remove(place)).is_some()
}
