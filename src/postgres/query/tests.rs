//! Queries of real migrations, from SQL text over catalogs that statements made.

use smol_str::SmolStr;

use super::{Environment, select};
use crate::postgres::data::{self, DataAnswer};
use crate::postgres::numbers::{Numbers, Taken};
use crate::postgres::session::{Parameters, Session};
use crate::postgres::{Catalog, Datum, Outcome, ResultSet, Statement, Version};
use crate::sql::{Placeholders, parse};

/// A server whose DDL is the session's and whose queries and data are those under test.
pub(crate) struct Server {
    pub(crate) session: Session,
    pub(crate) parameters: Parameters,
    /// Whether all tables were made in this run.
    pub(crate) fresh: bool,
}

pub(crate) fn read(text: &str) -> Vec<Statement> {
    parse(text, Placeholders::Named)
        .iter()
        .map(|parsed| parsed.statement.clone())
        .collect()
}

impl Server {
    pub(crate) fn new(setup: &str) -> Self {
        Self::with(Catalog::default(), setup)
    }

    pub(crate) fn open(setup: &str) -> Self {
        let catalog = Catalog {
            open: true,
            ..Catalog::default()
        };
        Self::with(catalog, setup)
    }

    fn with(catalog: Catalog, setup: &str) -> Self {
        let mut server = Self {
            session: Session::new(catalog, Version(15), read),
            parameters: Parameters::default(),
            fresh: false,
        };
        for statement in read(setup) {
            let answer = server.run_statement(&statement);
            assert_eq!(answer.outcome, Outcome::Ok, "{statement:?}");
        }
        server
    }

    pub(crate) fn bind(mut self, name: &str, value: Datum) -> Self {
        self.parameters.values.push((SmolStr::new(name), value));
        self
    }

    /// Executes the only statement of a text.
    pub(crate) fn run(&mut self, text: &str) -> DataAnswer {
        let statements = read(text);
        assert_eq!(statements.len(), 1, "{text}");
        self.run_statement(&statements[0])
    }

    fn run_statement(&mut self, statement: &Statement) -> DataAnswer {
        let session = self.session.clone();
        let mut catalog = self.session.catalog.clone();
        let fresh = self.fresh;
        let variables = Parameters::default();
        let is_fresh = |_: &crate::postgres::catalog::QualifiedName| fresh;
        let enum_use =
            |name: &crate::postgres::TypeName, label: &str| session.check_enum_use(name, label);
        let numbers = Numbers::default();
        let environment = Environment {
            version: session.version,
            search_path: &session.search_path,
            parameters: &self.parameters,
            variables: &variables,
            fresh: &is_fresh,
            work: &session.query_work,
            enum_use: &enum_use,
            numbers: &numbers,
        };
        let answer = match statement {
            Statement::Insert(insert) => data::insert(&mut catalog, &environment, insert),
            Statement::Update(update) => data::update(&mut catalog, &environment, update),
            Statement::Delete(delete) => data::delete(&mut catalog, &environment, delete),
            Statement::Merge(merge) => data::merge(&mut catalog, &environment, merge),
            Statement::Query(query) => data::select(&mut catalog, &environment, query),
            Statement::Truncate {
                tables, cascade, ..
            } => data::truncate(&mut catalog, &environment, tables, *cascade),
            other => {
                let answer = self
                    .session
                    .execute(std::slice::from_ref(other), &self.parameters);
                return DataAnswer {
                    outcome: answer.outcome,
                    changes: answer.changes,
                    result: answer.result,
                    row_count: answer.row_count,
                    assumed: answer.assumed,
                    writes_row: false,
                };
            }
        };
        Taken::default().take_in(numbers, &mut catalog);
        self.session.catalog = catalog;
        answer
    }

    /// The SQLSTATE of a statement, or `ok`.
    pub(crate) fn state(&mut self, text: &str) -> String {
        match self.run(text).outcome {
            Outcome::Ok => "ok".to_owned(),
            Outcome::Error(error) => error.sqlstate.code().to_owned(),
            Outcome::Unknown(why) => format!("unknown: {why}"),
        }
    }

    /// Whether the number of rows certainly changes.
    pub(crate) fn changes(&mut self, text: &str) -> bool {
        let answer = self.run(text);
        assert_eq!(answer.outcome, Outcome::Ok, "{text}");
        !answer.changes.is_empty()
    }

