"""Rows in, outcomes out: many at a time, in batches whose order is kept (design section 4.7)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NoReturn

from e3db_connectors.client.bulk import WORKERS
from e3db_connectors.errors import UsageError
from e3db_connectors.sync.schemas import number_of
from e3db_connectors.sync.writing.batches import Batches
from e3db_connectors.sync.writing.delete import RowDeleter
from e3db_connectors.sync.writing.encoding import RowEncoder
from e3db_connectors.sync.writing.failures import Failures
from e3db_connectors.sync.writing.lookup import Lookup
from e3db_connectors.sync.writing.outcomes import CREATED, OUTCOMES, Item, RowOutcome
from e3db_connectors.sync.writing.upsert import Upserter

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from e3db_connectors.client import Client
    from e3db_connectors.sync.keys import RowKeys
    from e3db_connectors.sync.schemas import StreamSchemas
    from e3db_connectors.sync.values import Schema
    from e3db_connectors.sync.writing.batches import Batch, Begun, Done


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
        self._record_type, self._keys, self._check = stream.record_type, stream.keys, check
        self._encoder = RowEncoder(stream.record_type, stream.columns)
        self._lookup = Lookup(client, stream.record_type, workers)
        self._plain_columns = frozenset(stream.plain_columns)
        number = number_of(stream.columns)
        self._upserter = Upserter(client, stream.record_type, self._lookup, stream.schemas, number, plain_columns=self._plain_columns)
        self._batches = Batches(stream.record_type, workers, failures or Failures(), OUTCOMES)
        self._deleter = RowDeleter(client, stream.columns, stream.keys, self._lookup, self._batches) if stream.keys else None
        self.counts = self._batches.counts

    def write(self, rows: Iterable[Mapping[str, Any]]) -> list[RowOutcome]:
        """Write a batch of rows; of several with the same key the last one counts that can be written. All are stored once this returns.

        Returns:
            What became of each row, in their order.

        Raises:
            UsageError: A row cannot be written, unless failures are gone past.
            TooManyErrors: More than allowed cannot.
            E3DBError: As the client raises it; rows before may have been written.
        """
        return self._batches.run(rows, self._item, self._upsert if self._keys else self._append)

    def delete(self, rows: Iterable[Mapping[str, Any]]) -> list[RowOutcome]:
        """Delete the records of a batch of rows; only their key columns count. All are gone once this returns.

        Between two batches the order is kept: a row that is deleted after it has been written is gone, and the other way round.

        Returns:
            What became of each row, in their order.

        Raises:
            UsageError: A row has no key, as none has in a stream without one, unless failures are gone past.
            TooManyErrors: More than allowed have none.
            E3DBError: As the client raises it; the records of rows before may have been deleted.
        """
        return self._deleter.delete(rows) if self._deleter else self._batches.run(rows, self._keyless, self._append)

    def _keyless(self, position: int, row: Mapping[str, Any]) -> NoReturn:  # noqa: ARG002 - no row is better than another
        raise UsageError(f"rows of {self._record_type} cannot be deleted: without key columns nothing tells which records are theirs")

    def _item(self, position: int, row: Mapping[str, Any]) -> Item:
        if self._check is not None:
            self._check(row)
        data = self._encoder.encode(row)
        plain = {name: data[name] for name in self._plain_columns if name in data}
        return Item(position, data, self._keys.of(data) if self._keys else None, plain)

    def _append(self, batch: Batch, items: list[Item]) -> Done:
        return batch.each(items, self._upserter.append)

    def _upsert(self, batch: Batch, items: list[Item]) -> Done:
        for begun in batch.found(self._lookup, items, self._upserter.write, done=self._upserter.unchanged):
            yield from self._settled(batch, begun)

    def _settled(self, batch: Batch, begun: Begun) -> Done:
        """Results of upserts, after a look whether somebody else has created a record of the same key, too."""
        created = []
        for item, written in batch.results(begun):
            if written.outcome == CREATED:
                created.append((item, written))
            else:
                yield item, written
        found = self._lookup.find_created([item.key for item, _ in created if item.key])
        doubled = {}
        for item, written in created:
            there = [result.meta.record_id for result in found.get(item.index or "", ())]
            if there == [written.record_id]:
                yield item, written
            else:
                doubled[item.position] = written
        yield from batch.each(
            [item for item, _ in created if item.position in doubled],
            lambda item: self._upserter.settle(item, doubled[item.position]),
        )
