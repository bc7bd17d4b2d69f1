//! SQL files as their migration tool takes them: which format, which files are one migration, what is sent to the server
//! and how, and one run of it.
//!
//! In: names and texts. Out: a [`Script`], and for [`run`] a trace like Alembic's, so that replay and rules need not
//! know where a statement came from. Knows no rule and no revision graph.

mod dialect;
mod directives;
mod format;
mod read;
mod recognize;
mod run;

use std::sync::Arc;

use crate::source::Site;
use crate::trace::{Call, Gap};

pub use format::{FORMATS, Facts, Format, Sending};
pub use read::{DownFile, Included, Reading, Refusal, Why, includes, read, read_all};
pub use recognize::{Folder, Migration, Names, fragment, migrations, recognize, version};
pub use run::{Command, run};

/// One migration: an up part, and a down part where it has one.
#[derive(Debug)]
pub struct Script {
    /// Whose file it is.
    pub format: Format,
    /// What `up` runs.
    pub up: Part,
    /// What `down` runs.
    pub down: Option<Part>,
    /// Its tool runs it again whenever it changes, or always.
    pub repeatable: bool,
    /// A second run of the up part is real: the project promises that it may run twice, or a failure may leave it half
    /// applied ([`Script::settle`]).
    pub rerunnable: bool,
    /// Its tool is only guessed: nothing says whether a transaction wraps the file.
    pub guessed: bool,
}

/// The statements that one direction of a migration sends to the server.
#[derive(Debug)]
pub struct Part {
    /// Where it begins: its first statement, else its marker or the start of its file.
    pub place: Site,
    /// Its statements, in order, each a call. A finding stands at the first line; the literal is all of it, without the
    /// semicolon.
    pub calls: Vec<Arc<Call>>,
    /// How they are sent.
    pub sending: Sending,
    /// Whether a comment says more than a template does.
    pub explained: bool,
    /// What of it could not be taken in.
    pub gaps: Vec<Gap>,
}

impl Part {
    /// Whether a failure in the middle can leave it half applied, so that the next attempt meets what is there.
    ///
    /// A build of an index that fails outside of a transaction leaves an invalid index behind, and so counts as two.
    pub fn may_stop_halfway(&self) -> bool {
        let mut commits = 0;
        let mut explicit = false;
        let block = match self.sending {
            Sending::Block => true,
            Sending::OneCall => self.calls.len() > 1,
            Sending::Each => false,
        };
        let mut open = block;
        let mut pending = false;
        for call in &self.calls {
            match run::control(&call.statements) {
                Some(run::Control::Begin) => {
                    explicit = true;
                    open = true;
                }
                Some(run::Control::End) => {
                    commits += usize::from(std::mem::take(&mut pending));
                    open = false;
                }
                None if !run::leaves_something(&call.statements) => {}
                None if open || (block && !explicit && self.sending == Sending::OneCall) => {
                    pending = true;
                }
                None => {
                    commits += if run::is_concurrent(&call.statements) {
                        2
                    } else {
                        1
                    }
                }
            }
        }
        commits + usize::from(pending) > 1
    }
}
