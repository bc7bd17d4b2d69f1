//! Where Alembic's own configuration says that things are: `alembic.ini`, `[tool.alembic]`, or both (the ini first).
//!
//! Values keep [`HERE`] where `%(here)s` stood until [`resolve`] finds the folder, since a path of the project root
//! itself is empty text.

use std::collections::BTreeMap;

use camino::{Utf8Path, Utf8PathBuf};
use toml::{Table, Value};

use super::ini::Ini;
use crate::files::{Files, decode, join, normalize};
use crate::merge::Naming;

/// Stands for `%(here)s`.
const HERE: &str = "\u{1}";

/// One Alembic environment as configured.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Settings {
    /// The file that configures it.
    pub(super) file: Utf8PathBuf,
    /// Section of the ini.
    pub(super) section: String,
    /// Folder of the file.
    pub(super) here: Utf8PathBuf,
    pub(super) script_location: Option<String>,
    /// `None`: `<script_location>/versions`.
    pub(super) version_locations: Option<Vec<String>>,
    pub(super) recursive: bool,
    pub(super) prepend_sys_path: Vec<String>,
    /// `sqlalchemy.url`, where it is a constant.
    pub(super) url: Option<String>,
    /// The options of the section; `None`: the value can't be known.
    pub(super) options: BTreeMap<String, Option<String>>,
    /// `file_template`, `truncate_slug_length`.
    pub(super) naming: Naming,
    /// What could not be read.
    pub(super) problems: Vec<String>,
}

/// Whether a file may configure Alembic, by its name.
pub(super) fn is_configuration(path: &Utf8Path) -> bool {
    path.file_name().is_some_and(|name| {
        name == "pyproject.toml" || (name.contains("alembic") && path.extension() == Some("ini"))
    })
}

/// The environments that a file configures; none where it is about something else. `name` is the section asked for.
pub(super) fn read(files: &dyn Files, path: &Utf8Path, name: Option<&str>) -> Vec<Settings> {
    let Some(text) = text_of(files, path) else {
        return Vec::new();
    };
    if path.extension() == Some("toml") {
        return from_toml(&text, path).into_iter().collect();
    }
    let here = path.parent().unwrap_or(Utf8Path::new("")).to_owned();
    // pyproject.toml beside the ini fills in what the ini leaves out
    let fallback = join(&here, "pyproject.toml");
    let fallback = text_of(files, &fallback).and_then(|text| from_toml(&text, &fallback));
    let ini = Ini::parse(&text);
    let sections: Vec<&str> = match name {
        Some(name) => ini.sections().filter(|section| *section == name).collect(),
        None => {
            // an ini of several databases names each in a section of its own, to be chosen with `-n`
            let others = ini
                .sections()
                .filter(|section| *section != "alembic")
                .filter(|section| !matches!(ini.get(section, "script_location", ""), Ok(None)));
            ["alembic"]
                .into_iter()
                .filter(|section| ini.has_section(section))
                .chain(others)
                .collect()
        }
    };
    sections
        .into_iter()
        .map(|section| from_ini(&ini, section, path, &here, fallback.as_ref()))
        .collect()
}

fn text_of(files: &dyn Files, path: &Utf8Path) -> Option<String> {
    let bytes = files.read(path).ok()??;
    Some(decode(&bytes).text)
}

