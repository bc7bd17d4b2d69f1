//! `foreshot check --fix`: repairs what is proven, writes it, reports what stays.
//!
//! A file is written whole or not at all, with its own permissions, line ends and byte order mark, and only if it still is
//! what was analysed.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use clap::Args;
use similar::TextDiff;

use super::check::{self, Findings};
use super::run::{self, Project};
use super::since::Past;
use super::{CheckArguments, Failure, output, plural};
use crate::diagnostic::Applicability;
use crate::discover::Note;
use crate::files::{Files, Overlay, decode};
use crate::fix::{Attempts, Style, Target};
use crate::limits::Limit;
use crate::repair::{self, Fixed, Repaired, Round, Texts, Trial, Wanted};
use crate::report::clean;
use crate::suppress;

/// What to fix.
#[derive(Debug, Args)]
#[command(next_help_heading = "Fixes")]
pub(super) struct FixArguments {
    /// Repair what can be repaired safely, each repair proven by simulating again, and report the rest
    #[arg(long, conflicts_with = "staged")]
    fix: bool,
    /// Repair too what may change what a migration does: look at the result
    #[arg(long)]
    unsafe_fixes: bool,
    /// Print what would be repaired as a unified diff, and write nothing
    #[arg(long)]
    diff: bool,
    /// Repair, and do not report the rest
    #[arg(long, conflicts_with_all = ["diff", "staged"])]
    fix_only: bool,
    /// Put a comment with this reason above each finding, so that it is not reported again
    #[arg(long, value_name = "REASON", conflicts_with_all = ["fix", "fix_only", "staged"])]
    add_ignore: Option<String>,
    /// Only repair findings of this rule (may be repeated)
    #[arg(long = "rule", value_name = "RULE", value_parser = rule)]
    rules: Vec<String>,
}

impl FixArguments {
    /// Whether anything is to be repaired or shown.
    pub(super) fn is_asked(&self) -> bool {
        self.fix || self.diff || self.fix_only || self.add_ignore.is_some()
    }
}

fn rule(text: &str) -> Result<String, String> {
    let known: Vec<&str> = run::rules().iter().map(|rule| rule.id).collect();
    if known.contains(&text) {
        return Ok(text.to_owned());
    }
    let guess = crate::config::nearest(text, &known)
        .map_or(String::new(), |name| format!(" (did you mean `{name}`?)"));
    Err(format!("there is no rule `{text}`{guess}"))
}

/// Repairs a project as the arguments say.
pub(super) fn fix(arguments: &CheckArguments, mut project: Project) -> Result<u8, Failure> {
    let style = project.style();
    project.propose(&style);
    let project = &project;
    let wanted = Wanted {
        unsafe_too: arguments.fix.unsafe_fixes,
        rules: arguments.fix.rules.clone(),
        only: new_ones(project),
    };
    let analyser = Analyser { project, style };
    if let Some(reason) = &arguments.fix.add_ignore {
        return ignore(arguments, &analyser, reason);
    }
    let first = analyser.as_it_is(&Texts::new());
    let writable = |path: &Utf8Path| analyser.is_writable(path);
    let repaired = repair::repair(first, &|trial| analyser.round(trial), &wanted, &writable);
    if repaired.ended_early {
        output::complain(&format!(
            "the repair ended early, fixes may be left: {} (the next `--fix` goes on from here; `limits.repair-steps` allows more)",
            Limit::RepairSteps.met()
        ));
    }
    if arguments.fix.diff {
        return diff(project, &repaired);
    }
    let (written, left) = write_all(project, &repaired)?;
    say(arguments, &repaired, &written, &left);
    if arguments.fix.fix_only {
        return Ok(u8::from(!left.is_empty()));
    }
    // what is on disk now is reported, files that were left alone included
    let project = check::open(arguments)?;
    let found = check::findings(&project);
    check::report(arguments, &project, found)
}

