//! One connection: the catalog that it sees, its transaction, and the answer to each driver call.
//!
//! A failing call is undone wholly and the session goes on as if it had been under a savepoint of its own, so that one
//! failure hides no other; [`Answer::aborted`] says that a real server would have refused it with 25P02.

use std::cell::{Cell, RefCell};
use std::sync::Arc;

use rustc_hash::FxHashMap;
use smol_str::SmolStr;

use super::catalog::{Catalog, Index, Presence, QualifiedName};
use super::execute::{self, Failure};
use super::expression::{Datum, TypeName};
use super::numbers::Taken;
use super::statement::{AlterTableCommand, Statement, TransactionStatement};
use super::transaction::{Savepoint, State, Transaction};
use super::{ObjectKey, ServerError, SqlState, Version};

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
    Error(Box<ServerError>),
    /// What the server says can't be known; the sentence says why (lower case, no full stop).
    Unknown(Arc<str>),
}

/// Rows that a call gives back.
#[derive(Clone, Debug, PartialEq)]
pub struct ResultSet {
    /// Names of the output columns.
    pub columns: Vec<SmolStr>,
    /// Which of them are `json` or `jsonb`: drivers read those themselves.
    pub json: Vec<bool>,
    /// The rows, or `None` where they depend on data that is not known.
    pub rows: Option<Vec<Vec<Datum>>>,
    /// At least one row is there.
    pub some: bool,
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

/// What the running call has done so far; executors write it.
#[derive(Clone, Debug, Default)]
pub struct Call {
    /// Things made, altered or removed.
    pub changes: Vec<ObjectKey>,
    /// Things assumed.
    pub assumed: Vec<ObjectKey>,
    /// Why the outcome can't be known, though the effects are those of success.
    pub doubt: Option<Arc<str>>,
    /// Rows of the last statement.
    pub result: Option<ResultSet>,
    /// Rows touched by the last statement.
    pub row_count: Option<u64>,
    /// How many statements the call holds: more than one make an implicit transaction block.
    pub statements: usize,
    /// The invalid index that a failing CREATE INDEX CONCURRENTLY leaves on a table.
    pub left_behind: Option<(QualifiedName, Index)>,
    /// How deep inside DO blocks and functions the running statement is.
    pub depth: usize,
    /// Numbers of sequences that it took.
    pub(crate) taken: Taken,
}

/// What [`Session::checkpoint`] gives back: the whole state of the connection but its transaction's frame.
#[derive(Clone, Debug)]
pub struct Checkpoint {
    state: State,
    savepoints: usize,
    changes: usize,
    assumed: usize,
    doubt: Option<Arc<str>>,
}

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
    pub search_path: Arc<[SmolStr]>,
    /// The transaction that is open, or the frame of one.
    pub transaction: Transaction,
    /// What the running call has done so far.
    pub call: Call,
    /// The catalog as it was when the connection began: what is not in it was made here.
    pub initial: Catalog,
    /// A table that no statement made and a statement uses directly must be there all the same: it is assumed, and
    /// counted. Guards see it only from then on.
    pub assumes: bool,
    /// The running query may ask whether a table is there: its caller catches the error that says no.
    pub is_asking: bool,
    /// Rows that its queries have looked at so far.
    pub query_work: Cell<usize>,
    /// `assumes` has been asked for, and was what the answer came from.
    has_assumed: Cell<bool>,
    /// The numbers of the last names that were made of each beginning; all below are taken.
    pub(crate) numbers: RefCell<FxHashMap<QualifiedName, u32>>,
    /// Numbers of sequences that the calls before took.
    taken: Taken,
}

impl Session {
    /// A connection in autocommit mode, search path `public`. Temporary objects of other connections are not seen.
    pub fn new(catalog: Catalog, version: Version, parser: Parser) -> Self {
        let mut session = Self {
            initial: catalog.clone(),
            assumes: false,
            is_asking: false,
            query_work: Cell::new(0),
            has_assumed: Cell::new(false),
            numbers: RefCell::default(),
            taken: Taken::default(),
            catalog,
            version,
            parser,
            search_path: Arc::new([SmolStr::new_static("public")]),
            transaction: Transaction::default(),
            call: Call::default(),
        };
        session.catalog.relations.remove_temporary();
        session
    }

