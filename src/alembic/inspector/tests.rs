//! The Inspector through the interpreter.

use crate::alembic::testing::{NEW, OLD, holds, raised, replay, tables, upgrade};
use crate::postgres::Catalog;

const STALE: &str = "insp = sa.inspect(op.get_bind())\n\
     before = insp.has_table('n')\n\
     op.create_table('n', sa.Column('id', sa.Integer))\n\
     if insp.has_table('n'): op.create_table('seen', sa.Column('id', sa.Integer))\n\
     if sa.inspect(op.get_bind()).has_table('n'): op.create_table('anew', sa.Column('id', sa.Integer))";

#[test]
fn has_table_is_stale_from_2_0_on() {
    let output = replay(Catalog::default(), "", STALE, NEW);
    assert_eq!(tables(&output), ["anew", "n"]);
    let output = replay(Catalog::default(), "", STALE, OLD);
    assert_eq!(tables(&output), ["anew", "n", "seen"]);
}

#[test]
fn columns_and_names_are_remembered_per_call() {
    holds(
        "insp = sa.inspect(op.get_bind())\n\
         op.create_table('t', sa.Column('id', sa.Integer, primary_key=True))\n\
         assert 't' in insp.get_table_names()\n\
         assert [c['name'] for c in insp.get_columns('t')] == ['id']\n\
         op.add_column('t', sa.Column('x', sa.Integer))\n\
         assert 'x' not in {c['name'] for c in insp.get_columns('t')}\n\
         insp.clear_cache()\n\
         assert 'x' in {c['name'] for c in insp.get_columns('t')}\n\
         assert insp.has_table('t')",
        NEW,
    );
}

#[test]
fn a_missing_table_is_an_error_that_is_not_remembered() {
    holds(
        "insp = sa.inspect(op.get_bind())\n\
         try:\n    insp.get_columns('t')\n    raise ValueError('no error')\n\
         except sa.exc.NoSuchTableError:\n    pass\n\
         op.create_table('t', sa.Column('id', sa.Integer))\n\
         assert len(insp.get_columns('t')) == 1",
        NEW,
    );
    assert!(
        raised(&upgrade("sa.inspect(op.get_bind()).get_indexes('t')"))
            .starts_with("NoSuchTableError")
    );
}

const SETUP: &str = "op.execute('create table r (id int primary key)')\n\
     op.execute('''create table t (id int primary key, c int not null default 0, code text constraint uq_code unique,\n\
     r_id int constraint fk_r references r on delete cascade, constraint ck1 check (c > 0))''')\n\
     op.execute('create index ix_c on t (c)')\n\
     op.execute('create index ix_expr on t (lower(code))')\n\
     op.execute('create unique index uqi on t (c, id)')\n";

#[test]
fn constraints_and_indexes_read_as_reflection_reads_them() {
    let body = format!(
        "{SETUP}insp = sa.inspect(op.get_bind())\n\
         assert sorted(i['name'] for i in insp.get_indexes('t')) == ['ix_c', 'ix_expr', 'uq_code', 'uqi']\n\
         by_name = {{i['name']: i for i in insp.get_indexes('t')}}\n\
         assert by_name['uq_code']['duplicates_constraint'] == 'uq_code'\n\
         assert by_name['ix_expr']['column_names'] == [None]\n\
         assert by_name['uqi']['unique'] and by_name['uqi']['column_names'] == ['c', 'id']\n\
         assert [u['name'] for u in insp.get_unique_constraints('t')] == ['uq_code']\n\
         assert [c['name'] for c in insp.get_check_constraints('t')] == ['ck1']\n\
         fk = insp.get_foreign_keys('t')[0]\n\
         assert fk['name'] == 'fk_r' and fk['referred_table'] == 'r' and fk['referred_columns'] == ['id']\n\
         assert fk['constrained_columns'] == ['r_id'] and fk['options']['ondelete'] == 'CASCADE'\n\
         assert insp.get_pk_constraint('t')['name'] == 't_pkey'\n\
         columns = {{c['name']: c for c in insp.get_columns('t')}}\n\
         assert not columns['c']['nullable'] and columns['code']['nullable'] and columns['code']['default'] is None\n\
         assert columns['c']['default'] is not None\n\
         assert isinstance(columns['code']['type'], sa.Text) and isinstance(columns['c']['type'], sa.Integer)\n\
         assert insp.has_index('t', 'ix_c') and not insp.has_index('nosuch', 'x')"
    );
    holds(&body, NEW);
    let body = format!(
        "{SETUP}insp = sa.inspect(op.get_bind())\n\
         assert sorted(i['name'] for i in insp.get_indexes('t')) == ['ix_c', 'uq_code', 'uqi']\n\
         assert insp.has_table('ix_c') and not hasattr(insp, 'clear_cache') and not hasattr(insp, 'has_index')"
    );
    holds(&body, OLD);
}

