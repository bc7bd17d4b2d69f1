//! The state of a connection's transaction: where it goes back to, and what it alone may not do yet.
//!
//! Kept by [`super::Session`]; holds no catalog logic. Enum labels added in a transaction are unsafe until it commits
//! (55P04), and types that it made itself are an exception by version; both are written down here.

use std::sync::Arc;

use imbl::{OrdMap, OrdSet};
use smol_str::SmolStr;

use super::catalog::{Catalog, QualifiedName};
use super::session::TransactionMode;

/// Everything that ROLLBACK brings back.
#[derive(Clone, Debug)]
pub struct State {
    /// The catalog.
    pub catalog: Catalog,
    /// The search path.
    pub search_path: Arc<[SmolStr]>,
    /// Enum labels added in this transaction to types that were not made safely in it.
    pub unsafe_labels: OrdSet<(QualifiedName, SmolStr)>,
    /// Types made in this transaction.
    pub made_types: OrdMap<QualifiedName, MadeType>,
    /// Temporary tables that go at the end of the transaction.
    pub drop_on_commit: Vec<QualifiedName>,
}

/// How a type was made in the transaction that is open.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct MadeType {
    /// Under a savepoint: 17 and later don't see that it is new.
    pub nested: bool,
    /// Renamed, moved or given away since: 11 no longer sees that it is new.
    pub updated: bool,
}

/// A savepoint: the migration's own, or one set by a SAVEPOINT statement.
#[derive(Clone, Debug)]
pub struct Savepoint {
    /// Name of a SAVEPOINT statement.
    pub name: Option<SmolStr>,
    /// What ROLLBACK TO brings back.
    pub state: State,
    /// Whether the transaction was aborted before.
    pub aborted: bool,
}

/// A connection's transaction.
#[derive(Clone, Debug)]
pub struct Transaction {
    /// Block, or each call by itself.
    pub mode: TransactionMode,
    /// The block is the server's own, made of a string of several statements.
    pub implicit: bool,
    /// What ROLLBACK brings back; `None` outside a block.
    pub start: Option<Box<State>>,
    /// Open savepoints, outermost first.
    pub savepoints: Vec<Savepoint>,
    /// A statement has failed with no savepoint around it.
    pub aborted: bool,
    /// Blocks of PL/pgSQL with handlers that are running: each is a subtransaction.
    pub subtransactions: usize,
    /// Enum labels added and not yet usable.
    pub unsafe_labels: OrdSet<(QualifiedName, SmolStr)>,
    /// Types made in this transaction.
    pub made_types: OrdMap<QualifiedName, MadeType>,
    /// Temporary tables that go at the end of the transaction.
    pub drop_on_commit: Vec<QualifiedName>,
    /// The search path that SET LOCAL replaced.
    pub path_before_local: Option<Arc<[SmolStr]>>,
}

impl Default for Transaction {
    fn default() -> Self {
        Self {
            mode: TransactionMode::Autocommit,
            implicit: false,
            start: None,
            savepoints: Vec::new(),
            aborted: false,
            subtransactions: 0,
            unsafe_labels: OrdSet::new(),
            made_types: OrdMap::new(),
            drop_on_commit: Vec::new(),
            path_before_local: None,
        }
    }
}

impl Transaction {
    /// Whether what is made now is made in a subtransaction.
    pub fn is_nested(&self) -> bool {
        self.subtransactions > 0 || !self.savepoints.is_empty()
    }

    /// Forgets everything that holds only until the end of a transaction.
    pub fn finish(&mut self) {
        self.implicit = false;
        self.start = None;
        self.savepoints.clear();
        self.aborted = false;
        self.unsafe_labels = OrdSet::new();
        self.made_types = OrdMap::new();
        self.drop_on_commit.clear();
        self.path_before_local = None;
    }
}
