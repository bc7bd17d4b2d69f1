//! How long each phase of an analysis takes, for `--timings`.
//!
//! A thread is in one phase at a time: what a phase calls that is a phase of its own (interpreting reads SQL) counts there
//! alone. Times are added up over the threads of the process, so that they say what a phase costs, not when it ends. They
//! are no part of a report: nothing that is found depends on them.

use std::cell::Cell;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// What an analysis does, in the order in which it begins.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Finds the configuration, the databases and their files.
    Discover,
    /// Reads files.
    Read,
    /// Parses Python and SQL.
    Parse,
    /// Runs revisions on the simulated server.
    Interpret,
    /// Judges what they did.
    Rules,
    /// Applies levels and suppressions, and prints.
    Report,
}

impl Phase {
    /// All phases, in order.
    pub const ALL: [Self; 6] = [
        Self::Discover,
        Self::Read,
        Self::Parse,
        Self::Interpret,
        Self::Rules,
        Self::Report,
    ];

    /// Its word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Discover => "discover",
            Self::Read => "read",
            Self::Parse => "parse",
            Self::Interpret => "interpret",
            Self::Rules => "rules",
            Self::Report => "report",
        }
    }
}

/// Nanoseconds of each phase, of all threads that have left it.
static SPENT: [AtomicU64; Phase::ALL.len()] = [const { AtomicU64::new(0) }; Phase::ALL.len()];

thread_local! {
    /// The phase that this thread is in, and since when.
    static NOW: Cell<Option<(Phase, Instant)>> = const { Cell::new(None) };
}

/// Does a job as part of a phase.
pub fn measure<T>(phase: Phase, job: impl FnOnce() -> T) -> T {
    let _inside = Inside::enter(phase);
    job()
}

/// How long a phase has taken so far, over all threads.
pub fn spent(phase: Phase) -> Duration {
    Duration::from_nanos(SPENT[phase as usize].load(Ordering::Relaxed))
}

/// A thread's stay in a phase; ends when dropped, in a panic too.
struct Inside {
    outer: Option<Phase>,
}

impl Inside {
    fn enter(phase: Phase) -> Self {
        let now = Instant::now();
        let outer = NOW.replace(Some((phase, now)));
        if let Some((outer, since)) = outer {
            add(outer, now.duration_since(since));
        }
        Self {
            outer: outer.map(|(outer, _)| outer),
        }
    }
}

impl Drop for Inside {
    fn drop(&mut self) {
        let now = Instant::now();
        let inner = NOW.replace(self.outer.map(|outer| (outer, now)));
        if let Some((inner, since)) = inner {
            add(inner, now.duration_since(since));
        }
    }
}

fn add(phase: Phase, time: Duration) {
    SPENT[phase as usize].fetch_add(time.as_nanos() as u64, Ordering::Relaxed);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_inner_phase_counts_alone() {
        let inner = Duration::from_millis(30);
        // other tests of this process are in these phases too: only what must have been added is asked
        let before = spent(Phase::Report);
        measure(Phase::Discover, || {
            assert_eq!(NOW.get().map(|(phase, _)| phase), Some(Phase::Discover));
            measure(Phase::Report, || {
                let start = Instant::now();
                while start.elapsed() < inner {}
            });
            assert_eq!(NOW.get().map(|(phase, _)| phase), Some(Phase::Discover));
        });
        assert!(NOW.get().is_none());
        assert!(spent(Phase::Report) - before >= inner);
    }
}
