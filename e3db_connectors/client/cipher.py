"""Records between clear and sealed: the suite, the access keys, and what seals and opens fields, one of each per thread."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from e3db_connectors.crypto.fast_fields import FieldOpener, FieldSealer
from e3db_connectors.errors import IntegrityError
from e3db_connectors.wire.records import Record

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from e3db_connectors.client.access_keys import AccessKeys
    from e3db_connectors.crypto.suite import CipherSuite
    from e3db_connectors.wire.records import Result


class RecordCipher:
    """Seals what a client writes and opens what it reads; several threads may share one."""

    def __init__(self, suite: CipherSuite, keys: AccessKeys) -> None:
        """Join the two."""
        self._suite, self._keys = suite, keys
        self._local = threading.local()

    def seal(self, record_type: str, data: Mapping[str, str]) -> dict[str, str]:
        """Encrypt values under our own access key of a type."""
        key = self._keys.for_writing(record_type)
        sealer: FieldSealer | None = getattr(self._local, "sealer", None)
        if sealer is None:
            sealer = self._local.sealer = FieldSealer(self._suite)
        return sealer.seal_all(key, data)

    def open(self, result: Result, fields: Collection[str] | None = None) -> Record:
        """Decrypt a result.

        Args:
            result: As it came from a page.
            fields: Names to decrypt; others are left out unopened. None: all.

        Raises:
            IntegrityError: A value is not what its writer sealed.
        """
        sealed = result.record_data or {}
        chosen = sealed if fields is None or fields == sealed.keys() else {name: quad for name, quad in sealed.items() if name in fields}
        partial = result.record_data is None or fields is not None
        if not chosen:
            return Record(result.meta, {}, result.rec_sig, partial)
        key, opener = self._keys.for_reading(result.meta, result.access_key), self._opener()
        try:
            return Record(result.meta, opener.open_all(key, chosen), result.rec_sig, partial)
        except IntegrityError as exc:
            raise type(exc)(f"record {result.meta.record_id}, {exc}") from None

    def forget(self) -> None:
        """Drop the buffers, and with them what was decrypted last."""
        self._local = threading.local()

    def _opener(self) -> FieldOpener:
        """The opener of this thread."""
        opener: FieldOpener | None = getattr(self._local, "opener", None)
        if opener is None:
            opener = self._local.opener = FieldOpener(self._suite)
        return opener
