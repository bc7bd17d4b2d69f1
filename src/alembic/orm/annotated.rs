//! Columns from annotations: `id: Mapped[int]`, `note: Mapped[str | None] = mapped_column(...)`.

use std::rc::Rc;

use indexmap::IndexMap;
use smol_str::SmolStr;

use super::make;
use crate::alembic::object::{self, Interp};
use crate::alembic::schema::Column;
use crate::alembic::schema::constraint::ForeignKey;
use crate::python::interpreter::LazyAnnotation;
use crate::python::{Arguments, Class, Eval, Key, Value};
use crate::unknown::Reason;

/// What `Mapped[...]` says of an attribute.
pub(super) struct Annotation {
    /// The type, as `type_annotation_map` may have it.
    mapped: Value,
    /// The type that `Annotated[...]` is about, and the column in it.
    annotated: Option<(Value, Option<Value>)>,
    optional: bool,
}

impl Annotation {
    fn new(mapped: &Value, optional: bool) -> Self {
        Self {
            annotated: parts_of(mapped),
            mapped: mapped.clone(),
            optional,
        }
    }

    fn column(&self) -> Option<&Value> {
        self.annotated.as_ref()?.1.as_ref()
    }

    fn type_of(&self, interp: &mut Interp, class: &Rc<Class>) -> Eval<Option<Value>> {
        if let Some(found) = type_of(interp, class, &self.mapped)? {
            return Ok(Some(found));
        }
        match &self.annotated {
            Some((inner, _)) => type_of(interp, class, inner),
            None => Ok(None),
        }
    }
}

/// The type that `Annotated[type, mapped_column(...)]` is about, and its column.
fn parts_of(mapped: &Value) -> Option<(Value, Option<Value>)> {
    let Value::Instance(instance) = mapped else {
        return None;
    };
    let attributes = instance.attributes.borrow();
    let Some(Value::Tuple(metadata)) = attributes.get("__metadata__") else {
        return None;
    };
    let column = metadata
        .iter()
        .find(|value| object::get::<Column>(value).is_some());
    Some((attributes.get("__origin__")?.clone(), column.cloned()))
}

/// The annotations of a class and those of its bases that are no models: its own win.
pub(super) fn of_class(class: &Class) -> IndexMap<SmolStr, Annotation> {
    let mut found = IndexMap::new();
    collect(class, &mut found);
    found
}

/// The annotated attributes of a class and its bases, those of the bases first.
pub(super) fn of_fields(class: &Class) -> IndexMap<SmolStr, LazyAnnotation> {
    let mut found = IndexMap::new();
    collect_fields(class, &mut found);
    found
}

fn collect_fields(class: &Class, into: &mut IndexMap<SmolStr, LazyAnnotation>) {
    for base in class.bases.iter().rev() {
        if let Value::Class(base) = base {
            collect_fields(base, into);
        }
    }
    let Some(Value::Dict(own)) = class.namespace.borrow().get("__annotations__").cloned() else {
        return;
    };
    for (name, value) in own.borrow().iter() {
        if let (Key::Str(name), Value::Host(host)) = (name, value)
            && let Some(annotation) = host.downcast::<LazyAnnotation>()
        {
            into.insert(SmolStr::new(name), annotation.clone());
        }
    }
}

fn collect(class: &Class, into: &mut IndexMap<SmolStr, Annotation>) {
    for base in &class.bases {
        // what a model is annotated with is a column of its own table
        if let Value::Class(base) = base
            && !super::model::is_mapped(base)
        {
            collect(base, into);
        }
    }
    let Some(Value::Dict(own)) = class.namespace.borrow().get("__annotations__").cloned() else {
        return;
    };
    for (name, value) in own.borrow().iter() {
        if let (Key::Str(name), Value::Tuple(parts)) = (name, value)
            && let [mapped, Value::Bool(optional)] = &**parts
        {
            let annotation = Annotation::new(mapped, *optional);
            into.insert(SmolStr::new(name), annotation);
        }
    }
}

