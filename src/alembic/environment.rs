//! The migration environment of one run: the connection, the settings, and what has happened so far.

use std::collections::{BTreeMap, BTreeSet};
use std::rc::Rc;
use std::sync::Arc;

use super::object::Interp;
use super::questions::Questions;
use crate::config::{Driver, PackageVersion};
use crate::limits::Limit;
use crate::postgres::catalog::QualifiedName;
use crate::postgres::statement::TransactionStatement;
use crate::postgres::{
    Answer, Catalog, ObjectKey, Outcome, Parameters, ServerError, Session, SqlState, Statement,
    TransactionMode,
};
use crate::python::{Class, Eval, Value};
use crate::source::{FileId, Site};
use crate::sql::{self, Placeholders};
use crate::trace::{
    Boundary, BoundaryKind, Call, Circumstances, EnumType, Event, Gap, Guard, Origin,
};
use crate::unknown::{Reason, Unknown};

/// Versions and settings that decide how operations behave; the same for all runs of a database.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Alembic's version.
    pub alembic: PackageVersion,
    /// SQLAlchemy's version.
    pub sqlalchemy: PackageVersion,
    /// The driver.
    pub driver: Driver,
    /// Naming convention of the target metadata, as `env.py` sets it: key (`ix`, `uq`, `ck`, `fk`, `pk`) to template.
    pub naming_convention: BTreeMap<String, String>,
    /// The schema of the table of applied revisions, `Some(None)` where `env.py` names none; `None`: not known.
    pub version_schema: Option<Option<String>>,
    /// Options of Alembic's configuration.
    pub options: super::configuration::Options,
}

/// One choice at an unknown condition.
#[derive(Clone, Debug, PartialEq)]
pub struct Decision {
    /// What was not known.
    pub unknown: Unknown,
    /// The statement whose condition it was.
    pub site: Option<Site>,
    /// Which way this world went.
    pub value: bool,
    /// A module of the application was being loaded.
    pub loading: bool,
}

/// The choices of one world: first those it was told, then what is usual, else `true`.
#[derive(Clone, Debug, Default)]
pub struct Decisions {
    /// What to answer, in order.
    pub script: Vec<bool>,
    /// What was asked and answered, in order.
    pub taken: Vec<Decision>,
    /// Answers of unknowns that have one value in all runs, by description.
    pub settled: BTreeMap<Rc<str>, bool>,
}

/// How many choices back a value is known again.
const LATELY: usize = 64;

impl Decisions {
    /// Answers an unknown condition and remembers it.
    pub fn decide(&mut self, unknown: &Unknown, site: Option<Site>, loading: bool) -> bool {
        if unknown.reason == Reason::Environment
            && let Some(value) = self.settled.get(&unknown.what)
        {
            return *value;
        }
        // one value that is asked twice answers alike, as an `if` that a revision repeats further down
        let mut lately = self.taken.iter().rev().take(LATELY);
        if let Some(known) = lately.find(|known| Rc::ptr_eq(&known.unknown.what, &unknown.what)) {
            return known.value;
        }
        let usual = unknown.usual.as_ref().is_none_or(|usual| usual.is_true());
        let told = self.script.get(self.taken.len()).copied();
        let value = told.unwrap_or(usual);
        if unknown.reason == Reason::Environment {
            self.settled.insert(unknown.what.clone(), value);
        }
        self.taken.push(Decision {
            unknown: unknown.clone(),
            site,
            value,
            loading,
        });
        value
    }
}

/// One driver call about to be made.
#[derive(Clone, Debug)]
pub struct DriverCall {
    /// How it came to be.
    pub origin: Origin,
    /// Its statements.
    pub statements: Arc<[Statement]>,
    /// The SQL text as written, if there was one.
    pub text: Option<Arc<str>>,
    /// Exact place of that text's contents, if it is one plain literal.
    pub literal: Option<Site>,
    /// Bound values.
    pub parameters: Parameters,
    /// An argument that would guard it and that Alembic ignores.
    pub ignored: Option<&'static str>,
    /// SQLAlchemy looks whether the thing is there before it makes the call (`checkfirst`).
    pub checks_first: bool,
    /// Enum types that the operation was given.
    pub enums: Arc<[EnumType]>,
    /// Where it stands, if not where the interpreter stands now (a batch executes when its block ends).
    pub place: Option<Place>,
}

