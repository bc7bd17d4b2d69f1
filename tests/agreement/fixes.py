"""The command `fixes`: what `foreshot check --fix --unsafe-fixes` makes of real revisions, on a server.

Each package is copied and fixed. The server then replays both, each revision on the schema that its parents left. A fix is right if what it is about neither
fails nor changes anything on the second run, and if the first run leaves the catalog that it left before. A second `--fix` must change nothing.
"""

import ast
import collections
import json
import pathlib
import shutil
import subprocess
import tempfile

import corpus
import install
import judge
import packages
import pages
import pool

HEAD = ["package", "findings fixed", "files", "statements fixed", "right on the server", "same first runs", "no Python", "changed by a second fix"]
ENOUGH = 0.97


def bad(runs):
    """How many statements of the second run fail, or change something for good."""
    return sum(bool((entry["state"] and not entry["handled"]) or judge.lasting(entry)) for entry in runs["rerun"]["entries"])


def told_bad(foreshot, folder, path):
    """The same by foreshot's own trace, for each file."""
    counts = collections.Counter()
    for line in run(foreshot, folder, path, "trace", "--format", "json").splitlines():
        event = json.loads(line)
        counts[event["file"]] += event["run"] == "rerun" and not event["handled"] and (event["outcome"] == "error" or bool(event["changed"]))
    return counts


def run(foreshot, folder, path, *words):
    flags = [*pages.DEFAULT.flags, "--transaction-per-migration"]
    done = subprocess.run([foreshot, *words, *flags, path], cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise install.Missing(f"foreshot {words[0]} exits with {done.returncode} on {folder}: {done.stderr.strip()[:300]}")
    return done.stdout


def findings(foreshot, folder, path):
    return len(run(foreshot, folder, path, "check", "--output-format", "concise", "--quiet").splitlines())


def broken(folder, before):
    """Files that are no Python any more."""
    found = []
    for path in sorted(folder.rglob("*.py")):
        try:
            ast.parse(path.read_bytes())
        except (SyntaxError, ValueError):
            original = before / path.relative_to(folder)
            try:
                ast.parse(original.read_bytes())
                found.append(path)
            except (SyntaxError, ValueError):
                pass
    return found


def question(folder, path, seconds):
    return {"kind": "project", "folder": str(folder), "root": str(folder), "versions": str(folder / path), "seconds": seconds, "catalog": True}


def fixed_copy(foreshot, place, scratch):
    """A package's copy with all that foreshot fixes, and what is known of it before a server is asked."""
    original = packages.folder() / place.package.name
    copy = scratch / f"{place.package.name}-{len(list(scratch.iterdir()))}"
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__"))
    run(foreshot, copy, place.path, "check", "--fix-only", "--unsafe-fixes")
    again = run(foreshot, copy, place.path, "check", "--diff", "--unsafe-fixes")
    changed = [path for path in copy.rglob("*.py") if path.read_bytes() != (original / path.relative_to(copy)).read_bytes()]
    return {
        "original": original, "copy": copy, "files": len(changed), "no_python": len(broken(copy / place.path, original / place.path)),
        "again": sum(line.startswith("+++ ") for line in again.splitlines()),
        "findings": findings(foreshot, original, place.path) - findings(foreshot, copy, place.path),
        "told": (told_bad(foreshot, original, place.path), told_bad(foreshot, copy, place.path)),
    }


def judged(known, before, after, show):
    """Counts of a package: statements that were to be fixed, those that are, first runs compared, those that are the same."""
    counts = collections.Counter()
    now = {revision["file"]: revision for revision in after["revisions"]}
    for was in before["revisions"]:
        revision = now.get(was["file"])
        if revision is None or "catalog" not in was:
            continue
        counts["compared"] += 1
        counts["same"] += was["catalog"] == revision.get("catalog")
        if show and was["catalog"] != revision.get("catalog"):
            print(f"  {was['file']}: its first run leaves something else")
        if was["why"] or revision["why"] or "rerun" not in was["runs"] or "rerun" not in revision["runs"]:
            continue
        told = known["told"][0][was["file"]] - known["told"][1][was["file"]]
        cured = bad(was["runs"]) - bad(revision["runs"])
        if told > 0:
            counts["told"] += told
            counts["cured"] += max(0, min(told, cured))
            if show and cured < told:
                print(f"  {was['file']}: {told} statements are said to be cured, {cured} are")
    return counts


def fixes(arguments):
    chosen = [package for package in packages.chosen(arguments.package) if package.folders]
    packages.download(chosen)
    places = [corpus.Folder(package, path) for package in chosen for path in package.folders]
    rows, sums = [], collections.Counter()
    with tempfile.TemporaryDirectory(prefix="foreshot-fixes.") as scratch:
        known = [fixed_copy(arguments.foreshot, place, pathlib.Path(scratch)) for place in places]
        questions = [question(one[key], place.path, arguments.seconds) for place, one in zip(places, known) for key in ("original", "copy")]
        with pool.workers(pages.DEFAULT, extra=packages.IMPORTS) as made:
            answers = pool.ask_all(made, questions)
        for number, (place, one) in enumerate(zip(places, known)):
            before, after = answers[2 * number], answers[2 * number + 1]
            for answer in (before, after):
                if "broken" in answer:
                    raise install.Missing(f"{place.package.name}: {answer['broken']}")
            counts = judged(one, before, after, arguments.verbose)
            counts.update({key: one[key] for key in ("findings", "files", "no_python", "again")})
            sums.update(counts)
            rows.append(row(place.package.name, counts))
    rows.append(row("all together", sums))
    lines = ["| " + " | ".join(HEAD) + " |", "| --- |" + " ---: |" * (len(HEAD) - 1)]
    print("\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows]))
    right = sums["cured"] >= ENOUGH * sums["told"] and sums["same"] == sums["compared"] and not sums["no_python"] and not sums["again"]
    return 0 if right else 1


def row(name, counts):
    share = f"{counts['cured'] / counts['told']:.4f}" if counts["told"] else "-"
    same = f"{counts['same']} of {counts['compared']}"
    return [name, *map(str, (counts["findings"], counts["files"], counts["told"])), share, same, *map(str, (counts["no_python"], counts["again"]))]
