//! From arguments to an analysis: finds the project, its configuration and its databases, and has them analysed.

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};

use super::progress::Progress;
use super::since::{self, Past, Views};
use super::{Failure, Input, baseline};
use crate::analysis::{self, Loaded};
use crate::config::{Config, ConfigError, Level, Loader};
use crate::diagnostic::{Diagnostic, RuleInfo, Severity};
use crate::discover::versions::{Finder, Versions};
use crate::discover::{self, Database, Note, ProjectModules};
use crate::files::{Disk, FileError, Files, Overlay, Placed, join, place_below, within};
use crate::fix::{self, Proof, Style};
use crate::history::Graph;
use crate::limits::{self, Limit};
use crate::postgres::Catalog;
use crate::repair::Trial;
use crate::report::Summary;
use crate::rules;
use crate::source::{FileId, SourceMap};
use crate::suppress;
use crate::timings::{Phase, measure};
use crate::trace::{Gap, TracedRun};

/// A project as the command line asks for it.
pub(super) struct Project {
    /// The view that was read.
    pub(super) files: Arc<dyn Files>,
    /// Its root, absolute.
    pub(super) root: Utf8PathBuf,
    /// Where foreshot was started, absolute.
    pub(super) working_folder: Utf8PathBuf,
    /// Whether the paths are those that are looked at where none is named.
    pub(super) asks_for_all: bool,
    /// The findings that are accepted for now, where a baseline is in force.
    pub(super) accepted: Option<Arc<baseline::Opened>>,
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

impl Project {
    /// How many revisions there are.
    pub(super) fn revisions(&self) -> usize {
        self.loaded
            .iter()
            .map(|loaded| loaded.revisions.len())
            .sum()
    }
}

/// What came of an analysis, before levels and suppressions.
#[derive(Default)]
pub(super) struct Analysed {
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) traces: Vec<TracedRun>,
    pub(super) notes: Vec<Note>,
    pub(super) summary: Summary,
    pub(super) proofs: Vec<Proof>,
    pub(super) left: Vec<Catalog>,
}

/// Finds everything that the arguments name, as it is on disk.
pub(super) fn open(input: &Input) -> Result<Project, Failure> {
    open_views(input, &Views::default())
}

/// Where foreshot was started, absolute.
fn working_folder() -> Result<Utf8PathBuf, Failure> {
    let folder =
        std::env::current_dir().map_err(|error| Failure::WorkingFolder(error.to_string()))?;
    Utf8PathBuf::from_path_buf(folder).map_err(|_| Failure::NotUnicode)
}

/// The paths that were named, or the working folder.
fn named_paths(input: &Input) -> Vec<Utf8PathBuf> {
    if input.paths.is_empty() {
        vec![Utf8PathBuf::from(".")]
    } else {
        input.paths.clone()
    }
}

/// The configuration in force, and its file.
pub(super) fn configured(input: &Input) -> Result<(Config, Option<Utf8PathBuf>), Failure> {
    let working_folder = working_folder()?;
    let placed = place_below(input.root.as_deref(), &working_folder, &named_paths(input))?;
    let files = Disk::new(&placed.root)?;
    let (config, file) = configuration(input, &files, &placed, &working_folder)?;
    Ok((config.with(&input.overrides()), file))
}

