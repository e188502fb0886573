"""Which fields the records of a type have, and what they read as (design section 3.1)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from e3db_connectors.client.arguments import ALL_WRITERS, texts
from e3db_connectors.sync import schemas
from e3db_connectors.sync.values import TEXT, Schema
from e3db_connectors.wire import limits
from e3db_connectors.wire.queries import QueryRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from e3db_connectors.client import Client

SAMPLE_SIZE: Final = 100


def fields_of(
    client: Client,
    record_type: str,
    *,
    sample_size: int = SAMPLE_SIZE,
    all_writers: bool = False,
    writer_ids: Sequence[str] | None = None,
) -> dict[str, Schema]:
    """What the schema records say; without one, the names in a sample, all as text. Nothing of the sample is decrypted.

    Args:
        client: Who reads.
        record_type: The type.
        sample_size: How many records to look at.
        all_writers: Look at others' records, too, and at their schema records: somebody else's would say nothing of ours.
        writer_ids: Only at those of these writers; None: no such limit.
    """
    writers = writer_ids or (ALL_WRITERS if all_writers else client.client_id)
    return schemas.load(client, record_type, writers).united() or dict.fromkeys(_sample(client, record_type, sample_size, writers), TEXT)


def _sample(client: Client, record_type: str, size: int, writers: str | Sequence[str]) -> list[str]:
    if not size:
        return []
    everyone = writers == ALL_WRITERS
    request = QueryRequest(
        count=min(size, limits.PAGE_MAX),
        content_types=[record_type],
        include_data=True,
        include_all_writers=everyone or None,
        writer_ids=None if everyone else texts(writers),
    )
    page = next(client.query_pages(request), [])
    return sorted({name for result in page for name in result.record_data or ()})
