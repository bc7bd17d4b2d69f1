//! `context.config`: Alembic's configuration, as a plain command reads it.
//!
//! An option that the file does not have and `env.py` does not set is not set, and its default holds: a multi-tenant
//! migration that asks for a target schema gets none. What a program of the project's may set before it calls Alembic
//! is not seen. Options that say how to reach the database are the user's own and stay unknown.

use std::any::Any;
use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;

use indexmap::IndexMap;

use super::arguments::environment;
use super::object::{self, Interp, Object, once};
use crate::python::{Arguments, Eval, HostRef, Key, Truth, Value};

/// What is known of the configuration of a database.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Options {
    /// The file.
    pub file: Option<String>,
    /// Its section.
    pub section: Option<String>,
    /// Options of that section; `None`: the value can't be known. What `env.py` sets is among them.
    pub main: BTreeMap<String, Option<String>>,
    /// What `env.py` puts into `config.attributes`, by name.
    pub attributes: BTreeSet<String>,
}

/// The options that `env.py` set itself, by name.
const SET: &str = "options that env.py sets";

/// `context.config.attributes`.
const ATTRIBUTES: &str = "context.config.attributes";

/// `context.config`.
pub fn config(interp: &mut Interp) -> Value {
    once(interp, "context.config", || object::value(Config))
}

/// What `env.py` set by `config.set_main_option`: a text, or `None` where it is not known.
pub fn set_options(interp: &Interp) -> BTreeMap<String, Option<String>> {
    let mut found = BTreeMap::new();
    if let Some(Value::Dict(set)) = interp.host.memo.get(SET) {
        for (name, value) in set.borrow().iter() {
            if let Key::Str(name) = name {
                let text = value
                    .as_str()
                    .filter(|text| !crate::unknown::has_hole(text))
                    .map(str::to_owned);
                found.insert(name.to_string(), text);
            }
        }
    }
    found
}

/// What `env.py` put into `config.attributes`, by name.
pub fn set_attributes(interp: &Interp) -> BTreeSet<String> {
    let Some(attributes) = interp.host.memo.get(ATTRIBUTES) else {
        return BTreeSet::new();
    };
    let Some(Attributes(set)) = object::get::<Attributes>(attributes) else {
        return BTreeSet::new();
    };
    let set = set.borrow();
    let names = set.keys().filter_map(|key| match key {
        Key::Str(name) => Some(name.to_string()),
        _ => None,
    });
    names.collect()
}

fn set_of(interp: &mut Interp) -> Rc<RefCell<IndexMap<Key, Value>>> {
    match once(interp, SET, || Value::Dict(Rc::default())) {
        Value::Dict(dict) => dict,
        _ => Rc::default(),
    }
}

/// The configuration object.
#[derive(Debug)]
struct Config;

impl Config {
    fn main_option(interp: &mut Interp, name: &str) -> Option<Value> {
        let key = Key::Str(name.into());
        if let Some(set) = set_of(interp).borrow().get(&key) {
            return Some(set.clone());
        }
        let unknown = || environment(&format!("context.config.get_main_option(\"{name}\")"));
        match interp.host.settings.options.main.get(&name.to_lowercase()) {
            Some(Some(text)) => Some(Value::str(text.as_str())),
            Some(None) => Some(unknown()),
            None if is_of_the_user(name) => Some(unknown()),
            None => None,
        }
    }

    /// Whether a section is the one that holds Alembic's options.
    fn is_main(interp: &Interp, section: &str) -> bool {
        let main = interp.host.settings.options.section.as_deref();
        section == main.unwrap_or("alembic")
    }
}

/// Options that each user sets for himself, or the template brings.
fn is_of_the_user(name: &str) -> bool {
    let name = name.to_lowercase();
    name.starts_with("sqlalchemy.") || name.contains("url") || name.contains("location")
}

