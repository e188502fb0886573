"""Databases that transfers do not know by name, with hooks and databases as real as any."""

from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta

import pytest
from airflow.providers.sqlite.hooks.sqlite import SqliteHook
from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.airflow.sql import session
from e3db_connectors.airflow.sql.errors import TransferConflict, told
from e3db_connectors.airflow.transfers.sql_to_e3db import SqlToE3DBOperator
from e3db_connectors.airflow.transfers.verify_window import E3DBVerifyWindowOperator
from e3db_connectors.sync.writing import open_writer
from e3db_connectors.wire.records import Record

pytestmark = pytest.mark.usefixtures("unknown")

COLUMNS = {
    "id": {"type": "integer"},
    "name": {"type": ["string", "null"]},
    "n": {"type": ["number", "null"]},
    "b": {"type": ["boolean", "null"]},
    "o": {"type": ["object", "null"]},
}


def write(client, *rows, columns=COLUMNS):
    open_writer(client, "Contact", columns, ["id"]).write(rows)


def record_of(client, number):
    [found] = [record for record in client.query_all(record_type="Contact") if record.data["id"] == str(number)]
    return found


def tables(warehouse):
    if warehouse.kind == "sqlite":
        return {name for (name,) in warehouse.query("SELECT name FROM sqlite_master WHERE type = 'table'")}
    named = warehouse.query("SELECT table_schema, table_name FROM information_schema.tables")
    return {name for schema, name in named if schema == warehouse.schema}


def test_changes_come_once_with_their_types_and_deletes(load, connected, warehouse):
    write(connected, {"id": 1, "name": "Ada", "n": 1.5, "b": True, "o": {"a": "ü"}}, {"id": 2, "name": "Grace"}, {"id": 3, "name": "gone"})
    manifest = load("Contact", table="people", detect_deletes=True)
    assert (manifest["records"], manifest["deleted"], manifest["schema"]) == (3, 0, warehouse.schema)
    warehouse.query("ALTER TABLE people ADD COLUMN mine INTEGER")
    warehouse.query("UPDATE people SET mine = 7")
    gone = record_of(connected, 3).meta
    connected.delete(gone.record_id, gone.version)
    write(
        connected,
        {"id": 2, "name": "Grace H.", "new": "!"},
        {"id": 4, "name": 'per%s "cent"?'},
        columns={**COLUMNS, "new": COLUMNS["name"]},
    )
    manifest = load("Contact", table="people", detect_deletes=True, page_size=1)
    assert (manifest["records"], manifest["deleted"]) == (2, 1)
    assert load("Contact", table="people")["records"] == 0
    assert sorted(warehouse.query("SELECT id, name, n, b, o, new, mine, _e3db_deleted_at IS NULL FROM people")) == [
        (1, "Ada", 1.5, True, '{"a":"ü"}', None, 7, True),
        (2, "Grace H.", None, None, None, "!", 7, True),
        (3, "gone", None, None, None, None, 7, False),
        (4, 'per%s "cent"?', None, None, None, None, None, True),
    ]
    assert tables(warehouse) == {"people", "_e3db_state"}


def test_awkward_names(load, connected, warehouse):
    names = ["select", 'quo"te', "per%cent %s", "que?stion", "ctid", "Name", "name", "x" * 100, " "]
    connected.write("Contact", {name: name for name in names})
    for _ in range(2):
        load("Contact", table='odd "%s" table; --')
    assert len(warehouse.columns('odd "%s" table; --')) == len(names) + 9


def test_an_older_and_slower_task_takes_nothing_back(load, connected, warehouse, pause, context):
    write(connected, {"id": 1, "name": "old"})
    write(connected, {"id": 2, "name": "same"})
    until = datetime.fromisoformat(record_of(connected, 2).meta.last_modified) + timedelta(microseconds=1)
    options = {"record_type": "Contact", "table": "people", "page_size": 1, "max_workers": 1}
    old = pause(since="1970-01-01", until=until, **options)
    write(connected, {"id": 1, "name": "new"})
    load(since=until, **options)
    assert old.go_on()["records"] == 2
    assert warehouse.rows("people", "id", "name") == [(1, "new"), (2, "same")]
    assert tables(warehouse) == {"people", "_e3db_state"}
    verify = E3DBVerifyWindowOperator(task_id="verify", record_type="Contact", table="people", sql_conn_id="warehouse", since="1970-01-01")
    assert verify.execute(context)["records"] == 2


