//! `alembic.op`: operations to driver calls, one each as Alembic's PostgreSQL implementation makes them.
//!
//! In: a call of an operation. Out: statements, executed at once or queued by a batch. What a version of Alembic does not
//! know it refuses or ignores, as measured.

pub mod batch;
mod columns;
mod constraints;
pub mod custom;
mod data;
pub mod entities;
mod indexes;
pub mod sync_enum;
mod tables;

use std::any::Any;
use std::sync::Arc;

use smol_str::SmolStr;

use super::arguments::{Bound, Signature, bind as bind_arguments, hole, name_of};
use super::environment::{DriverCall, Environment};
use super::object::{self, Interp, Object};
use super::{bridge, context, naming};
use crate::config::PackageVersion;
use crate::postgres::{Name, Statement};
use crate::python::{Arguments, Eval, HostRef, Value};
use crate::trace::{EnumType, Origin};
use crate::unknown::Unknown;
use batch::Batch;

/// What an operation does: its statements, and what it returns.
pub struct Effect {
    /// Its driver calls, a statement each.
    pub statements: Vec<Statement>,
    /// Enum types that it was given.
    pub enums: Vec<EnumType>,
    /// Its value.
    pub value: Value,
    /// Why it may do nothing at all.
    pub doubt: Option<Unknown>,
}

impl Effect {
    fn of(statements: Vec<Statement>) -> Self {
        Self {
            statements,
            enums: Vec::new(),
            value: Value::None,
            doubt: None,
        }
    }
}

/// An operation: how it is called and what it makes.
pub struct Definition {
    /// `create_table`.
    pub name: &'static str,
    signature: Signature,
    /// How many of its parameters may be given by position since Alembic 1.11: the others are keyword-only. `*columns` may
    /// follow where the signature has them.
    positional: usize,
    body: fn(&mut Interp, &Bound) -> Eval<Effect>,
    /// Where a batch puts its table among the positional arguments, and by which name; `None`: no batch form.
    batch: Option<(usize, &'static str)>,
}

const fn signature(
    name: &'static str,
    parameters: &'static [&'static str],
    required: usize,
    keywords: bool,
) -> Signature {
    Signature {
        name,
        parameters,
        required,
        variadic: false,
        keywords,
    }
}

