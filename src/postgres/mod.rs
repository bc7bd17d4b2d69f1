//! The simulated PostgreSQL: a catalog, and statements that change it or fail with the server's own SQLSTATE.
//!
//! In: [`Statement`]s, a driver call at a time. Out: an [`Answer`]: an effect, an error, or an honest unknown. It knows
//! nothing of SQL text, Python or Alembic. Facts come from measurements on PostgreSQL 11 to 18 (`tests/facts/`) and
//! from the manual.

pub mod catalog;
pub mod data;
pub mod error;
pub mod execute;
pub mod expression;
pub mod name;
pub mod numbers;
pub mod plpgsql;
pub mod query;
mod render;
pub mod session;
pub mod statement;
pub mod transaction;
pub mod version;

pub use catalog::Catalog;
pub use error::{ServerError, SqlState};
pub use expression::{Datum, Expr, Query, TypeName};
pub use name::{Name, ObjectKey, ObjectKind};
pub use session::{Answer, Outcome, Parameters, ResultSet, Session, TransactionMode};
pub use statement::Statement;
pub use version::Version;
