//! The dialect of the connection, and the driver's own connection and cursor behind it.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use super::object::{self, Interp, Object};
use super::{connection, inspector, result};
use crate::config::Driver;
use crate::postgres::TransactionMode;
use crate::postgres::name::Quoted;
use crate::python::{Arguments, Eval, HostRef, Raise, Value};
use crate::unknown::{HOLE, Reason, Unknown};

/// The dialect: one object a run.
pub fn dialect(interp: &mut Interp) -> Value {
    object::once(interp, "dialect", || object::value(Dialect))
}

/// SQLAlchemy's dialect for psycopg2.
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
            "has_sequence",
            "has_schema",
            "has_index",
            "has_type",
            "get_columns",
            "get_table_names",
            "get_indexes",
            "get_foreign_keys",
            "get_pk_constraint",
            "get_unique_constraints",
            "get_check_constraints",
            "get_enums",
            "get_view_names",
            "get_schema_names",
            "get_sequence_names",
            "get_table_comment",
        ]
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(Some(match name {
            "name" => Value::str("postgresql"),
            "driver" => Value::str(interp.host.settings.driver.name()),
            "dialect_description" => Value::str(scheme(interp)),
            "server_version_info" => {
                let major = i64::from(interp.host.session.version.0);
                Value::tuple(vec![
                    Value::Int(major),
                    Value::unknown(Unknown::new(
                        Reason::Environment,
                        "the server's minor version",
                    )),
                ])
            }
            "default_schema_name" => Value::str("public"),
            "identifier_preparer" => object::value(Preparer),
            "paramstyle" => Value::str("pyformat"),
            "supports_alter"
            | "supports_native_boolean"
            | "supports_native_enum"
            | "supports_native_uuid"
            | "supports_sequences"
            | "supports_comments"
            | "supports_schemas"
            | "implicit_returning"
            | "insert_returning"
            | "update_returning"
            | "delete_returning"
            | "supports_native_decimal"
            | "supports_multivalues_insert" => Value::Bool(true),
            "is_async" => Value::Bool(interp.host.settings.driver == Driver::Asyncpg),
            "max_identifier_length" => Value::Int(63),
            "__class__" => super::core::marker("PGDialect_psycopg2"),
            _ => return Ok(None),
        }))
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
        // each call of the dialect's asks the server anew: a fresh Inspector has the same answers
        let mut arguments = arguments;
        if !arguments.positional.is_empty() {
            arguments.positional.remove(0);
        }
        arguments.keyword.retain(|(name, _)| name != "connection");
        if method == "has_type" {
            let arguments = Arguments {
                positional: vec![Value::str("*")],
                ..Arguments::default()
            };
            let _ = arguments;
            return Ok(interp.unknown(Reason::Unsupported, "dialect.has_type()"));
        }
        let inspector = inspector::of_connection(interp, false);
        let method = interp.attribute(&inspector, method)?;
        interp.call(&method, arguments)
    }
}

fn scheme(interp: &Interp) -> String {
    format!("postgresql+{}", interp.host.settings.driver)
}

/// `engine.url`.
pub fn url() -> Value {
    object::value(Url)
}

/// The URL of the database: what it speaks is known, where it is not.
#[derive(Debug)]
struct Url;

impl Object for Url {
    fn type_name(&self) -> &'static str {
        "URL"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "get_backend_name",
            "get_driver_name",
            "get_dialect",
            "render_as_string",
            "set",
        ]
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(Some(match name {
            "drivername" => Value::str(scheme(interp)),
            "database" | "host" | "port" | "username" | "password" | "query" => {
                interp.unknown(Reason::Environment, &format!("engine.url.{name}"))
            }
            _ => return Ok(None),
        }))
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        _: Arguments,
    ) -> Eval<Value> {
        Ok(match method {
            "get_backend_name" => Value::str("postgresql"),
            "get_driver_name" => Value::str(interp.host.settings.driver.name()),
            "get_dialect" => dialect(interp),
            "render_as_string" => Value::str(format!("{}://{HOLE}", scheme(interp))),
            _ => Value::Host(this.clone()),
        })
    }
    fn string(&self, interp: &mut Interp, _: &HostRef) -> Eval<Option<Rc<str>>> {
        Ok(Some(format!("{}://{HOLE}", scheme(interp)).into()))
    }
}

/// `dialect.identifier_preparer`.
#[derive(Debug)]
struct Preparer;

impl Object for Preparer {
    fn type_name(&self) -> &'static str {
        "PGIdentifierPreparer_psycopg2"
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
        let Some(first) = arguments.positional.first() else {
            return Ok(interp.unknown(Reason::Unsupported, method));
        };
        let name = match first.as_str() {
            Some(name) => name.to_owned(),
            None => match interp.attribute_or_none(&first.clone(), "name")? {
                Some(name) => match name.as_str() {
                    Some(name) => name.to_owned(),
                    None => return Ok(interp.unknown(Reason::Unsupported, method)),
                },
                None => return Ok(interp.unknown(Reason::Unsupported, method)),
            },
        };
        if method == "quote_identifier" {
            return Ok(Value::str(format!("\"{}\"", name.replace('"', "\"\""))));
        }
        if crate::unknown::has_hole(&name) || crate::unknown::is_fresh(&name) {
            return Ok(Value::str(name));
        }
        // reserved words are quoted too; quoting one that needs none means the same name
        let reserved = [
            "user",
            "order",
            "group",
            "table",
            "select",
            "default",
            "check",
            "end",
            "desc",
            "asc",
            "limit",
            "offset",
            "primary",
            "references",
            "column",
            "constraint",
            "all",
            "and",
            "or",
            "not",
            "null",
            "true",
            "false",
            "from",
            "where",
            "to",
            "union",
            "unique",
            "using",
            "when",
        ];
        if reserved.contains(&name.as_str()) {
            return Ok(Value::str(format!("\"{name}\"")));
        }
        Ok(Value::str(Quoted(&name).to_string()))
    }
}

