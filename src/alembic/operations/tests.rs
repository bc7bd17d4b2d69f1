//! Operations through the interpreter: what statements they make, in which order, on the simulated server.

use crate::alembic::Settings;
use crate::alembic::testing::{raised, run_text};
use crate::config::PackageVersion;
use crate::postgres::statement::{AlterTableCommand, ConstraintKind};
use crate::postgres::{Catalog, Outcome, Statement};
use crate::trace::RunOutput;
use crate::trace::{Event, Origin};

fn settings() -> Settings {
    Settings {
        alembic: PackageVersion(1, 20, 1),
        sqlalchemy: PackageVersion(2, 0, 58),
        driver: crate::config::Driver::Psycopg2,
        naming_convention: std::collections::BTreeMap::new(),
        version_schema: None,
        options: crate::alembic::configuration::Options::default(),
    }
}

const HEAD: &str =
    "import sqlalchemy as sa\nfrom alembic import op\nfrom sqlalchemy.dialects import postgresql\n";

fn replay(catalog: Catalog, body: &str, settings: Settings) -> RunOutput {
    let indented = body
        .lines()
        .fold(String::new(), |text, line| text + "    " + line + "\n");
    let text = format!("{HEAD}\n\ndef upgrade():\n{indented}");
    run_text(catalog, &text, settings)
}

fn upgrade(body: &str) -> RunOutput {
    replay(Catalog::default(), body, settings())
}

/// Runs a body twice and gives the outcomes of the second run.
fn rerun(before: &str, body: &str) -> Vec<String> {
    let first = upgrade(before);
    let first = replay(first.catalog, body, settings());
    outcomes(&replay(first.catalog, body, settings()))
}

fn outcomes(output: &RunOutput) -> Vec<String> {
    assert_eq!(output.trace.raised, None);
    output.trace.events.iter().map(outcome).collect()
}

fn outcome(event: &Event) -> String {
    match &event.outcome {
        Outcome::Ok => "ok".to_owned(),
        Outcome::Error(error) => error.sqlstate.code().to_owned(),
        Outcome::Unknown(why) => format!("unknown: {why}"),
    }
}

fn statements(output: &RunOutput) -> Vec<&Statement> {
    output
        .trace
        .events
        .iter()
        .flat_map(|event| event.statements.iter())
        .collect()
}

const TABLES: &str = "op.create_table('r', sa.Column('id', sa.Integer, primary_key=True))\nop.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('c', sa.Integer))";

#[test]
fn a_table_comes_with_its_type_indexes_and_comments() {
    let output = upgrade(
        "op.create_table('t', sa.Column('id', sa.Integer, primary_key=True), sa.Column('m', sa.Enum('a', 'b', name='mood'), index=True, comment='c'), comment='t')",
    );
    let made = statements(&output);
    assert!(matches!(made[0], Statement::CreateType(_)));
    let Statement::CreateTable(table) = made[1] else {
        panic!("{:?}", made[1]);
    };
    assert_eq!(table.columns[0].type_name.name.name, "serial");
    assert!(table.columns[0].not_null);
    let Statement::CreateIndex(index) = made[2] else {
        panic!("{:?}", made[2]);
    };
    assert_eq!(index.name.as_deref(), Some("ix_t_m"));
    assert!(matches!(made[3], Statement::Comment { member: None, .. }));
    assert!(matches!(
        made[4],
        Statement::Comment {
            member: Some(_),
            ..
        }
    ));
    assert_eq!(outcomes(&output), ["ok"; 5]);
}

