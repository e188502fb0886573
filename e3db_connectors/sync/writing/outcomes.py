"""What is written, and what becomes of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from e3db_connectors.sync.keys import RowKey

CREATED: Final = "created"
UPDATED: Final = "updated"
UNCHANGED: Final = "unchanged"
SUPERSEDED: Final = "superseded"
"""A later row of the same batch has the same key."""

FAILED: Final = "failed"

OUTCOMES: Final = (CREATED, UPDATED, UNCHANGED, SUPERSEDED, FAILED)


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
        outcome: One of `OUTCOMES`.
        key: Its blind index, if it has one.
        record_id: The record that holds it.
        error: The class of the error, if it failed.
    """

    position: int
    outcome: str
    key: str | None = None
    record_id: str | None = None
    error: str | None = None
