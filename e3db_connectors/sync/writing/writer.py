"""Rows in, outcomes out: many at a time, in batches whose order is kept (design section 4.7)."""

from __future__ import annotations

from collections import Counter
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.client.bulk import WORKERS
from e3db_connectors.errors import DecryptionError, E3DBError, EncodingError, InvalidRequest, UsageError
from e3db_connectors.sync.schemas import number_of
from e3db_connectors.sync.writing.encoding import RowEncoder
from e3db_connectors.sync.writing.failures import Failures
from e3db_connectors.sync.writing.lookup import SIZE, Lookup
from e3db_connectors.sync.writing.outcomes import CREATED, FAILED, OUTCOMES, SUPERSEDED, Item, RowOutcome
from e3db_connectors.sync.writing.upsert import Upserter, Written

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from e3db_connectors.client import Client
    from e3db_connectors.sync.keys import RowKeys
    from e3db_connectors.sync.schemas import StreamSchemas
    from e3db_connectors.sync.values import Schema

    Begun = list[tuple[Item, Future[Written]]]

OF_A_ROW: Final = (UsageError, InvalidRequest, DecryptionError, EncodingError)
"""Errors that are one row's own; after any other the next row would fare no better."""


@dataclass(frozen=True)
class Stream:
    """What rows are written as.

    Args:
        record_type: The records' type.
        columns: Column → JSON Schema; a column that is not in it is left out, with a warning.
        schemas: All schemas of the type, this one included; see `schemas.remember`.
        keys: How to tell rows apart; None: every row becomes a record of its own.
        plain_columns: Columns that also stay in clear; see `WriteOptions`.
    """

    record_type: str
    columns: Mapping[str, Schema]
    schemas: StreamSchemas
    keys: RowKeys | None = None
    plain_columns: Collection[str] = ()


