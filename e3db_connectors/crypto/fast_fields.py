"""Opening many fields of the Sodium suite: libsodium by PyNaCl's own handle, into buffers that are kept.

An opener belongs to one thread. Whatever is unusual about a quad (padding, another length, a wrong tag) goes the careful
way of `fields.open_field`, which also finds the right words for an error; so both ways give the same for every text.
"""

from __future__ import annotations

from binascii import a2b_base64
from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.crypto.fields import open_field
from e3db_connectors.crypto.sodium import SodiumSuite

if TYPE_CHECKING:
    from e3db_connectors.crypto.suite import CipherSuite

try:
    _sodium: Any = import_module("nacl._sodium")
except ImportError:  # another build of PyNaCl: the public bindings do the same, slower
    _sodium = None

_SEALED_KEY_CHARS: Final = 64
_NONCE_CHARS: Final = 32
_SEALED_KEY_SIZE: Final = 48
_NONCE_SIZE: Final = 24
_KEY_SIZE: Final = 32
_TAG_SIZE: Final = 16
_TO_STANDARD: Final = bytes.maketrans(b"-_+/=", b"+/!!!")
"""The other alphabet and padding become what no decoder takes."""

_FIRST_BUFFER: Final = 4096
_PADDING: Final = (b"", b"===", b"==", b"=")


class FieldOpener:
    """Opens fields, fast where it can; for one thread.

    Args:
        suite: The suite that sealed them.
    """

    def __init__(self, suite: CipherSuite) -> None:
        """Make the buffers."""
        self._suite = suite
        self._fast = _sodium is not None and isinstance(suite, SodiumSuite)
        if self._fast:
            self._data_key = _sodium.ffi.new("unsigned char[]", _KEY_SIZE)
            self._size = _FIRST_BUFFER
            self._plaintext = _sodium.ffi.new("unsigned char[]", self._size)

    def open(self, access_key: bytes, quad: str) -> str:
        """Decrypt one value; see `fields.open_field`."""
        if self._fast and len(access_key) == _KEY_SIZE:
            text = self._open_fast(access_key, quad)
            if text is not None:
                return text
        return open_field(self._suite, access_key, quad)

    def _open_fast(self, access_key: bytes, quad: str) -> str | None:
        """The value, or None if the careful way has to decide."""
        parts = _decode(quad)
        if parts is None:
            return None
        sealed_key, key_nonce, sealed, nonce = parts
        size = len(sealed) - _TAG_SIZE
        if size > self._size:
            self._size = size
            self._plaintext = _sodium.ffi.new("unsigned char[]", size)
        open_box = _sodium.lib.crypto_secretbox_open_easy
        if open_box(self._data_key, sealed_key, _SEALED_KEY_SIZE, key_nonce, access_key):
            return None
        if open_box(self._plaintext, sealed, len(sealed), nonce, self._data_key):
            return None
        try:
            return bytes(_sodium.ffi.buffer(self._plaintext, size)).decode()
        except UnicodeDecodeError:
            return None


def _decode(quad: str) -> tuple[bytes, bytes, bytes, bytes] | None:
    """The parts of a quad in its plain form; every length is checked here, before C sees a pointer."""
    try:
        sealed_key, key_nonce, sealed, nonce = quad.encode("ascii").translate(_TO_STANDARD).split(b".")
        if len(sealed_key) != _SEALED_KEY_CHARS or len(key_nonce) != _NONCE_CHARS or len(nonce) != _NONCE_CHARS:
            return None
        head = a2b_base64(sealed_key + key_nonce + nonce, strict_mode=True)  # none of the three needs padding, so they join
        value = a2b_base64(sealed + _PADDING[len(sealed) % 4], strict_mode=True)
    except ValueError:
        return None
    nonces = head[_SEALED_KEY_SIZE:]
    return (head[:_SEALED_KEY_SIZE], nonces[:_NONCE_SIZE], value, nonces[_NONCE_SIZE:]) if len(value) >= _TAG_SIZE else None
