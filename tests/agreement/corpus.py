"""The command `corpus`: foreshot's answers on real revisions against those of a server, as the table of the README."""

import collections
import json
import os
import pathlib
import re
import subprocess

import install
import judge
import names
import packages
import pages
import pool
from install import ROOT

README = ROOT / "README.md"
MARKERS = ("<!-- corpus -->", "<!-- /corpus -->")
Folder = collections.namedtuple("Folder", "package path")


def truths():
    """Where the server's answers are kept: they cost minutes to hours, and change with the packages alone."""
    folder = pathlib.Path(os.environ.get("FORESHOT_TRUTHS") or pathlib.Path.home() / ".cache" / "foreshot-truths")
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def truth_of(folder):
    name = re.sub(r"\W+", "_", folder.path)
    return truths() / f"{folder.package.name}-{folder.package.version}-{name}-postgresql-{pages.DEFAULT.postgres}.json"


def make_truths(folders, seconds):
    """Asks the server about each folder whose answers are not kept yet."""
    missing = [folder for folder in folders if not truth_of(folder).exists()]
    if not missing:
        return
    questions = [
        {
            "kind": "project", "folder": str(packages.folder() / folder.package.name), "root": str(packages.folder() / folder.package.name),
            "versions": str(packages.folder() / folder.package.name / folder.path), "seconds": seconds,
        }
        for folder in missing
    ]

    def told(number, answer):
        if "broken" in answer:
            install.say(f"{missing[number].package.name}: {answer['broken']}")
            return
        kept = truth_of(missing[number])
        scratch = kept.with_suffix(".part")
        scratch.write_text(json.dumps(answer))
        scratch.replace(kept)
        install.say(f"{missing[number].package.name}: the server answered for {len(answer['revisions'])} of {answer['total']} revisions")

    install.say(f"replaying {len(missing)} folders on the server: this takes long, once")
    with pool.workers(pages.DEFAULT, extra=packages.IMPORTS) as made:
        pool.ask_all(made, questions, told)


class Score:
    """Counts over cells and findings."""

    def __init__(self):
        self.counts = collections.Counter()

    def add(self, text, trace, findings, runs):
        for cell in judge.cells(text, trace, runs):
            failed, told = cell.server not in (None, "ok", "changed"), cell.ours not in (None, "ok", "changed", "unknown")
            self.counts["cells"] += 1
            self.counts["agree"] += cell.server == cell.ours
            self.counts["unknown"] += cell.ours == "unknown"
            self.counts["errors"] += failed
            self.counts["told"] += told
            self.counts["right"] += failed and cell.server == cell.ours
        rerun = runs["rerun"]["entries"]
        bad = {entry["lines"][0]: judge.reach(entry["lines"], text) for entry in rerun if (entry["state"] and not entry["handled"]) or judge.lasting(entry)}
        self.counts["bad"] += len(bad)
        self.counts["found"] += sum(any(judge.near(finding, lines) for finding in findings) for lines in bad.values())
        self.counts["findings"] += len(findings)
        self.counts["true"] += sum(any(finding["line"] <= line <= finding["end_line"] for lines in bad.values() for line in lines) for finding in findings)

    def share(self, part, whole):
        return f"{self.counts[part] / self.counts[whole]:.4f}" if self.counts[whole] else "-"

    def row(self, name, clean, total):
        return [
            name, f"{clean} of {total}", str(self.counts["cells"]), self.share("agree", "cells"), self.share("right", "errors"), self.share("right", "told"),
            self.share("found", "bad"), self.share("true", "findings"),
        ]


