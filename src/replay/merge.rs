//! One trace from the traces of all worlds of a run.
//!
//! Calls are matched by where they stand, what they say and which of their kind they are. A call that not every world
//! makes is conditional, for the reason of the choices that guard it; an error is an error only if all worlds that make
//! the call agree.

use std::collections::BTreeSet;
use std::hash::{Hash, Hasher};

use rustc_hash::{FxHashMap, FxHashSet, FxHasher};

use crate::postgres::Outcome;
use crate::source::Site;
use crate::trace::{Boundary, Choice, Event, Gap, RunOutput, Trace};
use crate::unknown::Reason;

/// The worlds that tell of a run: those that end, or all where none does (a migration that checks its data and raises
/// does nothing in the world where it raises).
pub(super) fn usable(outputs: &[RunOutput]) -> Vec<&RunOutput> {
    let ended: Vec<_> = outputs
        .iter()
        .filter(|output| output.trace.raised.is_none())
        .collect();
    if ended.is_empty() {
        outputs.iter().collect()
    } else {
        ended
    }
}

/// Identity of a call across worlds.
type CallKey = (Vec<Site>, u64, usize);

/// Merges the traces of worlds. `before` are the conditions by which the worlds parted in the runs before, for what does
/// not part here; events keep the order of the first world that makes them.
pub(super) fn traces(outputs: Vec<RunOutput>, before: &[Gap]) -> Trace {
    // nearly all runs have one world: its trace is not copied
    let outputs = match <[RunOutput; 1]>::try_from(outputs) {
        Ok([only]) => return only.trace,
        Err(outputs) => outputs,
    };
    let worlds = usable(&outputs);
    match worlds.as_slice() {
        [] => Trace::default(),
        [only] => only.trace.clone(),
        [first, ..] => several(first.trace.clone(), &worlds, before),
    }
}

/// Merges the traces of several worlds into that of the first.
fn several(mut merged: Trace, worlds: &[&RunOutput], before: &[Gap]) -> Trace {
    let keys: Vec<Vec<CallKey>> = worlds.iter().map(|world| call_keys(&world.trace)).collect();
    let mut events: Vec<(CallKey, Event)> = keys[0]
        .iter()
        .cloned()
        .zip(merged.events.drain(..))
        .collect();
    for (world, world_keys) in worlds.iter().zip(&keys).skip(1) {
        insert_missing(&mut events, world_keys, &world.trace.events);
        merged.gaps.extend(world.trace.gaps.iter().cloned());
        merged.presumed.extend(world.trace.presumed.iter().cloned());
        merged.stale |= world.trace.stale;
        merged.inspected |= world.trace.inspected;
        for guard in &world.trace.guards {
            if !merged.guards.contains(guard) {
                merged.guards.push(guard.clone());
            }
        }
        for boundary in &world.trace.boundaries {
            let known = |own: &Boundary| own.site == boundary.site && own.kind == boundary.kind;
            if !merged.boundaries.iter().any(known) {
                merged.boundaries.push(boundary.clone());
            }
        }
    }
    let places: Vec<FxHashMap<&CallKey, usize>> = keys
        .iter()
        .map(|keys| {
            keys.iter()
                .enumerate()
                .map(|(place, key)| (key, place))
                .collect()
        })
        .collect();
    merged.events = events
        .into_iter()
        .map(|(key, event)| agree(&key, event, worlds, &places, before))
        .collect();
    merged.gaps.sort();
    merged.gaps.dedup();
    merged
}

fn call_keys(trace: &Trace) -> Vec<CallKey> {
    let mut seen: FxHashMap<(Vec<Site>, u64), usize> = FxHashMap::default();
    trace
        .events
        .iter()
        .map(|event| {
            let mut hasher = FxHasher::default();
            match event.text() {
                Some(text) => text.hash(&mut hasher),
                None => format!("{:?}", event.statements).hash(&mut hasher),
            }
            let identity = (event.stack().to_vec(), hasher.finish());
            let count = seen.entry(identity.clone()).or_default();
            *count += 1;
            (identity.0, identity.1, *count)
        })
        .collect()
}

/// Puts the events of another world behind the event that they followed there.
fn insert_missing(events: &mut Vec<(CallKey, Event)>, keys: &[CallKey], others: &[Event]) {
    let known: FxHashSet<CallKey> = events.iter().map(|(key, _)| key.clone()).collect();
    let mut at = 0;
    for (key, event) in keys.iter().zip(others) {
        let place = known
            .contains(key)
            .then(|| place_of(key, events, at))
            .flatten();
        match place {
            Some(place) => at = place + 1,
            None => {
                events.insert(at, (key.clone(), event.clone()));
                at += 1;
            }
        }
    }
}

