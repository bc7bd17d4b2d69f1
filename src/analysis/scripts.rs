//! A database of SQL files: read in parallel and put in the order of their tool.

use std::panic::catch_unwind;
use std::sync::Arc;

use camino::{Utf8Component, Utf8Path, Utf8PathBuf};
use rayon::prelude::*;
use rustc_hash::FxHashSet;

use super::{Loaded, Memo, UNREADABLE, unread, unread_gap};
use crate::alembic::env::EnvironmentFacts;
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Severity};
use crate::discover::{Database, ProjectModules, SqlFiles};
use crate::faults;
use crate::files::{FileError, Files, decode, join};
use crate::history::{self, Graph, Identifiers};
use crate::postgres::Catalog;
use crate::replay::Revision;
use crate::scripts::{self, Format, Included, Migration, Reading, Refusal, Script, Why};
use crate::source::{FileId, Site, SourceFile, SourceMap, Span};
use crate::timings::{Phase, measure};
use crate::trace::Gap;

/// A file's number and text.
type Read = (FileId, Arc<SourceFile>);

/// One migration with what was read of it.
struct Entry<'a> {
    migration: &'a Migration,
    up: Read,
    down: Option<Read>,
    /// What psql's `\\i` brings in.
    included: Vec<Included>,
    /// A file beside it asks for no transaction.
    outside: bool,
}

/// What came of a migration.
struct Parsed {
    id: String,
    file: FileId,
    readings: Option<Vec<(Option<String>, Reading)>>,
}

/// Reads the SQL files of a database.
pub(super) fn load(
    database: &Database,
    sql: &SqlFiles,
    files: &Arc<dyn Files>,
    sources: &Arc<SourceMap>,
    config: Config,
    memo: &Arc<Memo>,
) -> Loaded {
    let mut gaps = Vec::new();
    let migrations = scripts::migrations(sql.format, &database.revision_files);
    let taken: FxHashSet<&str> = migrations
        .iter()
        .flat_map(|migration| [Some(&migration.up), migration.down.as_ref()])
        .flatten()
        .map(|file| file.as_str())
        .collect();
    for file in &database.revision_files {
        if !taken.contains(file.as_str()) {
            gaps.push(Gap {
                site: None,
                what: format!(
                    "`{file}`: the migration that it takes back is not there: not analysed"
                ),
            });
        }
    }
    let entries = entries(&migrations, sql.format, files, (sources, memo), &mut gaps);
    let parsed: Vec<Parsed> = entries
        .par_iter()
        .map(|entry| Parsed {
            id: entry.migration.id.clone(),
            file: entry.up.0,
            // a file that foreshot can't cope with must not take the others with it
            readings: catch_unwind(|| measure(Phase::Parse, || parse(entry, sql, &config))).ok(),
        })
        .collect();
    let mut diagnostics = Vec::new();
    let mut read: Vec<(String, Arc<Script>)> = Vec::new();
    for one in parsed {
        let Some(readings) = one.readings else {
            diagnostics.push(unread(one.file));
            continue;
        };
        for (name, reading) in readings {
            match reading {
                Reading::Foreign(server) => gaps.push(Gap {
                    site: Some(start_of(one.file)),
                    what: format!("is written for {server}: not analysed"),
                }),
                Reading::Read { script, refusals } => {
                    diagnostics.extend(refusals.iter().map(refused));
                    let id =
                        name.map_or_else(|| one.id.clone(), |name| format!("{}/{name}", one.id));
                    read.push((id, Arc::new(script)));
                }
            }
        }
    }
    let (revisions, graph) = chain(database, read, sources, &config);
    let initial = Catalog {
        open: sql.fragment || !graph.is_closed(),
        ..Catalog::default()
    };
    Loaded {
        revisions,
        graph,
        modules: Arc::new(ProjectModules::new(
            files.clone(),
            sources.clone(),
            Vec::new(),
        )),
        diagnostics,
        gaps,
        fixes: None,
        memo: memo.clone(),
        config: Arc::new(config),
        env_py: None,
        environment: EnvironmentFacts::default(),
        initial,
    }
}

fn start_of(file: FileId) -> Site {
    Site {
        file,
        span: Span::default(),
    }
}

