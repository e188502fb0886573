"""Runs transfers in processes that end themselves by SIGKILL at a chosen step: a statement, a commit, a request, a change of a file.

It reads jobs from standard input, a JSON object a line, and forks for each, so that Airflow is imported once. To each it answers, on the
descriptor that it is given, with the signal that ended it, or 0, the number of steps that it came to, and the KiB of memory that it took at most.
"""

import json
import os
import signal
import sys
import threading
import traceback
from importlib import import_module
from pathlib import Path

from e3db_connectors.airflow.sql import session as warehouse_sessions
from e3db_connectors.airflow.sql.session import Session
from e3db_connectors.airflow.transfers.e3db_to_object_storage import E3DBToObjectStorageOperator
from e3db_connectors.airflow.transfers.e3db_to_sql import E3DBToSqlOperator
from e3db_connectors.airflow.transfers.object_storage_to_e3db import ObjectStorageToE3DBOperator
from e3db_connectors.airflow.transfers.sql_to_e3db import SqlToE3DBOperator
from e3db_connectors.client import sessions
from e3db_connectors.sync.file_formats import JsonLines

OPERATORS = {
    operator.__name__: operator
    for operator in (E3DBToSqlOperator, SqlToE3DBOperator, E3DBToObjectStorageOperator, ObjectStorageToE3DBOperator)
}
STEPS = [
    (sessions.Session, "request"),
    (Session, "execute"),
    (Session, "execute_many"),
    (JsonLines, "write"),
    (os, "fsync"),
    (Path, "replace"),
]
for driver in (
    "duckdb",
    "psycopg",
    "psycopg2",
    "sqlite3",
    "airflow.providers.postgres.hooks.postgres",
    "e3db_connectors.airflow.sql.generic",
):
    import_module(driver)  # before the forks


class Steps:
    """Counts; the fatal one is not taken any more."""

    def __init__(self, fatal):
        self.count, self._fatal, self._lock = 0, fatal, threading.Lock()

    def before(self, owner, name):
        function = getattr(owner, name)

        def counted(*arguments, **options):
            with self._lock:
                self.count += 1
                if self.count == self._fatal:
                    os.kill(os.getpid(), signal.SIGKILL)
            return function(*arguments, **options)

        setattr(owner, name, counted)


class Committing:
    """A connection whose commit is a step."""

    def __init__(self, connection, steps):
        self._connection, self._steps = connection, steps
        self.commit = connection.commit
        steps.before(self, "commit")

    def __getattr__(self, name):
        return getattr(self._connection, name)


def run(job, answer):
    if job["unknown"]:
        warehouse_sessions.DIALECTS = {}
    steps = Steps(job["kill_at"])
    for owner, name in STEPS:
        steps.before(owner, name)
    begin = Session.__init__

    def opened(session, connection, dialect, mark):
        begin(session, connection, dialect, mark)
        session._connection = Committing(connection, steps)

    Session.__init__ = opened
    OPERATORS[job["operator"]](task_id="transfer", **job["options"]).execute({})
    # Not `ru_maxrss`: it begins at what the process that started this one takes.
    peak = next(line.split()[1] for line in Path("/proc/self/status").read_text().splitlines() if line.startswith("VmHWM"))
    os.write(answer, f"{steps.count} {peak}".encode())


with os.fdopen(int(sys.argv[1]), "w") as answers:
    for line in sys.stdin:
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            job = json.loads(line)
            os.environ |= job["environment"]
            try:
                run(job, writing)
            except BaseException:  # noqa: BLE001 - a child must not come back into the loop
                traceback.print_exc()
                os._exit(1)
            os._exit(0)
        os.close(writing)
        _, status = os.waitpid(child, 0)
        with os.fdopen(reading) as pipe:
            count, peak = map(int, pipe.read().split() or (0, 0))
        answer = {"signal": -os.waitstatus_to_exitcode(status), "steps": count, "peak": peak}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()
