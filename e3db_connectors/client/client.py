"""The client: everything that a program does with E3DB, in clear on this side and sealed on the other."""

from __future__ import annotations

from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Any, Self

import msgspec

from e3db_connectors.client import credentials
from e3db_connectors.client.access_keys import AccessKeys
from e3db_connectors.client.api import Api
from e3db_connectors.client.auth import TokenSource
from e3db_connectors.client.config import Config
from e3db_connectors.client.registration import register
from e3db_connectors.client.search import Search, SearchPage
from e3db_connectors.client.transport import Call, Transport
from e3db_connectors.crypto.fields import open_field, seal_field
from e3db_connectors.crypto.sodium import SodiumSuite
from e3db_connectors.errors import ConfigError, IntegrityError, ResponseInvalid, UsageError
from e3db_connectors.wire import limits, paths
from e3db_connectors.wire.accounts import ClientInfo
from e3db_connectors.wire.queries import QueryRequest, QueryResponse
from e3db_connectors.wire.records import EncryptedRecord, Meta, Record, Result
from e3db_connectors.wire.search import SearchRequest, SearchResponse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from datetime import datetime


class Client(AbstractContextManager["Client"]):
    """An E3DB client; several threads may share one.

    Args:
        config: Its credentials, as `Config` or as the mapping that a `Config` returns when called.
            Without it they come from the environment or the profile file.

    Raises:
        ConfigError: If there are none, or the two encryption keys do not belong together.
    """

    register = staticmethod(register)

    def __init__(self, config: Config | Mapping[str, Any] | None = None) -> None:
        """Prepare everything; the first request is sent at first use."""
        if config is None:
            config = credentials.resolve()
        self.config = config if isinstance(config, Config) else Config.from_mapping(config)
        self._suite = SodiumSuite()
        if self._suite.public_key_of(self.config.private_key) != self.config.public_key:
            raise ConfigError("public_key and private_key do not belong together")
        transport = Transport(self.config.api_url)
        self._api = Api(transport, TokenSource(transport, self.config.api_key_id, self.config.api_secret))
        self._keys = AccessKeys(self._api, self.config, self._suite)

    @property
    def client_id(self) -> str:
        """This client's id."""
        return self.config.client_id

    @property
    def private_key_bytes(self) -> bytes:
        """The raw private key, to derive other keys of this client from."""
        from e3db_connectors.crypto import encoding

        return encoding.decode(self.config.private_key, what="private key")

    def close(self) -> None:
        """Forget all access keys and close the connections."""
        self._keys.forget()
        self._api.close()

    def __enter__(self) -> Self:
        """Return the client itself."""
        return self

    def __exit__(self, *exc: object) -> None:
        """Close."""
        self.close()

    def __repr__(self) -> str:
        """Who and where; no keys."""
        return f"Client(client_id={self.client_id!r}, api_url={self.config.api_url!r})"

    def client_info(self, client_id: str) -> ClientInfo:
        """What is public of a client."""
        return self._api.get(paths.client(client_id), ClientInfo)

    def server_time(self) -> datetime:
        """The server's clock, in whole seconds (its ``Date`` header).

        Raises:
            ResponseInvalid: The server tells no time.
        """
        reply = self._api.send(Call("GET", paths.client(self.client_id)))
        if reply.date is None:
            raise ResponseInvalid("the server's replies carry no Date header, which incremental reads go by")
        return reply.date

    # Records

    def write(self, record_type: str, data: Mapping[str, str], plain: Mapping[str, str] | None = None) -> Record:
        """Create a record.

        Args:
            record_type: Its type.
            data: Values to encrypt, by name. The names stay clear.
            plain: Values to leave clear, searchable by the server.

        Raises:
            OutcomeUnknown: No answer came; the record may exist or not.
        """
        _require_text(data, "data")
        _require_text(plain or {}, "plain")
        meta = Meta(self.client_id, self.client_id, record_type, dict(plain or {}))
        body = EncryptedRecord(meta, self._seal(record_type, data))
        stored = self._api.post(paths.RECORDS, body, EncryptedRecord, repeatable=False)
        return Record(stored.meta, dict(data))

    def read(self, record_id: str) -> Record:
        """Read and decrypt one record."""
        stored = self._api.get(paths.record(record_id), EncryptedRecord)
        return self.open(Result(stored.meta, stored.data))

    def update(self, record: Record) -> Record:
        """Replace data and plain of a record at the version that *record* has.

        Raises:
            Conflict: It has been changed since.
        """
        _require_text(record.data, "data")
        meta = record.meta
        body = EncryptedRecord(
            Meta(meta.writer_id, meta.user_id, meta.record_type, meta.plain),
            self._seal(meta.record_type, record.data),
        )
        stored = self._api.put(paths.record_version(meta.record_id, meta.version), body, EncryptedRecord)
        return Record(stored.meta, dict(record.data))

    def delete(self, record_id: str, version: str) -> None:
        """Delete a record at a version.

        Raises:
            Conflict: It has been changed since.
        """
        self._api.delete(paths.record_version(record_id, version))

    # Query and search

    def query(self, request: QueryRequest) -> Iterator[Record]:
        """Run a v1 query through all its pages; data is decrypted if the request includes it."""
        for page in self.query_pages(request):
            for result in page:
                yield self.open(result)

    def query_pages(self, request: QueryRequest) -> Iterator[list[Result]]:
        """Run a v1 query through all its pages, still sealed."""
        after = request.after_index or 0
        while True:
            body = msgspec.structs.replace(request, count=request.count or limits.PAGE_MAX, after_index=after)
            page = self._api.post(paths.QUERY, body, QueryResponse, repeatable=True)
            if not page.results:
                return
            yield page.results
            if page.last_index == after:
                raise ResponseInvalid("the server's query pages do not move on")
            after = page.last_index

    def search(self, search: Search) -> SearchPage:
        """Run a v2 search: one page."""
        page = self.search_page(search.to_request())
        return SearchPage([self.open(result) for result in page.results or ()], page.last_index, page.total_results)

    def search_page(self, request: SearchRequest) -> SearchResponse:
        """Run a v2 search: one page, still sealed."""
        return self._api.post(paths.SEARCH, request, SearchResponse, repeatable=True)

    def open(self, result: Result, fields: Collection[str] | None = None) -> Record:
        """Decrypt a result.

        Args:
            result: As it came from a page.
            fields: Names to decrypt; others are left out unopened. None: all.

        Raises:
            IntegrityError: A value is not what its writer sealed.
        """
        sealed = result.record_data or {}
        chosen = sealed if fields is None else {name: quad for name, quad in sealed.items() if name in fields}
        if not chosen:
            return Record(result.meta, {})
        key = self._keys.for_reading(result.meta, result.access_key)
        return Record(result.meta, {name: self._open_field(result.meta, name, quad, key) for name, quad in chosen.items()})

    def _open_field(self, meta: Meta, name: str, quad: str, key: bytes) -> str:
        try:
            return open_field(self._suite, key, quad)
        except IntegrityError as exc:
            raise type(exc)(f"field {name} of record {meta.record_id}: {exc}") from None

    def _seal(self, record_type: str, data: Mapping[str, str]) -> dict[str, str]:
        key = self._keys.for_writing(record_type)
        return {name: seal_field(self._suite, key, text) for name, text in data.items()}


def _require_text(values: Mapping[Any, Any], what: str) -> None:
    for name, value in values.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise UsageError(f"{what} maps text to text; the value of {name!r} is {type(value).__name__}")
        try:
            (name + value).encode()
        except UnicodeEncodeError:
            raise UsageError(f"{what}: the value of {name!r} holds half a character (a lone surrogate)") from None