    fn result(&mut self, text: &str) -> ResultSet {
        let answer = self.run(text);
        match answer.result {
            Some(result) if answer.outcome == Outcome::Ok => result,
            _ => panic!("{text}: {:?}", answer.outcome),
        }
    }

    /// The rows as text: values by `|`, rows by `;`, `?` for what is not known.
    pub(crate) fn rows(&mut self, text: &str) -> String {
        let Some(rows) = self.result(text).rows else {
            return "?".to_owned();
        };
        rows.iter()
            .map(|row| {
                row.iter()
                    .map(|value| match value {
                        Datum::Null => "null".to_owned(),
                        Datum::Unknown => "?".to_owned(),
                        Datum::Fresh => "fresh".to_owned(),
                        other => super::text_of(other).unwrap_or_default(),
                    })
                    .collect::<Vec<_>>()
                    .join("|")
            })
            .collect::<Vec<_>>()
            .join(";")
    }
}

const SCHEMA: &str = "
    CREATE TYPE mood AS ENUM ('sad', 'ok');
    CREATE TABLE package (id serial PRIMARY KEY, name varchar(20) NOT NULL UNIQUE, mood mood);
    CREATE TABLE resource (id int PRIMARY KEY, package_id int REFERENCES package (id), flag boolean DEFAULT false);
    CREATE INDEX ix_resource_package ON resource (package_id);
    CREATE VIEW names AS SELECT name FROM package;
";

fn server() -> Server {
    Server::new(SCHEMA)
}

#[test]
fn information_schema_knows_tables_and_columns() {
    let mut server = server();
    assert_eq!(
        server.rows("SELECT 1 FROM information_schema.tables WHERE table_name = 'package'"),
        "1"
    );
    assert_eq!(
        server.rows("SELECT 1 FROM information_schema.tables WHERE table_name = 'absent'"),
        ""
    );
    assert_eq!(
        server.rows(
            "SELECT column_name, data_type, is_nullable, character_maximum_length
             FROM information_schema.columns WHERE table_name = 'package' ORDER BY ordinal_position"
        ),
        "id|integer|NO|null;name|character varying|NO|20;mood|USER-DEFINED|YES|null"
    );
    assert_eq!(
        server.rows(
            "SELECT EXISTS (SELECT * FROM information_schema.columns WHERE table_schema = current_schema()
             AND table_catalog = current_database() AND table_name = 'resource' AND column_name = 'flag')"
        ),
        "true"
    );
    assert_eq!(
        server.rows(
            "SELECT count(*) > 0 FROM information_schema.views WHERE table_name IN ('names', 'x')"
        ),
        "true"
    );
}

#[test]
fn system_catalogs_join() {
    let mut server = server();
    assert_eq!(
        server.rows(
            "SELECT 1 FROM pg_enum WHERE enumlabel = 'ok'
             AND enumtypid = (SELECT oid FROM pg_type WHERE typname = 'mood')"
        ),
        "1"
    );
    assert_eq!(
        server.rows(
            "SELECT e.enumlabel FROM pg_enum e JOIN pg_type t ON e.enumtypid = t.oid
             WHERE t.typname = 'mood' ORDER BY e.enumsortorder DESC"
        ),
        "ok;sad"
    );
    assert_eq!(
        server.rows(
            "SELECT c.conname FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
             WHERE t.relname = 'package' AND c.contype = 'u' AND array_length(c.conkey, 1) = 1
             AND (SELECT a.attname FROM pg_attribute a
                  WHERE a.attrelid = c.conrelid AND a.attnum = c.conkey[1]) = 'name'"
        ),
        "package_name_key"
    );
    assert_eq!(
        server.rows(
            "SELECT conname FROM pg_constraint WHERE conrelid = 'resource'::regclass
             AND confrelid = 'package'::regclass AND contype = 'f' LIMIT 1"
        ),
        "resource_package_id_fkey"
    );
    assert_eq!(
        server.rows(
            "SELECT t.relname, i.relname, ix.indisunique FROM pg_index ix
             JOIN pg_class i ON i.oid = ix.indexrelid JOIN pg_class t ON t.oid = ix.indrelid
             JOIN pg_namespace n ON n.oid = t.relnamespace
             WHERE n.nspname = 'public' AND t.relname = ANY(ARRAY['resource']) ORDER BY t.relname, i.relname"
        ),
        "resource|ix_resource_package|false;resource|resource_pkey|true"
    );
    assert_eq!(
        server.rows("SELECT conrelid::regclass, pg_get_constraintdef(oid) FROM pg_constraint WHERE contype = 'f'"),
        "resource|FOREIGN KEY (package_id) REFERENCES package(id)"
    );
    assert_eq!(
        server.rows("SELECT indexdef FROM pg_indexes WHERE indexname = 'ix_resource_package'"),
        "CREATE INDEX ix_resource_package ON public.resource USING btree (package_id)"
    );
    assert_eq!(
        server.rows(
            "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass('ix_resource_package')"
        ),
        "true"
    );
    assert_eq!(server.rows("SELECT to_regclass('public.absent')"), "null");
}

