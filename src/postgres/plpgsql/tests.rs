//! Blocks against an executor that only knows which tables there are.

use std::collections::BTreeSet;

use super::*;
use crate::postgres::{Name, ObjectKind};
use crate::sql;

/// Tables by name; every other statement succeeds and does nothing.
#[derive(Clone, Default)]
struct Tables {
    tables: BTreeSet<String>,
    ran: Vec<String>,
}

impl Executor for Tables {
    type Savepoint = BTreeSet<String>;

    fn run(&mut self, statement: &Statement) -> Ran {
        let mut ran = Ran {
            outcome: Outcome::Ok,
            result: None,
            row_count: None,
        };
        match statement {
            Statement::CreateTable(create) => {
                self.ran.push(format!("create {}", create.name));
                if !self.tables.insert(create.name.name.to_string()) {
                    ran.outcome = Outcome::Error(Box::new(ServerError::new(
                        SqlState::DUPLICATE_TABLE,
                        "already exists",
                    )));
                }
            }
            Statement::Drop(drop) if drop.kind == ObjectKind::Table => {
                for target in &drop.targets {
                    self.ran.push(format!("drop {}", target.name));
                    self.tables.remove(target.name.name.as_str());
                }
            }
            Statement::Query(_) => {
                let rows = self.tables.iter();
                ran.result = Some(ResultSet {
                    json: Vec::new(),
                    some: !self.tables.is_empty(),
                    columns: vec!["relname".into(), "kind".into()],
                    rows: Some(
                        rows.map(|name| vec![Datum::Text(name.as_str().into()), Datum::Int(1)])
                            .collect(),
                    ),
                });
            }
            _ => self.ran.push("other".into()),
        }
        ran
    }

    fn evaluate(&mut self, expression: &Expr) -> Result<Datum, ServerError> {
        Ok(match expression {
            Expr::Value(value) => value.clone(),
            Expr::Not(value) => match self.evaluate(value)? {
                Datum::Bool(value) => Datum::Bool(!value),
                other => other,
            },
            Expr::Exists(_) => Datum::Bool(!self.tables.is_empty()),
            Expr::Array(values) => Datum::Array(
                values
                    .iter()
                    .map(|value| self.evaluate(value).unwrap_or(Datum::Unknown))
                    .collect(),
            ),
            Expr::Binary {
                operator,
                left,
                right,
            } => match (
                operator.as_str(),
                self.evaluate(left)?,
                self.evaluate(right)?,
            ) {
                ("=", left, right) if left != Datum::Unknown && right != Datum::Unknown => {
                    Datum::Bool(left == right)
                }
                ("+", Datum::Int(left), Datum::Int(right)) => Datum::Int(left + right),
                _ => Datum::Unknown,
            },
            _ => Datum::Unknown,
        })
    }

    fn parse(&self, text: &str) -> Vec<Statement> {
        sql::statements(text)
    }

    fn savepoint(&mut self) -> Self::Savepoint {
        self.tables.clone()
    }

    fn rollback(&mut self, savepoint: Self::Savepoint) {
        self.tables = savepoint;
    }

    fn end_transaction(&mut self, _: bool) -> Outcome {
        Outcome::Error(Box::new(ServerError::new(
            SqlState::INVALID_TRANSACTION_TERMINATION,
            "invalid transaction termination",
        )))
    }
}

fn run(tables: &mut Tables, body: &str) -> Outcome {
    let block = sql::parse_block(body);
    assert_eq!(block.unreadable, None, "{body}");
    execute(&block, Vec::new(), tables)
}

fn tables(names: &[&str]) -> Tables {
    Tables {
        tables: names.iter().map(|name| (*name).to_owned()).collect(),
        ran: Vec::new(),
    }
}

fn state(outcome: &Outcome) -> &str {
    match outcome {
        Outcome::Ok => "ok",
        Outcome::Error(error) => error.sqlstate.code(),
        Outcome::Unknown(_) => "unknown",
    }
}

#[test]
fn a_handler_takes_its_own_errors_only() {
    let body = |condition: &str| {
        format!(
            "begin create table a (x int); create table t (x int); \
             exception when {condition} then null; end"
        )
    };
    for (condition, expected) in [
        ("duplicate_table", "ok"),
        ("duplicate_object", "42P07"),
        ("sqlstate '42P07'", "ok"),
        ("duplicate_object or others", "ok"),
    ] {
        let mut executor = tables(&["t"]);
        let outcome = run(&mut executor, &body(condition));
        assert_eq!(state(&outcome), expected, "{condition}");
        if expected == "ok" {
            assert!(!executor.tables.contains("a"), "the block is undone");
        }
    }
}

