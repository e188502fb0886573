"""The numbers that a run goes by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

from e3db_connectors.errors import UsageError
from e3db_connectors.wire import limits

MAX_WORKERS = 4


@dataclass(frozen=True, kw_only=True)
class Tuning:
    """How a run reads.

    Nothing is lost while the index's lag (from a change to its visibility) and the clocks' error together stay below the sum of
    *lookback_seconds* and *settle_seconds*.

    Args:
        lookback_seconds: How far behind the bookmark a run begins.
        settle_seconds: How far before the server's now its windows end.
        page_size: Most records of a page, 1 to 1,000.
        max_workers: Windows that are fetched and decrypted at a time.
        search_window: As many results as a total can tell from "at least as many"; results beyond it cannot be fetched.
        seen_max: Records that a state remembers as given out.
        ahead_max: Records given out ahead of their window that a run remembers.
        ghost_wait: Seconds before a page is read again that has fewer records than the index counts.

    Raises:
        UsageError: A number is out of its range.
    """

    lookback_seconds: float = 300
    settle_seconds: float = 5
    page_size: int = limits.PAGE_MAX
    max_workers: int = MAX_WORKERS
    search_window: int = limits.SEARCH_WINDOW
    seen_max: int = 1_000
    ahead_max: int = 100_000
    ghost_wait: float = 1

    def __post_init__(self) -> None:
        """Check the ranges."""
        if not 1 <= self.page_size <= limits.PAGE_MAX:
            raise UsageError(f"page_size must be from 1 to {limits.PAGE_MAX}")
        if self.max_workers < 1:
            raise UsageError("max_workers must be 1 or more")
        if self.lookback_seconds < 0 or self.settle_seconds < 0:
            raise UsageError("lookback_seconds and settle_seconds must not be negative")

    @property
    def lookback(self) -> timedelta:
        """`lookback_seconds`."""
        return timedelta(seconds=self.lookback_seconds)

    @property
    def settle(self) -> timedelta:
        """`settle_seconds`."""
        return timedelta(seconds=self.settle_seconds)
