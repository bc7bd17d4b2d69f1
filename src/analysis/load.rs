//! From the files of a database to its revisions, parsed and in order.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use camino::Utf8PathBuf;
use rayon::prelude::*;

use super::{Loaded, Memo, UNREADABLE, beyond, initial_schema, scripts, unread, unread_gap};
use crate::alembic::env::EnvironmentFacts;
use crate::alembic::imports::Imports;
use crate::alembic::revision::Facts;
use crate::alembic::{self, Settings};
use crate::config::{Config, Driver};
use crate::diagnostic::{Diagnostic, Severity};
use crate::discover::versions::{Told, Versions};
use crate::discover::{Database, ProjectModules};
use crate::faults;
use crate::files::{FileError, Files, decode};
use crate::history::{self, Graph, Problem};
use crate::limits;
use crate::postgres::Catalog;
use crate::python::interpreter::Modules;
use crate::python::syntax;
use crate::replay::Revision;
use crate::source::{FileId, Site, SourceMap, Span};
use crate::timings::{Phase, measure};
use crate::trace::Gap;

/// Reads and parses the revisions of a database (in parallel) and puts them in order. What `memo` knows from a load of
/// nearly the same files is taken from there.
pub fn load(
    database: &Database,
    files: &Arc<dyn Files>,
    sources: &Arc<SourceMap>,
    config: &Config,
    mut told: Versions,
    memo: &Arc<Memo>,
) -> Loaded {
    let mut config = config.clone();
    let told_driver = told.driver.take();
    told.complete(&mut config);
    if let Some(sql) = &database.sql {
        return scripts::load(database, sql, files, sources, config, memo);
    }
    let mut diagnostics = Vec::new();
    let mut gaps = Vec::new();
    let mut described = Vec::new();
    let mut parsed = Vec::new();
    let mut facts = Vec::new();
    let read = parse_all(&database.revision_files, files, sources, memo, &mut gaps);
    let modules = modules(database, files, sources, memo);
    for read in read {
        let (module, said) = match read {
            Ok(read) => read,
            Err(file) => {
                diagnostics.push(unread(file));
                continue;
            }
        };
        modules.insert(module.clone());
        diagnostics.extend(syntax_errors(&module));
        let Some(identifiers) = alembic::revision::identifiers(&module) else {
            gaps.push(Gap {
                site: Some(start_of(&module)),
                what: "assigns no constant `revision` and `down_revision` at module level: taken for no revision"
                    .to_owned(),
            });
            continue;
        };
        described.push(history::Revision {
            identifiers,
            file: module.file,
        });
        parsed.push(module);
        facts.push(said);
    }
    let graph = Graph::new(described);
    gaps.extend(graph_gaps(&graph));
    let env_py = database
        .env_py
        .as_deref()
        .and_then(|path| modules.load(path));
    let settings = Arc::new(settings(&config));
    let environment = memo.environment.get_or_init(|| {
        env_py.as_ref().map_or_else(Default::default, |module| {
            alembic::env::read(
                module,
                config.postgres_version,
                &settings,
                &(modules.clone() as Arc<dyn Modules>),
            )
        })
    });
    let environment = environment.clone();
    choose_driver(&mut config, told_driver, database, &environment);
    let (initial, applied, said) = memo
        .initial
        .get_or_init(|| initial_catalog(files, &config, &environment, &graph));
    gaps.extend(said.iter().cloned());
    let released = released(&graph, &config);
    let beside = graph.beside_others();
    let mut imports = Imports::new(&*modules, migration_folders(database));
    let revisions = graph
        .order()
        .iter()
        // what the initial schema holds already is not run again
        .filter(|index| !applied.contains(index))
        .map(|index| {
            if let Some(known) = memo.revision(parsed[*index].file) {
                return known;
            }
            let identifiers = &graph.revisions()[*index].identifiers;
            let mut revision = Revision::new(
                &identifiers.revision,
                &identifiers.down_revisions,
                parsed[*index].clone(),
                identifiers.revision_span,
            );
            revision.released = released.contains(index);
            revision.beside_others = beside.contains(index);
            revision.facts = facts[*index].clone();
            revision.application_imports = imports.of(&parsed[*index]);
            let path = sources.file(revision.file).path().to_owned();
            revision.reported = database
                .report_only
                .as_ref()
                .is_none_or(|only| only.contains(&path));
            let revision = Arc::new(revision);
            memo.remember_revision(&revision);
            revision
        })
        .collect();
    Loaded {
        revisions,
        graph,
        modules,
        diagnostics,
        gaps,
        fixes: None,
        memo: memo.clone(),
        config: Arc::new(config),
        env_py,
        environment,
        initial: initial.clone(),
    }
}