/// Puts a comment above each finding, and reports what it could not silence.
fn ignore(
    arguments: &CheckArguments,
    analyser: &Analyser<'_>,
    reason: &str,
) -> Result<u8, Failure> {
    let project = analyser.project;
    let only = new_ones(project);
    let mut round = analyser.as_it_is(&Texts::new());
    let sources = round.sources.clone();
    let rules = &arguments.fix.rules;
    round.diagnostics.retain(|one| {
        let target = Target::of(one, &sources);
        analyser.is_writable(&target.path)
            && only.as_ref().is_none_or(|only| only.contains(&target))
            && (rules.is_empty() || rules.iter().any(|rule| rule == one.rule))
    });
    let texts = suppress::with_comments(&round.diagnostics, &sources, reason);
    let after = analyser.as_it_is(&texts);
    let left: BTreeSet<Target> = after
        .diagnostics
        .iter()
        .map(|one| Target::of(one, &after.sources))
        .collect();
    let mut fixed: Vec<Fixed> = round
        .diagnostics
        .iter()
        .map(|one| Fixed {
            target: Target::of(one, &sources),
            message: "ignored".to_owned(),
        })
        .filter(|fixed| !left.contains(&fixed.target))
        .collect();
    fixed.sort();
    let repaired = Repaired {
        texts,
        fixed,
        last: after,
        ended_early: false,
    };
    if arguments.fix.diff {
        return diff(project, &repaired);
    }
    let (written, left) = write_all(project, &repaired)?;
    for (path, why) in &left {
        output::complain(&format!("`{path}` is left alone: {why}"));
    }
    if !arguments.quiet {
        output::complain(&format!(
            "{} commented in {}",
            plural(repaired.fixed.len(), "finding"),
            plural(written.len(), "file")
        ));
    }
    let project = check::open(arguments)?;
    let found = check::findings(&project);
    check::report(arguments, &project, found)
}

/// Where only the findings that a change brings are reported, those: others are not touched, nor is a revision that was
/// there before the change, since it is released for it.
fn new_ones(project: &Project) -> Option<BTreeSet<Target>> {
    let past = project.past.as_ref()?;
    let found = check::findings(project);
    Some(among_new_files(past, &found, project))
}

fn among_new_files(past: &Past, found: &Findings, project: &Project) -> BTreeSet<Target> {
    let old = past.files();
    let targets = found.diagnostics.iter();
    targets
        .map(|one| Target::of(one, &project.sources))
        .filter(|target| !old.contains(&target.path))
        .collect()
}

/// Whether a format shows edits, so that they have to be made and proven.
pub(super) fn is_carried_by(format: &str) -> bool {
    matches!(format, "json" | "sarif" | "rdjson")
}

/// The project's findings with the fixes that are proven, for formats that carry them.
pub(super) fn with_offers(mut project: Project) -> (Project, Findings) {
    let style = project.style();
    project.propose(&style);
    let mut found = check::findings(&project);
    project.forget_revisions();
    let analyser = Analyser {
        project: &project,
        style,
    };
    let mut round = if project.past.is_some() {
        // a fix is proven on all findings, whoever brought them
        analyser.as_it_is(&Texts::new())
    } else {
        Round {
            sources: project.sources.clone(),
            diagnostics: std::mem::take(&mut found.diagnostics),
            proofs: std::mem::take(&mut found.proofs),
            left: std::mem::take(&mut found.left),
            effort: project.effort(),
        }
    };
    let reported: Option<BTreeSet<Target>> = project.past.as_ref().map(|_| {
        let targets = found.diagnostics.iter();
        targets
            .map(|one| Target::of(one, &project.sources))
            .collect()
    });
    let past = project.past.as_ref();
    let fixable = past.map(|past| among_new_files(past, &found, &project));
    let all_tried = repair::prove(&mut round, &|trial| analyser.round(trial), &|path| {
        analyser.is_writable(path)
    });
    if !all_tried {
        found.notes.push(Note {
            path: None,
            message: format!(
                "not all fixes were proven, and those that were not are not shown: {}",
                Limit::RepairSteps.met()
            ),
        });
    }
    if let (Some(reported), Some(fixable)) = (reported, fixable) {
        let sources = round.sources.clone();
        round
            .diagnostics
            .retain(|one| reported.contains(&Target::of(one, &sources)));
        for one in &mut round.diagnostics {
            if !fixable.contains(&Target::of(one, &sources)) {
                one.fix = None;
            }
        }
    }
    found.diagnostics = round.diagnostics;
    found.proofs = round.proofs;
    (project, found)
}

