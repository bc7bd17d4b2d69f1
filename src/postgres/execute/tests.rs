//! What the server answers, statement by statement; each case is a call after a set-up, and its SQLSTATE.

use crate::postgres::name::{ObjectKey, ObjectKind};
use crate::postgres::{Catalog, Outcome, Parameters, Session, Statement, TypeName, Version};
use crate::sql::{self, Placeholders};

fn parse(text: &str) -> Vec<Statement> {
    sql::parse(text, Placeholders::None)
        .iter()
        .map(|parsed| parsed.statement.clone())
        .collect()
}

fn session(major: u16) -> Session {
    Session::new(Catalog::default(), Version(major), parse)
}

fn call(session: &mut Session, text: &str) -> String {
    match session
        .execute(&parse(text), &Parameters::default())
        .outcome
    {
        Outcome::Ok => "ok".to_owned(),
        Outcome::Error(error) => error.sqlstate.code().to_owned(),
        Outcome::Unknown(why) => format!("unknown: {why}"),
    }
}

/// Executes calls; each must give the answer before it.
fn check(session: &mut Session, calls: &[(&str, &str)]) {
    for (expected, text) in calls {
        assert_eq!(call(session, text), *expected, "{text}");
    }
}

fn has(session: &Session, kind: ObjectKind, name: &str) -> bool {
    session
        .catalog
        .describe(&ObjectKey::new(kind, name))
        .is_some()
}

#[test]
fn literals_take_the_type_of_what_they_meet() {
    // each line asked on PostgreSQL 15
    let mut session = session(15);
    check(
        &mut session,
        &[
            (
                "ok",
                "create table tt (a smallint, b text, c boolean, d uuid, e numeric)",
            ),
            (
                "22P02",
                "alter table tt alter column a type smallint using case when a = 'APPEND' then 1 else 0 end",
            ),
            (
                "22P02",
                "alter table tt alter column b type varchar(10) using case when a = 1 then 'APPEND' else 0 end",
            ),
            (
                "42804",
                "alter table tt alter column b type varchar(10) using case when a = 1 then b else 0 end",
            ),
            (
                "22P02",
                "alter table tt alter column a type int using case a when 'x' then 1 else 0 end",
            ),
            (
                "22P02",
                "alter table tt alter column a type int using coalesce(a, 'x')",
            ),
            (
                "ok",
                "alter table tt alter column a type int using coalesce(a, '7')",
            ),
            (
                "22P02",
                "alter table tt add constraint ck check (a in ('x','y'))",
            ),
            (
                "22P02",
                "alter table tt add constraint ck check (c = 'maybe')",
            ),
            (
                "ok",
                "alter table tt add constraint ck2 check (a in ('1','2'))",
            ),
            ("42883", "create index i1 on tt (a) where b = 1"),
            ("22P02", "create index i2 on tt (a) where a = 'x'"),
            ("22P02", "alter table tt add f int default 'abc'"),
            ("22P02", "alter table tt add f2 int default ''"),
            ("22P02", "alter table tt add f3 boolean default 'perhaps'"),
            ("ok", "alter table tt add f5 int default '5'"),
            ("22P02", "alter table tt add f6 uuid default 'x'"),
            ("22P02", "alter table tt add f7 json default ''"),
            ("ok", "alter table tt add f8 json default '{}'"),
            ("22P02", "alter table tt add f9 int[] default 'x'"),
            ("22007", "alter table tt add f10 timestamp default 'x'"),
            ("22P02", "alter table tt alter a set default 'zz'"),
            ("42804", "alter table tt add g boolean not null default 0"),
            ("42804", "alter table tt alter c set default 1"),
            ("42804", "create table ww (a int default true)"),
            ("42804", "create table ww (a int default now())"),
            ("42804", "alter table tt add g uuid default md5('x')"),
            ("42804", "alter table tt add g jsonb default '{}'::text"),
            ("42804", "create domain dd as boolean default 0"),
            ("ok", "alter table tt add g1 boolean default '0'"),
            ("ok", "alter table tt add g2 text default 0"),
            ("ok", "alter table tt add g3 int default 1.5"),
            ("ok", "alter table tt add g4 date default now()"),
            ("ok", "alter table tt add g5 jsonb default '{}'::json"),
            ("ok", "alter table tt add g6 int default -1"),
            ("ok", "alter table tt add g7 boolean default null"),
            ("ok", "create type cc as enum ('a', 'b')"),
            ("ok", "create schema ss"),
            ("ok", "create type ss.cc as enum ('a', 'b')"),
            ("ok", "alter table tt add h1 cc default 'a'::cc"),
            (
                "ok",
                "alter table tt add h2 cc default 'a'::text::public.cc",
            ),
            ("ok", "alter table tt add h3 cc[] default array[]::cc[]"),
            (
                "ok",
                "alter table tt add h4 public.cc[] default '{}'::text::cc[]",
            ),
            ("42804", "alter table tt add h5 cc default 'a'::ss.cc"),
            ("42804", "alter table tt add h6 ss.cc default 'a'::cc"),
            ("ok", "create table vv (a varchar(3) default 'abcdef')"),
            ("22P02", "select case when true then 1 else 'x' end"),
            ("42804", "select case when true then a else b end from tt"),
            ("22P02", "select greatest(e, 'x') from tt"),
            (
                "ok",
                "select case when true then 1 when false then 1.5 else '2.5' end",
            ),
        ],
    );
}

