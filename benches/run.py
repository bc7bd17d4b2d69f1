"""Measures foreshot beside other linters and beside its floor; prints the README's table and the curve of docs/performance.md.

    cargo build --release && cargo build --release --manifest-path benches/floor/Cargo.toml
    python3 benches/run.py target/release/foreshot /tmp/bench
    python3 benches/run.py target/release/foreshot /tmp/bench --write     # the README's table, docs/performance.md and its picture
    python3 benches/run.py target/release/foreshot /tmp/bench --only pairs

The others come from PyPI, into a virtual environment in the folder. Two programs that are compared run in turns, so that what else the machine
does meets both; each number is the median. CPU is user and system time of all threads, which another load on the machine changes least.
"""

import argparse
import json
import os
import pathlib
import re
import statistics
import subprocess
import sys
import time

HERE = pathlib.Path(__file__).parent
ROOT = HERE.parent
OTHERS = ["zdm==0.9.1", "squawk-cli==2.70.0", "alembic-guard", "migsafe", "pytest-mrt"]
ROUNDS = 7
GROWTH = [1000, 3000, 10000, 30000, 100000]


def once(command, folder):
    """Wall-clock seconds, CPU seconds and peak memory in KB of one run; what it prints goes nowhere."""
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, _, used = os.wait4(process.pid, 0)
    wall = time.monotonic() - start
    return wall, used.ru_utime + used.ru_stime, used.ru_maxrss


def in_turns(commands, folder, rounds=ROUNDS):
    """The medians of each command, run in turns after one round that only warms up."""
    runs = [[] for _ in commands]
    for turn in range(rounds + 1):
        for found, command in zip(runs, commands):
            measured = once(command, folder)
            if turn:
                found.append(measured)
    return [tuple(statistics.median(column) for column in zip(*found)) for found in runs]


def generated(folder, kind, *amounts):
    """A data set of generate.py: made once."""
    name = "-".join([kind, *map(str, amounts)])
    path = folder / name
    if not path.exists():
        target = {"files": path / "migrations", "single": path / "big.sql"}.get(kind, path)
        subprocess.run([sys.executable, HERE / "generate.py", kind, target, *map(str, amounts)], check=True)
        (path / "foreshot.toml").touch()
    return path


def environment(folder):
    """The folder of the other programs."""
    venv = folder / "venv"
    if not (venv / "bin" / "zdm").exists():
        subprocess.run([sys.executable, "-m", "venv", venv], check=True)
        subprocess.run([venv / "bin" / "pip", "-q", "install", *OTHERS], check=True)
    return venv / "bin"


def seconds(value):
    return f"{value * 1000:.0f} ms" if value < 1 else f"{value:.2f} s"


def pairs(foreshot, folder, bin):
    """Rows of foreshot beside others."""
    check = [foreshot, "check", ".", "--output-format", "concise"]
    chains = {count: generated(folder, "revisions", count) for count in (500, 2500)}
    sql = generated(folder, "files", 2000)
    files = sorted(str(file.relative_to(sql)) for file in sql.glob("migrations/*.sql"))
    versions = "migrations/versions"
    cases = [
        ("500 revisions", "zdm 0.9.1", chains[500], [bin / "zdm", "--output-format", "compact", versions]),
        ("2,500 revisions", "zdm 0.9.1", chains[2500], [bin / "zdm", "--output-format", "compact", versions]),
        ("500 revisions", "alembic-guard", chains[500], [bin / "alembic-guard", versions]),
        ("500 revisions", "migsafe", chains[500], [bin / "migsafe", "analyze", versions]),
        ("500 revisions", "pytest-mrt", chains[500], [bin / "mrt", "check", versions]),
        ("2,000 SQL files", "squawk 2.70", sql, [bin / "squawk", "--reporter", "gcc", *files]),
    ]
    for what, other, data, command in cases:
        own, others = in_turns([check, command], data)
        yield what, other, own, others


