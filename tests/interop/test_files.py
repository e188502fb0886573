"""Large files: what one program writes the other reads, through our server."""

import hashlib
import time

import pytest

from e3db_connectors import errors

SDKS = ["python", "js"]
BLOCK = 65_536
SIZES = [1, BLOCK - 1, BLOCK, BLOCK + 1, 3 * BLOCK, 1_000_003]
PLAIN = {"kind": "scan", "straße": "ja"}


@pytest.fixture
def make(tmp_path):
    """Make a file of some size with content that does not repeat."""

    def make_file(size):
        path = tmp_path / f"clear-{size}"
        path.write_bytes(hashlib.shake_256(str(size).encode()).digest(size))
        return path

    return make_file


def saved(copy, source):
    """What an SDK has saved; the JavaScript one says that it has before the last of it is on the disk."""
    end = time.monotonic() + 5
    while copy.stat().st_size < source.stat().st_size and time.monotonic() < end:
        time.sleep(0.01)
    return copy.read_bytes()


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("size", SIZES)
def test_we_read_what_they_write(client, theirs, make, tmp_path, size):
    source, copy = make(size), tmp_path / "copy"
    record_id = theirs.write_file(record_type="scan", path=str(source), plain=PLAIN)["record_id"]
    client.read_file(record_id, copy)
    assert copy.read_bytes() == source.read_bytes()
    assert client.read(record_id).meta.plain == PLAIN


@pytest.mark.parametrize("sdk", SDKS)
@pytest.mark.parametrize("size", SIZES)
def test_they_read_what_we_write(client, theirs, make, tmp_path, size):
    source, copy = make(size), tmp_path / "copy"
    record_id = client.write_file("scan", source, PLAIN).meta.record_id
    assert theirs.read_file(record_id=record_id, path=str(copy))["plain"] == PLAIN
    assert saved(copy, source) == source.read_bytes()


def test_an_empty_file(client, original, make, tmp_path):  # the JavaScript SDK knows none
    theirs, source, copy = original("python", client.config), make(0), tmp_path / "copy"
    client.read_file(theirs.write_file(record_type="scan", path=str(source), plain={})["record_id"], copy)
    assert copy.read_bytes() == b""
    copy.unlink()
    theirs.read_file(record_id=client.write_file("scan", source, {}).meta.record_id, path=str(copy))
    assert copy.read_bytes() == b""


@pytest.mark.parametrize("pair", [(writer, reader) for writer in SDKS for reader in SDKS], ids="-".join)
@pytest.mark.parametrize("size", [1, BLOCK, 1_000_003])
def test_they_read_what_they_write(client, other, original, make, tmp_path, pair, size):
    source, copy = make(size), tmp_path / "copy"
    writing, reading = original(pair[0], client.config), original(pair[1], other.config)
    record_id = writing.write_file(record_type="scan", path=str(source), plain=PLAIN)["record_id"]
    writing.share(record_type="scan", reader_id=other.client_id)
    assert reading.read_file(record_id=record_id, path=str(copy))["plain"] == PLAIN
    assert saved(copy, source) == source.read_bytes()


@pytest.mark.parametrize("sdk", SDKS)
def test_a_file_is_found_as_a_record_without_data(theirs, make):
    record_id = theirs.write_file(record_type="scan", path=str(make(10)), plain=PLAIN)["record_id"]
    (queried,) = theirs.query(record_type="scan")
    (found,) = theirs.search(match={"record_types": ["scan"]})["records"]
    assert queried == found
    assert (found["record_id"], found["plain"], found["data"]) == (record_id, PLAIN, {})


@pytest.mark.parametrize("sdk", SDKS)
def test_shared_files_are_read_until_the_share_is_revoked(client, other, theirs, their_other, make, tmp_path, original_failed):
    source, copy = make(70_000), tmp_path / "copy"
    record_id = theirs.write_file(record_type="scan", path=str(source), plain={})["record_id"]
    client.share("scan", other.client_id)
    other.read_file(record_id, copy)
    assert copy.read_bytes() == source.read_bytes()
    theirs.revoke(record_type="scan", reader_id=other.client_id)
    with pytest.raises(errors.NotFound):
        other.read_file(record_id, tmp_path / "second")
    with pytest.raises(original_failed):
        their_other.read_file(record_id=record_id, path=str(tmp_path / "third"))
