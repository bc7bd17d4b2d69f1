//! The command line: arguments, commands, exit statuses.
//!
//! 0: clean, 1: findings of severity warning or error, 2: could not run (one sentence on standard error says why and what
//! to do). Standard output carries the report alone.

mod baseline;
mod check;
mod fix;
mod init;
mod merge;
mod output;
mod progress;
mod run;
mod settings;
mod shell;
mod show;
mod since;
mod trace;

use std::process::ExitCode;

use camino::Utf8PathBuf;
use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{ALL, ConfigError, Driver, Level, Overrides, PackageVersion, postgres_version};
use crate::diagnostic::Severity;
use crate::discover::DiscoverError;
use crate::files::FileError;
use crate::git::GitError;
use crate::postgres::Version;

/// Stack of every thread that analyses: PostgreSQL's parser and our own visitors recurse with the nesting of the input.
const STACK: usize = 32 << 20;

/// Runs migrations on paper: does it survive a second run, a rollback, a fresh database, production?
#[derive(Debug, Parser)]
#[command(name = "foreshot", version, disable_help_subcommand = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Replay migrations and report what will go wrong
    Check(CheckArguments),
    /// Show what each run of each revision does, statement by statement
    Trace(TraceArguments),
    /// Show the page of a rule
    Explain {
        /// The rule's id
        rule: String,
    },
    /// List all rules
    Rules,
    /// Show the order of the revisions, with heads and merges
    Graph(GraphArguments),
    /// Show what is in force and where each value comes from
    Config(ConfigArguments),
    /// Write a configuration with today's heads as released; nothing is overwritten
    Init(InitArguments),
    /// Write the revision that joins several heads, as `alembic merge heads` would
    MergeHeads(MergeArguments),
    /// Print the completions of a shell
    Completions {
        /// The shell
        shell: clap_complete::Shell,
    },
    /// Print the man page
    Man,
}