/// Analyses a project with some texts replaced.
struct Analyser<'a> {
    project: &'a Project,
    /// Of the project as it is: what fixes add to it does not change how the next are made.
    style: Style,
}

impl Analyser<'_> {
    /// The project with some texts replaced.
    fn as_it_is(&self, texts: &Texts) -> Round {
        self.round(Trial {
            texts,
            attempts: &Attempts::new(),
            apart: None,
        })
    }

    fn round(&self, trial: Trial<'_>) -> Round {
        let mut overlay = Overlay::new(self.project.files.clone());
        for (path, text) in trial.texts {
            overlay = overlay.with(path, text.clone());
        }
        let files: Arc<dyn Files> = Arc::new(overlay);
        let project = self.project.with_files(&files, trial, &self.style);
        let found = check::findings(&project);
        Round {
            sources: project.sources.clone(),
            diagnostics: found.diagnostics,
            proofs: found.proofs,
            left: found.left,
            effort: project.effort(),
        }
    }

    /// Whether a file can be written as what it is: text in UTF-8, inside the project once links are resolved.
    fn is_writable(&self, path: &Utf8Path) -> bool {
        let Ok(Some(bytes)) = self.project.files.read(path) else {
            return false;
        };
        let decoded = decode(&bytes);
        let plain = bytes.strip_prefix(BYTE_ORDER_MARK).unwrap_or(&bytes);
        decoded.text.as_bytes() == plain && self.project.files.resolve(path).is_some()
    }
}

const BYTE_ORDER_MARK: &[u8] = b"\xEF\xBB\xBF";

/// Prints what would change; 1 where anything would.
fn diff(project: &Project, repaired: &Repaired) -> Result<u8, Failure> {
    let mut out = String::new();
    for (path, text) in &repaired.texts {
        let Some((before, _)) = original(project, path) else {
            continue;
        };
        let before = decode(&before).text;
        if before == **text {
            continue;
        }
        let diff = TextDiff::from_lines(before.as_str(), &**text);
        out.push_str(
            &diff
                .unified_diff()
                .context_radius(3)
                .header(&clean(&format!("a/{path}")), &clean(&format!("b/{path}")))
                .to_string(),
        );
    }
    output::print(&out)?;
    Ok(u8::from(!out.is_empty()))
}

/// The bytes that were analysed.
fn original(project: &Project, path: &Utf8Path) -> Option<(Vec<u8>, bool)> {
    let bytes = project.files.read(path).ok()??;
    let mark = bytes.starts_with(BYTE_ORDER_MARK);
    Some((bytes, mark))
}

/// A file that was not written, and why.
type LeftAlone = (Utf8PathBuf, String);

/// Writes all files that changed; gives those that were written and those that were left alone, with why.
fn write_all(
    project: &Project,
    repaired: &Repaired,
) -> Result<(BTreeSet<Utf8PathBuf>, Vec<LeftAlone>), Failure> {
    let mut written = BTreeSet::new();
    let mut left = Vec::new();
    for (path, text) in &repaired.texts {
        let analysed = project.text(path);
        match original(project, path) {
            Some((bytes, mark)) if Some(decode(&bytes).text) == analysed => {
                let mut content = Vec::new();
                if mark {
                    content.extend_from_slice(BYTE_ORDER_MARK);
                }
                content.extend_from_slice(text.as_bytes());
                if content == bytes {
                    continue;
                }
                let Some(target) = project.files.resolve(path) else {
                    left.push((path.clone(), "it lies outside the project".to_owned()));
                    continue;
                };
                replace(&project.root.join(target), &content)
                    .map_err(|error| Failure::Write(path.clone(), error.to_string()))?;
                written.insert(path.clone());
            }
            _ => left.push((path.clone(), "it changed meanwhile".to_owned())),
        }
    }
    Ok((written, left))
}

