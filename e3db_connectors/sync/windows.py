"""Reading a span of time in half-open windows, each of one page (design sections 4.1 and 4.2).

A page is a snapshot and two pages are not: records that change while pages are turned shift the rest. So a window that does not
fit one page is halved until it does, and only whole windows are given out, from the oldest to the newest.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Final

from e3db_connectors.errors import ResponseInvalid, WindowExceeded
from e3db_connectors.wire import limits, times
from e3db_connectors.wire.search import Params, Range, RangeKey, SearchRequest, Terms

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

    from e3db_connectors.client import Client
    from e3db_connectors.wire.records import Result

MILLISECOND: Final = timedelta(milliseconds=1)
"""The finest time that the hosted index keeps: windows have whole milliseconds, and queries reach one further on both sides."""


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

    def halves(self) -> tuple[Window, Window]:
        """The earlier and the later half.

        Raises:
            WindowExceeded: A millisecond cannot be halved.
        """
        half = self.milliseconds // 2 * MILLISECOND
        if not half:
            raise WindowExceeded(f"more records were changed at {times.render(self.start)} than one page can hold")
        middle = self.start + half
        return Window(self.start, middle), Window(middle, self.end)


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
        self._density = 0.0
        """Records per millisecond in the window read last: what the next is expected to be like."""

    def read(self, span: Window) -> Iterator[WindowPage]:
        """Read *span* window by window.

        Once a page has been taken, everything before its window's end has been given out.

        Raises:
            WindowExceeded: A single millisecond holds more than a page.
            ResponseInvalid: The index counts more records than it returns.
        """
        yield from self._read(span, 0)

    def _read(self, window: Window, expected: int) -> Generator[WindowPage, None, int]:
        """Give out a window in as many parts as it takes, and return how many records it had.

        Args:
            window: What to read.
            expected: How many records it should hold, as far as others tell: a guess that spares asking for what will not fit.
        """
        if expected <= self._page_size or window.end - window.start == MILLISECOND:
            results, expected = self._fetch(window)
            if expected <= self._page_size:
                self._density = len(results) / window.milliseconds
                yield WindowPage(window, results)
                return len(results)
        earlier, later = window.halves()
        count = yield from self._read(earlier, round(self._density * earlier.milliseconds))
        count += yield from self._read(later, expected - count)
        return count

    def _fetch(self, window: Window) -> tuple[list[Result], int]:
        request = SearchRequest(
            limit=self._page_size,
            include_data=self._include_data,
            include_all_writers=False,
            match=[Params(Terms(content_types=[self._record_type]))],
            range=Range(
                range_key=RangeKey.MODIFIED,
                after=times.render(window.start - MILLISECOND),
                before=times.render(window.end + MILLISECOND),
            ),
        )
        page = self._client.search_page(request)
        results = page.results or []
        if page.total_results <= self._page_size and len(results) < page.total_results:
            raise ResponseInvalid(
                f"the index counts {page.total_results} records from {times.render(window.start)} on and returned {len(results)}; try again later",
            )
        return [result for result in results if window.holds(times.parse(result.meta.last_modified))], page.total_results
