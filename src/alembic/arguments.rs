//! Arguments of modelled functions: bound to names as Python binds them, and read as names, flags and lists.
//!
//! What can't be known becomes a hole in a name or an unknown value, never a missing argument.

use smol_str::SmolStr;

use super::object::Interp;
use crate::python::{Arguments, Eval, Value};
use crate::unknown::{self, Reason, Unknown, Usual};

/// How a function is called.
pub struct Signature {
    /// Its name in messages.
    pub name: &'static str,
    /// Parameters in order, keyword-only ones too: older versions of Alembic took those by position.
    pub parameters: &'static [&'static str],
    /// How many of them have no default.
    pub required: usize,
    /// Has `*args`: `parameters` past `required` are then keyword-only.
    pub variadic: bool,
    /// Has `**kwargs`.
    pub keywords: bool,
}

/// Arguments bound to a [`Signature`].
#[derive(Clone, Debug, Default)]
pub struct Bound {
    values: Vec<(&'static str, Value)>,
    /// `*args`.
    pub rest: Vec<Value>,
    /// `**kwargs`.
    pub keywords: Vec<(SmolStr, Value)>,
    /// Arguments came from an unknown `*args` or `**kwargs`.
    pub incomplete: bool,
}

impl Bound {
    /// A parameter, if it was given.
    pub fn given(&self, name: &str) -> Option<&Value> {
        self.values
            .iter()
            .find(|(known, _)| *known == name)
            .map(|(_, value)| value)
    }

    /// A parameter that was given and is not `None`.
    pub fn get(&self, name: &str) -> Option<&Value> {
        self.given(name).filter(|value| !value.is_none())
    }

    /// A keyword of `**kwargs` that is not `None`.
    pub fn keyword(&self, name: &str) -> Option<&Value> {
        self.keywords
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
            .filter(|value| !value.is_none())
    }

    /// The name that a parameter holds.
    pub fn name(&self, interp: &mut Interp, parameter: &str) -> Eval<Option<SmolStr>> {
        match self.given(parameter) {
            Some(value) => name_of(interp, value),
            None => Ok(None),
        }
    }

    /// The name of a required parameter: a hole where it is `None` or was not given.
    pub fn required_name(&self, interp: &mut Interp, parameter: &str) -> Eval<SmolStr> {
        Ok(self.name(interp, parameter)?.unwrap_or_else(hole))
    }

