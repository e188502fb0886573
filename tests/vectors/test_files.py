"""Encrypted files against vectors that existing clients made."""

import json
from base64 import b64decode
from hashlib import sha256
from io import BytesIO
from pathlib import Path

import pytest

from e3db_connectors.crypto import encoding, files
from e3db_connectors.errors import IntegrityError

VECTORS = json.loads((Path(__file__).parent / "vectors.json").read_text(encoding="utf-8"))
FROM_JS = [{"access_key": VECTORS["from_js"]["access_key"], **vector} for vector in VECTORS["from_js"]["files"]]
NEGATIVE = [vector for vector in VECTORS["negative"] if vector["kind"] == "file"]
KEY = bytes(32)


@pytest.mark.parametrize("vector", VECTORS["files"] + FROM_JS, ids=lambda vector: str(vector["plaintext_size"]))
@pytest.mark.parametrize("piece", [1 << 20, 65_553, 777])
def test_files_open_whatever_the_pieces_they_come_in(vector, piece):
    body = b64decode(vector["body_base64"])
    pieces = (body[start : start + piece] for start in range(0, len(body), piece))
    plaintext = b"".join(files.open_file(encoding.decode(vector["access_key"]), pieces))
    assert sha256(plaintext).hexdigest() == vector["plaintext_sha256"]
    assert files.sealed_size(len(plaintext)) == len(body) == vector["encrypted_size"]


@pytest.mark.parametrize("vector", NEGATIVE, ids=lambda vector: vector["name"])
def test_spoilt_files_are_refused(vector):
    with pytest.raises(IntegrityError):
        list(files.open_file(encoding.decode(vector["access_key"]), [b64decode(vector["body_base64"])]))


@pytest.mark.parametrize("size", [0, 1, 65_535, 65_536, 65_537, 3 * 65_536, 200_000])
def test_sealed_files_have_the_documented_size_and_open(size):
    plaintext = bytes(size)
    pieces = list(files.seal_file(KEY, BytesIO(plaintext)))
    assert sum(map(len, pieces)) == files.sealed_size(size)
    assert b"".join(files.open_file(KEY, pieces)) == plaintext


class Dribble(BytesIO):
    """A source that gives a few bytes at a time, as a raw file or pipe may."""

    def read(self, size=-1):
        return super().read(min(size, 1000))


def test_a_source_that_gives_little_at_a_time_is_sealed_in_full_blocks():
    sealed = b"".join(files.seal_file(KEY, Dribble(bytes(150_000))))
    assert len(sealed) == files.sealed_size(150_000)


def test_pieces_of_no_bytes_and_of_one_byte_change_nothing():
    plaintext = bytes(range(256)) * 300
    body = b"".join(files.seal_file(KEY, BytesIO(plaintext)))
    pieces = [b"", *(body[start : start + 1] for start in range(len(body))), b"", b""]
    assert b"".join(files.open_file(KEY, pieces)) == plaintext


def test_no_more_than_a_block_is_read_ahead():
    source = BytesIO(bytes(10 * files.BLOCK_SIZE))
    sealed = files.seal_file(KEY, source)
    header, first = next(sealed), next(sealed)
    assert source.tell() == 2 * files.BLOCK_SIZE
    pieces = iter([header, first, *sealed])
    assert len(next(files.open_file(KEY, pieces))) == files.BLOCK_SIZE
    assert len(list(pieces)) == 9


@pytest.mark.parametrize("cut", ["header", "stream header", "first block", "between blocks", "last byte"])
def test_a_file_cut_off_anywhere_is_refused(cut):
    body = b"".join(files.seal_file(KEY, BytesIO(bytes(150_000))))
    ends = {"header": 50, "stream header": 110, "first block": 500, "between blocks": 124 + 65_553, "last byte": len(body) - 1}
    with pytest.raises(IntegrityError):
        list(files.open_file(KEY, [body[: ends[cut]]]))


def test_exchanged_blocks_are_refused():
    body = b"".join(files.seal_file(KEY, BytesIO(bytes(range(256)) * 1024)))
    block = 65_553
    exchanged = body[:124] + body[124 + block : 124 + 2 * block] + body[124 : 124 + block] + body[124 + 2 * block :]
    with pytest.raises(IntegrityError):
        list(files.open_file(KEY, [exchanged]))
