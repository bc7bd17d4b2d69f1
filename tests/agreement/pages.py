"""Asks the examples of all pages in one combination of versions."""

import concurrent.futures
import json
import pathlib
import subprocess

import judge
import pool
from install import ROOT

DEFAULT = pool.Combination(15, "1.20.1", "2.0.58")
# SQLAlchemy with the Alembic of its time: the newest does not run with an old one
STACKS = [("1.7.7", "1.4.54"), ("1.20.1", "2.0.58"), ("1.20.1", "2.1.9")]
KEYS = {"postgres-version": "postgres", "alembic-version": "alembic", "sqlalchemy-version": "sqlalchemy"}


def read(folder):
    """What `tests/agreement.rs` wrote."""
    return json.loads((pathlib.Path(folder) / "examples.json").read_text())


def wanted(example):
    """The versions that the example's own configuration asks for."""
    config = example["config"] or {}
    return {name: str(config[key]) for key, name in KEYS.items() if key in config}


def combination_of(example):
    """The combination that the example wants, the default's versions where it names none."""
    asked = {**DEFAULT._asdict(), **wanted(example)}
    series = {sqlalchemy.rsplit(".", 1)[0]: alembic for alembic, sqlalchemy in STACKS}
    of_its_time = series.get(".".join(asked["sqlalchemy"].split(".")[:2]), DEFAULT.alembic)
    chosen = {**asked, "alembic": wanted(example).get("alembic", of_its_time)}
    return pool.Combination(int(chosen["postgres"]), chosen["alembic"], chosen["sqlalchemy"])


def released(example):
    """The revisions that every database has: a command begins after them."""
    value = (example["config"] or {}).get("start-after", [])
    return [value] if isinstance(value, str) else value


def lacks(example):
    """The extension that the example needs, and the servers that we run have not."""
    return example["needs"]


def belongs(example, combination):
    have = {name: str(value) for name, value in combination._asdict().items()}
    return all(have[name] == value for name, value in wanted(example).items())


def tags_of_rules(foreshot):
    """Rule to its tags, as the program lists them."""
    done = subprocess.run([foreshot, "check", "--output-format", "sarif", "--exit-zero", "examples/shop"], cwd=ROOT, capture_output=True, text=True, check=True)
    rules = json.loads(done.stdout)["runs"][0]["tool"]["driver"]["rules"]
    return {rule["id"]: set(rule["properties"]["tags"]) for rule in rules}


def ask_foreshot(foreshot, example, combination):
    """(findings, trace) of the judged revision."""
    judged = pathlib.Path(example["judged"]).relative_to(example["folder"])

    def run(*words):
        done = subprocess.run([foreshot, *words, *combination.flags, judged], cwd=example["folder"], capture_output=True, text=True)
        if done.returncode not in (0, 1):
            raise RuntimeError(f"foreshot {words[0]} exits with {done.returncode}: {done.stderr.strip()}")
        return done.stdout

    findings = json.loads(run("check", "--output-format", "json"))["diagnostics"]
    trace = [json.loads(line) for line in run("trace", "--format", "json").splitlines()]
    return findings, [event for event in trace if event["file"].endswith(str(judged))]


class Result:
    """What became of one example."""

    def __init__(self, example, complaints, word, heading):
        self.where, self.title, self.rule = f"{example['page']}:{example['line']}", example["title"], example["rule"]
        self.complaints, self.word = complaints, word
        # whether what foreshot reports is what the heading says: other versions may have it otherwise
        self.heading = heading

    def lines(self):
        return [f"DIFFERS  {self.where}  {self.title}", *(f"         {complaint}" for complaint in self.complaints)]


def ask(examples, combination, foreshot, tags, made):
    """The results of the examples, in their order."""
    questions = [
        {
            "kind": "example", "folder": example["folder"], "judged": example["judged"],
            "transaction": example["transaction"],
            "transaction_per_migration": (example["config"] or {}).get("transaction-per-migration"),
            # a graph is judged by the command that people type; other rules apply to every head
            "released": released(example),
            "target": "head" if "history" in tags.get(example["rule"], ()) else "heads",
            "extra": judge.extra_runs(example, tags.get(example["rule"], set())),
        }
        for example in examples
    ]
    with concurrent.futures.ThreadPoolExecutor(1) as other:
        ours = other.submit(lambda: [ask_foreshot(foreshot, example, combination) for example in examples])
        answers = pool.ask_all(made, questions)
        ours = ours.result()
    results = []
    for example, (findings, trace), answer in zip(examples, ours, answers):
        text = pathlib.Path(example["judged"]).read_text()
        complaints, word = judge.judge(example, findings, trace, answer, tags.get(example["rule"], set()), text, own=combination == combination_of(example))
        found = any(finding["rule"] == example["rule"] for finding in findings)
        results.append(Result(example, complaints, word, example["compared"] or found == example["flagged"]))
    return results
