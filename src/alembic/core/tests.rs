//! Core constructs through the interpreter.

use crate::alembic::testing::{NEW, OLD, holds, outcomes, raised, replay, tables, upgrade};
use crate::postgres::{Catalog, Statement};

const TABLE: &str = "op.execute('create table t (id int primary key, name text, n int)')\n\
     t = sa.table('t', sa.column('id'), sa.column('name'), sa.column('n'))\nconn = op.get_bind()\n";

fn with_table(body: &str) -> String {
    format!("{TABLE}{body}")
}

#[test]
fn inserts_of_all_styles_reach_the_table() {
    let body = with_table(
        "conn.execute(t.insert().values(id=1, name='a', n=1))\n\
         conn.execute(sa.insert(t).values({'id': 2, 'name': 'b', 'n': 2}))\n\
         conn.execute(sa.insert(t), [{'id': 3, 'name': 'c', 'n': 3}, {'id': 4, 'name': None, 'n': 4}])\n\
         conn.execute(t.insert().values([{'id': 5, 'name': 'e', 'n': 5}]))\n\
         conn.execute(t.insert().values({t.c.id: 6, t.c.name: 'f'}))\n\
         op.execute(t.insert().values(id=1, name='again'))",
    );
    let output = upgrade(&body);
    assert_eq!(
        outcomes(&output),
        ["ok", "ok", "ok", "ok", "ok", "ok", "23505"]
    );
}

#[test]
fn known_rows_answer_queries_of_all_styles() {
    let body = with_table(
        "conn.execute(sa.insert(t), [{'id': 1, 'name': 'a', 'n': 10}, {'id': 2, 'name': 'b', 'n': None}])\n\
         assert conn.execute(sa.select(t.c.id).where(t.c.name == 'b')).scalar() == 2\n\
         assert conn.execute(sa.select(sa.func.count()).select_from(t)).scalar() == 2\n\
         assert conn.execute(sa.select(t.c.id).where(t.c.n.is_(None))).fetchall() == [(2,)]\n\
         assert conn.execute(sa.select(t).where(t.c.id.in_([1, 7]))).first().name == 'a'\n\
         assert conn.execute(sa.select(t.c.id).where(sa.and_(t.c.id > 1, t.c.name.like('b%')))).scalar() == 2\n\
         assert conn.execute(sa.select(t.c.id).where((t.c.id == 1) | ~(t.c.id == 2)).order_by(t.c.id.desc())).scalar() == 1\n\
         assert conn.execute(sa.select(t.c.id.label('x')).where(sa.not_(t.c.id == 1))).first().x == 2\n\
         assert conn.execute(sa.select(sa.exists().where(t.c.id == 1))).scalar() is True",
    );
    holds(&body, NEW);
}

#[test]
fn the_list_style_of_1_4_is_read() {
    let body = with_table(
        "conn.execute(t.insert().values(id=1, name='a'))\n\
         assert conn.execute(sa.select([t.c.id, t.c.name]).where(t.c.id == 1)).fetchone()['name'] == 'a'\n\
         assert conn.execute(t.select(t.c.id == 1)).fetchone()[1] == 'a'\n\
         assert conn.execute(sa.select([sa.func.count()]).select_from(t)).scalar() == 1",
    );
    holds(&body, OLD);
}

#[test]
fn updates_and_deletes_have_their_clauses() {
    let body = with_table(
        "conn.execute(sa.insert(t), [{'id': 1, 'name': 'a', 'n': 1}, {'id': 2, 'name': 'b', 'n': 2}])\n\
         conn.execute(t.update().where(t.c.id == 1).values(name='z'))\n\
         conn.execute(sa.update(t).where(t.c.id == sa.bindparam('b')).values(name=sa.bindparam('v')), [{'b': 2, 'v': 'y'}])\n\
         assert [r.name for r in conn.execute(sa.select(t.c.name).order_by(t.c.id))] == ['z', 'y']\n\
         conn.execute(sa.delete(t).where(t.c.id == 1))\n\
         assert conn.execute(sa.select(sa.func.count()).select_from(t)).scalar() == 1\n\
         conn.execute(t.update().values({'n': sa.case((t.c.id == 2, 7), else_=0)}))\n\
         assert conn.execute(sa.select(t.c.n)).scalar() == 7",
    );
    holds(&body, NEW);
}

#[test]
fn a_column_that_is_not_there_is_the_servers_error() {
    let body = "op.execute('create table t (id int)')\n\
         t = sa.table('t', sa.column('id'), sa.column('gone'))\n\
         op.execute(t.update().where(t.c.gone == 1).values(id=2))\n\
         op.execute(t.insert().values(gone=1))";
    assert_eq!(outcomes(&upgrade(body)), ["ok", "42703", "42703"]);
}

#[test]
fn conflicts_are_guards() {
    let body = with_table(
        "stmt = postgresql.insert(t).values(id=1, name='a')\n\
         conn.execute(stmt.on_conflict_do_nothing(index_elements=['id']))\n\
         conn.execute(stmt.on_conflict_do_nothing())\n\
         conn.execute(stmt.on_conflict_do_update(index_elements=[t.c.id], set_={'name': stmt.excluded.name}))\n\
         conn.execute(stmt.on_conflict_do_nothing(index_elements=['name']))",
    );
    assert_eq!(outcomes(&upgrade(&body)), ["ok", "ok", "ok", "ok", "42P10"]);
}

