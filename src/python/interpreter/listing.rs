//! Lists of the host's that are not all known (the columns of a table that no revision makes): what programs do to find out
//! whether a name is in one of them. The host hears which way such a question was decided, and knows it from then on.

use std::rc::Rc;

use super::Interpreter;
use crate::python::host::{Host, Truth};
use crate::python::value::Value;
use crate::unknown::{Asked, Part, Unknown, Wanted};

/// What stands for each item of an unknown that is iterated over.
pub(super) fn element(unknown: &Unknown) -> Unknown {
    let item = unknown.then("[...]");
    match unknown.asked.as_deref() {
        Some(Asked {
            listing,
            part: Part::Records,
        }) => item.of(*listing, Part::Record),
        Some(Asked {
            listing,
            part: Part::Names,
        }) => item.of(*listing, Part::Name),
        _ => item,
    }
}

/// `record["name"]`, `record.name`.
pub(super) fn field(unknown: &Unknown, suffix: &str, name: &str) -> Unknown {
    let value = unknown.then(suffix);
    match unknown.asked.as_deref() {
        Some(Asked {
            listing,
            part: Part::Record,
        }) if name == "name" => value.of(*listing, Part::Name),
        _ => value,
    }
}

/// `item in names`.
pub(super) fn membership(asked: &Unknown, answer: Unknown, item: &Value) -> Unknown {
    match (asked.asked.as_deref(), item) {
        (
            Some(Asked {
                listing,
                part: Part::Names,
            }),
            Value::Str(name),
        ) => answer.of(*listing, Part::Has(wanted(&name.text, false))),
        _ => answer,
    }
}

/// `name == text`.
pub(super) fn equality(left: &Value, right: &Value, denied: bool, answer: Value) -> Value {
    let (Value::Unknown(name), Value::Str(text)) = (match left {
        Value::Str(_) => (right, left),
        _ => (left, right),
    }) else {
        return answer;
    };
    match (name.asked.as_deref(), answer) {
        (
            Some(Asked {
                listing,
                part: Part::Name,
            }),
            Value::Unknown(answer),
        ) => {
            let part = Part::Equals(wanted(&text.text, denied));
            Value::unknown((*answer).clone().of(*listing, part))
        }
        (_, answer) => answer,
    }
}

fn wanted(name: &Rc<str>, denied: bool) -> Wanted {
    Wanted {
        name: name.clone(),
        denied,
    }
}

/// What a comprehension over such a list gives: the names of its records, the records of one name, whether a name is there.
/// `filter`: the condition on which an item passes, where it is not known.
pub(super) fn gathered(
    source: &Unknown,
    filter: Option<&Unknown>,
    element: Option<&Value>,
) -> Option<Unknown> {
    let listing = source.asked.as_deref()?.listing;
    let part_of = |unknown: &Unknown| {
        let asked = unknown.asked.as_deref()?;
        (asked.listing == listing).then(|| asked.part.clone())
    };
    let has = |wanted: Wanted| (!wanted.denied).then_some(Part::Has(wanted));
    let part = match (filter.map(part_of), element?) {
        (Some(Some(Part::Equals(wanted))), _) => has(wanted)?,
        (None, Value::Unknown(element)) => match part_of(element)? {
            Part::Name => Part::Names,
            Part::Record => Part::Records,
            Part::Equals(wanted) => has(wanted)?,
            _ => return None,
        },
        _ => return None,
    };
    Some(filter.unwrap_or(source).clone().of(listing, part))
}

impl<H: Host> Interpreter<H> {
    /// The truth of an unknown: what the host knows of the name that is looked for.
    pub(super) fn truth_of_unknown(&mut self, unknown: &Unknown) -> Truth {
        let Some(asked) = unknown.asked.as_deref() else {
            return Truth::Unknown(unknown.clone());
        };
        let answer = match &asked.part {
            Part::Has(wanted) => {
                H::has_member(self, asked.listing, &wanted.name).map(|has| has != wanted.denied)
            }
            // where it is there, one of the items is it and the others are not: known only where the search ends with it
            Part::Equals(wanted) => H::has_member(self, asked.listing, &wanted.name)
                .filter(|has| !has || self.state.searching)
                .map(|has| has != wanted.denied),
            _ => None,
        };
        if let Some(answer) = answer {
            self.note_found(unknown, answer);
            return Truth::Known(answer);
        }
        Truth::Unknown(unknown.clone())
    }

    /// An item that is looked for is taken to be the one at hand.
    pub(crate) fn note_found(&mut self, unknown: &Unknown, taken: bool) {
        if let Some(Asked {
            listing,
            part: Part::Equals(wanted),
        }) = unknown.asked.as_deref()
            && taken != wanted.denied
        {
            self.state.found = Some(*listing);
        }
    }
}