/// Where a call stands.
#[derive(Clone, Debug)]
pub struct Place {
    /// Sites in the revision's own file, innermost first.
    pub stack: Vec<Site>,
    /// The innermost site of all.
    pub innermost: Site,
    /// The conditions that guard it, outermost first.
    pub guards: Vec<Arc<Guard>>,
    /// What is not known and says whether it executes.
    pub conditional: Option<Unknown>,
}

impl DriverCall {
    /// A call of SQLAlchemy's own DDL, which may look first whether there is something to do.
    pub fn schema(what: &'static str, statement: Statement, checks_first: bool) -> Self {
        Self {
            checks_first,
            ..Self::new(Origin::Schema(what), statement)
        }
    }

    /// A call of one statement that an operation made.
    pub fn new(origin: Origin, statement: Statement) -> Self {
        Self::of(origin, Arc::new([statement]))
    }

    /// A call of a text without parameters.
    pub fn of_text(origin: Origin, text: &str) -> Self {
        let parsed = sql::parse(text, Placeholders::None);
        let statements = parsed.iter().map(|one| one.statement.clone());
        Self {
            text: Some(Arc::from(text)),
            ..Self::of(origin, statements.collect())
        }
    }

    fn of(origin: Origin, statements: Arc<[Statement]>) -> Self {
        Self {
            origin,
            statements,
            text: None,
            literal: None,
            parameters: Parameters::default(),
            ignored: None,
            checks_first: false,
            enums: Arc::default(),
            place: None,
        }
    }
}

/// The migration environment of one run.
pub struct Environment {
    /// The connection.
    pub session: Session,
    /// Versions and conventions.
    pub settings: Arc<Settings>,
    /// The revision's own file.
    pub revision_file: FileId,
    /// What has happened, in order.
    pub events: Vec<Event>,
    /// Where the migration itself ended a transaction, in order.
    pub boundaries: Vec<Boundary>,
    /// The transaction that is open, from 0.
    pub transaction: usize,
    /// Whether an `autocommit_block()` is open: a transaction in it is the migration's own.
    pub autocommit_block: bool,
    /// What could not be analysed.
    pub gaps: Vec<Gap>,
    /// Things that no revision makes and that were used.
    pub presumed: Vec<ObjectKey>,
    /// Tables whose rows were changed by statements that may not execute.
    pub doubtful_rows: BTreeSet<QualifiedName>,
    /// Choices at unknown conditions.
    pub decisions: Decisions,
    /// State that single models keep for the length of a run (queued batches, memo of created enum types), by key.
    pub memo: BTreeMap<String, Value>,
    /// Exception classes of SQLAlchemy and Alembic, made when first needed: identity matters for `except`.
    pub classes: BTreeMap<&'static str, Rc<Class>>,
    /// The catalog as other connections see it: what was committed last.
    pub committed: Catalog,
    /// Lists that were asked for and of which not all is known.
    pub listings: super::inspector::listing::Listings,
    /// What was asked of the catalog, and the conditions that the answers decided.
    pub questions: Questions,
    /// The revision that `context.run_migrations()` runs.
    pub pending: Option<super::run::Pending>,
    /// Where the exception that ended the run arose.
    pub raise_site: Option<Site>,
    /// It arose in another file than the revision's.
    pub raised_elsewhere: bool,
}

fn is_query(statement: &Statement) -> bool {
    matches!(statement, Statement::Query(_))
}

impl Environment {
    /// Adds a value to a list of the memo.
    pub fn note(&mut self, key: &str, value: Value) {
        let known = self.memo.entry(key.to_owned());
        if let Value::List(items) = known.or_insert_with(|| Value::list(Vec::new())) {
            items.borrow_mut().push(value);
        }
    }

    /// A list of the memo.
    pub fn noted(&self, key: &str) -> Vec<Value> {
        match self.memo.get(key) {
            Some(Value::List(items)) => items.borrow().clone(),
            _ => Vec::new(),
        }
    }

    /// A fresh environment on a session that is in the state in which `upgrade()` begins.
    pub fn new(session: Session, settings: Arc<Settings>, revision_file: FileId) -> Self {
        Self {
            committed: session.catalog.clone(),
            questions: Questions::default(),
            listings: super::inspector::listing::Listings::default(),
            session,
            settings,
            revision_file,
            events: Vec::new(),
            boundaries: Vec::new(),
            transaction: 0,
            autocommit_block: false,
            gaps: Vec::new(),
            doubtful_rows: BTreeSet::new(),
            presumed: Vec::new(),
            decisions: Decisions::default(),
            memo: BTreeMap::new(),
            classes: BTreeMap::new(),
            pending: None,
            raise_site: None,
            raised_elsewhere: false,
        }
    }

