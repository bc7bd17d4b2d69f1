//! `Computed`, `Identity`, `Sequence`, `DefaultClause`, `FetchedValue`: what gives a column its value.

use std::any::Any;
use std::rc::Rc;

use super::build;
use super::metadata::MetaData;
use crate::alembic::arguments::{hole, int_of, name_of};
use crate::alembic::bridge;
use crate::alembic::environment::{DriverCall, Environment};
use crate::alembic::object::{self, Interp, Object};
use crate::postgres::catalog::QualifiedName;
use crate::postgres::statement::{
    CreateSequence, Drop, DropTarget, Generated as GeneratedColumn, Identity, SequenceOptions,
};
use crate::postgres::{Expr, Name, ObjectKind, Statement};
use crate::python::{Arguments, Eval, HostRef, Value};

/// `Computed(...)` or `Identity(...)`.
#[derive(Debug)]
pub enum Generated {
    /// GENERATED ALWAYS AS (value).
    Computed {
        /// The expression.
        value: Value,
        /// `persisted`.
        persisted: Option<Value>,
    },
    /// GENERATED ... AS IDENTITY.
    Identity {
        /// ALWAYS or BY DEFAULT.
        kind: Identity,
        /// The options of its sequence.
        options: SequenceOptions,
    },
}

/// `Sequence(name, ...)`.
#[derive(Debug)]
pub struct Sequence {
    /// Its name.
    pub name: Name,
    /// Its options.
    pub options: SequenceOptions,
    /// Used only where the database has no serial columns.
    pub optional: bool,
}

/// `DefaultClause(arg)`, `FetchedValue()`.
#[derive(Debug)]
pub struct ServerDefault(pub Option<Value>);

pub(super) fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "Computed" => object::function("Computed", |interp, arguments| {
            let value = arguments
                .get(0, "sqltext")
                .cloned()
                .unwrap_or_else(|| crate::alembic::arguments::unsupported(interp, "Computed"));
            Ok(object::value(Generated::Computed {
                value,
                persisted: arguments.get(1, "persisted").cloned(),
            }))
        }),
        "Identity" => object::function("Identity", |interp, arguments| {
            let always = match arguments.get(2, "always").cloned() {
                Some(flag) => interp.truth(&flag)?,
                None => false,
            };
            Ok(object::value(Generated::Identity {
                kind: if always {
                    Identity::Always
                } else {
                    Identity::ByDefault
                },
                options: options_of(&arguments, 0),
            }))
        }),
        "Sequence" => object::function("Sequence", sequence),
        "DefaultClause" | "ColumnDefault" => object::function("DefaultClause", |_, arguments| {
            Ok(object::value(ServerDefault(
                arguments.get(0, "arg").cloned(),
            )))
        }),
        "FetchedValue" => object::function("FetchedValue", |_, _| {
            Ok(object::value(ServerDefault(None)))
        }),
        _ => return None,
    })
}

/// The options of a sequence; `start` is the argument at `first`, or by its name.
fn options_of(arguments: &Arguments, first: usize) -> SequenceOptions {
    let is_given = |value: &&Value| !matches!(value, Value::None);
    let number = |place: usize, name: &str| arguments.get(place, name).filter(is_given);
    let (start, increment) = (number(first, "start"), number(first + 1, "increment"));
    let others = ["minvalue", "cycle", "cache"];
    let (start_read, increment_read) = (start.and_then(int_of), increment.and_then(int_of));
    SequenceOptions {
        start: start_read,
        increment: increment_read,
        irregular: others.iter().any(|name| arguments.named(name).is_some())
            || start.is_some() != start_read.is_some()
            || increment.is_some() != increment_read.is_some(),
        ..SequenceOptions::default()
    }
}

fn sequence(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let name = match arguments.get(0, "name").cloned() {
        Some(name) => name_of(interp, &name)?.unwrap_or_else(hole),
        None => hole(),
    };
    let mut schema = match arguments.named("schema").cloned() {
        Some(schema) => name_of(interp, &schema)?,
        None => None,
    };
    if schema.is_none()
        && let Some(metadata) = arguments.named("metadata")
    {
        schema = super::metadata_schema(metadata);
    }
    let optional = match arguments.named("optional").cloned() {
        Some(flag) => interp.truth(&flag)?,
        None => false,
    };
    let made = object::value(Sequence {
        name: Name::qualified(schema.as_deref(), name),
        options: options_of(&arguments, 1),
        optional,
    });
    let metadata = arguments
        .named("metadata")
        .and_then(object::get::<MetaData>);
    if let Some(metadata) = metadata {
        metadata.sequences.borrow_mut().push(made.clone());
    }
    Ok(made)
}

