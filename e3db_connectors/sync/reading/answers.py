"""What pages are made of, between the index and the engine."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from datetime import datetime

    from e3db_connectors.errors import E3DBError
    from e3db_connectors.sync.reading.state import Piece
    from e3db_connectors.wire.records import Meta, Result


@dataclass(frozen=True)
class Failure:
    """A record that could not be opened."""

    error: E3DBError


class Item(NamedTuple):
    """A version of a record.

    Args:
        meta: Its clear part.
        modified: When it got this version.
        mark: Of the version.
        content: What `opener` made of it, or a `Failure`; None if it has been given out before and was left sealed.
        known: Whether it has been given out before.
    """

    meta: Meta
    modified: datetime
    mark: bytes
    content: Any
    known: bool


class Answer(NamedTuple):
    """What the index has answered: see `Page`."""

    results: list[Result]
    total: int
    next_token: int
    fits: bool


@dataclass(frozen=True)
class Page:
    """An answer, opened.

    Args:
        items: What is in the window, or was changed since the index saw it there.
        changed: When each record was changed, also the ones before the window.
        ends: Ids of the first and the last record; None of an empty page.
        total: How many the index counts.
        next_token: Of the next page; 0: there is none.
        fits: Whether the parts that the server has made of it, if it has, are of one index that held still.
    """

    items: list[Item]
    changed: list[datetime]
    ends: tuple[str, str] | None
    total: int
    next_token: int
    fits: bool


@dataclass(frozen=True)
class Chunk:
    """Part of a window.

    Args:
        items: As of `Page`.
        piece: Where to go on; None: nowhere but at the window's beginning.
    """

    items: list[Item]
    piece: Piece | None = None


class Broken(Exception):
    """A window cannot be read as one.

    Attributes:
        width: Of the pieces that it should be read in, in milliseconds.
        crowded: There are more records in it than can be fetched; otherwise its pages did not fit together.
    """

    def __init__(self, width: int, *, crowded: bool) -> None:
        """Say how to go on."""
        super().__init__()
        self.width, self.crowded = width, crowded