impl Object for Config {
    fn type_name(&self) -> &'static str {
        "Config"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &[
            "get_main_option",
            "get_alembic_option",
            "get_section_option",
            "get_section",
            "set_main_option",
            "set_section_option",
            "remove_main_option",
            "print_stdout",
        ]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let text = |at: usize, name: &str| {
            arguments
                .get(at, name)
                .and_then(Value::as_str)
                .map(str::to_owned)
        };
        let default = |at: usize| arguments.get(at, "default").cloned().unwrap_or(Value::None);
        match method {
            "get_main_option" | "get_alembic_option" => match text(0, "name") {
                Some(name) => Ok(Self::main_option(interp, &name).unwrap_or_else(|| default(1))),
                None => Ok(environment("an option of the configuration")),
            },
            "get_section_option" => match (text(0, "section"), text(1, "name")) {
                (Some(section), Some(name)) if Self::is_main(interp, &section) => {
                    Ok(Self::main_option(interp, &name).unwrap_or_else(|| default(2)))
                }
                _ => Ok(environment("an option of the configuration")),
            },
            "set_main_option" => {
                if let (Some(name), Some(value)) = (text(0, "name"), arguments.get(1, "value")) {
                    set_of(interp)
                        .borrow_mut()
                        .insert(Key::Str(name.into()), value.clone());
                }
                Ok(Value::None)
            }
            "get_section" => Ok(environment("a section of the configuration")),
            _ => Ok(Value::None),
        }
    }
    fn attribute(&self, interp: &mut Interp, _: &HostRef, name: &str) -> Eval<Option<Value>> {
        let options = &interp.host.settings.options;
        Ok(Some(match name {
            "attributes" => {
                let settings = interp.host.settings.clone();
                once(interp, ATTRIBUTES, || {
                    object::value(Attributes::of(&settings.options.attributes))
                })
            }
            "config_file_name" => match &options.file {
                Some(file) => Value::str(file.as_str()),
                None => environment("context.config.config_file_name"),
            },
            "config_ini_section" => Value::str(options.section.as_deref().unwrap_or("alembic")),
            "cmd_opts" | "file_config" | "toml_file_name" | "config_args" | "stdout" => {
                environment(&format!("context.config.{name}"))
            }
            _ => return Ok(None),
        }))
    }
}

/// `config.attributes`: empty, but for what `env.py` and a program that calls Alembic put in.
#[derive(Debug, Default)]
struct Attributes(Rc<RefCell<IndexMap<Key, Value>>>);

impl Attributes {
    /// Those that `env.py` set, to what is not known.
    fn of(names: &BTreeSet<String>) -> Self {
        let known = names.iter().map(|name| {
            let what = format!("context.config.attributes[\"{name}\"]");
            (Key::Str(name.as_str().into()), environment(&what))
        });
        Self(Rc::new(RefCell::new(known.collect())))
    }
}

impl Object for Attributes {
    fn type_name(&self) -> &'static str {
        "dict"
    }
    fn as_any(&self) -> &dyn Any {
        self
    }
    fn methods(&self) -> &'static [&'static str] {
        &["get", "setdefault", "pop", "update"]
    }
    fn invoke(
        &self,
        interp: &mut Interp,
        _: &HostRef,
        method: &str,
        arguments: Arguments,
    ) -> Eval<Value> {
        let dict = &self.0;
        let Some(name) = arguments.positional.first().cloned() else {
            return Ok(Value::None);
        };
        if method == "update" {
            if let Value::Dict(more) = &name {
                dict.borrow_mut().extend(more.borrow().clone());
            }
            return Ok(Value::None);
        }
        let key = interp.key(&name)?;
        let default = arguments.positional.get(1).cloned().unwrap_or(Value::None);
        let known = dict.borrow().get(&key).cloned();
        match (method, known) {
            ("pop", Some(known)) => {
                dict.borrow_mut().shift_remove(&key);
                Ok(known)
            }
            (_, Some(known)) => Ok(known),
            ("setdefault", None) => {
                dict.borrow_mut().insert(key, default.clone());
                Ok(default)
            }
            (_, None) => Ok(default),
        }
    }
    fn item(&self, interp: &mut Interp, _: &HostRef, index: &Value) -> Eval<Value> {
        let key = interp.key(index)?;
        let known = self.0.borrow().get(&key).cloned();
        // who takes it without asking relies on the program that calls Alembic
        Ok(known.unwrap_or_else(|| environment("context.config.attributes[...]")))
    }
    fn set_item(&self, interp: &mut Interp, _: &HostRef, index: &Value, value: Value) -> Eval<()> {
        let key = interp.key(index)?;
        self.0.borrow_mut().insert(key, value);
        Ok(())
    }
    fn contains(&self, interp: &mut Interp, _: &HostRef, item: &Value) -> Eval<Truth> {
        let key = interp.key(item)?;
        let known = self.0.borrow().contains_key(&key);
        Ok(Truth::Known(known))
    }
    fn iterate(&self, _: &mut Interp, _: &HostRef) -> Eval<Value> {
        Ok(Value::Dict(self.0.clone()))
    }
}
