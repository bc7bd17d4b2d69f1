//! Guards for `missing-guard`: the argument that an operation has, or a question to the Inspector before it.
//!
//! In: the causes of a revision's second run. Out: for each the proposals, best first. Statements that stand together and
//! ask the same share one `if`; the Inspector is made once a function, before the first statement that needs it, and anew
//! where what it remembers would be stale.

use std::collections::{BTreeMap, BTreeSet};

use super::Facts;
use super::ask::{self, Ask, Asked};
use super::code::{Code, Place};
use super::setup::{self, By, Setup};
use super::{native, sql_text};
use crate::diagnostic::{Applicability, Diagnostic, Fix};
use crate::postgres::Statement;
use crate::python::syntax::{Block, ExpressionKind, Statement as Python, StatementKind};
use crate::rules::missing_guard::Cause;
use crate::rules::second_run::Fault;
use crate::rules::words;
use crate::source::{Site, Span};
use crate::trace::{Event, Origin};

/// What is done where the SQL text itself gets the guard.
pub(super) const IN_TEXT: &str = "write it so that it may run again";

/// A statement of the source with what goes wrong there.
pub(super) struct Spot<'a> {
    pub(super) place: Place<'a>,
    pub(super) site: Site,
    /// Which cause it belongs to.
    pub(super) cause: usize,
    pub(super) faults: Vec<Fault<'a>>,
}

/// How a spot is repaired.
#[derive(Clone)]
pub(super) enum Repair {
    /// Text of the call changes.
    Edits(Vec<(Span, String)>),
    /// It goes under a condition.
    Guard(Asked),
}

/// Which way is gone.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Way {
    /// A predicate of the project's own.
    Helper,
    /// The text's own clause, or an argument of the call.
    Own,
    /// One Inspector a function.
    Shared,
    /// An Inspector of its own for each question.
    Fresh,
}

/// The ways in the order in which a project wants them.
fn ways(facts: &Facts<'_>) -> &'static [Way] {
    if !facts.style.helpers.is_empty() {
        &[Way::Helper, Way::Shared, Way::Fresh, Way::Own]
    } else if facts.style.native {
        &[Way::Own, Way::Shared, Way::Fresh]
    } else {
        &[Way::Shared, Way::Fresh, Way::Own]
    }
}

/// The proposal for a finding of `missing-guard` that follows some that were refused.
pub(super) fn fix(facts: &Facts<'_>, diagnostic: &Diagnostic, attempt: usize) -> Option<Fix> {
    let cause = *facts.cause_at.get(&diagnostic.site)?;
    let mut left = attempt;
    for way in ways(facts) {
        if let Some(fix) = proposal(facts, cause, *way) {
            if left == 0 {
                return Some(fix);
            }
            left -= 1;
        }
    }
    None
}

/// All statements of the revision at which something goes wrong, in the order of the text.
pub(super) fn spots<'a>(code: &Code<'a>, causes: &'a [Cause<'a>]) -> Vec<Spot<'a>> {
    let mut spots: Vec<Spot<'a>> = Vec::new();
    let mut known: BTreeMap<Site, usize> = BTreeMap::new();
    for (number, cause) in causes.iter().enumerate() {
        for fault in &cause.faults {
            let site = fault.event.site;
            if let Some(index) = known.get(&site) {
                spots[*index].faults.push(*fault);
            } else if site.file == code.module.file
                && let Some(place) = code.place(site.span.start)
            {
                known.insert(site, spots.len());
                spots.push(Spot {
                    place,
                    site,
                    cause: number,
                    faults: vec![*fault],
                });
            }
        }
    }
    spots.sort_by_key(|spot| spot.site.span);
    spots
}

