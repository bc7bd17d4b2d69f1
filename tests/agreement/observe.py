"""Runs functions of revisions on a server and writes down what each statement did. Needs Alembic, SQLAlchemy and psycopg2.

The rules are those of foreshot's own runs: each revision is a command of its own in a transaction of its own, and each statement has a savepoint,
so that one failure hides no other. `whole` is the exception: Alembic's own `upgrade`, with nothing in between.
"""

import ast
import contextlib
import importlib.util
import pathlib
import re
import signal
import sys
import uuid

import psycopg2
import psycopg2.extensions
import sqlalchemy as sa
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic.runtime.environment import EnvironmentContext
from sqlalchemy.pool import NullPool

from catalog import differences, snapshot

QUIET = re.compile(r"\s*(select|show|set|reset)\b", re.I)
TRANSACTION = re.compile(r"\s*(begin|start|commit|end|rollback|abort|savepoint|release)\b[^;]*;?\s*$", re.I)


class TooLong(Exception):
    """A revision that does not come to an end."""


def alarm(*_):
    raise TooLong("took more than its time")


class Log:
    """The statements of one run in order, with the lines of `path` that issued them; `changes` asks what each of them altered."""

    current = None

    def __init__(self, path, changes):
        self.entries, self.path, self.changes, self.depth, self.state = [], str(path), changes, 0, None
        # where a statement of a SQL file begins
        self.line = None
        # lines of the file that are in a `try` with a handler
        self.tried = None

    def place(self):
        """Lines of the frames that are in the file, innermost first."""
        if self.line is not None:
            return [self.line]
        frame, lines = sys._getframe(2), []
        while frame:
            if frame.f_code.co_filename == self.path:
                lines.append(frame.f_lineno)
            frame = frame.f_back
        return lines

    def may_be_caught(self, place):
        """Whether one of these lines is in a `try` that has a handler: outside of a transaction that is all that an error needs."""
        if self.tried is None:
            self.tried = []
            if self.path.endswith(".py"):
                nodes = ast.walk(ast.parse(pathlib.Path(self.path).read_text()))
                self.tried = [range(node.body[0].lineno, node.body[-1].end_lineno + 1) for node in nodes if isinstance(node, ast.Try) and node.handlers]
        return any(line in lines for lines in self.tried for line in place)


class IsolatingCursor(psycopg2.extensions.cursor):
    """A cursor that runs each statement of a migration under a savepoint of its own and goes on after a failure."""

    def execute(self, query, parameters=None):
        log = Log.current
        if log is None:
            return super().execute(query, parameters)
        text = query if isinstance(query, str) else query.decode() if isinstance(query, bytes) else query.as_string(self)
        first = (re.findall(r"\w+", text[:200]) or [""])[0].lower()
        place = log.place()
        if TRANSACTION.match(text) and (first in ("savepoint", "release") or (first == "rollback" and " to " in text.lower())):
            log.depth = max(0, log.depth + (1 if first == "savepoint" else -1))
            return super().execute(query, parameters)
        if TRANSACTION.match(text):
            return super().execute(query, parameters)
        own = not self.connection.autocommit
        asked = log.changes and not QUIET.match(text)
        if asked and log.state is None:
            log.state = state_of(self.connection)
        if own:
            self.plain("savepoint isolated")
        error = None
        try:
            super().execute(query, parameters)
        except psycopg2.Error as failure:
            error = failure
        self.close_savepoint(own, error)
        handled = error is not None and (log.depth > 0 or (not own and log.may_be_caught(place)))
        touched = []
        if asked:
            before, log.state = log.state, state_of(self.connection)
            touched = sorted(differences(before, log.state))
        if place:
            entry = {"sql": text[:400], "lines": place, "state": error.pgcode if error else None, "handled": handled, "touched": touched}
            log.entries.append({**entry, "message": str(error).split("\n")[0] if error else None})
        if error is not None and (handled or first == "select"):
            raise error

    def close_savepoint(self, own, error):
        """The string may have ended its transaction itself, and its savepoint with it."""
        if not own or self.connection.info.transaction_status == psycopg2.extensions.TRANSACTION_STATUS_IDLE:
            return
        try:
            if error is not None:
                self.plain("rollback to savepoint isolated")
            self.plain("release savepoint isolated")
        except psycopg2.Error:
            self.connection.rollback()

    def plain(self, text):
        # on a cursor of its own, so that the rows of the migration's statement stay where they are
        with psycopg2.extensions.cursor(self.connection) as cursor:
            cursor.execute(text)

    def executemany(self, query, rows):
        for row in rows:
            self.execute(query, row)


