//! Exceptions of SQLAlchemy, the drivers and Alembic: one class each, made when first needed.

use std::rc::Rc;

use super::object::Interp;
use crate::postgres::{ServerError, SqlState};
use crate::python::interpreter::exception_class;
use crate::python::{Class, Raise, Value};

/// Class name and base of each exception of SQLAlchemy's and Alembic's (`sqlalchemy.exc`, `alembic.util.exc`).
const HIERARCHY: &[(&str, Option<&str>)] = &[
    ("SQLAlchemyError", None),
    ("ArgumentError", Some("SQLAlchemyError")),
    ("NoSuchModuleError", Some("ArgumentError")),
    ("NoForeignKeysError", Some("ArgumentError")),
    ("AmbiguousForeignKeysError", Some("ArgumentError")),
    ("ObjectNotExecutableError", Some("ArgumentError")),
    ("CircularDependencyError", Some("SQLAlchemyError")),
    ("CompileError", Some("SQLAlchemyError")),
    ("UnsupportedCompilationError", Some("CompileError")),
    ("IdentifierError", Some("SQLAlchemyError")),
    ("DisconnectionError", Some("SQLAlchemyError")),
    ("TimeoutError", Some("SQLAlchemyError")),
    ("InvalidRequestError", Some("SQLAlchemyError")),
    ("DuplicateColumnError", Some("ArgumentError")),
    ("NoInspectionAvailable", Some("InvalidRequestError")),
    ("PendingRollbackError", Some("InvalidRequestError")),
    ("ResourceClosedError", Some("InvalidRequestError")),
    ("NoSuchColumnError", Some("InvalidRequestError")),
    ("NoResultFound", Some("InvalidRequestError")),
    ("MultipleResultsFound", Some("InvalidRequestError")),
    ("NoReferenceError", Some("InvalidRequestError")),
    ("NoReferencedTableError", Some("NoReferenceError")),
    ("NoReferencedColumnError", Some("NoReferenceError")),
    ("NoSuchTableError", Some("InvalidRequestError")),
    ("UnreflectableTableError", Some("InvalidRequestError")),
    ("UnboundExecutionError", Some("InvalidRequestError")),
    ("StatementError", Some("SQLAlchemyError")),
    ("DBAPIError", Some("StatementError")),
    ("InterfaceError", Some("DBAPIError")),
    ("DatabaseError", Some("DBAPIError")),
    ("DataError", Some("DatabaseError")),
    ("OperationalError", Some("DatabaseError")),
    ("IntegrityError", Some("DatabaseError")),
    ("InternalError", Some("DatabaseError")),
    ("ProgrammingError", Some("DatabaseError")),
    ("NotSupportedError", Some("DatabaseError")),
    ("SADeprecationWarning", None),
    ("SAWarning", None),
    ("CommandError", None),
    ("StaleDataError", Some("SQLAlchemyError")),
    ("UnmappedInstanceError", Some("InvalidRequestError")),
    ("DetachedInstanceError", Some("SQLAlchemyError")),
];

/// The drivers' own classes, by the key under which they are kept, with name and base.
const DRIVER: &[(&str, &str, Option<&str>)] = &[
    ("driver Error", "Error", None),
    ("driver Warning", "Warning", None),
    (
        "driver InterfaceError",
        "InterfaceError",
        Some("driver Error"),
    ),
    (
        "driver DatabaseError",
        "DatabaseError",
        Some("driver Error"),
    ),
    (
        "driver DataError",
        "DataError",
        Some("driver DatabaseError"),
    ),
    (
        "driver OperationalError",
        "OperationalError",
        Some("driver DatabaseError"),
    ),
    (
        "driver IntegrityError",
        "IntegrityError",
        Some("driver DatabaseError"),
    ),
    (
        "driver InternalError",
        "InternalError",
        Some("driver DatabaseError"),
    ),
    (
        "driver ProgrammingError",
        "ProgrammingError",
        Some("driver DatabaseError"),
    ),
    (
        "driver NotSupportedError",
        "NotSupportedError",
        Some("driver DatabaseError"),
    ),
];

/// The class of a name of `HIERARCHY`; `None`: not one of these.
pub fn class(interp: &mut Interp, name: &str) -> Option<Rc<Class>> {
    let (name, base) = HIERARCHY.iter().find(|(known, _)| *known == name)?;
    if let Some(class) = interp.host.classes.get(name) {
        return Some(class.clone());
    }
    let base = base.and_then(|base| class(interp, base));
    Some(made(interp, name, name, base))
}