/// Finds everything that the arguments name, and what it was before.
pub(super) fn open_views(input: &Input, views: &Views) -> Result<Project, Failure> {
    let working_folder = working_folder()?;
    let (mut placed, stdin) = place_input(input, &working_folder)?;
    let (files, compared, about) = since::views(&placed.root, views)?;
    let files: Arc<dyn Files> = match stdin {
        Some((path, bytes)) => Arc::new(Overlay::new(files).with(&path, bytes)),
        None => files,
    };
    let (config, config_file) = measure(Phase::Discover, || {
        configuration(input, files.as_ref(), &placed, &working_folder)
    })?;
    limits::install(config.limits);
    let options = discover::Options {
        name: input.name.clone(),
        working_folder: placed.working_folder.clone(),
        sql: config.sql.clone(),
    };
    if input.paths.is_empty() && !config.database.is_empty() {
        placed.paths.clone_from(&config.database);
    }
    let mut discovery = measure(Phase::Discover, || {
        discover::discover(files.as_ref(), &placed.paths, &options)
    })?;
    let config = config.with(&input.overrides());
    let mut notes = discovery.notes;
    let named: &[Utf8PathBuf] = if input.force_exclude {
        &[]
    } else {
        &placed.paths
    };
    exclude(&mut discovery.databases, &config, named, &mut notes);
    let sources = Arc::new(SourceMap::default());
    let versions = Finder::new(files.as_ref());
    let loaded = discovery
        .databases
        .iter()
        .map(|database| {
            let told = measure(Phase::Discover, || versions.versions(folder_of(database)));
            let memo = Arc::default();
            analysis::load(database, &files, &sources, &config, told, &memo)
        })
        .collect();
    notes.extend(about);
    let past =
        compared.map(|compared| Past::load(compared, &placed.paths, &options, &sources, &config));
    Ok(Project {
        files,
        root: placed.root,
        working_folder,
        asks_for_all: input.paths.is_empty(),
        accepted: None,
        sources,
        config: Arc::new(config),
        config_file,
        databases: discovery.databases,
        loaded,
        notes,
        past,
    })
}

/// Takes what the configuration excludes out of what is reported; a file that is named on the command line stays. A
/// database of which nothing is left is not analysed.
fn exclude(
    databases: &mut Vec<Database>,
    config: &Config,
    named: &[Utf8PathBuf],
    notes: &mut Vec<Note>,
) {
    databases.retain_mut(|database| {
        let excluded = |file: &Utf8PathBuf| config.exclude.mean(file) && !named.contains(file);
        let only = database.report_only.as_ref();
        if !database.revision_files.iter().any(excluded) {
            return true;
        }
        let left: BTreeSet<Utf8PathBuf> = database
            .revision_files
            .iter()
            .filter(|file| only.is_none_or(|only| only.contains(*file)) && !excluded(file))
            .cloned()
            .collect();
        if left.is_empty() {
            notes.push(Note {
                path: Some(database.name.clone().into()),
                message: "is excluded by the configuration: not analysed".to_owned(),
            });
            return false;
        }
        database.report_only = Some(left);
        true
    });
}

/// A file's path in the project, and the text that it is taken to have.
type Typed = (Utf8PathBuf, Vec<u8>);

/// The project, and what stands on standard input in the place of a file, where it does.
fn place_input(
    input: &Input,
    working_folder: &Utf8Path,
) -> Result<(Placed, Option<Typed>), Failure> {
    let from_stdin = input.paths.iter().any(|path| path == "-");
    if !from_stdin {
        if input.stdin_filename.is_some() {
            return Err(Failure::StandardInput(
                "`--stdin-filename` says whose text is on standard input: name `-` as the path"
                    .to_owned(),
            ));
        }
        return Ok((
            place_below(input.root.as_deref(), working_folder, &named_paths(input))?,
            None,
        ));
    }
    if input.paths.len() > 1 {
        return Err(Failure::StandardInput(
            "`-` is read alone: name no other path beside it".to_owned(),
        ));
    }
    let mut bytes = Vec::new();
    let most = Limit::FileSize.get();
    let read = std::io::stdin().take(most + 1).read_to_end(&mut bytes);
    read.map_err(|error| Failure::StandardInput(format!("standard input can't be read: {error}")))?;
    if bytes.len() as u64 > most {
        return Err(Failure::StandardInput(format!(
            "standard input holds more than the {} bytes that are read",
            limits::grouped(most)
        )));
    }
    let file = input
        .stdin_filename
        .clone()
        .unwrap_or_else(|| Utf8PathBuf::from("stdin.sql"));
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else {
        return Err(Failure::StandardInput(format!(
            "`{file}` is no name of a file"
        )));
    };
    // the file itself need not be there yet; its folder places it
    let folder = if folder.as_str().is_empty() {
        Utf8PathBuf::from(".")
    } else {
        folder.to_owned()
    };
    let mut placed = place_below(input.root.as_deref(), working_folder, &[folder])?;
    let path = join(&placed.paths.pop().unwrap_or_default(), name);
    placed.paths.push(path.clone());
    Ok((placed, Some((path, bytes))))
}