/// The modules that revisions may import: those that are known, where some were loaded before.
fn modules(
    database: &Database,
    files: &Arc<dyn Files>,
    sources: &Arc<SourceMap>,
    memo: &Memo,
) -> Arc<ProjectModules> {
    let new = || {
        let roots = database.import_roots.clone();
        Arc::new(ProjectModules::new(files.clone(), sources.clone(), roots))
    };
    let Some(known) = memo.modules.get() else {
        return memo.modules.get_or_init(new).clone();
    };
    let changed = memo.changed();
    Arc::new(known.revised(files.clone(), sources.clone(), &changed))
}

pub(super) fn settings(config: &Config) -> Settings {
    Settings {
        alembic: config.alembic_version,
        sqlalchemy: config.sqlalchemy_version,
        driver: config.driver,
        naming_convention: BTreeMap::new(),
        version_schema: None,
        options: alembic::configuration::Options::default(),
    }
}

/// The driver, where the user sets none: that of the database's URL, else of an asynchronous engine, else the one that
/// the project lists.
fn choose_driver(
    config: &mut Config,
    listed: Option<Told<Driver>>,
    database: &Database,
    environment: &EnvironmentFacts,
) {
    if config.sources.driver.is_some() {
        return;
    }
    let url = database.url.as_deref();
    let of_url = url.and_then(|url| Driver::of_url(url, config.sqlalchemy_version));
    // psycopg 2 has no asynchronous side
    let is_asynchronous = environment.asynchronous
        && listed
            .as_ref()
            .is_none_or(|listed| listed.value == Driver::Psycopg2);
    let chosen = match (of_url, &database.ini, &database.env_py) {
        (Some(driver), Some(ini), _) => Some((driver, format!("`sqlalchemy.url` in `{ini}`"))),
        (_, _, Some(env_py)) if is_asynchronous => Some((
            Driver::Asyncpg,
            format!("an asynchronous engine in `{env_py}`"),
        )),
        _ => listed.map(|listed| (listed.value, listed.source)),
    };
    if let Some((driver, source)) = chosen {
        config.driver = driver;
        config.sources.driver = Some(source);
    }
}

/// The schema before the first revision, and the revisions that it holds already.
fn initial_catalog(
    files: &Arc<dyn Files>,
    config: &Config,
    environment: &EnvironmentFacts,
    graph: &Graph,
) -> (Catalog, BTreeSet<history::Index>, Vec<Gap>) {
    let empty = Catalog {
        open: !graph.is_closed(),
        ..Catalog::default()
    };
    let Some(path) = &config.initial_schema else {
        return (empty, BTreeSet::new(), Vec::new());
    };
    let text = match files.read(path) {
        Ok(Some(bytes)) => decode(&bytes).text,
        failed => {
            let why = failed.err().map_or_else(
                || format!("`initial-schema`: there is no file `{path}`"),
                |error| format!("`initial-schema`: {error}"),
            );
            let gap = Gap {
                site: None,
                what: why,
            };
            return (empty, BTreeSet::new(), vec![gap]);
        }
    };
    let table = environment.version_table.as_deref();
    let schema = initial_schema::read(
        path,
        &text,
        config.postgres_version,
        table.unwrap_or("alembic_version"),
    );
    let heads = schema
        .applied
        .iter()
        .flat_map(|name| graph.named_by_user(name));
    (schema.catalog, graph.ancestors_of(heads), schema.gaps)
}

/// Folders in which modules belong to the migrations, and not to the application.
fn migration_folders(database: &Database) -> Vec<Utf8PathBuf> {
    let beside = database.version_locations.iter().flat_map(|location| {
        // without an `env.py`, helpers stand beside the folder of the revisions
        let above = database
            .script_location
            .is_none()
            .then(|| location.parent().map(camino::Utf8Path::to_owned))
            .flatten();
        std::iter::once(location.clone()).chain(above)
    });
    // a package of the migrations that holds the folder of Alembic's among others
    let around = database
        .script_location
        .iter()
        .filter_map(|location| location.parent())
        .filter(|parent| {
            parent
                .file_name()
                .is_some_and(|name| name.contains("migration"))
        })
        .map(camino::Utf8Path::to_owned);
    database
        .script_location
        .iter()
        .cloned()
        .chain(around)
        .chain(beside)
        .filter(|folder| !folder.as_str().is_empty())
        .collect()
}