#[test]
fn second_runs_answer_as_measured() {
    for (body, expected) in [
        (
            "op.create_table('n', sa.Column('id', sa.Integer))",
            vec!["42P07"],
        ),
        (
            "op.create_table('n', sa.Column('id', sa.Integer), if_not_exists=True)",
            vec!["ok"],
        ),
        (
            "op.create_table('n', sa.Column('m', sa.Enum('a', name='e')), if_not_exists=True)",
            vec!["42710", "ok"],
        ),
        ("op.drop_table('r')", vec!["42P01"]),
        (
            "op.add_column('t', sa.Column('n', sa.Integer))",
            vec!["42701"],
        ),
        (
            "op.add_column('t', sa.Column('n', sa.Integer, unique=True), if_not_exists=True)",
            vec!["ok", "ok"],
        ),
        (
            "op.add_column('t', sa.Column('n', sa.Integer, sa.ForeignKey('r.id', name='fk')), if_not_exists=True)",
            vec!["ok", "42710"],
        ),
        ("op.drop_column('t', 'c')", vec!["42703"]),
        ("op.drop_column('t', 'c', if_exists=True)", vec!["ok"]),
        ("op.alter_column('t', 'c', nullable=False)", vec!["ok"]),
        (
            "op.alter_column('t', 'c', new_column_name='d')",
            vec!["42703"],
        ),
        ("op.create_index(None, 't', ['c'])", vec!["42P07"]),
        (
            "op.create_index('ix', 't', ['c'], if_not_exists=True)",
            vec!["ok"],
        ),
        (
            "op.create_unique_constraint('uq', 't', ['c'])",
            vec!["42P07"],
        ),
        (
            "op.create_check_constraint('ck', 't', 'c > 0')",
            vec!["42710"],
        ),
        (
            "op.create_foreign_key('fk', 't', 'r', ['c'], ['id'])",
            vec!["42710"],
        ),
        (
            "op.create_foreign_key(None, 't', 'r', ['c'], ['id'])",
            vec!["ok"],
        ),
        ("op.create_primary_key('pk', 't', ['c'])", vec!["42P16"]),
        ("op.rename_table('r', 's')", vec!["42P01"]),
        (
            "op.drop_constraint('t_pkey', 't', type_='primary')",
            vec!["42704"],
        ),
        (
            "op.drop_constraint('nope', 't', if_exists=True)",
            vec!["ok"],
        ),
        ("op.create_table_comment('t', 'x')", vec!["ok"]),
    ] {
        assert_eq!(rerun(TABLES, body), expected, "{body}");
    }
}

#[test]
fn changes_of_a_column_are_statements_apart() {
    let output = replay(
        upgrade(TABLES).catalog,
        "op.alter_column('t', 'c', type_=sa.BigInteger(), nullable=False, server_default='1', comment='x', new_column_name='d')",
        settings(),
    );
    let words: Vec<&str> = statements(&output)
        .iter()
        .map(|statement| match statement {
            Statement::AlterTable(alter) => match &alter.commands[0] {
                AlterTableCommand::AlterType { .. } => "type",
                AlterTableCommand::SetNotNull { .. } => "not null",
                AlterTableCommand::SetDefault { .. } => "default",
                _ => "other",
            },
            Statement::Comment { .. } => "comment",
            Statement::Rename(_) => "rename",
            _ => "other",
        })
        .collect();
    assert_eq!(words, ["type", "not null", "default", "comment", "rename"]);
}

#[test]
fn a_batch_executes_when_it_ends() {
    let output = replay(
        upgrade(TABLES).catalog,
        "with op.batch_alter_table('t') as batch_op:\n    batch_op.add_column(sa.Column('n', sa.Integer))\n    batch_op.create_index(batch_op.f('ix_t_n'), ['n'])\n    op.drop_table('r')",
        settings(),
    );
    assert_eq!(outcomes(&output), ["ok", "ok", "ok"]);
    let events = &output.trace.events;
    assert!(matches!(events[0].statements[0], Statement::Drop(_)));
    assert_eq!(
        events[1].origin,
        Origin::Operation {
            name: "add_column",
            batch: true
        }
    );
    // the event stands at its call, the `with` line follows
    assert_eq!(events[1].stack().len(), 2);
    assert!(events[1].stack()[0].span.start > events[1].stack()[1].span.start);
    assert!(events[2].site.span.start > events[1].site.span.start);
}

#[test]
fn a_batch_that_raises_executes_nothing() {
    let output = replay(
        upgrade(TABLES).catalog,
        "try:\n    with op.batch_alter_table('t') as batch_op:\n        batch_op.drop_column('c')\n        raise ValueError('x')\nexcept ValueError:\n    pass",
        settings(),
    );
    assert_eq!(outcomes(&output), Vec::<String>::new());
}

