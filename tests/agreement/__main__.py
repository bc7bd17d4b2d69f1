"""Asks a real PostgreSQL whether foreshot's pages, tables and answers are true. `cargo test --test agreement` starts it.

usage: agreement [check] [--only TEXT]    the examples, the measured tables and the example project on PostgreSQL 15 with SQLAlchemy 2.0
       agreement matrix [--only TEXT]     the same on 11, 14, 18 with SQLAlchemy 1.4, 2.0, 2.1, and the examples that ask for versions of their own
       agreement corpus [PACKAGE...]      real revisions: foreshot's answers against the server's, as the README's table
       agreement fixes [PACKAGE...]       real revisions that foreshot fixed: does the server agree that they are cured, and do what they did
       agreement diff [PACKAGE...]        what this foreshot finds in the public corpus, against the committed numbers or another program
"""

import argparse
import signal
import sys
import time

sys.dont_write_bytecode = True

import check  # noqa: E402
import corpus  # noqa: E402
import findings  # noqa: E402
import fixes  # noqa: E402
import install  # noqa: E402


def stop(*_):
    raise SystemExit("agreement: stopped")


def main():
    parser = argparse.ArgumentParser(prog="agreement", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--foreshot", required=True, help=argparse.SUPPRESS)
    parser.add_argument("--examples", required=True, help=argparse.SUPPRESS)
    commands = parser.add_subparsers(dest="command")
    for name in ("check", "matrix"):
        command = commands.add_parser(name)
        command.add_argument("--only", default="", help="only the examples and rows whose place or title has this")
        command.add_argument("--verbose", action="store_true", help="a line an example, and why some are not decided")
        command.add_argument("--write", action="store_true", help="write tests/demo/shop.truth.jsonl, or tests/agreement/matrix.txt, anew")
    command = commands.add_parser("corpus")
    command.add_argument("package", nargs="*", help="only these packages")
    command.add_argument("--seconds", type=int, default=7200, help="how long one folder may take on the server")
    command.add_argument("--verbose", action="store_true", help="every answer that differs")
    command.add_argument("--write", action="store_true", help="put the table into README.md")
    command = commands.add_parser("fixes")
    command.add_argument("package", nargs="*", help="only these packages")
    command.add_argument("--seconds", type=int, default=7200, help="how long one folder may take on the server")
    command.add_argument("--verbose", action="store_true", help="every file where the server does not agree")
    command = commands.add_parser("diff")
    command.add_argument("package", nargs="*", help="only these packages")
    command.add_argument("--against", metavar="BINARY|FILE", help="another foreshot, or what `--save` wrote: shows the findings themselves")
    command.add_argument("--save", metavar="FILE", help="keep the findings for a later `--against`")
    command.add_argument("--write", action="store_true", help="write tests/corpus/summary.tsv anew")
    arguments = parser.parse_args()
    if arguments.command is None:
        arguments = parser.parse_args([*sys.argv[1:], "check"])
    # so that the servers are stopped then too
    signal.signal(signal.SIGTERM, stop)
    started = time.monotonic()
    try:
        status = {"check": check.check, "matrix": check.matrix, "corpus": corpus.corpus, "fixes": fixes.fixes, "diff": findings.diff}[arguments.command](arguments)
    except install.Missing as failure:
        print(f"agreement: {failure}", file=sys.stderr)
        status = 2
    print(f"agreement: {'as it should be' if status == 0 else 'FAILED'}, after {time.monotonic() - started:.0f} s", flush=True)
    sys.exit(status)


main()
