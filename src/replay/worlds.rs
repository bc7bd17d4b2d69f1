//! Worlds: what a run does where conditions are not known.
//!
//! A world is a script of answers. A run that asks more than its script holds takes what is usual where nobody set anything,
//! else `true`, and each answer that it took by itself opens a world in which it was the other one; the run is then done again
//! from the start, which needs no state to be forked. Worlds are bounded; past the bound the one with the most statements stands for all, and that is counted.

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::rc::Rc;
use std::sync::Arc;

use rustc_hash::{FxHashMap, FxHashSet};

use super::{Body, Revision, Setting, merge};
use crate::alembic::run::{self, Contrary, RunInput};
use crate::faults;
use crate::limits::Limit;
use crate::postgres::catalog::{QualifiedName, Row};
use crate::postgres::{Catalog, ObjectKey, Outcome, Statement};
use crate::python::interpreter::Limits;
use crate::python::syntax::Module;
use crate::scripts;
use crate::source::Site;
use crate::trace::{Event, Gap, Run, RunOutput, Trace};

/// How one world of a run ended.
#[derive(Clone)]
pub(super) struct World {
    /// Its catalog afterwards.
    pub(super) catalog: Catalog,
    /// The catalog that it leaves where it raised: its transaction is rolled back.
    undone: Option<Catalog>,
    /// The run before it raised, so that it starts from where that one started: it is a first run once more.
    is_retry: bool,
    /// Conditions of the environment that were settled: they have the same value in all runs.
    pub(super) settled: BTreeMap<String, bool>,
    /// Conditions that were not known on the way to it.
    parted: Vec<Gap>,
    /// The answers of the run that changed nothing: the same run from here is told the same.
    repeats: Option<Vec<bool>>,
}

/// The first run.
pub(super) struct First {
    pub(super) trace: Trace,
    pub(super) after: Catalog,
    pub(super) worlds: Vec<World>,
}

/// One of the other three.
pub(super) type Followed = First;

/// The first run of a revision from a catalog.
pub(super) fn first(revision: &Arc<Revision>, before: &Catalog, setting: &Setting) -> First {
    follow(revision, Run::First, &[start(before)], setting)
}

/// The world before a first run.
fn start(before: &Catalog) -> World {
    World {
        catalog: before.clone(),
        undone: None,
        is_retry: false,
        settled: BTreeMap::new(),
        parted: Vec::new(),
        repeats: None,
    }
}

/// The upgrade once more. Where the first run raised, its transaction was rolled back, and this is the next attempt.
pub(super) fn rerun(revision: &Arc<Revision>, first: &First, setting: &Setting) -> Followed {
    let starts: Vec<World> = first
        .worlds
        .iter()
        .map(|world| match &world.undone {
            Some(catalog) => World {
                catalog: catalog.clone(),
                is_retry: true,
                ..world.clone()
            },
            None => world.clone(),
        })
        .collect();
    follow(revision, Run::Rerun, &starts, setting)
}

/// The first run with Inspectors that remember nothing.
pub(super) fn fresh(revision: &Arc<Revision>, before: &Catalog, setting: &Setting) -> First {
    let contrary = Contrary {
        fresh: true,
        ..Contrary::default()
    };
    follow_contrary(revision, Run::First, &[start(before)], setting, &contrary)
}

/// The upgrade without a database.
pub(super) fn offline(revision: &Arc<Revision>, before: &Catalog, setting: &Setting) -> First {
    let contrary = Contrary {
        offline: true,
        ..Contrary::default()
    };
    follow_contrary(revision, Run::First, &[start(before)], setting, &contrary)
}

/// The first run with some conditions turned.
pub(super) fn turned(
    revision: &Arc<Revision>,
    before: &Catalog,
    setting: &Setting,
    turned: Vec<Site>,
) -> First {
    let contrary = Contrary {
        turned,
        ..Contrary::default()
    };
    follow_contrary(revision, Run::First, &[start(before)], setting, &contrary)
}