#[test]
fn old_versions_refuse_or_ignore_guards() {
    let old = || Settings {
        alembic: PackageVersion(1, 7, 7),
        sqlalchemy: PackageVersion(1, 4, 54),
        ..settings()
    };
    let refused = replay(
        upgrade(TABLES).catalog,
        "op.add_column('t', sa.Column('n', sa.Integer), if_not_exists=True)",
        old(),
    );
    let raised = refused.trace.raised.expect("raised");
    assert_eq!(raised.class, "TypeError");
    let ignored = replay(
        upgrade(TABLES).catalog,
        "op.drop_column('t', 'nope', if_exists=True)",
        old(),
    );
    assert_eq!(outcomes(&ignored), ["42703"]);
    let batch = replay(
        upgrade(TABLES).catalog,
        "with op.batch_alter_table('t') as batch_op:\n    batch_op.drop_constraint('x', if_exists=True)",
        settings(),
    );
    assert_eq!(batch.trace.raised.expect("raised").class, "TypeError");
}

#[test]
fn enums_look_first_by_class() {
    assert_eq!(
        rerun("", "sa.Enum('a', name='e').create(op.get_bind())"),
        ["42710"]
    );
    assert!(rerun("", "postgresql.ENUM('a', name='e').create(op.get_bind())").is_empty());
    assert!(
        rerun(
            "",
            "sa.Enum('a', name='e').create(op.get_bind(), checkfirst=True)"
        )
        .is_empty()
    );
    // up to SQLAlchemy 2.0 `sa.Enum` ignores create_type
    let output = upgrade(
        "op.create_table('t', sa.Column('m', sa.Enum('a', name='e', create_type=False)))\nop.create_table('u', sa.Column('m', postgresql.ENUM('a', name='f', create_type=False)))",
    );
    assert_eq!(outcomes(&output), ["ok", "ok", "42704"]);
}

#[test]
fn names_follow_the_convention() {
    let mut with = settings();
    with.naming_convention = [
        ("ck", "ck_%(table_name)s_%(constraint_name)s"),
        (
            "fk",
            "fk_%(table_name)s_%(column_0_name)s_%(referred_table_name)s",
        ),
    ]
    .map(|(key, template)| (key.to_owned(), template.to_owned()))
    .into();
    let output = replay(
        upgrade(TABLES).catalog,
        "op.create_check_constraint('c', 't', 'c > 0')\nop.create_check_constraint(op.f('d'), 't', 'c > 1')\nop.create_foreign_key(None, 't', 'r', ['c'], ['id'])",
        with,
    );
    let names: Vec<String> = statements(&output)
        .iter()
        .filter_map(|statement| match statement {
            Statement::AlterTable(alter) => match &alter.commands[0] {
                AlterTableCommand::AddConstraint(definition) => {
                    definition.name.as_ref().map(ToString::to_string)
                }
                _ => None,
            },
            _ => None,
        })
        .collect();
    assert_eq!(names, ["ck_t_c", "d", "fk_t_c_r"]);
}

#[test]
fn long_names_are_refused_or_cut() {
    let long = "a".repeat(64);
    let output = replay(
        upgrade(TABLES).catalog,
        &format!("op.create_index('{long}', 't', ['c'])"),
        settings(),
    );
    assert_eq!(
        output.trace.raised.expect("raised").class,
        "IdentifierError"
    );
    let output = replay(
        upgrade(TABLES).catalog,
        &format!("op.create_index(op.f('{long}'), 't', ['c'])"),
        settings(),
    );
    let Statement::CreateIndex(index) = statements(&output)[0] else {
        panic!("no index");
    };
    assert_eq!(index.name.as_ref().map(smol_str::SmolStr::len), Some(60));
}

#[test]
fn operations_that_a_project_puts_in_place_are_called() {
    let output = replay(
        upgrade(TABLES).catalog,
        "original = op.add_column\ndef wrapped(table, column, **kw):\n    original(table, column, if_not_exists=True)\nop.add_column = wrapped\nop.add_column('t', sa.Column('c', sa.Integer))",
        settings(),
    );
    assert_eq!(outcomes(&output), ["ok"]);
}

#[test]
fn registered_operations_are_invoked() {
    let output = upgrade(
        "from alembic.operations import Operations, MigrateOperation\n@Operations.register_operation('make')\nclass Make(MigrateOperation):\n    def __init__(self, name):\n        self.name = name\n    @classmethod\n    def make(cls, operations, name):\n        return operations.invoke(cls(name))\n@Operations.implementation_for(Make)\ndef implement(operations, operation):\n    operations.drop_table(operation.name)\nop.make('nope')",
    );
    assert_eq!(outcomes(&output), ["42P01"]);
}