#[test]
fn names_are_exact_and_schemas_count() {
    holds(
        "op.execute('create schema other')\nop.execute('create table other.o (id int)')\n\
         op.execute('create view vw as select 1 as a')\nop.execute('create table t (id int)')\n\
         insp = sa.inspect(op.get_bind())\n\
         assert not insp.has_table('o') and insp.has_table('o', schema='other') and not insp.has_table('other.o')\n\
         assert insp.has_table('vw') and not insp.has_table('T')\n\
         assert insp.get_view_names() == ['vw'] and 'vw' not in insp.get_table_names()\n\
         assert insp.get_table_names(schema='other') == ['o']\n\
         assert 'other' in insp.get_schema_names()",
        NEW,
    );
}

#[test]
fn an_engine_sees_only_what_is_committed() {
    let output = upgrade(
        "op.create_table('n', sa.Column('id', sa.Integer))\n\
         if not sa.inspect(op.get_bind().engine).has_table('n'): op.create_table('unseen', sa.Column('id', sa.Integer))",
    );
    assert_eq!(tables(&output), ["n", "unseen"]);
}

#[test]
fn an_open_world_has_no_certain_no() {
    let catalog = Catalog {
        open: true,
        ..Catalog::default()
    };
    let output = replay(
        catalog,
        "",
        "if sa.inspect(op.get_bind()).has_table('n'): pass\nif 'm' in sa.inspect(op.get_bind()).get_table_names(): pass",
        NEW,
    );
    assert_eq!(output.decisions.len(), 2);
}

#[test]
fn enums_have_their_labels() {
    holds(
        "op.execute(\"create type mood as enum ('a', 'b')\")\n\
         insp = sa.inspect(op.get_bind())\n\
         assert insp.get_enums()[0]['name'] == 'mood' and insp.get_enums()[0]['labels'] == ['a', 'b']",
        NEW,
    );
}

#[test]
fn reflected_tables_know_their_keys_and_the_columns_of_indexes() {
    holds(
        "op.create_table('t', sa.Column('a', sa.Integer, primary_key=True), sa.Column('b', sa.Text, index=True))\n\
         meta = sa.MetaData()\n\
         meta.reflect(bind=op.get_bind())\n\
         t = meta.tables['t']\n\
         assert [c.name for c in t.primary_key.columns] == ['a']\n\
         assert next(iter(t.primary_key)) is t.c.a\n\
         assert t.primary_key.name == 't_pkey'\n\
         assert [[c.name for c in i.columns] for i in t.indexes] == [['b']]\n\
         assert 't' in meta.tables and 'u' not in meta.tables and len(meta.tables) == 1\n\
         assert list(meta.tables) == ['t'] and meta.tables.get('u') is None\n\
         assert [name for name, _ in meta.tables.items()] == ['t']",
        NEW,
    );
    let missing = "meta = sa.MetaData()\nmeta.tables['t']";
    assert!(raised(&upgrade(missing)).starts_with("KeyError"));
}

#[test]
fn a_metadata_is_bound_to_no_engine_from_2_0_on() {
    let body = "sa.MetaData(bind=op.get_bind())";
    assert!(raised(&upgrade(body)).starts_with("TypeError"));
    assert_eq!(raised(&replay(Catalog::default(), "", body, OLD)), "");
}

#[test]
fn a_type_as_text_asks_no_dialect() {
    // SQLAlchemy 2.0.58 with PostgreSQL 15
    holds(
        "from sqlalchemy.dialects import postgresql\n\
         op.execute(\"create type mood as enum ('a', 'bcd')\")\n\
         kinds = ['varchar(50)', 'char', 'numeric(10,2)', 'numeric(10)', 'timestamptz', 'timestamp(3)', 'time', 'double precision', 'text[]', 'mood', 'interval', 'jsonb', 'boolean']\n\
         op.execute('create table t (' + ', '.join(f'c{i} {kind}' for i, kind in enumerate(kinds)) + ')')\n\
         types = [c['type'] for c in sa.inspect(op.get_bind()).get_columns('t')]\n\
         shown = ['VARCHAR(50)', 'CHAR(1)', 'NUMERIC(10, 2)', 'NUMERIC(10, 0)', 'TIMESTAMP', 'TIMESTAMP', 'TIME', 'DOUBLE PRECISION', 'ARRAY', 'VARCHAR(3)', 'INTERVAL', 'JSONB', 'BOOLEAN']\n\
         assert [str(t) for t in types] == shown, [str(t) for t in types]\n\
         assert types[4].compile(dialect=postgresql.dialect()) == 'TIMESTAMP WITH TIME ZONE'\n\
         assert types[9].compile(dialect=op.get_bind().dialect) == 'mood'\n\
         made = [sa.DateTime(), sa.LargeBinary(), sa.Uuid(), sa.BigInteger(), sa.Numeric(10), sa.Unicode(5), sa.Interval(), sa.types.NullType(), sa.String(5, collation='C')]\n\
         assert [str(t) for t in made] == ['DATETIME', 'BLOB', 'CHAR(32)', 'BIGINT', 'NUMERIC(10)', 'VARCHAR(5)', 'DATETIME', 'NULL', 'VARCHAR(5) COLLATE \"C\"']\n\
         assert sa.DateTime(timezone=True).compile() == 'DATETIME'",
        NEW,
    );
}

