"""What has been given out, so that it is not given out again (design sections 4.1 and 4.3).

A run reads the look-back again, and records ahead of their window come once more in it; so does what a catch-up, or the rest of an
interrupted window, has of the look-back. All are known by 64-bit hashes of record and version, of which a state keeps the newest; what
falls out is given out again, and the warehouse takes it by its key.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from e3db_connectors.sync.reading.windows import MILLISECOND

if TYPE_CHECKING:
    from datetime import datetime

    from e3db_connectors.wire.records import Meta

MARK_SIZE: Final = 8


def mark_of(*texts: str) -> bytes:
    """64 bits that stand for these texts."""
    return blake2b("\0".join(texts).encode("utf-8", "surrogatepass"), digest_size=MARK_SIZE).digest()


def version_mark(meta: Meta) -> bytes:
    """64 bits that stand for this version of a record."""
    return mark_of(meta.record_id, meta.version)


class Given:
    """The versions that have been given out, in this run and the ones before.

    Args:
        old: Marks of the state that the run began with.
        seen_max: Marks that a state holds.
        ahead_max: Records ahead of their window that are remembered; and as many more that this run reads again.
    """

    def __init__(self, old: frozenset[bytes], seen_max: int, ahead_max: int) -> None:
        """Nothing has been given out in this run."""
        self.old: Final = old
        self._seen_max, self._ahead_max = seen_max, ahead_max
        self._seen: dict[str, tuple[datetime, bytes]] = {}
        self._ahead: dict[str, tuple[datetime, bytes]] = {}
        self._again: set[bytes] = set()
        self._window: set[bytes] = set()

    def has(self, record_id: str, mark: bytes) -> bool:
        """Whether this version has been given out, as far as is remembered."""
        in_this_run = mark in self._window or mark in self._again or self._ahead.get(record_id, (None, b""))[1] == mark
        return in_this_run or mark in self.old

    def is_new(self, record_id: str, modified: datetime, mark: bytes, *, ahead: bool, again: bool) -> bool:
        """Whether this version is to be given out now; it then counts as given out.

        Args:
            record_id: The record.
            modified: When it got this version.
            mark: Of the version.
            ahead: It lies behind the window in which it was found.
            again: This run reads it again, after its window.
        """
        before = self._ahead.get(record_id)
        if before is not None and (mark == before[1] or modified < before[0]):
            return False
        if mark in self._window or mark in self._again:
            return False
        if ahead:
            if before is None and len(self._ahead) >= self._ahead_max:
                return False  # its own window, or the next run, has it
            self._ahead[record_id] = modified, mark
        if again and len(self._again) < self._ahead_max:
            self._again.add(mark)
        self._window.add(mark)
        self.note(record_id, modified, mark)
        return True

    def note(self, record_id: str, modified: datetime, mark: bytes) -> None:
        """This is the version of a record that was given out last.

        Of a record only the last counts: should a clock have gone back between two versions, the next run gives the other one out again.
        """
        self._seen[record_id] = modified, mark
        if len(self._seen) > 2 * self._seen_max:
            newest = sorted(self._seen.items(), key=lambda item: item[1][0], reverse=True)
            self._seen = dict(newest[: self._seen_max])

    def end_window(self) -> None:
        """What comes now is of another window."""
        self._window.clear()

    def marks(self, since: datetime | None, *, final: bool) -> frozenset[bytes]:
        """The marks for a state whose next run begins at *since*.

        Args:
            since: What is older will not be read again.
            final: The run is over; otherwise the old marks are kept, for the next run may read the same again.
        """
        kept = list(() if final else self.old)
        line = None if since is None else since - MILLISECOND
        newest = sorted((seen for seen in self._seen.values() if line is None or seen[0] >= line), reverse=True)
        kept += [mark for _, mark in newest if final or mark not in self.old]
        return frozenset(kept[: self._seen_max])