impl Generated {
    /// The clause of a computed column.
    pub fn computed(&self, interp: &mut Interp) -> Eval<Option<GeneratedColumn>> {
        let Self::Computed { value, persisted } = self else {
            return Ok(None);
        };
        // SQLAlchemy writes STORED unless `persisted=False`; from 2.1 it leaves the choice to the server
        let stored = match persisted {
            Some(Value::Bool(flag)) => *flag,
            _ => true,
        };
        Ok(Some(GeneratedColumn {
            value: Box::new(build::sql_expression(interp, value)?),
            stored,
        }))
    }
}

impl Sequence {
    /// `sequence.next_value()`.
    pub fn next_value(&self, interp: &mut Interp) -> Eval<Value> {
        let call = Expr::call("nextval", vec![Expr::text(&self.name.to_string())]);
        bridge::expression_value(interp, call)
    }

    /// What `create` or `drop` executes: nothing where `checkfirst` finds it done.
    pub fn statement(&self, interp: &Interp, create: bool, checkfirst: bool) -> Option<Statement> {
        if checkfirst && relation_exists(interp, &self.name) == create {
            return None;
        }
        Some(if create {
            self.create_statement(false)
        } else {
            self.drop_statement(false)
        })
    }

    /// `CREATE SEQUENCE`.
    pub fn create_statement(&self, if_not_exists: bool) -> Statement {
        Statement::CreateSequence(Box::new(CreateSequence {
            name: self.name.clone(),
            if_not_exists,
            temporary: false,
            options: self.options.clone(),
        }))
    }

    /// `DROP SEQUENCE`.
    pub fn drop_statement(&self, if_exists: bool) -> Statement {
        Statement::Drop(Box::new(Drop {
            kind: ObjectKind::Sequence,
            targets: vec![DropTarget {
                name: self.name.clone(),
                member: None,
                arguments: None,
            }],
            if_exists,
            cascade: false,
            concurrently: false,
        }))
    }
}

impl Object for Generated {
    fn type_name(&self) -> &'static str {
        match self {
            Self::Computed { .. } => "Computed",
            Self::Identity { .. } => "Identity",
        }
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

impl Object for ServerDefault {
    fn type_name(&self) -> &'static str {
        "DefaultClause"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "arg").then(|| self.0.clone().unwrap_or(Value::None)))
    }
}

impl Object for Sequence {
    fn type_name(&self) -> &'static str {
        "Sequence"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["create", "drop", "next_value"]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        if method == "next_value" {
            return self.next_value(interp);
        }
        // a sequence's `create` looks first by default, unlike a table's
        let checkfirst = match arguments.get(1, "checkfirst").cloned() {
            Some(flag) => interp.truth(&flag)?,
            None => true,
        };
        let create = method == "create";
        let origin = if create {
            "Sequence.create"
        } else {
            "Sequence.drop"
        };
        if let Some(statement) = self.statement(interp, create, checkfirst) {
            let call = DriverCall::schema(origin, statement, checkfirst);
            Environment::execute(interp, call)?;
        }
        Ok(Value::None)
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "name" => Some(Value::str(self.name.name.as_str())),
            "schema" => Some(
                self.name
                    .schema
                    .as_ref()
                    .map_or(Value::None, |schema| Value::str(schema.as_str())),
            ),
            _ => None,
        })
    }
    fn string(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<Rc<str>>> {
        Ok(Some(self.name.to_string().into()))
    }
}

/// Whether a relation of a name is visible on the connection.
pub fn relation_exists(interp: &Interp, name: &Name) -> bool {
    let session = &interp.host.session;
    let has = |schema: &str| {
        session
            .catalog
            .relations
            .contains_key(&QualifiedName::new(schema, &name.name))
    };
    match &name.schema {
        Some(schema) => has(schema),
        None => has("pg_temp") || session.search_path.iter().any(|schema| has(schema)),
    }
}
