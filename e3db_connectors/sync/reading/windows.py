"""Spans of time: where windows begin and end, and how wide the next one is (design section 4.1). Nothing here reads anything."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

T = TypeVar("T")

MILLISECOND: Final = timedelta(milliseconds=1)
"""The finest time that the hosted index keeps: windows have whole milliseconds, and queries reach one further on both sides."""

_FILL: Final = 0.9
"""How full of records the next window's page is meant to be."""

_MILLISECONDS_MAX: Final = 10**14


@dataclass(frozen=True)
class Window:
    """``[start, end)``; both on whole milliseconds."""

    start: datetime
    end: datetime

    @property
    def milliseconds(self) -> int:
        """Its width."""
        return (self.end - self.start) // MILLISECOND


@dataclass(frozen=True)
class Flight(Generic[T]):
    """A window that is being read, and what will come of it."""

    window: Window
    landing: T


class Agenda(Generic[T]):
    """What is still to be read of a span, in order of time: windows under way, and spans that have not been cut into windows yet.

    Args:
        span: All of it.
        page_size: What a window should fill.
        launch: Begins to read a window.
        flights_max: Windows under way at a time.
    """

    def __init__(self, span: Window, page_size: int, launch: Callable[[Window], T], flights_max: int) -> None:
        """Nothing is under way yet. The first window is all of the span: often enough it fits."""
        self._items: deque[Window | Flight[T]] = deque([span] if span.start < span.end else [])
        self._page_size, self._launch, self._flights_max = page_size, launch, flights_max
        self._width = _MILLISECONDS_MAX

    def next(self) -> Flight[T] | None:
        """The earliest window; before it is returned, others behind it are launched. None: there is nothing left."""
        flights = 0
        for index in range(self._flights_max):
            if index == len(self._items):
                break
            item = self._items[index]
            if isinstance(item, Window):
                self._items[index] = self._take_off(index, item)
            flights += 1
        if flights and isinstance(first := self._items.popleft(), Flight):
            return first
        return None

    def _take_off(self, index: int, span: Window) -> Flight[T]:
        """Launch the first window of a span; what is left of the span stays behind it."""
        window = span
        if self._width < span.milliseconds:
            window = Window(span.start, span.start + self._width * MILLISECOND)
            self._items.insert(index + 1, Window(window.end, span.end))
        return Flight(window, self._launch(window))

    def done(self, window: Window, count: int) -> None:
        """A window has been read and had *count* records: the next ones are as wide as fills a page if they are like it."""
        self._width = _MILLISECONDS_MAX if not count else _clamp(int(window.milliseconds * self._page_size * _FILL / count))

    def again(self, window: Window, width: int) -> None:
        """Read a window again, in pieces of *width* milliseconds; it has to be the one that `next` returned last."""
        self._width = _clamp(width)
        self._items.appendleft(window)


def _clamp(milliseconds: int) -> int:
    return max(1, min(milliseconds, _MILLISECONDS_MAX))


def narrower(window: Window, times_seen: list[datetime], total: int, page_size: int) -> int:
    """The width of pieces for a window that holds too much: where its first page ended, if the index sorts by this time, else less.

    Args:
        window: The window.
        times_seen: When the records of its first page were changed, in their order.
        total: How many the index counts; more than fit a page.
        page_size: What fits a page.
    """
    if times_seen and times_seen == sorted(times_seen):
        cut = times.floor_millisecond(times_seen[-1])
        if window.start < cut < window.end:
            return (cut - window.start) // MILLISECOND
    return _clamp(min(window.milliseconds // 2, window.milliseconds * page_size // total))
