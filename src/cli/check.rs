//! `foreshot check`: analyse, apply suppressions, levels, the baseline and what was there before, report.

use std::collections::{BTreeMap, BTreeSet};

use camino::{Utf8Path, Utf8PathBuf};

use super::progress::Progress;
use super::run::{self, Analysed, Project};
use super::since::{self, Views};
use super::{CheckArguments, Failure, baseline, fix, output};
use crate::config::Config;
use crate::diagnostic::{self, Diagnostic, RuleInfo, Severity};
use crate::discover::Note;
use crate::fix::Proof;
use crate::report::{Report, Style, Summary};
use crate::source::SourceMap;
use crate::suppress;

pub(super) fn check(arguments: &CheckArguments) -> Result<u8, Failure> {
    let outputs = output::Outputs::new(&arguments.output_format, &arguments.output_file)?;
    reported(arguments, &outputs, true).inspect_err(|failure| {
        // what a program reads stays readable; the person is told on the other stream
        let _ = output::print(&(outputs.format.failed)(&failure.to_string()));
    })
}

/// Analyses and reports; `may_repair`: whether what the arguments ask to repair is repaired first.
pub(super) fn reported(
    arguments: &CheckArguments,
    outputs: &output::Outputs,
    may_repair: bool,
) -> Result<u8, Failure> {
    let views = Views {
        since: arguments.since.clone(),
        staged: arguments.staged,
    };
    let project = run::open_views(&arguments.input, &views)?;
    ensure_start_exists(&project)?;
    let accepted = baseline::open(arguments, &project)?;
    let rules = run::rules();
    let mut notes = project.notes.clone();
    if arguments.input.verbose {
        notes.extend(settings_in_force(&project));
    }
    let progress = Progress::new(project.revisions());
    let mut all = Analysed::default();
    for database in &project.databases {
        let one = run::analyze(&project, database, false, Some(&progress));
        all.diagnostics.extend(one.diagnostics);
        notes.extend(one.notes);
        add(&mut all.summary, one.summary);
    }
    progress.end();
    all.summary.databases = project.databases.len();
    let files = reported_files(&project);
    let judge = Judge {
        rules: &rules,
        config: &project.config,
        sources: &project.sources,
    };
    let (mut diagnostics, suppressed) =
        judge.judged(all.diagnostics, &|path, past| !past && files.contains(path));
    all.summary.suppressed = suppressed;
    diagnostic::sort(&mut diagnostics, &project.sources);
    diagnostics.dedup();
    if let Some(accepted) = &accepted {
        if arguments.write_baseline {
            return accepted.write(&diagnostics, &project, &files);
        }
        let stale;
        (diagnostics, all.summary.baselined, stale) = accepted.apply(diagnostics, &project, &files);
        let (stale, _) = judge.judged(stale, &|_, _| false);
        diagnostics.extend(stale);
    }
    if let Some(past) = &project.past {
        let files = past.files();
        let (before, _) = judge.judged(past.findings(&project.config), &|path, past| {
            past && files.contains(path)
        });
        (diagnostics, all.summary.known) = since::only_new(diagnostics, &before, &project.sources);
    }
    diagnostic::sort(&mut diagnostics, &project.sources);
    if may_repair && arguments.fix.is_asked() {
        let only = accepted.is_some() || project.past.is_some();
        return fix::fix(
            arguments,
            outputs,
            &project,
            only.then_some(&diagnostics[..]),
        );
    }
    if may_repair && outputs.carry_fixes() {
        fix::offer(&project, &mut diagnostics);
    }
    notes.sort();
    notes.dedup();
    let report = Report {
        diagnostics: &diagnostics,
        sources: &project.sources,
        rules: &rules,
        summary: all.summary,
        notes: &notes,
        since: project.past.as_ref().map(|past| past.name.as_str()),
    };
    let style = Style {
        colour: output::colours(arguments.input.color),
        quiet: arguments.quiet,
        verbose: arguments.input.verbose,
        statistics: arguments.statistics,
    };
    outputs.write(&report, style)?;
    Ok(status(&report, arguments))
}

/// The findings of a project before baseline and base branch, sorted, and what its revisions do.
pub(super) fn findings(project: &Project) -> (Vec<Diagnostic>, Vec<Proof>) {
    let rules = run::rules();
    let (mut diagnostics, mut proofs) = (Vec::new(), Vec::new());
    for database in &project.databases {
        let one = run::analyze(project, database, false, None);
        diagnostics.extend(one.diagnostics);
        proofs.extend(one.proofs);
    }
    let files = reported_files(project);
    let judge = Judge {
        rules: &rules,
        config: &project.config,
        sources: &project.sources,
    };
    let (mut diagnostics, _) =
        judge.judged(diagnostics, &|path, past| !past && files.contains(path));
    diagnostic::sort(&mut diagnostics, &project.sources);
    diagnostics.dedup();
    (diagnostics, proofs)
}

fn status(report: &Report<'_>, arguments: &CheckArguments) -> u8 {
    if report.summary.failures > 0 {
        return 2;
    }
    let least = Severity::from(arguments.fail_on);
    let fails = report
        .diagnostics
        .iter()
        .any(|diagnostic| diagnostic.severity >= least);
    u8::from(fails && !arguments.exit_zero)
}

/// The name in `start-after` must mean something somewhere: a typing mistake would report on everything.
fn ensure_start_exists(project: &Project) -> Result<(), Failure> {
    // a hook may name files of no database at all
    if project.databases.is_empty() {
        return Ok(());
    }
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

fn reported_files(project: &Project) -> BTreeSet<Utf8PathBuf> {
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
    let config = &project.config;
    let mut notes = vec![Note {
        path: project.config_file.clone(),
        message: format!(
            "in force: PostgreSQL {}, Alembic {}, SQLAlchemy {}",
            config.postgres_version.0, config.alembic_version, config.sqlalchemy_version
        ),
    }];
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
    }
    notes
}

/// What turns the rules' findings into those that are reported.
struct Judge<'a> {
    rules: &'a [RuleInfo],
    config: &'a Config,
    sources: &'a SourceMap,
}

impl Judge<'_> {
    /// Takes out what comments suppress, which is counted, and what is off; a level that the config sets wins over the
    /// finding's own severity. `judges` says of which files the comments themselves are judged.
    fn judged(
        &self,
        diagnostics: Vec<Diagnostic>,
        judges: &dyn Fn(&Utf8Path, bool) -> bool,
    ) -> (Vec<Diagnostic>, usize) {
        let ids: Vec<&str> = self.rules.iter().map(|rule| rule.id).collect();
        let by_id: BTreeMap<&str, &RuleInfo> =
            self.rules.iter().map(|rule| (rule.id, rule)).collect();
        let applied = suppress::apply(
            diagnostics,
            self.sources,
            judges,
            &ids,
            self.config.require_reason,
        );
        let at_levels = applied
            .diagnostics
            .into_iter()
            .filter_map(|mut diagnostic| {
                if let Some(rule) = by_id.get(diagnostic.rule) {
                    let file = self.sources.file(diagnostic.site.file);
                    diagnostic.severity =
                        self.config
                            .severity(rule, diagnostic.severity, file.path())?;
                }
                Some(diagnostic)
            });
        (at_levels.collect(), applied.count)
    }
}

fn add(total: &mut Summary, one: Summary) {
    total.revisions += one.revisions;
    total.statements += one.statements;
    total.unknown_statements += one.unknown_statements;
    total.unknown_conditions += one.unknown_conditions;
    total.gaps += one.gaps;
    total.failures += one.failures;
}