fn from_ini(
    ini: &Ini,
    section: &str,
    path: &Utf8Path,
    here: &Utf8Path,
    fallback: Option<&Settings>,
) -> Settings {
    let url = ini.get(section, "sqlalchemy.url", HERE).ok().flatten();
    let mut problems = Vec::new();
    let mut get = |option: &str| match ini.get(section, option, HERE) {
        Ok(value) => value.filter(|value| !value.trim().is_empty()),
        Err(why) => {
            problems.push(format!("`{option}` of `{path}`: {why}"));
            None
        }
    };
    let mut naming = fallback.map_or_else(Naming::default, |fallback| fallback.naming.clone());
    if let Some(template) = get("file_template") {
        naming.file_template = template;
    }
    if let Some(length) = get("truncate_slug_length").and_then(|text| text.trim().parse().ok()) {
        naming.slug_length = length;
    }
    let separator = get("path_separator");
    let version_separator = get("version_path_separator");
    let locations = get("version_locations");
    let prepend = get("prepend_sys_path");
    let script_location = get("script_location");
    let recursive = get("recursive_version_locations").is_some_and(|value| is_true(&value));
    let split = |text: &str, separator: Option<&str>, legacy: &[char]| {
        split_paths(text, separator, legacy).map_err(|unknown| {
            format!("`{path}`: `{unknown}` is no path separator (os, space, newline, `:` or `;`)")
        })
    };
    let version_locations = locations.and_then(|text| {
        let separator = separator.as_deref().or(version_separator.as_deref());
        split(&text, separator, &[',', ' ', '\n'])
            .map_err(|problem| problems.push(problem))
            .ok()
    });
    let prepend_sys_path = prepend
        .and_then(|text| {
            split(&text, separator.as_deref(), &[',', ' ', ':', '\n'])
                .map_err(|problem| problems.push(problem))
                .ok()
        })
        .unwrap_or_default();
    Settings {
        file: path.to_owned(),
        section: section.to_owned(),
        here: here.to_owned(),
        script_location: script_location.or_else(|| fallback?.script_location.clone()),
        version_locations: version_locations.or_else(|| fallback?.version_locations.clone()),
        recursive: recursive || fallback.is_some_and(|fallback| fallback.recursive),
        prepend_sys_path: if prepend_sys_path.is_empty() {
            fallback
                .map(|fallback| fallback.prepend_sys_path.clone())
                .unwrap_or_default()
        } else {
            prepend_sys_path
        },
        url,
        options: options_of(ini, section),
        naming,
        problems,
    }
}

/// All options of a section. What holds the folder's place on this machine is not known.
fn options_of(ini: &Ini, section: &str) -> BTreeMap<String, Option<String>> {
    let value = |option: &str| {
        let value = ini.get(section, option, HERE).ok().flatten();
        value.filter(|value| !value.contains(HERE))
    };
    ini.options(section)
        .map(|option| (option.to_owned(), value(option)))
        .collect()
}

fn is_true(value: &str) -> bool {
    matches!(
        value.trim().to_lowercase().as_str(),
        "true" | "yes" | "on" | "1" | "y" | "t"
    )
}

/// Splits a list of paths as Alembic does; `legacy` are the separators where none is named.
fn split_paths(
    text: &str,
    separator: Option<&str>,
    legacy: &[char],
) -> Result<Vec<String>, String> {
    // Alembic's own templates once wrote a comment behind the value
    let separator = separator.map(|text| text.split_whitespace().next().unwrap_or_default());
    let parts: Vec<&str> = match separator {
        None | Some("") => text.split(legacy).collect(),
        Some("space") => text.split([' ', '\n']).collect(),
        Some("newline") => text.split('\n').collect(),
        // a project is read as its server would: `os` is the colon of Unix
        Some("os" | ":") => text.split(':').collect(),
        Some(";") => text.split(';').collect(),
        Some(other) => return Err(other.to_owned()),
    };
    Ok(parts
        .into_iter()
        .map(str::trim)
        .filter(|part| !part.is_empty())
        .map(ToOwned::to_owned)
        .collect())
}

fn from_toml(text: &str, path: &Utf8Path) -> Option<Settings> {
    let table: Table = text.parse().ok()?;
    let alembic = table.get("tool")?.get("alembic")?.as_table()?;
    let place = |value: &Value| Some(value.as_str()?.replace("%(here)s", HERE).replace("%%", "%"));
    let list = |key: &str| -> Option<Vec<String>> {
        match alembic.get(key)? {
            Value::Array(items) => Some(items.iter().filter_map(place).collect()),
            single => Some(vec![place(single)?]),
        }
    };
    Some(Settings {
        file: path.to_owned(),
        section: "tool.alembic".to_owned(),
        here: path.parent().unwrap_or(Utf8Path::new("")).to_owned(),
        script_location: alembic.get("script_location").and_then(place),
        version_locations: list("version_locations"),
        recursive: alembic
            .get("recursive_version_locations")
            .is_some_and(|value| {
                value.as_bool() == Some(true) || value.as_str().is_some_and(is_true)
            }),
        prepend_sys_path: list("prepend_sys_path").unwrap_or_default(),
        url: None,
        options: BTreeMap::new(),
        naming: Naming {
            file_template: alembic
                .get("file_template")
                .and_then(place)
                .unwrap_or(Naming::default().file_template),
            slug_length: alembic
                .get("truncate_slug_length")
                .and_then(Value::as_integer)
                .and_then(|length| usize::try_from(length).ok())
                .unwrap_or(Naming::default().slug_length),
        },
        problems: Vec::new(),
    })
}

