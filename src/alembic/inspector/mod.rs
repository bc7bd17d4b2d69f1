//! SQLAlchemy's Inspector over the simulated catalog, with its cache: a stale answer is stale here too.
//!
//! In: the catalog as the connection sees it. Out: the dictionaries that reflection gives; unknown where the world is
//! open. What the cache holds, and since which version, was measured on SQLAlchemy 1.4 and 2.0.

mod answers;
mod constraints;
mod digest;
mod find;
pub mod listing;
#[cfg(test)]
mod tests;

use std::any::Any;
use std::cell::RefCell;

use super::connection;
use super::exceptions;
use super::object::{self, Interp, Object, function};
use super::questions;
use crate::python::{Arguments, Eval, HostRef, Raise, Truth, Value};
use crate::source::Site;
use crate::unknown::Reason;

pub use answers::type_value;
use digest::digest;
pub use find::{Found, relation};

/// Names of this file.
pub fn lookup(_: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if !super::modules::is_sqlalchemy(module) {
        return None;
    }
    Some(match name {
        // `sqlalchemy.inspection` and `sqlalchemy.inspect` share a name space: the function is meant
        "inspect" => function("inspect", |interp, arguments| {
            let subject = arguments.get(0, "subject").cloned().unwrap_or(Value::None);
            inspect(interp, &subject)
        }),
        "Inspector" | "PGInspector" => object::value(InspectorClass),
        _ => return None,
    })
}

/// `sa.inspect(subject)`.
fn inspect(interp: &mut Interp, subject: &Value) -> Eval<Value> {
    if let Some(engine) = connection::is_bind(subject) {
        interp.host.questions.inspected = true;
        if interp.host.questions.contrary.offline {
            return Err(exceptions::raise(
                interp,
                "NoInspectionAvailable",
                "No inspection system is available for object of type <class 'sqlalchemy.engine.mock.MockConnection'>",
            ));
        }
        return Ok(of_connection(interp, engine));
    }
    match subject {
        Value::Unknown(unknown) => Ok(Value::unknown(unknown.then(" inspected"))),
        Value::Class(_) | Value::Instance(_) => {
            Ok(interp.unknown(Reason::Unsupported, "inspect(model)"))
        }
        Value::Host(_) => Ok(interp.unknown(Reason::Unsupported, "inspect(...)")),
        _ => Err(exceptions::raise(
            interp,
            "NoInspectionAvailable",
            "No inspection system is available for object of this type",
        )),
    }
}

/// A new Inspector; `separate`: of an engine, whose connection sees only what is committed.
pub fn of_connection(_: &mut Interp, separate: bool) -> Value {
    object::value(Inspector {
        cache: RefCell::new(Vec::new()),
        separate,
    })
}

/// `Inspector` as a class: `Inspector.from_engine(bind)`.
#[derive(Debug)]
struct InspectorClass;

impl Object for InspectorClass {
    fn type_name(&self) -> &'static str {
        "type"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["from_engine"]
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "__name__").then(|| Value::str("Inspector")))
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        _: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        self.call(interp, this, arguments)
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        let subject = arguments.get(0, "bind").cloned().unwrap_or(Value::None);
        if interp.host.questions.contrary.offline && connection::is_bind(&subject).is_some() {
            let message = "'MockConnection' object has no attribute 'close'";
            return Err(interp.error("AttributeError", message));
        }
        inspect(interp, &subject)
    }
    fn is_instance(&self, _: &mut Interp, value: &Value) -> Eval<Truth> {
        Ok(Truth::Known(object::get::<Inspector>(value).is_some()))
    }
}

/// One answer that an Inspector remembers.
#[derive(Debug)]
struct Remembered {
    key: String,
    answer: Value,
    /// What it said then: the program may change it.
    digest: u64,
    /// Where it was asked.
    site: Option<Site>,
}

/// An Inspector.
#[derive(Debug)]
pub struct Inspector {
    cache: RefCell<Vec<Remembered>>,
    /// Of an engine: a connection of its own.
    separate: bool,
}

const METHODS: &[&str] = &[
    "has_table",
    "get_table_names",
    "get_view_names",
    "get_materialized_view_names",
    "get_temp_table_names",
    "get_temp_view_names",
    "get_columns",
    "get_indexes",
    "get_unique_constraints",
    "get_foreign_keys",
    "get_pk_constraint",
    "get_check_constraints",
    "get_enums",
    "get_schema_names",
    "get_sequence_names",
    "get_table_comment",
    "get_sorted_table_and_fkc_names",
    "get_table_options",
    "get_view_definition",
    "get_foreign_table_names",
    "get_domains",
    "get_table_oid",
    "reflect_table",
    "reflecttable",
    "from_engine",
    "get_primary_keys",
];

/// Methods that came with SQLAlchemy 2.0.
const SINCE_2: &[&str] = &[
    "clear_cache",
    "has_index",
    "has_schema",
    "has_type",
    "get_multi_columns",
    "get_multi_indexes",
    "get_multi_unique_constraints",
    "get_multi_foreign_keys",
    "get_multi_pk_constraint",
    "get_multi_check_constraints",
    "get_multi_table_comment",
    "get_multi_table_options",
];