fn configuration(
    input: &Input,
    files: &dyn Files,
    placed: &Placed,
    working_folder: &Utf8Path,
) -> Result<(Config, Option<Utf8PathBuf>), Failure> {
    let rules = rules();
    let Some(given) = &input.config else {
        let loader = Loader {
            files,
            root: Utf8Path::new(""),
            rules: &rules,
        };
        let (config, file) = loader.nearest(&common_folder(files, &placed.paths))?;
        if file.is_some() {
            return Ok((config, file));
        }
        return Ok(loader.nearest(&placed.working_folder)?);
    };
    // named on purpose: it, and what it extends, may lie outside the project
    let missing = || FileError::Io {
        path: given.clone(),
        message: "there is no such file".to_owned(),
    };
    let path = working_folder
        .join(given)
        .canonicalize_utf8()
        .map_err(|_| missing())?;
    let top = path.ancestors().last().unwrap_or(&path);
    let below = |path: &Utf8Path| path.strip_prefix(top).map(Utf8Path::to_owned);
    let (Ok(inner), Ok(root)) = (below(&path), below(&placed.root)) else {
        return Err(missing().into());
    };
    let disk = Disk::new(top)?;
    let loader = Loader {
        files: &disk,
        root: &root,
        rules: &rules,
    };
    let config = loader.file(&inner).map_err(|error| ConfigError {
        file: if error.file == inner {
            given.clone()
        } else {
            top.join(error.file)
        },
        ..error
    })?;
    Ok((config.unwrap_or_default(), Some(given.clone())))
}

/// The folder that holds all paths.
fn common_folder(files: &dyn Files, paths: &[Utf8PathBuf]) -> Utf8PathBuf {
    let mut folders = paths.iter().map(|path| {
        if files.is_file(path) {
            path.parent().unwrap_or(Utf8Path::new(""))
        } else {
            path
        }
    });
    let first = folders.next().unwrap_or(Utf8Path::new(""));
    folders
        .fold(first, |common, folder| {
            common
                .ancestors()
                .find(|above| within(folder, above))
                .unwrap_or(Utf8Path::new(""))
        })
        .to_owned()
}