    /// Whether a parameter is true; absent is false.
    pub fn flag(&self, interp: &mut Interp, parameter: &str) -> Eval<bool> {
        match self.get(parameter).cloned() {
            Some(value) => interp.truth(&value),
            None => Ok(false),
        }
    }
}

/// Binds arguments as Python does, with its TypeErrors.
pub fn bind(interp: &mut Interp, signature: &Signature, arguments: Arguments) -> Eval<Bound> {
    let mut bound = Bound {
        incomplete: arguments.incomplete,
        ..Bound::default()
    };
    let positional = if signature.variadic {
        signature.required
    } else {
        signature.parameters.len()
    };
    for (index, value) in arguments.positional.into_iter().enumerate() {
        match signature.parameters.get(index) {
            Some(name) if index < positional => bound.values.push((name, value)),
            _ if signature.variadic => bound.rest.push(value),
            _ => {
                let message = format!(
                    "{}() takes {} positional arguments but more were given",
                    signature.name,
                    signature.parameters.len()
                );
                return Err(interp.error("TypeError", &message));
            }
        }
    }
    for (keyword, value) in arguments.keyword {
        match signature.parameters.iter().find(|name| **name == keyword) {
            Some(name) if bound.given(name).is_none() => bound.values.push((name, value)),
            Some(_) => {
                let message = format!(
                    "{}() got multiple values for argument '{keyword}'",
                    signature.name
                );
                return Err(interp.error("TypeError", &message));
            }
            None if signature.keywords => bound.keywords.push((keyword, value)),
            None => return Err(unexpected_keyword(interp, signature.name, &keyword)),
        }
    }
    if let Some(missing) = signature.parameters[..signature.required]
        .iter()
        .find(|name| bound.given(name).is_none())
        && !bound.incomplete
    {
        let message = format!(
            "{}() missing 1 required positional argument: '{missing}'",
            signature.name
        );
        return Err(interp.error("TypeError", &message));
    }
    Ok(bound)
}

/// Python's TypeError for a keyword that a function does not have.
pub fn unexpected_keyword(
    interp: &mut Interp,
    function: &str,
    keyword: &str,
) -> Box<crate::python::Raise> {
    let message = format!("{function}() got an unexpected keyword argument '{keyword}'");
    interp.error("TypeError", &message)
}

/// A name of which nothing is known.
pub fn hole() -> SmolStr {
    let mut buffer = [0; 4];
    SmolStr::new(unknown::HOLE.encode_utf8(&mut buffer))
}

/// A value as text; a hole for what can't be known or is not given.
pub fn text_of(interp: &mut Interp, value: Option<&Value>) -> Eval<String> {
    Ok(match value {
        Some(value) => name_of(interp, value)?.unwrap_or_else(hole).to_string(),
        None => hole().to_string(),
    })
}

/// The items of a value as texts; `None`: they are not known.
pub fn texts_of(interp: &mut Interp, values: &Value) -> Eval<Option<Vec<String>>> {
    let Ok(items) = interp.items(values)? else {
        return Ok(None);
    };
    let mut all = Vec::with_capacity(items.len());
    for item in &items {
        all.push(text_of(interp, Some(item))?);
    }
    Ok(Some(all))
}

/// A value as a name; `None` for Python's `None`, a hole for what can't be known.
pub fn name_of(interp: &mut Interp, value: &Value) -> Eval<Option<SmolStr>> {
    match value {
        Value::None => Ok(None),
        Value::Str(text) => Ok(Some(SmolStr::new(&text.text))),
        Value::Unknown(unknown) => {
            interp.note_hole(unknown);
            Ok(Some(hole()))
        }
        Value::Host(host) => {
            let text = <super::Environment as crate::python::Host>::string(interp, host)?;
            Ok(Some(text.map_or_else(hole, |text| SmolStr::new(&*text))))
        }
        other => Ok(Some(SmolStr::new(&*interp.string(other)?))),
    }
}

/// The items of a list argument; `None` and the unknown become an empty list and `true`: not all known.
pub fn items_of(interp: &mut Interp, value: &Value) -> Eval<(Vec<Value>, bool)> {
    match value {
        Value::None => Ok((Vec::new(), false)),
        Value::Unknown(_) => Ok((Vec::new(), true)),
        other => Ok(match interp.items(other)? {
            Ok(items) => (items, false),
            Err(_) => (Vec::new(), true),
        }),
    }
}

/// Column names of a list argument, of strings or Column objects; a hole stands for an unknown list.
pub fn column_names(interp: &mut Interp, value: &Value) -> Eval<Vec<SmolStr>> {
    if let Value::Str(text) = value {
        // SQLAlchemy iterates a string given for a list, character by character
        return Ok(text
            .text
            .chars()
            .map(|character| SmolStr::new(character.encode_utf8(&mut [0; 4])))
            .collect());
    }
    let (items, incomplete) = items_of(interp, value)?;
    if incomplete {
        return Ok(vec![hole()]);
    }
    let mut names = Vec::with_capacity(items.len());
    for item in &items {
        names.push(column_name(interp, item)?);
    }
    Ok(names)
}

/// The name of a column given as a string or a Column object.
pub fn column_name(interp: &mut Interp, value: &Value) -> Eval<SmolStr> {
    if let Some(column) = super::object::get::<super::schema::Column>(value) {
        return Ok(column.data.borrow().name.clone());
    }
    Ok(name_of(interp, value)?.unwrap_or_else(hole))
}

/// A whole number.
pub fn int_of(value: &Value) -> Option<i64> {
    match value {
        Value::Int(number) => Some(*number),
        Value::Bool(flag) => Some(i64::from(*flag)),
        _ => None,
    }
}

/// An unknown value of the current place.
pub fn unsupported(interp: &Interp, what: &str) -> Value {
    interp.unknown(Reason::Unsupported, what)
}

/// Settings of which there are none where nobody gives any: `alembic -x`.
pub fn usually_empty(what: &str) -> Value {
    let unknown = Unknown::new(Reason::Environment, what);
    Value::unknown(unknown.usually(Some(Usual::Empty)))
}

/// An unknown of a kind that stands for the project's settings.
pub fn environment(what: &str) -> Value {
    Value::unknown(Unknown::new(Reason::Environment, what))
}