/// The operations, a line or two each.
static OPERATIONS: &[Definition] = &[
    Definition {
        name: "create_table",
        signature: Signature {
            name: "create_table",
            parameters: &["table_name", "if_not_exists", "schema"],
            required: 1,
            variadic: true,
            keywords: true,
        },
        positional: 1,
        body: tables::create_table,
        batch: None,
    },
    Definition {
        name: "drop_table",
        signature: signature(
            "drop_table",
            &["table_name", "schema", "if_exists"],
            1,
            true,
        ),
        positional: 1,
        body: tables::drop_table,
        batch: None,
    },
    Definition {
        name: "rename_table",
        signature: signature(
            "rename_table",
            &["old_table_name", "new_table_name", "schema"],
            2,
            false,
        ),
        positional: 2,
        body: tables::rename_table,
        batch: None,
    },
    Definition {
        name: "create_table_comment",
        signature: signature(
            "create_table_comment",
            &["table_name", "comment", "existing_comment", "schema"],
            2,
            false,
        ),
        positional: 2,
        body: tables::create_table_comment,
        batch: Some((0, "table_name")),
    },
    Definition {
        name: "drop_table_comment",
        signature: signature(
            "drop_table_comment",
            &["table_name", "existing_comment", "schema"],
            1,
            false,
        ),
        positional: 1,
        body: tables::drop_table_comment,
        batch: Some((0, "table_name")),
    },
    Definition {
        name: "add_column",
        signature: signature(
            "add_column",
            &[
                "table_name",
                "column",
                "schema",
                "if_not_exists",
                "inline_references",
                "inline_primary_key",
                "insert_before",
                "insert_after",
            ],
            2,
            false,
        ),
        positional: 2,
        body: columns::add_column,
        batch: Some((0, "table_name")),
    },
    Definition {
        name: "drop_column",
        signature: signature(
            "drop_column",
            &["table_name", "column_name", "schema"],
            2,
            true,
        ),
        positional: 2,
        body: columns::drop_column,
        batch: Some((0, "table_name")),
    },
    Definition {
        name: "alter_column",
        signature: signature(
            "alter_column",
            &[
                "table_name",
                "column_name",
                "nullable",
                "comment",
                "server_default",
                "new_column_name",
                "type_",
                "existing_type",
                "existing_server_default",
                "existing_nullable",
                "existing_comment",
                "schema",
            ],
            2,
            true,
        ),
        positional: 2,
        body: columns::alter_column,
        batch: Some((0, "table_name")),
    },
    Definition {
        name: "create_index",
        signature: signature(
            "create_index",
            &[
                "index_name",
                "table_name",
                "columns",
                "schema",
                "unique",
                "if_not_exists",
            ],
            3,
            true,
        ),
        positional: 3,
        body: indexes::create_index,
        batch: Some((1, "table_name")),
    },
    Definition {
        name: "drop_index",
        signature: signature(
            "drop_index",
            &["index_name", "table_name", "schema", "if_exists"],
            1,
            true,
        ),
        positional: 2,
        body: indexes::drop_index,
        batch: Some((1, "table_name")),
    },
    Definition {
        name: "create_unique_constraint",
        signature: signature(
            "create_unique_constraint",
            &["constraint_name", "table_name", "columns", "schema"],
            3,
            true,
        ),
        positional: 3,
        body: constraints::create_unique_constraint,
        batch: Some((1, "table_name")),
    },
    Definition {
        name: "create_check_constraint",
        signature: signature(
            "create_check_constraint",
            &["constraint_name", "table_name", "condition", "schema"],
            3,
            true,
        ),
        positional: 3,
        body: constraints::create_check_constraint,
        batch: Some((1, "table_name")),
    },
    Definition {
        name: "create_foreign_key",
        signature: signature(
            "create_foreign_key",
            &[
                "constraint_name",
                "source_table",
                "referent_table",
                "local_cols",
                "remote_cols",
                "onupdate",
                "ondelete",
                "deferrable",
                "initially",
                "match",
                "source_schema",
                "referent_schema",
            ],
            5,
            true,
        ),
        positional: 5,
        body: constraints::create_foreign_key,
        batch: Some((1, "source_table")),
    },
    Definition {
        name: "create_primary_key",
        signature: signature(
            "create_primary_key",
            &["constraint_name", "table_name", "columns", "schema"],
            3,
            false,
        ),
        positional: 3,
        body: constraints::create_primary_key,
        batch: Some((1, "table_name")),
    },
    Definition {
        name: "create_exclude_constraint",
        signature: Signature {
            name: "create_exclude_constraint",
            parameters: &["constraint_name", "table_name", "schema"],
            required: 2,
            variadic: true,
            keywords: true,
        },
        positional: 2,
        body: constraints::create_exclude_constraint,
        batch: Some((1, "table_name")),
    },
    Definition {
        name: "drop_constraint",
        signature: signature(
            "drop_constraint",
            &[
                "constraint_name",
                "table_name",
                "type_",
                "schema",
                "if_exists",
            ],
            2,
            false,
        ),
        positional: 3,
        body: constraints::drop_constraint,
        batch: Some((1, "table_name")),
    },
    Definition {
        name: "bulk_insert",
        signature: signature("bulk_insert", &["table", "rows", "multiinsert"], 2, false),
        positional: 2,
        body: data::bulk_insert,
        batch: None,
    },
];

/// The definition of an operation.
pub fn find(name: &str) -> Option<&'static Definition> {
    OPERATIONS.iter().find(|definition| definition.name == name)
}

