//! Just enough Python: syntax, values, an interpreter and the built-ins that migrations use. Knows no Alembic.
//!
//! In: source text. Out: effects on a [`host::Host`]. Nothing of the user's is executed: this is the only Python there is.

mod builtins;
pub mod host;
pub mod interpreter;
mod lower;
pub mod syntax;
pub mod value;

pub use host::{Arguments, Eval, Host, HostOperator, Raise, Truth};
pub use interpreter::Interpreter;
pub use value::{Class, Function, HostObject, HostRef, Instance, Key, Module, Scope, Str, Value};
