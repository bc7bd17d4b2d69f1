//! What a revision does, as far as a fix of it must leave it alone or may only better it.

use camino::Utf8PathBuf;

use crate::postgres::{ObjectKey, Outcome};
use crate::replay::Replayed;
use crate::source::SourceMap;
use crate::trace::{Run, Trace};

/// What a revision's runs come to. A fix must leave the first run's result as it was, and may bring neither exceptions nor
/// anything that can't be known: a finding that is gone because nothing is known any more is not cured.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Proof {
    /// The revision's file.
    pub path: Utf8PathBuf,
    /// The revision.
    pub revision: String,
    /// What the first run made, altered or removed, with a digest of what it is then, sorted.
    pub result: Vec<(ObjectKey, Option<u64>)>,
    /// How many calls of the first run fail.
    pub failed: usize,
    /// Runs that an exception ends.
    pub raised: Vec<(Run, String)>,
    /// Calls whose outcome is not known, conditions that are not known, places that could not be analysed: of the first run
    /// and of the three others.
    pub unknown: [usize; 2],
}

impl Proof {
    /// What a replayed revision comes to.
    pub fn of(replayed: &Replayed, sources: &SourceMap) -> Self {
        let runs = [Run::First, Run::Rerun, Run::Downgrade, Run::Reupgrade];
        let mut keys: Vec<&ObjectKey> = replayed
            .first
            .events
            .iter()
            .flat_map(|event| &event.changes)
            .collect();
        keys.sort();
        keys.dedup();
        Self {
            path: sources.file(replayed.revision.file).path().to_owned(),
            revision: replayed.revision.id.to_string(),
            result: keys
                .into_iter()
                .map(|key| (key.clone(), replayed.after.describe(key)))
                .collect(),
            failed: replayed
                .first
                .events
                .iter()
                .filter(|event| matches!(event.outcome, Outcome::Error(_)))
                .count(),
            raised: runs
                .into_iter()
                .filter_map(|run| {
                    let trace = replayed.trace(run);
                    let class = trace.raised.as_ref().map(|raised| raised.class.clone());
                    let class = class.or_else(|| trace.broke_off.then(|| "broke off".to_owned()));
                    class.map(|class| (run, class))
                })
                .collect(),
            unknown: [
                unknown(&replayed.first),
                runs[1..]
                    .iter()
                    .map(|run| unknown(replayed.trace(*run)))
                    .sum(),
            ],
        }
    }

    /// Whether a fix that turned `self` into `after` did no harm here.
    pub fn holds(&self, after: &Self) -> bool {
        // where a call failed and works now, or an exception ended the run that does not any more, there is more
        let goes_on = self.goes_on_in(after, Run::First);
        let same = self.result == after.result
            || ((after.failed < self.failed || goes_on)
                && self
                    .result
                    .iter()
                    .all(|(key, _)| after.result.iter().any(|(now, _)| now == key)));
        same && after.failed <= self.failed
            && after.raised.iter().all(|now| self.raised.contains(now))
            && (goes_on || after.unknown[0] <= self.unknown[0])
            && (self.goes_on(after) || after.unknown[1] <= self.unknown[1])
    }

    /// Whether an exception ended a run that none ends after a fix: what comes behind is seen for the first time.
    pub fn goes_on(&self, after: &Self) -> bool {
        let mut runs = self.raised.iter().map(|(run, _)| *run);
        runs.any(|run| self.goes_on_in(after, run))
    }

    fn goes_on_in(&self, after: &Self, run: Run) -> bool {
        let ends = |proof: &Self| proof.raised.iter().any(|(ended, _)| *ended == run);
        ends(self) && !ends(after)
    }
}

fn unknown(trace: &Trace) -> usize {
    trace
        .events
        .iter()
        .filter(|event| matches!(event.outcome, Outcome::Unknown(_)))
        .count()
        + trace.conditions.len()
        + trace.gaps.len()
}
