"""Looking for the records of keys (design section 4.7): by the v1 query, which is immediately consistent."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from e3db_connectors.errors import InvalidRequest, ResponseInvalid
from e3db_connectors.sync.keys import ROW_KEY
from e3db_connectors.wire import limits, times
from e3db_connectors.wire.queries import QueryRequest, any_of, eq

if TYPE_CHECKING:
    from collections.abc import Sequence
    from datetime import datetime

    from e3db_connectors.client import Client
    from e3db_connectors.sync.keys import RowKey
    from e3db_connectors.wire.records import Result

SIZE: Final = 250
"""Keys that one query looks for."""

_BAD_REQUEST: Final = 400
_log = logging.getLogger(__name__)


class Lookup:
    """Finds the records of keys of one type, still sealed.

    Args:
        client: Whose records they are.
        record_type: Their type.
        workers: Queries under way at once, if they have to go one by one.
    """

    def __init__(self, client: Client, record_type: str, workers: int) -> None:
        """Nothing is sent yet."""
        self._client, self._record_type, self._workers = client, record_type, workers
        self._singly = False

    def find(self, keys: Sequence[RowKey], *, data: bool = True) -> dict[str, list[Result]]:
        """The records of each key, by its index, the one that stays first; keys without a record are missing."""
        wanted = {index: key.index for key in keys for index in key.all}
        found: dict[str, dict[str, Result]] = {}
        for result in self._results(list(wanted), data=data) if wanted else ():
            index = wanted.get((result.meta.plain or {}).get(ROW_KEY, ""))
            if index is not None:
                found.setdefault(index, {})[result.meta.record_id] = result
        return {index: _by_seniority(results) for index, results in found.items()}

    def find_created(self, keys: Sequence[RowKey]) -> dict[str, list[Result]]:
        """The records of keys that have one for sure, without data.

        A server that does not find what it has just stored does not answer queries for several keys as it should; from then on
        each key is asked for by itself.
        """
        found = self.find(keys, data=False)
        missing = [key for key in keys if key.index not in found]
        if missing and not self._singly and self._query(eq(ROW_KEY, missing[0].index), data=False):
            self._ask_singly()
            return self.find(keys, data=False)
        return found

    def _results(self, indexes: list[str], *, data: bool) -> list[Result]:
        if not self._singly and len(indexes) > 1:
            try:
                return self._query(any_of([eq(ROW_KEY, index) for index in indexes]), data=data)
            except InvalidRequest as exc:
                if exc.status != _BAD_REQUEST:
                    raise
            except ResponseInvalid:  # larger than a reply may be, if the rows are large
                half = len(indexes) // 2
                return [*self._results(indexes[:half], data=data), *self._results(indexes[half:], data=data)]
            self._ask_singly()
        return self._one_by_one(indexes, data=data)

    def _one_by_one(self, indexes: list[str], *, data: bool) -> list[Result]:
        if len(indexes) == 1:
            return self._query(eq(ROW_KEY, indexes[0]), data=data)
        with ThreadPoolExecutor(min(self._workers, len(indexes)), "e3db-lookup") as pool:
            pages = pool.map(lambda index: self._query(eq(ROW_KEY, index), data=data), indexes)
            return [result for page in pages for result in page]

    def _query(self, expression: dict[str, object], *, data: bool) -> list[Result]:
        request = QueryRequest(
            count=limits.PAGE_MAX,
            include_data=data,
            writer_ids=[self._client.client_id],
            content_types=[self._record_type],
            plain=expression,
        )
        return [result for page in self._client.query_pages(request) for result in page]

    def _ask_singly(self) -> None:
        _log.warning("the server does not take queries for several keys of %s at once; each is asked for by itself", self._record_type)
        self._singly = True


def _by_seniority(results: dict[str, Result]) -> list[Result]:
    return list(results.values()) if len(results) == 1 else sorted(results.values(), key=seniority)


def seniority(result: Result) -> tuple[datetime, str]:
    """Of several records of one key, the one stays for which this is the smallest."""
    return times.parse(result.meta.created), result.meta.record_id
