use std::sync::Arc;

use super::*;
use crate::postgres::{Name, ObjectKind, ServerError, SqlState, Statement};
use crate::source::{SourceFile, Span};
use crate::trace::{Call, Circumstances, Origin, Trace};

fn event(site: Site, outcome: Outcome) -> Event {
    let drop = crate::postgres::statement::Drop {
        kind: ObjectKind::Table,
        targets: vec![crate::postgres::statement::DropTarget {
            name: Name::new("t"),
            member: None,
            arguments: None,
        }],
        if_exists: false,
        cascade: false,
        concurrently: false,
    };
    Event {
        call: Arc::new(Call {
            site,
            literal: None,
            origin: Origin::Text,
            statements: Arc::new([Statement::Drop(Box::new(drop))]),
            circumstances: None,
        }),
        outcome,
        changes: Box::default(),
        changed: None,
        mode: TransactionMode::Block,
        aborted: false,
        handled: false,
        swallowed: None,
        transaction: 0,
        conditional: None,
        doubt: None,
    }
}

fn runs() -> (SourceMap, Vec<TracedRun>) {
    let sources = SourceMap::default();
    let file = sources.add(Arc::new(SourceFile::new(
        "v/a.py",
        "x\nop.drop(\n  't')\ny()\n",
    )));
    let at = |start, end| Site {
        file,
        span: Span::new(start, end),
    };
    let missing = || {
        Outcome::Error(Box::new(ServerError::new(
            SqlState::UNDEFINED_TABLE,
            "table \"t\" does not exist",
        )))
    };
    let run = |run, events| TracedRun {
        index: 0,
        revision: "abc".into(),
        file,
        run,
        trace: Trace {
            events,
            ..Trace::default()
        },
    };
    let mut select = event(at(18, 21), Outcome::Unknown("rows".into()));
    Arc::make_mut(&mut select.call).circumstances = Some(Box::new(Circumstances {
        stack: vec![at(18, 21)],
        innermost: at(18, 21),
        text: Some("SELECT\n  '\u{F8FF}'".into()),
        enums: Arc::default(),
        ignored: None,
        checks_first: false,
        guards: vec![],
    }));
    select.conditional = Some(Reason::Data);
    let traced = vec![
        run(Run::First, vec![event(at(2, 17), Outcome::Ok), select]),
        run(Run::Rerun, vec![event(at(2, 17), missing())]),
    ];
    (sources, traced)
}

#[test]
fn one_object_an_event() {
    let (sources, runs) = runs();
    let out = json_lines(&runs, &sources);
    let lines: Vec<&str> = out.lines().collect();
    assert_eq!(
        lines[0],
        r#"{"file":"v/a.py","revision":"abc","run":"first","line":2,"end_line":3,"stack":[2],"statement":"DROP TABLE t","outcome":"ok","sqlstate":null,"changed":null,"transaction":"block","aborted":false,"handled":false}"#
    );
    assert!(
        lines[1].contains(r#""line":4,"end_line":4"#),
        "{}",
        lines[1]
    );
    assert!(
        lines[1].contains(r#""statement":"SELECT\n  '{?}'""#),
        "{}",
        lines[1]
    );
    assert!(
        lines[1].contains(r#""reason":"rows","conditional":"data""#),
        "{}",
        lines[1]
    );
    assert!(
        lines[2].contains(r#""outcome":"error","sqlstate":"42P01""#),
        "{}",
        lines[2]
    );
    assert_eq!(lines.len(), 3);
}

#[test]
fn a_row_a_statement_and_a_column_a_run() {
    let (sources, runs) = runs();
    let out = table(&runs, &sources, false);
    let squeezed: Vec<String> = out
        .lines()
        .map(|line| line.split_whitespace().collect::<Vec<_>>().join(" "))
        .collect();
    assert_eq!(
        squeezed,
        [
            "revision abc v/a.py",
            "upgrade first rerun",
            "2 DROP TABLE t ok 42P01",
            "4 SELECT '{?}' ?~ -",
            "first: line 4 is not known: rows",
            "",
            "? not known",
            "~ executes only if something unknown says so",
        ]
    );
    assert!(table(&runs, &sources, true).contains("\x1b[31m42P01\x1b[0m"));
}

#[test]
fn what_only_rows_bring_stands_beside_the_run() {
    let (sources, mut runs) = runs();
    runs[0].trace.events[0].conditional = Some(Reason::Data);
    runs[1].trace.events[0].conditional = Some(Reason::Catalog);
    let out = json_lines(&runs, &sources);
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        lines[0].contains(r#""run":"first-with-rows""#) && lines[0].contains(r#""outcome":"ok""#),
        "{}",
        lines[0]
    );
    // not a matter of rows
    assert!(
        lines[2].contains(r#""run":"rerun""#)
            && lines[2].contains(r#""outcome":"unknown","sqlstate":null"#)
            && lines[2].contains(r#""if_executed":"42P01""#),
        "{}",
        lines[2]
    );
}
