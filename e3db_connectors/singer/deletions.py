"""Rows that tell of a deletion, among rows to write: what concerns one key keeps its order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    Row = dict[str, Any]

DELETED_AT: Final = "_sdc_deleted_at"
"""The column in which a tap says that its source has deleted a row."""


def is_deletion(row: Row) -> bool:
    """Whether a row says that it is gone."""
    return row.get(DELETED_AT) is not None


def rounds(rows: Iterable[Row], key_columns: Sequence[str]) -> list[list[Row]]:
    """Part rows into groups that are dealt with one after the other: those of even number are to be written, the others to be deleted.

    There are no more groups than some key has turns: two for most batches, however rows and deletions alternate.
    """
    turns: dict[str, int] = {}
    groups: list[list[Row]] = []
    for row in rows:
        key = repr([row.get(name) for name in key_columns])
        turn = turns.get(key, 0)
        turn += turn % 2 != is_deletion(row)
        turns[key] = turn
        groups += [[] for _ in range(turn + 1 - len(groups))]
        groups[turn].append(row)
    return groups