/// The column of an attribute that is annotated and has no value; relationships always have one.
pub(super) fn bare_column(
    interp: &mut Interp,
    class: &Rc<Class>,
    annotation: &Annotation,
) -> Eval<Value> {
    if let Some(column) = annotation.column().and_then(object::get::<Column>) {
        let data = column.data.borrow().clone();
        return Ok(object::value(Column {
            data: std::cell::RefCell::new(data),
        }));
    }
    let column = make(interp, "sqlalchemy", "Column", Arguments::default())?;
    if type_class(&annotation.mapped).is_none()
        && let Some(column) = object::get::<Column>(&column)
    {
        // of `type_annotation_map`, or of what that does not hold
        let mapped = annotation.type_of(interp, class)?;
        let type_ = match mapped {
            Some(type_) => type_,
            None => interp.unknown(Reason::Unsupported, "the type of a Mapped[] attribute"),
        };
        column.data.borrow_mut().type_ = Some(type_);
    }
    Ok(column)
}

/// The annotated names of a class itself, in their order.
pub(super) fn own_names(class: &Class) -> Vec<SmolStr> {
    let Some(Value::Dict(own)) = class.namespace.borrow().get("__annotations__").cloned() else {
        return Vec::new();
    };
    let own = own.borrow();
    let names = own.keys().filter_map(|key| match key {
        Key::Str(name) => Some(SmolStr::new(name)),
        _ => None,
    });
    names.collect()
}

/// Gives a column the type and the NOT NULL that its annotation says, where it says none itself.
pub(super) fn fill_in(
    interp: &mut Interp,
    class: &Rc<Class>,
    column: &Value,
    annotation: &Annotation,
) -> Eval<()> {
    let Some(column) = object::get::<Column>(column) else {
        return Ok(());
    };
    let lacks_type = column.data.borrow().type_.is_none();
    // a foreign key gives its column the type of the one that it refers to
    if let Some(given) = annotation.column().and_then(object::get::<Column>) {
        let given = given.data.borrow().clone();
        let mut data = column.data.borrow_mut();
        data.take_from(given);
    }
    let lacks_type = lacks_type && {
        let data = column.data.borrow();
        let mut items = data.items.iter();
        data.type_.is_none() && !items.any(|item| object::get::<ForeignKey>(item).is_some())
    };
    let type_ = if lacks_type {
        annotation.type_of(interp, class)?
    } else {
        None
    };
    let mut data = column.data.borrow_mut();
    if lacks_type {
        data.type_ = type_;
    }
    if data.nullable.is_none() && !data.primary_key {
        data.nullable = Some(annotation.optional);
    }
    Ok(())
}

/// SQLAlchemy's type for one of Python's (`sqltypes._type_map`).
fn type_class(mapped: &Value) -> Option<&'static str> {
    let Value::Builtin(name) = mapped else {
        return match mapped {
            Value::Class(class) if class.is_subclass_of("Enum") => Some("Enum"),
            _ => None,
        };
    };
    Some(match *name {
        "int" => "Integer",
        "str" => "String",
        "bool" => "Boolean",
        "float" => "Float",
        "bytes" => "LargeBinary",
        "datetime.datetime" => "DateTime",
        "datetime.date" => "Date",
        "datetime.time" => "Time",
        "datetime.timedelta" => "Interval",
        "decimal.Decimal" => "Numeric",
        "uuid.UUID" => "Uuid",
        _ => return None,
    })
}

pub(super) fn type_of(
    interp: &mut Interp,
    class: &Rc<Class>,
    mapped: &Value,
) -> Eval<Option<Value>> {
    if let Some(Value::Dict(own)) = class.lookup("type_annotation_map") {
        let key = interp.key(mapped)?;
        if let Some(type_) = own.borrow().get(&key) {
            return Ok(Some(type_.clone()));
        }
    }
    let Some(name) = type_class(mapped) else {
        return Ok(None);
    };
    let arguments = Arguments {
        positional: if name == "Enum" {
            vec![mapped.clone()]
        } else {
            Vec::new()
        },
        ..Arguments::default()
    };
    make(interp, "sqlalchemy", name, arguments).map(Some)
}
