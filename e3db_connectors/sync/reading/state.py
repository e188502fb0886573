"""What the next run goes by: cursors and hashes, never a value (design section 4.3).

A state is a JSON object in the form of a Singer bookmark, ``replication_key`` and ``replication_key_value``, and what only this
engine reads stands beside them under ``e3db``, with a version. A bookmark alone is what the first version wrote; it is read.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from binascii import Error as Base64Error
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

import msgspec

from e3db_connectors.errors import InvalidTime, StateError
from e3db_connectors.sync.reading.tail import MARK_SIZE, mark_of
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from datetime import datetime

VERSION: Final = 2
CURSOR: Final = "_e3db_last_modified"
MEMBER: Final = "e3db"

_ALLOWED_ALONE: Final = frozenset({"starting_replication_value", "replication_key_signpost"})
"""What Singer's SDK notes before anything has been read."""

_NOTHING: Final[frozenset[bytes]] = frozenset()


class Piece(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A window that has been read in part.

    Args:
        start: The window's.
        end: The window's.
        token: Of its next page.
        seam: A mark of the last record before that page.
    """

    start: str
    end: str
    token: int
    seam: str


class CatchUp(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A reading of the old records of new writers that was interrupted.

    Args:
        writers: Marks of these writers; for others it does not count.
        position: Up to where they have been read.
    """

    writers: str
    position: str


class _Packed(msgspec.Struct, frozen=True, forbid_unknown_fields=True, omit_defaults=True):
    version: int
    scope: str
    start: str = ""
    seen: str = ""
    writers: str | None = None
    piece: Piece | None = None
    catch_up: CatchUp | None = None


@dataclass(frozen=True, kw_only=True)
class State:
    """A state, unpacked.

    Args:
        bookmark: The end of the last complete window; None: there is none yet.
        scope: What is read, as a hash; empty if an older version did not note it.
        start: From when on it is read; None: from the beginning, or not noted.
        seen: Marks of versions behind the bookmark, less the look-back, that have been given out.
        writers: Marks of the writers whose records up to the bookmark have been read; None: not noted, so only the reader's own.
        piece: Where to go on in a window.
        catch_up: Where to go on with new writers.
    """

    bookmark: datetime | None = None
    scope: str = ""
    start: datetime | None = None
    seen: frozenset[bytes] = _NOTHING
    writers: frozenset[bytes] | None = None
    piece: Piece | None = None
    catch_up: CatchUp | None = None

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        packed = _Packed(
            version=VERSION,
            scope=self.scope,
            start=times.render(self.start) if self.start else "",
            seen=pack(self.seen),
            writers=None if self.writers is None else pack(self.writers),
            piece=self.piece,
            catch_up=self.catch_up,
        )
        bookmark = {"replication_key": CURSOR, "replication_key_value": times.render(self.bookmark)} if self.bookmark else {}
        return {**bookmark, MEMBER: msgspec.to_builtins(packed)}


def scope_of(record_type: str) -> str:
    """A hash of what a state is about."""
    return mark_of("scope", record_type).hex()


def parse(value: Any) -> State:
    """Read a state; members that Singer's SDK keeps beside ours are left alone.

    Raises:
        StateError: It is none, or of a later version.
    """
    if value is None:
        return State()
    if not isinstance(value, dict):
        raise _garbage("it is no JSON object")
    bookmark = _bookmark(value)
    if MEMBER not in value:
        if bookmark is None and any(value[name] for name in value.keys() - _ALLOWED_ALONE):
            raise _garbage("it has no bookmark, and all would be read anew")
        return State(bookmark=bookmark)
    if isinstance(value[MEMBER], dict) and isinstance(version := value[MEMBER].get("version"), int) and version > VERSION:
        raise _garbage(f"it is of version {version}, and this release reads up to {VERSION}")
    try:
        packed = msgspec.convert(value[MEMBER], _Packed)
    except msgspec.ValidationError as exc:
        raise _garbage(str(exc)) from None
    if packed.version != VERSION:
        raise _garbage(f"there is no version {packed.version}")
    start = _time(packed.start or None, "its start")
    reached = max(bookmark or times.EPOCH, times.floor_millisecond(start or times.EPOCH))
    return State(
        bookmark=bookmark,
        scope=packed.scope,
        start=start,
        seen=unpack(packed.seen),
        writers=None if packed.writers is None else unpack(packed.writers),
        piece=_checked_piece(packed.piece, reached),
        catch_up=_checked_catch_up(packed.catch_up, reached),
    )


def _bookmark(value: dict[str, Any]) -> datetime | None:
    if "replication_key_value" not in value:
        return None
    bookmark = _needed(value["replication_key_value"], "its bookmark")
    if bookmark < times.EPOCH:
        raise _garbage("its bookmark lies before 1970")
    if value.get("replication_key", CURSOR) != CURSOR:
        raise _garbage(f"its replication key is not {CURSOR}")
    return bookmark


def _checked_piece(piece: Piece | None, reached: datetime) -> Piece | None:
    if piece is not None:
        start, end = (times.floor_millisecond(_needed(text, "a bound of its piece")) for text in (piece.start, piece.end))
        if not start < end or piece.token < 1:
            raise _garbage("its piece is none")
        if start > reached:  # what lies between would be left out
            raise _garbage("its piece lies beyond its bookmark")
    return piece


def _checked_catch_up(catch_up: CatchUp | None, reached: datetime) -> CatchUp | None:
    if catch_up is not None:
        if _needed(catch_up.position, "its position") > reached:
            raise _garbage("its position lies beyond its bookmark")
        unpack(catch_up.writers)
    return catch_up


def pack(marks: frozenset[bytes]) -> str:
    """Marks as text."""
    return b64encode(b"".join(sorted(marks))).decode()


def unpack(text: str) -> frozenset[bytes]:
    """The inverse of `pack`.

    Raises:
        StateError: The text holds no marks.
    """
    try:
        raw = b64decode(text, validate=True)
    except (Base64Error, ValueError):
        raise _garbage("its hashes are no base64") from None
    if len(raw) % MARK_SIZE:
        raise _garbage("its hashes are cut off")
    return frozenset(raw[at : at + MARK_SIZE] for at in range(0, len(raw), MARK_SIZE))


def _time(value: Any, what: str) -> datetime | None:
    return None if value is None else _needed(value, what)


def _needed(value: Any, what: str) -> datetime:
    try:
        return times.parse(value)
    except (InvalidTime, TypeError, AttributeError):
        raise _garbage(f"{what} {str(value)[:60]!r} is no time") from None


def _garbage(why: str) -> StateError:
    return StateError(f"this state cannot be used: {why}; mend it, or begin anew without it")
