"""The server's clock, as its ``Date`` headers tell it: signatures carry a time, and a machine's own clock may be wrong."""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from requests.auth import AuthBase

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

TOLERANCE_SECONDS: Final = 5.0
"""A smaller difference is not corrected: ``Date`` has whole seconds, and the way to the server takes time."""
SLOWEST_SECONDS: Final = 30.0
"""A reply that took longer, or during which this machine's clock was set, says too little."""


class DatedAuth(AuthBase, ABC):
    """Credentials that state the time of the request."""

    @abstractmethod
    def at(self, now: Callable[[], float]) -> AuthBase:
        """The same, by the clock *now* (Unix seconds)."""


class ServerClock:
    """What is known of the server's clock; safe to use from several threads.

    Attributes:
        offset: Seconds by which it is ahead of this machine's; None before the first reply.
    """

    def __init__(self) -> None:
        """Nothing is known yet."""
        self.offset: float | None = None

    @property
    def correction(self) -> float:
        """Seconds to add to this machine's clock; 0 for a small difference."""
        return self.offset if self.offset is not None and abs(self.offset) > TOLERANCE_SECONDS else 0.0

    def now(self) -> float:
        """The time there, Unix seconds."""
        return time.time() + self.correction

    def learn(self, headers: Mapping[str, str], started: float) -> None:
        """Compare the ``Date`` of a reply with the middle of the call that began at *started* and has just been answered."""
        date, ended = date_of(headers), time.time()
        # What comes out of a cache has the date of another day.
        if date is not None and "Age" not in headers and 0 <= ended - started <= SLOWEST_SECONDS:
            # The header was cut down to a whole second: half a second is missing in the mean.
            self.offset = date.timestamp() + 0.5 - (started + ended) / 2


def date_of(headers: Mapping[str, str]) -> datetime | None:
    """When a reply was made, if it says so."""
    return parse_date(headers["Date"]) if "Date" in headers else None


@lru_cache(4)
def parse_date(text: str) -> datetime | None:
    """An HTTP date; None if it is none. All replies of a second carry the same."""
    try:
        date = parsedate_to_datetime(text)
        return date.replace(tzinfo=UTC) if date.tzinfo is None else date.astimezone(UTC)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
