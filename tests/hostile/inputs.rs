//! The inputs: a name, what makes the project, and what the answer must say.

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use crate::common::{write, write_project};

/// A hostile project.
pub(crate) struct Input {
    /// What it is.
    pub(crate) name: &'static str,
    /// Makes it; the costliest are smaller by this factor where nothing is measured.
    pub(crate) write: fn(&Path, usize),
    /// Words of the answer.
    pub(crate) says: &'static str,
}

/// The file with the revision that most inputs are.
const REVISION: &str = "alembic/versions/a.py";

/// A revision with this body of `upgrade()`, and behind it a table without a guard: is it seen?
fn python(folder: &Path, body: &str) {
    write_project(folder);
    let mut text =
        "import copy, itertools, json, os, re\nfrom alembic import op\nimport sqlalchemy as sa\n\n\
                    revision = 'a'\ndown_revision = None\n\n\ndef upgrade():\n"
            .to_owned();
    for line in body.lines() {
        let _ = writeln!(text, "    {line}");
    }
    text.push_str(
        "    op.create_table('seen', sa.Column('id', sa.Integer))\n\n\n\
         def downgrade():\n    op.drop_table('seen', if_exists=True)\n",
    );
    write(folder, REVISION, &text);
}

/// A SQL file, and behind it a table without a guard: is it seen?
fn sql(folder: &Path, text: &str) {
    write(
        folder,
        "migrations/001.sql",
        &format!(
            "{text};\nCREATE TABLE seen (id int);\nCREATE INDEX CONCURRENTLY i ON seen (id);\n"
        ),
    );
    write(folder, "foreshot.toml", "rerunnable = true\n");
}

fn nested(deep: usize) -> String {
    format!("{}1{}", "(".repeat(deep), ")".repeat(deep))
}

fn lines(count: usize, line: impl Fn(usize) -> String) -> String {
    let mut out = String::new();
    for number in 0..count {
        out += &line(number);
        out.push('\n');
    }
    out
}

#[cfg(unix)]
fn link(target: impl AsRef<Path>, at: impl AsRef<Path>) {
    std::os::unix::fs::symlink(target, at).expect("a link");
}

#[cfg(not(unix))]
fn link(_: impl AsRef<Path>, _: impl AsRef<Path>) {}

/// What is behind the hostile part is judged.
const SEEN: &str = "seen";
/// A bound was met, and it is said.
const LIMIT: &str = "limit-reached";
/// What is behind it is judged or not: there is an answer.
const ANY: &str = "";

const fn input(name: &'static str, says: &'static str, write: fn(&Path, usize)) -> Input {
    Input { name, write, says }
}

