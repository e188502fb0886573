"""Deleting records that are named, or that fit."""

from uuid import uuid4

import pytest
from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.airflow.operators.delete import E3DBDeleteRecordsOperator
from e3db_connectors.airflow.operators.write import E3DBWriteRecordsOperator
from e3db_connectors.errors import Conflict
from e3db_connectors.wire import times

DAG = """
from airflow.sdk import dag
from e3db_connectors.airflow.operators.delete import E3DBDeleteRecordsOperator
from e3db_connectors.airflow.operators.search import E3DBSearchOperator

@dag(schedule=None)
def deletes():
    find = E3DBSearchOperator(task_id="find", record_type="t", plain={"shop": "{{ params.shop }}"}, multiple_outputs=True)
    E3DBDeleteRecordsOperator(task_id="delete", record_ids=find.output["versions"])

deletes()
"""


def delete(context, **options):
    return E3DBDeleteRecordsOperator(task_id="delete", **options).execute(context)


@pytest.fixture
def metas(connected):
    return [connected.write("t", {"n": str(number)}, {"shop": "odd" if number % 2 else "even"}).meta for number in range(4)]


@pytest.fixture
def left(connected, metas):
    """The numbers of those that are there."""
    return lambda: [
        metas.index(meta) for meta in metas if meta.record_id in {r.meta.record_id for r in connected.query_all(record_type="t")}
    ]


def test_by_ids_whatever_the_version_and_again(connected, metas, left, context):
    connected.update(connected.read(metas[0].record_id))
    ids = [metas[0].record_id, metas[1].record_id.upper(), str(uuid4())]
    assert delete(context, record_ids=ids) == {"deleted": 2, "missing": 1}
    assert delete(context, record_ids=ids) == {"deleted": 0, "missing": 3}
    assert delete(context, record_ids=[]) == {"deleted": 0, "missing": 0}
    assert left() == [2, 3]


def test_by_versions_what_nobody_has_changed(connected, metas, left, context):
    versions = {meta.record_id: meta.version for meta in metas[:3]}
    connected.update(connected.read(metas[1].record_id))
    with pytest.raises(AirflowFailException, match=f"1 records have been changed since, and are still there: {metas[1].record_id}"):
        delete(context, record_ids=versions)
    assert left() == [1, 3]


def test_the_output_of_a_search(metas, left, run_dag):
    run = run_dag(DAG, "deletes", run_conf={"shop": "odd"})
    assert run.states == {"find": "success", "delete": "success"}, run.log
    assert run.xcom("delete") == {"deleted": 2, "missing": 0}
    assert left() == [0, 2]
    assert metas


@pytest.mark.usefixtures("metas")
def test_all_that_fit(left, connected, context):
    connected.write("other", {"n": "1"})
    assert delete(context, record_type="t", plain={"shop": "even"}) == {"deleted": 2, "missing": 0}
    assert left() == [1, 3]
    assert delete(context, record_type="t") == {"deleted": 2, "missing": 0}
    assert len(connected.query(record_type="other")) == 1


def test_a_half_open_window(metas, left, context):
    second, third = (times.parse(meta.last_modified) for meta in metas[1:3])
    assert delete(context, record_type="t", since=second, until=str(third))["deleted"] == 1
    assert left() == [0, 2, 3]
    assert delete(context, record_type="t", until=third)["deleted"] == 1
    assert left() == [2, 3]


def test_the_records_of_rows(connected, connect, context, monkeypatch):
    monkeypatch.setattr("e3db_connectors.airflow.rows.BATCH", 2)
    connect({"conn_type": "generic", "password": "A" * 43}, "key_secret")
    rows = [{"id": number, "name": "Ada"} for number in range(4)]
    keyed = {"record_type": "rows", "key_columns": ["id"], "key_secret_conn_id": "key_secret"}
    E3DBWriteRecordsOperator(task_id="write", rows=rows, plain_columns=["id"], **keyed).execute(context)
    assert delete(context, rows=lambda: iter([*rows[1:], {"id": 9}]), **keyed) == {"deleted": 3, "missing": 1}
    assert [record.meta.plain["id"] for record in connected.query_all(record_type="rows")] == ["0"]
    with pytest.raises(AirflowFailException, match="WrongKeySecret"):
        delete(context, record_type="rows", rows=rows, key_columns=["id"])


