//! Where the truth of a condition comes from: the questions that the host was asked, and the texts that were compared.
//!
//! A log of both, in order. What an expression asked is the part of the log that it wrote; a name keeps the part that its
//! value came from, and reading it writes a reference to that. So a condition's questions are found whether they stand in
//! it, in a helper that it calls, or in what a variable was made of. Nothing is written before the first question, and the
//! log is bounded: past the bound conditions have no known questions.

use std::rc::Rc;

use smol_str::SmolStr;

use super::{Context, Interpreter};
use crate::python::host::Host;
use crate::python::syntax::{ExpressionId, ExpressionKind};
use crate::python::value::{Origin, Scope, Value};
use crate::source::Site;

/// Most entries of a log.
const BOUND: usize = 8192;

/// Most entries that the questions of one condition are gathered from.
const GATHERED: usize = 1024;

#[derive(Debug)]
enum Entry {
    /// The host's number of a question.
    Question(u32),
    /// A text that something was compared with.
    Compared(Rc<str>),
    /// A name was read whose value came from this part.
    Used(Origin),
}

/// The log, and the conditions that guard what is executed now.
#[derive(Debug, Default)]
pub(crate) struct Provenance {
    log: Vec<Entry>,
    /// Whether any name has an origin.
    bound: bool,
    /// The part that decided the last condition.
    decisive: Origin,
    /// The host's numbers of the conditions that guard what is executed now, outermost first.
    guards: Vec<u32>,
}

/// What a condition's truth came from.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// The host's numbers of the questions, each once, in order.
    pub questions: Vec<u32>,
    /// Texts that were compared on the way, each once.
    pub compared: Vec<SmolStr>,
}

impl Provenance {
    pub(crate) fn mark(&self) -> u32 {
        // the bound is far below what the number holds
        self.log.len() as u32
    }

    fn write(&mut self, entry: Entry) {
        if self.log.len() < BOUND {
            self.log.push(entry);
        }
    }

    /// Two values were compared.
    pub(crate) fn compared(&mut self, left: &Value, right: &Value) {
        if self.log.is_empty() {
            return;
        }
        for value in [left, right] {
            if let Value::Str(text) = value {
                self.write(Entry::Compared(text.text.clone()));
            }
        }
    }

    /// A name of a scope was read.
    pub(crate) fn used(&mut self, scope: &Scope, name: &str) {
        if !self.bound {
            return;
        }
        let origin = scope
            .origins
            .borrow()
            .iter()
            .find(|(known, _)| known == name)
            .map(|(_, origin)| *origin);
        if let Some(origin) = origin {
            self.write(Entry::Used(origin));
        }
    }

    /// A condition was decided by what was written since a mark.
    pub(crate) fn decided_since(&mut self, first: u32) {
        self.decisive = Origin {
            first,
            last: self.mark(),
        };
    }

    pub(crate) fn depth(&self) -> usize {
        self.guards.len()
    }

    /// Ends the guards that were entered since.
    pub(crate) fn leave(&mut self, depth: usize) {
        self.guards.truncate(depth);
    }

    fn grounds(&self, origin: Origin) -> Grounds {
        let mut grounds = Grounds::default();
        let mut todo = vec![origin];
        let mut seen = 0;
        while let Some(origin) = todo.pop() {
            for at in origin.first..origin.last {
                seen += 1;
                if seen > GATHERED {
                    return Grounds::default();
                }
                match self.log.get(at as usize) {
                    Some(Entry::Question(number)) => {
                        if !grounds.questions.contains(number) {
                            grounds.questions.push(*number);
                        }
                    }
                    Some(Entry::Compared(text)) => {
                        if !grounds.compared.iter().any(|known| **known == **text) {
                            grounds.compared.push(SmolStr::new(text));
                        }
                    }
                    Some(Entry::Used(origin)) => todo.push(*origin),
                    None => {}
                }
            }
        }
        grounds.questions.sort_unstable();
        grounds
    }
}

impl<H: Host> Interpreter<H> {
    /// The host was asked something about the world: its number of the question.
    pub fn asked(&mut self, question: u32) {
        self.state.provenance.write(Entry::Question(question));
    }

    /// The host's numbers of the conditions that guard what is executed now, outermost first.
    pub fn guards(&self) -> &[u32] {
        &self.state.provenance.guards
    }

    /// Remembers that a name's value came from what was asked since a mark.
    pub(crate) fn note_origin(
        &mut self,
        context: &Context<'_, H>,
        target: ExpressionId,
        first: u32,
    ) {
        let last = self.state.provenance.mark();
        if first == last && !self.state.provenance.bound {
            return;
        }
        let ExpressionKind::Name(name) = &context.module.expression(target).kind else {
            return;
        };
        let mut origins = context.scope.origins.borrow_mut();
        origins.retain(|(known, _)| known != name);
        if first < last {
            self.state.provenance.bound = true;
            origins.push((name.clone(), Origin { first, last }));
        }
    }

    /// The condition of an `if` was decided: tells the host if questions decided it, and enters it as a guard. Gives which
    /// way the host goes on.
    pub(crate) fn guard(&mut self, site: Site, taken: bool, skips: bool) -> bool {
        let decisive = std::mem::take(&mut self.state.provenance.decisive);
        if decisive.first == decisive.last {
            return taken;
        }
        let grounds = self.state.provenance.grounds(decisive);
        if grounds.questions.is_empty() {
            return taken;
        }
        let (number, taken) = H::guard(self, site, taken, skips, grounds);
        self.state.provenance.guards.push(number);
        taken
    }
}
