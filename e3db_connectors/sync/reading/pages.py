"""Reading one window whole (design sections 4.1 and 4.2).

A page is a snapshot, two pages are not: a record that is changed or deleted between two requests shifts the rest, and an equal total
proves nothing. So a window of one page is taken as it is, and of a larger one each further page begins one result early: that has to
be the last result of the page before, the seam. If it is not, the window is read again in smaller pieces.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import E3DBError, IndexUnsteady, InvalidRequest, ResponseInvalid, WindowExceeded
from e3db_connectors.sync.reading.state import Piece
from e3db_connectors.sync.reading.tail import mark_of, version_mark
from e3db_connectors.sync.reading.windows import Window, narrower
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from datetime import datetime

    from e3db_connectors.sync.reading.question import Question
    from e3db_connectors.sync.reading.source import Source
    from e3db_connectors.sync.reading.tuning import Tuning
    from e3db_connectors.wire.records import Meta, Result

_GHOST_READS: Final = 4
_CROWD_READS: Final = 3
"""How often pages of one millisecond are tried to fit together before it is split."""


@dataclass(frozen=True)
class Failure:
    """A record that could not be opened."""

    error: E3DBError


@dataclass(frozen=True)
class Item:
    """A version of a record.

    Args:
        meta: Its clear part.
        modified: When it got this version.
        mark: Of the version.
        content: What `opener` made of it, or a `Failure`; None if it has been given out before and was left sealed.
        known: Whether it has been given out before.
    """

    meta: Meta
    modified: datetime
    mark: bytes
    content: Any
    known: bool


@dataclass(frozen=True)
class Page:
    """One answer of the index.

    Args:
        items: What is in the window, or was changed since the index saw it there.
        changed: When each record was changed, also the ones before the window.
        ends: Ids of the first and the last record; None of an empty page.
        total: How many the index counts.
        next_token: Of the next page; 0: there is none.
    """

    items: list[Item]
    changed: list[datetime]
    ends: tuple[str, str] | None
    total: int
    next_token: int


@dataclass(frozen=True)
class Chunk:
    """Part of a window.

    Args:
        items: As of `Page`.
        piece: Where to go on; None: nowhere but at the window's beginning.
    """

    items: list[Item]
    piece: Piece | None = None


class Broken(Exception):
    """A window cannot be read as one.

    Attributes:
        width: Of the pieces that it should be read in, in milliseconds.
        crowded: There are more records in it than can be fetched; otherwise its pages did not fit together.
    """

    def __init__(self, width: int, *, crowded: bool) -> None:
        """Say how to go on."""
        super().__init__()
        self.width, self.crowded = width, crowded


class Pages:
    """Reads windows.

    Args:
        source: Where from.
        question: What.
        tuning: How.
        opener: What is made of a record; called by several threads.
        known: Whether a version of a record has been given out before; then it is not opened. Called by several threads.
        until: What was changed at or after this time is left out.
        count: Told of rereads and ghosts.
        sleep: Waits some seconds.
    """

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        source: Source,
        question: Question,
        tuning: Tuning,
        *,
        opener: Callable[[Result], Any],
        known: Callable[[str, bytes], bool],
        until: datetime | None,
        count: Callable[..., None],
        sleep: Callable[[float], None],
    ) -> None:
        """Prepare; nothing is read yet."""
        self.question = question
        self._source, self._tuning, self._opener, self._known, self._until = source, tuning, opener, known, until
        self._count, self._sleep = count, sleep

    def first(self, window: Window) -> Page:
        """The first page of a window."""
        return self._page(self.question, window, 0)

    def read(self, window: Window, first: Page, writers: Sequence[str]) -> Iterator[Chunk]:
        """The chunks of a window; once they have all been taken, it has been read whole.

        Args:
            window: The window.
            first: Its first page.
            writers: All that there may be, to split a crowded millisecond by.

        Raises:
            Broken: It has to be read in pieces. Only of windows wider than a millisecond.
            WindowExceeded: More records carry one millisecond than can be told apart.
            IndexUnsteady: The pages of a millisecond did not fit together at any attempt.
        """
        try:
            yield from self._turn(self.question, window, first)
        except Broken as exc:
            if window.milliseconds > 1:
                raise
            yield from self._crowd(self.question, window, writers, crowded=exc.crowded)

    def resume(self, window: Window, piece: Piece) -> Iterator[Chunk]:
        """The rest of a window that has been read in part.

        Raises:
            Broken: It does not fit to what has been read, and has to be read from its beginning.
        """
        yield from self._go_on(self.question, window, piece.token, piece.seam)

    def after(self, start: datetime) -> Iterator[Chunk]:
        """All that was changed at or after *start*, as far as pages reach; some of it may be missing."""
        token = 0
        while True:
            request = self.question.request(start, None, limit=self._tuning.page_size, token=token)
            answer = self._source.search(request)
            page = self._take(answer.results or [], Window(start, start), 0, 0)
            yield Chunk(page.items)
            if not token < answer.last_index < self._tuning.search_window:
                return
            token = answer.last_index

    def _turn(self, question: Question, window: Window, page: Page) -> Iterator[Chunk]:
        """A window page by page."""
        if page.total >= self._tuning.search_window:
            raise Broken(narrower(window, page.changed, page.total, self._tuning.page_size), crowded=True)
        if not page.next_token:
            yield Chunk(page.items)
            return
        if page.ends is None:
            raise self._unseamed(window, page.total)
        seam = _seam_of(page.ends[1])
        yield Chunk(page.items, _piece(window, page.next_token, seam))
        yield from self._go_on(question, window, page.next_token, seam)

    def _go_on(self, question: Question, window: Window, token: int, seam: str) -> Iterator[Chunk]:
        while token:
            page = self._page(question, window, token)
            if page.ends is None or not self._fits(seam, page.ends[0]):
                raise self._unseamed(window, page.total)
            if page.total >= self._tuning.search_window:  # it has grown meanwhile, beyond what can be fetched
                raise Broken(narrower(window, [], page.total, self._tuning.page_size), crowded=True)
            seam, token = _seam_of(page.ends[1]), page.next_token
            yield Chunk(page.items, _piece(window, token, seam) if token else None)

    @staticmethod
    def _fits(seam: str, first_id: str) -> bool:
        """Whether a page begins with the last record of the page before."""
        return seam == _seam_of(first_id)

    def _unseamed(self, window: Window, total: int) -> Broken:
        self._count(rereads=1)
        half_a_page = window.milliseconds * self._tuning.page_size // (2 * max(total, 1))
        return Broken(max(1, min(window.milliseconds // 2, half_a_page)), crowded=False)

    def _crowd(self, question: Question, window: Window, writers: Sequence[str], *, crowded: bool) -> Iterator[Chunk]:
        """One millisecond in parts: by writer, then by record id, which both never change."""
        parts = question.parts(writers)
        if not parts:
            if crowded:
                raise self._exceeded(window)
            raise IndexUnsteady(f"the index changed at each attempt to read what was changed at {times.render(window.start)}")
        for part in parts:
            yield from self._part(part, window, writers)

    def _part(self, part: Question, window: Window, writers: Sequence[str]) -> Iterator[Chunk]:
        crowded = False
        for _ in range(_CROWD_READS):
            try:
                first = self._page(part, window, 0)
            except InvalidRequest as exc:
                if part.prefix:
                    raise self._exceeded(window) from exc
                raise
            try:
                yield from (Chunk(chunk.items) for chunk in self._turn(part, window, first))
                return
            except Broken as exc:
                crowded = exc.crowded
            if crowded:
                break
        yield from self._crowd(part, window, writers, crowded=crowded)

    @staticmethod
    def _exceeded(window: Window) -> WindowExceeded:
        return WindowExceeded(f"more records were changed at {times.render(window.start)} than a search can tell apart")

    def _page(self, question: Question, window: Window, token: int) -> Page:
        """A page; a further one with the result before it."""
        skipped = 1 if token else 0
        limit = max(self._tuning.page_size, 1 + skipped)
        request = question.request(window.start, window.end, limit=limit, token=token - skipped)
        results, total, next_token = self._settled(request)
        if next_token and next_token <= token:
            raise ResponseInvalid("the server's search pages do not move on")
        return self._take(results, window, total, next_token, skipped=skipped)

    def _settled(self, request: Any) -> tuple[list[Result], int, int]:
        """An answer with as many results as the index counts, or what it still lacks after some time: deleted records, most likely."""
        before: list[str] | None = None
        for attempt in range(1, _GHOST_READS + 1):
            answer = self._source.search(request)
            results, total = answer.results or [], answer.total_results
            next_token = 0 if not request.next_token and total <= request.limit else answer.last_index
            rest = total - request.next_token
            if not next_token and rest > request.limit:
                raise ResponseInvalid(f"the server counts {total} records and its pages end before")
            ghosts = (next_token - request.next_token if next_token else rest) - len(results)
            ids = [result.meta.record_id for result in results]
            if ghosts <= 0 or ids == before or attempt == _GHOST_READS:
                break
            before = ids
            self._sleep(self._tuning.ghost_wait)
        if ghosts > 0:
            self._count(ghosts=ghosts)
        return results, total, next_token

    def _take(self, results: list[Result], window: Window, total: int, next_token: int, *, skipped: int = 0) -> Page:
        """Open what belongs to a window; but nothing of one that is going to be cut."""
        changed = [times.parse(result.meta.last_modified) for result in results]
        wanted = zip(results[skipped:], changed[skipped:], strict=True) if total < self._tuning.search_window else ()
        items = [
            self._item(result, when) for result, when in wanted if window.start <= when and (self._until is None or when < self._until)
        ]
        ends = (results[0].meta.record_id, results[-1].meta.record_id) if results else None
        return Page(items, changed, ends, total, next_token)

    def _item(self, result: Result, modified: datetime) -> Item:
        mark = version_mark(result.meta)
        if self._known(result.meta.record_id, mark):
            return Item(result.meta, modified, mark, None, known=True)
        try:
            content = self._opener(result)
        except E3DBError as exc:
            content = Failure(exc)
        return Item(result.meta, modified, mark, content, known=False)


def _seam_of(record_id: str) -> str:
    return mark_of(record_id).hex()


def _piece(window: Window, token: int, seam: str) -> Piece:
    return Piece(times.render(window.start), times.render(window.end), token, seam)
