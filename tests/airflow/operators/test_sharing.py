"""Grants that are given and taken, also for one run of a DAG."""

from pathlib import Path

import pytest
from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.airflow.operators.sharing import E3DBRevokeOperator, E3DBShareOperator
from e3db_connectors.errors import NotFound

DAG = (Path(__file__).parents[3] / "dags" / "share_for_one_run.py").read_text(encoding="utf-8")


def readers(client):
    return [(share.record_type, share.reader_id) for share in client.outgoing_sharing()]


def test_share_and_revoke_may_be_repeated(connected, stranger, context):
    grant = {"record_type": "t", "reader_id": stranger.client_id}
    for _ in range(2):
        assert E3DBShareOperator(task_id="share", **grant).execute(context) == {**grant, "may_read": True}
        assert readers(connected) == [("t", stranger.client_id)]
    for _ in range(2):
        assert E3DBRevokeOperator(task_id="revoke", **grant).execute(context) == {**grant, "may_read": False}
        assert readers(connected) == []


def test_another_key_of_the_reader_shares_nothing(connected, stranger, context):
    share = E3DBShareOperator(task_id="s", record_type="t", reader_id=stranger.client_id, reader_public_key=connected.config.public_key)
    with pytest.raises(AirflowFailException, match="names another public key"):
        share.execute(context)
    assert readers(connected) == []


@pytest.mark.parametrize("key", ["", "None", None])
def test_a_key_that_renders_to_nothing_shares_nothing(connected, stranger, context, key):
    share = E3DBShareOperator(task_id="s", record_type="t", reader_id=stranger.client_id, reader_public_key="{{ nothing }}")
    share.reader_public_key = key
    with pytest.raises(AirflowFailException, match="reader_public_key is empty"):
        share.execute(context)
    assert readers(connected) == []


@pytest.mark.usefixtures("connected")
def test_a_reader_that_is_not_there_is_tried_again(context):
    with pytest.raises(NotFound):
        E3DBShareOperator(task_id="s", record_type="t", reader_id="00000000-0000-4000-8000-000000000000").execute(context)


@pytest.fixture
def shared_run(connected, stranger, connect, run_dag):
    """Run the DAG with two contacts, and tell what was shared in the end."""
    for name in ("Ada", "Grace"):
        connected.write("contact", {"name": name})
    connect(stranger, "e3db_reader")
    return lambda source: run_dag(source, "share_for_one_run", run_conf={"reader_id": stranger.client_id})


def test_a_grant_that_lasts_one_run(shared_run, connected, stranger):
    run = shared_run(DAG)
    assert run.states == dict.fromkeys(("share", "work", "revoke"), "success"), run.log
    assert run.xcom("work") == 2
    assert readers(connected) == []
    assert stranger.query(record_type="contact", writer="all").records == []


def test_it_is_revoked_when_the_work_fails(shared_run, connected, stranger):
    run = shared_run(DAG.replace("return sum(", "raise ValueError(").replace("1 for _ in", "*"))
    assert run.states == {"share": "success", "work": "failed", "revoke": "success"}, run.log
    assert run.state == "failed"
    assert readers(connected) == []
    assert stranger.query(record_type="contact", writer="all").records == []
