"""Records into tables of real databases."""

import json
import subprocess
import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from airflow.sdk.exceptions import AirflowFailException, AirflowRescheduleException, TaskDeferred

from e3db_connectors.airflow.sql.errors import TransferConflict, WarehouseError
from e3db_connectors.airflow.sql.session import open_session
from e3db_connectors.sync.writing import open_writer
from e3db_connectors.wire.records import Record

TEXT = {"type": ["string", "null"]}
COLUMNS = {"id": {"type": "integer"}, "name": TEXT}


def write(client, rows, columns=None, record_type="contact"):
    return open_writer(client, record_type, columns or COLUMNS, ["id"]).write(rows)


def record_of(client, number):
    [found] = [record for record in client.query_all(record_type="contact") if record.data["id"] == str(number)]
    return found


def a_time(record):
    return datetime.fromisoformat(record.meta.last_modified)


def test_changes_are_loaded_once(load, connected, warehouse):
    write(connected, [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}])
    manifest = load()
    assert (manifest["records"], manifest["table"], manifest["schema"]) == (2, "contact", warehouse.schema)
    write(connected, [{"id": 2, "name": "Grace H."}, {"id": 3, "name": None}])
    assert load()["records"] == 2
    assert load()["records"] == 0
    assert warehouse.rows("contact", "id", "name", "_e3db_deleted_at") == [(1, "Ada", None), (2, "Grace H.", None), (3, None, None)]


def test_a_record_type_without_records(load, warehouse):
    assert load()["records"] == 0
    assert warehouse.rows("contact", "_e3db_record_id") == []


def test_values_keep_their_types(load, connected, warehouse):
    columns = {
        "id": {"type": "integer"},
        "n": {"type": ["number", "null"]},
        "b": {"type": "boolean"},
        "o": {"type": ["object", "null"]},
        "m": {"type": ["integer", "string", "null"]},
    }
    rows = [
        {"id": 2**62, "n": Decimal("1.25"), "b": True, "o": {"a": [1, "ü"]}, "m": "x"},
        {"id": -1, "n": None, "b": False, "o": None, "m": 7},
    ]
    write(connected, rows, columns)
    load()
    small, large = warehouse.rows("contact", "id", "n", "b", "m", "o")
    assert (*small[:3], *small[3:]) == (-1, None, False, "7", None)
    assert (int(large[0]), float(large[1]), bool(large[2]), large[3]) == (2**62, 1.25, True, "x")
    assert (large[4] if isinstance(large[4], dict) else json.loads(large[4])) == {"a": [1, "ü"]}
    if warehouse.kind == "postgres":
        assert warehouse.columns("contact")["n"] == "numeric"


AWKWARD = ["select", 'quo"te', "per%cent %s", "que?stion", "ünïcode", "ctid", "rowid", "Name", "name", "x" * 100, "semi;drop", " "]


def test_awkward_names(load, connected, warehouse):
    connected.write("contact", {name: name for name in AWKWARD})
    load(table='odd "%s" table; --')
    load(table='odd "%s" table; --')  # what is there is recognised
    columns = warehouse.columns('odd "%s" table; --')
    assert len(columns) == len(AWKWARD) + 9
    for name in {*AWKWARD} - {"ctid", "Name", "x" * 100}:
        escaped = name.replace('"', '""').replace("%", "%%" if warehouse.kind == "postgres" else "%")
        table = 'odd ""%s"" table; --'.replace("%", "%%" if warehouse.kind == "postgres" else "%")
        mark = "%s" if warehouse.kind == "postgres" else "?"
        assert warehouse.query(f'SELECT 1 FROM "{table}" WHERE "{escaped}" = {mark}', (name,)), name  # noqa: S608


def test_columns_are_added_and_widened(load, connected, warehouse):
    columns = {"id": {"type": "integer"}, "i": {"type": "integer"}, "b": {"type": "boolean"}, "n": {"type": "number"}}
    write(connected, [{"id": 1, "i": 5, "b": True, "n": 2}], columns)
    load(columns=["id", "i", "b", "n"])
    columns |= {"i": {"type": ["integer", "number"]}, "b": TEXT, "new": TEXT}
    write(connected, [{"id": 2, "i": Decimal("1.5"), "b": "007", "n": 3, "new": "!"}], columns)
    load()
    first, second = warehouse.rows("contact", "id", "i", "b", "n", "new")
    assert [str(value) for value in first[1:3]] in (["5", "true"], ["5.0", "true"])
    assert (str(second[1]), second[2], second[4]) == ("1.5", "007", "!")


