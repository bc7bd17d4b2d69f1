//! `alembic.context`, the MigrationContext, the dialect: what a migration asks about its surroundings.
//!
//! Migrations run online, on PostgreSQL; what comes from the command line or the ini file is not known.

use std::any::Any;
use std::rc::Rc;

use super::arguments::{environment, name_of};
use super::bridge;
use super::object::{self, Interp, Object};
use crate::postgres::TransactionMode;
use crate::postgres::name::Quoted;
use crate::python::{Arguments, Eval, HostRef, Raise, Value};

/// Looks up the names of `alembic.context` and `alembic.runtime.*`.
pub fn lookup(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    match (module, name) {
        ("alembic.context", _) => attribute(interp, name),
        ("alembic.migration" | "alembic.runtime.migration", "MigrationContext") => {
            Some(object::value(MigrationContextClass))
        }
        (
            "sqlalchemy.dialects.postgresql" | "sqlalchemy.dialects.postgresql.base",
            "dialect" | "PGDialect",
        ) => Some(object::function("dialect", |interp, _| Ok(dialect(interp)))),
        _ => None,
    }
}

fn attribute(interp: &mut Interp, name: &str) -> Option<Value> {
    Some(match name {
        "is_offline_mode" => object::function("is_offline_mode", |_, _| Ok(Value::Bool(false))),
        "is_transactional_ddl" => {
            object::function("is_transactional_ddl", |_, _| Ok(Value::Bool(true)))
        }
        "get_context" => object::function("get_context", |interp, _| Ok(migration_context(interp))),
        "get_bind" => object::function("get_bind", |interp, _| Ok(bridge::bind(interp))),
        "get_x_argument" => object::function("get_x_argument", |_, _| {
            Ok(environment("context.get_x_argument()"))
        }),
        "get_tag_argument" => object::function("get_tag_argument", |_, _| Ok(Value::None)),
        "begin_transaction" => object::function("begin_transaction", |_, _| {
            Ok(object::value(Block { autocommit: false }))
        }),
        "configure" => object::function("configure", super::env::configure),
        "run_migrations" => object::function("run_migrations", super::env::run_migrations),
        "execute" => object::function("execute", super::env::execute),
        "config" | "script" => environment(&format!("context.{name}")),
        "get_head_revision"
        | "get_revision_argument"
        | "get_starting_revision_argument"
        | "get_head_revisions" => {
            object::function("revision", |_, _| Ok(environment("context revision")))
        }
        _ => {
            let _ = interp;
            return None;
        }
    })
}

/// `MigrationContext` as a class: `configure` gives the context of the run.
#[derive(Debug)]
struct MigrationContextClass;

impl Object for MigrationContextClass {
    fn type_name(&self) -> &'static str {
        "MigrationContext"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["configure"]
    }
    fn invoke(&self, interp: &mut Interp, _: &HostRef, _: &str, _: Arguments) -> Eval<Value> {
        Ok(migration_context(interp))
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, _: Arguments) -> Eval<Value> {
        Ok(migration_context(interp))
    }
}

/// The context of the run: `op.get_context()`.
pub fn migration_context(interp: &mut Interp) -> Value {
    once(interp, "migration context", || {
        object::value(MigrationContext)
    })
}

/// PostgreSQL's dialect, as the configured version.
pub fn dialect(interp: &mut Interp) -> Value {
    once(interp, "dialect", || object::value(Dialect))
}

fn once(interp: &mut Interp, key: &str, make: impl FnOnce() -> Value) -> Value {
    if let Some(known) = interp.host.memo.get(key) {
        return known.clone();
    }
    let value = make();
    interp.host.memo.insert(key.to_owned(), value.clone());
    value
}

/// `op.get_context()`.
#[derive(Debug)]
struct MigrationContext;

impl Object for MigrationContext {
    fn type_name(&self) -> &'static str {
        "MigrationContext"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "autocommit_block",
            "begin_transaction",
            "get_current_revision",
            "get_current_heads",
            "execute",
        ]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "autocommit_block" => Ok(object::value(Block { autocommit: true })),
            "begin_transaction" => Ok(object::value(Block { autocommit: false })),
            "execute" => super::operations::execute(interp, arguments, false),
            _ => Ok(environment("the current revision")),
        }
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "dialect" => Some(dialect(interp)),
            "bind" | "connection" => Some(bridge::bind(interp)),
            "as_sql" => Some(Value::Bool(false)),
            "impl" => Some(object::value(Implementation)),
            "opts" => Some(super::env::options(interp)),
            "config" | "script" | "environment_context" => {
                Some(environment(&format!("context.{name}")))
            }
            _ => None,
        })
    }
}