    /// Executes one driver call: its statements are one atom, all or nothing.
    ///
    /// SQL text of several statements is parsed by the server before any of it runs, so a syntax error refuses all.
    /// A statement that can't be judged is left out, and makes the outcome unknown; the others take effect.
    pub fn execute(&mut self, statements: &[Statement], parameters: &Parameters) -> Answer {
        let aborted = self.transaction.aborted;
        let mode = self.transaction.mode;
        self.call = Call {
            statements: statements.len(),
            ..Call::default()
        };
        let mut undo = self.checkpoint();
        let mut error = execute::versions::refused(statements, self.version);
        if error.is_none() {
            for statement in statements {
                let before = (statements.len() > 1).then(|| self.checkpoint());
                self.call.result = None;
                self.call.row_count = None;
                let noted = self.call.changes.len();
                let assumed = self.call.assumed.len();
                match execute::run(self, statement, parameters) {
                    Ok(()) => self.note_gone(statement, noted),
                    Err(Failure::Error(failure)) => {
                        error = Some(failure);
                        break;
                    }
                    Err(Failure::Unknown(why)) => {
                        let used = self.call.assumed.split_off(assumed);
                        self.restore(before.unwrap_or_else(|| undo.clone()));
                        execute::resolve::assume_again(self, &used);
                        self.catalog.unsettled |= execute::possible::makes(statement);
                        if execute::possible::takes_numbers(statement) {
                            self.forget_numbers();
                        }
                        self.doubt(why);
                    }
                }
                if matches!(
                    statement,
                    Statement::Transaction(
                        TransactionStatement::Begin
                            | TransactionStatement::Commit
                            | TransactionStatement::Rollback
                    )
                ) {
                    undo = self.checkpoint();
                }
            }
        }
        self.transaction.subtransactions = 0;
        self.catalog.relations.settle();
        let mut doubt = self.call.doubt.take();
        if let Some(missing) = error.as_ref().filter(|error| self.may_be_made(error)) {
            let why = format!(
                "{}, unless a statement that is not known made it",
                missing.message
            );
            doubt = doubt.or(Some(why.into()));
        }
        let outcome = match (error, doubt) {
            (Some(error), None) => {
                self.restore(undo);
                if let Some((table, index)) = self.call.left_behind.take() {
                    execute::index::leave_invalid(self, &table, index);
                }
                self.abort();
                Outcome::Error(Box::new(error))
            }
            (Some(_), Some(why)) => {
                self.restore(undo);
                Outcome::Unknown(why)
            }
            (None, Some(why)) => Outcome::Unknown(why),
            (None, None) => Outcome::Ok,
        };
        if self.transaction.mode == TransactionMode::Autocommit {
            self.end_transaction();
        }
        let mut call = std::mem::take(&mut self.call);
        self.taken.add(std::mem::take(&mut call.taken));
        let succeeded = outcome == Outcome::Ok;
        Answer {
            changes: if succeeded {
                once(call.changes)
            } else {
                Vec::new()
            },
            result: call.result.filter(|_| succeeded),
            row_count: call.row_count.filter(|_| succeeded),
            assumed: once(call.assumed),
            outcome,
            aborted,
            mode,
        }
    }

    /// What the server answers a call that it refuses as a whole before it looks at the catalog.
    pub fn refuse(&mut self, error: ServerError) -> Answer {
        let aborted = self.transaction.aborted;
        let mode = self.transaction.mode;
        self.abort();
        if mode == TransactionMode::Autocommit {
            self.end_transaction();
        }
        Answer {
            outcome: Outcome::Error(Box::new(error)),
            changes: Vec::new(),
            result: None,
            row_count: None,
            assumed: Vec::new(),
            aborted,
            mode,
        }
    }

    /// Executes one statement inside a call that is running: for PL/pgSQL and other nested execution. A failure leaves
    /// what was done before it: give back a [`Session::checkpoint`] with [`Session::restore`].
    pub fn execute_nested(
        &mut self,
        statement: &Statement,
        parameters: &Parameters,
    ) -> Result<(), Failure> {
        if let Some(error) =
            execute::versions::refused(std::slice::from_ref(statement), self.version)
        {
            return Err(Failure::Error(error));
        }
        self.call.depth += 1;
        let noted = self.call.changes.len();
        let done = execute::run(self, statement, parameters);
        self.call.depth -= 1;
        if done.is_ok() {
            self.note_gone(statement, noted);
        }
        done
    }

