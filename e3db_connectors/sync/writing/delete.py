"""Deleting the records of rows, by their keys (design section 4.7)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from e3db_connectors.errors import Conflict, Forbidden, InvalidRequest, NotFound, OutcomeUnknown
from e3db_connectors.sync.writing.encoding import RowEncoder
from e3db_connectors.sync.writing.outcomes import ABSENT, DELETED, Item, RowOutcome, Written
from e3db_connectors.sync.writing.upsert import ATTEMPTS, pause

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from e3db_connectors.client import Client
    from e3db_connectors.errors import E3DBError
    from e3db_connectors.sync.keys import RowKeys
    from e3db_connectors.sync.values import Schema
    from e3db_connectors.sync.writing.batches import Batch, Batches, Done
    from e3db_connectors.sync.writing.lookup import Lookup
    from e3db_connectors.wire.records import Result


class RowDeleter:
    """Deletes the records of rows of one stream, doubles included; nothing is read but their meta.

    Args:
        client: Who has written them.
        columns: Column → JSON Schema, the key's at least.
        keys: How rows are told apart.
        lookup: What finds their records.
        batches: What takes them batch by batch.
    """

    def __init__(self, client: Client, columns: Mapping[str, Schema], keys: RowKeys, lookup: Lookup, batches: Batches) -> None:
        """Nothing is sent yet."""
        self._client, self._keys, self._lookup, self._batches = client, keys, lookup, batches
        self._encoder = RowEncoder(keys.record_type, {name: columns[name] for name in keys.columns if name in columns})
        self.counts = batches.counts

    def delete(self, rows: Iterable[Mapping[str, Any]]) -> list[RowOutcome]:
        """Delete the records of a batch of rows; only their key columns count. All are gone once this returns.

        Returns:
            What became of each row, in their order: ``deleted``, ``absent`` if there was nothing, ``superseded`` if a later row of
            the batch has the same key, ``failed``.

        Raises:
            UsageError: A row has no key, unless failures are gone past.
            TooManyErrors: More than allowed have none.
            E3DBError: As the client raises it; the records of rows before may have been deleted.
        """
        return self._batches.run(rows, self._item, self._work)

    def _item(self, position: int, row: Mapping[str, Any]) -> Item:
        data = self._encoder.encode({name: row.get(name) for name in self._keys.columns})
        return Item(position, {}, self._keys.of(data))

    def _work(self, batch: Batch, items: list[Item]) -> Done:
        for begun in batch.found(self._lookup, items, self._delete, data=False):
            yield from batch.results(begun)

    def _delete(self, item: Item, found: Sequence[Result]) -> Written:
        """Delete the records of a key, which a look-up has found; what somebody else changes meanwhile is looked at again."""
        if not found:
            return Written(ABSENT, None)
        record_id = found[0].meta.record_id
        failure: E3DBError
        for attempt in range(ATTEMPTS):
            if attempt:
                pause(attempt)
                found = self._look_up(item)
            try:
                for result in reversed(found):  # broken off, it leaves the record that counts
                    self._delete_record(item, result)
            except (Conflict, OutcomeUnknown) as exc:
                failure = exc
            else:
                return Written(DELETED, record_id)
        raise failure

    def _delete_record(self, item: Item, result: Result) -> None:
        record_id = result.meta.record_id
        try:
            self._client.delete(record_id, result.meta.version)
        except NotFound:
            pass  # somebody else has
        except (Forbidden, InvalidRequest):  # as some servers say of a record that is gone: 403, 410
            if any(left.meta.record_id == record_id for left in self._look_up(item)):
                raise

    def _look_up(self, item: Item) -> Sequence[Result]:
        return self._lookup.find([item.key], data=False).get(item.key.index, ()) if item.key else ()
