//! One run of one revision: its function interpreted on a catalog, and what came of it.
//!
//! In: a parsed module, a function's name, a catalog, the choices at unknown conditions. Out: a [`Trace`], the catalog
//! afterwards, the choices that were made. Nothing of it is shared with other runs.

use std::collections::BTreeMap;
use std::rc::Rc;
use std::sync::Arc;

use smol_str::SmolStr;

use super::environment::{Environment, Settings};
use super::object::Interp;
use super::types::enumeration;
use crate::postgres::statement::{
    ColumnDefinition, ConstraintDefinition, ConstraintKind, CreateTable,
};
use crate::postgres::{Catalog, Name, Parameters, Session, Statement, TransactionMode, Version};
use crate::python::interpreter::{Limits, Modules};
use crate::python::{Arguments, Eval, Interpreter, Raise, Value, syntax};
use crate::source::Site;
use crate::sql::{self, Placeholders};
use crate::trace::{Choice, Raised, RunOutput, Trace};

/// What a run starts from.
#[derive(Clone)]
pub struct RunInput<'a> {
    /// The revision.
    pub module: Arc<syntax::Module>,
    /// `upgrade` or `downgrade`.
    pub function: &'a str,
    /// The schema before.
    pub catalog: Catalog,
    /// Tables that no migration made and that are used directly are assumed ([`Session::assumes`]).
    pub assumes: bool,
    /// The server's version.
    pub version: Version,
    /// Versions and conventions.
    pub settings: Arc<Settings>,
    /// The project's modules.
    pub modules: Arc<dyn Modules>,
    /// Answers to unknown conditions, in order; past them `true`.
    pub script: Vec<bool>,
    /// Answers of conditions that have one value in all runs, by description.
    pub settled: BTreeMap<String, bool>,
    /// Schemas of unqualified names; empty: `public`.
    pub search_path: Arc<[SmolStr]>,
    /// The `env.py` to run the revision in, where it wraps operations.
    pub environment: Option<Arc<syntax::Module>>,
    /// What is not as it is: shows what a guard is for.
    pub contrary: Contrary,
    /// Bounds.
    pub limits: Limits,
}

/// What a run does otherwise than Alembic would, to show what would happen then.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Contrary {
    /// Inspectors remember nothing.
    pub fresh: bool,
    /// Conditions that pass over no work: where one would, it goes the other way.
    pub turned: Vec<Site>,
    /// As `--sql` runs it: there is no database.
    pub offline: bool,
}

/// A revision that waits for `context.run_migrations()`.
#[derive(Clone)]
pub struct Pending {
    module: Arc<syntax::Module>,
    function: String,
    missing: bool,
    done: bool,
}

/// Reads the text of dynamic SQL (EXECUTE in PL/pgSQL).
pub fn dynamic_sql(text: &str) -> Vec<Statement> {
    sql::parse(text, Placeholders::None)
        .iter()
        .map(|parsed| parsed.statement.clone())
        .collect()
}

/// What Alembic makes the ids of applied revisions.
pub const VERSION_TYPE: &str = "varchar(32)";

/// The catalog with Alembic's own table, which is there whenever a migration runs (`MigrationContext._version`).
pub fn with_version_table(
    catalog: Catalog,
    version: Version,
    name: &str,
    schema: Option<&str>,
    column_type: &str,
) -> Catalog {
    let mut session = Session::new(catalog, version, dynamic_sql);
    let column = ColumnDefinition {
        not_null: true,
        ..ColumnDefinition::new("version_num", sql::parse_type(column_type))
    };
    let key = ConstraintKind::PrimaryKey {
        columns: vec![SmolStr::new_static("version_num")],
        include: Vec::new(),
        using_index: None,
    };
    let create = CreateTable {
        name: Name::qualified(schema, name),
        columns: vec![column],
        constraints: vec![ConstraintDefinition::new(Some(&format!("{name}_pkc")), key)],
        ..CreateTable::default()
    };
    session.execute(
        &[Statement::CreateTable(Box::new(create))],
        &Parameters::default(),
    );
    session.catalog
}