/// Reads the files, and numbers them in the order of their migrations.
fn entries<'a>(
    migrations: &'a [Migration],
    format: Format,
    files: &Arc<dyn Files>,
    (sources, memo): (&SourceMap, &Memo),
    gaps: &mut Vec<Gap>,
) -> Vec<Entry<'a>> {
    let paths: Vec<&Utf8PathBuf> = migrations
        .iter()
        .flat_map(|migration| [Some(&migration.up), migration.down.as_ref()])
        .flatten()
        .collect();
    let texts: Vec<Result<(String, Vec<String>), FileError>> = paths
        .par_iter()
        .map(|path| match measure(Phase::Read, || files.read(path)) {
            Ok(Some(bytes)) => {
                let decoded = measure(Phase::Read, || decode(&bytes));
                Ok((decoded.text, decoded.notes))
            }
            Ok(None) => Err(FileError::NoFile((*path).clone())),
            Err(error) => Err(error),
        })
        .collect();
    let mut texts = paths.into_iter().zip(texts);
    let mut next = |gaps: &mut Vec<Gap>| -> Option<Read> {
        let (path, text) = texts.next()?;
        match text {
            Ok((text, notes)) => {
                let empty = text.trim().is_empty();
                let (id, file) = memo.file(path, text, sources);
                let notes = notes
                    .into_iter()
                    .chain(empty.then(|| "is empty".to_owned()));
                gaps.extend(notes.map(|what| Gap {
                    site: Some(start_of(id)),
                    what,
                }));
                Some((id, file))
            }
            Err(error) => {
                gaps.push(unread_gap(path, &error, sources));
                None
            }
        }
    };
    let mut entries = Vec::with_capacity(migrations.len());
    for migration in migrations {
        let up = next(gaps);
        let down = migration.down.as_ref().and_then(|_| next(gaps));
        if let Some(up) = up {
            let included = match format {
                Format::Plain => {
                    let mut open = vec![migration.up.clone()];
                    bring_in(up.1.text(), &mut open, files.as_ref(), sources, gaps)
                }
                _ => Vec::new(),
            };
            entries.push(Entry {
                included,
                migration,
                up,
                down,
                outside: asks_for_none(format, &migration.up, files.as_ref()),
            });
        }
    }
    entries
}

/// The files that psql's `\\i` and `\\ir` in a text bring in, with what they bring in themselves. `open`: the files that
/// are being read, the text's own last.
fn bring_in(
    text: &str,
    open: &mut Vec<Utf8PathBuf>,
    files: &dyn Files,
    sources: &SourceMap,
    gaps: &mut Vec<Gap>,
) -> Vec<Included> {
    let mut included: Vec<Included> = Vec::new();
    // most files have none
    if !text.contains('\\') {
        return included;
    }
    for line in text
        .lines()
        .filter(|line| line.trim_start().starts_with('\\'))
    {
        let Some(written) = scripts::includes(line) else {
            continue;
        };
        if included.iter().any(|known| known.written == written) || open.len() >= MAX_INCLUDED {
            continue;
        }
        let own = open.last().and_then(|path| path.parent());
        let beside = join(own.unwrap_or(Utf8Path::new("")), written);
        // `\\i` goes from where psql was started: the project's folder most often
        let candidates = if line.trim_start().starts_with("\\ir")
            || line.trim_start().starts_with("\\include_relative")
        {
            vec![beside]
        } else {
            vec![Utf8PathBuf::from(written), beside]
        };
        let found = candidates
            .into_iter()
            .filter_map(|path| normal(&path))
            .find_map(|path| Some((files.read(&path).ok().flatten()?, path)));
        let Some((bytes, path)) = found else {
            continue;
        };
        if open.contains(&path) {
            continue;
        }
        let decoded = decode(&bytes);
        let file = Arc::new(SourceFile::new(path.clone(), decoded.text));
        let id = sources.add(file.clone());
        gaps.extend(decoded.notes.into_iter().map(|what| Gap {
            site: Some(start_of(id)),
            what,
        }));
        open.push(path);
        let inner = bring_in(file.text(), open, files, sources, gaps);
        open.pop();
        included.push(Included {
            written: written.to_owned(),
            file: id,
            text: file.text().clone(),
            included: inner,
        });
    }
    included
}

/// How deeply files may bring each other in.
const MAX_INCLUDED: usize = 8;

/// A path without `.` and `..`; `None` where it leads out of the project.
fn normal(path: &Utf8Path) -> Option<Utf8PathBuf> {
    let mut plain = Utf8PathBuf::new();
    for part in path.components() {
        match part {
            Utf8Component::Normal(name) => plain.push(name),
            Utf8Component::CurDir => {}
            Utf8Component::ParentDir => {
                if !plain.pop() {
                    return None;
                }
            }
            Utf8Component::RootDir | Utf8Component::Prefix(_) => return None,
        }
    }
    Some(plain)
}

