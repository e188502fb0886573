"""Access keys and their wrapped form, the EAK (protocol section 7.1)."""

from os import urandom
from typing import Final

from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.redacted import SecretBytes
from e3db_connectors.crypto.suite import CipherSuite
from e3db_connectors.errors import EncodingError

ACCESS_KEY_SIZE: Final = 32
"""Bytes of an access key."""


def generate_access_key() -> bytes:
    """Make a new access key."""
    return SecretBytes(urandom(ACCESS_KEY_SIZE))


def seal_access_key(suite: CipherSuite, access_key: bytes, reader_public: str, own_private: str) -> str:
    """Wrap *access_key* for a reader: ``ciphertext.nonce``."""
    nonce = urandom(suite.nonce_size)
    wrapped = suite.wrap(access_key, reader_public, own_private, nonce)
    return f"{encoding.encode(wrapped)}.{encoding.encode(nonce)}"


def open_access_key(suite: CipherSuite, eak: str, authorizer_public: str, own_private: str) -> bytes:
    """Unwrap an access key of 32 bytes that the authorizer wrapped for us.

    Raises:
        EncodingError: If the text has another form or size.
        DecryptionError: If it was not made with these keys.
    """
    parts = eak.split(".")
    if len(parts) != 2:  # noqa: PLR2004 - the two parts of an EAK
        raise EncodingError("an encrypted access key has two parts with a dot between")
    wrapped = encoding.decode_exactly(parts[0], ACCESS_KEY_SIZE + suite.tag_size, what="encrypted access key")
    nonce = encoding.decode_exactly(parts[1], suite.nonce_size, what="access key's nonce")
    return SecretBytes(suite.unwrap(wrapped, authorizer_public, own_private, nonce))
