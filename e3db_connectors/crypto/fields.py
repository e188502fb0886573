"""Field values as quads: ``EDK.EDK-nonce.EF.EF-nonce`` (protocol section 8.1).

A random data key encrypts the value, the access key encrypts the data key. Nothing binds a value to its name
or record, see `docs/limitations.md`.
"""

from os import urandom

from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.access_keys import ACCESS_KEY_SIZE
from e3db_connectors.crypto.redacted import SecretBytes
from e3db_connectors.crypto.suite import CipherSuite
from e3db_connectors.errors import DecryptionError, EncodingError

DATA_KEY_SIZE = ACCESS_KEY_SIZE


def seal_field(suite: CipherSuite, access_key: bytes, text: str) -> str:
    """Encrypt one value."""
    data_key = SecretBytes(urandom(DATA_KEY_SIZE))
    key_nonce, value_nonce = urandom(suite.nonce_size), urandom(suite.nonce_size)
    sealed_key = suite.seal(access_key, data_key, key_nonce)
    sealed_value = suite.seal(data_key, text.encode(), value_nonce)
    return ".".join(map(encoding.encode, (sealed_key, key_nonce, sealed_value, value_nonce)))


def open_field(suite: CipherSuite, access_key: bytes, quad: str) -> str:
    """Decrypt one value.

    Raises:
        EncodingError: If *quad* does not have four base64url parts of the right sizes.
        DecryptionError: If it was not sealed under this access key, or is no UTF-8 text.
    """
    parts = quad.split(".")
    if len(parts) != 4:  # noqa: PLR2004 - a quad
        raise EncodingError("an encrypted field has four parts with dots between")
    sealed_key = encoding.decode_exactly(parts[0], DATA_KEY_SIZE + suite.tag_size, what="field's data key")
    key_nonce = encoding.decode_exactly(parts[1], suite.nonce_size, what="field's first nonce")
    sealed_value = encoding.decode(parts[2], what="field's cipher text")
    value_nonce = encoding.decode_exactly(parts[3], suite.nonce_size, what="field's second nonce")
    data_key = SecretBytes(suite.open(access_key, sealed_key, key_nonce))
    try:
        return suite.open(data_key, sealed_value, value_nonce).decode()
    except UnicodeDecodeError:
        raise DecryptionError("a decrypted field is no UTF-8 text") from None
