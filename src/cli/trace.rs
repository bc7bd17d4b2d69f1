//! `foreshot trace`.

use super::{Failure, TraceArguments, run};

pub(super) fn trace(arguments: &TraceArguments) -> Result<u8, Failure> {
    let project = run::open(&arguments.input)?;
    for database in &project.databases {
        run::analyze(&project, database, true);
    }
    Ok(0)
}