/// The folder that a configured path means: relative to `%(here)s` where it says so, else to the working folder, where
/// Alembic is started, which may be the ini's folder or the root; of several that exist, the first with `env.py` in it,
/// else the first. `package:dir` is looked for under `packages` and the folders above the configuration.
pub(super) fn resolve(
    files: &dyn Files,
    settings: &Settings,
    value: &str,
    working_folder: &Utf8Path,
    packages: &[Utf8PathBuf],
) -> Option<Utf8PathBuf> {
    let value = value.trim_end_matches('/');
    let mut candidates: Vec<Utf8PathBuf> = Vec::new();
    if let Some(rest) = value.strip_prefix(HERE) {
        candidates.push(settings.here.join(rest.trim_start_matches('/')));
    } else if let Some((package, folder)) = value.split_once(':') {
        let inside = format!("{}/{}", package.replace('.', "/"), folder.replace(':', "/"));
        candidates.extend(packages.iter().map(|base| base.join(&inside)));
        candidates.extend(settings.here.ancestors().map(|base| base.join(&inside)));
    } else {
        candidates.push(working_folder.join(value));
        candidates.extend(settings.here.ancestors().map(|base| base.join(value)));
    }
    let existing: Vec<Utf8PathBuf> = candidates
        .iter()
        .filter_map(|candidate| normalize(candidate))
        .filter(|candidate| candidate.as_str().is_empty() || files.is_dir(candidate))
        .collect();
    let found = existing
        .iter()
        .find(|candidate| files.is_file(&join(candidate, "env.py")))
        .or(existing.first())?;
    files.resolve(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::files::Memory;

    fn one(ini: &str) -> Settings {
        let files = Memory::new().with("db/alembic.ini", ini);
        read(&files, Utf8Path::new("db/alembic.ini"), None).remove(0)
    }

    #[test]
    fn version_locations_by_separator() {
        let at = |text: &str| one(text).version_locations.expect("given");
        assert_eq!(at("[alembic]\nversion_locations = a, b c"), ["a", "b", "c"]);
        assert_eq!(
            at("[alembic]\npath_separator=os\nversion_locations = a b:c"),
            ["a b", "c"]
        );
        assert_eq!(
            at("[alembic]\nversion_path_separator = newline\nversion_locations =\n a\n b c"),
            ["a", "b c"]
        );
        assert_eq!(
            at(
                "[alembic]\nversion_path_separator = os  # Use os.pathsep.\nversion_locations = a:b"
            ),
            ["a", "b"]
        );
        let wrong = one("[alembic]\npath_separator=pipe\nversion_locations = a");
        assert_eq!(wrong.version_locations, None);
        assert_eq!(wrong.problems.len(), 1);
    }

    #[test]
    fn the_ini_first_then_pyproject() {
        let files = Memory::new()
            .with("alembic.ini", "[alembic]\nscript_location = %(here)s/a\n")
            .with(
                "pyproject.toml",
                "[tool.alembic]\nscript_location = 'b'\nversion_locations = ['%(here)s/v']\n",
            )
            .with("a/versions/x.py", "")
            .with("v/x.py", "");
        let settings = read(&files, Utf8Path::new("alembic.ini"), None).remove(0);
        let found = |value: &str| resolve(&files, &settings, value, Utf8Path::new(""), &[]);
        assert_eq!(
            found(settings.script_location.as_deref().expect("given")),
            Some("a".into())
        );
        assert_eq!(
            found(&settings.version_locations.as_ref().expect("given")[0]),
            Some("v".into())
        );
    }

    #[test]
    fn a_package_and_a_folder_in_it() {
        let files = Memory::new()
            .with(
                "db/alembic.ini",
                "[alembic]\nscript_location = app.db:migrations\n",
            )
            .with("src/app/db/migrations/env.py", "");
        let settings = read(&files, Utf8Path::new("db/alembic.ini"), None).remove(0);
        let value = settings.script_location.as_deref().expect("given");
        let found = resolve(&files, &settings, value, Utf8Path::new(""), &["src".into()]);
        assert_eq!(found, Some("src/app/db/migrations".into()));
    }

    #[test]
    fn a_dot_is_the_folder_that_has_an_environment() {
        let files = Memory::new()
            .with("app/alembic.ini", "[alembic]\nscript_location = .\n")
            .with("app/env.py", "")
            .with("pkg/a/b/env.py", "");
        let settings = read(&files, Utf8Path::new("app/alembic.ini"), None).remove(0);
        let found =
            |value: &str| resolve(&files, &settings, value, Utf8Path::new(""), &["".into()]);
        assert_eq!(found("."), Some("app".into()));
        assert_eq!(found("pkg:a:b"), Some("pkg/a/b".into()));
    }
}
