"""Operators and sensor that are mapped, and what of a DAG goes through Airflow's database."""

import json

DAG = """
from airflow.sdk import dag
from e3db_connectors.airflow.operators.search import E3DBSearchOperator
from e3db_connectors.airflow.operators.write import E3DBWriteRecordsOperator
from e3db_connectors.airflow.sensors.record import E3DBRecordSensor

def rows(day):
    yield {"id": 1, "day": day}
    yield {"id": None, "day": day}

@dag(schedule=None)
def maps():
    write = E3DBWriteRecordsOperator.partial(
        task_id="write", rows=rows, key_columns=["id"],
        on_error="dead_letter", max_errors=1, dead_letter_file=FILE, plain_columns=["day"],
    ).expand_kwargs([{"record_type": "{{ dag.dag_id }}-" + day, "op_kwargs": {"day": day}} for day in ("monday", "tuesday")])
    found = {"plain": {"day": "tuesday"}, "since": "", "e3db_conn_id": "e3db_default"}
    find = E3DBSearchOperator.partial(task_id="find", limit=5, **found).expand(record_type=["maps-monday", "maps-tuesday"])
    wait = E3DBRecordSensor.partial(task_id="wait", min_records=1, deferrable=True, timeout=60, poke_interval=0.1, **found)
    write >> [find, wait.expand(record_type=["maps-tuesday"])]

maps()
"""


def test_mapped_tasks(connected, run_dag, tmp_path):
    run = run_dag(DAG.replace("FILE", repr(f"{tmp_path}/letters-{{{{ ti.map_index }}}}.jsonl")), "maps")
    assert run.state == "success", run.log
    assert [(done["record_type"], done["created"], done["failed"]) for done in run.all_xcoms("write")] == [
        ("maps-monday", 1, 1),
        ("maps-tuesday", 1, 1),
    ]
    assert [found["total"] for found in run.all_xcoms("find")] == [0, 1]
    assert run.all_xcoms("wait") == [run.all_xcoms("find")[1]]
    assert sorted(path.name for path in tmp_path.glob("*.jsonl")) == ["letters-0.jsonl", "letters-1.jsonl"]
    assert len(connected.query(record_type="maps-monday", data=False)) == 1


def test_a_dag_comes_back_from_the_database_as_it_went_in(read_dag, tmp_path):
    from airflow.serialization.serialized_objects import DagSerialization

    dag = read_dag(DAG.replace("FILE", repr(str(tmp_path / "letters.jsonl"))), "maps")
    again = DagSerialization.from_dict(json.loads(json.dumps(DagSerialization.to_dict(dag))))
    write, wait = (again.get_task(name) for name in ("write", "wait"))
    assert (write.partial_kwargs["key_columns"], write.partial_kwargs["max_errors"]) == (["id"], 1)
    assert (wait.partial_kwargs["plain"], wait.partial_kwargs["deferrable"]) == ({"day": "tuesday"}, True)
    assert set(again.get_task("find").template_fields) >= {"record_type", "plain", "writers", "since", "until", "e3db_conn_id"}


NOTHING = """
from airflow.sdk import dag, task
from e3db_connectors.airflow.operators.search import E3DBSearchOperator
from e3db_connectors.airflow.operators.sharing import E3DBShareOperator
from e3db_connectors.airflow.operators.write import E3DBWriteRecordsOperator
from e3db_connectors.airflow.transfers.e3db_to_object_storage import E3DBToObjectStorageOperator

@dag(schedule=None)
def maps_to_nothing():
    @task
    def nothing():
        return [{"policy": None, "columns": ["a"]}]

    files = {"path": FILE, "settle_seconds": 0}
    E3DBToObjectStorageOperator.partial(task_id="policy", record_type="t", **files).expand_kwargs(nothing())
    E3DBToObjectStorageOperator.partial(task_id="columns", record_type="t", **files).expand(columns=[None])
    E3DBShareOperator.partial(task_id="key", record_type="t", reader_id=READER).expand(reader_public_key=[None])
    E3DBSearchOperator.partial(task_id="plain", record_type="t").expand(plain=[None])
    E3DBWriteRecordsOperator.partial(task_id="no_key", record_type="t", rows=[{"id": 1}]).expand(key_columns=[None])
    E3DBWriteRecordsOperator.partial(task_id="secret", record_type="t", rows=[{"id": 1}], key_columns=["id"]).expand(key_secret_conn_id=[None])
    E3DBToObjectStorageOperator.partial(task_id="left_out", **files).expand(record_type=["t"])

maps_to_nothing()
"""


def test_what_is_mapped_to_nothing_is_not_left_out(connected, stranger, run_dag, tmp_path):
    source = NOTHING.replace("FILE", repr(str(tmp_path / "t.jsonl"))).replace("READER", repr(stranger.client_id))
    connected.write("t", {"a": "1"})
    run = run_dag(source, "maps_to_nothing")
    failed = dict.fromkeys(("policy", "columns", "key", "plain", "no_key", "secret"), "failed")
    assert run.states == {"nothing": "success", "left_out": "success", **failed}, run.log
    assert run.log.count("everything would be decrypted; leave it out if that is meant") >= 2
    assert list(connected.outgoing_sharing()) == []
    assert len(list(connected.query_all(record_type="t"))) == 1
