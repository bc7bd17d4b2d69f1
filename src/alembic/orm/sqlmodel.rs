//! SQLModel: `class Team(SQLModel, table=True)` becomes a Table, from its annotations and what `Field(...)` says.
//!
//! All fields of all bases are columns, those of the bases first, as pydantic orders them. What a type is in SQL is read
//! off `sqlmodel.main.get_sqlalchemy_type`; a type that is not one of Python's own leaves the column's type unknown.

use std::any::Any;
use std::rc::Rc;

use smol_str::SmolStr;

use super::annotated;
use super::make;
use crate::alembic::literal::text_entries;
use crate::alembic::object::{self, Interp, Object, function};
use crate::alembic::schema::Column;
use crate::python::{Arguments, Class, Eval, Value};
use crate::unknown::Reason;

/// Names of the package that SQLAlchemy does not have.
pub(super) fn lookup(interp: &mut Interp, module: &str, name: &str) -> Option<Value> {
    if !module.starts_with("sqlmodel") {
        return None;
    }
    match name {
        // all modules mean one class, whose metadata holds all tables
        "SQLModel" => Some(object::once(interp, "sqlmodel.SQLModel", || {
            super::model::sqlmodel_base()
        })),
        "Field" => Some(function("Field", |_, arguments| {
            Ok(object::value(Field { arguments }))
        })),
        "Relationship" => Some(function("Relationship", |_, _| {
            Ok(object::value(Relationship))
        })),
        _ => None,
    }
}

/// `Field(...)`.
#[derive(Debug)]
struct Field {
    arguments: Arguments,
}

impl Object for Field {
    fn type_name(&self) -> &'static str {
        "FieldInfo"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn attribute(
        &self,
        _: &mut Interp,
        _: &crate::python::HostRef,
        name: &str,
    ) -> Eval<Option<Value>> {
        Ok(self.arguments.named(name).cloned())
    }
}

/// `Relationship(...)`: no column.
#[derive(Debug)]
struct Relationship;

impl Object for Relationship {
    fn type_name(&self) -> &'static str {
        "RelationshipInfo"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
}

/// The name of a model's table where it says none.
pub(super) fn default_name(class: &Class) -> SmolStr {
    class.name.to_lowercase().into()
}

/// Puts the columns of a model's fields where a declarative model has its own: among its attributes.
pub(super) fn add_columns(interp: &mut Interp, class: &Rc<Class>) -> Eval<()> {
    for (name, annotation) in annotated::of_fields(class) {
        if name.starts_with('_') || name == "model_config" {
            continue;
        }
        let value = class.lookup(&name);
        if value.as_ref().is_some_and(is_no_column) {
            continue;
        }
        let Some((mapped, optional)) = annotation.evaluate(interp)? else {
            continue;
        };
        let column = column_of(interp, class, &mapped, optional, value.as_ref())?;
        if let Some(column) = object::get::<Column>(&column) {
            let mut data = column.data.borrow_mut();
            if data.name.is_empty() {
                data.name = name.clone();
            }
        }
        // in the order of the fields, whether a value stood in the class or not
        let mut namespace = class.namespace.borrow_mut();
        namespace.shift_remove(&name);
        namespace.insert(name, column);
    }
    Ok(())
}

fn is_no_column(value: &Value) -> bool {
    object::get::<Relationship>(value).is_some() || matches!(value, Value::Function(_))
}

fn column_of(
    interp: &mut Interp,
    class: &Rc<Class>,
    mapped: &Value,
    optional: bool,
    value: Option<&Value>,
) -> Eval<Value> {
    let none = Arguments::default();
    let field = value.and_then(object::get::<Field>);
    let given = field.map_or(&none, |field| &field.arguments);
    let of = |name: &str| {
        given
            .named(name)
            .filter(|value| !value.is_none() && !is_undefined(value))
            .cloned()
    };
    if let Some(column) = of("sa_column") {
        return Ok(column);
    }
    let type_ = match of("sa_type") {
        Some(type_) => type_,
        None => type_of(interp, class, mapped, given)?,
    };
    let key = match of("primary_key") {
        Some(flag) => interp.truth(&flag)?,
        None => false,
    };
    let mut arguments = Arguments {
        positional: vec![type_],
        ..Arguments::default()
    };
    if let Some(target) = of("foreign_key") {
        let mut reference = Arguments {
            positional: vec![target],
            ..Arguments::default()
        };
        if let Some(action) = of("ondelete") {
            reference.keyword.push(("ondelete".into(), action));
        }
        let reference = make(interp, "sqlalchemy", "ForeignKey", reference)?;
        arguments.positional.push(reference);
    }
    if let Some(more) = of("sa_column_args")
        && let Ok(more) = interp.items(&more)?
    {
        arguments.positional.extend(more);
    }
    let nullable = match of("nullable") {
        Some(flag) => flag,
        None => Value::Bool(!key && optional),
    };
    arguments
        .keyword
        .push(("primary_key".into(), Value::Bool(key)));
    arguments.keyword.push(("nullable".into(), nullable));
    for name in ["index", "unique"] {
        if let Some(flag) = of(name) {
            arguments.keyword.push((name.into(), flag));
        }
    }
    let default = match (field, value) {
        (Some(_), _) => given.positional.first().cloned().or_else(|| of("default")),
        (None, Some(plain)) => Some(plain.clone()),
        (None, None) => None,
    };
    let default = default.or_else(|| of("default_factory"));
    if let Some(default) = default.filter(|value| !matches!(value, Value::None | Value::Ellipsis)) {
        arguments.keyword.push(("default".into(), default));
    }
    if let Some(more) = of("sa_column_kwargs").as_ref().and_then(text_entries) {
        for (name, value) in more {
            arguments.keyword.retain(|(known, _)| known != &*name);
            arguments.keyword.push((SmolStr::new(&*name), value));
        }
    }
    make(interp, "sqlalchemy", "Column", arguments)
}

/// `PydanticUndefined`, `Undefined`: as if nothing was given.
fn is_undefined(value: &Value) -> bool {
    matches!(value, Value::Unknown(unknown) if unknown.what.ends_with("Undefined"))
}

fn type_of(
    interp: &mut Interp,
    class: &Rc<Class>,
    mapped: &Value,
    given: &Arguments,
) -> Eval<Value> {
    let one = |name: &str, value: &Value| (SmolStr::new(name), value.clone());
    let mut arguments = Arguments::default();
    match mapped {
        Value::Builtin("str") => {
            let length = given.named("max_length");
            arguments
                .keyword
                .extend(length.map(|length| one("length", length)));
            return make(interp, "sqlmodel", "AutoString", arguments);
        }
        Value::Builtin("decimal.Decimal") => {
            let digits = given.named("max_digits");
            arguments
                .keyword
                .extend(digits.map(|digits| one("precision", digits)));
            let places = given.named("decimal_places");
            arguments
                .keyword
                .extend(places.map(|places| one("scale", places)));
            return make(interp, "sqlalchemy", "Numeric", arguments);
        }
        Value::Builtin("pathlib.Path") => {
            return make(interp, "sqlmodel", "AutoString", arguments);
        }
        _ => {}
    }
    Ok(match annotated::type_of(interp, class, mapped)? {
        Some(type_) => type_,
        None => interp.unknown(Reason::Unsupported, "the type of a field"),
    })
}
