//! `env.py`: what it sets for all revisions, and the doors through which it runs them.
//!
//! It is interpreted as a revision is. `context.configure` remembers what it is given, `context.run_migrations` runs the
//! revision that waits, if one does: so that operations which `env.py` wraps are wrapped while it runs.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use smol_str::SmolStr;

use super::arguments::environment as setting;
use super::bridge;
use super::environment::{Environment, Settings};
use super::object::{self, Interp};
use super::schema::metadata::MetaData;
use crate::postgres::{Catalog, Parameters, Session, Version};
use crate::python::interpreter::{Limits, Modules};
use crate::python::syntax::StatementKind;
use crate::python::{Arguments, Eval, Interpreter, Key, Value, syntax};
use crate::sql;
use crate::unknown::{Reason, Unknown};

/// What is known of an `env.py`; `None` where it does not say or can't be read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct EnvironmentFacts {
    /// Each revision of a command has a transaction of its own.
    pub transaction_per_migration: Option<bool>,
    /// DDL runs in a transaction.
    pub transactional_ddl: Option<bool>,
    /// The table of applied revisions, and its schema.
    pub version_table: Option<String>,
    /// The schema of that table, `Some(None)` where none is named; `None`: not known.
    pub version_table_schema: Option<Option<String>>,
    /// Other schemas than the default are compared.
    pub include_schemas: Option<bool>,
    /// Naming convention of the target metadata; empty: SQLAlchemy's own, or not known.
    pub naming_convention: BTreeMap<String, String>,
    /// The target metadata is given and can't be read, so that its naming convention is not known.
    pub naming_unknown: bool,
    /// The search path that it sets.
    pub search_path: Option<Arc<[SmolStr]>>,
    /// It says itself what the table of applied revisions is like: how long an id may be is not known.
    pub own_version_column: bool,
    /// It connects through SQLAlchemy's asyncio extension.
    pub asynchronous: bool,
    /// Options of the configuration that it sets itself; `None`: to what is not known.
    pub options: BTreeMap<String, Option<String>>,
    /// What it puts into `config.attributes`, by name.
    pub attributes: BTreeSet<String>,
    /// Its connection has the isolation level AUTOCOMMIT: each statement commits by itself, whatever Alembic begins.
    pub autocommit: bool,
    /// It commits its connection itself once the migrations have run.
    pub commits_after: bool,
    /// It has its connection from `engine.begin()`: SQLAlchemy refuses whatever comes after a `commit()` in there.
    pub begins: bool,
    /// SQL that it executes before the migrations, whatever is set, in order.
    pub statements: Vec<String>,
    /// It wraps or replaces operations: each run must interpret it again.
    pub replaces_operations: bool,
}

const OPTIONS: &str = "context options";

/// The key that says that there may be more options than are known.
const MORE: &str = "**";

/// `context.configure(**options)`.
pub fn configure(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let mut entries: indexmap::IndexMap<Key, Value> = match interp.host.memo.get(OPTIONS) {
        Some(Value::Dict(known)) => known.borrow().clone(),
        _ => indexmap::IndexMap::new(),
    };
    for (name, value) in arguments.keyword {
        entries.insert(Key::Str(name.as_str().into()), value);
    }
    if arguments.incomplete {
        entries.insert(Key::Str(MORE.into()), Value::None);
    }
    let options = Value::Dict(std::rc::Rc::new(std::cell::RefCell::new(entries)));
    interp.host.memo.insert(OPTIONS.to_owned(), options);
    Ok(Value::None)
}

/// `op.get_context().opts`.
pub fn options(interp: &mut Interp) -> Value {
    match interp.host.memo.get(OPTIONS) {
        Some(options) => options.clone(),
        None => setting("context options"),
    }
}

/// `context.run_migrations(**arguments)`: the revision that waits, whose functions get the arguments.
pub fn run_migrations(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let mut given = indexmap::IndexMap::new();
    for (name, value) in arguments.keyword {
        given.insert(Key::Str(name.as_str().into()), value);
    }
    let given = Value::Dict(std::rc::Rc::new(std::cell::RefCell::new(given)));
    interp.host.memo.insert(ARGUMENTS.to_owned(), given);
    super::run::run_pending(interp)?;
    interp.host.memo.insert(RAN.to_owned(), Value::Bool(true));
    Ok(Value::None)
}

/// What `context.run_migrations` gave the functions of revisions.
const ARGUMENTS: &str = "arguments of migrations";

/// What a function of a revision is called with: what `env.py` gives, and where that is not known, something unknown for
/// each parameter that has no default.
pub fn arguments_of(interp: &mut Interp, function: &Value) -> Arguments {
    let mut arguments = Arguments::default();
    match interp.host.memo.get(ARGUMENTS) {
        Some(Value::Dict(given)) => {
            for (name, value) in given.borrow().iter() {
                if let Key::Str(name) = name {
                    arguments
                        .keyword
                        .push((name.as_ref().into(), value.clone()));
                }
            }
        }
        _ => {
            if let Value::Function(function) = function {
                for name in super::revision::required_parameters(function) {
                    arguments.keyword.push((name.clone(), setting(&name)));
                }
            }
        }
    }
    arguments
}

