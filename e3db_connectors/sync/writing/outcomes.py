"""What is written, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from e3db_connectors.sync.keys import RowKey

CREATED: Final = "created"
UPDATED: Final = "updated"
UNCHANGED: Final = "unchanged"
SUPERSEDED: Final = "superseded"
"""A later row of the same batch has the same key."""

DELETED: Final = "deleted"
ABSENT: Final = "absent"
"""It was to be deleted, and there is no record of its key."""

FAILED: Final = "failed"

OUTCOMES: Final = (CREATED, UPDATED, UNCHANGED, SUPERSEDED, FAILED)
"""Of rows that are written."""

DELETE_OUTCOMES: Final = (DELETED, ABSENT, SUPERSEDED, FAILED)
"""Of rows that are deleted."""


class Written(NamedTuple):
    """What has been done about a row, and the record that holds it, or held it."""

    outcome: str
    record_id: str | None


@dataclass(frozen=True, slots=True)
class Item:
    """A row on its way.

    Args:
        position: Its number among all rows of the writer, from 1.
        data: Its columns as texts.
        key: Its key; rows of a stream without one have none.
        plain: The columns that also stay in clear.
    """

    position: int
    data: dict[str, str] = field(repr=False)
    key: RowKey | None = None
    plain: dict[str, str] = field(default_factory=dict, repr=False)

    @property
    def name(self) -> str | int:
        """What rows share that are about the same record."""
        return self.key.index if self.key else self.position

    @property
    def index(self) -> str | None:
        """Its blind index, if it has one."""
        return self.key.index if self.key else None


@dataclass(frozen=True, slots=True)
class RowOutcome:
    """What became of a row.

    Args:
        position: Its number among all rows of the writer, from 1.
        outcome: One of `OUTCOMES` or `DELETE_OUTCOMES`.
        key: Its blind index, if it has one.
        record_id: The record that holds it, or held it.
        error: The class of the error, if it failed.
    """

    position: int
    outcome: str
    key: str | None = None
    record_id: str | None = None
    error: str | None = None
