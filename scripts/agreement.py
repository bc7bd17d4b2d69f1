#!/usr/bin/env python3
"""Checks that every example of the rule pages is true on a real PostgreSQL.

usage: agreement.py --dsn postgresql://postgres@127.0.0.1:5432/postgres [--only TEXT] [--verbose] [--write] [PAGE...]

Each example becomes a project on disk (the same way as in tests/rules.rs), and its last revision is run by Alembic's own
operations on a database of its own: upgrade, upgrade again, downgrade. Each statement has a savepoint, so that one failure hides no
other. What the page claims is then compared with what the server did:

  missing-guard               flagged: a statement other than an INSERT fails on the second run, or leaves the catalog different
  non-idempotent-insert       flagged: an INSERT fails on the second run, or leaves more rows
  enum-value-in-transaction   flagged: a statement of the first run fails with 55P04 or 25001
  missing-downgrade           flagged: the upgrade changes something, and the downgrade is missing or changes nothing

Then the revisions of examples/shop are run in the four runs of foreshot (first, rerun, downgrade, reupgrade), and the answer to each statement is
compared with tests/demo/shop.truth.jsonl, which --write makes anew.

Not run, and counted: examples for another major version or another version of Alembic than the ones at hand, and findings silenced by a comment.
Needs alembic, sqlalchemy and psycopg2. Uses databases named foreshot_agreement_*, and drops them.
"""

import argparse
import ast
import collections
import difflib
import importlib.util
import json
import pathlib
import re
import signal
import sys
import tempfile
import textwrap
import tomllib
import uuid
import warnings

import alembic
import psycopg2
import psycopg2.extensions
import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from sqlalchemy.pool import NullPool

warnings.filterwarnings("ignore")
ROOT = pathlib.Path(__file__).resolve().parent.parent
HEADER = """\
from alembic import op
import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

revision = {revision!r}
down_revision = {down!r}

"""
REFUSAL = '\n\ndef downgrade():\n    raise NotImplementedError("not part of this example")\n'

CATALOG = {
    "relation": "select c.oid::regclass::text, c.relkind::text || coalesce(pg_get_indexdef(i.indexrelid), '') from pg_class c"
    " left join pg_index i on i.indexrelid = c.oid where c.relnamespace in (select oid from user_schema)",
    "column": "select a.attrelid::regclass || '.' || a.attname, concat_ws(' ', format_type(a.atttypid, a.atttypmod), a.attnotnull,"
    " pg_get_expr(d.adbin, d.adrelid), col_description(a.attrelid, a.attnum)) from pg_attribute a join pg_class c on c.oid = a.attrelid"
    " left join pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum where a.attnum > 0 and not a.attisdropped"
    " and c.relnamespace in (select oid from user_schema)",
    "constraint": "select conrelid::regclass || '.' || conname, pg_get_constraintdef(oid) from pg_constraint"
    " where connamespace in (select oid from user_schema)",
    "type": "select t.oid::regtype::text, (select string_agg(enumlabel, ',' order by enumsortorder) from pg_enum where enumtypid = t.oid)"
    " from pg_type t where t.typnamespace in (select oid from user_schema) and t.typtype in ('e', 'd', 'r', 'c')",
    "function": "select oid::regprocedure::text, prosrc from pg_proc where pronamespace in (select oid from user_schema)",
    "trigger": "select tgrelid::regclass || '.' || tgname, pg_get_triggerdef(oid) from pg_trigger where not tgisinternal",
    "schema": "select nspname::text, '' from pg_namespace where oid in (select oid from user_schema)",
    "extension": "select extname::text, extversion from pg_extension",
}
USER_SCHEMAS = "with user_schema as (select oid from pg_namespace where nspname !~ '^pg_' and nspname <> 'information_schema') "


