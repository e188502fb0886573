"""Sealing and opening many fields: as few calls as the suite allows.

An opener or a sealer belongs to one thread. Whatever is unusual about a quad (padding, another length, a wrong tag) goes the careful
way of `fields.open_field`, which also finds the right words for an error; so both ways give the same for every text.
"""

from __future__ import annotations

from os import urandom
from typing import TYPE_CHECKING, Protocol

from e3db_connectors.crypto.fields import DATA_KEY_SIZE, open_field, seal_field
from e3db_connectors.crypto.nist import NistSuite
from e3db_connectors.crypto.nist_fields import GcmOpener, GcmSealer
from e3db_connectors.crypto.redacted import SecretBytes
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.crypto.sodium_handle import secretbox_opener, secretbox_sealer
from e3db_connectors.errors import IntegrityError

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping, Sequence

    from e3db_connectors.crypto.suite import CipherSuite


class FieldOpener:
    """Opens fields, fast where it can; for one thread.

    Args:
        suite: The suite that sealed them.
    """

    def __init__(self, suite: CipherSuite) -> None:
        """Make the buffers."""
        self._suite = suite
        self._fast = _fast_opener(suite)

    def open(self, access_key: bytes, quad: str) -> str:
        """Decrypt one value; see `fields.open_field`."""
        opened = self._fast and self._fast.open_all(access_key, (quad,))
        return opened[0] if opened else open_field(self._suite, access_key, quad)

    def open_all(self, access_key: bytes, quads: Mapping[str, str]) -> dict[str, str]:
        """Decrypt the values of a record, by name; several times as fast as one by one.

        Raises:
            IntegrityError: As `fields.open_field` has it, with the name of the first field that does not open.
        """
        opened = self._fast and self._fast.open_all(access_key, quads.values())
        if opened:
            return dict(zip(quads, opened, strict=True))
        return {name: self._open_named(access_key, name, quad) for name, quad in quads.items()}

    def _open_named(self, access_key: bytes, name: str, quad: str) -> str:
        try:
            return self.open(access_key, quad)
        except IntegrityError as exc:
            raise type(exc)(f"field {name}: {exc}") from None


class FieldSealer:
    """Seals fields, fast where it can; for one thread.

    Args:
        suite: The suite to seal with.
    """

    def __init__(self, suite: CipherSuite) -> None:
        """Make the buffers."""
        self._suite = suite
        self._fast = _fast_sealer(suite)

    def seal_all(self, access_key: bytes, data: Mapping[str, str]) -> dict[str, str]:
        """Encrypt the values of a record, by name; each has a data key and nonces of its own, all from the operating system."""
        if self._fast is not None:
            values = [text.encode() for text in data.values()]
            random = SecretBytes(urandom(len(values) * (DATA_KEY_SIZE + 2 * self._suite.nonce_size)))
            sealed = self._fast.seal_all(access_key, values, random)
            if sealed is not None:
                return dict(zip(data, sealed, strict=True))
        return {name: seal_field(self._suite, access_key, text) for name, text in data.items()}


class _Sealing(Protocol):
    def seal_all(self, access_key: bytes, values: Sequence[bytes], random: bytes) -> list[str] | None:
        """Quads of values, or None if the sizes do not fit."""
        ...


class _Opening(Protocol):
    def open_all(self, access_key: bytes, quads: Collection[str]) -> list[str] | None:
        """The values of quads, or None if one is unusual or does not open."""
        ...


def _fast_opener(suite: CipherSuite) -> _Opening | None:
    if isinstance(suite, SodiumSuite):
        return secretbox_opener()
    return GcmOpener() if isinstance(suite, NistSuite) else None


def _fast_sealer(suite: CipherSuite) -> _Sealing | None:
    if isinstance(suite, SodiumSuite):
        return secretbox_sealer()
    return GcmSealer() if isinstance(suite, NistSuite) else None