def test_a_wider_column_stays(load, connected, warehouse):
    write(connected, [{"id": 1, "name": "Ada"}])
    warehouse.query('CREATE TABLE "contact" ("_e3db_record_id" VARCHAR(36) PRIMARY KEY, "id" VARCHAR(20))')
    if warehouse.kind == "sqlite":  # declared as it would be by others
        with pytest.raises(AirflowFailException, match="is of type VARCHAR"):
            load()
        return
    load()
    assert warehouse.rows("contact", "id", "name") == [("1", "Ada")]


def test_what_cannot_be_filled_fails_with_words(load, connected, warehouse):
    write(connected, [{"id": 1, "name": "Ada"}])
    warehouse.query('CREATE TABLE "contact" ("_e3db_record_id" TEXT PRIMARY KEY, "name" DATE)')
    with pytest.raises(AirflowFailException, match=r"column name of .* is of type (DATE|date).*change it to"):
        load()


def test_somebody_elses_table_is_left_alone(load, warehouse):
    warehouse.query('CREATE TABLE "contact" ("id" INTEGER)')
    with pytest.raises(AirflowFailException, match="choose another name"):
        load()
    assert list(warehouse.columns("contact")) == ["id"]


def test_only_what_is_asked_for_is_decrypted(load, connected, warehouse):
    write(connected, [{"id": 1, "name": "canary"}])
    manifest = load(columns=["id"])
    assert (manifest["fields_decrypted"], manifest["fields_untouched"]) == (1, 1)
    assert "name" not in warehouse.columns("contact")


def test_a_policy_and_a_key_of_a_connection(load, connected, warehouse, connect):
    write(connected, [{"id": 1, "name": "canary"}])
    connect({"conn_type": "generic", "password": "A" * 43}, "pseudonyms")
    load(policy={"rules": [{"rule": "pseudonym", "column": "name"}]}, pseudonym_conn_id="pseudonyms")
    [(name,)] = warehouse.rows("contact", "name")
    assert name.startswith("p1.")


def test_a_record_that_no_column_can_hold(load, connected, warehouse, tmp_path):
    write(connected, [{"id": 2**80, "name": "canary"}, {"id": 1, "name": "Ada"}])
    with pytest.raises(AirflowFailException, match="too large") as raised:
        load()
    assert "canary" not in str(raised.value)
    assert str(2**80) not in str(raised.value)
    letters = tmp_path / "dead.jsonl"
    assert load(on_error="dead_letter", dead_letter_file=str(letters))["errors"] == {"ValueMismatch": 1}
    assert warehouse.rows("contact", "id") == [(1,)]
    assert json.loads(letters.read_text())["error"] == "ValueMismatch"


def test_text_that_postgresql_does_not_keep(load, connected, postgres):
    write(connected, [{"id": 1, "name": "nul\0canary"}])
    with pytest.raises(AirflowFailException, match="NUL"):
        load()
    assert load(on_error="skip")["errors"] == {"ValueMismatch": 1}
    assert postgres.rows("contact", "id") == []


def test_what_a_database_says_of_values_is_not_told(load, connected, postgres):
    write(connected, [{"id": 1, "name": "canary"}])
    load()
    postgres.query("ALTER TABLE contact ADD CONSTRAINT odd CHECK (name <> 'canary2')")
    write(connected, [{"id": 1, "name": "canary2"}])
    with pytest.raises(WarehouseError, match=r"CheckViolation \(23514\)$"):
        load()


class TestDeletes:
    def test_they_are_marked(self, load, connected, warehouse):
        write(connected, [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}])
        load(detect_deletes=True)
        meta = record_of(connected, 2).meta
        connected.delete(meta.record_id, meta.version)
        manifest = load(detect_deletes=True)
        assert (manifest["deleted"], manifest["access_lost"]) == (1, 0)
        marks = dict(warehouse.query('SELECT "id", CAST("_e3db_deleted_at" AS TEXT) FROM "contact"'))
        assert marks[1] is None
        assert marks[2].startswith(f"{datetime.now(UTC):%Y-%m-%d}")
        assert load(detect_deletes=True)["deleted"] == 0

    def test_what_another_client_has_loaded_is_its_own_concern(self, load, connected, stranger, sqlite, connect, server):
        other = server.register("third")
        write(other, [{"id": 8, "name": "Mallory"}, {"id": 9, "name": "Eve"}])
        other.share("contact", stranger.client_id)
        connect(stranger, "stranger")
        options = {"all_writers": True, "detect_deletes": True}
        assert load(e3db_conn_id="stranger", **options)["records"] == 2
        write(connected, [{"id": 1, "name": "Ada"}])
        manifest = load(**options)
        assert (manifest["deleted"], manifest["access_lost"]) == (0, 0)
        connected.share("contact", stranger.client_id)
        for record in [*other.query_all(record_type="contact", data=False), record_of(connected, 1)]:
            (connected if record.meta.writer_id == connected.client_id else other).delete(record.meta.record_id, record.meta.version)
        manifest = load(**options)
        assert (manifest["deleted"], manifest["access_lost"]) == (1, 0)
        manifest = load(e3db_conn_id="stranger", **options)
        assert (manifest["deleted"], manifest["access_lost"]) == (2, 0)
        assert all(mark for (mark,) in sqlite.rows("contact", "_e3db_deleted_at"))

    def test_access_that_is_lost_is_no_delete(self, load, connected, stranger, warehouse):
        write(stranger, [{"id": 9, "name": "Eve"}])
        stranger.share("contact", connected.client_id)
        assert load(all_writers=True, detect_deletes=True)["records"] == 1
        stranger.revoke("contact", connected.client_id)
        manifest = load(all_writers=True, detect_deletes=True)
        assert (manifest["deleted"], manifest["access_lost"]) == (0, 1)
        assert load(detect_deletes=True)["access_lost"] == 0  # others' rows are out of scope
        assert warehouse.rows("contact", "_e3db_deleted_at") == [(None,)]


