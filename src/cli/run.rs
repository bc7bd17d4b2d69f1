//! From arguments to an analysis: finds the project, its configuration and its databases, and has them analysed.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::since::{self, Past, Views};
use super::{Failure, Input};
use crate::analysis::{self, Loaded};
use crate::config::{self, Config, Level};
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::discover::versions::Finder;
use crate::discover::{self, Database, Note};
use crate::files::{Disk, FileError, Files, Placed, place};
use crate::history::Graph;
use crate::report::Summary;
use crate::rules;
use crate::source::SourceMap;
use crate::suppress;
use crate::trace::{Gap, TracedRun};

/// A project as the command line asks for it.
pub(super) struct Project {
    /// Its files' texts, as far as read.
    pub(super) sources: Arc<SourceMap>,
    /// What is set.
    pub(super) config: Arc<Config>,
    /// The file that sets it, where there is one.
    pub(super) config_file: Option<Utf8PathBuf>,
    /// What there is to analyse.
    pub(super) databases: Vec<Database>,
    /// The revisions of each database, parsed and in order.
    loaded: Vec<Loaded>,
    /// What to know about it.
    pub(super) notes: Vec<Note>,
    /// What it was before the change that is judged, where one is asked for.
    pub(super) past: Option<Past>,
}

/// What came of an analysis, before levels and suppressions.
#[derive(Default)]
pub(super) struct Analysed {
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) traces: Vec<TracedRun>,
    pub(super) notes: Vec<Note>,
    pub(super) summary: Summary,
}

/// Finds everything that the arguments name, as it is on disk.
pub(super) fn open(input: &Input) -> Result<Project, Failure> {
    open_views(input, &Views::default())
}

/// Finds everything that the arguments name, and what it was before.
pub(super) fn open_views(input: &Input, views: &Views) -> Result<Project, Failure> {
    let working_folder =
        std::env::current_dir().map_err(|error| Failure::WorkingFolder(error.to_string()))?;
    let working_folder =
        Utf8PathBuf::from_path_buf(working_folder).map_err(|_| Failure::NotUnicode)?;
    let placed = place(&working_folder, &input.paths)?;
    let (files, compared, about) = since::views(&placed.root, views)?;
    let (config, config_file) = configuration(input, files.as_ref(), &placed, &working_folder)?;
    let options = discover::Options {
        name: input.name.clone(),
        working_folder: placed.working_folder.clone(),
    };
    let discovery = discover::discover(files.as_ref(), &placed.paths, &options)?;
    let config = config.with(&input.overrides());
    let sources = Arc::new(SourceMap::default());
    let versions = Finder::new(files.as_ref());
    let loaded = discovery
        .databases
        .iter()
        .map(|database| {
            let told = versions.versions(folder_of(database));
            analysis::load(database, &files, &sources, &config, told)
        })
        .collect();
    let mut notes = discovery.notes;
    notes.extend(about);
    let past =
        compared.map(|compared| Past::load(compared, &placed.paths, &options, &sources, &config));
    Ok(Project {
        sources,
        config: Arc::new(config),
        config_file,
        databases: discovery.databases,
        loaded,
        notes,
        past,
    })
}

fn configuration(
    input: &Input,
    files: &dyn Files,
    placed: &Placed,
    working_folder: &Utf8Path,
) -> Result<(Config, Option<Utf8PathBuf>), Failure> {
    let rules = rules();
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    let Some(given) = &input.config else {
        return Ok(config::load(files, &placed.working_folder, &ids)?);
    };
    // named on purpose: it may lie outside the project, in a folder of its own
    let path = working_folder.join(given);
    let missing = || FileError::Io {
        path: given.clone(),
        message: "there is no such file".to_owned(),
    };
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Err(missing().into());
    };
    let folder = Disk::new(folder).map_err(|_| missing())?;
    let config = config::load_file(&folder, Utf8Path::new(name), &ids).map_err(|mut error| {
        error.file.clone_from(given);
        error
    })?;
    Ok((config.unwrap_or_default(), Some(given.clone())))
}

/// The rules that judge the input itself, not what it does.
static OWN_RULES: [RuleInfo; 3] = [
    RuleInfo {
        id: suppress::RULE,
        summary: "a `foreshot:` comment that is malformed, gives no reason, names no rule or suppresses nothing",
        tags: &["comment"],
        category: "comment",
        default_level: Level::At(Severity::Warning),
        markdown: suppress::PAGE,
    },
    RuleInfo {
        id: analysis::UNREADABLE,
        summary: "a revision that is no Python: functions behind the syntax error are not judged",
        tags: &["input"],
        category: "input",
        default_level: Level::At(Severity::Error),
        markdown: analysis::UNREADABLE_PAGE,
    },
    RuleInfo {
        id: analysis::INTERNAL,
        summary: "foreshot itself broke off in this revision",
        tags: &["input"],
        category: "input",
        default_level: Level::At(Severity::Error),
        markdown: analysis::INTERNAL_PAGE,
    },
];

/// All rules, sorted by id.
pub(super) fn rules() -> Vec<RuleInfo> {
    let mut rules: Vec<RuleInfo> = rules::RULES.iter().map(|rule| rule.info).collect();
    rules.extend(OWN_RULES);
    rules.sort_by_key(|rule| rule.id);
    rules
}

fn loaded<'a>(project: &'a Project, database: &Database) -> Option<&'a Loaded> {
    let place = project
        .databases
        .iter()
        .position(|known| known == database)?;
    project.loaded.get(place)
}

/// Where a database's own files stand.
pub(super) fn folder_of(database: &Database) -> &Utf8Path {
    database
        .script_location
        .as_deref()
        .or(database.version_locations.first().map(Utf8PathBuf::as_path))
        .unwrap_or(Utf8Path::new(""))
}

/// What is in force for a database.
pub(super) fn config_of<'a>(project: &'a Project, database: &Database) -> &'a Config {
    loaded(project, database).map_or(&*project.config, |loaded| &*loaded.config)
}

/// The graph of a database.
pub(super) fn graph<'a>(project: &'a Project, database: &Database) -> Option<&'a Graph> {
    loaded(project, database).map(|loaded| &loaded.graph)
}

/// Replays a database and lets the rules judge.
pub(super) fn analyze(project: &Project, database: &Database, keep_traces: bool) -> Analysed {
    let Some(loaded) = loaded(project, database) else {
        return Analysed::default();
    };
    let base = project
        .past
        .as_ref()
        .and_then(|past| past.base(database, loaded));
    let analysis = analysis::analyze(loaded, base, keep_traces);
    let coverage = analysis.coverage;
    Analysed {
        diagnostics: analysis.diagnostics,
        traces: analysis.traces,
        notes: analysis.gaps.iter().map(|gap| note(project, gap)).collect(),
        summary: Summary {
            databases: 1,
            revisions: coverage.revisions,
            statements: coverage.statements,
            unknown_statements: coverage.unknown,
            unknown_conditions: coverage.conditions,
            gaps: coverage.gaps,
            suppressed: 0,
            known: 0,
            failures: coverage.panics,
        },
    }
}

/// What could not be analysed, as a note with its line.
fn note(project: &Project, gap: &Gap) -> Note {
    let Some(site) = gap.site else {
        return Note {
            path: None,
            message: gap.what.clone(),
        };
    };
    let file = project.sources.file(site.file);
    Note {
        path: Some(file.path().to_owned()),
        message: format!("line {}: {}", file.line(site.span.start), gap.what),
    }
}
