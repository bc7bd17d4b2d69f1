//! The project's own predicates for guards: `table_exists(name, connection)`, found by what they ask and how revisions call them.
//!
//! In: the revisions and the modules that they import. Out: for each kind of question the helper that most guards of the
//! project use. Only functions that can be called with what a guard knows count: the table, the part, the connection.

use std::collections::BTreeMap;

use super::ask::{Ask, Listing};
use super::code::last_name;
use crate::python::interpreter::Modules;
use crate::python::syntax::{
    Argument, ExpressionId, ExpressionKind, FunctionDefinition, Module, Parameter, ParameterKind,
    StatementKind,
};

/// What a helper is given.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Given {
    Table,
    Part,
    Connection,
    Inspector,
    Schema,
}

/// What a helper says of a table.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Asks {
    Table,
    Columns,
    Indexes,
    Unique,
    ForeignKeys,
    Checks,
}

/// A predicate of the project's own.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Helper {
    asks: Asks,
    /// The line that imports it.
    pub(super) import: String,
    /// How it is called there: `table_exists`, `migration.table_exists`.
    pub(super) callee: String,
    /// What it is given, in order.
    pub(super) arguments: Vec<Given>,
    /// The parameter for a schema, where it has one that may be left out.
    pub(super) schema: Option<String>,
}

/// The helpers that guards use more often than an Inspector of their own, one a kind of question.
pub(super) fn measure<'a>(
    revisions: impl Iterator<Item = &'a Module>,
    modules: &dyn Modules,
    asked: usize,
) -> Vec<Helper> {
    let mut uses: BTreeMap<Helper, usize> = BTreeMap::new();
    for module in revisions {
        let imported = imported(module);
        for expression in &module.expressions {
            let ExpressionKind::Call { callee, .. } = &expression.kind else {
                continue;
            };
            let Some((from, function, written)) = resolved(module, &imported, *callee) else {
                continue;
            };
            let Some(there) = modules.find(&from.module, module.file) else {
                continue;
            };
            let helper = there
                .top_level_function(&function)
                .and_then(|found| helper(&there, found, from, written));
            if let Some(helper) = helper {
                *uses.entry(helper).or_default() += 1;
            }
        }
    }
    if uses.values().sum::<usize>() <= asked {
        return Vec::new();
    }
    let mut best: BTreeMap<Asks, (usize, Helper)> = BTreeMap::new();
    for (helper, times) in uses {
        let known = best.get(&helper.asks).map_or(0, |(times, _)| *times);
        if times > known {
            best.insert(helper.asks, (times, helper));
        }
    }
    best.into_values().map(|(_, helper)| helper).collect()
}

/// The helper for a question.
pub(super) fn of<'a>(helpers: &'a [Helper], ask: &Ask) -> Option<&'a Helper> {
    let asks = match ask {
        Ask::Table { .. } => Asks::Table,
        Ask::Part { listing, .. } => match listing {
            Listing::Columns => Asks::Columns,
            Listing::Indexes => Asks::Indexes,
            Listing::Unique => Asks::Unique,
            Listing::ForeignKeys => Asks::ForeignKeys,
            Listing::Checks => Asks::Checks,
        },
        _ => return None,
    };
    helpers.iter().find(|helper| helper.asks == asks)
}

/// A name that an import binds, the module that its functions are in, and the line that imports it.
struct Imported {
    name: String,
    module: String,
    /// The function, where the name is one.
    function: Option<String>,
    line: String,
}

/// What the top of a revision imports that may be a helper, or a module of helpers.
fn imported(module: &Module) -> Vec<Imported> {
    let mut found = Vec::new();
    for statement in &module.body {
        match &statement.kind {
            StatementKind::FromImport {
                level: 0,
                module: from,
                names,
                ..
            } => {
                for one in names {
                    let name = one.alias.as_ref().unwrap_or(&one.name).to_string();
                    let alias = one
                        .alias
                        .as_ref()
                        .map_or(String::new(), |alias| format!(" as {alias}"));
                    let line = format!("from {from} import {}{alias}", one.name);
                    // the name is a function of that module, or a module of that package
                    found.push(Imported {
                        name: name.clone(),
                        module: from.to_string(),
                        function: Some(one.name.to_string()),
                        line: line.clone(),
                    });
                    found.push(Imported {
                        name,
                        module: format!("{from}.{}", one.name),
                        function: None,
                        line,
                    });
                }
            }
            StatementKind::Import(modules) => {
                for one in modules {
                    if let Some(alias) = &one.alias {
                        found.push(Imported {
                            name: alias.to_string(),
                            module: one.module.to_string(),
                            function: None,
                            line: format!("import {} as {alias}", one.module),
                        });
                    }
                }
            }
            _ => {}
        }
    }
    found.retain(|one| {
        let first = one.module.split('.').next();
        !matches!(first, Some("alembic" | "sqlalchemy"))
    });
    found
}

