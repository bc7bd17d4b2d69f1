"""The command `diff`: what a change of foreshot adds to its findings on the public corpus, and what it takes away."""

import collections
import json
import pathlib
import subprocess

import install
import packages
import pages
from install import ROOT

SUMMARY = ROOT / "tests" / "corpus" / "summary.tsv"
Finding = collections.namedtuple("Finding", "package path line rule severity message")


def collect(foreshot, chosen):
    """Every finding of a program on each package."""
    found = []
    for package in chosen:
        done = subprocess.run(
            [foreshot, "check", *pages.DEFAULT.flags, "--output-format", "json"],
            cwd=packages.folder() / package.name, capture_output=True, text=True,
        )
        if done.returncode not in (0, 1):
            raise install.Missing(f"{foreshot} exits with {done.returncode} on {package.name}: {done.stderr.strip()[:300]}")
        for one in json.loads(done.stdout)["diagnostics"]:
            found.append(Finding(package.name, one["path"], one["line"], one["rule"], one["severity"], one["message"]))
    return found


def counts(found):
    return collections.Counter((one.rule, one.package) for one in found)


def read_summary(chosen):
    names = {package.name for package in chosen}
    lines = SUMMARY.read_text().splitlines()[1:] if SUMMARY.exists() else []
    rows = [line.split("\t") for line in lines]
    return collections.Counter({(rule, package): int(count) for rule, package, count in rows if package in names})


def write_summary(found):
    lines = ["rule\tpackage\tfindings"] + [f"{rule}\t{package}\t{count}" for (rule, package), count in sorted(counts(found).items())]
    SUMMARY.parent.mkdir(exist_ok=True)
    SUMMARY.write_text("\n".join(lines) + "\n")


def baseline(path, chosen):
    """The findings of another program, or those that `--save` wrote."""
    with open(path, "rb") as file:
        text = file.read()
    if text.startswith(b"["):
        names = {package.name for package in chosen}
        return [Finding(*row) for row in json.loads(text) if row[0] in names]
    return collect(pathlib.Path(path).resolve(), chosen)


def tell_counts(before, after):
    """A line a rule and package whose number is another; returns how many."""
    changed = sorted(key for key in before.keys() | after.keys() if before[key] != after[key])
    for rule, package in changed:
        old, new = before[rule, package], after[rule, package]
        print(f"{new - old:+6}  {rule}  {package}  ({old} before, {new} now)")
    return len(changed)


def show(sign, one):
    return f"{sign} {one.package}/{one.path}:{one.line}: {one.severity}[{one.rule}]: {one.message}"


def diff(arguments):
    chosen = packages.chosen(arguments.package)
    packages.download(chosen)
    found = collect(arguments.foreshot, chosen)
    if arguments.save:
        pathlib.Path(arguments.save).write_text(json.dumps(found))
        print(f"{len(found)} findings saved to {arguments.save}")
    if arguments.write:
        if arguments.package:
            raise install.Missing("the summary is of all packages: leave their names out to write it")
        write_summary(found)
        print(f"{len(found)} findings summed up in {SUMMARY.relative_to(ROOT)}")
    if arguments.against:
        old = baseline(arguments.against, chosen)
        changed = tell_counts(counts(old), counts(found))
        was, now = collections.Counter(old), collections.Counter(found)
        gone, come = sorted((was - now).elements()), sorted((now - was).elements())
        print("\n".join([*(show("-", one) for one in gone), *(show("+", one) for one in come)]))
        print(f"{len(found)} findings on {len(chosen)} packages: {len(come)} added, {len(gone)} removed")
        return 1 if changed or gone or come else 0
    changed = tell_counts(read_summary(chosen), counts(found))
    told = f"{changed} numbers differ from" if changed else "as in"
    print(f"{len(found)} findings on {len(chosen)} packages: {told} {SUMMARY.relative_to(ROOT)}")
    if changed:
        print("`--against BINARY` shows the findings themselves; `--write` accepts the numbers, once they are looked at")
    return 1 if changed else 0
