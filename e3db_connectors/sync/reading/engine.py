"""A run: the old records of new writers, then windows from the bookmark to the server's present, then the tail (design sections 4.1 to 4.4).

Every rule here closes a case in which records were lost for good when an adversary was simulated: a lagging index, changes and grants
between any two requests, kills anywhere. The simulation is in `tests/unit/sync/reading`; change nothing without it.
"""

from __future__ import annotations

import logging
import time
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import StateError
from e3db_connectors.sync.reading import state as states
from e3db_connectors.sync.reading.ahead import Launcher, Threads
from e3db_connectors.sync.reading.answers import Broken, Failure
from e3db_connectors.sync.reading.pages import Pages
from e3db_connectors.sync.reading.question import Question
from e3db_connectors.sync.reading.source import OWN
from e3db_connectors.sync.reading.tail import Given, mark_of
from e3db_connectors.sync.reading.tuning import Tuning
from e3db_connectors.sync.reading.windows import Agenda, Window
from e3db_connectors.sync.reading.writers import Writers, named
from e3db_connectors.wire import times

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator
    from datetime import datetime

    from e3db_connectors.errors import E3DBError
    from e3db_connectors.sync.reading.answers import Chunk, Item
    from e3db_connectors.sync.reading.source import Source
    from e3db_connectors.sync.reading.state import Piece
    from e3db_connectors.wire.records import Meta, Result

    MakeState = Callable[[Piece | None], dict[str, Any]]

_log = logging.getLogger(__name__)

_GROUP_MAX: Final = 100
"""New writers whose old records are read together; a search may hold so many entries of `match`."""


@dataclass(frozen=True)
class Step:
    """Some of what a run gives out.

    Args:
        rows: What the opener made of records; maybe none.
        state: What the next run may begin with once these rows, and all before, are stored.
        window: The last window that has been read whole.
    """

    rows: list[Any]
    state: dict[str, Any]
    window: Window | None = None