/// How each spot is repaired; one cause may go another way than its turn says.
pub(super) fn repairs(facts: &Facts<'_>, other: Option<(usize, Way)>) -> Vec<Option<Repair>> {
    let order = ways(facts);
    // how the neighbours are repaired decides which of them share a guard
    let way_of = |number: usize| match other {
        Some((cause, way)) if cause == number => Some(way),
        _ => order.get(facts.refused[number]).copied(),
    };
    let mut under: BTreeMap<usize, bool> = BTreeMap::new();
    facts
        .spots
        .iter()
        .map(|spot| {
            let way = way_of(spot.cause)?;
            // where the table itself goes under a guard, so does what is made with it
            let under = *under.entry(spot.cause).or_insert_with(|| {
                way == Way::Own
                    && makes_table(facts, spot.cause)
                    && leader(facts, spot.cause).is_some_and(|first| {
                        matches!(repair(facts, first, way), Some(Repair::Guard(_)))
                    })
            });
            repair(facts, spot, if under { Way::Shared } else { way })
        })
        .collect()
}

fn proposal(facts: &Facts<'_>, cause: usize, way: Way) -> Option<Fix> {
    let spots = facts.spots;
    let as_it_is = ways(facts).get(facts.refused[cause]) == Some(&way);
    let anew;
    let repairs = if as_it_is {
        &facts.repairs
    } else {
        anew = repairs(facts, Some((cause, way)));
        &anew
    };
    let mine: Vec<usize> = (0..spots.len())
        .filter(|index| spots[*index].cause == cause)
        .collect();
    let places: BTreeSet<Site> = facts.causes[cause]
        .faults
        .iter()
        .map(|fault| fault.event.site)
        .collect();
    if mine.is_empty() || mine.len() < places.len() {
        return None;
    }
    let mut edits = Vec::new();
    let mut done: BTreeSet<usize> = BTreeSet::new();
    let mut guarded = false;
    let mut text = false;
    let mut applicability = Applicability::Safe;
    for index in mine {
        if done.contains(&index) {
            continue;
        }
        match repairs[index].as_ref()? {
            Repair::Edits(own) => {
                if concurrent(&spots[index]) {
                    // an invalid index that a failed build left would be taken for the index
                    applicability = Applicability::Unsafe;
                }
                text = matches!(spots[index].faults[0].event.origin, Origin::Text);
                edits.extend(own.iter().cloned());
            }
            Repair::Guard(asked) => {
                let group = group(facts, spots, repairs, index)?;
                guarded = true;
                let by = if way == Way::Helper {
                    By::Helper
                } else if way == Way::Fresh || is_stale(facts, spots, repairs, index, asked) {
                    By::FreshInspector
                } else {
                    By::Inspector
                };
                edits.extend(guard(facts, spots, repairs, &group, asked, by)?);
                done.extend(group.members);
            }
        }
    }
    let message = if guarded && way == Way::Helper {
        "ask first, as the project does"
    } else if guarded {
        "ask the inspector first"
    } else if text {
        IN_TEXT
    } else {
        "pass the argument that guards it"
    };
    facts.fix(message, applicability, edits)
}

/// Whether a cause is a table that is made, with all that is put on it.
fn makes_table(facts: &Facts<'_>, cause: usize) -> bool {
    let faults = &facts.causes[cause].faults;
    let first = faults[0].event.site;
    // its enum types are made before it
    faults
        .iter()
        .filter(|fault| fault.event.site == first)
        .any(|fault| {
            matches!(
                fault.event.statements.first(),
                Some(Statement::CreateTable(_))
            )
        })
}

/// The spot at which a cause stands.
fn leader<'a>(facts: &Facts<'a>, cause: usize) -> Option<&'a Spot<'a>> {
    let site = facts.causes[cause].faults[0].event.site;
    facts.spots.iter().find(|spot| spot.site == site)
}

