//! From files to diagnostics: loads a database's revisions or SQL files, replays them, lets the rules judge.
//!
//! In: a project's [`Files`](crate::files::Files), what [`crate::discover`] found, a [`Config`]. Out: an [`Analysis`]. No IO but through `Files`.

mod initial_schema;
mod load;
mod memo;
mod scripts;

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, Mutex, PoisonError};

use crate::alembic;
use crate::alembic::env::EnvironmentFacts;
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Severity};
use crate::discover::{Database, ProjectModules};
use crate::faults;
use crate::files::FileError;
use crate::fix;
use crate::history::Graph;
use crate::limits::{self, Limit};
use crate::postgres::{Catalog, Outcome};
use crate::python::interpreter::Modules;
use crate::python::syntax;
use crate::replay::window::{self, Seen};
use crate::replay::{self, Replayed, Revision, Setting, Transactions};
use crate::rules;
use crate::source::{FileId, Site, SourceFile, SourceMap, Span};
use crate::timings::{Phase, measure};
use crate::trace::{Gap, Run, TracedRun};

pub use load::load;
use load::settings;
pub use memo::Memo;
use memo::Memory;

/// What was analysed and what could not be.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Coverage {
    /// Revisions that were replayed.
    pub revisions: usize,
    /// Driver calls of the first run and the downgrade.
    pub statements: usize,
    /// Those of them whose outcome is not known.
    pub unknown: usize,
    /// Conditions that are not known, by which the worlds of a first run or downgrade part.
    pub conditions: usize,
    /// Places that could not be analysed.
    pub gaps: usize,
    /// Revisions whose analysis broke off inside foreshot.
    pub panics: usize,
}

impl Coverage {
    fn add(&mut self, other: Self) {
        self.revisions += other.revisions;
        self.statements += other.statements;
        self.unknown += other.unknown;
        self.conditions += other.conditions;
        self.gaps += other.gaps;
        self.panics += other.panics;
    }
}

/// What came of the analysis of all databases.
#[derive(Default)]
pub struct Analysis {
    /// Findings of all rules at their own severity, unsorted.
    pub diagnostics: Vec<Diagnostic>,
    /// Traces, where they were asked for, in order.
    pub traces: Vec<TracedRun>,
    /// What could not be analysed, sorted.
    pub gaps: Vec<Gap>,
    /// Counts.
    pub coverage: Coverage,
    /// What each revision does, to be compared with what it does once it is fixed; only where fixes were asked for.
    pub proofs: Vec<fix::Proof>,
    /// The catalogs that the revisions leave to those behind them, in order, for the same.
    pub left: Vec<Catalog>,
}

/// A database's revisions, parsed and in order.
pub struct Loaded {
    /// The revisions in their linear order.
    pub revisions: Vec<Arc<Revision>>,
    /// The graph.
    pub graph: Graph,
    /// Modules that revisions may import.
    pub modules: Arc<ProjectModules>,
    /// Findings about the files themselves: what is no Python, what has no readable identifiers.
    pub diagnostics: Vec<Diagnostic>,
    /// Files that could not be taken in: too large, no revisions after all.
    pub gaps: Vec<Gap>,
    /// Whether findings are given fixes, and how.
    pub fixes: Option<fix::Request>,
    /// What is remembered of analyses before this one.
    pub memo: Arc<Memo>,
    /// What is set for this database, the driver that its `env.py` uses included.
    pub config: Arc<Config>,
    /// Its `env.py`.
    env_py: Option<Arc<syntax::Module>>,
    /// What that says.
    environment: EnvironmentFacts,
    /// The schema before the first revision.
    initial: Catalog,
}

/// A database as it was before the change that is judged (`--since`), for rules that compare.
pub struct Base {
    /// How the user calls the branch that the change goes to: `origin/main`.
    pub name: String,
    /// Where the change began: the merge base.
    pub fork: Loaded,
    /// What the branch is now; `None`: it has not moved on since.
    pub tip: Option<Loaded>,
    /// The texts of both, among those of today.
    pub sources: Arc<SourceMap>,
}

