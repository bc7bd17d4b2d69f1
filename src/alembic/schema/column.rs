//! `sa.Column` and `sa.column`: made of their arguments, asked for their parts.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use smol_str::SmolStr;

use super::constraint::{Constraint, ForeignKey};
use super::{Column, ColumnData};
use crate::alembic::arguments::{hole, name_of};
use crate::alembic::bridge;
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::types::{SqlType, TypeClassObject};
use crate::postgres::Name;
use crate::python::{Arguments, Eval, HostOperator, HostRef, Truth, Value};

pub(super) fn lookup(name: &str) -> Option<Value> {
    Some(match name {
        "Column" => object::function("Column", column),
        "ColumnClause" | "column" => object::function("Column", light_column),
        _ => return None,
    })
}

/// Whether a value may stand for a type.
fn is_type(value: &Value) -> bool {
    match value {
        Value::Host(_) => {
            object::get::<SqlType>(value).is_some()
                || object::get::<TypeClassObject>(value).is_some()
        }
        Value::Class(class) => class.host_base().is_some(),
        Value::Instance(instance) => instance.class.host_base().is_some(),
        Value::Unknown(_) => true,
        _ => false,
    }
}

/// `Column(name, type_, *items, **options)`; name and type may both be left out.
pub fn column(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let mut data = ColumnData::default();
    let mut positional = arguments.positional.into_iter().peekable();
    let count = positional.len();
    match positional.peek() {
        Some(Value::Str(name)) => {
            data.name = SmolStr::new(&name.text);
            positional.next();
        }
        Some(Value::None) => {
            positional.next();
        }
        // an unknown first argument is the name, unless it stands alone
        Some(Value::Unknown(_)) if count > 1 => {
            data.name = hole();
            positional.next();
        }
        Some(Value::Fresh(_)) => {
            data.name = hole();
            positional.next();
        }
        Some(other @ Value::Host(_)) if !is_type(other) && !is_item(other) => {
            let value = other.clone();
            data.name = name_of(interp, &value)?.unwrap_or_else(hole);
            positional.next();
        }
        _ => {}
    }
    if positional.peek().is_some_and(is_type) {
        data.type_ = positional.next();
    }
    if arguments.incomplete && data.type_.is_none() {
        data.type_ = Some(crate::alembic::arguments::unsupported(
            interp,
            "Column(...)",
        ));
    }
    data.items = positional.filter(|value| !value.is_none()).collect();
    for (keyword, value) in arguments.keyword {
        option(interp, &mut data, &keyword, value)?;
    }
    Ok(object::value(Column {
        data: RefCell::new(data),
    }))
}

/// Whether an argument of a column is something else than its type.
pub(super) fn is_item(value: &Value) -> bool {
    object::get::<ForeignKey>(value).is_some()
        || object::get::<Constraint>(value).is_some()
        || object::get::<super::generated::Generated>(value).is_some()
        || object::get::<super::generated::Sequence>(value).is_some()
        || object::get::<super::generated::ServerDefault>(value).is_some()
}

fn option(interp: &mut Interp, data: &mut ColumnData, keyword: &str, value: Value) -> Eval<()> {
    match keyword {
        "name" => data.name = name_of(interp, &value)?.unwrap_or_default(),
        "key" => data.key = name_of(interp, &value)?,
        "type_" => data.type_ = Some(value).filter(|value| !value.is_none()),
        "nullable" => {
            data.nullable = match value {
                Value::None => Some(false),
                value => Some(interp.truth(&value)?),
            }
        }
        "primary_key" => data.primary_key = interp.truth(&value)?,
        "unique" => data.unique = interp.truth(&value)?,
        "index" => data.index = interp.truth(&value)?,
        "autoincrement" => {
            data.autoincrement = match value {
                Value::Str(text) if &*text.text == "auto" => None,
                // "ignore_fk": as if it were asked for
                Value::Str(_) => Some(true),
                Value::Unknown(_) => None,
                value => Some(interp.truth(&value)?),
            }
        }
        "server_default" => data.server_default = Some(value).filter(|value| !value.is_none()),
        "default" => data.default = Some(value).filter(|value| !value.is_none()),
        "comment" => data.comment = Some(value).filter(|value| !value.is_none()),
        _ => {}
    }
    Ok(())
}

/// `column(text, type_=None)`.
fn light_column(interp: &mut Interp, arguments: Arguments) -> Eval<Value> {
    let name = match arguments.get(0, "text").cloned() {
        Some(name) => name_of(interp, &name)?.unwrap_or_else(hole),
        None => hole(),
    };
    let data = ColumnData {
        name,
        type_: arguments
            .get(1, "type_")
            .filter(|value| !value.is_none())
            .cloned(),
        ..ColumnData::default()
    };
    Ok(object::value(Column {
        data: RefCell::new(data),
    }))
}

