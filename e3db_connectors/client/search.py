"""Building v2 searches (protocol section 11)."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from e3db_connectors.client.arguments import Texts, texts
from e3db_connectors.client.instants import instant
from e3db_connectors.client.original.search import OriginalSearch
from e3db_connectors.errors import UsageError
from e3db_connectors.wire import limits, times
from e3db_connectors.wire.search import Condition, Order, Params, Range, RangeKey, SearchRequest, SortOrder, Strategy, Terms

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from datetime import datetime

    from e3db_connectors.wire.records import Record


class Search(OriginalSearch):
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

    def range(
        self,
        *,
        key: str = RangeKey.CREATED,
        start: datetime | float | None = None,
        end: datetime | float | None = None,
        zone: str | None = None,
        zone_offset: str | int | None = None,
    ) -> Self:
        """Find what was created or modified in ``[start, end)``.

        Args:
            key: ``CREATED`` or ``MODIFIED``.
            start: A datetime or seconds since the epoch; None: open.
            end: Likewise.
            zone: What datetimes without a zone are in: ``PST``, ``MST``, ``CST``, ``EST`` or ``UTC`` (the default).
            zone_offset: The same as an offset, ``-07:00`` or in whole hours; it goes before *zone*.

        Raises:
            InvalidTime: A time, zone or offset is none.
        """
        if key not in RangeKey.__members__:
            raise UsageError(f"key must be one of {', '.join(RangeKey)}")

        def bound(moment: datetime | float | None) -> str | None:
            return None if moment is None else times.render(instant(moment, zone=zone, zone_offset=zone_offset))

        self._range = Range(range_key=RangeKey(key), after=bound(start), before=bound(end))
        return self

    def order(self, order: str) -> Self:
        """Sort by the range's time, ``ASCENDING`` (the default) or ``DESCENDING``."""
        if order not in SortOrder.__members__:
            raise UsageError(f"order must be one of {', '.join(SortOrder)}")
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
    condition: str = Condition.OR,
    strategy: str = Strategy.EXACT,
    record_types: Texts = None,
    writers: Texts = None,
    users: Texts = None,
    records: Texts = None,
    keys: Texts = None,
    values: Texts = None,
    plain: Mapping[str, str] | None = None,
) -> Params:
    """Terms of one `match` or `exclude`; a list may be a single value.

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
    if condition not in Condition.__members__ or strategy not in Strategy.__members__:
        raise UsageError(f"condition must be one of {', '.join(Condition)}, strategy one of {', '.join(Strategy)}")
    terms = Terms(
        content_types=texts(record_types),
        writer_ids=texts(writers),
        user_ids=texts(users),
        record_ids=texts(records),
        keys=texts(keys),
        values=texts(values),
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