#[test]
fn a_subquery_leaves_out_the_table_around_it() {
    let body = with_table(
        "o = sa.table('o', sa.column('t_id'), sa.column('v'))\n\
         op.execute('create table o (t_id int, v text)')\n\
         conn.execute(t.update().values(name=sa.select(o.c.v).where(o.c.t_id == t.c.id).scalar_subquery()))",
    );
    let output = upgrade(&body);
    assert_eq!(outcomes(&output), ["ok", "ok", "ok"]);
    let Statement::Update(update) = &output.trace.events[2].statements[0] else {
        panic!("no update");
    };
    let text = format!("{:?}", update.assignments);
    assert_eq!(text.matches("Table {").count(), 1, "{text}");
}

#[test]
fn from_select_and_unknown_names_are_read() {
    let body = with_table(
        "conn.execute(t.insert().from_select(['id', 'name'], sa.select(t.c.id + 1, t.c.name)))\n\
         conn.execute(t.insert().values(nope=1))",
    );
    assert!(raised(&upgrade(&body)).starts_with("CompileError"));
}

#[test]
fn defaults_of_pythons_side_fill_missing_columns() {
    let body = "op.execute('create table t (id int primary key, n int not null, u text not null)')\n\
         t = sa.Table('t', sa.MetaData(), sa.Column('id', sa.Integer, primary_key=True), sa.Column('n', sa.Integer, default=3),\n\
         \x20   sa.Column('u', sa.String, default=lambda: 'made'))\n\
         op.get_bind().execute(t.insert().values(id=1))\n\
         row = op.get_bind().execute(sa.select(t)).first()\n\
         assert (row.n, row.u) == (3, 'made')";
    holds(body, NEW);
}

#[test]
fn a_reflected_table_has_the_catalogs_columns() {
    holds(
        "op.execute('create table t (id int primary key, name text)')\n\
         meta = sa.MetaData()\n\
         t = sa.Table('t', meta, autoload_with=op.get_bind())\n\
         assert [c.name for c in t.columns] == ['id', 'name'] and 'gone' not in t.c\n\
         op.execute('create unique index ix on t (name)')\n\
         r = sa.Table('t', sa.MetaData(), autoload_with=op.get_bind())\n\
         assert [(i.name, i.unique) for i in r.indexes] == [('ix', True)] and len(t.indexes) == 0\n\
         op.get_bind().execute(t.insert().values(id=1, name='x'))\n\
         assert op.get_bind().execute(sa.select(t.c.name)).scalar() == 'x'\n\
         other = sa.MetaData()\nother.reflect(bind=op.get_bind())\nassert 't' in other.tables\n\
         try:\n    sa.Table('gone', meta, autoload_with=op.get_bind())\n    raise ValueError('no error')\n\
         except sa.exc.NoSuchTableError:\n    pass",
        NEW,
    );
}

#[test]
fn what_can_not_be_read_is_counted() {
    let output = upgrade("import something\nop.get_bind().execute(something.statement())");
    assert_eq!(output.trace.events.len(), 1);
    assert!(outcomes(&output)[0].starts_with("unknown"));
    assert!(tables(&output).is_empty());
}

#[test]
fn a_server_default_of_text_stays_as_before() {
    let output = replay(
        Catalog::default(),
        "",
        "op.create_table('t', sa.Column('id', sa.Integer), sa.Column('x', sa.Boolean, server_default=sa.text('true')),\n\
         \x20   sa.Column('y', sa.Boolean, server_default=sa.false()), sa.Column('z', sa.DateTime, server_default=sa.func.now()))",
        NEW,
    );
    assert_eq!(outcomes(&output), ["ok"]);
    let relation = output
        .catalog
        .relations
        .values()
        .find(|relation| relation.name.name == "t")
        .unwrap();
    assert!(
        relation
            .columns
            .iter()
            .skip(1)
            .all(|column| column.default.is_some())
    );
}

#[test]
fn a_metadata_keeps_what_it_was_bound_to() {
    holds(
        "op.execute('create table t (id int primary key, name text)')\n\
         meta = sa.MetaData()\nmeta.bind = op.get_bind().engine\n\
         t = sa.Table('t', meta, autoload_with=meta.bind)\n\
         assert [c.name for c in t.columns] == ['id', 'name']",
        NEW,
    );
}

#[test]
fn an_engine_that_is_not_known_has_the_dialect_of_the_run() {
    let output = upgrade(
        "import application\n\
         engine = application.writer().get_engine()\n\
         if engine.dialect.name == 'mysql':\n    op.execute('select no')\nelse:\n    op.execute('create table t (a int)')",
    );
    assert_eq!(outcomes(&output), ["ok"]);
    assert_eq!(tables(&output), ["t"]);
}

#[test]
fn elements_of_json_are_cast_to_what_they_are_asked_as() {
    let output = upgrade(
        "op.execute('create table t (m json, j jsonb, n float, b boolean)')\n\
         t = sa.table('t', sa.column('m', sa.JSON), sa.column('j', postgresql.JSONB), sa.column('n'), sa.column('b'))\n\
         op.execute(t.update().values(n=t.c.m[['a', 'b']].as_float(), b=sa.func.coalesce(t.c.m[('a', 0)].as_boolean(), sa.false())))\n\
         op.execute(t.update().values(n=t.c.j['a'].as_boolean()))\n\
         op.execute(t.update().where(t.c.m['a'].as_string() == 'x').values(n=t.c.j['a'].astext.cast(sa.Integer)))",
    );
    assert_eq!(outcomes(&output), ["ok", "ok", "42804", "ok"]);
    let text = output.trace.events[1].statements[0].to_string();
    assert!(text.contains("m #>> '{a, b}'"), "{text}");
    assert!(text.contains("m #>> '{a, 0}'"), "{text}");
}
