"""The server's clock: what incremental readers rely on (design section 5)."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SECOND = 1_000_000


class Clock(Protocol):
    """Microseconds since the epoch that never run backwards.

    A stamp is above every stamp before it and above any time that `now` has told, and while what carries it is not
    committed, `now` stays below it: so a reader that has seen a ``Date`` knows that nothing older can still appear.
    """

    def now(self) -> int:
        """The time now."""
        ...

    def moment(self, connection: Connection) -> int:
        """The time now, in a write transaction; unlike `now` it does not hold back for what that one may stamp."""
        ...

    def stamp(self, connection: Connection) -> int:
        """A time for a record; in a write transaction, of which there is one at a time."""
        ...

    def settle(self) -> None:
        """Say that what was stamped has been committed, or given up."""
        ...


class LocalClock:
    """The clock of a single process, see `Clock`; whatever the machine's clock does, it goes forwards."""

    def __init__(self, floor: int = 0) -> None:
        """Start at *floor*: the highest stamp that is stored."""
        self._latest = floor
        self._pending: int | None = None
        self._lock = Lock()

    def now(self) -> int:
        """The time now."""
        with self._lock:
            self._latest = max(self._latest, time.time_ns() // 1000)
            return self._latest if self._pending is None else self._pending - 1

    def moment(self, _connection: Connection) -> int:
        """The time now, in a write transaction."""
        with self._lock:
            self._latest = max(self._latest, time.time_ns() // 1000)
            return self._latest

    def raise_floor(self, floor: int) -> None:
        """Go on from *floor*, if that is later."""
        with self._lock:
            self._latest = max(self._latest, floor)

    def settle(self) -> None:
        """Say that what was stamped has been committed, or given up."""
        with self._lock:
            self._pending = None

    def stamp(self, _connection: Connection | None = None) -> int:
        """A time for a record. Call it inside the write transaction, which calls `settle` at its end; there is one at a time."""
        with self._lock:
            self._latest = max(self._latest + 1, time.time_ns() // 1000)
            if self._latest % _SECOND == 0:
                self._latest += 1  # some SDKs cannot read a time without a fraction (protocol section 1.3)
            if self._pending is None:
                self._pending = self._latest
            return self._latest
