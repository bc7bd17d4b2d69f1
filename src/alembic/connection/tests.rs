//! The connection through the interpreter.

use crate::alembic::Settings;
use crate::alembic::testing::{
    NEW, OLD, holds, outcomes, raised, replay, run_text, tables, upgrade,
};
use crate::config::{Driver, PackageVersion};
use crate::postgres::Catalog;

#[test]
fn a_text_of_several_statements_is_one_call() {
    let output = upgrade("op.execute('create table a (id int); create table b (id int)')");
    assert_eq!(outcomes(&output), ["ok"]);
    assert_eq!(output.trace.events[0].statements.len(), 2);
    assert_eq!(tables(&output), ["a", "b"]);
}

#[test]
fn a_colon_makes_a_parameter_that_needs_a_value() {
    let output = upgrade("op.execute(\"insert into t values (':foo')\")");
    assert!(
        raised(&output).contains("A value is required for bind parameter 'foo'"),
        "{}",
        raised(&output)
    );
}

#[test]
fn a_percent_sign_is_a_placeholder_to_some_drivers() {
    let says = |driver: Driver, text: &str| {
        let settings = Settings {
            alembic: PackageVersion(1, 16, 0),
            sqlalchemy: NEW,
            driver,
            naming_convention: std::collections::BTreeMap::new(),
            version_schema: None,
            options: crate::alembic::configuration::Options::default(),
        };
        let text = format!(
            "from alembic import op\nrevision = 'a'\ndown_revision = None\ndef upgrade():\n    op.get_bind().exec_driver_sql(\"{text}\")\n"
        );
        let output = run_text(Catalog::default(), &text, settings);
        output.trace.raised.map(|raised| raised.class)
    };
    let quoted = "select format('%I', 'a')";
    let class = |class: &str| Some(class.to_owned());
    assert_eq!(says(Driver::Psycopg2, quoted), class("TypeError"));
    assert_eq!(says(Driver::Psycopg, quoted), class("ProgrammingError"));
    assert_eq!(says(Driver::Pg8000, quoted), None);
    assert_eq!(
        says(Driver::Pg8000, "select 5 % 3"),
        class("InterfaceError")
    );
    assert_eq!(says(Driver::Asyncpg, quoted), None);
    assert_eq!(says(Driver::Asyncpg, "select 5 % 3"), None);
}

#[test]
fn plain_text_is_executable_until_1_4_only() {
    let body = "op.get_bind().execute('create table a (id int)')";
    let output = replay(Catalog::default(), "", body, OLD);
    assert_eq!(tables(&output), ["a"]);
    let output = replay(Catalog::default(), "", body, NEW);
    assert!(
        raised(&output).starts_with("ObjectNotExecutableError"),
        "{}",
        raised(&output)
    );
}

#[test]
fn bound_values_decide_a_guard() {
    let output = upgrade(
        "conn = op.get_bind()\n\
         op.execute('create table a (id int)')\n\
         found = conn.execute(sa.text('select 1 from information_schema.tables where table_name = :t'), {'t': 'a'}).scalar()\n\
         if found: op.execute('create table yes (id int)')\n\
         found = conn.execute(sa.text('select 1 from information_schema.tables where table_name = :t').bindparams(t='b')).fetchone()\n\
         if found is None: op.execute('create table no (id int)')",
    );
    assert!(output.decisions.is_empty());
    assert_eq!(tables(&output), ["a", "no", "yes"]);
}

#[test]
fn an_error_under_a_savepoint_is_handled() {
    let output = upgrade(
        "conn = op.get_bind()\n\
         op.execute('create table a (id int)')\n\
         try:\n    with conn.begin_nested():\n        conn.execute(sa.text('create table a (id int)'))\n\
         except sa.exc.ProgrammingError as error:\n    assert error.orig.pgcode == '42P07'\n    op.execute('create table b (id int)')",
    );
    assert_eq!(outcomes(&output), ["ok", "42P07", "ok"]);
    assert!(output.trace.events[1].handled);
    assert!(!output.trace.events[2].aborted);
}

