"""Fields of the NIST suite: the cipher of an access key is kept, for making one takes longer than opening a value."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

from e3db_connectors.crypto.access_keys import ACCESS_KEY_SIZE
from e3db_connectors.crypto.quads import SEALED_KEY_SIZE, decode_quads, encode_quads

if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

_NONCE_SIZE: Final = 12
_HEAD_SIZE: Final = SEALED_KEY_SIZE + 2 * _NONCE_SIZE
_RANDOM_SIZE: Final = ACCESS_KEY_SIZE + 2 * _NONCE_SIZE
_KEPT_CIPHERS: Final = 32


class GcmOpener:
    """Opens the quads of the NIST suite; for one thread."""

    def __init__(self) -> None:
        """Keep no cipher yet."""
        self._cipher_of = lru_cache(_KEPT_CIPHERS)(AESGCM)

    def open_all(self, access_key: bytes, quads: Collection[str]) -> list[str] | None:
        """The values of quads, or None if one is unusual or does not open."""
        decoded = decode_quads(quads, _NONCE_SIZE) if len(access_key) == ACCESS_KEY_SIZE else None
        if decoded is None:
            return None
        data, sizes = decoded
        open_key = self._cipher_of(access_key).decrypt
        opened = []
        head, begin = 0, len(sizes) * _HEAD_SIZE
        try:
            for size in sizes:
                end = begin + size
                key_nonce = head + SEALED_KEY_SIZE
                nonce = key_nonce + _NONCE_SIZE
                # The data key gets no name: it would show where a traceback lists local variables.
                cipher = AESGCM(open_key(data[key_nonce:nonce], data[head:key_nonce], None))
                head = nonce + _NONCE_SIZE
                opened.append(cipher.decrypt(data[nonce:head], data[begin:end], None).decode())
                begin = end + -size % 3
        except (InvalidTag, ValueError):  # the latter: no UTF-8
            return None
        return opened


class GcmSealer:
    """Seals quads of the NIST suite; for one thread."""

    def __init__(self) -> None:
        """Keep no cipher yet."""
        self._cipher_of = lru_cache(_KEPT_CIPHERS)(AESGCM)

    def seal_all(self, access_key: bytes, values: Sequence[bytes], random: bytes) -> list[str] | None:
        """Quads of values, or None if the sizes do not fit.

        Args:
            access_key: What data keys are sealed with.
            values: What to seal.
            random: For each value a data key, the nonce to seal that one and the nonce to seal the value; all used this once.
        """
        if len(access_key) != ACCESS_KEY_SIZE or len(random) != len(values) * _RANDOM_SIZE:
            return None
        seal_key = self._cipher_of(access_key).encrypt
        heads, sealed = [], []
        for begin, value in zip(range(0, len(random), _RANDOM_SIZE), values, strict=True):
            key_nonce = begin + ACCESS_KEY_SIZE
            nonce, end = key_nonce + _NONCE_SIZE, begin + _RANDOM_SIZE
            # The data key gets no name: it would show where a traceback lists local variables.
            heads.append(seal_key(random[key_nonce:nonce], random[begin:key_nonce], None) + random[key_nonce:end])
            sealed.append(AESGCM(random[begin:key_nonce]).encrypt(random[nonce:end], value, None))
        return encode_quads(heads, sealed, _NONCE_SIZE)