    /// Opens a transaction block, as a driver does before the first statement; a no-op in one.
    pub fn begin(&mut self) {
        if self.transaction.mode == TransactionMode::Block {
            return;
        }
        self.transaction.mode = TransactionMode::Block;
        self.transaction.start = Some(Box::new(self.state()));
        // what was taken before is of no matter to its rollback
        self.taken = Taken::default();
    }

    /// Opens the block that the server makes of a string of several statements, where none is open
    /// (manual, 55.2.2.1): like any other, but that it has no savepoints.
    pub fn begin_implicit(&mut self) {
        if self.transaction.mode == TransactionMode::Autocommit {
            self.begin();
            self.transaction.implicit = true;
        }
    }

    /// Whether the block that is open is one of [`Session::begin_implicit`].
    pub fn is_implicit(&self) -> bool {
        self.transaction.implicit
    }

    /// Commits: new enum labels become usable, temporary ON COMMIT DROP tables go, the mode is autocommit again.
    /// As on the server, the commit of an aborted transaction that was not undone by a savepoint is a rollback there;
    /// here the session goes on as if the failure had been undone alone.
    pub fn commit(&mut self) {
        self.transaction.mode = TransactionMode::Autocommit;
        self.end_transaction();
    }

    /// Rolls back to the catalog at [`Session::begin`].
    pub fn rollback(&mut self) {
        if let Some(start) = self.transaction.start.take() {
            self.go_back(*start);
        }
        self.transaction.mode = TransactionMode::Autocommit;
        self.transaction.finish();
    }

    /// The mode in which the next statement runs.
    pub fn mode(&self) -> TransactionMode {
        self.transaction.mode
    }

    /// Sets a savepoint of the migration's own (`begin_nested`): an error under it is handled there and does not abort
    /// the transaction. Opens a block where none is.
    pub fn savepoint(&mut self) -> SavepointId {
        self.begin();
        self.push_savepoint(None);
        SavepointId(self.transaction.savepoints.len() - 1)
    }

    /// Releases a savepoint and those inside it: their effects stay.
    pub fn release(&mut self, savepoint: SavepointId) {
        self.transaction.savepoints.truncate(savepoint.0);
    }

    /// Rolls back to a savepoint, which is gone then, and clears the aborted state that arose under it.
    pub fn rollback_to(&mut self, savepoint: SavepointId) {
        if savepoint.0 >= self.transaction.savepoints.len() {
            return;
        }
        self.transaction.savepoints.truncate(savepoint.0 + 1);
        if let Some(popped) = self.transaction.savepoints.pop() {
            self.transaction.aborted = popped.aborted;
            self.go_back(popped.state);
        }
    }

    /// How many savepoints of the migration's own are open.
    pub fn savepoint_depth(&self) -> usize {
        self.transaction.savepoints.len()
    }

    /// The state now, to come back to: what a subtransaction of PL/pgSQL needs.
    pub fn checkpoint(&self) -> Checkpoint {
        Checkpoint {
            state: self.state(),
            savepoints: self.transaction.savepoints.len(),
            changes: self.call.changes.len(),
            assumed: self.call.assumed.len(),
            doubt: self.call.doubt.clone(),
        }
    }

    /// Comes back to a state: everything done since is undone, what was noted of it too.
    pub fn restore(&mut self, checkpoint: Checkpoint) {
        self.set_state(checkpoint.state);
        self.call.taken.bring_back(&mut self.catalog);
        self.transaction.savepoints.truncate(checkpoint.savepoints);
        self.call.changes.truncate(checkpoint.changes);
        self.call.assumed.truncate(checkpoint.assumed);
        self.call.doubt = checkpoint.doubt;
    }

    /// Notes that the running statement made, altered or removed a thing.
    pub fn change(&mut self, key: ObjectKey) {
        self.call.changes.push(key);
    }

    /// Whether what a refused call misses may be what a statement of the same revision made that is not known.
    fn may_be_made(&self, error: &ServerError) -> bool {
        let is_gone = |key: &ObjectKey| self.catalog.gone.contains(key);
        self.catalog.unsettled
            && error.misses_object()
            && !error.object.as_ref().is_some_and(is_gone)
    }