impl Base {
    fn view(&self) -> rules::Base<'_> {
        rules::Base {
            name: &self.name,
            fork: self.fork.side(),
            tip: self.tip.as_ref().unwrap_or(&self.fork).side(),
            sources: &self.sources,
        }
    }
}

impl Loaded {
    fn side(&self) -> rules::Side<'_> {
        rules::Side {
            graph: &self.graph,
            revisions: &self.revisions,
        }
    }
}

/// Id of the diagnostics about revisions in which foreshot itself broke off.
pub const INTERNAL: &str = "internal-error";

/// Its page.
pub const INTERNAL_PAGE: &str = include_str!("../rules/internal-error.md");

/// Id of the diagnostics about files that can't be read as Python.
pub const UNREADABLE: &str = "unreadable";

/// Its page.
pub const UNREADABLE_PAGE: &str = include_str!("../rules/unreadable.md");

/// Why a file is not analysed. One that is too long is a file without text, so that there is a place to report on.
fn unread_gap(path: &camino::Utf8Path, error: &FileError, sources: &SourceMap) -> Gap {
    if matches!(error, FileError::TooLarge { .. }) {
        let file = sources.add(Arc::new(SourceFile::new(path, "")));
        return Gap {
            site: Some(Site {
                file,
                span: Span::default(),
            }),
            what: Limit::FileSize.met(),
        };
    }
    Gap {
        site: None,
        what: format!("not analysed: {error}"),
    }
}

/// The diagnostic of what lies behind a bound.
fn beyond(limit: Limit, site: Site, revision: Option<String>) -> Diagnostic {
    let bound = limit.bound();
    let message = format!(
        "this is not judged, nor what depends on it: {}",
        limit.met()
    );
    let mut diagnostic = Diagnostic::new(limits::RULE, Severity::Warning, site, message);
    diagnostic.help = Some(if limit.get() < bound.most {
        format!(
            "look at it yourself, or let foreshot go further: `[limits] {}`, {} at most",
            bound.key,
            limits::grouped(bound.most)
        )
    } else {
        "look at it yourself: foreshot goes no further".to_owned()
    });
    diagnostic.revision = revision;
    diagnostic
}

/// The bounds that the runs of a revision met, and where.
fn met(replayed: &Replayed) -> BTreeSet<(Site, Limit)> {
    let mut found = BTreeSet::new();
    for run in [Run::First, Run::Rerun, Run::Downgrade, Run::Reupgrade] {
        let trace = replayed.trace(run);
        let gaps = trace.gaps.iter().map(|gap| (gap.site, gap.what.as_str()));
        let events = trace
            .events
            .iter()
            .filter_map(|event| match &event.outcome {
                Outcome::Unknown(why) => Some((Some(event.site), &**why)),
                _ => None,
            });
        found.extend(gaps.chain(events).filter_map(|(site, what)| {
            let limit = limits::told_by(what)?;
            Some((site.unwrap_or(replayed.revision.place), limit))
        }));
    }
    found
}

/// The diagnostic of a file in which foreshot itself failed while reading it.
fn unread(file: FileId) -> Diagnostic {
    Diagnostic {
        rule: INTERNAL,
        severity: Severity::Error,
        site: Site {
            file,
            span: Span::default(),
        },
        message: "foreshot itself broke off while reading this file: it is not analysed".to_owned(),
        help: Some("please report it with the file; the others are judged as ever".to_owned()),
        labels: Vec::new(),
        notes: Vec::new(),
        revision: None,
        fix: None,
    }
}

/// What the visitor gathers from one revision.
#[derive(Clone)]
struct Judged {
    index: usize,
    seen: Seen,
    diagnostics: Vec<Diagnostic>,
    traces: Vec<TracedRun>,
    gaps: Vec<Gap>,
    coverage: Coverage,
    proof: Option<fix::Proof>,
}

/// What is asked of an analysis beside the findings.
#[derive(Clone, Copy, Default)]
pub struct Request<'a> {
    /// The database before the change that is judged.
    pub base: Option<&'a Base>,
    /// Whether traces are kept.
    pub keep_traces: bool,
    /// Called when a revision is done, from any thread.
    pub step: Option<&'a (dyn Fn() + Sync)>,
}

