//! `registry()`, and the decorators that make a class a model or a base of models.

use std::any::Any;

use super::model::Base;
use crate::alembic::object::{self, Interp, Object};
use crate::python::{Arguments, Eval, HostRef, Value};

/// `registry()`.
#[derive(Debug)]
pub(super) struct Registry {
    pub(super) metadata: Value,
}

impl Object for Registry {
    fn type_name(&self) -> &'static str {
        "registry"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "as_declarative_base",
            "configure",
            "dispose",
            "generate_base",
            "mapped",
            "mapped_as_dataclass",
        ]
    }
    fn attribute(&self, _: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok((name == "metadata").then(|| self.metadata.clone()))
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let metadata = self.metadata.clone();
        let decorator = match method {
            "generate_base" => {
                return Ok(object::value(Base::declarative(
                    metadata,
                    arguments.named("cls").cloned(),
                )));
            }
            "mapped" | "mapped_as_dataclass" => object::value(Mapping { metadata }),
            "as_declarative_base" => object::value(AsBase { metadata }),
            _ => return Ok(Value::None),
        };
        match arguments.positional.first() {
            Some(_) => interp.call(&decorator, arguments),
            // `@registry.mapped_as_dataclass(kw_only=True)`
            None => Ok(decorator),
        }
    }
}

/// `as_declarative()`: the decorator of a class that becomes a base.
#[derive(Debug)]
pub(super) struct AsBase {
    pub(super) metadata: Value,
}

impl Object for AsBase {
    fn type_name(&self) -> &'static str {
        "function"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(&self, _: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        Ok(object::value(Base::declarative(
            self.metadata.clone(),
            arguments.positional.first().cloned(),
        )))
    }
}

/// `@registry.mapped`: the decorator of a class that becomes a model by itself.
#[derive(Debug)]
struct Mapping {
    metadata: Value,
}

impl Object for Mapping {
    fn type_name(&self) -> &'static str {
        "function"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        let model = arguments.positional.first().cloned().unwrap_or(Value::None);
        if let Value::Class(class) = &model {
            let base = Base::declarative(self.metadata.clone(), None);
            base.class_defined(interp, class, &[])?;
        }
        Ok(model)
    }
}
