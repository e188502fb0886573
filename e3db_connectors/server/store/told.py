"""How far the times in ``Date``s may have gone: stored before they are told, so that a restart goes on from there.

For SQLite. On PostgreSQL several processes tell the time, see `postgres`.
"""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from threading import Lock
from typing import TYPE_CHECKING, Final

from sqlalchemy import update
from sqlalchemy.exc import SQLAlchemyError

from e3db_connectors.server.store import schema

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future
    from contextlib import AbstractContextManager

    from sqlalchemy import Connection

    from e3db_connectors.server.clock import LocalClock

_log = logging.getLogger(__name__)

_PATIENCE: Final = 1.0
"""Seconds that an answer waits for a time that is up to date."""


def reserve(connection: Connection, bound: int) -> None:
    """Let times be told up to *bound*, once this is committed."""
    connection.execute(update(schema.told).where(schema.told.c.bound < bound).values(bound=bound))


class Reservations:
    """Reserves times ahead of need, in a thread of its own.

    Args:
        clock: Whose times.
        write: Begins a write transaction.
    """

    def __init__(self, clock: LocalClock, write: Callable[[], AbstractContextManager[Connection]]) -> None:
        """Reserve nothing yet."""
        self._clock, self._write = clock, write
        self._thread = ThreadPoolExecutor(1, "reservations")  # not one that requests use, and may use up
        self._lock = Lock()
        self._running: Future[None] | None = None
        self._failing = False

    async def told_time(self) -> int:
        """The time; it stays where it is while no more can be reserved."""
        wanted, behind = self._clock.wanted()
        if wanted:
            running = self._start(wanted)
            if behind:
                await asyncio.wait([asyncio.wrap_future(running)], timeout=_PATIENCE)
        return self._clock.told()

    def close(self) -> None:
        """Give back what was reserved and not told, so that the next start is at the real time."""
        self._thread.shutdown()
        if self._running is None:
            return
        table = schema.told
        with suppress(SQLAlchemyError), self._write() as connection:
            unused = update(table).where(table.c.bound == self._clock.bound)
            connection.execute(unused.values(bound=self._clock.moment(connection)))

    def _start(self, wanted: int) -> Future[None]:
        with self._lock:
            if self._running is None or self._running.done():
                self._running = self._thread.submit(self._reserve, wanted)
            return self._running

    def _reserve(self, wanted: int) -> None:
        try:
            with self._write() as connection:
                reserve(connection, wanted)
        except SQLAlchemyError as exc:
            if not self._failing:  # once, for it is tried again with each request
                _log.warning("the Date of answers stays where it is: %s", getattr(exc, "orig", None) or type(exc).__name__)
            self._failing = True
        else:
            self._failing = False
            self._clock.raise_bound(wanted)
