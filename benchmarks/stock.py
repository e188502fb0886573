"""Records to read in numbers, made quickly: a page of them is written by a client, and copied within the store of a server that rests."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING, Final
from uuid import uuid4

from sqlalchemy import insert, select

from benchmarks.fields import FIELDS, TEXT
from benchmarks.servers import server, sqlite
from e3db_connectors import Client, NewRecord
from e3db_connectors.server.store import schema
from e3db_connectors.server.store.database import Database

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from e3db_connectors import Config

PAGE: Final = 1_000
_STEP: Final = 10_000
"""Microseconds from one copy to the next."""

_AGO: Final = 3_600_000_000
"""Microseconds between the copies and what was written: no look-back reaches them."""


@contextmanager
def stocked(folder: Path, counts: Mapping[str, int]) -> Iterator[Config]:
    """A running server with so many records of each type, of one client; the numbers are whole pages."""
    with server(folder) as (url, token):
        config = Client.register(token, "benchmark", api_url=url).config
        with Client(config) as client:
            for record_type in counts:
                data = {f"field{number}": TEXT for number in range(FIELDS)}
                for outcome in client.write_many(NewRecord(record_type, data) for _ in range(PAGE)):
                    if outcome.error:
                        raise outcome.error
    store = Database(sqlite(folder))
    try:
        for record_type, count in counts.items():
            _copy(store, record_type, count // PAGE - 1)
    finally:
        store.close()
    with server(folder) as (url, _):
        yield type(config).from_mapping({**config(), "api_url": url})


def _copy(store: Database, record_type: str, times: int) -> None:
    """Copy all records of a type so many times, each time to just before the ones there are."""
    records = schema.records
    with store.write() as connection:
        rows = [dict(row) for row in connection.execute(select(records).where(records.c.type == record_type)).mappings()]
        first = connection.execute(select(records.c.last_modified).order_by(records.c.last_modified)).scalars().first() or 0
        first -= _AGO
        for _ in range(times):
            for row in reversed(rows):
                first -= _STEP
                row |= {"record_id": str(uuid4()), "version": str(uuid4()), "created": first, "last_modified": first}
                row.pop("seq", None)
            connection.execute(insert(records), rows)
