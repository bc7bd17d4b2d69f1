//! `foreshot merge-heads`: writes the revision that joins several heads.

use std::collections::BTreeSet;
use std::time::{SystemTime, UNIX_EPOCH};

use camino::Utf8PathBuf;

use super::{Failure, MergeArguments, output, run};
use crate::discover::Database;
use crate::files::{decode, join};
use crate::history::{Graph, Problem};
use crate::merge::Merge;

/// Joins the heads of each database that has several where no branch label says that they are meant to be.
pub(super) fn merge(arguments: &MergeArguments) -> Result<u8, Failure> {
    let project = run::open(&arguments.input)?;
    let mut done = false;
    for database in &project.databases {
        let Some(graph) = run::graph(&project, database).filter(|_| database.sql.is_none()) else {
            continue;
        };
        refuse(database, graph)?;
        for heads in graph.heads_to_join() {
            done = true;
            let ids: Vec<String> = heads
                .iter()
                .map(|head| graph.revisions()[*head].identifiers.revision.clone())
                .collect();
            let folders: BTreeSet<Utf8PathBuf> = heads
                .iter()
                .filter_map(|head| {
                    let file = project.sources.file(graph.revisions()[*head].file);
                    file.path().parent().map(ToOwned::to_owned)
                })
                .collect();
            write(arguments, &project, database, ids, &folders)?;
        }
    }
    if !done {
        output::say("no heads to join: each database has one, or its branches are labelled");
    }
    Ok(0)
}

/// A graph that Alembic does not load has no heads.
fn refuse(database: &Database, graph: &Graph) -> Result<(), Failure> {
    let broken = graph.problems().iter().any(|problem| {
        matches!(
            problem,
            Problem::Cycle { .. } | Problem::MissingParent { .. } | Problem::Duplicate { .. }
        )
    });
    if broken {
        return Err(Failure::Output(format!(
            "`{}` has revisions that Alembic does not load, so that its heads are not known: `foreshot check` says which",
            database.name
        )));
    }
    Ok(())
}

fn write(
    arguments: &MergeArguments,
    project: &run::Project,
    database: &Database,
    ids: Vec<String>,
    folders: &BTreeSet<Utf8PathBuf>,
) -> Result<(), Failure> {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |time| time.as_secs());
    let merge = Merge::new(
        ids,
        arguments.message.clone(),
        arguments.rev_id.clone(),
        seconds,
    );
    let template = database.script_location.as_ref().and_then(|folder| {
        let bytes = project.files.read(&join(folder, "script.py.mako")).ok()??;
        Some(decode(&bytes).text)
    });
    let text = merge.text(template.as_deref()).or_else(|| {
        output::say("`script.py.mako` is more than a plain template: the revision is written as Alembic's own has it");
        merge.text(None)
    });
    let text = text.unwrap_or_default();
    // beside the heads where they stand together, else in the first of the folders, as Alembic does
    let folder = match folders.len() {
        1 => folders.first(),
        _ => database.version_locations.first().or(folders.first()),
    };
    let name = merge.file_name(&database.naming);
    let path = folder.map_or_else(|| Utf8PathBuf::from(&name), |folder| join(folder, &name));
    if arguments.print {
        return output::print(&format!("# {path}\n{text}"));
    }
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(project.root.join(&path))
        .map_err(|error| Failure::Write(path.clone(), error.to_string()))?;
    std::io::Write::write_all(&mut file, text.as_bytes())
        .map_err(|error| Failure::Write(path.clone(), error.to_string()))?;
    output::say(&format!(
        "wrote `{path}`, which joins {}",
        merge.heads.join(", ")
    ));
    Ok(())
}
