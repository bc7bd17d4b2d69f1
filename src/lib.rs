//! foreshot runs Alembic revisions and SQL migrations on paper and says what will go wrong.
//!
//! The way of the data: [`discover`] finds the files, [`python`] and [`sql`] read them, [`alembic`] turns calls into
//! statements and [`scripts`] takes SQL files as their tool does, [`postgres`] executes those against a simulated catalog, [`replay`] does the four runs of every revision,
//! [`rules`] judge the traces, [`report`] prints the diagnostics. Arrows point one way:
//! rules → replay → alembic and scripts → python and sql → postgres → source.

pub mod alembic;
pub mod analysis;
pub mod baseline;
pub mod cli;
pub mod config;
pub mod diagnostic;
mod digest;
pub mod discover;
mod faults;
pub mod files;
pub mod fingerprint;
pub mod fix;
pub mod git;
pub mod history;
pub mod limits;
pub mod merge;
pub mod postgres;
pub mod python;
pub mod repair;
pub mod replay;
pub mod report;
pub mod rules;
pub mod scripts;
pub mod source;
pub mod sql;
pub mod suppress;
pub mod timings;
pub mod trace;
pub mod unknown;
