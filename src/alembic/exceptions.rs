//! Exceptions of SQLAlchemy, psycopg2 and Alembic: one class each, made when first needed.

use std::rc::Rc;

use super::object::Interp;
use crate::postgres::ServerError;
use crate::python::interpreter::exception_class;
use crate::python::{Class, Raise, Value};

/// Class name and base of each exception (`sqlalchemy.exc`, `alembic.util.exc`).
const HIERARCHY: &[(&str, Option<&str>)] = &[
    ("SQLAlchemyError", None),
    ("ArgumentError", Some("SQLAlchemyError")),
    ("IdentifierError", Some("SQLAlchemyError")),
    ("CompileError", Some("SQLAlchemyError")),
    ("UnsupportedCompilationError", Some("CompileError")),
    ("InvalidRequestError", Some("SQLAlchemyError")),
    ("NoSuchTableError", Some("InvalidRequestError")),
    ("NoSuchColumnError", Some("InvalidRequestError")),
    ("NoInspectionAvailable", Some("InvalidRequestError")),
    ("ResourceClosedError", Some("InvalidRequestError")),
    ("NoResultFound", Some("InvalidRequestError")),
    ("MultipleResultsFound", Some("InvalidRequestError")),
    ("ObjectNotExecutableError", Some("ArgumentError")),
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
    ("CommandError", None),
];

/// The class of a name of [`HIERARCHY`]; `None`: not one of these.
pub fn class(interp: &mut Interp, name: &str) -> Option<Rc<Class>> {
    let (name, base) = HIERARCHY.iter().find(|(known, _)| *known == name)?;
    if let Some(class) = interp.host.classes.get(name) {
        return Some(class.clone());
    }
    let base = base.and_then(|base| class(interp, base));
    let class = match &base {
        Some(base) => exception_class(name, &[base]),
        None => exception_class(name, &[]),
    };
    interp.host.classes.insert(name, class.clone());
    Some(class)
}

/// An exception of a class of [`HIERARCHY`].
pub fn raise(interp: &mut Interp, name: &str, message: &str) -> Box<Raise> {
    match class(interp, name) {
        Some(class) => interp.raise(&class, message),
        None => interp.error("Exception", message),
    }
}

/// The exception that SQLAlchemy raises for a server's error, by psycopg2's classes (its `errorcodes` manual page:
/// the class of a SQLSTATE decides).
pub fn database_error(interp: &mut Interp, error: &ServerError) -> Box<Raise> {
    let code = error.sqlstate.code();
    let name = match &code[..2] {
        "0A" => "NotSupportedError",
        "22" | "21" => "DataError",
        "23" => "IntegrityError",
        "20" | "3D" | "3F" | "42" | "44" => "ProgrammingError",
        "53" | "54" | "55" | "57" | "58" | "08" => "OperationalError",
        _ => "InternalError",
    };
    let raised = raise(interp, name, &error.message);
    if let Value::Instance(instance) = &raised.exception {
        let mut attributes = instance.attributes.borrow_mut();
        attributes.insert("pgcode".into(), Value::str(code));
        attributes.insert("sqlstate".into(), Value::str(code));
        drop(attributes);
        // `error.orig` is the driver's exception: the same codes, the same text
        let original = Value::Instance(instance.clone());
        instance
            .attributes
            .borrow_mut()
            .insert("orig".into(), original);
    }
    raised
}
