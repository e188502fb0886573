"""Rows of real databases into records."""

import json
import sqlite3
from contextlib import closing
from decimal import Decimal

import pytest
from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.airflow.sql.errors import TransferConflict
from e3db_connectors.airflow.sql.states import StateRow
from e3db_connectors.airflow.transfers.sql_to_e3db import SqlToE3DBOperator
from e3db_connectors.sync import read_pages


@pytest.fixture
def save(connected, context):  # noqa: ARG001 - the connection has to be there
    def run(**options):
        options = {"record_type": "person", "sql_conn_id": "warehouse", "key_columns": ["id"], **options}
        return SqlToE3DBOperator(task_id="save", **options).execute(context)

    return run


@pytest.fixture
def people(warehouse):
    warehouse.query("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT, born INTEGER, score DOUBLE PRECISION)")
    warehouse.query("INSERT INTO people VALUES (1, 'Ada', 1815, 1.5), (2, 'Grace', 1906, NULL), (3, NULL, NULL, 2.0)")
    return warehouse


def rows_of(client, record_type="person"):
    rows = [row for page in read_pages(client, record_type) for row in page.rows]
    return sorted(
        ({name: value for name, value in row.items() if not name.startswith("_e")} for row in rows), key=lambda row: int(row["id"])
    )


def test_a_table(save, connected, people):
    manifest = save(table="people")
    assert (manifest["records"], manifest["created"], manifest["cursor"]) == (3, 3, None)
    assert rows_of(connected) == [
        {"id": 1, "name": "Ada", "born": 1815, "score": Decimal("1.5")},
        {"id": 2, "name": "Grace", "born": 1906, "score": None},
        {"id": 3, "name": None, "born": None, "score": 2},
    ]
    people.query("UPDATE people SET name = 'Ada L.' WHERE id = 1")
    again = save(table="people", schema=people.schema, batch_size=1)
    assert (again["updated"], again["unchanged"]) == (1, 2)


def test_a_query_and_what_stays_in_clear(save, connected, people):
    sql = "SELECT id, name, born FROM people WHERE born > 1900 AND name LIKE '%ac%';"
    assert save(sql=sql, columns=["born"], plain_columns=["born"])["created"] == 1
    [record] = connected.query_all(record_type="person")
    assert (record.data, record.meta.plain["born"]) == ({"id": "2", "born": "1906"}, "1906")
    assert people.kind


def test_only_what_has_grown_is_read_again(save, connected, people):
    assert save(table="people", incremental_column="born", batch_size=1) == {
        "record_type": "person",
        "table": "people",
        "records": 3,
        "created": 3,
        "updated": 0,
        "unchanged": 0,
        "superseded": 0,
        "failed": 0,
        "cursor": "1906",
    }
    people.query("INSERT INTO people VALUES (4, 'Edith', 1906, NULL), (5, 'Kay', 1921, NULL), (6, 'old', 1700, NULL)")
    manifest = save(table="people", incremental_column="born")
    # The greatest value is read again, for a row may have got it since; and rows without one always are.
    assert (manifest["created"], manifest["unchanged"], manifest["cursor"]) == (2, 2, "1921")
    assert [row["id"] for row in rows_of(connected)] == [1, 2, 3, 4, 5]
    with pytest.raises(AirflowFailException, match="is of the column born"):
        save(table="people", incremental_column="score")


@pytest.mark.parametrize("column", ["TIMESTAMP WITH TIME ZONE", "TIMESTAMP", "DATE", "NUMERIC(20,3)", "TEXT"])
def test_cursors_of_every_kind(save, warehouse, column):
    values = ["100.001", "200.002"] if "NUM" in column else ["2026-01-01", "2026-02-01"]
    warehouse.query(f'CREATE TABLE "odd %s" (id INTEGER, "at ""%s" {column})')
    for number, value in enumerate(values):
        warehouse.query(f"INSERT INTO \"odd %s\" VALUES ({number}, '{value}')")  # noqa: S608
    options = {"table": "odd %s", "incremental_column": 'at "%s'}
    assert save(**options)["created"] == 2
    again = save(**options)
    assert (again["unchanged"], again["created"]) == (1, 0)
    if column == "TEXT":
        assert again["cursor"] is None


def test_values_that_json_has_not(save, connected, postgres):
    postgres.query("CREATE TABLE t (id INT, at TIMESTAMPTZ, day DATE, raw BYTEA, u UUID, n NUMERIC, doc JSONB, tags TEXT[])")
    uuid = "b3bd3c1e-8e5c-4a3f-9f1e-111111111111"
    postgres.query(
        f"INSERT INTO t VALUES (1, '2026-01-02 03:04:05+02', '2026-01-02', 'ab', '{uuid}', 1.50, '{{\"a\": [1]}}', ARRAY['x'])"  # noqa: S608
    )
    save(table="t")
    [record] = connected.query_all(record_type="person")
    assert record.data["at"] == "2026-01-02T01:04:05.000000Z"
    assert (record.data["day"], record.data["raw"], record.data["u"], record.data["n"]) == ("2026-01-02", "YWI=", uuid, "1.50")
    assert (json.loads(record.data["doc"]), json.loads(record.data["tags"])) == ({"a": [1]}, ["x"])


