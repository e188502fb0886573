"""Half-open windows of time, as templates render them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from e3db_connectors.errors import UsageError
from e3db_connectors.wire import times

_NOTHING: Final = ("", "None")
"""What a template makes of a bound that is not there."""

_DAY: Final = re.compile(r"\d{4}-\d\d-\d\d", re.ASCII)


@dataclass(frozen=True)
class Window:
    """What was changed at or after *since* and before *until*; None: no bound."""

    since: datetime | None
    until: datetime | None

    @property
    def is_open(self) -> bool:
        """Whether it has no bound at all."""
        return self.since is None and self.until is None

    def wait(self, now: datetime, settle: timedelta) -> timedelta:
        """How long to wait until nothing new can get into it."""
        return timedelta(0) if self.until is None else max(timedelta(0), self.until + settle - now)


def window_of(since: Any, until: Any) -> Window:
    """The window between two bounds: times, texts of times, or nothing.

    Raises:
        UsageError: A bound is no time, or the window is empty.
    """
    window = Window(bound_of(since), bound_of(until))
    if window.since is not None and window.until is not None and window.since >= window.until:
        raise UsageError(
            f"since ({times.render(window.since)}) must be before until ({times.render(window.until)}); the data interval of Airflow's "
            "default timetable is empty, use CronDataIntervalTimetable"
        )
    return window


def bound_of(value: Any) -> datetime | None:
    """A bound; a day means its begin in UTC.

    Raises:
        UsageError: It is no time.
    """
    if isinstance(value, datetime):
        return times.assume_utc(value).astimezone(UTC)
    if value is None:
        return None
    text = str(value).strip()
    if text in _NOTHING:
        return None
    return times.parse(f"{text}T00:00:00Z" if _DAY.fullmatch(text) else text)


def text_of(bound: datetime | None) -> str | None:
    """A bound as a text."""
    return None if bound is None else times.render(bound)