#[test]
fn the_server_names_what_has_no_name() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            (
                "ok",
                "create table r(id int primary key, a int, b int, unique(a, b))",
            ),
            (
                "ok",
                "create table t(id serial primary key, c text unique, k int references r, check (id > 0), check (id > k))",
            ),
            ("ok", "alter table t add unique (c)"),
            (
                "ok",
                "alter table t add foreign key (id, k) references r(a, b)",
            ),
            ("ok", "create index on t(c)"),
            ("ok", "create index on t(lower(c), (id + 1))"),
        ],
    );
    for name in [
        "t_pkey",
        "t_c_key",
        "t_c_key1",
        "t_k_fkey",
        "t_id_check",
        "t_check",
        "t_id_k_fkey",
    ] {
        assert!(
            has(
                &session,
                ObjectKind::Constraint,
                &format!("public.t.{name}")
            ),
            "{name}"
        );
    }
    for name in ["t_c_idx", "t_lower_expr_idx", "t_pkey"] {
        assert!(
            has(&session, ObjectKind::Index, &format!("public.{name}")),
            "{name}"
        );
    }
    assert!(has(&session, ObjectKind::Sequence, "public.t_id_seq"));
}

#[test]
fn a_call_is_all_or_nothing() {
    let mut session = session(17);
    session.begin();
    check(
        &mut session,
        &[
            ("42P01", "create table a(id int); drop table nosuch"),
            ("ok", "create table a(id int)"),
            ("42601", "create table b(id int); create tabel c"),
            ("42P01", "drop table b"),
        ],
    );
    let answer = session.execute(&parse("select 1"), &Parameters::default());
    assert!(answer.aborted);
}

#[test]
fn an_error_under_a_savepoint_does_not_abort() {
    let mut session = session(17);
    session.begin();
    let savepoint = session.savepoint();
    check(
        &mut session,
        &[("ok", "create table a(id int)"), ("42P01", "drop table b")],
    );
    session.rollback_to(savepoint);
    let answer = session.execute(&parse("create table a(id int)"), &Parameters::default());
    assert_eq!(answer.outcome, Outcome::Ok);
    assert!(!answer.aborted);
    session.rollback();
    check(&mut session, &[("42P01", "drop table a")]);
}

#[test]
fn text_commits_and_rolls_back() {
    let mut session = session(17);
    session.begin();
    check(
        &mut session,
        &[("ok", "create table a(id int)"), ("ok", "commit")],
    );
    session.rollback();
    check(
        &mut session,
        &[
            ("ok", "drop table a"),
            ("ok", "begin; create table c(id int); commit"),
            ("42P07", "create table c(id int)"),
            ("25P01", "savepoint s"),
            ("25P01", "lock table c"),
        ],
    );
}

#[test]
fn what_may_not_run_in_a_block() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            ("ok", "create table t(id int)"),
            ("ok", "create index concurrently i on t(id)"),
            ("25001", "drop index concurrently i; select 1"),
            ("25001", "do $$ begin execute 'vacuum'; end $$"),
        ],
    );
    session.begin();
    check(
        &mut session,
        &[
            ("25001", "create index concurrently j on t(id)"),
            ("25001", "vacuum t"),
            ("ok", "analyze t"),
        ],
    );
}

#[test]
fn a_new_label_is_unsafe_until_the_commit() {
    for (major, add, uses) in [
        (11, "25001", "22P02"),
        (12, "ok", "55P04"),
        (17, "ok", "55P04"),
    ] {
        let mut session = session(major);
        check(
            &mut session,
            &[
                ("ok", "create type mood as enum ('a')"),
                ("ok", "create table t(m mood, s text)"),
            ],
        );
        session.begin();
        check(
            &mut session,
            &[
                (add, "alter type mood add value 'c'"),
                (uses, "alter table t alter m set default 'c'"),
                (uses, "alter table t add check (m <> 'c') not valid"),
                (uses, "create index on t(s) where m = 'c'"),
                (uses, "create view v as select * from t where m in ('c')"),
                (uses, "alter table t add column n mood default 'c'"),
                ("ok", "alter table t add check (m::text <> 'c')"),
                ("ok", "alter table t alter m set default 'a'"),
            ],
        );
        session.commit();
        if add == "ok" {
            check(
                &mut session,
                &[("ok", "alter table t alter m set default 'c'")],
            );
        }
    }
}

#[test]
fn a_type_of_the_same_transaction() {
    for (major, uses) in [(11, "ok"), (16, "55P04"), (17, "ok")] {
        let mut session = session(major);
        session.begin();
        check(
            &mut session,
            &[
                ("ok", "create type mood as enum ('a')"),
                ("ok", "alter type mood add value 'b'"),
                (uses, "create table t(m mood default 'b')"),
            ],
        );
    }
    let mut nested = session(17);
    nested.begin();
    check(
        &mut nested,
        &[
            ("ok", "savepoint s"),
            ("ok", "create type mood as enum ('a')"),
            ("ok", "release savepoint s"),
            ("ok", "alter type mood add value 'b'"),
            ("55P04", "create table t(m mood default 'b')"),
        ],
    );
}

#[test]
fn literals_of_an_enum() {
    let mut session = session(17);
    check(&mut session, &[("ok", "create type mood as enum ('a')")]);
    let mood = TypeName::new("mood");
    assert!(session.check_enum_use(&mood, "a").is_ok());
    let error = session
        .check_enum_use(&mood, "z")
        .expect_err("no such label");
    assert_eq!(error.sqlstate.code(), "22P02");
    assert_eq!(error.message, "invalid input value for enum mood: \"z\"");
    check(
        &mut session,
        &[
            ("22P02", "create table t(m mood default 'z')"),
            ("42710", "create type mood as enum ('x')"),
            ("42710", "create table mood(id int)"),
            ("22023", "alter type mood add value 'q' before 'nosuch'"),
            (
                "ok",
                "alter type mood add value if not exists 'a' before 'nosuch'",
            ),
        ],
    );
}

