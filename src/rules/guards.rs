//! Guards that are there and do not help: what a condition asked of the catalog, against what its statement needs.

use smol_str::SmolStr;

use super::second_run::{self, Fault, FaultKind};
use super::unnamed_constraint;
use super::words;
use super::{Context, Rule, label, missing_guard};
use crate::diagnostic::Diagnostic;
use crate::postgres::statement::AlterTableCommand;
use crate::postgres::{ObjectKey, ObjectKind, ServerError, SqlState, Statement};
use crate::trace::{Event, Found, Guard, Question, Subject};
use crate::unknown::has_hole;

/// What the guards of a statement that fails on its second run were.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Verdict<'a> {
    /// None that asks the catalog, or none that can be shown to ask for the wrong thing.
    NoGuard,
    /// It asks for the table, and the statement makes or drops a part of it.
    OnlyTable(&'a Guard, &'a Question),
    /// It asks whether another object is there.
    AnotherObject(&'a Guard, &'a Question),
    /// The statement makes a constraint without a name: it needs that first, whatever guards it.
    Unnamed,
}

/// The findings of a rule on wrong guards: `wrong` says which verdicts are its own, `proves` what the question has to do with
/// the statement's object, `here` what the guard does.
pub(super) fn report(
    context: &Context<'_>,
    rule: &Rule,
    wrong: impl for<'a> Fn(Verdict<'a>) -> Option<(&'a Guard, &'a Question)>,
    proves: &str,
    here: &str,
) -> Vec<Diagnostic> {
    let mut found = Vec::new();
    let causes = context.schema_causes().iter();
    let wrong: Vec<_> = causes
        .filter_map(|cause| Some((cause, wrong(verdict(&cause.faults[0]))?)))
        .collect();
    let in_the_way = missing_guard::in_the_way(wrong.iter().map(|(cause, _)| *cause));
    let made = second_run::makers(context.replayed, in_the_way);
    for (cause, (guard, question)) in wrong {
        let fault = cause.faults[0];
        let message = format!(
            "{}: its guard asks {}, {proves} {}",
            missing_guard::message(&fault),
            asked(question, guard),
            object(&fault, question, guard)
        );
        let mut diagnostic = missing_guard::report(context, rule, cause, &made, message);
        diagnostic.labels.insert(0, label(guard.site, here));
        found.push(diagnostic);
    }
    found
}

/// What a statement makes or drops.
struct Target {
    kind: ObjectKind,
    schema: SmolStr,
    table: Option<SmolStr>,
    /// `None`: PostgreSQL makes the name up.
    name: Option<SmolStr>,
    /// It makes it; else it needs it.
    makes: bool,
}

/// How a question bears on a target.
enum Bearing {
    About,
    OnlyTable,
    Other,
    Unsure,
}

/// Judges the guards of a fault.
pub(super) fn verdict<'a>(fault: &Fault<'a>) -> Verdict<'a> {
    if unnamed_constraint::is_it(fault) {
        return Verdict::Unnamed;
    }
    let Some(target) = target(fault) else {
        return Verdict::NoGuard;
    };
    let mut wrong = Verdict::NoGuard;
    // the innermost guard is the one that its author meant for it
    for guard in fault.event.guards().iter().rev() {
        for question in &guard.questions {
            match bearing(question, guard, &target) {
                Bearing::About | Bearing::Unsure => return Verdict::NoGuard,
                Bearing::OnlyTable if !matches!(wrong, Verdict::OnlyTable(..)) => {
                    wrong = Verdict::OnlyTable(guard, question);
                }
                Bearing::Other
                    if wrong == Verdict::NoGuard && lets_in(question, guard, &target) =>
                {
                    wrong = Verdict::AnotherObject(guard, question);
                }
                Bearing::OnlyTable | Bearing::Other => {}
            }
        }
    }
    wrong
}

/// Whether a guard asks for the object of an error.
pub(super) fn asks_for(guard: &Guard, event: &Event, error: &ServerError) -> bool {
    let Some(target) = error_target(event, error) else {
        return false;
    };
    guard.questions.iter().any(|question| {
        question.found != Found::Unknown
            && matches!(bearing(question, guard, &target), Bearing::About)
    })
}

fn target(fault: &Fault<'_>) -> Option<Target> {
    match fault.kind {
        FaultKind::Fails(error) => error_target(fault.event, error),
        FaultKind::Changes => unnamed(fault.event),
    }
}

