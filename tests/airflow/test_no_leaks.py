"""All operators and the sensor, with canaries as values: what Airflow keeps and shows of them (proof C6, C7, C9, C10)."""

from base64 import b64encode, urlsafe_b64encode
from urllib.parse import quote

from e3db_connectors.client.config import SECRETS

MARK = "canary-value"

DAG = """
from datetime import timedelta
from pathlib import Path
from airflow.sdk import dag
from e3db_connectors.airflow.operators.delete import E3DBDeleteRecordsOperator
from e3db_connectors.airflow.operators.files import E3DBDownloadFileOperator, E3DBUploadFileOperator
from e3db_connectors.airflow.operators.search import E3DBSearchOperator
from e3db_connectors.airflow.operators.sharing import E3DBRevokeOperator, E3DBShareOperator
from e3db_connectors.airflow.operators.write import E3DBWriteRecordsOperator
from e3db_connectors.airflow.sensors.record import E3DBRecordSensor

FOLDER = "{{ params.folder }}"

def rows():
    for line in Path(CANARIES).read_text().split():
        yield {"id": line, "value": line}

def broken():
    yield from rows()
    raise ValueError("the source breaks off")

def unfit():
    yield {"id": 1, "value": {next(rows())["value"]}}

@dag(schedule=None, params={"folder": None, "reader_id": None})
def all_operators():
    share = E3DBShareOperator(task_id="share", record_type="t", reader_id="{{ params.reader_id }}")
    write = E3DBWriteRecordsOperator(task_id="write", record_type="t", rows=rows, key_columns=["id"])
    listed = E3DBWriteRecordsOperator(task_id="listed", record_type="t", rows=list(rows()), key_columns=["id"])
    wait = E3DBRecordSensor(task_id="wait", record_type="t", min_records=100)
    deferred = E3DBRecordSensor(task_id="deferred", record_type="t", min_records=100, deferrable=True)
    find = E3DBSearchOperator(task_id="find", record_type="t", limit=5, multiple_outputs=True)
    upload = E3DBUploadFileOperator(task_id="upload", record_type="file", source=FOLDER + "/canaries", multiple_outputs=True)
    download = E3DBDownloadFileOperator(task_id="download", record_id=upload.output["record_id"], destination=FOLDER + "/again")
    named = E3DBDeleteRecordsOperator(task_id="named", record_ids=find.output["versions"])
    of_rows = E3DBDeleteRecordsOperator(task_id="of_rows", record_type="t", rows=rows, key_columns=["id"])
    revoke = E3DBRevokeOperator(task_id="revoke", record_type="t", reader_id="{{ params.reader_id }}")
    share >> write >> listed >> wait >> deferred >> find >> named >> of_rows >> revoke
    for number, wrong in enumerate([broken, unfit]):
        revoke >> E3DBWriteRecordsOperator(task_id=f"fails_{number}", record_type="w", rows=wrong, key_columns=["id"])

all_operators()
"""


def forms(text):
    """A text as it might be found, raw and in other spellings."""
    raw = text.encode()
    return {raw, raw.hex().encode(), quote(text, safe="").encode(), b64encode(raw).rstrip(b"="), urlsafe_b64encode(raw).rstrip(b"=")}


def test_no_value_and_no_secret_is_kept_or_shown(connected, stranger, run_dag, everything_stored, tmp_path):
    (tmp_path / "canaries").write_text("\n".join(f"{MARK}-{number}" for number in range(100)), encoding="utf-8")
    source = DAG.replace("CANARIES", repr(str(tmp_path / "canaries")))
    run = run_dag(source, "all_operators", run_conf={"folder": str(tmp_path), "reader_id": stranger.client_id})
    assert {task for task, state in run.states.items() if state != "success"} == {"fails_0", "fails_1"}, run.log
    assert (tmp_path / "again").read_bytes() == (tmp_path / "canaries").read_bytes()
    assert run.xcom("of_rows") == {"deleted": 95, "missing": 5}
    told = everything_stored() + run.log.encode()
    secrets = [getattr(connected.config, name).reveal() for name in SECRETS]
    assert [form for text in (MARK, *secrets) for form in forms(text) if form in told] == []
    assert connected.client_id.encode() in told
