//! The four runs of every revision, in the order of the revision graph, over one simulated database.
//!
//! In: the revisions of a database in their linear order. Out: a [`Replayed`] a revision, handed to a visitor as soon as
//! it is complete (on any thread) and dropped afterwards, so that snapshots do not add up. First runs are a fold: each
//! starts from what the one before it left. The other three start from the catalog after the first and run in parallel.

mod merge;
pub mod revision;
pub mod window;
mod worlds;

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};

use smol_str::SmolStr;

use crate::alembic::Settings;
use crate::config::Config;
use crate::postgres::{Catalog, Outcome, Statement};
use crate::python::interpreter::Modules;
use crate::python::syntax;
use crate::source::Site;
use crate::timings::{Phase, measure};
use crate::trace::{Event, Run, RunOutput, Trace};

pub use revision::{Body, Downgrade, Revision};

/// The rule that needs the run without a database, which is not done for nothing.
pub const OFFLINE_RULE: &str = "offline-incompatible";

/// How many revisions may wait for their other three runs, a thread: each keeps its snapshots. Past it, the thread of the
/// first runs does one itself.
const WAITING_PER_THREAD: usize = 8;

/// How much was simulated, in steps of Python: by it a repair, which simulates again and again, is bounded. It is a sum
/// over runs, so that it is the same whatever the number of threads.
#[derive(Debug, Default)]
pub struct Effort(AtomicU64);

impl Effort {
    /// What a driver call counts as, in steps of Python.
    const OF_CALL: u64 = 100;

    /// What the runs so far took.
    pub fn steps(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    /// Counts a run.
    fn add(&self, output: &RunOutput) {
        let calls = output.trace.events.len() as u64;
        let steps = output.steps.saturating_add(calls * Self::OF_CALL);
        self.0.fetch_add(steps, Ordering::Relaxed);
    }
}

/// What all runs of a database have in common.
pub struct Setting {
    /// Where the runs are counted.
    pub effort: Arc<Effort>,
    /// Versions and conventions.
    pub settings: Arc<Settings>,
    /// Finds modules of the project.
    pub modules: Arc<dyn Modules>,
    /// What the user set.
    pub config: Arc<Config>,
    /// Schemas of unqualified names, as `env.py` sets them; empty: `public`.
    pub search_path: Arc<[SmolStr]>,
    /// `env.py`, where it wraps operations: each run begins with it.
    pub environment: Option<Arc<syntax::Module>>,
    /// How the transactions of a command are held.
    pub transactions: Transactions,
    /// The names that constraints get where they have none are not known: `env.py` hands Alembic a MetaData that can't be read.
    pub names_unknown: bool,
}

/// How `env.py` and the settings hold the transactions of a command. The four runs know nothing of it: there each revision
/// has one; the command window and the rules do.
#[derive(Clone, Copy, Debug, Default)]
pub struct Transactions {
    /// Each revision has one of its own; else one holds all.
    pub per_migration: bool,
    /// There is none: each statement commits by itself.
    pub autocommit: bool,
    /// `env.py` commits its connection at the end, whatever Alembic did.
    pub committed_at_end: bool,
    /// `env.py` holds the connection by `with engine.begin()`: behind a `commit()` SQLAlchemy refuses the next statement.
    pub begun_by_context: bool,
}

/// One revision with everything that its runs did. Where nobody asks for the runs behind the first, they are empty.
pub struct Replayed {
    /// The revision.
    pub revision: Arc<Revision>,
    /// Its place in the linear order.
    pub index: usize,
    /// The catalog before its first run.
    pub before: Catalog,
    /// The catalog after its first run.
    pub after: Catalog,
    /// The catalog after its downgrade; `None` where there is none to run.
    pub restored: Option<Catalog>,
    /// The first run.
    pub first: Trace,
    /// The second run.
    pub rerun: Trace,
    /// The downgrade.
    pub downgrade: Trace,
    /// The upgrade after the downgrade.
    pub reupgrade: Trace,
    /// The first run as it would be if Inspectors remembered nothing, where it met an answer that was stale.
    pub fresh: Option<Trace>,
    /// The upgrade as `--sql` runs it, where it makes an Inspector and the rule that asks for this is on.
    pub offline: Option<Trace>,
    /// The first run with the guards turned that passed over work in it, and what the upgrade does after that.
    pub turned: Option<Turned>,
}

/// What guards pass over: shows whether they let it run where its work is done already.
pub struct Turned {
    /// The first run in which the work is done.
    pub first: Trace,
    /// The upgrade once more after it, as Alembic would run it.
    pub rerun: Trace,
}

impl Replayed {
    /// The trace of a run.
    pub fn trace(&self, run: Run) -> &Trace {
        match run {
            Run::First => &self.first,
            Run::Rerun => &self.rerun,
            Run::Downgrade => &self.downgrade,
            Run::Reupgrade => &self.reupgrade,
        }
    }
}

/// What is remembered of revisions that were replayed before.
pub struct Recalled<'a> {
    /// The catalog after a revision that need not be replayed again from a catalog.
    pub after: &'a (dyn Fn(usize, &Catalog) -> Option<Catalog> + Sync),
    /// A catalog after a revision, or one that is the same and was there before.
    pub settled: &'a (dyn Fn(usize, Catalog) -> Catalog + Sync),
    /// What the revision behind one starts from, given what that one leaves.
    pub handed_on: &'a (dyn Fn(usize, Catalog) -> Catalog + Sync),
}

