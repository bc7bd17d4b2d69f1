//! What a mapper puts into a new row by itself: the discriminator of an inheritance and the first version (`__mapper_args__`).

use std::rc::Rc;

use smol_str::SmolStr;

use crate::alembic::literal::text_entries;
use crate::alembic::object;
use crate::alembic::schema::Column;
use crate::postgres::Expr;
use crate::python::{Class, Instance, Value};

/// Gives an object that is about to be inserted what its mapper sets.
pub(super) fn settle(instance: &Rc<Instance>) {
    let discriminator = inherited(&instance.class, "polymorphic_on");
    let identity = own(&instance.class, "polymorphic_identity");
    let version = inherited(&instance.class, "version_id_col");
    let values = [
        discriminator.zip(identity),
        version.map(|column| (column, Value::Int(1))),
    ];
    for (column, value) in values.into_iter().flatten() {
        let Some(name) = attribute(&instance.class, &column) else {
            continue;
        };
        let mut attributes = instance.attributes.borrow_mut();
        if attributes.get(&name).is_none_or(Value::is_none) {
            attributes.insert(name, value);
        }
    }
}

/// What a class's own `__mapper_args__` says.
fn own(class: &Class, name: &str) -> Option<Value> {
    let arguments = class.namespace.borrow().get("__mapper_args__").cloned()?;
    let mut entries = text_entries(&arguments)?.into_iter();
    let (_, value) = entries.find(|(known, _)| &**known == name)?;
    Some(value)
}

/// What a class's `__mapper_args__` says, or that of the class which it inherits from.
fn inherited(class: &Class, name: &str) -> Option<Value> {
    own(class, name).or_else(|| {
        class.bases.iter().find_map(|base| match base {
            Value::Class(base) => inherited(base, name),
            _ => None,
        })
    })
}

/// The attribute that holds a column, given by its name or itself.
fn attribute(class: &Class, column: &Value) -> Option<SmolStr> {
    if let Some(name) = column.as_str() {
        return Some(super::model::attribute_of(class, name));
    }
    let column = object::get::<Column>(column)?;
    let name = column.data.borrow().name.clone();
    Some(super::model::attribute_of(class, &name))
}

/// What a query of a model that shares its table with the one it inherits from is restricted by: rows of its own classes. Which
/// there are is not known.
pub(super) fn criterion(model: &Value) -> Option<Expr> {
    let Value::Class(class) = model else {
        return None;
    };
    let shares = !class.namespace.borrow().contains_key("__table__")
        && super::table_of(model).is_some()
        && inherited(class, "polymorphic_on").is_some();
    shares.then(|| Expr::Unknown(SmolStr::new_static("the classes of a model")))
}
