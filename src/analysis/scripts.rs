//! A database of SQL files: read in parallel and put in the order of their tool.

use std::panic::catch_unwind;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rayon::prelude::*;

use super::{Loaded, UNREADABLE, unread, unread_gap};
use crate::alembic::env::EnvironmentFacts;
use crate::config::Config;
use crate::diagnostic::{Diagnostic, Severity};
use crate::discover::{Database, ProjectModules, SqlFiles};
use crate::faults;
use crate::files::{FileError, Files, decode, join};
use crate::history::{self, Graph, Identifiers};
use crate::postgres::Catalog;
use crate::replay::Revision;
use crate::scripts::{self, Format, Migration, Reading, Refusal, Script};
use crate::source::{FileId, Site, SourceFile, SourceMap, Span};
use crate::trace::Gap;

/// A file's number and text.
type Read = (FileId, Arc<SourceFile>);

/// One migration with what was read of it.
struct Entry<'a> {
    migration: &'a Migration,
    up: Read,
    down: Option<Read>,
    /// A file beside it asks for no transaction.
    outside: bool,
}

/// What came of a migration.
struct Parsed {
    id: String,
    file: FileId,
    reading: Option<Reading>,
}

/// Reads the SQL files of a database.
pub(super) fn load(
    database: &Database,
    sql: &SqlFiles,
    files: &Arc<dyn Files>,
    sources: &Arc<SourceMap>,
    config: Config,
) -> Loaded {
    let mut gaps = Vec::new();
    let migrations = scripts::migrations(sql.format, &database.revision_files);
    let entries = entries(&migrations, sql.format, files, sources, &mut gaps);
    let parsed: Vec<Parsed> = entries
        .par_iter()
        .map(|entry| Parsed {
            id: entry.migration.id.clone(),
            file: entry.up.0,
            // a file that foreshot can't cope with must not take the others with it
            reading: catch_unwind(|| parse(entry, sql, &config)).ok(),
        })
        .collect();
    let mut diagnostics = Vec::new();
    let mut read: Vec<(String, Arc<Script>)> = Vec::new();
    for one in parsed {
        match one.reading {
            None => diagnostics.push(unread(one.file)),
            Some(Reading::Foreign(server)) => gaps.push(Gap {
                site: Some(start_of(one.file)),
                what: format!("is written for {server}: not analysed"),
            }),
            Some(Reading::Read { script, refusals }) => {
                diagnostics.extend(refusals.iter().map(refused));
                read.push((one.id, Arc::new(script)));
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
    sources: &Arc<SourceMap>,
    gaps: &mut Vec<Gap>,
) -> Vec<Entry<'a>> {
    let paths: Vec<&Utf8PathBuf> = migrations
        .iter()
        .flat_map(|migration| [Some(&migration.up), migration.down.as_ref()])
        .flatten()
        .collect();
    let texts: Vec<Result<(String, Vec<String>), FileError>> = paths
        .par_iter()
        .map(|path| match files.read(path) {
            Ok(Some(bytes)) => {
                let decoded = decode(&bytes);
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
                let file = Arc::new(SourceFile::new(path.clone(), text));
                let id = sources.add(file.clone());
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
            entries.push(Entry {
                migration,
                up,
                down,
                outside: asks_for_none(format, &migration.up, files.as_ref()),
            });
        }
    }
    entries
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

fn parse(entry: &Entry<'_>, sql: &SqlFiles, config: &Config) -> Reading {
    faults::trip("read", entry.up.1.path().as_str());
    let down = entry.down.as_ref();
    let mut reading = scripts::read(
        sql.format,
        entry.up.0,
        entry.up.1.text(),
        down.map(|(id, file)| (*id, &**file.text())),
        config.postgres_version,
    );
    if let Reading::Read { script, .. } = &mut reading {
        if entry.outside {
            script.send(sql.format.facts().without_transaction);
        }
        if let Some(sending) = sql.sending {
            script.send(sending);
        }
        script.guessed = sql.format == Format::Plain && sql.sending.is_none();
        let promised = sql.rerunnable.or(config.rerunnable).unwrap_or(false);
        script.settle(promised || entry.migration.repeatable);
    }
    reading
}

fn refused(refusal: &Refusal) -> Diagnostic {
    let message = format!(
        "the server refuses this statement (42601: {}), and a tool that sends the file as a whole runs none of it",
        refusal.message
    );
    Diagnostic::new(UNREADABLE, Severity::Error, refusal.site, message)
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
        let mut revision = Revision::of_script(&id, parent.as_deref(), script, reversible);
        revision.reported = database
            .report_only
            .as_ref()
            .is_none_or(|only| paths.iter().any(|path| only.contains(path)));
        revisions.push(revision);
        parent = Some(id);
    }
    let graph = Graph::new(described);
    let released = super::released(&graph, config);
    for (index, revision) in revisions.iter_mut().enumerate() {
        revision.released = released.contains(&index);
    }
    (revisions.into_iter().map(Arc::new).collect(), graph)
}
