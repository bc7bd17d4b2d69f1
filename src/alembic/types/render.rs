//! A type value to its name on PostgreSQL.

use smol_str::SmolStr;

use super::classes::Form;
use super::{SqlType, TypeClassObject};
use crate::alembic::arguments::{hole, int_of, name_of, text_of};
use crate::alembic::object::{self, Interp};
use crate::alembic::{context, exceptions};
use crate::postgres::{Name, TypeName};
use crate::python::{Arguments, Eval, Value};
use crate::sql;

/// The type of which nothing is known.
fn unknown_type() -> TypeName {
    TypeName {
        name: Name::new(hole()),
        modifiers: Vec::new(),
        array: false,
    }
}

/// The type on PostgreSQL that a value stands for: a class, an instance, a type of the project, or unknown.
pub fn type_name(interp: &mut Interp, value: &Value) -> Eval<TypeName> {
    bounded(interp, value, 0)
}

fn bounded(interp: &mut Interp, value: &Value, depth: usize) -> Eval<TypeName> {
    // types of a project may be defined through themselves
    if depth > 16 {
        return Ok(unknown_type());
    }
    let implementation = implementation(interp, value)?;
    if let Some(class) = object::get::<TypeClassObject>(&implementation) {
        let instance = super::make(interp, class.0, Arguments::default())?;
        return match object::get::<SqlType>(&instance) {
            Some(instance) => spelled(interp, instance, depth),
            None => Ok(unknown_type()),
        };
    }
    if let Some(instance) = object::get::<SqlType>(&implementation) {
        return spelled(interp, instance, depth);
    }
    match &implementation {
        Value::Class(_) | Value::Instance(_) => user_defined(interp, &implementation),
        _ => Ok(unknown_type()),
    }
}

/// What a value stands for on PostgreSQL: its variant, the implementation of a decorator.
pub fn implementation(interp: &mut Interp, value: &Value) -> Eval<Value> {
    let mut current = value.clone();
    for _ in 0..16 {
        if let Some(instance) = object::get::<SqlType>(&current) {
            let variant = instance
                .variants
                .iter()
                .find(|(dialect, _)| dialect == "postgresql")
                .map(|(_, variant)| variant.clone());
            match variant {
                Some(variant) => current = variant,
                None => return Ok(current),
            }
            continue;
        }
        match custom_implementation(interp, &current)? {
            Some(next) => current = next,
            None => return Ok(current),
        }
    }
    Ok(current)
}

/// The implementation of a TypeDecorator of the project; `None`: it is no such type.
pub fn custom_implementation(interp: &mut Interp, value: &Value) -> Eval<Option<Value>> {
    let class = match value {
        Value::Class(class) => class.clone(),
        Value::Instance(instance) => instance.class.clone(),
        _ => return Ok(None),
    };
    let Some(base) = class.host_base() else {
        return Ok(None);
    };
    let Some(base) = object::downcast::<TypeClassObject>(&base).map(|base| base.0) else {
        return Ok(None);
    };
    match base.form {
        _ if base.is_decorator_of(&class) => {}
        Form::UserDefined => return Ok(None),
        _ => return super::make(interp, base, Arguments::default()).map(Some),
    }
    if class.lookup("load_dialect_impl").is_some() {
        let receiver = match value {
            Value::Class(_) => interp.call(value, Arguments::default())?,
            other => other.clone(),
        };
        let method = interp.attribute(&receiver, "load_dialect_impl")?;
        let arguments = Arguments {
            positional: vec![context::dialect(interp)],
            ..Arguments::default()
        };
        let found = interp.call(&method, arguments)?;
        if !matches!(found, Value::Unknown(_) | Value::None) {
            return Ok(Some(found));
        }
    }
    let implementation = match interp.attribute_or_none(value, "impl")? {
        Some(found) => Some(found),
        None => class.lookup("impl"),
    };
    Ok(Some(implementation.unwrap_or_else(|| {
        crate::alembic::arguments::unsupported(interp, &class.name)
    })))
}

/// A UserDefinedType: what its `get_col_spec` gives.
fn user_defined(interp: &mut Interp, value: &Value) -> Eval<TypeName> {
    let receiver = match value {
        Value::Class(_) => interp.call(value, Arguments::default())?,
        other => other.clone(),
    };
    let Some(method) = interp.attribute_or_none(&receiver, "get_col_spec")? else {
        return Ok(unknown_type());
    };
    let spelled = interp.call(&method, Arguments::default())?;
    Ok(match &spelled {
        Value::Str(text) => sql::parse_type(&text.text),
        _ => unknown_type(),
    })
}

