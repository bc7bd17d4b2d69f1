//! SQLAlchemy's types: classes, instances, variants, and how each is spelled on PostgreSQL.
//!
//! In: a Python value given for a type. Out: a [`TypeName`]; one that can't be known is a hole, so that the table is
//! still made.

pub mod classes;
pub mod enumeration;
mod render;

use std::any::Any;
use std::cell::RefCell;
use std::rc::Rc;

use smol_str::SmolStr;

use super::arguments;
use super::object::{self, Interp, Object};
use crate::postgres::TypeName;
use crate::python::{Arguments, Class, Eval, HostRef, Instance, Truth, Value};
use classes::{Form, TypeClass};
pub use enumeration::Enumeration;
pub use render::{custom_implementation, implementation, type_name, type_text};

/// A type class as a value: `sa.String`.
#[derive(Debug)]
pub struct TypeClassObject(pub &'static TypeClass);

/// A type: `sa.String(50)`.
#[derive(Debug)]
pub struct SqlType {
    /// Its class.
    pub class: &'static TypeClass,
    /// The arguments that it was made with.
    pub arguments: Arguments,
    /// `with_variant`: dialect and type.
    pub variants: Vec<(SmolStr, Value)>,
    /// What makes it an enum, if it is one.
    pub enumeration: Option<Enumeration>,
}

impl SqlType {
    /// An argument by position or name.
    pub fn argument(&self, position: usize, name: &str) -> Option<&Value> {
        self.arguments
            .get(position, name)
            .filter(|value| !value.is_none())
    }
}

/// Looks up the names of this area: type classes, modules that hold them.
pub fn lookup(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if module.starts_with("sqlalchemy.orm") || module.starts_with("sqlalchemy.ext") {
        return None;
    }
    if let Some(class) = classes::find(module, name) {
        return Some(class_value(interp, module, class));
    }
    match name {
        "JSON_VALUE" => None,
        "UUIDType" => classes::find("sqlalchemy_utils", name)
            .map(|class| class_value(interp, "sqlalchemy_utils", class)),
        "AutoString" => {
            classes::find("sqlmodel", name).map(|class| class_value(interp, "sqlmodel", class))
        }
        _ => None,
    }
}

/// One value for each class of a run: `is` and `type(x) is` go by identity.
fn class_value(interp: &mut Interp, module: &str, class: &'static TypeClass) -> Value {
    let package = match module.strip_prefix("sqlalchemy.dialects.") {
        Some(dialect) => dialect.split('.').next().unwrap_or(dialect),
        None => module.split('.').next().unwrap_or(module),
    };
    let key = format!("type class {package}.{}", class.name);
    if let Some(known) = interp.host.memo.get(&key) {
        return known.clone();
    }
    let value = object::value(TypeClassObject(class));
    interp.host.memo.insert(key, value.clone());
    value
}

/// A type made of a class of SQLAlchemy's by name, for reflection: `instance(interp, "VARCHAR", ...)`.
pub fn instance(interp: &mut Interp, class: &str, arguments: Arguments) -> Eval<Value> {
    match classes::find("sqlalchemy.dialects.postgresql", class).or_else(|| classes::generic(class))
    {
        Some(class) => make(interp, class, arguments),
        None => Ok(arguments::unsupported(interp, class)),
    }
}

/// The type object that reflection gives for a type of the catalog, its labels if it is an enum.
pub fn reflected(
    interp: &mut Interp,
    type_name: &TypeName,
    labels: Option<&[SmolStr]>,
) -> Eval<Value> {
    let element = TypeName {
        array: false,
        ..type_name.clone()
    };
    let value = reflected_element(interp, &element, labels)?;
    if !type_name.array {
        return Ok(value);
    }
    let arguments = Arguments {
        positional: vec![value],
        ..Arguments::default()
    };
    instance(interp, "ARRAY", arguments)
}

fn reflected_element(
    interp: &mut Interp,
    type_name: &TypeName,
    labels: Option<&[SmolStr]>,
) -> Eval<Value> {
    if let Some(labels) = labels {
        let arguments = Arguments {
            positional: labels
                .iter()
                .map(|label| Value::str(label.as_str()))
                .collect(),
            keyword: vec![(
                SmolStr::new("name"),
                Value::str(type_name.name.name.as_str()),
            )],
            incomplete: false,
        };
        return instance(interp, "ENUM", arguments);
    }
    let class = match type_name.name.name.as_str() {
        "varchar" => "VARCHAR",
        "bpchar" => "CHAR",
        "text" => "TEXT",
        "int4" | "serial" => "INTEGER",
        "int8" | "bigserial" => "BIGINT",
        "int2" | "smallserial" => "SMALLINT",
        "numeric" => "NUMERIC",
        "float4" => "REAL",
        "float8" => "DOUBLE_PRECISION",
        "bool" => "BOOLEAN",
        "date" => "DATE",
        "timestamp" | "timestamptz" => "TIMESTAMP",
        "time" | "timetz" => "TIME",
        "bit" | "varbit" => "BIT",
        other => {
            let upper = other.to_ascii_uppercase();
            return match classes::POSTGRESQL.iter().find(|class| class.name == upper) {
                Some(class) => make(interp, class, Arguments::default()),
                None => instance(interp, "NullType", Arguments::default()),
            };
        }
    };
    let mut arguments = Arguments {
        positional: type_name
            .modifiers
            .iter()
            .filter_map(|modifier| modifier.parse().ok().map(Value::Int))
            .collect(),
        ..Arguments::default()
    };
    // the server shows a scale with each precision
    if class == "NUMERIC" && arguments.positional.len() == 1 {
        arguments.positional.push(Value::Int(0));
    }
    if matches!(class, "TIMESTAMP" | "TIME") {
        let zoned = type_name.name.name.ends_with("tz");
        arguments.positional.insert(0, Value::Bool(zoned));
    }
    instance(interp, class, arguments)
}

/// A type of a class with arguments.
pub fn make(interp: &mut Interp, class: &'static TypeClass, arguments: Arguments) -> Eval<Value> {
    let enumeration = match class.form {
        Form::Enum(postgres) => Some(Enumeration::new(interp, &arguments, postgres)?),
        _ => None,
    };
    Ok(object::value(SqlType {
        class,
        arguments,
        variants: Vec::new(),
        enumeration,
    }))
}

impl Object for TypeClassObject {
    fn type_name(&self) -> &'static str {
        self.0.name
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        Ok(match name {
            "__name__" | "__qualname__" => Some(Value::str(self.0.name)),
            "__visit_name__" => Some(Value::str(self.0.name.to_ascii_lowercase())),
            // `sa.JSON.NULL`, `postgresql.ARRAY.Comparator`
            _ => {
                let _ = interp;
                None
            }
        })
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        make(interp, self.0, arguments)
    }
    fn is_instance(&self, _: &mut Interp, value: &Value) -> Eval<Truth> {
        let known = match value {
            Value::Unknown(unknown) => return Ok(Truth::Unknown((**unknown).clone())),
            Value::Instance(instance) => instance
                .class
                .host_base()
                .and_then(|base| object::downcast::<TypeClassObject>(&base).map(|base| base.0))
                .is_some_and(|class| class.is_a(self.0.name)),
            other => {
                object::get::<SqlType>(other).is_some_and(|found| found.class.is_a(self.0.name))
            }
        };
        Ok(Truth::Known(known))
    }
    fn instantiate(
        &self,
        interp: &mut Interp,
        class: &Rc<Class>,
        arguments: &Arguments,
    ) -> Eval<Option<Value>> {
        if class.lookup("__init__").is_some() {
            return Ok(None);
        }
        match self.0.form {
            _ if self.0.is_decorator_of(class) && class.lookup("load_dialect_impl").is_none() => {
                // a TypeDecorator gives its arguments to its `impl`
                let Some(implementation) = class.lookup("impl") else {
                    return Ok(None);
                };
                let implementation = match object::get::<TypeClassObject>(&implementation) {
                    Some(class) => make(interp, class.0, arguments.clone())?,
                    None => implementation,
                };
                let instance = Instance {
                    class: class.clone(),
                    attributes: RefCell::default(),
                };
                instance
                    .attributes
                    .borrow_mut()
                    .insert(SmolStr::new("impl"), implementation);
                Ok(Some(Value::Instance(Rc::new(instance))))
            }
            Form::Decorator | Form::UserDefined => Ok(None),
            _ => make(interp, self.0, arguments.clone()).map(Some),
        }
    }
    fn inherited(
        &self,
        _: &mut Interp,
        receiver: &Value,
        _: &Rc<Class>,
        name: &str,
    ) -> Eval<Option<Value>> {
        Ok(match name {
            "with_variant" => Some(object::value(CustomVariant(receiver.clone()))),
            "__init__" => Some(object::function("__init__", |_, _| Ok(Value::None))),
            _ => None,
        })
    }
}