/// Replays revisions that stand in their linear order, starting from `catalog`; calls `visit` once a revision that is not
/// recalled, from any thread and in any order. A revision that is not `judged` is run once only, for what it leaves to those
/// behind it. Returns the catalog at the head.
pub fn replay(
    revisions: &[Arc<Revision>],
    catalog: Catalog,
    setting: &Setting,
    recalled: Option<&Recalled<'_>>,
    judged: &(dyn Fn(&Revision) -> bool + Sync),
    visit: &(dyn Fn(Replayed) + Sync),
) -> Catalog {
    let waiting = &AtomicUsize::new(0);
    let most = WAITING_PER_THREAD * rayon::current_num_threads();
    rayon::scope(|scope| {
        let mut current = catalog;
        for (index, revision) in revisions.iter().enumerate() {
            let mut before = current;
            before.unsettled = false;
            if let Some(recalled) = recalled
                && let Some(after) = (recalled.after)(index, &before)
            {
                current = (recalled.handed_on)(index, after);
                continue;
            }
            let mut first = measure(Phase::Interpret, || {
                worlds::first(revision, &before, setting)
            });
            first.after.cut |= first.trace.raised.is_some()
                || first.trace.broke_off
                || (revision.beside_others && stumbles(&first.trace));
            doubt(&mut first.after, &first.trace);
            current = match recalled {
                Some(recalled) => {
                    first.after = (recalled.settled)(index, first.after);
                    (recalled.handed_on)(index, first.after.clone())
                }
                None => first.after.clone(),
            };
            let revision = revision.clone();
            if !judged(&revision) {
                visit(run_once(index, revision, before, first));
                continue;
            }
            if waiting.load(Ordering::Relaxed) >= most {
                visit(measure(Phase::Interpret, || {
                    complete(index, revision, before, first, setting)
                }));
                continue;
            }
            waiting.fetch_add(1, Ordering::Relaxed);
            scope.spawn(move |_| {
                waiting.fetch_sub(1, Ordering::Relaxed);
                visit(measure(Phase::Interpret, || {
                    complete(index, revision, before, first, setting)
                }));
            });
        }
        current
    })
}

/// Whether a first run meets an error that is there, or not, by what has run before it.
fn stumbles(first: &Trace) -> bool {
    let mut refusals = first.events.iter().filter_map(Event::failure);
    refusals.any(|error| error.sqlstate.says_missing() || error.sqlstate.says_duplicate())
}

/// Remembers the tables that a first run was to make or change and could not: what later revisions meet there is no fault of
/// theirs.
fn doubt(catalog: &mut Catalog, first: &Trace) {
    for event in &first.events {
        if event.failure().is_some() {
            let names = event.tables().map(|table| &table.name);
            for name in names.chain(event.statements.iter().filter_map(made_name)) {
                catalog.doubted.insert(name.clone());
            }
        }
    }
}