fn modified(name: &str, modifiers: Vec<SmolStr>) -> TypeName {
    TypeName {
        modifiers,
        ..TypeName::new(name)
    }
}

fn number(value: Option<&Value>) -> Option<SmolStr> {
    match value? {
        Value::Unknown(_) => Some(hole()),
        value => int_of(value).map(|number| SmolStr::new(number.to_string())),
    }
}

fn spelled(interp: &mut Interp, instance: &SqlType, depth: usize) -> Eval<TypeName> {
    Ok(match instance.class.form {
        Form::Name(name) => TypeName::new(name),
        Form::Length(name) => {
            let length = number(instance.argument(0, "length"));
            // a length that Python takes for false is none
            let length = length.filter(|length| length != "0");
            let length = match (length, name) {
                (None, "bpchar") => vec![SmolStr::new("1")],
                (length, _) => length.into_iter().collect(),
            };
            modified(name, length)
        }
        Form::Numeric => {
            let precision = number(instance.argument(0, "precision"));
            let scale = number(instance.argument(1, "scale"));
            match (precision, scale) {
                (None, _) => TypeName::new("numeric"),
                (Some(precision), scale) => {
                    modified("numeric", [precision].into_iter().chain(scale).collect())
                }
            }
        }
        Form::Float => match instance.argument(0, "precision").and_then(int_of) {
            Some(1..=24) => TypeName::new("float4"),
            _ => TypeName::new("float8"),
        },
        Form::Zoned(plain, zoned) => {
            let flag = instance.argument(0, "timezone").cloned();
            let with_zone = match flag {
                Some(flag) => interp.truth(&flag)?,
                None => false,
            };
            let precision = number(instance.argument(1, "precision"));
            modified(
                if with_zone { zoned } else { plain },
                precision.into_iter().collect(),
            )
        }
        Form::Uuid => {
            let native = match instance
                .arguments
                .named("native_uuid")
                .or_else(|| instance.arguments.named("native"))
            {
                Some(flag) => interp.truth(&flag.clone())?,
                None => true,
            };
            if native {
                TypeName::new("uuid")
            } else {
                modified("bpchar", vec![SmolStr::new("32")])
            }
        }
        Form::Bit => {
            let varying = match instance.argument(1, "varying").cloned() {
                Some(flag) => interp.truth(&flag)?,
                None => false,
            };
            let length = number(instance.argument(0, "length"));
            modified(
                if varying { "varbit" } else { "bit" },
                length.into_iter().collect(),
            )
        }
        Form::Array => {
            let element = match instance.argument(0, "item_type").cloned() {
                Some(item) => bounded(interp, &item, depth + 1)?,
                None => unknown_type(),
            };
            TypeName {
                array: true,
                ..element
            }
        }
        Form::Enum(_) => match &instance.enumeration {
            Some(enumeration) => enumeration.type_name(interp)?,
            None => unknown_type(),
        },
        Form::Domain => {
            let name = match instance.argument(0, "name").cloned() {
                Some(name) => name_of(interp, &name)?.unwrap_or_else(hole),
                None => hole(),
            };
            let schema = match instance.arguments.named("schema").cloned() {
                Some(schema) => name_of(interp, &schema)?,
                None => None,
            };
            TypeName {
                name: Name::qualified(schema.as_deref(), name),
                modifiers: Vec::new(),
                array: false,
            }
        }
        Form::Spatial(name) => spatial(interp, instance, name)?,
        Form::Vector(name) => modified(
            name,
            number(instance.argument(0, "dim")).into_iter().collect(),
        ),
        Form::Foreign => {
            let message = format!(
                "Compiler can't render element of type {}",
                instance.class.name
            );
            return Err(exceptions::raise(
                interp,
                "UnsupportedCompilationError",
                &message,
            ));
        }
        Form::Decorator => match instance.argument(0, "impl").cloned() {
            Some(implementation) => bounded(interp, &implementation, depth + 1)?,
            None => unknown_type(),
        },
        Form::UserDefined | Form::Null | Form::Abstract | Form::Unknown => unknown_type(),
    })
}

fn spatial(interp: &mut Interp, instance: &SqlType, name: &str) -> Eval<TypeName> {
    let kind = match instance.arguments.get(0, "geometry_type").cloned() {
        Some(kind) => name_of(interp, &kind)?,
        None => Some(SmolStr::new("GEOMETRY")),
    };
    let Some(kind) = kind else {
        return Ok(TypeName::new(name));
    };
    let srid = match instance.arguments.get(1, "srid") {
        Some(srid) => number(Some(srid)).unwrap_or_else(hole),
        None => SmolStr::new("-1"),
    };
    Ok(modified(name, vec![kind, srid]))
}

