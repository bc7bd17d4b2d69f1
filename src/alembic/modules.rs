//! The modules that can be imported: `alembic.*`, `sqlalchemy.*` and what a migration imports beside them.
//!
//! A module is one object that looks a name up when it is asked, so that an import costs nothing.

use std::any::Any;

use smol_str::SmolStr;

use super::object::{self, Interp, Object};
use super::operations::custom::{replacement, replacement_key};
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
    super::operations::lookup,
    super::context::lookup,
    super::schema::lookup,
    super::types::lookup,
    super::pydantic::lookup,
    names,
    submodules,
];

/// Modules and packages that are modelled; their submodules are modules too.
const PACKAGES: &[&str] = &[
    "alembic",
    "sqlalchemy",
    "psycopg2",
    "psycopg",
    "asyncpg",
    "geoalchemy2",
    "pgvector",
    "sqlmodel",
    super::pydantic::PACKAGE,
    super::orm::flask::PACKAGE,
    "sqlalchemy_utils",
    "citext",
    super::operations::entities::PACKAGE,
    super::operations::sync_enum::PACKAGE,
];

/// Modules that are reached as attributes of others, by their dotted names.
const SUBMODULES: &[&str] = &[
    "alembic_utils.pg_extension",
    "alembic_utils.pg_function",
    "alembic_utils.pg_grant_table",
    "alembic_utils.pg_materialized_view",
    "alembic_utils.pg_policy",
    "alembic_utils.pg_trigger",
    "alembic_utils.pg_view",
    "alembic_utils.replaceable_entity",
    "alembic_postgresql_enum.get_enum_data",
    "alembic_postgresql_enum.sql_commands",
    "alembic_postgresql_enum.sql_commands.indexes",
    "alembic.autogenerate",
    "alembic.config",
    "alembic.context",
    "alembic.ddl",
    "alembic.migration",
    "alembic.op",
    "alembic.operations",
    "alembic.operations.base",
    "alembic.operations.ops",
    "alembic.runtime",
    "alembic.runtime.environment",
    "alembic.runtime.migration",
    "alembic.script",
    "alembic.util",
    "alembic.util.exc",
    "geoalchemy2.types",
    "pgvector.sqlalchemy",
    "asyncpg.exceptions",
    "psycopg.errors",
    "psycopg2.errorcodes",
    "psycopg2.errors",
    "psycopg2.extensions",
    "psycopg2.extras",
    "sqlalchemy.dialects",
    "sqlalchemy.dialects.mssql",
    "sqlalchemy.dialects.mysql",
    "sqlalchemy.dialects.oracle",
    "sqlalchemy.dialects.postgresql",
    "sqlalchemy.dialects.postgresql.base",
    "sqlalchemy.dialects.sqlite",
    "sqlalchemy.engine",
    "sqlalchemy.engine.base",
    "sqlalchemy.engine.reflection",
    "sqlalchemy.event",
    "sqlalchemy.exc",
    "sqlalchemy.ext",
    "sqlalchemy.ext.compiler",
    "sqlalchemy.ext.declarative",
    "sqlalchemy.ext.mutable",
    "sqlalchemy.ext.asyncio",
    "sqlalchemy.ext.automap",
    "sqlalchemy.inspection",
    "sqlalchemy.orm",
    "sqlalchemy.orm.exc",
    "sqlalchemy.orm.session",
    "sqlalchemy.pool",
    "sqlalchemy.schema",
    "sqlalchemy.sql",
    "sqlalchemy.sql.dml",
    "sqlalchemy.sql.elements",
    "sqlalchemy.sql.expression",
    "sqlalchemy.sql.functions",
    "sqlalchemy.sql.schema",
    "sqlalchemy.sql.selectable",
    "sqlalchemy.sql.sqltypes",
    "sqlalchemy.types",
    "sqlalchemy.util",
    "sqlalchemy_utils.types",
    "sqlalchemy_utils.types.arrow",
    "sqlalchemy_utils.types.choice",
    "sqlalchemy_utils.types.color",
    "sqlalchemy_utils.types.country",
    "sqlalchemy_utils.types.currency",
    "sqlalchemy_utils.types.email",
    "sqlalchemy_utils.types.encrypted",
    "sqlalchemy_utils.types.encrypted.encrypted_type",
    "sqlalchemy_utils.types.ip_address",
    "sqlalchemy_utils.types.json",
    "sqlalchemy_utils.types.locale",
    "sqlalchemy_utils.types.ltree",
    "sqlalchemy_utils.types.password",
    "sqlalchemy_utils.types.phone_number",
    "sqlalchemy_utils.types.scalar_list",
    "sqlalchemy_utils.types.timezone",
    "sqlalchemy_utils.types.ts_vector",
    "sqlalchemy_utils.types.url",
    "sqlalchemy_utils.types.uuid",
    "sqlmodel.sql",
    "sqlmodel.sql.sqltypes",
];