/// Whether the file that a tool lets stand beside a migration asks for no transaction.
fn asks_for_none(format: Format, up: &Utf8Path, files: &dyn Files) -> bool {
    let (beside, wish) = match format {
        Format::Diesel => (
            join(up.parent().unwrap_or(Utf8Path::new("")), "metadata.toml"),
            "run_in_transaction=false",
        ),
        Format::Flyway => (
            Utf8PathBuf::from(format!("{up}.conf")),
            "executeInTransaction=false",
        ),
        _ => return false,
    };
    let Ok(Some(bytes)) = files.read(&beside) else {
        return false;
    };
    decode(&bytes).text.lines().any(|line| {
        let plain: String = line.chars().filter(|c| !c.is_whitespace()).collect();
        plain.starts_with(wish)
    })
}

fn parse(entry: &Entry<'_>, sql: &SqlFiles, config: &Config) -> Vec<(Option<String>, Reading)> {
    faults::trip("read", entry.up.1.path().as_str());
    let down = entry.down.as_ref();
    let mut readings = scripts::read_all(
        sql.format,
        entry.up.0,
        entry.up.1.text(),
        down.map(|(id, file)| (*id, &**file.text())),
        &entry.included,
        config.postgres_version,
    );
    for (_, reading) in &mut readings {
        let Reading::Read { script, .. } = reading else {
            continue;
        };
        if entry.outside {
            script.send(sql.format.facts().without_transaction);
        }
        if let Some(sending) = sql.sending {
            script.send(sending);
        }
        script.guessed = sql.format == Format::Plain && sql.sending.is_none();
        let promised = sql.rerunnable.or(config.rerunnable).unwrap_or(false);
        script.repeatable |= entry.migration.repeatable;
        script.settle(promised || script.repeatable);
    }
    readings
}

fn refused(refusal: &Refusal) -> Diagnostic {
    let (message, help) = match &refusal.why {
        Why::Syntax(message) => (
            format!(
                "the server refuses this statement (42601: {message}), and a tool that sends the file as a whole runs none of it"
            ),
            None,
        ),
        Why::Cut(remedy) => (
            "the server refuses the first part of this statement (42601): its tool cuts a file behind each line that ends with a semicolon, in a quoted text too"
                .to_owned(),
            Some(remedy.clone()),
        ),
    };
    let mut diagnostic = Diagnostic::new(UNREADABLE, Severity::Error, refusal.site, message);
    diagnostic.help = help;
    diagnostic
}

/// One after the other: each follows the one before it.
fn chain(
    database: &Database,
    read: Vec<(String, Arc<Script>)>,
    sources: &SourceMap,
    config: &Config,
) -> (Vec<Arc<Revision>>, Graph) {
    // a folder of which no file has a way down is not meant to have one
    let reversible = read.iter().any(|(_, script)| script.down.is_some());
    let mut parent: Option<String> = None;
    let mut described = Vec::with_capacity(read.len());
    let mut revisions = Vec::with_capacity(read.len());
    for (id, script) in read {
        let place = script.up.place;
        described.push(history::Revision {
            identifiers: Identifiers {
                revision: id.clone(),
                down_revisions: parent.iter().cloned().collect(),
                revision_span: place.span,
                down_revision_span: place.span,
                ..Identifiers::default()
            },
            file: place.file,
        });
        let paths: Vec<Utf8PathBuf> = [Some(&script.up), script.down.as_ref()]
            .into_iter()
            .flatten()
            .map(|part| sources.file(part.place.file).path().to_owned())
            .collect();
        // one that runs whenever it has changed has no way down
        let reversible = reversible && !script.repeatable;
        let mut revision = Revision::of_script(&id, parent.as_deref(), script, reversible);
        revision.reported = database
            .report_only
            .as_ref()
            .is_none_or(|only| paths.iter().any(|path| only.contains(path)));
        revisions.push(revision);
        parent = Some(id);
    }
    let graph = Graph::new(described);
    let released = super::load::released(&graph, config);
    for (index, revision) in revisions.iter_mut().enumerate() {
        revision.released = released.contains(&index);
    }
    (revisions.into_iter().map(Arc::new).collect(), graph)
}