/// Looks up the names of `alembic.op` and `alembic.operations`.
pub fn lookup(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    match module {
        "alembic.op" => Some(operation(interp, name)),
        "alembic.operations" | "alembic.operations.base" => match name {
            "Operations" | "MigrationOperations" | "AbstractOperations" => {
                Some(custom::operations_class(interp))
            }
            "BatchOperations" => Some(custom::batch_class()),
            "MigrateOperation" => Some(custom::migrate_operation()),
            _ => None,
        },
        "alembic.operations.ops" => (name == "MigrateOperation").then(custom::migrate_operation),
        _ => sync_enum::lookup(interp, module, name)
            .or_else(|| entities::lookup(interp, module, name)),
    }
}

/// `op.<name>`: what a project put there, a registered operation, Alembic's own, or an unknown one.
pub fn operation(interp: &mut Interp, name: &str) -> Value {
    if let Some(replaced) = custom::replaced(interp, name) {
        return replaced;
    }
    match name {
        "f" => return object::function("f", |interp, arguments| f(interp, &arguments)),
        "get_bind" => return object::function("get_bind", |interp, _| Ok(bridge::bind(interp))),
        "get_context" => {
            return object::function("get_context", |interp, _| {
                Ok(context::migration_context(interp))
            });
        }
        "migration_context" => return context::migration_context(interp),
        // the proxy behind the module `alembic.op`: a project that reaches through it finds the same operations
        "_proxy" => return object::value(super::modules::ModuleObject::new("alembic.op")),
        "execute" => {
            return object::function("execute", |interp, arguments| {
                execute(interp, arguments, false)
            });
        }
        "inline_literal" => {
            return object::function("inline_literal", |_, arguments| {
                Ok(arguments.get(0, "value").cloned().unwrap_or(Value::None))
            });
        }
        "batch_alter_table" => {
            return object::function("batch_alter_table", batch::batch_alter_table);
        }
        "run_async" => return object::function("run_async", run_async),
        "invoke" => {
            return object::function("invoke", |interp, arguments| {
                custom::invoke(interp, &arguments)
            });
        }
        "register_operation" => {
            return object::function("register_operation", custom::register_operation);
        }
        "implementation_for" => {
            return object::function("implementation_for", custom::implementation_for);
        }
        _ => {}
    }
    object::value(Operation {
        name: SmolStr::new(name),
    })
}

/// An operation of `alembic.op` as a value.
#[derive(Debug)]
struct Operation {
    name: SmolStr,
}

impl Object for Operation {
    fn type_name(&self) -> &'static str {
        "function"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "__name__").then(|| Value::str(self.name.as_str())))
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        match find(&self.name) {
            Some(definition) => call(interp, definition, arguments, None),
            None if self.name == "sync_enum_values" => sync_enum::call(interp, arguments),
            None => match entities::call(interp, &self.name, &arguments)? {
                Some(value) => Ok(value),
                None => Ok(custom::unknown(interp, &self.name, &arguments)),
            },
        }
    }
}

/// Calls an operation, by itself or in a batch.
pub fn call(
    interp: &mut Interp,
    definition: &'static Definition,
    arguments: Arguments,
    batch: Option<&Batch>,
) -> Eval<Value> {
    refuse_surplus(interp, definition, &arguments, batch.is_some())?;
    let bound = bind_arguments(interp, &definition.signature, arguments)?;
    let effect = (definition.body)(interp, &bound)?;
    let ignored = ignored_guard(&bound, &effect.statements);
    let origin = Origin::Operation {
        name: definition.name,
        batch: batch.is_some(),
    };
    let enums: Arc<[EnumType]> = effect.enums.into();
    let doubt = effect.doubt;
    for statement in effect.statements {
        let mut call = DriverCall::new(origin.clone(), statement);
        call.ignored = ignored;
        call.enums = enums.clone();
        match batch {
            Some(batch) => batch.queue(interp, call),
            None => {
                interp.in_doubt(doubt.as_ref(), |interp| Environment::execute(interp, call))?;
            }
        }
    }
    Ok(effect.value)
}