def changed_before_each_delete(client, monkeypatch, times_):
    """Somebody changes a record between the look and the delete."""
    delete_many, left = client.delete_many, [times_]

    def changed_first(records, **options):
        for record in records:
            if left[0]:
                left[0] -= 1
                client.update(client.read(record.meta.record_id))
            yield from delete_many([record], **options)

    monkeypatch.setattr("e3db_connectors.client.Client.delete_many", lambda _, records: changed_first(records))


def test_what_is_changed_meanwhile_is_deleted_at_last(connected, metas, left, context, monkeypatch):
    changed_before_each_delete(connected, monkeypatch, 5)
    assert delete(context, record_type="t") == {"deleted": 4, "missing": 0}
    assert left() == []
    assert metas


def test_what_is_changed_again_and_again_is_tried_again_later(connected, metas, left, context, monkeypatch):
    changed_before_each_delete(connected, monkeypatch, 99)
    with pytest.raises(Conflict):
        delete(context, record_ids=[metas[0].record_id])
    assert left() == [0, 1, 2, 3]


@pytest.mark.usefixtures("metas")
@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({}, "give record_ids or record_type"),
        ({"record_type": ""}, "give record_ids or record_type"),
        ({"record_ids": [], "record_type": "t"}, "alone"),
        ({"record_ids": [], "until": ""}, "alone"),
        ({"record_ids": [], "rows": []}, "alone"),
        ({"record_type": "t", "rows": [], "plain": {}}, "not both"),
        ({"record_type": "t", "rows": [{"n": "1"}]}, "without key columns"),
        ({"record_type": "t", "rows": "n", "key_columns": ["n"]}, "rows is"),
        ({"record_ids": "['a', 'b']"}, "render_template_as_native_obj"),
        ({"record_type": "t", "until": "None"}, "until is empty"),
        ({"record_type": "t", "since": ""}, "since is empty"),
        ({"record_type": "t", "plain": {"shop": 1}}, "maps text to text"),
        ({"record_type": "t", "plain": "shop"}, "maps text to text"),
        ({"record_type": "t", "plain": ""}, "plain is empty"),
        ({"record_type": "t", "plain": {}}, "plain is empty"),
        ({"record_type": "t", "rows": None, "key_columns": ["n"]}, "go with rows"),
        ({"record_type": "t", "op_kwargs": {"day": "1"}}, "go with rows"),
    ],
)
def test_what_cannot_be_meant_deletes_nothing(options, words, left, context):
    with pytest.raises(AirflowFailException, match=words):
        delete(context, **options)
    assert left() == [0, 1, 2, 3]


@pytest.mark.usefixtures("metas")
@pytest.mark.parametrize("name", ["plain", "since", "until", "record_ids"])
def test_what_renders_to_nothing_deletes_nothing(name, left, context):
    options = {} if name == "record_ids" else {"record_type": "t"}
    task = E3DBDeleteRecordsOperator(task_id="delete", **options, **{name: "{{ nothing }}"})
    setattr(task, name, None)  # as a DAG with render_template_as_native_obj renders it
    with pytest.raises(AirflowFailException, match=f"{name} is empty"):
        task.execute(context)
    assert left() == [0, 1, 2, 3]


@pytest.mark.usefixtures("metas")
def test_what_is_mapped_to_nothing_deletes_nothing(left, context):
    context["ti"].map_index = 0
    with pytest.raises(AirflowFailException, match="a mapped task gives no condition"):
        delete(context, record_type="t", plain=None)
    assert left() == [0, 1, 2, 3]
    assert delete(context, record_type="t", since="1970-01-01") == {"deleted": 4, "missing": 0}
