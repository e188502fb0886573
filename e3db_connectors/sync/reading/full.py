"""Reading all there is by the v1 query, which is immediately consistent and has no limit (design section 4.5).

A deleted record leaves no trace in a search. It is found by what is missing from the live ids, and it counts as deleted only when a
query for it finds nothing although its writer can still be read: otherwise it may be the access that has gone.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from e3db_connectors.errors import E3DBError
from e3db_connectors.sync.reading.ahead import Threads
from e3db_connectors.sync.reading.writers import Writers, named
from e3db_connectors.wire import limits
from e3db_connectors.wire.queries import QueryRequest

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence

    from e3db_connectors.sync.reading.source import Source
    from e3db_connectors.wire.records import Meta, Result

_AHEAD: Final = 2


class FullRead:
    """Reads all records of a type.

    Args:
        source: Where from.
        record_type: The type.
        all_writers: Also what others share.
        writer_ids: Only what these have written, which may be others; None: no such limit.
        include_data: The sealed data, too.
        page_size: Records of a request.
        opener: What is made of each record.
        on_failure: As of `Engine`.
        count: Told of ``rows``.
    """

    def __init__(  # noqa: PLR0913 - the parts of a read
        self,
        source: Source,
        record_type: str,
        *,
        all_writers: bool = False,
        writer_ids: Collection[str] | None = None,
        include_data: bool = True,
        page_size: int = limits.PAGE_MAX,
        opener: Callable[[Result], Any] = lambda result: result,
        on_failure: Callable[[Meta, E3DBError], None] | None = None,
        count: Callable[..., None] = lambda **_amounts: None,
    ) -> None:
        """Prepare; nothing is read yet."""
        self._source, self._opener, self._on_failure, self._count = source, opener, on_failure, count
        self._record_type, self._all_writers = record_type, all_writers or writer_ids is not None
        self._writer_ids = named(writer_ids)
        self._request = QueryRequest(
            count=page_size,
            content_types=[record_type],
            include_data=include_data,
            include_all_writers=all_writers and writer_ids is None,
            writer_ids=None if self._writer_ids is None else list(self._writer_ids),
        )
        self._whole = False
        self._skipped: Counter[str] = Counter()

    @property
    def is_whole(self) -> bool:
        """Whether everything that there was has been given out: nothing skipped, and no writer's access gone meanwhile.

        What a warehouse has beside that is then out of date.
        """
        return self._whole and not self._skipped

    def pages(self) -> Iterator[list[Any]]:
        """Read; the next page is fetched while one is opened."""
        writers = Writers(self._source, self._record_type, None, all_writers=self._all_writers, writer_ids=self._writer_ids)
        pages = self._source.query_pages(self._request)
        with Threads(_AHEAD) as threads:
            landing = threads.launch(partial(next, pages, None))
            while (page := landing()) is not None:
                landing = threads.launch(partial(next, pages, None))
                yield self._open(page)
        writers.check(thorough=True)
        self._whole = not writers.lost

    def _open(self, page: list[Result]) -> list[Any]:
        rows = _opened(page, self._opener, self._failed)
        self._count(rows=len(rows))
        return rows

    def _failed(self, meta: Meta, error: E3DBError) -> None:
        if self._on_failure is None:
            raise error
        self._on_failure(meta, error)
        self._skipped[type(error).__name__] += 1


class NamedRead:
    """Reads the records of some ids and one type, as far as they are there and readable, whoever has written them.

    Args:
        source: Where from.
        record_type: The type.
        ids: The ids; each is read once.
        opener: What is made of each record.
        on_failure: Told of records that the opener raised an error for; whether they may be left out is for it to say.
        count: Told of ``rows``.
    """

    def __init__(
        self,
        source: Source,
        record_type: str,
        ids: Iterable[str],
        *,
        opener: Callable[[Result], Any],
        on_failure: Callable[[Meta, E3DBError], None],
        count: Callable[..., None] = lambda **_amounts: None,
    ) -> None:
        """Prepare; nothing is read yet."""
        self._source, self._record_type, self._ids = source, record_type, list(dict.fromkeys(ids))
        self._opener, self._on_failure, self._count = opener, on_failure, count
        self.missing = len(self._ids)
        """Of how many ids no record has been met."""

    def pages(self) -> Iterator[list[Any]]:
        """Read."""
        for page in read_by_id(self._source, self._record_type, self._ids):
            self.missing -= len(page)
            rows = _opened(page, self._opener, self._on_failure)
            self._count(rows=len(rows))
            yield rows


def _opened(page: list[Result], opener: Callable[[Result], Any], failed: Callable[[Meta, E3DBError], None]) -> list[Any]:
    rows = []
    for result in page:
        try:
            rows.append(opener(result))
        except E3DBError as exc:
            failed(result.meta, exc)
    return rows


def live_versions(source: Source, record_type: str, *, all_writers: bool = False) -> Iterator[list[tuple[str, str]]]:
    """Id and version of every record that there is; nothing is decrypted, nor even fetched."""
    request = QueryRequest(count=limits.PAGE_MAX, content_types=[record_type], include_all_writers=all_writers)
    for page in source.query_pages(request):
        yield [(result.meta.record_id, result.meta.version) for result in page]


def read_by_id(source: Source, record_type: str, ids: Iterable[str]) -> Iterator[list[Result]]:
    """The records of these ids, as far as they are there and readable."""
    for batch in _batches(list(ids)):
        yield from source.query_pages(
            QueryRequest(content_types=[record_type], record_ids=list(batch), include_all_writers=True, include_data=True)
        )


@dataclass(frozen=True)
class Missing:
    """What has become of records that a warehouse has and a read did not find.

    Args:
        deleted: They have been deleted.
        lost: Their writers cannot be read any more, or not without a break; they may be there.
        present: They are there.
    """

    deleted: frozenset[str]
    lost: frozenset[str]
    present: frozenset[str]


def look_for(source: Source, record_type: str, missing: Mapping[str, str]) -> Missing:
    """Find out what has become of records.

    Args:
        source: Where to look.
        record_type: Their type.
        missing: The writer of each record, by its id.
    """
    writers = Writers(source, record_type, None, all_writers=True)
    present: set[str] = set()
    for batch in _batches(list(missing)):
        request = QueryRequest(content_types=[record_type], record_ids=list(batch), include_all_writers=True)
        for page in source.query_pages(request):
            present.update(result.meta.record_id for result in page)
    writers.check(thorough=True)  # who could be read before and after could be read meanwhile
    readable = set(writers.known)
    gone = missing.keys() - present
    deleted = frozenset(record_id for record_id in gone if missing[record_id] in readable)
    return Missing(deleted, frozenset(gone - deleted), frozenset(present & missing.keys()))


def _batches(items: Sequence[str]) -> Iterator[Sequence[str]]:
    for at in range(0, len(items), limits.PAGE_MAX):
        yield items[at : at + limits.PAGE_MAX]
