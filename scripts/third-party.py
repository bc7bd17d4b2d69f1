#!/usr/bin/env python3
"""Writes THIRD-PARTY.md: every crate that the program is made of, with its licence texts.

usage: third-party.py [--check]     --check: exit 1 where the file is not what would be written

Asks `cargo metadata` which crates the program is built from (no build-time crates), and takes the texts from their sources. A crate
that ships none is named with its licence expression and its repository. A crate that carries C code of others is listed with that code's own licence files.
"""

import argparse
import collections
import json
import pathlib
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
NAMES = ("license", "licence", "copying", "notice", "copyright", "unlicense")


def crates():
    """The crates of the program on the platforms that are released, sorted by name and version."""
    command = ["cargo", "metadata", "--locked", "--format-version", "1"]
    for target in ("x86_64-unknown-linux-gnu", "x86_64-pc-windows-msvc", "aarch64-apple-darwin"):
        command += ["--filter-platform", target]
    found = {}
    metadata = json.loads(subprocess.run(command, cwd=ROOT, check=True, capture_output=True).stdout)
    packages = {package["id"]: package for package in metadata["packages"]}
    nodes = {node["id"]: node for node in metadata["resolve"]["nodes"]}
    queue = [metadata["resolve"]["root"]]
    while queue:
        node = nodes[queue.pop()]
        for dependency in node["deps"]:
            if dependency["pkg"] in found or all(kind["kind"] is not None for kind in dependency["dep_kinds"]):
                continue
            package = packages[dependency["pkg"]]
            # a macro runs in the compiler: nothing of it is in the program
            if any("proc-macro" in target["kind"] for target in package["targets"]):
                continue
            found[package["id"]] = package
            queue.append(package["id"])
    return sorted(found.values(), key=lambda package: (package["name"], package["version"]))


def texts(package):
    """Name and text of each licence file of a crate, those of the code that it carries included."""
    folder = pathlib.Path(package["manifest_path"]).parent
    files = [file for file in folder.rglob("*") if file.is_file() and file.name.lower().startswith(NAMES)]
    wanted = (file for file in files if file.suffix.lower() in ("", ".md", ".txt", ".mit", ".apache", ".apache2"))
    for file in sorted(wanted, key=lambda file: (len(file.parts), str(file))):
        yield str(file.relative_to(folder)), "\n".join(line.rstrip() for line in file.read_text(errors="replace").strip().splitlines())


def render():
    """The whole file: a table of crates, then each text once with the crates that carry it."""
    table, carriers = [], collections.OrderedDict()
    for package in crates():
        label = f"{package['name']} {package['version']}"
        licence = package.get("license") or "see its text"
        repository = package.get("repository") or "none named"
        table.append(f"| {label} | {licence} | {repository} |")
        for name, text in texts(package):
            carriers.setdefault(text, []).append(label if "/" not in name else f"{label} ({name})")
    lines = ["# Third-party licences", "", "foreshot's program is built from these crates. `scripts/third-party.py` writes this file.", ""]
    lines += ["| crate | licence | source |", "| --- | --- | --- |", *table, ""]
    for text, names in carriers.items():
        lines += [f"## {', '.join(names)}", "", "````text", text, "````", ""]
    return "\n".join(lines)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--check", action="store_true", help="exit 1 where THIRD-PARTY.md is not what would be written")
    arguments = parser.parse_args()
    target, written = ROOT / "THIRD-PARTY.md", render()
    if not arguments.check:
        target.write_text(written)
    elif not target.exists() or target.read_text() != written:
        sys.exit("THIRD-PARTY.md is not what the crates are: run `python3 scripts/third-party.py`")


if __name__ == "__main__":
    main()
