//! What is read without the parser is what the parser reads: on one seed a form, on all statements of the examples, and on seeds
//! mutilated token by token.

use std::path::PathBuf;

use super::*;
use crate::sql::{lexer, read, split};

/// One statement of each form, and of what stands near it in the grammar.
const SEEDS: [&str; 62] = [
    "CREATE TABLE t (id bigint PRIMARY KEY, a varchar(200) NOT NULL, b timestamptz NOT NULL DEFAULT now())",
    "CREATE TABLE IF NOT EXISTS s.t (a char, b character varying(3), c double precision, d numeric(10, 2) DEFAULT -1.5, e int[])",
    "create table t (a json, b timestamp with time zone, c time without time zone, d timestamp(3), e decimal, f real null)",
    "create table t (a int references u, b int constraint x references s.u (id) on delete cascade on update set null)",
    "create table t (a int check (a > 0 and a < 10) unique, constraint k unique (a), check (a <> 3), primary key (a, b))",
    "create table t (a text default 'x'::text, b mood default 'sad', foreign key (a) references u (b) on delete no action)",
    "create table t (a serial4, b s.kind, c uuid default gen_random_uuid(), d bool default true, e date default current_date)",
    "create table t (name text, type text, value text, \"Order\" int, key text, exclude int, time int)",
    "create table t (a int generated always as identity, b text collate \"C\", like u)",
    "create table t ()",
    "create temp table t (a int) on commit drop",
    "create table t (a int) inherits (u)",
    "CREATE INDEX i ON t (a)",
    "CREATE UNIQUE INDEX CONCURRENTLY IF NOT EXISTS i ON ONLY s.t USING btree (a DESC, lower(b), c asc) WHERE a IS NOT NULL",
    "create index on t using gin (a)",
    "create index concurrently on t ((a + 1), b text_pattern_ops nulls last) include (c)",
    "ALTER TABLE t ADD COLUMN state text NOT NULL DEFAULT 'new', ADD COLUMN IF NOT EXISTS x int",
    "alter table if exists only s.t drop column if exists a cascade, drop constraint k restrict, drop constraint if exists l",
    "alter table t add constraint k foreign key (a, b) references u (c, d) on update restrict not valid",
    "alter table t add constraint k check (a > 0) not valid, validate constraint k",
    "alter table t add primary key (a), add unique (b), add c int, add constraint k not null a",
    "alter table t alter column a type bigint using a::bigint, alter b set data type text",
    "alter table t alter a set not null, alter column b drop not null, alter c set default 1 + 2, alter d drop default",
    "alter table t alter column a set statistics 100, alter a add generated always as identity",
    "alter table t rename to u",
    "alter table if exists t rename column a to b",
    "alter table t rename a to b",
    "alter table t rename constraint a to b",
    "alter table t owner to bob",
    "alter table t enable row level security",
    "alter index i rename to j",
    "INSERT INTO t (id, title) VALUES (1, 'first; still'), (2, DEFAULT)",
    "insert into s.t values (null, true, -3, 'it''s', $$x$$, now() - 1, coalesce(1, 2), count(*))",
    "insert into t (a) values (1) on conflict do nothing",
    "insert into t (a) values (1) on conflict (a, b) do update set b = excluded.b, c = default where t.a > 1",
    "insert into t (a) values (1) on conflict on constraint k do nothing",
    "insert into t (a) values (1) returning a",
    "insert into t (a) select 1",
    "insert into t default values",
    "UPDATE t SET a = 1, b = b || 'x' WHERE a IS NULL",
    "update t set a = (a + 1) * -2 where not a = 1 and (b or c) or d in (1, 2) and e not in ('x') and f like 'a%'",
    "update t set a = 'x'::varchar(3)::text where a is not true and b is false and f not ilike g || 'a' and 1 = 1",
    "update t x set a = 1 from u where t.a = u.a",
    "DELETE FROM t WHERE a = 1",
    "delete from s.t",
    "delete from t using u where t.a = u.a",
    "DROP TABLE IF EXISTS a, s.b CASCADE",
    "drop index concurrently if exists i",
    "drop view v restrict",
    "drop sequence q",
    "drop type mood",
    "COMMENT ON TABLE t IS 'Orders'",
    "comment on column s.t.a is null",
    "comment on column t.a is ''",
    "create type mood as enum ('a', 'b')",
    "CREATE OR REPLACE FUNCTION f() RETURNS trigger LANGUAGE plpgsql AS $$\nBEGIN\n NEW.a := now();\n RETURN NEW;\nEND\n$$",
    "create function s.f() returns int as 'select 1' language sql",
    "create function f() returns trigger as $f$ begin nonsense here end $f$ language plpgsql immutable",
    "CREATE TRIGGER tr BEFORE UPDATE ON t FOR EACH ROW EXECUTE FUNCTION f()",
    "create or replace trigger tr after insert or delete or update of a, b on s.t for each statement execute procedure s.f()",
    "begin",
    "rollback",
];

