//! `foreshot rules`, `foreshot explain`, `foreshot graph`: what foreshot knows, printed.

use std::fmt::Write;

use super::{Failure, GraphArguments, output, run};
use crate::config::{Level, nearest};
use crate::history::{Graph, Index, Problem};
use crate::report::clean;

/// Lists all rules.
pub(super) fn rules() -> Result<u8, Failure> {
    let rules = run::rules();
    let width = rules.iter().map(|rule| rule.id.len()).max().unwrap_or(0);
    let mut out = String::new();
    for rule in &rules {
        let level = match rule.default_level {
            Level::Off => "off",
            Level::At(severity) => severity.word(),
        };
        let _ = writeln!(out, "{:width$}  {level:8}{}", rule.id, rule.summary);
    }
    output::print(&out)?;
    Ok(0)
}

/// Shows the page of a rule.
pub(super) fn explain(id: &str) -> Result<u8, Failure> {
    let rules = run::rules();
    let Some(rule) = rules.iter().find(|rule| rule.id == id) else {
        let ids: Vec<&str> = rules.iter().map(|rule| rule.id).collect();
        let guess =
            nearest(id, &ids).map_or(String::new(), |name| format!(" (did you mean `{name}`?)"));
        return Err(Failure::NoRule(id.to_owned(), guess));
    };
    let heading = if rule.markdown.starts_with('#') {
        String::new()
    } else {
        format!("# {id}\n\n")
    };
    output::print(&format!("{heading}{}\n", rule.markdown.trim_end()))?;
    Ok(0)
}

/// Shows the order of the revisions of every database.
pub(super) fn graph(arguments: &GraphArguments) -> Result<u8, Failure> {
    let project = run::open(&arguments.input)?;
    let mut out = String::new();
    // names come from the files: none may move a cursor, or be a command to a CI system
    let mut line = |text: String| {
        let text = clean(&text);
        let shield = if text.trim_start().starts_with("::") {
            "./"
        } else {
            ""
        };
        let _ = writeln!(out, "{shield}{text}");
    };
    for database in &project.databases {
        let Some(graph) = run::graph(&project, database) else {
            continue;
        };
        line(format!(
            "{}: {} revisions, heads: {}",
            database.name,
            graph.revisions().len(),
            ids(graph, &graph.heads())
        ));
        for index in graph.order() {
            let path = project.sources.file(graph.revisions()[*index].file);
            line(format!(
                "  {}{}  {}",
                id(graph, *index),
                marks(graph, *index),
                path.path()
            ));
        }
        for problem in graph.problems() {
            line(format!("  problem: {}", describe(graph, problem)));
        }
    }
    output::print(&out)?;
    Ok(0)
}

fn id(graph: &Graph, index: Index) -> &str {
    &graph.revisions()[index].identifiers.revision
}

fn ids(graph: &Graph, indexes: &[Index]) -> String {
    let ids: Vec<&str> = indexes.iter().map(|index| id(graph, *index)).collect();
    if ids.is_empty() {
        "none".to_owned()
    } else {
        ids.join(", ")
    }
}

/// What is special about a revision: base, merge, branch point, dependencies, labels, head.
fn marks(graph: &Graph, index: Index) -> String {
    let identifiers = &graph.revisions()[index].identifiers;
    let mut marks = Vec::new();
    if identifiers.down_revisions.is_empty() {
        marks.push("base".to_owned());
    }
    if graph.is_merge(index) {
        marks.push(format!(
            "merge of {}",
            identifiers.down_revisions.join(", ")
        ));
    }
    if graph.children(index).len() > 1 {
        marks.push("branch point".to_owned());
    }
    if !graph.dependencies(index).is_empty() {
        marks.push(format!(
            "depends on {}",
            ids(graph, graph.dependencies(index))
        ));
    }
    if !identifiers.branch_labels.is_empty() {
        marks.push(format!("label {}", identifiers.branch_labels.join(", ")));
    }
    if graph.children(index).is_empty() {
        marks.push("head".to_owned());
    }
    if marks.is_empty() {
        String::new()
    } else {
        format!(" ({})", marks.join("; "))
    }
}

fn describe(graph: &Graph, problem: &Problem) -> String {
    match problem {
        Problem::Duplicate { revision, .. } => format!("two files have the id {revision}"),
        Problem::MissingParent { child, parent, .. } => {
            format!(
                "{} comes after {parent}, which is not here",
                id(graph, *child)
            )
        }
        Problem::Ambiguous { child, parent } => {
            format!(
                "{} depends on {parent}, which begins several ids",
                id(graph, *child)
            )
        }
        Problem::Cycle { members } => {
            format!("{} come after each other in a circle", ids(graph, members))
        }
    }
}
