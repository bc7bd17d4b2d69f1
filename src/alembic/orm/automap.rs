//! `automap_base()`: classes made of the tables that reflection finds.

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use smol_str::SmolStr;

use super::columns_of;
use crate::alembic::object::{self, Interp, Object};
use crate::alembic::schema::metadata::MetaData;
use crate::python::value::HostRef;
use crate::python::{Arguments, Class, Eval, Value};
use crate::unknown::Reason;

/// `Base.prepare(autoload_with=engine)`: reads the tables.
pub(super) fn prepare(interp: &mut Interp, metadata: &Value, arguments: &Arguments) -> Eval<()> {
    let schema = arguments.named("schema").cloned();
    let arguments = Arguments {
        keyword: schema
            .map(|schema| (SmolStr::new("schema"), schema))
            .into_iter()
            .collect(),
        ..Arguments::default()
    };
    crate::alembic::reflection::reflect_metadata(interp, metadata, &arguments)
}

/// `Base.classes`.
#[derive(Debug)]
pub(super) struct Classes {
    pub(super) base: HostRef,
    pub(super) metadata: Value,
}

impl Classes {
    /// The class of a table; each has one.
    fn class_of(&self, interp: &mut Interp, name: &str) -> Option<Value> {
        let metadata = object::get::<MetaData>(&self.metadata)?;
        let table = metadata.tables.borrow().get(name).cloned()?;
        let key = format!("automapped class {name} of {:p}", Rc::as_ptr(&self.base.0));
        Some(object::once(interp, &key, || {
            let mut namespace: Vec<(SmolStr, Value)> = columns_of(&table);
            namespace.push(("__table__".into(), table));
            Value::Class(Rc::new(Class {
                name: name.into(),
                bases: vec![Value::Host(self.base.clone())],
                namespace: RefCell::new(namespace.into_iter().collect()),
                site: None,
            }))
        }))
    }
}

impl Object for Classes {
    fn type_name(&self) -> &'static str {
        "Properties"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if let Some(class) = self.class_of(interp, name) {
            return Ok(Some(class));
        }
        let more = object::get::<MetaData>(&self.metadata)
            .is_some_and(|metadata| *metadata.incomplete.borrow());
        Ok(more.then(|| interp.unknown(Reason::Catalog, "an automapped class")))
    }
    fn is_closed(&self) -> bool {
        true
    }
    fn item(&self, interp: &mut Interp, this: &HostRef, index: &Value) -> Eval<Value> {
        let name = index.as_str().unwrap_or_default().to_owned();
        match self.attribute(interp, this, &name)? {
            Some(class) => Ok(class),
            None => Err(interp.error("KeyError", &format!("'{name}'"))),
        }
    }
}