def test_a_column_that_is_empty_at_first(save, connected, sqlite):
    sqlite.query("CREATE TABLE people (id, late)")
    sqlite.query("INSERT INTO people VALUES (1, NULL), (2, 7)")
    save(table="people", batch_size=1)
    assert [row["late"] for row in rows_of(connected)] == [None, "7"]  # two schemas are united as text
    save(table="people", column_schemas={"late": {"type": ["integer", "null"]}})


def test_bad_rows(save, connected, sqlite, tmp_path):
    sqlite.query("CREATE TABLE people (id, name)")
    sqlite.query("INSERT INTO people VALUES (1, 'Ada'), (NULL, 'canary')")
    with pytest.raises(AirflowFailException) as raised:
        save(table="people")
    assert "canary" not in str(raised.value)
    letters = tmp_path / "dead.jsonl"
    manifest = save(table="people", on_error="dead_letter", dead_letter_file=str(letters))
    assert (manifest["failed"], manifest["created"]) == (1, 1)
    assert "canary" not in letters.read_text()
    assert len(list(connected.query_all(record_type="person"))) == 1


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"table": "people", "key_columns": []}, "key_columns is empty"),
        ({"table": "people", "sql": "SELECT 1"}, "either table or sql"),
        ({"table": "people", "key_columns": ["nope"]}, "no column nope"),
        ({"sql": "SELECT 1 AS id, 2 AS id"}, "same name"),
    ],
)
def test_what_cannot_be_read(save, people, options, words):
    if people.kind != "postgres" and "same" in words:
        pytest.skip("others rename them themselves")
    with pytest.raises(AirflowFailException, match=words):
        save(**options)


def test_two_at_once(save, people, monkeypatch):
    """Another task moves the cursor between reading and saving it."""
    save_state, others = StateRow.save, []

    def overtaken(row, state):
        if not others:
            others.append(True)
            number = row._number
            save_state(row, state)
            row._number = number
        save_state(row, state)

    monkeypatch.setattr(StateRow, "save", overtaken)
    with pytest.raises(TransferConflict):
        save(table="people", incremental_column="id")
    assert save(table="people", incremental_column="id")["created"] == 0
    assert people.kind


@pytest.mark.parametrize("columns", [["nmae"], "name"])
def test_columns_that_are_none_write_nothing(save, connected, sqlite, columns):
    sqlite.query("CREATE TABLE people (id INTEGER PRIMARY KEY, name TEXT)")
    sqlite.query("INSERT INTO people VALUES (1, 'Ada')")
    with pytest.raises(AirflowFailException, match="columns"):
        save(table="people", columns=columns)
    assert list(connected.query_all(record_type="person")) == []


def test_each_source_has_a_cursor_of_its_own(save, connected, make_warehouse, connect, tmp_path):
    warehouse = make_warehouse("duckdb")
    other = sqlite3.connect(tmp_path / "other.sqlite")
    with closing(other), other:
        other.execute("CREATE TABLE people (id INTEGER PRIMARY KEY, moment INTEGER)")
        other.execute("INSERT INTO people VALUES (30, 1)")
    connect(json.dumps({"conn_type": "sqlite", "host": str(tmp_path / "other.sqlite")}), "other")
    for number, schema in enumerate(("a", "b")):
        warehouse.query(f"CREATE SCHEMA {schema}")
        warehouse.query(f"CREATE TABLE {schema}.people (id INTEGER PRIMARY KEY, moment INTEGER)")
        warehouse.query(f"INSERT INTO {schema}.people VALUES ({number}, {20 - number})")  # noqa: S608 - ours
    told = [save(table="people", schema=schema, incremental_column="moment")["created"] for schema in ("a", "b")]
    told.append(save(sql_conn_id="other", state_conn_id="warehouse", table="people", incremental_column="moment")["created"])
    warehouse.query('CREATE TABLE "a.people" (id INTEGER PRIMARY KEY, moment INTEGER)')
    warehouse.query('INSERT INTO "a.people" VALUES (40, 2)')
    told.append(save(table="a.people", incremental_column="moment")["created"])
    assert told == [1, 1, 1, 1]
    assert len(list(connected.query_all(record_type="person"))) == 4


def test_a_cursor_of_an_earlier_version_counts(save, sqlite):
    sqlite.query("CREATE TABLE people (id INTEGER PRIMARY KEY)")
    sqlite.query("INSERT INTO people VALUES (1), (2)")
    options = {"table": "people", "schema": "main", "incremental_column": "id"}
    assert save(**options)["records"] == 2
    sqlite.query("UPDATE _e3db_state SET destination = 'from main.people'")
    assert [save(**options)["records"], save(**options)["records"]] == [1, 1]
    assert sqlite.query("SELECT destination FROM _e3db_state") == [('from "main"."people"',)]


def test_keys_of_mixed_kinds_are_refused(save, sqlite):
    sqlite.query("CREATE TABLE people (id)")
    sqlite.query("INSERT INTO people VALUES (1), ('a')")
    with pytest.raises(AirflowFailException, match=r"key column id of person holds texts and other values.* in `column_schemas`"):
        save(table="people")
    assert save(table="people", column_schemas={"id": {"type": ["integer", "string"]}})["created"] == 2