/// The driver's own connection.
#[derive(Debug)]
pub struct RawConnection;

impl Object for RawConnection {
    fn type_name(&self) -> &'static str {
        "connection"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "cursor",
            "commit",
            "rollback",
            "close",
            "set_isolation_level",
            "set_session",
        ]
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "connection" | "dbapi_connection" | "driver_connection" => {
                Some(Value::Host(this.clone()))
            }
            "closed" => Some(Value::Int(0)),
            "autocommit" => Some(Value::Bool(
                interp.host.session.mode() == TransactionMode::Autocommit,
            )),
            _ => None,
        })
    }
    fn set_attribute(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        name: &str,
        value: Value,
    ) -> Eval<()> {
        if name == "autocommit" {
            let autocommit = interp.truth(&value)?;
            set_autocommit(interp, autocommit);
        }
        Ok(())
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "cursor" => {
                return Ok(object::value(Cursor {
                    result: RefCell::new(None),
                }));
            }
            "commit" => connection::commit(interp),
            "rollback" => {
                interp.host.session.rollback();
                interp.host.session.begin();
            }
            // psycopg2: level 0 is autocommit
            "set_isolation_level" => {
                let level = arguments.get(0, "level").cloned().unwrap_or(Value::None);
                let autocommit = interp.equal(&level, &Value::Int(0)) == Some(true);
                set_autocommit(interp, autocommit);
            }
            "set_session" => {
                if let Some(autocommit) = arguments.named("autocommit").cloned() {
                    let autocommit = interp.truth(&autocommit)?;
                    set_autocommit(interp, autocommit);
                }
            }
            _ => {}
        }
        Ok(Value::None)
    }
}

/// Switches the driver's connection; psycopg2 refuses that inside a transaction, so what is open was committed before.
fn set_autocommit(interp: &mut Interp, autocommit: bool) {
    match (autocommit, interp.host.session.mode()) {
        (true, TransactionMode::Block) => interp.host.session.commit(),
        (false, TransactionMode::Autocommit) => interp.host.session.begin(),
        _ => {}
    }
}

/// The driver's cursor.
#[derive(Debug)]
struct Cursor {
    result: RefCell<Option<Value>>,
}

impl Object for Cursor {
    fn type_name(&self) -> &'static str {
        "cursor"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "execute",
            "executemany",
            "fetchone",
            "fetchall",
            "fetchmany",
            "close",
            "copy_expert",
            "copy_from",
            "mogrify",
        ]
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        let known = self.result.borrow().clone();
        let Some(result) = known.as_ref().and_then(object::get::<result::ResultObject>) else {
            return Ok(match name {
                "description" => Some(Value::None),
                "rowcount" => Some(Value::Int(-1)),
                _ => None,
            });
        };
        Ok(match name {
            "rowcount" => Some(result.row_count()),
            "description" if !result.returns_rows() => Some(Value::None),
            "description" => Some(Value::list(
                result
                    .columns()
                    .iter()
                    .map(|column| {
                        Value::tuple(vec![
                            Value::str(column.as_str()),
                            interp.unknown(Reason::Unsupported, "type code"),
                            Value::None,
                            Value::None,
                            Value::None,
                            Value::None,
                            Value::None,
                        ])
                    })
                    .collect(),
            )),
            _ => None,
        })
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "execute" | "executemany" => {
                let Some(Value::Str(text)) = arguments.get(0, "query").cloned() else {
                    return Ok(interp.unknown(Reason::Unsupported, "cursor.execute(...)"));
                };
                let parameters = arguments.get(1, "vars").cloned();
                let formatted = parameters.as_ref().is_some_and(|value| !value.is_none());
                let result = connection::driver_sql(interp, &text, parameters.as_ref(), formatted)?;
                *self.result.borrow_mut() = Some(result);
                Ok(Value::None)
            }
            "fetchone" | "fetchall" | "fetchmany" => {
                let result = self.result.borrow().clone();
                match result {
                    Some(result) => {
                        let method = interp.attribute(&result, method)?;
                        interp.call(&method, arguments)
                    }
                    None => Ok(interp.unknown(Reason::Unsupported, method)),
                }
            }
            "close" => Ok(Value::None),
            _ => Ok(interp.unknown(Reason::Unsupported, &format!("cursor.{method}()"))),
        }
    }
    fn iterate(&self, interp: &mut Interp, this: &HostRef) -> Eval<Value> {
        self.invoke(interp, this, "fetchall", Arguments::default())
    }
    fn exit(&self, _: &mut Interp, _: &HostRef, _: Option<&Raise>) -> Eval<bool> {
        Ok(false)
    }
}
