//! What happened in a run: events, in order.
//!
//! An event is one driver call that a migration made. Made by `alembic` while it interprets and by `scripts` while it
//! executes, completed by `replay` (which knows the end of the run), read by `rules` and `report`.

use std::collections::{BTreeMap, BTreeSet};
use std::ops::Deref;
use std::sync::Arc;

use rustc_hash::FxHashSet;
use smol_str::SmolStr;

use crate::postgres::catalog::QualifiedName;
use crate::postgres::{
    Catalog, Name, ObjectKey, ObjectKind, Outcome, ServerError, Statement, TransactionMode,
};
use crate::source::{FileId, Site};
use crate::unknown::Reason;

/// Which of the four runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Run {
    /// `upgrade()` on the schema that the parents left.
    First,
    /// `upgrade()` once more, on the schema after the first run.
    Rerun,
    /// `downgrade()` on the schema after the first run.
    Downgrade,
    /// `upgrade()` on the schema after that downgrade.
    Reupgrade,
}

impl Run {
    /// The run's word in reports.
    pub fn word(self) -> &'static str {
        match self {
            Self::First => "first",
            Self::Rerun => "rerun",
            Self::Downgrade => "downgrade",
            Self::Reupgrade => "reupgrade",
        }
    }
}

/// How a statement came to be: rules word their advice by it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// An Alembic operation, by its name (`create_table`); `batch` if through `batch_alter_table`.
    Operation {
        /// `create_table`, `add_column`...
        name: &'static str,
        /// Through a batch.
        batch: bool,
    },
    /// SQL text given to `op.execute`, `connection.execute`, ...
    Text,
    /// A SQLAlchemy construct given to an `execute`.
    Construct,
    /// SQLAlchemy's own DDL: `Table.create`, `Enum.create`, `metadata.create_all`; by the call's name.
    Schema(&'static str),
    /// A row or object of an ORM session.
    Orm,
    /// A statement of a SQL file.
    Script,
}

/// A driver call as the migration makes it, apart from what comes of it: where it stands, and what it sends. The runs of a SQL
/// file share its calls, so that a file of many thousands keeps each once.
#[derive(Clone, Debug)]
pub struct Call {
    /// The innermost statement of the revision's own file that led to the call.
    pub site: Site,
    /// Exact place of the SQL text, where it is one plain literal: the span of its contents.
    pub literal: Option<Site>,
    /// How the statement came to be.
    pub origin: Origin,
    /// The statements of the call: more than one where a string holds more.
    pub statements: Arc<[Statement]>,
    /// What is known of it beyond that; a statement of a SQL file has none of it.
    pub circumstances: Option<Box<Circumstances>>,
}

/// How Python came to make a call.
#[derive(Clone, Debug)]
pub struct Circumstances {
    /// See [`Call::stack`].
    pub stack: Vec<Site>,
    /// See [`Call::innermost`].
    pub innermost: Site,
    /// See [`Call::text`].
    pub text: Option<Arc<str>>,
    /// See [`Call::enums`].
    pub enums: Arc<[EnumType]>,
    /// See [`Call::ignored`].
    pub ignored: Option<&'static str>,
    /// See [`Call::checks_first`].
    pub checks_first: bool,
    /// See [`Call::guards`].
    pub guards: Vec<Arc<Guard>>,
}

impl Call {
    /// Sites of all frames that are in the revision's own file, innermost first; the first is `site`. The `with` line
    /// of a batch or block follows its call.
    pub fn stack(&self) -> &[Site] {
        match &self.circumstances {
            Some(known) => &known.stack,
            None => std::slice::from_ref(&self.site),
        }
    }

    /// Where the call itself stands (a helper in another file, perhaps), for labels.
    pub fn innermost(&self) -> Site {
        let known = self.circumstances.as_ref();
        known.map_or(self.site, |known| known.innermost)
    }

    /// Whether the call itself stands at `site`, and in no helper.
    pub fn is_direct(&self) -> bool {
        self.innermost() == self.site
    }

    /// Whether both are the same call, in two runs perhaps: of the same place, with the same statements.
    pub fn is_same(&self, other: &Self) -> bool {
        // the runs of a SQL file share it
        std::ptr::eq(self, other)
            || (self.stack() == other.stack() && self.statements == other.statements)
    }

    /// The SQL text as written, where there was one and it stands in no SQL file (`literal` is its place there); else it is
    /// rendered from the statements when needed.
    pub fn text(&self) -> Option<&Arc<str>> {
        self.circumstances.as_ref()?.text.as_ref()
    }

    /// The enum types of SQLAlchemy's that the call's operation was given.
    pub fn enums(&self) -> &[EnumType] {
        let known = self.circumstances.as_ref();
        known.map_or(&[], |known| &known.enums)
    }

