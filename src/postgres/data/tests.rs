//! Statements that write rows, from SQL text.

use crate::postgres::query::tests::{Server, read};
use crate::postgres::{Catalog, Outcome, Parameters, Session, Version};

const SCHEMA: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE r (id int PRIMARY KEY);
    CREATE TABLE ser (id serial PRIMARY KEY, n text);
    CREATE TABLE uu (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), n text);
    CREATE TABLE nokey (n text);
    CREATE TABLE uq (id serial PRIMARY KEY, code varchar(5) UNIQUE, n text, mood mood, flag boolean NOT NULL DEFAULT true);
    CREATE TABLE part (a int, b int);
    CREATE UNIQUE INDEX part_a ON part (a) WHERE b IS NOT NULL;
    CREATE TABLE slow (a int UNIQUE DEFERRABLE);
    CREATE TABLE child (id int PRIMARY KEY, r_id int REFERENCES r (id) ON DELETE CASCADE);
    CREATE TABLE strict_child (r_id int REFERENCES r (id));
";

fn server() -> Server {
    Server::new(SCHEMA)
}

/// First and second run: SQLSTATE, or whether the number of rows changes.
fn twice(statement: &str) -> (String, String) {
    let mut server = server();
    let mut run = || {
        let answer = server.run(statement);
        match answer.outcome {
            crate::postgres::Outcome::Error(error) => error.sqlstate.code().to_owned(),
            _ if answer.changes.is_empty() => "same".to_owned(),
            _ => "changed".to_owned(),
        }
    };
    (run(), run())
}

#[test]
fn a_second_run_of_an_insert() {
    for (statement, first, second) in [
        ("insert into r values (7)", "changed", "23505"),
        (
            "insert into r values (7) on conflict do nothing",
            "changed",
            "same",
        ),
        (
            "insert into r values (7) on conflict (id) do nothing",
            "changed",
            "same",
        ),
        ("insert into ser(n) values ('a')", "changed", "changed"),
        (
            "insert into ser(n) values ('a') on conflict do nothing",
            "changed",
            "changed",
        ),
        (
            "insert into ser(id,n) values (1,'a') on conflict (id) do nothing",
            "changed",
            "same",
        ),
        ("insert into uu(n) values ('a')", "changed", "changed"),
        (
            "insert into uu(n) values ('a') on conflict do nothing",
            "changed",
            "changed",
        ),
        (
            "insert into uu(id,n) values (gen_random_uuid(),'a') on conflict (id) do nothing",
            "changed",
            "changed",
        ),
        ("insert into nokey values ('a')", "changed", "changed"),
        (
            "insert into nokey values ('a') on conflict do nothing",
            "changed",
            "changed",
        ),
        (
            "insert into nokey values ('a') on conflict (n) do nothing",
            "42P10",
            "42P10",
        ),
        (
            "insert into uq(code,n) values ('c','a')",
            "changed",
            "23505",
        ),
        (
            "insert into uq(code,n) values ('c','a') on conflict do nothing",
            "changed",
            "same",
        ),
        (
            "insert into uq(code,n) values ('c','a') on conflict (code) do update set n=excluded.n",
            "changed",
            "same",
        ),
        (
            "insert into uq(code,n) values ('c','a') on conflict (code) do update set n=uq.n||'!'",
            "changed",
            "same",
        ),
        (
            "insert into uq(code,n) values (null,'a') on conflict do nothing",
            "changed",
            "changed",
        ),
        (
            "insert into uq(code,n) values ('c','a') on conflict (n) do nothing",
            "42P10",
            "42P10",
        ),
        (
            "insert into uq(code,n) values ('c','a') on conflict on constraint uq_code_key do nothing",
            "changed",
            "same",
        ),
        (
            "insert into uq(code,n) values ('c','a') on conflict on constraint absent do nothing",
            "42704",
            "42704",
        ),
        (
            "insert into part values (1, 2) on conflict (a) do nothing",
            "42P10",
            "42P10",
        ),
        (
            "insert into part values (1, 2) on conflict (a) where b is not null do nothing",
            "changed",
            "same",
        ),
        ("insert into part values (1, null)", "changed", "changed"),
        (
            "insert into slow values (1) on conflict do nothing",
            "55000",
            "55000",
        ),
        (
            "insert into nokey select 'a' where not exists (select 1 from nokey where n='a')",
            "changed",
            "same",
        ),
        (
            "insert into nokey select n from (values('a'),('b')) v(n) where not exists (select 1 from nokey k where k.n=v.n)",
            "changed",
            "same",
        ),
        (
            "insert into nokey select 'a' except select n from nokey",
            "changed",
            "same",
        ),
        ("insert into nokey select n from uq", "same", "same"),
        (
            "with x as (insert into nokey values('a') returning n) select * from x",
            "changed",
            "changed",
        ),
        ("insert into r values (1), (1)", "23505", "23505"),
        (
            "insert into r values (1), (2), (3), (4), (5), (6), (7), (8), (9)",
            "changed",
            "23505",
        ),
    ] {
        assert_eq!(
            twice(statement),
            (first.to_owned(), second.to_owned()),
            "{statement}"
        );
    }
}