class Engine:
    """Reads what was changed since a state.

    Args:
        source: Where from.
        record_type: The type.
        state: Of the run before; None: there was none.
        since: Read what was changed at or after this time.
        until: Read what was changed before this time, and give out nothing later.
        all_writers: Also what others share.
        writer_ids: Only what these have written, which may be others; None: no such limit.
        tuning: How to read.
        opener: What is made of each record; called by several threads.
        on_failure: Told of records that the opener raised an error for; whether they may be left out is for it to say. Without it
            the run ends with the first.
        count: Told of ``rows``, ``windows``, ``rereads`` and ``ghosts``, as `report.Run.count`.
        launcher: Fetches ahead.
        sleep: Waits some seconds.

    Raises:
        StateError: The state is none, or of something else.
        UsageError: *writer_ids* is empty.
    """

    def __init__(  # noqa: PLR0913 - the parts of a run
        self,
        source: Source,
        record_type: str,
        *,
        state: dict[str, Any] | None = None,
        since: datetime | None = None,
        until: datetime | None = None,
        all_writers: bool = False,
        writer_ids: Collection[str] | None = None,
        tuning: Tuning | None = None,
        opener: Callable[[Result], Any] = lambda result: result,
        on_failure: Callable[[Meta, E3DBError], None] | None = None,
        count: Callable[..., None] = lambda **_amounts: None,
        launcher: Callable[[int], Launcher] = Threads,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        """Check the state; nothing is read yet."""
        self._source, self._record_type = source, record_type
        self._all_writers = all_writers or writer_ids is not None
        self._writer_ids = named(writer_ids)
        self._since, self._until = since, until
        self._tuning = tuning or Tuning()
        self._on_failure, self._count, self._launcher = on_failure or _raise, count, launcher
        self._before = states.parse(state)
        self._check()
        self._bookmark = self._before.bookmark
        self._given = Given(self._before.seen, self._tuning.seen_max, self._tuning.ahead_max)
        self._guard = self._start = times.floor_millisecond(since or times.EPOCH)
        self._again: datetime | None = None  # what was changed from then on comes once more in this run
        self._writers: Writers
        self._pages = partial(
            Pages, source, tuning=self._tuning, opener=opener, known=self._given.has, until=until, count=count, sleep=sleep
        )

    def _check(self) -> None:
        before = self._before
        if before.scope and before.scope != states.scope_of(self._record_type):
            raise StateError("this state belongs to another record type; begin anew without it")
        if before.start and (self._since is None or self._since < before.start):
            raise StateError(
                f"the state was made by reading from {times.render(before.start)} on: what is older would be missing; "
                "begin anew without the state to read from an earlier start_date"
            )

    def run(self) -> Iterator[Step]:
        """Read.

        Raises:
            WindowExceeded: More records carry one millisecond than can be told apart.
            IndexUnsteady: The index does not hold still.
            E3DBError: As the source or *on_failure* raise it.
        """
        now = self._source.server_time()
        if self._bookmark and self._bookmark > now:
            _log.warning("the bookmark %s lies in the server's future; nothing is read until then", times.render(self._bookmark))
            return
        upper = times.floor_millisecond(now - self._tuning.settle)
        if self._until is not None:
            upper = min(upper, times.floor_millisecond(self._until))
        self._writers = Writers(
            self._source, self._record_type, self._read_writers(), all_writers=self._all_writers, writer_ids=self._writer_ids
        )
        with self._launcher(self._tuning.max_workers) as launcher:
            yield from self._run(launcher, upper)
        self._writers.check(thorough=True)
        yield Step([], self._state(final=True))

    def _run(self, launcher: Launcher, upper: datetime) -> Iterator[Step]:
        self._again = min(self._begin(), upper)
        yield from self._catch_up(launcher, upper)
        question = Question(self._record_type, all_writers=self._all_writers, writers=self._writer_ids)
        pages = self._pages(question, launch=launcher.launch)
        if rest := self._rest(upper):
            with suppress(Broken):  # it does not fit any more: go on as if there had been none
                yield from self._finish(pages, rest)
        self._again = None
        yield from self._windows(launcher, pages, Window(self._begin(), upper), self._advance, self._state)
        if self._until is None:
            for chunk in pages.after(max(upper, self._start)):
                yield Step(self._give(chunk.items, self._start), self._state())

    def _begin(self) -> datetime:
        if self._bookmark is None:
            return self._start
        return max(self._start, times.floor_millisecond(self._bookmark - self._tuning.lookback))

    def _read_writers(self) -> frozenset[bytes] | None:
        """Whose records up to the bookmark have been read; a state of the first version knew only the reader's own."""
        if self._bookmark is None:
            return None
        own = frozenset([mark_of(self._source.client_id, OWN.mark)])
        return own if self._before.writers is None else self._before.writers

    def _rest(self, upper: datetime) -> Piece | None:
        """The window that the run before was in, if it can be gone on with: what new writers have in it lies behind already."""
        piece = self._before.piece
        if self._writers.listed - (self._before.writers or frozenset()):
            return None
        if piece and self._start <= times.parse(piece.start) and times.parse(piece.end) <= upper:
            return piece
        return None

    def _finish(self, pages: Pages, piece: Piece) -> Iterator[Step]:
        window = Window(times.parse(piece.start), times.parse(piece.end))
        yield from self._chunks(window, pages.resume(window, piece), self._advance, self._state)

    def _catch_up(self, launcher: Launcher, upper: datetime) -> Iterator[Step]:
        """Read the records of writers that are newly visible up to the bookmark."""
        if self._bookmark is None or (self._until is not None and upper < self._bookmark):
            return
        writers = sorted(self._writers.new)
        for at in range(0, len(writers), _GROUP_MAX):
            group = writers[at : at + _GROUP_MAX]
            _log.info("reading what %d writers new to this reader have written of %s", len(group), self._record_type)
            yield from self._catch_up_with(launcher, group, self._bookmark)

    def _catch_up_with(self, launcher: Launcher, group: list[str], bookmark: datetime) -> Iterator[Step]:
        marks = states.pack(self._writers.marks_of(group))
        before, start = self._before.catch_up, self._start
        if before and before.writers == marks:
            start = max(start, times.floor_millisecond(times.parse(before.position)))
        position = start

        def advance(window: Window) -> None:
            nonlocal position
            position = window.end

        def state(_piece: Piece | None = None) -> dict[str, Any]:
            whole = self._writers.new.keys() >= set(group)  # whoever has gone may have been gone when a window was read
            return self._state(catch_up=states.CatchUp(marks, times.render(position)) if whole else None)

        pages = self._pages(Question(self._record_type, all_writers=True, writers=tuple(group)), launch=launcher.launch)
        yield from self._windows(launcher, pages, Window(start, bookmark), advance, state)
        self._writers.check(thorough=True)
        self._writers.join(group)
        yield Step([], self._state())

    def _windows(
        self, launcher: Launcher, pages: Pages, span: Window, advance: Callable[[Window], None], state: MakeState
    ) -> Iterator[Step]:
        """Read a span window by window; the next ones are under way meanwhile."""
        agenda = Agenda(
            span, self._tuning.page_size, lambda window: launcher.launch(partial(pages.first, window)), self._tuning.max_workers
        )
        while flight := agenda.next():
            first = flight.landing()
            try:
                yield from self._chunks(flight.window, pages.read(flight.window, first, self._writers.known), advance, state)
            except Broken as exc:
                agenda.again(flight.window, exc.width)
            else:
                agenda.done(flight.window, first.total)

    def _chunks(self, window: Window, chunks: Iterable[Chunk], advance: Callable[[Window], None], state: MakeState) -> Iterator[Step]:
        """Give out a window; what it ends with comes together with the state that it has been read whole."""
        rows: list[Any] | None = None
        piece: Piece | None = None
        try:
            for chunk in chunks:
                if rows is not None:
                    yield Step(rows, state(piece))
                rows, piece = None, chunk.piece  # an error of a row leaves nothing half given out behind
                rows = self._give(chunk.items, window.end)
        except Broken:
            if rows is not None:  # nothing of it is given out twice, until all of it has been read
                self._guard = max(self._guard, window.end)
                yield Step(rows, state(None))
            raise
        self._writers.check()
        advance(window)
        if window.end >= self._guard:
            self._given.end_window()
            self._guard = self._start
        self._count(windows=1)
        yield Step(rows or [], state(None), window)

    def _advance(self, window: Window) -> None:
        if self._bookmark is None or self._bookmark < window.end:
            self._bookmark = window.end

    def _give(self, items: list[Item], end: datetime) -> list[Any]:
        """Choose what has not been given out yet."""
        rows = []
        for item in items:
            record_id = item.meta.record_id
            again = self._again is not None and item.modified >= self._again
            if item.known:
                self._given.note(record_id, item.modified, item.mark)
            elif self._given.is_new(record_id, item.modified, item.mark, ahead=item.modified >= end, again=again):
                if isinstance(item.content, Failure):
                    self._on_failure(item.meta, item.content.error)
                else:
                    rows.append(item.content)
        self._count(rows=len(rows))
        return rows

    def _state(self, piece: Piece | None = None, *, catch_up: states.CatchUp | None = None, final: bool = False) -> dict[str, Any]:
        line = self._bookmark and self._bookmark - self._tuning.lookback
        return states.State(
            bookmark=self._bookmark,
            scope=states.scope_of(self._record_type),
            start=self._since,
            seen=self._given.marks(line, final=final),
            writers=self._writers.marks,
            piece=piece,
            catch_up=catch_up,
        ).to_json()


def _raise(_meta: Meta, error: E3DBError) -> None:
    raise error
