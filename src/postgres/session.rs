//! One connection: the catalog that it sees, its transaction, and the answer to each driver call.
//!
//! A failing call is undone wholly and the session goes on as if it had been under a savepoint of its own, so that one
//! failure hides no other; [`Answer::aborted`] says that a real server would have refused it with 25P02.

use std::sync::Arc;

use smol_str::SmolStr;

use super::catalog::Catalog;
use super::expression::Datum;
use super::statement::Statement;
use super::{ObjectKey, ServerError, Version};

/// Whether statements run in a transaction block or each on its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TransactionMode {
    /// Inside BEGIN ... COMMIT.
    Block,
    /// Each driver call commits by itself.
    Autocommit,
}

/// What came of a driver call.
#[derive(Clone, Debug, PartialEq)]
pub enum Outcome {
    /// It succeeded.
    Ok,
    /// The server refuses it.
    Error(ServerError),
    /// What the server says can't be known; the sentence says why (lower case, no full stop).
    Unknown(Arc<str>),
}

/// Rows that a call gives back.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultSet {
    /// Names of the output columns.
    pub columns: Vec<SmolStr>,
    /// The rows, or `None` where they depend on data that is not known.
    pub rows: Option<Vec<Vec<Datum>>>,
}

/// The server's answer to one driver call.
#[derive(Clone, Debug, PartialEq)]
pub struct Answer {
    /// What came of it.
    pub outcome: Outcome,
    /// Everything that it made, altered or removed, in order, each once; empty unless the outcome is [`Outcome::Ok`].
    pub changes: Vec<ObjectKey>,
    /// Rows of the last statement, where it returns rows.
    pub result: Option<ResultSet>,
    /// Rows touched by the last statement (`rowcount`), where known.
    pub row_count: Option<u64>,
    /// Objects that were used and never heard of in an open world: the catalog now assumes them.
    pub assumed: Vec<ObjectKey>,
    /// A statement of this transaction has failed before with no savepoint around it.
    pub aborted: bool,
    /// The mode in which it ran.
    pub mode: TransactionMode,
}

/// Reads SQL text into statements: lent by the layer above, for EXECUTE in PL/pgSQL.
pub type Parser = fn(&str) -> Vec<Statement>;

/// Values of bind parameters by name or number, for [`super::Expr::Parameter`]; a missing one is unknown.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Parameters {
    /// Name (or number) and value.
    pub values: Vec<(SmolStr, Datum)>,
}

impl Parameters {
    /// The value of a parameter.
    pub fn get(&self, name: &str) -> Option<&Datum> {
        self.values
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, value)| value)
    }
}

/// A savepoint of [`Session::savepoint`], to be given back.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct SavepointId(pub usize);

/// A connection to the simulated server.
#[derive(Clone)]
pub struct Session {
    /// The catalog as this connection sees it now.
    pub catalog: Catalog,
    /// The server's major version.
    pub version: Version,
    /// Reads dynamic SQL.
    pub parser: Parser,
    /// Schemas that unqualified names are looked up in, in order; the first is where new objects go.
    pub search_path: Vec<SmolStr>,
}

impl Session {
    /// A connection in autocommit mode, search path `public`.
    pub fn new(catalog: Catalog, version: Version, parser: Parser) -> Self {
        Self {
            catalog,
            version,
            parser,
            search_path: vec![SmolStr::new("public")],
        }
    }

    /// Executes one driver call: its statements are one atom, all or nothing.
    ///
    /// SQL text of several statements is parsed by the server before any of it runs, so a syntax error refuses all.
    pub fn execute(&mut self, statements: &[Statement], parameters: &Parameters) -> Answer {
        let _ = (statements, parameters);
        unimplemented!()
    }

    /// Opens a transaction block, as a driver does before the first statement; a no-op in one.
    pub fn begin(&mut self) {
        unimplemented!()
    }

    /// Commits: new enum labels become usable, temporary ON COMMIT DROP tables go, the mode is autocommit again.
    pub fn commit(&mut self) {
        unimplemented!()
    }

    /// Rolls back to the catalog at [`Session::begin`].
    pub fn rollback(&mut self) {
        unimplemented!()
    }

    /// The mode in which the next statement runs.
    pub fn mode(&self) -> TransactionMode {
        unimplemented!()
    }

    /// Sets a savepoint of the migration's own (`begin_nested`): an error under it is handled there and does not abort
    /// the transaction.
    pub fn savepoint(&mut self) -> SavepointId {
        unimplemented!()
    }

    /// Releases a savepoint: its effects stay.
    pub fn release(&mut self, savepoint: SavepointId) {
        let _ = savepoint;
        unimplemented!()
    }

    /// Rolls back to a savepoint and clears the aborted state that arose under it.
    pub fn rollback_to(&mut self, savepoint: SavepointId) {
        let _ = savepoint;
        unimplemented!()
    }

    /// How many savepoints of the migration's own are open.
    pub fn savepoint_depth(&self) -> usize {
        unimplemented!()
    }
}