#[test]
fn left_joins_and_key_columns() {
    let mut server = server();
    assert_eq!(
        server.rows(
            "SELECT tc.constraint_name, ccu.table_name FROM information_schema.table_constraints AS tc
             JOIN information_schema.key_column_usage AS kcu USING (constraint_schema, constraint_name)
             JOIN information_schema.constraint_column_usage AS ccu
               ON ccu.constraint_name = tc.constraint_name
             WHERE tc.constraint_type = 'FOREIGN KEY' AND tc.table_name = 'resource'
               AND kcu.column_name = 'package_id'"
        ),
        "resource_package_id_fkey|package"
    );
    assert_eq!(
        server.rows(
            "SELECT c.relname, i.indexrelid IS NULL FROM pg_class c
             LEFT JOIN pg_index i ON i.indrelid = c.oid AND i.indisprimary
             WHERE c.relkind IN ('r', 'v') AND c.relnamespace = 'public'::regnamespace ORDER BY 1"
        ),
        "names|true;package|false;resource|false"
    );
}

#[test]
fn an_open_world_knows_only_what_it_heard_of() {
    let mut server = Server::open("CREATE TABLE t (a int)");
    assert_eq!(
        server.rows("SELECT 1 FROM information_schema.tables WHERE table_name = 't'"),
        "1"
    );
    assert_eq!(
        server.rows("SELECT 1 FROM information_schema.tables WHERE table_name = 'u'"),
        "?"
    );
    assert_eq!(
        server.rows(
            "SELECT 1 FROM information_schema.columns WHERE table_name = 't' AND column_name = 'b'"
        ),
        ""
    );
    assert_eq!(server.state("SELECT x FROM u WHERE y = 1"), "ok");
    assert_eq!(server.state("SELECT b FROM t"), "42703");
}

#[test]
fn names_are_checked_on_empty_tables_too() {
    let mut server = server();
    for (text, state) in [
        ("SELECT missing FROM package", "42703"),
        ("SELECT p.missing FROM package p", "42703"),
        ("SELECT q.id FROM package p", "42P01"),
        ("SELECT id FROM absent", "42P01"),
        ("SELECT id FROM package, resource", "42702"),
        ("SELECT 1 FROM information_schema.statistics", "42P01"),
        (
            "SELECT referenced_table_name FROM information_schema.key_column_usage",
            "42703",
        ),
        ("SELECT 1 FROM package WHERE mood = 'great'", "22P02"),
        (
            "SELECT 1 FROM package WHERE mood IN ('ok', 'great')",
            "22P02",
        ),
        ("SELECT 1 FROM package WHERE id = 'x'", "22P02"),
        (
            "SELECT 1 FROM package WHERE mood = ANY(ARRAY['ok'])",
            "42883",
        ),
        (
            "SELECT 1 FROM package WHERE mood = ANY(ARRAY['ok']::mood[])",
            "ok",
        ),
        ("SELECT 1 FROM package WHERE name = 1", "42883"),
        ("SELECT 1 FROM resource WHERE flag = 1", "42883"),
        (
            "SELECT 1 FROM package WHERE table_schema = database()",
            "42703",
        ),
        ("SELECT database()", "42883"),
        ("SELECT uuid_generate_v4()", "42883"),
        ("SELECT gen_random_uuid()", "ok"),
        ("SELECT 'package'::regclass, 'absent'::regclass", "42P01"),
        (
            "SELECT x FROM (SELECT id AS x FROM package) s WHERE s.y = 1",
            "42703",
        ),
        (
            "WITH s AS (SELECT id FROM package) SELECT id FROM s ORDER BY id",
            "ok",
        ),
        (
            "SELECT name, count(*) AS n FROM package GROUP BY name HAVING count(*) > 1 ORDER BY n",
            "ok",
        ),
        (
            "SELECT 1 FROM package p WHERE EXISTS (SELECT 1 FROM resource r WHERE r.package_id = p.id)",
            "ok",
        ),
        (
            "SELECT 1 FROM package p WHERE EXISTS (SELECT 1 FROM resource r WHERE r.package_id = p.ident)",
            "42703",
        ),
    ] {
        assert_eq!(server.state(text), state, "{text}");
    }
}

