"""SQL files as revisions: their statements with the lines on which they begin, sent as their tool sends them."""

import pathlib
import re
import types

from alembic import op

import observe

TOKEN = re.compile(
    r"--[^\n]*|/\*.*?\*/|[eE]'(?:\\.|''|[^'\\])*'|'(?:''|[^'])*'|\"[^\"]*\"|(?P<tag>\$\w*\$).*?(?P=tag)|;", re.S
)
BLANK = re.compile(r"(?:\s+|--[^\n]*|/\*.*?\*/)*", re.S)
# marks that part a file, and by default put each part into a transaction
MARKS = re.compile(r"^--\s*(?:migrate:|\+goose\s+)(up|down)\b([^\n]*)", re.I | re.M)
ALONE = re.compile(r"transaction:\s*false|^--\s*\+goose\s+NO\s+TRANSACTION", re.I | re.M)


def statements(text, first=1):
    """(line, statement) of each statement; `first` is the line on which the text begins."""
    start = 0
    for token in [*TOKEN.finditer(text), None]:
        if token is not None and token.group() != ";":
            continue
        end = token.start() if token else len(text)
        begin = BLANK.match(text, start, end).end()
        if begin < end:
            yield first + text.count("\n", 0, begin), text[begin:end].strip()
        start = token.end() if token else end


def parts(path):
    """`up` and `down` with their first lines, and how they are sent."""
    text, down = path.read_text(), path.with_suffix(".down.sql")
    marks = list(MARKS.finditer(text))
    found = {}
    for number, mark in enumerate(marks):
        end = marks[number + 1].start() if number + 1 < len(marks) else len(text)
        found[mark[1].lower()] = (text[mark.end() : end], 1 + text.count("\n", 0, mark.end()))
    if not marks:
        found["up"] = (text, 1)
    if down.exists():
        found["down"] = (down.read_text(), 1)
    return found, "file" if marks and not ALONE.search(text) else "statement"


def send(text, first, transaction):
    """Executes a part on the connection of the revision's context."""
    driver = observe.driver_of(op.get_bind())
    if transaction != "file":
        driver.rollback()
        driver.autocommit = True
    try:
        with driver.cursor() as cursor:
            for line, statement in [(first, text)] if transaction == "call" else statements(text, first):
                if observe.Log.current is not None:
                    observe.Log.current.line = line
                cursor.execute(statement)
    finally:
        if transaction != "file":
            driver.autocommit = False


def revision(path, transaction):
    """The file in the form of Alembic's revisions: a path, and a module with `upgrade` and, where there is one, `downgrade`."""
    found, own = parts(pathlib.Path(path))
    module = types.SimpleNamespace(upgrade=lambda: send(*found["up"], transaction or own))
    if "down" in found:
        module.downgrade = lambda: send(*found["down"], transaction or own)
    return types.SimpleNamespace(path=str(path), module=module, revision=pathlib.Path(path).stem)


def project(judged, transaction):
    """The files of the judged one's folder up to it, in the order of their names."""
    files = sorted(path for path in pathlib.Path(judged).parent.glob("*.sql") if not path.name.endswith(".down.sql"))
    return [revision(path, transaction) for path in files if path.name <= pathlib.Path(judged).name]