    /// Where things are assumed, what a statement removed is known not to be there any more, and what it made is.
    fn note_gone(&mut self, statement: &Statement, from: usize) {
        if !only_adds(statement) {
            self.numbers.take();
        }
        let catalog = &self.catalog;
        if !catalog.open && !self.assumes && catalog.nameless.is_empty() && !catalog.unsettled {
            return;
        }
        if self.catalog.gone.is_empty() && only_makes(statement) {
            return;
        }
        for key in self.call.changes.iter().skip(from) {
            if self.catalog.contains(key) {
                self.catalog.gone.remove(key);
            } else {
                self.catalog.gone.insert(key.clone());
            }
        }
    }

    /// Notes that the outcome of the running call can't be known; the first reason is kept.
    pub fn doubt(&mut self, why: impl Into<Arc<str>>) {
        if self.call.doubt.is_none() {
            self.call.doubt = Some(why.into());
        }
    }

    /// Whether a relation or type of a kind that is used directly and was never heard of is assumed. An index belongs to a
    /// table that is known, so it is absent ([`Session::assume_index`] is for the others); a type belongs to columns, and may
    /// be there where some tables are assumed. And under a savepoint of the migration's own a failure is what it waits for.
    pub(crate) fn assumes_relation(&self, kind: super::ObjectKind) -> bool {
        let may_be = match kind {
            super::ObjectKind::Index => false,
            super::ObjectKind::Type => self.catalog.has_more(),
            _ => true,
        };
        self.catalog.open
            || (self.assumes && may_be && self.savepoint_depth() == 0 && self.decides())
    }

    /// Whether a relation that was never heard of may be there where it is used: it is assumed, or one was made whose name is
    /// not known, and none of its name was removed.
    pub(crate) fn may_be_there(
        &self,
        kind: super::ObjectKind,
        key: &ObjectKey,
        name: &str,
    ) -> bool {
        (self.assumes_relation(kind) || self.catalog.may_have_made(name))
            && !self.catalog.is_relation_gone(&key.name)
    }

    /// True; notes that it is only since the session assumes tables.
    fn decides(&self) -> bool {
        self.has_assumed.set(true);
        true
    }

    /// Whether any answer so far could have been another if it did not assume tables.
    pub fn has_assumed(&self) -> bool {
        self.has_assumed.get()
    }

    /// Takes a table that was never heard of to be there, because it is reflected and the migration could not go on
    /// without it; whether it may be.
    pub fn assume_reflected(&mut self, name: &super::Name) -> bool {
        self.assumes
            && self.savepoint_depth() == 0
            && super::execute::resolve::relation_in_query(self, name).is_ok()
    }

    /// Takes an index to be there that is dropped of a table of which nothing is known but that it must be there; whether
    /// that was new.
    pub fn assume_index(&mut self, table: &super::Name, index: &str) -> bool {
        if !self.assume_reflected(table) {
            return false;
        }
        let Some(relation) = self.catalog.find_relation(&self.search_path, table) else {
            return false;
        };
        let table = relation.name.clone();
        let name = QualifiedName::new(&table.schema, index);
        let is_known = relation.presence != Presence::Assumed
            || self.catalog.relations.contains_key(&name)
            || self
                .catalog
                .is_relation_gone(&name.key(super::ObjectKind::Index).name);
        if !is_known {
            execute::index::assume(self, &table, index);
        }
        !is_known
    }

    /// Whether the running statement is in a transaction block, explicit or implicit, or inside a function.
    pub fn in_block(&self) -> bool {
        self.transaction.mode == TransactionMode::Block
            || self.call.statements > 1
            || self.call.depth > 0
    }

    /// Whether savepoints may be set: an implicit block has none.
    pub(crate) fn has_savepoints(&self) -> bool {
        (self.transaction.mode == TransactionMode::Block && !self.transaction.implicit)
            || self.call.depth > 0
    }

    /// Whether a label was added in this transaction and may not be used yet.
    pub fn is_unsafe_label(&self, type_name: &QualifiedName, label: &str) -> bool {
        !self.transaction.unsafe_labels.is_empty()
            && self
                .transaction
                .unsafe_labels
                .contains(&(type_name.clone(), SmolStr::new(label)))
    }

    /// What the server says where a literal is coerced to a type: 55P04 for a label that is not usable yet, 22P02 for
    /// one that the type does not have. Types that are no enums, and doubtful ones, say nothing.
    pub fn check_enum_use(&self, type_name: &TypeName, literal: &str) -> Result<(), ServerError> {
        execute::enums::check_use(self, type_name, literal)
    }