/// Methods whose answer 1.4 never remembers.
const FRESH_IN_1_4: &[&str] = &[
    "has_table",
    "get_enums",
    "has_sequence",
    "get_sorted_table_and_fkc_names",
];

impl Inspector {
    fn call_method(&self, interp: &mut Interp, method: &str, arguments: &Arguments) -> Eval<Value> {
        let is_new = interp.host.settings.sqlalchemy.0 >= 2;
        if method == "clear_cache" {
            self.cache.borrow_mut().clear();
            return Ok(Value::None);
        }
        let site = asked_at(interp);
        let key = key(method, arguments);
        let forgets =
            interp.host.questions.contrary.fresh || (!is_new && FRESH_IN_1_4.contains(&method));
        let Some(key) = key.filter(|_| !forgets) else {
            let answer = answers::answer(interp, self.separate, method, arguments)?;
            questions::note_call(interp, method, arguments, &answer, site, false);
            return Ok(answer);
        };
        let remembered = self
            .cache
            .borrow()
            .iter()
            .find(|remembered| remembered.key == key)
            .map(|known| (known.answer.clone(), known.digest, known.site));
        let now = answers::answer(interp, self.separate, method, arguments);
        if let Some((answer, then, site)) = remembered {
            let stale = now.as_ref().map_or(true, |now| digest(now) != then);
            questions::note_call(interp, method, arguments, &answer, site, stale);
            return Ok(answer);
        }
        // an error is not remembered: the next call asks again
        let answer = now?;
        questions::note_call(interp, method, arguments, &answer, site, false);
        self.cache.borrow_mut().push(Remembered {
            digest: digest(&answer),
            key,
            answer: answer.clone(),
            site,
        });
        Ok(answer)
    }
}

/// Where the interpreter stands: in the revision's file, if any of its frames does.
fn asked_at(interp: &Interp) -> Option<Site> {
    interp
        .stack_in(interp.host.revision_file)
        .first()
        .copied()
        .or_else(|| interp.frames().last().map(|frame| frame.site))
}

/// The call as the cache keys it; `None`: an argument that is not known.
fn key(method: &str, arguments: &Arguments) -> Option<String> {
    let mut key = format!("{method}(");
    let all = arguments
        .positional
        .iter()
        .map(|value| (None, value))
        .chain(
            arguments
                .keyword
                .iter()
                .map(|(name, value)| (Some(name), value)),
        );
    for (index, (name, value)) in all.enumerate() {
        // schema=None is the default
        if value.is_none() {
            continue;
        }
        if index > 0 {
            key.push_str(", ");
        }
        if let Some(name) = name.filter(|name| *name != "table_name") {
            key.push_str(name);
            key.push('=');
        }
        match value {
            Value::Str(text) if crate::unknown::has_hole(&text.text) => return None,
            Value::Str(text) => {
                key.push('\'');
                key.push_str(&text.text);
                key.push('\'');
            }
            Value::Bool(known) => key.push_str(if *known { "True" } else { "False" }),
            _ => return None,
        }
    }
    key.push(')');
    Some(key)
}

impl Object for Inspector {
    fn type_name(&self) -> &'static str {
        "PGInspector"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        METHODS
    }
    fn is_closed(&self) -> bool {
        true
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        let version = interp.host.settings.sqlalchemy;
        let is_new = version.0 >= 2;
        Ok(Some(match name {
            "default_schema_name" => Value::str("public"),
            "dialect" => super::dialect::dialect(interp),
            "bind" | "conn" => connection::bind(interp),
            "engine" => connection::engine(interp),
            "info_cache" => interp.unknown(Reason::Unsupported, "info_cache"),
            // has_sequence is 1.4's too
            "has_sequence" => object::bound_method(this, name),
            _ if is_new && SINCE_2.contains(&name) => object::bound_method(this, name),
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
        if arguments.incomplete
            || arguments
                .positional
                .iter()
                .any(|value| matches!(value, Value::Unknown(_)))
        {
            return answers::unknown_argument(interp, method, &arguments);
        }
        self.call_method(interp, method, &arguments)
    }
}

/// Takes a table that was never heard of to be there where the migration reflects it and does not wait for the error: it
/// could not run otherwise. Else it is not there: `NoSuchTableError`.
pub(in crate::alembic) fn expect(
    interp: &mut Interp,
    schema: Option<&str>,
    name: &str,
) -> Eval<()> {
    let raise = no_such_table(interp, name);
    if interp.may_be_caught(&raise.exception) {
        return Err(raise);
    }
    let name = crate::postgres::Name::qualified(schema, name);
    if !interp.host.session.assume_reflected(&name) {
        return Err(raise);
    }
    let what = format!(
        "the table `{name}` is reflected, and no migration makes it: it is taken to be there"
    );
    <super::environment::Environment as crate::python::Host>::gap(interp, what);
    Ok(())
}

/// `NoSuchTableError`, as SQLAlchemy raises it.
fn no_such_table(interp: &mut Interp, name: &str) -> Box<Raise> {
    exceptions::raise(interp, "NoSuchTableError", name)
}
