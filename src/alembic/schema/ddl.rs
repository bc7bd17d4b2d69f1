//! DDL elements as executables: `CreateTable`, `CreateSchema`, `AddConstraint`, `DropIndex`, `DDL("...")` and the like.

use std::any::Any;
use std::cell::Cell;

use smol_str::SmolStr;

use super::build::{self, Creation};
use super::constraint::{self, Constraint};
use super::generated::Sequence;
use super::index::Index;
use super::metadata::alter;
use super::{Table, table};
use crate::alembic::arguments::{hole, name_of, texts_of};
use crate::alembic::environment::{DriverCall, Environment};
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::types::SqlType;
use crate::alembic::types::enumeration::TableCreation;
use crate::postgres::statement::{AlterTableCommand, Drop, DropTarget};
use crate::postgres::{Name, ObjectKind, Statement};
use crate::python::{Arguments, Eval, HostRef, Key, Value};
use crate::trace::Origin;

/// A DDL element.
#[derive(Debug)]
pub struct Ddl {
    name: &'static str,
    arguments: Arguments,
    /// `execute_if(...)`: when an event executes it.
    condition: Option<Arguments>,
}

const NAMES: &[&str] = &[
    "CreateTable",
    "DropTable",
    "CreateSchema",
    "DropSchema",
    "CreateIndex",
    "DropIndex",
    "CreateSequence",
    "DropSequence",
    "AddConstraint",
    "DropConstraint",
    "SetTableComment",
    "DropTableComment",
    "SetColumnComment",
    "DropColumnComment",
    "CreateEnumType",
    "DropEnumType",
    "DDL",
];

pub(super) fn lookup(name: &str) -> Option<Value> {
    let name = NAMES.iter().find(|known| **known == name)?;
    Some(object::value(DdlClass(name)))
}

/// A class of DDL elements.
#[derive(Debug)]
struct DdlClass(&'static str);

impl Object for DdlClass {
    fn type_name(&self) -> &'static str {
        self.0
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(
        &self,
        _: &mut Interp,
        _: &crate::python::HostRef,
        arguments: Arguments,
    ) -> Eval<Value> {
        Ok(object::value(Ddl {
            name: self.0,
            arguments,
            condition: None,
        }))
    }
}

impl Object for Ddl {
    fn type_name(&self) -> &'static str {
        self.name
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["execute_if", "against"]
    }
    fn invoke(
        &self,
        _: &mut Interp,
        this: &crate::python::HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        if method == "execute_if" {
            return Ok(object::value(Ddl {
                name: self.name,
                arguments: self.arguments.clone(),
                condition: Some(arguments),
            }));
        }
        Ok(Value::Host(this.clone()))
    }
}

/// `index.ddl_if(...)`, `constraint.ddl_if(...)`: notes whether it is for other dialects alone, and gives it back.
pub(super) fn ddl_if(
    interp: &mut Interp,
    this: &HostRef,
    condition: &Arguments,
    elsewhere: &Cell<bool>,
) -> Eval<Value> {
    elsewhere.set(!names_postgresql(interp, condition)?);
    Ok(Value::Host(this.clone()))
}

/// Whether the `dialect` of an `execute_if()` or a `ddl_if()` leaves PostgreSQL in.
fn names_postgresql(interp: &mut Interp, condition: &Arguments) -> Eval<bool> {
    let dialects = match condition.get(0, "dialect").cloned() {
        None | Some(Value::None) => return Ok(true),
        Some(Value::Str(one)) => vec![one.text.to_string()],
        Some(several) => texts_of(interp, &several)?.unwrap_or_default(),
    };
    Ok(dialects.iter().any(|dialect| dialect == "postgresql"))
}

/// Executes a DDL element for the table or MetaData whose event it listens to; false: the value is none.
pub fn execute_for(interp: &mut Interp, value: &Value, target: &Value) -> Eval<bool> {
    let Some(element) = object::get::<Ddl>(value) else {
        return Ok(false);
    };
    if !element.applies(interp)? {
        return Ok(true);
    }
    let calls = if element.name == "DDL" {
        let context = element.arguments.get(1, "context").cloned();
        let names = names_of(target);
        text_call(interp, &element.subject(), context.as_ref(), &names)?
    } else {
        element.calls(interp)?
    };
    for call in calls {
        Environment::execute(interp, call)?;
    }
    Ok(true)
}

