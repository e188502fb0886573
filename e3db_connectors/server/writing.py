"""A thread for handlers that write: those that wait for it at the same time share a transaction, and its way to the disk."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

if TYPE_CHECKING:
    from collections.abc import Callable

    from e3db_connectors.server.store.turns import Turns

T = TypeVar("T")

GROUP_MAX: Final = 64
"""Handlers of one transaction."""

GROUP_SECONDS: Final = 0.5
"""Of a transaction, until it takes no more handlers: it has to be committed within 3 seconds."""


@dataclass
class _Job:
    work: Callable[[], Any]
    done: asyncio.Future[Any]
    result: Any = None
    error: Exception | None = None

    def run(self) -> None:
        try:
            self.result = self.work()
        except Exception as exc:  # noqa: BLE001 - it is raised where the work was asked for
            self.error = exc

    def deliver(self) -> None:
        if self.done.cancelled():
            return
        if self.error is None:
            self.done.set_result(self.result)
        else:
            self.done.set_exception(self.error)


class WritingThread:
    """Runs work that writes, one after the other.

    Args:
        turns: Of the database.
    """

    def __init__(self, turns: Turns) -> None:
        """Start the thread; it ends with the process."""
        self._turns = turns
        self._gathered: list[_Job] = []
        self._queue: SimpleQueue[list[_Job]] = SimpleQueue()
        Thread(target=self._run, name="e3db-writing", daemon=True).start()

    async def run(self, work: Callable[[], T]) -> T:
        """Run *work*; what it returns or raises, once what it has written is durable. All calls come from one event loop.

        Raises:
            GroupLost: The transaction could not be committed.
        """
        loop = asyncio.get_running_loop()
        job = _Job(work, loop.create_future())
        if not self._gathered:  # what comes in one turn of the loop is handed over at once: the thread is woken once for it
            loop.call_soon(self._hand_over)
        self._gathered.append(job)
        return cast("T", await job.done)

    def _hand_over(self) -> None:
        self._queue.put(self._gathered)
        self._gathered = []

    def _run(self) -> None:
        waiting: deque[_Job] = deque()
        while True:
            if not waiting:
                waiting.extend(self._queue.get())
            jobs = self._run_group(waiting)
            jobs[0].done.get_loop().call_soon_threadsafe(_deliver, jobs)

    def _run_group(self, waiting: deque[_Job]) -> list[_Job]:
        """Run those that wait, and those that come meanwhile; at least one, however long its turn has taken to come."""
        jobs: list[_Job] = []
        try:
            with self._turns.group():
                until = time.monotonic() + GROUP_SECONDS
                while not jobs or (waiting and len(jobs) < GROUP_MAX and time.monotonic() < until):
                    jobs.append(waiting.popleft())
                    jobs[-1].run()
                    if not waiting:
                        self._take_more(waiting)
        except Exception as exc:  # noqa: BLE001 - whatever it is: those who wait are told, and the thread goes on
            if not jobs:  # it did not begin
                jobs.extend(waiting)
                waiting.clear()
            for job in jobs:
                job.error = exc
        return jobs

    def _take_more(self, waiting: deque[_Job]) -> None:
        with suppress(Empty):
            waiting.extend(self._queue.get_nowait())


def _deliver(jobs: list[_Job]) -> None:
    for job in jobs:
        job.deliver()