    /// An argument that would guard it and that Alembic ignores: `if_exists`, `if_not_exists`.
    pub fn ignored(&self) -> Option<&'static str> {
        self.circumstances.as_ref()?.ignored
    }

    /// SQLAlchemy looks whether the thing is there before it makes the call (`checkfirst`).
    pub fn checks_first(&self) -> bool {
        let known = self.circumstances.as_ref();
        known.is_some_and(|known| known.checks_first)
    }

    /// The conditions that guard it and were decided by questions to the catalog, outermost first.
    pub fn guards(&self) -> &[Arc<Guard>] {
        let known = self.circumstances.as_ref();
        known.map_or(&[], |known| &known.guards)
    }
}

/// One driver call and what came of it. The call is read through it.
#[derive(Clone, Debug)]
pub struct Event {
    /// The call.
    pub call: Arc<Call>,
    /// What came of it.
    pub outcome: Outcome,
    /// What it made, altered or removed.
    pub changes: Box<[ObjectKey]>,
    /// Rerun only: something that it altered is different once the rerun is over.
    pub changed: Option<bool>,
    /// The mode in which it ran.
    pub mode: TransactionMode,
    /// Comes after an error of the same transaction with no savepoint around it.
    pub aborted: bool,
    /// The error reached a handler of the migration's own, under a savepoint of its own.
    pub handled: bool,
    /// A handler of the migration's own would catch its error and go on, with no savepoint around it: the `except` clause.
    pub swallowed: Option<Box<Site>>,
    /// Which transaction of the run it ran in, from 0; each [`Boundary`] begins the next.
    pub transaction: usize,
    /// It executes only if something unknown says so (a loop over rows, a branch that not all worlds take).
    pub conditional: Option<Reason>,
    /// What is not known, where the outcome is unknown or the event conditional: the construct, and where it stands.
    pub doubt: Option<Box<Gap>>,
}

impl Deref for Event {
    type Target = Call;

    fn deref(&self) -> &Call {
        &self.call
    }
}

impl Event {
    /// The tables that its statements work on, as written.
    pub fn tables(&self) -> impl Iterator<Item = &Name> {
        self.statements.iter().filter_map(Statement::table)
    }

    /// The server's refusal, unless the migration's own handler goes on behind it.
    pub fn failure(&self) -> Option<&ServerError> {
        match &self.outcome {
            Outcome::Error(error) if !self.handled => Some(error),
            _ => None,
        }
    }
}

/// A condition that was decided by questions to the catalog.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Guard {
    /// The condition; may be in another file (a helper).
    pub site: Site,
    /// What it came to.
    pub taken: bool,
    /// Whether work is passed over for it.
    pub skips: bool,
    /// The questions that it was decided by, in order.
    pub questions: Vec<Arc<Question>>,
    /// Texts that were compared on the way: which of the names that an answer lists was looked for.
    pub compared: Vec<SmolStr>,
}

/// A question to the catalog, through an Inspector or a query on the system catalogs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Question {
    /// The question as one writes it: `inspector.get_columns('t')`, `the query`.
    pub what: SmolStr,
    /// What it is about.
    pub subject: Subject,
    /// The answer, as far as names go.
    pub found: Found,
    /// Where it was asked; of an answer from a cache, where it was asked first.
    pub site: Option<Site>,
    /// The answer came from an Inspector's cache, and the catalog would answer otherwise by now.
    pub stale: bool,
}

/// What a question is about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Relations of a schema (`None`: those that are visible): one by its name, or all.
    Relations {
        /// The schema that was named.
        schema: Option<SmolStr>,
        /// The relation that was named.
        name: Option<SmolStr>,
    },
    /// Parts of a table.
    Parts {
        /// Columns, indexes or constraints.
        kind: ObjectKind,
        /// The schema that was named.
        schema: Option<SmolStr>,
        /// The table.
        table: SmolStr,
        /// The part that was named; `None`: all.
        name: Option<SmolStr>,
    },
    /// Other objects by their kind: types, schemas, sequences; one by its name, or all.
    Others {
        /// Their kind.
        kind: ObjectKind,
        /// The one that was named.
        name: Option<SmolStr>,
    },
    /// A query on the system catalogs, with the texts in it and those bound to it.
    Query {
        /// Each once, in order.
        texts: Vec<SmolStr>,
    },
}

/// An answer.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Found {
    /// The names that it lists.
    Names(Vec<SmolStr>),
    /// Whether the one thing that was asked for is there.
    Is(bool),
    /// Not known, or no matter of names.
    Unknown,
}

