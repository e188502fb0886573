"""The key of a row as a blind index: equal for equal keys of one client and type, and secret (design section 4.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

import msgspec

from e3db_connectors.crypto import blind_index
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.names import META_PREFIX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

ROW_KEY: Final = f"{META_PREFIX}key"
"""The plain member that holds the index."""


class RowKeys:
    """Computes the index of rows of one stream.

    Args:
        index_key: Secret of the index.
        record_type: The stream's type; equal keys of two types cannot be linked.
        columns: The key's columns.
    """

    def __init__(self, index_key: bytes, record_type: str, columns: Sequence[str]) -> None:
        """Keep what goes into every index."""
        self._index_key = index_key
        self._record_type = record_type
        self._columns = sorted(columns)

    def of(self, data: Mapping[str, str]) -> str:
        """The index of a row, by its stored texts.

        Raises:
            UsageError: A key column is missing or null.
        """
        missing = [name for name in self._columns if name not in data]
        if missing:
            raise UsageError(f"a row of {self._record_type} has no value in its key column {', '.join(missing)}")
        try:
            message = msgspec.json.encode([self._record_type, [[name, data[name]] for name in self._columns]])
        except UnicodeEncodeError:
            raise UsageError(f"a key of {self._record_type!a} holds half a character (a lone surrogate)") from None
        return blind_index.compute(self._index_key, message)
