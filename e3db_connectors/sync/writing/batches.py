"""Batches of rows: several rows at once, of those with one key one at a time, and an outcome for each."""

from __future__ import annotations

from collections import Counter, deque
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import DecryptionError, EncodingError, InvalidRequest, UsageError
from e3db_connectors.sync.writing.lookup import SIZE
from e3db_connectors.sync.writing.outcomes import FAILED, SUPERSEDED, Item, RowOutcome, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
    from concurrent.futures import Future

    from e3db_connectors.errors import E3DBError
    from e3db_connectors.sync.writing.failures import Failures
    from e3db_connectors.sync.writing.lookup import Lookup
    from e3db_connectors.wire.records import Result

    Row = Mapping[str, Any]
    Begun = list[tuple[Item, Future[Written] | Written]]
    Done = Iterator[tuple[Item, Written]]

OF_A_ROW: Final = (UsageError, InvalidRequest, DecryptionError, EncodingError)
"""Errors that are one row's own; after any other the next row would fare no better."""


class Batches:
    """Takes rows of one stream batch by batch, and counts what becomes of them.

    Args:
        record_type: The records' type.
        workers: How many rows are on their way at once.
        failures: What is done about rows with which it cannot be done.
        outcomes: What is counted even if it does not happen.
    """

    def __init__(self, record_type: str, workers: int, failures: Failures, outcomes: Iterable[str]) -> None:
        """Nothing is sent yet."""
        if workers < 1:
            raise UsageError("workers must be 1 or more")
        self._record_type, self._workers, self._failures = record_type, workers, failures
        self._position = 0
        self.counts = Counter(dict.fromkeys(outcomes, 0))

    def run(self, rows: Iterable[Row], item_of: Callable[[int, Row], Item], work: Callable[[Batch, list[Item]], Done]) -> list[RowOutcome]:
        """Do something with each row of a batch; of several with the same key, with the last one with which it can be done.

        Args:
            rows: The batch.
            item_of: What is needed of a row, by its number; raises `UsageError` for a row that has not got it.
            work: Does it with rows whose keys differ.

        Returns:
            What became of each row, in their order.
        """
        batch = Batch(self._record_type, self._failures)
        try:
            waiting = self._waiting(rows, item_of, batch)
            with batch.working(self._workers):
                while items := [of_key.pop() for of_key in waiting.values() if of_key]:
                    for item, written in work(batch, items):
                        batch.outcomes.append(RowOutcome(item.position, written.outcome, item.index, written.record_id))
                        superseded = waiting.pop(item.name)
                        batch.outcomes += [RowOutcome(older.position, SUPERSEDED, older.index) for older in superseded]
            self._failures.flush()
        finally:
            self.counts.update(outcome.outcome for outcome in batch.outcomes)
        return sorted(batch.outcomes, key=lambda outcome: outcome.position)

    def _waiting(self, rows: Iterable[Row], item_of: Callable[[int, Row], Item], batch: Batch) -> dict[object, list[Item]]:
        """The rows with which it may be done, those of one key together; an earlier one has its turn if all later ones fail."""
        waiting: dict[object, list[Item]] = {}
        for row in rows:
            self._position += 1
            try:
                item = item_of(self._position, row)
            except UsageError as exc:
                batch.fail(Item(self._position, {}), exc)
            else:
                waiting.setdefault(item.name, []).append(item)
        return waiting


class Batch:
    """One batch on its way.

    Args:
        record_type: The records' type.
        failures: What is done about rows with which it cannot be done.
    """

    def __init__(self, record_type: str, failures: Failures) -> None:
        """No row has begun."""
        self._record_type, self._failures = record_type, failures
        self.outcomes: list[RowOutcome] = []

    def each(self, items: Iterable[Item], work: Callable[[Item], Written]) -> Done:
        """Do something with each row."""
        return self.results([(item, self._pool.submit(work, item)) for item in items])

    def found(
        self,
        lookup: Lookup,
        items: Sequence[Item],
        work: Callable[[Item, Sequence[Result]], Written],
        *,
        done: Callable[[Item, Sequence[Result]], Written | None] = lambda _item, _found: None,
        data: bool = True,
    ) -> Iterator[Begun]:
        """Begin something with each row and the records of its key, some rows while the next are looked up.

        Args:
            lookup: What finds the records.
            items: The rows.
            work: What is to be done, by a worker.
            done: Says of a row that there is nothing to do; it is asked at once, for that takes less time than telling a worker.
            data: Whether the records are needed with their data.
        """
        before: Begun = []
        for part, records in self._looked_up(lookup, items, data=data):
            begun: Begun = []
            for item in part:
                found = records.get(item.index or "", ())
                begun.append((item, done(item, found) or self._pool.submit(work, item, found)))
            if before:
                yield before
            before = begun
        yield before

    def _looked_up(
        self, lookup: Lookup, items: Sequence[Item], *, data: bool
    ) -> Iterator[tuple[Sequence[Item], Mapping[str, Sequence[Result]]]]:
        """Parts of the rows with the records of their keys, while the part after is looked up."""
        ahead: deque[tuple[Sequence[Item], Future[dict[str, list[Result]]]]] = deque()
        for start in range(0, len(items), SIZE):
            part = items[start : start + SIZE]
            ahead.append((part, self._pool.submit(lookup.find, [item.key for item in part if item.key], data=data)))
            if len(ahead) > 1:
                part_before, found = ahead.popleft()
                yield part_before, found.result()
        for last, found in ahead:
            yield last, found.result()

    def results(self, begun: Begun) -> Done:
        """What has been done with rows; those that fail are told, and left out."""
        for item, outcome in begun:
            try:
                written = outcome if isinstance(outcome, Written) else outcome.result()
            except OF_A_ROW as exc:
                self.fail(item, exc)
            else:
                yield item, written

    def fail(self, item: Item, exc: E3DBError) -> None:
        """Tell of a row with which it cannot be done.

        Raises:
            E3DBError: *exc*, or that there were too many already.
        """
        failed = RowOutcome(item.position, FAILED, item.index, error=type(exc).__name__)
        self.outcomes.append(failed)
        self._failures.add(self._record_type, failed, exc)

    @contextmanager
    def working(self, workers: int) -> Iterator[None]:
        """Have workers; after a first failure they begin nothing any more, and finish what they are at."""
        self._pool = ThreadPoolExecutor(workers, "e3db-writer")
        try:
            yield
        except BaseException:
            self._pool.shutdown(wait=True, cancel_futures=True)
            raise
        finally:
            self._pool.shutdown()
