//! `create_all` and `drop_all`: the statements of SQLAlchemy 1.4, 2.0 and 2.1, in their order, as they were recorded.

use crate::alembic::testing::{NEW, OLD, outcomes, raised, replay};
use crate::config::PackageVersion;
use crate::postgres::Catalog;

/// Statements with their outcomes.
fn made(module: &str, body: &str, version: PackageVersion) -> Vec<String> {
    let output = replay(Catalog::default(), module, body, version);
    let results = outcomes(&output);
    let events = output.trace.events.iter().zip(results);
    events
        .map(|(event, result)| format!("{} {result}", event.statements[0]))
        .collect()
}

const SHARED: &str = "m = sa.MetaData()\n\
    a = sa.Table('a', m, sa.Column('id', sa.Integer, primary_key=True), sa.Column('s', sa.Enum('x', name='s')))\n\
    b = sa.Table('b', m, sa.Column('id', sa.ForeignKey('a.id')), sa.Column('s', sa.Enum('x', name='s')), sa.Column('t', postgresql.ARRAY(postgresql.ENUM('y', name='t'))))\n";

#[test]
fn types_come_first_and_go_last() {
    for version in [OLD, NEW, PackageVersion(2, 1, 0)] {
        assert_eq!(
            made(
                SHARED,
                "m.create_all(op.get_bind())\nm.create_all(op.get_bind())\nm.drop_all(op.get_bind())\nm.drop_all(op.get_bind())",
                version
            ),
            [
                "CREATE TYPE s AS ENUM ('x') ok",
                "CREATE TYPE t AS ENUM ('y') ok",
                "CREATE TABLE a (id serial NOT NULL, s s, PRIMARY KEY (id)) ok",
                "CREATE TABLE b (id int4, s s, t t[], FOREIGN KEY (id) REFERENCES a (id)) ok",
                "DROP TABLE b ok",
                "DROP TABLE a ok",
                "DROP TYPE s ok",
                "DROP TYPE t ok",
            ],
            "{version:?}"
        );
    }
    // whichever tables are chosen
    assert_eq!(
        made(SHARED, "m.create_all(op.get_bind(), tables=[a])", NEW)[1],
        "CREATE TYPE t AS ENUM ('y') ok"
    );
    assert_eq!(
        made(
            SHARED,
            "m.create_all(op.get_bind())\nm.drop_all(op.get_bind(), tables=[b])",
            NEW
        )[4..6],
        ["DROP TABLE b ok", "DROP TYPE s 2BP01"]
    );
    // a table alone takes its types with it
    assert_eq!(
        made(
            SHARED,
            "m.create_all(op.get_bind())\nb.drop(op.get_bind())",
            NEW
        )[4..6],
        ["DROP TABLE b ok", "DROP TYPE s 2BP01"]
    );
}

#[test]
fn keys_of_a_circle_stand_apart() {
    let circle = |first: &str, second: &str| {
        format!(
            "m = sa.MetaData()\n\
             sa.Table('a', m, sa.Column('id', sa.Integer, primary_key=True), sa.Column('b', sa.ForeignKey('b.id'{first})))\n\
             sa.Table('b', m, sa.Column('id', sa.Integer, primary_key=True), sa.Column('a', sa.ForeignKey('a.id'{second})))\n"
        )
    };
    let both = "m.create_all(op.get_bind())\nm.drop_all(op.get_bind())";
    assert_eq!(
        made(&circle(", name='to_b'", ", name='to_a'"), both, NEW),
        [
            "CREATE TABLE a (id serial NOT NULL, b int4, PRIMARY KEY (id)) ok",
            "CREATE TABLE b (id serial NOT NULL, a int4, PRIMARY KEY (id)) ok",
            "ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b (id) ok",
            "ALTER TABLE b ADD CONSTRAINT to_a FOREIGN KEY (a) REFERENCES a (id) ok",
            "ALTER TABLE b DROP CONSTRAINT to_a ok",
            "ALTER TABLE a DROP CONSTRAINT to_b ok",
            "DROP TABLE b ok",
            "DROP TABLE a ok",
        ]
    );
    assert_eq!(
        made(&circle(", name='to_b', use_alter=True", ""), both, NEW),
        [
            "CREATE TABLE a (id serial NOT NULL, b int4, PRIMARY KEY (id)) ok",
            "CREATE TABLE b (id serial NOT NULL, a int4, PRIMARY KEY (id), FOREIGN KEY (a) REFERENCES a (id)) ok",
            "ALTER TABLE a ADD CONSTRAINT to_b FOREIGN KEY (b) REFERENCES b (id) ok",
            "ALTER TABLE a DROP CONSTRAINT to_b ok",
            "DROP TABLE b ok",
            "DROP TABLE a ok",
        ]
    );
    let unnamed = replay(Catalog::default(), &circle("", ""), both, NEW);
    assert!(raised(&unnamed).starts_with("CircularDependencyError: Can't sort tables for DROP"));
}