class Example:
    """One example of a page: the fences that follow each other with nothing but blank lines between."""

    def __init__(self, page, rule, flagged, title, line):
        self.page, self.rule, self.flagged, self.title, self.line = page, rule, flagged, title, line
        self.given, self.files, self.config, self.body, self.level = [], {}, {}, None, None

    def skipped(self, server):
        wanted = {"postgres-version": server, "alembic-version": alembic.__version__, "sqlalchemy-version": sa.__version__}
        for key, have in wanted.items():
            if key in self.config and str(self.config[key]) != str(have):
                return f"needs {key} {self.config[key]}"
        if "accept-explained-downgrade" in self.config:
            return "a choice of the project"
        return "silenced by a comment" if "foreshot: ignore" in (self.body or "") else None


def examples(path):
    """The examples of a page, in order."""
    rule = path.parent.name if path.parent.parent.name == "cases" else path.stem
    flagged, title, found, current, fence = None, "", [], None, None
    for number, line in enumerate(path.read_text().split("\n"), 1):
        if fence is not None:
            if line == "```":
                info, text = fence[0].split(), "\n".join(fence[1]) + "\n"
                if flagged is not None and info and info[0] in ("python", "toml"):
                    if current is None:
                        current = Example(path, rule, flagged, title, number)
                        found.append(current)
                    name = next((word[5:] for word in info if word.startswith("file=")), None)
                    if info[0] == "toml":
                        current.config = tomllib.loads(text)
                    elif "given" in info:
                        current.given.append(text)
                    elif name:
                        current.files[name] = text
                    else:
                        current.body = text
                        current.line = fence[2]
                fence = None
            else:
                fence[1].append(line)
        elif line.startswith("```"):
            fence = (line[3:], [], number + 1)
        elif line.startswith("#"):
            current = None
            if line.startswith("## "):
                flagged = {"## Flagged": True, "## Not flagged": False}.get(line)
        elif line.strip():
            current, title = None, line
    return found


def revision_text(text, revision, down, refuse):
    """What stands in the file: the fence, with what it leaves out."""
    if not re.search(r"^revision\s*[:=]", text, re.M):
        text = HEADER.format(revision=revision, down=down) + text
    return text + REFUSAL if refuse and not re.search(r"^def downgrade", text, re.M) else text


def write(example, folder):
    """Puts the project on disk; returns the paths of its revisions, the judged one last."""
    versions = folder / "alembic" / "versions"
    versions.mkdir(parents=True)
    for name, text in example.files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    paths, down = [], None
    refuse = example.rule != "missing-downgrade"
    for number, text in enumerate(example.given, 1):
        path = versions / f"given{number}.py"
        path.write_text(revision_text(text, f"given{number}", down, refuse))
        paths.append(path)
        down = f"given{number}"
    path = versions / "example.py"
    path.write_text(revision_text(example.body, "example", down, refuse))
    return [*paths, path]


class Log:
    """The statements of one run, each with its error, in order, and where in the file `path` they were issued."""

    current = None

    def __init__(self, path=None):
        self.entries, self.places, self.depth, self.path = [], [], 0, path and str(path)

    def place(self):
        """Lines of the frames that are in the file, innermost first."""
        frame, lines = sys._getframe(2), []
        while frame:
            if frame.f_code.co_filename == self.path:
                lines.append(frame.f_lineno)
            frame = frame.f_back
        return lines