/// A type as `str()` shows it, which asks no dialect: `VARCHAR(50)`, `TIMESTAMP` with a time zone or without, an enum as the
/// VARCHAR that holds its labels. Asked of SQLAlchemy 2.0.
pub(super) fn default_text(interp: &mut Interp, sql_type: &SqlType) -> Eval<Option<String>> {
    if let Some(enumeration) = &sql_type.enumeration {
        let longest = enumeration
            .labels
            .iter()
            .map(|label| label.chars().count())
            .max();
        let longest = i64::try_from(longest.unwrap_or(0)).unwrap_or(0);
        return Ok(Some(format!(
            "VARCHAR({})",
            enumeration.length.unwrap_or(longest)
        )));
    }
    let class = sql_type.class;
    let is_known = [super::classes::GENERIC, super::classes::POSTGRESQL]
        .iter()
        .any(|known| known.iter().any(|known| std::ptr::eq(known, class)));
    if !is_known
        || matches!(
            class.form,
            Form::Decorator | Form::UserDefined | Form::Abstract
        )
    {
        return Ok(None);
    }
    let name = match class.name {
        "String" | "Unicode" => "VARCHAR",
        "Text" | "UnicodeText" => "TEXT",
        "BigInteger" => "BIGINT",
        "SmallInteger" => "SMALLINT",
        "DateTime" | "Interval" => "DATETIME",
        "LargeBinary" | "PickleType" => "BLOB",
        "Uuid" => "CHAR(32)",
        "DOUBLE_PRECISION" => "DOUBLE PRECISION",
        "NullType" => "NULL",
        other => other,
    };
    let mut arguments = Vec::new();
    let with_length = class.is_a("String") || class.name.ends_with("BINARY");
    let shown: &[(usize, &str)] = match class.form {
        Form::Numeric => &[(0, "precision"), (1, "scale")],
        _ if with_length => &[(0, "length")],
        _ => &[],
    };
    for (position, name) in shown {
        // a scale without a precision is not shown
        match sql_type.argument(*position, name).cloned() {
            Some(value) => arguments.push(text_of(interp, Some(&value))?),
            None => break,
        }
    }
    let mut text = name.to_ascii_uppercase();
    if !arguments.is_empty() {
        text = format!("{text}({})", arguments.join(", "));
    }
    if with_length && let Some(collation) = sql_type.argument(1, "collation").cloned() {
        text = format!("{text} COLLATE \"{}\"", text_of(interp, Some(&collation))?);
    }
    Ok(Some(text))
}

/// A type as SQLAlchemy's PostgreSQL dialect shows it: `TIMESTAMP WITHOUT TIME ZONE`.
pub fn type_text(type_name: &TypeName) -> String {
    let mut modifiers = if type_name.modifiers.is_empty() {
        String::new()
    } else {
        format!("({})", type_name.modifiers.join(", "))
    };
    let name = match type_name.name.name.as_str() {
        "varchar" => "VARCHAR",
        "bpchar" => "CHAR",
        "int4" => "INTEGER",
        "int8" => "BIGINT",
        "int2" => "SMALLINT",
        "float4" => "REAL",
        "float8" => "DOUBLE PRECISION",
        "bool" => "BOOLEAN",
        zoned @ ("timestamp" | "timestamptz" | "time" | "timetz") => {
            let base = if zoned.starts_with("timestamp") {
                "TIMESTAMP"
            } else {
                "TIME"
            };
            let with = if zoned.ends_with("tz") {
                "WITH"
            } else {
                "WITHOUT"
            };
            modifiers = format!("{modifiers} {with} TIME ZONE");
            base
        }
        other => {
            let text = if type_name.name.schema.is_none() && is_builtin(other) {
                other.to_ascii_uppercase()
            } else {
                type_name.name.to_string()
            };
            return format!("{text}{modifiers}{}", brackets(type_name));
        }
    };
    format!("{name}{modifiers}{}", brackets(type_name))
}

fn brackets(type_name: &TypeName) -> &'static str {
    if type_name.array { "[]" } else { "" }
}

fn is_builtin(name: &str) -> bool {
    super::classes::GENERIC
        .iter()
        .chain(super::classes::POSTGRESQL)
        .any(|class| class.name.eq_ignore_ascii_case(name))
}
