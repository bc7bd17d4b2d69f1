//! The connection that `op.get_bind()` gives, its engine, dialect and savepoints, and what `execute` does with each kind
//! of executable.
//!
//! In: texts, constructs, parameters. Out: driver calls through [`Environment::execute`], results.

mod driver;
mod engine;

use std::any::Any;
use std::cell::Cell;
use std::sync::Arc;

use smol_str::SmolStr;

use super::core::dml::{Change, Kind};
use super::core::select::SelectObject;
use super::core::{self, Element, substitute};
use super::environment::{DriverCall, Environment};
use super::object::{self, Interp, Object};
use super::text::TextClause;
use super::{dialect, exceptions, literal, orm, result};
use crate::postgres::expression::{Select, Target};
use crate::postgres::{Datum, Parameters, Query, Statement, TransactionMode};
use crate::python::{Arguments, Eval, HostRef, Raise, Str, Value};
use crate::sql::{self, Placeholders};
use crate::trace::{BoundaryKind, Origin};
use crate::unknown::Reason;

pub use driver::driver_sql;
pub use engine::Engine;
use engine::Transaction;

/// `op.get_bind()`: one object a run.
pub fn bind(interp: &mut Interp) -> Value {
    object::once(interp, "connection", || {
        object::value(Connection {
            separate: false,
            closed: Cell::new(false),
        })
    })
}

/// The engine of that connection: one object a run.
pub fn engine(interp: &mut Interp) -> Value {
    object::once(interp, "engine", || object::value(Engine))
}

/// Names of this file.
pub fn lookup(_: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if !super::modules::is_sqlalchemy(module) {
        return None;
    }
    match name {
        // an engine of the migration's own may be on any database
        "create_engine"
        | "engine_from_config"
        | "create_async_engine"
        | "async_engine_from_config" => {
            Some(object::function("create_engine", |interp, arguments| {
                Ok(super::env::autocommit_connection(&arguments)
                    .unwrap_or_else(|| interp.unknown(Reason::Environment, "create_engine(...)")))
            }))
        }
        _ => None,
    }
}

/// Rows of values given to `execute`.
enum Bound {
    None,
    One(Vec<(SmolStr, Value)>),
    Many(Vec<Vec<(SmolStr, Value)>>),
    Positional(Vec<Value>),
    Unknown,
}

fn bound(interp: &mut Interp, parameters: Option<&Value>) -> Eval<Bound> {
    let Some(parameters) = parameters else {
        return Ok(Bound::None);
    };
    match parameters {
        Value::None => Ok(Bound::None),
        Value::Dict(_) => {
            Ok(core::dml::row_of(interp, parameters).map_or(Bound::Unknown, Bound::One))
        }
        Value::List(_) | Value::Tuple(_) => {
            let Ok(items) = interp.items(parameters)? else {
                return Ok(Bound::Unknown);
            };
            if items.is_empty() {
                return Ok(Bound::None);
            }
            if items.iter().all(|item| matches!(item, Value::Dict(_))) {
                let rows: Option<Vec<_>> = items
                    .iter()
                    .map(|item| core::dml::row_of(interp, item))
                    .collect();
                return Ok(rows.map_or(Bound::Unknown, Bound::Many));
            }
            Ok(Bound::Positional(items))
        }
        other => {
            if let Some(row) = object::get::<result::Row>(other)
                && row.mapping
            {
                let values = row
                    .columns
                    .iter()
                    .cloned()
                    .zip(row.values.iter().cloned())
                    .collect();
                return Ok(Bound::One(values));
            }
            Ok(Bound::Unknown)
        }
    }
}

