"""The blind index: a keyed hash by which a writer finds its own row again.

The server sees equal rows as equal hashes, of one client, type and key, and nothing of what they hash.
"""

from hashlib import blake2b
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from e3db_connectors.crypto import encoding

KEY_SIZE: Final = 32
"""Bytes of an index key."""

_KDF_INFO: Final = b"e3db blind index v1"
_PERSON: Final = b"e3db.key.v1"
_KID_DIGITS: Final = 8


def derive_key(private_key: bytes) -> bytes:
    """Derive the default index key from a client's private key (HKDF-SHA-256, RFC 5869)."""
    return HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=_KDF_INFO).derive(private_key)


def key_id(index_key: bytes) -> str:
    """Name an index key without telling it: 8 hex digits of its BLAKE2b hash."""
    return blake2b(index_key).hexdigest()[:_KID_DIGITS]


def compute(index_key: bytes, message: bytes) -> str:
    """The index of *message*: ``1.kid.hash``."""
    digest = blake2b(message, digest_size=32, key=index_key, person=_PERSON).digest()
    return f"1.{key_id(index_key)}.{encoding.encode(digest)}"