#[test]
fn foreign_keys_need_a_key() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            ("ok", "create table r(id int, n text, u uuid unique)"),
            ("42704", "create table t(r int references r)"),
            ("42830", "create table t(r int references r(id))"),
            ("42703", "create table t(r int references r(nosuch))"),
            ("42P01", "create table t(r int references nosuch)"),
            ("42804", "create table t(r int references r(u))"),
            ("ok", "create unique index ri on r(id)"),
            ("ok", "create table t(r int constraint f references r(id))"),
            ("42710", "alter table t add constraint f check (r > 0)"),
            ("2BP01", "drop index ri"),
            ("2BP01", "drop table r"),
            ("ok", "drop table r cascade"),
            ("42704", "alter table t drop constraint f"),
        ],
    );
}

#[test]
fn dropping_a_column_takes_its_own_along() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            (
                "ok",
                "create table t(id serial, a int, b int, check (a > b))",
            ),
            ("ok", "create index i on t(b) where a > 0"),
            ("ok", "alter table t drop column a"),
            ("42704", "drop index i"),
            ("ok", "alter table t drop column id"),
            ("42P01", "drop sequence t_id_seq"),
            ("42703", "alter table t drop column a"),
            ("ok", "alter table t drop column if exists a"),
        ],
    );
}

#[test]
fn views_hold_what_they_use() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            ("ok", "create table t(id int, a int, b int)"),
            ("ok", "create view v as select x.id, a from t x"),
            ("2BP01", "alter table t drop column a"),
            ("0A000", "alter table t alter a type bigint"),
            ("ok", "alter table t drop column b"),
            ("2BP01", "drop table t"),
            ("42P16", "create or replace view v as select id from t"),
            ("42809", "drop table v"),
            ("ok", "alter table t rename column a to z"),
            ("2BP01", "alter table t drop column z"),
            ("ok", "alter table t rename to tt"),
            ("2BP01", "drop table tt"),
            ("ok", "drop table tt cascade"),
            ("42P01", "drop view v"),
            (
                "42703",
                "create view w as select c.nosuch from pg_class c, (select 1 as a) q where q.a = 1 and nosuch2 is null union select x from (select 1 as a) y",
            ),
        ],
    );
}

#[test]
fn renames_are_carried_along() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            ("ok", "create table r(id int primary key)"),
            (
                "ok",
                "create table t(id serial, c int references r, constraint u unique (c))",
            ),
            ("ok", "alter table r rename to rr"),
            ("2BP01", "drop table rr"),
            ("ok", "alter table t rename constraint u to uu"),
            ("ok", "alter index uu rename to u3"),
            ("42704", "alter table t drop constraint uu"),
            ("ok", "alter table t rename column c to d"),
            ("42701", "alter table t rename column d to id"),
            ("ok", "alter table t drop constraint u3"),
            ("ok", "alter table t rename to t2"),
            ("ok", "drop table t2"),
            ("42P01", "drop sequence t_id_seq"),
        ],
    );
}

#[test]
fn types_in_use_stay() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            ("ok", "create type mood as enum ('a')"),
            ("ok", "create table t(id int, m mood[])"),
            ("2BP01", "drop type mood"),
            ("ok", "alter type mood rename to mood2"),
            ("2BP01", "drop type mood2"),
            ("42804", "alter table t alter id type mood2"),
            ("ok", "drop type mood2 cascade"),
            ("42703", "alter table t drop column m"),
            ("42704", "alter table t add column x citext"),
            ("ok", "create extension citext"),
            ("ok", "alter table t add column x citext"),
            ("2BP01", "drop extension citext"),
        ],
    );
}

#[test]
fn types_that_can_not_be_cast() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            (
                "ok",
                "create table t(a text default 'x', b int default 1, c varchar(5), d bool)",
            ),
            ("42804", "alter table t alter c type int"),
            ("ok", "alter table t alter c type int using c::int"),
            ("42804", "alter table t alter a type int using length(a)"),
            ("ok", "alter table t alter b type bigint"),
            (
                "ok",
                "alter table t alter d type int using case when d then 1 else 0 end",
            ),
            (
                "42804",
                "alter table t alter d type int using case when d then 1 else 0 end",
            ),
        ],
    );
}

#[test]
fn an_open_world_assumes_what_is_used() {
    let catalog = Catalog {
        open: true,
        ..Catalog::default()
    };
    let mut session = Session::new(catalog, Version(17), parse);
    let answer = session.execute(
        &parse("alter table t add column c int"),
        &Parameters::default(),
    );
    assert_eq!(answer.outcome, Outcome::Ok);
    assert_eq!(
        answer.assumed,
        [ObjectKey::new(ObjectKind::Table, "public.t")]
    );
    check(
        &mut session,
        &[
            ("42701", "alter table t add column c int"),
            ("ok", "alter table t drop column other"),
            ("42P07", "create table t(id int)"),
            ("ok", "create table u(id int)"),
            ("ok", "drop table if exists w"),
            ("ok", "drop table w"),
            // what was removed is known to be gone, also in an open world
            ("42P01", "drop table w"),
            ("42P01", "alter table w add column c int"),
            ("42703", "alter table t drop column other"),
            ("ok", "drop index i"),
            ("42704", "drop index i"),
            ("ok", "alter table t drop constraint k"),
            ("42704", "alter table t drop constraint k"),
            ("ok", "drop type y"),
            ("42704", "drop type y"),
            ("ok", "alter table z rename to zz"),
            ("42P01", "alter table z rename to zz2"),
            ("ok", "create table w(id int)"),
            ("ok", "drop table w"),
        ],
    );
}