/// Whether a downgrade left exactly what was there before the first run, so that the upgrade after it does what the first run
/// did. Nothing may have parted worlds, and the first run may not have been told what only a first run is.
pub(super) fn is_undone(before: &Catalog, first: &First, downgrade: &Followed) -> bool {
    let [up] = first.worlds.as_slice() else {
        return false;
    };
    let [down] = downgrade.worlds.as_slice() else {
        return false;
    };
    let is_certain = |trace: &Trace, world: &World| {
        trace.conditions.is_empty()
            && !trace.broke_off
            && trace.raised.is_none()
            && world.settled.is_empty()
            && world.parted.is_empty()
    };
    !first.trace.has_assumed
        && is_certain(&first.trace, up)
        && is_certain(&downgrade.trace, down)
        && down.catalog.is_identical_to(before)
}

/// A run of a revision from each of some worlds.
pub(super) fn follow(
    revision: &Arc<Revision>,
    run: Run,
    starts: &[World],
    setting: &Setting,
) -> Followed {
    follow_contrary(revision, run, starts, setting, &Contrary::default())
}

fn follow_contrary(
    revision: &Arc<Revision>,
    run: Run,
    starts: &[World],
    setting: &Setting,
    contrary: &Contrary,
) -> Followed {
    let mut outputs = Vec::new();
    let mut bounded = false;
    // the bound holds for the run as a whole, and each world that it starts from is looked at
    let share = Limit::Ways.count().div_ceil(starts.len().max(1));
    for start in starts {
        let scene = Scene {
            revision,
            run,
            start,
            setting,
            contrary,
        };
        match &start.repeats {
            Some(script) if run == Run::Rerun => outputs.push(run_once(&scene, script.clone())),
            _ => bounded |= explore(&scene, share, &mut outputs),
        }
    }
    let traces = merge::usable(&outputs);
    let before: Vec<Gap> = starts
        .iter()
        .flat_map(|start| start.parted.iter().cloned())
        .collect();
    let conditions: BTreeSet<Gap> = outputs
        .iter()
        .flat_map(|output| &output.decisions)
        .map(|choice| Gap {
            site: choice.site,
            what: choice.what.clone(),
        })
        .collect();
    let mut parted = before.clone();
    parted.extend(conditions.iter().cloned());
    parted.sort();
    parted.dedup();
    let after = traces
        .iter()
        .map(|output| handed_on(output, starts))
        .reduce(|one, other| Catalog::merge(&one, &other))
        .unwrap_or_default();
    let worlds = traces
        .iter()
        .map(|output| World {
            catalog: output.catalog.clone(),
            undone: output.undone.clone(),
            is_retry: false,
            settled: output.settled.clone(),
            parted: parted.clone(),
            repeats: (run == Run::First && changes_nothing(&output.trace)).then(|| {
                let decisions = output.decisions.iter();
                decisions.map(|choice| choice.value).collect()
            }),
        })
        .collect();
    let mut trace = merge::traces(outputs, &before);
    if bounded {
        trace.gaps.push(Gap {
            site: None,
            what: format!("{}: not all were followed", Limit::Ways.met()),
        });
    }
    trace.conditions = conditions.into_iter().collect();
    First {
        trace,
        after,
        worlds: distinct(worlds),
    }
}

/// The catalog that a run leaves to later revisions: rows that may not have been written are none to be sure of.
fn handed_on(output: &RunOutput, starts: &[World]) -> Catalog {
    let mut catalog = output.catalog.clone();
    for table in &output.doubtful_rows {
        let before = starts
            .iter()
            .find_map(|start| start.catalog.relation(table));
        let sure: FxHashSet<*const Row> = before
            .iter()
            .flat_map(|relation| relation.rows.known.iter().map(Arc::as_ptr))
            .collect();
        if let Some(relation) = catalog.relation_mut(table) {
            relation
                .rows
                .known
                .retain(|row| sure.contains(&Arc::as_ptr(row)));
            relation.rows.others = true;
        }
        let sequences: Vec<QualifiedName> = catalog
            .owned_sequences(table)
            .map(|(_, sequence)| sequence.name.clone())
            .collect();
        for sequence in &sequences {
            catalog.set_next_number(sequence, None);
        }
    }
    catalog
}

