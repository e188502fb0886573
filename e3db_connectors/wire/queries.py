"""The v1 query: by keyset, immediately consistent (protocol section 10)."""

from typing import Any

import msgspec

from e3db_connectors.wire.records import Result


class QueryRequest(msgspec.Struct, frozen=True, omit_defaults=True):
    """Body of ``POST /v1/storage/search``; filters are ANDed, within a list ORed.

    Args:
        count: Page size.
        after_index: Return what comes after this index; `QueryResponse.last_index` of the page before.
        plain: An expression over plain values, see `eq`.
    """

    count: int | None = None
    after_index: int | float | None = None
    include_data: bool | None = None
    writer_ids: list[str] | None = None
    user_ids: list[str] | None = None
    record_ids: list[str] | None = None
    content_types: list[str] | None = None
    plain: dict[str, Any] | None = None
    include_all_writers: bool | None = None


class QueryResponse(msgspec.Struct, frozen=True):
    """Its answer. An empty page is the end; `last_index` then echoes the request."""

    results: list[Result] | None
    last_index: int | float = 0


def eq(name: str, value: str) -> dict[str, Any]:
    """Match records whose plain member *name* is exactly *value*."""
    return {"eq": {"name": name, "value": value}}


def any_of(expressions: list[dict[str, Any]]) -> dict[str, Any]:
    """Match records that match one of *expressions*."""
    return expressions[0] if len(expressions) == 1 else {"or": expressions}
