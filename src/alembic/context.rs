//! `alembic.context`, the MigrationContext, the dialect: what a migration asks about its surroundings.
//!
//! Migrations run online, on PostgreSQL; what comes from the command line or the ini file is not known.

use std::any::Any;

use super::arguments::{environment, usually_empty};
use super::bridge;
use super::environment::Environment;
use super::object::{self, Interp, Object, once};
use crate::postgres::TransactionMode;
use crate::python::{Arguments, Eval, HostRef, Raise, Value};
use crate::trace::BoundaryKind;

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
        "is_offline_mode" => object::function("is_offline_mode", |interp, _| {
            Ok(Value::Bool(interp.host.questions.contrary.offline))
        }),
        "is_transactional_ddl" => {
            object::function("is_transactional_ddl", |_, _| Ok(Value::Bool(true)))
        }
        "get_context" => object::function("get_context", |interp, _| Ok(migration_context(interp))),
        "get_bind" => object::function("get_bind", |interp, _| Ok(bridge::bind(interp))),
        "get_x_argument" => object::function("get_x_argument", |_, _| {
            Ok(usually_empty("context.get_x_argument()"))
        }),
        "get_tag_argument" => object::function("get_tag_argument", |_, _| Ok(Value::None)),
        "begin_transaction" => object::function("begin_transaction", |_, _| {
            Ok(object::value(Block { autocommit: false }))
        }),
        "configure" => object::function("configure", super::env::configure),
        "run_migrations" => object::function("run_migrations", super::env::run_migrations),
        "execute" => object::function("execute", super::env::execute),
        // what stands behind the functions of the module while Alembic runs, and only then
        "_proxy" => object::value(MigrationContextClass),
        "config" => super::configuration::config(interp),
        "script" => environment("context.script"),
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

pub use super::dialect::dialect;

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
            "as_sql" => Some(Value::Bool(interp.host.questions.contrary.offline)),
            "impl" => Some(object::value(Implementation)),
            "opts" => Some(super::env::options(interp)),
            "version_table_schema" => match interp.host.settings.version_schema.clone() {
                Some(schema) => Some(schema.map_or(Value::None, Value::str)),
                None => Some(environment("version_table_schema")),
            },
            "config" => Some(super::configuration::config(interp)),
            "script" | "environment_context" => Some(environment(&format!("context.{name}"))),
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
            "as_sql" => Some(Value::Bool(interp.host.questions.contrary.offline)),
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
            let place = Environment::place(interp);
            interp
                .host
                .note_boundary(&place, BoundaryKind::AutocommitBlock, false);
            interp.host.session.commit();
        }
        interp.host.autocommit_block |= self.autocommit;
        Ok(Value::None)
    }
    fn exit(&self, interp: &mut Interp, _: &HostRef, _: Option<&Raise>) -> Eval<bool> {
        if self.autocommit {
            interp.host.autocommit_block = false;
            interp.host.transaction += 1;
            interp.host.session.begin();
        }
        Ok(false)
    }
}