/// The import and the function that a callee means, and the callee as written.
fn resolved<'a>(
    module: &Module,
    imported: &'a [Imported],
    callee: ExpressionId,
) -> Option<(&'a Imported, String, String)> {
    match &module.expression(callee).kind {
        ExpressionKind::Name(name) => {
            let mut all = imported.iter();
            let found = all.find(|one| one.name == *name && one.function.is_some())?;
            Some((found, found.function.clone()?, name.to_string()))
        }
        ExpressionKind::Attribute { value, name, .. } => {
            let ExpressionKind::Name(base) = &module.expression(*value).kind else {
                return None;
            };
            let mut all = imported.iter();
            let found = all.find(|one| one.name == *base && one.function.is_none())?;
            Some((found, name.to_string(), format!("{base}.{name}")))
        }
        _ => None,
    }
}

/// A function as a helper, if it is one.
fn helper(
    module: &Module,
    function: &FunctionDefinition,
    import: &Imported,
    callee: String,
) -> Option<Helper> {
    let asks = asks(module, function)?;
    let mut arguments = Vec::new();
    let mut schema = None;
    for parameter in &function.parameters {
        match given(parameter) {
            Some(Given::Schema) if parameter.default.is_some() => {
                schema = Some(parameter.name.to_string());
            }
            Some(given) if parameter.default.is_none() => arguments.push(given),
            None if parameter.default.is_none() => return None,
            _ => {}
        }
    }
    let part = arguments.contains(&Given::Part);
    let whole = arguments.contains(&Given::Table) && part == (asks != Asks::Table);
    whole.then(|| Helper {
        asks,
        import: import.line.clone(),
        callee,
        arguments,
        schema,
    })
}

/// What a parameter takes, by its name.
fn given(parameter: &Parameter) -> Option<Given> {
    if !matches!(
        parameter.kind,
        ParameterKind::PositionalOnly | ParameterKind::Normal
    ) {
        return None;
    }
    let name = parameter.name.to_lowercase();
    let has = |words: &[&str]| words.iter().any(|word| name.contains(word));
    if has(&["schema"]) {
        Some(Given::Schema)
    } else if has(&["inspector", "insp"]) {
        Some(Given::Inspector)
    } else if has(&["conn", "bind", "engine"]) {
        Some(Given::Connection)
    } else if has(&["column", "col_", "index", "constraint", "fk", "key"]) {
        Some(Given::Part)
    } else if has(&["table"]) {
        Some(Given::Table)
    } else {
        None
    }
}

fn is_work(name: &str) -> bool {
    name == "execute"
        || ["create_", "drop_", "add_", "alter_", "rename_"]
            .iter()
            .any(|start| name.starts_with(start))
}

/// Whether a module has a helper at hand.
pub(super) fn is_imported(module: &Module, helper: &Helper) -> bool {
    imported(module).iter().any(|one| one.line == helper.import)
}

/// The one thing that a function asks the Inspector for and gives an answer to.
fn asks(module: &Module, function: &FunctionDefinition) -> Option<Asks> {
    let mut found: Vec<Asks> = module
        .expressions
        .iter()
        .filter(|expression| function.span.contains(expression.span))
        .filter_map(|expression| match &expression.kind {
            ExpressionKind::Call { callee, arguments } => {
                Some((last_name(module, *callee)?, arguments))
            }
            _ => None,
        })
        .filter_map(|(name, arguments): (&str, &Vec<Argument>)| match name {
            "has_table" | "get_table_names" if arguments.len() <= 2 => Some(Asks::Table),
            "get_columns" => Some(Asks::Columns),
            "get_indexes" => Some(Asks::Indexes),
            "get_unique_constraints" => Some(Asks::Unique),
            "get_foreign_keys" => Some(Asks::ForeignKeys),
            "get_check_constraints" => Some(Asks::Checks),
            _ => None,
        })
        .collect();
    found.sort();
    found.dedup();
    // what changes anything is no question
    let works = module.expressions.iter().any(|expression| {
        function.span.contains(expression.span)
            && matches!(&expression.kind, ExpressionKind::Call { callee, .. } if last_name(module, *callee).is_some_and(is_work))
    });
    if works {
        return None;
    }
    // whoever looks for a part may look for its table first
    if found.len() == 2 {
        found.retain(|one| *one != Asks::Table);
    }
    match found.as_slice() {
        [one] => Some(*one),
        _ => None,
    }
}