#[test]
fn guards_and_loops() {
    let mut executor = tables(&[]);
    let guarded =
        "begin if not exists (select 1 from pg_class) then create table t (x int); end if; end";
    assert_eq!(state(&run(&mut executor, guarded)), "ok");
    assert_eq!(state(&run(&mut executor, guarded)), "ok");
    assert_eq!(executor.ran, ["create t"]);

    let mut executor = tables(&["a", "b"]);
    let dropping = "declare r record; begin for r in select relname, 1 as kind from pg_class loop \
                    execute format('drop table %I', r.relname); end loop; end";
    assert_eq!(state(&run(&mut executor, dropping)), "ok");
    assert_eq!(executor.ran, ["drop a", "drop b"]);

    let mut executor = tables(&[]);
    let counting = "declare n int := 1; x text; begin \
                    foreach x in array array['a', 'B'] loop execute 'create table ' || quote_ident(x) || '(i int)'; end loop; \
                    for i in 1..5 loop continue when i = 2; exit when i = 4; execute 'create table t' || i || ' (x int)'; end loop; \
                    while n = 1 loop n := n + 1; end loop; \
                    if n = 2 then create table last (x int); end if; return; create table never (x int); end";
    assert_eq!(state(&run(&mut executor, counting)), "ok");
    assert_eq!(
        executor.ran,
        [
            "create a",
            "create \"B\"",
            "create t1",
            "create t3",
            "create last"
        ]
    );
}

#[test]
fn raise_throws_what_it_names() {
    let cases = [
        ("begin raise exception 'no %', 1; end", "P0001"),
        ("begin raise notice 'no'; end", "ok"),
        (
            "begin raise exception 'x' using errcode = 'duplicate_object'; end",
            "42710",
        ),
        ("begin raise unique_violation; end", "23505"),
        ("begin assert 1 = 2, 'no'; end", "P0004"),
        ("begin assert 1 = 1; end", "ok"),
        (
            "declare n int; begin get diagnostics n = row_count; end",
            "ok",
        ),
        (
            "begin create table t (x int); exception when others then raise; end",
            "42P07",
        ),
        (
            "begin create table t (x int); exception when others then \
             if sqlstate = '42P07' then raise exception 'again'; end if; end",
            "P0001",
        ),
        ("begin commit; end", "2D000"),
        (
            "begin begin commit; exception when others then raise; end; end",
            "2D000",
        ),
        (
            "begin case 3 when 1, 2 then null; end case; exception when others then null; end",
            "unknown",
        ),
    ];
    for (body, expected) in cases {
        let mut executor = tables(&["t"]);
        assert_eq!(state(&run(&mut executor, body)), expected, "{body}");
    }
}

#[test]
fn unknown_conditions_are_honest() {
    let cases = [
        (
            "begin if f() then create table a (x int); end if; end",
            "unknown",
        ),
        (
            "begin if f() then raise notice 'x'; else null; end if; end",
            "ok",
        ),
        (
            "declare n int; begin if f() then n := 1; end if; if n = 1 then create table a (x int); end if; end",
            "unknown",
        ),
        ("begin loop null; end loop; end", "unknown"),
        ("begin execute f(); end", "unknown"),
    ];
    for (body, expected) in cases {
        assert_eq!(state(&run(&mut tables(&[]), body)), expected, "{body}");
    }
}

#[test]
fn variables_reach_the_sql() {
    let block = sql::parse_block(
        "declare v text := 'x'; r record; begin select relname, kind into r from pg_class; \
         execute 'create table ' || r.relname || '_' || v || ' (i int)'; end",
    );
    let mut executor = tables(&["t"]);
    assert_eq!(execute(&block, Vec::new(), &mut executor), Outcome::Ok);
    assert_eq!(executor.ran, [format!("create {}", Name::new("t_x"))]);
}

#[test]
fn unknown_parts_of_dynamic_text_become_holes() {
    let mut executor = tables(&[]);
    let body = "declare q text; begin q := 'create table a_' || f(); execute q || ' (x int)'; \
                if q = 'a' then create table b (x int); end if; end";
    assert_eq!(state(&run(&mut executor, body)), "unknown");
    assert_eq!(executor.ran.len(), 1);
    assert!(executor.ran[0].contains("a_{?}"), "{:?}", executor.ran);
}
