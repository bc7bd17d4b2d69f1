//! Alembic and SQLAlchemy, modelled: calls become statements, statements become events.
//!
//! In: a revision's module, a catalog, versions. Out: a [`crate::trace::Trace`] and the catalog afterwards. [`Environment`]
//! is the interpreter's host: every object of Alembic's and SQLAlchemy's is an [`object::Object`] in a file of its own.

// a modelled function has one signature, whether it keeps its arguments or not
#![allow(clippy::needless_pass_by_value, clippy::unnecessary_wraps)]
// an exception travels in the box that `Eval` wants
#![allow(clippy::unnecessary_box_returns)]

pub mod arguments;
pub mod bridge;
pub mod configuration;
pub mod connection;
pub mod context;
pub mod core;
pub mod dialect;
pub mod env;
pub mod environment;
pub mod exceptions;
pub mod imports;
pub mod inspector;
pub mod literal;
pub mod modules;
pub mod naming;
pub mod object;
pub mod operations;
pub mod orm;
mod pydantic;
pub mod questions;
pub mod reflection;
pub mod result;
pub mod revision;
pub mod run;
pub mod schema;
#[cfg(test)]
mod testing;
pub mod text;
pub mod types;
mod uses;

pub use environment::{Decision, DriverCall, Environment, Settings};
