"""A thread for handlers that write: those that wait for it at the same time share a transaction, and its way to the disk."""

from __future__ import annotations

import asyncio
import time
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from threading import Thread
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

from e3db_connectors.server.store.turns import GroupLost

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
        self._queue: SimpleQueue[_Job] = SimpleQueue()
        Thread(target=self._run, name="e3db-writing", daemon=True).start()

    async def run(self, work: Callable[[], T]) -> T:
        """Run *work*; what it returns or raises, once what it has written is durable.

        Raises:
            GroupLost: The transaction could not be committed.
        """
        job = _Job(work, asyncio.get_running_loop().create_future())
        self._queue.put(job)
        return cast("T", await job.done)

    def _run(self) -> None:
        while True:
            jobs = [self._queue.get()]
            try:
                with self._turns.group():
                    self._run_group(jobs)
            except GroupLost as exc:
                for job in jobs:
                    job.error = exc
            jobs[0].done.get_loop().call_soon_threadsafe(_deliver, jobs)

    def _run_group(self, jobs: list[_Job]) -> None:
        """Run the job that is there, and those that have come meanwhile."""
        until = time.monotonic() + GROUP_SECONDS
        jobs[0].run()
        while len(jobs) < GROUP_MAX and time.monotonic() < until:
            try:
                jobs.append(self._queue.get_nowait())
            except Empty:
                return
            jobs[-1].run()


def _deliver(jobs: list[_Job]) -> None:
    for job in jobs:
        job.deliver()
