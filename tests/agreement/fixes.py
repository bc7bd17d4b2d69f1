"""The command `fixes`: what `foreshot check --fix --unsafe-fixes` makes of real revisions, on a server.

Each package is copied and fixed. The server then replays the originals, and each fixed revision beside its original, on the schema that the originals before it
left. A fix is right if what it is about neither fails nor changes anything on the second run, and if the first run leaves the catalog, and as many rows, as
the original's. No way down may fail that did not before, and a second `--fix` must change nothing. What the originals do in the other runs is kept from the
command `corpus`.
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

HEAD = ["package", "findings fixed", "files", "statements fixed", "right on the server", "same first runs", "worse ways down", "no Python", "changed by a second fix", "stay formatted"]
ENOUGH = 0.97
# line lengths that projects set; the corpus has their code without their settings
LENGTHS = (88, 79, 80, 100, 120)


def failures(run):
    """How many statements of a run fail; an exception that ends it is one more."""
    return sum(bool(entry["state"] and not entry["handled"]) for entry in run["entries"]) + bool(run["raised"])


def bad(runs):
    """How many statements of the second run fail, or change something for good."""
    rerun = runs["rerun"]
    return sum(bool((entry["state"] and not entry["handled"]) or judge.lasting(entry)) for entry in rerun["entries"]) + bool(rerun["raised"])


def is_worse(was, now):
    """Whether a way down, or the upgrade after it, fails where it did not."""
    return any(run in was and run in now and failures(now[run]) > failures(was[run]) for run in ("downgrade", "reupgrade"))


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


def unformatted(folder, path, length):
    """Files that `ruff format` would change, with the quotes that they have."""
    options = ["--check", "--isolated", "--output-format", "concise", "--line-length", str(length), "--config", 'format.quote-style="preserve"']
    done = subprocess.run([install.ruff(), "format", *options, path], cwd=folder, capture_output=True, text=True)
    if done.returncode not in (0, 1):
        raise install.Missing(f"ruff exits with {done.returncode} on {folder}: {done.stderr.strip()[:300]}")
    return {line.split(":")[0] for line in done.stdout.splitlines() if ".py:" in line}


def formatted(original, copy, path, changed):
    """(those of the changed files that were formatted, and of them those that are not any more), by the line length that the project seems to have."""
    before = {length: unformatted(original, path, length) for length in LENGTHS}
    length = min(LENGTHS, key=lambda length: len(before[length]))
    were = {file for file in changed if file not in before[length]}
    return were, were & unformatted(copy, path, length)


def question(known, path, seconds):
    """A folder's revisions in order, each fixed one beside its original, on the schema that the originals before it left."""
    original, copy = known["original"], known["copy"]
    return {
        "kind": "project", "folder": str(original), "root": str(original), "versions": str(original / path), "seconds": seconds,
        "fixed": {path: str(copy / path) for path in known["changed"]},
    }


def fixed_copy(foreshot, place, scratch):
    """A package's copy with all that foreshot fixes, and what is known of it before a server is asked."""
    original = packages.folder() / place.package.name
    copy = scratch / f"{place.package.name}-{len(list(scratch.iterdir()))}"
    shutil.copytree(original, copy, ignore=shutil.ignore_patterns("__pycache__"))
    run(foreshot, copy, place.path, "check", "--fix-only", "--unsafe-fixes")
    again = run(foreshot, copy, place.path, "check", "--diff", "--unsafe-fixes")
    relative = [path.relative_to(copy) for path in copy.rglob("*.py")]
    changed = sorted(str(path) for path in relative if (copy / path).read_bytes() != (original / path).read_bytes())
    install.say(f"{place.package.name}: {len(changed)} files fixed")
    were, not_any_more = formatted(original, copy, place.path, changed)
    return {
        "formatted": len(were), "unformatted": sorted(not_any_more),
        "original": original, "copy": copy, "changed": changed, "files": len(changed), "no_python": len(broken(copy / place.path, original / place.path)),
        "again": sum(line.startswith("+++ ") for line in again.splitlines()),
        "findings": findings(foreshot, original, place.path) - findings(foreshot, copy, place.path),
        "told": (told_bad(foreshot, original, place.path), told_bad(foreshot, copy, place.path)),
    }