/// What takes a token's place in a mutilated statement.
const POOL: [&str; 48] = [
    "(",
    ")",
    ",",
    ".",
    ";",
    "=",
    "<>",
    "!=",
    "<",
    "||",
    "::",
    "-",
    "+",
    "*",
    "[",
    "]",
    "1",
    "2.5",
    "'x'",
    "$$y$$",
    "E'z'",
    "\"Q\"",
    "a",
    "t",
    "if",
    "not",
    "null",
    "exists",
    "default",
    "constraint",
    "primary",
    "key",
    "unique",
    "check",
    "on",
    "set",
    "in",
    "is",
    "and",
    "or",
    "int",
    "text",
    "varchar",
    "only",
    "column",
    "type",
    "cascade",
    "exclude",
];

/// Fails unless the parser reads a text as it is read here; whether it is read here at all.
fn agrees(text: &str) -> bool {
    let Some(quick) = statement(text, &lexer::tokens(text)) else {
        return false;
    };
    assert_eq!(read::single(text.to_owned()), Some(quick), "{text}");
    true
}

/// A sequence of numbers that look random, the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, most: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % most.max(1) as u64) as usize
    }
}

/// A statement with a token left out, doubled, changed places or replaced; now and then glued to the next.
fn mutilated(seed: &str, numbers: &mut Numbers) -> String {
    let mut tokens: Vec<&str> = lexer::tokens(seed)
        .into_iter()
        .map(|token| token.text(seed))
        .collect();
    for _ in 0..=numbers.below(2) {
        let at = numbers.below(tokens.len());
        match numbers.below(5) {
            0 if tokens.len() > 1 => drop(tokens.remove(at)),
            1 => tokens.insert(at, tokens[at]),
            2 if at > 0 => tokens.swap(at - 1, at),
            3 => tokens[at] = POOL[numbers.below(POOL.len())],
            _ => tokens.insert(at, POOL[numbers.below(POOL.len())]),
        }
    }
    let glue = numbers.below(8) == 0;
    tokens.join(if glue { "" } else { " " })
}

#[test]
fn the_common_forms_are_read() {
    let read = SEEDS.iter().filter(|seed| agrees(seed)).count();
    // the others stand near a common form and are not one
    assert_eq!(read, 44);
}

#[test]
fn a_schema_makes_another_type() {
    assert!(agrees(
        "create table t (a serial4, b pg_catalog.serial4, c pg_catalog.int4, d s.serial4)"
    ));
}

#[test]
fn the_examples_are_read_as_the_parser_does() {
    let (mut read, mut all) = (0, 0);
    let mut folders: Vec<PathBuf> = ["examples", "tests", "docs"].map(PathBuf::from).into();
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let entry = entry.unwrap();
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if let Ok(text) = std::fs::read_to_string(entry.path()) {
                for piece in pieces(&text) {
                    all += 1;
                    read += usize::from(agrees(piece));
                }
            }
        }
    }
    assert!(read > 700, "{read} of {all}");
}

/// What may be statements of a text: of a file of SQL as it is cut, of others each run between quotes or tabs.
fn pieces(text: &str) -> Vec<&str> {
    text.split(['"', '\t', '`', '\n'])
        .flat_map(|part| {
            split::split(part)
                .into_iter()
                .map(|piece| &part[piece.start..piece.end])
        })
        .chain(
            split::split(text)
                .into_iter()
                .map(|piece| &text[piece.start..piece.end]),
        )
        .filter(|piece| piece.len() < 4_000)
        .collect()
}

#[test]
fn mutilated_statements_are_read_as_the_parser_does() {
    let mut numbers = Numbers(20_261_127);
    let mut read = 0;
    for seed in SEEDS {
        for _ in 0..600 {
            read += usize::from(agrees(&mutilated(seed, &mut numbers)));
        }
    }
    assert!(read > 600, "{read}");
}

#[test]
fn expressions_are_read_as_the_parser_does() {
    for (text, read_here) in [
        ("now()", true),
        ("'{}'::jsonb", true),
        ("a = 1 AND b IS NULL", true),
        ("a = b = c", false),
        ("(a AND b) AND c OR (d OR e)", true),
        ("a AND (b AND c)", true),
        ("- (1)", true),
        ("-1::int", true),
        ("1a", false),
        ("1and", false),
        ("a -1", true),
        ("a IN (1, 2) = true", true),
        ("x IN (SELECT 1)", false),
        ("not a is null", true),
        ("f(a, 'b') || c", true),
        ("current_timestamp", true),
        ("current_timestamp(3)", false),
        ("'a' 'b'", false),
        ("interval '1 day'", false),
        ("date '2020-01-01'", false),
        ("a[1]", false),
        ("(a).b", false),
        ("count(distinct a)", false),
        ("pg_catalog.now()", true),
    ] {
        let quick = expression(text);
        assert_eq!(quick.is_some(), read_here, "{text}");
        if let Some(quick) = quick {
            assert_eq!(read::expression_by_parser(text), quick, "{text}");
        }
    }
}
