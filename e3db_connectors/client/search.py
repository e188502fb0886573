"""Building v2 searches (protocol section 11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from e3db_connectors.errors import UsageError
from e3db_connectors.wire import limits, times
from e3db_connectors.wire.search import Order, Params, Range, RangeKey, SearchRequest, SortOrder, Terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from datetime import datetime

    from e3db_connectors.wire.records import Record


class Search:
    """A search: several `match` are ORed, several `exclude` are ORed, and exclude wins.

    Args:
        include_data: Decrypt and return the data, too.
        include_all_writers: Also search what others have shared with this client.
        count: Results a page, 1 to 1,000.
        next_token: Where to go on: the page before's `next_token`.
    """

    def __init__(
        self,
        *,
        include_data: bool = False,
        include_all_writers: bool = False,
        count: int = limits.PAGE_DEFAULT_SEARCH,
        next_token: int = 0,
    ) -> None:
        """Start a search that finds everything in scope."""
        if not 1 <= count <= limits.PAGE_MAX:
            raise UsageError(f"count must be from 1 to {limits.PAGE_MAX}")
        self.include_data = include_data
        self.include_all_writers = include_all_writers
        self.count = count
        self.next_token = next_token
        self._match: list[Params] = []
        self._exclude: list[Params] = []
        self._range: Range | None = None
        self._order: Order | None = None

    def match(self, **terms: Any) -> Self:
        """Find what fits; see `_params` for the terms."""
        self._match.append(_params(**terms))
        return self

    def exclude(self, **terms: Any) -> Self:
        """Leave out what fits; see `_params` for the terms."""
        self._exclude.append(_params(**terms))
        return self

    def range(self, *, key: str = RangeKey.CREATED, start: datetime | None = None, end: datetime | None = None) -> Self:
        """Find what was created or modified in ``[start, end)``."""
        self._range = Range(
            range_key=RangeKey(key),
            after=times.render(start) if start else None,
            before=times.render(end) if end else None,
        )
        return self

    def order(self, order: str) -> Self:
        """Sort by the range's time, ``ASCENDING`` (the default) or ``DESCENDING``."""
        self._order = Order(sort_order=SortOrder(order))
        return self

    def to_request(self) -> SearchRequest:
        """The body to send."""
        return SearchRequest(
            limit=self.count,
            next_token=self.next_token,
            include_data=self.include_data,
            include_all_writers=self.include_all_writers,
            match=self._match,
            exclude=self._exclude,
            range=self._range,
            order=self._order,
        )


def _params(  # noqa: PLR0913 - the protocol's terms
    *,
    condition: str = "OR",
    strategy: str = "EXACT",
    record_types: Sequence[str] = (),
    writers: Sequence[str] = (),
    users: Sequence[str] = (),
    records: Sequence[str] = (),
    keys: Sequence[str] = (),
    values: Sequence[str] = (),
    plain: Mapping[str, str] | None = None,
) -> Params:
    """Terms of one `match` or `exclude`.

    Args:
        condition: ``OR``: any term fits; ``AND``: all do.
        strategy: ``EXACT``, ``FUZZY``, ``WILDCARD`` or ``REGEXP``.
        record_types: Types.
        writers: Ids of writers.
        users: Ids of users.
        records: Ids of records.
        keys: Names of plain members.
        values: Values of plain members.
        plain: Names with their values.
    """
    terms = Terms(
        content_types=list(record_types),
        writer_ids=list(map(str, writers)),
        user_ids=list(map(str, users)),
        record_ids=list(map(str, records)),
        keys=list(keys),
        values=list(values),
        tags=dict(plain or {}),
    )
    return Params(terms=terms, condition=condition, strategy=strategy)


@dataclass(frozen=True)
class SearchPage:
    """One page of records.

    Args:
        next_token: Of the next page; 0 at the end.
        total_results: All that the search finds; 10,000 means *at least*, and results beyond that many cannot be fetched.
        search_id: As the server names the search, if it does.
    """

    records: list[Record] = field(repr=False)
    next_token: int
    total_results: int
    search_id: str = ""

    def __iter__(self) -> Iterator[Record]:
        """The records."""
        return iter(self.records)

    def __len__(self) -> int:
        """How many there are on this page."""
        return len(self.records)