/// Replaces a file's content at once: a file of its own beside it, with its permissions, takes its place.
fn replace(path: &Utf8Path, content: &[u8]) -> std::io::Result<()> {
    let folder = path.parent().unwrap_or(path);
    let name = path.file_name().unwrap_or("fixed");
    let temporary = folder.join(format!(".{name}.foreshot-{}", std::process::id()));
    let permissions = fs::metadata(path)?.permissions();
    let done = (|| {
        let mut file = fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&temporary)?;
        file.write_all(content)?;
        file.set_permissions(permissions)?;
        file.sync_all()?;
        fs::rename(&temporary, path)
    })();
    if done.is_err() {
        let _ = fs::remove_file(&temporary);
    }
    done
}

/// Says on standard error what was done: standard output is the report's.
fn say(
    arguments: &CheckArguments,
    repaired: &Repaired,
    written: &BTreeSet<Utf8PathBuf>,
    left: &[(Utf8PathBuf, String)],
) {
    for (path, why) in left {
        output::complain(&format!("`{path}` is left alone: {why}"));
    }
    if arguments.quiet {
        return;
    }
    let done: Vec<&Fixed> = repaired
        .fixed
        .iter()
        .filter(|fixed| written.contains(&fixed.target.path))
        .collect();
    let waiting = repaired
        .last
        .diagnostics
        .iter()
        .filter(|diagnostic| {
            diagnostic
                .fix
                .as_ref()
                .is_some_and(|fix| fix.applicability == Applicability::Unsafe)
        })
        .count();
    let mut sentence = format!(
        "fixed {} in {}",
        plural(done.len(), "finding"),
        plural(written.len(), "file")
    );
    if waiting > 0 && !arguments.fix.unsafe_fixes {
        let _ = write!(
            sentence,
            "; {waiting} more may be fixed with `--unsafe-fixes`"
        );
    }
    output::complain(&sentence);
}

#[cfg(test)]
mod tests {
    use clap::Parser;

    use super::super::{Cli, Command};
    use super::*;

    #[test]
    fn a_file_that_changed_meanwhile_is_left_alone() {
        let folder = std::env::temp_dir().join(format!("foreshot-fix-{}", std::process::id()));
        let versions = folder.join("alembic/versions");
        fs::create_dir_all(&versions).expect("a folder");
        fs::write(folder.join("alembic/env.py"), "").expect("written");
        let text = "revision = 'a'\ndown_revision = None\n\n\ndef upgrade():\n    pass\n";
        for name in ["a.py", "b.py"] {
            let text = text.replace("'a'", &format!("'{}'", &name[..1]));
            fs::write(versions.join(name), text).expect("written");
        }
        let root = folder.to_str().expect("text").to_owned();
        let parsed = Cli::try_parse_from(["foreshot", "check", &root]).expect("parsed");
        let Command::Check(arguments) = parsed.command else {
            panic!("another command");
        };
        let project = check::open(&arguments).expect("opened");
        let path = |name: &str| {
            let files = project.databases[0].revision_files.iter();
            files
                .clone()
                .find(|path| path.ends_with(name))
                .expect("there")
                .clone()
        };
        let (left, right) = (path("a.py"), path("b.py"));
        let repaired = Repaired {
            texts: [&left, &right]
                .map(|path| (path.clone(), "fixed = True\n".into()))
                .into(),
            fixed: Vec::new(),
            last: Round {
                sources: project.sources.clone(),
                diagnostics: Vec::new(),
                proofs: Vec::new(),
                left: Vec::new(),
                effort: 0,
            },
            ended_early: false,
        };
        // somebody saves the file while it is analysed
        fs::write(versions.join("a.py"), "mine = True\n").expect("written");
        let (written, alone) = write_all(&project, &repaired).expect("written");
        assert_eq!(alone, [(left, "it changed meanwhile".to_owned())]);
        assert_eq!(written, BTreeSet::from([right]));
        let read = |name: &str| fs::read_to_string(versions.join(name)).expect("there");
        assert_eq!(
            (read("a.py").as_str(), read("b.py").as_str()),
            ("mine = True\n", "fixed = True\n")
        );
        fs::remove_dir_all(&folder).expect("removed");
    }
}
