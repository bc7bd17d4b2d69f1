//! Alembic and SQLAlchemy, modelled: calls become statements, statements become events.
//!
//! In: a revision's module, a catalog, versions. Out: a [`crate::trace::Trace`] and the catalog afterwards. [`Environment`]
//! is the interpreter's host: every object of Alembic's and SQLAlchemy's is an [`object::Object`] in a file of its own.

pub mod connection;
pub mod core;
pub mod dialect;
pub mod environment;
pub mod exceptions;
pub mod inspector;
pub mod literal;
pub mod modules;
pub mod object;
pub mod orm;
pub mod reflection;
pub mod result;
pub mod schema;
pub mod text;

pub use environment::{Decision, DriverCall, Environment, Settings};