    /// Remembers that something could not be analysed, once a place.
    pub fn note_gap(&mut self, site: Option<Site>, what: String) {
        let gap = Gap { site, what };
        if !self.gaps.contains(&gap) {
            self.gaps.push(gap);
        }
    }

    /// The place where the interpreter stands now.
    pub fn place(interp: &Interp) -> Place {
        let stack = interp.stack_in(interp.host.revision_file);
        let innermost = interp.frames().last().map_or_else(
            || Site {
                file: interp.host.revision_file,
                span: crate::source::Span::default(),
            },
            |frame| frame.site,
        );
        Place {
            stack,
            innermost,
            guards: interp.host.questions.guarding(interp.guards()),
            conditional: interp.conditional().cloned(),
        }
    }

    /// Notes that the migration ends the transaction that is open, at a place, if it is Alembic's. What a handler does
    /// belongs to the failure that it handles.
    pub fn note_boundary(&mut self, place: &Place, kind: BoundaryKind, handling: bool) {
        if self.autocommit_block || handling {
            return;
        }
        self.boundaries.push(Boundary {
            site: place.stack.first().copied().unwrap_or(place.innermost),
            kind,
            transaction: self.transaction,
        });
        self.transaction += 1;
    }

    /// Whether a handler of the migration's own may catch an error of the server.
    fn may_be_caught(interp: &mut Interp, error: &ServerError) -> bool {
        if !interp.has_handler() {
            return false;
        }
        let raise = super::exceptions::database_error(interp, error);
        interp.may_be_caught(&raise.exception)
    }

    /// The handler that swallows the error of a call which failed in a transaction with no savepoint around it.
    fn swallowed(interp: &mut Interp, answer: &Answer) -> Option<Site> {
        let Outcome::Error(error) = &answer.outcome else {
            return None;
        };
        let in_block = answer.mode == TransactionMode::Block;
        if !in_block || interp.host.session.savepoint_depth() > 0 || !interp.has_handler() {
            return None;
        }
        let raise = super::exceptions::database_error(interp, error);
        interp.swallowing_handler(&raise.exception)
    }

    /// Remembers whose rows statements change that may not execute.
    fn note_doubtful_rows(&mut self, statements: &[Statement]) {
        for statement in statements {
            let name = match statement {
                Statement::Insert(insert) => &insert.table,
                Statement::Update(update) => &update.table,
                Statement::Delete(delete) => &delete.table,
                Statement::Merge(merge) => &merge.table,
                _ => continue,
            };
            let session = &self.session;
            let found = session.catalog.find_relation(&session.search_path, name);
            if let Some(name) = found.map(|relation| relation.name.clone()) {
                self.doubtful_rows.insert(name);
            }
        }
    }