/// What is wrong with the graph, as far as it decides what a revision is replayed on.
fn graph_gaps(graph: &Graph) -> Vec<Gap> {
    let revision = |index: history::Index| &graph.revisions()[index];
    let at = |index: history::Index, span: fn(&history::Identifiers) -> Span, what: String| Gap {
        site: Some(Site {
            file: revision(index).file,
            span: span(&revision(index).identifiers),
        }),
        what,
    };
    let computed = (0..graph.revisions().len())
        .filter(|index| revision(*index).identifiers.down_revision_computed)
        .map(|index| {
            let what = "`down_revision` is no constant: replayed as if nothing came before it";
            at(index, |own| own.down_revision_span, what.to_owned())
        });
    // the rules on the graph say what is wrong; here stands what can't be known for it
    let problems = graph.problems().iter().filter_map(|problem| match problem {
        Problem::MissingParent { child, parent, .. } => Some(at(
            *child,
            |own| own.down_revision_span,
            format!("no file is the revision `{parent}`: what it did is not known"),
        )),
        Problem::Ambiguous { child, parent } => Some(at(
            *child,
            |own| own.depends_on_span.unwrap_or(own.down_revision_span),
            format!("several revisions begin with `{parent}`: which of them is meant is not known"),
        )),
        Problem::Cycle { members } => members.first().map(|first| {
            let what = format!(
                "{} revisions are their own ancestors: replayed in the order of their ids",
                members.len()
            );
            at(*first, |own| own.down_revision_span, what)
        }),
        Problem::Duplicate { .. } => None,
    });
    computed.chain(problems).collect()
}

fn start_of(module: &syntax::Module) -> Site {
    Site {
        file: module.file,
        span: Span::default(),
    }
}

/// The files' modules in the order of the paths; a file that can't be read leaves a gap.
fn parse_all(
    paths: &[Utf8PathBuf],
    files: &Arc<dyn Files>,
    sources: &Arc<SourceMap>,
    memo: &Memo,
    gaps: &mut Vec<Gap>,
) -> Vec<Result<(Arc<syntax::Module>, Facts), FileId>> {
    let read: Vec<Result<String, FileError>> = paths
        .par_iter()
        .map(|path| match measure(Phase::Read, || files.read(path)) {
            Ok(Some(bytes)) => Ok(measure(Phase::Read, || decode(&bytes).text)),
            Ok(None) => Err(FileError::NoFile(path.clone())),
            Err(error) => Err(error),
        })
        .collect();
    // numbers are given in the order of the paths, so that they do not depend on the threads
    let numbered: Vec<_> = paths
        .iter()
        .zip(read)
        .filter_map(|(path, text)| match text {
            Ok(text) => Some(memo.file(path, text, sources)),
            Err(error) => {
                gaps.push(unread_gap(path, &error, sources));
                None
            }
        })
        .collect();
    numbered
        .par_iter()
        .map(|(id, file)| {
            if let Some(known) = memo.parsed(*id) {
                return Ok(known);
            }
            // a file that foreshot can't cope with must not take the others with it
            catch_unwind(AssertUnwindSafe(|| {
                faults::trip("read", file.path().as_str());
                let (module, facts) = measure(Phase::Parse, || {
                    let module = syntax::parse(*id, file.text());
                    let facts = alembic::revision::facts(&module, file.text());
                    (Arc::new(module), facts)
                });
                memo.remember_parsed(&module, &facts);
                (module, facts)
            }))
            .map_err(|_| *id)
        })
        .collect()
}

pub(super) fn released(graph: &Graph, config: &Config) -> BTreeSet<history::Index> {
    let heads = config
        .start_after
        .iter()
        .flat_map(|name| graph.named_by_user(name));
    graph.ancestors_of(heads)
}

fn syntax_errors(module: &syntax::Module) -> Vec<Diagnostic> {
    let Some(error) = module.errors.first() else {
        return Vec::new();
    };
    if let Some(limit) = limits::told_by(&error.message) {
        let site = Site {
            file: module.file,
            span: error.span,
        };
        return vec![beyond(limit, site, None)];
    }
    vec![Diagnostic {
        rule: UNREADABLE,
        severity: Severity::Error,
        site: Site {
            file: module.file,
            span: error.span,
        },
        message: format!(
            "Alembic can't load this revision, and so runs none: it is no valid Python ({}); functions from here on are not judged",
            error.message
        ),
        help: None,
        labels: Vec::new(),
        notes: Vec::new(),
        revision: None,
        fix: None,
    }]
}
