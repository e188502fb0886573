"""The schema record: what the columns of a stream were when its rows were written (design section 3.1).

One record of type ``singer.schema.<type>`` per writer. Each of its fields is a schema that the stream has had, under a number that
follows from the schema itself, and each row names the number of its own in ``plain._e3db_schema``. So two writers that start at the
same time give the same schema the same number, and two schema records of one writer say no less than one.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

from e3db_connectors.client.queries import ALL_WRITERS
from e3db_connectors.errors import Conflict, ResponseInvalid
from e3db_connectors.sync.names import META_PREFIX, SCHEMA_TYPE_PREFIX
from e3db_connectors.sync.values import TEXT, Schema, decode_schemas, encode_schemas, kind_of
from e3db_connectors.wire.records import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from e3db_connectors.client import Client

    Columns = dict[str, Schema]

SCHEMA_NUMBER: Final = f"{META_PREFIX}schema"
"""The plain member in which a row names its schema."""

_ATTEMPTS: Final = 3
_log = logging.getLogger(__name__)


@dataclass
class StreamSchemas:
    """The schemas that rows of one type have been written with, by number."""

    record_type: str
    numbered: dict[str, Columns] = field(default_factory=dict)

    def united(self) -> Columns:
        """One schema for all rows: the union of the columns. A column of two kinds becomes text, which any value can be shown as."""
        columns: Columns = {}
        conflicts = set()
        for schemas in self.numbered.values():
            for name, schema in schemas.items():
                if name in columns and kind_of(columns[name]) != kind_of(schema):
                    conflicts.add(name)
                columns[name] = schema
        for name in sorted(conflicts):
            _log.warning("column %s of %s has been written with different types; it reads as text", name, self.record_type)
            columns[name] = TEXT
        return columns

    def read_alike(self, one: str, other: str, names: Iterable[str]) -> bool:
        """Whether these columns are of the same kinds under two numbers."""
        if one == other:
            return True
        if one not in self.numbered or other not in self.numbered:
            return False
        left, right = self.numbered[one], self.numbered[other]
        return all(name in left and name in right and kind_of(left[name]) == kind_of(right[name]) for name in names)


def number_of(columns: Mapping[str, Schema]) -> str:
    """The number of a schema: 8 hex digits of a hash of what it allows."""
    kinds = sorted((name, kind_of(schema)) for name, schema in columns.items())
    return blake2b(repr(kinds).encode()).hexdigest()[:8]


def load(client: Client, record_type: str) -> StreamSchemas:
    """Read the schema records of a type that this client may read."""
    return _merge(record_type, _records(client, record_type))


def remember(client: Client, record_type: str, columns: Mapping[str, Schema]) -> StreamSchemas:
    """Make sure that our schema record knows these columns, under their `number_of`.

    Returns:
        All schemas that we have written rows of this type with.
    """
    number = number_of(columns)
    for attempt in range(_ATTEMPTS + 1):
        own = [record for record in _records(client, record_type) if record.meta.writer_id == client.client_id]
        known = _merge(record_type, own)
        if number in known.numbered or attempt == _ATTEMPTS:
            break
        with suppress(Conflict):  # another process of ours was first: the next look sees what it wrote
            _add(client, record_type, own, {number: encode_schemas(columns)})
    return known


def _add(client: Client, record_type: str, own: list[Record], entry: dict[str, str]) -> None:
    if own:
        client.update(Record(own[0].meta, {**own[0].data, **entry}))
    else:
        client.write(SCHEMA_TYPE_PREFIX + record_type, entry)


def _merge(record_type: str, records: Iterable[Record]) -> StreamSchemas:
    merged = StreamSchemas(record_type)
    for record in records:
        try:
            merged.numbered |= {number: decode_schemas(text) for number, text in record.data.items()}
        except ValueError:
            raise ResponseInvalid(f"the schema record {record.meta.record_id} of type {record_type!r} holds no schemas") from None
    return merged


def _records(client: Client, record_type: str) -> list[Record]:
    return list(client.query_all(record_type=SCHEMA_TYPE_PREFIX + record_type, writer=ALL_WRITERS))