#[test]
fn what_an_insert_refuses() {
    for (statement, state) in [
        ("insert into absent values (1)", "42P01"),
        ("insert into r (x) values (1)", "42703"),
        ("insert into r (id, id) values (1, 2)", "42701"),
        ("insert into r values (1, 2)", "42601"),
        ("insert into uq (code, n) values ('a')", "42601"),
        ("insert into r values (null)", "23502"),
        ("insert into r values ('x')", "22P02"),
        ("insert into uq (flag) values (null)", "23502"),
        ("insert into uq (flag) values (1)", "42804"),
        ("insert into uq (flag) values ('yes')", "ok"),
        ("insert into uq (code) values ('toolong')", "22001"),
        ("insert into uq (mood) values ('great')", "22P02"),
        ("insert into uq (mood) values ('ok')", "ok"),
        ("insert into uq (mood) select 'great'", "22P02"),
        ("insert into uq (n) values (1)", "ok"),
        ("insert into uq (mood) select n from nokey", "42804"),
        (
            "insert into uq (mood) select case when true then 'ok' else 'sad' end",
            "42804",
        ),
        (
            "insert into uq (code) values ('a') on conflict (code) do update set n = n || 'x'",
            "42702",
        ),
        (
            "insert into uq as u (code) values ('a') on conflict (code) do update set n = u.n",
            "ok",
        ),
        ("insert into uq (n) select n from absent", "42P01"),
        ("insert into uq (n) select x from nokey", "42703"),
        (
            "insert into uq (code) values ('a') on conflict (code) do update set x = 1",
            "42703",
        ),
        (
            "insert into uq (code) values ('a') on conflict (code) do update set n = excluded.x",
            "42703",
        ),
    ] {
        assert_eq!(server().state(statement), state, "{statement}");
    }
}

#[test]
fn updates_change_known_keys() {
    let mut server = server();
    assert!(server.changes("insert into r values (1)"));
    assert!(!server.changes("update r set id = id + 100"));
    assert!(server.changes("insert into r values (1)"));
    assert_eq!(server.state("insert into r values (101)"), "23505");
    assert_eq!(server.state("update r set id = 101 where id = 1"), "23505");
    assert_eq!(server.state("update r set x = 1"), "42703");
    assert_eq!(server.state("update uq set mood = 'great'"), "22P02");
    assert_eq!(server.state("update uq set flag = 1"), "42804");
    assert_eq!(
        server.state("update uq set n = r.id from r where r.id = uq.id"),
        "ok"
    );
    assert_eq!(
        server.state("update uq set n = s.id from r where r.id = uq.id"),
        "42P01"
    );
    assert_eq!(
        server.state("update uq u set n = 'x' where uq.id = 1"),
        "42P01"
    );
}

