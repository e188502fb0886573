"""What has been done with fields, counted by column."""

from __future__ import annotations

from collections import Counter
from threading import Lock
from typing import TYPE_CHECKING, Final

import msgspec

if TYPE_CHECKING:
    from collections.abc import Sequence

Counted = tuple[str, str]
"""A column, and a member of `ColumnCounts`."""

_SETS_MAX: Final = 1_000
"""Sets of fields that are counted as a whole and taken apart at the end, which is quicker; records of one type have few."""


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
        self._counts: Counter[tuple[Counted, ...]] = Counter()
        self._last: tuple[Counted, ...] = ()
        self._repeats = 0
        self._lock = Lock()

    def add(self, fields: Sequence[Counted]) -> None:
        """Count the fields of a record: the column of each, and the member of `ColumnCounts` that it belongs to.

        Where one record after the other has the same ones, the same tuple is counted quickest.
        """
        with self._lock:
            if fields is not self._last:
                self._settle()
                self._last = tuple(fields)
            self._repeats += 1

    def _settle(self) -> None:
        """Count the last fields as often as they have come."""
        if self._repeats:
            if self._last in self._counts or len(self._counts) < _SETS_MAX:
                self._counts[self._last] += self._repeats
            else:
                self._counts.update({(field,): self._repeats * self._last.count(field) for field in self._last})
            self._repeats = 0

    def columns(self) -> dict[str, ColumnCounts]:
        """By column, in the order of their names."""
        with self._lock:
            self._settle()
            records = list(self._counts.items())
        single: Counter[Counted] = Counter()
        for fields, count in records:
            for field in fields:
                single[field] += count
        counts = sorted(single.items())
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