    /// Sets the search path; `local` ends with the transaction.
    pub fn set_search_path(&mut self, path: Arc<[SmolStr]>, local: bool) {
        if local && self.in_block() && self.transaction.path_before_local.is_none() {
            self.transaction.path_before_local = Some(self.search_path.clone());
        }
        if local && !self.in_block() {
            return;
        }
        self.search_path = path;
    }

    /// What its transaction made so far counts as committed by an earlier one: types are no longer new.
    pub fn forget_made_types(&mut self) {
        self.transaction.made_types.clear();
    }

    pub(crate) fn push_savepoint(&mut self, name: Option<SmolStr>) {
        let savepoint = Savepoint {
            name,
            state: self.state(),
            aborted: self.transaction.aborted,
        };
        self.transaction.savepoints.push(savepoint);
    }

    pub(crate) fn error_outside_block(what: &str) -> Failure {
        Failure::Error(ServerError::new(
            SqlState::NO_ACTIVE_SQL_TRANSACTION,
            format!("{what} can only be used in transaction blocks"),
        ))
    }

    pub(crate) fn state(&self) -> State {
        State {
            catalog: self.catalog.clone(),
            search_path: self.search_path.clone(),
            unsafe_labels: self.transaction.unsafe_labels.clone(),
            made_types: self.transaction.made_types.clone(),
            drop_on_commit: self.transaction.drop_on_commit.clone(),
        }
    }

    /// Rolls back to a state of an earlier call.
    pub(crate) fn go_back(&mut self, state: State) {
        self.set_state(state);
        self.taken.bring_back(&mut self.catalog);
        self.call.taken.bring_back(&mut self.catalog);
    }

    /// A statement of the revision that runs could not be read.
    pub fn note_unread(&mut self) {
        self.catalog.unread = true;
        self.catalog.unsettled = true;
        self.forget_numbers();
    }

    /// A statement that is not known may have used any sequence.
    pub(crate) fn forget_numbers(&mut self) {
        self.catalog.forget_numbers();
        self.call.taken.forget();
    }

    fn set_state(&mut self, state: State) {
        self.numbers.take();
        self.catalog = state.catalog;
        self.search_path = state.search_path;
        self.transaction.unsafe_labels = state.unsafe_labels;
        self.transaction.made_types = state.made_types;
        self.transaction.drop_on_commit = state.drop_on_commit;
    }

    fn abort(&mut self) {
        if self.transaction.mode == TransactionMode::Block && self.transaction.savepoints.is_empty()
        {
            self.transaction.aborted = true;
        }
    }

    fn end_transaction(&mut self) {
        for name in std::mem::take(&mut self.transaction.drop_on_commit) {
            execute::drop::remove_relation(self, &name);
        }
        if let Some(path) = self.transaction.path_before_local.take() {
            self.search_path = path;
        }
        self.transaction.finish();
    }
}

/// Whether no name is free after a statement that was taken before it: the commonest ones only.
fn only_adds(statement: &Statement) -> bool {
    use AlterTableCommand::{AddColumn, AddConstraint, SetDefault, SetNotNull};
    match statement {
        Statement::AlterTable(alter) => alter.commands.iter().all(|command| {
            matches!(
                command,
                AddColumn { .. } | AddConstraint(_) | SetNotNull { .. } | SetDefault { .. }
            )
        }),
        _ => only_makes(statement),
    }
}

/// Whether nothing can be missing after a statement that was there before it: the commonest ones only.
fn only_makes(statement: &Statement) -> bool {
    match statement {
        Statement::CreateTable(_)
        | Statement::CreateIndex(_)
        | Statement::CreateType(_)
        | Statement::CreateTrigger(_)
        | Statement::Insert(_)
        | Statement::Update(_) => true,
        Statement::Comment { text, .. } => text.as_ref().is_some_and(|text| !text.is_empty()),
        _ => false,
    }
}

fn once(keys: Vec<ObjectKey>) -> Vec<ObjectKey> {
    if keys.len() < 2 {
        return keys;
    }
    let mut seen = rustc_hash::FxHashSet::default();
    keys.into_iter()
        .filter(|key| seen.insert(key.clone()))
        .collect()
}

impl std::fmt::Debug for Session {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter
            .debug_struct("Session")
            .field("version", &self.version)
            .field("search_path", &self.search_path)
            .field("transaction", &self.transaction.mode)
            .finish_non_exhaustive()
    }
}
