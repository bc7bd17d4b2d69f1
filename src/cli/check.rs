//! `foreshot check`: analyse, apply suppressions and levels, report.

use std::collections::BTreeSet;

use camino::Utf8Path;

use super::run::{self, Analysed, Project};
use super::since::{self, Views};
use super::{CheckArguments, Failure, output};
use crate::config::Config;
use crate::diagnostic::{self, Diagnostic, Severity};
use crate::discover::Note;
use crate::report::{FORMATS, Report, Style, Summary};
use crate::suppress;

pub(super) fn check(arguments: &CheckArguments) -> Result<u8, Failure> {
    let views = Views {
        since: arguments.since.clone(),
        staged: arguments.staged,
    };
    let project = run::open_views(&arguments.input, &views)?;
    ensure_start_exists(&project)?;
    let rules = run::rules();
    let mut notes = project.notes.clone();
    if arguments.input.verbose {
        notes.extend(settings_in_force(&project));
    }
    let mut all = Analysed::default();
    for database in &project.databases {
        let one = run::analyze(&project, database, false);
        all.diagnostics.extend(one.diagnostics);
        notes.extend(one.notes);
        add(&mut all.summary, one.summary);
    }
    all.summary.databases = project.databases.len();
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    let reported = reported_files(&project);
    let suppressed = suppress::apply(
        all.diagnostics,
        &project.sources,
        |path, past| !past && reported.contains(path),
        &ids,
    );
    all.summary.suppressed = suppressed.count;
    let mut diagnostics = at_levels(suppressed.diagnostics, &project.config);
    if let Some(past) = &project.past {
        let before = past.findings();
        let files = past.files();
        let judges = |path: &Utf8Path, past| past && files.contains(path);
        let before = suppress::apply(before, &project.sources, judges, &ids);
        let before = at_levels(before.diagnostics, &project.config);
        let (new, known) = since::only_new(diagnostics, &before, &project.sources);
        diagnostics = new;
        all.summary.known = known;
    }
    diagnostic::sort(&mut diagnostics, &project.sources);
    diagnostics.dedup();
    notes.sort();
    notes.dedup();
    let report = Report {
        diagnostics: &diagnostics,
        sources: &project.sources,
        rules: &rules,
        summary: all.summary,
        notes: &notes,
    };
    let style = Style {
        colour: output::colours(arguments.input.color),
        quiet: arguments.quiet,
        verbose: arguments.input.verbose,
    };
    let format = FORMATS
        .iter()
        .find(|format| format.name == arguments.output_format)
        .unwrap_or(&FORMATS[0]);
    output::print(&(format.render)(&report, style))?;
    Ok(status(&report, arguments.exit_zero))
}

fn status(report: &Report<'_>, exit_zero: bool) -> u8 {
    if report.summary.failures > 0 {
        return 2;
    }
    let findings = report.count(Severity::Error) + report.count(Severity::Warning);
    u8::from(findings > 0 && !exit_zero)
}

/// The name in `start-after` must mean something somewhere: a typing mistake would report on everything.
fn ensure_start_exists(project: &Project) -> Result<(), Failure> {
    for name in &project.config.start_after {
        let known = project
            .databases
            .iter()
            .filter_map(|database| run::graph(project, database))
            .any(|graph| !graph.named_by_user(name).is_empty());
        if !known {
            return Err(Failure::NoRevision(name.clone()));
        }
    }
    Ok(())
}

fn reported_files(project: &Project) -> BTreeSet<camino::Utf8PathBuf> {
    let files = project
        .databases
        .iter()
        .flat_map(|database| match &database.report_only {
            Some(only) => only.iter().cloned().collect::<Vec<_>>(),
            None => database.revision_files.clone(),
        });
    files.collect()
}

fn settings_in_force(project: &Project) -> Vec<Note> {
    let mut notes: Vec<Note> = project
        .config_file
        .iter()
        .map(|file| Note {
            path: Some(file.clone()),
            message: "the configuration".to_owned(),
        })
        .collect();
    for database in &project.databases {
        let environment = match (&database.ini, &database.env_py) {
            (Some(ini), _) => format!("configured by `{ini}`"),
            (None, Some(env_py)) => format!("with `{env_py}`"),
            (None, None) => "without `env.py`".to_owned(),
        };
        notes.push(Note {
            path: Some(database.name.clone().into()),
            message: format!(
                "a database of {} revision files, {environment}",
                database.revision_files.len()
            ),
        });
        notes.push(Note {
            path: Some(database.name.clone().into()),
            message: versions_in_force(run::config_of(project, database)),
        });
    }
    notes
}

/// Each version, and where it comes from.
fn versions_in_force(config: &Config) -> String {
    let sources = &config.sources;
    let from = |source: &Option<String>| match source {
        Some(source) => format!("({source})"),
        None => "(default: nothing says another)".to_owned(),
    };
    format!(
        "in force: PostgreSQL {} {}, Alembic {} {}, SQLAlchemy {} {}, driver {} {}",
        config.postgres_version.0,
        from(&sources.postgres),
        config.alembic_version,
        from(&sources.alembic),
        config.sqlalchemy_version,
        from(&sources.sqlalchemy),
        config.driver,
        from(&sources.driver),
    )
}

/// Drops what is off; a level that the config sets wins over the finding's own severity.
fn at_levels(diagnostics: Vec<Diagnostic>, config: &Config) -> Vec<Diagnostic> {
    diagnostics
        .into_iter()
        .filter_map(|mut diagnostic| {
            let own = crate::config::Level::At(diagnostic.severity);
            diagnostic.severity = config.severity(diagnostic.rule, own)?;
            Some(diagnostic)
        })
        .collect()
}

fn add(total: &mut Summary, one: Summary) {
    total.revisions += one.revisions;
    total.statements += one.statements;
    total.unknown_statements += one.unknown_statements;
    total.unknown_conditions += one.unknown_conditions;
    total.gaps += one.gaps;
    total.failures += one.failures;
}