/// What `%(table)s` and its like stand for.
fn names_of(target: &Value) -> Vec<(&'static str, String)> {
    let Some(table) = object::get::<Table>(target) else {
        return Vec::new();
    };
    let name = table.data.borrow().name.clone();
    let schema = name.schema.as_ref().map(ToString::to_string);
    vec![
        ("table", name.name.to_string()),
        ("schema", schema.unwrap_or_default()),
        ("fullname", name.to_string()),
    ]
}

/// The driver calls of a DDL element; `None`: the value is none.
pub fn ddl_statements(interp: &mut Interp, value: &Value) -> Option<Eval<Vec<DriverCall>>> {
    let element = object::get::<Ddl>(value)?;
    Some(element.calls(interp))
}

impl Ddl {
    fn flag(&self, interp: &mut Interp, name: &str) -> Eval<bool> {
        match self.arguments.named(name).cloned() {
            Some(flag) => interp.truth(&flag),
            None => Ok(false),
        }
    }

    fn subject(&self) -> Value {
        self.arguments
            .positional
            .first()
            .or_else(|| self.arguments.named("element"))
            .or_else(|| self.arguments.named("name"))
            .or_else(|| self.arguments.named("statement"))
            .cloned()
            .unwrap_or(Value::None)
    }

    /// Whether an event executes it on PostgreSQL.
    fn applies(&self, interp: &mut Interp) -> Eval<bool> {
        let Some(condition) = &self.condition else {
            return Ok(true);
        };
        if condition
            .get(1, "callable_")
            .is_some_and(|callable| !callable.is_none())
        {
            let site = interp.frames().last().map(|frame| frame.site);
            let what = "DDL that a function decides about: it may be executed or not".to_owned();
            interp.host.note_gap(site, what);
            interp.host.session.catalog.open = true;
            return Ok(false);
        }
        names_postgresql(interp, condition)
    }

    fn calls(&self, interp: &mut Interp) -> Eval<Vec<DriverCall>> {
        let subject = self.subject();
        if self.name == "DDL" {
            let context = self.arguments.get(1, "context").cloned();
            return text_call(interp, &subject, context.as_ref(), &[]);
        }
        // SQLAlchemy 1.4 knows `if_not_exists` for tables and indexes only
        let old = interp.host.settings.sqlalchemy < crate::config::PackageVersion(2, 0, 0);
        let guarded = !old
            || matches!(
                self.name,
                "CreateTable" | "DropTable" | "CreateIndex" | "DropIndex"
            );
        let if_not_exists = guarded && self.flag(interp, "if_not_exists")?;
        let if_exists = guarded && self.flag(interp, "if_exists")?;
        let statement = match self.name {
            "CreateSchema" => Statement::CreateSchema {
                name: name_of(interp, &subject)?.unwrap_or_else(hole),
                if_not_exists,
                elements: Vec::new(),
            },
            "DropSchema" => {
                let name = name_of(interp, &subject)?.unwrap_or_else(hole);
                let cascade = self.flag(interp, "cascade")?;
                Statement::Drop(Box::new(Drop {
                    kind: ObjectKind::Schema,
                    targets: vec![DropTarget {
                        name: Name::new(name),
                        member: None,
                        arguments: None,
                    }],
                    if_exists,
                    cascade,
                    concurrently: false,
                }))
            }
            _ => match self.of_object(interp, &subject, if_not_exists, if_exists)? {
                Some(statement) => statement,
                None => Statement::Unreadable {
                    why: format!("{} of an object that is not known", self.name).into(),
                    data: false,
                },
            },
        };
        Ok(vec![DriverCall::new(Origin::Construct, statement)])
    }

