"""Writing rows that no other place than E3DB gets to see."""

import json

import pytest
from airflow.sdk import XComArg
from airflow.sdk.exceptions import AirflowFailException

from e3db_connectors.airflow.operators.search import E3DBSearchOperator
from e3db_connectors.airflow.operators.write import E3DBWriteRecordsOperator
from e3db_connectors.errors import TooManyErrors

DAG = """
from datetime import timedelta
from airflow.sdk import dag, get_current_context
from e3db_connectors.airflow.operators.write import E3DBWriteRecordsOperator

def rows(day, ti, unused="a default"):
    for number in range(3):
        if number == 2 and ti.try_number == 1:
            raise OSError("the source breaks off")
        yield {"id": number, "name": "can" + "ary-" + str(number), "day": day}

@dag(schedule=None)
def writes():
    E3DBWriteRecordsOperator(
        task_id="write", record_type="{{ params.type }}", rows=rows, key_columns=["id"], op_kwargs={"day": "{{ params.day }}"},
        retries=1, retry_delay=timedelta(0), params={"type": "contact", "day": "Monday"},
    )

writes()
"""


def write(context, rows, **options):
    return E3DBWriteRecordsOperator(task_id="write", record_type="t", rows=rows, **options).execute(context)


def counts(result):
    return {name: count for name, count in result.items() if count}


def test_rows_or_a_callable(connected, context):
    rows = [{"id": 1, "name": "Ada"}, {"id": 2, "name": "Grace"}]
    assert counts(write(context, rows, key_columns=["id"])) == {"record_type": "t", "created": 2}
    rows[0]["name"] = "Ada L."
    assert counts(write(context, lambda: iter(rows), key_columns=["id"])) == {"record_type": "t", "updated": 1, "unchanged": 1}
    assert {record.data["name"] for record in connected.query_all(record_type="t")} == {"Ada L.", "Grace"}


def test_another_try_doubles_nothing_and_airflow_keeps_no_value(connected, run_dag, everything_stored, monkeypatch):
    monkeypatch.setattr("e3db_connectors.airflow.rows.BATCH", 1)
    run = run_dag(DAG, "writes")
    assert run.states == {"write": "success"}, run.log
    assert counts(run.xcom("write")) == {"record_type": "contact", "created": 1, "unchanged": 2}
    assert sorted(record.data["name"] for record in connected.query_all(record_type="contact")) == ["canary-0", "canary-1", "canary-2"]
    assert {record.data["day"] for record in connected.query_all(record_type="contact")} == {"Monday"}
    assert not [number for number in range(3) if f"canary-{number}".encode() in everything_stored()]
    assert "canary-0" not in run.log


@pytest.mark.usefixtures("connected")
def test_a_reader_and_types(stranger, context):
    columns = {"id": {"type": "integer"}, "big": {"type": ["integer", "null"]}}
    write(context, [{"id": 1, "big": None}], columns=columns, share_with=[stranger.client_id])
    assert [record.data for record in stranger.query_all(record_type="t", writer="all")] == [{"id": "1"}]


def test_rows_that_cannot_be_written(connected, context, tmp_path):
    rows = [{"id": 1, "n": 1}, {"id": None, "n": "canary"}, {"id": 3, "n": 3}]
    options = {"key_columns": ["id"]}
    assert counts(write(context, rows, on_error="skip", **options)) == {"record_type": "t", "created": 2, "failed": 1}
    with pytest.raises(AirflowFailException) as raised:
        write(context, rows, **options)
    assert "canary" not in str(raised.value)
    with pytest.raises(TooManyErrors):
        write(context, rows, on_error="skip", max_errors=0, **options)
    letters = tmp_path / "letters.jsonl"
    assert write(context, rows, on_error="dead_letter", dead_letter_file=str(letters), **options)["failed"] == 1
    assert "canary" not in letters.read_text()
    assert json.loads(letters.read_text())["record_type"] == "t"
    assert {record.data["id"] for record in connected.query_all(record_type="t")} == {"1", "3"}
    with pytest.raises(AirflowFailException, match="dead_letter_file goes with"):
        write(context, rows, on_error="dead_letter", **options)


@pytest.mark.parametrize(("key_columns", "words"), [("", "list of texts"), ("id", "list of texts"), ([], "is empty"), (None, "is empty")])
def test_key_columns_that_render_to_no_list(key_columns, words, connected, context):
    task = E3DBWriteRecordsOperator(task_id="write", record_type="t", rows=[{"id": 1}], key_columns="{{ something }}")
    task.key_columns = key_columns  # as a template renders it
    with pytest.raises(AirflowFailException, match=words):
        task.execute(context)
    assert connected.query(record_type="t").records == []


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("rows", [None, "text", {"id": 1}, XComArg(E3DBSearchOperator(task_id="find", record_type="t"))])
def test_what_are_no_rows(rows, context):
    with pytest.raises(AirflowFailException, match="rows is"):
        write(context, rows)


@pytest.mark.usefixtures("connected")
def test_arguments_that_are_none(context):
    with pytest.raises(AirflowFailException, match="op_kwargs maps names"):
        write(context, list, op_kwargs="{'day': 1}")
