"""PostgreSQL's own regression scripts: foreshot's answers beside a server's, statement by statement.

    apt-get source --download-only postgresql-15 && tar xf postgresql-15_*.orig.tar.bz2
    cargo test --test server_scripts --no-run         # prints where the program is
    python3 tests/agreement/regression.py --answers target/debug/deps/server_scripts-... --source postgresql-15.18 \\
        --major 15 --connect "host=127.0.0.1 port=5432 user=postgres" [--keep FOLDER] [--show 40] [--only 163_foreign_key.sql]

The scripts of `parallel_schedule` run one after the other, in one database that this program makes anew (`regression_scripts`), through psql with
`ON_ERROR_ROLLBACK`: a failing statement is undone alone, as foreshot's session does it. On the other side the same files are executed on the simulated
server, in a closed world. Per statement the two answers are compared: ok, or the SQLSTATE. `--keep` keeps the server's answers for the next time.

The server should be one for tests alone: the scripts make roles, tablespaces and whatever else they like. Functions in C need `regress.so`, built from
`src/test/regress/regress.c` beside the scripts (`gcc -shared -fPIC -I$(pg_config --includedir-server)`).
"""

import argparse
import collections
import json
import os
import pathlib
import re
import shutil
import subprocess
import tempfile


def scripts(source):
    """The scripts in the order of the schedule."""
    regress = source / "src/test/regress"
    for line in (regress / "parallel_schedule").read_text().splitlines():
        if line.startswith("test:"):
            for name in line[5:].split():
                yield regress / "sql" / f"{name}.sql"


def lay_out(source, folder):
    """Copies the scripts, numbered, with what psql must not do: change its verbosity, or read the rest of a file as rows of a COPY that failed."""
    folder.mkdir(parents=True)
    for number, script in enumerate(scripts(source), 1):
        text = script.read_bytes()
        text = re.sub(rb"(?im)^\\(set|unset) (VERBOSITY|ON_ERROR_ROLLBACK|SHOW_CONTEXT)[^\n]*", b"", text)
        text = re.sub(rb"(?im)^([ \t]*copy [^;]*from stdin[^;\n]*;[^\n]*)\n[ \t]*\n", rb"\1\n\\.\n", text)
        (folder / f"{number:03}_{script.name}").write_bytes(text)


def ask_server(folder, source, connect, write):
    """Runs the scripts and writes each error with its file, line and SQLSTATE."""
    regress = source / "src/test/regress"
    (regress / "results").mkdir(exist_ok=True)
    environment = os.environ | {
        "PG_ABS_SRCDIR": str(regress), "PG_ABS_BUILDDIR": str(regress), "PG_LIBDIR": str(regress), "PG_DLSUFFIX": ".so",
        "PGTZ": "America/Los_Angeles", "PGDATESTYLE": "Postgres, MDY", "LC_ALL": "C",
        "PGOPTIONS": "-c intervalstyle=postgres_verbose -c lock_timeout=10s",
    }

    def psql(database, *arguments):
        return subprocess.run(["psql", "-X", "-q", "-d", f"{connect} dbname={database}", *arguments], env=environment, cwd=regress,
                              stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, timeout=900, check=False).stderr

    psql("postgres", "-c", "DROP DATABASE IF EXISTS regression_scripts")
    psql("postgres", "-c", "CREATE DATABASE regression_scripts TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'")
    for setting in ("lc_messages TO 'C'", "bytea_output TO 'hex'"):
        psql("postgres", "-c", f"ALTER DATABASE regression_scripts SET {setting}")
    switches = [word for name in ("HIDE_TABLEAM=on", "HIDE_TOAST_COMPRESSION=on", "VERBOSITY=verbose", "ON_ERROR_ROLLBACK=on")
                for word in ("-v", name)]
    for script in sorted(folder.iterdir()):
        errors = psql("regression_scripts", *switches, "-f", str(script))
        for found in re.finditer(rb"^psql:[^\n]*?\.sql:(\d+): (?:ERROR|FATAL):  (\w{5}): ([^\n]*)", errors, re.M):
            write({"file": script.name, "line": int(found[1]), "sqlstate": found[2].decode(), "message": found[3].decode("utf8", "replace")})


