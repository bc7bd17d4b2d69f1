//! `foreshot check`: analyse, apply suppressions, levels, the baseline and what was there before, report.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::{Duration, Instant};

use camino::Utf8Path;
use rustc_hash::FxHashSet;

use super::progress::Progress;
use super::run::{self, Analysed, Project};
use super::since::{self, Views};
use super::{CheckArguments, Failure, baseline, fix, output, plural};
use crate::config::Config;
use crate::diagnostic::{self, Diagnostic, RuleInfo, Severity};
use crate::discover::Note;
use crate::fix::Proof;
use crate::limits::{Limit, grouped};
use crate::repair::Left;
use crate::report::{Report, Style, Summary, holds_password};
use crate::source::SourceMap;
use crate::suppress;
use crate::timings::{self, Phase, measure};

pub(super) fn check(arguments: &CheckArguments) -> Result<u8, Failure> {
    let outputs = output::Outputs::new(&arguments.output_format, &arguments.output_file)?;
    let started = Instant::now();
    let status = reported(arguments, &outputs).inspect_err(|failure| {
        // what a program reads stays readable; the person is told on the other stream
        let _ = output::print(&(outputs.format.failed)(&failure.to_string()));
    });
    if arguments.timings {
        print_timings(started.elapsed());
    }
    status
}

/// Each phase with its seconds, and the time on the clock.
#[expect(clippy::print_stderr, reason = "asked for, and no part of the report")]
fn print_timings(elapsed: Duration) {
    for phase in Phase::ALL {
        let seconds = timings::spent(phase).as_secs_f64();
        eprintln!("{:<10}{seconds:>9.3} s", phase.word());
    }
    let threads = rayon::current_num_threads();
    let clock = elapsed.as_secs_f64();
    eprintln!(
        "{:<10}{clock:>9.3} s on {threads} {}",
        "elapsed",
        if threads == 1 { "thread" } else { "threads" }
    );
}

fn reported(arguments: &CheckArguments, outputs: &output::Outputs) -> Result<u8, Failure> {
    let project = open(arguments)?;
    if arguments.write_baseline
        && let Some(accepted) = &project.accepted
    {
        let now = current(&project);
        return accepted.write(&now.diagnostics, &project, &reported_files(&project));
    }
    if arguments.fix.is_asked() {
        return fix::fix(arguments, project);
    }
    if outputs.formats().any(fix::is_carried_by) {
        let (project, found) = fix::with_offers(project);
        return report(arguments, &project, found);
    }
    let found = findings(&project);
    report(arguments, &project, found)
}

/// Opens the project that the arguments name, with the baseline that is in force.
pub(super) fn open(arguments: &CheckArguments) -> Result<Project, Failure> {
    let views = Views {
        since: arguments.since.clone(),
        staged: arguments.staged,
    };
    let mut project = run::open_views(&arguments.input, &views)?;
    ensure_start_exists(&project)?;
    project.accepted = baseline::open(arguments, &project)?.map(Arc::new);
    Ok(project)
}

/// What is reported of a project.
pub(super) struct Findings {
    /// At their levels, sorted.
    pub(super) diagnostics: Vec<Diagnostic>,
    pub(super) notes: Vec<Note>,
    pub(super) summary: Summary,
    pub(super) proofs: Vec<Proof>,
    pub(super) left: Left,
}

/// What is found in a project as it is: suppressions and levels applied, sorted.
fn current(project: &Project) -> Findings {
    let progress = Progress::new(project.revisions());
    let mut notes = project.notes.clone();
    let (mut all, mut left) = (Analysed::default(), Left::new());
    for database in &project.databases {
        let one = run::analyze(project, database, false, Some(&progress));
        all.diagnostics.extend(one.diagnostics);
        all.proofs.extend(one.proofs);
        left.push(one.left.into());
        notes.extend(one.notes);
        add(&mut all.summary, one.summary);
    }
    progress.end();
    all.summary.databases = project.databases.len();
    let files = reported_files(project);
    let rules = run::rules();
    let (mut diagnostics, suppressed) = measure(Phase::Report, || {
        judge(project, &rules).judged(all.diagnostics, &|path, past| {
            !past && files.contains(path.as_str())
        })
    });
    all.summary.suppressed = suppressed;
    measure(Phase::Report, || {
        for diagnostic in &mut diagnostics {
            shorten(diagnostic);
        }
        diagnostic::sort(&mut diagnostics, &project.sources);
    });
    diagnostics.dedup();
    for note in &mut notes {
        cut(&mut note.message);
    }
    Findings {
        diagnostics,
        notes,
        summary: all.summary,
        proofs: all.proofs,
        left,
    }
}

/// Cuts the texts of a finding to what may be shown: names in them are as long as who wrote them wants.
fn shorten(diagnostic: &mut Diagnostic) {
    cut(&mut diagnostic.message);
    let texts = diagnostic.help.iter_mut().chain(&mut diagnostic.revision);
    let labels = diagnostic.labels.iter_mut().map(|label| &mut label.message);
    texts
        .chain(&mut diagnostic.notes)
        .chain(labels)
        .for_each(cut);
}