class RowWriter:
    """Writes rows of one stream as records: updates the record of a row's key, or creates it.

    Args:
        client: Who writes.
        stream: What; `open_writer` makes it.
        workers: How many rows are on their way at once.
        failures: What is done about rows that cannot be written; by default the first one is raised.
        check: Called with each row; raises `UsageError` for one that is not to be written.
    """

    def __init__(
        self,
        client: Client,
        stream: Stream,
        *,
        workers: int = WORKERS,
        failures: Failures | None = None,
        check: Callable[[Mapping[str, Any]], object] | None = None,
    ) -> None:
        """Prepare; nothing is sent yet."""
        if workers < 1:
            raise UsageError("workers must be 1 or more")
        self._record_type, self._keys = stream.record_type, stream.keys
        self._workers, self._check = workers, check
        self._failures = failures or Failures()
        self._encoder = RowEncoder(stream.record_type, stream.columns)
        self._lookup = Lookup(client, stream.record_type, workers)
        self._plain_columns = frozenset(stream.plain_columns)
        number = number_of(stream.columns)
        self._upserter = Upserter(client, stream.record_type, self._lookup, stream.schemas, number, plain_columns=self._plain_columns)
        self._position = 0
        self.counts = Counter(dict.fromkeys(OUTCOMES, 0))

    def write(self, rows: Iterable[Mapping[str, Any]]) -> list[RowOutcome]:
        """Write a batch of rows; of several with the same key the last one counts that can be written. All are stored once this returns.

        Returns:
            What became of each row, in their order.

        Raises:
            UsageError: A row cannot be written, unless failures are gone past.
            TooManyErrors: More than allowed cannot.
            E3DBError: As the client raises it; rows before may have been written.
        """
        outcomes: list[RowOutcome] = []
        try:
            waiting = self._waiting(rows, outcomes)
            with self._pool() as pool:
                while items := [of_key.pop() for of_key in waiting.values() if of_key]:
                    for item, written in self._upsert(pool, items, outcomes) if self._keys else self._append(pool, items, outcomes):
                        outcomes.append(RowOutcome(item.position, written.outcome, item.index, written.record_id))
                        superseded = waiting.pop(item.name)
                        outcomes += [RowOutcome(older.position, SUPERSEDED, older.index) for older in superseded]
            self._failures.flush()
        finally:
            self.counts.update(outcome.outcome for outcome in outcomes)
        return sorted(outcomes, key=lambda outcome: outcome.position)

    def _waiting(self, rows: Iterable[Mapping[str, Any]], outcomes: list[RowOutcome]) -> dict[object, list[Item]]:
        """The rows that may be written, those of one key together; an earlier one has its turn if all later ones fail."""
        waiting: dict[object, list[Item]] = {}
        for row in rows:
            self._position += 1
            try:
                item = self._item(row)
            except UsageError as exc:
                self._fail(Item(self._position, {}), exc, outcomes)
            else:
                waiting.setdefault(item.name, []).append(item)
        return waiting

    def _item(self, row: Mapping[str, Any]) -> Item:
        if self._check is not None:
            self._check(row)
        data = self._encoder.encode(row)
        plain = {name: data[name] for name in self._plain_columns if name in data}
        return Item(self._position, data, self._keys.of(data) if self._keys else None, plain)

    def _append(self, pool: ThreadPoolExecutor, items: Sequence[Item], outcomes: list[RowOutcome]) -> Iterator[tuple[Item, Written]]:
        return self._results([(item, pool.submit(self._upserter.append, item)) for item in items], outcomes)

    def _upsert(self, pool: ThreadPoolExecutor, items: Sequence[Item], outcomes: list[RowOutcome]) -> Iterator[tuple[Item, Written]]:
        """Write some rows while the next are looked up; their keys differ."""
        begun: Begun = []
        for start in range(0, len(items), SIZE):
            part = items[start : start + SIZE]
            found = self._lookup.find([item.key for item in part if item.key])
            before, begun = (
                begun,
                [(item, pool.submit(self._upserter.write, item, found.get(item.key.index, ()))) for item in part if item.key],
            )
            yield from self._settled(pool, before, outcomes)
        yield from self._settled(pool, begun, outcomes)

    def _settled(self, pool: ThreadPoolExecutor, begun: Begun, outcomes: list[RowOutcome]) -> Iterator[tuple[Item, Written]]:
        """Results of upserts, after a look whether somebody else has created a record of the same key, too."""
        created = []
        for item, written in self._results(begun, outcomes):
            if written.outcome == CREATED:
                created.append((item, written))
            else:
                yield item, written
        found = self._lookup.find_created([item.key for item, _ in created if item.key])
        doubled: Begun = []
        for item, written in created:
            there = [result.meta.record_id for result in found.get(item.key.index, ())] if item.key else []
            if there == [written.record_id]:
                yield item, written
            else:
                doubled.append((item, pool.submit(self._upserter.settle, item, written)))
        yield from self._results(doubled, outcomes)

    def _results(self, begun: Begun, outcomes: list[RowOutcome]) -> Iterator[tuple[Item, Written]]:
        for item, future in begun:
            try:
                written = future.result()
            except OF_A_ROW as exc:
                self._fail(item, exc, outcomes)
            else:
                yield item, written

    def _fail(self, item: Item, exc: E3DBError, outcomes: list[RowOutcome]) -> None:
        failed = RowOutcome(item.position, FAILED, item.index, error=type(exc).__name__)
        outcomes.append(failed)
        self._failures.add(self._record_type, failed, exc)

    @contextmanager
    def _pool(self) -> Iterator[ThreadPoolExecutor]:
        """Workers; after a first failure they begin nothing any more, and finish what they are at."""
        pool = ThreadPoolExecutor(self._workers, "e3db-writer")
        try:
            yield pool
        except BaseException:
            pool.shutdown(wait=True, cancel_futures=True)
            raise
        finally:
            pool.shutdown()