/// Executes whatever SQLAlchemy's `execute` takes; for `op.execute` the caller makes a text of a plain string.
pub fn execute(
    interp: &mut Interp,
    executable: &Value,
    parameters: Option<&Value>,
    origin: Origin,
) -> Eval<Value> {
    match executable {
        Value::Str(text) => {
            if interp.host.settings.sqlalchemy.0 >= 2 {
                return Err(not_executable(interp, executable));
            }
            return driver_sql(interp, text, parameters, true);
        }
        Value::Unknown(unknown) => {
            let what = unknown.what.to_string();
            return unreadable(interp, origin, &what);
        }
        Value::None
        | Value::List(_)
        | Value::Tuple(_)
        | Value::Dict(_)
        | Value::Int(_)
        | Value::Bool(_)
        | Value::Float(_)
        | Value::Bytes(_) => {
            return Err(not_executable(interp, executable));
        }
        _ => {}
    }
    let rows = bound(interp, parameters)?;
    if let Some(clause) = object::get::<TextClause>(executable) {
        let origin = match origin {
            Origin::Construct => Origin::Text,
            other => other,
        };
        return execute_text(interp, clause, rows, origin);
    }
    let origin = match origin {
        Origin::Text => Origin::Construct,
        other => other,
    };
    if let Some(change) = object::get::<Change>(executable) {
        return execute_change(interp, change, rows, origin);
    }
    if let Some(select) = object::get::<SelectObject>(executable) {
        let query = select.query();
        return execute_query(interp, query, &rows, origin);
    }
    if object::get::<Element>(executable).is_some()
        || object::get::<super::schema::Column>(executable).is_some()
    {
        let select = SelectObject::of_targets(interp, std::slice::from_ref(executable))?;
        return execute_query(interp, select.query(), &rows, origin);
    }
    if let Some(calls) = super::schema::ddl_statements(interp, executable) {
        for call in calls? {
            Environment::execute(interp, call)?;
        }
        return Ok(object::value(result::of_rows(
            Vec::new(),
            result::Rows::Known(Vec::new()),
            result::Shape::Rows,
        )));
    }
    if executable_sequence(executable) {
        let method = interp.attribute(executable, "next_value")?;
        let value = interp.call(&method, Arguments::default())?;
        return execute(interp, &value, parameters, origin);
    }
    let what = match executable {
        Value::Host(host) => host.0.type_name(),
        _ => "a value of an unknown kind",
    };
    unreadable(interp, origin, what)
}

/// A sequence, whose value is what executing it gives.
fn executable_sequence(executable: &Value) -> bool {
    matches!(executable, Value::Host(host) if host.0.type_name() == "Sequence")
}

fn not_executable(interp: &mut Interp, executable: &Value) -> Box<Raise> {
    let shown = interp
        .string(executable)
        .map_or_else(|_| "...".to_owned(), |text| text.to_string());
    let shown = if executable.as_str().is_some() {
        format!("'{shown}'")
    } else {
        shown
    };
    exceptions::raise(
        interp,
        "ObjectNotExecutableError",
        &format!("Not an executable object: {shown}"),
    )
}

fn unreadable(interp: &mut Interp, origin: Origin, what: &str) -> Eval<Value> {
    let statement = Statement::Unreadable {
        why: format!("the statement can't be known: {what}").into(),
        data: false,
    };
    let call = DriverCall::new(origin, statement);
    Environment::execute(interp, call)?;
    let result = result::unknown(
        interp,
        Reason::Unsupported,
        "result of a statement that can't be known",
    );
    Ok(object::value(result))
}

/// Makes one driver call of statements.
pub fn run(
    interp: &mut Interp,
    origin: Origin,
    statements: Vec<Statement>,
    parameters: Parameters,
) -> Eval<result::ResultObject> {
    let statements: Arc<[Statement]> = statements.into();
    let is_text = origin == Origin::Text;
    let call = DriverCall {
        origin,
        statements: statements.clone(),
        text: None,
        literal: None,
        parameters,
        ignored: None,
        checks_first: false,
        enums: Arc::default(),
        place: None,
    };
    let answer = Environment::execute(interp, call)?;
    Ok(result::of_answer(interp, &answer, &statements, is_text))
}

/// Executes a SELECT of Core's or of an ORM query's.
fn execute_query(interp: &mut Interp, query: Query, rows: &Bound, origin: Origin) -> Eval<Value> {
    let parameters = match rows {
        Bound::One(row) => parameters_of(interp, row),
        Bound::Many(rows) => rows
            .first()
            .map(|row| parameters_of(interp, row))
            .unwrap_or_default(),
        _ => Parameters::default(),
    };
    let result = run(
        interp,
        origin,
        vec![Statement::Query(Box::new(query))],
        parameters,
    )?;
    Ok(object::value(result))
}

fn parameters_of(interp: &mut Interp, row: &[(SmolStr, Value)]) -> Parameters {
    Parameters {
        values: row
            .iter()
            .map(|(name, value)| (name.clone(), literal::datum(interp, value)))
            .collect(),
    }
}

