"""The DAGs of the transfers, as they stand."""

import time
from datetime import timedelta
from importlib.metadata import version
from itertools import count
from pathlib import Path

import pytest
from airflow.models.asset import AssetEvent
from airflow.utils.session import create_session
from sqlalchemy import select

from e3db_connectors.airflow.transfers import reading
from e3db_connectors.airflow.transfers.base import asset_uri
from e3db_connectors.airflow.transfers.windows import Window
from e3db_connectors.sync.writing import open_writer
from e3db_connectors.wire import times

DAGS = Path(__file__).parents[3] / "dags"
COLUMNS = {"id": {"type": "integer"}, "name": {"type": "string"}}


def source_of(dag_id):
    return (DAGS / f"{dag_id}.py").read_text(encoding="utf-8")


def write(client, record_type, rows):
    return open_writer(client, record_type, COLUMNS, ["id"]).write(rows)


def events(uri):
    with create_session() as session:
        return [event.extra for event in session.scalars(select(AssetEvent).order_by(AssetEvent.id)) if event.asset.uri == uri]


def test_incremental_to_warehouse(connected, warehouse_default, run_dag, everything_stored):
    dag_id, types = "e3db_incremental_to_warehouse", {"record_types": ["contact", "order"]}
    for record_type in types["record_types"]:
        write(connected, record_type, [{"id": 1, "name": "canary-" + record_type}, {"id": 2, "name": "x"}])
    run = run_dag(source_of(dag_id), dag_id, run_conf=types)
    assert run.state == "success", run.log
    assert warehouse_default.rows("contact", "id", "name") == [(1, "canary-contact"), (2, "x")]
    assert warehouse_default.rows("order", "id", "name") == [(1, "canary-order"), (2, "x")]
    [event] = events(asset_uri(connected, "order"))
    assert (event["records"], event["table"]) == (2, "order")
    write(connected, "contact", [{"id": 1, "name": "changed"}])
    gone = next(iter(connected.query_all(record_type="order")))
    connected.delete(gone.meta.record_id, gone.meta.version)
    run = run_dag(source_of(dag_id), dag_id, run_conf=types)
    assert run.state == "success", run.log
    assert [event["records"] for event in events(asset_uri(connected, "contact"))] == [2, 1]
    assert events(asset_uri(connected, "order"))[-1]["deleted"] == 1
    assert warehouse_default.rows("contact", "id", "name") == [(1, "changed"), (2, "x")]
    assert b"canary-" not in everything_stored()
    assert "canary-" not in run.log


def test_sharded_backfill(connected, warehouse_default, run_dag):
    dag_id = "e3db_sharded_backfill"
    for number in range(6):
        write(connected, "contact", [{"id": number, "name": "x"}])
        time.sleep(0.4)  # more than one shard has some
    changed = sorted(record.meta.last_modified for record in connected.query_all(record_type="contact"))
    first, end = changed[0], times.render(times.parse(changed[-1]) + timedelta(seconds=1))
    run = run_dag(source_of(dag_id), dag_id, run_conf={"since": first, "until": end, "shards": 3})
    assert run.state == "success", run.log
    assert warehouse_default.rows("contact", "id") == [(number,) for number in range(6)]
    plan = run.xcom("plan")
    assert plan[0]["since"] == first
    assert [shard["until"] for shard in plan[:-1]] == [shard["since"] for shard in plan[1:]]
    assert len(plan) > 1
    verified = run.all_xcoms("verify")
    assert len(verified) == len(plan)
    assert sum(each["records"] for each in verified) == 6
    assert sum(each["records"] > 0 for each in verified) > 1


def test_warehouse_to_e3db(connected, warehouse_default, run_dag):
    dag_id = "warehouse_to_e3db"
    warehouse_default.query("CREATE TABLE people (id INTEGER, name TEXT, updated_at TIMESTAMP)")
    warehouse_default.query("INSERT INTO people VALUES (1, 'canary', '2026-01-01'), (2, 'x', '2026-01-02')")
    run = run_dag(source_of(dag_id), dag_id)
    assert run.state == "success", run.log
    assert (run.xcom("write")["created"], run.xcom("write")["cursor"]) == (2, "2026-01-02 00:00:00")
    warehouse_default.query("UPDATE people SET name = 'y', updated_at = '2026-01-03' WHERE id = 1")
    run = run_dag(source_of(dag_id), dag_id)
    assert (run.xcom("write")["updated"], run.xcom("write")["unchanged"]) == (1, 1)
    assert events(asset_uri(connected, "people"))[-1] == run.xcom("write")
    run = run_dag(source_of(dag_id), dag_id, run_conf={"incremental_column": None})
    assert run.xcom("write")["unchanged"] == 2
    assert {record.data["name"] for record in connected.query_all(record_type="people")} == {"x", "y"}


WAITING = """
from datetime import UTC, datetime, timedelta
from airflow.sdk import DAG, task
from e3db_connectors.airflow.transfers.e3db_to_sql import E3DBToSqlOperator

with DAG("DAG_ID", schedule=None):
    @task
    def soon():
        return (datetime.now(UTC) + timedelta(seconds=1)).isoformat()

    soon() >> E3DBToSqlOperator(
        task_id="load",
        record_type="contact",
        sql_conn_id="warehouse_default",
        since="1970-01-01",
        until="{{ ti.xcom_pull('soon') }}",
        settle_seconds=1,
        deferrable=DEFERRABLE,
    )
"""


@pytest.mark.parametrize("way", ["sleeping", "rescheduled", "deferred"])
def test_a_run_waits_for_the_end_of_its_window(connected, warehouse_default, run_dag, monkeypatch, way):
    if way == "rescheduled":
        monkeypatch.setattr(reading, "_KEEP_SLOT_MAX", timedelta(0))
    wait, looks = Window.wait, count()

    def waits_once_at_least(window, *now):  # the end may have passed already on a slow machine
        return wait(window, *now) or timedelta(seconds=0 if next(looks) else 1)

    monkeypatch.setattr(Window, "wait", waits_once_at_least)
    write(connected, "contact", [{"id": 1, "name": "x"}])
    dag_id = f"waits_{way}"
    run = run_dag(WAITING.replace("DAG_ID", dag_id).replace("DEFERRABLE", str(way == "deferred")), dag_id)
    assert run.state == "success", run.log
    manifest = run.xcom("load")
    assert times.parse(manifest["until"]) + timedelta(seconds=1) <= connected.server_time()
    if version("apache-airflow-core") >= "3.3":  # before, it shows nothing of what a task logs that is run like this
        assert "for the end of the window" in run.log
        assert ("Pausing task as DEFERRED" in run.log, "Rescheduling task" in run.log) == (way == "deferred", way == "rescheduled")
    assert warehouse_default.rows("contact", "id") == [(1,)]