def judged(known, truth, answer, show):
    """Counts of a package: statements that were to be fixed, those that are, first runs compared, those that are the same."""
    counts = collections.Counter()
    runs = {revision["file"]: revision["runs"] for revision in truth["revisions"]}

    def say(revision, what):
        if show:
            print(f"  {revision['file']}: {what}")

    for revision in answer["revisions"]:
        now, old = revision.get("fixed"), runs.get(revision["file"], {})
        # what fails on the server already in its first run leaves nothing to compare
        if now is None or "rerun" not in old:
            continue
        counts["compared"] += 1
        if now.get("why") or now["runs"]["first"]["raised"] or now["differs"]:
            say(revision, f"its first run is another: {now.get('why') or now['runs']['first']['raised'] or now['differs'][:4]}")
            continue
        counts["same"] += 1
        if is_worse(old, now["runs"]):
            counts["worse"] += 1
            say(revision, "its way down, or up again, fails more often")
        told = known["told"][0][revision["file"]] - known["told"][1][revision["file"]]
        cured = bad(old) - bad(now["runs"])
        if told > 0:
            counts["told"] += told
            counts["cured"] += max(0, min(told, cured))
            if cured < told:
                say(revision, f"{told} statements are said to be cured, {cured} are")
    return counts


def fixes(arguments):
    chosen = [package for package in packages.chosen(arguments.package) if package.folders]
    packages.download(chosen)
    places = [corpus.Folder(package, path) for package in chosen for path in package.folders]
    corpus.make_truths(places, arguments.seconds)
    rows, sums = [], collections.Counter()
    with tempfile.TemporaryDirectory(prefix="foreshot-fixes.") as scratch:
        known = [fixed_copy(arguments.foreshot, place, pathlib.Path(scratch)) for place in places]
        questions = [question(one, place.path, arguments.seconds) for place, one in zip(places, known)]
        with pool.workers(pages.DEFAULT, extra=packages.IMPORTS) as made:
            answers = pool.ask_all(made, questions)
        for number, (place, one) in enumerate(zip(places, known)):
            answer = answers[number]
            if "broken" in answer:
                raise install.Missing(f"{place.package.name}: {answer['broken']}")
            truth = json.loads(corpus.truth_of(place).read_text())
            counts = judged(one, truth, answer, arguments.verbose)
            counts.update({key: one[key] for key in ("findings", "files", "no_python", "again", "formatted")})
            counts["stay"] = one["formatted"] - len(one["unformatted"])
            if arguments.verbose:
                for path in one["unformatted"]:
                    print(f"  {path}: is not formatted any more")
            sums.update(counts)
            rows.append(row(place.package.name, counts))
    rows.append(row("all together", sums))
    lines = ["| " + " | ".join(HEAD) + " |", "| --- |" + " ---: |" * (len(HEAD) - 1)]
    print("\n".join(lines + ["| " + " | ".join(cells) + " |" for cells in rows]))
    right = sums["cured"] >= ENOUGH * sums["told"] and sums["same"] == sums["compared"] and not any(sums[key] for key in ("worse", "no_python", "again")) and sums["stay"] == sums["formatted"]
    return 0 if right else 1


def row(name, counts):
    share = f"{counts['cured'] / counts['told']:.4f}" if counts["told"] else "-"
    same = f"{counts['same']} of {counts['compared']}"
    stay = f"{counts['stay']} of {counts['formatted']}"
    return [name, *map(str, (counts["findings"], counts["files"], counts["told"])), share, same, *map(str, (counts["worse"], counts["no_python"], counts["again"])), stay]
