//! What every run did: JSON Lines for machines, a table for a person who is about to approve a migration.

pub use crate::trace::TracedRun;
