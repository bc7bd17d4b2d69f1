"""Answers questions about migrations by asking a server: a line of JSON in, a line of JSON out.

usage: worker.py URL      (a server of its own: databases and roles are made and dropped at will)

Runs in the virtual environment; `pool.py` starts it and asks.
"""

import contextlib
import importlib
import json
import os
import pathlib
import sys
import traceback
import warnings

import psycopg2
import psycopg2.extensions
import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql

import observe
import replay
import rows
import scripts
from catalog import differences, snapshot

warnings.filterwarnings("ignore")
sys.dont_write_bytecode = True
# what `tests/common/` writes where an example has none of its own
STUB = "from alembic import context\n\ncontext.run_migrations()\n"
NO_WAY_BACK = "not part of this example"


class Server:
    """The server's administration."""

    def __init__(self, url):
        self.url = url
        self.connection = psycopg2.connect(url)
        self.connection.autocommit = True
        self.cursor = self.connection.cursor()
        self.roles = self.column("select rolname from pg_roles")

    def column(self, query):
        self.cursor.execute(query)
        return [value for (value,) in self.cursor.fetchall()]

    def drop(self, name):
        self.cursor.execute("select pg_terminate_backend(pid) from pg_stat_activity where datname = %s", (name,))
        self.cursor.execute(f'drop database if exists "{name}"')

    def create(self, name, template="template0"):
        self.drop(name)
        self.cursor.execute(f'create database "{name}" template "{template}"')

    def clean(self, keep=()):
        """Takes away what a question left behind that belongs to no database."""
        for gid, database in self.rows("select gid, database from pg_prepared_xacts"):
            with contextlib.closing(self.connect(database)) as other:
                other.cursor().execute(f"rollback prepared '{gid}'")
        for name in self.column("select datname from pg_database"):
            if name not in ("postgres", "template0", "template1", *keep):
                self.drop(name)
        for name in self.column("select rolname from pg_roles"):
            if name not in self.roles:
                for database in ("postgres", *keep):
                    with contextlib.closing(self.connect(database)) as other:
                        other.cursor().execute(f'drop owned by "{name}" cascade')
                self.cursor.execute(f'drop role "{name}"')

    def rows(self, query):
        self.cursor.execute(query)
        return self.cursor.fetchall()

    def connect(self, database, autocommit=True):
        connection = psycopg2.connect(self.url.rsplit("/", 1)[0] + "/" + database)
        connection.autocommit = autocommit
        return connection


def same_file(left, right):
    return os.path.realpath(left) == os.path.realpath(right)