#[test]
fn an_error_without_a_savepoint_goes_on_and_aborts() {
    let output = upgrade(
        "op.execute('drop table missing')\nop.get_bind().execute(sa.text('create table b (id int)'))",
    );
    assert_eq!(outcomes(&output), ["42P01", "ok"]);
    assert!(output.trace.events[1].aborted);
}

#[test]
fn a_savepoint_without_with_is_rolled_back_by_its_transaction() {
    let output = upgrade(
        "nested = op.get_bind().begin_nested()\nop.execute('create table a (id int)')\nnested.rollback()",
    );
    assert!(tables(&output).is_empty());
}

#[test]
fn autocommit_can_not_be_asked_for_in_a_transaction() {
    let output = upgrade("op.get_bind().execution_options(isolation_level='AUTOCOMMIT')");
    assert!(raised(&output).starts_with("InvalidRequestError"));
}

#[test]
fn rows_read_as_sqlalchemy_reads_them() {
    holds(
        "conn = op.get_bind()\n\
         row = conn.execute(sa.text(\"select 1 as a, 'x' as b\")).first()\n\
         assert row[0] == 1 and row.b == 'x' and row == (1, 'x') and row._mapping['a'] == 1\n\
         a, b = row\nassert (a, b) == (1, 'x')\n\
         assert conn.scalar(sa.text('select 2')) == 2\n\
         assert [r['a'] for r in conn.execute(sa.text('select 3 as a')).mappings()] == [3]\n\
         assert conn.execute(sa.text('select 1 where false')).first() is None\n\
         assert conn.execute(sa.text('select 1 where false')).fetchall() == []\n\
         assert conn.execute(sa.text('select 5')).scalar_one() == 5\n\
         assert conn.dialect.name == 'postgresql' and conn.engine.dialect.name == 'postgresql'",
        NEW,
    );
}

#[test]
fn a_missing_row_is_an_error_for_one() {
    let output = upgrade("op.get_bind().execute(sa.text('select 1 where false')).one()");
    assert!(raised(&output).starts_with("NoResultFound"));
}

#[test]
fn rows_of_a_table_are_unknown_where_others_may_be_there() {
    let output = upgrade(
        "op.execute('create table t (id int)')\n\
         op.execute('insert into t select 1 from generate_series(1, (random() * 5)::int)')\n\
         for row in op.get_bind().execute(sa.text('select id from t')):\n    op.get_bind().execute(sa.text('update t set id = :i'), {'i': row.id})",
    );
    assert_eq!(outcomes(&output).len(), 4, "{:?}", outcomes(&output));
    assert!(output.trace.events[3].conditional.is_some());
}

#[test]
fn the_driver_cursor_formats_its_own_way() {
    let output = upgrade(
        "cursor = op.get_bind().connection.cursor()\n\
         cursor.execute('create table t (a text)')\n\
         cursor.execute('insert into t values (%s)', ('x',))\n\
         cursor.execute('select a from t')\nassert cursor.fetchone()[0] == 'x'\n\
         op.get_bind().exec_driver_sql(\"select 'a%'\")",
    );
    assert!(
        raised(&output).starts_with("TypeError"),
        "{}",
        raised(&output)
    );
}

#[test]
fn many_rows_of_values_are_one_call() {
    let output = upgrade(
        "op.execute('create table t (id int primary key)')\n\
         op.get_bind().execute(sa.text('insert into t values (:i)'), [{'i': 1}, {'i': 2}, {'i': 1}])",
    );
    assert_eq!(outcomes(&output), ["ok", "23505"]);
}

#[test]
fn drivers_read_json_of_known_rows() {
    holds(
        "op.execute('CREATE TABLE t (id int, payload jsonb, js json, tx text)')\n\
         op.execute(\"\"\"INSERT INTO t VALUES (1, '{\"a\": {\"b\": [1, 2]}}', '{\"k\": \"v\"}', '{}'), (2, NULL, NULL, NULL)\"\"\")\n\
         rows = op.get_bind().execute(sa.text('SELECT payload, js, tx FROM t ORDER BY id')).fetchall()\n\
         assert rows[0].payload['a']['b'][1] == 2 and rows[0].js == {'k': 'v'} and rows[0].tx == '{}'\n\
         assert rows[1].payload is None",
        NEW,
    );
}