    /// Makes a driver call and records it.
    ///
    /// A statement that fails is undone and Python goes on with the error's answer, so that one failure hides no other,
    /// but for two cases, in which the exception is raised as the driver would: under a savepoint of the migration's own or
    /// outside of a transaction where it may be caught (the event is then `handled`), and for a query.
    pub fn execute(interp: &mut Interp, call: DriverCall) -> Eval<Answer> {
        if interp.host.events.len() >= Limit::Statements.count() {
            return Err(interp.bound(Limit::Statements));
        }
        let place = call.place.unwrap_or_else(|| Self::place(interp));
        // a batch executes where its block ends, and what guards a call of it stands there no more
        let unknown = place.conditional.as_ref();
        let conditional = unknown.map(|unknown| unknown.reason);
        let mut doubt = unknown.map(gap_of);
        let handling = interp.is_handling();
        if interp.host.session.assumes && call.statements.iter().any(is_query) {
            // whether it waits for the error of a table that is not there
            let missing = ServerError::new(SqlState::UNDEFINED_TABLE, String::new());
            interp.host.session.is_asking = Self::may_be_caught(interp, &missing);
        }
        let environment = &mut interp.host;
        let nested = environment.session.savepoint_depth() > 0;
        let was = environment.session.mode();
        let prepares_several = call.text.is_some()
            && prepares_several(
                environment.settings.driver,
                &call.statements,
                &call.parameters,
            );
        let answer = if prepares_several {
            environment.session.refuse(ServerError::new(
                SqlState::SYNTAX_ERROR,
                "cannot insert multiple commands into a prepared statement",
            ))
        } else {
            if conditional.is_some() {
                environment.note_doubtful_rows(&call.statements);
            }
            environment
                .session
                .execute(&call.statements, &call.parameters)
        };
        let transaction = environment.transaction;
        for kind in call.statements.iter().filter_map(ends_transaction) {
            if was == TransactionMode::Block {
                environment.note_boundary(&place, kind, handling);
            }
        }
        reopen(environment, &call.statements);
        let swallowed = Self::swallowed(interp, &answer);
        // outside of a transaction nothing but the call is undone
        let handled = match &answer.outcome {
            Outcome::Error(error) => {
                nested
                    || (answer.mode == TransactionMode::Autocommit
                        && Self::may_be_caught(interp, error))
            }
            Outcome::Ok | Outcome::Unknown(_) => false,
        };
        let environment = &mut interp.host;
        for key in &answer.assumed {
            let what = format!(
                "no revision makes the {key}: it is taken to be there, its parts are not known"
            );
            environment.note_gap(place.stack.first().copied(), what);
            environment.presumed.push(key.clone());
        }
        if doubt.is_none() && matches!(answer.outcome, Outcome::Unknown(_)) {
            let rendered;
            let text = if let Some(text) = &call.text {
                text
            } else {
                let statements: Vec<String> =
                    call.statements.iter().map(ToString::to_string).collect();
                rendered = statements.join("; ");
                rendered.as_str()
            };
            doubt = interp.behind_hole(text).map(gap_of);
        }
        let environment = &mut interp.host;
        let is_query = matches!(
            call.statements.last(),
            Some(Statement::Query(_) | Statement::Show { .. })
        );
        environment.events.push(Event {
            call: Arc::new(Call {
                site: place.stack.first().copied().unwrap_or(place.innermost),
                literal: call.literal,
                origin: call.origin,
                statements: call.statements,
                circumstances: Some(Box::new(Circumstances {
                    stack: place.stack,
                    innermost: place.innermost,
                    text: call.text,
                    enums: call.enums,
                    ignored: call.ignored,
                    checks_first: call.checks_first,
                    guards: place.guards,
                })),
            }),
            outcome: answer.outcome.clone(),
            changes: answer.changes.as_slice().into(),
            changed: None,
            mode: answer.mode,
            aborted: answer.aborted,
            handled,
            swallowed: swallowed.map(Box::new),
            transaction,
            conditional,
            doubt: doubt.map(Box::new),
        });
        if is_query {
            super::questions::note_query(interp, &answer, &call.parameters);
        }
        match &answer.outcome {
            Outcome::Error(error) if handled || is_query => {
                Err(super::exceptions::database_error(interp, error))
            }
            _ => Ok(answer),
        }
    }
}

fn ends_transaction(statement: &Statement) -> Option<BoundaryKind> {
    match statement {
        Statement::Transaction(TransactionStatement::Commit) => Some(BoundaryKind::CommitText),
        Statement::Transaction(TransactionStatement::Rollback) => Some(BoundaryKind::RollbackText),
        _ => None,
    }
}

fn gap_of(unknown: &Unknown) -> Gap {
    Gap {
        site: unknown.site,
        what: unknown.what.to_string(),
    }
}

/// Whether a driver prepares a text, which then may hold only one statement: asyncpg always, psycopg 3 and pg8000 where
/// there are parameters.
fn prepares_several(driver: Driver, statements: &[Statement], parameters: &Parameters) -> bool {
    let several = statements.len() > 1;
    match driver {
        Driver::Psycopg2 => false,
        Driver::Asyncpg => several,
        Driver::Psycopg | Driver::Pg8000 => several && !parameters.values.is_empty(),
    }
}

/// psycopg 3 looks at the server's state before each statement and opens a transaction again where a COMMIT in the text
/// ended it; psycopg 2 and asyncpg keep a state of their own, and from there on each statement commits.
fn reopen(environment: &mut Environment, statements: &[Statement]) {
    if environment.settings.driver == Driver::Psycopg
        && environment.session.mode() == TransactionMode::Autocommit
        && statements
            .iter()
            .any(|statement| ends_transaction(statement).is_some())
    {
        environment.session.begin();
    }
}

#[cfg(test)]
mod tests;
