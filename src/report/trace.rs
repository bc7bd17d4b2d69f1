//! What every run did: JSON Lines for machines, a table for a person who is about to approve a migration.

use crate::trace::{Run, Trace};

/// One run of one revision.
#[derive(Clone, Debug)]
pub struct TracedRun {
    /// Place of the revision in the linear order of its database.
    pub index: usize,
    /// The revision's id.
    pub revision: String,
    /// The run.
    pub run: Run,
    /// What it did.
    pub trace: Trace,
}