#[test]
fn rows_are_inserted_at_once() {
    let output = replay(
        upgrade(TABLES).catalog,
        "t = sa.table('t', sa.column('id', sa.Integer), sa.column('c', sa.Integer))\nop.bulk_insert(t, [{'id': 1, 'c': 2}, {'id': 2, 'c': 3}])\nop.bulk_insert(t, [])",
        settings(),
    );
    let made = statements(&output);
    assert_eq!(made.len(), 1);
    let Statement::Insert(insert) = made[0] else {
        panic!("{:?}", made[0]);
    };
    assert_eq!(insert.columns, ["id", "c"]);
}

#[test]
fn rows_collected_from_unknown_rows_may_be_none() {
    let output = replay(
        upgrade(TABLES).catalog,
        "t = sa.table('t', sa.column('id', sa.Integer))\nold = op.get_bind().execute(sa.text('SELECT id FROM t'))\n\
         rows = []\nfor row in old:\n    rows.append({'id': row.id})\nop.bulk_insert(t, rows)",
        settings(),
    );
    let insert = output.trace.events.last().expect("the INSERT");
    assert_eq!(insert.conditional, Some(crate::unknown::Reason::Data));
}

#[test]
fn an_unknown_operation_is_a_gap() {
    let output = upgrade("op.create_entity('x')");
    assert_eq!(outcomes(&output), Vec::<String>::new());
    assert!(output.trace.gaps[0].what.contains("op.create_entity"));
}

#[test]
fn behind_an_unknown_operation_nothing_is_certain_to_be_missing() {
    let before =
        "op.execute(\"CREATE TYPE kind AS ENUM ('a')\")\nop.execute('CREATE TABLE t (k kind)')\n";
    let behind = "op.execute(\"UPDATE t SET k = 'b'\")\nop.execute('ALTER TABLE t DROP COLUMN n')";
    let certain = upgrade(&format!("{before}{behind}"));
    assert_eq!(outcomes(&certain)[2..], ["22P02", "42703"]);
    let output = upgrade(&format!(
        "{before}op.plugin_made('kind', made=['t'])\n{behind}"
    ));
    assert_eq!(outcomes(&output)[2..], ["ok", "ok"]);
    assert!(output.catalog.unread);
}

#[test]
fn an_enum_that_is_synchronised_is_made_anew() {
    // the statements of alembic-postgresql-enum 1.11, each asked on PostgreSQL 15
    let before =
        "op.create_table('t', sa.Column('k', sa.Enum('A', 'B', name='kind'), server_default='A'))";
    let body = "from alembic_postgresql_enum import TableReference\n\
         op.sync_enum_values('public', 'kind', ['A', 'BB', 'C'], [TableReference(table_schema='public', table_name='t', column_name='k', existing_server_default=\"'A'::kind\")], enum_values_to_rename=[('B', 'BB')])\n\
         op.execute(\"UPDATE t SET k = 'C'\")";
    let output = replay(upgrade(before).catalog, body, settings());
    assert_eq!(outcomes(&output), vec!["ok"; 15]);
    let again = replay(output.catalog.clone(), body, settings());
    assert_eq!(outcomes(&again), vec!["ok"; 15]);
    let refused = replay(
        output.catalog,
        "op.execute(\"UPDATE t SET k = 'B'\")",
        settings(),
    );
    assert_eq!(outcomes(&refused), ["22P02"]);
}

/// The entities of `alembic_utils`: a function with a default and colons, a view, a trigger on it.
const ENTITIES: &str = "from alembic_utils.pg_function import PGFunction\nfrom alembic_utils.pg_trigger import PGTrigger\nfrom alembic_utils.pg_view import PGView\n\
     f = PGFunction(schema='public', signature='ff(x integer default 1, y text default \"a\")', definition='RETURNS integer LANGUAGE plpgsql AS $$ DECLARE z int := x::int; BEGIN RETURN z; END $$;')\n\
     g = PGFunction(schema='public', signature='gg()', definition='returns trigger language plpgsql as $$ BEGIN RETURN NEW; END $$')\n\
     v = PGView(schema='public', signature='vv', definition='SELECT id FROM t;')\n\
     t = PGTrigger(schema='public', signature='tt', on_entity='public.t', definition='BEFORE INSERT OR UPDATE ON public.t FOR EACH ROW EXECUTE FUNCTION gg()')\n";

