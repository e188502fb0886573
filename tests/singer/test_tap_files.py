"""Large files in tap-e3db: what rows tell of them, and where the decrypted ones go."""

import fsspec
import pytest

from e3db_connectors.errors import ConfigError, IntegrityError, LocalFileError, ResponseInvalid
from e3db_connectors.sync.record_files import FileStore
from e3db_connectors.wire.records import FileMeta, Meta

CONTENT = b"scan" * 100_000


@pytest.fixture
def written(client, tmp_path):
    """A file, and a record without one."""
    (tmp_path / "scan").write_bytes(CONTENT)
    client.write("document", {"title": "t"})
    return client.write_file("document", tmp_path / "scan", {"kind": "scan"})


@pytest.fixture
def memory():
    system = fsspec.filesystem("memory")
    yield system
    system.store.clear()
    system.pseudo_dirs[:] = [""]


def test_rows_tell_what_is_clear_of_a_file(tap, written):
    output = tap()
    files = {row["_e3db_record_id"]: row["_e3db_file"] for row in output.rows("document")}
    told = files.pop(written.meta.record_id)
    assert told["size"] == written.meta.file_meta.size
    assert "location" not in told
    assert "url" not in str(told).lower()
    assert list(files.values()) == [None]
    assert "_e3db_file" in output.of("SCHEMA")[0]["schema"]["properties"]


def test_types_without_files_have_no_such_column(tap, client):
    client.write("contact", {"name": "n"})
    assert "_e3db_file" not in tap().rows("contact")[0]


def test_a_folder_takes_the_decrypted_file_named_by_its_record(tap, written, tmp_path):
    folder = tmp_path / "new" / "files"
    output = tap(files_directory=str(folder))
    [location] = [row["_e3db_file"]["location"] for row in output.rows("document") if row["_e3db_file"]]
    assert location == str(folder / written.meta.record_id)
    assert [path.read_bytes() for path in folder.iterdir()] == [CONTENT]
    (folder / written.meta.record_id).unlink()
    tap(files_directory=str(folder), state=output.state)
    assert list(folder.iterdir()) == []  # what has been read is not fetched again


def test_a_url_of_fsspec_takes_it_too(tap, written, memory):
    output = tap(files_directory="memory://bucket/files/")
    [location] = [row["_e3db_file"]["location"] for row in output.rows("document") if row["_e3db_file"]]
    assert location == f"memory://bucket/files/{written.meta.record_id}"
    assert memory.cat(f"/bucket/files/{written.meta.record_id}") == CONTENT


@pytest.mark.parametrize("place", ["{folder}", "memory://bucket", "file://{folder}"])
def test_a_file_that_is_not_what_its_writer_sealed_never_appears(place, tap, written, tmp_path, memory, server):
    folder = tmp_path / "files"
    size = written.meta.file_meta.size
    bodies = [path for path in (server.folder / "files").rglob("*") if path.is_file() and path.stat().st_size == size]
    body = max(bodies, key=lambda path: path.stat().st_mtime_ns)
    body.write_bytes(body.read_bytes()[:-1] + b"\0")
    with pytest.raises(IntegrityError):
        tap(files_directory=place.format(folder=folder))
    assert not [path for path in folder.rglob("*") if path.is_file()]
    assert memory.find("/bucket") == []


def test_a_deselected_column_fetches_no_file(tap, written, plugins, tmp_path):
    assert written
    catalog = plugins.discover(files_directory=str(tmp_path / "files"))
    for item in catalog["streams"][0]["metadata"]:
        if item["breadcrumb"] == ["properties", "_e3db_file"]:
            item["metadata"]["selected"] = False
    tap(catalog=catalog, files_directory=str(tmp_path / "files"))
    assert list((tmp_path / "files").iterdir()) == []


def test_a_place_that_cannot_be_is_refused(tmp_path):
    (tmp_path / "file").write_text("x")
    with pytest.raises(LocalFileError, match="cannot write files to"):
        FileStore(str(tmp_path / "file"))
    with pytest.raises(ConfigError, match="pip install fsspec"):
        FileStore("nonsense://x")
    with pytest.raises(ConfigError, match="neither a folder nor a URL"):
        FileStore("http://[x")
    with pytest.raises(ConfigError, match="no password") as caught:
        FileStore("memory://somebody:hidden@host/x")
    assert "hidden" not in str(caught.value)


def test_errors_of_a_place_are_told_without_their_texts(written, client, memory, monkeypatch):
    def refuse(*_, **__):
        raise RuntimeError("the key is hidden")

    store = FileStore("memory://bucket")
    monkeypatch.setattr(memory, "open", refuse)
    with pytest.raises(LocalFileError, match="RuntimeError") as caught:
        store.save(client, written.meta)
    assert "hidden" not in str(caught.value)


def test_a_server_cannot_choose_the_place_by_the_records_id(client, tmp_path):
    meta = Meta("w", "w", "t", record_id="../../escaped", file_meta=FileMeta())
    with pytest.raises(ResponseInvalid, match="no id"):
        FileStore(str(tmp_path)).save(client, meta)
