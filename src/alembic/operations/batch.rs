//! `op.batch_alter_table`: operations queued and executed when the block ends, in the order of their calls.
//!
//! On PostgreSQL a batch alters the table in place unless it is told to make it anew.

use std::any::Any;
use std::cell::RefCell;
use std::sync::Arc;

use smol_str::SmolStr;

use super::{call, find};
use crate::alembic::arguments::{hole, name_of, unexpected_keyword};
use crate::alembic::environment::{DriverCall, Environment};
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::{bridge, context};
use crate::postgres::Statement;
use crate::postgres::statement::AlterTableCommand;
use crate::python::{Arguments, Eval, HostRef, Raise, Value};

/// An open batch.
#[derive(Debug)]
pub struct Batch {
    table: SmolStr,
    schema: Option<SmolStr>,
    /// `recreate="always"`: the table is made anew, so that what is there already is no error.
    anew: bool,
    queue: RefCell<Vec<DriverCall>>,
}

impl Batch {
    /// Queues a call, which stands where it is made; the `with` line follows it in its stack.
    pub fn queue(&self, interp: &Interp, mut call: DriverCall) {
        let mut place = Environment::place(interp);
        let position = place.stack.len().min(1);
        for site in bridge::with_sites(interp).into_iter().rev() {
            if !place.stack.contains(&site) {
                place.stack.insert(position, site);
            }
        }
        call.place = Some(place);
        self.queue.borrow_mut().push(call);
    }

    fn flush(&self, interp: &mut Interp) -> Eval<()> {
        let queue = std::mem::take(&mut *self.queue.borrow_mut());
        for call in queue {
            let call = if self.anew { made_anew(call) } else { call };
            Environment::execute(interp, call)?;
        }
        Ok(())
    }
}

/// A statement as it works on a table that is built again: what is there already is replaced.
fn made_anew(mut call: DriverCall) -> DriverCall {
    let statements: Vec<Statement> = call
        .statements
        .iter()
        .cloned()
        .map(|mut statement| {
            match &mut statement {
                Statement::AlterTable(alter) => {
                    let mut commands = Vec::new();
                    for mut command in std::mem::take(&mut alter.commands) {
                        match &mut command {
                            AlterTableCommand::AddColumn { if_not_exists, .. } => {
                                *if_not_exists = true;
                            }
                            AlterTableCommand::AddConstraint(definition) => {
                                if let Some(name) = &definition.name {
                                    commands.push(AlterTableCommand::DropConstraint {
                                        name: name.clone(),
                                        if_exists: true,
                                        cascade: false,
                                    });
                                }
                            }
                            _ => {}
                        }
                        commands.push(command);
                    }
                    alter.commands = commands;
                }
                Statement::CreateIndex(index) => index.if_not_exists = true,
                _ => {}
            }
            statement
        })
        .collect();
    call.statements = Arc::from(statements);
    call
}

/// `op.batch_alter_table(table_name, schema=None, recreate="auto", ...)`.
pub fn batch_alter_table(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let table = match arguments.get(0, "table_name").cloned() {
        Some(name) => name_of(interp, &name)?.unwrap_or_else(hole),
        None => hole(),
    };
    let schema = match arguments.get(1, "schema").cloned() {
        Some(schema) => name_of(interp, &schema)?,
        None => None,
    };
    let recreate = match arguments.get(2, "recreate").cloned() {
        Some(word) => name_of(interp, &word)?,
        None => None,
    };
    match recreate.as_deref() {
        None | Some("auto" | "never" | "always") => {}
        Some(word) if crate::unknown::has_hole(word) => {}
        Some(_) => {
            return Err(interp.error(
                "ValueError",
                "recreate may be one of 'auto', 'always', or 'never'.",
            ));
        }
    }
    Ok(object::value(Batch {
        table,
        schema,
        anew: recreate.as_deref() == Some("always"),
        queue: RefCell::default(),
    }))
}

impl Object for Batch {
    fn type_name(&self) -> &'static str {
        "BatchOperations"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn is_closed(&self) -> bool {
        true
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "add_column",
            "drop_column",
            "alter_column",
            "create_index",
            "drop_index",
            "create_unique_constraint",
            "create_check_constraint",
            "create_foreign_key",
            "create_primary_key",
            "create_exclude_constraint",
            "drop_constraint",
            "create_table_comment",
            "drop_table_comment",
            "execute",
            "get_bind",
            "get_context",
            "f",
            "inline_literal",
            "invoke",
        ]
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        if let Some(found) = super::custom::replaced_in_batch(interp, this, name) {
            return Ok(Some(found));
        }
        Ok(match name {
            "migration_context" => Some(context::migration_context(interp)),
            "impl" => Some(object::value(Target {
                table: self.table.clone(),
                schema: self.schema.clone(),
            })),
            _ if self.methods().contains(&name) || name.starts_with('_') => None,
            // registered by a library or by the project
            _ => Some(super::custom::unknown(interp, name, &Arguments::default())),
        })
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        mut arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "execute" => return super::execute(interp, arguments, true),
            "get_bind" => return Ok(bridge::bind(interp)),
            "get_context" => return Ok(context::migration_context(interp)),
            "f" => return super::f(interp, &arguments),
            "inline_literal" => {
                return Ok(arguments.get(0, "value").cloned().unwrap_or(Value::None));
            }
            "invoke" => return super::custom::invoke(interp, &arguments),
            "drop_constraint" if arguments.named("if_exists").is_some() => {
                return Err(unexpected_keyword(interp, "drop_constraint", "if_exists"));
            }
            _ => {}
        }
        let Some(definition) = find(method) else {
            return Ok(super::custom::unknown(interp, method, &arguments));
        };
        let Some((position, keyword)) = definition.batch else {
            return Ok(super::custom::unknown(interp, method, &arguments));
        };
        let table = Value::str(self.table.as_str());
        if arguments.positional.len() >= position {
            arguments.positional.insert(position, table);
        } else {
            arguments.keyword.push((SmolStr::new(keyword), table));
        }
        if let Some(schema) = &self.schema {
            let keyword = if method == "create_foreign_key" {
                "source_schema"
            } else {
                "schema"
            };
            arguments
                .keyword
                .push((SmolStr::new(keyword), Value::str(schema.as_str())));
        }
        call(interp, definition, arguments, Some(self))
    }
    fn exit(&self, interp: &mut Interp, _: &HostRef, raised: Option<&Raise>) -> Eval<bool> {
        // an exception in the block ends the generator before it executes what is queued
        if raised.is_none() {
            self.flush(interp)?;
        }
        Ok(false)
    }
}

/// `batch_op.impl`: what helpers ask for the table's name.
#[derive(Debug)]
struct Target {
    table: SmolStr,
    schema: Option<SmolStr>,
}

impl Object for Target {
    fn type_name(&self) -> &'static str {
        "BatchOperationsImpl"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "table_name" => Some(Value::str(self.table.as_str())),
            "schema" => Some(
                self.schema
                    .as_ref()
                    .map_or(Value::None, |schema| Value::str(schema.as_str())),
            ),
            "dialect" => Some(context::dialect(interp)),
            _ => None,
        })
    }
}
