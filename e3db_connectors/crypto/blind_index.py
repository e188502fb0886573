"""The blind index: a keyed hash by which a writer finds its own row again (design section 4.7).

The server sees equal rows as equal hashes, of one client, type and key, and nothing of what they hash.
"""

from hashlib import blake2b
from typing import Final

from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.redacted import SecretBytes
from e3db_connectors.errors import ConfigError, EncodingError

KEY_SIZE: Final = 32
"""Bytes of an index key, at the least."""

KEY_SIZE_MAX: Final = blake2b.MAX_KEY_SIZE

_KDF_INFO: Final = b"e3db blind index v1"
_PERSON: Final = b"e3db.key.v1"
_KID_DIGITS: Final = 8


def derive_key(private_key: bytes) -> bytes:
    """Derive the default index key from a client's private key (HKDF-SHA-256, RFC 5869)."""
    return SecretBytes(HKDF(algorithm=SHA256(), length=KEY_SIZE, salt=None, info=_KDF_INFO).derive(private_key))


def read_key(secret: str, *, what: str = "key_secret") -> bytes:
    """The index key that a setting holds, as base64url.

    Raises:
        ConfigError: It is no base64url, or too short to be secret, or longer than the hash takes.
    """
    try:
        key = SecretBytes(encoding.decode(secret, what=what))
    except EncodingError:
        raise ConfigError(f"{what} must be base64url text of {KEY_SIZE} random bytes") from None
    if not KEY_SIZE <= len(key) <= KEY_SIZE_MAX:
        raise ConfigError(f"{what} must hold {KEY_SIZE} to {KEY_SIZE_MAX} random bytes; it holds {len(key)}")
    return key


def key_id(index_key: bytes) -> str:
    """Name an index key without telling it: 8 hex digits of its BLAKE2b hash."""
    return blake2b(index_key).hexdigest()[:_KID_DIGITS]


def compute(index_key: bytes, message: bytes, kid: str | None = None) -> str:
    """The index of *message*: ``1.kid.hash``; who computes many passes the `key_id`."""
    digest = blake2b(message, digest_size=32, key=index_key, person=_PERSON).digest()
    return f"1.{kid or key_id(index_key)}.{encoding.encode(digest)}"


def kid_of(index: str) -> str | None:
    """The id of the key that an index was made with; None if it is no index."""
    parts = index.split(".")
    return parts[1] if len(parts) == 3 and parts[0] == "1" else None  # noqa: PLR2004 - version, kid, hash