#[test]
fn keys_that_are_kept_from_one_insert_to_the_next_are_those_of_the_rows() {
    let mut server = server();
    for row in 0..80 {
        let statement = format!("insert into uq (code, n) values ('c{row}', 'n')");
        assert_eq!(server.state(&statement), "ok");
        // a refused one, and one of another table, change nothing
        assert_eq!(server.state(&statement), "23505");
        assert_eq!(server.state(&format!("insert into r values ({row})")), "ok");
    }
    let insert = |code: &str| format!("insert into uq (code, n) values ('{code}', 'n')");
    assert_eq!(
        server.state("update uq set n = 'm' where code = 'c6'"),
        "ok"
    );
    assert_eq!(server.state(&insert("c6")), "23505");
    assert_eq!(
        server.state("update uq set code = 'new' where code = 'c7'"),
        "ok"
    );
    assert_eq!(server.state(&insert("c7")), "ok");
    assert_eq!(server.state(&insert("new")), "23505");
    assert_eq!(server.state("delete from uq where code = 'c8'"), "ok");
    assert_eq!(server.state(&insert("c8")), "ok");
    let upsert = "insert into uq (code) values ('c9') on conflict (code) do update set code = 'up'";
    assert_eq!(server.state(upsert), "ok");
    assert_eq!(server.state(&insert("up")), "23505");
    assert_eq!(server.state(&insert("c9")), "ok");
    server.run("alter table uq drop constraint uq_code_key");
    assert_eq!(server.state(&insert("c9")), "ok");
}

#[test]
fn what_a_condition_asks_of_columns_alone_finds_the_rows_that_evaluating_finds() {
    for (filter, found) in [
        ("code = 'b'", true),
        ("code = 'x'", false),
        ("n = '1' and code = 'c'", true),
        ("n = '1' and code = 'b'", false),
        ("n = null", false),
        ("flag = 'true'", true),
        ("mood = 'ok'", false),
    ] {
        let mut server = server();
        server.run("insert into uq (code, n) values ('a', '1'), ('b', null), ('c', '1')");
        let changed = server.changes(&format!("delete from uq where {filter}"));
        assert_eq!(changed, found, "{filter}");
    }
    let mut server = server();
    server.run("insert into r values (1), (2)");
    assert_eq!(
        server.state("update r set id = 3 where id = 'one'"),
        "22P02"
    );
    assert!(server.changes("delete from r where id = 2"));
    assert!(!server.changes("delete from r where id = 2"));
    assert!(server.changes("delete from r where id = 1"));
}

#[test]
fn deletes_remove_known_rows() {
    let mut server = server();
    assert!(!server.changes("delete from r"));
    server.run("insert into r values (1), (2)");
    server.run("insert into child values (10, 1), (20, 2)");
    assert!(!server.changes("delete from r where id = 3"));
    assert!(server.changes("delete from r where id = 1"));
    assert!(!server.changes("delete from r where id = 1"));
    assert_eq!(server.state("insert into child values (10, 2)"), "ok");
    server.run("insert into strict_child values (2)");
    assert_eq!(server.state("delete from r where id = 2"), "23503");
    assert_eq!(server.state("truncate r"), "0A000");
    assert!(server.changes("truncate r cascade"));
    assert!(!server.changes("truncate r cascade"));
    assert_eq!(
        server.state("delete from r using nokey where nokey.n = r.x"),
        "42703"
    );
}

#[test]
fn a_missing_parent_is_certain_only_in_a_fresh_table() {
    let mut server = server();
    assert_eq!(server.state("insert into child values (1, 5)"), "ok");
    server.fresh = true;
    assert_eq!(server.state("insert into child values (2, 5)"), "23503");
    server.run("insert into r values (5)");
    assert_eq!(server.state("insert into child values (2, 5)"), "ok");
}