/// Runs a function of a revision, as a command of its own.
pub fn run(input: RunInput<'_>) -> RunOutput {
    let mut session = open(&input);
    session.begin();
    let (interp, raised) = interpret(input, session, &[]);
    finish(interp, raised)
}

/// A connection to the catalog of a run.
fn open(input: &RunInput<'_>) -> Session {
    let mut session = Session::new(input.catalog.clone(), input.version, dynamic_sql);
    if !input.search_path.is_empty() {
        session.search_path.clone_from(&input.search_path);
    }
    session.assumes = input.assumes;
    session
}

/// One `alembic upgrade` of several revisions: what it carries from one to the next.
#[derive(Default)]
pub struct Command {
    /// Its connection, with the transaction that is open.
    session: Option<Session>,
    /// Keys of SQLAlchemy's memo of the enum types that it made.
    made: Vec<String>,
}

impl Command {
    /// Runs the next revision of the command; its catalog is asked for the first only. `own_transaction`: it is committed
    /// at its end.
    pub fn run(&mut self, input: RunInput<'_>, own_transaction: bool) -> RunOutput {
        let mut session = self.session.take().unwrap_or_else(|| open(&input));
        session.begin();
        let (mut interp, raised) = interpret(input, session, &self.made);
        let raised = raised.map(|raise| describe(&mut interp, &raise));
        self.made = enumeration::memo(&interp.host).map(str::to_owned).collect();
        let mut session = interp.host.session.clone();
        if own_transaction {
            session.commit();
        }
        self.session = Some(session);
        output(interp, raised)
    }

    /// What was made so far counts as committed by an earlier command: types are no longer new, and SQLAlchemy has no
    /// memo of them.
    pub fn forget_made(&mut self) {
        self.made.clear();
        if let Some(session) = &mut self.session {
            session.forget_made_types();
        }
    }
}

/// Interprets the function that waits, in its `env.py` where that wraps operations; what it raises, if anything.
fn interpret(
    input: RunInput<'_>,
    session: Session,
    made: &[String],
) -> (Interp, Option<Box<Raise>>) {
    let mut host = Environment::new(session, input.settings, input.module.file);
    host.decisions.script = input.script;
    host.questions.contrary = input.contrary;
    host.decisions.settled = input
        .settled
        .into_iter()
        .map(|(what, value)| (Rc::from(what), value))
        .collect();
    enumeration::remember(&mut host, made);
    host.pending = Some(Pending {
        module: input.module,
        function: input.function.to_owned(),
        missing: false,
        done: false,
    });
    let mut interp = Interpreter::new(host, input.modules, input.limits);
    let mut raised = None;
    if let Some(environment) = &input.environment {
        let result = interp.load(environment, "env");
        // what `env.py` itself raises before or after is its own affair
        if let Err(raise) = result
            && interp
                .host
                .pending
                .as_ref()
                .is_some_and(|pending| pending.done)
        {
            raised = Some(raise);
        }
    }
    if !interp
        .host
        .pending
        .as_ref()
        .is_some_and(|pending| pending.done)
        && let Err(raise) = run_pending(&mut interp)
    {
        raised = Some(raise);
    }
    (interp, raised)
}

fn finish(mut interp: Interp, raised: Option<Box<Raise>>) -> RunOutput {
    // a bound of foreshot's own ends no real run
    let is_exception = raised.as_ref().is_some_and(|raise| !raise.bound);
    let raised = raised.map(|raise| describe(&mut interp, &raise));
    let undone = is_exception.then(|| {
        let mut session = interp.host.session.clone();
        if session.mode() == TransactionMode::Block {
            session.rollback();
        }
        session.catalog
    });
    if interp.host.session.mode() == TransactionMode::Block {
        interp.host.session.commit();
    }
    RunOutput {
        undone,
        ..output(interp, raised)
    }
}

