"""All operators, transfers and the sensor, with canaries as values: what Airflow keeps and shows of them (proof C6, C7, C9, C10)."""

import json
import sqlite3
from base64 import b64encode, urlsafe_b64encode
from collections import Counter
from contextlib import closing
from functools import partial
from urllib.parse import quote

import duckdb
import pytest

from e3db_connectors.client.config import SECRETS
from e3db_connectors.sync.writing import open_writer

MARK = "canary-value"
CANARIES = 1_000
COLUMNS = ("id", "name", "mail", "note")

HEAD = """
from pathlib import Path
from airflow.sdk import dag
from e3db_connectors.airflow.operators.delete import E3DBDeleteRecordsOperator
from e3db_connectors.airflow.operators.files import E3DBDownloadFileOperator, E3DBUploadFileOperator
from e3db_connectors.airflow.operators.search import E3DBSearchOperator
from e3db_connectors.airflow.operators.sharing import E3DBRevokeOperator, E3DBShareOperator
from e3db_connectors.airflow.operators.write import E3DBWriteRecordsOperator
from e3db_connectors.airflow.sensors.record import E3DBRecordSensor
from e3db_connectors.airflow.transfers.e3db_to_object_storage import E3DBToObjectStorageOperator
from e3db_connectors.airflow.transfers.e3db_to_sql import E3DBToSqlOperator
from e3db_connectors.airflow.transfers.object_storage_to_e3db import ObjectStorageToE3DBOperator
from e3db_connectors.airflow.transfers.sql_to_e3db import SqlToE3DBOperator

FOLDER = "{{ params.folder }}"
KEYED = {"key_columns": ["id"]}
NOW = {"settle_seconds": 0, "lookback_seconds": 0}

def rows():
    for line in Path(CANARIES).read_text().splitlines():
        yield dict(zip(["id", "name", "mail", "note"], line.split()))
"""

WORKING = """
@dag(schedule=None, params={"folder": None, "reader_id": None})
def all_operators():
    grant = {"record_type": "t", "reader_id": "{{ params.reader_id }}"}
    share = E3DBShareOperator(task_id="share", **grant)
    write = E3DBWriteRecordsOperator(task_id="write", record_type="t", rows=rows, **KEYED)
    listed = E3DBWriteRecordsOperator(task_id="listed", record_type="t", rows=list(rows()), **KEYED)
    wait = E3DBRecordSensor(task_id="wait", record_type="t", min_records=250)
    deferred = E3DBRecordSensor(task_id="deferred", record_type="later", poke_interval=0.1, deferrable=True, timeout=60)
    find = E3DBSearchOperator(task_id="find", record_type="t", limit=5, multiple_outputs=True)
    upload = E3DBUploadFileOperator(task_id="upload", record_type="file", source=FOLDER + "/canaries", multiple_outputs=True)
    download = E3DBDownloadFileOperator(task_id="download", record_id=upload.output["record_id"], destination=FOLDER + "/again")
    duck = E3DBToSqlOperator(task_id="duck", record_type="t", sql_conn_id="duckdb", **NOW)
    lite = E3DBToSqlOperator(task_id="lite", record_type="t", sql_conn_id="sqlite", since="2020-01-01", until="2020-01-02T00:00:00Z", **NOW)
    lite_all = E3DBToSqlOperator(task_id="lite_all", record_type="t", sql_conn_id="sqlite", table="t", **NOW)
    back = SqlToE3DBOperator(task_id="back", record_type="copy", sql_conn_id="sqlite", sql="SELECT id, name, mail, note FROM t", **KEYED)
    exports = [
        E3DBToObjectStorageOperator(task_id=ending, record_type="t", path=f"file://{FOLDER}/export.{ending}", settle_seconds=0) for ending in ("jsonl", "parquet")
    ]
    take = ObjectStorageToE3DBOperator(task_id="take", record_type="taken", path="file://" + FOLDER + "/export.jsonl", **KEYED)
    late = E3DBWriteRecordsOperator(task_id="late", record_type="later", rows=rows, **KEYED)
    named = E3DBDeleteRecordsOperator(task_id="named", record_ids=find.output["versions"])
    of_rows = E3DBDeleteRecordsOperator(task_id="of_rows", record_type="t", rows=rows, **KEYED)
    revoke = E3DBRevokeOperator(task_id="revoke", **grant)
    share >> write >> listed >> wait >> find >> duck >> lite >> lite_all >> back >> exports >> take >> late >> deferred
    [deferred, download] >> named >> of_rows >> revoke

all_operators()
"""

