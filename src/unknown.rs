//! What can't be known from the text: why, and how it is carried in values and names.
//!
//! An unknown is an honest answer, so it always says why. Text with an unknown part keeps its known parts: the hole is
//! one private-use character, which both Python strings and PostgreSQL identifiers may hold, so `f"ix_{table}"` stays
//! a name that can be parsed, printed and recognised as not known.

use std::rc::Rc;

use crate::source::Site;

/// Stands for an unknown part of a text.
pub const HOLE: char = '\u{F8FF}';

/// Stands for a part of a text that is new on each run (`uuid4()`, `now()`): equal to nothing, not even itself.
pub const FRESH: char = '\u{F8FE}';

/// What a value of Python's is that was new when a row was written, and is the same each time it is read from there.
pub const STORED: &str = "value of a row";

/// Whether a text has a part that is not known.
pub fn has_hole(text: &str) -> bool {
    has(text, HOLE)
}

/// Whether a text has a part that is new on each run.
pub fn is_fresh(text: &str) -> bool {
    has(text, FRESH)
}

/// Asked of nearly every name, and nearly always denied: the first byte of private-use characters is rare.
fn has(text: &str, mark: char) -> bool {
    text.as_bytes().contains(&0xEF) && text.contains(mark)
}

/// Where an unknown comes from: decides whether it has one value in all runs or a fresh one each time.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Reason {
    /// Settings, flags, environment variables: the same value in all runs of a revision.
    Environment,
    /// Rows of the database: may differ each time, and what only they guard is never known to fail.
    Data,
    /// An object that the catalog can't rule out (open world).
    Catalog,
    /// A construct that foreshot does not model.
    Unsupported,
    /// A bound was hit: steps, loops, recursion.
    Bound,
}

/// An unknown value: why it is not known and where that began.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Unknown {
    /// Its kind.
    pub reason: Reason,
    /// What it is, as the source says it: `settings.FEATURE_X`, `os.environ`. Two unknowns of reason
    /// [`Reason::Environment`] with the same description have the same value.
    pub what: Rc<str>,
    /// Where it arose.
    pub site: Option<Site>,
    /// Which of the host's lists it is about, if it is: a decision on it then says what is in the list.
    pub asked: Option<Rc<Asked>>,
    /// What it is where nobody set anything, if that can be told: the way that is followed first.
    pub usual: Option<Rc<Usual>>,
}

/// The value that a setting has by default, and what is computed from it.
#[derive(Clone, Debug, PartialEq, Eq)]
#[allow(missing_docs)]
pub enum Usual {
    None,
    Bool(bool),
    Int(i64),
    Str(Rc<str>),
    /// A dict with nothing in it: the environment, the arguments of `alembic -x`.
    Empty,
    /// A method of such a value.
    Method(Rc<Usual>, Rc<str>),
}

impl Usual {
    /// `bool(value)`.
    pub fn is_true(&self) -> bool {
        match self {
            Self::None | Self::Empty => false,
            Self::Bool(value) => *value,
            Self::Int(value) => *value != 0,
            Self::Str(text) => !text.is_empty(),
            Self::Method(..) => true,
        }
    }
}

/// What an unknown has of one of the host's lists of named things that are not all known (the columns of a table).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Asked {
    /// The host's number of the list.
    pub listing: u32,
    /// What of it.
    pub part: Part,
}

/// A part of a list of named things.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Part {
    /// Records with a `name` each, all of them.
    Records,
    /// The record that stands for each.
    Record,
    /// All names.
    Names,
    /// The name that stands for each.
    Name,
    /// Whether that name is one that is looked for.
    Equals(Wanted),
    /// Whether one that is looked for is among them.
    Has(Wanted),
}

/// What is looked for in a list.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// Its name.
    pub name: Rc<str>,
    /// Whether the answer is turned round: `not in`, `!=`.
    pub denied: bool,
}

impl Unknown {
    /// An unknown of a kind, described by what the source calls it.
    pub fn new(reason: Reason, what: impl Into<Rc<str>>) -> Self {
        Self {
            reason,
            what: what.into(),
            site: None,
            asked: None,
            usual: None,
        }
    }

    /// The same unknown, which is this value where nobody set anything.
    #[must_use]
    pub fn usually(mut self, usual: Option<Usual>) -> Self {
        self.usual = usual.map(Rc::new);
        self
    }

    /// The same unknown as a part of one of the host's lists.
    #[must_use]
    pub fn of(mut self, listing: u32, part: Part) -> Self {
        self.asked = Some(Rc::new(Asked { listing, part }));
        self
    }

    /// The same unknown, with the place where it arose unless it has one.
    #[must_use]
    pub fn at(mut self, site: Site) -> Self {
        self.site.get_or_insert(site);
        self
    }

    /// What follows from this unknown where it is as true as this one, or (`denied`) as false: `not in`, `is None`.
    #[must_use]
    pub fn so(&self, suffix: &str, denied: bool) -> Self {
        let usual = match self.usual.as_deref() {
            Some(Usual::Bool(usual)) => Some(Usual::Bool(*usual != denied)),
            _ => None,
        };
        let answer = self.then(suffix).usually(usual);
        match self.asked.as_deref() {
            Some(Asked {
                listing,
                part: Part::Has(known),
            }) => answer.of(
                *listing,
                Part::Has(Wanted {
                    name: known.name.clone(),
                    denied: known.denied != denied,
                }),
            ),
            _ => answer,
        }
    }

    /// What follows from this unknown by an attribute, a call or an operator: same reason, longer description.
    #[must_use]
    pub fn then(&self, suffix: &str) -> Self {
        let mut what = String::with_capacity(self.what.len() + suffix.len());
        what.push_str(&self.what);
        // a description is for people: past this length it only repeats itself
        if what.len() < 120 {
            what.push_str(suffix);
        }
        Self {
            reason: self.reason,
            what: what.into(),
            site: self.site,
            asked: None,
            usual: None,
        }
    }
}
