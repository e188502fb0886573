"""Which fields the records of a type have, and what they read as (design section 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from e3db_connectors.sync import schemas
from e3db_connectors.sync.values import TEXT, Schema
from e3db_connectors.wire import limits
from e3db_connectors.wire.queries import QueryRequest

if TYPE_CHECKING:
    from e3db_connectors.client import Client

SAMPLE_SIZE: Final = 100


def fields_of(client: Client, record_type: str, *, sample_size: int = SAMPLE_SIZE, all_writers: bool = False) -> dict[str, Schema]:
    """What the schema record says; without one, the names in a sample, all as text. Nothing of the sample is decrypted.

    Args:
        client: Who reads.
        record_type: The type.
        sample_size: How many records to look at.
        all_writers: Look at others' records, too.
    """
    return schemas.load(client, record_type).united() or dict.fromkeys(
        _sample(client, record_type, sample_size, all_writers=all_writers), TEXT
    )


def _sample(client: Client, record_type: str, size: int, *, all_writers: bool) -> list[str]:
    if not size:
        return []
    request = QueryRequest(
        count=min(size, limits.PAGE_MAX), content_types=[record_type], include_data=True, include_all_writers=all_writers or None
    )
    page = next(client.query_pages(request), [])
    return sorted({name for result in page for name in result.record_data or ()})