#[test]
fn worlds_that_differ_leave_a_doubt() {
    let mut one = session(17);
    check(&mut one, &[("ok", "create table a(id int)")]);
    let mut two = one.clone();
    check(&mut two, &[("ok", "create table b(id int)")]);
    check(&mut one, &[("ok", "alter table a add column c int")]);
    let merged = Catalog::merge(&one.catalog, &two.catalog);
    let mut session = Session::new(merged, Version(17), parse);
    assert!(call(&mut session.clone(), "drop table b").starts_with("unknown"));
    assert!(call(&mut session.clone(), "alter table a drop column c").starts_with("unknown"));
    check(
        &mut session,
        &[
            ("ok", "drop table if exists b"),
            ("ok", "create table b(id int)"),
            ("42P07", "create table b(id int)"),
        ],
    );
}

#[test]
fn names_with_holes_are_unknown() {
    let mut session = session(17);
    let text = format!("create table t_{}(id int)", crate::unknown::HOLE);
    assert!(call(&mut session, &text).starts_with("unknown"));
    assert_eq!(session.catalog.relations.len(), 0);
}

#[test]
fn commands_of_one_alter_table_run_in_passes() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            ("ok", "create table t(a int, constraint k check (a > 0))"),
            (
                "ok",
                "alter table t add constraint k check (a > 1), drop constraint k",
            ),
            (
                "ok",
                "alter table t add column b int, add constraint u unique (b)",
            ),
            ("ok", "alter table t add column a text, drop column a"),
        ],
    );
}

#[test]
fn schemas_and_the_search_path() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            ("3F000", "create table s.t(id int)"),
            ("3F000", "alter table s.t add column c int"),
            ("42P01", "select * from s.t"),
            ("ok", "create schema s"),
            ("ok", "set search_path to s, public"),
            ("ok", "create table t(id int primary key)"),
            ("2BP01", "drop schema s"),
            ("ok", "alter table t set schema public"),
            ("ok", "drop schema s"),
            ("ok", "create temp table t(x int)"),
            ("ok", "alter table t drop column x"),
            ("ok", "alter table public.t drop column id"),
        ],
    );
}

#[test]
fn partitions_follow_their_parent() {
    let mut session = session(17);
    check(
        &mut session,
        &[
            (
                "ok",
                "create table p(id int, v int, primary key (id)) partition by range (id)",
            ),
            (
                "ok",
                "create table p1 partition of p for values from (0) to (10)",
            ),
            (
                "42P17",
                "create table p2 partition of p for values from (0) to (10)",
            ),
            ("ok", "create index on p(v)"),
            ("ok", "alter table p add column n int"),
            ("42701", "alter table p1 add column n int"),
            ("ok", "drop table p"),
            ("42P01", "drop table p1"),
            ("ok", "create table x(id int)"),
            ("ok", "create table y() inherits (x)"),
            ("42P07", "alter table x inherit y"),
            ("2BP01", "drop table x"),
            ("ok", "drop table x cascade"),
            ("42P01", "drop table y"),
        ],
    );
}

#[test]
fn triggers_and_functions() {
    let mut session = session(17);
    let function =
        "create function f() returns trigger language plpgsql as 'begin return new; end'";
    check(
        &mut session,
        &[
            ("ok", "create table t(id int)"),
            (
                "42883",
                "create trigger g before update on t for each row execute function f()",
            ),
            ("ok", function),
            ("42723", function),
            (
                "ok",
                "create trigger g before update on t for each row execute function f()",
            ),
            (
                "42710",
                "create trigger g before update on t for each row execute function f()",
            ),
            ("2BP01", "drop function f()"),
            ("ok", "drop function f() cascade"),
            ("42704", "drop trigger g on t"),
            ("ok", "drop trigger if exists g on nosuch"),
        ],
    );
}

#[test]
fn modifiers_are_those_that_the_type_takes() {
    let mut session = session(15);
    check(
        &mut session,
        &[
            ("42601", "create table t (a text(4294967295))"),
            ("42601", "create table t (a jsonb(1))"),
            ("22023", "create table t (a varchar(0))"),
            ("22023", "create table t (a varchar(10485761))"),
            ("42601", "create table t (a varchar(4294967295))"),
            ("22003", "create table t (a numeric(4294967295))"),
            ("22023", "create table t (a numeric(1001, 2))"),
            (
                "ok",
                "create table t (a varchar(10485760), b char(1), c numeric(1000, 2), d timestamp(3), e bit(4))",
            ),
            ("42601", "alter table t alter column a type text(5)"),
        ],
    );
}

#[test]
fn a_rename_of_what_is_not_known_may_have_made_the_new_name() {
    let mut session = session(15);
    let rename = Statement::Rename(Box::new(crate::postgres::statement::Rename {
        kind: ObjectKind::Table,
        name: crate::postgres::Name::new(crate::unknown::HOLE.to_string()),
        member: None,
        arguments: None,
        new_name: "t".into(),
        if_exists: false,
    }));
    let reply = session.execute(&[rename], &Parameters::default());
    assert!(matches!(reply.outcome, Outcome::Unknown(_)));
    let answer = call(&mut session, "alter table t drop column a");
    assert!(answer.starts_with("unknown"), "{answer}");
}