#[test]
fn open_tables_make_no_false_errors() {
    let mut server = Server::open("");
    assert_eq!(
        server.state("insert into t (a, b) values (1, 2) on conflict (a) do nothing"),
        "ok"
    );
    assert_eq!(server.state("update t set c = 1 where d = 2"), "ok");
    assert_eq!(server.state("delete from u where d = 2"), "ok");
}

#[test]
fn returning_gives_the_rows() {
    let mut server = server();
    assert_eq!(
        server.rows("insert into r values (3), (4) returning id"),
        "3;4"
    );
    assert_eq!(
        server.rows("insert into r values (4), (5) on conflict do nothing returning id"),
        "5"
    );
}

/// The answers are those of PostgreSQL 15.
#[test]
fn merge_acts_on_the_rows_that_are_known() {
    let mut server = Server::new(
        "CREATE TABLE t (id int PRIMARY KEY, c int NOT NULL DEFAULT 9, n text);
         INSERT INTO t VALUES (1, 1, 'a'), (2, 2, 'b'), (3, 3, 'c');
         CREATE TABLE u (t_id int REFERENCES t (id) ON DELETE CASCADE);
         INSERT INTO u VALUES (3)",
    );
    server.fresh = true;
    let all = "select id, c, n from t order by id";
    for (statement, state) in [
        (
            "merge into t using (values (1),(1)) v(id) on t.id=v.id when matched then update set c=5",
            "21000",
        ),
        (
            "merge into t using (values (1),(1)) v(id) on t.id=v.id when matched then do nothing",
            "ok",
        ),
        (
            "merge into t using (values (7),(7)) v(id) on t.id=v.id when not matched then insert (id) values (v.id)",
            "23505",
        ),
        (
            "merge into t using (values (1),(7)) v(id) on t.id=v.id when matched and t.c > 5 then delete \
             when matched then update set c = t.c + 10, n = default when not matched then insert values (v.id, default, 'new')",
            "ok",
        ),
    ] {
        assert_eq!(server.state(statement), state, "{statement}");
    }
    assert_eq!(server.rows(all), "1|11|null;2|2|b;3|3|c;7|9|new");
    let second = "merge into t using (values (3),(8),(9)) v(id) on t.id=v.id when matched then delete \
         when not matched and v.id = 8 then do nothing when not matched then insert (id, n) values (id, 'x')";
    assert!(server.changes(second));
    assert_eq!(server.rows(all), "1|11|null;2|2|b;7|9|new;9|9|x");
    assert_eq!(server.rows("select t_id from u"), "");
    let clause = |on: &str, then: &str| {
        format!("merge into t using (values (1,'q')) v(id,n) on {on} when {then}")
    };
    for (on, then, state) in [
        ("t.id=v.id", "matched then update set c=null", "23502"),
        ("id=v.id", "matched then update set c=1", "42702"),
        ("t.id=v.id", "matched then update set c='x'", "22P02"),
        ("t.id=v.id", "matched then update set nocol=1", "42703"),
        (
            "t.id=50",
            "not matched then insert (id, c) values (v.id)",
            "42601",
        ),
        (
            "t.id=50",
            "not matched then insert (id) values (t.id)",
            "42P01",
        ),
        (
            "t.id=50",
            "not matched then insert (id, n) values (2, 'dup')",
            "23505",
        ),
        ("t.id=50", "not matched then insert default values", "23502"),
    ] {
        assert_eq!(server.state(&clause(on, then)), state, "{then}");
    }
    assert_eq!(
        server.state("with w(id) as (values (61)) merge into t using w on t.id=w.id when not matched then insert (id) values (w.id)"),
        "ok"
    );
    assert_eq!(
        server.state("merge into t a using t b on a.id=b.id when matched then update set c=b.c+1"),
        "ok"
    );
    assert_eq!(
        server.rows(all),
        "1|12|null;2|3|b;7|10|new;9|10|x;61|10|null"
    );
}

