"""Waiting for records: the same in all modes."""

import threading
from datetime import UTC, datetime, timedelta

import pytest
from airflow.sdk.exceptions import AirflowException, AirflowFailException, AirflowSensorTimeout, AirflowSkipException, TaskDeferred

from e3db_connectors import errors
from e3db_connectors.airflow.operators.search import E3DBSearchOperator
from e3db_connectors.airflow.sensors.record import E3DBRecordSensor

DAG = """
from airflow.sdk import dag
from e3db_connectors.airflow.sensors.record import E3DBRecordSensor

@dag(schedule=None)
def waits():
    E3DBRecordSensor(
        task_id="wait", record_type="t", plain={"shop": "{{ params.shop }}"}, since="{{ params.since }}", poke_interval=0.2, timeout=30,
        params={"shop": "north", "since": ""}, MODE
    )

waits()
"""

MODES = {"poke": 'mode="poke"', "reschedule": 'mode="reschedule"', "deferrable": "deferrable=True"}


def sensor(**options):
    return E3DBRecordSensor(task_id="wait", record_type="t", poke_interval=0.05, **options)


@pytest.fixture
def written_later(connected, monkeypatch):
    """A record that is written half a second after the sensor has looked for the first time."""
    look = E3DBRecordSensor._look
    timer = threading.Timer(0.5, lambda: connected.write("t", {"n": "1"}, {"shop": "north"}))

    def first_look(self):
        found = look(self)
        if not timer.is_alive() and not timer.finished.is_set():
            timer.start()
        return found

    monkeypatch.setattr(E3DBRecordSensor, "_look", first_look)
    yield timer
    timer.cancel()


@pytest.mark.parametrize("mode", MODES)
def test_the_same_in_all_modes(mode, written_later, connected, run_dag, context):
    connected.write("t", {"n": "1"}, {"shop": "south"})
    run = run_dag(DAG.replace("MODE", MODES[mode]), "waits")
    assert written_later.finished.is_set()
    assert run.states == {"wait": "success"}, run.log
    found = E3DBSearchOperator(task_id="find", record_type="t", plain={"shop": "north"}).execute(context)
    assert found["total"] == 1
    assert run.xcom("wait") == found


@pytest.mark.usefixtures("connected")
def test_one_client_for_many_looks(context, monkeypatch):
    made, look = [], E3DBRecordSensor._look

    def looks(self):
        made.append(self._hook)
        look(self)
        return {} if len(made) > 3 else None

    monkeypatch.setattr(E3DBRecordSensor, "_look", looks)
    sensor(timeout=60).execute(context)
    assert len(set(map(id, made[1:]))) == 1


@pytest.mark.usefixtures("connected")
def test_what_is_deferred(context):
    since = datetime(2026, 3, 4, tzinfo=UTC)
    with pytest.raises(TaskDeferred) as raised:
        sensor(deferrable=True, min_records=3, timeout=60, since=since).execute(context)
    deferred = raised.value
    assert deferred.method_name == "execute_complete"
    assert timedelta(seconds=20) < deferred.timeout <= timedelta(seconds=60)
    path, arguments = deferred.trigger.serialize()
    assert path == "e3db_connectors.airflow.triggers.record.E3DBRecordTrigger"
    assert {name: value for name, value in arguments.items() if value} == {
        "e3db_conn_id": "e3db_default",
        "record_type": "t",
        "since": str(since),
        "min_records": 3,
        "poke_interval": 0.05,
    }


def test_what_is_there_counts_and_not_the_event(connected, context):
    waiting = sensor(deferrable=True)
    deadline = datetime.now(UTC) + timedelta(seconds=60)
    with pytest.raises(TaskDeferred) as raised:
        waiting.execute_complete(context, {"status": "found"}, deadline.isoformat())
    assert raised.value.kwargs == {"deadline": deadline.isoformat()}
    with pytest.raises(AirflowSensorTimeout):
        waiting.execute_complete(context, {"status": "found"}, datetime.now(UTC).isoformat())
    record_id = connected.write("t", {"n": "1"}).meta.record_id
    assert waiting.execute_complete(context, {"status": "found"}, deadline.isoformat())["record_ids"] == [record_id]


@pytest.mark.usefixtures("connected")
def test_backoff_counts_in_the_triggerer_too(context):
    with pytest.raises(TaskDeferred) as raised:
        sensor(deferrable=True, exponential_backoff=True, max_wait=timedelta(minutes=5)).execute(context)
    _, arguments = raised.value.trigger.serialize()
    assert (arguments["exponential_backoff"], arguments["max_wait"]) == (True, 300)


def test_a_last_look_when_the_time_is_up(connected, context):
    waiting = sensor(deferrable=True)
    timed_out = ("__fail__", {"error": "Trigger timeout"}, context)
    with pytest.raises(AirflowSensorTimeout):
        waiting.resume_execution(*timed_out)
    with pytest.raises(AirflowSkipException):
        sensor(deferrable=True, soft_fail=True).resume_execution(*timed_out)
    record_id = connected.write("t", {"n": "1"}).meta.record_id
    assert waiting.resume_execution(*timed_out)["record_ids"] == [record_id]


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize(
    ("final", "soft_fail", "expected"),
    [(True, False, AirflowFailException), (False, False, AirflowException), (True, True, AirflowSkipException)],
)
def test_what_the_trigger_has_met(final, soft_fail, expected, context):
    event = {"status": "error", "message": "Forbidden: HTTP 403", "final": final}
    with pytest.raises(expected) as raised:
        sensor(deferrable=True, soft_fail=soft_fail).resume_execution("execute_complete", {"event": event}, context)
    assert type(raised.value) is expected


@pytest.mark.parametrize("deferrable", [False, True])
@pytest.mark.parametrize(("soft_fail", "expected"), [(False, AirflowFailException), (True, AirflowSkipException)])
def test_refused_credentials_fail_at_once(deferrable, soft_fail, expected, client, values_of, connect, context):
    connect(values_of(client.config) | {"password": "wrong-secret-0123456789"})
    with pytest.raises(expected):
        sensor(deferrable=deferrable, soft_fail=soft_fail).execute(context)


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("deferrable", [False, True])
def test_more_records_than_the_server_counts(deferrable, context):
    with pytest.raises(AirflowFailException, match="min_records is 10000 at most"):
        sensor(deferrable=deferrable, min_records=10_001).execute(context)


def test_a_busy_server_is_waited_for(connected, context, monkeypatch):
    search, replies = type(connected).search, iter([errors.Unavailable("POST", "/v2/search", 503), errors.TransportError("broken off")])

    def sometimes(self, wanted):
        for error in replies:
            raise error
        return search(self, wanted)

    monkeypatch.setattr("e3db_connectors.client.Client.search", sometimes)
    connected.write("t", {"n": "1"})
    assert sensor().execute(context)["total"] == 1