/// `op.get_context().impl`.
#[derive(Debug)]
struct Implementation;

impl Object for Implementation {
    fn type_name(&self) -> &'static str {
        "PostgresqlImpl"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["execute", "_exec"]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        _: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        super::operations::execute(interp, arguments, false)
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "dialect" => Some(dialect(interp)),
            "bind" | "connection" => Some(bridge::bind(interp)),
            "as_sql" => Some(Value::Bool(false)),
            "transactional_ddl" => Some(Value::Bool(true)),
            "__dialect__" => Some(Value::str("postgresql")),
            _ => None,
        })
    }
}

/// `autocommit_block()`: commits what came before, each statement inside commits by itself. `begin_transaction()`
/// inside a migration does nothing.
#[derive(Debug)]
struct Block {
    autocommit: bool,
}

impl Object for Block {
    fn type_name(&self) -> &'static str {
        "context manager"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn enter(&self, interp: &mut Interp, _: &HostRef) -> Eval<Value> {
        if self.autocommit && interp.host.session.mode() == TransactionMode::Block {
            interp.host.session.commit();
        }
        Ok(Value::None)
    }
    fn exit(&self, interp: &mut Interp, _: &HostRef, _: Option<&Raise>) -> Eval<bool> {
        if self.autocommit {
            interp.host.session.begin();
        }
        Ok(false)
    }
}

/// The dialect of the connection.
#[derive(Debug)]
struct Dialect;

impl Object for Dialect {
    fn type_name(&self) -> &'static str {
        "PGDialect_psycopg2"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "type_descriptor",
            "has_table",
            "has_type",
            "get_columns",
            "get_indexes",
        ]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        if method == "type_descriptor" {
            return Ok(arguments.get(0, "typeobj").cloned().unwrap_or(Value::None));
        }
        // `dialect.has_table(connection, ...)` asks what an Inspector would answer
        let inspector = bridge::inspector(interp)?;
        let method = interp.attribute(&inspector, method)?;
        let rest = Arguments {
            positional: arguments.positional.into_iter().skip(1).collect(),
            ..arguments
        };
        interp.call(&method, rest)
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "name" => Some(Value::str("postgresql")),
            "driver" => Some(Value::str("psycopg2")),
            "default_schema_name" => Some(Value::str(
                interp
                    .host
                    .session
                    .search_path
                    .first()
                    .map_or("public", |schema| schema.as_str()),
            )),
            "server_version_info" => {
                let major = i64::from(interp.host.session.version.0);
                // the minor version is not known, and nothing compares it
                Some(Value::tuple(vec![Value::Int(major), Value::Int(0)]))
            }
            "max_identifier_length" => Some(Value::Int(63)),
            "identifier_preparer" => Some(object::value(Preparer)),
            "supports_comments"
            | "supports_sequences"
            | "supports_native_enum"
            | "supports_native_boolean"
            | "supports_native_uuid"
            | "supports_alter" => Some(Value::Bool(true)),
            "inline_comments" => Some(Value::Bool(false)),
            "paramstyle" => Some(Value::str("pyformat")),
            _ => None,
        })
    }
    fn string(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<Rc<str>>> {
        Ok(None)
    }
}

/// `dialect.identifier_preparer`.
#[derive(Debug)]
struct Preparer;

impl Object for Preparer {
    fn type_name(&self) -> &'static str {
        "PGIdentifierPreparer"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "quote",
            "quote_identifier",
            "quote_schema",
            "format_table",
            "format_column",
        ]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let Some(value) = arguments.positional.first().cloned() else {
            return Ok(Value::None);
        };
        if let Some(table) = object::get::<super::schema::Table>(&value) {
            return Ok(Value::str(table.data.borrow().name.to_string()));
        }
        if let Some(column) = object::get::<super::schema::Column>(&value) {
            return Ok(Value::str(Quoted(&column.data.borrow().name).to_string()));
        }
        let Some(name) = name_of(interp, &value)? else {
            return Ok(Value::None);
        };
        if crate::unknown::has_hole(&name) {
            return Ok(Value::str(name.as_str()));
        }
        Ok(Value::str(if method == "quote_identifier" {
            format!("\"{}\"", name.replace('"', "\"\""))
        } else {
            Quoted(&name).to_string()
        }))
    }
}
