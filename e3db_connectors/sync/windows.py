"""Reading a span of time in half-open windows, each of one page (design sections 4.1 and 4.2).

A page is a snapshot and two pages are not: records that change while pages are turned shift the rest. So a window that does not
fit one page is cut until it does, and only whole windows are given out, from the oldest to the newest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Final

from e3db_connectors.errors import ResponseInvalid, WindowExceeded
from e3db_connectors.wire import limits, times
from e3db_connectors.wire.search import Params, Range, RangeKey, SearchRequest, Terms

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from e3db_connectors.client import Client
    from e3db_connectors.wire.records import Result

MILLISECOND: Final = timedelta(milliseconds=1)
"""The finest time that the hosted index keeps: windows have whole milliseconds, and queries reach one further on both sides."""


_FILL: Final = 0.9
"""How full of records the next window's page is meant to be."""

_MILLISECONDS_MAX: Final = 10**13


@dataclass(frozen=True)
class Window:
    """``[start, end)``; both on whole milliseconds."""

    start: datetime
    end: datetime

    @property
    def milliseconds(self) -> int:
        """Its width."""
        return (self.end - self.start) // MILLISECOND

    def holds(self, time: datetime) -> bool:
        """Whether *time* is in it."""
        return self.start <= time < self.end


@dataclass(frozen=True)
class WindowPage:
    """A window and all records whose last change lies in it."""

    window: Window
    results: list[Result]


class WindowReader:
    """Reads the records of one type by the time of their last change.

    Args:
        client: Who reads.
        record_type: The type.
        page_size: Most records of a window, 1 to 1,000.
        include_data: Whether to fetch the sealed data, too.
    """

    def __init__(self, client: Client, record_type: str, *, page_size: int = limits.PAGE_MAX, include_data: bool = True) -> None:
        """Prepare; nothing is read yet."""
        self._client = client
        self._record_type = record_type
        self._page_size = page_size
        self._include_data = include_data

    def read(self, span: Window) -> Iterator[WindowPage]:
        """Read *span* window by window.

        Once a page has been taken, everything before its window's end has been given out.

        Raises:
            WindowExceeded: A single millisecond holds more than a page.
            ResponseInvalid: The index counts more records than it returns.
        """
        start, end = span.start, span.end
        while start < span.end:
            window = Window(start, end)
            results, total = self._fetch(window, padding=MILLISECOND)
            if total > self._page_size:
                if window.milliseconds > 1:
                    end = self._cut(window, results)
                    continue
                results = self._fetch_crowded(window)
            yield WindowPage(window, results)
            start, end = end, min(span.end, end + self._next_width(window, len(results)))

    @staticmethod
    def _cut(window: Window, results: list[Result]) -> datetime:
        """A nearer end for a window that does not fit: where the page that came ends, if the index sorts by this time, else the middle."""
        changes = [result.meta.last_modified for result in results]
        if changes and changes == sorted(changes):
            cut = times.floor_millisecond(times.parse(changes[-1]))
            if window.start < cut < window.end:
                return cut
        return window.start + window.milliseconds // 2 * MILLISECOND

    def _next_width(self, window: Window, count: int) -> timedelta:
        """How wide the next window should be to fill a page, if it is like this one; after an empty one, all that is left."""
        if not count:
            return _MILLISECONDS_MAX * MILLISECOND
        milliseconds = int(window.milliseconds * self._page_size * _FILL / count)
        return max(MILLISECOND, min(milliseconds, _MILLISECONDS_MAX) * MILLISECOND)

    def _fetch_crowded(self, window: Window) -> list[Result]:
        """A single millisecond, without its neighbours and with the largest page."""
        results, total = self._fetch(window, padding=timedelta(0), limit=limits.PAGE_MAX)
        if total > limits.PAGE_MAX:
            raise WindowExceeded(f"more records were changed at {times.render(window.start)} than one page can hold")
        return results

    def _fetch(self, window: Window, *, padding: timedelta, limit: int | None = None) -> tuple[list[Result], int]:
        limit = limit or self._page_size
        request = SearchRequest(
            limit=limit,
            include_data=self._include_data,
            include_all_writers=False,
            match=[Params(Terms(content_types=[self._record_type]))],
            range=Range(
                range_key=RangeKey.MODIFIED,
                after=times.render(window.start - padding),
                before=times.render(window.end + padding),
            ),
        )
        page = self._client.search_page(request)
        results = page.results or []
        if page.total_results <= limit and len(results) < page.total_results:
            raise ResponseInvalid(
                f"the index counts {page.total_results} records from {times.render(window.start)} on and returned {len(results)}; try again later",
            )
        return [result for result in results if window.holds(times.parse(result.meta.last_modified))], page.total_results
