//! What a migration asks of the catalog, and the conditions that the answers decide.
//!
//! In: calls of an Inspector's methods and queries on the system catalogs, with their answers. Out: numbered questions,
//! which the interpreter traces to conditions, and the guards of each driver call.

use std::sync::Arc;

use smol_str::SmolStr;

use super::core::substitute;
use super::object::Interp;
use super::run::Contrary;
use crate::postgres::expression::{FromItem, QueryBody};
use crate::postgres::{Answer, Datum, Expr, ObjectKind, Outcome, Parameters, Query, Statement};
use crate::python::interpreter::Grounds;
use crate::python::{Arguments, Value};
use crate::source::Site;
use crate::trace::{Found, Guard, Question, Subject};

/// Most questions, and most guards, that a run remembers.
const BOUND: usize = 4096;

/// The questions and guards of one run.
#[derive(Debug, Default)]
pub struct Questions {
    asked: Vec<Arc<Question>>,
    guards: Vec<Arc<Guard>>,
    /// Whether an Inspector answered from its cache what the catalog would answer otherwise.
    pub stale: bool,
    /// Whether an Inspector was made, or a connection asked.
    pub inspected: bool,
    /// What this run does otherwise.
    pub contrary: Contrary,
}

impl Questions {
    /// The guards of these numbers.
    pub fn guarding(&self, numbers: &[u32]) -> Vec<Arc<Guard>> {
        numbers
            .iter()
            .filter_map(|number| self.guards.get(*number as usize).cloned())
            .collect()
    }

    /// All guards, each once.
    pub fn each_guard(self) -> Vec<Arc<Guard>> {
        let mut kept: Vec<Arc<Guard>> = Vec::new();
        for guard in self.guards {
            // a loop may decide alike thousands of times: the last of them tell enough
            if !kept.iter().rev().take(64).any(|known| *known == guard) {
                kept.push(guard);
            }
        }
        kept
    }

    fn ask(&mut self, question: Question) -> Option<u32> {
        self.stale |= question.stale;
        if self.asked.len() >= BOUND {
            return None;
        }
        self.asked.push(Arc::new(question));
        // the bound is far below what the number holds
        Some(self.asked.len() as u32 - 1)
    }

    /// A condition was decided; gives its number and which way to go on.
    pub fn decided(
        &mut self,
        site: Site,
        taken: bool,
        skips: bool,
        grounds: Grounds,
    ) -> (u32, bool) {
        let taken = taken != (skips && self.contrary.turned.contains(&site));
        if self.guards.len() >= BOUND {
            return (u32::MAX, taken);
        }
        self.guards.push(Arc::new(Guard {
            site,
            taken,
            skips,
            questions: grounds
                .questions
                .iter()
                .filter_map(|number| self.asked.get(*number as usize).cloned())
                .collect(),
            compared: grounds.compared,
        }));
        (self.guards.len() as u32 - 1, taken)
    }
}

/// A call of an Inspector's method was answered.
pub fn note_call(
    interp: &mut Interp,
    method: &str,
    arguments: &Arguments,
    answer: &Value,
    site: Option<Site>,
    stale: bool,
) {
    let Some(subject) = subject(method, arguments) else {
        interp.host.questions.stale |= stale;
        return;
    };
    let question = Question {
        what: call_text(method, arguments),
        subject,
        found: found(answer),
        site,
        stale,
    };
    if let Some(number) = interp.host.questions.ask(question) {
        interp.asked(number);
    }
}

/// A query was answered: it is a question if it reads the system catalogs.
pub fn note_query(interp: &mut Interp, answer: &Answer, parameters: &Parameters) {
    let Some(event) = interp.host.events.last() else {
        return;
    };
    let Some(Statement::Query(query)) = event.statements.last() else {
        return;
    };
    if !reads_catalogs(query) {
        return;
    }
    let mut texts = texts_of(query);
    for (_, datum) in &parameters.values {
        gather(datum, &mut texts);
    }
    let site = Some(event.site);
    let found = match (&answer.outcome, &answer.result) {
        (Outcome::Ok, Some(result)) => result.rows.as_deref().map_or(Found::Unknown, rows_found),
        _ => Found::Unknown,
    };
    let question = Question {
        what: SmolStr::new_static("a query on the system catalogs"),
        subject: Subject::Query { texts },
        found,
        site,
        stale: false,
    };
    if let Some(number) = interp.host.questions.ask(question) {
        interp.asked(number);
    }
}

fn rows_found(rows: &[Vec<Datum>]) -> Found {
    match rows {
        [] => Found::Is(false),
        [row] => match row.first() {
            Some(Datum::Null | Datum::Bool(false) | Datum::Int(0)) => Found::Is(false),
            Some(Datum::Unknown) | None => Found::Unknown,
            Some(_) => Found::Is(true),
        },
        _ => Found::Is(true),
    }
}

