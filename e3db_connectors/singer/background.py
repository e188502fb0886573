"""Batches that are written while the next one is gathered."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Future


class Background:
    """Does one thing at a time, in the order in which they are begun, in a thread of its own; used by one thread.

    What fails is raised to whoever asks next, and nothing is begun after it.
    """

    def __init__(self) -> None:
        """Nothing is under way."""
        self._thread = ThreadPoolExecutor(1, "e3db-batches")
        self._running: Future[None] | None = None

    def begin(self, work: Callable[[], None]) -> None:
        """Begin something, once what was begun before is done."""
        self.finish()
        self._running = self._thread.submit(work)

    def check(self) -> None:
        """Raise what has failed; without waiting."""
        if self._running is not None and self._running.done():
            self.finish()

    def finish(self) -> None:
        """Wait until what has begun is done."""
        if self._running is not None:
            running, self._running = self._running, None
            running.result()
