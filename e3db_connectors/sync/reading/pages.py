"""Reading one window whole (design sections 4.1 and 4.2).

A page is a snapshot, two pages are not: a record that is changed or deleted between two requests shifts the rest, and an equal total
proves nothing. So a window of one page is taken as it is, and of a larger one each further page begins one result early: that has to
be the last result of the page before, the seam. If it is not, the window is read again in smaller pieces.
"""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from threading import Lock
from typing import TYPE_CHECKING, Any, Final, TypeVar

import msgspec

from e3db_connectors.errors import E3DBError, IndexUnsteady, InvalidRequest, ReplyTooLarge, ResponseInvalid, WindowExceeded
from e3db_connectors.sync.reading.answers import Answer, Broken, Chunk, Failure, Item, Page
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
    from e3db_connectors.wire.records import Result
    from e3db_connectors.wire.search import SearchRequest, SearchResponse

T = TypeVar("T")

_SHORT: Final = 65_536
"""Characters up to which a record counts as short. Longer ones gain by being opened at the same time."""

_GHOST_READS: Final = 4
_CROWD_READS: Final = 3
"""How often pages of one millisecond are tried to fit together before it is split."""


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
        launch: Begins to ask for a page that will be wanted next.
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
        launch: Callable[[Callable[[], Answer]], Callable[[], Answer]],
    ) -> None:
        """Prepare; nothing is read yet."""
        self.question, self._launch = question, launch
        self._source, self._tuning, self._opener, self._known, self._until = source, tuning, opener, known, until
        self._count, self._sleep = count, sleep
        self._limit = tuning.page_size
        # To open short texts is mostly the interpreter's work: threads that take it from each other record by record are slower together
        # than one after the other.
        self._one_at_a_time = Lock()

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
            answer = self._fitting(partial(self._ask_after, start, token))
            page = self._take(Answer(answer.results or [], 0, 0, fits=True), Window(start, start))
            yield Chunk(page.items)
            if not token < answer.last_index < self._tuning.search_window:
                return
            token = answer.last_index

    def _turn(self, question: Question, window: Window, page: Page) -> Iterator[Chunk]:
        """A window page by page."""
        if page.total >= self._tuning.search_window:
            raise Broken(narrower(window, page.changed, page.total, self._tuning.page_size), crowded=True)
        if not page.fits:
            raise self._unseamed(window, page.total)
        if not page.next_token:
            yield Chunk(page.items)
            return
        if page.ends is None:
            raise self._unseamed(window, page.total)
        seam = _seam_of(page.ends[1])
        yield Chunk(page.items, _piece(window, page.next_token, seam))
        yield from self._go_on(question, window, page.next_token, seam)

    def _go_on(self, question: Question, window: Window, token: int, seam: str) -> Iterator[Chunk]:
        landing = self._launch(partial(self._ask, question, window, token))
        while token:
            answer = landing()
            if not answer.results or not self._fits(seam, answer.results[0].meta.record_id):
                raise self._unseamed(window, answer.total)
            if answer.total >= self._tuning.search_window:  # it has grown meanwhile, beyond what can be fetched
                raise Broken(narrower(window, [], answer.total, self._tuning.page_size), crowded=True)
            seam, token = _seam_of(answer.results[-1].meta.record_id), answer.next_token
            if token:
                landing = self._launch(partial(self._ask, question, window, token))  # while this one is opened and given out
            page = self._take(answer, window, skipped=1)
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
        return self._take(self._ask(question, window, token), window, skipped=1 if token else 0)

    def _ask(self, question: Question, window: Window, token: int) -> Answer:
        skipped = 1 if token else 0

        def ask(limit: int) -> Answer:
            return self._settled(question.request(window.start, window.end, limit=limit, token=token - skipped))

        answer = self._fitting(ask, least=1 + skipped)
        if answer.next_token and answer.next_token <= token:
            raise ResponseInvalid("the server's search pages do not move on")
        return answer

    def _ask_after(self, start: datetime, token: int, limit: int) -> SearchResponse:
        return self._source.search(self.question.request(start, None, limit=limit, token=token))

    def _fitting(self, ask: Callable[[int], T], least: int = 1) -> T:
        """What is answered for a number of records: as many as a reply can hold, which counts for all later pages, too."""
        while True:
            limit = max(self._limit, least)
            try:
                return ask(limit)
            except ReplyTooLarge:
                if limit == least:
                    raise
                self._limit = min(self._limit, limit // 2)

    def _settled(self, request: SearchRequest) -> Answer:
        """An answer with as many results as the index counts, or what it still lacks after some time: deleted records, most likely."""
        before: list[str] | None = None
        for attempt in range(1, _GHOST_READS + 1):
            found = self._source.search(request)
            results, total, start, limit = found.results or [], found.total_results, request.next_token or 0, request.limit or 0
            next_token, fits = found.last_index, True
            if not start and total <= limit:
                next_token = 0
                results, fits = self._continued(request, found)
            rest = total - start
            if not next_token and rest > limit:
                raise ResponseInvalid(f"the server counts {total} records and its pages end before")
            ghosts = (next_token - start if next_token else rest) - len(results)
            ids = [result.meta.record_id for result in results]
            if (ghosts <= 0 and fits) or ids == before:
                fits = True
                break
            before = ids
            if attempt < _GHOST_READS:
                self._sleep(self._tuning.ghost_wait)
        if ghosts > 0:
            self._count(ghosts=ghosts)
        return Answer(results, total, next_token, fits)

    def _continued(self, request: SearchRequest, found: SearchResponse) -> tuple[list[Result], bool]:
        """The results of a page that could hold all there is, and of those that follow it: a server may give fewer (protocol section 11.5).

        The second says whether each page has begun with the last result of the one before. If not, something has changed meanwhile, or
        the token counts deleted records in another way.
        """
        results = {result.meta.record_id: result for result in found.results or []}
        token, fits = found.last_index, True
        while results and token and len(results) < found.total_results:
            more = self._source.search(msgspec.structs.replace(request, next_token=token - 1))
            ids = [result.meta.record_id for result in more.results or []]
            fits = fits and ids[:1] == list(results)[-1:] and more.total_results == found.total_results
            results |= {result.meta.record_id: result for result in more.results or []}
            if not token < more.last_index:
                break
            token = more.last_index
        return list(results.values()), fits

    def _take(self, answer: Answer, window: Window, *, skipped: int = 0) -> Page:
        """Open what belongs to a window; but nothing of one that is going to be cut."""
        results, total, next_token, fits = answer
        changed = [times.parse(result.meta.last_modified) for result in results]
        wanted = zip(results[skipped:], changed[skipped:], strict=True) if total < self._tuning.search_window else ()
        with self._one_at_a_time if _are_short(results) else nullcontext():
            items = [
                self._item(result, when) for result, when in wanted if window.start <= when and (self._until is None or when < self._until)
            ]
        ends = (results[0].meta.record_id, results[-1].meta.record_id) if results else None
        return Page(items, changed, ends, total, next_token, fits)

    def _item(self, result: Result, modified: datetime) -> Item:
        mark = version_mark(result.meta)
        if self._known(result.meta.record_id, mark):
            return Item(result.meta, modified, mark, None, known=True)
        try:
            content = self._opener(result)
        except E3DBError as exc:
            content = Failure(exc)
        return Item(result.meta, modified, mark, content, known=False)


def _are_short(results: Sequence[Result]) -> bool:
    """Whether the records of a page are, going by the first; and none is a file, which its opener may have to fetch."""
    if not results or any(result.meta.file_meta for result in results):
        return False
    return sum(map(len, (results[0].record_data or {}).values())) <= _SHORT


def _seam_of(record_id: str) -> str:
    return mark_of(record_id).hex()


def _piece(window: Window, token: int, seam: str) -> Piece:
    return Piece(times.render(window.start), times.render(window.end), token, seam)