fn execute_change(
    interp: &mut Interp,
    change: &Change,
    rows: Bound,
    origin: Origin,
) -> Eval<Value> {
    let statements = match &rows {
        Bound::None => vec![change.statement(interp, &[])?],
        Bound::Unknown | Bound::Positional(_) => {
            return unreadable(interp, origin, "rows that can't be known");
        }
        Bound::One(row) => {
            let mut statement = change.statement(interp, std::slice::from_ref(row))?;
            bind_row(interp, &mut statement, row);
            vec![statement]
        }
        Bound::Many(many) if change.kind() == Kind::Insert => {
            vec![change.statement(interp, many)?]
        }
        Bound::Many(many) => {
            let mut statements = Vec::with_capacity(many.len());
            for row in many {
                let mut statement = change.statement(interp, std::slice::from_ref(row))?;
                bind_row(interp, &mut statement, row);
                statements.push(statement);
            }
            statements
        }
    };
    let key = inserted_key(&statements);
    let result = run(interp, origin, statements, Parameters::default())?;
    if change.kind() == Kind::Insert {
        let key = key.unwrap_or_else(|| interp.unknown(Reason::Data, "inserted_primary_key"));
        result.set_inserted_key(key);
    }
    Ok(object::value(result))
}

/// The key of a single inserted row, where a column `id` was given: else the server makes it.
fn inserted_key(statements: &[Statement]) -> Option<Value> {
    let [Statement::Insert(insert)] = statements else {
        return None;
    };
    let crate::postgres::statement::InsertSource::Values(rows) = &insert.source else {
        return None;
    };
    let index = insert.columns.iter().position(|column| column == "id")?;
    let [row] = rows.as_slice() else {
        return None;
    };
    match row.get(index)? {
        crate::postgres::Expr::Value(Datum::Unknown) => None,
        crate::postgres::Expr::Value(datum) => Some(Value::tuple(vec![literal::value(
            datum,
            Reason::Data,
            "id",
        )])),
        _ => None,
    }
}

fn bind_row(interp: &mut Interp, statement: &mut Statement, row: &[(SmolStr, Value)]) {
    let parameters = parameters_of(interp, row);
    substitute::bind(statement, &|name| parameters.get(name).cloned());
}

fn execute_text(
    interp: &mut Interp,
    clause: &TextClause,
    rows: Bound,
    origin: Origin,
) -> Eval<Value> {
    let source = clause.source().clone();
    let parsed = sql::parse(&source.text, Placeholders::Named);
    let written: Vec<Statement> = parsed
        .iter()
        .map(|parsed| parsed.statement.clone())
        .collect();
    if written.is_empty() {
        return Err(empty_query(interp));
    }
    let names = sql::named_parameters(&source.text);
    let bound: Vec<(SmolStr, Value)> = clause.bound().to_vec();
    let rows = match rows {
        Bound::None => vec![Vec::new()],
        Bound::One(row) => vec![row],
        Bound::Many(rows) => rows,
        Bound::Positional(_) | Bound::Unknown => {
            return call_text(interp, &source, origin, written, Parameters::default());
        }
    };
    let many = rows.len() > 1;
    let mut statements = Vec::new();
    let mut parameters = Parameters::default();
    for row in &rows {
        let mut values = row.clone();
        for (name, value) in bound.iter().rev() {
            if !values.iter().any(|(known, _)| known == name) {
                values.push((name.clone(), value.clone()));
            }
        }
        if let Some(missing) = names
            .iter()
            .find(|name| !values.iter().any(|(known, _)| known == *name))
        {
            let given = if values.is_empty() {
                ""
            } else {
                "\n[parameters: [{...}]]"
            };
            return Err(exceptions::raise(
                interp,
                "StatementError",
                &format!(
                    "(sqlalchemy.exc.InvalidRequestError) A value is required for bind parameter '{missing}'{given}"
                ),
            ));
        }
        parameters = parameters_of(interp, &values);
        for statement in &written {
            let mut statement = statement.clone();
            if many {
                substitute::bind(&mut statement, &|name| parameters.get(name).cloned());
            }
            statements.push(statement);
        }
    }
    if many {
        parameters = Parameters::default();
    }
    call_text(interp, &source, origin, statements, parameters)
}

fn empty_query(interp: &mut Interp) -> Box<Raise> {
    exceptions::raise(
        interp,
        "ProgrammingError",
        "(psycopg2.ProgrammingError) can't execute an empty query",
    )
}

fn call_text(
    interp: &mut Interp,
    source: &Str,
    origin: Origin,
    statements: Vec<Statement>,
    parameters: Parameters,
) -> Eval<Value> {
    let statements: Arc<[Statement]> = statements.into();
    let call = DriverCall {
        origin,
        statements: statements.clone(),
        text: Some(Arc::from(&*source.text)),
        literal: source.literal,
        parameters,
        ignored: None,
        checks_first: false,
        enums: Arc::default(),
        place: None,
    };
    let answer = Environment::execute(interp, call)?;
    Ok(object::value(result::of_answer(
        interp,
        &answer,
        &statements,
        true,
    )))
}

