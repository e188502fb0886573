"""Secretboxes sealed and opened by PyNaCl's own handle of libsodium, into buffers that are kept.

The only module that calls C by itself. Its buffers belong to one object, and that to one thread. Every length is checked,
and every buffer grown, before C sees a pointer.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from importlib import import_module
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.crypto.quads import SEALED_KEY_SIZE, decode_quads, encode_quads

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

try:
    _sodium: Any = import_module("nacl._sodium")
except ImportError:  # another build of PyNaCl: its public bindings do the same, slower
    _sodium = None

_KEY_SIZE: Final = 32
_NONCE_SIZE: Final = 24
_TAG_SIZE: Final = 16
_HEAD_SIZE: Final = SEALED_KEY_SIZE + 2 * _NONCE_SIZE
_RANDOM_SIZE: Final = _KEY_SIZE + 2 * _NONCE_SIZE
_FIRST_FIELDS: Final = 16
_FIRST_BYTES: Final = 4096
_SHORT: Final = 65_536
"""Characters up to which a record has its turn; longer ones gain by being worked on at the same time."""


class _Turn:
    """Whose turn it is to open or to seal a record: for speed alone, for each thread has buffers of its own.

    Every call of C gives up the interpreter's lock. Several threads that take it from each other for calls of half a
    microsecond are together several times as slow as one; waiting for a whole record, they are nearly as fast.
    """

    lock = Lock()


def _renew_turn() -> None:
    """In a forked child nobody would release a lock that another thread of the parent held."""
    _Turn.lock = Lock()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_turn)


class SecretboxOpener:
    """Opens the quads of the Sodium suite; for one thread."""

    def __init__(self) -> None:
        """Make the buffers."""
        self._kept: dict[str, Any] = {}
        self._access_key = self._buffer("access key", _KEY_SIZE)
        self._data_key = self._buffer("data key", _KEY_SIZE)
        self._grow_heads(_FIRST_FIELDS)
        self._grow_plaintext(_FIRST_BYTES)

    def open_all(self, access_key: bytes, quads: Collection[str]) -> list[str] | None:
        """The values of quads, or None if one is unusual or does not open."""
        if len(access_key) != _KEY_SIZE:
            return None
        with _Turn.lock if sum(map(len, quads)) <= _SHORT else nullcontext():
            decoded = decode_quads(quads, _NONCE_SIZE)
            if decoded is None:
                return None
            data, sizes = decoded
            self._take(access_key, data[: len(sizes) * _HEAD_SIZE], len(sizes))
            try:
                return self._open_values(data, sizes)
            except UnicodeDecodeError:
                return None

    def _open_values(self, data: bytes, sizes: list[int]) -> list[str] | None:
        open_box, access_key, data_key = _sodium.lib.crypto_secretbox_open_easy, self._access_key, self._data_key
        opened = []
        begin = len(sizes) * _HEAD_SIZE
        for (sealed_key, key_nonce, nonce), sealed_size in zip(self._heads, sizes, strict=False):
            size = sealed_size - _TAG_SIZE
            if size < 0:
                return None
            if size > self._size:
                self._grow_plaintext(size)
            end = begin + sealed_size
            if open_box(data_key, sealed_key, SEALED_KEY_SIZE, key_nonce, access_key):
                return None
            if open_box(self._plaintext, data[begin:end], sealed_size, nonce, data_key):
                return None
            opened.append(self._view[:size].decode())
            begin = end + -sealed_size % 3
        return opened

    def _take(self, access_key: bytes, heads: bytes, count: int) -> None:
        """Put keys and nonces where C finds them."""
        if count > len(self._heads):
            self._grow_heads(2 * count)
        _sodium.ffi.memmove(self._access_key, access_key, _KEY_SIZE)
        _sodium.ffi.memmove(self._first_head, heads, len(heads))

    def _grow_heads(self, count: int) -> None:
        first = self._first_head = self._buffer("heads", count * _HEAD_SIZE)
        starts = (first + number * _HEAD_SIZE for number in range(count))
        self._heads = [(start, start + SEALED_KEY_SIZE, start + SEALED_KEY_SIZE + _NONCE_SIZE) for start in starts]

    def _grow_plaintext(self, size: int) -> None:
        self._plaintext = self._buffer("plaintext", size)
        self._view = _sodium.ffi.buffer(self._plaintext, size)
        self._size = size

    def _buffer(self, name: str, size: int) -> Any:
        """A pointer to a new buffer, which is kept as long as no other takes its name."""
        self._kept[name] = _sodium.ffi.new("unsigned char[]", size)
        return _sodium.ffi.cast("unsigned char *", self._kept[name])


class SecretboxSealer:
    """Seals quads of the Sodium suite; for one thread."""

    def __init__(self) -> None:
        """Make the buffers."""
        self._sealed_key = _sodium.ffi.new("unsigned char[]", SEALED_KEY_SIZE)
        self._grow(_FIRST_BYTES)

    def seal_all(self, access_key: bytes, values: Sequence[bytes], random: bytes) -> list[str] | None:
        """Quads of values, or None if the sizes do not fit.

        Args:
            access_key: What data keys are sealed with.
            values: What to seal.
            random: For each value a data key, the nonce to seal that one and the nonce to seal the value; all used this once.
        """
        if len(access_key) != _KEY_SIZE or len(random) != len(values) * _RANDOM_SIZE:
            return None
        with _Turn.lock if sum(map(len, values)) <= _SHORT else nullcontext():
            return self._seal(access_key, values, random)

    def _seal(self, access_key: bytes, values: Sequence[bytes], random: bytes) -> list[str] | None:
        seal_box = _sodium.lib.crypto_secretbox_easy
        source = _sodium.ffi.from_buffer("unsigned char[]", random)
        data_key = _sodium.ffi.cast("unsigned char *", source)
        head_view = _sodium.ffi.buffer(self._sealed_key)
        heads, sealed = [], []
        begin = 0
        for value in values:
            size = len(value) + _TAG_SIZE
            if size > self._size:
                self._grow(size)
            key_nonce = data_key + _KEY_SIZE
            if seal_box(self._sealed_key, data_key, _KEY_SIZE, key_nonce, access_key):
                return None
            if seal_box(self._sealed, value, len(value), key_nonce + _NONCE_SIZE, data_key):
                return None
            heads.append(head_view[:] + random[begin + _KEY_SIZE : begin + _RANDOM_SIZE])
            sealed.append(self._view[:size])
            data_key, begin = data_key + _RANDOM_SIZE, begin + _RANDOM_SIZE
        return encode_quads(heads, sealed, _NONCE_SIZE)

    def _grow(self, size: int) -> None:
        self._sealed, self._size = _sodium.ffi.new("unsigned char[]", size), size
        self._view = _sodium.ffi.buffer(self._sealed)


def secretbox_sealer() -> SecretboxSealer | None:
    """A sealer for the calling thread, or None where PyNaCl has no such handle."""
    return None if _sodium is None else SecretboxSealer()


def secretbox_opener() -> SecretboxOpener | None:
    """An opener for the calling thread, or None where PyNaCl has no such handle."""
    return None if _sodium is None else SecretboxOpener()
