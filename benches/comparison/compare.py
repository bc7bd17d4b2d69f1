"""Runs foreshot and squawk over `cases.sql` and writes the table of `docs/comparison.md`.

    pip install squawk-cli==2.70.0
    python3 benches/comparison/compare.py --foreshot target/release/foreshot --squawk squawk [--write docs/comparison.md]

Each case is a file of its own after the schema that it stands on. foreshot reads both, with the case's way of sending as `[[sql]] transaction`; squawk reads
the case, with `--assume-in-transaction` where the tool opens a transaction or the string holds several statements. Timeouts that a runner sets
(`require-lock-timeout`, `require-statement-timeout`) are left out for squawk. Notes of foreshot's count like errors.

found: a rule that the case names speaks. missed: there is harm and none does. invented: there is no harm and a rule speaks.
What is said beside the harm that the case is about is neither.
"""

import argparse
import json
import pathlib
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).parent
UNASKED = {"require-lock-timeout", "require-statement-timeout", "require-timeout-settings"}


def cases():
    found = []
    for block in (HERE / "cases.sql").read_text().split("-- case: ")[1:]:
        lines = block.splitlines()
        case = {"name": lines[0], "given": [], "found-by": set(), "sql": []}
        for line in lines[1:]:
            key, _, value = line.removeprefix("-- ").partition(": ")
            if line.startswith("-- ") and key == "given":
                case["given"].append(value)
            elif line.startswith("-- ") and key == "found-by":
                case["found-by"] = set(value.split())
            elif line.startswith("-- ") and key in ("sent", "harm"):
                case[key] = value
            else:
                case["sql"].append(line)
        case["sql"] = "\n".join(case["sql"]).strip() + "\n"
        found.append(case)
    return found


def foreshot(binary, case, folder):
    migrations = folder / "migrations"
    migrations.mkdir()
    (migrations / "001_given.sql").write_text("\n".join(case["given"]) + "\n")
    (migrations / "002_case.sql").write_text(case["sql"])
    (folder / "foreshot.toml").write_text(
        f'[[sql]]\npath = "migrations"\nformat = "plain"\ntransaction = "{case["sent"]}"\n'
    )
    done = subprocess.run(
        [binary, "check", "migrations/002_case.sql", "--output-format", "json"],
        cwd=folder, capture_output=True, text=True, check=False,
    )
    if done.returncode not in (0, 1):
        sys.exit(f"{case['name']}: {done.stderr}")
    return {one["rule"] for one in json.loads(done.stdout)["diagnostics"]}


def squawk(binary, case, folder):
    path = folder / "case.sql"
    path.write_text(case["sql"])
    (folder / "empty.toml").write_text("")
    several = case["sql"].count(";") > 1
    block = case["sent"] == "file" or (case["sent"] == "call" and several)
    flags = ["--assume-in-transaction"] if block else []
    done = subprocess.run(
        [binary, "-c", "empty.toml", "--pg-version", "17.0", "--reporter", "json", *flags, "case.sql"],
        cwd=folder, capture_output=True, text=True, check=False,
    )
    try:
        found = json.loads(done.stdout or "[]")
    except json.JSONDecodeError:
        sys.exit(f"{case['name']}: {done.stdout}{done.stderr}")
    return {one.get("rule_name", one.get("rule")) for one in found} - UNASKED


def verdict(case, said):
    if case["harm"] == "none":
        return "invented" if said else "silent"
    return "found" if said & case["found-by"] else "missed"


def cell(case, said):
    word = verdict(case, said)
    rules = ", ".join(f"`{rule}`" for rule in sorted(said))
    if word == "found":
        rest = sorted(said - case["found-by"])
        named = ", ".join(f"`{rule}`" for rule in sorted(said & case["found-by"]))
        return f"found: {named}" + (f" (also {', '.join(f'`{rule}`' for rule in rest)})" if rest else "")
    if word == "silent":
        return "silent, rightly"
    return f"**{word}**" + (f" (says {rules})" if rules else "")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--foreshot", required=True)
    parser.add_argument("--squawk", required=True)
    parser.add_argument("--write", type=pathlib.Path)
    arguments = parser.parse_args()
    binary = str(pathlib.Path(arguments.foreshot).resolve())
    rows, counts = [], {"foreshot": {}, "squawk": {}}
    for case in cases():
        said = {}
        for tool, run, program in (("foreshot", foreshot, binary), ("squawk", squawk, arguments.squawk)):
            with tempfile.TemporaryDirectory() as folder:
                said[tool] = run(program, case, pathlib.Path(folder))
            word = verdict(case, said[tool])
            counts[tool][word] = counts[tool].get(word, 0) + 1
        rows.append(
            f"| {case['name']} | {case['sent']} | {case['harm']} | {cell(case, said['foreshot'])} | {cell(case, said['squawk'])} |"
        )
    total = len(rows)
    harmful = sum(1 for case in cases() if case["harm"] != "none")
    table = [f"{total} cases, {harmful} of them harmful.", "", "| | found | missed | silent, rightly | invented |", "| --- | --- | --- | --- | --- |"]
    for tool, words in counts.items():
        cells = " | ".join(str(words.get(word, 0)) for word in ("found", "missed", "silent", "invented"))
        table.append(f"| {tool} | {cells} |")
    table += ["", "| case | sent | harm | foreshot | squawk |", "| --- | --- | --- | --- | --- |", *rows]
    text = "\n".join(table) + "\n"
    if not arguments.write:
        print(text)
        return
    page = arguments.write.read_text()
    start, end = "<!-- cases -->\n", "<!-- /cases -->\n"
    before, rest = page.split(start)
    after = rest.split(end)[1]
    arguments.write.write_text(before + start + text + end + after)


main()
