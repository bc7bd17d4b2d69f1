//! `foreshot trace`: what every run did, whatever rules think of it. Exits with 0 wherever it could run.

use std::collections::BTreeSet;

use super::{Failure, TraceArguments, TraceFormat, output, run};
use crate::report::trace::{json_lines, table};

pub(super) fn trace(arguments: &TraceArguments) -> Result<u8, Failure> {
    let project = run::open(&arguments.input)?;
    let mut traces = Vec::new();
    let mut found = arguments.revision.is_none();
    for database in &project.databases {
        let wanted: Option<BTreeSet<String>> = arguments.revision.as_ref().map(|name| {
            let Some(graph) = run::graph(&project, database) else {
                return BTreeSet::new();
            };
            let meant = graph.named_by_user(name);
            meant
                .into_iter()
                .map(|index| graph.revisions()[index].identifiers.revision.clone())
                .collect()
        });
        if wanted.as_ref().is_some_and(BTreeSet::is_empty) {
            continue;
        }
        found = true;
        let analysed = run::analyze(&project, database, true, None);
        traces.extend(analysed.traces.into_iter().filter(|traced| {
            wanted
                .as_ref()
                .is_none_or(|ids| ids.contains(&traced.revision))
        }));
    }
    if let (false, Some(name)) = (found, &arguments.revision) {
        return Err(Failure::NoRevision(name.clone()));
    }
    let text = match arguments.format {
        TraceFormat::Json => json_lines(&traces, &project.sources),
        TraceFormat::Text => table(
            &traces,
            &project.sources,
            output::colours(arguments.input.color),
        ),
    };
    output::print(&text)?;
    Ok(0)
}
