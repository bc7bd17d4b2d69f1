//! Just enough Python: syntax, values, an interpreter and the built-ins that migrations use. Knows no Alembic.
//!
//! In: source text. Out: effects on a [`host::Host`]. Nothing of the user's is executed: this is the only Python there is.

// texts are built piece by piece, exceptions travel boxed, and arithmetic names its sides alike
#![allow(
    clippy::format_push_string,
    clippy::similar_names,
    clippy::unnecessary_box_returns,
    clippy::unnecessary_wraps,
    clippy::unused_self,
    clippy::float_cmp,
    clippy::large_enum_variant,
    clippy::option_option,
    clippy::assigning_clones,
    clippy::manual_let_else
)]

mod builtins;
pub mod host;
pub mod interpreter;
mod lower;
pub mod names;
pub mod syntax;
pub mod value;

pub(crate) use builtins::json::value as json_value;
pub use host::{Arguments, Eval, Host, HostOperator, Raise, Truth};
pub use interpreter::Interpreter;
pub use value::{Class, Function, HostObject, HostRef, Instance, Key, Module, Scope, Str, Value};

#[cfg(test)]
mod tests;