/// A connection.
#[derive(Debug)]
pub struct Connection {
    /// Made by `engine.connect()`: it has no transaction of Alembic's.
    separate: bool,
    closed: Cell<bool>,
}

impl Connection {
    fn begin(&self, interp: &mut Interp) -> Eval<Value> {
        let in_block = interp.host.session.mode() == crate::postgres::TransactionMode::Block;
        if in_block && !self.separate && interp.host.settings.sqlalchemy.0 >= 2 {
            return Err(exceptions::raise(
                interp,
                "InvalidRequestError",
                "This connection has already initialized a SQLAlchemy Transaction() object via begin() or autobegin; \
                 can't call begin() here unless rollback() or commit() is called first.",
            ));
        }
        Ok(object::value(Transaction {
            savepoint: Cell::new(None),
            name: "RootTransaction",
            active: Cell::new(true),
        }))
    }

    fn execution_options(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        arguments: &Arguments,
    ) -> Eval<Value> {
        let isolation = arguments.named("isolation_level");
        let in_block = interp.host.session.mode() == crate::postgres::TransactionMode::Block;
        if isolation.is_some_and(|level| !level.is_none()) && in_block && !self.separate {
            return Err(exceptions::raise(
                interp,
                "InvalidRequestError",
                "This connection has already initialized a SQLAlchemy Transaction() object via begin() or autobegin; \
                 isolation_level may not be altered unless rollback() or commit() is called first.",
            ));
        }
        Ok(Value::Host(this.clone()))
    }
}

/// Opens a savepoint of the migration's own.
pub fn begin_nested(interp: &mut Interp) -> Value {
    let savepoint = interp.host.session.savepoint();
    object::value(Transaction {
        savepoint: Cell::new(Some(savepoint)),
        name: "NestedTransaction",
        active: Cell::new(true),
    })
}

/// Notes that the migration ends Alembic's transaction here, if one is open.
pub fn note_end(interp: &mut Interp, kind: BoundaryKind) {
    if interp.host.session.mode() == TransactionMode::Block {
        let place = Environment::place(interp);
        let handling = interp.is_handling();
        interp.host.note_boundary(&place, kind, handling);
    }
}

/// Commits Alembic's transaction and opens the next, as the driver does before its next statement.
pub fn commit(interp: &mut Interp) {
    interp.host.session.commit();
    interp.host.committed = interp.host.session.catalog.clone();
    interp.host.session.begin();
}

