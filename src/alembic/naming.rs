//! Names of constraints and indexes as SQLAlchemy makes them: naming conventions, `op.f`, cutting at 63.
//!
//! In: the name as given and what it belongs to. Out: the name that goes into the statement, or `None` where the server
//! makes one.

use std::collections::BTreeMap;
use std::rc::Rc;

use smol_str::SmolStr;

use super::arguments::hole;
use super::exceptions;
use super::object::Interp;
use crate::postgres::Name;
use crate::postgres::name::MAX_IDENTIFIER;
use crate::python::{Eval, Value};

/// The name of a constraint or index as it was given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum GivenName {
    /// None was given: a convention or the server makes one.
    #[default]
    None,
    /// A plain string: a convention with `%(constraint_name)s` still applies.
    Plain(SmolStr),
    /// `op.f(...)`, `conv(...)`: final; too long ones are cut.
    Final(SmolStr),
}

impl GivenName {
    /// The text that was given.
    pub fn text(&self) -> Option<&SmolStr> {
        match self {
            Self::None => None,
            Self::Plain(name) | Self::Final(name) => Some(name),
        }
    }
}

/// Marks a string as final, as `op.f` and `conv` do: the very text object is remembered for the run.
pub fn mark_final(interp: &mut Interp, text: &str) -> Value {
    let text: Rc<str> = text.into();
    let value = Value::str(text.clone());
    let key = format!("final name {:p}", text.as_ptr());
    interp.host.memo.insert(key, value.clone());
    value
}

/// The name that a value holds.
pub fn given(interp: &mut Interp, value: Option<&Value>) -> Eval<GivenName> {
    let Some(value) = value else {
        return Ok(GivenName::None);
    };
    let Some(name) = super::arguments::name_of(interp, value)? else {
        return Ok(GivenName::None);
    };
    if let Value::Str(text) = value
        && let Some(Value::Str(known)) = interp
            .host
            .memo
            .get(&format!("final name {:p}", text.text.as_ptr()))
        && Rc::ptr_eq(&known.text, &text.text)
    {
        return Ok(GivenName::Final(name));
    }
    Ok(GivenName::Plain(name))
}

/// What a convention's tokens can ask for.
#[derive(Clone, Debug, Default)]
pub struct Subject<'a> {
    /// `ix`, `uq`, `ck`, `fk`, `pk`.
    pub key: &'static str,
    /// The table.
    pub table: Option<&'a Name>,
    /// Names of the columns.
    pub columns: &'a [SmolStr],
    /// A foreign key's table and columns.
    pub referred: Option<(&'a Name, &'a [SmolStr])>,
}

/// The convention that SQLAlchemy has where none is set.
pub fn default_convention() -> BTreeMap<String, String> {
    BTreeMap::from([("ix".to_owned(), "ix_%(column_0_label)s".to_owned())])
}

/// The name that goes into the statement; raises what SQLAlchemy raises.
pub fn resolve(
    interp: &mut Interp,
    given: &GivenName,
    subject: &Subject<'_>,
    convention: Option<&BTreeMap<String, String>>,
) -> Eval<Option<SmolStr>> {
    let own;
    let convention = match convention {
        Some(convention) => convention,
        None => {
            own = interp.host.settings.clone();
            &own.naming_convention
        }
    };
    let fallback;
    let convention = if convention.is_empty() {
        fallback = default_convention();
        &fallback
    } else {
        convention
    };
    let template = convention.get(subject.key);
    let made = match (given, template) {
        (GivenName::Final(name), _) => return Ok(Some(cut(name))),
        (GivenName::Plain(name), Some(template)) if template.contains("constraint_name") => {
            expand(template, subject, Some(name))
        }
        (GivenName::Plain(name), _) => {
            return checked(interp, name).map(|()| Some(name.clone()));
        }
        (GivenName::None, Some(template)) if template.contains("constraint_name") => {
            return Err(exceptions::raise(
                interp,
                "InvalidRequestError",
                "Naming convention including %(constraint_name)s token requires that constraint is explicitly named.",
            ));
        }
        (GivenName::None, Some(template)) => expand(template, subject, None),
        (GivenName::None, None) => return Ok(None),
    };
    Ok(Some(cut(&made)))
}