/// The migrations have run.
const RAN: &str = "migrations have run";

/// A connection was committed since.
const COMMITTED: &str = "committed since";

/// SQL that was executed before.
const EXECUTED: &str = "executed before the migrations";

/// Remembers SQL that `env.py` executes before the migrations, unless it hangs on something unknown.
fn note_statement(interp: &mut Interp, statement: Option<&Value>) {
    let text = match statement {
        Some(Value::Str(text)) => Some(text.text.to_string()),
        Some(clause) => bridge::text(clause),
        None => None,
    };
    let Some(text) = text.filter(|text| !crate::unknown::has_hole(text)) else {
        return;
    };
    if interp.host.memo.contains_key(RAN) || interp.conditional().is_some() {
        return;
    }
    interp.host.note(EXECUTED, Value::str(text));
}

/// A catalog in which what `env.py` executes before the migrations has been made: the server answers as if it were its first time, and
/// what it refuses is left out.
pub fn with_statements(catalog: Catalog, version: Version, statements: &[String]) -> Catalog {
    after(catalog, version, statements).catalog
}

/// The connection behind some statements.
fn after(catalog: Catalog, version: Version, statements: &[String]) -> Session {
    let mut session = Session::new(catalog, version, super::run::dynamic_sql);
    for text in statements {
        session.execute(&sql::statements(text), &Parameters::default());
    }
    session
}

/// What an engine or connection with the isolation level AUTOCOMMIT is described by, before all that is done with it.
const AUTOCOMMIT: &str = "a connection in AUTOCOMMIT";

/// The value of `create_engine(..., isolation_level="AUTOCOMMIT")` and the like; `None` where they say nothing of it.
pub fn autocommit_connection(arguments: &Arguments) -> Option<Value> {
    let is_autocommit = |value: &Value| value.as_str() == Some("AUTOCOMMIT");
    let given = match arguments.named("isolation_level") {
        Some(level) => is_autocommit(level),
        None => match arguments.named("execution_options") {
            Some(Value::Dict(options)) => options
                .borrow()
                .get(&Key::Str("isolation_level".into()))
                .is_some_and(is_autocommit),
            _ => false,
        },
    };
    given.then(|| Value::unknown(Unknown::new(Reason::Environment, AUTOCOMMIT)))
}

/// What `env.py` does with connections that are not known: their isolation level, their commit behind the migrations,
/// and `run_sync(function)` of an asynchronous one, which calls the function with a connection.
pub fn unknown_call(
    interp: &mut Interp,
    callee: &Unknown,
    arguments: &Arguments,
) -> Eval<Option<Value>> {
    if let Some(connection) = autocommit_connection(arguments) {
        return Ok(Some(connection));
    }
    if callee.what.ends_with(".commit") && interp.host.memo.contains_key(RAN) {
        interp
            .host
            .memo
            .insert(COMMITTED.to_owned(), Value::Bool(true));
    }
    if callee.what.ends_with(".execute") || callee.what.ends_with(".exec_driver_sql") {
        note_statement(interp, arguments.positional.first());
    }
    let function = arguments.positional.first();
    if let (Some(owner), Some(function @ Value::Function(_))) =
        (callee.what.strip_suffix(".run_sync"), function)
    {
        let connection = Unknown {
            what: owner.into(),
            ..callee.clone()
        };
        let mut inner = arguments.clone();
        inner.positional[0] = Value::unknown(connection);
        return interp.call(function, inner).map(Some);
    }
    Ok(None)
}

/// `context.execute(sql)`.
pub fn execute(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    note_statement(interp, arguments.positional.first());
    super::operations::execute(interp, arguments, false)
}

/// Whether an `env.py` has something to do with the column of the version table: SQL that names it, or the method by
/// which an implementation of Alembic's makes that table. The connection is mostly one that is not known, so that what it
/// executes there is not.
fn makes_version_column(module: &syntax::Module) -> bool {
    let names_it = module.expressions.iter().any(|expression| {
        matches!(&expression.kind, syntax::ExpressionKind::Str { text, .. } if text.contains("version_num"))
    });
    let makes_it = |function: &syntax::FunctionDefinition| function.name == "version_table_impl";
    names_it || module.functions.iter().any(makes_it)
}

/// How often an `env.py` is interpreted, one way through unknown conditions after the other.
const ATTEMPTS: usize = 12;

