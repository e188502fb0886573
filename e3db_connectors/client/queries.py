"""Finding records: the v1 query and the v2 search, a page at a time or through all pages."""

from __future__ import annotations

from dataclasses import dataclass, field
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import msgspec

from e3db_connectors.client.arguments import ALL_WRITERS, Texts, texts
from e3db_connectors.client.core import ClientCore
from e3db_connectors.client.search import SearchPage
from e3db_connectors.errors import InvalidRequest, ReplyTooLarge, ResponseInvalid, UsageError, WindowExceeded
from e3db_connectors.wire import limits, paths
from e3db_connectors.wire.queries import QueryRequest, QueryResponse
from e3db_connectors.wire.search import SearchRequest, SearchResponse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping

    from e3db_connectors.client.search import Search
    from e3db_connectors.wire.records import Record, Result


@dataclass(frozen=True)
class QueryPage:
    """One page of a v1 query.

    Args:
        after_index: What `query` takes as `last_index` to go on. An empty page is the end.
    """

    records: list[Record] = field(repr=False)
    after_index: int | float

    def __iter__(self) -> Iterator[Record]:
        """The records."""
        return iter(self.records)

    def __len__(self) -> int:
        """How many there are on this page."""
        return len(self.records)


class QueryOperations(ClientCore):
    """Two ways to find records.

    `query` is immediately consistent and has no limit, but knows only exact values. `search` knows patterns, ranges of time and
    totals; the hosted service's index lags behind by seconds, and results beyond 10,000 cannot be fetched.
    """

    def query(self, *, page_size: int = limits.PAGE_DEFAULT_CLIENT, last_index: float = 0, **filters: Any) -> QueryPage:
        """Run a v1 query: one page.

        Args:
            page_size: Records a page, 1 to 1,000.
            last_index: Where to go on: `QueryPage.after_index` of the page before.
            filters: See `_request`.
        """
        request = msgspec.structs.replace(_request(**filters), count=_page_size(page_size), after_index=last_index)
        page = self._query(request)
        return QueryPage([self.open(result) for result in page.results or ()], page.last_index)

    def query_all(self, *, page_size: int = limits.PAGE_MAX, **filters: Any) -> Iterator[Record]:
        """Run a v1 query through all its pages; takes what `query` takes, but `last_index`."""
        request = msgspec.structs.replace(_request(**filters), count=_page_size(page_size))
        for page in self.query_pages(request):
            for result in page:
                yield self.open(result)

    def query_pages(self, request: QueryRequest) -> Iterator[list[Result]]:
        """Run a v1 query through all its pages, still sealed. Of large records fewer come at a time."""
        after, count = request.after_index or 0, request.count or limits.PAGE_MAX
        while True:
            try:
                page = self._query(msgspec.structs.replace(request, count=count, after_index=after))
            except ReplyTooLarge:
                if count == 1:
                    raise
                count //= 2
                continue
            if not page.results:
                return
            yield page.results
            if page.last_index == after:
                raise ResponseInvalid("the server's query pages do not move on")
            after = page.last_index

    def search(self, search: Search) -> SearchPage:
        """Run a v2 search: one page."""
        page = self.search_page(search.to_request())
        records = [self.open(result) for result in page.results or ()]
        return SearchPage(records, page.last_index, page.total_results, page.search_id)

    def search_all(self, search: Search) -> Iterator[Record]:
        """Run a v2 search through all its pages, from the search's `next_token` on.

        Pages are fetched one after the other: a record that is changed or deleted meanwhile can make another be skipped.
        `query_all` does not have this weakness, nor has the sync engine.

        Raises:
            WindowExceeded: There are 10,000 results or more, beyond which none can be fetched. Raised before the first record.
        """
        request = search.to_request()
        while True:
            try:
                page = self.search_page(request)
            except ReplyTooLarge:
                if request.limit in {None, 1}:
                    raise
                request = msgspec.structs.replace(request, limit=(request.limit or 0) // 2)
                continue
            if page.total_results >= limits.SEARCH_WINDOW:
                raise WindowExceeded(
                    f"the search finds {page.total_results} records and only the first {limits.SEARCH_WINDOW} can be fetched; "
                    "search by ranges of time, or use query_all",
                )
            for result in page.results or ():
                yield self.open(result)
            if not page.last_index:
                return
            if page.last_index <= (request.next_token or 0):
                raise ResponseInvalid("the server's search pages do not move on")
            request = msgspec.structs.replace(request, next_token=page.last_index)

    def search_page(self, request: SearchRequest) -> SearchResponse:
        """Run a v2 search: one page, still sealed.

        Raises:
            ReplyTooLarge: Of such large records the server does not put so many on a page, or a client does not take them.
        """
        try:
            return self._api.post(paths.SEARCH, request, SearchResponse, repeatable=True)
        except InvalidRequest as exc:
            if exc.status != HTTPStatus.REQUEST_ENTITY_TOO_LARGE:
                raise
            raise ReplyTooLarge(str(exc)) from None

    def open(self, result: Result, fields: Collection[str] | None = None) -> Record:
        """Decrypt a result.

        Args:
            result: As it came from a page.
            fields: Names to decrypt; others are left out unopened. None: all.

        Raises:
            IntegrityError: A value is not what its writer sealed.
            AccessKeyMissing: It has not been shared with us.
        """
        return self._cipher.open(result, fields)

    def _query(self, request: QueryRequest) -> QueryResponse:
        return self._api.post(paths.QUERY, request, QueryResponse, repeatable=True)


def _request(
    *,
    data: bool = True,
    writer: Texts = None,
    user: Texts = None,
    record: Texts = None,
    record_type: Texts = None,
    plain: Mapping[str, Any] | None = None,
) -> QueryRequest:
    """What a v1 query looks for; filters are ANDed, the values of one are ORed.

    Args:
        data: Return and decrypt the data, too.
        writer: Ids of writers; ``"all"``: ours and everybody's who shares with us. Without it, our own records.
        user: Ids of users.
        record: Ids of records.
        record_type: Types.
        plain: An expression over plain members: ``{"eq": {"name": ..., "value": ...}}``, ``and``, ``or``, ``not``.
    """
    everyone = writer == ALL_WRITERS
    return QueryRequest(
        include_data=data,
        include_all_writers=everyone,
        writer_ids=[] if everyone else texts(writer),
        user_ids=texts(user),
        record_ids=texts(record),
        content_types=texts(record_type),
        plain=dict(plain) if plain else None,
    )


def _page_size(size: int) -> int:
    if not 1 <= size <= limits.PAGE_MAX:
        raise UsageError(f"a page has 1 to {limits.PAGE_MAX} records")
    return size
