"""Workers that answer questions side by side, each with a server of its own."""

import collections
import contextlib
import json
import os
import pathlib
import shutil
import subprocess
import tempfile
import threading

import install
import server

HERE = pathlib.Path(__file__).resolve().parent


class Combination(collections.namedtuple("Combination", "postgres alembic sqlalchemy")):
    """Versions that are asked together."""

    def __str__(self):
        return f"PostgreSQL {self.postgres}, SQLAlchemy {self.sqlalchemy}, Alembic {self.alembic}"

    @property
    def flags(self):
        """The same for foreshot."""
        return [
            "--postgres-version", str(self.postgres), "--alembic-version", self.alembic, "--sqlalchemy-version", self.sqlalchemy,
        ]


class Worker:
    """A process that answers, one question at a time."""

    def __init__(self, interpreter, url):
        self.command = [interpreter, HERE / "worker.py", url]
        self.process, self.scratch = None, tempfile.mkdtemp(prefix="foreshot-agreement-")

    def ask(self, question):
        if self.process is None or self.process.poll() is not None:
            environment = {"PATH": os.environ.get("PATH", ""), "PYTHONHASHSEED": "0", "HOME": self.scratch}
            # what migrations write, to their folder or their output, is no matter of ours; an answer that does not come is
            self.process = subprocess.Popen(
                self.command, cwd=self.scratch, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, env=environment,
            )
        self.process.stdin.write(json.dumps(question) + "\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        return json.loads(line) if line else {"broken": f"the worker ended with status {self.process.wait()}"}

    def close(self):
        if self.process is not None:
            self.process.stdin.close()
            self.process.wait()
            self.process.stdout.close()
        shutil.rmtree(self.scratch, ignore_errors=True)


def size():
    return max(1, min(4, os.cpu_count() or 1))


@contextlib.contextmanager
def workers(combination, count=None, extra=()):
    """Workers of a combination, each with a server of its own, for the length of a `with`."""
    interpreter = install.python(combination.alembic, combination.sqlalchemy, extra)
    programs = install.postgresql(combination.postgres)
    with server.servers(programs, count or size()) as urls:
        made = [Worker(interpreter, url) for url in urls]
        try:
            yield made
        finally:
            for worker in made:
                worker.close()


def ask_all(made, questions, told=lambda number, answer: None):
    """The answers to all questions, in their order; `told` hears each as it comes."""
    answers, left, lock = [None] * len(questions), iter(range(len(questions))), threading.Lock()

    def work(worker):
        while True:
            with lock:
                number = next(left, None)
            if number is None:
                return
            answers[number] = worker.ask(questions[number])
            told(number, answers[number])

    threads = [threading.Thread(target=work, args=(worker,)) for worker in made]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return answers