#[test]
fn rows_of_tables_are_not_known() {
    let mut server = server();
    assert_eq!(server.rows("SELECT id FROM package"), "?");
    assert_eq!(server.rows("SELECT count(*) FROM package"), "?");
    server.run("INSERT INTO package (id, name) VALUES (7, 'x')");
    assert_eq!(server.rows("SELECT id FROM package WHERE name = 'x'"), "7");
    assert_eq!(
        server.rows("SELECT EXISTS (SELECT 1 FROM package WHERE id > 5)"),
        "true"
    );
    assert_eq!(
        server.rows("SELECT EXISTS (SELECT 1 FROM package WHERE id > 8)"),
        "?"
    );
    server.fresh = true;
    assert_eq!(
        server.rows("SELECT EXISTS (SELECT 1 FROM package WHERE id > 8)"),
        "false"
    );
    assert_eq!(
        server.rows("SELECT count(*), max(name) FROM package"),
        "1|x"
    );
}

#[test]
fn values_and_functions() {
    let mut server = server();
    for (text, rows) in [
        (
            "SELECT format('ALTER TABLE %I DROP %s %L', 'T', 'x', 'it''s')",
            "ALTER TABLE \"T\" DROP x 'it''s'",
        ),
        (
            "SELECT 'abc' LIKE 'a%', 'abc' ~ '^b', 'ABC' ILIKE 'abc'",
            "true|false|true",
        ),
        (
            "SELECT NULL AND false, NULL OR true, NOT NULL::boolean",
            "false|true|null",
        ),
        (
            "SELECT coalesce(NULL, 'x'), nullif(1, 1), 'a' || 'b', 7 / 2",
            "x|null|ab|3",
        ),
        ("SELECT CASE WHEN 1 = 2 THEN 'a' ELSE 'b' END", "b"),
        (
            "SELECT 2 = ANY(ARRAY[1, 2]), 3 <> ALL('{1,2}'::int[])",
            "true|true",
        ),
        (
            "SELECT x FROM unnest(ARRAY['b', 'a']) AS x ORDER BY x",
            "a;b",
        ),
        (
            "SELECT unnest(enum_range(NULL::mood))::text, enum_last(NULL::mood)",
            "sad|ok;ok|ok",
        ),
        ("SELECT unnest(enum_range('ok'::mood, NULL))", "ok"),
        (
            "SELECT n FROM (VALUES ('a'), ('b')) v(n) EXCEPT SELECT 'a'",
            "b",
        ),
        ("SELECT generate_series FROM generate_series(1, 3)", "1;2;3"),
        (
            "SELECT now() = '2020-01-01', split_part('a.b', '.', 2), md5('a')",
            "false|b|0cc175b9c0f1b6a831c399e269772661",
        ),
        (
            "SELECT current_setting('server_version_num')::int >= 110000",
            "true",
        ),
        (
            "SELECT extname FROM pg_extension WHERE extname = 'vector'",
            "",
        ),
        (
            "SELECT string_agg(n, ',') FROM (VALUES ('a'), ('b')) v(n)",
            "a,b",
        ),
        (
            "SELECT format_type(atttypid, atttypmod) FROM pg_attribute WHERE attrelid = 'package'::regclass AND attname = 'name'",
            "character varying(20)",
        ),
    ] {
        assert_eq!(server.rows(text), rows, "{text}");
    }
}

#[test]
fn columns_are_named_as_the_server_names_them() {
    let mut server = server();
    let result = server.result(
        "SELECT 1, count(*), 'x'::text, EXISTS (SELECT 1), CASE WHEN true THEN 1 END, lower('A'), id AS i FROM package GROUP BY id",
    );
    let names: Vec<&str> = result.columns.iter().map(SmolStr::as_str).collect();
    assert_eq!(
        names,
        ["?column?", "count", "text", "exists", "case", "lower", "i"]
    );
}

#[test]
fn parameters_are_values() {
    let mut server = server().bind("t", Datum::text("package")).bind(
        "list",
        Datum::Array(vec![Datum::text("name"), Datum::text("zz")].into()),
    );
    assert_eq!(
        server.rows(
            "SELECT column_name FROM information_schema.columns WHERE table_name = :t AND column_name IN :list"
        ),
        "name"
    );
    assert_eq!(
        server.rows("SELECT 1 FROM information_schema.tables WHERE table_name = :unbound"),
        "?"
    );
}

