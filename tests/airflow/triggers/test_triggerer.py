"""The trigger in Airflow's own triggerer, killed in between."""

import os
import signal
import subprocess
import sys
import time
from contextlib import contextmanager
from pathlib import Path

from airflow.models.taskinstance import TaskInstance
from airflow.models.trigger import Trigger
from airflow.utils.session import create_session
from airflow.utils.state import TaskInstanceState

from e3db_connectors.airflow.triggers.record import E3DBRecordTrigger
from e3db_connectors.client.config import SECRETS

DAG = """
from airflow.sdk import dag
from e3db_connectors.airflow.sensors.record import E3DBRecordSensor

@dag(schedule=None)
def waits_for_long():
    E3DBRecordSensor(task_id="wait", record_type="t", deferrable=True)

waits_for_long()
"""

QUICK = {
    "AIRFLOW__TRIGGERER__JOB_HEARTBEAT_SEC": "0.5",
    "AIRFLOW__TRIGGERER__TRIGGERER_HEALTH_CHECK_THRESHOLD": "2",
}


def test_killed_and_started_again(connected, run_dag, everything_stored, monkeypatch, tmp_path):
    connected.write("t", {"n": "1"})
    run = run_dag(DAG, "waits_for_long")
    assert run.states == {"wait": "success"}, run.log
    for name, value in QUICK.items():
        monkeypatch.setenv(name, value)
    trigger_id = defer(run.instances["wait"], E3DBRecordTrigger(e3db_conn_id="e3db_default", record_type="later", poke_interval=0.2))
    with triggerer(tmp_path / "first.log"):
        first = wait_until(lambda: of_trigger(trigger_id).triggerer_id)
        time.sleep(1)
    assert state_of(run.instances["wait"])[0] == TaskInstanceState.DEFERRED
    with triggerer(tmp_path / "second.log") as log:
        wait_until(lambda: of_trigger(trigger_id).triggerer_id not in {None, first})
        connected.write("later", {"n": "1"})
        wait_until(lambda: state_of(run.instances["wait"])[0] == TaskInstanceState.SCHEDULED)
    assert state_of(run.instances["wait"])[1] == {"event": {"status": "found"}}
    assert b"Traceback" not in log.read_bytes()
    told = everything_stored() + log.read_bytes()
    assert [name for name in SECRETS if getattr(connected.config, name).reveal().encode() in told] == []


@contextmanager
def triggerer(log):
    command = [Path(sys.executable).parent / "airflow", "triggerer", "--skip-serve-logs"]
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, start_new_session=True)
    try:
        yield log
    finally:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def defer(ti, trigger):
    """As the server does when a task says that it is deferred."""
    with create_session() as session:
        row = Trigger.from_object(trigger)
        session.add(row)
        session.flush()
        ti = session.merge(ti)
        ti.state, ti.trigger_id, ti.next_method, ti.next_kwargs = TaskInstanceState.DEFERRED, row.id, "execute_complete", {}
        return row.id


def of_trigger(trigger_id):
    with create_session() as session:
        return session.get(Trigger, trigger_id)


def state_of(ti):
    with create_session() as session:
        ti = session.get(TaskInstance, ti.id)
        return ti.state, ti.next_kwargs


def wait_until(true):
    for _ in range(300):
        if found := true():
            return found
        time.sleep(0.1)
    raise TimeoutError
