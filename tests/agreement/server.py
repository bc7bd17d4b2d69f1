"""A PostgreSQL of our own for the length of a `with`: on a free port of the loopback, without safety against power cuts, in a temporary
folder. It never runs as root, is stopped by its process id, and leaves nothing behind."""

import contextlib
import os
import pathlib
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time

from install import Missing, call

SETTINGS = {
    "listen_addresses": "127.0.0.1",
    "unix_socket_directories": "",
    "fsync": "off",
    "synchronous_commit": "off",
    "full_page_writes": "off",
    "autovacuum": "off",
    "jit": "off",
    "timezone": "UTC",
    "shared_buffers": "64MB",
    "max_connections": "30",
    "max_locks_per_transaction": "1024",
    "max_prepared_transactions": "10",
    "min_wal_size": "32MB",
    "max_wal_size": "256MB",
    "wal_level": "logical",
}


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def identity():
    """Keyword arguments that make a child somebody other than root, since PostgreSQL refuses to run as root."""
    if os.geteuid():
        return {}
    account = pwd.getpwnam("nobody")
    return {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}


def reachable(programs, work, who):
    """The programs where that user can execute them: a copy where the build folder is closed to others."""
    with contextlib.suppress(PermissionError):
        if subprocess.run([programs / "postgres", "--version"], capture_output=True, cwd="/", **who).returncode == 0:
            return programs
    shutil.copytree(programs.parent, work / "native", symlinks=True)
    return work / "native" / programs.name


def answers(port):
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=1):
        return True
    return False


def start(programs, data, log, options):
    """Starts a server and waits until it listens; returns its process and port."""
    port = free_port()
    settings = [word for key, value in SETTINGS.items() for word in ("-c", f"{key}={value}")]
    with open(log, "wb") as output:
        process = subprocess.Popen(
            [programs / "postgres", "-D", data, "-p", str(port), *settings],
            stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True, **options,
        )
    deadline = time.monotonic() + 60
    while not answers(port):
        if process.poll() is not None or time.monotonic() > deadline:
            stop(process)
            last = (log.read_text(errors="replace").strip().splitlines() or ["it says nothing"])[-1]
            raise Missing(f"the PostgreSQL of {programs} does not start: {last}")
        time.sleep(0.05)
    return process, port


def stop(process):
    """Ends a server that we started: its sessions are cut off, no other process is touched."""
    if process.poll() is None:
        process.send_signal(signal.SIGINT)
        try:
            process.wait(20)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGQUIT)
            process.wait()


def data_folder():
    """Where databases are made and dropped by the hundred: in memory where there is some, which is five times as fast as a disk."""
    memory = pathlib.Path("/dev/shm")
    roomy = memory.is_dir() and os.access(memory, os.W_OK) and shutil.disk_usage(memory).free > 2 * 1024**3
    return tempfile.mkdtemp(prefix="foreshot-agreement-", dir=memory if roomy else None)


@contextlib.contextmanager
def servers(programs, count):
    """`count` servers of the same kind; yields their URLs. Roles and databases of one are unknown to the others."""
    work, store, who = pathlib.Path(tempfile.mkdtemp(prefix="foreshot-agreement-")), pathlib.Path(data_folder()), identity()
    running = []
    try:
        for folder in (work, store):
            folder.chmod(0o755)
            if who:
                os.chown(folder, who["user"], who["group"])
        programs = reachable(programs, work, who)
        environment = {"LC_ALL": "C", "TZ": "UTC", "PATH": os.environ.get("PATH", ""), "HOME": str(work)}
        environment["LD_LIBRARY_PATH"] = environment["DYLD_LIBRARY_PATH"] = str(programs.parent / "lib")
        options = {"cwd": work, "env": environment, **who}
        first = store / "0"
        call([programs / "initdb", "-D", first, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C", "-N"], **options)
        for number in range(1, count):
            call(["cp", "-a", first, store / str(number)], **options)
        urls = []
        for number in range(count):
            process, port = start(programs, store / str(number), work / f"log{number}", options)
            running.append(process)
            urls.append(f"postgresql://postgres@127.0.0.1:{port}/postgres")
        yield urls
    finally:
        for process in running:
            stop(process)
        for folder in (work, store):
            shutil.rmtree(folder, ignore_errors=True)
