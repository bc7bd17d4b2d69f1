//! A project in memory, analysed as `foreshot check` does it.

use std::sync::Arc;

use camino::{Utf8Path, Utf8PathBuf};
use foreshot::analysis::{self, Analysis, Loaded};
use foreshot::config::{Config, Loader};
use foreshot::diagnostic::{self, RuleInfo};
use foreshot::discover::versions::Finder;
use foreshot::discover::{self, Database, Options};
use foreshot::files::{Files, Memory, Overlay};
use foreshot::fix::{Request, Style};
use foreshot::repair::{Left, Round, Trial};
use foreshot::report::{FORMATS, Report, Style as Look, Summary};
use foreshot::rules::RULES;
use foreshot::source::SourceMap;
use foreshot::suppress;

/// Where the judged revision stands.
pub const PYTHON: &str = "alembic/versions/example.py";

/// Where the judged SQL file stands.
pub const SQL: &str = "migrations/100_example.sql";

const REVISION: &str = "from alembic import op\nimport sqlalchemy as sa\nfrom sqlalchemy.dialects import postgresql\n\n\
                        revision = 'example'\ndown_revision = None\n\n";

/// An input as text, as foreshot itself would decode it.
pub fn text(data: &[u8]) -> String {
    foreshot::files::decode(data).text
}

/// Facts of all rules.
pub fn rules() -> Vec<RuleInfo> {
    RULES.iter().map(|rule| rule.info).collect()
}

/// The files of an input; `first` is the path of the text before the first mark.
pub fn files(text: &str, first: &str) -> Vec<(String, String)> {
    let mut found = vec![(first.to_owned(), String::new())];
    for line in text.split_inclusive('\n') {
        if let Some(path) = line.strip_prefix("### file: ") {
            found.push((path.trim().to_owned(), String::new()));
        } else if let Some((_, text)) = found.last_mut() {
            text.push_str(line);
        }
    }
    found
}

/// An Alembic project around an input.
pub fn python(text: &str) -> Memory {
    let mut memory = Memory::new()
        .with(
            "alembic.ini",
            "[alembic]\nscript_location = %(here)s/alembic\nprepend_sys_path = .\n",
        )
        .with(
            "alembic/env.py",
            "from alembic import context\n\ncontext.run_migrations()\n",
        );
    for (index, (path, text)) in files(text, PYTHON).into_iter().enumerate() {
        let whole = index > 0 || text.contains("revision =") || text.contains("revision:");
        let text = if whole {
            text
        } else {
            format!("{REVISION}{text}")
        };
        memory = memory.with(&path, text);
    }
    memory
}

/// A folder of SQL files around an input.
pub fn sql(text: &str) -> Memory {
    files(text, SQL)
        .into_iter()
        .fold(Memory::new(), |memory, (path, text)| {
            memory.with(&path, text)
        })
}

/// A project, found and configured.
pub struct Project {
    files: Arc<dyn Files>,
    config: Config,
    databases: Vec<Database>,
}

impl Project {
    /// Finds what there is; `None`: foreshot says why it can't run.
    pub fn open(memory: Memory) -> Option<Self> {
        let files: Arc<dyn Files> = Arc::new(memory);
        let rules = rules();
        let loader = Loader {
            files: files.as_ref(),
            root: Utf8Path::new(""),
            rules: &rules,
        };
        let (config, _) = loader.nearest(Utf8Path::new("")).ok()?;
        let options = Options {
            name: None,
            working_folder: Utf8PathBuf::new(),
            sql: config.sql.clone(),
        };
        let discovery = discover::discover(files.as_ref(), &config.database, &options).ok()?;
        Some(Self {
            files,
            config,
            databases: discovery.databases,
        })
    }

    fn load(&self, files: &Arc<dyn Files>, sources: &Arc<SourceMap>) -> Vec<Loaded> {
        let versions = Finder::new(files.as_ref());
        let databases = self.databases.iter();
        databases
            .map(|database| {
                let told = versions.versions(Utf8Path::new(""));
                analysis::load(
                    database,
                    files,
                    sources,
                    &self.config,
                    told,
                    &Arc::default(),
                )
            })
            .collect()
    }