fn error_target(event: &Event, error: &ServerError) -> Option<Target> {
    let makes = match error.sqlstate {
        SqlState::DUPLICATE_TABLE
        | SqlState::DUPLICATE_OBJECT
        | SqlState::DUPLICATE_COLUMN
        | SqlState::DUPLICATE_SCHEMA => true,
        SqlState::UNDEFINED_TABLE | SqlState::UNDEFINED_COLUMN | SqlState::UNDEFINED_OBJECT => {
            false
        }
        _ => return None,
    };
    let key = error.object.as_ref()?;
    let table = event.statements.first().and_then(Statement::table);
    of_key(key, table.map(|name| name.name.clone()), makes)
}

/// The parts of a key's name. A name that holds a dot itself is not told apart, and so not judged.
fn of_key(key: &ObjectKey, table: Option<SmolStr>, makes: bool) -> Option<Target> {
    let parts: Vec<&str> = key.name.split('.').collect();
    let target = |schema: &str, table: Option<SmolStr>, name: &str| Target {
        kind: key.kind,
        schema: SmolStr::new(schema),
        table,
        name: Some(SmolStr::new(name)),
        makes,
    };
    match (key.kind, parts.as_slice()) {
        (ObjectKind::Column | ObjectKind::Constraint, [schema, table, name]) => {
            Some(target(schema, Some(SmolStr::new(table)), name))
        }
        (ObjectKind::Schema, [name]) => Some(target(name, None, name)),
        (ObjectKind::Index, [schema, name]) => Some(target(schema, table, name)),
        (
            ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::ForeignTable
            | ObjectKind::Sequence
            | ObjectKind::Type,
            [schema, name],
        ) => Some(target(schema, None, name)),
        _ => None,
    }
}

/// A constraint or index that has no name and is made once more each time.
fn unnamed(event: &Event) -> Option<Target> {
    let statement = event.statements.first()?;
    let kind = match statement {
        Statement::AlterTable(alter) => {
            alter.commands.iter().find_map(|command| match command {
                AlterTableCommand::AddConstraint(constraint) if constraint.name.is_none() => {
                    Some(ObjectKind::Constraint)
                }
                _ => None,
            })?
        }
        Statement::CreateIndex(index) if index.name.is_none() => ObjectKind::Index,
        _ => return None,
    };
    let table = statement.table()?;
    Some(Target {
        kind,
        schema: table.schema.clone().unwrap_or_else(|| "public".into()),
        table: Some(table.name.clone()),
        name: None,
        makes: true,
    })
}

fn is_relation(kind: ObjectKind) -> bool {
    matches!(
        kind,
        ObjectKind::Table
            | ObjectKind::View
            | ObjectKind::MaterializedView
            | ObjectKind::ForeignTable
            | ObjectKind::Sequence
    )
}

/// The names that were looked for: the one that the question names, else those that its answer was compared with. A loop
/// compares each name of the answer with the one that it looks for, so what is not in the answer is what was looked for.
fn looked_for<'a>(question: &'a Question, guard: &'a Guard) -> Vec<&'a str> {
    if let Subject::Relations { name, .. }
    | Subject::Parts { name, .. }
    | Subject::Others { name, .. } = &question.subject
        && let Some(name) = name
    {
        return vec![name];
    }
    let all = || guard.compared.iter().map(SmolStr::as_str);
    let Found::Names(answer) = &question.found else {
        return all().collect();
    };
    let missing: Vec<&str> = all()
        .filter(|text| !answer.iter().any(|name| name == text))
        .collect();
    if missing.is_empty() {
        all().collect()
    } else {
        missing
    }
}

fn same_schema(asked: Option<&SmolStr>, target: &Target) -> bool {
    asked.map_or("public", SmolStr::as_str) == target.schema
}