/// Asked on PostgreSQL 15.
#[test]
fn a_functions_result_is_a_type_and_part_of_it() {
    let mut session = session(15);
    check(
        &mut session,
        &[
            ("ok", "create schema s"),
            ("ok", "set search_path to s, public"),
            ("ok", "create table items (a int)"),
            (
                "ok",
                "create function f(a int) returns items language sql as 'select null::items'",
            ),
            (
                "ok",
                "create or replace function s.f(a int) returns s.items language sql as 'select null::items'",
            ),
            (
                "42P13",
                "create or replace function s.f(a int) returns setof s.items language sql as 'select null::items'",
            ),
            (
                "ok",
                "create function g(out i s.items, out j varchar(10)) language sql as 'select null, 1'",
            ),
            (
                "ok",
                "create or replace function g(out i items, out j varchar) language sql as 'select null, 1'",
            ),
            (
                "42P13",
                "create or replace function g(out i items, out k varchar) language sql as 'select null, 1'",
            ),
            (
                "ok",
                "create function h() returns table (x int) language sql as 'select 1'",
            ),
            (
                "ok",
                "create or replace function h() returns setof integer language sql as 'select 1'",
            ),
            (
                "ok",
                "create function k() returns text[] language sql as 'select null'",
            ),
            (
                "ok",
                "create or replace function k() returns _text language sql as 'select null'",
            ),
            (
                "42704",
                "create function l() returns nosuch language plpgsql as 'begin return 1; end'",
            ),
            (
                "ok",
                "create function m(a int, b int default 1) returns int language sql as 'select 1'",
            ),
            (
                "42P13",
                "create or replace function m(c int, b int default 1) returns int language sql as 'select 1'",
            ),
            (
                "42P13",
                "create or replace function m(a int, b int) returns int language sql as 'select 1'",
            ),
            ("2BP01", "drop table items"),
            ("ok", "alter table items rename to old"),
            ("2BP01", "drop table old"),
            ("ok", "drop table old cascade"),
            ("42883", "drop function f(int)"),
        ],
    );
}

/// Asked on PostgreSQL 15.
#[test]
fn other_names_of_parameters_and_columns() {
    let mut session = session(15);
    check(
        &mut session,
        &[
            ("ok", "create table l (a text not null)"),
            (
                "ok",
                "create function q(text) returns int language plpgsql as $$declare x alias for $1; begin insert into l values ('v' || x); return 1; end$$",
            ),
            ("ok", "select q('x')"),
            ("ok", "create table post (community_id int)"),
            (
                "ok",
                "create view v as select (select community_id from post p limit 1)",
            ),
            ("ok", "select community_id from v"),
            ("42601", "select * from (select 1 as x)"),
            ("42601", "create view w as select * from (select 1 as x)"),
            ("ok", "select * from (select 1 as x) as y"),
            ("ok", "create table b (t timestamptz default 'now()')"),
        ],
    );
    assert_eq!(
        call(&mut self::session(16), "select * from (select 1 as x)"),
        "ok"
    );
}

/// Asked on PostgreSQL 15.
#[test]
fn which_of_two_refusals_comes_first() {
    let mut session = session(15);
    check(
        &mut session,
        &[
            ("ok", "create table t (a int, constraint c check (a > 0))"),
            ("ok", "create unique index p on t (a)"),
            (
                "ok",
                "alter table t add constraint p primary key using index p",
            ),
            (
                "55000",
                "alter table t add constraint p primary key using index p",
            ),
            (
                "42P16",
                "alter table t add primary key (a), add constraint c check (a > 1)",
            ),
            ("ok", "create view v as select 1 as a"),
            ("42P16", "alter table t alter column a type t using null::t"),
            ("42P16", "alter table t add column b t[]"),
            ("42704", "alter table t alter column a type bigserial"),
            ("42P01", "alter type nosuch add attribute x int"),
            ("42809", "alter table v drop constraint c"),
            ("42809", "alter table v drop constraint if exists c"),
        ],
    );
}

/// Correlated subqueries in each other multiply: a run ends all the same.
#[test]
fn what_queries_look_at_is_bounded() {
    let mut session = session(15);
    let rows: Vec<String> = (0..900).map(|row| format!("({row}, 's{row}')")).collect();
    let rows = format!("insert into s values {}", rows.join(", "));
    check(
        &mut session,
        &[
            ("ok", "create table s (pk int, d text)"),
            ("ok", &rows),
            ("ok", "create table dose (pk serial, fk int, amount int)"),
        ],
    );
    call(
        &mut session,
        "insert into dose (fk, amount) select (select pk from s x where x.d = r.d), 1 from s r
         where not exists (select 1 from dose o where o.fk = (select pk from s z where z.d = r.d) and o.amount = 1)",
    );
    call(
        &mut session,
        "insert into dose (fk, amount) select (select pk from s x where x.d = r.d), 1 from s r
         where not exists (select 1 from dose o where o.fk = (select pk from s z where z.d = r.d) and o.amount = 1)",
    );
    let bound = crate::limits::Limit::QueryRows.count() * 500;
    assert!(
        session.query_work.get() > 10_000 && session.query_work.get() < bound + 100_000,
        "{}",
        session.query_work.get()
    );
}

#[test]
fn what_belongs_to_a_table_that_no_migration_makes_may_be_there() {
    let table = crate::postgres::Name::new("t");
    let mut assuming = session(15);
    assuming.assumes = true;
    assert!(assuming.assume_index(&table, "ix"));
    check(
        &mut assuming,
        &[
            ("ok", "drop index ix"),
            ("42704", "drop index ix"),
            ("ok", "alter type e add value 'x'"),
            ("ok", "drop type f"),
            ("42704", "create table u (a g)"),
        ],
    );
    assert!(!assuming.assume_index(&table, "ix"));
    // what is made here has the indexes that are made here, and the types
    let mut knowing = session(15);
    knowing.assumes = true;
    check(&mut knowing, &[("ok", "create table t (a int)")]);
    assert!(!knowing.assume_index(&table, "ix"));
    check(
        &mut knowing,
        &[
            ("42704", "drop index ix"),
            ("42704", "alter type e add value 'x'"),
            ("42704", "drop type f"),
        ],
    );
}