/// All of them.
pub(crate) const INPUTS: &[Input] = &[
    // nesting
    input("10,000 nested parentheses in Python", SEEN, |folder, _| {
        python(folder, &format!("x = {}", nested(10_000)));
    }),
    input("10,000 nested calls in Python", LIMIT, |folder, _| {
        python(
            folder,
            &format!("x = {}1{}", "str(".repeat(10_000), ")".repeat(10_000)),
        );
    }),
    input("100,000 brackets that stay open", LIMIT, |folder, _| {
        python(folder, &format!("x = {}", "[".repeat(100_000)));
    }),
    input("10,000 `not` in Python", LIMIT, |folder, _| {
        python(folder, &format!("x = {}True", "not ".repeat(10_000)));
    }),
    input("10,000 terms of a sum in Python", ANY, |folder, _| {
        python(folder, &format!("x = {}1", "1 + ".repeat(10_000)));
    }),
    input("10,000 attributes in a row", ANY, |folder, _| {
        python(folder, &format!("x = op{}", ".a".repeat(10_000)));
    }),
    input("300 nested blocks in Python", ANY, |folder, _| {
        python(
            folder,
            &lines(300, |deep| format!("{}if x:", " ".repeat(deep))),
        );
    }),
    input("10,000 `elif`", ANY, |folder, _| {
        python(
            folder,
            &format!(
                "x = 0\nif x == 1:\n    pass\n{}",
                lines(10_000, |number| format!("elif x == {number}:\n    pass"))
            ),
        );
    }),
    input("10,000 nested parentheses in SQL", LIMIT, |folder, _| {
        sql(folder, &format!("SELECT {}", nested(10_000)));
    }),
    input(
        "10,000 nested parentheses in SQL in Python",
        LIMIT,
        |folder, _| python(folder, &format!("op.execute('SELECT {}')", nested(10_000))),
    ),
    input("1,000,000 nested parentheses in SQL", LIMIT, |folder, _| {
        sql(folder, &format!("SELECT {}", nested(1_000_000)));
    }),
    input("10,000 nested sub-selects", LIMIT, |folder, _| {
        sql(
            folder,
            &format!(
                "{}SELECT 1{}",
                "SELECT * FROM (".repeat(10_000),
                ") x".repeat(10_000)
            ),
        );
    }),
    input("10,000 nested CASE", LIMIT, |folder, _| {
        sql(
            folder,
            &format!(
                "SELECT {}1{}",
                "CASE WHEN true THEN ".repeat(10_000),
                " END".repeat(10_000)
            ),
        );
    }),
    input("10,000 NOT in SQL", LIMIT, |folder, _| {
        sql(folder, &format!("SELECT {}true", "NOT ".repeat(10_000)));
    }),
    input("10,000 terms of a sum in SQL", ANY, |folder, _| {
        sql(folder, &format!("SELECT {}1", "1 + ".repeat(10_000)));
    }),
    input("10,000 arms of UNION ALL", ANY, |folder, _| {
        sql(
            folder,
            &format!("SELECT 1{}", " UNION ALL SELECT 1".repeat(10_000)),
        );
    }),
    input("10,000 nested blocks of a DO", ANY, |folder, _| {
        sql(
            folder,
            &format!(
                "DO $$ {} NULL; {} $$",
                "BEGIN ".repeat(10_000),
                "END; ".repeat(10_000)
            ),
        );
    }),
    input("DO in EXECUTE in DO, 30 deep", ANY, |folder, _| {
        let mut block = "CREATE TABLE IF NOT EXISTS t (a int);".to_owned();
        for deep in 0..30 {
            block =
                format!("DO $a{deep}$ BEGIN EXECUTE $b{deep}$ {block} $b{deep}$; END $a{deep}$;");
        }
        sql(folder, &block);
    }),
    input("a function that calls itself", ANY, |folder, _| {
        sql(
            folder,
            "CREATE OR REPLACE FUNCTION f(n int) RETURNS int LANGUAGE plpgsql AS $$ BEGIN RETURN f(n + 1); END $$;\nSELECT f(1);\nDO $$ BEGIN PERFORM f(1); END $$",
        );
    }),
    input("a trigger that fires itself", ANY, |folder, _| {
        sql(
            folder,
            "CREATE TABLE IF NOT EXISTS t (a int);\nCREATE OR REPLACE FUNCTION g() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN INSERT INTO t VALUES (1); RETURN NEW; END $$;\nCREATE OR REPLACE TRIGGER r AFTER INSERT ON t FOR EACH ROW EXECUTE FUNCTION g();\nINSERT INTO t VALUES (1)",
        );
    }),
    // length
    input("a line of 100 MB in Python", LIMIT, |folder, _| {
        python(folder, &format!("x = '{}'", "x".repeat(100_000_000)));
    }),
    input("a line of 100 MB in SQL", LIMIT, |folder, _| {
        sql(folder, &format!("SELECT '{}'", "x".repeat(100_000_000)));
    }),
    input(
        "a comment as long as a file may be",
        ANY,
        |folder, scale| python(folder, &format!("# {}", "x".repeat(16_700_000 / scale))),
    ),
    input(
        "a text as long as a file may be, in Python",
        ANY,
        |folder, scale| python(folder, &format!("x = '{}'", "x".repeat(16_700_000 / scale))),
    ),
    input(
        "a text as long as a file may be, in SQL",
        ANY,
        |folder, scale| {
            sql(
                folder,
                &format!("SELECT '{}'", "x".repeat(16_700_000 / scale)),
            );
        },
    ),
    input(
        "a file as long as may be, all signs",
        ANY,
        |folder, scale| {
            python(
                folder,
                &format!("x = [{}]", "1,".repeat(8_000_000 / scale / scale)),
            );
        },
    ),
    input(
        "a SQL statement as long as may be, all signs",
        ANY,
        |folder, scale| {
            sql(
                folder,
                &format!("SELECT {}1", "1,".repeat(8_000_000 / scale)),
            );
        },
    ),
    input("100,000 statements in Python", SEEN, |folder, scale| {
        python(
            folder,
            &lines(99_000 / scale, |number| {
                format!("op.execute('SELECT {number}')")
            }),
        );
    }),
    input("100,000 statements in SQL", SEEN, |folder, scale| {
        sql(
            folder,
            &lines(99_000 / scale, |number| format!("SELECT {number};")),
        );
    }),
    input("100,000 tables in SQL", SEEN, |folder, scale| {
        sql(
            folder,
            &lines(99_000 / scale, |number| {
                format!("CREATE TABLE IF NOT EXISTS t{number} (a int);")
            }),
        );
    }),
    input(
        "100,000 rows of a dump, one a statement",
        SEEN,
        |folder, scale| {
            let row = |number| format!("INSERT INTO t VALUES ({number}, 'n{number}');");
            // with the table and what is seen behind them no more than the bound on statements
            let rows = lines(99_990 / scale, row);
            sql(
                folder,
                &format!("CREATE TABLE t (id int PRIMARY KEY, n text);\n{rows}"),
            );
        },
    ),
    input(
        "20,000 changes to rows, each by its key",
        SEEN,
        |folder, scale| {
            let row = |number| {
                format!("INSERT INTO t VALUES ({number}, 0) ON CONFLICT (id) DO UPDATE SET n = 1;")
            };
            let change = |number| match number % 2 {
                0 => format!("UPDATE t SET n = {number} WHERE id = {};", number % 2_000),
                _ => row(number % 2_000),
            };
            let all = lines(2_000 / scale, row) + &lines(20_000 / scale, change);
            sql(
                folder,
                &format!("CREATE TABLE t (id int PRIMARY KEY, n int);\n{all}"),
            );
        },
    ),
    input("300,000 statements in SQL", LIMIT, |folder, scale| {
        sql(
            folder,
            &lines(300_000 / scale, |number| format!("SELECT {number};")),
        );
        let bound = format!("limits.statements = {}\n", 100_000 / scale);
        write(folder, "foreshot.toml", &bound);
    }),
    input(
        "300,000 statements of a loop in Python",
        LIMIT,
        |folder, scale| {
            python(
                folder,
                "for a in range(300):\n    for b in range(1000):\n        op.execute(f'SELECT {a}, {b}')",
            );
            let bound = format!("limits.statements = {}\n", 100_000 / scale);
            write(folder, "foreshot.toml", &bound);
        },
    ),
    input("a statement of 1,000,000 tokens", LIMIT, |folder, _| {
        sql(folder, &format!("SELECT {}1", "1, ".repeat(1_000_000)));
    }),
    input("an INSERT of 19,000 rows", SEEN, |folder, _| {
        sql(
            folder,
            &format!(
                "CREATE TABLE IF NOT EXISTS t (a int PRIMARY KEY, b text);\nINSERT INTO t VALUES {} ON CONFLICT DO NOTHING",
                lines(19_000, |number| format!("({number}, 'x'),"))
                    .trim_end()
                    .trim_end_matches(',')
            ),
        );
    }),
    input("20,000 tables in Python", SEEN, |folder, scale| {
        python(
            folder,
            &lines(20_000 / scale, |number| {
                format!(
                    "op.create_table('t{number}', sa.Column('id', sa.Integer, primary_key=True), if_not_exists=True)"
                )
            }),
        );
    }),
    input("a table of 20,000 columns", SEEN, |folder, _| {
        sql(
            folder,
            &format!(
                "CREATE TABLE IF NOT EXISTS t ({} z int)",
                lines(20_000, |number| format!("c{number} int,"))
            ),
        );
    }),
    input("an enum of 50,000 labels", ANY, |folder, _| {
        sql(
            folder,
            &format!(
                "CREATE TYPE e AS ENUM ({} 'z')",
                lines(50_000, |number| format!("'l{number}',"))
            ),
        );
    }),
    input("20,000 columns added one by one", SEEN, |folder, scale| {
        sql(
            folder,
            &format!(
                "CREATE TABLE IF NOT EXISTS t (id int);\n{}",
                lines(20_000 / scale, |number| format!(
                    "ALTER TABLE t ADD COLUMN IF NOT EXISTS c{number} int;"
                ))
            ),
        );
    }),
    input("5,000 foreign keys in a row", SEEN, |folder, scale| {
        sql(
            folder,
            &format!(
                "CREATE TABLE IF NOT EXISTS t0 (id int PRIMARY KEY);\n{}",
                lines(5_000 / scale, |number| format!(
                    "CREATE TABLE IF NOT EXISTS t{} (id int PRIMARY KEY REFERENCES t{number} ON DELETE CASCADE);",
                    number + 1
                ))
            ),
        );
    }),
    input("an identifier of 1 MB", ANY, |folder, _| {
        python(
            folder,
            &format!(
                "op.create_table('{}', sa.Column('id', sa.Integer))",
                "n".repeat(1_000_000)
            ),
        );
    }),
    input("a revision id of 1 MB", ANY, |folder, _| {
        write_project(folder);
        write(
            folder,
            REVISION,
            &format!(
                "from alembic import op\nrevision = '{}'\ndown_revision = 'gone'\n\n\ndef upgrade():\n    op.drop_table('t')\n",
                "r".repeat(1_000_000)
            ),
        );
    }),
    input(
        "100,000 comments that accept findings",
        ANY,
        |folder, scale| {
            python(
                folder,
                &lines(100_000 / scale, |number| {
                    format!("pass  # foreshot: ignore[missing-guard] because {number}")
                }),
            );
        },
    ),
    // time
    input("`while True` in Python", LIMIT, |folder, _| {
        python(folder, "while True:\n    pass");
    }),
    input("`while True` with work", LIMIT, |folder, _| {
        python(folder, "while True:\n    op.execute('SELECT 1')");
    }),
    input(
        "calls of one place that fail in each run",
        ANY,
        |folder, scale| {
            let turns = 100_000 / scale;
            python(
                folder,
                &format!(
                    "for i in range({turns}):\n    with op.batch_alter_table('t', schema='none') as b:\n        b.create_index('i', ['c'])"
                ),
            );
        },
    ),
    input(
        "names that the server numbers, thousands of a kind",
        ANY,
        |folder, scale| {
            let turns = 20_000 / scale;
            python(
                folder,
                &format!(
                    "op.execute('CREATE TABLE numbered (c int)')\nfor i in range({turns}):\n    \
                     op.create_check_constraint(None, 'numbered', 'c > 0')\n    op.execute('CREATE INDEX ON numbered (c)')"
                ),
            );
        },
    ),
    input("nested loops of 10^12 turns", LIMIT, |folder, _| {
        python(
            folder,
            "for a in range(10000):\n    for b in range(10000):\n        for c in range(10000):\n            x = a + b + c",
        );
    }),
    input("an endless generator", LIMIT, |folder, _| {
        python(
            folder,
            "def endless():\n    while True:\n        yield 1\nx = list(endless())",
        );
    }),
    input(
        "a condition that is not known, at each of many lines, and a raise",
        ANY,
        |folder, scale| {
            let asks = lines(20_000 / scale, |number| {
                format!("if os.environ.get('A{number}'):\n    x = {number}")
            });
            python(folder, &format!("import os\n{asks}\nraise ValueError(x)"));
        },
    ),
    input("`itertools.count()`", ANY, |folder, _| {
        python(folder, "for x in itertools.count():\n    pass");
    }),
    input("mutual recursion", LIMIT, |folder, _| {
        python(
            folder,
            "def f(n):\n    return g(n)\ndef g(n):\n    return f(n)\nf(1)",
        );
    }),
    input("exponential recursion", LIMIT, |folder, _| {
        python(
            folder,
            "def f(n):\n    return f(n - 1) + f(n - 1) if n else 1\nf(100)",
        );
    }),
    input("LOOP without an end in PL/pgSQL", LIMIT, |folder, _| {
        sql(folder, "DO $$ BEGIN LOOP NULL; END LOOP; END $$");
    }),
    input("WHILE with work in PL/pgSQL", LIMIT, |folder, _| {
        sql(
            folder,
            "CREATE TABLE IF NOT EXISTS t (a int);\nDO $$ BEGIN WHILE true LOOP INSERT INTO t VALUES (1); END LOOP; END $$",
        );
    }),
    input("a FOR of 10^9 turns in PL/pgSQL", LIMIT, |folder, _| {
        sql(
            folder,
            "DO $$ BEGIN FOR i IN 1..1000000000 LOOP NULL; END LOOP; END $$",
        );
    }),
    input(
        "conditions that are not known, 1,000 in a row",
        ANY,
        |folder, _| {
            python(
                folder,
                &lines(1_000, |number| {
                    format!("if os.environ.get('X{number}'):\n    op.execute('SELECT {number}')")
                }),
            );
        },
    ),
    input("conditions on rows, nested loops", ANY, |folder, _| {
        python(
            folder,
            "for row in op.get_bind().execute(sa.text('select 1 from gone')):\n    for other in row:\n        while other.more():\n            if other.x:\n                op.execute(f'DELETE FROM t WHERE a = {other.x}')",
        );
    }),
    input("a pattern that backtracks without end", ANY, |folder, _| {
        python(
            folder,
            "re.match(r'(a+)+$', 'a' * 5000 + 'b')\nre.sub(r'(x+x+)+y', '', 'x' * 5000)",
        );
    }),
    input("a pattern that is large", ANY, |folder, _| {
        python(folder, "re.match(r'((a{1000}){1000}){1000}', 'a' * 1000)");
    }),
    input("a pattern that backtracks, in SQL", ANY, |folder, _| {
        sql(
            folder,
            "SELECT repeat('a', 5000) || 'b' ~ '^(a+)+$', regexp_replace(repeat('x', 5000), '(x+x+)+y', '')",
        );
    }),
    input(
        "views that read the one before twice, 60",
        ANY,
        |folder, _| {
            sql(
                folder,
                &format!(
                    "CREATE OR REPLACE VIEW v0 AS SELECT 1 AS a;\n{}SELECT count(*) FROM v60",
                    lines(60, |number| format!(
                        "CREATE OR REPLACE VIEW v{} AS SELECT x.a FROM v{number} x, v{number} y;",
                        number + 1
                    ))
                ),
            );
        },
    ),
    input(
        "WITH that reads the one before twice, 60",
        ANY,
        |folder, _| {
            sql(
                folder,
                &format!(
                    "WITH c0 AS (SELECT 1 AS a){} SELECT count(*) FROM c60",
                    lines(60, |number| format!(
                        ", c{} AS (SELECT x.a FROM c{number} x, c{number} y)",
                        number + 1
                    ))
                    .replace('\n', " ")
                ),
            );
        },
    ),
    input("a recursive WITH without an end", ANY, |folder, _| {
        sql(
            folder,
            "WITH RECURSIVE r(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM r) SELECT count(*) FROM r",
        );
    }),
    input(
        "a join of 2,000 rows with themselves, four times",
        ANY,
        |folder, _| {
            sql(
                folder,
                &format!(
                    "CREATE TABLE IF NOT EXISTS t (a int);\nINSERT INTO t VALUES {};\nSELECT count(*) FROM t a, t b, t c, t d",
                    lines(2_000, |number| format!("({number}),"))
                        .trim_end()
                        .trim_end_matches(',')
                ),
            );
        },
    ),
    input("generate_series of 10^12", ANY, |folder, _| {
        sql(
            folder,
            "CREATE TABLE IF NOT EXISTS t (a bigint);\nINSERT INTO t SELECT generate_series(1, 1000000000000);\nINSERT INTO t SELECT * FROM generate_series(1, 1000000000000)",
        );
    }),
    // memory
    input("a text that doubles", ANY, |folder, _| {
        python(folder, "s = 'x'\nfor i in range(200):\n    s = s + s");
    }),
    input("a text that grows in place", ANY, |folder, _| {
        python(folder, "s = 'x'\nwhile len(s) < 10 ** 12:\n    s += s");
    }),
    input("a list that doubles", ANY, |folder, _| {
        python(folder, "s = [1]\nfor i in range(200):\n    s = s + s");
    }),
    input("a list that extends itself", ANY, |folder, _| {
        python(folder, "s = [1]\nfor i in range(200):\n    s.extend(s)");
    }),
    input(
        "a list of itself twice, 60 deep, printed",
        ANY,
        |folder, _| {
            python(
                folder,
                "s = [1]\nfor i in range(60):\n    s = [s, s]\nx = str(s)\ny = s == copy.deepcopy(s)\nz = json.dumps(s)",
            );
        },
    ),
    input(
        "a list that holds itself, printed and compared",
        ANY,
        |folder, _| {
            python(
                folder,
                "s = []\ns.append(s)\nx = str(s)\ny = s == [s]\nd = {}\nd['d'] = d\nz = f'{d}'",
            );
        },
    ),
    input("`'x' * 10**12`", ANY, |folder, _| {
        python(
            folder,
            "s = 'x' * 10 ** 12\nt = [0] * 10 ** 12\nb = bytes(10 ** 12)\nu = (1, 2) * 10 ** 9",
        );
    }),
    input("a width of 10^12", ANY, |folder, _| {
        python(
            folder,
            "a = f'{1:1000000000000}'\nb = '%1000000000d' % 1\nc = 'x'.ljust(10 ** 12)\nd = '{:>9999999999}'.format(1)\ne = '0'.zfill(10 ** 11)",
        );
    }),
    input("numbers without an end", ANY, |folder, _| {
        python(
            folder,
            "a = 9 ** 9 ** 9\nb = 2 ** 10 ** 9\nc = 1 << 10 ** 12\nd = -(2 ** 63)\ne = abs(-2 ** 63) * 2 ** 63\nf = -2 ** 63 // -1\ng = -2 ** 63 % -1",
        );
    }),
    input("`list(range(10**18))`", ANY, |folder, _| {
        python(
            folder,
            "x = list(range(10 ** 18))\ny = sum(range(10 ** 15))\nz = [i for i in range(10 ** 10)]",
        );
    }),
    input("a text that replaces itself", ANY, |folder, _| {
        python(
            folder,
            "s = 'aa'\nfor i in range(100):\n    s = s.replace('a', 'aa')\nt = 'x'.join([s] * 100000)",
        );
    }),
    input("combinations of much", ANY, |folder, _| {
        python(
            folder,
            "a = list(itertools.combinations(range(100), 50))\nb = list(itertools.product(range(1000), repeat=8))\nc = list(itertools.permutations(range(30)))",
        );
    }),
    input("100,000 keys, each a large text", ANY, |folder, _| {
        python(
            folder,
            "d = {}\nfor i in range(19000):\n    d[i] = 'x' * 60000 + str(i)",
        );
    }),
    input("a text of 10^9 in SQL", ANY, |folder, _| {
        sql(
            folder,
            "SELECT repeat('x', 1000000000), lpad('x', 1000000000), rpad('x', 1000000000, 'ab'), format('%1000000000s', 'x'), array_fill(1, ARRAY[100000000]), string_to_array(repeat('a,', 100000000), ',')",
        );
    }),
    input("a text that doubles in PL/pgSQL", ANY, |folder, _| {
        sql(
            folder,
            "DO $$ DECLARE s text := 'x'; a int[] := ARRAY[1]; BEGIN FOR i IN 1..100 LOOP s := s || s; a := a || a; END LOOP; END $$",
        );
    }),
    input(
        "an array that holds itself twice in PL/pgSQL",
        ANY,
        |folder, _| {
            sql(
                folder,
                "CREATE TABLE IF NOT EXISTS t (a text);\nDO $$ DECLARE s text := 'a'; a text[] := ARRAY['x']; BEGIN FOR i IN 1..100 LOOP a := ARRAY[a, a]; s := replace(s, 'a', 'aa'); INSERT INTO t VALUES (array_to_string(a, ',') || s || i); END LOOP; END $$",
            );
        },
    ),
    input("numbers without an end in SQL", ANY, |folder, _| {
        sql(
            folder,
            "SELECT 9 ^ 9 ^ 9, 10::numeric ^ 100000, factorial(100000), 1e400000, 9223372036854775807 + 1, -9223372036854775808 / -1, '1'::bit(1000000000)",
        );
    }),
    input(
        "an expression that shares its parts: `a = a & a`, 60 times",
        ANY,
        |folder, _| {
            python(
                folder,
                "t = sa.table('t', sa.column('c'))\na = t.c.c == 1\nfor i in range(60):\n    a = a & a\nop.execute(sa.delete(t).where(a))\nop.create_check_constraint('k', 't', a)",
            );
        },
    ),
    input(
        "a statement that shares its parts: `union(a, a)`, 60 times",
        ANY,
        |folder, _| {
            python(
                folder,
                "a = sa.select(sa.literal(1))\nfor i in range(60):\n    a = sa.select(sa.union_all(a, a).subquery())\nop.execute(a)",
            );
        },
    ),
    input("a text of SQL that shares its parts", ANY, |folder, _| {
        python(
            folder,
            "a = 'SELECT 1'\nfor i in range(14):\n    a = f'SELECT * FROM ({a}) x{i}, ({a}) y{i}'\nop.execute(a)",
        );
    }),
    // files
    input(
        "a FIFO, a folder, a loop of links, each named like a revision",
        SEEN,
        |folder, _| {
            python(folder, "pass");
            let versions = folder.join("alembic/versions");
            fs::create_dir(versions.join("folder.py")).expect("a folder");
            link("loop.py", versions.join("loop.py"));
            link("two.py", versions.join("one.py"));
            link("one.py", versions.join("two.py"));
            link("nothing.py", versions.join("nowhere.py"));
            link("..", versions.join("above"));
            link("/dev/zero", versions.join("zero.py"));
            let made = std::process::Command::new("mkfifo")
                .arg(versions.join("fifo.py"))
                .status();
            assert!(made.is_ok() || cfg!(not(unix)));
        },
    ),
    input(
        "a FIFO where alembic.ini and env.py should be",
        ANY,
        |folder, _| {
            python(folder, "pass");
            for name in ["alembic.ini", "alembic/env.py", "foreshot.toml"] {
                let _ = fs::remove_file(folder.join(name));
                let _ = std::process::Command::new("mkfifo")
                    .arg(folder.join(name))
                    .status();
            }
        },
    ),
    input("a chain of 100,000 revisions", ANY, |folder, scale| {
        write_project(folder);
        for number in 0..100_000 / scale {
            let parent = if number == 0 {
                "None".to_owned()
            } else {
                format!("'r{}'", number - 1)
            };
            let text = format!(
                "revision = 'r{number}'\ndown_revision = {parent}\n\n\ndef upgrade():\n    pass\n\n\ndef downgrade():\n    \"\"\"Nothing.\"\"\"\n"
            );
            fs::write(folder.join(format!("alembic/versions/r{number}.py")), text)
                .expect("a revision");
        }
    }),
    input(
        "a circle of 10,000 revisions",
        "revision-cycle",
        |folder, scale| {
            write_project(folder);
            let count = 10_000 / scale;
            for number in 0..count {
                let text = format!(
                    "revision = 'r{number}'\ndown_revision = 'r{}'\n\n\ndef upgrade():\n    pass\n",
                    (number + 1) % count
                );
                fs::write(folder.join(format!("alembic/versions/r{number}.py")), text)
                    .expect("a revision");
            }
        },
    ),
    input("a revision with 10,000 parents", ANY, |folder, _| {
        write_project(folder);
        write(
            folder,
            REVISION,
            &format!(
                "revision = 'a'\ndown_revision = ({})\n\n\ndef upgrade():\n    pass\n",
                lines(10_000, |number| format!("'p{number}',"))
            ),
        );
    }),
    input("modules that import each other", LIMIT, |folder, _| {
        python(
            folder,
            "from one import *\nimport two, one.three\nx = helper()",
        );
        write(folder, "one.py", "from two import *\nimport one\n");
        write(
            folder,
            "two.py",
            "from one import *\nfrom two import two\ndef helper():\n    from one import helper\n    return helper()\n",
        );
    }),
    input(
        "5,000 modules, each imports the next",
        ANY,
        |folder, scale| {
            python(folder, "import m0");
            for number in 0..5_000 / scale {
                write(
                    folder,
                    &format!("m{number}.py"),
                    &format!("from m{} import *\n", number + 1),
                );
            }
        },
    ),
    input(
        "a class that is its own base, and one with 5,000",
        ANY,
        |folder, _| {
            python(
                folder,
                &format!(
                    "class A(A):\n    pass\nclass B0:\n    pass\n{}B4999()",
                    lines(5_000, |number| format!(
                        "class B{}(B{number}):\n    pass",
                        number + 1
                    ))
                ),
            );
        },
    ),
    input("an attribute that asks for itself", ANY, |folder, _| {
        python(
            folder,
            "class A:\n    def __getattr__(self, name):\n        return getattr(self, name + 'x')\n    @property\n    def p(self):\n        return self.p\n    def __eq__(self, other):\n        return self == other\n    def __str__(self):\n        return str(self)\n    def __iter__(self):\n        return iter(self)\n    def __bool__(self):\n        return bool(self)\na = A()\na.b\na.p\na == a\nstr(a)\nlist(a)\nbool(a)",
        );
    }),
    input(
        "NUL, lone surrogates, bytes that are no UTF-8",
        ANY,
        |folder, _| {
            python(folder, "pass");
            let path = folder.join(REVISION);
            let mut bytes = fs::read(&path).expect("the revision");
            bytes.extend_from_slice(b"\n\x00x = '\xED\xA0\x80\xFF\xFE'\n\x00\x00\r\r\n\x0C\x1A");
            fs::write(path, bytes).expect("written");
        },
    ),
    // configuration
    input(
        "foreshot.toml, nested 100,000 deep",
        "foreshot.toml",
        |folder, _| {
            python(folder, "pass");
            write(
                folder,
                "foreshot.toml",
                &format!("select = {}{}\n", "[".repeat(100_000), "]".repeat(100_000)),
            );
        },
    ),
    input(
        "foreshot.toml, tables 100,000 deep",
        "foreshot.toml",
        |folder, _| {
            python(folder, "pass");
            write(
                folder,
                "foreshot.toml",
                &format!(
                    "{} = {}1{}\n",
                    vec!["a"; 50_000].join("."),
                    "{a=".repeat(50_000),
                    "}".repeat(50_000)
                ),
            );
        },
    ),
    input("foreshot.toml of 60 MB", ANY, |folder, scale| {
        python(folder, "pass");
        write(
            folder,
            "foreshot.toml",
            &lines(2_000_000 / scale, |number| {
                format!("# a comment, line {number}")
            }),
        );
    }),
    input("a circle of `extend`", "extend", |folder, _| {
        python(folder, "pass");
        write(folder, "foreshot.toml", "extend = 'a.toml'\n");
        write(folder, "a.toml", "extend = 'b.toml'\n");
        write(folder, "b.toml", "extend = 'a.toml'\n");
    }),
    input("10,000 files that `extend` each other", ANY, |folder, _| {
        python(folder, "pass");
        write(folder, "foreshot.toml", "extend = 'c0.toml'\n");
        for number in 0..10_000 {
            fs::write(
                folder.join(format!("c{number}.toml")),
                format!("extend = 'c{}.toml'\n", number + 1),
            )
            .expect("written");
        }
        fs::write(folder.join("c10000.toml"), "").expect("written");
    }),
    input(
        "alembic.ini whose values double, 60 times",
        ANY,
        |folder, _| {
            python(folder, "pass");
            write(
                folder,
                "alembic.ini",
                &format!(
                    "[alembic]\na0 = xxxxxxxx\n{}script_location = %(a60)s\nsqlalchemy.url = %(a60)s\nversion_locations = %(a60)s\n",
                    lines(60, |number| format!(
                        "a{} = %(a{number})s%(a{number})s",
                        number + 1
                    ))
                ),
            );
        },
    ),
    input("alembic.ini of 60 MB", ANY, |folder, scale| {
        python(folder, "pass");
        write(
            folder,
            "alembic.ini",
            &format!(
                "[alembic]\nscript_location = alembic\n{}",
                lines(2_000_000 / scale, |number| format!(
                    "key{number} = value of {number}"
                ))
            ),
        );
    }),
    input("alembic.ini, one value of 10 MB", ANY, |folder, _| {
        python(folder, "pass");
        write(
            folder,
            "alembic.ini",
            &format!(
                "[alembic]\nscript_location = alembic\nversion_locations = alembic/versions {}\n",
                "a b ".repeat(2_500_000)
            ),
        );
    }),
    input("JSON in Python, 100,000 deep", ANY, |folder, _| {
        python(
            folder,
            "x = json.loads('[' * 100000 + ']' * 100000)\ny = json.loads('{\"a\":' * 100000)",
        );
    }),
    input(
        "a default of JSON, 100,000 deep, in SQL",
        ANY,
        |folder, _| {
            sql(
                folder,
                &format!(
                    "CREATE TABLE IF NOT EXISTS t (a jsonb DEFAULT '{}{}')",
                    "[".repeat(100_000),
                    "]".repeat(100_000)
                ),
            );
        },
    ),
    input(
        "a baseline of JSON, 100,000 deep",
        "baseline",
        |folder, _| {
            python(folder, "pass");
            write(folder, "foreshot.toml", "baseline = 'b.json'\n");
            write(folder, "b.json", &"[".repeat(100_000));
        },
    ),
];
