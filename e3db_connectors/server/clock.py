"""The server's clock: what incremental readers rely on (design section 5)."""

from __future__ import annotations

import time
from threading import Lock
from typing import TYPE_CHECKING, Final, Protocol

from e3db_connectors.server.store import told

if TYPE_CHECKING:
    from sqlalchemy import Connection

_SECOND: Final = 1_000_000

STEP: Final = 5 * _SECOND
"""How far ahead times are reserved: what a clock runs ahead, at most, after its process was killed."""

_AHEAD: Final = 2 * _SECOND
"""When less than this is left, more is reserved."""


class Clock(Protocol):
    """Microseconds since the epoch that never run backwards.

    A stamp is above every stamp before it and not below any ``Date`` that was sent, and while what carries it is not
    committed, `now` stays below it: so a reader that has seen a ``Date`` knows that nothing older can still appear.

    This holds over restarts, too. A clock that was a day ahead and is set right leaves that day as the floor: until it is over, time
    stands still, but for stamps, each of which is a microsecond above the last.
    """

    def now(self) -> int:
        """The time now."""
        ...

    def told(self) -> int:
        """The time now, to be told in a ``Date``: no later than what will be known after a restart."""
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

    def go_on(self, stamp: int, bound: int) -> None:
        """Go on from what is stored: the highest *stamp*, and the *bound* of times that were told."""
        ...


class LocalClock:
    """The clock of a single process, see `Clock`; whatever the machine's clock does, it goes forwards.

    What it tells is limited by a bound that is stored ahead, see `store.told`.
    """

    def __init__(self, floor: int = 0) -> None:
        """Start at *floor*: the highest time that was told."""
        self._latest = self._floor = self._bound = floor
        self._pending: int | None = None
        self._lock = Lock()

    def now(self) -> int:
        """The time now."""
        with self._lock:
            return self._now()

    def told(self) -> int:
        """The time now, as far as it is reserved."""
        with self._lock:
            self._latest = max(self._latest, self._floor)
            return min(self._now(), self._bound)

    def moment(self, _connection: Connection) -> int:
        """The time now, in a write transaction."""
        with self._lock:
            self._latest = max(self._latest, _real())
            return self._latest

    def go_on(self, stamp: int, bound: int) -> None:
        """Go on from what is stored: the highest *stamp*, and the *bound* of times that were told.

        Who does not tell the time, such as a command beside a server, does not take what that has reserved for the time.
        """
        with self._lock:
            self._latest = max(stamp, bound - STEP)
            self._floor = self._bound = bound

    def raise_bound(self, bound: int) -> None:
        """Tell times up to *bound*, which is stored."""
        with self._lock:
            self._bound = max(self._bound, bound)

    def settle(self) -> None:
        """Say that what was stamped has been committed, or given up."""
        with self._lock:
            self._pending = None

    def stamp(self, connection: Connection) -> int:
        """A time for a record. Call it inside the write transaction, which calls `settle` at its end; there is one at a time."""
        with self._lock:
            self._latest = max(self._latest + 1, self._floor + 1, _real())
            if self._latest % _SECOND == 0:
                self._latest += 1  # some SDKs cannot read a time without a fraction (protocol section 1.3)
            if self._pending is None:
                self._pending = self._latest
            stamp, bound = self._latest, self._bound
        if stamp > bound:
            told.reserve(connection, stamp)  # with what carries it; it may be deleted again, and must not be forgotten
        return stamp

    @property
    def bound(self) -> int:
        """What `told` does not go beyond."""
        with self._lock:
            return self._bound

    def wanted(self) -> tuple[int, bool]:
        """What is to be reserved next: 0 for nothing yet; and whether `told` lags by a second or more until then."""
        with self._lock:
            real = _real()
            latest = max(self._latest, real)
            behind = latest // _SECOND > self._bound // _SECOND
            # Ahead of the real time only: a floor that is ahead of it must not rise with every restart.
            wanted = max(latest, real + STEP)
            return (wanted if behind or self._bound < min(real + _AHEAD, wanted) else 0), behind

    def _now(self) -> int:
        self._latest = max(self._latest, _real())
        return self._latest if self._pending is None else self._pending - 1


def _real() -> int:
    return time.time_ns() // 1000