FAILING = """
def broken():
    yield from rows()
    raise ValueError("the source breaks off")

def unfit():
    yield {"id": 1, "value": {next(rows())["name"]}}

def keyless():
    yield {**next(rows()), "id": None}

@dag(schedule=None, params={"folder": None, "record_id": None})
def all_fail():
    for number, wrong in enumerate([broken, unfit, keyless]):
        E3DBWriteRecordsOperator(task_id=f"write_{number}", record_type="w", rows=wrong, **KEYED)
    E3DBDeleteRecordsOperator(task_id="delete", record_type="w", rows=broken, **KEYED)
    E3DBDownloadFileOperator(task_id="download", record_id="{{ params.record_id }}", destination=FOLDER + "/no_file")
    E3DBUploadFileOperator(task_id="upload", record_type="file", source=FOLDER + "/nothing")
    E3DBSearchOperator(task_id="find", record_type="t", e3db_conn_id="refused")
    E3DBRecordSensor(task_id="wait", record_type="t", e3db_conn_id="refused", deferrable=True)
    E3DBShareOperator(task_id="share", record_type="t", reader_id="nobody")
    E3DBRevokeOperator(task_id="revoke", record_type="t", reader_id="nobody")
    for name in ("sqlite", "duckdb"):
        E3DBToSqlOperator(task_id=f"to_{name}", record_type="bad", sql_conn_id=name, **NOW)
        E3DBToSqlOperator(task_id=f"refused_by_{name}", record_type="strict", sql_conn_id=name, **NOW)
        SqlToE3DBOperator(task_id=f"from_{name}", record_type="w", sql_conn_id=name, table="keyless", **KEYED)
        SqlToE3DBOperator(task_id=f"no_query_{name}", record_type="w", sql_conn_id=name, sql="SELECT CAST(name AS nothing) FROM nowhere", **KEYED)
    E3DBToObjectStorageOperator(task_id="export", record_type="bad", path="file://" + FOLDER + "/bad.jsonl", settle_seconds=0)
    for ending in ("jsonl", "csv", "parquet"):
        ObjectStorageToE3DBOperator(task_id=f"take_{ending}", record_type="w", path=f"file://{FOLDER}/broken.{ending}", **KEYED)

all_fail()
"""