#[test]
fn merge_writes_tables_without_rules_only() {
    let mut server = Server::new(
        "CREATE TABLE t (id int PRIMARY KEY);
         CREATE VIEW v AS SELECT * FROM t;
         CREATE MATERIALIZED VIEW m AS SELECT 1 AS id;
         CREATE TABLE ruled (id int);
         CREATE RULE r AS ON INSERT TO ruled DO ALSO NOTHING",
    );
    for (table, state) in [
        ("t", "ok"),
        ("v", "0A000"),
        ("m", "0A000"),
        ("ruled", "0A000"),
        ("nosuch", "42P01"),
    ] {
        let statement = format!(
            "merge into {table} using (values (1)) s(id) on {table}.id = s.id when matched then do nothing"
        );
        assert_eq!(server.state(&statement), state, "{table}");
    }
}

#[test]
fn what_merge_may_say_depends_on_the_version() {
    let statement = "merge into r using (values (7)) v(id) on r.id = v.id when not matched then insert values (v.id)";
    let mut server = server();
    assert_eq!(server.state(statement), "ok");
    server.session.version = crate::postgres::Version(14);
    assert_eq!(server.state(statement), "42601");
    let of_17 = [
        "merge into r using (values (7)) v(id) on r.id = v.id when not matched by source then delete",
        "merge into r using (values (7)) v(id) on r.id = v.id when matched then do nothing returning r.id",
    ];
    for (version, refused) in [(16, true), (17, false)] {
        for text in of_17 {
            let statements = crate::sql::statements(text);
            let version = crate::postgres::Version(version);
            let answer = crate::postgres::execute::versions::refused(&statements, version);
            assert_eq!(answer.is_some(), refused, "{text}");
        }
    }
}

#[test]
fn a_key_read_from_a_row_is_the_same_each_time() {
    let mut server = Server::new(
        "CREATE TABLE orgs (id uuid PRIMARY KEY DEFAULT gen_random_uuid(), slug text UNIQUE);
         CREATE TABLE projects (id uuid DEFAULT gen_random_uuid(), org uuid REFERENCES orgs, slug text, UNIQUE (org, slug));
         INSERT INTO orgs (slug) VALUES ('a')",
    );
    let insert = "insert into projects (org, slug) select id, 'x' from orgs";
    // there is one row that it can refer to
    assert_eq!(server.state(insert), "ok");
    assert_eq!(server.state(insert), "23505");
    assert_eq!(server.state(&insert.replace("'x'", "'y'")), "ok");
    // of two it may be the one or the other
    server.run("insert into orgs (slug) values ('b')");
    let other = "insert into projects (org, slug) select id, 'y' from orgs where slug = 'b'";
    assert!(server.state(other).starts_with("unknown"));
}