#[test]
fn policies_and_the_conditions_of_triggers_hold_what_they_name() {
    // each line asked on PostgreSQL 15
    check(
        &mut session(15),
        &[
            ("ok", "create table t (id int, a int, b text, c int)"),
            ("ok", "create table o (id int, t_id int)"),
            (
                "ok",
                "create function me() returns int language sql stable as 'select 1'",
            ),
            (
                "ok",
                "create function tf() returns trigger language plpgsql as 'begin return new; end'",
            ),
            (
                "ok",
                "create policy p on t using (a = me() and exists (select 1 from o where o.t_id = t.id))",
            ),
            ("2BP01", "alter table t drop column a"),
            ("0A000", "alter table t alter column a type bigint"),
            ("ok", "alter table t drop column b"),
            ("2BP01", "drop function me()"),
            ("2BP01", "drop table o"),
            ("2BP01", "alter table o drop column t_id"),
            ("0A000", "alter table o alter column t_id type bigint"),
            ("ok", "alter table t rename column a to aa"),
            ("2BP01", "alter table t drop column aa"),
            ("ok", "alter table o rename to oo"),
            ("2BP01", "drop table oo"),
            (
                "ok",
                "create trigger tr before update on t for each row when (old.c is distinct from new.c) execute function tf()",
            ),
            ("2BP01", "alter table t drop column c"),
            ("0A000", "alter table t alter column c type bigint"),
            (
                "42703",
                "create trigger tr2 before update on t for each row when (old.nope is null) execute function tf()",
            ),
            ("ok", "drop table oo cascade"),
            ("ok", "drop function me()"),
            ("42883", "create policy p on t using (aa = me())"),
            ("ok", "alter table t drop column aa"),
            ("ok", "alter table t drop column c cascade"),
            ("ok", "create policy q on t with check (id > 0)"),
            ("ok", "drop table t"),
        ],
    );
}

#[test]
fn a_default_goes_back_to_its_own_type() {
    // each line asked on PostgreSQL 15
    check(
        &mut session(15),
        &[
            (
                "ok",
                "create table m (id uuid default gen_random_uuid(), i int default '0', b boolean default false, ts timestamp default now(), t text default 'x', j jsonb default '{}', n int default length('abc'))",
            ),
            ("ok", "alter table m alter id type text using id::text"),
            ("ok", "alter table m alter i type text using i::text"),
            ("ok", "alter table m alter b type text using b::text"),
            ("ok", "alter table m alter ts type text using ts::text"),
            ("ok", "alter table m alter j type text using j::text"),
            ("ok", "alter table m alter n type text using n::text"),
            ("ok", "alter table m alter id type uuid using id::uuid"),
            ("ok", "alter table m alter i type int using i::int"),
            ("ok", "alter table m alter b type boolean using b::boolean"),
            (
                "ok",
                "alter table m alter ts type timestamp using ts::timestamp",
            ),
            ("ok", "alter table m alter j type jsonb using j::jsonb"),
            ("ok", "alter table m alter n type int using n::int"),
            ("42804", "alter table m alter t type int using t::int"),
            ("ok", "alter table m alter t set default 5"),
            ("ok", "alter table m alter t type int using t::int"),
            ("ok", "alter table m alter t type text using t::text"),
            ("ok", "alter table m alter t set default '5'"),
            ("42804", "alter table m alter t type int using t::int"),
            ("42804", "alter table m alter b type int using b::int"),
        ],
    );
}

#[test]
fn a_relation_whose_name_is_not_known_may_be_any_that_fits() {
    let mut session = session(15);
    let made = format!("create table d{} (id int)", crate::unknown::HOLE);
    assert!(call(&mut session, &made).starts_with("unknown"));
    check(
        &mut session,
        &[
            ("42P01", "drop table e3"),
            ("42P01", "alter table e3 add x int"),
            ("ok", "alter table d2 add x int"),
            ("ok", "drop table d3"),
            ("42P01", "drop table d3"),
        ],
    );
}

#[test]
fn some_expressions_take_no_subquery() {
    // each line asked on PostgreSQL 15
    check(
        &mut session(15),
        &[
            ("ok", "create table t (a int, b int)"),
            ("0A000", "alter table t add check (a in (select 1))"),
            ("0A000", "alter table t alter a set default (select 1)"),
            ("0A000", "alter table t alter a set default b"),
            ("0A000", "create table u (a int default (select 1))"),
            ("0A000", "create table v (a int default b, b int)"),
            ("0A000", "create index on t ((a + (select 1)))"),
            ("0A000", "create index on t (a) where b > (select 1)"),
            (
                "0A000",
                "alter table t add c int generated always as ((select 1)) stored",
            ),
            (
                "0A000",
                "alter table t alter a type bigint using (select 1)",
            ),
            ("0A000", "create domain d as int check (value > (select 1))"),
            ("ok", "create policy p on t using (a in (select b from t))"),
        ],
    );
}

