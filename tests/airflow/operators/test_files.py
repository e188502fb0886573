"""Files, encrypted on the worker: of its disk, and of an object store."""

import os
import tracemalloc
from pathlib import Path
from types import SimpleNamespace

import pytest
from airflow.sdk import ObjectStoragePath
from airflow.sdk.exceptions import AirflowFailException
from airflow.sdk.io import attach
from fsspec import filesystem

from e3db_connectors.airflow.operators.files import E3DBDownloadFileOperator, E3DBUploadFileOperator
from e3db_connectors.errors import LocalFileError, OutcomeUnknown

DAG = (Path(__file__).parents[3] / "dags" / "encrypted_files.py").read_text(encoding="utf-8")
CONTENT = b"canary-content" * 20_000


def upload(context, source, **options):
    return E3DBUploadFileOperator(task_id="upload", source=source, record_type="scan", **options).execute(context)


def download(context, record_id, destination, **options):
    return E3DBDownloadFileOperator(task_id="download", record_id=record_id, destination=destination, **options).execute(context)


@pytest.fixture
def store():
    """An object store, empty again at the end."""
    attach(protocol="memory", fs=filesystem("memory"))
    folder = ObjectStoragePath("memory://store/folder")
    yield folder
    folder.fs.store.clear()


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("form", [str, Path, "file://{}".format, lambda path: ObjectStoragePath(f"file://{path}")])
def test_a_file_of_the_disk(form, source, tmp_path, context):
    sent = upload(context, form(source), plain={"name": "a"})
    assert sent["encrypted_bytes"] > len(CONTENT)
    target = tmp_path / "target"
    received = download(context, sent["record_id"], form(target))
    assert received == {"record_id": sent["record_id"], "path": str(target), "bytes": len(CONTENT)}
    assert target.read_bytes() == CONTENT
    assert target.stat().st_mode & 0o777 == 0o600


@pytest.mark.usefixtures("connected")
def test_memory_does_not_grow_with_the_file(source, tmp_path, context):
    upload(context, source)  # what is imported at first use does not count
    size = 32 * 1024 * 1024
    with (tmp_path / "large").open("wb") as file:
        file.truncate(size)
    tracemalloc.start()
    try:
        record_id = upload(context, tmp_path / "large")["record_id"]
        assert download(context, record_id, tmp_path / "target")["bytes"] == size
        assert tracemalloc.get_traced_memory()[1] < size / 4
    finally:
        tracemalloc.stop()


@pytest.mark.usefixtures("connected")
def test_an_object_store(store, context):
    (store / "source").write_bytes(CONTENT)
    sent = upload(context, str(store / "source"))
    received = download(context, sent["record_id"], str(store / "target"))
    assert received == {"record_id": sent["record_id"], "path": str(store / "target"), "bytes": len(CONTENT)}
    assert (store / "target").read_bytes() == CONTENT
    assert sorted(path.name for path in store.iterdir()) == ["source", "target"]


def test_another_try_uploads_nothing(connected, source, context, monkeypatch):
    write_file = type(connected).write_file

    def lost(self, *arguments):
        write_file(self, *arguments)
        raise OutcomeUnknown("the answer got lost")

    monkeypatch.setattr("e3db_connectors.client.Client.write_file", lost)
    with pytest.raises(OutcomeUnknown):
        upload(context, source)
    sent = upload(context, source)
    assert [record.meta.record_id for record in connected.query_all(record_type="scan", data=False)] == [sent["record_id"]]
    monkeypatch.undo()


def test_another_run_uploads_anew(connected, source, context):
    upload(context, source)
    upload({"ti": SimpleNamespace(**{**vars(context["ti"]), "run_id": "another"})}, source)
    assert len(connected.query(record_type="scan", data=False)) == 2


def test_something_else_in_the_same_task_is_uploaded(connected, source, context):
    other = source.with_name("other")
    other.write_bytes(b"other")
    sent = [upload(context, source), upload(context, other), upload(context, source, plain={"name": "a"})]
    source.write_bytes(b"changed")
    sent.append(upload(context, source))
    assert len({each["record_id"] for each in sent}) == 4
    assert upload(context, source) == sent[3]
    assert len(connected.query(record_type="scan", data=False)) == 4


@pytest.mark.parametrize("where", ["disk", "store"])
def test_what_is_not_whole_does_not_appear(where, connected, source, tmp_path, store, context, server):
    record_id = upload(context, source)["record_id"]
    body = max((path for path in (server.folder / "files").rglob("*") if path.is_file()), key=lambda path: path.stat().st_mtime_ns)
    with body.open("r+b") as file:
        file.seek(-1, os.SEEK_END)
        file.write(b"\0")
    folder = tmp_path / "folder" if where == "disk" else store
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "target").write_bytes(b"before")
    with pytest.raises(AirflowFailException, match=r"IntegrityError|DecryptionError"):
        download(context, record_id, str(folder / "target"))
    assert [path.name for path in folder.iterdir()] == ["target"]
    assert (folder / "target").read_bytes() == b"before"
    assert connected


@pytest.mark.usefixtures("connected")
@pytest.mark.parametrize("where", ["disk", "store"])
def test_places_that_do_not_do(where, source, store, tmp_path, context):
    place = str(tmp_path if where == "disk" else store)
    with pytest.raises(LocalFileError, match="cannot read"):
        upload(context, f"{place}/nothing")
    record_id = upload(context, source)["record_id"]
    download(context, record_id, f"{place}/target")
    with pytest.raises(AirflowFailException, match="exists already"):
        download(context, record_id, f"{place}/target", overwrite=False)


def test_the_dag(connected, run_dag, tmp_path, everything_stored):
    folders = tmp_path / "from", tmp_path / "to"
    for folder in folders:
        folder.mkdir()
    for number in range(3):
        (folders[0] / f"{number}.txt").write_bytes(CONTENT + str(number).encode())
    run = run_dag(DAG, "encrypted_files", run_conf={"source": str(folders[0]), "destination": str(folders[1])})
    assert set(run.states.values()) == {"success"}, run.log
    assert {path.name: path.read_bytes() for path in folders[1].iterdir()} == {
        path.name: path.read_bytes() for path in folders[0].iterdir()
    }
    assert len(connected.query(record_type="file", data=False)) == 3
    assert b"canary-content" not in everything_stored()