/// The rules that judge the input itself, not what it does.
static OWN_RULES: [RuleInfo; 4] = [
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
        summary: "a revision that is no Python, or a statement that is no SQL: what is behind the syntax error is not judged",
        tags: &["input"],
        category: "input",
        default_level: Level::At(Severity::Error),
        markdown: analysis::UNREADABLE_PAGE,
    },
    RuleInfo {
        id: limits::RULE,
        summary: "a bound of foreshot's own was met: what lies behind it is not judged",
        tags: &["input"],
        category: "input",
        default_level: Level::At(Severity::Warning),
        markdown: limits::PAGE,
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

impl Project {
    /// The text of a file as it was analysed.
    pub(super) fn text(&self, path: &Utf8Path) -> Option<String> {
        let files = (0..self.sources.len() as u32).map(|number| self.sources.file(FileId(number)));
        let found = files.into_iter().find(|file| file.path() == path)?;
        Some(found.text().to_string())
    }

    /// How the project's revisions guard, and how they are formatted.
    pub(super) fn style(&self) -> Style {
        let modules = self
            .loaded
            .iter()
            .flat_map(|loaded| &loaded.revisions)
            .filter_map(|revision| {
                let module = revision.module()?;
                Some((
                    module.as_ref(),
                    self.sources.file(module.file).text().clone(),
                ))
            });
        let line_length = fix::line_length(self.files.as_ref());
        let known = self.loaded.first().map(|loaded| loaded.modules.as_ref());
        let nothing;
        let known = match known {
            Some(known) => known,
            None => {
                nothing = ProjectModules::new(self.files.clone(), self.sources.clone(), Vec::new());
                &nothing
            }
        };
        Style::measure(modules, known, self.config.alembic_version, line_length)
    }

    /// Has findings be given fixes.
    pub(super) fn propose(&mut self, style: &Style) {
        for loaded in &mut self.loaded {
            loaded.fixes = Some(fix::Request {
                style: style.clone(),
                sources: self.sources.clone(),
                attempts: Arc::default(),
                apart: None,
            });
        }
    }

    /// Lets go of what was read of the revisions, which are judged: what is analysed anew is read anew, or remembered.
    pub(super) fn forget_revisions(&mut self) {
        for loaded in &mut self.loaded {
            loaded.revisions.clear();
        }
    }

    /// How much was simulated so far.
    pub(super) fn effort(&self) -> u64 {
        let loaded = self.loaded.iter();
        loaded.map(|one| one.memo.effort.steps()).sum()
    }

    /// The same project with other files, so that it may be analysed anew as the trial says: what is the same is not read anew.
    /// What it was before a change is left out.
    pub(super) fn with_files(
        &self,
        files: &Arc<dyn Files>,
        trial: Trial<'_>,
        style: &Style,
    ) -> Self {
        let sources = Arc::new(self.sources.revised());
        let attempts = Arc::new(trial.attempts.clone());
        let loaded = self
            .databases
            .iter()
            .zip(&self.loaded)
            .enumerate()
            .map(|(place, (database, known))| {
                let told = Versions::default();
                let config = &known.config;
                let memo = &known.memo;
                let mut loaded = analysis::load(database, files, &sources, config, told, memo);
                loaded.fixes = Some(fix::Request {
                    style: style.clone(),
                    sources: sources.clone(),
                    attempts: attempts.clone(),
                    apart: trial.apart.and_then(|left| left.get(place).cloned()),
                });
                loaded
            })
            .collect();
        Self {
            files: files.clone(),
            root: self.root.clone(),
            working_folder: self.working_folder.clone(),
            asks_for_all: self.asks_for_all,
            accepted: self.accepted.clone(),
            sources,
            config: self.config.clone(),
            config_file: self.config_file.clone(),
            databases: self.databases.clone(),
            loaded,
            notes: self.notes.clone(),
            past: None,
        }
    }
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
pub(super) fn analyze(
    project: &Project,
    database: &Database,
    keep_traces: bool,
    progress: Option<&Progress>,
) -> Analysed {
    let Some(loaded) = loaded(project, database) else {
        return Analysed::default();
    };
    let base = project
        .past
        .as_ref()
        .and_then(|past| past.base(database, loaded));
    let step = || {
        if let Some(progress) = progress {
            progress.step();
        }
    };
    let request = analysis::Request {
        base,
        keep_traces,
        step: Some(&step),
    };
    let analysis = analysis::analyze(database, loaded, request);
    let coverage = analysis.coverage;
    Analysed {
        diagnostics: analysis.diagnostics,
        traces: analysis.traces,
        proofs: analysis.proofs,
        left: analysis.left,
        notes: analysis.gaps.iter().map(|gap| note(project, gap)).collect(),
        summary: Summary {
            databases: 1,
            revisions: coverage.revisions,
            statements: coverage.statements,
            unknown_statements: coverage.unknown,
            unknown_conditions: coverage.conditions,
            gaps: coverage.gaps,
            suppressed: 0,
            baselined: 0,
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