class TestWindows:
    def test_half_open(self, load, connected, warehouse):
        for number in (1, 2, 3):
            write(connected, [{"id": number, "name": str(number)}])
        since, until = a_time(record_of(connected, 2)), a_time(record_of(connected, 3))
        manifest = load(since=str(since), until=until)
        assert (manifest["records"], manifest["until"]) == (1, until.strftime("%Y-%m-%dT%H:%M:%S.%fZ"))
        assert warehouse.rows("contact", "id") == [(2,)]
        assert load(since=str(since), until="None")["records"] == 2
        assert load(since="", until="None")["records"] == 3  # no bound at all: as if nothing had been loaded yet

    def test_the_lookback_is_read_too(self, load, connected, warehouse):
        write(connected, [{"id": 1, "name": "Ada"}])
        since = a_time(record_of(connected, 1)) + timedelta(seconds=1)
        assert load(since=since, lookback_seconds=60)["records"] == 1
        assert warehouse.rows("contact", "id") == [(1,)]

    def test_an_empty_one_is_refused(self, load, sqlite):
        with pytest.raises((AirflowFailException, ValueError), match="CronDataIntervalTimetable"):
            load(since="2026-01-01", until="2026-01-01")
        assert sqlite.columns("contact") == {}

    @pytest.mark.usefixtures("sqlite")
    def test_the_task_waits_for_its_end(self, load, connected):
        until = connected.server_time() + timedelta(seconds=2)
        load(until=until, settle_seconds=1)
        assert connected.server_time() >= until + timedelta(seconds=1)

    def test_a_long_wait_gives_the_slot_back(self, load, connected, sqlite):
        until = connected.server_time() + timedelta(hours=1)
        with pytest.raises(AirflowRescheduleException) as rescheduled:
            load(until=until)
        assert abs(rescheduled.value.reschedule_date - until) < timedelta(minutes=1)
        with pytest.raises(TaskDeferred) as deferred:
            load(until=until, deferrable=True)
        assert abs(deferred.value.trigger.moment - until) < timedelta(minutes=1)
        assert sqlite.columns("contact") == {}

    def test_an_older_and_slower_task_takes_nothing_back(self, load, connected, warehouse, pause):
        write(connected, [{"id": 1, "name": "old"}])
        write(connected, [{"id": 2, "name": "same"}])
        old_end = a_time(record_of(connected, 2)) + timedelta(microseconds=1)
        old = pause(since="1970-01-01", until=old_end)
        write(connected, [{"id": 1, "name": "new"}])
        load(since=old_end)
        assert old.go_on()["records"] == 2
        assert warehouse.rows("contact", "id", "name") == [(1, "new"), (2, "same")]

    def test_nor_brings_it_back_what_was_found_deleted(self, load, connected, warehouse, pause):
        write(connected, [{"id": 1, "name": "gone"}])
        load()
        meta = record_of(connected, 1).meta
        old = pause(since="1970-01-01", until=datetime.fromisoformat(meta.last_modified) + timedelta(microseconds=1))
        connected.delete(meta.record_id, meta.version)
        assert load(detect_deletes=True)["deleted"] == 1
        assert old.go_on()["records"] == 1
        [(mark,)] = warehouse.rows("contact", "_e3db_deleted_at")
        assert mark is not None


def test_two_tasks_of_one_table_do_not_mix(load, connected, warehouse, pause):
    write(connected, [{"id": 1, "name": "Ada"}])
    first = pause()
    write(connected, [{"id": 1, "name": "Ada L."}, {"id": 2, "name": "Grace"}])
    load()
    with pytest.raises(TransferConflict, match="another task is loading contact into contact"):
        first.go_on()
    assert warehouse.rows("contact", "id", "name") == [(1, "Ada L."), (2, "Grace")]
    write(connected, [{"id": 3, "name": "Edith"}])
    assert load()["records"] == 1