def example(server, question):
    """What the server does with an example: the four runs of the judged revision, and those that are asked for besides."""
    answer = {"runs": {}}
    server.create("example")
    engine = observe.engine_of(server.url, "example")
    if question["judged"].endswith(".sql"):
        script, config, options, command_options = None, None, {}, {}
        revisions = scripts.project(question["judged"], question["transaction"])
    else:
        config = Config()
        config.set_main_option("script_location", str(pathlib.Path(question["folder"]) / "alembic"))
        try:
            script = ScriptDirectory.from_config(config)
            revisions = replay.ordered(script)
        except Exception as failure:
            return {"alembic": observe.describe(failure)}
        options = {}
        if (pathlib.Path(question["folder"]) / "alembic" / "env.py").read_text() != STUB:
            try:
                options = observe.options_of(script, config, engine)
            except Exception as failure:
                answer["environment"] = observe.describe(failure)
        command_options = dict(options)
        if question["transaction_per_migration"] is not None:
            command_options["transaction_per_migration"] = question["transaction_per_migration"]
        # in the four runs each revision is a command of its own
        for name in ("transaction_per_migration", "version_table", "version_table_schema", "transactional_ddl"):
            options.pop(name, None)
    judged = next((revision for revision in revisions if same_file(revision.path, question["judged"])), None)
    if judged is None:
        return {"alembic": {"class": "NotFound", "state": None, "message": "Alembic does not see the judged revision"}}
    for revision in revisions[: revisions.index(judged)]:
        result, _, _ = observe.run(engine, revision.module, "upgrade", revision.path, options)
        failures = [entry for entry in result["entries"] if entry["state"] and not entry["handled"]]
        if result["raised"] or failures:
            return {**answer, "given": f"{pathlib.Path(revision.path).name} does not apply: {result['raised'] or failures[0]}"}
    path, module, extra = judged.path, judged.module, question["extra"]
    if "rows" in extra:
        server.create("example_rows", "example")
    result, before, after = observe.run(engine, module, "upgrade", path, options)
    answer["runs"]["first"] = {**result, "changed": bool(differences(before, after))}
    downgrade = hasattr(module, "downgrade")
    refuses = NO_WAY_BACK in pathlib.Path(path).read_text()
    if downgrade and not refuses:
        server.create("example_down", "example")
    if "retry" in extra:
        server.create("example_retry", "example")
        plain = observe.engine_of(server.url, "example_retry", isolating=False)
        answer["runs"]["retry"], _, _ = observe.run(plain, module, "upgrade", path, options, isolated=False)
    start = after
    result, _, after = observe.run(engine, module, "upgrade", path, options, changes=True)
    keep_lasting(result, start, after)
    answer["runs"]["rerun"] = result
    if downgrade and not refuses:
        other = observe.engine_of(server.url, "example_down")
        result, _, down = observe.run(other, module, "downgrade", path, options)
        schema = {key: value for key, value in before.items() if key[0] not in ("rows", "values")}
        left = {key: value for key, value in down.items() if key[0] not in ("rows", "values")}
        result["leaves"] = sorted(map(list, left.keys() - schema.keys()))
        result["loses"] = sorted(map(list, schema.keys() - left.keys()))
        result["alters"] = sorted([*key, schema[key], left[key]] for key in schema.keys() & left.keys() if schema[key] != left[key])
        result["changed"] = bool(differences(start, down))
        answer["runs"]["downgrade"] = result
        answer["runs"]["reupgrade"], _, _ = observe.run(other, module, "upgrade", path, options)
    answer["downgrade"] = "absent" if not downgrade else "refuses" if refuses else "present"
    if "rows" in extra:
        answer["runs"].update(on_rows(server, module, path, options, downgrade and not refuses))
    if "command" in extra and script is not None and "environment" not in answer:
        server.create("example_command")
        plain = observe.engine_of(server.url, "example_command", isolating=False)
        for released in question["released"]:
            observe.whole(plain, script, config, command_options, released)
        answer["runs"]["command"] = {"raised": observe.whole(plain, script, config, command_options, question["target"])}
    return answer


def isolated_modules(function, server, question):
    """Modules that a question imports from its own folder are not there for the next."""
    modules, path = set(sys.modules), list(sys.path)
    sys.path.insert(0, str(question["folder"]))
    importlib.invalidate_caches()
    try:
        return function(server, question)
    finally:
        sys.path[:] = path
        for name in [name for name in set(sys.modules) - modules if of_project(sys.modules[name], question["folder"])]:
            del sys.modules[name]


def on_rows(server, module, path, options, downgrade):
    """The runs on a database in use: its tables had rows before the judged revision came."""
    with contextlib.closing(server.connect("example_rows")) as connection:
        rows.fill(connection.cursor())
    engine = observe.engine_of(server.url, "example_rows")
    runs = {}
    runs["rows"], before, start = observe.run(engine, module, "upgrade", path, options)
    if downgrade:
        server.create("example_rows_down", "example_rows")
    runs["rows-rerun"], _, after = observe.run(engine, module, "upgrade", path, options, changes=True)
    keep_lasting(runs["rows-rerun"], start, after)
    if downgrade:
        engine = observe.engine_of(server.url, "example_rows_down")
        runs["rows-downgrade"], _, after = observe.run(engine, module, "downgrade", path, options)
        fewer = [name for (kind, name), count in before.items() if kind == "rows" and after.get((kind, name), 0) < count]
        runs["rows-downgrade"]["fewer"] = sorted(fewer)
    return runs


def keep_lasting(result, before, after):
    """Of what each statement altered, what is altered at the end of the run too."""
    changed = differences(before, after)
    for entry in result["entries"]:
        entry["lasting"] = [list(key) for key in entry["touched"] if tuple(key) in changed]


def of_project(module, folder):
    """Whether the module lies in that folder, or stands for one that may be there the next time."""
    # not by `getattr`: a module may import others when it is asked for an attribute
    known = vars(module)
    # a package without `__init__.py` has no file
    places = [known.get("__file__"), *(known.get("__path__") or ())]
    return isinstance(module, replay.Stub) or any(str(folder) in str(place) for place in places)


def execute(connection, text):
    """`ok`, or the SQLSTATE."""
    try:
        connection.cursor().execute(text)
    except psycopg2.Error as failure:
        return failure.pgcode or type(failure).__name__
    return "ok"