    /// Analyses, without fixes.
    pub fn analyse(&self) -> Round {
        self.analysed(None)
    }

    fn analysed(&self, fixes: Option<(&Style, Trial<'_>)>) -> Round {
        let mut overlay = Overlay::new(self.files.clone());
        for (path, text) in fixes.iter().flat_map(|(_, trial)| trial.texts) {
            overlay = overlay.with(path, text.clone());
        }
        let overlaid: Arc<dyn Files> = Arc::new(overlay);
        let sources = Arc::new(SourceMap::default());
        let (mut all, mut left) = (Analysis::default(), Left::new());
        let mut effort = 0;
        for (place, (database, mut loaded)) in self
            .databases
            .iter()
            .zip(self.load(&overlaid, &sources))
            .enumerate()
        {
            loaded.fixes = fixes.map(|(style, trial)| Request {
                style: style.clone(),
                sources: sources.clone(),
                attempts: Arc::new(trial.attempts.clone()),
                apart: trial.apart.and_then(|left| left.get(place).cloned()),
            });
            let one = analysis::analyze(database, &loaded, analysis::Request::default());
            effort += loaded.memo.effort.steps();
            assert_eq!(one.coverage.panics, 0, "a panic was caught on the way");
            all.diagnostics.extend(one.diagnostics);
            all.proofs.extend(one.proofs);
            left.push(one.left.into());
        }
        let ids: Vec<&str> = RULES.iter().map(|rule| rule.info.id).collect();
        let applied = suppress::apply(all.diagnostics, &sources, |_, _| true, &ids, true);
        let mut diagnostics = applied.diagnostics;
        diagnostic::sort(&mut diagnostics, &sources);
        Round {
            diagnostics,
            sources,
            proofs: all.proofs,
            left,
            effort,
        }
    }

    /// One round of [`foreshot::repair`].
    pub fn round(&self, trial: Trial<'_>) -> Round {
        let style = Style {
            native: false,
            line_length: None,
            helpers: Vec::new(),
        };
        self.analysed(Some((&style, trial)))
    }

    /// The text of a file.
    pub fn text(&self, path: &Utf8Path) -> String {
        let bytes = self.files.read(path).ok().flatten().unwrap_or_default();
        text(&bytes)
    }
}

/// Renders a report in every format: none may panic, or let a terminal or a CI system be steered.
pub fn report(found: &Round) {
    // their pages are the same for every input, and would be nearly all that is written
    let rules: Vec<RuleInfo> = rules()
        .into_iter()
        .map(|rule| RuleInfo {
            markdown: "",
            ..rule
        })
        .collect();
    let report = Report {
        diagnostics: &found.diagnostics,
        sources: &found.sources,
        rules: &rules,
        summary: Summary::default(),
        notes: &[],
        category: None,
        since: None,
    };
    let look = Look {
        colour: false,
        quiet: false,
        verbose: true,
        statistics: true,
    };
    for format in FORMATS {
        let mut out = Vec::new();
        (format.write)(&report, look, &mut out).expect("memory takes all");
        let out = String::from_utf8(out).expect("text");
        let steering = out
            .chars()
            .find(|character| character.is_control() && !matches!(character, '\n' | '\t'));
        assert_eq!(
            steering, None,
            "`{}` lets {steering:?} through",
            format.name
        );
        if format.name != "github" {
            assert!(
                !out.lines().any(|line| line.trim_start().starts_with("::")),
                "`{}` has a line that is a workflow command",
                format.name
            );
        }
    }
}

/// Whether a text can be read as what its name says it is.
pub fn is_readable(path: &Utf8Path, text: &str) -> bool {
    if path.extension() == Some("sql") {
        let parsed = foreshot::sql::parse_file(text);
        return !parsed.iter().any(|one| {
            matches!(
                one.statement,
                foreshot::postgres::Statement::SyntaxError { .. }
            )
        });
    }
    let module = foreshot::python::syntax::parse(foreshot::source::FileId(0), text);
    !module.is_broken()
}
