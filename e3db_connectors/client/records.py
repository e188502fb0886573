"""Records: written, read, changed, deleted, and found."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

import msgspec

from e3db_connectors.client import decoding
from e3db_connectors.client.core import ClientCore
from e3db_connectors.client.search import Search, SearchPage
from e3db_connectors.client.transport import Call
from e3db_connectors.crypto.fast_fields import FieldOpener
from e3db_connectors.crypto.fields import seal_field
from e3db_connectors.errors import IntegrityError, ResponseInvalid, UsageError
from e3db_connectors.wire import limits, paths
from e3db_connectors.wire.queries import QueryRequest, QueryResponse
from e3db_connectors.wire.records import (
    BatchGet,
    BatchGetResult,
    BulkDelete,
    BulkDeleteResult,
    EncryptedRecord,
    Meta,
    Record,
    Result,
    to_bytes,
)
from e3db_connectors.wire.search import SearchRequest, SearchResponse

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping


class RecordOperations(ClientCore):
    """Everything on records, in clear on this side and sealed on the other."""

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

    def read(self, record_id: str, fields: Collection[str] | None = None) -> Record:
        """Read and decrypt one record.

        Args:
            record_id: Its id.
            fields: Names of the fields to fetch and decrypt; None: all.
        """
        path = paths.record(str(record_id))
        if fields is not None:
            path += "?" + urlencode([("field", name) for name in fields])
        stored = self._api.get(path, EncryptedRecord)
        return self.open(Result(stored.meta, stored.data), fields)

    def read_batch(self, record_ids: Iterable[str], *, include_data: bool = True) -> list[Record]:
        """Read up to 1,000 records in one request; those that are unknown or not for us are left out."""
        body = BatchGet([str(record_id) for record_id in record_ids], include_data)
        if len(body.record_ids) > limits.PAGE_MAX:
            raise UsageError(f"a batch may name {limits.PAGE_MAX} records")
        call = Call("GET", paths.RECORDS, to_bytes(body))
        return [self.open(result) for result in decoding.decode(self._api.send(call).body, BatchGetResult, call).records]

    def delete_batch(self, record_ids: Iterable[str]) -> dict[str, str]:
        """Delete records whatever their version, in one signed request.

        Returns:
            What was not deleted, and why.
        """
        call = Call("DELETE", paths.BULK_DELETE, to_bytes(BulkDelete([str(record_id) for record_id in record_ids])))
        result = decoding.decode(self._api.send_signed(call, self._signed()).body, BulkDeleteResult, call)
        return {failed.record_id: failed.error for group in result.record_delete_error.values() for failed in group}

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
        key, opener = self._keys.for_reading(result.meta, result.access_key), self._opener()
        return Record(result.meta, {name: _open_field(opener, result.meta, name, quad, key) for name, quad in chosen.items()})

    def _opener(self) -> FieldOpener:
        """The opener of this thread."""
        opener: FieldOpener | None = getattr(self._local, "opener", None)
        if opener is None:
            opener = self._local.opener = FieldOpener(self._suite)
        return opener

    def _seal(self, record_type: str, data: Mapping[str, str]) -> dict[str, str]:
        key = self._keys.for_writing(record_type)
        return {name: seal_field(self._suite, key, text) for name, text in data.items()}


def _open_field(opener: FieldOpener, meta: Meta, name: str, quad: str, key: bytes) -> str:
    try:
        return opener.open(key, quad)
    except IntegrityError as exc:
        raise type(exc)(f"field {name} of record {meta.record_id}: {exc}") from None


def _require_text(values: Mapping[Any, Any], what: str) -> None:
    for name, value in values.items():
        if not isinstance(name, str) or not isinstance(value, str):
            raise UsageError(f"{what} maps text to text; the value of {name!r} is {type(value).__name__}")
        try:
            (name + value).encode()
        except UnicodeEncodeError:
            raise UsageError(f"{what}: the value of {name!r} holds half a character (a lone surrogate)") from None
