"""The schema record: what the columns of a stream were when its rows were written (design section 3.1).

One record of type ``singer.schema.<type>`` per writer. Its fields ``1``, ``2``, ... hold the schemas that the stream has had, and each
row names the number of its own in ``plain._e3db_schema``: so a column may change its type and old rows stay readable.
"""

from __future__ import annotations

import json
import logging
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final

from e3db_connectors.errors import ResponseInvalid
from e3db_connectors.sync.names import META_PREFIX, SCHEMA_TYPE_PREFIX
from e3db_connectors.sync.values import TEXT, Schema, canonical
from e3db_connectors.wire.queries import QueryRequest
from e3db_connectors.wire.records import Record

if TYPE_CHECKING:
    from collections.abc import Mapping

    from e3db_connectors.client import Client
    from e3db_connectors.wire.records import Meta

SCHEMA_NUMBER: Final = f"{META_PREFIX}schema"
"""The plain member in which a row names its schema."""

_log = logging.getLogger(__name__)


@dataclass
class StreamSchemas:
    """All schemas that the rows of one record type have been written with.

    Args:
        record_type: The type.
        history: By writer, then by number: column → JSON Schema.
    """

    record_type: str
    history: dict[str, dict[str, dict[str, Schema]]] = field(default_factory=dict)

    def of_row(self, meta: Meta) -> Mapping[str, Schema]:
        """The schema that a row was written with; empty if none is known, and then every column is text."""
        number = (meta.plain or {}).get(SCHEMA_NUMBER, "")
        return self.history.get(meta.writer_id, {}).get(number, {})

    def united(self) -> dict[str, Schema]:
        """One schema for all rows: the union of the columns. A column of two kinds becomes text, which any value can be shown as."""
        columns: dict[str, Schema] = {}
        conflicts = set()
        for numbered in self.history.values():
            for schemas in numbered.values():
                for name, schema in schemas.items():
                    if name in columns and canonical(columns[name]) != canonical(schema):
                        conflicts.add(name)
                    columns[name] = schema
        for name in sorted(conflicts):
            _log.warning("column %s of %s has been written with different types; it reads as text", name, self.record_type)
            columns[name] = TEXT
        return columns


def load(client: Client, record_type: str) -> StreamSchemas:
    """Read the schema records of a type that this client may read."""
    found = StreamSchemas(record_type)
    for record in _records(client, record_type):
        try:
            numbered = {number: json.loads(text) for number, text in record.data.items()}
        except ValueError:
            raise ResponseInvalid(f"the schema record {record.meta.record_id} of type {record_type!r} is no JSON") from None
        found.history.setdefault(record.meta.writer_id, {}).update(numbered)
    return found


def remember(client: Client, record_type: str, columns: Mapping[str, Schema]) -> str:
    """Make sure that the schema record knows these columns.

    Returns:
        The number under which it does.
    """
    text = json.dumps(columns, ensure_ascii=False, separators=(",", ":"), default=str)
    own = next((record for record in _records(client, record_type) if record.meta.writer_id == client.client_id), None)
    if own is None:
        client.write(SCHEMA_TYPE_PREFIX + record_type, {"1": text})
        return "1"
    for number, known in own.data.items():
        if canonical(json.loads(known)) == canonical(columns):
            return number
    number = str(max(map(int, own.data)) + 1)
    client.update(Record(own.meta, {**own.data, number: text}))
    return number


def _records(client: Client, record_type: str) -> list[Record]:
    request = QueryRequest(content_types=[SCHEMA_TYPE_PREFIX + record_type], include_data=True, include_all_writers=True)
    return list(client.query(request))