fn output(interp: Interp, raised: Option<Raised>) -> RunOutput {
    let steps = interp.state.steps;
    let host = interp.host;
    let decisions = host
        .decisions
        .taken
        .iter()
        .map(|decision| Choice {
            reason: decision.unknown.reason,
            what: decision.unknown.what.to_string(),
            site: decision.site,
            value: decision.value,
            loading: decision.loading,
        })
        .collect();
    RunOutput {
        trace: Trace {
            events: host.events,
            raised,
            boundaries: host.boundaries,
            gaps: host.gaps,
            presumed: host.presumed,
            stale: host.questions.stale,
            inspected: host.questions.inspected,
            has_assumed: host.session.has_assumed(),
            guards: host.questions.each_guard(),
            missing_function: host.pending.is_some_and(|pending| pending.missing),
            ..Trace::default()
        },
        catalog: host.session.catalog,
        undone: None,
        doubtful_rows: host.doubtful_rows,
        decisions,
        settled: host
            .decisions
            .settled
            .iter()
            .map(|(what, value)| (what.to_string(), *value))
            .collect(),
        steps,
    }
}

/// Runs the revision that waits, once; what `env.py` executed before it is no event of the revision.
pub fn run_pending(interp: &mut Interp) -> Eval<()> {
    let Some(pending) = interp.host.pending.clone().filter(|pending| !pending.done) else {
        return Ok(());
    };
    if let Some(pending) = &mut interp.host.pending {
        pending.done = true;
    }
    interp.host.events.clear();
    interp.host.boundaries.clear();
    interp.host.transaction = 0;
    if interp.host.session.mode() == TransactionMode::Autocommit {
        interp.host.session.begin();
    }
    let result = run_revision(interp, &pending);
    if let Err(raise) = &result {
        let file = interp.host.revision_file;
        interp.host.raise_site = interp.raised_in(raise, file);
        interp.host.raised_elsewhere = interp.raised_outside(raise, file);
    }
    result
}

fn run_revision(interp: &mut Interp, pending: &Pending) -> Eval<()> {
    let module = interp.load(&pending.module, "revision")?;
    let Some(function) = interp.attribute_or_none(&module, &pending.function)? else {
        if let Some(pending) = &mut interp.host.pending {
            pending.missing = true;
        }
        return Ok(());
    };
    let engines = engine_names(&module, &function, &pending.function);
    if engines.is_empty() {
        let arguments = super::env::arguments_of(interp, &function);
        interp.call(&function, arguments)?;
        return Ok(());
    }
    for engine in engines {
        let arguments = Arguments {
            positional: vec![Value::str(engine)],
            ..Arguments::default()
        };
        interp.call(&function, arguments)?;
    }
    Ok(())
}

/// The multidb template: `upgrade(engine_name)` calls `upgrade_<name>()`; the names are those of such functions.
fn engine_names(module: &Value, function: &Value, name: &str) -> Vec<String> {
    let (Value::Module(module), Value::Function(function)) = (module, function) else {
        return Vec::new();
    };
    if !super::revision::takes_argument(function) {
        return Vec::new();
    }
    let prefix = format!("{name}_");
    let names = module.scope.names.borrow();
    names
        .keys()
        .filter_map(|known| known.strip_prefix(&prefix))
        .map(str::to_owned)
        .collect()
}

fn describe(interp: &mut Interp, raise: &Raise) -> Raised {
    let class = match &raise.exception {
        Value::Instance(instance) => instance.class.name.to_string(),
        Value::Unknown(unknown) => unknown.what.to_string(),
        _ => "Exception".to_owned(),
    };
    let message = match interp.string(&raise.exception) {
        Ok(text) => text.replace(crate::unknown::HOLE, "{?}"),
        Err(_) => String::new(),
    };
    Raised {
        class,
        message,
        site: interp.host.raise_site,
        elsewhere: interp.host.raised_elsewhere,
        explicit: raise.explicit,
    }
}