/// How one spot can be repaired on its own.
fn repair(facts: &Facts<'_>, spot: &Spot<'_>, way: Way) -> Option<Repair> {
    let event = spot.faults.first()?.event;
    let code = facts.code;
    if let Origin::Schema(name) = &event.origin {
        let method = name.rsplit('.').next().unwrap_or(name);
        let call = code.call(spot.place.statement()?.span, method);
        if event.is_direct()
            && let Some(edit) = call.and_then(|call| native::set(code, &call, "checkfirst"))
        {
            return Some(Repair::Edits(vec![edit]));
        }
    }
    if let Origin::Text = event.origin
        && way != Way::Fresh
        && let Some(edits) = sql_text::edits(facts, &spot.faults)
    {
        let edits = match spot.place.statement() {
            Some(statement) => code.fitted(statement, spot.place.function, edits),
            None => edits,
        };
        return Some(Repair::Edits(edits));
    }
    if way == Way::Own
        && let Some(edits) = own_argument(facts, spot)
    {
        return Some(Repair::Edits(edits));
    }
    ask::asked(code, facts.replayed, &spot.place, &spot.faults).map(Repair::Guard)
}

/// The argument of Alembic's own that guards all calls of a spot.
fn own_argument(facts: &Facts<'_>, spot: &Spot<'_>) -> Option<Vec<(Span, String)>> {
    let event = spot.faults.first()?.event;
    let Origin::Operation { name, batch } = &event.origin else {
        return None;
    };
    let (argument, since) = native::argument(name, *batch)?;
    let all = spot.faults.iter().all(|fault| {
        fault.event.is_direct()
            && fault.event.origin == event.origin
            && fault.event.statements.iter().all(native::covers)
            && !words::makes_beside(fault.event)
    });
    // what the call makes beside it is not guarded: a column's foreign key, an index, a type
    let alone = facts
        .replayed
        .first
        .events
        .iter()
        .filter(|before| before.site == event.site)
        .all(|before| same_kind(before, event));
    if facts.config.alembic_version < since || !all || !alone {
        return None;
    }
    let statement = spot.place.statement()?;
    let call = facts.code.call(statement.span, name)?;
    let edit = native::set(facts.code, &call, argument)?;
    Some(
        facts
            .code
            .fitted(statement, spot.place.function, vec![edit]),
    )
}

/// Whether two calls of one operation do the same kind of thing.
fn same_kind(one: &Event, other: &Event) -> bool {
    let kind = |event: &Event| {
        event.statements.first().map(|statement| match statement {
            Statement::AlterTable(alter) => (
                std::mem::discriminant(statement),
                alter.commands.first().map(std::mem::discriminant),
            ),
            _ => (std::mem::discriminant(statement), None),
        })
    };
    kind(one) == kind(other)
}

fn concurrent(spot: &Spot<'_>) -> bool {
    spot.faults.iter().any(|fault| {
        fault.event.statements.iter().any(
            |statement| matches!(statement, Statement::CreateIndex(index) if index.concurrently),
        )
    })
}

/// Statements of one block that go under one guard.
struct Group<'a> {
    block: &'a Block,
    first: usize,
    last: usize,
    members: Vec<usize>,
}

/// What stands together with a spot and asks the same, and what needs the variable that it sets.
fn group<'a>(
    facts: &Facts<'_>,
    spots: &[Spot<'a>],
    repairs: &[Option<Repair>],
    index: usize,
) -> Option<Group<'a>> {
    let (block, own) = *spots[index].place.chain.last()?;
    let at = |position: usize| -> Option<usize> {
        spots.iter().position(|spot| {
            spot.place
                .chain
                .last()
                .is_some_and(|(other, number)| std::ptr::eq(*other, block) && *number == position)
        })
    };
    let leader = |position: usize| -> Option<usize> {
        // back to the statement whose guard covers this one
        let mut at_position = position;
        loop {
            let spot = at(at_position)?;
            if !joins_previous(
                facts,
                spots,
                repairs,
                spot,
                at_position.checked_sub(1).and_then(at),
            ) {
                return Some(at_position);
            }
            at_position -= 1;
        }
    };
    let first = leader(own)?;
    let mut members = vec![at(first)?];
    let mut last = first;
    while let Some(next) = at(last + 1)
        && joins_previous(facts, spots, repairs, next, at(last))
    {
        members.push(next);
        last += 1;
    }
    // a variable that is set under the guard must be read under it
    let mut position = first;
    while position <= last {
        for name in assigned(facts.code, &block[position]) {
            let readers: Vec<usize> = (position + 1..block.len())
                .filter(|later| facts.code.mentions(block[*later].span, &name))
                .collect();
            let Some(furthest) = readers.last().copied().filter(|later| *later > last) else {
                continue;
            };
            let all_about_it = (last + 1..=furthest).all(|between| readers.contains(&between));
            if !all_about_it {
                return None;
            }
            last = furthest;
        }
        position += 1;
    }
    let outside = assigned_names(facts.code, &block[first..=last])
        .iter()
        .any(|name| {
            let function = spots[index].place.function;
            let end = block[last].span.end;
            facts
                .code
                .mentions(Span::new(end, function.span.end.max(end)), name)
        });
    (!outside).then_some(Group {
        block,
        first,
        last,
        members,
    })
}

