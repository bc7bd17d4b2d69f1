"""Compares what a page claims, and what foreshot says of its example, with what the server did.

Two questions an example. Does the trace agree: has each statement of the judged revision, in each run, the answer that the server gave? And is the
claim true: does what the findings name happen where they stand, and is there nothing of the kind where the page says so?
"""

import ast
import collections
import functools
import re

# queries, settings and what opens or ends transactions change nothing by themselves
QUIET = re.compile(r"\s*(select|show|set|reset|with)\b|\s*(begin|start|commit|end|rollback|abort|savepoint|release)\b[^;]*;?\s*$", re.I)
# SQLSTATEs as messages name them: the classes that PostgreSQL has
STATE = re.compile(r"\b(?:0[0-9A-Z]|2[0-9A-Z]|3[0-9A-Z]|4[0-9A-Z]|5[0-9A-Z]|XX|P0|HV|F0)[0-9A-Z]{3}\b")

# where a rule of a tag shows itself, unless the example says it with `server=`
RUNS = {
    "upgrade": ("first",),
    "rerun": ("rerun",),
    "rollback": ("downgrade", "reupgrade", "rows-downgrade"),
    "transaction": ("first", "command", "rerun", "retry", "downgrade", "reupgrade"),
    "enum": ("first", "command", "rerun", "retry", "downgrade", "reupgrade"),
    "data": ("first", "rerun", "downgrade", "rows", "rows-rerun", "rows-downgrade"),
}
# runs besides the four that are asked for
EXTRA = {"transaction": ("command", "retry"), "enum": ("command", "retry"), "data": ("rows",), "rollback": ("rows",), "history": ("command",)}
# what no server decides: the revision graph, comments, files that are no Python
GRAPH = {"history", "input", "comment"}

Seen = collections.namedtuple("Seen", "run what lines")


def claims(text):
    """`rerun:42P07,downgrade:leaves` as pairs; what is empty where anything will do."""
    return [tuple((part + ":").split(":")[:2]) for part in text.split(",")]


def extra_runs(example, tags):
    """The runs besides the four that this example needs."""
    named = [run for run, _ in claims(example["server"])] if example["server"] else []
    wanted = {run for tag in tags for run in EXTRA.get(tag, ())} | {run for run in named if run in ("command", "retry")}
    return sorted(wanted | ({"rows"} if any(run.startswith("rows") for run in named) else set()))


@functools.lru_cache(maxsize=64)
def tree(text):
    """Python's syntax, or nothing for SQL and for what is no Python."""
    try:
        return ast.parse(text)
    except (SyntaxError, ValueError):
        return None


def first_lines(text):
    """Line to the first line of the simple statement that covers it; a `with` stands for itself."""
    lines = {}
    if tree(text) is None:
        return lines
    blocks = (ast.FunctionDef, ast.ClassDef, ast.If, ast.For, ast.While, ast.With, ast.Try)
    for node in ast.walk(tree(text)):
        if isinstance(node, ast.stmt) and not isinstance(node, blocks):
            lines.update((line, node.lineno) for line in range(node.lineno, node.end_lineno + 1))
    return lines


def blocks(text):
    """The line of a `with` to all lines of its block: a batch executes at the `with`, for the calls inside."""
    found = {}
    for node in ast.walk(tree(text) or ast.Module(body=[], type_ignores=[])):
        if isinstance(node, ast.With):
            found[node.lineno] = range(node.lineno, node.end_lineno + 1)
    return found


def reach(lines, text):
    """The lines of a statement's calls, innermost first, with those of the batches among them."""
    inside = blocks(text)
    return list(dict.fromkeys([*lines, *(other for line in lines for other in inside.get(line, ()))]))


def merge(answers, key, answer):
    """The answer of a place that several statements share: the first error, else a change, else `ok`."""
    kept = answers.setdefault(key, "ok")
    if (kept == "ok" and answer != "ok") or (kept == "changed" and answer not in ("ok", "changed")):
        answers[key] = answer


def lasting(entry):
    """What the statement changed for good, values in rows aside."""
    return [key for key in entry.get("lasting", ()) if key[0] != "values"]


FOUR = ("first", "rerun", "downgrade", "reupgrade")

Cell = collections.namedtuple("Cell", "run line server ours statement")


