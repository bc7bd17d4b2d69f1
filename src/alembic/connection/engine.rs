//! The Engine, and the transactions that `begin()` gives.

use std::any::Any;
use std::cell::Cell;

use super::{Connection, bind};
use crate::alembic::dialect;
use crate::alembic::object::{self, Interp, Object};
use crate::postgres::session::SavepointId;
use crate::python::{Arguments, Eval, HostRef, Raise, Value};
use crate::unknown::Reason;

/// An engine.
#[derive(Debug)]
pub struct Engine;

/// A transaction or savepoint.
#[derive(Debug)]
pub(super) struct Transaction {
    pub(super) savepoint: Cell<Option<SavepointId>>,
    pub(super) name: &'static str,
    pub(super) active: Cell<bool>,
}

impl Object for Engine {
    fn type_name(&self) -> &'static str {
        "Engine"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "connect",
            "begin",
            "execute",
            "raw_connection",
            "dispose",
            "execution_options",
            "scalar",
            "has_table",
            "table_names",
            "run_callable",
        ]
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(Some(match name {
            "dialect" => dialect::dialect(interp),
            "name" => Value::str("postgresql"),
            "driver" => Value::str(interp.host.settings.driver.name()),
            "url" => dialect::url(),
            "engine" | "sync_engine" => Value::Host(this.clone()),
            "pool" => interp.unknown(Reason::Environment, "engine.pool"),
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
        match method {
            "connect" | "begin" => Ok(object::value(Connection {
                separate: true,
                closed: Cell::new(false),
            })),
            "execution_options" => Ok(Value::Host(this.clone())),
            "raw_connection" => Ok(object::value(dialect::RawConnection)),
            "dispose" => Ok(Value::None),
            "has_table" | "table_names" => {
                let inspector = crate::alembic::inspector::of_connection(interp, true);
                let method = if method == "has_table" {
                    "has_table"
                } else {
                    "get_table_names"
                };
                let method = interp.attribute(&inspector, method)?;
                interp.call(&method, arguments)
            }
            _ => {
                let bind = bind(interp);
                let method = interp.attribute(&bind, method)?;
                interp.call(&method, arguments)
            }
        }
    }
}

impl Transaction {
    fn end(&self, interp: &mut Interp, keep: bool) {
        self.active.set(false);
        let Some(savepoint) = self.savepoint.take() else {
            return;
        };
        if keep {
            interp.host.session.release(savepoint);
        } else {
            interp.host.session.rollback_to(savepoint);
            interp.host.session.release(savepoint);
        }
    }
}

impl Object for Transaction {
    fn type_name(&self) -> &'static str {
        self.name
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["commit", "rollback", "close", "__enter__", "start"]
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "is_active" => Some(Value::Bool(self.active.get())),
            "is_valid" => Some(Value::Bool(true)),
            "connection" => Some(bind(interp)),
            _ => None,
        })
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        _: Arguments,
    ) -> Eval<Value> {
        match method {
            "commit" => self.end(interp, true),
            "rollback" => self.end(interp, false),
            "close" if self.active.get() => self.end(interp, false),
            "close" => {}
            _ => return Ok(Value::Host(this.clone())),
        }
        Ok(Value::None)
    }
    fn exit(&self, interp: &mut Interp, _: &HostRef, raised: Option<&Raise>) -> Eval<bool> {
        if self.active.get() {
            self.end(interp, raised.is_none());
        }
        Ok(false)
    }
}
