//! Alembic and SQLAlchemy, modelled: calls become statements, statements become events.
//!
//! In: a revision's module, a catalog, versions. Out: a [`crate::trace::Trace`] and the catalog afterwards. [`Environment`]
//! is the interpreter's host: every object of Alembic's and SQLAlchemy's is an [`object::Object`] in a file of its own.

// a modelled function has one signature, whether it keeps its arguments or not
#![allow(clippy::needless_pass_by_value)]

pub mod arguments;
pub mod bridge;
pub mod context;
pub mod env;
pub mod environment;
pub mod exceptions;
pub mod modules;
pub mod naming;
pub mod object;
pub mod operations;
pub mod revision;
pub mod run;
pub mod schema;
pub mod types;

pub use environment::{Decision, DriverCall, Environment, Settings};