#[test]
fn entities_are_made_and_dropped() {
    // alembic_utils 0.8.8 on PostgreSQL 15
    let making = format!("{ENTITIES}for entity in [f, g, v, t]:\n    op.create_entity(entity)");
    let before = "op.create_table('t', sa.Column('id', sa.Integer))";
    let made = replay(upgrade(before).catalog, &making, settings());
    assert_eq!(outcomes(&made), ["ok"; 4]);
    let again = replay(
        made.catalog.clone(),
        &format!("{ENTITIES}op.create_entity(f)"),
        settings(),
    );
    assert_eq!(outcomes(&again), ["42723"]);
    let needed = replay(
        made.catalog.clone(),
        "op.drop_column('t', 'id')",
        settings(),
    );
    assert_eq!(outcomes(&needed), ["2BP01"]);
    let used = replay(
        made.catalog.clone(),
        &format!("{ENTITIES}op.drop_entity(g)"),
        settings(),
    );
    assert_eq!(outcomes(&used), ["2BP01"]);
    let replaced = format!("{ENTITIES}for entity in [f, g, v, t]:\n    op.replace_entity(entity)");
    let replaced = replay(made.catalog.clone(), &replaced, settings());
    assert_eq!(outcomes(&replaced), ["ok"; 5]);
    let dropped = format!(
        "{ENTITIES}for entity in [t, v, f]:\n    op.drop_entity(entity)\nop.drop_entity(g, cascade=True)"
    );
    assert_eq!(
        outcomes(&replay(made.catalog, &dropped, settings())),
        ["ok"; 4]
    );
}

#[test]
fn policies_extensions_and_grants_are_entities() {
    let output = upgrade(
        "from alembic_utils.pg_policy import PGPolicy\nfrom alembic_utils.pg_extension import PGExtension\nfrom alembic_utils.pg_grant_table import PGGrantTable\nfrom alembic_utils.pg_materialized_view import PGMaterializedView\n\
         op.create_table('t', sa.Column('id', sa.Integer))\n\
         p = PGPolicy(schema='public', signature='own', on_entity='t', definition='for all using (id > 0)')\n\
         op.create_entity(p)\nop.replace_entity(p)\nop.create_entity(p)",
    );
    assert_eq!(outcomes(&output), ["ok", "ok", "ok", "ok", "42710"]);
    let output = upgrade(
        "from alembic_utils.pg_extension import PGExtension\nfrom alembic_utils.pg_grant_table import PGGrantTable\nfrom alembic_utils.pg_materialized_view import PGMaterializedView\n\
         op.create_table('t', sa.Column('id', sa.Integer))\n\
         m = PGMaterializedView(schema='public', signature='mm', definition='SELECT id FROM t', with_data=False)\n\
         e = PGExtension(schema='public', signature='citext')\n\
         g = PGGrantTable(schema='public', table='t', role='postgres', grant='SELECT', columns=['id'])\n\
         op.create_entity(m)\nop.replace_entity(m)\nop.create_entity(e)\nop.drop_entity(e)\nop.create_entity(g)\nop.drop_entity(g)",
    );
    assert_eq!(outcomes(&output), ["ok"; 8]);
    let output = upgrade(
        "from alembic_utils.pg_extension import PGExtension\nop.replace_entity(PGExtension('public', 'citext'))",
    );
    let raised = output.trace.raised.expect("an exception");
    assert_eq!(raised.class, "NotImplementedError");
}

#[test]
fn keys_that_are_no_columns_are_left_out() {
    let output = upgrade(
        "op.create_table('p', sa.Column('i', sa.Integer))\nt = sa.table('p', sa.column('i'))\n\
         op.bulk_insert(t, [{'i': 1, 'nope': 2}])\nop.get_bind().execute(t.insert(), [{'i': 1, 'nope': 2}])",
    );
    assert_eq!(outcomes(&output), ["ok"; 3]);
    let values = upgrade("op.execute(sa.table('p', sa.column('i')).insert().values(i=1, nope=2))");
    let raised = values.trace.raised.expect("an exception");
    assert_eq!(raised.class, "CompileError");
}

#[test]
fn ddl_takes_words_from_its_context() {
    let output = upgrade(
        "op.create_table('p', sa.Column('i', sa.Integer))\nop.execute(sa.DDL('ALTER TABLE %(t)s ADD z int', context={'t': 'p'}))",
    );
    assert_eq!(outcomes(&output), ["ok"; 2]);
}

