"""Files that do not come through: the destination stays as it was, and nothing is left behind."""

import errno
import stat
import tempfile
from pathlib import Path

import msgspec
import pytest

from e3db_connectors import Client
from e3db_connectors.client import files
from e3db_connectors.crypto.files import BLOCK_SIZE
from e3db_connectors.errors import ConfigError, E3DBError, IntegrityError, LocalFileError, NotFound, OutcomeUnknown, TransportError
from e3db_connectors.wire.records import EncryptedRecord

CONTENT = bytes(range(256)) * 1024


@pytest.fixture
def source(tmp_path):
    path = tmp_path / "source"
    path.write_bytes(CONTENT)
    return path


@pytest.fixture
def folder(tmp_path):
    made = tmp_path / "folder"
    made.mkdir()
    return made


@pytest.fixture
def record(client, source):
    return client.write_file("scan", source)


@pytest.mark.parametrize("size", [0, 1, BLOCK_SIZE - 1, BLOCK_SIZE, BLOCK_SIZE + 1, 3 * BLOCK_SIZE])
def test_files_of_all_sizes_go_and_come(size, client, tmp_path):
    content = CONTENT[:size]
    (tmp_path / "up").write_bytes(content)
    written = client.write_file("scan", tmp_path / "up", {"p": "1"})
    file_meta = client.read_file(written.meta.record_id, tmp_path / "down")
    assert (tmp_path / "down").read_bytes() == content
    assert file_meta.size == written.meta.file_meta.size > size
    assert stat.S_IMODE((tmp_path / "down").stat().st_mode) == 0o600


def test_a_destination_is_replaced_as_a_whole(client, record, folder):
    (folder / "target").write_text("before")
    client.read_file(record.meta.record_id, folder / "target")
    assert (folder / "target").read_bytes() == CONTENT
    assert [path.name for path in folder.iterdir()] == ["target"]


def spoilt(client, monkeypatch, change):
    """The client, with every download changed on its way."""
    download = client._transport.download
    monkeypatch.setattr(client._transport, "download", lambda url: change(download(url)))


def cut(at):
    def change(pieces):
        yield b"".join(pieces)[:at]

    return change


def flip(at):
    def change(pieces):
        body = bytearray(b"".join(pieces))
        body[at] ^= 1
        yield bytes(body)

    return change


def append(pieces):
    yield from pieces
    yield b"x"


def break_off(pieces):
    yield next(pieces)[:1000]
    raise TransportError("the download of a file broke off")


@pytest.mark.parametrize(
    ("change", "error"),
    [
        *[(cut(at), IntegrityError) for at in (0, 50, 100, 124, 124 + BLOCK_SIZE + 17, -1)],
        *[(flip(at), E3DBError) for at in (0, 5, 90, 110, 130, -1)],
        (append, IntegrityError),
        (break_off, TransportError),
    ],
)
def test_a_spoilt_download_leaves_everything_as_it_was(change, error, client, record, folder, monkeypatch):
    (folder / "target").write_text("before")
    spoilt(client, monkeypatch, change)
    with pytest.raises(error):
        client.read_file(record.meta.record_id, folder / "target")
    assert {path.name: path.read_text() for path in folder.iterdir()} == {"target": "before"}


def test_a_body_with_a_checksum_of_another_is_refused(client, record, folder, monkeypatch):
    """A server that stores one file and tells of another."""
    get = client._api.get

    def lie(path, kind):
        stored = get(path, kind)
        meta = stored.meta
        other = msgspec.structs.replace(meta.file_meta, checksum="AAAAAAAAAAAAAAAAAAAAAA==")
        return EncryptedRecord(msgspec.structs.replace(meta, file_meta=other)) if kind is EncryptedRecord else stored

    client.read_file(record.meta.record_id, folder / "good")
    monkeypatch.setattr(client._api, "get", lie)
    with pytest.raises(IntegrityError, match="checksum"):
        client.read_file(record.meta.record_id, folder / "target")
    assert [path.name for path in folder.iterdir()] == ["good"]