def state_of(connection):
    """A snapshot that no log sees."""
    log, Log.current = Log.current, None
    try:
        with psycopg2.extensions.cursor(connection) as cursor:
            return snapshot(cursor)
    finally:
        Log.current = log


def engine_of(url, database, isolating=True):
    arguments = {"connect_args": {"cursor_factory": IsolatingCursor}} if isolating else {}
    return sa.create_engine(sa.engine.make_url(url).set(drivername="postgresql+psycopg2", database=database), poolclass=NullPool, **arguments)


def driver_of(connection):
    """The driver's connection; SQLAlchemy 1.4.23 and earlier name it otherwise."""
    proxy = connection.connection
    return getattr(proxy, "dbapi_connection", None) or proxy.connection


def describe(failure):
    original = getattr(failure, "orig", None) or failure
    return {
        "class": type(failure).__name__,
        "state": getattr(original, "pgcode", None),
        "message": (str(failure).strip().split("\n") or [""])[0][:300],
    }


def lines_of(failure, path):
    """Lines of the file in the failure's traceback, innermost first."""
    lines, step = [], failure.__traceback__
    while step:
        if step.tb_frame.f_code.co_filename == str(path):
            lines.append(step.tb_lineno)
        step = step.tb_next
    return lines[::-1]


@contextlib.contextmanager
def limited(seconds):
    signal.signal(signal.SIGALRM, alarm)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)


def run(engine, module, function, path, options=None, changes=False, isolated=True, seconds=30):
    """Runs one function of a revision as a command of its own. Out: its statements, what it raised, and the state before and after."""
    with engine.connect() as connection:
        driver = driver_of(connection)
        before = state_of(driver)
        driver.rollback()
        opts = {"transaction_per_migration": True, "target_metadata": sa.MetaData(), **(options or {})}
        context = MigrationContext.configure(connection, opts=opts)
        log, raised = Log(path, changes), None
        log.state = before if changes else None
        try:
            with limited(seconds), EnvironmentContext(Config(), None), context.begin_transaction(_per_migration=True), Operations.context(context):
                Log.current = log if isolated else None
                try:
                    getattr(module, function)()
                finally:
                    Log.current = None
        except Exception as failure:
            raised = {**describe(failure), "lines": lines_of(failure, path)}
            with contextlib.suppress(psycopg2.Error):
                driver.rollback()
    with engine.connect() as connection:
        after = state_of(driver_of(connection))
    return {"entries": log.entries, "raised": raised}, before, after


def options_of(script, config, engine):
    """What the project's `env.py` passes to `context.configure`; it runs with nothing to do."""
    asked = {}
    # not by a class of our own: Alembic's proxies know theirs alone
    environment = EnvironmentContext(config, script)
    environment.configure = lambda connection=None, url=None, **options: asked.update(options)
    environment.run_migrations = lambda **_: None
    environment.is_offline_mode = lambda: False
    environment.begin_transaction = contextlib.nullcontext
    with environment, patched_engines(engine):
        script.run_env()
    return {key: value for key, value in asked.items() if key not in ("dialect_name", "dialect_opts", "fn")}


@contextlib.contextmanager
def patched_engines(engine):
    """Every engine that code makes is the given one."""
    kept = {name: getattr(sa, name) for name in ("create_engine", "engine_from_config")}
    try:
        for name in kept:
            setattr(sa, name, lambda *_, **__: engine)
        yield
    finally:
        for name, value in kept.items():
            setattr(sa, name, value)


def whole(engine, script, config, options, target="heads"):
    """Alembic's own `upgrade` of all revisions in one command. Out: what it raised, and where in which file; nothing where it passes."""
    with engine.connect() as connection:
        wanted = {"fn": lambda revision, _: script._upgrade_revs(target, revision), "target_metadata": sa.MetaData(), **options}
        environment = EnvironmentContext(config, script, fn=wanted.pop("fn"))
        try:
            with limited(30), environment:
                environment.configure(connection=connection, **wanted)
                with environment.begin_transaction():
                    environment.run_migrations()
            if hasattr(connection, "commit"):
                connection.commit()
        except Exception as failure:
            places = {}
            for revision in script.walk_revisions():
                lines = lines_of(failure, revision.path)
                if lines:
                    places[str(revision.path)] = lines
            return {**describe(failure), "places": places}
    return None


def load(path):
    """A file as a module that no other shares."""
    specification = importlib.util.spec_from_file_location("revision_" + uuid.uuid4().hex, path)
    module = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(module)
    return module
