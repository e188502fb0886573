"""Many records: one signed or batched request, or one request each from several threads."""

from __future__ import annotations

from collections import deque
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Generic, TypeVar

from e3db_connectors.client import decoding
from e3db_connectors.client.arguments import texts
from e3db_connectors.client.queries import QueryOperations
from e3db_connectors.client.records import RecordOperations
from e3db_connectors.client.transport import Call
from e3db_connectors.errors import E3DBError, OutcomeUnknown, UsageError
from e3db_connectors.wire import limits, paths
from e3db_connectors.wire.records import BatchGet, BatchGetResult, BulkDelete, BulkDeleteResult, to_bytes

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
    from uuid import UUID

    from e3db_connectors.wire.records import Record

Item = TypeVar("Item")
Value = TypeVar("Value")

_GONE: Final = "Not Found"
"""What a server says of a record that it does not know, or not as ours."""

WORKERS: Final = 16
"""Requests under way at once, unless told otherwise."""


@dataclass(frozen=True)
class NewRecord:
    """A record to write; see `Client.write`."""

    record_type: str
    data: Mapping[str, str] = field(repr=False)
    plain: Mapping[str, str] | None = None
    operation_id: str | UUID | None = None


@dataclass(frozen=True)
class Outcome(Generic[Item, Value]):
    """What became of one item: a value, or an error.

    Args:
        item: What was asked for.
        value: What came of it, if it went well.
        error: Why not, otherwise.
    """

    item: Item = field(repr=False)
    value: Value | None = None
    error: E3DBError | None = None

    @property
    def ok(self) -> bool:
        """Whether it went well."""
        return self.error is None


class BulkOperations(RecordOperations, QueryOperations):
    """Operations on many records.

    The ones whose names end in ``_many`` take any iterable, however long, and give an `Outcome` for each item, in order. They read
    ahead only as far as they have workers, so memory stays the same whatever the number of items; nothing runs until the
    outcomes are iterated over. An error of one item does not stop the others.
    """

    def write_many(self, items: Iterable[NewRecord], *, workers: int = WORKERS) -> Iterator[Outcome[NewRecord, Record]]:
        """Create records."""
        return _each(items, lambda new: self.write(new.record_type, new.data, new.plain, operation_id=new.operation_id), workers)

    def read_many(
        self, record_ids: Iterable[str | UUID], *, fields: Collection[str] | None = None, workers: int = WORKERS
    ) -> Iterator[Outcome[str | UUID, Record]]:
        """Read and decrypt records."""
        return _each(record_ids, lambda record_id: self.read(record_id, fields), workers)

    def update_many(self, records: Iterable[Record], *, workers: int = WORKERS) -> Iterator[Outcome[Record, Record]]:
        """Update records, each at the version that it has."""
        return _each(records, self.update, workers)

    def delete_many(self, records: Iterable[Record], *, workers: int = WORKERS) -> Iterator[Outcome[Record, None]]:
        """Delete records, each at the version that it has."""
        return _each(records, lambda record: self.delete(record.meta.record_id, record.meta.version), workers)

    def read_batch(self, record_ids: Iterable[str | UUID], *, include_data: bool = True) -> list[Record]:
        """Read up to 1,000 records in one request; those that are unknown or not for us are left out."""
        body = BatchGet(_batch(record_ids), include_data)
        call = Call("GET", paths.RECORDS, to_bytes(body))
        return [self.open(result) for result in decoding.decode(self._api.send(call).body, BatchGetResult, call).records]

    def delete_batch(self, record_ids: Iterable[str | UUID]) -> dict[str, str]:
        """Delete up to 1,000 records whatever their version, in one signed request.

        Returns:
            What was not deleted, and why.

        Raises:
            ConfigError: The credentials hold no signing key.
        """
        call = Call("DELETE", paths.BULK_DELETE, to_bytes(BulkDelete(_batch(record_ids))), repeatable=False)
        try:
            return self._send_deletes(call)
        except OutcomeUnknown:
            # What has gone meanwhile is what the first request has deleted.
            return {record_id: error for record_id, error in self._send_deletes(call).items() if error != _GONE}

    def _send_deletes(self, call: Call) -> dict[str, str]:
        result = decoding.decode(self._api.send_signed(call, self._signed()).body, BulkDeleteResult, call)
        return {failed.record_id: failed.error for group in result.record_delete_error.values() for failed in group}


def _batch(record_ids: Iterable[str | UUID]) -> list[str]:
    ids = texts(record_ids)
    if len(ids) > limits.PAGE_MAX:
        raise UsageError(f"a batch may name {limits.PAGE_MAX} records")
    return ids


def _each(items: Iterable[Item], work: Callable[[Item], Value], workers: int) -> Iterator[Outcome[Item, Value]]:
    """Do *work* for each item in up to *workers* threads; outcomes come in the order of the items."""
    if workers < 1:
        raise UsageError("workers must be 1 or more")

    def attempt(item: Item) -> Outcome[Item, Value]:
        try:
            return Outcome(item, work(item))
        except E3DBError as exc:
            return Outcome(item, error=exc)

    def run() -> Iterator[Outcome[Item, Value]]:
        pending: deque[Future[Outcome[Item, Value]]] = deque()
        with ThreadPoolExecutor(workers, thread_name_prefix="e3db-bulk") as pool:
            try:
                for item in items:
                    pending.append(pool.submit(attempt, item))
                    if len(pending) == 2 * workers:
                        yield pending.popleft().result()
                yield from _results(pending)
            except Exception:
                # The items broke off. What has begun still counts, and its outcomes are told first.
                yield from _results(pending)
                raise
            finally:
                for future in pending:
                    future.cancel()

    return run()


def _results(pending: deque[Future[Outcome[Item, Value]]]) -> Iterator[Outcome[Item, Value]]:
    while pending:
        yield pending.popleft().result()
