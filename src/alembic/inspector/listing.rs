//! Answers of which not all is known: a program asks them for a name, and which way it goes from there says whether the thing
//! is in the database ([`crate::unknown::Asked`]).

use super::find::Seen;
use crate::alembic::object::Interp;
use crate::postgres::ObjectKind;
use crate::postgres::catalog::{QualifiedName, RelationKind};
use crate::python::Value;
use crate::unknown::{Asked, Part, Reason, Unknown, Wanted};

/// What a list is of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Subject {
    /// Relations of these kinds (of any, where there are none) in a schema.
    Relations(String, &'static [RelationKind]),
    /// Columns, indexes or constraints of a table.
    Members(QualifiedName, ObjectKind),
}

/// A list that was asked for.
#[derive(Clone, Debug)]
pub struct Listing {
    subject: Subject,
    /// What was seen then.
    then: Seen,
}

/// Lists that were asked for in a run, and what was decided on them since.
#[derive(Debug, Default)]
pub struct Listings {
    all: Vec<Listing>,
    learned: Vec<(Subject, String, bool)>,
}

/// Most lists of a run that are remembered.
const MOST: usize = 10_000;

/// The unknown that stands for an answer.
pub fn unknown(
    interp: &mut Interp,
    what: &str,
    seen: &Seen,
    subject: Subject,
    part: Part,
) -> Value {
    let unknown = interp.unknown_at(Reason::Catalog, what);
    let listings = &mut interp.host.listings;
    if listings.all.len() >= MOST {
        return Value::unknown(unknown);
    }
    listings.all.push(Listing {
        subject,
        then: seen.clone(),
    });
    // the bound is far below what the number holds
    let number = listings.all.len() as u32 - 1;
    Value::unknown(unknown.of(number, part))
}

/// The part of a list that says whether one name is in it.
pub fn has(name: &str) -> Part {
    Part::Has(Wanted {
        name: name.into(),
        denied: false,
    })
}

/// Whether a name was in a list when it was asked for; `None`: not known.
pub fn has_member(interp: &Interp, number: u32, name: &str) -> Option<bool> {
    let listings = &interp.host.listings;
    let listing = listings.all.get(number as usize)?;
    let then = match &listing.subject {
        Subject::Relations(schema, kinds) => listing
            .then
            .catalog
            .has_relation(&QualifiedName::new(schema, name), kinds),
        Subject::Members(table, kind) => listing.then.catalog.has_member(table, *kind, name),
    };
    then.or_else(|| {
        let mut learned = listings.learned.iter().rev();
        let known =
            learned.find(|(subject, known, _)| *subject == listing.subject && known == name);
        known.map(|(_, _, there)| *there)
    })
}

/// A condition on an answer was decided: the database is one in which that is so.
pub fn learn(interp: &mut Interp, unknown: &Unknown, taken: bool) {
    let Some(Asked {
        listing,
        part: Part::Has(wanted) | Part::Equals(wanted),
    }) = unknown.asked.as_deref()
    else {
        return;
    };
    let Some(listing) = interp.host.listings.all.get(*listing as usize) else {
        return;
    };
    let there = taken != wanted.denied;
    let (subject, separate) = (listing.subject.clone(), listing.then.separate);
    interp.host.learn(&subject, &wanted.name, there, separate);
    interp
        .host
        .listings
        .learned
        .push((subject, wanted.name.to_string(), there));
}

impl crate::alembic::environment::Environment {
    fn learn(&mut self, subject: &Subject, name: &str, there: bool, separate: bool) {
        let tell = |session: &mut crate::postgres::Session| match subject {
            Subject::Relations(schema, _) => {
                session.learn_relation(&QualifiedName::new(schema, name), there);
            }
            Subject::Members(table, kind) => session.learn_member(table, *kind, name, there),
        };
        tell(&mut self.session);
        if separate {
            // what is committed is seen through another connection
            std::mem::swap(&mut self.session.catalog, &mut self.committed);
            tell(&mut self.session);
            std::mem::swap(&mut self.session.catalog, &mut self.committed);
        }
    }
}