#[derive(Debug, Args)]
struct CheckArguments {
    #[command(flatten)]
    input: Input,
    /// How to print findings
    #[arg(long, alias = "format", env = "FORESHOT_OUTPUT_FORMAT", default_value = "text", value_parser = format_names())]
    output_format: String,
    /// Write the report to a file: PATH instead of printing it, FORMAT=PATH beside (may be repeated)
    #[arg(long, value_name = "[FORMAT=]PATH")]
    output_file: Vec<String>,
    /// Name of this run in SARIF, where several runs over parts of a repository are brought together
    #[arg(long, value_name = "NAME", env = "FORESHOT_CATEGORY")]
    category: Option<String>,
    /// Exit with 1 from this severity on
    #[arg(long, value_enum, default_value = "warning")]
    fail_on: FailOn,
    /// Exit with 0 where there are findings too
    #[arg(long)]
    exit_zero: bool,
    /// Say how many findings each rule has
    #[arg(long)]
    statistics: bool,
    /// Print the findings alone
    #[arg(short, long)]
    quiet: bool,
    /// Say on standard error how long each phase took, added up over the threads
    #[arg(long)]
    timings: bool,
    /// Report what was not there before the change since this commit; `auto`: as the CI system says
    #[arg(long, value_name = "REF")]
    since: Option<String>,
    /// Look at what is staged, and report what the commit brings
    #[arg(long)]
    staged: bool,
    /// File of findings that are accepted for now
    #[arg(long, value_name = "FILE")]
    baseline: Option<Utf8PathBuf>,
    /// Accept all findings of today: write them to the baseline
    #[arg(long)]
    write_baseline: bool,
    #[command(flatten)]
    fix: fix::FixArguments,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum FailOn {
    /// What will fail or lose data
    Error,
    /// What harms later, too
    Warning,
    /// Advice, too
    Note,
}

impl From<FailOn> for Severity {
    fn from(fail_on: FailOn) -> Self {
        match fail_on {
            FailOn::Error => Self::Error,
            FailOn::Warning => Self::Warning,
            FailOn::Note => Self::Note,
        }
    }
}

#[derive(Debug, Args)]
struct ConfigArguments {
    #[command(flatten)]
    input: Input,
    /// Show the JSON schema of the configuration file instead
    #[arg(long)]
    schema: bool,
}

#[derive(Debug, Args)]
struct InitArguments {
    #[command(flatten)]
    input: Input,
    /// A hook for pre-commit too
    #[arg(long)]
    hook: bool,
    /// A workflow for GitHub Actions too
    #[arg(long)]
    workflow: bool,
    /// Print instead of writing
    #[arg(long)]
    print: bool,
}

#[derive(Debug, Args)]
struct MergeArguments {
    #[command(flatten)]
    input: Input,
    /// What the revision says of itself [default: the heads that it joins]
    #[arg(short, long, value_name = "TEXT")]
    message: Option<String>,
    /// Its id [default: made from the ids of the heads]
    #[arg(long, value_name = "ID")]
    rev_id: Option<String>,
    /// Print instead of writing
    #[arg(long)]
    print: bool,
}

#[derive(Debug, Args)]
struct TraceArguments {
    #[command(flatten)]
    input: Input,
    /// Only this revision: its id, the beginning of it, a branch label, `head`
    #[arg(long, value_name = "REVISION")]
    revision: Option<String>,
    /// How to print the trace
    #[arg(long, value_enum, default_value = "text")]
    format: TraceFormat,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum TraceFormat {
    /// A table for people
    Text,
    /// JSON Lines, one object an event
    Json,
}

#[derive(Debug, Args)]
struct GraphArguments {
    #[command(flatten)]
    input: Input,
}

/// What all commands that read a project share.
#[derive(Debug, Args)]
struct Input {
    /// Folders or files; named files are reported on, all others of their database are replayed; `-`: standard input
    #[arg(value_name = "PATH")]
    paths: Vec<Utf8PathBuf>,
    /// The file whose text is on standard input, with `-` as the path [default: stdin.sql]
    #[arg(long, value_name = "FILE")]
    stdin_filename: Option<Utf8PathBuf>,
    /// Major version of the server
    #[arg(long, value_name = "VERSION", value_parser = postgres_version)]
    postgres_version: Option<Version>,
    /// Version of Alembic
    #[arg(long, value_name = "VERSION")]
    alembic_version: Option<PackageVersion>,
    /// Version of SQLAlchemy
    #[arg(long, value_name = "VERSION")]
    sqlalchemy_version: Option<PackageVersion>,
    /// Driver: psycopg2, psycopg, asyncpg or pg8000
    #[arg(long, value_name = "NAME")]
    driver: Option<Driver>,
    /// Each revision of a command has a transaction of its own (else: as env.py says)
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    transaction_per_migration: Option<bool>,
    /// Revisions up to this one are released: replayed, not reported (may be repeated)
    #[arg(long, value_name = "REVISION")]
    start_after: Vec<String>,
    /// Level of a rule or tag: off, note, warning or error (may be repeated)
    #[arg(long = "level", value_name = "RULE=LEVEL", value_parser = rule_level)]
    levels: Vec<(String, Level)>,
    /// Report these rules and tags alone
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule_or_tag)]
    select: Vec<String>,
    /// Do not report these rules and tags
    #[arg(long, value_name = "RULE", value_delimiter = ',', value_parser = rule_or_tag)]
    ignore: Vec<String>,
    /// `exclude` of the configuration is about named files too
    #[arg(long)]
    force_exclude: bool,
    /// Whether a docstring, a comment or a `raise` makes an empty downgrade a choice
    #[arg(long, value_name = "BOOL", num_args = 0..=1, require_equals = true, default_missing_value = "true")]
    accept_explained_downgrade: Option<bool>,
    /// Section of alembic.ini
    #[arg(short, long, value_name = "SECTION")]
    name: Option<String>,
    /// The project's root: nothing outside of it is read [default: the git repository, else the working folder]
    #[arg(long, value_name = "FOLDER")]
    root: Option<Utf8PathBuf>,
    /// Configuration file [default: foreshot.toml, .foreshot.toml or pyproject.toml, the nearest]
    #[arg(long, value_name = "FILE")]
    config: Option<Utf8PathBuf>,
    /// Number of threads [default: one a processor]
    #[arg(long, value_name = "N")]
    jobs: Option<usize>,
    /// When to colour
    #[arg(long, value_enum, default_value = "auto")]
    color: Colour,
    /// Say more: which files, which versions, what was not analysed
    #[arg(short, long)]
    verbose: bool,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
enum Colour {
    /// On a terminal, unless NO_COLOR is set
    Auto,
    /// Always
    Always,
    /// Never
    Never,
}

impl Input {
    fn overrides(&self) -> Overrides {
        Overrides {
            postgres_version: self.postgres_version,
            alembic_version: self.alembic_version,
            sqlalchemy_version: self.sqlalchemy_version,
            driver: self.driver,
            transaction_per_migration: self.transaction_per_migration,
            start_after: (!self.start_after.is_empty()).then(|| self.start_after.clone()),
            accept_explained_downgrade: self.accept_explained_downgrade,
            levels: self.levels.clone(),
            select: (!self.select.is_empty()).then(|| self.select.clone()),
            ignore: (!self.ignore.is_empty()).then(|| self.ignore.clone()),
        }
    }
}

fn format_names() -> clap::builder::PossibleValuesParser {
    let values = crate::report::FORMATS
        .iter()
        .map(|format| clap::builder::PossibleValue::new(format.name).help(format.summary));
    values.collect::<Vec<_>>().into()
}

/// Reads `RULE=LEVEL`.
fn rule_level(text: &str) -> Result<(String, Level), String> {
    let (rule, level) = text.split_once('=').ok_or("write it as `rule=level`")?;
    let rule = rule_or_tag(rule)?;
    if rule == ALL {
        return Err("`all` has no level: name a rule or a tag".to_owned());
    }
    let level = level
        .parse()
        .map_err(|_| format!("`{level}` is no level: off, note, warning or error"))?;
    Ok((rule, level))
}

/// The id of a rule, a tag, or `all`.
fn rule_or_tag(text: &str) -> Result<String, String> {
    let rules = run::rules();
    let mut names: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
    names.extend(rules.iter().flat_map(|rule| rule.tags));
    names.push(ALL);
    if names.contains(&text) {
        return Ok(text.to_owned());
    }
    let guess = crate::config::nearest(text, &names)
        .map_or(String::new(), |name| format!(" (did you mean `{name}`?)"));
    Err(format!("there is no rule or tag `{text}`{guess}"))
}

/// Why foreshot could not run; each says what to do.
#[derive(Debug, thiserror::Error)]
enum Failure {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Discover(#[from] DiscoverError),
    #[error(transparent)]
    Files(#[from] FileError),
    #[error(transparent)]
    Git(#[from] GitError),
    #[error("{0}")]
    Since(String),
    #[error("{0}")]
    Baseline(String),
    #[error("there is no output format `{0}`: `foreshot check --help` lists them")]
    NoFormat(String),
    #[error("the working folder can't be read: {0}")]
    WorkingFolder(String),
    #[error("the working folder's path is not UTF-8: start foreshot elsewhere and name the path")]
    NotUnicode,
    #[error("threads can't be started ({0}): try `--jobs 1`")]
    Threads(String),
    #[error("there is no revision `{0}` here: `foreshot graph` lists them")]
    NoRevision(String),
    #[error("there is no rule `{0}`{1}: `foreshot rules` lists them")]
    NoRule(String, String),
    #[error("`{0}` can't be written: {1}")]
    Write(Utf8PathBuf, String),
    #[error("{0}")]
    StandardInput(String),
    #[error("{0}")]
    Output(String),
    #[error("foreshot itself failed: please report it with the input that causes it")]
    Internal,
}

/// Runs the program with the process's own arguments.
pub fn main() -> ExitCode {
    let arguments = match Cli::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            // help and version are no failures, and clap knows which stream each belongs to
            let status = u8::from(error.use_stderr()) * 2;
            let _ = error.print();
            return ExitCode::from(status);
        }
    };
    let worker = std::thread::Builder::new()
        .stack_size(STACK)
        .spawn(move || execute(&arguments.command));
    let outcome = match worker {
        Ok(handle) => handle.join().unwrap_or(Err(Failure::Internal)),
        Err(error) => Err(Failure::Threads(error.to_string())),
    };
    match outcome {
        Ok(status) => ExitCode::from(status),
        Err(failure) => {
            output::complain(&failure.to_string());
            ExitCode::from(2)
        }
    }
}

fn execute(command: &Command) -> Result<u8, Failure> {
    match command {
        Command::Check(arguments) => in_pool(&arguments.input, || check::check(arguments)),
        Command::Trace(arguments) => in_pool(&arguments.input, || trace::trace(arguments)),
        Command::Graph(arguments) => in_pool(&arguments.input, || show::graph(arguments)),
        Command::Config(arguments) => settings::config(arguments),
        Command::Init(arguments) => in_pool(&arguments.input, || init::init(arguments)),
        Command::MergeHeads(arguments) => in_pool(&arguments.input, || merge::merge(arguments)),
        Command::Explain { rule } => show::explain(rule),
        Command::Rules => show::rules(),
        Command::Completions { shell } => shell::completions(*shell),
        Command::Man => shell::man(),
    }
}

/// Does the work on threads of our own: with deep stacks, and as many as asked for.
fn in_pool(
    input: &Input,
    work: impl FnOnce() -> Result<u8, Failure> + Send,
) -> Result<u8, Failure> {
    let mut builder = rayon::ThreadPoolBuilder::new().stack_size(STACK);
    if let Some(jobs) = input.jobs {
        builder = builder.num_threads(jobs.clamp(1, 1024));
    }
    let pool = builder
        .build()
        .map_err(|error| Failure::Threads(error.to_string()))?;
    pool.install(work)
}

/// `1 finding`, `2 findings`.
fn plural(count: usize, what: &str) -> String {
    let end = if count == 1 { "" } else { "s" };
    format!("{count} {what}{end}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    fn input(arguments: &[&str]) -> Input {
        let all = ["foreshot", "check"].iter().chain(arguments);
        match Cli::try_parse_from(all).expect("parsed").command {
            Command::Check(check) => check.input,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn the_definition_holds_together() {
        Cli::command().debug_assert();
    }

    #[test]
    fn a_bare_flag_before_a_path_takes_no_value() {
        let parsed = input(&["--transaction-per-migration", "alembic/versions"]);
        assert_eq!(parsed.transaction_per_migration, Some(true));
        assert_eq!(parsed.paths, ["alembic/versions"]);
        assert_eq!(
            input(&["--transaction-per-migration=false"]).transaction_per_migration,
            Some(false)
        );
        assert_eq!(input(&[]).overrides(), Overrides::default());
        assert_eq!(
            input(&["--postgres-version", "15"]).postgres_version,
            Some(Version(15))
        );
        assert!(Cli::try_parse_from(["foreshot", "check", "--postgres-version", "9"]).is_err());
    }
}
