"""What a server does with a whole folder of revisions: each in the four runs, on the schema that its parents left. Used by the worker."""

import ast
import importlib.abc
import importlib.machinery
import os
import pathlib
import sys
import time
import types
from unittest import mock

from alembic.script.revision import Revision, RevisionMap

import names
import observe
from catalog import differences

class Stub(types.ModuleType):
    """A module that is not installed: all of its attributes are there and mean nothing."""

    # code that asks a library for its version compares it
    __version__ = "0.0"

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        return mock.MagicMock(name=f"{self.__name__}.{name}")


class Stubs(importlib.abc.MetaPathFinder, importlib.abc.Loader):
    """The last of the finders: what nothing else finds becomes a stub, and is noted."""

    def __init__(self):
        self.used = set()

    def find_spec(self, name, path, target=None):
        if name.split(".")[0] in ("alembic", "sqlalchemy", "psycopg2"):
            return None
        return importlib.machinery.ModuleSpec(name, self, is_package=True)

    def create_module(self, spec):
        self.used.add(spec.name)
        module = Stub(spec.name)
        module.__path__ = []
        return module

    def exec_module(self, module):
        pass


def ordered(graph):
    """The revisions of Alembic's graph as `alembic upgrade heads` runs them."""
    return list(graph.iterate_revisions("heads", "base"))[::-1]


def identifiers(path):
    """What a file that can't be imported says of itself: it stands between others all the same."""
    said = types.SimpleNamespace(revision=None, down_revision=None)
    for node in ast.parse(pathlib.Path(path).read_bytes()).body:
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        if getattr(target, "id", None) in ("revision", "down_revision", "depends_on", "branch_labels"):
            try:
                setattr(said, target.id, ast.literal_eval(node.value))
            except ValueError:
                pass
    return said


def as_alembic_runs(made):
    """Ids of revisions, of which some are modules and some only their identifiers, in Alembic's order."""
    of = [
        Revision(one.revision, one.down_revision, dependencies=getattr(one, "depends_on", None), branch_labels=getattr(one, "branch_labels", None))
        for one in made if one.revision
    ]
    return [revision.revision for revision in ordered(RevisionMap(lambda: of))]


def revisions(folder, stubs):
    """(modules as Alembic would run them, [(path, why)] that can't be imported)."""
    modules, broken = {}, []
    for root, _, files in os.walk(folder):
        for name in sorted(files):
            path = os.path.join(root, name)
            if not name.endswith(".py") or b"down_revision" not in pathlib.Path(path).read_bytes():
                continue
            stubs.used.clear()
            for stub in [key for key, module in sys.modules.items() if isinstance(module, Stub)]:
                del sys.modules[stub]
            try:
                module = observe.load(path)
                modules[module.revision] = (module, path, sorted(stubs.used))
            except Exception as failure:
                broken.append((path, f"{type(failure).__name__}: {failure}"))
    # heads are taken in the order of the files
    paths = sorted([(path, module) for module, path, _ in modules.values()] + [(path, identifiers(path)) for path, _ in broken], key=lambda pair: pair[0])
    return [modules[name] for name in as_alembic_runs([said for _, said in paths]) if name in modules], broken


def project(server, question):
    """One object a revision: its runs, and whether it counts."""
    stubs = Stubs()
    sys.meta_path.append(stubs)
    try:
        order, broken = revisions(question["versions"], stubs)
        return {"revisions": list(replayed(server, question, order, broken)), "total": len(order) + len(broken)}
    finally:
        sys.meta_path.remove(stubs)


def replayed(server, question, order, broken):
    root, deadline, lost = question["root"], time.monotonic() + question["seconds"], names.Lost()
    for path, why in broken:
        lost.whole(path)
        yield {"file": os.path.relpath(path, root), "why": f"can't be imported: {why}", "runs": {}}
    server.create("project")
    main = observe.engine_of(server.url, "project")
    other = observe.engine_of(server.url, "project_copy")
    for module, path, stubbed in order:
        if time.monotonic() > deadline:
            return
        other_text = question.get("fixed", {}).get(os.path.relpath(path, root))
        if other_text:
            server.create("project_fixed", "project")
        result, _, after = observe.run(main, module, "upgrade", path)
        failed = [entry for entry in result["entries"] if entry["state"] and not entry["handled"]]
        told = {"file": os.path.relpath(path, root), "why": None, "runs": {"first": result}}
        used = lost.used(path, [entry["sql"] for entry in result["entries"]])
        if result["raised"] or failed:
            first = result["raised"] or failed[0]
            told["why"] = f"the first run fails: {first['state'] or first.get('class')}: {first['message']}"
            if result["raised"]:
                lost.whole(path)
            lost.some(entry["sql"] for entry in failed)
        elif stubbed:
            told["why"] = f"imports what is not installed: {', '.join(stubbed[:3])}"
        elif used:
            told["why"] = f"uses what an earlier failure should have made: {', '.join(used[:3])}"
        if "fixed" in question:
            if other_text and told["why"] is None:
                told["fixed"] = fixed(server, other, other_text, after)
        # `all`: the other runs of those that fail, too
        elif told["why"] is None or (question.get("all") and not result["raised"]):
            four_runs(server, "project", other, module, path, told["runs"], after)
        yield told


def fixed(server, other, path, wanted):
    """What the other text of a revision does where the revision itself stood: its runs, and how the state differs that its first one leaves."""
    try:
        module = observe.load(path)
    except Exception as failure:
        return {"why": f"can't be imported: {type(failure).__name__}: {failure}"}
    engine = observe.engine_of(server.url, "project_fixed")
    result, _, after = observe.run(engine, module, "upgrade", path)
    told = {"runs": {"first": result}, "differs": [list(key) for key in sorted(differences(wanted, after)) if key[0] != "values"]}
    if not result["raised"]:
        four_runs(server, "project_fixed", other, module, path, told["runs"], after)
    return told


def four_runs(server, template, other, module, path, runs, start):
    """The runs after the first, on copies of what it left."""
    server.create("project_copy", template)
    result, _, end = observe.run(other, module, "upgrade", path, changes=True)
    changed = differences(start, end)
    for entry in result["entries"]:
        entry["lasting"] = [list(key) for key in entry.pop("touched") if tuple(key) in changed]
    runs["rerun"] = result
    if hasattr(module, "downgrade"):
        server.create("project_copy", template)
        runs["downgrade"], _, _ = observe.run(other, module, "downgrade", path)
        runs["reupgrade"], _, _ = observe.run(other, module, "upgrade", path)