class IsolatingCursor(psycopg2.extensions.cursor):
    """A cursor that runs each statement of a migration under a savepoint of its own and goes on after a failure."""

    def execute(self, query, parameters=None):
        log = Log.current
        text = query if isinstance(query, str) else query.decode() if isinstance(query, bytes) else str(query)
        first = text.split(None, 1)[0].lower() if text.strip() else ""
        if log is None:
            return super().execute(query, parameters)
        if first in ("savepoint", "release", "rollback"):
            log.depth = max(0, log.depth + (1 if first == "savepoint" else -1))
            return super().execute(query, parameters)
        place = log.place()
        before = snapshot(self.connection)
        own = not self.connection.autocommit
        if own:
            self._command("savepoint isolated")
        error = None
        try:
            super().execute(query, parameters)
        except psycopg2.Error as failure:
            error = failure
            if own:
                self._command("rollback to savepoint isolated")
        if own:
            self._command("release savepoint isolated")
        handled = error is not None and log.depth > 0
        touched = differences(before, snapshot(self.connection))
        log.places.append(place)
        log.entries.append((text, error.pgcode if error else None, handled, touched))
        if error is not None and (handled or first == "select"):
            raise error

    def _command(self, text):
        # on a cursor of its own, so that the rows of the migration's statement stay where they are
        with psycopg2.extensions.cursor(self.connection) as cursor:
            cursor.execute(text)

    def executemany(self, query, rows):
        for row in rows:
            self.execute(query, row)


def snapshot(connection):
    """The catalog and the number of rows of each table, as this connection sees them."""
    log, Log.current = Log.current, None
    try:
        with psycopg2.extensions.cursor(connection) as cursor:
            state = {}
            for kind, query in CATALOG.items():
                cursor.execute(USER_SCHEMAS + query)
                state.update({(kind, name): text for name, text in cursor.fetchall()})
            cursor.execute(USER_SCHEMAS + "select oid::regclass::text from pg_class where relkind = 'r' and relnamespace in (select oid from user_schema)")
            for (table,) in cursor.fetchall():
                cursor.execute(f"select count(*) from {table}")
                state[("rows", table)] = cursor.fetchone()[0]
            return state
    finally:
        Log.current = log