def cells(text, trace, runs):
    """Each place of each run with the server's answer and foreshot's: `ok`, `changed`, a SQLSTATE, `unknown`, or None where there is no statement."""
    starts, found = first_lines(text), []
    for run in FOUR:
        # after a downgrade that raises, and so is rolled back, nobody upgrades again
        if run not in runs or (run == "reupgrade" and runs["downgrade"]["raised"]):
            continue
        answers, around, statements = {}, {}, {}
        for entry in runs[run]["entries"]:
            if QUIET.match(entry["sql"]) or entry["handled"]:
                continue
            lines = [starts.get(line, line) for line in entry["lines"]]
            around.setdefault(lines[0], set()).update(lines)
            statements.setdefault(lines[0], entry["sql"])
            merge(answers, lines[0], entry["state"] or ("changed" if lasting(entry) else "ok"))
        # what only rows bring is beside the run: whether the server gets it is not foretold
        beside = f"{run}-with-rows"
        told = [{**event, "outcome": "unknown"} if event["run"] == beside else event for event in trace if event["run"] in (run, beside)]
        events = [event for event in told if not event["handled"] and not QUIET.match(event["statement"] or "")]
        places = [{starts.get(line, line) for line in (event["line"], *event["stack"])} for event in events]
        used = set()
        for line, answer in sorted(answers.items()):
            near_by = [number for number, place in enumerate(places) if around[line] & place]
            used.update(near_by)
            mine = [events[number] for number in near_by if line in places[number]] or [events[number] for number in near_by]
            found.append(Cell(run, line, answer, ours(mine, run), statements[line]))
        # what was to come after a line on which Python stopped is not known
        if not runs[run]["raised"]:
            extra = {event["line"]: event for number, event in enumerate(events) if number not in used and event["outcome"] != "unknown"}
            found += [Cell(run, line, None, ours([event], run), event["statement"] or "") for line, event in sorted(extra.items())]
    return found


def ours(events, run):
    """foreshot's answer for a place."""
    if not events:
        return None
    bad = next((event for event in events if event["outcome"] == "error"), None)
    if bad:
        return bad["sqlstate"] or "error"
    if any(event["outcome"] == "unknown" for event in events):
        return "unknown"
    return "changed" if run == "rerun" and any(event["changed"] for event in events) else "ok"


def trace_differs(text, trace, runs):
    """Lines on which foreshot's trace of a revision and the server's answers differ."""
    told = []
    for cell in cells(text, trace, runs):
        if cell.server is None:
            told.append(f"{cell.run}, line {cell.line}: the trace has {cell.statement[:60]!r}, the server got nothing there")
        elif cell.ours is None:
            told.append(f"{cell.run}, line {cell.line}: the server says {cell.server}, the trace has no statement there")
        elif cell.ours not in (cell.server, "unknown"):
            told.append(f"{cell.run}, line {cell.line}: the server says {cell.server}, the trace {cell.ours}")
    return told


def seen(answer, judged, text):
    """All that the server showed, each as a run, a word (a SQLSTATE, `changes`, `leaves`, ...), and the lines where."""
    found = []

    def add(run, what, lines):
        found.append(Seen(run, what, reach(lines, text)))

    for run, result in answer["runs"].items():
        for entry in result.get("entries", ()):
            if entry["state"] and not entry["handled"]:
                add(run, entry["state"], entry["lines"])
            elif lasting(entry):
                add(run, "changes", entry["lines"])
            elif entry.get("lasting"):
                add(run, "values", entry["lines"])
            elif any(key[0] in ("rows", "values") for key in entry["touched"]):
                add(run, "again", entry["lines"])
        raised = result["raised"]
        if raised and run == "command":
            places = raised["places"]
            lines = next((lines for path, lines in places.items() if path == judged), [])
            add(run, raised["state"] or raised["class"], lines)
        elif raised and raised["state"] not in {entry["state"] for entry in result.get("entries", ()) if entry["state"]}:
            add(run, raised["state"] or raised["class"], raised["lines"])
    if answer["runs"].get("rows-downgrade", {}).get("fewer"):
        add("rows-downgrade", "loses", [])
    down = answer["runs"].get("downgrade")
    if down:
        for word in ("leaves", "loses", "alters"):
            if down[word]:
                add("downgrade", word, [])
        if not down["changed"] and not down["raised"]:
            add("downgrade", "nothing", [])
    if answer.get("downgrade") == "absent":
        add("downgrade", "absent", [])
    return found


def near(finding, lines):
    """Whether one of the lines is the finding's own or one of its labels'."""
    places = [finding, *(other for other in finding["related"] if other["path"] == finding["path"])]
    return any(place["line"] <= line <= place["end_line"] for place in places for line in lines)


def shown(finding, happened, tags):
    """Whether the server showed what the finding says; None where it says nothing that a server shows."""
    runs = {run for tag in tags for run in RUNS.get(tag, ())}
    mine = [one for one in happened if one.run in runs]
    # SQLSTATEs, and the classes of Python's errors
    states = set(STATE.findall(finding["message"])) | {one.what for one in mine if one.what.endswith("Error") and one.what in finding["message"]}
    if states:
        # where the whole command fails at its end there is no line
        return any(one.what in states and (not one.lines or near(finding, one.lines)) for one in mine)
    if "rerun" in tags:
        return any(one.what in ("changes", "values", "again") and near(finding, one.lines) for one in mine)
    if "rollback" in tags:
        return bool(mine)
    # of a rule about data that names no SQLSTATE, what is altered on each run is the one thing that a server shows
    altered = any(one.run in ("rerun", "rows-rerun") and one.what in ("changes", "values") and near(finding, one.lines) for one in mine)
    return True if altered and "data" in tags else None