/// Type, new type and USING; the second run of each is refused as PostgreSQL 15 refuses it.
const AGAIN: &[(&str, &str, &str, &str)] = &[
    ("42883", "interval", "int", "extract(epoch from c)::int"),
    ("42883", "bigint", "timestamptz", "to_timestamp(c)"),
    (
        "42883",
        "double precision",
        "timestamp",
        "to_timestamp(c) at time zone 'UTC'",
    ),
    ("42883", "bytea", "text", "encode(c,'escape')"),
    ("42883", "bytea", "text", "convert_from(c,'UTF8')"),
    ("42883", "text", "bytea", "decode(c,'hex')"),
    ("42883", "text", "bytea", "convert_to(c,'UTF8')"),
    ("ok", "text", "jsonb", "to_jsonb(c)"),
    ("42883", "text", "text[]", "string_to_array(c,',')"),
    ("ok", "text", "text[]", "array[c]"),
    ("42883", "text", "text[]", "regexp_split_to_array(c,',')"),
    ("42883", "int", "boolean", "c <> 0"),
    ("42883", "int", "boolean", "c = 1"),
    ("ok", "int", "boolean", "(c::int = 1)"),
    ("42804", "boolean", "int", "case when c then 1 else 0 end"),
    (
        "42804",
        "boolean",
        "text",
        "case when c then 'y' else 'n' end",
    ),
    (
        "42883",
        "boolean",
        "text",
        "case c when true then 'y' else 'n' end",
    ),
    (
        "42883",
        "timestamp",
        "bigint",
        "extract(epoch from c)::bigint",
    ),
    (
        "42883",
        "timestamp",
        "bigint",
        "(extract(epoch from c) * 1000)::bigint",
    ),
    ("42883", "text[]", "text", "array_to_string(c,',')"),
    ("42804", "text[]", "text", "c[1]"),
    ("42883", "jsonb", "text", "c->>'x'"),
    ("42883", "jsonb", "text", "c #>> '{}'"),
    ("42883", "text", "date", "to_date(c,'YYYY-MM-DD')"),
    ("42883", "text", "timestamp", "to_timestamp(c,'YYYY-MM-DD')"),
    ("42883", "text", "int", "length(c)"),
    ("42883", "text", "int", "char_length(c)"),
    ("42883", "text", "numeric", "replace(c,',','.')::numeric"),
    ("42883", "date", "text", "to_char(c,'YYYY')"),
    ("42883", "timestamp", "text", "to_char(c,'YYYY')"),
    ("22P02", "text", "int", "nullif(c,'')::int"),
    ("42883", "text", "int", "nullif(trim(c),'')::int"),
    (
        "42883",
        "text",
        "int",
        "regexp_replace(c,'[^0-9]','','g')::int",
    ),
    ("42883", "text", "int", "split_part(c,',',1)::int"),
    ("ok", "text", "int", "coalesce(c,'0')::int"),
    ("22P02", "text", "int", "coalesce(nullif(c,''),'0')::int"),
    ("ok", "text", "boolean", "c = 'true'"),
    ("ok", "text", "boolean", "c in ('t','yes')"),
    ("42883", "text", "boolean", "lower(c) = 'true'"),
    ("42883", "text", "boolean", "(lower(c) in ('t','yes'))"),
    ("ok", "text", "boolean", "c is not null"),
    ("ok", "int", "text", "lpad(c::text,3,'0')"),
    ("42883", "int", "interval", "c * interval '1 second'"),
    ("ok", "int", "interval", "(c || ' seconds')::interval"),
    (
        "42883",
        "interval",
        "double precision",
        "extract(epoch from c)",
    ),
    ("ok", "time", "interval", "c - time '00:00'"),
    ("ok", "timestamptz", "timestamp", "c at time zone 'UTC'"),
    ("ok", "timestamp", "timestamptz", "c at time zone 'UTC'"),
    ("ok", "timestamptz", "date", "c::date"),
    ("ok", "text", "uuid", "c::uuid"),
    ("42883", "text", "uuid", "decode(c,'hex')::text::uuid"),
    ("ok", "uuid", "text", "replace(c::text,'-','')"),
    ("ok", "text", "inet", "c::inet"),
    ("42883", "text", "int", "ascii(c)"),
    ("ok", "text", "varchar(5)", "left(c,5)"),
    ("ok", "text", "varchar(5)", "substring(c,1,5)"),
    ("ok", "text", "varchar(5)", "substring(c from 1 for 5)"),
    ("ok", "text", "varchar(5)", "upper(c)"),
    ("ok", "text", "varchar(5)", "c || 'x'"),
    ("ok", "int", "bigint", "c * 100"),
    ("ok", "numeric", "int", "round(c * 100)::int"),
    ("ok", "numeric", "int", "round(c)"),
    (
        "ok",
        "double precision",
        "numeric(10,2)",
        "round(c::numeric,2)",
    ),
    ("ok", "int", "numeric", "c / 100.0"),
    ("ok", "numeric", "int", "trunc(c)"),
    (
        "22P02",
        "text",
        "int",
        "case c when 'a' then 1 when 'b' then 2 else 0 end",
    ),
    (
        "22P02",
        "text",
        "int",
        "case when c = 'a' then 1 else 0 end",
    ),
    (
        "42883",
        "int",
        "text",
        "case c when 1 then 'a' else 'b' end",
    ),
    (
        "42883",
        "int",
        "text",
        "case when c = 1 then 'a' else 'b' end",
    ),
    ("ok", "text", "json", "c::json"),
    ("ok", "text", "json", "json_build_object('v',c)"),
    ("ok", "text", "jsonb", "jsonb_build_array(c)"),
    ("ok", "text", "jsonb", "json_build_array(c)"),
    ("42883", "jsonb", "int", "(c->>'x')::int"),
    ("42883", "jsonb", "int", "jsonb_array_length(c)"),
    ("42883", "jsonb", "boolean", "(c->>'x')::boolean"),
    ("42883", "text", "int", "hashtext(c)"),
    ("ok", "bit(3)", "int", "c::int"),
    ("42883", "text", "int", "position('a' in c)"),
    ("42883", "text", "int", "strpos(c,'a')"),
    ("ok", "text", "text", "md5(c)"),
    ("ok", "bytea", "text", "md5(c)"),
    ("ok", "text", "bytea", "sha256(c::bytea)"),
    ("ok", "int", "oid", "c::oid"),
    ("42883", "text", "tsvector", "to_tsvector('english',c)"),
    (
        "42883",
        "text",
        "tsvector",
        "to_tsvector('english',coalesce(c,''))",
    ),
    ("42883", "date", "int", "extract(year from c)::int"),
    ("42883", "date", "int", "date_part('year',c)::int"),
    ("ok", "timestamp", "date", "date_trunc('day',c)::date"),
    (
        "42883",
        "text",
        "int",
        "array_length(string_to_array(c,','),1)",
    ),
    ("42804", "int[]", "int", "c[1]"),
    ("42883", "int[]", "int", "array_length(c,1)"),
    ("42883", "int[]", "int", "cardinality(c)"),
    ("ok", "int", "int[]", "array[c]"),
    ("42883", "int4range", "int", "lower(c)"),
    ("42804", "point", "double precision", "c[0]"),
    ("ok", "money", "numeric", "c::numeric"),
    (
        "42883",
        "text",
        "bigint",
        "('x' || lpad(c,16,'0'))::bit(64)::bigint",
    ),
    ("42883", "text", "int", "to_number(c,'999')::int"),
    ("42883", "int", "date", "date '1970-01-01' + c"),
    ("ok", "int", "date", "to_date(c::text,'YYYYMMDD')"),
    ("ok", "boolean", "smallint", "c::int::smallint"),
    (
        "42804",
        "boolean",
        "timestamptz",
        "case when c then now() end",
    ),
    ("ok", "text", "text", "initcap(c)"),
    ("ok", "text", "text", "concat(c,'x')"),
    ("ok", "int", "text", "concat(c,'x')"),
    ("ok", "int", "text", "format('%s',c)"),
    ("ok", "uuid", "uuid", "gen_random_uuid()"),
    ("ok", "int", "real", "c::real / 100"),
    ("42883", "int", "boolean", "not (c = 0)"),
    ("42883", "int", "boolean", "c > 0 and c < 5"),
    ("ok", "timestamp", "boolean", "c is not null"),
    (
        "ok",
        "text",
        "timestamptz",
        "c::timestamptz at time zone 'UTC'",
    ),
    ("ok", "text", "numeric", "(c::numeric / 100)"),
    ("ok", "int", "int", "greatest(c,0)"),
    ("ok", "text", "int", "greatest(c,'0')::int"),
    ("ok", "int", "int", "abs(c)"),
    ("ok", "text", "int", "abs(c::int)"),
    ("ok", "int", "int", "mod(c,2)"),
    ("ok", "int", "int", "c % 2"),
    ("ok", "text", "text", "translate(c,'a','b')"),
    ("ok", "text", "text", "reverse(c)"),
    ("ok", "text", "text", "repeat(c,2)"),
    ("ok", "text", "text", "quote_literal(c)"),
    (
        "42883",
        "bigint",
        "timestamp",
        "timestamp 'epoch' + c * interval '1 second'",
    ),
    (
        "42883",
        "bigint",
        "timestamptz",
        "'epoch'::timestamptz + c * '1 second'::interval",
    ),
    ("42883", "bigint", "timestamptz", "to_timestamp(c/1000.0)"),
    ("ok", "date", "timestamptz", "c::timestamptz"),
];