#[test]
fn listeners_execute_before_and_behind() {
    let module = "from sqlalchemy import event, DDL\nm = sa.MetaData()\nt = sa.Table('t', m, sa.Column('id', sa.Integer))\n\
        event.listen(t, 'after_create', DDL('CREATE INDEX i ON %(fullname)s (id)'))\n\
        event.listen(t, 'after_create', DDL('CREATE INDEX j ON t (id)').execute_if(dialect='sqlite'))\n\
        event.listen(m, 'before_create', DDL('CREATE TABLE early (id int)').execute_if(dialect='postgresql'))\n\
        @event.listens_for(t, 'after_create')\ndef seed(target, connection, **kw):\n    connection.execute(target.insert().values(id=1))\n\
        @event.listens_for(m, 'after_drop')\ndef gone(target, connection, tables, **kw):\n    connection.execute(sa.text('DROP TABLE early'))\n";
    assert_eq!(
        made(
            module,
            "m.create_all(op.get_bind())\nm.drop_all(op.get_bind())",
            NEW
        ),
        [
            "CREATE TABLE early (id int4) ok",
            "CREATE TABLE t (id int4) ok",
            "CREATE INDEX i ON t (id) ok",
            "INSERT INTO t (id) VALUES (1) ok",
            "DROP TABLE t ok",
            "DROP TABLE early ok",
        ]
    );
}

#[test]
fn sequences_and_types_in_schemas() {
    let module = "m = sa.MetaData(schema='s')\n\
        own = sa.Sequence('own', metadata=m)\n\
        sa.Table('t', m, sa.Column('id', sa.Integer, sa.Sequence('ids', metadata=m), primary_key=True), sa.Column('k', sa.Enum('a', name='k', inherit_schema=True)))\n";
    assert_eq!(
        made(
            module,
            "op.execute('CREATE SCHEMA s')\nm.create_all(op.get_bind())\nm.drop_all(op.get_bind())",
            NEW
        )[1..],
        [
            "CREATE TYPE s.k AS ENUM ('a') ok",
            "CREATE SEQUENCE s.own ok",
            "CREATE SEQUENCE s.ids ok",
            "CREATE TABLE s.t (id int4 NOT NULL, k s.k, PRIMARY KEY (id)) ok",
            "DROP TABLE s.t ok",
            "DROP SEQUENCE s.own ok",
            "DROP SEQUENCE s.ids ok",
            "DROP TYPE s.k ok",
        ]
    );
}

#[test]
fn what_is_for_another_dialect_is_not_made_with_its_table() {
    let module = "m = sa.MetaData()\nt = sa.Table('t', m, sa.Column('id', sa.Integer), sa.Column('n', sa.Text))\n\
        ours = sa.Index('ours', sa.func.lower(t.c.n)).ddl_if(dialect='postgresql')\n\
        theirs = sa.Index('theirs', t.c.n).ddl_if(dialect='sqlite')\n\
        t.append_constraint(sa.CheckConstraint('id > 0', name='c').ddl_if(dialect=('mysql', 'sqlite')))\n";
    assert_eq!(
        made(
            module,
            "m.create_all(op.get_bind())\nours.drop(op.get_bind())\ntheirs.create(op.get_bind())",
            NEW
        ),
        [
            "CREATE TABLE t (id int4, n text) ok",
            "CREATE INDEX ours ON t (lower(t.n)) ok",
            "DROP INDEX ours ok",
            "CREATE INDEX theirs ON t (n) ok",
        ]
    );
}
