"""What the engine asks of a server: a client, or a model of one in tests."""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Final, NamedTuple, Protocol

from e3db_connectors.errors import NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator
    from datetime import datetime

    from e3db_connectors.client import Client
    from e3db_connectors.wire.queries import QueryRequest
    from e3db_connectors.wire.records import Result
    from e3db_connectors.wire.search import SearchRequest, SearchResponse


class Grant(NamedTuple):
    """A share, so that it can be told from a later one of the same.

    Args:
        mark: Another grant has another mark.
        firm: That is certain; otherwise it holds only if the sealed key was taken back with the share before.
    """

    mark: str
    firm: bool = True


OWN: Final = Grant("own")
"""What the reader has written itself it can always read."""


class Source(Protocol):
    """Where records are read from; several threads may search at a time."""

    @property
    def client_id(self) -> str:
        """Who reads."""

    def search(self, request: SearchRequest) -> SearchResponse:
        """One page of a v2 search."""

    def query_pages(self, request: QueryRequest) -> Iterator[list[Result]]:
        """All pages of a v1 query."""

    def shares(self, record_type: str, *, thorough: bool) -> dict[str, Grant]:
        """Writers who share this type with the reader, and the grants.

        Args:
            record_type: The type.
            thorough: Ask anew also for marks that cost a request each.
        """

    def server_time(self) -> datetime:
        """The server's clock."""


class ClientSource:
    """A client as a source."""

    def __init__(self, client: Client) -> None:
        """Ask through *client*."""
        self._client = client
        self._key_marks: dict[str, str] = {}

    @property
    def client_id(self) -> str:
        """The client's id."""
        return self._client.client_id

    def search(self, request: SearchRequest) -> SearchResponse:
        """One page of a v2 search."""
        return self._client.search_page(request)

    def query_pages(self, request: QueryRequest) -> Iterator[list[Result]]:
        """All pages of a v1 query."""
        return self._client.query_pages(request)

    def server_time(self) -> datetime:
        """The server's clock, in whole seconds."""
        return self._client.server_time()

    def shares(self, record_type: str, *, thorough: bool) -> dict[str, Grant]:
        """The mark is the time of the grant, where the server tells it, else a hash of the reader's sealed key: a new grant seals it anew."""
        found = {}
        for share in self._client.incoming_sharing():
            writer = share.writer_id
            if share.record_type == record_type and writer != self.client_id:
                if share.granted:
                    found[writer] = Grant(share.granted)
                elif mark := self._key_mark(writer, record_type, thorough=thorough):
                    found[writer] = Grant(mark, firm=False)
        return found

    def _key_mark(self, writer_id: str, record_type: str, *, thorough: bool) -> str:
        if thorough or writer_id not in self._key_marks:
            try:
                sealed = self._client.sealed_key_of(writer_id, record_type)
            except NotFound:  # the share went between the two requests
                self._key_marks.pop(writer_id, None)
                return ""
            self._key_marks[writer_id] = blake2b(sealed.encode()).hexdigest()[:16]
        return self._key_marks[writer_id]