def load(path):
    specification = importlib.util.spec_from_file_location("revision_" + uuid.uuid4().hex, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module


def run(engine, module, function, path=None):
    """Runs one function of a revision; returns its log, what it raised, and the state before and after."""
    with engine.connect() as connection:
        driver = connection.connection.dbapi_connection
        before = snapshot(driver)
        connection.rollback()
        context = MigrationContext.configure(connection, opts={"transaction_per_migration": True, "target_metadata": sa.MetaData()})
        log, raised = Log(path), None
        signal.alarm(30)
        try:
            with EnvironmentContext(Config(), None), context.begin_transaction(_per_migration=True), Operations.context(context):
                Log.current = log
                try:
                    getattr(module, function)()
                finally:
                    Log.current = None
        except Exception as failure:
            raised = failure
        signal.alarm(0)
    with engine.connect() as connection:
        after = snapshot(connection.connection.dbapi_connection)
    return log, raised, before, after


def differences(before, after):
    return {key for key in before.keys() | after.keys() if before.get(key) != after.get(key)}


def explained(path):
    """Whether downgrade() holds a docstring, a comment or a raise."""
    source = path.read_text()
    function = next((node for node in ast.parse(source).body if isinstance(node, ast.FunctionDef) and node.name == "downgrade"), None)
    if function is None:
        return False
    text = "\n".join(source.split("\n")[function.lineno - 1 : function.end_lineno])
    return bool(ast.get_docstring(function)) or "#" in text or any(isinstance(node, ast.Raise) for node in function.body)


def judge(example, engine, paths):
    """What the server says of the example's claim: (flagged or not, why)."""
    for path in paths[:-1]:
        log, raised, _, _ = run(engine, load(path), "upgrade")
        errors = [entry for entry in log.entries if entry[1]]
        if raised or errors:
            raise RuntimeError(f"{path.name} does not apply: {raised or errors}")
    module = load(paths[-1])
    log, raised, before, after = run(engine, module, "upgrade")
    failures = [(text, state) for text, state, handled, _ in log.entries if state and not handled]
    if example.rule == "enum-value-in-transaction":
        hits = [(text, state) for text, state in failures if state in ("55P04", "25001")]
        if len(hits) != len(failures) or (raised and not hits):
            raise RuntimeError(f"first run: {raised or failures}")
        return bool(hits), hits
    if raised or failures:
        raise RuntimeError(f"first run: {raised or failures}")
    if example.rule == "missing-downgrade":
        # what an UPDATE changes shows in no count: a successful statement other than a query is a change
        changed = bool(differences(before, after)) or any(re.match(r"\s*(update|delete)", text, re.I) for text, *_ in log.entries)
        if not changed:
            return False, "the upgrade changes nothing"
        if not hasattr(module, "downgrade"):
            return True, "no downgrade"
        log, raised, before, after = run(engine, module, "downgrade")
        if raised:
            return False, f"raises {raised}"
        return not differences(before, after) and not explained(paths[-1]), differences(before, after)
    log, raised, before, after = run(engine, module, "upgrade")
    if raised:
        raise RuntimeError(f"second run: {raised}")
    lasting, hits = differences(before, after), []
    for text, state, handled, touched in log.entries:
        insert = bool(re.match(r"\s*(insert|with)\b", text, re.I))
        if insert != (example.rule == "non-idempotent-insert"):
            continue
        if state and not handled:
            hits.append((text, state))
        elif touched & lasting:
            hits.append((text, sorted(touched & lasting)))
    return bool(hits), hits


SHOP = ROOT / "examples" / "shop"
TRUTH = ROOT / "tests" / "demo" / "shop.truth.jsonl"


def first_lines(path):
    """Line to the first line of the simple statement that covers it; a `with` stands for itself."""
    tree, lines = ast.parse(path.read_text()), {}
    blocks = (ast.FunctionDef, ast.ClassDef, ast.If, ast.For, ast.While, ast.With, ast.Try)
    for node in ast.walk(tree):
        if isinstance(node, ast.stmt) and not isinstance(node, blocks):
            lines.update((line, node.lineno) for line in range(node.lineno, node.end_lineno + 1))
    return lines


def in_order(modules):
    """The revisions, parents first, ties by id."""
    order, done = [], set()
    while len(order) < len(modules):
        for revision in sorted(modules):
            parents = modules[revision][0].down_revision or ()
            parents = (parents,) if isinstance(parents, str) else parents
            if revision not in done and set(parents) <= done:
                order.append(revision)
                done.add(revision)
                break
        else:
            raise RuntimeError("the revisions have no order")
    return order


def shop(admin, url):
    """What the server does with the example project: one object a statement, in order."""
    sys.path.insert(0, str(SHOP))
    modules = {}
    for path in (SHOP / "alembic" / "versions").glob("*.py"):
        module = load(path)
        modules[module.revision] = (module, path)
    name = "foreshot_agreement_" + uuid.uuid4().hex[:12]
    copy = name + "_copy"
    events = []

    def create(database, template):
        with admin.connect() as connection:
            connection.exec_driver_sql(f"drop database if exists {database} with (force)")
            connection.exec_driver_sql(f"create database {database} template {template}")
        return sa.create_engine(url.set(database=database), poolclass=NullPool, connect_args={"cursor_factory": IsolatingCursor})

    try:
        main_engine = create(name, "template0")
        for revision in in_order(modules):
            module, path = modules[revision]
            lines = first_lines(path)

            def record(engine, function, kind):
                log, _, before, after = run(engine, module, function, path)
                lasting = differences(before, after)
                for (text, state, handled, touched), place in zip(log.entries, log.places):
                    if re.match(r"\s*(select|show)\b", text, re.I) or not place:
                        continue
                    event = {"file": str(path.relative_to(SHOP)), "run": kind, "line": lines.get(place[0], place[0]), "stack": place}
                    event |= {"ok": state is None, "sqlstate": state}
                    event["changed"] = bool(state is None and touched & lasting) if kind == "rerun" else None
                    events.append(event)

            record(main_engine, "upgrade", "first")
            engine = create(copy, name)
            record(engine, "upgrade", "rerun")
            engine = create(copy, name)
            record(engine, "downgrade", "downgrade")
            record(engine, "upgrade", "reupgrade")
            engine.dispose()
    finally:
        sys.path.remove(str(SHOP))
        for database in (name, copy):
            with admin.connect() as connection:
                connection.exec_driver_sql(f"drop database if exists {database} with (force)")
    return events


def compare_shop(events):
    """Lines on which the committed answers and these differ."""
    committed = [json.loads(line) for line in TRUTH.read_text().splitlines()] if TRUTH.exists() else []
    shown = [json.dumps(event) for event in events]
    return list(difflib.unified_diff([json.dumps(event) for event in committed], shown, "committed", "server", n=0, lineterm=""))


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--dsn", required=True)
    parser.add_argument("--only")
    parser.add_argument("--verbose", action="store_true")
    parser.add_argument("--write", action="store_true", help="write tests/demo/shop.truth.jsonl anew")
    parser.add_argument("pages", nargs="*", type=pathlib.Path)
    arguments = parser.parse_args()
    url = sa.engine.make_url(arguments.dsn)
    admin = sa.create_engine(url, isolation_level="AUTOCOMMIT", poolclass=NullPool)
    sys.dont_write_bytecode = True
    with admin.connect() as connection:
        server = connection.dialect.server_version_info[0]
    # pages about the text alone claim nothing about a server
    pages = arguments.pages or [
        page
        for page in sorted([*ROOT.glob("rules/*.md"), *ROOT.glob("tests/cases/*/*.md")])
        if page.stem not in ("suppression", "unreadable")
    ]
    counts, wrong = collections.Counter(), []
    for page in pages:
        for example in examples(page.resolve()):
            where = f"{page}:{example.line}"
            if arguments.only and arguments.only not in where + example.title:
                continue
            reason = example.skipped(server)
            if reason:
                counts["not run"] += 1
                print(f"not run  {where}  {reason}")
                continue
            database = "foreshot_agreement_" + uuid.uuid4().hex[:12]
            with admin.connect() as connection:
                connection.exec_driver_sql(f"create database {database} template template0")
            engine = sa.create_engine(url.set(database=database), poolclass=NullPool, connect_args={"cursor_factory": IsolatingCursor})
            modules, path = set(sys.modules), list(sys.path)
            try:
                with tempfile.TemporaryDirectory() as folder:
                    sys.path.insert(0, folder)
                    found, why = judge(example, engine, write(example, pathlib.Path(folder)))
            except Exception as failure:
                found, why = None, f"{type(failure).__name__}: {failure}"
            finally:
                sys.path[:] = path
                for name in set(sys.modules) - modules:
                    if name.split(".")[0] == "app":
                        del sys.modules[name]
                engine.dispose()
                with admin.connect() as connection:
                    connection.exec_driver_sql(f"drop database if exists {database} with (force)")
            if found == example.flagged:
                counts["true"] += 1
                if arguments.verbose:
                    print(f"true     {where}  {textwrap.shorten(str(why), 150)}")
            else:
                counts["wrong"] += 1
                wrong.append(where)
                claim = "flagged" if example.flagged else "not flagged"
                print(f"WRONG    {where}  {example.title}\n         the page says {claim}, PostgreSQL {server} says: {textwrap.shorten(str(why), 400)}")
    print(f"agreement with PostgreSQL {server}: {counts['true']} true, {counts['wrong']} wrong, {counts['not run']} not run")
    if arguments.pages or arguments.only:
        sys.exit(1 if wrong or not counts["true"] else 0)
    events = shop(admin, url)
    if arguments.write:
        TRUTH.write_text("".join(json.dumps(event) + "\n" for event in events))
    different = compare_shop(events)
    print("\n".join([*different, f"examples/shop: {len(events)} answers, {'as committed' if not different else 'not as committed'}"]))
    sys.exit(1 if wrong or different or not counts["true"] else 0)


if __name__ == "__main__":
    main()
