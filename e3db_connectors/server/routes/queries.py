"""Query v1 and search v2 (protocol sections 10 and 11)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec

from e3db_connectors.errors import InvalidTime
from e3db_connectors.server import access
from e3db_connectors.server.http import Incoming, page_of, reply
from e3db_connectors.server.problem import Problem
from e3db_connectors.server.store import access_keys, queries
from e3db_connectors.server.store.lag import LaggingIndex
from e3db_connectors.wire import limits
from e3db_connectors.wire.queries import QueryRequest
from e3db_connectors.wire.search import SearchRequest

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import Connection
    from starlette.responses import Response

    from e3db_connectors.server.store.records import StoredRecord


_FAR_INDEX: Final = 2**62
"""Beyond every index that a record can have, and within the database's integers."""


def query(incoming: Incoming) -> Response:
    """Run a v1 query."""
    caller = incoming.caller()
    request = incoming.json(QueryRequest)
    count = request.count or limits.PAGE_DEFAULT_QUERY
    after = min(request.after_index or 0, _FAR_INDEX)
    if count < 0 or after < 0:
        raise Problem(400, "count and after_index must not be negative")
    with incoming.database.read() as connection:
        # Named writers are searched whatever `include_all_writers` says, as far as they have shared (section 10.1).
        writers = request.writer_ids or ()
        scope = access.scope(connection, caller, everyone=bool(request.include_all_writers), writer_ids=writers)
        rows = queries.query(connection, request, scope, min(count, limits.PAGE_MAX), int(after))
        results = results_of(connection, rows, caller, include_data=bool(request.include_data))
    return reply({"results": results, "last_index": rows[-1].seq if rows else int(after)})


def search(incoming: Incoming) -> Response:
    """Run a v2 search."""
    caller = incoming.caller()
    request = incoming.json(SearchRequest)
    limit, offset = page_of(request.limit, request.next_token)
    limit = min(limit, limits.SEARCH_WINDOW - offset)
    try:
        with incoming.database.read() as connection:
            scope = access.scope(connection, caller, everyone=bool(request.include_all_writers))
            found = queries.search(connection, request, scope, limit, offset, _index(incoming, connection))
            results = results_of(connection, found.rows, caller, include_data=bool(request.include_data))
    except InvalidTime as exc:
        raise Problem(400, str(exc)) from None
    more = found.end < min(found.total, limits.SEARCH_WINDOW)
    return reply(
        {"results": results, "last_index": found.end if more else 0, "total_results": found.total, "search_id": ""},
    )


def _index(incoming: Incoming, connection: Connection) -> LaggingIndex | None:
    """The search index; None if it keeps up."""
    delay = incoming.settings.index_delay
    return LaggingIndex(connection, incoming.database.clock.now(), delay) if delay.longest else None


def results_of(connection: Connection, rows: Sequence[StoredRecord], caller: str, *, include_data: bool) -> list[dict[str, Any]]:
    """Records as entries of a page, with the access keys that the caller has for them."""
    keys = access_keys.find(connection, {row.owner for row in rows}, caller) if include_data else {}
    return [
        {
            "meta": row.meta(),
            "record_data": msgspec.Raw(row.data.encode()) if include_data else None,
            "access_key": keys.get(row.owner),
            "rec_sig": row.rec_sig,
        }
        for row in rows
    ]