/// `with_variant` of a project's own type: PostgreSQL's variant, else the type itself.
#[derive(Debug)]
struct CustomVariant(Value);

impl Object for CustomVariant {
    fn type_name(&self) -> &'static str {
        "method"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn call(&self, interp: &mut Interp, _: &HostRef, arguments: Arguments) -> Eval<Value> {
        let variant = variant_of(interp, &arguments)?;
        Ok(match variant {
            Some(value) => value,
            None => self.0.clone(),
        })
    }
}

/// The type that `with_variant(type_, *dialects)` gives for PostgreSQL.
fn variant_of(interp: &mut Interp, arguments: &Arguments) -> Eval<Option<Value>> {
    for dialect in arguments.positional.iter().skip(1).chain(
        arguments
            .named("dialect_name")
            .into_iter()
            .chain(arguments.named("dialect")),
    ) {
        let name = arguments::name_of(interp, dialect)?;
        if name.as_deref() == Some("postgresql") {
            return Ok(arguments.get(0, "type_").cloned());
        }
    }
    Ok(None)
}

impl Object for SqlType {
    fn type_name(&self) -> &'static str {
        self.class.name
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        if self.enumeration.is_some() {
            &[
                "with_variant",
                "copy",
                "compile",
                "as_generic",
                "create",
                "drop",
                "dialect_impl",
                "load_dialect_impl",
            ]
        } else {
            &[
                "with_variant",
                "copy",
                "compile",
                "as_generic",
                "dialect_impl",
                "load_dialect_impl",
            ]
        }
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        this: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        match method {
            "with_variant" => {
                let mut variants = self.variants.clone();
                if let Some(variant) = variant_of(interp, &arguments)? {
                    variants.push((SmolStr::new("postgresql"), variant));
                }
                Ok(object::value(SqlType {
                    class: self.class,
                    arguments: self.arguments.clone(),
                    variants,
                    enumeration: self.enumeration.clone(),
                }))
            }
            "compile" if arguments.get(0, "dialect").is_none() => {
                let text = self.string(interp, this)?.unwrap_or_default();
                Ok(Value::str(text))
            }
            "compile" => {
                let type_name = type_name(interp, &Value::Host(this.clone()))?;
                Ok(Value::str(type_text(&type_name)))
            }
            "create" | "drop" => {
                enumeration::create_or_drop(interp, self, method == "create", &arguments)
            }
            _ => Ok(Value::Host(this.clone())),
        }
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        if let Some(enumeration) = &self.enumeration {
            let found = enumeration.attribute(name);
            if found.is_some() {
                return Ok(found);
            }
        }
        let argument = |position, name| {
            self.arguments
                .get(position, name)
                .cloned()
                .unwrap_or(Value::None)
        };
        Ok(match (name, self.class.form) {
            ("__class__", _) => Some(class_value(
                interp,
                match self.class.form {
                    _ if classes::POSTGRESQL
                        .iter()
                        .any(|class| std::ptr::eq(class, self.class)) =>
                    {
                        "sqlalchemy.dialects.postgresql"
                    }
                    _ => "sqlalchemy",
                },
                self.class,
            )),
            ("length", Form::Length(_)) => Some(argument(0, "length")),
            ("precision", Form::Numeric | Form::Float) => Some(argument(0, "precision")),
            ("scale", Form::Numeric) => Some(argument(1, "scale")),
            ("timezone", Form::Zoned(..)) => Some(match argument(0, "timezone") {
                Value::None => Value::Bool(false),
                flag => flag,
            }),
            ("item_type", Form::Array) => Some(argument(0, "item_type")),
            ("as_uuid", Form::Uuid) => Some(Value::Bool(true)),
            ("__visit_name__", _) => Some(Value::str(self.class.name.to_ascii_lowercase())),
            _ => None,
        })
    }
    fn string(&self, interp: &mut Interp, this: &HostRef) -> Eval<Option<Rc<str>>> {
        if let Some(text) = render::default_text(interp, self)? {
            return Ok(Some(text.into()));
        }
        let type_name = type_name(interp, &Value::Host(this.clone()))?;
        Ok(Some(type_text(&type_name).into()))
    }
    fn operator(
        &self,
        _: &mut Interp,
        _: &HostRef,
        _: crate::python::HostOperator,
        _: &Value,
        _: bool,
    ) -> Eval<Option<Value>> {
        Ok(None)
    }
}