/// Replays a loaded database and lets the rules judge.
pub fn analyze(database: &Database, loaded: &Loaded, request: Request<'_>) -> Analysis {
    let Request {
        base,
        keep_traces,
        step,
    } = request;
    let config = &loaded.config;
    let modules: Arc<dyn Modules> = loaded.modules.clone();
    let (setting, catalog) = setting(database, loaded, modules, config);
    let first = loaded
        .revisions
        .iter()
        .position(|revision| !revision.released);
    let judged = Mutex::new(Vec::with_capacity(loaded.revisions.len()));
    let done = |one: Arc<Judged>| {
        if let Some(step) = step {
            step();
        }
        let mut judged = judged.lock().unwrap_or_else(PoisonError::into_inner);
        judged.push(one);
    };
    let memory = Memory::of(loaded);
    let after = |index: usize, before: &Catalog| {
        let (after, one) = memory.as_ref()?.recall(index, before)?;
        done(one);
        Some(after)
    };
    let settled = |index: usize, after: Catalog| match &memory {
        Some(memory) => memory.settled(index, after),
        None => after,
    };
    let left = Mutex::new(Vec::new());
    let handed_on = |index: usize, after: Catalog| {
        let apart = memory.as_ref().and_then(|memory| memory.handed_on(index));
        // nothing starts from what the last one leaves
        if index + 1 < loaded.revisions.len() {
            let mut left = left.lock().unwrap_or_else(PoisonError::into_inner);
            left.push(after.clone());
        }
        apart.unwrap_or(after)
    };
    let recalled = memory.as_ref().map(|_| replay::Recalled {
        after: &after,
        settled: &settled,
        handed_on: &handed_on,
    });
    replay::replay(
        &loaded.revisions,
        catalog,
        &setting,
        recalled.as_ref(),
        // a fix is also proven by what it leaves as it is elsewhere
        &|revision| {
            let judged = revision.reported && (!revision.released || keep_traces);
            judged || loaded.fixes.is_some()
        },
        &|replayed: Replayed| {
            let catalogs = memory
                .as_ref()
                .map(|_| (replayed.before.clone(), replayed.after.clone()));
            let revision = replayed.revision.clone();
            let fixes = loaded.fixes.as_ref();
            let one = measure(Phase::Rules, || {
                Arc::new(judge(replayed, &setting, keep_traces, first, fixes))
            });
            if let (Some(memory), Some(catalogs)) = (&memory, catalogs) {
                memory.remember(&revision, catalogs, &one);
            }
            if let Some(step) = step {
                step();
            }
            done(one);
        },
    );
    let mut judged = judged.into_inner().unwrap_or_else(PoisonError::into_inner);
    judged.sort_by_key(|one| one.index);
    let unread = loaded
        .diagnostics
        .iter()
        .filter(|one| one.rule == INTERNAL)
        .count();
    let mut analysis = Analysis {
        diagnostics: loaded.diagnostics.clone(),
        left: left.into_inner().unwrap_or_else(PoisonError::into_inner),
        ..Analysis::default()
    };
    let history = rules::HistoryContext::new(
        &loaded.graph,
        &loaded.revisions,
        config,
        base.map(Base::view),
    );
    let of_history = measure(Phase::Rules, || rules::check_history(&history));
    let mut elsewhere: Vec<Diagnostic> = of_history
        .into_iter()
        .filter(|one| is_reported(&history, one))
        .collect();
    let mut seen = Vec::with_capacity(judged.len());
    for one in judged {
        let one = Arc::unwrap_or_clone(one);
        seen.push(one.seen);
        analysis.diagnostics.extend(one.diagnostics);
        analysis.traces.extend(one.traces);
        analysis.gaps.extend(one.gaps);
        analysis.coverage.add(one.coverage);
        analysis.proofs.extend(one.proof);
    }
    let judge = AssertUnwindSafe(|| {
        faults::trip("command", &database.name);
        judge_command(&seen, &setting, config)
    });
    match catch_unwind(judge) {
        Ok(diagnostics) => elsewhere.extend(diagnostics),
        Err(_) => {
            analysis.coverage.panics += 1;
            analysis.gaps.push(Gap {
                site: None,
                what:
                    "foreshot itself broke off over the revisions as one command: please report it"
                        .to_owned(),
            });
        }
    }
    if let Some(request) = &loaded.fixes {
        fix::propose_elsewhere(&loaded.revisions, &mut elsewhere, request);
    }
    analysis.diagnostics.extend(elsewhere);
    analysis.coverage.panics += unread;
    analysis.coverage.gaps += loaded.gaps.len();
    analysis
        .diagnostics
        .extend(loaded.gaps.iter().filter_map(|gap| {
            let (limit, site) = (limits::told_by(&gap.what)?, gap.site?);
            let path = loaded.modules.sources().file(site.file).path().to_owned();
            let only = database.report_only.as_ref();
            only.is_none_or(|only| only.contains(&path))
                .then(|| beyond(limit, site, None))
        }));
    analysis.gaps.extend(loaded.gaps.iter().cloned());
    analysis.gaps.sort();
    analysis.gaps.dedup();
    analysis
}

