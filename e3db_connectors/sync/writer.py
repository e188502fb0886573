"""Writing rows so that writing them again changes nothing (design section 4.7)."""

from __future__ import annotations

import logging
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any, Final, TypeVar
from uuid import uuid4

import msgspec

from e3db_connectors.errors import Conflict, NotFound, OutcomeUnknown
from e3db_connectors.sync.keys import ROW_KEY, RowKeys
from e3db_connectors.sync.names import META_PREFIX
from e3db_connectors.sync.schemas import SCHEMA_NUMBER, StreamSchemas, number_of
from e3db_connectors.sync.values import Schema, to_text
from e3db_connectors.wire.queries import any_of, eq
from e3db_connectors.wire.records import Record

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from e3db_connectors.client import Client

T = TypeVar("T")

_log = logging.getLogger(__name__)

OPERATION: Final = f"{META_PREFIX}op"
"""The plain member of rows without a key: random, so that two writes of one row can be told from one."""

LOOKUP_SIZE: Final = 250
"""Keys that one query looks for."""

MAX_WORKERS: Final = 16
"""Rows that are on their way at once; each waits for the server most of the time."""

ATTEMPTS: Final = 4
"""How often a row is tried whose record somebody else changes at the same time, or whose answer got lost."""


OUTCOMES: Final = ("created", "updated", "unchanged")
"""What can become of a row."""


class RowWriter:
    """Writes rows of one stream as records: updates the record of a row's key, or creates it.

    Args:
        client: Who writes.
        record_type: The records' type.
        columns: Column → JSON Schema; a column that is not in it is left out, with a warning.
        schemas: All schemas of the type, this one included; see `schemas.remember`.
        keys: How to tell rows apart; None: every row becomes a record of its own.
        max_workers: How many rows are on their way at once.
    """

    def __init__(
        self,
        client: Client,
        record_type: str,
        columns: Mapping[str, Schema],
        schemas: StreamSchemas,
        keys: RowKeys | None,
        *,
        max_workers: int = MAX_WORKERS,
    ) -> None:
        """Prepare; nothing is sent yet."""
        self._client = client
        self._record_type = record_type
        self._columns = columns
        self._schemas = schemas
        self._schema_number = number_of(columns)
        self._left_out: set[str] = set()
        self._keys = keys
        self._max_workers = max_workers
        self.counts = Counter(dict.fromkeys(OUTCOMES, 0))

    def write(self, rows: Iterable[Mapping[str, Any]]) -> None:
        """Write rows; of several with the same key the last one counts. All are stored once this returns.

        Raises:
            UsageError: A row has no value in a key column.
            E3DBError: As the client raises it; rows before may have been written.
        """
        encoded = [self._encode(row) for row in rows]
        if self._keys is None:
            self._in_parallel(self._append, encoded)
            return
        latest = {self._keys.of(data): data for data in encoded}
        for batch in _batches(list(latest), LOOKUP_SIZE):
            known = self._look_up(batch)
            self._in_parallel(lambda key: self._upsert(key, latest[key], known.get(key)), batch)  # noqa: B023 - it ends before the loop goes on

    def _in_parallel(self, write: Callable[[T], str], items: Sequence[T]) -> None:
        """Write each of *items*; after a first failure none is begun any more, and those on their way are finished."""
        if not items:
            return
        with ThreadPoolExecutor(min(self._max_workers, len(items)), "e3db-writer") as pool:
            futures = [pool.submit(write, item) for item in items]
            try:
                for future in futures:
                    self.counts[future.result()] += 1
            except BaseException:
                pool.shutdown(wait=True, cancel_futures=True)
                raise

    def _encode(self, row: Mapping[str, Any]) -> dict[str, str]:
        for name in row.keys() - self._columns.keys() - self._left_out:
            self._left_out.add(name)
            _log.warning("column %s of %s is not in its schema and is left out", name, self._record_type)
        texts = {name: to_text(row[name], schema) for name, schema in self._columns.items() if name in row}
        return {name: text for name, text in texts.items() if text is not None}

    def _append(self, data: dict[str, str]) -> str:
        self._client.write(self._record_type, data, {OPERATION: str(uuid4()), SCHEMA_NUMBER: self._schema_number})
        return "created"

    def _upsert(self, key: str, data: dict[str, str], known: Record | None) -> str:
        for _ in range(ATTEMPTS - 1):
            try:
                return self._put(key, data, known)
            except (Conflict, NotFound, OutcomeUnknown):  # somebody else's write, or our own whose answer got lost: the look-up tells
                known = self._look_up([key]).get(key)
        return self._put(key, data, known)

    def _put(self, key: str, data: dict[str, str], known: Record | None) -> str:
        ours = {ROW_KEY: key, SCHEMA_NUMBER: self._schema_number}
        if known is None:
            self._client.write(self._record_type, data, ours)
            return "created"
        plain = known.meta.plain or {}
        if known.data == data and self._schemas.read_alike(plain.get(SCHEMA_NUMBER, ""), self._schema_number, data):
            return "unchanged"
        self._client.update(Record(msgspec.structs.replace(known.meta, plain=plain | ours), data))
        return "updated"

    def _look_up(self, keys: Sequence[str]) -> dict[str, Record]:
        """The records of these keys; of several with one key the oldest."""
        wanted = any_of([eq(ROW_KEY, key) for key in keys])
        found: dict[str, Record] = {}
        for record in self._client.query_all(record_type=self._record_type, writer=self._client.client_id, plain=wanted):
            key = (record.meta.plain or {})[ROW_KEY]
            if key not in found or _age(record) < _age(found[key]):
                found[key] = record
        return found


def _age(record: Record) -> tuple[str, str]:
    return record.meta.created, record.meta.record_id


def _batches(items: Sequence[str], size: int) -> Iterator[Sequence[str]]:
    for start in range(0, len(items), size):
        yield items[start : start + size]