/// An enum type as an operation was given it: `sa.Enum(...)`, `postgresql.ENUM(...)`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EnumType {
    /// Its name in the database.
    pub name: Name,
    /// It is `postgresql.ENUM`, which looks before it creates and honours `create_type`.
    pub postgres: bool,
    /// It says `create_type=False`.
    pub create_type_off: bool,
    /// It belongs to a MetaData, which up to SQLAlchemy 2.0 keeps `create_table` from creating it.
    pub metadata: bool,
}

/// A place where a migration itself ends the transaction in which Alembic runs it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Boundary {
    /// The statement of the revision's own file: the `with` line of a block.
    pub site: Site,
    /// What ends it.
    pub kind: BoundaryKind,
    /// Which transaction of the run it ends, from 0.
    pub transaction: usize,
}

/// What ends a transaction before Alembic does.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum BoundaryKind {
    /// `with op.get_context().autocommit_block():`, which commits and begins anew at its end.
    AutocommitBlock,
    /// `commit()` of Alembic's connection.
    Commit,
    /// `rollback()` of Alembic's connection, or of an ORM session on it.
    Rollback,
    /// The statement COMMIT, or END.
    CommitText,
    /// The statement ROLLBACK, or ABORT.
    RollbackText,
}

/// An exception that ended a run.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Raised {
    /// The exception's class name.
    pub class: String,
    /// Its message.
    pub message: String,
    /// The statement of the revision's own file where it arose.
    pub site: Option<Site>,
    /// A `raise` statement raised it: the migration refuses. Else something went wrong by itself.
    pub explicit: bool,
    /// It arose in a module of the application, which may have more to go by where it is installed.
    pub elsewhere: bool,
}

/// Something that could not be analysed, and why.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Gap {
    /// Where.
    pub site: Option<Site>,
    /// What and why, as a message (lower case, no full stop).
    pub what: String,
}

/// One run of one revision.
#[derive(Clone, Debug, Default)]
pub struct Trace {
    /// Its events in order.
    pub events: Vec<Event>,
    /// What ended it early, if anything did.
    pub raised: Option<Raised>,
    /// Where it ends Alembic's transaction itself, in order.
    pub boundaries: Vec<Boundary>,
    /// What could not be analysed.
    pub gaps: Vec<Gap>,
    /// Things that no revision makes and that it uses: they are taken to have been there.
    pub presumed: Vec<ObjectKey>,
    /// Conditions that are not known, by which worlds part: where each stands and what it is.
    pub conditions: Vec<Gap>,
    /// All conditions that questions to the catalog decided, in order, each once.
    pub guards: Vec<Arc<Guard>>,
    /// An Inspector answered from its cache what the catalog would answer otherwise by then.
    pub stale: bool,
    /// An Inspector was made, or a connection asked: what `--sql` has no answer to.
    pub inspected: bool,
    /// It used what no revision made and what is assumed on a first run: on any other it would have been told otherwise.
    pub has_assumed: bool,
    /// foreshot itself broke off here (a panic): what follows is not known.
    pub broke_off: bool,
    /// Whether the function exists (`downgrade` may be missing).
    pub missing_function: bool,
}

/// A choice at an unknown condition.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Choice {
    /// Why it was not known.
    pub reason: Reason,
    /// What it was.
    pub what: String,
    /// The statement whose condition it was.
    pub site: Option<Site>,
    /// Which way this world went.
    pub value: bool,
    /// A module of the application was being loaded: what it asks there is its own affair.
    pub loading: bool,
}

/// What one world of a run comes to, whoever ran it.
#[derive(Clone, Debug)]
pub struct RunOutput {
    /// What happened.
    pub trace: Trace,
    /// The schema after it, committed.
    pub catalog: Catalog,
    /// The schema that a run leaves which raised: what its open transaction did is rolled back.
    pub undone: Option<Catalog>,
    /// The choices, in order.
    pub decisions: Vec<Choice>,
    /// Answers of conditions that have one value in all runs, the given ones included.
    pub settled: BTreeMap<String, bool>,
    /// Tables whose rows it changed by statements that may not execute.
    pub doubtful_rows: BTreeSet<QualifiedName>,
    /// Steps of Python that it took.
    pub steps: u64,
}

impl Trace {
    /// Whether a call of another run is made in it too.
    pub fn makes(&self, call: &Call) -> bool {
        self.events.iter().any(|event| event.is_same(call))
    }

    /// Everything that it made, altered or removed.
    pub fn touched(&self) -> FxHashSet<&ObjectKey> {
        self.events
            .iter()
            .flat_map(|event| &event.changes)
            .collect()
    }
}

/// One run of one revision.
#[derive(Clone, Debug)]
pub struct TracedRun {
    /// Place of the revision in the linear order of its database.
    pub index: usize,
    /// The revision's id.
    pub revision: String,
    /// The revision's file.
    pub file: FileId,
    /// The run.
    pub run: Run,
    /// What it did.
    pub trace: Trace,
}