/// Whether a finding about the graph stands in a revision that is to be reported on.
fn is_reported(history: &rules::HistoryContext<'_>, diagnostic: &Diagnostic) -> bool {
    let on_released = diagnostic.rule == rules::EDITED_RELEASED;
    history
        .revision_in(diagnostic.site.file)
        .is_some_and(|revision| revision.reported && (on_released || !revision.released))
}

/// What is known of the configuration of a database, with the options that `env.py` sets.
fn options_of(
    database: &Database,
    set: BTreeMap<String, Option<String>>,
    attributes: BTreeSet<String>,
) -> alembic::configuration::Options {
    let mut main = database.options.clone();
    main.extend(set);
    alembic::configuration::Options {
        file: database.ini.as_ref().map(ToString::to_string),
        section: database.section.clone(),
        main,
        attributes,
    }
}

/// What all runs have in common (the user's settings, and what `env.py` says), and the catalog before the first.
fn setting(
    database: &Database,
    loaded: &Loaded,
    modules: Arc<dyn Modules>,
    config: &Arc<Config>,
) -> (Setting, Catalog) {
    let facts = loaded.environment.clone();
    let mut settings = settings(config);
    settings.naming_convention = facts.naming_convention;
    settings.options = options_of(database, facts.options, facts.attributes);
    settings
        .version_schema
        .clone_from(&facts.version_table_schema);
    let catalog = loaded.initial.clone();
    let catalog = match facts.statements.as_slice() {
        [] => catalog,
        made => alembic::env::with_statements(catalog, config.postgres_version, made),
    };
    let catalog = if database.sql.is_some() {
        catalog
    } else {
        alembic::run::with_version_table(
            catalog,
            config.postgres_version,
            facts.version_table.as_deref().unwrap_or("alembic_version"),
            facts.version_table_schema.flatten().as_deref(),
            if facts.own_version_column {
                "text"
            } else {
                alembic::run::VERSION_TYPE
            },
        )
    };
    let setting = Setting {
        effort: loaded.memo.effort.clone(),
        settings: Arc::new(settings),
        modules,
        config: config.clone(),
        search_path: facts.search_path.unwrap_or_default(),
        environment: loaded.env_py.clone().filter(|_| facts.replaces_operations),
        transactions: Transactions {
            // without transactional DDL Alembic opens a transaction for each revision all the same
            per_migration: config.transaction_per_migration.unwrap_or_else(|| {
                facts.transaction_per_migration == Some(true)
                    || facts.transactional_ddl == Some(false)
            }),
            autocommit: facts.autocommit,
            committed_at_end: facts.commits_after,
            begun_by_context: facts.begins,
        },
        names_unknown: facts.naming_unknown,
    };
    (setting, catalog)
}

/// Replays the revisions as one command, where that can matter, and lets the rules on commands judge.
fn judge_command(seen: &[Seen], setting: &Setting, config: &Config) -> Vec<Diagnostic> {
    // on a thread of the pool, whose stacks hold what the interpreter needs
    let windows = rayon::scope(|_| measure(Phase::Interpret, || window::replay(seen, setting)));
    measure(Phase::Rules, || {
        rules::check_command(&rules::CommandContext {
            seen,
            windows: &windows,
            config,
            transactions: setting.transactions,
        })
    })
}