    fn of_object(
        &self,
        interp: &mut Interp,
        subject: &Value,
        if_not_exists: bool,
        if_exists: bool,
    ) -> Eval<Option<Statement>> {
        if let Some(found) = object::get::<Table>(subject) {
            let data = found.data.borrow().clone();
            return Ok(Some(match self.name {
                "CreateTable" => {
                    let convention = table::convention_of(&data);
                    let shape = build::table_shape(interp, &data)?;
                    let creation = Creation {
                        by: TableCreation::Operation,
                        if_not_exists,
                        convention: convention.as_ref(),
                        without_keys: false,
                        keywords: &[],
                    };
                    build::table_statement(interp, &data, &shape, &creation)?
                }
                "DropTable" => table::drop_statement(&data.name, if_exists),
                "SetTableComment" => {
                    let comment = data.comment.clone().unwrap_or(Value::None);
                    build::comment_statement(interp, &data.name, None, &comment)?
                }
                _ => build::comment_statement(interp, &data.name, None, &Value::None)?,
            }));
        }
        if let Some(column) = build::column_data(subject) {
            let table = column.table.clone().unwrap_or_else(|| Name::new(hole()));
            let comment = column
                .comment
                .clone()
                .filter(|_| self.name == "SetColumnComment")
                .unwrap_or(Value::None);
            return build::comment_statement(interp, &table, Some(column.name), &comment).map(Some);
        }
        if let Some(index) = object::get::<Index>(subject) {
            let data = index.data.borrow().clone();
            let table = data.table.clone().unwrap_or_else(|| Name::new(hole()));
            return match self.name {
                "CreateIndex" => data.create_statement(interp, &table, if_not_exists, None),
                _ => data.drop_statement(interp, Some(&table), if_exists, None),
            }
            .map(Some);
        }
        if let Some(sequence) = object::get::<Sequence>(subject) {
            return Ok(Some(match self.name {
                "CreateSequence" => sequence.create_statement(if_not_exists),
                _ => sequence.drop_statement(if_exists),
            }));
        }
        if let Some(found) = object::get::<Constraint>(subject) {
            let data = found.data.borrow().clone();
            let table = data.table.clone().unwrap_or_else(|| Name::new(hole()));
            let command = if self.name == "AddConstraint" {
                AlterTableCommand::AddConstraint(Box::new(constraint::definition(
                    interp,
                    &data,
                    Some(&table),
                    None,
                )?))
            } else {
                let name: SmolStr =
                    constraint::final_name(interp, &data, Some(&table), None)?.unwrap_or_else(hole);
                let cascade = self.flag(interp, "cascade")?;
                AlterTableCommand::DropConstraint {
                    name,
                    if_exists,
                    cascade,
                }
            };
            return Ok(Some(alter(&table, command)));
        }
        if let Some(type_) = object::get::<SqlType>(subject)
            && let Some(enumeration) = type_.enumeration.clone()
        {
            return match self.name {
                "CreateEnumType" => enumeration.create_statement(interp),
                _ => enumeration.drop_statement(interp),
            }
            .map(Some);
        }
        Ok(None)
    }
}

/// `DDL("...", context)`: a text in which `%%` is a percent sign and `%(key)s` a part that the context gives.
fn text_call(
    interp: &mut Interp,
    subject: &Value,
    context: Option<&Value>,
    names: &[(&str, String)],
) -> Eval<Vec<DriverCall>> {
    let mut text = name_of(interp, subject)?.unwrap_or_else(hole).to_string();
    for (name, value) in names {
        text = text.replace(&format!("%({name})s"), value);
    }
    if let Some(Value::Dict(entries)) = context {
        let entries: Vec<(Key, Value)> = entries
            .borrow()
            .iter()
            .map(|(key, value)| (key.clone(), value.clone()))
            .collect();
        for (key, value) in entries {
            if let Key::Str(key) = key {
                let value = interp.string(&value)?;
                text = text.replace(&format!("%({key})s"), &value);
            }
        }
    }
    Ok(vec![DriverCall {
        literal: match subject {
            Value::Str(text) => text.literal,
            _ => None,
        },
        ..DriverCall::of_text(Origin::Text, &text.replace("%%", "%"))
    }])
}