fn made(interp: &mut Interp, key: &'static str, name: &str, base: Option<Rc<Class>>) -> Rc<Class> {
    let class = match &base {
        Some(base) => exception_class(name, &[base]),
        None => exception_class(name, &[]),
    };
    interp.host.classes.insert(key, class.clone());
    class
}

/// A class of the drivers' by its name in DB-API.
fn driver_class(interp: &mut Interp, name: &str) -> Option<Rc<Class>> {
    let (key, name, base) = DRIVER.iter().find(|(_, known, _)| *known == name)?;
    if let Some(class) = interp.host.classes.get(key) {
        return Some(class.clone());
    }
    let base = base
        .and_then(|base| base.strip_prefix("driver "))
        .and_then(|base| driver_class(interp, base));
    Some(made(interp, key, name, base))
}

/// The driver's class of a SQLSTATE: `psycopg2.errors.DuplicateTable`.
fn state_class(interp: &mut Interp, state: SqlState) -> Option<Rc<Class>> {
    let key = state.condition();
    if let Some(class) = interp.host.classes.get(key) {
        return Some(class.clone());
    }
    let base = driver_class(interp, class_name(state));
    Some(made(interp, key, &camel_case(key), base))
}

fn camel_case(condition: &str) -> String {
    condition
        .split('_')
        .map(|word| {
            let mut letters = word.chars();
            letters.next().map_or_else(String::new, |first| {
                first.to_uppercase().collect::<String>() + letters.as_str()
            })
        })
        .collect()
}

fn snake_case(name: &str) -> String {
    let mut text = String::with_capacity(name.len() + 4);
    for letter in name.chars() {
        if letter.is_uppercase() && !text.is_empty() {
            text.push('_');
        }
        text.extend(letter.to_lowercase());
    }
    text
}

/// Names of exceptions in any module that has them.
pub fn lookup(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    let package = module.split('.').next().unwrap_or_default();
    if !matches!(package, "psycopg2" | "psycopg" | "asyncpg") {
        return class(interp, name).map(Value::Class);
    }
    if module == "psycopg2.errorcodes" {
        return SqlState::named(&name.to_ascii_lowercase()).map(|state| Value::str(state.code()));
    }
    if let Some(class) = driver_class(interp, name) {
        return Some(Value::Class(class));
    }
    // asyncpg's end in Error: DuplicateTableError
    let plain = if package == "asyncpg" {
        name.strip_suffix("Error").unwrap_or(name)
    } else {
        name
    };
    let state = SqlState::named(&snake_case(plain))?;
    state_class(interp, state).map(Value::Class)
}

/// An exception of a class of `HIERARCHY`.
pub fn raise(interp: &mut Interp, name: &str, message: &str) -> Box<Raise> {
    match class(interp, name) {
        Some(class) => interp.raise(&class, message),
        None => interp.error("Exception", message),
    }
}

/// The DB-API class of a SQLSTATE, by psycopg2's `errorcodes` manual page: the first two characters decide.
fn class_name(state: SqlState) -> &'static str {
    match &state.code()[..2] {
        "0A" => "NotSupportedError",
        "20" | "21" | "3D" | "3F" | "42" | "44" => "ProgrammingError",
        "22" => "DataError",
        "23" => "IntegrityError",
        "24" | "25" | "26" | "27" | "28" | "2B" | "2D" | "2F" | "38" | "39" | "3B" | "P0"
        | "XX" => "InternalError",
        "40" | "53" | "54" | "55" | "57" | "58" | "08" | "HV" => "OperationalError",
        _ => "DatabaseError",
    }
}

/// The exception that SQLAlchemy raises for a server's error: its class by the SQLSTATE, the driver's own as `orig`.
pub fn database_error(interp: &mut Interp, error: &ServerError) -> Box<Raise> {
    let code = error.sqlstate.code();
    let condition = camel_case(error.sqlstate.condition());
    let message = format!("(psycopg2.errors.{condition}) {}", error.message);
    let raised = raise(interp, class_name(error.sqlstate), &message);
    let original = match state_class(interp, error.sqlstate) {
        Some(class) => interp.raise(&class, &error.message).exception,
        None => raised.exception.clone(),
    };
    set(&original, "pgcode", Value::str(code));
    set(&original, "sqlstate", Value::str(code));
    set(
        &original,
        "pgerror",
        Value::str(format!("ERROR:  {}\n", error.message)),
    );
    set(&raised.exception, "code", Value::None);
    set(&raised.exception, "orig", original);
    raised
}

fn set(exception: &Value, name: &str, value: Value) {
    if let Value::Instance(instance) = exception {
        instance.attributes.borrow_mut().insert(name.into(), value);
    }
}
