//! The command window: revisions replayed as one `alembic upgrade`, or files as one run of a tool that sends all in one
//! transaction, for what the four runs can't show.
//!
//! In the four runs each revision is a command of its own on a committed schema. Some effects cross revisions of one
//! command: an enum value that a later revision uses before it is committed (55P04), and SQLAlchemy's memo of the enum
//! types that it made. In: what the first runs showed of those ([`Seen`]). Out: [`Windows`], the traces of a command on a
//! deployed database and of one on an empty database. They never change what the four runs say; and they cost a run
//! each, so they are made only where something seen can matter.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use rustc_hash::FxHashMap;

use super::{Body, Replayed, Revision, Setting, worlds};
use crate::alembic::run::{Command, RunInput};
use crate::postgres::{Catalog, ObjectKind, Outcome, SqlState, Statement, TransactionMode};
use crate::scripts;
use crate::source::Site;
use crate::trace::{Event, Origin, Run, Trace};
use crate::unknown::Reason;

/// What the first run of a revision showed of things that can matter beyond it.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The revision.
    pub revision: Arc<Revision>,
    /// Its place in the linear order.
    pub index: usize,
    /// Events of its first run about enum types and their values.
    pub events: Vec<Event>,
    /// Where the calls of its first run stand that only data or an unknown decides about: never certain.
    conditional: Vec<Vec<Site>>,
    /// The catalog before its first run; kept only where a window may begin here.
    before: Option<Catalog>,
}

impl Seen {
    /// Keeps of a replayed revision what can matter beyond it; `first`: it is the first that is not released.
    pub fn of(replayed: &Replayed, first: bool) -> Self {
        let events: Vec<Event> = replayed
            .first
            .events
            .iter()
            .filter(|event| concerns_enums(event))
            .cloned()
            .collect();
        let conditional = replayed
            .first
            .events
            .iter()
            .filter(|event| !matches!(event.conditional, None | Some(Reason::Environment)))
            .map(|event| event.stack().to_vec())
            .collect();
        let begins = first || replayed.index == 0 || events.iter().any(adds_in_block);
        Self {
            revision: replayed.revision.clone(),
            index: replayed.index,
            before: begins.then(|| replayed.before.clone()),
            events,
            conditional,
        }
    }

    /// Whether findings of this revision are wanted.
    pub fn is_judged(&self) -> bool {
        self.revision.reported && !self.revision.released
    }

    /// Whether a call of a window's run of this revision happens for certain.
    pub fn is_certain(&self, event: &Event) -> bool {
        matches!(event.conditional, None | Some(Reason::Environment))
            && !self.conditional.iter().any(|stack| stack == event.stack())
    }
}

fn concerns_enums(event: &Event) -> bool {
    let created = event
        .statements
        .iter()
        .any(|statement| matches!(statement, Statement::CreateType(_)));
    let failed = matches!(&event.outcome, Outcome::Error(error) if error.sqlstate == SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE
        || (error.sqlstate == SqlState::UNDEFINED_OBJECT && !event.enums().is_empty()));
    created || failed || adds_value(event)
}

/// Whether a call adds a value to an enum type, or tries to.
pub fn adds_value(event: &Event) -> bool {
    event
        .changes
        .iter()
        .any(|key| key.kind == ObjectKind::EnumLabel)
        || event.statements.iter().any(
            |statement| matches!(statement, Statement::AlterEnum(alter) if alter.rename_from.is_none()),
        )
}

fn adds_in_block(event: &Event) -> bool {
    event.mode == TransactionMode::Block && adds_value(event)
}

/// The type that `create_table` makes beside its table, by name.
pub fn implicit_type(event: &Event) -> Option<&crate::postgres::Name> {
    match (&event.origin, event.statements.first()) {
        (Origin::Operation { name, .. }, Some(Statement::CreateType(create)))
            if *name == "create_table" =>
        {
            Some(&create.name)
        }
        _ => None,
    }
}

/// A command's runs, by the revision's place in the linear order.
pub type Runs = FxHashMap<usize, Trace>;

/// The commands that were replayed; `None`: nothing seen can matter there.
#[derive(Default)]
pub struct Windows {
    /// On a deployed database: from the released schema; where nothing is released, on one that was deployed at some
    /// revision between, so that no type which an earlier revision made is new.
    pub deployed: Option<Runs>,
    /// On an empty database.
    pub empty: Option<Runs>,
}

/// Replays the commands that can show more than the four runs did. `seen` is in the linear order.
pub fn replay(seen: &[Seen], setting: &Setting) -> Windows {
    let mut windows = Windows::default();
    if !setting.transactions.per_migration && !setting.transactions.autocommit {
        windows.deployed = deployed(seen, setting);
    }
    // whatever fails on an empty database for a new value fails on some deployed one: it is the milder case
    let failing = |event: &Event| matches!(&event.outcome, Outcome::Error(error) if error.sqlstate == SqlState::UNSAFE_NEW_ENUM_VALUE_USAGE);
    let fails = seen.iter().any(|one| one.events.iter().any(failing))
        || windows
            .deployed
            .iter()
            .flat_map(FxHashMap::values)
            .any(|trace| trace.events.iter().any(failing));
    if fails || creates_again(seen) {
        windows.empty = command(seen, 0, false, setting);
    }
    windows
}

/// Whether a table makes a type that a table of another revision made too.
fn creates_again(seen: &[Seen]) -> bool {
    let mut made: FxHashMap<String, usize> = FxHashMap::default();
    seen.iter().any(|one| {
        one.events
            .iter()
            .filter_map(implicit_type)
            .any(|name| *made.entry(name.to_string()).or_insert(one.index) != one.index)
    })
}

fn deployed(seen: &[Seen], setting: &Setting) -> Option<Runs> {
    let adds = |one: &Seen| one.events.iter().any(adds_in_block);
    let first_value = seen
        .iter()
        .position(|one| !one.revision.released && adds(one))?;
    if seen.iter().any(|one| one.revision.released) {
        let first = seen.iter().position(|one| !one.revision.released)?;
        return command(seen, first, false, setting);
    }
    command(seen, first_value, true, setting)
}

/// One command from a revision on; `between`: the database may have been deployed at any revision before the last one.
fn command(seen: &[Seen], first: usize, between: bool, setting: &Setting) -> Option<Runs> {
    let mut catalog = seen.get(first)?.before.clone()?;
    let mut command = Command::default();
    let mut files = scripts::Command::default();
    let mut runs = Runs::default();
    for one in seen.iter().skip(first) {
        if between {
            command.forget_made();
            files.forget_made();
        }
        let next = || match &one.revision.body {
            Body::Python(module) => {
                let input = RunInput {
                    catalog: std::mem::take(&mut catalog),
                    ..worlds::input(module, Run::First, setting)
                };
                let own = setting.transactions.per_migration || setting.transactions.autocommit;
                Some(command.run(input, own))
            }
            Body::Script(script) if script.format.facts().one_transaction.is_some() => {
                Some(files.run(&script.up, &catalog, setting.config.postgres_version))
            }
            // the tool ends its transaction with the file
            Body::Script(_) => None,
        };
        // what breaks off here broke off in the first run too, and was said there
        let Some(output) = catch_unwind(AssertUnwindSafe(next)).ok()? else {
            continue;
        };
        setting.effort.add(&output);
        runs.insert(one.index, output.trace);
    }
    Some(runs)
}