fn text(arguments: &Arguments, position: usize, name: &str) -> Option<SmolStr> {
    arguments
        .get(position, name)
        .and_then(Value::as_str)
        .map(SmolStr::new)
}

fn subject(method: &str, arguments: &Arguments) -> Option<Subject> {
    let parts = |kind: ObjectKind, name: Option<SmolStr>, schema: usize| {
        Some(Subject::Parts {
            kind,
            schema: text(arguments, schema, "schema"),
            table: text(arguments, 0, "table_name")?,
            name,
        })
    };
    match method {
        "has_table" => Some(Subject::Relations {
            schema: text(arguments, 1, "schema"),
            name: Some(text(arguments, 0, "table_name")?),
        }),
        "get_table_names"
        | "get_view_names"
        | "get_materialized_view_names"
        | "get_temp_table_names"
        | "get_temp_view_names"
        | "get_foreign_table_names" => Some(Subject::Relations {
            schema: text(arguments, 0, "schema"),
            name: None,
        }),
        "get_columns" => parts(ObjectKind::Column, None, 1),
        "get_indexes" => parts(ObjectKind::Index, None, 1),
        "has_index" => parts(
            ObjectKind::Index,
            Some(text(arguments, 1, "index_name")?),
            2,
        ),
        "get_unique_constraints"
        | "get_foreign_keys"
        | "get_pk_constraint"
        | "get_check_constraints" => parts(ObjectKind::Constraint, None, 1),
        "get_enums" => Some(Subject::Others {
            kind: ObjectKind::Type,
            name: None,
        }),
        "get_schema_names" => Some(Subject::Others {
            kind: ObjectKind::Schema,
            name: None,
        }),
        "has_schema" => Some(Subject::Others {
            kind: ObjectKind::Schema,
            name: Some(text(arguments, 0, "schema_name")?),
        }),
        "has_sequence" => Some(Subject::Others {
            kind: ObjectKind::Sequence,
            name: Some(text(arguments, 0, "sequence_name")?),
        }),
        "get_sequence_names" => Some(Subject::Others {
            kind: ObjectKind::Sequence,
            name: None,
        }),
        _ => None,
    }
}

/// The call as one writes it, without what is not text.
fn call_text(method: &str, arguments: &Arguments) -> SmolStr {
    let positional = arguments
        .positional
        .iter()
        .filter_map(|value| value.as_str().map(|text| format!("'{text}'")));
    let keyword = arguments.keyword.iter().filter_map(|(name, value)| {
        value.as_str().map(|text| match name.as_str() {
            "table_name" => format!("'{text}'"),
            _ => format!("{name}='{text}'"),
        })
    });
    let all: Vec<String> = positional.chain(keyword).collect();
    SmolStr::new(format!("inspector.{method}({})", all.join(", ")))
}

/// The names in an answer: of a list of names, of a list of dictionaries with names.
fn found(answer: &Value) -> Found {
    let name_of = |value: &Value| -> Option<SmolStr> {
        match value {
            Value::Str(text) => Some(SmolStr::new(&text.text)),
            Value::Dict(entries) => entries
                .borrow()
                .get(&crate::python::Key::Str("name".into()))
                .and_then(|name| name.as_str().map(SmolStr::new)),
            _ => None,
        }
    };
    match answer {
        Value::Bool(is) => Found::Is(*is),
        Value::List(items) => Found::Names(items.borrow().iter().filter_map(name_of).collect()),
        Value::Dict(_) => Found::Names(name_of(answer).into_iter().collect()),
        _ => Found::Unknown,
    }
}

/// Whether a query reads the server's own catalogs.
fn reads_catalogs(query: &Query) -> bool {
    fn is_system(item: &FromItem) -> bool {
        match item {
            FromItem::Table { name, .. } => match name.schema.as_deref() {
                Some("information_schema" | "pg_catalog") => true,
                Some(_) => false,
                None => name.name.starts_with("pg_"),
            },
            FromItem::Query { query, .. } => reads_catalogs(query),
            FromItem::Function { .. } => false,
            FromItem::Join { left, right, .. } => is_system(left) || is_system(right),
        }
    }
    let direct = match &query.body {
        QueryBody::Select(select) => select.from.iter().any(is_system),
        QueryBody::Set { left, right, .. } => reads_catalogs(left) || reads_catalogs(right),
        QueryBody::Values(_) => false,
    };
    if direct {
        return true;
    }
    let mut nested = false;
    let mut copy = query.clone();
    substitute::walk_query(&mut copy, &mut |part| match part {
        Expr::Exists(query) | Expr::Subquery(query) | Expr::ArrayQuery(query) => {
            nested |= reads_catalogs(query);
        }
        Expr::Call { name, .. } => nested |= name.name.starts_with("to_reg"),
        _ => {}
    });
    nested
}