/// The name under which later revisions would find what a statement makes beside a table.
fn made_name(statement: &Statement) -> Option<&SmolStr> {
    match statement {
        Statement::CreateIndex(index) => index.name.as_ref(),
        Statement::CreateType(create) => Some(&create.name.name),
        Statement::CreateView(create) => Some(&create.name.name),
        Statement::Rename(rename) => Some(&rename.new_name),
        _ => None,
    }
}

/// A revision of which only the first run is asked for.
fn run_once(
    index: usize,
    revision: Arc<Revision>,
    before: Catalog,
    first: worlds::First,
) -> Replayed {
    Replayed {
        revision,
        index,
        before,
        after: first.after,
        restored: None,
        first: first.trace,
        rerun: Trace::default(),
        downgrade: Trace::default(),
        reupgrade: Trace::default(),
        fresh: None,
        offline: None,
        turned: None,
    }
}

/// Does the three runs that follow a first one.
fn complete(
    index: usize,
    revision: Arc<Revision>,
    before: Catalog,
    first: worlds::First,
    setting: &Setting,
) -> Replayed {
    let rerun = worlds::rerun(&revision, &first, setting);
    let downgrade = if matches!(revision.downgrade, Downgrade::Absent | Downgrade::Forward) {
        None
    } else {
        Some(worlds::follow(
            &revision,
            Run::Downgrade,
            &first.worlds,
            setting,
        ))
    };
    let reupgrade = downgrade.as_ref().map(|downgrade| {
        if worlds::is_undone(&before, &first, downgrade) {
            return first.trace.clone();
        }
        worlds::follow(&revision, Run::Reupgrade, &downgrade.worlds, setting).trace
    });
    let fresh = first
        .trace
        .stale
        .then(|| worlds::fresh(&revision, &before, setting).trace);
    let asks_offline = setting.config.asks_for(OFFLINE_RULE);
    let offline = (first.trace.inspected && asks_offline)
        .then(|| worlds::offline(&revision, &before, setting).trace);
    let turned = turned(&revision, &before, &first.trace, setting);
    let missing = || Trace {
        missing_function: true,
        ..Trace::default()
    };
    Replayed {
        revision,
        index,
        before,
        after: first.after,
        restored: downgrade.as_ref().map(|downgrade| downgrade.after.clone()),
        first: first.trace,
        rerun: rerun.trace,
        downgrade: downgrade.map_or_else(missing, |followed| followed.trace),
        reupgrade: reupgrade.unwrap_or_else(missing),
        fresh,
        offline,
        turned,
    }
}

