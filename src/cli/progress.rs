//! A line that tells a person who waits how far it is: on a terminal only, never in CI or a pipe, and gone at the end.

use std::io::{IsTerminal, Write};
use std::sync::Mutex;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// What is faster than this needs no line.
const PATIENCE: Duration = Duration::from_millis(700);
/// Time between two lines.
const PACE: Duration = Duration::from_millis(100);

/// Counts revisions; called from any thread.
pub(super) struct Progress {
    total: usize,
    done: AtomicUsize,
    /// When the last line was written; `None`: none is.
    shown: Option<Mutex<(Instant, bool)>>,
}

impl Progress {
    /// Of some revisions.
    pub(super) fn new(total: usize) -> Self {
        let in_ci = ["CI", "GITHUB_ACTIONS", "GITLAB_CI"]
            .iter()
            .any(|name| std::env::var_os(name).is_some_and(|value| !value.is_empty()));
        let dumb = std::env::var_os("TERM").is_none_or(|value| value == "dumb");
        let wanted = !in_ci && !dumb && std::io::stderr().is_terminal();
        Self {
            total,
            done: AtomicUsize::new(0),
            shown: wanted.then(|| Mutex::new((Instant::now() + PATIENCE, false))),
        }
    }

    /// One more is done.
    pub(super) fn step(&self) {
        let done = self.done.fetch_add(1, Ordering::Relaxed) + 1;
        let Some(shown) = &self.shown else {
            return;
        };
        // whoever holds it writes: nobody waits for a line
        if let Ok(mut shown) = shown.try_lock()
            && Instant::now() >= shown.0
        {
            *shown = (Instant::now() + PACE, true);
            let _ = write!(
                std::io::stderr().lock(),
                "\r{done} of {} revisions replayed\x1b[K",
                self.total
            );
        }
    }

    /// Takes the line away.
    pub(super) fn end(&self) {
        if let Some(shown) = &self.shown
            && shown.lock().is_ok_and(|shown| shown.1)
        {
            let _ = write!(std::io::stderr().lock(), "\r\x1b[K");
        }
    }
}