/// Whether a run came to its end and did nothing but ask.
fn changes_nothing(trace: &Trace) -> bool {
    let is_query =
        |statement: &Statement| matches!(statement, Statement::Query(_) | Statement::Show { .. });
    let asks = |event: &Event| {
        event.outcome == Outcome::Ok
            && event.changes.is_empty()
            && event.statements.iter().all(is_query)
    };
    trace.raised.is_none() && !trace.broke_off && trace.events.iter().all(asks)
}

/// What the worlds that grow from one start have in common.
struct Scene<'a> {
    revision: &'a Arc<Revision>,
    run: Run,
    start: &'a World,
    setting: &'a Setting,
    contrary: &'a Contrary,
}

/// A world that waits to be followed, and how much it may tell: worlds that differ from the first one in one choice come
/// before those that differ in two, a condition that is met for the first time before the further turns of its loop, and
/// early choices, which may end the whole run, before late ones. Where a world raises, the choices just before that are
/// turned at once, since a run that raises does nothing.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Waiting {
    turns: usize,
    repeated: bool,
    position: isize,
    way: Way,
}

/// A run's answers up to one that is turned. The answers are the run's, shared by all ways that leave it: a run may ask
/// tens of thousands of times, and hardly any of its ways is ever followed.
struct Way {
    answers: Rc<[bool]>,
    turned: usize,
}

impl Way {
    /// The script that follows it.
    fn script(&self) -> impl Iterator<Item = bool> {
        let turned = self.answers.get(self.turned).map(|answer| !answer);
        self.answers[..self.turned].iter().copied().chain(turned)
    }
}

impl Ord for Way {
    fn cmp(&self, other: &Self) -> Ordering {
        self.script().cmp(other.script())
    }
}

impl PartialOrd for Way {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        Some(self.cmp(other))
    }
}

impl PartialEq for Way {
    fn eq(&self, other: &Self) -> bool {
        self.cmp(other) == Ordering::Equal
    }
}

impl Eq for Way {}

/// Runs every world that grows from one start; true if the bound was hit.
fn explore(scene: &Scene<'_>, bound: usize, outputs: &mut Vec<RunOutput>) -> bool {
    let mut waiting = BTreeSet::new();
    let mut script = Vec::new();
    let mut turns = 0;
    let mut steps = 0;
    for _ in 0..bound {
        // what one way may take is enough for all: the first tells most
        if steps > Limit::Steps.count() as u64 {
            return true;
        }
        let told = script.len();
        let output = run_once(scene, script);
        steps += output.steps;
        wait(&mut waiting, &output, told, turns, bound);
        outputs.push(output);
        let Some(next) = waiting.pop_first() else {
            return false;
        };
        script = next.way.script().collect();
        turns = next.turns;
    }
    true
}

/// Adds the ways that leave a run behind the answers that it was told. As many wait as can be followed, and one that shows
/// that the bound was hit.
fn wait(
    waiting: &mut BTreeSet<Waiting>,
    output: &RunOutput,
    told: usize,
    turns: usize,
    bound: usize,
) {
    let decisions = &output.decisions;
    let raised = output.trace.raised.is_some();
    let answers: Rc<[bool]> = decisions.iter().map(|choice| choice.value).collect();
    let mut met: FxHashSet<Option<Site>> = decisions[..told.min(decisions.len())]
        .iter()
        .map(|choice| choice.site)
        .collect();
    for (turned, choice) in decisions.iter().enumerate().skip(told) {
        // what an application's modules ask while they are loaded says nothing of the migration
        if choice.loading && !raised {
            continue;
        }
        let repeated = !met.insert(choice.site) && !raised;
        if repeated && waiting.len() > bound {
            continue;
        }
        waiting.insert(Waiting {
            turns: if raised { turns } else { turns + 1 },
            repeated,
            position: if raised {
                -(turned as isize)
            } else {
                turned as isize
            },
            way: Way {
                answers: answers.clone(),
                turned,
            },
        });
        if waiting.len() > bound + 1 {
            waiting.pop_last();
        }
    }
}