/// What the guards that passed over work in a first run kept from happening, if anything.
fn turned(
    revision: &Arc<Revision>,
    before: &Catalog,
    first: &Trace,
    setting: &Setting,
) -> Option<Turned> {
    let mut sites: Vec<Site> = first
        .guards
        .iter()
        .filter(|guard| guard.skips)
        .map(|guard| guard.site)
        .collect();
    sites.sort();
    sites.dedup();
    if sites.is_empty() {
        return None;
    }
    let turned = worlds::turned(revision, before, setting, sites.clone());
    let did_more = turned.trace.events.iter().any(|event| {
        event.outcome == Outcome::Ok
            && !event.changes.is_empty()
            && event
                .guards()
                .iter()
                .any(|guard| sites.contains(&guard.site))
    });
    did_more.then(|| Turned {
        rerun: worlds::rerun(revision, &turned, setting).trace,
        first: turned.trace,
    })
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Mutex;

    use super::*;
    use crate::config::PackageVersion;
    use crate::source::{FileId, Span};

    /// Modules that break off when they are asked.
    struct Broken;

    impl Modules for Broken {
        fn find(&self, name: &str, _: FileId) -> Option<Arc<syntax::Module>> {
            assert_ne!(name, "poison", "a failure of foreshot's own");
            None
        }
        fn at(&self, _: &str, _: FileId) -> Option<Arc<syntax::Module>> {
            None
        }
        fn package_of(&self, _: FileId) -> Option<String> {
            None
        }
        fn read(&self, _: &str) -> Option<Vec<u8>> {
            None
        }

        fn list(&self, _: &str) -> Option<Vec<String>> {
            None
        }
        fn path_of(&self, _: FileId) -> String {
            String::new()
        }
    }

    fn revision(id: &str, number: u32, body: &str) -> Arc<Revision> {
        let text = format!("from alembic import op\nimport sqlalchemy as sa\n{body}\n");
        let module = Arc::new(syntax::parse(FileId(number), &text));
        Arc::new(Revision::new(id, &[], module, Span::default()))
    }

    fn setting() -> Setting {
        Setting {
            effort: Arc::default(),
            settings: Arc::new(Settings {
                alembic: PackageVersion(1, 20, 1),
                sqlalchemy: PackageVersion(2, 0, 58),
                driver: crate::config::Driver::Psycopg2,
                naming_convention: std::collections::BTreeMap::new(),
                version_schema: None,
                options: crate::alembic::configuration::Options::default(),
            }),
            modules: Arc::new(Broken),
            config: Arc::new(Config::default()),
            search_path: Arc::default(),
            environment: None,
            transactions: Transactions::default(),
            names_unknown: false,
        }
    }

    #[test]
    fn an_early_return_is_found_among_many_choices() {
        // sixteen choices of a loop come behind the one that ends the revision
        let revision = revision(
            "a",
            0,
            "def upgrade():\n    row = op.get_bind().execute(sa.text('SELECT setting FROM pg_settings')).fetchone()\n    \
             if not row:\n        return\n    for name in range(16):\n        if name not in row[0]:\n            pass\n    \
             op.execute('CREATE TABLE t (a int)')",
        );
        let first = worlds::first(&revision, &Catalog::default(), &setting());
        let made = first.trace.events.last().expect("the CREATE TABLE");
        assert!(!first.trace.conditions.is_empty());
        assert!(made.conditional.is_some());
    }

    #[test]
    fn a_way_round_a_refusal_is_found_among_many_choices() {
        let revision = revision(
            "a",
            0,
            "import os\ndef upgrade():\n    for name in range(16):\n        if os.environ.get('A%s' % name) == 'a':\n            pass\n    \
             if os.environ.get('B') == 'b':\n        x = 1\n    else:\n        x = 2\n    if x == 1:\n        raise ValueError(x)\n    \
             op.execute('CREATE TABLE t (a int)')",
        );
        let first = worlds::first(&revision, &Catalog::default(), &setting());
        assert!(first.trace.raised.is_none());
        assert_eq!(first.trace.events.len(), 1);
    }

    fn outcomes(trace: &Trace) -> Vec<String> {
        let outcome = |event: &Event| match &event.outcome {
            Outcome::Ok => "ok".to_owned(),
            Outcome::Error(error) => error.sqlstate.code().to_owned(),
            Outcome::Unknown(_) => "unknown".to_owned(),
        };
        trace.events.iter().map(outcome).collect()
    }

    /// The outcomes of a first run on an empty database.
    fn first_outcomes(body: &str) -> (Vec<String>, bool) {
        let revision = revision("a", 0, body);
        let first = worlds::first(&revision, &Catalog::default(), &setting());
        (outcomes(&first.trace), first.trace.raised.is_some())
    }

    #[test]
    fn a_bound_undoes_nothing() {
        let revision = revision(
            "a",
            0,
            "def upgrade():\n    op.execute('CREATE TABLE t (a int)')\n    while True:\n        pass",
        );
        let first = worlds::first(&revision, &Catalog::default(), &setting());
        assert!(first.trace.raised.is_some());
        let again = worlds::rerun(&revision, &first, &setting()).trace;
        assert_eq!(outcomes(&again), ["42P07"]);
    }

    #[test]
    fn rows_that_may_not_have_been_written_refuse_nothing_later() {
        let loop_over = "for row in op.get_bind().execute(sa.text('SELECT a FROM t')):\n        ";
        let bodies = [
            "op.execute('CREATE TABLE t (a int)')\n    op.execute('CREATE TABLE u (b int)')"
                .to_owned(),
            format!("{loop_over}op.execute('INSERT INTO u VALUES (1)')"),
            "op.add_column('u', sa.Column('c', sa.Integer, nullable=False))".to_owned(),
        ];
        let revisions: Vec<Arc<Revision>> = bodies
            .iter()
            .zip(["a", "b", "c"])
            .enumerate()
            .map(|(at, (body, id))| revision(id, at as u32, &format!("def upgrade():\n    {body}")))
            .collect();
        let seen = Mutex::new(BTreeMap::new());
        replay(
            &revisions,
            Catalog::default(),
            &setting(),
            None,
            &|_| true,
            &|replayed| {
                let mut seen = seen.lock().expect("not poisoned");
                seen.insert(
                    replayed.index,
                    (outcomes(&replayed.first), replayed.rerun.clone()),
                );
            },
        );
        let seen = seen.into_inner().expect("not poisoned");
        assert_eq!(seen[&2].0, ["ok"]);
        // where there are rows, the second run adds to them
        let changed: Vec<_> = seen[&1]
            .1
            .events
            .iter()
            .map(|event| event.changed)
            .collect();
        assert_eq!(changed, [Some(false), Some(true)]);
    }

    #[test]
    fn a_run_that_only_asked_is_answered_alike_again() {
        let start = "def upgrade():\n    op.execute('CREATE TABLE t (a int, b int)')";
        let guarded = "def upgrade():\n    bind = op.get_bind()\n    \
             if bind.execute(sa.text('SELECT 1 FROM t WHERE a = 1')).first() is None:\n        \
             op.execute('INSERT INTO t VALUES (1, 2)')";
        let (start, guarded) = (revision("a", 0, start), revision("b", 1, guarded));
        let made = worlds::first(&start, &Catalog::default(), &setting()).after;
        let first = worlds::first(&guarded, &made, &setting());
        assert_eq!(outcomes(&first.trace), ["ok", "ok"]);
        let again = worlds::rerun(&guarded, &first, &setting()).trace;
        assert_eq!(outcomes(&again), ["ok"]);
    }

    #[test]
    fn what_only_rows_lead_to_ends_no_run() {
        let start = "def upgrade():\n    op.create_table('t', sa.Column('a', sa.Integer))\n    \
                     rows = op.get_bind().execute(sa.text('SELECT a FROM t')).fetchall()\n    ";
        let bodies = [
            "for row in rows:\n        raise ValueError(row)\n    ",
            "for row in rows:\n        {}[row.a]\n    ",
            "known = [row for row in rows]\n    for row in known:\n        {}[row.a]\n    ",
        ];
        for body in bodies {
            let (events, raised) = first_outcomes(&format!(
                "{start}{body}op.execute('CREATE TABLE u (a int)')"
            ));
            assert!(!raised, "{body}");
            assert_eq!(events, ["ok", "ok", "ok"], "{body}");
        }
        // what is there for certain raises for certain
        let certain = "for row in [1]:\n        {}[row]\n    op.execute('CREATE TABLE u (a int)')";
        assert!(first_outcomes(&format!("{start}{certain}")).1);
    }

    #[test]
    fn a_first_run_that_raises_is_retried_on_what_it_committed() {
        let cases: [(&str, &[&str]); 3] = [
            ("op.execute('CREATE TABLE t (a int)')\n    [][0]", &["ok"]),
            // a table that no revision makes was there before as well
            ("op.execute('ALTER TABLE t ADD b int')\n    [][0]", &["ok"]),
            (
                "with op.get_context().autocommit_block():\n        op.execute('CREATE TABLE t (a int)')\n    \
                 op.execute('CREATE TABLE u (a int)')\n    [][0]",
                &["42P07", "ok"],
            ),
        ];
        for (number, (body, rerun)) in (0..).zip(cases) {
            let text = format!("def upgrade():\n    {body}");
            let revision = revision("a", number, &text);
            let first = worlds::first(&revision, &Catalog::default(), &setting());
            assert!(first.trace.raised.is_some(), "{body}");
            let again = worlds::rerun(&revision, &first, &setting()).trace;
            assert_eq!(outcomes(&again), rerun, "{body}");
            let changes = again
                .events
                .iter()
                .filter(|event| event.changed == Some(true));
            assert_eq!(changes.count(), 0, "{body}");
        }
    }

    #[test]
    fn a_table_that_is_queried_or_reflected_directly_must_be_there() {
        let ok = |count: usize| (vec!["ok".to_owned(); count], false);
        let query = "def upgrade():\n    op.get_bind().execute(sa.text('SELECT id FROM made_elsewhere'))\n    op.add_column('made_elsewhere', sa.Column('b', sa.Integer))";
        assert_eq!(first_outcomes(query), ok(2));
        let reflected = "def upgrade():\n    t = sa.Table('made_elsewhere', sa.MetaData(), autoload_with=op.get_bind())\n    op.add_column('made_elsewhere', sa.Column('b', sa.Integer))";
        assert_eq!(first_outcomes(reflected), ok(1));
        let inspected = "def upgrade():\n    if 'b' not in [c['name'] for c in sa.inspect(op.get_bind()).get_columns('made_elsewhere')]:\n        op.add_column('made_elsewhere', sa.Column('b', sa.Integer))";
        assert!(!first_outcomes(inspected).1);
        let metadata = "def upgrade():\n    m = sa.MetaData()\n    m.reflect(bind=op.get_bind())\n    if 'b' not in m.tables['made_elsewhere'].c:\n        op.add_column('made_elsewhere', sa.Column('b', sa.Integer))";
        assert!(!first_outcomes(metadata).1);
        // who waits for the error asks
        let asked = "def upgrade():\n    try:\n        sa.Table('made_elsewhere', sa.MetaData(), autoload_with=op.get_bind())\n    except sa.exc.NoSuchTableError:\n        op.create_table('made_elsewhere', sa.Column('b', sa.Integer))";
        assert_eq!(first_outcomes(asked), ok(1));
        let asked = "def upgrade():\n    try:\n        op.get_bind().execute(sa.text('SELECT id FROM made_elsewhere'))\n    except Exception:\n        pass";
        assert_eq!(first_outcomes(asked), (vec!["42P01".to_owned()], false));
    }

    #[test]
    fn a_failure_in_one_revision_leaves_the_others() {
        let revisions = [
            revision(
                "a",
                0,
                "def upgrade():\n    op.create_table('a', sa.Column('id', sa.Integer))",
            ),
            revision("b", 1, "from poison import x\ndef upgrade():\n    x()"),
            revision(
                "c",
                2,
                "def upgrade():\n    op.add_column('a', sa.Column('b', sa.Integer))",
            ),
        ];
        let setting = setting();
        let seen = Mutex::new(Vec::new());
        replay(
            &revisions,
            Catalog::default(),
            &setting,
            None,
            &|_| true,
            &|replayed| {
                let outcomes = replayed.rerun.events.len();
                seen.lock().expect("not poisoned").push((
                    replayed.revision.id.to_string(),
                    replayed.first.broke_off,
                    outcomes,
                ));
            },
        );
        let mut seen = seen.into_inner().expect("not poisoned");
        seen.sort();
        assert_eq!(
            seen,
            [
                ("a".to_owned(), false, 1),
                ("b".to_owned(), true, 0),
                ("c".to_owned(), false, 1)
            ]
        );
    }

    #[test]
    fn a_revision_that_nobody_judges_is_run_once_for_those_behind_it() {
        let revisions = [
            revision(
                "a",
                0,
                "def upgrade():\n    op.create_table('a', sa.Column('id', sa.Integer))",
            ),
            revision(
                "b",
                1,
                "def upgrade():\n    op.add_column('a', sa.Column('b', sa.Integer))",
            ),
        ];
        let seen = Mutex::new(Vec::new());
        replay(
            &revisions,
            Catalog::default(),
            &setting(),
            None,
            &|revision| revision.id == "b",
            &|replayed| {
                let failed = |trace: &Trace| {
                    let mut events = trace.events.iter();
                    events.any(|event| matches!(event.outcome, Outcome::Error(_)))
                };
                seen.lock().expect("not poisoned").push((
                    replayed.revision.id.to_string(),
                    replayed.first.events.len(),
                    failed(&replayed.first),
                    failed(&replayed.rerun),
                ));
            },
        );
        let mut seen = seen.into_inner().expect("not poisoned");
        seen.sort();
        assert_eq!(
            seen,
            [
                ("a".to_owned(), 1, false, false),
                ("b".to_owned(), 1, false, true)
            ]
        );
    }
}
