"""DAGs through the scheduler, with workers and a triggerer of their own, seen by REST."""

import json
import secrets

import duckdb
import pytest

from e3db_connectors.client.config import SECRETS
from e3db_connectors.sync.writing import open_writer

pytestmark = pytest.mark.timeout(900)  # the first one waits for Airflow to start

COLUMNS = {"id": {"type": "integer"}, "name": {"type": "string"}}


@pytest.fixture(scope="module")
def canary():
    return f"canary-{secrets.token_hex(8)}"


def test_the_incremental_dag(system, owner, warehouse, canary, its_secrets, wait_until):
    rows = [{"id": number, "name": f"{canary}-{number}"} for number in range(3)]
    open_writer(owner, "visit", COLUMNS, ["id"]).write(rows)
    dag_id = "e3db_incremental_to_warehouse"
    run = system.trigger(dag_id, {"record_types": ["visit"]})
    assert system.finished(run) == "success", system.log(run, "load", 0)
    system.call("PATCH", f"/api/v2/dags/{dag_id}", {"is_paused": True})
    # When a full hour has just passed, its own schedule has made a run, too.
    wait_until(lambda: all(each["state"] in {"success", "failed"} for each in system.get(f"dags/{dag_id}/dagRuns")["dag_runs"]))
    with duckdb.connect(str(warehouse), read_only=True) as database:
        assert database.sql("SELECT id, name FROM visit ORDER BY id").fetchall() == [(row["id"], row["name"]) for row in rows]
    manifest = system.get(f"{run}/taskInstances/load/xcomEntries/return_value?map_index=0&deserialize=true")["value"]
    assert (manifest["record_type"], manifest["table"], manifest["records"], manifest["fields_decrypted"]) == ("visit", "visit", 3, 6)
    seen = json.dumps(manifest) + system.log(run, "load", 0) + system.text(f"{run}/taskInstances") + system.text("assets/events")
    assert "e3db://" in seen  # the event of the asset is among it
    assert [text for text in (canary, *its_secrets.values()) if text in seen] == []
    assert system.showing(canary, *its_secrets.values()) == []


def test_a_workers_log_shows_no_secret(system, client, values_of):
    system.connect("e3db_shown", values_of(client.config))
    run = system.trigger("shows_secrets")
    assert system.finished(run) == "success"
    log = system.log(run, "show")
    hidden = {name: getattr(client.config, name).reveal() for name in SECRETS}
    for name, secret in hidden.items():
        assert f"printed {name} ***" in log
        assert f"logged {name} ***" in log
        assert secret not in log
    # What a task says, the executor of Airflow 3.3 repeats unmasked among the scheduler's own output (docs/airflow.md warns of it).
    assert {path for _, path in system.showing(*hidden.values())} <= {system.folder / "airflow.log"}


def test_a_deferred_sensor(system, owner, canary, its_secrets, wait_until):
    run = system.trigger("waits_for_orders")
    task = f"{run}/taskInstances/wait"
    wait_until(lambda: system.get(task)["state"] == "deferred" and (system.get(task)["trigger"] or {}).get("triggerer_id"))
    assert "E3DBRecordTrigger" in system.text(task)
    assert [name for name, secret in its_secrets.items() if secret in system.text(task)] == []
    record = owner.write("order", {"name": canary})
    assert system.finished(run) == "success", system.log(run, "wait")
    found = system.get(f"{task}/xcomEntries/return_value?deserialize=true")["value"]
    assert (found["record_ids"], found["total"]) == ([record.meta.record_id], 1)
    assert canary not in json.dumps(found) + system.log(run, "wait")
    assert system.showing(canary, *its_secrets.values()) == []


def test_connections_hide_their_secrets(system, owner, values_of, its_secrets):
    listed = system.text("connections")
    assert [name for name, secret in its_secrets.items() if secret in listed] == []
    shown = system.get("connections/e3db_default")
    given = values_of(owner.config)
    hidden = {"private_key": "***", "signing_private_key": "***"}
    assert (shown["login"], shown["password"]) == (given["login"], "***")
    assert json.loads(shown["extra"]) == {**given["extra"], **hidden}