#[test]
fn rows_made_of_unknown_rows_have_their_keys() {
    let output = replay(
        upgrade(TABLES).catalog,
        "t = sa.table('t', sa.column('id', sa.Integer))\nbind = op.get_bind()\n\
         rows = [{'id': row.id} for row in bind.execute(sa.text('SELECT id FROM t'))]\nif rows:\n    bind.execute(t.insert(), rows)",
        settings(),
    );
    let insert = output.trace.events.last().expect("the INSERT");
    assert_eq!(
        insert.statements[0].to_string(),
        "INSERT INTO t (id) VALUES ({?})"
    );
}

#[test]
fn serial_goes_by_the_key() {
    let output = upgrade(
        "op.create_table('a', sa.Column('id', sa.BigInteger, nullable=False), sa.PrimaryKeyConstraint('id'))\nop.create_table('b', sa.Column('id', sa.Integer, sa.ForeignKey('a.id'), primary_key=True))\nop.create_table('c', sa.Column('x', sa.Integer, primary_key=True), sa.Column('y', sa.Integer, primary_key=True))",
    );
    let types: Vec<&str> = statements(&output)
        .iter()
        .filter_map(|statement| match statement {
            Statement::CreateTable(table) => Some(table.columns[0].type_name.name.name.as_str()),
            _ => None,
        })
        .collect();
    assert_eq!(types, ["bigserial", "int4", "int4"]);
    let Statement::CreateTable(table) = statements(&output)[1] else {
        panic!("no table");
    };
    assert!(matches!(
        table.constraints[1].kind,
        ConstraintKind::ForeignKey { .. }
    ));
}

#[test]
fn autocommit_block_commits_what_came_before() {
    let output = upgrade(
        "op.create_table('t', sa.Column('c', sa.Integer))\nwith op.get_context().autocommit_block():\n    op.create_index('ix', 't', ['c'], postgresql_concurrently=True)\nop.create_index('ix2', 't', ['c'], postgresql_concurrently=True)",
    );
    assert_eq!(outcomes(&output), ["ok", "ok", "25001"]);
}

#[test]
fn an_exception_says_where_it_arose() {
    let output = upgrade("def inner():\n    raise ValueError('x')\ninner()");
    let raised = output.trace.raised.expect("raised");
    assert_eq!(raised.class, "ValueError");
    let site = raised.site.expect("a place");
    let length = site.span.end - site.span.start;
    assert_eq!(length as usize, "raise ValueError('x')".len());
}

#[test]
fn a_column_may_be_shared_by_tables() {
    let output = upgrade(
        "c = sa.Column('c', sa.Integer)\nop.create_table('a', c)\nop.create_table('b', c)\nop.create_index(None, 'a', ['c'])\nop.create_index(None, 'b', ['c'])",
    );
    assert_eq!(outcomes(&output), ["ok"; 4]);
}

#[test]
fn a_column_given_twice_is_refused_since_2_0() {
    let twice = "sa.Column('a', sa.Integer), sa.Column('a', sa.Text)";
    for call in [
        format!("op.create_table('t', {twice})"),
        format!("sa.Table('t', sa.MetaData(), {twice})"),
    ] {
        let output = upgrade(&call);
        let raised = output.trace.raised.expect("it is refused");
        assert_eq!(raised.class, "DuplicateColumnError", "{call}");
        let old = Settings {
            sqlalchemy: crate::config::PackageVersion(1, 4, 54),
            ..settings()
        };
        let output = replay(Catalog::default(), &call, old);
        assert!(output.trace.raised.is_none(), "{call}");
    }
    // a table of a statement takes the later one
    assert!(
        upgrade(&format!("sa.table('t', {twice})"))
            .trace
            .raised
            .is_none()
    );
}

#[test]
fn what_is_caught_outside_of_a_transaction_is_handled() {
    let body = |add: &str| {
        format!(
            "op.create_table('t', sa.Column('c', sa.Integer))\nwith op.get_context().autocommit_block():\n    try:\n        {add}\n    except sa.exc.ProgrammingError as error:\n        if 'already exists' not in str(error):\n            raise\n        op.create_table('caught')"
        )
    };
    let output = upgrade(&body("op.add_column('t', sa.Column('c', sa.Integer))"));
    assert_eq!(outcomes(&output), ["ok", "42701", "ok"]);
    assert!(output.trace.events[1].handled);
    let output = upgrade(&body("op.drop_column('t', 'd')"));
    assert_eq!(
        output.trace.events.iter().map(outcome).collect::<Vec<_>>(),
        ["ok", "42703"]
    );
    assert!(output.trace.raised.is_some());
}

