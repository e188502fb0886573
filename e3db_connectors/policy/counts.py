"""What has been done with fields, counted by column."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from collections.abc import Iterable

Counted = tuple[str, str]
"""A column, and a member of `ColumnCounts`."""


class ColumnCounts(msgspec.Struct):
    """Fields of a column; each is counted once.

    Args:
        decrypted: Opened, and shown whole or in part.
        pseudonymised: Opened, and shown as a pseudonym.
        passed_through: Shown as cipher text; never opened.
        untouched: Neither shown nor opened.
    """

    decrypted: int = 0
    pseudonymised: int = 0
    passed_through: int = 0
    untouched: int = 0


class FieldCounts:
    """Counts fields; safe to use from several threads."""

    def __init__(self) -> None:
        """Nothing has been counted."""
        self._counts: Counter[Counted] = Counter()
        self._lock = Lock()

    def add(self, fields: Iterable[Counted]) -> None:
        """Count fields: the column of each, and the member of `ColumnCounts` that it belongs to."""
        with self._lock:
            self._counts.update(fields)

    def columns(self) -> dict[str, ColumnCounts]:
        """By column, in the order of their names."""
        with self._lock:
            counts = sorted(self._counts.items())
        columns: dict[str, ColumnCounts] = {}
        for (column, bucket), count in counts:
            setattr(columns.setdefault(column, ColumnCounts()), bucket, count)
        return columns

    def total(self) -> ColumnCounts:
        """Of all columns together."""
        columns = self.columns().values()
        return ColumnCounts(*(sum(getattr(counts, name) for counts in columns) for name in ColumnCounts.__struct_fields__))

    @property
    def decrypted(self) -> int:
        """Fields opened and shown."""
        return self.total().decrypted

    @property
    def untouched(self) -> int:
        """Fields neither shown nor opened."""
        return self.total().untouched