def elsewhere(example, trace, answer, text):
    """An example on versions of which its page does not speak, where it says little there: complaints, and a word on why; else None.

    It may not run at all there (a function, a clause or an argument is newer): then the first run is all that can be compared.
    """
    if "given" in answer:
        return [], "it does not run on these versions: " + answer["given"]
    first = answer["runs"].get("first", {})
    failed = first.get("raised") or any(entry["state"] and not entry["handled"] for entry in first.get("entries", ()))
    if failed:
        # where the table is there for certain only in the open world, the page says that no server decides
        differing = [] if example["server"] == "none" else trace_differs(text, [one for one in trace if one["run"] == "first"], {"first": first})
        return differing, "its first run fails on these versions, as foreshot says"
    return None


def judge(example, findings, trace, answer, tags, text, own=True):
    """Out: complaints, and a word on how it was decided: `agrees`, or why no server decides it. `own`: on the versions of which the page speaks."""
    if "broken" in answer:
        return [f"could not be asked: {answer['broken']}"], ""
    mine = [finding for finding in findings if finding["rule"] == example["rule"]]
    if "alembic" in answer:
        refusal = f"Alembic refuses to load it: {answer['alembic']['class']}: {answer['alembic']['message']}"
        if GRAPH & tags and example["flagged"]:
            return [], "agrees"
        return [refusal], ""
    if not own and (told := elsewhere(example, trace, answer, text)):
        return told
    if "given" in answer:
        return [answer["given"]], ""
    complaints = trace_differs(text, trace, answer["runs"])
    happened = seen(answer, example["judged"], text)
    if "environment" in answer:
        return complaints, f"its env.py does not run by itself ({answer['environment']['class']}: {answer['environment']['message']})"
    if example["server"] == "none":
        return complaints, "the page says that no server decides it"
    if example["server"] and not own:
        return complaints, "what the page says of the server is said of other versions"
    if example["server"]:
        for run, what in claims(example["server"]):
            if not any(one.run == run and what in ("", one.what) for one in happened):
                complaints.append(f"the page says server={run}:{what}, the server shows {show(happened)}")
        return complaints, "agrees"
    if "history" in tags and example["flagged"] and any(one.run == "command" for one in happened):
        return complaints, "agrees"
    if not tags & RUNS.keys():
        return complaints, f"rules of the category {'/'.join(sorted(tags)) or 'none'} are decided without a server"
    if not (tags & {"transaction", "enum", "data", "upgrade"}) and any(one.run == "first" and one.what != "changes" for one in happened):
        if not any(finding["rule"] != example["rule"] for finding in findings):
            complaints.append(f"the first run fails: {show([one for one in happened if one.run == 'first'])}")
    if "foreshot:" not in text:
        complaints += uncovered(findings, happened, tags, answer)
    undecided = ""
    if example["flagged"]:
        for finding in mine:
            verdict = shown(finding, happened, tags)
            if not own and not verdict and "of a deployed database" in finding["message"]:
                undecided = "it speaks of a deployed database, and the command here starts from an empty one, which other versions take otherwise"
            elif verdict is None:
                undecided = f"the finding names no SQLSTATE, and the fence has no `server=`: {finding['message'][:90]}"
            elif not verdict:
                complaints.append(f"line {finding['line']}: {finding['message'][:150]}: the server shows {show(happened)}")
    return complaints, undecided or "agrees"


def uncovered(findings, happened, tags, answer):
    """What the server shows of the page's kind, and no finding names."""
    complaints = []
    if "rerun" in tags:
        for one in happened:
            if one.run == "rerun" and one.what not in ("values", "again") and not any(near(finding, one.lines) for finding in findings):
                complaints.append(f"rerun, line {one.lines[0] if one.lines else '?'}: {one.what}, and no finding says so")
    if findings:
        return complaints
    if "upgrade" in tags:
        complaints += [f"{one.run}: {one.what}, and no finding says so" for one in happened if one.run == "first" and one.what != "changes"]
    if tags & {"transaction", "enum"}:
        complaints += [f"{one.run}: {one.what}, and no finding says so" for one in happened if one.run in ("first", "command")]
    if "data" in tags:
        complaints += [f"{one.run}: {one.what}, and no finding says so" for one in happened if one.run in ("first", "rows")]
    if "rollback" in tags and answer.get("downgrade") == "present" and answer["runs"]["downgrade"]["changed"]:
        complaints += [
            f"{one.run}: {one.what}, and no finding says so" for one in happened
            if one.run in ("downgrade", "reupgrade") and one.what not in ("alters", "again") and not answer["runs"]["downgrade"]["raised"]
        ]
    return complaints


def show(happened):
    """For people."""
    words = [f"{one.run}:{one.what}" + (f" (line {one.lines[0]})" if one.lines else "") for one in happened if one.what not in ("values", "again")]
    return ", ".join(dict.fromkeys(words)) or "nothing of the kind"
