//! `--baseline` and `--write-baseline`: the file, and what of it is stale.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use rustc_hash::FxHashSet;

use super::run::Project;
use super::{CheckArguments, Failure, output, run};
use crate::baseline::{Baseline, Stale};
use crate::diagnostic::{Diagnostic, Severity};
use crate::files::{Disk, FileError, Files, decode};
use crate::source::{Site, SourceFile, Span};
use crate::suppress;

/// The baseline that is asked for.
pub(super) struct Opened {
    /// As a person calls it.
    shown: Utf8PathBuf,
    /// Absolute.
    path: Utf8PathBuf,
    text: String,
    baseline: Baseline,
}

/// Reads the baseline of the command line, else of the configuration.
pub(super) fn open(
    arguments: &CheckArguments,
    project: &Project,
) -> Result<Option<Opened>, Failure> {
    let (shown, path) = match (&arguments.baseline, &project.config.baseline) {
        (Some(given), _) => (given.clone(), project.working_folder.join(given)),
        (None, Some(path)) => (path.clone(), project.root.join(path)),
        (None, None) if arguments.write_baseline => {
            return Err(Failure::Baseline(
                "`--write-baseline` needs `--baseline FILE`, or `baseline` in the configuration"
                    .to_owned(),
            ));
        }
        (None, None) => return Ok(None),
    };
    // what the configuration names stays inside the project; what the user names is where they say
    let read = if arguments.baseline.is_some() {
        named(&path)
    } else {
        Disk::new(&project.root).and_then(|disk| disk.read(&shown))
    };
    let text = match read {
        Ok(Some(bytes)) => decode(&bytes).text,
        Ok(None) if arguments.write_baseline => String::new(),
        Ok(None) => {
            return Err(Failure::Baseline(format!(
                "there is no baseline `{shown}`: `--write-baseline` makes it"
            )));
        }
        Err(error) => return Err(Failure::Baseline(format!("the baseline: {error}"))),
    };
    let rules = run::rules();
    let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    let baseline = if text.is_empty() {
        Baseline::default()
    } else {
        match Baseline::parse(&text, &ids) {
            Ok(baseline) => baseline,
            // it is written anew, for all files at least
            Err(_) if arguments.write_baseline => Baseline::default(),
            Err(message) => {
                return Err(Failure::Baseline(format!(
                    "the baseline `{shown}`: {message}"
                )));
            }
        }
    };
    Ok(Some(Opened {
        shown,
        path,
        text,
        baseline,
    }))
}

/// A file wherever it is, read as those of a project are.
fn named(path: &Utf8Path) -> Result<Option<Vec<u8>>, FileError> {
    let (Some(folder), Some(name)) = (path.parent(), path.file_name()) else {
        return Ok(None);
    };
    // a link is followed
    match path.canonicalize_utf8() {
        Ok(target) => match (target.parent(), target.file_name()) {
            (Some(folder), Some(name)) => Disk::new(folder)?.read(Utf8Path::new(name)),
            _ => Ok(None),
        },
        Err(_) => Disk::new(folder)?.read(Utf8Path::new(name)),
    }
}

impl Opened {
    /// Writes today's findings; entries of files that were not looked at stay.
    pub(super) fn write(
        &self,
        diagnostics: &[Diagnostic],
        project: &Project,
        files: &FxHashSet<&str>,
    ) -> Result<u8, Failure> {
        let mut baseline = Baseline::of(diagnostics, &project.sources);
        baseline.keep_from(&self.baseline, |file| !is_judged(project, files, file));
        let text = baseline.render();
        output::replace(&self.path, &|out| out.write_all(text.as_bytes()))?;
        output::say(&format!(
            "{} in the baseline `{}`",
            match baseline.len() {
                1 => "1 finding is".to_owned(),
                count => format!("{count} findings are"),
            },
            self.shown
        ));
        Ok(0)
    }

    /// Takes out what the baseline accepts, which is counted; tells what of it is stale.
    pub(super) fn apply(
        &self,
        diagnostics: Vec<Diagnostic>,
        project: &Project,
        files: &FxHashSet<&str>,
    ) -> (Vec<Diagnostic>, usize, Vec<Diagnostic>) {
        let (left, count, stale) = self.baseline.apply(diagnostics, &project.sources, |file| {
            is_judged(project, files, file)
        });
        if stale.is_empty() {
            return (left, count, Vec::new());
        }
        let path = self
            .path
            .strip_prefix(&project.root)
            .unwrap_or(&self.shown)
            .to_owned();
        let source = Arc::new(SourceFile::new(path, self.text.as_str()));
        let file = project.sources.add(source.clone());
        let stale = stale
            .iter()
            .map(|entry| {
                let span = place(&source, entry);
                self.stale(Site { file, span }, entry)
            })
            .collect();
        (left, count, stale)
    }

    fn stale(&self, site: Site, entry: &Stale) -> Diagnostic {
        let times = match entry.count {
            1 => String::new(),
            count => format!(" ({count} times)"),
        };
        let mut made = Diagnostic::new(
            suppress::RULE,
            Severity::Warning,
            site,
            format!(
                "this entry of the baseline accepts nothing{times}: `{}` has no such finding of `{}`",
                entry.fingerprint.file, entry.fingerprint.rule
            ),
        );
        made.help = Some(format!(
            "`foreshot check --baseline {} --write-baseline` takes it out",
            self.shown
        ));
        made
    }
}

/// The line of an entry.
fn place(source: &SourceFile, entry: &Stale) -> Span {
    let line = (1..=source.line_count()).find(|line| {
        source.line_text(*line).is_some_and(|text| {
            text.contains(&entry.fingerprint.statement)
                && text.contains(&entry.fingerprint.rule)
                && text.contains(entry.fingerprint.file.as_str())
        })
    });
    let span = line.and_then(|line| source.line_span(line));
    span.unwrap_or_default()
}

/// Whether the findings of a file were all looked at: it is one of those that are reported on, or is there no more and
/// nothing narrows the look.
fn is_judged(project: &Project, files: &FxHashSet<&str>, file: &Utf8Path) -> bool {
    let whole = project
        .databases
        .iter()
        .all(|database| database.report_only.is_none());
    files.contains(file.as_str()) || (whole && project.asks_for_all)
}
