"""Large files, format version 3 (protocol section 13.1): a header, then secretstream blocks of 64 KiB, the last one marked."""

from __future__ import annotations

from os import urandom
from typing import TYPE_CHECKING, Final

from nacl import bindings
from nacl.exceptions import CryptoError

from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.access_keys import ACCESS_KEY_SIZE
from e3db_connectors.crypto.redacted import SecretBytes
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import DecryptionError, EncodingError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import IO

VERSION: Final = b"3"
BLOCK_SIZE: Final = 65_536
"""Plaintext bytes of every block but the last."""

BLOCK_OVERHEAD: Final = bindings.crypto_secretstream_xchacha20poly1305_ABYTES
_SEALED_BLOCK: Final = BLOCK_SIZE + BLOCK_OVERHEAD
_STREAM_HEADER: Final = bindings.crypto_secretstream_xchacha20poly1305_HEADERBYTES
_MESSAGE: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_MESSAGE
_FINAL: Final = bindings.crypto_secretstream_xchacha20poly1305_TAG_FINAL
_SUITE: Final = SodiumSuite()
_HEADER_SIZE: Final = 100
_HEADER_PARTS: Final = 4


def sealed_size(plaintext_size: int) -> int:
    """Bytes of the encrypted body of a file."""
    blocks = max(1, -(-plaintext_size // BLOCK_SIZE))
    return _HEADER_SIZE + _STREAM_HEADER + plaintext_size + BLOCK_OVERHEAD * blocks


def seal_file(access_key: bytes, source: IO[bytes]) -> Iterator[bytes]:
    """Encrypt a file piece by piece; one block is looked ahead, for the last one is marked even if it is full."""
    data_key = SecretBytes(urandom(ACCESS_KEY_SIZE))
    nonce = urandom(_SUITE.nonce_size)
    sealed_key = encoding.encode(_SUITE.seal(access_key, data_key, nonce))
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    stream_header = bindings.crypto_secretstream_xchacha20poly1305_init_push(state, data_key)
    yield b".".join((VERSION, sealed_key.encode(), encoding.encode(nonce).encode(), b"")) + stream_header
    block = _read(source, BLOCK_SIZE)
    while True:
        following = _read(source, BLOCK_SIZE) if len(block) == BLOCK_SIZE else b""
        tag = _MESSAGE if following else _FINAL
        yield bindings.crypto_secretstream_xchacha20poly1305_push(state, block, None, tag)
        if not following:
            return
        block = following


def open_file(access_key: bytes, body: Iterable[bytes]) -> Iterator[bytes]:
    """Decrypt a file piece by piece. What comes out before the end is only good if the end is reached without an error.

    Args:
        access_key: Of the file's writer and type.
        body: The encrypted body, in pieces of any size.

    Raises:
        EncodingError: The header has another form or version.
        DecryptionError: A block does not open, the file ends too early, or something follows its end.
    """
    pieces = _Rechunked(body)
    data_key = _open_header(access_key, pieces.take(_HEADER_SIZE))
    stream_header = pieces.take(_STREAM_HEADER)
    if len(stream_header) != _STREAM_HEADER:
        raise DecryptionError("the file ends before its first block")
    state = bindings.crypto_secretstream_xchacha20poly1305_state()
    bindings.crypto_secretstream_xchacha20poly1305_init_pull(state, stream_header, data_key)
    while True:
        block = pieces.take(_SEALED_BLOCK)
        plaintext, tag = _pull(state, block)
        if tag == _FINAL:
            if pieces.take(1):
                raise DecryptionError("something follows the end of the file")
            yield plaintext
            return
        if tag != _MESSAGE or len(block) != _SEALED_BLOCK:
            raise DecryptionError("a block of the file is not marked as it should be")
        yield plaintext


def _pull(state: bindings.crypto_secretstream_xchacha20poly1305_state, block: bytes) -> tuple[bytes, int]:
    if len(block) < BLOCK_OVERHEAD:
        raise DecryptionError("the file ends before its last block")
    try:
        return bindings.crypto_secretstream_xchacha20poly1305_pull(state, block)
    except (CryptoError, ValueError):
        raise DecryptionError("a block of the file does not open with this key") from None


def _open_header(access_key: bytes, header: bytes) -> bytes:
    parts = header.decode("ascii", "replace").split(".")
    if parts[0].encode() != VERSION:
        raise EncodingError("the file is of another version than 3, or is no encrypted file")
    if len(parts) != _HEADER_PARTS or len(header) != _HEADER_SIZE:
        raise EncodingError("the file's header has another form")
    sealed_key = encoding.decode_exactly(parts[1], ACCESS_KEY_SIZE + _SUITE.tag_size, what="file's data key")
    return SecretBytes(_SUITE.open(access_key, sealed_key, encoding.decode_exactly(parts[2], _SUITE.nonce_size, what="file's nonce")))


def _read(source: IO[bytes], size: int) -> bytes:
    """Exactly *size* bytes, or fewer at the end: a raw source may give fewer at a time."""
    data = source.read(size) or b""
    while 0 < len(data) < size:
        more = source.read(size - len(data))
        if not more:
            break
        data += more
    return data


class _Rechunked:
    """Pieces of any size as pieces of the size that is asked for."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._piece, self._at = b"", 0

    def take(self, size: int) -> bytes:
        """The next *size* bytes, or fewer at the end."""
        taken = [self._next(size)]
        missing = size - len(taken[0])
        while missing:
            piece = next(self._pieces, None)
            if piece is None:
                break
            self._piece, self._at = piece, 0
            taken.append(self._next(missing))
            missing -= len(taken[-1])
        return taken[0] if len(taken) == 1 else b"".join(taken)

    def _next(self, size: int) -> bytes:
        """Up to *size* bytes of the piece at hand."""
        begin, self._at = self._at, min(self._at + size, len(self._piece))
        return self._piece[begin : self._at]