/// A run of a revision on an empty catalog, with all unknown conditions open.
pub(super) fn input(module: &Arc<Module>, run: Run, setting: &Setting) -> RunInput<'static> {
    RunInput {
        module: module.clone(),
        function: if run == Run::Downgrade {
            "downgrade"
        } else {
            "upgrade"
        },
        catalog: Catalog::default(),
        assumes: run == Run::First,
        version: setting.config.postgres_version,
        settings: setting.settings.clone(),
        modules: setting.modules.clone(),
        script: Vec::new(),
        settled: BTreeMap::new(),
        search_path: setting.search_path.clone(),
        environment: setting.environment.clone(),
        limits: Limits::default(),
        contrary: Contrary::default(),
    }
}

/// One world of a run. A panic in it is a gap with all that had been found elsewhere still reported.
fn run_once(scene: &Scene<'_>, script: Vec<bool>) -> RunOutput {
    let Scene {
        revision,
        run,
        start,
        setting,
        ..
    } = *scene;
    let run_body = || {
        faults::trip("run", &revision.id);
        match &revision.body {
            Body::Python(module) => run::run(of_module(module, scene, script)),
            Body::Script(body) => scripts::run(
                if run == Run::Downgrade {
                    body.down.as_ref()
                } else {
                    Some(&body.up)
                },
                start.catalog.clone(),
                setting.config.postgres_version,
                assumes(run, start),
            ),
        }
    };
    let mut output = catch_unwind(AssertUnwindSafe(run_body)).unwrap_or_else(|_| RunOutput {
        trace: Trace {
            broke_off: true,
            gaps: vec![Gap {
                site: Some(revision.place),
                what: "foreshot itself broke off in this revision: please report it".to_owned(),
            }],
            ..Trace::default()
        },
        catalog: start.catalog.clone(),
        undone: None,
        doubtful_rows: BTreeSet::new(),
        decisions: Vec::new(),
        settled: start.settled.clone(),
        steps: 0,
    });
    setting.effort.add(&output);
    if run == Run::Rerun {
        let after = output.undone.as_ref().filter(|_| start.is_retry);
        settle_changes(
            &mut output.trace,
            &start.catalog,
            after.unwrap_or(&output.catalog),
        );
    }
    output
}

fn of_module(module: &Arc<Module>, scene: &Scene<'_>, script: Vec<bool>) -> RunInput<'static> {
    let Scene {
        run,
        start,
        setting,
        contrary,
        ..
    } = *scene;
    RunInput {
        catalog: start.catalog.clone(),
        // what is only assumed to be there shows nothing about a guard
        assumes: assumes(run, start) && contrary.turned.is_empty(),
        script,
        settled: start.settled.clone(),
        contrary: contrary.clone(),
        ..input(module, run, setting)
    }
}

/// Whether tables that no revision makes and that a run uses directly are taken to be there: a first run is known to have
/// succeeded somewhere. Where one has used such a table, others come from elsewhere too (`create_all()`, say), and a
/// downgrade may refer to them.
fn assumes(run: Run, start: &World) -> bool {
    match run {
        Run::First => true,
        Run::Rerun => start.is_retry,
        Run::Downgrade | Run::Reupgrade => start.catalog.has_more(),
    }
}

/// Says of each event of a rerun whether something that it altered is different once the rerun is over: what was dropped
/// and made again alike is no change.
fn settle_changes(trace: &mut Trace, before: &Catalog, after: &Catalog) {
    // a dump says the same of one table line by line
    let mut known: FxHashMap<&ObjectKey, bool> = FxHashMap::default();
    for event in &mut trace.events {
        let changes: &[ObjectKey] = &event.changes;
        let mut differs = |key| {
            let known = known.entry(key);
            *known.or_insert_with(|| before.differs(after, key))
        };
        event.changed =
            matches!(event.outcome, Outcome::Ok).then(|| changes.iter().any(&mut differs));
    }
}

/// Worlds that differ in nothing that a later run sees are one.
fn distinct(worlds: Vec<World>) -> Vec<World> {
    let mut kept: Vec<World> = Vec::new();
    for world in worlds {
        let full = kept.len() >= Limit::Ways.count();
        let known = kept
            .iter_mut()
            .find(|other| other.settled == world.settled && other.catalog.same_as(&world.catalog));
        match known {
            // of several ways that lead to one state, which was taken is not known
            Some(known) if known.repeats != world.repeats => known.repeats = None,
            None if !full => kept.push(world),
            Some(_) | None => {}
        }
    }
    kept
}