/// Whether a spot goes under the guard of the one before it.
fn joins_previous(
    facts: &Facts<'_>,
    spots: &[Spot<'_>],
    repairs: &[Option<Repair>],
    spot: usize,
    previous: Option<usize>,
) -> bool {
    let Some(previous) = previous else {
        return false;
    };
    let (Some(Repair::Guard(before)), Some(Repair::Guard(own))) =
        (&repairs[previous], &repairs[spot])
    else {
        return false;
    };
    if before.ask == own.ask {
        return true;
    }
    // parts of a table that the guard's own statement makes; those behind it in the same row too
    spots[previous].cause == spots[spot].cause
        && makes_table(facts, spots[spot].cause)
        && matches!(
            first_ask(facts, spots, repairs, spots[spot].cause),
            Some(Ask::Table { present: false, .. })
        )
        && spots[previous].site >= facts.causes[spots[spot].cause].faults[0].event.site
}

fn first_ask<'a>(
    facts: &Facts<'_>,
    spots: &[Spot<'_>],
    repairs: &'a [Option<Repair>],
    cause: usize,
) -> Option<&'a Ask> {
    let site = facts.causes[cause].faults[0].event.site;
    let first = spots.iter().position(|spot| spot.site == site)?;
    match repairs[first].as_ref()? {
        Repair::Guard(asked) => Some(&asked.ask),
        Repair::Edits(_) => None,
    }
}

/// Names that a simple statement binds.
fn assigned(code: &Code<'_>, statement: &Python) -> Vec<String> {
    let module = code.module;
    let mut names = Vec::new();
    let mut target = |id| {
        if let ExpressionKind::Name(name) = &module.expression(id).kind {
            names.push(name.to_string());
        }
    };
    match &statement.kind {
        StatementKind::Assign { targets, .. } => targets.iter().copied().for_each(&mut target),
        StatementKind::AnnotatedAssign { target: id, .. } => target(*id),
        _ => {}
    }
    names
}

/// Names that some simple statements bind.
pub(super) fn assigned_names(code: &Code<'_>, statements: &[Python]) -> Vec<String> {
    statements
        .iter()
        .flat_map(|statement| assigned(code, statement))
        .collect()
}

