"""Fetching and decrypting ahead (design section 4.4): several windows at a time, taken in their order."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")


class Launcher(Protocol):
    """Begins work, whose result is waited for later."""

    def launch(self, work: Callable[[], T]) -> Callable[[], T]:
        """Begin; what is returned waits for the result."""

    def __enter__(self) -> Self:
        """Begin a run."""

    def __exit__(self, *exc: object) -> None:
        """End it; what has been begun and is not wanted any more is given up."""


class Threads:
    """Works in as many threads. How much is begun ahead is the agenda's to decide, and with it how much memory that takes.

    Args:
        workers: With 1, work is done when its result is wanted, in the caller's thread.
    """

    def __init__(self, workers: int) -> None:
        """Nothing has been begun."""
        self._pool = ThreadPoolExecutor(workers, "e3db-reader") if workers > 1 else None

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Wait for what is under way; nothing more is begun."""
        if self._pool:
            self._pool.shutdown(wait=True, cancel_futures=True)

    def launch(self, work: Callable[[], T]) -> Callable[[], T]:
        """Begin."""
        return self._pool.submit(work).result if self._pool else work