def test_windows_may_be_loaded_at_once(connected, warehouse, pause):
    """Also when none of them finds the table there."""
    for number in (1, 2, 3):
        write(connected, [{"id": number, "name": "x"}])
    times = [a_time(record_of(connected, number)) for number in (1, 2, 3)]
    windows = zip(times, [*times[1:], None], strict=True)
    tasks = [pause(since=since, until=until) for since, until in windows]
    assert [task.go_on()["records"] for task in tasks] == [1, 1, 1]
    assert warehouse.rows("contact", "id") == [(1,), (2,), (3,)]


def test_a_window_that_fails_leaves_nothing(load, connected, warehouse):
    for number in (1, 2, 3):
        write(connected, [{"id": number, "name": "x"}])
    bad = record_of(connected, 3)
    connected.update(Record(bad.meta, {**bad.data, "id": "no number"}))
    with pytest.raises(AirflowFailException):
        load(since="1970-01-01", page_size=2, max_workers=1)
    assert warehouse.rows("contact", "id") == []
    with pytest.raises(AirflowFailException):
        load(page_size=1, max_workers=1)
    loaded = warehouse.rows("contact", "id")
    assert {number for (number,) in loaded} <= {1, 2}
    assert load(on_error="skip")["records"] == 2 - len(loaded)
    assert warehouse.rows("contact", "id") == [(1,), (2,)]


def test_a_duckdb_file_that_another_process_has_open(tmp_path, monkeypatch, connect):
    path = tmp_path / "busy.duckdb"
    connect({"conn_type": "duckdb", "host": str(path)}, "warehouse")
    script = f"import duckdb, time; c = duckdb.connect({str(path)!r}); print('open', flush=True); time.sleep(60)"
    with subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True) as process:
        try:
            assert process.stdout.readline() == "open\n"
            monkeypatch.setattr("e3db_connectors.airflow.sql.dialects.LOCK_WAIT", 0.3)
            with pytest.raises(WarehouseError, match="lock"), open_session("warehouse"):
                pass
            monkeypatch.undo()
            connect({"conn_type": "duckdb", "host": str(path)}, "warehouse")
            threading.Timer(0.5, process.kill).start()
            with open_session("warehouse") as session:
                assert session.fetch("SELECT 1") == [(1,)]
        finally:
            process.kill()


def test_what_is_no_database(load, connect):
    connect({"conn_type": "e3db"}, "warehouse")
    with pytest.raises(AirflowFailException, match="is none to a database"):
        load()


def test_deletes_are_not_looked_for_in_a_table_of_two_types(load, connected, sqlite):
    write(connected, [{"id": 1, "name": "Ada"}])
    write(connected, [{"id": 2, "name": "Grace"}], record_type="person")
    load(table="both")
    load("person", table="both")
    with pytest.raises(AirflowFailException, match="also holds records of person"):
        load(table="both", detect_deletes=True)
    assert sqlite.rows("both", "name", "_e3db_deleted_at") == [("Ada", None), ("Grace", None)]


def test_many_may_begin_at_once(connected, load, make_warehouse):
    make_warehouse("postgres")
    types = ["a1", "a2", "a3"]
    for name in types:
        write(connected, [{"id": 1, "name": name}], record_type=name)
    with ThreadPoolExecutor(len(types)) as pool:
        assert [manifest["records"] for manifest in pool.map(load, types)] == [1, 1, 1]


def test_a_table_that_is_being_prepared_holds_up_no_other(load, connected, postgres):
    load()
    postgres.query(f"ALTER DATABASE {postgres.connection['schema']} SET lock_timeout = '3s'")
    write(connected, [{"id": 1, "name": "Ada"}])
    with open_session("warehouse") as other, other.transaction():
        other.dialect.lock(other, "person")
        assert load()["records"] == 1


def test_a_number_within_an_object_that_is_too_large_fails_its_row_alone(load, connected, postgres):
    columns = {"id": {"type": "integer"}, "o": {"type": "object"}}
    write(connected, [{"id": 1, "o": {"a": [Decimal("1e200000")]}}, {"id": 2, "o": {"a": [1.5]}}], columns)
    assert load(on_error="skip")["records"] == 1
    assert postgres.rows("contact", "id") == [(2,)]


def test_a_window_that_is_none_is_not_tried_again(load, sqlite):
    with pytest.raises(AirflowFailException, match="must be before"):
        load(since="2026-01-02", until="2026-01-01")
    assert sqlite.kind