fn bearing(question: &Question, guard: &Guard, target: &Target) -> Bearing {
    match &question.subject {
        Subject::Relations { schema, .. } => {
            let names = looked_for(question, guard);
            if names.is_empty() || names.iter().any(|name| has_hole(name)) {
                return Bearing::Unsure;
            }
            let same = same_schema(schema.as_ref(), target);
            let has = |name: &Option<SmolStr>| {
                name.as_ref()
                    .is_some_and(|name| names.contains(&name.as_str()))
            };
            if is_relation(target.kind) && same && has(&target.name) {
                Bearing::About
            } else if same && has(&target.table) {
                Bearing::OnlyTable
            } else {
                Bearing::Other
            }
        }
        Subject::Parts {
            kind,
            schema,
            table,
            ..
        } => {
            let same = same_schema(schema.as_ref(), target);
            if is_relation(target.kind) {
                return if same && target.name.as_ref() == Some(table) {
                    Bearing::Unsure
                } else {
                    Bearing::Other
                };
            }
            let alike = (*kind == ObjectKind::Column) == (target.kind == ObjectKind::Column);
            if !same || target.table.as_ref() != Some(table) || !alike {
                return Bearing::Other;
            }
            by_name(&looked_for(question, guard), target)
        }
        Subject::Others { kind, .. } => {
            if *kind != target.kind {
                return Bearing::Other;
            }
            by_name(&looked_for(question, guard), target)
        }
        Subject::Query { texts } => query_bearing(texts, guard, target),
    }
}

fn by_name(names: &[&str], target: &Target) -> Bearing {
    match &target.name {
        Some(name) if names.contains(&name.as_str()) => Bearing::About,
        Some(_) if !names.is_empty() && !names.iter().any(|name| has_hole(name)) => Bearing::Other,
        _ => Bearing::Unsure,
    }
}

/// Texts in a query on the catalogs that name no object.
const NO_NAMES: &[&str] = &["public", "BASE TABLE", "VIEW", "r", "p", "v", "m", "i"];

fn query_bearing(texts: &[SmolStr], guard: &Guard, target: &Target) -> Bearing {
    let Some(name) = &target.name else {
        return Bearing::Unsure;
    };
    let is_name = |text: &&SmolStr| {
        !NO_NAMES.contains(&text.as_str()) && **text != target.schema && !text.contains('%')
    };
    let names: Vec<&SmolStr> = texts
        .iter()
        .chain(&guard.compared)
        .filter(is_name)
        .collect();
    let last = |text: &SmolStr| {
        let text = text.rsplit('.').next().unwrap_or(text);
        SmolStr::new(text.trim_matches('"'))
    };
    if names.is_empty() || names.iter().any(|text| has_hole(text)) {
        return Bearing::Unsure;
    }
    if names.iter().any(|text| last(text) == *name) {
        return Bearing::About;
    }
    let others = names.iter().filter(|text| Some(last(text)) != target.table);
    if others.count() == 0 {
        Bearing::OnlyTable
    } else {
        Bearing::Other
    }
}

/// Whether the guard lets a statement in as an existence guard would, for another object: one that makes something where
/// that is missing, one that drops something where that is there. Else it is a precondition, and no wrong guard.
fn lets_in(question: &Question, guard: &Guard, target: &Target) -> bool {
    let present = match &question.found {
        Found::Is(is) => *is,
        Found::Names(names) => looked_for(question, guard)
            .iter()
            .any(|text| names.iter().any(|name| name == text)),
        Found::Unknown => return false,
    };
    present != target.makes
}

/// What a guard asks for, in words: "`inspector.has_table('t')`", "for `c` in `inspector.get_columns('t')`".
pub(super) fn asked(question: &Question, guard: &Guard) -> String {
    let names = |texts: &[&str]| {
        texts
            .iter()
            .take(3)
            .map(|text| format!("`{text}`"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    match &question.subject {
        Subject::Query { texts } => {
            let all: Vec<&str> = texts
                .iter()
                .chain(&guard.compared)
                .map(SmolStr::as_str)
                .filter(|text| !NO_NAMES.contains(text))
                .collect();
            format!("the system catalogs for {}", names(&all))
        }
        Subject::Relations { name: None, .. }
        | Subject::Parts { name: None, .. }
        | Subject::Others { name: None, .. }
            if !guard.compared.is_empty() =>
        {
            format!(
                "`{}` for {}",
                question.what,
                names(&looked_for(question, guard))
            )
        }
        _ => format!("`{}`", question.what),
    }
}

/// The object that a fault is about, in words: with its schema where the guard asks for one of the same name.
pub(super) fn object(fault: &Fault<'_>, question: &Question, guard: &Guard) -> String {
    let FaultKind::Fails(error) = fault.kind else {
        return "what it makes".to_owned();
    };
    let Some(key) = &error.object else {
        return "it".to_owned();
    };
    let last = words::last_part(key);
    let name = if looked_for(question, guard).contains(&last) {
        key.name.as_str()
    } else {
        last
    };
    format!("the {} `{name}`", key.kind.noun())
}