fn cut(text: &mut String) {
    let most = Limit::TextLength.count();
    // bytes bound characters from above
    if text.len() <= most {
        return;
    }
    if let Some((at, _)) = text.char_indices().nth(most) {
        let left = text[at..].chars().count();
        text.truncate(at);
        text.extend(["… (", &grouped(left as u64), " more characters)"]);
    }
}

/// Leaves the gravest findings where there are more than may be reported, and says so.
fn leave_the_gravest(diagnostics: &mut Vec<Diagnostic>, notes: &mut Vec<Note>) {
    let most = Limit::Findings.count();
    let found = diagnostics.len();
    if found <= most {
        return;
    }
    let mut severities: Vec<Severity> = diagnostics.iter().map(|one| one.severity).collect();
    severities.sort_unstable_by_key(|severity| std::cmp::Reverse(*severity));
    let least = severities[most];
    let mut of_the_least = severities[..most]
        .iter()
        .filter(|one| **one == least)
        .count();
    diagnostics.retain(|one| {
        let kept = one.severity > least || (one.severity == least && of_the_least > 0);
        if kept && one.severity == least {
            of_the_least -= 1;
        }
        kept
    });
    notes.push(Note {
        path: None,
        message: format!(
            "{}: the gravest are listed, {} are not (`[limits] findings`)",
            Limit::Findings.met(),
            grouped((found - most) as u64)
        ),
    });
}

/// What is reported of a project: what is found, without what the baseline accepts and what was there before.
pub(super) fn findings(project: &Project) -> Findings {
    let mut found = current(project);
    let rules = run::rules();
    let judge = judge(project, &rules);
    if let Some(accepted) = &project.accepted {
        let (kept, count, stale) =
            accepted.apply(found.diagnostics, project, &reported_files(project));
        let (stale, _) = judge.judged(stale, &|_, _| false);
        found.diagnostics = kept;
        found.diagnostics.extend(stale);
        found.summary.baselined = count;
    }
    if let Some(past) = &project.past {
        let files = past.files();
        let (before, _) = judge.judged(past.findings(), &|path, past| past && files.contains(path));
        (found.diagnostics, found.summary.known) =
            since::only_new(found.diagnostics, &before, &project.sources);
    }
    diagnostic::sort(&mut found.diagnostics, &project.sources);
    found
}

/// Prints findings as the arguments ask; the exit status.
pub(super) fn report(
    arguments: &CheckArguments,
    project: &Project,
    found: Findings,
) -> Result<u8, Failure> {
    let outputs = output::Outputs::new(&arguments.output_format, &arguments.output_file)?;
    let rules = run::rules();
    let mut notes = found.notes;
    let mut diagnostics = found.diagnostics;
    leave_the_gravest(&mut diagnostics, &mut notes);
    // an edit is what it is: one that repeats a password is made by `--fix` alone
    for diagnostic in &mut diagnostics {
        diagnostic.fix.take_if(|fix| {
            let mut texts = fix.edits.iter().map(|edit| edit.replacement.as_str());
            texts.any(holds_password)
        });
    }
    if arguments.input.verbose {
        notes.extend(settings_in_force(project));
    }
    notes.sort();
    notes.dedup();
    let report = Report {
        diagnostics: &diagnostics,
        sources: &project.sources,
        category: arguments.category.as_deref(),
        rules: &rules,
        summary: found.summary,
        notes: &notes,
        since: project.past.as_ref().map(|past| past.name.as_str()),
    };
    let style = Style {
        colour: output::colours(arguments.input.color),
        quiet: arguments.quiet,
        verbose: arguments.input.verbose,
        statistics: arguments.statistics,
    };
    measure(Phase::Report, || outputs.write(&report, style))?;
    Ok(status(&report, arguments))
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

/// The paths of the files that are reported on, as text: to compare paths part by part takes longer than all that is asked of them.
fn reported_files(project: &Project) -> FxHashSet<&str> {
    let mut files = FxHashSet::default();
    for database in &project.databases {
        match &database.report_only {
            Some(only) => files.extend(only.iter().map(|file| file.as_str())),
            None => files.extend(database.revision_files.iter().map(|file| file.as_str())),
        }
    }
    files
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
        if let Some(sql) = &database.sql {
            notes.push(Note {
                path: Some(database.name.clone().into()),
                message: format!(
                    "a database of {}, taken as those of `{}`",
                    plural(database.revision_files.len(), "SQL file"),
                    sql.format.facts().name
                ),
            });
            continue;
        }
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

/// What turns the rules' findings into those that are reported.
struct Judge<'a> {
    rules: &'a [RuleInfo],
    config: &'a Config,
    sources: &'a SourceMap,
}

fn judge<'a>(project: &'a Project, rules: &'a [RuleInfo]) -> Judge<'a> {
    Judge {
        rules,
        config: &project.config,
        sources: &project.sources,
    }
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

fn add(total: &mut Summary, one: Summary) {
    total.revisions += one.revisions;
    total.statements += one.statements;
    total.unknown_statements += one.unknown_statements;
    total.unknown_conditions += one.unknown_conditions;
    total.gaps += one.gaps;
    total.failures += one.failures;
}