def floors(foreshot, folder, floor):
    """Rows of foreshot beside only reading and parsing."""
    check = [foreshot, "check", ".", "--output-format", "concise"]
    for what, data in (
        ("2,500 revisions", generated(folder, "revisions", 2500)),
        ("2,000 SQL files", generated(folder, "files", 2000)),
    ):
        own, others = in_turns([check, [floor, "migrations"]], data)
        yield what, "only reading and parsing", own, others


def floor_program():
    """The program that only reads and parses, built if need be."""
    command = ["cargo", "build", "--release", "--manifest-path", "benches/floor/Cargo.toml", "--message-format", "json"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True).stdout
    messages = map(json.loads, built.splitlines())
    return next(one["executable"] for one in messages if one.get("target", {}).get("name") == "foreshot-floor" and one.get("executable"))


def singles(foreshot, folder):
    """One file of 5 and one of 10 MB, in every format that prints findings: name, seconds of CPU, bytes of memory a byte of text."""
    for format in ("concise", "text", "json", "sarif", "github", "junit"):
        row = []
        for size in (5, 10):
            data = generated(folder, "single", size)
            length = (data / "big.sql").stat().st_size
            (_, cpu, memory), = in_turns([[foreshot, "check", "big.sql", "--output-format", format]], data, 3)
            row.append((cpu, memory * 1024 / length))
        yield format, row


def growth(foreshot, folder, counts):
    """A point a length of the chain: revisions, CPU seconds, wall seconds, KB of memory, KB of text."""
    check = [foreshot, "check", ".", "--output-format", "concise", "--quiet"]
    for count in counts:
        data = generated(folder, "revisions", count)
        text = sum(file.stat().st_size for file in (data / "migrations" / "versions").iterdir()) / 1024
        (wall, cpu, memory), = in_turns([check], data, 3 if count <= 10000 else 1)
        yield count, cpu, wall, memory, text


def small(foreshot, folder):
    """What a commit waits for."""
    chain = generated(folder, "revisions", 1000)
    one = str(sorted((chain / "migrations" / "versions").iterdir())[500].relative_to(chain))
    (wall, _, _), = in_turns([[foreshot, "check", one]], chain, 15)
    yield "one changed file in 1,000 revisions", wall
    (wall, _, _), = in_turns([[foreshot, "--version"]], chain, 31)
    yield "`--version`", wall


def table(rows):
    lines = ["| | foreshot | | other | | times as fast |", "| --- | ---: | ---: | ---: | ---: | ---: |"]
    for what, other, own, others in rows:
        lines.append(
            f"| {what}, {other} | {seconds(own[0])} | {seconds(own[1])} CPU | {seconds(others[0])} | {seconds(others[1])} CPU | {others[0] / own[0]:.1f} |"
        )
    return "\n".join(lines)


def growth_table(points):
    lines = ["| revisions | CPU a revision | on the clock | memory | memory a revision beyond the text |", "| ---: | ---: | ---: | ---: | ---: |"]
    first = None
    for count, cpu, wall, memory, text in points:
        # what the program needs before the first revision is taken from the first point
        beyond = "" if first is None else f"{((memory - text) - (first[3] - first[4])) / (count - first[0]):.1f} KB"
        first = first or (count, cpu, wall, memory, text)
        lines.append(f"| {count:,} | {cpu / count * 1000:.2f} ms | {seconds(wall)} | {memory / 1024:.0f} MB | {beyond} |")
    return "\n".join(lines)