fn judge(
    replayed: Replayed,
    setting: &Setting,
    keep_traces: bool,
    first: Option<usize>,
    fixes: Option<&fix::Request>,
) -> Judged {
    let seen = Seen::of(&replayed, first == Some(replayed.index));
    let revision = replayed.revision.clone();
    let mut coverage = coverage(&replayed);
    let mut gaps: Vec<Gap> = [Run::First, Run::Downgrade]
        .into_iter()
        .flat_map(|run| replayed.trace(run).gaps.clone())
        .collect();
    let judged = revision.reported && !revision.released;
    let context = rules::Context::new(&replayed, setting);
    let mut diagnostics = if judged {
        // a rule that breaks off must not take the findings of other revisions with it
        catch_unwind(AssertUnwindSafe(|| {
            faults::trip("judge", &revision.id);
            rules::check(&context)
        }))
        .unwrap_or_else(|_| {
            coverage.panics += 1;
            gaps.push(Gap {
                site: Some(revision.place),
                what: "a rule broke off here inside foreshot: please report it".to_owned(),
            });
            Vec::new()
        })
    } else {
        Vec::new()
    };
    let proof = fixes.map(|request| {
        // a fix that can't be made is none: the finding stays
        let _ = catch_unwind(AssertUnwindSafe(|| {
            faults::trip("fix", &revision.id);
            fix::propose(&context, &mut diagnostics, request);
        }));
        fix::Proof::of(&replayed, &request.sources)
    });
    if broke_off(&replayed) {
        diagnostics.push(broken(&revision));
    }
    let index = replayed.index;
    coverage.gaps = gaps.len();
    if judged {
        let id = Some(revision.id.to_string());
        let met = met(&replayed).into_iter();
        diagnostics.extend(met.map(|(site, limit)| beyond(limit, site, id.clone())));
        // each is told by its finding
        gaps.retain(|gap| limits::told_by(&gap.what).is_none());
    }
    let traces = if keep_traces && revision.reported {
        traced(replayed, index)
    } else {
        Vec::new()
    };
    Judged {
        index,
        seen,
        diagnostics,
        traces,
        gaps,
        coverage,
        proof,
    }
}

fn broke_off(replayed: &Replayed) -> bool {
    [Run::First, Run::Rerun, Run::Downgrade, Run::Reupgrade]
        .into_iter()
        .any(|run| replayed.trace(run).broke_off)
}

/// The diagnostic of a revision in which foreshot itself failed; all others are reported as ever.
fn broken(revision: &Revision) -> Diagnostic {
    Diagnostic {
        rule: INTERNAL,
        severity: Severity::Error,
        site: revision.place,
        message: "foreshot itself broke off in this revision: what it does is not known".to_owned(),
        help: Some(
            "please report it with the file; the other revisions are judged as ever".to_owned(),
        ),
        labels: Vec::new(),
        notes: Vec::new(),
        revision: Some(revision.id.to_string()),
        fix: None,
    }
}

fn coverage(replayed: &Replayed) -> Coverage {
    let events = || {
        replayed
            .first
            .events
            .iter()
            .chain(&replayed.downgrade.events)
    };
    Coverage {
        revisions: 1,
        statements: events().count(),
        unknown: events()
            .filter(|event| matches!(event.outcome, Outcome::Unknown(_)))
            .count(),
        conditions: replayed.first.conditions.len() + replayed.downgrade.conditions.len(),
        gaps: 0,
        panics: usize::from(broke_off(replayed)),
    }
}

fn traced(replayed: Replayed, index: usize) -> Vec<TracedRun> {
    let revision = replayed.revision.id.to_string();
    let file = replayed.revision.file;
    [
        (Run::First, replayed.first),
        (Run::Rerun, replayed.rerun),
        (Run::Downgrade, replayed.downgrade),
        (Run::Reupgrade, replayed.reupgrade),
    ]
    .into_iter()
    .map(|(run, trace)| TracedRun {
        index,
        revision: revision.clone(),
        file,
        run,
        trace,
    })
    .collect()
}
