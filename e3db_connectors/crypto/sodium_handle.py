"""Secretboxes opened by PyNaCl's own handle of libsodium, into buffers that are kept.

The only module that calls C by itself. Its buffers belong to one object, and that to one thread. Every length is checked,
and every buffer grown, before C sees a pointer.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.crypto.quads import SEALED_KEY_SIZE, decode_quads

if TYPE_CHECKING:
    from collections.abc import Collection

try:
    _sodium: Any = import_module("nacl._sodium")
except ImportError:  # another build of PyNaCl: its public bindings do the same, slower
    _sodium = None

_KEY_SIZE: Final = 32
_NONCE_SIZE: Final = 24
_TAG_SIZE: Final = 16
_HEAD_SIZE: Final = SEALED_KEY_SIZE + 2 * _NONCE_SIZE
_FIRST_FIELDS: Final = 16
_FIRST_BYTES: Final = 4096


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
        decoded = decode_quads(quads, _NONCE_SIZE) if len(access_key) == _KEY_SIZE else None
        if decoded is None:
            return None
        data, spans = decoded
        self._take(access_key, data[: len(spans) * _HEAD_SIZE], len(spans))
        open_box, own_key, data_key = _sodium.lib.crypto_secretbox_open_easy, self._access_key, self._data_key
        opened = []
        try:
            for (sealed_key, key_nonce, nonce), (begin, end) in zip(self._heads, spans, strict=False):
                size = end - begin - _TAG_SIZE
                if size < 0:
                    return None
                if size > self._size:
                    self._grow_plaintext(size)
                if open_box(data_key, sealed_key, SEALED_KEY_SIZE, key_nonce, own_key):
                    return None
                if open_box(self._plaintext, data[begin:end], end - begin, nonce, data_key):
                    return None
                opened.append(self._view[:size].decode())
        except UnicodeDecodeError:
            return None
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


def secretbox_opener() -> SecretboxOpener | None:
    """An opener for the calling thread, or None where PyNaCl has no such handle."""
    return None if _sodium is None else SecretboxOpener()