#[test]
fn a_conversion_that_is_run_again_meets_another_type() {
    for (expected, before, after, using) in AGAIN {
        let mut session = session(15);
        let convert = format!("alter table t alter c type {after} using {using}");
        check(
            &mut session,
            &[
                ("ok", &format!("create table t (c {before})")),
                ("ok", &convert),
                (expected, &convert),
            ],
        );
    }
}

#[test]
fn rows_and_defaults_show_a_label_by_its_new_name() {
    let mut session = session(15);
    check(
        &mut session,
        &[
            ("ok", "create type mood as enum ('sad', 'glad')"),
            ("ok", "create table t (id int, m mood default 'sad')"),
            ("ok", "insert into t values (1, 'sad')"),
            ("ok", "alter type mood rename value 'sad' to 'blue'"),
            ("ok", "insert into t (id) values (2)"),
            ("ok", "create table u (m mood)"),
            ("ok", "insert into u select m from t"),
            ("ok", "alter table t alter m drop default"),
            ("ok", "alter table t alter m type text using m::text"),
            ("ok", "alter table t alter m type mood using m::mood"),
        ],
    );
}

#[test]
fn what_is_no_text_is_cast_by_its_own_functions() {
    let mut session = session(15);
    check(
        &mut session,
        &[
            (
                "ok",
                "create table t (m money, r int4range, n numeric, i int)",
            ),
            ("ok", "insert into t (m, r) values ('$5.00', '[1,3)')"),
            ("ok", "update t set n = m::numeric"),
            ("ok", "update t set i = lower(r)"),
        ],
    );
}

#[test]
fn known_rows_are_held_against_a_new_constraint() {
    let mut session = session(15);
    check(
        &mut session,
        &[
            ("ok", "create table users (id int primary key)"),
            ("ok", "insert into users values (1)"),
            (
                "ok",
                "create table posts (id int, author int, n int default 0)",
            ),
            ("ok", "insert into posts (id, author) values (1, 1), (2, 7)"),
            ("23514", "alter table posts add constraint c check (n > 0)"),
            (
                "ok",
                "alter table posts add constraint c check (n > 0) not valid",
            ),
            ("23514", "alter table posts validate constraint c"),
            (
                "23503",
                "alter table posts add constraint f foreign key (author) references users",
            ),
            ("ok", "delete from posts where author = 7"),
            (
                "ok",
                "alter table posts add constraint f foreign key (author) references users",
            ),
            ("ok", "update posts set n = 1"),
            ("ok", "alter table posts validate constraint c"),
        ],
    );
}

#[test]
fn a_partition_may_have_a_foreign_key_of_its_own() {
    let mut session = session(15);
    check(
        &mut session,
        &[
            ("ok", "create table users (id int primary key)"),
            (
                "ok",
                "create table posts (id int, author int) partition by hash (id)",
            ),
            (
                "ok",
                "create table posts_0 partition of posts for values with (modulus 1, remainder 0)",
            ),
            (
                "ok",
                "alter table posts add constraint f foreign key (author) references users",
            ),
            (
                "ok",
                "alter table posts_0 add constraint own foreign key (author) references users deferrable",
            ),
            ("42P16", "alter table posts_0 drop constraint f"),
            ("ok", "alter table posts_0 drop constraint own"),
        ],
    );
}
