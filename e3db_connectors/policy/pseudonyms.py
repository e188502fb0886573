"""Pseudonyms: equal values stay equal, and nobody without the key can tell or test what they were."""

from __future__ import annotations

import os
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from e3db_connectors.crypto import encoding
from e3db_connectors.crypto.redacted import SecretBytes, SecretText
from e3db_connectors.errors import ConfigError, EncodingError

if TYPE_CHECKING:
    from collections.abc import Mapping

KEY_VARIABLE: Final = "E3DB_PSEUDONYM_KEY"
KEY_MIN: Final = 32
KEY_MAX: Final = 64
"""Bytes that BLAKE2b takes as a key."""

VERSION: Final = "p1"
_PERSON: Final = b"e3db.pseudonym1"
_DOMAIN_PERSON: Final = b"e3db.pseud.dom1"
_SIZE: Final = 32
_KID_DIGITS: Final = 8


class Pseudonymiser:
    """Makes the pseudonyms of one key.

    Args:
        key: 32 to 64 secret bytes, or their base64url text.

    Raises:
        ConfigError: It is none. The text does not show it.
    """

    def __init__(self, key: bytes | str) -> None:
        """Keep the key, so that it does not show."""
        if not isinstance(key, (bytes, str)):
            raise ConfigError("the pseudonym key is bytes or text")
        key = SecretText(key) if isinstance(key, str) else SecretBytes(key)  # not even in tracebacks that list local variables
        self._key = _key_bytes(key)
        self._prefix = f"{VERSION}.{blake2b(self._key, person=_PERSON).hexdigest()[:_KID_DIGITS]}."

    def domain(self, name: str = "") -> SecretBytes:
        """The key of a domain: the same value has unlinkable pseudonyms in two of them."""
        if not name:
            return self._key
        return SecretBytes(blake2b(name.encode(), key=self._key, person=_DOMAIN_PERSON).digest())

    def pseudonym(self, text: str, domain_key: SecretBytes) -> str:
        """The pseudonym of a text: ``p1.kid.hash``, the kid naming the key without telling it."""
        digest = blake2b(text.encode(errors="surrogatepass"), digest_size=_SIZE, key=domain_key, person=_PERSON).digest()
        return self._prefix + encoding.encode(digest)

    def __repr__(self) -> str:
        """Which key, not what it is."""
        return f"Pseudonymiser({getattr(self, '_prefix', '')})"  # a traceback may ask one that is only half made

    def __reduce__(self) -> str:
        """Refuse to be pickled."""
        raise TypeError("a Pseudonymiser holds a key and is not pickled")


def pseudonymiser(key: bytes | str | None = None, environment: Mapping[str, str] = os.environ) -> Pseudonymiser | None:
    """What makes pseudonyms with a key, else with that of ``E3DB_PSEUDONYM_KEY``; None without either.

    Raises:
        ConfigError: It is no key.
    """
    if key is not None:
        return Pseudonymiser(key)
    return Pseudonymiser(environment[KEY_VARIABLE]) if environment.get(KEY_VARIABLE) else None


def _key_bytes(key: SecretText | SecretBytes) -> SecretBytes:
    try:
        secret = key if isinstance(key, SecretBytes) else SecretBytes(encoding.decode(key.reveal(), what="pseudonym key"))
    except EncodingError:
        raise ConfigError("the pseudonym key is no base64url text") from None
    if not KEY_MIN <= len(secret) <= KEY_MAX:
        raise ConfigError(f"the pseudonym key has {len(secret)} bytes; it takes {KEY_MIN} to {KEY_MAX}, all of them random")
    return secret