def run(foreshot, folder, *words):
    flags = [*pages.DEFAULT.flags, "--transaction-per-migration"]
    done = subprocess.run([foreshot, *words, *flags, folder.path], cwd=packages.folder() / folder.package.name, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise install.Missing(f"foreshot {words[0]} exits with {done.returncode} on {folder.package.name}: {done.stderr.strip()[:300]}")
    return done.stdout


def score(foreshot, folder, tags, show, total):
    """The row of a folder; `total` gets its counts too."""
    truth, mine = json.loads(truth_of(folder).read_text()), Score()
    trace, found = collections.defaultdict(list), collections.defaultdict(list)
    for line in run(foreshot, folder, "trace", "--format", "json").splitlines():
        event = json.loads(line)
        trace[event["file"]].append(event)
    for finding in json.loads(run(foreshot, folder, "check", "--output-format", "json"))["diagnostics"]:
        if "rerun" in tags.get(finding["rule"], ()):
            found[finding["path"]].append(finding)
    counted = standing(truth["revisions"], packages.folder() / folder.package.name)
    for revision in counted:
        text = (packages.folder() / folder.package.name / revision["file"]).read_text(errors="replace")
        findings = in_upgrade(text, found[revision["file"]])
        mine.add(text, trace[revision["file"]], findings, revision["runs"])
        if show:
            for line in judge.trace_differs(text, trace[revision["file"]], revision["runs"]):
                print(f"  {folder.package.name}/{revision['file']}: {line}")
    total.counts.update(mine.counts)
    return mine.row(folder.package.name, len(counted), truth["total"]), len(counted), truth["total"]


def standing(revisions, root):
    """The revisions that count: they ran, and need nothing that an earlier failure should have made."""
    lost, found = names.Lost(), []
    for revision in revisions:
        path, runs = root / revision["file"], revision["runs"]
        statements = runs["first"]["entries"] if runs else []
        failed = [entry["sql"] for entry in statements if entry["state"] and not entry["handled"]]
        if (revision["why"] or "").startswith(names.NOT_IMPORTED) and "create_all" in path.read_text(errors="replace"):
            # the models that it makes are those of the application: what stands on them is another database here
            break
        if not runs or runs["first"]["raised"] or (revision["why"] or "").startswith(names.NOT_IMPORTED):
            lost.whole(path)
        if revision["why"] is None and not lost.used(path, [entry["sql"] for entry in statements]):
            found.append(revision)
        lost.some(failed)
    return found


def in_upgrade(text, findings):
    """Those that do not stand in `downgrade()`: the server's second run is one of upgrades."""
    down = re.search(r"^def downgrade\b", text, re.M)
    first = text[: down.start()].count("\n") + 1 if down else None
    after = re.search(r"^def upgrade\b", text[down.start() :], re.M) if down else None
    last = first + text[down.start() : down.start() + after.start()].count("\n") if after else None
    return [finding for finding in findings if first is None or finding["line"] < first or (last is not None and finding["line"] >= last)]


HEAD = ["package", "revisions", "answers", "agree", "failures found", "failures right", "recall", "precision"]


def table(rows):
    lines = ["| " + " | ".join(HEAD) + " |", "| --- |" + " ---: |" * (len(HEAD) - 1)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def write_readme(text):
    page = README.read_text()
    start, end = (page.index(marker) for marker in MARKERS)
    README.write_text(page[: start + len(MARKERS[0])] + "\n" + text + "\n" + page[end:])


def corpus(arguments):
    chosen = [package for package in packages.chosen(arguments.package) if package.folders]
    packages.download(chosen)
    folders = [Folder(package, path) for package in chosen for path in package.folders]
    make_truths(folders, arguments.seconds)
    tags, rows, total, sums = pages.tags_of_rules(arguments.foreshot), [], Score(), [0, 0]
    for folder in folders:
        if not truth_of(folder).exists():
            continue
        row, clean, every = score(arguments.foreshot, folder, tags, arguments.verbose, total)
        rows.append(row)
        sums = [sums[0] + clean, sums[1] + every]
    rows.append(total.row("all together", *sums))
    text = table(rows)
    print(text)
    if arguments.write:
        if arguments.package:
            raise install.Missing("the table is of all packages: leave their names out to write it")
        write_readme(text)
    return 0 if len(rows) == len(folders) + 1 else 1
