//! The repair of `missing-import`: the import that other revisions of the project have for that name, else a well-known one.

use std::collections::BTreeMap;

use super::code::Code;
use super::{fix_of, setup};
use crate::diagnostic::{Applicability, Diagnostic, Fix};
use crate::python::syntax::{Module, StatementKind};
use crate::rules::missing_import;

/// Modules of Python's own that revisions use by their names.
const STANDARD: &[&str] = &[
    "base64",
    "collections",
    "copy",
    "datetime",
    "decimal",
    "enum",
    "functools",
    "hashlib",
    "itertools",
    "json",
    "logging",
    "math",
    "os",
    "random",
    "re",
    "secrets",
    "string",
    "sys",
    "textwrap",
    "time",
    "typing",
    "uuid",
    "warnings",
];

/// The proposal for a finding; `revisions` are the project's.
pub(super) fn fix<'a>(
    code: &Code<'_>,
    diagnostic: &Diagnostic,
    revisions: impl Iterator<Item = &'a Module>,
) -> Option<Fix> {
    let name = code.slice(diagnostic.site.span);
    let known = missing_import::well_known(name).map(str::to_owned);
    let known = known.or_else(|| STANDARD.contains(&name).then(|| format!("import {name}")));
    let of_others = known.is_some();
    let line = of_project(name, revisions).or(known)?;
    let edit = if of_others {
        setup::import(code, &line)?
    } else {
        setup::import_of_project(code, &line)?
    };
    let message = format!("add `{line}`");
    fix_of(
        diagnostic.site.file,
        message,
        Applicability::Safe,
        vec![edit],
    )
}

/// How most of the project's revisions import a name.
fn of_project<'a>(name: &str, revisions: impl Iterator<Item = &'a Module>) -> Option<String> {
    let mut found: BTreeMap<String, usize> = BTreeMap::new();
    for module in revisions {
        if let Some(line) = import_of(module, name) {
            *found.entry(line).or_default() += 1;
        }
    }
    // of two that are as frequent, the first by its text: the same input gives the same fix
    let most = found.values().max().copied()?;
    found
        .into_iter()
        .find(|(_, times)| *times == most)
        .map(|(line, _)| line)
}

/// The line with which a module imports one name.
fn import_of(module: &Module, name: &str) -> Option<String> {
    module
        .body
        .iter()
        .find_map(|statement| match &statement.kind {
            StatementKind::Import(modules) => modules.iter().find_map(|one| match &one.alias {
                Some(alias) if alias == name => Some(format!("import {} as {alias}", one.module)),
                None if one.module.split('.').next() == Some(name) => {
                    Some(format!("import {}", one.module))
                }
                _ => None,
            }),
            StatementKind::FromImport {
                level: 0,
                module: from,
                names,
                ..
            } => names.iter().find_map(|one| match &one.alias {
                Some(alias) if alias == name => {
                    Some(format!("from {from} import {} as {alias}", one.name))
                }
                None if one.name == name => Some(format!("from {from} import {name}")),
                _ => None,
            }),
            _ => None,
        })
}
