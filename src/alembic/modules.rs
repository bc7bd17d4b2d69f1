//! The modules that can be imported: `alembic.*`, `sqlalchemy.*` and what a migration imports beside them.
//!
//! A module is one object that looks a name up when it is asked, so that an import costs nothing.

use std::any::Any;

use smol_str::SmolStr;

use super::object::{self, Interp, Object};
use crate::python::{Eval, HostRef, Value};

/// A module of the model.
#[derive(Debug)]
pub struct ModuleObject {
    name: SmolStr,
}

/// Looks up a name of a module: each area of the model has one such function.
pub type Lookup = fn(interp: &mut Interp, module: &str, name: &str) -> Option<Value>;

/// The areas, asked in order.
const AREAS: &[Lookup] = &[
    exceptions,
    super::text::lookup,
    super::core::lookup,
    super::connection::lookup,
    super::inspector::lookup,
    super::orm::lookup,
    submodules,
];

/// Modules and packages that are modelled; their submodules are modules too.
const PACKAGES: &[&str] = &["alembic", "sqlalchemy", "psycopg2", "psycopg", "asyncpg"];

/// The module of a dotted name, if it is modelled.
pub fn import(module: &str) -> Option<Value> {
    let package = module.split('.').next()?;
    PACKAGES.contains(&package).then(|| {
        object::value(ModuleObject {
            name: SmolStr::new(module),
        })
    })
}

impl Object for ModuleObject {
    fn type_name(&self) -> &'static str {
        "module"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(AREAS
            .iter()
            .find_map(|lookup| lookup(interp, &self.name, name)))
    }
}

fn exceptions(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    let _ = module;
    super::exceptions::class(interp, name).map(Value::Class)
}

/// Submodules as attributes of their package: `sa.orm`, `sa.exc`.
fn submodules(_: &mut Interp, module: &str, name: &str) -> Option<Value> {
    const NAMES: &[&str] = &[
        "orm",
        "exc",
        "sql",
        "dialects",
        "engine",
        "types",
        "ext",
        "schema",
        "postgresql",
        "mysql",
        "sqlite",
        "mssql",
        "oracle",
        "reflection",
        "expression",
        "elements",
        "sqltypes",
        "declarative",
        "automap",
        "hybrid",
        "mutable",
        "compiler",
        "functions",
        "errors",
        "extras",
        "extensions",
        "util",
        "pool",
        "event",
        "session",
        "asyncio",
        "base",
        "dml",
        "selectable",
        "operators",
        "ddl",
        "exceptions",
        "operations",
        "runtime",
        "autogenerate",
    ];
    NAMES
        .contains(&name)
        .then(|| import(&format!("{module}.{name}")))
        .flatten()
}