/// The module of a dotted name, if it is modelled.
pub fn import(module: &str) -> Option<Value> {
    let package = module.split('.').next()?;
    PACKAGES.contains(&package).then(|| {
        object::value(ModuleObject {
            name: SmolStr::new(module),
        })
    })
}

impl ModuleObject {
    /// The module of a dotted name, which must be modelled.
    pub fn new(name: &str) -> Self {
        Self {
            name: SmolStr::new(name),
        }
    }
}

impl Object for ModuleObject {
    fn type_name(&self) -> &'static str {
        "module"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        // what the project put in its place
        if let Some(replaced) = replacement(interp, &self.name, name) {
            return Ok(Some(replaced));
        }
        Ok(look_up(interp, &self.name, name))
    }
    fn set_attribute(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        name: &str,
        value: Value,
    ) -> Eval<()> {
        interp
            .host
            .memo
            .insert(replacement_key(&self.name, name), value);
        Ok(())
    }
}

/// Whether SQLAlchemy has a name at its top or in its ORM.
pub fn has(interp: &mut Interp, name: &str) -> bool {
    look_up(interp, "sqlalchemy", name).is_some()
}

/// A name of a module, or of SQLAlchemy where a package hands its names on.
fn look_up(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    let own = AREAS.iter().find_map(|lookup| lookup(interp, module, name));
    if own.is_some() || !is_sqlalchemy(module) || module.starts_with("sqlalchemy") {
        return own;
    }
    AREAS
        .iter()
        .find_map(|lookup| lookup(interp, "sqlalchemy", name))
}

/// Names that are no area of their own.
fn names(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    match name {
        "quoted_name" if module.starts_with("sqlalchemy") => {
            Some(object::function("quoted_name", |_, arguments| {
                Ok(arguments.get(0, "value").cloned().unwrap_or(Value::None))
            }))
        }
        "conv" if module.starts_with("sqlalchemy") => {
            Some(object::function("conv", |interp, arguments| {
                super::operations::f(interp, &arguments)
            }))
        }
        "__version__" => {
            let version = match module {
                "alembic" => interp.host.settings.alembic,
                "sqlalchemy" => interp.host.settings.sqlalchemy,
                _ => return None,
            };
            Some(Value::str(format!(
                "{}.{}.{}",
                version.0, version.1, version.2
            )))
        }
        _ => None,
    }
}

fn submodules(_: &mut Interp, module: &str, name: &str) -> Option<Value> {
    let is_named = |full: &&&str| {
        full.strip_prefix(module)
            .and_then(|rest| rest.strip_prefix('.'))
            == Some(name)
    };
    SUBMODULES
        .iter()
        .find(is_named)
        .map(|full| object::value(ModuleObject::new(full)))
}

fn exceptions(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    super::exceptions::lookup(interp, module, name)
}

/// Whether a module is SQLAlchemy's, or one that hands its names on.
pub fn is_sqlalchemy(module: &str) -> bool {
    ["sqlalchemy", "sqlmodel"].iter().any(|package| {
        let rest = module.strip_prefix(package);
        rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('.'))
    })
}