def test_windows_that_all_make_the_table(load, connected, postgres):
    for number in range(4):
        write(connected, {"id": number})
    bounds = [datetime.fromisoformat(record_of(connected, number).meta.last_modified) for number in range(4)]
    windows = zip(bounds, [*bounds[1:], None], strict=True)
    with ThreadPoolExecutor(4) as pool:
        tasks = [pool.submit(load, "Contact", table="people", since=since, until=until) for since, until in windows]
        assert [task.result()["records"] for task in tasks] == [1, 1, 1, 1]
    assert postgres.rows("people", "id") == [(0,), (1,), (2,), (3,)]


def test_a_window_that_fails_leaves_nothing(load, connected, warehouse):
    write(connected, *({"id": number, "name": "canary"} for number in range(3)))
    bad = record_of(connected, 2)
    connected.update(Record(bad.meta, {**bad.data, "id": "no number"}))
    with pytest.raises(AirflowFailException):
        load("Contact", table="people", since="1970-01-01", page_size=1, max_workers=1)
    assert warehouse.rows("people", "id") == []
    assert tables(warehouse) == {"people", "_e3db_state"}


def test_two_tasks_of_one_table_do_not_mix(load, connected, warehouse, pause):
    write(connected, {"id": 1, "name": "Ada"})
    first = pause(record_type="Contact", table="people")
    write(connected, {"id": 1, "name": "Ada L."})
    load("Contact", table="people")
    with pytest.raises(TransferConflict):
        first.go_on()
    assert warehouse.rows("people", "id", "name") == [(1, "Ada L.")]


def test_rows_into_records(connected, warehouse, context):
    warehouse.query("CREATE TABLE people (id INTEGER, name TEXT)")
    warehouse.query("INSERT INTO people VALUES (1, 'Ada'), (2, 'Grace')")
    save = SqlToE3DBOperator(
        task_id="save",
        record_type="Contact",
        sql_conn_id="warehouse",
        table="people",
        key_columns="id",
        incremental_column="id",
        batch_size=1,
    )
    assert (save.execute(context)["created"], save.execute(context)["unchanged"]) == (2, 1)
    assert sorted(record.data["name"] for record in connected.query_all(record_type="Contact")) == ["Ada", "Grace"]


def test_columns_whose_types_hold_as_much(load, connected, sqlite):
    sqlite.query("CREATE TABLE people (_e3db_record_id VARCHAR(36) PRIMARY KEY, id DECIMAL(38, 0), n FLOAT, name VARCHAR(20))")
    write(connected, {"id": 2**60, "name": "Ada", "n": 1.5})
    load("Contact", table="people")
    assert sqlite.rows("people", "id", "name", "n") == [(2**60, "Ada", 1.5)]


def test_a_column_that_would_have_to_be_widened(load, connected, sqlite):
    write(connected, {"id": 1, "name": "Ada"})
    load("Contact", table="people")
    write(connected, {"id": "x"}, columns={"id": COLUMNS["name"]})
    with pytest.raises(AirflowFailException, match=r'column "id" of .* is of type BIGINT, and has to be TEXT'):
        load("Contact", table="people")
    assert sqlite.rows("people", "id") == [(1,)]


def test_a_database_without_transactions_is_refused(load, connected, sqlite, monkeypatch):
    write(connected, {"id": 1, "name": "canary"})
    connect = SqliteHook.get_conn

    def committing(hook):
        connection = connect(hook)
        connection.isolation_level = None  # each statement is committed
        return connection

    monkeypatch.setattr(SqliteHook, "get_conn", committing)
    with pytest.raises(AirflowFailException, match="does not take back what a transaction has done"):
        load("Contact", table="people")
    assert sqlite.rows("people", "id") == []
    assert tables(sqlite) == {"people", "_e3db_state"}


def test_a_driver_that_takes_parameters_by_name_is_refused(load, sqlite, monkeypatch):
    monkeypatch.setattr("sqlite3.paramstyle", "named")
    with pytest.raises(AirflowFailException, match="takes parameters by name"):
        load("Contact")
    assert session.DIALECTS == {}
    assert tables(sqlite) == set()


@pytest.mark.usefixtures("sqlite")
def test_a_driver_that_sqlalchemy_lacks_is_named(load, monkeypatch):
    monkeypatch.setattr(SqliteHook, "get_uri", lambda _hook: "mysql+cymysql://127.0.0.1/w")
    with pytest.raises(AirflowFailException, match="No module named 'cymysql'; install that driver"):
        load("Contact")


def test_errors_that_only_have_a_number():
    assert str(told(ValueError(1062, "Duplicate entry 'canary'"))) == "the database refuses: ValueError (1062)"
    assert str(told(ValueError("canary"))) == "the database refuses: ValueError"