/// Interprets an `env.py` and says what it sets. What fails in it leaves the rest unknown; but where an exception is the end of
/// a way that unknown conditions led to (settings that look at secrets and refuse them), another way is gone: a project's
/// `env.py` comes to its end wherever its migrations run.
pub fn read(
    module: &Arc<syntax::Module>,
    version: Version,
    settings: &Arc<Settings>,
    modules: &Arc<dyn Modules>,
) -> EnvironmentFacts {
    let mut first: Option<EnvironmentFacts> = None;
    let mut script = Vec::new();
    for _ in 0..ATTEMPTS {
        let mut session = Session::new(Catalog::default(), version, super::run::dynamic_sql);
        session.catalog.open = true;
        let path = session.search_path.clone();
        let mut host = Environment::new(session, settings.clone(), module.file);
        host.decisions.script = script;
        let mut interp = Interpreter::new(host, modules.clone(), Limits::default());
        let ended = interp.load(module, "env").is_ok();
        let mut taken: Vec<bool> = interp
            .host
            .decisions
            .taken
            .iter()
            .map(|decision| decision.value)
            .collect();
        if ended {
            let mut facts = facts_of(module, &mut interp, &path);
            if let Some(first) = first {
                // how it holds its connection is its own; what the application's models say behind choices that were
                // turned is not taken for known
                facts.naming_convention = first.naming_convention;
                facts.naming_unknown = true;
            }
            return facts;
        }
        // what the first raises leaves what it had set by then
        first.get_or_insert_with(|| facts_of(module, &mut interp, &path));
        // the last choice that may be made otherwise
        while taken.last() == Some(&false) {
            taken.pop();
        }
        if taken.pop().is_none() {
            break;
        }
        taken.push(false);
        script = taken;
    }
    first.unwrap_or_default()
}

/// What an `env.py` has set.
fn facts_of(module: &syntax::Module, interp: &mut Interp, path: &[SmolStr]) -> EnvironmentFacts {
    let mut facts =
        EnvironmentFacts {
            own_version_column: makes_version_column(module),
            replaces_operations: interp.host.memo.keys().any(|key| {
                key.starts_with("replaced ") || key.starts_with("registered operation ")
            }) || gives_arguments(interp),
            asynchronous: imports_asyncio(&module.body),
            ..EnvironmentFacts::default()
        };
    facts.options = super::configuration::set_options(interp);
    facts.attributes = super::configuration::set_attributes(interp);
    let executed = interp.host.noted(EXECUTED);
    let executed = executed.iter().filter_map(Value::as_str);
    facts.statements = executed.map(str::to_owned).collect();
    facts.commits_after = interp.host.memo.contains_key(COMMITTED);
    // on a connection that is known, and on one of which only the statements are
    let known = interp.host.session.search_path.clone();
    let executed = after(
        Catalog::default(),
        interp.host.session.version,
        &facts.statements,
    );
    let mut paths = [known, executed.search_path].into_iter();
    facts.search_path = paths.find(|found| **found != *path);
    let options = options(interp);
    let Value::Dict(options) = &options else {
        return facts;
    };
    let options = options.borrow();
    let get = |name: &str| options.get(&Key::Str(name.into()));
    let flag = |name: &str| match get(name) {
        Some(Value::Bool(flag)) => Some(*flag),
        _ => None,
    };
    let text = |name: &str| {
        get(name)
            .and_then(Value::as_str)
            .filter(|text| !crate::unknown::has_hole(text))
            .map(str::to_owned)
    };
    facts.autocommit = matches!(get("connection"), Some(Value::Unknown(unknown)) if unknown.what.starts_with(AUTOCOMMIT));
    facts.begins = matches!(get("connection"), Some(Value::Unknown(unknown)) if unknown.what.contains(".begin("));
    facts.naming_unknown = matches!(get("target_metadata"), Some(Value::Unknown(_)));
    facts.transaction_per_migration = flag("transaction_per_migration");
    facts.transactional_ddl = flag("transactional_ddl");
    facts.include_schemas = flag("include_schemas");
    facts.version_table = text("version_table");
    facts.version_table_schema = match text("version_table_schema") {
        Some(schema) => Some(Some(schema)),
        None => {
            let given = get("version_table_schema");
            let none = get(MORE).is_none() && matches!(given, None | Some(Value::None));
            none.then_some(None)
        }
    };
    if let Some(metadata) = get("target_metadata").and_then(object::get::<MetaData>) {
        facts.naming_convention = metadata.convention.borrow().clone();
    }
    facts
}

/// Whether the functions of revisions are given arguments.
fn gives_arguments(interp: &Interp) -> bool {
    matches!(interp.host.memo.get(ARGUMENTS), Some(Value::Dict(given)) if !given.borrow().is_empty())
}

/// Whether statements import an engine of `sqlalchemy.ext.asyncio`.
fn imports_asyncio(body: &[syntax::Statement]) -> bool {
    body.iter().any(|statement| match &statement.kind {
        StatementKind::FromImport { module, names, .. } => {
            module == "sqlalchemy.ext.asyncio"
                && names
                    .iter()
                    .any(|name| name.name.contains("engine") || name.name.ends_with("Engine"))
        }
        _ => false,
    })
}