fn texts_of(query: &Query) -> Vec<SmolStr> {
    let mut texts = Vec::new();
    let mut copy = query.clone();
    substitute::walk_query(&mut copy, &mut |part| {
        if let Expr::Value(datum) = part {
            gather(datum, &mut texts);
        }
    });
    texts
}

fn gather(datum: &Datum, texts: &mut Vec<SmolStr>) {
    match datum {
        Datum::Text(text) if !texts.iter().any(|known| **known == **text) => {
            texts.push(SmolStr::new(text));
        }
        Datum::Array(items) => items.iter().for_each(|item| gather(item, texts)),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use crate::alembic::testing::{NEW, replay};
    use crate::postgres::{Catalog, Statement};
    use crate::trace::{Event, Found, Subject};

    /// The events of `upgrade` that change something.
    fn changes(module: &str, body: &str) -> Vec<Event> {
        let output = replay(Catalog::default(), module, body, NEW);
        assert!(output.trace.raised.is_none(), "{:?}", output.trace.raised);
        let mut events = output.trace.events;
        events.retain(|event| !matches!(event.statements[0], Statement::Query(_)));
        events
    }

    /// What the guards of the last change asked, and what they compared with.
    fn asked(module: &str, body: &str) -> Vec<(String, Vec<String>)> {
        let events = changes(module, body);
        let last = events.last().expect("a change");
        last.guards()
            .iter()
            .flat_map(|guard| {
                guard.questions.iter().map(|question| {
                    let compared = guard.compared.iter().map(ToString::to_string).collect();
                    (question.what.to_string(), compared)
                })
            })
            .collect()
    }

    fn one(what: &str, compared: &[&str]) -> Vec<(String, Vec<String>)> {
        let compared = compared.iter().map(ToString::to_string).collect();
        vec![(what.to_owned(), compared)]
    }

    const CREATE: &str = "op.create_table('t', sa.Column('id', sa.Integer))";

    #[test]
    fn a_question_in_the_condition() {
        let body = format!("if not sa.inspect(op.get_bind()).has_table('t'): {CREATE}");
        assert_eq!(asked("", &body), one("inspector.has_table('t')", &[]));
    }

    #[test]
    fn a_question_behind_a_name_and_a_helper() {
        let helper = "def names():\n    found = sa.inspect(op.get_bind()).get_table_names()\n    return set(found)\n";
        let body = format!("known = names()\nmissing = 't' not in known\nif missing: {CREATE}");
        assert_eq!(
            asked(helper, &body),
            one("inspector.get_table_names()", &["t"])
        );
    }

    #[test]
    fn an_early_return_guards_what_follows_and_only_that() {
        let helper = "def make():\n    if sa.inspect(op.get_bind()).has_table('t'):\n        return\n    op.execute('create table t (id int)')\n";
        let events = changes(helper, "make()\nop.execute('create table u (id int)')");
        let guards: Vec<usize> = events.iter().map(|event| event.guards().len()).collect();
        assert_eq!(guards, [1, 0]);
    }

    #[test]
    fn a_name_that_is_bound_anew_asks_nothing_more() {
        let body = format!(
            "known = sa.inspect(op.get_bind()).get_table_names()\nknown = []\nif 't' not in known: {CREATE}"
        );
        assert!(asked("", &body).is_empty());
    }

    #[test]
    fn only_what_decides_counts() {
        let body = format!(
            "insp = sa.inspect(op.get_bind())\nif insp.has_table('a') or not insp.has_table('t'): {CREATE}"
        );
        assert_eq!(asked("", &body), one("inspector.has_table('t')", &[]));
    }

    #[test]
    fn a_query_on_the_catalogs_is_a_question_and_one_on_data_is_none() {
        let query = "op.get_bind().execute(sa.text(\"select 1 from pg_type where typname = :n\"), {'n': 'mood'}).scalar()";
        let events = changes("", &format!("if not {query}: {CREATE}"));
        let question = &events[0].guards()[0].questions[0];
        assert_eq!(question.found, Found::Is(false));
        assert!(matches!(&question.subject, Subject::Query { texts } if *texts == ["mood"]));
        let data = "op.execute('create table d (id int)')\nif not op.get_bind().execute(sa.text('select 1 from d where false')).scalar(): ";
        assert!(asked("", &format!("{data}{CREATE}")).is_empty());
    }

    #[test]
    fn what_is_skipped_is_said() {
        let body = "insp = sa.inspect(op.get_bind())\nif insp.has_table('t'): op.drop_table('t')\nif insp.has_table('u'): op.drop_table('u')\nelse: op.execute('select 1')";
        let output = replay(Catalog::default(), "", body, NEW);
        let skips: Vec<bool> = output
            .trace
            .guards
            .iter()
            .map(|guard| guard.skips)
            .collect();
        assert_eq!(skips, [true, false]);
    }
}
