//! `sqlalchemy.event` for tables and MetaData: what a project executes before and behind their making. Listeners of engines, sessions
//! and models do nothing here.

use std::any::Any;

use smol_str::SmolStr;

use super::metadata::MetaData;
use super::{Table, ddl};
use crate::alembic::arguments::name_of;
use crate::alembic::bridge;
use crate::alembic::object::{self, Interp, Object, function};
use crate::python::{Arguments, Eval, HostRef, Value};

/// Listeners by the names of their events, in the order in which they came.
pub(super) type Listeners = std::cell::RefCell<Vec<(SmolStr, Value)>>;

pub(super) fn lookup(module: &str, name: &str) -> Option<Value> {
    if module != "sqlalchemy.event" {
        return None;
    }
    Some(match name {
        "listen" => function("listen", |interp, arguments| {
            if let Some(listener) = arguments.get(2, "fn").cloned() {
                add(interp, &arguments, listener)?;
            }
            Ok(Value::None)
        }),
        "listens_for" => function("listens_for", |_, arguments| {
            Ok(object::value(ListensFor(arguments)))
        }),
        "remove" => function("remove", |_, _| Ok(Value::None)),
        _ => return None,
    })
}

/// `@event.listens_for(target, name)`.
#[derive(Debug)]
struct ListensFor(Arguments);

impl Object for ListensFor {
    fn type_name(&self) -> &'static str {
        "function"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        let listener = arguments.positional.first().cloned().unwrap_or(Value::None);
        add(interp, &self.0, listener.clone())?;
        Ok(listener)
    }
}

fn add(interp: &mut Interp, arguments: &Arguments, listener: Value) -> Eval<()> {
    let Some(target) = arguments.get(0, "target").cloned() else {
        return Ok(());
    };
    let name = match arguments.get(1, "identifier").cloned() {
        Some(name) => name_of(interp, &name)?.unwrap_or_default(),
        None => return Ok(()),
    };
    if let Some(listeners) = listeners_of(&target) {
        listeners.borrow_mut().push((name, listener));
    }
    Ok(())
}

fn listeners_of(target: &Value) -> Option<&Listeners> {
    let of_table = object::get::<Table>(target).map(|table| &table.listeners);
    of_table.or_else(|| object::get::<MetaData>(target).map(|metadata| &metadata.listeners))
}

/// Calls the listeners of an event. `tables`: those of a MetaData that are made or dropped.
pub(super) fn fire(
    interp: &mut Interp,
    target: &Value,
    event: &str,
    tables: Option<&[Value]>,
    checkfirst: bool,
) -> Eval<()> {
    let Some(listeners) = listeners_of(target) else {
        return Ok(());
    };
    let listeners: Vec<Value> = {
        let all = listeners.borrow();
        let wanted = all.iter().filter(|(name, _)| name == event);
        wanted.map(|(_, listener)| listener.clone()).collect()
    };
    for listener in listeners {
        if ddl::execute_for(interp, &listener, target)? {
            continue;
        }
        let connection = bridge::bind(interp);
        let mut keyword = vec![("checkfirst".into(), Value::Bool(checkfirst))];
        if let Some(tables) = tables {
            keyword.push(("tables".into(), Value::list(tables.to_vec())));
        }
        let arguments = Arguments {
            positional: vec![target.clone(), connection],
            keyword,
            incomplete: false,
        };
        interp.call(&listener, arguments)?;
    }
    Ok(())
}
