#!/usr/bin/env python3
"""How much foreshot does not know.   usage: unknown.py BINARY FOLDER [--reasons N] [--only NAME]

Runs `BINARY trace --format json .` in each folder below FOLDER (unpacked projects) and prints, a row each, how many events there are; how many have the
outcome `unknown`, and their share; of those, how many would have a known outcome if they execute (`if_executed`), with the share of the others; and how many
events stand beside the four runs, since they execute only where a table has rows that no revision inserts (`first-with-rows` and so on). An `unknown` without a reason is counted apart and makes the exit status 1. --reasons prints the N most frequent
reasons, each with one place.
"""

import argparse
import collections
import json
import pathlib
import re
import subprocess
import sys

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("binary", type=pathlib.Path)
parser.add_argument("folder", type=pathlib.Path)
parser.add_argument("--reasons", type=int, default=0)
parser.add_argument("--only", default="")
arguments = parser.parse_args()

binary = arguments.binary.resolve()
total, unknown, reached, silent, broken, beside = 0, 0, 0, 0, 0, 0
reasons = collections.Counter()
places = {}
print(f"{'project':34}{'events':>8}{'unknown':>9}{'share':>9}{'only if reached':>17}{'others':>9}{'with rows':>11}")
for project in sorted(path for path in arguments.folder.expanduser().iterdir() if path.is_dir()):
    if arguments.only not in project.name:
        continue
    ran = subprocess.run([binary, "trace", "--format", "json", "."], cwd=project, capture_output=True, text=True)
    if ran.returncode not in (0, 1):
        broken += 1
        last = ran.stderr.strip().splitlines()[-1:]
        print(f"{project.name:34}  exited {ran.returncode}: {last}")
        continue
    events = [json.loads(line) for line in ran.stdout.splitlines()]
    open_events = [event for event in events if event["outcome"] == "unknown"]
    for event in open_events:
        if not event.get("reason"):
            silent += 1
        # places and names differ, what is not known does not
        reason = re.sub(r"`[^`]*`", "`…`", re.sub(r"\(.*?:\d+\)", "", event.get("reason") or "(none)"))
        reasons[(project.name, reason)] += 1
        places.setdefault((project.name, reason), f"{event['file']}:{event['line']} {event['run']}  {event.get('reason')}  {event['statement'][:90]!r}")
    rows = sum(1 for event in events if event["run"].endswith("-with-rows"))
    beside += rows
    conditional = sum(1 for event in open_events if event.get("if_executed"))
    total += len(events)
    reached += conditional
    unknown += len(open_events)
    print(f"{project.name:34}{len(events):>8}{len(open_events):>9}{len(open_events) / max(1, len(events)):>9.4f}{conditional:>17}{(len(open_events) - conditional) / max(1, len(events)):>9.4f}{rows:>11}")
print(f"{'all together':34}{total:>8}{unknown:>9}{unknown / max(1, total):>9.4f}{reached:>17}{(unknown - reached) / max(1, total):>9.4f}{beside:>11}   without a reason: {silent}")
for (name, reason), count in reasons.most_common(arguments.reasons):
    print(f"{count:>6}  {name}: {reason}\n        {places[(name, reason)]}")
sys.exit(1 if silent or broken else 0)