/// Puts a group under its condition, with what the condition needs before it.
fn guard(
    facts: &Facts<'_>,
    spots: &[Spot<'_>],
    repairs: &[Option<Repair>],
    group: &Group<'_>,
    asked: &Asked,
    by: By,
) -> Option<Vec<(Span, String)>> {
    let lead = spots.get(*group.members.first()?)?;
    let leading = match repairs[*group.members.first()?].as_ref()? {
        Repair::Guard(first) => first,
        Repair::Edits(_) => asked,
    };
    let plan = plan(facts, spots, repairs, lead);
    let Setup {
        mut edits,
        condition,
    } = setup::condition(facts, lead, &leading.ask, &plan, by)?;
    let inner: Vec<(Span, String)> = group
        .members
        .iter()
        .filter_map(|member| match repairs[*member].as_ref()? {
            Repair::Guard(asked) => Some(asked.edits.clone()),
            Repair::Edits(_) => None,
        })
        .flatten()
        .collect();
    let unit = facts.code.unit(lead.place.function);
    let (span, text) = facts.code.under(
        group.block,
        group.first..=group.last,
        &format!("if {condition}:"),
        unit,
        &inner,
    )?;
    edits.push((span, text));
    Some(edits)
}

/// What is asked in a function, in the order of the text: where each list of names is first needed.
pub(super) struct Plan<'a> {
    /// What is asked, with the statement before which it is asked.
    pub(super) asked: Vec<(&'a Ask, &'a Python)>,
}

fn plan<'a>(
    facts: &Facts<'_>,
    spots: &'a [Spot<'a>],
    repairs: &'a [Option<Repair>],
    lead: &Spot<'_>,
) -> Plan<'a> {
    let mut asked = Vec::new();
    for (index, spot) in spots.iter().enumerate() {
        if spot.place.function.header != lead.place.function.header {
            continue;
        }
        if let Some(Repair::Guard(own)) = &repairs[index]
            && !is_covered(facts, spots, repairs, index)
            && let Some(statement) = spot.place.outermost()
        {
            asked.push((&own.ask, statement));
        }
    }
    Plan { asked }
}

/// Whether another spot's guard holds this one, so that nothing is asked for it.
fn is_covered(
    facts: &Facts<'_>,
    spots: &[Spot<'_>],
    repairs: &[Option<Repair>],
    index: usize,
) -> bool {
    let Some((block, own)) = spots[index].place.chain.last() else {
        return false;
    };
    let previous = own.checked_sub(1).and_then(|position| {
        spots.iter().position(|spot| {
            spot.place
                .chain
                .last()
                .is_some_and(|(other, number)| std::ptr::eq(*other, *block) && *number == position)
        })
    });
    joins_previous(facts, spots, repairs, index, previous)
}

/// Whether an answer of the function's Inspector would be older than the last change of what it is about.
fn is_stale(
    facts: &Facts<'_>,
    spots: &[Spot<'_>],
    repairs: &[Option<Repair>],
    index: usize,
    asked: &Asked,
) -> bool {
    let first_of = |site: Site| {
        facts
            .replayed
            .first
            .events
            .iter()
            .position(|event| event.site == site)
    };
    let Some(own) = first_of(spots[index].site) else {
        return false;
    };
    // when the same list was asked for first
    let since = spots
        .iter()
        .enumerate()
        .filter(|(other, spot)| {
            spot.place.function.header == spots[index].place.function.header
                && matches!(&repairs[*other], Some(Repair::Guard(before)) if same_list(&before.ask, &asked.ask))
        })
        .filter_map(|(_, spot)| first_of(spot.site))
        .min()
        .unwrap_or(own);
    facts.replayed.first.events[since.min(own)..own]
        .iter()
        .any(|event| changes_any(event, asked))
}

fn changes_any(event: &Event, asked: &Asked) -> bool {
    event.changes.iter().any(|key| asked.keys.contains(key))
}

/// Whether two questions read the same answer of an Inspector.
fn same_list(one: &Ask, other: &Ask) -> bool {
    match (one, other) {
        (Ask::Table { table: a, .. }, Ask::Table { table: b, .. })
        | (Ask::PrimaryKey { table: a, .. }, Ask::PrimaryKey { table: b, .. }) => a == b,
        (
            Ask::Part {
                listing, table: a, ..
            },
            Ask::Part {
                listing: other,
                table: b,
                ..
            },
        ) => listing == other && a == b,
        (
            Ask::RenamedColumn { table: a, .. },
            Ask::RenamedColumn { table: b, .. }
            | Ask::Part {
                listing: ask::Listing::Columns,
                table: b,
                ..
            },
        ) => a == b,
        _ => false,
    }
}
