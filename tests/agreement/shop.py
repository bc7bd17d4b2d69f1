"""The example project: `tests/demo/shop.truth.jsonl`, which `tests/demo.rs` compares with foreshot's trace, is what a server still says."""

import difflib
import json

import judge
from install import ROOT

SHOP = ROOT / "examples" / "shop"
TRUTH = ROOT / "tests" / "demo" / "shop.truth.jsonl"


def events(revision):
    """One object a statement, in the order of the runs."""
    starts = judge.first_lines((SHOP / revision["file"]).read_text())
    for run in judge.FOUR:
        for entry in revision["runs"].get(run, {"entries": ()})["entries"]:
            if judge.QUIET.match(entry["sql"]) and not entry["sql"].lstrip().lower().startswith("with"):
                continue
            event = {"file": revision["file"], "run": run, "line": starts.get(entry["lines"][0], entry["lines"][0]), "stack": entry["lines"]}
            event |= {"ok": entry["state"] is None, "sqlstate": entry["state"]}
            yield event | {"changed": bool(entry["state"] is None and judge.lasting(entry)) if run == "rerun" else None}


def differs(worker, write):
    """Lines on which the committed answers and the server's differ."""
    versions = SHOP / "alembic" / "versions"
    question = {"kind": "project", "folder": str(SHOP), "root": str(SHOP), "versions": str(versions), "seconds": 300, "all": True}
    answer = worker.ask(question)
    if "broken" in answer:
        return [f"DIFFERS  examples/shop: could not be asked: {answer['broken']}"]
    told = [json.dumps(event) for revision in answer["revisions"] for event in events(revision)]
    if write:
        TRUTH.write_text("".join(line + "\n" for line in told))
    kept = [json.dumps(json.loads(line)) for line in TRUTH.read_text().splitlines()]
    lines = list(difflib.unified_diff(kept, told, "committed", "server", n=0, lineterm=""))
    print(f"examples/shop: {len(told)} answers, {'not ' if lines else ''}as committed")
    return [f"DIFFERS  examples/shop: {line}" for line in lines]