/// Ways to ask whether a table of which nothing is known has the column `x`; each with what makes it so.
const ASKED: &[&str] = &[
    "if 'x' not in [c['name'] for c in insp.get_columns('t')]:\n    ADD",
    "if 'x' not in {c['name'] for c in insp.get_columns('t')}:\n    ADD",
    "names = set(c.get('name') for c in insp.get_columns('t'))\nif not 'x' in [c['name'] for c in insp.get_columns('t')]:\n    ADD",
    "if not any(c['name'] == 'x' for c in insp.get_columns('t')):\n    ADD",
    "if next((c for c in insp.get_columns('t') if c['name'] == 'x'), None) is None:\n    ADD",
    "if not [c for c in insp.get_columns('t') if c['name'] == 'x']:\n    ADD",
    "def has():\n    for c in insp.get_columns('t'):\n        if c['name'] == 'x':\n            return True\n    return False\nif not has():\n    ADD",
    "found = False\nfor c in insp.get_columns('t'):\n    if c['name'] == 'x':\n        found = True\n        break\nif not found:\n    ADD",
];

#[test]
fn what_a_guard_found_is_known_behind_it() {
    let catalog = Catalog {
        open: true,
        ..Catalog::default()
    };
    for asked in ASKED {
        let asked = asked.replace("ADD", "op.add_column('t', sa.Column('x', sa.Integer))");
        let body = format!("insp = sa.inspect(op.get_bind())\n{asked}");
        let first = replay(catalog.clone(), "", &body, NEW);
        assert_eq!(first.decisions.len(), 1, "{body}");
        let again = replay(first.catalog.clone(), "", &body, NEW);
        assert_eq!(again.decisions.len(), 0, "{body}: {:?}", again.decisions);
        assert_eq!(again.trace.events.len(), 0, "{body}");
        let gone = replay(first.catalog, "", "op.drop_column('t', 'x')", NEW);
        let anew = replay(gone.catalog, "", &body, NEW);
        assert_eq!(anew.decisions.len(), 0, "{body}");
        assert_eq!(anew.trace.events.len(), 1, "{body}");
    }
}

#[test]
fn guards_on_tables_and_indexes_that_are_not_known_are_known_behind_them() {
    let catalog = Catalog {
        open: true,
        ..Catalog::default()
    };
    let body = "insp = sa.inspect(op.get_bind())\n\
         if not insp.has_table('n'): op.create_table('n', sa.Column('id', sa.Integer))\n\
         if 'm' not in insp.get_table_names(): op.create_table('m', sa.Column('id', sa.Integer))\n\
         if insp.has_table('o'): op.drop_table('o')\n\
         if 'ix' not in [i['name'] for i in insp.get_indexes('t')]: op.create_index('ix', 't', ['id'])\n\
         if 'fk' in [i['name'] for i in insp.get_foreign_keys('t')]: op.drop_constraint('fk', 't')";
    let first = replay(catalog, "", body, NEW);
    let again = replay(first.catalog, "", body, NEW);
    assert_eq!(again.decisions.len(), 0, "{:?}", again.decisions);
    assert_eq!(again.trace.events.len(), 0);
}

#[test]
fn a_list_that_was_asked_for_before_knows_what_was_then() {
    let catalog = Catalog {
        open: true,
        ..Catalog::default()
    };
    let output = replay(
        catalog,
        "",
        "insp = sa.inspect(op.get_bind())\n\
         before = [c['name'] for c in insp.get_columns('t')]\n\
         if 'x' not in before: op.add_column('t', sa.Column('x', sa.Integer))\n\
         assert 'x' not in before\n\
         assert 'x' in [c['name'] for c in sa.inspect(op.get_bind()).get_columns('t')]",
        NEW,
    );
    assert_eq!(raised(&output), "");
    assert_eq!(output.decisions.len(), 1);
}