def picture(points):
    """CPU milliseconds a revision over the length of the chain, as SVG."""
    import math

    width, height, left, bottom = 640, 260, 60, 40
    most = max(cpu / count for count, cpu, *_ in points) * 1250
    low, high = math.log10(points[0][0]), math.log10(points[-1][0])
    across = lambda count: left + (math.log10(count) - low) / max(high - low, 1e-9) * (width - left - 30)
    up = lambda value: height - bottom - value / most * (height - bottom - 20)
    out = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {width} {height}" font-family="sans-serif" font-size="12">',
        f'<rect width="{width}" height="{height}" fill="white"/>',
        f'<path d="M{left} 10V{height - bottom}H{width - 20}" fill="none" stroke="#444"/>',
        f'<text x="{left}" y="{height - 6}">revisions in one chain</text>',
        f'<text x="6" y="14">ms CPU</text>',
    ]
    for part in range(1, 5):
        value = most * part / 5
        out.append(f'<path d="M{left} {up(value):.1f}H{width - 20}" stroke="#ddd"/>')
        out.append(f'<text x="{left - 6}" y="{up(value) + 4:.1f}" text-anchor="end">{value:.2f}</text>')
    marks = [(across(count), up(cpu / count * 1000), count) for count, cpu, *_ in points]
    line = " ".join(f"{x:.1f},{y:.1f}" for x, y, _ in marks)
    out.append(f'<polyline points="{line}" fill="none" stroke="#0969da" stroke-width="2"/>')
    for x, y, count in marks:
        out.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="3.5" fill="#0969da"/>')
        out.append(f'<text x="{x:.1f}" y="{height - bottom + 16}" text-anchor="middle">{count:,}</text>')
    out.append("</svg>\n")
    return "\n".join(out)


def put(path, name, text):
    """Writes what stands between two marks of a page."""
    page = path.read_text()
    pattern = re.compile(f"(<!-- {name} -->\n).*?(<!-- /{name} -->)", re.S)
    if not pattern.search(page):
        sys.exit(f"{path} has no place for {name}")
    path.write_text(pattern.sub(lambda found: f"{found[1]}\n{text}\n\n{found[2]}", page))


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("foreshot", type=pathlib.Path)
    parser.add_argument("folder", type=pathlib.Path)
    parser.add_argument("--only", choices=["pairs", "floor", "small", "single", "growth", "wide"])
    parser.add_argument("--most", type=int, default=GROWTH[-1], help="longest chain of the curve")
    parser.add_argument("--write", action="store_true", help="write the tables and the picture into README.md and docs")
    arguments = parser.parse_args()
    foreshot, folder = arguments.foreshot.resolve(), arguments.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    found = {}

    def asked(part):
        return arguments.only in (None, part)

    def say(part, text):
        found[part] = text
        print(f"\n{part}\n\n{text}", flush=True)

    if asked("pairs"):
        say("pairs", table(pairs(foreshot, folder, environment(folder))))
    if asked("floor"):
        say("floor", table(floors(foreshot, folder, floor_program())))
    if asked("small"):
        lines = [f"| {what} | {seconds(wall)} |" for what, wall in small(foreshot, folder)]
        lines.append(f"| the program | {foreshot.stat().st_size / 1e6:.1f} MB |")
        say("small", "\n".join(["| | |", "| --- | ---: |", *lines]))
    if asked("single"):
        lines = ["| format | 5 MB | 10 MB |", "| --- | ---: | ---: |"]
        for format, row in singles(foreshot, folder):
            lines.append(f"| `{format}` | " + " | ".join(f"{cpu:.2f} s CPU, {times:.0f} times its size" for cpu, times in row) + " |")
        say("single", "\n".join(lines))
    if asked("wide"):
        points = []
        for tables, data in ((0, generated(folder, "revisions", 2000)), (1000, generated(folder, "revisions", 1000, 1000))):
            (_, cpu, memory), = in_turns([[foreshot, "check", ".", "--output-format", "concise"]], data, 3)
            points.append((tables, cpu, memory))
        lines = [f"| {tables or 'none'} | {cpu / 2000 * 1000:.2f} ms | {memory / 1024:.0f} MB |" for tables, cpu, memory in points]
        say("wide", "\n".join(["| tables before the first of the last 1,000 revisions | CPU a revision | memory |", "| ---: | ---: | ---: |", *lines]))
    if asked("growth"):
        points = list(growth(foreshot, folder, [count for count in GROWTH if count <= arguments.most]))
        say("growth", growth_table(points))
        if arguments.write:
            (ROOT / "docs" / "growth.svg").write_text(picture(points))
            found["growth"] += "\n\n![CPU time a revision over the length of the chain](growth.svg)"
    if arguments.write:
        for part, text in found.items():
            put(ROOT / "docs" / "performance.md", part, text)
        if "pairs" in found:
            put(ROOT / "README.md", "pairs", found["pairs"])


main()