/// A sequence goes on whatever becomes of the statement: measured on PostgreSQL 15, one statement a transaction.
#[test]
fn numbers_of_sequences_are_the_servers() {
    let script = [
        (
            "create table k (id serial primary key, name text unique)",
            "ok",
        ),
        ("insert into k (id, name) values (1, 'a'), (2, 'b')", "ok"),
        ("insert into k (name) values ('c')", "23505"),
        ("insert into k (name) values ('c')", "23505"),
        ("insert into k (name) values ('c')", "ok"),
        ("insert into k (name) values ('c')", "23505"),
        (
            "insert into k (name) values ('d') on conflict do nothing",
            "ok",
        ),
        (
            "insert into k (name) values ('d') on conflict do nothing",
            "ok",
        ),
        ("insert into k (id, name) values (6, 'e')", "ok"),
        ("insert into k (name) values ('f')", "ok"),
        ("insert into k (id, name) values (10, 'j')", "ok"),
        ("select setval('k_id_seq', 9)", "ok"),
        ("insert into k (name) values ('k')", "23505"),
        ("insert into k (name) values ('k')", "ok"),
        (
            "create table c (id int generated by default as identity primary key, k_id int references k)",
            "ok",
        ),
        ("insert into c (k_id) values (1)", "ok"),
        ("insert into c (k_id) values (99)", "23503"),
        ("insert into c (id, k_id) values (3, 1)", "ok"),
        ("insert into c (k_id) values (1)", "23505"),
        ("begin", "ok"),
        ("insert into c (k_id) values (1)", "ok"),
        ("insert into c (id, k_id) values (5, 1)", "ok"),
        ("rollback", "ok"),
        ("insert into c (id, k_id) values (5, 1)", "ok"),
        ("insert into c (k_id) values (1)", "23505"),
        ("create sequence s start 5", "ok"),
        (
            "create table d (id int primary key default nextval('s'))",
            "ok",
        ),
        ("insert into d default values", "ok"),
        ("insert into d values (6)", "ok"),
        ("insert into d default values", "23505"),
        (
            "create table e (id bigint generated always as identity (start with 100) primary key, n int not null)",
            "ok",
        ),
        ("insert into e (n) values (null)", "23502"),
        (
            "insert into e overriding system value values (101, 1)",
            "ok",
        ),
        ("insert into e (n) values (1)", "23505"),
        (
            "select setval(pg_get_serial_sequence('e', 'id'), (select max(id) from e))",
            "ok",
        ),
        (
            "insert into e overriding system value values (102, 1)",
            "ok",
        ),
        ("insert into e (n) values (1)", "23505"),
        ("create table f (id serial primary key, n int)", "ok"),
        ("insert into f values (20)", "ok"),
        ("alter sequence f_id_seq restart with 20", "ok"),
        ("insert into f (n) values (1)", "23505"),
        ("insert into f (n) values (1)", "ok"),
    ];
    let mut session = Session::new(Catalog::default(), Version(15), read);
    for (text, expected) in script {
        let answer = session.execute(&read(text), &Parameters::default());
        let told = match answer.outcome {
            Outcome::Ok => "ok",
            Outcome::Error(ref error) => error.sqlstate.code(),
            Outcome::Unknown(_) => "?",
        };
        assert_eq!(told, expected, "{text}");
    }
}

/// What may have used a sequence leaves its next number unknown: nothing is claimed.
#[test]
fn numbers_that_are_not_known_conflict_with_nothing() {
    for between in [
        "insert into k (name) select name from others",
        "select nextval('k_id_seq')",
        "select setval('k_id_seq', n) from others",
        "copy k (name) from '/rows'",
        "insert into hooked values (1)",
        "do $$ begin execute 'insert into k' || ' (name) values (1)'; end $$",
        "create sequence k2 cache 10; alter table k alter id set default nextval('k2')",
    ] {
        let mut session = Session::new(Catalog::default(), Version(15), read);
        let setup = "create table k (id serial primary key, name text);
            create table others (n int, name text); copy others from '/rows';
            create table hooked (n int);
            create function f() returns trigger language plpgsql as $$ begin insert into k (name) values ('x'); return new; end $$;
            create trigger t before insert on hooked for each row execute function f();
            insert into k values (1, 'a')";
        for text in setup.split(";\n").chain([between]) {
            session.execute(&read(text), &Parameters::default());
        }
        let answer = session.execute(
            &read("insert into k (name) values ('b')"),
            &Parameters::default(),
        );
        assert!(
            !matches!(answer.outcome, Outcome::Error(_)),
            "{between}: {:?}",
            answer.outcome
        );
    }
}

/// PostgreSQL 15: `CREATE RULE ... DO INSTEAD NOTHING`, then a row, then SET NOT NULL over it, succeeds.
#[test]
fn rows_that_a_rule_may_send_elsewhere_are_not_there() {
    let mut session = Session::new(Catalog::default(), Version(15), read);
    for text in [
        "create table k (id int, n int)",
        "create rule no as on insert to k do instead nothing",
        "insert into k (id) values (1)",
        "alter table k alter n set not null",
    ] {
        let answer = session.execute(&read(text), &Parameters::default());
        assert_eq!(answer.outcome, Outcome::Ok, "{text}");
    }
}