/// Python's TypeError for more positional arguments than an operation takes: `batch_op.drop_column("t", "c")` with the table's
/// name left in.
fn refuse_surplus(
    interp: &mut Interp,
    definition: &Definition,
    arguments: &Arguments,
    in_batch: bool,
) -> Eval<()> {
    // these took the others by position as well
    let is_newer = match definition.name {
        "add_column"
        | "alter_column"
        | "create_foreign_key"
        | "create_table_comment"
        | "drop_table_comment" => true,
        _ => !in_batch,
    };
    let given = arguments.positional.len();
    if definition.signature.variadic
        || given <= definition.positional
        || is_newer && !since(interp, 1, 11, 0)
    {
        return Ok(());
    }
    // `self` is counted, and in a batch the table is not given
    let own = usize::from(!in_batch);
    let message = format!(
        "{}() takes {} positional arguments but {} were given",
        definition.name,
        definition.positional + own,
        given + own
    );
    Err(interp.error("TypeError", &message))
}

/// An argument that asks for a guard of which none of the statements has anything: this Alembic, or any, ignores it.
fn ignored_guard(bound: &Bound, statements: &[Statement]) -> Option<&'static str> {
    ["if_not_exists", "if_exists"].into_iter().find(|argument| {
        let flag = bound.get(argument).or_else(|| bound.keyword(argument));
        matches!(flag, Some(Value::Bool(true)))
            && !statements.is_empty()
            && !statements.iter().any(Statement::is_guarded)
    })
}

/// `op.execute(sqltext)`: strings go through `text()`.
pub fn execute(interp: &mut Interp, arguments: Arguments, batch: bool) -> Eval<Value> {
    let _ = batch;
    let Some(executable) = arguments
        .positional
        .first()
        .or_else(|| arguments.named("sqltext"))
        .or_else(|| arguments.named("sql"))
        .cloned()
    else {
        let message = "execute() missing 1 required positional argument: 'sqltext'";
        return Err(interp.error("TypeError", message));
    };
    let (executable, origin) = match &executable {
        Value::Str(_) => (bridge::text_clause(interp, &executable)?, Origin::Text),
        other if bridge::text(other).is_some() => (executable, Origin::Text),
        _ => (executable, Origin::Construct),
    };
    bridge::execute(interp, &executable, None, origin)?;
    Ok(Value::None)
}

/// `op.f(name)`.
pub fn f(interp: &mut Interp, arguments: &Arguments) -> Eval<Value> {
    let Some(value) = arguments.get(0, "name").cloned() else {
        return Ok(Value::None);
    };
    Ok(match name_of(interp, &value)? {
        Some(name) => naming::mark_final(interp, &name),
        None => Value::None,
    })
}

fn run_async(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let mut positional = arguments.positional.into_iter();
    let Some(function) = positional.next() else {
        return Ok(Value::None);
    };
    let connection = bridge::bind(interp);
    let rest = Arguments {
        positional: std::iter::once(connection).chain(positional).collect(),
        keyword: arguments.keyword,
        incomplete: arguments.incomplete,
    };
    interp.call(&function, rest)
}

/// The table that an operation names by a parameter, in its schema.
fn table_name(interp: &mut Interp, bound: &Bound, parameter: &str, schema: &str) -> Eval<Name> {
    let name = bound.name(interp, parameter)?.unwrap_or_else(hole);
    let schema = bound.name(interp, schema)?;
    Ok(Name::qualified(schema.as_deref(), name))
}

/// A guard that Alembic has from a version on.
fn guard(interp: &mut Interp, bound: &Bound, parameter: &str) -> Eval<bool> {
    match bound
        .get(parameter)
        .or_else(|| bound.keyword(parameter))
        .cloned()
    {
        Some(flag) => interp.truth(&flag),
        None => Ok(false),
    }
}

fn since(interp: &Interp, major: u16, minor: u16, patch: u16) -> bool {
    interp.host.settings.alembic >= PackageVersion(major, minor, patch)
}

fn sqlalchemy_2(interp: &Interp) -> bool {
    interp.host.settings.sqlalchemy >= PackageVersion(2, 0, 0)
}

#[cfg(test)]
mod tests;
