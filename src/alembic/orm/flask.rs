//! Flask-SQLAlchemy: one object that holds SQLAlchemy's names, a base for models, their MetaData and a session.

use std::any::Any;
use std::cell::RefCell;

use smol_str::SmolStr;

use super::{make, model, session};
use crate::alembic::object::{self, Interp, Object, function};
use crate::alembic::schema::metadata::MetaData;
use crate::alembic::{connection, modules};
use crate::python::{Arguments, Eval, HostRef, Value};
use crate::unknown::{Reason, Unknown};

/// The package's name.
pub const PACKAGE: &str = "flask_sqlalchemy";

/// Names of the package.
pub(super) fn lookup(module: &str, name: &str) -> Option<Value> {
    if module.split('.').next() != Some(PACKAGE) {
        return None;
    }
    if name == "SQLAlchemy" {
        return Some(function("SQLAlchemy", |interp, arguments| {
            let metadata = model::given_metadata(interp, &arguments)?;
            let engine = connection::engine(interp);
            Ok(object::value(Database {
                model: model::flask_base(&metadata),
                metadata,
                session: session::of_bind(engine),
                given: RefCell::default(),
            }))
        }));
    }
    let what = format!("{module}.{name}");
    Some(Value::unknown(Unknown::new(Reason::Environment, what)))
}

/// What `SQLAlchemy()` of Flask-SQLAlchemy gives, usually `db`.
#[derive(Debug)]
struct Database {
    metadata: Value,
    model: Value,
    session: Value,
    /// What the application put there.
    given: RefCell<Vec<(SmolStr, Value)>>,
}

impl Object for Database {
    fn type_name(&self) -> &'static str {
        "SQLAlchemy"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["init_app", "create_all", "drop_all", "get_engine", "Table"]
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if let Some((_, value)) = self.given.borrow().iter().find(|(known, _)| known == name) {
            return Ok(Some(value.clone()));
        }
        if self.methods().contains(&name) {
            return Ok(None);
        }
        Ok(Some(match name {
            "Model" => self.model.clone(),
            "metadata" => self.metadata.clone(),
            "session" => self.session.clone(),
            "engine" => connection::engine(interp),
            _ => match modules::import("sqlalchemy") {
                Some(sqlalchemy) if modules::has(interp, name) => {
                    interp.attribute(&sqlalchemy, name)?
                }
                _ => interp.unknown(
                    Reason::Environment,
                    &format!("{PACKAGE}.SQLAlchemy().{name}"),
                ),
            },
        }))
    }
    fn set_attribute(&self, _: &mut Interp, _: &HostRef, name: &str, value: Value) -> Eval<()> {
        let mut given = self.given.borrow_mut();
        given.retain(|(known, _)| known != name);
        given.push((name.into(), value));
        Ok(())
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        mut arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "get_engine" => Ok(connection::engine(interp)),
            "create_all" | "drop_all" => {
                let callee = interp.attribute(&self.metadata, method)?;
                let bind = connection::engine(interp);
                let arguments = Arguments {
                    positional: vec![bind],
                    ..Arguments::default()
                };
                interp.call(&callee, arguments)
            }
            "Table" => {
                let given = arguments.positional.get(1);
                if given.and_then(object::get::<MetaData>).is_none() {
                    let place = 1.min(arguments.positional.len());
                    arguments.positional.insert(place, self.metadata.clone());
                }
                make(interp, "sqlalchemy", "Table", arguments)
            }
            _ => Ok(Value::None),
        }
    }
}