#[test]
fn an_empty_schema_is_none() {
    let output = upgrade(
        "op.create_table('t', sa.Column('c', sa.Integer), schema='')\nop.add_column('t', sa.Column('d', sa.Integer))\nop.create_index('ix', 't', ['d'], schema='')",
    );
    assert_eq!(outcomes(&output), ["ok", "ok", "ok"]);
}

#[test]
fn what_is_usual_where_nothing_is_set_is_followed_first() {
    // each condition with the way that it takes where no variable is set
    let usual: &[(&str, bool)] = &[
        ("os.getenv('X')", false),
        ("os.getenv('X') is None", true),
        ("os.environ.get('X', '1') == '1'", true),
        ("os.getenv('X', 'Native').lower() in ('native', 'a')", true),
        ("os.getenv('X', 'native').startswith('v')", false),
        ("int(os.getenv('X', '8')) > 4", true),
        ("(os.getenv('X') or 'a') == 'a'", true),
        ("not os.environ.get('X')", true),
        ("'X' in os.environ", false),
        ("bool(os.getenv('X', ''))", false),
        (
            "context.get_x_argument(as_dictionary=True).get('x') == 'y'",
            false,
        ),
        (
            "context.get_x_argument(as_dictionary=True).get('x', 'y') == 'y'",
            true,
        ),
        ("os.environ['X'] == 'a'", true),
    ];
    for (condition, taken) in usual {
        let body = format!(
            "import os\nfrom alembic import context\nif {condition}:\n    op.create_table('t', sa.Column('i', sa.Integer))"
        );
        let output = upgrade(&body);
        assert_eq!(
            output.trace.events.len(),
            usize::from(*taken),
            "{condition}"
        );
        assert_eq!(output.decisions.len(), 1, "{condition}");
    }
}

#[test]
fn a_column_without_a_type_is_refused() {
    // SQLAlchemy 2.0.58
    let refused = |body: &str| {
        let raised = upgrade(body).trace.raised;
        raised.map(|raised| raised.class).unwrap_or_default()
    };
    let other = "op.create_table('u', sa.Column('id', sa.Integer, primary_key=True))\n";
    for body in [
        "op.create_table('n', sa.Column('id'))",
        "op.create_table('o', sa.Column('u_id', sa.ForeignKey('u.id')))",
        "op.add_column('u', sa.Column('x', sa.ForeignKey('v.id')))",
    ] {
        assert_eq!(refused(&format!("{other}{body}")), "CompileError", "{body}");
    }
    let own = "op.create_table('n', sa.Column('id', sa.Integer, primary_key=True), sa.Column('p', sa.ForeignKey('n.id')))";
    assert_eq!(refused(own), "");
    // a type of the project's that is not understood is one all the same
    let odd = "class Odd:\n    pass\nop.create_table('n', sa.Column('id', Odd()))";
    assert_eq!(refused(odd), "");
}

#[test]
fn surplus_positional_arguments_are_refused() {
    let error = |body: &str| {
        raised(&upgrade(&format!(
            "op.create_table('t', sa.Column('a', sa.Integer))\n{body}"
        )))
    };
    // the table's name left in, where `op` became `batch_op`
    let batch = |call: &str| {
        error(&format!(
            "with op.batch_alter_table('t') as b:\n    b.{call}"
        ))
    };
    assert_eq!(
        batch("drop_column('t', 'a')"),
        "TypeError: drop_column() takes 2 positional arguments but 3 were given"
    );
    for call in [
        "create_index('i', 't', ['a'])",
        "drop_index('i', 't')",
        "add_column('t', sa.Column('b', sa.Integer))",
    ] {
        assert!(batch(call).starts_with("TypeError: "), "{call}");
    }
    assert_eq!(
        error("op.drop_column('t', 'a', 'public')"),
        "TypeError: drop_column() takes 3 positional arguments but 4 were given"
    );
    assert_eq!(
        batch("drop_constraint('c', 'unique')").split(':').next(),
        Some("")
    );
    assert_eq!(error("op.drop_column('t', 'a', schema='public')"), "");
}
