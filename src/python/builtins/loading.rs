//! Modules by their name or file, and the files of packages: `importlib`, `pkgutil`, `runpy`, `imp`.

use std::rc::Rc;

use camino::Utf8Path;

use super::exceptions::class;
use super::files::{self, join_text, normalise, path, text_of};
use crate::python::host::{Arguments, Eval, Host};
use crate::python::interpreter::{Interpreter, instance};
use crate::python::value::{Instance, Value};
use crate::source::FileId;
use crate::unknown::has_hole;

/// Calls a function of these modules, by its qualified name.
pub(crate) fn call<H: Host>(
    interpreter: &mut Interpreter<H>,
    name: &str,
    arguments: &Arguments,
) -> Eval<Value> {
    let from = interpreter.site().map_or(FileId(0), |site| site.file);
    let first = arguments.positional.first();
    let found = match (name, first) {
        ("importlib.import_module", Some(Value::Str(module))) if !has_hole(&module.text) => {
            return interpreter.import_module(&module.text, from);
        }
        ("importlib.util.spec_from_file_location", _) => {
            let place = arguments.get(1, "location").and_then(text_of);
            place.map(|place| spec(arguments.get(0, "name"), &place))
        }
        ("importlib.util.module_from_spec", Some(spec)) => {
            return match place_of(spec) {
                Some(place) => module(interpreter, &place),
                None => Ok(interpreter.unsupported(name)),
            };
        }
        ("importlib.machinery.SourceFileLoader", _) => {
            let place = arguments.get(1, "path").and_then(text_of);
            place.map(|place| loader(&place))
        }
        ("imp.load_source", _) => match arguments.get(1, "pathname").and_then(text_of) {
            Some(place) => return module(interpreter, &place),
            None => None,
        },
        ("runpy.run_path", Some(place)) => match text_of(place) {
            Some(place) => {
                let module = module(interpreter, &place)?;
                return match module {
                    Value::Module(module) => names_of(interpreter, &module),
                    unknown => Ok(unknown),
                };
            }
            None => None,
        },
        ("importlib.resources.as_file", Some(place)) => Some(place.clone()),
        ("importlib.resources.files", package) => {
            let package = package.or(arguments.named("anchor"));
            package
                .and_then(|package| folder_of(interpreter, package, from))
                .map(|folder| path(&folder))
        }
        (_, Some(package)) => resource(interpreter, name, package, arguments, from),
        _ => None,
    };
    Ok(found.unwrap_or_else(|| interpreter.unsupported(&format!("{name}()"))))
}

/// A file of a package, read or opened.
fn resource<H: Host>(
    interpreter: &Interpreter<H>,
    function: &str,
    package: &Value,
    arguments: &Arguments,
    from: FileId,
) -> Option<Value> {
    let folder = folder_of(interpreter, package, from)?;
    let mut place = folder;
    for part in arguments.positional.get(1..)? {
        place = join_text(&place, &text_of(part)?);
    }
    if function == "importlib.resources.path" {
        return Some(path(&place));
    }
    let bytes = files::read(interpreter, &place)?;
    match function {
        "pkgutil.get_data" | "importlib.resources.read_binary" => Some(Value::Bytes(bytes.into())),
        "importlib.resources.read_text" => Some(files::decoded(&bytes)),
        "importlib.resources.open_text" => Some(files::file(&bytes, false)),
        "importlib.resources.open_binary" => Some(files::file(&bytes, true)),
        _ => None,
    }
}

/// The folder of a package of the project, by its name or itself.
fn folder_of<H: Host>(
    interpreter: &Interpreter<H>,
    package: &Value,
    from: FileId,
) -> Option<String> {
    let file = match package {
        Value::Str(name) if !has_hole(&name.text) => {
            interpreter.modules.find(&name.text, from)?.file
        }
        Value::Module(module) => module.file?,
        _ => return None,
    };
    let place = interpreter.modules.path_of(file);
    // a folder without `__init__.py` stands for itself
    let place = Utf8Path::new(&place);
    let folder = match (place.extension(), place.parent()) {
        (Some("py"), Some(folder)) => folder,
        _ => place,
    };
    Some(folder.to_string())
}

/// Executes a file of the project as a module.
fn module<H: Host>(interpreter: &mut Interpreter<H>, place: &str) -> Eval<Value> {
    let from = interpreter.site().map_or(FileId(0), |site| site.file);
    let found = if has_hole(place) {
        None
    } else {
        interpreter.modules.at(&normalise(place), from)
    };
    match found {
        Some(syntax) => {
            let name = place.rsplit('/').next().unwrap_or(place);
            interpreter.load_imported(&syntax, name.trim_end_matches(".py"))
        }
        None => Ok(interpreter.unsupported(&format!("the module of `{place}`"))),
    }
}

/// What a module defines, as `runpy` gives it.
fn names_of<H: Host>(
    interpreter: &mut Interpreter<H>,
    module: &Rc<crate::python::value::Module>,
) -> Eval<Value> {
    let names: Vec<_> = module.scope.names.borrow().keys().cloned().collect();
    let mut entries = indexmap::IndexMap::new();
    for name in names {
        let value = interpreter.attribute(&Value::Module(module.clone()), &name)?;
        entries.insert(interpreter.key(&Value::str(name.as_str()))?, value);
    }
    Ok(super::containers::dict_of(entries))
}

fn spec(name: Option<&Value>, place: &str) -> Value {
    let attributes = vec![
        ("name", name.cloned().unwrap_or(Value::None)),
        ("origin", Value::str(place)),
        ("loader", loader(place)),
    ];
    instance(&class("ModuleSpec"), attributes)
}

fn loader(place: &str) -> Value {
    let attributes = vec![("path", Value::str(place))];
    instance(&class("SourceFileLoader"), attributes)
}

/// The file of a spec.
fn place_of(spec: &Value) -> Option<Rc<str>> {
    match spec {
        Value::Instance(found) if found.class.name == "ModuleSpec" => {
            text_of(found.attributes.borrow().get("origin")?)
        }
        _ => None,
    }
}

/// A method of a loader.
pub(crate) fn loader_method<H: Host>(
    interpreter: &mut Interpreter<H>,
    found: &Rc<Instance>,
    name: &str,
) -> Eval<Value> {
    let place = found.attributes.borrow().get("path").and_then(text_of);
    match (name, place) {
        // the module was executed when it was made of its spec
        ("exec_module" | "create_module", _) => Ok(Value::None),
        ("load_module", Some(place)) => module(interpreter, &place),
        _ => Ok(interpreter.unsupported(&format!("SourceFileLoader.{name}()"))),
    }
}
