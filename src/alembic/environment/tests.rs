//! What the driver decides.

use crate::alembic::Settings;
use crate::alembic::testing::{outcomes, run_text};
use crate::config::{Driver, PackageVersion};
use crate::postgres::Catalog;

fn upgrade(driver: Driver, body: &str) -> Vec<String> {
    let settings = Settings {
        alembic: PackageVersion(1, 20, 1),
        sqlalchemy: PackageVersion(2, 0, 58),
        driver,
        naming_convention: std::collections::BTreeMap::new(),
        version_schema: None,
        options: crate::alembic::configuration::Options::default(),
    };
    let lines: Vec<String> = body.lines().map(|line| format!("    {line}")).collect();
    let lines = lines.join("\n") + "\n";
    let text =
        format!("import sqlalchemy as sa\nfrom alembic import op\n\ndef upgrade():\n{lines}");
    outcomes(&run_text(Catalog::default(), &text, settings))
}

#[test]
fn several_statements_in_one_text() {
    let plain = "op.execute('CREATE TABLE a (id int); CREATE TABLE b (id int)')";
    assert_eq!(upgrade(Driver::Psycopg2, plain), ["ok"]);
    assert_eq!(upgrade(Driver::Psycopg, plain), ["ok"]);
    assert_eq!(upgrade(Driver::Asyncpg, plain), ["42601"]);
    let bound = "op.execute('CREATE TABLE a (id int)')\n\
        op.get_bind().execute(sa.text('DELETE FROM a WHERE id = :x; DELETE FROM a'), {'x': 1})";
    assert_eq!(upgrade(Driver::Psycopg2, bound), ["ok", "ok"]);
    assert_eq!(upgrade(Driver::Psycopg, bound), ["ok", "42601"]);
    assert_eq!(upgrade(Driver::Asyncpg, bound), ["ok", "42601"]);
}

#[test]
fn one_statement_with_a_semicolon_or_a_block_is_one() {
    let body = "op.execute('CREATE TABLE a (id int); -- done')\n\
        op.execute('DO $$ BEGIN PERFORM 1; PERFORM 2; END $$;')";
    for driver in [Driver::Psycopg2, Driver::Psycopg, Driver::Asyncpg] {
        assert_eq!(upgrade(driver, body), ["ok", "ok"]);
    }
}

#[test]
fn a_commit_in_the_text_ends_the_transaction_for_some() {
    let body = "op.execute(\"CREATE TYPE mood AS ENUM ('a')\")\n\
        op.execute('CREATE TABLE t (m mood)')\n\
        op.execute('COMMIT')\n\
        op.execute(\"ALTER TYPE mood ADD VALUE 'b'\")\n\
        op.execute(\"INSERT INTO t VALUES ('b')\")";
    assert_eq!(upgrade(Driver::Psycopg2, body)[3..], ["ok", "ok"]);
    assert_eq!(upgrade(Driver::Psycopg, body)[3..], ["ok", "55P04"]);
}

#[test]
fn the_dialect_and_the_url_say_the_driver() {
    let body = "bind = op.get_bind()\n\
        if bind.dialect.driver == 'asyncpg' and bind.engine.url.drivername == 'postgresql+asyncpg':\n    \
            op.execute('SELECT 1')\n\
        if str(bind.engine.url).startswith('sqlite'):\n    op.execute('SELECT 2')";
    assert_eq!(upgrade(Driver::Asyncpg, body), ["ok"]);
    assert_eq!(upgrade(Driver::Psycopg2, body).len(), 0);
}

#[test]
fn options_are_those_of_the_file_and_others_are_not_set() {
    let settings = Settings {
        alembic: PackageVersion(1, 20, 1),
        sqlalchemy: PackageVersion(2, 0, 58),
        driver: Driver::Psycopg2,
        naming_convention: std::collections::BTreeMap::new(),
        version_schema: Some(None),
        options: crate::alembic::configuration::Options {
            main: [
                ("prefix".to_owned(), Some("p_".to_owned())),
                ("place".to_owned(), None),
            ]
            .into(),
            ..Default::default()
        },
    };
    let text = "from alembic import context, op\n\
        def upgrade():\n    \
            config = context.config\n    \
            assert config.get_main_option('Prefix') == 'p_'\n    \
            assert config.get_main_option('target_schema') is None\n    \
            assert config.get_section_option('alembic', 'x', 'y') == 'y'\n    \
            assert config.attributes.get('connection', 1) == 1\n    \
            assert op.get_context().version_table_schema is None\n    \
            config.attributes['a'] = 2\n    \
            assert context.config.attributes['a'] == 2 and 'b' not in config.attributes\n    \
            config.set_main_option('target_schema', 's')\n    \
            op.execute('CREATE SCHEMA %s' % config.get_main_option('target_schema'))\n    \
            if config.get_main_option('place') and config.get_main_option('sqlalchemy.url'):\n        \
                op.execute('SELECT 1')";
    let output = run_text(Catalog::default(), text, settings);
    assert_eq!(outcomes(&output), ["ok", "ok"]);
    assert_eq!(output.decisions.len(), 2);
}