/// SQLAlchemy's refusal of a name that is too long and was given as it is.
fn checked(interp: &mut Interp, name: &str) -> Eval<()> {
    let length = name.chars().count();
    if length <= MAX_IDENTIFIER {
        return Ok(());
    }
    let message = format!("Identifier '{name}' exceeds maximum length of 63 characters");
    Err(exceptions::raise(interp, "IdentifierError", &message))
}

/// Cuts a name that a convention made: the first 55 characters and four of its MD5 digest.
pub fn cut(name: &str) -> SmolStr {
    let length = name.chars().count();
    if length <= MAX_IDENTIFIER || crate::unknown::has_hole(name) {
        return SmolStr::new(name);
    }
    let digest = format!("{:x}", md5::compute(name.as_bytes()));
    let head: String = name.chars().take(MAX_IDENTIFIER - 8).collect();
    SmolStr::new(format!("{head}_{}", &digest[digest.len() - 4..]))
}

fn expand(template: &str, subject: &Subject<'_>, name: Option<&str>) -> String {
    let mut made = String::new();
    let mut rest = template;
    while let Some(start) = rest.find("%(") {
        made.push_str(&rest[..start]);
        let Some(end) = rest[start..].find(')') else {
            break;
        };
        let token = &rest[start + 2..start + end];
        made.push_str(&expand_token(token, subject, name).unwrap_or_else(|| hole().to_string()));
        rest = &rest[start + end + 1..];
        // the conversion letter of Python's `%(token)s`
        rest = rest.strip_prefix('s').unwrap_or(rest);
    }
    made.push_str(rest);
    made.replace("%%", "%")
}

fn expand_token(token: &str, subject: &Subject<'_>, name: Option<&str>) -> Option<String> {
    match token {
        "table_name" => return Some(subject.table?.name.to_string()),
        "constraint_name" => return Some(name?.to_owned()),
        "referred_table_name" => return Some(subject.referred?.0.name.to_string()),
        _ => {}
    }
    if let Some(pattern) = token.strip_prefix("referred_column_") {
        return columns_token(pattern, subject.referred?.1, None);
    }
    columns_token(
        token.strip_prefix("column_")?,
        subject.columns,
        subject.table,
    )
}

/// `0_name`, `0_label`, `0_key`, `0N_name` (joined), `0_N_name` (joined by `_`).
fn columns_token(pattern: &str, columns: &[SmolStr], table: Option<&Name>) -> Option<String> {
    let (position, attribute) = pattern.rsplit_once('_')?;
    let text = |column: &SmolStr| match (attribute, table) {
        ("name" | "key", _) => Some(column.to_string()),
        ("label", Some(table)) => Some(label(table, column)),
        _ => None,
    };
    let separator = match position {
        "0N" => "",
        "0_N" => "_",
        index => return text(columns.get(index.parse::<usize>().ok()?)?),
    };
    let all: Option<Vec<String>> = columns.iter().map(text).collect();
    Some(all?.join(separator))
}

fn label(table: &Name, column: &str) -> String {
    match &table.schema {
        Some(schema) => format!("{}_{}_{column}", schema.replace('.', "_"), table.name),
        None => format!("{}_{column}", table.name),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn subject<'a>(table: &'a Name, columns: &'a [SmolStr]) -> Subject<'a> {
        Subject {
            key: "ix",
            table: Some(table),
            columns,
            referred: None,
        }
    }

    #[test]
    fn tokens_are_those_of_sqlalchemy() {
        let table = Name::qualified(Some("s"), "t");
        let columns = [SmolStr::new("a"), SmolStr::new("b")];
        let subject = subject(&table, &columns);
        let made = |template: &str| expand(template, &subject, Some("n"));
        assert_eq!(made("ix_%(column_0_label)s"), "ix_s_t_a");
        assert_eq!(made("uq_%(table_name)s_%(column_0_name)s"), "uq_t_a");
        assert_eq!(made("uq_%(table_name)s_%(column_0_N_name)s"), "uq_t_a_b");
        assert_eq!(made("ck_%(table_name)s_%(constraint_name)s"), "ck_t_n");
        assert!(crate::unknown::has_hole(&made("x_%(custom)s")));
    }

    #[test]
    fn long_names_are_cut_with_a_digest() {
        let long = "a".repeat(70);
        let name = cut(&long);
        assert_eq!(name.len(), 60);
        // md5 of 70 times "a", last four digits
        assert!(name.starts_with(&"a".repeat(55)));
        assert_eq!(&name[55..56], "_");
        assert_eq!(cut("short"), "short");
    }
}
