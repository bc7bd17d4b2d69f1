"""The names of tables and types in SQL text and in revisions: what a revision that failed takes from those after it."""

import ast
import pathlib
import re

OBJECT = re.compile(
    r"\b(?:table|type|view|sequence|domain|schema|into|update|from|join|references|on)\s+(?:if\s+(?:not\s+)?exists\s+)?(?:only\s+)?(\"?\w+\"?(?:\.\"?\w+\"?)?)", re.I
)
OPERATIONS = re.compile(r"(create|drop|rename)_table|(add|drop|alter)_column|batch_alter_table|create_\w*(constraint|key)")
# how the reason begins why a revision with imports that are not installed does not count
NOT_IMPORTED = ("can't be imported", "imports what is not installed")
WORD = re.compile(r"[A-Za-z_]\w*")


def bare(name):
    return name.replace('"', "").split(".")[-1].lower()


def objects(sql):
    """The names of relations and types in a statement."""
    return {bare(name) for name in OBJECT.findall(sql)} - {"select", "set", "table", "only", "information_schema"}


def constants(path):
    return [node for node in ast.walk(ast.parse(pathlib.Path(path).read_bytes())) if isinstance(node, (ast.Call, ast.Constant))]


def intended(path):
    """The tables that a file would have made or altered, had it run to its end."""
    found = set()
    for node in constants(path):
        if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str):
            name = getattr(node.func, "attr", None) or getattr(node.func, "id", "")
            if OPERATIONS.fullmatch(name):
                found.add(bare(node.args[0].value))
        elif isinstance(node, ast.Constant) and isinstance(node.value, str) and " " in node.value:
            found |= objects(node.value)
    return found


def mentioned(path):
    """Every text of the file that could be a name: guards name tables by constants and variables."""
    texts = {node.value for node in constants(path) if isinstance(node, ast.Constant) and isinstance(node.value, str)}
    return {text.lower() for text in texts if WORD.fullmatch(text)} | set().union(*map(objects, texts))


class Lost:
    """What earlier failures should have made."""

    def __init__(self):
        self.names = set()

    def whole(self, path):
        """A revision did not run, or not to its end."""
        self.names |= intended(path)

    def some(self, statements):
        """These statements of a revision failed."""
        self.names |= set().union(*map(objects, statements))

    def used(self, path, statements):
        """The lost names that a revision needs."""
        return sorted((mentioned(path) | set().union(*map(objects, statements))) & self.names)