def pair(events, errors):
    """Each statement with the server's error of its line. Several on a line: those that agree first, then failing ones, then the last."""
    lines = collections.defaultdict(list)
    for event in events:
        lines[event["end_line"]].append(event)
    for line, own in lines.items():
        rest = list(errors.get(line, ()))
        if not rest and own[0]["statement"][:4].lower() == "copy":
            # psql says that rows are wrong once it has sent them
            later = next((number for number in range(line, line + 60) if number in errors and number not in lines), None)
            rest = list(errors.get(later, ()))
        open_events = []
        for event in own:
            hit = next((error for error in rest if error["sqlstate"] == event["sqlstate"]), None)
            if hit:
                rest.remove(hit)
                yield event, hit
            else:
                open_events.append(event)
        rank = {"error": 0, "unknown": 1, "ok": 2}
        for _, event in sorted(enumerate(open_events), key=lambda one: (rank[one[1]["outcome"]], -one[0])):
            yield event, rest.pop(0) if rest else None


def verdict(event, error):
    if event["outcome"] == "unknown":
        return "unknown"
    if event["outcome"] == "ok":
        return "missed" if error else "agrees, ok"
    if error is None:
        return "invented"
    return "agrees, error" if error["sqlstate"] == event["sqlstate"] else "other SQLSTATE"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--answers", required=True, type=pathlib.Path, help="the program of tests/server_scripts.rs")
    parser.add_argument("--source", required=True, type=pathlib.Path, help="PostgreSQL's source, unpacked")
    parser.add_argument("--major", required=True)
    parser.add_argument("--connect", default="", help="how psql connects")
    parser.add_argument("--keep", type=pathlib.Path)
    parser.add_argument("--show", type=int, default=0, help="how many kinds of disagreement, the commonest first")
    parser.add_argument("--only", help="all disagreements of one script")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as temporary:
        folder = pathlib.Path(temporary) / "scripts"
        lay_out(options.source, folder)
        # the server reads them as a user of its own
        for path in (pathlib.Path(temporary), folder, *folder.iterdir()):
            path.chmod(0o755)
        kept = options.keep and options.keep / f"regression-{options.major}.jsonl"
        if kept and kept.exists():
            errors = [json.loads(line) for line in kept.read_text().splitlines()]
        else:
            errors = []
            ask_server(folder, options.source.resolve(), options.connect, errors.append)
            if kept:
                kept.parent.mkdir(parents=True, exist_ok=True)
                kept.write_text("".join(json.dumps(error) + "\n" for error in errors))
        answers = subprocess.run([options.answers, options.major, folder], capture_output=True, text=True, check=True).stdout
    by_line = collections.defaultdict(lambda: collections.defaultdict(list))
    for error in errors:
        by_line[error["file"]][error["line"]].append(error)
    events, gaps = collections.defaultdict(list), 0
    for line in answers.splitlines():
        event = json.loads(line)
        gaps += "gap" in event
        if "outcome" in event:
            events[event["file"]].append(event)
    totals, kinds = collections.Counter(), collections.defaultdict(list)
    for file, own in events.items():
        for event, error in pair(own, by_line[file]):
            said = verdict(event, error)
            totals[said] += 1
            if said in ("missed", "invented", "other SQLSTATE"):
                key = (said, error and error["sqlstate"], event["sqlstate"])
                kinds[key].append((file, event["line"], " ".join(event["statement"].split())[:140], error["message"][:90] if error else event["reason"][:90]))
    agreed = totals["agrees, ok"] + totals["agrees, error"]
    known = sum(totals.values()) - totals["unknown"]
    spoken = totals["agrees, error"] + totals["invented"] + totals["other SQLSTATE"]
    print(f"{len(events)} scripts, {sum(totals.values())} statements, {gaps} lines for psql that are not followed")
    for said, count in totals.most_common():
        print(f"{count:7} {said}")
    print(f"agreement {agreed / known:.4f}, precision of errors {totals['agrees, error'] / spoken:.4f}")
    for (said, server, own), found in sorted(kinds.items(), key=lambda kind: -len(kind[1]))[: options.show]:
        print(f"{len(found):5} {said}: server {server or 'ok'}, foreshot {own or 'ok'}")
        for file, line, statement, why in found[:3]:
            print(f"        {file}:{line}  {statement}  [{why}]")
    if options.only:
        for key, found in kinds.items():
            for file, line, statement, why in found:
                if file == options.only:
                    print(f"{file}:{line} {key}  {statement}  [{why}]")


if __name__ == "__main__":
    shutil.which("psql") or exit("psql is needed")
    main()