def forms(text):
    """A text as it might be found, raw and in other spellings; base64 wherever in another text it begins."""
    raw = text.encode()
    inner = {b64encode(b"\0" * shift + raw)[-(-shift * 8 // 6) : (shift + len(raw)) * 8 // 6] for shift in range(3)}
    return {raw, raw.hex().encode(), quote(text, safe="").encode(), *inner, urlsafe_b64encode(raw).rstrip(b"=")}


@pytest.fixture
def databases(connect, tmp_path):
    """What opens two warehouses; there are tables in them that are not to a transfer's liking."""
    opening = {"sqlite": sqlite3.connect, "duckdb": duckdb.connect}
    for kind, connected_to in opening.items():
        path = str(tmp_path / kind)
        with closing(connected_to(path)) as database:
            database.execute("CREATE TABLE keyless AS SELECT NULL AS id, 'canary-value-keyless' AS name")
            database.execute("CREATE TABLE strict (_e3db_record_id TEXT PRIMARY KEY, id TEXT CHECK (length(id) < 3))")
            database.commit()
        connect(json.dumps({"conn_type": kind, "host": path}), kind)
    return {kind: partial(connected_to, str(tmp_path / kind)) for kind, connected_to in opening.items()}


@pytest.fixture
def canaries(tmp_path):
    """All of them, and a file with as many in a line as a row has columns."""
    values = [f"{MARK}-{number}" for number in range(CANARIES)]
    lines = [" ".join(values[start : start + len(COLUMNS)]) for start in range(0, CANARIES, len(COLUMNS))]
    (tmp_path / "canaries").write_text("\n".join(lines), encoding="utf-8")
    return set(values)


@pytest.fixture
def run(canaries, databases, connected, run_dag, tmp_path):  # noqa: ARG001 - the DAGs use them
    """Run a DAG of this module."""
    head = HEAD.replace("CANARIES", repr(str(tmp_path / "canaries")))
    return lambda text, dag_id, **conf: run_dag(head + text, dag_id, run_conf={"folder": str(tmp_path), **conf})


@pytest.fixture
def bad_data(connected, connect, values_of, tmp_path):
    """Make what operators fail with; the id of a record that is no file."""

    def make():
        connect(values_of(connected.config) | {"password": f"{MARK}-wrong-secret"}, "refused")
        open_writer(connected, "bad", {"id": {"type": "integer"}}, ["id"]).write([{"id": 1}])
        connected.write("strict", {"id": f"{MARK}-too-long"})
        for ending in ("jsonl", "csv", "parquet"):
            (tmp_path / f"broken.{ending}").write_text(f"id,name\n{MARK},1,2\n", encoding="utf-8")
        return connected.write("bad", {"id": f"{MARK}-bad"}).meta.record_id

    return make


def kept_rows():
    """Rows of the tables of Airflow's database in which values might be."""
    from airflow.models.asset import AssetEvent
    from airflow.models.renderedtifields import RenderedTaskInstanceFields
    from airflow.models.xcom import XComModel
    from airflow.utils.session import create_session
    from sqlalchemy import func, select

    with create_session() as session:
        models = (XComModel, RenderedTaskInstanceFields, AssetEvent)
        return {model.__tablename__: session.scalar(select(func.count()).select_from(model)) for model in models}


@pytest.fixture
def search(connected, everything_stored, proof):
    """Search all that Airflow keeps, and what was shown, for canaries and secrets in any form."""

    def found(*runs):
        told = everything_stored() + "".join(each.log for each in runs).encode()
        secrets = [getattr(connected.config, name).reveal() for name in SECRETS]
        found = [form for text in (MARK, *secrets) for form in forms(text) if form in told]
        tasks = {f"tasks_{state}": count for state, count in Counter(state for each in runs for state in each.states.values()).items()}
        figures = {"canaries": CANARIES, "secrets": len(secrets), "bytes_searched": len(told), **tasks, **kept_rows()}
        proof.report("what Airflow keeps and shows", **figures)
        assert connected.client_id.encode() in told
        return found

    return found


@pytest.mark.proof
def test_no_value_and_no_secret_is_kept_or_shown(run, bad_data, stranger, canaries, databases, search, tmp_path):
    worked = run(WORKING, "all_operators", reader_id=stranger.client_id)
    assert set(worked.states.values()) == {"success"}, worked.log
    for open_database in databases.values():
        with closing(open_database()) as database:
            rows = database.execute("SELECT id, name, mail, note FROM t").fetchall()
        assert {value for row in rows for value in row} == canaries
    assert (tmp_path / "again").read_bytes() == (tmp_path / "canaries").read_bytes()
    assert [worked.xcom(task)["created"] for task in ("back", "take")] == [250, 250]
    failed = run(FAILING, "all_fail", record_id=bad_data())
    assert set(failed.states.values()) == {"failed"}, failed.states
    assert search(worked, failed) == []
