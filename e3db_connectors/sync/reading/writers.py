"""Whose old records have been read (design section 4.3).

The old records of a writer whose share is granted later lie behind the bookmark, where no window finds them. So a state holds a mark
of each writer, and of the grant, whose records up to the bookmark have been read; whoever is missing is read from the beginning
first. The marks are the ones listed before the first search: whoever's access goes meanwhile is not in the next run's list, or is in it
with the mark of another grant. Where marks are not firm, the list is taken again before each state that moves the bookmark, and whoever
is missing then leaves the set.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Final

from e3db_connectors.errors import UsageError
from e3db_connectors.sync.names import require_several
from e3db_connectors.sync.reading.source import OWN, Source
from e3db_connectors.sync.reading.tail import mark_of

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

_log = logging.getLogger(__name__)

WRITERS_MAX: Final = 100
"""Writers that a search may name."""


def named(writer_ids: Collection[str] | None) -> tuple[str, ...] | None:
    """Ids of writers in a fixed order, each once; None: all.

    Raises:
        UsageError: There are none, too many for a search, or it is a text.
    """
    if writer_ids is None:
        return None
    require_several(writer_ids, "writer_ids")
    ids = tuple(sorted({writer_id.lower() for writer_id in writer_ids}))
    if not 1 <= len(ids) <= WRITERS_MAX:
        raise UsageError(f"writer_ids names 1 to {WRITERS_MAX} writers; leave it out for all")
    return ids


class Writers:
    """The readable writers of a run, and whose old records have been read.

    Args:
        source: Tells who shares.
        record_type: The type.
        all_writers: Others' records are in scope, too.
        writer_ids: Only of these, ourselves included; None: all.
        read: Marks of the writers whose records up to the bookmark have been read; None: there is no bookmark, all are read from the
            beginning.
    """

    def __init__(
        self,
        source: Source,
        record_type: str,
        read: frozenset[bytes] | None,
        *,
        all_writers: bool,
        writer_ids: Collection[str] | None = None,
    ) -> None:
        """List the writers: this comes before the first search."""
        self._source, self._record_type, self._all_writers, self._writer_ids = source, record_type, all_writers, writer_ids
        self._firm = True
        listed = self._list(thorough=True)
        self._read = listed if read is None else {writer: mark for writer, mark in listed.items() if mark in read}
        self.listed = frozenset(listed.values())
        self.new = {writer: mark for writer, mark in listed.items() if writer not in self._read}
        self.lost: set[str] = set()

    @property
    def known(self) -> list[str]:
        """All that can be read as far as this run knows."""
        return sorted({*self._read, *self.new})

    @property
    def marks(self) -> frozenset[bytes]:
        """What a state keeps of them."""
        return frozenset(self._read.values())

    def marks_of(self, writers: Iterable[str]) -> frozenset[bytes]:
        """The marks of some new writers."""
        return frozenset(self.new[writer] for writer in writers)

    def check(self, *, thorough: bool = False) -> None:
        """List the writers again, if that is of any use: this comes before each state that moves the bookmark.

        Args:
            thorough: List them in any case: at the end, and before the old records of writers count as read.
        """
        if self._all_writers and (thorough or not self._firm):
            listed = self._list(thorough=thorough)
            for group in (self._read, self.new):
                for writer in [writer for writer, mark in group.items() if listed.get(writer) != mark]:
                    del group[writer]
                    self._tell(writer, gone=writer not in listed)

    def join(self, writers: Iterable[str]) -> None:
        """The old records of new writers have been read; those who have not kept their share meanwhile are left out."""
        for writer in writers:
            if writer in self.new:
                self._read[writer] = self.new.pop(writer)

    def _list(self, *, thorough: bool) -> dict[str, bytes]:
        own = self._source.client_id
        shares = self._source.shares(self._record_type, thorough=thorough) if self._all_writers else {}
        self._firm = all(grant.firm for grant in shares.values())
        grants = {**shares, own: OWN}.items()
        return {writer: mark_of(writer, grant.mark) for writer, grant in grants if self._writer_ids is None or writer in self._writer_ids}

    def _tell(self, writer: str, *, gone: bool) -> None:
        self.lost.add(writer)
        what = "is no longer readable" if gone else "has been granted anew; its records are read from the beginning by the next run"
        _log.warning("%s of writer %s %s", self._record_type, writer, what)