#[test]
fn what_the_server_refuses_before_it_runs_anything() {
    // each asked on PostgreSQL 15, over empty tables
    let mut session = Server::new(
        "CREATE TYPE mood AS ENUM ('sad'); CREATE TYPE other AS ENUM ('sad');
         CREATE TABLE t (i int, b bigint, js json, jb jsonb, ta text[], m mood, n text, d timestamptz, s timestamp);
         CREATE SEQUENCE made",
    )
    .session;
    for (expected, text) in [
        ("42883", "SELECT 1 FROM t WHERE js = '{}'"),
        ("ok", "SELECT 1 FROM t WHERE js IS DISTINCT FROM NULL"),
        ("ok", "SELECT 1 FROM t WHERE jb = '{}'"),
        ("42846", "SELECT b::boolean FROM t"),
        ("42846", "UPDATE t SET jb = ta::jsonb"),
        (
            "42846",
            "ALTER TABLE t ALTER COLUMN m TYPE other USING m::other",
        ),
        ("42846", "CREATE INDEX ON t ((i::uuid))"),
        ("42804", "UPDATE t SET jb = i"),
        ("42804", "UPDATE t SET ta = jb"),
        ("ok", "UPDATE t SET jb = jb || '[1]', n = i || n"),
        (
            "ok",
            "SELECT (s - s)::text, ('2020-01-01'::date - '2020-01-02'::date)::bigint FROM t",
        ),
        ("42P01", "SELECT nextval('missing')"),
        (
            "42P01",
            "ALTER TABLE t ADD z int DEFAULT nextval('missing')",
        ),
        ("ok", "ALTER TABLE t ADD z int DEFAULT nextval('made')"),
        ("22P02", "ALTER TABLE t ADD y text[] DEFAULT '[]'"),
        ("ok", "ALTER TABLE t ADD y text[] DEFAULT '[0:1]={a,b}'"),
        ("42P17", "CREATE INDEX ON t ((d::date))"),
        ("ok", "CREATE INDEX ON t ((s::date))"),
        ("42P17", "CREATE INDEX ON t USING gin (to_tsvector(n))"),
        (
            "ok",
            "CREATE INDEX ON t USING gin (to_tsvector('english', n))",
        ),
        ("42P17", "CREATE INDEX ON t (i) WHERE d > now()"),
        (
            "42P17",
            "ALTER TABLE t ADD g timestamptz GENERATED ALWAYS AS (now()) STORED",
        ),
        ("42601", "DO $$ BEGIN SELECT 1; END $$"),
        ("ok", "ALTER TABLE t ALTER COLUMN ta TYPE varchar(9)[]"),
    ] {
        let answer = session.execute(&read(text), &Parameters::default());
        let outcome = match answer.outcome {
            Outcome::Ok => "ok".to_owned(),
            Outcome::Error(error) => error.sqlstate.code().to_owned(),
            Outcome::Unknown(why) => format!("unknown: {why}"),
        };
        assert_eq!(outcome, expected, "{text}");
    }
}

#[test]
fn a_guard_over_a_large_catalog_finds_its_one_row() {
    let mut setup = String::new();
    for number in 0..400 {
        let table = format!("CREATE TABLE t{number} (id int PRIMARY KEY, a int UNIQUE, b text);");
        setup.push_str(&table);
    }
    let server = Server::new(&setup);
    let statements = read(
        "SELECT 1 FROM pg_constraint c JOIN pg_class t ON t.oid = c.conrelid
         JOIN pg_namespace n ON n.oid = t.relnamespace
         WHERE t.relname = 't300' AND n.nspname = 'public' AND c.conname = 't300_a_key'",
    );
    let Statement::Query(query) = &statements[0] else {
        panic!("not a query")
    };
    let variables = Parameters::default();
    let environment = Environment {
        version: Version(15),
        search_path: &server.session.search_path,
        parameters: &server.parameters,
        variables: &variables,
        fresh: &|_| false,
        enum_use: &|_, _| Ok(()),
        work: &server.session.query_work,
        numbers: &Numbers::default(),
    };
    let answer = select(&server.session.catalog, &environment, query);
    assert_eq!(answer.table.map(|table| table.rows.len()), Ok(1));
}