impl Column {
    /// A column object of data.
    pub fn value(data: ColumnData) -> Value {
        object::value(Self {
            data: RefCell::new(data),
        })
    }

    /// A column of which only the name and the table are known.
    pub fn named(name: &str, table: Option<&Name>) -> Value {
        Self::value(ColumnData {
            name: SmolStr::new(name),
            table: table.cloned(),
            ..ColumnData::default()
        })
    }

    /// The column of a name among some.
    pub fn find<'a>(columns: &'a [Value], name: &str) -> Option<&'a Value> {
        let is_it = |value: &&Value| {
            object::get::<Self>(value).is_some_and(|column| column.data.borrow().name == name)
        };
        columns.iter().find(is_it)
    }
}

impl ColumnData {
    /// What `Column.nullable` says: as given, else whether it is no part of the primary key.
    pub fn is_nullable(&self) -> bool {
        self.nullable.unwrap_or(!self.primary_key)
    }

    /// What SQLAlchemy gives a row without a value for the column: the next number of its sequence, or its default of Python's side.
    pub fn own_default(&self, interp: &mut Interp) -> Eval<Option<Value>> {
        let mut items = self.default.iter().chain(&self.items);
        let sequence = items.find_map(object::get::<super::generated::Sequence>);
        match sequence.filter(|sequence| !sequence.optional) {
            Some(sequence) => sequence.next_value(interp).map(Some),
            None => Ok(self.default.clone().filter(|default| !default.is_none())),
        }
    }
}

impl Object for Column {
    fn type_name(&self) -> &'static str {
        "Column"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["copy", "_copy", "references"]
    }
    fn invoke(&self, interp: &mut Interp, _: &HostRef, method: &str, _: Arguments) -> Eval<Value> {
        if method == "references" {
            return Ok(crate::alembic::arguments::unsupported(
                interp,
                "column.references()",
            ));
        }
        Ok(Self::value(self.data.borrow().clone()))
    }
    fn attribute(&self, interp: &mut Interp, this: &HostRef, name: &str) -> Eval<Option<Value>> {
        let data = self.data.borrow().clone();
        let optional = |value: &Option<Value>| value.clone().unwrap_or(Value::None);
        let found = match name {
            "name" => Value::str(data.name.as_str()),
            "key" => Value::str(data.key.as_ref().unwrap_or(&data.name).as_str()),
            "type" => match &data.type_ {
                Some(type_) if object::get::<TypeClassObject>(type_).is_some() => {
                    interp.call(type_, Arguments::default())?
                }
                Some(type_) => type_.clone(),
                None => crate::alembic::types::instance(interp, "NullType", Arguments::default())?,
            },
            "nullable" => Value::Bool(data.is_nullable()),
            "primary_key" => Value::Bool(data.primary_key),
            "unique" => Value::Bool(data.unique),
            "index" => Value::Bool(data.index),
            "server_default" => optional(&data.server_default),
            "default" => optional(&data.default),
            "comment" => optional(&data.comment),
            "foreign_keys" => Value::list(
                data.items
                    .iter()
                    .filter(|item| object::get::<ForeignKey>(item).is_some())
                    .cloned()
                    .collect(),
            ),
            _ => return bridge::element_attribute(interp, &Value::Host(this.clone()), name),
        };
        Ok(Some(found))
    }
    fn set_attribute(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        name: &str,
        value: Value,
    ) -> Eval<()> {
        let mut data = self.data.borrow().clone();
        match name {
            "type" => data.type_ = Some(value),
            _ => option(interp, &mut data, name, value)?,
        }
        *self.data.borrow_mut() = data;
        Ok(())
    }
    fn operator(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        operator: HostOperator,
        other: &Value,
        reflected: bool,
    ) -> Eval<Option<Value>> {
        bridge::operator(
            interp,
            &Value::Host(this.clone()),
            operator,
            other,
            reflected,
        )
    }
    fn unary(&self, interp: &mut Interp, this: &HostRef, operator: &str) -> Eval<Option<Value>> {
        bridge::unary(interp, &Value::Host(this.clone()), operator)
    }
    fn item(&self, interp: &mut Interp, this: &HostRef, index: &Value) -> Eval<Value> {
        bridge::element_item(interp, &Value::Host(this.clone()), index)
    }
    fn truth(&self, _: &mut Interp, _: &HostRef) -> Eval<Truth> {
        Ok(Truth::Known(true))
    }
    fn string(&self, _: &mut Interp, _: &HostRef) -> Eval<Option<Rc<str>>> {
        let data = self.data.borrow();
        Ok(Some(match &data.table {
            Some(table) => format!("{}.{}", table.name, data.name).into(),
            None => data.name.as_str().into(),
        }))
    }
}