@pytest.mark.parametrize("fails_at", range(1, 7))
def test_a_disk_that_fails_at_any_write_leaves_everything_as_it_was(fails_at, client, record, folder, monkeypatch):
    (folder / "target").write_text("before")
    named, writes = tempfile.NamedTemporaryFile, []

    def failing(*arguments, **options):
        file = named(*arguments, **options)
        write = file.write

        def count(data):
            writes.append(len(data))
            if len(writes) == fails_at:
                raise OSError(errno.ENOSPC, "No space left on device")
            return write(data)

        file.write = count
        return file

    monkeypatch.setattr(files, "NamedTemporaryFile", failing)
    if fails_at <= -(-len(CONTENT) // BLOCK_SIZE):
        with pytest.raises(LocalFileError, match="No space left"):
            client.read_file(record.meta.record_id, folder / "target")
        assert {path.name: path.read_text() for path in folder.iterdir()} == {"target": "before"}
    else:
        client.read_file(record.meta.record_id, folder / "target")
        assert (folder / "target").read_bytes() == CONTENT


@pytest.mark.parametrize("step", ["fsync", "replace"])
def test_a_disk_that_fails_at_the_end_leaves_everything_as_it_was(step, client, record, folder, monkeypatch):
    def fail(*_):
        raise OSError(errno.EIO, "Input/output error")

    monkeypatch.setattr(files.os if step == "fsync" else Path, step, fail)
    with pytest.raises(LocalFileError, match="Input/output"):
        client.read_file(record.meta.record_id, folder / "target")
    assert list(folder.iterdir()) == []


def test_local_mistakes_are_named(client, record, folder):
    with pytest.raises(LocalFileError, match=r"cannot read .*missing"):
        client.write_file("scan", folder / "missing")
    with pytest.raises(LocalFileError, match=r"cannot write .*nowhere"):
        client.read_file(record.meta.record_id, folder / "nowhere" / "target")
    with pytest.raises(LocalFileError, match="cannot"):
        client.write_file("scan", folder)
    with pytest.raises(NotFound):
        client.read_file("00000000-0000-4000-8000-000000000000", folder / "target")
    assert len(client.query(record_type="scan")) == 1


@pytest.mark.parametrize(("method", "path"), [("POST", "/v1/storage/files"), ("PUT", "/files/"), ("PATCH", "/v1/storage/files/")])
@pytest.mark.parametrize("fault", ["before", "after"])
def test_an_upload_whose_replies_get_lost_makes_one_record_or_none(method, path, fault, client, source, break_calls, once):
    client.write("scan", {})  # the access key exists
    adapter = break_calls(client, once(method, path, fault))
    try:
        client.write_file("scan", source)
        expected = 2
    except TransportError:
        assert method == "PUT"
        expected = 1
    assert adapter.broken == 1
    assert len(client.query(record_type="scan")) == expected


def test_a_commit_that_is_lost_for_good_says_so(client, source, break_calls, once):
    break_calls(client, once("PATCH", "/v1/storage/files/", "before", times=9))
    with pytest.raises(OutcomeUnknown):
        client.write_file("scan", source)


def test_the_nist_suite_has_no_files(server, registration_token, source, folder):
    with Client(Client.register(registration_token, "nist", api_url=server.url, crypto_suite="nist").config) as client:
        with pytest.raises(ConfigError, match="Sodium"):
            client.write_file("scan", source)
        with pytest.raises(ConfigError, match="Sodium"):
            client.read_file("x", folder / "target")


def test_a_shared_file_is_read_and_a_revoked_one_is_not(client, record, stranger, folder):
    client.share("scan", stranger.client_id)
    stranger.read_file(record.meta.record_id, folder / "target")
    assert (folder / "target").read_bytes() == CONTENT
    client.revoke("scan", stranger.client_id)
    with pytest.raises(NotFound):
        stranger.read_file(record.meta.record_id, folder / "again")