/// Where a call stands; it is looked for from `at` on first, since worlds mostly make their calls in one order.
fn place_of(key: &CallKey, events: &[(CallKey, Event)], at: usize) -> Option<usize> {
    let is = |(known, _): &(CallKey, Event)| known == key;
    let behind = events[at..].iter().position(is).map(|place| place + at);
    behind.or_else(|| events[..at].iter().position(is))
}

/// What the worlds say together of one call.
fn agree(
    key: &CallKey,
    mut event: Event,
    worlds: &[&RunOutput],
    places: &[FxHashMap<&CallKey, usize>],
    before: &[Gap],
) -> Event {
    let mut present = Vec::new();
    for (number, (world, places)) in worlds.iter().zip(places).enumerate() {
        if let Some(place) = places.get(key) {
            present.push((number, &world.trace.events[*place]));
        }
    }
    if let Some((_, other)) = present
        .iter()
        .find(|(_, other)| !same_answer(&event.outcome, &other.outcome))
    {
        event.outcome = match (&event.outcome, &other.outcome) {
            (Outcome::Unknown(why), _) | (_, Outcome::Unknown(why)) => {
                Outcome::Unknown(why.clone())
            }
            _ => Outcome::Unknown("it depends on a condition that is not known".into()),
        };
        if event.doubt.is_none() {
            event.doubt = differing_choice(&event, &present, worlds)
                .or_else(|| before.last().cloned())
                .map(Box::new);
        }
    }
    if present
        .iter()
        .any(|(_, other)| other.changed != event.changed)
    {
        event.changed = None;
    }
    event.aborted = present.iter().all(|(_, other)| other.aborted);
    if present
        .iter()
        .any(|(_, other)| other.swallowed != event.swallowed)
    {
        event.swallowed = None;
    }
    if present.len() < worlds.len() && event.conditional.is_none() {
        let numbers: BTreeSet<usize> = present.iter().map(|(number, _)| *number).collect();
        let (reason, doubt) = guarding_choice(&numbers, worlds);
        event.conditional = Some(reason);
        let doubt = doubt.map(Box::new).or(event.doubt);
        event.doubt = doubt.or_else(|| before.last().cloned().map(Box::new));
    }
    event
}

fn same_answer(one: &Outcome, other: &Outcome) -> bool {
    match (one, other) {
        (Outcome::Ok, Outcome::Ok) | (Outcome::Unknown(_), Outcome::Unknown(_)) => true,
        (Outcome::Error(one), Outcome::Error(other)) => one.sqlstate == other.sqlstate,
        _ => false,
    }
}

/// Why only some worlds make a call: the choice that they share and another world made differently; settings and flags
/// only where nothing else guards it.
fn guarding_choice(present: &BTreeSet<usize>, worlds: &[&RunOutput]) -> (Reason, Option<Gap>) {
    let mut choices: Vec<&Choice> = Vec::new();
    for (number, world) in worlds.iter().enumerate() {
        if present.contains(&number) {
            continue;
        }
        // where this absent world parts from a present one that shares most of its choices
        let parted = present
            .iter()
            .filter_map(|other| parting(worlds[*other], world))
            .max_by_key(|(common, _)| *common);
        if let Some((_, choice)) = parted {
            choices.push(choice);
        }
    }
    // the sort is stable: of one reason the first world's choice tells
    choices.sort_by_key(|choice| choice.reason);
    let told = choices
        .iter()
        .find(|choice| choice.reason != Reason::Environment)
        .or(choices.first());
    told.map_or((Reason::Environment, None), |choice| {
        (choice.reason, Some(gap(choice)))
    })
}

/// Where two worlds part: how many choices they share, and the choice that one of them made otherwise.
fn parting<'a>(one: &'a RunOutput, other: &RunOutput) -> Option<(usize, &'a Choice)> {
    let common = one
        .decisions
        .iter()
        .zip(&other.decisions)
        .take_while(|(one, two)| one.value == two.value)
        .count();
    Some((common, one.decisions.get(common)?))
}

/// The choice by which a call comes out differently: of a pair of worlds that say different things and part late.
fn differing_choice(
    event: &Event,
    present: &[(usize, &Event)],
    worlds: &[&RunOutput],
) -> Option<Gap> {
    let explained = present
        .iter()
        .find_map(|(_, other)| other.doubt.as_deref().cloned());
    if explained.is_some() {
        return explained;
    }
    let (first, original) = present.first()?;
    present
        .iter()
        .filter(|(_, other)| !same_answer(&original.outcome, &other.outcome))
        .filter_map(|(number, _)| parting(worlds[*first], worlds[*number]))
        .max_by_key(|(common, _)| *common)
        .map(|(_, choice)| gap(choice))
        .or_else(|| event.doubt.as_deref().cloned())
}

fn gap(choice: &Choice) -> Gap {
    Gap {
        site: choice.site,
        what: choice.what.clone(),
    }
}