impl Object for Connection {
    fn type_name(&self) -> &'static str {
        "Connection"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn is_closed(&self) -> bool {
        true
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "execute",
            "exec_driver_sql",
            "scalar",
            "scalars",
            "begin_nested",
            "begin",
            "begin_twophase",
            "in_transaction",
            "in_nested_transaction",
            "execution_options",
            "get_execution_options",
            "get_isolation_level",
            "run_callable",
            "transaction",
            "schema_for_object",
            "detach",
            "close",
            "invalidate",
            "connect",
            "execute_stream",
            "get_transaction",
            "get_nested_transaction",
            "_run_ddl_visitor",
        ]
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        let legacy = interp.host.settings.sqlalchemy.0 < 2;
        Ok(Some(match name {
            "dialect" => dialect::dialect(interp),
            "engine" => engine(interp),
            "closed" => Value::Bool(self.closed.get()),
            "invalidated" => Value::Bool(false),
            "info" => {
                let key = "connection.info";
                if let Some(known) = interp.host.memo.get(key) {
                    known.clone()
                } else {
                    let info = literal::dict(Vec::new());
                    interp.host.memo.insert(key.to_owned(), info.clone());
                    info
                }
            }
            "connection" | "driver_connection" => object::value(dialect::RawConnection),
            "default_isolation_level" => Value::str("READ COMMITTED"),
            // 1.4's Connection has neither: they came with 2.0
            "commit" | "rollback" if !legacy => object::bound_method(this, name),
            "has_table" | "table_names" if legacy => interp.unknown(Reason::Unsupported, name),
            _ => return Ok(None),
        }))
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        interp.host.questions.inspected = true;
        let offline = interp.host.questions.contrary.offline;
        // `--sql` has a connection that only writes statements down
        if offline && !matches!(method, "execute" | "connect" | "execution_options") {
            let message = format!("'MockConnection' object has no attribute '{method}'");
            return Err(interp.error("AttributeError", &message));
        }
        match method {
            "execute" | "scalar" | "scalars" | "execute_stream" => {
                let Some(executable) = arguments
                    .get(0, "statement")
                    .or_else(|| arguments.named("object_"))
                    .cloned()
                else {
                    return Err(interp.error(
                        "TypeError",
                        "Connection.execute() missing 1 required positional argument: 'statement'",
                    ));
                };
                let parameters = multiple(&arguments);
                let result = execute(interp, &executable, parameters.as_ref(), Origin::Construct)?;
                match method {
                    _ if offline => Ok(Value::None),
                    "scalar" | "scalars" => {
                        let method = interp.attribute(&result, method)?;
                        interp.call(&method, Arguments::default())
                    }
                    _ => Ok(result),
                }
            }
            "exec_driver_sql" => match arguments.get(0, "statement").cloned() {
                Some(Value::Str(text)) => {
                    driver_sql(interp, &text, arguments.get(1, "parameters"), true)
                }
                _ => unreadable(interp, Origin::Text, "the text given to exec_driver_sql"),
            },
            "begin_nested" => Ok(begin_nested(interp)),
            "begin" | "transaction" | "begin_twophase" => self.begin(interp),
            "commit" => {
                if !self.separate {
                    note_end(interp, BoundaryKind::Commit);
                }
                commit(interp);
                Ok(Value::None)
            }
            "rollback" => {
                if !self.separate {
                    note_end(interp, BoundaryKind::Rollback);
                }
                interp.host.session.rollback();
                interp.host.session.begin();
                Ok(Value::None)
            }
            "in_transaction" => Ok(Value::Bool(
                interp.host.session.mode() == crate::postgres::TransactionMode::Block,
            )),
            "in_nested_transaction" => Ok(Value::Bool(interp.host.session.savepoint_depth() > 0)),
            "execution_options" => self.execution_options(interp, this, &arguments),
            "get_execution_options" => Ok(literal::dict(Vec::new())),
            "get_isolation_level" => Ok(Value::str(match interp.host.session.mode() {
                crate::postgres::TransactionMode::Block => "READ COMMITTED",
                crate::postgres::TransactionMode::Autocommit => "AUTOCOMMIT",
            })),
            "run_callable" => {
                let mut arguments = arguments;
                if arguments.positional.is_empty() {
                    return Ok(Value::None);
                }
                let callee =
                    std::mem::replace(&mut arguments.positional[0], Value::Host(this.clone()));
                interp.call(&callee, arguments)
            }
            "get_transaction" | "get_nested_transaction" => Ok(object::value(Transaction {
                savepoint: Cell::new(None),
                name: "RootTransaction",
                active: Cell::new(true),
            })),
            "close" => {
                self.closed.set(true);
                Ok(Value::None)
            }
            "connect" => Ok(Value::Host(this.clone())),
            _ => Ok(Value::None),
        }
    }
    fn enter(&self, _: &mut Interp, this: &HostRef) -> Eval<Value> {
        Ok(Value::Host(this.clone()))
    }
}

/// Parameters of `execute(statement, parameters)`, of 1.4's `execute(statement, **params)` and `execute(statement, *multi)`.
pub fn multiple(arguments: &Arguments) -> Option<Value> {
    let rest = arguments.positional.get(1..).unwrap_or_default();
    let legacy: Vec<(&str, Value)> = arguments
        .keyword
        .iter()
        .filter(|(name, _)| {
            !matches!(
                name.as_str(),
                "parameters"
                    | "params"
                    | "execution_options"
                    | "statement"
                    | "object_"
                    | "bind_arguments"
            )
        })
        .map(|(name, value)| (name.as_str(), value.clone()))
        .collect();
    match rest {
        [] if !legacy.is_empty() => Some(literal::dict(legacy)),
        [] => arguments
            .named("parameters")
            .or_else(|| arguments.named("params"))
            .cloned(),
        [only] => Some(only.clone()),
        many => Some(Value::list(many.to_vec())),
    }
}

/// A SELECT of one expression, for callers that have no construct.
pub fn select_of(value: crate::postgres::Expr) -> Query {
    Query::from(Select {
        targets: vec![Target { value, alias: None }],
        ..Select::default()
    })
}

/// Whether a value is a connection, engine or session: what `sa.inspect` makes an Inspector of; true for an engine.
pub fn is_bind(value: &Value) -> Option<bool> {
    if let Some(connection) = object::get::<Connection>(value) {
        return Some(connection.separate);
    }
    if object::get::<Engine>(value).is_some() {
        return Some(true);
    }
    object::get::<orm::session::OrmSession>(value).map(|_| false)
}

#[cfg(test)]
mod tests;