def prepare(server, setup):
    """A template that holds the schema of a table's rows, made once."""
    if getattr(server, "prepared", None) != setup:
        server.clean()
        server.roles = server.column("select rolname from pg_roles")
        server.create("facts")
        with contextlib.closing(server.connect("facts")) as connection:
            connection.cursor().execute(setup)
        server.roles = server.column("select rolname from pg_roles")
        server.prepared = setup
    for name in set(server.roles) - set(server.column("select rolname from pg_roles")):
        server.cursor.execute(f'create role "{name}"')
    server.create("e3", "facts")


def verdict(before, after):
    """The table's word for what a second run changed."""
    keys = differences(before, after)
    keys -= {key for key in keys if key[0] == "values" and ("rows", key[1]) in keys}
    if not keys:
        return "no-op"
    return "sequence-advances-only" if {key[0] for key in keys} == {"sequence"} else "changes"


def statement(server, question):
    """A row of rerun-sql.tsv: the statement twice, and once in a transaction block."""
    prepare(server, question["setup"])
    try:
        with contextlib.closing(server.connect("e3")) as watch, contextlib.closing(server.connect("e3")) as work:
            cursor, executed = watch.cursor(), question["statement"]
            if "e3b" in executed:
                server.create("e3b")
            if question["before"]:
                cursor.execute(question["before"])
            with contextlib.closing(server.connect("e3", autocommit=False)) as block:
                block.cursor().execute("set statement_timeout = '5s'")
                inside = execute(block, executed)
                block.rollback()
            for gid in server.column("select gid from pg_prepared_xacts"):
                cursor.execute(f"rollback prepared '{gid}'")
            work.cursor().execute("set statement_timeout = '10s'")
            first = execute(work, executed)
            if first != "ok":
                return {"verdict": "first-run-fails", "state": first, "inside": inside}
            before = snapshot(cursor, wide=True)
            second = execute(work, executed)
            if second != "ok":
                return {"verdict": "fails", "state": second, "inside": inside}
            after = snapshot(cursor, wide=True)
            return {"verdict": verdict(before, after), "state": "-", "inside": inside, "keys": sorted(differences(before, after))}
    finally:
        with contextlib.suppress(psycopg2.Error), contextlib.closing(server.connect("e3")) as other:
            for name in server.column("select subname from pg_subscription"):
                for action in ("disable", "set (slot_name = none)"):
                    other.cursor().execute(f"alter subscription {name} {action}")
                other.cursor().execute(f"drop subscription {name}")
        server.cursor.execute("alter system reset all")
        server.clean(keep=("facts",))


def operation(server, question):
    """A row of rerun-ops.tsv: the operation in two transactions, one after the other."""
    prepare(server, question["setup"])
    engine = observe.engine_of(server.url, "e3", isolating=False)
    names = {"sa": sa, "postgresql": postgresql, "uuid": __import__("uuid")}

    def once():
        with engine.begin() as connection:
            with Operations.context(MigrationContext.configure(connection)):
                from alembic import op

                exec(compile(question["body"], "row", "exec"), {**names, "op": op})

    def state():
        with contextlib.closing(server.connect("e3")) as watch:
            return snapshot(watch.cursor(), wide=True)

    if question["before"]:
        with contextlib.closing(server.connect("e3")) as connection:
            connection.cursor().execute(question["before"])
    for run in ("first-run-fails", "fails"):
        if run == "fails":
            before = state()
        try:
            once()
        except Exception as failure:
            told = observe.describe(failure)
            return {"verdict": run, "state": told["state"] or told["class"], "message": told["message"]}
    after = state()
    return {"verdict": verdict(before, after), "state": "-", "keys": sorted(differences(before, after))}


def sequence(server, question):
    """A row of sequences.tsv: several driver calls in a row, outside of the driver's own transactions."""
    prepare(server, question["setup"])
    with contextlib.closing(server.connect("e3")) as connection:
        return {"answers": " ".join(execute(connection, step) for step in question["steps"])}


QUESTIONS = {"statement": statement, "operation": operation, "sequence": sequence}


def main():
    server = Server(sys.argv[1])
    # what migrations print goes elsewhere: standard output carries the answers
    answers, sys.stdout = sys.stdout, sys.stderr
    for line in sys.stdin:
        question = json.loads(line)
        try:
            if question["kind"] in ("example", "project"):
                answer = isolated_modules(example if question["kind"] == "example" else replay.project, server, question)
                server.clean()
            else:
                answer = QUESTIONS[question["kind"]](server, question)
        except Exception as failure:
            answer = {"broken": f"{type(failure).__name__}: {failure}", "traceback": traceback.format_exc()}
        answers.write(json.dumps(answer, default=str) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
